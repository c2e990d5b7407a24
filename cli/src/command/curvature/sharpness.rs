//! `ntk sharpness`: the largest eigenvalues of the Hessian.

use std::sync::Mutex;
use std::time::Instant;

use autodiff::Float;
use ntk::Error;
use ntk::data::Element;
use ntk::data::npy::write_npy_to;
use ntk::operator::{Curvature, LinearOperator, Matrix, Recordings, Settings};
use ntk::spectral::{Effort, Eigenpairs, End, lanczos, lanczos::vectors};
use serde_json::json;

use super::{Fraction, Material, Told, fit, loss_of, phase, room, store, subject, unless_interrupted};
use crate::args::{self, SecondData};
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
pub(crate) fn run(arguments: &args::Sharpness) -> Outcome {
    let args::Sharpness { network, data, machine, output, .. } = arguments;
    let typed = Typed { network, data, second: &SecondData::default(), machine, format: output.format };
    typed.run(arguments, [run_as::<f32>, run_as::<f64>])
}

fn run_as<R: Float + Element>(
    arguments: &args::Sharpness,
    inputs: &mut Inputs,
    limits: Limits,
    signals: &Signals,
) -> Outcome {
    let loss = loss_of(arguments.loss.loss, inputs);
    let fit = fit::<R>(loss, inputs)?;
    let material = Material::<R>::read(inputs)?;
    let point = material.point(&inputs.model);
    let count = point.count();
    if arguments.top > count {
        let what = format!("--top {} asks for more eigenvalues than there are, which are {count}", arguments.top);
        return Err(Error::usage(what, format!("write --top {count} at most")).into());
    }
    let memory = room(&point, limits, vectors(arguments.top, count).min(count + 3), count)?;
    signals.hold(OutputFolder::create(arguments.output.out.clone(), "sharpness")?);

    let start = Instant::now();
    let mut recordings = Recordings::default();
    let settings = Settings { memory, stop: signals.stop() };
    let hessian = Curvature::new(Matrix::Hessian, point, &fit, &mut recordings, settings);
    let hessian = unless_interrupted(hessian, signals)?;
    let recorded = start.elapsed();

    let start = Instant::now();
    let history = Mutex::new(Vec::new());
    let bar = Fraction::new("sharpness");
    let watch = |products: usize, residual: f64| {
        // Residuals fall by a factor a product, so their logarithm tells how far it has come.
        bar.reach(residual.max(f64::MIN_POSITIVE).ln() / arguments.tolerance.ln());
        if let Ok(mut history) = history.lock() {
            history.push((products as f64, residual));
        }
    };
    let effort = Effort {
        tolerance: arguments.tolerance,
        products: arguments.products,
        seed: arguments.network.seed,
        watch: &watch,
    };
    let found = lanczos(&hessian, arguments.top, End::Top, &effort);
    bar.progress.finish();
    let found = unless_interrupted(found, signals)?;
    let solved = start.elapsed();
    let resident = hessian.resident();

    let folder = signals.release()?;
    let start = Instant::now();
    results::write_eigenvalues(&found.values, &folder)?;
    folder.write_with("residuals.npy", |mut to| write_npy_to(&mut to, &[found.residuals.len()], &found.residuals))?;
    if arguments.vectors {
        let shape = [found.vectors.len(), hessian.dim()];
        folder.write_with("eigenvectors.npy", |mut to| write_npy_to(&mut to, &shape, &found.vectors.concat()))?;
    }
    let mut plots = Vec::new();
    if !arguments.output.no_report {
        let history = history.into_inner().unwrap_or_default();
        plots.push(convergence(&history, arguments.tolerance, &folder)?);
        if found.values.len() > 1 {
            plots.push(eigenvalues(&found, count, &folder)?);
        }
    }
    let written = start.elapsed();
    let flops = inputs.model.hvp_flops(inputs.n)?;
    // Blocks that are not kept are linearized for every product.
    let again = 1.0 - resident.0 as f64 / resident.1.max(1) as f64;
    let gflop = (found.products as f64 * (flops.product + again * flops.gradient) + flops.gradient) / 1e9;
    let top = found.values[0];
    let converged = found.converged;
    let (worst, products) = (found.worst(), found.products);
    let told = Told {
        command: "sharpness",
        title: format!("Sharpness of {}, {}", subject(inputs), loss.name()),
        heading: "Sharpness",
        rows: rows(&found, count, loss.name()),
        spectrum: if found.values.len() > 2 { found.values.clone() } else { Vec::new() },
        plots,
        explained: vec![Note::Sharpness, Note::Work, Note::Memory],
        phases: vec![
            phase("read the data", inputs.loaded, None),
            phase("read or draw the weights", material.drawn, None),
            phase("linearize", recorded, Some(flops.gradient / 1e9)),
            phase("eigenvalues", solved, Some(found.products as f64 * flops.product / 1e9)),
            phase("write and draw", written, None),
        ],
        flags: vec![
            ("loss", json!(loss.name())),
            ("top", json!(arguments.top)),
            ("tolerance", json!(arguments.tolerance)),
            ("products", json!(arguments.products)),
        ],
        found: json!({
            "eigenvalues": found.values,
            "residuals": found.residuals,
            "largest_eigenvalue": top,
            "largest_stable_step": (top > 0.0).then(|| 2.0 / top),
            "relative_residual": worst,
            "products": products,
            "iterations": found.iterations,
            "converged": converged,
            "matrix": "hessian",
            "loss": loss.name(),
            "resident_blocks": resident.0,
            "blocks": resident.1,
        }),
        digest: material.digest.clone(),
        gflop,
        worked: (recorded + solved).as_secs_f64(),
        fails: !converged,
    };
    let place = store(told, inputs, limits, &arguments.output, folder)?;
    if converged {
        return Ok(());
    }
    Err(Error::numerics(
        format!(
            "the eigenvalues did not converge in {products} products: relative residual {worst:.1e}; what was found is \
             in {}",
            place.display()
        ),
        "allow more with --products, or a larger --tolerance",
    )
    .into())
}

