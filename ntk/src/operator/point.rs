//! Where a network's matrices are taken, and the blocks of samples that they are summed over.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use autodiff::kernel::gemm::Accumulate;
use autodiff::sweep::{Linearization, Pool};
use autodiff::{Arena, Float, Samples, Var};
use rayon::prelude::*;

use crate::array::Array;
use crate::contraction::{finite, rows};
use crate::error::{Error, Result};
use crate::loss::{Loss, Targets};
use crate::network::{Network, record};

/// A scalar function of a network's outputs that is a sum over samples.
pub trait Objective<R: Float>: Sync {
    /// Records what the samples `rows` add to it.
    ///
    /// # Shape
    /// `f: [rows, outputs] -> []`
    ///
    /// # Errors
    /// What recording refuses.
    fn record<'a>(&'a self, f: Var<'a, R>, rows: Range<usize>) -> Result<Var<'a, R>>;

    /// Whether it is convex in the outputs, so that its Gauss-Newton matrix is positive.
    fn is_convex(&self) -> bool {
        false
    }
}

/// A loss of all its targets.
#[derive(Clone, Debug)]
pub struct Fit<R> {
    /// Which.
    pub loss: Loss,
    /// One for each sample.
    pub targets: Targets<R>,
}

impl<R: Float> Objective<R> for Fit<R> {
    fn record<'a>(&'a self, f: Var<'a, R>, rows: Range<usize>) -> Result<Var<'a, R>> {
        self.loss.record(f, &self.targets, rows, self.targets.rows())
    }

    fn is_convex(&self) -> bool {
        true
    }
}

/// A network at its parameters, on samples.
#[derive(Debug)]
pub struct Point<'s, N, R> {
    /// The network.
    pub network: &'s N,
    /// Its parameters; a flat vector is their concatenation in this order.
    pub parameters: &'s [Array<R>],
    /// The samples, `[n, ..input]`.
    pub x: &'s Array<R>,
}

impl<N, R> Clone for Point<'_, N, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N, R> Copy for Point<'_, N, R> {}

/// What an operator may take of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'s> {
    /// Bytes for what is kept of the samples. It cannot change a bit: what does not fit is computed again by every
    /// product, at the price of a gradient.
    pub memory: u64,
    /// Set from elsewhere to stop at the next block.
    pub stop: &'s AtomicBool,
}

/// Nobody stops.
static NEVER: AtomicBool = AtomicBool::new(false);

impl Default for Settings<'_> {
    fn default() -> Self {
        Self { memory: 1 << 30, stop: &NEVER }
    }
}

impl Settings<'_> {
    pub(super) fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            let resume = "nothing was written; run the same command again".into();
            return Err(Error::Interrupted { terminated: false, resume });
        }
        Ok(())
    }
}

/// The memory that an operator's recordings live in: make one, then the operator in it.
#[derive(Default)]
pub struct Recordings {
    arenas: Vec<[Arena; 2]>,
}

impl Recordings {
    /// What `make` makes of the first blocks, as many as the memory of `settings` keeps; each in arenas of its own.
    pub(super) fn keep<'s, T: Send>(
        &'s mut self,
        blocks: &[Range<usize>],
        sample_bytes: u64,
        settings: &Settings<'_>,
        make: impl Fn(&'s mut [Arena; 2], &Range<usize>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let largest = blocks.iter().map(Range::len).max().unwrap_or(0) as u64;
        let each = sample_bytes.saturating_mul(largest).max(1);
        let stay = blocks.len().min((settings.memory / each) as usize);
        self.arenas.clear();
        self.arenas.resize_with(stay, Default::default);
        self.arenas
            .par_iter_mut()
            .zip(blocks)
            .map(|(arenas, block)| {
                settings.check()?;
                make(arenas, block)
            })
            .collect()
    }
}

/// Scratch of one task.
#[derive(Default)]
pub(super) struct Worker<R> {
    pub(super) arenas: [Arena; 2],
    pub(super) pool: Pool<R>,
}

/// Buffers that products and gradients take and put back, so that the next one allocates nothing.
pub struct Scratch<R> {
    workers: Mutex<Vec<Worker<R>>>,
    vectors: Mutex<Vec<Vec<R>>>,
}

impl<R> Default for Scratch<R> {
    fn default() -> Self {
        Self { workers: Mutex::default(), vectors: Mutex::default() }
    }
}

