//! How fast can this machine multiply and add?
//!
//! `cargo bench -p ntk-benches --bench peak [-- THREADS]` prints one JSON object: the rate of a loop of fused
//! multiply-adds that never leaves the registers, and of a 4096 x 4096 x 4096 product, f32 and f64, on so many threads.
//! Shares of peak are of the larger one.

use std::time::Instant;

use faer::{Accum, Mat, Par};
use ntk::peak::multiply_adds;

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
            "loop": multiply_adds::<f32>(threads),
            "product_4096": product_rate::<f32>(threads, 4096),
        },
        "f64": {
            "loop": multiply_adds::<f64>(threads),
            "product_4096": product_rate::<f64>(threads, 4096),
        },
    });
    println!("{all}");
}
