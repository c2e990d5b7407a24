//! Training with cross-entropy: the flow of the kernel, integrated.
//!
//! `df/dt = -Theta (softmax f - y)/n` has no closed form. All that moves is the integral of what is wrong, `w' = softmax f - y`:
//! training outputs are `f_0 - Theta w/n`, test outputs `f_0* - Theta* w/n`. So one system of the training samples' size is
//! integrated, by the pair of Dormand and Prince of orders 5 and 4 with steps that adapt.

use autodiff::Float;
use faer::{Mat, MatRef};

use super::matrix::{self, append, outputs_of};
use super::regression::{Predictions, Ridge, Test};
use super::symmetric::times;
use crate::array::Array;
use crate::data::Element;
use crate::error::{Error, Result};

/// The flow of a kernel with the loss of `train` with `ce`: the mean over samples of `-sum y ln softmax f`.
///
/// Times are learning rate times steps, of many small steps.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropyFlow {
    /// The largest error of a step, beside the size of `w`.
    pub tolerance: f64,
    /// More steps than this are refused.
    pub steps: usize,
}

impl Default for CrossEntropyFlow {
    fn default() -> Self {
        Self { tolerance: 1e-8, steps: 100_000 }
    }
}

/// Targets of a cross-entropy: rows that sum to 1.
#[derive(Clone, Copy, Debug)]
pub struct Probabilities<'y>(
    /// `[n, o]`
    pub &'y Array<f64>,
);

