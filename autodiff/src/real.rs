//! The numbers that everything is generic over: `f32`, `f64` and the duals over them.

use std::cell::RefCell;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::kernel::gemm::{self, Accumulate, View};
use crate::kernel::grouped::{self, Lanes, Rows};
use crate::kernel::math::{Elementary, trig};

/// A real number that a program can be written on once and then evaluated or differentiated.
///
/// The elementary functions are our own polynomials ([`crate::kernel::math`]), so a scalar and an element of a slice
/// have the same bits, on every machine.
///
/// It asks for no `Send` or `Sync`, as a variable of a tape ([`crate::scalar::Var`]) belongs to one thread. [`Float`] has both.
pub trait Real:
    Copy
    + Debug
    + PartialEq
    + PartialOrd
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
{
    /// The additive identity.
    const ZERO: Self;
    /// The multiplicative identity.
    const ONE: Self;
    /// What a slot of a sweep holds that nothing was added to: a NaN with a payload that no computation makes.
    const ABSENT: Self;

    /// The number nearest to `x`; on a dual, a constant.
    fn from_f64(x: f64) -> Self;
    /// Whether it is [`Real::ABSENT`], and no other NaN.
    fn is_absent(self) -> bool;
    /// The innermost primal, widened: what comparisons and print-outs see.
    fn primal(self) -> f64;

    /// `e^x`.
    fn exp(self) -> Self;
    /// `e^x - 1`, accurate near 0.
    fn expm1(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// `ln(1 + x)`, accurate near 0.
    fn ln_1p(self) -> Self;
    /// Sine of an angle in radians.
    fn sin(self) -> Self;
    /// Cosine of an angle in radians.
    fn cos(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// `1 / (1 + e^-x)`.
    fn sigmoid(self) -> Self;
    /// `ln(1 + e^x)`.
    fn softplus(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// `1 - erf(x)`, accurate in the upper tail.
    fn erfc(self) -> Self;
    /// The normal distribution function `Phi(x)`, accurate in the lower tail.
    fn normal_cdf(self) -> Self;
    /// The normal density `phi(x)`.
    fn normal_pdf(self) -> Self;
    /// Tangent of an angle in radians.
    fn tan(self) -> Self;
    /// Arc tangent, in `[-pi/2, pi/2]`.
    fn atan(self) -> Self;
    /// Arc sine, in `[-pi/2, pi/2]`.
    fn asin(self) -> Self;
    /// Arc cosine, in `[0, pi]`.
    fn acos(self) -> Self;
    /// Hyperbolic sine.
    fn sinh(self) -> Self;
    /// Hyperbolic cosine.
    fn cosh(self) -> Self;
    /// `ln |Gamma(x)|`.
    fn ln_gamma(self) -> Self;
    /// Derivative `n + 1` of [`Real::ln_gamma`]: digamma for 0, trigamma for 1.
    fn polygamma(self, n: u32) -> Self;
    /// `x^p`.
    fn powf(self, p: f64) -> Self;
    /// `x^y`.
    fn pow(self, y: Self) -> Self;
    /// The angle of the point `(x, y)`, `self` being `y`.
    fn atan2(self, x: Self) -> Self;
    /// `sqrt(x^2 + y^2)`, without overflow in between.
    fn hypot(self, y: Self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;

    /// `c x`. Not the product with a lifted constant, whose tangent would be `c x_dot + 0 x`: NaN at infinity.
    #[inline(always)]
    fn scale(self, c: f64) -> Self {
        Self::from_f64(c) * self
    }

    /// `1 / x`.
    #[inline(always)]
    fn recip(self) -> Self {
        Self::ONE / self
    }

    /// `1 / sqrt(x)`.
    #[inline(always)]
    fn rsqrt(self) -> Self {
        self.sqrt().recip()
    }

    /// `y = sin x` over slices, with the bits of [`Real::sin`].
    #[inline(always)]
    fn sines(x: &[Self], y: &mut [Self]) {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = x.sin());
    }

    /// `y = cos x` over slices, with the bits of [`Real::cos`].
    #[inline(always)]
    fn cosines(x: &[Self], y: &mut [Self]) {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = x.cos());
    }

    /// `x^n` by repeated squaring: the same bits everywhere, which the compiler's own `powi` does not promise.
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        let (mut base, mut left, mut product) = (self, n.unsigned_abs(), Self::ONE);
        while left > 0 {
            if left & 1 == 1 {
                product *= base;
            }
            left >>= 1;
            if left > 0 {
                base *= base;
            }
        }
        if n < 0 { product.recip() } else { product }
    }

    /// `out = alpha a b` or `out += alpha a b`, where `out` is row-major `[a.rows, b.cols]`.
    ///
    /// A hook, so that the tape of duals reaches the same product as the tape of floats: their primals then agree to
    /// the bit.
    fn gemm(out: &mut [Self], accumulate: Accumulate, alpha: f64, a: View<'_, Self>, b: View<'_, Self>) {
        gemm::by_entries(out, accumulate, alpha, a, b);
    }

    /// Lends `len` numbers of no particular value to `work`.
    ///
    /// A kernel's scratch is like a product's packing buffer: it depends on nothing and nothing depends on it, so it is
    /// not an argument of every op. Machine floats keep theirs for the thread, and a sweep allocates nothing.
    fn scratch<T>(len: usize, work: impl FnOnce(&mut [Self]) -> T) -> T {
        work(&mut vec![Self::ZERO; len])
    }

    /// The product of rows that come in groups, `[members, groups, width]`, whose members share their zeros: where there
    /// are enough, only the other columns are read.
    fn gemm_of_groups(out: &mut [Self], accumulate: Accumulate, alpha: f64, a: Rows<'_, Self>, b: View<'_, Self>) {
        Self::gemm(out, accumulate, alpha, a.merged(), b);
    }

    /// Does work that is written for the registers of machine floats, if the number is one and the work finds itself
    /// worthwhile; `false` says that nothing was done.
    fn on_lanes<W: OnLanes<Self>>(_work: W) -> bool {
        false
    }

    /// Runs a loop over slices, on the widest vectors of the machine where the number is a machine float.
    #[inline(always)]
    fn vectorize<K: Kernel>(kernel: K) -> K::Output {
        kernel.run()
    }
}

/// A loop over slices that [`Real::vectorize`] instantiates once for each instruction set.
pub trait Kernel {
    /// What the loop returns.
    type Output;
    /// The loop. Must be `#[inline(always)]` and call only functions that are.
    fn run(self) -> Self::Output;
}

/// Work on machine floats alone, for [`Real::on_lanes`].
pub trait OnLanes<R: Real> {
    /// Does it, or says `false` and does nothing.
    fn run(self) -> bool
    where
        R: Lanes;
}

/// The machine floats: what files, weights and results hold.
pub trait Float: Real + Lanes + Send + Sync + Elementary + faer::traits::RealField + Default + 'static {
    /// NumPy's and our name of the type.
    const NAME: &'static str;
    /// Distance from 1 to the next number.
    const EPSILON: f64;
    /// Widened to `f64`, exactly.
    fn to_f64(self) -> f64;
    /// Whether it is neither NaN nor infinite.
    fn is_finite(self) -> bool;
}

