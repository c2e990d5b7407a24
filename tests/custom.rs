//! Rules of one's own, and checkpoints: right when they are right, named when they are wrong, and exact to the bit.

use std::cell::Cell;

use autodiff::check::{self, Bounds, Input, Law, Order, Program, check_grads};
use autodiff::custom::{Checkpoint, Custom, Given, Point, Segment};
use autodiff::op::composite::cross_entropy;
use autodiff::sweep::{Factors, PerSample, Pool, pullback, pullback_shared};
use autodiff::verb::Workspace;
use autodiff::{
    Arena, Error, Real, Result, Samples, Shape, Tape, Tensor, Var, checkpoint, grad, hessian, hvp, jvp, vjp,
};

use crate::numbers::{Random, relative_error};

/// `y = a^2 b`, entry by entry, with a choice of faults.
struct SquareTimes {
    fault: Fault,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Jvp,
    VjpOfTheThirdEntryOfB,
    Curvature,
}

const RIGHT: SquareTimes = SquareTimes { fault: Fault::None };
/// One part in two thousand.
const OFF: f64 = 1.0005;

impl<R: Real> Custom<R> for SquareTimes {
    fn name(&self) -> &'static str {
        "square_times"
    }
    fn shape(&self, x: &[&[usize]]) -> Result<Shape> {
        let (left, right) = (x[0].into(), x[1].into());
        if x[0] == x[1] {
            Ok(left)
        } else {
            Err(Error::Shapes { op: "square_times", left, right, remedy: "give both one shape" })
        }
    }
    fn samples(&self, operands: &[Samples]) -> Option<Samples> {
        operands.iter().copied().find(|tag| *tag != Samples::Free)
    }
    fn primal(&self, x: &[Given<'_, R>], y: &mut [R]) {
        y.iter_mut().enumerate().for_each(|(i, y)| *y = x[0].numbers[i] * x[0].numbers[i] * x[1].numbers[i]);
    }
    fn jvp(&self, at: &Point<'_, R>, x_dot: &[Option<&[R]>], y_dot: &mut [R]) {
        let (a, b) = (at.x[0].numbers, at.x[1].numbers);
        let off = if self.fault == Fault::Jvp { OFF } else { 1.0 };
        for (i, y_dot) in y_dot.iter_mut().enumerate() {
            let zero = R::ZERO;
            let (a_dot, b_dot) = (x_dot[0].map_or(zero, |x| x[i]), x_dot[1].map_or(zero, |x| x[i]));
            *y_dot = (a[i] * b[i] * a_dot).scale(2.0 * off) + a[i] * a[i] * b_dot;
        }
    }
    fn vjp(&self, at: &Point<'_, R>, y_bar: &[R], operand: usize, x_bar: &mut [R]) {
        let (a, b) = (at.x[0].numbers, at.x[1].numbers);
        for (i, x_bar) in x_bar.iter_mut().enumerate() {
            *x_bar = if operand == 0 { (a[i] * b[i] * y_bar[i]).scale(2.0) } else { a[i] * a[i] * y_bar[i] };
            if self.fault == Fault::VjpOfTheThirdEntryOfB && operand == 1 && i == 2 {
                *x_bar = x_bar.scale(OFF);
            }
        }
    }
    fn vjp_tangent(
        &self,
        at: &Point<'_, R>,
        x_dot: &[Option<&[R]>],
        (y_bar, y_bar_dot): (&[R], &[R]),
        operand: usize,
        out: &mut [R],
    ) -> Result<()> {
        let (a, b) = (at.x[0].numbers, at.x[1].numbers);
        let off = if self.fault == Fault::Curvature { OFF } else { 1.0 };
        for (i, out) in out.iter_mut().enumerate() {
            let zero = R::ZERO;
            let (a_dot, b_dot) = (x_dot[0].map_or(zero, |x| x[i]), x_dot[1].map_or(zero, |x| x[i]));
            *out = if operand == 0 {
                (a[i] * b[i] * y_bar_dot[i] + (a_dot * b[i] + a[i] * b_dot) * y_bar[i]).scale(2.0 * off)
            } else {
                a[i] * a[i] * y_bar_dot[i] + (a[i] * a_dot * y_bar[i]).scale(2.0)
            };
        }
        Ok(())
    }
}

