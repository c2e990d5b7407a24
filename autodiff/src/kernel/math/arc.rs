//! Angles from their versed sines: what kernels of rectifiers are made of.
//!
//! An angle `a` in `[0, pi/2]` is given by its haversine `y = sin^2(a/2) = (1 - cos a)/2`, because a small angle is known
//! well by `1 - cos a` and badly by `cos a`. On `0 <= y <= 1/2` both functions here are a power of `sqrt y` times a
//! polynomial in `y`, so they are relatively accurate down to `y = 0` and take one square root and no branch:
//! `a = sqrt(y) A(y)` and `sin a - a cos a = sqrt(y)^3 B(y)`.

use super::lane::{Lane, polynomial};

/// Functions of an angle that is known by its haversine.
pub trait Arc: Copy {
    /// The angle `a` in `[0, pi/2]` with `sin^2(a/2) = y`, for `0 <= y <= 1/2`; NaN below 0. The error is at most 2 units
    /// in the last place (4 in f32).
    fn archav(self) -> Self;
    /// `sin a - a cos a` for the same angle, some `a^3/3`: what is lost where the difference is formed. The
    /// error is at most 3 units in the last place (5 in f32).
    fn arclag(self) -> Self;
}

/// What depends on the width.
trait Width: Lane {
    /// `A` in `a = sqrt(y) A(y)`, printed by `coefficients.py`.
    const ARC: &'static [Self];
    /// `B` in `sin a - a cos a = sqrt(y)^3 B(y)`.
    const LAG: &'static [Self];
    /// The correctly rounded square root, an instruction everywhere.
    fn root(self) -> Self;
}

impl Width for f32 {
    const ARC: &'static [f32] =
        &[2.0, 0.33333227, 0.15005514, 0.08818323, 0.07162848, -0.014041158, 0.21480004, -0.27183256, 0.247827];
    const LAG: &'static [f32] =
        &[2.6666667, 0.26666763, 0.08567418, 0.040304463, 0.017455611, 0.03197485, -0.027997589, 0.04061522];
    #[inline(always)]
    fn root(self) -> f32 {
        self.sqrt()
    }
}

impl Width for f64 {
    const ARC: &'static [f64] = &[
        2.0,
        0.33333333333329973,
        0.15000000000803632,
        0.08928571352523,
        0.060763926793503654,
        0.04474316955864071,
        0.03472856287820705,
        0.02760689179178396,
        0.026382005143507806,
        -0.005203075696599376,
        0.15743222714004254,
        -0.5937410861379648,
        2.0164033301068374,
        -4.981761625245223,
        9.284137819977687,
        -12.45859975079597,
        11.515881662629397,
        -6.557866313479624,
        1.7785808735277375,
    ];
    const LAG: &'static [f64] = &[
        2.6666666666666665,
        0.26666666666668143,
        0.0857142857111221,
        0.03968253995077448,
        0.022095947639427637,
        0.013767805682029654,
        0.009249048024860408,
        0.006643093513241805,
        0.004226242976164667,
        0.007915306613725855,
        -0.017704735518716593,
        0.07840039475553413,
        -0.20794244601856987,
        0.42909747522187885,
        -0.6245889328726089,
        0.6269979801368656,
        -0.38489219072557274,
        0.11366132592446036,
    ];
    #[inline(always)]
    fn root(self) -> f64 {
        self.sqrt()
    }
}

#[inline(always)]
fn archav<F: Width>(y: F) -> F {
    y.root() * polynomial(y, F::ARC)
}

#[inline(always)]
fn arclag<F: Width>(y: F) -> F {
    y.root() * (y * polynomial(y, F::LAG))
}

macro_rules! arc {
    ($($F:ty),*) => {$(
        impl Arc for $F {
            #[inline(always)]
            fn archav(self) -> Self { archav(self) }
            #[inline(always)]
            fn arclag(self) -> Self { arclag(self) }
        }
    )*};
}

arc!(f32, f64);
