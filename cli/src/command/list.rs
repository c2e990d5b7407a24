//! `ntk list`: what can be used.

use ntk::data::generate::FORMS;
use ntk::data::{SOURCES, Source, dataset};
use ntk::metric::METRICS;
use ntk::model::{Activation, preset};
use serde_json::json;

use crate::args::{Format, List};
use crate::command::experiment::{Entry, entries};
use crate::failure::{Failure, Outcome};
use crate::render::quantity;
use crate::render::summary::wrapped;
use crate::render::terminal::{self, Style};

/// What a source is, for the list.
pub(super) fn about(source: &str) -> &'static str {
    match source.split(':').next() {
        Some("digits") => "UCI handwritten digits (embedded)",
        Some("fashion") if !source.contains(':') => "Fashion-MNIST, a subset (embedded)",
        Some("fashion") => "Fashion-MNIST: IDX files, also .gz",
        Some("mnist") => "MNIST: IDX files, also .gz",
        Some("cifar10") => "CIFAR-10, binary version",
        Some("csv") => "a table, the class in its last column",
        _ => "an archive with members x and y",
    }
}

/// Prints experiments, data sets and presets.
pub(crate) fn run(arguments: &List) -> Outcome {
    let mut sets = Vec::new();
    for name in SOURCES {
        // The others are wherever the user has them.
        let embedded =
            matches!(name, "digits" | "fashion").then(|| dataset::describe(&name.parse::<Source>()?)).transpose()?;
        sets.push((name, about(name), embedded));
    }
    let activations = Activation::ALL.map(Activation::name);
    let experiments = entries();
    if arguments.format == Format::Json {
        let sets: Vec<_> = sets
            .iter()
            .map(|(name, about, size)| {
                let (n, shape, classes) =
                    size.clone().map_or((None, None, None), |(n, s, c)| (Some(n), Some(s), Some(c)));
                json!({ "name": name, "about": about, "samples": n, "shape": shape, "classes": classes })
            })
            .collect();
        let presets: Vec<_> = preset::KINDS
            .iter()
            .map(|(name, form, about)| json!({ "name": name, "form": form, "about": about }))
            .collect();
        let metrics: Vec<_> = METRICS.iter().map(|(name, about)| json!({ "name": name, "about": about })).collect();
        let generators: Vec<_> = FORMS.iter().map(|form| json!({ "name": form.name, "about": form.about })).collect();
        let experiments: Vec<_> = experiments.iter().map(Entry::json).collect();
        let all = json!({ "experiments": experiments, "generators": generators, "data": sets, "presets": presets, "activations": activations, "metrics": metrics });
        return terminal::print(&format!("{all:#}\n")).map_err(Failure::Output);
    }
    let style = Style::detect();
    let mut text = String::from("Experiments (ntk run)\n");
    for Entry { about, status } in &experiments {
        let [quick, desk, _] = about.seconds.map(quantity::whole_seconds);
        text.push_str(&format!("  {}: quick {quick}, desk {desk}; {status}\n", about.name));
        for line in [about.paper, about.question] {
            let lines = wrapped(&style.letters(line), style.columns.saturating_sub(6).max(10));
            lines.iter().for_each(|line| text.push_str(&format!("      {line}\n")));
        }
    }
    text.push_str("\nData (--data)\n");
    for (name, about, size) in &sets {
        let size = size.as_ref().map_or(String::new(), |(n, shape, classes)| {
            let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
            format!(": {n} of {}, {classes} classes", shape.join(" x "))
        });
        text.push_str(&format!("  {name:<13} {about}{size}\n"));
    }
    for form in FORMS {
        text.push_str(&format!("  {:<13} made: {}\n", form.name, form.about));
    }
    text.push_str("\nPresets (--model)\n");
    for (_, form, about) in preset::KINDS {
        text.push_str(&format!("  {form}\n      {about}\n"));
    }
    text.push_str("  Options follow after commas: mlp:64-512x2-10:relu,param=standard,b_std=0\n");
    text.push_str("  A path ending in .toml is a model file; `ntk describe-model` prints one.\n");
    text.push_str(&format!("\nActivations (ACT)\n  {}\n", activations.join(" ")));
    text.push_str("\nMetrics of a training (--metrics)\n");
    for (name, about) in METRICS {
        text.push_str(&format!("  {name}\n      {about}\n"));
    }
    // Line by line: what is no letter becomes a blank, and that includes the ends of lines.
    let text: String = text.lines().map(|line| style.letters(line) + "\n").collect();
    terminal::print(&text).map_err(Failure::Output)
}
