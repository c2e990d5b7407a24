//! Tiles from factors.
//!
//! Where a parameter W is used as `y = alpha x W`, a sample's gradient of direction a is `alpha x^T z_a`, z_a the
//! cotangent of y. So two samples' gradients have the product
//!
//! ```text
//! <alpha x^T z_a, alpha x'^T z'_b> = alpha^2 (x . x') (z_a . z'_b),
//! ```
//!
//! and a tile of the kernel is `sum over uses (alpha^2 X X'^T) o (Z Z'^T)`. A bias has `x = 1`. It shares the cotangent
//! of the weights beside it, so it costs an addition: `(alpha^2 X X'^T + beta^2) o (Z Z'^T)`. A parameter that is used
//! several times contributes for every pair of uses.
//!
//! Three things are known of cotangents, and used: above the last activation they are the same for every sample, so
//! `Z Z'^T` is one number a pair of directions; below it they are that times a slope, so a sum over directions is one product
//! and not K; and behind a relu a sample's directions share their zeros.

use std::borrow::Cow;
use std::ops::Range;

use autodiff::kernel::gemm::{Accumulate, View};
use autodiff::kernel::grouped::{self, Panels};
use autodiff::sweep::{Factors, Shared, pullback_shared, sink};
use autodiff::{Arena, Float, Node, Op, Real, Samples};

use super::couple::Rows;
use super::doubt::{Resolved, Widened};
use super::tile::{Contractor, Hadamard, Scratch, TileShape, Worker};
use super::{Outputs, Problem, Side};
use crate::array::Array;
use crate::error::{Error, Result};
use crate::network::{Network, record};

/// The contraction from factors.
pub(crate) struct Structured<'p, N, R> {
    problem: &'p Problem<'p, N, R>,
    /// Weights in `f64`, where samples in doubt are taken in it.
    widened: Option<Widened>,
}

impl<'p, N, R> Structured<'p, N, R> {
    /// Of this problem; `resolves` as the plan has it.
    pub(crate) fn new(problem: &'p Problem<'p, N, R>, resolves: bool) -> Self {
        Self { problem, widened: resolves.then(Widened::default) }
    }
}

/// What is kept of a block of samples.
pub(crate) struct Block<R> {
    samples: usize,
    inputs: Vec<Vec<R>>,
    cotangents: Vec<Cotangent<R>>,
    uses: Vec<Use>,
}

struct Cotangent<R> {
    fan_out: usize,
    bar: Bar<R>,
}

/// The numbers of a cotangent.
enum Bar<R> {
    /// `[directions, fan_out]`, the same for every sample: above the last activation.
    Constant(Vec<R>),
    /// `[directions, samples, fan_out]`
    Rows { directions: usize, numbers: Vec<R> },
    /// Packed by samples, whose directions share the zeros of a relu.
    Panels(Panels<R>),
}

impl<R: Float> Cotangent<R> {
    /// In the form that the tiles of `outputs` want; plain rows where several uses of a parameter are to meet.
    fn new(
        bar: sink::Bar<R>,
        fan_out: usize,
        samples: usize,
        directions: usize,
        outputs: Outputs,
        plain: bool,
    ) -> Self {
        let numbers = match bar {
            sink::Bar::Shared(Shared { seed, slope: None, .. }) if !plain => {
                return Self { fan_out, bar: Bar::Constant(seed) };
            }
            // The sum over directions of `c_k o s` with `c_k o s'` is that of one direction, `sqrt(sum of c_k^2) o s`.
            sink::Bar::Shared(Shared { seed, slope: Some(mut slope), .. }) if !plain && outputs.sums() => {
                let mut weight = vec![R::ZERO; fan_out];
                seed.chunks_exact(fan_out.max(1))
                    .for_each(|c| weight.iter_mut().zip(c).for_each(|(w, &c)| *w += c * c));
                weight.iter_mut().for_each(|w| *w = Real::sqrt(*w));
                slope
                    .chunks_exact_mut(fan_out.max(1))
                    .for_each(|s| s.iter_mut().zip(&weight).for_each(|(s, &w)| *s *= w));
                return Self { fan_out, bar: Bar::Rows { directions: 1, numbers: slope } };
            }
            sink::Bar::Each(rows) => rows,
            shared @ sink::Bar::Shared(_) => shared.rows(samples).into_owned(),
        };
        let rows = grouped::Rows { numbers: &numbers, members: directions, groups: samples, width: fan_out };
        // Only there does every direction of a sample meet every other.
        let packed = if outputs == Outputs::Full { Panels::pack(rows) } else { None };
        Self { fan_out, bar: packed.map_or(Bar::Rows { directions, numbers }, Bar::Panels) }
    }

