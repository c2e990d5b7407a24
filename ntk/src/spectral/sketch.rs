//! What a kernel that is never stored says of itself: its top exactly, the rest by estimates with error bars.
//!
//! The largest eigenvalues come first, by Lanczos, with their residuals. They make up most of the trace and nearly all of the
//! squared norm. What is left, the kernel without their vectors, is asked by stochastic Lanczos quadrature, so the error bars
//! are of the rest alone. A bar is the standard error over random directions; the quadrature's own error, which falls with
//! its steps, is not in it.

use autodiff::Float;

use super::density::{self, Density};
use super::found::{Effort, Eigenpairs, End, Estimate};
use super::lanczos::lanczos;
use crate::error::{Error, Result};
use crate::operator::LinearOperator;
use crate::operator::reduced::Deflated;

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Largest eigenvalues.
    pub top: usize,
    /// Random directions for what is left; two at least give an error bar.
    pub probes: usize,
    /// Products for each.
    pub steps: usize,
}

/// A kernel, sketched.
#[derive(Clone, Debug)]
pub struct Sketch<R> {
    /// The largest eigenvalues.
    pub top: Eigenpairs<R>,
    /// The kernel without them.
    rest: Density,
    /// Products in all.
    pub products: usize,
}

impl<R: Float> Sketch<R> {
    /// Applies an operator as often as is asked.
    ///
    /// # Errors
    /// As [`lanczos`] and [`density`](density::density); [`Error::Numerics`] where the top does not converge.
    pub fn of(operator: &impl LinearOperator<R>, asked: Asked, effort: &Effort<'_>) -> Result<Self> {
        let count = asked.top.min(operator.dim());
        let top = if count == 0 { Eigenpairs::none() } else { lanczos(operator, count, End::Top, effort)? };
        if !top.converged {
            return Err(Error::numerics(
                format!(
                    "the {count} largest eigenvalues did not converge in {} products: relative residual {:.1e}",
                    top.products,
                    top.worst()
                ),
                "ask for fewer, allow a larger --tolerance, or use --dtype f64",
            ));
        }
        let before = top.products;
        let watch = |products: usize, residual: f64| (effort.watch)(before + products, residual);
        let effort = Effort { watch: &watch, ..*effort };
        let deflated = Deflated::new(operator, &top.vectors);
        let rest = density::density(&deflated, asked.probes, asked.steps, &effort)?;
        let products = before + rest.products;
        Ok(Self { top, rest, products })
    }

    /// The estimate of `sum_i f(lambda_i)`.
    pub fn sum(&self, f: impl Fn(f64) -> f64) -> Estimate {
        // Without its top the operator has as many zeros more.
        let known: f64 = self.top.values.iter().map(|&x| f(x) - f(0.0)).sum();
        let mut sum = self.rest.sum(f);
        sum.value += known;
        sum.probes.iter_mut().for_each(|probe| *probe += known);
        sum
    }

    /// The sum of the eigenvalues.
    pub fn trace(&self) -> Estimate {
        self.sum(|x| x)
    }

    /// The square root of the sum of their squares.
    pub fn frobenius(&self) -> Estimate {
        let square = self.sum(|x| x * x);
        let value = square.value.max(0.0).sqrt();
        let error = square.error.map(|error| if value > 0.0 { error / (2.0 * value) } else { error.sqrt() });
        Estimate { value, error, ..square }
    }

    /// `exp(-sum p ln p)`, p the eigenvalues over their sum: `ln T - S/T` with `T = sum lambda`, `S = sum lambda ln lambda`.
    pub fn effective_rank(&self) -> Estimate {
        let (t, s) = (self.trace(), self.sum(|x| if x > 0.0 { x * x.ln() } else { 0.0 }));
        let value = (t.value.ln() - s.value / t.value).exp();
        // To first order in what each probe says more or less than the mean.
        let slope = [1.0 / t.value + s.value / t.value.powi(2), -1.0 / t.value];
        let probes: Vec<f64> = t
            .probes
            .iter()
            .zip(&s.probes)
            .map(|(a, b)| value * (1.0 + slope[0] * (a - t.value) + slope[1] * (b - s.value)))
            .collect();
        let error = Estimate::of(probes.clone(), 0).error;
        Estimate { value, error, probes, products: t.products }
    }

    /// `ln det(A + shift I)`.
    pub fn log_determinant(&self, shift: f64) -> Estimate {
        // Rounding makes a zero negative.
        self.sum(|x| (x.max(0.0) + shift).ln())
    }
}
