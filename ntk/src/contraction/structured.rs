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
//! several times contributes for every pair of uses, and of positions.
//!
//! Where positions are many, a sample's gradient is less work than its pairs of positions: [`super::forms`] decides for each
//! parameter. Such gradients lie side by side, `[K, n, numbers]`, and end in one product of theirs.
//!
//! Three things are known of cotangents, and used: above the last activation they are the same for every sample, so
//! `Z Z'^T` is one number a pair of directions; below it they are that times a slope, so a sum over directions is one product
//! and not K; and behind a relu a sample's directions share their zeros.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use autodiff::kernel::gemm::{Accumulate, View};
use autodiff::kernel::grouped::{self, Panels};
use autodiff::sweep::{Factors, Keep, Shared, pullback_shared};
use autodiff::{Arena, Float, Node, Op, Real, Samples};

use super::couple::Rows;
use super::doubt::{self, Widened};
use super::kept::{Bars, Kept, Meets, Slab, Use};
use super::tile::{Contractor, Hadamard, Scratch, TileShape, Worker, blocks};
use super::{Outputs, Plan, Problem, Side};
use crate::array::Array;
use crate::error::{Error, Result};
use crate::network::{Network, record};

/// The contraction from factors, and from gradients where those are less work.
pub(crate) struct Structured<'p, N, R> {
    problem: &'p Problem<'p, N, R>,
    /// What is kept of each parameter.
    keep: &'p [Keep],
    /// Samples recorded at once.
    chunk: usize,
    /// Weights in `f64`, where samples in doubt are taken in it.
    widened: Option<Widened>,
}

impl<'p, N, R> Structured<'p, N, R> {
    /// Of this problem, as the plan has it.
    pub(crate) fn new(problem: &'p Problem<'p, N, R>, plan: &'p Plan) -> Self {
        Self { problem, keep: &plan.keep, chunk: plan.chunk, widened: plan.resolves.then(Widened::default) }
    }
}

