//! The tables of a model file, read key by key; every refusal has its place in the text.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::shorten;
use crate::model::error::{ModelError, Result};
use crate::model::layer::{self, Layer};
use crate::model::preset::did_you_mean;
use crate::model::{Activation, Parameterization, Weighting};

/// The text and, layer by layer, where its description stands.
pub(super) struct Reader<'t> {
    path: &'t Path,
    text: &'t str,
    places: RefCell<HashMap<String, Range<usize>>>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl<'t> Reader<'t> {
    pub(super) fn new(path: &'t Path, text: &'t str) -> Self {
        Self { path, text, places: RefCell::default() }
    }

    /// The table of the whole network.
    pub(super) fn top<'r>(&'r self, table: &'r DeTable<'r>, span: Range<usize>) -> Result<Fields<'r, 'r>> {
        let top = Fields { reader: self, table, span, path: "", what: "the model", kind: "", kind_span: 0..0 };
        top.only(&["input", "layers", "gamma0"])?;
        Ok(top)
    }

    /// Where a layer stands.
    pub(super) fn place(&self, layer: &str) -> Option<Range<usize>> {
        self.places.borrow().get(layer).cloned()
    }

    pub(super) fn error(&self, at: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> ModelError {
        ModelError::new(message, hint).within(self.path, self.text, at.start, at.end)
    }

    fn wrong_type(&self, value: &Value<'_>, key: &str, wanted: &str, example: &str) -> ModelError {
        self.error(
            &value.span(),
            format!("`{key}` is {}, not {wanted}", article(value.get_ref())),
            format!("write {example}"),
        )
    }

    /// A list of layers; `list` is its place.
    fn layers(&self, value: &Value<'_>, key: &str, list: &str) -> Result<Vec<Layer>> {
        let Some(layers) = value.get_ref().as_array() else {
            let example = "layers = [{ kind = \"dense\", out = 10 }]";
            return Err(self.wrong_type(value, key, "a list of tables", example));
        };
        layers.iter().enumerate().map(|(i, layer)| self.layer(layer, &format!("{list}[{i}]"))).collect()
    }

    fn layer(&self, value: &Value<'_>, path: &str) -> Result<Layer> {
        self.places.borrow_mut().insert(path.to_owned(), value.span());
        let Some(table) = value.get_ref().as_table() else {
            return Err(self.wrong_type(value, path, "a table", "{ kind = \"relu\" }"));
        };
        let kind = table.get("kind").ok_or_else(|| {
            self.error(
                &value.span(),
                format!("{path} has no `kind`"),
                "write { kind = \"dense\", out = 10 }, { kind = \"relu\" } or another kind",
            )
        })?;
        let name = self.word(kind, "kind", "\"dense\"")?;
        let fields =
            Fields { reader: self, table, span: value.span(), path, what: path, kind: name, kind_span: kind.span() };
        let Some(described) = layer::described().find(|described| described.name == name) else {
            return Err(fields.unknown_kind());
        };
        let known: Vec<&str> = std::iter::once("kind").chain(described.keys.iter().map(|key| key.name)).collect();
        fields.only(&known)?;
        Layer::read(&fields)
    }

    fn word<'v>(&self, value: &'v Value<'_>, key: &str, example: &str) -> Result<&'v str> {
        let text = value.get_ref().as_str();
        text.ok_or_else(|| self.wrong_type(value, key, "a string", &format!("{key} = {example}")))
    }

    /// A finite number in a range that `wanted` names.
    fn number(
        &self,
        value: &Value<'_>,
        key: &str,
        example: &str,
        in_range: impl Fn(f64) -> bool,
        wanted: &str,
    ) -> Result<f64> {
        let read = match value.get_ref() {
            DeValue::Float(x) => x.as_str().parse::<f64>().ok(),
            DeValue::Integer(n) => i128::from_str_radix(n.as_str(), n.radix()).ok().map(|n| n as f64),
            _ => return Err(self.wrong_type(value, key, "a number", example)),
        };
        read.filter(|x| x.is_finite() && in_range(*x)).ok_or_else(|| {
            let what = format!("`{key}` is out of range: it must be finite and {wanted}");
            self.error(&value.span(), what, format!("write {example}"))
        })
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
}

/// A table whose keys have been checked.
pub(in crate::model) struct Fields<'r, 't> {
    reader: &'r Reader<'r>,
    table: &'r DeTable<'t>,
    span: Range<usize>,
    path: &'r str,
    what: &'r str,
    kind: &'r str,
    kind_span: Range<usize>,
}

impl<'r> Fields<'r, '_> {
    /// Refuses keys that are not known.
    fn only(&self, known: &[&str]) -> Result<()> {
        // The first in the text, not in the order of the map.
        let unknown = self.table.keys().filter(|k| !known.contains(&k.get_ref().as_ref()));
        match unknown.min_by_key(|k| k.span().start) {
            None => Ok(()),
            Some(key) => {
                let name = key.get_ref();
                let what = format!("{}: unknown key `{}`", self.what, shorten(&name.escape_debug().to_string()));
                Err(self.reader.error(&key.span(), what, did_you_mean(name, known, "keys")))
            }
        }
    }

    /// The value of `kind`.
    pub(in crate::model) fn kind(&self) -> &'r str {
        self.kind
    }

    /// What is said of a kind that does not exist.
    pub(in crate::model) fn unknown_kind(&self) -> ModelError {
        let names: Vec<&str> = layer::described().map(|described| described.name).collect();
        let message = format!("{}: no layer is of kind {:?}", self.path, shorten(self.kind));
        self.reader.error(&self.kind_span, message, did_you_mean(self.kind, &names, "kinds"))
    }

    fn get(&self, key: &str) -> Option<&'r Value<'_>> {
        // INVARIANT: a key that is read stands in the table of the documentation; a test reads every one.
        debug_assert!(
            self.kind.is_empty()
                || layer::described().any(|d| d.name == self.kind && d.keys.iter().any(|k| k.name == key)),
            "{} reads {key}",
            self.kind
        );
        self.table.get(key)
    }

    fn need(&self, key: &str, example: &str) -> Result<&'r Value<'_>> {
        self.get(key).ok_or_else(|| {
            self.reader.error(&self.span, format!("{} has no `{key}`", self.what), format!("add {example}"))
        })
    }

    /// A list of whole numbers.
    pub(super) fn axes(&self, key: &str, example: &str) -> Result<Vec<usize>> {
        let value = self.need(key, example)?;
        let Some(axes) = value.get_ref().as_array() else {
            let example = match value.get_ref() {
                DeValue::Integer(n) => format!("{key} = [{}]", shorten(n.as_str())),
                _ => "the shape of one sample, such as input = [64]".to_owned(),
            };
            return Err(self.reader.wrong_type(value, key, "a list of whole numbers", &example));
        };
        let axes: Vec<usize> = axes.iter().map(|axis| self.reader.count(axis, key)).collect::<Result<_>>()?;
        if axes.is_empty() {
            let hint = "give the shape of one sample, such as input = [64]";
            return Err(self.reader.error(&value.span(), format!("`{key}` is empty"), hint));
        }
        Ok(axes)
    }

    /// A whole number of at least 1 that is needed.
    pub(in crate::model) fn count(&self, key: &str) -> Result<usize> {
        self.reader.count(self.need(key, &format!("{key} = 10"))?, key)
    }

    /// A whole number of at least 1, where there is one.
    pub(in crate::model) fn count_if(&self, key: &str) -> Result<Option<usize>> {
        self.get(key).map(|value| self.reader.count(value, key)).transpose()
    }

    /// A whole number of at least 0, where a whole number stands.
    pub(in crate::model) fn whole_if(&self, key: &str) -> Result<Option<usize>> {
        let Some(value) = self.get(key).filter(|value| value.get_ref().as_integer().is_some()) else { return Ok(None) };
        // All but 0 is read as a count.
        match value.get_ref().as_integer().map(|n| n.as_str()) {
            Some("0") => Ok(Some(0)),
            _ => self.reader.count(value, key).map(Some),
        }
    }

    /// A finite number, or what holds where there is none.
    pub(in crate::model) fn number_or(&self, key: &str, default: f64) -> Result<f64> {
        Ok(self.number_where(key, |_| true, "a number")?.unwrap_or(default))
    }

    /// A finite number in a range that `wanted` names, where there is one.
    pub(in crate::model) fn number_where(
        &self,
        key: &str,
        in_range: impl Fn(f64) -> bool,
        wanted: &str,
    ) -> Result<Option<f64>> {
        let example = format!("{key} = {}", if key == "b_std" { "0.1" } else { "1.0" });
        self.get(key).map(|value| self.reader.number(value, key, &example, in_range, wanted)).transpose()
    }

    /// One of some words, the first where there is none.
    pub(in crate::model) fn choice<T: Copy>(&self, key: &str, words: &[(&'static str, T)]) -> Result<T> {
        Ok(self.choice_if(key, words)?.unwrap_or(words[0].1))
    }

    /// One of some words, where there is one.
    pub(in crate::model) fn choice_if<T: Copy>(&self, key: &str, words: &[(&'static str, T)]) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let word = self.reader.word(value, key, &format!("{:?}", words[0].0))?;
        match words.iter().find(|(name, _)| *name == word) {
            Some(&(_, chosen)) => Ok(Some(chosen)),
            None => {
                let names: Vec<&str> = words.iter().map(|&(name, _)| name).collect();
                let message = format!("no {} is called {:?}", noun(key), shorten(word));
                Err(self.reader.error(&value.span(), message, did_you_mean(word, &names, &format!("{}s", noun(key)))))
            }
        }
    }

    /// The keys of weights.
    pub(in crate::model) fn weighting(&self) -> Result<Weighting> {
        let w_std = self.number_where("W_std", |x| x > 0.0, "above 0")?.unwrap_or(1.0);
        let b_std = self.number_where("b_std", |x| x >= 0.0, "at least 0")?;
        Ok(Weighting { w_std, b_std, param: self.param()? })
    }

    /// The parameterization.
    pub(in crate::model) fn param(&self) -> Result<Parameterization> {
        let ntk = [Parameterization::default(), Parameterization::Standard, Parameterization::Mup];
        self.choice("param", &ntk.map(|param| (param.name(), param)))
    }

    /// `true` or `false`, or what holds where there is neither.
    pub(in crate::model) fn flag_or(&self, key: &str, default: bool) -> Result<bool> {
        let Some(value) = self.get(key) else { return Ok(default) };
        let flag = value.get_ref().as_bool();
        flag.ok_or_else(|| self.reader.wrong_type(value, key, "true or false", &format!("{key} = {}", !default)))
    }

    /// A list of finite numbers, where there is one.
    pub(in crate::model) fn numbers_if(&self, key: &str) -> Result<Option<Vec<f64>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let example = format!("{key} = [0.0, 1.0]");
        let Some(list) = value.get_ref().as_array() else {
            return Err(self.reader.wrong_type(value, key, "a list of numbers", &example));
        };
        list.iter()
            .map(|entry| self.reader.number(entry, key, &example, |_| true, "a number"))
            .collect::<Result<_>>()
            .map(Some)
    }

    /// The key `activation`.
    pub(in crate::model) fn activation(&self, default: Activation) -> Result<Activation> {
        let all = Activation::ALL.map(|activation| (activation.name(), activation));
        Ok(self.choice_if("activation", &all)?.unwrap_or(default))
    }

    /// An error of the table as a whole.
    pub(in crate::model) fn refused(&self, message: impl std::fmt::Display, hint: &str) -> ModelError {
        self.reader.error(&self.span, format!("{}: {message}", self.what), hint)
    }

    /// A list of layers that is needed.
    pub(in crate::model) fn layers(&self, key: &str) -> Result<Vec<Layer>> {
        let value = self.need(key, &format!("{key} = [{{ kind = \"dense\", out = 10 }}]"))?;
        self.reader.layers(value, key, &self.place_of(key))
    }

    /// A list of lists of layers that is needed.
    pub(in crate::model) fn branches(&self, key: &str) -> Result<Vec<Vec<Layer>>> {
        let example = format!("{key} = [[], [{{ kind = \"relu\" }}]]");
        let value = self.need(key, &example)?;
        let Some(branches) = value.get_ref().as_array() else {
            return Err(self.reader.wrong_type(value, key, "a list of lists of layers", &example));
        };
        let list = self.place_of(key);
        branches
            .iter()
            .enumerate()
            .map(|(b, layers)| self.reader.layers(layers, key, &format!("{list}[{b}]")))
            .collect()
    }

    fn place_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// What a key's words are called.
fn noun(key: &str) -> &str {
    if key == "param" { "parameterization" } else { key }
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
