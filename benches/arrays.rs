//! What does an elementwise function cost a number, and what does a node of the array tape cost beside its kernel?
//!
//! `cargo bench -p ntk-benches --bench arrays` prints two tables in processor time of one thread, the least of 25 rounds:
//! nanoseconds a number, and nanoseconds a node.

use std::hint::black_box;

use autodiff::kernel::map;
use autodiff::op::ElementwiseOp;
use autodiff::op::elementwise::{Cos, Erf, Erfc, Exp, Gelu, Ln, Sigmoid, Sin, Softplus, Tanh};
use autodiff::sweep::{Gradient, Pool, pullback};
use autodiff::{Arena, Float, Var};
use ntk_benches::{least_seconds, numbers};

/// Numbers that stay in the first-level cache with their results, and that go through memory.
const LENGTHS: [usize; 2] = [2048, 1 << 23];

fn functions() -> Vec<(&'static str, ElementwiseOp)> {
    vec![
        ("exp", ElementwiseOp::Exp(Exp)),
        ("tanh", ElementwiseOp::Tanh(Tanh)),
        ("sigmoid", ElementwiseOp::Sigmoid(Sigmoid)),
        ("softplus", ElementwiseOp::Softplus(Softplus)),
        ("erf", ElementwiseOp::Erf(Erf)),
        ("erfc", ElementwiseOp::Erfc(Erfc)),
        ("gelu", ElementwiseOp::Gelu(Gelu)),
        ("sin", ElementwiseOp::Sin(Sin)),
        ("cos", ElementwiseOp::Cos(Cos)),
        ("ln", ElementwiseOp::Ln(Ln)),
    ]
}

/// Nanoseconds a number of a function and of its slope.
fn of<R: Float>(op: ElementwiseOp, name: &str, len: usize) -> [f64; 2] {
    // From -8 to 8, where nothing is saturated throughout; a logarithm's from 0 on.
    let wide = |x: f64| if name == "ln" { 8.0 * x.abs() + 1e-3 } else { 8.0 * x };
    let x: Vec<R> = numbers(len, 1).into_iter().map(|x| <R as autodiff::Real>::from_f64(wide(x))).collect();
    let (mut y, mut slope) = (vec![R::ZERO; len], vec![R::ZERO; len]);
    let primal = least_seconds(|| map::primal(op, black_box(&x), &mut y));
    let slope = least_seconds(|| map::slope(op, black_box(&x), &y, &mut slope));
    [primal, slope].map(|seconds| 1e9 * seconds / len as f64)
}

fn table<R: Float>() {
    println!("\n**{}**\n", R::NAME);
    println!("| function | ns a number, in cache | its slope | ns a number, in memory | GB/s |\n|---|---|---|---|---|");
    for (name, op) in functions() {
        let [[near, slope], [far, _]] = LENGTHS.map(|len| of::<R>(op, name, len));
        // Read once, written once.
        let rate = 2.0 * size_of::<R>() as f64 / far;
        println!("| {name} | {near:.3} | {slope:.3} | {far:.3} | {rate:.1} |");
    }
}

const OPS: usize = 2000;

/// Products and sums in turn: each is a node, and the next reads it.
fn chain<'a>(x: Var<'a, f64>, y: Var<'a, f64>) -> Var<'a, f64> {
    (0..OPS / 2).fold(x, |z, _| z.times(y).expect("one shape").combine(1.0, y, 0.5).expect("one shape"))
}

/// The same arithmetic without a tape, into buffers that are there.
fn plain(x: &[f64], y: &[f64], z: &mut [f64], w: &mut [f64]) {
    z.copy_from_slice(x);
    for _ in 0..OPS / 2 {
        w.iter_mut().zip(z.iter().zip(y)).for_each(|(w, (z, y))| *w = z * y);
        z.iter_mut().zip(w.iter().zip(y)).for_each(|(z, (w, y))| *z = w + 0.5 * y);
    }
}

fn nodes() {
    println!("\n| numbers a node | loops alone ns | recorded ns | pulled back ns |\n|---|---|---|---|");
    for len in [1, 8, 64, 1024] {
        let (x, y, seed) = (numbers(len, 1), numbers(len, 2), numbers(len, 3));
        let (mut z, mut w) = (x.clone(), x.clone());
        let alone = least_seconds(|| plain(black_box(&x), black_box(&y), &mut z, &mut w));
        let (mut arena, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
        let recorded = least_seconds(|| {
            let tape = arena.tape();
            let (x, y) = (tape.leaf(&x, &[len]).expect("fits"), tape.leaf(&y, &[len]).expect("fits"));
            black_box(chain(x, y).id());
        });
        let tape = arena.tape();
        let (x, y) = (tape.leaf(&x, &[len]).expect("fits"), tape.leaf(&y, &[len]).expect("fits"));
        let z = chain(x, y);
        let pulled = least_seconds(|| {
            pullback(z, &seed, 1, &mut sink, &mut pool).expect("fits");
            sink.release(&mut pool);
        });
        let [alone, recorded, pulled] = [alone, recorded, pulled].map(|seconds| 1e9 * seconds / OPS as f64);
        println!("| {len} | {alone:.1} | {recorded:.1} | {pulled:.1} |");
    }
}

fn main() {
    nodes();
    table::<f32>();
    table::<f64>();
}
