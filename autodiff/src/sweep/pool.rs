//! Scratch buffers, handed out and taken back.

use crate::real::Real;

/// Numbers so few that it does not matter how large their buffer is.
const LITTLE: usize = 64;

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
        match self.fitting(len) {
            Some(mut buffer) => {
                // Only what the buffer never held is written.
                buffer.resize(len, R::ZERO);
                buffer
            }
            None => vec![R::ZERO; len],
        }
    }

    /// A buffer of `len` zeros.
    pub fn zeros(&mut self, len: usize) -> Vec<R> {
        match self.fitting(len) {
            Some(mut buffer) => {
                buffer.clear();
                buffer.resize(len, R::ZERO);
                buffer
            }
            None => vec![R::ZERO; len],
        }
    }

    /// The smallest free buffer that holds `len`, cut to it. One far larger stays for those who need it: a sink may
    /// keep what it is given.
    fn fitting(&mut self, len: usize) -> Option<Vec<R>> {
        let fits = self.free.iter().enumerate().filter(|(_, b)| (len..=2 * len.max(LITTLE)).contains(&b.capacity()));
        let (at, _) = fits.min_by_key(|(_, b)| b.capacity())?;
        let mut buffer = self.free.swap_remove(at);
        buffer.truncate(len);
        Some(buffer)
    }

    /// Takes a buffer back.
    pub fn give(&mut self, buffer: Vec<R>) {
        if buffer.capacity() > 0 {
            self.free.push(buffer);
        }
    }

    /// Bytes that wait on the free list.
    pub fn bytes(&self) -> usize {
        self.free.iter().map(|b| b.capacity() * size_of::<R>()).sum()
    }
}
