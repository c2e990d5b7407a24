//! What a user asks of a program on arrays: a word for each derivative.
//!
//! A verb takes the function, then the primals, then tangents or cotangents. The function is a closure from [`Inputs`],
//! a variable for each primal, to one variable; the primals are a slice of [`Tensor`]s, and so is whatever there is one of
//! for each primal. With n the numbers of the primals, m those of the value, and *evaluation* the cost of the function:
//!
//! | verb | result | cost in evaluations | when | JAX | PyTorch (`torch.func`) |
//! |---|---|---|---|---|---|
//! | [`jvp`] | value, `J x_dot` | 2 | one direction of the inputs, or few | `jvp` | `jvp` |
//! | [`vjp`] | value, `J^T y_bar` | 3 | one direction of the outputs, or few | `vjp` | `vjp` |
//! | [`grad`], [`value_and_grad`] | `J^T 1`, m = 1 | 3 | descent | `grad`, `value_and_grad` | `grad`, `grad_and_value` |
//! | [`hvp`] | `H x_dot`, m = 1 | 6 | curvature without a Hessian | `jvp(grad(f))` | `jvp(grad(f))` |
//! | [`ggn_vp`] | `J^T H_loss J x_dot` | 5 | curvature that is never negative | composed by hand | composed by hand |
//! | [`jacobian`] | `J`, `[m, n]` | 1 + min(2 m, n) | small m or small n | `jacrev`, `jacfwd` | `jacrev`, `jacfwd` |
//! | [`hessian`] | `H`, `[n, n]`, m = 1 | 1 + 5 n | small n | `hessian` | `hessian` |
//! | [`Workspace::linearize`] | a [`Recorded`] | 1, then the sweeps alone | the same point, again and again | `linearize`, `vjp` | `linearize`, `vjp` |
//! | [`checkpoint`](crate::checkpoint) | the same value | its segment twice | memory | [`checkpoint`](crate::checkpoint) | `utils.checkpoint` |
//!
//! [`jacobian`] takes rows or columns, whichever are fewer. A sweep costs as much as an evaluation, or two where an op
//! has two active operands, so these are upper bounds.
//!
//! # Once, and many times
//! The functions here record, sweep and forget. [`Workspace::linearize`] records once and gives a [`Recorded`], whose
//! methods have the same names and only sweep: it is JAX's `linearize` ([`Recorded::jvp`]), the pullback that JAX's `vjp`
//! returns ([`Recorded::vjp`]), and the second derivatives at that point. The workspace keeps its memory for the next.
//!
//! For very many products at one point, or from many threads, [`Linearization`](crate::sweep::Linearization) keeps slopes
//! and curvatures too: more memory, and six products of matrices a layer for nine.
//!
//! # Blocks of directions
//! A tangent has the shape of its primal, or that with a leading axis of K directions, all alike. The result then has
//! it too. It is what `vmap` over a JVP or VJP gives, in one sweep.
//!
//! # Beside the scalar verbs
//! [`crate::scalar`] has verbs of the same names for functions of plain numbers. They differ in what a function is: there
//! generic code over [`Real`], here a closure that records ops on arrays. A verb here needs no tape of duals, as the sweeps
//! carry the second order; but its function may be recorded on one (primals that are [`Dual`](crate::Dual)s), which is
//! how to go to the third order and above.
//!
//! What this folder leaves to others: the sweeps ([`crate::sweep`]), and whether a function's derivatives are right
//! ([`crate::check::check_grads`]).

mod inputs;
mod recorded;
mod seed;

pub use inputs::Inputs;
pub(crate) use recorded::record;
pub use recorded::{BLOCK, Recorded, Workspace};

use crate::error::Result;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::Tensor;

/// Value of `f`, and its derivative along the tangents, `J x_dot`.
///
/// ```
/// use autodiff::{Tensor, jvp};
/// // x^2 y at x = 3, y = 2, along (1, 0.5): 2 x y + 0.5 x^2.
/// let (at, along) = ([Tensor::scalar(3.0), Tensor::scalar(2.0)], [Tensor::scalar(1.0), Tensor::scalar(0.5)]);
/// let (y, y_dot) = jvp(|x| x[0].powi(2).times(x[1]), &at, &along).unwrap();
/// assert_eq!((y.item(), y_dot.item()), (Some(18.0), Some(16.5)));
/// ```
///
/// # Cost
/// An evaluation, and [`Recorded::jvp`].
///
/// # Errors
/// What `f` refuses; as [`Recorded::jvp`].
pub fn jvp<'d, R: Real>(
    f: impl for<'a> FnOnce(Inputs<'a, 'd, R>) -> Result<Var<'a, R>>,
    primals: &[Tensor<R>],
    tangents: &[Tensor<R>],
) -> Result<(Tensor<R>, Tensor<R>)> {
    let mut workspace = Workspace::new();
    let mut f = workspace.linearize(f, primals)?;
    Ok((f.value(), f.jvp(tangents)?))
}

