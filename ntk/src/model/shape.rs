//! Shape inference: which parameters a network has, and whether its layers fit together.

use super::error::{ModelError, Result};
use super::{Architecture, Layer, Parameterization, Weighting};

/// The sizes of one array of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dims {
    /// Numbers that one output is made of: inputs, times the taps of a window.
    pub fan_in: usize,
    /// Outputs, or channels.
    pub fan_out: usize,
    /// Positions of a sample at which the array is used.
    pub positions: usize,
    /// How many outputs read one input: the taps of a window that moves by one, else 1.
    pub overlap: usize,
    /// Whether a bias is added.
    pub has_bias: bool,
}

impl Dims {
    /// Of a matrix that is used once.
    pub(super) fn dense(fan_in: usize, fan_out: usize, weighting: Weighting) -> Self {
        Self { fan_in, fan_out, positions: 1, overlap: 1, has_bias: weighting.has_bias() }
    }
}

/// What an array of parameters does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Values are multiplied by its matrix, or convolved with it.
    Weights,
    /// Tokens pick its rows.
    Rows,
    /// It scales each channel, and its bias shifts it: what a normalization learns.
    Scale,
}

/// Where an array of parameters starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// Normal numbers of this standard deviation.
    Normal(f64),
    /// One number.
    Constant(f64),
}

/// An array of weights where it stands: `W<l>`, and `b<l>` where it has a bias.
///
/// A layer has as many sites as arrays of weights: a dense layer one, an activation none.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The place of its layer, such as `layers[3].layers[0]`.
    pub path: String,
    /// What it does.
    pub role: Role,
    /// Standard deviations and parameterization.
    pub weighting: Weighting,
    /// Its sizes.
    pub dims: Dims,
    /// The shape of the weights; a bias has the last of its sizes.
    pub shape: Vec<usize>,
    /// What the layer's output is divided by: `gamma` at the read-out of a `mup` network, else 1.
    pub gamma: f64,
}

impl Site {
    /// The factors of `x W` and of `b` in the forward pass.
    pub fn multipliers(&self) -> (f64, f64) {
        let (w, b) = self.weighting.multipliers(self.dims.fan_in);
        (w / self.gamma, b / self.gamma)
    }

    /// Where `W` and `b` start.
    pub fn starts(&self) -> (Start, Start) {
        match self.role {
            Role::Weights | Role::Rows => {
                let (w, b) = self.weighting.deviations(self.dims.fan_in);
                (Start::Normal(w), Start::Normal(b))
            }
            Role::Scale => (Start::Constant(1.0), Start::Constant(0.0)),
        }
    }

    /// Names and shapes of its parameters, `l` being its number in forward order.
    pub fn parameters(&self, l: usize) -> impl Iterator<Item = (String, Vec<usize>)> {
        let bias = self.dims.has_bias.then(|| (format!("b{l}"), vec![self.dims.fan_out]));
        std::iter::once((format!("W{l}"), self.shape.clone())).chain(bias)
    }
}

/// How deep branches may stand in one another; 2 or 3 brackets each, so 64 of them.
const MAX_NESTING: usize = 32;

/// More arrays than anyone means: a slip of the keyboard in a degree or a number of heads must not fill the memory.
const MAX_ARRAYS: usize = 1 << 14;

