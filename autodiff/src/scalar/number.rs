//! What every number that carries derivatives has in common, whichever derivatives it carries.

/// Comparison and assignment for a number whose primal is the field `$part`: a program's branches see primals only.
macro_rules! number {
    ($number:ident<$brand:lifetime, R $(, const $n:ident)?>, part: $part:ident $([$first:literal])?) => {
        /// Equal primals: a program's branches must not see derivatives.
        impl<R: Real $(, const $n: usize)?> PartialEq for $number<'_, R $(, $n)?> {
            #[inline(always)]
            fn eq(&self, other: &Self) -> bool {
                self.$part $([$first])? == other.$part $([$first])?
            }
        }

        impl<R: Real $(, const $n: usize)?> PartialOrd for $number<'_, R $(, $n)?> {
            #[inline(always)]
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                self.$part $([$first])? .partial_cmp(&other.$part $([$first])?)
            }
            #[inline(always)]
            fn lt(&self, other: &Self) -> bool {
                self.$part $([$first])? < other.$part $([$first])?
            }
            #[inline(always)]
            fn gt(&self, other: &Self) -> bool {
                self.$part $([$first])? > other.$part $([$first])?
            }
        }

        $crate::scalar::number::number!(@assign [$number<'_, R $(, $n)?>] [R: Real $(, const $n: usize)?]
            AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /);
        $crate::scalar::number::number!(@mixed [$number<'t, R $(, $n)?>] [R: Real $(, const $n: usize)?]);
    };
    (@assign $number:tt $bounds:tt $($trait:ident $method:ident $op:tt),*) => {$(
        $crate::scalar::number::number!(@assign_one $number $bounds $trait $method $op);
    )*};
    (@assign_one [$($number:tt)*] [$($bounds:tt)*] $trait:ident $method:ident $op:tt) => {
        impl<$($bounds)*> std::ops::$trait for $($number)* {
            #[inline(always)]
            #[track_caller]
            fn $method(&mut self, other: Self) {
                *self = *self $op other;
            }
        }
    };
    (@mixed [$($number:tt)*] [$($bounds:tt)*]) => {
        $crate::scalar::number::number!(@mixed_one [$($number)*] [$($bounds)*] Add add, (x, c) => x + Self::from_f64(c));
        $crate::scalar::number::number!(@mixed_one [$($number)*] [$($bounds)*] Sub sub, (x, c) => x - Self::from_f64(c));
        $crate::scalar::number::number!(@mixed_one [$($number)*] [$($bounds)*] Mul mul, (x, c) => x.scale(c));
        $crate::scalar::number::number!(@mixed_one [$($number)*] [$($bounds)*] Div div, (x, c) => x / Self::from_f64(c));
        $crate::scalar::number::number!(@swapped_one [$($number)*] [$($bounds)*] Add add, (x, c) => x + c);
        $crate::scalar::number::number!(@swapped_one [$($number)*] [$($bounds)*] Sub sub, (x, c) => <$($number)* as Real>::from_f64(c) - x);
        $crate::scalar::number::number!(@swapped_one [$($number)*] [$($bounds)*] Mul mul, (x, c) => x.scale(c));
        $crate::scalar::number::number!(@swapped_one [$($number)*] [$($bounds)*] Div div, (x, c) => <$($number)* as Real>::from_f64(c) / x);
    };
    (@mixed_one [$($number:tt)*] [$($bounds:tt)*] $trait:ident $method:ident, ($x:ident, $c:ident) => $body:expr) => {
        /// With a constant on the right.
        impl<'t, $($bounds)*> std::ops::$trait<f64> for $($number)* {
            type Output = Self;
            #[inline(always)]
            #[track_caller]
            fn $method(self, $c: f64) -> Self {
                let $x = self;
                $body
            }
        }
    };
    (@swapped_one [$($number:tt)*] [$($bounds:tt)*] $trait:ident $method:ident, ($x:ident, $c:ident) => $body:expr) => {
        /// With a constant on the left.
        impl<'t, $($bounds)*> std::ops::$trait<$($number)*> for f64 {
            type Output = $($number)*;
            #[inline(always)]
            #[track_caller]
            fn $method(self, $x: $($number)*) -> Self::Output {
                let $c = self;
                $body
            }
        }
    };
}

/// The elementary functions of [`crate::Real`], by the methods `chain` and `chain_pair`, which are given the op.
macro_rules! chained {
    () => {
        $crate::scalar::number::chained!(@functions
            exp Exp, expm1 Expm1, ln Ln, ln_1p Ln1p, sin Sin, cos Cos, tanh Tanh, sigmoid Sigmoid,
            softplus Softplus, erf Erf, erfc Erfc, normal_cdf NormalCdf, normal_pdf NormalPdf, sqrt Sqrt, abs Abs,
            recip Recip, rsqrt Rsqrt, tan Tan, atan Atan, asin Asin, acos Acos, sinh Sinh, cosh Cosh, ln_gamma LnGamma);
        $crate::scalar::number::chained!(@pairs pow Pow, atan2 Atan2, hypot Hypot);
        #[inline(always)]
        #[track_caller]
        fn powi(self, n: i32) -> Self {
            self.chain($crate::op::elementwise::Powi(n))
        }
        #[inline(always)]
        #[track_caller]
        fn polygamma(self, n: u32) -> Self {
            self.chain($crate::op::elementwise::Polygamma(n))
        }
        #[inline(always)]
        #[track_caller]
        fn powf(self, p: f64) -> Self {
            self.chain($crate::op::elementwise::Powf(p))
        }
    };
    (@functions $($function:ident $op:ident),*) => {$(
        #[inline(always)]
        #[track_caller]
        fn $function(self) -> Self {
            self.chain($crate::op::elementwise::$op)
        }
    )*};
    (@pairs $($function:ident $op:ident),*) => {$(
        #[inline(always)]
        #[track_caller]
        fn $function(self, other: Self) -> Self {
            self.chain_pair(other, $crate::op::pairwise::$op)
        }
    )*};
}

pub(crate) use {chained, number};
