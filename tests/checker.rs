//! The checker itself: rules planted wrong, each of which must be found and named.
//!
//! A slope off by one part in two thousand is the size of fault that a loose tolerance lets through.

use autodiff::check::{self, Bounds, Broken, Input, Law, Program};
use autodiff::kernel::gemm::Accumulate;
use autodiff::op::bilinear::{Bilinear, Matmul, Sizes};
use autodiff::op::elementwise::{Elementwise, Softplus, Tanh};
use autodiff::op::linear::{Combine, Linear, Pick, Sum};
use autodiff::op::{Operand, Signature};
use autodiff::{Float, Real, Result, Tape, Var};

use crate::numbers::Random;

/// One part in two thousand.
const OFF: f64 = 1.0 + 1.0 / 2000.0;

fn law_of(outcome: std::result::Result<(), Broken>) -> Option<Law> {
    outcome.err().map(|broken| broken.law)
}

/// The law that a rule breaks, the same in both number types.
fn broken_by(op: impl Elementwise) -> Option<Law> {
    fn of<F: Float>(op: impl Elementwise) -> Option<Law> {
        let mut random = Random::new(41);
        law_of(check::elementwise::<F>(op, Bounds::of::<F>(), &mut || random.number()))
    }
    assert_eq!(of::<f64>(op), of::<f32>(op), "{op:?} in f64 and in f32", op = std::any::type_name_of_val(&op));
    of::<f64>(op)
}

/// Declares an elementwise rule that is as `tanh`'s but for one line.
macro_rules! wrong_tanh {
    ($name:ident: |$x:ident| $primal:expr, |$sx:ident, $y:ident| $slope:expr) => {
        #[derive(Clone, Copy)]
        struct $name;
        impl Elementwise for $name {
            const NAME: &'static str = stringify!($name);
            const SAMPLES: &'static [f64] = Tanh::SAMPLES;
            fn primal<R: Real>(&self, $x: R) -> R {
                $primal
            }
            fn slope<R: Real>(&self, $sx: R, $y: R) -> R {
                let _ = $sx;
                $slope
            }
        }
    };
}

wrong_tanh!(SlopeOffByAPart: |x| x.tanh(), |_x, y| (R::ONE - y * y) * R::from_f64(OFF));
wrong_tanh!(SlopeOffByATerm: |x| x.tanh(), |_x, y| R::ONE - y * y + R::from_f64(OFF - 1.0));
wrong_tanh!(SlopeOfTheOtherSign: |x| x.tanh(), |_x, y| y * y - R::ONE);
wrong_tanh!(SlopeByTheWrongVariable: |x| x.tanh(), |x, _y| R::ONE - x * x);
wrong_tanh!(SlopeWithoutItsTangent: |x| x.tanh(), |_x, y| R::from_f64((R::ONE - y * y).primal()));
wrong_tanh!(SlopeWithHalfItsTangent: |x| x.tanh(), |_x, y| R::ONE - R::from_f64(y.primal()) * y);
wrong_tanh!(CurvatureOffByAPart: |x| x.tanh(), |_x, y| {
    let bend = R::from_f64(OFF) * (y - R::from_f64(y.primal())) * (R::ZERO - y - R::from_f64(y.primal()));
    R::from_f64((R::ONE - y * y).primal()) + bend
});
wrong_tanh!(PrimalWithoutItsTangent: |x| R::from_f64(x.tanh().primal()), |_x, y| R::ONE - y * y);
wrong_tanh!(PrimalThatSeesTheMode: |x| if size_of::<R>() > 8 { x.tanh() * R::from_f64(OFF) } else { x.tanh() }, |_x, y| R::ONE - y * y);

#[test]
fn a_rule_that_is_right_passes() {
    assert_eq!(broken_by(Tanh), None);
    assert_eq!(broken_by(Softplus), None);
}

#[test]
fn a_wrong_slope_breaks_the_law_of_slope() {
    assert_eq!(broken_by(SlopeOffByAPart), Some(Law::Slope));
    assert_eq!(broken_by(SlopeOffByATerm), Some(Law::Slope));
    assert_eq!(broken_by(SlopeOfTheOtherSign), Some(Law::Slope));
    assert_eq!(broken_by(SlopeByTheWrongVariable), Some(Law::Slope));
    assert_eq!(broken_by(PrimalWithoutItsTangent), Some(Law::Slope));
}

