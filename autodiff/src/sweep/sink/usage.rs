//! One use of one leaf: what a contribution is made of, without its cotangents.

use super::{Input, Lent};
use crate::kernel::gemm::{Accumulate, View};
use crate::kernel::grouped::Rows;
use crate::op::bilinear::{Sizes, Unfolding};
use crate::op::{BilinearOp, LinearOp, Op};
use crate::real::Real;
use crate::shape::Shape;
use crate::tape::Node;

/// What a use of a leaf keeps for when its cotangents are known.
#[derive(Clone, Copy, Debug)]
pub struct Usage<'a, R> {
    /// The consuming op, the leaf one of its operands.
    consumer: Node<'a, R>,
    operand: usize,
    /// The other operand, on the left of a product.
    left: Option<Node<'a, R>>,
    shape: &'a [usize],
    samples: usize,
}

/// Rows of gradients, `[K, n, len]` behind one another, and the columns of them that are one leaf's.
pub(super) struct Columns<'r, R> {
    pub numbers: &'r mut [R],
    /// Columns of all leaves.
    pub len: usize,
    /// The first of this leaf.
    pub at: usize,
    /// How many are this leaf's.
    pub count: usize,
}

impl<R> Columns<'_, R> {
    fn of(&mut self, row: usize) -> &mut [R] {
        &mut self.numbers[row * self.len + self.at..][..self.count]
    }
}

/// How a leaf is used, for one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Rows are multiplied by it.
    Product {
        /// Rows a sample.
        positions: usize,
        /// Numbers of a row.
        fan_in: usize,
        /// Numbers of a row of the result.
        fan_out: usize,
        /// Whether it is stored as `[fan_out, fan_in]`.
        transposed: bool,
    },
    /// It is added to each row.
    Sum {
        /// Rows a sample.
        positions: usize,
        /// Numbers of a row: all that it has.
        fan_out: usize,
    },
    /// Neither.
    Other,
}

impl Role {
    /// Numbers that enter each entry of the result; 1 where it is added.
    pub fn fan_in(&self) -> usize {
        match *self {
            Self::Product { fan_in, .. } => fan_in,
            Self::Sum { .. } | Self::Other => 1,
        }
    }

    /// Multiply-adds of a use of a leaf of so many numbers.
    pub fn products(&self, len: usize) -> u64 {
        let positions = match *self {
            Self::Product { positions, .. } | Self::Sum { positions, .. } => positions,
            Self::Other => 1,
        };
        (positions as u64).saturating_mul(len as u64)
    }

    /// Numbers of a row of the result; 0 where there are no rows.
    pub fn fan_out(&self) -> usize {
        match *self {
            Self::Product { fan_out, .. } | Self::Sum { fan_out, .. } => fan_out,
            Self::Other => 0,
        }
    }
}

impl<'a, R: Real> Lent<'_, 'a, R> {
    /// How the leaf is used, of `samples` samples.
    pub fn role(&self, samples: usize) -> Role {
        Usage::of(self, samples).role()
    }

    /// The value whose rows, or windows, are multiplied by the leaf.
    pub fn rows(&self) -> Option<&'a [R]> {
        match Usage::of(self, 1).input() {
            Input::Ones => None,
            Input::Rows(value) | Input::Windows(value) => Some(value),
        }
    }

    /// The factor of a product, the coefficient of a sum; 1 of what is neither.
    pub fn coefficient(&self) -> f64 {
        Usage::of(self, 1).coefficient()
    }
}

/// How a leaf's gradient lies in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As the leaf does.
    Plain,
    /// `[fan_out, fan_in]`: cotangents first, which lets their zeros be left out. For leaves all of whose uses are
    /// products of rows.
    CotangentsFirst,
}

/// So many positions make it worth sorting cotangents by columns.
const POSITIONS: usize = 16;
/// So few columns at a time are multiplied with a packed panel: they stay in the cache with it.
const COLUMNS: usize = 32;

impl<'a, R: Real> Usage<'a, R> {
    pub(super) fn of(lent: &Lent<'_, 'a, R>, samples: usize) -> Self {
        let consumer = lent.consumer();
        let left = matches!(consumer.op, Op::Bilinear(_)).then(|| lent.rule.input(0));
        let shape = lent.rule.input(lent.operand).shape;
        Self { consumer, operand: lent.operand, left, shape, samples }
    }

    /// Sizes of one sample of a value.
    fn one(&self, shape: &[usize]) -> Shape {
        let (&rows, rest) = shape.split_first().unwrap_or((&1, &[]));
        Shape::new(rest).with(0, rows / self.samples.max(1))
    }

