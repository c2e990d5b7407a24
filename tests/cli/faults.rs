//! Bad input: the exit code, a message that names the thing and the remedy, within a second, nothing written.

use std::time::Duration;

use ntk::array::Array;
use ntk::data::write_npz;

use crate::program::{Place, Ran, numbers};

/// A network for samples of four numbers.
const NET: &str = "--model mlp:4-8x1-3:relu";

/// Runs what must fail: with this code, these words in the message, a last line that is not empty, nothing new on disk.
fn refused(place: &Place, words: &str, code: i32, said: &[&str]) -> Ran {
    let before = place.listing();
    let ran = place.ntk(words);
    assert_eq!(ran.code, Some(code), "{words}: {}{}", ran.out, ran.err);
    assert_eq!(ran.out, "", "{words}");
    for word in said {
        assert!(ran.err.contains(word), "{words}: no {word:?} in {}", ran.err);
    }
    assert!(ran.err.starts_with("error: ") && !ran.err.contains("panicked"), "{}", ran.err);
    assert!(ran.took < Duration::from_secs(1), "{words}: {:?}", ran.took);
    assert_eq!(place.listing(), before, "{words}");
    ran
}

#[test]
fn mistyped_words_are_answered_with_what_was_meant() {
    let place = Place::new();
    for (words, said) in [
        ("kernal", "kernel"),
        ("kernel --dtpye f32", "--dtype"),
        ("kernel --outputs ful", "full"),
        ("kernel --method strutured", "structured"),
        ("kernel --spectrum ful", "full"),
        ("kernel --data digist", "digits"),
        ("kernel --data minst:x", "mnist"),
        ("kernel --model mpl:64-32x2-10:relu", "mlp"),
        ("kernel --model mlp:64-32x2-10:rellu", "relu"),
        ("kernel --model mlp:64-32x2-10:relu,parm=ntk", "param"),
        ("--n 20", "ntk kernel"),
    ] {
        let ran = refused(&place, words, 2, &[]);
        let last = ran.err.trim_end().rsplit(['\n', ';']).next().unwrap().to_owned();
        assert!(last.contains(said), "{words}: {}", ran.err);
    }
    place.write("net.toml", "input = [64]\nlayers = [ { kind = \"dense\", out = 10, wstd = 1.0 } ]\n");
    refused(&place, "kernel --model net.toml", 2, &["net.toml:2:40", "wstd", "^^^^", "W_std"]);
}

#[test]
fn numbers_out_of_range_are_named_with_their_range() {
    let place = Place::new();
    for (words, said) in [
        ("--n 0", "at least 1"),
        ("--n -3", "'-3'"),
        ("--n 1798", "1797"),
        ("--n 1000 --test 1000", "1797"),
        ("--seed -1", "from 0 to"),
        ("--seed 18446744073709551616", "18446744073709551615"),
        ("--seed 18446744073709551615 --seeds 2", "largest seed"),
        ("--seeds 0", "at least 1"),
        ("--repeat 0", "at least 1"),
        ("--threads 0", "at least 1"),
        ("--spectrum top:0", "at least 1"),
        ("--spectrum top:21 --n 20", "top:20"),
        ("--memory 12", "2GiB"),
        ("--classes 3", "at least two"),
        ("--classes 3,11", "11"),
        ("--classes 3,3", "twice"),
        ("--model mlp:64--3x2-10:relu", "negative"),
        ("--model mlp:64-0x2-10:relu", "a width is 0"),
        ("--model mlp:64-32x0-10:relu", "a depth is 0"),
        ("--model mlp:64-99999999999999999999x1-10:relu", "too large"),
        ("--model mlp:64-9x100000000-10:relu", "hidden layers"),
        ("--x1 a.npy --n 3 --model mlp:4-8x1-3:relu", "leave one of them out"),
        ("--weights w.npz", "--model"),
    ] {
        refused(&place, &format!("kernel {words} --out k"), 2, &[said]);
    }
    place.write_npy("k.npy", &[2, 2], &[2.0, 0.0, 0.0, 1.0]);
    refused(&place, "spectrum k.npy --spectrum top:3", 2, &["top:3", "write --spectrum full, or top:2"]);
    refused(&place, "spectrum k.npy --spectrum none", 2, &["nothing to do"]);
}

