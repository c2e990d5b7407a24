//! Outputs of a few samples over time, for the plot.

use autodiff::Float;
use ntk::array::Array;
use ntk::predict::{Dynamics, Regression, Test};

use super::kernels::{Kernels, Prior};
use super::{Job, Predicted};
use crate::args::Of;
use crate::command::results;
use crate::failure::Failure;
use crate::render::plot::{Band, Bands};
use crate::render::report::Illustration;
use crate::store::folder::OutputFolder;

/// Samples drawn, the first of the test part.
const SAMPLES: usize = 3;
/// Times drawn.
const TIMES: usize = 64;
/// Decades of time at most.
const DECADES: f64 = 12.0;

/// What is drawn.
pub(super) struct Course {
    times: Vec<f64>,
    bands: Vec<Band>,
    levels: Vec<f64>,
    /// Whether the bands are an ensemble's.
    ensemble: bool,
}

/// Times from before the first eigenvector is learnt to after the last that is told from rounding; steps where there are.
fn times(regression: &Regression, dynamics: Dynamics, samples: usize, outputs: usize) -> Vec<f64> {
    let values = regression.eigenvalues();
    let largest = values.last().copied().filter(|value| *value > 0.0).unwrap_or(1.0);
    let least = values.iter().copied().find(|value| *value > largest * 10f64.powf(-DECADES)).unwrap_or(largest);
    let scale = (samples * outputs) as f64;
    let rate = match dynamics {
        Dynamics::Flow => 1.0,
        Dynamics::Descent { learning_rate, .. } => learning_rate,
    };
    let (first, last) = ((0.02 * scale / (rate * largest)).log10(), (10.0 * scale / (rate * least)).log10());
    let at = |i: usize| 10f64.powf(first + (last - first) * i as f64 / (TIMES - 1) as f64);
    match dynamics {
        Dynamics::Flow => (0..TIMES).map(at).collect(),
        Dynamics::Descent { .. } => {
            let mut steps: Vec<f64> = (0..TIMES).map(|i| at(i).round()).filter(|&step| step >= 1.0).collect();
            steps.dedup();
            steps
        }
    }
}

/// The first rows.
fn first<R: Copy>(of: &Array<R>, rows: usize) -> Result<Array<R>, ntk::Error> {
    of.select_rows(&(0..rows).collect::<Vec<_>>())
}

/// Of a square array the first rows and columns.
fn corner<R: Float>(of: &Array<R>, rows: usize) -> Result<Array<R>, ntk::Error> {
    let width = of.row_len();
    Array::new([rows, rows], (0..rows * rows).map(|at| of.data[at / rows * width + at % rows]).collect())
}

impl Course {
    /// None without test samples, or where descent diverges.
    pub(super) fn new<R: Float>(
        job: &Job<'_>,
        kernels: &Kernels<R>,
        regression: &Regression,
    ) -> Result<Option<Self>, ntk::Error> {
        let (Some(test), Some(part)) = (&kernels.test, &job.inputs.data.test) else { return Ok(None) };
        let diverges = match job.dynamics {
            Dynamics::Flow => false,
            // The rate of `train`'s loss is the outputs' number times that of 1/(2 n o).
            Dynamics::Descent { learning_rate, momentum } => {
                learning_rate >= regression.max_learning_rate(momentum) * job.inputs.data.targets.row_len() as f64
            }
        };
        let targets = &job.inputs.data.targets;
        let outputs = targets.row_len();
        let times = times(regression, job.dynamics, targets.rows(), outputs);
        if diverges || times.len() < 2 || part.targets.row_len() != outputs {
            return Ok(None);
        }
        let samples = SAMPLES.min(test.kernel.rows());
        let (start, kernel) = (first(&test.start, samples)?, first(&test.kernel, samples)?);
        let of_few = Some(Test { start: &start, kernel: &kernel });
        let found = regression.predict(job.dynamics, &times, &kernels.start, targets, of_few)?;
        let Some(found) = found.test else { return Ok(None) };
        let deviations = match &kernels.prior {
            None => None,
            Some(prior) => Some(covariance(job.dynamics, regression, &times, &kernel, prior, samples)?),
        };
        let mut bands = Vec::new();
        for sample in 0..samples {
            // The output that should be 1.
            let row = &part.targets.data[sample * outputs..][..outputs];
            let top = (0..outputs).fold(0, |best, a| if row[a] > row[best] { a } else { best });
            let class = part.labels.as_ref().and_then(|labels| job.inputs.data.class_names.get(labels[sample]));
            let name = match class {
                Some(class) => format!("sample {sample}, class {class}"),
                None => format!("sample {sample}"),
            };
            let at = |t: usize| found.data[(t * samples + sample) * outputs + top];
            let deviation = |of: &Array<f64>| {
                let variance = |t: usize| of.data[(t * samples + sample) * samples + sample];
                (0..times.len()).map(|t| 2.0 * variance(t).max(0.0).sqrt()).collect()
            };
            let middle = (0..times.len()).map(at).collect();
            bands.push(Band { name, middle, deviation: deviations.as_ref().map(deviation).unwrap_or_default() });
        }
        let mut levels: Vec<f64> = (0..samples)
            .map(|i| part.targets.data[i * outputs..][..outputs].iter().copied().fold(f64::NEG_INFINITY, f64::max))
            .collect();
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        Ok(Some(Self { times, bands, levels, ensemble: deviations.is_some() }))
    }

    /// Draws it into a folder.
    ///
    /// # Errors
    /// Those of the folder and of the drawing library.
    pub(super) fn draw(&self, job: &Job<'_>, folder: &OutputFolder) -> Result<Illustration, Failure> {
        let arguments = job.arguments;
        let of = match (self.ensemble, arguments.of()) {
            (true, _) => "mean of an ensemble of wide networks, ±2 standard deviations",
            (false, Of::Empirical) => "of the network linearized at its start",
            (false, Of::Infinite) => "mean of an ensemble of wide networks",
        };
        let steps = matches!(job.dynamics, Dynamics::Descent { .. });
        let plot = Bands {
            title: "Outputs of test samples while training",
            subtitle: of,
            axes: [if steps { "steps" } else { "time" }, "output of the class"],
            times: &self.times,
            bands: &self.bands,
            levels: &self.levels,
        };
        let plot = match job.inputs.data.labels {
            Some(_) => plot,
            None => Bands { axes: [plot.axes[0], "output"], ..plot },
        };
        let caption = "The first test samples' outputs over time. Dashed: their targets.";
        results::illustration(folder, "predictions", &plot, caption)
    }
}

fn covariance<R: Float>(
    dynamics: Dynamics,
    regression: &Regression,
    times: &[f64],
    kernel: &Array<R>,
    prior: &Prior<R>,
    samples: usize,
) -> Result<Array<f64>, ntk::Error> {
    let both = corner(&prior.both, samples)?;
    match &prior.nngp {
        None => regression.nngp_covariance(dynamics, times, kernel, &both),
        Some((train, of_test)) => {
            regression.covariance(dynamics, times, kernel, train, &first(of_test, samples)?, &both)
        }
    }
}

impl Predicted {
    /// The picture, where there is one and one is wanted.
    ///
    /// # Errors
    /// As [`Course::draw`].
    pub(super) fn picture(&self, job: &Job<'_>, folder: &OutputFolder) -> Result<Vec<Illustration>, Failure> {
        match &self.course {
            Some(course) if !job.arguments.output.no_report => Ok(vec![course.draw(job, folder)?]),
            _ => Ok(Vec::new()),
        }
    }
}
