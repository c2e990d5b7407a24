//! The nine laws, for every op of the closed set, in `f64` and in `f32`.

use autodiff::Float;
use autodiff::check::{self, BILINEAR, Bounds, Input, LINEAR};
use autodiff::op::ElementwiseOp;
use autodiff::op::elementwise::{LeakyRelu, Powi};

use crate::numbers::Random;

/// The closed set, and the members whose rule depends on a parameter.
pub fn elementwise_ops() -> Vec<ElementwiseOp> {
    let powers = [-3, -1, 0, 1, 2, 7].map(|n| Powi(n).into());
    let leaks = [0.0, 1.0, -0.5].map(|alpha| LeakyRelu(alpha).into());
    [ElementwiseOp::ALL, &powers, &leaks].concat()
}

/// Random inputs of these shapes.
pub fn random_inputs(shapes: &[&[usize]], random: &mut Random) -> Vec<Input> {
    shapes.iter().map(|shape| Input { shape: shape.to_vec(), value: random.numbers(shape.iter().product()) }).collect()
}

fn every_elementwise_rule<F: Float>() {
    let mut random = Random::new(21);
    for op in elementwise_ops() {
        check::elementwise_op::<F>(op, Bounds::of::<F>(), &mut || random.number()).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn every_elementwise_rule_obeys_the_laws_in_f64() {
    every_elementwise_rule::<f64>();
}

#[test]
fn every_elementwise_rule_obeys_the_laws_in_f32() {
    every_elementwise_rule::<f32>();
}

fn every_linear_and_bilinear_rule<F: Float>() {
    let mut random = Random::new(22);
    for exemplar in LINEAR {
        exemplar.check::<F>(Bounds::of::<F>(), &mut || random.number()).unwrap_or_else(|e| panic!("{e}"));
    }
    for exemplar in BILINEAR {
        exemplar.check::<F>(Bounds::of::<F>(), &mut || random.number()).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn every_linear_and_bilinear_rule_obeys_the_laws_in_f64() {
    every_linear_and_bilinear_rule::<f64>();
}

#[test]
fn every_linear_and_bilinear_rule_obeys_the_laws_in_f32() {
    every_linear_and_bilinear_rule::<f32>();
}

/// Every op of the closed set, alone on a tape, in every mode.
fn every_op_on_a_tape<F: Float>() {
    let mut random = Random::new(23);
    let bounds = Bounds::of::<F>();
    for op in elementwise_ops() {
        for len in [0, 1, 2, 3, 5, 16, 33] {
            // Numbers of the op's domain, away from where its slope grows without bound.
            let (low, high) = (op.samples()[0].max(-2.0), op.samples()[op.samples().len() - 1].min(2.5));
            let value = (0..len)
                .map(|_| low.max(0.4 * f64::from(u8::from(low > 0.0))) + (high - low) * random.number().abs())
                .collect();
            let inputs = [Input { shape: vec![len], value }];
            check::program::<F>(&op, &inputs, bounds, &mut || random.number()).unwrap_or_else(|e| panic!("{e}"));
        }
    }
    for exemplar in LINEAR {
        let inputs = random_inputs(exemplar.operands, &mut random);
        let checked = check::program::<F>(exemplar, &inputs, bounds, &mut || random.number());
        assert!(checked.unwrap_or_else(|e| panic!("{e}")).differences, "a linear op has no kinks");
    }
    for exemplar in BILINEAR {
        let inputs = random_inputs(&[exemplar.a, exemplar.b], &mut random);
        let checked = check::program::<F>(exemplar, &inputs, bounds, &mut || random.number());
        assert!(checked.unwrap_or_else(|e| panic!("{e}")).differences, "a product has no kinks");
    }
}

#[test]
fn every_op_obeys_the_laws_on_a_tape_in_f64() {
    every_op_on_a_tape::<f64>();
}

#[test]
fn every_op_obeys_the_laws_on_a_tape_in_f32() {
    every_op_on_a_tape::<f32>();
}
