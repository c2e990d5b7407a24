//! What the command line promises: flags, folders, shapes, numbers, output for programs.

use std::io::Read;
use std::process::Stdio;

use ntk::array::Array;
use ntk::contraction::{Method, Observer, Outputs, Settings, kernel};
use ntk::data::{Dataset, Selection, Source};
use ntk::model::Architecture;
use ntk::params::Params;
use serde_json::Value;

use crate::program::{Place, numbers, relative_error};

const MODEL: &str = "mlp:64-24x2-10:relu";

/// The same kernel from the library.
fn expected(model: &str, seed: u64, data: &Dataset, outputs: Outputs) -> Array<f64> {
    let model = Architecture::parse(model).unwrap();
    let parameters: Vec<Array<f64>> =
        model.init(seed).unwrap().into_iter().map(|(_, shape, data)| Array::new(shape, data).unwrap()).collect();
    let settings = Settings { outputs, method: Method::Structured, ..Settings::default() };
    let columns = data.test.as_ref().map(|part| &part.inputs);
    let observer = Observer::default();
    kernel(&model, &parameters, &data.inputs, columns, &settings, &observer).unwrap().kernel
}

fn digits(selection: &Selection, outputs: usize) -> Dataset {
    let mut data = Dataset::load(&Source::Digits, selection).unwrap();
    data.fit(&[64], outputs).unwrap();
    data
}