fn at() -> [Tensor<f64>; 2] {
    [Tensor::vector([0.7, -1.3, 0.4, 2.0]), Tensor::vector([1.1, 0.6, -0.9, 0.2])]
}

fn through<'a>(rule: &'a SquareTimes, x: &[Var<'a, f64>]) -> Result<Var<'a, f64>> {
    // Its operands are used elsewhere too, and one is no leaf.
    let a = x[0].sin();
    x[0].tape().custom(rule, &[a, x[1]])?.plus(a.times(x[1])?)
}

#[test]
fn a_right_rule_passes_and_gives_the_derivatives_of_the_ops_that_it_stands_for() {
    check_grads(|x| through(&RIGHT, &x), &at(), Order::Second, 1e-8).unwrap();
    let mut random = Random::new(1);
    let along = [Tensor::new(&[3, 4], random.numbers(12)).unwrap(), Tensor::new(&[3, 4], random.numbers(12)).unwrap()];
    let sum = hvp(|x| Ok(through(&RIGHT, &x)?.sum()), &at(), &along).unwrap();
    let twin = hvp(
        |x| {
            let a = x[0].sin();
            Ok(a.powi(2).times(x[1])?.plus(a.times(x[1])?)?.sum())
        },
        &at(),
        &along,
    )
    .unwrap();
    for (stated, twin) in sum.iter().zip(&twin) {
        assert_eq!(stated.shape(), twin.shape());
        assert!(relative_error(stated.numbers(), twin.numbers()) < 1e-14);
    }
}

#[test]
fn a_planted_fault_is_named_with_its_law_and_entry() {
    let broken = |fault: Fault, order: Order| {
        let rule = SquareTimes { fault };
        check_grads(|x| x[0].tape().custom(&rule, &x), &at(), order, 1e-8).unwrap_err()
    };
    assert_eq!(broken(Fault::Jvp, Order::First).law, Law::Slope);
    let found = broken(Fault::VjpOfTheThirdEntryOfB, Order::First);
    assert_eq!(found.law, Law::Adjoint);
    assert_eq!(found.place, "cotangent of primal 1, entry 2");
    let found = broken(Fault::Curvature, Order::Second);
    assert_eq!(found.law, Law::Curvature);
    assert_eq!(found.place, "tangent of the cotangent of primal 0, entry 0");
    assert!(found.to_string().contains("breaks the law of curvature"), "{found}");
    // What is not asked for is not checked.
    let rule = SquareTimes { fault: Fault::Curvature };
    check_grads(|x| x[0].tape().custom(&rule, &x), &at(), Order::First, 1e-8).unwrap();
    // An op of the closed set is held to the same, and kinks are said.
    assert!(check_grads(|x| Ok(x[0].tanh()), &at(), Order::Second, 1e-8).unwrap().differences);
    let kink = [Tensor::vector([1e-6, 1.0])];
    assert!(!check_grads(|x| Ok(x[0].relu()), &kink, Order::Second, 1e-8).unwrap().differences);
    let refused = check_grads(|x| x[0].matmul(x[0]), &at(), Order::First, 1e-8).unwrap_err();
    assert_eq!(refused.law, Law::Refusal);
    let wild = check_grads(|x| Ok(x[0].ln()), &at(), Order::First, 1e-8).unwrap_err();
    assert_eq!((wild.law, wild.place.as_str()), (Law::Primal, "value, entry 1"));
}

/// A rule without second order.
struct Once;

impl Custom<f64> for Once {
    fn name(&self) -> &'static str {
        "once"
    }
    fn shape(&self, x: &[&[usize]]) -> Result<Shape> {
        Ok(x[0].into())
    }
    fn primal(&self, x: &[Given<'_, f64>], y: &mut [f64]) {
        y.copy_from_slice(x[0].numbers);
    }
    fn jvp(&self, _: &Point<'_, f64>, x_dot: &[Option<&[f64]>], y_dot: &mut [f64]) {
        y_dot.copy_from_slice(x_dot[0].unwrap());
    }
    fn vjp(&self, _: &Point<'_, f64>, y_bar: &[f64], _: usize, x_bar: &mut [f64]) {
        x_bar.copy_from_slice(y_bar);
    }
}

#[test]
fn a_second_order_that_is_not_stated_is_refused_and_not_guessed() {
    let x = [Tensor::vector([1.0, 2.0])];
    assert_eq!(grad(|x| Ok(x[0].tape().custom(&Once, &x)?.sum()), &x).unwrap()[0].numbers(), [1.0, 1.0]);
    let error = hessian(|x| Ok(x[0].tape().custom(&Once, &x)?.sum()), &x).unwrap_err();
    assert_eq!(error, Error::SecondOrder { op: "once" });
    let broken = check_grads(|x| x[0].tape().custom(&Once, &x), &x, Order::Second, 1e-8).unwrap_err();
    assert_eq!(broken.law, Law::Curvature);
    assert!(broken.found.contains("once: its rule states no second order"), "{broken}");
    let error = grad(|x| x[0].tape().custom(&RIGHT, &[x[0], x[0].sum()]), &x).unwrap_err();
    assert!(error.to_string().ends_with("give both one shape"), "{error}");
}

/// The rule, and a checkpoint of a segment with a parameter used twice, as programs for every number.
struct Doors;

struct Interior;

impl<R: Real> Segment<R> for Interior {
    fn record<'b>(&self, x: &[Var<'b, R>]) -> Result<Var<'b, R>> {
        x[0].times(x[1])?.tanh().plus(x[1].times(x[1])?)?.times(x[0])
    }
}

