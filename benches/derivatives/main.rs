//! What does a derivative cost beside its value, beside code written by hand, and in other crates?
//!
//! `cargo bench -p ntk-benches --bench derivatives [-- WORD]` prints a table for each program (those with WORD in
//! their names): nanoseconds of processor time, the least of 25 rounds, and their ratios to the value and to the
//! derivative by hand. Every gradient is held to that by hand before it is timed.

mod lstm;
mod number;
mod programs;

use std::hint::black_box;

use autodiff::scalar::Arena;
use autodiff::sweep::{Gradient, Pool, pullback};
use echidna::{BReverse, Reverse};
use lstm::Lstm;
use nalgebra::SVector;
use ntk_benches::{least_seconds, numbers};
use num_dual::DualSVec64;
use number::Number;
use programs::Scene;

/// A program of n numbers, generic over the type of its numbers.
trait Program {
    fn value<R: Number>(&self, x: &[R]) -> R;
    /// Its gradient by hand, and its value.
    fn by_hand(&self, x: &[f64], gradient: &mut [f64]) -> f64;
}

struct Rosenbrock;
impl Program for Rosenbrock {
    fn value<R: Number>(&self, x: &[R]) -> R {
        programs::rosenbrock(x)
    }
    fn by_hand(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        programs::rosenbrock_by_hand(x, gradient)
    }
}

struct Helmholtz;
impl Program for Helmholtz {
    fn value<R: Number>(&self, x: &[R]) -> R {
        programs::helmholtz(x)
    }
    fn by_hand(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        programs::helmholtz_by_hand(x, gradient)
    }
}

impl Program for Scene {
    fn value<R: Number>(&self, x: &[R]) -> R {
        self.cost(x)
    }
    fn by_hand(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        Scene::by_hand(self, x, gradient)
    }
}

/// The lines of a table.
struct Table {
    value: f64,
    hand: f64,
}

impl Table {
    fn new(title: &str, value: f64, hand: f64) -> Self {
        println!("\n{title}\n\n| how | ns | of the value | of that by hand |\n|---|---|---|---|");
        let table = Self { value, hand };
        table.line("value", value);
        table.line("by hand", hand);
        table
    }

    fn line(&self, how: &str, seconds: f64) {
        println!("| {how} | {} | {:.1} | {:.1} |", digits(1e9 * seconds), seconds / self.value, seconds / self.hand);
    }
}

fn digits(x: f64) -> String {
    if x < 100.0 { format!("{x:.1}") } else { format!("{x:.0}") }
}

/// Fails unless two gradients are one to rounding.
fn same(how: &str, found: &[f64], expected: &[f64]) {
    let scale = expected.iter().fold(0.0_f64, |top, x| top.max(x.abs()));
    let error = found.iter().zip(expected).fold(0.0_f64, |top, (a, b)| top.max((a - b).abs()));
    assert!(found.len() == expected.len() && error <= 1e-12 * scale, "{how}: {error} of {scale}");
}

/// Value and gradient of a program, by every crate that gives a gradient in one sweep.
fn gradients<P: Program>(title: &str, program: &P, x: &[f64]) -> Table {
    let mut expected = vec![0.0; x.len()];
    let value = least_seconds(|| {
        black_box(program.value(black_box(x)));
    });
    let hand = least_seconds(|| {
        black_box(program.by_hand(black_box(x), &mut expected));
    });
    let table = Table::new(title, value, hand);

    let (mut arena, mut gradient) = (Arena::new(), vec![0.0; x.len()]);
    let seconds = least_seconds(|| {
        black_box(arena.value_and_gradient(|x| program.value(x), black_box(x), &mut gradient)).expect("one length");
    });
    same("ours", &gradient, &expected);
    table.line("ours, the tape", seconds);

    let seconds = least_seconds(|| gradient = echidna::grad(|x: &[Reverse<f64>]| program.value(x), black_box(x)));
    same("echidna", &gradient, &expected);
    table.line("echidna, its tape", seconds);

    let tape = reverse::Tape::new();
    let seconds = least_seconds(|| {
        tape.clear();
        let x = tape.add_vars(black_box(x));
        let y = program.value(&x);
        gradient = reverse::Gradient::wrt(&y.grad(), &x);
    });
    same("reverse", &gradient, &expected);
    table.line("reverse", seconds);
    table
}

/// The gradient of a program of N numbers by N tangents at once.
fn forward<P: Program, const N: usize>(table: &Table, program: &P, x: [f64; N]) {
    let mut expected = [0.0; N];
    program.by_hand(&x, &mut expected);
    let mut gradient = [0.0; N];
    let seconds = least_seconds(|| {
        gradient = autodiff::scalar::partials(|x| program.value(&x[..]), black_box(x)).1;
    });
    same("ours forwards", &gradient, &expected);
    table.line(&format!("ours, {N} tangents at once"), seconds);
    let point = SVector::<f64, N>::from(x);
    let seconds = least_seconds(|| {
        let f = |x: SVector<DualSVec64<N>, N>| program.value(x.as_slice());
        gradient.copy_from_slice(num_dual::gradient(f, black_box(&point)).1.as_slice());
    });
    same("num-dual", &gradient, &expected);
    table.line(&format!("num-dual, {N} tangents at once"), seconds);
}

