//! A description as steps on a kernel: what each layer does to variances and covariances.

use super::rule::Rule;
use super::window::{Axis, Window};
use crate::error::{Error, Result};
use crate::model::layer::{Conv, Padding, Pool, Pooling, Statistic};
use crate::model::{Architecture, Layer, ModelError, Site};

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
    /// What acts on positions, before the read-out.
    pub(crate) head: Vec<Step>,
    /// The mean that ends the head.
    pub(crate) read_out: ReadOut,
    /// What acts on one number a pair of samples, and the level that it starts from.
    pub(crate) tail: Vec<Step>,
    pub(crate) flat_level: usize,
    /// Places where the variance of every sample is kept: the input and what leaves each step.
    pub(crate) levels: usize,
    /// Activations that are given by a series.
    pub(crate) series: usize,
    /// Windows, by their number.
    pub(crate) windows: Vec<Window>,
    /// Whether the distance of correlations from 1 is carried along: a rectifier needs it.
    pub(crate) tracked: bool,
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
            Act::Residual { branch, .. } => branch.iter().any(Self::moves),
            Act::Affine(_) | Act::Map(_) | Act::Norm(_) => false,
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
    /// `K + scale^2 K'` with what leaves the branch at its last level.
    Residual { branch: Vec<Step>, end: usize, square: f64 },
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
    fn new(site: &Site, taps: usize) -> Self {
        let fan_in = site.dims.fan_in as f64;
        let ((of_weights, of_bias), (weights, bias)) =
            (site.multipliers(), site.weighting.deviations(site.dims.fan_in));
        let own = of_weights * of_weights * fan_in / taps as f64;
        let own_bias = if site.dims.has_bias { of_bias * of_bias } else { 0.0 };
        Self { weight: own * weights * weights, bias: own_bias * bias * bias, own, own_bias }
    }

    /// A factor, without parameters.
    fn factor(weight: f64) -> Self {
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
enum Values {
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
        let read_out = |layer: &Layer| matches!(layer, Layer::Flatten | Layer::GlobalAverage);
        let places = model.input.len() > 1;
        // Data that is flattened first has no positions.
        let first = model.layers.first();
        let flattened = places && matches!(first, Some(Layer::Flatten));
        let grid = match model.input[..] {
            [h, w, _] if !flattened => Some([h, w]),
            [w, _] if !flattened => Some([1, w]),
            _ => None,
        };
        let layers = if flattened { &model.layers[1..] } else { &model.layers[..] };
        let offset = usize::from(flattened);
        let mut compiler = Compiler {
            levels: 1,
            series: 0,
            kinked: false,
            windows: Vec::new(),
            grid: grid.unwrap_or([1, 1]),
            mode: match (grid.is_some(), averages(layers)) {
                (false, _) => Mode::Flat,
                (true, false) => Mode::Diagonal,
                (true, true) => Mode::Full,
            },
            sites: sites.into_iter(),
        };
        let positions = compiler.grid[0] * compiler.grid[1];
        if grid.is_none() && !flattened && places {
            let hint = "give input = [features], [w, channels] or [h, w, channels]";
            return Err(ModelError::new(format!("input = {:?} has no infinite kernel here", model.input), hint).into());
        }
        let cut = if grid.is_some() { layers.iter().position(read_out) } else { None };
        let Some(cut) = cut else {
            if grid.is_some() {
                let hint = "put { kind = \"flatten\" } or { kind = \"gap\" } and a dense layer behind the convolutions";
                return Err(ModelError::new("outputs of a network that keeps positions", hint).into());
            }
            let (tail, _, _) = compiler.layers(layers, "", offset, 0, Values::Data)?;
            return Ok(compiler.program(1, Vec::new(), ReadOut::None, tail, 0));
        };
        let (head, _, values) = compiler.layers(&layers[..cut], "", 0, 0, Values::Data)?;
        let read_out = if layers[cut] == Layer::Flatten { ReadOut::Flatten } else { ReadOut::Average };
        // A mean over positions of normal values is normal; flattened values of one channel are as the channels were.
        let values = match (read_out, values) {
            (ReadOut::Flatten, Values::Normal) => Values::Mapped,
            (_, values) => values,
        };
        compiler.grid = [1, 1];
        let flat_level = compiler.level();
        let (tail, _, _) = compiler.layers(&layers[cut + 1..], "", cut + 1, flat_level, values)?;
        Ok(compiler.program(positions, head, read_out, tail, flat_level))
    }

    /// Positions at the end of the head.
    pub(crate) fn read_out_positions(&self) -> usize {
        self.head
            .iter()
            .rev()
            .find_map(|step| match &step.act {
                Act::Window { window, .. } => Some(window.outputs()),
                _ => None,
            })
            .unwrap_or(self.positions)
    }
}

