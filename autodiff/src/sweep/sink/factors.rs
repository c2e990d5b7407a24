//! The sink that keeps factors: what a kernel is contracted from.

use std::borrow::Cow;

use super::usage::{Columns, Layout, Usage};
use super::{Lent, Role, Sink, leading_samples};
use crate::error::{Error, Result};
use crate::real::Real;
use crate::sweep::Pool;
use crate::sweep::shared::Shared;
use crate::tape::Var;

/// Keeps the factors of every contribution, for contractions that never form a Jacobian.
///
/// A sample's gradient of parameter W through one use `y = alpha x W` is `alpha x^T y_bar`, so the products of two
/// samples' gradients are `alpha^2 (x . x') (y_bar . y_bar')`: only the factors are needed. A weight that many positions share
/// has as many such products, and then its gradient may be less work: [`Keep`] says of each leaf which is wanted.
#[derive(Debug)]
pub struct Factors<'a, R> {
    /// Samples.
    pub samples: usize,
    /// Directions K.
    pub directions: usize,
    /// A factor for every use of every leaf whose factors are kept.
    pub factors: Vec<Factor<'a, R>>,
    /// Cotangents that the factors refer to.
    pub cotangents: Vec<Cotangent<R>>,
    /// Gradients of the leaves that want them, `[K, n, numbers of those leaves]`, in the order of the leaves.
    pub gradients: Vec<R>,
    /// What directions share of the gradients of the leaves that want that.
    pub slopes: Vec<Slopes<R>>,
    keep: Vec<Keep>,
    /// Numbers of the leaves.
    lengths: Vec<usize>,
    /// Uses of leaves whose factors are not kept, until their cotangents come.
    loans: Vec<Loan<'a, R>>,
    refused: Option<Error>,
}

/// What is kept of the contributions to a leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Its factors.
    #[default]
    Factors,
    /// The gradient of each sample and direction: a product a use, and the cotangents are let go.
    Gradients(Layout),
    /// For cotangents `c[k, u] s[i, p, u]`, which differ between directions by a number for each column: the gradient of each
    /// sample with `s` in their place, once for all directions.
    Slopes,
}

/// One use of one leaf.
#[derive(Clone, Copy, Debug)]
pub struct Factor<'a, R> {
    /// Ordinal of the leaf.
    pub leaf: usize,
    /// The rows that the leaf was multiplied by.
    pub input: Input<'a, R>,
    /// Columns of the input; 1 for a bias.
    pub fan_in: usize,
    /// Columns of the cotangent; all numbers of a bias.
    pub fan_out: usize,
    /// Whether the leaf is stored as `[fan_out, fan_in]`. All uses of a leaf agree on it.
    pub transposed: bool,
    /// Rows a sample.
    pub positions: usize,
    /// The use's factor: `alpha` of the product, the coefficient of the sum.
    pub coefficient: f64,
    /// Origin of its cotangent.
    pub origin: u32,
    usage: Usage<'a, R>,
}

/// Rows that a leaf is multiplied by, `[n * positions, fan_in]`.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a, R> {
    /// Ones, of a leaf that was added (a bias).
    Ones,
    /// A value of the tape, as it lies.
    Rows(&'a [R]),
    /// Windows of a value, that overlap: [`Factor::rows`] copies them side by side.
    Windows(&'a [R]),
}

impl<'a, R: Real> Factor<'a, R> {
    /// The rows of `samples` samples; `None` for ones.
    pub fn rows(&self, samples: usize) -> Option<Cow<'a, [R]>> {
        match self.input {
            Input::Ones => None,
            Input::Rows(rows) => Some(Cow::Borrowed(rows)),
            Input::Windows(_) => {
                let len = self.positions * self.fan_in;
                let mut rows = vec![R::ZERO; samples * len];
                let each = rows.chunks_exact_mut(len.max(1)).enumerate();
                each.for_each(|(sample, rows)| self.usage.patches(sample, rows));
                Some(Cow::Owned(rows))
            }
        }
    }
}

/// The cotangents of a consuming node.
#[derive(Debug)]
pub struct Cotangent<R> {
    /// The node.
    pub origin: u32,
    /// Its numbers.
    pub bar: Bar<R>,
}

/// Cotangents of every sample, or what all samples share of them.
#[derive(Clone, Debug)]
pub enum Bar<R> {
    /// `[K, n * positions, fan_out]`
    Each(Vec<R>),
    /// The same for every sample, but for a slope.
    Shared(Shared<R>),
}

