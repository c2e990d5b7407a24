//! `ntk bench`: what its table says is what the library counts and the process took. No time is judged.

use serde_json::Value;

use ntk::contraction::Outputs;
use ntk::model::Architecture;

use crate::program::Place;

/// Runs `ntk bench .. --format json --out b`, which must succeed; the object that it prints.
fn bench(place: &Place, words: &str) -> Value {
    let ran = place.ntk(&format!("bench {words} --out b --format json"));
    assert_eq!(ran.code, Some(0), "{words}: {}{}", ran.out, ran.err);
    ran.json()
}

fn lines(result: &Value) -> &[Value] {
    result["measurements"].as_array().unwrap()
}

/// The lines of the table in `bench.csv`, by column.
fn csv(place: &Place) -> Vec<Vec<(String, String)>> {
    let text = String::from_utf8(place.bytes("b/bench.csv")).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let head = rows.next().unwrap();
    rows.map(|row| {
        assert_eq!(row.len(), head.len(), "{row:?}");
        head.iter().cloned().zip(row).collect()
    })
    .collect()
}

#[test]
fn a_sweep_has_a_line_for_every_size_and_method_and_the_kernels_agree() {
    let place = Place::new();
    let words = "--model mlp:64-16x2-10:tanh --sweep n=9,5 --sweep width=8,12 --sweep outputs=1,3 --repeat 2";
    let result = bench(&place, words);
    let files = ["bench-2.png", "bench-2.svg", "bench-3.png", "bench-3.svg", "bench-4.png", "bench-4.svg"];
    let more = ["bench.csv", "bench.png", "bench.svg", "report.html", "result.json"];
    assert_eq!(place.names("b"), [&files[..], &more[..]].concat());
    assert_eq!(result, place.json("b/result.json"));
    assert_eq!(lines(&result).len(), 2 * 2 * 2 * 3);
    let mut order = Vec::new();
    for line in lines(&result) {
        let of = |name: &str| line[name].as_u64().unwrap() as usize;
        let (n, width, outputs) = (of("n"), of("width"), of("outputs"));
        assert_eq!(line["status"], "measured", "{line}");
        assert_eq!(line["model"], format!("mlp:64-{width}x2-{outputs}:tanh"));
        let parameters = 64 * width + width * width + width * outputs + 2 * width + outputs;
        assert_eq!(of("parameters"), parameters);
        assert_eq!(of("jacobian_bytes"), n * outputs * parameters * 8);
        let model = Architecture::parse(line["model"].as_str().unwrap()).unwrap();
        let least = model.ntk_flops(n, None, Outputs::Trace).unwrap().total_best() / 1e9;
        assert!((line["gflop"].as_f64().unwrap() / least - 1.0).abs() < 1e-12, "{line}");
        let [seconds, rate] = ["seconds", "gflop_per_second"].map(|name| line[name].as_f64().unwrap());
        assert!((rate * seconds / least - 1.0).abs() < 1e-12 && line["seconds_runs"].as_array().unwrap().len() == 2);
        assert!(line["peak_bytes"].as_u64().unwrap() > 1 << 20);
        let reference = line["method"] == "jacobian";
        assert_eq!(line["reference"], reference);
        assert!(reference || line["relative_error"].as_f64().unwrap() < 1e-12, "{line}");
        order.push((outputs, width, n, line["method"].as_str().unwrap().to_owned()));
    }
    // Samples run fastest, then widths; methods in the order asked for.
    let mut sorted = order.clone();
    let place_of = |method: &str| ["structured", "products", "jacobian"].iter().position(|m| *m == method);
    sorted.sort_by_key(|(outputs, width, n, method)| (*outputs, *width, *n, place_of(method)));
    assert_eq!(order, sorted);
    for (row, line) in csv(&place).iter().zip(lines(&result)) {
        for (name, cell) in row {
            match name.as_str() {
                "runs" => assert_eq!(cell, "2"),
                name => match &line[name] {
                    Value::Null => assert_eq!(cell, ""),
                    Value::Bool(_) | Value::String(_) => {
                        assert_eq!(cell, line[name].to_string().trim_matches('"'));
                    }
                    number => {
                        let (found, expected) = (cell.parse::<f64>().unwrap(), number.as_f64().unwrap());
                        assert!((found - expected).abs() <= 1e-14 * expected.abs(), "{name}: {cell} and {number}");
                    }
                },
            }
        }
    }
}

