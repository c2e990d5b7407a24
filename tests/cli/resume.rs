//! Kernels that go to disk tile by tile: interrupted, killed, damaged, gone on with, and what is refused.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ntk::array::Array;
use ntk::data::write_npz;

use crate::program::{Place, Ran, numbers};

/// A kernel that does not fit, of some seconds.
const LARGE: &str = "kernel --model mlp:64-640x3-10:relu --n 1797 --memory 116MiB --spectrum none --no-report";

fn begin(place: &Place, words: &str) -> Child {
    place.command(words.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn ended(child: Child) -> Ran {
    let start = Instant::now();
    Ran::told(child.wait_with_output().unwrap(), start)
}

/// Lines of the journal of a kernel in `k`: its first, and one for each tile.
fn lines(place: &Place) -> usize {
    std::fs::read(place.path("k/kernel.tiles")).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count())
}

/// Waits until so many tiles are there.
fn tiles(place: &Place, child: &mut Child, count: usize) {
    let start = Instant::now();
    while lines(place) < count + 1 {
        assert!(child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(120), "no {count} tiles");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The bytes of the kernel that was never interrupted, from one that fits.
fn whole(place: &Place) -> Vec<u8> {
    let words = LARGE.replace("116MiB", "1GiB");
    place.kernel(words.strip_prefix("kernel ").unwrap().trim_end_matches(" --no-report"), "whole");
    place.bytes("whole/kernel.npy")
}

#[test]
fn interrupted_killed_and_gone_on_with_it_is_the_kernel_that_never_stopped() {
    let place = Place::new();
    let expected = whole(&place);
    let mut child = begin(&place, &format!("{LARGE} --threads 2 --out k"));
    tiles(&place, &mut child, 3);
    signal(&child, "INT");
    let ran = ended(child);
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
    assert!(ran.err.contains("% of the kernel is kept; go on with: ntk kernel --resume k"), "{}", ran.err);
    assert_eq!(place.names("k"), ["config.json", "kernel.npy.part", "kernel.tiles"]);
    // Neither it nor its folder is taken for something else.
    let ran = place.ntk(&format!("{LARGE} --out k"));
    assert!(ran.code == Some(2) && ran.err.contains("--resume"), "{}", ran.err);

    for (name, code) in [("TERM", Some(143)), ("KILL", None), ("KILL", None), ("KILL", None)] {
        let before = lines(&place);
        let threads = 1 + before % 3;
        let memory = 120 + 20 * threads;
        let mut child = begin(&place, &format!("kernel --resume k --threads {threads} --memory {memory}MiB"));
        tiles(&place, &mut child, before + 1);
        signal(&child, name);
        let ran = ended(child);
        assert_eq!(ran.code, code, "{name}: {}", ran.err);
        let at_work = place.path("k/.unfinished").exists();
        assert_eq!(at_work, name == "KILL", "{name}");
    }
    let before = lines(&place) - 1;
    let ran = place.ntk("kernel --resume k --format json");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let record = ran.json();
    assert_eq!(record["kernel"]["tiles"]["kept"], before);
    assert_eq!(record["kernel"]["tiles"]["damaged"], 0);
    // The limit of the first command holds until another is typed.
    assert_eq!(record["configuration"]["memory_bytes"], 116 << 20);
    assert!(record["command_line"].as_str().unwrap().contains("--model mlp:64-640x3-10:relu"), "{record}");
    assert!(place.bytes("k/kernel.npy") == expected);
    assert_eq!(place.names("k"), ["config.json", "kernel.npy", "result.json"]);
    let ran = place.ntk("kernel --resume k");
    assert!(ran.code == Some(2) && ran.err.contains("is finished"), "{}", ran.err);
}

#[test]
fn a_second_signal_ends_it_at_once_and_it_is_still_gone_on_with() {
    let place = Place::new();
    let mut child = begin(&place, &format!("{LARGE} --out k"));
    tiles(&place, &mut child, 2);
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(2));
    signal(&child, "INT");
    let ran = ended(child);
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(ran.took < Duration::from_secs(1), "{:?}", ran.took);
    assert!(lines(&place) > 2);
    let ran = place.ntk("kernel --resume k");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(place.bytes("k/kernel.npy") == whole(&place));
}

#[test]
fn damaged_tiles_are_made_anew_and_told_of() {
    let place = Place::new();
    let mut child = begin(&place, &format!("{LARGE} --out k"));
    tiles(&place, &mut child, 8);
    signal(&child, "KILL");
    ended(child);
    let kept = lines(&place) - 1;
    // A flipped bit in a tile and in its mirror image are one tile; the file lost its end, where one more was.
    let mut bytes = place.bytes("k/kernel.npy.part");
    let journal = String::from_utf8(place.bytes("k/kernel.tiles")).unwrap();
    let of_line = |line: &str| line.split(' ').take(4).map(|w| w.parse().unwrap()).collect::<Vec<usize>>();
    let tile = of_line(journal.lines().nth(3).unwrap());
    bytes[128 + 8 * (tile[0] * 1797 + tile[2])] ^= 16;
    bytes[128 + 8 * (tile[2] * 1797 + tile[0])] ^= 1;
    place.write("k/kernel.npy.part", bytes);
    let ran = place.ntk("kernel --resume k");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let told = format!("{} of them", kept - 1);
    assert!(ran.out.contains(&told) && ran.out.contains("1 damaged, made anew"), "{}", ran.out);
    assert!(place.bytes("k/kernel.npy") == whole(&place));
    // Nothing is left of either file.
    let mut child = begin(&place, &LARGE.replace("kernel ", "kernel --seed 0 --out z "));
    while !place.path("z/kernel.tiles").exists() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "KILL");
    ended(child);
    place.write("z/kernel.npy.part", "");
    place.write("z/kernel.tiles", "");
    let ran = place.ntk("kernel --resume z");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(place.bytes("z/kernel.npy") == place.bytes("k/kernel.npy"));
}

#[test]
fn another_configuration_data_weights_or_version_are_shown_and_refused() {
    let place = Place::new();
    place.write_npy("x.npy", &[900, 64], &numbers(900 * 64));
    let weights = |name: &str, factor: f64| {
        let array = |shape: &[usize]| {
            let count = shape.iter().product();
            Array::new(shape, numbers(count).into_iter().map(|x| factor * x).collect()).unwrap()
        };
        let arrays = [("W0", array(&[64, 64])), ("b0", array(&[64])), ("W1", array(&[64, 10])), ("b1", array(&[10]))];
        write_npz(&place.path(name), arrays.iter().map(|(name, array)| (*name, array))).unwrap();
    };
    weights("w.npz", 1.0);
    let words = "kernel --model mlp:64-64x1-10:relu --x1 x.npy --weights w.npz --memory 15MiB --spectrum none \
                 --no-report --out k --threads 1";
    let mut child = begin(&place, words);
    while !place.path("k/kernel.tiles").exists() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "KILL");
    assert_eq!(ended(child).code, None, "too quick to be killed");
    let refused = |words: &str, said: &[&str]| {
        let before = place.listing();
        let ran = place.ntk(&format!("kernel --resume k {words}"));
        assert_eq!(ran.code, Some(2), "{words}: {}", ran.err);
        for word in said.iter().chain(&["another one", "--out in place of --resume"]) {
            assert!(ran.err.contains(word), "{words}: no {word:?} in {}", ran.err);
        }
        assert_eq!(place.listing(), before);
    };
    refused("--outputs full --threads 2", &["--outputs: trace there, full here"]);
    refused("--n 20", &["--n: not given there, 20 here"]);
    weights("w.npz", 2.0);
    refused("", &["weights_digest"]);
    weights("w.npz", 1.0);
    let mut x = numbers(900 * 64);
    x[5] += 1.0;
    place.write_npy("x.npy", &[900, 64], &x);
    refused("", &["data_digest"]);
    place.write_npy("x.npy", &[900, 64], &numbers(900 * 64));
    let config = String::from_utf8(place.bytes("k/config.json")).unwrap();
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(config.contains(&version));
    place.write("k/config.json", config.replace(&version, "\"version\": \"0.0.9\""));
    refused("", &["version: \"0.0.9\" there"]);
    place.write("k/config.json", "{");
    let ran = place.ntk("kernel --resume k");
    assert!(ran.code == Some(6) && ran.err.contains("config.json"), "{}", ran.err);
    place.write("k/config.json", config);
    let ran = place.ntk("kernel --resume k");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for (words, said) in [("nowhere", "no config.json"), ("whole", "no config.json")] {
        let ran = place.ntk(&format!("kernel --resume {words}"));
        assert!(ran.code == Some(2) && ran.err.contains(said), "{}", ran.err);
    }
}

