//! `ntk tape`: shows a recording, of an expression or of a network.
//!
//! Decided here: what is recorded, and in which of the forms it is shown. The recording and every number on it are
//! `autodiff`'s; the language is `tape/parse.rs`'s, the forms are the other files'.

mod graph;
mod listing;
mod network;
mod parse;
mod record;
mod show;
mod steps;

use autodiff::trace::{Line, trace};
use autodiff::{Arena, Tensor, hessian};
use serde_json::{Value, json};

use crate::args::{Format, Tape};
use crate::failure::{Failure, Outcome};
use crate::render::terminal::{self, Style};
use parse::Expression;
use record::{Names, record};

/// More variables than this have a Hessian too wide to print.
const MOST_PRINTED: usize = 5;

/// An expression, recorded and swept.
struct Traced<'t> {
    text: String,
    /// The variables, in order, each with its value and tangent.
    names: Vec<(String, f64, f64)>,
    tape: &'t autodiff::Tape<'t, f64>,
    lines: Vec<Line>,
    /// Row by row; none where it was not asked for.
    hessian: Option<Vec<Vec<f64>>>,
    order: u8,
}

/// Records and shows.
pub(crate) fn run(arguments: &Tape) -> Outcome {
    if let Some(model) = &arguments.model {
        return network::run(model, arguments);
    }
    let text = arguments.expression.clone().unwrap_or_default();
    let expression = Expression::parse(&text)?;
    let at = Names::parse("--at", arguments.at.as_deref().unwrap_or_default())?;
    let names = directed(&at, arguments.direction.as_deref())?;
    let mut arena = Arena::new();
    let tape = arena.tape();
    let primals: Vec<f64> = names.iter().map(|(_, x, _)| *x).collect();
    let mut variables = Vec::new();
    for (name, x, _) in &names {
        variables.push((name.as_str(), tape.leaf(tape.keep(&[*x]), &[])?));
    }
    let output = record(&expression, tape, &variables)?;
    let along: Vec<f64> = names.iter().map(|(_, _, x_dot)| *x_dot).collect();
    let traced = Traced {
        lines: trace(output, &along)?,
        hessian: if arguments.order == 2 { Some(second(&expression, &names, &primals)?) } else { None },
        order: arguments.order,
        text,
        names,
        tape,
    };
    let fault = traced.fault();
    let text = match (arguments.format, &fault) {
        (Format::Json, Some(_)) => String::new(),
        (Format::Json, None) => format!("{:#}\n", traced.json()),
        _ if arguments.dot => traced.graph().dot(),
        _ if arguments.svg => graph::svg(&traced.graph())?,
        _ if arguments.steps => steps::text(&traced, &Style::detect()),
        _ => listing::text(&traced, &Style::detect()),
    };
    terminal::print(&text).map_err(Failure::Output)?;
    fault.map_or(Ok(()), Err)
}

/// Every variable with its value and tangent.
fn directed(at: &Names, direction: Option<&str>) -> Result<Vec<(String, f64, f64)>, Failure> {
    let along = direction.map(|text| Names::parse("--direction", text)).transpose()?;
    let stranger = along.iter().flat_map(|along| &along.0).find(|(name, _)| at.value(name).is_none());
    if let Some((name, _)) = stranger {
        let known = at.0.iter().map(|(name, _)| name.as_str());
        let hint = match ntk::nearest::nearest(name, known) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("give it a value: --at {name}=1"),
        };
        return Err(Failure::Usage { what: format!("--direction: '{name}' has no value"), hint });
    }
    let tangent = |i: usize, name: &str| match &along {
        Some(along) => along.value(name).unwrap_or(0.0),
        None => f64::from(u8::from(i == 0)),
    };
    Ok(at.0.iter().enumerate().map(|(i, (name, x))| (name.clone(), *x, tangent(i, name))).collect())
}

/// The Hessian, row by row.
fn second(expression: &Expression, names: &[(String, f64, f64)], primals: &[f64]) -> Result<Vec<Vec<f64>>, Failure> {
    let at: Vec<Tensor<f64>> = primals.iter().map(|&x| Tensor::scalar(x)).collect();
    // What the language refuses was refused when the expression was first recorded.
    let refused = |failure: Failure| autodiff::Error::Program(failure.to_string());
    let rows = hessian(
        |x| {
            let variables: Vec<_> = names.iter().zip(x.iter()).map(|((name, ..), &x)| (name.as_str(), x)).collect();
            record(expression, x.tape(), &variables).map_err(refused)
        },
        &at,
    )?;
    Ok(rows.iter().map(|row| row.iter().flat_map(Tensor::item).collect()).collect())
}

