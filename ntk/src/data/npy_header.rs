//! The header of a `.npy` file: what is in it, read from untrusted bytes.
//!
//! It is the text of a Python dictionary with three fixed keys. It is read by a flat scanner without recursion, so
//! nested brackets cost nothing, and a header longer than [`LONGEST`] is refused before it is fetched.

use std::io::Read;
use std::path::Path;

use crate::array::elements;
use crate::error::{Error, Result, shorten};

/// The longest header accepted, in bytes; NumPy's own are a few hundred at most.
pub const LONGEST: usize = 64 << 10;
/// The most axes accepted, as in NumPy 1.
pub const MOST_AXES: usize = 32;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
const WRITE_AGAIN: &str = "write it again with numpy.save(path, a.astype('float64'))";

/// The kinds of number that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it all.
pub enum Dtype {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Dtype {
    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Dtype::Bool | Dtype::I8 | Dtype::U8 => 1,
            Dtype::I16 | Dtype::U16 => 2,
            Dtype::I32 | Dtype::U32 | Dtype::F32 => 4,
            Dtype::I64 | Dtype::U64 | Dtype::F64 => 8,
        }
    }

    /// Whether it is an integer or a truth value, which may be a label.
    pub fn is_integer(self) -> bool {
        !matches!(self, Dtype::F32 | Dtype::F64)
    }
}

/// What a `.npy` file says of its array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The kind of number.
    pub dtype: Dtype,
    /// Whether numbers are stored most significant byte first.
    pub big_endian: bool,
    /// Whether the first axis is contiguous and not the last.
    pub fortran: bool,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Where the numbers begin.
    pub offset: u64,
}

impl Header {
    /// The number of elements.
    pub fn count(&self) -> usize {
        // INVARIANT: `parse` has checked the product.
        elements(&self.shape).unwrap_or(0)
    }

    /// Reads a header and holds it against `length`, the bytes of the whole file.
    ///
    /// # Errors
    /// [`Error::Data`] where it is not a `.npy` file, holds what cannot be read as real numbers, or where the
    /// array it announces is not exactly what follows.
    pub fn read(from: &mut impl Read, length: u64, path: &Path) -> Result<Self> {
        let bad = |what: String| Error::data(path, what, WRITE_AGAIN);
        let mut start = [0u8; 12];
        fetch(from, &mut start[..10], path)?;
        if &start[..6] != MAGIC {
            return Err(bad("is not a .npy file: it does not begin with \\x93NUMPY".into()));
        }
        let (prologue, size) = match start[6] {
            1 => (10u64, u64::from(u16::from_le_bytes([start[8], start[9]]))),
            2 | 3 => {
                fetch(from, &mut start[10..], path)?;
                (12, u64::from(u32::from_le_bytes([start[8], start[9], start[10], start[11]])))
            }
            other => {
                return Err(bad(format!("is of .npy version {other}, only 1 to 3 are known")));
            }
        };
        if size > LONGEST as u64 {
            return Err(bad(format!("announces a header of {size} bytes, more than {LONGEST}")));
        }
        if prologue + size > length {
            return Err(bad(format!(
                "ends within its header: {length} bytes, the header alone has {}",
                prologue + size
            )));
        }
        let mut text = vec![0u8; size as usize];
        fetch(from, &mut text, path)?;
        let mut header = parse(&text, path)?;
        header.offset = prologue + size;

        let expected = header.count() as u64 * header.dtype.bytes() as u64;
        let found = length - header.offset;
        if found < expected {
            return Err(bad(format!(
                "is cut short: shape {:?} needs {expected} bytes, there are {found}",
                header.shape
            )));
        }
        if found > expected {
            return Err(bad(format!(
                "has {} trailing bytes: shape {:?} needs {expected}, there are {found}",
                found - expected,
                header.shape
            )));
        }
        Ok(header)
    }
}

