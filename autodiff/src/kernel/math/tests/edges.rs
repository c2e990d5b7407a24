//! Zeros, infinities, NaN, the ends of the range, symmetry.

use crate::kernel::math::Elementary;
use crate::kernel::math::tests::{patterns_f64, table};
use crate::kernel::math::{far, trig};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// Name, values at -inf, -0, 0, inf; for both widths. `None` stands for NaN.
type Edges = (&'static str, [Option<f64>; 4]);

const INF: f64 = f64::INFINITY;

const EDGES: [Edges; 22] = [
    ("exp", [Some(0.0), Some(1.0), Some(1.0), Some(INF)]),
    ("expm1", [Some(-1.0), Some(-0.0), Some(0.0), Some(INF)]),
    ("ln", [None, Some(-INF), Some(-INF), Some(INF)]),
    ("ln_1p", [None, Some(-0.0), Some(0.0), Some(INF)]),
    ("sin", [None, Some(-0.0), Some(0.0), None]),
    ("cos", [None, Some(1.0), Some(1.0), None]),
    ("tanh", [Some(-1.0), Some(-0.0), Some(0.0), Some(1.0)]),
    ("sigmoid", [Some(0.0), Some(0.5), Some(0.5), Some(1.0)]),
    ("softplus", [Some(0.0), Some(std::f64::consts::LN_2), Some(std::f64::consts::LN_2), Some(INF)]),
    ("erf", [Some(-1.0), Some(-0.0), Some(0.0), Some(1.0)]),
    ("erfc", [Some(2.0), Some(1.0), Some(1.0), Some(0.0)]),
    ("normal_cdf", [Some(0.0), Some(0.5), Some(0.5), Some(1.0)]),
    ("normal_pdf", [Some(0.0), Some(0.398_942_280_401_432_7), Some(0.398_942_280_401_432_7), Some(0.0)]),
    ("tan", [None, Some(-0.0), Some(0.0), None]),
    ("atan", [Some(-FRAC_PI_2), Some(-0.0), Some(0.0), Some(FRAC_PI_2)]),
    ("asin", [None, Some(-0.0), Some(0.0), None]),
    ("acos", [None, Some(FRAC_PI_2), Some(FRAC_PI_2), None]),
    ("sinh", [Some(-INF), Some(-0.0), Some(0.0), Some(INF)]),
    ("cosh", [Some(INF), Some(1.0), Some(1.0), Some(INF)]),
    ("ln_gamma", [Some(INF), Some(INF), Some(INF), Some(INF)]),
    ("digamma", [None, Some(INF), Some(-INF), Some(INF)]),
    ("trigamma", [None, Some(INF), Some(INF), Some(0.0)]),
];

#[test]
fn zeros_infinities_and_nan_give_the_documented_values() {
    for ((name, values), ((known, f), (_, g))) in EDGES.into_iter().zip(table::<f64>().into_iter().zip(table::<f32>()))
    {
        assert_eq!(name, known);
        assert!(
            f(f64::NAN).is_nan() && f(-f64::NAN).is_nan() && g(f32::NAN).is_nan() && g(-f32::NAN).is_nan(),
            "{name}(NaN)"
        );
        for (x, expected) in [-INF, -0.0, 0.0, INF].into_iter().zip(values) {
            let (y, z) = (f(x), g(x as f32));
            match expected {
                Some(value) => {
                    assert_eq!(y.to_bits(), value.to_bits(), "{name}({x}) = {y}");
                    assert_eq!(z.to_bits(), (value as f32).to_bits(), "{name}({x}) = {z} in f32");
                }
                None => assert!(y.is_nan() && z.is_nan(), "{name}({x}) = {y}, {z}"),
            }
        }
    }
}

#[test]
fn the_exponential_overflows_and_underflows_where_it_must() {
    // ln(f64::MAX) = 709.78271289338397..., ln(2^-1075) = -745.13321910194121...
    assert!(Elementary::exp(709.782712893384f64).is_finite());
    assert_eq!(Elementary::exp(709.7827128933841), INF);
    assert!(Elementary::expm1(709.782712893384f64).is_finite());
    assert_eq!(Elementary::expm1(709.7827128933841), INF);
    assert_eq!(Elementary::exp(-745.1332191019411), 5e-324);
    assert_eq!(Elementary::exp(-745.1332191019412), 0.0);
    // ln(f32::MAX) = 88.72283905..., ln(2^-150) = -103.97207708...
    assert!(Elementary::exp(88.722_83f32).is_finite());
    assert_eq!(Elementary::exp(88.722_84f32), f32::INFINITY);
    assert_eq!(Elementary::exp(-103.972_07f32), f32::from_bits(1));
    assert_eq!(Elementary::exp(-103.972_1f32), 0.0);
}

#[test]
fn tails_are_gradual_to_the_smallest_number() {
    assert_eq!(Elementary::sigmoid(-745.0), 5e-324);
    assert_eq!(Elementary::softplus(-745.0), 5e-324);
    assert_eq!(Elementary::softplus(1e300), 1e300);
    assert_eq!(Elementary::erfc(28.0), 0.0);
    assert_eq!(Elementary::erfc(-28.0), 2.0);
    assert_eq!(Elementary::normal_cdf(-40.0), 0.0);
    for x in [f64::from_bits(1), 3e-310, -2e-308, -f64::from_bits(7)] {
        for (name, f) in table::<f64>() {
            let y = f(x);
            match name {
                "expm1" | "ln_1p" | "sin" | "tanh" | "tan" | "atan" | "asin" | "sinh" => assert_eq!(y, x, "{name}"),
                "erf" => assert!((y / x - 1.128).abs() < 0.2, "erf({x:e}) = {y:e}"),
                _ => (),
            }
        }
    }
}

#[test]
fn the_logarithms_refuse_what_is_below_their_domain() {
    assert!(
        Elementary::ln(-1.0f64).is_nan()
            && Elementary::ln(-f64::from_bits(1)).is_nan()
            && Elementary::ln(-1e-40f32).is_nan()
    );
    assert_eq!(Elementary::ln_1p(-1.0), -INF);
    assert_eq!(Elementary::ln_1p(-1.0f32), f32::NEG_INFINITY);
    assert!(Elementary::ln_1p(-1.000_001f64).is_nan() && Elementary::ln_1p(-2.0f32).is_nan());
    assert_eq!(Elementary::ln(1.0), 0.0);
    assert_eq!(Elementary::ln(f64::MAX), f64::MAX.ln());
    assert_eq!(Elementary::ln_1p(f32::MAX), f32::MAX.ln());
}

#[test]
fn odd_functions_are_odd_and_even_functions_even_to_the_bit() {
    for x in patterns_f64(50_000).filter(|x| !x.is_nan()) {
        let odd: [fn(f64) -> f64; 7] = [
            Elementary::tanh,
            Elementary::erf,
            Elementary::sin,
            Elementary::tan,
            Elementary::atan,
            Elementary::asin,
            Elementary::sinh,
        ];
        for f in odd {
            let (a, b) = (f(x), f(-x));
            assert!(a.is_nan() && b.is_nan() || a.to_bits() == (-b).to_bits(), "{x:e}: {a:e}, {b:e}");
        }
        for f in [Elementary::cos, Elementary::normal_pdf, Elementary::cosh] as [fn(f64) -> f64; 3] {
            let (a, b) = (f(x), f(-x));
            assert!(a.is_nan() && b.is_nan() || a.to_bits() == b.to_bits(), "{x:e}: {a:e}, {b:e}");
        }
    }
}

#[test]
fn bounded_functions_stay_in_bounds_and_rise_into_saturation() {
    type Case = (fn(f32) -> f32, f32, f32, f32);
    let cases: [Case; 4] = [
        (Elementary::tanh, 8.0, 10.0, 1.0),
        (Elementary::sigmoid, 15.5, 20.0, 1.0),
        (Elementary::erf, 3.8, 4.2, 1.0),
        (Elementary::normal_cdf, 5.2, 8.0, 1.0),
    ];
    for (f, from, to, fall) in cases {
        let mut last = 0.0;
        let mut x = from;
        while x < to {
            let y = f(x);
            assert!(y >= last - fall * f32::EPSILON / 2.0 && y <= 1.0, "{x:e}: {y:e} after {last:e}");
            last = y;
            x = f32::from_bits(x.to_bits() + 13);
        }
        assert_eq!(last, 1.0);
    }
}

#[test]
fn the_two_reductions_of_angles_agree() {
    for i in 1..20_000 {
        let x = f64::from(i) * 52.391_7;
        assert!(x <= trig::NEAR);
        for (near, far) in [(Elementary::sin(x), far::sin(x)), (Elementary::cos(x), far::cos(x))] {
            assert!((near - far).abs() <= f64::EPSILON * near.abs(), "{x}: {near:e}, {far:e}");
        }
    }
}

#[test]
fn the_hyperbolic_functions_overflow_where_they_must() {
    // asinh(f64::MAX) = 710.47586007394394...
    assert!(Elementary::sinh(710.475_860_073_943_9f64).is_finite());
    assert!(Elementary::cosh(-710.475_860_073_943_9f64).is_finite());
    assert_eq!(Elementary::sinh(710.475_860_073_944), INF);
    assert_eq!(Elementary::sinh(-710.475_860_073_944), -INF);
    assert!(Elementary::cosh(89.415_98f32).is_finite());
    assert_eq!(Elementary::cosh(89.416_f32), f32::INFINITY);
}

/// IEEE 754-2019, 9.2.1, as C's `atan2` has it.
#[test]
fn the_angle_of_a_point_is_that_of_its_quadrant() {
    let three_quarters = 3.0 * FRAC_PI_4;
    let cases = [
        ([0.0, 0.0], 0.0),
        ([-0.0, 0.0], -0.0),
        ([0.0, -0.0], PI),
        ([-0.0, -0.0], -PI),
        ([0.0, 1.0], 0.0),
        ([-0.0, 1.0], -0.0),
        ([0.0, -1.0], PI),
        ([-0.0, -1.0], -PI),
        ([1.0, 0.0], FRAC_PI_2),
        ([-1.0, -0.0], -FRAC_PI_2),
        ([1.0, 1.0], FRAC_PI_4),
        ([-1.0, -1.0], -three_quarters),
        ([1.0, INF], 0.0),
        ([-1.0, -INF], -PI),
        ([INF, 1.0], FRAC_PI_2),
        ([-INF, -1.0], -FRAC_PI_2),
        ([INF, INF], FRAC_PI_4),
        ([INF, -INF], three_quarters),
        ([-INF, -INF], -three_quarters),
        ([5e-324, 1e300], 0.0),
        ([5e-324, 5e-324], FRAC_PI_4),
    ];
    for ([y, x], expected) in cases {
        let found = Elementary::atan2(y, x);
        assert_eq!(found.to_bits(), expected.to_bits(), "atan2({y}, {x}) = {found}");
        let found = Elementary::atan2(y as f32, x as f32);
        // In f32 the polynomial may be off by a unit, and the smallest double is 0.
        if y.abs() != 5e-324 {
            let near = (found - expected as f32).abs() <= f32::EPSILON * found.abs();
            assert!(
                near && found.is_sign_negative() == expected.is_sign_negative(),
                "atan2({y}, {x}) = {found} in f32"
            );
        }
    }
    for [y, x] in [[f64::NAN, 1.0], [1.0, f64::NAN], [f64::NAN, 0.0], [0.0, f64::NAN], [INF, f64::NAN]] {
        assert!(Elementary::atan2(y, x).is_nan() && Elementary::atan2(y as f32, x as f32).is_nan(), "({y}, {x})");
    }
}

/// IEEE 754-2019, 9.2.1, as C's `pow` has it; the standard library's is that of the platform's C.
#[test]
fn powers_have_the_special_cases_of_the_standard() {
    let bases = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 1e-40, 1e30, INF, -INF, f64::NAN];
    let exponents =
        [0.0, -0.0, 1.0, -1.0, 2.0, 3.0, -3.0, 0.5, -0.5, 1e20, -1e20, 9007199254740993.0, INF, -INF, f64::NAN];
    for (x, y) in bases.into_iter().flat_map(|x| exponents.map(|y| (x, y))) {
        let (found, expected) = (Elementary::pow(x, y), x.powf(y));
        let close = found == expected && found.is_sign_negative() == expected.is_sign_negative();
        let near = (found - expected).abs() <= 2.0 * f64::EPSILON * expected.abs();
        assert!(close || near || (found.is_nan() && expected.is_nan()), "{x}^{y} = {found:e}, not {expected:e}");
        let (x, y) = (x as f32, y as f32);
        let (found, expected) = (Elementary::pow(x, y), x.powf(y));
        let near = found == expected || (found - expected).abs() <= f32::EPSILON * expected.abs();
        assert!(near || (found.is_nan() && expected.is_nan()), "{x}^{y} = {found:e}, not {expected:e} in f32");
    }
    // 1 - 1/2 ulp to a power that brings it to e^-1 and no further.
    assert!((Elementary::pow(1.0 - f64::EPSILON / 2.0, 2.0 / f64::EPSILON) - (-1f64).exp()).abs() < 1e-16);
    assert_eq!(Elementary::pow(5e-324, 0.5), 5e-324f64.sqrt());
    assert_eq!(Elementary::pow(2.0, -1074.0), 5e-324);
    let large = 2f64.powi(1023) * std::f64::consts::SQRT_2;
    assert!((Elementary::pow(2.0, 1023.5) / large - 1.0).abs() <= f64::EPSILON);
    assert_eq!(Elementary::pow(-8.0, 3.0), -512.0);
}

