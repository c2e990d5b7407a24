//! A description as steps on a kernel: what each layer does to variances and covariances.

use super::rule::Rule;
use crate::error::{Error, Result};
use crate::model::{Architecture, Layer, ModelError, Site};

/// The steps of a network, and how many levels and series its tables have.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    /// Places where the variance of every sample is kept: the input and what leaves each step.
    pub(crate) levels: usize,
    /// Activations that are given by a series.
    pub(crate) series: usize,
    /// Whether the distance of correlations from 1 is carried along: a rectifier needs it.
    pub(crate) tracked: bool,
}

/// One layer, as it acts on a kernel; `from` and `to` are levels.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) path: String,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) act: Act,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Act {
    /// Weights and a bias.
    Affine(Affine),
    /// An elementwise function.
    Map(Rule),
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
    /// From the factors of the forward pass and of the first draw, which is all that parameterizations differ in.
    fn new(site: &Site) -> Self {
        let fan_in = site.dims.fan_in as f64;
        let ((of_weights, of_bias), (weights, bias)) =
            (site.multipliers(), site.weighting.deviations(site.dims.fan_in));
        let own = of_weights * of_weights * fan_in;
        let own_bias = if site.dims.has_bias { of_bias * of_bias } else { 0.0 };
        Self { weight: own * weights * weights, bias: own_bias * bias * bias, own, own_bias }
    }
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
        let mut compiler = Compiler { levels: 1, series: 0, tracked: false, sites: model.sites()?.into_iter() };
        let (steps, _, _) = compiler.layers(&model.layers, "", 0, Values::Data)?;
        let Compiler { levels, series, tracked, .. } = compiler;
        Ok(Self { steps, levels, series, tracked })
    }
}

struct Compiler {
    levels: usize,
    series: usize,
    tracked: bool,
    sites: std::vec::IntoIter<Site>,
}

impl Compiler {
    fn level(&mut self) -> usize {
        self.levels += 1;
        self.levels - 1
    }

    fn layers(
        &mut self,
        layers: &[Layer],
        parent: &str,
        mut from: usize,
        mut values: Values,
    ) -> Result<(Vec<Step>, usize, Values)> {
        let mut steps = Vec::new();
        for (i, layer) in layers.iter().enumerate() {
            let path = format!("{parent}layers[{i}]");
            let act = match layer {
                Layer::Dense(_) => {
                    values = Values::Normal;
                    let site = self.sites.next().ok_or_else(|| Error::Bug(format!("{path} is no site")))?;
                    Act::Affine(Affine::new(&site))
                }
                Layer::Activation(activation) => {
                    let Some(rule) = Rule::of(*activation, &mut self.series) else { continue };
                    if values != Values::Normal {
                        return Err(not_normal(&path, activation.name(), values).into());
                    }
                    values = Values::Mapped;
                    self.tracked |= rule.needs_gap();
                    Act::Map(rule)
                }
                Layer::Residual { layers: inner, scale } => {
                    let (branch, end, leaves) = self.layers(inner, &format!("{path}."), from, values)?;
                    if leaves != Values::Normal || !ends_in_weights(inner) {
                        return Err(ModelError::in_layer(
                            &path,
                            "the branch does not end in weights of its own, so that it depends on what it is added to",
                            "end the branch with a dense layer",
                        )
                        .into());
                    }
                    // A sum with what is not normal is not normal, though its covariance is as good for a next dense layer.
                    values = if values == Values::Normal { Values::Normal } else { Values::Mapped };
                    Act::Residual { branch, end, square: scale * scale }
                }
                _ => {
                    return Err(ModelError::in_layer(
                        &path,
                        "a layer of this kind has no infinite kernel here",
                        "use dense layers, activations and residual blocks of them, or the kernel of the finite network (`ntk kernel`)",
                    )
                    .into());
                }
            };
            let to = self.level();
            steps.push(Step { path, from, to, act });
            from = to;
        }
        Ok((steps, from, values))
    }
}

fn ends_in_weights(layers: &[Layer]) -> bool {
    match layers.last() {
        Some(Layer::Dense(_)) => true,
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
