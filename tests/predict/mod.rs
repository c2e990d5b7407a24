//! Predictions: against neural-tangents, against training in small steps, and at their limits.

mod training;

use ntk::array::Array;
use ntk::contraction::{Observer, Outputs, Settings, kernel};
use ntk::infinite::{self, Get};
use ntk::predict::{Dynamics, Regression, Test, posterior};

use crate::goldens::{Case, cases};

const FLOW: Dynamics = Dynamics::Flow;

fn full(case: &Case, pair: (&Array<f64>, Option<&Array<f64>>)) -> Array<f64> {
    let settings = Settings { outputs: Outputs::Full, ..Settings::default() };
    kernel(&case.model, &case.parameters, pair.0, pair.1, &settings, &Observer::default()).unwrap().kernel
}

/// The infinite kernel: theirs, so that predictions are compared and not the 1e-8 by which the diagonal of theirs is off; ours
/// where theirs is not symmetric.
fn limit(case: &mut Case, key: &str, pair: (&Array<f64>, Option<&Array<f64>>)) -> Array<f64> {
    if case.asymmetry == 0.0 {
        return case.value(key);
    }
    infinite::kernel(&case.model, pair.0, pair.1, Get::Ntk, u64::MAX, &Observer::default()).unwrap().ntk.unwrap()
}

fn turned(kernel: &Array<f64>) -> Array<f64> {
    let (n, m) = (kernel.rows(), kernel.row_len());
    Array::new([m, n], (0..n * m).map(|at| kernel.data[at % n * m + at / n]).collect()).unwrap()
}

fn zeros(shape: [usize; 2]) -> Array<f64> {
    Array::full(shape, 0.0).unwrap()
}

#[test]
fn predictions_over_time_are_those_of_neural_tangents() {
    for mut case in cases() {
        let (targets, times) = (case.value("T"), case.value("t").data);
        let tolerance = if case.asymmetry > 0.0 { (100.0 * case.asymmetry).max(1e-9) } else { 1e-10 };
        let o = targets.row_len();
        let f1 = case.value("f1");
        // Their case without test samples has none of these.
        let f2 = case.x2.clone().map(|x2| (case.value("f2"), x2));
        let emp = full(&case, (&case.x1, None));
        let emp_test = f2.as_ref().map(|(_, x2)| full(&case, (x2, Some(&case.x1))));
        let test = f2.as_ref().zip(emp_test.as_ref()).map(|((f2, _), kernel)| Test { start: f2, kernel });
        let found = Regression::new(&emp, o, 0.0).unwrap().predict(FLOW, &times, &f1, &targets, test).unwrap();
        case.agrees("pred_emp_train", &found.train.shape, &found.train.data, 1e-10);
        if let Some(found) = found.test {
            case.agrees("pred_emp_test", &found.shape, &found.data, 1e-10);
        }
        let x1 = case.x1.clone();
        let inf = limit(&mut case, "ntk_inf_11", (&x1, None));
        let inf_test = f2.as_ref().map(|(_, x2)| limit(&mut case, "ntk_inf_12", (&x1, Some(x2)))).map(|k| turned(&k));
        let start = zeros([case.x1.rows(), o]);
        let start_test = f2.as_ref().map(|(f2, _)| zeros([f2.rows(), o]));
        let test = start_test.as_ref().zip(inf_test.as_ref()).map(|(start, kernel)| Test { start, kernel });
        let found = Regression::new(&inf, o, 0.0).unwrap().predict(FLOW, &times, &start, &targets, test).unwrap();
        case.agrees("pred_inf_train", &found.train.shape, &found.train.data, tolerance);
        if let Some(found) = found.test {
            case.agrees("pred_inf_test", &found.shape, &found.data, tolerance);
        }
    }
}

#[test]
fn ridge_regressions_are_those_of_neural_tangents_by_two_solvers() {
    for mut case in cases() {
        let Some(x2) = case.x2.clone() else { continue };
        let targets = case.value("T");
        let o = targets.row_len();
        let (f1, f2) = (case.value("f1"), case.value("f2"));
        let tolerance = if case.asymmetry > 0.0 { (100.0 * case.asymmetry).max(1e-9) } else { 1e-10 };
        let end = [f64::INFINITY];
        let (emp, emp_test) = (full(&case, (&case.x1, None)), full(&case, (&x2, Some(&case.x1))));
        let test = Some(Test { start: &f2, kernel: &emp_test });
        let found = Regression::new(&emp, o, 1e-3).unwrap().predict(FLOW, &end, &f1, &targets, test).unwrap();
        let found = found.test.unwrap();
        case.agrees("pred_emp_inf_reg_test", &found.shape[1..], &found.data, 1e-10);
        let x1 = case.x1.clone();
        let inf = limit(&mut case, "ntk_inf_11", (&x1, None));
        let inf_test = turned(&limit(&mut case, "ntk_inf_12", (&x1, Some(&x2))));
        let (start, start_test) = (zeros([case.x1.rows(), o]), zeros([x2.rows(), o]));
        let test = Some(Test { start: &start_test, kernel: &inf_test });
        let found = Regression::new(&inf, o, 1e-3).unwrap().predict(FLOW, &end, &start, &targets, test).unwrap();
        let found = found.test.unwrap();
        case.agrees("pred_inf_inf_reg_test", &found.shape[1..], &found.data, tolerance);
        let found = posterior(&inf, &inf_test, None, &targets, 1e-3).unwrap().mean;
        case.agrees("pred_inf_inf_reg_test", &found.shape, &found.data, tolerance);
    }
}