/// The bytes of a version 1.0 header (2.0 where it is long), padded so that the numbers begin at a multiple of 64.
pub fn write(descr: &str, shape: &[usize]) -> Vec<u8> {
    let mut axes: String = shape.iter().map(|d| format!("{d}, ")).collect();
    // Python writes (3,) for one axis and (2, 3) for two.
    if shape.len() > 1 {
        axes.truncate(axes.len() - 2);
    } else {
        axes.truncate(axes.trim_end().len());
    }
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}");
    let version: u8 = if text.len() + 1 + 10 + 63 > usize::from(u16::MAX) { 2 } else { 1 };
    let prologue = if version == 1 { 10 } else { 12 };
    let padded = (prologue + text.len() + 1).next_multiple_of(64);
    text.push_str(&" ".repeat(padded - prologue - text.len() - 1));
    text.push('\n');

    let mut bytes = MAGIC.to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((text.len() as u16).to_le_bytes()),
        _ => bytes.extend((text.len() as u32).to_le_bytes()),
    }
    bytes.extend(text.as_bytes());
    bytes
}

/// Fills `into`, or says that the file ends too early.
fn fetch(from: &mut impl Read, into: &mut [u8], path: &Path) -> Result<()> {
    from.read_exact(into).map_err(|source| match source.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::data(path, "ends within its header", WRITE_AGAIN),
        _ => Error::Read { path: path.to_owned(), source },
    })
}

/// A flat scanner over the text of the dictionary.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn string(&mut self) -> Option<&'a str> {
        self.skip_space();
        let quote = self.rest.chars().next().filter(|&c| c == '\'' || c == '"')?;
        let (word, rest) = self.rest[1..].split_once(quote)?;
        self.rest = rest;
        (!word.contains('\\')).then_some(word)
    }

    fn word(&mut self) -> &'a str {
        self.skip_space();
        let end =
            self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }
}

fn parse(text: &[u8], path: &Path) -> Result<Header> {
    let bad = |what: String| Error::data(path, what, WRITE_AGAIN);
    let unreadable = |at: &str| bad(format!("has an unreadable header, at `{}`", shorten(at)));
    let text = std::str::from_utf8(text).map_err(|_| bad("has a header that is not text".into()))?;
    let mut scan = Scanner { rest: text };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    if !scan.take('{') {
        return Err(unreadable(scan.rest));
    }
    while !scan.take('}') {
        let key = scan.string().ok_or_else(|| unreadable(scan.rest))?;
        if !scan.take(':') {
            return Err(unreadable(scan.rest));
        }
        let twice = match key {
            "descr" => {
                scan.skip_space();
                if scan.rest.starts_with('[') {
                    return Err(Error::data(
                        path,
                        "holds records with named fields, not numbers",
                        "save one field: numpy.save(path, a['field'].astype('float64'))",
                    ));
                }
                descr.replace(scan.string().ok_or_else(|| unreadable(scan.rest))?).is_some()
            }
            "fortran_order" => {
                let at = scan.rest;
                let value = match scan.word() {
                    "True" => true,
                    "False" => false,
                    _ => return Err(unreadable(at)),
                };
                fortran.replace(value).is_some()
            }
            "shape" => shape.replace(parse_shape(&mut scan, path)?).is_some(),
            other => {
                return Err(bad(format!("has an unknown key `{}` in its header", shorten(other))));
            }
        };
        if twice {
            return Err(bad(format!("has the key `{key}` twice in its header")));
        }
        if !scan.take(',') {
            if scan.take('}') {
                break;
            }
            return Err(unreadable(scan.rest));
        }
    }
    if !scan.rest.trim().is_empty() {
        return Err(unreadable(scan.rest.trim_start()));
    }
    let missing = |key: &str| bad(format!("lacks the key `{key}` in its header"));
    let (dtype, big_endian) = parse_descr(descr.ok_or_else(|| missing("descr"))?, path)?;
    let fortran = fortran.ok_or_else(|| missing("fortran_order"))?;
    let shape = shape.ok_or_else(|| missing("shape"))?;
    let bytes = elements(&shape)
        .and_then(|_| shape.iter().filter(|&&d| d != 0).try_fold(dtype.bytes(), |n, &d| n.checked_mul(d)))
        .filter(|&bytes| bytes <= isize::MAX as usize);
    if bytes.is_none() {
        return Err(bad(format!("announces shape {shape:?}, more than can be addressed")));
    }
    Ok(Header { dtype, big_endian, fortran, shape, offset: 0 })
}

