//! The dual of each activation: from the covariance of two normal values to that of their images.
//!
//! For `(u, v) ~ N(0, [[qa, k], [k, qb]])` a rule gives `E f(u) f(v)` and `E f'(u) f'(v)`. It reads the covariance in two
//! forms: `k`, and the gap `sqrt(qa qb) - |k|`, which keeps its digits where the correlation is near 1 or -1.

use autodiff::Float;
use autodiff::Real;
use autodiff::op::ElementwiseOp;

use super::power::{Exp, Monomial, RectifiedMonomial};
use super::series::Quadrature;
use crate::model::Activation;

/// How the dual of an activation is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// `odd x + even |x|`.
    Rectifier(Rectifier),
    /// The error function.
    Erf,
    /// `x Phi(x)`.
    Gelu,
    /// The sine.
    Sin,
    /// The cosine.
    Cos,
    /// The exponential.
    Exp,
    /// `x^p`.
    Monomial(Monomial),
    /// `max(x, 0)^p` of degree 2 and more.
    RectifiedMonomial(RectifiedMonomial),
    /// Any other, by the series of this number.
    Series { op: ElementwiseOp, index: usize },
}

impl Rule {
    /// The rule of an activation; none for the identity.
    pub(crate) fn of(activation: Activation, series: &mut usize) -> Option<Self> {
        Some(match activation {
            Activation::Identity | Activation::Monomial(1) => return None,
            Activation::Exp => Self::Exp,
            Activation::Monomial(degree) => Self::Monomial(Monomial::new(degree)),
            Activation::RectifiedMonomial(degree) if degree > 1 => {
                Self::RectifiedMonomial(RectifiedMonomial::new(degree))
            }
            Activation::Relu | Activation::RectifiedMonomial(_) => Self::Rectifier(Rectifier { odd: 0.5, even: 0.5 }),
            Activation::LeakyRelu(alpha) => {
                Self::Rectifier(Rectifier { odd: 0.5 * (1.0 + alpha), even: 0.5 * (1.0 - alpha) })
            }
            Activation::Erf => Self::Erf,
            Activation::Gelu => Self::Gelu,
            Activation::Sin => Self::Sin,
            Activation::Cos => Self::Cos,
            Activation::Tanh | Activation::Sigmoid | Activation::Softplus => {
                let op = activation.ops().next()?;
                *series += 1;
                Self::Series { op, index: *series - 1 }
            }
        })
    }

    /// The images of a value with itself, for each variance: `E f(u)^2` and `E f'(u)^2`.
    pub(crate) fn squares(self, q: f64, quadrature: Option<&Quadrature>) -> (f64, f64) {
        if let (Self::Series { .. }, Some(quadrature)) = (self, quadrature) {
            let moments = quadrature.moments(q.sqrt());
            return (moments.square, moments.slope_square);
        }
        self.image(Pair { qa: q, qb: q, s: q, k: q, gap: 0.0 }).map_or((0.0, 0.0), |image| (image.k, image.dot))
    }

    /// The images of a pair; none of a series.
    pub(crate) fn image(self, pair: Pair<f64>) -> Option<Image<f64>> {
        Some(match self {
            Self::Rectifier(rule) => rule.image(pair),
            Self::Erf => Erf.image(pair),
            Self::Gelu => Gelu.image(pair),
            Self::Sin => Sin.image(pair),
            Self::Cos => Cos.image(pair),
            Self::Exp => Exp.image(pair),
            Self::Monomial(rule) => rule.image(pair),
            Self::RectifiedMonomial(rule) => rule.image(pair),
            Self::Series { .. } => return None,
        })
    }

    /// `E f(u)` of a value of variance `q`.
    pub(crate) fn mean(self, q: f64, quadrature: Option<&Quadrature>) -> f64 {
        let per_turn = 0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
        match self {
            Self::Erf | Self::Sin => 0.0,
            // E |u| = sqrt(2 q/pi)
            Self::Rectifier(rule) => rule.even * 2.0 * per_turn * q.sqrt(),
            // E u Phi(u) = q E phi(u)
            Self::Gelu => per_turn * q / (1.0 + q).sqrt(),
            Self::Cos => (-0.5 * q).exp(),
            Self::Exp => (0.5 * q).exp(),
            Self::Monomial(rule) => rule.mean(q.sqrt()),
            Self::RectifiedMonomial(rule) => rule.mean(q.sqrt()),
            Self::Series { .. } => quadrature.map_or(0.0, |quadrature| quadrature.moments(q.sqrt()).mean),
        }
    }

