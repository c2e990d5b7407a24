//! The one open door beside the closed set: an op whose derivatives are somebody else's.
//!
//! | door | who states the derivatives | what for |
//! |---|---|---|
//! | [`Custom`] | its author: primal, jvp, vjp, and second order or a refusal | a rule that is better than that of the parts |
//! | [`Checkpoint`] | its own ops, recorded again when they are needed | memory |
//!
//! A node has [`Op::Custom`](crate::Op::Custom) and a place in a side table of the tape, where a reference to the rule
//! is. It is borrowed for as long as the tape lives, as the values of leaves are; so nodes stay as small as they were, and
//! nothing on a tape owns memory. The sweeps gain one arm, which asks the rule.
//!
//! Decided here: what a rule must state. Left to others: when it is asked ([`crate::sweep`]), and whether it is right
//! ([`check_grads`](crate::check::check_grads)).

mod checkpoint;
mod rule;

pub use checkpoint::{Checkpoint, Segment, checkpoint};
pub use rule::{Custom, Given, Point};

pub(crate) use rule::Stated;

use crate::error::Result;
use crate::op::Samples;
use crate::real::Real;
use crate::shape::Shape;
use crate::sweep::sink::Sum;
use crate::sweep::{Pool, Tangents};
use crate::tape::{Node, Tape};

/// What a tape and its sweeps ask of either door.
pub(crate) trait Door<R: Real> {
    /// The name in messages.
    fn name(&self) -> &'static str;

    /// Computes the value, and copies it to the tape.
    fn primal<'t>(&self, tape: &'t Tape<'t, R>, operands: &Operands<'_, 't, R>) -> Result<Primal<'t, R>>;

    /// The tangents of the value, `[K, ..shape]`, given those of the operands, of which one at least has some; `None`
    /// where they are zero by structure.
    fn pushforward<'t>(
        &self,
        tape: &'t Tape<'t, R>,
        node: &Node<'t, R>,
        tangents: &Tangents<'t, R>,
        pool: &mut Pool<R>,
    ) -> Result<Option<Vec<R>>>;

    /// Adds the contributions to the cotangents of the operands, and to their tangents.
    fn pullback<'t>(&self, call: &Call<'_, 't, R>, sums: &mut [Pair<R>], pool: &mut Pool<R>) -> Result<()>;
}

/// The operands that a door is recorded on.
pub(crate) struct Operands<'s, 't, R> {
    pub(crate) ids: &'s [u32],
    pub(crate) nodes: &'s [Node<'t, R>],
}

/// What recording a door gives: shape, samples (`None` if they are mixed), numbers.
pub(crate) type Primal<'t, R> = (Shape, Option<Samples>, &'t [R]);

/// What is pulled back through a door.
pub(crate) struct Call<'s, 'a, R> {
    pub(crate) tape: &'a Tape<'a, R>,
    pub(crate) node: Node<'a, R>,
    /// The active operands, each once.
    pub(crate) operands: &'s [u32],
    pub(crate) directions: usize,
    /// Cotangents of the node, `[directions, ..shape]`.
    pub(crate) bar: &'s [R],
    /// Their tangents, `[tangents.directions, ..shape]`.
    pub(crate) dot: Option<&'s [R]>,
    pub(crate) tangents: Option<&'s Tangents<'a, R>>,
}

/// The cotangent of an operand, in the making, and its tangents.
#[derive(Debug)]
pub(crate) struct Pair<R> {
    pub(crate) bar: Sum<R>,
    pub(crate) dot: Sum<R>,
}

impl<R: Real> Pair<R> {
    /// Nothing yet.
    pub(crate) const EMPTY: Self = Self { bar: Sum::EMPTY, dot: Sum::EMPTY };
}
