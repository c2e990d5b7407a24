//! Operations that are counted: `auto` takes the method of the fewest, by shapes alone.

use ntk::contraction::{Method, Outputs, Plan, Settings, plan};
use ntk::model::Architecture;

const METHODS: [Method; 3] = [Method::Structured, Method::Products, Method::Jacobian];

#[test]
fn auto_takes_the_fewest_operations_whatever_the_memory_limit() {
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
                let free = METHODS.map(|method| planned(method, u64::MAX, 2).unwrap());
                let auto = planned(Method::Auto, u64::MAX, 2).unwrap();
                let what = format!("{model} {n} {m:?} {outputs:?}");
                for other in &free {
                    let large = other.method == Method::Jacobian && other.jacobian_bytes > 64 << 20;
                    assert!(large || auto.flops <= other.flops, "{what}: {auto:?}\n{other:?}");
                }
                taken.push(auto.method);
                // Limits at which one method after another stops to fit, or makes blocks again: auto takes the same one,
                // or refuses and names what would fit.
                for memory in free.iter().map(Plan::peak).flat_map(|peak| [peak, peak - 1, peak / 10 * 9, peak / 3]) {
                    match planned(Method::Auto, memory, 2) {
                        Ok(limited) => {
                            assert!(limited.peak() <= memory);
                            assert_eq!(limited.method, auto.method, "{what} {memory} B");
                        }
                        Err(error) => {
                            assert!(planned(auto.method, memory, 2).is_err());
                            assert!(error.to_string().contains("raise --memory"), "{error}");
                        }
                    }
                }
            }
        }
    }
    // The grid decides something. Products are for networks that the other two cannot serve.
    for method in [Method::Structured, Method::Jacobian] {
        assert!(taken.contains(&method), "{method:?} was never taken");
    }
}
