//! One number and a vectorized slice give the same bits, and how fast the slice is.

use crate::kernel::map;
use crate::kernel::math::Elementary;
use crate::kernel::math::tests::{patterns_f32, patterns_f64, table};
use crate::kernel::math::trig::{self, Trigonometric};
use crate::op::elementwise::{self as op, ElementwiseOp};
use crate::real::Float;
use pulp::{Arch, Simd, WithSimd};
use std::hint::black_box;
use std::marker::PhantomData;
use std::time::Instant;

/// A function as a type, so that its call is inlined whatever its size; a closure of this size is left a call.
trait Function<F> {
    fn apply(x: F) -> F;
}

/// `y = f(x)` over slices, compiled for every instruction set that the dispatch knows.
struct Map<'a, F, G> {
    x: &'a [F],
    y: &'a mut [F],
    f: PhantomData<G>,
}

impl<F: Elementary, G: Function<F>> WithSimd for Map<'_, F, G> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y = G::apply(x);
        }
    }
}

/// Sine or cosine over slices by the kernel that keeps its slow path apart.
struct Angles<'a, F> {
    x: &'a [F],
    y: &'a mut [F],
    sine: bool,
}

impl<F: Trigonometric> WithSimd for Angles<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        if self.sine {
            trig::sin_slice(self.x, self.y);
        } else {
            trig::cos_slice(self.x, self.y);
        }
    }
}

/// One function over a slice through the dispatch: what a layer does.
type SliceFunction<F> = fn(&[F], &mut [F]);

