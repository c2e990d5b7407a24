//! Units whose side of a kink single precision cannot tell.

use ntk::array::Array;
use ntk::contraction::{self, Method, Observer, Outputs, Settings};
use ntk::model::Architecture;

use crate::numbers::Random;

const SAMPLES: usize = 70;

/// A network and samples of which the first drives the first hidden unit to `1 + 2^-25 - 1`: 0 in single precision, where the
/// unit is off, and more than 0 in fact, where it is on.
fn on_the_edge(activation: &str) -> (Architecture, Vec<Array<f64>>, Array<f64>) {
    let text = format!(
        "input = [3]\nlayers = [{{ kind = 'dense', out = 8, param = 'standard' }}, {{ kind = '{activation}' }}, \
         {{ kind = 'dense', out = 8, param = 'standard' }}, {{ kind = '{activation}' }}, \
         {{ kind = 'dense', out = 3, param = 'standard' }}]"
    );
    let network = Architecture::from_toml(&text).unwrap();
    let mut random = Random::new(71);
    // Numbers of both precisions.
    let mut of = |shape: &[usize]| {
        let data = random.numbers(shape.iter().product()).into_iter().map(|x| f64::from(x as f32)).collect();
        Array::new(shape.to_vec(), data).unwrap()
    };
    let mut parameters = [of(&[3, 8]), of(&[8, 8]), of(&[8, 3])].to_vec();
    let mut x = of(&[SAMPLES, 3]);
    x.data[..3].copy_from_slice(&[1.0, f64::from(2.0f32.powi(-25)), 1.0]);
    for (row, weight) in [1.0, 1.0, -1.0].into_iter().enumerate() {
        parameters[0].data[row * 8] = weight;
    }
    (network, parameters, x)
}

fn narrow(array: &Array<f64>) -> Array<f32> {
    Array::new(array.shape.clone(), array.data.iter().map(|&x| x as f32).collect()).unwrap()
}

/// `max|K32 - K64| / max|K64|`, of the structured contraction.
fn apart(activation: &str, outputs: Outputs, columns: bool) -> f64 {
    let (network, parameters, x) = on_the_edge(activation);
    let settings = Settings { outputs, method: Method::Structured, ..Settings::default() };
    let others = columns.then(|| Array::new(vec![9, 3], x.data[..27].to_vec()).unwrap());
    let double =
        contraction::kernel(&network, &parameters, &x, others.as_ref(), &settings, &Observer::default()).unwrap();
    let narrowed: Vec<Array<f32>> = parameters.iter().map(narrow).collect();
    let others = others.as_ref().map(narrow);
    let single =
        contraction::kernel(&network, &narrowed, &narrow(&x), others.as_ref(), &settings, &Observer::default())
            .unwrap();
    let largest = double.kernel.data.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let differences = double.kernel.data.iter().zip(&single.kernel.data).map(|(x, y)| (x - f64::from(*y)).abs());
    differences.fold(0.0, f64::max) / largest
}

#[test]
fn a_kernel_in_single_precision_has_the_units_on_that_one_in_double_has() {
    for activation in ["relu", "leaky_relu"] {
        for outputs in [Outputs::Full, Outputs::Trace, Outputs::Diagonal] {
            for columns in [false, true] {
                let apart = apart(activation, outputs, columns);
                assert!(apart < 1e-6, "{activation} {outputs:?} {columns}: {apart}");
            }
        }
    }
}
