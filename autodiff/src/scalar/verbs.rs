//! What a user asks for, each verb a few lines over a recording.
//!
//! The argument order is function, primals, tangents.

use super::duals::Duals;
use super::series::Series;
use super::tape::Arena;
use super::var::Var;
use crate::dual::Dual;
use crate::error::{Error, Result};
use crate::real::Real;

/// Columns of a Hessian that one recording carries.
pub const BLOCK: usize = 4;

/// Gradient of `f` at `x`.
///
/// # Cost
/// That of [`value_and_gradient`].
///
/// ```
/// use autodiff::{Real, scalar};
/// let g = scalar::gradient(|x| x[0] * x[0] + x[1].sin(), &[3.0, 0.0]);
/// assert_eq!(g, [6.0, 1.0]);
/// ```
pub fn gradient<R: Real>(f: impl for<'t> FnOnce(&[Var<'t, R>]) -> Var<'t, R>, x: &[R]) -> Vec<R> {
    value_and_gradient(f, x).1
}

/// Value and gradient of `f` at `x`.
///
/// # Cost
/// One evaluation on the tape and one pullback, however many variables there are. The memory is that of the recording,
/// 32 bytes an op on `f64`; [`Arena::value_and_gradient`] re-uses it.
///
/// A variable of another tape is of another brand and does not compile; [`Var::constant`] lifts it:
///
/// ```compile_fail
/// use autodiff::scalar::gradient;
/// gradient(|x| { let y = gradient(|y| y[0] * x[0], &[x[0]]); y[0] }, &[2.0]);
/// ```
///
/// ```
/// use autodiff::scalar::{Var, gradient};
/// // d/dy (y x) = x, so its derivative by x is 1.
/// let g = gradient(|x| { let y = gradient(|y| y[0] * Var::constant(x[0]), &[x[0]]); y[0] }, &[2.0]);
/// assert_eq!(g, [1.0]);
/// ```
pub fn value_and_gradient<R: Real>(f: impl for<'t> FnOnce(&[Var<'t, R>]) -> Var<'t, R>, x: &[R]) -> (R, Vec<R>) {
    let mut gradient = vec![R::ZERO; x.len()];
    let value = Arena::new().record(x, |tape, x| pull_gradient(f(x), tape, x, &mut gradient));
    (value, gradient)
}

/// Hessian-vector product of `f` at `x`: the derivative of the gradient along `x_dot`.
///
/// # Cost
/// That of [`Arena::hvp`].
///
/// # Errors
/// [`Error::Length`] if `x_dot` and `x` differ in length.
///
/// ```
/// use autodiff::scalar::hvp;
/// // The Hessian of x y^2 at (2, 3) is [[0, 6], [6, 4]].
/// assert_eq!(hvp(|x| x[0] * x[1] * x[1], &[2.0, 3.0], &[1.0, 0.5]).unwrap(), [3.0, 8.0]);
/// ```
pub fn hvp<R: Real>(
    f: impl for<'b, 't> FnOnce(&[Var<'t, Dual<'b, R>>]) -> Var<'t, Dual<'b, R>>,
    x: &[R],
    x_dot: &[R],
) -> Result<Vec<R>> {
    let mut product = vec![R::ZERO; x.len()];
    Arena::new().hvp(f, x, x_dot, &mut product)?;
    Ok(product)
}

/// Jacobian of `f` at `x`, row-major.
///
/// # Shape
/// `x: [n]`, `f: [n] -> [m]`, the result `[m, n]`.
///
/// # Cost
/// One evaluation on the tape and min(m, n) sweeps over it: pullbacks, one a row, or pushforwards, one a column.
///
/// ```
/// use autodiff::scalar::jacobian;
/// let j = jacobian(|x| vec![x[0] * x[1], x[0] - x[1]], &[2.0, 3.0]);
/// assert_eq!(j, [3.0, 2.0, 1.0, -1.0]);
/// ```
pub fn jacobian<R: Real>(f: impl for<'t> FnOnce(&[Var<'t, R>]) -> Vec<Var<'t, R>>, x: &[R]) -> Vec<R> {
    Arena::new().record(x, |tape, x| {
        let y = f(x);
        let mut jacobian = vec![R::ZERO; y.len() * x.len()];
        if y.len() <= x.len() {
            for (row, &y) in jacobian.chunks_exact_mut(x.len().max(1)).zip(&y) {
                tape.pullback([(y, R::ONE)]);
                row.iter_mut().zip(x).for_each(|(entry, &x)| *entry = tape.cotangent(x));
            }
        } else {
            for (column, &x_j) in x.iter().enumerate() {
                tape.pushforward([(x_j, R::ONE)]);
                jacobian.chunks_exact_mut(x.len()).zip(&y).for_each(|(row, &y)| row[column] = tape.tangent(y));
            }
        }
        jacobian
    })
}

