//! What no direction changes, kept: derivatives at one point, along many directions.
//!
//! A product with the Jacobian, its transpose or the Hessian is linear in the direction. All else, the primals, the
//! slopes, the cotangents and the curvatures times them, is the same for each, so it is computed once and kept:
//!
//! | product | sweeps | kept |
//! |---|---|---|
//! | `J x_dot` | up | primals, slopes |
//! | `J^T y_bar` | down | primals, slopes |
//! | `(J^T y_bar)_dot` | up and down | these, `y_bar` of bilinear nodes, `f'' y_bar` of elementwise ones |
//!
//! The third is what [`pullback_tangent`](super::pullback_tangent) computes, without its pull of the cotangent itself:
//! of products of matrices six in place of nine for each layer, where a gradient has three.
//!
//! It holds the recording's nodes and not the tape, so that many threads can use it at once.

use super::Pool;
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::op::bilinear::Sizes;
use crate::op::{BilinearOp, Op};
use crate::real::Real;
use crate::tape::{Node, Var};

/// A recorded function at its point, ready for products with its first and second derivatives.
///
/// Tangents and cotangents of the leaves are given leaf by leaf, in order of their ordinals; `None` is a tangent that
/// is zero, or a cotangent that nobody wants, and saves its share of the work. So is what a short list leaves out. What is
/// in the buffers of cotangents is added to, or not read, as [`Accumulate`] says.
#[derive(Debug)]
pub struct Linearization<'a, R> {
    /// Up to the output.
    nodes: Vec<Node<'a, R>>,
    /// The node of each leaf.
    leaves: Vec<u32>,
    /// How many active nodes read each node.
    uses: Vec<u32>,
    /// `f'(x)` of elementwise nodes; both slopes, one behind the other, of those with two operands.
    slopes: Vec<Option<Vec<R>>>,
    second: Option<Second<R>>,
}

/// What second derivatives need beside.
#[derive(Debug)]
struct Second<R> {
    /// Cotangents of bilinear nodes.
    bars: Vec<Option<Vec<R>>>,
    /// `f''(x) y_bar` of elementwise nodes; none where it is zero throughout, as for a relu. Of those with two operands
    /// `f_aa y_bar`, `f_ab y_bar` and `f_bb y_bar`, one behind the other.
    bends: Vec<Option<Vec<R>>>,
    /// Whose tangents the way down reads.
    reads: Vec<bool>,
}

impl<'a, R: Real> Linearization<'a, R> {
    /// For products with the Jacobian of `output` and its transpose.
    ///
    /// # Cost
    /// The slopes of the elementwise ops.
    ///
    /// # Errors
    /// [`Error::Linearize`] at an op with a rule of its own, which only the tape can ask.
    pub fn new(output: Var<'a, R>, pool: &mut Pool<R>) -> Result<Self> {
        let tape = output.tape();
        let nodes: Vec<Node<'a, R>> = (0..=output.id()).map(|id| tape.node(id)).collect();
        let leaves = tape.leaf_variables().map(|leaf| leaf.id()).collect();
        if let Some(node) = nodes.iter().position(|node| node.active && matches!(node.op, Op::Custom(_))) {
            return Err(Error::Linearize { node: node as u32 });
        }
        let mut uses = vec![0; nodes.len()];
        let mut slopes = Vec::with_capacity(nodes.len());
        for node in &nodes {
            let mut slope = None;
            if node.active {
                node.inputs.iter().for_each(|&input| uses[input as usize] += 1);
                let (len, x) = (node.value.len(), |i: usize| nodes[node.inputs[i] as usize].value);
                match node.op {
                    Op::Elementwise(op) => map::slope(op, x(0), node.value, slope.insert(pool.take(len))),
                    Op::Pairwise(op) => {
                        let (by_a, by_b) = slope.insert(pool.take(2 * len)).split_at_mut(len);
                        map::pair::slope(op, 0, x(0), x(1), node.value, by_a);
                        map::pair::slope(op, 1, x(0), x(1), node.value, by_b);
                    }
                    Op::Constant | Op::Leaf(_) | Op::Linear(_) | Op::Bilinear(_) | Op::Custom(_) => {}
                }
            }
            slopes.push(slope);
        }
        Ok(Self { nodes, leaves, uses, slopes, second: None })
    }

