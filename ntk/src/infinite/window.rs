//! Windows over positions: which taps read what, and sums over them.
//!
//! A kernel of two images has a number for each pair of positions. A convolution adds the numbers that its window reads, the
//! same tap of both: `sum_t K(p + t, q + t)`. The window is a product of one over rows and one over columns, so its sum is
//! taken along rows first, then along columns.

use autodiff::{Float, Kernel};

/// A window along one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) input: usize,
    pub(crate) output: usize,
    /// For each tap the runs of outputs that read inside: first output, first input, how many.
    pub(crate) taps: Vec<Vec<Run>>,
    /// For a tap whose runs are one, and outputs as many as inputs: how far it reads ahead.
    shifts: Vec<Option<isize>>,
}

/// Consecutive outputs that read consecutive inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) output: usize,
    pub(crate) input: usize,
    pub(crate) count: usize,
}

impl Axis {
    /// A window of `taps`, `dilation` apart, that moves by `stride` from `before` positions ahead of the first.
    pub(crate) fn new(
        (input, output): (usize, usize),
        (taps, stride, dilation): (usize, usize, usize),
        before: usize,
        circular: bool,
    ) -> Self {
        let source = |o: usize, t: usize| -> Option<usize> {
            let at = (o * stride + t * dilation) as isize - before as isize;
            match circular {
                true => Some(at.rem_euclid(input as isize) as usize),
                false => usize::try_from(at).ok().filter(|&at| at < input),
            }
        };
        let runs = |t: usize| {
            let mut runs: Vec<Run> = Vec::new();
            for o in 0..output {
                let Some(at) = source(o, t) else { continue };
                match runs.last_mut().filter(|run| run.output + run.count == o && run.input + run.count == at) {
                    Some(run) => run.count += 1,
                    None => runs.push(Run { output: o, input: at, count: 1 }),
                }
            }
            runs
        };
        let taps: Vec<Vec<Run>> = (0..taps).map(runs).collect();
        let shift = |runs: &Vec<Run>| match runs[..] {
            [run] if input == output => Some(run.input as isize - run.output as isize),
            _ => None,
        };
        let shifts = taps.iter().map(shift).collect();
        Self { input, output, taps, shifts }
    }

    /// Where the window is of three taps that lie around an output, and reads inside: what it reads, and how far they are apart.
    fn three(&self, output: usize) -> Option<([usize; 3], usize)> {
        let [Some(before), Some(0), Some(after)] = self.shifts[..] else { return None };
        let far = usize::try_from(after).ok().filter(|_| before == -after)?;
        let first = output.checked_sub(far)?;
        (output + far < self.input).then_some(([first, output, output + far], far))
    }

    /// How many outputs after that of its own place an input is read for the last time, where there are as many of both.
    fn reach(&self) -> Option<usize> {
        let last = |o: usize| self.reads(o).map(|(_, at)| o.saturating_sub(at)).max().unwrap_or(0);
        (self.input == self.output).then(|| (0..self.output).map(last).max().unwrap_or(0))
    }

    /// The input that a tap reads for an output.
    fn reads(&self, output: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.taps.iter().enumerate().filter_map(move |(t, runs)| {
            let run = runs.iter().find(|run| (run.output..run.output + run.count).contains(&output))?;
            Some((t, run.input + output - run.output))
        })
    }
}

/// A window over rows and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) rows: Axis,
    pub(crate) columns: Axis,
    /// Whether the taps of both images are summed together (a convolution), or each with each (a pool).
    pub(crate) crossed: bool,
}

impl Window {
    pub(crate) fn inputs(&self) -> usize {
        self.rows.input * self.columns.input
    }

    pub(crate) fn outputs(&self) -> usize {
        self.rows.output * self.columns.output
    }

    /// How many rows ahead of the one that is written [`Window::down`] must be, so that a sheet may be written over itself; none
    /// where that is not possible or would take many of its results.
    pub(crate) fn rows_ahead(&self) -> Option<usize> {
        self.rows.reach().filter(|&rows| rows <= 4 && self.columns.input == self.columns.output)
    }

    /// Sums over the window at every position of one image, for `width` numbers a position.
    ///
    /// # Shape
    /// `x: [inputs, width] -> y: [outputs, width]`
    pub(crate) fn sums<R: Float>(&self, x: &[R], width: usize, between: &mut Vec<R>, y: &mut Vec<R>) {
        let (w, v) = (self.columns.input, self.columns.output);
        between.clear();
        between.resize(self.rows.output * w * width, R::ZERO);
        for runs in &self.rows.taps {
            for run in runs {
                let size = run.count * w * width;
                add(&mut between[run.output * w * width..][..size], &x[run.input * w * width..][..size]);
            }
        }
        y.clear();
        y.resize(self.rows.output * v * width, R::ZERO);
        for (from, to) in between.chunks_exact(w * width).zip(y.chunks_exact_mut(v * width)) {
            for run in self.columns.taps.iter().flatten() {
                let size = run.count * width;
                add(&mut to[run.output * width..][..size], &from[run.input * width..][..size]);
            }
        }
    }

