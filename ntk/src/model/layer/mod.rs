//! The kinds of layers, a file a family.
//!
//! A kind states, in one place, its keys in a model file, how it is read and written, which shapes and parameters
//! follow from the shape of its input, and what it records on a tape (`Kind`). Left to others: the text of a file
//! ([`super::file`]), the walk over the layers of a network (`shape`), the numbers of the parameters
//! ([`super::init`]).

mod activation;
mod attention;
mod branch;
mod complex;
mod conv;
mod dense;
mod norm;
mod polynomial;
mod pool;
mod recurrent;
mod sequence;

use autodiff::{Real, Var};

pub use activation::Activation;
pub use attention::{Attention, Embedding, Scaling};
pub use branch::{Join, Parallel};
pub use complex::{ComplexDense, ComplexMap};
pub use conv::{Conv, Padding};
pub use dense::Dense;
pub use norm::{BatchNorm, Norm, Statistic};
pub use polynomial::Polynomial;
pub use pool::{Pool, Pooling};
pub use recurrent::{ReadOut, Recurrent};

use super::apply::Supply;
use super::emit::Entry;
use super::error::Result;
use super::file::Fields;
use super::shape::Walk;

/// One step of a network.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A matrix product and, optionally, a bias.
    Dense(Dense),
    /// A convolution and, optionally, a bias.
    Conv(Conv),
    /// One number of each window.
    Pool(Pool),
    /// Products of several dense layers.
    Polynomial(Polynomial),
    /// The statistics of a position taken out.
    Norm(Norm),
    /// The statistics of a batch taken out.
    BatchNorm(BatchNorm),
    /// One pair of weights at all times.
    Recurrent(Recurrent),
    /// Positions that look at one another.
    Attention(Attention),
    /// A row of weights for each token.
    Embedding(Embedding),
    /// A dense layer of complex numbers.
    ComplexDense(ComplexDense),
    /// A function of complex numbers.
    ComplexMap(ComplexMap),
    /// An elementwise function.
    Activation(Activation),
    /// `y = x + scale f(x)`.
    Residual {
        /// The branch `f`; it must keep the shape.
        layers: Vec<Layer>,
        /// What the branch is multiplied with before it is added.
        scale: f64,
    },
    /// Several branches of one input, joined.
    Parallel(Parallel),
    /// The mean over all positions: `[.., c] -> [c]`.
    GlobalAverage,
    /// All axes of a sample as one, row-major.
    Flatten,
}

/// One key of a kind in a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// What holds where it is left out; "needed" where it cannot be.
    pub default: &'static str,
    /// What it means.
    pub about: &'static str,
}

impl Key {
    const fn new(name: &'static str, takes: &'static str, default: &'static str, about: &'static str) -> Self {
        Self { name, takes, default, about }
    }
}

/// A kind of layer as the documentation has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Described {
    /// The value of `kind`.
    pub name: &'static str,
    /// The shape of a sample, before and after.
    pub shape: &'static str,
    /// What it computes.
    pub about: &'static str,
    /// Its keys beside `kind`.
    pub keys: &'static [Key],
}

/// What a kind of layer states of itself.
pub(super) trait Kind: Sized {
    /// Its entries in the documentation, one for each value of `kind`.
    const DESCRIBED: &'static [Described];

    /// Reads it from a table whose keys are those of the description.
    fn read(fields: &Fields<'_, '_>) -> Result<Self>;

    /// Its table: what [`Kind::read`] reads back to the same layer.
    fn write<'a>(&'a self) -> Entry<'a>;

    /// Checks the constants, adds the parameters to the walk, and gives the shape of a sample that leaves.
    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>>;

    /// Records the layer.
    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>>;
}

/// Every value of `kind` in a model file, with its keys.
pub fn described() -> impl Iterator<Item = Described> + Clone {
    const LISTS: [&[Described]; 15] = [
        Dense::DESCRIBED,
        Conv::DESCRIBED,
        Pool::DESCRIBED,
        Norm::DESCRIBED,
        BatchNorm::DESCRIBED,
        Polynomial::DESCRIBED,
        Recurrent::DESCRIBED,
        Attention::DESCRIBED,
        Embedding::DESCRIBED,
        ComplexDense::DESCRIBED,
        ComplexMap::DESCRIBED,
        &[pool::FLATTEN, pool::GLOBAL_AVERAGE],
        &[branch::RESIDUAL],
        Parallel::DESCRIBED,
        Activation::DESCRIBED,
    ];
    LISTS.into_iter().flatten().copied()
}

