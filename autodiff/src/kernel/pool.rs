//! Sums over windows, channel by channel: average pools and their transposes.
//!
//! NUMERICS: loops and no closures: a closure that is not inlined loses the vectors that the loop was dispatched to.

use super::gemm::Accumulate;
use super::window::{Reading, Writing};
use crate::real::{Kernel, Real};

/// For each window of each image `alpha` times the sum of what it reads, written or added to its place.
#[derive(Clone, Copy)]
pub(crate) struct WindowSums {
    /// What the windows read.
    pub reading: Reading,
    /// Where the sums go.
    pub writing: Writing,
    /// How many images there are.
    pub images: usize,
    /// The factor.
    pub alpha: f64,
}

impl WindowSums {
    /// `out = alpha sums(x)` or `+=`
    pub fn run<R: Real>(&self, x: &[R], out: &mut [R], accumulate: Accumulate) {
        if out.is_empty() {
            return;
        }
        let channels = self.reading.channels.count;
        R::scratch(channels, |sum| R::vectorize(Run { of: self, x, sum, out, accumulate }));
    }
}

struct Run<'s, R> {
    of: &'s WindowSums,
    x: &'s [R],
    sum: &'s mut [R],
    out: &'s mut [R],
    accumulate: Accumulate,
}

impl<R: Real> Kernel for Run<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { of: WindowSums { reading, writing, images, alpha }, x, sum, out, accumulate } = self;
        let mut at = (0, 0, 0);
        for _ in 0..images * reading.positions() {
            sum.fill(R::ZERO);
            for tap in reading.taps() {
                if let Some(from) = reading.entry(at, tap) {
                    for (sum, &x) in sum.iter_mut().zip(&x[from..]) {
                        *sum += x;
                    }
                }
            }
            let out = &mut out[writing.start(reading, at)..];
            match accumulate {
                Accumulate::Replace => {
                    for (out, &sum) in out.iter_mut().zip(&*sum) {
                        *out = sum.scale(*alpha);
                    }
                }
                Accumulate::Add => {
                    for (out, &sum) in out.iter_mut().zip(&*sum) {
                        *out += sum.scale(*alpha);
                    }
                }
            }
            at = reading.next(at.0, at.1, at.2);
        }
    }
}

/// Where the largest entry of each window stands, channel by channel; the first of equal ones, and the last NaN
/// before everything else.
pub(crate) fn largest<R: Real>(reading: &Reading, images: usize, x: &[R], mut visit: impl FnMut(usize)) {
    if x.is_empty() {
        return;
    }
    let mut at = (0, 0, 0);
    for _ in 0..images * reading.positions() {
        for channel in 0..reading.channels.count {
            let mut top: Option<(f64, usize)> = None;
            for from in reading.taps().filter_map(|tap| reading.entry(at, tap)) {
                let entry = x[from + channel].primal();
                if top.is_none_or(|(top, _)| entry > top) || entry.is_nan() {
                    top = Some((entry, from + channel));
                }
            }
            visit(top.expect("recording refused windows of padding alone").1);
        }
        at = reading.next(at.0, at.1, at.2);
    }
}