#[test]
fn without_a_word_it_does_the_main_job_and_numbers_its_folders() {
    let place = Place::new();
    let ran = place.run::<&str>([]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let files = [
        "eigenvalues.npy",
        "kernel.npy",
        "kernel.png",
        "kernel.svg",
        "report.html",
        "result.json",
        "spectrum.png",
        "spectrum.svg",
    ];
    assert_eq!(place.names("runs/kernel-1"), files);
    assert_eq!(place.read::<f64>("runs/kernel-1/kernel.npy").shape, [1797, 1797]);
    let result = place.json("runs/kernel-1/result.json");
    assert_eq!(result["configuration"]["model"], "mlp:64-512x2-10:relu");
    let words = ["largest eigenvalue", "smallest eigenvalue", "condition number", "effective rank", "trace"];
    let more = ["kernel-target alignment", "time", "GFLOP/s", "peak memory", "explicit Jacobian", "runs/kernel-1"];
    for word in words.iter().chain(&more) {
        assert!(ran.out.contains(word), "{word}: {}", ran.out);
    }
    assert_eq!(place.ntk("kernel --n 12 --no-report").code, Some(0));
    assert_eq!(place.names("runs"), ["kernel-1", "kernel-2"]);
    assert_eq!(place.names("runs/kernel-2"), ["eigenvalues.npy", "kernel.npy", "result.json"]);
    assert_eq!(place.ntk("spectrum runs/kernel-2/kernel.npy").code, Some(0));
    assert_eq!(place.names("runs"), ["kernel-1", "kernel-2", "spectrum-1"]);
}

#[test]
fn every_choice_of_outputs_has_its_shape_and_the_librarys_numbers() {
    let place = Place::new();
    let data = digits(&Selection { n: Some(40), seed: 5, ..Selection::default() }, 10);
    for outputs in Outputs::ALL {
        let name = outputs.name();
        let words = format!("--model {MODEL} --n 40 --seed 5 --outputs {name} --method structured");
        let result = place.kernel(&words, name);
        let found = place.read::<f64>(&format!("{name}/kernel.npy"));
        assert_eq!(found, expected(MODEL, 5, &data, outputs), "{name}");
        assert_eq!(found.shape, outputs.shape(40, 40, 10));
        assert_eq!(result["kernel"]["shape"], serde_json::json!(found.shape));
        // The spectrum is that of the matrix which the shape means: its trace is the sum of the eigenvalues.
        let eigenvalues = place.read::<f64>(&format!("{name}/eigenvalues.npy")).data;
        let rows = if matches!(outputs, Outputs::Full | Outputs::Diagonal) { 400 } else { 40 };
        assert_eq!(eigenvalues.len(), rows);
        let trace = result["spectrum"]["trace"].as_f64().unwrap();
        assert!((eigenvalues.iter().sum::<f64>() / trace - 1.0).abs() < 1e-12);
        assert!(eigenvalues.is_sorted_by(|a, b| a >= b));
    }
}

#[test]
fn methods_agree_to_rounding_and_single_precision_to_single() {
    let place = Place::new();
    for outputs in ["full", "trace"] {
        let words = format!("--model {MODEL} --n 30 --spectrum none --outputs {outputs}");
        place.kernel(&format!("{words} --method structured"), outputs);
        let reference = place.read::<f64>(&format!("{outputs}/kernel.npy"));
        for method in ["auto", "products", "jacobian"] {
            let out = format!("{outputs}-{method}");
            let result = place.kernel(&format!("{words} --method {method}"), &out);
            assert!(method == "auto" || result["kernel"]["method"] == method);
            let found = place.read::<f64>(&format!("{out}/kernel.npy"));
            assert!(relative_error(&found.data, &reference.data) < 1e-12, "{out}");
        }
        let out = format!("{outputs}-f32");
        place.kernel(&format!("{words} --dtype f32"), &out);
        let header = place.bytes(&format!("{out}/kernel.npy"));
        assert!(String::from_utf8_lossy(&header[..128]).contains("'<f4'"));
        let found = place.read::<f64>(&format!("{out}/kernel.npy"));
        assert!(relative_error(&found.data, &reference.data) < 1e-5, "{out}");
    }
}

#[test]
fn threads_and_memory_change_no_bit() {
    let place = Place::new();
    let words = "--model mlp:64-96x2-10:relu --n 700 --spectrum none --method structured";
    for (dtype, limits) in [("f64", ["19MiB", "20MiB", "60MiB"]), ("f32", ["14MiB", "15MiB", "40MiB"])] {
        let words = format!("{words} --dtype {dtype}");
        place.kernel(&words, dtype);
        let reference = place.bytes(&format!("{dtype}/kernel.npy"));
        for threads in [1, 2, 3, 7] {
            let out = format!("{dtype}-t{threads}");
            place.kernel(&format!("{words} --threads {threads}"), &out);
            assert!(place.bytes(&format!("{out}/kernel.npy")) == reference, "{out}");
        }
        let mut kept = Vec::new();
        for memory in limits {
            let out = format!("{dtype}-{memory}");
            let result = place.kernel(&format!("{words} --threads 2 --memory {memory}"), &out);
            assert!(place.bytes(&format!("{out}/kernel.npy")) == reference, "{out}");
            kept.push(result["kernel"]["resident_blocks"].as_u64().unwrap());
            assert!(result["memory"]["planned_bytes"].as_u64() <= result["configuration"]["memory_bytes"].as_u64());
        }
        // The limits do bite.
        assert!(kept.is_sorted() && kept[0] < kept[2], "{kept:?}");
    }
}

#[test]
fn several_seeds_are_averaged() {
    let place = Place::new();
    let result = place.kernel(&format!("--model {MODEL} --n 20 --seed 7 --seeds 3"), "mean");
    assert_eq!(result["digests"]["weights_sha256"].as_array().unwrap().len(), 3);
    let data = digits(&Selection { n: Some(20), seed: 7, ..Selection::default() }, 10);
    let mut mean = vec![0.0; 400];
    for seed in 7..10 {
        let one = expected(MODEL, seed, &data, Outputs::Trace);
        mean.iter_mut().zip(&one.data).for_each(|(mean, x)| *mean += x / 3.0);
    }
    assert!(relative_error(&place.read::<f64>("mean/kernel.npy").data, &mean) < 1e-14);
}

#[test]
fn a_kernel_between_two_parts_has_columns_of_the_other_and_no_spectrum() {
    let place = Place::new();
    let result = place.kernel(&format!("--model {MODEL} --n 25 --test 13"), "k");
    let data = digits(&Selection { n: Some(25), test: 13, ..Selection::default() }, 10);
    assert_eq!(place.read::<f64>("k/kernel.npy"), expected(MODEL, 0, &data, Outputs::Trace));
    assert!(result["spectrum"].is_null() && result["configuration"]["m"] == 13);
    assert_eq!(place.names("k"), ["kernel.npy", "result.json"]);
}

#[test]
fn two_classes_give_one_output_and_labels_of_both_signs() {
    let place = Place::new();
    let result = place.kernel("--classes 3,5 --n 40 --outputs full", "k");
    assert_eq!(result["configuration"]["model"], "mlp:64-512x2-1:relu");
    let kernel = place.read::<f64>("k/kernel.npy");
    assert_eq!(kernel.shape, [40, 40, 1, 1]);
    let selection = Selection { n: Some(40), classes: vec!["3".into(), "5".into()], ..Selection::default() };
    let y = digits(&selection, 1).targets.data;
    assert!(y.iter().all(|y| y.abs() == 1.0) && y.iter().sum::<f64>() == 0.0);
    // The definition of the alignment, for targets of both signs.
    let product: f64 = (0..1600).map(|at| kernel.data[at] * y[at / 40] * y[at % 40]).sum();
    let norm = kernel.data.iter().map(|k| k * k).sum::<f64>().sqrt() * 40.0;
    let alignment = result["spectrum"]["kernel_target_alignment"].as_f64().unwrap();
    assert!((alignment - product / norm).abs() < 1e-12);
}

#[test]
fn arrays_are_taken_as_they_are_and_weights_come_back_from_both_formats() {
    let place = Place::new();
    let model = Architecture::parse("mlp:6-8x1-3:tanh").unwrap();
    place.write_npy("a.npy", &[5, 6], &numbers(30));
    place.write_npy("b.npy", &[4, 6], &numbers(54)[30..]);
    place.write_npy("y.npy", &[5], &[0.0, 1.0, 2.0, 0.0, 1.0]);
    let drawn = model.init(3).unwrap();
    let names = drawn.iter().map(|(name, ..)| name.clone()).collect();
    let arrays = drawn.into_iter().map(|(_, shape, data)| Array::new(shape, data).unwrap()).collect();
    let params = Params::new(names, arrays).unwrap();
    params.write_npz(&place.path("w.npz")).unwrap();
    params.write_safetensors(&place.path("w.safetensors")).unwrap();

    let words = "--model mlp:6-8x1-3:tanh --x1 a.npy --x2 b.npy --outputs full";
    place.kernel(&format!("{words} --seed 3"), "drawn");
    let mut data = Dataset::from_npy(&place.path("a.npy"), Some(&place.path("b.npy")), None).unwrap();
    data.fit(&[6], 3).unwrap();
    assert_eq!(place.read::<f64>("drawn/kernel.npy"), expected("mlp:6-8x1-3:tanh", 3, &data, Outputs::Full));
    for weights in ["w.npz", "w.safetensors"] {
        let result = place.kernel(&format!("{words} --weights {weights}"), &format!("of-{weights}"));
        assert!(place.bytes(&format!("of-{weights}/kernel.npy")) == place.bytes("drawn/kernel.npy"));
        assert_eq!(result["digests"]["weights_sha256"], place.json("drawn/result.json")["digests"]["weights_sha256"]);
        assert_eq!(result["configuration"]["weights"], weights);
    }
    let with = place.kernel("--model mlp:6-8x1-3:tanh --x1 a.npy --y y.npy", "with");
    assert!(with["spectrum"]["kernel_target_alignment"].as_f64().unwrap() > 0.0);
    let without = place.kernel("--model mlp:6-8x1-3:tanh --x1 a.npy", "without");
    assert!(without["spectrum"]["kernel_target_alignment"].is_null());
}

#[test]
fn a_described_model_is_the_model() {
    let place = Place::new();
    let described = place.ntk(&format!("describe-model {MODEL},param=standard,b_std=0.5"));
    place.write("net.toml", &described.out);
    place.kernel(&format!("--model {MODEL},param=standard,b_std=0.5 --n 10"), "preset");
    place.kernel("--model net.toml --n 10", "file");
    assert!(place.bytes("preset/kernel.npy") == place.bytes("file/kernel.npy"));
    let described = place.ntk(&format!("describe-model {MODEL} --format json")).json();
    assert_eq!(described["parameter_count"], 64 * 24 + 24 + 24 * 24 + 24 + 24 * 10 + 10);
}

#[test]
fn normalizations_differ_and_repeats_are_timed() {
    let place = Place::new();
    let mut seen = Vec::new();
    for how in ["none", "unit", "standard", "rows"] {
        place.kernel(&format!("--model {MODEL} --n 10 --normalize {how}"), how);
        seen.push(place.bytes(&format!("{how}/kernel.npy")));
    }
    let usual = place.kernel(&format!("--model {MODEL} --n 10 --repeat 4"), "usual");
    assert!(seen[2] == place.bytes("usual/kernel.npy"), "standard is the default");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4);
    assert_eq!(usual["seconds"]["kernel_runs"].as_array().unwrap().len(), 4);
}

