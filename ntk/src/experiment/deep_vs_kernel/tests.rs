use super::linear::Tangent;
use super::network::{classes, error, network, spoil, start};
use super::spawn::signs;
use crate::array::Array;
use crate::data::{Normalize, Selection};
use crate::experiment::Lab;
use crate::loss::Loss;
use crate::predict;
use crate::train::{Order, Samples};

fn samples(n: usize) -> Samples<f32> {
    let x = crate::random::normal(3, crate::random::Role::Data, 0, n * 4);
    let labels: Vec<usize> = (0..n).map(|i| i % 3).collect();
    let inputs = Array::new([n, 4], x).unwrap();
    Samples::new(Loss::CrossEntropy, &inputs, &Array::new([n, 0], vec![]).unwrap(), Some(&labels), 3).unwrap()
}

#[test]
fn a_linear_network_linearized_and_trained_is_itself_trained() {
    // Of one layer the expansion is exact.
    let (model, samples) = (network(4, 1, 0, 3), samples(20));
    let (names, weights) = start::<f32>(&model, 1).unwrap();
    let lab = Lab::default();
    let task = crate::train::Task::new(&model, &samples, Loss::CrossEntropy, &names).unwrap();
    let settings = crate::train::Settings {
        batch: 8,
        order_seed: 5,
        ..crate::train::Settings::gradient_descent(0.3, weights.len())
    };
    let state = crate::train::State::new(weights.clone(), settings.optimizer);
    let mut trainer = crate::train::Trainer::new(task, settings, state, lab.stop).unwrap();
    (0..30).try_for_each(|_| trainer.step().map(drop)).unwrap();
    let expected = predict::outputs(&model, &trainer.state().weights, &samples.inputs).unwrap();
    let tangent = Tangent { model: &model, weights: &weights };
    let found = tangent.trained(&samples, &samples.inputs, &mut Order::new(20, 8, 5), 0.3, [0, 30], &lab).unwrap();
    for (a, b) in found.data.iter().zip(&expected.data) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let before = predict::outputs(&model, &weights, &samples.inputs).unwrap();
    assert!(found.data.iter().zip(&before.data).any(|(a, b)| (a - b).abs() > 0.1), "nothing was learnt");
}

#[test]
fn a_linearized_network_is_linear_in_its_small_step() {
    // One step of a deep network, small: f(w - h g) = f(w) - h J g + O(h^2).
    let (model, samples) = (network(4, 16, 2, 3), samples(12));
    let (_, weights) = start::<f32>(&model, 2).unwrap();
    let lab = Lab::default();
    let tangent = Tangent { model: &model, weights: &weights };
    let at = |h: f32, steps: [u64; 2]| {
        tangent.trained(&samples, &samples.inputs, &mut Order::new(12, 12, 0), h, steps, &lab).unwrap().data
    };
    let (still, one, two) = (at(0.1, [0, 0]), at(0.1, [0, 1]), at(0.2, [0, 1]));
    let before = predict::outputs(&model, &weights, &samples.inputs).unwrap();
    for i in 0..still.len() {
        assert!((still[i] - before.data[i]).abs() < 1e-6);
        assert!((two[i] - still[i] - 2.0 * (one[i] - still[i])).abs() < 1e-5);
    }
    assert!(one.iter().zip(&still).any(|(a, b)| (a - b).abs() > 1e-3));
}

#[test]
fn spoilt_labels_are_as_many_as_the_share_and_the_rest_stay() {
    let lab = Lab::default();
    let selection = Selection { n: Some(1000), test: 10, normalize: Normalize::None, ..Selection::default() };
    let before = lab.dataset("digits", &selection).unwrap();
    let mut after = before.clone();
    spoil(&mut after, 0.2, 7).unwrap();
    let (a, b) = (before.labels.unwrap(), after.labels.unwrap());
    let changed = a.iter().zip(&b).filter(|(a, b)| a != b).count();
    // A tenth of the 200 draws is the right label: 180 changes, of deviation 4.2.
    assert!((160..=200).contains(&changed), "{changed}");
    assert!(b.iter().all(|&label| label < 10));
}

#[test]
fn signs_are_those_of_the_values_below_each_rectifier() {
    let model = network(2, 3, 2, 2);
    let (_, mut weights) = start::<f32>(&model, 0).unwrap();
    // First layer: x_0, -x_0, x_1; second: sums of the three.
    weights[0].data = vec![1.0, -1.0, 0.0, 0.0, 0.0, 1.0];
    weights[2].data = vec![1.0, -1.0, 0.0, 1.0, -1.0, 0.0, 1.0, -1.0, 0.0];
    let x = Array::new([2, 2], vec![2.0, 1.0, -3.0, -1.0]).unwrap();
    let on = signs(&model, &weights, &x).unwrap();
    assert_eq!(on, [true, false, true, false, true, false, true, false, false, true, false, false]);
}

#[test]
fn an_error_counts_rows_whose_largest_entry_is_elsewhere() {
    let f = Array::new([3, 2], vec![1.0, 2.0, 0.5, 0.5, 3.0, -1.0]).unwrap();
    assert_eq!(classes(&f), [1, 0, 0]);
    assert_eq!(error(&f, &[1, 1, 0]), 1.0 / 3.0);
    assert!(error(&Array::new([1, 2], vec![f64::NAN, 0.0]).unwrap(), &[0]).is_nan());
}
