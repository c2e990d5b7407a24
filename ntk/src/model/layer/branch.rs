//! Layers made of layers: the residual block, and branches side by side.

use autodiff::{Real, Var};

use super::{Described, Key, Kind, Layer};
use crate::model::apply::Supply;
use crate::model::emit::Entry;
use crate::model::error::{ModelError, Result};
use crate::model::file::Fields;
use crate::model::shape::Walk;

/// `y = x + scale f(x)`, as [`Layer::Residual`] holds it.
pub(super) const RESIDUAL: Described = Described {
    name: "residual",
    shape: "s -> s",
    about: "`x + scale f(x)`",
    keys: &[
        Key::new("layers", "a list of layers", "needed", "the branch `f`; it keeps the shape"),
        Key::new("scale", "a number", "1.0", "factor of the branch, such as `1/sqrt(L)` for L blocks"),
    ],
};

pub(super) fn read_residual(fields: &Fields<'_, '_>) -> Result<Layer> {
    Ok(Layer::Residual { layers: fields.layers("layers")?, scale: fields.number_or("scale", 1.0)? })
}

pub(super) fn infer_residual(
    (layers, scale): (&[Layer], f64),
    walk: &mut Walk,
    path: &str,
    shape: &[usize],
) -> Result<Vec<usize>> {
    if layers.is_empty() {
        return Err(ModelError::in_layer(
            path,
            "the residual branch has no layers",
            "give it some, such as layers = [{ kind = \"relu\" }, { kind = \"dense\", out = 32 }]",
        ));
    }
    finite(path, "scale", scale)?;
    let first = walk.sites.len();
    let end = walk.layers(layers, &format!("{path}.layers"), shape)?;
    if end != shape {
        let last = walk.sites.get(first..).and_then(<[_]>::last).filter(|site| site.shape.last() == end.last());
        return Err(ModelError::in_layer(
            path,
            format_args!("the residual branch takes {shape:?} and gives {end:?}"),
            match last {
                Some(site) if end.len() == shape.len() && end[..end.len() - 1] == shape[..end.len() - 1] => {
                    format!("a branch keeps the shape: set `out` of {} to {}", site.path, shape[shape.len() - 1])
                }
                _ => "a branch keeps the shape; where both sides change it, use a parallel layer with join = \"sum\""
                    .to_owned(),
            },
        ));
    }
    Ok(end)
}

pub(super) fn apply_residual<'a, R: Real>(
    (layers, scale): (&[Layer], f64),
    x: Var<'a, R>,
    supply: &mut Supply<'_, '_, 'a, R>,
) -> autodiff::Result<Var<'a, R>> {
    // INVARIANT: the recursion is as deep as `sites` let branches nest.
    let f = super::apply(layers, x, supply)?;
    x.combine(1.0, f, scale)
}

pub(super) fn finite(path: &str, key: &str, value: f64) -> Result<()> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(ModelError::in_layer(
            path,
            format_args!("{key} = {value} is not a finite number"),
            format!("give a number, such as {key} = 1.0"),
        )),
    }
}

/// How branches are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Join {
    /// Added: a shortcut that changes the shape is a branch of its own.
    #[default]
    Sum,
    /// Multiplied entry by entry (the Hadamard product).
    Product,
}

impl Join {
    /// Every way to join.
    pub const ALL: [Self; 2] = [Self::Sum, Self::Product];

    /// The value of `join` in a model file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Product => "product",
        }
    }
}

/// Branches that take one input each, joined; a branch without layers hands its input on.
///
/// # Shape
/// All branches give one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Parallel {
    /// At least one.
    pub branches: Vec<Vec<Layer>>,
    /// What becomes of their results.
    pub join: Join,
}

impl Kind for Parallel {
    const DESCRIBED: &'static [Described] = &[Described {
        name: "parallel",
        shape: "s -> t",
        about: "branches of one input, added or multiplied entry by entry; `[]` hands its input on",
        keys: &[
            Key::new("branches", "a list of lists of layers", "needed", "the branches"),
            Key::new("join", "`\"sum\"`, `\"product\"`", "`\"sum\"`", "how their results are joined"),
        ],
    }];

    fn read(fields: &Fields<'_, '_>) -> Result<Self> {
        Ok(Self {
            branches: fields.branches("branches")?,
            join: fields.choice("join", &Join::ALL.map(|j| (j.name(), j)))?,
        })
    }

    fn write(&self) -> Entry<'_> {
        Entry::new("parallel").text("join", self.join.name()).branches("branches", &self.branches)
    }

    fn infer(&self, walk: &mut Walk, path: &str, shape: &[usize]) -> Result<Vec<usize>> {
        let mut joined: Option<Vec<usize>> = None;
        for (b, layers) in self.branches.iter().enumerate() {
            let end = walk.layers(layers, &format!("{path}.branches[{b}]"), shape)?;
            if let Some(first) = joined.as_ref().filter(|&first| *first != end) {
                return Err(ModelError::in_layer(
                    path,
                    format_args!("branch 0 gives {first:?} and branch {b} gives {end:?}"),
                    format!("let all branches give one shape: they are joined by {}", self.join.name()),
                ));
            }
            joined = Some(end);
        }
        joined.ok_or_else(|| {
            let hint = "give it some, such as branches = [[], [{ kind = \"relu\" }]]";
            ModelError::in_layer(path, "the parallel layer has no branches", hint)
        })
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let mut joined: Option<Var<'a, R>> = None;
        for layers in &self.branches {
            let y = super::apply(layers, x, supply)?;
            joined = Some(match (joined, self.join) {
                (None, _) => y,
                (Some(sum), Join::Sum) => sum.plus(y)?,
                (Some(product), Join::Product) => product.times(y)?,
            });
        }
        Ok(joined.unwrap_or(x))
    }
}