#[test]
fn output_for_programs_is_the_record_and_nothing_else() {
    let place = Place::new();
    let ran = place.ntk(&format!("kernel --model {MODEL} --n 20 --format json --out k"));
    assert_eq!(ran.out.as_bytes(), place.bytes("k/result.json"));
    let result = ran.json();
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer}"));
    assert_eq!(result["schema"], 1);
    for pointer in
        ["/gflop", "/gflop_per_second", "/memory/peak_bytes", "/memory/planned_bytes", "/memory/jacobian_bytes"]
    {
        assert!(number(pointer) > 0.0, "{pointer}");
    }
    for phase in ["load", "weights", "kernel", "spectrum", "write", "plots"] {
        assert!(number(&format!("/seconds/{phase}")) >= 0.0);
    }
    for digest in [&result["digests"]["data_sha256"], &result["digests"]["weights_sha256"][0]] {
        assert_eq!(digest.as_str().unwrap().len(), 64);
    }
    for key in ["model", "data", "n", "seed", "seeds", "outputs", "method", "dtype", "threads", "memory_bytes"] {
        assert!(!result["configuration"][key].is_null(), "{key}");
    }
    assert_eq!(result["command_line"], format!("ntk kernel --model {MODEL} --n 20 --format json --out k"));
    // The explicit Jacobian: samples times outputs times parameters.
    let parameters = number("/configuration/parameters");
    assert_eq!(number("/memory/jacobian_bytes"), 8.0 * 20.0 * 10.0 * parameters);
}

