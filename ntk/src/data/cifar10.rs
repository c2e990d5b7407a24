//! CIFAR-10 in its binary version: records of one label and 3 x 32 x 32 bytes.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::file::{open_regular, with_room};
use super::records::{Inputs, Records};
use crate::array::Array;
use crate::error::{Error, Result};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const RECORD: usize = 1 + 3 * PLANE;
const FETCH_AGAIN: &str = "fetch cifar-10-binary.tar.gz again and unpack it";

/// Whether a folder looks like one that [`read_folder`] reads.
pub(super) fn is_folder(folder: &Path) -> bool {
    let here = |folder: &Path| names().any(|name| folder.join(name).is_file());
    here(folder) || here(&folder.join("cifar-10-batches-bin"))
}

/// The files of the set, in their order.
fn names() -> impl Iterator<Item = String> {
    (1..=5).map(|k| format!("data_batch_{k}.bin")).chain(["test_batch.bin".to_owned()])
}

/// Reads a folder of `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, those that are there, in this
/// order. Images become `[32, 32, 3]`: the file has a plane a colour, networks want the colours last.
pub(super) fn read_folder(folder: &Path) -> Result<Records> {
    let inner = folder.join("cifar-10-batches-bin");
    let folder = if inner.is_dir() { &inner } else { folder };
    let paths: Vec<PathBuf> = names().map(|name| folder.join(name)).filter(|path| path.exists()).collect();
    if paths.is_empty() {
        let remedy = if folder.join("data_batch_1").exists() {
            "this is the Python version; fetch the binary one, cifar-10-binary.tar.gz"
        } else {
            "name the folder that holds data_batch_1.bin"
        };
        let what = if folder.is_dir() { "holds no data_batch_1.bin" } else { "is not a folder" };
        return Err(Error::data(folder, what, remedy));
    }
    let mut records: Option<Records> = None;
    for path in &paths {
        let (pixels, labels) = read_batch(path)?;
        let new = Records::labelled(Inputs::Bytes(pixels), labels, (0..10).map(|c| c.to_string()).collect());
        records = Some(match records {
            None => new,
            Some(old) => old.followed_by(new, path)?,
        });
    }
    records.ok_or_else(|| Error::Bug("no CIFAR-10 batch was read".into()))
}

fn read_batch(path: &Path) -> Result<(Array<u8>, Vec<usize>)> {
    let (mut file, length) = open_regular(path)?;
    let count = length as usize / RECORD;
    if !(length as usize).is_multiple_of(RECORD) {
        return Err(Error::data(
            path,
            format!("has {length} bytes, not a multiple of {RECORD}: record {count} (from 0) is cut short"),
            FETCH_AGAIN,
        ));
    }
    let mut pixels: Vec<u8> = with_room(count * 3 * PLANE, path)?;
    let mut labels = Vec::with_capacity(count);
    let mut record = vec![0u8; RECORD];
    for row in 0..count {
        file.read_exact(&mut record).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let label = usize::from(record[0]);
        if label > 9 {
            return Err(Error::data(path, format!("has label {label} in record {row} (from 0), above 9"), FETCH_AGAIN));
        }
        labels.push(label);
        let (red, rest) = record[1..].split_at(PLANE);
        let (green, blue) = rest.split_at(PLANE);
        for ((&r, &g), &b) in red.iter().zip(green).zip(blue) {
            pixels.extend([r, g, b]);
        }
    }
    Ok((Array::new([count, SIDE, SIDE, 3], pixels)?, labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_move_from_planes_to_the_last_axis() {
        let dir = tempfile::tempdir().unwrap();
        let byte = |i: usize| (i / PLANE * 100 + i % 97) as u8;
        let mut bytes = vec![7u8];
        bytes.extend((0..3 * PLANE).map(byte));
        std::fs::write(dir.path().join("test_batch.bin"), &bytes).unwrap();
        let (pixels, labels) = read_batch(&dir.path().join("test_batch.bin")).unwrap();
        assert_eq!((pixels.shape.as_slice(), labels.as_slice()), (&[1, 32, 32, 3][..], &[7][..]));
        let expected = [0, PLANE, 2 * PLANE, 1, PLANE + 1, 2 * PLANE + 1].map(byte);
        assert_eq!(pixels.data[..6], expected);
    }

    #[test]
    fn a_size_that_is_no_multiple_of_3073_and_a_label_above_nine_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data_batch_1.bin");
        std::fs::write(&path, vec![0u8; RECORD + 5]).unwrap();
        let error = read_folder(dir.path()).unwrap_err().to_string();
        assert!(error.contains("multiple of 3073") && error.contains("record 1"), "{error}");
        let mut bytes = vec![0u8; 2 * RECORD];
        bytes[RECORD] = 10;
        std::fs::write(&path, bytes).unwrap();
        let error = read_folder(dir.path()).unwrap_err().to_string();
        assert!(error.contains("label 10 in record 1"), "{error}");
    }

    #[test]
    fn the_python_version_is_recognised() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("data_batch_1"), b"pickle").unwrap();
        let error = read_folder(dir.path()).unwrap_err();
        assert!(error.to_string().contains("Python version") && error.code() == 3, "{error}");
    }
}