    /// The rows, and how many directions they have.
    fn rows(&self, directions: usize) -> (usize, Cow<'_, [R]>) {
        match &self.bar {
            Bar::Rows { directions, numbers } => (*directions, Cow::Borrowed(numbers)),
            Bar::Panels(panels) => (directions, Cow::Owned(panels.unpack())),
            Bar::Constant(_) => unreachable!("one parameter's only use has one form in all blocks"),
        }
    }
}

/// One use of one parameter.
struct Use {
    leaf: usize,
    /// Among the block's inputs; none for a bias.
    input: Option<usize>,
    fan_in: usize,
    coefficient: f64,
    transposed: bool,
    cotangent: usize,
}

/// The uses that share one product of cotangents.
struct Term {
    cotangents: (usize, usize),
    /// Pairs of inputs, their width, and the factor of their product.
    inputs: Vec<(usize, usize, usize, f64)>,
    /// The biases' part.
    constant: f64,
}

/// Records two samples, so that what mixes samples is found where every block holds one or nothing asks for the rows of
/// a block.
pub(crate) fn prove<N: Network, R: Float>(problem: &Problem<'_, N, R>) -> Result<()> {
    let one = &problem.x1.data[..problem.x1.row_len()];
    let twice = [one, one].concat();
    let mut arena = Arena::new();
    let f = record(&mut arena, problem.network, problem.parameters, &twice)?;
    match f.samples() {
        Samples::Mixed(node) => Err(autodiff::Error::MixesSamples { op: f.tape().node(node).op.name(), node }.into()),
        _ => Ok(()),
    }
}

impl<N: Network, R: Float> Contractor<R> for Structured<'_, N, R> {
    type Block = Block<R>;

    fn block(&self, side: Side, samples: Range<usize>, worker: &mut Worker<R>) -> Result<Block<R>> {
        let problem = self.problem;
        let x = rows(problem.side(side), &samples);
        let f = record(&mut worker.arena, problem.network, problem.parameters, x)?;
        finite(f, samples.start)?;
        let directions = problem.directions();
        problem.outputs.seeds(1, problem.width, &mut worker.seeds);
        let mut factors = Factors::default();
        pullback_shared(f, &worker.seeds, directions, &mut factors, &mut worker.pool)?;
        let resolved = match &self.widened {
            Some(widened) => Resolved::of(problem, f, x, widened)?,
            None => None,
        };
        keep(factors, problem.outputs, resolved)
    }

    fn release(&self) {
        self.widened.iter().for_each(Widened::release);
    }

    fn tile(
        &self,
        rows: &Block<R>,
        columns: &Block<R>,
        same: bool,
        shape: &TileShape,
        scratch: &mut Scratch<R>,
    ) -> Result<()> {
        let mut first = true;
        for term in terms(rows, columns)? {
            let Scratch { sum, cotangents, inputs, .. } = scratch;
            inputs.resize(shape.rows * shape.columns, R::ZERO);
            let constant = self.input_product(rows, columns, &term, inputs);
            let (z, z2) = (&rows.cotangents[term.cotangents.0], &columns.cotangents[term.cotangents.1]);
            if let (Bar::Constant(c), Bar::Constant(_)) = (&z.bar, &z2.bar) {
                self.constants_product(shape, inputs, constant, c, z.fan_out, first, sum);
            } else {
                cotangents.resize(shape.len(), R::ZERO);
                let same = same && term.cotangents.0 == term.cotangents.1;
                if let (Bar::Panels(z), Bar::Panels(z2)) = (&z.bar, &z2.bar) {
                    Panels::gram(z, z2, same, cotangents);
                } else {
                    let ((d, z_rows), (d2, z2_rows)) =
                        (z.rows(self.problem.directions()), z2.rows(self.problem.directions()));
                    let left = Rows { directions: d, samples: rows.samples, numbers: &z_rows, width: z.fan_out };
                    let right = Rows { directions: d2, samples: columns.samples, numbers: &z2_rows, width: z2.fan_out };
                    self.problem.couple(left, right, same, cotangents);
                }
                R::vectorize(Hadamard { first, shape: *shape, inputs, constant, cotangents, sum });
            }
            first = false;
        }
        if first {
            scratch.sum.fill(R::ZERO);
        }
        Ok(())
    }
}

