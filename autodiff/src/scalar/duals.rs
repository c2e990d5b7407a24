//! Forward mode along N directions at once.
//!
//! The primal and its slope are computed once for all directions: `f(x + e_1 h_1 + .. + e_N h_N) = f(x) + f'(x) (e_1 h_1
//! + .. + e_N h_N)`, where every product of two `e` is 0. With N = 1 it is [`crate::Dual`].

use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::number::{chained, number};
use crate::op::elementwise::Elementwise;
use crate::op::pairwise::Pairwise;
use crate::real::Real;

/// A primal with N tangents, of the perturbations that the brand `'b` names.
#[derive(Clone, Copy, Debug)]
pub struct Duals<'b, R, const N: usize> {
    /// The primal.
    pub re: R,
    /// The tangents.
    pub eps: [R; N],
    // INVARIANT: invariant in 'b, so that two brands never unify.
    brand: PhantomData<fn(&'b ()) -> &'b ()>,
}

impl<R: Real, const N: usize> Duals<'_, R, N> {
    #[inline(always)]
    pub(crate) const fn new(re: R, eps: [R; N]) -> Self {
        Self { re, eps, brand: PhantomData }
    }

    /// Lifts a number that does not depend on this derivative's variables: its tangents are 0.
    #[inline(always)]
    pub const fn constant(re: R) -> Self {
        Self::new(re, [R::ZERO; N])
    }

    /// The chain rule, with the slope that the op states.
    #[inline(always)]
    fn chain(self, f: impl Elementwise) -> Self {
        let y = f.primal(self.re);
        let slope = f.slope(self.re, y);
        Self::new(y, self.eps.map(|h| slope * h))
    }

    /// The chain rule for two numbers.
    #[inline(always)]
    fn chain_pair(self, other: Self, f: impl Pairwise) -> Self {
        let y = f.primal(self.re, other.re);
        let [by_self, by_other] = f.slopes(self.re, other.re, y);
        Self::new(y, self.zip(other, |h, k| by_self * h + by_other * k))
    }

    #[inline(always)]
    fn zip(self, other: Self, tangent: impl Fn(R, R) -> R) -> [R; N] {
        std::array::from_fn(|i| tangent(self.eps[i], other.eps[i]))
    }
}

/// `-(x + e h) = -x - e h`
impl<R: Real, const N: usize> Neg for Duals<'_, R, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(-self.re, self.eps.map(|h| -h))
    }
}

/// `(x + e h) + (y + e k) = (x + y) + e (h + k)`
impl<R: Real, const N: usize> Add for Duals<'_, R, N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::new(self.re + other.re, self.zip(other, |h, k| h + k))
    }
}

/// `(x + e h) - (y + e k) = (x - y) + e (h - k)`
impl<R: Real, const N: usize> Sub for Duals<'_, R, N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::new(self.re - other.re, self.zip(other, |h, k| h - k))
    }
}

/// `(x + e h)(y + e k) = x y + e (h y + x k)`
impl<R: Real, const N: usize> Mul for Duals<'_, R, N> {
    type Output = Self;
    #[inline(always)]
    #[expect(clippy::suspicious_arithmetic_impl, reason = "the rule of the product")]
    fn mul(self, other: Self) -> Self {
        Self::new(self.re * other.re, self.zip(other, |h, k| h * other.re + self.re * k))
    }
}

/// `(x + e h) / (y + e k) = q + e (h - q k) / y` with `q = x / y`
impl<R: Real, const N: usize> Div for Duals<'_, R, N> {
    type Output = Self;
    #[inline(always)]
    #[expect(clippy::suspicious_arithmetic_impl, reason = "the rule of the quotient")]
    fn div(self, other: Self) -> Self {
        let quotient = self.re / other.re;
        Self::new(quotient, self.zip(other, |h, k| (h - quotient * k) / other.re))
    }
}

number!(Duals<'t, R, const N>, part: re);

impl<R: Real, const N: usize> Real for Duals<'_, R, N> {
    const ZERO: Self = Self::constant(R::ZERO);
    const ONE: Self = Self::constant(R::ONE);
    const ABSENT: Self = Self::constant(R::ABSENT);

    #[inline(always)]
    fn is_absent(self) -> bool {
        self.re.is_absent()
    }

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        Self::constant(R::from_f64(x))
    }
    #[inline(always)]
    fn primal(self) -> f64 {
        self.re.primal()
    }
    #[inline(always)]
    fn scale(self, c: f64) -> Self {
        Self::new(self.re.scale(c), self.eps.map(|h| h.scale(c)))
    }
    chained!();
}
