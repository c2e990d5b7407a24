//! The error function and the normal distribution: `erf`, `erfc`, `normal_cdf`, `normal_pdf`.
//!
//! For `z >= 0`, `erfc z = e^(-z^2) M(z)` with `M(z) (z + 3)` a polynomial in `t = (z - 3)/(z + 3)`, which takes the half-line
//! to `[-1, 1)`. The exponent is exact: `z^2` is split in two, so the relative accuracy holds down to underflow.

use super::exp::{Exponential, reduced};
use super::lane::{clamp, horner, select};

/// What depends on the width.
pub(super) trait ErrorFunction: Exponential {
    /// `e^(z^2) erfc(z) (z + 3)` as a polynomial in `(z - 3)/(z + 3)`, printed by `coefficients.py`.
    const MILLS: &'static [Self];
    /// Above this `erfc` and `normal_cdf`'s tail at `sqrt 2` times it round to zero.
    const VANISHED: f64;
    /// `erf x`; see [`super::Elementary::erf`].
    fn error_function(self) -> Self;
}

impl ErrorFunction for f32 {
    const MILLS: &'static [f32] = &[
        1.0740069,
        -0.8833945,
        0.5902285,
        -0.31046635,
        0.11952691,
        -0.026838794,
        -0.0012179486,
        0.0030821708,
        -0.00049362844,
        -0.00033186283,
    ];
    const VANISHED: f64 = 10.5;

    #[inline(always)]
    fn error_function(self) -> f32 {
        // x P(x^2)/Q(x^2), one division and no exponential. The coefficients are those of `coefficients.py`.
        const TOP: [f32; 7] = [
            1.1283792,
            0.18692483,
            0.054148447,
            0.0038652546,
            0.00036336898,
            4.2261154e-06,
            -1.100669e-08,
        ];
        const BOTTOM: [f32; 6] = [
            1.0,
            0.49899116,
            0.114318185,
            0.015442074,
            0.0012883618,
            5.870903e-05,
        ];
        // NUMERICS: erf rounds to 1 from 3.92 on.
        let x = clamp(self, -3.95, 3.95);
        let z = x * x;
        clamp(x * horner(z, &TOP) / horner(z, &BOTTOM), -1.0, 1.0)
    }
}

impl ErrorFunction for f64 {
    const MILLS: &'static [f64] = &[
        1.0740069070883398,
        -0.8833944531698836,
        0.5902283571041004,
        -0.31046726190056895,
        0.11952776128737923,
        -0.026827234624444758,
        -0.0012124166293401592,
        0.0030340620007842096,
        -0.0005483096658230857,
        -0.00027677784236761167,
        0.00010756130541432936,
        3.0398131531705096e-05,
        -1.7469791783261855e-05,
        -4.7490449967214865e-06,
        2.7633121860981447e-06,
        9.982347111963357e-07,
        -4.044795167557508e-07,
        -2.3200952307384297e-07,
        4.258760629644634e-08,
        4.847499642982965e-08,
        7.494898005683233e-10,
        -6.678153558520387e-09,
        -1.0989118043482426e-09,
        1.970555337384127e-10,
    ];
    const VANISHED: f64 = 27.5;

    #[inline(always)]
    fn error_function(self) -> f64 {
        // erf x = x + x Q(x^2) for |x| <= 1/2, printed by `coefficients.py`; 1 - erfc x beyond, where nothing cancels.
        const NEAR: [f64; 9] = [
            0.12837916709551256,
            -0.37612638903183476,
            0.11283791670925353,
            -0.026866170632887928,
            0.00522397737302147,
            -0.0008548297753674966,
            0.00012053335124353741,
            -1.4845849259707869e-05,
            1.4725865480556744e-06,
        ];
        let z = clamp(self * self, 0.0, 0.25);
        let near = self + self * horner(z, &NEAR);
        let y = self.abs();
        let beyond = 1.0 - upper_tail(y);
        select(y < 0.5, near, beyond).copysign(self)
    }
}

/// `e^(z^2) erfc(z)` for `z >= 0`.
#[inline(always)]
fn mills<F: ErrorFunction>(z: F) -> F {
    let three = F::of(3.0);
    let inverse = F::of(1.0) / (z + three);
    horner((z - three) * inverse, F::MILLS) * inverse
}

/// `factor * e^(-c x^2)` with a single rounding at underflow, for `c` a power of two.
#[inline(always)]
fn gaussian<F: Exponential>(x: F, c: f64, factor: F) -> F {
    // NUMERICS: an error of the exponent is a relative error of the result, so x^2 = high + low exactly.
    let head = x.leading();
    let high = head * head;
    let low = (x - head) * (x + head);
    let (q, n) = reduced(F::of(-c) * high, F::of(-c) * low);
    (factor + factor * q).scaled(n)
}

/// `erfc z` for `z >= 0`.
#[inline(always)]
fn upper_tail<F: ErrorFunction>(z: F) -> F {
    let z = select(z > F::of(F::VANISHED), F::of(F::VANISHED), z);
    gaussian(z, 1.0, mills(z))
}

/// `1 - erf x`; see [`super::Elementary::erfc`].
#[inline(always)]
pub(super) fn erfc<F: ErrorFunction>(x: F) -> F {
    let tail = upper_tail(x.magnitude());
    select(x < F::of(0.0), F::of(2.0) - tail, tail)
}

/// The normal distribution function; see [`super::Elementary::normal_cdf`].
#[inline(always)]
pub(super) fn normal_cdf<F: ErrorFunction>(x: F) -> F {
    // NUMERICS: not erfc(-x/sqrt 2)/2: rounding x/sqrt 2 costs x^2/2 units in the tail. Here only the slowly varying
    // factor sees it.
    let widest = F::of(F::VANISHED * std::f64::consts::SQRT_2);
    let y = select(x.magnitude() > widest, widest, x.magnitude());
    let factor = F::of(0.5) * mills(y * F::of(std::f64::consts::FRAC_1_SQRT_2));
    let tail = gaussian(y, 0.5, factor);
    select(x > F::of(0.0), F::of(1.0) - tail, tail)
}

/// The normal density; see [`super::Elementary::normal_pdf`].
#[inline(always)]
pub(super) fn normal_pdf<F: ErrorFunction>(x: F) -> F {
    let widest = F::of(F::VANISHED * std::f64::consts::SQRT_2);
    let y = select(x.magnitude() > widest, widest, x.magnitude());
    gaussian(y, 0.5, F::of(INVERSE_SQRT_TAU))
}

/// `1/sqrt(2 pi)`.
const INVERSE_SQRT_TAU: f64 = 0.398_942_280_401_432_7;
