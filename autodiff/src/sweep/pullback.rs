//! Cotangents, backwards, with or without their tangents.
//!
//! The transpose of a composition is the composition of the transposes, in the opposite order. So one loop down the
//! tape carries K cotangents of every value that depends on a leaf:
//!
//! ```text
//! elementwise   x_bar = s y_bar                              s = f'(x)
//! pairwise      a_bar = s_a y_bar,  b_bar = s_b y_bar
//! linear        x_bar_i = A_i^T y_bar
//! bilinear      a_bar = B(., b)^T y_bar,  b_bar = B(a, .)^T y_bar
//! ```
//!
//! Differentiating those three lines along a direction of the leaves gives the tangent of the pullback, by the product
//! rule. It is the same loop, over one cotangent that carries K tangents ([`pullback_tangent`]):
//!
//! ```text
//! elementwise   x_bar_dot = s y_bar_dot + f''(x) x_dot y_bar
//! pairwise      a_bar_dot = s_a y_bar_dot + (f_aa a_dot + f_ab b_dot) y_bar,  and its mirror image
//! linear        x_bar_dot_i = A_i^T y_bar_dot
//! bilinear      a_bar_dot = B(., b)^T y_bar_dot + B(., b_dot)^T y_bar,  and its mirror image
//! ```
//!
//! For a scalar output with seed 1 the cotangents of the leaves are the gradient, and their tangents the
//! Hessian-vector products.

use super::Pool;
use super::pushforward::{Tangents, rows, rows_mut};
use super::sink::{Lent, Sink};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::op::bilinear::Sizes;
use crate::op::linear::Combine;
use crate::op::{LinearOp, Op};
use crate::real::Real;
use crate::tape::{Node, Tape, Var};

/// The cotangents of one value, and their tangents.
#[derive(Debug)]
pub(crate) struct Slot<R> {
    /// `[directions, ..shape]`
    pub(super) bar: Vec<R>,
    /// `[tangents.directions, ..shape]`; none where zero by structure.
    pub(super) dot: Option<Vec<R>>,
    /// The node whose cotangent this first was. A buffer that was only handed on keeps it.
    pub(super) origin: u32,
}

/// Pulls `directions` cotangents of `output` back to the leaves, which `sink` receives.
///
/// # Shape
/// `seed: [K, ..shape of output]`
///
/// ```
/// use autodiff::sweep::{Gradient, Pool, pullback};
/// use autodiff::Arena;
///
/// let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
/// let x = arena.tape().leaf(&[3.0, 5.0], &[2]).unwrap();
/// pullback(x.powi(2), &[1.0, 10.0], 1, &mut sink, &mut pool).unwrap();
/// assert_eq!(sink.of(0), Some(&[6.0, 100.0][..]));
/// ```
///
/// # Cost
/// K times: one primal for linear and elementwise ops, two for bilinear ones with both operands active.
///
/// # Errors
/// [`Error::Length`] if the seed does not fit; what the sink refuses.
pub fn pullback<'a, R: Real>(
    output: Var<'a, R>,
    seed: &[R],
    directions: usize,
    sink: &mut impl Sink<'a, R>,
    pool: &mut Pool<R>,
) -> Result<()> {
    sweep(output, (seed, None), directions, None, sink, pool)
}

/// Pulls one cotangent of `output` back to the leaves with its tangents along every direction of `tangents`.
///
/// The stored primals are used again, so it costs about two pullbacks a direction, however many there are.
///
/// # Shape
/// `seed: [..shape of output]`; the seed itself does not vary along the directions.
///
/// ```
/// use autodiff::sweep::{Gradient, Pool, pullback_tangent, pushforward};
/// use autodiff::Arena;
///
/// let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
/// let tape = arena.tape();
/// let x = tape.leaf(&[3.0, 5.0], &[2]).unwrap();
/// let y = x.powi(3).sum();
/// let tangents = pushforward(tape, &[(x, &[1.0, 2.0])], 1, &mut pool).unwrap();
/// pullback_tangent(y, &[1.0], &tangents, &mut sink, &mut pool).unwrap();
/// assert_eq!(sink.of(0), Some(&[27.0, 75.0][..])); // 3 x^2
/// assert_eq!(sink.tangent_of(0), Some(&[18.0, 60.0][..])); // 6 x times the direction
/// ```
///
/// # Errors
/// [`Error::Length`] if the seed does not fit, [`Error::Tangents`] if `output` has no tangents; what the sink refuses.
pub fn pullback_tangent<'a, R: Real>(
    output: Var<'a, R>,
    seed: &[R],
    tangents: &Tangents<'a, R>,
    sink: &mut impl Sink<'a, R>,
    pool: &mut Pool<R>,
) -> Result<()> {
    tangents.cover(output)?;
    sweep(output, (seed, None), 1, Some(tangents), sink, pool)
}

