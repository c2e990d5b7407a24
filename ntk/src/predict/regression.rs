//! Training with the squared error, at any time.

use autodiff::Float;
use faer::{Mat, MatRef};

use super::dynamics::{Done, Dynamics};
use super::matrix::{self, Coupling, append, outputs_of};
use super::symmetric::{Eigen, eigen, times};
use crate::array::Array;
use crate::data::Element;
use crate::error::{Error, Result};

/// The kernel of the training samples, taken apart once.
#[derive(Clone, Debug)]
pub struct Regression {
    eigen: Eigen,
    coupling: Coupling,
    samples: usize,
    outputs: usize,
    /// Eigenvalues up to here are not told from 0.
    floor: f64,
    /// What was added to the diagonal.
    ridge: f64,
}

/// Test samples: their outputs before training, and their kernel with the training samples.
#[derive(Clone, Copy, Debug)]
pub struct Test<'t, R> {
    /// `[m, o]`; zero for an ensemble's mean.
    pub start: &'t Array<f64>,
    /// `[m, n]` or `[m, n, o, o]`.
    pub kernel: &'t Array<R>,
}

/// Outputs over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Of the training samples, `[times, n, o]`.
    pub train: Array<f64>,
    /// Of the test samples, `[times, m, o]`, if there are any.
    pub test: Option<Array<f64>>,
}

impl Regression {
    /// Takes a kernel apart.
    ///
    /// `ridge` times the mean of its diagonal is added to the diagonal; training then follows the kernel with the ridge, as in
    /// neural-tangents.
    ///
    /// # Shape
    /// `kernel: [n, n]`, shared by all outputs, or `[n, n, o, o]`
    ///
    /// # Cost
    /// Some `9 N^3` multiply-adds and two matrices `N x N` of f64, with `N = n` or `n o`.
    ///
    /// # Errors
    /// A shape that does not fit; a kernel that is not symmetric, not finite, or has an eigenvalue below 0 by more than
    /// rounding; a negative ridge; a solver that fails its check.
    pub fn new<R: Float + Element>(kernel: &Array<R>, outputs: usize, ridge: f64) -> Result<Self> {
        let ridge = Ridge::checked(ridge)?;
        let (mut matrix, coupling, samples) = matrix::training(kernel, outputs)?;
        let ridge = ridge.add(&mut matrix);
        let eigen = eigen(matrix.as_ref())?;
        let size = eigen.values.len();
        let largest = eigen.values.iter().fold(0.0_f64, |top, value| top.max(value.abs()));
        let floor = size as f64 * R::EPSILON * largest;
        // NUMERICS: ten times what rounding allows, because the kernel's own entries were rounded layer by layer.
        if let Some(&least) = eigen.values.first().filter(|&&least| least < -10.0 * floor) {
            let mean = (0..size).map(|i| matrix[(i, i)]).sum::<f64>() / size as f64;
            let needed = if mean > 0.0 { -1.1 * least / mean } else { 0.0 };
            return Err(Error::numerics(
                format!(
                    "the kernel is not positive semidefinite: its smallest eigenvalue is {least:.3e}, its largest {largest:.3e}"
                ),
                if R::EPSILON > 1e-10 {
                    "compute it with --dtype f64".to_owned()
                } else {
                    format!("add a ridge of at least {needed:.1e} (--ridge), or check where the kernel comes from")
                },
            ));
        }
        Ok(Self { eigen, coupling, samples, outputs, floor, ridge })
    }

