//! Self-attention, and the embedding of tokens that comes before it.

use autodiff::op::bilinear::Matmul;
use autodiff::op::composite::log_softmax;
use autodiff::{Real, Var};

use super::dense::{B_STD, PARAM, W_STD, stated};
use super::sequence::{of_samples, sizes};
use super::{Described, Key, Kind};
use crate::model::apply::Supply;
use crate::model::emit::Entry;
use crate::model::error::{ModelError, Result};
use crate::model::file::Fields;
use crate::model::shape::{Dims, Walk};
use crate::model::{Parameterization, Weighting};

/// Self-attention: for each head, `softmax(q k^T scale) v` with `q, k, v = x W`, and the sum over heads of its product
/// with output weights.
///
/// # Shape
/// `[n, T, c] -> [n, T, out]`; for each head `W_q, W_k, W_v: [c, width / heads]`, `W_o: [width / heads, out]` in this order,
/// with a bias for each of q, k, v, and one for the output in the first head. Tied, there is no `W_k`: keys are queries.
///
/// # Source
/// Vaswani et al. 2017, "Attention is all you need", with the heads' output weights apart instead of one behind another;
/// `1/d` scaling as in Hron et al. 2020, "Infinite attention", whose limit it has.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Heads.
    pub heads: usize,
    /// Channels of all heads together; those of the input unless given.
    pub width: Option<usize>,
    /// Output channels; those of the input unless given.
    pub out: Option<usize>,
    /// What the products of queries and keys, d numbers long, are scaled with.
    pub scaling: Scaling,
    /// Whether the keys are the queries: one matrix for both.
    pub tied: bool,
    /// The standard deviation of the weights, times `sqrt(fan_in)`.
    pub w_std: f64,
    /// The standard deviation of the biases; none where it is `None` or 0.
    pub b_std: Option<f64>,
    /// Where the standard deviations act: on the first draw or in the forward pass.
    pub param: Parameterization,
}

/// The scale of the products of queries and keys, d numbers long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scaling {
    /// `1/sqrt(d)`: products of independent queries and keys keep their size.
    #[default]
    Root,
    /// `1/d`: products of equal queries and keys keep their size.
    Linear,
}

impl Scaling {
    /// Every scaling.
    pub const ALL: [Self; 2] = [Self::Root, Self::Linear];

    /// The value of `scaling` in a model file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "1/sqrt(d)",
            Self::Linear => "1/d",
        }
    }

    fn factor(self, d: usize) -> f64 {
        match self {
            Self::Root => 1.0 / (d as f64).sqrt(),
            Self::Linear => 1.0 / d as f64,
        }
    }
}

impl Attention {
    fn weighting(&self) -> Weighting {
        Weighting { w_std: self.w_std, b_std: self.b_std, param: self.param }
    }
}

impl Kind for Attention {
    const DESCRIBED: &'static [Described] = &[Described {
        name: "attention",
        shape: "[T, c] -> [T, out]",
        about: "sum over heads of `softmax(q k^T scaling) v W_o`; weights `W_q, W_k, W_v, W_o` head by head, the bias of the output with the first",
        keys: &[
            Key::new("heads", "a whole number", "1", "heads"),
            Key::new("width", "a whole number", "input channels", "channels of all heads' queries together"),
            Key::new("out", "a whole number", "input channels", "output channels"),
            Key::new("scaling", "`\"1/sqrt(d)\"`, `\"1/d\"`", "`\"1/sqrt(d)\"`", "of the products of queries and keys"),
            Key::new("tied", "`true`, `false`", "`false`", "whether keys are queries, so that there is no `W_k`"),
            W_STD,
            B_STD,
            PARAM,
        ],
    }];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        let Weighting { w_std, b_std, param } = fields.weighting()?;
        Ok(Self {
            heads: fields.count_if("heads")?.unwrap_or(1),
            width: fields.count_if("width")?,
            out: fields.count_if("out")?,
            scaling: fields.choice("scaling", &Scaling::ALL.map(|s| (s.name(), s)))?,
            tied: fields.flag_or("tied", false)?,
            w_std,
            b_std,
            param,
        })
    }

    fn write(&self) -> Entry<'_> {
        Entry::new("attention")
            .put("heads", self.heads)
            .put_if("width", self.width)
            .put_if("out", self.out)
            .text("scaling", self.scaling.name())
            .put("tied", self.tied)
            .weighting(self.weighting())
    }

    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        let &[positions, channels] = shape else {
            let what = format_args!("attention takes [positions, channels], and {shape:?} reaches it");
            return Err(ModelError::in_layer(path, what, "give sequences, such as input = [20, 16]"));
        };
        let (width, out, heads) = (self.width.unwrap_or(channels), self.out.unwrap_or(channels), self.heads);
        if heads == 0 || width == 0 || !width.is_multiple_of(heads) {
            let what = format_args!("{heads} heads do not divide a width of {width}");
            return Err(ModelError::in_layer(path, what, "give a width that is a multiple of heads"));
        }
        let each = width / heads;
        let inner = Dims { positions, ..Dims::dense(channels, each, self.weighting()) };
        for head in 0..heads {
            for _ in 0..if self.tied { 2 } else { 3 } {
                walk.site(path, self.weighting(), vec![channels, each], inner)?;
            }
            // All heads' values are added into one output, so its fan-in is the whole width and its bias is one.
            let weighting = Weighting { b_std: self.b_std.filter(|_| head == 0), ..self.weighting() };
            let outer = Dims { positions, ..Dims::dense(width, out, weighting) };
            walk.site(path, weighting, vec![each, out], outer)?;
        }
        Ok(vec![positions, out])
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let mut joined: Option<Var<'a, R>> = None;
        for _ in 0..self.heads {
            let mut projected = || {
                let weighted = supply.next()?;
                let op = Matmul { transpose_a: false, transpose_b: false, alpha: weighted.alpha };
                weighted.shifted(x.matmul_with(weighted.w, op)?)
            };
            let q = projected()?;
            let k = if self.tied { q } else { projected()? };
            let v = projected()?;
            let (_, _, d) = sizes(q)?;
            let scores = Matmul { transpose_a: false, transpose_b: true, alpha: self.scaling.factor(d) };
            let weights = log_softmax(q.batched_matmul_with(k, scores)?)?.exp();
            let output = supply.next()?;
            let op = Matmul { transpose_a: false, transpose_b: false, alpha: output.alpha };
            let y = output.shifted(weights.batched_matmul(v)?.matmul_with(output.w, op)?)?;
            joined = Some(joined.map_or(Ok(y), |sum| sum.plus(y))?);
        }
        Ok(joined.unwrap_or(x))
    }
}

