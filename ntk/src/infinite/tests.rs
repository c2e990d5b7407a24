//! Rules against each other, against Monte-Carlo, and against more digits.

use autodiff::op::ElementwiseOp;
use autodiff::op::elementwise as ew;

use super::power::{Exp, Monomial, RectifiedMonomial};
use super::rule::{Cos, Dual, Erf, Gelu, Image, Pair, Rectifier, Rule, Sin};
use super::series::{Coefficients, Quadrature};
use super::*;
use crate::model::{Activation, Layer};

const LIMIT: u64 = u64::MAX;

fn pair(qa: f64, qb: f64, c: f64) -> Pair<f64> {
    let s = (qa * qb).sqrt();
    Pair { qa, qb, s, k: c * s, gap: s * (1.0 - c.abs()) }
}

/// The images by the series.
fn by_series(op: ElementwiseOp, pair: &Pair<f64>) -> (f64, f64, f64) {
    let r = [pair.qa.sqrt(), pair.qb.sqrt()];
    let quadrature = Quadrature::new(op, r[0].max(r[1]), f64::EPSILON / 4.0, "here").unwrap();
    let (found, moments, error) = Coefficients::<f64>::new(&quadrature, &r);
    let c = pair.k / pair.s;
    let (mut slopes, mut values) = (0.0, 0.0);
    for j in (0..found.terms).rev() {
        let product = found.d[2 * j] * found.d[2 * j + 1];
        slopes = slopes * c + product;
        values = values * c + product / (j + 1) as f64;
    }
    (moments[0].mean * moments[1].mean + pair.k * values, slopes, error)
}

#[test]
fn closed_forms_are_the_sums_of_the_series() {
    fn check(op: ElementwiseOp, rule: impl Dual) {
        for (qa, qb) in [(1.0, 1.0), (0.3, 2.0), (1e-6, 1.5), (4.0, 3.0)] {
            for c in [-1.0, -0.9, -0.2, 0.0, 1e-7, 0.5, 0.99, 1.0] {
                let pair = pair(qa, qb, c);
                let Image { k, dot, .. } = rule.image(pair);
                let (expected, slope, error) = by_series(op, &pair);
                let scale = rule.image(self::pair(qa, qa, 1.0)).k.max(rule.image(self::pair(qb, qb, 1.0)).k);
                assert!(error < 1e-13, "{}: {error:.1e}", op.name());
                assert!((k - expected).abs() <= 1e-13 * scale, "{} {qa} {qb} {c}: {k} and {expected}", op.name());
                let steepest = rule.image(self::pair(qa.max(qb), qa.max(qb), 1.0)).dot.max(1.0);
                assert!((dot - slope).abs() <= 1e-12 * steepest, "{} {qa} {qb} {c}: {dot} and {slope}", op.name());
            }
        }
    }
    check(ew::Erf.into(), Erf);
    check(ew::Gelu.into(), Gelu);
    check(ew::Sin.into(), Sin);
    check(ew::Cos.into(), Cos);
    check(ew::Exp.into(), Exp);
    for degree in [1, 2, 3, 4, 7] {
        check(ew::Powi(degree).into(), Monomial::new(degree as u32));
    }
}

#[test]
fn rectified_monomials_are_those_of_cho_and_saul() {
    // J_0 .. J_3 by their definition, which loses digits near -1 and is good to 1e-11 here.
    for (qa, qb) in [(1.0, 1.0), (0.3, 2.0)] {
        for c in [-0.8, -0.6f64, -0.1, 0.0, 0.2, 0.7, 0.99] {
            let pair = pair(qa, qb, c);
            let angle = c.acos();
            let (sin, left) = (angle.sin(), std::f64::consts::PI - angle);
            let j = [
                left,
                sin + left * c,
                3.0 * sin * c + left * (1.0 + 2.0 * c * c),
                4.0 * sin.powi(3) + 15.0 * sin * c * c + left * (9.0 * c + 6.0 * c.powi(3)),
            ];
            for degree in [2usize, 3] {
                let found = RectifiedMonomial::new(degree as u32).image(pair);
                let expected = pair.s.powi(degree as i32) * j[degree] / std::f64::consts::TAU;
                let p = degree as f64;
                let slope = p * p * pair.s.powi(degree as i32 - 1) * j[degree - 1] / std::f64::consts::TAU;
                assert!((found.k / expected - 1.0).abs() < 1e-11, "{degree} {c}: {} and {expected}", found.k);
                assert!((found.dot / slope - 1.0).abs() < 1e-11, "{degree} {c}: {} and {slope}", found.dot);
            }
        }
    }
}

#[test]
fn powers_keep_their_digits_near_correlations_of_one_and_minus_one() {
    // mpmath 1.3.0, 50 digits, by `powers.py`: degree, qa, qb, gap/s, side, then E and E's gap of the rectified monomial, E's gap
    // of the monomial, E's gap of the exponential (nothing of it on the other side).
    let mut seen = 0;
    for line in include_str!("powers.csv").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        let [degree, qa, qb, lack, side, rectified, gap, gap_of_monomial, gap_of_exp] = fields[..] else {
            panic!("{line}")
        };
        let s = (qa * qb).sqrt();
        let pair = Pair { qa, qb, s, k: side * s * (1.0 - lack), gap: s * lack };
        let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-13, "{line}: {found}");
        let found = RectifiedMonomial::new(degree as u32).image(pair);
        close(found.k, rectified);
        close(found.gap, gap);
        close(Monomial::new(degree as u32).image(pair).gap, gap_of_monomial);
        close(Exp.image(pair).gap, gap_of_exp);
        seen += 1;
    }
    assert!(seen >= 40);
}

