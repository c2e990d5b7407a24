//! The recurrent layer: one pair of weights at all times.

use autodiff::op::bilinear::Matmul;
use autodiff::{Real, Var};

use super::dense::{B_STD, PARAM, W_STD, stated};
use super::sequence::{at, constant, of_samples, only_at, sizes};
use super::{Activation, Described, Key, Kind};
use crate::model::apply::Supply;
use crate::model::emit::Entry;
use crate::model::error::{ModelError, Result};
use crate::model::file::Fields;
use crate::model::shape::{Dims, Walk};
use crate::model::{Parameterization, Weighting};

/// A recurrent layer: `h_t = act(x_t U + b + h_(t-1) W)`, `h_0 = 0`, the weights shared by all times.
///
/// With a mask, the last channel of the input says with 1 or 0 whether a time is there; where it is not, the state is
/// handed on, so that sequences of different lengths stand in one array, padded at either end.
///
/// # Shape
/// `[n, T, fan_in] -> [n, out]`, or `[n, T, out]` where every state is read; `U: [fan_in, out]`, `b: [out]`, then
/// `W: [out, out]`.
///
/// # Source
/// Alemohammad et al. 2021, "The recurrent neural tangent kernel".
#[derive(Debug, Clone, PartialEq)]
pub struct Recurrent {
    /// The number of states.
    pub out: usize,
    /// The number of inputs at a time, if the description says it: it is then checked against the shapes.
    pub fan_in: Option<usize>,
    /// What each step passes.
    pub activation: Activation,
    /// Which states are handed on.
    pub read_out: ReadOut,
    /// Whether the last channel of the input is a mask.
    pub masked: bool,
    /// The standard deviation of the recurrent weights, times `sqrt(out)`.
    pub w_std: f64,
    /// The standard deviation of the input's weights, times `sqrt(fan_in)`.
    pub u_std: f64,
    /// The standard deviation of the bias; no bias where it is `None` or 0.
    pub b_std: Option<f64>,
    /// Where the standard deviations act: on the first draw or in the forward pass.
    pub param: Parameterization,
}

/// Which states a recurrent layer hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadOut {
    /// That of the last time.
    #[default]
    Last,
    /// The mean over times that are there: one read-out behind it is shared by all times.
    Mean,
    /// All, as a sequence for the layer behind.
    All,
}

impl ReadOut {
    /// Every way to read.
    pub const ALL: [Self; 3] = [Self::Last, Self::Mean, Self::All];

    /// The value of `read_out` in a model file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Mean => "mean",
            Self::All => "all",
        }
    }
}

impl Recurrent {
    fn input_weighting(&self) -> Weighting {
        Weighting { w_std: self.u_std, b_std: self.b_std, param: self.param }
    }

    fn state_weighting(&self) -> Weighting {
        Weighting { w_std: self.w_std, b_std: None, param: self.param }
    }
}