/// A row of weights for each token.
///
/// # Shape
/// `[n, T] -> [n, T, out]`, whole numbers from 0 below `tokens`; `W: [tokens, out]`. The fan-in is 1: an output is made of
/// one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The number of tokens.
    pub tokens: usize,
    /// Channels of a row.
    pub out: usize,
    /// The standard deviation of the weights.
    pub w_std: f64,
    /// Where the standard deviation acts: on the first draw or in the forward pass.
    pub param: Parameterization,
}

impl Kind for Embedding {
    const DESCRIBED: &'static [Described] = &[Described {
        name: "embedding",
        shape: "[T] -> [T, out]",
        about: "for each token (a whole number) its row of `W`; read tokens with `--normalize none`",
        keys: &[
            Key::new("tokens", "a whole number", "needed", "tokens that there are, from 0"),
            Key::new("out", "a whole number", "needed", "channels of a row"),
            Key::new("W_std", "a number above 0", "1.0", "standard deviation of the weights"),
            PARAM,
        ],
    }];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        Ok(Self {
            tokens: fields.count("tokens")?,
            out: fields.count("out")?,
            w_std: fields.number_where("W_std", |x| x > 0.0, "above 0")?.unwrap_or(1.0),
            param: fields.param()?,
        })
    }

    fn write(&self) -> Entry<'_> {
        Entry::new("embedding")
            .put("tokens", self.tokens)
            .put("out", self.out)
            .put("W_std", self.w_std)
            .param(self.param)
    }

    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        let &[positions] = shape else {
            let what = format_args!("an embedding takes [positions] of whole numbers, and {shape:?} reaches it");
            return Err(ModelError::in_layer(path, what, "give tokens, such as input = [20]"));
        };
        stated(path, None, positions, shape)?;
        let weighting = Weighting { w_std: self.w_std, b_std: None, param: self.param };
        let dims = Dims { positions, ..Dims::dense(1, self.out, weighting) };
        walk.rows(path, weighting, vec![self.tokens, self.out], dims)?;
        Ok(vec![positions, self.out])
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let (samples, positions) = (x.shape()[0], x.shape()[1]);
        let tokens: Vec<f64> = x.value().iter().map(|x| x.primal()).collect();
        let known = |token: f64| token >= 0.0 && token < self.tokens as f64 && token.fract() == 0.0;
        if let Some(at) = tokens.iter().position(|&token| !known(token)) {
            return Err(autodiff::Error::Program(format!(
                "token {} of sample {} is {}; give whole numbers from 0 to {}, without normalizing (--normalize none)",
                at % positions,
                at / positions,
                tokens[at],
                self.tokens - 1
            )));
        }
        // A row of ones and zeros for each token: its product with the weights is the token's row.
        let one = |i: usize| f64::from(u8::from(tokens[i / self.tokens] == (i % self.tokens) as f64));
        let shape = [samples, positions, self.tokens];
        let chosen = of_samples(x, shape.iter().product(), one, &shape)?;
        let weighted = supply.next()?;
        let op = Matmul { transpose_a: false, transpose_b: false, alpha: weighted.alpha };
        chosen.matmul_with(weighted.w, op)
    }
}
