//! The rows of an array, wherever it is: in memory, or in a `.npy` file that is read as they are asked for.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::element::Element;
use super::file::open_regular;
use super::npy::{broken, decode};
use super::npy_header::Header;
use super::positioned::Positioned;
use crate::array::Array;
use crate::error::{Error, Result};

/// Bytes of rows that are read at a time.
pub const CHUNK: usize = 1 << 20;

/// An array, row by row.
#[derive(Debug)]
pub enum Rows<'a, T> {
    /// In memory.
    Held(&'a Array<T>),
    /// In a file.
    File(NpyRows<T>),
}

impl<'a, T> From<&'a Array<T>> for Rows<'a, T> {
    fn from(array: &'a Array<T>) -> Self {
        Self::Held(array)
    }
}

impl<T> From<NpyRows<T>> for Rows<'_, T> {
    fn from(file: NpyRows<T>) -> Self {
        Self::File(file)
    }
}

/// An array in a file, open to be read at any row by many threads.
#[derive(Debug)]
pub struct NpyRows<T> {
    file: Positioned,
    header: Header,
    path: PathBuf,
    number: PhantomData<T>,
}

impl<T: Element> NpyRows<T> {
    /// Opens a file.
    ///
    /// # Errors
    /// As [`read_npy`](super::read_npy); an array in Fortran order, whose rows are not together.
    pub fn open(path: &Path) -> Result<Self> {
        let (mut file, length) = open_regular(path)?;
        let header = Header::read(&mut file, length, path)?;
        if header.fortran && header.shape.len() > 1 {
            return Err(Error::data(
                path,
                "is in Fortran order, so its rows cannot be read one by one",
                "write it again with numpy.save(path, numpy.ascontiguousarray(a)), or give more --memory",
            ));
        }
        Ok(Self { file: Positioned::new(file), header, path: path.to_owned(), number: PhantomData })
    }

    /// Numbers `range` of the array, in C order.
    fn read(&self, range: Range<usize>, to: &mut [T]) -> Result<()> {
        let width = self.header.dtype.bytes();
        let mut bytes = vec![0; range.len() * width];
        let offset = self.header.offset + (range.start * width) as u64;
        self.file.read(&mut bytes, offset).map_err(|source| broken(source, &self.path))?;
        decode(self.header.dtype, self.header.big_endian, &bytes, to);
        Ok(())
    }
}

impl<T: Element> Rows<'_, T> {
    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Held(array) => &array.shape,
            Self::File(file) => &file.header.shape,
        }
    }

    /// Rows.
    pub fn count(&self) -> usize {
        self.shape().first().copied().unwrap_or(1)
    }

    /// Numbers of a row.
    pub fn row_len(&self) -> usize {
        self.shape().iter().skip(1).product()
    }

    /// Rows that a task reads at a time.
    pub fn at_once(&self) -> usize {
        (CHUNK / T::BYTES / self.row_len().max(1)).max(1)
    }

    /// Does something with each of some rows, in order.
    ///
    /// # Errors
    /// [`Error::Read`]
    pub fn each(&self, rows: Range<usize>, mut work: impl FnMut(usize, &[T])) -> Result<()> {
        let len = self.row_len();
        match self {
            Self::Held(array) => rows.for_each(|i| work(i, &array.data[i * len..(i + 1) * len])),
            Self::File(file) => {
                let mut buffer = vec![T::default(); self.at_once().min(rows.len()) * len];
                for first in rows.clone().step_by(self.at_once()) {
                    let some = first..(first + self.at_once()).min(rows.end);
                    let numbers = &mut buffer[..some.len() * len];
                    file.read(some.start * len..some.end * len, numbers)?;
                    some.zip(numbers.chunks_exact(len.max(1))).for_each(|(i, row)| work(i, row));
                }
            }
        }
        Ok(())
    }

    /// Entries `within` of each of some rows, one row after another.
    ///
    /// # Errors
    /// [`Error::Read`]
    pub fn part(&self, rows: Range<usize>, within: Range<usize>) -> Result<Vec<T>> {
        let (len, mut part) = (self.row_len(), vec![T::default(); rows.len() * within.len()]);
        for (i, to) in rows.zip(part.chunks_exact_mut(within.len().max(1))) {
            let range = i * len + within.start..i * len + within.end;
            match self {
                Self::Held(array) => to.copy_from_slice(&array.data[range]),
                Self::File(file) => file.read(range, to)?,
            }
        }
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::write_npy;

    #[test]
    fn rows_of_a_file_are_those_of_the_array() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.npy");
        let array = Array::new([5, 3, 2], (0..30).map(f64::from).collect()).unwrap();
        write_npy(&path, &array.shape, &array.data).unwrap();
        let file: Rows<'_, f64> = NpyRows::open(&path).unwrap().into();
        let held = Rows::from(&array);
        for rows in [&file, &held] {
            assert_eq!((rows.shape(), rows.count(), rows.row_len()), (&[5, 3, 2][..], 5, 6));
            let mut seen = Vec::new();
            rows.each(1..4, |i, row| seen.push((i, row.to_vec()))).unwrap();
            assert_eq!(seen.len(), 3);
            assert!(seen.iter().all(|(i, row)| row == array.row(*i).unwrap()), "{seen:?}");
            assert_eq!(rows.part(3..5, 1..3).unwrap(), [19.0, 20.0, 25.0, 26.0]);
        }
        let single: Rows<'_, f32> = NpyRows::open(&path).unwrap().into();
        assert_eq!(single.part(0..1, 0..2).unwrap(), [0.0_f32, 1.0]);
        std::fs::write(&path, "no").unwrap();
        assert_eq!(NpyRows::<f64>::open(&path).unwrap_err().code(), 3);
    }
}