/// Whether positions are averaged anywhere.
fn averages(layers: &[Layer]) -> bool {
    layers.iter().any(|layer| match layer {
        Layer::GlobalAverage | Layer::Pool(_) => true,
        Layer::Residual { layers, .. } => averages(layers),
        _ => false,
    })
}

struct Compiler {
    levels: usize,
    series: usize,
    kinked: bool,
    windows: Vec<Window>,
    grid: [usize; 2],
    mode: Mode,
    sites: std::vec::IntoIter<Site>,
}

impl Compiler {
    fn program(
        self,
        positions: usize,
        head: Vec<Step>,
        read_out: ReadOut,
        tail: Vec<Step>,
        flat_level: usize,
    ) -> Program {
        let Self { levels, series, kinked, windows, mode, .. } = self;
        let tracked = kinked && mode == Mode::Flat;
        Program { mode, positions, head, read_out, tail, flat_level, levels, series, windows, tracked }
    }

    fn level(&mut self) -> usize {
        self.levels += 1;
        self.levels - 1
    }

    fn site(&mut self, path: &str) -> Result<Site> {
        self.sites.next().ok_or_else(|| Error::Bug(format!("{path} is no site")))
    }

    fn layers(
        &mut self,
        layers: &[Layer],
        parent: &str,
        offset: usize,
        mut from: usize,
        mut values: Values,
    ) -> Result<(Vec<Step>, usize, Values)> {
        let mut steps: Vec<Step> = Vec::new();
        for (i, layer) in layers.iter().enumerate() {
            let path = format!("{parent}layers[{}]", offset + i);
            let acts = match layer {
                Layer::Dense(_) => {
                    values = Values::Normal;
                    vec![Act::Affine(Affine::new(&self.site(&path)?, 1))]
                }
                Layer::Conv(conv) => {
                    let site = self.site(&path)?;
                    if conv.groups != 1 {
                        let hint = "write groups = 1, or take the kernel of the finite network (`ntk kernel`)";
                        return Err(ModelError::in_layer(
                            &path,
                            "groups of channels have no infinite kernel here",
                            hint,
                        )
                        .into());
                    }
                    values = Values::Normal;
                    let taps = [conv.kh.unwrap_or(1), conv.kw];
                    let affine = Act::Affine(Affine::new(&site, taps[0] * taps[1]));
                    vec![self.convolution(conv, taps), affine]
                }
                Layer::Pool(pool) if pool.pooling == Pooling::Average => {
                    let taps = [if self.grid[0] == 1 { 1 } else { pool.size }, pool.size];
                    let count = (taps[0] * taps[1]) as f64;
                    vec![self.pool(pool, taps), Act::Affine(Affine::factor(1.0 / (count * count)))]
                }
                Layer::Norm(norm) => {
                    if norm.statistic == Statistic::Layer && values != Values::Normal {
                        return Err(ModelError::in_layer(
                            &path,
                            "the channels that layer_norm takes the mean of have one that does not vanish with the width",
                            "put it behind a dense layer or a convolution, or use rms_norm",
                        )
                        .into());
                    }
                    let [own, own_bias] = match norm.affine {
                        true => [1.0, f64::from(u8::from(self.site(&path)?.dims.has_bias))],
                        false => [0.0, 0.0],
                    };
                    vec![Act::Norm(Norm { eps: norm.eps, own, own_bias })]
                }
                Layer::Activation(activation) => {
                    let Some(rule) = Rule::of(*activation, &mut self.series) else { continue };
                    if values != Values::Normal {
                        return Err(not_normal(&path, activation.name(), values).into());
                    }
                    values = Values::Mapped;
                    self.kinked |= rule.needs_gap();
                    vec![Act::Map(rule)]
                }
                Layer::Residual { layers: inner, scale } => {
                    let (branch, end, leaves) = self.layers(inner, &format!("{path}."), 0, from, values)?;
                    if leaves != Values::Normal || !ends_in_weights(inner) {
                        return Err(ModelError::in_layer(
                            &path,
                            "the branch does not end in weights of its own, so that it depends on what it is added to",
                            "end the branch with a dense layer or a convolution",
                        )
                        .into());
                    }
                    // A sum with what is not normal is not normal, though its covariance is as good for a next layer.
                    values = if values == Values::Normal { Values::Normal } else { Values::Mapped };
                    vec![Act::Residual { branch, end, square: scale * scale }]
                }
                Layer::Flatten if self.mode == Mode::Flat || self.grid == [1, 1] => continue,
                _ => {
                    return Err(ModelError::in_layer(
                        &path,
                        "a layer of this kind has no infinite kernel here",
                        "use dense layers, convolutions, average pools, normalizations, activations and residual blocks of \
                         them, or the kernel of the finite network (`ntk kernel`)",
                    )
                    .into());
                }
            };
            for act in acts {
                let to = self.level();
                steps.push(Step { path: path.clone(), from, to, act });
                from = to;
            }
        }
        Ok((steps, from, values))
    }

