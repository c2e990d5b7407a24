//! Kernels, gradients and Hessians against the values of neural-tangents and JAX in `tests/goldens`.

use std::path::Path;

use autodiff::op::composite::{cross_entropy, mean_squared_error};
use autodiff::sweep::{Gradient, Pool, pullback, pullback_tangent, pushforward};
use autodiff::{Arena, Tape, Var};
use ntk::array::Array;
use ntk::contraction::{Method, Observer, Outputs, Settings, kernel};
use ntk::data::Npz;
use ntk::model::Architecture;
use ntk::network::Network;
use serde_json::Value;

use crate::numbers::relative_error;

const METHODS: [Method; 3] = [Method::Structured, Method::Products, Method::Jacobian];
const TOLERANCE: f64 = 1e-10;

/// A network of the manifest with its inputs and the values of other programs.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) model: Architecture,
    pub(crate) parameters: Vec<Array<f64>>,
    pub(crate) x1: Array<f64>,
    pub(crate) x2: Option<Array<f64>>,
    /// How far their infinite kernel is from its mirror image, where it is a quadrature; else 0.
    pub(crate) asymmetry: f64,
    /// The labels of a cross-entropy, or none.
    pub(crate) labels: Option<Vec<u32>>,
    pub(crate) y: Array<f64>,
    pub(crate) v: Array<f64>,
    values: Npz,
}

/// All cases, in the order of the manifest.
pub(crate) fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens");
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let cases: Vec<Case> = manifest["cases"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, described)| {
            let model = Architecture::from_toml(&toml(described)).unwrap();
            let mut file = Npz::open(&folder.join(format!("{name}.npz"))).unwrap();
            let named = model.parameters().unwrap();
            let parameters = named.iter().map(|(name, _)| file.read(name).unwrap()).collect();
            assert_eq!(model.count().unwrap() as u64, described["n_params"].as_u64().unwrap(), "{name}");
            let y: Array<f64> = file.read("Y").unwrap();
            Case {
                asymmetry: described["peer_agreement_rel"]["quadrature_asymmetry"].as_f64().unwrap_or(0.0),
                labels: (described["loss"] == "ce").then(|| y.data.iter().map(|&y| y as u32).collect()),
                x1: file.read("X1").unwrap(),
                x2: file.names().iter().any(|name| name == "X2").then(|| file.read("X2").unwrap()),
                v: file.read("v").unwrap(),
                values: Npz::open(&folder.join(format!("{name}.values.npz"))).unwrap(),
                name: name.clone(),
                model,
                parameters,
                y,
            }
        })
        .collect();
    assert_eq!(cases.len(), 12);
    cases
}

/// The model file of a case.
fn toml(case: &Value) -> String {
    format!("input = {}\nlayers = {}\n", case["in_shape"], layers(&case["layers"]))
}

fn layers(list: &Value) -> String {
    let list: Vec<String> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| {
            let entries: Vec<String> = layer
                .as_object()
                .unwrap()
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| match value {
                    Value::Array(_) => format!("{key} = {}", layers(value)),
                    other => format!("{key} = {other}"),
                })
                .collect();
            format!("{{ {} }}", entries.join(", "))
        })
        .collect();
    format!("[{}]", list.join(", "))
}

impl Case {
    pub(crate) fn value(&mut self, key: &str) -> Array<f64> {
        self.values.read(key).unwrap()
    }

    #[track_caller]
    pub(crate) fn agrees(&mut self, key: &str, shape: &[usize], found: &[f64], tolerance: f64) {
        let expected = self.value(key);
        assert_eq!(shape, expected.shape, "{} {key}", self.name);
        let error = relative_error(found, &expected.data);
        assert!(error <= tolerance, "{} {key}: {error:.1e}", self.name);
    }