#[test]
fn a_slope_that_is_wrong_to_second_order_only_breaks_the_law_of_curvature() {
    assert_eq!(broken_by(SlopeWithoutItsTangent), Some(Law::Curvature));
    assert_eq!(broken_by(SlopeWithHalfItsTangent), Some(Law::Curvature));
    assert_eq!(broken_by(CurvatureOffByAPart), Some(Law::Curvature));
}

#[test]
fn a_primal_that_depends_on_the_mode_breaks_the_law_of_primal() {
    assert_eq!(broken_by(PrimalThatSeesTheMode), Some(Law::Primal));
}

#[test]
fn the_report_names_law_op_argument_found_and_expected() {
    let mut random = Random::new(42);
    let broken = check::elementwise::<f64>(SlopeOfTheOtherSign, Bounds::of::<f64>(), &mut || random.number());
    let message = broken.unwrap_err().to_string();
    let expected = "SlopeOfTheOtherSign breaks the law of slope: at -7e-1 in f64: found -0.634";
    assert!(message.starts_with(expected), "{message}");
    assert!(message.ends_with("correct the rule that is named"), "{message}");
}

/// Writes or adds what `make` writes.
fn put<R: Real>(y: &mut [R], to: Accumulate, make: impl Fn(&mut [R])) {
    let mut term = vec![R::ZERO; y.len()];
    make(&mut term);
    match to {
        Accumulate::Replace => y.copy_from_slice(&term),
        Accumulate::Add => y.iter_mut().zip(term).for_each(|(y, term)| *y += term),
    }
}

/// A linear rule with one fault.
#[derive(Clone, Copy, Debug)]
enum WrongSum {
    Right,
    OffByAPart,
    Affine,
    TransposeOffByAPart,
    TransposeOfTheWrongAxis,
    AddReplaces,
    ReplaceAdds,
    TransposeReplaceAdds,
    AddThroughAZero,
    ClaimsToPass,
    DropsTangents,
}

impl Linear for WrongSum {
    const NAME: &'static str = "wrong_sum";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        match self {
            WrongSum::AddThroughAZero | WrongSum::ClaimsToPass => Combine { coefficients: &[1.0] }.signature(operands),
            _ => Sum { axis: 0 }.signature(operands),
        }
    }

    fn apply<R: Real>(&self, i: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), to: Accumulate) {
        let (right, y_shape) = (Sum { axis: 0 }, y.0);
        match self {
            // Not linear: positive results are stretched.
            WrongSum::OffByAPart => put(y.1, to, |y| {
                right.apply(i, x, (y_shape, &mut *y), Accumulate::Replace);
                y.iter_mut().filter(|y| y.primal() > 0.0).for_each(|y| *y *= R::from_f64(OFF));
            }),
            WrongSum::Affine => put(y.1, to, |y| {
                right.apply(i, x, (y_shape, &mut *y), Accumulate::Replace);
                y.iter_mut().for_each(|y| *y += R::from_f64(1e-3));
            }),
            WrongSum::AddReplaces => right.apply(i, x, y, Accumulate::Replace),
            WrongSum::ReplaceAdds => right.apply(i, x, y, Accumulate::Add),
            WrongSum::AddThroughAZero => put(y.1, to, |y| match to {
                Accumulate::Replace => y.copy_from_slice(x.1),
                Accumulate::Add => y.iter_mut().zip(x.1).for_each(|(y, &x)| *y += x),
            }),
            WrongSum::ClaimsToPass => Combine { coefficients: &[2.0] }.apply(i, x, y, to),
            WrongSum::DropsTangents => {
                let primal: Vec<R> = x.1.iter().map(|x| R::from_f64(x.primal())).collect();
                right.apply(i, (x.0, &primal), y, to);
            }
            _ => right.apply(i, x, y, to),
        }
    }

    fn transpose<R: Real>(&self, i: usize, y_bar: (&[usize], &[R]), x_bar: (&[usize], &mut [R]), to: Accumulate) {
        let right = Sum { axis: 0 };
        match self {
            WrongSum::TransposeOffByAPart => {
                let scaled: Vec<R> = y_bar.1.iter().map(|&y| y * R::from_f64(OFF)).collect();
                right.transpose(i, (y_bar.0, &scaled), x_bar, to);
            }
            WrongSum::TransposeOfTheWrongAxis => {
                let turned = [x_bar.0[1], x_bar.0[0]];
                Sum { axis: 1 }.transpose(i, y_bar, (&turned, x_bar.1), to);
            }
            WrongSum::TransposeReplaceAdds => right.transpose(i, y_bar, x_bar, Accumulate::Add),
            WrongSum::AddThroughAZero => Combine { coefficients: &[1.0] }.transpose(i, y_bar, x_bar, to),
            WrongSum::ClaimsToPass => Combine { coefficients: &[2.0] }.transpose(i, y_bar, x_bar, to),
            _ => right.transpose(i, y_bar, x_bar, to),
        }
    }

    fn passes(&self, _: usize, _: &[usize], _: &[usize]) -> bool {
        matches!(self, WrongSum::ClaimsToPass)
    }
}

