//! Arrays in the safetensors format: a JSON header, then the numbers.
//!
//! The crate `safetensors` checks offsets (overlap, holes, end before begin, shape times type) and writes the files;
//! here is what it leaves open: names given twice, a header of any length, and the numbers read without holding the
//! whole file.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Metadata, TensorInfo};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::element::Element;
use super::file::{open_regular, write_aside};
use super::npy::read_body;
use super::npy_header::{Dtype, Header};
use crate::array::Array;
use crate::error::{Error, Result, shorten};

/// The longest header accepted, in bytes: ten thousand arrays and more. The format allows 100 MB, which would cost
/// many times that to parse.
pub const LONGEST: u64 = 2 << 20;
const WRITE_AGAIN: &str = "write it again with safetensors.numpy.save_file";

/// An open file.
pub struct SafeTensorsFile {
    file: File,
    path: PathBuf,
    metadata: Metadata,
    notes: BTreeMap<String, String>,
    names: Vec<String>,
    start: u64,
}

impl SafeTensorsFile {
    /// Opens a file and checks its header against the file's length.
    ///
    /// # Errors
    /// [`Error::Data`] where the header is not sound; [`Error::Read`].
    pub fn open(path: &Path) -> Result<Self> {
        let (mut file, length) = open_regular(path)?;
        let bad = |what: String| Error::data(path, what, WRITE_AGAIN);
        let read = |source| Error::Read { path: path.to_owned(), source };
        let mut size = [0u8; 8];
        if length < 8 {
            return Err(bad("ends within its header".into()));
        }
        file.read_exact(&mut size).map_err(read)?;
        let size = u64::from_le_bytes(size);
        if size > LONGEST {
            return Err(bad(format!("announces a header of {size} bytes, more than {LONGEST}")));
        }
        if size > length - 8 {
            return Err(bad(format!("ends within its header of {size} bytes")));
        }
        let mut text = vec![0u8; size as usize];
        file.read_exact(&mut text).map_err(read)?;
        let table: Table = serde_json::from_slice(&text).map_err(|e| bad(format!("has an unreadable header: {e}")))?;
        let Table { mut entries, notes } = table;
        entries.sort_by_key(|(_, info)| info.data_offsets);
        let names = entries.iter().map(|(name, _)| name.clone()).collect();
        let metadata =
            Metadata::new(None, entries).map_err(|e| bad(format!("has a header that contradicts itself: {e}")))?;
        let (found, expected) = (length - 8 - size, metadata.data_len() as u64);
        if found != expected {
            return Err(bad(format!("holds {found} bytes of numbers where the header announces {expected}")));
        }
        Ok(SafeTensorsFile { file, path: path.to_owned(), metadata, notes, names, start: 8 + size })
    }

    /// The names of the arrays in the order of the file.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What the file says of itself: the texts of its `__metadata__`.
    pub fn notes(&self) -> &BTreeMap<String, String> {
        &self.notes
    }

    /// The shape and kind of an array. Only `F32` and `F64` are read.
    ///
    /// # Errors
    /// [`Error::Data`] where there is no such array or it holds other numbers.
    pub fn header(&self, name: &str) -> Result<Header> {
        let info = self
            .metadata
            .info(name)
            .ok_or_else(|| Error::data(&self.path, format!("holds no array `{}`", shorten(name)), WRITE_AGAIN))?;
        let dtype = match info.dtype {
            safetensors::Dtype::F32 => Dtype::F32,
            safetensors::Dtype::F64 => Dtype::F64,
            other => {
                return Err(Error::data(
                    &self.path,
                    format!("holds `{}` as {other}", shorten(name)),
                    "convert it to F32 or F64 first",
                ));
            }
        };
        let offset = self.start + info.data_offsets.0 as u64;
        Ok(Header { dtype, big_endian: false, fortran: false, shape: info.shape.clone(), offset })
    }

