//! `ntk density`: the spectral density of a matrix that is never stored.

use std::time::Instant;

use autodiff::Float;
use ntk::data::Element;
use ntk::data::npy::write_npy_to;
use ntk::operator::{Curvature, Kernel, LinearOperator, Matrix, Recordings, Settings};
use ntk::spectral::{self, Curve, Effort};
use serde_json::json;

use super::{
    Fraction, Material, Told, done, estimated, fit, loss_of, phase, plain, room, store, subject, unless_interrupted,
};
use crate::args::{self, DensityMatrix, SecondData};
use crate::command::inputs::{Inputs, Limits, Typed};
use crate::command::results;
use crate::failure::{Failure, Outcome};
use crate::render::plot::Lines;
use crate::render::quantity;
use crate::render::report::{Illustration, Note};
use crate::render::summary::Row;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;

/// Runs the command.
pub(crate) fn run(arguments: &args::Density) -> Outcome {
    let args::Density { network, data, machine, output, .. } = arguments;
    let typed = Typed { network, data, second: &SecondData::default(), machine, format: output.format };
    typed.run(arguments, [run_as::<f32>, run_as::<f64>])
}

fn run_as<R: Float + Element>(
    arguments: &args::Density,
    inputs: &mut Inputs,
    limits: Limits,
    signals: &Signals,
) -> Outcome {
    let material = Material::<R>::read(inputs)?;
    let point = material.point(&inputs.model);
    let kernel = arguments.matrix == DensityMatrix::Ntk;
    let dim = if kernel { inputs.n * inputs.outputs } else { point.count() };
    // The basis of a probe, and three vectors on their way.
    let memory = room(&point, limits, arguments.steps.min(dim) + 3, dim)?;
    let settings = Settings { memory, stop: signals.stop() };
    let mut recordings = Recordings::default();
    let start = Instant::now();
    let (found, name) = if kernel {
        signals.hold(OutputFolder::create(arguments.output.out.clone(), "density")?);
        let operator = unless_interrupted(Kernel::new(point, &mut recordings, settings), signals)?;
        (measure(arguments, &operator, start, signals)?, "NTK".to_owned())
    } else {
        let loss = loss_of(arguments.loss.loss, inputs);
        let fit = fit::<R>(loss, inputs)?;
        signals.hold(OutputFolder::create(arguments.output.out.clone(), "density")?);
        let (matrix, name) = match arguments.matrix {
            DensityMatrix::Ggn => (Matrix::GaussNewton, "Gauss-Newton matrix"),
            DensityMatrix::Hessian | DensityMatrix::Ntk => (Matrix::Hessian, "Hessian"),
        };
        let operator = unless_interrupted(Curvature::new(matrix, point, &fit, &mut recordings, settings), signals)?;
        (measure(arguments, &operator, start, signals)?, format!("{name} ({})", loss.name()))
    };
    let Measured { density, recorded, multiplied } = found;
    let curve = density.curve(arguments.points, arguments.width);
    let folder = signals.release()?;
    let start = Instant::now();
    let points: Vec<(f64, f64)> = curve.at.iter().copied().zip(curve.density.iter().copied()).collect();
    let columns: Vec<f64> = points.iter().flat_map(|&(x, y)| [x, y]).collect();
    folder.write_with("density.npy", |mut to| write_npy_to(&mut to, &[points.len(), 2], &columns))?;
    let mut plots = Vec::new();
    if !arguments.output.no_report {
        plots.push(drawn(&curve, &points, &name, &density, &folder)?);
    }
    let written = start.elapsed();
    let flops = inputs.model.hvp_flops(inputs.n)?;
    let each = if arguments.matrix == DensityMatrix::Hessian { flops.product } else { flops.gradient };
    let gflop = (flops.gradient + density.products as f64 * each) / 1e9;
    let (low, high) = density.range();
    let (trace, square) = (density.sum(|x| x), density.sum(|x| x * x));
    let negative = density.sum(|x| f64::from(u8::from(x < -1e-3 * high.abs().max(low.abs()))));
    let large = density.sum(|x| f64::from(u8::from(x > 0.1 * high)));
    let number = quantity::number;
    let told = Told {
        command: "density",
        title: format!("Spectral density of the {name} of {}", subject(inputs)),
        heading: "Spectral density",
        rows: vec![
            Row::new("eigenvalues", quantity::count(dim as u64), ""),
            Row::new("largest node", number(high), "near the largest eigenvalue"),
            Row::new("smallest node", number(low), "near the smallest"),
            estimated("trace", &trace, ""),
            estimated("squared norm", &square, "the sum of squares"),
            estimated("above a tenth", &large, "of the largest"),
            estimated("clearly negative", &negative, "beyond 1/1000 of it"),
            Row::new("products", quantity::count(density.products as u64), format!("{} probes", density.probes.len())),
        ],
        spectrum: Vec::new(),
        plots,
        explained: vec![Note::Density, Note::Work, Note::Memory],
        phases: vec![
            phase("read the data", inputs.loaded, None),
            phase("read or draw the weights", material.drawn, None),
            phase("linearize", recorded, Some(flops.gradient / 1e9)),
            phase("products", multiplied, Some(density.products as f64 * each / 1e9)),
            phase("write and draw", written, None),
        ],
        flags: vec![
            ("matrix", json!(arguments.matrix_name())),
            ("probes", json!(arguments.probes)),
            ("steps", json!(arguments.steps)),
            ("points", json!(arguments.points)),
            ("width", json!(arguments.width)),
        ],
        found: json!({
            "file": "density.npy",
            "points": points.len(),
            "matrix": arguments.matrix_name(),
            "dim": dim,
            "largest_node": high,
            "smallest_node": low,
            "trace": plain(&trace),
            "squared_norm": plain(&square),
            "above_a_tenth": plain(&large),
            "clearly_negative": plain(&negative),
            "width": curve.width,
            "products": density.products,
        }),
        digest: material.digest.clone(),
        gflop,
        worked: (recorded + multiplied).as_secs_f64(),
        fails: false,
    };
    done(store(told, inputs, limits, &arguments.output, folder))
}