#[test]
fn means_of_activations_are_their_integrals() {
    for activation in Activation::ALL {
        let (mut series, r) = (0, 1.3f64);
        let Some(rule) = Rule::of(activation, &mut series) else { continue };
        let quadrature = match rule {
            Rule::Series { op, .. } => Some(Quadrature::new(op, r, 1e-16, "here").unwrap()),
            _ => None,
        };
        // The midpoint rule over the normal density, by the composition of ops.
        let f = |x: f64| {
            activation.ops().fold(x, |x, op| {
                let mut y = [0.0];
                autodiff::kernel::map::primal(op, &[x], &mut y);
                y[0]
            })
        };
        let step = 1e-3;
        let density = |z: f64| (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
        let expected: f64 =
            (-12000..12000).map(|i| (f64::from(i) + 0.5) * step).map(|z| step * density(z) * f(r * z)).sum();
        let found = rule.mean(r * r, quadrature.as_ref());
        assert!((found - expected).abs() < 1e-6, "{}: {found} and {expected}", activation.name());
    }
}

#[test]
fn rules_are_means_over_normal_pairs() {
    // Gauss's law on a fixed grid of angles and radii: exact in the angle up to the kink, fine enough in the radius.
    fn mean(f: impl Fn(f64) -> f64, pair: &Pair<f64>) -> f64 {
        let (angles, radii) = (4000, 400);
        let c = pair.k / pair.s;
        let (ra, rb) = (pair.qa.sqrt(), pair.qb.sqrt());
        let mut sum = 0.0;
        for i in 0..angles {
            let angle = (i as f64 + 0.5) / angles as f64 * std::f64::consts::TAU;
            let (u, v) = (ra * angle.cos(), rb * (c * angle.cos() + (1.0 - c * c).sqrt() * angle.sin()));
            for j in 0..radii {
                // The square of the radius is exponential: its quantiles.
                let radius = (-2.0 * (1.0 - (j as f64 + 0.5) / radii as f64).ln()).sqrt();
                sum += f(radius * u) * f(radius * v);
            }
        }
        sum / (angles * radii) as f64
    }
    for (qa, qb, c) in [(1.0, 1.0, 0.5), (0.5, 2.0, -0.7), (1.3, 0.9, 0.0)] {
        let pair = pair(qa, qb, c);
        for (alpha, odd, even) in [(0.0, 0.5, 0.5), (0.3, 0.65, 0.35), (-1.0, 0.0, 1.0)] {
            let found = Rectifier { odd, even }.image(pair);
            let expected = mean(|x| if x > 0.0 { x } else { alpha * x }, &pair);
            assert!((found.k - expected).abs() < 5e-3, "alpha {alpha}: {} and {expected}", found.k);
            let expected = mean(|x| if x > 0.0 { 1.0 } else { alpha }, &pair);
            assert!((found.dot - expected).abs() < 5e-3, "alpha {alpha}: {} and {expected}", found.dot);
        }
        let op = |op: ElementwiseOp, f: fn(f64) -> f64| {
            let (found, expected) = (by_series(op, &pair).0, mean(f, &pair));
            assert!((found - expected).abs() < 5e-3, "{}: {found} and {expected}", op.name());
        };
        op(ew::Tanh.into(), f64::tanh);
        op(ew::Sigmoid.into(), |x| 1.0 / (1.0 + (-x).exp()));
        op(ew::Softplus.into(), |x| x.exp().ln_1p());
    }
}

#[test]
fn the_gap_of_a_rectifier_is_its_bound_less_its_covariance() {
    for (odd, even) in [(0.5, 0.5), (0.55, 0.45), (0.0, 1.0), (0.9, 0.1)] {
        for c in [-1.0, -0.999, -0.5, -0.1, 0.0, 0.3, 0.9, 1.0] {
            let image = Rectifier { odd, even }.image(pair(0.7, 1.9, c));
            let bound = (odd * odd + even * even) * (0.7f64 * 1.9).sqrt();
            assert!((image.gap - (bound - image.k.abs())).abs() < 4e-16, "{odd} {even} {c}: {}", image.gap);
        }
    }
}

#[test]
fn kernels_keep_their_digits_near_correlations_of_one() {
    let mut worst = 0.0f64;
    for line in include_str!("reference.csv").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        let [alpha, b_std, depth, x0, x1, y0, y1, k, theta] = fields[..] else { panic!("{line}") };
        let mut text = format!("mlp:2-4x{depth}-1:leaky_relu,W_std={},b_std={b_std}", std::f64::consts::SQRT_2);
        if alpha == 0.0 {
            text = text.replace("leaky_relu", "relu");
        }
        let mut model = Architecture::parse(&text).unwrap();
        for layer in &mut model.layers {
            if let Layer::Activation(Activation::LeakyRelu(of)) = layer {
                *of = alpha;
            }
        }
        let (x, y) = (Array::new([1, 2], vec![x0, x1]).unwrap(), Array::new([1, 2], vec![y0, y1]).unwrap());
        let found = kernel(&model, &x, Some(&y), Get::Both, LIMIT, &Observer::default()).unwrap();
        for (found, expected) in [(found.nngp, k), (found.ntk, theta)] {
            let error = (found.unwrap().data[0] - expected).abs() / theta.abs();
            assert!(error < 4e-15 * depth.max(2.0), "{line}: {error:.1e}");
            worst = worst.max(error);
        }
    }
    println!("worst {worst:.1e}");
}
