//! Archives of arrays in NumPy's `.npz` format: a zip of `.npy` files, stored or deflated.
//!
//! An archive is checked as a whole when it is opened: names that leave it, names given twice, encryption, members
//! that share bytes, and members that unpack to far more than they are packed in are refused before any is read.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::element::Element;
use super::file::{open_regular, write_aside};
use super::npy::{read_body, write_npy_to};
use super::npy_header::Header;
use crate::array::Array;
use crate::error::{Error, Result, shorten};

const WRITE_AGAIN: &str = "write it again with numpy.savez";
/// Unpacked bytes up to which the ratio of packing is not asked after.
pub(crate) const UNPACKED_FREELY: u64 = 64 << 20;
/// The largest ratio believed beyond that; deflate's limit, reached by zeros alone, is 1032.
pub(crate) const LARGEST_RATIO: u64 = 200;
/// More members than any set of parameters has; 16-bit counts end just above.
const MOST_MEMBERS: usize = 65_000;

/// An open archive.
pub struct Npz {
    archive: ZipArchive<BufReader<File>>,
    path: PathBuf,
    names: Vec<String>,
}

impl Npz {
    /// Opens an archive and checks its table of contents.
    ///
    /// # Errors
    /// [`Error::Data`] where it is no zip archive or one that is not safe to read; [`Error::Read`].
    pub fn open(path: &Path) -> Result<Self> {
        let (mut file, length) = open_regular(path)?;
        count_members(&mut file, length, path)?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|e| damaged(path, &e))?;
        let mut npz = Npz { archive, path: path.to_owned(), names: Vec::new() };
        let bad = |what: String| Error::data(path, what, WRITE_AGAIN);
        if npz.archive.has_duplicate_names() {
            return Err(bad("holds two members of one name".into()));
        }
        for index in 0..npz.archive.len() {
            let entry = npz.archive.by_index_data(index).map_err(|e| damaged(path, &e))?;
            let name = entry.name().map_err(|e| damaged(path, &e))?.into_owned();
            let shown = shorten(&name);
            if name.starts_with('/') || name.contains('\\') || name.split('/').any(|part| part == "..") {
                return Err(bad(format!("holds a member `{shown}` that points outside the archive")));
            }
            if entry.encrypted() {
                return Err(bad(format!("holds an encrypted member `{shown}`")));
            }
            if entry.size() > UNPACKED_FREELY && entry.size() / LARGEST_RATIO > entry.compressed_size() {
                return Err(Error::data(
                    path,
                    format!(
                        "holds a member `{shown}` that unpacks from {} to {} bytes, too much to be believed",
                        entry.compressed_size(),
                        entry.size()
                    ),
                    "if it is yours, write it unpacked with numpy.savez",
                ));
            }
            npz.names.push(name.strip_suffix(".npy").unwrap_or(&name).to_owned());
        }
        if npz.archive.has_overlapping_entries().map_err(|e| damaged(path, &e))? {
            return Err(bad("holds members that share bytes".into()));
        }
        Ok(npz)
    }

    /// The names of the arrays, without `.npy`, in the order of the archive.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What the archive says of an array.
    ///
    /// # Errors
    /// [`Error::Data`] where there is no such array or it is not one of real numbers.
    pub fn header(&mut self, name: &str) -> Result<Header> {
        self.member(name, |_, header, _| Ok(header.clone()))
    }

    /// Reads an array, cast to `T` as by [`read_npy`](super::npy::read_npy).
    ///
    /// # Errors
    /// As [`Npz::header`], and where its checksum does not agree.
    pub fn read<T: Element>(&mut self, name: &str) -> Result<Array<T>> {
        self.member(name, |mut from, header, path| read_body(&mut from, header, path))
    }

    fn member<R>(&mut self, name: &str, then: impl FnOnce(&mut dyn Read, &Header, &Path) -> Result<R>) -> Result<R> {
        let Some(index) = self.names.iter().position(|n| n == name) else {
            let known: Vec<_> = self.names.iter().take(20).map(|n| shorten(n)).collect();
            return Err(Error::data(
                &self.path,
                format!("holds no array `{}`", shorten(name)),
                format!("it holds: {}", known.join(", ")),
            ));
        };
        let mut member = self.archive.by_index(index).map_err(|e| damaged(&self.path, &e))?;
        let path = self.path.join(shorten(name));
        let length = member.size();
        let header = Header::read(&mut member, length, &path)?;
        then(&mut member, &header, &path)
    }
}

