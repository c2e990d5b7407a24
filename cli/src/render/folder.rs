//! The folder a command leaves its results in.
//!
//! A folder belongs to one run: it is made, or found empty, before any work, and claimed by a marker file, so that two
//! processes never write into the same one. Every file appears in it at once and whole, or not at all.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where folders without a name go.
const RUNS: &str = "runs";
/// Claims a folder while its run lasts; still there after a crash.
const MARKER: &str = ".unfinished";

/// A results folder could not be made or written.
#[derive(Debug)]
pub(crate) enum FolderError {
    /// The named folder holds something.
    NotEmpty { path: PathBuf },
    /// The name is taken by something that is not a folder.
    NotAFolder { path: PathBuf },
    /// Another process works in it, or one was killed there.
    Claimed { path: PathBuf },
    /// A file name with a separator, or none.
    BadName { name: String },
    /// The system refused.
    System {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl FolderError {
    /// The exit code: 2 for what was asked, 5 for what the system refused.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::NotEmpty { .. }
            | Self::NotAFolder { .. }
            | Self::Claimed { .. }
            | Self::BadName { .. } => 2,
            Self::System { .. } => 5,
        }
    }
}

impl fmt::Display for FolderError {
    /// Paths are written with `Debug`, which keeps line breaks and bytes that are not text out of the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmpty { path } => {
                write!(
                    f,
                    "the output folder {path:?} is not empty; name a new one with --out, or leave --out away"
                )
            }
            Self::NotAFolder { path } => {
                write!(
                    f,
                    "the output {path:?} exists and is not a folder; name another with --out"
                )
            }
            Self::Claimed { path } => write!(
                f,
                "the output folder {path:?} belongs to another run, still going or killed (it holds {MARKER}); name \
                 another with --out"
            ),
            Self::BadName { name } => {
                write!(
                    f,
                    "{name:?} cannot be the name of a result; use a plain file name without a folder"
                )
            }
            Self::System {
                doing,
                path,
                source,
            } => {
                let remedy = match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        "free some space or name a folder on another disk with --out"
                    }
                    io::ErrorKind::NotFound => {
                        "its folder has vanished: name one that stays with --out"
                    }
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        "name a folder that can be written with --out"
                    }
                    io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => {
                        "name another folder with --out"
                    }
                    _ => "check the disk, or name a folder on another one with --out",
                };
                write!(f, "{doing} {path:?}: {source}; {remedy}")
            }
        }
    }
}

impl std::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A claimed folder. Dropped without `finish`, it takes back what it made, except for files that are complete.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    path: PathBuf,
    /// Folders that did not exist before, innermost first.
    made: Vec<PathBuf>,
    /// Whether the marker is ours.
    claimed: bool,
    finished: bool,
}

impl OutputFolder {
    /// Claims the named folder, or a new `runs/<command>-<number>`.
    ///
    /// # Errors
    /// If the named folder holds something, or the system refuses to make it.
    pub(crate) fn create(path: Option<PathBuf>, command: &str) -> Result<Self, FolderError> {
        match path {
            Some(path) => Self::named(path),
            None => Self::numbered(Path::new(RUNS), command),
        }
    }

