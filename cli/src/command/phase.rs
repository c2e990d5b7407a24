//! `ntk phase`: order and chaos in deep networks, and what they do to the kernel.

use std::time::Instant;

use ntk::array::Array;
use ntk::contraction::Observer;
use ntk::infinite::phase::{FixedPoint, Layers};
use ntk::infinite::{self, Get};
use ntk::model::{Activation, Architecture};
use ntk::predict::{Dynamics, Regression, Test};
use serde_json::{Map, Value, json};

use super::inputs::{Inputs, Limits};
use super::results;
use super::tale::Tale;
use crate::args;
use crate::failure::{Failure, Outcome};
use crate::render::plot::Grid;
use crate::render::progress::Progress;
use crate::render::quantity;
use crate::render::report::{Illustration, Note};
use crate::render::summary::Row;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;

/// Digits that kernels are of where nothing is said: an eigendecomposition for each network is then a moment's work.
const SAMPLES: usize = 256;

/// A network of the sweep, and its kernel.
struct Found {
    w_std: f64,
    b_std: f64,
    depth: usize,
    /// Where deep networks of these deviations end; none where variances grow without end, or vanish.
    fixed: Option<FixedPoint>,
    /// Largest, median and smallest eigenvalue of the tangent kernel; none where it overflows.
    eigenvalues: Option<[f64; 3]>,
    /// The root mean square of the mean prediction at the end of training, of test samples.
    prediction: Option<f64>,
}

