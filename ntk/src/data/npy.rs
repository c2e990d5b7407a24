//! Arrays in NumPy's `.npy` format.
//!
//! Reading accepts `float32`, `float64`, integers of 8 to 64 bits and truth values, in either byte order and either
//! axis order, and casts them to the float asked for as NumPy's `astype` does; 64-bit integers beyond 2^53 are
//! therefore rounded. Everything else (half, extended, complex, objects, text) is refused with a recipe. Writing is
//! little-endian, row-major, version 1.0.

use std::io::{Read, Write};
use std::marker::PhantomData;
use std::path::Path;

use rayon::prelude::*;

use super::element::Element;
use super::file::{Aside, open_regular, with_room, write_aside, zeroed};
use super::npy_header::{self, Dtype, Header};
use crate::array::{Array, elements};
use crate::error::{Error, Result};

/// Bytes converted at a time: they stay in the second-level cache between reading and converting.
const CHUNK: usize = 256 << 10;
/// Chunks read before the threads convert them side by side. Most of the time goes to the first touch of the array's
/// pages, which threads share well.
const CHUNKS: usize = 8;

/// Reads an array, cast to `T`.
///
/// # Errors
/// [`Error::Data`] for a file that is not exactly one array of real numbers, or holds a finite number that is too
/// large for `T`; [`Error::Memory`] where it would not fit.
/// # Cost
/// One pass; memory is the array and two mebibytes (twice the array in Fortran order).
pub fn read_npy<T: Element>(path: &Path) -> Result<Array<T>> {
    let (mut file, length) = open_regular(path)?;
    let header = Header::read(&mut file, length, path)?;
    read_body(&mut file, &header, path)
}

/// Reads only what the file says of its array, with the file's length checked against it.
///
/// # Errors
/// As [`read_npy`].
pub fn peek_npy(path: &Path) -> Result<Header> {
    let (mut file, length) = open_regular(path)?;
    Header::read(&mut file, length, path)
}

/// Reads the numbers behind a header.
pub(crate) fn read_body<T: Element>(from: &mut impl Read, header: &Header, path: &Path) -> Result<Array<T>> {
    let count = header.count();
    let mut data: Vec<T> = zeroed(count, path)?;
    let width = header.dtype.bytes();
    let mut buffer = vec![0u8; (CHUNKS * CHUNK).min(count * width)];
    for part in data.chunks_mut(CHUNKS * CHUNK / width) {
        let bytes = &mut buffer[..part.len() * width];
        from.read_exact(bytes).map_err(|source| broken(source, path))?;
        let convert = |(bytes, numbers): (&[u8], &mut [T])| {
            decode(header.dtype, header.big_endian, bytes, numbers);
            match header.dtype == Dtype::F64 && T::BYTES < width {
                true => check_narrowing(header.big_endian, bytes, numbers, path),
                false => Ok(()),
            }
        };
        if bytes.len() <= CHUNK {
            convert((bytes, part))?;
        } else {
            bytes.par_chunks(CHUNK).zip(part.par_chunks_mut(CHUNK / width)).try_for_each(convert)?;
        }
    }
    // Also lets a checksum behind the numbers be compared.
    match from.read(&mut [0u8]) {
        Ok(0) => {}
        Ok(_) => {
            return Err(Error::data(path, "has trailing bytes", "write it again with numpy.save"));
        }
        Err(source) => return Err(broken(source, path)),
    }
    if header.fortran && header.shape.len() > 1 {
        data = from_fortran(&header.shape, &data, path)?;
    }
    Array::new(header.shape.clone(), data)
}

pub(super) fn broken(source: std::io::Error, path: &Path) -> Error {
    match source.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Error::data(path, "ends before its array does", "write it again; an interrupted copy leaves such files")
        }
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::Other => {
            Error::data(path, format!("is damaged: {source}"), "write it again")
        }
        _ => Error::Read { path: path.to_owned(), source },
    }
}

/// Converts the numbers of `bytes`, as many as there is room for.
pub(super) fn decode<T: Element>(dtype: Dtype, big_endian: bool, bytes: &[u8], out: &mut [T]) {
    macro_rules! numbers {
        ($kind:ty, $from:expr) => {{
            let (chunks, _) = bytes.as_chunks();
            let pairs = out.iter_mut().zip(chunks);
            match big_endian {
                false => pairs.for_each(|(x, &c)| *x = $from(<$kind>::from_le_bytes(c))),
                true => pairs.for_each(|(x, &c)| *x = $from(<$kind>::from_be_bytes(c))),
            }
        }};
    }
    match dtype {
        Dtype::Bool => out.iter_mut().zip(bytes).for_each(|(x, &b)| *x = T::from_u64(u64::from(b != 0))),
        Dtype::U8 => numbers!(u8, |x| T::from_u64(u64::from(x))),
        Dtype::I8 => numbers!(i8, |x| T::from_i64(i64::from(x))),
        Dtype::I16 => numbers!(i16, |x| T::from_i64(i64::from(x))),
        Dtype::U16 => numbers!(u16, |x| T::from_u64(u64::from(x))),
        Dtype::I32 => numbers!(i32, |x| T::from_i64(i64::from(x))),
        Dtype::U32 => numbers!(u32, |x| T::from_u64(u64::from(x))),
        Dtype::I64 => numbers!(i64, T::from_i64),
        Dtype::U64 => numbers!(u64, T::from_u64),
        Dtype::F32 => numbers!(f32, T::from_f32),
        Dtype::F64 => numbers!(f64, T::from_f64),
    }
}

