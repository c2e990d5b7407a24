//! Derivatives of every order, in every mode, against formulas.

use autodiff::scalar::{Var, gradient, hessian, hvp, jacobian, partials, taylor, value_and_gradient};
use autodiff::{Dual, Error, Real, derivative};

use super::programs::{fractions, helmholtz, helmholtz_gradient, rosenbrock, rosenbrock_gradient, rosenbrock_hvp};
use crate::numbers::{Random, relative_error};

/// `f'` as a number of the same kind, by the tape.
macro_rules! slope {
    (|$x:ident| $body:expr, $at:expr) => {
        gradient(
            |x| {
                let $x = x[0];
                $body
            },
            &[$at],
        )[0]
    };
}

#[test]
fn gradients_of_gradients_of_gradients_are_third_derivatives() {
    let x = 0.7;
    // Three tapes, one within the other; the innermost recorded first.
    let sine = slope!(|x| slope!(|y| slope!(|z| z.sin(), y), x), x);
    assert!((sine + x.cos()).abs() < 1e-15);
    let power = slope!(|x| slope!(|y| slope!(|z| z.powi(5), y), x), x);
    assert!((power - 60.0 * x * x).abs() < 1e-13);
    let quotient = slope!(|x| slope!(|y| slope!(|z| 1.0 / (z + 1.0), y), x), x);
    assert!((quotient + 6.0 / 1.7_f64.powi(4)).abs() < 1e-14);
    let product = slope!(|x| slope!(|y| slope!(|z| z * z.exp(), y), x), x);
    assert!((product - (x + 3.0) * x.exp()).abs() < 1e-14);
    let root = slope!(|x| slope!(|y| slope!(|z| z.sqrt(), y), x), x);
    assert!((root - 0.375 * x.powf(-2.5)).abs() < 1e-14);
}

#[test]
fn modes_nest_in_any_order() {
    let x = 0.7_f64;
    let third = -x.cos();
    let forward_of_reverse = derivative(|x| slope!(|y| slope!(|z| z.sin(), y), x), x).1;
    let reverse_of_forward = slope!(|x| slope!(|y| derivative(|z| z.sin(), y).1, x), x);
    let middle = slope!(|x| derivative(|y| slope!(|z| z.sin(), y), x).1, x);
    let [_, series_of_reverse] = taylor(|x| slope!(|y| slope!(|z| z.sin(), y), x), x);
    let reverse_of_series = slope!(
        |x| {
            let [_, _, half]: [_; 3] = taylor(|y| y.sin(), x);
            half * 2.0
        },
        x
    );
    let of_blocks = slope!(|x| partials(|[y]| slope!(|z| z.sin(), y), [x]).1[0], x);
    for found in [forward_of_reverse, reverse_of_forward, middle, series_of_reverse, reverse_of_series, of_blocks] {
        assert!((found - third).abs() < 1e-15, "{found}");
    }
}

#[test]
fn a_derivative_within_a_derivative_treats_the_outer_variable_as_constant() {
    // d/dx [x d/dy (x + y)] = 1.
    let reverse = gradient(|x| x[0] * gradient(|y| Var::constant(x[0]) + y[0], &[Var::ONE])[0], &[1.0]);
    assert_eq!(reverse, [1.0]);
    let mixed = derivative(|x| x * gradient(|y| Var::constant(x) + y[0], &[Dual::ONE])[0], 1.0);
    assert_eq!(mixed.1, 1.0);
}

