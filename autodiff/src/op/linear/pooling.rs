//! Pools: one number for each window of an image, channel by channel.

use super::Linear;
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::pool::{WindowSums, largest};
use crate::kernel::window::{Axis, Channels, Reading, Writing};
use crate::op::window::{Asked, Padding};
use crate::op::{Operand, Samples, Signature};
use crate::real::Real;
use crate::shape::{self, Shape};

/// How the window of a pool moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolWindow {
    /// Rows and columns of the window.
    pub size: [usize; 2],
    /// Entries between two positions of the window, along rows and columns.
    pub stride: [usize; 2],
    /// What is read beyond the edges.
    pub padding: Padding,
}

impl PoolWindow {
    /// Windows of `size` times `size` side by side, none of which reaches beyond the edges.
    pub const fn tiles(size: usize) -> Self {
        Self { size: [size, size], stride: [size, size], padding: Padding::Valid }
    }

    /// The sizes of a pool, or why there is none.
    pub(crate) fn over(&self, op: &'static str, shape: &[usize]) -> Result<Pooled> {
        let refused = |remedy| Error::Shapes { op, left: shape.into(), right: Shape::new(&self.size), remedy };
        let [leading @ .., h, w, channels] = shape else {
            return Err(refused("give an image [.., h, w, channels]"));
        };
        let axis = |which: usize, input: usize| {
            let asked = Asked { input, taps: self.size[which], stride: self.stride[which], dilation: 1 };
            self.padding.axis(which, asked).map_err(refused)
        };
        if let Padding::Explicit(sides) = self.padding
            && (0..2).any(|which| sides[which].iter().any(|&side| side >= self.size[which]))
        {
            return Err(refused("give less padding than the window has taps, so that none reads padding alone"));
        }
        let (rows, cols) = (axis(0, *h)?, axis(1, *w)?);
        if (h * w == 0) && rows.output * cols.output > 0 {
            return Err(refused("an image without entries has no pool"));
        }
        Ok(Pooled { leading: leading.len(), images: shape::count(leading), rows, cols, channels: *channels })
    }

    fn signature(&self, op: &'static str, operand: Operand<'_>) -> Result<Signature> {
        let Operand { shape, samples } = operand;
        let pooled = self.over(op, shape)?;
        let samples = match samples {
            // Images are for themselves, and so are channels.
            Samples::Axis { axis, .. } if (axis as usize) < pooled.leading || axis as usize == pooled.leading + 2 => {
                Some(samples)
            }
            Samples::Axis { .. } => None,
            other => Some(other),
        };
        let mut sizes = Shape::new(&shape[..pooled.leading]);
        for size in [pooled.rows.output, pooled.cols.output, pooled.channels] {
            sizes = sizes.with(sizes.rank(), size);
        }
        Ok(Signature { shape: sizes, samples })
    }
}

/// The sizes of a pool.
pub(crate) struct Pooled {
    leading: usize,
    images: usize,
    rows: Axis,
    cols: Axis,
    channels: usize,
}

impl Pooled {
    fn channels(&self) -> Channels {
        Channels { all: self.channels, first: 0, count: self.channels }
    }

    fn reading(&self) -> Reading {
        Reading { rows: self.rows.forward(), cols: self.cols.forward(), channels: self.channels() }
    }

    /// Where the largest entry of each window stands.
    pub(crate) fn largest<R: Real>(&self, x: &[R], indices: &mut [u32]) {
        largest(&self.reading(), x, indices);
    }

    /// How many windows there are, channel by channel.
    pub(crate) fn len(&self) -> usize {
        shape::count(&[self.images, self.rows.output, self.cols.output, self.channels])
    }
}

/// The mean of each window, padding counted: the sum is divided by the window's size at the edges too.
///
/// # Shape
/// `[.., h, w, c] -> [.., h', w', c]`
///
/// # Source
/// As in flax (`count_include_pad = True`), PyTorch, and neural-tangents (`normalize_edges = False`), by default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AveragePool<'a> {
    /// How the window moves. In the arena, as a node's op has few bytes.
    pub window: &'a PoolWindow,
}

