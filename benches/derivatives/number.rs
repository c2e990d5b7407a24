//! What the programs need of a number, on every crate's own type.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number of any of the crates. Constants are plain `f64`s on the right.
pub trait Number:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Mul<f64, Output = Self>
{
    fn ln(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn sqrt(self) -> Self;
}

/// By methods of the same names, found at `$through`.
macro_rules! number {
    ([$($generics:tt)*] $number:ty, $through:path) => {
        impl<$($generics)*> Number for $number {
            #[inline(always)]
            fn ln(self) -> Self {
                use $through as Through;
                Through::ln(self)
            }
            #[inline(always)]
            fn sin(self) -> Self {
                use $through as Through;
                Through::sin(self)
            }
            #[inline(always)]
            fn cos(self) -> Self {
                use $through as Through;
                Through::cos(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                use $through as Through;
                Through::sqrt(self)
            }
        }
    };
}

number!([] f64, autodiff::Real);
number!(['t] autodiff::scalar::Var<'t, f64>, autodiff::Real);
number!(['t, 'b] autodiff::scalar::Var<'t, autodiff::Dual<'b, f64>>, autodiff::Real);
number!(['b, const N: usize] autodiff::scalar::Duals<'b, f64, N>, autodiff::Real);
number!([] echidna::Reverse<f64>, num_traits::Float);
number!([] echidna::BReverse<f64>, num_traits::Float);

impl Number for reverse::Var<'_> {
    fn ln(self) -> Self {
        reverse::Var::ln(&self)
    }
    fn sin(self) -> Self {
        reverse::Var::sin(&self)
    }
    fn cos(self) -> Self {
        reverse::Var::cos(&self)
    }
    fn sqrt(self) -> Self {
        reverse::Var::sqrt(&self)
    }
}

impl<const N: usize> Number for num_dual::DualSVec64<N> {
    fn ln(self) -> Self {
        num_dual::DualNum::ln(&self)
    }
    fn sin(self) -> Self {
        num_dual::DualNum::sin(&self)
    }
    fn cos(self) -> Self {
        num_dual::DualNum::cos(&self)
    }
    fn sqrt(self) -> Self {
        num_dual::DualNum::sqrt(&self)
    }
}
