//! What a run leaves: `results.csv`, `results.json`, tables, arrays, plots and the report.

use std::path::Path;

use ntk::data::npy::write_npy_to;
use ntk::experiment::finding::Cell;
use ntk::experiment::{Figure, Findings, Gate, Record, Table, Verdict};
use serde_json::{Value, json};

use super::account::Account;
use super::plan::Plan;
use super::verdict;
use crate::args::Format;
use crate::command::results::illustration;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::plot::Panels;
use crate::render::report::{ClaimSection, TableSection};
use crate::render::report::{Illustration, Note, Phase, Report};
use crate::render::summary::wrapped;
use crate::render::terminal::{self, Style};
use crate::store::folder::OutputFolder;

/// Writes everything; what `results.json` says.
pub(super) fn store(
    plan: &Plan,
    records: &[Record],
    findings: &Findings,
    account: &Account,
    folder: &OutputFolder,
    report: bool,
) -> Result<Value, Failure> {
    let names = || plan.run.tasks().iter().map(|unit| unit.name.as_str());
    folder.write("results.csv", long(names().zip(records)).as_bytes())?;
    for (name, array) in &findings.arrays {
        folder.write_with(&format!("arrays/{name}.npy"), |mut to| write_npy_to(&mut to, &array.shape, &array.data))?;
    }
    for table in &findings.tables {
        folder.write(&format!("tables/{}.csv", table.name), csv(table).as_bytes())?;
    }
    let drawn = if report { draw(findings, folder)? } else { Vec::new() };
    let told = results(plan, findings, report);
    folder.write("results.json", format!("{told:#}\n").as_bytes())?;
    if report {
        let page = page(plan, findings, account, drawn);
        folder.write("report.html", page.html()?.as_bytes())?;
    }
    Ok(told)
}

/// Tells people or programs, and ends with the code that the claims ask for.
pub(super) fn tell(plan: &Plan, findings: &Findings, told: &Value, place: &Path, format: Format) -> Outcome {
    match format {
        Format::Json => super::print(told)?,
        Format::Text => {
            let style = Style::detect();
            let head = format!("{}, {} scale", plan.name(), plan.config.scale.name());
            let mut text = format!("{head}\n{}", verdict::text(findings, &style));
            for note in &findings.notes {
                let note = style.letters(&format!("note: {note}"));
                let lines = wrapped(&note, style.columns.saturating_sub(2).max(10));
                lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
            }
            text.push_str(&format!("  {}\n", verdict::tallied(findings, plan.indicative())));
            text.push_str(&format!("  results in {}\n", style.letters(&place.display().to_string())));
            terminal::print(&text).map_err(Failure::Output)?;
        }
    }
    if !findings.failed() || plan.indicative() {
        return Ok(());
    }
    let failed = findings.claims.iter().filter(|claim| claim.verdict() == Verdict::Fail);
    let failed: Vec<&str> = failed.map(|judged| judged.claim.name).collect();
    let what = format!("claims failed: {}; the report shows what was measured", failed.join(", "));
    Err(Failure::Claims(what))
}

/// Arrays of at most so many entries stand in `results.csv` entry by entry, of longer ones their sum and their norm.
const MOST_ENTRIES: usize = 1000;

/// `task,quantity,value`, a line a number that was measured.
fn long<'r>(records: impl Iterator<Item = (&'r str, &'r Record)>) -> String {
    let mut text = String::from("task,quantity,value\n");
    for (task, record) in records {
        for (name, value) in &record.numbers {
            text.push_str(&format!("{},{},{value:?}\n", cell(task), cell(name)));
        }
        for (name, array) in &record.arrays {
            let mut put = |what: String, x: f64| {
                text.push_str(&format!("{},{},{x:?}\n", cell(task), cell(&format!("{name}[{what}]"))));
            };
            if array.len() <= MOST_ENTRIES {
                array.data.iter().enumerate().for_each(|(i, x)| put(place(i, &array.shape), *x));
            } else {
                put("sum".into(), array.data.iter().sum());
                put("norm".into(), array.data.iter().map(|x| x * x).sum::<f64>().sqrt());
            }
        }
    }
    text
}

