//! Which contraction each parameter gets, by counted operations.
//!
//! Parameters that share a cotangent, as weights share theirs with the bias beside them, form a *group* and are contracted alike.
//! Let a parameter of a group have R rows a sample (positions of all its uses together), F numbers a row and C columns,
//! n samples, q pairs of directions for each pair of samples (`K^2` for the full kernel, K otherwise). In multiply-adds:
//!
//! | form | a sample | a pair of samples |
//! |---|---|---|
//! | [`Form::Factors`] | 0 | `R^2 F + q R^2 C`, the second once a group |
//! | [`Form::Gradients`] | `K R F C` | `q F C` |
//! | [`Form::Slopes`] | `R F C` | `F C + q C` |
//!
//! Factors are the choice where a parameter is used once a sample; gradients where many positions share it, as in a convolution;
//! factors again where few positions share a wide layer (a recurrent or an attention layer over short sequences). Slopes
//! need cotangents `c[k, u] s[i, p, u]`, as below an average over positions and a last activation. Samples times the first
//! column and pairs times the second are compared; a tie goes to factors.

use autodiff::sweep::{Keep, Layout, Role};

use super::Outputs;
use crate::network::{Footprint, Parameter, Sharing};

/// How the parameters of a group are contracted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A Gram product of inputs times one of cotangents, for every pair of rows.
    #[default]
    Factors,
    /// The gradient of each sample and direction, then one Gram product.
    Gradients,
    /// One gradient a sample for all directions, which differ by a number for each column.
    Slopes,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Factors, Self::Gradients, Self::Slopes];

    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Factors => "factors",
            Self::Gradients => "gradients",
            Self::Slopes => "slopes",
        }
    }
}

/// How many samples, pairs and directions a kernel has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) samples: f64,
    pub(super) pairs: f64,
    pub(super) directions: f64,
    pub(super) outputs: Outputs,
}

impl Counts {
    /// Pairs of directions for each pair of samples.
    pub(super) fn couplings(&self) -> f64 {
        if self.outputs == Outputs::Full { self.directions * self.directions } else { self.directions }
    }
}

/// Multiply-adds of a form.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Work {
    pub(super) sample: f64,
    pub(super) pair: f64,
}

impl Work {
    fn total(self, counts: &Counts) -> f64 {
        counts.samples * self.sample + counts.pairs * self.pair
    }
}

/// Parameters that share cotangents.
pub(super) struct Group<'f> {
    seen: &'f Footprint,
    /// Which parameters.
    pub(super) members: Vec<usize>,
    /// Their cotangents.
    pub(super) cotangents: Vec<usize>,
}

