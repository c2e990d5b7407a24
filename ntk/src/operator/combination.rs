//! Operators made of operators.

use autodiff::Float;

use super::LinearOperator;
use crate::error::{Error, Result};

/// `A + B`
#[derive(Clone, Copy, Debug)]
pub struct Sum<A, B>(A, B);

impl<A, B> Sum<A, B> {
    /// The sum of two operators of one size.
    ///
    /// # Errors
    /// [`Error::Shape`] if the sizes differ.
    pub fn new<R: Float>(a: A, b: B) -> Result<Self>
    where
        A: LinearOperator<R>,
        B: LinearOperator<R>,
    {
        if a.dim() == b.dim() {
            return Ok(Self(a, b));
        }
        Err(Error::Shape {
            what: "the second operator of a sum".into(),
            expected: vec![a.dim()],
            found: vec![b.dim()],
            remedy: "add operators of one size".into(),
        })
    }
}

impl<R: Float, A: LinearOperator<R>, B: LinearOperator<R>> LinearOperator<R> for Sum<A, B> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn apply(&self, x: &[R], y: &mut [R]) -> Result<()> {
        self.0.apply(x, y)?;
        let mut other = vec![R::ZERO; y.len()];
        self.1.apply(x, &mut other)?;
        y.iter_mut().zip(other).for_each(|(y, other)| *y += other);
        Ok(())
    }

    fn is_symmetric(&self) -> bool {
        self.0.is_symmetric() && self.1.is_symmetric()
    }

    fn is_positive(&self) -> bool {
        self.0.is_positive() && self.1.is_positive()
    }
}

/// `c A`
#[derive(Clone, Copy, Debug)]
pub struct Scaled<A>(pub A, pub f64);

impl<R: Float, A: LinearOperator<R>> LinearOperator<R> for Scaled<A> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn apply(&self, x: &[R], y: &mut [R]) -> Result<()> {
        self.0.apply(x, y)?;
        y.iter_mut().for_each(|y| *y = y.scale(self.1));
        Ok(())
    }

    fn is_symmetric(&self) -> bool {
        self.0.is_symmetric()
    }

    fn is_positive(&self) -> bool {
        self.1 >= 0.0 && self.0.is_positive()
    }
}

/// `A + c I`
#[derive(Clone, Copy, Debug)]
pub struct Shifted<A>(pub A, pub f64);

impl<R: Float, A: LinearOperator<R>> LinearOperator<R> for Shifted<A> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn apply(&self, x: &[R], y: &mut [R]) -> Result<()> {
        self.0.apply(x, y)?;
        y.iter_mut().zip(x).for_each(|(y, x)| *y += x.scale(self.1));
        Ok(())
    }

    fn is_symmetric(&self) -> bool {
        self.0.is_symmetric()
    }

    fn is_positive(&self) -> bool {
        self.1 >= 0.0 && self.0.is_positive()
    }
}
