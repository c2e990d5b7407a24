//! What does a tape cost beside the work it records?
//!
//! `cargo bench -p ntk-benches --bench tape`

use autodiff::op::composite::cross_entropy;
use autodiff::sweep::{Gradient, Pool, pullback, pullback_tangent, pushforward};
use autodiff::{Arena, Var};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ntk_benches::numbers;

const OPS: usize = 10_000;

/// A chain of ops on `len` numbers: the time a node takes beyond its kernel shows at small lengths.
fn chain<'a>(x: Var<'a, f64>, y: Var<'a, f64>) -> Var<'a, f64> {
    (0..OPS / 2).fold(x, |z, _| z.times(y).expect("one shape").combine(1.0, y, 0.5).expect("one shape"))
}

fn nodes(c: &mut Criterion) {
    let mut group = c.benchmark_group("node");
    group.throughput(Throughput::Elements(OPS as u64));
    for len in [1, 8, 64, 1024] {
        let (x, y, seed) = (numbers(len, 1), numbers(len, 2), numbers(len, 3));
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        group.bench_with_input(BenchmarkId::new("record", len), &len, |bench, &len| {
            bench.iter(|| {
                let tape = arena.tape();
                let (x, y) = (tape.leaf(&x, &[len]).expect("fits"), tape.leaf(&y, &[len]).expect("fits"));
                chain(x, y).id()
            });
        });
        let tape = arena.tape();
        let (x, y) = (tape.leaf(&x, &[len]).expect("fits"), tape.leaf(&y, &[len]).expect("fits"));
        let z = chain(x, y);
        let mut gradient = Gradient::new();
        group.bench_with_input(BenchmarkId::new("pullback", len), &len, |bench, _| {
            bench.iter(|| {
                pullback(z, &seed, 1, &mut gradient, &mut pool).expect("fits");
                gradient.release(&mut pool);
            });
        });
    }
    group.finish();
}

/// Gradient and Hessian-vector product of an MLP: a product should cost about two gradients.
fn networks(c: &mut Criterion) {
    let (n, sizes) = (128, [64, 256, 256, 10]);
    let x: Vec<f64> = numbers(n * sizes[0], 1);
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 10).collect();
    let weights: Vec<Vec<f64>> = sizes.windows(2).map(|w| numbers(w[0] * w[1], 2)).collect();
    let tangents: Vec<Vec<f64>> = sizes.windows(2).map(|w| numbers(w[0] * w[1], 3)).collect();
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let mut group = c.benchmark_group("mlp_64_256x2_10");
    for second in [false, true] {
        group.bench_function(if second { "hessian_vector_product" } else { "gradient" }, |bench| {
            let mut sink = Gradient::new();
            bench.iter(|| {
                let tape = arena.tape();
                let mut z = tape.samples(&x, &[n, sizes[0]]).expect("fits");
                let mut leaves = Vec::new();
                for (layer, weights) in weights.iter().enumerate() {
                    let w = tape.leaf(weights, &[sizes[layer], sizes[layer + 1]]).expect("fits");
                    leaves.push(w);
                    z = if layer == 0 { z } else { z.tanh() }.matmul(w).expect("fits").scale(0.1);
                }
                let loss = cross_entropy(z, &labels).expect("fits");
                if second {
                    let seeds: Vec<_> = leaves.iter().zip(&tangents).map(|(&w, v)| (w, v.as_slice())).collect();
                    let pushed = pushforward(tape, &seeds, 1, &mut pool).expect("fits");
                    pullback_tangent(loss, &[1.0], &pushed, &mut sink, &mut pool).expect("fits");
                    pushed.release(&mut pool);
                } else {
                    pullback(loss, &[1.0], 1, &mut sink, &mut pool).expect("fits");
                }
                sink.release(&mut pool);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, nodes, networks);
criterion_main!(benches);
