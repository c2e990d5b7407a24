//! The elementwise layers: their names, and what each needs of its weights.

use autodiff::op::ElementwiseOp;
use autodiff::op::elementwise as ew;
use autodiff::{Real, Var};

use super::{Described, Key, Kind};
use crate::model::apply::Supply;
use crate::model::emit::Entry;
use crate::model::error::{ModelError, Result};
use crate::model::file::Fields;
use crate::model::shape::Walk;

/// A function applied to every entry of a layer's output.
///
/// The name of a variant in a model file or a preset is [`Activation::name`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, `alpha x` elsewhere.
    LeakyRelu(
        /// The slope for negative `x`.
        f64,
    ),
    /// `tanh(x)`.
    Tanh,
    /// The error function `erf(x)`.
    Erf,
    /// The exact form, `x Phi(x)` with the normal distribution function `Phi`.
    Gelu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `ln(1 + exp(x))`.
    Softplus,
    /// `sin(x)`.
    Sin,
    /// `cos(x)`.
    Cos,
    /// `e^x`.
    Exp,
    /// `x^p`.
    Monomial(
        /// The degree p, from 1 to [`Activation::MAX_DEGREE`].
        u32,
    ),
    /// `max(x, 0)^p`.
    RectifiedMonomial(
        /// The degree p, from 1 to [`Activation::MAX_DEGREE`].
        u32,
    ),
    /// `x`: what makes a deep linear network.
    Identity,
}

impl Activation {
    /// Every activation, leaky relu with its default slope and monomials with their default degree.
    pub const ALL: [Self; 13] = [
        Self::Relu,
        Self::LeakyRelu(Self::DEFAULT_ALPHA),
        Self::Tanh,
        Self::Erf,
        Self::Gelu,
        Self::Sigmoid,
        Self::Softplus,
        Self::Sin,
        Self::Cos,
        Self::Exp,
        Self::Monomial(Self::DEFAULT_DEGREE),
        Self::RectifiedMonomial(Self::DEFAULT_DEGREE),
        Self::Identity,
    ];

    /// The slope of a leaky relu where none is given.
    pub const DEFAULT_ALPHA: f64 = 0.01;

    /// The degree of a monomial where none is given.
    pub const DEFAULT_DEGREE: u32 = 2;

    /// The highest degree of a monomial: of the next ones a fourth layer overflows in `f32`.
    pub const MAX_DEGREE: u32 = 12;

    /// The `kind` in a model file and the last word of a preset.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::LeakyRelu(_) => "leaky_relu",
            Self::Tanh => "tanh",
            Self::Erf => "erf",
            Self::Gelu => "gelu",
            Self::Sigmoid => "sigmoid",
            Self::Softplus => "softplus",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Exp => "exp",
            Self::Monomial(_) => "monomial",
            Self::RectifiedMonomial(_) => "rectified_monomial",
            Self::Identity => "identity",
        }
    }

    /// The activation of that name, with the default of what it depends on.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }

    /// The names of all activations.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        Self::ALL.into_iter().map(Self::name)
    }

    /// The `W_std` that a preset takes where none is given: `sqrt(2)` for the rectifiers, which
    /// pass on half of a symmetric signal's power, and 1 for all others.
    pub fn default_w_std(self) -> f64 {
        match self {
            Self::Relu | Self::LeakyRelu(_) => std::f64::consts::SQRT_2,
            _ => 1.0,
        }
    }
}

/// The row of an activation.
const fn of(name: &'static str, about: &'static str, keys: &'static [Key]) -> Described {
    Described { name, shape: "s -> s", about, keys }
}

const DEGREE: Key = Key::new("degree", "a whole number from 1 to 12", "2", "the power");

/// The key of layers that pass through an activation inside.
pub(super) const ACTIVATION: Key = Key::new(
    "activation",
    "an activation",
    "`\"identity\"`",
    "the function inside; a leaky relu has its default slope",
);

