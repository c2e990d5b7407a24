//! Convolutions over one or two axes of positions.

use autodiff::op::bilinear;
use autodiff::op::bilinear::Window;
use autodiff::{Real, Var};

use super::dense::{B_STD, PARAM, W_STD, stated};
use super::{Described, Key, Kind};
use crate::model::apply::Supply;
use crate::model::emit::Entry;
use crate::model::error::{ModelError, Result};
use crate::model::file::Fields;
use crate::model::shape::{Dims, Walk};
use crate::model::{Parameterization, Weighting};

/// A convolution; the window is not flipped, as in every network library.
///
/// # Shape
/// `[n, h, w, in] -> [n, h', w', out]` with `W: [kh, kw, in / groups, out]`, and without `kh`
/// `[n, w, in] -> [n, w', out]` with `W: [kw, in / groups, out]`; `b: [out]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv {
    /// Rows of the window; none where positions have one axis.
    pub kh: Option<usize>,
    /// Columns of the window.
    pub kw: usize,
    /// The number of output channels.
    pub out: usize,
    /// The number of input channels, if the description says it: it is then checked against the shapes.
    pub fan_in: Option<usize>,
    /// What the window reads beyond the edges.
    pub padding: Padding,
    /// Positions from one window to the next.
    pub stride: usize,
    /// Positions from one tap to the next.
    pub dilation: usize,
    /// Parts that channels are split into, each reading its own.
    pub groups: usize,
    /// The standard deviation of the weights, times `sqrt(fan_in)`, `fan_in = kh kw in / groups`.
    pub w_std: f64,
    /// The standard deviation of the bias; no bias where it is `None` or 0.
    pub b_std: Option<f64>,
    /// Where the standard deviations act: on the first draw or in the forward pass.
    pub param: Parameterization,
}

impl Conv {
    /// How its weights are drawn and used.
    pub fn weighting(&self) -> Weighting {
        Weighting { w_std: self.w_std, b_std: self.b_std, param: self.param }
    }
}

/// What a window reads beyond the edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Zeros, so many that `out = in / stride`, rounded up; one more after than before where they are odd.
    Same,
    /// Nothing: windows stay inside.
    Valid,
    /// As many as [`Padding::Same`], from the other end.
    Circular,
    /// So many zeros on every side, as PyTorch states it.
    Zeros(usize),
}

