//! How fast can this machine multiply and add?
//!
//! `cargo bench -p ntk-benches --bench peak [-- THREADS]` prints one JSON object: the rate of a loop of fused
//! multiply-adds that never leaves the registers, and of a 4096 x 4096 x 4096 product, f32 and f64, on so many threads.
//! Shares of peak are of the larger one.

use std::hint::black_box;
use std::time::Instant;

use faer::{Accum, Mat, Par};
use pulp::{Arch, Simd, WithSimd};

/// Enough independent chains to hide the latency of a multiply-add on every current core.
const CHAINS: usize = 24;
const ROUNDS: usize = 20_000_000;

struct Chains32;
impl WithSimd for Chains32 {
    type Output = (f64, usize);
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f64, usize) {
        let (scale, shift) = (simd.splat_f32s(black_box(0.999_9)), simd.splat_f32s(black_box(1e-4)));
        let mut chains = [simd.splat_f32s(black_box(1.0)); CHAINS];
        let start = Instant::now();
        for _ in 0..ROUNDS {
            for chain in &mut chains {
                *chain = simd.mul_add_f32s(*chain, scale, shift);
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        black_box(chains.map(|chain| simd.reduce_sum_f32s(chain)));
        (seconds, S::F32_LANES)
    }
}

struct Chains64;
impl WithSimd for Chains64 {
    type Output = (f64, usize);
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f64, usize) {
        let (scale, shift) = (simd.splat_f64s(black_box(0.999_9)), simd.splat_f64s(black_box(1e-4)));
        let mut chains = [simd.splat_f64s(black_box(1.0)); CHAINS];
        let start = Instant::now();
        for _ in 0..ROUNDS {
            for chain in &mut chains {
                *chain = simd.mul_add_f64s(*chain, scale, shift);
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        black_box(chains.map(|chain| simd.reduce_sum_f64s(chain)));
        (seconds, S::F64_LANES)
    }
}

/// GFLOP/s of all threads together; the best of five.
fn loop_rate(threads: usize, chains: impl Fn() -> (f64, usize) + Sync) -> f64 {
    let once = || {
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(&chains)).collect();
            running
                .into_iter()
                .map(|thread| thread.join().expect("the loop does not panic"))
                .map(|(seconds, lanes)| 2.0 * (CHAINS * ROUNDS * lanes) as f64 / seconds / 1e9)
                .sum::<f64>()
        })
    };
    (0..5).map(|_| once()).fold(0.0, f64::max)
}

fn product_rate<R: autodiff::Float>(threads: usize, n: usize) -> f64 {
    let a = Mat::from_fn(n, n, |i, j| R::from_f64(((i * 7 + j * 3) % 11) as f64 / 11.0));
    let mut c = Mat::<R>::zeros(n, n);
    let par = if threads == 1 { Par::Seq } else { Par::rayon(threads) };
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        faer::linalg::matmul::matmul(c.as_mut(), Accum::Replace, a.as_ref(), a.as_ref(), R::ONE, par);
        best = best.min(start.elapsed().as_secs_f64());
    }
    2.0 * (n as f64).powi(3) / best / 1e9
}

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(cores);
    let all = serde_json::json!({
        "threads": threads,
        "f32": {
            "loop": loop_rate(threads, || Arch::new().dispatch(Chains32)),
            "product_4096": product_rate::<f32>(threads, 4096),
        },
        "f64": {
            "loop": loop_rate(threads, || Arch::new().dispatch(Chains64)),
            "product_4096": product_rate::<f64>(threads, 4096),
        },
    });
    println!("{all}");
}