#[test]
fn more_threads_than_are_of_use_are_noted_and_change_nothing() {
    let place = Place::new();
    place.kernel("--n 20 --threads 1", "a");
    let ran = place.ntk("kernel --n 20 --threads 123456789 --out b --no-report");
    assert!(ran.code == Some(0) && ran.err.contains("123456789"), "{}", ran.err);
    assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
    assert!(place.bytes("a/kernel.npy") == place.bytes("b/kernel.npy"));
}

#[test]
fn shapes_that_do_not_fit_are_both_told() {
    let place = Place::new();
    place.write_npy("a.npy", &[6, 5], &numbers(30));
    place.write_npy("b.npy", &[6, 4], &numbers(24));
    place.write_npy("y5.npy", &[5], &numbers(5));
    place.write_npy("y2.npy", &[6, 2], &numbers(12));
    refused(&place, "kernel --model mlp:63-8x1-10:relu", 2, &["[8, 8, 1]", "[63]", "64"]);
    refused(&place, "kernel --model mlp:64-8x1-9:relu", 2, &["[10]", "[9]", "10 outputs"]);
    refused(&place, &format!("kernel {NET} --x1 a.npy"), 2, &["a.npy", "[5]", "[4]"]);
    refused(&place, &format!("kernel {NET} --x1 b.npy --x2 a.npy"), 3, &["a.npy", "[5]", "[4]"]);
    refused(&place, &format!("kernel {NET} --x1 b.npy --y y5.npy"), 3, &["y5.npy", "[5]", "6 samples"]);
    refused(&place, &format!("kernel {NET} --x1 b.npy --y y2.npy"), 2, &["[2]", "[3]", "2 outputs"]);
    refused(&place, "spectrum a.npy", 2, &["[6, 5]", "[n, n]"]);
}

#[test]
fn labels_out_of_range_or_of_one_class_are_refused() {
    let place = Place::new();
    place.write_npy("x.npy", &[4, 4], &numbers(16));
    for (name, y, said) in [
        ("big", [0.0, 1.0, 2.0, 3.0], ["label 3 in row 3", "0..2"]),
        ("negative", [0.0, -1.0, 2.0, 1.0], ["label -1 in row 1", "0..2"]),
        ("real", [0.0, 1.0, 0.5, 1.0], ["label 0.5 in row 2", "[n, 3]"]),
        ("one", [1.0; 4], ["only one class, `1`", "at least two"]),
    ] {
        place.write_npy(&format!("{name}.npy"), &[4], &y);
        refused(&place, &format!("kernel {NET} --x1 x.npy --y {name}.npy"), 3, &said);
    }
    place.write("one.csv", "1,2,a\n3,4,a\n");
    refused(&place, "kernel --data csv:one.csv", 3, &["one.csv", "only one class, `a`"]);
}

/// A `.npy` file with this header, of version 1 or 2, announced with this length.
fn npy(version: u8, header: &str, length: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    let length = length.to_le_bytes();
    bytes.extend(if version == 1 { &length[..2] } else { &length });
    bytes.extend(header.as_bytes());
    bytes.extend(body);
    bytes
}

fn described(descr: &str, order: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    npy(1, &header, header.len() as u32, body)
}