/// One loop down the tape, from cotangents of `output` and, perhaps, their tangents.
pub(crate) fn sweep<'a, R: Real>(
    output: Var<'a, R>,
    (seed, seed_dot): (&[R], Option<&[R]>),
    directions: usize,
    tangents: Option<&Tangents<'a, R>>,
    sink: &mut impl Sink<'a, R>,
    pool: &mut Pool<R>,
) -> Result<()> {
    let node = output.node();
    let expected = directions * node.value.len();
    if seed.len() != expected {
        return Err(Error::Length { what: "cotangents", shape: node.shape.into(), expected, found: seed.len() });
    }
    with_sweep(output, directions, tangents, sink, pool, |backward| {
        let mut bar = backward.pool.take(expected);
        bar.copy_from_slice(seed);
        let dot = seed_dot.map(|seed| {
            let mut dot = backward.pool.take(seed.len());
            dot.copy_from_slice(seed);
            dot
        });
        backward.slots[output.id() as usize] = Some(Slot { bar, dot, origin: output.id() });
        Ok(())
    })
}

/// The loop down the tape, after `begin` has given the first nodes their cotangents.
pub(super) fn with_sweep<'s, 'a, R: Real, S: Sink<'a, R>>(
    output: Var<'a, R>,
    directions: usize,
    tangents: Option<&'s Tangents<'a, R>>,
    sink: &'s mut S,
    pool: &'s mut Pool<R>,
    begin: impl FnOnce(&mut Backward<'s, 'a, R, S>) -> Result<()>,
) -> Result<()> {
    let tape = output.tape();
    sink.begin(output, directions)?;
    let mut slots = std::mem::take(&mut pool.slots);
    let mut uses = std::mem::take(&mut pool.uses);
    slots.clear();
    slots.resize_with(output.id() as usize + 1, || None);
    uses.clear();
    uses.resize(output.id() as usize + 1, 0);
    for id in 0..=output.id() {
        tape.node(id).inputs.iter().for_each(|&input| uses[input as usize] += 1);
    }

    let mut backward = Backward { tape, directions, tangents, sink, pool, slots, uses };
    let mut done = begin(&mut backward);
    for id in (0..=output.id()).rev() {
        if done.is_err() {
            break;
        }
        if let Some(slot) = backward.slots[id as usize].take() {
            done = backward.step(id, slot);
        }
    }
    let Backward { mut slots, uses, pool, .. } = backward;
    for slot in slots.drain(..).flatten() {
        pool.give(slot.bar);
        slot.dot.into_iter().for_each(|dot| pool.give(dot));
    }
    (pool.slots, pool.uses) = (slots, uses);
    done
}

/// A sweep at work.
pub(super) struct Backward<'s, 'a, R, S> {
    pub(super) tape: &'a Tape<'a, R>,
    pub(super) directions: usize,
    pub(super) tangents: Option<&'s Tangents<'a, R>>,
    pub(super) sink: &'s mut S,
    pub(super) pool: &'s mut Pool<R>,
    pub(super) slots: Vec<Option<Slot<R>>>,
    /// How many nodes use each node.
    pub(super) uses: Vec<u32>,
}

