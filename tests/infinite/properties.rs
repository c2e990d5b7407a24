//! Symmetry, bits, positive definiteness, refusals.

use ntk::array::Array;
use ntk::contraction::Observer;
use ntk::data::{Dataset, Selection, Source};
use ntk::infinite::{Get, kernel};
use ntk::model::Architecture;

use super::{infinite, tokens_or_mask};
use crate::numbers::Random;

/// One network of every kind of activation, with and without bias, with residual blocks.
const NETWORKS: [&str; 24] = [
    "mlp:64-9x3-2:relu",
    "mlp:64-9x3-2:relu,b_std=0",
    "mlp:64-9x2-2:leaky_relu",
    "mlp:64-9x2-2:erf",
    "mlp:64-9x2-2:gelu,param=standard",
    "mlp:64-9x2-2:sin",
    "mlp:64-9x2-2:tanh",
    "mlp:64-9x2-2:softplus",
    "resmlp:64-9x2-2:relu",
    "cnn:4x4x4-5x2-2:relu:flatten",
    "cnn:4x4x4-5x2-2:gelu:gap",
    "cnn:4x4x4-5x2-2:tanh:gap,param=standard",
    "input=[8,4,2]\nlayers=[{kind='conv',kh=3,kw=3,out=5,stride=2,padding='CIRCULAR',b_std=0.3},{kind='relu'},\
     {kind='conv',kh=2,kw=1,out=5,padding='VALID'},{kind='residual',scale=0.5,layers=[{kind='erf'},\
     {kind='conv',kh=3,kw=3,out=5}]},{kind='flatten'},{kind='dense',out=3},{kind='relu'},{kind='dense',out=1}]",
    "input=[8,4,2]\nlayers=[{kind='conv',kh=3,kw=3,out=5},{kind='relu'},{kind='avg_pool',size=2},\
     {kind='conv',kh=3,kw=3,out=5,b_std=0.3},{kind='residual',layers=[{kind='tanh'},{kind='conv',kh=3,kw=3,out=5}]},\
     {kind='relu'},{kind='flatten'},{kind='dense',out=1}]",
    "mlp:64-9x2-2:exp,W_std=0.5",
    "mlp:64-9x2-2:monomial,degree=3,W_std=0.5",
    "mlp:64-9x2-2:rectified_monomial,W_std=0.7",
    "input=[64]\nlayers=[{kind='dense',out=5},{kind='parallel',branches=[[{kind='relu'}],[{kind='dense',out=5}],\
     [{kind='tanh'},{kind='dense',out=5,b_std=0.3}]]},{kind='parallel',join='product',branches=[[],[{kind='dense',out=5}]]},\
     {kind='parallel',join='concat',branches=[[],[{kind='dense',out=7}]]},{kind='dense',out=5},{kind='relu'},{kind='dense',out=1}]",
    "input=[64]\nlayers=[{kind='polynomial',degree=3,out=5,activation='relu',b_std=0.2},{kind='dense',out=5},{kind='relu'},\
     {kind='polynomial',degree=2,out=5,activation='sigmoid',skip=true},{kind='polynomial',degree=2,out=5,skip=false},\
     {kind='dense',out=1},{kind='leaky_relu'},{kind='dense',out=1}]",
    "input=[16,4]\nlayers=[{kind='rnn',out=5,activation='relu',read_out='all',masked=true,b_std=0.2},\
     {kind='rnn',out=5,activation='sigmoid',W_std=1.4},{kind='dense',out=5},{kind='relu'},{kind='dense',out=1}]",
    "input=[16,4]\nlayers=[{kind='rnn',out=5,activation='tanh',read_out='mean',masked=true,b_std=0.2},{kind='dense',out=1}]",
    "input=[16,4]\nlayers=[{kind='attention',scaling='1/d',tied=true,b_std=0.3},{kind='tanh'},\
     {kind='conv',kw=3,out=5},{kind='residual',layers=[{kind='attention',scaling='1/d'}]},{kind='relu'},{kind='flatten'},\
     {kind='dense',out=1}]",
    "input=[64]\nlayers=[{kind='embedding',tokens=5,out=5},{kind='conv',kw=3,out=5},{kind='erf'},{kind='gap'},{kind='dense',out=1}]",
    "input=[64]\nlayers=[{kind='complex_dense',out=5,b_std=0.2},{kind='relu'},{kind='complex_dense',out=5},{kind='real_part'},\
     {kind='dense',out=5},{kind='relu'},{kind='dense',out=1}]",
];

