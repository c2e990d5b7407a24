//! Layers that multiply: polynomials of their input.

use autodiff::op::bilinear::Matmul;
use autodiff::{Real, Var};

use super::dense::{B_STD, PARAM, W_STD, stated};
use super::{Activation, Described, Key, Kind};
use crate::model::apply::Supply;
use crate::model::emit::Entry;
use crate::model::error::{ModelError, Result};
use crate::model::file::Fields;
use crate::model::shape::{Dims, Walk};
use crate::model::{Parameterization, Weighting};

/// A polynomial of its input by Hadamard products: `y_1 = act(x W_1 + b_1)`, then
/// `y_k = act(x W_k + b_k) o y_(k-1) [+ y_(k-1)]` up to the degree, `o` entry by entry.
///
/// # Shape
/// `[n, fan_in] -> [n, out]`, with a `W: [fan_in, out]` and a `b: [out]` for each degree.
///
/// # Source
/// Chrysos et al. 2020, "Deep polynomial neural networks" (the coupled decomposition, CCP, with `skip`); Wu et al. 2022,
/// "Extrapolation and spectral bias of neural nets with Hadamard product".
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    /// The number of factors.
    pub degree: usize,
    /// The number of outputs.
    pub out: usize,
    /// The number of inputs, if the description says it: it is then checked against the shapes.
    pub fan_in: Option<usize>,
    /// What each factor passes.
    pub activation: Activation,
    /// Whether each product is added to what it multiplies.
    pub skip: bool,
    /// The standard deviation of the weights, times `sqrt(fan_in)`.
    pub w_std: f64,
    /// The standard deviation of the biases; none where it is `None` or 0.
    pub b_std: Option<f64>,
    /// Where the standard deviations act: on the first draw or in the forward pass.
    pub param: Parameterization,
}

impl Polynomial {
    /// How its weights are drawn and used.
    pub fn weighting(&self) -> Weighting {
        Weighting { w_std: self.w_std, b_std: self.b_std, param: self.param }
    }
}

impl Kind for Polynomial {
    const DESCRIBED: &'static [Described] = &[Described {
        name: "polynomial",
        shape: "[in] -> [out]",
        about: "`y_1 = act(x W_1 + b_1)`, `y_k = act(x W_k + b_k) y_(k-1) + y_(k-1)`, products entry by entry",
        keys: &[
            Key::new("degree", "a whole number", "needed", "factors, each with weights of its own"),
            Key::new("out", "a whole number", "needed", "outputs"),
            Key::new("in", "a whole number", "what reaches it", "inputs, checked"),
            super::activation::ACTIVATION,
            Key::new("skip", "`true`, `false`", "`true`", "whether `y_(k-1)` is added"),
            W_STD,
            B_STD,
            PARAM,
        ],
    }];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        let Weighting { w_std, b_std, param } = fields.weighting()?;
        Ok(Self {
            degree: fields.count("degree")?,
            out: fields.count("out")?,
            fan_in: fields.count_if("in")?,
            activation: fields.activation(Activation::Identity)?,
            skip: fields.flag_or("skip", true)?,
            w_std,
            b_std,
            param,
        })
    }

    fn write(&self) -> Entry<'_> {
        Entry::new("polynomial")
            .put("degree", self.degree)
            .put_if("in", self.fan_in)
            .put("out", self.out)
            .text("activation", self.activation.name())
            .put("skip", self.skip)
            .weighting(self.weighting())
    }

    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        let &[fan_in] = shape else {
            let what = format_args!("a polynomial layer takes inputs with one axis, and these are {shape:?}");
            return Err(ModelError::in_layer(path, what, "put { kind = \"flatten\" } before it"));
        };
        stated(path, self.fan_in, fan_in, shape)?;
        if self.degree == 0 {
            return Err(ModelError::in_layer(path, "degree = 0", "give at least 1 factor"));
        }
        let dims = Dims::dense(fan_in, self.out, self.weighting());
        for _ in 0..self.degree {
            walk.site(path, self.weighting(), vec![fan_in, self.out], dims)?;
        }
        Ok(vec![self.out])
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let mut product: Option<Var<'a, R>> = None;
        for _ in 0..self.degree {
            let weighted = supply.next()?;
            let op = Matmul { transpose_a: false, transpose_b: false, alpha: weighted.alpha };
            let z = weighted.shifted(x.matmul_with(weighted.w, op)?)?;
            let factor = self.activation.record(z);
            product = Some(match product {
                None => factor,
                Some(y) if self.skip => factor.times(y)?.plus(y)?,
                Some(y) => factor.times(y)?,
            });
        }
        // INVARIANT: shape inference refused a degree of 0.
        Ok(product.unwrap_or(x))
    }
}
