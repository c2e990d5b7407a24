//! Windows that move over an image: which entries each position reads, and the copying of them side by side.
//!
//! Along an axis, output `o` reads with tap `i` the input entry `o stride + i dilation - before`. Both directions of a
//! convolution are progressions of this kind ([`Walk`]): the transposed one splits into `stride` phases, and the inputs
//! of a phase read the outputs one after another, with the taps reversed. So no zeros are put between the outputs and
//! none are multiplied.

use crate::kernel::gemm::Accumulate;
use crate::real::Real;

/// A window along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// Entries of the input.
    pub input: usize,
    /// Entries of the output.
    pub output: usize,
    /// Entries that the window reads.
    pub taps: usize,
    /// Input entries between two positions of the window.
    pub stride: usize,
    /// Input entries between two taps.
    pub dilation: usize,
    /// Entries of padding before the first input.
    pub before: usize,
    /// Whether the padding is the other end of the input.
    ///
    /// INVARIANT: then `stride` divides `input`, and `output` is their quotient.
    pub circular: bool,
}

impl Axis {
    /// How the outputs read the inputs.
    pub fn forward(&self) -> Walk {
        Walk {
            positions: self.output,
            taps: self.taps,
            first: -(self.before as isize),
            stride: self.stride,
            dilation: self.dilation,
            len: self.input,
            window: self.taps,
            circular: self.circular,
            phase: 0,
            step: 1,
            tap: 0,
            tap_step: 1,
        }
    }

    /// How many kinds of inputs there are, by the taps that read them.
    pub fn phases(&self) -> usize {
        self.stride.min(self.input)
    }

    /// How the inputs `phase, phase + stride, ..` are read by the outputs, written as a reading of the outputs.
    ///
    /// # Rule
    /// Input `h` is read by output `o` with tap `i` where `o stride = h + before - i dilation`. The taps of a phase are
    /// `stride / g` apart, `g` the common divisor of stride and dilation, and read outputs `dilation / g` apart.
    pub fn backward(&self, phase: usize) -> Walk {
        let (stride, dilation) = (self.stride as isize, self.dilation as isize);
        let above = |tap: usize| (phase + self.before) as isize - tap as isize * dilation;
        let common = gcd(self.stride, self.dilation);
        let tap_step = self.stride / common;
        let last = (0..self.taps).rev().take(tap_step).find(|&tap| above(tap) % stride == 0);
        Walk {
            positions: (self.input - phase).div_ceil(self.stride),
            taps: last.map_or(0, |last| last / tap_step + 1),
            first: last.map_or(0, |last| above(last) / stride),
            stride: 1,
            dilation: self.dilation / common,
            len: self.output,
            window: self.taps,
            circular: self.circular,
            phase,
            step: self.stride,
            tap: last.unwrap_or(0),
            tap_step: -(tap_step as isize),
        }
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A progression of windows along one axis: position `t` reads with tap `r` the entry `first + t stride + r dilation`,
/// if there is such an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    /// How many positions there are.
    pub positions: usize,
    /// How many entries each reads.
    pub taps: usize,
    first: isize,
    stride: usize,
    dilation: usize,
    /// Entries of what is read.
    len: usize,
    /// Taps of the window itself; a phase has some of them.
    window: usize,
    circular: bool,
    /// Position `t` belongs to entry `phase + t step` of the result.
    phase: usize,
    step: usize,
    /// Tap `r` is the window's tap `tap + r tap_step`.
    tap: usize,
    tap_step: isize,
}

impl Walk {
    /// The entry that position `t` reads with tap `r`.
    #[inline(always)]
    pub fn entry(&self, t: usize, r: usize) -> Option<usize> {
        let at = self.first + (t * self.stride + r * self.dilation) as isize;
        if self.circular {
            return Some(at.rem_euclid(self.len as isize) as usize);
        }
        (at >= 0 && (at as usize) < self.len).then_some(at as usize)
    }

    /// The first of the entries that position `t` reads, if they lie side by side.
    #[inline(always)]
    fn run(&self, t: usize) -> Option<usize> {
        let at = self.first + (t * self.stride) as isize;
        let inside = at >= 0 && at as usize + self.taps <= self.len;
        (inside && self.dilation == 1).then_some(at as usize)
    }

    /// The entry of the result that position `t` belongs to.
    #[inline(always)]
    pub fn place(&self, t: usize) -> usize {
        self.phase + t * self.step
    }

    /// The window's own number for tap `r`.
    #[inline(always)]
    pub fn tap(&self, r: usize) -> usize {
        (self.tap as isize + r as isize * self.tap_step) as usize
    }

    /// Whether each position reads the one entry that stands where it stands.
    fn copies(&self) -> bool {
        self.taps == 1 && self.first == 0 && self.stride == 1 && self.positions == self.len
    }
}

/// Some of an image's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channels {
    /// How many there are in the image.
    pub all: usize,
    /// The first of these.
    pub first: usize,
    /// How many these are.
    pub count: usize,
}

/// Windows over the rows and columns of images `[.., rows, cols, channels]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Along the rows.
    pub rows: Walk,
    /// Along the columns.
    pub cols: Walk,
    /// Which channels are read.
    pub channels: Channels,
}