/// `c_i`, `a_ij`, `b_i - b*_i` of Dormand and Prince, 1980; the last row of `a` is `b`.
const A: [[f64; 6]; 6] = [
    [1.0 / 5.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [3.0 / 40.0, 9.0 / 40.0, 0.0, 0.0, 0.0, 0.0],
    [44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0, 0.0, 0.0, 0.0],
    [19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0, 0.0, 0.0],
    [9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0, 0.0],
    [35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
const ERROR: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0];

impl CrossEntropyFlow {
    /// Outputs (logits) at the given times, which ascend.
    ///
    /// # Shape
    /// `kernel: [n, n]` or `[n, n, o, o]`; `start, targets: [n, o]`
    ///
    /// # Cost
    /// `6 N^2` multiply-adds an output and step; the steps shorten as `n / v` with the largest eigenvalue `v`.
    ///
    /// # Errors
    /// Shapes that do not fit; targets that are no probabilities; times that do not ascend from 0, or are infinite (outputs
    /// grow without end); more steps than allowed.
    pub fn predict<R: Float + Element>(
        &self,
        kernel: &Array<R>,
        ridge: f64,
        times_of: &[f64],
        start: &Array<f64>,
        targets: Probabilities<'_>,
        test: Option<Test<'_, R>>,
    ) -> Result<Predictions> {
        let targets = targets.0;
        let outputs = targets.row_len();
        let ridge = Ridge::checked(ridge)?;
        let (mut theta, coupling, n) = matrix::training(kernel, outputs)?;
        ridge.add(&mut theta);
        check(targets, times_of)?;
        let f0 = outputs_of(start, "the outputs before training", coupling, n, outputs)?;
        let y = outputs_of(targets, "the target", coupling, n, outputs)?;
        let of_test = match test {
            None => None,
            Some(test) => {
                let kernel = matrix::test(test.kernel, coupling, n, outputs)?;
                let m = test.kernel.rows();
                Some((
                    kernel,
                    outputs_of(test.start, "the outputs of test samples before training", coupling, m, outputs)?,
                ))
            }
        };
        let outputs_at = |w: &Mat<f64>, theta: MatRef<'_, f64>, f0: &Mat<f64>| {
            f0 - faer::Scale(1.0 / n as f64) * times(theta, w.as_ref())
        };
        let wrong = |w: &Mat<f64>| {
            let mut f = outputs_at(w, theta.as_ref(), &f0);
            softmax(&mut f, outputs);
            f - &y
        };
        let (mut train, mut on_test) = (Vec::new(), Vec::new());
        let mut state = State { time: 0.0, step: self.first(&theta, n), w: Mat::zeros(y.nrows(), y.ncols()), taken: 0 };
        for &time in times_of {
            self.advance(&mut state, time, &wrong)?;
            append(outputs_at(&state.w, theta.as_ref(), &f0).as_ref(), &mut train);
            if let Some((kernel, f0)) = &of_test {
                append(outputs_at(&state.w, kernel.as_ref(), f0).as_ref(), &mut on_test);
            }
        }
        let count = times_of.len();
        let test = test.map(|test| Array::new([count, test.kernel.rows(), outputs], on_test)).transpose()?;
        Ok(Predictions { train: Array::new([count, n, outputs], train)?, test })
    }

    /// A first step well inside stability: the trace bounds the largest eigenvalue.
    fn first(&self, theta: &Mat<f64>, n: usize) -> f64 {
        let trace: f64 = (0..theta.nrows()).map(|i| theta[(i, i)]).sum();
        if trace > 0.0 { n as f64 / trace } else { 1.0 }
    }

    fn advance(&self, state: &mut State, until: f64, wrong: &impl Fn(&Mat<f64>) -> Mat<f64>) -> Result<()> {
        let mut slope = wrong(&state.w);
        while state.time < until {
            if state.taken >= self.steps {
                return Err(Error::numerics(
                    format!("{} steps reached only time {:.4e} of {until}", self.steps, state.time),
                    "ask for earlier times, or divide the kernel's scale out of the times",
                ));
            }
            state.taken += 1;
            let left = until - state.time;
            let last = state.step >= left;
            let step = if last { left } else { state.step };
            let mut slopes = vec![slope.clone()];
            let mut end = state.w.clone();
            for row in &A {
                end = state.w.clone();
                for (k, &a) in slopes.iter().zip(row) {
                    end += faer::Scale(step * a) * k;
                }
                slopes.push(wrong(&end));
            }
            let mut off = 0.0_f64;
            for j in 0..end.ncols() {
                for i in 0..end.nrows() {
                    let error: f64 = slopes.iter().zip(ERROR).map(|(k, e)| step * e * k[(i, j)]).sum();
                    off = off.max(error.abs() / (self.tolerance * (1.0 + end[(i, j)].abs())));
                }
            }
            if off.is_nan() {
                return Err(Error::numerics(
                    format!("outputs overflow at time {}", state.time),
                    "check the kernel's scale",
                ));
            }
            let factor = (0.9 * off.powf(-0.2)).clamp(0.2, 5.0);
            if off <= 1.0 {
                state.time = if last { until } else { state.time + step };
                state.w = end;
                slope = slopes.pop().unwrap_or(slope);
                if !last || factor < 1.0 {
                    state.step = step * factor;
                }
            } else {
                state.step = step * factor.min(1.0);
            }
        }
        Ok(())
    }
}

struct State {
    time: f64,
    step: f64,
    w: Mat<f64>,
    taken: usize,
}

fn check(targets: &Array<f64>, times_of: &[f64]) -> Result<()> {
    if targets.row_len() < 2 {
        return Err(Error::usage("cross-entropy with one output", "use mse, or a network with one output a class"));
    }
    let sums = |row: &[f64]| row.iter().all(|&y| y >= 0.0) && (row.iter().sum::<f64>() - 1.0).abs() < 1e-9;
    if let Some(at) = targets.data.chunks_exact(targets.row_len()).position(|row| !sums(row)) {
        let what = format!("the target of sample {at} is no distribution over the classes");
        return Err(Error::usage(what, "give labels, or rows of numbers of at least 0 that sum to 1"));
    }
    let mut last = 0.0;
    for &time in times_of {
        if !(time.is_finite() && time >= last) {
            return Err(Error::usage(
                format!("a time of {time} with cross-entropy"),
                "give finite times in ascending order: outputs have no limit, they grow without end",
            ));
        }
        last = time;
    }
    Ok(())
}

/// `softmax` over the outputs of each sample, whichever way they lie.
fn softmax(f: &mut Mat<f64>, outputs: usize) {
    let (rows, columns) = (f.nrows(), f.ncols());
    let samples = rows * columns / outputs;
    let mut row = vec![0.0; outputs];
    for i in 0..samples {
        let at = |a: usize| if columns == 1 { (i * outputs + a, 0) } else { (i, a) };
        (0..outputs).for_each(|a| row[a] = f[at(a)]);
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter_mut().for_each(|x| *x = (*x - top).exp());
        let sum: f64 = row.iter().sum();
        (0..outputs).for_each(|a| f[at(a)] = row[a] / sum);
    }
}
