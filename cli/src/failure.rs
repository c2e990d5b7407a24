//! How a command fails: one message, one exit code, one JSON object.

use std::fmt;
use std::io;

use serde_json::{Value, json};

use crate::render::folder::FolderError;
use crate::render::plot::PlotError;
use crate::render::report::ReportError;

/// Whatever ended a command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The toolbox refused or failed.
    Ntk(ntk::Error),
    /// The folder of results could not be made or written.
    Folder(FolderError),
    /// A plot or the report could not be made.
    Drawing(String),
    /// Standard output could not be written.
    Output(io::Error),
}

impl Failure {
    /// The exit code that the command line promises.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Ntk(error) => error.code(),
            Self::Folder(error) => error.code(),
            Self::Drawing(_) => 70,
            Self::Output(_) => 5,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Ntk(error) => error.kind().name(),
            Self::Folder(error) if error.code() == 2 => "usage",
            Self::Folder(_) | Self::Output(_) => "resources",
            Self::Drawing(_) => "bug",
        }
    }

    /// `{error: {code, kind, message, hint, path, line}}`
    pub(crate) fn json(&self) -> Value {
        let message = self.to_string();
        let (hint, path, line) = match self {
            Self::Ntk(error) => (error.hint(), error.path().map(|p| p.display().to_string()), error.line()),
            _ => (message.rsplit_once("; ").map(|(_, hint)| hint.to_owned()), None, None),
        };
        let (code, kind) = (self.code(), self.kind());
        json!({ "error": { "code": code, "kind": kind, "message": message, "hint": hint, "path": path, "line": line } })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ntk(error) => error.fmt(f),
            Self::Folder(error) => error.fmt(f),
            Self::Drawing(what) => f.write_str(what),
            Self::Output(error) => write!(f, "standard output: {error}; send it where it can be written"),
        }
    }
}

impl<E: Into<ntk::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Ntk(error.into())
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl From<PlotError> for Failure {
    fn from(error: PlotError) -> Self {
        Self::Drawing(error.to_string())
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        Self::Drawing(error.to_string())
    }
}

/// Result of a command.
pub(crate) type Outcome = Result<(), Failure>;
