//! A file that grows by whole lines while a command works.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use ntk::{Error, Result};

/// A file at whose end lines are written.
pub(crate) struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// Opens a file that is there.
    ///
    /// # Errors
    /// [`Error::Write`]
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        let file = OpenOptions::new().append(true).open(&path);
        file.map(|file| Self { path: path.clone(), file }).map_err(|source| Error::Write { path, source })
    }

    /// One write, past every buffer of ours: what ends this process after it cannot take the line back.
    ///
    /// # Errors
    /// [`Error::Write`]; a part of the line may be there, and a reader takes a line without its end for none.
    pub(crate) fn append(&mut self, line: &str) -> Result<()> {
        let path = &self.path;
        self.file.write_all(line.as_bytes()).map_err(|source| Error::Write { path: path.clone(), source })
    }
}

/// The lines of a text that have their end.
pub(crate) fn whole(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').map_while(|line| line.strip_suffix('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_at_the_end_and_one_that_was_cut_is_none() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("l");
        assert_eq!(Lines::open(path.clone()).err().unwrap().code(), 5);
        std::fs::write(&path, "a\n").unwrap();
        let mut lines = Lines::open(path.clone()).unwrap();
        lines.append("b\n").unwrap();
        lines.append("cut").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(whole(&text).collect::<Vec<_>>(), ["a", "b"]);
    }
}
