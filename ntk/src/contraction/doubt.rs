//! Samples with a unit so near a kink that single precision cannot tell on which side it is.
//!
//! A relu's slope is 0 or 1. Where rounding decides which, one unit moves an entry of a kernel by a part in its width,
//! a thousand times the rounding of everything else. So in `f32` the samples that have such a unit, a few in a hundred,
//! are recorded in `f64`; those where a unit turns out to be on the other side are pulled back in it, and what is kept of
//! them rounded: a kernel in `f32` then has the units on that one in `f64` has. Not where reading the weights in `f64` would cost more than half of the kernel (few samples of a large network):
//! the plan says which ([`Plan::resolves`](super::Plan::resolves)).

use std::sync::{Arc, Mutex};

use autodiff::sweep::{Factors, Keep, Pool, pullback_shared};
use autodiff::{Arena, Float, Kernel, Op, Real, Samples, Var};

use super::Problem;
use super::kept::Kept;
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
        for &kink in op.kinks() {
            let kink = R::from_f64(kink);
            let seen: Vec<Seen<R>> = x.chunks_exact(len).map(|x| R::vectorize(Look { x, kink })).collect();
            let squares: f64 = seen.iter().map(|seen| seen.squares.to_f64()).sum();
            let near = R::from_f64(DOUBT * (squares / x.len() as f64).sqrt());
            // What is on the kink in many places is there on purpose: the zeros of another relu, a border.
            let on_purpose = seen.iter().map(|seen| seen.on).sum::<usize>() > 4 + x.len() / 100;
            for (sample, seen) in seen.iter().enumerate() {
                if seen.nearest < near || (seen.on > 0 && !on_purpose) {
                    found.push(sample);
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What the arguments of a sample's units are.
struct Seen<R> {
    /// The sum of their squares.
    squares: R,
    /// How many are on the kink.
    on: usize,
    /// How near to it the nearest of the others is.
    nearest: R,
}

/// One pass over them.
struct Look<'x, R> {
    x: &'x [R],
    kink: R,
}

/// Sums in lanes, as they vectorize.
const LANES: usize = 16;
/// So many numbers a lane are counted at once: then the count is exact in any number type.
const RUN: usize = 1 << 16;

impl<R: Float> Kernel for Look<'_, R> {
    type Output = Seen<R>;
    #[inline(always)]
    fn run(self) -> Seen<R> {
        let Self { x, kink } = self;
        let far = R::from_f64(f64::INFINITY);
        let mut seen = Seen { squares: R::ZERO, on: 0, nearest: far };
        for x in x.chunks(RUN * LANES) {
            let (mut squares, mut on, mut nearest) = ([R::ZERO; LANES], [R::ZERO; LANES], [far; LANES]);
            let (whole, rest) = x.as_chunks::<LANES>();
            for x in whole {
                for lane in 0..LANES {
                    let away = Real::abs(x[lane] - kink);
                    squares[lane] += x[lane] * x[lane];
                    on[lane] += if away == R::ZERO { R::ONE } else { R::ZERO };
                    let away = if away == R::ZERO { far } else { away };
                    nearest[lane] = if away < nearest[lane] { away } else { nearest[lane] };
                }
            }
            for &x in rest {
                let away = Real::abs(x - kink);
                squares[0] += x * x;
                if away == R::ZERO {
                    seen.on += 1;
                } else if away < nearest[0] {
                    nearest[0] = away;
                }
            }
            squares.iter().for_each(|&lane| seen.squares += lane);
            seen.on += on.iter().map(|lane| lane.to_f64() as usize).sum::<usize>();
            nearest.iter().for_each(|&lane| seen.nearest = if lane < seen.nearest { lane } else { seen.nearest });
        }
        seen
    }
}

/// Parameters in `f64`, made when the first sample is in doubt and let go when all blocks are made.
#[derive(Default)]
pub(super) struct Widened {
    parameters: Mutex<Option<Arc<Vec<Array<f64>>>>>,
    /// One thread at a time pulls back in `f64`: it is seldom done, and takes twice the memory.
    turn: Mutex<()>,
}

impl Widened {
    fn of<R: Float>(&self, parameters: &[Array<R>]) -> Result<Arc<Vec<Array<f64>>>> {
        let mut kept =
            self.parameters.lock().map_err(|_| Error::Bug("a task panicked while it widened the weights".into()))?;
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
        if let Ok(mut kept) = self.parameters.lock() {
            *kept = None;
        }
    }
}

/// Which samples of a recording of `x` have a unit on the wrong side, and what is kept of them, in `f64`; nothing if none has.
///
/// Samples in doubt are recorded in `f64`, and the few in which a unit then is elsewhere are pulled back.
pub(super) fn resolve<N: Network, R: Float>(
    problem: &Problem<'_, N, R>,
    keep: &[Keep],
    f: Var<'_, R>,
    x: &[R],
    widened: &Widened,
) -> Result<Option<(Vec<usize>, Kept<f64>)>> {
    let doubtful = samples_in_doubt(f);
    if doubtful.is_empty() {
        return Ok(None);
    }
    let row_len = problem.x1.row_len();
    let wide = |samples: &[usize]| -> Vec<f64> {
        samples.iter().flat_map(|&i| x[i * row_len..][..row_len].iter().map(|x| x.to_f64())).collect()
    };
    let parameters = widened.of(problem.parameters)?;
    let (mut arena, x) = (Arena::new(), wide(&doubtful));
    let astray = astray(f, record(&mut arena, problem.network, &parameters, &x)?, &doubtful);
    if astray.is_empty() {
        return Ok(None);
    }
    let _turn = widened.turn.lock().map_err(|_| Error::Bug("a task panicked while it pulled back in f64".into()))?;
    let x = wide(&astray);
    let (mut pool, mut seeds) = (Pool::default(), Vec::new());
    problem.outputs.seeds(1, problem.width, &mut seeds);
    let lengths = parameters.iter().map(Array::len).collect();
    let mut factors = Factors::keeping(keep.to_vec(), lengths);
    let f = record(&mut arena, problem.network, &parameters, &x)?;
    pullback_shared(f, &seeds, problem.directions(), &mut factors, &mut pool)?;
    Ok(Some((astray, Kept::of(factors)?)))
}

/// Those samples of which some unit is on another side of a kink in `g`, which recorded them alone.
fn astray<R: Float>(f: Var<'_, R>, g: Var<'_, f64>, samples: &[usize]) -> Vec<usize> {
    let mut found = Vec::new();
    for id in 0..f.tape().len() as u32 {
        let (node, wide) = (f.tape().node(id), g.tape().node(id));
        let (Op::Elementwise(op), Samples::Axis { axis: 0, .. }) = (node.op, node.samples) else { continue };
        let (x, x_wide) = (f.tape().node(node.inputs[0]).value, g.tape().node(wide.inputs[0]).value);
        let len = x_wide.len() / samples.len();
        for &kink in op.kinks() {
            for (at, &sample) in samples.iter().enumerate() {
                let (x, x_wide) = (&x[sample * len..][..len], &x_wide[at * len..][..len]);
                // What is on the kink in both is there on purpose.
                if x.iter().zip(x_wide).any(|(x, wide)| x.to_f64().partial_cmp(&kink) != wide.partial_cmp(&kink)) {
                    found.push(sample);
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
