use std::sync::atomic::AtomicBool;

use super::judge::moments;
use super::measure::{Data, linearized, sigmoidal};
use super::*;
use crate::array::Array;
use crate::experiment::conduct::{Nowhere, conduct};
use crate::experiment::{Conditions, Protocol, Scale, finite};
use crate::loss::Loss;
use crate::predict::taylor;
use crate::train::{Batch, Samples, Task as Training};

fn chosen(samples: usize) -> Chosen {
    let classes = vec!["3".into(), "8".into()];
    Chosen { data: "digits".into(), classes, samples, test_samples: 5, seed: 3 }
}

/// Descent on `f_0 + J (theta - theta_0)`, its parameters moved step by step.
#[test]
fn the_closed_form_is_the_linearized_network_trained_step_by_step() {
    let lab = Lab::default();
    let data = Data::of(&chosen(6), &lab).unwrap();
    let model = sigmoidal(data.x.row_len(), 12).unwrap();
    let start = finite::weights(&model, 7).unwrap();
    let names: Vec<String> = model.parameters().unwrap().into_iter().map(|(name, _)| name).collect();
    let (rate, steps) = (1.5, 60);
    let closed = linearized(&model, &start, &data, rate, &[0, 1, 10, steps], &lab).unwrap();

    let mut moved: Vec<Array<f64>> = start.iter().map(|w| w.map(|_| 0.0)).collect();
    let f0 = taylor(&model, &start, &moved, &data.x, 0).unwrap().remove(0);
    let mut found = Vec::new();
    for step in 0..=steps {
        if [0, 1, 10, steps].contains(&step) {
            let terms = taylor(&model, &start, &moved, &data.x_test, 1).unwrap();
            found.extend(terms[0].data.iter().zip(&terms[1].data).map(|(f, df)| f + df));
        }
        let change = taylor(&model, &start, &moved, &data.x, 1).unwrap().remove(1);
        // The gradient at the start of the loss whose residual there is that of the linearized network: J^T (f_lin - y)/n.
        let targets = data.y.data.iter().zip(&change.data).map(|(y, df)| y - df).collect();
        let targets = Array::new(f0.shape.clone(), targets).unwrap();
        let samples = Samples::<f64>::new(Loss::MeanSquaredError, &data.x, &targets, None, 1).unwrap();
        let task = Training::new(&model, &samples, Loss::MeanSquaredError, &names).unwrap();
        let gradient = task.gradient(&start, Batch::All, &AtomicBool::new(false)).unwrap().gradient;
        let mut rest = gradient.iter();
        for array in &mut moved {
            array.data.iter_mut().zip(rest.by_ref()).for_each(|(d, g)| *d -= rate * g);
        }
    }
    let largest = closed.data.iter().fold(0.0_f64, |top, f| top.max(f.abs()));
    for (a, b) in found.iter().zip(&closed.data) {
        assert!((a - b).abs() < 1e-9 * largest, "{a} {b}");
    }
    assert!((closed.data[15] - closed.data[0]).abs() > 1e-3);
}

#[test]
fn moments_are_those_of_the_textbook() {
    let (mean, variance) = moments(&[&[1.0, 2.0], &[3.0, 2.0], &[5.0, 5.0]]);
    assert_eq!((mean, variance), (vec![3.0, 3.0], vec![4.0, 3.0]));
}

#[test]
fn a_small_run_has_every_claim_and_figure_and_the_same_bits_on_any_number_of_threads() {
    let text = "samples = 6\ntest_samples = 4\nwidths = [8, 32]\nsteps = 40\nrate = 0.3\nensemble_widths = [8, 32]\ninits = 3\n\
                ensemble_rate = 0.5\ntime = 20\nseeds = [5, 6]";
    let run = LinearModels.run(Scale::Quick, &text.parse().unwrap()).unwrap();
    let records = |threads| conduct(&*run, &Nowhere, &Conditions { threads, ..Conditions::default() }).unwrap();
    let one = records(1);
    assert_eq!(one, records(3));
    let findings = run.judge(one).unwrap();
    assert_eq!((findings.claims.len(), findings.figures.len(), findings.tables.len()), (7, 3, 2));
    assert!(findings.claims.iter().all(|claim| claim.measured.is_finite() && claim.values.len() == 2));
    let named = |name: &&str| findings.claims.iter().any(|judged| judged.claim.name == *name);
    assert!(findings.figures.iter().all(|figure| figure.claims.iter().all(&named)));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let refused = |text: &str| LinearModels.run(Scale::Quick, &text.parse().unwrap()).err().unwrap().to_string();
    assert!(refused("widths = [8]").contains("widths has one width"));
    assert!(refused("classes = [\"1\", \"2\", \"3\"]").contains("3 classes"));
}
