//! Kernels of sequences: one pair of weights at all times, and positions that look at one another.

use autodiff::Float;
use autodiff::kernel::gemm::{Accumulate, View};

use super::line::{self, Place};
use super::program::{Affine, Recurrent};
use super::sheet::Sheet;

impl<R: Float> Place<'_, R> {
    /// Which positions of the row's and the column's sample are there.
    pub(crate) fn there(&self, positions: usize) -> [&[bool]; 2] {
        [
            &self.rows.there[self.row * positions..][..positions],
            &self.columns.there[self.from * positions..][..positions],
        ]
    }
}

impl<R: Float> Sheet<R> {
    /// Passes driven covariances `[times, times]` through the times of a recurrent layer.
    pub(super) fn recurrent(&mut self, of: &Recurrent, place: &Place<'_, R>, times: usize) {
        let Affine { weight, own, .. } = of.state;
        let (weight, own) = (R::from_f64(weight), R::from_f64(own));
        let there = of.masked.then(|| place.there(times));
        for t in 0..times {
            let (before, now) = self.k.split_at_mut(t * times);
            let (theta_before, theta_now) = self.theta.split_at_mut(t * times);
            let before = t.checked_sub(1).map(|last| (&before[last * times..], &theta_before[last * times..]));
            let (now, theta_now) = (&mut now[..times], &mut theta_now[..times]);
            if let Some((k, theta)) = before {
                for u in 1..times {
                    now[u] += weight * k[u - 1];
                    theta_now[u] += own * k[u - 1] + weight * theta[u - 1];
                }
            }
            self.line.resize(times);
            self.line.k.copy_from_slice(now);
            self.line.theta.copy_from_slice(theta_now);
            let place = Place { position: t, ..*place };
            line::run(std::slice::from_ref(&of.map), &place, &mut self.line, &mut self.spare);
            now.copy_from_slice(&self.line.k);
            theta_now.copy_from_slice(&self.line.theta);
            let Some([a, b]) = there else { continue };
            match (a[t], before) {
                (true, _) => {
                    for u in 0..times {
                        if !b[u] {
                            (now[u], theta_now[u]) =
                                if u == 0 { (R::ZERO, R::ZERO) } else { (now[u - 1], theta_now[u - 1]) };
                        }
                    }
                }
                (false, Some((k, theta))) => {
                    now.copy_from_slice(&k[..times]);
                    theta_now.copy_from_slice(&theta[..times]);
                }
                (false, None) => {
                    now.fill(R::ZERO);
                    theta_now.fill(R::ZERO);
                }
            }
        }
        self.blank = false;
    }

    /// `A K A'^T` with the weights of the attention of this number, or with equal ones.
    pub(super) fn attend(&mut self, which: Option<usize>, place: &Place<'_, R>, positions: usize) {
        let size = positions * positions;
        for of in [&mut self.k, &mut self.theta] {
            let Some(which) = which else {
                let mean = of.iter().fold(0.0, |sum, x| sum + x.to_f64()) / size as f64;
                of.fill(R::from_f64(mean));
                continue;
            };
            let a = &place.rows.attention[which][place.row * size..][..size];
            let b = &place.columns.attention[which][place.from * size..][..size];
            let between = &mut self.summed;
            between.resize(size, R::ZERO);
            let [left, right] = [a, b].map(|x| View::new(x, positions, positions));
            R::gemm(between, Accumulate::Replace, 1.0, left, View::new(of, positions, positions));
            R::gemm(of, Accumulate::Replace, 1.0, View::new(between, positions, positions), right.t());
        }
    }
}

/// The weights of an attention whose scores are the covariances of a sample's positions: softmax of each row.
///
/// # Shape
/// `[positions, positions] -> [positions, positions]`
pub(super) fn softmax<R: Float>(scores: &[R], positions: usize) -> Vec<R> {
    let rows = scores.chunks_exact(positions.max(1)).flat_map(|row| {
        let top = row.iter().fold(f64::NEG_INFINITY, |top, x| top.max(x.to_f64()));
        let shares: Vec<f64> = row.iter().map(|x| (x.to_f64() - top).exp()).collect();
        let all: f64 = shares.iter().sum();
        shares.into_iter().map(move |share| R::from_f64(share / all))
    });
    rows.collect()
}
