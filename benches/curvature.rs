//! What does a Hessian-vector product cost beside a gradient?
//!
//! `cargo bench -p ntk-benches --bench curvature -- [THREADS] [REPEATS]`, f32, shapes of the peers' cases H1, H3, H4. The
//! rate counts the products of matrices that depend on the direction. Wall time, and the processor's time over the threads
//! (what a busy machine leaves honest).

use std::time::Instant;

use ntk::array::Array;
use ntk::loss::{Loss, Targets};
use ntk::model::Architecture;
use ntk::network::Network;
use ntk::operator::{Curvature, Fit, Kernel, LinearOperator, Matrix, Point, Recordings, Scratch, Settings};
use ntk::spectral::{Effort, End, lanczos};
use ntk_benches::{parameters, processor_seconds, singles};

struct Case {
    name: &'static str,
    preset: &'static str,
    samples: usize,
    loss: Loss,
}

const CASES: [Case; 3] = [
    Case { name: "H1", preset: "mlp:784-1024x3-10:relu,param=standard", samples: 1024, loss: Loss::CrossEntropy },
    Case { name: "H3", preset: "mlp:64-256x2-10:relu,param=standard", samples: 1797, loss: Loss::MeanSquaredError },
    Case {
        name: "H4",
        preset: "resmlp:3072-512x8-10:relu,param=standard,W_std=1",
        samples: 512,
        loss: Loss::CrossEntropy,
    },
];

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    let threads = arguments.next().unwrap_or_else(rayon::current_num_threads);
    let repeats = arguments.next().unwrap_or(5);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    println!("{threads} threads, medians of {repeats}: wall ms (processor ms a thread)");
    pool.install(|| CASES.iter().for_each(|case| measure(case, threads, repeats)));
}

fn measure(case: &Case, threads: usize, repeats: usize) {
    let network = Architecture::parse(case.preset).expect("a preset");
    let parameters = parameters(&network);
    let (n, outputs) = (case.samples, network.outputs().expect("outputs"));
    let width: usize = network.input.iter().product();
    let x = Array::new([n, width], singles(n * width, 1)).expect("inputs");
    let targets = match case.loss {
        Loss::CrossEntropy => Targets::Classes((0..n as u32).map(|i| i % outputs as u32).collect()),
        Loss::MeanSquaredError => Targets::Values(Array::new([n, outputs], singles(n * outputs, 2)).expect("targets")),
    };
    let fit = Fit { loss: case.loss, targets };
    let point = Point { network: &network, parameters: &parameters, x: &x };
    let count = point.count();
    // 2 n numbers for each multiply-add of the weights; the first layer pulls nothing back.
    let all: f64 = parameters.iter().filter(|p| p.rank() == 2).map(|p| 2.0 * (n * p.len()) as f64).sum();
    let first = 2.0 * (n * parameters[0].len()) as f64;
    let (gradient_flop, product_flop) = (3.0 * all - first, 6.0 * all - 4.0 * first);
    let scratch = Scratch::default();
    let mut gradient = vec![0.0; count];
    let of_gradient = timed(repeats, threads, || {
        point.gradient(&fit, &mut gradient, &scratch, &Settings::default()).expect("a gradient");
    });
    println!("{} {}, n = {n}, {count} parameters", case.name, case.preset);
    print("gradient", of_gradient, of_gradient, gradient_flop);
    let (v, mut y) = (singles(count, 3), vec![0.0; count]);
    for matrix in [Matrix::Hessian, Matrix::GaussNewton] {
        let mut recordings = Recordings::default();
        let operator = Curvature::new(matrix, point, &fit, &mut recordings, Settings::default()).expect("a recording");
        let of_product = timed(repeats, threads, || operator.apply(&v, &mut y).expect("a product"));
        let flop = if matrix == Matrix::Hessian { product_flop } else { 3.0 * all - first };
        print(matrix.name(), of_product, of_gradient, flop);
        if matrix == Matrix::Hessian {
            let start = (Instant::now(), processor_seconds());
            let effort = Effort { tolerance: 1e-3, ..Effort::default() };
            let found = lanczos(&operator, 1, End::Top, &effort).expect("an eigenvalue");
            let seconds = [start.0.elapsed().as_secs_f64(), (processor_seconds() - start.1) / threads as f64];
            println!(
                "  largest eigenvalue {:.5} +- {:.1e} in {} products, {:.0} ms ({:.0})",
                found.values[0],
                found.residuals[0],
                found.products,
                1e3 * seconds[0],
                1e3 * seconds[1]
            );
        }
    }
    let mut recordings = Recordings::default();
    let kernel = Kernel::new(point, &mut recordings, Settings::default()).expect("a recording");
    let (u, mut w) = (singles(n * outputs, 4), vec![0.0; n * outputs]);
    let of_kernel = timed(repeats, threads, || kernel.apply(&u, &mut w).expect("a product"));
    print("ntk", of_kernel, of_gradient, 3.0 * all - first);
}

/// The median of wall and processor seconds.
fn timed(repeats: usize, threads: usize, mut work: impl FnMut()) -> [f64; 2] {
    work();
    let mut all: Vec<[f64; 2]> = (0..repeats)
        .map(|_| {
            let start = (Instant::now(), processor_seconds());
            work();
            [start.0.elapsed().as_secs_f64(), (processor_seconds() - start.1) / threads as f64]
        })
        .collect();
    let mut median = |which: usize| {
        all.sort_by(|a, b| a[which].total_cmp(&b[which]));
        all[repeats / 2][which]
    };
    [median(0), median(1)]
}

fn print(name: &str, seconds: [f64; 2], gradient: [f64; 2], flop: f64) {
    println!(
        "  {name:<9} {:8.2} ({:8.2})  {:5.2} ({:5.2}) gradients  {:6.1} ({:6.1}) GFLOP/s of {:.2} GFLOP",
        1e3 * seconds[0],
        1e3 * seconds[1],
        seconds[0] / gradient[0],
        seconds[1] / gradient[1],
        flop / 1e9 / seconds[0],
        flop / 1e9 / seconds[1],
        flop / 1e9,
    );
}
