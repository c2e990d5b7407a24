//! A tape, line by line: what was recorded, from what, of which shape, its value and its cotangent.
//!
//! A pullback keeps cotangents only as long as it needs them. Here they are wanted all, so each is had by its definition:
//! move every entry of one value in turn, and see how much the loss moves. That is a pushforward that begins in the midst
//! of the tape, with as many directions as the value has entries.
//!
//! `cargo run --release --example 05_print_a_tape`

use autodiff::op::Op;
use autodiff::op::composite::mean_squared_error;
use autodiff::sweep::{Gradient, Pool, pullback, pushforward};
use autodiff::{Arena, Result, Tape, Var};

/// The loss of a network of one hidden layer, two samples.
fn loss<'a>(tape: &'a Tape<'a, f64>) -> Result<Var<'a, f64>> {
    let x = tape.samples(&[1.0, -0.5, 0.2, 0.8], &[2, 2])?;
    let w0 = tape.leaf(&[0.4, -0.3, 0.9, 0.1, 0.7, -0.6], &[2, 3])?;
    let b0 = tape.leaf(&[0.1, 0.0, -0.1], &[3])?;
    let w1 = tape.leaf(&[1.0, -0.5, 0.3], &[3, 1])?;
    let y = tape.samples(&[0.5, -0.5], &[2, 1])?;
    mean_squared_error(x.matmul(w0)?.plus(b0)?.tanh().matmul(w1)?, y)
}

/// The derivatives of `loss` by the entries of `value`.
fn cotangent<'a>(loss: Var<'a, f64>, value: Var<'a, f64>, pool: &mut Pool<f64>) -> Result<Vec<f64>> {
    let entries = value.value().len();
    let units: Vec<f64> = (0..entries * entries).map(|i| f64::from(u8::from(i % (entries + 1) == 0))).collect();
    let tangents = pushforward(loss.tape(), &[(value, &units)], entries, pool)?;
    Ok(tangents.of(loss).map_or(vec![0.0; entries], <[f64]>::to_vec))
}

fn numbers(numbers: &[f64]) -> String {
    numbers.iter().map(|x| format!("{x:7.4}")).collect::<Vec<_>>().join(" ")
}

fn main() -> Result<()> {
    let (mut arena, mut pool, mut gradient) = (Arena::new(), Pool::default(), Gradient::new());
    let tape = arena.tape();
    let loss = loss(tape)?;
    pullback(loss, &[1.0], 1, &mut gradient, &mut pool)?;

    println!("{:4} {:18} {:7} {:50} cotangent", "", "op", "shape", "value");
    let mut worst = 0.0_f64;
    for value in tape.variables() {
        let (id, node) = (value.id(), value.node());
        let operands: Vec<String> = node.inputs.iter().map(|input| format!("%{input}")).collect();
        let op = format!("{} {}", node.op.name(), operands.join(" "));
        let bar = if node.active { cotangent(loss, value, &mut pool)? } else { Vec::new() };
        println!("%{id:<3} {op:18} {:7} {:50} {}", format!("{:?}", node.shape), numbers(node.value), numbers(&bar));
        if let Op::Leaf(leaf) = node.op {
            let pulled = gradient.of(leaf as usize).unwrap_or_default();
            worst = pulled.iter().zip(&bar).fold(worst, |worst, (a, b)| worst.max((a - b).abs()));
        }
    }
    println!("\nA pullback of the loss gives the leaves the same cotangents, to within {worst:.0e}.");
    println!("The arena holds {} bytes.", arena.bytes());
    Ok(())
}
