//! The few lines a command leaves on the terminal: labels, values, remarks, and the shape of a spectrum.

use super::table::Table;
use super::terminal::Style;
use unicode_width::UnicodeWidthStr;

/// Spaces before every label.
const INDENT: usize = 2;
/// Spaces between columns.
const GAP: usize = 2;
/// With less room than this for values, they go below their labels.
const LEAST_VALUE: usize = 14;
/// Columns of a spectrum at most.
const BARS: usize = 48;

/// One result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// What it is.
    pub(crate) label: String,
    /// The value, with its unit.
    pub(crate) value: String,
    /// What it means or where it comes from; may be empty.
    pub(crate) remark: String,
}

impl Row {
    /// A row from anything that is text.
    pub(crate) fn new(label: impl Into<String>, value: impl Into<String>, remark: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), remark: remark.into() }
    }
}

/// What a command found, briefly.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    /// What was computed.
    pub(crate) title: String,
    /// The results, most important first.
    pub(crate) rows: Vec<Row>,
    /// Eigenvalues to show the shape of; empty for none.
    pub(crate) spectrum: Vec<f64>,
    /// Measurements in columns, between the results and the place of the files.
    pub(crate) table: Option<Table>,
    /// Where the files are; may be empty.
    pub(crate) folder: String,
}

/// How a piece of text is set on a terminal with colours.
#[derive(Clone, Copy)]
enum Face {
    Title,
    Label,
    Value,
    Remark,
}

impl Summary {
    /// The text, with a line end after every line and no line longer than the style's columns.
    pub(crate) fn render(&self, style: &Style) -> String {
        let mut page = Page { style, out: String::new() };
        for line in wrapped(&style.letters(&self.title), style.columns) {
            page.line(&[(Face::Title, &line)]);
        }
        let folder = (!self.folder.is_empty()).then(|| Row::new("results in", self.folder.as_str(), ""));
        let rows = self.rows.iter().chain(&folder).map(|row| Row {
            label: style.letters(&row.label),
            value: style.letters(&row.value),
            remark: style.letters(&row.remark),
        });
        let rows = rows.collect::<Vec<_>>();
        let spectrum = bars(&self.spectrum, style);
        let labels = rows.iter().map(|row| row.label.width());
        let widest = labels.chain(spectrum.iter().map(|_| "spectrum".len())).max().unwrap_or(0);
        let values = rows.iter().filter(|row| !row.remark.is_empty()).map(|row| row.value.width()).max().unwrap_or(0);
        let first = INDENT + widest + GAP;
        for (i, row) in rows.iter().enumerate() {
            // The folder is the last word, the shape of the spectrum comes before it.
            if folder.is_some() && i + 1 == rows.len() {
                page.spectrum(spectrum.as_ref(), first);
                page.table(self.table.as_ref());
            }
            page.row(row, first, values);
        }
        if folder.is_none() {
            page.spectrum(spectrum.as_ref(), first);
            page.table(self.table.as_ref());
        }
        page.out
    }
}

struct Page<'a> {
    style: &'a Style,
    out: String,
}

impl Page<'_> {
    fn line(&mut self, pieces: &[(Face, &str)]) {
        let mut line = String::new();
        for (face, text) in pieces {
            let code = match face {
                Face::Title => "1",
                Face::Label => "36",
                Face::Value => "",
                Face::Remark => "2",
            };
            let bare = text.trim_end();
            if self.style.colour && !code.is_empty() && !bare.is_empty() {
                line.push_str(&format!("\u{1b}[{code}m{bare}\u{1b}[0m{}", &text[bare.len()..]));
            } else {
                line.push_str(text);
            }
        }
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// A label with its value beside it, and the remark beside that if there is room, else below.
    fn row(&mut self, row: &Row, first: usize, values: usize) {
        let columns = self.style.columns;
        if columns < first + LEAST_VALUE {
            return self.stacked(row);
        }
        let label = format!("{}{}", " ".repeat(INDENT), padded(&row.label, first - INDENT));
        let blank = " ".repeat(first);
        let lines = wrapped(&row.value, columns - first);
        let second = first + values + GAP;
        let beside = lines.len() == 1 && second + row.remark.width() <= columns;
        for (i, value) in lines.iter().enumerate() {
            let left = if i == 0 { &label } else { &blank };
            if beside && !row.remark.is_empty() {
                let value = padded(value, second - first);
                self.line(&[(Face::Label, left), (Face::Value, &value), (Face::Remark, &row.remark)]);
            } else {
                self.line(&[(Face::Label, left), (Face::Value, value)]);
            }
        }
        if !beside {
            for remark in wrapped(&row.remark, columns - first) {
                self.line(&[(Face::Label, &blank), (Face::Remark, &remark)]);
            }
        }
    }

    fn stacked(&mut self, row: &Row) {
        let columns = self.style.columns;
        for label in wrapped(&row.label, columns) {
            self.line(&[(Face::Label, &label)]);
        }
        for (face, text) in [(Face::Value, &row.value), (Face::Remark, &row.remark)] {
            for line in wrapped(text, columns - INDENT) {
                self.line(&[(Face::Value, &" ".repeat(INDENT)), (face, &line)]);
            }
        }
    }

    fn table(&mut self, table: Option<&Table>) {
        for line in table.map(|table| table.text(self.style)).unwrap_or_default() {
            self.line(&[(Face::Value, &line)]);
        }
    }

    fn spectrum(&mut self, bars: Option<&String>, first: usize) {
        if let Some(bars) = bars.filter(|_| self.style.columns >= first + LEAST_VALUE) {
            let room = self.style.columns - first;
            let bars = bars.chars().take(room).collect::<String>();
            self.row(&Row::new("spectrum", bars, ""), first, 0);
        }
    }
}

