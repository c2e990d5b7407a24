//! Exponentials and logarithms.

use super::Elementwise;
use crate::real::Real;

/// `e^(x + h) = y + y h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exp;
impl Elementwise for Exp {
    const NAME: &'static str = "exp";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.exp()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, _x: R, y: R) -> R {
        y
    }
}

/// `e^(x + h) - 1 = y + (y + 1) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expm1;
impl Elementwise for Expm1 {
    const NAME: &'static str = "expm1";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.expm1()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        // NUMERICS: y + 1 would lose all digits where x is very negative.
        x.exp()
    }
}

/// `ln(x + h) = y + h / x`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ln;
impl Elementwise for Ln {
    const NAME: &'static str = "ln";
    const SAMPLES: &'static [f64] = &[0.01, 0.7, 1.0, 2.5, 1e6];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.ln()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.recip()
    }
}

/// `ln(1 + x + h) = y + h / (1 + x)`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ln1p;
impl Elementwise for Ln1p {
    const NAME: &'static str = "ln_1p";
    const SAMPLES: &'static [f64] = &[-0.5, -1e-9, 0.0, 1e-9, 2.5, 1e6];
    const KINKS: &'static [f64] = &[-1.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.ln_1p()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        (R::ONE + x).recip()
    }
}