    /// How one sample's part is a product of rows, if it is one of a single group.
    pub(super) fn unfolding(&self) -> Option<Unfolding> {
        let (Op::Bilinear(op), Some(left)) = (self.consumer.op, self.left) else { return None };
        if self.operand != 1 {
            return None;
        }
        op.unfolding(Sizes { a: &self.one(left.shape), b: self.shape }).filter(|unfolding| unfolding.groups == 1)
    }

    pub(super) fn name(&self) -> &'static str {
        self.consumer.op.name()
    }

    /// The left rows of a product.
    pub(super) fn input(&self) -> Input<'a, R> {
        match (self.rows(), self.left) {
            (Some(rows), _) => Input::Rows(rows),
            (None, Some(left)) => Input::Windows(left.value),
            (None, None) => Input::Ones,
        }
    }

    /// The rows that the leaf is multiplied by as they lie, `[n * positions, fan_in]`; none where they overlap.
    pub(super) fn rows(&self) -> Option<&'a [R]> {
        match (self.consumer.op, self.left) {
            (Op::Bilinear(BilinearOp::Matmul(_)), Some(left)) => Some(left.value),
            _ => None,
        }
    }

    /// Writes what the positions of one sample read, `[positions, fan_in]`.
    pub(super) fn patches(&self, sample: usize, out: &mut [R]) {
        let (Op::Bilinear(op), Some(left)) = (self.consumer.op, self.left) else {
            unreachable!("only products unfold")
        };
        op.patches(Sizes { a: &self.one(left.shape), b: self.shape }, self.sample(left, sample), out);
    }

    fn sample(&self, of: Node<'a, R>, sample: usize) -> &'a [R] {
        let len = of.value.len() / self.samples;
        &of.value[sample * len..][..len]
    }

    /// Adds the gradients of every sample and direction.
    ///
    /// # Shape
    /// `bar: [K, ..shape of the consumer]`
    pub(super) fn gradients(&self, bar: &[R], directions: usize, layout: Layout, out: &mut Columns<'_, R>) {
        let Some(unfolding) = self.unfolding() else { return self.by_rule(bar, directions, out) };
        // One direction alone: the op's own product takes some windows at a time, which stay in the cache.
        if directions == 1 && layout == Layout::Plain {
            return self.by_rule(bar, directions, out);
        }
        let Unfolding { positions, fan_in, .. } = unfolding;
        let cotangents = Cotangents { bar, samples: self.samples, directions, unfolding };
        for sample in 0..self.samples {
            match self.rows() {
                Some(rows) => {
                    let patches = &rows[sample * positions * fan_in..][..positions * fan_in];
                    cotangents.of_sample(sample, patches, layout, out);
                }
                None => R::scratch(positions * fan_in, |patches| {
                    self.patches(sample, patches);
                    cotangents.of_sample(sample, patches, layout, out);
                }),
            }
        }
    }

    /// Hands each column's gradient to `into`, for cotangents `[n, positions, fan_out]`: `into(column, sample, row)`.
    pub(super) fn column_gradients(&self, bar: &[R], fan_out: usize, mut into: impl FnMut(usize, usize, &[R])) {
        let len = bar.len() / self.samples.max(1);
        for (sample, z) in bar.chunks_exact(len.max(1)).enumerate() {
            let z = View::new(z, len / fan_out, fan_out);
            let Some(Unfolding { positions, fan_in, alpha, .. }) = self.unfolding() else {
                let mut sums = vec![R::ZERO; fan_out];
                z.data.chunks_exact(fan_out).for_each(|z| sums.iter_mut().zip(z).for_each(|(sum, &z)| *sum += z));
                let coefficient = self.coefficient();
                sums.iter().enumerate().for_each(|(u, sum)| into(u, sample, &[sum.scale(coefficient)]));
                continue;
            };
            R::scratch(fan_out * fan_in, |product| {
                let mut multiply = |patches: &[R]| {
                    let patches = View::new(patches, positions, fan_in);
                    R::gemm(product, Accumulate::Replace, alpha, z.t(), patches);
                };
                match self.rows() {
                    Some(rows) => multiply(&rows[sample * positions * fan_in..][..positions * fan_in]),
                    None => R::scratch(positions * fan_in, |patches| {
                        self.patches(sample, patches);
                        multiply(patches);
                    }),
                }
                product.chunks_exact(fan_in).enumerate().for_each(|(u, row)| into(u, sample, row));
            });
        }
    }

    /// The factor of a product, the coefficient of a sum.
    fn coefficient(&self) -> f64 {
        match self.consumer.op {
            Op::Linear(LinearOp::Combine(op)) => op.coefficients[self.operand],
            _ => self.unfolding().map_or(1.0, |unfolding| unfolding.alpha),
        }
    }

    /// How the leaf is used.
    fn role(&self) -> Role {
        if let Some(Unfolding { positions, fan_in, fan_out, transposed, .. }) = self.unfolding() {
            return Role::Product { positions, fan_in, fan_out, transposed };
        }
        match self.consumer.op {
            Op::Linear(LinearOp::Combine(_)) => {
                let fan_out = self.shape.iter().product::<usize>();
                let positions = self.consumer.value.len().checked_div(self.samples * fan_out).unwrap_or(1);
                Role::Sum { positions, fan_out }
            }
            _ => Role::Other,
        }
    }

    /// The transposed rule of the op, one sample and direction at a time.
    fn by_rule(&self, bar: &[R], directions: usize, out: &mut Columns<'_, R>) {
        let y = self.consumer;
        let (y_one, len) = (self.one(y.shape), y.value.len() / self.samples.max(1));
        for (k, sample) in (0..directions).flat_map(|k| (0..self.samples).map(move |sample| (k, sample))) {
            let bar = &bar[k * y.value.len() + sample * len..][..len];
            let out = out.of(k * self.samples + sample);
            match (y.op, self.left) {
                (Op::Linear(op), _) => {
                    op.transpose(self.operand, (&y_one, bar), (self.shape, out), Accumulate::Add);
                }
                (Op::Bilinear(op), Some(a)) => {
                    let sizes = Sizes { a: &self.one(a.shape), b: self.shape };
                    op.pull_right(sizes, self.sample(a, sample), bar, out, Accumulate::Add);
                }
                _ => unreachable!("refused as not per sample"),
            }
        }
    }
}

