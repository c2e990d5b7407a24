//! Kernels of images: a line for each position of one sample, through the layers before the read-out.
//!
//! What must be kept depends on what follows. Where positions meet their own kind only (a flattened read-out), a pair of
//! samples has one number a position; where they are averaged, one for each pair of positions.

use autodiff::{Float, Kernel};

use super::line::{self, Line, Place};
use super::program::{Act, Branch, Join, Mode, ReadOut, Step};
use super::window::{Masks, Window, add};

/// A pair of samples, or a row of pairs, in front of a read-out.
#[derive(Default)]
pub(crate) struct Sheet<R> {
    /// Covariances, `[positions, width]`: other samples at the same position, or all positions of one other sample.
    pub(crate) k: Vec<R>,
    pub(crate) theta: Vec<R>,
    /// Whether `theta` is still 0, as before the first weights.
    pub(crate) blank: bool,
    /// What is between the two halves of a window's sum, of each kernel: a ring of rows.
    between: Vec<[Vec<R>; 2]>,
    /// What a window writes to, where it reads `k` and `theta` still.
    other: [Vec<R>; 2],
    /// A sum over windows, or the first product of an attention.
    pub(super) summed: Vec<R>,
    pub(super) line: Line<R>,
    pub(super) spare: Vec<Line<R>>,
}

impl<R: Float> Sheet<R> {
    /// A sheet before the first weights.
    pub(crate) fn of(k: Vec<R>) -> Self {
        Self { theta: vec![R::ZERO; k.len()], k, blank: true, ..Self::default() }
    }

    /// The same kernels again, for a branch.
    pub(crate) fn branch(&self) -> Self {
        Self { k: self.k.clone(), theta: self.theta.clone(), blank: self.blank, ..Self::default() }
    }

    /// Joins what leaves a branch to what left those before it.
    pub(crate) fn join(&mut self, branch: &Self, share: f64, join: Join) {
        let scale = R::from_f64(share);
        match join {
            Join::Sum => {
                R::vectorize(AddScaled { y: &mut self.k, x: &branch.k, scale });
                R::vectorize(AddScaled { y: &mut self.theta, x: &branch.theta, scale });
            }
            Join::Product => {
                let of_branch = branch.k.iter().zip(&branch.theta);
                for ((k, theta), (&other, &theta_of_other)) in self.k.iter_mut().zip(&mut self.theta).zip(of_branch) {
                    *theta = *theta * other + *k * theta_of_other;
                    *k *= other;
                }
            }
        }
        self.blank &= branch.blank;
    }

    /// Multiplies both kernels.
    pub(crate) fn scale(&mut self, share: f64) {
        if share != 1.0 {
            self.k.iter_mut().chain(&mut self.theta).for_each(|x| *x *= R::from_f64(share));
        }
    }

    /// Passes the sheet through branches, of which at least one moves positions.
    fn branches(
        &mut self,
        branches: &[Branch],
        join: Join,
        place: &Place<'_, R>,
        masks: &[Masks<R>],
        positions: usize,
    ) -> usize {
        let (mut left, mut joined) = (positions, None::<Self>);
        for branch in branches {
            let mut inner = self.branch();
            left = inner.run(&branch.steps, place, masks, positions);
            match &mut joined {
                Some(joined) => joined.join(&inner, branch.share, join),
                None => {
                    inner.scale(if join == Join::Sum { branch.share } else { 1.0 });
                    joined = Some(inner);
                }
            }
        }
        if let Some(joined) = joined {
            (self.k, self.theta, self.blank) = (joined.k, joined.theta, joined.blank);
        }
        left
    }

    /// The width of a line.
    fn width(&self, positions: usize) -> usize {
        self.k.len() / positions.max(1)
    }

    /// Applies steps; `positions` are those of the rows' sample at the first of them, and what they become is returned.
    pub(crate) fn run(
        &mut self,
        steps: &[Step],
        place: &Place<'_, R>,
        masks: &[Masks<R>],
        mut positions: usize,
    ) -> usize {
        let mut at = 0;
        while at < steps.len() {
            let pointwise = |from: usize| steps[from..].iter().take_while(|step| !step.moves()).count();
            match &steps[at].act {
                Act::Window { window, index } => {
                    let rest = pointwise(at + 1);
                    self.window(window, &masks[*index], &steps[at + 1..at + 1 + rest], place, positions);
                    positions = window.outputs();
                    at += 1 + rest;
                }
                Act::Join { branches, join } if steps[at].moves() => {
                    positions = self.branches(branches, *join, place, masks, positions);
                    at += 1;
                }
                Act::Recurrent(recurrent) => {
                    self.recurrent(recurrent, place, positions);
                    at += 1;
                }
                Act::Attend { index, uniform } => {
                    self.attend((!uniform).then_some(*index), place, positions);
                    at += 1;
                }
                _ => {
                    let count = pointwise(at);
                    let width = self.width(positions);
                    for position in 0..positions {
                        self.line.resize(width);
                        self.line.k.copy_from_slice(&self.k[position * width..][..width]);
                        self.line.theta.copy_from_slice(&self.theta[position * width..][..width]);
                        self.finish(&steps[at..at + count], place, position, width);
                    }
                    self.blank = false;
                    at += count;
                }
            }
        }
        positions
    }

