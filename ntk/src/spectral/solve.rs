//! Linear systems with a symmetric operator that can only be applied.
//!
//! | solver | operator | what it makes small |
//! |---|---|---|
//! | [`cg`] | positive definite | the error in the norm of A |
//! | [`minres`] | symmetric, definite or not | the residual |
//!
//! Both take a preconditioner that applies an approximation of `A^-1`, positive definite. What does not converge returns
//! the best iterate and the residual after every step, and says so.
//!
//! # Source
//! Saad, *Iterative Methods for Sparse Linear Systems*, algorithm 9.1; Paige and Saunders, SIAM J. Numer. Anal. 12 (1975);
//! preconditioned as in Elman, Silvester, Wathen, algorithm 4.1.

use autodiff::Float;

use super::found::{Effort, Solution};
use super::vectors::{add, apply, dot, norm, scale, symmetric};
use crate::error::{Error, Result};
use crate::operator::LinearOperator;

fn precondition<R: Float>(inverse: Option<&dyn LinearOperator<R>>, r: &[R]) -> Result<Vec<R>> {
    match inverse {
        None => Ok(r.to_vec()),
        Some(inverse) => {
            let mut z = vec![R::ZERO; r.len()];
            inverse.apply(r, &mut z)?;
            Ok(z)
        }
    }
}

fn indefinite(who: &str, which: &str, step: usize, form: f64, remedy: &str) -> Error {
    Error::numerics(format!("{who}: the {which} is not positive definite: v^T A v = {form:.3e} at step {step}"), remedy)
}

fn check<R: Float>(operator: &impl LinearOperator<R>, b: &[R], who: &str) -> Result<()> {
    symmetric(operator, who)?;
    if b.len() == operator.dim() {
        return Ok(());
    }
    Err(Error::Shape {
        what: format!("the right-hand side of {who}"),
        expected: vec![operator.dim()],
        found: vec![b.len()],
        remedy: "give as many numbers as the operator has".into(),
    })
}

/// The recurrence's own residual curve, and the best iterate.
struct Best<R> {
    solution: Vec<R>,
    residual: f64,
    history: Vec<f64>,
}

impl<R: Float> Best<R> {
    fn new(b: &[R], residual: f64) -> Self {
        Self { solution: vec![R::ZERO; b.len()], residual, history: vec![residual] }
    }

    fn see(&mut self, x: &[R], residual: f64) {
        self.history.push(residual);
        if residual < self.residual {
            self.residual = residual;
            self.solution.copy_from_slice(x);
        }
    }

    fn finish(self, iterations: usize, products: usize, allowed: f64) -> Solution<R> {
        let Self { solution, residual, history } = self;
        Solution { solution, residual, history, iterations, products, converged: residual <= allowed }
    }
}

/// Conjugate gradients.
///
/// # Cost
/// A product and a preconditioning a step; five vectors.
///
/// # Errors
/// [`Error::Numerics`] if the operator or the preconditioner shows that it is not positive definite, or a product is not
/// finite.
pub fn cg<R: Float>(
    operator: &impl LinearOperator<R>,
    b: &[R],
    inverse: Option<&dyn LinearOperator<R>>,
    effort: &Effort<'_>,
) -> Result<Solution<R>> {
    check(operator, b, "CG")?;
    let size = norm(b);
    let allowed = effort.tolerance * size;
    let (mut x, mut r) = (vec![R::ZERO; b.len()], b.to_vec());
    let mut best = Best::new(b, size);
    let (mut products, mut step) = (0, 0);
    if size == 0.0 {
        return Ok(best.finish(step, products, allowed));
    }
    let mut z = precondition(inverse, &r)?;
    let mut p = z.clone();
    let mut rho = dot(&r, &z);
    while products < effort.products {
        step += 1;
        if rho <= 0.0 {
            return Err(indefinite("CG", "preconditioner", step, rho, "give one that is, or none"));
        }
        let image = apply(operator, &p, &mut products)?;
        let form = dot(&p, &image);
        if form <= 0.0 {
            return Err(indefinite("CG", "operator", step, form, "use MINRES, or add a multiple of the identity"));
        }
        let alpha = rho / form;
        add(alpha, &p, &mut x);
        add(-alpha, &image, &mut r);
        best.see(&x, norm(&r));
        (effort.watch)(products, best.residual / size);
        if best.residual <= allowed {
            break;
        }
        z = precondition(inverse, &r)?;
        let next = dot(&r, &z);
        scale(&mut p, next / rho);
        add(1.0, &z, &mut p);
        rho = next;
    }
    Ok(best.finish(step, products, allowed))
}

