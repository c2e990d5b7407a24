//! Accuracy, edges, and the equality of bits that the folder promises.
//!
//! The reference of f32 is the standard library in f64; that of f64 is `reference.csv`, computed by mpmath.

use super::Elementary;
use super::trig::{self, Trigonometric};
use pulp::{Arch, Simd, WithSimd};
use std::hint::black_box;
use std::time::Instant;

const REFERENCE: &str = include_str!("reference.csv");

/// The functions by name, in one width.
fn table<F: Elementary>() -> [(&'static str, fn(F) -> F); 13] {
    [
        ("exp", |x| F::exp(x)),
        ("expm1", |x| F::expm1(x)),
        ("ln", |x| F::ln(x)),
        ("ln_1p", |x| F::ln_1p(x)),
        ("sin", |x| F::sin(x)),
        ("cos", |x| F::cos(x)),
        ("tanh", |x| F::tanh(x)),
        ("sigmoid", |x| F::sigmoid(x)),
        ("softplus", |x| F::softplus(x)),
        ("erf", |x| F::erf(x)),
        ("erfc", |x| F::erfc(x)),
        ("normal_cdf", |x| F::normal_cdf(x)),
        ("normal_pdf", |x| F::normal_pdf(x)),
    ]
}

/// Bits as integers in the order of the numbers, both zeros at 0, so that neighbours differ by 1.
fn rank(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    if bits < 0 { i64::MIN - bits } else { bits }
}

/// Numbers between the two, counted in f64; 0 for two NaNs.
fn steps(a: f64, b: f64) -> u64 {
    if a.is_nan() && b.is_nan() {
        return 0;
    }
    if a.is_nan() || b.is_nan() {
        return u64::MAX;
    }
    rank(a).abs_diff(rank(b))
}

#[test]
fn f64_agrees_with_fifty_digits() {
    let functions = table::<f64>();
    let mut worst = [(0u64, 0.0); 13];
    let mut seen = [0; 13];
    for line in REFERENCE.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split(',');
        let name = fields.next().unwrap();
        let x: f64 = fields.next().unwrap().parse().unwrap();
        let expected: f64 = fields.next().unwrap().parse().unwrap();
        let index = functions
            .iter()
            .position(|(known, _)| *known == name)
            .unwrap();
        let error = steps(functions[index].1(x), expected);
        seen[index] += 1;
        if error > worst[index].0 {
            worst[index] = (error, x);
        }
    }
    for ((name, _), (worst, seen)) in functions.iter().zip(worst.iter().zip(seen)) {
        println!("{name}: {} steps at {:e}, {seen} points", worst.0, worst.1);
    }
    for ((name, _), (worst, seen)) in functions.iter().zip(worst.iter().zip(seen)) {
        assert!(seen > 100, "{name}: {seen} points");
        assert!(worst.0 <= 3, "{name}: {} steps at {:e}", worst.0, worst.1);
    }
}

/// `y = f(x)` over slices, compiled for every instruction set that the dispatch knows.
struct Map<'a, F, G> {
    x: &'a [F],
    y: &'a mut [F],
    f: G,
}

impl<F: Elementary, G: Fn(F) -> F> WithSimd for Map<'_, F, G> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y = (self.f)(x);
        }
    }
}

/// Sine or cosine over slices by the kernel that keeps its slow path apart.
struct Angles<'a, F> {
    x: &'a [F],
    y: &'a mut [F],
    kernel: bool,
}

impl<F: Trigonometric> WithSimd for Angles<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        if self.kernel {
            trig::sin_slice(self.x, self.y);
        } else {
            trig::cos_slice(self.x, self.y);
        }
    }
}

/// One function over a slice through the dispatch: what a layer does.
type SliceFunction<F> = fn(&[F], &mut [F]);

macro_rules! dispatched {
    ($F:ty; $($name:ident),*) => {
        [
            $((stringify!($name), (|x, y| Arch::new().dispatch(Map { x, y, f: |x: $F| Elementary::$name(x) })) as SliceFunction<$F>),)*
            ("sin", |x, y| Arch::new().dispatch(Angles { x, y, kernel: true })),
            ("cos", |x, y| Arch::new().dispatch(Angles { x, y, kernel: false })),
        ]
    };
}

macro_rules! slices {
    ($F:ty) => {
        dispatched!($F; exp, expm1, ln, ln_1p, tanh, sigmoid, softplus, erf, erfc, normal_cdf, normal_pdf)
    };
}

#[test]
#[ignore = "a measurement, not a check: run with --nocapture"]
fn nanoseconds_per_element() {
    macro_rules! measured {
        ($F:ty) => {
            let x: Vec<$F> = (0..4096)
                .map(|i| (i as $F * 0.618_034).fract() * 16.0 - 8.0)
                .collect();
            let mut y = vec![0.0; x.len()];
            for (name, f) in slices!($F) {
                let best = (0..400)
                    .map(|_| {
                        let start = Instant::now();
                        for _ in 0..8 {
                            f(black_box(&x), black_box(&mut y));
                        }
                        start.elapsed().as_secs_f64() / 8.0
                    })
                    .fold(f64::INFINITY, f64::min);
                println!(
                    "{name:>10} {}: {:.3} ns",
                    stringify!($F),
                    best * 1e9 / x.len() as f64
                );
            }
        };
    }
    measured!(f32);
    measured!(f64);
}