/// A network of the list.
fn network(text: &str) -> Architecture {
    if text.starts_with("input") { Architecture::from_toml(text).unwrap() } else { Architecture::parse(text).unwrap() }
}

/// Samples in the shape that a network takes.
fn shaped(x: &Array<f64>, model: &Architecture) -> Array<f64> {
    let mut x = x.clone().reshape([&[x.rows()], model.input.as_slice()].concat()).unwrap();
    tokens_or_mask(model, &mut x);
    x
}

fn samples(n: usize, seed: u64) -> Array<f64> {
    Array::new([n, 64], Random::new(seed).numbers(64 * n)).unwrap()
}

#[test]
fn infinite_kernels_are_symmetric_and_the_same_on_any_number_of_threads_to_the_bit() {
    let (x1, x2) = (samples(300, 1), samples(131, 2));
    for network in NETWORKS {
        let model = self::network(network);
        // Of images, fewer.
        let count = if model.input.len() > 1 { 21 } else { 300 };
        let few =
            |x: &Array<f64>| shaped(&x.select_rows(&(0..count.min(x.rows())).collect::<Vec<_>>()).unwrap(), &model);
        let (x1, x2) = (few(&x1), few(&x2));
        let on = |threads: usize, x2: Option<&Array<f64>>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| infinite(&model, &x1, x2).ntk.unwrap())
        };
        let one = on(1, None);
        let n = x1.rows();
        assert!((0..n * n).all(|i| one.data[i].to_bits() == one.data[i % n * n + i / n].to_bits()), "{network}");
        let other = on(1, Some(&x2));
        for threads in [2, 3, 7] {
            assert_eq!(one, on(threads, None), "{network}");
            assert_eq!(other, on(threads, Some(&x2)), "{network}");
        }
    }
}

#[test]
fn a_kernel_of_two_data_sets_is_a_block_of_that_of_their_union() {
    let all = samples(63, 3);
    for network in NETWORKS {
        let model = self::network(network);
        let all = shaped(&all, &model);
        let part = |of: std::ops::Range<usize>| all.select_rows(&of.collect::<Vec<_>>()).unwrap();
        let (x1, x2) = (part(0..40), part(40..63));
        let whole = infinite(&model, &all, None).ntk.unwrap();
        let block = infinite(&model, &x1, Some(&x2)).ntk.unwrap();
        for i in 0..40 {
            for j in 0..23 {
                let (a, b) = (whole.data[i * 63 + 40 + j], block.data[i * 23 + j]);
                assert!((a - b).abs() <= 1e-13 * whole.data[i * 64].abs(), "{network}: {a} and {b}");
            }
        }
    }
}

#[test]
fn a_sample_met_again_has_the_entry_of_the_diagonal() {
    let x = samples(17, 5);
    for network in NETWORKS {
        let model = self::network(network);
        let x = shaped(&x, &model);
        let (with_itself, with_copy) = (infinite(&model, &x, None), infinite(&model, &x, Some(&x)));
        let (a, b) = (with_itself.ntk.unwrap(), with_copy.ntk.unwrap());
        for i in 0..17 {
            let (a, b) = (a.data[i * 18], b.data[i * 18]);
            // The arc cosine of a rounded correlation would be off by 1e-8.
            assert!((a - b).abs() <= 1e-14 * a, "{network}: {a} and {b}");
        }
    }
}

/// The 1797 digits, as the program embeds them.
fn digits() -> Array<f64> {
    let source: Source = "digits".parse().unwrap();
    let whole = Dataset::load(&source, &Selection::default()).unwrap();
    assert_eq!(whole.inputs.rows(), 1797);
    whole.inputs.reshape([1797, 64]).unwrap()
}