/// Refuses a table of contents too long to be held, before the zip reader holds it.
fn count_members(file: &mut File, length: u64, path: &Path) -> Result<()> {
    const END: &[u8; 4] = b"PK\x05\x06";
    let read = |source| Error::Read { path: path.to_owned(), source };
    let tail = length.min(22 + 65_535);
    file.seek(SeekFrom::End(-(tail as i64))).map_err(read)?;
    let mut bytes = Vec::with_capacity(tail as usize);
    file.take(tail).read_to_end(&mut bytes).map_err(read)?;
    file.rewind().map_err(read)?;
    let Some(at) = bytes.windows(4).rposition(|w| w == END) else {
        return Err(Error::data(path, "is not a zip archive, or cut short", WRITE_AGAIN));
    };
    let count = bytes.get(at + 10..at + 12).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])));
    if count > MOST_MEMBERS {
        return Err(Error::data(path, format!("holds more than {MOST_MEMBERS} members"), WRITE_AGAIN));
    }
    Ok(())
}

fn damaged(path: &Path, error: &zip::result::ZipError) -> Error {
    match error {
        zip::result::ZipError::Io(e) if e.raw_os_error().is_some() => {
            Error::Read { path: path.to_owned(), source: std::io::Error::from(e.kind()) }
        }
        other => Error::data(path, format!("cannot be read as a zip archive: {other}"), WRITE_AGAIN),
    }
}

