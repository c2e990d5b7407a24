//! Kernels by each contraction: the methods agree, the outputs asked for are parts of one whole, and neither threads
//! nor memory change a bit.

mod agreement;
mod doubt;
mod forms;
mod limits;
mod own;
mod stored;

use ntk::array::Array;
use ntk::contraction::{Computed, Method, Observer, Outputs, Settings, kernel};
use ntk::model::{Activation, Architecture, Dense, Layer, Parameterization};
use ntk::network::Network;

use crate::numbers::{Random, relative_error};

pub const METHODS: [Method; 3] = [Method::Structured, Method::Products, Method::Jacobian];

/// How a network is built around its widths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    pub activation: Activation,
    pub param: Parameterization,
    pub b_std: Option<f64>,
    /// The factor of residual branches; none for a plain network.
    pub residual: Option<f64>,
}

impl Style {
    pub const PLAIN: Self =
        Self { activation: Activation::Tanh, param: Parameterization::Ntk, b_std: Some(0.3), residual: None };

    /// `depth` hidden layers of `width`.
    pub fn network(self, input: usize, width: usize, depth: usize, outputs: usize) -> Architecture {
        let Self { activation, param, b_std, residual } = self;
        let dense = |out| Layer::Dense(Dense { out, fan_in: None, w_std: 1.3, b_std, param });
        let mut layers = vec![dense(width)];
        for _ in 1..depth {
            match residual {
                Some(scale) => {
                    layers.push(Layer::Residual { layers: vec![Layer::Activation(activation), dense(width)], scale });
                }
                None => layers.extend([Layer::Activation(activation), dense(width)]),
            }
        }
        layers.extend([Layer::Activation(activation), dense(outputs)]);
        Architecture::new([input], layers)
    }
}

/// Numbers for a network's parameters, those of a `standard` layer of the size that it is drawn with.
pub fn parameters<N: Network>(network: &N, standard: bool, random: &mut Random) -> Vec<Array<f64>> {
    let shapes = network.parameters().unwrap();
    let one = |shape: Vec<usize>| {
        let scale = if standard && shape.len() == 2 { 1.7 / (shape[0] as f64).sqrt() } else { 1.0 };
        let numbers = random.numbers(shape.iter().product());
        Array::new(shape, numbers.into_iter().map(|x| scale * x).collect()).unwrap()
    };
    shapes.into_iter().map(one).collect()
}

/// Samples `[n, ..shape]`.
pub fn samples(n: usize, shape: &[usize], random: &mut Random) -> Array<f64> {
    Array::new([&[n], shape].concat(), random.numbers(n * shape.iter().product::<usize>())).unwrap()
}

/// A network, its numbers and its samples.
pub struct Given<N> {
    pub network: N,
    pub parameters: Vec<Array<f64>>,
    pub x1: Array<f64>,
    pub x2: Option<Array<f64>>,
}

impl Given<Architecture> {
    pub fn new(style: Style, [input, width, depth, outputs]: [usize; 4], n: usize, m: Option<usize>) -> Self {
        Self::of(style.network(input, width, depth, outputs), style.param == Parameterization::Standard, n, m)
    }
}

impl<N: Network> Given<N> {
    pub fn of(network: N, standard: bool, n: usize, m: Option<usize>) -> Self {
        let mut random = Random::new(5 + n as u64);
        let parameters = parameters(&network, standard, &mut random);
        let shape = network.input().unwrap();
        let x1 = samples(n, &shape, &mut random);
        let x2 = m.map(|m| samples(m, &shape, &mut random));
        Self { network, parameters, x1, x2 }
    }

    pub fn compute(&self, outputs: Outputs, method: Method, memory: u64) -> ntk::Result<Computed<f64>> {
        let settings = Settings { outputs, method, memory };
        let observer = Observer::default();
        kernel(&self.network, &self.parameters, &self.x1, self.x2.as_ref(), &settings, &observer)
    }

    #[track_caller]
    pub fn kernel(&self, outputs: Outputs, method: Method) -> Array<f64> {
        let computed = self.compute(outputs, method, u64::MAX).unwrap();
        assert!(method == Method::Auto || computed.plan.method == method);
        let (n, m) = (self.x1.rows(), self.x2.as_ref().unwrap_or(&self.x1).rows());
        assert_eq!(computed.kernel.shape, outputs.shape(n, m, self.network.outputs().unwrap()));
        computed.kernel
    }

    /// The full kernel, entry by entry, from the gradients of single samples' single outputs.
    pub fn by_definition(&self) -> Vec<f64> {
        let o = self.network.outputs().unwrap();
        let (rows, columns) = (self.gradients(&self.x1), self.gradients(self.x2.as_ref().unwrap_or(&self.x1)));
        let mut kernel = Vec::new();
        for (i, j) in (0..rows.len() / o).flat_map(|i| (0..columns.len() / o).map(move |j| (i, j))) {
            for (a, b) in (0..o).flat_map(|a| (0..o).map(move |b| (a, b))) {
                let (row, column) = (&rows[i * o + a], &columns[j * o + b]);
                kernel.push(row.iter().zip(column).map(|(x, y)| x * y).sum());
            }
        }
        kernel
    }

    fn gradients(&self, x: &Array<f64>) -> Vec<Vec<f64>> {
        use autodiff::sweep::{Gradient, Pool, pullback};
        let o = self.network.outputs().unwrap();
        let (mut arena, mut pool) = (autodiff::Arena::new(), Pool::default());
        let mut gradients = Vec::new();
        for i in 0..x.rows() {
            let tape = arena.tape();
            let shape = [&[1], &x.shape[1..]].concat();
            let x = tape.samples(x.row(i).unwrap(), &shape).unwrap();
            let p: Vec<_> = self.parameters.iter().map(|p| tape.leaf(&p.data, &p.shape).unwrap()).collect();
            let f = self.network.apply(x, &p).unwrap();
            for a in 0..o {
                let mut seed = vec![0.0; o];
                seed[a] = 1.0;
                let mut sink = Gradient::new();
                pullback(f, &seed, 1, &mut sink, &mut pool).unwrap();
                let of = |(leaf, p): (usize, &Array<f64>)| sink.of(leaf).map_or(vec![0.0; p.len()], <[f64]>::to_vec);
                gradients.push(self.parameters.iter().enumerate().flat_map(of).collect());
            }
        }
        gradients
    }
}

/// What a mode is of the full kernel `[n, m, o, o]`.
pub fn folded(full: &Array<f64>, outputs: Outputs) -> Vec<f64> {
    let o = full.shape[2];
    let pairs = full.data.chunks_exact(o * o);
    let traces = |scale: f64| {
        let trace = move |pair: &[f64]| (0..o).map(|a| pair[a * o + a]).sum::<f64>() * scale;
        full.data.chunks_exact(o * o).map(trace).collect()
    };
    match outputs {
        Outputs::Full => full.data.clone(),
        Outputs::Trace => traces(1.0 / o as f64),
        Outputs::SumTrace => traces(1.0),
        Outputs::Diagonal => pairs.flat_map(|pair| (0..o).map(|a| pair[a * o + a])).collect(),
        Outputs::SumOfLogits => pairs.map(|pair| pair.iter().sum()).collect(),
    }
}

#[track_caller]
pub fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    let error = relative_error(found, expected);
    assert!(error <= tolerance, "{what}: {error:.1e}");
}

pub fn bits(kernel: &Array<f64>) -> Vec<u64> {
    kernel.data.iter().map(|x| x.to_bits()).collect()
}