#[test]
fn infinite_kernels_of_all_digits_are_positive_semidefinite_to_rounding() {
    let x = digits();
    let n = x.rows();
    faer::set_global_parallelism(faer::Par::Seq);
    for network in ["mlp:64-9x3-2:relu,b_std=0", "mlp:64-9x2-2:tanh"] {
        let found = infinite(&Architecture::parse(network).unwrap(), &x, None);
        let kernel = found.ntk.unwrap();
        let values =
            faer::MatRef::from_row_major_slice(&kernel.data, n, n).self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
        let (least, largest) = (values[0], values[n - 1]);
        assert!(least >= -(n as f64) * f64::EPSILON * largest, "{network}: {least:.2e} beside {largest:.2e}");
    }
}

#[test]
fn what_has_no_limit_is_refused_with_the_layer_and_the_remedy() {
    let x = Array::new([2, 3], vec![1.0; 6]).unwrap();
    for (layers, says) in [
        ("{kind='relu'},{kind='dense',out=2}", "acts on the data, before any weights"),
        ("{kind='dense',out=3},{kind='relu'},{kind='tanh'},{kind='dense',out=2}", "values that are not normal"),
        (
            "{kind='dense',out=3},{kind='residual',layers=[{kind='dense',out=3},{kind='relu'}]},{kind='dense',out=2}",
            "more than one branch does not end in weights",
        ),
        (
            "{kind='dense',out=3},{kind='relu'},{kind='residual',layers=[{kind='dense',out=3}]},{kind='relu'}",
            "values that are not normal",
        ),
        ("{kind='dense',out=3},{kind='parallel',branches=[[{kind='relu'}],[{kind='tanh'}]]}", "more than one branch"),
        (
            "{kind='parallel',join='concat',branches=[[],[{kind='dense',out=3}]]},{kind='dense',out=2}",
            "hands on the data",
        ),
        (
            "{kind='dense',out=4},{kind='parallel',join='concat',branches=[[],[{kind='dense',out=3}]]},{kind='relu'}",
            "values that are not normal",
        ),
        ("{kind='dense',out=4},{kind='complex_dense',out=3},{kind='modulus'}", "not of their parts"),
        ("{kind='dense',out=4},{kind='real_part'},{kind='dense',out=1}", "not of their parts"),
    ] {
        let model = Architecture::from_toml(&format!("input=[3]\nlayers=[{layers}]")).unwrap();
        let error = kernel(&model, &x, None, Get::Ntk, u64::MAX, &Observer::default()).unwrap_err();
        assert!(error.to_string().contains(says) && error.code() == 2, "{error}");
        assert!(error.to_string().contains("layers["), "{error}");
    }
    for (input, layers, says) in [
        ("[4]", "{kind='complex_dense',out=3}", "outputs are complex"),
        ("[3,2]", "{kind='attention',scaling='1/sqrt(d)'},{kind='gap'},{kind='dense',out=2}", "no mean in closed form"),
        ("[3,2]", "{kind='attention',scaling='1/d',param='standard'},{kind='gap'},{kind='dense',out=2}", "standard"),
        (
            "[3,2]",
            "{kind='conv',kw=1,out=3},{kind='rnn',out=3,masked=true},{kind='dense',out=2}",
            "a mask that is no channel of the data",
        ),
        ("[4,4,2]", "{kind='max_pool',size=2},{kind='flatten'},{kind='dense',out=2}", "no infinite kernel"),
    ] {
        let model = Architecture::from_toml(&format!("input={input}\nlayers=[{layers}]")).unwrap();
        let error = ntk::infinite::check(&model).unwrap_err();
        assert!(error.to_string().contains(says) && error.code() == 2, "{error}");
    }
    let model = Architecture::parse("mlp:3-4x200-1:relu,W_std=1e3").unwrap();
    let error = kernel(&model, &x, None, Get::Ntk, u64::MAX, &Observer::default()).unwrap_err();
    assert!(error.code() == 4 && error.to_string().contains("layers["), "{error}");
    let model = Architecture::parse("mlp:3-4x2-1:relu").unwrap();
    let error = kernel(&model, &x, None, Get::Ntk, 100, &Observer::default()).unwrap_err();
    assert_eq!(error.code(), 5, "{error}");
}
