//! Adding an op: its value, its slope, where to test it. Every mode of differentiation follows.
//!
//! The op here is `mish(x) = x tanh(softplus(x))` (Misra, arXiv:1908.08681). To join the set that a tape records, the
//! struct goes to a file of `src/op/elementwise` and its name into the list in `mod.rs`; what does not have a rule, a name or samples
//! then does not compile, and the tests pick it up. Before that, hold it to the laws, as here.
//!
//! `cargo run --release --example 04_add_an_op`

use autodiff::check::{self, Bounds};
use autodiff::op::elementwise::Elementwise;
use autodiff::{Real, derivative, scalar};

/// `mish(x + h) = x t + (t + x (1 - t^2) sigmoid(x)) h` with `t = tanh(softplus(x))`
#[derive(Clone, Copy)]
struct Mish;

impl Elementwise for Mish {
    const NAME: &'static str = "mish";
    const SAMPLES: &'static [f64] = &[-20.0, -1.2, 0.0, 1e-9, 2.5];
    fn primal<R: Real>(&self, x: R) -> R {
        x * x.softplus().tanh()
    }
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        let t = x.softplus().tanh();
        t + x * (R::ONE - t * t) * x.sigmoid()
    }
}

/// The same with the product rule forgotten: the sort of slope that trains a network, badly.
#[derive(Clone, Copy)]
struct Wrong;

impl Elementwise for Wrong {
    const NAME: &'static str = "wrong_mish";
    const SAMPLES: &'static [f64] = Mish::SAMPLES;
    fn primal<R: Real>(&self, x: R) -> R {
        Mish.primal(x)
    }
    fn slope<R: Real>(&self, x: R, _y: R) -> R {
        x.softplus().tanh()
    }
}

fn main() {
    // Arguments for the laws between the samples: a sequence that fills [0, 1).
    let mut golden = 0.0_f64;
    let mut numbers = || {
        golden = (golden + 0.618_033_988_749_895).fract();
        golden
    };
    let verdict = |name, outcome: Result<(), check::Broken>| match outcome {
        Ok(()) => println!("{name}: obeys the laws of the primal, the slope and the curvature"),
        Err(broken) => println!("{name}: {broken}"),
    };
    verdict("Mish in f64", check::elementwise::<f64>(Mish, Bounds::of::<f64>(), &mut numbers));
    verdict("Mish in f32", check::elementwise::<f32>(Mish, Bounds::of::<f32>(), &mut numbers));
    verdict("Wrong", check::elementwise::<f64>(Wrong, Bounds::of::<f64>(), &mut numbers));

    let x = 0.7;
    let [y, c1, c2, c3] = scalar::taylor(|x| Mish.primal(x), x);
    println!("\nmish({x}) = {y:.12}");
    println!("its slope   as stated {:.12}", Mish.slope(x, y));
    println!("            forwards  {:.12}", derivative(|x| Mish.primal(x), x).1);
    println!("            backwards {:.12}", scalar::gradient(|x| Mish.primal(x[0]), &[x])[0]);
    println!(
        "            in series {c1:.12}, and then the second derivative {:.9}, the third {:.9}",
        2.0 * c2,
        6.0 * c3
    );
}
