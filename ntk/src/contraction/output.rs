//! Where tiles go: into memory, or ([`stored`](super::stored)) into a file.

use std::ops::Range;
use std::sync::Mutex;

use autodiff::Float;

use super::tile::{Scratch, TileShape, poisoned, transpose};
use crate::error::{Error, Result};

/// Takes the tiles of a kernel, from many threads.
pub(crate) trait Output<R>: Sync {
    /// Whether the tile of these samples is there already, so that it need not be made.
    fn has(&self, rows: &Range<usize>, columns: &Range<usize>) -> bool;

    /// Takes the tile in `scratch.sum`, `[left, rows, right, columns]`; of a symmetric kernel its mirror image too.
    fn put(
        &self,
        rows: &Range<usize>,
        columns: &Range<usize>,
        shape: &TileShape,
        scratch: &mut Scratch<R>,
    ) -> Result<()>;
}

/// A kernel in memory, its rows cut by blocks. A tile's rows belong to one block of rows: whoever writes there holds that
/// block's lock.
pub(crate) struct Held<'k, R> {
    blocks: Vec<(usize, Mutex<&'k mut [R]>)>,
    row_len: usize,
    symmetric: bool,
}

impl<'k, R: Float> Held<'k, R> {
    pub(crate) fn cut(mut kernel: &'k mut [R], rows: &[Range<usize>], row_len: usize, symmetric: bool) -> Self {
        let blocks = rows
            .iter()
            .map(|block| {
                let rows = kernel.split_off_mut(..block.len() * row_len).expect("as many rows");
                (block.start, Mutex::new(rows))
            })
            .collect();
        Self { blocks, row_len, symmetric }
    }

    /// Writes a tile, and of a symmetric kernel its mirror image, made in `transposed`.
    pub(crate) fn set(
        &self,
        rows: &Range<usize>,
        columns: &Range<usize>,
        shape: &TileShape,
        tile: &[R],
        transposed: &mut Vec<R>,
    ) -> Result<()> {
        self.write(rows.start, columns.start, shape, tile)?;
        if self.symmetric && rows != columns {
            transposed.resize(shape.len(), R::ZERO);
            transpose(tile, transposed, shape.matrices());
            self.write(columns.start, rows.start, &shape.t(), transposed)?;
        }
        Ok(())
    }

    /// Writes a tile `[left, rows, right, columns]` as `[rows, columns, left, right]` at a block of rows and a column.
    fn write(&self, row: usize, column: usize, shape: &TileShape, tile: &[R]) -> Result<()> {
        let block = self.blocks.binary_search_by_key(&row, |block| block.0);
        let block = block.map_err(|_| Error::Bug(format!("a tile at row {row}, where no block begins")))?;
        let mut block = self.blocks[block].1.lock().map_err(poisoned)?;
        let entries = shape.left * shape.right;
        for row in 0..shape.rows {
            shape.lay(tile, row, &mut block[row * self.row_len + column * entries..][..shape.columns * entries]);
        }
        Ok(())
    }
}

impl<R: Float> Output<R> for Held<'_, R> {
    fn has(&self, _: &Range<usize>, _: &Range<usize>) -> bool {
        false
    }

    fn put(
        &self,
        rows: &Range<usize>,
        columns: &Range<usize>,
        shape: &TileShape,
        scratch: &mut Scratch<R>,
    ) -> Result<()> {
        let Scratch { sum, transposed, .. } = scratch;
        self.set(rows, columns, shape, sum, transposed)
    }
}

impl TileShape {
    /// Row `row` of a tile as the kernel has it, `[columns, left, right]`.
    pub(crate) fn lay<R: Copy>(&self, tile: &[R], row: usize, to: &mut [R]) {
        let Self { left, rows, right, columns } = *self;
        let entries = left * right;
        for a in 0..left {
            let from = &tile[(a * rows + row) * right * columns..][..right * columns];
            if entries == 1 {
                to.copy_from_slice(from);
                continue;
            }
            for (b, from) in from.chunks_exact(columns).enumerate() {
                for (to, &x) in to[a * right + b..].iter_mut().step_by(entries).zip(from) {
                    *to = x;
                }
            }
        }
    }
}