impl Layer {
    /// Reads a layer of the kind that the table states.
    pub(super) fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        match fields.kind() {
            "dense" => Dense::read(fields).map(Layer::Dense),
            "conv" => Conv::read(fields).map(Layer::Conv),
            "avg_pool" | "max_pool" => Pool::read(fields).map(Layer::Pool),
            "polynomial" => Polynomial::read(fields).map(Layer::Polynomial),
            "layer_norm" | "rms_norm" => Norm::read(fields).map(Layer::Norm),
            "batch_norm" => BatchNorm::read(fields).map(Layer::BatchNorm),
            "rnn" => Recurrent::read(fields).map(Layer::Recurrent),
            "attention" => Attention::read(fields).map(Layer::Attention),
            "embedding" => Embedding::read(fields).map(Layer::Embedding),
            "complex_dense" => ComplexDense::read(fields).map(Layer::ComplexDense),
            "polar" | "phase" | "cardioid" | "modulus" | "real_part" => ComplexMap::read(fields).map(Layer::ComplexMap),
            "flatten" => Ok(Layer::Flatten),
            "gap" => Ok(Layer::GlobalAverage),
            "residual" => branch::read_residual(fields),
            "parallel" => Parallel::read(fields).map(Layer::Parallel),
            _ => Activation::read(fields).map(Layer::Activation),
        }
    }

    /// Its table.
    pub(super) fn write(&self) -> Entry<'_> {
        match self {
            Layer::Dense(layer) => layer.write(),
            Layer::Conv(layer) => layer.write(),
            Layer::Pool(layer) => layer.write(),
            Layer::Polynomial(layer) => layer.write(),
            Layer::Norm(layer) => layer.write(),
            Layer::Recurrent(layer) => layer.write(),
            Layer::Attention(layer) => layer.write(),
            Layer::Embedding(layer) => layer.write(),
            Layer::ComplexDense(layer) => layer.write(),
            Layer::ComplexMap(layer) => layer.write(),
            Layer::BatchNorm(layer) => layer.write(),
            Layer::Flatten => Entry::new("flatten"),
            Layer::GlobalAverage => Entry::new("gap"),
            Layer::Residual { layers, scale } => Entry::new("residual").put("scale", *scale).layers("layers", layers),
            Layer::Parallel(layer) => layer.write(),
            Layer::Activation(layer) => layer.write(),
        }
    }

    /// The shape of a sample that leaves; the parameters are added to the walk.
    pub(super) fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        match self {
            Layer::Dense(layer) => layer.infer(walk, path, shape),
            Layer::Conv(layer) => layer.infer(walk, path, shape),
            Layer::Pool(layer) => layer.infer(walk, path, shape),
            Layer::Polynomial(layer) => layer.infer(walk, path, shape),
            Layer::Norm(layer) => layer.infer(walk, path, shape),
            Layer::Recurrent(layer) => layer.infer(walk, path, shape),
            Layer::Attention(layer) => layer.infer(walk, path, shape),
            Layer::Embedding(layer) => layer.infer(walk, path, shape),
            Layer::ComplexDense(layer) => layer.infer(walk, path, shape),
            Layer::ComplexMap(layer) => layer.infer(walk, path, shape),
            Layer::BatchNorm(layer) => layer.infer(walk, path, shape),
            Layer::Flatten => {
                walk.flattened.push((path.to_owned(), shape.to_vec()));
                Ok(vec![shape.iter().product()])
            }
            Layer::GlobalAverage => Ok(shape.last().copied().into_iter().collect()),
            Layer::Residual { layers, scale } => branch::infer_residual((layers, *scale), walk, path, shape),
            Layer::Parallel(layer) => layer.infer(walk, path, shape),
            Layer::Activation(layer) => layer.infer(walk, path, shape),
        }
    }
}

/// Records layers one after another.
pub(super) fn apply<'a, R: Real>(
    layers: &[Layer],
    x: Var<'a, R>,
    supply: &mut Supply<'_, '_, 'a, R>,
) -> autodiff::Result<Var<'a, R>> {
    layers.iter().try_fold(x, |x, layer| match layer {
        Layer::Dense(layer) => layer.apply(x, supply),
        Layer::Conv(layer) => layer.apply(x, supply),
        Layer::Pool(layer) => layer.apply(x, supply),
        Layer::Polynomial(layer) => layer.apply(x, supply),
        Layer::Norm(layer) => layer.apply(x, supply),
        Layer::Recurrent(layer) => layer.apply(x, supply),
        Layer::Attention(layer) => layer.apply(x, supply),
        Layer::Embedding(layer) => layer.apply(x, supply),
        Layer::ComplexDense(layer) => layer.apply(x, supply),
        Layer::ComplexMap(layer) => layer.apply(x, supply),
        Layer::BatchNorm(layer) => layer.apply(x, supply),
        Layer::Flatten => pool::flatten(x),
        Layer::GlobalAverage => pool::global_average(x),
        Layer::Residual { layers, scale } => branch::apply_residual((layers, *scale), x, supply),
        Layer::Parallel(layer) => layer.apply(x, supply),
        Layer::Activation(layer) => layer.apply(x, supply),
    })
}

/// Calls `f` with each layer and its place, in forward order; a layer before those inside it.
pub(super) fn visit(layers: &mut [Layer], list: &str, f: &mut dyn FnMut(&str, &mut Layer)) {
    for (i, layer) in layers.iter_mut().enumerate() {
        let path = format!("{list}[{i}]");
        f(&path, layer);
        match layer {
            Layer::Residual { layers, .. } => visit(layers, &format!("{path}.layers"), f),
            Layer::Parallel(parallel) => {
                for (b, branch) in parallel.branches.iter_mut().enumerate() {
                    visit(branch, &format!("{path}.branches[{b}]"), f);
                }
            }
            _ => {}
        }
    }
}
