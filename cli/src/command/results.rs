//! What `kernel` and `spectrum` show and store alike: the scalars of a kernel and the plot of its spectrum.

use ntk::data::npy::write_npy_to;
use ntk::spectral::{Spectrum, Summary};
use serde_json::{Value, json};

use crate::args;
use crate::failure::Failure;
use crate::render::plot::{self, Floor, Plot};
use crate::render::quantity;
use crate::render::report::Illustration;
use crate::render::summary::Row;
use crate::store::folder::OutputFolder;

/// The eigenvalues that are meant, given what was typed and how many rows there are.
///
/// # Errors
/// More eigenvalues than rows.
pub(crate) fn asked(typed: Option<args::Spectrum>, rows: usize) -> Result<Spectrum, ntk::Error> {
    match typed {
        None => Ok(Spectrum::usual(rows)),
        Some(args::Spectrum::Full) => Ok(Spectrum::Full),
        Some(args::Spectrum::Top(count)) if count > rows => Err(ntk::Error::usage(
            format!("--spectrum top:{count} asks for more eigenvalues than the kernel has, which are {rows}"),
            format!("write --spectrum full, or top:{rows}"),
        )),
        Some(args::Spectrum::Top(count)) => Ok(Spectrum::Top(count)),
        Some(args::Spectrum::None) => Ok(Spectrum::None),
    }
}

/// The rows of the terminal summary and of the report.
pub(crate) fn rows(summary: &Summary) -> Vec<Row> {
    let mut rows = Vec::new();
    let number = quantity::number;
    let all = summary.eigenvalues.len() == summary.rows;
    if let Some(largest) = summary.eigenvalues.first() {
        let remark =
            if all { String::new() } else { format!("the {} largest were computed", summary.eigenvalues.len()) };
        rows.push(Row::new("largest eigenvalue", number(*largest), remark));
    }
    if let Some(smallest) = summary.eigenvalues.last().filter(|_| all) {
        let noise = summary.floor.filter(|floor| smallest.abs() < *floor);
        let remark = noise.map_or(String::new(), |floor| format!("below the rounding floor {}", number(floor)));
        rows.push(Row::new("smallest eigenvalue", number(*smallest), remark));
    }
    if let Some(condition) = summary.condition {
        rows.push(Row::new("condition number", number(condition), ""));
    }
    if let Some(rank) = summary.effective_rank {
        rows.push(Row::new("effective rank", number(rank), format!("of {}", quantity::count(summary.rows as u64))));
    }
    rows.push(Row::new("trace", number(summary.trace), ""));
    if let Some(alignment) = summary.alignment {
        rows.push(Row::new("kernel-target alignment", number(alignment), "1 where the kernel knows the labels"));
    }
    rows
}

/// The same for programs. A number that is not finite is null.
pub(crate) fn json(summary: &Summary) -> Value {
    let largest = summary.eigenvalues.first();
    let smallest = summary.eigenvalues.last().filter(|_| summary.eigenvalues.len() == summary.rows);
    json!({
        "rows": summary.rows,
        "eigenvalues_computed": summary.eigenvalues.len(),
        "largest_eigenvalue": largest,
        "smallest_eigenvalue": smallest,
        "rounding_floor": summary.floor,
        "condition_number": summary.condition,
        "effective_rank": summary.effective_rank,
        "trace": summary.trace,
        "frobenius_norm": summary.frobenius,
        "kernel_target_alignment": summary.alignment,
        "largest_residual": summary.residuals.as_ref().map(|all| all.iter().fold(0.0_f64, |top, r| top.max(*r))),
    })
}

/// Draws the spectrum into the folder; none where there are no eigenvalues.
pub(crate) fn spectrum_plot(
    summary: &Summary,
    title: &str,
    folder: &OutputFolder,
) -> Result<Option<Illustration>, Failure> {
    if summary.eigenvalues.is_empty() {
        return Ok(None);
    }
    let floor = summary.floor.filter(|floor| *floor > 0.0).map(|value| Floor { value, label: "rounding floor".into() });
    let plot = plot::Spectrum { title, values: &summary.eigenvalues, total: Some(summary.rows), floor };
    let caption = "Eigenvalues, largest first. Those below the rounding floor are not known to any digit.";
    illustration(folder, "spectrum", &plot, caption).map(Some)
}

/// Draws a plot into the folder, as `name.svg` and `name.png`, for the report.
pub(crate) fn illustration(
    folder: &OutputFolder,
    name: &str,
    plot: &impl Plot,
    caption: impl Into<String>,
) -> Result<Illustration, Failure> {
    let svg = plot.svg()?;
    let files = vec![format!("{name}.svg"), format!("{name}.png")];
    folder.write(&files[0], svg.as_bytes())?;
    folder.write(&files[1], &plot.png()?)?;
    Ok(Illustration { svg, caption: caption.into(), files })
}

/// Writes `eigenvalues.npy`, float64.
pub(crate) fn write_eigenvalues(values: &[f64], folder: &OutputFolder) -> Result<(), Failure> {
    if !values.is_empty() {
        folder.write_with("eigenvalues.npy", |mut to| write_npy_to(&mut to, &[values.len()], values))?;
    }
    Ok(())
}

/// The command that makes the same result again, quoted for a shell.
pub(crate) fn command_line() -> String {
    command_line_of(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()))
}

/// `ntk` with these words, quoted for a shell.
pub(crate) fn command_line_of(words: impl Iterator<Item = String>) -> String {
    std::iter::once("ntk".to_owned()).chain(words.map(quoted)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
