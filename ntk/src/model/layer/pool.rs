//! From positions to features: pooling, the global average, flattening.

use autodiff::op::linear::PoolWindow;
use autodiff::{Real, Var};

use super::conv::{Padding, padding_key};
use super::{Described, Key, Kind};
use crate::model::apply::Supply;
use crate::model::emit::Entry;
use crate::model::error::{ModelError, Result};
use crate::model::file::Fields;
use crate::model::shape::Walk;

/// One number of each window of positions, channel by channel.
///
/// # Shape
/// `[n, h, w, c] -> [n, h', w', c]`, or `[n, w, c] -> [n, w', c]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Which number.
    pub pooling: Pooling,
    /// Positions of a window along each axis.
    pub size: usize,
    /// Positions from one window to the next.
    pub stride: usize,
    /// What a window reads beyond the edges.
    pub padding: Padding,
}

/// What a pool takes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The mean; padding counts as zeros.
    Average,
    /// The largest entry, the first of equal ones; padding is never taken.
    Max,
}

impl Pooling {
    /// The `kind` in a model file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Average => "avg_pool",
            Self::Max => "max_pool",
        }
    }
}

const KEYS: &[Key] = &[
    Key::new("size", "a whole number", "needed", "positions of a window, along each axis"),
    Key::new("stride", "a whole number", "`size`", "positions from one window to the next"),
    padding_key("`\"VALID\"`"),
];

impl Kind for Pool {
    const DESCRIBED: &'static [Described] = &[
        Described {
            name: "avg_pool",
            shape: "[h, w, c] -> [h', w', c]",
            about: "mean of each window; padding counts as zeros",
            keys: KEYS,
        },
        Described {
            name: "max_pool",
            shape: "[h, w, c] -> [h', w', c]",
            about: "largest entry of each window, the first of equal ones",
            keys: KEYS,
        },
    ];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        let pooling = if fields.kind() == Pooling::Max.name() { Pooling::Max } else { Pooling::Average };
        let size = fields.count("size")?;
        let stride = fields.count_if("stride")?.unwrap_or(size);
        Ok(Self { pooling, size, stride, padding: Padding::read(fields, Padding::Valid)? })
    }

    fn write(&self) -> Entry<'_> {
        self.padding.write(Entry::new(self.pooling.name()).put("size", self.size).put("stride", self.stride))
    }

    fn infer(&self, _: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        let Self { size, stride, padding, .. } = *self;
        let Some((&channels, places)) = shape.split_last().filter(|(_, places)| (1..=2).contains(&places.len())) else {
            return Err(ModelError::in_layer(
                path,
                format_args!("a pool takes [h, w, channels] or [w, channels], and {shape:?} reaches it"),
                "put it behind convolutions, before { kind = \"flatten\" }",
            ));
        };
        if size == 0 || stride == 0 {
            return Err(ModelError::in_layer(path, "a window or a stride of 0", "give each of them at least 1"));
        }
        if matches!(padding, Padding::Zeros(side) if side >= size) {
            let hint = "give less padding than the window has positions, so that none reads padding alone";
            return Err(ModelError::in_layer(path, format_args!("padding of {size} or more"), hint));
        }
        let fit = |&input: &usize| {
            padding.windows(input, size, stride, 1).map_err(|why| {
                let what = format_args!("a window of {size} does not fit {input} positions: {why}");
                ModelError::in_layer(path, what, "use a smaller window")
            })
        };
        places.iter().map(fit).chain([Ok(channels)]).collect()
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, _: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let Self { pooling, size, stride, padding } = *self;
        let mut window =
            PoolWindow { size: [size; 2], stride: [stride; 2], padding: padding.recorded(x.shape().len() > 3) };
        let pool = |x: Var<'a, R>, window| match pooling {
            Pooling::Average => x.average_pool(window),
            Pooling::Max => x.max_pool(window),
        };
        let &[samples, width, channels] = x.shape() else {
            return pool(x, window);
        };
        // One axis of positions is an image of one row.
        (window.size[0], window.stride[0]) = (1, 1);
        let y = pool(x.reshape(&[samples, 1, width, channels])?, window)?;
        let width = y.shape()[2];
        y.reshape(&[samples, width, channels])
    }
}

/// The mean over all positions, as [`super::Layer::GlobalAverage`] records it.
pub(super) const GLOBAL_AVERAGE: Described =
    Described { name: "gap", shape: "[.., c] -> [c]", about: "mean over all positions", keys: &[] };

/// As [`super::Layer::Flatten`] records it.
pub(super) const FLATTEN: Described =
    Described { name: "flatten", shape: "[..] -> [c]", about: "all axes as one, row-major", keys: &[] };

/// `[n, .., c] -> [n, c]`
pub(super) fn global_average<'a, R: Real>(x: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
    let (samples, channels) = ends(x.shape());
    let positions = x.value().len() / (samples * channels).max(1);
    if x.shape().len() == 2 {
        return Ok(x);
    }
    Ok(x.reshape(&[samples, positions, channels])?.sum_axis(1)?.scale(1.0 / positions as f64))
}

/// `[n, ..] -> [n, c]`
pub(super) fn flatten<'a, R: Real>(x: Var<'a, R>) -> autodiff::Result<Var<'a, R>> {
    let samples = x.shape().first().copied().unwrap_or(1);
    match x.shape() {
        [_, _] => Ok(x),
        _ => x.reshape(&[samples, x.value().len() / samples.max(1)]),
    }
}

fn ends(shape: &[usize]) -> (usize, usize) {
    (shape.first().copied().unwrap_or(1), shape.last().copied().unwrap_or(1))
}