impl Found {
    fn condition(&self) -> Option<f64> {
        self.eigenvalues.map(|[largest, _, least]| if least > 0.0 { largest / least } else { f64::INFINITY })
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &args::Phase) -> Outcome {
    let signals = Signals::listen(arguments.output.format == args::Format::Json);
    let activation = Activation::from_name(&arguments.activation)
        .ok_or_else(|| ntk::Error::unknown("activation", &arguments.activation, Activation::names()))?;
    let mut data = arguments.data.clone();
    if data.data.is_none() && data.x1.is_none() {
        data.n.get_or_insert(SAMPLES);
    }
    let mut inputs = Inputs::read(&arguments.network(None), &data, &arguments.second)?;
    let limits = inputs.limits(&arguments.machine);
    signals.check()?;
    limits.install(|| sweep(arguments, activation, &mut inputs, limits, &signals))
}

fn sweep(
    arguments: &args::Phase,
    activation: Activation,
    inputs: &mut Inputs,
    limits: Limits,
    signals: &Signals,
) -> Outcome {
    signals.hold(OutputFolder::create(arguments.output.out.clone(), "phase")?);
    let (x1, x2) = (inputs.rows_as::<f64>()?, inputs.columns_as::<f64>()?);
    let (w, b) = (&arguments.w_std.0, &arguments.b_std.0);
    let start = Instant::now();
    let progress = Progress::new((w.len() * b.len() * arguments.depths.len()) as u64, "networks");
    let mut all = Vec::new();
    for &b_std in b {
        for &w_std in w {
            let layers = Layers { activation, weight: w_std * w_std, bias: b_std * b_std };
            let fixed = layers.fixed_point()?;
            for &depth in &arguments.depths {
                signals.check()?;
                all.push(measure(inputs, (&x1, x2.as_ref()), (activation, w_std, b_std, depth), fixed, limits.memory)?);
                progress.advance(1);
            }
        }
    }
    progress.finish();
    let took = start.elapsed().as_secs_f64();
    let folder = signals.release()?;
    folder.write("phase.csv", table(&all).as_bytes())?;
    let plots = if arguments.output.no_report { Vec::new() } else { plots(arguments, &all, &folder)? };
    let mut rows = Vec::new();
    for &b_std in b {
        let of = all.iter().filter(|f| f.b_std == b_std && f.depth == arguments.depths[0]);
        let mut ordered: Vec<f64> = Vec::new();
        let mut chaotic: Vec<f64> = Vec::new();
        for found in of {
            match found.fixed {
                Some(fixed) if fixed.chi_1 > 1.0 => chaotic.push(found.w_std),
                Some(_) => ordered.push(found.w_std),
                None => {}
            }
        }
        let (last, first) =
            (ordered.iter().copied().fold(f64::NAN, f64::max), chaotic.iter().copied().fold(f64::NAN, f64::min));
        let value = match (last.is_finite(), first.is_finite()) {
            (true, true) => format!("{} to {}", quantity::number(last), quantity::number(first)),
            (true, false) => "ordered throughout".to_owned(),
            (false, true) => "chaotic throughout".to_owned(),
            (false, false) => "no fixed point".to_owned(),
        };
        rows.push(Row::new(
            format!("edge at b_std {}", quantity::number(b_std)),
            value,
            "W_std between order and chaos",
        ));
    }
    if let Some(worst) = all.iter().filter_map(Found::condition).filter(|c| c.is_finite()).reduce(f64::max) {
        rows.push(Row::new("largest condition number", quantity::number(worst), "of the kernels of the sweep"));
    }
    rows.push(Row::new("networks", quantity::count(all.len() as u64), "phase.csv has them all"));
    rows.push(Row::new("time", quantity::seconds(took), limits.threads_text()));
    let mut configuration = inputs.record();
    for key in ["model", "model_toml", "parameters", "weights"] {
        configuration.remove(key);
    }
    let own: [(&str, Value); 4] = [
        ("activation", json!(activation.name())),
        ("w_std", json!(w)),
        ("b_std", json!(b)),
        ("depths", json!(arguments.depths)),
    ];
    configuration.extend(own.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Tale {
        command: "phase",
        heading: "Order and chaos".to_owned(),
        title: format!("Phases of deep {} networks on {}", activation.name(), inputs.data.name),
        rows,
        results: Map::from_iter([
            ("networks".to_owned(), json!(all.iter().map(record).collect::<Vec<_>>())),
            ("digests".to_owned(), json!({ "data_sha256": inputs.data.digest })),
        ]),
        configuration,
        configured: own.map(|(name, value)| (name.to_owned(), value.to_string())).into_iter().collect(),
        plots,
        seconds: vec![("load", inputs.loaded.as_secs_f64()), ("kernels", took)],
        notes: vec![Note::ConditionNumber, Note::Memory],
        remarks: inputs.remarks().cloned().collect(),
        ..Tale::default()
    }
    .end(folder, &arguments.output)
}

/// The kernel of one network, on inputs whose first layer has the variance of the fixed point.
fn measure(
    inputs: &Inputs,
    (x1, x2): (&Array<f64>, Option<&Array<f64>>),
    (activation, w_std, b_std, depth): (Activation, f64, f64, usize),
    fixed: Option<FixedPoint>,
    memory: u64,
) -> Result<Found, ntk::Error> {
    let width = x1.row_len();
    let preset = format!("mlp:{width}-2x{depth}-1:{},W_std={w_std},b_std={b_std}", activation.name());
    let model = Architecture::parse(&preset)?;
    let target = fixed.map_or(1.0, |fixed| (fixed.variance - b_std * b_std) / (w_std * w_std));
    let target = if target > 0.0 { target } else { 1.0 };
    let scaled = |x: &Array<f64>| {
        let mut data = x.data.clone();
        for row in data.chunks_exact_mut(width) {
            let square = row.iter().map(|x| x * x).sum::<f64>() / width as f64;
            let factor = if square > 0.0 { (target / square).sqrt() } else { 0.0 };
            row.iter_mut().for_each(|x| *x *= factor);
        }
        Array::new([x.rows(), width], data)
    };
    let (x1, x2) = (scaled(x1)?, x2.map(scaled).transpose()?);
    let mut found = Found { w_std, b_std, depth, fixed, eigenvalues: None, prediction: None };
    let kernel = |a: &Array<f64>, b: Option<&Array<f64>>| {
        match infinite::kernel(&model, a, b, Get::Ntk, memory, &Observer::default()) {
            // Far in the chaotic phase numbers end before layers do.
            Err(ntk::Error::Overflow { .. }) => Ok(None),
            other => other.map(|kernels| kernels.ntk),
        }
    };
    let Some(train) = kernel(&x1, None)? else { return Ok(found) };
    let targets = centred(&inputs.data.targets)?;
    let regression = Regression::new(&train, targets.row_len().max(1), 0.0)?;
    let values = regression.eigenvalues();
    found.eigenvalues = Some([values[values.len() - 1], values[values.len() / 2], values[0]]);
    if let (Some(x2), true) = (&x2, targets.row_len() > 0) {
        let Some(test) = kernel(x2, Some(&x1))? else { return Ok(found) };
        let o = targets.row_len();
        let (start, start_test) = (Array::full([x1.rows(), o], 0.0)?, Array::full([x2.rows(), o], 0.0)?);
        let test = Some(Test { start: &start_test, kernel: &test });
        let predicted = regression.predict(Dynamics::Flow, &[f64::INFINITY], &start, &targets, test)?;
        let f = predicted.test.map(|f| f.data).unwrap_or_default();
        found.prediction = Some((f.iter().map(|f| f * f).sum::<f64>() / f.len().max(1) as f64).sqrt());
    }
    Ok(found)
}

/// Targets less their mean: what is the same for all samples is no prediction.
fn centred(targets: &Array<f64>) -> Result<Array<f64>, ntk::Error> {
    let (n, o) = (targets.rows(), targets.row_len());
    let mean = |a: usize| (0..n).map(|i| targets.data[i * o + a]).sum::<f64>() / n as f64;
    let means: Vec<f64> = (0..o).map(mean).collect();
    Array::new([n, o], targets.data.iter().enumerate().map(|(at, y)| y - means[at % o]).collect())
}

fn table(all: &[Found]) -> String {
    let mut text = String::from(
        "W_std,b_std,depth,variance,chi_1,correlation,chi_c,depth_scale,largest_eigenvalue,median_eigenvalue,\
         smallest_eigenvalue,condition_number,prediction\n",
    );
    let cell = |x: Option<f64>| x.map_or(String::new(), |x| format!("{x:e}"));
    for found in all {
        let fixed = |of: fn(&FixedPoint) -> f64| cell(found.fixed.as_ref().map(of));
        let value = |i: usize| cell(found.eigenvalues.map(|v| v[i]));
        let cells = [
            found.w_std.to_string(),
            found.b_std.to_string(),
            found.depth.to_string(),
            fixed(|f| f.variance),
            fixed(|f| f.chi_1),
            fixed(|f| f.correlation),
            fixed(|f| f.chi_c),
            fixed(FixedPoint::depth_scale),
            value(0),
            value(1),
            value(2),
            cell(found.condition()),
            cell(found.prediction),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

fn record(found: &Found) -> Value {
    // Infinity is no number of JSON: null.
    let finite = |x: f64| x.is_finite().then_some(x);
    json!({
        "W_std": found.w_std,
        "b_std": found.b_std,
        "depth": found.depth,
        "variance": found.fixed.map(|f| f.variance),
        "chi_1": found.fixed.map(|f| f.chi_1),
        "correlation": found.fixed.map(|f| f.correlation),
        "chi_c": found.fixed.map(|f| f.chi_c),
        "depth_scale": found.fixed.and_then(|f| finite(f.depth_scale())),
        "largest_eigenvalue": found.eigenvalues.map(|v| v[0]),
        "median_eigenvalue": found.eigenvalues.map(|v| v[1]),
        "smallest_eigenvalue": found.eigenvalues.map(|v| v[2]),
        "condition_number": found.condition().and_then(finite),
        "prediction": found.prediction,
    })
}

/// Heat maps over deviation and depth, of the first deviation of biases.
fn plots(arguments: &args::Phase, all: &[Found], folder: &OutputFolder) -> Result<Vec<Illustration>, Failure> {
    let b_std = arguments.b_std.0[0];
    let of: Vec<&Found> = all.iter().filter(|found| found.b_std == b_std).collect();
    let [w, depths] = [arguments.w_std.0.len(), arguments.depths.len()];
    let mut plots = Vec::new();
    // Depths grow upwards, so rows are turned.
    let over = |value: &dyn Fn(&Found) -> Option<f64>| -> Vec<f64> {
        let at = |row: usize, column: usize| of[column * depths + (depths - 1 - row)];
        (0..depths * w).map(|i| value(at(i / w, i % w)).filter(|x| x.is_finite()).unwrap_or(f64::NAN)).collect()
    };
    let subtitle = format!("{}, b_std = {}", arguments.activation, quantity::number(b_std));
    let rows: Vec<String> = arguments.depths.iter().rev().map(ToString::to_string).collect();
    let columns: Vec<String> = arguments.w_std.0.iter().map(|w| ((w * 1e4).round() / 1e4).to_string()).collect();
    let log = |x: Option<f64>| x.filter(|x| *x > 0.0).map(f64::log10);
    let maps: [(&str, &str, &str, &str, Vec<f64>); 2] = [
        (
            "condition",
            "Condition number of the tangent kernel",
            "log₁₀ κ",
            "Log of the condition number: the edge between order and chaos is where it stays small with depth.",
            over(&|found| log(found.condition())),
        ),
        (
            "prediction",
            "Mean prediction of test samples",
            "log₁₀ rms",
            "Size of what a trained network says of test samples, centred targets: deep in both phases it forgets its inputs.",
            over(&|found| log(found.prediction)),
        ),
    ];
    for (name, title, quantity, caption, values) in &maps {
        if values.iter().all(|x| x.is_nan()) {
            continue;
        }
        let grid = Grid {
            title,
            subtitle: &subtitle,
            quantity,
            values,
            rows: &rows,
            columns: &columns,
            axes: ["hidden layers", "W_std"],
        };
        plots.push(results::illustration(folder, name, &grid, *caption)?);
    }
    Ok(plots)
}
