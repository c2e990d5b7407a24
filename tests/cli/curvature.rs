//! `sharpness`, `hvp` and `density`: closed forms, values of other programs, files, bits and faults.

use std::path::Path;

use ntk::data::Npz;

use crate::program::{Place, numbers, relative_error};

/// `y = x W` of 5 inputs and one output, on 8 samples.
fn regression(place: &Place) -> (Vec<f64>, &'static str) {
    place.write(
        "linear.toml",
        "input = [5]\nlayers = [{ kind = \"dense\", out = 1, W_std = 1.0, param = \"standard\" }]\n",
    );
    let x = numbers(40);
    place.write_npy("x.npy", &[8, 5], &x);
    place.write_npy("y.npy", &[8], &numbers(8));
    // X^T X / n
    let hessian = (0..25).map(|ij| (0..8).map(|s| x[s * 5 + ij / 5] * x[s * 5 + ij % 5]).sum::<f64>() / 8.0).collect();
    (hessian, "--model linear.toml --x1 x.npy --y y.npy")
}

/// A case of the goldens as files; its flags.
fn golden(place: &Place) -> (Npz, &'static str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/goldens");
    let mut inputs = Npz::open(&folder.join("fcn_relu_std.npz")).unwrap();
    let x = inputs.read::<f64>("X1").unwrap();
    place.write_npy("x.npy", &x.shape, &x.data);
    let (y, v) = (inputs.read::<f64>("Y").unwrap(), inputs.read::<f64>("v").unwrap());
    place.write_npy("y.npy", &y.shape, &y.data);
    place.write_npy("v.npy", &v.shape, &v.data);
    place.write("w.npz", std::fs::read(folder.join("fcn_relu_std.npz")).unwrap());
    let values = Npz::open(&folder.join("fcn_relu_std.values.npz")).unwrap();
    (values, "--model mlp:12-32x3-4:relu,param=standard --weights w.npz --x1 x.npy --y y.npy --loss ce")
}

