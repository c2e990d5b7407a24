//! An n-dimensional array: a shape and its numbers, row-major.

use crate::error::{Error, Result};

/// A dense array in row-major (C) order: the last axis is contiguous.
#[derive(Clone, Debug, PartialEq)]
pub struct Array<T> {
    /// Lengths of the axes; empty for a single number.
    pub shape: Vec<usize>,
    // INVARIANT: `data.len()` is the product of `shape`, as the constructors check.
    /// The numbers, last axis fastest.
    pub data: Vec<T>,
}

/// The number of elements of a shape, or `None` where it does not fit.
///
/// An empty axis does not hide the others: `[0, 2^62, 4]` is `None` and not 0, because code that later multiplies
/// the lengths in another order would overflow.
pub fn elements(shape: &[usize]) -> Option<usize> {
    let product = shape.iter().filter(|&&d| d != 0).try_fold(1usize, |n, &d| n.checked_mul(d))?;
    Some(if shape.contains(&0) { 0 } else { product })
}

impl<T> Array<T> {
    /// An array from its shape and numbers.
    ///
    /// # Errors
    /// [`Error::Shape`] where the count of numbers is not the product of the shape.
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<T>) -> Result<Self> {
        let shape = shape.into();
        if elements(&shape) != Some(data.len()) {
            return Err(Error::Shape {
                what: "an array's data".into(),
                expected: shape,
                found: vec![data.len()],
                remedy: "give as many numbers as the shape holds".into(),
            });
        }
        Ok(Array { shape, data })
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The length of the first axis; 1 for a single number.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// The number of elements of one row, that is of everything behind the first axis.
    pub fn row_len(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// Row `i`, or `None` past the end.
    pub fn row(&self, i: usize) -> Option<&[T]> {
        let width = self.row_len();
        if i >= self.rows() {
            return None;
        }
        self.data.get(i * width..(i + 1) * width)
    }

    /// The same numbers in another shape.
    ///
    /// # Errors
    /// [`Error::Shape`] where the two shapes hold different counts.
    pub fn reshape(self, shape: impl Into<Vec<usize>>) -> Result<Self> {
        let shape = shape.into();
        if elements(&shape) != Some(self.data.len()) {
            return Err(Error::Shape {
                what: "an array".into(),
                expected: shape,
                found: self.shape,
                remedy: "choose a shape with as many elements".into(),
            });
        }
        Ok(Array { shape, data: self.data })
    }

    /// The array of `f` of every element.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Array<U> {
        Array { shape: self.shape.clone(), data: self.data.iter().map(f).collect() }
    }
}

impl<T: Copy> Array<T> {
    /// An array filled with one number.
    ///
    /// # Errors
    /// [`Error::Usage`] where the number of elements does not fit the address space.
    pub fn full(shape: impl Into<Vec<usize>>, value: T) -> Result<Self> {
        let shape = shape.into();
        let count = elements(&shape)
            .filter(|&n| n.checked_mul(size_of::<T>().max(1)).is_some_and(|b| b <= isize::MAX as usize));
        match count {
            Some(n) => Ok(Array { data: vec![value; n], shape }),
            None => {
                Err(Error::usage(format!("an array of shape {shape:?} is too large to address"), "use smaller sizes"))
            }
        }
    }

    /// The rows named, in that order; a row may be named twice.
    ///
    /// # Errors
    /// [`Error::Usage`] where a row does not exist.
    pub fn select_rows(&self, rows: &[usize]) -> Result<Self> {
        let mut data = Vec::with_capacity(rows.len() * self.row_len());
        for &i in rows {
            let row = self.row(i).ok_or_else(|| {
                Error::usage(format!("row {i} was asked of an array of {} rows", self.rows()), "ask for fewer")
            })?;
            data.extend_from_slice(row);
        }
        let mut shape = self.shape.clone();
        match shape.first_mut() {
            Some(first) => *first = rows.len(),
            None => shape.push(rows.len()),
        }
        Ok(Array { shape, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_differs_from_the_shape_is_refused() {
        assert!(Array::new([2, 3], vec![0.0; 6]).is_ok());
        let error = Array::new([2, 3], vec![0.0; 5]).unwrap_err().to_string();
        assert!(error.contains("[5]") && error.contains("[2, 3]"), "{error}");
        assert!(Array::new([], vec![1.0]).is_ok());
    }

    #[test]
    fn an_empty_axis_does_not_hide_an_overflow() {
        assert_eq!(elements(&[0, 1 << 62, 4]), None);
        assert_eq!(elements(&[0, 5]), Some(0));
        assert_eq!(elements(&[1 << 32, 1 << 32]), None);
        assert!(Array::full([1 << 40, 1 << 40], 0u8).is_err());
        assert!(Array::full([1 << 61], 0f64).is_err());
    }

    #[test]
    fn rows_are_slices_of_everything_behind_the_first_axis() {
        let a = Array::new([2, 2, 2], (0..8).collect()).unwrap();
        assert_eq!(a.row(1), Some(&[4, 5, 6, 7][..]));
        assert_eq!(a.row(2), None);
        let picked = a.select_rows(&[1, 0, 1]).unwrap();
        assert_eq!(picked.shape, [3, 2, 2]);
        assert_eq!(picked.data, [4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(a.select_rows(&[2]).is_err());
    }

    #[test]
    fn reshaping_keeps_the_numbers_and_their_count() {
        let a = Array::new([2, 3], (0..6).collect()).unwrap().reshape([3, 2]).unwrap();
        assert_eq!((a.row(2), a.rank()), (Some(&[4, 5][..]), 2));
        assert!(a.reshape([7]).is_err());
    }
}