#[test]
fn distances_do_not_overflow_in_between() {
    for (a, b, expected) in [
        (0.0, -0.0, 0.0),
        (3e300, 4e300, 5e300),
        (3e-300, -4e-300, 5e-300),
        (0.0, -5e-324, 5e-324),
        (INF, f64::NAN, INF),
        (f64::NAN, -INF, INF),
        (-1.0, 0.0, 1.0),
        (f64::MAX, f64::MAX, INF),
    ] {
        let found = Elementary::hypot(a, b);
        assert!((found - expected).abs() <= f64::EPSILON * expected || found == expected, "{a:e}, {b:e}: {found:e}");
    }
    assert_eq!(Elementary::hypot(3e30f32, 4e30), 5e30);
    assert!(Elementary::hypot(f64::NAN, 1.0).is_nan() && Elementary::hypot(1.0, f32::NAN).is_nan());
}

/// `Gamma(-1/2) = -2 sqrt(pi)`, `Gamma(-3/2) = 4/3 sqrt(pi)`; `digamma(-1/2) = digamma(1/2) + 2`, and so on from
/// `digamma(1/2) = -gamma - 2 ln 2`, `trigamma(1/2) = pi^2/2`.
#[test]
fn the_gamma_family_is_reflected() {
    const EULER: f64 = 0.577_215_664_901_532_9;
    let half = -EULER - 2.0 * std::f64::consts::LN_2;
    let cases = [
        (Elementary::ln_gamma(-0.5), (2.0 * PI.sqrt()).ln()),
        (Elementary::ln_gamma(-1.5), (4.0 / 3.0 * PI.sqrt()).ln()),
        (Elementary::polygamma(0.5, 0), half),
        (Elementary::polygamma(-0.5, 0), half + 2.0),
        (Elementary::polygamma(-1.5, 0), half + 2.0 + 2.0 / 3.0),
        (Elementary::polygamma(0.5, 1), PI * PI / 2.0),
        (Elementary::polygamma(-0.5, 1), PI * PI / 2.0 + 4.0),
        // -2 zeta(3) (2^3 - 1), and by the recurrence 2 / x^3 more.
        (Elementary::polygamma(0.5, 2), -14.0 * 1.202_056_903_159_594_2),
        (Elementary::polygamma(-0.5, 2), -14.0 * 1.202_056_903_159_594_2 + 2.0 * 8.0),
        (Elementary::polygamma(0.5, 3), PI.powi(4)),
        (Elementary::polygamma(-0.5, 3), PI.powi(4) + 6.0 * 16.0),
        (Elementary::polygamma(1.0, 5), 120.0 * PI.powi(6) / 945.0),
    ];
    for (i, (found, expected)) in cases.into_iter().enumerate() {
        // Where the terms cancel the error is relative to them.
        assert!((found - expected).abs() <= 4e-15 * expected.abs().max(1.0), "{i}: {found:e}, not {expected:e}");
    }
    for n in [0, 2, 4] {
        assert!(Elementary::polygamma(-1.0f64, n).is_nan(), "{n}");
    }
    assert_eq!((Elementary::polygamma(-3.0f64, 1), Elementary::ln_gamma(-3.0f64)), (INF, INF));
    assert!(Elementary::polygamma(-0.5f64, 16).is_nan());
}
