//! The two examples that import nothing, held to the crate: the same numbers from a hundred lines and from the real one.

use autodiff::{Real, derivative, scalar};

#[path = "../autodiff/examples/02_dual_in_50_lines.rs"]
#[allow(dead_code, reason = "it has a main of its own")]
mod dual_in_50_lines;
#[path = "../autodiff/examples/01_tape_in_100_lines.rs"]
#[allow(dead_code, reason = "it has a main of its own")]
mod tape_in_100_lines;

use crate::numbers::Random;

/// `sin(x / y) ln(y) - (x + y) x`, on whatever has the functions.
macro_rules! program {
    ($x:expr, $y:expr) => {{
        let (x, y) = ($x, $y);
        (x / y).sin() * y.ln() - (x + y) * x
    }};
}

#[test]
fn the_tape_in_a_hundred_lines_gives_the_gradient_of_the_crate() {
    let mut random = Random::new(81);
    for _ in 0..50 {
        let x = [random.number(), 1.5 + random.number()];
        let tape = tape_in_100_lines::Tape::default();
        let [a, b] = x.map(|x| tape.input(x));
        let z = program!(a, b);
        let bar = z.pull_back();
        let (value, g) = scalar::value_and_gradient(|x| program!(x[0], x[1]), &x);
        // The crate has elementary functions of its own, a last place away from the system's.
        assert!((z.value - value).abs() < 1e-14);
        assert!((bar[0] - g[0]).abs() < 1e-14 && (bar[1] - g[1]).abs() < 1e-13, "{bar:?} {g:?}");
    }
}

#[test]
fn the_dual_in_fifty_lines_gives_the_derivative_of_the_crate() {
    let mut random = Random::new(82);
    for _ in 0..50 {
        let (x, y) = (random.number(), 1.5 + random.number());
        let constant = dual_in_50_lines::Dual { re: x, eps: 0.0 };
        let z = program!(constant, dual_in_50_lines::Dual { re: y, eps: 1.0 });
        let (value, slope) = derivative(|y| program!(autodiff::Dual::constant(x), y), y);
        assert!((z.re - value).abs() < 1e-14 && (z.eps - slope).abs() < 1e-13);
    }
}

#[test]
fn the_examples_are_as_short_as_they_say() {
    let lines = |text: &str| text.lines().count();
    assert!(lines(include_str!("../autodiff/examples/01_tape_in_100_lines.rs")) <= 100);
    assert!(lines(include_str!("../autodiff/examples/02_dual_in_50_lines.rs")) <= 50);
}
