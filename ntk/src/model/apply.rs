//! A description applied to a tape: the finite-width network.

use autodiff::sweep::Role;
use autodiff::{Arena, Float, Real, Var};

use super::Architecture;
use super::layer::{self, Layer};
use super::shape::Site;
use crate::array::Array;
use crate::error::{Error, Result};
use crate::network::{Cotangents, Footprint, Network, Parameter, Sharing, Use};

impl Network for Architecture {
    fn input(&self) -> Result<Vec<usize>> {
        Ok(self.input.clone())
    }

    fn parameters(&self) -> Result<Vec<Vec<usize>>> {
        Ok(Architecture::parameters(self)?.into_iter().map(|(_, shape)| shape).collect())
    }

    fn outputs(&self) -> Result<usize> {
        Ok(self.output()?.iter().product())
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, parameters: &[Var<'a, R>]) -> autodiff::Result<Var<'a, R>> {
        let sites = self.sites().map_err(|refused| autodiff::Error::Program(refused.to_string()))?;
        layer::apply(&self.layers, x, &mut Supply::new(&sites, parameters))
    }

    /// Counted from the shapes where all layers are dense, elementwise or residual, so that the largest of networks is
    /// planned without its weights; of any other, two samples are recorded.
    fn footprint(&self) -> Result<Footprint> {
        if let Some(path) = self.mixing()? {
            return Err(Error::usage(
                format!(
                    "{path} (batch_norm) mixes samples: in training its result for one sample depends on the others, and \
                     such a network has no kernel"
                ),
                "freeze its statistics: give `mean` and `variance` in the model file",
            ));
        }
        let mut seen = Footprint { splits: true, ..Footprint::default() };
        match count(&self.layers, self.input.iter().product(), &mut seen) {
            Some(_) => {
                let Above { everything, slope, joins, .. } = Above::of(&self.layers);
                let mut from_the_end = seen.cotangents.iter_mut().rev();
                from_the_end.by_ref().take(everything).for_each(|above| above.shared = Sharing::Everything);
                // What is shared is written out for the next product.
                let mut written = 0;
                if let (true, Some(below)) = (slope, from_the_end.next()) {
                    (below.shared, written) = (Sharing::Slope { even: true }, below.len);
                }
                seen.passing = seen.passing.max(written) + if joins { seen.widest } else { 0 };
                Ok(seen)
            }
            None => Footprint::measure(self),
        }
    }
}

/// What the layers of a network take one after another: its sites, each with its arrays.
pub(super) struct Supply<'s, 'p, 'a, R> {
    sites: std::slice::Iter<'s, Site>,
    parameters: std::slice::Iter<'p, Var<'a, R>>,
    /// Mean and variance of what each batch normalization met in training.
    statistics: Vec<[Var<'a, R>; 2]>,
}

/// An array of weights on a tape, and what it is multiplied with.
pub(super) struct Weighted<'a, R> {
    /// The weights.
    pub(super) w: Var<'a, R>,
    /// The factor of their product.
    pub(super) alpha: f64,
    /// The bias and its factor.
    bias: Option<(Var<'a, R>, f64)>,
}

impl<'s, 'p, 'a, R: Real> Supply<'s, 'p, 'a, R> {
    fn new(sites: &'s [Site], parameters: &'p [Var<'a, R>]) -> Self {
        Self { sites: sites.iter(), parameters: parameters.iter(), statistics: Vec::new() }
    }

    /// Takes note of the statistics of a batch.
    pub(super) fn saw(&mut self, mean: Var<'a, R>, variance: Var<'a, R>) {
        self.statistics.push([mean, variance]);
    }

    /// The next array of weights and its bias.
    pub(super) fn next(&mut self) -> autodiff::Result<Weighted<'a, R>> {
        const MISSING: &str = "fewer parameters than the network has; pass those that `Architecture::parameters` names";
        let missing = || autodiff::Error::Program(MISSING.into());
        let site = self.sites.next().ok_or_else(missing)?;
        let mut next = || self.parameters.next().copied().ok_or_else(missing);
        let (alpha, beta) = site.multipliers();
        Ok(Weighted { w: next()?, alpha, bias: if site.dims.has_bias { Some((next()?, beta)) } else { None } })
    }
}

impl<'a, R: Real> Weighted<'a, R> {
    /// The bias and its factor.
    pub(super) fn bias(&self) -> Option<(Var<'a, R>, f64)> {
        self.bias
    }

    /// `y + beta b`
    pub(super) fn shifted(&self, y: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
        match self.bias {
            Some((b, beta)) => y.combine(1.0, b, beta),
            None => Ok(y),
        }
    }

    /// `W o y + b`, a number for each channel.
    pub(super) fn stretched(&self, y: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
        self.shifted(y.times(self.w)?)
    }
}

impl Architecture {
    /// The same network with its batch normalizations frozen at the statistics of these samples, as in evaluation.
    ///
    /// Each normalization sees what the ones before it make of the samples. Variances are means of squares, as training
    /// has them, not estimates of a population's.
    ///
    /// # Errors
    /// As [`Architecture::sites`]; parameters or samples that do not fit; statistics that are not finite, by the layer.
    pub fn freeze<R: Float>(&self, parameters: &[Array<R>], x: &Array<R>) -> Result<Self> {
        let (sites, mut arena) = (self.sites()?, Arena::new());
        let tape = arena.tape();
        let leaves: Vec<Var<'_, R>> =
            parameters.iter().map(|p| tape.leaf(&p.data, &p.shape)).collect::<autodiff::Result<_>>()?;
        let shape: Vec<usize> = std::iter::once(x.rows()).chain(self.input.iter().copied()).collect();
        let mut supply = Supply::new(&sites, &leaves);
        layer::apply(&self.layers, tape.samples(&x.data, &shape)?, &mut supply)?;
        let numbers = |of: &Var<'_, R>| of.value().iter().map(|x| x.primal()).collect::<Vec<f64>>();
        let mut statistics = supply.statistics.iter().map(|[mean, variance]| (numbers(mean), numbers(variance)));
        let mut frozen = self.clone();
        frozen.visit(&mut |_, layer| match layer {
            Layer::BatchNorm(norm) if norm.frozen.is_none() => norm.frozen = statistics.next(),
            _ => {}
        });
        frozen.sites()?;
        Ok(frozen)
    }
}

/// What samples share of the cotangents of the last layers.
#[derive(Default)]
struct Above {
    /// Dense layers above the last activation: their cotangents are the same for every sample.
    everything: usize,
    /// Whether there is one below it: its cotangents are the same but for a slope.
    slope: bool,
    /// Whether they end at a residual block, before a product.
    joins: bool,
    /// Whether the last activation was passed.
    passed: bool,
    ended: bool,
}

impl Above {
    fn of(layers: &[Layer]) -> Self {
        let mut seen = Self::default();
        seen.descend(layers);
        seen
    }

    fn descend(&mut self, layers: &[Layer]) {
        for (at, layer) in layers.iter().enumerate().rev() {
            match layer {
                Layer::Dense(_) if self.passed => (self.slope, self.ended) = (true, true),
                Layer::Dense(_) => self.everything += 1,
                Layer::Activation(activation) => self.passed |= activation.ops().next().is_some(),
                // What enters the block is data, or data under activations: nothing goes on but the branch.
                Layer::Residual { layers: branch, .. }
                    if layers[..at].iter().all(|l| matches!(l, Layer::Activation(_))) =>
                {
                    self.descend(branch);
                }
                _ => (self.joins, self.ended) = (true, true),
            }
            if self.ended {
                return;
            }
        }
    }
}

/// Adds what `layers` record for one sample of `width` numbers; the width that leaves, or none where a layer's record
/// is not known here.
fn count(layers: &[Layer], mut width: usize, seen: &mut Footprint) -> Option<usize> {
    for layer in layers {
        let mut value = |width: usize, ops: usize| {
            seen.values += ops * width;
            seen.widest = seen.widest.max(width);
        };
        match layer {
            Layer::Dense(dense) => {
                let (fan_in, fan_out) = (width, dense.out);
                width = fan_out;
                value(width, 1 + usize::from(dense.has_bias()));
                let cotangent = seen.cotangents.len();
                let product = Role::Product { positions: 1, fan_in, fan_out, transposed: false };
                let weights = Use { role: product, cotangent, input: Some(seen.inputs.len()) };
                seen.parameters.push(Parameter { len: fan_in.saturating_mul(fan_out), uses: vec![weights] });
                if dense.has_bias() {
                    let bias = Use { role: Role::Sum { positions: 1, fan_out }, cotangent, input: None };
                    seen.parameters.push(Parameter { len: fan_out, uses: vec![bias] });
                }
                seen.inputs.push(fan_in);
                seen.cotangents.push(Cotangents { len: fan_out, shared: Sharing::Nothing });
            }
            Layer::Activation(activation) => {
                value(width, activation.ops().count());
                seen.kinked += width * activation.ops().filter(|op| !op.kinks().is_empty()).count();
            }
            Layer::Residual { layers, .. } => {
                value(width, 1);
                // The block's input gathers cotangents while the branch has one of its own on the way.
                let passing = std::mem::take(&mut seen.passing);
                count(layers, width, seen)?;
                seen.passing = passing.max(width + seen.passing);
            }
            _ => return None,
        }
    }
    Some(width)
}