    /// The network on samples `x`, its parameters as leaves.
    fn record<'a>(&'a self, tape: &'a Tape<'a, f64>, x: &'a Array<f64>) -> (Vec<Var<'a, f64>>, Var<'a, f64>) {
        let x = tape.samples(&x.data, &x.shape).unwrap();
        let leaves: Vec<_> = self.parameters.iter().map(|p| tape.leaf(&p.data, &p.shape).unwrap()).collect();
        let f = self.model.apply(x, &leaves).unwrap();
        (leaves, f)
    }

    fn loss<'a>(&'a self, tape: &'a Tape<'a, f64>) -> (Vec<Var<'a, f64>>, Var<'a, f64>) {
        let (leaves, f) = self.record(tape, &self.x1);
        let loss = match &self.labels {
            Some(labels) => cross_entropy(f, labels),
            None => mean_squared_error(f, tape.constant(&self.y.data, &self.y.shape).unwrap()),
        };
        (leaves, loss.unwrap())
    }

    /// The gradient of the loss, and the Hessian times each of `k` directions `[k, P]`.
    fn hessian(&self, k: usize, v: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
        let count: usize = self.parameters.iter().map(Array::len).sum();
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let tape = arena.tape();
        let (leaves, loss) = self.loss(tape);
        let mut at = 0;
        let split: Vec<Vec<f64>> = self
            .parameters
            .iter()
            .map(|p| {
                at += p.len();
                v.chunks_exact(count).flat_map(|v| &v[at - p.len()..at]).copied().collect()
            })
            .collect();
        let seeds: Vec<_> = leaves.iter().zip(&split).map(|(&leaf, v)| (leaf, v.as_slice())).collect();
        let tangents = pushforward(tape, &seeds, k, &mut pool).unwrap();
        let mut sink = Gradient::new();
        pullback_tangent(loss, &[1.0], &tangents, &mut sink, &mut pool).unwrap();
        let gradient = (0..leaves.len()).flat_map(|leaf| sink.of(leaf).unwrap()).copied().collect();
        let mut products = vec![0.0; k * count];
        let mut at = 0;
        for (leaf, p) in self.parameters.iter().enumerate() {
            let of = sink.tangent_of(leaf).unwrap();
            for (to, from) in products.chunks_exact_mut(count).zip(of.chunks_exact(p.len())) {
                to[at..at + p.len()].copy_from_slice(from);
            }
            at += p.len();
        }
        (loss.value()[0], gradient, products)
    }
}

#[test]
fn outputs_are_those_of_neural_tangents() {
    for mut case in cases() {
        for (key, x) in [("f1", Some(case.x1.clone())), ("f2", case.x2.clone())] {
            let Some(x) = x else { continue };
            let mut arena = Arena::new();
            let (_, f) = case.record(arena.tape(), &x);
            let (shape, f) = (f.shape().to_vec(), f.value().to_vec());
            case.agrees(key, &shape, &f, TOLERANCE);
        }
    }
}

#[test]
fn kernels_are_those_of_neural_tangents_by_every_method() {
    for mut case in cases() {
        for (outputs, prefix) in [(Outputs::Full, "ntk"), (Outputs::Trace, "ntk_tr")] {
            for (pair, x2) in [("11", None), ("12", case.x2.clone())] {
                if pair == "12" && x2.is_none() {
                    continue;
                }
                for method in METHODS {
                    let settings = Settings { outputs, method, ..Settings::default() };
                    let (x1, p) = (&case.x1, &case.parameters);
                    let computed = kernel(&case.model, p, x1, x2.as_ref(), &settings, &Observer::default()).unwrap();
                    assert_eq!(computed.plan.method, method);
                    case.agrees(&format!("{prefix}_{pair}"), &computed.kernel.shape, &computed.kernel.data, TOLERANCE);
                }
            }
        }
    }
}

#[test]
fn kernel_vector_products_are_those_of_neural_tangents_without_a_kernel() {
    for mut case in cases() {
        let u = case.value("u");
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let (_, f) = case.record(arena.tape(), case.x2.as_ref().unwrap_or(&case.x1));
        let mut gradient = Gradient::new();
        pullback(f, &u.data, 1, &mut gradient, &mut pool).unwrap();
        let mut arena = Arena::new();
        let tape = arena.tape();
        let (leaves, f) = case.record(tape, &case.x1);
        let seeds: Vec<_> = leaves.iter().enumerate().map(|(i, &leaf)| (leaf, gradient.of(i).unwrap())).collect();
        let tangents = pushforward(tape, &seeds, 1, &mut pool).unwrap();
        let (shape, product) = (f.shape().to_vec(), tangents.of(f).unwrap().to_vec());
        case.agrees("ntkvp", &shape, &product, TOLERANCE);
    }
}

#[test]
fn losses_gradients_and_hessian_vector_products_are_those_of_jax() {
    for mut case in cases() {
        let (loss, gradient, product) = case.hessian(1, &case.v.data);
        case.agrees("loss", &[], &[loss], TOLERANCE);
        case.agrees("grad", &[gradient.len()], &gradient, TOLERANCE);
        case.agrees("hv", &[product.len()], &product, TOLERANCE);
    }
}

#[test]
fn eigenvalues_of_the_dense_hessian_are_those_of_jax() {
    const DIRECTIONS: usize = 96; // Columns at a time: no count of parameters is a multiple.
    for mut case in cases() {
        let count = case.v.len();
        let mut columns = Vec::with_capacity(count * count);
        for first in (0..count).step_by(DIRECTIONS) {
            let k = DIRECTIONS.min(count - first);
            let mut units = vec![0.0; k * count];
            (0..k).for_each(|d| units[d * count + first + d] = 1.0);
            columns.extend(case.hessian(k, &units).2);
        }
        let hessian = faer::Mat::from_fn(count, count, |i, j| 0.5 * (columns[i * count + j] + columns[j * count + i]));
        let ascending = hessian.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
        let top: Vec<f64> = ascending.iter().rev().take(5).copied().collect();
        case.agrees("eig_top", &[5], &top, 1e-8);
        case.agrees("eig_bottom", &[5], &ascending[..5], 1e-8);
    }
}
