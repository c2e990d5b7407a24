//! Forward mode: numbers that carry their own derivative.
//!
//! A dual number is `x + e x_dot` with `e^2 = 0`. Taylor's theorem then ends after its second term,
//!
//! ```text
//! f(x + e x_dot) = f(x) + e f'(x) x_dot,
//! ```
//!
//! so evaluating a program on duals evaluates its derivative along `x_dot` with it. A worked example:
//! `(3 + e)^2 = 9 + 6 e + e^2 = 9 + 6 e`, so the derivative of `x^2` at 3 is 6.
//!
//! The rules are not written here. Each elementary function asks its op for the slope ([`crate::op::elementwise`]),
//! the same one that the tape's sweeps use.
//!
//! # Perturbation confusion
//! In `d/dx [x d/dy (x + y)]` the inner derivative must treat the outer `x` as a constant. Were both perturbations
//! the same `e`, the answer would be silently wrong. Here each call of [`derivative`] makes a new brand `'b`, an
//! invariant lifetime, and duals of two brands cannot be added:
//!
//! ```compile_fail
//! use autodiff::{derivative, Real};
//! // The inner derivative adds a number of the outer brand to one of its own: does not compile.
//! let (_, confused) = derivative(|x| x * derivative(|y| x + y, 1.0).1, 1.0);
//! ```
//!
//! Lifting the outer number says what is meant, and compiles:
//!
//! ```
//! use autodiff::{derivative, Dual, Real};
//! let (_, right) = derivative(|x| x * derivative(|y| Dual::constant(x) + y, Real::ONE).1, 1.0_f64);
//! assert_eq!(right, 1.0); // d/dy (x + y) = 1, so d/dx [x * 1] = 1, not 2
//! ```

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::kernel::gemm::{Accumulate, View};
use crate::op::elementwise::{self as op, Elementwise};
use crate::op::pairwise::{self, Pairwise};
use crate::real::{Kernel, Real};

/// `re + e eps` with `e^2 = 0`, of the perturbation that the brand `'b` names.
#[derive(Clone, Copy, Debug)]
pub struct Dual<'b, R> {
    /// The primal.
    pub re: R,
    /// The tangent.
    pub eps: R,
    // INVARIANT: invariant in 'b, so that two brands never unify.
    brand: PhantomData<fn(&'b ()) -> &'b ()>,
}

/// Value and derivative of `f` at `x`.
///
/// # Cost
/// About twice the primal.
///
/// ```
/// use autodiff::{derivative, Real};
/// let (y, slope) = derivative(|x| x.sin() * x, 2.0_f64);
/// assert!((y - 2.0 * 2f64.sin()).abs() < 1e-15);
/// assert!((slope - (2f64.sin() + 2.0 * 2f64.cos())).abs() < 1e-15);
/// ```
pub fn derivative<R: Real>(f: impl for<'b> FnOnce(Dual<'b, R>) -> Dual<'b, R>, x: R) -> (R, R) {
    let y = f(Dual::new(x, R::ONE));
    (y.re, y.eps)
}

/// Value and directional derivative of `f` at `x` along `x_dot`: the pushforward of scalar code.
///
/// ```
/// use autodiff::directional;
/// let (y, y_dot) = directional(|x| x[0] * x[1], &[2.0, 3.0], &[1.0, 0.5]);
/// assert_eq!((y, y_dot), (6.0, 4.0));
/// ```
///
/// # Panics
/// If `x` and `x_dot` differ in length.
#[track_caller]
pub fn directional<R: Real>(f: impl for<'b> FnOnce(&[Dual<'b, R>]) -> Dual<'b, R>, x: &[R], x_dot: &[R]) -> (R, R) {
    assert_eq!(
        x.len(),
        x_dot.len(),
        "directional: {} primals but {} tangents; give one tangent for each primal",
        x.len(),
        x_dot.len()
    );
    let inputs: Vec<_> = x.iter().zip(x_dot).map(|(&re, &eps)| Dual::new(re, eps)).collect();
    let y = f(&inputs);
    (y.re, y.eps)
}

