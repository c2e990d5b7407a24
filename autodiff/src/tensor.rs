//! An array that owns its numbers: what the verbs take and give back.

use crate::error::{Error, Result};
use crate::real::Real;
use crate::shape::{self, Shape};

/// Numbers, row-major, and their sizes.
///
/// ```
/// use autodiff::Tensor;
/// let w = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
/// assert_eq!((w.shape(), w.numbers()[3]), (&[2, 3][..], 4.0));
/// assert_eq!(Tensor::scalar(2.5).item(), Some(2.5));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<R> {
    shape: Shape,
    numbers: Vec<R>,
}

impl<R: Real> Tensor<R> {
    /// An array of these sizes.
    ///
    /// # Errors
    /// [`Error::Length`] if there are not as many numbers as the sizes say.
    pub fn new(shape: &[usize], numbers: impl Into<Vec<R>>) -> Result<Self> {
        let numbers = numbers.into();
        let expected = shape::count(shape);
        if numbers.len() != expected {
            return Err(Error::Length { what: "tensor", shape: shape.into(), expected, found: numbers.len() });
        }
        Ok(Self { shape: shape.into(), numbers })
    }

    /// One number, without axes.
    pub fn scalar(number: R) -> Self {
        Self { shape: Shape::default(), numbers: vec![number] }
    }

    /// Numbers along one axis.
    pub fn vector(numbers: impl Into<Vec<R>>) -> Self {
        let numbers = numbers.into();
        Self { shape: Shape::new(&[numbers.len()]), numbers }
    }

    /// Zeros.
    pub fn zeros(shape: &[usize]) -> Self {
        Self { shape: shape.into(), numbers: vec![R::ZERO; shape::count(shape)] }
    }

    /// Its sizes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its numbers, row-major.
    pub fn numbers(&self) -> &[R] {
        &self.numbers
    }

    /// Its numbers, to be changed.
    pub fn numbers_mut(&mut self) -> &mut [R] {
        &mut self.numbers
    }

    /// Its numbers, to keep.
    pub fn into_numbers(self) -> Vec<R> {
        self.numbers
    }

    /// The number, if there is exactly one.
    pub fn item(&self) -> Option<R> {
        match self.numbers[..] {
            [number] => Some(number),
            _ => None,
        }
    }
}
