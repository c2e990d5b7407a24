//! The one error of the crate.
//!
//! Variants carry data, not sentences, wherever a program could want the data. Every message names the thing
//! (file, line, layer, option) and ends with what to do; [`Error::hint`] is that last part alone.

use std::path::{Path, PathBuf};

mod text;

use text::{Bytes, Known, Place, Twins, read_remedy, write_remedy};
pub(crate) use text::{Shape, shorten};

/// `Result` with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What family an error belongs to; it decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line or the configuration is wrong, or model and data do not fit: exit 2.
    Usage,
    /// An input file cannot be read as what it should be: exit 3.
    Data,
    /// A computation failed on numbers that were read correctly: exit 4.
    Numerics,
    /// Memory, disk or another resource of the machine ran out: exit 5.
    Resources,
    /// A store of results is locked or damaged beyond recomputation: exit 6.
    Store,
    /// A fault of this program: exit 70.
    Bug,
    /// A signal asked to stop: exit 130 (143 for SIGTERM and SIGHUP).
    Interrupted,
}

impl Kind {
    /// The name used in JSON output.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::Data => "data",
            Kind::Numerics => "numerics",
            Kind::Resources => "resources",
            Kind::Store => "store",
            Kind::Bug => "bug",
            Kind::Interrupted => "interrupted",
        }
    }
}

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option or a configuration value that cannot be honoured.
    #[error("{what}; {remedy}")]
    Usage {
        /// What is wrong, with the offending value.
        what: String,
        /// What to do instead.
        remedy: String,
    },

    /// A word that is none of the known ones.
    #[error("unknown {noun} `{word}`; {}", Known { nearest, known })]
    Unknown {
        /// What the word should name: "data source", "layer kind", ...
        noun: &'static str,
        /// The word as typed.
        word: String,
        /// The known word closest to it, if one is close.
        nearest: Option<String>,
        /// The words that would have been accepted.
        known: Vec<String>,
    },

    /// A configuration or model file that cannot be understood, at a place in it.
    #[error("{}: {what}; {remedy}", Place { path, line: *line })]
    Config {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: Option<usize>,
        /// What is wrong.
        what: String,
        /// What to do instead.
        remedy: String,
    },

    /// A description of a network that cannot be used; it carries its own place and remedy.
    #[error(transparent)]
    Model(#[from] crate::model::ModelError),

    /// Two shapes that must agree and do not.
    #[error("{what} is {}, but {} is needed; {remedy}", Shape(found), Shape(expected))]
    Shape {
        /// What has the wrong shape.
        what: String,
        /// The shape it should have.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
        /// What to do instead.
        remedy: String,
    },

    /// An output folder that holds something already.
    #[error("{} exists and is not empty; name another folder with --out, or remove it", .path.display())]
    OutputExists {
        /// The folder.
        path: PathBuf,
    },

    /// A file whose content is not what it should be.
    #[error("{}: {what}; {remedy}", Place { path, line: *line })]
    Data {
        /// The file, or the name of the data where there is no file.
        path: PathBuf,
        /// The line, counted from 1, in files that have lines.
        line: Option<usize>,
        /// What is wrong.
        what: String,
        /// What to do instead.
        remedy: String,
    },

    /// A file that cannot be opened or read.
    #[error("{}: {source}; {}", .path.display(), read_remedy(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// NaN or infinite values where finite ones are needed.
    #[error(
        "{}: {count} value(s) are not finite, the first is {value} at row {row}, column {column} (both from 0); \
         remove or replace them",
        .path.display()
    )]
    NotFinite {
        /// The file, or the name of the data.
        path: PathBuf,
        /// How many values are NaN or infinite.
        count: usize,
        /// Row of the first, from 0.
        row: usize,
        /// Position of the first within its row, from 0.
        column: usize,
        /// The first such value.
        value: f64,
    },

    /// Stored parameters that do not fit the network.
    #[error(
        "{}: the parameters are those of another network:\n{table}\n\
         give the model these parameters were made with, or store W0, b0, W1, ... in the shapes expected",
        .path.display()
    )]
    Parameters {
        /// The file.
        path: PathBuf,
        /// A table: name, expected shape, found shape.
        table: String,
    },

    /// A computation that failed.
    #[error("{what}; {remedy}")]
    Numerics {
        /// What failed, where, and the number that shows it.
        what: String,
        /// What to do instead.
        remedy: String,
    },

    /// A Cholesky factorization met a pivot that is not positive.
    #[error(
        "the kernel is not positive definite: pivot {pivot:.3e} at row {index}{}; \
         add a ridge of at least {ridge:.1e} (--ridge){}",
        Twins(*twins),
        if twins.is_some() { ", or remove the duplicate" } else { ", or use --dtype f64" }
    )]
    NotPositiveDefinite {
        /// The offending pivot.
        pivot: f64,
        /// Its row, from 0.
        index: usize,
        /// Two samples with equal inputs, if that is the reason.
        twins: Option<(usize, usize)>,
        /// The smallest ridge, relative to the mean diagonal, that would do.
        ridge: f64,
    },

    /// A quantity inside the network overflowed or became undefined.
    #[error("{what} is not finite at {place}; lower W_std or the depth, normalize the inputs, or use --dtype f64")]
    Overflow {
        /// The quantity: "activation", "kernel", ...
        what: &'static str,
        /// The layer and sample where it was first seen.
        place: String,
    },

    /// A request that needs more memory than there is.
    #[error("{what} would need {}, the limit is {}; {fits}", Bytes(*needed), Bytes(*limit))]
    Memory {
        /// What would need it.
        what: String,
        /// Bytes needed.
        needed: u64,
        /// Bytes at hand.
        limit: u64,
        /// What would fit.
        fits: String,
    },

    /// A file that could not be written; nothing of it is left behind.
    #[error("{}: could not be written: {source}; {}", .path.display(), write_remedy(source))]
    Write {
        /// The file as it was to be called.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// A store of results that cannot be used.
    #[error("{}: {what}; {remedy}", .path.display())]
    Store {
        /// The store's folder.
        path: PathBuf,
        /// What is wrong: who holds the lock, which file is damaged.
        what: String,
        /// What to do instead.
        remedy: String,
    },

    /// A signal asked to stop.
    #[error("interrupted; {resume}")]
    Interrupted {
        /// Whether it was SIGTERM or SIGHUP (exit 143) and not Ctrl-C (exit 130).
        terminated: bool,
        /// What was kept and how to go on.
        resume: String,
    },

    /// The automatic differentiation refused something that the layers above should have prevented.
    #[error("automatic differentiation: {0}; this is a fault of the program, please report the command that led to it")]
    Autodiff(String),

    /// An assumption of this crate that does not hold.
    #[error("{0}; this is a fault of the program, please report the command that led to it")]
    Bug(String),
}