impl<N: Network, R: Float> Structured<'_, N, R> {
    /// `g = sum over the term's uses of alpha alpha' X X'^T`; the constant to add to it.
    fn input_product(&self, rows: &Block<R>, columns: &Block<R>, term: &Term, g: &mut [R]) -> R {
        let mut accumulate = Accumulate::Replace;
        for &(x, x2, fan_in, factor) in &term.inputs {
            let x = View::new(&rows.inputs[x], rows.samples, fan_in);
            let x2 = View::new(&columns.inputs[x2], columns.samples, fan_in);
            R::gemm(g, accumulate, factor, x, x2.t());
            accumulate = Accumulate::Add;
        }
        if term.inputs.is_empty() {
            g.fill(R::ZERO);
        }
        R::from_f64(term.constant)
    }

    /// A term whose cotangents c are the same for every sample: `Z Z'^T` is one number for each pair of directions.
    #[expect(clippy::too_many_arguments, reason = "two factors of a term, and where it goes")]
    fn constants_product(
        &self,
        shape: &TileShape,
        g: &[R],
        constant: R,
        c: &[R],
        fan_out: usize,
        first: bool,
        sum: &mut [R],
    ) {
        if first {
            sum.fill(R::ZERO);
        }
        let TileShape { left, rows, right, columns } = *shape;
        let of = |a: usize| &c[a * fan_out..][..fan_out];
        let dot = |a: usize, b: usize| of(a).iter().zip(of(b)).fold(R::ZERO, |sum, (&x, &y)| sum + x * y);
        let summed =
            || (0..c.len() / fan_out.max(1)).fold(R::ZERO, |sum, a| sum + dot(a, a)).scale(self.problem.scale());
        for (a, b) in (0..left).flat_map(|a| (0..right).map(move |b| (a, b))) {
            let weight = match self.problem.outputs {
                Outputs::Full => dot(a, b),
                Outputs::Diagonal => dot(a, a),
                Outputs::Trace | Outputs::SumTrace | Outputs::SumOfLogits => summed(),
            };
            if weight == R::ZERO {
                continue;
            }
            for (row, g) in g.chunks_exact(columns.max(1)).enumerate() {
                let sum = &mut sum[((a * rows + row) * right + b) * columns..][..columns];
                sum.iter_mut().zip(g).for_each(|(sum, &g)| *sum += weight * (g + constant));
            }
        }
    }
}

/// The rows of a range of samples.
pub(crate) fn rows<'x, R>(x: &'x Array<R>, samples: &Range<usize>) -> &'x [R] {
    let len = x.row_len();
    &x.data[samples.start * len..samples.end * len]
}

/// Refuses outputs that are not finite, and names the op and the sample where that began.
pub(crate) fn finite<R: Float>(f: autodiff::Var<'_, R>, first_sample: usize) -> Result<()> {
    let bad = |node: &Node<'_, R>| node.value.iter().position(|y| !Float::is_finite(*y));
    if bad(&f.node()).is_none() {
        return Ok(());
    }
    let (tape, samples) = (f.tape(), f.shape()[0].max(1));
    let begins = (0..tape.len() as u32)
        .map(|id| (id, tape.node(id)))
        .filter(|(_, node)| !matches!(node.op, Op::Leaf(_) | Op::Constant))
        .find_map(|(id, node)| Some((id, node, bad(&node)?)));
    let place = begins.map_or_else(String::new, |(id, node, at)| {
        let mut place = format!("op {id} ({})", node.op.name());
        if let Samples::Axis { axis: 0, .. } = node.samples {
            place += &format!(" of sample {}", first_sample + at / (node.value.len() / samples).max(1));
        }
        // What was given is not an op's fault.
        for operand in node.inputs.iter().map(|&input| tape.node(input)) {
            match (operand.op, bad(&operand)) {
                (Op::Leaf(leaf), Some(at)) => place += &format!(", as entry {at} of parameter {leaf} is not"),
                (Op::Constant, Some(_)) => place += ", as an input is not",
                _ => {}
            }
        }
        place
    });
    Err(Error::Overflow { what: "an activation", place })
}

