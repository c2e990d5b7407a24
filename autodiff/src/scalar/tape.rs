//! The recording: a list of nodes in an arena, and its two sweeps.
//!
//! A program of scalar ops computes `y = f(x_1, .., x_n)`. Let `w` be the slope of an op by one of its operands. Then
//!
//! ```text
//! pushforward, up the list      y_dot    = sum over operands  w x_dot
//! pullback, down the list       x_bar   += w y_bar   for each operand
//! ```
//!
//! are the chain rule summed over paths from the inputs, and from the outputs. Both are linear in what they carry, and
//! each is the other's transpose. That is all of differentiation on a tape; each loop below has ten lines.
//!
//! A slot is empty where the value does not depend on the seed (or the seed on it). That is not 0: the root of 0 has
//! an infinite slope, and 0 times that is NaN, which must not reach the inputs from a value that nobody used. An empty slot
//! holds a number that nothing computes, [`Real::ABSENT`].

use std::cell::{Cell, RefCell};
use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::node::{NONE, Node};
use super::var::Var;
use crate::real::Real;

/// Room for a tangent or cotangent, [`Real::ABSENT`] where there is none. Not an `Option`, which is twice as large, and is
/// loaded whole after it was stored in parts: the processor then waits for the store.
struct Slot<R>(Cell<R>);

const _: () = assert!(size_of::<Slot<f64>>() == 8 && size_of::<Slot<f32>>() == 4);

impl<R: Real> Slot<R> {
    fn empty() -> Self {
        Self(Cell::new(R::ABSENT))
    }

    /// Its number, 0 if it has none.
    fn or_zero(&self) -> R {
        let value = self.0.get();
        if value.is_absent() { R::ZERO } else { value }
    }
}

type Slots<'t, R> = Cell<&'t [Slot<R>]>;

/// The memory that one recording after another is made in.
///
/// Its size follows the longest recording so far, so the second recording of a program and all later ones allocate nothing.
#[derive(Default)]
pub struct Arena {
    nodes: Bump,
    slots: Bump,
    longest: usize,
    widest: usize,
}

impl Arena {
    /// An empty arena, which grows as it is recorded into.
    pub fn new() -> Self {
        Self::default()
    }

    /// An arena with room for so many ops on so many `f64`s.
    pub fn with_capacity(inputs: usize, ops: usize) -> Self {
        let longest = SLACK + inputs * size_of::<Var<'_, f64>>() + ops * size_of::<Node<f64>>();
        let widest = SLACK + (inputs + ops) * size_of::<Slot<f64>>();
        Self { nodes: Bump::with_capacity(longest), slots: Bump::with_capacity(widest), longest, widest }
    }

    /// Calls `f` with a fresh tape and the numbers `x` as its variables.
    ///
    /// The tape's lifetime `'t` is a brand: another call has another one, so variables of two tapes do not mix, and
    /// none of them leaves its call.
    ///
    /// ```
    /// use autodiff::scalar::Arena;
    ///
    /// let slope = Arena::new().record(&[3.0, 4.0], |tape, x| {
    ///     let y = x[0] * x[0] * x[1];
    ///     tape.pullback([(y, 1.0)]);
    ///     tape.cotangent(x[0])
    /// });
    /// assert_eq!(slope, 24.0);
    /// ```
    ///
    /// ```compile_fail
    /// use autodiff::scalar::Arena;
    ///
    /// let (mut one, mut other) = (Arena::new(), Arena::new());
    /// one.record(&[3.0], |_, x| other.record(&[4.0], |_, y| (x[0] * y[0]).value())); // two brands: does not compile
    /// ```
    ///
    /// # Panics
    /// If there are 2^32 - 1 numbers or more.
    pub fn record<R: Real, T>(&mut self, x: &[R], f: impl for<'t> FnOnce(&'t Tape<'t, R>, &'t [Var<'t, R>]) -> T) -> T {
        self.record_with(x.len(), |i| x[i], f)
    }

    /// As [`Arena::record`], with the numbers that `x` gives for `0..inputs`.
    pub(crate) fn record_with<R: Real, T>(
        &mut self,
        inputs: usize,
        x: impl Fn(usize) -> R,
        f: impl for<'t> FnOnce(&'t Tape<'t, R>, &'t [Var<'t, R>]) -> T,
    ) -> T {
        let before = [&self.nodes, &self.slots].map(Bump::allocated_bytes);
        let tape: &Tape<'_, R> = self.nodes.alloc(Tape {
            nodes: RefCell::new(BumpVec::new_in(&self.nodes)),
            leaves: id(inputs),
            slots: &self.slots,
            slot_bytes: Cell::new(0),
            cotangents: Cell::new(&[]),
            tangents: Cell::new(&[]),
        });
        let variables = self.nodes.alloc_slice_fill_with(inputs, |i| Var::on(tape, i as u32, x(i)));
        // The list takes all that is left. It is the last thing in its arena, so it never moves while it fits.
        let room = self.nodes.chunk_capacity();
        tape.nodes.borrow_mut().reserve_exact(room.saturating_sub(align_of::<Node<R>>()) / size_of::<Node<R>>());
        let out = f(tape, variables);
        let held = size_of_val(tape) + size_of_val(variables) + size_of_val(&tape.nodes.borrow()[..]);
        self.longest = self.longest.max(SLACK + held);
        self.widest = self.widest.max(SLACK + tape.slot_bytes.get());
        reset(&mut self.nodes, before[0], self.longest);
        reset(&mut self.slots, before[1], self.widest);
        out
    }

