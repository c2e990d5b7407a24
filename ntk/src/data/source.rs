//! Where samples come from, as named on the command line.

use std::fmt;
use std::path::{Path, PathBuf};

use super::generate::{FORMS, Generator};
use super::npz::Npz;
use super::records::{Inputs, Labels, REAL_LABELS, Records, check_finite, whole_number};
use super::{cifar10, csv_file, idx};
use crate::array::Array;
use crate::error::{Error, Result};

/// The names of the sources that are read, as shown in lists and messages; those that are made are
/// [`super::generate::FORMS`].
pub const SOURCES: [&str; 7] = ["digits", "fashion", "mnist:DIR", "fashion:DIR", "cifar10:DIR", "csv:FILE", "npz:FILE"];

/// A source of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The embedded digits: 1797 images 8 x 8, values 0 to 16, ten classes.
    Digits,
    /// The embedded subset of Fashion-MNIST: 1500 images 28 x 28, ten classes.
    Fashion,
    /// A folder of IDX files in the layout of MNIST (Fashion-MNIST has the same); the first field is the name typed.
    Idx(&'static str, PathBuf),
    /// A folder of CIFAR-10 in its binary version.
    Cifar10(PathBuf),
    /// A table with the class in its last column.
    Csv(PathBuf),
    /// An archive with members `x` and `y`, in either case.
    Npz(PathBuf),
    /// Samples that are made and not read.
    Made(Generator),
}

impl std::str::FromStr for Source {
    type Err = Error;

    /// Parses `digits`, `fashion`, `mnist:DIR`, `fashion:DIR`, `cifar10:DIR`, `csv:FILE`, `npz:FILE`, or a generator such
    /// as `parity:bits=24,k=3`.
    fn from_str(text: &str) -> Result<Self> {
        let made = match text.split_once(':') {
            Some((name, options)) => Generator::parse(name, Some(options)),
            None => Generator::parse(text, None),
        };
        if let Some(made) = made {
            return made.map(Source::Made);
        }
        let (name, place) = match text.split_once(':') {
            Some((name, place)) => (name, Some(PathBuf::from(place))),
            None => (text, None),
        };
        let needs = |place: Option<PathBuf>, what: &str| match place {
            Some(path) if !path.as_os_str().is_empty() => Ok(path),
            _ => Err(Error::usage(format!("the data source `{name}` needs a path"), format!("write {name}:{what}"))),
        };
        match name {
            "digits" if place.is_none() => Ok(Source::Digits),
            "digits" => Err(Error::usage("the data source `digits` is embedded and takes no path", "write digits")),
            "fashion" if place.is_none() => Ok(Source::Fashion),
            "fashion" => Ok(Source::Idx("fashion", needs(place, "DIR")?)),
            "mnist" => Ok(Source::Idx("mnist", needs(place, "DIR")?)),
            "cifar10" => Ok(Source::Cifar10(needs(place, "DIR")?)),
            "csv" => Ok(Source::Csv(needs(place, "FILE")?)),
            "npz" => Ok(Source::Npz(needs(place, "FILE")?)),
            _ => Err(unknown(text, name)),
        }
    }
}

fn unknown(text: &str, name: &str) -> Error {
    let heads = SOURCES.iter().map(|s| s.split(':').next().unwrap_or(s)).chain(FORMS.iter().map(|form| form.name));
    match (crate::nearest::nearest(name, heads), Path::new(text).extension().and_then(|e| e.to_str())) {
        (None, Some(kind @ ("csv" | "npz"))) => Error::usage(
            format!("unknown data source `{}`", crate::error::shorten(text)),
            format!("write {kind}:{}", crate::error::shorten(text)),
        ),
        (None, Some("npy")) => Error::usage(
            format!("unknown data source `{}`", crate::error::shorten(text)),
            "give arrays as --x1 A.npy [--x2 B.npy] [--y Y.npy]",
        ),
        (nearest, _) => Error::Unknown {
            noun: "data source",
            word: crate::error::shorten(name),
            nearest: nearest.map(str::to_owned),
            known: SOURCES.iter().copied().chain(FORMS.iter().map(|form| form.name)).map(str::to_owned).collect(),
        },
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Digits => f.write_str("digits"),
            Source::Fashion => f.write_str("fashion"),
            Source::Idx(name, path) => write!(f, "{name}:{}", path.display()),
            Source::Cifar10(path) => write!(f, "cifar10:{}", path.display()),
            Source::Csv(path) => write!(f, "csv:{}", path.display()),
            Source::Npz(path) => write!(f, "npz:{}", path.display()),
            Source::Made(generator) => generator.fmt(f),
        }
    }
}

