//! Derivatives of every order at once: truncated power series.
//!
//! A series is `x(t) = c_0 + c_1 t + .. + c_(N-1) t^(N-1)`, and what is beyond is dropped. Evaluate a program on `x_0 + t`
//! and coefficient k of the result is `f^(k)(x_0) / k!`. Arithmetic is that of polynomials. A function is the solution of
//! the differential equation that its slope states: `y = f(x)` has
//!
//! ```text
//! y' = slope(x, y) x',   so   y(t) = f(x_0) + the integral of slope(x, y) x' from 0 to t.
//! ```
//!
//! Where the slope is known from `x` alone, that integral is the answer. Where it reads `y`, start with the constant
//! `f(x_0)` and put the result in again (Picard's iteration): coefficient k of the integral depends on coefficients below
//! k of `y`, so each round makes one more coefficient exact, and after N - 1 rounds all of them are. So the one stated
//! slope of an op gives its derivatives of every order. `1 + t -> e^t`: `y = 1`, then `1 + t`, then `1 + t + t^2/2`.
//!
//! The slope of the sine is the cosine and the reverse, and that of the logistic function has its mirror image in it:
//! each such pair is iterated together.

use std::marker::PhantomData;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::number::number;
use crate::op::elementwise::{self as op, Elementwise};
use crate::real::Real;

/// The first N coefficients of a power series in the perturbation that the brand `'b` names.
///
/// # Cost
/// `N^2 / 2` multiply-adds a product or quotient, up to `N^3` a function.
#[derive(Clone, Copy, Debug)]
pub struct Series<'b, R, const N: usize> {
    /// Coefficients, the constant first. Derivative k is `k!` times the k-th.
    pub c: [R; N],
    // INVARIANT: invariant in 'b, so that two brands never unify.
    brand: PhantomData<fn(&'b ()) -> &'b ()>,
}

impl<R: Real, const N: usize> Series<'_, R, N> {
    #[inline(always)]
    const fn new(c: [R; N]) -> Self {
        const { assert!(N > 0, "a series has at least the coefficient of order 0") }
        Self { c, brand: PhantomData }
    }

    /// Lifts a number that does not depend on this derivative's variable.
    pub const fn constant(value: R) -> Self {
        let mut c = [R::ZERO; N];
        c[0] = value;
        Self::new(c)
    }

    /// `x + t`
    pub(crate) fn variable(x: R) -> Self {
        let mut variable = Self::constant(x);
        if let Some(slope) = variable.c.get_mut(1) {
            *slope = R::ONE;
        }
        variable
    }

    /// `start + integral of s x'`: coefficient k is `1/k sum over j = 1..k of j x_j s_(k-j)`.
    fn integral(self, s: Self, start: R) -> Self {
        let mut y = Self::constant(start);
        for k in 1..N {
            let terms = (1..=k).map(|j| (self.c[j] * s.c[k - j]).scale(j as f64));
            y.c[k] = sum(terms) / R::from_f64(k as f64);
        }
        y
    }

    /// `f(x)` where the slope can be had from `x` alone.
    fn integrate(self, f: impl Elementwise) -> Self {
        // A slope that does read `y` shows as NaN.
        self.integral(f.slope(self, Self::from_f64(f64::NAN)), f.primal(self.c[0]))
    }

    /// `f(x)` where the slope reads `y = f(x)`, and is arithmetic in both.
    fn iterate(self, f: impl Elementwise) -> Self {
        let start = f.primal(self.c[0]);
        (1..N).fold(Self::constant(start), |y, _| self.integral(f.slope(self, y), start))
    }

    /// Two functions, each of whose slopes is arithmetic in both values.
    fn iterate_pair(self, start: [R; 2], slopes: impl Fn(Self, Self) -> [Self; 2]) -> [Self; 2] {
        (1..N).fold(start.map(Self::constant), |[y, z], _| {
            let [s, r] = slopes(y, z);
            [self.integral(s, start[0]), self.integral(r, start[1])]
        })
    }

    /// `f(x)` where every derivative of `f` at the constant is known: the Taylor series of `f`, by Horner's rule in
    /// `x - x_0`.
    fn compose(self, derivative: impl Fn(u32) -> R) -> Self {
        let mut step = self;
        step.c[0] = R::ZERO;
        // f + s/1 (f' + s/2 (f'' + s/3 (..)))
        let series = (0..N as u32).rev().fold(Self::constant(R::ZERO), |sum, k| {
            Self::constant(derivative(k)) + sum.scale(1.0 / f64::from(k + 1)) * step
        });
        series.at(derivative(0))
    }

    /// The same series with another constant: the value as its own function gives it.
    fn at(mut self, value: R) -> Self {
        self.c[0] = value;
        self
    }

    /// `sinh' = cosh`, `cosh' = sinh`
    fn sinh_cosh(self) -> [Self; 2] {
        self.iterate_pair([self.c[0].sinh(), self.c[0].cosh()], |sinh, cosh| [cosh, sinh])
    }

    /// `sin' = cos`, `cos' = -sin`
    fn sin_cos(self) -> [Self; 2] {
        self.iterate_pair([self.c[0].sin(), self.c[0].cos()], |sin, cos| [cos, -sin])
    }
}

