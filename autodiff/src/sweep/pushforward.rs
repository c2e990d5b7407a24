//! Tangents, forwards.
//!
//! The differential of a composition is the composition of the differentials, in the order of evaluation. So one loop
//! up the tape carries K tangents of every value:
//!
//! ```text
//! elementwise   y_dot = s x_dot                       s = f'(x)
//! pairwise      y_dot = s_a a_dot + s_b b_dot
//! linear        y_dot = A_1 x_dot_1 + A_2 x_dot_2 ..
//! bilinear      y_dot = B(a_dot, b) + B(a, b_dot)
//! ```

use std::fmt;

use super::Pool;
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::op::Op;
use crate::op::bilinear::Sizes;
use crate::real::Real;
use crate::tape::{Node, Tape, Var};

/// The K tangents of every value on a tape.
///
/// They borrow the tape, so tangents of a recording that is gone do not compile.
pub struct Tangents<'a, R> {
    /// How many directions there are.
    pub directions: usize,
    tape: &'a Tape<'a, R>,
    of: Vec<Option<Vec<R>>>,
}

impl<R: Real> fmt::Debug for Tangents<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tangents").field("directions", &self.directions).field("of", &self.of).finish_non_exhaustive()
    }
}

impl<'a, R: Real> Tangents<'a, R> {
    /// Refuses unless `output` was on the tape when they were pushed forward.
    pub(crate) fn cover(&self, output: Var<'a, R>) -> Result<()> {
        let (node, covered) = (output.id(), self.of.len());
        if std::ptr::eq(self.tape, output.tape()) && (node as usize) < covered {
            return Ok(());
        }
        Err(Error::Tangents { op: output.node().op.name(), node })
    }

    /// The tangents `[K, ..shape]` of a variable; `None` where they are zero by structure.
    pub fn of(&self, var: Var<'_, R>) -> Option<&[R]> {
        self.at(var.id())
    }

    /// Takes the tangents of a variable away.
    pub(crate) fn take(&mut self, var: Var<'_, R>) -> Option<Vec<R>> {
        self.of[var.id() as usize].take()
    }

    pub(crate) fn at(&self, id: u32) -> Option<&[R]> {
        self.of[id as usize].as_deref()
    }

    /// Gives the buffers back.
    pub fn release(mut self, pool: &mut Pool<R>) {
        for buffer in self.of.drain(..).flatten() {
            pool.give(buffer);
        }
        pool.tangents = self.of;
    }
}

/// Pushes `directions` tangents of the seeded variables forward through the whole tape.
///
/// # Shape
/// A seed is `[K, ..shape of its variable]`; what is not seeded has tangent zero.
///
/// ```
/// use autodiff::sweep::{Pool, pushforward};
/// use autodiff::Arena;
///
/// let (mut arena, mut pool) = (Arena::new(), Pool::default());
/// let tape = arena.tape();
/// let x = tape.leaf(&[3.0, 5.0], &[2]).unwrap();
/// let y = x.powi(2);
/// // Two directions: the first number alone, then both.
/// let tangents = pushforward(tape, &[(x, &[1.0, 0.0, 1.0, 1.0])], 2, &mut pool).unwrap();
/// assert_eq!(tangents.of(y), Some(&[6.0, 0.0, 6.0, 10.0][..]));
/// ```
///
/// # Cost
/// K primals for linear and elementwise ops, 2K for bilinear ones with both operands active.
///
/// # Errors
/// [`Error::Length`] if a seed does not fit its variable, [`Error::ForeignVariable`] if that is on another tape; what
/// a custom op refuses.
pub fn pushforward<'a, R: Real>(
    tape: &'a Tape<'a, R>,
    seeds: &[(Var<'a, R>, &[R])],
    directions: usize,
    pool: &mut Pool<R>,
) -> Result<Tangents<'a, R>> {
    if seeds.iter().any(|(var, _)| !std::ptr::eq(var.tape(), tape)) {
        return Err(Error::ForeignVariable { op: "pushforward" });
    }
    let mut of = std::mem::take(&mut pool.tangents);
    of.clear();
    of.resize_with(tape.len(), || None);
    for (var, seed) in seeds {
        let node = var.node();
        let expected = directions * node.value.len();
        if seed.len() != expected {
            return Err(Error::Length { what: "tangents", shape: node.shape.into(), expected, found: seed.len() });
        }
        let mut buffer = pool.take(expected);
        buffer.copy_from_slice(seed);
        of[var.id() as usize] = Some(buffer);
    }
    let mut tangents = Tangents { directions, tape, of };
    for id in 0..tape.len() as u32 {
        let node = tape.node(id);
        if tangents.of[id as usize].is_none()
            && let Some(y_dot) = step(tape, &node, &tangents, pool)?
        {
            tangents.of[id as usize] = Some(y_dot);
        }
    }
    Ok(tangents)
}

