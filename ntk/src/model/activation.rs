//! The elementwise layers: their names, and what each needs of its weights.

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
