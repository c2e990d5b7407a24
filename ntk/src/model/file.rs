//! Reading a network from a TOML file.
//!
//! ```toml
//! input = [12]
//! layers = [
//!   { kind = "dense", out = 32, W_std = 1.5, b_std = 0.1, param = "ntk" },
//!   { kind = "relu" },
//!   { kind = "residual", scale = 1.0, layers = [ { kind = "tanh" }, { kind = "dense", out = 32 } ] },
//!   { kind = "dense", out = 3 },
//! ]
//! ```
//!
//! Defaults of a dense layer: `W_std = 1.0`, no bias, `param = "ntk"`; `in` may be given and is then
//! checked. With `param = "mup"`, `gamma0` of the network is 1.0. `alpha` of a `leaky_relu` is 0.01, `scale` of a `residual` 1.0.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ModelError, Result};
use super::preset::did_you_mean;
use super::{Activation, Architecture, Dense, Layer, Parameterization};
use crate::error::shorten;

/// The longest file that is read: the deepest preset, written out, still fits.
pub const MAX_BYTES: u64 = 1 << 18;

/// The most tables that are read, counted by what can open one: a brace, a bracket or the dot of a key.
///
/// A table takes 1.4 kB where it is read, and `a.a.a` is one for every two bytes: this bounds the memory to some 40 MiB. The
/// deepest preset, dots of its numbers and brackets of its comments included, has 10 for each of its 1000 layers.
const MAX_TABLES: usize = 20_000;

/// Kinds that the format knows and this version cannot build.
const LATER_KINDS: [&str; 4] = ["conv", "avg_pool", "gap", "flatten"];

/// Reads a network from a file.
///
/// # Errors
/// A file that is missing, not a regular file, longer than [`MAX_BYTES`] or not UTF-8; TOML that cannot
/// be read; unknown keys and kinds, wrong types, values out of range, layers that do not fit. What
/// concerns the text comes with line, column and carets.
pub fn read(path: &Path) -> Result<Architecture> {
    let refused = |message: String, hint: &str| ModelError::new(message, hint).of_file(path);
    let unreadable = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => refused(
            "there is no such model file".to_owned(),
            "check the path, or give a preset such as `mlp:64-512x2-10:relu`",
        ),
        _ => refused(format!("the model file cannot be read: {e}"), "check the path and its permissions"),
    };
    // Opening a FIFO would wait for a writer, and a device may never end: look before opening.
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        let what = if about.is_dir() { "a directory" } else { "not a regular file" };
        return Err(refused(format!("the model file is {what}"), "give the path of a TOML file"));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refused(
            format!("the model file is longer than {MAX_BYTES} bytes"),
            "give a description of a network; weights are given with --weights",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        refused(
            format!("the model file is not UTF-8: byte {}", e.utf8_error().valid_up_to()),
            "give a TOML file saved as UTF-8; weights are given with --weights",
        )
    })?;
    parse(path, &text)
}

/// Reads a network from the text of a file; `path` is only named in errors.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, text: &str) -> Result<Architecture> {
    let reader = Reader { path, text, places: RefCell::default() };
    if text.len() as u64 > MAX_BYTES {
        return Err(reader.error(
            &(0..0),
            format!("the description is longer than {MAX_BYTES} bytes"),
            "give a description of a network; weights are given with --weights",
        ));
    }
    let mut opening = text.match_indices(['{', '[', '.']);
    if let Some((start, _)) = opening.nth(MAX_TABLES) {
        return Err(reader.error(
            &(start..start + 1),
            format!("more than {MAX_TABLES} tables, lists and dots by here"),
            "describe a network of fewer layers",
        ));
    }
    let document = DeTable::parse(text).map_err(|e| {
        let deep = e.message().contains("recurs");
        reader.error(
            &e.span().unwrap_or(0..0),
            if deep { "brackets nested too deep".to_owned() } else { e.message().replace('\n', ", ") },
            if deep {
                "put residual blocks one after another instead of in one another"
            } else {
                "correct the TOML here; `ntk describe-model mlp:64-512x2-10:relu` prints a file that reads"
            },
        )
    })?;
    let top = Fields::new(&reader, document.get_ref(), document.span(), "the model", &["input", "layers", "gamma0"])?;
    let input = reader.input(top.need("input", "input = [64]")?)?;
    let layers = top.need("layers", "layers = [{ kind = \"dense\", out = 10 }]")?;
    let layers = reader.layers(layers, "")?;
    let gamma0 = match top.get("gamma0") {
        Some(v) => reader.number_where(v, "gamma0", |x| x > 0.0, "above 0")?,
        None => 1.0,
    };
    let architecture = Architecture { input, layers, gamma0 };
    let checked = architecture.sites().map(drop);
    let places = reader.places.borrow();
    checked.map_err(|e| match e.layer().and_then(|l| places.get(l)) {
        Some(place) => e.within(path, text, place.start, place.end),
        None => e.of_file(path),
    })?;
    drop(places);
    Ok(architecture)
}

