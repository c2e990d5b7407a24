//! What does it cost to contract a kernel by factors, by products and by the explicit Jacobian?
//!
//! `cargo bench -p ntk-benches --bench contraction`

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ntk::array::Array;
use ntk::contraction::{Method, Observer, Outputs, Settings, kernel};
use ntk::model::Architecture;
use ntk_benches::{parameters, singles};

fn methods(c: &mut Criterion) {
    let mut group = c.benchmark_group("mlp_64_128x2_10_f32");
    group.sample_size(10);
    let model = Architecture::parse("mlp:64-128x2-10:relu").expect("a preset");
    let parameters = parameters(&model);
    for n in [32, 128] {
        let x = Array::new([n, 64], singles(n * 64, 1)).expect("its own shape");
        for method in [Method::Structured, Method::Jacobian, Method::Products] {
            for outputs in [Outputs::Trace, Outputs::Full] {
                let settings = Settings { outputs, method, ..Settings::default() };
                let id = BenchmarkId::new(format!("{}/{}", method.name(), outputs.name()), n);
                group.bench_with_input(id, &x, |bench, x| {
                    bench.iter(|| kernel(&model, &parameters, x, None, &settings, &Observer::default()).expect("fits"));
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, methods);
criterion_main!(benches);
