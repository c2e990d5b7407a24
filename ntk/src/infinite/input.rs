//! The first covariances: products of inputs, and the gap of those that are nearly parallel.

use std::ops::Range;

use autodiff::kernel::gemm::{Accumulate, View, lower_gram};
use autodiff::{Float, Kernel};
use rayon::prelude::*;

use super::line::{Line, Place};
use super::program::{Mode, Program};
use super::sheet::AddScaled;
use crate::array::Array;

/// Below this share of its bound, a gap is found from the inputs' difference: the subtraction would lose 8 bits and more.
const NEAR: f64 = 1.0 / 256.0;

/// Samples, and what is needed of each.
pub(crate) struct Inputs<'x, R> {
    x: &'x [R],
    width: usize,
    count: usize,
    channels: usize,
    /// The mean square of each sample's channels, `[positions, n]`.
    pub(crate) squares: Vec<f64>,
    /// `1/|x|` of flat samples.
    inverse: Vec<R>,
    /// `[positions, channels, n]`, where positions meet their own kind.
    turned: Vec<R>,
}

impl<'x, R: Float> Inputs<'x, R> {
    pub(crate) fn new(x: &'x Array<R>, program: &Program) -> Self {
        let (width, count, positions) = (x.row_len(), x.rows(), program.positions);
        let channels = width / positions;
        let of_rows: Vec<Vec<f64>> = x
            .data
            .par_chunks_exact(width.max(1))
            .map(|row| {
                let square = |x: &[R]| x.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>() / channels as f64;
                row.chunks_exact(channels).map(square).collect()
            })
            .collect();
        let squares: Vec<f64> = (0..positions).flat_map(|p| of_rows.iter().map(move |row| row[p])).collect();
        let (mut inverse, mut turned) = (Vec::new(), Vec::new());
        match program.mode {
            Mode::Flat => inverse.extend(squares.iter().map(|q| R::from_f64(1.0 / (q * width as f64).sqrt()))),
            Mode::Diagonal => {
                turned.resize(x.data.len(), R::ZERO);
                for (i, row) in x.data.chunks_exact(width).enumerate() {
                    row.iter().enumerate().for_each(|(at, &x)| turned[at * count + i] = x);
                }
            }
            Mode::Full => {}
        }
        Self { x: &x.data, width, count, channels, squares, inverse, turned }
    }

    /// The mean products of the channels of one sample with those of others at the same position.
    ///
    /// # Shape
    /// `-> [positions, columns]`
    pub(crate) fn products_of_positions(&self, row: usize, x2: &Self, columns: Range<usize>, k: &mut Vec<R>) {
        let (width, channels) = (columns.len(), self.channels);
        let x = &self.x[row * self.width..][..self.width];
        k.clear();
        k.resize(self.width / channels * width, R::ZERO);
        let share = R::from_f64(1.0 / channels as f64);
        for (position, (y, x)) in k.chunks_exact_mut(width).zip(x.chunks_exact(channels)).enumerate() {
            for (channel, &x) in x.iter().enumerate() {
                let at = (position * channels + channel) * x2.count + columns.start;
                R::vectorize(AddScaled { y, x: &x2.turned[at..][..width], scale: share * x });
            }
        }
    }

    /// The mean products of the channels of all pairs of positions of two samples.
    ///
    /// # Shape
    /// `-> [positions, positions]`
    pub(crate) fn products_of_pairs(&self, row: usize, x2: &Self, column: usize, k: &mut Vec<R>) {
        let positions = self.width / self.channels;
        let of = |x: &Self, i: usize| View::new(&x.x[i * x.width..][..self.width], positions, self.channels);
        k.resize(positions * positions, R::ZERO);
        R::gemm(k, Accumulate::Replace, 1.0 / self.channels as f64, of(self, row), of(x2, column).t());
    }

    fn rows(&self, range: Range<usize>) -> View<'x, R> {
        View::new(&self.x[range.start * self.width..range.end * self.width], range.len(), self.width)
    }

    /// `x x'^T / width`, its lower triangle where both are the same.
    pub(crate) fn products(&self, rows: Range<usize>, x2: &Self, columns: Range<usize>, same: bool, gram: &mut [R]) {
        let alpha = 1.0 / self.width as f64;
        if same {
            lower_gram(gram, Accumulate::Replace, R::from_f64(alpha), self.rows(rows));
        } else {
            R::gemm(gram, Accumulate::Replace, alpha, self.rows(rows), x2.rows(columns).t());
        }
    }

    /// The gaps of a line of products; where they are small, the products follow from them.
    pub(crate) fn gaps(&self, place: &Place<'_, R>, x2: &Self, line: &mut Line<R>) {
        let (a, b) = (&place.rows.levels[0], &place.columns.levels[0]);
        let ra = a.r[place.row];
        for (i, (k, gap)) in line.k.iter_mut().zip(&mut line.gap).enumerate() {
            let column = place.from + i;
            let s = ra * b.r[column];
            let size = autodiff::Real::abs(*k);
            *gap = s - size;
            if *gap < s * R::from_f64(NEAR) {
                let sign = if *k < R::ZERO { -R::ONE } else { R::ONE };
                let x = &self.x[place.row * self.width..][..self.width];
                let y = &x2.x[column * self.width..][..self.width];
                let inverse = [self.inverse[place.row], x2.inverse[column]];
                *gap = s * R::vectorize(Haversine { x, y, sign, inverse });
                *k = sign * (s - *gap);
            }
        }
    }
}

/// `1 - |cos|` of the angle between two nearly parallel (or, with the sign, opposite) vectors.
///
/// # Rule
/// `|x - p y|^2 / (2 |x|^2)` with `p = |x|/|y|`. The difference `d = x - y` is exact where the two are near, and
/// `p - 1 = d . (x + y) / (|y| (|x| + |y|))` is formed from it, so `x - p y = d - (p - 1) y` keeps its digits.
struct Haversine<'s, R> {
    x: &'s [R],
    y: &'s [R],
    sign: R,
    /// `1/|x|, 1/|y|`
    inverse: [R; 2],
}

/// Sums kept apart, in a fixed order.
const LANES: usize = 16;

/// The sum of `f` over both vectors.
#[inline(always)]
fn sum<R: Float>(x: &[R], y: &[R], f: impl Fn(R, R) -> R) -> R {
    let mut sums = [R::ZERO; LANES];
    let (x_chunks, y_chunks) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let (x_rest, y_rest) = (x_chunks.remainder(), y_chunks.remainder());
    for (x, y) in x_chunks.zip(y_chunks) {
        for l in 0..LANES {
            sums[l] += f(x[l], y[l]);
        }
    }
    for (sum, (&x, &y)) in sums.iter_mut().zip(x_rest.iter().zip(y_rest)) {
        *sum += f(x, y);
    }
    sums.into_iter().fold(R::ZERO, |total, sum| total + sum)
}

impl<R: Float> Kernel for Haversine<'_, R> {
    type Output = R;
    #[inline(always)]
    fn run(self) -> R {
        let Self { x, y, sign, inverse: [of_x, of_y] } = self;
        let dot = sum(x, y, |x, y| (x - sign * y) * (x + sign * y));
        // 1/(|y| (|x| + |y|)) by inverses: a b^2/(a + b).
        let excess = sign * (dot * (of_x * of_y * of_y / (of_x + of_y)));
        let square = sum(x, y, |x, y| {
            let d = x - sign * y - excess * y;
            d * d
        });
        R::from_f64(0.5) * (square * of_x * of_x)
    }
}