#[test]
fn hostile_arrays_are_refused_by_their_header() {
    let place = Place::new();
    let brackets = |open: &str, n: usize, inner: &str, close: &str| open.repeat(n) + inner + &close.repeat(n);
    let many = brackets("(", 30_000, "", ")");
    for (name, bytes, said) in [
        ("header", npy(2, "", u32::MAX, b""), "header of 4294967295 bytes"),
        ("overflow", described("'<f8'", "False", "(0, 4611686018427387904, 4)", b""), "more than can be addressed"),
        ("large", described("'<f8'", "False", "(4294967296, 4294967296)", &[0; 64]), "more than can be addressed"),
        ("short", described("'<f8'", "False", "(1000000000, 4)", &[0; 64]), "cut short"),
        ("long", described("'<f8'", "False", "(2, 4)", &[0; 66]), "trailing"),
        ("nested", described("'<f8'", "False", &many, b""), "shape"),
        ("fields", described(&brackets("[", 22, "'<f8'", "]"), "False", "(6, 4)", b""), "fields"),
        ("negative", described("'<f8'", "False", "(-6, 4)", b""), "-6"),
        ("axes", described("'<f8'", "False", &format!("({})", "1, ".repeat(40)), &[0; 8]), "32 dimensions"),
        ("objects", described("'|O'", "False", "(6, 4)", b""), "pickle"),
        ("half", described("'<f2'", "False", "(1, 4)", &[0; 8]), "astype"),
        ("complex", described("'<c16'", "False", "(1, 4)", &[0; 64]), "a.real"),
        ("text", b"hello, this is no array".to_vec(), "NUMPY"),
        ("empty", Vec::new(), "is empty"),
    ] {
        let file = format!("{name}.npy");
        place.write(&file, bytes);
        refused(&place, &format!("kernel {NET} --x1 {file} --out k"), 3, &[&file, said]);
        refused(&place, &format!("spectrum {file}"), 3, &[&file, said]);
    }
    place.write_npy::<f64>("none.npy", &[0, 4], &[]);
    refused(&place, &format!("kernel {NET} --x1 none.npy"), 3, &["none.npy", "[0, 4]", "no set of samples"]);
}

#[test]
fn other_orders_of_axes_and_bytes_are_read_as_what_they_are() {
    let place = Place::new();
    let x = numbers(24);
    place.write_npy("plain.npy", &[6, 4], &x);
    let columns_first: Vec<u8> = (0..24).flat_map(|at| x[at % 6 * 4 + at / 6].to_le_bytes()).collect();
    place.write("fortran.npy", described("'<f8'", "True", "(6, 4)", &columns_first));
    let big: Vec<u8> = x.iter().flat_map(|x| x.to_be_bytes()).collect();
    place.write("big.npy", described("'>f8'", "False", "(6, 4)", &big));
    for name in ["plain", "fortran", "big"] {
        place.kernel(&format!("{NET} --x1 {name}.npy"), name);
        assert!(place.bytes(&format!("{name}/kernel.npy")) == place.bytes("plain/kernel.npy"), "{name}");
    }
}

#[test]
fn numbers_that_are_none_are_found_with_their_row_and_column() {
    let place = Place::new();
    let mut x = numbers(24);
    x[2 * 4 + 3] = f64::NAN;
    x[5 * 4] = f64::INFINITY;
    let path = place.write_npy("x.npy", &[6, 4], &x);
    refused(&place, &format!("kernel {NET} --x1 x.npy"), 3, &["x.npy", "2 value(s)", "row 2, column 3"]);
    let array: Array<f64> = Array::new([6, 4], x.clone()).unwrap();
    let labels = Array::new([6], vec![0.0, 1.0, 2.0, 0.0, 1.0, 2.0]).unwrap();
    write_npz(&place.path("d.npz"), [("x", &array), ("y", &labels)]).unwrap();
    refused(&place, "kernel --data npz:d.npz", 3, &["d.npz", "row 2, column 3"]);
    std::fs::remove_file(path).unwrap();
    place.write("t.csv", "1,2,0\n2,x,1\n");
    refused(&place, "kernel --data csv:t.csv", 3, &["t.csv:2"]);
    // A kernel that is not finite.
    place.write_npy("k.npy", &[2, 2], &[1.0, f64::NAN, 0.0, 1.0]);
    refused(&place, "spectrum k.npy", 4, &["not finite"]);
}

#[test]
fn an_overflow_inside_the_network_names_where() {
    let place = Place::new();
    place.write_npy("x.npy", &[6, 4], &numbers(24));
    let layer = "{ kind = \"dense\", out = 4, W_std = 1e200, b_std = 1e200 }";
    place.write("net.toml", format!("input = [4]\nlayers = [ {layer}, {layer}, {layer} ]\n"));
    refused(&place, "kernel --model net.toml --x1 x.npy --out k", 4, &["not finite", "sample 0", "W_std"]);
}