    /// Reads an array, cast to `T`.
    ///
    /// # Errors
    /// As [`SafeTensorsFile::header`].
    pub fn read<T: Element>(&mut self, name: &str) -> Result<Array<T>> {
        let header = self.header(name)?;
        let path = self.path.join(shorten(name));
        self.file
            .seek(SeekFrom::Start(header.offset))
            .map_err(|source| Error::Read { path: self.path.clone(), source })?;
        let bytes = header.count() as u64 * header.dtype.bytes() as u64;
        read_body(&mut (&mut self.file).take(bytes), &header, &path)
    }
}

/// The header's entries, each name once, and its texts.
struct Table {
    entries: Vec<(String, TensorInfo)>,
    notes: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Table;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of arrays")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Table, A::Error> {
                let mut seen = std::collections::HashSet::new();
                let (mut entries, mut notes) = (Vec::new(), BTreeMap::new());
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom(format!("the name `{}` comes twice", shorten(&name))));
                    }
                    if name == "__metadata__" {
                        notes = map.next_value()?;
                    } else {
                        entries.push((name, map.next_value()?));
                    }
                }
                Ok(Table { entries, notes })
            }
        }
        from.deserialize_map(Entries)
    }
}

/// Numbers to write, of either kind.
pub trait Stored {
    /// Their kind as the format calls it, and their bytes each.
    fn kind(&self) -> (String, usize);
    /// Lengths of the axes.
    fn shape(&self) -> &[usize];
    /// Writes the little-endian bytes of all numbers.
    ///
    /// # Errors
    /// What the writer refuses.
    fn write(&self, to: &mut dyn Write) -> std::io::Result<()>;
}

impl<T: Element> Stored for Array<T> {
    fn kind(&self) -> (String, usize) {
        (T::NAME.to_uppercase(), T::BYTES)
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn write(&self, to: &mut dyn Write) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        for part in self.data.chunks(1 << 15) {
            bytes.clear();
            T::put(part, &mut bytes);
            to.write_all(&bytes)?;
        }
        Ok(())
    }
}

/// Writes arrays in the order given: aside first, then renamed into place.
///
/// # Errors
/// [`Error::Write`].
pub fn write_safetensors<'a, T: Element>(
    path: &Path,
    members: impl IntoIterator<Item = (&'a str, &'a Array<T>)>,
) -> Result<()> {
    let members: Vec<(&str, &dyn Stored)> = members.into_iter().map(|(name, array)| (name, array as _)).collect();
    write_safetensors_with(path, &BTreeMap::new(), &members)
}

/// As [`write_safetensors`], arrays of different kinds in one file and texts beside them.
///
/// # Errors
/// [`Error::Write`].
pub fn write_safetensors_with(
    path: &Path,
    notes: &BTreeMap<String, String>,
    members: &[(&str, &dyn Stored)],
) -> Result<()> {
    let mut table = serde_json::Map::new();
    if !notes.is_empty() {
        table.insert("__metadata__".to_owned(), serde_json::json!(notes));
    }
    let mut end = 0usize;
    for (name, array) in members {
        let (begin, (dtype, bytes)) = (end, array.kind());
        end += array.shape().iter().product::<usize>() * bytes;
        table.insert(
            (*name).to_owned(),
            serde_json::json!({ "dtype": dtype, "shape": array.shape(), "data_offsets": [begin, end] }),
        );
    }
    let mut text = serde_json::Value::Object(table).to_string();
    // The numbers begin at a multiple of 8, as the format asks of writers.
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    write_aside(path, |to| {
        to.write_all(&(text.len() as u64).to_le_bytes())?;
        to.write_all(text.as_bytes())?;
        members.iter().try_for_each(|(_, array)| array.write(to))
    })
}

#[cfg(test)]
mod tests {
    use super::super::npy_tests::cube;
    use super::*;

    fn file_of(header: &str, body: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
        file.write_all(header.as_bytes()).unwrap();
        file.write_all(body).unwrap();
        file
    }

    fn refused(header: &str, body: usize) -> String {
        let file = file_of(header, &vec![0; body]);
        let error = SafeTensorsFile::open(file.path()).err().expect(header);
        assert_eq!(error.code(), 3);
        error.to_string()
    }

