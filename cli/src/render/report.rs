//! The report: one HTML file with everything about a run, that needs neither network nor other files.

use super::quantity;
use super::summary::Row;
use super::table::Table;
use minijinja::{Environment, Value, context};
use std::fmt;

const TEMPLATE: &str = include_str!("../../assets/report.html");

/// A report could not be made.
#[derive(Debug)]
pub(crate) struct ReportError(minijinja::Error);

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the report could not be made: {}; use --no-report to go without it", self.0)
    }
}

impl std::error::Error for ReportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// A plot in the report.
#[derive(Debug, Clone)]
pub(crate) struct Illustration {
    /// The SVG document, as `plot` made it.
    pub(crate) svg: String,
    /// What to see in it.
    pub(crate) caption: String,
    /// File names of the same plot beside the report, such as `spectrum.svg`.
    pub(crate) files: Vec<String>,
}

/// A part of the run and what it cost.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    /// What was done.
    pub(crate) name: String,
    /// By the monotonic clock.
    pub(crate) seconds: f64,
    /// Least work in 10^9 floating-point operations, where it is known.
    pub(crate) gflop: Option<f64>,
}

/// A number that the report explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// Of the kernel.
    ConditionNumber,
    /// By entropy.
    EffectiveRank,
    /// With the labels.
    Alignment,
    /// Which eigenvalues are noise.
    RoundingFloor,
    /// Of the loss.
    Sharpness,
    /// Of eigenvalues.
    Density,
    /// How GFLOP are counted.
    Work,
    /// What shares of peak are of.
    PeakRate,
    /// Between methods.
    Agreement,
    /// What peak memory is.
    Memory,
    /// What it is where a process does one thing.
    ProcessMemory,
}

impl Note {
    /// Every note, in the order of a report.
    pub(crate) const ALL: [Self; 11] = [
        Self::ConditionNumber,
        Self::EffectiveRank,
        Self::Alignment,
        Self::RoundingFloor,
        Self::Sharpness,
        Self::Density,
        Self::Work,
        Self::PeakRate,
        Self::Agreement,
        Self::Memory,
        Self::ProcessMemory,
    ];

    /// The term and its explanation.
    fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::ConditionNumber => (
                "Condition number",
                "λ₁/λₙ, the largest eigenvalue of the kernel over the smallest positive one. Gradient descent on a \
                 wide network learns the direction of λᵢ at a rate proportional to λᵢ, so the slowest direction takes \
                 about this many times as long as the fastest. Near the inverse of the machine precision (10¹⁶ in \
                 f64, 10⁷ in f32) it says only that the kernel is singular.",
            ),
            Self::EffectiveRank => (
                "Effective rank",
                "exp(−∑ pᵢ ln pᵢ) with pᵢ = λᵢ/∑ λⱼ: the number of equal eigenvalues that would have the same \
                 entropy. It is 1 when a single direction carries everything, and n for a multiple of the identity.",
            ),
            Self::Alignment => (
                "Kernel-target alignment",
                "⟨Θ, YYᵀ⟩ / (‖Θ‖ ‖YYᵀ‖), the cosine between the kernel and the kernel that knows the labels. It is \
                 1 when samples of a class are all alike and differ from the others, and near 0 when the kernel says \
                 nothing about the labels. Centred kernels and targets give other values: compare like with like.",
            ),
            Self::RoundingFloor => (
                "Rounding floor",
                "n ε λ₁, with ε the machine precision: eigenvalues below it are not known to any digit, not even by \
                 their sign. A negative eigenvalue of that size is no sign of an error.",
            ),
            Self::Sharpness => (
                "Sharpness",
                "The largest eigenvalue of the Hessian of the training loss, with the residual ‖Hv − λv‖ of the pair \
                 that was found. Gradient descent with step η is stable along it only while it is below 2/η.",
            ),
            Self::Density => (
                "Spectral density",
                "Estimated by stochastic Lanczos quadrature: for random directions v, the measure that has weight \
                 ⟨v, uᵢ⟩² at each eigenvalue λᵢ, by a Gauss rule of as many points as products, and the mean of these. \
                 Its trace and sums are estimates with the errors stated. A single eigenvalue far out is seen at its \
                 place; how many there are is known to the errors only.",
            ),
            Self::Work => (
                "GFLOP",
                "Counted from the shapes of the least work the result needs, an addition and a multiplication as two; \
                 not measured. The rate divides it by the time that passed, so it includes every wait.",
            ),
            Self::PeakRate => (
                "Of peak",
                "The rate over the peak of the machine, which is the larger of two rates measured just before: a loop \
                 of fused multiply-adds that never leaves the registers, and a product of 1024 × 1024 matrices, on as \
                 many threads. A method that does more than the least work has a low share however busy it is; one \
                 that leaves out zeros can be above 100 %.",
            ),
            Self::Agreement => (
                "Error",
                "max |K − K′| / max |K′| between a kernel and the reference: that of the explicit Jacobian where it \
                 was formed, else that of the products.",
            ),
            Self::ProcessMemory => (
                "Peak memory",
                "Each method at each size is a process of its own (`ntk kernel`), so its largest resident set is that \
                 of the method: program, data, weights, work and kernel.",
            ),
            Self::Memory => (
                "Peak memory",
                "The largest resident set of the process as the system saw it, or its growth in one phase where so \
                 labelled; code and libraries count.",
            ),
        }
    }
}

