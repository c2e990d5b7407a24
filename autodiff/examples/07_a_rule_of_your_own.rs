//! A rule of one's own, held to the laws; and checkpoints, which trade an evaluation for memory.
//!
//! The rule is that of a fixed point. Kepler's equation `E - e sin E = M` is solved for E by iteration. Differentiating the
//! iteration would record every step; the implicit function theorem needs none of them:
//! `(1 - e cos E) E_dot = M_dot + sin(E) e_dot`.
//!
//! `cargo run --release --example 07_a_rule_of_your_own`

use autodiff::check::{Order, check_grads};
use autodiff::custom::{Custom, Given, Point};
use autodiff::sweep::{Gradient, Pool, pullback};
use autodiff::{Arena, Error, Result, Shape, Tensor, checkpoint, jacobian};

/// The anomaly E of a mean anomaly M and an eccentricity e, entry by entry. `off` is a factor in its slope that should
/// not be there.
struct Kepler {
    off: f64,
}

impl Kepler {
    /// `dE/dM` and `dE/de`.
    fn slopes(&self, anomaly: f64, eccentricity: f64) -> [f64; 2] {
        let s = 1.0 / (1.0 - eccentricity * anomaly.cos());
        [s, self.off * s * anomaly.sin()]
    }
}

impl Custom<f64> for Kepler {
    fn name(&self) -> &'static str {
        "kepler"
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Shape> {
        let (left, right) = (x[0].into(), x[1].into());
        let remedy = "give an eccentricity for each anomaly";
        if left == right { Ok(left) } else { Err(Error::Shapes { op: "kepler", left, right, remedy }) }
    }

    fn primal(&self, x: &[Given<'_, f64>], y: &mut [f64]) {
        for ((&mean, &e), y) in x[0].numbers.iter().zip(x[1].numbers).zip(y) {
            *y = (0..50).fold(mean, |y, _| y - (y - e * y.sin() - mean) / (1.0 - e * y.cos()));
        }
    }

    fn jvp(&self, at: &Point<'_, f64>, x_dot: &[Option<&[f64]>], y_dot: &mut [f64]) {
        for (i, y_dot) in y_dot.iter_mut().enumerate() {
            let slopes = self.slopes(at.y[i], at.x[1].numbers[i]);
            let moved = |k: usize| x_dot[k].map_or(0.0, |x_dot| slopes[k] * x_dot[i]);
            *y_dot = moved(0) + moved(1);
        }
    }

    fn vjp(&self, at: &Point<'_, f64>, y_bar: &[f64], operand: usize, x_bar: &mut [f64]) {
        for (i, x_bar) in x_bar.iter_mut().enumerate() {
            *x_bar = self.slopes(at.y[i], at.x[1].numbers[i])[operand] * y_bar[i];
        }
    }
}

/// Bytes of the arena, and the gradient by the number that every step adds, of 64 blocks of 8 steps that are kept or
/// recorded again.
fn memory(kept: bool) -> Result<(usize, Vec<f64>)> {
    let block = checkpoint(|x| (0..8).try_fold(x[0], |z, _| z.sin().plus(x[1])));
    let numbers: Vec<f64> = (0..4096).map(|i| (i as f64 * 0.37).sin()).collect();
    let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
    for _ in 0..2 {
        let tape = arena.tape();
        let (x, b) = (tape.leaf(&numbers, &[4096])?, tape.leaf(&[0.3], &[])?);
        let y = (0..64).try_fold(x, |z, _| {
            let inputs = [z, b];
            if kept { (block.0)(&inputs) } else { block.apply(&inputs) }
        })?;
        pullback(y.sum(), &[1.0], 1, &mut sink, &mut pool)?;
    }
    Ok((arena.bytes(), sink.of(1).unwrap_or_default().to_vec()))
}

fn main() -> Result<()> {
    let at = [Tensor::vector([0.5, 1.0, 2.5]), Tensor::vector([0.1, 0.6, 0.9])];
    for off in [1.0, 1.0005] {
        let rule = Kepler { off };
        match check_grads(|x| x[0].tape().custom(&rule, &x), &at, Order::First, 1e-8) {
            Ok(_) => println!("factor {off}: obeys the laws"),
            Err(broken) => println!("factor {off}: {broken}"),
        }
    }
    let rule = Kepler { off: 1.0 };
    let j = jacobian(|x| x[0].tape().custom(&rule, &x), &at)?;
    let diagonal = |j: &Tensor<f64>| j.numbers().iter().step_by(4).map(|x| format!("{x:10.6}")).collect::<String>();
    println!("\ndE/dM {}\ndE/de {}", diagonal(&j[0]), diagonal(&j[1]));

    let ((all, kept), (some, again)) = (memory(true)?, memory(false)?);
    println!("\n512 steps on 4096 numbers: {} KiB recorded, {} KiB with checkpoints", all >> 10, some >> 10);
    println!("the gradients are {}", if kept == again { "the same to the bit" } else { "different" });
    Ok(())
}
