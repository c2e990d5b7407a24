//! Attention.

use super::softmax;
use crate::error::{Error, Result};
use crate::op::bilinear::Matmul;
use crate::real::Real;
use crate::tape::Var;

/// Which keys a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// All of them.
    None,
    /// Those of its own place and before; as many keys as queries.
    Causal,
}

/// Scaled dot-product attention, `softmax(q k^T / sqrt(d)) v`.
///
/// # Shape
/// `q: [.., t, d], k: [.., s, d], v: [.., s, e] -> [.., t, e]`, the same leading axes (samples, heads) on all.
///
/// # Cost
/// `t s (d + e)` multiply-adds forward a leading entry, and `t s` numbers four times.
///
/// # Source
/// Vaswani et al., arXiv:1706.03762, equation 1.
///
/// # Errors
/// If the shapes do not fit, or a causal mask meets unlike numbers of queries and keys.
pub fn attention<'a, R: Real>(q: Var<'a, R>, k: Var<'a, R>, v: Var<'a, R>, mask: Mask) -> Result<Var<'a, R>> {
    let width = q.shape().last().copied().unwrap_or(1);
    let alpha = 1.0 / (width as f64).sqrt();
    let scores = q.batched_matmul_with(k, Matmul { transpose_a: false, transpose_b: true, alpha })?;
    let seen = match mask {
        Mask::None => scores,
        Mask::Causal => scores.plus(causal(q, k, scores)?)?,
    };
    softmax(seen)?.batched_matmul(v)
}

/// Minus infinity where the key comes after the query, 0 elsewhere.
fn causal<'a, R: Real>(q: Var<'a, R>, k: Var<'a, R>, scores: Var<'a, R>) -> Result<Var<'a, R>> {
    let [.., queries, keys] = *scores.shape() else { unreachable!("a product of matrices") };
    if queries != keys {
        let (left, right) = (q.shape().into(), k.shape().into());
        let remedy = "a causal mask needs as many keys as queries";
        return Err(Error::Shapes { op: "attention", left, right, remedy });
    }
    let later = R::from_f64(f64::NEG_INFINITY);
    let tape = q.tape();
    let mask = tape.keep_with(queries * keys, |i| if i % keys > i / keys { later } else { R::ZERO });
    tape.constant(mask, &[queries, keys])
}