impl<'a, R: Real, S: Sink<'a, R>> Backward<'_, 'a, R, S> {
    /// Moves the cotangents of node `id` on to its operands.
    fn step(&mut self, id: u32, slot: Slot<R>) -> Result<()> {
        let node = self.tape.node(id);
        if let Op::Leaf(_) = node.op {
            // The output is a leaf: y = 1 x.
            let inputs = std::slice::from_ref(&id);
            let identity = Op::Linear(LinearOp::Combine(Combine { coefficients: &[1.0] }));
            self.lend(
                id,
                &Rule { tape: self.tape, node: Node { op: identity, inputs: &[], ..node }, inputs },
                0,
                &slot,
            )?;
        }
        if let Op::Custom(index) = node.op {
            return self.through(index, id, slot);
        }
        let rule = Rule { tape: self.tape, node, inputs: node.inputs };
        for (i, &input) in node.inputs.iter().enumerate() {
            if let Op::Leaf(_) = self.tape.node(input).op {
                self.lend(id, &rule, i, &slot)?;
            }
        }
        // A linear op hands the numbers on as they are. An elementwise one changes them in place, so the buffer must be
        // this node's own: one that was handed on may have been lent under its origin, which a sink may still want.
        let may_hand_on = slot.origin == id || !matches!(node.op, Op::Elementwise(_));
        let mut handed_on = None;
        for (i, &input) in node.inputs.iter().enumerate() {
            let x = self.tape.node(input);
            if !x.active || matches!(x.op, Op::Leaf(_)) {
                continue;
            }
            if may_hand_on && handed_on.is_none() && self.uses[input as usize] == 1 && rule.passes(i) {
                handed_on = Some((i, input));
            } else {
                self.deposit(&rule, i, input, &slot);
            }
        }
        match handed_on {
            // No other node adds to this operand's cotangent, so the buffer may become it.
            Some((i, input)) => self.slots[input as usize] = Some(self.hand_on(&rule, i, slot)),
            None => {
                slot.dot.into_iter().for_each(|dot| self.pool.give(dot));
                if let Some(bar) = self.sink.retire(slot.origin, slot.bar) {
                    self.pool.give(bar);
                }
            }
        }
        Ok(())
    }

    pub(super) fn lend(&mut self, id: u32, rule: &Rule<'_, 'a, R>, i: usize, slot: &Slot<R>) -> Result<()> {
        let Op::Leaf(leaf) = self.tape.node(rule.inputs[i]).op else { unreachable!("only leaves are lent") };
        let lent = Lent {
            leaf: leaf as usize,
            node: id,
            operand: i,
            rule,
            origin: slot.origin,
            directions: self.directions,
            bar: &slot.bar,
            dot: slot.dot.as_deref(),
            tangents: self.tangents,
        };
        self.sink.lend(&lent, self.pool)
    }

    /// Turns the buffer of `y` into that of operand `i`, which has as many numbers.
    fn hand_on(&mut self, rule: &Rule<'_, 'a, R>, i: usize, mut slot: Slot<R>) -> Slot<R> {
        let Op::Elementwise(op) = rule.node.op else {
            return slot;
        };
        let (x, y) = (self.tape.node(rule.inputs[i]), rule.node);
        let mut slope = self.pool.take(y.value.len());
        map::slope(op, x.value, y.value, &mut slope);
        let before = self.tangents.and_then(|tangents| tangents.at(rule.inputs[i])).map(|x_dot| {
            let mut bend = self.pool.take(y.value.len());
            map::second(op, x.value, y.value, &mut bend);
            map::multiply(&slot.bar, &mut bend);
            (bend, x_dot)
        });
        rows_mut(&mut slot.bar, slope.len()).for_each(|bar| map::multiply(&slope, bar));
        rows_mut(slot.dot.as_deref_mut().unwrap_or(&mut []), slope.len()).for_each(|dot| map::multiply(&slope, dot));
        if let Some((bend, x_dot)) = before {
            match &mut slot.dot {
                Some(dot) => rows(x_dot, bend.len())
                    .zip(rows_mut(dot, bend.len()))
                    .for_each(|(x_dot, dot)| map::multiply_add(&bend, x_dot, dot)),
                // Written, not added to 0, which would lose -0.
                None => {
                    let dot = slot.dot.insert(self.pool.take(x_dot.len()));
                    rows(x_dot, bend.len())
                        .zip(rows_mut(dot, bend.len()))
                        .for_each(|(x_dot, dot)| map::product(&bend, x_dot, dot));
                }
            }
            self.pool.give(bend);
        }
        self.pool.give(slope);
        Slot { origin: rule.inputs[i], ..slot }
    }

