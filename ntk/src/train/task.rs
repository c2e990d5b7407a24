//! The loss of a batch, its gradient, and how many samples are classified rightly.
//!
//! A batch is cut into chunks whose sizes follow from the batch alone. Threads share the chunks; what they give is added
//! in the chunks' order. So the sums have the same bits for any number of threads.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use autodiff::sweep::{Gradient, Pool, pullback};
use autodiff::{Arena, Float, Op, Var};
use rayon::prelude::*;

use super::augment::Augment;
use super::samples::Samples;
use crate::array::Array;
use crate::error::{Error, Result};
use crate::loss::Loss;
use crate::network::{Network, record};

/// Chunks that a batch is cut into, if they are of a size that products are efficient at.
const CHUNKS: usize = 8;
/// Sizes that a chunk may have.
const SIZES: Range<usize> = 32..256;
/// Numbers of a sum that one task adds.
const BLOCK: usize = 1 << 14;

/// What a batch says of the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation<R> {
    /// The mean loss.
    pub loss: f64,
    /// Samples classified rightly, where there are classes.
    pub correct: Option<usize>,
    /// Samples.
    pub samples: usize,
    /// The gradient of the mean loss, one number a parameter; empty where none was asked for.
    pub gradient: Vec<R>,
}

impl<R> Evaluation<R> {
    /// The share of samples classified rightly.
    pub fn accuracy(&self) -> Option<f64> {
        self.correct.map(|correct| correct as f64 / self.samples as f64)
    }
}

/// Which samples.
#[derive(Clone, Copy)]
pub enum Batch<'b, R> {
    /// All of them, as they are.
    All,
    /// These, in this order, after an augmentation if there is one.
    Rows {
        /// Their numbers.
        rows: &'b [usize],
        /// The augmentation and the step that it is for.
        augment: Option<(&'b dyn Augment<R>, u64)>,
    },
}

/// A loss of a network on samples.
pub struct Task<'o, N, R> {
    network: &'o N,
    samples: &'o Samples<R>,
    loss: Loss,
    /// Names of the parameters, for messages.
    names: Vec<String>,
    workers: Mutex<Vec<Worker<R>>>,
}

impl<'o, N: Network, R: Float> Task<'o, N, R> {
    /// A loss, after a look at whether everything fits.
    ///
    /// # Errors
    /// Samples of another shape than the network takes.
    pub fn new(network: &'o N, samples: &'o Samples<R>, loss: Loss, names: &[String]) -> Result<Self> {
        let expected = [vec![samples.len()], network.input()?].concat();
        if expected != samples.inputs.shape {
            return Err(Error::Shape {
                what: "the samples".into(),
                expected,
                found: samples.inputs.shape.clone(),
                remedy: "give samples for this network".into(),
            });
        }
        Ok(Self { network, samples, loss, names: names.to_vec(), workers: Mutex::default() })
    }

