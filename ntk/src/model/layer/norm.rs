//! Layers that normalize: over the channels of a position, or over a batch.

use autodiff::{Real, Var};

use super::{Described, Key, Kind};
use crate::model::apply::Supply;
use crate::model::emit::Entry;
use crate::model::error::{ModelError, Result};
use crate::model::file::Fields;
use crate::model::shape::Walk;

/// The statistics of a position's channels taken out of it.
///
/// # Rule
/// `layer_norm`: `(x - mean) / sqrt(variance + eps)`; `rms_norm`: `x / sqrt(mean of squares + eps)`; then, where they
/// are learned, times a scale and plus a shift for each channel.
///
/// # Source
/// Ba, Kiros and Hinton 2016, "Layer normalization"; Zhang and Sennrich 2019, "Root mean square layer normalization".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norm {
    /// Which statistics.
    pub statistic: Statistic,
    /// What is added to the variance.
    pub eps: f64,
    /// Whether scale and shift are learned: `W` starts at 1, `b` at 0.
    pub affine: bool,
}

/// What is taken out of the channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// Mean and deviation.
    Layer,
    /// The root of the mean square; there is no shift.
    RootMeanSquare,
}

impl Statistic {
    /// The `kind` in a model file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer_norm",
            Self::RootMeanSquare => "rms_norm",
        }
    }
}

const EPS: Key = Key::new("eps", "a number above 0", "1e-5", "added to the variance");
const AFFINE: Key =
    Key::new("affine", "`true`, `false`", "`true`", "learned scale `W` (from 1) and shift `b` (from 0)");
const DEFAULT_EPS: f64 = 1e-5;

impl Kind for Norm {
    const DESCRIBED: &'static [Described] = &[
        Described {
            name: "layer_norm",
            shape: "[.., c] -> [.., c]",
            about: "each position's channels with mean 0 and variance 1",
            keys: &[EPS, AFFINE],
        },
        Described {
            name: "rms_norm",
            shape: "[.., c] -> [.., c]",
            about: "each position's channels with mean square 1",
            keys: &[EPS, Key::new("affine", "`true`, `false`", "`true`", "learned scale `W` (from 1)")],
        },
    ];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        let statistic = match fields.kind() {
            "rms_norm" => Statistic::RootMeanSquare,
            _ => Statistic::Layer,
        };
        Ok(Self { statistic, eps: eps(fields)?, affine: fields.flag_or("affine", true)? })
    }

    fn write(&self) -> Entry<'_> {
        Entry::new(self.statistic.name()).put("eps", self.eps).put("affine", self.affine)
    }

    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        check_eps(path, self.eps)?;
        if self.affine {
            walk.scale(path, shape, self.statistic == Statistic::Layer)?;
        }
        Ok(shape.to_vec())
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let centred = match self.statistic {
            Statistic::Layer => x.minus(across(mean_of_last(x)?, x)?)?,
            Statistic::RootMeanSquare => x,
        };
        let deviation = plus(mean_of_last(centred.powi(2))?, self.eps)?.sqrt();
        let normal = centred.times(across(deviation.recip(), x)?)?;
        if self.affine { supply.next()?.stretched(normal) } else { Ok(normal) }
    }
}

fn eps(fields: &Fields<'_, '_>) -> Result<f64> {
    Ok(fields.number_where("eps", |x| x > 0.0, "above 0")?.unwrap_or(DEFAULT_EPS))
}

fn check_eps(path: &str, eps: f64) -> Result<()> {
    match eps.is_finite() && eps > 0.0 {
        true => Ok(()),
        false => {
            let what = format_args!("eps = {eps} is not a positive number");
            Err(ModelError::in_layer(path, what, "give a number above 0, such as eps = 1e-5"))
        }
    }
}

/// `[.., c] -> [..]`
fn mean_of_last<'a, R: Real>(x: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
    let (axis, channels) = (x.shape().len().saturating_sub(1), x.shape().last().copied().unwrap_or(1));
    Ok(x.sum_axis(axis)?.scale(1.0 / channels as f64))
}

/// `[..] -> [.., c]`, one number for all channels of a position.
fn across<'a, R: Real>(y: Var<'a, R>, x: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
    y.broadcast(y.shape().len(), x.shape().last().copied().unwrap_or(1))
}

/// `y + c`
fn plus<'a, R: Real>(y: Var<'a, R>, c: f64) -> autodiff::Result<Var<'a, R>> {
    y.plus(row(y, &[c], &[])?)
}

