//! Two linear layers on random data, whose curvature has a closed form.
//!
//! ```text
//! f = s V E x,  s = 1/(gamma sqrt(N D)),  gamma = sqrt(N) in muP, 1 in NTP;  L = 1/(2 P) sum (f - y)^2.
//! ```
//! `J J^T = s^2 (|V|^2 X X^T + (X E^T)(X E^T)^T)`, so the Gauss-Newton matrix has `lambda_1(G) = lambda_1(J J^T) / P`. The output
//! is bilinear: the rest of the Hessian couples `V_i` with row i of E by `s X^T r / P`, r the residuals, so its eigenvalues come
//! in pairs and `lambda_1(R) = s |X^T r| / P`. In units of the learning rate `eta_0 gamma^2` both are multiplied with `gamma^2`.

use crate::array::Array;
use crate::error::{Error, Result};
use crate::experiment::{Lab, Record, Role, lab};
use crate::loss::{Loss, Targets};
use crate::model::{Architecture, Dense, Layer, Parameterization};
use crate::spectral::dense::eigenvalues;
use crate::train::{self, Optimizer, Samples, State, Trainer};

use super::Toy;

/// Two dense layers without biases, all weights of deviation 1.
pub(super) fn network(inputs: usize, width: usize, param: Parameterization) -> Architecture {
    let dense = |out| Layer::Dense(Dense { out, fan_in: None, w_std: 1.0, b_std: None, param });
    Architecture::new([inputs], vec![dense(width), dense(1)])
}

/// Normal samples, and targets by a linear teacher of random direction and a given length.
pub(super) fn data(seed: u64, samples: usize, inputs: usize, length: f64) -> Result<Samples<f64>> {
    let x = lab::normal(seed, Role::Data, 0, samples * inputs);
    let w = lab::normal(seed, Role::Data, 1, inputs);
    let scale = length / w.iter().map(|w| w * w).sum::<f64>().sqrt();
    let y = x.chunks_exact(inputs).map(|x| x.iter().zip(&w).map(|(x, w)| scale * x * w).sum()).collect();
    let values = Array::new([samples, 1], y)?;
    Samples::new(Loss::MeanSquaredError, &Array::new([samples, inputs], x)?, &values, None, 1)
}

/// `lambda_1` of G and of R, in units of the learning rate.
pub(super) fn curvature(model: &Architecture, weights: &[Array<f64>], data: &Samples<f64>) -> Result<[f64; 2]> {
    let [e, v] = weights else { return Err(Error::Bug("a toy of two layers".into())) };
    let (p, d, n) = (data.len(), e.shape[0], e.shape[1]);
    let gamma = model.gamma()?;
    let s = 1.0 / (gamma * ((n * d) as f64).sqrt());
    let x = &data.inputs.data;
    let Targets::Values(targets) = &data.targets else {
        return Err(Error::Bug("a toy of real targets".into()));
    };

    let gram = |a: &[f64], width: usize| {
        let row = |i: usize| &a[i * width..(i + 1) * width];
        let of = |(i, j): (usize, usize)| row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum::<f64>();
        (0..p * p).map(|at| of((at / p, at % p))).collect::<Vec<f64>>()
    };
    let mut h = vec![0.0; p * n];
    for (h, x) in h.chunks_exact_mut(n).zip(x.chunks_exact(d)) {
        for (x, e) in x.iter().zip(e.data.chunks_exact(n)) {
            h.iter_mut().zip(e).for_each(|(h, e)| *h += x * e);
        }
    }
    let length = v.data.iter().map(|v| v * v).sum::<f64>();
    let (of_x, of_h) = (gram(x, d), gram(&h, n));
    let jj: Vec<f64> = of_x.iter().zip(&of_h).map(|(x, h)| s * s * (length * x + h)).collect();
    let top = eigenvalues(&jj, p)?.first().copied().ok_or_else(|| Error::Bug("a kernel without eigenvalues".into()))?;

    let residual = |i: usize| {
        let f = h[i * n..(i + 1) * n].iter().zip(&v.data).map(|(h, v)| s * h * v).sum::<f64>();
        f - targets.data[i]
    };
    let mut pulled = vec![0.0; d];
    for i in 0..p {
        let r = residual(i);
        pulled.iter_mut().zip(&x[i * d..(i + 1) * d]).for_each(|(sum, x)| *sum += r * x);
    }
    let pulled = pulled.iter().map(|x| x * x).sum::<f64>().sqrt();
    let unit = gamma * gamma / p as f64;
    Ok([unit * top, unit * s * pulled])
}

