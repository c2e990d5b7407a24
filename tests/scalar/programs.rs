//! Programs that automatic differentiation is measured on, beside derivatives written by hand.

use autodiff::Real;

/// Rosenbrock's valley in n variables: the sum of `100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2`.
///
/// # Source
/// H. H. Rosenbrock, The Computer Journal 3 (1960), in its chained form.
pub fn rosenbrock<R: Real>(x: &[R]) -> R {
    x.windows(2).fold(R::ZERO, |sum, w| {
        let (valley, slope) = (w[1] - w[0] * w[0], R::ONE - w[0]);
        sum + (valley * valley).scale(100.0) + slope * slope
    })
}

/// The gradient of [`rosenbrock`], by hand.
pub fn rosenbrock_gradient(x: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; x.len()];
    for (i, w) in x.windows(2).enumerate() {
        let valley = w[1] - w[0] * w[0];
        gradient[i] -= 400.0 * valley * w[0] + 2.0 * (1.0 - w[0]);
        gradient[i + 1] += 200.0 * valley;
    }
    gradient
}

/// The Hessian of [`rosenbrock`] times `v`, by hand.
pub fn rosenbrock_hvp(x: &[f64], v: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; x.len()];
    for i in 0..x.len().saturating_sub(1) {
        let mixed = -400.0 * x[i];
        product[i] += (1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0) * v[i] + mixed * v[i + 1];
        product[i + 1] += mixed * v[i] + 200.0 * v[i + 1];
    }
    product
}

/// Size of the molecules of kind `i` in [`helmholtz`].
fn size<R: Real>(i: usize, n: usize) -> R {
    R::from_f64((i + 1) as f64 / (3 * n) as f64)
}

/// Attraction of kinds `i` and `j` in [`helmholtz`].
fn attraction<R: Real>(i: usize, j: usize) -> R {
    R::from_f64(1.0 / (1 + i + j) as f64)
}

/// The Helmholtz energy of a mixed fluid in a unit volume, at unit temperature.
///
/// # Source
/// Griewank, On automatic differentiation (1989), section 2: `sum of x_i ln(x_i / (1 - b x)) - x A x / (sqrt 8 b x)
/// ln((1 + (1 + sqrt 2) b x) / (1 + (1 - sqrt 2) b x))`.
pub fn helmholtz<R: Real>(x: &[R]) -> R {
    let n = x.len();
    let (mut volume, mut attracted) = (R::ZERO, R::ZERO);
    for (i, &x_i) in x.iter().enumerate() {
        volume += size::<R>(i, n) * x_i;
        let row = x.iter().enumerate().fold(R::ZERO, |sum, (j, &x_j)| sum + attraction::<R>(i, j) * x_j);
        attracted += row * x_i;
    }
    let free = R::ONE - volume;
    let entropy = x.iter().fold(R::ZERO, |sum, &x_i| sum + x_i * (x_i / free).ln());
    let root = std::f64::consts::SQRT_2;
    let ratio = (R::ONE + volume.scale(1.0 + root)) / (R::ONE + volume.scale(1.0 - root));
    entropy - attracted / volume.scale(8f64.sqrt()) * ratio.ln()
}

/// The gradient of [`helmholtz`], by hand.
pub fn helmholtz_gradient(x: &[f64]) -> Vec<f64> {
    let n = x.len();
    let b = |i| size::<f64>(i, n);
    let rows: Vec<f64> = (0..n).map(|i| (0..n).map(|j| attraction::<f64>(i, j) * x[j]).sum()).collect();
    let volume: f64 = (0..n).map(|i| b(i) * x[i]).sum();
    let attracted: f64 = (0..n).map(|i| x[i] * rows[i]).sum();
    let total: f64 = x.iter().sum();
    let root = std::f64::consts::SQRT_2;
    let (up, down) = (1.0 + (1.0 + root) * volume, 1.0 + (1.0 - root) * volume);
    let (log, eight) = ((up / down).ln(), 8f64.sqrt());
    let log_by_volume = (1.0 + root) / up - (1.0 - root) / down;
    (0..n)
        .map(|k| {
            let entropy = (x[k] / (1.0 - volume)).ln() + 1.0 + b(k) * total / (1.0 - volume);
            let by_rows = 2.0 * rows[k] / (eight * volume) * log;
            let by_volume = attracted / eight * (log_by_volume / volume - log / (volume * volume)) * b(k);
            entropy - by_rows - by_volume
        })
        .collect()
}

/// Fractions for [`helmholtz`] that leave the fluid some room.
pub fn fractions(n: usize) -> Vec<f64> {
    (0..n).map(|i| (1.5 + (0.7 * i as f64).sin()) / n as f64).collect()
}
