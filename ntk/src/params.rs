//! The parameters of a network, and the files they are kept in.
//!
//! Names are `W0, b0, W1, b1, ...` in forward order, a layer without bias leaving its `b<i>` out; dense weights are
//! `[in, out]`, those of convolutions `[kh, kw, in, out]`. What the values are at the start is the model's matter.

pub mod import;

use std::path::Path;

use crate::array::Array;
use crate::data::npy_header::Header;
use crate::data::safetensors_file::{SafeTensorsFile, write_safetensors};
use crate::data::{Element, Npz, check_finite, write_npz};
use crate::error::{Error, Result, Shape, shorten};

/// Named arrays in forward order.
#[derive(Clone, Debug, PartialEq)]
pub struct Params<T> {
    /// `W0, b0, W1, ...`
    pub names: Vec<String>,
    /// The arrays of these names.
    pub arrays: Vec<Array<T>>,
}

/// A file of arrays, in either format.
enum Store {
    Npz(Npz),
    SafeTensors(SafeTensorsFile),
}

impl Store {
    fn open(path: &Path) -> Result<Self> {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("npz") => Ok(Store::Npz(Npz::open(path)?)),
            Some("safetensors") => Ok(Store::SafeTensors(SafeTensorsFile::open(path)?)),
            _ => Err(Error::usage(
                format!("{} is no file of weights by its name", path.display()),
                "give a file that ends in .npz or .safetensors",
            )),
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Store::Npz(file) => file.names().to_vec(),
            Store::SafeTensors(file) => file.names().to_vec(),
        }
    }

    fn header(&mut self, name: &str) -> Result<Header> {
        match self {
            Store::Npz(file) => file.header(name),
            Store::SafeTensors(file) => file.header(name),
        }
    }

    fn read<T: Element>(&mut self, name: &str) -> Result<Array<T>> {
        match self {
            Store::Npz(file) => file.read(name),
            Store::SafeTensors(file) => file.read(name),
        }
    }
}

impl<T: Element> Params<T> {
    /// Named arrays.
    ///
    /// # Errors
    /// [`Error::Bug`] where there are not as many names as arrays.
    pub fn new(names: Vec<String>, arrays: Vec<Array<T>>) -> Result<Self> {
        match names.len() == arrays.len() {
            true => Ok(Params { names, arrays }),
            false => Err(Error::Bug(format!("{} names for {} parameters", names.len(), arrays.len()))),
        }
    }

    /// Reads the arrays expected from a `.npz` or `.safetensors` file, and tells which other names it holds.
    ///
    /// All shapes are compared before any number is read. A further `W<i>` or `b<i>` means another network and is an
    /// error; any other name (an optimiser's state, a note) is passed over.
    ///
    /// # Errors
    /// [`Error::Parameters`] with a table of all that is missing, too much, or of another shape;
    /// [`Error::NotFinite`]; [`Error::Data`] where the file is not sound.
    pub fn read(path: &Path, expected: &[(String, Vec<usize>)]) -> Result<(Self, Vec<String>)> {
        let mut store = Store::open(path)?;
        let held = store.names();
        let wanted: std::collections::HashSet<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
        let mut table = Vec::new();
        for (name, shape) in expected {
            if !held.contains(name) {
                table.push((name.clone(), Shape(shape).to_string(), "missing".to_owned()));
                continue;
            }
            let found = store.header(name)?.shape;
            if found != *shape {
                table.push((name.clone(), Shape(shape).to_string(), Shape(&found).to_string()));
            }
        }
        let mut ignored = Vec::new();
        for name in held.iter().filter(|name| !wanted.contains(name.as_str())) {
            if is_parameter(name) {
                let found = store.header(name)?.shape;
                table.push((name.clone(), "not there".to_owned(), Shape(&found).to_string()));
            } else {
                ignored.push(shorten(name));
            }
        }
        if !table.is_empty() {
            return Err(Error::Parameters { path: path.to_owned(), table: render(&table) });
        }
        let mut arrays = Vec::with_capacity(expected.len());
        for (name, _) in expected {
            let array = store.read(name)?;
            check_finite(&array, &path.join(name))?;
            arrays.push(array);
        }
        Ok((Params { names: expected.iter().map(|(name, _)| name.clone()).collect(), arrays }, ignored))
    }

