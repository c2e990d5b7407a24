//! Angles from their sides: `atan`, `atan2`, `asin`, `acos`.
//!
//! An angle is found by the ratio in `[0, 1]` of the smaller of its two legs to the larger: `atan u = u + u z A(z)` with
//! `z = u^2`. The octant is put back by `pi/2` and `pi` in two parts. Where one leg and the hypotenuse 1 are known, the
//! other leg is `sqrt((1 - x)(1 + x))`.

use super::lane::{Lane, polynomial, select};
use std::f64::consts::{FRAC_PI_2, PI};

/// What depends on the width.
pub(super) trait ArcTangent: Lane {
    /// `A` in `atan u = u + u z A(z)`, printed by `coefficients.py`.
    const TAIL: &'static [Self];
    /// What `pi/2` in this width leaves.
    const PI_HALF_LOW: Self;
    /// The square root, correctly rounded.
    fn root(self) -> Self;
}

impl ArcTangent for f32 {
    const TAIL: &'static [f32] = &[
        -0.33333334,
        0.1999995,
        -0.14284004,
        0.11088262,
        -0.08931827,
        0.070319146,
        -0.048960514,
        0.026305001,
        -0.009144629,
        0.0014886919,
    ];
    const PI_HALF_LOW: f32 = -4.371139e-08;
    #[inline(always)]
    fn root(self) -> f32 {
        self.sqrt()
    }
}

impl ArcTangent for f64 {
    const TAIL: &'static [f64] = &[
        -0.3333333333333333,
        0.19999999999999554,
        -0.14285714285648404,
        0.11111111107234799,
        -0.09090908969557403,
        0.07692305354678655,
        -0.06666636435777692,
        0.05882074956371294,
        -0.05261265735709454,
        0.04752086773576656,
        -0.04308119655330471,
        0.03872640214042632,
        -0.033750132001619734,
        0.027567942297344678,
        -0.020238706986393514,
        0.012756172907694298,
        -0.006575683344151699,
        0.002622977891906089,
        -0.0007518472526973822,
        0.0001368724853148122,
        -1.1832505417555692e-05,
    ];
    const PI_HALF_LOW: f64 = 6.123233995736766e-17;
    #[inline(always)]
    fn root(self) -> f64 {
        self.sqrt()
    }
}

/// The angle in `[0, pi]` of the direction with this rise, and this run to the right or to the left, both `>= 0`.
#[inline(always)]
fn angle<F: ArcTangent>(rise: F, run: F, left: bool) -> F {
    let steep = rise > run;
    let (small, large) = (select(steep, run, rise), select(steep, rise, run));
    // NUMERICS: at 0/0 the angle is 0 and at inf/inf half a right one, as IEEE 754 has it.
    let ratio = select(large == F::of(0.0), large, select(small == F::of(f64::INFINITY), F::of(1.0), small / large));
    let z = ratio * ratio;
    let flat = ratio + ratio * (z * polynomial(z, F::TAIL));
    // Counted from the nearest of 0, pi/2 and pi, forwards or backwards.
    let (zero, two) = (F::of(0.0), F::of(2.0));
    let level = select(left, F::of(PI), zero);
    let level_low = select(left, two * F::PI_HALF_LOW, zero);
    let (from, low) = (select(steep, F::of(FRAC_PI_2), level), select(steep, F::PI_HALF_LOW, level_low));
    (from + select(steep != left, -flat, flat)) + low
}

/// `atan x`; see [`super::Elementary::atan`].
#[inline(always)]
pub(super) fn atan<F: ArcTangent>(x: F) -> F {
    angle(x.magnitude(), F::of(1.0), false).signed_like(x)
}

/// The angle of the point `(x, y)`; see [`super::Elementary::atan2`].
#[inline(always)]
pub(super) fn atan2<F: ArcTangent>(y: F, x: F) -> F {
    // The sign of x, that of zero included: 1 with it is below 0.
    let left = F::of(1.0).signed_like(x) < F::of(0.0);
    let angle = angle(y.magnitude(), x.magnitude(), left);
    // NUMERICS: the selections let a NaN pass where it is the larger leg only.
    let infinity = F::of(f64::INFINITY);
    let known = select(x.magnitude() <= infinity, angle, x);
    select(y.magnitude() <= infinity, known, y).signed_like(y)
}

/// The other leg of a triangle with hypotenuse 1; NaN beyond 1.
#[inline(always)]
fn leg<F: ArcTangent>(x: F) -> F {
    // NUMERICS: not 1 - x^2, whose rounding error is large beside what is left near 1.
    ((F::of(1.0) - x) * (F::of(1.0) + x)).root()
}

/// `asin x`; see [`super::Elementary::asin`].
#[inline(always)]
pub(super) fn asin<F: ArcTangent>(x: F) -> F {
    atan2(x, leg(x))
}

/// `acos x`; see [`super::Elementary::acos`].
#[inline(always)]
pub(super) fn acos<F: ArcTangent>(x: F) -> F {
    atan2(leg(x), x)
}
