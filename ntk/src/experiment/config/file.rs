//! The file of settings: read whole or refused, with line, column and a caret.

use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::{Assigned, Origin};
use crate::data::file::open_regular;
use crate::error::{Error, Result, shorten};
use crate::experiment::{Parameter, Scale};
use crate::model::ModelError;
use crate::nearest::nearest;

/// The longest file that is read.
const LONGEST: u64 = 1 << 18;
/// What can open a table or a list, at most: each takes memory where it is read.
const MOST_OPENINGS: usize = 20_000;

/// What a file says.
#[derive(Default)]
pub(super) struct Layer {
    pub(super) scale: Option<(Scale, Origin)>,
    pub(super) values: Vec<Assigned>,
}

/// A text and where it is from.
struct Text<'t> {
    path: &'t Path,
    text: &'t str,
}

impl Text<'_> {
    fn error(&self, at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::Model(ModelError::new(what, remedy).within(self.path, self.text, at.start, at.end))
    }

    fn origin(&self, at: &Range<usize>) -> Origin {
        let line = self.text.get(..at.start).map_or(1, |before| before.matches('\n').count() + 1);
        Origin::File(self.path.to_owned(), line)
    }

    fn unknown<'k>(&self, key: &Spanned<impl AsRef<str>>, known: impl Iterator<Item = &'k str> + Clone) -> Error {
        let name = key.get_ref().as_ref();
        let remedy = match nearest(name, known.clone()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
        };
        self.error(key.span(), format!("unknown key `{}`", shorten(name)), remedy)
    }
}

/// Reads a file of settings.
pub(super) fn read(path: &Path, experiment: &str, parameters: &'static [Parameter]) -> Result<Layer> {
    // Whatever is wrong with it, it is a file of settings that is wrong.
    let refused = |what: String, remedy: &str| Error::Model(ModelError::new(what, remedy).of_file(path));
    let (file, length) = open_regular(path).map_err(|error| match error {
        Error::Data { what, remedy, .. } => refused(what, &remedy),
        Error::Read { source, .. } => refused(source.to_string(), "check the path"),
        other => other,
    })?;
    let mut bytes = Vec::new();
    let read = file.take(LONGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(error.to_string(), "check the file and the disk it is on"))?;
    if bytes.len() as u64 > LONGEST {
        let what = format!("is {length} bytes long, more than {LONGEST}");
        return Err(refused(what, "give settings only; `ntk config show NAME` lists them"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|e| refused(format!("byte {} is not UTF-8", e.utf8_error().valid_up_to()), "save it as UTF-8"))?;
    parse(&Text { path, text: &text }, experiment, parameters)
}

fn parse(text: &Text<'_>, experiment: &str, parameters: &'static [Parameter]) -> Result<Layer> {
    if let Some((at, _)) = text.text.match_indices(['{', '[', '.']).nth(MOST_OPENINGS) {
        let what = format!("more than {MOST_OPENINGS} tables, lists and dots by here");
        return Err(text.error(at..at + 1, what, "give settings only"));
    }
    let document = DeTable::parse(text.text).map_err(|e| {
        let (what, remedy) = match e.message() {
            deep if deep.contains("recurs") => ("brackets nested too deep".to_owned(), "settings are flat"),
            message => (message.replace('\n', ", "), "correct the TOML here; `ntk config show NAME` lists settings"),
        };
        text.error(e.span().unwrap_or(0..0), what, remedy)
    })?;
    let mut layer = Layer::default();
    for (key, value) in document.get_ref() {
        match key.get_ref().as_ref() {
            "experiment" if value.get_ref().as_str() == Some(experiment) => {}
            "experiment" => {
                let remedy = format!("take a file of {experiment}, or leave the line out");
                return Err(text.error(value.span(), format!("the settings are not those of {experiment}"), remedy));
            }
            "scale" => {
                let scale = [Scale::Quick, Scale::Desk, Scale::Full].into_iter();
                let scale = scale.into_iter().find(|scale| value.get_ref().as_str() == Some(scale.name()));
                let refused = || {
                    let remedy = "write scale = \"quick\", \"desk\" or \"full\"";
                    text.error(value.span(), "`scale` cannot be this", remedy)
                };
                layer.scale = Some((scale.ok_or_else(refused)?, text.origin(&value.span())));
            }
            "settings" => {
                let table = value.get_ref().as_table().ok_or_else(|| {
                    text.error(value.span(), "`settings` is not a table", "write [settings] and a line a setting")
                })?;
                layer.values = settings(text, table, parameters)?;
            }
            name if parameters.iter().any(|parameter| parameter.name == name) => {
                let remedy = "write it below a line [settings]";
                return Err(text.error(key.span(), format!("`{name}` is a setting outside of its table"), remedy));
            }
            _ => return Err(text.unknown(key, ["experiment", "scale", "settings"].into_iter())),
        }
    }
    Ok(layer)
}

fn settings(text: &Text<'_>, table: &DeTable<'_>, parameters: &'static [Parameter]) -> Result<Vec<Assigned>> {
    let assigned = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name.as_ref()) else {
            return Err(text.unknown(key, parameters.iter().map(|parameter| parameter.name)));
        };
        let value_of = plain(value.get_ref()).and_then(|value| (parameter.normal)(&value));
        let refused = || {
            let what = format!("`{}` cannot be this", parameter.name);
            text.error(value.span(), what, format!("give {}", parameter.wanted()))
        };
        let origin = text.origin(&value.span());
        Ok(Assigned { name: parameter.name, value: value_of.ok_or_else(refused)?, origin })
    };
    table.iter().map(assigned).collect()
}

/// A single value as TOML writes it, none where the text is not one.
pub(super) fn value(text: &str) -> Option<Value> {
    if text.contains('\n') || text.matches(['{', '[']).count() > MOST_OPENINGS {
        return None;
    }
    let text = format!("v = {text}");
    let document = DeTable::parse(&text).ok()?;
    plain(document.get_ref().get("v")?.get_ref())
}

/// Numbers, texts, truths and lists of these; settings are nothing else.
fn plain(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(n) => Value::Integer(i64::from_str_radix(n.as_str(), n.radix()).ok()?),
        DeValue::Float(x) => Value::Float(x.as_str().parse().ok()?),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Array(values) => {
            Value::Array(values.iter().map(|value| plain(value.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}