impl Program for Doors {
    fn name(&self) -> String {
        "a rule and a checkpoint".to_owned()
    }
    fn record<'a, R: Real>(&self, tape: &'a Tape<'a, R>, x: &[Var<'a, R>]) -> Result<Var<'a, R>> {
        const SEGMENT: &Checkpoint<Interior> = &Checkpoint(Interior);
        let y = tape.custom(&RIGHT, &[x[0].sin(), x[1]])?;
        SEGMENT.apply(&[y, x[1]])?.plus(SEGMENT.apply(&[x[0], y])?)
    }
}

#[test]
fn both_doors_obey_every_law_on_floats_and_on_duals() {
    let mut random = Random::new(2);
    for len in [0, 1, 2, 3, 5, 16, 33] {
        let input = |random: &mut Random| Input { shape: vec![len], value: random.numbers(len) };
        let inputs = [input(&mut random), input(&mut random)];
        check::program::<f64>(&Doors, &inputs, Bounds::of::<f64>(), &mut || random.number()).unwrap();
        check::program::<f32>(&Doors, &inputs, Bounds::of::<f32>(), &mut || random.number()).unwrap();
    }
}

/// Blocks of `x tanh(x W + b)`, each a segment or not; every parameter is used in all of them.
fn blocks<'a, F: Segment<f64>>(
    segment: &'a Checkpoint<F>,
    kept: bool,
    depth: usize,
    x: Var<'a, f64>,
    p: &[Var<'a, f64>],
) -> Result<Var<'a, f64>> {
    let mut z = x;
    for _ in 0..depth {
        let inputs = [z, p[0], p[1]];
        let next = if kept { segment.0.record(&inputs)? } else { segment.apply(&inputs)? };
        // The operand lives on beside the segment.
        z = next.plus(z.scale(0.5))?;
    }
    // And a parameter after the last one.
    z.matmul(p[0])
}

fn bits(tensors: &[Tensor<f64>]) -> Vec<u64> {
    tensors.iter().flat_map(|t| t.numbers().iter().map(|x| x.to_bits())).collect()
}

