//! Writing a network as a model file.

use std::fmt::Write as _;

use super::{Activation, Architecture, Dense, Layer};

/// The text of a model file; what shapes follow stands behind each layer as a comment.
pub(super) fn to_toml(model: &Architecture) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "input = {:?}", model.input);
    if model.gamma0 != 1.0 {
        let _ = writeln!(out, "gamma0 = {:?}", model.gamma0);
    }
    let mut shapes = shapes(model).into_iter();
    out.push_str("layers = [\n");
    push_layers(&mut out, &model.layers, 1, &mut shapes);
    out.push_str("]\n");
    out
}

/// A comment for each dense layer; none where the layers do not fit.
fn shapes(model: &Architecture) -> Vec<String> {
    let Ok(dims) = model.dims() else {
        return Vec::new();
    };
    let comment = |(l, d): (usize, super::DenseDims)| {
        let bias = if d.has_bias { format!(", b{l} [{}]", d.fan_out) } else { String::new() };
        format!("  # W{l} [{}, {}]{bias}", d.fan_in, d.fan_out)
    };
    dims.into_iter().enumerate().map(comment).collect()
}

fn push_layers(out: &mut String, layers: &[Layer], indent: usize, shapes: &mut impl Iterator<Item = String>) {
    let space = "  ".repeat(indent);
    for layer in layers {
        out.push_str(&space);
        match layer {
            Layer::Dense(dense) => {
                push_dense(out, dense);
                out.push(',');
                out.push_str(&shapes.next().unwrap_or_default());
            }
            Layer::Activation(Activation::LeakyRelu(alpha)) => {
                let _ = write!(out, "{{ kind = \"leaky_relu\", alpha = {alpha:?} }},");
            }
            Layer::Activation(a) => {
                let _ = write!(out, "{{ kind = \"{}\" }},", a.name());
            }
            Layer::Residual { layers, scale } => {
                let _ = writeln!(out, "{{ kind = \"residual\", scale = {scale:?}, layers = [");
                push_layers(out, layers, indent + 1, shapes);
                let _ = write!(out, "{space}] }},");
            }
        }
        out.push('\n');
    }
}

fn push_dense(out: &mut String, dense: &Dense) {
    out.push_str("{ kind = \"dense\"");
    if let Some(fan_in) = dense.fan_in {
        let _ = write!(out, ", in = {fan_in}");
    }
    // NUMERICS: the debug form of a float is the shortest that reads back to the same bits, and it
    // always has a point or an exponent, as TOML wants.
    let _ = write!(out, ", out = {}, W_std = {:?}", dense.out, dense.w_std);
    if let Some(b_std) = dense.b_std {
        let _ = write!(out, ", b_std = {b_std:?}");
    }
    let _ = write!(out, ", param = \"{}\" }}", dense.param.name());
}
