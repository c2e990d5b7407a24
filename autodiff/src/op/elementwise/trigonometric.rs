//! Circular and hyperbolic functions.

use super::Elementwise;
use crate::real::Real;

/// `tanh(x + h) = y + (1 - y^2) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tanh;
impl Elementwise for Tanh {
    const NAME: &'static str = "tanh";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.tanh()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, _x: R, y: R) -> R {
        R::ONE - y * y
    }
}

/// `sin(x + h) = y + cos(x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sin;
impl Elementwise for Sin {
    const NAME: &'static str = "sin";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.sin()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.cos()
    }
    // NUMERICS: large angles are reduced in a branch, which a loop over single numbers would have at each.
    #[inline(always)]
    fn primals<R: Real>(&self, x: &[R], y: &mut [R]) {
        R::sines(x, y);
    }
    #[inline(always)]
    fn slopes<R: Real>(&self, x: &[R], _y: &[R], s: &mut [R]) {
        R::cosines(x, s);
    }
}

/// `cos(x + h) = y - sin(x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cos;
impl Elementwise for Cos {
    const NAME: &'static str = "cos";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.cos()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        -x.sin()
    }
    #[inline(always)]
    fn primals<R: Real>(&self, x: &[R], y: &mut [R]) {
        R::cosines(x, y);
    }
    #[inline(always)]
    fn slopes<R: Real>(&self, x: &[R], _y: &[R], s: &mut [R]) {
        R::sines(x, s);
        s.iter_mut().for_each(|s| *s = -*s);
    }
}

/// `tan(x + h) = y + (1 + y^2) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tan;
impl Elementwise for Tan {
    const NAME: &'static str = "tan";
    const SAMPLES: &'static [f64] = &[-1.2, -0.7, 0.0, 1e-9, 1.3];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.tan()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, _x: R, y: R) -> R {
        R::ONE + y * y
    }
}

/// `asin(x + h) = y + h / sqrt(1 - x^2)`
///
/// # At kinks
/// The slopes at -1 and 1 are infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asin;
impl Elementwise for Asin {
    const NAME: &'static str = "asin";
    const SAMPLES: &'static [f64] = &[-0.9, -0.5, 0.0, 1e-9, 0.7, 0.99];
    const KINKS: &'static [f64] = &[-1.0, 1.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.asin()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        // NUMERICS: not 1 - x^2, whose rounding error is large beside what is left near 1.
        ((R::ONE - x) * (R::ONE + x)).sqrt().recip()
    }
}

/// `acos(x + h) = y - h / sqrt(1 - x^2)`
///
/// # At kinks
/// The slopes at -1 and 1 are minus infinity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Acos;
impl Elementwise for Acos {
    const NAME: &'static str = "acos";
    const SAMPLES: &'static [f64] = &[-0.9, -0.5, 0.0, 1e-9, 0.7, 0.99];
    const KINKS: &'static [f64] = &[-1.0, 1.0];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.acos()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        -((R::ONE - x) * (R::ONE + x)).sqrt().recip()
    }
}

/// `atan(x + h) = y + h / (1 + x^2)`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Atan;
impl Elementwise for Atan {
    const NAME: &'static str = "atan";
    const SAMPLES: &'static [f64] = &[-20.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.atan()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        (R::ONE + x * x).recip()
    }
}

/// `sinh(x + h) = y + cosh(x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sinh;
impl Elementwise for Sinh {
    const NAME: &'static str = "sinh";
    const SAMPLES: &'static [f64] = &[-5.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.sinh()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.cosh()
    }
}

/// `cosh(x + h) = y + sinh(x) h`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosh;
impl Elementwise for Cosh {
    const NAME: &'static str = "cosh";
    const SAMPLES: &'static [f64] = &[-5.0, -0.7, 0.0, 1e-9, 2.5];
    #[inline(always)]
    fn primal<R: Real>(&self, x: R) -> R {
        x.cosh()
    }
    #[inline(always)]
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.sinh()
    }
}