impl Reading {
    /// Windows of an image.
    pub fn positions(&self) -> usize {
        self.rows.positions * self.cols.positions
    }

    /// Numbers that a window reads.
    pub fn fan_in(&self) -> usize {
        self.rows.taps * self.cols.taps * self.channels.count
    }

    /// Whether the windows, side by side, are the images as they lie.
    pub fn copies(&self) -> bool {
        self.rows.copies() && self.cols.copies() && self.channels.count == self.channels.all
    }

    /// The window's own number for a tap of this reading: that of [`Axis`], row by row.
    #[inline(always)]
    pub fn tap(&self, (row, col): (usize, usize)) -> usize {
        self.rows.tap(row) * self.cols.window + self.cols.tap(col)
    }

    /// Image, row and column of a window, counted through all images.
    pub fn locate(&self, window: usize) -> (usize, usize, usize) {
        let (image, rest) = (window / self.positions(), window % self.positions());
        (image, rest / self.cols.positions, rest % self.cols.positions)
    }

    /// Copies the windows from `first` on, counted through all images, behind one another; padding is 0.
    ///
    /// # Shape
    /// `out: [windows, taps of rows, taps of columns, channels]`
    pub fn gather<R: Real>(&self, x: &[R], first: usize, out: &mut [R]) {
        let Channels { all, first: channel, count } = self.channels;
        let (fan_in, across) = (self.fan_in(), self.cols.taps * count);
        if fan_in == 0 || out.is_empty() {
            return;
        }
        let (mut image, mut row, mut col) = self.locate(first);
        for window in out.chunks_exact_mut(fan_in) {
            let run = if count == all { self.cols.run(col) } else { None };
            for (r, part) in window.chunks_exact_mut(across).enumerate() {
                let Some(from) = self.rows.entry(row, r) else {
                    part.fill(R::ZERO);
                    continue;
                };
                let from = (image * self.rows.len + from) * self.cols.len;
                if let Some(run) = run {
                    part.copy_from_slice(&x[(from + run) * all..][..across]);
                    continue;
                }
                for (r, part) in part.chunks_exact_mut(count).enumerate() {
                    match self.cols.entry(col, r) {
                        Some(at) => part.copy_from_slice(&x[(from + at) * all + channel..][..count]),
                        None => part.fill(R::ZERO),
                    }
                }
            }
            (image, row, col) = self.next(image, row, col);
        }
    }

    /// Where the channels of the entry begin that a window reads with a tap of this reading; `None` in the padding.
    #[inline(always)]
    pub fn entry(&self, (image, row, col): (usize, usize, usize), (r, c): (usize, usize)) -> Option<usize> {
        let (row, col) = (self.rows.entry(row, r)?, self.cols.entry(col, c)?);
        Some(((image * self.rows.len + row) * self.cols.len + col) * self.channels.all + self.channels.first)
    }

    /// The taps of this reading, row by row.
    #[inline(always)]
    pub fn taps(&self) -> impl Iterator<Item = (usize, usize)> {
        let cols = self.cols.taps;
        (0..self.rows.taps).flat_map(move |r| (0..cols).map(move |c| (r, c)))
    }

    /// The window after this one.
    #[inline(always)]
    pub fn next(&self, image: usize, row: usize, col: usize) -> (usize, usize, usize) {
        if col + 1 < self.cols.positions {
            (image, row, col + 1)
        } else if row + 1 < self.rows.positions {
            (image, row + 1, 0)
        } else {
            (image + 1, 0, 0)
        }
    }
}

/// Where the results of a [`Reading`] go: images `[.., rows, cols, channels]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    /// Entries along the rows.
    pub rows: usize,
    /// Entries along the columns.
    pub cols: usize,
    /// Which channels are written.
    pub channels: Channels,
}

impl Writing {
    /// Whether results one behind the other are the images as they lie.
    pub fn copies(&self, reading: &Reading) -> bool {
        reading.rows.step == 1 && reading.cols.step == 1 && self.channels.count == self.channels.all
    }

    /// Where the result of a window begins.
    #[inline(always)]
    pub fn start(&self, reading: &Reading, (image, row, col): (usize, usize, usize)) -> usize {
        let row = image * self.rows + reading.rows.place(row);
        (row * self.cols + reading.cols.place(col)) * self.channels.all + self.channels.first
    }

    /// Copies or adds the results of the windows from `first` on to their places.
    pub fn scatter<R: Real>(
        &self,
        reading: &Reading,
        first: usize,
        results: &[R],
        out: &mut [R],
        accumulate: Accumulate,
    ) {
        if self.channels.count == 0 || results.is_empty() {
            return;
        }
        let mut at = reading.locate(first);
        for result in results.chunks_exact(self.channels.count) {
            let out = &mut out[self.start(reading, at)..][..result.len()];
            match accumulate {
                Accumulate::Replace => out.copy_from_slice(result),
                Accumulate::Add => out.iter_mut().zip(result).for_each(|(out, &result)| *out += result),
            }
            at = reading.next(at.0, at.1, at.2);
        }
    }
}
