//! `ntk describe` and `ntk config show`: an experiment's text, claims and settings.

use std::path::PathBuf;

use ntk::experiment::{Claim, Config, Gate, Parameter, Scale, named};
use serde_json::{Value, json};

use super::account::Stored;
use super::verdict::{self, short};
use crate::args::{self, ConfigVerb, Format};
use crate::failure::{Failure, Outcome};
use crate::render::quantity;
use crate::render::summary::{Row, Summary, wrapped};
use crate::render::terminal::{self, Style};

const SCALES: [Scale; 3] = [Scale::Quick, Scale::Desk, Scale::Full];

/// `ntk describe`
pub(crate) fn run(typed: &args::Describe) -> Outcome {
    let protocol = named(&typed.name)?;
    let (about, parameters) = (protocol.about(), protocol.parameters());
    if typed.format == Format::Json {
        let settings: Vec<Value> = parameters.iter().map(parameter_json).collect();
        return super::print(&json!({
            "name": about.name,
            "paper": about.paper,
            "reference": about.reference,
            "question": about.question,
            "protocol": about.protocol,
            "seconds": { "quick": about.seconds[0], "desk": about.seconds[1], "full": about.seconds[2] },
            "revision": about.revision,
            "settings": settings,
            "claims": protocol.claims().iter().map(verdict::declared).collect::<Vec<_>>(),
            "judged": latest(about.name).map(|(folder, claims)| json!({ "folder": folder, "claims": claims })),
        }));
    }
    let style = Style::detect();
    let mut text = format!("{}\n", about.name);
    let mut paragraph = |head: &str, body: &str, indent: usize| {
        if !head.is_empty() {
            text.push_str(&format!("\n{head}\n"));
        }
        for line in wrapped(&style.letters(body), style.columns.saturating_sub(indent).max(10)) {
            text.push_str(&format!("{}{line}\n", " ".repeat(indent)));
        }
    };
    paragraph("", &format!("{} ({})", about.paper, about.reference), 2);
    paragraph("Question", about.question, 2);
    paragraph("Protocol", about.protocol, 2);
    let [quick, desk, full] = about.seconds.map(quantity::whole_seconds);
    paragraph("Time on 2 cores, roughly", &format!("quick {quick}, desk {desk}, full {full}"), 2);
    for (i, claim) in protocol.claims().iter().enumerate() {
        paragraph(if i == 0 { "Claims" } else { "" }, &claim_text(claim), 2);
    }
    if let Some((folder, found)) = latest(about.name) {
        for (i, claim) in found.iter().enumerate() {
            let head = if i == 0 { format!("Judged in {}", folder.display()) } else { String::new() };
            paragraph(&head, &verdict_text(claim), 2);
        }
    }
    for (i, parameter) in parameters.iter().enumerate() {
        let [quick, desk, full] = SCALES.map(|scale| (parameter.default)(scale).to_string());
        let values = if quick == desk && desk == full { desk } else { format!("{desk}  (quick {quick}, full {full})") };
        let head = if i == 0 { "Settings (--set NAME=VALUE)" } else { "" };
        paragraph(head, &format!("{} = {values}", parameter.name), 2);
        paragraph("", &format!("{} Takes {}.", parameter.meaning.trim(), parameter.wanted()), 6);
    }
    terminal::print(&text).map_err(Failure::Output)
}

/// The latest run that judged claims, and what it says of them.
fn latest(name: &str) -> Option<(PathBuf, Vec<Value>)> {
    Stored::of(name).iter().find_map(|stored| Some((stored.folder.clone(), stored.claims()?)))
}

/// `name: statement Holds if .. is at most 3 (source).`
fn claim_text(claim: &Claim) -> String {
    let Claim { name, statement, quantity, source, needs, .. } = claim;
    let wanted = verdict::wanted(claim.threshold);
    let mut text = format!("{name}: {statement} Wanted: {wanted} ({quantity}; {source}).");
    if let Gate::Informative(reason) = claim.gate {
        text.push_str(&format!(" Not counted: {reason}."));
    }
    if !needs.is_empty() {
        text.push_str(&format!(" Needs {needs}."));
    }
    text
}

/// `name: 1.2, pass`
fn verdict_text(claim: &Value) -> String {
    let word = |key: &str| claim[key].as_str().unwrap_or_default();
    let found = claim["measured"].as_f64().map_or("no number".to_owned(), short);
    format!("{}: {found}, {}", word("name"), word("verdict"))
}

fn parameter_json(parameter: &Parameter) -> Value {
    let [quick, desk, full] = SCALES.map(|scale| json!((parameter.default)(scale)));
    json!({
        "name": parameter.name,
        "meaning": parameter.meaning.trim(),
        "takes": parameter.wanted(),
        "quick": quick,
        "desk": desk,
        "full": full,
    })
}

/// `ntk config show`
pub(crate) fn config(typed: &args::ConfigArgs) -> Outcome {
    let ConfigVerb::Show(typed) = &typed.verb;
    let protocol = named(&typed.name)?;
    let config = Config::resolve(&*protocol, &typed.choice.request())?;
    config.run(&*protocol)?;
    if typed.format == Format::Json {
        let settings: Vec<Value> = config
            .values
            .iter()
            .map(|a| json!({ "name": a.name, "value": a.value, "from": a.origin.to_string() }))
            .collect();
        return super::print(&json!({
            "experiment": config.experiment,
            "scale": { "value": config.scale.name(), "from": config.scale_origin.to_string() },
            "settings": settings,
        }));
    }
    let mut rows = vec![Row::new("scale", config.scale.name(), config.scale_origin.to_string())];
    rows.extend(config.values.iter().map(|a| Row::new(a.name, a.value.to_string(), a.origin.to_string())));
    let title = format!("Settings of {}, and where they came from", config.experiment);
    let page = Summary { title, rows, ..Summary::default() };
    terminal::print(&page.render(&Style::detect())).map_err(Failure::Output)
}
