//! Layers made of layers: the residual block, and branches side by side.

use autodiff::{Real, Var};

use super::sequence::constant;
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
    /// Put one behind another along the channels.
    Concat,
}

impl Join {
    /// Every way to join.
    pub const ALL: [Self; 3] = [Self::Sum, Self::Product, Self::Concat];

    /// The value of `join` in a model file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Product => "product",
            Self::Concat => "concat",
        }
    }
}

/// Branches that take one input each, joined; a branch without layers hands its input on.
///
/// # Shape
/// All branches give one shape, or, put behind one another, shapes that differ in their channels alone.
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
        about: "branches of one input, joined; `[]` hands its input on",
        keys: &[
            Key::new("branches", "a list of lists of layers", "needed", "the branches"),
            Key::new(
                "join",
                "`\"sum\"`, `\"product\"`, `\"concat\"`",
                "`\"sum\"`",
                "entry by entry, or channels behind one another",
            ),
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
            let mut end = walk.layers(layers, &format!("{path}.branches[{b}]"), shape)?;
            if let Some(first) = joined {
                let places = if self.join == Join::Concat { end.len().saturating_sub(1) } else { end.len() };
                if first.len() != end.len() || first[..places] != end[..places] {
                    return Err(ModelError::in_layer(
                        path,
                        format_args!("branch 0 gives {first:?} and branch {b} gives {end:?}"),
                        format!("let all branches give one shape: they are joined by {}", self.join.name()),
                    ));
                }
                if self.join == Join::Concat {
                    end[places] = end[places].saturating_add(first[places]);
                }
            }
            joined = Some(end);
        }
        joined.ok_or_else(|| {
            let hint = "give it some, such as branches = [[], [{ kind = \"relu\" }]]";
            ModelError::in_layer(path, "the parallel layer has no branches", hint)
        })
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, supply: &mut Supply<'_, '_, 'a, R>) -> autodiff::Result<Var<'a, R>> {
        let ends: Vec<Var<'a, R>> =
            self.branches.iter().map(|layers| super::apply(layers, x, supply)).collect::<autodiff::Result<_>>()?;
        let channels = |y: &Var<'a, R>| y.shape().last().copied().unwrap_or(1);
        let (all, mut before) = (ends.iter().map(channels).sum(), 0);
        let mut joined: Option<Var<'a, R>> = None;
        for y in ends {
            let width = channels(&y);
            joined = Some(match (joined, self.join) {
                (None, Join::Sum | Join::Product) => y,
                (Some(sum), Join::Sum) => sum.plus(y)?,
                (Some(product), Join::Product) => product.times(y)?,
                // Each branch's channels are placed by a product with a part of the identity, and the rest is 0.
                (joined, Join::Concat) => {
                    let place = |i: usize| f64::from(u8::from(i / all + before == i % all));
                    let placed = y.matmul(constant(y, width * all, place, &[width, all])?)?;
                    joined.map_or(Ok(placed), |joined| joined.plus(placed))?
                }
            });
            before += width;
        }
        Ok(joined.unwrap_or(x))
    }
}