/// Cotangents of a product of rows.
struct Cotangents<'b, R> {
    /// `[K, n, positions, fan_out]`
    bar: &'b [R],
    samples: usize,
    directions: usize,
    unfolding: Unfolding,
}

impl<R: Real> Cotangents<'_, R> {
    /// Those of one sample and direction, `[positions, fan_out]`.
    fn at(&self, k: usize, sample: usize) -> View<'_, R> {
        let Unfolding { positions, fan_out, .. } = self.unfolding;
        let len = positions * fan_out;
        View::new(&self.bar[(k * self.samples + sample) * len..][..len], positions, fan_out)
    }

    /// Adds `patches^T z_k`, or its transpose, for every direction k.
    fn of_sample(&self, sample: usize, patches: &[R], layout: Layout, out: &mut Columns<'_, R>) {
        let Unfolding { positions, fan_in, transposed, alpha, .. } = self.unfolding;
        let patches = View::new(patches, positions, fan_in);
        if layout == Layout::CotangentsFirst && self.directions > 1 && positions >= POSITIONS {
            return self.by_columns(sample, patches, out);
        }
        for k in 0..self.directions {
            let (z, out) = (self.at(k, sample), out.of(k * self.samples + sample));
            if transposed || layout == Layout::CotangentsFirst {
                R::gemm(out, Accumulate::Add, alpha, z.t(), patches);
            } else {
                R::gemm(out, Accumulate::Add, alpha, patches.t(), z);
            }
        }
    }

    /// One product for all directions, some columns at a time: `Z^T patches`, the directions of a column together, as
    /// they share the positions where they are 0.
    fn by_columns(&self, sample: usize, patches: View<'_, R>, out: &mut Columns<'_, R>) {
        let Unfolding { positions, fan_in, fan_out, alpha, .. } = self.unfolding;
        for first in (0..fan_out).step_by(COLUMNS) {
            let count = COLUMNS.min(fan_out - first);
            let (turned, product) = (self.directions * count * positions, self.directions * count * fan_in);
            R::scratch(turned + product, |scratch| {
                let (turned, product) = scratch.split_at_mut(turned);
                for (k, turned) in turned.chunks_exact_mut(count * positions).enumerate() {
                    transpose_columns(self.at(k, sample), first, count, turned);
                }
                let rows = Rows { numbers: turned, members: self.directions, groups: count, width: positions };
                R::gemm_of_groups(product, Accumulate::Replace, alpha, rows, patches);
                for (k, product) in product.chunks_exact(count * fan_in).enumerate() {
                    let out = &mut out.of(k * self.samples + sample)[first * fan_in..][..product.len()];
                    out.iter_mut().zip(product).for_each(|(out, &x)| *out += x);
                }
            });
        }
    }
}

/// Some columns of a matrix as rows.
fn transpose_columns<R: Real>(z: View<'_, R>, first: usize, count: usize, out: &mut [R]) {
    /// A row of a square is a cache line of `f32`.
    const SQUARE: usize = 16;
    for top in (0..z.rows).step_by(SQUARE) {
        let rows = top..(top + SQUARE).min(z.rows);
        for left in (0..count).step_by(SQUARE) {
            for column in left..(left + SQUARE).min(count) {
                let out = &mut out[column * z.rows..][..z.rows];
                for row in rows.clone() {
                    out[row] = z.data[row * z.cols + first + column];
                }
            }
        }
    }
}
