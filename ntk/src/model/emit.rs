//! Writing a network as a model file.

use std::fmt::Write as _;

use super::{Architecture, Layer, Parameterization, Site, Weighting};

/// The text of a model file; what parameters follow stands behind each layer as a comment.
pub(super) fn to_toml(model: &Architecture) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "input = {:?}", model.input);
    if model.gamma0 != 1.0 {
        let _ = writeln!(out, "gamma0 = {:?}", model.gamma0);
    }
    // No comments where the layers do not fit.
    let sites = model.sites().unwrap_or_default();
    out.push_str("layers = [\n");
    push_layers(&mut out, &model.layers, "layers", 1, &sites);
    out.push_str("]\n");
    out
}

/// A layer's table, as it will be written.
pub(super) struct Entry<'a> {
    /// `key = value`, in order.
    pairs: Vec<(&'static str, String)>,
    nested: Nested<'a>,
}

enum Nested<'a> {
    None,
    Layers(&'static str, &'a [Layer]),
    Branches(&'static str, &'a [Vec<Layer>]),
}

impl<'a> Entry<'a> {
    /// The table of a layer of this kind.
    pub(super) fn new(kind: &'static str) -> Self {
        Self { pairs: Vec::new(), nested: Nested::None }.text("kind", kind)
    }

    /// A number, or a list of them.
    pub(super) fn put(mut self, key: &'static str, value: impl std::fmt::Debug) -> Self {
        // NUMERICS: the debug form of a float is the shortest that reads back to the same bits, and it always has a
        // point or an exponent, as TOML wants.
        self.pairs.push((key, format!("{value:?}")));
        self
    }

    /// A number where there is one.
    pub(super) fn put_if(self, key: &'static str, value: Option<impl std::fmt::Debug>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    /// A word.
    pub(super) fn text(self, key: &'static str, word: &str) -> Self {
        self.put(key, word)
    }

    /// The keys of weights.
    pub(super) fn weighting(self, weighting: Weighting) -> Self {
        let Weighting { w_std, b_std, param } = weighting;
        self.put("W_std", w_std).put_if("b_std", b_std).param(param)
    }

    /// The parameterization.
    pub(super) fn param(self, param: Parameterization) -> Self {
        self.text("param", param.name())
    }

    /// A list of layers, the last key.
    pub(super) fn layers(mut self, key: &'static str, layers: &'a [Layer]) -> Self {
        self.nested = Nested::Layers(key, layers);
        self
    }

    /// A list of lists of layers, the last key.
    pub(super) fn branches(mut self, key: &'static str, branches: &'a [Vec<Layer>]) -> Self {
        self.nested = Nested::Branches(key, branches);
        self
    }
}

fn push_layers(out: &mut String, layers: &[Layer], list: &str, indent: usize, sites: &[Site]) {
    let space = "  ".repeat(indent);
    for (i, layer) in layers.iter().enumerate() {
        let path = format!("{list}[{i}]");
        let Entry { pairs, nested } = layer.write();
        let pairs: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let _ = write!(out, "{space}{{ {}", pairs.join(", "));
        match nested {
            Nested::None => out.push_str(" },"),
            Nested::Layers(key, layers) => {
                let _ = writeln!(out, ", {key} = [");
                push_layers(out, layers, &format!("{path}.{key}"), indent + 1, sites);
                let _ = write!(out, "{space}] }},");
            }
            Nested::Branches(key, branches) => {
                let _ = writeln!(out, ", {key} = [");
                for (b, layers) in branches.iter().enumerate() {
                    let _ = writeln!(out, "{space}  [");
                    push_layers(out, layers, &format!("{path}.{key}[{b}]"), indent + 2, sites);
                    let _ = writeln!(out, "{space}  ],");
                }
                let _ = write!(out, "{space}] }},");
            }
        }
        let own = sites.iter().enumerate().filter(|(_, site)| site.path == path);
        let parameters: Vec<String> =
            own.flat_map(|(l, site)| site.parameters(l)).map(|(name, shape)| format!("{name} {shape:?}")).collect();
        if !parameters.is_empty() {
            let _ = write!(out, "  # {}", parameters.join(", "));
        }
        out.push('\n');
    }
}
