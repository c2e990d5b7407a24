//! Linear ops: `y = A_1 x_1 + A_2 x_2 + ...`
//!
//! An op states how each operand enters (`apply`) and the transpose of that (`transpose`). Everything else follows:
//!
//! | sweep | rule |
//! |---|---|
//! | pushforward | `y_dot = A x_dot` |
//! | pullback | `x_bar = A^T y_bar` |
//! | tangent of the pullback | `x_bar_dot = A^T y_bar_dot` |
//!
//! There are no kinks, and the curvature is zero.

use super::{Operand, Samples, Signature};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::real::Real;
use crate::shape::{self, Shape};

/// A map that is linear in each of its operands together.
pub trait Linear: Copy {
    /// The op's name in messages and print-outs.
    const NAME: &'static str;

    /// Checks the operands; the shape of the result and what becomes of the samples.
    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature>;
    /// `y = A_i x_i`, or `y += A_i x_i`.
    fn apply<R: Real>(&self, i: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), accumulate: Accumulate);
    /// `x_bar = A_i^T y_bar`, or `x_bar += A_i^T y_bar`.
    fn transpose<R: Real>(
        &self,
        i: usize,
        y_bar: (&[usize], &[R]),
        x_bar: (&[usize], &mut [R]),
        accumulate: Accumulate,
    );
    /// Whether `A_i` is the identity on the numbers as they lie, so that a sweep may hand a buffer on instead of
    /// copying it.
    fn passes(&self, _i: usize, _x: &[usize], _y: &[usize]) -> bool {
        false
    }
}

/// The closed set of linear ops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LinearOp<'a> {
    /// `y = c_1 x_1 + c_2 x_2 + ...`
    Combine(Combine<'a>),
    /// Sum over an axis.
    Sum(Sum),
    /// Repetition along a new axis.
    Broadcast(Broadcast),
    /// Other sizes, the same numbers.
    Reshape(Reshape<'a>),
    /// One entry of the last axis in each row.
    Pick(Pick<'a>),
}

macro_rules! dispatch {
    ($self:ident, $op:ident => $body:expr) => {
        match $self {
            LinearOp::Combine($op) => $body,
            LinearOp::Sum($op) => $body,
            LinearOp::Broadcast($op) => $body,
            LinearOp::Reshape($op) => $body,
            LinearOp::Pick($op) => $body,
        }
    };
}

impl LinearOp<'_> {
    /// The op's name.
    pub fn name(&self) -> &'static str {
        fn name<L: Linear>(_: &L) -> &'static str {
            L::NAME
        }
        dispatch!(self, op => name(op))
    }
    pub(crate) fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        dispatch!(self, op => op.signature(operands))
    }
    pub(crate) fn apply<R: Real>(
        &self,
        i: usize,
        x: (&[usize], &[R]),
        y: (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        dispatch!(self, op => op.apply(i, x, y, accumulate))
    }
    pub(crate) fn transpose<R: Real>(
        &self,
        i: usize,
        y_bar: (&[usize], &[R]),
        x_bar: (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        dispatch!(self, op => op.transpose(i, y_bar, x_bar, accumulate))
    }
    pub(crate) fn passes(&self, i: usize, x: &[usize], y: &[usize]) -> bool {
        dispatch!(self, op => op.passes(i, x, y))
    }
}

/// `y = c_1 x_1 + c_2 x_2 + ...`: sums, differences, scalings and biases.
///
/// # Shape
/// The result has the largest rank among the operands; each operand's sizes are the last sizes of the result, and it
/// is repeated over the leading axes: `x: [n, d], b: [d] -> [n, d]`. Nothing is broadcast in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Combine<'a> {
    /// A coefficient for each operand.
    pub coefficients: &'a [f64],
}

impl Linear for Combine<'_> {
    const NAME: &'static str = "combine";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let widest = operands.iter().map(|o| o.shape).max_by_key(|s| s.len()).unwrap_or(&[]);
        let mut samples = Some(Samples::Free);
        for operand in operands {
            if !widest.ends_with(operand.shape) {
                let (left, right) = (widest.into(), operand.shape.into());
                let remedy = "the smaller shape must equal the last axes of the larger";
                return Err(Error::Shapes { op: Self::NAME, left, right, remedy });
            }
            samples = join(samples, shift(operand.samples, widest.len() - operand.shape.len()));
        }
        Ok(Signature { shape: widest.into(), samples })
    }

    fn apply<R: Real>(&self, i: usize, (_, x): (&[usize], &[R]), (_, y): (&[usize], &mut [R]), accumulate: Accumulate) {
        let c = self.coefficients[i];
        if !x.is_empty() {
            y.chunks_exact_mut(x.len()).for_each(|row| map::scale(accumulate, c, x, row));
        }
    }

    fn transpose<R: Real>(
        &self,
        i: usize,
        (_, y_bar): (&[usize], &[R]),
        (_, x_bar): (&[usize], &mut [R]),
        mut accumulate: Accumulate,
    ) {
        let c = self.coefficients[i];
        if y_bar.is_empty() && accumulate == Accumulate::Replace {
            x_bar.fill(R::ZERO);
        } else if !x_bar.is_empty() {
            for row in y_bar.chunks_exact(x_bar.len()) {
                map::scale(accumulate, c, row, x_bar);
                accumulate = Accumulate::Add;
            }
        }
    }

    fn passes(&self, i: usize, x: &[usize], y: &[usize]) -> bool {
        self.coefficients[i] == 1.0 && x == y
    }
}

