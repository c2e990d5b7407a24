//! The same bits: whatever the threads, wherever it was interrupted.

use std::sync::atomic::{AtomicBool, Ordering};

use ntk::Result;
use ntk::loss::Loss;
use ntk::metric::{Metrics, Options, Probe, Row};
use ntk::model::Architecture;
use ntk::train::{
    Augment, Checkpoint, Decay, Journal, Optimizer, Plan, Samples, Schedule, Settings, State, Trainer, run,
};

use super::{Case, NEVER, flat};

/// Keeps what it is told, and stops the training after some steps.
struct Kept<'s> {
    rows: Vec<Row>,
    last: Option<Checkpoint<f64>>,
    stop_after: u64,
    stop: &'s AtomicBool,
}

impl Journal<f64> for Kept<'_> {
    fn row(&mut self, row: &Row) -> Result<()> {
        self.rows.push(row.clone());
        Ok(())
    }

    fn step(&mut self, taken: u64, _: f64) {
        if taken == self.stop_after {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn checkpoint(&mut self, checkpoint: Checkpoint<f64>) -> Result<()> {
        self.last = Some(checkpoint);
        Ok(())
    }
}

const PLAN: Plan = Plan { steps: 30, every: 4 };
pub const EVERYTHING: [&str; 9] = [
    "loss",
    "accuracy",
    "gradient-norm",
    "gradient-noise",
    "weight-distance",
    "preconditioned-sharpness",
    "hessian-trace",
    "gauss-newton",
    "kernel",
];

pub fn metrics<'m>(case: &'m Case, names: &[&str]) -> Metrics<'m, Architecture, f64> {
    let options = Options {
        start: &case.weights,
        names: &case.names,
        classes: case.samples.labels.is_some(),
        test: false,
        eigenvalues: 3,
        seed: 5,
        tolerance: 1e-3,
        products: 200,
        memory: 1 << 30,
    };
    let rows: Vec<usize> = (0..6).collect();
    let outputs = case.model.output().unwrap()[0];
    let labels = case.samples.labels.as_ref().map(|labels| labels[..6].to_vec()).unwrap_or_default();
    let mut targets = ntk::array::Array::full([6, outputs], 0.0).unwrap();
    labels.iter().enumerate().for_each(|(i, &label)| targets.data[i * outputs + label as usize] = 1.0);
    let probe = Probe { inputs: case.samples.inputs.select_rows(&rows).unwrap(), targets };
    Metrics::new(names, &options, None, probe).unwrap()
}

fn settings(case: &Case, optimizer: Optimizer, batch: usize) -> Settings {
    let schedule = Schedule { rate: 0.05, warmup: 5, decay: Decay::Cosine, steps: PLAN.steps };
    Settings { optimizer, batch, schedule, decay: 0.01, ..case.descent(0.05) }
}

/// Trains to the end in pieces of `piece` steps, each from the checkpoint that the last one left in a file.
fn in_pieces(case: &Case, optimizer: Optimizer, batch: usize, piece: u64) -> (Vec<u64>, Vec<Row>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let mut checkpoint: Option<Checkpoint<f64>> = None;
    let mut rows = Vec::new();
    loop {
        let stop = AtomicBool::new(false);
        let mut metrics = metrics(case, &EVERYTHING);
        let (state, measured) = match checkpoint.take() {
            Some(found) => {
                metrics.recall(&found.memory).unwrap();
                (found.state, found.measured)
            }
            None => (State::new(case.weights.clone(), optimizer), false),
        };
        let stop_after = state.step + piece;
        let mut trainer = Trainer::new(case.task(), settings(case, optimizer, batch), state, &stop).unwrap();
        let mut journal = Kept { rows: Vec::new(), last: None, stop_after, stop: &stop };
        let ended = run(&mut trainer, &mut metrics, &PLAN, measured, &mut journal);
        rows.extend(journal.rows);
        if ended.is_ok() {
            return (flat(&trainer.state().weights).iter().map(|w| w.to_bits()).collect(), rows);
        }
        journal.last.unwrap().write(&path, &case.names).unwrap();
        checkpoint = Some(Checkpoint::read(&path, &case.names).unwrap());
    }
}

