//! The error function and the normal distribution.

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
