//! `ntk spectrum --model ..`: a kernel that is applied and never stored: its top, and estimates of the rest.

use std::time::Instant;

use autodiff::Float;
use ntk::array::Array;
use ntk::contraction::Outputs;
use ntk::data::Element;
use ntk::data::npy::write_npy_to;
use ntk::operator::{Kernel, LinearOperator, Recordings, Reduced, Settings, Shifted};
use ntk::spectral::sketch::{Asked, Sketch};
use ntk::spectral::{Effort, cg};
use ntk::{Error, Result};
use serde_json::{Value, json};

use super::{Fraction, Material, Told, done, estimated, phase, plain, room, store, subject, unless_interrupted};
use crate::args::{self, SecondData};
use crate::command::inputs::{Inputs, Limits, Typed};
use crate::command::results;
use crate::failure::Outcome;
use crate::render::quantity;
use crate::render::report::Note;
use crate::render::summary::Row;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;

/// Eigenvalues that are found unless others are asked for.
const FEW: usize = 10;

/// Runs the command.
pub(crate) fn run(arguments: &args::SpectrumArgs) -> Outcome {
    let args::SpectrumArgs { network, data, machine, output, .. } = arguments;
    let typed = Typed { network, data, second: &SecondData::default(), machine, format: output.format };
    typed.run(arguments, [run_as::<f32>, run_as::<f64>])
}

/// What was asked of the kernel, for this many rows.
fn asked(arguments: &args::SpectrumArgs, rows: usize) -> Result<Asked> {
    let top = match arguments.spectrum {
        None => FEW.min(rows),
        Some(args::Spectrum::None) => 0,
        Some(args::Spectrum::Top(top)) if top <= rows => top,
        Some(args::Spectrum::Top(top)) => {
            let what = format!("top:{top} asks for more eigenvalues than the kernel has, which are {rows}");
            return Err(Error::usage(what, format!("write top:{rows} at most")));
        }
        Some(args::Spectrum::Full) => {
            let what = "--spectrum full needs the kernel, and that of a network is only applied here";
            return Err(Error::usage(what, "write top:K, or compute it: ntk kernel --spectrum full"));
        }
    };
    Ok(Asked { top, probes: arguments.probes, steps: arguments.steps })
}

fn run_as<R: Float + Element>(
    arguments: &args::SpectrumArgs,
    inputs: &mut Inputs,
    limits: Limits,
    signals: &Signals,
) -> Outcome {
    let outputs: Outputs = arguments.outputs.into();
    let dim = outputs.rows(inputs.n, inputs.outputs);
    let asked = asked(arguments, dim)?;
    let material = Material::<R>::read(inputs)?;
    let point = material.point(&inputs.model);
    // Lanczos' basis, or that of a probe beside the top; a few on their way, in the size of all pairs.
    let vectors =
        ntk::spectral::lanczos::vectors(asked.top.max(1), dim).min(dim) + asked.top + asked.steps.min(dim) + 3;
    let memory = room(&point, limits, vectors + 4, dim.max(inputs.n * inputs.outputs))?;
    let targets = if arguments.ridge.is_some() { Some(right_sides::<R>(inputs, outputs)?) } else { None };
    signals.hold(OutputFolder::create(arguments.output.out.clone(), "spectrum")?);

    let start = Instant::now();
    let mut recordings = Recordings::default();
    let settings = Settings { memory, stop: signals.stop() };
    let whole = unless_interrupted(Kernel::new(point, &mut recordings, settings), signals)?;
    let operator = Reduced::new(&whole, outputs, inputs.outputs);
    let recorded = start.elapsed();

    let start = Instant::now();
    let bar = Fraction::new("spectrum");
    let total = (40 * asked.top.min(10) + asked.probes * asked.steps.min(dim)) as f64;
    let watch = |products: usize, _: f64| bar.reach(products as f64 / total);
    let effort = Effort {
        tolerance: arguments.tolerance,
        products: 40 * asked.top + 200,
        seed: arguments.network.seed,
        watch: &watch,
    };
    let sketch = Sketch::of(&operator, asked, &effort);
    bar.progress.finish();
    let sketch = unless_interrupted(sketch, signals)?;
    let trace = sketch.trace();
    let solved = match (arguments.ridge, targets) {
        (Some(ridge), Some(targets)) => {
            let shift = ridge * trace.value / dim as f64;
            let found = solve(&operator, &targets, shift, arguments, signals);
            Some((shift, unless_interrupted(found, signals)?))
        }
        _ => None,
    };
    let worked = start.elapsed();

    let folder = signals.release()?;
    results::write_eigenvalues(&sketch.top.values, &folder)?;
    if let Some((_, solved)) = &solved {
        folder.write_with("solution.npy", |mut to| write_npy_to(&mut to, &solved.x.shape, &solved.x.data))?;
    }
    let products = sketch.products + solved.as_ref().map_or(0, |(_, solved)| solved.products);
    let flops = inputs.model.hvp_flops(inputs.n)?;
    let gflop = (flops.gradient + (products * operator.products()) as f64 * flops.gradient) / 1e9;
    let estimates = [
        ("trace", "trace", trace),
        ("Frobenius norm", "frobenius_norm", sketch.frobenius()),
        ("effective rank", "effective_rank", sketch.effective_rank()),
    ];
    let number = quantity::number;
    let mut rows = vec![Row::new("rows", quantity::count(dim as u64), outputs.name())];
    if let (Some(top), Some(residual)) = (sketch.top.values.first(), sketch.top.residuals.first()) {
        rows.push(Row::new("largest eigenvalue", number(*top), format!("residual {}", number(*residual))));
    }
    rows.extend(estimates.iter().map(|(label, _, estimate)| estimated(label, estimate, "")));
    let mut found = json!({
        "matrix": "ntk",
        "outputs": outputs.name(),
        "rows": dim,
        "eigenvalues": sketch.top.values,
        "residuals": sketch.top.residuals,
        "products": products,
        "products_of_eigenvalues": sketch.top.products,
    });
    estimates.iter().for_each(|(_, name, estimate)| found[*name] = plain(estimate));
    if let Some((shift, solved)) = &solved {
        let determinant = sketch.log_determinant(*shift);
        rows.push(estimated("ln det(K + r I)", &determinant, ""));
        rows.push(Row::new(
            "y (K + r I)^-1 y",
            number(solved.form),
            format!("relative residual {}", number(solved.residual)),
        ));
        found["ridge"] = json!(shift);
        found["log_determinant"] = plain(&determinant);
        found["solve"] = solved.json();
        if !solved.converged {
            inputs.notes.push(format!(
                "the solution's relative residual is {} after {} products, above --tolerance; a larger --ridge converges sooner",
                number(solved.residual),
                solved.products
            ));
        }
    }
    rows.push(Row::new("products", quantity::count(products as u64), "with the kernel, which is never stored"));
    let told = Told {
        command: "spectrum",
        title: format!("Kernel of {}, applied", subject(inputs)),
        heading: "Spectrum of a kernel that is not stored",
        rows,
        spectrum: if sketch.top.values.len() > 2 { sketch.top.values.clone() } else { Vec::new() },
        plots: Vec::new(),
        explained: vec![Note::EffectiveRank, Note::Work, Note::Memory],
        phases: vec![
            phase("read the data", inputs.loaded, None),
            phase("read or draw the weights", material.drawn, None),
            phase("linearize", recorded, Some(flops.gradient / 1e9)),
            phase("products", worked, Some(gflop - flops.gradient / 1e9)),
        ],
        flags: vec![
            ("outputs", json!(outputs.name())),
            ("top", json!(asked.top)),
            ("probes", json!(asked.probes)),
            ("steps", json!(asked.steps)),
            ("tolerance", json!(arguments.tolerance)),
            ("ridge", json!(arguments.ridge)),
        ],
        found,
        digest: material.digest.clone(),
        gflop,
        worked: (recorded + worked).as_secs_f64(),
        fails: false,
    };
    done(store(told, inputs, limits, &arguments.output, folder))
}

