//! Images and labels in the IDX format of MNIST, plain or gzipped.

use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::file::{open_regular, with_room};
use super::npz::{LARGEST_RATIO, UNPACKED_FREELY};
use super::records::{Inputs, Records};
use crate::array::{Array, elements};
use crate::error::{Error, Result};

const FETCH_AGAIN: &str = "fetch the file again";

/// Reads one IDX file of unsigned bytes; gzip is recognised by its first bytes, not by the name.
///
/// # Errors
/// [`Error::Data`] where it is not such a file, or longer or shorter than it says.
pub fn read_idx(path: &Path) -> Result<Array<u8>> {
    let (mut file, length) = open_regular(path)?;
    let read = |source| Error::Read { path: path.to_owned(), source };
    let mut start = Vec::with_capacity(2);
    (&mut file).take(2).read_to_end(&mut start).map_err(read)?;
    file.rewind().map_err(read)?;
    if start == [0x1f, 0x8b] {
        parse(&mut GzDecoder::new(BufReader::new(file)), Length::Packed(length), path)
    } else {
        parse(&mut file, Length::Plain(length), path)
    }
}

/// Reads a gzipped IDX file held in memory.
fn unpack_idx(bytes: &[u8], name: &str) -> Result<Array<u8>> {
    parse(&mut GzDecoder::new(bytes), Length::Packed(bytes.len() as u64), Path::new(name))
}

/// What is known of the bytes to come.
enum Length {
    /// Exactly so many.
    Plain(u64),
    /// So many before unpacking.
    Packed(u64),
}

fn parse(from: &mut impl Read, length: Length, path: &Path) -> Result<Array<u8>> {
    let bad = |what: String| Error::data(path, what, FETCH_AGAIN);
    let broken = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::UnexpectedEof => bad("is cut short".into()),
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
            bad(format!("cannot be unpacked: {source}"))
        }
        _ => Error::Read { path: path.to_owned(), source },
    };
    let mut word = [0u8; 4];
    from.read_exact(&mut word).map_err(broken)?;
    let [0, 0, kind, rank] = word else {
        return Err(bad("is not an IDX file: it does not begin with two zero bytes".into()));
    };
    if kind != 0x08 {
        return Err(Error::data(path, format!("holds IDX type {kind:#04x}"), "only unsigned bytes (0x08) are read"));
    }
    if !(1..=4).contains(&rank) {
        return Err(bad(format!("has {rank} dimensions where 1 to 4 are known")));
    }
    let mut shape = Vec::new();
    for _ in 0..rank {
        from.read_exact(&mut word).map_err(broken)?;
        shape.push(u32::from_be_bytes(word) as usize);
    }
    let count = elements(&shape)
        .filter(|&n| n <= isize::MAX as usize)
        .ok_or_else(|| bad(format!("announces shape {shape:?}, more than can be addressed")))?;
    let header = 4 + 4 * u64::from(rank);
    match length {
        Length::Plain(bytes) if bytes - header.min(bytes) != count as u64 => {
            return Err(bad(format!(
                "announces shape {shape:?}, {count} bytes, but {} follow",
                bytes - header.min(bytes)
            )));
        }
        Length::Packed(bytes) if count as u64 > UNPACKED_FREELY && count as u64 / LARGEST_RATIO > bytes => {
            return Err(bad(format!("announces {count} bytes packed in {bytes}, too much to be believed")));
        }
        _ => {}
    }
    let mut data = with_room(count, path)?;
    from.take(count as u64).read_to_end(&mut data).map_err(broken)?;
    if data.len() < count {
        return Err(bad(format!("is cut short: shape {shape:?} needs {count} bytes, there are {}", data.len())));
    }
    // Also makes gzip compare its checksum.
    if from.read(&mut [0u8]).map_err(broken)? != 0 {
        return Err(bad(format!("goes on behind the {count} bytes of its shape {shape:?}")));
    }
    Array::new(shape, data)
}