#[test]
fn a_jacobian_that_does_not_fit_is_a_line_that_says_what_it_would_need() {
    let place = Place::new();
    let words = "--model mlp:64-128x2-10:relu --n 60 --memory 80MiB --repeat 1";
    let result = bench(&place, words);
    let [structured, products, jacobian] = lines(&result) else { panic!("{result}") };
    assert_eq!((&structured["status"], &products["status"]), (&"measured".into(), &"measured".into()));
    assert_eq!(jacobian["status"], "too large");
    let bytes = |name: &str| jacobian[name].as_u64().unwrap();
    assert!(bytes("planned_bytes") > bytes("jacobian_bytes") && bytes("jacobian_bytes") > 80 << 20);
    assert!(jacobian["reason"].as_str().unwrap().starts_with("would need 1"), "{jacobian}");
    // Without a Jacobian the products are what others are held against.
    assert_eq!(products["reference"], true);
    assert!(structured["relative_error"].as_f64().unwrap() < 1e-12);
    std::fs::remove_dir_all(place.path("b")).unwrap();
    let ran = place.ntk(&format!("bench {words} --out b"));
    assert!(ran.out.contains("jacobian    would need 1") && ran.out.contains("--memory allows 80 MiB"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
}

#[test]
fn what_would_outlast_the_patience_is_left_out_and_says_so() {
    let place = Place::new();
    let result = bench(&place, "--model mlp:64-16x2-10:relu --n 20 --patience 1e-9 --no-report");
    assert!(lines(&result).iter().all(|line| line["status"] == "too long" && line["seconds"].is_null()), "{result}");
    assert_eq!(place.names("b"), ["bench.csv", "result.json"]);
}

/// Each method is a process of its own, so that one does not carry the peak of another.
#[cfg(target_os = "linux")]
#[test]
fn the_peak_memory_is_that_of_the_method() {
    let place = Place::new();
    let words = "--model mlp:64-256x2-10:relu --n 40 --repeat 2 --methods jacobian,structured --no-report";
    let result = bench(&place, words);
    let [jacobian, structured] = lines(&result) else { panic!("{result}") };
    let bytes = |line: &Value, name: &str| line[name].as_f64().unwrap();
    let explicit = bytes(jacobian, "jacobian_bytes");
    assert!((1.0..1.3).contains(&(bytes(jacobian, "peak_bytes") / explicit)), "{jacobian}");
    assert!(bytes(structured, "peak_bytes") < 0.2 * explicit, "{structured}");
    let planned = bytes(jacobian, "peak_bytes") / bytes(jacobian, "planned_bytes");
    assert!((planned - 1.0).abs() < 0.15, "{jacobian}");
}

#[test]
fn arrays_model_files_and_single_precision_are_measured_too() {
    let place = Place::new();
    let toml = "input = [4]\nlayers = [ { kind = \"dense\", out = 6, W_std = 1.0 }, { kind = \"tanh\" }, \
                { kind = \"dense\", out = 2, W_std = 1.0 } ]\n";
    place.write("net.toml", toml);
    place.write_npy("x.npy", &[7, 4], &crate::program::numbers(28));
    let result = bench(&place, "--model net.toml --x1 x.npy --sweep n=3,7 --dtype f32 --outputs full --repeat 1");
    assert_eq!(lines(&result).len(), 6);
    for line in lines(&result) {
        assert_eq!((&line["status"], &line["width"]), (&"measured".into(), &Value::Null));
        assert!(line["reference"] == true || line["relative_error"].as_f64().unwrap() < 1e-5, "{line}");
        assert_eq!(line["jacobian_bytes"], line["n"].as_u64().unwrap() * 2 * (24 + 12) * 4);
    }
    // Two ways to sum in single precision do differ.
    assert!(lines(&result).iter().any(|line| line["relative_error"].as_f64().is_some_and(|error| error > 0.0)));
}

#[test]
fn a_dry_run_plans_the_same_lines_and_leaves_nothing() {
    let place = Place::new();
    let words = "bench --sweep depth=1,2 --n 30 --memory 100MiB";
    let ran = place.ntk(&format!("{words} --dry-run --format json"));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let plans = ran.json()["plans"].as_array().unwrap().clone();
    assert_eq!(plans.len(), 6);
    assert!(plans.iter().any(|plan| plan["status"] == "too large"), "{}", ran.out);
    assert!(place.ntk(&format!("{words} --dry-run")).out.contains("explicit Jacobian"));
    assert!(place.listing().is_empty());
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_made() {
    let place = Place::new();
    place.write("net.toml", "input = [64]\nlayers = [ { kind = \"dense\", out = 10, W_std = 1.0 } ]\n");
    let listing = place.listing();
    for (words, said) in [
        ("--sweep m=3", "n, width, depth, outputs"),
        ("--sweep widht=3", "\"width\""),
        ("--sweep n=0", "at least 1"),
        ("--sweep n=3,3", "twice"),
        ("--sweep n=3 --sweep n=4", "one list"),
        ("--sweep n=3 --n 3", "leave one of them out"),
        ("--sweep n=2000", "1797"),
        ("--sweep width=8 --model net.toml", "preset"),
        ("--sweep depth=2 --model mlp:64-8-9-10:relu", "several widths"),
        ("--methods auto", "structured"),
        ("--methods structured,structured", "twice"),
        ("--methods jacobain", "jacobian"),
        ("--patience 0", "above 0"),
        ("--repeat 0", "at least 1"),
        ("--weights w.npz --model net.toml", "leave it out"),
        ("--model mlp:63-8x2-10:relu", "64"),
    ] {
        let ran = place.ntk(&format!("bench {words} --out b"));
        assert_eq!(ran.code, Some(2), "{words}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{words}: no {said:?} in {}", ran.err);
        assert_eq!(place.listing(), listing, "{words}");
    }
}

#[test]
fn a_benchmark_of_which_nothing_can_be_computed_fails_as_its_kernels_do() {
    let place = Place::new();
    place.write_npy("x.npy", &[3, 2], &[1e308, 1e308, 1.0, 2.0, 3.0, 4.0]);
    let ran = place.ntk("bench --model mlp:2-4x2-1:relu --x1 x.npy --out b --format json");
    assert_eq!(ran.code, Some(4), "{}{}", ran.out, ran.err);
    assert_eq!(ran.json()["error"]["kind"], "numerics");
    assert!(!place.path("b").exists());
}
