//! Absolute value, roots, reciprocals and powers.

use super::Elementwise;
use crate::real::Real;

/// `|x + h| = |x| + sign(x) h`
///
/// # At kinks
/// The slope at 0 is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Abs;
impl Elementwise for Abs {
    const NAME: &'static str = "abs";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, -1e-9, 0.0, 1e-9, 2.5];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.abs()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        let positive = if x > R::ZERO { R::ONE } else { R::ZERO };
        if x < R::ZERO { -R::ONE } else { positive }
    }
}

/// `sqrt(x + h) = y + h / (2 y)`
///
/// # At kinks
/// The slope at 0 is infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sqrt;
impl Elementwise for Sqrt {
    const NAME: &'static str = "sqrt";
    const SAMPLES: &'static [f64] = &[0.01, 0.7, 1.0, 2.5, 1e6];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.sqrt()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, _x: R, y: R) -> R {
        R::from_f64(0.5) / y
    }
}

/// `1 / (x + h) = y - y^2 h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recip;
impl Elementwise for Recip {
    const NAME: &'static str = "recip";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.01, 2.5, 1e6];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.recip()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, _x: R, y: R) -> R {
        -(y * y)
    }
}

/// `(x + h)^n = y + n x^(n-1) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Powi(
    /// The exponent.
    pub i32,
);
impl Elementwise for Powi {
    const NAME: &'static str = "powi";
    const SAMPLES: &'static [f64] = &[-2.5, -0.7, 0.01, 1.0, 2.5];
    // Of negative powers; differences may as well stay away for all.
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.powi(self.0)
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        // x^0 is a constant, at 0 too, where 0 x^-1 would be NaN.
        if self.0 == 0 { R::ZERO } else { x.powi(self.0.wrapping_sub(1)).scale(f64::from(self.0)) }
    }
}

/// `1/sqrt(x + h) = y - y / (2 x) h`
///
/// # At kinks
/// The slope at 0 is minus infinity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rsqrt;
impl Elementwise for Rsqrt {
    const NAME: &'static str = "rsqrt";
    const SAMPLES: &'static [f64] = &[0.01, 0.7, 1.0, 2.5, 1e6];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.rsqrt()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, y: R) -> R {
        y.scale(-0.5) / x
    }
}

/// `(x + h)^p = y + p x^(p-1) h`
///
/// NaN for a negative `x` unless p is whole. A power by a whole number is faster, and exact where it can be, as [`Powi`].
///
/// # At kinks
/// At 0 what the formula gives: infinite for `p < 1`, 1 for `p = 1`, 0 above; `x^0` is constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Powf(
    /// The exponent.
    pub f64,
);
impl Elementwise for Powf {
    const NAME: &'static str = "powf";
    const SAMPLES: &'static [f64] = &[0.01, 0.7, 1.0, 2.5, 1e3];
    const KINKS: &'static [f64] = &[0.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.powf(self.0)
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        if self.0 == 0.0 { R::ZERO } else { x.powf(self.0 - 1.0).scale(self.0) }
    }
}
