//! The grid of tiles: who computes what when, and where it is written.
//!
//! Rows and columns of the kernel are cut into blocks of samples. A [`Contractor`] prepares a block (activations,
//! cotangents) and contracts two blocks to a tile. The grid depends on shapes alone. If all blocks fit into the
//! memory limit they are prepared once; if not, a panel of row blocks is kept while the blocks that it meets are made
//! again, so the limit costs time and changes no bit.

use std::ops::Range;
use std::sync::Mutex;
use std::time::Instant;

use autodiff::sweep::Pool;
use autodiff::{Arena, Float, Kernel};
use rayon::prelude::*;

use super::output::Output;
use super::{Observer, Outputs, Plan, Problem, Side, Times};
use crate::error::{Error, Result};
use crate::network::Network;

/// Prepares blocks of samples and contracts pairs of them.
pub(crate) trait Contractor<R>: Sync {
    /// What is kept of a block.
    type Block: Send + Sync;

    /// Prepares the samples of a range.
    fn block(&self, side: Side, samples: Range<usize>, worker: &mut Worker<R>) -> Result<Self::Block>;

    /// Blocks are made: what only they needed may go.
    fn release(&self) {}

    /// Contracts two blocks into `scratch.sum`. `same` says that they are one block: the lower triangle is enough.
    fn tile(
        &self,
        rows: &Self::Block,
        columns: &Self::Block,
        same: bool,
        tile: &TileShape,
        scratch: &mut Scratch<R>,
    ) -> Result<()>;
}

/// What a thread needs to prepare blocks; re-used from block to block.
pub(crate) struct Worker<R> {
    pub(crate) arena: Arena,
    pub(crate) pool: Pool<R>,
    pub(crate) seeds: Vec<R>,
}

/// What a thread needs to contract tiles; re-used from tile to tile.
#[derive(Default)]
pub(crate) struct Scratch<R> {
    /// The tile, `[left, rows, right, columns]`.
    pub(crate) sum: Vec<R>,
    /// A product of cotangents, of the tile's shape.
    pub(crate) cotangents: Vec<R>,
    /// A product of inputs, `[rows, columns]`.
    pub(crate) inputs: Vec<R>,
    pub(super) transposed: Vec<R>,
}

/// Sizes of a tile, `[left, rows, right, columns]`: directions of the row samples, of the column samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileShape {
    pub(crate) left: usize,
    pub(crate) rows: usize,
    pub(crate) right: usize,
    pub(crate) columns: usize,
}

impl TileShape {
    pub(super) fn new(outputs: Outputs, width: usize, rows: usize, columns: usize) -> Self {
        let (left, right) = match outputs {
            Outputs::Full => (width, width),
            Outputs::Diagonal => (width, 1),
            Outputs::Trace | Outputs::SumTrace | Outputs::SumOfLogits => (1, 1),
        };
        Self { left, rows, right, columns }
    }

    pub(crate) fn len(&self) -> usize {
        self.left * self.rows * self.right * self.columns
    }

    /// The tile as square matrices to transpose: one for all pairs of directions, or one for each direction.
    pub(super) fn matrices(&self) -> (usize, usize, usize) {
        if self.right == 1 {
            (self.left, self.rows, self.columns)
        } else {
            (1, self.left * self.rows, self.right * self.columns)
        }
    }

    pub(super) fn t(&self) -> Self {
        let Self { left, rows, right, columns } = *self;
        if right == 1 {
            Self { left, rows: columns, right, columns: rows }
        } else {
            Self { left: right, rows: columns, right: left, columns: rows }
        }
    }
}

/// Cuts `n` samples into blocks of at most `size`, as even as can be: threads then end together.
pub(crate) fn blocks(n: usize, size: usize) -> Vec<Range<usize>> {
    let count = n.div_ceil(size.max(1));
    (0..count).map(|b| b * n / count..(b + 1) * n / count).collect()
}