/// Copies what the tape holds, takes what the sweep leaves.
fn keep<R: Float>(mut factors: Factors<'_, R>, outputs: Outputs, resolved: Option<Resolved>) -> Result<Block<R>> {
    let mut kept: Vec<*const R> = Vec::new();
    let mut block = Block { samples: factors.samples, inputs: Vec::new(), cotangents: Vec::new(), uses: Vec::new() };
    for (which, factor) in factors.factors.iter().enumerate() {
        if factor.positions != 1 {
            return Err(Error::usage(
                format!(
                    "parameter {} is shared by {} positions of a sample, which the structured contraction cannot use",
                    factor.leaf, factor.positions
                ),
                "use --method jacobian or products",
            ));
        }
        let input = factor.input.map(|input| {
            // Two uses of one activation keep one copy.
            kept.iter().position(|&other| other == input.as_ptr()).unwrap_or_else(|| {
                kept.push(input.as_ptr());
                let mut input = input.to_vec();
                resolved.iter().for_each(|resolved| resolved.input(which, &mut input, factors.samples));
                block.inputs.push(input);
                kept.len() - 1
            })
        });
        let cotangent = factors.cotangents.iter().position(|cotangent| cotangent.origin == factor.origin);
        block.uses.push(Use {
            leaf: factor.leaf,
            input,
            fan_in: factor.fan_in,
            coefficient: factor.coefficient,
            transposed: factor.transposed,
            cotangent: cotangent.ok_or_else(|| Error::Bug("a factor without its cotangent".into()))?,
        });
    }
    let (samples, directions) = (factors.samples, factors.directions);
    for (which, sink::Cotangent { origin, mut bar }) in std::mem::take(&mut factors.cotangents).into_iter().enumerate()
    {
        resolved.iter().for_each(|resolved| resolved.cotangent(which, &mut bar, samples, directions));
        let uses = || factors.factors.iter().filter(|f| f.origin == origin);
        let fan_out = uses().next().map_or(0, |f| f.fan_out);
        let plain = uses().any(|f| factors.factors.iter().filter(|g| g.leaf == f.leaf).count() > 1);
        block.cotangents.push(Cotangent::new(bar, fan_out, samples, directions, outputs, plain));
    }
    Ok(block)
}

/// The pairs of uses of two blocks, by the product of cotangents that they share.
fn terms<R>(rows: &Block<R>, columns: &Block<R>) -> Result<Vec<Term>> {
    let mut terms: Vec<Term> = Vec::new();
    let two_kinds = |u: &Use, how| {
        let remedy = "use --method jacobian or products";
        Err(Error::usage(format!("parameter {} is {how}, which the structured contraction cannot use", u.leaf), remedy))
    };
    for (u, v) in rows.uses.iter().flat_map(|u| columns.uses.iter().map(move |v| (u, v))) {
        if u.leaf != v.leaf {
            continue;
        }
        if u.transposed != v.transposed {
            return two_kinds(u, "used plainly in one place and transposed in another");
        }
        let cotangents = (u.cotangent, v.cotangent);
        let at = terms.iter().position(|term| term.cotangents == cotangents).unwrap_or_else(|| {
            terms.push(Term { cotangents, inputs: Vec::new(), constant: 0.0 });
            terms.len() - 1
        });
        let factor = u.coefficient * v.coefficient;
        match (u.input, v.input) {
            (Some(x), Some(x2)) => terms[at].inputs.push((x, x2, u.fan_in, factor)),
            (None, None) => terms[at].constant += factor,
            _ => return two_kinds(u, "multiplied in one place and added in another"),
        }
    }
    Ok(terms)
}