impl Traced<'_> {
    fn output(&self) -> &Line {
        self.lines.last().expect("an expression records its value")
    }

    fn name(&self, leaf: u32) -> &str {
        self.names.get(leaf as usize).map_or("", |(name, ..)| name)
    }

    /// The name of the leaf at a place.
    fn name_of(&self, id: u32) -> &str {
        match self.node(id).op {
            autodiff::Op::Leaf(ordinal) => self.name(ordinal),
            _ => "",
        }
    }

    fn node(&self, id: u32) -> autodiff::Node<'_, f64> {
        self.tape.node(id)
    }

    /// The op of a node with its operands, as people write it.
    fn op(&self, id: u32) -> String {
        show::op(&self.node(id), &|leaf| self.name(leaf).to_owned())
    }

    fn bytes(&self) -> usize {
        self.lines.iter().map(|line| self.node(line.node).bytes()).sum()
    }

    /// The first number that is not finite, if there is one, and where.
    fn fault(&self) -> Option<Failure> {
        // Values first, then slopes: the op that made it, and not those that it spread to.
        let value = |line: &Line| Some(("value", line.value));
        let slope = |line: &Line| line.edges.iter().map(|e| ("slope", e.slope)).find(|(_, s)| !s.is_finite());
        let bar = |line: &Line| line.cotangent.map(|bar| ("cotangent", bar));
        let dot = |line: &Line| line.cotangent_tangent.map(|dot| ("second order", dot));
        type Column<'c> = &'c dyn Fn(&Line) -> Option<(&'static str, f64)>;
        let columns: [(u8, Column<'_>); 4] = [(0, &value), (1, &slope), (1, &bar), (2, &dot)];
        let asked = columns.into_iter().filter(|(order, _)| *order <= self.order);
        let bad = |of: Column<'_>| {
            let bad = |line| of(line).filter(|(_, x)| !x.is_finite()).map(|found| (line, found));
            self.lines.iter().find_map(bad)
        };
        let (line, (what, x)) = asked.map(|(_, of)| of).find_map(bad)?;
        let operands: Vec<String> = line
            .edges
            .iter()
            .map(|e| format!("%{} = {}", e.operand, show::number(self.lines[e.operand as usize].value)))
            .collect();
        let place = if operands.is_empty() { String::new() } else { format!(", with {}", operands.join(", ")) };
        let what = format!("the {what} of %{} = {} is {}{place}", line.node, self.op(line.node), show::number(x));
        Some(ntk::Error::numerics(what, "move --at inside of the function's domain").into())
    }

    fn json(&self) -> Value {
        let nodes: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                let node = self.node(line.node);
                let slopes: Vec<f64> = line.edges.iter().map(|edge| edge.slope).collect();
                let mut row = json!({
                    "node": line.node, "op": node.op.name(), "kind": show::kind(&node), "text": self.op(line.node),
                    "operands": node.inputs, "bytes": node.bytes(), "value": line.value,
                });
                if self.order > 0 {
                    row["slopes"] = json!(slopes);
                    row["tangent"] = json!(line.tangent);
                    row["cotangent"] = json!(line.cotangent);
                }
                if self.order > 1 {
                    row["cotangent_tangent"] = json!(line.cotangent_tangent);
                }
                row
            })
            .collect();
        let variables: Vec<Value> = self
            .names
            .iter()
            .zip(&self.lines)
            .map(|((name, x, x_dot), line)| {
                json!({ "name": name, "value": x, "direction": x_dot,
                    "gradient": if self.order > 0 { Some(line.cotangent.unwrap_or(0.0)) } else { None } })
            })
            .collect();
        json!({
            "schema": 1, "command": "tape", "version": env!("CARGO_PKG_VERSION"), "expression": self.text,
            "variables": variables, "value": self.output().value, "hessian": self.hessian, "nodes": nodes,
            "bytes": self.bytes(),
        })
    }

    fn graph(&self) -> crate::render::plot::Graph {
        graph::of(
            self.lines.iter().map(|line| {
                let node = self.node(line.node);
                let mut rows =
                    vec![format!("%{}  {}", line.node, show::head(&node, &|leaf| self.name(leaf).to_owned()))];
                rows.push(format!("= {}", show::number(line.value)));
                if self.order > 0 {
                    rows.push(
                        line.cotangent.map_or("no cotangent".to_owned(), |bar| format!("bar = {}", show::number(bar))),
                    );
                }
                (node.inputs.to_vec(), rows, show::kind(&node))
            }),
            format!("The tape of {}", self.text),
        )
    }
}
