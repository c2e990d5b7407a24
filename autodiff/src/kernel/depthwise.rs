//! Convolutions in which each channel is for itself: products entry by entry, summed over taps.
//!
//! A product of matrices would have one column. These loops run over the channels instead, which lie side by side.
//! Padding is zeros that are multiplied, as it is in a product of patches.
//!
//! NUMERICS: loops and no closures: a closure that is not inlined loses the vectors that the loop was dispatched to.

use super::conv::Convolution;
use super::gemm::Accumulate;
use super::window::{Channels, Reading, Writing};
use crate::real::{Kernel, Real};

/// `y = conv(x, w)` or `+=`
pub(crate) fn product<R: Real>(conv: &Convolution, x: &[R], w: &[R], y: &mut [R], accumulate: Accumulate) {
    let channels = Channels { all: conv.inputs, first: 0, count: conv.inputs };
    let reading = Reading { rows: conv.rows.forward(), cols: conv.cols.forward(), channels };
    let writing = Writing { rows: conv.rows.output, cols: conv.cols.output, channels };
    R::scratch(conv.inputs, |sum| {
        R::vectorize(Sums { conv, reading, writing, x, w, sum, out: y, accumulate });
    });
}

/// `x_bar = conv(., w)^T y_bar` or `+=`
pub(crate) fn pull_input<R: Real>(conv: &Convolution, y_bar: &[R], w: &[R], x_bar: &mut [R], accumulate: Accumulate) {
    let channels = Channels { all: conv.inputs, first: 0, count: conv.inputs };
    let writing = Writing { rows: conv.rows.input, cols: conv.cols.input, channels };
    R::scratch(conv.inputs, |sum| {
        for (rows, cols) in conv.phases() {
            let reading = Reading { rows: conv.rows.backward(rows), cols: conv.cols.backward(cols), channels };
            R::vectorize(Sums { conv, reading, writing, x: y_bar, w, sum, out: x_bar, accumulate });
        }
    });
}

/// `w_bar = conv(x, .)^T y_bar` or `+=`
pub(crate) fn pull_weights<R: Real>(conv: &Convolution, x: &[R], y_bar: &[R], w_bar: &mut [R], accumulate: Accumulate) {
    let channels = Channels { all: conv.inputs, first: 0, count: conv.inputs };
    let reading = Reading { rows: conv.rows.forward(), cols: conv.cols.forward(), channels };
    R::scratch(w_bar.len(), |sum| {
        R::vectorize(Outer { conv, reading, x, y_bar, sum, w_bar, accumulate });
    });
}

/// For each window the sum over its taps of entries times weights.
struct Sums<'s, R> {
    conv: &'s Convolution,
    reading: Reading,
    writing: Writing,
    x: &'s [R],
    w: &'s [R],
    sum: &'s mut [R],
    out: &'s mut [R],
    accumulate: Accumulate,
}

impl<R: Real> Kernel for Sums<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { conv, reading, writing, x, w, sum, out, accumulate } = self;
        let channels = conv.inputs;
        let mut at = (0, 0, 0);
        for _ in 0..conv.images * reading.positions() {
            sum.fill(R::ZERO);
            for tap in reading.taps() {
                let w = &w[reading.tap(tap) * channels..][..channels];
                match reading.entry(at, tap) {
                    Some(from) => add_products(sum, &x[from..][..channels], w),
                    None => add_zeros(sum, w),
                }
            }
            let out = &mut out[writing.start(&reading, at)..][..channels];
            put(sum, conv.alpha, out, accumulate);
            at = reading.next(at.0, at.1, at.2);
        }
    }
}

/// For each tap the sum over windows of entries times cotangents.
struct Outer<'s, R> {
    conv: &'s Convolution,
    reading: Reading,
    x: &'s [R],
    y_bar: &'s [R],
    sum: &'s mut [R],
    w_bar: &'s mut [R],
    accumulate: Accumulate,
}

impl<R: Real> Kernel for Outer<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { conv, reading, x, y_bar, sum, w_bar, accumulate } = self;
        let channels = conv.inputs;
        sum.fill(R::ZERO);
        let mut at = (0, 0, 0);
        for y_bar in y_bar.chunks_exact(channels.max(1)) {
            for tap in reading.taps() {
                let sum = &mut sum[reading.tap(tap) * channels..][..channels];
                match reading.entry(at, tap) {
                    Some(from) => add_products(sum, &x[from..][..channels], y_bar),
                    None => add_zeros(sum, y_bar),
                }
            }
            at = reading.next(at.0, at.1, at.2);
        }
        put(sum, conv.alpha, w_bar, accumulate);
    }
}

/// `sum += x y`
#[inline(always)]
fn add_products<R: Real>(sum: &mut [R], x: &[R], y: &[R]) {
    for ((sum, &x), &y) in sum.iter_mut().zip(x).zip(y) {
        *sum += x * y;
    }
}

/// `sum += 0 y`
#[inline(always)]
fn add_zeros<R: Real>(sum: &mut [R], y: &[R]) {
    for (sum, &y) in sum.iter_mut().zip(y) {
        *sum += R::ZERO * y;
    }
}

/// `out = alpha sum` or `+=`
#[inline(always)]
fn put<R: Real>(sum: &[R], alpha: f64, out: &mut [R], accumulate: Accumulate) {
    match accumulate {
        Accumulate::Replace => {
            for (out, &sum) in out.iter_mut().zip(sum) {
                *out = sum.scale(alpha);
            }
        }
        Accumulate::Add => {
            for (out, &sum) in out.iter_mut().zip(sum) {
                *out += sum.scale(alpha);
            }
        }
    }
}