/// The text and, layer by layer, where its description stands.
struct Reader<'t> {
    path: &'t Path,
    text: &'t str,
    places: RefCell<HashMap<String, Range<usize>>>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl Reader<'_> {
    fn error(&self, at: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> ModelError {
        ModelError::new(message, hint).within(self.path, self.text, at.start, at.end)
    }

    fn wrong_type(&self, value: &Value<'_>, key: &str, wanted: &str, example: &str) -> ModelError {
        self.error(
            &value.span(),
            format!("`{key}` is {}, not {wanted}", article(value.get_ref())),
            format!("write {example}"),
        )
    }

    fn input(&self, value: &Value<'_>) -> Result<Vec<usize>> {
        let Some(axes) = value.get_ref().as_array() else {
            let example = match value.get_ref() {
                DeValue::Integer(n) => format!("input = [{}]", shorten(n.as_str())),
                _ => "the shape of one sample, such as input = [64]".to_owned(),
            };
            return Err(self.wrong_type(value, "input", "a list of whole numbers", &example));
        };
        let axes: Result<Vec<usize>> = axes.iter().map(|axis| self.count(axis, "input")).collect();
        let axes = axes?;
        if axes.is_empty() {
            return Err(self.error(
                &value.span(),
                "`input` is empty",
                "give the shape of one sample, such as input = [64]",
            ));
        }
        Ok(axes)
    }

    fn layers(&self, value: &Value<'_>, parent: &str) -> Result<Vec<Layer>> {
        let Some(list) = value.get_ref().as_array() else {
            let example = "layers = [{ kind = \"dense\", out = 10 }]";
            return Err(self.wrong_type(value, "layers", "a list of tables", example));
        };
        let numbered = list.iter().enumerate();
        numbered.map(|(i, layer)| self.layer(layer, &format!("{parent}layers[{i}]"))).collect()
    }

    fn layer(&self, value: &Value<'_>, path: &str) -> Result<Layer> {
        self.places.borrow_mut().insert(path.to_owned(), value.span());
        let Some(table) = value.get_ref().as_table() else {
            let example = "{ kind = \"relu\" }";
            return Err(self.wrong_type(value, path, "a table", example));
        };
        let kind = table.get("kind").ok_or_else(|| {
            self.error(
                &value.span(),
                format!("{path} has no `kind`"),
                "write { kind = \"dense\", out = 10 }, { kind = \"relu\" } or another kind",
            )
        })?;
        let name = self.text_value(kind, "kind", "\"dense\"")?;
        let fields = |known| Fields::new(self, table, value.span(), path, known);
        match name {
            "dense" => {
                let fields = fields(&["kind", "in", "out", "W_std", "b_std", "param"])?;
                self.dense(&fields).map(Layer::Dense)
            }
            "residual" => {
                let fields = fields(&["kind", "layers", "scale"])?;
                let scale = match fields.get("scale") {
                    Some(scale) => self.number(scale, "scale")?,
                    None => 1.0,
                };
                let branch = fields.need("layers", "layers = [{ kind = \"relu\" }, ...]")?;
                let layers = self.layers(branch, &format!("{path}."))?;
                Ok(Layer::Residual { layers, scale })
            }
            "leaky_relu" => {
                let alpha = match fields(&["kind", "alpha"])?.get("alpha") {
                    Some(alpha) => self.number(alpha, "alpha")?,
                    None => Activation::DEFAULT_ALPHA,
                };
                Ok(Layer::Activation(Activation::LeakyRelu(alpha)))
            }
            later if LATER_KINDS.contains(&later) => Err(self.error(
                &kind.span(),
                format!("{path}: {later:?} layers are not supported by this version"),
                "use dense, elementwise and residual layers: images are flattened for a dense network",
            )),
            other => match Activation::from_name(other) {
                Some(activation) => {
                    fields(&["kind"])?;
                    Ok(Layer::Activation(activation))
                }
                None => {
                    let mut names = vec!["dense", "residual"];
                    names.extend(Activation::names());
                    Err(self.error(
                        &kind.span(),
                        format!("{path}: no layer is of kind {:?}", shorten(other)),
                        did_you_mean(other, &names, "kinds"),
                    ))
                }
            },
        }
    }

    fn dense(&self, fields: &Fields<'_, '_>) -> Result<Dense> {
        let out = self.count(fields.need("out", "out = 10")?, "out")?;
        let fan_in = fields.get("in").map(|v| self.count(v, "in")).transpose()?;
        let w_std = match fields.get("W_std") {
            Some(v) => self.number_where(v, "W_std", |x| x > 0.0, "above 0")?,
            None => 1.0,
        };
        let b_std =
            fields.get("b_std").map(|v| self.number_where(v, "b_std", |x| x >= 0.0, "at least 0")).transpose()?;
        let param = match fields.get("param") {
            Some(v) => self.param(v)?,
            None => Parameterization::default(),
        };
        Ok(Dense { out, fan_in, w_std, b_std, param })
    }

    fn param(&self, value: &Value<'_>) -> Result<Parameterization> {
        let name = self.text_value(value, "param", "\"ntk\"")?;
        Parameterization::from_name(name).ok_or_else(|| {
            let names = Parameterization::ALL.map(Parameterization::name);
            self.error(
                &value.span(),
                format!("no parameterization is called {:?}", shorten(name)),
                did_you_mean(name, &names, "parameterizations"),
            )
        })
    }

    fn text_value<'v>(&self, value: &'v Value<'_>, key: &str, example: &str) -> Result<&'v str> {
        let text = value.get_ref().as_str();
        text.ok_or_else(|| self.wrong_type(value, key, "a string", &format!("{key} = {example}")))
    }

    /// A whole number of at least 1.
    fn count(&self, value: &Value<'_>, key: &str) -> Result<usize> {
        let Some(integer) = value.get_ref().as_integer() else {
            let example = if key == "input" { "input = [64]".to_owned() } else { format!("{key} = 10") };
            return Err(self.wrong_type(value, key, "a whole number", &example));
        };
        let read = i128::from_str_radix(integer.as_str(), integer.radix());
        match read {
            Ok(n) if n >= 1 => usize::try_from(n).ok(),
            Ok(n) => {
                let message = format!("`{key}` is {n}");
                return Err(self.error(&value.span(), message, format!("give `{key}` at least 1")));
            }
            Err(_) => None,
        }
        .ok_or_else(|| {
            let message = format!("`{key}` is too large");
            self.error(&value.span(), message, "give a number that a machine can hold")
        })
    }

    fn number(&self, value: &Value<'_>, key: &str) -> Result<f64> {
        self.number_where(value, key, |_| true, "finite")
    }

    fn number_where(&self, value: &Value<'_>, key: &str, in_range: impl Fn(f64) -> bool, wanted: &str) -> Result<f64> {
        let read = match value.get_ref() {
            DeValue::Float(x) => x.as_str().parse::<f64>().ok(),
            DeValue::Integer(n) => i128::from_str_radix(n.as_str(), n.radix()).ok().map(|n| n as f64),
            _ => return Err(self.wrong_type(value, key, "a number", &format!("{key} = 1.0"))),
        };
        match read.filter(|x| x.is_finite() && in_range(*x)) {
            Some(x) => Ok(x),
            None => Err(self.error(
                &value.span(),
                format!("`{key}` is out of range: it must be finite and {wanted}"),
                format!("write {key} = {}", if key == "b_std" { "0.1" } else { "1.0" }),
            )),
        }
    }
}

