//! The input pull of a convolution whose cotangents share their zeros.
//!
//! The K cotangents of a position have passed the same relus. A window reads some positions, each with the channels
//! that are on there:
//!
//! ```text
//! for every panel of V input channels           of the reversed weights, packed
//!   for every window                            K accumulators of V numbers, in registers
//!     for every tap that meets a position
//!       for every channel u that is on there
//!         acc[k] += y_bar[k, position, u] w[tap, u, ..]
//! ```
//!
//! Each image's cotangents are packed once, not once a tap as patches would have it.

use pulp::{Simd, WithSimd};

use super::{Lanes, Left, Packing, Rows, accumulate_rows, finite, passes};
use crate::kernel::conv::Convolution;
use crate::kernel::gemm::{Accumulate, View};
use crate::kernel::window::{Reading, Writing};
use crate::real::{OnLanes, Real};

/// `x_bar = conv(., w)^T y_bar` or `+=` for blocks of directions.
///
/// # Shape
/// `y_bar: [directions, images, positions, outputs] -> [directions, images, entries, inputs]`
pub(crate) struct InputPull<'s, R> {
    pub convolution: Convolution,
    pub directions: usize,
    pub y_bar: &'s [R],
    pub w: &'s [R],
    pub x_bar: &'s mut [R],
    pub accumulate: Accumulate,
}

impl<R: Real> OnLanes<R> for InputPull<'_, R> {
    /// As [`super::product`]: `false`, with nothing done, where the zeros are not worth it.
    fn run(self) -> bool
    where
        R: Lanes,
    {
        let Self { convolution: c, directions, y_bar, w, x_bar, accumulate } = self;
        let rows = Rows { numbers: y_bar, members: directions, groups: c.images * c.positions(), width: c.outputs };
        if c.groups != 1 || !rows.can_share() || c.inputs < R::PANEL || rows.width == 0 || rows.groups == 0 {
            return false;
        }
        R::with_packing(|packing| {
            if !rows.looks_sparse(&mut packing.active) || !finite(w) {
                return false;
            }
            for phase in c.phases() {
                let (reading, writing) = c.backward(phase);
                R::scratch(reading.fan_in() * c.inputs, |reversed| {
                    c.reverse(&reading, c.inputs, w, reversed);
                    let weights = View::new(reversed, reading.fan_in(), c.inputs);
                    for image in 0..c.images {
                        packing.pack_left(rows, image * c.positions()..(image + 1) * c.positions());
                        for column in (0..c.inputs).step_by(R::PANEL) {
                            packing.pack_panel(weights, column);
                            let place = Place { image, column, columns: c.inputs, images: c.images };
                            let alpha = R::from_f64(c.alpha);
                            let members = directions;
                            R::on_vectors(Loop { packing, reading, writing, members, place, alpha, accumulate, x_bar });
                        }
                    }
                });
            }
            true
        })
    }
}

/// Where the results of a panel go.
#[derive(Clone, Copy)]
struct Place {
    image: usize,
    column: usize,
    columns: usize,
    images: usize,
}

/// One image and one panel of weights.
struct Loop<'s, R> {
    packing: &'s Packing<R>,
    reading: Reading,
    writing: Writing,
    members: usize,
    place: Place,
    alpha: R,
    accumulate: Accumulate,
    x_bar: &'s mut [R],
}

impl<R: Lanes> WithSimd for Loop<'_, R> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { packing, reading, writing, members, place, alpha, accumulate, x_bar } = self;
        let taken = R::PANEL.min(place.columns - place.column);
        let direction = place.images * writing.rows * writing.cols * place.columns;
        let width = reading.channels.count;
        let left = Left { numbers: &packing.left, stride: members };
        let mut places = Vec::new();
        for window in 0..reading.positions() {
            let (_, row, col) = reading.locate(window);
            // NUMERICS: a flat list, as accumulators leave the registers in a loop within a loop.
            places.clear();
            for (at, tap) in reading.taps().enumerate() {
                if let Some(entry) = reading.entry((0, row, col), tap) {
                    let on = packing.starts[entry / width]..packing.starts[entry / width + 1];
                    let first = on.start;
                    let rows = packing.active[on].iter().enumerate();
                    places.extend(rows.map(|(t, &u)| ((first + t) as u32, (at * width) as u32 + u)));
                }
            }
            let start = writing.start(&reading, (place.image, row, col)) + place.column;
            for rows in passes::<R, S>(0..members) {
                let into = |k: usize, acc: &[R]| {
                    let out = &mut x_bar[(rows.start + k) * direction + start..][..taken];
                    match accumulate {
                        Accumulate::Replace => out.iter_mut().zip(acc).for_each(|(y, &x)| *y = alpha * x),
                        Accumulate::Add => out.iter_mut().zip(acc).for_each(|(y, &x)| *y += alpha * x),
                    }
                };
                let places = places.iter().map(|&(t, row)| (t as usize, row as usize));
                accumulate_rows::<R, S>(simd, left, rows.clone(), places, &packing.panel, into);
            }
        }
    }
}
