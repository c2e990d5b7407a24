//! The folder where data sets are found by their bare names.

use std::path::{Path, PathBuf};

use super::source::Source;
use super::{cifar10, idx};
use crate::error::{Error, Result};

/// A data set that is known by name: the name, and where in the data folder it may be.
pub struct Shelf {
    /// `mnist`
    pub name: &'static str,
    /// Folders below the data folder, in the order in which they are looked at: a plain one first, then as others unpack it.
    pub places: &'static [&'static str],
}

/// What is looked for.
pub const SHELVES: [Shelf; 3] = [
    Shelf { name: "mnist", places: &["mnist", "MNIST/raw", "MNIST"] },
    Shelf { name: "fashion", places: &["fashion", "fashion-mnist", "FashionMNIST/raw", "FashionMNIST"] },
    Shelf { name: "cifar10", places: &["cifar10", "cifar-10-batches-bin", "cifar-10"] },
];

/// A folder of data sets, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataFolder(Option<PathBuf>);

impl DataFolder {
    /// No folder: only embedded data, generators and data with a path are known.
    pub const fn none() -> Self {
        Self(None)
    }

    /// This folder, which need not be there before something in it is asked for.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Some(path.into()))
    }

    /// The folder.
    pub fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// Where the files of a shelf are, if they are there.
    pub fn find(&self, shelf: &Shelf) -> Option<PathBuf> {
        let folder = self.path()?;
        let there = |place: &PathBuf| match shelf.name {
            "cifar10" => cifar10::is_folder(place),
            _ => idx::is_folder(place),
        };
        shelf.places.iter().map(|place| folder.join(place)).find(there)
    }

    /// The source that a name means: a bare `mnist`, `fashion` or `cifar10` is that of the folder. Where the folder has no
    /// `fashion`, that is the embedded subset.
    ///
    /// # Errors
    /// As parsing a [`Source`]; a bare name that the folder has not, with where it was looked for.
    pub fn source(&self, name: &str) -> Result<Source> {
        let Some(shelf) = SHELVES.iter().find(|shelf| shelf.name == name) else { return name.parse() };
        match self.find(shelf) {
            Some(place) if shelf.name == "cifar10" => Ok(Source::Cifar10(place)),
            Some(place) => Ok(Source::Idx(shelf.name, place)),
            None if name == "fashion" => Ok(Source::Fashion),
            None => {
                let what = match self.path() {
                    Some(folder) => format!("`{name}` is not in the data folder {}", folder.display()),
                    None => format!("the data source `{name}` needs a path, as no data folder is named"),
                };
                let remedy = format!(
                    "write {name}:DIR, or name a folder that holds {} with --data-dir or NTK_DATA",
                    shelf.places.join(" or ")
                );
                Err(Error::usage(what, remedy))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_are_looked_up_and_others_are_what_they_say() {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(home.path());
        assert_eq!(folder.source("fashion").unwrap(), Source::Fashion);
        assert_eq!(folder.source("digits").unwrap(), Source::Digits);
        assert_eq!(folder.source("mnist:x").unwrap(), Source::Idx("mnist", "x".into()));
        let error = folder.source("mnist").unwrap_err();
        assert!(error.code() == 2 && error.to_string().contains("is not in the data folder"), "{error}");
        assert!(DataFolder::none().source("cifar10").unwrap_err().hint().unwrap().contains("NTK_DATA"));
        for (place, file) in [("MNIST/raw", "train-images-idx3-ubyte.gz"), ("fashion", "t10k-images-idx3-ubyte")] {
            std::fs::create_dir_all(home.path().join(place)).unwrap();
            std::fs::write(home.path().join(place).join(file), "").unwrap();
        }
        std::fs::create_dir_all(home.path().join("cifar-10-batches-bin")).unwrap();
        assert!(folder.source("cifar10").is_err(), "an empty folder is no data set");
        std::fs::write(home.path().join("cifar-10-batches-bin/data_batch_2.bin"), "").unwrap();
        assert_eq!(folder.source("mnist").unwrap(), Source::Idx("mnist", home.path().join("MNIST/raw")));
        assert_eq!(folder.source("fashion").unwrap(), Source::Idx("fashion", home.path().join("fashion")));
        assert_eq!(folder.source("cifar10").unwrap(), Source::Cifar10(home.path().join("cifar-10-batches-bin")));
    }
}