impl<R: Float> Scratch<R> {
    pub(super) fn with_worker<T>(&self, work: impl FnOnce(&mut Worker<R>) -> T) -> T {
        let idle = self.workers.lock().ok().and_then(|mut idle| idle.pop());
        let mut worker = idle.unwrap_or_else(|| Worker { arenas: Default::default(), pool: Pool::default() });
        let done = work(&mut worker);
        if let Ok(mut idle) = self.workers.lock() {
            idle.push(worker);
        }
        done
    }

    /// A vector of no particular numbers.
    pub(super) fn vector(&self, dim: usize) -> Vec<R> {
        let mut vector = self.vectors.lock().ok().and_then(|mut idle| idle.pop()).unwrap_or_default();
        vector.resize(dim, R::ZERO);
        vector
    }

    pub(super) fn give(&self, vectors: impl IntoIterator<Item = Vec<R>>) {
        if let Ok(mut idle) = self.vectors.lock() {
            idle.extend(vectors);
        }
    }
}

/// Which leaves take part, and where each begins in a flat vector.
#[derive(Clone, Debug)]
pub(super) struct Leaves {
    /// The range of each leaf's numbers; none where it is held fixed.
    ranges: Vec<Option<Range<usize>>>,
    /// Numbers in all that take part.
    pub(super) dim: usize,
}

impl Leaves {
    pub(super) fn new<R>(parameters: &[Array<R>], chosen: impl Fn(usize) -> bool) -> Self {
        let mut dim = 0;
        let ranges = parameters.iter().enumerate().map(|(leaf, parameter)| {
            chosen(leaf).then(|| {
                dim += parameter.len();
                dim - parameter.len()..dim
            })
        });
        Self { ranges: ranges.collect(), dim }
    }

    pub(super) fn tangents<'v, R>(&self, v: &'v [R]) -> Vec<Option<&'v [R]>> {
        self.ranges.iter().map(|range| range.clone().map(|range| &v[range])).collect()
    }

    pub(super) fn cotangents<'v, R>(&self, mut v: &'v mut [R]) -> Vec<Option<&'v mut [R]>> {
        let split = |range: &Option<Range<usize>>| {
            let len = range.as_ref()?.len();
            let (head, tail) = std::mem::take(&mut v).split_at_mut(len);
            v = tail;
            Some(head)
        };
        self.ranges.iter().map(split).collect()
    }
}

/// Refuses a loss that is not finite.
pub(super) fn finite_loss<R: Float>(loss: &[R], samples: &Range<usize>) -> Result<()> {
    if loss.iter().all(|x| Float::is_finite(*x)) {
        return Ok(());
    }
    Err(Error::Overflow { what: "the loss", place: format!("samples {} to {}", samples.start, samples.end - 1) })
}

/// Samples of a block at most. Products of matrices with so many rows run at full speed, and the values of a layer stay
/// in a second-level cache.
const BLOCK: usize = 256;
/// Blocks at least, for threads to share.
const BLOCKS: usize = 4;

/// Blocks of samples, as even as can be. They depend on nothing but the number of samples.
pub(super) fn blocks(n: usize) -> Vec<Range<usize>> {
    let count = n.div_ceil(BLOCK).max(BLOCKS).min(n);
    (0..count).map(|i| i * n / count..(i + 1) * n / count).collect()
}

/// Parts of a sum at most, of vectors of `dim` numbers: enough for many threads, but not for all memory.
fn parts(blocks: usize, dim: usize) -> usize {
    const NUMBERS: usize = 64 << 20;
    blocks.min((NUMBERS / dim.max(1)).clamp(BLOCKS, 32))
}

/// The sum over blocks of what `add` adds to a vector (or writes to it, if it is the first), in a fixed order for any number
/// of threads.
///
/// Neighbouring blocks are added into one part, one after the other; the parts are then added in order.
pub(super) fn ordered_sum<R: Float>(
    blocks: usize,
    y: &mut [R],
    scratch: &Scratch<R>,
    add: impl Fn(usize, &mut [R], Accumulate) -> Result<()> + Sync,
) -> Result<()> {
    const CHUNK: usize = 1 << 14;
    let count = parts(blocks, y.len());
    let part = |part: usize| -> Result<Vec<R>> {
        let mut sum = scratch.vector(y.len());
        let mut accumulate = Accumulate::Replace;
        for block in part * blocks / count..(part + 1) * blocks / count {
            add(block, &mut sum, accumulate)?;
            accumulate = Accumulate::Add;
        }
        Ok(sum)
    };
    let sums = (0..count).into_par_iter().map(part).collect::<Result<Vec<_>>>()?;
    y.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, y)| {
        let terms = |sum: &[R]| chunk * CHUNK..(chunk * CHUNK + y.len()).min(sum.len());
        match sums.split_first() {
            None => y.fill(R::ZERO),
            Some((first, rest)) => {
                let range = terms(first);
                y.copy_from_slice(&first[range.clone()]);
                for sum in rest {
                    y.iter_mut().zip(&sum[range.clone()]).for_each(|(y, &x)| *y += x);
                }
            }
        }
    });
    scratch.give(sums);
    Ok(())
}

