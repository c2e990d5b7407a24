//! Errors against references of more digits.
//!
//! The reference of f64 is `reference.csv`, computed by mpmath; that of f32 is the standard library in f64, and for the
//! normal family, which it lacks, our own f64 functions, which the first test holds to mpmath.

use crate::kernel::math::Elementary;
use crate::kernel::math::tests::{patterns_f32, table};

const REFERENCE: &str = include_str!("../reference.csv");

/// Bits as integers in the order of the numbers, both zeros at 0, so that neighbours differ by 1.
fn rank(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    if bits < 0 { i64::MIN - bits } else { bits }
}

/// How many doubles lie between the two.
fn steps(a: f64, b: f64) -> u64 {
    assert!(!a.is_nan() && !b.is_nan());
    rank(a).abs_diff(rank(b))
}

#[test]
fn f64_agrees_with_mpmath() {
    for (name, function) in table::<f64>() {
        let (mut seen, mut worst) = (0, 0);
        for line in REFERENCE.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split(',').collect();
            if fields[0] != name {
                continue;
            }
            let [x, expected] = [1, 2].map(|i| fields[i].parse::<f64>().unwrap());
            let error = steps(function(x), expected);
            assert!(error <= 3, "{name}({x:e}) = {:e}, not {expected:e}: {error} steps", function(x));
            worst = worst.max(error);
            seen += 1;
        }
        println!("{name}: {worst} steps");
        assert!(seen > 100, "{name}: only {seen} points");
    }
}

