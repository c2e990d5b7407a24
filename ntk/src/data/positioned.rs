//! A file that is read and written at places, from many threads.

use std::fs::File;
use std::io;

/// A file without a position of its own.
#[derive(Debug)]
pub(crate) struct Positioned {
    file: File,
    #[cfg(not(unix))]
    seeking: std::sync::Mutex<()>,
}

impl Positioned {
    pub(crate) fn new(file: File) -> Self {
        Self {
            file,
            #[cfg(not(unix))]
            seeking: std::sync::Mutex::new(()),
        }
    }

    /// Fills `bytes` with what is at `offset`.
    #[cfg(unix)]
    pub(crate) fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, offset)
    }

    /// Writes `bytes` at `offset`.
    #[cfg(unix)]
    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, offset)
    }

    /// Fills `bytes` with what is at `offset`.
    #[cfg(not(unix))]
    pub(crate) fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.at(offset, |mut file| io::Read::read_exact(&mut file, bytes))
    }

    /// Writes `bytes` at `offset`.
    #[cfg(not(unix))]
    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.at(offset, |mut file| io::Write::write_all(&mut file, bytes))
    }

    #[cfg(not(unix))]
    fn at<T>(&self, offset: u64, work: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        let _one = self.seeking.lock().map_err(|_| io::Error::other("a task panicked at a file"))?;
        io::Seek::seek(&mut &self.file, io::SeekFrom::Start(offset))?;
        work(&self.file)
    }

    /// Gives the file a length, and takes the room for it where the file system can: a full disk is then found now.
    pub(crate) fn allocate(&self, length: u64) -> io::Result<()> {
        #[cfg(unix)]
        if self.file.metadata()?.len() < length {
            use rustix::fs::{FallocateFlags, fallocate};
            use rustix::io::Errno;
            match fallocate(&self.file, FallocateFlags::empty(), 0, length) {
                Ok(()) => return Ok(()),
                // What cannot be taken beforehand is taken as it is written.
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
                Err(refused) => return Err(refused.into()),
            }
        }
        self.file.set_len(length)
    }

    /// Waits until what was written is on the disk.
    pub(crate) fn synchronise(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}
