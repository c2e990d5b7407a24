//! Operations that are counted: `auto` takes the method of the fewest.

use ntk::contraction::{Method, Outputs, Settings, plan};
use ntk::model::Architecture;

const METHODS: [Method; 3] = [Method::Structured, Method::Products, Method::Jacobian];

#[test]
fn auto_never_takes_more_operations_than_another_method_that_fits() {
    let mut taken = Vec::new();
    for model in [
        "mlp:1-1x1-1:relu",
        "mlp:1-1x4-1:relu,b_std=0",
        "mlp:2-2x1-5:tanh,b_std=0",
        "mlp:3-1x3-40:tanh",
        "mlp:64-512x2-10:relu",
        "mlp:784-64x3-1:erf",
        "mlp:8-4x6-400:gelu",
        "resmlp:32-128x8-10:relu",
    ] {
        let network = Architecture::parse(model).unwrap();
        for (n, m) in [(1, None), (2, Some(1)), (50, None), (50, Some(700)), (2000, None), (900, Some(900))] {
            for outputs in Outputs::ALL {
                let planned =
                    |method, memory, threads| plan(&network, n, m, 8, &Settings { outputs, method, memory }, threads);
                let peaks = METHODS.map(|method| planned(method, u64::MAX, 2).unwrap().peak());
                // Limits at which one after another stops to fit, or makes blocks again.
                for memory in peaks.into_iter().flat_map(|peak| [peak, peak - 1, peak / 10 * 9, peak / 3]) {
                    let fitting: Vec<_> =
                        METHODS.iter().filter_map(|&method| planned(method, memory, 2).ok()).collect();
                    match planned(Method::Auto, memory, 2) {
                        Ok(auto) => {
                            assert!(auto.peak() <= memory);
                            for other in &fitting {
                                let what = format!("{model} {n} {m:?} {outputs:?} {memory} B");
                                assert!(auto.flops <= other.flops, "{what}: {auto:?}\n{other:?}");
                            }
                            taken.push(auto.method);
                        }
                        Err(error) => assert!(fitting.is_empty(), "{model} {n} {m:?} {outputs:?} {memory} B: {error}"),
                    }
                }
            }
        }
    }
    // The grid decides something: each method is the cheapest somewhere, or what fits.
    for method in METHODS {
        assert!(taken.contains(&method), "{method:?} was never taken");
    }
}