fn step<'a, R: Real>(
    tape: &'a Tape<'a, R>,
    node: &Node<'a, R>,
    tangents: &Tangents<'a, R>,
    pool: &mut Pool<R>,
) -> Result<Option<Vec<R>>> {
    let k = tangents.directions;
    let len = node.value.len();
    Ok(match node.op {
        Op::Constant | Op::Leaf(_) => None,
        Op::Custom(index) => {
            if node.inputs.iter().all(|&x| tangents.at(x).is_none()) {
                return Ok(None);
            }
            tape.rule(index).pushforward(tape, node, tangents, pool)?
        }
        Op::Elementwise(op) => {
            let Some(x_dot) = tangents.at(node.inputs[0]) else {
                return Ok(None);
            };
            let x = tape.node(node.inputs[0]);
            let mut slope = pool.take(len);
            map::slope(op, x.value, node.value, &mut slope);
            let mut y_dot = pool.take(k * len);
            for (x_dot, y_dot) in rows(x_dot, len).zip(rows_mut(&mut y_dot, len)) {
                map::product(&slope, x_dot, y_dot);
            }
            pool.give(slope);
            Some(y_dot)
        }
        Op::Pairwise(op) => {
            let [a, b] = [0, 1].map(|i| tape.node(node.inputs[i]));
            let mut y_dot: Option<Vec<R>> = None;
            for (side, &input) in node.inputs.iter().enumerate() {
                let Some(x_dot) = tangents.at(input) else {
                    continue;
                };
                let mut slope = pool.take(len);
                map::pair::slope(op, side, a.value, b.value, node.value, &mut slope);
                let add = y_dot.is_some();
                let y_dot = y_dot.get_or_insert_with(|| pool.take(k * len));
                for (x_dot, y_dot) in rows(x_dot, len).zip(rows_mut(y_dot, len)) {
                    if add { map::multiply_add(&slope, x_dot, y_dot) } else { map::product(&slope, x_dot, y_dot) }
                }
                pool.give(slope);
            }
            y_dot
        }
        Op::Linear(op) => {
            let mut y_dot: Option<Vec<R>> = None;
            for (i, &input) in node.inputs.iter().enumerate() {
                let Some(x_dot) = tangents.at(input) else {
                    continue;
                };
                let x = tape.node(input);
                let accumulate = if y_dot.is_some() { Accumulate::Add } else { Accumulate::Replace };
                let y_dot = y_dot.get_or_insert_with(|| pool.take(k * len));
                for d in 0..k {
                    let x_dot = &x_dot[d * x.value.len()..][..x.value.len()];
                    op.apply(i, (x.shape, x_dot), (node.shape, &mut y_dot[d * len..][..len]), accumulate);
                }
            }
            y_dot
        }
        Op::Bilinear(op) => {
            let (a_dot, b_dot) = (tangents.at(node.inputs[0]), tangents.at(node.inputs[1]));
            let (a, b) = (tape.node(node.inputs[0]), tape.node(node.inputs[1]));
            let sizes = Sizes { a: a.shape, b: b.shape };
            let mut y_dot = None;
            if let Some(a_dot) = a_dot {
                let y_dot = y_dot.insert(pool.take(k * len));
                op.apply(sizes, k, a_dot, b.value, y_dot, Accumulate::Replace);
            }
            if let Some(b_dot) = b_dot {
                let accumulate = if y_dot.is_some() { Accumulate::Add } else { Accumulate::Replace };
                let y_dot = y_dot.get_or_insert_with(|| pool.take(k * len));
                for d in 0..k {
                    let b_dot = &b_dot[d * b.value.len()..][..b.value.len()];
                    op.apply(sizes, 1, a.value, b_dot, &mut y_dot[d * len..][..len], accumulate);
                }
            }
            y_dot
        }
    })
}

/// The directions of a block, one after another.
pub(crate) fn rows<R>(block: &[R], len: usize) -> std::slice::ChunksExact<'_, R> {
    block.chunks_exact(len.max(1))
}

/// The directions of a block, one after another, to be written.
pub(crate) fn rows_mut<R>(block: &mut [R], len: usize) -> std::slice::ChunksExactMut<'_, R> {
    block.chunks_exact_mut(len.max(1))
}
