//! `ntk hvp`: a Hessian times vectors that are given.

use std::time::Instant;

use autodiff::Float;
use ntk::Error;
use ntk::array::Array;
use ntk::data::npy::write_npy_to;
use ntk::data::{Element, read_npy};
use ntk::operator::{Curvature, LinearOperator, Matrix, Recordings, Settings};
use serde_json::json;

use super::{Material, Told, done, fit, loss_of, phase, room, store, subject, unless_interrupted};
use crate::args::{self, SecondData};
use crate::command::inputs::{Inputs, Limits, Typed};
use crate::failure::Outcome;
use crate::render::progress::Progress;
use crate::render::quantity;
use crate::render::report::Note;
use crate::render::summary::Row;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;

/// Runs the command.
pub(crate) fn run(arguments: &args::Hvp) -> Outcome {
    let args::Hvp { network, data, machine, output, .. } = arguments;
    let typed = Typed { network, data, second: &SecondData::default(), machine, format: output.format };
    typed.run(arguments, [run_as::<f32>, run_as::<f64>])
}

fn matrix_of(typed: args::Matrix) -> Matrix {
    match typed {
        args::Matrix::Hessian => Matrix::Hessian,
        args::Matrix::Ggn => Matrix::GaussNewton,
        args::Matrix::Fisher => Matrix::Fisher,
        args::Matrix::EmpiricalFisher => Matrix::EmpiricalFisher,
    }
}

fn run_as<R: Float + Element>(
    arguments: &args::Hvp,
    inputs: &mut Inputs,
    limits: Limits,
    signals: &Signals,
) -> Outcome {
    let loss = loss_of(arguments.loss.loss, inputs);
    let fit = fit::<R>(loss, inputs)?;
    let material = Material::<R>::read(inputs)?;
    let point = material.point(&inputs.model);
    let count = point.count();
    let vectors: Array<R> = read_npy(&arguments.vector)?;
    if !(1..=2).contains(&vectors.rank()) || vectors.shape.last() != Some(&count) {
        return Err(Error::data(
            &arguments.vector,
            format!("has shape {:?}, and a vector of this model has {count} numbers", vectors.shape),
            format!("give [{count}] or [k, {count}]: W0, b0, W1, ... behind one another"),
        )
        .into());
    }
    if let Some(at) = vectors.data.iter().position(|x| !Float::is_finite(*x)) {
        let what = format!("number {at} is not finite");
        return Err(Error::data(&arguments.vector, what, "give finite numbers").into());
    }
    let products = vectors.len() / count;
    let memory = room(&point, limits, 2 * products, count)?;
    signals.hold(OutputFolder::create(arguments.output.out.clone(), "hvp")?);

    let start = Instant::now();
    let matrix = matrix_of(arguments.matrix);
    let mut recordings = Recordings::default();
    let settings = Settings { memory, stop: signals.stop() };
    let operator = unless_interrupted(Curvature::new(matrix, point, &fit, &mut recordings, settings), signals)?;
    let recorded = start.elapsed();
    let start = Instant::now();
    let mut product = Array::full(vectors.shape.clone(), <R as autodiff::Real>::ZERO)?;
    let bar = Progress::new(products as u64, "products");
    for (v, y) in vectors.data.chunks_exact(count).zip(product.data.chunks_exact_mut(count)) {
        unless_interrupted(operator.apply(v, y), signals)?;
        bar.advance(1);
    }
    bar.finish();
    let multiplied = start.elapsed();
    if product.data.iter().any(|x| !Float::is_finite(*x)) {
        return Err(Error::numerics("the product is not finite", "give a smaller vector, or use --dtype f64").into());
    }

    let folder = signals.release()?;
    let start = Instant::now();
    folder.write_with("hvp.npy", |mut to| write_npy_to(&mut to, &product.shape, &product.data))?;
    let written = start.elapsed();
    let flops = inputs.model.hvp_flops(inputs.n)?;
    // Gauss-Newton and Fisher products push forward and pull back, as a gradient does.
    let each = if matrix == Matrix::Hessian { flops.product } else { flops.gradient };
    let gflop = (flops.gradient + products as f64 * each) / 1e9;
    let first = (&vectors.data[..count], &product.data[..count]);
    let dot = |a: &[R], b: &[R]| a.iter().zip(b).map(|(a, b)| Float::to_f64(*a) * Float::to_f64(*b)).sum::<f64>();
    let (size, length, form) = (dot(first.0, first.0).sqrt(), dot(first.1, first.1).sqrt(), dot(first.0, first.1));
    let (number, of) = (quantity::number, if products > 1 { "of the first" } else { "" });
    let told = Told {
        command: "hvp",
        title: format!("{} times vectors: {}, {}", arguments_name(matrix), subject(inputs), loss.name()),
        heading: "Matrix-vector products",
        rows: vec![
            Row::new("products", quantity::count(products as u64), format!("of {count} numbers")),
            Row::new("|v|", number(size), of),
            Row::new("|Hv|", number(length), of),
            Row::new("vᵀHv / vᵀv", number(form / (size * size)), of),
        ],
        spectrum: Vec::new(),
        plots: Vec::new(),
        explained: vec![Note::Work, Note::Memory],
        phases: vec![
            phase("read the data", inputs.loaded, None),
            phase("read or draw the weights", material.drawn, None),
            phase("linearize", recorded, Some(flops.gradient / 1e9)),
            phase("products", multiplied, Some(products as f64 * each / 1e9)),
            phase("write", written, None),
        ],
        flags: vec![
            ("loss", json!(loss.name())),
            ("matrix", json!(matrix.name())),
            ("vector", json!(arguments.vector.display().to_string())),
        ],
        found: json!({
            "file": "hvp.npy",
            "shape": product.shape,
            "products": products,
            "vector_norm": size,
            "product_norm": length,
            "rayleigh_quotient": form / (size * size),
        }),
        digest: material.digest.clone(),
        gflop,
        worked: (recorded + multiplied).as_secs_f64(),
        fails: false,
    };
    done(store(told, inputs, limits, &arguments.output, folder))
}

fn arguments_name(matrix: Matrix) -> &'static str {
    match matrix {
        Matrix::Hessian => "Hessian",
        Matrix::GaussNewton => "Gauss-Newton matrix",
        Matrix::Fisher => "Fisher matrix",
        Matrix::EmpiricalFisher => "empirical Fisher matrix",
    }
}