/// Constants on the tape of `y`.
fn row<'a, R: Real>(y: Var<'a, R>, numbers: &[f64], shape: &[usize]) -> autodiff::Result<Var<'a, R>> {
    let tape = y.tape();
    tape.constant(tape.keep_with(numbers.len(), |i| R::from_f64(numbers[i])), shape)
}

/// The statistics of each channel over samples and positions, taken out.
///
/// # Rule
/// `(x - mean) / sqrt(variance + eps)`, then, where they are learned, times a scale and plus a shift for each channel.
/// With statistics in the description (evaluation) these are constants. Without (training) they are those of the samples
/// at hand, so that a sample's output depends on the others: such a network has no kernel, and is refused by name.
///
/// # Source
/// Ioffe and Szegedy 2015, "Batch normalization".
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    /// What is added to the variance.
    pub eps: f64,
    /// Whether scale and shift are learned: `W` starts at 1, `b` at 0.
    pub affine: bool,
    /// Frozen mean and variance of each channel; none in training.
    pub frozen: Option<(Vec<f64>, Vec<f64>)>,
}

impl Kind for BatchNorm {
    const DESCRIBED: &'static [Described] = &[Described {
        name: "batch_norm",
        shape: "[.., c] -> [.., c]",
        about: "each channel with mean 0 and variance 1: of the samples at hand (training, which has no kernel), or by `mean` and `variance` (frozen)",
        keys: &[
            EPS,
            AFFINE,
            Key::new("mean", "a list of numbers", "training", "frozen mean of each channel"),
            Key::new("variance", "a list of numbers", "training", "frozen variance of each channel"),
        ],
    }];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        let frozen = match (fields.numbers_if("mean")?, fields.numbers_if("variance")?) {
            (None, None) => None,
            (Some(mean), Some(variance)) => Some((mean, variance)),
            (mean, _) => {
                let (has, lacks) = if mean.is_some() { ("mean", "variance") } else { ("variance", "mean") };
                return Err(fields.refused(
                    format!("`{has}` without `{lacks}`"),
                    "give both for frozen statistics, or none for training",
                ));
            }
        };
        Ok(Self { eps: eps(fields)?, affine: fields.flag_or("affine", true)?, frozen })
    }

    fn write(&self) -> Entry<'_> {
        let entry = Entry::new("batch_norm").put("eps", self.eps).put("affine", self.affine);
        match &self.frozen {
            Some((mean, variance)) => entry.put("mean", mean).put("variance", variance),
            None => entry,
        }
    }

    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        check_eps(path, self.eps)?;
        let channels = shape.last().copied().unwrap_or(1);
        if let Some((mean, variance)) = &self.frozen {
            if mean.len() != channels || variance.len() != channels {
                let what =
                    format_args!("{} means and {} variances for {channels} channels", mean.len(), variance.len());
                return Err(ModelError::in_layer(path, what, format!("give {channels} of each")));
            }
            if mean.iter().any(|m| !m.is_finite()) || variance.iter().any(|v| !(v.is_finite() && *v >= 0.0)) {
                let what = "a mean that is not finite, or a variance below 0";
                return Err(ModelError::in_layer(path, what, "give finite means and variances of at least 0"));
            }
        } else {
            walk.mixing.get_or_insert_with(|| path.to_owned());
        }
        if self.affine {
            walk.scale(path, shape, true)?;
        }
        Ok(shape.to_vec())
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let channels = x.shape().last().copied().unwrap_or(1);
        let normal = match &self.frozen {
            Some((mean, variance)) => {
                let factors: Vec<f64> = variance.iter().map(|v| 1.0 / (v + self.eps).sqrt()).collect();
                x.minus(row(x, mean, &[channels])?)?.times(row(x, &factors, &[channels])?)?
            }
            None => {
                let count = x.value().len() / channels.max(1);
                let rows = x.reshape(&[count, channels])?;
                let mean = rows.sum_axis(0)?.scale(1.0 / count as f64);
                let centred = rows.minus(mean)?;
                let variance = centred.powi(2).sum_axis(0)?.scale(1.0 / count as f64);
                supply.saw(mean, variance);
                centred.times(plus(variance, self.eps)?.sqrt().recip())?.reshape(x.shape())?
            }
        };
        if self.affine { supply.next()?.stretched(normal) } else { Ok(normal) }
    }
}
