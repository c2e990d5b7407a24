//! The first covariances: products of inputs, and the gap of those that are nearly parallel.

use std::borrow::Cow;
use std::ops::Range;

use autodiff::kernel::gemm::{Accumulate, View, lower_gram};
use autodiff::{Float, Kernel};
use rayon::prelude::*;

use super::line::{Line, Place};
use super::program::{Data, Mode, Program};
use super::sheet::AddScaled;
use crate::array::Array;
use crate::error::{Error, Result};

/// Below this share of its bound, a gap is found from the inputs' difference: the subtraction would lose 8 bits and more.
const NEAR: f64 = 1.0 / 256.0;

/// Samples, and what is needed of each.
pub(crate) struct Inputs<'x, R: Clone> {
    /// Without a mask.
    x: Cow<'x, [R]>,
    data: Data,
    /// Which positions are there, `[n, positions]`, where the data has a mask.
    pub(crate) there: Vec<bool>,
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
    /// # Errors
    /// Tokens and masks that are none.
    pub(crate) fn new(x: &'x Array<R>, program: &Program) -> Result<Self> {
        let (count, positions) = (x.rows(), program.positions);
        let (data, there) = match program.data {
            Data::Numbers => (Cow::Borrowed(&x.data[..]), Vec::new()),
            Data::Masked => unmasked(x, positions)?,
            Data::Tokens(tokens) => {
                check_tokens(x, tokens)?;
                (Cow::Borrowed(&x.data[..]), Vec::new())
            }
        };
        let width = data.len() / count.max(1);
        let channels = width / positions;
        let of_rows: Vec<Vec<f64>> = data
            .par_chunks_exact(width.max(1))
            .map(|row| {
                if let Data::Tokens(_) = program.data {
                    return vec![1.0; positions];
                }
                let square = |x: &[R]| x.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>() / channels as f64;
                row.chunks_exact(channels).map(square).collect()
            })
            .collect();
        let squares: Vec<f64> = (0..positions).flat_map(|p| of_rows.iter().map(move |row| row[p])).collect();
        let (mut inverse, mut turned) = (Vec::new(), Vec::new());
        match program.mode {
            Mode::Flat => inverse.extend(squares.iter().map(|q| R::from_f64(1.0 / (q * width as f64).sqrt()))),
            Mode::Diagonal => {
                turned.resize(data.len(), R::ZERO);
                for (i, row) in data.chunks_exact(width).enumerate() {
                    row.iter().enumerate().for_each(|(at, &x)| turned[at * count + i] = x);
                }
            }
            Mode::Full => {}
        }
        Ok(Self { x: data, data: program.data, there, width, count, channels, squares, inverse, turned })
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

    /// The mean products of the channels of all pairs of positions of two samples; of tokens 1 where two are equal.
    ///
    /// # Shape
    /// `-> [positions, positions]`
    pub(crate) fn products_of_pairs(&self, row: usize, x2: &Self, column: usize, k: &mut Vec<R>) {
        let positions = self.width / self.channels;
        let rows = [(self, row), (x2, column)].map(|(x, i)| &x.x[i * x.width..][..self.width]);
        k.resize(positions * positions, R::ZERO);
        if let Data::Tokens(_) = self.data {
            for (k, &a) in k.chunks_exact_mut(positions).zip(rows[0]) {
                k.iter_mut().zip(rows[1]).for_each(|(k, &b)| *k = if a == b { R::ONE } else { R::ZERO });
            }
            return;
        }
        let [a, b] = rows.map(|x| View::new(x, positions, self.channels));
        R::gemm(k, Accumulate::Replace, 1.0 / self.channels as f64, a, b.t());
    }

    fn rows(&self, range: Range<usize>) -> View<'_, R> {
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

/// The channels without their mask, and the mask.
fn unmasked<R: Float>(x: &Array<R>, positions: usize) -> Result<(Cow<'_, [R]>, Vec<bool>)> {
    let channels = x.row_len() / positions;
    let mut there = Vec::with_capacity(x.rows() * positions);
    let mut data = Vec::with_capacity(x.data.len());
    for (at, position) in x.data.chunks_exact(channels.max(1)).enumerate() {
        let (kept, mask) = position.split_at(channels - 1);
        data.extend_from_slice(kept);
        match mask[0].to_f64() {
            1.0 => there.push(true),
            0.0 => there.push(false),
            other => {
                let what = format!("the mask of sample {} at time {} is {other}", at / positions, at % positions);
                let remedy = "give 1 where a time is there and 0 where not, without normalizing (--normalize none)";
                return Err(Error::usage(what, remedy));
            }
        }
    }
    Ok((Cow::Owned(data), there))
}

fn check_tokens<R: Float>(x: &Array<R>, tokens: usize) -> Result<()> {
    let known = |token: f64| token >= 0.0 && token < tokens as f64 && token.fract() == 0.0;
    let Some(at) = x.data.iter().position(|token| !known(token.to_f64())) else { return Ok(()) };
    let (sample, position) = (at / x.row_len(), at % x.row_len());
    Err(Error::usage(
        format!("token {position} of sample {sample} is {}", x.data[at].to_f64()),
        format!("give whole numbers from 0 to {}, without normalizing (--normalize none)", tokens - 1),
    ))
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
