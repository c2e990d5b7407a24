//! Convolutions over slices, as products of matrices.
//!
//! A few hundred windows are copied side by side (the patches), so that the copy stays in the cache, and multiplied
//! with the weights; then the next. All three maps are such products:
//!
//! | map | product, a block of windows at a time |
//! |---|---|
//! | forward | `y = patches(x) W` |
//! | input pull | `x_bar = patches(y_bar) W'`, `W'` the weights with taps reversed and channels exchanged, for each phase of the stride |
//! | weight pull | `W_bar += patches(x)^T y_bar` |
//!
//! # Cost
//! `windows taps inputs outputs / groups` multiply-adds for each map. Scratch is what [`block`] windows take, and a copy
//! of the weights where they are reversed or split by groups.
//!
//! NUMERICS: the block size counts numbers and not bytes, so that all number types sum in one order and a dual's
//! primal has the bits of the float.

use std::ops::Range;

use super::depthwise;
use super::gemm::{Accumulate, View};
use super::window::{Axis, Channels, Reading, Writing};
use crate::real::Real;

/// Sizes of a convolution `[images, rows, cols, inputs] x [taps, taps, inputs / groups, outputs]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Convolution {
    /// How many images there are.
    pub images: usize,
    /// Along the rows.
    pub rows: Axis,
    /// Along the columns.
    pub cols: Axis,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Into how many groups the channels are split, each of which sees itself alone.
    pub groups: usize,
    /// The factor of the result.
    pub alpha: f64,
}

/// How many windows are multiplied at once: half a mebibyte of `f32`, half of a second-level cache of today, and no
/// fewer than a product needs to be worth packing the weights.
fn block(fan_in: usize) -> usize {
    ((1 << 17) / fan_in.max(1)).clamp(128, 1024)
}

/// The windows of each block.
fn blocks(windows: usize, fan_in: usize) -> impl Iterator<Item = Range<usize>> {
    let block = block(fan_in);
    (0..windows).step_by(block).map(move |first| first..windows.min(first + block))
}

impl Convolution {
    /// Numbers that a window of one group reads.
    pub fn fan_in(&self) -> usize {
        self.rows.taps * self.cols.taps * self.inputs / self.groups
    }

    /// Windows of an image.
    pub fn positions(&self) -> usize {
        self.rows.output * self.cols.output
    }

    fn inputs_of(&self, group: usize) -> Channels {
        let count = self.inputs / self.groups;
        Channels { all: self.inputs, first: group * count, count }
    }

    fn outputs_of(&self, group: usize) -> Channels {
        let count = self.outputs / self.groups;
        Channels { all: self.outputs, first: group * count, count }
    }

    fn reading(&self, group: usize) -> Reading {
        Reading { rows: self.rows.forward(), cols: self.cols.forward(), channels: self.inputs_of(group) }
    }

    fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.inputs && self.groups == self.outputs
    }

    /// The patches of all images, group by group.
    ///
    /// # Shape
    /// `[groups, images * positions, fan_in]`
    pub fn patches<R: Real>(&self, x: &[R], out: &mut [R]) {
        let len = self.images * self.positions() * self.fan_in();
        for group in 0..self.groups {
            self.reading(group).gather(x, 0, &mut out[group * len..][..len]);
        }
    }

    /// `y = conv(x, w)` or `y += conv(x, w)`
    pub fn apply<R: Real>(&self, x: &[R], w: &[R], y: &mut [R], accumulate: Accumulate) {
        if y.is_empty() {
            return;
        }
        if self.is_depthwise() {
            return depthwise::product(self, x, w, y, accumulate);
        }
        for group in 0..self.groups {
            let outputs = self.outputs_of(group);
            let writing = Writing { rows: self.rows.output, cols: self.cols.output, channels: outputs };
            let step = Step { reading: self.reading(group), writing, windows: self.images * self.positions() };
            if self.groups == 1 {
                step.run(self.alpha, x, w, y, accumulate);
                continue;
            }
            R::scratch(self.fan_in() * outputs.count, |part| {
                columns(w, outputs, part);
                step.run(self.alpha, x, part, y, accumulate);
            });
        }
    }

    /// `x_bar = conv(., w)^T y_bar` or `+=`
    pub fn pull_input<R: Real>(&self, y_bar: &[R], w: &[R], x_bar: &mut [R], accumulate: Accumulate) {
        if x_bar.is_empty() {
            return;
        }
        if self.is_depthwise() {
            return depthwise::pull_input(self, y_bar, w, x_bar, accumulate);
        }
        for phase in self.phases() {
            let (reading, writing) = self.backward(phase);
            for group in 0..self.groups {
                let (inputs, outputs) = (self.inputs_of(group), self.outputs_of(group));
                let (reading, writing) =
                    (Reading { channels: outputs, ..reading }, Writing { channels: inputs, ..writing });
                let step = Step { reading, writing, windows: self.images * reading.positions() };
                R::scratch(reading.fan_in() * inputs.count, |reversed| {
                    self.reverse(&reading, inputs.count, w, reversed);
                    step.run(self.alpha, y_bar, reversed, x_bar, accumulate);
                });
            }
        }
    }

    /// The phases of rows and columns, whose inputs are read by the same taps.
    pub fn phases(&self) -> impl Iterator<Item = (usize, usize)> {
        let cols = self.cols.phases();
        (0..self.rows.phases()).flat_map(move |row| (0..cols).map(move |col| (row, col)))
    }

    /// How a phase of the inputs reads the outputs, and where that goes; of all groups, where there is one.
    pub fn backward(&self, (rows, cols): (usize, usize)) -> (Reading, Writing) {
        let reading = Reading {
            rows: self.rows.backward(rows),
            cols: self.cols.backward(cols),
            channels: Channels { all: self.outputs, first: 0, count: self.outputs },
        };
        let inputs = Channels { all: self.inputs, first: 0, count: self.inputs };
        (reading, Writing { rows: self.rows.input, cols: self.cols.input, channels: inputs })
    }

    /// `[taps, inputs, outputs]` to `[taps of the phase, reversed, outputs of the group, inputs]`.
    pub fn reverse<R: Real>(&self, reading: &Reading, inputs: usize, w: &[R], reversed: &mut [R]) {
        let outputs = reading.channels;
        if outputs.count * inputs == 0 {
            return;
        }
        for (at, part) in reversed.chunks_exact_mut(outputs.count * inputs).enumerate() {
            let (row, col) = (at / reading.cols.taps, at % reading.cols.taps);
            let tap = reading.tap((row, col));
            let taken = &w[tap * inputs * outputs.all..][..inputs * outputs.all];
            for (output, part) in part.chunks_exact_mut(inputs).enumerate() {
                let column = taken[outputs.first + output..].iter().step_by(outputs.all);
                part.iter_mut().zip(column).for_each(|(to, &from)| *to = from);
            }
        }
    }

    /// `w_bar = conv(x, .)^T y_bar` or `+=`
    pub fn pull_weights<R: Real>(&self, x: &[R], y_bar: &[R], w_bar: &mut [R], accumulate: Accumulate) {
        if w_bar.is_empty() {
            return;
        }
        if self.is_depthwise() {
            return depthwise::pull_weights(self, x, y_bar, w_bar, accumulate);
        }
        let windows = self.images * self.positions();
        if windows == 0 && accumulate == Accumulate::Replace {
            w_bar.fill(R::ZERO);
        }
        for group in 0..self.groups {
            let (reading, outputs) = (self.reading(group), self.outputs_of(group));
            let fan_in = self.fan_in();
            let most = windows.min(block(fan_in));
            let len = if self.groups == 1 { 0 } else { outputs.count };
            R::scratch(most * fan_in + (most + fan_in) * len, |scratch| {
                let (patches, scratch) = scratch.split_at_mut(most * fan_in);
                let (cotangents, sum) = scratch.split_at_mut(most * len);
                for range in blocks(windows, fan_in) {
                    let patches = windows_of(&reading, x, &range, patches);
                    let a = View::new(patches, range.len(), fan_in).t();
                    let y_bar = &y_bar[range.start * outputs.all..range.end * outputs.all];
                    let to = if range.start == 0 { accumulate } else { Accumulate::Add };
                    if self.groups == 1 {
                        R::gemm(w_bar, to, self.alpha, a, View::new(y_bar, range.len(), outputs.count));
                        continue;
                    }
                    let cotangents = &mut cotangents[..range.len() * outputs.count];
                    columns(y_bar, outputs, cotangents);
                    let to = if range.start == 0 { Accumulate::Replace } else { Accumulate::Add };
                    R::gemm(sum, to, self.alpha, a, View::new(cotangents, range.len(), outputs.count));
                }
                if self.groups > 1 && windows > 0 {
                    add_columns(sum, outputs, w_bar, accumulate);
                }
            });
        }
    }
}