/// The minimum of the residual over the Krylov space, of an operator that need not be definite.
///
/// With a preconditioner the residual is measured in the norm of that.
///
/// # Cost
/// A product and a preconditioning a step; eight vectors.
///
/// # Errors
/// [`Error::Numerics`] if the preconditioner shows that it is not positive definite, or a product is not finite.
pub fn minres<R: Float>(
    operator: &impl LinearOperator<R>,
    b: &[R],
    inverse: Option<&dyn LinearOperator<R>>,
    effort: &Effort<'_>,
) -> Result<Solution<R>> {
    check(operator, b, "MINRES")?;
    let n = b.len();
    let zeros = || vec![R::ZERO; n];
    let positive = |form: f64, step: usize| {
        if form < 0.0 {
            return Err(indefinite("MINRES", "preconditioner", step, form, "give one that is, or none"));
        }
        Ok(form.sqrt())
    };
    // v: Lanczos vectors, z = M^-1 v; w: directions of the solution; c, s: the last two rotations.
    let (mut v_before, mut v) = (zeros(), b.to_vec());
    let mut z = precondition(inverse, &v)?;
    let mut gamma = positive(dot(&v, &z), 0)?;
    let (mut w_before, mut w) = (zeros(), zeros());
    let mut x = zeros();
    let (size, mut eta, mut gamma_before) = (gamma, gamma, 1.0);
    let ((mut c_before, mut c), (mut s_before, mut s)) = ((1.0, 1.0), (0.0, 0.0));
    let allowed = effort.tolerance * size;
    let mut best = Best::new(b, size);
    let (mut products, mut step) = (0, 0);
    while products < effort.products && size > 0.0 && best.residual > allowed {
        step += 1;
        scale(&mut z, 1.0 / gamma);
        let image = apply(operator, &z, &mut products)?;
        let delta = dot(&image, &z);
        let mut v_next = image;
        add(-delta / gamma, &v, &mut v_next);
        if step > 1 {
            add(-gamma / gamma_before, &v_before, &mut v_next);
        }
        let z_next = precondition(inverse, &v_next)?;
        let gamma_next = positive(dot(&v_next, &z_next), step)?;
        let alpha_0 = c * delta - c_before * s * gamma;
        let alpha_1 = alpha_0.hypot(gamma_next);
        let alpha_2 = s * delta + c_before * c * gamma;
        let alpha_3 = s_before * gamma;
        if alpha_1 == 0.0 {
            break; // The right-hand side has a part that the operator cannot reach.
        }
        (c_before, s_before) = (c, s);
        (c, s) = (alpha_0 / alpha_1, gamma_next / alpha_1);
        // w_next = (z - alpha_3 w_before - alpha_2 w) / alpha_1
        let mut w_next = z;
        add(-alpha_3, &w_before, &mut w_next);
        add(-alpha_2, &w, &mut w_next);
        scale(&mut w_next, 1.0 / alpha_1);
        add(c * eta, &w_next, &mut x);
        eta *= -s;
        best.see(&x, eta.abs());
        (effort.watch)(products, best.residual / size);
        (w_before, w) = (w, w_next);
        (v_before, v) = (v, v_next);
        (gamma_before, gamma) = (gamma, gamma_next);
        z = z_next;
        if gamma <= R::EPSILON * size {
            break; // The Krylov space ends here.
        }
    }
    Ok(best.finish(step, products, allowed))
}
