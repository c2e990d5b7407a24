//! A description applied to a tape: the finite-width network.

use autodiff::op::ElementwiseOp;
use autodiff::op::bilinear::Matmul;
use autodiff::op::elementwise as ew;
use autodiff::{Real, Var};

use super::{Activation, Architecture, Layer, Site};
use crate::error::Result;
use crate::network::{Footprint, Network};

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
        let mut weights = Weights { sites: sites.iter(), parameters: parameters.iter() };
        layers(&self.layers, x, &mut weights)
    }

    fn footprint(&self) -> Result<Footprint> {
        let mut seen = Footprint { splits: true, ..Footprint::default() };
        count(&self.layers, self.input.iter().product(), &mut seen);
        // Every parameter is used once.
        Ok(Footprint { input_products: seen.inputs, cotangent_products: seen.cotangents, ..seen })
    }
}

/// What the layers take one after another: of each site its multipliers, its weights and its bias.
struct Weights<'s, 'p, 'a, R> {
    sites: std::slice::Iter<'s, Site<'s>>,
    parameters: std::slice::Iter<'p, Var<'a, R>>,
}

impl<'a, R: Real> Weights<'_, '_, 'a, R> {
    /// `alpha x W + beta b` with the next weights.
    fn affine(&mut self, x: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
        let missing = || autodiff::Error::Program(MISSING.into());
        let site = self.sites.next().ok_or_else(missing)?;
        let mut next = || self.parameters.next().copied().ok_or_else(missing);
        let (alpha, beta) = site.multipliers();
        let y = x.matmul_with(next()?, Matmul { transpose_a: false, transpose_b: false, alpha })?;
        if site.dims.has_bias { y.combine(1.0, next()?, beta) } else { Ok(y) }
    }
}

const MISSING: &str = "fewer parameters than the network has; pass those that `Architecture::parameters` names";

fn layers<'a, R: Real>(
    layers_of: &[Layer],
    mut x: Var<'a, R>,
    weights: &mut Weights<'_, '_, 'a, R>,
) -> autodiff::Result<Var<'a, R>> {
    for layer in layers_of {
        x = match layer {
            Layer::Dense(_) => weights.affine(x)?,
            Layer::Activation(activation) => match elementwise(*activation) {
                Some(op) => x.map(op),
                None => x,
            },
            Layer::Residual { layers: branch, scale } => {
                // INVARIANT: the recursion is as deep as `sites` let branches nest.
                let f = self::layers(branch, x, weights)?;
                x.combine(1.0, f, *scale)?
            }
        };
    }
    Ok(x)
}

/// The op of an activation; none for the identity.
fn elementwise(activation: Activation) -> Option<ElementwiseOp> {
    Some(match activation {
        Activation::Relu => ew::Relu.into(),
        Activation::LeakyRelu(alpha) => ew::LeakyRelu(alpha).into(),
        Activation::Tanh => ew::Tanh.into(),
        Activation::Erf => ew::Erf.into(),
        Activation::Gelu => ew::Gelu.into(),
        Activation::Sigmoid => ew::Sigmoid.into(),
        Activation::Softplus => ew::Softplus.into(),
        Activation::Sin => ew::Sin.into(),
        Activation::Cos => ew::Cos.into(),
        Activation::Identity => return None,
    })
}

/// Adds what `layers` record for one sample of `width` numbers; the width that leaves.
fn count(layers: &[Layer], mut width: usize, seen: &mut Footprint) -> usize {
    for layer in layers {
        let mut value = |width: usize, ops: usize| {
            seen.values += ops * width;
            seen.widest = seen.widest.max(width);
        };
        match layer {
            Layer::Dense(dense) => {
                seen.inputs += width;
                width = dense.out;
                value(width, 1 + usize::from(dense.has_bias()));
                seen.cotangents += width;
            }
            Layer::Activation(activation) => value(width, usize::from(elementwise(*activation).is_some())),
            Layer::Residual { layers, .. } => {
                value(width, 1);
                // The block's input gathers cotangents while the branch has one of its own on the way.
                let mut branch = Footprint::default();
                count(layers, width, &mut branch);
                seen.values += branch.values;
                seen.inputs += branch.inputs;
                seen.cotangents += branch.cotangents;
                seen.widest = seen.widest.max(branch.widest);
                seen.passing = seen.passing.max(width + branch.passing);
            }
        }
    }
    width
}
