//! What this machine can do at most: the rate that shares of peak are of.

use std::hint::black_box;
use std::time::Instant;

use autodiff::Float;
use autodiff::kernel::gemm::{Accumulate, View};
use pulp::{Arch, Simd, WithSimd};

/// Enough independent chains to hide the latency of a multiply-add on every current core.
const CHAINS: usize = 24;
/// Multiply-adds of a chain: some 50 ms a round.
const LENGTH: usize = 10_000_000;
/// Rounds, of which the best counts.
const ROUNDS: usize = 5;
/// Rows and columns of the product.
const PRODUCT: usize = 1024;

/// Rates of all threads together, in 10^9 operations a second; a multiply-add is two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// A loop of fused multiply-adds that never leaves the registers.
    pub multiply_adds: f64,
    /// A product of matrices of 1024 x 1024, its rows shared by the threads.
    pub product: f64,
}

impl Peak {
    /// Measures both, the best of five rounds, on at most one thread a core.
    ///
    /// # Cost
    /// About half a second, 25 MiB.
    pub fn measure<R: Float>(threads: usize) -> Self {
        let threads = threads.min(std::thread::available_parallelism().map_or(1, usize::from)).max(1);
        Self { multiply_adds: multiply_adds::<R>(threads), product: product::<R>(threads) }
    }

    /// The better of two measurements, rate by rate.
    pub fn max(self, other: Self) -> Self {
        Self { multiply_adds: self.multiply_adds.max(other.multiply_adds), product: self.product.max(other.product) }
    }

    /// The larger of the two: what a share of peak is of.
    pub fn best(&self) -> f64 {
        self.multiply_adds.max(self.product)
    }
}

/// The rate of the loop of multiply-adds in numbers of type `R` on so many threads.
pub fn multiply_adds<R: Float>(threads: usize) -> f64 {
    let chains = || if size_of::<R>() == 4 { Arch::new().dispatch(Chains32) } else { Arch::new().dispatch(Chains64) };
    let once = || {
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(chains)).collect();
            running.into_iter().filter_map(|thread| thread.join().ok()).sum::<f64>()
        })
    };
    (0..ROUNDS).map(|_| once()).fold(0.0, f64::max)
}

/// The rate of the product.
fn product<R: Float>(threads: usize) -> f64 {
    let a: Vec<R> = (0..PRODUCT * PRODUCT).map(|i| <R as autodiff::Real>::from_f64((i % 11) as f64 / 11.0)).collect();
    let mut c = a.clone();
    let rows = PRODUCT.div_ceil(threads);
    let mut once = || {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for (out, left) in c.chunks_mut(rows * PRODUCT).zip(a.chunks(rows * PRODUCT)) {
                let (a, rows) = (&a, left.len() / PRODUCT);
                scope.spawn(move || {
                    let (left, right) = (View::new(left, rows, PRODUCT), View::new(a, PRODUCT, PRODUCT));
                    R::gemm(out, Accumulate::Replace, 1.0, left, right);
                });
            }
        });
        start.elapsed().as_secs_f64()
    };
    let best = (0..2 * ROUNDS).map(|_| once()).fold(f64::INFINITY, f64::min);
    2.0 * (PRODUCT as f64).powi(3) / best / 1e9
}

/// The rate of one thread.
fn rate(lanes: usize, start: Instant) -> f64 {
    2.0 * (CHAINS * LENGTH * lanes) as f64 / start.elapsed().as_secs_f64() / 1e9
}

struct Chains32;
impl WithSimd for Chains32 {
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (scale, shift) = (simd.splat_f32s(black_box(0.999_9)), simd.splat_f32s(black_box(1e-4)));
        let mut chains = [simd.splat_f32s(black_box(1.0)); CHAINS];
        let start = Instant::now();
        for _ in 0..LENGTH {
            for chain in &mut chains {
                *chain = simd.mul_add_f32s(*chain, scale, shift);
            }
        }
        let rate = rate(S::F32_LANES, start);
        black_box(chains.map(|chain| simd.reduce_sum_f32s(chain)));
        rate
    }
}

struct Chains64;
impl WithSimd for Chains64 {
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (scale, shift) = (simd.splat_f64s(black_box(0.999_9)), simd.splat_f64s(black_box(1e-4)));
        let mut chains = [simd.splat_f64s(black_box(1.0)); CHAINS];
        let start = Instant::now();
        for _ in 0..LENGTH {
            for chain in &mut chains {
                *chain = simd.mul_add_f64s(*chain, scale, shift);
            }
        }
        let rate = rate(S::F64_LANES, start);
        black_box(chains.map(|chain| simd.reduce_sum_f64s(chain)));
        rate
    }
}
