//! A parent trained so far, two children that end it with orders of their own, and how far apart they come to lie.

use super::network::{classes, data, network, parts, spoil, start};
use super::{Lab, Record, Spawn};
use crate::array::Array;
use crate::contraction::{self, Observer, Outputs};
use crate::data::Normalize;
use crate::error::{Error, Result};
use crate::experiment::{Role, lab};
use crate::landscape::{barrier, difference, slice};
use crate::loss::Loss;
use crate::metric::kernel::distance;
use crate::model::{Activation, Architecture, Layer};
use crate::predict;
use crate::train::{Decay, Optimizer, Samples, Schedule, Settings, State, Task, Trainer};

/// Points of a path between children.
const PATH: usize = 21;

pub(super) fn run(spawn: &Spawn, lab: &Lab<'_>) -> Result<Record> {
    let mut set = data(lab, &spawn.data, [spawn.samples, spawn.test], Normalize::Standard, spawn.seed)?;
    spoil(&mut set, spawn.noise, spawn.seed)?;
    let [train, test] = parts(&set)?;
    let model = network(set.inputs.row_len(), spawn.width, spawn.hidden, set.classes);
    let (names, weights) = start::<f32>(&model, spawn.seed)?;
    let settings = |of: u64| Settings {
        optimizer: Optimizer::Sgd { momentum: spawn.momentum, nesterov: false },
        schedule: Schedule { rate: spawn.rate, warmup: 0, decay: Decay::Cosine, steps: spawn.steps },
        batch: spawn.batch,
        order_seed: lab::seed(spawn.seed, Role::Order, of),
        decay: 0.0,
        rates: vec![1.0; weights.len()],
    };
    // Moments go over with the weights, and the step number with the learning rate.
    let go_on = |state: State<f32>, of: u64, until: u64| -> Result<State<f32>> {
        let task = Task::new(&model, &train, Loss::CrossEntropy, &names)?;
        let mut trainer = Trainer::new(task, settings(of), state, lab.stop)?;
        (trainer.state().step..until).try_for_each(|_| trainer.step().map(drop))?;
        Ok(trainer.state().clone())
    };
    let parent = go_on(State::new(weights.clone(), settings(0).optimizer), 0, spawn.at)?;
    (lab.progress)(0.2);
    let one = go_on(parent.clone(), 1, spawn.steps)?.weights;
    (lab.progress)(0.55);
    let two = go_on(parent, 2, spawn.steps)?.weights;
    (lab.progress)(0.9);

    let at: Vec<f64> = (0..PATH).map(|i| i as f64 / (PATH - 1) as f64).collect();
    let coordinates: Vec<Vec<f64>> = at.iter().map(|&a| vec![a]).collect();
    let direction = [difference(&one, &two)?];
    let on = |samples: &Samples<f32>| {
        let task = Task::new(&model, samples, Loss::CrossEntropy, &names)?;
        slice(&task, &one, &direction, &coordinates, lab.stop, &|| ())
    };
    let (of_train, of_test) = (on(&train)?, on(&test)?);
    let losses: Vec<f64> = of_train.iter().map(|e| e.loss).collect();
    let errors: Vec<f64> = of_test.iter().map(|e| 1.0 - e.accuracy().unwrap_or(f64::NAN)).collect();
    let height = |values: &[f64]| barrier(&at, values).ok_or_else(|| Error::Bug("a path without its ends".into()));

    let [a, b] = [signs(&model, &one, &test.inputs)?, signs(&model, &two, &test.inputs)?];
    let said = |weights: &[Array<f32>]| predict::outputs(&model, weights, &test.inputs).map(|f| classes(&f));
    let probe = test.inputs.select_rows(&(0..spawn.probe.min(test.len())).collect::<Vec<_>>())?;
    let length = direction[0].iter().flat_map(|d| &d.data).map(|d| f64::from(*d).powi(2)).sum::<f64>().sqrt();
    Ok(Record::default()
        .number("loss_barrier", height(&losses)?)
        .number("error_barrier", height(&errors)?)
        .number("hamming", differing(&a, &b))
        .number("disagreement", differing(&said(&one)?, &said(&two)?))
        .number("kernel", distance(&kernel(&model, &one, &probe, lab)?, &kernel(&model, &two, &probe, lab)?))
        .number("weights", length)
        .number("test_error", 0.5 * (errors[0] + errors[PATH - 1]))
        .curve("path", at)
        .curve("path_loss", losses)
        .curve("path_error", errors))
}

/// The share of places where two lists differ.
fn differing<T: PartialEq>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a != b).count() as f64 / a.len() as f64
}

fn kernel(model: &Architecture, weights: &[Array<f32>], x: &Array<f32>, lab: &Lab<'_>) -> Result<Vec<f64>> {
    let settings = contraction::Settings { outputs: Outputs::Full, memory: lab.memory, ..Default::default() };
    let observer = Observer { progress: &|_| (), stop: lab.stop };
    let kernel = contraction::kernel(model, weights, x, None, &settings, &observer)?.kernel;
    Ok(kernel.data.into_iter().map(f64::from).collect())
}

/// Which units are on, of each sample and rectifier.
pub(super) fn signs(model: &Architecture, weights: &[Array<f32>], x: &Array<f32>) -> Result<Vec<bool>> {
    let mut on = Vec::new();
    for (i, layer) in model.layers.iter().enumerate() {
        if matches!(layer, Layer::Activation(Activation::Relu)) {
            let below = Architecture::new(model.input.clone(), model.layers[..i].to_vec());
            let own = &weights[..below.parameters()?.len()];
            on.extend(predict::outputs(&below, own, x)?.data.into_iter().map(|z| z > 0.0));
        }
    }
    Ok(on)
}
