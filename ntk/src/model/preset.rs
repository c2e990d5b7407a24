//! Networks in one word: `mlp:64-512x2-10:relu,param=standard,W_std=1,b_std=0`.
//!
//! `KIND:IN-HIDDEN-OUT:ACTIVATION[,OPTION=VALUE]...`, where HIDDEN is `WIDTHxDEPTH` (512x2), a list of
//! widths (512-256-128) or a mixture (512x2-128).
//!
//! | kind | network |
//! |---|---|
//! | `mlp` | dense and activation for each hidden layer, then dense |
//! | `resmlp` | dense; for each further hidden layer `x + scale dense(act(x))`; activation; dense |
//! | `cnn` | convolution and activation for each hidden layer; `gap` or `flatten`; dense |
//!
//! A `cnn` has IN as `HxWxC`, or `LxC` for sequences, and after the activation `:gap` (unless given) or `:flatten`.
//!
//! | option | default |
//! |---|---|
//! | `param` | `ntk`; or `standard`, `mup` |
//! | `gamma0` | 1, the scale of the read-out of `mup` |
//! | `W_std` | `sqrt(2)` for relu and leaky_relu, 1 for the others |
//! | `b_std` | 0.1; 0 for no bias |
//! | `alpha` | 0.01, the slope of leaky_relu |
//! | `degree` | 2, the power of monomial and rectified_monomial |
//! | `scale` | 1, the factor of the branches of `resmlp` |
//! | `kernel` | 3, the window of `cnn` along each axis |
//! | `padding` | `SAME`; or `VALID`, `CIRCULAR`, of `cnn` |

mod resize;

pub use resize::{Resize, hidden, resized};

use super::error::{ModelError, Result};
use super::{Activation, Architecture, Conv, Dense, Layer, Padding, Parameterization};
use crate::error::shorten;
use crate::nearest::nearest;

/// A preset to show in messages.
pub const EXAMPLE: &str = "mlp:64-512x2-10:relu";

/// The presets: name, form, and the network in words.
pub const KINDS: [(&str, &str, &str); 3] = [
    (
        "mlp",
        "mlp:IN-WIDTHxDEPTH-OUT:ACT[,OPTION=VALUE]...",
        "DEPTH hidden layers of WIDTH, each dense then ACT; a dense read-out",
    ),
    (
        "resmlp",
        "resmlp:IN-WIDTHxDEPTH-OUT:ACT[,OPTION=VALUE]...",
        "dense; DEPTH-1 blocks x + dense(ACT(x)); ACT; a dense read-out",
    ),
    (
        "cnn",
        "cnn:HxWxC-FILTERSxDEPTH-OUT:ACT[:gap|flatten][,OPTION=VALUE]...",
        "DEPTH 3x3 convolutions, each then ACT; gap or flatten; a dense read-out",
    ),
];

const OPTIONS: [&str; 9] = ["param", "W_std", "b_std", "alpha", "degree", "scale", "gamma0", "kernel", "padding"];

/// The standard deviation of biases where none is given.
const DEFAULT_B_STD: f64 = 0.1;

/// More hidden layers than anyone means: a slip of the keyboard must not fill the memory.
const MAX_DEPTH: usize = 1000;

/// Whether `word` is what a preset opens with.
pub(super) fn is_kind(word: &str) -> bool {
    KINDS.iter().any(|k| k.0 == word)
}

