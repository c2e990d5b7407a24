//! A network's tape: shapes, operations and memory, node by node.

use std::fmt::Write;

use autodiff::Arena;
use autodiff::op::Op;
use ntk::model::Architecture;
use ntk::network::Network;
use serde_json::json;

use super::{graph, show};
use crate::args::{Format, Tape};
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::plot::Graph;
use crate::render::quantity;
use crate::render::terminal::{self, Style};

/// One node, without its numbers.
struct Row {
    inputs: Vec<u32>,
    op: String,
    head: String,
    name: &'static str,
    kind: &'static str,
    shape: String,
    sizes: Vec<usize>,
    flops: usize,
    bytes: usize,
}

/// Records the network on zeros and shows the tape.
pub(super) fn run(text: &str, arguments: &Tape) -> Outcome {
    let model = Architecture::parse(text)?;
    let rows = rows(&model, arguments.samples)?;
    let (flops, bytes) = (rows.iter().map(|r| r.flops).sum::<usize>(), rows.iter().map(|r| r.bytes).sum::<usize>());
    let out = match arguments.format {
        Format::Json => {
            let nodes: Vec<_> = rows
                .iter()
                .enumerate()
                .map(|(node, r)| {
                    json!({ "node": node, "op": r.name, "kind": r.kind, "text": r.op, "operands": r.inputs,
                        "shape": r.sizes, "flops": r.flops, "bytes": r.bytes })
                })
                .collect();
            let all = json!({ "schema": 1, "command": "tape", "version": env!("CARGO_PKG_VERSION"), "model": text,
                "samples": arguments.samples, "parameters": model.count()?, "nodes": nodes, "flops": flops, "bytes": bytes });
            format!("{all:#}\n")
        }
        Format::Text if arguments.dot => graph_of(&rows, text).dot(),
        Format::Text if arguments.svg => graph::svg(&graph_of(&rows, text))?,
        Format::Text => table(&rows, text, arguments.samples, &Style::detect()),
    };
    terminal::print(&out).map_err(Failure::Output)
}

fn rows(model: &Architecture, samples: usize) -> Result<Vec<Row>, Failure> {
    let shapes = Network::parameters(model)?;
    let names: Vec<String> = model.parameters()?.into_iter().map(|(name, _)| name).collect();
    let input: Vec<usize> = std::iter::once(samples).chain(model.input.iter().copied()).collect();
    let len = |shape: &[usize]| shape.iter().fold(1_usize, |len, &size| len.saturating_mul(size));
    let values = model.footprint()?.values.saturating_mul(samples);
    let zeros = shapes.iter().map(|shape| len(shape)).chain([len(&input)]).max().unwrap_or(0);
    let wanted = (values.saturating_add(zeros) as u64).saturating_mul(8);
    if wanted > machine::available_memory() {
        let what = format!("{samples} samples of this network need {}", quantity::bytes(wanted));
        return Err(Failure::Usage { what, hint: "lower --samples, or take a smaller network".to_owned() });
    }
    // Shapes do not depend on the weights, so all of them are one run of zeros.
    let zeros = vec![0.0_f64; zeros];
    let mut arena = Arena::new();
    let tape = arena.tape();
    let x = tape.samples(&zeros[..len(&input)], &input)?;
    let mut leaves = Vec::new();
    for shape in &shapes {
        leaves.push(tape.leaf(&zeros[..len(shape)], shape)?);
    }
    model.apply(x, &leaves)?;
    let name = |leaf: u32| names.get(leaf as usize).cloned().unwrap_or_default();
    let row = |var: autodiff::Var<'_, f64>| {
        let node = var.node();
        let given = matches!(node.op, Op::Constant);
        let input = || "input".to_owned();
        Row {
            inputs: node.inputs.to_vec(),
            op: if given { input() } else { show::op(&node, &name) },
            head: if given { input() } else { show::head(&node, &name) },
            name: node.op.name(),
            kind: show::kind(&node),
            shape: autodiff::Shape::from(node.shape).to_string(),
            sizes: node.shape.to_vec(),
            // A network records ops of the closed set alone.
            flops: tape.flops(var.id()).unwrap_or(0),
            // What is borrowed is not on the tape, but it is in memory.
            bytes: node.bytes() + if node.inputs.is_empty() { size_of_val(node.value) } else { 0 },
        }
    };
    Ok(tape.variables().map(row).collect())
}

fn table(rows: &[Row], model: &str, samples: usize, style: &Style) -> String {
    let place = 1 + (rows.len() - 1).to_string().len().max(3);
    let wide = rows.iter().map(|row| row.shape.len()).max().unwrap_or(5).clamp(5, 22);
    let op = style.columns.saturating_sub(place + wide + 2 + 13 + 13 + 13).clamp(9, 28);
    let mut out = String::new();
    let mut line = |place_text: &str, op_text: &str, kind: &str, shape: &str, flops: &str, bytes: &str| {
        let op_text = show::fitted(op_text, op);
        let shape = show::fitted(shape, wide);
        let row = format!("{place_text:<place$} {op_text:<op$} {kind:<12} {shape:<wide$}{flops:>13}{bytes:>11}");
        let _ = writeln!(out, "{}", row.trim_end());
    };
    line("node", "op", "kind", "shape", "FLOP", "memory");
    for (node, row) in rows.iter().enumerate() {
        let flops = if row.inputs.is_empty() { "-".to_owned() } else { quantity::count(row.flops as u64) };
        let bytes = quantity::bytes(row.bytes as u64);
        line(&format!("%{node}"), &row.op, row.kind, &row.shape, &flops, &bytes);
    }
    let sum = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).sum::<usize>() as u64;
    let recorded = sum(&|row| if row.inputs.is_empty() { 0 } else { row.bytes });
    let _ = writeln!(out, "\n{model}, {samples} sample{}", if samples == 1 { "" } else { "s" });
    let _ = writeln!(out, "{} nodes; {} FLOP forward", rows.len(), quantity::count(sum(&|row| row.flops)));
    let given = quantity::bytes(sum(&|row| row.bytes) - recorded);
    let _ = writeln!(out, "{} recorded, {given} of inputs and parameters", quantity::bytes(recorded));
    // Line by line: what is no letter becomes a blank, and that includes the ends of lines.
    out.lines().map(|line| style.letters(line) + "\n").collect()
}

fn graph_of(rows: &[Row], model: &str) -> Graph {
    let boxes = rows
        .iter()
        .enumerate()
        .map(|(node, row)| (row.inputs.clone(), vec![format!("%{node}  {}", row.head), row.shape.clone()], row.kind));
    graph::of(boxes, format!("The tape of {model}"))
}