    /// Adds what operand `i` receives through `rule` to its slot.
    pub(super) fn deposit(&mut self, rule: &Rule<'_, 'a, R>, i: usize, input: u32, slot: &Slot<R>) {
        let len = self.tape.node(input).value.len();
        let (mut accumulate, mut of_input) = match self.slots[input as usize].take() {
            Some(slot) => (Accumulate::Add, slot),
            None => {
                let bar = self.pool.take(self.directions * len);
                (Accumulate::Replace, Slot { bar, dot: None, origin: input })
            }
        };
        rule.pull(i, self.directions, &slot.bar, &mut of_input.bar, accumulate, self.pool);
        if let Some(tangents) = self.tangents
            && (slot.dot.is_some() || rule.bends(i, tangents))
        {
            let dot = of_input.dot.get_or_insert_with(|| {
                accumulate = Accumulate::Replace;
                self.pool.take(tangents.directions * len)
            });
            rule.pull_tangent(i, &slot.bar, slot.dot.as_deref(), tangents, dot, accumulate, self.pool);
        }
        self.slots[input as usize] = Some(of_input);
    }
}

/// The derivative rules of one node, as its kind gives them.
pub(crate) struct Rule<'s, 'a, R> {
    pub(crate) tape: &'a Tape<'a, R>,
    pub(crate) node: Node<'a, R>,
    pub(crate) inputs: &'s [u32],
}

