//! Finite networks converge to the infinite one as `1/sqrt(width)`.

use ntk::array::Array;
use ntk::contraction::{Observer, Settings, kernel};
use ntk::model::Architecture;

use super::{infinite, tokens_or_mask};
use crate::numbers::Random;

/// The slope of the mean distance to the limit, in logarithms, over widths and seeds.
fn slope(preset: impl Fn(usize) -> String, widths: &[usize], seeds: u64) -> f64 {
    let network = |width| {
        let text = preset(width);
        if text.starts_with("input") {
            Architecture::from_toml(&text).unwrap()
        } else {
            Architecture::parse(&text).unwrap()
        }
    };
    let input = network(widths[0]).input;
    let size: usize = input.iter().product();
    let mut x = Array::new([&[5], input.as_slice()].concat(), Random::new(7).numbers(5 * size)).unwrap();
    tokens_or_mask(&network(widths[0]), &mut x);
    let limit = infinite(&network(widths[0]), &x, None).ntk.unwrap();
    let norm = |data: &[f64]| data.iter().map(|x| x * x).sum::<f64>().sqrt();
    let mut points = Vec::new();
    for &width in widths {
        let model = network(width);
        let mut mean = 0.0;
        for seed in 0..seeds {
            let parameters: Vec<Array<f64>> = model
                .init(seed)
                .unwrap()
                .into_iter()
                .map(|(_, shape, values)| Array::new(shape, values).unwrap())
                .collect();
            let found = kernel(&model, &parameters, &x, None, &Settings::default(), &Observer::default()).unwrap();
            let off: Vec<f64> = found.kernel.data.iter().zip(&limit.data).map(|(a, b)| a - b).collect();
            mean += norm(&off) / norm(&limit.data) / seeds as f64;
        }
        points.push(((width as f64).ln(), mean.ln()));
    }
    let n = points.len() as f64;
    let (sx, sy) = points.iter().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x / n, sy + y / n));
    let (xy, xx) = points.iter().fold((0.0, 0.0), |(xy, xx), (x, y)| (xy + (x - sx) * (y - sy), xx + (x - sx).powi(2)));
    xy / xx
}

const ACTIVATIONS: [&str; 11] = [
    "relu",
    "leaky_relu",
    "tanh",
    "erf",
    "gelu",
    "sigmoid",
    "softplus",
    "sin",
    "exp,W_std=0.5",
    "monomial,W_std=0.6",
    "rectified_monomial,W_std=0.8",
];

/// Other kinds, by what is in them: the shape of the data, the layers, and the widths.
const KINDS: [(&str, &str, &str, [usize; 3]); 13] = [
    (
        "branches, sum",
        "[6]",
        "{kind='dense',out=WIDE,b_std=0.3},{kind='parallel',branches=[[{kind='tanh'}],[{kind='dense',out=WIDE}],\
         [{kind='relu'},{kind='dense',out=WIDE,b_std=0.2}]]}",
        [32, 128, 512],
    ),
    (
        "branches, product",
        "[6]",
        "{kind='dense',out=WIDE,b_std=0.3},{kind='relu'},{kind='parallel',join='product',branches=[[],\
         [{kind='dense',out=WIDE}],[{kind='dense',out=WIDE,b_std=0.5},{kind='relu'},{kind='dense',out=WIDE}]]}",
        [32, 128, 512],
    ),
    (
        "branches, concat",
        "[6]",
        "{kind='dense',out=WIDE,b_std=0.3},{kind='parallel',join='concat',branches=[[],[{kind='tanh'}],\
         [{kind='dense',out=WIDE,b_std=0.2},{kind='relu'}]]}",
        [32, 128, 512],
    ),
    (
        "branches of images",
        "[4,4,2]",
        "{kind='conv',kh=3,kw=3,out=WIDE},{kind='parallel',branches=[[{kind='relu'},{kind='conv',kh=2,kw=2,out=WIDE,stride=2}],\
         [{kind='avg_pool',size=2},{kind='conv',kh=1,kw=1,out=WIDE}]]},{kind='relu'},{kind='gap'}",
        [8, 32, 128],
    ),
    (
        "polynomial",
        "[6]",
        "{kind='dense',out=WIDE},{kind='relu'},{kind='polynomial',degree=3,out=WIDE,b_std=0.3,W_std=0.7}",
        [32, 128, 512],
    ),
    ("polynomial, tanh", "[6]", "{kind='polynomial',degree=2,out=WIDE,activation='tanh',skip=false}", [32, 128, 512]),
    ("polynomial, relu", "[6]", "{kind='polynomial',degree=3,out=WIDE,activation='relu',W_std=0.8}", [32, 128, 512]),
    (
        "recurrent, last",
        "[5,3]",
        "{kind='rnn',out=WIDE,activation='erf',W_std=1.2,U_std=0.9,b_std=0.3}",
        [32, 128, 512],
    ),
    (
        "recurrent, masked, mean",
        "[5,3]",
        "{kind='rnn',out=WIDE,activation='tanh',read_out='mean',masked=true,W_std=1.2,b_std=0.3}",
        [32, 128, 512],
    ),
    (
        "recurrent, twice",
        "[4,3]",
        "{kind='rnn',out=WIDE,activation='erf',read_out='all',masked=true,b_std=0.3},\
         {kind='rnn',out=WIDE,activation='relu',read_out='mean'}",
        [32, 128, 512],
    ),
    (
        "attention, tied",
        "[5,3]",
        "{kind='conv',kw=1,out=WIDE,W_std=1.5},{kind='attention',width=WIDE,out=WIDE,scaling='1/d',tied=true,W_std=1.3,b_std=0.3},\
         {kind='relu'},{kind='flatten'}",
        [16, 64, 256],
    ),
    (
        "embedding, attention",
        "[5]",
        "{kind='embedding',tokens=3,out=WIDE,W_std=1.4},{kind='residual',layers=[{kind='attention',width=WIDE,scaling='1/d',b_std=0.2}]},\
         {kind='conv',kw=2,out=WIDE},{kind='tanh'},{kind='gap'}",
        [16, 64, 256],
    ),
    (
        "complex",
        "[6]",
        "{kind='complex_dense',out=WIDE,W_std=1.5,b_std=0.4},{kind='relu'},{kind='complex_dense',out=WIDE,W_std=1.4},{kind='tanh'},\
         {kind='real_part'}",
        [32, 128, 512],
    ),
];