    fn convolution(&mut self, conv: &Conv, taps: [usize; 2]) -> Act {
        let flat = conv.kh.is_none();
        self.window(taps, conv.stride, conv.dilation, conv.padding, flat, false)
    }

    fn pool(&mut self, pool: &Pool, taps: [usize; 2]) -> Act {
        let flat = self.grid[0] == 1 && taps[0] == 1;
        self.window(taps, pool.stride, 1, pool.padding, flat, true)
    }

    /// A window over the positions that there are; `flat` says that they have one axis.
    fn window(
        &mut self,
        taps: [usize; 2],
        stride: usize,
        dilation: usize,
        padding: Padding,
        flat: bool,
        crossed: bool,
    ) -> Act {
        let [rows, columns] = [0, 1].map(|side| {
            let input = self.grid[side];
            if flat && side == 0 {
                return Axis::new((input, input), (1, 1, 1), 0, false);
            }
            axis(input, taps[side], stride, dilation, padding)
        });
        self.grid = [rows.output, columns.output];
        let window = Window { rows, columns, crossed };
        self.windows.push(window.clone());
        Act::Window { window, index: self.windows.len() - 1 }
    }
}

/// A window along an axis, as `model::layer::Padding` describes it.
fn axis(input: usize, taps: usize, stride: usize, dilation: usize, padding: Padding) -> Axis {
    let extent = (taps - 1) * dilation + 1;
    let same = |output: usize| ((output - 1) * stride + extent).saturating_sub(input) / 2;
    let fitting = |room: usize| (room - extent) / stride + 1;
    let (output, before, circular) = match padding {
        Padding::Valid => (fitting(input), 0, false),
        Padding::Zeros(side) => (fitting(input + 2 * side), side, false),
        Padding::Same => (input.div_ceil(stride), same(input.div_ceil(stride)), false),
        Padding::Circular => (input.div_ceil(stride), same(input.div_ceil(stride)), true),
    };
    Axis::new((input, output), (taps, stride, dilation), before, circular)
}

fn ends_in_weights(layers: &[Layer]) -> bool {
    match layers.last() {
        Some(Layer::Dense(_) | Layer::Conv(_)) => true,
        Some(Layer::Activation(crate::model::Activation::Identity)) => ends_in_weights(&layers[..layers.len() - 1]),
        _ => false,
    }
}

fn not_normal(path: &str, name: &str, values: Values) -> ModelError {
    let what = match values {
        Values::Data => "acts on the data, before any weights",
        _ => "acts on values that are not normal in the limit: an activation, or a sum with one",
    };
    ModelError::in_layer(
        path,
        format_args!("{name} {what}, and has no limit in closed form there"),
        "put a dense layer before it",
    )
}
