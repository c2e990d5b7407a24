//! The files of a result: plots that are images, a report that needs nothing else, nothing touched that was there.

use crate::program::Place;

/// Width and height of a PNG file that decodes.
fn decoded(bytes: &[u8]) -> (u32, u32) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert!(pixels.iter().any(|p| *p != pixels[0]), "a picture of something");
    (info.width, info.height)
}

#[test]
fn plots_are_images_and_the_report_loads_nothing() {
    let place = Place::new();
    assert_eq!(place.ntk("kernel --n 80 --model mlp:64-24x2-10:relu --out k").code, Some(0));
    for name in ["spectrum", "kernel"] {
        let (width, height) = decoded(&place.bytes(&format!("k/{name}.png")));
        assert!(width > 600 && height > 300, "{name}: {width} x {height}");
        let svg = String::from_utf8(place.bytes(&format!("k/{name}.svg"))).unwrap();
        assert!(svg.trim_start().starts_with("<svg") && svg.trim_end().ends_with("</svg>") && !svg.contains("NaN"));
        assert!(svg.len() < 1_000_000);
    }
    let html = String::from_utf8(place.bytes("k/report.html")).unwrap();
    for load in ["src=\"http", "src=\"/", "href=\"http", "url(http", "@import", "<script src", "<link"] {
        assert!(!html.contains(load), "{load}");
    }
    // Nothing but the names of XML's own vocabularies.
    for place in html.match_indices("http").map(|(at, _)| &html[at..(at + 30).min(html.len())]) {
        assert!(place.starts_with("http://www.w3.org/"), "{place}");
    }
    for word in ["mlp:64-24x2-10:relu", "digits", "effective rank", "ntk kernel --n 80"] {
        assert!(html.contains(word), "{word}");
    }
}

#[test]
fn markup_in_names_does_not_reach_the_report() {
    let place = Place::new();
    let evil = "<script>alert(1)</script>";
    place.write("t.csv", format!("1,2,{evil}\n2,3,y\n4,5,y\n3,3,{evil}\n"));
    assert_eq!(place.ntk("kernel --data csv:t.csv --out k --model mlp:2-8x1-1:relu").code, Some(0));
    for name in ["k/report.html", "k/kernel.svg"] {
        assert!(!String::from_utf8(place.bytes(name)).unwrap().contains("<script>alert"), "{name}");
    }
}

#[test]
fn a_folder_with_something_in_it_is_not_touched() {
    let place = Place::new();
    place.write("k/precious", "1");
    for words in ["kernel --n 5 --out k", "kernel --n 5 --out k/precious", "kernel --n 5 --out k/precious/below"] {
        let before = place.listing();
        let ran = place.ntk(words);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains("precious") || ran.err.contains("not empty"), "{}", ran.err);
        assert!(ran.err.contains("--out"), "{}", ran.err);
        assert_eq!(place.listing(), before);
    }
    // An empty one may be used, and one whose parents do not exist.
    std::fs::create_dir(place.path("empty")).unwrap();
    for out in ["empty", "new/below/it"] {
        assert_eq!(place.ntk(&format!("kernel --n 5 --no-report --out {out}")).code, Some(0));
        assert!(place.path(out).join("result.json").exists());
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_or_have_blanks_are_names() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let odd = [OsStr::from_bytes(b"a\xff b\n.npy"), OsStr::from_bytes(b"out\xff\n")];
    let data: Vec<f64> = (0..12).map(f64::from).collect();
    let made = place.write_npy("a.npy", &[3, 4], &data);
    std::fs::rename(made, place.path("").join(odd[0])).unwrap();
    let [model, x1, out] = ["--model", "--x1", "--out"].map(OsStr::new);
    let words = [OsStr::new("kernel"), model, OsStr::new("mlp:4-8x1-3:relu"), x1, odd[0], out, odd[1]];
    let ran = place.run(words);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(place.path("").join(odd[1]).join("kernel.npy").exists());
    // What is told of them stays on its line.
    assert!(ran.out.lines().next().unwrap().contains("n = 3"), "{}", ran.out);
    let long = "x".repeat(300);
    let ran = place.run(["kernel", "--n", "5", "--out", &long]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
}
