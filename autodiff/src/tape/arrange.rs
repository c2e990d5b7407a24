//! Recording what moves numbers, or chooses among them.

use super::Var;
use crate::error::{Error, Result};
use crate::op::LinearOp;
use crate::op::linear::{Concat, CumulativeSum, Flip, Gather, Joint, Pad, Permute, Slice, Triangle};
use crate::real::Real;

/// As an op keeps it; what does not fit is beyond every axis, and refused there.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl<'a, R: Real> Var<'a, R> {
    /// The axes in another order: axis `i` of the result is axis `axes[i]`.
    ///
    /// # Shape
    /// `axes = [1, 0]`: `[n, m] -> [m, n]`
    ///
    /// # Errors
    /// If `axes` does not name every axis once.
    pub fn permute(self, axes: &[usize]) -> Result<Self> {
        let axes: Vec<u32> = axes.iter().map(|&axis| narrow(axis)).collect();
        self.tape.linear(LinearOp::Permute(Permute { axes: self.tape.keep_list(&axes) }), &[self])
    }

    /// The last two axes exchanged: the transpose of each matrix.
    ///
    /// # Shape
    /// `[.., n, m] -> [.., m, n]`
    ///
    /// # Errors
    /// If there is no matrix.
    pub fn transposed(self) -> Result<Self> {
        let rank = self.shape().len();
        if rank < 2 {
            return Err(Error::Axis { op: "transposed", axis: 1, shape: self.shape().into() });
        }
        let mut axes: Vec<usize> = (0..rank).collect();
        axes.swap(rank - 2, rank - 1);
        self.permute(&axes)
    }

    /// The entries of an axis in opposite order.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn flip(self, axis: usize) -> Result<Self> {
        self.tape.linear(LinearOp::Flip(Flip { axis }), &[self])
    }

    /// Entries `start..start + len` of an axis.
    ///
    /// # Shape
    /// `[.., k, ..] -> [.., len, ..]`
    ///
    /// # Errors
    /// If the axis has no such entries.
    pub fn slice(self, axis: usize, start: usize, len: usize) -> Result<Self> {
        let op = Slice { axis: narrow(axis), start: narrow(start), len: narrow(len) };
        self.tape.linear(LinearOp::Slice(op), &[self])
    }

    /// So many zeros before and after the entries of an axis.
    ///
    /// # Shape
    /// `[.., k, ..] -> [.., before + k + after, ..]`
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn pad(self, axis: usize, before: usize, after: usize) -> Result<Self> {
        let op = Pad { axis: narrow(axis), before: narrow(before), after: narrow(after) };
        self.tape.linear(LinearOp::Pad(op), &[self])
    }

    /// This value and the others one behind the other along an axis.
    ///
    /// # Shape
    /// `[.., k, ..], [.., l, ..], .. -> [.., k + l + .., ..]`
    ///
    /// # Errors
    /// If the other sizes differ, or an operand is on another tape.
    pub fn concat(self, others: &[Self], axis: usize) -> Result<Self> {
        let parts = [&[self], others].concat();
        let mut start = 0;
        let starts: Vec<u32> = parts
            .iter()
            .map(|part| {
                let here = narrow(start);
                start += part.shape().get(axis).copied().unwrap_or(0);
                here
            })
            .collect();
        let joint = Joint { axis: narrow(axis), starts: self.tape.keep_list(&starts) };
        self.tape.linear(LinearOp::Concat(Concat { joint: self.tape.keep_one(joint) }), &parts)
    }

    /// This value and the others along a new axis.
    ///
    /// # Shape
    /// `[.., ..], .. -> [.., k, ..]`, k values of one shape.
    ///
    /// # Errors
    /// If the shapes differ, `axis` is above the rank, or an operand is on another tape.
    pub fn stack(self, others: &[Self], axis: usize) -> Result<Self> {
        let raised = |part: &Self| part.broadcast(axis, 1);
        let others: Vec<Self> = others.iter().map(raised).collect::<Result<_>>()?;
        raised(&self)?.concat(&others, axis)
    }

    /// Rows of the first axis by their indices, any number of times each: an embedding where this is a table.
    ///
    /// # Shape
    /// `[v, ..] -> [indices, ..]`
    ///
    /// # Errors
    /// If an index lies outside the axis.
    pub fn gather(self, indices: &[u32]) -> Result<Self> {
        self.tape.linear(LinearOp::Gather(Gather { indices: self.tape.keep_list(indices) }), &[self])
    }

    /// What is on and below a diagonal of each matrix, and zeros; 0 is the main diagonal, 1 the one above it.
    ///
    /// # Errors
    /// If there is no matrix.
    pub fn tril(self, diagonal: i32) -> Result<Self> {
        self.tape.linear(LinearOp::Triangle(Triangle { upper: false, diagonal }), &[self])
    }

    /// What is on and above a diagonal of each matrix, and zeros.
    ///
    /// # Errors
    /// If there is no matrix.
    pub fn triu(self, diagonal: i32) -> Result<Self> {
        self.tape.linear(LinearOp::Triangle(Triangle { upper: true, diagonal }), &[self])
    }

    /// The sum of all entries of an axis up to each.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn cumulative_sum(self, axis: usize) -> Result<Self> {
        let op = CumulativeSum { axis: narrow(axis), from_end: false };
        self.tape.linear(LinearOp::CumulativeSum(op), &[self])
    }

    /// Mean over an axis, which goes; NaN if it is empty.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn mean_axis(self, axis: usize) -> Result<Self> {
        let len = self.shape().get(axis).copied().unwrap_or(0);
        Ok(self.sum_axis(axis)?.scale(1.0 / len as f64))
    }

    /// Along an axis, the index of the largest entry of each row, the first of several; that of the first NaN if there
    /// is one. A read-out: nothing is recorded.
    ///
    /// # Shape
    /// `[.., k, ..] -> [.., ..]`, row-major.
    ///
    /// # Errors
    /// If there is no such axis, or nothing along it.
    pub fn argmax(self, axis: usize) -> Result<Vec<u32>> {
        let (shape, value) = (self.shape(), self.value());
        let len = shape.get(axis).copied().unwrap_or(0);
        if len == 0 {
            return Err(Error::Axis { op: "argmax", axis, shape: shape.into() });
        }
        let inner: usize = shape[axis + 1..].iter().product();
        let rows = value.len() / len;
        let entry = |row: usize, k: usize| value[(row / inner * len + k) * inner + row % inner].primal();
        let first = |row: usize| {
            (1..len).fold(0, |top, k| {
                let (x, best) = (entry(row, k), entry(row, top));
                if x > best || (x.is_nan() && !best.is_nan()) { k } else { top }
            })
        };
        Ok((0..rows).map(|row| first(row) as u32).collect())
    }

    /// The largest entry along an axis, which goes.
    ///
    /// # Shape
    /// `[.., k, ..] -> [.., ..]`
    ///
    /// # At kinks
    /// Of several largest entries the first has slope 1 and the others 0, as in PyTorch; JAX shares the slope among them.
    ///
    /// # Errors
    /// As [`Var::argmax`].
    pub fn max_axis(self, axis: usize) -> Result<Self> {
        let indices = self.argmax(axis)?;
        let mut axes: Vec<usize> = (0..self.shape().len()).collect();
        let moved = axes.remove(axis);
        axes.push(moved);
        self.permute(&axes)?.pick(&indices)
    }

    /// The smallest entry along an axis, which goes; ties as for [`Var::max_axis`].
    ///
    /// # Errors
    /// As [`Var::argmax`].
    pub fn min_axis(self, axis: usize) -> Result<Self> {
        Ok(self.scale(-1.0).max_axis(axis)?.scale(-1.0))
    }

    /// Entry by entry this value where `condition` holds, the other elsewhere.
    ///
    /// What is not chosen has no part in the value or the slopes, NaN and infinities included.
    ///
    /// # Errors
    /// If the shapes differ, there is not a condition for each entry, or `y` is on another tape.
    pub fn select(self, condition: &[bool], y: Self) -> Result<Self> {
        let which: Vec<u32> = condition.iter().map(|&this| u32::from(!this)).collect();
        self.stack(&[y], self.shape().len())?.pick(&which)
    }

    /// The larger of two values, entry by entry; this one where they are equal, NaN if either is.
    ///
    /// # Errors
    /// If the shapes differ, or `y` is on another tape.
    pub fn maximum(self, y: Self) -> Result<Self> {
        let pairs = self.value().iter().zip(y.value()).map(|(x, y)| (x.primal(), y.primal()));
        // A NaN on the right is chosen as one on the left is.
        let condition: Vec<bool> = pairs.map(|(x, y)| x >= y || x.is_nan()).collect();
        if self.shape() != y.shape() {
            let (left, right) = (self.shape().into(), y.shape().into());
            return Err(Error::Shapes { op: "maximum", left, right, remedy: "give both operands one shape" });
        }
        self.select(&condition, y)
    }

    /// The smaller of two values, entry by entry; this one where they are equal, NaN if either is.
    ///
    /// # Errors
    /// If the shapes differ, or `y` is on another tape.
    pub fn minimum(self, y: Self) -> Result<Self> {
        Ok(self.scale(-1.0).maximum(y.scale(-1.0))?.scale(-1.0))
    }
}
