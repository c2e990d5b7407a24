//! Weights that positions share: each form agrees with the definition, and the one of least work is taken.

use ntk::array::Array;
use ntk::contraction::{Form, Method, Observer, Outputs, Settings, kernel, plan};
use ntk::model::Architecture;
use ntk::network::Footprint;

use super::{Given, METHODS, assert_close, bits, folded};

/// Networks, and the forms that their weights take for a full kernel of a few samples.
const NETWORKS: [(&str, &[Form]); 7] = [
    // Few positions, many channels: pairs of positions are less work than gradients.
    (
        "input = [3, 2]
         layers = [
           { kind = 'conv', kw = 2, out = 40, b_std = 0.3 }, { kind = 'tanh' },
           { kind = 'conv', kw = 2, out = 40, padding = 'SAME', b_std = 0.2 }, { kind = 'relu' },
           { kind = 'flatten' }, { kind = 'dense', out = 3, b_std = 0.1 },
         ]",
        &[Form::Factors, Form::Factors, Form::Factors],
    ),
    // Many positions, few channels; an average below the read-out.
    (
        "input = [8, 7, 2]
         layers = [
           { kind = 'conv', kh = 3, kw = 3, out = 5, padding = 'SAME', b_std = 0.3 }, { kind = 'relu' },
           { kind = 'conv', kh = 3, kw = 2, out = 6, stride = 2, b_std = 0.2 }, { kind = 'relu' },
           { kind = 'gap' }, { kind = 'dense', out = 4, b_std = 0.1 },
         ]",
        &[Form::Gradients, Form::Slopes, Form::Factors],
    ),
    // An average that is not even: it counts the corners less often.
    (
        "input = [8, 7, 2]
         layers = [
           { kind = 'conv', kh = 3, kw = 3, out = 5, b_std = 0.3 }, { kind = 'relu' },
           { kind = 'avg_pool', size = 2, stride = 1 }, { kind = 'gap' }, { kind = 'dense', out = 3 },
         ]",
        &[Form::Gradients, Form::Factors],
    ),
    // Nothing but averages above: the slope is 1.
    (
        "input = [9, 3]
         layers = [ { kind = 'conv', kw = 2, out = 4, b_std = 0.3 }, { kind = 'gap' }, { kind = 'dense', out = 3 } ]",
        &[Form::Gradients, Form::Factors],
    ),
    // Groups of channels have no factors.
    (
        "input = [6, 6, 4]
         layers = [
           { kind = 'conv', kh = 3, kw = 3, out = 6, groups = 2, b_std = 0.3 }, { kind = 'relu' },
           { kind = 'gap' }, { kind = 'dense', out = 3 },
         ]",
        &[Form::Gradients, Form::Factors],
    ),
    // 33 input channels, so that the zeros that directions share are left out.
    (
        "input = [7, 6, 2]
         layers = [
           { kind = 'conv', kh = 3, kw = 3, out = 33, padding = 'SAME', b_std = 0.3 }, { kind = 'relu' },
           { kind = 'conv', kh = 3, kw = 3, out = 4, padding = 'CIRCULAR', b_std = 0.3 }, { kind = 'relu' },
           { kind = 'conv', kh = 2, kw = 3, out = 5, b_std = 0.3 }, { kind = 'relu' },
           { kind = 'flatten' }, { kind = 'dense', out = 4, b_std = 0.1 },
         ]",
        &[Form::Gradients, Form::Gradients, Form::Gradients, Form::Factors],
    ),
    // Steps of time share weights.
    (
        "input = [5, 3]
         layers = [
           { kind = 'rnn', out = 20, activation = 'relu', read_out = 'mean', b_std = 0.2 }, { kind = 'dense', out = 2 },
         ]",
        &[Form::Gradients, Form::Factors],
    ),
];

fn network(text: &str) -> Architecture {
    Architecture::from_toml(text).unwrap_or_else(|refused| panic!("{refused}"))
}

