//! `ntk data`: the data sets that are found, and where they are looked for.

use ntk::data::folder::SHELVES;
use ntk::data::generate::FORMS;
use ntk::data::{Source, dataset};
use serde_json::{Value, json};

use crate::args::{DataSets, Format};
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::summary::{Row, Summary, wrapped};
use crate::render::terminal::{self, Style};

/// Prints what there is.
pub(crate) fn run(typed: &DataSets) -> Outcome {
    let folder = machine::data_folder(&typed.data);
    let mut sets: Vec<(String, String, Option<Value>)> = Vec::new();
    for (name, source) in [("digits", Source::Digits), ("fashion", Source::Fashion)] {
        // The folder's own comes before the embedded subset.
        if folder.source(name)? == source {
            sets.push((name.into(), "embedded".into(), Some(size(&source)?)));
        }
    }
    for shelf in &SHELVES {
        match folder.find(shelf) {
            Some(place) => {
                let found = size(&folder.source(shelf.name)?);
                let about = found.unwrap_or_else(|error| json!({ "error": error.to_string() }));
                sets.push((shelf.name.into(), place.display().to_string(), Some(about)));
            }
            None if shelf.name == "fashion" => {}
            None => sets.push((shelf.name.into(), format!("not found: {}", shelf.places.join(" or ")), None)),
        }
    }
    if typed.format == Format::Json {
        let sets: Vec<Value> = sets
            .into_iter()
            .map(|(name, place, about)| json!({ "name": name, "place": place, "found": about.is_some(), "about": about }))
            .collect();
        let generators: Vec<Value> =
            FORMS.iter().map(|form| json!({ "name": form.name, "about": form.about })).collect();
        let looked = folder.path().map(|path| path.display().to_string());
        let all = json!({ "folder": looked, "sets": sets, "generators": generators });
        return terminal::print(&format!("{all:#}\n")).map_err(Failure::Output);
    }
    let mut rows: Vec<Row> = sets
        .into_iter()
        .map(|(name, place, about)| Row::new(name, place, about.as_ref().map_or(String::new(), shown)))
        .collect();
    rows.extend(FORMS.iter().map(|form| Row::new(form.name, "made", form.about)));
    let looked = match folder.path() {
        Some(path) => format!("Data sets; looked for in {}", path.display()),
        None => "Data sets; no data folder is named (--data-dir or NTK_DATA)".to_owned(),
    };
    let page = Summary { title: looked, rows, ..Summary::default() };
    let style = Style::detect();
    let mut text = page.render(&style);
    let last = "Nothing is ever downloaded. Files elsewhere: mnist:DIR, fashion:DIR, cifar10:DIR, csv:FILE, npz:FILE.";
    for line in wrapped(last, style.columns.saturating_sub(2).max(10)) {
        text.push_str(&format!("  {line}\n"));
    }
    terminal::print(&text).map_err(Failure::Output)
}

fn size(source: &Source) -> ntk::Result<Value> {
    let (samples, shape, classes) = dataset::describe(source)?;
    Ok(json!({ "samples": samples, "shape": shape, "classes": classes }))
}

/// `1797 of 8 x 8 x 1, 10 classes`
fn shown(about: &Value) -> String {
    if let Some(error) = about["error"].as_str() {
        return error.to_owned();
    }
    let shape: Vec<String> = about["shape"].as_array().into_iter().flatten().map(Value::to_string).collect();
    format!("{} of {}, {} classes", about["samples"], shape.join(" x "), about["classes"])
}
