//! Kernels of infinitely wide networks, from the description that the finite ones are built from.
//!
//! As widths grow, the values of a layer become normal, with a covariance that is the same for all its channels. A layer is
//! then a map of covariances, and the tangent kernel follows beside it:
//!
//! | layer | `K` (nngp) | `Theta` (ntk) |
//! |---|---|---|
//! | weights and bias | `W_std^2 K + b_std^2` | the layer's own kernel `K'`, plus `W_std^2 Theta` |
//! | activation `f` | `E f(u) f(v)` | `E f'(u) f'(v) Theta` |
//! | residual | `K + scale^2 K_branch` | `Theta + scale^2 Theta_branch` |
//! | normalization | `K / sqrt(q q')` | the learned scales' `K'`, the shifts' 1, and `Theta / sqrt(q q')` |
//! | convolution | as weights, of the mean over its window, the same tap of both images | |
//! | average pool | the mean over pairs of positions of both windows | the same |
//! | flatten, global average | the mean over equal positions, over all pairs of positions | the same |
//! | parallel, sum | `sum of K_b` | `sum of Theta_b` |
//! | parallel, product | `product of K_b` | `sum of Theta_b times the other K` |
//! | parallel, concat | the mean of the `K_b`, by their channels | the same |
//! | polynomial of degree N | `V G^(N-1)`, `V = E f(u) f(v)`, `G = E (1 + f(u))(1 + f(v))`, or V without `skip` | `E f' f' (G^(N-1) + (N-1) V G^(N-2)) Theta` |
//! | recurrent | `K_t,t' = U_std^2 K^x_t,t' + b_std^2 + W_std^2 E f(u) f(v)` of the times before | as weights, both terms |
//! | attention, `1/d` | `A K A'^T`, `A = softmax(K)` of each sample where queries are keys, else all equal | `A Theta A'^T` |
//! | embedding | `W_std^2` where tokens are equal, else 0 | the same |
//! | complex dense | as weights, of real and imaginary parts together | |
//!
//! Decided here: the maps, and how they keep their digits. Left to others: what is predicted from the kernels
//! ([`crate::predict`]), eigenvalues, files.
//!
//! | file | what |
//! |---|---|
//! | `program` | a description as steps on a kernel |
//! | `compiler` | which layers have a limit, in which order |
//! | `grid` | the positions that windows move over |
//! | `rule`, `power` | activations in closed form |
//! | `series` | all other activations, by quadrature |
//! | `side`, `own` | variances of each sample, and the diagonal; where positions meet others |
//! | `line` | one sample against a row of others, through all layers |
//! | `combine` | branches and polynomials |
//! | `sheet`, `window` | the same for images: lines of positions, and windows over them |
//! | `sequence` | recurrent layers and attention |
//! | [`phase`] | fixed points of deep networks, and the depth scales around them |
//! | [`deep`] | the kernels of very many equal layers, at every depth |
//! | [`converge`](mod@converge) | distances of finite networks to the limit |
//! | `input` | products of inputs, and the distance of those that are nearly parallel |
//!
//! **Near correlation 1.** The kernel of a rectifier behaves as `sqrt(1 - c)` there, so a correlation known to 16 digits gives
//! a kernel known to 8. Beside the covariance we carry what it lacks to its bound, `sqrt(qa qb) - |k|`, through every layer in
//! formulas that do not subtract, from differences of the inputs where those are nearly parallel.
//!
//! **In the cache.** A row of a tile passes through all layers before the next is looked at: memory is the output and a few
//! rows, and nothing waits for it. Array programs pass over the whole kernel once a layer.

mod combine;
mod compiler;
pub mod converge;
pub mod deep;
mod grid;
mod input;
mod line;
mod own;
pub mod phase;
mod power;
mod program;
mod rule;
mod sequence;
mod series;
mod sheet;
mod side;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Mutex;

use autodiff::Float;
use rayon::prelude::*;

use crate::array::Array;
use crate::contraction::Observer;
use crate::contraction::output::Held;
use crate::contraction::tile::{TileShape, blocks, mirror, zeros};
use crate::error::{Error, Result};
use crate::model::Architecture;
pub use converge::{Convergence, converge};
pub use deep::Deep;
use input::Inputs;
use line::{Line, Place};
use program::{Mode, Program};
use sheet::Sheet;
use side::Samples;
use window::Masks;

