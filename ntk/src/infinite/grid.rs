//! Positions in rows and columns, and the windows that move over them.

use super::window::{Axis, Window};
use crate::model::layer::{Conv, Padding, Pool};

/// Rows and columns of positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid(pub(crate) [usize; 2]);

/// How a window moves.
pub(crate) struct Slide {
    /// Along rows and along columns.
    pub(crate) taps: [usize; 2],
    stride: usize,
    dilation: usize,
    padding: Padding,
    /// Whether it has one axis, that of columns.
    flat: bool,
    /// As [`Window::crossed`].
    crossed: bool,
}

impl Slide {
    pub(crate) fn of_conv(conv: &Conv) -> Self {
        let taps = [conv.kh.unwrap_or(1), conv.kw];
        let (stride, dilation, padding) = (conv.stride, conv.dilation, conv.padding);
        Self { taps, stride, dilation, padding, flat: conv.kh.is_none(), crossed: false }
    }

    pub(crate) fn of_pool(pool: &Pool, grid: &Grid) -> Self {
        let taps = [if grid.is_flat() { 1 } else { pool.size }, pool.size];
        let flat = grid.is_flat() && taps[0] == 1;
        Self { taps, stride: pool.stride, dilation: 1, padding: pool.padding, flat, crossed: true }
    }
}

impl Grid {
    /// One position.
    pub(crate) const ONE: Self = Self([1, 1]);

    pub(crate) fn positions(&self) -> usize {
        self.0[0] * self.0[1]
    }

    /// Whether there is one row.
    pub(crate) fn is_flat(&self) -> bool {
        self.0[0] == 1
    }

    /// Moves a window over the positions, which become its outputs.
    pub(crate) fn slide(&mut self, slide: Slide) -> Window {
        let [rows, columns] = [0, 1].map(|side| match side {
            0 if slide.flat => Axis::new((self.0[0], self.0[0]), (1, 1, 1), 0, false),
            _ => axis(self.0[side], slide.taps[side], &slide),
        });
        self.0 = [rows.output, columns.output];
        Window { rows, columns, crossed: slide.crossed }
    }
}

/// A window along an axis, as [`Padding`] describes it.
fn axis(input: usize, taps: usize, slide: &Slide) -> Axis {
    let Slide { stride, dilation, padding, .. } = *slide;
    let extent = (taps - 1) * dilation + 1;
    let same = |output: usize| ((output - 1) * stride + extent).saturating_sub(input) / 2;
    let fitting = |room: usize| (room - extent) / stride + 1;
    let (output, before, circular) = match padding {
        Padding::Valid => (fitting(input), 0, false),
        Padding::Zeros(side) => (fitting(input + 2 * side), side, false),
        Padding::Same => (input.div_ceil(stride), same(input.div_ceil(stride)), false),
        Padding::Circular => (input.div_ceil(stride), same(input.div_ceil(stride)), true),
    };
    Axis::new((input, output), (taps, stride, dilation), before, circular)
}