/// A network of [`KINDS`] with a read-out.
fn kind((_, input, layers, _): (&str, &str, &str, [usize; 3]), width: usize) -> String {
    let layers = layers.replace("WIDE", &width.to_string());
    format!("input={input}\nlayers=[{layers},{{kind='dense',out=4,b_std=0.2}}]")
}

/// Networks of images, by what is in them.
const IMAGES: [(&str, &str); 4] = [
    (
        "flatten, valid, stride",
        "{kind='conv',kh=2,kw=2,out=WIDE,padding='VALID',b_std=0.3},{kind='relu'},{kind='conv',kh=3,kw=3,stride=2,out=WIDE},\
         {kind='tanh'},{kind='flatten'},{kind='dense',out=4}",
    ),
    (
        "average, circular",
        "{kind='conv',kh=3,kw=3,out=WIDE,padding='CIRCULAR'},{kind='relu'},{kind='conv',kh=3,kw=3,out=WIDE,b_std=0.3},\
         {kind='gelu'},{kind='gap'},{kind='dense',out=4}",
    ),
    (
        "pool, dilation",
        "{kind='conv',kh=3,kw=3,out=WIDE,dilation=2},{kind='erf'},{kind='avg_pool',size=2},{kind='conv',kh=2,kw=2,out=WIDE},\
         {kind='relu'},{kind='flatten'},{kind='dense',out=4}",
    ),
    (
        "residual",
        "{kind='conv',kh=3,kw=3,out=WIDE},{kind='residual',layers=[{kind='relu'},{kind='conv',kh=3,kw=3,out=WIDE}]},\
         {kind='relu'},{kind='gap'},{kind='dense',out=4}",
    ),
];

#[test]
fn finite_networks_converge_with_a_slope_of_one_half() {
    for activation in ACTIVATIONS {
        let found = slope(|width| format!("mlp:6-{width}x2-4:{activation}"), &[32, 128, 512], 12);
        assert!((found + 0.5).abs() <= 0.15, "{activation}: {found:.3}");
    }
    let normed = |width: usize| {
        format!(
            "input=[6]\nlayers=[{{kind='dense',out={width},b_std=0.5}},{{kind='layer_norm'}},{{kind='relu'}},{{kind='rms_norm'}},\
             {{kind='dense',out={width}}},{{kind='layer_norm',affine=false}},{{kind='tanh'}},{{kind='dense',out=4}}]"
        )
    };
    let found = slope(normed, &[32, 128, 512], 12);
    assert!((found + 0.5).abs() <= 0.15, "normalized: {found:.3}");
    let found = slope(|width| format!("resmlp:6-{width}x2-4:relu"), &[32, 128, 512], 12);
    assert!((found + 0.5).abs() <= 0.15, "residual: {found:.3}");
    for (name, layers) in IMAGES {
        let preset = |width: usize| format!("input=[4,4,2]\nlayers=[{}]", layers.replace("WIDE", &width.to_string()));
        let found = slope(preset, &[8, 32, 128], 12);
        assert!((found + 0.5).abs() <= 0.15, "{name}: {found:.3}");
    }
}

#[test]
fn networks_of_other_kinds_converge_with_a_slope_of_one_half() {
    let found = KINDS.map(|of| (of.0, slope(|width| kind(of, width), &of.3, 12)));
    assert!(found.iter().all(|(_, slope)| (slope + 0.5).abs() <= 0.15), "{found:.3?}");
}

#[test]
#[ignore = "minutes: 100 seeds and widths to 1024"]
fn finite_networks_converge_with_a_slope_of_one_half_over_100_seeds() {
    for activation in ACTIVATIONS {
        let found = slope(|width| format!("mlp:6-{width}x2-4:{activation}"), &[64, 128, 256, 512, 1024], 100);
        println!("{activation}: {found:.3}");
        assert!((found + 0.5).abs() <= 0.1, "{activation}: {found:.3}");
    }
    let images = IMAGES.map(|(name, layers)| (name, "[4,4,2]", layers));
    for (name, input, layers) in images {
        let preset = |width: usize| format!("input={input}\nlayers=[{}]", layers.replace("WIDE", &width.to_string()));
        let found = slope(preset, &[16, 32, 64, 128], 100);
        println!("{name}: {found:.3}");
        assert!((found + 0.5).abs() <= 0.1, "{name}: {found:.3}");
    }
    for of in KINDS {
        let most = of.3[2];
        let found = slope(|width| kind(of, width), &[most / 8, most / 4, most / 2, most], 100);
        println!("{}: {found:.3}", of.0);
        assert!((found + 0.5).abs() <= 0.1, "{}: {found:.3}", of.0);
    }
}