    /// The network.
    pub fn network(&self) -> &'o N {
        self.network
    }

    /// The samples.
    pub fn samples(&self) -> &'o Samples<R> {
        self.samples
    }

    /// The loss.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// The loss of a batch and its gradient.
    ///
    /// # Cost
    /// Three passes over the network, and as many numbers as parameters for each thread.
    ///
    /// # Errors
    /// A loss that is not finite, with the layer where that begins; a network that mixes samples, unless the batch is one
    /// chunk; an interruption.
    pub fn gradient(&self, weights: &[Array<R>], batch: Batch<'_, R>, stop: &AtomicBool) -> Result<Evaluation<R>> {
        self.evaluate(weights, batch, true, stop)
    }

    /// The loss of a batch alone.
    ///
    /// # Cost
    /// One pass over the network.
    ///
    /// # Errors
    /// As [`Task::gradient`].
    pub fn value(&self, weights: &[Array<R>], batch: Batch<'_, R>, stop: &AtomicBool) -> Result<Evaluation<R>> {
        self.evaluate(weights, batch, false, stop)
    }

    fn evaluate(
        &self,
        weights: &[Array<R>],
        batch: Batch<'_, R>,
        with_gradient: bool,
        stop: &AtomicBool,
    ) -> Result<Evaluation<R>> {
        let samples = match batch {
            Batch::All => self.samples.len(),
            Batch::Rows { rows, .. } => rows.len(),
        };
        let size = chunk_size(samples);
        let chunks: Vec<Range<usize>> = (0..samples).step_by(size).map(|i| i..(i + size).min(samples)).collect();
        let parameters = if with_gradient { weights.iter().map(Array::len).sum() } else { 0 };
        let mut total = Evaluation { loss: 0.0, correct: None, samples, gradient: vec![R::ZERO; parameters] };
        // A wave is as many chunks as threads: its gradients are in memory together. How long it is changes when a chunk
        // is added, not in which order.
        for wave in chunks.chunks(rayon::current_num_threads().max(1)) {
            let done: Vec<(Worker<R>, Chunk)> = wave
                .par_iter()
                .with_max_len(1)
                .map(|chunk| {
                    if stop.load(Ordering::Relaxed) {
                        return Err(Error::Interrupted { terminated: false, resume: "the step was given up".into() });
                    }
                    let mut worker = self.workers.lock().map_err(poisoned)?.pop().unwrap_or_default();
                    let found = self.chunk(weights, batch, chunk.clone(), samples, with_gradient, &mut worker)?;
                    Ok((worker, found))
                })
                .collect::<Result<_>>()?;
            for (worker, chunk) in done {
                total.loss += chunk.loss;
                if let Some(correct) = chunk.correct {
                    *total.correct.get_or_insert(0) += correct;
                }
                if with_gradient {
                    add(&mut total.gradient, &worker.sink, weights);
                }
                self.workers.lock().map_err(poisoned)?.push(worker);
            }
        }
        Ok(total)
    }

    /// One chunk: its share of the mean loss, and of the gradient in the worker's sink.
    fn chunk(
        &self,
        weights: &[Array<R>],
        batch: Batch<'_, R>,
        chunk: Range<usize>,
        samples: usize,
        with_gradient: bool,
        worker: &mut Worker<R>,
    ) -> Result<Chunk> {
        let Worker { arena, pool, sink, inputs } = worker;
        let (all, x_len) = (self.samples, self.samples.inputs.row_len());
        let gathered;
        let (x, targets, rows, labels): (&[R], _, _, _) = match batch {
            Batch::All => {
                let labels = all.labels.as_ref().map(|labels| Cow::Borrowed(&labels[chunk.clone()]));
                (&all.inputs.data[chunk.start * x_len..chunk.end * x_len], &all.targets, chunk, labels)
            }
            Batch::Rows { rows, augment } => {
                let rows = &rows[chunk];
                inputs.clear();
                for &row in rows {
                    inputs.extend_from_slice(&all.inputs.data[row * x_len..][..x_len]);
                }
                if let Some((augment, step)) = augment {
                    let shape = &all.inputs.shape[1..];
                    for (x, &row) in inputs.chunks_exact_mut(x_len.max(1)).zip(rows) {
                        augment.apply(x, shape, step, row);
                    }
                }
                gathered = all.targets.select(rows)?;
                let labels = all.labels.as_ref().map(|labels| rows.iter().map(|&row| labels[row]).collect());
                (inputs, &gathered, 0..rows.len(), labels.map(Cow::<[u32]>::Owned))
            }
        };
        let f = record(arena, self.network, weights, x)?;
        if let (autodiff::Samples::Mixed(node), true) = (f.samples(), rows.len() < samples) {
            // Statistics of a chunk are not those of its batch.
            return Err(autodiff::Error::MixesSamples { op: f.tape().node(node).op.name(), node }.into());
        }
        let loss = self.loss.record(f, targets, rows, samples)?;
        let value = Float::to_f64(loss.value()[0]);
        if !value.is_finite() {
            return Err(self.fault(f));
        }
        let correct = labels.map(|labels| right(f.value(), &labels));
        if with_gradient {
            pullback(loss, &[R::ONE], 1, sink, pool)?;
        }
        Ok(Chunk { loss: value, correct })
    }

    /// Where on a tape the numbers cease to be finite.
    fn fault(&self, f: Var<'_, R>) -> Error {
        let tape = f.tape();
        let bad = |id: u32| tape.node(id).value.iter().any(|x| !Float::is_finite(*x));
        let mut layer = None;
        for id in 0..tape.len() as u32 {
            let node = tape.node(id);
            match node.op {
                Op::Leaf(leaf) if bad(id) => {
                    let name = self.name(leaf as usize);
                    return Error::Overflow { what: "a weight", place: name };
                }
                Op::Leaf(_) | Op::Constant => {}
                _ => {
                    let leaf = node.inputs.iter().rev().find_map(|&input| match tape.node(input).op {
                        Op::Leaf(leaf) => Some(leaf as usize),
                        _ => None,
                    });
                    layer = leaf.or(layer);
                    if bad(id) {
                        let place = match layer {
                            Some(leaf) => format!("layer {} ({})", self.name(leaf), node.op.name()),
                            None => node.op.name().to_owned(),
                        };
                        let what = if id > f.id() { "the loss" } else { "an activation" };
                        return Error::Overflow { what, place };
                    }
                }
            }
        }
        Error::Bug("a loss that is not finite, of numbers that are".into())
    }

    /// The name of a parameter.
    pub(crate) fn name(&self, leaf: usize) -> String {
        self.names.get(leaf).cloned().unwrap_or_else(|| format!("{leaf}"))
    }
}

