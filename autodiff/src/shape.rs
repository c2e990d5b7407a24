//! Shapes with their sizes inline.

use std::fmt;

use smallvec::SmallVec;

/// The sizes of a row-major array, outermost axis first; up to four axes need no heap.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// A shape from its sizes.
    pub fn new(sizes: &[usize]) -> Self {
        Self(SmallVec::from_slice(sizes))
    }

    /// How many axes there are; a scalar has none.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// How many numbers an array of this shape holds; a scalar holds one.
    pub fn len(&self) -> usize {
        count(&self.0)
    }

    /// Whether an array of this shape holds nothing, as one axis is empty.
    pub fn is_empty(&self) -> bool {
        self.0.contains(&0)
    }

    /// The sizes as a slice.
    pub fn sizes(&self) -> &[usize] {
        &self.0
    }

    /// This shape with `axis` taken out.
    pub(crate) fn without(&self, axis: usize) -> Self {
        let mut sizes = self.0.clone();
        sizes.remove(axis);
        Self(sizes)
    }

    /// This shape with an axis of `len` put in before `axis`.
    pub(crate) fn with(&self, axis: usize, len: usize) -> Self {
        let mut sizes = self.0.clone();
        sizes.insert(axis, len);
        Self(sizes)
    }
}

/// How many numbers these sizes hold; where the product does not fit, the largest count, as no slice has so many.
pub(crate) fn count(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |count, &size| count.saturating_mul(size))
}

impl std::ops::Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl From<&[usize]> for Shape {
    fn from(sizes: &[usize]) -> Self {
        Self::new(sizes)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (axis, size) in self.0.iter().enumerate() {
            if axis > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{size}")?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
