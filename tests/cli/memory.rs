//! Memory: planned, measured, and denied to hostile files.

use serde_json::Value;

use crate::program::{Place, numbers};

const MEBIBYTE: f64 = (1 << 20) as f64;

/// `(planned, measured)` peak in MiB, the dry run's plan and the run's own being the same.
fn peaks(place: &Place, words: &str) -> (f64, f64, Value) {
    let words = format!("{words} --method structured --spectrum none");
    let told = place.ntk(&format!("kernel {words} --no-report --dry-run --format json")).json();
    let ran = place.kernel(&words, "k");
    std::fs::remove_dir_all(place.path("k")).unwrap();
    let bytes = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{words}: {told}")) / MEBIBYTE;
    (bytes(&told["memory"]["planned_bytes"]), bytes(&ran["memory"]["peak_bytes"]), told)
}

#[cfg(target_os = "linux")]
#[test]
fn the_planned_peak_is_what_is_measured() {
    let place = Place::new();
    place.write_npy("x.npy", &[1500, 64], &numbers(1500 * 64));
    // Peaks of 60 to 400 MiB; one, ten and a hundred outputs; both precisions.
    for words in [
        "--x1 x.npy --model mlp:64-1024x2-1:relu --outputs trace --dtype f64",
        "--x1 x.npy --model mlp:64-1024x3-1:relu --outputs full --dtype f32",
        "--x1 x.npy --model mlp:64-1024x2-10:relu --outputs sum-of-logits --dtype f64",
        "--x1 x.npy --model mlp:64-256x3-10:relu --outputs trace --dtype f32",
        "--model mlp:64-512x2-10:relu --n 1797 --dtype f64",
        "--model mlp:64-512x2-10:relu --n 300 --outputs full --dtype f64",
        "--model mlp:64-1024x3-10:relu --n 300 --outputs full --dtype f32",
        "--model mlp:64-512x3-10:relu --n 400 --outputs diagonal --dtype f64",
        "--x1 x.npy --model mlp:64-256x2-100:relu --outputs sum-of-logits --dtype f64 --threads 3",
        "--model resmlp:64-256x4-10:tanh --n 1000 --dtype f32",
        "--data fashion --model mlp:784-1024x3-10:relu --dtype f32 --n 1000",
    ] {
        let (planned, measured, _) = peaks(&place, words);
        println!("{words}: {planned:.1} planned, {measured:.1} measured");
        assert!((planned / measured - 1.0).abs() <= 0.15, "{words}: {planned:.1} MiB planned, {measured:.1} measured");
    }
    place.write_npy("few.npy", &[300, 64], &numbers(300 * 64));
    for words in [
        "--x1 few.npy --model mlp:64-256x3-100:relu --outputs trace --dtype f32",
        "--x1 few.npy --model mlp:64-256x2-100:relu --outputs diagonal --dtype f64 --threads 1",
    ] {
        let (planned, measured, _) = peaks(&place, words);
        assert!((planned / measured - 1.0).abs() <= 0.15, "{words}: {planned:.1} MiB planned, {measured:.1} measured");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_training_takes_what_it_said_and_is_refused_what_it_may_not_take() {
    let place = Place::new();
    for words in [
        "--model mlp:64-512x2-10:relu --dtype f64",
        "--model mlp:64-1024x3-10:relu --optimizer adam --dtype f32",
        "--model cnn:8x8x1-32x3-10:relu --dtype f64 --threads 2",
    ] {
        let words =
            format!("train {words} --steps 3 --checkpoint-every 1 --lr 0.001 --metrics loss --no-report --format json");
        let planned = place.ntk(&format!("{words} --dry-run")).json()["memory"]["planned_bytes"].as_f64().unwrap();
        let measured = place.ntk(&words).json()["peak_bytes"].as_f64().unwrap();
        let ratio = planned / measured;
        assert!((0.8..=1.35).contains(&ratio), "{words}: {planned} planned, {measured} measured");
    }
    let refused = place.ntk("train --model mlp:64-4096x3-10:relu --memory 500MiB");
    assert_eq!(refused.code, Some(5), "{}", refused.err);
    assert!(refused.err.contains("the training would need"), "{}", refused.err);
    let told = place.ntk("train --dry-run");
    assert!(told.code == Some(0) && told.out.contains("peak memory"), "{}{}", told.out, told.err);
    assert!(std::fs::read_dir(place.path("runs")).map_or(0, Iterator::count) == 3, "a dry run left a folder");
}

/// What is neither program, weights, data nor kernel stays within what the limit leaves for it.
#[cfg(target_os = "linux")]
#[test]
fn the_limit_holds_for_one_ten_and_a_hundred_outputs() {
    let place = Place::new();
    place.write_npy("x.npy", &[800, 64], &numbers(800 * 64));
    for (outputs, dtype, limit) in [(1, "f64", 52), (10, "f32", 55), (100, "f32", 330)] {
        let words = format!("--x1 x.npy --model mlp:64-512x3-{outputs}:relu --dtype {dtype} --threads 2");
        let (unlimited, _, _) = peaks(&place, &words);
        let (planned, measured, told) = peaks(&place, &format!("{words} --memory {limit}MiB"));
        assert!(unlimited > limit as f64, "{outputs}: a limit of {limit} MiB is none for {unlimited:.1}");
        assert_eq!(told["memory"]["limit_bytes"], (limit as u64) << 20);
        assert!(planned <= limit as f64, "{outputs}: {planned:.1} MiB planned of {limit}");
        // Not the last per cent: the allocator's own.
        assert!(measured <= 1.02 * limit as f64, "{outputs}: {measured:.1} MiB measured of {limit}");
        println!(
            "{outputs} outputs: {unlimited:.1} MiB at will, {planned:.1} planned, {measured:.1} measured of {limit}"
        );
    }
}

/// The address space is limited, so that no more can be taken: 64 MiB with the program and its libraries.
#[cfg(target_os = "linux")]
#[test]
fn hostile_files_get_no_memory() {
    let place = Place::new();
    place.write_npy("x.npy", &[2, 4], &numbers(8));
    let announced = |header: &str| {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes
    };
    place.write("length.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff");
    place.write("shape.npy", announced("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 4), }\n"));
    place.write("nested.npy", announced(&format!("{{'descr': {}", "[".repeat(60_000))));
    let tensors = |header: &str| [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
    place.write("length.safetensors", (1_u64 << 62).to_le_bytes());
    place.write("deep.safetensors", tensors(&format!("{{\"a\":{}", "[".repeat(200_000))));
    let far = "{\"W0\":{\"dtype\":\"F64\",\"shape\":[1000000,1000000],\"data_offsets\":[0,8000000000000]}}";
    place.write("far.safetensors", tensors(far));
    bomb(&place);
    place.write("deep.toml", "input = ".to_owned() + &"[".repeat(100_000));
    place.write("long.toml", "key = 1\n".repeat(2_000_000));
    place.write("wide.csv", "1,".repeat(10_000_000));
    let net = "--model mlp:4-8x1-3:relu";
    for words in [
        format!("{net} --x1 length.npy"),
        format!("{net} --x1 shape.npy"),
        format!("{net} --x1 nested.npy"),
        format!("{net} --x1 x.npy --weights length.safetensors"),
        format!("{net} --x1 x.npy --weights deep.safetensors"),
        format!("{net} --x1 x.npy --weights far.safetensors"),
        format!("{net} --x1 x.npy --weights bomb.npz"),
        "--data npz:bomb.npz".into(),
        "--model deep.toml".into(),
        "--model long.toml".into(),
        "--data csv:wide.csv".into(),
    ] {
        let mut limited = std::process::Command::new("sh");
        limited.args(["-c", "ulimit -v 65536; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ntk"), "kernel"]);
        limited.args(words.split_whitespace()).current_dir(place.path(""));
        let ran = crate::program::Ran::of(&mut limited);
        assert!(matches!(ran.code, Some(2 | 3)), "{words}: {:?} {}", ran.code, ran.err);
        assert!(ran.err.starts_with("error: ") && ran.took.as_secs_f64() < 1.0, "{words}: {:?} {}", ran.took, ran.err);
    }
}

/// 400 MB of zeros behind a correct header, in an archive of less than a megabyte.
fn bomb(place: &Place) {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::fs::File::create(place.path("bomb.npz")).unwrap());
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for name in ["x.npy", "W0.npy"] {
        zip.start_file(name, options).unwrap();
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (6250000, 4), }\n";
        zip.write_all(b"\x93NUMPY\x01\x00").unwrap();
        zip.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
        zip.write_all(header.as_bytes()).unwrap();
        let zeros = vec![0; 1 << 20];
        let mut left = 200_000_000;
        while left > 0 {
            let some = zeros.len().min(left);
            zip.write_all(&zeros[..some]).unwrap();
            left -= some;
        }
    }
    zip.finish().unwrap();
    assert!(std::fs::metadata(place.path("bomb.npz")).unwrap().len() < 1_000_000);
}