/// `y = sum of x over an axis`.
///
/// # Shape
/// `[.., k, ..] -> [.., ..]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sum {
    /// The axis that goes.
    pub axis: usize,
}

/// A shape seen as `[outer, len, inner]` around an axis.
fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

impl Linear for Sum {
    const NAME: &'static str = "sum";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        if self.axis >= shape.len() {
            return Err(Error::Axis { op: Self::NAME, axis: self.axis, shape: shape.into() });
        }
        let samples = match samples {
            Samples::Axis { axis, .. } if axis as usize == self.axis => None,
            Samples::Axis { axis, group } if axis as usize > self.axis => Some(Samples::Axis { axis: axis - 1, group }),
            kept => Some(kept),
        };
        Ok(Signature { shape: Shape::new(shape).without(self.axis), samples })
    }

    fn apply<R: Real>(
        &self,
        _: usize,
        (shape, x): (&[usize], &[R]),
        (_, y): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        sum(around(shape, self.axis), x, y, accumulate);
    }

    fn transpose<R: Real>(
        &self,
        _: usize,
        (_, y_bar): (&[usize], &[R]),
        (shape, x_bar): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        repeat(around(shape, self.axis), y_bar, x_bar, accumulate);
    }
}

/// `y = x, len times along a new axis`: the transpose of [`Sum`].
///
/// # Shape
/// `[.., ..] -> [.., len, ..]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Broadcast {
    /// Where the new axis stands in the result.
    pub axis: usize,
    /// How often the value is repeated.
    pub len: usize,
}

impl Linear for Broadcast {
    const NAME: &'static str = "broadcast";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        if self.axis > shape.len() {
            return Err(Error::Axis { op: Self::NAME, axis: self.axis, shape: shape.into() });
        }
        let samples = match samples {
            Samples::Axis { axis, group } if axis as usize >= self.axis => Samples::Axis { axis: axis + 1, group },
            kept => kept,
        };
        Ok(Signature { shape: Shape::new(shape).with(self.axis, self.len), samples: Some(samples) })
    }

    fn apply<R: Real>(
        &self,
        _: usize,
        (_, x): (&[usize], &[R]),
        (shape, y): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        repeat(around(shape, self.axis), x, y, accumulate);
    }

    fn transpose<R: Real>(
        &self,
        _: usize,
        (shape, y_bar): (&[usize], &[R]),
        (_, x_bar): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        sum(around(shape, self.axis), y_bar, x_bar, accumulate);
    }
}

/// `[outer, len, inner] -> [outer, inner]`
fn sum<R: Real>((_, len, inner): (usize, usize, usize), x: &[R], y: &mut [R], accumulate: Accumulate) {
    if accumulate == Accumulate::Replace {
        y.fill(R::ZERO);
    }
    if len * inner == 0 {
        return;
    }
    for (x, y) in x.chunks_exact(len * inner).zip(y.chunks_exact_mut(inner)) {
        for x in x.chunks_exact(inner) {
            map::add(x, y);
        }
    }
}

/// `[outer, inner] -> [outer, len, inner]`
fn repeat<R: Real>((_, len, inner): (usize, usize, usize), x: &[R], y: &mut [R], accumulate: Accumulate) {
    if len * inner == 0 {
        return;
    }
    for (x, y) in x.chunks_exact(inner).zip(y.chunks_exact_mut(len * inner)) {
        for y in y.chunks_exact_mut(inner) {
            copy(x, y, accumulate);
        }
    }
}

/// The same numbers under other sizes. On a tape the value is not copied.
///
/// # Shape
/// Any shape to any shape of as many numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reshape<'a> {
    /// The new sizes.
    pub sizes: &'a [usize],
}

