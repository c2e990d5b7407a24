//! How a training ends before its time.

use std::sync::atomic::AtomicBool;

use ntk::error::Kind;
use ntk::loss::Loss;
use ntk::train::{Optimizer, State, Trainer};

use super::{Case, NEVER, losses};

#[test]
fn a_training_that_diverges_says_where_and_keeps_its_state() {
    let case = Case::new("mlp:5-20x2-3:tanh", Loss::MeanSquaredError, 30);
    let mut trainer = case.trainer(case.descent(1e3));
    let error = (0..100).find_map(|_| trainer.step().err()).expect("it diverges");
    assert_eq!((error.kind(), error.code()), (Kind::Numerics, 4));
    let (text, step) = (error.to_string(), trainer.state().step);
    assert!(text.contains("diverged") && text.contains(&format!("step {step}")), "{text}");
    assert!(text.ends_with("lower the learning rate"), "{text}");
    // The step that failed has not happened: the same failure again.
    assert_eq!(trainer.step().unwrap_err().to_string(), text);
}

#[test]
fn numbers_that_are_not_finite_name_the_layer_and_the_step() {
    let mut case = Case::new("mlp:5-20x2-3:relu", Loss::CrossEntropy, 30);
    let mut trainer = case.trainer(case.descent(0.1));
    losses(&mut trainer, 3);
    let mut state = trainer.state().clone();
    drop(trainer);
    state.weights[2].data.fill(1e300);
    state.weights[4].data.fill(1e300);
    let text = case.trainer_from(case.descent(0.1), state.clone()).step().unwrap_err().to_string();
    assert!(text.contains("layer W2 (matmul)") && text.contains("step 3"), "{text}");
    state.weights[1].data[0] = f64::NAN;
    let text = case.trainer_from(case.descent(0.1), state).step().unwrap_err().to_string();
    assert!(text.contains("a weight is not finite at b0, step 3"), "{text}");
    // Inputs are no layer's fault, but are found all the same.
    case.samples.inputs.data[7] = f64::INFINITY;
    let text = case.trainer(case.descent(0.1)).step().unwrap_err().to_string();
    assert!(text.contains("layer W0") && text.contains("step 0"), "{text}");
}

#[test]
fn a_step_that_is_stopped_has_not_happened() {
    let case = Case::new("mlp:5-20x2-3:tanh", Loss::CrossEntropy, 30);
    let stop = AtomicBool::new(true);
    let settings = case.descent(0.1);
    let state = State::new(case.weights.clone(), Optimizer::GRADIENT_DESCENT);
    let mut trainer = Trainer::new(case.task(), settings, state.clone(), &stop).unwrap();
    assert_eq!(trainer.step().unwrap_err().kind(), Kind::Interrupted);
    assert_eq!((trainer.state().step, &trainer.state().weights), (0, &state.weights));
    stop.store(false, std::sync::atomic::Ordering::Relaxed);
    trainer.step().unwrap();
    let mut other = Trainer::new(case.task(), case.descent(0.1), state, &NEVER).unwrap();
    other.step().unwrap();
    assert_eq!(trainer.state(), other.state());
}