    /// For products with the second derivatives of `output` too, with the cotangent `seed` on it. The gradient,
    /// `J^T seed`, is added to `leaves`.
    ///
    /// # Cost
    /// A pullback.
    ///
    /// # Errors
    /// As [`Linearization::new`]; [`Error::Length`] if the seed or a leaf's buffer does not fit.
    pub fn with_cotangent(
        output: Var<'a, R>,
        seed: &[R],
        leaves: &mut [Option<&mut [R]>],
        pool: &mut Pool<R>,
    ) -> Result<Self> {
        let mut this = Self::new(output, pool)?;
        let count = this.nodes.len();
        let empty = || (0..count).map(|_| None).collect();
        let mut second = Second { bars: empty(), bends: empty(), reads: vec![false; count] };
        let bar = this.seed(seed, pool)?;
        this.backward(Some(bar), Pass::Cotangents(&mut second), leaves, Accumulate::Add, pool)?;
        for (id, node) in this.nodes.iter().enumerate() {
            let reads = second.bars[id].is_some() || second.bends[id].is_some();
            if reads {
                node.inputs.iter().for_each(|&input| second.reads[input as usize] = true);
            }
        }
        this.second = Some(second);
        Ok(this)
    }

    /// The output's numbers.
    pub fn value(&self) -> &'a [R] {
        self.nodes[self.nodes.len() - 1].value
    }

    /// Rows of the output: its first size.
    pub fn rows(&self) -> usize {
        self.nodes[self.nodes.len() - 1].shape.first().copied().unwrap_or(1)
    }

    /// Gives the buffers back.
    pub fn release(self, pool: &mut Pool<R>) {
        let second = self.second.into_iter().flat_map(|second| second.bars.into_iter().chain(second.bends));
        self.slopes.into_iter().chain(second).flatten().for_each(|buffer| pool.give(buffer));
    }

    /// Bytes kept beside the recording.
    pub fn bytes(&self) -> usize {
        let buffers = |of: &[Option<Vec<R>>]| of.iter().flatten().map(Vec::len).sum::<usize>();
        let second = self.second.as_ref().map_or(0, |second| buffers(&second.bars) + buffers(&second.bends));
        (buffers(&self.slopes) + second) * size_of::<R>()
    }

    /// `J x_dot`, in a buffer of the pool; none where it is zero by structure.
    ///
    /// # Errors
    /// [`Error::Length`] if a tangent does not fit its leaf.
    pub fn pushforward(&self, x_dot: &[Option<&[R]>], pool: &mut Pool<R>) -> Result<Option<Vec<R>>> {
        let mut of = self.forward(x_dot, None, pool)?;
        let y_dot = match self.nodes[self.nodes.len() - 1].op {
            Op::Leaf(leaf) => given(x_dot, leaf as usize).map(|x_dot| copy(x_dot, pool)),
            _ => of.pop().flatten(),
        };
        of.into_iter().flatten().for_each(|buffer| pool.give(buffer));
        Ok(y_dot)
    }

    /// `leaves = J^T y_bar` or `+=`
    ///
    /// # Errors
    /// [`Error::Length`] if the cotangent does not fit the output, or a buffer its leaf.
    pub fn pullback(
        &self,
        y_bar: &[R],
        leaves: &mut [Option<&mut [R]>],
        accumulate: Accumulate,
        pool: &mut Pool<R>,
    ) -> Result<()> {
        let bar = self.seed(y_bar, pool)?;
        self.backward(Some(bar), Pass::Plain, leaves, accumulate, pool)
    }

    /// `leaves =` the tangent of the pullback of the cotangent along `x_dot`, or `+=`: for a scalar and the cotangent 1, the
    /// Hessian times `x_dot`.
    ///
    /// # Errors
    /// [`Error::Length`] if a tangent or a buffer does not fit its leaf.
    ///
    /// # Panics
    /// If it was made without a cotangent, by [`Linearization::new`].
    pub fn pullback_tangent(
        &self,
        x_dot: &[Option<&[R]>],
        leaves: &mut [Option<&mut [R]>],
        accumulate: Accumulate,
        pool: &mut Pool<R>,
    ) -> Result<()> {
        let second = self.second.as_ref().expect("a cotangent was given, by Linearization::with_cotangent");
        let of = self.forward(x_dot, Some(second), pool)?;
        let done = self.backward(None, Pass::Tangents { second, of: &of, x_dot }, leaves, accumulate, pool);
        of.into_iter().flatten().for_each(|buffer| pool.give(buffer));
        done
    }

    fn seed(&self, seed: &[R], pool: &mut Pool<R>) -> Result<Vec<R>> {
        let node = self.nodes[self.nodes.len() - 1];
        fits("cotangents", &node, seed.len())?;
        Ok(copy(seed, pool))
    }

    fn leaf(&self, id: u32) -> Option<usize> {
        match self.nodes[id as usize].op {
            Op::Leaf(leaf) => Some(leaf as usize),
            _ => None,
        }
    }

    /// The tangents of all nodes that the way down reads, and of the output.
    fn forward(
        &self,
        x_dot: &[Option<&[R]>],
        second: Option<&Second<R>>,
        pool: &mut Pool<R>,
    ) -> Result<Vec<Option<Vec<R>>>> {
        let seeded = self.leaves.iter().zip(x_dot).filter_map(|(&id, x_dot)| Some((id, x_dot.as_ref()?.len())));
        for (id, len) in seeded {
            // A leaf that was recorded after the output.
            self.nodes.get(id as usize).map_or(Ok(()), |node| fits("tangents", node, len))?;
        }
        let mut of: Vec<Option<Vec<R>>> = (0..self.nodes.len()).map(|_| None).collect();
        let mut left = self.uses.clone();
        for (id, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.active && !node.inputs.is_empty()) {
            node.inputs.iter().for_each(|&input| left[input as usize] -= 1);
            let spent = |input: u32| left[input as usize] == 0 && second.is_none_or(|s| !s.reads[input as usize]);
            let mut y_dot = None;
            // The first operand's buffer becomes the result's where nobody reads it again.
            let (first, rest) = (node.inputs[0], &node.inputs[1..]);
            if self.passes(node, 0) && spent(first) && !rest.contains(&first) {
                y_dot = of[first as usize].take();
                if let (Some(y_dot), Some(slope)) = (&mut y_dot, &self.slopes[id]) {
                    map::multiply(slope, y_dot);
                }
            }
            let from = usize::from(y_dot.is_some());
            for (i, &input) in node.inputs.iter().enumerate().skip(from) {
                let tangent = match self.leaf(input) {
                    Some(leaf) => given(x_dot, leaf),
                    None => of[input as usize].as_deref(),
                };
                let Some(tangent) = tangent else { continue };
                let accumulate = if y_dot.is_some() { Accumulate::Add } else { Accumulate::Replace };
                let y_dot = y_dot.get_or_insert_with(|| pool.take(node.value.len()));
                self.push(id, i, tangent, y_dot, accumulate);
            }
            for &input in node.inputs.iter().filter(|&&input| spent(input)) {
                of[input as usize].take().into_iter().for_each(|buffer| pool.give(buffer));
            }
            of[id] = y_dot;
        }
        Ok(of)
    }

    /// Cotangents or their tangents, down the list.
    fn backward(
        &self,
        seed: Option<Vec<R>>,
        mut pass: Pass<'_, '_, R>,
        leaves: &mut [Option<&mut [R]>],
        accumulate: Accumulate,
        pool: &mut Pool<R>,
    ) -> Result<()> {
        for (&id, buffer) in self.leaves.iter().zip(leaves.iter()) {
            if let (Some(node), Some(buffer)) = (self.nodes.get(id as usize), buffer) {
                fits("cotangents", node, buffer.len())?;
            }
        }
        let last = self.nodes.len() - 1;
        // How the next contribution to each leaf is written.
        let mut next = vec![accumulate; leaves.len()];
        if let (Some(leaf), Some(bar)) = (self.leaf(last as u32), &seed) {
            // The output is a leaf: y = 1 x.
            if let Some(Some(sum)) = leaves.get_mut(leaf) {
                match std::mem::replace(&mut next[leaf], Accumulate::Add) {
                    Accumulate::Replace => sum.copy_from_slice(bar),
                    Accumulate::Add => map::add(bar, sum),
                }
            }
        }
        let mut slots: Vec<Option<Vec<R>>> = (0..=last).map(|_| None).collect();
        slots[last] = seed;
        for id in (0..=last).rev().filter(|&id| self.nodes[id].active) {
            let node = &self.nodes[id];
            let mut bar = slots[id].take();
            if let (Pass::Cotangents(second), Some(bar)) = (&mut pass, &bar) {
                second.bends[id] = self.curved(node, bar, pool);
            }
            let mut heir = None;
            for (i, &input) in node.inputs.iter().enumerate() {
                if !self.nodes[input as usize].active || bar.is_none() && !pass.bends(id, node, i, self) {
                    continue;
                }
                if let Some(leaf) = self.leaf(input) {
                    if let Some(Some(sum)) = leaves.get_mut(leaf) {
                        let accumulate = std::mem::replace(&mut next[leaf], Accumulate::Add);
                        self.pull(id, i, bar.as_deref(), &pass, sum, accumulate);
                    }
                } else if heir.is_none() && bar.is_some() && self.uses[input as usize] == 1 && self.passes(node, i) {
                    // No other node adds to this operand's cotangent, so the buffer may become it, in the end.
                    heir = Some(input);
                } else {
                    let slot = &mut slots[input as usize];
                    let accumulate = if slot.is_some() { Accumulate::Add } else { Accumulate::Replace };
                    let len = self.nodes[input as usize].value.len();
                    let of_input = slot.get_or_insert_with(|| pool.take(len));
                    self.pull(id, i, bar.as_deref(), &pass, of_input, accumulate);
                }
            }
            if let (Some(input), Some(bar)) = (heir, &mut bar)
                && let Some(slope) = &self.slopes[id]
            {
                map::multiply(slope, bar);
                pass.bend(id, 0, input, self, bar, Accumulate::Add);
            }
            match (heir, &mut pass, node.op) {
                (Some(input), _, _) => slots[input as usize] = bar,
                (None, Pass::Cotangents(second), Op::Bilinear(_)) => second.bars[id] = bar,
                _ => bar.into_iter().for_each(|bar| pool.give(bar)),
            }
        }
        // What nothing contributed to is zero by structure.
        for (sum, _) in leaves.iter_mut().zip(next).filter(|(_, next)| *next == Accumulate::Replace) {
            sum.iter_mut().for_each(|sum| sum.fill(R::ZERO));
        }
        Ok(())
    }

    /// `f''(x) y_bar`, where it is not zero throughout.
    fn curved(&self, node: &Node<'a, R>, bar: &[R], pool: &mut Pool<R>) -> Option<Vec<R>> {
        let (len, x) = (bar.len(), |i: usize| self.nodes[node.inputs[i] as usize].value);
        let bend = match node.op {
            Op::Elementwise(op) => {
                let mut bend = pool.take(len);
                map::second(op, x(0), node.value, &mut bend);
                map::multiply(bar, &mut bend);
                bend
            }
            Op::Pairwise(op) => {
                let mut bend = pool.take(3 * len);
                for (block, by) in [[0, 0], [0, 1], [1, 1]].into_iter().enumerate() {
                    let bend = &mut bend[block * len..][..len];
                    map::pair::second(op, by, x(0), x(1), node.value, bend);
                    map::multiply(bar, bend);
                }
                bend
            }
            Op::Constant | Op::Leaf(_) | Op::Linear(_) | Op::Bilinear(_) | Op::Custom(_) => return None,
        };
        if bend.iter().any(|&x| x != R::ZERO) {
            return Some(bend);
        }
        pool.give(bend);
        None
    }

    /// Whether the cotangent of operand `i` has the numbers of the result's, or its own times a slope.
    fn passes(&self, node: &Node<'a, R>, i: usize) -> bool {
        match node.op {
            Op::Elementwise(_) => true,
            Op::Linear(op) => op.passes(i, self.nodes[node.inputs[i] as usize].shape, node.shape),
            Op::Pairwise(_) | Op::Bilinear(_) | Op::Constant | Op::Leaf(_) | Op::Custom(_) => false,
        }
    }

    /// The slope of an elementwise node by operand `i`.
    fn slope(&self, id: usize, i: usize) -> &[R] {
        let len = self.nodes[id].value.len();
        self.slopes[id].as_deref().map_or(&[], |slopes| &slopes[i * len..][..len])
    }

    fn sizes(&self, node: &Node<'a, R>) -> Sizes<'a> {
        Sizes { a: self.nodes[node.inputs[0] as usize].shape, b: self.nodes[node.inputs[1] as usize].shape }
    }

    /// `y_dot = (dy / dx_i) x_dot` or `+=`
    fn push(&self, id: usize, i: usize, x_dot: &[R], y_dot: &mut [R], accumulate: Accumulate) {
        let node = &self.nodes[id];
        let other = |j: usize| self.nodes[node.inputs[j] as usize].value;
        match node.op {
            Op::Constant | Op::Leaf(_) | Op::Custom(_) => unreachable!("a leaf has no operands, and no rule is kept"),
            Op::Elementwise(_) | Op::Pairwise(_) => product(self.slope(id, i), x_dot, y_dot, accumulate),
            Op::Linear(op) => {
                op.apply(i, (self.nodes[node.inputs[i] as usize].shape, x_dot), (node.shape, y_dot), accumulate);
            }
            Op::Bilinear(op) if i == 0 => op.apply(self.sizes(node), 1, x_dot, other(1), y_dot, accumulate),
            Op::Bilinear(op) => op.apply(self.sizes(node), 1, other(0), x_dot, y_dot, accumulate),
        }
    }

    /// `x_bar_i = (dy / dx_i)^T y_bar` or `+=`, and what the pass adds to that.
    fn pull(
        &self,
        id: usize,
        i: usize,
        bar: Option<&[R]>,
        pass: &Pass<'_, '_, R>,
        out: &mut [R],
        mut accumulate: Accumulate,
    ) {
        let node = &self.nodes[id];
        let x = &self.nodes[node.inputs[i] as usize];
        if let Some(bar) = bar {
            match node.op {
                Op::Constant | Op::Leaf(_) | Op::Custom(_) => {
                    unreachable!("a leaf has no operands, and no rule is kept")
                }
                Op::Elementwise(_) | Op::Pairwise(_) => product(self.slope(id, i), bar, out, accumulate),
                Op::Linear(op) => op.transpose(i, (node.shape, bar), (x.shape, out), accumulate),
                Op::Bilinear(op) => self.pull_product(op, node, i, None, bar, out, accumulate),
            }
            accumulate = Accumulate::Add;
        }
        match node.op {
            Op::Elementwise(_) | Op::Pairwise(_) => {
                for (j, &input) in node.inputs.iter().enumerate() {
                    // f_ij of the blocks aa, ab, bb.
                    if pass.bend(id, i + j, input, self, out, accumulate) {
                        accumulate = Accumulate::Add;
                    }
                }
            }
            Op::Bilinear(op) => {
                if let Some((bar, other_dot)) = pass.varying(id, node, i, self) {
                    self.pull_product(op, node, i, Some(other_dot), bar, out, accumulate);
                }
            }
            Op::Linear(_) | Op::Constant | Op::Leaf(_) | Op::Custom(_) => {}
        }
    }

    /// A bilinear pull through the other operand's value, or through `other` in its place.
    #[expect(clippy::too_many_arguments, reason = "a rule of the calculus: op, operand, what it is pulled through")]
    fn pull_product(
        &self,
        op: BilinearOp<'a>,
        node: &Node<'a, R>,
        i: usize,
        other: Option<&[R]>,
        bar: &[R],
        out: &mut [R],
        accumulate: Accumulate,
    ) {
        let other = other.unwrap_or(self.nodes[node.inputs[1 - i] as usize].value);
        if i == 0 {
            op.pull_left(self.sizes(node), 1, bar, other, out, accumulate);
        } else {
            op.pull_right(self.sizes(node), other, bar, out, accumulate);
        }
    }
}