impl Kind for Activation {
    const DESCRIBED: &'static [Described] = &[
        of("relu", "`max(x, 0)`", &[]),
        of(
            "leaky_relu",
            "`x` above 0, `alpha x` elsewhere",
            &[Key::new("alpha", "a number", "0.01", "the slope below 0")],
        ),
        of("tanh", "hyperbolic tangent", &[]),
        of("erf", "error function", &[]),
        of("gelu", "`x Phi(x)`, exact", &[]),
        of("sigmoid", "`1 / (1 + e^-x)`", &[]),
        of("softplus", "`ln(1 + e^x)`", &[]),
        of("sin", "sine", &[]),
        of("cos", "cosine", &[]),
        of("exp", "`e^x`", &[]),
        of("monomial", "`x^degree`", &[DEGREE]),
        of("rectified_monomial", "`max(x, 0)^degree`", &[DEGREE]),
        of("identity", "`x`", &[]),
    ];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        match Self::from_name(fields.kind()) {
            Some(Self::LeakyRelu(default)) => Ok(Self::LeakyRelu(fields.number_or("alpha", default)?)),
            Some(Self::Monomial(default)) => Ok(Self::Monomial(degree(fields, default)?)),
            Some(Self::RectifiedMonomial(default)) => Ok(Self::RectifiedMonomial(degree(fields, default)?)),
            Some(plain) => Ok(plain),
            None => Err(fields.unknown_kind()),
        }
    }

    fn write(&self) -> Entry<'_> {
        match *self {
            Self::LeakyRelu(alpha) => Entry::new("leaky_relu").put("alpha", alpha),
            Self::Monomial(degree) | Self::RectifiedMonomial(degree) => {
                Entry::new(self.name()).put("degree", degree as usize)
            }
            plain => Entry::new(plain.name()),
        }
    }

    fn infer(&self, _: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        match *self {
            Self::LeakyRelu(alpha) if !alpha.is_finite() => Err(ModelError::in_layer(
                path,
                format_args!("alpha = {alpha} is not a finite number"),
                "give the slope for negative inputs, such as alpha = 0.01",
            )),
            Self::Monomial(degree) | Self::RectifiedMonomial(degree) if !(1..=Self::MAX_DEGREE).contains(&degree) => {
                Err(ModelError::in_layer(
                    path,
                    format_args!("degree = {degree}"),
                    format!("give a degree from 1 to {}", Self::MAX_DEGREE),
                ))
            }
            _ => Ok(shape.to_vec()),
        }
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, _: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        Ok(self.record(x))
    }
}

/// The key `degree`; one that no number of the machine's is refused as one that is too high, where shapes are.
fn degree(fields: &Fields<'_, '_>, default: u32) -> Result<u32> {
    Ok(fields.count_if("degree")?.map_or(default, |degree| u32::try_from(degree).unwrap_or(u32::MAX)))
}

impl Activation {
    /// The ops that it is made of, one after another; none for the identity.
    pub(crate) fn ops(self) -> impl Iterator<Item = ElementwiseOp> {
        let power = |degree: u32| (degree != 1).then(|| ew::Powi(degree.min(Self::MAX_DEGREE) as i32).into());
        let ops: [Option<ElementwiseOp>; 2] = match self {
            Self::Relu => [Some(ew::Relu.into()), None],
            Self::LeakyRelu(alpha) => [Some(ew::LeakyRelu(alpha).into()), None],
            Self::Tanh => [Some(ew::Tanh.into()), None],
            Self::Erf => [Some(ew::Erf.into()), None],
            Self::Gelu => [Some(ew::Gelu.into()), None],
            Self::Sigmoid => [Some(ew::Sigmoid.into()), None],
            Self::Softplus => [Some(ew::Softplus.into()), None],
            Self::Sin => [Some(ew::Sin.into()), None],
            Self::Cos => [Some(ew::Cos.into()), None],
            Self::Exp => [Some(ew::Exp.into()), None],
            Self::Monomial(degree) => [power(degree), None],
            Self::RectifiedMonomial(degree) => [Some(ew::Relu.into()), power(degree)],
            Self::Identity => [None, None],
        };
        ops.into_iter().flatten()
    }

    /// Records it.
    pub(super) fn record<R: Real>(self, x: Var<'_, R>) -> Var<'_, R> {
        self.ops().fold(x, |x, op| x.map(op))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_activation_is_found_by_its_name_and_no_other() {
        for a in Activation::ALL {
            assert_eq!(Activation::from_name(a.name()), Some(a));
        }
        assert_eq!(Activation::names().count(), Activation::ALL.len());
        assert_eq!(Activation::from_name("Relu"), None);
        assert_eq!(Activation::from_name(""), None);
    }
}