macro_rules! slices {
    ($($Name:ident $name:ident),*) => {
        $(
            struct $Name;
            impl<F: Elementary> Function<F> for $Name {
                #[inline(always)]
                fn apply(x: F) -> F {
                    F::$name(x)
                }
            }
        )*

        fn slices<F: Elementary + Trigonometric>() -> [(&'static str, SliceFunction<F>); 22] {
            [
                $((stringify!($name), |x, y| Arch::new().dispatch(Map { x, y, f: PhantomData::<$Name> })),)*
                ("sin", |x, y| Arch::new().dispatch(Angles { x, y, sine: true })),
                ("cos", |x, y| Arch::new().dispatch(Angles { x, y, sine: false })),
                ("digamma", |x, y| Arch::new().dispatch(Map { x, y, f: PhantomData::<Polygamma<0>> })),
                ("trigamma", |x, y| Arch::new().dispatch(Map { x, y, f: PhantomData::<Polygamma<1>> })),
            ]
        }
    };
}

slices!(
    Exp exp, Expm1 expm1, Ln ln, Ln1p ln_1p, Tanh tanh, Sigmoid sigmoid, Softplus softplus,
    Erf erf, Erfc erfc, NormalCdf normal_cdf, NormalPdf normal_pdf, Tan tan, Atan atan, Asin asin, Acos acos, Sinh sinh,
    Cosh cosh, LnGamma ln_gamma
);

/// A derivative of the logarithm of the gamma function.
struct Polygamma<const N: u32>;

impl<F: Elementary, const N: u32> Function<F> for Polygamma<N> {
    #[inline(always)]
    fn apply(x: F) -> F {
        F::polygamma(x, N)
    }
}

/// Bits of an f64 or an f32, all NaNs being one.
fn bits(x: f64) -> u64 {
    if x.is_nan() { 0 } else { x.to_bits() }
}

fn assert_same_bits<F: Elementary + Trigonometric + Into<f64> + Default>(x: &[F]) {
    for (name, one) in table::<F>() {
        let (_, all) = slices::<F>().into_iter().find(|(known, _)| *known == name).unwrap();
        let mut y = vec![F::default(); x.len()];
        all(x, &mut y);
        for (&x, &y) in x.iter().zip(&y) {
            let alone = one(black_box(x)).into();
            let argument: f64 = x.into();
            assert_eq!(bits(alone), bits(y.into()), "{name}({argument:e}): {alone:e} alone");
        }
    }
}

#[test]
fn a_slice_gives_the_bits_of_single_numbers() {
    let near = |i: usize| (i as f64 * 0.618_034).fract() * 40.0 - 20.0;
    for length in [1, 7, 16, 33, 1000] {
        assert_same_bits::<f64>(&(0..length).map(near).collect::<Vec<_>>());
        assert_same_bits::<f32>(&(0..length).map(|i| near(i) as f32).collect::<Vec<_>>());
    }
}

#[test]
fn a_slice_gives_the_bits_of_single_numbers_for_every_kind_of_argument() {
    assert_same_bits::<f32>(&patterns_f32(40_009).collect::<Vec<_>>());
    assert_same_bits::<f64>(&patterns_f64(100_000).collect::<Vec<_>>());
}

#[test]
fn the_loops_of_the_ops_give_the_bits_of_single_numbers_for_near_and_far_angles() {
    fn check<F: Float>(x: &[F]) {
        for op in [ElementwiseOp::Sin(op::Sin), ElementwiseOp::Cos(op::Cos)] {
            let (mut y, mut slopes) = (vec![F::ZERO; x.len()], vec![F::ZERO; x.len()]);
            map::primal(op, x, &mut y);
            map::slope(op, x, &y, &mut slopes);
            for ((&x, &y), &slope) in x.iter().zip(&y).zip(&slopes) {
                let (sin, cos) = (Elementary::sin(black_box(x)), Elementary::cos(black_box(x)));
                let alone = if op.name() == "sin" { [sin, cos] } else { [cos, -sin] };
                assert_eq!([y, slope].map(|y| bits(y.to_f64())), alone.map(|y| bits(y.to_f64())), "{op:?} at {x:?}");
            }
        }
    }
    let near: Vec<f64> = (0..1003).map(|i| f64::from(i) * 0.37 - 180.0).collect();
    let mixed: Vec<f64> = patterns_f64(1003).chain(near.iter().copied()).collect();
    check(&near);
    check(&mixed);
    check(&mixed.iter().map(|&x| x as f32).collect::<Vec<_>>());
}

/// The dispatch may choose any instruction set; none may differ.
#[test]
fn the_widest_vectors_give_the_bits_of_narrower_ones() {
    fn check<F: Elementary + Into<f64> + Default, G: Function<F>>(name: &str, x: &[F]) {
        let run = |vectorize: &dyn Fn(Map<F, G>)| {
            let mut y = vec![F::default(); x.len()];
            vectorize(Map { x, y: &mut y, f: PhantomData });
            y.into_iter().map(|y| bits(y.into())).collect::<Vec<_>>()
        };
        let widest = run(&|map| Arch::new().dispatch(map));
        assert_eq!(widest, run(&|map| Arch::Scalar.dispatch(map)), "{name}");
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = pulp::x86::V3::try_new() {
            assert_eq!(widest, run(&|map| Simd::vectorize(avx2, map)), "{name}");
        }
    }
    let x: Vec<f64> = (0..5000).map(|i| f64::from(i) * 0.01 - 25.0).collect();
    let x32: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    check::<f64, Exp>("exp", &x);
    check::<f32, Exp>("exp", &x32);
    check::<f64, Tanh>("tanh", &x);
    check::<f32, Tanh>("tanh", &x32);
    check::<f64, Softplus>("softplus", &x);
    check::<f32, Softplus>("softplus", &x32);
    check::<f64, NormalCdf>("normal_cdf", &x);
    check::<f32, NormalCdf>("normal_cdf", &x32);
}

#[test]
#[ignore = "a measurement, not a check: run with --nocapture"]
fn nanoseconds_per_element() {
    macro_rules! measured {
        ($F:ty) => {
            let x: Vec<$F> = (0..4096).map(|i| (i as $F * 0.618_034).fract() * 16.0 - 8.0).collect();
            let mut y = vec![0.0; x.len()];
            for (name, f) in slices::<$F>() {
                let best = (0..400)
                    .map(|_| {
                        let start = Instant::now();
                        for _ in 0..8 {
                            f(black_box(&x), black_box(&mut y));
                        }
                        start.elapsed().as_secs_f64() / 8.0
                    })
                    .fold(f64::INFINITY, f64::min);
                println!("{name:>10} {}: {:.3} ns", stringify!($F), best * 1e9 / x.len() as f64);
            }
        };
    }
    measured!(f32);
    measured!(f64);
}