/// Where entry `i` of an array is, as in `2;0`: a comma would end the cell.
fn place(mut i: usize, shape: &[usize]) -> String {
    let mut indices: Vec<String> = Vec::new();
    for &length in shape.iter().rev() {
        indices.push((i % length.max(1)).to_string());
        i /= length.max(1);
    }
    indices.reverse();
    indices.join(";")
}

fn csv(table: &Table) -> String {
    let join = |cells: Vec<String>| cells.join(",") + "\n";
    let mut text = join(table.columns.iter().map(|name| cell(name)).collect());
    for row in &table.rows {
        text.push_str(&join(
            row.iter()
                .map(|of| match of {
                    Cell::Number(x) => format!("{x:?}"),
                    Cell::Text(text) => cell(text),
                    Cell::Empty => String::new(),
                })
                .collect(),
        ));
    }
    text
}

/// A text as a cell: quoted where it must be, and never taken for a formula.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    let quoted = text.contains([',', '"', '\n', '\r']);
    if quoted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// What `results.json` says: nothing in it depends on when, where or how fast.
fn results(plan: &Plan, findings: &Findings, drawn: bool) -> Value {
    let about = plan.protocol.about();
    let (held, all) = verdict::tally(findings);
    let figures = findings.figures.iter().map(|figure| {
        let files = ["svg", "png"].map(|kind| format!("plots/{}.{kind}", figure.name));
        json!({ "name": figure.name, "title": figure.title, "caption": figure.caption, "claims": figure.claims, "files": files })
    });
    let figures: Vec<Value> = if drawn { figures.collect() } else { Vec::new() };
    json!({
        "schema": 1,
        "experiment": about.name,
        "paper": about.paper,
        "reference": about.reference,
        "scale": plan.config.scale.name(),
        "indicative": plan.indicative(),
        "revision": about.revision,
        "version": plan.version,
        "seeds": plan.config.table().get("seeds"),
        "claims": findings.claims.iter().map(verdict::json).collect::<Vec<_>>(),
        "not_judged": findings.unjudged.iter().map(verdict::declared).collect::<Vec<_>>(),
        "gated": all,
        "passed": held,
        "failed": all - held,
        "figures": figures,
        "tables": findings.tables.iter().map(|table| format!("tables/{}.csv", table.name)).collect::<Vec<_>>(),
        "arrays": findings.arrays.iter().map(|(name, _)| format!("arrays/{name}.npy")).collect::<Vec<_>>(),
        "notes": findings.notes,
    })
}

fn draw(findings: &Findings, folder: &OutputFolder) -> Result<Vec<Illustration>, Failure> {
    let drawn = |figure: &Figure| {
        let plot = Panels::new(figure)?;
        illustration(folder, &format!("plots/{}", figure.name), &plot, figure.caption.clone())
    };
    findings.figures.iter().map(drawn).collect()
}

