//! A description as steps on a kernel: what each layer does to variances and covariances.

use super::compiler::Compiler;
use super::grid::Grid;
use super::rule::Rule;
use super::window::Window;
use crate::error::Result;
use crate::model::{Architecture, Layer, ModelError, Site, layer};

/// Which pairs of positions a kernel of images needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// There is one position.
    Flat,
    /// Positions meet their own kind: `[n, m, positions]`.
    Diagonal,
    /// All of them, because an average over positions follows: `[n, m, positions, positions]`.
    Full,
}

/// The steps of a network, and what its tables hold.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) mode: Mode,
    /// Positions of the data, 1 where it is flat.
    pub(crate) positions: usize,
    /// What the data is.
    pub(crate) data: Data,
    /// What acts on positions, before the read-out.
    pub(crate) head: Vec<Step>,
    /// The mean that ends the head.
    pub(crate) read_out: ReadOut,
    /// Positions that reach it.
    pub(crate) read_out_positions: usize,
    /// What acts on one number a pair of samples, and the level that it starts from.
    pub(crate) tail: Vec<Step>,
    pub(crate) flat_level: usize,
    /// Places where the variance of every sample is kept: the input and what leaves each step.
    pub(crate) levels: usize,
    /// Activations that are given by a series.
    pub(crate) series: usize,
    /// Activations whose mean is kept for every sample.
    pub(crate) means: usize,
    /// Attentions, whose weights are kept for every sample.
    pub(crate) attentions: usize,
    /// Windows, by their number.
    pub(crate) windows: Vec<Window>,
    /// Whether the distance of correlations from 1 is carried along: a rectifier needs it.
    pub(crate) tracked: bool,
}

/// What the numbers of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// Channels.
    Numbers,
    /// Channels, the last of which says which positions are there.
    Masked,
    /// Tokens, so many: two are equal or have nothing in common.
    Tokens(usize),
}

/// How positions become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadOut {
    /// They are one.
    None,
    /// Flattened: the mean over pairs of the same position.
    Flatten,
    /// Averaged: the mean over all pairs.
    Average,
    /// The last alone.
    Last,
    /// Averaged over those that are there.
    AverageOfThere,
}

/// One layer, as it acts on a kernel; `from` and `to` are levels.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) path: String,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) act: Act,
}

impl Step {
    /// Whether numbers of different positions meet in it.
    pub(crate) fn moves(&self) -> bool {
        match &self.act {
            Act::Window { .. } => true,
            Act::Recurrent(_) | Act::Attend { .. } => true,
            Act::Join { branches, .. } => branches.iter().flat_map(|branch| &branch.steps).any(Self::moves),
            Act::Affine(_) | Act::Map(_) | Act::Norm(_) | Act::Polynomial(_) => false,
        }
    }
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Act {
    /// Weights and a bias.
    Affine(Affine),
    /// An elementwise function.
    Map(Rule),
    /// Division by the deviation.
    Norm(Norm),
    /// Sums over windows.
    Window { window: Window, index: usize },
    /// Branches of one input: the sum of their kernels, or the product.
    Join { branches: Vec<Branch>, join: Join },
    /// Products of several layers.
    Polynomial(Box<Polynomial>),
    /// One pair of weights at all positions, one after another.
    Recurrent(Box<Recurrent>),
    /// Each position the weighted mean of all, the weights by the kernel of the sample with itself, or all equal.
    Attend { index: usize, uniform: bool },
}

/// How kernels of branches are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// `sum of share K`, and so `Theta`.
    Sum,
    /// `K = product of K_b`, `Theta = sum of Theta_b times the other K`.
    Product,
}

/// A branch.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) steps: Vec<Step>,
    /// The level at which it ends.
    pub(crate) end: usize,
    /// What its kernel is times in a sum.
    pub(crate) share: f64,
    /// The level of what is joined up to here.
    pub(crate) joined: usize,
}

