//! A whole program against the laws, through the tape and its sweeps.

use super::{Bounds, Broken, Law, STENCIL, Witness, dot, five_point, largest, linearized};
use crate::dual::Dual;
use crate::error::{Error, Result};
use crate::op::{ElementwiseOp, LinearOp, Op, PairwiseOp};
use crate::real::{Float, Real};
use crate::sweep::{Gradient, Pool, pullback, pullback_tangent, pushforward};
use crate::tape::{Arena, Tape, Var};

/// Something to record: a function of several values, written once for every number.
pub trait Program {
    /// What reports call it.
    fn name(&self) -> String;
    /// Records it on leaves of the tape.
    ///
    /// # Errors
    /// What the ops refuse.
    fn record<'a, R: Real>(&self, tape: &'a Tape<'a, R>, inputs: &[Var<'a, R>]) -> Result<Var<'a, R>>;
}

impl Program for ElementwiseOp {
    fn name(&self) -> String {
        ElementwiseOp::name(self).to_owned()
    }
    fn record<'a, R: Real>(&self, _: &'a Tape<'a, R>, inputs: &[Var<'a, R>]) -> Result<Var<'a, R>> {
        Ok(inputs[0].map(*self))
    }
}

impl Program for PairwiseOp {
    fn name(&self) -> String {
        PairwiseOp::name(self).to_owned()
    }
    fn record<'a, R: Real>(&self, _: &'a Tape<'a, R>, inputs: &[Var<'a, R>]) -> Result<Var<'a, R>> {
        inputs[0].map_with(inputs[1], *self)
    }
}

/// An argument of a [`Program`].
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its numbers, row-major.
    pub value: Vec<f64>,
}

/// What [`program`] could check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Whether differences were taken. They are not where a kink of some op, or a number that is not finite, lies
    /// inside the stencil; the other laws hold there all the same.
    pub differences: bool,
}

/// The most directions that are swept at once.
pub(super) const DIRECTIONS: usize = 3;

