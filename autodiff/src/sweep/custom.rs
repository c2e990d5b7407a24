//! A pullback through an op whose rule is its own: the rule adds to the cotangents where they stand.
//!
//! Elsewhere a sweep multiplies, and a sink adds. Here the rule is handed the sums themselves, so that what comes from the
//! interior of a checkpoint is added one by one, as it would have been without it.

use smallvec::SmallVec;

use super::pullback::{Backward, Slot};
use super::sink::{Sink, Sum};
use crate::custom::{Call, Pair};
use crate::error::{Error, Result};
use crate::op::Op;
use crate::real::Real;

impl<'a, R: Real, S: Sink<'a, R>> Backward<'_, 'a, R, S> {
    /// Moves the cotangents of node `id` on to its operands, by the rule at `index`.
    pub(super) fn through(&mut self, index: u32, id: u32, slot: Slot<R>) -> Result<()> {
        let (tape, node) = (self.tape, self.tape.node(id));
        let mut operands: SmallVec<[u32; 4]> = SmallVec::new();
        for &x in node.inputs {
            if tape.node(x).active && !operands.contains(&x) {
                operands.push(x);
            }
        }
        let mut sums: SmallVec<[Pair<R>; 4]> = SmallVec::new();
        for &x in &operands {
            sums.push(self.begun(x).ok_or_else(|| refused(tape.node(x).op, tape.rule(index).name(), id))?);
        }
        let call = Call {
            tape,
            node,
            operands: &operands,
            directions: self.directions,
            bar: &slot.bar,
            dot: slot.dot.as_deref(),
            tangents: self.tangents,
        };
        tape.rule(index).pullback(&call, &mut sums, self.pool)?;
        for (&x, pair) in operands.iter().zip(sums) {
            self.resume(x, pair);
        }
        slot.dot.into_iter().for_each(|dot| self.pool.give(dot));
        if let Some(bar) = self.sink.retire(slot.origin, slot.bar) {
            self.pool.give(bar);
        }
        Ok(())
    }

    /// What an operand has received so far; `None` where the sink does not sum.
    fn begun(&mut self, x: u32) -> Option<Pair<R>> {
        if let Op::Leaf(leaf) = self.tape.node(x).op {
            let [bar, dot] = self.sink.sums(leaf as usize)?;
            return Some(Pair { bar: std::mem::replace(bar, Sum::EMPTY), dot: std::mem::replace(dot, Sum::EMPTY) });
        }
        let sum = |numbers: Option<Vec<R>>| numbers.map_or(Sum::EMPTY, |numbers| Sum { numbers, begun: true });
        Some(match self.slots[x as usize].take() {
            Some(slot) => Pair { bar: sum(Some(slot.bar)), dot: sum(slot.dot) },
            None => Pair::EMPTY,
        })
    }

    /// Puts it back.
    fn resume(&mut self, x: u32, pair: Pair<R>) {
        if let Op::Leaf(leaf) = self.tape.node(x).op {
            if let Some([bar, dot]) = self.sink.sums(leaf as usize) {
                (*bar, *dot) = (pair.bar, pair.dot);
            }
            return;
        }
        let numbers = |sum: Sum<R>| sum.begun.then_some(sum.numbers);
        // An origin is a promise that two nodes have one cotangent, and this one's is its own.
        self.slots[x as usize] = numbers(pair.bar).map(|bar| Slot { bar, dot: numbers(pair.dot), origin: x });
    }
}

/// Why a sink that keeps samples apart cannot go through.
fn refused(leaf: Op<'_>, op: &'static str, node: u32) -> Error {
    let parameter = if let Op::Leaf(leaf) = leaf { leaf as usize } else { 0 };
    let why = "whose contribution is the affair of its own rule";
    let remedy = "keep parameters outside of checkpoints and custom ops, or ask for the gradient of all samples";
    Error::NotPerSample { parameter, op, node, why, remedy }
}
