//! Products whose left rows come in groups that share their zeros.
//!
//! The K cotangents of one sample have all passed the same relus: where a unit was off, all K are 0. A product with
//! such rows needs only the columns where the unit was on, half of them as a rule. No library has that product: a dense
//! one reads every column, and a sparse one has no rows to share a loaded number with. Here a group's rows share every
//! number of the right operand, from registers, and columns of zeros are not read:
//!
//! ```text
//! for every panel of V columns of b             packed, so that it stays in the cache
//!   for every group of rows                     K accumulators of V numbers, in registers
//!     for every u where the group is not zero
//!       acc[k] += a[k, u] b[u, ..]              K multiply-adds a loaded vector
//! ```
//!
//! Dense products go to [`gemm`](super::gemm). What is decided here: whether the zeros are worth it ([`product`] says
//! no otherwise), how rows are packed, and the one loop. The order of every sum is that of u, so a number's bits
//! depend neither on its neighbours nor on the width of the vectors.

mod lanes;
mod panels;
#[cfg(test)]
mod tests;
mod windows;

use std::ops::Range;

pub use lanes::Lanes;
pub use panels::Panels;
use pulp::{Simd, WithSimd};
pub(crate) use windows::InputPull;

use smallvec::SmallVec;

use super::gemm::{Accumulate, View};
use crate::real::Real;

/// Rows `[members, groups, width]`; the members of a group are thought to have their zeros in the same columns.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, R> {
    /// The rows, row-major.
    pub numbers: &'a [R],
    /// Rows of a group.
    pub members: usize,
    /// Groups.
    pub groups: usize,
    /// Columns.
    pub width: usize,
}

/// A group of fewer rows than this is left to dense products: too little shares a loaded vector.
const FEWEST_MEMBERS: usize = 3;
/// Of the columns, at most this share may be on: above it the dense product is as fast.
const DENSEST: f64 = 0.7;
/// So many groups are packed at a time, which bounds the scratch and still uses a packed panel often.
const BATCH: usize = 64;
/// So many groups tell whether the rest is worth packing.
const PROBES: usize = 4;

impl<'a, R> Rows<'a, R> {
    /// All rows as one matrix.
    pub fn merged(&self) -> View<'a, R> {
        View::new(self.numbers, self.members * self.groups, self.width)
    }
}

impl<R: Lanes> Rows<'_, R> {
    /// Whether groups have rows enough to share what is loaded, on this machine's registers.
    fn can_share(&self) -> bool {
        self.members >= FEWEST_MEMBERS && R::shares_registers()
    }

    /// Appends the columns where group `g` is not zero.
    fn active(&self, g: usize, columns: &mut Vec<u32>) {
        let row = |k: usize| &self.numbers[(k * self.groups + g) * self.width..][..self.width];
        let begin = columns.len();
        columns.resize(begin + self.width, 0);
        let found = &mut columns[begin..];
        let first = row(0);
        let (mut on, mut doubtful) = (0, false);
        for (u, x) in first.iter().enumerate() {
            found[on] = u as u32;
            on += usize::from(*x != R::ZERO);
        }
        columns.truncate(begin + on);
        // Another row may be on where the first happens to be 0.
        for k in 1..self.members {
            doubtful |=
                row(k).iter().zip(first).fold(false, |any, (x, first)| any | (*x != R::ZERO && *first == R::ZERO));
        }
        if doubtful {
            columns.truncate(begin);
            columns
                .extend((0..self.width as u32).filter(|&u| (0..self.members).any(|k| row(k)[u as usize] != R::ZERO)));
        }
    }

    /// Whether few enough columns of the first groups are on.
    fn looks_sparse(&self, columns: &mut Vec<u32>) -> bool {
        columns.clear();
        let probes = self.groups.min(PROBES);
        (0..probes).for_each(|probe| self.active(probe * self.groups / probes, columns));
        columns.len() as f64 <= DENSEST * (probes * self.width) as f64
    }
}

/// What a thread packs operands into, kept from product to product.
#[derive(Debug, Default)]
pub struct Packing<R> {
    active: Vec<u32>,
    starts: Vec<usize>,
    /// `[active columns of a group][members]`, group after group.
    left: Vec<R>,
    /// `[width][V]`
    panel: Vec<R>,
}

