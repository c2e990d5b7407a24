//! The kernel of some outputs as an operator, from that of all pairs.

use autodiff::Float;

use super::LinearOperator;
use crate::contraction::Outputs;
use crate::error::Result;

/// One of the kernels that [`Outputs`] names, applied through the kernel of all pairs of outputs, `[n o, n o]`.
///
/// | outputs | a product takes |
/// |---|---|
/// | `full` | one product of the whole |
/// | `sum-of-logits` | one |
/// | `trace`, `sum-trace`, `diagonal` | o |
#[derive(Clone, Copy, Debug)]
pub struct Reduced<A> {
    whole: A,
    outputs: Outputs,
    /// Outputs of the network.
    width: usize,
}

impl<A> Reduced<A> {
    /// Of an operator over samples times `width` outputs, samples major.
    pub fn new(whole: A, outputs: Outputs, width: usize) -> Self {
        Self { whole, outputs, width }
    }

    /// Products of the whole that one of its own takes.
    pub fn products(&self) -> usize {
        match self.outputs {
            Outputs::Full | Outputs::SumOfLogits => 1,
            Outputs::Trace | Outputs::SumTrace | Outputs::Diagonal => self.width,
        }
    }
}

impl<R: Float, A: LinearOperator<R>> LinearOperator<R> for Reduced<A> {
    /// As [`Outputs::rows`].
    fn dim(&self) -> usize {
        self.outputs.rows(self.whole.dim() / self.width.max(1), self.width)
    }

    fn apply(&self, x: &[R], y: &mut [R]) -> Result<()> {
        if self.outputs == Outputs::Full || self.width == 0 {
            return self.whole.apply(x, y);
        }
        let (o, dim) = (self.width, LinearOperator::<R>::dim(self).max(1));
        let (mut u, mut image) = (vec![R::ZERO; self.whole.dim()], vec![R::ZERO; self.whole.dim()]);
        let share = if self.outputs == Outputs::Trace { R::from_f64(1.0 / o as f64) } else { R::ONE };
        for (x, y) in x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)) {
            if self.outputs == Outputs::SumOfLogits {
                u.chunks_exact_mut(o).zip(x).for_each(|(u, &x)| u.fill(x));
                self.whole.apply(&u, &mut image)?;
                for (y, image) in y.iter_mut().zip(image.chunks_exact(o)) {
                    *y = image.iter().fold(R::ZERO, |sum, &x| sum + x);
                }
                continue;
            }
            y.fill(R::ZERO);
            for a in 0..o {
                u.fill(R::ZERO);
                match self.outputs {
                    Outputs::Diagonal => {
                        u.iter_mut().zip(x).skip(a).step_by(o).for_each(|(u, &x)| *u = x);
                        self.whole.apply(&u, &mut image)?;
                        y.iter_mut().zip(&image).skip(a).step_by(o).for_each(|(y, &x)| *y = x);
                    }
                    _ => {
                        u.iter_mut().skip(a).step_by(o).zip(x).for_each(|(u, &x)| *u = x);
                        self.whole.apply(&u, &mut image)?;
                        y.iter_mut().zip(image.iter().skip(a).step_by(o)).for_each(|(y, &x)| *y += share * x);
                    }
                }
            }
        }
        Ok(())
    }

    fn is_symmetric(&self) -> bool {
        self.whole.is_symmetric()
    }

    fn is_positive(&self) -> bool {
        self.whole.is_positive()
    }
}

/// `(I - Q Q^T) A (I - Q Q^T)`: an operator without some of its eigenvectors, so that what is estimated of the rest has their
/// part taken out.
#[derive(Clone, Copy, Debug)]
pub struct Deflated<'q, A, R> {
    whole: A,
    vectors: &'q [Vec<R>],
}

impl<'q, A, R> Deflated<'q, A, R> {
    /// Without these vectors, of length 1 and orthogonal to one another.
    pub fn new(whole: A, vectors: &'q [Vec<R>]) -> Self {
        Self { whole, vectors }
    }
}

impl<R: Float, A: LinearOperator<R>> LinearOperator<R> for Deflated<'_, A, R> {
    fn dim(&self) -> usize {
        self.whole.dim()
    }

    fn apply(&self, x: &[R], y: &mut [R]) -> Result<()> {
        let mut rest = x.to_vec();
        let dim = self.dim().max(1);
        rest.chunks_exact_mut(dim).for_each(|x| without(x, self.vectors));
        self.whole.apply(&rest, y)?;
        y.chunks_exact_mut(dim).for_each(|y| without(y, self.vectors));
        Ok(())
    }

    fn is_symmetric(&self) -> bool {
        self.whole.is_symmetric()
    }

    fn is_positive(&self) -> bool {
        self.whole.is_positive()
    }
}

/// Takes the parts along some vectors out.
fn without<R: Float>(x: &mut [R], vectors: &[Vec<R>]) {
    for q in vectors {
        let along: f64 = x.iter().zip(q).map(|(&x, &q)| x.to_f64() * q.to_f64()).sum();
        let along = R::from_f64(along);
        x.iter_mut().zip(q).for_each(|(x, &q)| *x -= along * q);
    }
}
