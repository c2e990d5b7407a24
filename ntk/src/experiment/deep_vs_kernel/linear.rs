//! A network linearized in its parameters, trained as the network would have been.
//!
//! `f(w_t) + J_t d` with `d` from 0, by the same mini-batches, learning rate and loss. No Jacobian is formed: each batch is
//! linearized, pushed forward along `d`, and what the loss says of the sum is pulled back.

use autodiff::kernel::gemm::Accumulate;
use autodiff::sweep::{Linearization, Pool};
use autodiff::{Arena, Tape};

use crate::array::Array;
use crate::error::Result;
use crate::experiment::Lab;
use crate::loss::{Loss, Targets};
use crate::model::Architecture;
use crate::network::Network;
use crate::train::{Order, Samples};

/// A point that a network is linearized at.
pub(super) struct Tangent<'n> {
    pub(super) model: &'n Architecture,
    pub(super) weights: &'n [Array<f32>],
}

/// Memory of sweeps, used again.
#[derive(Default)]
struct Scratch {
    arena: Arena,
    loss: Arena,
    pool: Pool<f32>,
}

impl Tangent<'_> {
    /// `J_t^T`'s and `J_t`'s sweeps at some samples.
    fn at<'a>(&'a self, tape: &'a Tape<'a, f32>, x: &'a [f32], pool: &mut Pool<f32>) -> Result<Linearization<'a, f32>> {
        let input = Network::input(self.model)?;
        let rows = x.len() / input.iter().product::<usize>().max(1);
        let x = tape.samples(x, &[&[rows], &input[..]].concat())?;
        let leaves = self.weights.iter().map(|w| tape.leaf(&w.data, &w.shape)).collect::<autodiff::Result<Vec<_>>>()?;
        Ok(Linearization::new(Network::apply(self.model, x, &leaves)?, pool)?)
    }

    fn split<'v>(&self, mut flat: &'v [f32]) -> Vec<Option<&'v [f32]>> {
        self.weights.iter().map(|w| flat.split_off(..w.len())).collect()
    }

    fn split_mut<'v>(&self, mut flat: &'v mut [f32]) -> Vec<Option<&'v mut [f32]>> {
        self.weights.iter().map(|w| flat.split_off_mut(..w.len())).collect()
    }

    /// `f(w_t) + J_t d` of some samples.
    fn outputs(&self, d: &[f32], x: &[f32], scratch: &mut Scratch) -> Result<Vec<f32>> {
        let Scratch { arena, pool, .. } = scratch;
        let map = self.at(arena.tape(), x, pool)?;
        let mut f = map.value().to_vec();
        if let Some(moved) = map.pushforward(&self.split(d), pool)? {
            f.iter_mut().zip(&moved).for_each(|(f, moved)| *f += moved);
            pool.give(moved);
        }
        map.release(pool);
        Ok(f)
    }

    /// The outputs on test samples of the linearized network after the steps from `from` to `to`.
    ///
    /// # Cost
    /// Five passes over the network a sample of a step.
    pub(super) fn trained(
        &self,
        samples: &Samples<f32>,
        test: &Array<f32>,
        order: &mut Order,
        rate: f32,
        [from, to]: [u64; 2],
        lab: &Lab<'_>,
    ) -> Result<Array<f64>> {
        let count = self.weights.iter().map(Array::len).sum();
        let (mut d, mut gradient) = (vec![0.0_f32; count], vec![0.0_f32; count]);
        let mut scratch = Scratch::default();
        let all: Vec<usize> = (0..samples.len()).collect();
        for step in from..to {
            lab.check()?;
            let rows = order.batch(step).unwrap_or(&all);
            let x = samples.inputs.select_rows(rows)?;
            let targets = samples.targets.select(rows)?;
            self.gradient(&d, &x.data, &targets, rows.len(), &mut gradient, &mut scratch)?;
            d.iter_mut().zip(&gradient).for_each(|(d, g)| *d -= rate * g);
        }
        let mut f = Vec::new();
        for x in test.data.chunks(128 * test.row_len().max(1)) {
            f.extend(self.outputs(&d, x, &mut scratch)?.into_iter().map(f64::from));
        }
        Array::new([test.rows(), Network::outputs(self.model)?], f)
    }

    /// The gradient by `d` of the mean cross-entropy.
    fn gradient(
        &self,
        d: &[f32],
        x: &[f32],
        targets: &Targets<f32>,
        n: usize,
        gradient: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<()> {
        let Scratch { arena, loss, pool } = scratch;
        let map = self.at(arena.tape(), x, pool)?;
        let mut f = map.value().to_vec();
        if let Some(moved) = map.pushforward(&self.split(d), pool)? {
            f.iter_mut().zip(&moved).for_each(|(f, moved)| *f += moved);
            pool.give(moved);
        }
        let outputs = f.len() / n;
        let mut f_bar = vec![0.0_f32; f.len()];
        let leaf = loss.tape().leaf(&f, &[n, outputs])?;
        let of_loss = Linearization::new(Loss::CrossEntropy.record(leaf, targets, 0..n, n)?, pool)?;
        of_loss.pullback(&[1.0], &mut [Some(&mut f_bar)], Accumulate::Replace, pool)?;
        of_loss.release(pool);
        map.pullback(&f_bar, &mut self.split_mut(gradient), Accumulate::Replace, pool)?;
        map.release(pool);
        Ok(())
    }
}