/// Refuses finite doubles that became infinite in single precision: they would look like bad data later.
fn check_narrowing<T: Element>(big_endian: bool, bytes: &[u8], cast: &[T], path: &Path) -> Result<()> {
    if cast.iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    let mut wide = vec![0f64; cast.len()];
    decode(Dtype::F64, big_endian, bytes, &mut wide);
    match wide.iter().zip(cast).find(|(w, c)| w.is_finite() && !c.is_finite()) {
        Some((w, _)) => Err(Error::data(
            path,
            format!("holds {w:e}, too large for {}", T::NAME),
            "use --dtype f64, or scale the numbers",
        )),
        None => Ok(()),
    }
}

/// Row-major copy of numbers stored with the first axis contiguous.
fn from_fortran<T: Element>(shape: &[usize], data: &[T], path: &Path) -> Result<Vec<T>> {
    let mut out = with_room(data.len(), path)?;
    if data.is_empty() {
        return Ok(out);
    }
    let mut strides = vec![1usize; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let last = shape.len() - 1;
    let mut index = vec![0usize; shape.len()];
    let mut at = 0usize;
    loop {
        out.extend((0..shape[last]).map(|k| data[at + k * strides[last]]));
        // Count up the other axes, the last but one fastest.
        let mut axis = last;
        loop {
            if axis == 0 {
                return Ok(out);
            }
            axis -= 1;
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= index[axis] * strides[axis];
            index[axis] = 0;
        }
    }
}

/// Writes an array: aside first, then renamed into place.
///
/// # Errors
/// [`Error::Shape`] where `data` does not have the shape's count; [`Error::Write`] where it cannot be written.
pub fn write_npy<T: Element>(path: &Path, shape: &[usize], data: &[T]) -> Result<()> {
    if elements(shape) != Some(data.len()) {
        return Err(wrong_count(path, shape, data.len()));
    }
    write_aside(path, |to| write_npy_to(to, shape, data))
}

/// Writes an array to any writer.
///
/// # Errors
/// What the writer says.
pub fn write_npy_to<T: Element>(to: &mut impl Write, shape: &[usize], data: &[T]) -> std::io::Result<()> {
    to.write_all(&npy_header::write(T::DESCR, shape))?;
    put_all(to, data)
}

fn put_all<T: Element>(to: &mut impl Write, data: &[T]) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(CHUNK.min(size_of_val(data)));
    for part in data.chunks(CHUNK / T::BYTES) {
        bytes.clear();
        T::put(part, &mut bytes);
        to.write_all(&bytes)?;
    }
    Ok(())
}

fn wrong_count(path: &Path, shape: &[usize], found: usize) -> Error {
    Error::Shape {
        what: format!("the data for {}", path.display()),
        expected: shape.to_vec(),
        found: vec![found],
        remedy: "give as many numbers as the shape holds".into(),
    }
}

/// Writes an array that is never in memory as a whole: announce its shape, push its parts in order, finish.
///
/// Dropped without [`NpyWriter::finish`] it leaves nothing behind.
pub struct NpyWriter<T> {
    aside: Aside,
    path: std::path::PathBuf,
    shape: Vec<usize>,
    left: usize,
    number: PhantomData<T>,
}

impl<T: Element> NpyWriter<T> {
    /// Begins an array of this shape.
    ///
    /// # Errors
    /// [`Error::Usage`] where the shape cannot be addressed; [`Error::Write`] where the folder cannot be written.
    pub fn create(path: &Path, shape: &[usize]) -> Result<Self> {
        let left = elements(shape)
            .ok_or_else(|| Error::usage(format!("an array of shape {shape:?} is too large"), "use smaller sizes"))?;
        let mut aside = Aside::create(path)?;
        aside
            .buffer
            .write_all(&npy_header::write(T::DESCR, shape))
            .map_err(|source| Error::Write { path: path.to_owned(), source })?;
        Ok(NpyWriter { aside, path: path.to_owned(), shape: shape.to_vec(), left, number: PhantomData })
    }

    /// Appends the next numbers, row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] where there are more than the shape holds; [`Error::Write`].
    pub fn push(&mut self, numbers: &[T]) -> Result<()> {
        self.left = self
            .left
            .checked_sub(numbers.len())
            .ok_or_else(|| wrong_count(&self.path, &self.shape, elements(&self.shape).unwrap_or(0) + numbers.len()))?;
        put_all(&mut self.aside.buffer, numbers).map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    /// Renames the complete file into place.
    ///
    /// # Errors
    /// [`Error::Shape`] where numbers are missing; [`Error::Write`].
    pub fn finish(self) -> Result<()> {
        if self.left > 0 {
            let written = elements(&self.shape).unwrap_or(0) - self.left;
            return Err(wrong_count(&self.path, &self.shape, written));
        }
        self.aside.commit()
    }
}