    /// The eigenvalues, ascending, the ridge included; those of a shared kernel count once.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigen.values
    }

    /// What was added to the diagonal.
    pub fn ridge(&self) -> f64 {
        self.ridge
    }

    /// How many eigenvalues are told from 0: the rest of the kernel is rounding.
    pub fn rank(&self) -> usize {
        self.eigen.values.iter().filter(|&&value| value > self.floor).count()
    }

    /// The learning rate from which gradient descent on `1/(2 n) sum (f - y)^2` (the loss of `train` with `mse`) diverges:
    /// `2 (1 + momentum) n / v`, with the largest eigenvalue `v`.
    ///
    /// # Source
    /// The heavy ball is stable for `0 < rate v/n < 2 (1 + momentum)`: Polyak 1964.
    pub fn max_learning_rate(&self, momentum: f64) -> f64 {
        let largest = self.eigen.values.last().copied().unwrap_or(0.0);
        2.0 * (1.0 + momentum) * self.samples as f64 / largest
    }

    fn done(&self, dynamics: Dynamics, time: f64) -> Result<Vec<Done>> {
        // The largest first, so that a rate that diverges is refused by its worst.
        let of = |&value: &f64| dynamics.done(value, time, self.floor, self.samples, self.outputs);
        let mut done: Vec<Done> = self.eigen.values.iter().rev().map(of).collect::<Result<_>>()?;
        done.reverse();
        Ok(done)
    }

    /// Outputs at the given times.
    ///
    /// # Shape
    /// `start, targets: [n, o]`
    ///
    /// # Cost
    /// `N^2` multiply-adds an output and time, and `M N` more on test samples.
    ///
    /// # Errors
    /// Shapes that do not fit; times and rates that are none; an infinite time at a rate that diverges; predictions that overflow.
    pub fn predict<R: Float>(
        &self,
        dynamics: Dynamics,
        times_of: &[f64],
        start: &Array<f64>,
        targets: &Array<f64>,
        test: Option<Test<'_, R>>,
    ) -> Result<Predictions> {
        dynamics.check()?;
        let Self { coupling, samples, outputs, .. } = *self;
        let start = outputs_of(start, "the outputs before training", coupling, samples, outputs)?;
        let targets = outputs_of(targets, "the target", coupling, samples, outputs)?;
        let vectors = self.eigen.vectors.as_ref();
        let way = times(vectors.transpose(), (&targets - &start).as_ref());
        let (size, columns) = (way.nrows(), way.ncols());
        let mut shares = Mat::zeros(size, times_of.len() * columns);
        let mut per_value = shares.clone();
        for (t, &time) in times_of.iter().enumerate() {
            for (i, done) in self.done(dynamics, time)?.into_iter().enumerate() {
                for c in 0..columns {
                    shares[(i, t * columns + c)] = done.share * way[(i, c)];
                    per_value[(i, t * columns + c)] = done.per_value * way[(i, c)];
                }
            }
        }
        let over_time = |moved: Mat<f64>, start: &Mat<f64>, samples: usize| -> Result<Array<f64>> {
            let mut all = Vec::with_capacity(times_of.len() * samples * outputs);
            for t in 0..times_of.len() {
                append((start + moved.subcols(t * columns, columns)).as_ref(), &mut all);
            }
            match all.iter().position(|x| !x.is_finite()) {
                Some(at) => {
                    let t = at / (samples * outputs).max(1);
                    let what = format!("the predictions at time {} overflow", times_of[t]);
                    Err(Error::numerics(what, format!("use a learning rate below {:.4e}", self.max_learning_rate(0.0))))
                }
                None => Array::new([times_of.len(), samples, outputs], all),
            }
        };
        let train = over_time(times(vectors, shares.as_ref()), &start, samples)?;
        let test = match test {
            None => None,
            Some(test) => {
                let kernel = matrix::test(test.kernel, coupling, samples, outputs)?;
                let m = test.kernel.rows();
                let start =
                    outputs_of(test.start, "the outputs of test samples before training", coupling, m, outputs)?;
                let felt = times(vectors, per_value.as_ref());
                Some(over_time(times(kernel.as_ref(), felt.as_ref()), &start, m)?)
            }
        };
        Ok(Predictions { train, test })
    }

    /// The covariance of test outputs over an ensemble of wide networks, each trained from its own start.
    ///
    /// With `A` the map from the way to go at the training samples to what test samples have moved, the outputs are
    /// `f_0* + A (y - f_0)`, and `f_0` has the covariance `K` (nngp): `K** + A K A^T - A K*^T - K* A^T`.
    ///
    /// # Shape
    /// `test: [m, n]`, this kernel's; `nngp: [n, n], nngp_test: [m, n], nngp_both: [m, m] -> [times, m, m]`, one for all outputs
    ///
    /// # Cost
    /// `m n (n + m)` multiply-adds a time.
    ///
    /// # Errors
    /// Shapes that do not fit; a kernel that is not shared by the outputs; times and rates that are none.
    ///
    /// # Source
    /// Lee and others, arXiv:1902.06720, equation 16.
    pub fn covariance<R: Float>(
        &self,
        dynamics: Dynamics,
        times_of: &[f64],
        test: &Array<R>,
        nngp: &Array<R>,
        nngp_test: &Array<R>,
        nngp_both: &Array<R>,
    ) -> Result<Array<f64>> {
        dynamics.check()?;
        let (kernel, prior, cross, both) = self.with_prior(test, nngp, nngp_test, nngp_both)?;
        let vectors = self.eigen.vectors.as_ref();
        let by_vectors = times(kernel.as_ref(), vectors);
        self.over_times(dynamics, times_of, &both, |done| {
            let scaled = Mat::from_fn(by_vectors.nrows(), done.len(), |i, j| by_vectors[(i, j)] * done[j].per_value);
            let map = times(scaled.as_ref(), vectors.transpose());
            let moved = times(times(map.as_ref(), prior.as_ref()).as_ref(), map.transpose());
            let mixed = times(map.as_ref(), cross.transpose());
            Mat::from_fn(both.nrows(), both.nrows(), |i, j| {
                both[(i, j)] + moved[(i, j)] - mixed[(i, j)] - mixed[(j, i)]
            })
        })
    }

    /// The covariance of test outputs where only the read-out is trained: this kernel is the nngp itself.
    ///
    /// `K** - K* K^-1 (1 - exp(-2 K t/(n o))) K*^T`: at the end of time it is the posterior of a Gaussian process, whose noise
    /// is the ridge.
    ///
    /// # Shape
    /// `test: [m, n], both: [m, m] -> [times, m, m]`
    ///
    /// # Cost
    /// `m n (n + m)` multiply-adds a time.
    ///
    /// # Errors
    /// As [`Regression::covariance`].
    pub fn nngp_covariance<R: Float>(
        &self,
        dynamics: Dynamics,
        times_of: &[f64],
        test: &Array<R>,
        both: &Array<R>,
    ) -> Result<Array<f64>> {
        dynamics.check()?;
        self.shared()?;
        let kernel = self.shaped(test, test.rows(), self.samples, "the nngp kernel of test and training samples")?;
        let both = self.shaped(both, test.rows(), test.rows(), "the nngp kernel of test samples")?;
        let by_vectors = times(kernel.as_ref(), self.eigen.vectors.as_ref());
        self.over_times(dynamics, times_of, &both, |done| {
            // Twice the time leaves the square of what was left: 1 - (1 - g)^2 = g (2 - g).
            let scaled = Mat::from_fn(by_vectors.nrows(), done.len(), |i, j| {
                by_vectors[(i, j)] * done[j].per_value * (2.0 - done[j].share)
            });
            &both - times(scaled.as_ref(), by_vectors.transpose())
        })
    }

    fn shared(&self) -> Result<()> {
        if self.coupling == Coupling::Full {
            return Err(Error::usage(
                "a covariance of outputs that interact through the kernel",
                "give a kernel [n, n] that all outputs share, as infinitely wide networks have",
            ));
        }
        Ok(())
    }

    #[allow(clippy::type_complexity)] // four matrices of one type, named where they are taken
    fn with_prior<R: Float>(
        &self,
        test: &Array<R>,
        nngp: &Array<R>,
        nngp_test: &Array<R>,
        nngp_both: &Array<R>,
    ) -> Result<(Mat<f64>, Mat<f64>, Mat<f64>, Mat<f64>)> {
        self.shared()?;
        let (n, m) = (self.samples, test.rows());
        Ok((
            self.shaped(test, m, n, "the tangent kernel of test and training samples")?,
            self.shaped(nngp, n, n, "the nngp kernel of training samples")?,
            self.shaped(nngp_test, m, n, "the nngp kernel of test and training samples")?,
            self.shaped(nngp_both, m, m, "the nngp kernel of test samples")?,
        ))
    }

    fn shaped<R: Float>(&self, kernel: &Array<R>, rows: usize, columns: usize, what: &str) -> Result<Mat<f64>> {
        if kernel.shape != [rows, columns] {
            return Err(Error::Shape {
                what: what.into(),
                expected: vec![rows, columns],
                found: kernel.shape.clone(),
                remedy: "give kernels of the same samples, test samples along the first axis".into(),
            });
        }
        matrix::test(kernel, Coupling::Shared, columns, self.outputs)
    }

    fn over_times(
        &self,
        dynamics: Dynamics,
        times_of: &[f64],
        both: &Mat<f64>,
        at: impl Fn(&[Done]) -> Mat<f64>,
    ) -> Result<Array<f64>> {
        let m = both.nrows();
        let mut all = Vec::with_capacity(times_of.len() * m * m);
        for &time in times_of {
            let covariance = at(&self.done(dynamics, time)?);
            append(symmetric(covariance.as_ref()).as_ref(), &mut all);
        }
        Array::new([times_of.len(), m, m], all)
    }
}

/// The mean of a matrix and its transpose: products in another order round differently.
fn symmetric(matrix: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.nrows(), |i, j| 0.5 * (matrix[(i, j)] + matrix[(j, i)]))
}

/// A ridge, relative to the mean of a kernel's diagonal.
pub(crate) struct Ridge(f64);

impl Ridge {
    pub(crate) fn checked(ridge: f64) -> Result<Self> {
        if !(ridge.is_finite() && ridge >= 0.0) {
            return Err(Error::usage(format!("a ridge of {ridge}"), "give a number of at least 0, such as 1e-3"));
        }
        Ok(Self(ridge))
    }

    /// Adds it, and returns what was added.
    pub(crate) fn add(&self, matrix: &mut Mat<f64>) -> f64 {
        let n = matrix.nrows();
        let ridge = self.0 * (0..n).map(|i| matrix[(i, i)]).sum::<f64>() / n.max(1) as f64;
        (0..n).for_each(|i| matrix[(i, i)] += ridge);
        ridge
    }
}