/// Computes the tiles of the plan's grid that `output` does not have.
pub(crate) fn run<N: Network, R: Float, C: Contractor<R>, O: Output<R>>(
    problem: &Problem<'_, N, R>,
    contractor: &C,
    plan: &Plan,
    observer: &Observer<'_>,
    output: &O,
) -> Result<Times> {
    let symmetric = problem.x2.is_none();
    let rows = blocks(problem.x1.rows(), plan.block);
    let columns = blocks(problem.side(Side::Columns).rows(), plan.block);
    let run = Run {
        problem,
        contractor,
        observer,
        rows: &rows,
        columns: &columns,
        symmetric,
        output,
        workers: Mutex::new(Vec::new()),
        scratch: Mutex::new(Vec::new()),
        flops_block: plan.sweep_flops / (rows.len() + if symmetric { 0 } else { columns.len() }) as f64,
        flops_pair: plan.pair_flops,
        arena_bytes: plan.arena_bytes,
    };
    let mut times = Times::default();
    if plan.resident >= plan.blocks {
        let (wanted_rows, wanted_columns) = run.wanted(0..rows.len(), 0..columns.len(), symmetric);
        if symmetric {
            // One block is a row block and a column block.
            let either = |b: &usize| wanted_rows.contains(b) || wanted_columns.contains(b);
            let blocks = run.prepare(Side::Rows, (0..rows.len()).filter(either).collect(), &mut times)?;
            run.tiles(&blocks, &blocks, &mut times)?;
        } else {
            let row_blocks = run.prepare(Side::Rows, wanted_rows, &mut times)?;
            let column_blocks = run.prepare(Side::Columns, wanted_columns, &mut times)?;
            run.tiles(&row_blocks, &column_blocks, &mut times)?;
        }
        return Ok(times);
    }
    // A panel of row blocks stays; the columns that it meets pass by, a few at a time.
    let passing = rayon::current_num_threads().min(plan.resident / 2).max(1);
    let panel = plan.resident - passing;
    for first in (0..rows.len()).step_by(panel) {
        let panel = first..(first + panel).min(rows.len());
        let all = if symmetric { first } else { 0 }..columns.len();
        if run.wanted(panel.clone(), all, symmetric).0.is_empty() {
            continue;
        }
        let row_blocks = run.prepare(Side::Rows, panel.clone().collect(), &mut times)?;
        if symmetric {
            run.tiles(&row_blocks, &row_blocks, &mut times)?;
        }
        let others = if symmetric { panel.end } else { 0 };
        let (_, others) = run.wanted(panel, others..columns.len(), false);
        for passing in others.chunks(passing) {
            let column_blocks = run.prepare(Side::Columns, passing.to_vec(), &mut times)?;
            run.tiles(&row_blocks, &column_blocks, &mut times)?;
        }
    }
    Ok(times)
}

/// Blocks of memory beyond this size are always given back to the system, and are not held to serve later requests:
/// glibc's `DEFAULT_MMAP_THRESHOLD_MAX`.
const ALWAYS_RETURNED: usize = 32 << 20;

/// The kernel's memory, untouched: the system maps its pages where tasks first write.
pub(crate) fn zeros<R: Float>(len: usize, limit: u64) -> Result<Vec<R>> {
    // A request for zeros cannot be refused gently, one for room can: so that is made first. Not for little memory:
    // giving it back would raise the size up to which the allocator keeps what threads give back, recordings above all.
    if len.saturating_mul(size_of::<R>()) > ALWAYS_RETURNED {
        let mut probe: Vec<R> = Vec::new();
        probe.try_reserve_exact(len).map_err(|_| Error::Memory {
            what: "the kernel".into(),
            needed: (len as u64).saturating_mul(size_of::<R>() as u64),
            limit,
            fits: "the system refused it; use fewer samples".into(),
        })?;
    }
    Ok(vec![R::ZERO; len])
}

/// A block and its number.
type Numbered<B> = (usize, B);

struct Run<'r, N, R, C, O> {
    problem: &'r Problem<'r, N, R>,
    contractor: &'r C,
    observer: &'r Observer<'r>,
    rows: &'r [Range<usize>],
    columns: &'r [Range<usize>],
    symmetric: bool,
    output: &'r O,
    workers: Mutex<Vec<Worker<R>>>,
    scratch: Mutex<Vec<Scratch<R>>>,
    flops_block: f64,
    flops_pair: f64,
    arena_bytes: usize,
}

