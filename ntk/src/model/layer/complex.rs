//! Complex numbers as pairs of real ones: `c` complex channels are `2 c` real ones, real parts first.

use autodiff::op::bilinear::Matmul;
use autodiff::{Real, Var};

use super::dense::{B_STD, PARAM, W_STD, stated};
use super::sequence::{at, constant, of_samples};
use super::{Activation, Described, Key, Kind};
use crate::model::apply::Supply;
use crate::model::emit::Entry;
use crate::model::error::{ModelError, Result};
use crate::model::file::Fields;
use crate::model::shape::{Dims, Walk};
use crate::model::{Parameterization, Weighting};

/// A fully connected layer of complex numbers: `z (A + i B) + b`.
///
/// # Shape
/// `[n, 2 fan_in] -> [n, 2 out]`, with `A, B: [fan_in, out]`, a bias for the real parts beside A, one for the imaginary parts
/// beside B. With unit draws `E|A + i B|^2 = 2`, which the fan-in of `2 fan_in` makes up for: the variance of `y` is that of a
/// real layer of stacked parts, and the kernel `1/2 sum_p d_p f conj(d_p f)` of parts of variance 1/2 is ours without the half.
///
/// # Source
/// Tan et al. 2022, "Real-valued backpropagation is unsuitable for complex-valued neural networks".
#[derive(Debug, Clone, PartialEq)]
pub struct ComplexDense {
    /// The number of complex outputs.
    pub out: usize,
    /// The number of complex inputs, if the description says it: it is then checked against the shapes.
    pub fan_in: Option<usize>,
    /// The root of the mean of `|A + i B|^2`, times `sqrt(fan_in)`.
    pub w_std: f64,
    /// The root of the mean of `|b|^2`; no bias where it is `None` or 0.
    pub b_std: Option<f64>,
    /// Where the standard deviations act: on the first draw or in the forward pass.
    pub param: Parameterization,
}

impl ComplexDense {
    /// The weighting of one part: half of the variance is in each.
    fn part(&self) -> Weighting {
        let b_std = self.b_std.map(|b| b * std::f64::consts::FRAC_1_SQRT_2);
        Weighting { w_std: self.w_std, b_std, param: self.param }
    }
}

/// The number of complex channels.
fn pairs(path: &str, shape: &[usize]) -> Result<usize> {
    match *shape {
        [numbers] if numbers.is_multiple_of(2) => Ok(numbers / 2),
        _ => Err(ModelError::in_layer(
            path,
            format_args!(
                "complex numbers are an even count along one axis, real parts first, and {shape:?} reaches it"
            ),
            "give pairs, such as input = [8] for 4 complex numbers",
        )),
    }
}

/// `[n, 2 c] -> [n, 2, c]`: real parts, imaginary parts.
fn parts<'a, R: Real>(z: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
    let (samples, numbers) = (z.shape()[0], z.shape()[1]);
    z.reshape(&[samples, 2, numbers / 2])
}

/// `[n, 2, c] -> [n, 2 c]`
fn joined<'a, R: Real>(z: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
    z.reshape(&[z.shape()[0], 2 * z.shape()[2]])
}

impl Kind for ComplexDense {
    const DESCRIBED: &'static [Described] = &[Described {
        name: "complex_dense",
        shape: "[2 in] -> [2 out]",
        about: "`z (A + i B) + b` of complex numbers, real parts first; weights `A`, then `B`. The other kinds act on real and imaginary parts apart (split)",
        keys: &[
            Key::new("out", "a whole number", "needed", "complex outputs"),
            Key::new("in", "a whole number", "what reaches it", "complex inputs, checked"),
            W_STD,
            B_STD,
            PARAM,
        ],
    }];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        let Weighting { w_std, b_std, param } = fields.weighting()?;
        Ok(Self { out: fields.count("out")?, fan_in: fields.count_if("in")?, w_std, b_std, param })
    }

    fn write(&self) -> Entry<'_> {
        let weighting = Weighting { w_std: self.w_std, b_std: self.b_std, param: self.param };
        Entry::new("complex_dense").put_if("in", self.fan_in).put("out", self.out).weighting(weighting)
    }

    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        let fan_in = pairs(path, shape)?;
        stated(path, self.fan_in, fan_in, shape)?;
        let outputs = self.out.checked_mul(2).ok_or_else(|| {
            ModelError::in_layer(path, "twice the outputs are more than a machine can address", "lower `out`")
        })?;
        // Both parts of the input enter each part of an output.
        let dims = Dims { positions: 2, ..Dims::dense(2 * fan_in, self.out, self.part()) };
        for _ in 0..2 {
            walk.site(path, self.part(), vec![fan_in, self.out], dims)?;
        }
        Ok(vec![outputs])
    }

    /// `Z A + J Z B` on rows of real and imaginary parts, `J` turning `(x, y)` into `(-y, x)`; then the biases.
    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let z = parts(x)?;
        let samples = z.shape()[0];
        let (a, b) = (supply.next()?, supply.next()?);
        let product = |alpha| Matmul { transpose_a: false, transpose_b: false, alpha };
        let turn = constant(x, 4 * samples, |i| [0.0, -1.0, 1.0, 0.0][i % 4], &[samples, 2, 2])?;
        let turned = turn.batched_matmul(z.matmul_with(b.w, product(b.alpha))?)?;
        let y = z.matmul_with(a.w, product(a.alpha))?.plus(turned)?;
        match (a.bias(), b.bias()) {
            (Some((re, beta)), Some((im, _))) => {
                // A unit column puts each bias into one of the two rows.
                let real = constant(x, samples * 2, |i| f64::from(u8::from(i % 2 == 0)), &[samples, 2, 1])?;
                let imaginary = constant(x, samples * 2, |i| f64::from(u8::from(i % 2 == 1)), &[samples, 2, 1])?;
                let zero = |b: Var<'a, R>| {
                    of_samples(x, samples * self.out, |_| 0.0, &[samples, 1, self.out])?.combine(1.0, b, beta)
                };
                joined(y.plus(real.batched_matmul(zero(re)?)?)?.plus(imaginary.batched_matmul(zero(im)?)?)?)
            }
            _ => joined(y),
        }
    }
}