/// A claim with what was measured of it; see [`ntk::experiment::Claim`].
#[derive(Debug, Clone, Default)]
pub(crate) struct ClaimSection {
    pub(crate) name: String,
    /// In a word.
    pub(crate) verdict: String,
    /// Whether a failure counts.
    pub(crate) gated: bool,
    pub(crate) statement: String,
    pub(crate) paper: String,
    pub(crate) quantity: String,
    /// The number with its error.
    pub(crate) measured: String,
    /// How the seeds differ; may be empty.
    pub(crate) spread: String,
    /// The threshold, in words.
    pub(crate) wanted: String,
    pub(crate) source: String,
    /// Why a failure does not count; may be empty.
    pub(crate) reason: String,
    /// The figures that support it.
    pub(crate) plots: Vec<Illustration>,
}

/// Numbers in rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableSection {
    pub(crate) title: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// Rows that are in the file only.
    pub(crate) rest: usize,
    /// Its file beside the report.
    pub(crate) file: String,
}

/// Everything a report shows; parts that are empty are left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// What was computed.
    pub(crate) title: String,
    /// One line below it: model, data, size.
    pub(crate) subtitle: String,
    /// Paragraphs before everything else.
    pub(crate) introduction: Vec<String>,
    /// What should be known before a number is believed.
    pub(crate) warnings: Vec<String>,
    /// The scalar results.
    pub(crate) summary: Vec<Row>,
    /// Measurements in columns.
    pub(crate) table: Option<Table>,
    /// The plots.
    pub(crate) plots: Vec<Illustration>,
    /// Claims with verdicts, each with its plots.
    pub(crate) claims: Vec<ClaimSection>,
    /// Tables.
    pub(crate) tables: Vec<TableSection>,
    /// Names and values, defaults included.
    pub(crate) configuration: Vec<(String, String)>,
    /// What took how long.
    pub(crate) phases: Vec<Phase>,
    /// What took how many bytes.
    pub(crate) memory: Vec<(String, u64)>,
    /// The command line that gives the same numbers.
    pub(crate) command: String,
    /// The numbers to explain.
    pub(crate) notes: Vec<Note>,
    /// Program, version, machine, date: the last line.
    pub(crate) origin: String,
}

impl Report {
    /// The HTML file. Whatever is text in the report stays text: markup in it is escaped.
    ///
    /// # Errors
    /// If the template fails, which would be a bug.
    pub(crate) fn html(&self) -> Result<String, ReportError> {
        let mut environment = Environment::new();
        // Templates called `.html` escape every value that is not declared safe.
        environment.add_template("report.html", TEMPLATE).map_err(ReportError)?;
        let rows = |rows: &[Row]| {
            let rows = rows.iter().map(|r| context! { label => &r.label, value => &r.value, remark => &r.remark });
            rows.collect::<Vec<_>>()
        };
        let plots = |plots: &[Illustration]| plots.iter().map(illustration).collect::<Vec<_>>();
        let claims = self.claims.iter().map(|claim| {
            let ClaimSection { name, verdict, gated, statement, paper, quantity, measured, .. } = claim;
            let ClaimSection { spread, wanted, source, reason, .. } = claim;
            context! {
                name, verdict, gated, statement, paper, quantity, measured, spread, wanted, source, reason,
                plots => plots(&claim.plots),
            }
        });
        let tables = self.tables.iter().map(|table| {
            let TableSection { title, columns, rows, rest, file } = table;
            context! { title, columns, rows, rest, file }
        });
        let configuration = self.configuration.iter().map(|(name, value)| context! { name, value });
        let memory = self.memory.iter().map(|(name, n)| context! { name, size => quantity::bytes(*n) });
        let notes = Note::ALL.into_iter().filter(|note| self.notes.contains(note)).map(|note| {
            let (term, text) = note.text();
            context! { term, text }
        });
        let page = context! {
            title => &self.title,
            subtitle => &self.subtitle,
            warnings => &self.warnings,
            summary => rows(&self.summary),
            table => self.table.as_ref().map(Table::html),
            introduction => &self.introduction,
            claims => claims.collect::<Vec<_>>(),
            plots => plots(&self.plots),
            tables => tables.collect::<Vec<_>>(),
            configuration => configuration.collect::<Vec<_>>(),
            phases => self.phases(),
            memory => memory.collect::<Vec<_>>(),
            command => &self.command,
            notes => notes.collect::<Vec<_>>(),
            origin => &self.origin,
        };
        environment.get_template("report.html").and_then(|t| t.render(page)).map_err(ReportError)
    }

    /// The phases with their shares, and a last row for all of them.
    fn phases(&self) -> Vec<Value> {
        let total = self.phases.iter().map(|p| p.seconds.max(0.0)).sum::<f64>();
        let work = self.phases.iter().filter_map(|p| p.gflop).sum::<f64>();
        let row = |name: &str, seconds: f64, gflop: Option<f64>, sum: bool| {
            let rate = gflop.filter(|_| seconds > 0.0).map(|g| quantity::gflop_per_second(g / seconds));
            context! {
                name,
                sum,
                seconds => quantity::seconds(seconds),
                share => if total > 0.0 { (100.0 * seconds / total).clamp(0.0, 100.0).round() } else { 0.0 },
                gflop => gflop.map(quantity::gflop),
                rate,
            }
        };
        let mut rows = self.phases.iter().map(|p| row(&p.name, p.seconds, p.gflop, false)).collect::<Vec<_>>();
        if rows.len() > 1 {
            // The rate of the whole would count phases whose work is not known, so it has none.
            rows.push(context! { rate => (), ..row("total", total, (work > 0.0).then_some(work), true) });
        }
        rows
    }
}

fn illustration(plot: &Illustration) -> Value {
    // The drawing escapes its own texts.
    let svg = Value::from_safe_string(plot.svg.clone());
    context! { svg, caption => &plot.caption, files => &plot.files }
}

#[cfg(test)]
pub(crate) mod tests;