/// What goes down the list.
enum Pass<'s, 'x, R> {
    /// Cotangents.
    Plain,
    /// Cotangents, which are kept.
    Cotangents(&'s mut Second<R>),
    /// Tangents of the cotangents that were kept.
    Tangents { second: &'s Second<R>, of: &'s [Option<Vec<R>>], x_dot: &'s [Option<&'x [R]>] },
}

impl<'s, R: Real> Pass<'s, '_, R> {
    fn tangent<'a>(&self, id: u32, at: &Linearization<'a, R>) -> Option<&'s [R]> {
        match self {
            Pass::Tangents { of, x_dot, .. } => match at.leaf(id) {
                Some(leaf) => given(x_dot, leaf),
                None => of[id as usize].as_deref(),
            },
            Pass::Plain | Pass::Cotangents(_) => None,
        }
    }

    /// The kept cotangent of a bilinear node, and the tangent of the operand that `i` is multiplied by.
    fn varying<'a>(
        &self,
        id: usize,
        node: &Node<'a, R>,
        i: usize,
        at: &Linearization<'a, R>,
    ) -> Option<(&'s [R], &'s [R])> {
        let Pass::Tangents { second, .. } = self else { return None };
        Some((second.bars[id].as_deref()?, self.tangent(node.inputs[1 - i], at)?))
    }

    /// Whether the pull to operand `i` itself varies.
    fn bends<'a>(&self, id: usize, node: &Node<'a, R>, i: usize, at: &Linearization<'a, R>) -> bool {
        match (self, node.op) {
            (Pass::Tangents { .. }, Op::Bilinear(_)) => self.varying(id, node, i, at).is_some(),
            (Pass::Tangents { second, .. }, Op::Elementwise(_) | Op::Pairwise(_)) => {
                second.bends[id].is_some() && node.inputs.iter().any(|&input| self.tangent(input, at).is_some())
            }
            _ => false,
        }
    }

    /// `x_bar_dot = f''(x) y_bar x_dot` or `+=`, by a block of what is kept; whether there is any.
    fn bend<'a>(
        &self,
        id: usize,
        block: usize,
        input: u32,
        at: &Linearization<'a, R>,
        out: &mut [R],
        accumulate: Accumulate,
    ) -> bool {
        if let Pass::Tangents { second, .. } = self
            && let (Some(bend), Some(x_dot)) = (&second.bends[id], self.tangent(input, at))
        {
            product(&bend[block * out.len()..][..out.len()], x_dot, out, accumulate);
            return true;
        }
        false
    }
}

/// `y = s x` or `y += s x`
fn product<R: Real>(s: &[R], x: &[R], y: &mut [R], accumulate: Accumulate) {
    match accumulate {
        Accumulate::Replace => map::product(s, x, y),
        Accumulate::Add => map::multiply_add(s, x, y),
    }
}

/// The tangent of a leaf, if it is not zero.
fn given<'x, R>(x_dot: &[Option<&'x [R]>], leaf: usize) -> Option<&'x [R]> {
    x_dot.get(leaf).copied().flatten()
}

fn copy<R: Real>(numbers: &[R], pool: &mut Pool<R>) -> Vec<R> {
    let mut buffer = pool.take(numbers.len());
    buffer.copy_from_slice(numbers);
    buffer
}

fn fits<R>(what: &'static str, node: &Node<'_, R>, found: usize) -> Result<()> {
    let expected = node.value.len();
    if found == expected {
        return Ok(());
    }
    Err(Error::Length { what, shape: node.shape.into(), expected, found })
}

#[cfg(test)]
mod tests;
