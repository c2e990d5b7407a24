//! Zeros, infinities, NaN, the ends of the range, symmetry.

use crate::kernel::math::Elementary;
use crate::kernel::math::tests::{patterns_f64, table};
use crate::kernel::math::{far, trig};

/// Name, values at -inf, -0, 0, inf; for both widths. `None` stands for NaN.
type Edges = (&'static str, [Option<f64>; 4]);

const INF: f64 = f64::INFINITY;

const EDGES: [Edges; 13] = [
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
                "expm1" | "ln_1p" | "sin" | "tanh" => assert_eq!(y, x, "{name}"),
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
        for f in [Elementary::tanh, Elementary::erf, Elementary::sin] as [fn(f64) -> f64; 3] {
            let (a, b) = (f(x), f(-x));
            assert!(a.is_nan() && b.is_nan() || a.to_bits() == (-b).to_bits(), "{x:e}: {a:e}, {b:e}");
        }
        for f in [Elementary::cos, Elementary::normal_pdf] as [fn(f64) -> f64; 2] {
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
