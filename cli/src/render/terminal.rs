//! What the terminal can show: its width, colours and letters.

use std::env;
use std::io::{self, IsTerminal, Write};

/// Columns when nobody says otherwise.
const DEFAULT_COLUMNS: usize = 80;
/// Lines longer than this are hard to read, however wide the window.
const MOST_COLUMNS: usize = 100;
/// Below this nothing can be laid out.
const LEAST_COLUMNS: usize = 10;

/// How text on the terminal may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// No line is longer.
    pub(crate) columns: usize,
    /// Whether escape sequences for colours are understood and wanted.
    pub(crate) colour: bool,
    /// Whether letters beyond ASCII are shown as they are.
    pub(crate) unicode: bool,
}

impl Style {
    /// Eighty columns of ASCII.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { columns: DEFAULT_COLUMNS, colour: false, unicode: false };

    /// The style of standard output as it is now.
    pub(crate) fn detect() -> Self {
        let terminal = io::stdout().is_terminal();
        let width = if terminal { terminal_size::terminal_size().map(|(w, _)| usize::from(w.0)) } else { None };
        Self::from_environment(terminal, width, |name| env::var(name).ok())
    }

    /// The rules, apart from where their inputs come from.
    ///
    /// Colours need a terminal, a `TERM` that is not `dumb`, and no `NO_COLOR`; letters beyond ASCII a UTF-8 locale;
    /// the width is `COLUMNS`, the window's, or 80.
    pub(crate) fn from_environment(
        terminal: bool,
        width: Option<usize>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|v| !v.is_empty());
        let dumb = set("TERM").is_none_or(|term| term == "dumb");
        let columns = set("COLUMNS").and_then(|c| c.parse().ok()).or(width).unwrap_or(DEFAULT_COLUMNS);
        // The first of these that is set decides, as in POSIX; none at all is the C locale.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_lowercase();
        Self {
            columns: columns.clamp(LEAST_COLUMNS, MOST_COLUMNS),
            colour: terminal && !dumb && set("NO_COLOR").is_none(),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }

    /// The text in letters this terminal has, without control characters.
    pub(crate) fn letters(&self, text: &str) -> String {
        let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        if self.unicode { text.collect() } else { ascii(&text.collect::<String>()) }
    }
}

/// The nearest ASCII spelling: `1.234×10⁻⁵` becomes `1.234e-5`, `λ₁` `lambda_1`; what has none becomes `?`.
pub(crate) fn ascii(text: &str) -> String {
    const SPELLINGS: &[(char, &str)] = &[
        ('×', "x"),
        ('·', "-"),
        ('−', "-"),
        ('–', "-"),
        ('—', "-"),
        ('…', "..."),
        ('≈', "~"),
        ('≤', "<="),
        ('≥', ">="),
        ('≠', "!="),
        ('±', "+-"),
        ('→', "->"),
        ('√', "sqrt "),
        ('∞', "inf"),
        ('∑', "sum "),
        ('µ', "u"),
        ('′', "'"),
        ('’', "'"),
        ('‘', "'"),
        ('“', "\""),
        ('”', "\""),
        ('‖', "||"),
        ('⟨', "<"),
        ('⟩', ">"),
        ('α', "alpha"),
        ('β', "beta"),
        ('γ', "gamma"),
        ('ε', "eps"),
        ('η', "eta"),
        ('θ', "theta"),
        ('Θ', "Theta"),
        ('κ', "kappa"),
        ('λ', "lambda"),
        ('σ', "sigma"),
        ('τ', "tau"),
        ('ω', "omega"),
        ('\u{a0}', " "),
    ];
    let text = text.replace("×10⁻", "e-");
    let mut out = String::with_capacity(text.len());
    // Which kind of digits the last sign was.
    let mut mark = None;
    for c in text.chars() {
        if let Some((kind, digit)) = script(c) {
            // A run of raised or lowered digits gets one sign in front.
            if mark != Some(kind) && !out.ends_with("e-") {
                out.push(kind);
            }
            out.push(digit);
            mark = Some(kind);
            continue;
        }
        mark = None;
        if c.is_ascii() {
            out.push(c);
        } else if let Some((_, spelling)) = SPELLINGS.iter().find(|(letter, _)| *letter == c) {
            out.push_str(spelling);
        } else {
            out.push('?');
        }
    }
    // `×10⁶` has become `x10^6`.
    out.replace("x10^", "e")
}

