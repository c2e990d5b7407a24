//! A part of an axis, and a whole from parts: slices, padding, concatenation, triangles.

use super::{Linear, across, around, copy, join, moved};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::op::{Operand, Samples, Signature};
use crate::real::Real;
use crate::shape::Shape;

/// Where a run of entries lies along an axis of a longer value.
#[derive(Clone, Copy)]
struct Run {
    axis: usize,
    start: usize,
}

impl Run {
    /// Takes the run out of `whole`.
    fn take<R: Real>(self, whole: (&[usize], &[R]), part: (&[usize], &mut [R]), accumulate: Accumulate) {
        let ((_, long, inner), (_, len, _)) = (around(whole.0, self.axis), around(part.0, self.axis));
        if len * inner > 0 {
            for (whole, part) in whole.1.chunks_exact(long * inner).zip(part.1.chunks_exact_mut(len * inner)) {
                copy(&whole[self.start * inner..][..len * inner], part, accumulate);
            }
        }
    }

    /// Puts the run into `whole`, and nothing else.
    fn put<R: Real>(self, part: (&[usize], &[R]), whole: (&[usize], &mut [R]), accumulate: Accumulate) {
        let ((_, long, inner), (_, len, _)) = (around(whole.0, self.axis), around(part.0, self.axis));
        if len * inner > 0 {
            for (part, whole) in part.1.chunks_exact(len * inner).zip(whole.1.chunks_exact_mut(long * inner)) {
                copy(part, &mut whole[self.start * inner..][..len * inner], accumulate);
            }
        }
    }

    /// Puts the run into `whole`; what Replace finds beside it becomes zero.
    fn embed<R: Real>(self, part: (&[usize], &[R]), whole: (&[usize], &mut [R]), accumulate: Accumulate) {
        if accumulate == Accumulate::Replace {
            whole.1.fill(R::ZERO);
        }
        self.put(part, whole, accumulate);
    }
}

/// Entries `start..start + len` of an axis.
///
/// # Shape
/// `[.., k, ..] -> [.., len, ..]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    /// The axis.
    pub axis: u32,
    /// The first entry that stays.
    pub start: u32,
    /// How many stay.
    pub len: u32,
}

impl Slice {
    fn run(&self) -> Run {
        Run { axis: self.axis as usize, start: self.start as usize }
    }
}

impl Linear for Slice {
    const NAME: &'static str = "slice";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        // Some of the samples are not the samples.
        let samples = across(Self::NAME, self.axis as usize, shape, samples)?;
        let (end, len) = (u64::from(self.start) + u64::from(self.len), shape[self.axis as usize]);
        if end > len as u64 {
            let (index, position) = ((end - 1).min(u64::from(u32::MAX)) as u32, self.len.saturating_sub(1) as usize);
            return Err(Error::Index { op: Self::NAME, index, position, len });
        }
        let sizes = Shape::new(shape).without(self.axis as usize).with(self.axis as usize, self.len as usize);
        Ok(Signature { shape: sizes, samples })
    }

    fn apply<R: Real>(&self, _: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), accumulate: Accumulate) {
        self.run().take(x, y, accumulate);
    }

    fn transpose<R: Real>(&self, _: usize, y_bar: (&[usize], &[R]), x_bar: (&[usize], &mut [R]), to: Accumulate) {
        self.run().embed(y_bar, x_bar, to);
    }
}

/// Zeros before and after the entries of an axis: the transpose of [`Slice`].
///
/// # Shape
/// `[.., k, ..] -> [.., before + k + after, ..]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pad {
    /// The axis.
    pub axis: u32,
    /// Zeros before.
    pub before: u32,
    /// Zeros after.
    pub after: u32,
}

impl Pad {
    fn run(&self) -> Run {
        Run { axis: self.axis as usize, start: self.before as usize }
    }
}

impl Linear for Pad {
    const NAME: &'static str = "pad";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let (Operand { shape, samples }, axis) = (operands[0], self.axis as usize);
        let samples = across(Self::NAME, axis, shape, samples)?;
        let len = shape[axis] + self.before as usize + self.after as usize;
        Ok(Signature { shape: Shape::new(shape).without(axis).with(axis, len), samples })
    }

    fn apply<R: Real>(&self, _: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), accumulate: Accumulate) {
        self.run().embed(x, y, accumulate);
    }

    fn transpose<R: Real>(&self, _: usize, y_bar: (&[usize], &[R]), x_bar: (&[usize], &mut [R]), to: Accumulate) {
        self.run().take(y_bar, x_bar, to);
    }
}

/// Operands one behind the other along an axis.
///
/// # Shape
/// `[.., k, ..], [.., l, ..], .. -> [.., k + l + .., ..]`, the other sizes equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concat<'a> {
    /// Where the operands lie. In the arena, as a node's op has few bytes.
    pub joint: &'a Joint<'a>,
}

/// Where the operands of a concatenation lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joint<'a> {
    /// The axis.
    pub axis: u32,
    /// For each operand where it begins.
    pub starts: &'a [u32],
}

impl Concat<'_> {
    fn run(&self, i: usize) -> Run {
        Run { axis: self.joint.axis as usize, start: self.joint.starts[i] as usize }
    }
}