/// A function of two arguments and its name.
type Pair<F> = (&'static str, fn(F, F) -> F);

#[test]
fn functions_of_two_arguments_agree_with_mpmath() {
    let wide: [Pair<f64>; 3] = [("pow", Elementary::pow), ("atan2", Elementary::atan2), ("hypot", Elementary::hypot)];
    let narrow: [Pair<f32>; 3] = [("pow", Elementary::pow), ("atan2", Elementary::atan2), ("hypot", Elementary::hypot)];
    for ((name, function), (_, single)) in wide.into_iter().zip(narrow) {
        let (mut seen, mut worst, mut worst_single) = (0, 0, 0.0f64);
        for line in REFERENCE.lines().filter(|line| line.split(',').next() == Some(name)) {
            let fields: Vec<f64> = line.split(',').skip(1).map(|field| field.parse().unwrap()).collect();
            let [x, y, expected] = fields[..] else { panic!("{line}") };
            let error = steps(function(x, y), expected);
            assert!(error <= 2, "{name}({x:e}, {y:e}) = {:e}, not {expected:e}: {error} steps", function(x, y));
            worst = worst.max(error);
            // In f32 against f64, at the rounded arguments.
            let (x, y) = (x as f32, y as f32);
            if x.is_normal() && y.is_normal() {
                let error = units(single(x, y), function(f64::from(x), f64::from(y)));
                assert!(error <= 3.0, "{name}({x:e}, {y:e}) = {:e} in f32: {error} units", single(x, y));
                worst_single = worst_single.max(error);
            }
            seen += 1;
        }
        println!("{name}: {worst} steps, {worst_single:.2} units in f32");
        assert!(seen > 100, "{name}: only {seen} points");
    }
}

/// Largest error of each f32 function in units in the last place, and its reference in f64.
type Bounded = (&'static str, f64, fn(f64) -> f64);

const SINGLE: [Bounded; 22] = [
    ("exp", 1.1, f64::exp),
    ("expm1", 1.9, f64::exp_m1),
    ("ln", 0.9, f64::ln),
    ("ln_1p", 1.5, f64::ln_1p),
    ("sin", 0.51, f64::sin),
    ("cos", 0.51, f64::cos),
    ("tanh", 2.6, f64::tanh),
    ("sigmoid", 2.5, |x| 1.0 / (1.0 + (-x).exp())),
    ("softplus", 1.8, |x| if x > 40.0 { x } else { x.exp().ln_1p() }),
    ("erf", 3.4, Elementary::erf),
    ("erfc", 0.6, Elementary::erfc),
    ("normal_cdf", 0.6, Elementary::normal_cdf),
    ("normal_pdf", 0.6, Elementary::normal_pdf),
    ("tan", 0.51, f64::tan),
    ("atan", 3.0, f64::atan),
    ("asin", 4.0, f64::asin),
    ("acos", 4.0, f64::acos),
    ("sinh", 3.0, f64::sinh),
    ("cosh", 3.0, f64::cosh),
    ("ln_gamma", 0.51, Elementary::ln_gamma),
    ("digamma", 0.51, |x| Elementary::polygamma(x, 0)),
    ("trigamma", 0.51, |x| Elementary::polygamma(x, 1)),
];

/// The distance of `y` from `expected` in spacings of f32 at `expected`.
fn units(y: f32, expected: f64) -> f64 {
    let rounded = expected as f32;
    if y == rounded || (y.is_nan() && expected.is_nan()) {
        return if y.is_finite() { (f64::from(y) - expected).abs() / spacing(rounded) } else { 0.0 };
    }
    // Where the reference has overflowed f32 but y has not (or the reverse), count from the largest number.
    let y = if y.is_infinite() {
        f64::from(f32::MAX) * (1.0 + f64::from(f32::EPSILON) / 2.0) * f64::from(y.signum())
    } else {
        f64::from(y)
    };
    (y - expected).abs() / spacing(rounded)
}

fn spacing(x: f32) -> f64 {
    let exponent = (x.abs().min(f32::MAX).to_bits() >> 23).max(1) as i32;
    2f64.powi(exponent - 150)
}

#[test]
fn f32_agrees_with_f64_for_every_kind_of_argument() {
    for ((name, bound, reference), (known, function)) in SINGLE.into_iter().zip(table::<f32>()) {
        assert_eq!(name, known);
        let mut worst = (0.0, 0.0);
        let dense = (-400_000..=400_000).map(|i| i as f32 * 4.1e-5);
        for x in patterns_f32(10_007).chain(dense) {
            let error = units(function(x), reference(f64::from(x)));
            assert!(!error.is_nan(), "{name}({x:e}) = {:e}", function(x));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        println!("{name}: {:.2} units at {:e}", worst.0, worst.1);
        assert!(worst.0 <= bound, "{name}: {:.2} units at {:e}", worst.0, worst.1);
    }
}

/// `x Phi(x)`, its tail by `erfc`. Where `Phi` is subnormal (from -12.9 down) its last unit is worth `|x|` of the product's,
/// and up to half of that is lost: 7.5 units.
#[test]
fn gelu_in_f32_is_within_two_units_until_the_distribution_underflows() {
    let dense = (-400_000..=400_000).map(|i| i as f32 * 4.1e-5);
    let mut worst = [(0.0, 0.0); 2];
    for x in patterns_f32(10_007).chain(dense).filter(|x| x.is_finite()) {
        let (wide, below) = (f64::from(x), Elementary::normal_cdf(x));
        let error = units(x * below, wide * Elementary::normal_cdf(wide));
        let worst = &mut worst[usize::from(below < f32::MIN_POSITIVE)];
        *worst = if error > worst.0 { (error, x) } else { *worst };
    }
    println!("gelu: {worst:?}");
    assert!(worst[0].0 <= 2.0 && worst[1].0 <= 7.6, "{worst:?}");
}

/// The tail by its divergent series `Phi(-y) = pdf(y)/y (1 - 1/y^2 + 3/y^4 - 15/y^6 + ...)`, summed to its smallest term.
#[test]
fn the_tail_of_the_normal_distribution_is_relatively_accurate() {
    for y in [9.0, 12.5, 20.25, 30.0, 36.5f64] {
        let (mut sum, mut term) = (1.0, 1.0f64);
        for i in 0..30 {
            let next = -term * f64::from(2 * i + 1) / (y * y);
            if next.abs() > term.abs() || next.abs() < 1e-18 {
                break;
            }
            term = next;
            sum += term;
        }
        // y^2/2 is exact for these y, so the standard exponential is accurate.
        let expected = (-y * y / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() / y * sum;
        let found = Elementary::normal_cdf(-y);
        assert!((found / expected - 1.0).abs() < 4e-15, "{y}: {found:e}, not {expected:e}");
    }
}