    /// The first half of a sum over a sheet, for one row of the first image: along rows, of both images together.
    ///
    /// # Shape
    /// `x: [h, w, h, w] -> y: [w, h', w]`
    pub(crate) fn down<R: Float>(&self, x: &[R], row: usize, y: &mut Vec<R>) {
        let w = self.columns.input;
        let (from_line, to_line) = (self.rows.input * w, self.rows.output * w);
        y.resize(w * to_line, R::ZERO);
        let three = if self.crossed { None } else { self.rows.three(row) };
        for (column, to) in y.chunks_exact_mut(to_line).enumerate() {
            let line = |at: usize| &x[(at * w + column) * from_line..][..from_line];
            if let Some(([before, here, after], far)) = three {
                let from = [line(before), line(here), line(after)];
                R::vectorize(SumThree { to, from, masks: None, far: far * w });
                continue;
            }
            to.fill(R::ZERO);
            for (t, at) in self.rows.reads(row) {
                let from = line(at);
                let other: &mut dyn Iterator<Item = &Run> =
                    if self.crossed { &mut self.rows.taps.iter().flatten() } else { &mut self.rows.taps[t].iter() };
                for run in other {
                    let size = run.count * w;
                    add(&mut to[run.output * w..][..size], &from[run.input * w..][..size]);
                }
            }
        }
    }

    /// The second half, along columns, for one column of the first image.
    ///
    /// # Shape
    /// `x: [w, h', w] -> line: [h', w']`
    pub(crate) fn across<R: Float>(&self, x: &[R], column: usize, masks: &Masks<R>, line: &mut [R]) {
        let (w, w_to) = (self.columns.input, self.columns.output);
        let (h, from_line) = (self.rows.output, self.rows.output * w);
        let lines = |at: usize| &x[at * from_line..][..from_line];
        if let (false, Some((reads, far))) = (self.crossed, self.columns.three(column)) {
            let masks = Some([&masks.0[0][..], &masks.0[2]]);
            R::vectorize(SumThree { to: line, from: reads.map(lines), masks, far });
            return;
        }
        line.fill(R::ZERO);
        for (t, at) in self.columns.reads(column) {
            let from = lines(at);
            match (self.crossed, self.columns.shifts[t]) {
                (false, Some(0)) => add(line, from),
                (false, Some(shift)) => R::vectorize(AddShifted { to: line, from, mask: &masks.0[t], shift }),
                (crossed, _) => {
                    let runs: &[Vec<Run>] =
                        if crossed { &self.columns.taps } else { std::slice::from_ref(&self.columns.taps[t]) };
                    R::vectorize(AddRuns { to: line, from, runs, rows: h, widths: [w_to, w] });
                }
            }
        }
    }

    /// What [`Window::across`] multiplies shifted lines with: 0 where a tap reads beyond the edge.
    pub(crate) fn masks<R: Float>(&self) -> Masks<R> {
        let w = self.columns.output;
        let of = |runs: &Vec<Run>| {
            let inside = |at: usize| runs.iter().any(|run| (run.output..run.output + run.count).contains(&(at % w)));
            (0..self.outputs()).map(|at| if inside(at) { R::ONE } else { R::ZERO }).collect()
        };
        Masks(self.columns.taps.iter().map(of).collect())
    }
}

/// For each tap along columns, `[h', w']` of 0 and 1.
pub(crate) struct Masks<R>(Vec<Vec<R>>);

/// `y += x`
pub(crate) fn add<R: Float>(y: &mut [R], x: &[R]) {
    R::vectorize(Add { y, x });
}

struct Add<'s, R> {
    y: &'s mut [R],
    x: &'s [R],
}

impl<R: Float> Kernel for Add<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y += x;
        }
    }
}

struct AddShifted<'s, R> {
    to: &'s mut [R],
    from: &'s [R],
    mask: &'s [R],
    shift: isize,
}

impl<R: Float> Kernel for AddShifted<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { to, from, mask, shift } = self;
        let far = shift.unsigned_abs();
        let n = to.len().saturating_sub(far);
        let (to, from, mask) = if shift >= 0 {
            (&mut to[..n], &from[far..], &mask[..n])
        } else {
            (&mut to[far..], &from[..n], &mask[far..])
        };
        for ((to, &from), &mask) in to.iter_mut().zip(from).zip(mask) {
            *to += mask * from;
        }
    }
}

