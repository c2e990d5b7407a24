//! Rows packed once, for the products of many pairs.

use pulp::{Simd, WithSimd};

use super::{DENSEST, Lanes, Left, Rows, accumulate_rows, finite, passes, transpose};

/// Rows packed for [`Panels::gram`]: as columns of panels, group after group, with the columns where each group is on.
#[derive(Clone, Debug, Default)]
pub struct Panels<R> {
    members: usize,
    groups: usize,
    width: usize,
    /// `[panels][width][V]`; row `(g, k)` is column `g members + k`.
    numbers: Vec<R>,
    active: Vec<u32>,
    /// Where each group's active columns begin, and where the last end.
    starts: Vec<usize>,
}

impl<R: Lanes> Panels<R> {
    /// Packs rows whose zeros are worth it; `None` leaves them to dense products.
    pub fn pack(rows: Rows<'_, R>) -> Option<Self> {
        let Rows { numbers, members, groups, width } = rows;
        if !rows.can_share() || width == 0 || groups == 0 || !finite(numbers) {
            return None;
        }
        let mut active = Vec::new();
        if !rows.looks_sparse(&mut active) {
            return None;
        }
        active.clear();
        let mut starts = vec![0];
        for g in 0..groups {
            rows.active(g, &mut active);
            starts.push(active.len());
        }
        if active.len() as f64 > DENSEST * (groups * width) as f64 {
            return None;
        }
        active.shrink_to_fit();
        let panels = (groups * members).div_ceil(R::PANEL);
        let mut packed = vec![R::ZERO; panels * width * R::PANEL];
        for (p, panel) in packed.chunks_exact_mut(width * R::PANEL).enumerate() {
            let rows = p * R::PANEL..((p + 1) * R::PANEL).min(groups * members);
            let rows = rows.map(|row| &numbers[(row % members * groups + row / members) * width..][..width]);
            transpose(rows, width, panel, R::PANEL);
        }
        Some(Self { members, groups, width, numbers: packed, active, starts })
    }

    /// The rows as they were, `[members, groups, width]`.
    pub fn unpack(&self) -> Vec<R> {
        let mut rows = Vec::with_capacity(self.members * self.groups * self.width);
        for k in 0..self.members {
            for g in 0..self.groups {
                let row = g * self.members + k;
                let panel = &self.numbers[row / R::PANEL * self.width * R::PANEL..][..self.width * R::PANEL];
                rows.extend(panel.iter().skip(row % R::PANEL).step_by(R::PANEL));
            }
        }
        rows
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.numbers[..]) + size_of_val(&self.active[..]) + size_of_val(&self.starts[..])
    }

    /// `out = rows columns^T`: the products of every row with every column. With `lower`, both are one, and what lies
    /// above the diagonal of groups is copied from below.
    ///
    /// # Shape
    /// `-> [members of rows, groups of rows, members of columns, groups of columns]`
    ///
    /// # Cost
    /// A multiply-add for each pair of rows and each column where the left group is on; half the pairs with `lower`.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub fn gram(rows: &Self, columns: &Self, lower: bool, out: &mut [R]) {
        assert_eq!(rows.width, columns.width, "a Gram product of rows of two widths");
        assert_eq!(out.len(), rows.members * rows.groups * columns.members * columns.groups, "sizes of a Gram product");
        R::on_vectors(Gram { rows, columns, lower, out });
        if lower {
            mirror(out, rows.members, rows.groups);
        }
    }
}

struct Gram<'s, R> {
    rows: &'s Panels<R>,
    columns: &'s Panels<R>,
    lower: bool,
    out: &'s mut [R],
}

impl<R: Lanes> WithSimd for Gram<'_, R> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, columns, lower, out } = self;
        let panel_len = rows.width * R::PANEL;
        for (p, panel) in columns.numbers.chunks_exact(panel_len).enumerate() {
            let first = p * R::PANEL;
            for i in if lower { first / columns.members } else { 0 }..rows.groups {
                let active = &rows.active[rows.starts[i]..rows.starts[i + 1]];
                // A group's rows may lie in two panels or more.
                let (begin, end) = (i * rows.members, (i + 1) * rows.members);
                for q in begin / R::PANEL..=(end - 1) / R::PANEL {
                    let left = Left { numbers: &rows.numbers[q * panel_len..][..panel_len], stride: R::PANEL };
                    let within = begin.max(q * R::PANEL)..end.min((q + 1) * R::PANEL);
                    for run in passes::<R, S>(within.start - q * R::PANEL..within.end - q * R::PANEL) {
                        let member = q * R::PANEL + run.start - begin;
                        let into = |k: usize, acc: &[R]| {
                            let row = ((member + k) * rows.groups + i) * columns.members * columns.groups;
                            let (mut j, mut b) = (first / columns.members, first % columns.members);
                            for &x in acc.iter().take(columns.groups * columns.members - first) {
                                out[row + b * columns.groups + j] = x;
                                b += 1;
                                if b == columns.members {
                                    (j, b) = (j + 1, 0);
                                }
                            }
                        };
                        let places = active.iter().map(|&u| (u as usize, u as usize));
                        accumulate_rows::<R, S>(simd, left, run, places, panel, into);
                    }
                }
            }
        }
    }
}

/// `out[a, i, b, j] = out[b, j, a, i]` for i < j.
fn mirror<R: Copy>(out: &mut [R], members: usize, groups: usize) {
    let at = |a: usize, i: usize, b: usize, j: usize| ((a * groups + i) * members + b) * groups + j;
    for a in 0..members {
        for i in 0..groups {
            for b in 0..members {
                for j in i + 1..groups {
                    out[at(a, i, b, j)] = out[at(b, j, a, i)];
                }
            }
        }
    }
}
