//! A network as a description: layers, shapes, parameterization, first weights.
//!
//! Decided here: what a network may look like, how it is written (a [preset] string or a
//! [TOML file](mod@file)), which shapes follow, how its parameters are named and first drawn, and how many
//! operations its kernel needs. Left to others: applying it to numbers, and weights read from files.
//!
//! ```
//! use ntk::model::Architecture;
//! let model = Architecture::parse("mlp:64-512x2-10:relu")?;
//! assert_eq!(model.count()?, 64 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10);
//! assert_eq!(Architecture::from_toml(&model.to_toml())?, model);
//! # Ok::<(), ntk::model::ModelError>(())
//! ```

mod apply;
pub mod count;
mod emit;
mod error;
pub mod file;
pub mod init;
pub mod layer;
mod parameterization;
pub mod preset;
mod shape;

pub use count::NtkFlops;
pub use error::{ModelError, Result};
pub use init::Drawn;
pub use layer::{
    Activation, Attention, BatchNorm, ComplexDense, ComplexMap, Conv, Dense, Embedding, Join, Layer, Norm, Padding,
    Parallel, Polynomial, Pool, Pooling, ReadOut, Recurrent, Scaling, Statistic,
};
pub use parameterization::{Parameterization, Weighting};
pub use shape::{Dims, Role, Site, Start};

/// A network: the shape of one input and the layers it passes.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// The shape of one sample, without the sample axis.
    pub input: Vec<usize>,
    /// The layers in forward order.
    pub layers: Vec<Layer>,
    /// The scale `gamma0` of the read-out of a `mup` network; 1 in all others.
    pub gamma0: f64,
}

impl Architecture {
    /// A network, with `gamma0 = 1`.
    pub fn new(input: impl Into<Vec<usize>>, layers: Vec<Layer>) -> Self {
        Self { input: input.into(), layers, gamma0: 1.0 }
    }

    /// The network that a command-line argument means: a preset string or the path of a TOML file.
    ///
    /// What opens with the name of a preset and a colon is a preset; what ends in `.toml` or exists
    /// is a file; of the rest, what has a colon is taken for a misspelt preset.
    ///
    /// # Errors
    /// A misspelt preset or activation (with the nearest name and a caret), a file that is missing,
    /// too large or wrong, and layers that do not fit together.
    pub fn parse(arg: &str) -> Result<Self> {
        let prefix = arg.split(':').next().unwrap_or_default();
        let path = std::path::Path::new(arg);
        if arg.contains(':') && preset::is_kind(prefix) {
            preset::parse(arg)
        } else if arg.ends_with(".toml") || (!arg.is_empty() && path.exists()) {
            file::read(path)
        } else if arg.contains(':') {
            preset::parse(arg)
        } else {
            Err(ModelError::new(
                format!("{:?} is neither a preset nor a model file", crate::error::shorten(arg)),
                format!(
                    "give a preset such as `{}`, or the path of a TOML file such as `model.toml` \
                     (`ntk describe-model {}` prints one)",
                    preset::EXAMPLE,
                    preset::EXAMPLE
                ),
            ))
        }
    }

    /// The network that the text of a model file describes.
    ///
    /// # Errors
    /// As [`file::read`]; the file is called `model` in them.
    pub fn from_toml(text: &str) -> Result<Self> {
        file::parse(std::path::Path::new("model"), text)
    }

    /// Calls `f` with each layer and its place, such as `layers[3].layers[0]`, in forward order.
    pub fn visit(&mut self, f: &mut dyn FnMut(&str, &mut Layer)) {
        layer::visit(&mut self.layers, "layers", f);
    }

