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
    /// `x`: what makes a deep linear network.
    Identity,
}

impl Activation {
    /// Every activation, leaky relu with its default slope.
    pub const ALL: [Self; 10] = [
        Self::Relu,
        Self::LeakyRelu(Self::DEFAULT_ALPHA),
        Self::Tanh,
        Self::Erf,
        Self::Gelu,
        Self::Sigmoid,
        Self::Softplus,
        Self::Sin,
        Self::Cos,
        Self::Identity,
    ];

    /// The slope of a leaky relu where none is given.
    pub const DEFAULT_ALPHA: f64 = 0.01;

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
            Self::Identity => "identity",
        }
    }

    /// The activation of that name, leaky relu with its default slope.
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
        of("identity", "`x`", &[]),
    ];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        match Self::from_name(fields.kind()) {
            Some(Self::LeakyRelu(default)) => Ok(Self::LeakyRelu(fields.number_or("alpha", default)?)),
            Some(plain) => Ok(plain),
            None => Err(fields.unknown_kind()),
        }
    }

    fn write(&self) -> Entry<'_> {
        match *self {
            Self::LeakyRelu(alpha) => Entry::new("leaky_relu").put("alpha", alpha),
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
            _ => Ok(shape.to_vec()),
        }
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, _: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        Ok(self.op().map_or(x, |op| x.map(op)))
    }
}

impl Activation {
    /// The op; none for the identity.
    pub(crate) fn op(self) -> Option<ElementwiseOp> {
        Some(match self {
            Self::Relu => ew::Relu.into(),
            Self::LeakyRelu(alpha) => ew::LeakyRelu(alpha).into(),
            Self::Tanh => ew::Tanh.into(),
            Self::Erf => ew::Erf.into(),
            Self::Gelu => ew::Gelu.into(),
            Self::Sigmoid => ew::Sigmoid.into(),
            Self::Softplus => ew::Softplus.into(),
            Self::Sin => ew::Sin.into(),
            Self::Cos => ew::Cos.into(),
            Self::Identity => return None,
        })
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
