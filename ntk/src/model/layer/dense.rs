//! The fully connected layer.

use autodiff::op::bilinear::Matmul;
use autodiff::{Real, Var};

use super::{Described, Key, Kind};
use crate::model::apply::Supply;
use crate::model::emit::Entry;
use crate::model::error::{ModelError, Result};
use crate::model::file::Fields;
use crate::model::shape::{Dims, Walk};
use crate::model::{Parameterization, Weighting};

/// A fully connected layer.
///
/// # Shape
/// `[n, fan_in] -> [n, out]`, with `W: [fan_in, out]` and `b: [out]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// The number of outputs.
    pub out: usize,
    /// The number of inputs, if the description says it: it is then checked against the shapes.
    pub fan_in: Option<usize>,
    /// The standard deviation of the weights, times `sqrt(fan_in)`.
    pub w_std: f64,
    /// The standard deviation of the bias; no bias where it is `None` or 0.
    pub b_std: Option<f64>,
    /// Where the standard deviations act: on the first draw or in the forward pass.
    pub param: Parameterization,
}

impl Dense {
    /// How its weights are drawn and used.
    pub fn weighting(&self) -> Weighting {
        Weighting { w_std: self.w_std, b_std: self.b_std, param: self.param }
    }

    /// Whether the layer has a bias: a `b_std` of 0 means none.
    pub fn has_bias(&self) -> bool {
        self.weighting().has_bias()
    }
}

/// The keys of every layer with weights.
pub(super) const W_STD: Key =
    Key::new("W_std", "a number above 0", "1.0", "standard deviation of the weights, times `sqrt(fan_in)`");
pub(super) const B_STD: Key =
    Key::new("b_std", "a number of at least 0", "no bias", "standard deviation of the bias; 0 means none");
pub(super) const PARAM: Key =
    Key::new("param", "`\"ntk\"`, `\"standard\"`, `\"mup\"`", "`\"ntk\"`", "where the standard deviations act");

impl Kind for Dense {
    const DESCRIBED: &'static [Described] = &[Described {
        name: "dense",
        shape: "[in] -> [out]",
        about: "`x W + b`",
        keys: &[
            Key::new("out", "a whole number", "needed", "outputs"),
            Key::new("in", "a whole number", "what reaches it", "inputs, checked"),
            W_STD,
            B_STD,
            PARAM,
        ],
    }];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        let (out, fan_in) = (fields.count("out")?, fields.count_if("in")?);
        let Weighting { w_std, b_std, param } = fields.weighting()?;
        Ok(Dense { out, fan_in, w_std, b_std, param })
    }

    fn write(&self) -> Entry<'_> {
        Entry::new("dense").put_if("in", self.fan_in).put("out", self.out).weighting(self.weighting())
    }

    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        let &[fan_in] = shape else {
            let entries: usize = shape.iter().product();
            return Err(ModelError::in_layer(
                path,
                format_args!("a dense layer takes inputs with one axis, and these are {shape:?}"),
                if walk.is_start() {
                    format!("write input = [{entries}]: data with more axes is then flattened in row-major order")
                } else {
                    "put { kind = \"flatten\" } or { kind = \"gap\" } before it".to_owned()
                },
            ));
        };
        stated(path, self.fan_in, fan_in, shape)?;
        let dims = Dims { fan_in, fan_out: self.out, positions: 1, overlap: 1, has_bias: self.has_bias() };
        walk.site(path, self.weighting(), vec![fan_in, self.out], dims)?;
        Ok(vec![self.out])
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let weighted = supply.next()?;
        let op = Matmul { transpose_a: false, transpose_b: false, alpha: weighted.alpha };
        weighted.shifted(x.matmul_with(weighted.w, op)?)
    }
}

/// Refuses a stated number of inputs that is not the number there is.
pub(super) fn stated(path: &str, stated: Option<usize>, fan_in: usize, shape: &[usize]) -> Result<()> {
    match stated {
        Some(stated) if stated != fan_in => Err(ModelError::in_layer(
            path,
            format_args!("in = {stated}, but what reaches the layer is {shape:?}"),
            format!("write in = {fan_in} or leave `in` out"),
        )),
        _ => Ok(()),
    }
}
