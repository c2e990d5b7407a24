//! Rows by a pullback and a pushforward: `Theta[i, :, a, :] = J(X') J_a(x_i)^T`.
//!
//! The gradient of one output of one sample is pulled back, and pushed forward through the network at all other
//! samples. No Jacobian exists, and nothing is asked of the network but that it can be swept both ways.

use std::ops::Range;
use std::time::Instant;

use autodiff::sweep::{Gradient, Pool, pullback, pushforward};
use autodiff::{Arena, Float, Tape, Var};
use rayon::prelude::*;

use super::output::Output;
use super::stored::TileFile;
use super::structured::{finite, rows};
use super::tile::{blocks, zeros};
use super::{Observer, Outputs, Plan, Problem, Side, Times};
use crate::data::Element;
use crate::error::{Error, Result};
use crate::network::{Network, record};

/// Computes the kernel row by row, in parallel over rows.
pub(crate) fn run<N: Network, R: Float>(
    problem: &Problem<'_, N, R>,
    plan: &Plan,
    observer: &Observer<'_>,
) -> Result<(Vec<R>, Times)> {
    let start = Instant::now();
    let row_len = plan.shape[1..].iter().product::<usize>();
    let samples = problem.x1.rows();
    let mut kernel = zeros(samples * row_len, plan.limit)?;
    let each = samples.div_ceil(rayon::current_num_threads()).max(1);
    kernel.par_chunks_mut((each * row_len).max(1)).enumerate().try_for_each(|(task, kernel)| -> Result<()> {
        // One recording of all columns' samples serves all rows of the task.
        let columns = problem.side(Side::Columns);
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let f = record(&mut arena, problem.network, problem.parameters, &columns.data)?;
        finite(f, 0)?;
        let mut row_arena = Arena::new();
        for (at, row) in kernel.chunks_exact_mut(row_len.max(1)).enumerate() {
            observer.check()?;
            self::row(problem, task * each + at, f, &mut row_arena, &mut pool, row)?;
            (observer.progress)(plan.flops / samples as f64);
        }
        Ok(())
    })?;
    if problem.x2.is_none() {
        mirror(&mut kernel, samples, problem.outputs.entries(problem.width), problem.outputs == Outputs::Full);
    }
    if let Some(at) = kernel.iter().position(|x| !Float::is_finite(*x)) {
        let per_pair = problem.outputs.entries(problem.width);
        let place = format!("samples {} and {}", at / row_len, at % row_len / per_pair);
        return Err(Error::Overflow { what: "the kernel", place });
    }
    Ok((kernel, Times { contraction: start.elapsed(), ..Times::default() }))
}

/// Rows that are computed together and written to a file as two tiles: before the diagonal, and on it.
pub(super) const STORED_ROWS: usize = 16;

/// Computes the rows that are not in a file yet, and writes them.
pub(crate) fn run_stored<N: Network, R: Float + Element>(
    problem: &Problem<'_, N, R>,
    plan: &Plan,
    observer: &Observer<'_>,
    file: &TileFile<R>,
) -> Result<Times> {
    let start = Instant::now();
    let (symmetric, samples) = (problem.x2.is_none(), problem.x1.rows());
    let entries = problem.outputs.entries(problem.width);
    let columns = problem.side(Side::Columns);
    // The tiles of a range of rows: of a symmetric kernel the lower triangle.
    let tiles = |rows: &Range<usize>| match symmetric {
        true => [0..rows.start, rows.clone()],
        false => [0..columns.rows(), 0..0],
    };
    let is_wanted = |rows: &Range<usize>| tiles(rows).iter().any(|tile| !tile.is_empty() && !file.has(rows, tile));
    let wanted: Vec<Range<usize>> = blocks(samples, STORED_ROWS).into_iter().filter(is_wanted).collect();
    let each = wanted.len().div_ceil(rayon::current_num_threads()).max(1);
    wanted.par_chunks(each).try_for_each(|of_task| -> Result<()> {
        // One recording of all columns' samples serves all rows of the task.
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let f = record(&mut arena, problem.network, problem.parameters, &columns.data)?;
        finite(f, 0)?;
        let (mut row_arena, mut numbers) = (Arena::new(), Vec::new());
        let row_len = columns.rows() * entries;
        for rows in of_task {
            numbers.resize(rows.len() * row_len, R::ZERO);
            for (sample, row) in rows.clone().zip(numbers.chunks_exact_mut(row_len)) {
                observer.check()?;
                self::row(problem, sample, f, &mut row_arena, &mut pool, row)?;
                let tiles = tiles(rows);
                let reached = tiles.iter().map(|tile| tile.end).max().unwrap_or(0) * entries;
                if let Some(at) = row[..reached].iter().position(|x| !Float::is_finite(*x)) {
                    let place = format!("samples {sample} and {}", at / entries);
                    return Err(Error::Overflow { what: "the kernel", place });
                }
                (observer.progress)(plan.flops / samples as f64);
            }
            for tile in tiles(rows).iter().filter(|tile| !tile.is_empty() && !file.has(rows, tile)) {
                let of_row = |row: &[R]| row[tile.start * entries..tile.end * entries].to_vec();
                let mut part: Vec<R> = numbers.chunks_exact(row_len).flat_map(of_row).collect();
                if tile == rows {
                    mirror(&mut part, rows.len(), entries, problem.outputs == Outputs::Full);
                }
                file.take(rows, tile, &part)?;
            }
        }
        Ok(())
    })?;
    Ok(Times { contraction: start.elapsed(), ..Times::default() })
}

