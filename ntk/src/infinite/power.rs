//! Duals of the exponential, of monomials and of rectified monomials.

use autodiff::{Float, Real};

use super::rule::{Dual, Image, Pair};

/// `e^x`: `E e^(u + v) = e^((qa + qb)/2 + k)`, and so its slope.
#[derive(Clone, Copy)]
pub(crate) struct Exp;

impl Dual for Exp {
    const GIVES_GAP: bool = true;
    #[inline(always)]
    fn image<R: Float>(self, Pair { qa, qb, s, k, gap }: Pair<R>) -> Image<R> {
        let half = R::from_f64(0.5);
        let sum = qa + qb;
        // NUMERICS: (ra - rb)^2 by the difference of the squares; the bound is e^(qa + qb), and what the exponent lacks to it
        // is a sum of two positive numbers.
        let apart = qa - qb;
        let whole = sum + s + s;
        let apart = if whole > R::ZERO { apart * apart / whole } else { R::ZERO };
        let lack = half * apart + if k < R::ZERO { s + s - gap } else { gap };
        let image = Real::exp(half * sum + k);
        Image { k: image, dot: image, gap: -(Real::exp(sum) * Real::expm1(-lack)) }
    }
}

/// Coefficients of a power's dual, for degrees to twice as many less one.
const MOST: usize = 7;

/// `E u^p v^p = sum_j c_j (qa qb)^((p - j)/2) k^j` over the j of p's parity, `c_j = (p! / (((p - j)/2)! 2^((p - j)/2)))^2 / j!`.
///
/// # Source
/// The expansion of `x^p` in Hermite polynomials.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Power {
    degree: u32,
    c: [f64; MOST],
}

impl Power {
    fn new(degree: u32) -> Self {
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
        let mut c = [0.0; MOST];
        for (i, c) in c.iter_mut().enumerate().take(degree as usize / 2 + 1) {
            let j = 2 * i as u32 + degree % 2;
            let pairs = (degree - j) / 2;
            let hermite = factorial(degree) / (factorial(pairs) * 2f64.powi(pairs as i32));
            *c = hermite * hermite / factorial(j);
        }
        Self { degree, c }
    }

    /// The mean, and what its size lacks to that at `|k| = s`. All terms are positive.
    #[inline(always)]
    fn mean<R: Float>(&self, s: R, k: R, gap: R) -> (R, R) {
        let size = s - gap;
        let (squared, step) = (s * s, gap * (s + size));
        let odd = self.degree % 2 == 1;
        // |k|^j and s^j - |k|^j.
        let (mut power, mut lack) = if odd { (size, gap) } else { (R::ONE, R::ZERO) };
        let first = R::from_f64(self.c[0]);
        let (mut mean, mut gap) = (first * power, first * lack);
        for &c in &self.c[1..=self.degree as usize / 2] {
            lack = squared * lack + power * step;
            power = power * size * size;
            let c = R::from_f64(c);
            mean = mean * squared + c * power;
            gap = gap * squared + c * lack;
        }
        (if odd && k < R::ZERO { -mean } else { mean }, gap)
    }
}

/// `x^p`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Monomial {
    value: Power,
    slope: Power,
}

impl Monomial {
    pub(crate) fn new(degree: u32) -> Self {
        Self { value: Power::new(degree), slope: Power::new(degree - 1) }
    }

    /// `E x^p` of a value of deviation `r`.
    pub(crate) fn mean(&self, r: f64) -> f64 {
        let p = self.value.degree;
        if p % 2 == 1 { 0.0 } else { double_factorial(p) * r.powi(p as i32) }
    }
}

/// `(p - 1) (p - 3) ..`
fn double_factorial(p: u32) -> f64 {
    (1..p).rev().step_by(2).map(f64::from).product()
}

impl Dual for Monomial {
    const GIVES_GAP: bool = true;
    #[inline(always)]
    fn image<R: Float>(self, Pair { s, k, gap, .. }: Pair<R>) -> Image<R> {
        let degree = R::from_f64(f64::from(self.value.degree));
        let (value, lack) = self.value.mean(s, k, gap);
        Image { k: value, dot: degree * degree * self.slope.mean(s, k, gap).0, gap: lack }
    }
}