impl Kind for Recurrent {
    const DESCRIBED: &'static [Described] = &[Described {
        name: "rnn",
        shape: "[T, in] -> [out]",
        about: "`h_t = act(x_t U + b + h_(t-1) W)` from `h_0 = 0`; weights `U` (with `b`), then `W`",
        keys: &[
            Key::new("out", "a whole number", "needed", "states"),
            Key::new("in", "a whole number", "what reaches it", "inputs at a time, checked; the mask is not one"),
            super::activation::ACTIVATION,
            Key::new(
                "read_out",
                "`\"last\"`, `\"mean\"`, `\"all\"`",
                "`\"last\"`",
                "the state that leaves; with `\"all\"` it is [T, out]",
            ),
            Key::new(
                "masked",
                "`true`, `false`",
                "`false`",
                "whether the last channel says with 1 or 0 which times are there; at others the state is handed on",
            ),
            W_STD,
            Key::new("U_std", "a number above 0", "1.0", "as `W_std`, of the input's weights"),
            B_STD,
            PARAM,
        ],
    }];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        let Weighting { w_std, b_std, param } = fields.weighting()?;
        Ok(Self {
            out: fields.count("out")?,
            fan_in: fields.count_if("in")?,
            activation: fields.activation(Activation::Identity)?,
            read_out: fields.choice("read_out", &ReadOut::ALL.map(|r| (r.name(), r)))?,
            masked: fields.flag_or("masked", false)?,
            w_std,
            u_std: fields.number_where("U_std", |x| x > 0.0, "above 0")?.unwrap_or(1.0),
            b_std,
            param,
        })
    }

    fn write(&self) -> Entry<'_> {
        Entry::new("rnn")
            .put_if("in", self.fan_in)
            .put("out", self.out)
            .text("activation", self.activation.name())
            .text("read_out", self.read_out.name())
            .put("masked", self.masked)
            .put("U_std", self.u_std)
            .weighting(Weighting { w_std: self.w_std, ..self.input_weighting() })
    }

    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        let &[times, channels] = shape else {
            let what = format_args!("a recurrent layer takes [times, inputs], and {shape:?} reaches it");
            return Err(ModelError::in_layer(path, what, "give sequences, such as input = [20, 3]"));
        };
        let fan_in = channels - usize::from(self.masked);
        if fan_in == 0 {
            let hint = "give the mask as a further channel: input = [times, inputs + 1]";
            return Err(ModelError::in_layer(path, "the mask is the only channel", hint));
        }
        stated(path, self.fan_in, fan_in, shape)?;
        let dims = Dims { positions: times, ..Dims::dense(fan_in, self.out, self.input_weighting()) };
        walk.site(path, self.input_weighting(), vec![fan_in, self.out], dims)?;
        let dims = Dims { positions: times, ..Dims::dense(self.out, self.out, self.state_weighting()) };
        walk.site(path, self.state_weighting(), vec![self.out, self.out], dims)?;
        Ok(if self.read_out == ReadOut::All { vec![times, self.out] } else { vec![self.out] })
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let (_, times, channels) = sizes(x)?;
        let mask = self.masked.then(|| Mask::read(x)).transpose()?;
        let inputs = match mask {
            // All columns but the mask's.
            Some(_) => {
                let kept = channels - 1;
                x.matmul(constant(
                    x,
                    channels * kept,
                    |i| f64::from(u8::from(i / kept == i % kept)),
                    &[channels, kept],
                )?)?
            }
            None => x,
        };
        let (u, w) = (supply.next()?, supply.next()?);
        let product = |alpha| Matmul { transpose_a: false, transpose_b: false, alpha };
        let driven = u.shifted(inputs.matmul_with(u.w, product(u.alpha))?)?;
        let mut state: Option<Var<'a, R>> = None;
        let mut read: Option<Var<'a, R>> = None;
        let sum = |sum: Option<Var<'a, R>>, y: Var<'a, R>| sum.map_or(Ok(y), |sum| sum.plus(y));
        for t in 0..times {
            let mut z = at(driven, t)?;
            if let Some(h) = state {
                z = z.plus(h.matmul_with(w.w, product(w.alpha))?)?;
            }
            let mut h = self.activation.record(z);
            if let Some(mask) = &mask {
                h = h.times(mask.at(x, t, self.out, |there| there)?)?;
                if let Some(before) = state {
                    h = h.plus(before.times(mask.at(x, t, self.out, |there| 1.0 - there)?)?)?;
                }
            }
            state = Some(h);
            match self.read_out {
                ReadOut::Last => {}
                ReadOut::All => read = Some(sum(read, only_at(h, t, times)?)?),
                ReadOut::Mean => {
                    let share = match &mask {
                        Some(mask) => h.times(mask.share(x, t, self.out)?)?,
                        None => h.scale(1.0 / times as f64),
                    };
                    read = Some(sum(read, share)?);
                }
            }
        }
        // INVARIANT: shape inference refuses an axis of length 0, so there is a time.
        match self.read_out {
            ReadOut::Last => Ok(state.unwrap_or(x)),
            ReadOut::Mean | ReadOut::All => Ok(read.unwrap_or(x)),
        }
    }
}

/// Which times of which samples are there: read off the input, and not differentiated.
struct Mask {
    samples: usize,
    times: usize,
    there: Vec<f64>,
}

impl Mask {
    /// The last channel of `x`.
    fn read<R: Real>(x: Var<'_, R>) -> autodiff::Result<Self> {
        let (samples, times, channels) = sizes(x)?;
        let there: Vec<f64> = x.value().iter().skip(channels - 1).step_by(channels).map(|x| x.primal()).collect();
        match there.iter().position(|&there| there != 0.0 && there != 1.0) {
            None => Ok(Self { samples, times, there }),
            Some(at) => Err(autodiff::Error::Program(format!(
                "the mask of sample {} at time {} is {}; give 1 where a time is there and 0 where not, without normalizing \
                 (--normalize none)",
                at / times,
                at % times,
                there[at]
            ))),
        }
    }

    /// `f` of the mask at time `t`, for each channel.
    fn at<'a, R: Real>(
        &self,
        x: Var<'a, R>,
        t: usize,
        channels: usize,
        f: impl Fn(f64) -> f64,
    ) -> autodiff::Result<Var<'a, R>> {
        let number = |i: usize| f(self.there[i / channels * self.times + t]);
        of_samples(x, self.samples * channels, number, &[self.samples, channels])
    }

    /// What time `t` contributes to a mean over times; 0 where none is there.
    fn share<'a, R: Real>(&self, x: Var<'a, R>, t: usize, channels: usize) -> autodiff::Result<Var<'a, R>> {
        let number = |i: usize| {
            let all = &self.there[i / channels * self.times..][..self.times];
            all[t] / all.iter().sum::<f64>().max(1.0)
        };
        of_samples(x, self.samples * channels, number, &[self.samples, channels])
    }
}