/// Hessian-vector products of Rosenbrock's function.
fn products(n: usize) {
    let (x, v) = (numbers(n, 1), numbers(n, 2));
    let mut expected = vec![0.0; n];
    let value = least_seconds(|| {
        black_box(programs::rosenbrock(black_box(&x[..])));
    });
    let hand = least_seconds(|| programs::rosenbrock_product_by_hand(black_box(&x), &v, &mut expected));
    let table = Table::new(&format!("**Rosenbrock, n = {n}, Hessian times vector**"), value, hand);
    let (mut arena, mut product) = (Arena::new(), vec![0.0; n]);
    let seconds = least_seconds(|| {
        black_box(arena.hvp(|x| programs::rosenbrock(x), black_box(&x), &v, &mut product)).expect("one length");
    });
    same("ours", &product, &expected);
    table.line("ours, the tape on duals", seconds);
    let seconds = least_seconds(|| {
        product = echidna::hvp(|x: &[BReverse<f64>]| programs::rosenbrock(x), black_box(&x), &v).1;
    });
    same("echidna", &product, &expected);
    table.line("echidna, its bytecode", seconds);
}

/// A step of an LSTM: the array tape beside code by hand.
fn lstm(sizes: [usize; 3]) {
    let [n, inputs, states] = sizes;
    let lstm = Lstm::new(sizes);
    let (mut buffers, mut sink, mut pool) = (lstm.buffers(), Gradient::new(), Pool::default());
    let value = least_seconds(|| {
        black_box(lstm.value(&mut buffers));
    });
    let hand = least_seconds(|| {
        black_box(lstm.gradient(&mut buffers));
    });
    let table =
        Table::new(&format!("**LSTM step, {n} samples, {inputs} inputs, {states} states, gradient**"), value, hand);
    let mut arena = autodiff::Arena::new();
    let recorded = least_seconds(|| {
        black_box(lstm.record(arena.tape()).expect("it fits").value());
    });
    let seconds = least_seconds(|| {
        let loss = lstm.record(arena.tape()).expect("it fits");
        pullback(loss, &[1.0], 1, &mut sink, &mut pool).expect("it fits");
        sink.release(&mut pool);
    });
    let loss = lstm.record(arena.tape()).expect("it fits");
    pullback(loss, &[1.0], 1, &mut sink, &mut pool).expect("it fits");
    for (leaf, expected) in buffers.parameters.iter().enumerate() {
        same("the array tape", sink.of(leaf).expect("a leaf"), expected);
    }
    table.line("ours, the value on the array tape", recorded);
    table.line("ours, the gradient on the array tape", seconds);
}

fn main() {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with("--")).unwrap_or_default();
    let is = |name: &str| name.contains(&wanted);
    for n in [1000, 1_000_000] {
        if is("rosenbrock") {
            gradients(&format!("**Rosenbrock, n = {n}, gradient**"), &Rosenbrock, &numbers(n, 1));
            products(n);
        }
    }
    if is("lstm") {
        lstm([64, 128, 128]);
        lstm([16, 32, 32]);
    }
    if is("helmholtz") {
        let x: [f64; 10] = programs::fractions(10).try_into().expect("ten");
        let table = gradients("**Helmholtz energy, n = 10, gradient**", &Helmholtz, &x);
        forward(&table, &Helmholtz, x);
        gradients("**Helmholtz energy, n = 100, gradient**", &Helmholtz, &programs::fractions(100));
    }
    if is("bundle") {
        let camera = [0.1, -0.2, 0.3, 0.2, -0.1, -4.0, 500.0, -0.1, 0.02];
        let scene = |cameras: usize, points: usize| {
            let jitter = numbers(cameras * programs::CAMERA + points * programs::POINT, 3);
            let fixed =
                camera.iter().cycle().take(cameras * programs::CAMERA).chain(std::iter::repeat_n(&0.0, points * 3));
            let x: Vec<f64> = fixed.zip(&jitter).map(|(x, j)| x + if *x == 0.0 { *j } else { 0.05 * x * j }).collect();
            let observed = numbers(2 * cameras * points, 4).chunks(2).map(|p| [100.0 * p[0], 100.0 * p[1]]).collect();
            (Scene { cameras, points, observed }, x)
        };
        let (one, x) = scene(1, 1);
        let table = gradients("**Bundle adjustment, one camera and point, gradient**", &one, &x);
        forward::<_, 12>(&table, &one, x.try_into().expect("nine and three"));
        let (many, x) = scene(8, 200);
        gradients("**Bundle adjustment, 8 cameras, 200 points, gradient**", &many, &x);
    }
}