/// The forms of the weights, without those of biases.
fn forms(network: &Architecture, n: usize, m: Option<usize>, outputs: Outputs) -> Vec<Form> {
    let settings = Settings { outputs, method: Method::Structured, ..Settings::default() };
    let plan = plan(network, n, m, 8, &settings, 1).unwrap();
    let names = network.parameters().unwrap();
    plan.forms.into_iter().zip(names).filter(|(_, (name, _))| name.starts_with('W')).map(|(form, _)| form).collect()
}

#[test]
fn every_form_is_the_definition_on_every_mode() {
    for (text, expected) in NETWORKS {
        let network = network(text);
        let found = forms(&network, 40, None, Outputs::Full);
        assert!(expected.iter().all(|form| found.contains(form)), "{text}: {found:?}");
        for (n, m) in [(1, None), (3, None), (2, Some(3)), (5, Some(1)), (40, Some(3)), (67, None)] {
            let given = Given::of(network.clone(), false, n, m);
            let full = given.kernel(Outputs::Full, Method::Jacobian);
            if n < 40 {
                assert_close(&full.data, &given.by_definition(), 1e-13, text);
            }
            for outputs in Outputs::ALL {
                let expected = folded(&full, outputs);
                for method in METHODS.into_iter().chain([Method::Auto]) {
                    if n >= 40 && method == Method::Products {
                        continue;
                    }
                    let what = format!("{text} {n} {m:?} {outputs:?} {method:?}");
                    assert_close(&given.kernel(outputs, method).data, &expected, 1e-12, &what);
                }
            }
        }
    }
}

/// Images so large that a block is recorded in pieces.
const PIECES: &str = "input = [24, 24, 2]
    layers = [
      { kind = 'conv', kh = 3, kw = 3, out = 12, padding = 'SAME', b_std = 0.3 }, { kind = 'relu' },
      { kind = 'conv', kh = 3, kw = 3, out = 33, padding = 'SAME', b_std = 0.3 }, { kind = 'relu' },
      { kind = 'conv', kh = 3, kw = 3, out = 6, padding = 'SAME', b_std = 0.3 }, { kind = 'relu' },
      { kind = 'gap' }, { kind = 'dense', out = 3, b_std = 0.1 },
    ]";

#[test]
fn a_block_in_pieces_is_a_block() {
    let given = Given::of(network(PIECES), false, 19, Some(5));
    for outputs in Outputs::ALL {
        let computed = given.compute(outputs, Method::Structured, u64::MAX).unwrap();
        let plan = &computed.plan;
        assert!(
            plan.chunk > 1 && plan.chunk < plan.block && !plan.block.is_multiple_of(plan.chunk),
            "{} {}",
            plan.chunk,
            plan.block
        );
        let expected = given.kernel(outputs, Method::Jacobian);
        assert_close(&computed.kernel.data, &expected.data, 1e-12, outputs.name());
    }
}

#[test]
fn kernels_of_shared_weights_have_the_same_bits_on_any_threads_and_memory() {
    let given = Given::of(network(PIECES), false, 70, None);
    for outputs in [Outputs::Full, Outputs::Trace] {
        let run = |threads: usize, memory: u64| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| given.compute(outputs, Method::Structured, memory))
        };
        let expected = run(1, u64::MAX).unwrap();
        assert!(expected.plan.blocks > 2, "{}", expected.plan.blocks);
        for threads in [2, 3, 7] {
            assert!(bits(&run(threads, u64::MAX).unwrap().kernel) == bits(&expected.kernel), "{threads} threads");
        }
        for threads in [1, 2] {
            let Err(ntk::error::Error::Memory { needed, .. }) = run(threads, 0) else { panic!("no memory is enough") };
            let little = run(threads, needed).unwrap();
            assert!(little.plan.resident < little.plan.blocks);
            assert!(bits(&little.kernel) == bits(&expected.kernel), "{threads} threads, {needed} B");
        }
    }
}