/// `to_i = a_(i - far) + b_i + c_(i + far)`, a and c times their masks; what is beyond the ends is 0.
struct SumThree<'s, R> {
    to: &'s mut [R],
    from: [&'s [R]; 3],
    masks: Option<[&'s [R]; 2]>,
    far: usize,
}

impl<R: Float> Kernel for SumThree<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { to, from: [a, b, c], masks, far } = self;
        let n = to.len();
        let (a, b, c) = (&a[..n], &b[..n], &c[..n]);
        // In one pass: three would read and write the sum three times.
        let (start, end) = (far.min(n), n.saturating_sub(far).max(far.min(n)));
        let (before, after) = (&a[..end - start], &c[(start + far).min(n)..]);
        let middle = to[start..end].iter_mut().zip(&b[start..end]).zip(before.iter().zip(after));
        match masks {
            None => middle.for_each(|((to, &b), (&a, &c))| *to = a + b + c),
            Some([of_a, of_c]) => {
                let masks = of_a[start..end].iter().zip(&of_c[start..end]);
                for (((to, &b), (&a, &c)), (&of_a, &of_c)) in middle.zip(masks) {
                    *to = of_a * a + b + of_c * c;
                }
            }
        }
        let mask = |side: usize, i: usize| masks.map_or(R::ONE, |masks| masks[side][i]);
        for i in (0..start).chain(end..n) {
            let left = if i >= far { mask(0, i) * a[i - far] } else { R::ZERO };
            let right = if i + far < n { mask(1, i) * c[i + far] } else { R::ZERO };
            to[i] = left + b[i] + right;
        }
    }
}

struct AddRuns<'s, R> {
    to: &'s mut [R],
    from: &'s [R],
    runs: &'s [Vec<Run>],
    rows: usize,
    /// Columns of a row of `to`, and of `from`.
    widths: [usize; 2],
}

impl<R: Float> Kernel for AddRuns<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let [w_to, w_from] = self.widths;
        for row in 0..self.rows {
            let (to, from) = (&mut self.to[row * w_to..][..w_to], &self.from[row * w_from..][..w_from]);
            for run in self.runs.iter().flatten() {
                let to = &mut to[run.output..run.output + run.count];
                for (to, &from) in to.iter_mut().zip(&from[run.input..run.input + run.count]) {
                    *to += from;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of every kind: input, taps, stride, dilation, before, output, circular.
    const AXES: [(usize, usize, usize, usize, usize, usize, bool); 7] = [
        (5, 3, 1, 1, 1, 5, false),
        (5, 3, 1, 1, 0, 3, false),
        (6, 3, 2, 1, 0, 3, false),
        (5, 3, 1, 1, 1, 5, true),
        (7, 2, 1, 2, 1, 7, false),
        (4, 2, 2, 1, 0, 2, false),
        (5, 1, 1, 1, 0, 5, false),
    ];

    fn axis(
        (input, taps, stride, dilation, before, output, circular): (usize, usize, usize, usize, usize, usize, bool),
    ) -> Axis {
        Axis::new((input, output), (taps, stride, dilation), before, circular)
    }

    #[test]
    fn sums_over_windows_are_those_of_the_definition() {
        for rows in AXES {
            for columns in AXES {
                for crossed in [false, true] {
                    let window = Window { rows: axis(rows), columns: axis(columns), crossed };
                    let (p, q) = (window.inputs(), window.outputs());
                    let x: Vec<f64> = (0..p * p).map(|i| ((i * i % 101) as f64).sin()).collect();
                    let (mut between, mut line) = (Vec::new(), vec![0.0; q]);
                    let masks = window.masks();
                    // Every tap of an output position, by the definition.
                    let source = |of: (usize, usize, usize, usize, usize, usize, bool), o: usize, t: usize| {
                        let (input, _, stride, dilation, before, _, circular) = of;
                        let at = (o * stride + t * dilation) as isize - before as isize;
                        if circular {
                            Some(at.rem_euclid(input as isize) as usize)
                        } else {
                            usize::try_from(at).ok().filter(|&a| a < input)
                        }
                    };
                    let reads = |position: usize| -> Vec<Option<usize>> {
                        let (row, column) = (position / window.columns.output, position % window.columns.output);
                        let mut all = Vec::new();
                        for t in 0..rows.1 {
                            for u in 0..columns.1 {
                                let at = source(rows, row, t).zip(source(columns, column, u));
                                all.push(at.map(|(r, c)| r * window.columns.input + c));
                            }
                        }
                        all
                    };
                    for a in 0..q {
                        window.down(&x, a / window.columns.output, &mut between);
                        window.across(&between, a % window.columns.output, &masks, &mut line);
                        for (b, &found) in line.iter().enumerate() {
                            let (of_a, of_b) = (reads(a), reads(b));
                            let mut expected = 0.0;
                            for (t, i) in of_a.iter().enumerate() {
                                for (u, j) in of_b.iter().enumerate() {
                                    if let (Some(i), Some(j), true) = (i, j, crossed || t == u) {
                                        expected += x[i * p + j];
                                    }
                                }
                            }
                            assert!((found - expected).abs() < 1e-12, "{rows:?} {columns:?} {crossed} {a} {b}");
                        }
                    }
                    // One image alone, two numbers a position.
                    let x: Vec<f64> = (0..2 * p).map(|i| i as f64).collect();
                    let (mut between, mut y) = (Vec::new(), Vec::new());
                    window.sums(&x, 2, &mut between, &mut y);
                    for a in 0..q {
                        let expected: f64 = reads(a).into_iter().flatten().map(|i| x[2 * i + 1]).sum();
                        assert_eq!(y[2 * a + 1], expected);
                    }
                }
            }
        }
    }
}