    #[test]
    fn what_is_written_is_what_the_crate_reads_and_we_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        let cube = cube();
        let flat = Array::new([3], vec![1.0, 2.0, 3.0]).unwrap();
        write_safetensors(&path, [("W0", &cube), ("b0", &flat)]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(theirs.tensor("W0").unwrap().shape(), [2, 3, 4]);
        assert_eq!(theirs.tensor("b0").unwrap().data()[8..16], 2f64.to_le_bytes());
        let mut ours = SafeTensorsFile::open(&path).unwrap();
        assert_eq!(ours.names(), ["W0", "b0"]);
        assert_eq!(ours.read::<f64>("b0").unwrap(), flat);
        assert_eq!(ours.read::<f32>("W0").unwrap(), cube.map(|&x| x as f32));
    }

    #[test]
    fn kinds_of_numbers_and_texts_stand_side_by_side() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.safetensors");
        let (wide, narrow) = (Array::new([3], vec![0.1, 0.2, 0.3]).unwrap(), Array::new([1], vec![0.1_f32]).unwrap());
        let notes = BTreeMap::from([("step".to_owned(), "17 \"é\"".to_owned())]);
        write_safetensors_with(&path, &notes, &[("W0", &narrow), ("m", &wide)]).unwrap();
        let mut ours = SafeTensorsFile::open(&path).unwrap();
        assert_eq!((ours.notes(), ours.names()), (&notes, &["W0".to_owned(), "m".to_owned()][..]));
        assert_eq!((ours.read::<f32>("W0").unwrap(), ours.read::<f64>("m").unwrap()), (narrow, wide));
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(safetensors::SafeTensors::deserialize(&bytes).unwrap().names().len(), 2);
        refused(r#"{"__metadata__":{"a":1}}"#, 0);
    }

    #[test]
    fn headers_that_contradict_themselves_are_refused() {
        let one = |name: &str, begin: usize, end: usize| {
            format!(r#""{name}":{{"dtype":"F32","shape":[2],"data_offsets":[{begin},{end}]}}"#)
        };
        refused(&format!("{{{}}}", one("a", 0, 4)), 4); // shape times type is not the bytes
        refused(&format!("{{{},{}}}", one("a", 0, 8), one("b", 4, 12)), 12); // overlap
        refused(&format!("{{{},{}}}", one("a", 0, 8), one("b", 12, 20)), 20); // hole
        refused(&format!("{{{}}}", one("a", 8, 0)), 8); // end before begin
        refused(&format!("{{{}}}", one("a", 0, 8)), 9); // trailing byte
        refused(&format!("{{{}}}", one("a", 0, 8)), 7); // cut short
        let twice = refused(&format!("{{{},{}}}", one("a", 0, 8), one("a", 8, 16)), 16);
        assert!(twice.contains("`a` comes twice"), "{twice}");
        let huge = r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#;
        refused(huge, 8);
        refused("[[[[", 0);
        refused(&"[".repeat(100_000), 0);
    }

    #[test]
    fn a_header_longer_than_its_limit_is_not_fetched() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&u64::MAX.to_le_bytes()).unwrap();
        let error = SafeTensorsFile::open(file.path()).err().unwrap().to_string();
        assert!(error.contains("18446744073709551615"), "{error}");
    }

    #[test]
    fn thirty_thousand_empty_arrays_are_read_at_once() {
        let one = |i| format!(r#""{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#);
        let header = format!("{{{}}}", (0..30_000).map(one).collect::<Vec<_>>().join(","));
        let file = file_of(&header, &[]);
        let start = std::time::Instant::now();
        assert_eq!(SafeTensorsFile::open(file.path()).unwrap().names().len(), 30_000);
        assert!(start.elapsed().as_millis() < 800);
    }

    #[test]
    fn half_precision_is_refused_with_what_to_do() {
        let file = file_of(r#"{"W0":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#, &[0; 4]);
        let error = SafeTensorsFile::open(file.path()).unwrap().read::<f64>("W0").unwrap_err().to_string();
        assert!(error.contains("F16") && error.ends_with("convert it to F32 or F64 first"), "{error}");
    }
}
