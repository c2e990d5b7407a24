//! Hessian-vector products by two roads, and differences for comparison, without a Hessian.
//!
//! The Hessian of a network with a million weights has 10^12 entries. Its product with a vector is the derivative of the
//! gradient along that vector, and costs about two gradients.
//!
//! `cargo run --release --example 03_hvp`

use autodiff::op::composite::mean_squared_error;
use autodiff::sweep::{Gradient, Pool, pullback_tangent, pushforward};
use autodiff::{Arena, Real, Result, scalar};

/// The samples that a network of two layers is fitted to.
const INPUTS: [f64; 6] = [0.3, -0.5, 0.8, 0.1, -0.9, 0.6];
const TARGETS: [f64; 3] = [0.5, -0.2, 0.1];
const HIDDEN: usize = 4;

/// The loss, an op a number: `weights` is W0 `[2, 4]` and then W1 `[4, 1]`.
fn loss<R: Real>(weights: &[R]) -> R {
    let (w0, w1) = weights.split_at(2 * HIDDEN);
    let mut total = R::ZERO;
    for (x, y) in INPUTS.chunks(2).zip(TARGETS) {
        let hidden = |j: usize| (w0[j].scale(x[0]) + w0[HIDDEN + j].scale(x[1])).tanh();
        let output = (0..HIDDEN).fold(R::ZERO, |sum, j| sum + hidden(j) * w1[j]);
        let error = output - R::from_f64(y);
        total += error * error;
    }
    total.scale(1.0 / (2 * TARGETS.len()) as f64)
}

/// The same loss, an op an array. A pushforward of tangents, then one pullback in which each cotangent carries its own.
fn arrays(weights: &[f64], along: &[f64]) -> Result<(Vec<f64>, usize)> {
    let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
    let tape = arena.tape();
    let x = tape.constant(&INPUTS, &[3, 2])?;
    let w0 = tape.leaf(&weights[..2 * HIDDEN], &[2, HIDDEN])?;
    let w1 = tape.leaf(&weights[2 * HIDDEN..], &[HIDDEN, 1])?;
    let loss = mean_squared_error(x.matmul(w0)?.tanh().matmul(w1)?, tape.constant(&TARGETS, &[3, 1])?)?;
    let tangents = pushforward(tape, &[(w0, &along[..2 * HIDDEN]), (w1, &along[2 * HIDDEN..])], 1, &mut pool)?;
    pullback_tangent(loss, &[1.0], &tangents, &mut sink, &mut pool)?;
    let product = (0..2).flat_map(|leaf| sink.tangent_of(leaf).unwrap_or_default().to_vec()).collect();
    Ok((product, tape.len()))
}

fn main() -> Result<()> {
    let weights: Vec<f64> = (0..3 * HIDDEN).map(|i| (1.7 * i as f64).sin()).collect();
    let along: Vec<f64> = (0..3 * HIDDEN).map(|i| (0.9 * i as f64).cos()).collect();

    let scalars = scalar::hvp(|w| loss(w), &weights, &along)?;
    let (arrays, array_nodes) = arrays(&weights, &along)?;
    let h = 1e-5;
    let moved = |t: f64| {
        let at: Vec<f64> = weights.iter().zip(&along).map(|(w, v)| w + t * v).collect();
        scalar::gradient(|w| loss(w), &at)
    };
    let (up, down) = (moved(h), moved(-h));

    println!("entry   tape of duals   tangent of the pullback   difference of gradients");
    for i in 0..weights.len() {
        println!("{i:5} {:15.12} {:25.12} {:25.12}", scalars[i], arrays[i], (up[i] - down[i]) / (2.0 * h));
    }
    let nodes = scalar::Arena::new().record(&weights, |tape, w| {
        loss(w);
        tape.len()
    });
    println!("\nthe loss is {nodes} nodes on numbers, and {array_nodes} on arrays, with their leaves");
    Ok(())
}
