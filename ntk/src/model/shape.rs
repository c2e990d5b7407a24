//! Shape inference: which parameters a network has, and whether its layers fit together.

use super::error::{ModelError, Result};
use super::{Architecture, Dense, Layer, Parameterization};

/// The shape of one dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenseDims {
    /// The number of inputs.
    pub fan_in: usize,
    /// The number of outputs.
    pub fan_out: usize,
    /// Whether a bias is added.
    pub has_bias: bool,
}

/// A dense layer where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Site<'a> {
    /// Its place, such as `layers[3].layers[0]`.
    pub path: String,
    /// Its description.
    pub dense: &'a Dense,
    /// Its shape.
    pub dims: DenseDims,
    /// What the layer's output is divided by: `gamma` at the read-out of a `mup` network, else 1.
    pub gamma: f64,
}

impl Site<'_> {
    /// The factors of `x W` and of `b` in the forward pass.
    pub fn multipliers(&self) -> (f64, f64) {
        match self.dense.param {
            Parameterization::Standard => (1.0, 1.0),
            Parameterization::Ntk | Parameterization::Mup => {
                let w = self.dense.w_std / (self.dims.fan_in as f64).sqrt();
                (w / self.gamma, self.dense.b_std.unwrap_or(0.0) / self.gamma)
            }
        }
    }

    /// The standard deviations of `W` and of `b` in the first draw.
    pub fn deviations(&self) -> (f64, f64) {
        match self.dense.param {
            Parameterization::Standard => {
                (self.dense.w_std / (self.dims.fan_in as f64).sqrt(), self.dense.b_std.unwrap_or(0.0))
            }
            Parameterization::Ntk | Parameterization::Mup => (1.0, 1.0),
        }
    }
}

/// How deep residual branches may stand in one another; 2 brackets each, so 64 of them.
const MAX_NESTING: usize = 32;

impl Architecture {
    /// The shapes of the dense layers in forward order.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn dims(&self) -> Result<Vec<DenseDims>> {
        Ok(self.sites()?.iter().map(|s| s.dims).collect())
    }

    /// The dense layers in forward order, each with its place and its shape.
    ///
    /// # Errors
    /// A width of 0, a constant out of range, layers that do not fit, a branch that changes the shape,
    /// sizes that overflow, a network without parameters. The message names the layer and the shapes.
    pub fn sites(&self) -> Result<Vec<Site<'_>>> {
        check_input(&self.input)?;
        let mut walk = Walk { sites: Vec::new(), parameters: 0 };
        walk.layers(&self.layers, "", self.input.clone(), 0)?;
        if walk.sites.is_empty() {
            return Err(ModelError::new(
                "the network has no dense layer, so it has no parameters and no kernel",
                "add one, such as { kind = \"dense\", out = 10 }",
            ));
        }
        self.read_out(&mut walk.sites)?;
        Ok(walk.sites)
    }

    /// `gamma = gamma0 sqrt(width)` of a `mup` network, 1 of any other; width is the number of inputs of the read-out.
    ///
    /// The learning rate of every layer is `eta0 gamma^2`, and the kernel that of the same network in `ntk` over
    /// `gamma^2`.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn gamma(&self) -> Result<f64> {
        Ok(self.sites()?.last().map_or(1.0, |site| site.gamma))
    }

    /// Marks the read-out of a `mup` network, or refuses one that has none.
    fn read_out(&self, sites: &mut [Site<'_>]) -> Result<()> {
        let gamma0 = self.gamma0;
        if !(gamma0.is_finite() && gamma0 > 0.0) {
            let message = format!("gamma0 = {gamma0} is not a positive number");
            return Err(ModelError::new(message, "give a scale above 0, such as gamma0 = 1.0"));
        }
        let Some(mup) = sites.iter().find(|site| site.dense.param == Parameterization::Mup) else {
            if gamma0 == 1.0 {
                return Ok(());
            }
            let message = format!("gamma0 = {gamma0} in a network without `mup` layers");
            return Err(ModelError::new(message, "leave gamma0 out, or write param = \"mup\" for the layers"));
        };
        if !matches!(self.layers.last(), Some(Layer::Dense(dense)) if dense.param == Parameterization::Mup) {
            return Err(ModelError::in_layer(
                &mup.path,
                "param = \"mup\" divides the read-out, and the last layer is no dense layer with that param",
                "end the network with { kind = \"dense\", out = 10, param = \"mup\" }, or write param = \"ntk\"",
            ));
        }
        if let Some(last) = sites.last_mut() {
            last.gamma = gamma0 * (last.dims.fan_in as f64).sqrt();
        }
        Ok(())
    }

    /// The shape of one output, without the sample axis.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn output(&self) -> Result<Vec<usize>> {
        // Every layer but a dense one keeps the shape, and a dense one inside a branch cannot
        // change what leaves the branch: the last dense layer decides.
        let sites = self.sites()?;
        Ok(sites.last().map_or_else(|| self.input.clone(), |s| vec![s.dims.fan_out]))
    }

    /// The names and shapes of the parameters in forward order: `W0 [in, out]`, `b0 [out]`, `W1`, ...
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn parameters(&self) -> Result<Vec<(String, Vec<usize>)>> {
        let mut all = Vec::new();
        for (l, d) in self.dims()?.into_iter().enumerate() {
            all.push((format!("W{l}"), vec![d.fan_in, d.fan_out]));
            if d.has_bias {
                all.push((format!("b{l}"), vec![d.fan_out]));
            }
        }
        Ok(all)
    }

    /// The number of parameters.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn count(&self) -> Result<usize> {
        // INVARIANT: `sites` has refused every sum of products that overflows.
        Ok(self.parameters()?.iter().map(|(_, s)| s.iter().product::<usize>()).sum())
    }
}