/// The network that a preset string names.
///
/// # Errors
/// What cannot be read, with a caret under it and, where something is near, what was probably meant.
pub fn parse(text: &str) -> Result<Architecture> {
    let whole = Piece { text, start: 0 };
    let parts = whole.split(':');
    let kind = parts[0];
    if !is_kind(kind.text) {
        let kinds = KINDS.map(|k| k.0);
        return Err(kind.error(
            text,
            format!("no preset is called {:?}", shorten(kind.text)),
            did_you_mean(kind.text, &kinds, "presets"),
        ));
    }
    let form = KINDS.iter().find(|k| k.0 == kind.text).map_or("", |k| k.1);
    // What follows the last colon has the options behind it.
    let (shape, mut words) = match (kind.text, &parts[..]) {
        (_, &[_, shape, act]) => (shape, act.split(',')),
        ("cnn", &[_, shape, act, read_out]) => (shape, [vec![act], read_out.split(',')].concat()),
        _ => {
            let place = parts.get(3).copied().unwrap_or(Piece { text: "", start: text.len() });
            let what = if parts.len() > 3 { "a part too many" } else { "a part is missing" };
            return Err(place.error(
                text,
                format!("{what}: the parts of a preset are divided by colons"),
                format!("write {form}, such as `{EXAMPLE}`"),
            ));
        }
    };
    let widths = Widths::parse(text, shape)?;
    if let (&[axis, second, ..], true) = (&widths.input[..], kind.text != "cnn") {
        let flat = widths
            .input
            .iter()
            .try_fold(1_usize, |p, &n| p.checked_mul(n))
            .map_or(String::new(), |n| format!("write {n} for flattened images, or "));
        return Err(shape.error(
            text,
            format!("{axis}x{second}.. is no number of inputs of a dense network"),
            format!("{flat}take the preset cnn for images"),
        ));
    }
    let mut settings = Settings::new(text, words.remove(0))?;
    let read_out = match parts.len() {
        4 => read_out(text, words.remove(0))?,
        _ => Layer::GlobalAverage,
    };
    for option in words {
        settings.set(text, kind.text, option)?;
    }
    let mut architecture = match kind.text {
        "cnn" => cnn(text, shape, &widths, &settings, read_out)?,
        "resmlp" => resmlp(text, shape, &widths, &settings)?,
        _ => mlp(&widths, &settings),
    };
    architecture.gamma0 = settings.gamma0;
    // The sizes may still overflow; `sites` names the layer.
    architecture.sites().map_err(|e| e.under(text, shape.start, shape.end()))?;
    Ok(architecture)
}

/// What stands between the convolutions and the read-out.
fn read_out(whole: &str, name: Piece<'_>) -> Result<Layer> {
    match name.text {
        "gap" => Ok(Layer::GlobalAverage),
        "flatten" => Ok(Layer::Flatten),
        other => Err(name.error(
            whole,
            format!("{:?} is no way from positions to features", shorten(other)),
            did_you_mean(other, &["gap", "flatten"], "ways"),
        )),
    }
}

fn cnn(
    text: &str,
    shape: Piece<'_>,
    widths: &Widths,
    settings: &Settings<'_>,
    read_out: Layer,
) -> Result<Architecture> {
    let kh = match widths.input[..] {
        [_, _, _] => Some(settings.kernel),
        [_, _] => None,
        _ => {
            return Err(shape.error(
                text,
                "the inputs of a cnn are HxWxC, height, width and channels",
                "write cnn:28x28x1-16x2-10:relu, or LxC for sequences, as in cnn:30x4-16x2-10:relu",
            ));
        }
    };
    let mut layers = Vec::with_capacity(2 * widths.hidden.len() + 2);
    for &out in &widths.hidden {
        layers.push(Layer::Conv(Conv {
            kh,
            kw: settings.kernel,
            out,
            fan_in: None,
            padding: settings.padding,
            stride: 1,
            dilation: 1,
            groups: 1,
            w_std: settings.w_std,
            b_std: settings.b_std,
            param: settings.param,
        }));
        layers.push(Layer::Activation(settings.activation));
    }
    layers.extend([read_out, settings.dense(widths.output)]);
    Ok(Architecture::new(widths.input.clone(), layers))
}

fn mlp(widths: &Widths, settings: &Settings<'_>) -> Architecture {
    let mut layers = Vec::with_capacity(2 * widths.hidden.len() + 1);
    for &width in &widths.hidden {
        layers.push(settings.dense(width));
        layers.push(Layer::Activation(settings.activation));
    }
    layers.push(settings.dense(widths.output));
    Architecture::new(widths.input.clone(), layers)
}

fn resmlp(text: &str, shape: Piece<'_>, widths: &Widths, settings: &Settings<'_>) -> Result<Architecture> {
    let width = widths.hidden[0];
    if widths.hidden.iter().any(|&w| w != width) {
        return Err(shape.error(
            text,
            "a resmlp has one width, because its blocks keep the shape",
            format!("write {}-{width}x{}-{}", widths.input[0], widths.hidden.len(), widths.output),
        ));
    }
    let mut layers = vec![settings.dense(width)];
    for _ in 1..widths.hidden.len() {
        layers.push(Layer::Residual {
            layers: vec![Layer::Activation(settings.activation), settings.dense(width)],
            scale: settings.scale,
        });
    }
    layers.push(Layer::Activation(settings.activation));
    layers.push(settings.dense(widths.output));
    Ok(Architecture::new(widths.input.clone(), layers))
}

/// A part of the preset and where it begins, in bytes.
#[derive(Clone, Copy)]
struct Piece<'t> {
    text: &'t str,
    start: usize,
}

impl<'t> Piece<'t> {
    fn end(self) -> usize {
        self.start + self.text.len()
    }