#[test]
fn checkpoints_change_no_bit_of_any_derivative() {
    let layer = checkpoint(|x| {
        let y = x[0].matmul(x[1])?.plus(x[2])?.tanh();
        x[0].times(y)?.plus(x[0].sin())
    });
    // A checkpoint within a checkpoint, and one operand twice.
    let inner = checkpoint(|x| x[0].times(x[1])?.gelu().plus(x[1]));
    let nested = checkpoint(|x| {
        const DEEP: &Checkpoint<Interior> = &Checkpoint(Interior);
        DEEP.apply(&[x[0].matmul(x[1])?.plus(x[2])?, x[0]])?.softplus().times(x[0])
    });
    let mut random = Random::new(3);
    let (n, d) = (5, 4);
    let x = random.numbers(n * d);
    let labels = [0, 3, 1, 2, 1];
    let p = [Tensor::new(&[d, d], random.numbers(d * d)).unwrap(), Tensor::vector(random.numbers(d))];
    for k in [1, 3] {
        let along = [
            Tensor::new(&[k, d, d], random.numbers(k * d * d)).unwrap(),
            Tensor::new(&[k, d], random.numbers(k * d)).unwrap(),
        ];
        let mut results = Vec::new();
        for kept in [true, false] {
            let (mut one, mut two) = (Workspace::new(), Workspace::new());
            let mut loss = one
                .linearize(
                    |p| {
                        let x = p.tape().samples(&x, &[n, d])?;
                        let z = blocks(&layer, kept, 3, x, &p)?;
                        let pair = [z, z];
                        let z = if kept { inner.0.record(&pair)? } else { inner.apply(&pair)? };
                        cross_entropy(blocks(&nested, kept, 2, z, &p)?, &labels)
                    },
                    &p,
                )
                .unwrap();
            let mut model = two.linearize(|p| blocks(&layer, kept, 3, p.tape().samples(&x, &[n, d])?, &p), &p).unwrap();
            let y_bar = Tensor::new(&[2, n, d], (0..2 * n * d).map(|i| (i as f64).sin()).collect::<Vec<_>>()).unwrap();
            results.push([
                bits(&[loss.value(), model.value()]),
                bits(&loss.grad().unwrap()),
                bits(&[loss.jvp(&along).unwrap(), model.jvp(&along).unwrap()]),
                bits(&loss.hvp(&along).unwrap()),
                bits(&model.vjp(&y_bar).unwrap()),
            ]);
        }
        assert_eq!(results[0], results[1], "{k} directions");
    }
}

#[test]
fn a_checkpointed_chain_keeps_less_by_the_bytes_of_the_arena() {
    let (n, d, segments, ops) = (64, 32, 16, 16);
    let segment = checkpoint(|x| (0..ops).try_fold(x[0], |z, _| z.tanh().plus(x[1])));
    let x = [Tensor::new(&[n, d], Random::new(4).numbers(n * d)).unwrap(), Tensor::scalar(0.1)];
    let mut held = [0, 0];
    let mut results = Vec::new();
    for (kept, held) in [true, false].into_iter().zip(&mut held) {
        let mut arena = Arena::new();
        // The second recording is in an arena of its full size.
        for _ in 0..2 {
            let tape = arena.tape();
            let z = tape.leaf(x[0].numbers(), &[n, d]).unwrap();
            let b = tape.leaf(x[1].numbers(), &[]).unwrap();
            let y = (0..segments).fold(z, |z, _| {
                let inputs = [z, b];
                if kept { segment.0.record(&inputs).unwrap() } else { segment.apply(&inputs).unwrap() }
            });
            let (mut sink, mut pool) = (autodiff::sweep::Gradient::new(), Pool::default());
            pullback(y.sum(), &[1.0], 1, &mut sink, &mut pool).unwrap();
            results.push(sink.of(0).unwrap().to_vec());
        }
        *held = arena.bytes();
    }
    assert!(results.iter().all(|result| *result == results[0]));
    // All ops: 16 * 16 * 2 values. With checkpoints: 16 between the segments, and 16 * 2 of one segment.
    let value = n * d * size_of::<f64>();
    assert!(held[0] >= 512 * value, "{held:?}");
    assert!(held[1] >= 48 * value && held[1] < 2 * 48 * value, "{held:?}");
}

