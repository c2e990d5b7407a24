//! Convolutions.

use super::{Bilinear, Sizes};
use crate::error::{Error, Result};
use crate::kernel::conv::Convolution;
use crate::kernel::gemm::Accumulate;
use crate::kernel::grouped::InputPull;
use crate::op::linear::join;
use crate::op::window::{Asked, Padding};
use crate::op::{Operand, Samples, Signature};
use crate::real::Real;
use crate::shape::{self, Shape};

/// `y = alpha conv(x, w)`: the sum over taps and input channels of entries times weights.
///
/// As in every network library the window is not flipped: `y[o, k] = sum of x[o stride + i dilation - before, c] w[i, c, k]`.
///
/// # Shape
/// `x: [.., h, w, in], w: [kh, kw, in / groups, out] -> [.., h', w', out]`, and with weights of three axes
/// `x: [.., w, in], w: [kw, in / groups, out] -> [.., w', out]`.
///
/// # At the edges
/// Padding is zeros that are multiplied: with an infinite weight it makes NaN of what a window at the edge gives, and an
/// infinite cotangent makes NaN of the weights' cotangents. (So does JAX in single precision; in double it skips padding.)
///
/// # Cost
/// `h' w' kh kw in out / groups` multiply-adds an image forward, twice that in a pullback. The thread keeps
/// scratch of 2^17 numbers, or 128 windows where those are more, and in the input pull as many as there are weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv<'a> {
    /// How the window moves. In the arena, as a node's op has few bytes.
    pub window: &'a Window,
}

/// How the window of a convolution moves.
///
/// One-dimensional convolutions read the second entry of each pair; the first ones stay as in [`Window::UNIT`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Entries between two positions of the window, along rows and columns.
    pub stride: [usize; 2],
    /// Entries between two taps, along rows and columns.
    pub dilation: [usize; 2],
    /// What is read beyond the edges.
    pub padding: Padding,
    /// Into how many groups the channels are split: outputs of a group read the inputs of that group alone. With as
    /// many groups as channels, each channel is for itself (a depthwise convolution).
    pub groups: usize,
    /// The factor `alpha`: it costs nothing here, a node of its own elsewhere.
    pub alpha: f64,
}

impl Window {
    /// Stride, dilation and groups 1, no padding, factor 1.
    pub const UNIT: Self = Self { stride: [1, 1], dilation: [1, 1], padding: Padding::Valid, groups: 1, alpha: 1.0 };

    /// [`Window::UNIT`] with zeros around the image, so that it keeps its size.
    pub const SAME: Self = Self { padding: Padding::Same, ..Self::UNIT };
}

impl Default for Window {
    fn default() -> Self {
        Self::UNIT
    }
}

impl Conv<'_> {
    /// The sizes of the convolution, or what to do where the operands do not fit.
    pub(crate) fn sizes(&self, s: Sizes<'_>) -> std::result::Result<Convolution, &'static str> {
        let Window { stride, dilation, padding, groups, alpha } = *self.window;
        let ([kh, kw, fan_in, outputs], (leading, [h, w, inputs])) = match (s.b, s.a) {
            (&[kh, kw, fan_in, outputs], [leading @ .., h, w, inputs]) => {
                ([kh, kw, fan_in, outputs], (leading, [*h, *w, *inputs]))
            }
            (&[kw, fan_in, outputs], [leading @ .., w, inputs]) => {
                if (stride[0], dilation[0]) != (1, 1)
                    || matches!(padding, Padding::Explicit([[before, after], _]) if before + after > 0)
                {
                    return Err("along one axis, leave the stride, dilation and padding of the rows as they are");
                }
                ([1, kw, fan_in, outputs], (leading, [1, *w, *inputs]))
            }
            (&[_, _, _, _] | &[_, _, _], _) => {
                return Err("give an image [.., h, w, in], or [.., w, in] for weights of three axes");
            }
            _ => return Err("give weights [kh, kw, in / groups, out], or [kw, in / groups, out]"),
        };
        if groups == 0 || inputs % groups != 0 || outputs % groups != 0 {
            return Err("the groups must divide the channels of the input and of the output");
        }
        if inputs / groups != fan_in {
            return Err(
                "the third size of the weights from the end must be the channels of the image, over the groups",
            );
        }
        let rows = padding.axis(0, Asked { input: h, taps: kh, stride: stride[0], dilation: dilation[0] })?;
        let cols = padding.axis(1, Asked { input: w, taps: kw, stride: stride[1], dilation: dilation[1] })?;
        Ok(Convolution { images: shape::count(leading), rows, cols, inputs, outputs, groups, alpha })
    }

    /// The sizes of operands that recording has checked, with `directions` as many images.
    fn checked(&self, s: Sizes<'_>, directions: usize) -> Convolution {
        let sizes = self.sizes(s).unwrap_or_else(|remedy| unreachable!("recording checked the operands: {remedy}"));
        Convolution { images: directions.saturating_mul(sizes.images), ..sizes }
    }
}

