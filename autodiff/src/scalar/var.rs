//! A number that writes down how it was computed.
//!
//! Arithmetic on [`Var`]s computes, and records the slopes by its operands. Each op stands under its expansion; those of
//! the elementary functions are the ops' own ([`crate::op::elementwise`]).

use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::node::NONE;
use super::number::number;
use super::tape::Tape;
use crate::op::elementwise::Elementwise;
use crate::op::pairwise::Pairwise;
use crate::real::Real;

/// A variable of scalar code: its value, and its place on a tape. Copy it freely.
///
/// A constant is a variable without a place. What is computed from constants alone is not recorded, and an op with one
/// constant operand has a node with one edge. To add a constant, to multiply by a plain number and to change the sign take
/// no node at all: the result has the place of the variable, and a factor, which the next op multiplies its slope with.
/// Neither does a sum of two variables of one place.
///
/// # Cost
/// Recording takes about 2 ns an op of `f64`, and [`super::Node`]'s bytes.
pub struct Var<'t, R> {
    pub(crate) value: R,
    /// How much it moves when its place does.
    pub(crate) factor: f64,
    pub(crate) id: u32,
    tape: Option<&'t Tape<'t, R>>,
}

const _: () = assert!(size_of::<Var<'_, f64>>() == 32);

impl<R: Copy> Clone for Var<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Copy> Copy for Var<'_, R> {}

impl<R: Real> fmt::Debug for Var<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id() {
            Some(id) if self.factor == 1.0 => write!(f, "%{id} = {:?}", self.value),
            Some(id) => write!(f, "{:?} %{id} = {:?}", self.factor, self.value),
            None => write!(f, "{:?}", self.value),
        }
    }
}

impl<'t, R: Real> Var<'t, R> {
    #[inline(always)]
    pub(crate) fn on(tape: &'t Tape<'t, R>, id: u32, value: R) -> Self {
        Self { value, factor: 1.0, id, tape: Some(tape) }
    }

    /// Lifts a number that does not depend on this tape's inputs: one of an outer derivative, say.
    #[inline(always)]
    pub const fn constant(value: R) -> Self {
        Self { value, factor: 1.0, id: NONE, tape: None }
    }

    /// Its value.
    pub fn value(self) -> R {
        self.value
    }

    /// Its place on the tape, which a multiple of it and a sum with a constant share; a constant has none.
    pub fn id(self) -> Option<u32> {
        self.tape.map(|_| self.id)
    }

    /// `f(x + h) = f(x) + f'(x) h`, with the slope that the op states.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn chain(self, f: impl Elementwise) -> Self {
        let y = f.primal(self.value);
        self.one(y, || f.slope(self.value, y))
    }

    /// `f(x + h, y + k) = f(x, y) + f_x h + f_y k`, with the slopes that the op states.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn chain_pair(self, other: Self, f: impl Pairwise) -> Self {
        let y = f.primal(self.value, other.value);
        self.two(other, y, || f.slopes(self.value, other.value, y))
    }

    /// Records an op of one operand.
    #[inline(always)]
    #[track_caller]
    fn one(self, value: R, slope: impl FnOnce() -> R) -> Self {
        match self.tape {
            Some(tape) => tape.push(value, [slope().scale(self.factor), R::ZERO], [self.id, NONE]),
            None => Self::constant(value),
        }
    }

    /// Records an op of two operands, one of which may be a constant.
    #[inline(always)]
    #[track_caller]
    fn two(self, other: Self, value: R, slopes: impl FnOnce() -> [R; 2]) -> Self {
        let Some(tape) = self.tape.or(other.tape) else { return Self::constant(value) };
        let [a, b] = slopes();
        let (a, b) = (a.scale(self.factor), b.scale(other.factor));
        if self.id == other.id {
            return tape.push(value, [a + b, R::ZERO], [self.id, NONE]);
        }
        tape.push(value, [a, b], [self.id, other.id])
    }

    /// What has the slopes `a` and `b` whatever the operands are.
    #[inline(always)]
    #[track_caller]
    fn combined(self, other: Self, value: R, [a, b]: [f64; 2]) -> Self {
        let (a, b) = (a * self.factor, b * other.factor);
        match (self.tape, other.tape) {
            (_, None) => Self { value, factor: a, ..self },
            (None, _) => Self { value, factor: b, ..other },
            _ if self.id == other.id => Self { value, factor: a + b, ..self },
            (Some(tape), _) => tape.push(value, [R::from_f64(a), R::from_f64(b)], [self.id, other.id]),
        }
    }
}

/// `-(x + h) = -x - h`
impl<R: Real> Neg for Var<'_, R> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self { value: -self.value, factor: -self.factor, ..self }
    }
}

/// `(x + h) + (y + k) = (x + y) + h + k`
impl<R: Real> Add for Var<'_, R> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn add(self, other: Self) -> Self {
        self.combined(other, self.value + other.value, [1.0, 1.0])
    }
}

/// `(x + h) - (y + k) = (x - y) + h - k`
impl<R: Real> Sub for Var<'_, R> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn sub(self, other: Self) -> Self {
        self.combined(other, self.value - other.value, [1.0, -1.0])
    }
}

/// `(x + h)(y + k) = x y + y h + x k`
impl<R: Real> Mul for Var<'_, R> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn mul(self, other: Self) -> Self {
        self.two(other, self.value * other.value, || [other.value, self.value])
    }
}

/// `(x + h) / (y + k) = q + h / y - q k / y` with `q = x / y`
impl<R: Real> Div for Var<'_, R> {
    type Output = Self;
    #[inline(always)]
    #[track_caller]
    fn div(self, other: Self) -> Self {
        let quotient = self.value / other.value;
        self.two(other, quotient, || [R::ONE / other.value, -quotient / other.value])
    }
}

number!(Var<'t, R>, part: value);

impl<'t, R: Real> Real for Var<'t, R> {
    const ZERO: Self = Self::constant(R::ZERO);
    const ONE: Self = Self::constant(R::ONE);
    const ABSENT: Self = Self::constant(R::ABSENT);

    #[inline(always)]
    fn is_absent(self) -> bool {
        self.value.is_absent()
    }

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        Self::constant(R::from_f64(x))
    }
    #[inline(always)]
    fn primal(self) -> f64 {
        self.value.primal()
    }
    /// `c (x + h) = c x + c h`
    #[inline(always)]
    fn scale(self, c: f64) -> Self {
        Self { value: self.value.scale(c), factor: self.factor * c, ..self }
    }
    super::number::chained!();
}
