//! Convolutions and pools beside JAX: padding, groups, dilation, ties. See `goldens/README.md`.

use autodiff::op::bilinear::{Padding, Window};
use autodiff::op::linear::PoolWindow;
use autodiff::sweep::{Gradient, Pool, pullback};
use autodiff::{Arena, Tape, Var};
use serde_json::Value;

use crate::numbers::relative_error;

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn sizes(case: &Value, key: &str) -> Vec<usize> {
    case[key].as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as usize).collect()
}

fn pair(list: &Value) -> [usize; 2] {
    [0, 1].map(|i| list[i].as_u64().unwrap() as usize)
}

fn padding(case: &Value) -> Padding {
    match case["padding"].as_str() {
        Some("SAME") => Padding::Same,
        Some("VALID") => Padding::Valid,
        Some("CIRCULAR") => Padding::Circular,
        Some(other) => panic!("padding {other}"),
        None => Padding::Explicit([pair(&case["padding"][0]), pair(&case["padding"][1])]),
    }
}

/// What the case says, on leaves that hold its numbers.
fn record<'a>(case: &Value, tape: &'a Tape<'a, f64>) -> Var<'a, f64> {
    let leaf = |name: &str| tape.leaf(tape.keep(&numbers(case, name)), &sizes(case, &format!("{name}_shape"))).unwrap();
    let (stride, padding) = (pair(&case["stride"]), padding(case));
    let x = leaf("x");
    if case["kind"] == "conv" {
        let (dilation, groups) = (pair(&case["dilation"]), case["groups"].as_u64().unwrap() as usize);
        return x.conv(leaf("w"), Window { stride, dilation, padding, groups, alpha: 1.0 }).unwrap();
    }
    let window = PoolWindow { size: pair(&case["size"]), stride, padding };
    match case["kind"].as_str() {
        Some("max_pool") => x.max_pool(window).unwrap(),
        Some("average_pool") => x.average_pool(window).unwrap(),
        other => panic!("kind {other:?}"),
    }
}

#[test]
fn convolutions_and_pools_are_those_of_jax() {
    let golden: Value = serde_json::from_str(include_str!("goldens/windows.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let (name, mut arena, mut pool, mut sink) = (&case["name"], Arena::new(), Pool::default(), Gradient::new());
        let y = record(case, arena.tape());
        assert_eq!(y.shape(), sizes(case, "y_shape"), "{name}");
        assert!(relative_error(y.value(), &numbers(case, "y")) < 1e-14, "{name}: value");
        pullback(y, &numbers(case, "y_bar"), 1, &mut sink, &mut pool).unwrap();
        assert!(relative_error(sink.of(0).unwrap(), &numbers(case, "x_bar")) < 1e-14, "{name}: input pull");
        if case["kind"] == "conv" {
            assert!(relative_error(sink.of(1).unwrap(), &numbers(case, "w_bar")) < 1e-14, "{name}: weight pull");
        }
    }
}
