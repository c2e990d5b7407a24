//! A description applied to a tape: the finite-width network.

use autodiff::op::ElementwiseOp;
use autodiff::op::bilinear::Matmul;
use autodiff::op::elementwise as ew;
use autodiff::{Real, Var};

use super::{Activation, Architecture, Dense, Layer, Parameterization};
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
        layers(&self.layers, x, &mut parameters.iter().copied())
    }

    fn footprint(&self) -> Result<Footprint> {
        let mut seen = Footprint { splits: true, ..Footprint::default() };
        count(&self.layers, self.input.iter().product(), &mut seen);
        // Every parameter is used once.
        Ok(Footprint { input_products: seen.inputs, cotangent_products: seen.cotangents, ..seen })
    }
}

fn layers<'a, R: Real>(
    layers_of: &[Layer],
    mut x: Var<'a, R>,
    parameters: &mut impl Iterator<Item = Var<'a, R>>,
) -> autodiff::Result<Var<'a, R>> {
    for layer in layers_of {
        x = match layer {
            Layer::Dense(layer) => dense(layer, x, parameters)?,
            Layer::Activation(activation) => match elementwise(*activation) {
                Some(op) => x.map(op),
                None => x,
            },
            Layer::Residual { layers: branch, scale } => {
                // INVARIANT: the recursion is as deep as `sites` let branches nest.
                let f = self::layers(branch, x, parameters)?;
                x.combine(1.0, f, *scale)?
            }
        };
    }
    Ok(x)
}

/// `ntk`: `W_std/sqrt(fan_in) x W + b_std b`; `standard`: `x W + b`.
fn dense<'a, R: Real>(
    layer: &Dense,
    x: Var<'a, R>,
    parameters: &mut impl Iterator<Item = Var<'a, R>>,
) -> autodiff::Result<Var<'a, R>> {
    let fan_in = x.shape().last().copied().unwrap_or(1) as f64;
    let (alpha, beta) = match layer.param {
        Parameterization::Standard => (1.0, 1.0),
        Parameterization::Ntk => (layer.w_std / fan_in.sqrt(), layer.b_std.unwrap_or(0.0)),
    };
    let mut next = || parameters.next().expect("as many parameters as the description names");
    let y = x.matmul_with(next(), Matmul { transpose_a: false, transpose_b: false, alpha })?;
    if layer.has_bias() { y.combine(1.0, next(), beta) } else { Ok(y) }
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
