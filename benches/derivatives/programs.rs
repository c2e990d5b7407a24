//! The programs, and their derivatives by hand.

use crate::number::Number;

/// Rosenbrock's valley in n variables: the sum of `100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2`.
pub fn rosenbrock<R: Number>(x: &[R]) -> R {
    let term = |w: &[R]| {
        let (valley, slope) = (w[1] - w[0] * w[0], -w[0] + 1.0);
        (valley * valley) * 100.0 + slope * slope
    };
    x[1..].windows(2).fold(term(&x[..2]), |sum, w| sum + term(w))
}

/// The gradient of [`rosenbrock`] into `gradient`, and its value.
pub fn rosenbrock_by_hand(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (mut sum, mut carried) = (0.0, 0.0);
    for i in 0..x.len() - 1 {
        let (valley, slope) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
        gradient[i] = carried - 400.0 * valley * x[i] - 2.0 * slope;
        carried = 200.0 * valley;
        sum += 100.0 * valley * valley + slope * slope;
    }
    gradient[x.len() - 1] = carried;
    sum
}

/// The Hessian of [`rosenbrock`] times `v` into `product`.
pub fn rosenbrock_product_by_hand(x: &[f64], v: &[f64], product: &mut [f64]) {
    let mut carried = 0.0;
    for i in 0..x.len() - 1 {
        let mixed = -400.0 * x[i];
        product[i] = carried + (1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0) * v[i] + mixed * v[i + 1];
        carried = mixed * v[i] + 200.0 * v[i + 1];
    }
    product[x.len() - 1] = carried;
}

fn size(i: usize, n: usize) -> f64 {
    (i + 1) as f64 / (3 * n) as f64
}

fn attraction(i: usize, j: usize) -> f64 {
    1.0 / (1 + i + j) as f64
}

/// Fractions that leave the fluid some room.
pub fn fractions(n: usize) -> Vec<f64> {
    (0..n).map(|i| (1.5 + (0.7 * i as f64).sin()) / n as f64).collect()
}

/// The Helmholtz energy of a mixed fluid of n kinds (Griewank 1989, section 2).
pub fn helmholtz<R: Number>(x: &[R]) -> R {
    let n = x.len();
    let row = |i: usize| (1..n).fold(x[0] * attraction(i, 0), |sum, j| sum + x[j] * attraction(i, j));
    let (mut volume, mut attracted) = (x[0] * size(0, n), row(0) * x[0]);
    for (i, &x) in x.iter().enumerate().skip(1) {
        volume = volume + x * size(i, n);
        attracted = attracted + row(i) * x;
    }
    let free = -volume + 1.0;
    let part = |x: R| x * (x / free).ln();
    let entropy = x[1..].iter().fold(part(x[0]), |sum, &x| sum + part(x));
    let root = std::f64::consts::SQRT_2;
    let ratio = (volume * (1.0 + root) + 1.0) / (volume * (1.0 - root) + 1.0);
    entropy - attracted / (volume * 8f64.sqrt()) * ratio.ln()
}

/// The gradient of [`helmholtz`] into `gradient`, and its value: rows of products once, then what each kind adds.
pub fn helmholtz_by_hand(x: &[f64], gradient: &mut [f64]) -> f64 {
    let n = x.len();
    let (mut volume, mut total, mut attracted) = (0.0, 0.0, 0.0);
    for i in 0..n {
        let row: f64 = (0..n).map(|j| attraction(i, j) * x[j]).sum();
        // The row's product is kept where the gradient will be.
        gradient[i] = row;
        attracted += x[i] * row;
        volume += size(i, n) * x[i];
        total += x[i];
    }
    let root = std::f64::consts::SQRT_2;
    let (up, down, eight) = (1.0 + (1.0 + root) * volume, 1.0 + (1.0 - root) * volume, 8f64.sqrt());
    let log = autodiff::Real::ln(up / down);
    let log_by_volume = (1.0 + root) / up - (1.0 - root) / down;
    let by_volume = attracted / eight * (log_by_volume / volume - log / (volume * volume));
    let by_row = 2.0 / (eight * volume) * log;
    let free = 1.0 - volume;
    let mut entropy = 0.0;
    for k in 0..n {
        let log = autodiff::Real::ln(x[k] / free);
        entropy += x[k] * log;
        gradient[k] = log + 1.0 + size(k, n) * (total / free - by_volume) - by_row * gradient[k];
    }
    entropy - attracted / (eight * volume) * log
}

/// Parameters of a camera: rotation vector, translation, focal length, two of its lens.
pub const CAMERA: usize = 9;
/// Coordinates of a point.
pub const POINT: usize = 3;

/// By how much a camera sees a point beside where it was observed.
///
/// # Source
/// Agarwal, Snavely, Seitz, Szeliski, Bundle adjustment in the large (2010): the camera model of its data sets.
pub fn reprojection<R: Number>(camera: &[R], point: &[R], observed: [f64; 2]) -> [R; 2] {
    let dot = |a: &[R], b: &[R]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let (w, x) = (&camera[..3], point);
    let angle = dot(w, w).sqrt();
    let (sin, cos) = (angle.sin(), angle.cos());
    let k = [w[0] / angle, w[1] / angle, w[2] / angle];
    let cross = [k[1] * x[2] - k[2] * x[1], k[2] * x[0] - k[0] * x[2], k[0] * x[1] - k[1] * x[0]];
    let along = dot(&k, x) * (-cos + 1.0);
    let turned = |i: usize| x[i] * cos + cross[i] * sin + k[i] * along + camera[3 + i];
    let depth = turned(2);
    let (u, v) = (-(turned(0) / depth), -(turned(1) / depth));
    let square = u * u + v * v;
    let scale = camera[6] * (square * (camera[7] + camera[8] * square) + 1.0);
    [scale * u + -observed[0], scale * v + -observed[1]]
}

