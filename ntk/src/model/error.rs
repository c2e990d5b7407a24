//! What can be wrong with the description of a network.

use std::fmt;
use std::path::{Path, PathBuf};

/// A result whose error is a [`ModelError`].
pub type Result<T> = std::result::Result<T, ModelError>;

/// A network description that cannot be used, with the place and the remedy.
///
/// Every one of them is a fault of usage: the program ends with code 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelError {
    // Boxed, so that a `Result` is not three times as large for the sake of a rare error.
    details: Box<Details>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Details {
    message: String,
    hint: String,
    path: Option<PathBuf>,
    place: Option<Place>,
    layer: Option<String>,
}

/// Where in a text, and how that looks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    line: Option<usize>,
    column: usize,
    snippet: String,
}

impl ModelError {
    /// An error and its remedy.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        let details = Details { message: message.into(), hint: hint.into(), ..Details::default() };
        Self { details: Box::new(details) }
    }

    /// An error of one layer; the message is opened by its path.
    pub fn in_layer(layer: &str, message: impl fmt::Display, hint: impl Into<String>) -> Self {
        let mut error = Self::new(format!("{layer}: {message}"), hint);
        error.details.layer = Some(layer.to_owned());
        error
    }

    /// What is wrong, in one line, without the place.
    pub fn message(&self) -> &str {
        &self.details.message
    }

    /// What to do instead.
    pub fn hint(&self) -> &str {
        &self.details.hint
    }

    /// The model file.
    pub fn path(&self) -> Option<&Path> {
        self.details.path.as_deref()
    }

    /// The line of the file, from 1.
    pub fn line(&self) -> Option<usize> {
        self.details.place.as_ref()?.line
    }

    /// The column of the line or of the preset, from 1, in characters.
    pub fn column(&self) -> Option<usize> {
        self.details.place.as_ref().map(|p| p.column)
    }

    /// The text with carets under the place.
    pub fn snippet(&self) -> Option<&str> {
        self.details.place.as_ref().map(|p| p.snippet.as_str())
    }

    /// The layer concerned, such as `layers[3].layers[0]`.
    pub fn layer(&self) -> Option<&str> {
        self.details.layer.as_deref()
    }

    /// The same error, said of a file as a whole.
    pub(crate) fn of_file(mut self, path: &Path) -> Self {
        self.details.path = Some(path.to_owned());
        self
    }

    /// The same error, placed in a one-line text: carets under `start..end` (bytes).
    pub(super) fn under(mut self, text: &str, start: usize, end: usize) -> Self {
        let mark = Mark::new(text, start, end);
        let snippet = format!("  {}\n  {}", mark.text, mark.carets);
        self.details.place = Some(Place { line: None, column: mark.column, snippet });
        self
    }

    /// The same error, placed in a file: its line, with carets under `start..end` (bytes).
    pub(crate) fn within(mut self, path: &Path, text: &str, start: usize, end: usize) -> Self {
        let start = floor(text, start.min(text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        let number = text[..start].matches('\n').count() + 1;
        let mark =
            Mark::new(&text[line_start..line_end], start - line_start, end.min(line_end).saturating_sub(line_start));
        let gutter = number.to_string();
        let blank = " ".repeat(gutter.len());
        let snippet = format!("{blank} |\n{gutter} | {}\n{blank} | {}", mark.text, mark.carets);
        self.details.place = Some(Place { line: Some(number), column: mark.column, snippet });
        self.of_file(path)
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.path() {
            write!(f, "{}:", path.display())?;
            if let (Some(line), Some(column)) = (self.line(), self.column()) {
                write!(f, "{line}:{column}:")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(self.message())?;
        if let Some(snippet) = self.snippet() {
            write!(f, "\n{snippet}")?;
        }
        write!(f, "\nhelp: {}", self.hint())
    }
}

impl std::error::Error for ModelError {}

/// A stretch of a line made fit to print: at most [`Mark::WIDTH`] characters, no control characters.
struct Mark {
    text: String,
    carets: String,
    column: usize,
}

impl Mark {
    /// What of a long line is shown.
    const WIDTH: usize = 76;

    fn new(line: &str, start: usize, end: usize) -> Self {
        let start = floor(line, start.min(line.len()));
        let end = floor(line, end.min(line.len())).max(start);
        let before = line[..start].chars().count();
        let marked = line[start..end].chars().count().clamp(1, Self::WIDTH);
        // Shift the window so that the whole mark, or as much as fits, is in it.
        let skip = (before + marked).saturating_sub(Self::WIDTH).min(before);
        let text = line.chars().skip(skip).take(Self::WIDTH);
        Self {
            text: text.map(|c| if c.is_control() { ' ' } else { c }).collect(),
            carets: format!("{}{}", " ".repeat(before - skip), "^".repeat(marked)),
            column: before + 1,
        }
    }
}

/// The nearest character boundary at or before byte `i`.
fn floor(text: &str, mut i: usize) -> usize {
    while !text.is_char_boundary(i) {
        i -= 1;
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_the_bytes_they_mark() {
        let text = "first\nsecond line\nthird";
        let e = ModelError::new("bad word", "say it well").within(Path::new("m.toml"), text, 13, 17);
        assert_eq!((e.line(), e.column()), (Some(2), Some(8)));
        assert_eq!(e.to_string(), "m.toml:2:8: bad word\n  |\n2 | second line\n  |        ^^^^\nhelp: say it well");
    }

    #[test]
    fn a_line_of_a_megabyte_is_shown_as_a_window_round_the_place() {
        let text = format!("{}BAD{}", "x".repeat(500_000), "y".repeat(500_000));
        let e = ModelError::new("m", "h").within(Path::new("m"), &text, 500_000, 500_003);
        let snippet = e.snippet().unwrap();
        assert!(snippet.len() < 300);
        let mut lines = snippet.lines().skip(1);
        let (line, carets) = (lines.next().unwrap(), lines.next().unwrap());
        let at = carets.find('^').unwrap();
        assert_eq!(&line[at..at + 3], "BAD");
    }

    #[test]
    fn a_place_inside_a_character_or_past_the_end_is_no_panic() {
        let text = "ä\nö";
        for start in 0..8 {
            for end in 0..8 {
                let e = ModelError::new("m", "h");
                e.clone().under(text, start, end);
                e.within(Path::new("m"), text, start, end);
            }
        }
    }
}
