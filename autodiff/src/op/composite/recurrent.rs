//! A step of a recurrent network.

use crate::error::Result;
use crate::real::Real;
use crate::tape::Var;

/// `tanh(x W + h U + b)`: the next state from an input and the state.
///
/// # Shape
/// `x: [n, i], h: [n, d], w: [i, d], u: [d, d], b: [d] -> [n, d]`
///
/// # Source
/// Elman, Finding structure in time, Cognitive Science 14 (1990).
///
/// # Errors
/// If the shapes do not fit.
pub fn rnn_cell<'a, R: Real>(
    x: Var<'a, R>,
    h: Var<'a, R>,
    w: Var<'a, R>,
    u: Var<'a, R>,
    b: Var<'a, R>,
) -> Result<Var<'a, R>> {
    Ok(x.matmul(w)?.plus(h.matmul(u)?)?.plus(b)?.tanh())
}