/// Which kernel is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Get {
    /// The tangent kernel, `Theta`.
    #[default]
    Ntk,
    /// The covariance of the outputs at the start, `K`.
    Nngp,
    /// Both, at the cost of one.
    Both,
}

impl Get {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ntk, Self::Nngp, Self::Both];

    /// The word on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ntk => "ntk",
            Self::Nngp => "nngp",
            Self::Both => "both",
        }
    }
}

/// Kernels of an infinitely wide network.
#[derive(Clone, Debug)]
pub struct Kernels<R> {
    /// The tangent kernel `[n, m]`, if asked for.
    pub ntk: Option<Array<R>>,
    /// The covariance kernel `[n, m]`, if asked for.
    pub nngp: Option<Array<R>>,
    /// The largest relative error of `E f'^2` at any sample and layer, where a series was needed; 0 in closed form.
    pub series_error: f64,
}

/// Samples of a tile's edge: its products and its output stay in the second-level cache.
const BLOCK: usize = 128;
/// Numbers of a sheet, where it has a line for each position.
const SHEET: usize = 1 << 15;

/// Samples of a tile's edge.
fn block(program: &Program) -> usize {
    match program.mode {
        Mode::Flat => BLOCK,
        Mode::Diagonal => (SHEET / program.positions).clamp(16, BLOCK),
        // A pair of samples is work enough.
        Mode::Full => 1,
    }
}

/// The kernels of `x1` with itself, or with `x2`, of the limit in width of `model`.
///
/// Every pair of outputs has the same kernel with itself and none with another, so there is one number a pair of samples. A
/// `standard` layer's term is scaled as its gradient is, `fan_in K + 1`, and depends on the width written in the description.
///
/// Runs on rayon's current pool. Symmetric to the bit, and the same for any number of threads.
///
/// # Shape
/// `x1: [n, ..input], x2: [m, ..input] -> [n, m]`
///
/// # Cost
/// A product of the inputs, and some 20 to 60 operations a layer and pair of samples, one triangle of them where the kernel is symmetric;
/// memory for the output, and for a few numbers a sample and layer.
///
/// # Errors
/// Shapes that do not fit; layers without a limit ([`crate::model::ModelError`] names them); more memory than `limit` bytes; variances that overflow; an
/// activation whose series does not end; an interruption.
///
/// # Source
/// Lee and others, arXiv:1711.00165; Jacot, Gabriel, Hongler, arXiv:1806.07572; `standard`: Sohl-Dickstein and others,
/// arXiv:2001.07301.
pub fn kernel<R: Float>(
    model: &Architecture,
    x1: &Array<R>,
    x2: Option<&Array<R>>,
    get: Get,
    limit: u64,
    observer: &Observer<'_>,
) -> Result<Kernels<R>> {
    let program = Program::new(model)?;
    for (x, name) in [(Some(x1), "x1"), (x2, "x2")] {
        let Some(x) = x else { continue };
        if x.shape.get(1..) != Some(&model.input) {
            return Err(Error::Shape {
                what: name.into(),
                expected: [&[x.rows()], model.input.as_slice()].concat(),
                found: x.shape.clone(),
                remedy: "give samples of the model's input shape, or a model for these samples".into(),
            });
        }
        if x.rows() == 0 {
            return Err(Error::usage(format!("{name} has no samples"), "give at least one"));
        }
    }
    let (n, m) = (x1.rows(), x2.unwrap_or(x1).rows());
    let needed = bytes::<R>(&program, n, x2.map(Array::rows), x1.row_len(), get);
    if needed > limit {
        return Err(Error::Memory {
            what: format!("the infinite kernel of {n} x {m} samples"),
            needed,
            limit,
            fits: "use fewer samples, --dtype f32, or a higher --memory".into(),
        });
    }
    let (first, second) = (Inputs::new(x1, &program)?, x2.map(|x2| Inputs::new(x2, &program)).transpose()?);
    let masks: Vec<Masks<R>> = program.windows.iter().map(window::Window::masks).collect();
    let own = |side: usize, sample: usize, k: &mut Vec<R>| {
        let x = if side == 0 { &first } else { second.as_ref().unwrap_or(&first) };
        x.products_of_pairs(sample, x, sample, k);
    };
    let counts = [n, second.as_ref().map_or(0, |_| m)];
    let squares = [first.squares.as_slice(), second.as_ref().map_or(&[][..], |x| &x.squares)];
    let there = [first.there.as_slice(), second.as_ref().map_or(&[][..], |x| &x.there)];
    let ([rows, columns], series_error) = side::sides(&program, counts, squares, there, own, &masks)?;
    let columns = x2.is_some().then_some(columns);
    let mut kernels = [get != Get::Nngp, get != Get::Ntk].map(|wanted| wanted.then(|| zeros(n * m, limit)));
    let mut made: [Option<Vec<R>>; 2] = [None, None];
    for (kernel, made) in kernels.iter_mut().zip(&mut made) {
        *made = kernel.take().transpose()?;
    }
    let size = block(&program);
    let row_blocks = blocks(n, size);
    let column_blocks = if x2.is_some() { blocks(m, size) } else { row_blocks.clone() };
    let run = Run {
        program: &program,
        masks: &masks,
        x1: &first,
        x2: second.as_ref(),
        rows: &rows,
        columns: columns.as_ref(),
        output: made.each_mut().map(|of| of.as_mut().map(|of| Held::cut(of, &row_blocks, m, x2.is_none()))),
        scratch: Mutex::new(Vec::new()),
    };
    let mut pairs: Vec<(usize, usize)> = (0..row_blocks.len())
        .flat_map(|i| (if x2.is_none() { i } else { 0 }..column_blocks.len()).map(move |j| (i, j)))
        .collect();
    // The cheaper tiles on the diagonal come last and even out the threads' ends.
    pairs.sort_by_key(|&(i, j)| x2.is_none() && i == j);
    pairs.into_par_iter().with_max_len(1).try_for_each(|(i, j)| {
        observer.check()?;
        run.tile((i, row_blocks[i].clone()), (j, column_blocks[j].clone()))?;
        (observer.progress)(pairs_of(&row_blocks[i], &column_blocks[j], x2.is_none() && i == j));
        Ok::<(), Error>(())
    })?;
    drop(run);
    let [ntk, nngp] = made.map(|of| of.map(|of| Array::new([n, m], of)).transpose());
    Ok(Kernels { ntk: ntk?, nngp: nngp?, series_error })
}