    /// Bytes that the arena holds, used or not.
    pub fn bytes(&self) -> usize {
        self.nodes.allocated_bytes() + self.slots.allocated_bytes()
    }
}

/// What alignment may cost at the seams between the things in an arena.
const SLACK: usize = 256;

/// Forgets what an arena holds. One that had to grow beyond `before` is replaced by one in which so many bytes fit.
fn reset(arena: &mut Bump, before: usize, bytes: usize) {
    if arena.allocated_bytes() == before {
        return arena.reset();
    }
    // Dropped first, so that the two never stand side by side.
    *arena = Bump::new();
    *arena = Bump::with_capacity(bytes);
}

/// A recording of scalar ops, oldest first. Ids count the inputs, then the nodes.
pub struct Tape<'t, R> {
    nodes: RefCell<BumpVec<'t, Node<R>>>,
    leaves: u32,
    slots: &'t Bump,
    slot_bytes: Cell<usize>,
    cotangents: Slots<'t, R>,
    tangents: Slots<'t, R>,
}

impl<R: Real> fmt::Debug for Tape<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("inputs", &self.leaves).field("nodes", &&self.nodes.borrow()[..]).finish()
    }
}

impl<'t, R: Real> Tape<'t, R> {
    /// How many inputs there are; they have the ids below this.
    pub fn inputs(&self) -> usize {
        self.leaves as usize
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The node of an id; `None` for inputs and for ids that are not on the tape.
    pub fn node(&self, id: u32) -> Option<Node<R>> {
        self.nodes.borrow().get(id.checked_sub(self.leaves)? as usize).copied()
    }

    /// Writes down an op whose result is `value`.
    #[inline]
    #[track_caller]
    pub(crate) fn push(&'t self, value: R, weights: [R; 2], operands: [u32; 2]) -> Var<'t, R> {
        let mut nodes = self.nodes.borrow_mut();
        let id = id(self.leaves as usize + nodes.len());
        nodes.push(Node { weights, operands });
        Var::on(self, id, value)
    }

    /// Pushes the tangents of the seeded inputs forward; what is not seeded has tangent zero. Of a multiple of an input, the
    /// input gets the tangent that makes it so.
    ///
    /// # Cost
    /// Two multiply-adds an op.
    pub fn pushforward(&'t self, seeds: impl IntoIterator<Item = (Var<'t, R>, R)>) {
        let slots = self.slots(&self.tangents);
        slots.iter().for_each(|slot| slot.0.set(R::ABSENT));
        for (x, x_dot) in seeds {
            add(slots, x.id as usize, x_dot.scale(1.0 / x.factor));
        }
        for (at, node) in self.nodes.borrow().iter().enumerate() {
            for (w, x) in node.edges() {
                let x_dot = slots[x].0.get();
                if !x_dot.is_absent() {
                    add(slots, self.inputs() + at, w * x_dot);
                }
            }
        }
    }

    /// Pulls the cotangents of the seeded variables back to the inputs.
    ///
    /// # Cost
    /// Two multiply-adds an op.
    pub fn pullback(&'t self, seeds: impl IntoIterator<Item = (Var<'t, R>, R)>) {
        let slots = self.slots(&self.cotangents);
        slots[..self.inputs()].iter().for_each(|slot| slot.0.set(R::ABSENT));
        for (y, y_bar) in seeds {
            add(slots, y.id as usize, y_bar.scale(y.factor));
        }
        for (node, y) in self.nodes.borrow().iter().zip(&slots[self.inputs()..]).rev() {
            // INVARIANT: emptied, so that every node's slot is empty when the sweep ends, ready for the next.
            let y_bar = y.0.replace(R::ABSENT);
            if !y_bar.is_absent() {
                for (w, x) in node.edges() {
                    add(slots, x, w * y_bar);
                }
            }
        }
    }

    /// The tangent of a variable, from the last [`Tape::pushforward`].
    pub fn tangent(&self, y: Var<'t, R>) -> R {
        self.tangents.get().get(y.id as usize).map_or(R::ZERO, Slot::or_zero).scale(y.factor)
    }

    /// The cotangent of an input, from the last [`Tape::pullback`]. Those of other variables are not kept: they are 0.
    pub fn cotangent(&self, x: Var<'t, R>) -> R {
        let slot = self.cotangents.get().get(x.id as usize).filter(|_| x.factor == 1.0);
        slot.map_or(R::ZERO, Slot::or_zero)
    }

    /// The slots of a sweep, made when a sweep first wants them.
    fn slots(&'t self, slots: &Slots<'t, R>) -> &'t [Slot<R>] {
        let len = self.inputs() + self.len();
        if slots.get().len() < len {
            self.slot_bytes.set(self.slot_bytes.get() + len * size_of::<Slot<R>>());
            slots.set(self.slots.alloc_slice_fill_with(len, |_| Slot::empty()));
        }
        slots.get()
    }
}

/// Adds to a slot; to none, if the id is that of a constant.
#[inline(always)]
fn add<R: Real>(slots: &[Slot<R>], id: usize, term: R) {
    if let Some(slot) = slots.get(id) {
        // The first term is written, not added to 0, which would lose -0.
        let sum = slot.0.get();
        slot.0.set(if sum.is_absent() { term } else { sum + term });
    }
}

/// An index as an id.
#[inline(always)]
#[track_caller]
fn id(index: usize) -> u32 {
    assert!(index < NONE as usize, "scalar tape: more than {NONE} inputs and ops; differentiate the program in pieces");
    index as u32
}
