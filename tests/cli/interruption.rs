//! Signals: the first ends a run within two seconds, a second ends it at once. What cannot be gone on with leaves nothing.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Place, Ran};

/// Kernels of minutes, of which a mean is taken in memory.
const LONG: &str = "kernel --model mlp:64-2048x4-10:relu --outputs diagonal --seeds 2 --memory 8GiB --out k";

fn begin(place: &Place, words: &str) -> Child {
    place.command(words.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the run has claimed its folder, so that it is at work.
fn at_work(place: &Place, child: &mut Child) {
    let start = Instant::now();
    while !place.path("k").exists() {
        assert!(child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(200));
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn ended(child: Child) -> Ran {
    let start = Instant::now();
    Ran::told(child.wait_with_output().unwrap(), start)
}

#[test]
fn a_signal_ends_a_long_kernel_and_leaves_nothing() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 143)] {
        let place = Place::new();
        let mut child = begin(&place, LONG);
        at_work(&place, &mut child);
        signal(&child, name);
        let ran = ended(child);
        assert_eq!(ran.code, Some(code), "{name}: {}", ran.err);
        assert!(ran.took < Duration::from_secs(2), "{name}: {:?}", ran.took);
        assert!(ran.err.contains("interrupted; no result was written"), "{}", ran.err);
        assert!(place.listing().is_empty(), "{:?}", place.listing());
    }
}

#[test]
fn a_signal_ends_a_solver_that_cannot_be_asked() {
    let place = Place::new();
    const N: usize = 3600;
    let mut matrix = vec![0.0_f32; N * N];
    (0..N * N).for_each(|at| matrix[at] = 1.0 / (1.0 + (at / N).abs_diff(at % N) as f32));
    place.write_npy("m.npy", &[N, N], &matrix);
    let mut child = begin(&place, "spectrum m.npy --spectrum full --out k --format json");
    at_work(&place, &mut child);
    signal(&child, "INT");
    let ran = ended(child);
    assert_eq!((ran.code, ran.err.as_str()), (Some(130), ""));
    assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
    assert_eq!(ran.json()["error"]["kind"], "interrupted");
    assert!(!place.path("k").exists());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let place = Place::new();
    let mut child = begin(&place, LONG);
    at_work(&place, &mut child);
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(20));
    signal(&child, "INT");
    let ran = ended(child);
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(ran.took < Duration::from_millis(500), "{:?}", ran.took);
    assert!(!place.path("k/result.json").exists());
}

#[test]
fn a_signal_ends_a_benchmark_and_keeps_what_was_measured() {
    let words = "bench --model mlp:64-256x2-10:relu --sweep n=8,1500 --methods structured,products --patience 1e6 \
                 --repeat 1 --out k";
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let place = Place::new();
        let mut child = begin(&place, words);
        let start = Instant::now();
        // The first size is measured, and the products of the second take minutes.
        while std::fs::read_to_string(place.path("k/bench.csv")).map_or(0, |text| text.lines().count()) < 3 {
            assert!(child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(500));
        signal(&child, name);
        let ran = ended(child);
        assert_eq!(ran.code, Some(code), "{name}: {}", ran.err);
        assert!(ran.took < Duration::from_secs(2), "{name}: {:?}", ran.took);
        assert!(ran.err.contains("measured so far are kept in k"), "{}", ran.err);
        assert_eq!(place.names("k"), ["bench.csv", "bench.png", "bench.svg", "report.html", "result.json"]);
        let result = place.json("k/result.json");
        assert_eq!(result["interrupted"], true);
        let lines = result["measurements"].as_array().unwrap();
        assert!((2..4).contains(&lines.len()) && lines.iter().all(|line| line["status"] == "measured"), "{result}");
        let table = String::from_utf8(place.bytes("k/bench.csv")).unwrap();
        assert_eq!(table.lines().count(), 1 + lines.len());
    }
}

#[test]
fn a_signal_before_anything_is_measured_leaves_no_folder() {
    let place = Place::new();
    let words = "bench --model mlp:64-256x2-10:relu --n 1500 --methods products --patience 1e6 --out k";
    let mut child = begin(&place, words);
    at_work(&place, &mut child);
    signal(&child, "INT");
    let ran = ended(child);
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(ran.err.contains("no result was written") && place.listing().is_empty(), "{:?}", place.listing());
}