/// What is kept of a block of samples, as tiles want it.
pub(crate) struct Block<R> {
    samples: usize,
    inputs: Vec<Slab<R>>,
    cotangents: Vec<Cotangent<R>>,
    uses: Vec<Use>,
    gradients: Slab<R>,
    slopes: Vec<(Vec<R>, Slab<R>)>,
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
    fn new(bars: Bars<R>, Meets { fan_out, several }: Meets, samples: usize, outputs: Outputs) -> Self {
        let (directions, numbers) = match bars {
            Bars::Shared { seed, slope: None, .. } if !several => return Self { fan_out, bar: Bar::Constant(seed) },
            // The sum over directions of `c_k o s` with `c_k o s'` is that of one direction, `sqrt(sum of c_k^2) o s`.
            Bars::Shared { seed, slope: Some(mut slope), .. } if !several && outputs.sums() => {
                let weight = root_of_squares(&seed, fan_out);
                slope
                    .numbers
                    .chunks_exact_mut(fan_out.max(1))
                    .for_each(|s| s.iter_mut().zip(&weight).for_each(|(s, &w)| *s *= w));
                return Self { fan_out, bar: Bar::Rows { directions: 1, numbers: slope.numbers } };
            }
            Bars::Each(slab) => (slab.lead, slab.numbers),
            Bars::Shared { seed, directions, slope } => {
                let shared = Shared { directions, seed, slope: slope.map(|slope| slope.numbers) };
                let mut rows = vec![R::ZERO; shared.seed.len() * samples];
                shared.write(&mut rows);
                (directions, rows)
            }
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

/// `sqrt(sum over k of c_k^2)` for each column of `c: [K, fan_out]`.
fn root_of_squares<R: Float>(c: &[R], fan_out: usize) -> Vec<R> {
    let mut weight = vec![R::ZERO; fan_out];
    c.chunks_exact(fan_out.max(1)).for_each(|c| weight.iter_mut().zip(c).for_each(|(w, &c)| *w += c * c));
    weight.iter_mut().for_each(|w| *w = Real::sqrt(*w));
    weight
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
        let directions = problem.directions();
        let lengths: Vec<usize> = problem.parameters.iter().map(Array::len).collect();
        problem.outputs.seeds(1, problem.width, &mut worker.seeds);
        let mut kept = None;
        for chunk in blocks(samples.len(), self.chunk) {
            let which = samples.start + chunk.start..samples.start + chunk.end;
            let x = rows(problem.side(side), &which);
            let f = record(&mut worker.arena, problem.network, problem.parameters, x)?;
            finite(f, which.start)?;
            let mut factors = Factors::keeping(self.keep.to_vec(), lengths.clone());
            pullback_shared(f, &worker.seeds, directions, &mut factors, &mut worker.pool)?;
            let mut piece = Kept::of(factors)?;
            if let Some(widened) = &self.widened
                && let Some((doubtful, resolved)) = doubt::resolve(problem, self.keep, f, x, widened)?
            {
                piece.overlay(&doubtful, resolved);
            }
            Kept::join(&mut kept, piece, chunk.start, samples.len());
        }
        let kept = kept.ok_or_else(|| Error::Bug("a block without samples".into()))?;
        Ok(Block::new(kept, problem.outputs))
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
        if rows.gradients.width > 0 {
            let [left, right] = [rows, columns].map(|of| of.gradients());
            self.problem.couple(left, right, same, &mut scratch.sum);
            first = false;
        }
        for (left, right) in rows.slopes.iter().zip(&columns.slopes) {
            self.slopes_product(shape, left, right, first, scratch);
            first = false;
        }
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
            let x = View::new(&rows.inputs[x].numbers, rows.samples, fan_in);
            let x2 = View::new(&columns.inputs[x2].numbers, columns.samples, fan_in);
            R::gemm(g, accumulate, factor, x, x2.t());
            accumulate = Accumulate::Add;
        }
        if term.inputs.is_empty() {
            g.fill(R::ZERO);
        }
        R::from_f64(term.constant)
    }

    /// Adds `sum over u of c[a, u] c[b, u] (H_u H'_u^T)`, H the gradients of slopes: see [`super::forms`].
    fn slopes_product(
        &self,
        shape: &TileShape,
        (c, left): &(Vec<R>, Slab<R>),
        (_, right): &(Vec<R>, Slab<R>),
        first: bool,
        scratch: &mut Scratch<R>,
    ) {
        let Scratch { sum, inputs, .. } = scratch;
        let (fan_out, TileShape { left: many, rows, right: others, columns }) = (left.lead, *shape);
        if first {
            sum.fill(R::ZERO);
        }
        inputs.resize(rows * columns, R::ZERO);
        let row = |slab: &Slab<R>, u: usize, samples: usize| {
            let len = samples * slab.width;
            u * len..(u + 1) * len
        };
        for u in 0..fan_out {
            let h = View::new(&left.numbers[row(left, u, rows)], rows, left.width);
            let h2 = View::new(&right.numbers[row(right, u, columns)], columns, right.width);
            let weight = |a: usize, b: usize| c[a * fan_out + u] * c[b * fan_out + u];
            if self.problem.outputs.sums() {
                let weight: f64 = (0..c.len() / fan_out).map(|a| weight(a, a).to_f64()).sum();
                R::gemm(sum, Accumulate::Add, weight * self.problem.scale(), h, h2.t());
                continue;
            }
            R::gemm(inputs, Accumulate::Replace, 1.0, h, h2.t());
            for (a, b) in (0..many).flat_map(|a| (0..others).map(move |b| (a, b))) {
                let weight = weight(a, if self.problem.outputs == Outputs::Full { b } else { a });
                for (row, g) in inputs.chunks_exact(columns.max(1)).enumerate() {
                    let sum = &mut sum[((a * rows + row) * others + b) * columns..][..columns];
                    sum.iter_mut().zip(g).for_each(|(sum, &g)| *sum += weight * g);
                }
            }
        }
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

impl<R: Float> Block<R> {
    fn new(kept: Kept<R>, outputs: Outputs) -> Self {
        let Kept { samples, inputs, cotangents, gradients, slopes, uses } = kept;
        let cotangent = |(bars, meets)| Cotangent::new(bars, meets, samples, outputs);
        let cotangents = cotangents.into_iter().map(cotangent).collect();
        Self { samples, inputs, cotangents, uses, gradients, slopes }
    }

    /// The gradients as rows.
    fn gradients(&self) -> Rows<'_, R> {
        let Slab { lead, width, numbers } = &self.gradients;
        Rows { directions: *lead, samples: self.samples, numbers, width: *width }
    }
}

/// The pairs of uses of two blocks, by the product of cotangents that they share.
fn terms<R>(rows: &Block<R>, columns: &Block<R>) -> Result<Vec<Term>> {
    let (mut terms, mut places): (Vec<Term>, HashMap<(usize, usize), usize>) = (Vec::new(), HashMap::new());
    let two_kinds =
        |u: &Use| Err(Error::Bug(format!("parameter {} is used in two layouts, and its factors were kept", u.leaf)));
    for (u, v) in rows.uses.iter().flat_map(|u| columns.uses.iter().map(move |v| (u, v))) {
        if u.leaf != v.leaf {
            continue;
        }
        if u.transposed != v.transposed {
            return two_kinds(u);
        }
        let cotangents = (u.cotangent, v.cotangent);
        let at = *places.entry(cotangents).or_insert_with(|| {
            terms.push(Term { cotangents, inputs: Vec::new(), constant: 0.0 });
            terms.len() - 1
        });
        let factor = u.coefficient * v.coefficient;
        match (u.input, v.input) {
            (Some(x), Some(x2)) => terms[at].inputs.push((x, x2, u.fan_in, factor)),
            (None, None) => terms[at].constant += factor,
            _ => return two_kinds(u),
        }
    }
    Ok(terms)
}