impl Linear for Reshape<'_> {
    const NAME: &'static str = "reshape";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        if shape::count(shape) != shape::count(self.sizes) {
            let (left, right) = (shape.into(), self.sizes.into());
            return Err(Error::Shapes { op: Self::NAME, left, right, remedy: "give sizes with the same product" });
        }
        Ok(Signature { shape: self.sizes.into(), samples: regrouped(samples, shape, self.sizes) })
    }

    fn apply<R: Real>(&self, _: usize, (_, x): (&[usize], &[R]), (_, y): (&[usize], &mut [R]), accumulate: Accumulate) {
        copy(x, y, accumulate);
    }

    fn transpose<R: Real>(
        &self,
        _: usize,
        (_, y_bar): (&[usize], &[R]),
        (_, x_bar): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        copy(y_bar, x_bar, accumulate);
    }

    fn passes(&self, _: usize, _: &[usize], _: &[usize]) -> bool {
        true
    }
}

/// Where samples lie after a reshape: kept where the axes up to theirs are kept, or where they lead and a whole number
/// of the new leading entries belongs to each.
fn regrouped(samples: Samples, old: &[usize], new: &[usize]) -> Option<Samples> {
    let Samples::Axis { axis, group } = samples else {
        return Some(samples);
    };
    let kept = axis as usize + 1;
    if new.get(..kept) == Some(&old[..kept]) {
        return Some(samples);
    }
    let count = old[axis as usize] / (group as usize).max(1);
    match new.first() {
        // INVARIANT: meaningful for two samples or more only; at one, every size is a multiple. Proofs are made at two.
        Some(&lead) if axis == 0 && count > 0 && lead % count == 0 => {
            Some(Samples::Axis { axis: 0, group: (lead / count) as u32 })
        }
        _ => None,
    }
}

fn copy<R: Real>(from: &[R], to: &mut [R], accumulate: Accumulate) {
    match accumulate {
        Accumulate::Replace => to.copy_from_slice(from),
        Accumulate::Add => map::add(from, to),
    }
}

/// `y_r = x[r, index_r]`: one entry of each row, such as the log-probability of its label.
///
/// # Shape
/// `[.., c] -> [..]`, an index for each row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick<'a> {
    /// For each row the entry to take; recorded, not differentiated.
    pub indices: &'a [u32],
}

impl Linear for Pick<'_> {
    const NAME: &'static str = "pick";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        let Some((&len, rows)) = shape.split_last() else {
            return Err(Error::Axis { op: Self::NAME, axis: 0, shape: shape.into() });
        };
        if shape::count(rows) != self.indices.len() {
            let (left, right) = (shape.into(), Shape::new(&[self.indices.len()]));
            return Err(Error::Shapes { op: Self::NAME, left, right, remedy: "give one index for each row" });
        }
        if let Some(position) = self.indices.iter().position(|&i| i as usize >= len) {
            return Err(Error::Index { op: Self::NAME, index: self.indices[position], position, len });
        }
        let samples = match samples {
            Samples::Axis { axis, .. } if axis as usize == rows.len() => None,
            kept => Some(kept),
        };
        Ok(Signature { shape: rows.into(), samples })
    }

    fn apply<R: Real>(
        &self,
        _: usize,
        (shape, x): (&[usize], &[R]),
        (_, y): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        let len = shape[shape.len() - 1];
        for ((y, &index), row) in y.iter_mut().zip(self.indices).zip(x.chunks_exact(len.max(1))) {
            match accumulate {
                Accumulate::Replace => *y = row[index as usize],
                Accumulate::Add => *y += row[index as usize],
            }
        }
    }

    fn transpose<R: Real>(
        &self,
        _: usize,
        (_, y_bar): (&[usize], &[R]),
        (shape, x_bar): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        if accumulate == Accumulate::Replace {
            x_bar.fill(R::ZERO);
        }
        let len = shape[shape.len() - 1];
        for ((&y_bar, &index), row) in y_bar.iter().zip(self.indices).zip(x_bar.chunks_exact_mut(len.max(1))) {
            row[index as usize] += y_bar;
        }
    }
}

/// The tag of an operand that is repeated over `leading` axes before its own.
fn shift(samples: Samples, leading: usize) -> Samples {
    match samples {
        Samples::Axis { axis, group } => Samples::Axis { axis: axis + leading as u32, group },
        other => other,
    }
}

/// The tag of a result whose entries depend on the same entries of two values; `None` where their samples lie along
/// different axes.
pub(crate) fn join(a: Option<Samples>, b: Samples) -> Option<Samples> {
    match (a?, b) {
        (Samples::Free, other) | (other, Samples::Free) => Some(other),
        (a, b) if a == b => Some(a),
        _ => None,
    }
}