impl<'a, R: Real> Rule<'_, 'a, R> {
    pub(crate) fn input(&self, i: usize) -> Node<'a, R> {
        self.tape.node(self.inputs[i])
    }

    fn sizes(&self) -> Sizes<'a> {
        Sizes { a: self.input(0).shape, b: self.input(1).shape }
    }

    /// Whether the cotangent of operand `i` can be made in the result's own buffer.
    pub(super) fn passes(&self, i: usize) -> bool {
        match self.node.op {
            Op::Elementwise(_) => true,
            Op::Linear(op) => op.passes(i, self.input(i).shape, self.node.shape),
            Op::Pairwise(_) | Op::Bilinear(_) | Op::Custom(_) | Op::Constant | Op::Leaf(_) => false,
        }
    }

    /// Whether the pull to operand `i` itself varies along the directions.
    pub(crate) fn bends(&self, i: usize, tangents: &Tangents<'_, R>) -> bool {
        match self.node.op {
            Op::Elementwise(_) => tangents.at(self.inputs[i]).is_some(),
            Op::Pairwise(_) => self.inputs.iter().any(|&input| tangents.at(input).is_some()),
            Op::Bilinear(_) => tangents.at(self.inputs[1 - i]).is_some(),
            Op::Linear(_) | Op::Custom(_) | Op::Constant | Op::Leaf(_) => false,
        }
    }

    /// `dy / dx_i` of an op that works entry by entry.
    fn slope(&self, i: usize, out: &mut [R]) {
        let y = self.node.value;
        match self.node.op {
            Op::Elementwise(op) => map::slope(op, self.input(i).value, y, out),
            Op::Pairwise(op) => map::pair::slope(op, i, self.input(0).value, self.input(1).value, y, out),
            Op::Linear(_) | Op::Bilinear(_) | Op::Custom(_) | Op::Constant | Op::Leaf(_) => {
                unreachable!("not entry by entry")
            }
        }
    }

    /// `d^2 y / dx_i dx_j` of an op that works entry by entry.
    fn second(&self, i: usize, j: usize, out: &mut [R]) {
        let y = self.node.value;
        match self.node.op {
            Op::Elementwise(op) => map::second(op, self.input(i).value, y, out),
            Op::Pairwise(op) => map::pair::second(op, [i, j], self.input(0).value, self.input(1).value, y, out),
            Op::Linear(_) | Op::Bilinear(_) | Op::Custom(_) | Op::Constant | Op::Leaf(_) => {
                unreachable!("not entry by entry")
            }
        }
    }

    /// `x_bar_i = (dy / dx_i)^T y_bar` or `+=`, for each direction.
    pub(crate) fn pull(
        &self,
        i: usize,
        directions: usize,
        bar: &[R],
        out: &mut [R],
        accumulate: Accumulate,
        pool: &mut Pool<R>,
    ) {
        let (x, y) = (self.input(i), self.node);
        match y.op {
            Op::Constant | Op::Leaf(_) => unreachable!("a leaf has no operands"),
            Op::Custom(_) => unreachable!("its own rule is asked"),
            Op::Elementwise(_) | Op::Pairwise(_) => {
                let mut slope = pool.take(x.value.len());
                self.slope(i, &mut slope);
                for (bar, out) in rows(bar, slope.len()).zip(rows_mut(out, slope.len())) {
                    match accumulate {
                        Accumulate::Replace => map::product(&slope, bar, out),
                        Accumulate::Add => map::multiply_add(&slope, bar, out),
                    }
                }
                pool.give(slope);
            }
            Op::Linear(op) => {
                for k in 0..directions {
                    let (bar, out) = (direction(bar, k, y), direction_mut(out, k, x));
                    op.transpose(i, (y.shape, bar), (x.shape, out), accumulate);
                }
            }
            Op::Bilinear(op) if i == 0 => {
                op.pull_left(self.sizes(), directions, bar, self.input(1).value, out, accumulate)
            }
            Op::Bilinear(op) => {
                for k in 0..directions {
                    op.pull_right(
                        self.sizes(),
                        self.input(0).value,
                        direction(bar, k, y),
                        direction_mut(out, k, x),
                        accumulate,
                    );
                }
            }
        }
    }

    /// The tangent of [`Rule::pull`] along each direction: the pull of `dot`, and the varying pull of `bar`.
    #[expect(
        clippy::too_many_arguments,
        reason = "a rule of the calculus: two cotangents, their tangents, and where they go"
    )]
    pub(crate) fn pull_tangent(
        &self,
        i: usize,
        bar: &[R],
        dot: Option<&[R]>,
        tangents: &Tangents<'_, R>,
        out: &mut [R],
        mut accumulate: Accumulate,
        pool: &mut Pool<R>,
    ) {
        let (x, y, directions) = (self.input(i), self.node, tangents.directions);
        if let Some(dot) = dot {
            self.pull(i, directions, dot, out, accumulate, pool);
            accumulate = Accumulate::Add;
        }
        match y.op {
            Op::Elementwise(_) | Op::Pairwise(_) => {
                // The slope bends along every operand that moves: f_ij x_dot_j.
                for (j, &input) in self.inputs.iter().enumerate() {
                    let Some(x_dot) = tangents.at(input) else {
                        continue;
                    };
                    let mut bend = pool.take(x.value.len());
                    self.second(i, j, &mut bend);
                    map::multiply(bar, &mut bend);
                    for (x_dot, out) in rows(x_dot, bend.len()).zip(rows_mut(out, bend.len())) {
                        match accumulate {
                            Accumulate::Replace => map::product(&bend, x_dot, out),
                            Accumulate::Add => map::multiply_add(&bend, x_dot, out),
                        }
                    }
                    pool.give(bend);
                    accumulate = Accumulate::Add;
                }
            }
            Op::Bilinear(op) => {
                let Some(other_dot) = tangents.at(self.inputs[1 - i]) else {
                    return;
                };
                let other = self.input(1 - i);
                for k in 0..directions {
                    let (other_dot, out) = (direction(other_dot, k, other), direction_mut(out, k, x));
                    if i == 0 {
                        op.pull_left(self.sizes(), 1, bar, other_dot, out, accumulate);
                    } else {
                        op.pull_right(self.sizes(), other_dot, bar, out, accumulate);
                    }
                }
            }
            Op::Linear(_) | Op::Custom(_) | Op::Constant | Op::Leaf(_) => {}
        }
    }
}

/// Direction `k` of a block for a node's value.
fn direction<'v, R>(block: &'v [R], k: usize, node: Node<'_, R>) -> &'v [R] {
    &block[k * node.value.len()..][..node.value.len()]
}

/// Direction `k` of a block for a node's value, to be written.
fn direction_mut<'v, R>(block: &'v mut [R], k: usize, node: Node<'_, R>) -> &'v mut [R] {
    &mut block[k * node.value.len()..][..node.value.len()]
}