/// A density and what it took.
struct Measured {
    density: spectral::Density,
    recorded: std::time::Duration,
    multiplied: std::time::Duration,
}

fn measure<R: Float>(
    arguments: &args::Density,
    operator: &impl LinearOperator<R>,
    start: Instant,
    signals: &Signals,
) -> Result<Measured, ntk::Error> {
    let recorded = start.elapsed();
    let start = Instant::now();
    let bar = Fraction::new("density");
    let total = (arguments.probes * arguments.steps.min(operator.dim())) as f64;
    let watch = |products: usize, _: f64| bar.reach(products as f64 / total);
    let effort = Effort { seed: arguments.network.seed, watch: &watch, ..Effort::default() };
    let found = spectral::density(operator, arguments.probes, arguments.steps, &effort);
    bar.progress.finish();
    let density = unless_interrupted(found, signals)?;
    Ok(Measured { density, recorded, multiplied: start.elapsed() })
}

fn drawn(
    curve: &Curve,
    points: &[(f64, f64)],
    name: &str,
    density: &spectral::Density,
    folder: &OutputFolder,
) -> Result<Illustration, Failure> {
    let title = format!("Spectral density of the {name}");
    let plot = Lines {
        title: &title,
        subtitle: format!(
            "{} eigenvalues  ·  {} probes of {} products  ·  band: one standard error",
            quantity::count(density.dim as u64),
            density.probes.len(),
            density.products / density.probes.len().max(1),
        ),
        axis_names: ["eigenvalue", "density"],
        points,
        errors: &curve.errors,
        level: None,
        logarithmic: true,
        marks: false,
    };
    let caption = format!(
        "Share of the eigenvalues at each place, every one drawn as a normal of width {}; the area is 1. The band is one \
         standard error over the probes.",
        quantity::number(curve.width)
    );
    results::illustration(folder, "density", &plot, caption)
}