impl Linear for Concat<'_> {
    const NAME: &'static str = "concat";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let (axis, first) = (self.joint.axis as usize, operands[0].shape);
        if axis >= first.len() {
            return Err(Error::Axis { op: Self::NAME, axis, shape: first.into() });
        }
        let rest = |shape: &[usize]| Shape::new(shape).without(axis);
        let (mut len, mut samples) = (0, Some(Samples::Free));
        for (i, operand) in operands.iter().enumerate() {
            let fits = operand.shape.len() == first.len() && rest(operand.shape) == rest(first);
            if !fits || self.joint.starts.get(i) != Some(&(len as u32)) {
                let (left, right) = (first.into(), operand.shape.into());
                let remedy = "all sizes but that of the axis must be equal";
                return Err(Error::Shapes { op: Self::NAME, left, right, remedy });
            }
            len += operand.shape[axis];
            let own = across(Self::NAME, axis, operand.shape, operand.samples)?;
            samples = own.and_then(|own| join(samples, own));
        }
        Ok(Signature { shape: rest(first).with(axis, len), samples })
    }

    fn apply<R: Real>(&self, i: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), accumulate: Accumulate) {
        if accumulate == Accumulate::Replace {
            // NUMERICS: the others will be added, and -0 is what changes nothing that is added to it; 0 would lose a -0.
            y.1.fill(-R::ZERO);
        }
        self.run(i).put(x, y, accumulate);
    }

    fn transpose<R: Real>(&self, i: usize, y_bar: (&[usize], &[R]), x_bar: (&[usize], &mut [R]), to: Accumulate) {
        self.run(i).take(y_bar, x_bar, to);
    }
}

/// The matrices of the last two axes, zero on one side of a diagonal; its own transpose.
///
/// # Shape
/// `[.., n, m] -> [.., n, m]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triangle {
    /// Whether what stays is above the diagonal (and on it), or below (and on it).
    pub upper: bool,
    /// Which diagonal: 0 the main one, 1 the one above it, -1 the one below it.
    pub diagonal: i32,
}

impl Triangle {
    fn cut<R: Real>(&self, shape: &[usize], from: &[R], to: &mut [R], accumulate: Accumulate) {
        let [n, m] = [shape[shape.len() - 2], shape[shape.len() - 1]];
        for (row, (from, to)) in from.chunks_exact(m.max(1)).zip(to.chunks_exact_mut(m.max(1))).enumerate() {
            // The first column on the diagonal, and the columns that stay.
            let on = (row % n) as i64 + i64::from(self.diagonal);
            let kept =
                if self.upper { on.clamp(0, m as i64) as usize..m } else { 0..(on + 1).clamp(0, m as i64) as usize };
            if accumulate == Accumulate::Replace {
                to[..kept.start].fill(R::ZERO);
                to[kept.end..].fill(R::ZERO);
            }
            copy(&from[kept.clone()], &mut to[kept], accumulate);
        }
    }
}

impl Linear for Triangle {
    const NAME: &'static str = "triangle";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        if shape.len() < 2 {
            return Err(Error::Axis { op: Self::NAME, axis: 1, shape: shape.into() });
        }
        Ok(Signature { shape: shape.into(), samples: Some(samples) })
    }

    fn apply<R: Real>(&self, _: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), accumulate: Accumulate) {
        self.cut(x.0, x.1, y.1, accumulate);
    }

    fn transpose<R: Real>(&self, _: usize, y_bar: (&[usize], &[R]), x_bar: (&[usize], &mut [R]), to: Accumulate) {
        self.cut(x_bar.0, y_bar.1, x_bar.1, to);
    }
}

/// Rows of the first axis, chosen by index: an embedding where the operand is a table.
///
/// An index may occur any number of times; the transpose adds what its copies receive.
///
/// # Shape
/// `[v, ..] -> [indices, ..]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gather<'a> {
    /// For each row of the result the row of the operand; recorded, not differentiated.
    pub indices: &'a [u32],
}

impl Linear for Gather<'_> {
    const NAME: &'static str = "gather";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let Operand { shape, samples } = operands[0];
        let samples = across(Self::NAME, 0, shape, samples)?;
        if let Some(position) = self.indices.iter().position(|&i| i as usize >= shape[0]) {
            return Err(Error::Index { op: Self::NAME, index: self.indices[position], position, len: shape[0] });
        }
        Ok(Signature { shape: Shape::new(&shape[1..]).with(0, self.indices.len()), samples })
    }

    fn apply<R: Real>(&self, _: usize, x: (&[usize], &[R]), y: (&[usize], &mut [R]), accumulate: Accumulate) {
        let row: usize = x.0[1..].iter().product();
        if row == 1 {
            self.indices.iter().zip(y.1).for_each(|(&i, y)| moved(x.1[i as usize], y, accumulate));
        } else if row > 0 {
            for (&i, y) in self.indices.iter().zip(y.1.chunks_exact_mut(row)) {
                copy(&x.1[i as usize * row..][..row], y, accumulate);
            }
        }
    }

    fn transpose<R: Real>(&self, _: usize, y_bar: (&[usize], &[R]), x_bar: (&[usize], &mut [R]), to: Accumulate) {
        if to == Accumulate::Replace {
            x_bar.1.fill(R::ZERO);
        }
        let row: usize = x_bar.0[1..].iter().product();
        if row > 0 {
            for (&i, y_bar) in self.indices.iter().zip(y_bar.1.chunks_exact(row)) {
                copy(y_bar, &mut x_bar.1[i as usize * row..][..row], Accumulate::Add);
            }
        }
    }
}