/// Calls `f` with `x + e x_dot` under a new brand: the door for programs that are not one scalar function, such as a
/// whole tape of duals.
pub fn with_tangents<R: Real, T>(x: &[R], x_dot: &[R], f: impl for<'b> FnOnce(Vec<Dual<'b, R>>) -> T) -> T {
    f(x.iter().zip(x_dot).map(|(&re, &eps)| Dual::new(re, eps)).collect())
}

impl<R: Real> Dual<'_, R> {
    #[inline(always)]
    pub(crate) fn new(re: R, eps: R) -> Self {
        Self { re, eps, brand: PhantomData }
    }

    /// Lifts a number that does not depend on this derivative's variable: its tangent is 0.
    #[inline(always)]
    pub fn constant(re: R) -> Self {
        Self::new(re, R::ZERO)
    }

    /// The chain rule, `f(x + e h) = f(x) + e f'(x) h`, with the slope that the op states.
    #[inline(always)]
    fn chain(self, f: impl Elementwise) -> Self {
        let y = f.primal(self.re);
        Self::new(y, f.slope(self.re, y) * self.eps)
    }

    /// The chain rule for two numbers, `f(a + e h, b + e k) = f(a, b) + e (f_a h + f_b k)`.
    #[inline(always)]
    fn chain_pair(self, other: Self, f: impl Pairwise) -> Self {
        let y = f.primal(self.re, other.re);
        let [by_self, by_other] = f.slopes(self.re, other.re, y);
        Self::new(y, by_self * self.eps + by_other * other.eps)
    }
}

/// `-(x + e h) = -x - e h`
impl<R: Real> Neg for Dual<'_, R> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(-self.re, -self.eps)
    }
}

/// `(x + e h) + (y + e k) = (x + y) + e (h + k)`
impl<R: Real> Add for Dual<'_, R> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::new(self.re + other.re, self.eps + other.eps)
    }
}

/// `(x + e h) - (y + e k) = (x - y) + e (h - k)`
impl<R: Real> Sub for Dual<'_, R> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::new(self.re - other.re, self.eps - other.eps)
    }
}

/// `(x + e h)(y + e k) = x y + e (h y + x k)`
impl<R: Real> Mul for Dual<'_, R> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::new(self.re * other.re, self.eps * other.re + self.re * other.eps)
    }
}

/// `(x + e h) / (y + e k) = q + e (h - q k) / y` with `q = x / y`
impl<R: Real> Div for Dual<'_, R> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let quotient = self.re / other.re;
        Self::new(quotient, (self.eps - quotient * other.eps) / other.re)
    }
}

macro_rules! assigning {
    ($($trait:ident $method:ident $op:tt),*) => {$(
        impl<R: Real> $trait for Dual<'_, R> {
            #[inline(always)]
            fn $method(&mut self, other: Self) {
                *self = *self $op other;
            }
        }
    )*};
}
assigning!(AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /);

/// Equal primals: a program's branches must not see the tangent.
impl<R: Real> PartialEq for Dual<'_, R> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.re == other.re
    }
}

impl<R: Real> PartialOrd for Dual<'_, R> {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.re.partial_cmp(&other.re)
    }
    #[inline(always)]
    fn lt(&self, other: &Self) -> bool {
        self.re < other.re
    }
    #[inline(always)]
    fn gt(&self, other: &Self) -> bool {
        self.re > other.re
    }
}