/// `out = alpha a b` or `out += alpha a b`, if the zeros of `a` make that worthwhile; otherwise nothing is done and the
/// answer is `false`.
///
/// # Shape
/// `a: [members, groups, width], b: [width, columns] -> [members, groups, columns]`
///
/// # Cost
/// A multiply-add for each column and each number of `a` in a column where its group is not all zero.
///
/// # Edges
/// The result is that of the full sum, up to the order of additions: a `b` that is not finite is refused, as 0 times
/// infinity must not be left out.
///
/// # Panics
/// If the sizes do not fit; recording has checked them.
pub fn product<R: Lanes>(out: &mut [R], accumulate: Accumulate, alpha: f64, a: Rows<'_, R>, b: View<'_, R>) -> bool {
    assert_eq!((a.width, out.len()), (b.rows, a.members * a.groups * b.cols), "sizes of a grouped product");
    if !a.can_share() || b.cols < R::PANEL || a.width == 0 || a.groups == 0 {
        return false;
    }
    R::with_packing(|packing| {
        if !a.looks_sparse(&mut packing.active) || !finite(b.data) {
            return false;
        }
        for first in (0..a.groups).step_by(BATCH) {
            let groups = first..(first + BATCH).min(a.groups);
            packing.pack_left(a, groups.clone());
            for column in (0..b.cols).step_by(R::PANEL) {
                packing.pack_panel(b, column);
                R::on_vectors(Loop {
                    packing,
                    out,
                    accumulate,
                    alpha: R::from_f64(alpha),
                    sizes: a,
                    groups: groups.clone(),
                    column,
                    columns: b.cols,
                });
            }
        }
        true
    })
}

impl<R: Lanes> Packing<R> {
    fn pack_left(&mut self, a: Rows<'_, R>, groups: Range<usize>) {
        self.active.clear();
        self.starts.clear();
        self.starts.push(0);
        for g in groups.clone() {
            a.active(g, &mut self.active);
            self.starts.push(self.active.len());
        }
        self.left.resize(self.active.len() * a.members, R::ZERO);
        for (at, g) in groups.enumerate() {
            let on = self.starts[at]..self.starts[at + 1];
            let packed = &mut self.left[on.start * a.members..on.end * a.members];
            for k in 0..a.members {
                let row = &a.numbers[(k * a.groups + g) * a.width..][..a.width];
                for (to, &u) in packed.chunks_exact_mut(a.members).zip(&self.active[on.clone()]) {
                    to[k] = row[u as usize];
                }
            }
        }
    }

    /// Columns from `column` on, at most V of them, the rest zero.
    fn pack_panel(&mut self, b: View<'_, R>, column: usize) {
        let taken = R::PANEL.min(b.cols - column);
        self.panel.resize(b.rows * R::PANEL, R::ZERO);
        if taken < R::PANEL {
            self.panel.fill(R::ZERO);
        }
        if b.transposed {
            let rows = b.data[column * b.rows..][..taken * b.rows].chunks_exact(b.rows);
            transpose(rows, b.rows, &mut self.panel, R::PANEL);
        } else {
            for (to, from) in self.panel.chunks_exact_mut(R::PANEL).zip(b.data.chunks_exact(b.cols)) {
                to[..taken].copy_from_slice(&from[column..][..taken]);
            }
        }
    }
}

fn finite<R: Lanes>(numbers: &[R]) -> bool {
    numbers.iter().fold(true, |all, x| all & x.primal().is_finite())
}

/// Edge of the squares that transposes work on: a row of one is a cache line of `f32`.
const SQUARE: usize = 16;

/// Rows of `width` numbers into the first columns of `[width, stride]`.
fn transpose<'r, R: Real + 'r>(rows: impl Iterator<Item = &'r [R]>, width: usize, to: &mut [R], stride: usize) {
    let mut rows = rows.peekable();
    let mut top = 0;
    while rows.peek().is_some() {
        let strip: SmallVec<[&[R]; SQUARE]> = rows.by_ref().take(SQUARE).collect();
        for left in (0..width).step_by(SQUARE) {
            let across = SQUARE.min(width - left);
            // NUMERICS: rows a power of two apart share few places of the first-level cache, so a square is taken out of
            // them line by line before its columns are read.
            let mut square = [[R::ZERO; SQUARE]; SQUARE];
            for (square, row) in square.iter_mut().zip(&strip) {
                square[..across].copy_from_slice(&row[left..][..across]);
            }
            for u in 0..across {
                let to = &mut to[(left + u) * stride + top..][..strip.len()];
                to.iter_mut().zip(&square).for_each(|(to, row)| *to = row[u]);
            }
        }
        top += strip.len();
    }
}