    fn named(path: PathBuf) -> Result<Self, FolderError> {
        let mut folder = Self {
            path: path.clone(),
            made: Vec::new(),
            claimed: false,
            finished: false,
        };
        if let Some(parent) = path.parent() {
            folder.make_all(parent)?;
        }
        match fs::create_dir(&path) {
            Ok(()) => folder.made.insert(0, path.clone()),
            Err(_) if path.is_dir() => {
                let mut entries =
                    fs::read_dir(&path).map_err(system("reading the folder", &path))?;
                match entries.next() {
                    None => {}
                    Some(Err(source)) => return Err(system("reading the folder", &path)(source)),
                    Some(Ok(_)) if path.join(MARKER).exists() => {
                        return Err(FolderError::Claimed { path });
                    }
                    Some(Ok(_)) => return Err(FolderError::NotEmpty { path }),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(FolderError::NotAFolder { path });
            }
            Err(source) => return Err(system("making the folder", &path)(source)),
        }
        folder.claim()?;
        Ok(folder)
    }

    /// INVARIANT: `create_dir` succeeds for one process only, so a number is never shared.
    fn numbered(runs: &Path, command: &str) -> Result<Self, FolderError> {
        let mut folder = Self {
            path: runs.to_path_buf(),
            made: Vec::new(),
            claimed: false,
            finished: false,
        };
        folder.make_all(runs)?;
        let taken = fs::read_dir(runs)
            .map_err(system("reading the folder", runs))?
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let number = name.to_str()?.strip_prefix(command)?.strip_prefix('-')?;
                number.parse::<u64>().ok()
            });
        let mut number = taken.max().unwrap_or(0).saturating_add(1);
        loop {
            let path = runs.join(format!("{command}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    folder.path.clone_from(&path);
                    folder.made.insert(0, path);
                    folder.claim()?;
                    return Ok(folder);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < u64::MAX => {
                    number += 1
                }
                // Another run gave up and took the empty `runs` with it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !runs.exists() => {
                    folder.make_all(runs)?
                }
                Err(source) => return Err(system("making the folder", &path)(source)),
            }
        }
    }

    /// Makes a folder and those above it, and remembers which were new.
    fn make_all(&mut self, path: &Path) -> Result<(), FolderError> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.make_all(parent)?;
        }
        match fs::create_dir(path) {
            Ok(()) => self.made.insert(0, path.to_path_buf()),
            Err(_) if path.is_dir() => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(FolderError::NotAFolder {
                    path: path.to_path_buf(),
                });
            }
            Err(source) => return Err(system("making the folder", path)(source)),
        }
        Ok(())
    }

    /// INVARIANT: `create_new` succeeds for one process only, even in a folder that both found empty.
    fn claim(&mut self) -> Result<(), FolderError> {
        let marker = self.path.join(MARKER);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&marker)
        {
            Ok(_) => {
                self.claimed = true;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(FolderError::Claimed {
                    path: self.path.clone(),
                })
            }
            Err(source) => Err(system("writing", &marker)(source)),
        }
    }

    /// Where the results are.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file whole: a temporary one, synchronised, then renamed.
    ///
    /// # Errors
    /// If the name has a folder in it, or the system refuses; nothing is left of the file then.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, FolderError> {
        self.write_with(name, |out| out.write_all(bytes))
    }

    /// As `write`, for contents that should not be in memory at once.
    ///
    /// # Errors
    /// As `write`, and whatever the closure returns.
    pub(crate) fn write_with(
        &self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<PathBuf, FolderError> {
        let plain = Path::new(name).file_name().is_some_and(|f| f == name) && name != MARKER;
        if !plain {
            return Err(FolderError::BadName {
                name: name.to_string(),
            });
        }
        let path = self.path.join(name);
        self.replace(&path, fill)
            .map_err(system("writing", &path))?;
        Ok(path)
    }

    fn replace(
        &self,
        path: &Path,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".part-");
        // Results are as readable as other files of the user; temporary files are private unless told otherwise.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(&self.path)?;
        {
            let mut buffered = io::BufWriter::with_capacity(1 << 20, file.as_file_mut());
            fill(&mut buffered)?;
            buffered.flush()?;
        }
        // INVARIANT: a failed fsync may have dropped the data for good, so it is an error and never retried.
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Gives up the claim, makes the names of the files durable, and says where they are.
    ///
    /// # Errors
    /// If the system refuses; the files stay.
    pub(crate) fn finish(mut self) -> Result<PathBuf, FolderError> {
        let marker = self.path.join(MARKER);
        fs::remove_file(&marker).map_err(system("removing", &marker))?;
        self.finished = true;
        let parent = self
            .path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        for folder in [self.path.as_path(), parent] {
            synchronise(folder).map_err(system("synchronising the folder", folder))?;
        }
        Ok(self.path.clone())
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if self.claimed {
            let _ = fs::remove_file(self.path.join(MARKER));
        }
        // Only empty folders can be removed this way, so no complete file is ever lost.
        for folder in &self.made {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

fn system<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FolderError + 'a {
    move |source| FolderError::System {
        doing,
        path: path.to_path_buf(),
        source,
    }
}

/// Only Unix lets a folder be opened; elsewhere a rename is as durable as the system makes it.
fn synchronise(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names = entries
            .map(|e| {
                e.expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .collect::<Vec<_>>();
        names.sort();
        names
    }

    fn temporary() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[test]
    fn results_are_kept_and_nothing_else_is() {
        let home = temporary();
        let folder =
            OutputFolder::create(Some(home.path().join("a/b")), "kernel").expect("a folder");
        folder.write("kernel.npy", b"numbers").expect("a file");
        folder
            .write("kernel.npy", b"better numbers")
            .expect("the same file");
        let path = folder.finish().expect("an end");
        assert_eq!(names(&path), ["kernel.npy"]);
        assert_eq!(
            fs::read(path.join("kernel.npy")).expect("bytes"),
            b"better numbers"
        );
    }

    #[test]
    fn a_folder_that_holds_something_is_refused_and_left_alone() {
        let home = temporary();
        fs::write(home.path().join("thesis.txt"), "mine").expect("a file");
        let error =
            OutputFolder::create(Some(home.path().to_path_buf()), "kernel").expect_err("a refusal");
        assert!(matches!(error, FolderError::NotEmpty { .. }));
        assert_eq!(error.code(), 2);
        assert!(error.to_string().ends_with("leave --out away"), "{error}");
        assert_eq!(names(home.path()), ["thesis.txt"]);
    }

    #[test]
    fn an_empty_folder_is_used_and_stays_when_nothing_came_of_it() {
        let home = temporary();
        drop(OutputFolder::create(Some(home.path().to_path_buf()), "kernel").expect("a folder"));
        assert!(names(home.path()).is_empty());
    }

    #[test]
    fn folders_made_for_nothing_are_removed_and_others_stay() {
        let home = temporary();
        drop(OutputFolder::create(Some(home.path().join("a/b/c")), "kernel").expect("a folder"));
        assert!(names(home.path()).is_empty());
        drop(OutputFolder::numbered(&home.path().join("runs"), "kernel").expect("a folder"));
        assert!(names(home.path()).is_empty());
    }

    #[test]
    fn complete_files_survive_a_failure() {
        let home = temporary();
        let folder =
            OutputFolder::create(Some(home.path().join("out")), "kernel").expect("a folder");
        folder
            .write("kernel.npy", b"hours of work")
            .expect("a file");
        let failed = folder.write_with("report.html", |out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        let error = failed.expect_err("a full disk");
        assert_eq!(error.code(), 5);
        assert!(
            error.to_string().contains("report.html")
                && error.to_string().contains("free some space"),
            "{error}"
        );
        drop(folder);
        assert_eq!(names(&home.path().join("out")), ["kernel.npy"]);
    }

    #[test]
    fn a_file_in_the_way_is_refused() {
        let home = temporary();
        let file = home.path().join("file");
        fs::write(&file, "text").expect("a file");
        for path in [file.clone(), file.join("below")] {
            let error = OutputFolder::create(Some(path), "kernel").expect_err("a refusal");
            assert!(matches!(error, FolderError::NotAFolder { .. }), "{error}");
        }
        assert_eq!(fs::read(file).expect("bytes"), b"text");
    }

    #[test]
    fn numbers_go_on_from_the_greatest() {
        let home = temporary();
        for name in ["kernel-2", "kernel-x", "kernel-7", "train-40"] {
            fs::create_dir(home.path().join(name)).expect("a folder");
        }
        let folder = OutputFolder::numbered(home.path(), "kernel").expect("a folder");
        assert!(folder.path().ends_with("kernel-8"));
    }

    #[test]
    fn many_at_once_never_share_a_folder() {
        let home = temporary();
        let runs = home.path().join("runs");
        let folders = std::thread::scope(|scope| {
            let start = || OutputFolder::numbered(&runs, "kernel").expect("a folder");
            let threads = (0..16).map(|_| scope.spawn(start)).collect::<Vec<_>>();
            threads
                .into_iter()
                .map(|t| t.join().expect("no panic"))
                .collect::<Vec<_>>()
        });
        let mut paths = folders
            .iter()
            .map(|f| f.path().to_path_buf())
            .collect::<Vec<_>>();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 16);
    }

    #[test]
    fn a_named_folder_has_one_owner_at_a_time() {
        let home = temporary();
        let path = home.path().join("out");
        let first = OutputFolder::create(Some(path.clone()), "kernel").expect("a folder");
        let error = OutputFolder::create(Some(path.clone()), "kernel").expect_err("a refusal");
        assert!(matches!(error, FolderError::Claimed { .. }), "{error}");
        // The refusal has not taken the first one's claim away.
        assert_eq!(names(&path), [MARKER]);
        first.write("a.npy", b"a").expect("a file");
        assert_eq!(names(&first.finish().expect("an end")), ["a.npy"]);
    }

    #[test]
    fn a_folder_that_vanishes_is_reported_as_such() {
        let home = temporary();
        let folder =
            OutputFolder::create(Some(home.path().join("out")), "kernel").expect("a folder");
        fs::remove_dir_all(folder.path()).expect("removed");
        let error = folder.write("a.npy", b"a").expect_err("nowhere to write");
        assert_eq!(error.code(), 5);
        assert!(error.to_string().contains("vanished"), "{error}");
    }

    #[test]
    fn results_cannot_leave_their_folder() {
        let home = temporary();
        let folder =
            OutputFolder::create(Some(home.path().join("out")), "kernel").expect("a folder");
        for name in ["../a", "/etc/a", "a/b", "", ".", "..", "a/", MARKER] {
            assert!(
                matches!(folder.write(name, b"a"), Err(FolderError::BadName { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn a_path_with_a_line_break_stays_on_one_line_of_the_message() {
        let home = temporary();
        let path = home.path().join("two\nlines");
        fs::write(&path, "text").expect("a file");
        let error = OutputFolder::create(Some(path), "kernel").expect_err("a refusal");
        assert!(!error.to_string().contains('\n'), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn results_are_as_readable_as_other_new_files() {
        use std::os::unix::fs::PermissionsExt;
        let home = temporary();
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode();
        fs::write(home.path().join("other"), "text").expect("a file");
        let folder =
            OutputFolder::create(Some(home.path().join("out")), "kernel").expect("a folder");
        let path = folder.write("a.npy", b"a").expect("a file");
        assert_eq!(mode(&path), mode(&home.path().join("other")));
    }
}