struct Instantiate<K>(K);

impl<K: Kernel> pulp::NullaryFnOnce for Instantiate<K> {
    type Output = K::Output;
    #[inline(always)]
    fn call(self) -> K::Output {
        self.0.run()
    }
}

macro_rules! machine_float {
    ($float:ident, absent: $absent:literal) => {
        impl Real for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const ABSENT: Self = $float::from_bits($absent);

            #[inline(always)]
            fn is_absent(self) -> bool {
                self.to_bits() == $absent
            }

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $float
            }
            #[inline(always)]
            fn primal(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                // NUMERICS: IEEE 754 rounds it correctly, so the instruction has the same bits everywhere.
                $float::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $float::abs(self)
            }
            machine_float!(@elementary exp expm1 ln ln_1p sin cos tanh sigmoid softplus erf erfc normal_cdf normal_pdf
                tan atan asin acos sinh cosh ln_gamma);
            machine_float!(@pairs pow atan2 hypot);
            #[inline(always)]
            fn sines(x: &[Self], y: &mut [Self]) {
                trig::sin_slice(x, y);
            }
            #[inline(always)]
            fn cosines(x: &[Self], y: &mut [Self]) {
                trig::cos_slice(x, y);
            }
            fn polygamma(self, n: u32) -> Self {
                Elementary::polygamma(self, n)
            }
            #[inline(always)]
            fn powf(self, p: f64) -> Self {
                Elementary::pow(self, p as $float)
            }

            fn gemm(out: &mut [Self], accumulate: Accumulate, alpha: f64, a: View<'_, Self>, b: View<'_, Self>) {
                gemm::product(out, accumulate, alpha as $float, a, b);
            }
            fn scratch<T>(len: usize, work: impl FnOnce(&mut [Self]) -> T) -> T {
                thread_local! {
                    // A stack of buffers, as scratch may be asked for while some is lent.
                    static FREE: RefCell<Vec<Vec<$float>>> = const { RefCell::new(Vec::new()) };
                }
                let mut buffer = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
                if buffer.len() < len {
                    // Nothing is carried over, so the old numbers need not be copied.
                    buffer = vec![0.0; len];
                }
                let done = work(&mut buffer[..len]);
                FREE.with_borrow_mut(|free| free.push(buffer));
                done
            }
            fn gemm_of_groups(out: &mut [Self], accumulate: Accumulate, alpha: f64, a: Rows<'_, Self>, b: View<'_, Self>) {
                if !grouped::product(out, accumulate, alpha, a, b) {
                    Self::gemm(out, accumulate, alpha, a.merged(), b);
                }
            }
            fn on_lanes<W: OnLanes<Self>>(work: W) -> bool {
                work.run()
            }
            #[inline]
            fn vectorize<K: Kernel>(kernel: K) -> K::Output {
                pulp::Arch::new().dispatch(Instantiate(kernel))
            }
        }

        impl Float for $float {
            const NAME: &'static str = stringify!($float);
            const EPSILON: f64 = $float::EPSILON as f64;
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $float::is_finite(self)
            }
        }
    };
    (@elementary $($function:ident)*) => {$(
        #[inline(always)]
        fn $function(self) -> Self {
            Elementary::$function(self)
        }
    )*};
    (@pairs $($function:ident)*) => {$(
        #[inline(always)]
        fn $function(self, other: Self) -> Self {
            Elementary::$function(self, other)
        }
    )*};
}

machine_float!(f32, absent: 0x7FC5_EEDA);
machine_float!(f64, absent: 0x7FF8_5EED_0AB5_E700);
