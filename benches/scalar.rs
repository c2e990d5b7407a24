//! What does an op cost on the tape of scalar code? (`derivatives` has whole programs.)
//!
//! `cargo bench -p ntk-benches --bench scalar`

use std::hint::black_box;
use std::time::Duration;

use autodiff::scalar::Arena;
use autodiff::{Dual, Real, with_tangents};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const OPS: usize = 10_000;

/// A chain of products and sums, two ops a round: it stays in registers when it is not recorded.
fn chain<R: Real>(x: R, y: R) -> R {
    (0..OPS / 2).fold(x, |z, _| z * y + x)
}

/// Nanoseconds an op, on a tape that fits the cache.
fn ops(c: &mut Criterion) {
    let mut group = c.benchmark_group("scalar_op");
    group.throughput(Throughput::Elements(OPS as u64));
    let x = [0.3, 0.9];
    group.bench_function("value", |bench| bench.iter(|| chain(black_box(x[0]), black_box(x[1]))));
    group.bench_function("dual", |bench| {
        bench.iter(|| with_tangents(&black_box(x), &[1.0, 0.0], |x| chain(x[0], x[1]).eps));
    });
    let mut arena = Arena::new();
    group.bench_function("record", |bench| {
        bench.iter(|| arena.record(&black_box(x), |_, x| chain(x[0], x[1]).value()));
    });
    arena.record(&x, |tape, x| {
        let y = chain(x[0], x[1]);
        group.bench_function("pullback", |bench| {
            bench.iter(|| {
                tape.pullback([(y, 1.0)]);
                tape.cotangent(x[0])
            });
        });
        group.bench_function("pushforward", |bench| {
            bench.iter(|| {
                tape.pushforward([(x[0], 1.0)]);
                tape.tangent(y)
            });
        });
    });
    let mut arena = Arena::new();
    with_tangents(&x, &[1.0, 0.0], |x: Vec<Dual<'_, f64>>| {
        group.bench_function("record_duals", |bench| {
            bench.iter(|| arena.record(&black_box([x[0], x[1]]), |_, x| chain(x[0], x[1]).value().eps));
        });
        arena.record(&x, |tape, x| {
            let y = chain(x[0], x[1]);
            group.bench_function("pullback_duals", |bench| {
                bench.iter(|| {
                    tape.pullback([(y, Dual::ONE)]);
                    tape.cotangent(x[0]).eps
                });
            });
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
    targets = ops
}
criterion_main!(benches);