/// Images with their labels, held against each other.
fn pair(images: Array<u8>, labels: Array<u8>, images_path: &Path, labels_path: &Path) -> Result<(Array<u8>, Vec<i64>)> {
    if images.rank() < 2 {
        return Err(Error::data(
            images_path,
            format!("holds shape {:?}, which are labels, not images", images.shape),
            "give the file named images-idx3-ubyte its own content",
        ));
    }
    if labels.rank() != 1 {
        return Err(Error::data(
            labels_path,
            format!("holds shape {:?}, which are images, not labels", labels.shape),
            "give the file named labels-idx1-ubyte its own content",
        ));
    }
    if images.rows() != labels.len() {
        return Err(Error::data(
            labels_path,
            format!("holds {} labels for {} images", labels.len(), images.rows()),
            "take both files from the same set",
        ));
    }
    if images.is_empty() {
        return Err(Error::data(images_path, format!("holds no pixels: its shape is {:?}", images.shape), FETCH_AGAIN));
    }
    let mut shape = images.shape.clone();
    if shape.len() == 3 {
        shape.push(1);
    }
    Ok((images.reshape(shape)?, labels.data.iter().map(|&l| i64::from(l)).collect()))
}

/// Images and labels of several files, in order, as one set. `[h, w]` images become `[h, w, 1]`.
struct Gathered {
    images: Option<Array<u8>>,
    labels: Vec<i64>,
}

impl Gathered {
    fn add(&mut self, images: Array<u8>, labels: Array<u8>, images_path: &Path, labels_path: &Path) -> Result<()> {
        let (images, labels) = pair(images, labels, images_path, labels_path)?;
        match &mut self.images {
            None => self.images = Some(images),
            Some(all) if all.shape[1..] == images.shape[1..] => {
                all.shape[0] += images.shape[0];
                all.data.extend(images.data);
            }
            Some(all) => {
                return Err(Error::data(
                    images_path,
                    format!(
                        "holds images of shape {:?} where those before have {:?}",
                        &images.shape[1..],
                        &all.shape[1..]
                    ),
                    "take all files from one set",
                ));
            }
        }
        self.labels.extend(labels);
        Ok(())
    }
}

/// Whether a folder looks like one that [`read_folder`] reads.
pub(super) fn is_folder(folder: &Path) -> bool {
    ["train", "t10k"].iter().any(|part| find(folder, &format!("{part}-images"), "idx3-ubyte").is_some())
}

/// Reads a folder in the layout of MNIST: `train-images-idx3-ubyte` and its kin, each plain or `.gz`; where the test
/// files (`t10k-...`) are there too, their records follow those of the training files.
pub(super) fn read_folder(folder: &Path) -> Result<Records> {
    let mut set = Gathered { images: None, labels: Vec::new() };
    for part in ["train", "t10k"] {
        let images = find(folder, &format!("{part}-images"), "idx3-ubyte");
        let labels = find(folder, &format!("{part}-labels"), "idx1-ubyte");
        match (images, labels) {
            (Some(images), Some(labels)) => set.add(read_idx(&images)?, read_idx(&labels)?, &images, &labels)?,
            (None, None) => {}
            (images, _) => {
                let lacks = if images.is_some() { "labels" } else { "images" };
                return Err(Error::data(
                    folder,
                    format!("lacks {part}-{lacks} (plain or .gz)"),
                    "put images and labels side by side",
                ));
            }
        }
    }
    let what = if folder.is_dir() { "holds no train-images-idx3-ubyte (plain or .gz)" } else { "is not a folder" };
    let images = set.images.ok_or_else(|| Error::data(folder, what, "name the folder that holds the IDX files"))?;
    Records::classified(Inputs::Bytes(images), &set.labels, folder)
}

/// The digits set, 1797 images 8 x 8 of values 0 to 16, that is part of the program.
pub(super) fn embedded_digits() -> Result<Records> {
    embedded(
        "digits",
        &[(
            include_bytes!("../../data/digits/images-idx3-ubyte.gz"),
            include_bytes!("../../data/digits/labels-idx1-ubyte.gz"),
        )],
    )
}

/// The Fashion-MNIST subset, 1000 training and then 500 test images 28 x 28, that is part of the program.
pub(super) fn embedded_fashion() -> Result<Records> {
    embedded(
        "fashion",
        &[
            (
                include_bytes!("../../data/fashion/train-images-idx3-ubyte.gz"),
                include_bytes!("../../data/fashion/train-labels-idx1-ubyte.gz"),
            ),
            (
                include_bytes!("../../data/fashion/t10k-images-idx3-ubyte.gz"),
                include_bytes!("../../data/fashion/t10k-labels-idx1-ubyte.gz"),
            ),
        ],
    )
}