/// Hessian of `f` at `x`, row-major.
///
/// # Shape
/// `x: [n]`, the result `[n, n]`.
///
/// # Cost
/// n/4 recordings, rounded up, of numbers that carry 4 tangents.
///
/// ```
/// use autodiff::scalar::hessian;
/// assert_eq!(hessian(|x| x[0] * x[1] * x[1], &[2.0, 3.0]), [0.0, 6.0, 6.0, 4.0]);
/// ```
pub fn hessian<R: Real>(
    f: impl for<'b, 't> Fn(&[Var<'t, Duals<'b, R, BLOCK>>]) -> Var<'t, Duals<'b, R, BLOCK>>,
    x: &[R],
) -> Vec<R> {
    let mut arena = Arena::new();
    let mut hessian = vec![R::ZERO; x.len() * x.len()];
    for (block, columns) in hessian.chunks_mut((BLOCK * x.len()).max(1)).enumerate() {
        let unit = |i: usize, k: usize| if i == block * BLOCK + k { R::ONE } else { R::ZERO };
        let primal = |i: usize| Duals::new(x[i], std::array::from_fn(|k| unit(i, k)));
        arena.record_with(x.len(), primal, |tape, variables| {
            tape.pullback([(f(variables), Duals::ONE)]);
            for (k, column) in columns.chunks_exact_mut(x.len()).enumerate() {
                column.iter_mut().zip(variables).for_each(|(entry, &x)| *entry = tape.cotangent(x).eps[k]);
            }
        });
    }
    hessian
}

/// Value and partial derivatives of `f` at `x`, forwards: all N directions in one evaluation, without a tape.
///
/// # Cost
/// About N + 1 evaluations' worth of arithmetic, but one of each elementary function. For N beyond ten or so,
/// [`gradient`] is cheaper.
///
/// ```
/// use autodiff::scalar::partials;
/// let (y, slopes) = partials(|[a, b]| a / b, [1.0, 2.0]);
/// assert_eq!((y, slopes), (0.5, [0.5, -0.25]));
/// ```
pub fn partials<R: Real, const N: usize>(
    f: impl for<'b> FnOnce([Duals<'b, R, N>; N]) -> Duals<'b, R, N>,
    x: [R; N],
) -> (R, [R; N]) {
    let unit = |i| std::array::from_fn(|k| if i == k { R::ONE } else { R::ZERO });
    let y = f(std::array::from_fn(|i| Duals::new(x[i], unit(i))));
    (y.re, y.eps)
}

/// Taylor coefficients of `f` at `x`, `f^(k)(x) / k!` for k below N.
///
/// # Cost
/// That of [`Series`].
///
/// ```
/// use autodiff::{Real, scalar::taylor};
/// let [y, slope, half_curvature] = taylor(|x| x.ln(), 2.0_f64);
/// assert!((y - 2f64.ln()).abs() < 1e-15);
/// assert_eq!((slope, half_curvature), (0.5, -0.125));
/// ```
///
/// Series of two calls do not mix:
///
/// ```compile_fail
/// use autodiff::{Real, scalar::{Series, taylor}};
/// let [_, confused] = taylor(|x| x * taylor::<_, 2>(|y| x + y, Series::ONE)[1], 1.0_f64);
/// ```
///
/// ```
/// use autodiff::{Real, scalar::{Series, taylor}};
/// let [_, right] = taylor(|x| x * taylor::<_, 2>(|y| Series::constant(x) + y, Series::ONE)[1], 1.0_f64);
/// assert_eq!(right, 1.0);
/// ```
pub fn taylor<R: Real, const N: usize>(f: impl for<'b> FnOnce(Series<'b, R, N>) -> Series<'b, R, N>, x: R) -> [R; N] {
    f(Series::variable(x)).c
}

impl Arena {
    /// Value and gradient of `f` at `x`; the gradient is written to `gradient`.
    ///
    /// # Cost
    /// As [`value_and_gradient`]. From the second use on, nothing is allocated.
    ///
    /// # Errors
    /// [`Error::Length`] if `gradient` and `x` differ in length.
    pub fn value_and_gradient<R: Real>(
        &mut self,
        f: impl for<'t> FnOnce(&[Var<'t, R>]) -> Var<'t, R>,
        x: &[R],
        gradient: &mut [R],
    ) -> Result<R> {
        same_length("gradient", x, gradient)?;
        Ok(self.record(x, |tape, x| pull_gradient(f(x), tape, x, gradient)))
    }

    /// Value, directional derivative along `x_dot`, and Hessian-vector product of `f` at `x`; the product is written to
    /// `product`.
    ///
    /// The recording is made on duals, so its weights and cotangents carry tangents: forward over reverse.
    ///
    /// # Cost
    /// About twice a gradient, in time and memory. From the second use on, nothing is allocated.
    ///
    /// # Errors
    /// [`Error::Length`] if `x_dot` or `product` differ from `x` in length.
    pub fn hvp<R: Real>(
        &mut self,
        f: impl for<'b, 't> FnOnce(&[Var<'t, Dual<'b, R>>]) -> Var<'t, Dual<'b, R>>,
        x: &[R],
        x_dot: &[R],
        product: &mut [R],
    ) -> Result<(R, R)> {
        same_length("tangents", x, x_dot)?;
        same_length("product", x, product)?;
        let primal = |i: usize| Dual::new(x[i], x_dot[i]);
        Ok(self.record_with(x.len(), primal, |tape, x| {
            let y = f(x);
            tape.pullback([(y, Dual::ONE)]);
            product.iter_mut().zip(x).for_each(|(entry, &x)| *entry = tape.cotangent(x).eps);
            (y.value().re, y.value().eps)
        }))
    }
}

fn pull_gradient<'t, R: Real>(y: Var<'t, R>, tape: &'t super::Tape<'t, R>, x: &[Var<'t, R>], gradient: &mut [R]) -> R {
    tape.pullback([(y, R::ONE)]);
    gradient.iter_mut().zip(x).for_each(|(entry, &x)| *entry = tape.cotangent(x));
    y.value()
}

fn same_length<R>(what: &'static str, x: &[R], other: &[R]) -> Result<()> {
    let (expected, found) = (x.len(), other.len());
    if expected == found {
        return Ok(());
    }
    Err(Error::Length { what, shape: [expected][..].into(), expected, found })
}
