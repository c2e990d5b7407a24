//! Scratch buffers, handed out and taken back.

use crate::real::Real;

/// A free list of buffers: a sweep that runs again allocates nothing.
///
/// An arena would keep every cotangent until the end of a sweep; only a few are live at once.
#[derive(Debug)]
pub struct Pool<R> {
    free: Vec<Vec<R>>,
    /// The list of a sweep's slots, kept between sweeps.
    pub(crate) slots: Vec<Option<super::pullback::Slot<R>>>,
    /// The list of a pushforward's tangents, kept between sweeps.
    pub(crate) tangents: Vec<Option<Vec<R>>>,
    /// How many nodes use each node, kept between sweeps.
    pub(crate) uses: Vec<u32>,
}

impl<R> Default for Pool<R> {
    fn default() -> Self {
        Self { free: Vec::new(), slots: Vec::new(), tangents: Vec::new(), uses: Vec::new() }
    }
}

impl<R: Real> Pool<R> {
    /// A buffer of `len` numbers of no particular value.
    pub fn take(&mut self, len: usize) -> Vec<R> {
        let mut buffer = self.fitting(len);
        // Only what the buffer never held is written.
        buffer.resize(len, R::ZERO);
        buffer
    }

    /// A buffer of `len` zeros.
    pub fn zeros(&mut self, len: usize) -> Vec<R> {
        let mut buffer = self.fitting(len);
        buffer.clear();
        buffer.resize(len, R::ZERO);
        buffer
    }

    /// The smallest free buffer that holds `len`, or a new one.
    fn fitting(&mut self, len: usize) -> Vec<R> {
        let fits = self.free.iter().enumerate().filter(|(_, b)| b.capacity() >= len).min_by_key(|(_, b)| b.capacity());
        match fits.map(|(at, _)| at) {
            Some(at) => {
                let mut buffer = self.free.swap_remove(at);
                buffer.truncate(len);
                buffer
            }
            None => Vec::with_capacity(len),
        }
    }

    /// Takes a buffer back.
    pub fn give(&mut self, buffer: Vec<R>) {
        self.free.push(buffer);
    }

    /// Bytes that wait on the free list.
    pub fn bytes(&self) -> usize {
        self.free.iter().map(|b| b.capacity() * size_of::<R>()).sum()
    }
}