/// Half of a rectified power's dual: where the two values are on opposite sides, and so small.
///
/// # Rule
/// With h the haversine of the acute angle, `E = s^p C_p h^(p + 1/2) F(1/2, 1/2; p + 3/2; h)`, `C_0 = 1/pi`,
/// `C_p = C_(p-1) 2 p^2/(p + 1/2)`: the dual of degree p is `p^2` times the integral of that of degree p - 1 by the correlation, and
/// of degree 0 the angle over `2 pi`. The series ends, as h is at most 1/2.
///
/// # Source
/// Cho and Saul, Kernel Methods for Deep Learning, 2009, whose `J_n` lose all digits here.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Opposite {
    degree: u32,
    scale: f64,
}

impl Opposite {
    fn new(degree: u32) -> Self {
        let step = |c: f64, p: u32| c * 2.0 * f64::from(p * p) / (f64::from(p) + 0.5);
        Self { degree, scale: (1..=degree).fold(std::f64::consts::FRAC_1_PI, step) }
    }

    #[inline(always)]
    fn mean<R: Float>(&self, s: R, h: R) -> R {
        let start = f64::from(self.degree) + 1.5;
        let (mut term, mut sum) = (R::ONE, R::ONE);
        // Halved and more at each step, from the second on.
        let terms = if R::EPSILON > 1e-10 { 22 } else { 50 };
        for n in 0..terms {
            let n = f64::from(n);
            term *= R::from_f64((n + 0.5) * (n + 0.5) / ((start + n) * (n + 1.0))) * h;
            sum += term;
        }
        let (mut power, base) = (Real::sqrt(h), s * h);
        for _ in 0..self.degree {
            power *= base;
        }
        R::from_f64(self.scale) * power * sum
    }
}

/// `max(x, 0)^p`, p at least 2.
///
/// # Rule
/// `E = M/2 -+ E'` where the values are on one side, with the dual `M` of `x^p` and the dual `E'` of the one and the other's
/// opposite, minus for even p; `E'` itself where they are on opposite sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RectifiedMonomial {
    value: (Power, Opposite),
    slope: (Power, Opposite),
}

impl RectifiedMonomial {
    pub(crate) fn new(degree: u32) -> Self {
        let of = |degree| (Power::new(degree), Opposite::new(degree));
        Self { value: of(degree), slope: of(degree - 1) }
    }

    /// `E max(x, 0)^p` of a value of deviation `r`.
    pub(crate) fn mean(&self, r: f64) -> f64 {
        let p = self.value.0.degree;
        let half = if p % 2 == 1 { std::f64::consts::FRAC_2_SQRT_PI * 0.25 * std::f64::consts::SQRT_2 } else { 0.5 };
        double_factorial(p) * half * r.powi(p as i32)
    }
}

/// The mean and its gap.
#[inline(always)]
fn rectified<R: Float>((power, opposite): &(Power, Opposite), s: R, k: R, gap: R) -> (R, R) {
    let half = R::from_f64(0.5);
    let h = if s > R::ZERO { half * gap / s } else { R::ZERO };
    let small = opposite.mean(s, h);
    let (whole, lack) = power.mean(s, Real::abs(k), gap);
    if k < R::ZERO {
        return (small, half * (whole + lack) - small);
    }
    let small = if power.degree % 2 == 0 { small } else { -small };
    (half * whole - small, half * lack + small)
}

impl Dual for RectifiedMonomial {
    const GIVES_GAP: bool = true;
    #[inline(always)]
    fn image<R: Float>(self, Pair { s, k, gap, .. }: Pair<R>) -> Image<R> {
        let degree = R::from_f64(f64::from(self.value.0.degree));
        let (value, gap_of_value) = rectified(&self.value, s, k, gap);
        Image { k: value, dot: degree * degree * rectified(&self.slope, s, k, gap).0, gap: gap_of_value }
    }
}