    /// Whether the rule is not smooth at correlations of 1 and -1, so that the gap must be carried to it.
    pub(crate) fn needs_gap(self) -> bool {
        matches!(self, Self::Rectifier(_))
    }
}

/// Two normal values.
#[derive(Clone, Copy)]
pub(crate) struct Pair<R> {
    /// The variance of the first.
    pub(crate) qa: R,
    /// The variance of the second.
    pub(crate) qb: R,
    /// `sqrt(qa qb)`.
    pub(crate) s: R,
    /// The covariance.
    pub(crate) k: R,
    /// `s - |k|`.
    pub(crate) gap: R,
}

/// Their images.
#[derive(Clone, Copy)]
pub(crate) struct Image<R> {
    /// `E f(u) f(v)`.
    pub(crate) k: R,
    /// `E f'(u) f'(v)`.
    pub(crate) dot: R,
    /// The gap of the images, where the rule keeps its digits.
    pub(crate) gap: R,
}

/// A rule in closed form.
pub(crate) trait Dual: Copy {
    /// Whether [`Image::gap`] is given.
    const GIVES_GAP: bool = false;
    /// The images of a pair.
    fn image<R: Float>(self, pair: Pair<R>) -> Image<R>;
}

/// `f(x) = odd x + even |x|`: relu, leaky relu, the absolute value.
///
/// # Rule
/// With the acute angle `a` between the two values or, where `k < 0`, between the one and the other's opposite, and `L = sin a - a cos a`:
/// `E |u v| = |k| + (2/pi) s L`, `E sign u sign v = +-(1 - 2a/pi)`. Odd and even part do not mix.
///
/// # Source
/// Cho, Saul, Kernel Methods for Deep Learning, 2009, written in the angle's haversine `gap/(2 s)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rectifier {
    pub(crate) odd: f64,
    pub(crate) even: f64,
}

impl Dual for Rectifier {
    const GIVES_GAP: bool = true;
    #[inline(always)]
    fn image<R: Float>(self, Pair { s, k, gap, .. }: Pair<R>) -> Image<R> {
        let zero = R::ZERO;
        let (odd, even) = (self.odd * self.odd, self.even * self.even);
        // NUMERICS: for opposite values of a relu odd and even part cancel, before anything is rounded.
        let (sum, difference) = (R::from_f64(odd + even), R::from_f64(odd - even));
        let (odd, even) = (R::from_f64(odd), R::from_f64(even));
        let size = s - gap;
        let negative = k < zero;
        // NUMERICS: a value of variance 0 is at no angle to another; all that follows is then times 0.
        let haversine = if s > zero { R::from_f64(0.5) * gap / s } else { zero };
        let lag = R::from_f64(std::f64::consts::FRAC_2_PI) * s * haversine.arclag();
        let turn = even * (R::from_f64(std::f64::consts::FRAC_2_PI) * haversine.archav());
        let image = (if negative { -difference } else { sum }) * size + even * lag;
        // The gap of the even part, then of the sum: what is of the sign of the sum keeps its own gap, what is of the other
        // sign is as far as its whole length and back. All terms are positive.
        let even_gap = gap - lag;
        let odd_gap = if negative == (image < zero) { gap } else { s + size };
        let even_gap = if image < zero { s + s - even_gap } else { even_gap };
        Image {
            k: image,
            dot: if negative { difference + turn } else { sum - turn },
            gap: odd * odd_gap + even * even_gap,
        }
    }
}

/// `(s - |k|)(s + |k|)`, the determinant.
#[inline(always)]
fn determinant<R: Float>(pair: &Pair<R>) -> R {
    pair.gap * (pair.s + pair.s - pair.gap)
}

