//! Samples with a unit so near a kink that single precision cannot tell on which side it is.
//!
//! A relu's slope is 0 or 1. Where rounding decides which, one unit moves an entry of a kernel by a part in its width,
//! a thousand times the rounding of everything else. So in `f32` the samples that have such a unit, a few in a hundred,
//! are recorded and pulled back in `f64`, and their factors rounded: a kernel in `f32` then has the units on that one in
//! `f64` has. Not where reading the weights in `f64` would cost more than half of the kernel (few samples of a large network):
//! the plan says which ([`Plan::resolves`](super::Plan::resolves)).

use std::sync::{Arc, Mutex};

use autodiff::sweep::{Factors, Pool, pullback_shared, sink};
use autodiff::{Arena, Float, Op, Real, Samples, Var};

use super::Problem;
use crate::array::Array;
use crate::error::{Error, Result};
use crate::network::{Network, record};

/// A unit is in doubt within this share of the root mean square of its layer. Rounding of a product in `f32` was found to
/// be a twentieth of it (widths of 512 to 4096, depths to 5).
pub(super) const DOUBT: f64 = 1e-5 / 3.0;

/// Whether numbers of so many bytes are ever in doubt.
pub(super) fn doubts(bytes: u64) -> bool {
    bytes < size_of::<f64>() as u64
}

/// The samples of a recording that have a unit in doubt, in order.
fn samples_in_doubt<R: Float>(f: Var<'_, R>) -> Vec<usize> {
    let tape = f.tape();
    let mut found = Vec::new();
    for node in (0..tape.len() as u32).map(|id| tape.node(id)) {
        let (Op::Elementwise(op), Samples::Axis { axis: 0, group }) = (node.op, node.samples) else { continue };
        let x = tape.node(node.inputs[0]).value;
        let len = node.value.len() / (node.shape[0] / group as usize).max(1);
        if op.kinks().is_empty() || len == 0 {
            continue;
        }
        let squares: f64 = x.iter().map(|x| x.to_f64() * x.to_f64()).sum();
        let near = R::from_f64(DOUBT * (squares / x.len() as f64).sqrt());
        for &kink in op.kinks() {
            let kink = R::from_f64(kink);
            // What is on the kink in many places is there on purpose: the zeros of another relu, a border.
            let on_purpose = x.iter().filter(|x| **x == kink).count() > 4 + x.len() / 100;
            for (sample, x) in x.chunks_exact(len).enumerate() {
                let doubtful = |&x: &R| Real::abs(x - kink) < near && !(on_purpose && x == kink);
                if x.iter().any(doubtful) {
                    found.push(sample);
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Parameters in `f64`, made when the first sample is in doubt and let go when all blocks are made.
#[derive(Default)]
pub(super) struct Widened(Mutex<Option<Arc<Vec<Array<f64>>>>>);

impl Widened {
    fn of<R: Float>(&self, parameters: &[Array<R>]) -> Result<Arc<Vec<Array<f64>>>> {
        let mut kept = self.0.lock().map_err(|_| Error::Bug("a task panicked while it widened the weights".into()))?;
        if let Some(parameters) = kept.as_ref() {
            return Ok(Arc::clone(parameters));
        }
        let wide = |p: &Array<R>| Array::new(p.shape.clone(), p.data.iter().map(|x| x.to_f64()).collect());
        let parameters = Arc::new(parameters.iter().map(wide).collect::<Result<_>>()?);
        *kept = Some(Arc::clone(&parameters));
        Ok(parameters)
    }

    /// Lets the parameters go.
    pub(super) fn release(&self) {
        if let Ok(mut kept) = self.0.lock() {
            *kept = None;
        }
    }
}

/// Factors of the samples in doubt, in `f64`.
pub(super) struct Resolved {
    samples: Vec<usize>,
    /// For each factor its rows `[samples in doubt, fan_in]`.
    inputs: Vec<Option<Vec<f64>>>,
    cotangents: Vec<sink::Bar<f64>>,
}

impl Resolved {
    /// Of a recording of samples `x`, if any of them is in doubt.
    pub(super) fn of<N: Network, R: Float>(
        problem: &Problem<'_, N, R>,
        f: Var<'_, R>,
        x: &[R],
        widened: &Widened,
    ) -> Result<Option<Self>> {
        let samples = samples_in_doubt(f);
        if samples.is_empty() {
            return Ok(None);
        }
        let row_len = problem.x1.row_len();
        let of_sample = |&i: &usize| x[i * row_len..][..row_len].iter().map(|x| x.to_f64());
        let x: Vec<f64> = samples.iter().flat_map(of_sample).collect();
        let parameters = widened.of(problem.parameters)?;
        let (mut arena, mut pool, mut seeds) = (Arena::new(), Pool::default(), Vec::new());
        problem.outputs.seeds(1, problem.width, &mut seeds);
        let mut factors = Factors::default();
        let f = record(&mut arena, problem.network, &parameters, &x)?;
        pullback_shared(f, &seeds, problem.directions(), &mut factors, &mut pool)?;
        let inputs = factors.factors.iter().map(|factor| factor.input.map(<[f64]>::to_vec)).collect();
        let cotangents = factors.cotangents.into_iter().map(|cotangent| cotangent.bar).collect();
        Ok(Some(Self { samples, inputs, cotangents }))
    }

    /// Writes factor `which`'s input rows over those of the block.
    pub(super) fn input<R: Float>(&self, which: usize, rows: &mut [R], of: usize) {
        if let Some(Some(from)) = self.inputs.get(which) {
            self.rows(from, rows, of);
        }
    }

    /// Writes the cotangents over those of a block of `of` samples.
    pub(super) fn cotangent<R: Float>(&self, which: usize, bar: &mut sink::Bar<R>, of: usize, directions: usize) {
        match (bar, self.cotangents.get(which)) {
            (sink::Bar::Each(rows), Some(sink::Bar::Each(from))) => {
                let (len, from_len) = (rows.len() / directions.max(1), from.len() / directions.max(1));
                for (rows, from) in rows.chunks_exact_mut(len.max(1)).zip(from.chunks_exact(from_len.max(1))) {
                    self.rows(from, rows, of);
                }
            }
            (sink::Bar::Shared(shared), Some(sink::Bar::Shared(from))) => {
                if let (Some(rows), Some(from)) = (&mut shared.slope, &from.slope) {
                    self.rows(from, rows, of);
                }
            }
            // One network has one form of cotangents, whatever the samples.
            _ => {}
        }
    }

    fn rows<R: Float>(&self, from: &[f64], to: &mut [R], of: usize) {
        let len = to.len() / of.max(1);
        for (from, &sample) in from.chunks_exact(len.max(1)).zip(&self.samples) {
            to[sample * len..][..len].iter_mut().zip(from).for_each(|(to, &from)| *to = R::from_f64(from));
        }
    }
}
