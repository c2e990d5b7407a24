//! The network itself, expanded in its parameters: what linear training approximates, and by how much.

use autodiff::{Arena, Dual, Real, with_tangents};

use crate::array::Array;
use crate::error::{Error, Result};
use crate::network::Network;

/// The highest order.
pub const ORDER: usize = 3;

/// The terms of `f(p + d) = f + J d + 1/2 d^T H d + ..` along one direction `d`, each divided by its factorial: sum the first
/// two for the linearized network.
///
/// # Shape
/// `x: [n, ..input]`, parameters and direction as [`Network::parameters`] `->` `order + 1` arrays `[n, outputs]`
///
/// # Rule
/// Duals nested `order` deep, all with the same tangent: the product of all perturbations has the highest derivative.
///
/// # Cost
/// `3^order` passes over the network.
///
/// # Errors
/// An order above [`ORDER`]; shapes that do not fit; what recording refuses.
pub fn taylor<N: Network>(
    network: &N,
    parameters: &[Array<f64>],
    direction: &[Array<f64>],
    x: &Array<f64>,
    order: usize,
) -> Result<Vec<Array<f64>>> {
    let shapes = network.parameters()?;
    for (what, of) in [("parameters", parameters), ("direction", direction)] {
        if of.len() != shapes.len() || of.iter().zip(&shapes).any(|(p, shape)| p.shape != *shape) {
            let what = format!("{what} of other shapes than the network's");
            return Err(Error::usage(what, "give one array for each parameter, in the shapes of the description"));
        }
    }
    if order > ORDER {
        return Err(Error::usage(format!("order {order}"), format!("give an order of at most {ORDER}")));
    }
    let flat = |of: &[Array<f64>]| of.iter().flat_map(|p| p.data.iter().copied()).collect::<Vec<_>>();
    let (p, d) = (flat(parameters), flat(direction));
    let call = Call { network, shapes: &shapes, x };
    let terms = match order {
        0 => vec![call.outputs::<f64>(&p)?],
        1 => with_tangents(&p, &d, |p| call.outputs(&p).map(split))?,
        2 => with_tangents(&p, &d, |p| second(&call, &p, &d))?,
        _ => with_tangents(&p, &d, |p| third(&call, &p, &d))?,
    };
    let shape = [x.rows(), network.outputs()?];
    let mut factorial = 1.0;
    let mut arrays = Vec::new();
    for (k, values) in terms.into_iter().enumerate() {
        factorial *= k.max(1) as f64;
        arrays.push(Array::new(shape, values.into_iter().map(|y| y / factorial).collect())?);
    }
    Ok(arrays)
}

/// Values, then tangents.
fn split(y: Vec<Dual<'_, f64>>) -> Vec<Vec<f64>> {
    vec![y.iter().map(|y| y.re).collect(), y.iter().map(|y| y.eps).collect()]
}

fn second<'b, N: Network>(call: &Call<'_, N>, p: &[Dual<'b, f64>], d: &[f64]) -> Result<Vec<Vec<f64>>> {
    let d: Vec<Dual<'b, f64>> = d.iter().map(|&d| Dual::constant(d)).collect();
    with_tangents(p, &d, |p| {
        let y = call.outputs(&p)?;
        let mut terms = split(y.iter().map(|y| y.re).collect());
        terms.push(y.iter().map(|y| y.eps.eps).collect());
        Ok(terms)
    })
}

fn third<'b, N: Network>(call: &Call<'_, N>, p: &[Dual<'b, f64>], d: &[f64]) -> Result<Vec<Vec<f64>>> {
    let once: Vec<Dual<'b, f64>> = d.iter().map(|&d| Dual::constant(d)).collect();
    with_tangents(p, &once, |p| {
        let twice: Vec<_> = once.iter().map(|&d| Dual::constant(d)).collect();
        with_tangents(&p, &twice, |p| {
            let y = call.outputs(&p)?;
            let mut terms = split(y.iter().map(|y| y.re.re).collect());
            terms.push(y.iter().map(|y| y.re.eps.eps).collect());
            terms.push(y.iter().map(|y| y.eps.eps.eps).collect());
            Ok(terms)
        })
    })
}

struct Call<'c, N> {
    network: &'c N,
    shapes: &'c [Vec<usize>],
    x: &'c Array<f64>,
}

impl<N: Network> Call<'_, N> {
    fn outputs<R: Real>(&self, flat: &[R]) -> Result<Vec<R>> {
        let x: Vec<R> = self.x.data.iter().map(|&x| R::from_f64(x)).collect();
        let mut arena = Arena::new();
        let tape = arena.tape::<R>();
        let x = tape.samples(&x, &self.x.shape)?;
        let mut at = 0;
        let mut leaves = Vec::new();
        for shape in self.shapes {
            let count: usize = shape.iter().product();
            leaves.push(tape.leaf(&flat[at..at + count], shape)?);
            at += count;
        }
        Ok(self.network.apply(x, &leaves)?.value().to_vec())
    }
}
