//! Cotangents that are the same for every sample, but for a slope.
//!
//! A kernel pulls the same seeds back for every sample: for output a, the unit vector `e_a`. On their way down to the second
//! product of a network such cotangents keep the form
//!
//! ```text
//! y_bar[k, i, u] = c[k, u] s[i, u]            k a direction, i a sample, u an entry of the value
//! ```
//!
//! so the rule of a node acts on one factor, for all samples or for all directions at once:
//!
//! ```text
//! elementwise     s becomes f'(x) s           once, not for every direction
//! linear          c becomes A^T c             once, not for every sample; where s is 1
//! bilinear        c becomes B(., b)^T c       once, not for every sample; where s is 1 and b has no samples
//! ```
//!
//! Where no line applies (a product of slopes that differ from sample to sample, a value used twice) the cotangents are
//! written out, and the loop of [`mod@super::pullback`] goes on from there. A sink sees the factors: the kernel of a network's
//! last layers then costs as if it had one output.

use super::Pool;
use super::pullback::{Backward, Rule, Slot, pullback, with_sweep};
use super::sink::Sink;
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::op::bilinear::Sizes;
use crate::op::{Op, Samples};
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::{Node, Var};

/// Cotangents `y_bar[k, i, u] = c[k, u] s[i, u]`.
#[derive(Clone, Debug)]
pub struct Shared<R> {
    /// How many directions k there are.
    pub directions: usize,
    /// `c: [K, ..shape of a sample]`
    pub seed: Vec<R>,
    /// `s: [n, ..shape of a sample]`; none where it is 1.
    pub slope: Option<Vec<R>>,
}

impl<R: Real> Shared<R> {
    /// Writes them out.
    ///
    /// # Shape
    /// `out: [K, n, ..shape of a sample]`
    pub fn write(&self, out: &mut [R]) {
        let len = self.seed.len() / self.directions.max(1);
        let rows = out.len() / self.directions.max(1);
        if len == 0 || rows == 0 {
            return;
        }
        for (c, out) in self.seed.chunks_exact(len).zip(out.chunks_exact_mut(rows)) {
            for (i, out) in out.chunks_exact_mut(len).enumerate() {
                match &self.slope {
                    None => out.copy_from_slice(c),
                    Some(slope) => map::product(&slope[i * len..][..len], c, out),
                }
            }
        }
    }

    /// Whether every row of `fan_out` numbers of `c` is the same: the positions of a sample under an average, say.
    pub fn is_even(&self, fan_out: usize) -> bool {
        let per_direction = self.seed.len() / self.directions.max(1);
        fan_out > 0
            && per_direction > 0
            && self.seed.chunks_exact(per_direction).all(|c| c.chunks_exact(fan_out).all(|row| *row == c[..fan_out]))
    }

    pub(crate) fn release(self, pool: &mut Pool<R>) {
        pool.give(self.seed);
        self.slope.into_iter().for_each(|slope| pool.give(slope));
    }
}

/// Pulls `directions` cotangents of `output` back to the leaves, the same for every sample.
///
/// The result is that of [`pullback`](fn@pullback) with the seeds repeated for every sample, to rounding.
///
/// # Shape
/// `seed: [K, ..shape of a sample of output]`
///
/// # Cost
/// That of a pullback, less the factor K for the ops after the last product with samples' slopes behind it.
///
/// # Errors
/// [`Error::Length`] if the seed does not fit; what the sink refuses.
pub fn pullback_shared<'a, R: Real, S: Sink<'a, R>>(
    output: Var<'a, R>,
    seed: &[R],
    directions: usize,
    sink: &mut S,
    pool: &mut Pool<R>,
) -> Result<()> {
    let node = output.node();
    let samples = match leading(&node) {
        Some(group) => node.shape[0] / group,
        None => {
            sink.begin(output, directions)?;
            1
        }
    };
    let expected = directions * node.value.len().checked_div(samples).unwrap_or(0);
    if seed.len() != expected {
        return Err(Error::Length { what: "shared cotangents", shape: node.shape.into(), expected, found: seed.len() });
    }
    let mut c = pool.take(seed.len());
    c.copy_from_slice(seed);
    let shared = Shared { directions, seed: c, slope: None };
    if S::TAKES_SHARED && samples > 0 && leading(&node) == Some(1) && !node.inputs.is_empty() {
        return with_sweep(output, directions, None, sink, pool, |backward| backward.descend(output.id(), shared));
    }
    let mut written = pool.take(directions * node.value.len());
    shared.write(&mut written);
    let done = pullback(output, &written, directions, sink, pool);
    pool.give(written);
    shared.release(pool);
    done
}

/// Entries a sample along the first axis, if samples lie there.
fn leading<R>(node: &Node<'_, R>) -> Option<usize> {
    match node.samples {
        Samples::Axis { axis: 0, group } => Some(group as usize),
        _ => None,
    }
}

/// Sizes of one sample of a value.
fn one(shape: &[usize]) -> Shape {
    Shape::new(&shape[1..]).with(0, 1)
}

