//! Complex numbers as pairs of values.

use std::fmt;

use crate::error::Result;
use crate::real::Real;
use crate::tape::Var;

/// `re + i im`, entry by entry.
pub struct Complex<'a, R> {
    /// The real part.
    pub re: Var<'a, R>,
    /// The imaginary part, of the same shape.
    pub im: Var<'a, R>,
}

impl<R> Clone for Complex<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Complex<'_, R> {}

impl<R: Real> fmt::Debug for Complex<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} + i {:?}", self.re, self.im)
    }
}

impl<'a, R: Real> Complex<'a, R> {
    /// `(a + i b)(c + i d) = (a c - b d) + i (a d + b c)`
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn times(self, other: Self) -> Result<Self> {
        let re = self.re.times(other.re)?.minus(self.im.times(other.im)?)?;
        let im = self.re.times(other.im)?.plus(self.im.times(other.re)?)?;
        Ok(Self { re, im })
    }

    /// The matrix product, by the same rule.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn matmul(self, other: Self) -> Result<Self> {
        let re = self.re.matmul(other.re)?.minus(self.im.matmul(other.im)?)?;
        let im = self.re.matmul(other.im)?.plus(self.im.matmul(other.re)?)?;
        Ok(Self { re, im })
    }

    /// `a - i b`
    pub fn conjugate(self) -> Self {
        Self { im: self.im.scale(-1.0), ..self }
    }

    /// `|a + i b|`
    ///
    /// # At kinks
    /// At 0 the slopes are 0: see [`crate::op::pairwise::Hypot`].
    ///
    /// # Errors
    /// If the parts differ in shape.
    pub fn modulus(self) -> Result<Var<'a, R>> {
        self.re.hypot(self.im)
    }

    /// The angle in `[-pi, pi]`; its slopes at 0 are 0.
    ///
    /// # Errors
    /// If the parts differ in shape.
    pub fn argument(self) -> Result<Var<'a, R>> {
        self.im.atan2(self.re)
    }
}