/// Of a network of one convolution of these sizes: multiply-adds of its factors, gradients and slopes, as the
/// documentation has them, written down anew.
fn counted([samples, pairs, couplings, k]: [f64; 4], [positions, fan_in, fan_out]: [f64; 3]) -> [f64; 3] {
    let len = fan_in * fan_out + fan_out;
    [
        pairs * positions.powi(2) * (fan_in + couplings * fan_out),
        samples * k * positions * len + pairs * couplings * len,
        samples * positions * len + pairs * (len + couplings * fan_out),
    ]
}

#[test]
fn the_form_of_least_counted_work_is_taken() {
    let mut taken = [0; 3];
    for width in [2, 3, 5, 9, 17] {
        for (channels, out) in [(1, 2), (1, 200), (7, 30), (64, 64), (300, 5)] {
            for outputs in [Outputs::Full, Outputs::Trace, Outputs::Diagonal, Outputs::SumOfLogits] {
                for (n, m) in [(1, None), (10, None), (200, None), (1, Some(50))] {
                    for read_out in ["gap", "flatten"] {
                        let o = 4;
                        let network = network(&format!(
                            "input = [{width}, {channels}]
                             layers = [
                               {{ kind = 'conv', kw = 2, out = {out}, padding = 'SAME', b_std = 0.1 }}, {{ kind = 'relu' }},
                               {{ kind = '{read_out}' }}, {{ kind = 'dense', out = {o} }},
                             ]"
                        ));
                        let k = if outputs == Outputs::SumOfLogits { 1.0 } else { o as f64 };
                        let couplings = if outputs == Outputs::Full { k * k } else { k };
                        let (n_, m_) = (n as f64, m.map(|m: usize| m as f64));
                        let pairs = m_.map_or(n_ * (n_ + 1.0) / 2.0, |m| n_ * m);
                        let counts = [n_ + m_.unwrap_or(0.0), pairs, couplings, k];
                        let work = counted(counts, [width as f64, 2.0 * channels as f64, out as f64]);
                        let usable = if read_out == "gap" { 3 } else { 2 };
                        let least = work[..usable].iter().copied().fold(f64::INFINITY, f64::min);
                        let form = forms(&network, n, m, outputs)[0];
                        let which = Form::ALL.iter().position(|&f| f == form).unwrap();
                        assert!(
                            which < usable && work[which] <= least,
                            "{outputs:?} {n} {m:?} {form:?} {work:?}\n{network:?}"
                        );
                        taken[which] += 1;
                    }
                }
            }
        }
    }
    assert!(taken.iter().all(|&count| count > 20), "{taken:?}");
}

#[test]
fn single_precision_of_shared_weights_stays_within_1e_5_of_double() {
    let network = network(PIECES);
    let narrow = Given::of(network.clone(), false, 24, None);
    let single = |x: &Array<f64>| x.map(|&x| x as f32);
    let (parameters, x1): (Vec<_>, _) = (narrow.parameters.iter().map(single).collect(), single(&narrow.x1));
    let double = |x: &Array<f32>| x.map(|&x| f64::from(x));
    let given = Given { parameters: parameters.iter().map(double).collect(), x1: double(&x1), ..narrow };
    for outputs in [Outputs::Full, Outputs::Trace] {
        let settings = Settings { outputs, method: Method::Structured, ..Settings::default() };
        let found = kernel(&network, &parameters, &x1, None, &settings, &Observer::default()).unwrap();
        assert!(found.plan.resolves);
        let found: Vec<f64> = found.kernel.data.iter().map(|&x| f64::from(x)).collect();
        assert_close(&found, &given.kernel(outputs, Method::Structured).data, 1e-5, outputs.name());
    }
}

#[test]
fn a_footprint_tells_even_averages_from_uneven_ones() {
    let even = |text: &str| {
        let seen = Footprint::measure(&network(text)).unwrap();
        seen.cotangents.iter().any(|c| c.shared == ntk::network::Sharing::Slope { even: true } && c.len > 10)
    };
    assert!(even(NETWORKS[1].0) && !even(NETWORKS[2].0) && !even(NETWORKS[5].0));
}
