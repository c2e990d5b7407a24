//! Does the count of operations tell which contraction is fastest, where positions share weights?
//!
//! `cargo bench -p ntk-benches --bench forms [-- THREADS [REPEATS]]`
//!
//! For each network the methods' planned operations, their time (the least of several) and rate, and how the time of `auto`
//! stands to that of the fastest.

use std::time::Instant;

use ntk::array::Array;
use ntk::contraction::{Form, Method, Observer, Outputs, Settings, kernel, plan};
use ntk::model::Architecture;
use ntk_benches::{parameters, singles};

/// Networks, samples and what is asked of them.
const CASES: [(&str, &str, usize, Outputs); 9] = [
    ("conv 8x8, 16 channels, gap", CNN_GAP, 64, Outputs::Full),
    ("conv 8x8, 16 channels, gap", CNN_GAP, 64, Outputs::Trace),
    ("conv 8x8, 16 channels, flatten", CNN_FLAT, 64, Outputs::Full),
    ("conv of 4 positions, 128 channels", CNN_SHORT, 64, Outputs::Full),
    ("conv of 4 positions, 128 channels", CNN_SHORT, 256, Outputs::Trace),
    ("rnn of 6 steps, 128 wide", RNN, 64, Outputs::Full),
    ("rnn of 6 steps, 128 wide", RNN, 256, Outputs::Trace),
    ("attention over 8, 64 wide", ATTENTION, 32, Outputs::Full),
    ("attention over 8, 64 wide", ATTENTION, 128, Outputs::Trace),
];

const CNN_GAP: &str = "input = [8, 8, 3]
    layers = [
      { kind = 'conv', kh = 3, kw = 3, out = 16, padding = 'SAME', W_std = 1.4, b_std = 0.1 }, { kind = 'relu' },
      { kind = 'conv', kh = 3, kw = 3, out = 16, padding = 'SAME', W_std = 1.4, b_std = 0.1 }, { kind = 'relu' },
      { kind = 'gap' }, { kind = 'dense', out = 10 },
    ]";
const CNN_FLAT: &str = "input = [8, 8, 3]
    layers = [
      { kind = 'conv', kh = 3, kw = 3, out = 16, padding = 'SAME', W_std = 1.4, b_std = 0.1 }, { kind = 'relu' },
      { kind = 'conv', kh = 3, kw = 3, out = 16, padding = 'SAME', W_std = 1.4, b_std = 0.1 }, { kind = 'relu' },
      { kind = 'flatten' }, { kind = 'dense', out = 10 },
    ]";
const CNN_SHORT: &str = "input = [4, 128]
    layers = [
      { kind = 'conv', kw = 3, out = 128, padding = 'SAME', W_std = 1.4, b_std = 0.1 }, { kind = 'relu' },
      { kind = 'conv', kw = 3, out = 128, padding = 'SAME', W_std = 1.4, b_std = 0.1 }, { kind = 'relu' },
      { kind = 'flatten' }, { kind = 'dense', out = 10 },
    ]";
const RNN: &str = "input = [6, 32]
    layers = [ { kind = 'rnn', out = 128, activation = 'tanh', b_std = 0.1 }, { kind = 'dense', out = 10 } ]";
const ATTENTION: &str = "input = [8, 64]
    layers = [
      { kind = 'attention', heads = 4, width = 64, out = 64 },
      { kind = 'residual', layers = [ { kind = 'attention', heads = 4, width = 64, out = 64 } ] },
      { kind = 'gap' }, { kind = 'dense', out = 10 },
    ]";

fn main() {
    let numbers_of = |flag: &str| flag.parse::<usize>().ok();
    let mut given = std::env::args().skip(1).filter(|flag| flag != "--bench").filter_map(|flag| numbers_of(&flag));
    let (threads, repeats) = (given.next().unwrap_or(1), given.next().unwrap_or(5));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    println!("f32, {threads} threads, the least of {repeats}; ms (GFLOP planned, GFLOP/s)\n");
    println!("| network | n | outputs | forms | structured | jacobian | products | auto | auto over fastest |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, text, n, outputs) in CASES {
        let model = Architecture::from_toml(text).expect("a network");
        let parameters = parameters(&model);
        let len: usize = model.input.iter().product();
        let x = Array::new([&[n], model.input.as_slice()].concat(), singles(n * len, 1)).expect("its own shape");
        let of = |method| Settings { outputs, method, ..Settings::default() };
        let measure = |method| {
            let settings = of(method);
            let run = || kernel(&model, &parameters, &x, None, &settings, &Observer::default()).expect("fits");
            let flops = run().plan.flops;
            let time = |_| {
                let start = Instant::now();
                run();
                start.elapsed().as_secs_f64()
            };
            (flops, (0..repeats).map(time).fold(f64::INFINITY, f64::min))
        };
        pool.install(|| {
            let methods = [Method::Structured, Method::Jacobian, Method::Products];
            let measured = methods.map(measure);
            let taken = plan(&model, n, None, 4, &of(Method::Auto), threads).expect("fits").method;
            let seconds = |method| measured[methods.iter().position(|&m| m == method).expect("one of them")].1;
            let fastest = measured.iter().map(|m| m.1).fold(f64::INFINITY, f64::min);
            let forms = plan(&model, n, None, 4, &of(Method::Structured), threads).expect("fits").forms;
            let count = |form| forms.iter().filter(|&&f| f == form).count();
            let forms: Vec<String> = Form::ALL
                .into_iter()
                .filter(|&form| count(form) > 0)
                .map(|form| format!("{} {}", count(form), form.name()))
                .collect();
            let cells =
                measured.map(|(flops, s)| format!("{:.1} ({:.2}, {:.0})", s * 1e3, flops / 1e9, flops / s / 1e9));
            println!(
                "| {name} | {n} | {} | {} | {} | {} | {:.2} |",
                outputs.name(),
                forms.join(", "),
                cells.join(" | "),
                taken.name(),
                seconds(taken) / fastest
            );
        });
    }
}