/// Checks a program in every mode, on the tape of `F` and on tapes of duals.
///
/// The primal of every node has the same bits on both tapes; the tangent is a five-point difference and the tangent of
/// the duals; the pullback is the pushforward's transpose; the tangent of the pullback is a difference of pullbacks,
/// the pullback on duals, and symmetric; two and three directions at once are one at a time; tangents of one leaf at a
/// time add up to those of all; a linearization gives what the sweeps do.
///
/// # Errors
/// The first law that does not hold. A program that is refused breaks the law of refusal: see [`refusal`] for those
/// that should be.
pub fn program<F: Float>(
    program: &impl Program,
    inputs: &[Input],
    bounds: Bounds,
    numbers: &mut dyn FnMut() -> f64,
) -> std::result::Result<Checked, Broken> {
    let name = program.name();
    let place = || {
        let shapes: Vec<_> = inputs.iter().map(|input| &input.shape).collect();
        format!("inputs {shapes:?} in {}", F::NAME)
    };
    let law = |law| Witness { law, op: &name, place: &place };
    let refused = |error: Error| law(Law::Refusal).broken("", error, "no refusal");

    let x: Vec<Vec<F>> = narrow(inputs);
    let x_dot: Vec<Vec<F>> =
        x.iter().map(|x| (0..DIRECTIONS * x.len()).map(|_| F::from_f64(numbers())).collect()).collect();
    let outputs = value(program, inputs, &x).map_err(refused)?;
    let y_bar: Vec<F> = (0..DIRECTIONS * outputs).map(|_| F::from_f64(numbers())).collect();
    let every = |_: usize| true;
    let all = modes(program, inputs, &x, &x_dot, every, &y_bar, DIRECTIONS).map_err(refused)?;
    let y = &all.values[all.output];
    // What cancels leaves the rounding of what it cancelled.
    let sizes = all.values.iter().flatten().map(|x| x.to_f64().abs()).filter(|size| size.is_finite());
    let top = sizes.fold(1e-30, f64::max);
    let floor = 64.0 * F::EPSILON * top;
    let rounding = |scale: f64| bounds.adjoint * scale + floor;

    // Blocks.
    for k in 1..DIRECTIONS {
        for first in 0..=DIRECTIONS - k {
            let part: Vec<Vec<F>> = x_dot.iter().zip(&x).map(|(d, x)| slice(d, x.len(), first, k)).collect();
            let some =
                modes(program, inputs, &x, &part, every, &slice(&y_bar, outputs, first, k), k).map_err(refused)?;
            let expected = slice(&all.jvp, outputs, first, k);
            law(Law::Blocks).all_within(&some.jvp, &expected, rounding(largest(&all.jvp)))?;
            for (leaf, x) in x.iter().enumerate() {
                let expected = slice(&all.vjp[leaf], x.len(), first, k);
                law(Law::Blocks).all_within(&some.vjp[leaf], &expected, rounding(largest(&all.vjp[leaf])))?;
                if first == 0 {
                    let (found, expected) = (&some.hvp[leaf], slice(&all.hvp[leaf], x.len(), first, k));
                    law(Law::Blocks).all_within(found, &expected, rounding(largest(&all.hvp[leaf])))?;
                }
            }
        }
    }

    // A leaf at a time: what has no tangent is skipped by structure, and the parts make the whole.
    let mut parts: Option<Modes<F>> = None;
    for seeded in 0..x.len() {
        let part = modes(program, inputs, &x, &x_dot, |leaf| leaf == seeded, &y_bar, DIRECTIONS).map_err(refused)?;
        parts = Some(match parts {
            Some(sum) => sum.plus(&part),
            None => part,
        });
    }
    // Linearized: what is kept at the point gives the same, for all leaves and for one.
    for alone in [None, Some(0)] {
        let seeded = |leaf: usize| alone.is_none_or(|alone| leaf == alone);
        let Some(kept) = linearized::modes(program, inputs, &x, &x_dot, seeded, &y_bar).map_err(refused)? else {
            continue;
        };
        let some = modes(program, inputs, &x, &x_dot, seeded, &y_bar, DIRECTIONS).map_err(refused)?;
        let law = law(Law::Linearization);
        law.all_within(&kept.jvp, &some.jvp, rounding(largest(&some.jvp)))?;
        for leaf in 0..x.len() {
            law.all_within(&kept.vjp[leaf], &some.vjp[leaf], rounding(largest(&some.vjp[leaf])))?;
            law.all_within(&kept.hvp[leaf], &some.hvp[leaf], rounding(largest(&some.hvp[leaf])))?;
        }
    }
    if let Some(sum) = parts {
        let parts_scale = |numbers: &[F]| rounding(largest(numbers) * x.len() as f64);
        law(Law::Slope).all_within(&sum.jvp, &all.jvp, parts_scale(&all.jvp))?;
        for (found, expected) in sum.hvp.iter().zip(&all.hvp) {
            law(Law::Curvature).all_within(found, expected, parts_scale(expected))?;
        }
    }

    // Adjoint, for each pair of a tangent and a cotangent.
    let direction = |block: &[Vec<F>], k: usize| -> Vec<F> {
        block.iter().zip(&x).flat_map(|(block, x)| slice(block, x.len(), k, 1)).collect()
    };
    for (k, l) in (0..DIRECTIONS).flat_map(|k| (0..DIRECTIONS).map(move |l| (k, l))) {
        let (above, one) = dot(&slice(&y_bar, outputs, k, 1), &slice(&all.jvp, outputs, l, 1));
        let (below, other) = dot(&direction(&all.vjp, k), &direction(&x_dot, l));
        law(Law::Adjoint).within(below, above, rounding(one.max(other)))?;
        // The second derivative of <y_bar, f> is symmetric.
        let (above, one) = dot(&direction(&all.hvp, k), &direction(&x_dot, l));
        let (below, other) = dot(&direction(&all.hvp, l), &direction(&x_dot, k));
        law(Law::Curvature).within(below, above, rounding(one.max(other)))?;
    }

    // The other road: tapes of duals.
    let gradient: Vec<F> = direction(&all.vjp, 0);
    for k in 0..DIRECTIONS {
        let dual = on_duals(program, inputs, &x, &direction(&x_dot, k), &y_bar[..outputs]).map_err(refused)?;
        for (found, expected) in dual.values.iter().zip(&all.values) {
            law(Law::Primal).same_bits(found, expected)?;
        }
        law(Law::Slope).all_within(&dual.jvp, &slice(&all.jvp, outputs, k, 1), rounding(largest(&all.jvp)))?;
        law(Law::Adjoint).all_within(&dual.vjp, &gradient, rounding(largest(&gradient)))?;
        let (found, expected) = (&dual.hvp, direction(&all.hvp, k));
        law(Law::Curvature).all_within(&expected, found, rounding(largest(found) + largest(&gradient)))?;
    }

    // Differences, in f64 whatever F is.
    let Some(expected) = differences(program, inputs, &x, &x_dot, &y_bar, bounds.step).map_err(refused)? else {
        return Ok(Checked { differences: false });
    };
    let floor = floor + 8.0 * f64::EPSILON * top / bounds.step;
    let scale = largest(&expected.jvp).max(largest(y));
    law(Law::Slope).all_within(&slice(&all.jvp, outputs, 0, 1), &expected.jvp, bounds.slope * scale + floor)?;
    let scale = largest(&expected.hvp).max(largest(&gradient));
    law(Law::Curvature).all_within(&direction(&all.hvp, 0), &expected.hvp, bounds.curvature * scale + floor)?;
    Ok(Checked { differences: true })
}