#[test]
fn a_failure_for_programs_is_one_object() {
    let place = Place::new();
    place.write("bad.toml", "input = [4]\nlayers = [ { kind = \"dens\", out = 3 } ]\n");
    place.write("bad.csv", "1,2,0\n2,3\n");
    place.write("full/file", "");
    for (words, code, kind, path, line) in [
        ("kernel --model bad.toml", 2, "usage", Some("bad.toml"), Some(2)),
        ("kernel --data csv:bad.csv", 3, "data", Some("bad.csv"), Some(2)),
        ("kernel --out full --n 5", 2, "usage", Some("full"), None),
        ("kernel --outputs ful", 2, "usage", None, None),
        ("kernel --memory 1MiB --n 5", 5, "resources", None, None),
        ("spectrum none.npy", 3, "data", Some("none.npy"), None),
    ] {
        let ran = place.ntk(&format!("{words} --format json"));
        let error = &ran.json()["error"];
        let mut keys: Vec<&String> = error.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["code", "hint", "kind", "line", "message", "path"]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(code), ""), "{words}");
        assert_eq!((error["code"].as_i64(), error["kind"].as_str()), (Some(code.into()), Some(kind)), "{words}");
        assert_eq!((error["path"].as_str(), error["line"].as_u64()), (path, line), "{words}");
        assert!(error["hint"].as_str().is_some_and(|hint| hint.len() > 5), "{words}: {error}");
    }
}