impl From<autodiff::Error> for Error {
    fn from(error: autodiff::Error) -> Self {
        match error {
            // These are a property of the network asked for, not a fault.
            autodiff::Error::MixesSamples { .. }
            | autodiff::Error::NotPerSample { .. }
            | autodiff::Error::Program(_) => {
                let message = error.to_string();
                let (what, remedy) = message.rsplit_once("; ").unwrap_or((&message, "choose another network"));
                Error::usage(what, remedy)
            }
            fault => Error::Autodiff(fault.to_string()),
        }
    }
}

impl Error {
    /// A wrong option or value, and what to give instead.
    pub fn usage(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Usage { what: what.into(), remedy: remedy.into() }
    }

    /// A word that is none of `known`; the nearest is looked up.
    pub fn unknown<'a>(noun: &'static str, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let nearest = crate::nearest::nearest(word, known.iter().map(String::as_str)).map(str::to_owned);
        Error::Unknown { noun, word: shorten(word), nearest, known }
    }

    /// A file whose content is wrong, and what to do.
    pub fn data(path: impl Into<PathBuf>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Data { path: path.into(), line: None, what: what.into(), remedy: remedy.into() }
    }

    /// As [`Error::data`], at a line counted from 1.
    pub fn data_at(path: impl Into<PathBuf>, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Data { path: path.into(), line: Some(line), what: what.into(), remedy: remedy.into() }
    }

    /// A computation that failed, and what to do.
    pub fn numerics(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Numerics { what: what.into(), remedy: remedy.into() }
    }

    /// The family this error belongs to.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Usage { .. }
            | Error::Unknown { .. }
            | Error::Config { .. }
            | Error::Model(_)
            | Error::Shape { .. }
            | Error::OutputExists { .. } => Kind::Usage,
            Error::Data { .. } | Error::Read { .. } | Error::NotFinite { .. } | Error::Parameters { .. } => Kind::Data,
            Error::Numerics { .. } | Error::NotPositiveDefinite { .. } | Error::Overflow { .. } => Kind::Numerics,
            Error::Memory { .. } | Error::Write { .. } => Kind::Resources,
            Error::Store { .. } => Kind::Store,
            Error::Autodiff(_) | Error::Bug(_) => Kind::Bug,
            Error::Interrupted { .. } => Kind::Interrupted,
        }
    }

    /// The exit code of the process.
    pub fn code(&self) -> u8 {
        match self.kind() {
            Kind::Usage => 2,
            Kind::Data => 3,
            Kind::Numerics => 4,
            Kind::Resources => 5,
            Kind::Store => 6,
            Kind::Bug => 70,
            Kind::Interrupted => match self {
                Error::Interrupted { terminated: true, .. } => 143,
                _ => 130,
            },
        }
    }

    /// What to do, alone: the end of the message, for output that shows it apart.
    pub fn hint(&self) -> Option<String> {
        let message = self.to_string();
        match self {
            Error::Usage { remedy, .. }
            | Error::Config { remedy, .. }
            | Error::Shape { remedy, .. }
            | Error::Data { remedy, .. }
            | Error::Numerics { remedy, .. }
            | Error::Store { remedy, .. } => Some(remedy.clone()),
            Error::Memory { fits, .. } => Some(fits.clone()),
            Error::Model(e) => Some(e.hint().to_owned()),
            Error::Interrupted { resume, .. } => Some(resume.clone()),
            Error::Parameters { .. } => message.rsplit_once('\n').map(|(_, hint)| hint.to_owned()),
            // INVARIANT: these messages hold their only "; " before the remedy, or repeat none after it.
            _ => message.rsplit_once("; ").map(|(_, hint)| hint.to_owned()),
        }
    }

    /// The file concerned, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Error::Config { path, .. }
            | Error::OutputExists { path }
            | Error::Data { path, .. }
            | Error::Read { path, .. }
            | Error::NotFinite { path, .. }
            | Error::Parameters { path, .. }
            | Error::Write { path, .. }
            | Error::Store { path, .. } => Some(path),
            Error::Model(e) => e.path(),
            _ => None,
        }
    }

    /// The line in that file, counted from 1, if it has lines.
    pub fn line(&self) -> Option<usize> {
        match self {
            Error::Config { line, .. } | Error::Data { line, .. } => *line,
            Error::Model(e) => e.line(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_exit_code_of_the_contract() {
        let io = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let cases: Vec<(Error, u8, Kind)> = vec![
            (Error::usage("width = -3", "give a positive width"), 2, Kind::Usage),
            (Error::unknown("loss", "mes", ["mse", "ce"]), 2, Kind::Usage),
            (Error::OutputExists { path: "runs".into() }, 2, Kind::Usage),
            (Error::data("a.npy", "is empty", "write it again"), 3, Kind::Data),
            (Error::numerics("the residual is 3", "use --dtype f64"), 4, Kind::Numerics),
            (
                Error::Memory { what: "the kernel".into(), needed: 9, limit: 8, fits: "n = 2 fits".into() },
                5,
                Kind::Resources,
            ),
            (Error::Write { path: "k.npy".into(), source: io() }, 5, Kind::Resources),
            (Error::Store { path: "runs".into(), what: "locked by 7".into(), remedy: "wait".into() }, 6, Kind::Store),
            (Error::Autodiff("tape".into()), 70, Kind::Bug),
            (Error::Interrupted { terminated: false, resume: "resume with --resume".into() }, 130, Kind::Interrupted),
            (Error::Interrupted { terminated: true, resume: "resume with --resume".into() }, 143, Kind::Interrupted),
        ];
        for (error, code, kind) in cases {
            assert_eq!((error.code(), error.kind()), (code, kind), "{error}");
            let hint = error.hint().unwrap_or_else(|| panic!("no hint: {error}"));
            assert!(error.to_string().ends_with(&hint), "`{error}` does not end with `{hint}`");
        }
    }

    #[test]
    fn a_mistyped_word_is_answered_with_the_nearest_known_one() {
        let error = Error::unknown("data source", "digist", ["digits", "fashion"]);
        assert_eq!(error.to_string(), "unknown data source `digist`; did you mean `digits`?");
        let error = Error::unknown("data source", "zebra", ["digits", "fashion"]);
        assert_eq!(error.to_string(), "unknown data source `zebra`; known: digits, fashion");
    }

    #[test]
    fn a_line_is_part_of_the_message_and_of_the_record() {
        let error = Error::data_at("iris.csv", 7, "has 3 cells", "make all rows equally long");
        assert_eq!(error.to_string(), "iris.csv:7: has 3 cells; make all rows equally long");
        assert_eq!((error.line(), error.path()), (Some(7), Some(Path::new("iris.csv"))));
    }

    #[test]
    fn bytes_are_written_with_three_digits() {
        let text = |n: u64| Bytes(n).to_string();
        assert_eq!(
            [text(12), text(1536), text(25 << 20), text(3 << 30)],
            ["12 bytes", "1.50 KiB", "25.0 MiB", "3.00 GiB"]
        );
        assert_eq!(text(u64::MAX), "16.0 EiB");
    }

    #[test]
    fn an_error_is_small_enough_to_return_by_value() {
        assert!(size_of::<Error>() <= 128, "{} bytes", size_of::<Error>());
    }
}