/// Samples of the chunks that a batch of so many is cut into.
pub(super) fn chunk_size(samples: usize) -> usize {
    samples.div_ceil(CHUNKS).clamp(SIZES.start, SIZES.end)
}

/// What a chunk gives beside its gradient.
struct Chunk {
    loss: f64,
    correct: Option<usize>,
}

/// What one task records, sweeps and gathers in; kept between batches.
struct Worker<R> {
    arena: Arena,
    pool: Pool<R>,
    sink: Gradient<R>,
    inputs: Vec<R>,
}

impl<R: Float> Default for Worker<R> {
    fn default() -> Self {
        Self { arena: Arena::new(), pool: Pool::default(), sink: Gradient::new(), inputs: Vec::new() }
    }
}

/// Adds what a sink gathered to the flat gradient.
fn add<R: Float>(total: &mut [R], sink: &Gradient<R>, weights: &[Array<R>]) {
    let mut rest = total;
    for (leaf, weight) in weights.iter().enumerate() {
        let (own, behind) = rest.split_at_mut(weight.len());
        rest = behind;
        // A parameter that the loss does not depend on has no cotangent.
        let Some(gradient) = sink.of(leaf) else { continue };
        own.par_chunks_mut(BLOCK).zip(gradient.par_chunks(BLOCK)).for_each(|(own, gradient)| {
            own.iter_mut().zip(gradient).for_each(|(own, &g)| *own += g);
        });
    }
}

/// Samples whose largest output (of one output: whose sign) is that of their class. Of equal outputs the first counts.
fn right<R: Float>(f: &[R], labels: &[u32]) -> usize {
    let outputs = f.len() / labels.len().max(1);
    let class = |row: &[R]| match row {
        [only] => u32::from(*only > R::ZERO),
        _ => {
            let mut best = 0;
            for (k, x) in row.iter().enumerate() {
                if *x > row[best] {
                    best = k;
                }
            }
            best as u32
        }
    };
    f.chunks_exact(outputs.max(1)).zip(labels).filter(|(row, label)| class(row) == **label).count()
}

/// A lock is poisoned only when another task panicked, which is a fault of ours.
fn poisoned<T>(_: std::sync::PoisonError<T>) -> Error {
    Error::Bug("a task panicked while it held a lock".into())
}