/// One product of patches with a matrix.
struct Step {
    reading: Reading,
    writing: Writing,
    windows: usize,
}

impl Step {
    /// `out = alpha patches(x) matrix` or `+=`, block by block.
    fn run<R: Real>(&self, alpha: f64, x: &[R], matrix: &[R], out: &mut [R], accumulate: Accumulate) {
        let (reading, outputs) = (&self.reading, self.writing.channels.count);
        let fan_in = reading.fan_in();
        let most = self.windows.min(block(fan_in));
        let direct = self.writing.copies(reading);
        let results = if direct { 0 } else { most * outputs };
        R::scratch(most * fan_in + results, |scratch| {
            let (patches, results) = scratch.split_at_mut(most * fan_in);
            for range in blocks(self.windows, fan_in) {
                let patches = windows_of(reading, x, &range, patches);
                let (a, b) = (View::new(patches, range.len(), fan_in), View::new(matrix, fan_in, outputs));
                if direct {
                    let out = &mut out[range.start * outputs..range.end * outputs];
                    R::gemm(out, accumulate, alpha, a, b);
                } else {
                    let results = &mut results[..range.len() * outputs];
                    R::gemm(results, Accumulate::Replace, alpha, a, b);
                    self.writing.scatter(reading, range.start, results, out, accumulate);
                }
            }
        });
    }
}

/// The windows of a block side by side: as they lie, where they do, and copied otherwise.
fn windows_of<'v, R: Real>(reading: &Reading, x: &'v [R], range: &Range<usize>, patches: &'v mut [R]) -> &'v [R] {
    let fan_in = reading.fan_in();
    if reading.copies() {
        return &x[range.start * fan_in..range.end * fan_in];
    }
    let patches = &mut patches[..range.len() * fan_in];
    reading.gather(x, range.start, patches);
    patches
}

/// Some columns of a matrix `[.., all]`, as a matrix of their own.
fn columns<R: Real>(matrix: &[R], columns: Channels, out: &mut [R]) {
    if columns.count > 0 {
        let rows = matrix.chunks_exact(columns.all).zip(out.chunks_exact_mut(columns.count));
        rows.for_each(|(row, out)| out.copy_from_slice(&row[columns.first..][..columns.count]));
    }
}

/// The reverse of [`columns`].
fn add_columns<R: Real>(part: &[R], columns: Channels, matrix: &mut [R], accumulate: Accumulate) {
    if columns.count == 0 {
        return;
    }
    for (row, part) in matrix.chunks_exact_mut(columns.all).zip(part.chunks_exact(columns.count)) {
        let row = &mut row[columns.first..][..columns.count];
        match accumulate {
            Accumulate::Replace => row.copy_from_slice(part),
            Accumulate::Add => row.iter_mut().zip(part).for_each(|(row, &part)| *row += part),
        }
    }
}