    /// Writes a `.npz`: aside, then renamed into place.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_npz(&self, path: &Path) -> Result<()> {
        write_npz(path, self.members())
    }

    /// Writes a `.safetensors` file: aside, then renamed into place.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_safetensors(&self, path: &Path) -> Result<()> {
        write_safetensors(path, self.members())
    }

    /// The number of parameters.
    pub fn count(&self) -> usize {
        self.arrays.iter().map(Array::len).sum()
    }

    /// All parameters as one vector: the arrays in order, each row-major.
    pub fn flat(&self) -> Vec<T> {
        let mut flat = Vec::with_capacity(self.count());
        self.arrays.iter().for_each(|array| flat.extend_from_slice(&array.data));
        flat
    }

    /// Parameters of the same names and shapes, with the numbers of a vector as [`Params::flat`] gives it.
    ///
    /// # Errors
    /// [`Error::Shape`] where the vector has another length.
    pub fn unflatten<U: Copy>(&self, flat: &[U]) -> Result<Params<U>> {
        if flat.len() != self.count() {
            return Err(Error::Shape {
                what: "a parameter vector".into(),
                expected: vec![self.count()],
                found: vec![flat.len()],
                remedy: "concatenate W0, b0, W1, ... in this order, each row-major".into(),
            });
        }
        let mut rest = flat;
        let mut arrays = Vec::with_capacity(self.arrays.len());
        for array in &self.arrays {
            let (own, behind) = rest.split_at(array.len());
            rest = behind;
            arrays.push(Array::new(array.shape.clone(), own.to_vec())?);
        }
        Ok(Params { names: self.names.clone(), arrays })
    }

    /// The array of this name.
    pub fn get(&self, name: &str) -> Option<&Array<T>> {
        self.names.iter().position(|n| n == name).map(|i| &self.arrays[i])
    }

    fn members(&self) -> impl Iterator<Item = (&str, &Array<T>)> {
        self.names.iter().map(String::as_str).zip(&self.arrays)
    }
}

/// Whether a name is `W<i>` or `b<i>`.
fn is_parameter(name: &str) -> bool {
    name.strip_prefix(['W', 'b']).is_some_and(|i| !i.is_empty() && i.bytes().all(|b| b.is_ascii_digit()))
}

/// The faults as aligned columns, the first twenty.
fn render(faults: &[(String, String, String)]) -> String {
    let head = ("name".to_owned(), "expected".to_owned(), "found".to_owned());
    let shown = || std::iter::once(&head).chain(faults.iter().take(20));
    let first = shown().map(|row| row.0.len()).max().unwrap_or(0);
    let second = shown().map(|row| row.1.len()).max().unwrap_or(0);
    let mut lines: Vec<String> =
        shown().map(|(name, expected, found)| format!("  {name:first$}  {expected:second$}  {found}")).collect();
    if faults.len() > 20 {
        lines.push(format!("  and {} more", faults.len() - 20));
    }
    lines.join("\n")
}