/// Eigenvalues as a row of bars on a logarithmic scale, largest first; ranks are spaced by equal ratios, as in the
/// plot. Nothing if fewer than three are positive.
fn bars(values: &[f64], style: &Style) -> Option<String> {
    let ramp = if style.unicode { "▁▂▃▄▅▆▇█" } else { "_.:-=+*#" };
    let ramp = ramp.chars().collect::<Vec<_>>();
    let mut sorted = values.iter().copied().filter(|v| v.is_finite() && *v > 0.0).collect::<Vec<_>>();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let n = sorted.len();
    if n < 3 {
        return None;
    }
    let (high, low) = (sorted[0].log10(), sorted[n - 1].log10());
    let decades = high - low;
    // Half of the terminal, but not more bars than values.
    let count = BARS.min(style.columns / 2).min(n).max(1);
    let text = (0..count).map(|k| {
        let t = k as f64 / (count - 1).max(1) as f64;
        let rank = (n as f64).powf(t).round().clamp(1.0, n as f64) as usize;
        let height = if decades > 0.0 { (sorted[rank - 1].log10() - low) / decades } else { 1.0 };
        ramp[((height * (ramp.len() - 1) as f64).round() as usize).min(ramp.len() - 1)]
    });
    let text = text.collect::<String>();
    Some(format!("{text}  {decades:.1} decades"))
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Lines of at most `width` columns, broken at spaces, or inside a word that is longer than a line.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    // A run of spaces inside a line is kept: bars and their remark are apart by two.
    for word in text.split_inclusive(' ') {
        if line.width() + word.trim_end().width() > width && !line.trim().is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_string());
        }
        for c in word.chars() {
            let next = line.width() + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
            if next > width {
                if c == ' ' {
                    continue;
                }
                lines.push(std::mem::take(&mut line).trim_end().to_string());
            }
            line.push(c);
        }
    }
    if !line.trim().is_empty() {
        lines.push(line.trim_end().to_string());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Summary {
        Summary {
            title: "Neural tangent kernel of mlp:64-512x2-10:relu on digits, 512 samples".to_string(),
            rows: vec![
                Row::new("largest eigenvalue", "877.1", "λ₁"),
                Row::new("condition number", "2.622×10⁴", "λ₁/λₙ"),
                Row::new("effective rank", "8.312", "exp of the entropy of the normalised spectrum, of 512 at most"),
                Row::new("alignment", "0.4312", ""),
                Row::new("time", "1.234 s", "51.10 GFLOP, 41.41 GFLOP/s"),
            ],
            spectrum: (1..=512).map(|k| 800.0 * f64::from(k).powf(-1.6)).collect(),
            table: None,
            folder: "runs/kernel-1".to_string(),
        }
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_at_any_width() {
        for columns in 10..=100 {
            for (unicode, colour) in [(false, false), (true, false)] {
                let text = example().render(&Style { columns, colour, unicode });
                for line in text.lines() {
                    assert!(line.width() <= columns, "{columns}: {line:?}");
                    assert_eq!(line, line.trim_end());
                }
            }
        }
    }

    #[test]
    fn values_and_remarks_stand_in_columns() {
        let text = example().render(&Style { columns: 80, colour: false, unicode: true });
        let lines = text.lines().collect::<Vec<_>>();
        assert_eq!(lines[1], "  largest eigenvalue  877.1      λ₁");
        assert_eq!(lines[2], "  condition number    2.622×10⁴  λ₁/λₙ");
        assert!(lines.last().is_some_and(|l| l.ends_with("runs/kernel-1")));
    }

    #[test]
    fn nothing_is_lost_at_twenty_columns() {
        let text = example().render(&Style { columns: 20, colour: false, unicode: true });
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in ["condition number", "2.622×10⁴", "51.10 GFLOP, 41.41 GFLOP/s", "runs/kernel-1"] {
            assert!(flat.contains(word), "{word} in {flat}");
        }
    }

    #[test]
    fn plain_output_is_ascii_and_has_no_escapes() {
        let text = example().render(&Style::PLAIN);
        assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("2.622e4") && text.contains("lambda_1/lambda_n"));
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let plain = example().render(&Style { columns: 80, colour: false, unicode: true });
        let mut coloured = example().render(&Style { columns: 80, colour: true, unicode: true });
        assert!(coloured.contains("\u{1b}[1m"));
        for code in ["\u{1b}[1m", "\u{1b}[2m", "\u{1b}[36m", "\u{1b}[0m"] {
            coloured = coloured.replace(code, "");
        }
        assert_eq!(coloured, plain);
    }

    #[test]
    fn bars_fall_from_full_to_empty_and_need_three_values() {
        let style = Style { columns: 80, colour: false, unicode: true };
        let text = bars(&[1.0, 1e-4, 1e-8, -3.0, 0.0, f64::NAN], &style).expect("bars");
        assert_eq!(text, "█▅▁  8.0 decades");
        assert_eq!(bars(&[1.0, 2.0, 0.0], &style), None);
        assert_eq!(bars(&[2.0; 4], &style).as_deref(), Some("████  0.0 decades"));
    }

    #[test]
    fn words_longer_than_a_line_are_broken() {
        assert_eq!(wrapped("ab cdefgh i", 4), ["ab", "cdef", "gh i"]);
        assert_eq!(wrapped("猫猫猫", 4), ["猫猫", "猫"]);
        assert!(wrapped("", 4).is_empty());
    }
}