/// The parameters of `NET`, but for what is said otherwise.
fn weights(place: &Place, name: &str, replaced: &[(&str, Array<f64>)]) {
    let mut all = vec![
        ("W0", Array::new([4, 8], numbers(32)).unwrap()),
        ("b0", Array::new([8], numbers(8)).unwrap()),
        ("W1", Array::new([8, 3], numbers(24)).unwrap()),
        ("b1", Array::new([3], numbers(3)).unwrap()),
    ];
    for (name, array) in replaced {
        match all.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = array.clone(),
            None => all.push((name, array.clone())),
        }
    }
    write_npz(&place.path(name), all.iter().map(|(name, array)| (*name, array))).unwrap();
}

#[test]
fn weights_of_another_network_are_told_in_a_table() {
    let place = Place::new();
    place.write_npy("x.npy", &[6, 4], &numbers(24));
    let more = [("W1", Array::new([8, 4], numbers(32)).unwrap()), ("W2", Array::new([4, 4], numbers(16)).unwrap())];
    weights(&place, "other.npz", &more);
    let ran = refused(&place, &format!("kernel {NET} --x1 x.npy --weights other.npz"), 3, &["other.npz"]);
    let row = |words: [&str; 3]| ran.err.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(row(["W1", "[8, 3]", "[8, 4]"]) && row(["W2", "not there", "[4, 4]"]), "{}", ran.err);
    let mut broken = numbers(24);
    broken[7] = f64::NAN;
    weights(&place, "nan.npz", &[("W1", Array::new([8, 3], broken).unwrap())]);
    refused(&place, &format!("kernel {NET} --x1 x.npy --weights nan.npz"), 3, &["nan.npz", "W1", "row 2, column 1"]);
    place.write("w.txt", "1");
    refused(&place, &format!("kernel {NET} --x1 x.npy --weights w.txt"), 2, &["w.txt", ".npz or .safetensors"]);
    refused(&place, &format!("kernel {NET} --x1 x.npy --weights no.npz"), 3, &["no.npz", "check the path"]);
}