#[test]
fn taylor_coefficients_are_those_of_the_textbook() {
    const N: usize = 16;
    let close = |name: &str, found: [f64; N], expected: &dyn Fn(i32) -> f64| {
        for (k, found) in found.into_iter().enumerate() {
            let expected = expected(k as i32);
            assert!((found - expected).abs() <= 1e-13 * expected.abs().max(1e-3), "{name}, order {k}: {found}");
        }
    };
    let factorial = |k: i32| (1..=k).map(f64::from).product::<f64>();
    let x = 0.8_f64;
    let phase = |k: i32| x + f64::from(k) * std::f64::consts::FRAC_PI_2;
    close("exp", taylor(|x| x.exp(), x), &|k| x.exp() / factorial(k));
    close("expm1", taylor(|x| x.expm1(), x), &|k| if k == 0 { x.exp_m1() } else { x.exp() / factorial(k) });
    close("sin", taylor(|x| x.sin(), x), &|k| phase(k).sin() / factorial(k));
    close("cos", taylor(|x| x.cos(), x), &|k| phase(k).cos() / factorial(k));
    close("recip", taylor(|x| x.recip(), x), &|k| (-x).powi(-k) / x);
    close("ln", taylor(|x| x.ln(), x), &|k| if k == 0 { x.ln() } else { -(-x).powi(-k) / f64::from(k) });
    close("ln_1p", taylor(|x| (x - 1.0).ln_1p(), x), &|k| if k == 0 { x.ln() } else { -(-x).powi(-k) / f64::from(k) });
    // Binomial coefficients of 1/2 and of 5.
    let binomial = |a: f64, k: i32| (0..k).map(|j| (a - f64::from(j)) / f64::from(j + 1)).product::<f64>();
    close("sqrt", taylor(|x| x.sqrt(), x), &|k| binomial(0.5, k) * x.powf(0.5 - f64::from(k)));
    close("powi", taylor(|x| x.powi(5), x), &|k| binomial(5.0, k) * x.powi(5 - k));
    close("powi, negative", taylor(|x| x.powi(-2), x), &|k| binomial(-2.0, k) * x.powi(-2 - k));
    // tanh x = x - x^3/3 + 2x^5/15 - 17x^7/315 + 62x^9/2835 - 1382x^11/155925 + 21844x^13/6081075 - 929569x^15/638512875
    let odd = [1.0, -1.0 / 3.0, 2.0 / 15.0, -17.0 / 315.0, 62.0 / 2835.0, -1382.0 / 155_925.0, 21_844.0 / 6_081_075.0];
    let tangent = |k: i32| match k {
        15 => -929_569.0 / 638_512_875.0,
        k if k % 2 == 1 => odd[(k / 2) as usize],
        _ => 0.0,
    };
    close("tanh", taylor(|x| x.tanh(), 0.0), &tangent);
    // sigmoid x = (1 + tanh(x/2)) / 2, and softplus is its integral.
    let logistic = |k: i32| if k == 0 { 0.5 } else { 0.5 * tangent(k) / 2f64.powi(k) };
    close("sigmoid", taylor(|x| x.sigmoid(), 0.0), &logistic);
    close("softplus", taylor(|x| x.softplus(), 0.0), &|k| {
        if k == 0 { 2f64.ln() } else { logistic(k - 1) / f64::from(k) }
    });
    // erf x = 2/sqrt(pi) sum of (-1)^n x^(2n+1) / (n! (2n+1))
    let error = |k: i32| match k % 2 {
        1 => std::f64::consts::FRAC_2_SQRT_PI * (-1f64).powi(k / 2) / (factorial(k / 2) * f64::from(k)),
        _ => 0.0,
    };
    close("erf", taylor(|x| x.erf(), 0.0), &error);
    close("erfc", taylor(|x| x.erfc(), 0.0), &|k| if k == 0 { 1.0 } else { -error(k) });
    let normal = |k: i32| if k == 0 { 0.5 } else { 0.5 * error(k) / 2f64.powf(0.5 * f64::from(k)) };
    close("normal_cdf", taylor(|x| x.normal_cdf(), 0.0), &normal);
    close("normal_pdf", taylor(|x| x.normal_pdf(), 0.0), &|k| f64::from(k + 1) * normal(k + 1));
}

#[test]
fn a_series_is_composed_as_its_function() {
    // ln(e^x) = x, sin^2 + cos^2 = 1 and (sqrt(1 + x^2))^2 = 1 + x^2, in every coefficient.
    let found: [f64; 9] = taylor(|x| (x.sin() + 2.0).exp().ln() - x.sin(), 0.3);
    assert!(relative_error(&found, &[2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]) < 1e-14);
    let found: [f64; 7] = taylor(|x| (x * x).sin().powi(2) + (x * x).cos().powi(2), 0.9);
    assert!(relative_error(&found, &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]) < 1e-14);
    let found: [f64; 5] = taylor(|x| (x * x + 1.0).sqrt().powi(2), 0.5);
    assert!(relative_error(&found, &[1.25, 1.0, 1.0, 0.0, 0.0]) < 1e-15);
}