    fn split(self, by: char) -> Vec<Piece<'t>> {
        let mut start = self.start;
        self.text
            .split(by)
            .map(|text| {
                let piece = Piece { text, start };
                start = piece.end() + by.len_utf8();
                piece
            })
            .collect()
    }

    fn error(self, whole: &str, message: impl Into<String>, hint: impl Into<String>) -> ModelError {
        ModelError::new(message, hint).under(whole, self.start, self.end())
    }

    /// A positive whole number; `what` names it in the message.
    fn count(self, whole: &str, what: &str) -> Result<usize> {
        let digits = !self.text.is_empty() && self.text.bytes().all(|b| b.is_ascii_digit());
        match self.text.parse::<usize>() {
            Ok(n) if digits && n > 0 => Ok(n),
            Ok(0) => Err(self.error(whole, format!("{what} is 0"), format!("{what} is at least 1, as in `{EXAMPLE}`"))),
            Err(_) if digits => {
                Err(self.error(whole, format!("{what} is too large"), "give a number that a machine can hold"))
            }
            _ if self.text.is_empty() => Err(self.error(
                whole,
                format!("{what} is missing (widths and depths cannot be negative)"),
                format!("write IN-WIDTHxDEPTH-OUT, as in `{EXAMPLE}`"),
            )),
            _ => Err(self.error(
                whole,
                format!("{what} {:?} is not a whole number", shorten(self.text)),
                format!("write IN-WIDTHxDEPTH-OUT, as in `{EXAMPLE}`"),
            )),
        }
    }
}

/// `IN-HIDDEN-OUT`, read.
struct Widths {
    /// One number, or one for each axis.
    input: Vec<usize>,
    hidden: Vec<usize>,
    output: usize,
}

impl Widths {
    fn parse(whole: &str, shape: Piece<'_>) -> Result<Self> {
        let parts = shape.split('-');
        let [input, middle @ .., output] = &parts[..] else {
            return Err(Self::too_few(whole, shape));
        };
        let input = input
            .split('x')
            .into_iter()
            .map(|axis| axis.count(whole, "the number of inputs"))
            .collect::<Result<_>>()?;
        if middle.is_empty() {
            return Err(Self::too_few(whole, shape));
        }
        let mut hidden = Vec::new();
        for part in middle {
            let (width, depth) = match part.split('x')[..] {
                [width] => (width.count(whole, "a width")?, 1),
                [width, depth] => (width.count(whole, "a width")?, depth.count(whole, "a depth")?),
                _ => {
                    return Err(part.error(
                        whole,
                        format!("{:?} is not WIDTH or WIDTHxDEPTH", shorten(part.text)),
                        "write one x, as in 512x2, or list the widths, as in 512-256-128",
                    ));
                }
            };
            if depth > MAX_DEPTH - hidden.len() {
                return Err(part.error(
                    whole,
                    format!("more than {MAX_DEPTH} hidden layers"),
                    format!("lower the depth; WIDTHxDEPTH puts the width first, as in `{EXAMPLE}`"),
                ));
            }
            hidden.extend(std::iter::repeat_n(width, depth));
        }
        let output = output.count(whole, "the number of outputs")?;
        Ok(Self { input, hidden, output })
    }

    fn too_few(whole: &str, shape: Piece<'_>) -> ModelError {
        shape.error(
            whole,
            "the widths lack a part: inputs, hidden layers and outputs are needed",
            format!(
                "write IN-WIDTHxDEPTH-OUT, as in `{EXAMPLE}`; for a network without hidden layers \
                 write a model file"
            ),
        )
    }
}

/// The activation and the options, read.
struct Settings<'t> {
    activation: Activation,
    param: Parameterization,
    w_std: f64,
    b_std: Option<f64>,
    scale: f64,
    gamma0: f64,
    kernel: usize,
    padding: Padding,
    /// What has been set, to refuse it a second time.
    seen: Vec<&'t str>,
}

impl<'t> Settings<'t> {
    fn new(whole: &str, name: Piece<'t>) -> Result<Self> {
        let Some(activation) = Activation::from_name(name.text) else {
            let names: Vec<_> = Activation::names().collect();
            let what = if name.text.is_empty() {
                "the activation is missing".to_owned()
            } else {
                format!("no activation is called {:?}", shorten(name.text))
            };
            return Err(name.error(whole, what, did_you_mean(name.text, &names, "activations")));
        };
        Ok(Self {
            activation,
            param: Parameterization::default(),
            w_std: activation.default_w_std(),
            b_std: Some(DEFAULT_B_STD),
            scale: 1.0,
            gamma0: 1.0,
            kernel: 3,
            padding: Padding::Same,
            seen: Vec::new(),
        })
    }