/// One row, `[m, ..]`.
fn row<N: Network, R: Float>(
    problem: &Problem<'_, N, R>,
    sample: usize,
    f: Var<'_, R>,
    arena: &mut Arena,
    pool: &mut Pool<R>,
    row: &mut [R],
) -> Result<()> {
    let (directions, width) = (problem.directions(), problem.width);
    let one = record(arena, problem.network, problem.parameters, rows(problem.x1, &(sample..sample + 1)))?;
    finite(one, sample)?;
    let mut seeds = Vec::new();
    problem.outputs.seeds(1, width, &mut seeds);
    let mut gradient = Gradient::new();
    pullback(one, &seeds, directions, &mut gradient, pool)?;
    let leaves = leaves(f.tape());
    let tangents: Vec<(Var<'_, R>, &[R])> =
        leaves.iter().enumerate().filter_map(|(leaf, &var)| Some((var, gradient.of(leaf)?))).collect();
    let pushed = pushforward(f.tape(), &tangents, directions, pool)?;
    // y_dot: [directions of the row's sample, m, outputs of the columns' samples]
    let samples = f.shape()[0];
    row.fill(R::ZERO);
    if let Some(y_dot) = pushed.of(f) {
        let entry = |a: usize, j: usize, b: usize| y_dot[(a * samples + j) * width + b];
        let scale = R::from_f64(problem.scale());
        for j in 0..samples {
            match problem.outputs {
                Outputs::Full => {
                    (0..width * width).for_each(|ab| row[j * width * width + ab] = entry(ab / width, j, ab % width));
                }
                Outputs::Diagonal => (0..width).for_each(|a| row[j * width + a] = entry(a, j, a)),
                Outputs::Trace | Outputs::SumTrace => {
                    (0..width).for_each(|a| row[j] += scale * entry(a, j, a));
                }
                Outputs::SumOfLogits => (0..width).for_each(|b| row[j] += entry(0, j, b)),
            }
        }
    }
    pushed.release(pool);
    gradient.release(pool);
    Ok(())
}

/// Copies the lower triangle of `[n, n, entries]` above the diagonal: a row is swept along a direction of its own, so
/// the two halves differ in the last bits. `pairs` says that the entries are pairs of outputs.
fn mirror<R: Float>(kernel: &mut [R], n: usize, entries: usize, pairs: bool) {
    let o = entries.isqrt();
    for (i, j) in (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))) {
        let (from, to) = ((i * n + j) * entries, (j * n + i) * entries);
        for entry in 0..entries {
            let mirrored = if pairs { entry % o * o + entry / o } else { entry };
            if j < i || mirrored < entry {
                kernel[to + mirrored] = kernel[from + entry];
            }
        }
    }
}

/// A tape's leaves, by ordinal.
fn leaves<'a, R: Float>(tape: &'a Tape<'a, R>) -> Vec<Var<'a, R>> {
    tape.leaf_variables().collect()
}
