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
}
