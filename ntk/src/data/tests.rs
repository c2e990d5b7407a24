//! Tests of data sets as a whole.

use std::path::{Path, PathBuf};

use super::npy_tests::testdata;
use super::*;
use crate::array::Array;
use crate::error::Kind;

fn load(source: &str, selection: Selection) -> Dataset {
    Dataset::load(&source.parse().unwrap(), &selection).unwrap()
}

fn pick(n: usize, test: usize) -> Selection {
    Selection { n: Some(n), test, ..Selection::default() }
}

fn raw() -> Selection {
    Selection { normalize: Normalize::None, ..Selection::default() }
}

#[test]
fn the_embedded_digits_are_those_of_uci() {
    let digits = load("digits", raw());
    assert_eq!((digits.inputs.shape.as_slice(), digits.classes), (&[1797, 8, 8, 1][..], 10));
    // Published with the set: the first image is a zero that begins 0 0 5 13 9 1 0 0, and the counts by class.
    assert_eq!(digits.inputs.data[..8], [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
    let labels = digits.labels.unwrap();
    assert_eq!(labels[..3], [0, 1, 2]);
    let counts: Vec<usize> = (0..10).map(|c| labels.iter().filter(|&&l| l == c).count()).collect();
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    assert!(digits.inputs.data.iter().all(|x| (0.0..=16.0).contains(x)));
}

#[test]
fn the_embedded_fashion_subset_is_balanced() {
    let fashion = load("fashion", raw());
    assert_eq!(fashion.inputs.shape, [1500, 28, 28, 1]);
    let labels = fashion.labels.unwrap();
    assert!((0..10).all(|c| labels.iter().filter(|&&l| l == c).count() == 150));
}

#[test]
fn a_selection_is_balanced_disjoint_standardized_and_repeatable() {
    let a = load("digits", pick(100, 50));
    assert_eq!((a.inputs.rows(), a.targets.shape.as_slice()), (100, &[100, 10][..]));
    let labels = a.labels.as_ref().unwrap();
    assert!((0..10).all(|c| labels.iter().filter(|&&l| l == c).count() == 10));
    assert!(a.targets.data.chunks(10).zip(labels).all(|(row, &l)| row[l] == 1.0 && row.iter().sum::<f64>() == 1.0));
    let test = a.test.as_ref().unwrap();
    assert!(test.inputs.rows() == 50 && test.rows.iter().all(|r| !a.rows.contains(r)));
    let (mean, deviation) = select::moments(&a.inputs.data);
    assert!(mean.abs() < 1e-13 && (deviation - 1.0).abs() < 1e-13);
    // The test part is scaled by the training part's numbers.
    let (shift, scale) = a.scaling;
    let image = load("digits", raw()).inputs.row(test.rows[0]).unwrap().to_vec();
    assert!(test.inputs.row(0).unwrap().iter().zip(&image).all(|(x, p)| *x == (p - shift) / scale));

    assert_eq!(load("digits", pick(100, 50)).digest, a.digest);
    assert_ne!(load("digits", pick(100, 49)).digest, a.digest);
    assert_ne!(load("digits", Selection { seed: 1, ..pick(100, 50) }).digest, a.digest);
    assert_eq!(a.digest.len(), 64);
}

#[test]
fn two_classes_give_one_output_and_serve_two() {
    let selection = Selection { classes: vec!["8".into(), "3".into()], ..pick(20, 10) };
    let mut set = load("digits", selection);
    assert_eq!((set.targets.shape.as_slice(), set.classes), (&[20, 1][..], 2));
    assert_eq!(set.class_names, ["8", "3"]);
    let everything = load("digits", raw());
    for (i, &row) in set.rows.iter().enumerate() {
        let digit = everything.labels.as_ref().unwrap()[row];
        assert_eq!(set.targets.data[i], if digit == 8 { -1.0 } else { 1.0 }, "digit {digit}");
    }
    set.fit(&[64], 1).unwrap();
    assert_eq!(set.inputs.shape, [20, 64]);
    set.fit(&[64], 2).unwrap();
    assert_eq!(set.targets.shape, [20, 2]);
    assert_eq!(set.test.unwrap().targets.shape, [10, 2]);
}

#[test]
fn wrong_classes_are_refused() {
    let error = |classes: &[&str]| {
        let classes = classes.iter().map(|&c| c.to_owned()).collect();
        let error = Dataset::load(&Source::Digits, &Selection { classes, ..raw() }).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        error.to_string()
    };
    assert!(error(&["3", "12"]).contains("unknown class `12`"));
    assert!(error(&["3", "3"]).contains("twice"));
    assert!(error(&["3"]).contains("single class"));
}

#[test]
fn data_and_network_that_do_not_fit_are_a_usage_error() {
    let mut set = load("digits", pick(10, 0));
    for (input, outputs, what) in [(vec![63], 10, "[63]"), (vec![64], 3, "[10]"), (vec![16, 4, 1], 10, "order height")]
    {
        let error = set.fit(&input, outputs).unwrap_err();
        assert!(error.kind() == Kind::Usage && error.to_string().contains(what), "{error}");
    }
    set.fit(&[8, 8, 1], 10).unwrap();
}

/// Writes arrays and returns their paths.
fn npy(dir: &Path, name: &str, shape: &[usize], data: &[f64]) -> PathBuf {
    let path = dir.join(name);
    write_npy(&path, shape, data).unwrap();
    path
}

#[test]
fn arrays_are_taken_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let x1 = npy(dir.path(), "x1.npy", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0]);
    let x2 = npy(dir.path(), "x2.npy", &[1, 2], &[9.0, 8.0]);
    let y = npy(dir.path(), "y.npy", &[3], &[2.0, 0.0, 1.0]);
    let mut set = Dataset::from_npy(&x1, Some(&x2), Some(&y)).unwrap();
    assert_eq!(set.inputs.data, [1.0, 2.0, 3.0, 4.0, 5.0, 7.0]);
    assert_eq!(set.test.as_ref().unwrap().inputs.data, [9.0, 8.0]);
    // One output: the numbers themselves. More: classes.
    set.fit(&[2], 1).unwrap();
    assert_eq!((set.targets.data.as_slice(), &set.labels), (&[2.0, 0.0, 1.0][..], &None));
    set.fit(&[2], 4).unwrap();
    assert_eq!(set.labels.as_deref(), Some(&[2, 0, 1][..]));
    assert_eq!(set.targets.shape, [3, 4]);

    let hot = npy(dir.path(), "h.npy", &[3, 2], &[0.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
    let set = Dataset::from_npy(&x1, None, Some(&hot)).unwrap();
    assert_eq!(set.labels, Some(vec![1, 0, 1]));
    let mut none = Dataset::from_npy(&x1, None, None).unwrap();
    none.fit(&[2], 10).unwrap();
    assert_eq!(none.targets.shape, [3, 0]);
}

#[test]
fn labels_outside_the_classes_or_real_are_named_with_their_row() {
    let dir = tempfile::tempdir().unwrap();
    let x1 = npy(dir.path(), "x1.npy", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0]);
    for (labels, what) in [
        ([0.0, 1.0, 3.0], "label 3 in row 2 (from 0), outside 0..2"),
        ([0.0, -1.0, 2.0], "label -1 in row 1 (from 0), outside 0..2"),
        ([0.5, 1.0, 2.0], "label 0.5 in row 0 (from 0), which is not a class"),
    ] {
        let y = npy(dir.path(), "y.npy", &[3], &labels);
        let error = Dataset::from_npy(&x1, None, Some(&y)).unwrap().fit(&[2], 3).unwrap_err();
        assert!(error.code() == 3 && error.to_string().contains(what), "{error}");
    }
}

#[test]
fn arrays_that_do_not_go_together_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let x1 = npy(dir.path(), "x1.npy", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let bad = npy(dir.path(), "bad.npy", &[2, 2], &[1.0, f64::NAN, f64::INFINITY, 4.0]);
    let long = npy(dir.path(), "long.npy", &[3], &[0.0; 3]);
    let flat = npy(dir.path(), "flat.npy", &[2], &[0.0; 2]);
    let wide = npy(dir.path(), "wide.npy", &[1, 3], &[0.0; 3]);
    let message = |x1: &Path, x2: Option<&Path>, y: Option<&Path>| {
        let error = Dataset::from_npy(x1, x2, y).unwrap_err();
        assert_eq!(error.code(), 3, "{error}");
        error.to_string()
    };
    let text = message(&bad, None, None);
    assert!(text.contains("2 value(s)") && text.contains("row 0, column 1") && text.contains("NaN"), "{text}");
    assert!(message(&x1, Some(&bad), None).contains("not finite"));
    assert!(message(&x1, None, Some(&bad)).contains("not finite"));
    assert!(message(&x1, None, Some(&long)).contains("[3] for 2 samples"));
    assert!(message(&flat, None, None).contains("no set of samples"));
    assert!(message(&x1, Some(&wide), None).contains("[3]"));
    assert!(message(&testdata("empty.npy"), None, None).contains("no set of samples"));
}

#[test]
fn an_archive_gives_classes_or_real_targets() {
    let path = testdata("deflated.npz");
    let set = load(&format!("npz:{}", path.display()), raw());
    assert_eq!(set.labels, Some(vec![2, 0, 1, 1, 0, 2]));
    assert_eq!(set.inputs.shape, [6, 4]);

    let dir = tempfile::tempdir().unwrap();
    let put = |y: &Array<f64>| {
        let x = Array::new([4, 2], (0..8).map(f64::from).collect()).unwrap();
        let path = dir.path().join("a.npz");
        write_npz(&path, [("X", &x), ("Y", y)]).unwrap();
        Dataset::load(&Source::Npz(path), &raw())
    };
    let set = put(&Array::new([4, 1], vec![0.5, 1.5, 2.5, 3.5]).unwrap()).unwrap();
    assert_eq!((set.targets.data.as_slice(), set.classes), (&[0.5, 1.5, 2.5, 3.5][..], 0));
    // Classes need not be numbered from 0.
    let set = put(&Array::new([4], vec![7.0, -1.0, 3.0, 7.0]).unwrap()).unwrap();
    assert_eq!((set.labels.unwrap(), set.class_names), (vec![2, 0, 1, 2], vec!["-1".into(), "3".into(), "7".into()]));
    let refused = |y: &Array<f64>, what: &str| {
        let error = put(y).unwrap_err();
        assert!(error.code() == 3 && error.to_string().contains(what), "{error}");
    };
    refused(&Array::new([4], vec![0.0, 1.0, 0.25, 1.0]).unwrap(), "label 0.25 in row 2");
    refused(&Array::new([4], vec![1.0; 4]).unwrap(), "only one class");
    refused(&Array::new([3], vec![0.0, 1.0, 2.0]).unwrap(), "[3] for 4 samples");
}

#[test]
fn real_files_of_other_programs_are_read_where_they_are_at_hand() {
    let Some(root) = std::env::var_os("NTK_TEST_DATA").map(PathBuf::from) else {
        eprintln!("skipped: NTK_TEST_DATA does not name a folder of real data");
        return;
    };
    let at = |kind: &str, path: &str| format!("{kind}:{}", root.join(path).display());
    for (source, n, shape) in [
        (at("mnist", "idx/mnist"), None, vec![28, 28, 1]),
        (at("fashion", "idx/fashion"), None, vec![28, 28, 1]),
        (at("cifar10", "cifar-10-batches-bin"), Some(2250), vec![32, 32, 3]),
    ] {
        let set = load(&source, raw());
        assert_eq!((&set.inputs.shape[1..], set.classes), (&shape[..], 10));
        assert!(n.is_none_or(|n| set.inputs.rows() == n));
    }
    for entry in std::fs::read_dir(root.join("tab")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "npz") {
            let set = load(&format!("npz:{}", path.display()), Selection::default());
            assert!(set.classes >= 2, "{}", path.display());
        }
    }
}
