//! The verbs at work: Newton's method without a Hessian, and what kind of curvature it sees.
//!
//! A model is fitted to a handful of points. Each step solves `H p = -g` by conjugate gradients, which ask for nothing but
//! products `H v`; one recording answers all of them. Where the Hessian is not positive, the Gauss-Newton matrix still is.
//!
//! `cargo run --release --example 06_verbs`

use autodiff::verb::{Inputs, Recorded, Workspace};
use autodiff::{Result, Tensor, Var, hessian, jacobian};

const TIMES: [f64; 6] = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5];
const SEEN: [f64; 6] = [2.04, 1.27, 0.71, 0.47, 0.25, 0.18];

/// `a e^(-b t)` at every time; the primals are a and b.
fn model<'a>(x: Inputs<'a, '_, f64>) -> Result<Var<'a, f64>> {
    let [a, b] = x.named()?;
    let times = x.tape().constant(&TIMES, &[6])?;
    times.times(b.scale(-1.0).broadcast(0, 6)?)?.exp().times(a.broadcast(0, 6)?)
}

/// Half the sum of the squared residuals.
fn loss<'a>(f: Inputs<'a, '_, f64>) -> Result<Var<'a, f64>> {
    squares(f[0])
}

fn squares(f: Var<'_, f64>) -> Result<Var<'_, f64>> {
    Ok(f.minus(f.tape().constant(&SEEN, &[6])?)?.powi(2).sum().scale(0.5))
}

fn whole<'a>(x: Inputs<'a, '_, f64>) -> Result<Var<'a, f64>> {
    squares(model(x)?)
}

fn dot(a: &[Tensor<f64>], b: &[Tensor<f64>]) -> f64 {
    a.iter().zip(b).flat_map(|(a, b)| a.numbers().iter().zip(b.numbers())).map(|(a, b)| a * b).sum()
}

/// `a + c b`
fn along(a: &[Tensor<f64>], c: f64, b: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
    let sum = |(a, b): (&Tensor<f64>, &Tensor<f64>)| {
        let numbers: Vec<f64> = a.numbers().iter().zip(b.numbers()).map(|(a, b)| a + c * b).collect();
        Tensor::new(a.shape(), numbers).expect("one shape")
    };
    a.iter().zip(b).map(sum).collect()
}

/// Solves `H p = -g` by conjugate gradients, in as many steps as there are numbers.
fn newton_step(at: &mut Recorded<'_, f64>, gradient: &[Tensor<f64>]) -> Result<Vec<Tensor<f64>>> {
    let zero: Vec<Tensor<f64>> = gradient.iter().map(|g| Tensor::zeros(g.shape())).collect();
    let (mut step, mut residual) = (zero.clone(), along(&zero, -1.0, gradient));
    let mut direction = residual.clone();
    for _ in 0..2 {
        let product = at.hvp(&direction)?;
        let before = dot(&residual, &residual);
        let length = before / dot(&direction, &product);
        step = along(&step, length, &direction);
        residual = along(&residual, -length, &product);
        direction = along(&residual, dot(&residual, &residual) / before, &direction);
    }
    Ok(step)
}

fn main() -> Result<()> {
    let mut workspace = Workspace::new();
    let mut x = vec![Tensor::scalar(1.8), Tensor::scalar(0.8)];
    println!("step       loss          a          b   |gradient|");
    for step in 0..6 {
        let mut at = workspace.linearize(whole, &x)?;
        let gradient = at.grad()?;
        let size = dot(&gradient, &gradient).sqrt();
        let [a, b] = [0, 1].map(|i| x[i].numbers()[0]);
        println!("{step:4} {:10.7} {a:10.7} {b:10.7} {size:12.2e}", at.value().numbers()[0]);
        x = along(&x, 1.0, &newton_step(&mut at, &gradient)?);
    }

    let entries = |rows: &[Vec<Tensor<f64>>]| -> Vec<f64> { rows.iter().flatten().flat_map(Tensor::item).collect() };
    println!("\nHessian        {:8.5?}", entries(&hessian(whole, &x)?));
    // Both unit vectors at once: a leading axis of two directions.
    let units = [Tensor::vector([1.0, 0.0]), Tensor::vector([0.0, 1.0])];
    let gauss_newton = workspace.linearize(model, &x)?.ggn_vp(loss, &units)?;
    println!("Gauss-Newton   {:8.5?}", [gauss_newton[0].numbers(), gauss_newton[1].numbers()].concat());
    let j = jacobian(model, &x)?;
    let product = |i: usize, k: usize| dot(&j[i..=i], &j[k..=k]);
    println!("J^T J          {:8.5?}", [product(0, 0), product(0, 1), product(1, 0), product(1, 1)]);
    Ok(())
}