fn embedded(name: &str, parts: &[(&[u8], &[u8])]) -> Result<Records> {
    let path = Path::new(name);
    let mut set = Gathered { images: None, labels: Vec::new() };
    for (images, labels) in parts {
        set.add(unpack_idx(images, name)?, unpack_idx(labels, name)?, path, path)?;
    }
    let images = set.images.ok_or_else(|| Error::Bug(format!("the embedded set {name} is empty")))?;
    Records::classified(Inputs::Bytes(images), &set.labels, path)
}

fn find(folder: &Path, stem: &str, kind: &str) -> Option<PathBuf> {
    [format!("{stem}-{kind}"), format!("{stem}-{kind}.gz"), format!("{stem}.{kind}"), format!("{stem}.{kind}.gz")]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        shape.iter().for_each(|d| bytes.extend(d.to_be_bytes()));
        bytes.extend(data);
        bytes
    }

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Array<u8>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read_idx(file.path())
    }

    #[test]
    fn plain_and_gzipped_files_hold_the_same() {
        let bytes = idx(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        let expected = Array::new([2, 1, 3], vec![1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(read(&bytes).unwrap(), expected);
        assert_eq!(read(&gz(&bytes)).unwrap(), expected);
    }

    #[test]
    fn truncated_lengthened_and_foreign_files_are_refused() {
        let good = idx(&[2, 3], &[1, 2, 3, 4, 5, 6]);
        let mut long = good.clone();
        long.push(0);
        let packed = gz(&good);
        let mut flipped = packed.clone();
        let last = flipped.len() - 6;
        flipped[last] ^= 1;
        let cases: [(Vec<u8>, &str); 9] = [
            (good[..good.len() - 1].to_vec(), "but 5 follow"),
            (good[..5].to_vec(), "cut short"),
            (long.clone(), "but 7 follow"),
            (gz(&long), "goes on behind"),
            (gz(&good[..10]), "cut short"),
            (packed[..packed.len() - 9].to_vec(), ""),
            (flipped, "cannot be unpacked"),
            (b"\x89PNG and so on".to_vec(), "not an IDX file"),
            (vec![0, 0, 0x0d, 1, 0, 0, 0, 0], "0x0d"),
        ];
        for (bytes, what) in cases {
            let error = read(&bytes).unwrap_err();
            assert!(error.code() == 3 && error.to_string().contains(what), "{what}: {error}");
        }
    }

    #[test]
    fn a_gzip_bomb_is_refused_by_its_header() {
        let error = read(&gz(&idx(&[u32::MAX, 28, 28], &[0; 1000]))).unwrap_err().to_string();
        assert!(error.contains("too much to be believed"), "{error}");
        let error = read(&gz(&idx(&[u32::MAX, u32::MAX, u32::MAX], &[]))).unwrap_err().to_string();
        assert!(error.contains("addressed"), "{error}");
    }

    #[test]
    fn images_and_labels_mixed_up_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
        let images = idx(&[2, 2, 2], &[0; 8]);
        put("train-images-idx3-ubyte", &images);
        let error = |_: ()| read_folder(dir.path()).unwrap_err().to_string();
        assert!(error(()).contains("lacks train-labels"));
        put("train-labels-idx1-ubyte.gz", &gz(&images));
        assert!(error(()).contains("images, not labels"));
        put("train-labels-idx1-ubyte.gz", &gz(&idx(&[3], &[0, 1, 0])));
        assert!(error(()).contains("3 labels for 2 images"));
        put("train-labels-idx1-ubyte.gz", &gz(&idx(&[2], &[0, 1])));
        put("train-images-idx3-ubyte", &idx(&[2, 0, 5], &[]));
        assert!(error(()).contains("no pixels"));
        put("train-images-idx3-ubyte", &idx(&[2], &[0, 1]));
        assert!(error(()).contains("labels, not images"));
        assert!(read_folder(&dir.path().join("none")).unwrap_err().to_string().contains("is not a folder"));
    }
}