/// `y_1 = a_1`, `y_k = a_k y_(k-1) [+ y_(k-1)]` with activations `a_k` of independent layers of one input.
///
/// # Rule
/// With the kernels V and V' of an activation and its slope and `G = E (1 + a)(1 + a')` (or V without the sum):
/// `K = V G^(N-1)`, `Theta = V' Theta_1 (G^(N-1) + (N-1) V G^(N-2))`, `Theta_1` of the layer within.
///
/// # Source
/// Wu and others, Extrapolation and spectral bias of neural nets with Hadamard product, 2022, by induction over the degree.
#[derive(Debug)]
pub(crate) struct Polynomial {
    pub(crate) affine: Affine,
    /// The activation, from and to levels of its own.
    pub(crate) map: Step,
    pub(crate) degree: u32,
    pub(crate) skip: bool,
    /// Which mean of an activation is its.
    pub(crate) mean: usize,
}

/// `Z(t, t') = driven(t, t') + weight H(t-1, t'-1)`, `H = E a(z) a(z')`, from `H = 0`; where a position is not there, that before.
///
/// # Source
/// Alemohammad and others, The recurrent neural tangent kernel, arXiv:2006.10246.
#[derive(Debug)]
pub(crate) struct Recurrent {
    /// The weights of the state.
    pub(crate) state: Affine,
    /// The activation, from the level of Z.
    pub(crate) map: Step,
    pub(crate) masked: bool,
}

/// `K' = weight K + bias`, `Theta' = own K + own_bias + weight Theta`, with K the mean product of the layer's inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine {
    /// `W_std^2`.
    pub(crate) weight: f64,
    /// `b_std^2`.
    pub(crate) bias: f64,
    /// What the kernel of the layer's own weights is times K: `W_std^2`, or `fan_in` in the `standard` parameterization.
    pub(crate) own: f64,
    /// The kernel of the layer's own bias: `b_std^2`, or 1 in the `standard` parameterization.
    pub(crate) own_bias: f64,
}

impl Affine {
    /// From the factors of the forward pass and of the first draw, which is all that parameterizations differ in; K is given
    /// as a sum over `taps`.
    pub(crate) fn new(site: &Site, taps: usize) -> Self {
        let fan_in = site.dims.fan_in as f64;
        let ((of_weights, of_bias), (weights, bias)) =
            (site.multipliers(), site.weighting.deviations(site.dims.fan_in));
        let own = of_weights * of_weights * fan_in / taps as f64;
        let own_bias = if site.dims.has_bias { of_bias * of_bias } else { 0.0 };
        Self { weight: own * weights * weights, bias: own_bias * bias * bias, own, own_bias }
    }

    /// A factor, without parameters.
    pub(crate) fn factor(weight: f64) -> Self {
        Self { weight, bias: 0.0, own: 0.0, own_bias: 0.0 }
    }
}

/// `K' = K/sqrt((q + eps)(q' + eps))`, `Theta' = own K' + own_bias + Theta/sqrt(..)`: the statistics of a wide layer are no longer
/// random, and what their derivatives take away is two of its many directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Norm {
    pub(crate) eps: f64,
    /// The kernels of learned scales, which start at 1, and shifts, which start at 0.
    pub(crate) own: f64,
    pub(crate) own_bias: f64,
}

/// What is known of the values that reach a layer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Numbers of the data: no weight has acted yet.
    Data,
    /// Normal in the limit: sums over the channels of a wide layer.
    Normal,
    /// A function of normal values.
    Mapped,
}

