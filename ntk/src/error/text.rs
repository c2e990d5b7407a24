//! How the parts of a message are written: places, shapes, bytes, and what to do about the operating system.

use std::fmt;
use std::path::Path;

/// The first 80 characters of a word from outside, so that no message is longer than a screen.
pub(crate) fn shorten(word: &str) -> String {
    if word.chars().nth(80).is_none() {
        return word.to_owned();
    }
    word.chars().take(77).chain("...".chars()).collect()
}

pub(super) fn read_remedy(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::NotFound => "check the path",
        std::io::ErrorKind::PermissionDenied => "make it readable",
        _ => "check the file and the disk it is on",
    }
}

pub(super) fn write_remedy(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "free some space, or write to another disk with --out"
        }
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "make the folder writable, or name another with --out"
        }
        _ => "check the folder and the disk it is on, or name another with --out",
    }
}

pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    pub(super) line: Option<usize>,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

pub(super) struct Known<'a> {
    pub(super) nearest: &'a Option<String>,
    pub(super) known: &'a [String],
}

impl fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nearest {
            Some(word) => write!(f, "did you mean `{word}`?"),
            None => write!(f, "known: {}", self.known.join(", ")),
        }
    }
}

pub(super) struct Twins(pub(super) Option<(usize, usize)>);

impl fmt::Display for Twins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |(i, j)| write!(f, " (samples {i} and {j} are equal)"))
    }
}

/// Writes a shape as `[2, 3]`.
pub(crate) struct Shape<'a>(pub(crate) &'a [usize]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Writes a number of bytes with a binary unit and three digits.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} bytes", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while value >= 1000.0 && unit + 1 < units.len() {
            value /= 1024.0;
            unit += 1;
        }
        let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
        write!(f, "{value:.digits$} {}", units[unit])
    }
}