fn page(plan: &Plan, findings: &Findings, account: &Account, mut drawn: Vec<Illustration>) -> Report {
    let about = plan.protocol.about();
    let mut warnings = Vec::new();
    if plan.indicative() {
        warnings
            .push("Quick scale: the verdicts are indicative. The thresholds are meant for the desk scale.".to_owned());
    }
    warnings.extend(plan.notes.iter().chain(&findings.notes).cloned());
    warnings.extend(verdict::unjudged(findings));
    // A figure stands beside the first claim that it supports.
    let mut taken: Vec<Option<usize>> = findings
        .figures
        .iter()
        .map(|figure| findings.claims.iter().position(|judged| figure.claims.contains(&judged.claim.name)))
        .collect();
    let mut sections: Vec<ClaimSection> = findings
        .claims
        .iter()
        .map(|judged| ClaimSection {
            name: judged.claim.name.to_owned(),
            verdict: verdict::word(judged.verdict()).to_owned(),
            gated: judged.claim.gate == Gate::Gated,
            statement: judged.claim.statement.to_owned(),
            paper: judged.claim.paper.to_owned(),
            quantity: judged.quantity(),
            measured: verdict::measured(judged),
            spread: verdict::spread(judged).unwrap_or_default(),
            wanted: verdict::wanted(judged.claim.threshold),
            source: judged.claim.source.to_owned(),
            reason: match judged.claim.gate {
                Gate::Gated => String::new(),
                Gate::Informative(reason) => reason.to_owned(),
            },
            plots: Vec::new(),
        })
        .collect();
    let mut rest = Vec::new();
    for illustration in drawn.drain(..) {
        match taken.remove(0) {
            Some(claim) => sections[claim].plots.push(illustration),
            None => rest.push(illustration),
        }
    }
    let text = |cell: &Cell| match cell {
        Cell::Number(x) => verdict::short(*x),
        Cell::Text(text) => text.clone(),
        Cell::Empty => String::new(),
    };
    let tables = findings.tables.iter().map(|table| TableSection {
        title: table.title.clone(),
        columns: table.columns.clone(),
        rows: table.rows.iter().take(MOST_ROWS).map(|row| row.iter().map(text).collect()).collect(),
        rest: table.rows.len().saturating_sub(MOST_ROWS),
        file: format!("tables/{}.csv", table.name),
    });
    let mut configuration: Vec<(String, String)> = vec![("scale".into(), plan.config.scale.name().into())];
    configuration.extend(plan.config.values.iter().map(|a| (a.name.to_owned(), a.value.to_string())));
    configuration.extend(plan.digests.iter().map(|(name, digest)| (format!("{name} (SHA-256)"), digest.clone())));
    Report {
        title: format!("{}: {}", about.name, verdict::tallied(findings, plan.indicative())),
        subtitle: format!("{} ({})", about.paper, about.reference),
        introduction: vec![about.question.to_owned(), about.protocol.to_owned()],
        warnings,
        claims: sections,
        plots: rest,
        tables: tables.collect(),
        configuration,
        phases: vec![Phase { name: "all tasks".into(), seconds: account.seconds(), gflop: None }],
        memory: machine::peak_memory().map(|peak| ("peak".to_owned(), peak)).into_iter().collect(),
        command: format!("ntk run {} --config config.toml", about.name),
        notes: vec![Note::Memory],
        origin: super::origin(),
        ..Report::default()
    }
}

/// Rows of a table that the report shows; all are in its file.
const MOST_ROWS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use ntk::array::Array;

    #[test]
    fn no_cell_is_taken_for_a_formula_or_breaks_its_line() {
        for (text, written) in [
            ("width=64", "width=64"),
            ("=1+1", "'=1+1"),
            ("@x", "'@x"),
            ("a,b", "\"a,b\""),
            ("a \"b\"\nc", "\"a \"\"b\"\"\nc\""),
            ("-cmd", "'-cmd"),
        ] {
            assert_eq!(cell(text), written);
        }
        let record = Record::default().number("x", 0.1).number("y", f64::NAN);
        assert_eq!(long([("t", &record)].into_iter()), "task,quantity,value\nt,x,0.1\nt,y,NaN\n");
        let array = |shape: &[usize]| Array::full(shape.to_vec(), 2.0).unwrap();
        let record = Record::default().array("m", array(&[2, 1])).array("long", array(&[30, 100]));
        let rows = "t,long[sum],6000.0\nt,long[norm],109.54451150103323\nt,m[0;0],2.0\nt,m[1;0],2.0\n";
        assert_eq!(long([("t", &record)].into_iter()), format!("task,quantity,value\n{rows}"));
        let table = Table {
            name: "t",
            title: String::new(),
            columns: vec!["n".into(), "what".into()],
            rows: vec![vec![Cell::Number(2.0), Cell::Text("=a".into())], vec![Cell::Empty, Cell::Empty]],
        };
        assert_eq!(csv(&table), "n,what\n2.0,'=a\n,\n");
    }
}