#[test]
fn samples_are_followed_into_a_segment_and_sinks_that_keep_them_apart_stay_outside() {
    let act = checkpoint(|x| Ok(x[0].tanh().scale(2.0)));
    let mix = checkpoint(|x| x[0].sum_axis(0));
    let weights = checkpoint(|x| x[0].matmul(x[1]));
    let (x, w) = (Random::new(5).numbers(12), Random::new(6).numbers(12));
    let mut arena = Arena::new();
    let tape = arena.tape();
    let (x, w) = (tape.samples(&x, &[4, 3]).unwrap(), tape.leaf(&w, &[3, 4]).unwrap());
    let y = act.apply(&[x.matmul(w).unwrap()]).unwrap();
    assert_eq!(y.samples(), Samples::Axis { axis: 0, group: 1 });
    assert!(matches!(mix.apply(&[x]).unwrap().samples(), Samples::Mixed(_)));
    // A parameter in front of a checkpoint has factors; one inside of it has not, and that is said.
    let (mut factors, mut pool) = (Factors::default(), Pool::default());
    pullback(y, &[1.0; 16], 1, &mut factors, &mut pool).unwrap();
    assert_eq!(factors.factors.len(), 1);
    // Seeds that samples share are written out for the rule.
    let mut shared = Factors::default();
    pullback_shared(y, &[1.0; 4], 1, &mut shared, &mut pool).unwrap();
    assert_eq!(shared.cotangents[0].bar.rows(4), factors.cotangents[0].bar.rows(4));
    let inside = weights.apply(&[x, w]).unwrap();
    let error = pullback_shared(inside, &[1.0; 4], 1, &mut factors, &mut pool).unwrap_err();
    assert!(error.to_string().contains("checkpoint"), "{error}");
    let error = pullback(inside, &[1.0; 16], 1, &mut factors, &mut pool).unwrap_err();
    assert!(error.to_string().contains("checkpoint"), "{error}");
    assert!(error.to_string().ends_with("or ask for the gradient of all samples"), "{error}");
    let error = pullback(inside, &[1.0; 16], 1, &mut PerSample::new(&[12]), &mut pool).unwrap_err();
    assert!(matches!(error, Error::NotPerSample { parameter: 0, op: "checkpoint", .. }), "{error}");
    // A rule of one's own mixes samples unless it says that it does not.
    assert!(matches!(tape.custom(&Once, &[x]).unwrap().samples(), Samples::Mixed(_)));
    assert_eq!(tape.custom(&RIGHT, &[x, x]).unwrap().samples(), Samples::Axis { axis: 0, group: 1 });
    assert_eq!(tape.custom(&Once, &[w]).unwrap().samples(), Samples::Free);
}

#[test]
fn segments_that_cannot_be_repeated_and_strangers_are_refused() {
    let calls = Cell::new(0);
    let fickle = checkpoint(|x| {
        calls.set(calls.get() + 1);
        Ok(x[0].scale(f64::from(calls.get())))
    });
    let x = [Tensor::vector([1.0, 2.0])];
    let error = grad(|x| Ok(fickle.apply(&x)?.sum()), &x).unwrap_err();
    assert_eq!(error, Error::Recomputed);
    let square = checkpoint(|x| x[0].matmul(x[0]));
    let error = grad(|x| Ok(square.apply(&x)?.sum()), &x).unwrap_err();
    assert!(matches!(error, Error::Shapes { op: "matmul", .. }), "{error}");
    let same = checkpoint(|x| Ok(x[0]));
    assert!(same.apply::<f64>(&[]).is_err());
    let mut other = Arena::new();
    let stranger = other.tape().leaf(&[1.0, 2.0], &[2]).unwrap();
    let mut workspace = Workspace::new();
    let error = workspace.linearize(|x| same.apply(&[x[0], stranger]), &x).err().unwrap();
    assert_eq!(error, Error::ForeignVariable { op: "checkpoint" });
    // A segment that hands its operand on, and one that does not use it.
    let y_bar = Tensor::vector([3.0, 5.0]);
    assert_eq!(vjp(|x| same.apply(&x), &x, &y_bar).unwrap().1[0], y_bar);
    let first = checkpoint(|x| Ok(x[0].exp()));
    let two = [x[0].clone(), x[0].clone()];
    assert_eq!(vjp(|x| first.apply(&x), &two, &y_bar).unwrap().1[1].numbers(), [0.0, 0.0]);
    let (_, y_dot) = jvp(|x| first.apply(&[x[1], x[0]]), &two, &two).unwrap();
    assert!(relative_error(y_dot.numbers(), &[1f64.exp(), 2.0 * 2f64.exp()]) < 1e-15);
}
