//! Reverse-mode automatic differentiation, whole, in a hundred lines that import nothing.
//!
//! A program is run once. Each operation computes its value and writes a line on a tape: which earlier values it read,
//! and how much its result moves when each of them moves. That is all that the chain rule needs:
//!
//!     dy/dx = sum over every path from x to y of the product of the slopes along the path.
//!
//! There may be exponentially many paths. But let `bar[i]` be dy/d(value i). Going down the tape from y, everything that
//! read value i has been passed when line i is reached, so `bar[i]` is complete, and is handed on to what line i read,
//! times the slope. One visit a line: all derivatives together cost a few times what the program costs.
//!
//! `cargo run --release --example 01_tape_in_100_lines`

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Sub};

/// One operation: two operands, and the slope by each. Where there is one operand, the other slope is 0.
struct Line {
    read: [usize; 2],
    slope: [f64; 2],
}

/// The operations in the order they were done. What an operation on line i read has a number below i.
#[derive(Default)]
pub(crate) struct Tape(RefCell<Vec<Line>>);

/// A value, and the line that computed it.
#[derive(Clone, Copy)]
pub(crate) struct Var<'t> {
    tape: &'t Tape,
    line: usize,
    pub(crate) value: f64,
}

impl Tape {
    /// An input was not computed: its slopes are 0, and it may as well have read itself.
    pub(crate) fn input(&self, value: f64) -> Var<'_> {
        let line = self.0.borrow().len();
        self.write(value, [line, line], [0.0, 0.0])
    }

    fn write(&self, value: f64, read: [usize; 2], slope: [f64; 2]) -> Var<'_> {
        let mut lines = self.0.borrow_mut();
        lines.push(Line { read, slope });
        Var { tape: self, line: lines.len() - 1, value }
    }
}

impl<'t> Var<'t> {
    fn one(self, value: f64, slope: f64) -> Self {
        self.tape.write(value, [self.line, self.line], [slope, 0.0])
    }
    pub(crate) fn sin(self) -> Self {
        self.one(self.value.sin(), self.value.cos())
    }
    pub(crate) fn ln(self) -> Self {
        self.one(self.value.ln(), 1.0 / self.value)
    }

    /// The derivative of this value by the value of every line.
    pub(crate) fn pull_back(self) -> Vec<f64> {
        let lines = self.tape.0.borrow();
        let mut bar = vec![0.0; lines.len()];
        bar[self.line] = 1.0; // dy/dy
        for i in (0..=self.line).rev() {
            for operand in 0..2 {
                bar[lines[i].read[operand]] += lines[i].slope[operand] * bar[i];
            }
        }
        bar
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident: |$a:ident, $b:ident| $value:expr, $slope:expr;)*) => {$(
        impl $trait for Var<'_> {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                let ($a, $b) = (self.value, other.value);
                self.tape.write($value, [self.line, other.line], $slope)
            }
        }
    )*};
}
operators! {
    Add add: |a, b| a + b, [1.0, 1.0];
    Sub sub: |a, b| a - b, [1.0, -1.0];
    Mul mul: |a, b| a * b, [b, a];
    Div div: |a, b| a / b, [1.0 / b, -a / (b * b)];
}

fn main() {
    let tape = Tape::default();
    let (x, y) = (tape.input(2.0), tape.input(5.0));
    let z = x.ln() + x * y - y.sin();
    let bar = z.pull_back();
    println!("z     = ln x + x y - sin y at x = 2, y = 5: {:.6}", z.value);
    println!("dz/dx = {:.6}, by hand 1/x + y = {:.6}", bar[x.line], 1.0 / 2.0 + 5.0);
    println!("dz/dy = {:.6}, by hand x - cos y = {:.6}", bar[y.line], 2.0 - 5f64.cos());
}
