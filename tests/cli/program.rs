//! The program in an empty folder of its own, and what a run of it left.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use ntk::array::Array;
use ntk::data::{Element, read_npy, write_npy};
use serde_json::Value;

/// An empty folder to run in.
pub struct Place(tempfile::TempDir);

/// How a run ended.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, about to run here, on a terminal of nobody.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ntk"));
        command.args(arguments).current_dir(self.0.path());
        for name in ["COLUMNS", "NO_COLOR", "LANG", "LC_CTYPE"] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C");
        command
    }

    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Runs words divided by blanks.
    pub fn ntk(&self, words: &str) -> Ran {
        self.run(words.split_whitespace())
    }

    /// Runs `ntk kernel .. --format json`, which must succeed, without a report; the object that it prints.
    pub fn kernel(&self, words: &str, out: &str) -> Value {
        let ran = self.ntk(&format!("kernel {words} --out {out} --no-report --format json"));
        assert_eq!(ran.code, Some(0), "{words}: {}{}", ran.out, ran.err);
        ran.json()
    }

    pub fn read<T: Element>(&self, name: &str) -> Array<T> {
        read_npy(&self.path(name)).unwrap()
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.bytes(name)).unwrap()
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn write_npy<T: Element>(&self, name: &str, shape: &[usize], data: &[T]) -> PathBuf {
        let path = self.path(name);
        write_npy(&path, shape, data).unwrap();
        path
    }

    /// The names of all files below, with their sizes: a folder that was left shows as well.
    pub fn listing(&self) -> BTreeMap<PathBuf, u64> {
        fn below(folder: &Path, into: &mut BTreeMap<PathBuf, u64>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let kind = entry.file_type().unwrap();
                into.insert(entry.path(), if kind.is_file() { entry.metadata().unwrap().len() } else { 0 });
                if kind.is_dir() {
                    below(&entry.path(), into);
                }
            }
        }
        let mut all = BTreeMap::new();
        below(self.0.path(), &mut all);
        all
    }

    /// The names in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let names = std::fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let start = Instant::now();
        Self::told(command.output().unwrap(), start)
    }

    pub fn told(output: Output, start: Instant) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr), took: start.elapsed() }
    }

    /// Standard output as one JSON value and nothing else.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}{}", self.out, self.err))
    }
}

/// Numbers of a fixed sequence between -1 and 1.
pub fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|i| ((i as f64 + 1.0) * 0.618_033_988_749_895).fract() * 2.0 - 1.0).collect()
}

/// `max |a - b| / max |b|`
pub fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let scale = b.iter().fold(0.0_f64, |top, x| top.max(x.abs()));
    a.iter().zip(b).fold(0.0_f64, |top, (a, b)| top.max((a - b).abs())) / scale
}