impl<N: Network, R: Float, C: Contractor<R>, O: Output<R>> Run<'_, N, R, C, O> {
    /// The rows and the columns of the tiles among these that are not there yet; of the upper `triangle` alone.
    fn wanted(&self, rows: Range<usize>, columns: Range<usize>, triangle: bool) -> (Vec<usize>, Vec<usize>) {
        let is_wanted = |i: usize, j: usize| !(triangle && j < i || self.output.has(&self.rows[i], &self.columns[j]));
        let of_rows = rows.clone().filter(|&i| columns.clone().any(|j| is_wanted(i, j))).collect();
        (of_rows, columns.filter(|&j| rows.clone().any(|i| is_wanted(i, j))).collect())
    }

    /// Prepares blocks of one side, in parallel.
    fn prepare(&self, side: Side, which: Vec<usize>, times: &mut Times) -> Result<Vec<Numbered<C::Block>>> {
        let start = Instant::now();
        let ranges = if side == Side::Rows { self.rows } else { self.columns };
        let prepared = which
            .into_par_iter()
            .with_max_len(1)
            .map(|b| {
                self.observer.check()?;
                let taken = self.workers.lock().map_err(poisoned)?.pop();
                let mut worker = taken.unwrap_or_else(|| Worker {
                    arena: Arena::with_capacity(self.arena_bytes),
                    pool: Pool::default(),
                    seeds: Vec::new(),
                });
                let block = self.contractor.block(side, ranges[b].clone(), &mut worker);
                self.workers.lock().map_err(poisoned)?.push(worker);
                (self.observer.progress)(self.flops_block);
                Ok((b, block?))
            })
            .collect();
        times.sweeps += start.elapsed();
        prepared
    }

    /// Contracts every pair of the given blocks (one triangle where they are the same) that is not there yet.
    fn tiles(&self, rows: &[Numbered<C::Block>], columns: &[Numbered<C::Block>], times: &mut Times) -> Result<()> {
        let start = Instant::now();
        // What blocks were made with goes before tiles take its place.
        self.workers.lock().map_err(poisoned)?.clear();
        self.contractor.release();
        let triangle = self.symmetric && std::ptr::eq(rows, columns);
        let mut pairs: Vec<(usize, usize)> = (0..rows.len())
            .flat_map(|i| (if triangle { i } else { 0 }..columns.len()).map(move |j| (i, j)))
            .filter(|&(i, j)| !self.output.has(&self.rows[rows[i].0], &self.columns[columns[j].0]))
            .collect();
        // The cheaper tiles on the diagonal come last and even out the threads' ends.
        pairs.sort_by_key(|&(i, j)| triangle && i == j);
        let done = pairs.into_par_iter().with_max_len(1).try_for_each(|(i, j)| {
            self.observer.check()?;
            let taken = self.scratch.lock().map_err(poisoned)?.pop();
            let mut scratch = taken.unwrap_or_default();
            let same = triangle && i == j;
            let of_rows = &self.rows[rows[i].0];
            let of_columns = &self.columns[columns[j].0];
            let shape = TileShape::new(self.problem.outputs, self.problem.width, of_rows.len(), of_columns.len());
            scratch.sum.resize(shape.len(), R::ZERO);
            self.contractor.tile(&rows[i].1, &columns[j].1, same, &shape, &mut scratch)?;
            if same {
                mirror(&mut scratch.sum, shape.matrices());
            }
            if let Some(at) = scratch.sum.iter().position(|x| !Float::is_finite(*x)) {
                let (row, column) = (at / (shape.right * shape.columns) % shape.rows, at % shape.columns);
                let place = format!("samples {} and {}", of_rows.start + row, of_columns.start + column);
                return Err(Error::Overflow { what: "the kernel", place });
            }
            self.output.put(of_rows, of_columns, &shape, &mut scratch)?;
            self.scratch.lock().map_err(poisoned)?.push(scratch);
            let pairs = of_rows.len() * of_columns.len();
            (self.observer.progress)(
                self.flops_pair * if same { (pairs + of_rows.len()) as f64 / 2.0 } else { pairs as f64 },
            );
            Ok(())
        });
        self.scratch.lock().map_err(poisoned)?.clear();
        times.contraction += start.elapsed();
        done
    }
}

/// A lock is poisoned only when another task panicked, which is a fault of ours.
pub(super) fn poisoned<T>(_: std::sync::PoisonError<T>) -> Error {
    Error::Bug("a task panicked while it held a lock".into())
}

/// Edge of the squares that transposes work on: two of them stay in the first-level cache.
const SQUARE: usize = 16;

/// `[count, rows, columns] -> [count, columns, rows]`
pub(crate) fn transpose<R: Float>(from: &[R], to: &mut [R], (count, rows, columns): (usize, usize, usize)) {
    for matrix in 0..count {
        let from = &from[matrix * rows * columns..][..rows * columns];
        let to = &mut to[matrix * rows * columns..][..rows * columns];
        for top in (0..rows).step_by(SQUARE) {
            for left in (0..columns).step_by(SQUARE) {
                for column in left..(left + SQUARE).min(columns) {
                    for row in top..(top + SQUARE).min(rows) {
                        to[column * rows + row] = from[row * columns + column];
                    }
                }
            }
        }
    }
}

/// Copies the lower triangle of square matrices above the diagonal.
pub(crate) fn mirror<R: Float>(matrices: &mut [R], (count, n, _): (usize, usize, usize)) {
    for matrix in matrices.chunks_exact_mut((n * n).max(1)).take(count) {
        for row in 1..n {
            for column in 0..row {
                matrix[column * n + row] = matrix[row * n + column];
            }
        }
    }
}

/// `sum = (g + c) o z` or `sum += ..`, with `g: [rows, columns]` repeated over the directions of
/// `z: [left, rows, right, columns]`.
pub(crate) struct Hadamard<'s, R> {
    pub(crate) first: bool,
    pub(crate) shape: TileShape,
    pub(crate) inputs: &'s [R],
    pub(crate) constant: R,
    pub(crate) cotangents: &'s [R],
    pub(crate) sum: &'s mut [R],
}

impl<R: Float> Kernel for Hadamard<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let TileShape { rows, right, columns, .. } = self.shape;
        let width = right * columns;
        if width == 0 {
            return;
        }
        for (at, (sum, z)) in self.sum.chunks_exact_mut(width).zip(self.cotangents.chunks_exact(width)).enumerate() {
            let inputs = &self.inputs[at % rows * columns..][..columns];
            for (sum, z) in sum.chunks_exact_mut(columns).zip(z.chunks_exact(columns)) {
                if self.first {
                    for ((sum, &z), &g) in sum.iter_mut().zip(z).zip(inputs) {
                        *sum = (g + self.constant) * z;
                    }
                } else {
                    for ((sum, &z), &g) in sum.iter_mut().zip(z).zip(inputs) {
                        *sum += (g + self.constant) * z;
                    }
                }
            }
        }
    }
}
