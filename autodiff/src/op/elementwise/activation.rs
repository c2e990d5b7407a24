//! The functions between the layers of a network.

use super::Elementwise;
use crate::real::Real;

/// `relu(x + h) = relu(x) + [x > 0] h`, for `h` small beside `x`
///
/// # At kinks
/// The slope at 0 is 0. `relu(-0) = 0` and `relu(NaN) = NaN`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relu;
impl Elementwise for Relu {
    const NAME: &'static str = "relu";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, -1e-9, 0.0, 1e-9, 2.5];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        // NUMERICS: |x| is x at 0 and NaN, but on a dual its tangent is that of the stated slope, 0, and not that of x.
        let at_most_zero = if x < R::ZERO { R::ZERO } else { x.abs() };
        if x > R::ZERO { x } else { at_most_zero }
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        if x > R::ZERO { R::ONE } else { R::ZERO }
    }
}

/// `f(x + h) = f(x) + (1 or alpha) h`
///
/// # At kinks
/// The slope at 0 is `alpha`, the one from below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu(
    /// The slope below 0.
    pub f64,
);
impl Elementwise for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, -1e-9, 0.0, 1e-9, 2.5];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        if x > R::ZERO { x } else { x.scale(self.0) }
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        if x > R::ZERO { R::ONE } else { R::from_f64(self.0) }
    }
}

/// `sigmoid(x + h) = y + sigmoid(x) sigmoid(-x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sigmoid;
impl Elementwise for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const SAMPLES: &'static [f64] = &[-30.0, -0.7, 0.0, 1e-9, 2.5, 30.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.sigmoid()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, y: R) -> R {
        // NUMERICS: 1 - y would lose all digits where y is near 1.
        y * (-x).sigmoid()
    }
}

/// `softplus(x + h) = y + sigmoid(x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softplus;
impl Elementwise for Softplus {
    const NAME: &'static str = "softplus";
    const SAMPLES: &'static [f64] = &[-30.0, -0.7, 0.0, 1e-9, 2.5, 30.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.softplus()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.sigmoid()
    }
}

/// `gelu(x + h) = x Phi(x) + (Phi(x) + x phi(x)) h`
///
/// Exact, not the tanh approximation. `Phi` keeps its relative accuracy in the tail, where `(1 + erf) / 2` would
/// cancel.
///
/// # Source
/// Hendrycks and Gimpel, arXiv:1606.08415, section 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gelu;
impl Elementwise for Gelu {
    const NAME: &'static str = "gelu";
    const SAMPLES: &'static [f64] = &[-8.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x * x.normal_cdf()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.normal_cdf() + x * x.normal_pdf()
    }
}