impl<'f> Group<'f> {
    /// The groups of a network.
    pub(super) fn all(seen: &'f Footprint) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (which, parameter) in seen.parameters.iter().enumerate() {
            let mut cotangents: Vec<usize> = parameter.uses.iter().map(|u| u.cotangent).collect();
            let mut members = vec![which];
            // Earlier groups that it meets become one with it.
            let meets = |group: &mut Self| group.cotangents.iter().any(|c| cotangents.contains(c));
            let met: Vec<Self> = groups.extract_if(.., meets).collect();
            for group in met {
                members.extend(group.members);
                cotangents.extend(group.cotangents);
            }
            members.sort_unstable();
            cotangents.sort_unstable();
            cotangents.dedup();
            groups.push(Self { seen, members, cotangents });
        }
        groups
    }

    fn parameters(&self) -> impl Iterator<Item = &'f Parameter> + '_ {
        self.members.iter().map(|&which| &self.seen.parameters[which])
    }

    /// The rows of a cotangent and the columns of a row, if all its uses agree on them.
    fn rows(&self, cotangent: usize) -> Option<(usize, usize)> {
        let mut rows =
            self.parameters().flat_map(|p| &p.uses).filter(|u| u.cotangent == cotangent).map(|u| rows(u.role));
        let first = rows.next()??;
        rows.all(|other| other == Some(first)).then_some(first)
    }

    /// Whether some parameter has more than one row a sample.
    fn shares(&self) -> bool {
        self.parameters()
            .any(|p| p.uses.iter().map(|u| rows(u.role).map_or(1, |(positions, _)| positions)).sum::<usize>() > 1)
    }

    /// Whether every use is a product of rows, or an addition to rows, and all uses of a parameter lay it out alike.
    fn factors(&self) -> bool {
        let layout = |role: Role| match role {
            Role::Product { fan_in, fan_out, transposed, .. } => Some((fan_in, fan_out, transposed, true)),
            Role::Sum { fan_out, .. } => Some((1, fan_out, false, false)),
            Role::Other => None,
        };
        let alike = |p: &Parameter| {
            let first = p.uses.first().map(|u| layout(u.role));
            p.uses.iter().all(|u| Some(layout(u.role)) == first && layout(u.role).is_some())
        };
        self.parameters().all(alike) && self.cotangents.iter().all(|&c| self.rows(c).is_some())
    }

    /// Whether a form can be used at all, and is worth a thought: a parameter with one row a sample has its factors.
    pub(super) fn takes(&self, form: Form) -> bool {
        match form {
            Form::Factors => self.factors(),
            Form::Gradients => self.shares() || !self.factors(),
            Form::Slopes => {
                let even = |c: &usize| self.seen.cotangents[*c].shared == Sharing::Slope { even: true };
                let once = self.parameters().all(|p| p.uses.len() == 1);
                self.cotangents.len() == 1
                    && self.cotangents.iter().all(even)
                    && once
                    && self.factors()
                    && self.shares()
            }
        }
    }

    /// What a form costs.
    pub(super) fn work(&self, form: Form, counts: &Counts) -> Work {
        let (k, q) = (counts.directions, counts.couplings());
        let products: f64 = self.parameters().flat_map(|p| p.uses.iter().map(|u| u.role.products(p.len) as f64)).sum();
        let len: f64 = self.parameters().map(|p| p.len as f64).sum();
        match form {
            Form::Factors => Work { sample: 0.0, pair: self.inputs() + self.coupled(counts) },
            Form::Gradients => Work { sample: k * products, pair: q * len },
            Form::Slopes => {
                let columns = self.rows(self.cotangents[0]).map_or(0.0, |(_, columns)| columns as f64);
                Work { sample: products, pair: len + q * columns }
            }
        }
    }

    /// Products of inputs for a pair of samples: every pair of uses, every pair of positions.
    fn inputs(&self) -> f64 {
        let of = |p: &Parameter| {
            let rows: f64 = p.uses.iter().map(|u| rows(u.role).map_or(0.0, |(positions, _)| positions as f64)).sum();
            match p.uses.first().map(|u| u.role) {
                Some(Role::Product { fan_in, .. }) => rows * rows * fan_in as f64,
                _ => 0.0,
            }
        };
        self.parameters().map(of).sum()
    }

    /// Products of cotangents for a pair of samples: each pair of cotangents that meets in some parameter, once.
    fn coupled(&self, counts: &Counts) -> f64 {
        if let ([cotangent], false) = (&self.cotangents[..], self.shares()) {
            let of = &self.seen.cotangents[*cotangent];
            return of.len as f64
                * match of.shared {
                    Sharing::Everything => 0.0,
                    Sharing::Slope { .. } if counts.outputs.sums() => 1.0,
                    Sharing::Slope { .. } | Sharing::Nothing => counts.couplings(),
                };
        }
        let mut pairs: Vec<(usize, usize)> = self
            .parameters()
            .flat_map(|p| p.uses.iter().flat_map(|u| p.uses.iter().map(|v| (u.cotangent, v.cotangent))))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let of = |&(u, v): &(usize, usize)| {
            let ((rows, columns), (rows2, _)) = (self.rows(u).unwrap_or_default(), self.rows(v).unwrap_or_default());
            (rows * rows2) as f64 * columns as f64
        };
        counts.couplings() * pairs.iter().map(of).sum::<f64>()
    }

    /// The form of least work.
    pub(super) fn cheapest(&self, counts: &Counts) -> Form {
        let forms = Form::ALL.into_iter().filter(|&form| self.takes(form));
        let total = |form| self.work(form, counts).total(counts);
        forms.min_by(|&a, &b| total(a).total_cmp(&total(b))).unwrap_or(Form::Gradients)
    }

    /// Numbers a sample that are kept.
    pub(super) fn kept(&self, form: Form, directions: u64, outputs: Outputs) -> u64 {
        let lengths = || self.parameters().map(|p| p.len as u64).sum::<u64>();
        match form {
            Form::Gradients => directions.saturating_mul(lengths()),
            Form::Slopes => lengths(),
            Form::Factors => {
                let mut inputs: Vec<usize> =
                    self.parameters().flat_map(|p| p.uses.iter().filter_map(|u| u.input)).collect();
                inputs.sort_unstable();
                inputs.dedup();
                let plain = self.shares();
                let bars = self.cotangents.iter().map(|&c| {
                    let of = &self.seen.cotangents[c];
                    let directions = match of.shared {
                        Sharing::Everything if !plain => 0,
                        Sharing::Slope { .. } if !plain && outputs.sums() => 1,
                        _ => directions,
                    };
                    directions.saturating_mul(of.len as u64)
                });
                let inputs = inputs.into_iter().map(|input| self.seen.inputs[input] as u64);
                inputs.chain(bars).fold(0, u64::saturating_add)
            }
        }
    }
}

/// Rows a sample and columns of a use.
fn rows(role: Role) -> Option<(usize, usize)> {
    match role {
        Role::Product { positions, fan_out, .. } | Role::Sum { positions, fan_out } => Some((positions, fan_out)),
        Role::Other => None,
    }
}

/// The form of each parameter.
pub(super) fn choose(seen: &Footprint, counts: &Counts) -> Vec<Form> {
    let mut forms = vec![Form::default(); seen.parameters.len()];
    for group in Group::all(seen) {
        let form = group.cheapest(counts);
        group.members.iter().for_each(|&which| forms[which] = form);
    }
    forms
}

/// So many directions share zeros that are worth leaving out.
const SHARING: f64 = 3.0;

/// What a sink is to keep of each parameter.
pub(super) fn keeps(seen: &Footprint, forms: &[Form], counts: &Counts) -> Vec<Keep> {
    let plain = |role: Role| matches!(role, Role::Product { transposed: false, .. });
    let of = |(form, parameter): (&Form, &Parameter)| match form {
        Form::Factors => Keep::Factors,
        Form::Slopes => Keep::Slopes,
        Form::Gradients if counts.directions >= SHARING && parameter.uses.iter().all(|u| plain(u.role)) => {
            Keep::Gradients(Layout::CotangentsFirst)
        }
        Form::Gradients => Keep::Gradients(Layout::Plain),
    };
    forms.iter().zip(&seen.parameters).map(of).collect()
}