impl<R: Real> Real for Dual<'_, R> {
    const ZERO: Self = Self { re: R::ZERO, eps: R::ZERO, brand: PhantomData };
    const ONE: Self = Self { re: R::ONE, eps: R::ZERO, brand: PhantomData };
    const ABSENT: Self = Self { re: R::ABSENT, eps: R::ZERO, brand: PhantomData };

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
    fn exp(self) -> Self {
        self.chain(op::Exp)
    }
    #[inline(always)]
    fn expm1(self) -> Self {
        self.chain(op::Expm1)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(op::Ln)
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        self.chain(op::Ln1p)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        self.chain(op::Sin)
    }
    #[inline(always)]
    fn cos(self) -> Self {
        self.chain(op::Cos)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        self.chain(op::Tanh)
    }
    #[inline(always)]
    fn sigmoid(self) -> Self {
        self.chain(op::Sigmoid)
    }
    #[inline(always)]
    fn softplus(self) -> Self {
        self.chain(op::Softplus)
    }
    #[inline(always)]
    fn erf(self) -> Self {
        self.chain(op::Erf)
    }
    #[inline(always)]
    fn erfc(self) -> Self {
        self.chain(op::Erfc)
    }
    #[inline(always)]
    fn normal_cdf(self) -> Self {
        self.chain(op::NormalCdf)
    }
    #[inline(always)]
    fn normal_pdf(self) -> Self {
        self.chain(op::NormalPdf)
    }
    #[inline(always)]
    fn tan(self) -> Self {
        self.chain(op::Tan)
    }
    #[inline(always)]
    fn atan(self) -> Self {
        self.chain(op::Atan)
    }
    #[inline(always)]
    fn asin(self) -> Self {
        self.chain(op::Asin)
    }
    #[inline(always)]
    fn acos(self) -> Self {
        self.chain(op::Acos)
    }
    #[inline(always)]
    fn sinh(self) -> Self {
        self.chain(op::Sinh)
    }
    #[inline(always)]
    fn cosh(self) -> Self {
        self.chain(op::Cosh)
    }
    #[inline(always)]
    fn ln_gamma(self) -> Self {
        self.chain(op::LnGamma)
    }
    #[inline(always)]
    fn polygamma(self, n: u32) -> Self {
        self.chain(op::Polygamma(n))
    }
    #[inline(always)]
    fn powf(self, p: f64) -> Self {
        self.chain(op::Powf(p))
    }
    #[inline(always)]
    fn pow(self, y: Self) -> Self {
        self.chain_pair(y, pairwise::Pow)
    }
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        self.chain_pair(x, pairwise::Atan2)
    }
    #[inline(always)]
    fn hypot(self, y: Self) -> Self {
        self.chain_pair(y, pairwise::Hypot)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.chain(op::Sqrt)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.chain(op::Abs)
    }
    #[inline(always)]
    fn scale(self, c: f64) -> Self {
        Self::new(self.re.scale(c), self.eps.scale(c))
    }
    #[inline(always)]
    fn recip(self) -> Self {
        self.chain(op::Recip)
    }
    #[inline(always)]
    fn rsqrt(self) -> Self {
        self.chain(op::Rsqrt)
    }
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        self.chain(op::Powi(n))
    }

    /// `C + e C_dot = A B + e (A_dot B + A B_dot)`: three products of planes, as a GEMM cannot take interleaved duals.
    fn gemm(out: &mut [Self], accumulate: Accumulate, alpha: f64, a: View<'_, Self>, b: View<'_, Self>) {
        let plane = |v: &View<'_, Self>, part: fn(&Self) -> R| v.data.iter().map(part).collect::<Vec<R>>();
        let (a_re, a_eps) = (plane(&a, |x| x.re), plane(&a, |x| x.eps));
        let (b_re, b_eps) = (plane(&b, |x| x.re), plane(&b, |x| x.eps));
        let mut re: Vec<R> = out.iter().map(|x| x.re).collect();
        let mut eps: Vec<R> = out.iter().map(|x| x.eps).collect();
        R::gemm(&mut re, accumulate, alpha, a.over(&a_re), b.over(&b_re));
        R::gemm(&mut eps, accumulate, alpha, a.over(&a_eps), b.over(&b_re));
        R::gemm(&mut eps, Accumulate::Add, alpha, a.over(&a_re), b.over(&b_eps));
        for (slot, (re, eps)) in out.iter_mut().zip(re.into_iter().zip(eps)) {
            *slot = Self::new(re, eps);
        }
    }

    #[inline(always)]
    fn vectorize<K: Kernel>(kernel: K) -> K::Output {
        kernel.run()
    }
}
