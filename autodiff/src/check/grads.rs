//! A user's function against the laws, at one point.

use super::program::Ranges;
use super::{Broken, Checked, Law, STENCIL, Witness, five_point, largest};
use crate::error::{Error, Result};
use crate::sweep::{Gradient, Pool, pullback, pullback_tangent, pushforward};
use crate::tape::{Arena, Var};
use crate::tensor::Tensor;
use crate::verb::{self, Inputs};

/// How far derivatives are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Tangents against differences, cotangents against tangents.
    First,
    /// And tangents of cotangents against differences of cotangents.
    Second,
}

/// Step of the differences, relative to numbers of size 1: see [`Bounds::of`](super::Bounds::of).
const STEP: f64 = 1e-4;

/// Up to so many numbers each derivative by one of them is compared, beyond that sums of all.
const ONE_BY_ONE: usize = 256;

/// Checks the derivatives of a function at `primals`, with directions of its own.
///
/// The tangent along a direction is a five-point difference of the value; the cotangent of every number of the primals is
/// what its own tangent makes of the value's cotangent; the tangent of a cotangent is a difference of cotangents. So a
/// rule that a user states ([`Custom`](crate::custom::Custom)) is held to laws that were not used to derive it.
///
/// A difference of a smooth function is good to about 1e-11 of the numbers that go into it, one of a difference to 1e-8; a
/// tolerance of 1e-8 leaves room, and still finds a slope that is wrong by one part in ten million.
///
/// # At kinks
/// No difference is taken across a kink of an op of the closed set; the answer then says so. The inside of a custom op
/// or a checkpoint is not seen: choose a point away from its kinks.
///
/// ```
/// use autodiff::Tensor;
/// use autodiff::check::{Order, check_grads};
///
/// let at = [Tensor::vector([0.3, -1.2]), Tensor::scalar(0.7)];
/// let checked = check_grads(|x| Ok(x[0].sin().sum().times(x[1])?.tanh()), &at, Order::Second, 1e-8).unwrap();
/// assert!(checked.differences);
/// ```
///
/// # Cost
/// Some ten evaluations and sweeps, and a pushforward for each number of the primals (up to 256).
///
/// # Errors
/// The first law that does not hold, with the entry. What the function refuses breaks the law of refusal.
pub fn check_grads<'d>(
    f: impl for<'a> Fn(Inputs<'a, 'd, f64>) -> Result<Var<'a, f64>>,
    primals: &[Tensor<f64>],
    order: Order,
    tolerance: f64,
) -> std::result::Result<Checked, Broken> {
    let mut seeds = Weyl(0.0);
    let along: Vec<Tensor<f64>> = primals.iter().map(|x| filled(x.shape(), |_| seeds.number())).collect();
    let place = String::new;
    let law = |law| Witness { law, op: "function", place: &place };
    let mut ranges = Ranges::default();
    let first = order == Order::First;
    let here = sweep(&f, primals, &along, None, &mut seeds, first, &mut ranges).map_err(refused)?;
    if let Some(entry) = here.y.iter().position(|y| !y.is_finite()) {
        let place = &format!("value, entry {entry}");
        return Err(law(Law::Primal).broken(place, here.y[entry], "a finite number"));
    }

    // Differences along the direction.
    let mut points = Vec::new();
    for t in STENCIL {
        let moved: Vec<Tensor<f64>> = primals
            .iter()
            .zip(&along)
            .map(|(x, v)| filled(x.shape(), |i| x.numbers()[i] + t * STEP * v.numbers()[i]))
            .collect();
        points.push(sweep(&f, &moved, &along, Some(&here.y_bar), &mut seeds, true, &mut ranges).map_err(refused)?);
    }
    let smooth = !ranges.crossed && points.iter().all(|at| at.y.iter().chain(&at.bars).all(|x| x.is_finite()));
    let difference = |of: &dyn Fn(&Swept) -> f64| five_point([0, 1, 2, 3].map(|p| of(&points[p])), STEP);
    if smooth {
        let expected: Vec<f64> = (0..here.y.len()).map(|i| difference(&|at| at.y[i])).collect();
        let scale = largest(&here.y).max(largest(&expected));
        let place = || "tangent of the value".to_owned();
        Witness { law: Law::Slope, op: "function", place: &place }.all_within(
            &here.y_dot,
            &expected,
            tolerance * scale,
        )?;
    }

    // Cotangents: those of single numbers where they are few.
    let scale = largest(&here.bars).max(largest(&here.expected));
    if here.expected.is_empty() {
        let (above, below) = (product(&here.y_bar, &here.y_dot), product(&here.bars, &flat(&along)));
        let place = || "the sum of all cotangents times their tangents".to_owned();
        let size = here.bars.len() as f64;
        Witness { law: Law::Adjoint, op: "function", place: &place }.within(below, above, tolerance * scale * size)?;
    }
    named(primals, Law::Adjoint, "cotangent", &here.bars, &here.expected, tolerance * scale)?;

    // Tangents of cotangents.
    if !first && smooth {
        let expected: Vec<f64> = (0..here.bars.len()).map(|i| difference(&|at| at.bars[i])).collect();
        let scale = largest(&here.bars).max(largest(&expected));
        named(primals, Law::Curvature, "tangent of the cotangent", &here.bar_dots, &expected, tolerance * scale)?;
    }
    Ok(Checked { differences: smooth })
}

