//! The error function, the normal distribution, and the gamma function.

use super::Elementwise;
use crate::real::Real;

/// `2 / sqrt(pi)`
const TWO_OVER_SQRT_PI: f64 = std::f64::consts::FRAC_2_SQRT_PI;

/// `erf(x + h) = y + 2/sqrt(pi) e^(-x^2) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Erf;
impl Elementwise for Erf {
    const NAME: &'static str = "erf";
    const SAMPLES: &'static [f64] = &[-5.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.erf()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        (-(x * x)).exp().scale(TWO_OVER_SQRT_PI)
    }
}

/// `erfc(x + h) = y - 2/sqrt(pi) e^(-x^2) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Erfc;
impl Elementwise for Erfc {
    const NAME: &'static str = "erfc";
    const SAMPLES: &'static [f64] = &[-5.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.erfc()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        (-(x * x)).exp().scale(-TWO_OVER_SQRT_PI)
    }
}

/// `Phi(x + h) = y + phi(x) h`
///
/// `Phi` is the normal distribution function, `phi` its density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalCdf;
impl Elementwise for NormalCdf {
    const NAME: &'static str = "normal_cdf";
    const SAMPLES: &'static [f64] = &[-8.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.normal_cdf()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.normal_pdf()
    }
}

/// `phi(x + h) = y - x y h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalPdf;
impl Elementwise for NormalPdf {
    const NAME: &'static str = "normal_pdf";
    const SAMPLES: &'static [f64] = &[-8.0, -0.7, 0.0, 1e-9, 0.9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.normal_pdf()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, y: R) -> R {
        -(x * y)
    }
}

/// `ln |Gamma(x + h)| = y + digamma(x) h`
///
/// # At kinks
/// Infinite at 0 and the negative integers, where the slope has a pole: see [`Polygamma`].
///
/// # Source
/// Abramowitz and Stegun, chapter 6.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LnGamma;
impl Elementwise for LnGamma {
    const NAME: &'static str = "ln_gamma";
    const SAMPLES: &'static [f64] = &[0.1, 1.0, 1.5, 2.0, 7.5, 1e3];
    const KINKS: &'static [f64] = &[-2.0, -1.0, 0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.ln_gamma()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.polygamma(0)
    }
}

/// `polygamma(n, x + h) = y + polygamma(n + 1, x) h`
///
/// Derivative `n + 1` of [`LnGamma`]: digamma for 0, trigamma for 1. The chain of derivatives closes, as each is the slope
/// of the one before.
///
/// # At kinks
/// At 0 and the negative integers: infinite for odd n; for even n infinite at 0, with the sign opposite to that of the
/// zero, and NaN below. On the negative axis NaN for `n > 15`.
///
/// # Source
/// Abramowitz and Stegun, 6.4.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polygamma(
    /// The order.
    pub u32,
);
impl Elementwise for Polygamma {
    const NAME: &'static str = "polygamma";
    const SAMPLES: &'static [f64] = &[0.1, 1.0, 1.5, 2.0, 7.5, 1e3];
    const KINKS: &'static [f64] = &[-2.0, -1.0, 0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.polygamma(self.0)
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.polygamma(self.0 + 1)
    }
}
