//! Opening what may be read, and writing so that nothing half-written is ever seen.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a regular file for reading and tells its length.
///
/// Whether the path is a file is asked before opening it: opening a FIFO waits for a writer, perhaps for ever.
///
/// # Errors
/// [`Error::Read`] where it cannot be opened, [`Error::Data`] where it is a folder, a FIFO or a device, or empty.
pub fn open_regular(path: &Path) -> Result<(File, u64)> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let regular = |is_file: bool, is_dir: bool| match (is_file, is_dir) {
        (true, _) => Ok(()),
        (_, true) => Err(Error::data(path, "is a folder, not a file", "name a file in it")),
        _ => Err(Error::data(path, "is a pipe or a device, not a file", "save it to a file first")),
    };
    let metadata = std::fs::metadata(path).map_err(read)?;
    regular(metadata.is_file(), metadata.is_dir())?;
    let file = File::open(path).map_err(read)?;
    // Asked again of what was opened: the path may have changed hands in between.
    let metadata = file.metadata().map_err(read)?;
    regular(metadata.is_file(), metadata.is_dir())?;
    if metadata.len() == 0 {
        return Err(Error::data(path, "is empty", "write it again; an interrupted copy leaves such files"));
    }
    Ok((file, metadata.len()))
}

/// An empty vector with room for `count` numbers.
///
/// # Errors
/// [`Error::Memory`] where the machine has not that much memory available, before any of it is touched.
pub(crate) fn with_room<T>(count: usize, path: &Path) -> Result<Vec<T>> {
    let needed = (count as u64).saturating_mul(size_of::<T>() as u64);
    let limit = available_memory().unwrap_or(u64::MAX);
    let refused = || Error::Memory {
        what: format!("{}: its array", path.display()),
        needed,
        limit,
        fits: "store fewer samples".into(),
    };
    if needed > limit {
        return Err(refused());
    }
    let mut room = Vec::new();
    room.try_reserve_exact(count).map_err(|_| refused())?;
    Ok(room)
}

/// A vector of `count` zeros that no page of has been touched yet.
///
/// # Errors
/// As [`with_room`].
pub(crate) fn zeroed<T: Default + Clone>(count: usize, path: &Path) -> Result<Vec<T>> {
    // Asking for zeros cannot be refused gently, asking for room can: so that comes first.
    drop(with_room::<T>(count, path)?);
    Ok(vec![T::default(); count])
}

/// Bytes that could be allocated without swapping, where the system tells.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Writes a file aside and renames it into place, so that a reader sees all of it or nothing.
///
/// The bytes are forced to the disk before the rename and the folder after it. An earlier file of that name is
/// replaced only by a complete new one.
///
/// # Errors
/// [`Error::Write`]; what was written aside is then removed.
pub fn write_aside(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<()> {
    let mut aside = Aside::create(path)?;
    match write(&mut aside.buffer) {
        Ok(()) => aside.commit(),
        Err(source) => Err(Error::Write { path: path.to_owned(), source }),
    }
}

/// A file being written aside; dropped without [`Aside::commit`] it vanishes.
pub(crate) struct Aside {
    pub(crate) buffer: BufWriter<File>,
    place: tempfile::TempPath,
    path: std::path::PathBuf,
}

impl Aside {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let fail = |source| Error::Write { path: path.to_owned(), source };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".aside-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Results are as readable as any file the user makes: the umask takes away what it takes.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let (file, place) = builder.tempfile_in(folder(path)).map_err(fail)?.into_parts();
        Ok(Aside { buffer: BufWriter::with_capacity(1 << 18, file), place, path: path.to_owned() })
    }

    pub(crate) fn commit(self) -> Result<()> {
        let Aside { mut buffer, place, path } = self;
        let fail = |source| Error::Write { path: path.clone(), source };
        buffer.flush().map_err(fail)?;
        buffer.get_ref().sync_all().map_err(fail)?;
        place.persist(&path).map_err(|e| fail(e.error))?;
        synchronise_folder(&path)
    }
}

/// Makes the name of a file durable.
pub(crate) fn synchronise_folder(path: &Path) -> Result<()> {
    #[cfg(unix)]
    File::open(folder(path))
        .and_then(|f| f.sync_all())
        .map_err(|source| Error::Write { path: path.to_owned(), source })?;
    Ok(())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_empty_files_missing_files_and_devices_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let message = |p: &Path| open_regular(p).unwrap_err().to_string();
        assert!(message(dir.path()).contains("is a folder"));
        assert!(message(&dir.path().join("none")).contains("check the path"));
        let empty = dir.path().join("empty");
        std::fs::write(&empty, b"").unwrap();
        assert!(message(&empty).contains("is empty"));
        #[cfg(unix)]
        assert!(message(Path::new("/dev/zero")).contains("device"));
    }

    #[cfg(unix)]
    #[test]
    fn a_fifo_without_a_writer_does_not_hang() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().is_ok_and(|s| s.success());
        assert!(made, "mkfifo is part of every unix");
        assert!(open_regular(&fifo).unwrap_err().to_string().contains("pipe"));
    }

    #[test]
    fn a_failed_write_leaves_the_earlier_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k");
        write_aside(&path, |w| w.write_all(b"first")).unwrap();
        let error = write_aside(&path, |w| {
            w.write_all(b"sec")?;
            Err(std::io::ErrorKind::StorageFull.into())
        });
        assert_eq!(error.unwrap_err().code(), 5);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn more_than_the_machine_has_is_refused_before_it_is_touched() {
        let error = with_room::<f64>(1 << 50, Path::new("x.npy")).unwrap_err();
        assert_eq!(error.code(), 5, "{error}");
    }
}
