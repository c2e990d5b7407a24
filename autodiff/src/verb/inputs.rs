//! What a function under a verb is called with.

use std::marker::PhantomData;
use std::ops::Deref;

use crate::error::{Error, Result};
use crate::real::Real;
use crate::tape::{Tape, Var};

/// The arguments of a function under a verb: a variable for each primal, in their order.
///
/// It is a slice of variables that also knows the tape. The second lifetime, `'d`, is that of what the function captures;
/// it outlives the tape's, so the function may put data on the tape without copying it:
///
/// ```
/// use autodiff::{Tensor, grad};
///
/// let targets = [1.0, 2.0, 3.0];
/// let w = [Tensor::vector([0.5, 0.5, 0.5])];
/// let g = grad(
///     |x| {
///         let y = x.tape().constant(&targets, &[3])?;
///         Ok(x[0].minus(y)?.powi(2).sum().scale(0.5))
///     },
///     &w,
/// )
/// .unwrap();
/// assert_eq!(g[0].numbers(), [-0.5, -1.5, -2.5]);
/// ```
pub struct Inputs<'a, 'd, R> {
    tape: &'a Tape<'a, R>,
    variables: &'a [Var<'a, R>],
    /// Says that `'d: 'a`, for the compiler to use inside the function.
    captured: PhantomData<&'a &'d ()>,
}

impl<R> Clone for Inputs<'_, '_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Inputs<'_, '_, R> {}

impl<'a, R: Real> Inputs<'a, '_, R> {
    pub(crate) fn new(tape: &'a Tape<'a, R>, variables: &'a [Var<'a, R>]) -> Self {
        Self { tape, variables, captured: PhantomData }
    }

    /// The tape that the function is recorded on.
    pub fn tape(&self) -> &'a Tape<'a, R> {
        self.tape
    }

    /// The arguments by name: `let [w, b] = x.named()?;`
    ///
    /// ```
    /// use autodiff::{Tensor, grad};
    /// let at = [Tensor::scalar(2.0), Tensor::scalar(3.0)];
    /// let g = grad(|x| { let [a, b] = x.named()?; a.times(b) }, &at).unwrap();
    /// assert_eq!((g[0].item(), g[1].item()), (Some(3.0), Some(2.0)));
    /// ```
    ///
    /// # Errors
    /// [`Error::Arguments`] if there are not N of them.
    pub fn named<const N: usize>(&self) -> Result<[Var<'a, R>; N]> {
        let found = self.variables.len();
        self.variables.try_into().map_err(|_| Error::Arguments {
            verb: "named",
            what: "names",
            expected: found,
            found: N,
        })
    }
}

impl<'a, R> Deref for Inputs<'a, '_, R> {
    type Target = [Var<'a, R>];
    fn deref(&self) -> &[Var<'a, R>] {
        self.variables
    }
}