#[test]
fn gradient_hessian_and_product_of_the_rosenbrock_function_are_those_by_hand() {
    for n in [0, 1, 2, 3, 4, 5, 9, 33] {
        let mut random = Random::new(61);
        let (x, v) = (random.numbers(n), random.numbers(n));
        let (value, g) = value_and_gradient(|x| rosenbrock(x), &x);
        assert_eq!(value.to_bits(), rosenbrock(&x).to_bits());
        let (by_hand, product) = (rosenbrock_gradient(&x), rosenbrock_hvp(&x, &v));
        assert!(relative_error(&g, &by_hand) < 1e-14, "{n}");
        assert!(relative_error(&hvp(|x| rosenbrock(x), &x, &v).unwrap(), &product) < 1e-14, "{n}");
        let rows = hessian(|x| rosenbrock(x), &x);
        for k in 0..n {
            let unit: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i == k))).collect();
            assert!(relative_error(&rows[k * n..][..n], &rosenbrock_hvp(&x, &unit)) < 1e-14, "{n}, row {k}");
        }
    }
}

#[test]
fn gradient_of_the_helmholtz_energy_is_that_by_hand_and_its_hessian_the_jacobian_of_that() {
    let x = fractions(7);
    let g = gradient(|x| helmholtz(x), &x);
    assert!(relative_error(&g, &helmholtz_gradient(&x)) < 1e-13);
    // Another road: the Jacobian of the gradient, a tape on a tape.
    let by_tapes = jacobian(|x| gradient(|y| helmholtz(y), x), &x);
    assert!(relative_error(&hessian(|x| helmholtz(x), &x), &by_tapes) < 1e-13);
}

#[test]
fn a_jacobian_is_the_same_by_rows_and_by_columns() {
    let x = [0.3, -0.8, 1.1];
    let wide = jacobian(|x| vec![x[0] * x[1].sin() / x[2], x[1]], &x);
    let (s, c) = (-0.8f64).sin_cos();
    let expected = [s / 1.1, 0.3 * c / 1.1, -0.3 * s / 1.21, 0.0, 1.0, 0.0];
    assert!(relative_error(&wide, &expected) < 1e-15);
    let tall = jacobian(|x| vec![x[0] * x[1].sin() / x[2], x[1], x[2] * x[2], Var::constant(4.0)], &x);
    assert!(relative_error(&tall[..6], &expected) < 1e-15);
    assert_eq!(tall[6..], [0.0, 0.0, 2.2, 0.0, 0.0, 0.0]);
    assert!(jacobian(|_| vec![], &x).is_empty());
    assert!(jacobian(|_| vec![Var::constant(1.0)], &[] as &[f64]).is_empty());
}

#[test]
fn tangents_of_another_length_are_refused() {
    let refused = hvp(|x| x[0] * x[1], &[1.0, 2.0], &[1.0]).unwrap_err();
    assert_eq!(refused, Error::Length { what: "tangents", shape: [2][..].into(), expected: 2, found: 1 });
}

/// Not run by default, as it takes seconds and half a gigabyte: `cargo test --release -- --ignored million`.
#[test]
#[ignore = "takes seconds and half a gigabyte"]
fn a_million_variables_take_memory_in_proportion() {
    let n = 1_000_000;
    let mut random = Random::new(62);
    let (x, v) = (random.numbers(n), random.numbers(n));
    let (mut arena, mut out) = (autodiff::scalar::Arena::new(), vec![0.0; n]);
    for _ in 0..2 {
        arena.value_and_gradient(|x| rosenbrock(x), &x, &mut out).unwrap();
        assert!(relative_error(&out, &rosenbrock_gradient(&x)) < 1e-14);
    }
    // Eight nodes a variable, of 24 bytes and a slot of 16 each, and the variable itself.
    assert!(arena.bytes() < n * (9 * 40 + 24), "{} bytes", arena.bytes());
    arena.hvp(|x| rosenbrock(x), &x, &v, &mut out).unwrap();
    assert!(relative_error(&out, &rosenbrock_hvp(&x, &v)) < 1e-14);
}