fn rows<R>(found: &Eigenpairs<R>, count: usize, loss: &str) -> Vec<Row> {
    let top = found.values[0];
    let number = quantity::number;
    let mut rows = vec![Row::new("largest eigenvalue", number(top), format!("± {}", number(found.residuals[0])))];
    let others = found.values.iter().zip(&found.residuals).enumerate().skip(1);
    rows.extend(others.take(9).map(|(i, (value, residual))| {
        Row::new(format!("eigenvalue {}", i + 1), number(*value), format!("± {}", number(*residual)))
    }));
    if top > 0.0 {
        rows.push(Row::new("largest stable step", number(2.0 / top), "2/λ, of gradient descent"));
    }
    rows.push(Row::new("Hessian", quantity::count(count as u64), format!("parameters, of the loss {loss}")));
    let state = if found.converged { "" } else { "not converged" };
    rows.push(Row::new("products", quantity::count(found.products as u64), state));
    rows
}

fn convergence(history: &[(f64, f64)], tolerance: f64, folder: &OutputFolder) -> Result<Illustration, Failure> {
    let last = history.last().copied().unwrap_or_default();
    let plot = Lines {
        title: "Residuals of the eigenvalues",
        subtitle: format!("{} after {} products", quantity::number(last.1), last.0),
        axis_names: ["products with the Hessian", "largest |Hv − λv| / λ₁"],
        points: history,
        errors: &[],
        level: Some((tolerance, "tolerance")),
        logarithmic: true,
        marks: history.len() <= 60,
    };
    let caption = "How far the eigenvalues are from being known, after each product.";
    results::illustration(folder, "residuals", &plot, caption)
}

fn eigenvalues<R>(found: &Eigenpairs<R>, count: usize, folder: &OutputFolder) -> Result<Illustration, Failure> {
    let plot = crate::render::plot::Spectrum {
        title: "Largest eigenvalues of the Hessian",
        values: &found.values,
        total: Some(count),
        floor: None,
    };
    let caption = "Eigenvalues of the Hessian, largest first.";
    results::illustration(folder, "spectrum", &plot, caption)
}