impl<'a, R: Real, S: Sink<'a, R>> Backward<'_, 'a, R, S> {
    /// Moves shared cotangents of node `id` down as far as they keep their form, then leaves them to the usual loop.
    fn descend(&mut self, mut id: u32, mut shared: Shared<R>) -> Result<()> {
        let mut origin = id;
        loop {
            let node = self.tape.node(id);
            if let Op::Custom(_) = node.op {
                // The loop comes past this node next, and asks its rule.
                self.slots[id as usize] = Some(Slot { bar: self.written(&node, &shared), dot: None, origin });
                shared.release(self.pool);
                return Ok(());
            }
            let rule = Rule { tape: self.tape, node, inputs: node.inputs };
            for (i, &input) in node.inputs.iter().enumerate() {
                if let Op::Leaf(_) = self.tape.node(input).op {
                    self.lend(id, &rule, i, &Slot { bar: Vec::new(), dot: None, origin })?;
                }
            }
            let mut operands = node.inputs.iter().enumerate().filter(|&(_, &input)| self.goes_on(input));
            let (Some((i, &input)), None) = (operands.next(), operands.next()) else {
                return self.write_out(&rule, shared, origin);
            };
            let alone = self.uses[input as usize] == 1 && leading(&self.tape.node(input)) == Some(1);
            if alone && rule.passes(i) && !matches!(node.op, Op::Elementwise(_)) {
                id = input;
                continue;
            }
            let Some(pulled) = alone.then(|| self.pull_shared(&rule, i, &shared)).flatten() else {
                return self.write_out(&rule, shared, origin);
            };
            self.retire(origin, std::mem::replace(&mut shared, pulled));
            (id, origin) = (input, input);
        }
    }

    /// The shared cotangents of operand `i`, which nothing else uses, if they keep the form.
    fn pull_shared(&mut self, rule: &Rule<'_, 'a, R>, i: usize, shared: &Shared<R>) -> Option<Shared<R>> {
        let (x, y, directions) = (rule.input(i), rule.node, shared.directions);
        if let Op::Elementwise(op) = y.op {
            let (mut slope, mut seed) = (self.pool.take(y.value.len()), self.pool.take(shared.seed.len()));
            map::slope(op, x.value, y.value, &mut slope);
            shared.slope.iter().for_each(|before| map::multiply(before, &mut slope));
            seed.copy_from_slice(&shared.seed);
            return Some(Shared { directions, seed, slope: Some(slope) });
        }
        if shared.slope.is_some() {
            return None;
        }
        let (x_one, y_one) = (one(x.shape), one(y.shape));
        let len = x.value.len() / x.shape[0];
        match y.op {
            Op::Linear(op) if op.treats_samples_alike() => {
                let mut seed = self.pool.take(directions * len);
                let per_direction = shared.seed.len() / directions.max(1);
                for (c, seed) in shared.seed.chunks_exact(per_direction.max(1)).zip(seed.chunks_exact_mut(len.max(1))) {
                    op.transpose(i, (&y_one, c), (&x_one, seed), Accumulate::Replace);
                }
                Some(Shared { directions, seed, slope: None })
            }
            Op::Bilinear(op) if i == 0 && rule.input(1).samples == Samples::Free => {
                let mut seed = self.pool.take(directions * len);
                let (b, sizes) = (rule.input(1), Sizes { a: &x_one, b: rule.input(1).shape });
                op.pull_left(sizes, directions, &shared.seed, b.value, &mut seed, Accumulate::Replace);
                Some(Shared { directions, seed, slope: None })
            }
            _ => None,
        }
    }

    /// Whether a node hands its cotangents on: it depends on leaves and is none.
    fn goes_on(&self, id: u32) -> bool {
        let node = self.tape.node(id);
        node.active && !matches!(node.op, Op::Leaf(_))
    }

    /// Gives the operands of a node their cotangents in full.
    fn write_out(&mut self, rule: &Rule<'_, 'a, R>, shared: Shared<R>, origin: u32) -> Result<()> {
        if !rule.inputs.iter().any(|&input| self.goes_on(input)) {
            self.retire(origin, shared);
            return Ok(());
        }
        let slot = Slot { bar: self.written(&rule.node, &shared), dot: None, origin };
        for (i, &input) in rule.inputs.iter().enumerate() {
            if self.goes_on(input) {
                self.deposit(rule, i, input, &slot);
            }
        }
        self.pool.give(slot.bar);
        self.retire(origin, shared);
        Ok(())
    }

    /// The cotangents of a node in full.
    fn written(&mut self, node: &Node<'a, R>, shared: &Shared<R>) -> Vec<R> {
        let mut bar = self.pool.take(shared.directions * node.value.len());
        shared.write(&mut bar);
        bar
    }

    fn retire(&mut self, origin: u32, shared: Shared<R>) {
        if let Some(shared) = self.sink.retire_shared(origin, shared) {
            shared.release(self.pool);
        }
    }
}