/// Value of `f`, and for each primal what the cotangent of the value makes of it, `J^T y_bar`.
///
/// ```
/// use autodiff::{Tensor, vjp};
/// // A product x W pulls y_bar back to y_bar W^T, and to x^T y_bar.
/// let at = [Tensor::new(&[1, 2], [1.0, 2.0]).unwrap(), Tensor::new(&[2, 1], [3.0, 4.0]).unwrap()];
/// let (y, bars) = vjp(|x| x[0].matmul(x[1]), &at, &Tensor::new(&[1, 1], [10.0]).unwrap()).unwrap();
/// assert_eq!(y.numbers(), [11.0]);
/// assert_eq!((bars[0].numbers(), bars[1].numbers()), (&[30.0, 40.0][..], &[10.0, 20.0][..]));
/// ```
///
/// # Cost
/// An evaluation, and [`Recorded::vjp`]. For many cotangents of one point, keep the recording:
/// [`Workspace::linearize`].
///
/// # Errors
/// What `f` refuses; as [`Recorded::vjp`].
pub fn vjp<'d, R: Real>(
    f: impl for<'a> FnOnce(Inputs<'a, 'd, R>) -> Result<Var<'a, R>>,
    primals: &[Tensor<R>],
    cotangent: &Tensor<R>,
) -> Result<(Tensor<R>, Vec<Tensor<R>>)> {
    let mut workspace = Workspace::new();
    let mut f = workspace.linearize(f, primals)?;
    Ok((f.value(), f.vjp(cotangent)?))
}

/// Gradient of a function of one number, for each primal.
///
/// ```
/// use autodiff::{Tensor, grad};
/// let g = grad(|x| Ok(x[0].sin().sum()), &[Tensor::vector([0.0_f64, 1.0])]).unwrap();
/// assert_eq!(g[0].numbers()[0], 1.0);
/// assert!((g[0].numbers()[1] - 1f64.cos()).abs() < 1e-15);
/// ```
///
/// # Cost
/// That of [`value_and_grad`].
///
/// # Errors
/// What `f` refuses; [`Error::NotScalar`](crate::Error::NotScalar) if its value is not one number.
pub fn grad<'d, R: Real>(
    f: impl for<'a> FnOnce(Inputs<'a, 'd, R>) -> Result<Var<'a, R>>,
    primals: &[Tensor<R>],
) -> Result<Vec<Tensor<R>>> {
    Workspace::new().linearize(f, primals)?.grad()
}

/// Value and gradient of a function of one number.
///
/// ```
/// use autodiff::op::composite::cross_entropy;
/// use autodiff::{Tensor, value_and_grad};
/// // One sample of two classes with equal logits: the loss is ln 2, its slope softmax - label.
/// let logits = [Tensor::new(&[1, 2], [0.0_f64, 0.0]).unwrap()];
/// let (loss, g) = value_and_grad(|x| cross_entropy(x[0], &[1]), &logits).unwrap();
/// assert!((loss - 2f64.ln()).abs() < 1e-15);
/// assert_eq!(g[0].numbers(), [0.5, -0.5]);
/// ```
///
/// # Cost
/// An evaluation and a pullback, however many numbers the primals have.
///
/// # Errors
/// As [`grad`].
pub fn value_and_grad<'d, R: Real>(
    f: impl for<'a> FnOnce(Inputs<'a, 'd, R>) -> Result<Var<'a, R>>,
    primals: &[Tensor<R>],
) -> Result<(R, Vec<Tensor<R>>)> {
    let mut workspace = Workspace::new();
    let mut f = workspace.linearize(f, primals)?;
    let gradient = f.grad()?;
    Ok((f.value().numbers()[0], gradient))
}