/// A layer of complex numbers without weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ComplexMap {
    /// `g(|z| + shift) z / |z|`: the modulus through a real function, the phase kept. With relu and a negative shift this
    /// is modReLU.
    Polar {
        /// The function of the modulus.
        activation: Activation,
        /// What is added to the modulus before.
        shift: f64,
    },
    /// `z / |z|`: the phase alone.
    Phase,
    /// `(1 + cos arg z) z / 2`: the phase decides how much passes.
    Cardioid,
    /// `|z|`: real from here on.
    Modulus,
    /// `Re z`: real from here on.
    RealPart,
}

impl Kind for ComplexMap {
    const DESCRIBED: &'static [Described] = &[
        Described {
            name: "polar",
            shape: "[2 c] -> [2 c]",
            about: "`g(r + shift) z / r`, r the modulus; with relu and a negative shift modReLU. Not differentiable at 0",
            keys: &[
                super::activation::ACTIVATION,
                Key::new("shift", "a number", "0.0", "added to the modulus before the activation"),
            ],
        },
        Described {
            name: "phase",
            shape: "[2 c] -> [2 c]",
            about: "`z / r`, r the modulus. Not differentiable at 0",
            keys: &[],
        },
        Described {
            name: "cardioid",
            shape: "[2 c] -> [2 c]",
            about: "`(1 + cos arg z) z / 2`. Not differentiable at 0",
            keys: &[],
        },
        Described { name: "modulus", shape: "[2 c] -> [c]", about: "the modulus. Not differentiable at 0", keys: &[] },
        Described { name: "real_part", shape: "[2 c] -> [c]", about: "`Re z`", keys: &[] },
    ];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        Ok(match fields.kind() {
            "phase" => Self::Phase,
            "cardioid" => Self::Cardioid,
            "modulus" => Self::Modulus,
            "real_part" => Self::RealPart,
            _ => Self::Polar {
                activation: fields.activation(Activation::Identity)?,
                shift: fields.number_or("shift", 0.0)?,
            },
        })
    }

    fn write(&self) -> Entry<'_> {
        match *self {
            Self::Polar { activation, shift } => {
                Entry::new("polar").text("activation", activation.name()).put("shift", shift)
            }
            Self::Phase => Entry::new("phase"),
            Self::Cardioid => Entry::new("cardioid"),
            Self::Modulus => Entry::new("modulus"),
            Self::RealPart => Entry::new("real_part"),
        }
    }

    fn infer(&self, _: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        let channels = pairs(path, shape)?;
        match *self {
            Self::Polar { shift, .. } => super::branch::finite(path, "shift", shift).map(|()| shape.to_vec()),
            Self::Phase | Self::Cardioid => Ok(shape.to_vec()),
            Self::Modulus | Self::RealPart => Ok(vec![channels]),
        }
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, _: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let z = parts(x)?;
        let modulus = || Ok::<_, autodiff::Error>(z.powi(2).sum_axis(1)?.sqrt());
        // A real factor for both parts.
        let scaled = |factor: Var<'a, R>| joined(z.times(factor.broadcast(1, 2)?)?);
        match *self {
            Self::RealPart => at(z, 0),
            Self::Modulus => modulus(),
            Self::Phase => scaled(modulus()?.recip()),
            Self::Cardioid => {
                let cosine = at(z, 0)?.times(modulus()?.recip())?;
                let half = constant(x, 1, |_| 0.5, &[])?;
                scaled(cosine.combine(0.5, half, 1.0)?)
            }
            Self::Polar { activation, shift } => {
                let r = modulus()?;
                let shifted = r.plus(constant(x, 1, |_| shift, &[])?)?;
                let g = activation.record(shifted);
                scaled(g.times(r.recip())?)
            }
        }
    }
}
