//! The folder a command leaves its results in.
//!
//! A folder belongs to one run: it is made, or found empty, before any work, and claimed by a marker file, so that two
//! processes never write into the same one. Every file appears in it at once and whole, or not at all.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::recipe;
use crate::machine;

/// Where folders without a name go.
const RUNS: &str = "runs";
/// Claims a folder while its run lasts; still there after a crash.
const MARKER: &str = ".unfinished";

/// What was done when a file could not be written.
const WRITING: &str = "writing";

/// A results folder could not be made or written.
#[derive(Debug)]
pub(crate) enum FolderError {
    /// The named folder holds something.
    NotEmpty { path: PathBuf },
    /// The name is taken by something that is not a folder.
    NotAFolder { path: PathBuf },
    /// Another process works in it, or one was killed there.
    Claimed { path: PathBuf },
    /// Another process works in it now, and says who it is.
    Held { path: PathBuf, by: String },
    /// A file name with a separator, or none.
    BadName { name: String },
    /// The system refused.
    System { doing: &'static str, path: PathBuf, source: io::Error },
}

impl FolderError {
    /// The exit code: 2 for what was asked, 5 for what the system refused.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::System { source, .. } if !names_nothing(source.kind()) => 5,
            Self::Held { .. } => 6,
            _ => 2,
        }
    }
}

impl FolderError {
    /// The folder or file concerned.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::NotEmpty { path } | Self::NotAFolder { path } | Self::Claimed { path } => Some(path),
            Self::Held { path, .. } => Some(path),
            Self::System { path, .. } => Some(path),
            Self::BadName { .. } => None,
        }
    }
}

/// Whether the system refused the name itself: too long, or with letters it does not allow.
fn names_nothing(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput)
}

impl fmt::Display for FolderError {
    /// Paths are written with `Debug`, which keeps line breaks and bytes that are not text out of the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmpty { path } => {
                let remedy = resumable(path).unwrap_or("leave --out away");
                write!(f, "the output folder {path:?} is not empty; name a new one with --out, or {remedy}")
            }
            Self::NotAFolder { path } => {
                write!(f, "the output {path:?} exists and is not a folder; name another with --out")
            }
            Self::Claimed { path } => {
                let remedy = resumable(path).map_or_else(String::new, |remedy| format!(", or {remedy}"));
                write!(
                    f,
                    "the output folder {path:?} belongs to another run, still going or killed (it holds {MARKER}); \
                     name another with --out{remedy}"
                )
            }
            Self::Held { path, by } => {
                write!(f, "the output folder {path:?} is in use by {by}; wait until it ends, or stop it")
            }
            Self::BadName { name } => {
                write!(f, "{name:?} cannot name a result; use a plain name that is not empty")
            }
            Self::System { doing, path, source } => {
                let remedy = match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        "free some space or name a folder on another disk with --out"
                    }
                    io::ErrorKind::NotFound if *doing == WRITING => {
                        "its folder has vanished: name one that stays with --out"
                    }
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        "name a folder that can be written with --out"
                    }
                    kind if names_nothing(kind) || kind == io::ErrorKind::NotFound => "name another folder with --out",
                    _ => "check the disk, or name a folder on another one with --out",
                };
                write!(f, "{doing} {path:?}: {source}; {remedy}")
            }
        }
    }
}

/// What can be done with the unfinished work in a folder, if it is of a kind that can be gone on with.
fn resumable(path: &Path) -> Option<&'static str> {
    if path.join("run.json").exists() {
        return Some("go on with what is in it by ntk resume");
    }
    let unfinished = path.join(recipe::FILE).exists() && !path.join("result.json").exists();
    unfinished.then_some("go on with what is in it by --resume in place of --out")
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
    /// The marker, locked: the system lets go of it when this process ends, however it does.
    lock: Option<File>,
    finished: bool,
}

impl OutputFolder {
    /// Claims the named folder, or a new `runs/<command>-<number>`.
    ///
    /// # Errors
    /// If the named folder holds something, or the system refuses to make it.
    pub(crate) fn create(path: Option<PathBuf>, command: &str) -> Result<Self, FolderError> {
        match path {
            Some(path) if path.as_os_str().is_empty() => Err(FolderError::BadName { name: String::new() }),
            Some(path) => Self::named(path),
            None => Self::numbered(Path::new(RUNS), command),
        }
    }

