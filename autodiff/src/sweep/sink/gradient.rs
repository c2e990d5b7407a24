//! The sink that sums: a gradient, and its tangents.

use super::{Lent, Sink};
use crate::custom::Pair;
use crate::error::Result;
use crate::kernel::gemm::Accumulate;
use crate::real::Real;
use crate::sweep::Pool;
use crate::tape::Var;

/// Sums every contribution: `J^T v`, and the tangents of that.
///
/// Each sweep begins anew, in the buffers of the last one.
#[derive(Debug, Default)]
pub struct Gradient<R> {
    bars: Vec<Sum<R>>,
    dots: Vec<Sum<R>>,
}

/// A sum in the making.
#[derive(Debug)]
pub struct Sum<R> {
    pub(in crate::sweep) numbers: Vec<R>,
    /// Whether this sweep has put anything in; what is there otherwise is of an earlier one.
    pub(in crate::sweep) begun: bool,
}

impl<R: Real> Sum<R> {
    pub(crate) const EMPTY: Self = Self { numbers: Vec::new(), begun: false };

    fn value(&self) -> Option<&[R]> {
        self.begun.then_some(&self.numbers)
    }

    /// The buffer to add to, and whether it holds anything yet.
    pub(crate) fn summand(&mut self, len: usize, pool: &mut Pool<R>) -> (&mut [R], Accumulate) {
        if self.begun {
            return (&mut self.numbers, Accumulate::Add);
        }
        self.begun = true;
        if self.numbers.capacity() < len {
            pool.give(std::mem::take(&mut self.numbers));
            self.numbers = pool.take(len);
        }
        self.numbers.resize(len, R::ZERO);
        (&mut self.numbers, Accumulate::Replace)
    }
}

impl<R: Real> Gradient<R> {
    /// An empty sink.
    pub fn new() -> Self {
        Self { bars: Vec::new(), dots: Vec::new() }
    }

    /// The cotangents of a leaf, `[K, ..shape]`; `None` where they are zero by structure.
    pub fn of(&self, leaf: usize) -> Option<&[R]> {
        self.bars.get(leaf)?.value()
    }

    /// The tangents of a leaf's cotangent, `[K, ..shape]`; `None` where they are zero by structure.
    pub fn tangent_of(&self, leaf: usize) -> Option<&[R]> {
        self.dots.get(leaf)?.value()
    }

    /// Gives the buffers back, and keeps the empty lists for the next sweep.
    pub fn release(&mut self, pool: &mut Pool<R>) {
        for sum in self.bars.iter_mut().chain(&mut self.dots) {
            pool.give(std::mem::replace(sum, Sum::EMPTY).numbers);
        }
    }
}

impl<'a, R: Real> Sink<'a, R> for Gradient<R> {
    fn begin(&mut self, output: Var<'a, R>, _: usize) -> Result<()> {
        for sums in [&mut self.bars, &mut self.dots] {
            sums.resize_with(output.tape().leaves(), || Sum::EMPTY);
            sums.iter_mut().for_each(|sum| sum.begun = false);
        }
        Ok(())
    }

    fn lend(&mut self, lent: &Lent<'_, 'a, R>, pool: &mut Pool<R>) -> Result<()> {
        add(lent, &mut self.bars[lent.leaf], &mut self.dots[lent.leaf], pool);
        Ok(())
    }

    fn sums(&mut self, leaf: usize) -> Option<[&mut Sum<R>; 2]> {
        Some([self.bars.get_mut(leaf)?, self.dots.get_mut(leaf)?])
    }
}

/// Adds a contribution to a leaf's cotangents, and to their tangents.
fn add<R: Real>(lent: &Lent<'_, '_, R>, bar: &mut Sum<R>, dot: &mut Sum<R>, pool: &mut Pool<R>) {
    let (rule, i) = (lent.rule, lent.operand);
    let len = rule.input(i).value.len();
    let (bar, accumulate) = bar.summand(lent.directions * len, pool);
    rule.pull(i, lent.directions, lent.bar, bar, accumulate, pool);
    if let Some(tangents) = lent.tangents
        && (lent.dot.is_some() || rule.bends(i, tangents))
    {
        let (dot, accumulate) = dot.summand(tangents.directions * len, pool);
        rule.pull_tangent(i, lent.bar, lent.dot, tangents, dot, accumulate, pool);
    }
}

/// Adds to sums that were begun elsewhere: what a checkpoint's interior does for the tape around it.
pub(crate) struct Resumed<'s, R> {
    pub(crate) sums: &'s mut [Pair<R>],
    /// Of each leaf, which of the sums is its.
    pub(crate) places: &'s [usize],
}

impl<'a, R: Real> Sink<'a, R> for Resumed<'_, R> {
    fn lend(&mut self, lent: &Lent<'_, 'a, R>, pool: &mut Pool<R>) -> Result<()> {
        let Pair { bar, dot } = &mut self.sums[self.places[lent.leaf]];
        add(lent, bar, dot, pool);
        Ok(())
    }

    fn sums(&mut self, leaf: usize) -> Option<[&mut Sum<R>; 2]> {
        let Pair { bar, dot } = &mut self.sums[*self.places.get(leaf)?];
        Some([bar, dot])
    }
}