impl AveragePool<'_> {
    fn checked(&self, shape: &[usize]) -> Pooled {
        self.window.over(Self::NAME, shape).unwrap_or_else(|e| unreachable!("recording checked the operand: {e}"))
    }

    fn alpha(&self) -> f64 {
        1.0 / (self.window.size[0] * self.window.size[1]) as f64
    }
}

impl Linear for AveragePool<'_> {
    const NAME: &'static str = "average_pool";

    fn treats_samples_alike(&self) -> bool {
        true
    }

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        self.window.signature(Self::NAME, operands[0])
    }

    /// An addition for each entry of each window, padding counted.
    fn flops(&self, _: &[usize], y: &[usize], _: usize) -> usize {
        shape::count(y) * self.window.size[0] * self.window.size[1]
    }

    fn apply<R: Real>(
        &self,
        _: usize,
        (shape, x): (&[usize], &[R]),
        (_, y): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        let pooled = self.checked(shape);
        let writing = Writing { rows: pooled.rows.output, cols: pooled.cols.output, channels: pooled.channels() };
        let sums = WindowSums { reading: pooled.reading(), writing, images: pooled.images, alpha: self.alpha() };
        sums.run(x, y, accumulate);
    }

    fn transpose<R: Real>(
        &self,
        _: usize,
        (_, y_bar): (&[usize], &[R]),
        (shape, x_bar): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        let pooled = self.checked(shape);
        let channels = pooled.channels();
        let writing = Writing { rows: pooled.rows.input, cols: pooled.cols.input, channels };
        for row in 0..pooled.rows.phases() {
            for col in 0..pooled.cols.phases() {
                let reading = Reading { rows: pooled.rows.backward(row), cols: pooled.cols.backward(col), channels };
                let sums = WindowSums { reading, writing, images: pooled.images, alpha: self.alpha() };
                sums.run(y_bar, x_bar, accumulate);
            }
        }
    }
}

/// The largest entry of each window. Which one that is was read off when it was recorded, and is not differentiated:
/// `y_i = x[index_i]`.
///
/// # Shape
/// `[.., h, w, c] -> [.., h', w', c]`
///
/// # At kinks
/// Of equal entries the first is taken, row by row, as PyTorch and JAX do; the cotangent goes to it alone. (A maximum over
/// a whole axis is another matter: JAX's `max` divides the cotangent among equals.) A NaN is larger than everything, and
/// of several the last is taken, as in PyTorch. Padding is never taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxPool<'a> {
    /// What was recorded. In the arena, as a node's op has few bytes.
    pub choice: &'a Choice<'a>,
}

/// What a maximum pool chose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice<'a> {
    /// How the window moves.
    pub window: PoolWindow,
    /// For each number of the result the place of its entry, counted through all of the operand.
    pub indices: &'a [u32],
}

impl Linear for MaxPool<'_> {
    const NAME: &'static str = "max_pool";

    fn signature(&self, operands: &[Operand<'_>]) -> Result<Signature> {
        let (signature, indices) = (self.choice.window.signature(Self::NAME, operands[0])?, self.choice.indices);
        let len = shape::count(operands[0].shape);
        if signature.shape.len() != indices.len() {
            let (left, right) = (operands[0].shape.into(), Shape::new(&[indices.len()]));
            return Err(Error::Shapes { op: Self::NAME, left, right, remedy: "give one index for each window" });
        }
        if let Some(position) = indices.iter().position(|&i| i as usize >= len) {
            return Err(Error::Index { op: Self::NAME, index: indices[position], position, len });
        }
        Ok(signature)
    }

    fn apply<R: Real>(&self, _: usize, (_, x): (&[usize], &[R]), (_, y): (&[usize], &mut [R]), accumulate: Accumulate) {
        for (y, &index) in y.iter_mut().zip(self.choice.indices) {
            match accumulate {
                Accumulate::Replace => *y = x[index as usize],
                Accumulate::Add => *y += x[index as usize],
            }
        }
    }

    fn transpose<R: Real>(
        &self,
        _: usize,
        (_, y_bar): (&[usize], &[R]),
        (_, x_bar): (&[usize], &mut [R]),
        accumulate: Accumulate,
    ) {
        if accumulate == Accumulate::Replace {
            x_bar.fill(R::ZERO);
        }
        for (&y_bar, &index) in y_bar.iter().zip(self.choice.indices) {
            x_bar[index as usize] += y_bar;
        }
    }
}