/// SHA-256 of parameters: of the digests of each array's shape and little-endian numbers, in order.
///
/// # Cost
/// One pass over the numbers, arrays in parallel.
pub fn digest<T: Element>(arrays: &[Array<T>]) -> String {
    use rayon::prelude::*;
    use sha2::{Digest, Sha256};
    let each: Vec<_> = arrays
        .par_iter()
        .map(|array| {
            let mut hash = Sha256::new();
            array.shape.iter().for_each(|&size| hash.update((size as u64).to_le_bytes()));
            let mut bytes = Vec::with_capacity(1 << 16);
            for part in array.data.chunks(1 << 13) {
                bytes.clear();
                T::put(part, &mut bytes);
                hash.update(&bytes);
            }
            hash.finalize()
        })
        .collect();
    let mut hash = Sha256::new_with_prefix(b"ntk parameters 1\n");
    each.iter().for_each(|digest| hash.update(digest));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> Params<f64> {
        let array = |shape: &[usize], from: i32| {
            let count: usize = shape.iter().product();
            Array::new(shape, (from..from + count as i32).map(f64::from).collect()).unwrap()
        };
        let names = ["W0", "b0", "W1"].map(str::to_owned).to_vec();
        Params::new(names, vec![array(&[2, 3], 0), array(&[3], 6), array(&[3, 1], 9)]).unwrap()
    }

    fn expected(shapes: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
        shapes.iter().map(|&(name, shape)| (name.to_owned(), shape.to_vec())).collect()
    }

    #[test]
    fn both_formats_give_back_what_was_written_in_either_precision() {
        let dir = tempfile::tempdir().unwrap();
        let (npz, safe) = (dir.path().join("w.npz"), dir.path().join("w.safetensors"));
        let p = params();
        p.write_npz(&npz).unwrap();
        p.write_safetensors(&safe).unwrap();
        let shapes = expected(&[("W0", &[2, 3]), ("b0", &[3]), ("W1", &[3, 1])]);
        for path in [npz, safe] {
            assert_eq!(Params::read(&path, &shapes).unwrap(), (p.clone(), vec![]));
            let (narrow, _) = Params::<f32>::read(&path, &shapes).unwrap();
            assert_eq!(narrow.flat(), (0..12).map(|i| i as f32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_flat_vector_is_the_concatenation_in_order() {
        let p = params();
        assert_eq!(p.flat(), (0..12).map(f64::from).collect::<Vec<_>>());
        assert_eq!(p.unflatten(&p.flat()).unwrap(), p);
        assert_eq!(p.get("b0").unwrap().data, [6.0, 7.0, 8.0]);
        assert!(p.unflatten(&[1.0; 11]).unwrap_err().to_string().contains("[12]"));
    }

    #[test]
    fn parameters_of_another_network_are_told_in_one_table() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["w.npz", "w.safetensors"] {
            let path = dir.path().join(name);
            let mut p = params();
            p.names[2] = "W7".into();
            if name.ends_with("npz") {
                p.write_npz(&path).unwrap()
            } else {
                p.write_safetensors(&path).unwrap()
            }
            let shapes = expected(&[("W0", &[3, 2]), ("b0", &[3]), ("W1", &[3, 1])]);
            let error = Params::<f64>::read(&path, &shapes).unwrap_err();
            assert_eq!(error.code(), 3);
            let text = error.to_string();
            let row = |words: [&str; 3]| text.lines().any(|line| words.iter().all(|w| line.contains(w)));
            assert!(row(["W0", "[3, 2]", "[2, 3]"]), "{text}");
            assert!(row(["W1", "[3, 1]", "missing"]), "{text}");
            assert!(row(["W7", "not there", "[3, 1]"]), "{text}");
            assert!(!text.lines().any(|line| line.contains("b0  ")), "{text}");
            assert!(text.ends_with(&error.hint().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_names_are_passed_over_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.npz");
        let mut p = params();
        p.names = ["W0", "step", "Wx"].map(str::to_owned).to_vec();
        p.write_npz(&path).unwrap();
        let (read, ignored) = Params::<f64>::read(&path, &expected(&[("W0", &[2, 3])])).unwrap();
        assert_eq!((read.count(), ignored), (6, vec!["step".to_owned(), "Wx".to_owned()]));
    }

    #[test]
    fn weights_that_are_not_finite_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.npz");
        let mut p = params();
        p.arrays[1].data[2] = f64::NAN;
        p.write_npz(&path).unwrap();
        let shapes = expected(&[("W0", &[2, 3]), ("b0", &[3]), ("W1", &[3, 1])]);
        let error = Params::<f64>::read(&path, &shapes).unwrap_err();
        assert!(error.code() == 3 && error.to_string().contains("b0"), "{error}");
        assert_eq!(Params::<f64>::read(&dir.path().join("w.bin"), &shapes).unwrap_err().code(), 2);
    }
}