fn broken_by_sum(op: WrongSum) -> Option<Law> {
    fn of<F: Float>(op: WrongSum) -> Option<Law> {
        let mut random = Random::new(43);
        law_of(check::linear::<F, _>(op, &[&[5, 3]], Bounds::of::<F>(), &mut || random.number()))
    }
    assert_eq!(of::<f64>(op), of::<f32>(op), "{op:?} in f64 and in f32");
    of::<f64>(op)
}

#[test]
fn a_wrong_linear_rule_breaks_the_law_that_it_should() {
    assert_eq!(broken_by_sum(WrongSum::Right), None);
    assert_eq!(broken_by_sum(WrongSum::OffByAPart), Some(Law::Slope));
    assert_eq!(broken_by_sum(WrongSum::Affine), Some(Law::Slope));
    assert_eq!(broken_by_sum(WrongSum::DropsTangents), Some(Law::Slope));
    assert_eq!(broken_by_sum(WrongSum::TransposeOffByAPart), Some(Law::Adjoint));
    assert_eq!(broken_by_sum(WrongSum::TransposeOfTheWrongAxis), Some(Law::Adjoint));
    assert_eq!(broken_by_sum(WrongSum::ClaimsToPass), Some(Law::Adjoint));
    assert_eq!(broken_by_sum(WrongSum::AddReplaces), Some(Law::Accumulation));
    assert_eq!(broken_by_sum(WrongSum::ReplaceAdds), Some(Law::Accumulation));
    assert_eq!(broken_by_sum(WrongSum::TransposeReplaceAdds), Some(Law::Accumulation));
    assert_eq!(broken_by_sum(WrongSum::AddThroughAZero), Some(Law::Accumulation));
}

#[test]
fn a_pick_that_overwrites_what_it_does_not_pick_breaks_the_law_of_accumulation() {
    #[derive(Clone, Copy)]
    struct Clears;
    const PICK: Pick<'static> = Pick { indices: &[1, 0] };
    impl Linear for Clears {
        const NAME: &'static str = "clears";
        fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
            PICK.signature(operands)
        }
        fn apply<R: Real>(&self, i: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), to: Accumulate) {
            PICK.apply(i, x, y, to);
        }
        fn transpose<R: Real>(&self, i: usize, y_bar: (&[usize], &[R]), x_bar: (&[usize], &mut [R]), to: Accumulate) {
            let kept: Vec<R> = x_bar.1.to_vec();
            PICK.transpose(i, y_bar, (x_bar.0, &mut *x_bar.1), to);
            if to == Accumulate::Add {
                x_bar.1.iter_mut().zip(kept).filter(|(new, old)| **new == *old).for_each(|(new, _)| *new = R::ZERO);
            }
        }
    }
    let mut random = Random::new(44);
    let outcome = check::linear::<f64, _>(Clears, &[&[2, 3]], Bounds::of::<f64>(), &mut || random.number());
    assert_eq!(law_of(outcome), Some(Law::Accumulation));
}

#[test]
fn operands_that_an_op_refuses_are_reported_and_not_a_panic() {
    let mut random = Random::new(45);
    let outcome = check::linear::<f64, _>(Sum { axis: 4 }, &[&[2, 3]], Bounds::of::<f64>(), &mut || random.number());
    let broken = outcome.unwrap_err();
    assert_eq!(broken.law, Law::Refusal);
    assert!(broken.to_string().contains("axis: 4"), "{broken}");
}

/// A bilinear rule with one fault.
#[derive(Clone, Copy, Debug)]
enum WrongMatmul {
    Right,
    NotLinear,
    LeftForgetsAlpha,
    RightForgetsAlpha,
    RightOffByAPart,
    LeftTransposedWrongly,
    RightDropsTheTangentOfTheCotangent,
    LeftDropsTheTangentOfTheFactor,
    AddReplaces,
    LeftAddReplaces,
    RightReplaceAdds,
    SecondDirectionIsTheFirst,
}

const MATMUL: Matmul = Matmul { transpose_a: false, transpose_b: false, alpha: 0.7 };
const PLAIN: Matmul = Matmul { transpose_a: false, transpose_b: false, alpha: 1.0 };