/// Compares numbers that belong to the primals, and names the primal and the entry.
fn named(
    primals: &[Tensor<f64>],
    law: Law,
    what: &str,
    found: &[f64],
    expected: &[f64],
    tolerance: f64,
) -> std::result::Result<(), Broken> {
    let mut rest = (found, expected);
    for (at, x) in primals.iter().enumerate().take(if expected.is_empty() { 0 } else { primals.len() }) {
        let len = x.numbers().len();
        let (mine, others) = (rest.0.split_at(len), rest.1.split_at(len));
        let place = || format!("{what} of primal {at}");
        Witness { law, op: "function", place: &place }.all_within(mine.0, others.0, tolerance)?;
        rest = (mine.1, others.1);
    }
    Ok(())
}

/// A refusal as a broken law: of second order if that was asked for and is not stated.
fn refused(error: Error) -> Broken {
    let law = if matches!(error, Error::SecondOrder { .. }) { Law::Curvature } else { Law::Refusal };
    let witness = Witness { law, op: "function", place: &String::new };
    witness.broken("recording and sweeping", format_args!("{error}"), format_args!("no refusal"))
}

/// What one point gives.
struct Swept {
    y: Vec<f64>,
    y_bar: Vec<f64>,
    y_dot: Vec<f64>,
    bars: Vec<f64>,
    bar_dots: Vec<f64>,
    /// The cotangents as the tangents of single numbers say; empty if there are too many.
    expected: Vec<f64>,
}

fn sweep<'d>(
    f: &impl for<'a> Fn(Inputs<'a, 'd, f64>) -> Result<Var<'a, f64>>,
    primals: &[Tensor<f64>],
    along: &[Tensor<f64>],
    y_bar: Option<&[f64]>,
    seeds: &mut Weyl,
    first: bool,
    ranges: &mut Ranges,
) -> Result<Swept> {
    let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
    let tape = arena.tape();
    let (inputs, output) = verb::record(tape, f, primals)?;
    ranges.widen(tape);
    let y = output.value().to_vec();
    let fresh = y_bar.is_none();
    let y_bar = y_bar.map_or_else(|| seeds.numbers(y.len()), <[f64]>::to_vec);
    let moving: Vec<_> = inputs.iter().zip(along).map(|(&x, v)| (x, v.numbers())).collect();
    let tangents = pushforward(tape, &moving, 1, &mut pool)?;
    let y_dot = tangents.of(output).map_or_else(|| vec![0.0; y.len()], <[f64]>::to_vec);
    let of = |sink: &Gradient<f64>, dots: bool| -> Vec<f64> {
        let one = |(leaf, x): (usize, &Var<'_, f64>)| {
            let held = if dots { sink.tangent_of(leaf) } else { sink.of(leaf) };
            held.map_or_else(|| vec![0.0; x.value().len()], <[f64]>::to_vec)
        };
        inputs.iter().enumerate().flat_map(one).collect()
    };
    pullback(output, &y_bar, 1, &mut sink, &mut pool)?;
    let bars = of(&sink, false);
    let mut bar_dots = Vec::new();
    if !first {
        pullback_tangent(output, &y_bar, &tangents, &mut sink, &mut pool)?;
        bar_dots = of(&sink, true);
    }
    let mut expected = Vec::new();
    if fresh && bars.len() <= ONE_BY_ONE {
        for &x in inputs {
            for at in 0..x.value().len() {
                let mut unit = vec![0.0; x.value().len()];
                unit[at] = 1.0;
                let tangents = pushforward(tape, &[(x, &unit)], 1, &mut pool)?;
                expected.push(tangents.of(output).map_or(0.0, |y_dot| product(&y_bar, y_dot)));
                tangents.release(&mut pool);
            }
        }
    }
    Ok(Swept { y, y_bar, y_dot, bars, bar_dots, expected })
}

fn filled(shape: &[usize], number: impl FnMut(usize) -> f64) -> Tensor<f64> {
    let numbers: Vec<f64> = (0..crate::shape::count(shape)).map(number).collect();
    Tensor::new(shape, numbers).expect("as many as the shape says")
}

fn flat(tensors: &[Tensor<f64>]) -> Vec<f64> {
    tensors.iter().flat_map(|t| t.numbers().iter().copied()).collect()
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Numbers in [-1, 1) that look random and are always the same: multiples of the golden ratio, less whole numbers.
struct Weyl(f64);

impl Weyl {
    fn number(&mut self) -> f64 {
        self.0 = (self.0 + 0.618_033_988_749_895).fract();
        2.0 * self.0 - 1.0
    }

    fn numbers(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.number()).collect()
    }
}