impl Source {
    /// All samples, in the order of the source; what is made has as many as are wanted, unless it says how many itself.
    pub(super) fn read(&self, wanted: Option<usize>) -> Result<Records> {
        match self {
            Source::Digits => idx::embedded_digits(),
            Source::Fashion => idx::embedded_fashion(),
            Source::Idx(_, folder) => idx::read_folder(folder),
            Source::Cifar10(folder) => cifar10::read_folder(folder),
            Source::Csv(path) => csv_file::read_csv(path),
            Source::Npz(path) => read_npz(path),
            Source::Made(generator) => generator.read_all(wanted),
        }
    }
}

/// Members `x` and `y` of an archive. A one-dimensional `y` holds classes, a two-dimensional one real targets.
fn read_npz(path: &Path) -> Result<Records> {
    let mut npz = Npz::open(path)?;
    let names = npz.names().to_vec();
    let find = |wanted: &str| {
        let mut found = names.iter().filter(|name| name.eq_ignore_ascii_case(wanted));
        match (found.next(), found.next()) {
            (Some(name), None) => Ok(name),
            (None, _) => Err(Error::data(
                path,
                format!("holds no member `{wanted}`"),
                "write it with numpy.savez(path, x=inputs, y=labels)",
            )),
            (Some(a), Some(b)) => Err(Error::data(
                path,
                format!("holds both `{a}` and `{b}`"),
                "write it with numpy.savez(path, x=inputs, y=labels)",
            )),
        }
    };
    let (x, y) = (find("x")?, find("y")?);
    let inputs: Array<f64> = npz.read(x)?;
    check_inputs(&inputs, &path.join(x))?;
    let targets: Array<f64> = npz.read(y)?;
    let path = path.join(y);
    check_finite(&targets, &path)?;
    check_rows(&inputs, &targets, &path)?;
    match targets.rank() {
        1 => Records::classified(Inputs::Reals(inputs), &classes_of(&targets, &path)?, &path),
        2 => Ok(Records { inputs: Inputs::Reals(inputs), labels: Labels::Targets(targets) }),
        _ => Err(Error::data(
            path,
            format!("has shape {:?}", targets.shape),
            "give classes as [n] or targets as [n, outputs]",
        )),
    }
}

/// Refuses inputs that are no table of samples or are not finite.
pub(super) fn check_inputs(inputs: &Array<f64>, path: &Path) -> Result<()> {
    if inputs.rank() < 2 || inputs.is_empty() {
        return Err(Error::data(
            path,
            format!("has shape {:?}, which is no set of samples", inputs.shape),
            "give it as [n, features] or [n, height, width, channels]; one sample is x.reshape(1, -1)",
        ));
    }
    check_finite(inputs, path)
}

/// Refuses targets that are not as many as the inputs.
pub(super) fn check_rows(inputs: &Array<f64>, targets: &Array<f64>, path: &Path) -> Result<()> {
    if targets.rank() == 0 || targets.rows() != inputs.rows() {
        return Err(Error::data(
            path,
            format!("has shape {:?} for {} samples", targets.shape, inputs.rows()),
            "give one row a sample",
        ));
    }
    Ok(())
}

/// A one-dimensional array as whole numbers.
pub(super) fn classes_of(labels: &Array<f64>, path: &Path) -> Result<Vec<i64>> {
    labels
        .data
        .iter()
        .enumerate()
        .map(|(row, &x)| {
            whole_number(x).ok_or_else(|| {
                Error::data(path, format!("has label {x} in row {row} (from 0), which is not a class"), REAL_LABELS)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_parsed_and_written_as_it_was_typed() {
        for text in ["digits", "fashion", "mnist:a/b", "fashion:a b", "cifar10:c", "csv:d:e.csv", "npz:f.npz"] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_mistyped_source_is_answered_with_what_was_meant() {
        let hint = |text: &str| {
            let error = text.parse::<Source>().unwrap_err();
            assert_eq!(error.code(), 2);
            error.hint().unwrap()
        };
        assert_eq!(hint("digist"), "did you mean `digits`?");
        assert_eq!(hint("minst:data"), "did you mean `mnist`?");
        assert_eq!(hint("mnist"), "write mnist:DIR");
        assert_eq!(hint("csv:"), "write csv:FILE");
        assert_eq!(hint("iris.csv"), "write csv:iris.csv");
        assert!(hint("a.npy").contains("--x1"));
        assert!(hint("imagenet").contains("cifar10:DIR"));
        assert_eq!(hint("digits:x"), "write digits");
    }
}
