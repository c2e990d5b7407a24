//! Kernels of infinite width and predictions, as a user asks for them: values against neural-tangents.

use std::path::{Path, PathBuf};

use ntk::array::Array;
use ntk::data::Npz;

use crate::program::{Place, relative_error};

const MODEL: &str = "mlp:9-24x3-3:erf,W_std=1.4142135623730951";

/// Arrays of a golden case of neural-tangents: inputs, and values.
fn golden() -> (Npz, Npz) {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/goldens");
    let open = |name: &str| Npz::open(&folder.join(name)).unwrap();
    (open("fcn_erf_ntk.npz"), open("fcn_erf_ntk.values.npz"))
}

/// Writes the case's arrays as files.
fn place() -> (Place, Npz) {
    let place = Place::new();
    let (mut inputs, mut values) = golden();
    for (name, file) in [("X1", "a.npy"), ("X2", "b.npy")] {
        let array: Array<f64> = inputs.read(name).unwrap();
        place.write_npy(file, &array.shape, &array.data);
    }
    let labels: Array<f64> = inputs.read("Y").unwrap();
    place.write_npy("y.npy", &labels.shape, &labels.data);
    for (name, file) in [("ntk_inf_11", "k.npy"), ("ntk_inf_12", "k2.npy")] {
        let array: Array<f64> = values.read(name).unwrap();
        place.write_npy(file, &array.shape, &array.data);
    }
    let mut weights = Vec::new();
    for l in 0..4 {
        for name in [format!("W{l}"), format!("b{l}")] {
            weights.push((name.clone(), inputs.read::<f64>(&name).unwrap()));
        }
    }
    let named = weights.iter().map(|(name, array)| (name.as_str(), array));
    ntk::data::write_npz(&place.path("w.npz"), named).unwrap();
    (place, values)
}

#[track_caller]
fn succeeds(place: &Place, words: &str) {
    let ran = place.ntk(words);
    assert_eq!(ran.code, Some(0), "{words}: {}{}", ran.out, ran.err);
}

#[track_caller]
fn agrees(place: &Place, file: &str, values: &mut Npz, key: &str) {
    let (found, expected) = (place.read::<f64>(file), values.read::<f64>(key).unwrap());
    assert_eq!(found.data.len(), expected.data.len(), "{file}");
    let error = relative_error(&found.data, &expected.data);
    assert!(error < 1e-10, "{file} and {key}: {error:.1e}");
}

#[test]
fn infinite_kernels_of_files_are_those_of_neural_tangents() {
    let (place, mut values) = place();
    for (get, key) in [("ntk", "ntk_inf"), ("nngp", "nngp_inf")] {
        succeeds(&place, &format!("infinite --model {MODEL} --x1 a.npy --get {get} --out {get}1"));
        agrees(&place, &format!("{get}1/kernel.npy"), &mut values, &format!("{key}_11"));
        succeeds(&place, &format!("infinite --model {MODEL} --x1 a.npy --x2 b.npy --get {get} --out {get}2"));
        agrees(&place, &format!("{get}2/kernel.npy"), &mut values, &format!("{key}_12"));
    }
    let report = String::from_utf8(place.bytes("ntk1/report.html")).unwrap();
    assert!(report.contains("NTK of infinite width"));
}