/// The numbers without their tangents.
fn flat<R: Real>(x: &[R]) -> Vec<R> {
    x.iter().map(|x| R::from_f64(x.primal())).collect()
}

impl Bilinear for WrongMatmul {
    const NAME: &'static str = "wrong_matmul";

    fn signature(&self, a: Operand<'_>, b: Operand<'_>) -> Result<Signature> {
        MATMUL.signature(a, b)
    }

    fn flops(&self, s: Sizes<'_>) -> usize {
        MATMUL.flops(s)
    }

    fn apply<R: Real>(&self, s: Sizes<'_>, k: usize, a: &[R], b: &[R], y: &mut [R], to: Accumulate) {
        match self {
            WrongMatmul::NotLinear => put(y, to, |y| {
                MATMUL.apply(s, k, a, b, y, Accumulate::Replace);
                y.iter_mut().for_each(|y| *y += R::from_f64(1e-3) * *y * *y);
            }),
            WrongMatmul::AddReplaces => MATMUL.apply(s, k, a, b, y, Accumulate::Replace),
            WrongMatmul::SecondDirectionIsTheFirst if k > 1 => {
                MATMUL.apply(s, k, a, b, y, to);
                let len = y.len() / k;
                y.copy_within(0..len, len);
            }
            _ => MATMUL.apply(s, k, a, b, y, to),
        }
    }

    fn pull_left<R: Real>(&self, s: Sizes<'_>, k: usize, y_bar: &[R], b: &[R], a_bar: &mut [R], to: Accumulate) {
        match self {
            WrongMatmul::LeftForgetsAlpha => PLAIN.pull_left(s, k, y_bar, b, a_bar, to),
            WrongMatmul::LeftTransposedWrongly => {
                // Square operands, so that y_bar b is as good a shape as y_bar b^T.
                MATMUL.apply(s, k, y_bar, b, a_bar, to);
            }
            WrongMatmul::LeftDropsTheTangentOfTheFactor => MATMUL.pull_left(s, k, y_bar, &flat(b), a_bar, to),
            WrongMatmul::LeftAddReplaces => MATMUL.pull_left(s, k, y_bar, b, a_bar, Accumulate::Replace),
            _ => MATMUL.pull_left(s, k, y_bar, b, a_bar, to),
        }
    }

    fn pull_right<R: Real>(&self, s: Sizes<'_>, a: &[R], y_bar: &[R], b_bar: &mut [R], to: Accumulate) {
        match self {
            WrongMatmul::RightForgetsAlpha => PLAIN.pull_right(s, a, y_bar, b_bar, to),
            WrongMatmul::RightOffByAPart => {
                let scaled: Vec<R> = y_bar.iter().map(|&y| y * R::from_f64(OFF)).collect();
                MATMUL.pull_right(s, a, &scaled, b_bar, to);
            }
            WrongMatmul::RightDropsTheTangentOfTheCotangent => MATMUL.pull_right(s, a, &flat(y_bar), b_bar, to),
            WrongMatmul::RightReplaceAdds => MATMUL.pull_right(s, a, y_bar, b_bar, Accumulate::Add),
            _ => MATMUL.pull_right(s, a, y_bar, b_bar, to),
        }
    }
}

fn broken_by_matmul(op: WrongMatmul) -> Option<Law> {
    fn of<F: Float>(op: WrongMatmul) -> Option<Law> {
        let mut random = Random::new(46);
        law_of(check::bilinear::<F, _>(op, &[3, 3], &[3, 3], Bounds::of::<F>(), &mut || random.number()))
    }
    assert_eq!(of::<f64>(op), of::<f32>(op), "{op:?} in f64 and in f32");
    of::<f64>(op)
}