impl<'s, N: Network, R: Float> Point<'s, N, R> {
    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.x.rows()
    }

    /// The number of parameters.
    pub fn count(&self) -> usize {
        self.parameters.iter().map(Array::len).sum()
    }

    /// The objective, and its gradient in `gradient`, over all samples: blocks spread over threads and added in a fixed
    /// order.
    ///
    /// # Errors
    /// What recording refuses; [`Error::Overflow`] where a value is not finite; [`Error::Shape`] if the gradient has not
    /// as many numbers as there are parameters.
    pub fn gradient<O: Objective<R>>(
        &self,
        objective: &O,
        gradient: &mut [R],
        scratch: &Scratch<R>,
        settings: &Settings<'_>,
    ) -> Result<f64> {
        if gradient.len() != self.count() {
            return Err(Error::Shape {
                what: "a gradient's buffer".into(),
                expected: vec![self.count()],
                found: vec![gradient.len()],
                remedy: "give as many numbers as there are parameters".into(),
            });
        }
        let (samples, leaves) = (blocks(self.samples()), Leaves::new(self.parameters, |_| true));
        let losses: Vec<Mutex<f64>> = samples.iter().map(|_| Mutex::new(0.0)).collect();
        ordered_sum(samples.len(), gradient, scratch, |block, sum, accumulate| {
            settings.check()?;
            scratch.with_worker(|worker| {
                let f = self.record(&mut worker.arenas[0], &samples[block])?;
                let loss = objective.record(f, samples[block].clone())?;
                finite_loss(loss.value(), &samples[block])?;
                let slopes = Linearization::new(loss, &mut worker.pool)?;
                slopes.pullback(&[R::ONE], &mut leaves.cotangents(sum), accumulate, &mut worker.pool)?;
                slopes.release(&mut worker.pool);
                if let Ok(mut part) = losses[block].lock() {
                    *part = loss.value()[0].to_f64();
                }
                Ok(())
            })
        })?;
        Ok(losses.iter().filter_map(|part| part.lock().ok().map(|part| *part)).sum())
    }

    /// Records the network on a block of samples, and refuses outputs that are not finite or mix samples.
    pub(super) fn record<'a>(&self, arena: &'a mut Arena, block: &Range<usize>) -> Result<Var<'a, R>>
    where
        's: 'a,
    {
        let f = record(arena, self.network, self.parameters, rows(self.x, block))?;
        if let (Samples::Mixed(node), true) = (f.samples(), block.len() < self.samples()) {
            return Err(autodiff::Error::MixesSamples { op: f.tape().node(node).op.name(), node }.into());
        }
        finite(f, block.start)?;
        Ok(f)
    }

    /// Bytes that products take at most beside the recordings that are kept: the parts of the sum, and for each thread a
    /// block that is recorded again and the values on their way through it.
    ///
    /// # Errors
    /// What recording refuses.
    pub fn working_bytes(&self, threads: usize) -> Result<u64> {
        let all = blocks(self.samples());
        let largest = all.iter().map(Range::len).max().unwrap_or(0) as u64;
        let block = self.sample_bytes()?.saturating_mul(largest);
        let parts = parts(all.len(), self.count()) as u64;
        let sums = parts.saturating_mul(self.count() as u64 * size_of::<R>() as u64);
        let tasks = threads.min(all.len()) as u64;
        Ok(sums.saturating_add(block.saturating_mul(2 * tasks)))
    }

    /// Bytes that are kept of a sample at most: values, and slopes, cotangents and curvatures of as many.
    pub(super) fn sample_bytes(&self) -> Result<u64> {
        Ok(3 * self.network.footprint()?.values as u64 * size_of::<R>() as u64)
    }
}