/// Refuses a network without a limit.
///
/// # Errors
/// Those of [`kernel`] that concern the description alone.
pub fn check(model: &Architecture) -> Result<()> {
    Program::new(model).map(drop)
}

/// Pairs of samples that [`kernel`] works on, in the units of its observer.
pub fn work(n: usize, m: Option<usize>) -> f64 {
    m.map_or(n as f64 * (n as f64 + 1.0) / 2.0, |m| n as f64 * m as f64)
}

fn pairs_of(rows: &std::ops::Range<usize>, columns: &std::ops::Range<usize>, same: bool) -> f64 {
    if same { work(rows.len(), None) } else { work(rows.len(), Some(columns.len())) }
}

/// Bytes of a kernel's output, inputs and tables.
fn bytes<R>(program: &Program, n: usize, m: Option<usize>, width: usize, get: Get) -> u64 {
    let outputs = if get == Get::Both { 2 } else { 1 };
    let samples = (n + m.unwrap_or(0)) as u64;
    let output = outputs * n as u64 * m.unwrap_or(n) as u64;
    let positions = program.positions as u64;
    let sheet = match program.mode {
        Mode::Flat => 4 * BLOCK * BLOCK,
        Mode::Diagonal => 6 * program.positions * block(program),
        Mode::Full => 6 * program.positions * program.positions,
    };
    let tile = (rayon::current_num_threads() * sheet) as u64;
    // An activation without closed form keeps some hundred coefficients of a sample, its worst case apart.
    let of_positions = 2 * program.levels as u64 + 300 * program.series as u64 + program.means as u64;
    let tables = samples * positions * (of_positions + positions * program.attentions as u64);
    (output + tile + tables + samples * width as u64).saturating_mul(size_of::<R>() as u64)
}

struct Run<'r, R: Clone> {
    program: &'r Program,
    masks: &'r [Masks<R>],
    x1: &'r Inputs<'r, R>,
    x2: Option<&'r Inputs<'r, R>>,
    rows: &'r Samples<R>,
    columns: Option<&'r Samples<R>>,
    output: [Option<Held<'r, R>>; 2],
    scratch: Mutex<Vec<Scratch<R>>>,
}

