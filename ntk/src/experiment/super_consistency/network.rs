//! The networks, and the data that they are trained on.

use serde::Serialize;

use crate::array::Array;
use crate::data::{Normalize, Selection};
use crate::error::{Error, Result};
use crate::experiment::{Lab, Role, lab};
use crate::loss::Loss;
use crate::model::{Activation, Architecture, Dense, Layer, Parameterization};
use crate::train::Samples;

/// Where the deviations act, and how the learning rate of a layer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Param {
    /// The read-out over `sqrt(N)`, all learning rates times N.
    Mup,
    /// Learning rates as they are.
    Ntp,
    /// Deviations in the draw, learning rates as they are.
    Sp,
}

impl Param {
    pub(super) const ALL: [Self; 3] = [Self::Mup, Self::Ntp, Self::Sp];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mup => "mup",
            Self::Ntp => "ntp",
            Self::Sp => "sp",
        }
    }

    /// As papers write it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Mup => "muP",
            Self::Ntp => "NTP",
            Self::Sp => "SP",
        }
    }

    pub(super) fn of_model(self) -> Parameterization {
        match self {
            Self::Mup => Parameterization::Mup,
            Self::Ntp => Parameterization::Ntk,
            Self::Sp => Parameterization::Standard,
        }
    }
}

/// A network of a family.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Two hidden layers of rectifiers.
    Mlp {
        /// Their width.
        width: usize,
    },
    /// `h + L^-alpha f(h)`, L times.
    Residual {
        /// The width.
        width: usize,
        /// L
        blocks: usize,
        /// Layers of a branch f, each a rectifier and a dense layer.
        layers: usize,
        /// alpha
        exponent: f64,
    },
}

impl Shape {
    pub(super) fn name(self) -> String {
        match self {
            Self::Mlp { width } => format!("mlp/width={width}"),
            Self::Residual { width, blocks, layers, exponent } => {
                format!("residual/width={width}/alpha={exponent}/layers={layers}/blocks={blocks}")
            }
        }
    }

    /// Multiply-adds of a forward pass of a sample, roughly.
    pub(super) fn cost(self) -> f64 {
        match self {
            Self::Mlp { width } => (width * width + 74 * width) as f64,
            Self::Residual { width, blocks, layers, .. } => (width * width * blocks * layers + 74 * width) as f64,
        }
    }

    pub(super) fn network(self, inputs: usize, outputs: usize, param: Param) -> Architecture {
        const GAIN: f64 = std::f64::consts::SQRT_2;
        let dense = |out, w_std| Layer::Dense(Dense { out, fan_in: None, w_std, b_std: None, param: param.of_model() });
        let relu = || Layer::Activation(Activation::Relu);
        let layers = match self {
            Self::Mlp { width } => vec![dense(width, GAIN), relu(), dense(width, GAIN), relu(), dense(outputs, 1.0)],
            Self::Residual { width, blocks, layers, exponent } => {
                let branch = || (0..layers).flat_map(|_| [relu(), dense(width, GAIN)]).collect();
                let scale = (blocks as f64).powf(-exponent);
                let block = |_| Layer::Residual { layers: branch(), scale };
                std::iter::once(dense(width, 1.0)).chain((0..blocks).map(block)).chain([dense(outputs, 1.0)]).collect()
            }
        };
        Architecture::new([inputs], layers)
    }
}

/// Samples of a data set, less their mean, each of a square as large as its numbers are many; classes as one-hot rows.
pub(super) fn samples(lab: &Lab<'_>, data: &str, seed: u64, n: usize) -> Result<Samples<f32>> {
    let selection = Selection {
        n: Some(n),
        normalize: Normalize::None,
        seed: lab::seed(seed, Role::Data, 0),
        ..Selection::default()
    };
    let mut set = lab.dataset(data, &selection)?;
    let (features, outputs) = (set.inputs.row_len(), set.targets.row_len());
    set.fit(&[features], outputs)?;
    centre(&mut set.inputs)?;
    Samples::new(Loss::MeanSquaredError, &set.inputs, &set.targets, set.labels.as_deref(), outputs)
}

fn centre(x: &mut Array<f64>) -> Result<()> {
    let (n, width) = (x.rows() as f64, x.row_len());
    let mut mean = vec![0.0; width];
    x.data.chunks_exact(width).for_each(|row| mean.iter_mut().zip(row).for_each(|(m, x)| *m += x / n));
    for (i, row) in x.data.chunks_exact_mut(width).enumerate() {
        row.iter_mut().zip(&mean).for_each(|(x, m)| *x -= m);
        let square = row.iter().map(|x| x * x).sum::<f64>();
        if square == 0.0 {
            return Err(Error::usage(format!("sample {i} is the mean of all"), "take other data"));
        }
        let scale = (width as f64 / square).sqrt();
        row.iter_mut().for_each(|x| *x *= scale);
    }
    Ok(())
}
