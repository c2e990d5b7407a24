//! A recording as a table: the Wengert list with its columns.

use std::fmt::Write;

use super::{MOST_PRINTED, Traced, show};
use crate::render::quantity;
use crate::render::terminal::Style;

/// Letters of a column of numbers, the blank before it included.
const COLUMN: usize = 12;

/// The table, then the value and its derivatives in full.
pub(super) fn text(traced: &Traced<'_>, style: &Style) -> String {
    let heads = ["value", "tangent", "cotangent", "2nd order"];
    let columns = match traced.order {
        0 => 1,
        1 => 3,
        _ => 4,
    };
    // Places take as many letters as the last, ops what is left of the line.
    let place = 1 + traced.output().node.to_string().len().max(3);
    let op = style.columns.saturating_sub(place + 1 + columns * COLUMN + 7).clamp(9, 28);
    let mut out = String::new();
    let mut line = |place_text: &str, op_text: &str, numbers: &[String], bytes: &str| {
        let numbers: String = numbers.iter().take(columns).map(|x| format!("{x:>COLUMN$}")).collect();
        let row = format!("{place_text:<place$} {:<op$}{numbers} {bytes:>6}", show::fitted(op_text, op));
        let _ = writeln!(out, "{}", row.trim_end());
    };
    line("node", "op", &heads.map(str::to_owned), "bytes");
    for row in &traced.lines {
        let maybe = |x: Option<f64>| x.map_or("-".to_owned(), show::number);
        let numbers =
            [show::number(row.value), show::number(row.tangent), maybe(row.cotangent), maybe(row.cotangent_tangent)];
        let bytes = traced.node(row.node).bytes().to_string();
        line(&format!("%{}", row.node), &traced.op(row.node), &numbers, &bytes);
    }
    let nodes = traced.lines.len();
    let plural = if nodes == 1 { "" } else { "s" };
    let _ = writeln!(out, "\n{nodes} node{plural}, {}", quantity::bytes(traced.bytes() as u64));
    if traced.order > 0 {
        let along = |(name, _, x_dot): &(String, f64, f64)| format!("{name}_dot = {}", show::number(*x_dot));
        let along: Vec<String> = traced.names.iter().map(along).collect();
        let along = if along.is_empty() { "nothing, as there are no names".to_owned() } else { along.join(", ") };
        wrap(&mut out, &format!("tangent: how the value moves along {along}"), style);
        wrap(&mut out, "cotangent: how the last value moves with this one", style);
    }
    if traced.order > 1 {
        wrap(&mut out, "2nd order: how the cotangent moves along the same; of a name, Hessian times direction", style);
    }
    let _ = writeln!(out, "\nvalue      {}", traced.output().value);
    if traced.order > 0 {
        for (i, ((name, ..), row)) in traced.names.iter().zip(&traced.lines).enumerate() {
            let head = if i == 0 { "gradient" } else { "" };
            let _ = writeln!(out, "{head:<10} d/d{name} = {}", row.cotangent.unwrap_or(0.0));
        }
    }
    if let Some(rows) = traced.hessian.as_ref().filter(|rows| (1..=MOST_PRINTED).contains(&rows.len())) {
        for (i, row) in rows.iter().enumerate() {
            let head = if i == 0 { "Hessian" } else { "" };
            let row: String = row.iter().map(|x| format!("{:>COLUMN$}", show::number(*x))).collect();
            let _ = writeln!(out, "{head:<10}{row}");
        }
    }
    out
}

/// A paragraph in lines that fit.
fn wrap(out: &mut String, text: &str, style: &Style) {
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > style.columns {
            let _ = writeln!(out, "{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}