/// What a thread needs; re-used from tile to tile.
#[derive(Default)]
struct Scratch<R> {
    gram: Vec<R>,
    tiles: [Vec<R>; 2],
    transposed: Vec<R>,
    line: Line<R>,
    spare: Vec<Line<R>>,
    sheet: Sheet<R>,
}

impl<R: Float> Run<'_, R> {
    /// Passes covariances of the data through the layers in front of the read-out.
    fn head(&self, place: &Place<'_, R>, sheet: &mut Sheet<R>) {
        sheet.theta.clear();
        sheet.theta.resize(sheet.k.len(), R::ZERO);
        sheet.blank = true;
        sheet.run(&self.program.head, place, self.masks, self.program.positions);
    }

    fn tile(
        &self,
        (i, rows): (usize, std::ops::Range<usize>),
        (j, columns): (usize, std::ops::Range<usize>),
    ) -> Result<()> {
        let symmetric = self.columns.is_none();
        let same = symmetric && i == j;
        let shape = TileShape { left: 1, rows: rows.len(), right: 1, columns: columns.len() };
        let poisoned = |_| Error::Bug("a task panicked while it held a lock".into());
        let taken = self.scratch.lock().map_err(|_| poisoned(()))?.pop();
        let mut scratch = taken.unwrap_or_default();
        let Scratch { gram, tiles, transposed, line, spare, sheet } = &mut scratch;
        for (tile, output) in tiles.iter_mut().zip(&self.output) {
            tile.resize(if output.is_some() { shape.len() } else { 0 }, R::ZERO);
        }
        let x2 = self.x2.unwrap_or(self.x1);
        if self.program.mode == Mode::Flat {
            gram.resize(shape.len(), R::ZERO);
            self.x1.products(rows.clone(), x2, columns.clone(), same, gram);
        }
        for row in 0..rows.len() {
            let width = if same { row + 1 } else { columns.len() };
            line.resize(width);
            let mut place = Place {
                rows: self.rows,
                row: rows.start + row,
                position: 0,
                columns: self.columns.unwrap_or(self.rows),
                from: columns.start,
                mode: self.program.mode,
                tracked: self.program.tracked,
            };
            match self.program.mode {
                Mode::Flat => {
                    line.k.copy_from_slice(&gram[row * columns.len()..][..width]);
                    line.theta.fill(R::ZERO);
                    if self.program.tracked {
                        self.x1.gaps(&place, x2, line);
                    }
                }
                Mode::Diagonal => {
                    self.x1.products_of_positions(place.row, x2, columns.start..columns.start + width, &mut sheet.k);
                    self.head(&place, sheet);
                    sheet.mean_of_positions(self.program.read_out_positions, line);
                }
                Mode::Full => {
                    for (column, other) in (columns.start..columns.start + width).enumerate() {
                        place.from = other;
                        (line.k[column], line.theta[column]) = match symmetric && other == place.row {
                            true => self.rows.read_out[other],
                            false => {
                                self.x1.products_of_pairs(place.row, x2, other, &mut sheet.k);
                                self.head(&place, sheet);
                                sheet.read(self.program.read_out_positions, self.program.read_out, &place)
                            }
                        };
                    }
                    place.from = columns.start;
                }
            }
            // From here on there is one position.
            place.mode = Mode::Flat;
            line::run(&self.program.tail, &place, line, spare);
            if same {
                line.theta[row] = R::from_f64(self.rows.ntk[rows.start + row]);
                line.k[row] = R::from_f64(self.rows.nngp[rows.start + row]);
            }
            for (tile, of) in tiles.iter_mut().zip([&line.theta, &line.k]) {
                if !tile.is_empty() {
                    tile[row * columns.len()..][..width].copy_from_slice(of);
                }
            }
        }
        for (tile, output) in tiles.iter_mut().zip(&self.output) {
            let Some(output) = output else { continue };
            let (count, of_rows, of_columns) = (1, rows.len(), columns.len());
            if same {
                mirror(tile, (count, of_rows, of_columns));
            }
            if let Some(at) = tile.iter().position(|x| !Float::is_finite(*x)) {
                let place = format!("samples {} and {}", rows.start + at / of_columns, columns.start + at % of_columns);
                return Err(Error::Overflow { what: "the infinite kernel", place });
            }
            output.set(&rows, &columns, &shape, tile, transposed)?;
        }
        self.scratch.lock().map_err(|_| poisoned(()))?.push(scratch);
        Ok(())
    }
}
