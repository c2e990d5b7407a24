//! What would the tapes that were not built have cost?
//!
//! `cargo bench -p ntk-benches --bench designs` prints nanoseconds of processor time an op, on one number, of recording a
//! chain of products and sums, pulling its gradient back, and freeing it: the two tapes of the crate, and small but whole
//! versions of the two designs that are most common elsewhere. Each figure is the median of nine.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::rc::Rc;

use autodiff::sweep::{Gradient, Pool, pullback};
use autodiff::{Arena, scalar};
use ntk_benches::processor_seconds;

const OPS: usize = 10_000;
const ROUNDS: usize = 9;
const REPEATS: usize = 40;

/// A list of boxed closures, each from the cotangent of its result to those of its operands.
mod closures {
    use super::RefCell;

    type Pull = Box<dyn Fn(f64) -> [f64; 2]>;

    #[derive(Default)]
    pub struct Tape(RefCell<Vec<([usize; 2], Pull)>>);

    #[derive(Clone, Copy)]
    pub struct Var<'t> {
        tape: &'t Tape,
        id: usize,
        pub value: f64,
    }

    impl Tape {
        pub fn leaf(&self, value: f64) -> Var<'_> {
            self.push(value, [0, 0], Box::new(|_| [0.0, 0.0]))
        }

        fn push(&self, value: f64, operands: [usize; 2], pull: Pull) -> Var<'_> {
            let mut lines = self.0.borrow_mut();
            lines.push((operands, pull));
            Var { tape: self, id: lines.len() - 1, value }
        }
    }

    impl<'t> Var<'t> {
        pub fn add(self, y: Self) -> Self {
            self.tape.push(self.value + y.value, [self.id, y.id], Box::new(|bar| [bar, bar]))
        }

        pub fn mul(self, y: Self) -> Self {
            let (a, b) = (self.value, y.value);
            self.tape.push(a * b, [self.id, y.id], Box::new(move |bar| [b * bar, a * bar]))
        }

        pub fn gradient(self) -> Vec<f64> {
            let lines = self.tape.0.borrow();
            let mut bars = vec![0.0; lines.len()];
            bars[self.id] = 1.0;
            for (id, (operands, pull)) in lines.iter().enumerate().rev() {
                let pulled = pull(bars[id]);
                bars[operands[0]] += pulled[0];
                bars[operands[1]] += pulled[1];
            }
            bars
        }
    }
}

/// A graph of counted references, which a gradient has to put in order first.
mod graph {
    use super::{Cell, Rc};

    pub struct Node {
        pub value: f64,
        slopes: [f64; 2],
        operands: [Option<Var>; 2],
        bar: Cell<f64>,
        seen: Cell<bool>,
    }

    pub type Var = Rc<Node>;

    pub fn leaf(value: f64) -> Var {
        Rc::new(Node { value, slopes: [0.0; 2], operands: [None, None], bar: Cell::new(0.0), seen: Cell::new(false) })
    }

    fn two(value: f64, slopes: [f64; 2], x: &Var, y: &Var) -> Var {
        let operands = [Some(x.clone()), Some(y.clone())];
        Rc::new(Node { value, slopes, operands, bar: Cell::new(0.0), seen: Cell::new(false) })
    }

    pub fn add(x: &Var, y: &Var) -> Var {
        two(x.value + y.value, [1.0, 1.0], x, y)
    }

    pub fn mul(x: &Var, y: &Var) -> Var {
        two(x.value * y.value, [y.value, x.value], x, y)
    }

    pub fn gradient(output: &Var, of: &Var) -> f64 {
        // Operands before what reads them, without recursion.
        let (mut order, mut stack) = (Vec::new(), vec![(output, 0)]);
        while let Some((node, next)) = stack.pop() {
            match node.operands.get(next) {
                Some(operand) => {
                    stack.push((node, next + 1));
                    if let Some(x) = operand.as_ref().filter(|x| !x.seen.replace(true)) {
                        stack.push((x, 0));
                    }
                }
                None => order.push(node),
            }
        }
        output.bar.set(1.0);
        for node in order.iter().rev() {
            for (slope, x) in node.slopes.iter().zip(&node.operands) {
                if let Some(x) = x {
                    x.bar.set(x.bar.get() + slope * node.bar.get());
                }
            }
        }
        of.bar.get()
    }
}

/// Nanoseconds an op.
fn measure(mut gradient: impl FnMut(f64, f64) -> f64) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = processor_seconds();
            for _ in 0..REPEATS {
                black_box(gradient(black_box(0.9), black_box(0.1)));
            }
            (processor_seconds() - start) * 1e9 / (REPEATS * OPS) as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn main() {
    // z = (..((x y + x) y + x) ..): the derivative by x is the sum of the powers of y, by hand.
    let (x, y) = (0.9, 0.1);
    let expected = 1.0 / (1.0 - y);
    let mut arena = scalar::Arena::new();
    let mut on_numbers = |x: f64, y: f64| {
        let mut gradient = [0.0; 2];
        arena
            .value_and_gradient(|v| (0..OPS / 2).fold(v[0], |z, _| z * v[1] + v[0]), &[x, y], &mut gradient)
            .expect("two and two");
        gradient[0]
    };
    let (mut arrays, mut pool, mut sink) = (Arena::new(), Pool::default(), Gradient::new());
    let mut on_arrays = |x: f64, y: f64| {
        let tape = arrays.tape();
        let (x, y) = (tape.leaf(tape.keep(&[x]), &[]).expect("fits"), tape.leaf(tape.keep(&[y]), &[]).expect("fits"));
        let z = (0..OPS / 2).fold(x, |z, _| z * y + x);
        pullback(z, &[1.0], 1, &mut sink, &mut pool).expect("fits");
        sink.of(0).expect("a leaf")[0]
    };
    let on_closures = |x: f64, y: f64| {
        let tape = closures::Tape::default();
        let (x, y) = (tape.leaf(x), tape.leaf(y));
        (0..OPS / 2).fold(x, |z, _| z.mul(y).add(x)).gradient()[0]
    };
    let on_graph = |x: f64, y: f64| {
        let (x, y) = (graph::leaf(x), graph::leaf(y));
        let z = (0..OPS / 2).fold(x.clone(), |z, _| graph::add(&graph::mul(&z, &y), &x));
        graph::gradient(&z, &x)
    };
    for found in [on_numbers(x, y), on_arrays(x, y), on_closures(x, y), on_graph(x, y)] {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }
    println!("| tape | ns an op |\n|---|---|");
    println!("| scalar, 24-byte nodes in an arena | {:.1} |", measure(on_numbers));
    println!("| arrays, 88-byte nodes in an arena | {:.1} |", measure(on_arrays));
    println!("| boxed closures in a list | {:.1} |", measure(on_closures));
    println!("| counted references | {:.1} |", measure(on_graph));
}
