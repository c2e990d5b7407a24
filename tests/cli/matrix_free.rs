//! `ntk spectrum` of a network, whose kernel is applied and never stored, held against the kernel that is; and of a stored
//! kernel that does not fit.

use ntk::array::Array;
use serde_json::Value;

use crate::program::{Place, numbers};

const NET: &str = "--model mlp:64-24x2-3:tanh --x1 x.npy --y y.npy";

fn place() -> Place {
    let place = Place::new();
    place.write_npy("x.npy", &[90, 64], &numbers(90 * 64));
    place.write_npy("y.npy", &[90, 3], &numbers(270));
    place
}

/// The estimate is within four standard errors, and half a per cent for what quadrature leaves.
fn is_near(estimate: &Value, expected: f64, what: &str) {
    let [value, error] = ["value", "error"].map(|key| estimate[key].as_f64().unwrap());
    assert!(
        (value - expected).abs() < 4.0 * error + 5e-3 * expected.abs(),
        "{what}: {value} ± {error}, not {expected}"
    );
    assert!(error < 0.1 * expected.abs(), "{what}: ± {error} of {expected}");
}

#[test]
fn what_is_estimated_is_what_the_stored_kernel_has() {
    let place = place();
    for outputs in ["trace", "full", "sum-trace", "diagonal", "sum-of-logits"] {
        let stored = place.kernel(&format!("{NET} --outputs {outputs} --spectrum full"), &format!("k-{outputs}"));
        let eigenvalues = place.read::<f64>(&format!("k-{outputs}/eigenvalues.npy")).data;
        let words = format!("spectrum {NET} --outputs {outputs} --ridge 1e-2 --tolerance 1e-9 --no-report");
        let ran = place.ntk(&format!("{words} --out s-{outputs} --format json"));
        assert_eq!(ran.code, Some(0), "{outputs}: {}{}", ran.out, ran.err);
        let record = ran.json();
        let found = &record["spectrum"];
        let (of_kernel, rows) = (&stored["spectrum"], eigenvalues.len());
        assert_eq!(found["rows"], rows, "{outputs}");
        let top = place.read::<f64>(&format!("s-{outputs}/eigenvalues.npy")).data;
        assert_eq!(top.len(), 10);
        for (a, b) in top.iter().zip(&eigenvalues) {
            assert!((a - b).abs() < 1e-8 * eigenvalues[0], "{outputs}: {a} for {b}");
        }
        for name in ["trace", "frobenius_norm", "effective_rank"] {
            is_near(&found[name], of_kernel[name].as_f64().unwrap(), &format!("{outputs} {name}"));
        }
        let shift = found["ridge"].as_f64().unwrap();
        assert!((shift / (1e-2 * found["trace"]["value"].as_f64().unwrap() / rows as f64) - 1.0).abs() < 1e-12);
        let determinant: f64 = eigenvalues.iter().map(|x| (x.max(0.0) + shift).ln()).sum();
        is_near(&found["log_determinant"], determinant, &format!("{outputs} log determinant"));
        solves(&place, outputs, shift, found["solve"]["form"].as_f64().unwrap());
        assert!(found["products"].as_u64().unwrap() > 300);
    }
}

/// `(K + r I) x = y`, by the stored kernel.
fn solves(place: &Place, outputs: &str, shift: f64, form: f64) {
    let kernel = place.read::<f64>(&format!("k-{outputs}/kernel.npy"));
    let x = place.read::<f64>(&format!("s-{outputs}/solution.npy"));
    let (n, o, y) = (90, 3, numbers(270));
    let entry = |i: usize, a: usize, j: usize, b: usize| match outputs {
        "full" => kernel.data[((i * n + j) * o + a) * o + b],
        "diagonal" if a == b => kernel.data[(i * n + j) * o + a],
        "diagonal" => 0.0,
        _ if a == b => kernel.data[i * n + j],
        _ => 0.0,
    };
    let apart = !matches!(outputs, "full" | "diagonal");
    let x = |i: usize, a: usize| x.data[if apart { a * n + i } else { i * o + a }];
    let mut product = 0.0;
    for (i, a) in (0..n).flat_map(|i| (0..o).map(move |a| (i, a))) {
        let image: f64 =
            (0..n).flat_map(|j| (0..o).map(move |b| (j, b))).map(|(j, b)| entry(i, a, j, b) * x(j, b)).sum();
        let target = y[i * o + a];
        assert!((image + shift * x(i, a) - target).abs() < 1e-6, "{outputs} {i} {a}: {image} for {target}");
        product += target * x(i, a);
    }
    assert!((form / product - 1.0).abs() < 1e-9, "{outputs}: {form} for {product}");
}

