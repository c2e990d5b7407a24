//! How the windows of convolutions and pools move: strides, dilations and padding, checked and turned into sizes.

use crate::kernel::window::Axis;

/// What windows read beyond the edges of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// No window reaches beyond: `out = (in - extent) / stride + 1`, rounded down, where a window of k taps has the
    /// extent `(k - 1) dilation + 1`.
    #[default]
    Valid,
    /// Zeros, so many that `out = in / stride`, rounded up; where they cannot be the same on both sides there is one
    /// more after than before, as in TensorFlow, JAX and neural-tangents.
    Same,
    /// As many as for [`Padding::Same`], taken from the other end of the image. The stride must divide the size.
    Circular,
    /// So many zeros before and after the rows, and before and after the columns.
    Explicit([[usize; 2]; 2]),
}

/// A window along one axis, as it was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub input: usize,
    pub taps: usize,
    pub stride: usize,
    pub dilation: usize,
}

/// No stride, dilation or padding is above this, so that no product of two of them overflows.
const MOST: usize = u32::MAX as usize;

impl Padding {
    /// The window along axis 0 (rows) or 1 (columns), or what to do where there is none.
    pub(crate) fn axis(&self, which: usize, asked: Asked) -> Result<Axis, &'static str> {
        let Asked { input, taps, stride, dilation } = asked;
        if taps == 0 {
            return Err("give the window one tap or more along each axis");
        }
        if stride == 0 || dilation == 0 || stride.max(dilation).max(input).max(taps) > MOST {
            return Err("give strides and dilations from 1 to 2^32 - 1");
        }
        let extent = (taps - 1) * dilation + 1;
        let same = input.div_ceil(stride);
        let missing = (same.saturating_sub(1) * stride + extent).saturating_sub(input);
        let (before, after) = match *self {
            Padding::Valid => (0, 0),
            Padding::Same | Padding::Circular => (missing / 2, missing - missing / 2),
            Padding::Explicit(sides) => (sides[which][0], sides[which][1]),
        };
        let circular = *self == Padding::Circular;
        if circular && input % stride != 0 {
            return Err("circular padding needs a stride that divides the size");
        }
        if before.max(after) > MOST && matches!(self, Padding::Explicit(_)) {
            return Err("give less padding than 2^32");
        }
        let output = match self {
            Padding::Same | Padding::Circular => same,
            Padding::Valid | Padding::Explicit(_) => match (input + before + after).checked_sub(extent) {
                Some(rest) => rest / stride + 1,
                None => return Err("the window is larger than the image: pad it, or take fewer taps"),
            },
        };
        Ok(Axis { input, output, taps, stride, dilation, before, circular })
    }
}