/// Writes arrays into an archive, stored as `numpy.savez` does: aside first, then renamed into place.
///
/// The same arrays give the same bytes: no time of day is written.
///
/// # Errors
/// [`Error::Write`].
pub fn write_npz<'a, T: Element>(
    path: &Path,
    members: impl IntoIterator<Item = (&'a str, &'a Array<T>)>,
) -> Result<()> {
    write_aside(path, |to| {
        let mut zip = ZipWriter::new(to);
        for (name, array) in members {
            let large = array.data.len().saturating_mul(T::BYTES) as u64 > u64::from(u32::MAX) - (1 << 16);
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
            zip.start_file(format!("{name}.npy"), options)?;
            write_npy_to(&mut zip, &array.shape, &array.data)?;
        }
        zip.finish()?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::npy_header;
    use super::super::npy_tests::{cube, testdata};
    use super::*;
    use std::io::Write;

    /// A zip of these members, written by the zip crate, then altered.
    fn archive(
        members: &[(&str, Vec<u8>)],
        method: CompressionMethod,
        alter: impl Fn(&mut Vec<u8>),
    ) -> tempfile::NamedTempFile {
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in members {
            zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        let mut bytes = zip.finish().unwrap().into_inner();
        alter(&mut bytes);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        file
    }

    fn npy(shape: &[usize], data: &[f64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_npy_to(&mut bytes, shape, data).unwrap();
        bytes
    }

    fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
        assert_eq!(from.len(), to.len());
        let places: Vec<_> =
            bytes.windows(from.len()).enumerate().filter(|(_, w)| *w == from).map(|(i, _)| i).collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|i| bytes[i..i + to.len()].copy_from_slice(to));
    }

    #[test]
    fn archives_of_numpy_are_read_stored_and_deflated() {
        let mut stored = Npz::open(&testdata("stored.npz")).unwrap();
        assert_eq!(stored.names(), ["X", "y"]);
        assert_eq!(stored.read::<f32>("X").unwrap(), cube().map(|&x| x as f32));
        assert_eq!(stored.read::<f64>("y").unwrap().data, [0.0, 1.0]);
        let mut deflated = Npz::open(&testdata("deflated.npz")).unwrap();
        assert_eq!(deflated.read::<f64>("x").unwrap().data, cube().data);
        assert!(deflated.header("y").unwrap().dtype.is_integer());
        let error = deflated.read::<f64>("z").unwrap_err();
        assert!(error.to_string().ends_with("it holds: x, y"), "{error}");
    }

    #[test]
    fn what_is_written_is_read_back_and_written_the_same_again() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.npz"), dir.path().join("b.npz"));
        let cube = cube();
        write_npz(&a, [("W0", &cube), ("b0", &cube)]).unwrap();
        write_npz(&b, [("W0", &cube), ("b0", &cube)]).unwrap();
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
        let mut npz = Npz::open(&a).unwrap();
        assert_eq!(npz.read::<f64>("b0").unwrap(), cube);
    }

    #[test]
    fn names_that_leave_the_archive_or_come_twice_are_refused() {
        let one = npy(&[1], &[1.0]);
        for name in ["../x.npy", "/etc/x.npy", "a/../../x.npy"] {
            let file = archive(&[(name, one.clone())], CompressionMethod::Stored, |_| {});
            let error = Npz::open(file.path()).err().unwrap().to_string();
            assert!(error.contains("points outside"), "{error}");
        }
        let file = archive(&[("a.npy", one.clone()), ("b.npy", one)], CompressionMethod::Stored, |bytes| {
            replace(bytes, b"b.npy", b"a.npy");
        });
        let error = Npz::open(file.path()).err().unwrap().to_string();
        assert!(error.contains("two members of one name"), "{error}");
    }

    #[test]
    fn an_encrypted_member_is_refused() {
        let file = archive(&[("a.npy", npy(&[1], &[1.0]))], CompressionMethod::Stored, |bytes| {
            let at = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
            bytes[6] |= 1;
            bytes[at + 8] |= 1;
        });
        let error = Npz::open(file.path()).err().unwrap().to_string();
        assert!(error.contains("encrypted"), "{error}");
    }

    #[test]
    fn a_member_that_unpacks_out_of_all_proportion_is_refused_unread() {
        // 80 MB of zeros behind a correct header, 1000 times smaller when packed.
        let count = 10_000_000;
        let mut bytes = npy_header::write("<f8", &[count]);
        bytes.resize(bytes.len() + count * 8, 0);
        let file = archive(&[("x.npy", bytes)], CompressionMethod::Deflated, |_| {});
        assert!(file.as_file().metadata().unwrap().len() < 200_000);
        let start = std::time::Instant::now();
        let error = Npz::open(file.path()).err().unwrap();
        assert!(error.to_string().contains("too much to be believed") && error.code() == 3, "{error}");
        assert!(start.elapsed().as_millis() < 500);
    }

    #[test]
    fn a_size_that_lies_about_a_member_is_found_before_memory_is_taken() {
        let mut bytes = npy_header::write("<f8", &[1 << 40]);
        bytes.extend([0; 64]);
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let file = archive(&[("x.npy", bytes.clone())], method, |_| {});
            let error = Npz::open(file.path()).unwrap().read::<f64>("x").unwrap_err();
            assert!(error.to_string().contains("cut short") && error.code() == 3, "{error}");
        }
    }

    #[test]
    fn a_flipped_bit_is_found_by_the_checksum() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let numbers: Vec<f64> = (0..64).map(|i| f64::from(i).sin()).collect();
            let file = archive(&[("x.npy", npy(&[64], &numbers))], method, |bytes| bytes[300] ^= 1);
            let error = Npz::open(file.path()).unwrap().read::<f64>("x").unwrap_err();
            assert_eq!(error.code(), 3, "{error}");
        }
    }

    #[test]
    fn what_is_no_archive_or_half_of_one_is_refused() {
        let whole = archive(&[("x.npy", npy(&[64], &[0.0; 64]))], CompressionMethod::Stored, |_| {});
        let bytes = std::fs::read(whole.path()).unwrap();
        for length in [1, 4, 100, bytes.len() / 2, bytes.len() - 30, bytes.len() - 1] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bytes[..length]).unwrap();
            let error = Npz::open(file.path()).err().expect("half an archive");
            assert_eq!(error.code(), 3, "{length}: {error}");
        }
    }

    #[test]
    fn members_that_share_bytes_are_refused() {
        let one = npy(&[1], &[1.0]);
        let file = archive(&[("a.npy", one.clone()), ("b.npy", one)], CompressionMethod::Stored, |bytes| {
            // The second entry of the table is pointed at the first member's bytes.
            let at = bytes.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
            bytes[at + 42..at + 46].fill(0);
        });
        let refused = Npz::open(file.path()).err().map(|e| e.code());
        assert_eq!(refused, Some(3));
    }
}