    /// Passes the line through pointwise steps and puts it back.
    fn finish(&mut self, steps: &[Step], place: &Place<'_, R>, position: usize, width: usize) {
        let place = Place { position, ..*place };
        line::run(steps, &place, &mut self.line, &mut self.spare);
        self.k[position * width..][..width].copy_from_slice(&self.line.k);
        self.theta[position * width..][..width].copy_from_slice(&self.line.theta);
    }

    /// A window, and the steps behind it while its lines are in the cache.
    fn window(&mut self, window: &Window, masks: &Masks<R>, steps: &[Step], place: &Place<'_, R>, positions: usize) {
        let outputs = window.outputs();
        match place.mode {
            Mode::Full => self.window_of_pairs(window, masks, steps, place),
            Mode::Flat | Mode::Diagonal => {
                let width = self.width(positions);
                let mut between = self.between.pop().unwrap_or_default();
                for of in [&mut self.k, &mut self.theta] {
                    window.sums(of, width, &mut between[0], &mut self.summed);
                    std::mem::swap(of, &mut self.summed);
                }
                self.between.push(between);
                if !steps.is_empty() {
                    for position in 0..outputs {
                        self.line.resize(width);
                        self.line.k.copy_from_slice(&self.k[position * width..][..width]);
                        self.line.theta.copy_from_slice(&self.theta[position * width..][..width]);
                        self.finish(steps, place, position, width);
                    }
                }
            }
        }
        self.blank &= steps.is_empty();
    }

    /// A window over pairs of positions, a row of the first sample's at a time: what is between the two halves of a sum stays in the
    /// second-level cache. A row is written where it was read, once those that read it too have their first half.
    fn window_of_pairs(&mut self, window: &Window, masks: &Masks<R>, steps: &[Step], place: &Place<'_, R>) {
        let (outputs, rows, columns) = (window.outputs(), window.rows.output, window.columns.output);
        let (over, ahead) = window.rows_ahead().map_or((false, 0), |ahead| (true, ahead));
        self.between.resize_with(ahead + 1, Default::default);
        if !over {
            self.other.iter_mut().for_each(|to| to.resize(outputs * outputs, R::ZERO));
        }
        let mut made = 0;
        for row in 0..rows {
            while made < rows.min(row + ahead + 1) {
                let [k, theta] = &mut self.between[made % (ahead + 1)];
                window.down(&self.k, made, k);
                if !self.blank {
                    window.down(&self.theta, made, theta);
                }
                made += 1;
            }
            let [k, theta] = &self.between[row % (ahead + 1)];
            let to = if over { [&mut self.k, &mut self.theta] } else { self.other.each_mut() };
            for column in 0..columns {
                let position = row * columns + column;
                self.line.resize(outputs);
                window.across(k, column, masks, &mut self.line.k);
                match self.blank {
                    true => self.line.theta.fill(R::ZERO),
                    false => window.across(theta, column, masks, &mut self.line.theta),
                }
                line::run(steps, &Place { position, ..*place }, &mut self.line, &mut self.spare);
                to[0][position * outputs..][..outputs].copy_from_slice(&self.line.k);
                to[1][position * outputs..][..outputs].copy_from_slice(&self.line.theta);
            }
        }
        if !over {
            std::mem::swap(&mut self.k, &mut self.other[0]);
            std::mem::swap(&mut self.theta, &mut self.other[1]);
        }
    }

    /// The mean over positions, for each of the other samples.
    ///
    /// # Shape
    /// `[positions, width] -> [width]`
    pub(crate) fn mean_of_positions(&mut self, positions: usize, line: &mut Line<R>) {
        let width = self.width(positions);
        line.resize(width);
        let share = R::from_f64(1.0 / positions as f64);
        for (from, to) in [(&self.k, &mut line.k), (&self.theta, &mut line.theta)] {
            to.fill(R::ZERO);
            from.chunks_exact(width.max(1)).for_each(|line| add(to, line));
            to.iter_mut().for_each(|x| *x *= share);
        }
    }