/// A raised or lowered sign: which of the two, and the sign on the line.
fn script(c: char) -> Option<(char, char)> {
    const RAISED: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻";
    const LOWERED: &str = "₀₁₂₃₄₅₆₇₈₉₋ₙ";
    let find = |set: &str, plain: &str| set.chars().zip(plain.chars()).find(|(s, _)| *s == c).map(|(_, p)| p);
    find(RAISED, "0123456789-").map(|d| ('^', d)).or_else(|| find(LOWERED, "0123456789-n").map(|d| ('_', d)))
}

/// Writes to standard output; a reader that has left (`| head`) is no error.
///
/// # Errors
/// Whatever else standard output reports, a full disk for instance.
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_to(&mut io::stdout().lock(), text)
}

fn print_to(out: &mut impl Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(terminal: bool, width: Option<usize>, variables: &[(&str, &str)]) -> Style {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_string());
        Style::from_environment(terminal, width, find)
    }

    #[test]
    fn colours_need_a_terminal_a_capable_one_and_no_veto() {
        let xterm = ("TERM", "xterm-256color");
        assert!(style(true, None, &[xterm]).colour);
        assert!(style(true, None, &[xterm, ("NO_COLOR", "")]).colour, "an empty NO_COLOR does not count");
        for (terminal, variables) in [
            (false, vec![xterm]),
            (true, vec![xterm, ("NO_COLOR", "1")]),
            (true, vec![("TERM", "dumb")]),
            (true, vec![]),
        ] {
            assert!(!style(terminal, None, &variables).colour, "{terminal} {variables:?}");
        }
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        assert!(style(true, None, &[("LANG", "de_CH.UTF-8")]).unicode);
        assert!(style(false, None, &[("LC_CTYPE", "C.utf8"), ("LANG", "C")]).unicode);
        assert!(!style(true, None, &[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")]).unicode);
        assert!(style(true, None, &[("LC_ALL", ""), ("LANG", "en_GB.UTF-8")]).unicode);
        assert!(!style(true, None, &[]).unicode);
    }

    #[test]
    fn the_width_is_the_variable_the_window_or_eighty() {
        assert_eq!(style(true, Some(20), &[]).columns, 20);
        assert_eq!(style(true, Some(20), &[("COLUMNS", "64")]).columns, 64);
        assert_eq!(style(false, None, &[("COLUMNS", "x")]).columns, 80);
        assert_eq!(style(true, Some(0), &[]).columns, LEAST_COLUMNS);
        assert_eq!(style(true, Some(400), &[]).columns, MOST_COLUMNS);
    }

    #[test]
    fn ascii_spells_what_it_cannot_show() {
        let cases = [
            ("1.234×10⁻⁵", "1.234e-5"),
            ("1.000×10⁶", "1.000e6"),
            ("512 × 512", "512 x 512"),
            ("κ = λ₁/λₙ", "kappa = lambda_1/lambda_n"),
            ("12.3 µs ≤ −1", "12.3 us <= -1"),
            ("n² λ₁₂", "n^2 lambda_12"),
            ("猫", "?"),
        ];
        for (text, spelling) in cases {
            assert_eq!(ascii(text), spelling);
        }
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let style = Style { unicode: true, ..Style::PLAIN };
        assert_eq!(style.letters("a\u{1b}[31mb\r\n"), "a [31mb  ");
    }

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_error_but_a_full_disk_is() {
        assert!(print("").is_ok());
        assert!(print_to(&mut Failing(io::ErrorKind::BrokenPipe), "text").is_ok());
        let error = print_to(&mut Failing(io::ErrorKind::StorageFull), "text").expect_err("a full disk");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
