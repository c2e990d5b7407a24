//! The memory of a tape.

use std::cell::{Cell, RefCell};

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::Tape;
use crate::real::Real;

/// The memory that one tape after another is recorded in.
///
/// Values and nodes have an arena each, as a growing list in the midst of values would strand a copy at every growth.
/// An arena that had to grow is replaced, at the next reset, by one of its full size; so from the second reset on, a
/// recording of the same size allocates nothing.
#[derive(Default)]
pub struct Arena {
    values: Bump,
    nodes: Bump,
    longest: Cell<usize>,
    /// Where the interiors of checkpoints are recorded, one within another.
    spare: RefCell<Vec<Arena>>,
}

impl Arena {
    /// An empty arena, which grows as it is recorded into.
    pub fn new() -> Self {
        Self::default()
    }

    /// An arena that holds `bytes` of values before it has to grow.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { values: Bump::with_capacity(bytes), ..Self::default() }
    }

    /// Forgets the last recording and begins a new one in its memory.
    pub fn tape<R: Real>(&mut self) -> &Tape<'_, R> {
        reset(&mut self.values);
        reset(&mut self.nodes);
        self.nodes.alloc(Tape {
            values: &self.values,
            nodes: RefCell::new(BumpVec::with_capacity_in(self.longest.get(), &self.nodes)),
            longest: &self.longest,
            doors: RefCell::new(BumpVec::new_in(&self.nodes)),
            spare: &self.spare,
            leaves: Cell::new(0),
            samples: Cell::new(None),
        })
    }

    /// Bytes that the arena holds, used or not, those for the interiors of checkpoints included.
    pub fn bytes(&self) -> usize {
        let spare: usize = self.spare.borrow().iter().map(Arena::bytes).sum();
        self.values.allocated_bytes() + self.nodes.allocated_bytes() + spare
    }
}

fn reset(arena: &mut Bump) {
    let full = arena.allocated_bytes();
    arena.reset();
    if arena.allocated_bytes() < full {
        // Dropped first, so that the two never stand side by side.
        *arena = Bump::new();
        *arena = Bump::with_capacity(full);
    }
}