impl Bilinear for Conv<'_> {
    const NAME: &'static str = "conv";

    fn signature(&self, a: Operand<'_>, b: Operand<'_>) -> Result<Signature> {
        let sizes = self.sizes(Sizes { a: a.shape, b: b.shape }).map_err(|remedy| Error::Shapes {
            op: Self::NAME,
            left: a.shape.into(),
            right: b.shape.into(),
            remedy,
        })?;
        let leading = a.shape.len() + 1 - b.shape.len();
        let mut shape = Shape::new(&a.shape[..leading]);
        if b.shape.len() == 4 {
            shape = shape.with(leading, sizes.rows.output);
        }
        shape = shape.with(shape.rank(), sizes.cols.output);
        shape = shape.with(shape.rank(), sizes.outputs);
        // An image of the result is made of one image, and one of its channels of one column of the weights.
        let left = match a.samples {
            Samples::Axis { axis, .. } if axis as usize >= leading => None,
            kept => Some(kept),
        };
        let right = match b.samples {
            Samples::Axis { axis, group } if axis as usize == b.shape.len() - 1 => {
                Some(Samples::Axis { axis: shape.rank() as u32 - 1, group })
            }
            Samples::Axis { .. } => None,
            other => Some(other),
        };
        Ok(Signature { samples: right.and_then(|right| join(left, right)), shape })
    }

    fn flops(&self, s: Sizes<'_>) -> usize {
        let sizes = self.checked(s, 1);
        // Every entry of the result reads one column of the weights.
        let entries = sizes.images * sizes.rows.output * sizes.cols.output * sizes.outputs;
        2 * entries * (shape::count(s.b) / sizes.outputs.max(1))
    }

    fn apply<R: Real>(&self, s: Sizes<'_>, directions: usize, a: &[R], b: &[R], y: &mut [R], accumulate: Accumulate) {
        self.checked(s, directions).apply(a, b, y, accumulate);
    }

    fn pull_left<R: Real>(
        &self,
        s: Sizes<'_>,
        directions: usize,
        y_bar: &[R],
        b: &[R],
        a_bar: &mut [R],
        accumulate: Accumulate,
    ) {
        // The cotangents of one position have passed the same relus and share their zeros.
        let (convolution, w) = (self.checked(s, 1), b);
        let grouped = InputPull { convolution, directions, y_bar, w, x_bar: &mut *a_bar, accumulate };
        if !R::on_lanes(grouped) {
            self.checked(s, directions).pull_input(y_bar, b, a_bar, accumulate);
        }
    }

    fn pull_right<R: Real>(&self, s: Sizes<'_>, a: &[R], y_bar: &[R], b_bar: &mut [R], accumulate: Accumulate) {
        self.checked(s, 1).pull_weights(a, y_bar, b_bar, accumulate);
    }
}
