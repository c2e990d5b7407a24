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

/// Where the largest entry of each window stands, channel by channel; the first of equal ones, and the last NaN before
/// everything else. Padding is never taken.
///
/// # Shape
/// `indices: [windows of all images, channels]`
pub(crate) fn largest<R: Real>(reading: &Reading, x: &[R], indices: &mut [u32]) {
    let mut at = (0, 0, 0);
    for indices in indices.chunks_exact_mut(reading.channels.count.max(1)) {
        let mut entries = reading.taps().filter_map(|tap| reading.entry(at, tap));
        let first = entries.next().expect("recording refused windows of padding alone") as u32;
        indices.iter_mut().zip(first..).for_each(|(index, first)| *index = first);
        for from in entries {
            for ((index, &entry), place) in indices.iter_mut().zip(&x[from..]).zip(from as u32..) {
                let (top, entry) = (x[*index as usize], entry);
                // A NaN does not equal itself.
                #[expect(clippy::eq_op, reason = "the test for NaN that every number type has")]
                if entry > top || entry != entry {
                    *index = place;
                }
            }
        }
        at = reading.next(at.0, at.1, at.2);
    }
}