    /// What is read of the covariances and the tangent kernel of a pair of samples.
    pub(crate) fn read(&self, positions: usize, read_out: ReadOut, place: &Place<'_, R>) -> (R, R) {
        let of = |x: &[R]| {
            let sum = |x: &mut dyn Iterator<Item = R>| x.fold(0.0, |sum, x| sum + x.to_f64());
            R::from_f64(match read_out {
                ReadOut::Flatten => sum(&mut x.iter().step_by(positions + 1).copied()) / positions as f64,
                ReadOut::None | ReadOut::Last => x.last().map_or(0.0, |x| x.to_f64()),
                // Line by line, each in the numbers of the kernel: the vector units add lines.
                ReadOut::Average => {
                    sum(&mut x.chunks_exact(positions).map(|line| R::vectorize(Total(line))))
                        / (positions * positions) as f64
                }
                ReadOut::AverageOfThere => {
                    let [a, b] = place.there(positions);
                    let count = |there: &[bool]| there.iter().filter(|&&there| there).count().max(1);
                    let both = |at: usize| a[at / positions] && b[at % positions];
                    let all = sum(&mut x.iter().enumerate().filter(|(at, _)| both(*at)).map(|(_, &x)| x));
                    all / (count(a) * count(b)) as f64
                }
            })
        };
        (of(&self.k), of(&self.theta))
    }
}

/// The sum of a line, in a fixed order.
struct Total<'s, R>(&'s [R]);

impl<R: Float> Kernel for Total<'_, R> {
    type Output = R;
    #[inline(always)]
    fn run(self) -> R {
        const LANES: usize = 16;
        let mut sums = [R::ZERO; LANES];
        let chunks = self.0.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for l in 0..LANES {
                sums[l] += chunk[l];
            }
        }
        for (sum, &x) in sums.iter_mut().zip(rest) {
            *sum += x;
        }
        sums.into_iter().fold(R::ZERO, |total, sum| total + sum)
    }
}

/// `y += scale x`
pub(crate) struct AddScaled<'s, R> {
    pub(crate) y: &'s mut [R],
    pub(crate) x: &'s [R],
    pub(crate) scale: R,
}

impl<R: Float> Kernel for AddScaled<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let scale = self.scale;
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y += scale * x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::side::Samples;
    use super::super::window::Axis;
    use super::*;

    #[test]
    fn a_sheet_that_is_written_over_itself_reads_nothing_that_it_wrote() {
        // Taps, dilation, positions before, and whether it goes round; as many outputs as inputs.
        let same =
            [(3, 1, 1, false), (3, 2, 2, false), (5, 1, 2, false), (1, 1, 0, false), (2, 1, 0, false), (3, 1, 1, true)];
        for (of_rows, of_columns) in same.iter().flat_map(|a| same.iter().map(move |b| (*a, *b))) {
            for crossed in [false, true] {
                let axis = |size: usize, (taps, dilation, before, circular): (usize, usize, usize, bool)| {
                    Axis::new((size, size), (taps, 1, dilation), before, circular)
                };
                let window = Window { rows: axis(7, of_rows), columns: axis(6, of_columns), crossed };
                let (p, masks) = (window.inputs(), window.masks());
                let numbers =
                    |seed: usize| -> Vec<f64> { (0..p * p).map(|i| ((i * 7919 + seed) % 101) as f64).collect() };
                let read = |x: &[f64]| {
                    let (mut between, mut y) = (Vec::new(), vec![0.0; p * p]);
                    for (a, line) in y.chunks_exact_mut(p).enumerate() {
                        window.down(x, a / window.columns.output, &mut between);
                        window.across(&between, a % window.columns.output, &masks, line);
                    }
                    y
                };
                let mut sheet = Sheet { theta: numbers(5), blank: false, ..Sheet::of(numbers(1)) };
                let samples = Samples::new(1, 1);
                let place = Place {
                    rows: &samples,
                    row: 0,
                    position: 0,
                    columns: &samples,
                    from: 0,
                    mode: Mode::Full,
                    tracked: false,
                };
                let act = Act::Window { window: window.clone(), index: 0 };
                let step = Step { path: String::new(), from: 0, to: 0, act };
                sheet.run(&[step], &place, std::slice::from_ref(&masks), p);
                assert!(sheet.k == read(&numbers(1)), "{of_rows:?} {of_columns:?} {crossed}");
                assert!(sheet.theta == read(&numbers(5)), "{of_rows:?} {of_columns:?} {crossed}");
            }
        }
    }
}