/// One panel of a product.
struct Loop<'s, R> {
    packing: &'s Packing<R>,
    out: &'s mut [R],
    accumulate: Accumulate,
    alpha: R,
    sizes: Rows<'s, R>,
    groups: Range<usize>,
    column: usize,
    columns: usize,
}

impl<R: Lanes> WithSimd for Loop<'_, R> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { packing, out, accumulate, alpha, sizes, groups, column, columns } = self;
        let taken = R::PANEL.min(columns - column);
        for (at, g) in groups.enumerate() {
            let on = packing.starts[at]..packing.starts[at + 1];
            let left = Left { numbers: &packing.left[on.start * sizes.members..], stride: sizes.members };
            let active = &packing.active[on];
            for rows in passes::<R, S>(0..sizes.members) {
                let into = |k: usize, acc: &[R]| {
                    let out = &mut out[((rows.start + k) * sizes.groups + g) * columns + column..][..taken];
                    match accumulate {
                        Accumulate::Replace => out.iter_mut().zip(acc).for_each(|(y, &x)| *y = alpha * x),
                        Accumulate::Add => out.iter_mut().zip(acc).for_each(|(y, &x)| *y += alpha * x),
                    }
                };
                let places = active.iter().enumerate().map(|(t, &u)| (t, u as usize));
                accumulate_rows::<R, S>(simd, left, rows.clone(), places, &packing.panel, into);
            }
        }
    }
}

/// Where a group's numbers are: those of one column lie together, `stride` apart from the next column's.
#[derive(Clone, Copy)]
struct Left<'s, R> {
    numbers: &'s [R],
    stride: usize,
}

/// Cuts rows into runs whose accumulators fit the registers, as even as can be.
#[inline(always)]
fn passes<R: Lanes, S: Simd>(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let count = rows.len().div_ceil(R::most_rows::<S>());
    let (start, len) = (rows.start, rows.len());
    (0..count).map(move |pass| start + pass * len / count..start + (pass + 1) * len / count)
}

/// `acc[k] = sum over places (t, u) of left[t, k] panel[u, ..]` for a run of rows k; `into` receives each.
#[inline(always)]
fn accumulate_rows<R: Lanes, S: Simd>(
    simd: S,
    left: Left<'_, R>,
    rows: Range<usize>,
    places: impl Iterator<Item = (usize, usize)> + Clone,
    panel: &[R],
    into: impl FnMut(usize, &[R]),
) {
    macro_rules! of_rows {
        ($($count:literal)*) => {
            match (rows.len(), R::PANEL / R::lanes::<S>()) {
                $(($count, 2) => run::<R, S, $count, 2>(simd, left, rows.start, places, panel, into),)*
                (1, 4) => run::<R, S, 1, 4>(simd, left, rows.start, places, panel, into),
                (2, 4) => run::<R, S, 2, 4>(simd, left, rows.start, places, panel, into),
                (3, 4) => run::<R, S, 3, 4>(simd, left, rows.start, places, panel, into),
                _ => unreachable!("passes are as long as the registers allow, and where they do not nothing is shared"),
            }
        };
    }
    of_rows!(1 2 3 4 5 6 7 8 9 10)
}

/// The loop itself: COUNT rows of VECTORS registers each.
#[inline(always)]
fn run<R: Lanes, S: Simd, const COUNT: usize, const VECTORS: usize>(
    simd: S,
    left: Left<'_, R>,
    first: usize,
    places: impl Iterator<Item = (usize, usize)>,
    panel: &[R],
    mut into: impl FnMut(usize, &[R]),
) {
    let acc = simd.vectorize(
        #[inline(always)]
        || {
            let panel = R::vectors::<S>(panel).as_chunks::<VECTORS>().0;
            let mut acc = [[R::splat(simd, R::ZERO); VECTORS]; COUNT];
            for (t, u) in places {
                // INVARIANT: both are there. A panic's path out of the loop would cost registers, passing over does not.
                let a = left.numbers.get(t * left.stride + first..).and_then(|a| a.first_chunk::<COUNT>());
                let (Some(a), Some(b)) = (a, panel.get(u)) else { continue };
                for k in 0..COUNT {
                    let a = R::splat(simd, a[k]);
                    for v in 0..VECTORS {
                        acc[k][v] = R::multiply_add(simd, a, b[v], acc[k][v]);
                    }
                }
            }
            acc
        },
    );
    for (k, acc) in acc.iter().enumerate() {
        into(k, R::numbers::<S>(acc));
    }
}
