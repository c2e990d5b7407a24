//! The sweeps, step by step: which rule each line of the tape applies, with the numbers put in.

use std::fmt::Write;

use autodiff::op::Op;
use autodiff::trace::{Edge, Line};

use super::{Traced, show};
use crate::render::terminal::Style;

/// Forward, then backward.
pub(super) fn text(traced: &Traced<'_>, _: &Style) -> String {
    let mut out = String::new();
    let order = traced.order;
    let kinds = [
        ("elementwise", "y = f(x)", "slope s = f'(x)", "s_dot = f''(x) x_dot"),
        ("pairwise", "y = f(a, b)", "slopes f_a, f_b", "s_dot by second derivatives"),
        ("linear", "y = c_1 x_1 + ..", "slopes c_i", "s_dot = 0"),
        ("bilinear", "y = a b", "slopes b and a", "s_dot = b_dot and a_dot"),
    ];
    let _ = writeln!(out, "Every op is of a kind, and at a point it is its slopes:");
    for (kind, rule, slope, moves) in kinds {
        let line = format!(
            "  {kind:<12} {rule:<17} {:<16} {}",
            if order > 0 { slope } else { "" },
            if order > 1 { moves } else { "" }
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = writeln!(
        out,
        "\nFORWARD  each line reads lines above it{}",
        if order > 0 { "; y_dot = sum of s x_dot" } else { "" }
    );
    for line in &traced.lines {
        forward(&mut out, traced, line);
    }
    if order == 0 {
        return out;
    }
    let last = traced.output();
    let _ = writeln!(out, "\nBACKWARD  down from %{}, whose x_bar is 1; x_bar += s y_bar", last.node);
    if order > 1 {
        let _ = writeln!(out, "          and, differentiated, x_bar_dot += s y_bar_dot + s_dot y_bar");
    }
    for line in traced.lines.iter().rev() {
        backward(&mut out, traced, line);
    }
    out
}

fn forward(out: &mut String, traced: &Traced<'_>, line: &Line) {
    let node = traced.node(line.node);
    let (id, kind) = (line.node, show::kind(&node));
    let value = show::number(line.value);
    let _ = writeln!(out, "{:<28} {kind}", format!("%{id} = {}", show::fitted(&traced.op(id), 22)));
    match node.op {
        Op::Leaf(_) if traced.order > 0 => {
            let _ = writeln!(out, "    x = {value}, x_dot = {}: given", show::number(line.tangent));
        }
        Op::Leaf(_) | Op::Constant => {
            let _ = writeln!(out, "    x = {value}: given");
        }
        Op::Elementwise(_) | Op::Pairwise(_) | Op::Linear(_) | Op::Bilinear(_) | Op::Custom(_) => {
            let _ = writeln!(out, "    y = {value}");
            if traced.order > 0 && node.active {
                let terms: Vec<String> = edges(traced, line)
                    .map(|edge| {
                        let x_dot = traced.lines[edge.operand as usize].tangent;
                        format!("{} * {}", show::number(edge.slope), show::number(x_dot))
                    })
                    .collect();
                let _ = writeln!(out, "    y_dot = {} = {}", terms.join(" + "), show::number(line.tangent));
            }
        }
    }
}

fn backward(out: &mut String, traced: &Traced<'_>, line: &Line) {
    let id = line.node;
    let (Some(bar), Some(bar_dot)) = (line.cotangent, line.cotangent_tangent) else {
        if traced.node(id).active {
            let _ = writeln!(out, "%{id} = {}: the result does not depend on it", show::fitted(&traced.op(id), 22));
        }
        return;
    };
    let second = if traced.order > 1 { format!(", x_bar_dot = {}", show::number(bar_dot)) } else { String::new() };
    let head = format!("%{id} = {}", show::fitted(&traced.op(id), 22));
    let _ = writeln!(out, "{head:<28} x_bar = {}{second}", show::number(bar));
    if let Op::Leaf(_) = traced.node(id).op {
        let name = traced.name_of(id);
        let _ = writeln!(out, "    complete: the derivative by {name}");
    }
    for edge in edges(traced, line) {
        let (x, s) = (edge.operand, show::number(edge.slope));
        let _ =
            writeln!(out, "    %{x}: x_bar     += {s} * {} = {}", show::number(bar), show::number(edge.slope * bar));
        if traced.order > 1 {
            let term = edge.slope * bar_dot + edge.slope_dot * bar;
            let _ = writeln!(
                out,
                "    %{x}: x_bar_dot += {s} * {} + {} * {} = {}",
                show::number(bar_dot),
                show::number(edge.slope_dot),
                show::number(bar),
                show::number(term)
            );
        }
    }
}

/// The operands that derivatives pass through.
fn edges<'t>(traced: &'t Traced<'_>, line: &'t Line) -> impl Iterator<Item = &'t Edge> {
    line.edges.iter().filter(|edge| traced.node(edge.operand).active)
}