#[test]
fn idx_files_that_are_cut_swapped_or_contradict_each_other_are_refused() {
    let idx = |shape: &[u32], data: &[u8]| {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        shape.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend(data);
        bytes
    };
    let place = Place::new();
    let pixels: Vec<u8> = (0..90).map(|i| (i * 37 % 251) as u8).collect();
    let (images, labels) = (idx(&[10, 3, 3], &pixels), idx(&[10], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    let [first, second] = ["m/train-images-idx3-ubyte", "m/train-labels-idx1-ubyte"];
    let set = || {
        for part in ["train", "t10k"] {
            place.write(&format!("m/{part}-images-idx3-ubyte"), &images);
            place.write(&format!("m/{part}-labels-idx1-ubyte"), &labels);
        }
    };
    set();
    assert_eq!(place.kernel("--data mnist:m --model mlp:9-4x1-10:relu", "k")["configuration"]["n"], 20);
    for (name, bytes, said) in [
        (first, images[..80].to_vec(), "90 bytes, but 64 follow"),
        (first, labels.clone(), "labels, not images"),
        (first, Vec::new(), "is empty"),
        (first, idx(&[1 << 31, 1 << 31, 1 << 31], &pixels), "more than can be addressed"),
        (second, idx(&[9], &pixels[..9]), "9 labels for 10 images"),
        (second, images.clone(), "idx1"),
    ] {
        set();
        place.write(name, bytes);
        refused(&place, "kernel --data mnist:m", 3, &[name, said]);
    }
    refused(&place, "kernel --data mnist:none", 3, &["none", "folder"]);
}

#[cfg(unix)]
#[test]
fn folders_pipes_and_endless_devices_are_no_files() {
    let place = Place::new();
    place.write_npy("x.npy", &[6, 4], &numbers(24));
    for pipe in ["pipe", "pipe.npz", "pipe.toml"] {
        assert!(std::process::Command::new("mkfifo").arg(place.path(pipe)).status().unwrap().success());
    }
    std::fs::create_dir(place.path("folder")).unwrap();
    for at in ["/dev/zero", "pipe", "folder"] {
        for words in [
            format!("{NET} --x1 {at}"),
            format!("{NET} --x1 x.npy --y {at}"),
            format!("--data csv:{at}"),
            format!("--data npz:{at}"),
        ] {
            refused(&place, &format!("kernel {words}"), 3, &[at]);
        }
        refused(&place, &format!("spectrum {at}"), 3, &[at]);
    }
    refused(&place, &format!("kernel {NET} --x1 x.npy --weights pipe.npz"), 3, &["pipe.npz"]);
    refused(&place, "kernel --model pipe.toml", 2, &["pipe.toml"]);
    refused(&place, "kernel --model folder", 2, &["folder"]);
    refused(&place, "kernel --data mnist:/dev/zero", 3, &["/dev/zero"]);
}

#[test]
fn models_that_cannot_be_read_are_shown_where() {
    let place = Place::new();
    let dense = "{ kind = \"dense\", out = 3 }";
    let nested = "{ kind = \"residual\", layers = [ ".repeat(10_000) + "{ kind = \"relu\" }" + &" ] }".repeat(10_000);
    for (text, said) in [
        (format!("input = [4]\nlayers = [\n  {dense}\n  {dense} ]\n"), "m.toml:4:3"),
        ("input = [4]\nlayers = [ { kind = \"dense\", out = -8 } ]".into(), "`out` is -8"),
        ("input = [4]\nlayers = [ { kind = \"dense\", out = 0 } ]".into(), "at least 1"),
        ("input = [4]\nlayers = [ { kind = \"dense\", in = 5, out = 8 } ]".into(), "in = 4"),
        ("input = [4]\nlayers = [ { kind = \"dense\", out = 8, W_std = nan } ]".into(), "finite"),
        ("input = [4]\nlayers = []".into(), "no layer with weights"),
        (format!("input = [4]\ninput = [5]\nlayers = [ {dense} ]"), "duplicate key"),
        (String::new(), "input"),
        ("input = ".to_owned() + &"[".repeat(10_000) + &"]".repeat(10_000), "too deep"),
        (format!("input = [4]\nlayers = [ {nested}, {dense} ]"), "m.toml"),
        ((0..20_000).map(|i| format!("key{i} = 1\n")).collect(), "key"),
        ((0..1_000_000).map(|i| format!("key{i} = 1\n")).collect(), "longer than"),
    ] {
        place.write("m.toml", text);
        refused(&place, "kernel --model m.toml", 2, &["m.toml", said]);
    }
    place.write("m.toml", b"\xff\xfe\x00");
    refused(&place, "kernel --model m.toml", 2, &["UTF-8"]);
    refused(&place, "kernel --model none.toml", 2, &["none.toml", "no such"]);
}

#[test]
fn a_kernel_that_does_not_fit_is_refused_with_what_would() {
    let place = Place::new();
    // Means over networks are of kernels in memory; a single one would go to disk.
    let words = "kernel --seeds 2 --n 1797 --outputs full --memory 100MiB --spectrum none --no-report";
    let ran = refused(&place, words, 5, &["[1797, 1797, 10, 10]", "100 MiB", "--memory"]);
    let fits: usize = ran.err.split("--n ").nth(1).unwrap().trim().parse().unwrap();
    let plan = |n: usize| place.ntk(&format!("{} --dry-run", words.replace("1797", &n.to_string()))).code;
    assert_eq!((plan(fits), plan(fits + 1)), (Some(0), Some(5)), "{fits}");
    // Also where only the eigenvalues or the plots go beyond.
    let small = "kernel --model mlp:64-16x1-10:relu --n 1797 --memory 60MiB";
    refused(&place, &format!("{small} --spectrum full --no-report"), 5, &["the spectrum of 1797 rows", "top:16"]);
    refused(&place, &format!("{small} --spectrum none"), 5, &["the plots", "--no-report"]);
    assert_eq!(place.ntk(&format!("{small} --spectrum none --no-report")).code, Some(0));
}
