//! Angles by their haversines, against mpmath, against f64, and in slices.

use crate::kernel::math::Elementary;
use crate::kernel::math::arc::Arc;
use crate::real::{Kernel, Real};

const REFERENCE: &str = include_str!("../reference_arcs.csv");

fn function<F: Arc>(name: &str) -> fn(F) -> F {
    match name {
        "archav" => F::archav,
        "arclag" => F::arclag,
        other => panic!("{other}"),
    }
}

#[test]
fn angles_in_f64_agree_with_mpmath() {
    for (name, allowed) in [("archav", 2.0), ("arclag", 3.0)] {
        let (mut seen, mut worst) = (0, (0.0f64, 0.0));
        for line in REFERENCE.lines().filter(|line| line.split(',').next() == Some(name)) {
            let fields: Vec<f64> = line.split(',').skip(1).map(|field| field.parse().unwrap()).collect();
            let [x, expected] = fields[..] else { panic!("{line}") };
            let found = function::<f64>(name)(x);
            let spacing = (f64::from_bits(expected.abs().to_bits() + 1) - expected.abs()).max(f64::MIN_POSITIVE);
            let error = (found - expected).abs() / spacing;
            worst = if error > worst.0 { (error, x) } else { worst };
            seen += 1;
        }
        println!("{name}: {:.2} units at {:e}", worst.0, worst.1);
        assert!(seen > 100 && worst.0 <= allowed, "{name}: {seen} points, {:.2} units at {:e}", worst.0, worst.1);
    }
}

#[test]
fn angles_in_f32_agree_with_f64() {
    for (name, allowed) in [("archav", 4.0), ("arclag", 5.0)] {
        let top = 0.5f32;
        let mut worst = (0.0, 0.0);
        // Every 1009th number from 0 to the top.
        for x in (0..=top.to_bits()).step_by(1009).chain([top.to_bits()]).map(f32::from_bits) {
            let expected = function::<f64>(name)(f64::from(x));
            let rounded = (expected as f32).abs();
            let spacing = (f32::from_bits(rounded.to_bits() + 1) - rounded).max(f32::MIN_POSITIVE);
            let error = (f64::from(function::<f32>(name)(x)) - expected).abs() / f64::from(spacing);
            worst = if error > worst.0 { (error, x) } else { worst };
        }
        println!("{name}: {:.2} units at {:e}", worst.0, worst.1);
        assert!(worst.0 <= allowed, "{name}: {:.2} units at {:e}", worst.0, worst.1);
    }
}

#[test]
fn angles_have_their_edges() {
    assert_eq!((Arc::archav(0.0f64), Arc::arclag(0.0f64)), (0.0, 0.0));
    assert!((Arc::archav(0.5f64) - std::f64::consts::FRAC_PI_2).abs() < 4e-16);
    assert!((Arc::arclag(0.5f64) - 1.0).abs() < 4e-16);
    for nan in [Arc::archav(-0.1f64), Arc::archav(f64::NAN), Arc::arclag(f64::NAN)] {
        assert!(nan.is_nan());
    }
}

/// Both functions over a slice, through the dispatch.
struct Slices<'a, F> {
    x: &'a [F],
    y: &'a mut [[F; 2]],
}

impl<F: Real + Elementary> Kernel for Slices<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y = [x.archav(), x.arclag()];
        }
    }
}

#[test]
fn a_slice_of_angles_gives_the_bits_of_single_numbers() {
    fn check<F: Real + Elementary>(bits: fn(F) -> u64) {
        let x: Vec<F> = (0..1003).map(|i| F::from_f64((f64::from(i) * 0.618_034).fract() * 0.5)).collect();
        let mut y = vec![[F::ZERO; 2]; x.len()];
        F::vectorize(Slices { x: &x, y: &mut y });
        for (&x, y) in x.iter().zip(y) {
            let alone = [x.archav(), x.arclag()].map(|y| bits(std::hint::black_box(y)));
            assert_eq!(y.map(bits), alone);
        }
    }
    check::<f32>(|y| u64::from(y.to_bits()));
    check::<f64>(f64::to_bits);
}