    /// The text of a model file that describes this network; reading it gives the same network.
    pub fn to_toml(&self) -> String {
        emit::to_toml(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_a_preset_or_a_file_and_else_says_both() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:b.toml");
        let model = Architecture::parse("mlp:3-4x1-2:gelu").unwrap();
        std::fs::write(&path, model.to_toml()).unwrap();
        assert_eq!(Architecture::parse(path.to_str().unwrap()).unwrap(), model);
        for (arg, answer) in [
            ("", "neither a preset nor a model file"),
            ("mlp", "neither a preset nor a model file"),
            ("my model", "neither a preset nor a model file"),
            ("nowhere.toml", "there is no such model file"),
            ("mpl:3-4x1-2:gelu", "did you mean \"mlp\"?"),
            ("mlp:3-4x1-2:glu", "did you mean \"gelu\"?"),
        ] {
            let e = Architecture::parse(arg).unwrap_err();
            assert!(e.to_string().contains(answer), "{arg}: {e}");
            assert!(e.to_string().ends_with(e.hint()));
            assert_eq!(crate::error::Error::from(e).code(), 2);
        }
    }

    #[test]
    fn parameters_are_named_in_forward_order_and_a_bias_of_zero_is_none() {
        let text = "input=[5]\nlayers=[{kind='dense',out=4,b_std=0.1},{kind='residual',layers=[\
                    {kind='relu'},{kind='dense',out=4,b_std=0}]},{kind='dense',out=3,b_std=1}]";
        let model = Architecture::from_toml(text).unwrap();
        let named = |name: &str, shape: &[usize]| (name.to_owned(), shape.to_vec());
        assert_eq!(
            model.parameters().unwrap(),
            [named("W0", &[5, 4]), named("b0", &[4]), named("W1", &[4, 4]), named("W2", &[4, 3]), named("b2", &[3]),]
        );
        assert_eq!(model.count().unwrap(), 20 + 4 + 16 + 12 + 3);
        assert_eq!(model.output().unwrap(), [3]);
        let paths: Vec<_> = model.sites().unwrap().into_iter().map(|s| s.path).collect();
        assert_eq!(paths, ["layers[0]", "layers[1].layers[1]", "layers[2]"]);
    }

    #[test]
    fn counts_of_parameters_are_those_of_the_peers_cases() {
        // `n_params` of the benchmark and golden cases, from the program that made them.
        for (arg, count) in [
            ("mlp:784-1024x3-10:relu", 2_913_290),
            ("mlp:3072-2048x5-1:relu", 23_080_961),
            ("mlp:784-4096x2-10:relu", 20_037_642),
            ("mlp:64-512x2-10:relu", 301_066),
            ("mlp:64-256x3-1:relu", 148_481),
            ("resmlp:3072-512x8-10:relu", 3_417_098),
            ("mlp:7-14x2-3:relu,b_std=0", 336),
        ] {
            assert_eq!(Architecture::parse(arg).unwrap().count().unwrap(), count, "{arg}");
        }
    }

    #[test]
    fn a_hand_built_network_is_checked_as_a_written_one() {
        let dense = |out, w_std, b_std| {
            let param = Parameterization::Standard;
            Layer::Dense(Dense { out, fan_in: None, w_std, b_std, param })
        };
        let of = |layers| Architecture::new([3], layers);
        for (model, answer) in [
            (of(vec![dense(0, 1.0, None)]), "layers[0]: out = 0"),
            (of(vec![dense(2, 0.0, None)]), "layers[0]: W_std = 0"),
            (of(vec![dense(2, f64::NAN, None)]), "layers[0]: W_std = NaN"),
            (of(vec![dense(2, 1.0, Some(-1.0))]), "layers[0]: b_std = -1"),
            (of(vec![Layer::Activation(Activation::LeakyRelu(f64::INFINITY))]), "layers[0]: alpha = inf"),
            (
                of(vec![Layer::Residual { layers: vec![dense(3, 1.0, None)], scale: f64::NAN }]),
                "layers[0]: scale = NaN",
            ),
            (of(vec![dense(usize::MAX, 1.0, None)]), "more than a machine can address"),
            (of(vec![dense(usize::MAX / 32, 1.0, Some(1.0))]), "more than a machine can address"),
            (Architecture::new([], vec![]), "input = []"),
            (Architecture::new([4, 0], vec![]), "input = [4, 0]"),
        ] {
            let e = model.sites().unwrap_err();
            assert!(e.message().contains(answer), "{e}");
            assert!(!e.hint().is_empty());
        }
    }
}