#[test]
fn one_process_at_a_time_goes_on_with_a_kernel() {
    let place = Place::new();
    let mut child = begin(&place, &format!("{LARGE} --out k"));
    tiles(&place, &mut child, 1);
    let ran = place.ntk("kernel --resume k");
    assert_eq!(ran.code, Some(6), "{}", ran.err);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "this machine".into());
    assert!(ran.err.contains(&format!("process {} on {}", child.id(), host.trim())), "{}", ran.err);
    signal(&child, "KILL");
    ended(child);
    // The lock of a process that is no more is none.
    assert!(place.path("k/.unfinished").exists());
    assert_eq!(place.ntk("kernel --resume k").code, Some(0));
}

#[test]
fn a_kernel_that_does_not_fit_has_its_largest_eigenvalues_and_its_picture() {
    let place = Place::new();
    // 128 MB.
    place.write_npy("x.npy", &[4000, 4], &numbers(16_000));
    place.write_npy("y.npy", &[4000, 1], &numbers(4000));
    let words = "kernel --model mlp:4-8x1-1:relu --x1 x.npy --y y.npy --format json";
    let whole = place.ntk(&format!("{words} --memory 1GiB --spectrum top:16 --out whole"));
    assert_eq!(whole.code, Some(0), "{}", whole.err);
    let ran = place.ntk(&format!("{words} --memory 112MiB --out k"));
    assert_eq!(ran.code, Some(0), "{} {}", ran.out, ran.err);
    let (whole, record) = (whole.json(), ran.json());
    let note = record["notes"][0].as_str().unwrap();
    assert!(note.contains("the 16 largest are found, by products that read the kernel on the disk"), "{note}");
    for file in ["kernel.npy", "eigenvalues.npy", "kernel.svg", "kernel.png", "spectrum.svg"] {
        assert!(place.bytes(&format!("k/{file}")) == place.bytes(&format!("whole/{file}")), "{file}");
    }
    assert_eq!(record["spectrum"], whole["spectrum"]);
    assert!(record["memory"]["peak_bytes"].as_u64() < Some(112 << 20), "{}", record["memory"]);
    let ran = place.ntk(&format!("{words} --memory 112MiB --spectrum full --out f"));
    assert_eq!(ran.code, Some(5), "{} {}", ran.out, ran.err);
    assert!(ran.json()["error"]["hint"].as_str().unwrap().contains("--spectrum top:16"), "{}", ran.out);
    assert!(!place.path("f").exists());
}

#[test]
fn a_disk_without_room_for_it_is_found_before_the_work() {
    let place = Place::new();
    // 32 TB.
    place.write_npy("x.npy", &[2_000_000, 1], &vec![1.0_f32; 2_000_000]);
    let ran = place.ntk("kernel --model mlp:1-4x1-1:relu --x1 x.npy --spectrum none --no-report --out k");
    assert_eq!(ran.code, Some(5), "{} {}", ran.out, ran.err);
    assert!(ran.err.contains("kernel.npy") && ran.took < Duration::from_secs(5), "{:?} {}", ran.took, ran.err);
}