    fn named(path: PathBuf) -> Result<Self, FolderError> {
        let mut folder = Self { path: path.clone(), made: Vec::new(), claimed: false, lock: None, finished: false };
        if let Some(parent) = path.parent() {
            folder.make_all(parent)?;
        }
        match fs::create_dir(&path) {
            Ok(()) => folder.made.insert(0, path.clone()),
            Err(_) if path.is_dir() => {
                let mut entries = fs::read_dir(&path).map_err(system("reading the folder", &path))?;
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
        let mut folder =
            Self { path: runs.to_path_buf(), made: Vec::new(), claimed: false, lock: None, finished: false };
        folder.make_all(runs)?;
        let taken = fs::read_dir(runs).map_err(system("reading the folder", runs))?.flatten().filter_map(|entry| {
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
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < u64::MAX => number += 1,
                // Another run gave up and took the empty `runs` with it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !runs.exists() => folder.make_all(runs)?,
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
                return Err(FolderError::NotAFolder { path: path.to_path_buf() });
            }
            Err(source) => return Err(system("making the folder", path)(source)),
        }
        Ok(())
    }

    /// Claims a folder that an earlier run left unfinished, with what it holds.
    ///
    /// # Errors
    /// If a process works in it, or the system refuses.
    pub(crate) fn resume(path: &Path) -> Result<Self, FolderError> {
        let marker = path.join(MARKER);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&marker);
        let mut file = opened.map_err(system(WRITING, &marker))?;
        match file.try_lock() {
            // A marker that nobody holds is that of a run which was killed.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                let _ = Read::take(&mut file, 200).read_to_string(&mut by);
                let by = if by.trim().is_empty() { "another process".to_owned() } else { by.trim().to_owned() };
                return Err(FolderError::Held { path: path.to_owned(), by });
            }
            Err(TryLockError::Error(source)) => return Err(system("locking", &marker)(source)),
        }
        let mut folder = Self { path: path.to_owned(), made: Vec::new(), claimed: true, lock: None, finished: false };
        folder.sign(file);
        Ok(folder)
    }

    /// Writes into the marker who holds it. That is for people; the lock is what counts.
    fn sign(&mut self, mut file: File) {
        let _ = file.set_len(0);
        let _ = writeln!(file, "process {} on {}", std::process::id(), machine::host());
        self.lock = Some(file);
    }

    /// INVARIANT: `create_new` succeeds for one process only, even in a folder that both found empty.
    fn claim(&mut self) -> Result<(), FolderError> {
        let marker = self.path.join(MARKER);
        match OpenOptions::new().read(true).write(true).create_new(true).open(&marker) {
            Ok(file) => {
                self.claimed = true;
                // Where a file system knows no locks, a second process is told of the marker only.
                let _ = file.try_lock();
                self.sign(file);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(FolderError::Claimed { path: self.path.clone() })
            }
            Err(source) => Err(system(WRITING, &marker)(source)),
        }
    }

    /// Where the results are.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file whole: a temporary one, synchronised, then renamed. It may be in a folder below: `plots/loss.svg`.
    ///
    /// # Errors
    /// If the name leads elsewhere, or the system refuses; nothing is left of the file then.
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
        let plain = |name: &str| Path::new(name).file_name().is_some_and(|f| f == name) && name != MARKER;
        let parts: Vec<&str> = name.split('/').collect();
        if parts.len() > 2 || !parts.iter().all(|part| plain(part)) {
            return Err(FolderError::BadName { name: name.to_string() });
        }
        if let [below, _] = parts[..] {
            self.below(below)?;
        }
        let path = self.path.join(name);
        self.replace(&path, fill).map_err(system(WRITING, &path))?;
        Ok(path)
    }

    /// A folder below it, made if it is not there.
    ///
    /// # Errors
    /// What the system refuses.
    pub(crate) fn below(&self, name: &str) -> Result<PathBuf, FolderError> {
        let path = self.path.join(name);
        match fs::create_dir(&path) {
            Ok(()) => Ok(path),
            Err(_) if path.is_dir() => Ok(path),
            Err(source) => Err(system("making the folder", &path)(source)),
        }
    }

    /// Takes away what a killed process was writing, here and in the folders below.
    pub(crate) fn sweep(&self) {
        let below = fs::read_dir(&self.path).into_iter().flatten().flatten().map(|entry| entry.path());
        for folder in below.filter(|path| path.is_dir()).chain([self.path.clone()]) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if [".part-", ".aside-"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }

    fn replace(&self, path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
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
        let parent = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
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
    move |source| FolderError::System { doing, path: path.to_path_buf(), source }
}

/// Only Unix lets a folder be opened; elsewhere a rename is as durable as the system makes it.
fn synchronise(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests;