const OPTIMIZERS: [Optimizer; 4] = [
    Optimizer::Sgd { momentum: 0.9, nesterov: false },
    Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decoupled: true },
    Optimizer::GRADIENT_DESCENT,
    Optimizer::Flow { tolerance: 1e-4 },
];

#[test]
fn threads_do_not_change_a_bit_of_weights_or_metrics() {
    // More samples than a chunk, so that sums are of several parts.
    let case = Case::new("mlp:5-12x2-3:tanh", Loss::CrossEntropy, 300);
    for (optimizer, batch) in OPTIMIZERS.into_iter().zip([100, 70, 300, 300]) {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| in_pieces(&case, optimizer, batch, u64::MAX / 2))
        };
        let one = with(1);
        assert_eq!(one.1.len(), 9, "eight of every fourth step, and the last");
        for threads in [2, 3, 7] {
            assert!(with(threads) == one, "{optimizer:?}, {threads} threads");
        }
    }
}

#[test]
fn an_interruption_at_any_step_changes_no_bit() {
    let case = Case::new("mlp:5-12x2-3:tanh", Loss::CrossEntropy, 40);
    for (optimizer, batch) in OPTIMIZERS.into_iter().zip([16, 7, 40, 40]) {
        let whole = in_pieces(&case, optimizer, batch, u64::MAX / 2);
        for piece in [1, 3, 4, 29] {
            assert!(in_pieces(&case, optimizer, batch, piece) == whole, "{optimizer:?} in pieces of {piece}");
        }
    }
}

#[test]
fn a_chunk_is_a_matter_of_the_batch_so_its_gradient_is_the_mean_of_its_samples() {
    let case = Case::new("mlp:5-12x2-3:tanh", Loss::CrossEntropy, 300);
    let task = case.task();
    let rows: Vec<usize> = (0..300).rev().step_by(2).collect();
    let of = |rows: &[usize]| {
        let batch = ntk::train::Batch::Rows { rows, augment: None };
        task.gradient(&case.weights, batch, &NEVER).unwrap()
    };
    let together = of(&rows);
    let mut mean = vec![0.0; together.gradient.len()];
    let (mut loss, mut correct) = (0.0, 0);
    for row in &rows {
        let one = of(&[*row]);
        mean.iter_mut().zip(&one.gradient).for_each(|(mean, g)| *mean += g / rows.len() as f64);
        loss += one.loss / rows.len() as f64;
        correct += one.correct.unwrap();
    }
    assert!(crate::numbers::relative_error(&together.gradient, &mean) < 1e-13);
    assert!((together.loss - loss).abs() < 1e-13);
    assert_eq!((together.correct, together.samples), (Some(correct), 150));
}

/// Turns every other visit of a sample around.
struct Negate;

impl Augment<f64> for Negate {
    fn apply(&self, x: &mut [f64], shape: &[usize], step: u64, sample: usize) {
        assert_eq!(shape, [5]);
        if (step as usize + sample) % 2 == 1 {
            x.iter_mut().for_each(|x| *x = -*x);
        }
    }
}

#[test]
fn an_augmented_step_is_a_step_on_changed_samples() {
    let case = Case::new("mlp:5-12x2-3:tanh", Loss::MeanSquaredError, 20);
    let mut augmented = case.trainer(case.descent(0.1)).augmented(&Negate);
    for step in 0..3 {
        let state = augmented.state().clone();
        let mut inputs = case.samples.inputs.clone();
        inputs.data.chunks_mut(5).enumerate().for_each(|(i, x)| Negate.apply(x, &[5], step, i));
        let samples = Samples { inputs, ..case.samples.clone() };
        let other =
            Case { samples, model: case.model.clone(), names: case.names.clone(), weights: vec![], loss: case.loss };
        let mut plain = other.trainer_from(case.descent(0.1), state);
        assert_eq!(plain.step().unwrap(), augmented.step().unwrap());
        assert_eq!(plain.state().weights, augmented.state().weights);
    }
}