    fn set(&mut self, whole: &str, kind: &str, option: Piece<'t>) -> Result<()> {
        let Some((key, value)) = option.text.split_once('=') else {
            return Err(option.error(
                whole,
                format!("{:?} is not OPTION=VALUE", shorten(option.text)),
                format!("options are {}, as in `,param=standard`", OPTIONS.join(", ")),
            ));
        };
        let value = Piece { text: value, start: option.start + key.len() + 1 };
        let key = Piece { text: key, start: option.start };
        if self.seen.contains(&key.text) {
            return Err(key.error(whole, format!("the option {:?} is given twice", key.text), "keep one of them"));
        }
        match key.text {
            "param" => self.param = param(whole, value)?,
            "W_std" => self.w_std = number(whole, key, value, |x| x > 0.0, "a number above 0")?,
            "b_std" => {
                let b = number(whole, key, value, |x| x >= 0.0, "a number of at least 0")?;
                self.b_std = (b != 0.0).then_some(b);
            }
            "alpha" => {
                let alpha = number(whole, key, value, |_| true, "a number")?;
                let Activation::LeakyRelu(slot) = &mut self.activation else {
                    return Err(key.error(
                        whole,
                        format!("alpha is not an option of {}", self.activation.name()),
                        "leave it out, or choose leaky_relu",
                    ));
                };
                *slot = alpha;
            }
            "degree" => {
                let degree = number(whole, key, value, |p| p >= 1.0 && p.fract() == 0.0, "a whole number above 0")?;
                let (Activation::Monomial(slot) | Activation::RectifiedMonomial(slot)) = &mut self.activation else {
                    return Err(key.error(
                        whole,
                        format!("degree is not an option of {}", self.activation.name()),
                        "leave it out, or choose monomial or rectified_monomial",
                    ));
                };
                *slot = degree as u32;
            }
            "gamma0" => self.gamma0 = number(whole, key, value, |x| x > 0.0, "a number above 0")?,
            "scale" if kind == "resmlp" => {
                self.scale = number(whole, key, value, |_| true, "a number")?;
            }
            "scale" => {
                return Err(key.error(
                    whole,
                    format!("scale is not an option of {kind}"),
                    "leave it out, or choose resmlp: it is the factor of a residual branch",
                ));
            }
            "kernel" if kind == "cnn" => self.kernel = value.count(whole, "the window")?,
            "padding" if kind == "cnn" => {
                let Some((_, padding)) = Padding::NAMED.iter().find(|(name, _)| *name == value.text) else {
                    let what = format!("no padding is called {:?}", shorten(value.text));
                    let names = Padding::NAMED.map(|(name, _)| name);
                    return Err(value.error(whole, what, did_you_mean(value.text, &names, "paddings")));
                };
                self.padding = *padding;
            }
            "kernel" | "padding" => {
                return Err(key.error(
                    whole,
                    format!("{} is not an option of {kind}", key.text),
                    "leave it out, or choose cnn: it concerns convolutions",
                ));
            }
            unknown => {
                return Err(key.error(
                    whole,
                    format!("no option is called {:?}", shorten(unknown)),
                    did_you_mean(unknown, &OPTIONS, "options"),
                ));
            }
        }
        self.seen.push(key.text);
        Ok(())
    }

    fn dense(&self, out: usize) -> Layer {
        Layer::Dense(Dense { out, fan_in: None, w_std: self.w_std, b_std: self.b_std, param: self.param })
    }
}

fn param(whole: &str, value: Piece<'_>) -> Result<Parameterization> {
    Parameterization::from_name(value.text).ok_or_else(|| {
        let names = Parameterization::ALL.map(Parameterization::name);
        value.error(
            whole,
            format!("no parameterization is called {:?}", shorten(value.text)),
            did_you_mean(value.text, &names, "parameterizations"),
        )
    })
}

fn number(whole: &str, key: Piece<'_>, value: Piece<'_>, in_range: impl Fn(f64) -> bool, wanted: &str) -> Result<f64> {
    match value.text.parse::<f64>() {
        Ok(x) if x.is_finite() && in_range(x) => Ok(x),
        _ => Err(value.error(
            whole,
            format!("{}={:?} is not {wanted}", key.text, shorten(value.text)),
            format!("write {}={}", key.text, if key.text == "b_std" { "0.1" } else { "1.0" }),
        )),
    }
}

/// "did you mean X?", or the list where nothing is near.
pub(super) fn did_you_mean(word: &str, names: &[&str], what: &str) -> String {
    match nearest(word, names.iter().copied()) {
        Some(name) => format!("did you mean {name:?}?"),
        None => format!("the {what} are {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests;