/// A table whose keys have been checked.
struct Fields<'r, 't> {
    reader: &'r Reader<'r>,
    table: &'r DeTable<'t>,
    span: Range<usize>,
    what: &'r str,
}

impl<'r, 't> Fields<'r, 't> {
    fn new(
        reader: &'r Reader<'r>,
        table: &'r DeTable<'t>,
        span: Range<usize>,
        what: &'r str,
        known: &[&str],
    ) -> Result<Self> {
        // The first in the text, not in the order of the map.
        let unknown = table.keys().filter(|k| !known.contains(&k.get_ref().as_ref()));
        if let Some(key) = unknown.min_by_key(|k| k.span().start) {
            let name = key.get_ref();
            return Err(reader.error(
                &key.span(),
                format!("{what}: unknown key `{}`", shorten(&name.escape_debug().to_string())),
                did_you_mean(name, known, "keys"),
            ));
        }
        Ok(Self { reader, table, span, what })
    }

    fn get(&self, key: &str) -> Option<&'r Value<'t>> {
        self.table.get(key)
    }

    fn need(&self, key: &str, example: &str) -> Result<&'r Value<'t>> {
        self.get(key).ok_or_else(|| {
            self.reader.error(&self.span, format!("{} has no `{key}`", self.what), format!("add {example}"))
        })
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests;