/// Hessian-vector product of a function of one number: the derivative of its gradient along the tangents.
///
/// ```
/// use autodiff::{Tensor, hvp};
/// // The Hessian of x^2 y at (3, 2) is [[4, 6], [6, 0]].
/// let (at, along) = ([Tensor::scalar(3.0), Tensor::scalar(2.0)], [Tensor::scalar(1.0), Tensor::scalar(0.5)]);
/// let h = hvp(|x| x[0].powi(2).times(x[1]), &at, &along).unwrap();
/// assert_eq!((h[0].item(), h[1].item()), (Some(7.0), Some(6.0)));
/// ```
///
/// # Cost
/// An evaluation, and [`Recorded::hvp`]. For many vectors at one point, as Lanczos wants, keep the recording:
/// [`Workspace::linearize`].
///
/// # Errors
/// What `f` refuses; as [`Recorded::hvp`].
pub fn hvp<'d, R: Real>(
    f: impl for<'a> FnOnce(Inputs<'a, 'd, R>) -> Result<Var<'a, R>>,
    primals: &[Tensor<R>],
    tangents: &[Tensor<R>],
) -> Result<Vec<Tensor<R>>> {
    Workspace::new().linearize(f, primals)?.hvp(tangents)
}

/// Gauss-Newton-vector product, `J^T H_loss J x_dot`, of a loss of a model.
///
/// ```
/// use autodiff::{Tensor, ggn_vp};
/// // The model is w^2 at w = 3, the loss y^2 / 2: J = 6 and H_loss = 1, so the product with 1 is 36. The Hessian of the
/// // whole, w^4 / 2, is 54: its other part is the residual's, loss' f'' = 9 * 2.
/// let at = [Tensor::scalar(3.0)];
/// let g = ggn_vp(|w| Ok(w[0].powi(2)), |y| Ok(y[0].powi(2).scale(0.5)), &at, &[Tensor::scalar(1.0)]).unwrap();
/// assert_eq!(g[0].item(), Some(36.0));
/// ```
///
/// # Cost
/// An evaluation, and [`Recorded::ggn_vp`].
///
/// # Errors
/// What `f` and `loss` refuse; as [`Recorded::ggn_vp`].
pub fn ggn_vp<'d, R: Real>(
    f: impl for<'a> FnOnce(Inputs<'a, 'd, R>) -> Result<Var<'a, R>>,
    loss: impl for<'b> FnOnce(Inputs<'b, 'd, R>) -> Result<Var<'b, R>>,
    primals: &[Tensor<R>],
    tangents: &[Tensor<R>],
) -> Result<Vec<Tensor<R>>> {
    Workspace::new().linearize(f, primals)?.ggn_vp(loss, tangents)
}

/// Jacobian of `f`, for each primal, by rows or by columns, whichever are fewer.
///
/// ```
/// use autodiff::{Tensor, jacobian};
/// let w = Tensor::new(&[2, 3], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
/// let j = jacobian(|x| x[0].tape().constant(w.numbers(), &[2, 3])?.matmul(x[0]), &[Tensor::zeros(&[3, 1])]).unwrap();
/// assert_eq!((j[0].shape(), j[0].numbers()), (&[2, 1, 3, 1][..], w.numbers()));
/// ```
///
/// # Shape
/// `[..shape of the value, ..shape of the primal]`
///
/// # Cost
/// An evaluation, and [`Recorded::jacobian`].
///
/// # Errors
/// What `f` refuses.
pub fn jacobian<'d, R: Real>(
    f: impl for<'a> FnOnce(Inputs<'a, 'd, R>) -> Result<Var<'a, R>>,
    primals: &[Tensor<R>],
) -> Result<Vec<Tensor<R>>> {
    Workspace::new().linearize(f, primals)?.jacobian()
}

/// Hessian of a function of one number, for each pair of primals.
///
/// ```
/// use autodiff::{Tensor, hessian};
/// let at = [Tensor::scalar(3.0), Tensor::scalar(2.0)];
/// let h = hessian(|x| x[0].powi(2).times(x[1]), &at).unwrap();
/// let entries: Vec<f64> = h.iter().flatten().flat_map(Tensor::item).collect();
/// assert_eq!(entries, [4.0, 6.0, 6.0, 0.0]);
/// ```
///
/// # Shape
/// Of the i-th and j-th primal, `[..shape of i, ..shape of j]`.
///
/// # Cost
/// An evaluation, and [`Recorded::hessian`].
///
/// # Errors
/// As [`grad`].
pub fn hessian<'d, R: Real>(
    f: impl for<'a> FnOnce(Inputs<'a, 'd, R>) -> Result<Var<'a, R>>,
    primals: &[Tensor<R>],
) -> Result<Vec<Vec<Tensor<R>>>> {
    Workspace::new().linearize(f, primals)?.hessian()
}