#[test]
fn a_wrong_bilinear_rule_breaks_the_law_that_it_should() {
    assert_eq!(broken_by_matmul(WrongMatmul::Right), None);
    assert_eq!(broken_by_matmul(WrongMatmul::NotLinear), Some(Law::Slope));
    assert_eq!(broken_by_matmul(WrongMatmul::LeftForgetsAlpha), Some(Law::Adjoint));
    assert_eq!(broken_by_matmul(WrongMatmul::RightForgetsAlpha), Some(Law::Adjoint));
    assert_eq!(broken_by_matmul(WrongMatmul::RightOffByAPart), Some(Law::Adjoint));
    assert_eq!(broken_by_matmul(WrongMatmul::LeftTransposedWrongly), Some(Law::Adjoint));
    assert_eq!(broken_by_matmul(WrongMatmul::RightDropsTheTangentOfTheCotangent), Some(Law::Curvature));
    assert_eq!(broken_by_matmul(WrongMatmul::LeftDropsTheTangentOfTheFactor), Some(Law::Curvature));
    assert_eq!(broken_by_matmul(WrongMatmul::AddReplaces), Some(Law::Accumulation));
    assert_eq!(broken_by_matmul(WrongMatmul::LeftAddReplaces), Some(Law::Accumulation));
    assert_eq!(broken_by_matmul(WrongMatmul::RightReplaceAdds), Some(Law::Accumulation));
    assert_eq!(broken_by_matmul(WrongMatmul::SecondDirectionIsTheFirst), Some(Law::Blocks));
}

/// A whole program with a fault that only some modes see.
#[derive(Clone, Copy, Debug)]
enum WrongProgram {
    Right,
    SeesTheMode,
    ForgetsATangent,
    HidesABranch,
    RefusesDuals,
}

impl Program for WrongProgram {
    fn name(&self) -> String {
        format!("{self:?}")
    }
    fn record<'a, R: Real>(&self, tape: &'a Tape<'a, R>, inputs: &[Var<'a, R>]) -> Result<Var<'a, R>> {
        let x = inputs[0];
        let detached = |x: Var<'a, R>| tape.constant(tape.keep(&flat(x.value())), x.shape());
        let dual = size_of::<R>() > 8;
        match self {
            WrongProgram::Right => x.times(x.tanh()),
            // The number type leaks into the value.
            WrongProgram::SeesTheMode => x.times(x.tanh().scale(if dual { OFF } else { 1.0 })),
            // A part of the value does not depend on the leaf as far as the tape knows.
            WrongProgram::ForgetsATangent => x.times(detached(x.tanh())?),
            // The gradient is right where the branch is not taken, and differences see it.
            WrongProgram::HidesABranch => x.plus(detached(x)?.scale(1.0 / 2000.0)),
            WrongProgram::RefusesDuals if dual => x.sum_axis(7),
            WrongProgram::RefusesDuals => x.sum_axis(0),
        }
    }
}

#[test]
fn a_program_that_differs_between_modes_breaks_the_law_that_it_should() {
    let inputs = [Input { shape: vec![3], value: vec![0.3, -1.2, 0.8] }];
    let broken = |program: WrongProgram| {
        let mut random = Random::new(47);
        let outcome = check::program::<f64>(&program, &inputs, Bounds::of::<f64>(), &mut || random.number());
        outcome.err().map(|broken| broken.law)
    };
    assert_eq!(broken(WrongProgram::Right), None);
    assert_eq!(broken(WrongProgram::SeesTheMode), Some(Law::Primal));
    assert_eq!(broken(WrongProgram::ForgetsATangent), Some(Law::Slope));
    assert_eq!(broken(WrongProgram::HidesABranch), Some(Law::Slope));
    assert_eq!(broken(WrongProgram::RefusesDuals), Some(Law::Refusal));
    assert_eq!(check::refusal(&WrongProgram::RefusesDuals, &inputs).unwrap_err().law, Law::Refusal);
}

#[test]
fn a_twin_that_is_not_one_breaks_the_law_of_fusion() {
    let inputs = [Input { shape: vec![3], value: vec![0.3, -1.2, 0.8] }];
    let mut random = Random::new(48);
    let (right, wrong) = (WrongProgram::Right, WrongProgram::ForgetsATangent);
    let outcome = check::twins::<f64>(&right, &wrong, &inputs, Bounds::of::<f64>(), &mut || random.number());
    assert_eq!(law_of(outcome), Some(Law::Fusion));
    let outcome = check::twins::<f64>(&right, &right, &inputs, Bounds::of::<f64>(), &mut || random.number());
    assert_eq!(law_of(outcome), None);
}

#[test]
fn differences_are_not_taken_across_a_kink() {
    let relu = autodiff::op::ElementwiseOp::from(autodiff::op::elementwise::Relu);
    let mut random = Random::new(49);
    let mut checked = |value: f64| {
        let inputs = [Input { shape: vec![1], value: vec![value] }];
        let checked = check::program::<f64>(&relu, &inputs, Bounds::of::<f64>(), &mut || random.number());
        checked.unwrap_or_else(|e| panic!("{value}: {e}")).differences
    };
    assert!(checked(0.5));
    assert!(checked(-0.5));
    assert!(!checked(0.0));
    assert!(!checked(1e-7));
}