/// Sum of at least one term, from the first on.
#[inline(always)]
fn sum<R: Real>(terms: impl Iterator<Item = R>) -> R {
    terms.reduce(|sum, term| sum + term).unwrap_or(R::ZERO)
}

/// Coefficient by coefficient.
impl<R: Real, const N: usize> Neg for Series<'_, R, N> {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(self.c.map(|c| -c))
    }
}

/// Coefficient by coefficient.
impl<R: Real, const N: usize> Add for Series<'_, R, N> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(std::array::from_fn(|k| self.c[k] + other.c[k]))
    }
}

/// Coefficient by coefficient.
impl<R: Real, const N: usize> Sub for Series<'_, R, N> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(std::array::from_fn(|k| self.c[k] - other.c[k]))
    }
}

/// `(x y)_k = sum over j = 0..k of x_j y_(k-j)`
impl<R: Real, const N: usize> Mul for Series<'_, R, N> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::new(std::array::from_fn(|k| sum((0..=k).map(|j| self.c[j] * other.c[k - j]))))
    }
}

/// `q y = x`, solved for the coefficients of `q` in order: `q_k = (x_k - sum over j < k of q_j y_(k-j)) / y_0`
impl<R: Real, const N: usize> Div for Series<'_, R, N> {
    type Output = Self;
    #[expect(clippy::suspicious_arithmetic_impl, reason = "the quotient of polynomials")]
    fn div(self, other: Self) -> Self {
        let mut quotient = self;
        for k in 0..N {
            let rest = (0..k).fold(self.c[k], |rest, j| rest - quotient.c[j] * other.c[k - j]);
            quotient.c[k] = rest / other.c[0];
        }
        quotient
    }
}

number!(Series<'t, R, const N>, part: c[0]);

macro_rules! functions {
    ($($function:ident $by:ident $op:ident),*) => {$(
        fn $function(self) -> Self {
            self.$by(op::$op)
        }
    )*};
}

impl<R: Real, const N: usize> Real for Series<'_, R, N> {
    const ZERO: Self = Self::constant(R::ZERO);
    const ONE: Self = Self::constant(R::ONE);
    const ABSENT: Self = Self::constant(R::ABSENT);

    #[inline(always)]
    fn is_absent(self) -> bool {
        self.c[0].is_absent()
    }

    fn from_f64(x: f64) -> Self {
        Self::constant(R::from_f64(x))
    }
    fn primal(self) -> f64 {
        self.c[0].primal()
    }
    fn scale(self, c: f64) -> Self {
        Self::new(self.c.map(|k| k.scale(c)))
    }
    functions! {
        exp iterate Exp, tanh iterate Tanh, normal_pdf iterate NormalPdf, sqrt iterate Sqrt,
        expm1 integrate Expm1, ln integrate Ln, ln_1p integrate Ln1p, softplus integrate Softplus, erf integrate Erf,
        erfc integrate Erfc, normal_cdf integrate NormalCdf, abs integrate Abs, tan iterate Tan, atan integrate Atan,
        asin integrate Asin, acos integrate Acos
    }
    /// `sinh' = cosh`
    fn sinh(self) -> Self {
        let [sinh, _] = self.sinh_cosh();
        sinh
    }
    /// `cosh' = sinh`
    fn cosh(self) -> Self {
        let [_, cosh] = self.sinh_cosh();
        cosh
    }
    fn ln_gamma(self) -> Self {
        let x = self.c[0];
        self.compose(|k| k.checked_sub(1).map_or_else(|| x.ln_gamma(), |n| x.polygamma(n)))
    }
    fn polygamma(self, n: u32) -> Self {
        self.compose(|k| self.c[0].polygamma(n + k))
    }
    /// `x y' = p y x'`, coefficient by coefficient: `k x_0 y_k = sum over j = 1..k of (p j - (k - j)) x_j y_(k-j)`
    fn powf(self, p: f64) -> Self {
        let mut y = Self::constant(self.c[0].powf(p));
        for k in 1..N {
            let terms = (1..=k).map(|j| (self.c[j] * y.c[k - j]).scale(p * j as f64 - (k - j) as f64));
            y.c[k] = sum(terms) / self.c[0].scale(k as f64);
        }
        y
    }
    /// `e^(y ln x)`, for `x > 0`
    fn pow(self, y: Self) -> Self {
        (y * self.ln()).exp().at(self.c[0].pow(y.c[0]))
    }
    /// The integral of `(x y' - y x') / (x^2 + y^2)`
    fn atan2(self, x: Self) -> Self {
        let inverse = (x * x + self * self).recip();
        self.integral(x * inverse, self.c[0].atan2(x.c[0])) - x.integral(self * inverse, R::ZERO)
    }
    fn hypot(self, y: Self) -> Self {
        (self * self + y * y).sqrt().at(self.c[0].hypot(y.c[0]))
    }
    fn sin(self) -> Self {
        let [sin, _] = self.sin_cos();
        sin
    }
    fn cos(self) -> Self {
        let [_, cos] = self.sin_cos();
        cos
    }
    /// With `z(x) = y(-x)`: `y' = y z`, `z' = -y z`
    fn sigmoid(self) -> Self {
        let start = [self.c[0].sigmoid(), (-self.c[0]).sigmoid()];
        let [y, _] = self.iterate_pair(start, |y, z| [y * z, -(y * z)]);
        y
    }
}
