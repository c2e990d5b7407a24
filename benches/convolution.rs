//! How fast is a convolution beside a product of matrices?
//!
//! `cargo bench -p ntk-benches --bench convolution` prints, for 3 x 3 windows over 64 images in f32 on one thread, GFLOP/s
//! of the three maps and their share of the rate of a 1024 x 1024 x 1024 product that ran just before. Seconds are
//! those that the thread had the processor, where Linux tells them, so that a busy machine falsifies less; each figure is
//! the median of five.

use std::hint::black_box;
use std::time::Instant;

use autodiff::Real;
use autodiff::kernel::gemm::{Accumulate, View};
use autodiff::op::bilinear::{Bilinear, Conv, Sizes, Window};
use ntk_benches::singles;

const IMAGES: usize = 64;
const SIDE: usize = 1024;
const ROUNDS: usize = 5;
/// The kernel counts processor time in ticks of 4 ms: this many make one of them 3 % at most.
const LEAST: f64 = 0.12;

/// Seconds of the thread on a processor, or of the clock.
fn seconds(start: Instant) -> f64 {
    let on_processor = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = on_processor.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns * 1e-9)
}

/// GFLOP/s of `work`, which multiplies and adds so often.
fn rate(multiply_adds: usize, mut work: impl FnMut()) -> f64 {
    let clock = Instant::now();
    let (start, mut runs) = (seconds(clock), 0);
    loop {
        work();
        runs += 1;
        let taken = seconds(clock) - start;
        if taken > LEAST {
            return 2.0 * (multiply_adds * runs) as f64 / taken / 1e9;
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let (a, b) = (singles(SIDE * SIDE, 1), singles(SIDE * SIDE, 2));
    let mut c = vec![0.0_f32; SIDE * SIDE];
    let mut product = || {
        rate(SIDE.pow(3), || {
            let (a, b) = (View::new(&a, SIDE, SIDE), View::new(&b, SIDE, SIDE));
            f32::gemm(black_box(&mut c), Accumulate::Replace, 1.0, a, b);
        })
    };
    println!("| channels | image | product | forward | | input pull | | weight pull | |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for channels in [32, 64, 128, 256] {
        for side in [8, 16, 32] {
            let (image, weights) = ([IMAGES, side, side, channels], [3, 3, channels, channels]);
            let (len, taps) = (image.iter().product(), weights.iter().product());
            let (x, w, y_bar) = (singles(len, 3), singles(taps, 4), singles(len, 5));
            let (mut y, mut w_bar) = (vec![0.0; len], vec![0.0; taps]);
            let (conv, sizes) = (Conv { window: &Window::SAME }, Sizes { a: &image, b: &weights });
            let multiply_adds = IMAGES * side * side * taps;
            let (mut products, mut maps) = (Vec::new(), [(); 3].map(|()| (Vec::new(), Vec::new())));
            for _ in 0..ROUNDS {
                for (map, (rates, shares)) in maps.iter_mut().enumerate() {
                    let beside = product();
                    let found = rate(multiply_adds, || match map {
                        0 => conv.apply(sizes, 1, &x, &w, black_box(&mut y), Accumulate::Replace),
                        1 => conv.pull_left(sizes, 1, &y_bar, &w, black_box(&mut y), Accumulate::Replace),
                        _ => conv.pull_right(sizes, &x, &y_bar, black_box(&mut w_bar), Accumulate::Replace),
                    });
                    products.push(beside);
                    rates.push(found);
                    shares.push(100.0 * found / beside);
                }
            }
            print!("| {channels} | {side} x {side} | {:.0} |", median(products));
            maps.into_iter().for_each(|(rates, shares)| print!(" {:.0} | {:.0} % |", median(rates), median(shares)));
            println!();
        }
    }
}