/// The arc sine of `k/sqrt(whole)`, given `rest = whole - k^2`.
#[inline(always)]
fn arcsine<R: Float>(k: R, rest: R, whole: R) -> R {
    let square = k * k;
    let steep = square > rest;
    // NUMERICS: beyond sqrt(1/2) by the cosine, whose square is known as well as the sine's.
    let y = (if steep { rest } else { square }) / whole;
    let half = R::from_f64(0.5) * y.archav();
    let angle = if steep { R::from_f64(std::f64::consts::FRAC_PI_2) - half } else { half };
    if k < R::ZERO { -angle } else { angle }
}

/// `E = (2/pi) asin(2k/sqrt((1 + 2qa)(1 + 2qb)))`.
///
/// # Source
/// Williams, Computing with Infinite Networks, 1997, equation 11.
#[derive(Clone, Copy)]
pub(crate) struct Erf;

impl Dual for Erf {
    #[inline(always)]
    fn image<R: Float>(self, pair: Pair<R>) -> Image<R> {
        let (one, two, four) = (R::ONE, R::from_f64(2.0), R::from_f64(4.0));
        let rest = one + two * (pair.qa + pair.qb) + four * determinant(&pair);
        let whole = (one + two * pair.qa) * (one + two * pair.qb);
        Image {
            k: R::from_f64(std::f64::consts::FRAC_2_PI) * arcsine(two * pair.k, rest, whole),
            dot: R::from_f64(2.0 * std::f64::consts::FRAC_2_PI) / Real::sqrt(rest),
            gap: R::ZERO,
        }
    }
}

/// `x Phi(x)`, from `E f''(u) f''(v)` integrated twice by k.
///
/// # Source
/// Tsuchida and others, Avoiding Kernel Fixed Points, 2020, theorem 8 and its derivative; neural-tangents' `Gelu`.
#[derive(Clone, Copy)]
pub(crate) struct Gelu;

impl Dual for Gelu {
    #[inline(always)]
    fn image<R: Float>(self, pair: Pair<R>) -> Image<R> {
        let (one, quarter) = (R::ONE, R::from_f64(0.25));
        let turn = R::from_f64(0.5 * std::f64::consts::FRAC_1_PI);
        let product = pair.qa * pair.qb;
        let rest = one + pair.qa + pair.qb + determinant(&pair);
        let whole = (one + pair.qa) * (one + pair.qb);
        let root = Real::sqrt(rest);
        let angle = arcsine(pair.k, rest, whole);
        let k = pair.k;
        Image {
            k: quarter * k + turn * (k * angle + (k * k + product * rest) / (whole * root)),
            dot: quarter + turn * (angle + k / root * (one / rest + (one - product) / whole + one)),
            gap: R::ZERO,
        }
    }
}

/// `e^-(qa + qb)/2 sinh |k|` and `.. cosh k`; the exponents are at most 0, so nothing overflows.
#[inline(always)]
fn waves<R: Float>(pair: &Pair<R>) -> (R, R) {
    let half = R::from_f64(0.5);
    let size = Real::abs(pair.k);
    let top = Real::exp(size - half * (pair.qa + pair.qb));
    let fall = Real::expm1(-(size + size));
    (-(half * top * fall), top + half * top * fall)
}

/// `E = e^-(qa + qb)/2 sinh k`, `E' = e^-(qa + qb)/2 cosh k`.
#[derive(Clone, Copy)]
pub(crate) struct Sin;

impl Dual for Sin {
    #[inline(always)]
    fn image<R: Float>(self, pair: Pair<R>) -> Image<R> {
        let (odd, even) = waves(&pair);
        Image { k: if pair.k < R::ZERO { -odd } else { odd }, dot: even, gap: R::ZERO }
    }
}

/// As the sine, the two exchanged.
#[derive(Clone, Copy)]
pub(crate) struct Cos;

impl Dual for Cos {
    #[inline(always)]
    fn image<R: Float>(self, pair: Pair<R>) -> Image<R> {
        let (odd, even) = waves(&pair);
        Image { k: even, dot: if pair.k < R::ZERO { -odd } else { odd }, gap: R::ZERO }
    }
}