impl Architecture {
    /// The sizes of the arrays of weights in forward order.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn dims(&self) -> Result<Vec<Dims>> {
        Ok(self.sites()?.iter().map(|s| s.dims).collect())
    }

    /// The arrays of weights in forward order, each with its place and its sizes.
    ///
    /// # Errors
    /// A width of 0, a constant out of range, layers that do not fit, a branch that changes the shape,
    /// sizes that overflow, a network without parameters. The message names the layer and the shapes.
    pub fn sites(&self) -> Result<Vec<Site>> {
        self.walk().map(|(walk, _)| walk.sites)
    }

    /// The place of the first layer whose output for a sample depends on the others: a batch normalization in training.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn mixing(&self) -> Result<Option<String>> {
        self.walk().map(|(walk, _)| walk.mixing)
    }

    /// The sites, and the shape of a sample that leaves.
    fn walk(&self) -> Result<(Walk, Vec<usize>)> {
        check_input(&self.input)?;
        let mut walk =
            Walk { sites: Vec::new(), mixing: None, flattened: Vec::new(), parameters: 0, depth: 0, start: true };
        let output = walk.layers(&self.layers, "layers", &self.input)?;
        if walk.sites.is_empty() {
            return Err(ModelError::new(
                "the network has no layer with weights, so it has no parameters and no kernel",
                "add one, such as { kind = \"dense\", out = 10 }",
            ));
        }
        if output.len() != 1 {
            return Err(ModelError::in_layer(
                &format!("layers[{}]", self.layers.len() - 1),
                format_args!("the network ends with {output:?} a sample, and outputs have one axis"),
                "end it with { kind = \"flatten\" }, or with { kind = \"gap\" } and a dense layer",
            ));
        }
        self.read_out(&mut walk.sites)?;
        Ok((walk, output))
    }

    /// The place of each flattening, and the shape that it flattens.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn flattened(&self) -> Result<Vec<(String, Vec<usize>)>> {
        self.walk().map(|(walk, _)| walk.flattened)
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
    fn read_out(&self, sites: &mut [Site]) -> Result<()> {
        let gamma0 = self.gamma0;
        if !(gamma0.is_finite() && gamma0 > 0.0) {
            let message = format!("gamma0 = {gamma0} is not a positive number");
            return Err(ModelError::new(message, "give a scale above 0, such as gamma0 = 1.0"));
        }
        let Some(mup) = sites.iter().find(|site| site.weighting.param == Parameterization::Mup) else {
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
        self.walk().map(|(_, output)| output)
    }

    /// The names and shapes of the parameters in forward order: `W0 [in, out]`, `b0 [out]`, `W1`, ...
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn parameters(&self) -> Result<Vec<(String, Vec<usize>)>> {
        Ok(self.sites()?.iter().enumerate().flat_map(|(l, site)| site.parameters(l)).collect())
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
pub(super) struct Walk {
    /// What has been met.
    pub(super) sites: Vec<Site>,
    /// The first layer whose output for a sample depends on the others.
    pub(super) mixing: Option<String>,
    /// Each flattening, and what it flattens.
    pub(super) flattened: Vec<(String, Vec<usize>)>,
    parameters: usize,
    depth: usize,
    start: bool,
}

impl Walk {
    /// Whether no layer has been passed yet, so that the shape is that of the input.
    pub(super) fn is_start(&self) -> bool {
        self.start
    }

    /// Passes a shape through a list of layers, `list` being its place, and returns what leaves it.
    pub(super) fn layers(&mut self, layers: &[Layer], list: &str, shape: &[usize]) -> Result<Vec<usize>> {
        if self.depth > MAX_NESTING {
            return Err(ModelError::in_layer(
                list.rsplit_once('.').map_or(list, |(layer, _)| layer),
                format_args!("branches nested more than {MAX_NESTING} deep"),
                "put the blocks one after another instead of in one another",
            ));
        }
        self.depth += 1;
        let mut shape = shape.to_vec();
        for (i, layer) in layers.iter().enumerate() {
            let path = format!("{list}[{i}]");
            let left = layer.infer(self, &path, &shape)?;
            if count(&left).is_none() {
                return Err(ModelError::in_layer(
                    &path,
                    format_args!("values of {left:?} a sample are more than a machine can address"),
                    "lower the sizes of the input or of the layer",
                ));
            }
            shape = left;
            self.start = false;
        }
        self.depth -= 1;
        Ok(shape)
    }

    /// Adds a scale for each channel, and a shift where there is one.
    pub(super) fn scale(&mut self, path: &str, shape: &[usize], shift: bool) -> Result<()> {
        let channels = shape.last().copied().unwrap_or(1);
        let weighting = Weighting { w_std: 1.0, b_std: shift.then_some(1.0), param: Parameterization::Standard };
        let positions = shape.iter().product::<usize>() / channels.max(1);
        let dims = Dims { fan_in: 1, fan_out: channels, positions, overlap: 1, has_bias: shift };
        self.array(path, Role::Scale, weighting, vec![channels], dims)
    }

    /// Adds rows that tokens pick.
    pub(super) fn rows(&mut self, path: &str, weighting: Weighting, shape: Vec<usize>, dims: Dims) -> Result<()> {
        self.array(path, Role::Rows, weighting, shape, dims)
    }

    /// Adds an array of weights and its bias.
    pub(super) fn site(&mut self, path: &str, weighting: Weighting, shape: Vec<usize>, dims: Dims) -> Result<()> {
        self.array(path, Role::Weights, weighting, shape, dims)
    }

    fn array(&mut self, path: &str, role: Role, weighting: Weighting, shape: Vec<usize>, dims: Dims) -> Result<()> {
        check_constants(weighting, dims, path)?;
        if self.sites.len() >= MAX_ARRAYS {
            return Err(ModelError::in_layer(
                path,
                format_args!("more than {MAX_ARRAYS} arrays of weights by here"),
                "lower the degree, the heads or the number of layers",
            ));
        }
        let total = shape
            .iter()
            .try_fold(1_usize, |p, &n| p.checked_mul(n))
            .and_then(|w| w.checked_add(if dims.has_bias { dims.fan_out } else { 0 }))
            .and_then(|p| p.checked_add(self.parameters))
            .filter(|&p| addressable(p));
        let Some(total) = total else {
            let product = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
            return Err(ModelError::in_layer(
                path,
                format_args!("{product} weights are more than a machine can address"),
                "lower `out`, here or in the layer before",
            ));
        };
        self.parameters = total;
        self.sites.push(Site { path: path.to_owned(), role, weighting, dims, shape, gamma: 1.0 });
        Ok(())
    }
}

/// The product of sizes, where so many numbers in f64 can be addressed: what passes can be allocated without a further
/// check of sizes.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |p, &n| p.checked_mul(n)).filter(|&p| addressable(p))
}

fn addressable(numbers: usize) -> bool {
    numbers.checked_mul(8).is_some_and(|bytes| isize::try_from(bytes).is_ok())
}

fn check_constants(weighting: Weighting, dims: Dims, path: &str) -> Result<()> {
    let Weighting { w_std, b_std, .. } = weighting;
    if dims.fan_out == 0 {
        return Err(ModelError::in_layer(path, "out = 0", "a layer has at least one output"));
    }
    if !(w_std.is_finite() && w_std > 0.0) {
        return Err(ModelError::in_layer(
            path,
            format_args!("W_std = {w_std} is not a positive number"),
            "give a standard deviation above 0, such as W_std = 1.0",
        ));
    }
    match b_std {
        Some(b) if !(b.is_finite() && b >= 0.0) => Err(ModelError::in_layer(
            path,
            format_args!("b_std = {b} is not a number of at least 0"),
            "give a standard deviation, or leave b_std out for a layer without bias",
        )),
        _ => Ok(()),
    }
}