/// The error with which every mode refuses a program: tapes of `f64`, of `f32`, and of duals.
///
/// # Errors
/// [`Law::Refusal`] if a mode accepts it, or refuses with another error.
pub fn refusal(program: &impl Program, inputs: &[Input]) -> std::result::Result<Error, Broken> {
    let name = program.name();
    let place = || format!("inputs {:?}", inputs.iter().map(|input| &input.shape).collect::<Vec<_>>());
    let law = Witness { law: Law::Refusal, op: &name, place: &place };
    let modes = [
        ("f64", value::<f64>(program, inputs, &narrow(inputs))),
        ("f32", value::<f32>(program, inputs, &narrow(inputs))),
        ("duals of f64", value::<Dual<'_, f64>>(program, inputs, &narrow(inputs))),
        ("duals of duals", value::<Dual<'_, Dual<'_, f64>>>(program, inputs, &narrow(inputs))),
    ];
    let expected = modes[0].1.clone().err();
    for (mode, outcome) in modes {
        if expected.is_none() || outcome.clone().err() != expected {
            return Err(law.broken(&format!(" in {mode}"), outcome.err(), expected));
        }
    }
    expected.ok_or_else(|| law.broken("", "no refusal", "one"))
}

/// Checks that two programs are one function: value, tangent, cotangents and their tangents.
///
/// # Errors
/// [`Law::Fusion`] if they differ.
pub fn twins<F: Float>(
    fused: &impl Program,
    unfused: &impl Program,
    inputs: &[Input],
    bounds: Bounds,
    numbers: &mut dyn FnMut() -> f64,
) -> std::result::Result<(), Broken> {
    let name = format!("{} beside {}", fused.name(), unfused.name());
    let place = || format!("inputs {:?} in {}", inputs.iter().map(|input| &input.shape).collect::<Vec<_>>(), F::NAME);
    let law = Witness { law: Law::Fusion, op: &name, place: &place };
    let refused = |error: Error| law.broken("", error, "no refusal");
    let x: Vec<Vec<F>> = narrow(inputs);
    let x_dot: Vec<Vec<F>> = x.iter().map(|x| x.iter().map(|_| F::from_f64(numbers())).collect()).collect();
    let outputs = value(fused, inputs, &x).map_err(refused)?;
    let y_bar: Vec<F> = (0..outputs).map(|_| F::from_f64(numbers())).collect();
    let one = modes(fused, inputs, &x, &x_dot, |_| true, &y_bar, 1).map_err(refused)?;
    let other = modes(unfused, inputs, &x, &x_dot, |_| true, &y_bar, 1).map_err(refused)?;
    let near =
        |found: &[F], expected: &[F]| law.all_within(found, expected, bounds.adjoint * (largest(expected) + 1e-30));
    near(&one.values[one.output], &other.values[other.output])?;
    near(&one.jvp, &other.jvp)?;
    near(&one.vjp.concat(), &other.vjp.concat())?;
    near(&one.hvp.concat(), &other.hvp.concat())
}

/// Everything that the sweeps make of a program.
pub(super) struct Modes<R> {
    /// The primal of every node.
    pub(super) values: Vec<Vec<R>>,
    /// Which of them is the output.
    pub(super) output: usize,
    /// `[K, outputs]`
    pub(super) jvp: Vec<R>,
    /// For each leaf, `[K, ..shape]`.
    pub(super) vjp: Vec<Vec<R>>,
    /// For each leaf, `[K, ..shape]`: tangents of the pullback of the first cotangent.
    pub(super) hvp: Vec<Vec<R>>,
}

impl<R: Real> Modes<R> {
    /// The same with the other's tangents added.
    fn plus(mut self, other: &Self) -> Self {
        let add = |sum: &mut [R], term: &[R]| sum.iter_mut().zip(term).for_each(|(sum, &term)| *sum += term);
        add(&mut self.jvp, &other.jvp);
        self.hvp.iter_mut().zip(&other.hvp).for_each(|(sum, term)| add(sum, term));
        self
    }
}

/// Runs every sweep, with tangents of the leaves that are `seeded`.
fn modes<R: Real>(
    program: &impl Program,
    inputs: &[Input],
    x: &[Vec<R>],
    x_dot: &[Vec<R>],
    seeded: impl Fn(usize) -> bool,
    y_bar: &[R],
    k: usize,
) -> Result<Modes<R>> {
    // The pool's buffers hold numbers of another sweep, as they would in use.
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    (0..8).for_each(|_| pool.give(vec![R::from_f64(f64::NAN); 4096]));
    let tape = arena.tape();
    let leaves = leaves(tape, inputs, x)?;
    let y = program.record(tape, &leaves)?;
    let seeds = leaves.iter().zip(x_dot).enumerate().filter(|(leaf, _)| seeded(*leaf));
    let seeds: Vec<_> = seeds.map(|(_, (&leaf, seed))| (leaf, seed.as_slice())).collect();
    let tangents = pushforward(tape, &seeds, k, &mut pool)?;
    let zeros = |leaf: usize| vec![R::ZERO; k * x[leaf].len()];
    let (mut first, mut second) = (Gradient::new(), Gradient::new());
    pullback(y, y_bar, k, &mut first, &mut pool)?;
    pullback_tangent(y, &y_bar[..y.value().len()], &tangents, &mut second, &mut pool)?;
    let each = 0..leaves.len();
    Ok(Modes {
        values: (0..tape.len() as u32).map(|id| tape.node(id).value.to_vec()).collect(),
        output: y.id() as usize,
        jvp: tangents.of(y).map_or_else(|| vec![R::ZERO; k * y.value().len()], <[R]>::to_vec),
        vjp: each.clone().map(|leaf| first.of(leaf).map_or_else(|| zeros(leaf), <[R]>::to_vec)).collect(),
        hvp: each.map(|leaf| second.tangent_of(leaf).map_or_else(|| zeros(leaf), <[R]>::to_vec)).collect(),
    })
}

/// One direction, on a tape of duals.
struct OnDuals<F> {
    values: Vec<Vec<F>>,
    jvp: Vec<F>,
    vjp: Vec<F>,
    hvp: Vec<F>,
}

fn on_duals<F: Float>(
    program: &impl Program,
    inputs: &[Input],
    x: &[Vec<F>],
    x_dot: &[F],
    y_bar: &[F],
) -> Result<OnDuals<F>> {
    let mut tangents = x_dot.iter();
    let x: Vec<Vec<Dual<'_, F>>> =
        x.iter().map(|x| x.iter().zip(&mut tangents).map(|(&re, &eps)| Dual::new(re, eps)).collect()).collect();
    let y_bar: Vec<Dual<'_, F>> = y_bar.iter().map(|&y_bar| Dual::constant(y_bar)).collect();
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape();
    let leaves = leaves(tape, inputs, &x)?;
    let y = program.record(tape, &leaves)?;
    let mut sink = Gradient::new();
    pullback(y, &y_bar, 1, &mut sink, &mut pool)?;
    let cotangents: Vec<Dual<'_, F>> = (0..leaves.len())
        .flat_map(|leaf| sink.of(leaf).map_or_else(|| vec![Dual::ZERO; x[leaf].len()], <[Dual<'_, F>]>::to_vec))
        .collect();
    let re = |duals: &[Dual<'_, F>]| duals.iter().map(|x| x.re).collect::<Vec<F>>();
    let eps = |duals: &[Dual<'_, F>]| duals.iter().map(|x| x.eps).collect::<Vec<F>>();
    Ok(OnDuals {
        values: (0..tape.len() as u32).map(|id| re(tape.node(id).value)).collect(),
        jvp: eps(y.value()),
        vjp: re(&cotangents),
        hvp: eps(&cotangents),
    })
}

struct Differences {
    jvp: Vec<f64>,
    hvp: Vec<f64>,
}

/// Five-point differences of the value and of the pullback of the first cotangent, along the first direction; `None`
/// where a kink or a number that is not finite lies inside the stencil.
fn differences<F: Float>(
    program: &impl Program,
    inputs: &[Input],
    x: &[Vec<F>],
    x_dot: &[Vec<F>],
    y_bar: &[F],
    h: f64,
) -> Result<Option<Differences>> {
    let y_bar: Vec<f64> = y_bar.iter().map(|x| x.to_f64()).collect();
    let mut points = Vec::new();
    let mut ranges = Ranges::default();
    for t in STENCIL.into_iter().chain([0.0]) {
        let moved = |(x, x_dot): (&Vec<F>, &Vec<F>)| -> Vec<f64> {
            x.iter().zip(x_dot).map(|(x, x_dot)| x.to_f64() + t * h * x_dot.to_f64()).collect()
        };
        let x: Vec<Vec<f64>> = x.iter().zip(x_dot).map(moved).collect();
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let tape = arena.tape();
        let leaves = leaves(tape, inputs, &x)?;
        let y = program.record(tape, &leaves)?;
        let mut sink = Gradient::new();
        pullback(y, &y_bar[..y.value().len()], 1, &mut sink, &mut pool)?;
        let zeros = |leaf: usize| vec![0.0; x[leaf].len()];
        let gradient: Vec<f64> =
            (0..leaves.len()).flat_map(|leaf| sink.of(leaf).map_or_else(|| zeros(leaf), <[f64]>::to_vec)).collect();
        ranges.widen(tape);
        points.push((y.value().to_vec(), gradient));
    }
    let finite = points.iter().all(|(y, gradient)| y.iter().chain(gradient).all(|x| x.is_finite()));
    if !finite || ranges.crossed {
        return Ok(None);
    }
    let at = |of: &dyn Fn(usize) -> f64| five_point([of(0), of(1), of(2), of(3)], h);
    Ok(Some(Differences {
        jvp: (0..points[0].0.len()).map(|i| at(&|p| points[p].0[i])).collect(),
        hvp: (0..points[0].1.len()).map(|i| at(&|p| points[p].1[i])).collect(),
    }))
}

/// Over the points of a stencil, the ranges of every operand of an op that has kinks, and what maxima chose.
#[derive(Default)]
pub(super) struct Ranges {
    low: Vec<f64>,
    high: Vec<f64>,
    choices: Option<Vec<u32>>,
    pub(super) crossed: bool,
}

impl Ranges {
    /// The range of the operand number `at`, with `x` in it.
    fn range(&mut self, at: &mut usize, x: f64) -> (f64, f64) {
        if *at == self.low.len() {
            self.low.push(x);
            self.high.push(x);
        }
        (self.low[*at], self.high[*at]) = (self.low[*at].min(x), self.high[*at].max(x));
        *at += 1;
        (self.low[*at - 1], self.high[*at - 1])
    }

    pub(super) fn widen(&mut self, tape: &Tape<'_, f64>) {
        let (mut at, mut choices) = (0, Vec::new());
        for node in (0..tape.len() as u32).map(|id| tape.node(id)) {
            match node.op {
                Op::Elementwise(op) => {
                    for &x in tape.node(node.inputs[0]).value {
                        let (low, high) = self.range(&mut at, x);
                        self.crossed |= op.kinks().iter().any(|&kink| low <= kink && kink <= high);
                    }
                }
                Op::Pairwise(op) => {
                    let [a, b] = [0, 1].map(|i| tape.node(node.inputs[i]).value);
                    for (&a, &b) in a.iter().zip(b) {
                        let moved = [a, b].map(|x| self.range(&mut at, x)).map(|(low, high)| high - low);
                        self.crossed |= op.clearance(a, b) <= moved[0] + moved[1];
                    }
                }
                Op::Linear(LinearOp::MaxPool(op)) => choices.extend_from_slice(op.choice.indices),
                Op::Constant | Op::Leaf(_) | Op::Linear(_) | Op::Bilinear(_) | Op::Custom(_) => {}
            }
        }
        self.crossed |= *self.choices.get_or_insert_with(|| choices.clone()) != choices;
    }
}

fn narrow<R: Real>(inputs: &[Input]) -> Vec<Vec<R>> {
    inputs.iter().map(|input| input.value.iter().map(|&x| R::from_f64(x)).collect()).collect()
}

pub(super) fn leaves<'a, R: Real>(
    tape: &'a Tape<'a, R>,
    inputs: &[Input],
    values: &'a [Vec<R>],
) -> Result<Vec<Var<'a, R>>> {
    inputs.iter().zip(values).map(|(input, value)| tape.leaf(value, &input.shape)).collect()
}

/// How many numbers the output has.
fn value<R: Real>(program: &impl Program, inputs: &[Input], x: &[Vec<R>]) -> Result<usize> {
    let mut arena = Arena::new();
    let tape = arena.tape();
    let leaves = leaves(tape, inputs, x)?;
    Ok(program.record(tape, &leaves)?.value().len())
}

/// Directions `first..first + k` of a block.
fn slice<R: Copy>(block: &[R], len: usize, first: usize, k: usize) -> Vec<R> {
    block[first * len..(first + k) * len].to_vec()
}
