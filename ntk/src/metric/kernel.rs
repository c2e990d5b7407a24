//! The neural tangent kernel along a training, on a fixed probe and with all pairs of outputs.

use std::sync::atomic::AtomicBool;

use autodiff::Float;

use super::{At, Metric, Options, Probe};
use crate::array::Array;
use crate::contraction::{self, Observer, Outputs, Settings};
use crate::error::{Error, Result};
use crate::network::Network;
use crate::spectral::{Spectrum, Summary};

/// The kernel of a network on the probe, `[n, n, o, o]`.
pub(super) fn on_probe<N: Network, R: Float>(
    network: &N,
    weights: &[Array<R>],
    probe: &Probe<R>,
    stop: &AtomicBool,
) -> Result<Array<f64>> {
    let settings = Settings { outputs: Outputs::Full, ..Settings::default() };
    let observer = Observer { progress: &|_| (), stop };
    let kernel = contraction::kernel(network, weights, &probe.inputs, None, &settings, &observer)?.kernel;
    Ok(kernel.map(|x| Float::to_f64(*x)))
}

/// `1 - <a, b> / (|a| |b|)`, half the square of the distance of the two as directions.
///
/// # Source
/// Fort et al. 2020, arXiv:2010.15110, section 3.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (of_a, of_b) = (norm(a), norm(b));
    if of_a == 0.0 || of_b == 0.0 {
        // Nothing has a direction only together with nothing.
        return if of_a == of_b { 0.0 } else { 1.0 };
    }
    // NUMERICS: 1 less a cosine near 1 would lose all digits of a small distance; the square of the difference keeps them.
    0.5 * a.iter().zip(b).map(|(x, y)| (x / of_a - y / of_b).powi(2)).sum::<f64>()
}

/// What is asked of the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Distance,
    Velocity,
    Alignment,
    Rank,
    Eigenvalues,
}

/// One of the metrics of the kernel.
pub(super) struct KernelMetric<'m, R> {
    part: Part,
    start: &'m [Array<R>],
    eigenvalues: usize,
    /// Of the distance: the kernel of the first weights. Of the velocity: the last one measured.
    reference: Option<Array<f64>>,
    /// The step of the last one measured.
    step: u64,
}

impl<'m, R> KernelMetric<'m, R> {
    pub(super) fn new(part: Part, options: &Options<'m, R>) -> Self {
        Self { part, start: options.start, eigenvalues: options.eigenvalues, reference: None, step: 0 }
    }
}

impl<N: Network, R: Float> Metric<N, R> for KernelMetric<'_, R> {
    fn name(&self) -> &'static str {
        match self.part {
            Part::Distance => "kernel-distance",
            Part::Velocity => "kernel-velocity",
            Part::Alignment => "kernel-alignment",
            Part::Rank => "kernel-rank",
            Part::Eigenvalues => "kernel-eigenvalues",
        }
    }

    fn columns(&self) -> Vec<String> {
        match self.part {
            Part::Distance => vec!["kernel_distance".into()],
            Part::Velocity => vec!["kernel_velocity".into(), "kernel_velocity_dt".into()],
            Part::Alignment => vec!["kernel_alignment".into()],
            Part::Rank => vec!["kernel_rank".into()],
            Part::Eigenvalues => (1..=self.eigenvalues).map(|k| format!("kernel_eigenvalue_{k}")).collect(),
        }
    }

    fn measure(&mut self, at: &mut At<'_, '_, '_, N, R>) -> Result<Vec<Option<f64>>> {
        let step = at.trainer.state().step;
        match self.part {
            Part::Distance => {
                if self.reference.is_none() {
                    let (network, stop) = (at.trainer.task().network(), at.trainer.stop());
                    self.reference = Some(on_probe(network, self.start, at.probe(), stop)?);
                }
                let first = self.reference.as_ref().map(|first| &first.data[..]).unwrap_or_default();
                Ok(vec![Some(distance(first, &at.kernel()?.data))])
            }
            Part::Velocity => {
                let now = at.kernel()?.clone();
                let dt = step.saturating_sub(self.step) as f64;
                let found =
                    self.reference.as_ref().filter(|_| dt > 0.0).map(|last| distance(&last.data, &now.data) / dt);
                self.reference = Some(now);
                self.step = step;
                Ok(vec![found, found.map(|_| dt)])
            }
            Part::Alignment => {
                let targets = at.probe().targets.clone();
                let summary = Summary::of(at.kernel()?, Some(&targets), Spectrum::None)?;
                Ok(vec![summary.alignment])
            }
            Part::Rank => Ok(vec![Summary::of(at.kernel()?, None, Spectrum::Full)?.effective_rank]),
            Part::Eigenvalues => {
                let rows = at.kernel()?.shape[0] * at.kernel()?.shape[2];
                let count = self.eigenvalues.min(rows);
                // Few of many by iteration, else all of them.
                let asked = if rows <= 128 { Spectrum::Full } else { Spectrum::Top(count) };
                let values = Summary::of(at.kernel()?, None, asked)?.eigenvalues;
                Ok((0..self.eigenvalues).map(|k| values.get(k).copied()).collect())
            }
        }
    }

    fn memory(&self) -> Vec<(String, Array<f64>)> {
        // The kernel of the first weights is made again.
        match (&self.reference, self.part) {
            (Some(last), Part::Velocity) => {
                vec![
                    ("last".into(), last.clone()),
                    ("step".into(), Array { shape: vec![], data: vec![self.step as f64] }),
                ]
            }
            _ => Vec::new(),
        }
    }

    fn recall(&mut self, find: &dyn Fn(&str) -> Option<Array<f64>>) -> Result<()> {
        if self.part == Part::Velocity {
            self.reference = find("last");
            let step = find("step").map_or(Ok(0.0), |step| {
                step.data.first().copied().ok_or_else(|| Error::Bug("a step without a number".into()))
            })?;
            self.step = step as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_directions_is_one_less_their_cosine() {
        let (a, b) = ([3.0, 4.0], [4.0, 3.0]);
        assert!((distance(&a, &b) - (1.0 - 24.0 / 25.0)).abs() < 1e-15);
        assert_eq!(distance(&a, &[6.0, 8.0]), 0.0);
        assert_eq!((distance(&a, &[0.0; 2]), distance(&[0.0; 2], &[0.0; 2])), (1.0, 0.0));
        // An angle of 1e-7: the cosine differs from 1 by half an ulp.
        let small = distance(&[1.0, 0.0], &[1.0, 1e-7]);
        assert!((small / 0.5e-14 - 1.0).abs() < 1e-6, "{small:e}");
    }
}
