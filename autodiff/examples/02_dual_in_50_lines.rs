//! Forward-mode automatic differentiation in fifty lines that import nothing.
//!
//! Let `e` be a number with `e^2 = 0`, though `e` is not 0. Then Taylor's theorem ends after two terms:
//! `f(x + e h) = f(x) + e f'(x) h`. So a program run on `x + e` returns its derivative beside `e`.
//!
//! `cargo run --release --example 02_dual_in_50_lines`

use std::ops::{Add, Div, Mul, Sub};

/// `re + e eps`
#[derive(Clone, Copy)]
pub(crate) struct Dual {
    pub(crate) re: f64,
    pub(crate) eps: f64,
}

impl Dual {
    pub(crate) fn sin(self) -> Self {
        Dual { re: self.re.sin(), eps: self.re.cos() * self.eps }
    }
    pub(crate) fn ln(self) -> Self {
        Dual { re: self.re.ln(), eps: self.eps / self.re }
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident: |$a:ident, $b:ident| $re:expr, $eps:expr;)*) => {$(
        impl $trait for Dual {
            type Output = Self;
            fn $method(self, $b: Self) -> Self {
                let $a = self;
                Dual { re: $re, eps: $eps }
            }
        }
    )*};
}
operators! {
    Add add: |a, b| a.re + b.re, a.eps + b.eps;
    Sub sub: |a, b| a.re - b.re, a.eps - b.eps;
    Mul mul: |a, b| a.re * b.re, a.eps * b.re + a.re * b.eps; // + e^2 a.eps b.eps, which is 0
    Div div: |a, b| a.re / b.re, (a.eps - a.re / b.re * b.eps) / b.re;
}

fn main() {
    // One variable moves, the other stands still.
    let (x, y) = (Dual { re: 2.0, eps: 1.0 }, Dual { re: 5.0, eps: 0.0 });
    let z = x.ln() + x * y - y.sin();
    println!("z     = ln x + x y - sin y at x = 2, y = 5: {:.6}", z.re);
    println!("dz/dx = {:.6}, by hand 1/x + y = {:.6}", z.eps, 1.0 / 2.0 + 5.0);
}
