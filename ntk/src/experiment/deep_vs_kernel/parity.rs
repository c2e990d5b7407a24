//! The kernel of a network along its training, and how well it does by itself.

use super::linear::Tangent;
use super::network::{data, error, network, parts, start};
use super::{Lab, Parity, Record};
use crate::array::Array;
use crate::contraction::{self, Observer, Outputs};
use crate::data::Normalize;
use crate::error::Result;
use crate::experiment::{Role, lab};
use crate::loss::Loss;
use crate::metric::kernel::distance;
use crate::model::Architecture;
use crate::predict::posterior;
use crate::train::{Batch, Optimizer, Order, Samples, Schedule, Settings, State, Task, Trainer};

/// What is added to the kernel's diagonal, over its mean.
const RIDGE: f64 = 1e-4;

pub(super) fn run(parity: &Parity, lab: &Lab<'_>) -> Result<Record> {
    let name = format!("parity:bits={},k={},seed={}", parity.bits, parity.k, lab::seed(parity.seed, Role::Data, 3));
    let set = data(lab, &name, [parity.samples, parity.test], Normalize::None, parity.seed)?;
    let [train, test] = parts(&set)?;
    let model = network(parity.bits, parity.width, 2, set.classes);
    let (names, weights) = start::<f32>(&model, parity.seed)?;
    let settings = Settings {
        optimizer: Optimizer::GRADIENT_DESCENT,
        schedule: Schedule::constant(parity.rate),
        batch: parity.batch,
        order_seed: lab::seed(parity.seed, Role::Order, 0),
        decay: 0.0,
        rates: vec![1.0; weights.len()],
    };
    let task = Task::new(&model, &train, Loss::CrossEntropy, &names)?;
    let on_test = Task::new(&model, &test, Loss::CrossEntropy, &names)?;
    let mut trainer = Trainer::new(task, settings, State::new(weights, Optimizer::GRADIENT_DESCENT), lab.stop)?;
    let epoch_steps = trainer.steps_per_epoch();
    let probe = test.inputs.select_rows(&(0..parity.probe.min(test.len())).collect::<Vec<_>>())?;

    let mut kernels: Vec<Array<f64>> = Vec::new();
    let (mut net, mut ker, mut lin, mut losses) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for epoch in 0..=parity.epochs {
        let weights = &trainer.state().weights;
        let found = on_test.value(weights, Batch::All, lab.stop)?;
        net.push(1.0 - found.accuracy().unwrap_or(f64::NAN));
        losses.push(trainer.task().value(weights, Batch::All, lab.stop)?.loss);
        kernels.push(kernel(&model, weights, &probe, None, Outputs::Full, lab)?);
        if parity.checkpoints.contains(&epoch) {
            ker.push(kernel_error(&model, weights, &train, &test, &set.targets, lab)?);
            let tangent = Tangent { model: &model, weights };
            let mut order = Order::new(train.len(), parity.batch, lab::seed(parity.seed, Role::Order, 0));
            let steps = [epoch * epoch_steps, parity.epochs * epoch_steps];
            let f = tangent.trained(&train, &test.inputs, &mut order, parity.rate as f32, steps, lab)?;
            lin.push(error(&f, test.labels.as_deref().unwrap_or_default()));
        }
        (lab.progress)((epoch + 1) as f64 / (parity.epochs + 1) as f64);
        if epoch < parity.epochs {
            (0..epoch_steps).try_for_each(|_| trainer.step().map(drop))?;
        }
    }

    let count = kernels.len();
    let pair = |at: usize| distance(&kernels[at / count].data, &kernels[at % count].data);
    let matrix: Vec<f64> = (0..count * count).map(pair).collect();
    let velocity = (1..count).map(|i| matrix[i * count + i - 1]).collect();
    Ok(Record::default()
        .curve("net", net)
        .curve("train_loss", losses)
        .curve("ker", ker)
        .curve("lin", lin)
        .curve("velocity", velocity)
        .array("distances", Array::new([count, count], matrix)?))
}

/// A kernel in f64, whatever the weights are kept in.
fn kernel(
    model: &Architecture,
    weights: &[Array<f32>],
    x1: &Array<f32>,
    x2: Option<&Array<f32>>,
    outputs: Outputs,
    lab: &Lab<'_>,
) -> Result<Array<f64>> {
    let wide = |a: &Array<f32>| a.map(|x| f64::from(*x));
    let weights: Vec<Array<f64>> = weights.iter().map(wide).collect();
    let settings = contraction::Settings { outputs, memory: lab.memory, ..Default::default() };
    let observer = Observer { progress: &|_| (), stop: lab.stop };
    let x2 = x2.map(wide);
    Ok(contraction::kernel(model, &weights, &wide(x1), x2.as_ref(), &settings, &observer)?.kernel)
}

/// The test error of regression with the kernel of these weights, from zero on centred classes.
fn kernel_error(
    model: &Architecture,
    weights: &[Array<f32>],
    train: &Samples<f32>,
    test: &Samples<f32>,
    targets: &Array<f64>,
    lab: &Lab<'_>,
) -> Result<f64> {
    let own = kernel(model, weights, &train.inputs, None, Outputs::Trace, lab)?;
    let across = kernel(model, weights, &test.inputs, Some(&train.inputs), Outputs::Trace, lab)?;
    let mean = 1.0 / targets.row_len() as f64;
    let mean = posterior(&own, &across, None, &targets.map(|y| y - mean), RIDGE)?.mean;
    Ok(error(&mean, test.labels.as_deref().unwrap_or_default()))
}
