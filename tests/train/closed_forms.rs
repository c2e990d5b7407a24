//! Linear regression, where every optimizer's path is known.

use faer::{Mat, Side};
use ntk::loss::{Loss, Targets};
use ntk::train::{Optimizer, Settings, State};

use super::{Case, flat, losses};
use crate::numbers::relative_error;

const N: usize = 20;
const IN: usize = 6;
const OUT: usize = 2;

/// `f = m x W` with squared errors: its Hessian `H = m^2 X^T X / n` in the basis of its eigenvectors, and its minimum.
struct Regression {
    case: Case,
    eigenvalues: Vec<f64>,
    /// `[in, in]`, a column an eigenvector.
    basis: Mat<f64>,
    /// The minimum in that basis, `[in, out]`.
    minimum: Mat<f64>,
}

impl Regression {
    fn new() -> Self {
        let case = Case::of(
            ntk::model::Architecture::from_toml(&format!(
                "input = [{IN}]\nlayers = [{{ kind = 'dense', out = {OUT}, W_std = 1.7 }}]"
            ))
            .unwrap(),
            Loss::MeanSquaredError,
            N,
        );
        let m = 1.7 / (IN as f64).sqrt();
        let x = Mat::from_fn(N, IN, |i, j| m * case.samples.inputs.data[i * IN + j]);
        let Targets::Values(values) = &case.samples.targets else { panic!("values") };
        let y = Mat::from_fn(N, OUT, |i, j| values.data[i * OUT + j]);
        let hessian = x.transpose() * &x * faer::Scale(1.0 / N as f64);
        let found = hessian.self_adjoint_eigen(Side::Lower).unwrap();
        let eigenvalues: Vec<f64> = (0..IN).map(|i| found.S()[i]).collect();
        let basis = found.U().to_owned();
        let right = basis.transpose() * (x.transpose() * &y) * faer::Scale(1.0 / N as f64);
        let minimum = Mat::from_fn(IN, OUT, |i, j| right[(i, j)] / eigenvalues[i]);
        Self { case, eigenvalues, basis, minimum }
    }

    /// The weights whose distance from the minimum is the first one's, each mode times `factor` of its eigenvalue.
    fn along(&self, factor: impl Fn(f64) -> f64) -> Vec<f64> {
        let start = Mat::from_fn(IN, OUT, |i, j| self.case.weights[0].data[i * OUT + j]);
        let start = self.basis.transpose() * start;
        let at = Mat::from_fn(IN, OUT, |i, j| {
            self.minimum[(i, j)] + factor(self.eigenvalues[i]) * (start[(i, j)] - self.minimum[(i, j)])
        });
        let at = &self.basis * at;
        (0..IN * OUT).map(|k| at[(k / OUT, k % OUT)]).collect()
    }

    fn top(&self) -> f64 {
        self.eigenvalues[IN - 1]
    }
}

#[test]
fn gradient_descent_on_a_linear_model_is_a_power_at_every_step() {
    let regression = Regression::new();
    // Below, near and beyond the edge 2/top.
    for rate in [0.5 / regression.top(), 1.9 / regression.top(), 2.05 / regression.top()] {
        let mut trainer = regression.case.trainer(regression.case.descent(rate));
        for step in 0..60 {
            let expected = regression.along(|top| (1.0 - rate * top).powi(step));
            let error = relative_error(&flat(&trainer.state().weights), &expected);
            assert!(error < 1e-12, "step {step}: {error:e}");
            trainer.step().unwrap();
        }
    }
}

#[test]
fn momentum_and_weight_decay_follow_their_recurrences_in_every_mode() {
    let regression = Regression::new();
    for (mu, nesterov) in [(0.9, false), (0.8, true)] {
        let (rate, steps) = (0.4 / regression.top(), 50);
        let optimizer = Optimizer::Sgd { momentum: mu, nesterov };
        let mut trainer = regression.case.trainer(Settings { optimizer, ..regression.case.descent(rate) });
        losses(&mut trainer, steps);
        // d_{k+1} = (1 + mu - h l) d_k - mu d_{k-1}; with the look ahead, (1 + mu)(1 - h l) d_k - mu (1 - h l) d_{k-1}.
        let expected = regression.along(|top| {
            let q = 1.0 - rate * top;
            let (now, before) = if nesterov { ((1.0 + mu) * q, mu * q) } else { (mu + q, mu) };
            let (mut last, mut d) = (1.0, if nesterov { q - mu * rate * top } else { q });
            for _ in 1..steps {
                (last, d) = (d, now * d - before * last);
            }
            d
        });
        let error = relative_error(&flat(&trainer.state().weights), &expected);
        assert!(error < 1e-11, "{mu} {nesterov}: {error:e}");
    }
    // Decay moves the minimum: l -> l + d on the left, not on the right.
    let (rate, decay) = (0.5 / regression.top(), 0.2);
    let mut trainer = regression.case.trainer(Settings { decay, ..regression.case.descent(rate) });
    losses(&mut trainer, 4000);
    let shrunk = Regression {
        minimum: Mat::from_fn(IN, OUT, |i, j| {
            let l = regression.eigenvalues[i];
            regression.minimum[(i, j)] * l / (l + decay)
        }),
        ..Regression::new()
    };
    assert!(relative_error(&flat(&trainer.state().weights), &shrunk.along(|_| 0.0)) < 1e-10);
}