/// Cameras, points and what was seen of them, each camera seeing each point.
pub struct Scene {
    pub cameras: usize,
    pub points: usize,
    pub observed: Vec<[f64; 2]>,
}

impl Scene {
    /// Half of the sum of squares of all residuals; `x` are the cameras, then the points.
    pub fn cost<R: Number>(&self, x: &[R]) -> R {
        let (cameras, points) = x.split_at(self.cameras * CAMERA);
        let mut sum: Option<R> = None;
        for (i, camera) in cameras.chunks_exact(CAMERA).enumerate() {
            for (j, point) in points.chunks_exact(POINT).enumerate() {
                let [u, v] = reprojection(camera, point, self.observed[i * self.points + j]);
                let term = u * u + v * v;
                sum = Some(sum.map_or(term, |sum| sum + term));
            }
        }
        sum.expect("a camera and a point") * 0.5
    }

    /// The gradient of [`Scene::cost`] into `gradient`, and its value.
    pub fn by_hand(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let (cameras, points) = x.split_at(self.cameras * CAMERA);
        let (camera_bars, point_bars) = gradient.split_at_mut(self.cameras * CAMERA);
        let mut cost = 0.0;
        for (i, (camera, bar)) in cameras.chunks_exact(CAMERA).zip(camera_bars.chunks_exact_mut(CAMERA)).enumerate() {
            for (j, (point, point_bar)) in
                points.chunks_exact(POINT).zip(point_bars.chunks_exact_mut(POINT)).enumerate()
            {
                cost += reprojection_by_hand(camera, point, self.observed[i * self.points + j], bar, point_bar);
            }
        }
        0.5 * cost
    }
}

/// Adds the derivatives of half the square of [`reprojection`]; the square.
fn reprojection_by_hand(
    camera: &[f64],
    x: &[f64],
    observed: [f64; 2],
    camera_bar: &mut [f64],
    x_bar: &mut [f64],
) -> f64 {
    use autodiff::Real;
    let dot = |a: &[f64], b: &[f64]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let w = &camera[..3];
    let angle = Real::sqrt(dot(w, w));
    let (sin, cos) = (Real::sin(angle), Real::cos(angle));
    let k = [w[0] / angle, w[1] / angle, w[2] / angle];
    let cross = [k[1] * x[2] - k[2] * x[1], k[2] * x[0] - k[0] * x[2], k[0] * x[1] - k[1] * x[0]];
    let reach = dot(&k, x);
    let along = reach * (1.0 - cos);
    let turned: [f64; 3] = std::array::from_fn(|i| x[i] * cos + cross[i] * sin + k[i] * along + camera[3 + i]);
    let inverse = 1.0 / turned[2];
    let p = [-turned[0] * inverse, -turned[1] * inverse];
    let square = p[0] * p[0] + p[1] * p[1];
    let lens = 1.0 + square * (camera[7] + camera[8] * square);
    let scale = camera[6] * lens;
    let r = [scale * p[0] - observed[0], scale * p[1] - observed[1]];

    let scale_bar = r[0] * p[0] + r[1] * p[1];
    camera_bar[6] += scale_bar * lens;
    let lens_bar = scale_bar * camera[6];
    camera_bar[7] += lens_bar * square;
    camera_bar[8] += lens_bar * square * square;
    let square_bar = lens_bar * (camera[7] + 2.0 * camera[8] * square);
    let p_bar = [r[0] * scale + 2.0 * p[0] * square_bar, r[1] * scale + 2.0 * p[1] * square_bar];
    let t = [-p_bar[0] * inverse, -p_bar[1] * inverse, -(p_bar[0] * p[0] + p_bar[1] * p[1]) * inverse];
    let (mut cos_bar, mut sin_bar, mut along_bar) = (0.0, 0.0, 0.0);
    let mut k_bar = [0.0; 3];
    for i in 0..3 {
        camera_bar[3 + i] += t[i];
        cos_bar += x[i] * t[i];
        sin_bar += cross[i] * t[i];
        along_bar += k[i] * t[i];
        k_bar[i] = along * t[i];
    }
    let c = t.map(|t| t * sin);
    let reach_bar = along_bar * (1.0 - cos);
    cos_bar -= along_bar * reach;
    for i in 0..3 {
        let (next, last) = ((i + 1) % 3, (i + 2) % 3);
        // `cross_i = k_next x_last - k_last x_next`, for each i.
        x_bar[i] += t[i] * cos + reach_bar * k[i] + c[next] * k[last] - c[last] * k[next];
        k_bar[i] += reach_bar * x[i] + c[last] * x[next] - c[next] * x[last];
    }
    let angle_bar = sin_bar * cos - cos_bar * sin - dot(&k_bar, &k) / angle;
    for i in 0..3 {
        camera_bar[i] += k_bar[i] / angle + angle_bar * k[i];
    }
    r[0] * r[0] + r[1] * r[1]
}