fn parse_shape(scan: &mut Scanner<'_>, path: &Path) -> Result<Vec<usize>> {
    let bad = |what: String| Error::data(path, what, WRITE_AGAIN);
    let at = scan.rest;
    let unreadable = || bad(format!("has an unreadable shape, at `{}`", shorten(at.trim_start())));
    if !scan.take('(') {
        return Err(unreadable());
    }
    let mut shape = Vec::new();
    while !scan.take(')') {
        let word = scan.word();
        // Python 2 wrote long integers as 3L.
        let digits = word.strip_suffix('L').unwrap_or(word);
        if digits.len() > 1 && digits.starts_with('-') && digits[1..].bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad(format!("has a negative dimension {}", shorten(digits))));
        }
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(unreadable());
        }
        let length = digits
            .parse::<usize>()
            .map_err(|_| bad(format!("has a dimension of {}, more than can be addressed", shorten(digits))))?;
        if shape.len() == MOST_AXES {
            return Err(bad(format!("has more than {MOST_AXES} dimensions")));
        }
        shape.push(length);
        if !scan.take(',') {
            // (3) without a comma is an integer in Python, not a shape.
            if shape.len() > 1 && scan.take(')') {
                break;
            }
            return Err(unreadable());
        }
    }
    Ok(shape)
}

fn parse_descr(descr: &str, path: &Path) -> Result<(Dtype, bool)> {
    let (order, code) = match descr.chars().next() {
        Some(c @ ('<' | '>' | '=' | '|')) => (c, &descr[1..]),
        _ => ('=', descr),
    };
    let dtype = match code {
        "b1" | "?" => Dtype::Bool,
        "i1" => Dtype::I8,
        "u1" => Dtype::U8,
        "i2" => Dtype::I16,
        "u2" => Dtype::U16,
        "i4" => Dtype::I32,
        "u4" => Dtype::U32,
        "i8" => Dtype::I64,
        "u8" => Dtype::U64,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        _ => return Err(refused(descr, code, path)),
    };
    let big_endian = order == '>' || (order == '=' && cfg!(target_endian = "big"));
    Ok((dtype, big_endian))
}

/// Why a kind of number is not read, and how to save it so that it is.
fn refused(descr: &str, code: &str, path: &Path) -> Error {
    let (what, remedy) = match code.chars().next() {
        Some('O') => (
            "holds Python objects (a pickle), which are never loaded",
            "save plain numbers: numpy.save(path, numpy.asarray(a.tolist(), dtype='float64'), allow_pickle=False)",
        ),
        Some('f') if code == "f2" => {
            ("holds half-precision numbers", "widen them first: numpy.save(path, a.astype('float32'))")
        }
        Some('f') => ("holds extended-precision numbers", "round them first: numpy.save(path, a.astype('float64'))"),
        Some('c') => {
            ("holds complex numbers", "save real ones: numpy.save(path, numpy.stack([a.real, a.imag], -1)) or a.real")
        }
        Some('S' | 'U' | 'a') => ("holds text", "map it to numbers first, labels to 0, 1, 2, ..."),
        Some('m' | 'M') => ("holds times", "convert them first: numpy.save(path, a.astype('int64'))"),
        _ => ("holds a kind of number that is not known", WRITE_AGAIN),
    };
    Error::data(path, format!("{what} (dtype '{}')", shorten(descr)), remedy)
}