#[test]
fn a_dry_run_tells_the_cost_and_writes_nothing() {
    let place = Place::new();
    let ran = place.ntk("kernel --n 1000 --dry-run --format json");
    let told = ran.json();
    let parts = told["memory"]["parts"].as_array().unwrap();
    let sum: u64 = parts.iter().map(|part| part["bytes"].as_u64().unwrap()).sum();
    assert_eq!(told["memory"]["planned_bytes"], sum);
    let phases = told["memory"]["phases"].as_array().unwrap();
    let names: Vec<_> = phases.iter().map(|phase| phase["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["sweeps", "tiles", "reading", "spectrum", "plots"]);
    assert_eq!(phases.iter().filter_map(|phase| phase["bytes"].as_u64()).max(), Some(sum));
    assert!(told["gflop"].as_f64().unwrap() > 1.0 && told["seconds_expected"].as_f64().unwrap() > 0.0);
    let text = place.ntk("kernel --n 1000 --dry-run").out;
    for word in ["work", "expected time", "peak memory", "weights", "explicit Jacobian"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(place.listing().is_empty());
}

#[test]
fn stored_kernels_of_every_shape_have_the_spectrum_they_had() {
    let place = Place::new();
    for outputs in ["trace", "diagonal", "full"] {
        let computed =
            place.kernel(&format!("--model mlp:64-16x1-3:relu --classes 0,1,2 --n 15 --outputs {outputs}"), outputs);
        let ran = place.ntk(&format!("spectrum {outputs}/kernel.npy --format json --out s-{outputs}"));
        assert_eq!(ran.out.as_bytes(), place.bytes(&format!("s-{outputs}/result.json")));
        let stored = ran.json();
        assert!(
            place.bytes(&format!("s-{outputs}/eigenvalues.npy")) == place.bytes(&format!("{outputs}/eigenvalues.npy"))
        );
        for key in ["rows", "largest_eigenvalue", "smallest_eigenvalue", "condition_number", "trace"] {
            assert_eq!(stored["spectrum"][key], computed["spectrum"][key], "{outputs} {key}");
        }
        let top = place.ntk(&format!("spectrum {outputs}/kernel.npy --spectrum top:3 --out t-{outputs}"));
        assert_eq!(top.code, Some(0));
        let (top, all) = (
            place.read::<f64>(&format!("t-{outputs}/eigenvalues.npy")),
            place.read::<f64>(&format!("s-{outputs}/eigenvalues.npy")),
        );
        assert!(top.shape == [3] && relative_error(&top.data, &all.data[..3]) < 1e-9);
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let place = Place::new();
    let mut child = place
        .command(["kernel", "--n", "20", "--model", MODEL])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
    assert!(place.path("runs/kernel-1/result.json").exists());
}

#[test]
fn every_line_fits_the_width_and_is_plain_where_nobody_looks() {
    let place = Place::new();
    for columns in ["20", "40", "80"] {
        for words in ["kernel --n 40 --dry-run", "kernel --n 40", "list"] {
            let mut command = place.command(words.split_whitespace());
            let out = String::from_utf8(command.env("COLUMNS", columns).output().unwrap().stdout).unwrap();
            assert!(out.is_ascii() && !out.contains('\u{1b}'), "{out}");
            let widest = out.lines().map(str::len).max().unwrap();
            assert!(words == "list" || widest <= columns.parse().unwrap(), "{columns} columns: {widest}\n{out}");
        }
    }
}

#[test]
fn help_examples_scripts_and_pages_are_there() {
    let place = Place::new();
    for command in ["kernel", "spectrum", "describe-model", "tape", "list", "completions", "man"] {
        let ran = place.ntk(&format!("{command} --help"));
        assert!(ran.code == Some(0) && ran.out.contains("Example"), "{command}");
        let page = place.ntk(&format!("man {command}"));
        assert!(page.code == Some(0) && page.out.contains(".TH"), "{command}");
    }
    assert!(place.ntk("--help").out.contains("Example") && place.ntk("--version").out.starts_with("ntk "));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(place.ntk(&format!("completions {shell}")).out.contains("describe-model"), "{shell}");
    }
    assert!(place.ntk("list").out.lines().any(|line| line.trim().starts_with("digits")));
    let list = place.ntk("list --format json").json();
    assert_eq!(list["data"][0]["samples"], 1797);
    assert!(list["presets"].as_array().unwrap().len() >= 2);
    assert!(place.listing().is_empty());
}