#[test]
fn products_are_closed_forms_and_those_of_jax() {
    let place = Place::new();
    let (hessian, flags) = regression(&place);
    let v = numbers(10);
    place.write_npy("v.npy", &[2, 5], &v);
    for matrix in ["hessian", "ggn", "fisher"] {
        let ran = place.ntk(&format!("hvp {flags} --vector v.npy --matrix {matrix} --out {matrix} --no-report"));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let found = place.read::<f64>(&format!("{matrix}/hvp.npy"));
        assert_eq!(found.shape, [2, 5]);
        let expected: Vec<f64> =
            (0..10).map(|ki| (0..5).map(|j| hessian[ki % 5 * 5 + j] * v[ki / 5 * 5 + j]).sum()).collect();
        assert!(relative_error(&found.data, &expected) < 1e-13);
    }
    let place = Place::new();
    let (mut values, flags) = golden(&place);
    let ran = place.ntk(&format!("hvp {flags} --vector v.npy --out h --format json"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let (found, expected) = (place.read::<f64>("h/hvp.npy"), values.read::<f64>("hv").unwrap());
    assert_eq!(found.shape, expected.shape);
    assert!(relative_error(&found.data, &expected.data) < 1e-10);
    assert_eq!(place.names("h"), ["hvp.npy", "report.html", "result.json"]);
    let result = ran.json();
    assert_eq!((&result["command"], &result["configuration"]["loss"]), (&"hvp".into(), &"ce".into()));
    assert!(result["gflop"].as_f64().unwrap() > 0.0 && result["memory"]["peak_bytes"].as_u64().unwrap() > 0);
    let single = place.ntk(&format!("hvp {flags} --vector v.npy --out s --dtype f32 --no-report"));
    assert_eq!(single.code, Some(0), "{}", single.err);
    let single: Vec<f64> = place.read::<f32>("s/hvp.npy").data.into_iter().map(f64::from).collect();
    assert!(relative_error(&single, &expected.data) < 1e-5);
}

#[test]
fn eigenvalues_are_those_of_jax_largest_first_with_their_residuals() {
    let place = Place::new();
    let (mut values, flags) = golden(&place);
    let ran = place.ntk(&format!("sharpness {flags} --top 5 --tolerance 1e-10 --vectors --out s"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let (found, expected) = (place.read::<f64>("s/eigenvalues.npy"), values.read::<f64>("eig_top").unwrap());
    assert_eq!((&found.shape, &place.read::<f64>("s/residuals.npy").shape), (&vec![5], &vec![5]));
    assert!(relative_error(&found.data, &expected.data) < 1e-8);
    assert!(found.data.windows(2).all(|pair| pair[0] >= pair[1]));
    let files = [
        "eigenvalues.npy",
        "eigenvectors.npy",
        "report.html",
        "residuals.npy",
        "residuals.png",
        "residuals.svg",
        "result.json",
        "spectrum.png",
        "spectrum.svg",
    ];
    assert_eq!(place.names("s"), files);
    let vectors = place.read::<f64>("s/eigenvectors.npy");
    assert_eq!(vectors.shape[0], 5);
    let result = place.json("s/result.json");
    let told = &result["sharpness"];
    assert_eq!((told["converged"].as_bool(), told["largest_eigenvalue"].as_f64()), (Some(true), Some(found.data[0])));
    assert!(told["relative_residual"].as_f64().unwrap() <= 1e-10);
    for word in ["largest eigenvalue", "eigenvalue 5", "2/", "products", "peak memory"] {
        assert!(ran.out.contains(word), "{word}: {}", ran.out);
    }
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
}

#[test]
fn the_same_bits_come_from_every_thread_count_and_memory() {
    let place = Place::new();
    let flags = "--model mlp:64-40x2-10:tanh --data digits --n 900 --loss ce";
    place.write_npy("v.npy", &[4650], &numbers(4650));
    let mut expected: Option<[Vec<u8>; 4]> = None;
    for (threads, memory) in [(1, "1GiB"), (2, "18MiB"), (3, "1GiB"), (7, "1GiB")] {
        let machine = format!("--threads {threads} --memory {memory} --no-report");
        let out = |name: &str| format!("{name}{threads}");
        for (command, name) in [
            (format!("hvp {flags} --vector v.npy"), "h"),
            (format!("sharpness {flags} --top 2 --tolerance 1e-2"), "s"),
            (format!("density {flags} --probes 2 --steps 8 --points 50"), "d"),
        ] {
            let ran = place.ntk(&format!("{command} {machine} --out {}", out(name)));
            assert_eq!(ran.code, Some(0), "{}", ran.err);
        }
        let found = ["h/hvp.npy", "s/eigenvalues.npy", "s/residuals.npy", "d/density.npy"].map(|file| {
            let (name, file) = file.split_once('/').unwrap();
            place.bytes(&format!("{}/{file}", out(name)))
        });
        assert!(*expected.get_or_insert_with(|| found.clone()) == found, "{threads} threads, {memory}");
    }
    // The smaller memory did not keep all blocks.
    let told = &place.json("s2/result.json")["sharpness"];
    assert!(told["resident_blocks"].as_u64().unwrap() < told["blocks"].as_u64().unwrap(), "{told}");
}

#[test]
fn densities_are_curves_of_area_one_for_every_matrix() {
    let place = Place::new();
    for matrix in ["hessian", "ggn", "ntk"] {
        let ran = place.ntk(&format!(
            "density --model mlp:64-10x1-10:tanh --data digits --n 60 --matrix {matrix} --probes 3 --steps 20 --out {matrix}"
        ));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(place.names(matrix), ["density.npy", "density.png", "density.svg", "report.html", "result.json"]);
        let found = place.read::<f64>(&format!("{matrix}/density.npy"));
        assert_eq!(found.shape, [1000, 2]);
        let step = found.data[2] - found.data[0];
        let area: f64 = found.data.chunks(2).map(|point| point[1] * step).sum();
        assert!((area - 1.0).abs() < 1e-2, "{matrix}: {area}");
        let told = &place.json(&format!("{matrix}/result.json"))["density"];
        assert_eq!(told["products"].as_u64(), Some(60));
        assert_eq!(told["dim"].as_u64(), Some(if matrix == "ntk" { 600 } else { 760 }));
        assert!(told["trace"]["error"].as_f64().unwrap() > 0.0);
    }
    // The trace of the kernel by its own command.
    let kernel = place.kernel("--model mlp:64-10x1-10:tanh --data digits --n 60 --outputs sum-trace", "k");
    let exact = kernel["spectrum"]["trace"].as_f64().unwrap();
    let told = &place.json("ntk/result.json")["density"]["trace"];
    let [value, error] = ["value", "error"].map(|key| told[key].as_f64().unwrap());
    assert!((value - exact).abs() < 6.0 * error, "{value} +- {error} for {exact}");
}

#[test]
fn what_did_not_converge_is_kept_and_said() {
    let place = Place::new();
    let flags = "--model mlp:64-20x1-10:tanh --data digits --n 100 --tolerance 1e-12 --products 4 --top 2";
    let ran = place.ntk(&format!("sharpness {flags} --out s"));
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("did not converge in 4 products") && ran.err.contains("--products"), "{}", ran.err);
    assert!(ran.out.contains("not converged"), "{}", ran.out);
    assert_eq!(place.read::<f64>("s/eigenvalues.npy").shape, [2]);
    assert_eq!(place.json("s/result.json")["sharpness"]["converged"], false);
    let ran = place.ntk(&format!("sharpness {flags} --out t --format json --no-report"));
    assert_eq!((ran.code, ran.json()["error"]["code"].as_u64()), (Some(4), Some(4)));
}

#[test]
fn faults_have_their_codes_and_leave_nothing() {
    let place = Place::new();
    let (_, flags) = regression(&place);
    place.write_npy("short.npy", &[4], &numbers(4));
    place.write_npy("nan.npy", &[5], &[1.0, f64::NAN, 0.0, 0.0, 0.0]);
    place.write_npy("large.npy", &[8, 5], &[1e200; 40]);
    place.write_npy("v.npy", &[5], &numbers(5));
    let before = place.listing();
    let deep = "--model mlp:5-8x3-1:softplus --x1 large.npy --y y.npy";
    let table: [(String, i32, &[&str]); 8] = [
        (format!("sharpness {flags} --loss ce"), 2, &["--loss ce", "--loss mse"]),
        ("sharpness --model linear.toml --x1 x.npy".into(), 2, &["--loss mse", "--y"]),
        (format!("sharpness {flags} --top 6"), 2, &["--top 6", "5"]),
        (format!("hvp {flags} --vector short.npy"), 3, &["short.npy", "[4]", "5 numbers"]),
        (format!("hvp {flags} --vector nan.npy"), 3, &["nan.npy", "number 1"]),
        (format!("hvp {flags} --vector none.npy"), 3, &["none.npy"]),
        (format!("sharpness {deep}"), 4, &["samples 0", "not finite"]),
        (format!("sharpness {flags} --memory 1MiB"), 5, &["--memory"]),
    ];
    for (line, code, words) in &table {
        let ran = place.ntk(line);
        assert_eq!(ran.code, Some(*code), "{line}: {}", ran.err);
        for word in *words {
            assert!(ran.err.contains(word), "{line}: {word} is not in {}", ran.err);
        }
        assert_eq!(place.listing(), before, "{line}");
    }
}
