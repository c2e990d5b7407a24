//! How a command fails: one message, one exit code, one JSON object.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::args::Cli;
use crate::render::plot::PlotError;
use crate::render::report::ReportError;
use crate::render::terminal;
use crate::store::folder::FolderError;

/// Whatever ended a command.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The toolbox refused or failed.
    Ntk(ntk::Error),
    /// The folder of results could not be made or written.
    Folder(FolderError),
    /// A plot or the report could not be made.
    Drawing(String),
    /// A process of our own that did a part failed.
    Child {
        /// Its exit code.
        code: u8,
        /// What it said.
        message: String,
    },
    /// Standard output could not be written.
    Output(io::Error),
    /// Claims failed, or results differ; all of it was told already.
    Claims(String),
    /// The arguments do not say a command.
    Usage {
        /// What is wrong, in a paragraph.
        what: String,
        /// What to write instead.
        hint: String,
    },
}

impl Failure {
    /// What the reader of arguments found wrong, with what to do in one line.
    pub(crate) fn usage(error: &clap::Error, arguments: &[OsString]) -> Self {
        use clap::error::{ContextKind, ErrorKind};
        let text = error.render().to_string();
        // Paragraphs: what is wrong, tips, usage, where to read more.
        let mut paragraphs = text.trim_end().split("\n\n").map(str::trim);
        let what = paragraphs.next().unwrap_or_default();
        let what = what.strip_prefix("error: ").unwrap_or(what).to_owned();
        let tip = paragraphs.find_map(|p| p.strip_prefix("tip: ")).map(|tip| match tip.split_once(" exists: ") {
            Some((_, word)) => format!("did you mean {}?", word.trim()),
            None => tip.to_owned(),
        });
        let word = |arguments: &[OsString]| arguments.get(1).map(|a| a.to_string_lossy().into_owned());
        let command =
            word(arguments).filter(|word| !word.starts_with('-') && error.kind() != ErrorKind::InvalidSubcommand);
        // Our own parsers end with what to do.
        let meant = || what.find("did you mean").map(|at| &what[at..]);
        let own = what.rsplit_once("; ").map(|(_, remedy)| remedy).or_else(meant).map(str::to_owned);
        let hint = match (error.kind(), &command) {
            _ if own.is_some() => own.unwrap_or_default(),
            (ErrorKind::ArgumentConflict, _) => "leave one of them out".to_owned(),
            (ErrorKind::UnknownArgument, None) if Cli::kernel_has(error.get(ContextKind::InvalidArg)) => {
                "flags stand behind a command: write ntk kernel and then the flags".to_owned()
            }
            (ErrorKind::InvalidUtf8, _) => "rename the file, or reach it by a link with a plain name".to_owned(),
            (_, Some(command)) => tip.unwrap_or_else(|| format!("ntk {command} --help lists what can be written")),
            (_, None) => tip.unwrap_or_else(|| "ntk --help lists what can be written".to_owned()),
        };
        Self::Usage { what, hint }
    }

    /// The exit code that the command line promises.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Ntk(error) => error.code(),
            Self::Folder(error) => error.code(),
            Self::Drawing(_) => 70,
            Self::Claims(_) => 1,
            Self::Output(_) => 5,
            Self::Child { code, .. } => *code,
            Self::Usage { .. } => 2,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Ntk(error) => error.kind().name(),
            Self::Usage { .. } => "usage",
            Self::Folder(error) if error.code() == 2 => "usage",
            Self::Folder(_) | Self::Output(_) => "resources",
            Self::Drawing(_) => "bug",
            Self::Child { code, .. } => match code {
                2 => "usage",
                3 => "data",
                4 => "numerics",
                5 => "resources",
                6 => "store",
                130 | 143 => "interrupted",
                _ => "bug",
            },
            Self::Claims(_) => "claims",
        }
    }

    /// Tells it: one object on standard output, or a message on standard error.
    pub(crate) fn report(&self, json: bool) {
        // Where nobody listens, the exit code still tells.
        if json && !matches!(self, Self::Claims(_)) {
            let _ = terminal::print(&format!("{:#}\n", self.json()));
        } else {
            let _ = writeln!(io::stderr(), "error: {self}");
        }
    }

    /// `{error: {code, kind, message, hint, path, line}}`
    pub(crate) fn json(&self) -> Value {
        let message = self.to_string();
        let last = || message.rsplit_once("; ").map(|(_, hint)| hint.to_owned());
        let (hint, path, line) = match self {
            Self::Ntk(error) => (error.hint(), error.path(), error.line()),
            Self::Folder(error) => (last(), error.path(), None),
            Self::Drawing(_) | Self::Output(_) | Self::Claims(_) | Self::Child { .. } => (last(), None, None),
            Self::Usage { hint, .. } => (Some(hint.clone()), None, None),
        };
        let path = path.map(|path| path.display().to_string());
        let (code, kind) = (self.code(), self.kind());
        json!({ "error": { "code": code, "kind": kind, "message": message, "hint": hint, "path": path, "line": line } })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ntk(error) => error.fmt(f),
            Self::Folder(error) => error.fmt(f),
            Self::Child { message, .. } => f.write_str(message),
            Self::Drawing(what) | Self::Claims(what) => f.write_str(what),
            Self::Usage { what, hint } if what.ends_with(hint.as_str()) => f.write_str(what),
            Self::Usage { what, hint } => write!(f, "{what}\nhelp: {hint}"),
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