fn check_input(input: &[usize]) -> Result<()> {
    if input.is_empty() {
        return Err(ModelError::new(
            "input = []: a sample has no axis",
            "give the shape of one sample, such as input = [64]",
        ));
    }
    if input.contains(&0) {
        return Err(ModelError::new(format!("input = {input:?}: an axis of length 0"), "give every axis at least 1"));
    }
    if input.iter().try_fold(1_usize, |p, &n| p.checked_mul(n)).is_none() {
        return Err(ModelError::new(
            format!("input = {input:?}: the number of entries overflows"),
            "give the shape of one sample, without the sample axis",
        ));
    }
    Ok(())
}

/// The state of one pass over the layers.
struct Walk<'a> {
    sites: Vec<Site<'a>>,
    parameters: usize,
}

impl<'a> Walk<'a> {
    /// Passes a shape through a list of layers and returns what leaves it.
    fn layers(&mut self, layers: &'a [Layer], parent: &str, mut shape: Vec<usize>, depth: usize) -> Result<Vec<usize>> {
        if depth > MAX_NESTING {
            return Err(ModelError::in_layer(
                parent.trim_end_matches('.'),
                format_args!("residual branches nested more than {MAX_NESTING} deep"),
                "put the blocks one after another instead of in one another",
            ));
        }
        for (i, layer) in layers.iter().enumerate() {
            let path = format!("{parent}layers[{i}]");
            match layer {
                Layer::Dense(dense) => shape = self.dense(dense, path, &shape)?,
                Layer::Activation(super::Activation::LeakyRelu(alpha)) if !alpha.is_finite() => {
                    return Err(ModelError::in_layer(
                        &path,
                        format_args!("alpha = {alpha} is not a finite number"),
                        "give the slope for negative inputs, such as alpha = 0.01",
                    ));
                }
                Layer::Activation(_) => {}
                Layer::Residual { layers, scale } => {
                    shape = self.residual(layers, *scale, &path, shape, depth)?;
                }
            }
        }
        Ok(shape)
    }

    fn residual(
        &mut self,
        layers: &'a [Layer],
        scale: f64,
        path: &str,
        shape: Vec<usize>,
        depth: usize,
    ) -> Result<Vec<usize>> {
        if layers.is_empty() {
            return Err(ModelError::in_layer(
                path,
                "the residual branch has no layers",
                "give it some, such as layers = [{ kind = \"relu\" }, { kind = \"dense\", out = 32 }]",
            ));
        }
        if !scale.is_finite() {
            return Err(ModelError::in_layer(
                path,
                format_args!("scale = {scale} is not a finite number"),
                "give the factor of the branch, such as scale = 1.0",
            ));
        }
        let first = self.sites.len();
        let end = self.layers(layers, &format!("{path}."), shape.clone(), depth + 1)?;
        if end != shape {
            let last = match self.sites.get(first..).and_then(<[_]>::last) {
                Some(site) => site.path.clone(),
                None => path.to_owned(),
            };
            return Err(ModelError::in_layer(
                path,
                format_args!("the residual branch takes {shape:?} and gives {end:?}"),
                format!("a branch keeps the shape: set `out` of {last} to {}", shape[0]),
            ));
        }
        Ok(shape)
    }

    fn dense(&mut self, dense: &'a Dense, path: String, shape: &[usize]) -> Result<Vec<usize>> {
        let &[fan_in] = shape else {
            let entries: usize = shape.iter().product();
            return Err(ModelError::in_layer(
                &path,
                format_args!("a dense layer takes inputs with one axis, and these are {shape:?}"),
                format!("write input = [{entries}]: data with more axes is then flattened in row-major order"),
            ));
        };
        if let Some(stated) = dense.fan_in.filter(|&stated| stated != fan_in) {
            return Err(ModelError::in_layer(
                &path,
                format_args!("in = {stated}, but what reaches the layer is {shape:?}"),
                format!("write in = {fan_in} or leave `in` out"),
            ));
        }
        check_constants(dense, &path)?;
        let dims = DenseDims { fan_in, fan_out: dense.out, has_bias: dense.has_bias() };
        // Bytes are counted too, in f64: what passes can be allocated without a further check of sizes.
        let total = fan_in
            .checked_mul(dense.out)
            .and_then(|w| w.checked_add(if dims.has_bias { dense.out } else { 0 }))
            .and_then(|p| p.checked_add(self.parameters))
            .filter(|p| p.checked_mul(8).is_some_and(|bytes| isize::try_from(bytes).is_ok()));
        let Some(total) = total else {
            return Err(ModelError::in_layer(
                &path,
                format_args!("{fan_in} x {} weights are more than a machine can address", dense.out),
                "lower `out`, here or in the layer before",
            ));
        };
        self.parameters = total;
        self.sites.push(Site { path, dense, dims, gamma: 1.0 });
        Ok(vec![dense.out])
    }
}

fn check_constants(dense: &Dense, path: &str) -> Result<()> {
    if dense.out == 0 {
        return Err(ModelError::in_layer(path, "out = 0", "a dense layer has at least one output"));
    }
    if !(dense.w_std.is_finite() && dense.w_std > 0.0) {
        return Err(ModelError::in_layer(
            path,
            format_args!("W_std = {} is not a positive number", dense.w_std),
            "give a standard deviation above 0, such as W_std = 1.0",
        ));
    }
    match dense.b_std {
        Some(b) if !(b.is_finite() && b >= 0.0) => Err(ModelError::in_layer(
            path,
            format_args!("b_std = {b} is not a number of at least 0"),
            "give a standard deviation, or leave b_std out for a layer without bias",
        )),
        _ => Ok(()),
    }
}