#[test]
fn gradient_flow_is_the_matrix_exponential() {
    let regression = Regression::new();
    for (tolerance, bound) in [(1e-6, 1e-5), (1e-10, 1e-9)] {
        let optimizer = Optimizer::Flow { tolerance };
        let rate = 3.0 / regression.top();
        let mut trainer = regression.case.trainer(Settings { optimizer, ..regression.case.descent(rate) });
        for step in 0..12 {
            let time = f64::from(step) * rate;
            let error = relative_error(&flat(&trainer.state().weights), &regression.along(|top| (-top * time).exp()));
            assert!(error < bound, "tolerance {tolerance:e}, step {step}: {error:e}");
            trainer.step().unwrap();
        }
    }
}

#[test]
fn small_steps_of_gradient_descent_are_the_flow() {
    let case = Case::new("mlp:5-20x2-3:tanh", Loss::CrossEntropy, 30);
    let mut flow = case.trainer(Settings { optimizer: Optimizer::Flow { tolerance: 1e-9 }, ..case.descent(2.0) });
    flow.step().unwrap();
    let distance = |steps: u32| {
        let mut descent = case.trainer(case.descent(2.0 / f64::from(steps)));
        losses(&mut descent, steps as usize);
        relative_error(&flat(&descent.state().weights), &flat(&flow.state().weights))
    };
    // Euler's error is of first order.
    let (coarse, fine) = (distance(500), distance(1000));
    assert!(coarse < 1e-2 && (coarse / fine - 2.0).abs() < 0.05, "{coarse:e} {fine:e}");
}

/// Algorithm 1 of Kingma and Ba 2015, a number at a time; with `decoupled`, algorithm 2 of Loshchilov and Hutter 2019.
#[allow(clippy::too_many_arguments)]
fn adam(
    start: &[f64],
    gradient: impl Fn(&[f64]) -> Vec<f64>,
    steps: i32,
    alpha: f64,
    [beta1, beta2, epsilon]: [f64; 3],
    decay: f64,
    decoupled: bool,
) -> Vec<f64> {
    let mut theta = start.to_vec();
    let (mut m, mut v) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    for t in 1..=steps {
        let g = gradient(&theta);
        for i in 0..theta.len() {
            let g = if decoupled { g[i] } else { g[i] + decay * theta[i] };
            m[i] = beta1 * m[i] + (1.0 - beta1) * g;
            v[i] = beta2 * v[i] + (1.0 - beta2) * g.powi(2);
            let m_hat = m[i] / (1.0 - beta1.powi(t));
            let v_hat = v[i] / (1.0 - beta2.powi(t));
            let old = theta[i];
            theta[i] -= alpha * m_hat / (v_hat.sqrt() + epsilon);
            if decoupled {
                theta[i] -= alpha * decay * old;
            }
        }
    }
    theta
}

#[test]
fn adam_is_the_algorithm_of_its_paper() {
    let regression = Regression::new();
    let case = &regression.case;
    let Targets::Values(y) = &case.samples.targets else { panic!("values") };
    let m = 1.7 / (IN as f64).sqrt();
    let gradient = |w: &[f64]| -> Vec<f64> {
        let x = &case.samples.inputs.data;
        let f = |i: usize, a: usize| (0..IN).map(|j| m * x[i * IN + j] * w[j * OUT + a]).sum::<f64>();
        (0..IN * OUT)
            .map(|k| {
                let (j, a) = (k / OUT, k % OUT);
                (0..N).map(|i| m * x[i * IN + j] * (f(i, a) - y.data[i * OUT + a])).sum::<f64>() / N as f64
            })
            .collect()
    };
    for (decay, decoupled) in [(0.0, false), (0.1, false), (0.1, true)] {
        let [beta1, beta2, epsilon] = [0.8, 0.95, 1e-3];
        let optimizer = Optimizer::Adam { beta1, beta2, epsilon, decoupled };
        let mut trainer = case.trainer(Settings { optimizer, decay, ..case.descent(0.05) });
        losses(&mut trainer, 100);
        let expected = adam(&flat(&case.weights), gradient, 100, 0.05, [beta1, beta2, epsilon], decay, decoupled);
        let error = relative_error(&flat(&trainer.state().weights), &expected);
        assert!(error < 1e-12, "{decay} {decoupled}: {error:e}");
    }
}

#[test]
fn a_state_of_another_optimizer_and_a_flow_in_mini_batches_are_refused() {
    let case = Case::new("mlp:3-4x1-2:tanh", Loss::CrossEntropy, 10);
    let refused = |settings: Settings, state| {
        let trainer = ntk::train::Trainer::new(case.task(), settings, state, &super::NEVER);
        trainer.err().expect("refused").to_string()
    };
    let plain = State::new(case.weights.clone(), Optimizer::GRADIENT_DESCENT);
    let flow = Optimizer::Flow { tolerance: 1e-6 };
    let momentum = Optimizer::Sgd { momentum: 0.9, nesterov: false };
    let with = |optimizer| Settings { optimizer, ..case.descent(0.1) };
    assert!(refused(with(momentum), plain.clone()).contains("another optimizer"));
    assert!(refused(Settings { batch: 3, ..with(flow) }, plain.clone()).contains("mini-batches"));
    assert!(refused(case.descent(-0.1), plain.clone()).contains("learning rate is -0.1"));
    assert!(refused(Settings { rates: vec![], ..case.descent(0.1) }, plain).contains("every parameter"));
}