impl<R: Real> Bar<R> {
    /// `[K, n * positions, fan_out]` for n samples, whichever way they are kept.
    pub fn rows(&self, samples: usize) -> Cow<'_, [R]> {
        match self {
            Self::Each(rows) => Cow::Borrowed(rows),
            Self::Shared(shared) => {
                let mut rows = vec![R::ZERO; shared.seed.len() * samples];
                shared.write(&mut rows);
                Cow::Owned(rows)
            }
        }
    }
}

/// Gradients through cotangents `c[k, u] s[i, p, u]`: of direction k and sample i, `c[k, u] rows[u, i]`.
#[derive(Clone, Debug)]
pub struct Slopes<R> {
    /// Whose columns the rows have, one behind the other.
    leaves: Vec<usize>,
    /// `c: [K, fan_out]`
    pub seed: Vec<R>,
    /// `[fan_out, n, width]`: each column's gradients with `s` for the cotangent, of all leaves that share it.
    pub rows: Vec<R>,
    /// Numbers of a row.
    pub width: usize,
}

#[derive(Debug)]
struct Loan<'a, R> {
    leaf: usize,
    origin: u32,
    role: Role,
    usage: Usage<'a, R>,
}

impl<R> Default for Factors<'_, R> {
    fn default() -> Self {
        Self::keeping(Vec::new(), Vec::new())
    }
}

impl<R> Factors<'_, R> {
    /// A sink that keeps of each leaf what `keep` says, of leaves beyond it the factors; `lengths` are the leaves' numbers.
    pub fn keeping(keep: Vec<Keep>, lengths: Vec<usize>) -> Self {
        Self {
            samples: 0,
            directions: 0,
            factors: Vec::new(),
            cotangents: Vec::new(),
            gradients: Vec::new(),
            slopes: Vec::new(),
            keep,
            lengths,
            loans: Vec::new(),
            refused: None,
        }
    }

    fn keeps(&self, leaf: usize) -> Keep {
        self.keep.get(leaf).copied().unwrap_or_default()
    }

    /// The columns of the gradients that are a leaf's, and how many there are.
    fn columns(&self, leaf: usize) -> (usize, usize, usize) {
        let mut columns = (0, 0, 0);
        for (which, &len) in self.lengths.iter().enumerate() {
            if let Keep::Gradients(_) = self.keeps(which) {
                if which == leaf {
                    columns = (columns.2, len, 0);
                    columns.2 = columns.0;
                }
                columns.2 += len;
            }
        }
        columns
    }
}

impl<'a, R: Real> Factors<'a, R> {
    /// What a cotangent that came otherwise than asked for left undone.
    ///
    /// # Errors
    /// [`Error::NotPerSample`]: slopes were asked of a leaf whose cotangents are no number for each column times a slope.
    pub fn check(&mut self) -> Result<()> {
        self.refused.take().map_or(Ok(()), Err)
    }

    fn refuse(&mut self, loan: &Loan<'_, R>) {
        self.refused = Some(Error::NotPerSample {
            parameter: loan.leaf,
            op: loan.usage.name(),
            node: loan.origin,
            why: "whose cotangents are no number for each column times a slope",
            remedy: "keep its gradients",
        });
    }

    /// Adds the gradients of the leaves that wait for a cotangent.
    fn form(&mut self, loans: &[Loan<'a, R>], bar: &[R]) {
        for loan in loans {
            let Keep::Gradients(layout) = self.keeps(loan.leaf) else {
                self.refuse(loan);
                continue;
            };
            let (at, count, len) = self.columns(loan.leaf);
            let mut columns = Columns { numbers: &mut self.gradients, len, at, count };
            loan.usage.gradients(bar, self.directions, layout, &mut columns);
        }
    }

    /// Keeps the gradients of slopes, for the leaves that wait for this cotangent.
    fn form_slopes(&mut self, loans: &[Loan<'a, R>], shared: &Shared<R>) {
        let width: usize = loans.iter().map(|loan| loan.role.fan_in()).sum();
        let fan_out = loans[0].role.fan_out();
        let leaves: Vec<usize> = loans.iter().map(|loan| loan.leaf).collect();
        let before = |leaf: usize| self.slopes.iter().any(|slopes| slopes.leaves.contains(&leaf));
        let fits = |loan: &Loan<'_, R>| {
            let once = leaves.iter().filter(|&&leaf| leaf == loan.leaf).count() == 1 && !before(loan.leaf);
            once && loan.role.fan_out() == fan_out && loan.role != Role::Other
        };
        if let Some(loan) = loans.iter().find(|loan| !fits(loan) || !shared.is_even(fan_out)) {
            return self.refuse(loan);
        }
        let per_direction = shared.seed.len() / self.directions.max(1);
        let seed = shared.seed.chunks_exact(per_direction.max(1)).flat_map(|c| c[..fan_out].iter().copied()).collect();
        let mut slopes = Slopes { leaves, seed, rows: vec![R::ZERO; fan_out * self.samples * width], width };
        let ones;
        let slope = match &shared.slope {
            Some(slope) => slope,
            None => {
                ones = vec![R::ONE; per_direction * self.samples];
                &ones
            }
        };
        let mut at = 0;
        for loan in loans {
            let fan_in = loan.role.fan_in();
            let into = |u: usize, sample: usize, row: &[R]| {
                let place = (u * self.samples + sample) * width + at;
                slopes.rows[place..place + fan_in].copy_from_slice(row);
            };
            loan.usage.column_gradients(slope, fan_out, into);
            at += fan_in;
        }
        self.slopes.push(slopes);
    }

    /// The uses that wait for a cotangent, of leaves whose gradients are wanted or of those whose slopes are.
    fn take_loans(&mut self, origin: u32, slopes: bool) -> Vec<Loan<'a, R>> {
        let keep = &self.keep;
        let of_slopes = |leaf: usize| keep.get(leaf) == Some(&Keep::Slopes);
        self.loans.extract_if(.., |loan| loan.origin == origin && of_slopes(loan.leaf) == slopes).collect()
    }

