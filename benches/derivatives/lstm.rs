//! A step of an LSTM on arrays: on the array tape, and by hand with the same products and elementary functions.
//!
//! `[i, f, o, g] = x W + h U + b`; `c' = sigmoid(f) c + sigmoid(i) tanh(g)`; `h' = sigmoid(o) tanh(c')`; the loss is half of
//! the sum of squares of `h'`.
//!
//! # Source
//! Hochreiter and Schmidhuber, Long short-term memory (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).

use autodiff::kernel::gemm::{Accumulate, View};
use autodiff::kernel::map;
use autodiff::op::ElementwiseOp;
use autodiff::op::elementwise::{Sigmoid, Tanh};
use autodiff::{Real, Result, Tape, Var};
use ntk_benches::numbers;

/// Samples, inputs and states; their numbers and the parameters.
pub struct Lstm {
    pub sizes: [usize; 3],
    pub data: [Vec<f64>; 3],
    pub parameters: [Vec<f64>; 3],
}

impl Lstm {
    pub fn new(sizes: [usize; 3]) -> Self {
        let [n, inputs, states] = sizes;
        let scaled = |len: usize, seed: u64| numbers(len, seed).into_iter().map(|x| 0.1 * x).collect();
        Self {
            sizes,
            data: [numbers(n * inputs, 1), numbers(n * states, 2), numbers(n * states, 3)],
            parameters: [scaled(inputs * 4 * states, 4), scaled(states * 4 * states, 5), scaled(4 * states, 6)],
        }
    }

    /// The loss on a tape, and the parameters' leaves.
    pub fn record<'a>(&'a self, tape: &'a Tape<'a, f64>) -> Result<Var<'a, f64>> {
        let [n, inputs, states] = self.sizes;
        let [x, h, c] = &self.data;
        let [w, u, b] = &self.parameters;
        let (x, h) = (tape.constant(x, &[n, inputs])?, tape.constant(h, &[n, states])?);
        let c = tape.constant(c, &[n, states])?;
        let (w, u) = (tape.leaf(w, &[inputs, 4 * states])?, tape.leaf(u, &[states, 4 * states])?);
        let gates = x.matmul(w)?.plus(h.matmul(u)?)?.plus(tape.leaf(b, &[4 * states])?)?;
        let shares = gates.slice(1, 0, 3 * states)?.sigmoid();
        let share = |k: usize| shares.slice(1, k * states, states);
        let candidate = gates.slice(1, 3 * states, states)?.tanh();
        let c = share(1)?.times(c)?.plus(share(0)?.times(candidate)?)?;
        let h = share(2)?.times(c.tanh())?;
        Ok(h.powi(2).sum().scale(0.5))
    }

    /// Buffers of the code by hand.
    pub fn buffers(&self) -> Buffers {
        let [n, _, states] = self.sizes;
        let parameters = self.parameters.each_ref().map(|p| vec![0.0; p.len()]);
        Buffers {
            gates: vec![0.0; n * 4 * states],
            tanh_c: vec![0.0; n * states],
            bars: vec![0.0; n * 4 * states],
            parameters,
        }
    }

    /// The loss by hand.
    pub fn value(&self, to: &mut Buffers) -> f64 {
        let [n, inputs, states] = self.sizes;
        let [x, h, c] = &self.data;
        let [w, u, b] = &self.parameters;
        let wide = 4 * states;
        to.gates.chunks_exact_mut(wide).for_each(|row| row.copy_from_slice(b));
        let product = |to: &mut [f64], x, rows, w, inner| {
            f64::gemm(to, Accumulate::Add, 1.0, View::new(x, rows, inner), View::new(w, inner, wide));
        };
        product(&mut to.gates, &x[..], n, &w[..], inputs);
        product(&mut to.gates, &h[..], n, &u[..], states);
        let mut row_in = vec![0.0; wide];
        let mut loss = 0.0;
        for ((gates, c), tanh_c) in
            to.gates.chunks_exact_mut(wide).zip(c.chunks_exact(states)).zip(to.tanh_c.chunks_exact_mut(states))
        {
            row_in.copy_from_slice(gates);
            map::primal(ElementwiseOp::Sigmoid(Sigmoid), &row_in[..3 * states], &mut gates[..3 * states]);
            map::primal(ElementwiseOp::Tanh(Tanh), &row_in[3 * states..], &mut gates[3 * states..]);
            let next = &mut row_in[..states];
            for k in 0..states {
                next[k] = gates[states + k] * c[k] + gates[k] * gates[3 * states + k];
            }
            map::primal(ElementwiseOp::Tanh(Tanh), next, tanh_c);
            loss += (0..states).map(|k| (gates[2 * states + k] * tanh_c[k]).powi(2)).sum::<f64>();
        }
        0.5 * loss
    }

    /// The gradient by hand, and the loss.
    pub fn gradient(&self, to: &mut Buffers) -> f64 {
        let loss = self.value(to);
        let [n, inputs, states] = self.sizes;
        let [x, h, c] = &self.data;
        let wide = 4 * states;
        let Buffers { gates, tanh_c, bars, parameters: [w_bar, u_bar, b_bar] } = to;
        b_bar.fill(0.0);
        for row in 0..n {
            let (gates, c) = (&gates[row * wide..][..wide], &c[row * states..][..states]);
            let (tanh_c, bars) = (&tanh_c[row * states..][..states], &mut bars[row * wide..][..wide]);
            let (i, rest) = gates.split_at(states);
            let (f, rest) = rest.split_at(states);
            let (o, g) = rest.split_at(states);
            let (i_bar, rest) = bars.split_at_mut(states);
            let (f_bar, rest) = rest.split_at_mut(states);
            let (o_bar, g_bar) = rest.split_at_mut(states);
            for k in 0..states {
                let h_bar = o[k] * tanh_c[k];
                let c_bar = h_bar * o[k] * (1.0 - tanh_c[k] * tanh_c[k]);
                o_bar[k] = h_bar * tanh_c[k] * o[k] * (1.0 - o[k]);
                f_bar[k] = c_bar * c[k] * f[k] * (1.0 - f[k]);
                i_bar[k] = c_bar * g[k] * i[k] * (1.0 - i[k]);
                g_bar[k] = c_bar * i[k] * (1.0 - g[k] * g[k]);
            }
            b_bar.iter_mut().zip(&*bars).for_each(|(sum, bar)| *sum += bar);
        }
        let pull = |to: &mut [f64], x: &[f64], inner: usize, bars: &[f64]| {
            f64::gemm(to, Accumulate::Replace, 1.0, View::new(x, n, inner).t(), View::new(bars, n, wide));
        };
        pull(w_bar, x, inputs, bars);
        pull(u_bar, h, states, bars);
        loss
    }
}

/// What the code by hand writes to.
pub struct Buffers {
    gates: Vec<f64>,
    tanh_c: Vec<f64>,
    bars: Vec<f64>,
    pub parameters: [Vec<f64>; 3],
}