/// The targets as vectors that the kernel takes.
fn right_sides<R: Float>(inputs: &Inputs, outputs: Outputs) -> Result<Array<R>> {
    let Some(targets) = inputs.targets() else {
        return Err(Error::usage("--ridge solves for targets, and there are none", "give --y, or leave --ridge out"));
    };
    let (n, o) = (targets.rows(), targets.row_len());
    let number = |i: usize, a: usize| R::from_f64(targets.data[i * o + a]);
    let (count, data) = match outputs {
        // Outputs are in the vector.
        Outputs::Full | Outputs::Diagonal => (1, (0..n * o).map(|at| number(at / o, at % o)).collect::<Vec<R>>()),
        _ => (o, (0..o).flat_map(|a| (0..n).map(move |i| (i, a))).map(|(i, a)| number(i, a)).collect()),
    };
    Array::new([count, data.len() / count.max(1)], data)
}

/// Solutions of `(K + r I) x = y`.
struct Solved<R> {
    /// `[right sides, rows]`
    x: Array<R>,
    /// The sum of `y^T x`.
    form: f64,
    /// The largest residual over its right side.
    residual: f64,
    products: usize,
    converged: bool,
}

impl<R> Solved<R> {
    fn json(&self) -> Value {
        json!({ "file": "solution.npy", "form": self.form, "relative_residual": self.residual, "products": self.products,
            "converged": self.converged })
    }
}

fn solve<R: Float>(
    operator: &impl LinearOperator<R>,
    y: &Array<R>,
    shift: f64,
    arguments: &args::SpectrumArgs,
    signals: &Signals,
) -> Result<Solved<R>> {
    let shifted = Shifted(operator, shift);
    let bar = Fraction::new("solve");
    let mut solved = Solved { x: y.clone(), form: 0.0, residual: 0.0, products: 0, converged: true };
    let (dim, share) = (y.row_len().max(1), 1.0 / y.rows().max(1) as f64);
    for (k, (y, x)) in y.data.chunks_exact(dim).zip(solved.x.data.chunks_exact_mut(dim)).enumerate() {
        signals.check()?;
        let watch = |_: usize, residual: f64| {
            let done = residual.max(f64::MIN_POSITIVE).ln() / arguments.tolerance.ln();
            bar.reach(share * (k as f64 + done.clamp(0.0, 1.0)));
        };
        let effort = Effort { tolerance: arguments.tolerance, products: 1000, watch: &watch, ..Effort::default() };
        let found = cg(&shifted, y, None, &effort)?;
        let norm = y.iter().map(|y| y.to_f64().powi(2)).sum::<f64>().sqrt();
        solved.form += y.iter().zip(&found.solution).map(|(y, x)| y.to_f64() * x.to_f64()).sum::<f64>();
        solved.residual = solved.residual.max(if norm > 0.0 { found.residual / norm } else { 0.0 });
        solved.products += found.products;
        solved.converged &= found.converged;
        x.copy_from_slice(&found.solution);
    }
    bar.progress.finish();
    Ok(solved)
}