    fn has_factor(&self, origin: u32) -> bool {
        self.factors.iter().any(|factor| factor.origin == origin)
    }
}

impl<'a, R: Real> Sink<'a, R> for Factors<'a, R> {
    fn begin(&mut self, output: Var<'a, R>, directions: usize) -> Result<()> {
        let samples = leading_samples(output)?;
        *self = Self {
            samples,
            directions,
            ..Self::keeping(std::mem::take(&mut self.keep), std::mem::take(&mut self.lengths))
        };
        let (.., len) = self.columns(usize::MAX);
        self.gradients = vec![R::ZERO; directions * samples * len];
        Ok(())
    }

    fn lend(&mut self, lent: &Lent<'_, 'a, R>, _: &mut Pool<R>) -> Result<()> {
        lent.per_sample()?;
        let (leaf, origin, role) = (lent.leaf, lent.origin, lent.role(self.samples));
        let usage = Usage::of(lent, self.samples);
        if self.keeps(leaf) != Keep::Factors {
            if self.samples > 0 {
                self.loans.push(Loan { leaf, origin, role, usage });
            }
            return Ok(());
        }
        let y = lent.consumer();
        let refused =
            |why, remedy| Err(Error::NotPerSample { parameter: leaf, op: y.op.name(), node: lent.node, why, remedy });
        let (input, positions, fan_in, fan_out, transposed) = match role {
            Role::Product { positions, fan_in, fan_out, transposed } => {
                (usage.input(), positions, fan_in, fan_out, transposed)
            }
            Role::Sum { positions, fan_out } => (Input::Ones, positions, 1, fan_out, false),
            Role::Other => return refused("whose contribution is no product of two rows", "keep its gradients"),
        };
        // The product of two uses' gradients is a product of factors only if both lay the parameter out alike.
        let use_as = (fan_in, fan_out, transposed, matches!(input, Input::Ones));
        let as_used = |f: &Factor<'_, R>| (f.fan_in, f.fan_out, f.transposed, matches!(f.input, Input::Ones));
        if self.factors.iter().any(|f| f.leaf == leaf && as_used(f) != use_as) {
            return refused(
                "which reads it in another layout than an earlier use (transposed, or added)",
                "keep its gradients",
            );
        }
        let coefficient = lent.coefficient();
        self.factors.push(Factor { leaf, input, fan_in, fan_out, transposed, positions, coefficient, origin, usage });
        Ok(())
    }

    fn retire(&mut self, origin: u32, bar: Vec<R>) -> Option<Vec<R>> {
        let slopes = self.take_loans(origin, true);
        slopes.iter().for_each(|loan| self.refuse(loan));
        let loans = self.take_loans(origin, false);
        self.form(&loans, &bar);
        if self.has_factor(origin) {
            self.cotangents.push(Cotangent { origin, bar: Bar::Each(bar) });
            return None;
        }
        Some(bar)
    }

    const TAKES_SHARED: bool = true;

    fn retire_shared(&mut self, origin: u32, shared: Shared<R>) -> Option<Shared<R>> {
        let slopes = self.take_loans(origin, true);
        if !slopes.is_empty() {
            self.form_slopes(&slopes, &shared);
        }
        let loans = self.take_loans(origin, false);
        if !loans.is_empty() {
            R::scratch(shared.seed.len() * self.samples, |bar| {
                shared.write(bar);
                self.form(&loans, bar);
            });
        }
        if self.has_factor(origin) {
            self.cotangents.push(Cotangent { origin, bar: Bar::Shared(shared) });
            return None;
        }
        Some(shared)
    }
}