impl Program {
    /// The steps of a network.
    ///
    /// # Errors
    /// What [`Architecture::sites`] refuses; layers in an order that has no limit in closed form.
    pub(crate) fn new(model: &Architecture) -> Result<Self> {
        let sites = model.sites()?;
        let places = model.input.len() > 1;
        // Data that is flattened first has no positions.
        let flattened = places && matches!(model.layers.first(), Some(Layer::Flatten));
        let data = data(model);
        let grid = match (data, &model.input[..]) {
            (Data::Tokens(_), &[positions]) => Some([1, positions]),
            (_, &[h, w, _]) if !flattened => Some([h, w]),
            (_, &[w, _]) if !flattened => Some([1, w]),
            _ => None,
        };
        let (layers, offset) = if flattened { (&model.layers[1..], 1) } else { (&model.layers[..], 0) };
        let mode = match (grid.is_some(), crosses(layers)) {
            (false, _) => Mode::Flat,
            (true, false) => Mode::Diagonal,
            (true, true) => Mode::Full,
        };
        if grid.is_none() && !flattened && places {
            let hint = "give input = [features], [w, channels] or [h, w, channels]";
            return Err(ModelError::new(format!("input = {:?} has no infinite kernel here", model.input), hint).into());
        }
        let channels = if flattened { model.input.iter().product() } else { model.input.last().copied().unwrap_or(1) };
        let mut compiler = Compiler::new(mode, grid.map_or(Grid::ONE, Grid), channels, sites);
        let positions = compiler.positions();
        let cut = if grid.is_some() { layers.iter().position(reads_out) } else { None };
        let Some(cut) = cut else {
            if grid.is_some() {
                let hint = "put { kind = \"flatten\" } or { kind = \"gap\" } and a dense layer behind the convolutions";
                return Err(ModelError::new("outputs of a network that keeps positions", hint).into());
            }
            let (tail, ..) = compiler.layers(layers, "layers", offset, 0, Values::Data)?;
            return compiler.program(data, (1, Vec::new(), ReadOut::None, 1), tail, 0);
        };
        // A recurrent layer is part of the head, and its last state what is read.
        let (ends, read_out) = match &layers[cut] {
            Layer::Recurrent(rnn) if rnn.read_out == layer::ReadOut::Last => (cut + 1, ReadOut::Last),
            Layer::Recurrent(rnn) if rnn.masked => (cut + 1, ReadOut::AverageOfThere),
            Layer::Recurrent(_) => (cut + 1, ReadOut::Average),
            Layer::Flatten => (cut, ReadOut::Flatten),
            _ => (cut, ReadOut::Average),
        };
        let (head, _, values) = compiler.layers(&layers[..ends], "layers", 0, 0, Values::Data)?;
        // A mean over positions of normal values is normal; flattened values of one channel are as the channels were.
        let values = match (read_out, values) {
            (ReadOut::Flatten, Values::Normal) => Values::Mapped,
            (_, values) => values,
        };
        let read_out_positions = compiler.read_out(read_out);
        let flat_level = compiler.level();
        let (tail, ..) = compiler.layers(&layers[cut + 1..], "layers", cut + 1, flat_level, values)?;
        compiler.program(data, (positions, head, read_out, read_out_positions), tail, flat_level)
    }
}

/// What the first layer takes the data for.
fn data(model: &Architecture) -> Data {
    match model.layers.first() {
        Some(Layer::Embedding(embedding)) => Data::Tokens(embedding.tokens),
        Some(Layer::Recurrent(rnn)) if rnn.masked => Data::Masked,
        _ => Data::Numbers,
    }
}

/// Whether a layer makes one of all positions.
fn reads_out(layer: &Layer) -> bool {
    match layer {
        Layer::Flatten | Layer::GlobalAverage => true,
        Layer::Recurrent(rnn) => rnn.read_out != layer::ReadOut::All,
        _ => false,
    }
}

/// Whether different positions meet anywhere but in the windows of convolutions.
fn crosses(layers: &[Layer]) -> bool {
    layers.iter().any(|layer| match layer {
        Layer::GlobalAverage | Layer::Pool(_) | Layer::Recurrent(_) | Layer::Attention(_) | Layer::Embedding(_) => true,
        Layer::Residual { layers, .. } => crosses(layers),
        Layer::Parallel(parallel) => parallel.branches.iter().any(|branch| crosses(branch)),
        _ => false,
    })
}
