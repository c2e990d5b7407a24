//! Hessians and their kin: operators against closed forms and dense matrices, solvers against dense eigenvalues.

mod closed_forms;
mod operators;
mod solvers;

use autodiff::Float;
use ntk::array::Array;
use ntk::loss::{Loss, Targets};
use ntk::model::Architecture;
use ntk::network::Network;
use ntk::operator::{Curvature, Fit, LinearOperator, Matrix, Point, Recordings, Settings};

use crate::numbers::Random;

/// A network, its parameters, samples and targets.
pub(crate) struct Problem {
    pub(crate) network: Architecture,
    pub(crate) parameters: Vec<Array<f64>>,
    pub(crate) x: Array<f64>,
    pub(crate) fit: Fit<f64>,
}

impl Problem {
    /// A preset on `n` random samples, with random targets.
    pub(crate) fn new(preset: &str, n: usize, loss: Loss, seed: u64) -> Self {
        let network = Architecture::parse(preset).unwrap();
        let mut random = Random::new(seed);
        let drawn = network.init_as(seed, |x| x).unwrap();
        let parameters = drawn.into_iter().map(|(_, shape, data)| Array::new(shape, data).unwrap()).collect();
        let width: usize = network.input.iter().product();
        let x = Array::new([n, width], random.numbers(n * width)).unwrap();
        let outputs = network.outputs().unwrap();
        let targets = match loss {
            Loss::CrossEntropy => Targets::Classes((0..n).map(|i| ((i * i + 1) % outputs) as u32).collect()),
            Loss::MeanSquaredError => Targets::Values(Array::new([n, outputs], random.numbers(n * outputs)).unwrap()),
        };
        Self { network, parameters, x, fit: Fit { loss, targets } }
    }

    pub(crate) fn point(&self) -> Point<'_, Architecture, f64> {
        Point { network: &self.network, parameters: &self.parameters, x: &self.x }
    }

    pub(crate) fn count(&self) -> usize {
        self.parameters.iter().map(Array::len).sum()
    }

    /// Does something with one of its matrices.
    pub(crate) fn with<T>(
        &self,
        matrix: Matrix,
        settings: Settings<'_>,
        work: impl FnOnce(&Curvature<'_, Architecture, f64, Fit<f64>>) -> T,
    ) -> T {
        let mut recordings = Recordings::default();
        // The settings live as long as what they are for.
        let settings = Settings { memory: settings.memory, ..Settings::default() };
        work(&Curvature::new(matrix, self.point(), &self.fit, &mut recordings, settings).unwrap())
    }

    /// One of its matrices, row-major.
    pub(crate) fn dense(&self, matrix: Matrix) -> Vec<f64> {
        self.with(matrix, Settings::default(), |a| dense(a))
    }
}

/// All columns of a symmetric operator.
pub(crate) fn dense<R: Float>(operator: &impl LinearOperator<R>) -> Vec<R> {
    let n = operator.dim();
    let mut units = vec![R::ZERO; n * n];
    (0..n).for_each(|i| units[i * n + i] = R::ONE);
    let mut columns = vec![R::ZERO; n * n];
    operator.apply(&units, &mut columns).unwrap();
    columns
}

/// A matrix that is stored, as a user might write one.
pub(crate) struct Stored {
    pub(crate) matrix: Vec<f64>,
    pub(crate) n: usize,
}

impl LinearOperator<f64> for Stored {
    fn dim(&self) -> usize {
        self.n
    }

    fn apply(&self, x: &[f64], y: &mut [f64]) -> ntk::Result<()> {
        for (x, y) in x.chunks_exact(self.n).zip(y.chunks_exact_mut(self.n)) {
            for (row, y) in self.matrix.chunks_exact(self.n).zip(y) {
                *y = row.iter().zip(x).map(|(a, x)| a * x).sum();
            }
        }
        Ok(())
    }
}

/// Eigenvalues of a stored symmetric matrix, largest first, by faer.
pub(crate) fn eigenvalues(matrix: &[f64], n: usize) -> Vec<f64> {
    let matrix = faer::Mat::from_fn(n, n, |i, j| 0.5 * (matrix[i * n + j] + matrix[j * n + i]));
    let mut values = matrix.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
    values.reverse();
    values
}