impl Padding {
    /// The paddings that have a name in a model file.
    pub const NAMED: [(&'static str, Self); 3] =
        [("SAME", Self::Same), ("VALID", Self::Valid), ("CIRCULAR", Self::Circular)];

    /// The windows that fit, or why there are none.
    pub(super) fn windows(
        self,
        input: usize,
        taps: usize,
        stride: usize,
        dilation: usize,
    ) -> std::result::Result<usize, &'static str> {
        // No op takes more, so that no product of two of these overflows.
        if taps.max(stride).max(dilation) > u32::MAX as usize {
            return Err("a window, stride or dilation beyond 2^32");
        }
        let extent = (taps - 1).checked_mul(dilation).and_then(|e| e.checked_add(1)).ok_or("it is too large")?;
        let fitting = |room: usize| match room.checked_sub(extent) {
            Some(rest) => Ok(rest / stride + 1),
            None => Err("the window is larger than what it moves over"),
        };
        match self {
            Self::Valid => fitting(input),
            Self::Zeros(side) => {
                fitting(side.checked_mul(2).and_then(|p| p.checked_add(input)).ok_or("the padding is too large")?)
            }
            Self::Circular if !input.is_multiple_of(stride) => {
                Err("circular padding needs a stride that divides the size")
            }
            Self::Same | Self::Circular => Ok(input.div_ceil(stride)),
        }
    }

    /// The padding of a recorded window; of columns alone where positions have one axis.
    pub(super) fn recorded(self, rows: bool) -> bilinear::Padding {
        match self {
            Self::Same => bilinear::Padding::Same,
            Self::Valid => bilinear::Padding::Valid,
            Self::Circular => bilinear::Padding::Circular,
            Self::Zeros(side) => bilinear::Padding::Explicit([[if rows { side } else { 0 }; 2], [side; 2]]),
        }
    }

    /// Reads the key `padding`.
    pub(super) fn read(fields: &Fields<'_, '_>, default: Self) -> Result<Self> {
        match fields.whole_if("padding")? {
            Some(side) => Ok(Self::Zeros(side)),
            None => Ok(fields.choice_if("padding", &Self::NAMED)?.unwrap_or(default)),
        }
    }

    /// Writes the key `padding`.
    pub(super) fn write(self, entry: Entry<'_>) -> Entry<'_> {
        match (self, Self::NAMED.iter().find(|(_, named)| *named == self)) {
            (Self::Zeros(side), _) => entry.put("padding", side),
            (_, Some((name, _))) => entry.text("padding", name),
            _ => entry,
        }
    }
}

const TAKES_PADDING: &str = "`\"SAME\"`, `\"VALID\"`, `\"CIRCULAR\"`, or zeros on every side";

/// The key of convolutions and of pools.
pub(super) const fn padding_key(default: &'static str) -> Key {
    Key::new("padding", TAKES_PADDING, default, "what windows read beyond the edges")
}

impl Kind for Conv {
    const DESCRIBED: &'static [Described] = &[Described {
        name: "conv",
        shape: "[h, w, in] -> [h', w', out]",
        about: "convolution; with `kw` alone of `[w, in]` to `[w', out]`, and with `kw = 1` a dense layer at each position",
        keys: &[
            Key::new("kh", "a whole number", "one axis of positions", "rows of the window"),
            Key::new("kw", "a whole number", "needed", "columns of the window"),
            Key::new("out", "a whole number", "needed", "output channels"),
            Key::new("in", "a whole number", "what reaches it", "input channels, checked"),
            padding_key("`\"SAME\"`"),
            Key::new("stride", "a whole number", "1", "positions from one window to the next"),
            Key::new("dilation", "a whole number", "1", "positions from one tap to the next"),
            Key::new("groups", "a whole number", "1", "parts of the channels, each reading its own"),
            W_STD,
            B_STD,
            PARAM,
        ],
    }];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        let one = |key| Ok(fields.count_if(key)?.unwrap_or(1));
        let Weighting { w_std, b_std, param } = fields.weighting()?;
        Ok(Conv {
            kh: fields.count_if("kh")?,
            kw: fields.count("kw")?,
            out: fields.count("out")?,
            fan_in: fields.count_if("in")?,
            padding: Padding::read(fields, Padding::Same)?,
            stride: one("stride")?,
            dilation: one("dilation")?,
            groups: one("groups")?,
            w_std,
            b_std,
            param,
        })
    }

    fn write(&self) -> Entry<'_> {
        let other = |n: usize| (n != 1).then_some(n);
        let entry = Entry::new("conv").put_if("kh", self.kh).put("kw", self.kw).put_if("in", self.fan_in);
        self.padding
            .write(entry.put("out", self.out))
            .put_if("stride", other(self.stride))
            .put_if("dilation", other(self.dilation))
            .put_if("groups", other(self.groups))
            .weighting(self.weighting())
    }

    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        let taps: Vec<usize> = self.kh.into_iter().chain([self.kw]).collect();
        let Some((&channels, places)) = shape.split_last().filter(|(_, places)| places.len() == taps.len()) else {
            let (axes, remedy) = match self.kh {
                Some(_) => ("[h, w, channels]", "leave kh out for a convolution over one axis"),
                None => ("[w, channels]", "give kh for a convolution over two axes"),
            };
            let what = format_args!("the convolution takes {axes}, and {shape:?} reaches it");
            return Err(ModelError::in_layer(path, what, remedy));
        };
        stated(path, self.fan_in, channels, shape)?;
        let Self { stride, dilation, groups, out, .. } = *self;
        if [&taps[..], &[stride, dilation, groups]].concat().contains(&0) {
            let what = "a window, a stride, a dilation or groups of 0";
            return Err(ModelError::in_layer(path, what, "give each of them at least 1"));
        }
        if !channels.is_multiple_of(groups) || !out.is_multiple_of(groups) {
            return Err(ModelError::in_layer(
                path,
                format_args!("groups = {groups} does not divide {channels} input and {out} output channels"),
                "give a number of groups that divides both",
            ));
        }
        let product = |sizes: &[usize]| sizes.iter().fold(1_usize, |p, &n| p.saturating_mul(n));
        let mut left = Vec::with_capacity(shape.len());
        for (&input, &taps) in places.iter().zip(&taps) {
            left.push(self.padding.windows(input, taps, stride, dilation).map_err(|why| {
                let what = format_args!("{taps} taps do not fit {input} positions: {why}");
                ModelError::in_layer(path, what, "use padding = \"SAME\", or a smaller window")
            })?);
        }
        let weights = [&taps[..], &[channels / groups, out]].concat();
        let fan_in = weights[..taps.len() + 1].iter().try_fold(1_usize, |p, &n| p.checked_mul(n)).unwrap_or(usize::MAX);
        let dims = Dims {
            fan_in,
            fan_out: out,
            positions: product(&left),
            overlap: if stride == 1 { product(&taps) } else { 1 },
            has_bias: self.weighting().has_bias(),
        };
        walk.site(path, self.weighting(), weights, dims)?;
        left.push(out);
        Ok(left)
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let weighted = supply.next()?;
        // Along one axis, the rows' entries stay as they are.
        let both = |n| if self.kh.is_some() { [n; 2] } else { [1, n] };
        let window = Window {
            stride: both(self.stride),
            dilation: both(self.dilation),
            padding: self.padding.recorded(self.kh.is_some()),
            groups: self.groups,
            alpha: weighted.alpha,
        };
        weighted.shifted(x.conv(weighted.w, window)?)
    }
}
