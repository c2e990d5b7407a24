//! Measurements in columns, for the terminal and for the report.

use super::terminal::Style;
use minijinja::{Value, context};
use unicode_width::UnicodeWidthStr;

/// Spaces before every line and between columns.
const GAP: usize = 2;

/// A table: the first column are names, the others numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// What the columns are.
    pub(crate) head: Vec<&'static str>,
    /// Its lines.
    pub(crate) lines: Vec<Line>,
}

/// A line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// What the lines below have in common: a name, and what is to be known of it.
    Heading(String, String),
    /// One text for each column.
    Cells(Vec<String>),
    /// A name, and words in place of numbers.
    Remark(String, String),
}

impl Table {
    /// The lines, none longer than the style's columns: words are broken over lines, and where the columns do not fit
    /// each number stands on a line of its own.
    pub(crate) fn text(&self, style: &Style) -> Vec<String> {
        let letters = |text: &String| style.letters(text);
        let cells = self.lines.iter().filter_map(|line| match line {
            Line::Cells(cells) => Some(cells.iter().map(letters).collect::<Vec<_>>()),
            _ => None,
        });
        let all: Vec<Vec<String>> =
            std::iter::once(self.head.iter().map(|name| (*name).to_owned()).collect()).chain(cells).collect();
        let names = self.lines.iter().map(|line| match line {
            Line::Remark(name, _) => style.letters(name).width(),
            _ => 0,
        });
        let mut widths: Vec<usize> =
            (0..self.head.len()).map(|c| all.iter().map(|row| row[c].width()).max().unwrap_or(0)).collect();
        if let Some(first) = widths.first_mut() {
            *first = names.max().unwrap_or(0).max(*first);
        }
        let whole = widths.iter().map(|width| width + GAP).sum::<usize>();
        if whole > style.columns {
            return self.stacked(style);
        }
        let mut out = vec![aligned(&all[0], &widths)];
        for line in &self.lines {
            match line {
                Line::Heading(name, rest) => out.extend(wrapped(&format!("{name}: {rest}"), 0, style)),
                Line::Cells(cells) => out.push(aligned(&cells.iter().map(letters).collect::<Vec<_>>(), &widths)),
                Line::Remark(name, words) => {
                    let name = padded(&style.letters(name), widths[0]);
                    let beside = GAP + widths[0] + GAP;
                    for (i, words) in wrapped(words, beside, style).into_iter().enumerate() {
                        let line = if i == 0 { format!("  {name}  {}", words.trim_start()) } else { words };
                        out.push(line);
                    }
                }
            }
        }
        out
    }

    fn stacked(&self, style: &Style) -> Vec<String> {
        let mut out = Vec::new();
        for line in &self.lines {
            match line {
                Line::Heading(name, rest) => out.extend(wrapped(&format!("{name}: {rest}"), 0, style)),
                Line::Remark(name, words) => out.extend(wrapped(&format!("{name}: {words}"), GAP, style)),
                Line::Cells(cells) => {
                    out.extend(wrapped(&cells[0], GAP, style));
                    for (name, cell) in self.head.iter().zip(cells).skip(1).filter(|(_, cell)| !cell.is_empty()) {
                        out.extend(wrapped(&format!("{name} {cell}"), 2 * GAP, style));
                    }
                }
            }
        }
        out
    }

    /// The same for the report's template.
    pub(crate) fn html(&self) -> Value {
        let lines = self.lines.iter().map(|line| match line {
            Line::Heading(name, rest) => context! { kind => "heading", name, rest },
            Line::Cells(cells) => context! { kind => "cells", cells },
            Line::Remark(name, words) => context! { kind => "remark", name, words },
        });
        context! { head => &self.head, lines => lines.collect::<Vec<_>>(), others => self.head.len().max(2) - 1 }
    }
}

/// Names to the left, numbers to the right.
fn aligned(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (i, (cell, &width)) in cells.iter().zip(widths).enumerate() {
        let blank = " ".repeat(width.saturating_sub(cell.width()));
        let pair = if i == 0 { [cell.as_str(), &blank] } else { [&blank, cell.as_str()] };
        line.push_str(&format!("  {}{}", pair[0], pair[1]));
    }
    line.trim_end().to_owned()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Lines that begin with so many blanks, broken at spaces, or within a word that is longer than a line.
fn wrapped(text: &str, indent: usize, style: &Style) -> Vec<String> {
    let room = style.columns.saturating_sub(indent).max(1);
    let mut lines = vec![String::new()];
    for word in style.letters(text).split_whitespace() {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].width() + 1 + word.width() <= room {
            lines[last].push(' ');
        } else if !lines[last].is_empty() {
            lines.push(String::new());
        }
        for c in word.chars() {
            let last = lines.len() - 1;
            if lines[last].width() + unicode_width::UnicodeWidthChar::width(c).unwrap_or(0) > room {
                lines.push(String::new());
            }
            let last = lines.len() - 1;
            lines[last].push(c);
        }
    }
    lines.into_iter().map(|line| format!("{}{line}", " ".repeat(indent)).trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Table {
        let cells = |cells: [&str; 3]| Line::Cells(cells.map(str::to_owned).to_vec());
        Table {
            head: vec!["method", "time", "of peak"],
            lines: vec![
                Line::Heading("n = 64".into(), "1.2 GFLOP at least".into()),
                cells(["structured", "1.234 ms", "52 %"]),
                cells(["products", "12.3 µs", ""]),
                Line::Remark("jacobian".into(), "would need 3.4 GiB, --memory allows 2 GiB".into()),
            ],
        }
    }

    #[test]
    fn names_stand_left_numbers_right_and_words_span_the_rest() {
        let lines = example().text(&Style { columns: 80, colour: false, unicode: true });
        assert_eq!(
            lines,
            [
                "  method          time  of peak",
                "n = 64: 1.2 GFLOP at least",
                "  structured  1.234 ms     52 %",
                "  products     12.3 µs",
                "  jacobian    would need 3.4 GiB, --memory allows 2 GiB",
            ]
        );
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_and_no_word_is_lost() {
        for columns in 10..=100 {
            let lines = example().text(&Style { columns, colour: false, unicode: false });
            assert!(lines.iter().all(|line| line.width() <= columns && line.is_ascii()), "{columns}: {lines:?}");
            let flat: String = lines.join("").split_whitespace().collect();
            for word in ["structured", "1.234ms", "52%", "12.3us", "wouldneed3.4GiB,--memoryallows2GiB"] {
                assert!(flat.contains(word), "{columns}: {word} in {flat}");
            }
        }
    }
}
