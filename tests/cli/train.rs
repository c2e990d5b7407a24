//! `ntk train` and `ntk landscape`: what they leave, that an interruption costs nothing, and how they fail.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use ntk::array::Array;
use ntk::params::Params;
use serde_json::Value;

use crate::program::{Place, Ran};

/// Some seconds of small steps.
const LONG: &str = "train --model mlp:64-24x2-10:tanh --data digits --n 200 --test 100 --lr 0.2 --optimizer momentum \
                    --batch 32 --steps 30000 --every 2500 --metrics loss,accuracy,weight-distance,kernel-velocity \
                    --probe 8 --no-report";

fn begin(place: &Place, words: &str) -> Child {
    place.command(words.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_for(place: &Place, file: &str, child: &mut Child) {
    let start = Instant::now();
    while !place.path(file).exists() {
        assert!(child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(30), "no {file}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn ended(child: Child) -> Ran {
    let start = Instant::now();
    Ran::told(child.wait_with_output().unwrap(), start)
}

/// The columns of a CSV, by name.
fn column(place: &Place, file: &str, name: &str) -> Vec<f64> {
    let text = String::from_utf8(place.bytes(file)).unwrap();
    let mut lines = text.lines();
    let at = lines.next().unwrap().split(',').position(|c| c == name).unwrap_or_else(|| panic!("no {name}"));
    lines.filter_map(|line| line.split(',').nth(at).unwrap().parse().ok()).collect()
}

#[test]
fn a_training_leaves_its_metrics_its_weights_its_plots_and_what_makes_it_again() {
    let place = Place::new();
    let words = "train --data digits --n 120 --test 60 --model mlp:64-16x1-10:relu --lr 0.3 --steps 40 --every 10 \
                 --metrics loss,accuracy,gradient-norm,sharpness,kernel --probe 6 --out t --format json";
    let ran = place.ntk(words);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let record = ran.json();
    assert_eq!(record, place.json("t/result.json"));
    for file in ["loss", "accuracy", "sharpness", "gradient", "kernel-distance", "kernel-velocity"] {
        assert!(place.bytes(&format!("t/{file}.svg")).starts_with(b"<svg"), "{file}");
        assert!(place.bytes(&format!("t/{file}.png")).starts_with(b"\x89PNG"), "{file}");
    }
    assert!(place.bytes("t/report.html").len() < 5_000_000);
    assert_eq!(column(&place, "t/metrics.csv", "step"), [0.0, 10.0, 20.0, 30.0, 40.0]);
    let loss = column(&place, "t/metrics.csv", "loss");
    assert!(loss.windows(2).all(|w| w[1] < w[0]), "{loss:?}");
    assert_eq!(record["last"]["loss"], loss[4]);
    let edge = column(&place, "t/metrics.csv", "edge");
    assert!(edge.iter().all(|edge| (edge - 2.0 / 0.3).abs() < 1e-12), "{edge:?}");
    // The lines of the other stream hold the same numbers.
    let lines = String::from_utf8(place.bytes("t/metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["loss"], &last["step"]), (&record["last"]["loss"], &Value::from(40)));
    // Both files of weights are the same, and they are those of the last row: no step from them, the same loss.
    let shapes = [("W0", vec![64, 16]), ("b0", vec![16]), ("W1", vec![16, 10]), ("b1", vec![10])];
    let shapes = shapes.map(|(name, shape)| (name.to_owned(), shape));
    let read = |name: &str| Params::<f64>::read(&place.path(name), &shapes).unwrap().0;
    assert_eq!(read("t/weights.npz"), read("t/weights.safetensors"));
    let again = place.ntk(
        "train --data digits --n 120 --test 60 --model mlp:64-16x1-10:relu --weights t/weights.npz --lr 0.3 --steps 1 \
         --out u --format json --no-report",
    );
    assert_eq!(again.json()["first"]["loss"], record["last"]["loss"]);
    assert!(!place.path("t/.unfinished").exists());
}

#[test]
fn interrupted_killed_and_gone_on_with_it_is_the_training_that_never_stopped() {
    let place = Place::new();
    let whole = place.ntk(&format!("{LONG} --threads 1 --out whole"));
    assert_eq!(whole.code, Some(0), "{}", whole.err);

    let mut child = begin(&place, &format!("{LONG} --threads 2 --out parts"));
    wait_for(&place, "parts/metrics.jsonl", &mut child);
    std::thread::sleep(Duration::from_millis(150));
    signal(&child, "INT");
    let ran = ended(child);
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(ran.took < Duration::from_secs(2) && ran.err.contains("ntk train --resume parts"), "{}", ran.err);
    assert!(place.path("parts/checkpoint.safetensors").exists() && !place.path("parts/result.json").exists());

    // Killed twice, once soon after a checkpoint of its own.
    for words in ["--checkpoint-every 100", "--threads 3"] {
        let mut child = begin(&place, &format!("train --resume parts --no-report {words}"));
        // The marker says that it is at work.
        wait_for(&place, "parts/.unfinished", &mut child);
        std::thread::sleep(Duration::from_millis(150));
        signal(&child, "KILL");
        assert_eq!(ended(child).code, None);
        assert!(place.path("parts/.unfinished").exists());
    }
    let refused = place.ntk("train --resume parts --lr 0.3 --batch 32");
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("--lr: 0.2 there, 0.3 here") && !refused.err.contains("--batch"), "{}", refused.err);

    let ran = place.ntk("train --resume parts --no-report --threads 3");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for file in ["metrics.csv", "metrics.jsonl", "weights.safetensors", "config.json"] {
        let [a, b] = ["whole", "parts"].map(|folder| place.bytes(&format!("{folder}/{file}")));
        // The command names the folder.
        let [a, b] = if file == "config.json" {
            [a, b]
                .map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap()["configuration"].to_string().into_bytes())
        } else {
            [a, b]
        };
        assert!(a == b, "{file} differs");
    }
    let refused = place.ntk("train --resume parts");
    assert!(refused.code == Some(2) && refused.err.contains("is finished"), "{}", refused.err);
    let refused = place.ntk("train --resume nowhere");
    assert!(refused.code == Some(2) && refused.err.contains("no training"), "{}", refused.err);
}

#[test]
fn a_training_that_another_process_works_at_or_that_is_damaged_is_refused() {
    let place = Place::new();
    let mut child = begin(&place, &format!("{LONG} --out t"));
    wait_for(&place, "t/metrics.jsonl", &mut child);
    let ran = place.ntk("train --resume t");
    assert_eq!(ran.code, Some(6), "{}", ran.err);
    assert!(ran.err.contains(&format!("process {}", child.id())), "{}", ran.err);
    signal(&child, "TERM");
    assert_eq!(ended(child).code, Some(143));
    let mut bytes = place.bytes("t/checkpoint.safetensors");
    *bytes.last_mut().unwrap() ^= 1;
    place.write("t/checkpoint.safetensors", bytes);
    let ran = place.ntk("train --resume t");
    assert!(ran.code == Some(6) && ran.err.contains("damaged"), "{}", ran.err);
    // Data that changed under a training.
    place.write("d.csv", "x,y,class\n1,2,a\n3,4,b\n5,7,a\n2,2,b\n");
    let ran = place.ntk("train --data csv:d.csv --classes 0,1 --steps 3 --out s --checkpoint-every 1 --metrics sharp");
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(!place.path("s").exists(), "what is refused leaves nothing");
}

#[test]
fn divergence_and_overflow_end_with_code_4_and_keep_the_curve() {
    let place = Place::new();
    let words = "train --data digits --n 100 --model mlp:64-16x2-10:relu --loss mse --steps 100 --every 1 --no-report";
    let ran = place.ntk(&format!("{words} --lr 1000 --out a"));
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("diverged") && ran.err.contains("at step"), "{}", ran.err);
    let loss = column(&place, "a/metrics.csv", "loss");
    assert!(loss.len() > 1 && loss.last().unwrap() > &(1e6 * loss[0]), "{loss:?}");
    let ran = place.ntk(&format!("{words} --lr 1e200 --out b --format json"));
    assert_eq!(ran.code, Some(4));
    let error = &ran.json()["error"];
    assert_eq!(error["kind"], "numerics");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("layer W") && message.contains("step 1"), "{message}");
    assert_eq!(column(&place, "b/metrics.csv", "step"), [0.0]);
}

#[test]
fn flags_that_make_no_sense_are_refused_before_anything_is_made() {
    let place = Place::new();
    for (words, answer) in [
        ("--optimizer flow --batch 3", "no mini-batches"),
        ("--steps 3 --epochs 2", "cannot be used with"),
        ("--lr 0", "above 0"),
        ("--momentum 1", "below 1"),
        ("--schedule step:3", "step:EVERY:FACTOR"),
        ("--metrics loss,sharpnes", "did you mean `sharpness`?"),
        ("--model mlp:64-8x1-1:relu --classes 3,8 --loss ce", "--loss mse"),
        ("--model mlp:64-8x1-10:relu,param=mup --optimizer adam", "Adam"),
    ] {
        let ran = place.ntk(&format!("train --data digits --n 50 --out x {words}"));
        assert_eq!(ran.code, Some(2), "{words}: {}", ran.err);
        assert!(ran.err.contains(answer), "{words}: {}", ran.err);
    }
    assert!(place.listing().is_empty(), "{:?}", place.listing());
}

#[test]
fn a_path_of_a_linear_model_is_a_parabola_and_its_plane_a_paraboloid() {
    let place = Place::new();
    place.write("m.toml", "input = [3]\nlayers = [{ kind = 'dense', out = 2 }]\n");
    let x: Vec<f64> = (0..15).map(|i| f64::from(i * i % 7) - 3.0).collect();
    let y: Vec<f64> = (0..10).map(|i| f64::from(i % 3) - 1.0).collect();
    place.write_npy("x.npy", &[5, 3], &x);
    place.write_npy("y.npy", &[5, 2], &y);
    let points: Vec<Vec<f64>> =
        (0..3).map(|k| (0..6).map(|i| f64::from((i * (k + 2) + k) % 5) - 2.0).collect()).collect();
    for (name, point) in ["a", "b", "c"].iter().zip(&points) {
        let array = Array::new([3, 2], point.clone()).unwrap();
        Params::new(vec!["W0".into()], vec![array]).unwrap().write_npz(&place.path(&format!("{name}.npz"))).unwrap();
    }
    let loss = |w: &[f64]| -> f64 {
        let f = |i: usize, a: usize| (0..3).map(|j| x[i * 3 + j] * w[j * 2 + a]).sum::<f64>() / 3f64.sqrt();
        (0..10).map(|k| (f(k / 2, k % 2) - y[k]).powi(2)).sum::<f64>() / 10.0
    };
    let at = |a: f64, b: f64| -> Vec<f64> {
        (0..6).map(|i| points[0][i] + a * (points[1][i] - points[0][i]) + b * (points[2][i] - points[0][i])).collect()
    };
    let words = "landscape --model m.toml --weights a.npz --x1 x.npy --y y.npy --loss mse --to b.npz";
    let ran = place.ntk(&format!("{words} --points 9 --range=-0.5,1.5 --out line --format json"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let line = place.read::<f64>("line/landscape.npy");
    for (k, found) in line.data.iter().enumerate() {
        let expected = loss(&at(k as f64 / 4.0 - 0.5, 0.0));
        assert!((found / expected - 1.0).abs() < 1e-12, "{k}: {found} {expected}");
    }
    // A parabola lies below its chord.
    assert_eq!(ran.json()["loss_barrier"], 0.0);
    let ran = place.ntk(&format!("{words} --and c.npz --points 5 --range 0,1 --out plane"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let plane = place.read::<f64>("plane/landscape.npy");
    assert_eq!(plane.shape, [5, 5]);
    for (k, found) in plane.data.iter().enumerate() {
        let expected = loss(&at((k % 5) as f64 / 4.0, (k / 5) as f64 / 4.0));
        assert!((found / expected - 1.0).abs() < 1e-12, "{k}: {found} {expected}");
    }
    for file in
        ["line/landscape.svg", "line/landscape.png", "plane/landscape.svg", "plane/landscape.png", "plane/report.html"]
    {
        assert!(!place.bytes(file).is_empty());
    }
    // Along an eigenvector the second difference is the eigenvalue.
    let ran = place.ntk(
        "landscape --model m.toml --weights a.npz --x1 x.npy --y y.npy --loss mse --along eigen --points 3 --out eigen \
         --format json --no-report",
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let top = ran.json()["eigenvalues"][0].as_f64().unwrap();
    let three = place.read::<f64>("eigen/landscape.npy").data;
    let bend = three[0] - 2.0 * three[1] + three[2];
    assert!((bend / top - 1.0).abs() < 1e-5, "{bend} {top}");
    for (words, answer) in
        [("--along path", "--to"), ("--along random --to a.npz", "leave one of them out"), ("--points 1", "at least 2")]
    {
        let ran = place.ntk(&format!("landscape --model m.toml --weights a.npz --x1 x.npy --y y.npy {words} --out no"));
        assert!(ran.code == Some(2) && ran.err.contains(answer), "{words}: {}", ran.err);
    }
}