#[test]
fn predictions_of_files_are_those_of_neural_tangents_by_every_kernel() {
    let (place, mut values) = place();
    let times: Vec<String> = values.read::<f64>("t").unwrap().data.iter().map(f64::to_string).collect();
    let common = format!("predict --model {MODEL} --x1 a.npy --y y.npy --x2 b.npy --times {}", times.join(","));
    succeeds(&place, &format!("{common} --kernel infinite --out inf"));
    agrees(&place, "inf/predictions.npy", &mut values, "pred_inf_test");
    agrees(&place, "inf/train.npy", &mut values, "pred_inf_train");
    assert_eq!(place.read::<f64>("inf/covariance.npy").shape, [times.len(), 6, 6]);
    succeeds(&place, &format!("{common} --weights w.npz --out emp"));
    agrees(&place, "emp/predictions.npy", &mut values, "pred_emp_test");
    succeeds(&place, &format!("{common} --kernel-file k.npy --kernel-test k2.npy --out file"));
    agrees(&place, "file/predictions.npy", &mut values, "pred_inf_test");
    let end = common.replace(&format!("--times {}", times.join(",")), "--times inf --ridge 1e-3");
    succeeds(&place, &format!("{end} --out end"));
    agrees(&place, "end/predictions.npy", &mut values, "pred_inf_inf_reg_test");
}

#[test]
fn a_prediction_states_accuracy_and_the_highest_rate() {
    let place = Place::new();
    succeeds(&place, "predict --data digits --n 300 --test 200 --times 0,1e5,inf --ridge 1e-4 --out p --no-report");
    let result = place.json("p/result.json");
    let accuracy = |set: &str, t: usize| result[set][t]["accuracy"].as_f64().unwrap();
    assert!(accuracy("test", 2) > 0.93 && accuracy("train", 2) == 1.0, "{result}");
    assert!(accuracy("test", 0) < 0.3);
    // 2 n over the largest eigenvalue.
    let highest = result["max_learning_rate"].as_f64().unwrap();
    let largest = result["largest_eigenvalue"].as_f64().unwrap();
    assert!((highest * largest / 600.0 - 1.0).abs() < 1e-12);
    assert_eq!(result["times"][2], "inf");
    let ran = place.ntk("predict --data digits --n 20 --lr 1e9 --times inf --out q");
    assert!(ran.code == Some(4) && ran.err.contains("diverges"), "{}", ran.err);
    let ran = place.ntk("predict --data digits --n 20 --lr 0.1 --times 1.5 --out q");
    assert!(ran.code == Some(2) && ran.err.contains("whole numbers of steps"), "{}", ran.err);
}

#[test]
fn a_study_of_widths_finds_the_square_root_and_one_of_phases_the_edge() {
    let place = Place::new();
    succeeds(&place, "converge --model mlp:64-8x2-10:erf --data digits --n 8 --widths 32,128,512 --seeds 8 --out c");
    let slope = place.json("c/result.json")["slope"].as_f64().unwrap();
    assert!((slope + 0.5).abs() < 0.15, "{slope}");
    assert_eq!(String::from_utf8(place.bytes("c/converge.csv")).unwrap().lines().count(), 25);
    // Erf at b_std^2 = 0.05 is critical at W_std^2 = 1.3758.
    let words = "phase --activation erf --w-std 1.1:1.25:4 --b-std 0.22360679774997896 --depths 1,30 --n 20 --test 10";
    succeeds(&place, &format!("{words} --out p"));
    let networks = place.json("p/result.json")["networks"].clone();
    for network in networks.as_array().unwrap() {
        let [w, chi] = ["W_std", "chi_1"].map(|key| network[key].as_f64().unwrap());
        assert_eq!(w * w > 1.3758, chi > 1.0, "{network}");
        assert!(network["condition_number"].as_f64().unwrap() > 1.0 && network["prediction"].is_number());
    }
    assert!(place.names("p").contains(&"condition.png".to_owned()), "{:?}", place.names("p"));
}

#[test]
fn a_network_without_a_limit_is_refused_before_a_folder_is_made() {
    let place = Place::new();
    place.write("m.toml", "input=[64]\nlayers=[{kind='relu'},{kind='dense',out=10}]");
    for command in ["infinite", "predict", "converge"] {
        let ran = place.ntk(&format!("{command} --model m.toml --data digits --n 5 --out o"));
        assert!(ran.code == Some(2) && ran.err.contains("layers[0]"), "{command}: {}", ran.err);
        assert!(!place.path("o").exists());
    }
}