/// Gradient descent on all samples, with the curvature before it and after every step that is due; `rest` is the mean of the last
/// two steps' G, as descent at the edge may go on between two points.
pub(super) fn run(toy: &Toy, lab: &Lab<'_>) -> Result<Record> {
    let model = network(toy.inputs, toy.width, toy.param.of_model());
    let data = data(toy.seed, toy.samples, toy.inputs, toy.teacher)?;
    let start = super::descent::start::<f64>(&model, toy.seed)?;
    let task = train::Task::new(&model, &data, Loss::MeanSquaredError, &start.names)?;
    let rates = train::rates(&model, Optimizer::GRADIENT_DESCENT)?;
    let settings = train::Settings { rates, ..train::Settings::gradient_descent(toy.rate, start.weights.len()) };
    let mut trainer = Trainer::new(task, settings, State::new(start.weights, Optimizer::GRADIENT_DESCENT), lab.stop)?;
    let (mut steps, mut of_g, mut of_r) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = 0.0;
    for step in 0..=toy.steps {
        let due = step.is_multiple_of(toy.every) || step == toy.steps;
        if due || step + 1 == toy.steps {
            let [g, r] = curvature(&model, &trainer.state().weights, &data)?;
            if step + 1 >= toy.steps {
                rest += 0.5 * g;
            }
            if due {
                steps.push(step as f64);
                of_g.push(g);
                of_r.push(r);
            }
            (lab.progress)(step as f64 / toy.steps as f64);
        }
        if step < toy.steps {
            trainer.step()?;
        }
    }
    Ok(Record::default().curve("step", steps).curve("g", of_g).curve("r", of_r).number("rest", rest))
}

#[cfg(test)]
mod tests {
    use super::super::network::Param;
    use super::*;
    use crate::operator::{Curvature, Fit, Matrix, Point, Recordings, Scaled, Settings, Sum};
    use crate::spectral::{Effort, End, lanczos};

    #[test]
    fn both_parts_of_the_hessian_are_those_of_the_closed_form() {
        for param in [Parameterization::Mup, Parameterization::Ntk] {
            let model = network(7, 12, param);
            let samples = data(3, 9, 7, 1.0).unwrap();
            let weights = super::super::descent::start::<f64>(&model, 5).unwrap().weights;
            let [of_g, of_r] = curvature(&model, &weights, &samples).unwrap();
            let fit = Fit { loss: Loss::MeanSquaredError, targets: samples.targets.clone() };
            let point = Point { network: &model, parameters: &weights, x: &samples.inputs };
            let (mut one, mut two) = (Recordings::default(), Recordings::default());
            let g = Curvature::new(Matrix::GaussNewton, point, &fit, &mut one, Settings::default()).unwrap();
            let h = Curvature::new(Matrix::Hessian, point, &fit, &mut two, Settings::default()).unwrap();
            let effort = Effort { tolerance: 1e-10, ..Effort::default() };
            let unit = model.gamma().unwrap().powi(2);
            let g_top = unit * lanczos(&g, 1, End::Top, &effort).unwrap().values[0];
            let r = Sum::new::<f64>(&h, Scaled(&g, -1.0)).unwrap();
            let r_ends = lanczos(&r, 1, End::Both, &effort).unwrap().values;
            assert!((of_g / g_top - 1.0).abs() < 1e-8, "{of_g} {g_top}");
            assert!((of_r / (unit * r_ends[0]) - 1.0).abs() < 1e-8, "{of_r} {}", unit * r_ends[0]);
            assert!((r_ends[0] / -r_ends[1] - 1.0).abs() < 1e-8, "pairs: {r_ends:?}");
        }
    }

    #[test]
    fn where_it_rests_is_the_mean_of_the_last_two_steps_however_seldom_it_is_looked_at() {
        let toy = |every| Toy {
            seed: 1,
            param: Param::Mup,
            width: 16,
            rate: 5.0,
            steps: 30,
            every,
            samples: 60,
            inputs: 100,
            teacher: 1.0,
        };
        let at = |every| run(&toy(every), &Lab::default()).unwrap();
        let (each, few) = (at(1), at(7));
        let g = &each.values("g").unwrap().data;
        assert_eq!(g.len(), 31);
        // They differ, so that neither alone would do.
        assert!((g[29] / g[30] - 1.0).abs() > 1e-6, "{} {}", g[29], g[30]);
        let rest = 0.5 * g[29] + 0.5 * g[30];
        assert_eq!((each.get("rest").unwrap(), few.get("rest").unwrap()), (rest, rest));
        assert_eq!(few.values("step").unwrap().data, [0.0, 7.0, 14.0, 21.0, 28.0, 30.0]);
    }
}