#[test]
fn the_same_for_any_threads_and_memory_and_told_for_reading() {
    let place = place();
    let words = format!("spectrum {NET} --spectrum top:3 --probes 4 --steps 10 --no-report");
    let reference = place.ntk(&format!("{words} --threads 1 --out a --format json"));
    assert_eq!(reference.code, Some(0), "{}", reference.err);
    let other = place.ntk(&format!("{words} --threads 3 --memory 24MiB --out b --format json"));
    assert_eq!(other.code, Some(0), "{}", other.err);
    assert_eq!(reference.json()["spectrum"], other.json()["spectrum"]);
    let told = place.ntk(&format!("{words} --out c")).out;
    for word in ["largest eigenvalue", "residual", "trace", "+-", "effective rank", "never stored"] {
        assert!(told.contains(word), "{word}: {told}");
    }
}

#[test]
fn what_cannot_be_asked_is_refused_before_anything_is_made() {
    let place = place();
    place.write_npy("k.npy", &[2, 2], &[2.0, 1.0, 1.0, 2.0]);
    let before = place.listing();
    for (words, code, said) in [
        (format!("{NET} --spectrum full"), 2, "ntk kernel --spectrum full"),
        (format!("{NET} --spectrum top:91"), 2, "top:90"),
        ("--model mlp:64-8x1-3:tanh --x1 x.npy --ridge 1".into(), 2, "--y"),
        ("k.npy --model mlp:64-8x1-3:tanh".into(), 2, "cannot be used with"),
        ("k.npy --ridge 1".into(), 2, "--model"),
        (String::new(), 2, "K.npy"),
        (format!("{NET} --memory 8MiB"), 5, "raise --memory"),
    ] {
        let ran = place.ntk(&format!("spectrum {words}"));
        assert_eq!(ran.code, Some(code), "{words}: {}", ran.err);
        assert!(ran.err.contains(said), "{words}: {}", ran.err);
    }
    assert_eq!(place.listing(), before);
}

#[test]
fn a_stored_kernel_that_does_not_fit_is_read_by_rows_to_the_same_bits() {
    let place = Place::new();
    const N: usize = 2200;
    let mut matrix = Array::full([N, N], 0.0_f64).unwrap();
    for (at, x) in matrix.data.iter_mut().enumerate() {
        let (i, j) = (at / N, at % N);
        *x = 1.0 / (1.0 + i.abs_diff(j) as f64) + if i == j { 1.0 / (1.0 + i as f64) } else { 0.0 };
    }
    place.write_npy("k.npy", &[N, N], &matrix.data);
    let words = "spectrum k.npy --spectrum top:4 --no-report --format json";
    let [whole, rows] = [("1GiB", "a"), ("34MiB", "b")].map(|(memory, out)| {
        let ran = place.ntk(&format!("{words} --memory {memory} --out {out}"));
        assert_eq!(ran.code, Some(0), "{memory}: {}", ran.err);
        ran.json()
    });
    assert_eq!(whole["spectrum"], rows["spectrum"]);
    assert!(place.bytes("a/eigenvalues.npy") == place.bytes("b/eigenvalues.npy"));
    let peak = |record: &Value| record["memory"]["peak_bytes"].as_u64().unwrap();
    assert!(peak(&whole) > 8 * (N * N) as u64 && peak(&rows) < 34 << 20, "{} {}", peak(&whole), peak(&rows));
    // All eigenvalues are too many for it: by default the largest, and refused where they are asked for.
    let ran = place.ntk("spectrum k.npy --memory 40MiB --out c --no-report");
    assert!(ran.code == Some(0) && ran.err.contains("the largest are found"), "{}", ran.err);
    let ran = place.ntk("spectrum k.npy --memory 40MiB --spectrum full --out d");
    assert!(ran.code == Some(5) && ran.err.contains("top:16"), "{}", ran.err);
}
