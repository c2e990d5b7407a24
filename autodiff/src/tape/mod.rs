//! What is recorded: a list of nodes in an arena, and copyable handles to them.
//!
//! Evaluating a program on [`Var`]s runs it and writes down each primitive op, in order: the tape. That order is a
//! topological one, so a forward sweep is a loop up the list and a backward sweep a loop down it.
//!
//! # Memory
//! The tape and everything on it live in an [`Arena`], and nothing on it owns heap memory, so dropping a tape is
//! free and the next recording re-uses its memory. Weights and data are not copied: a leaf borrows its numbers.
//! The arena cannot be reset while a variable lives; the borrow checker sees to it:
//!
//! ```compile_fail
//! use autodiff::Arena;
//! let mut arena = Arena::new();
//! let x = arena.tape::<f64>().leaf(&[1.0], &[1]).unwrap();
//! arena.tape::<f64>(); // would reset the arena under x: does not compile
//! println!("{:?}", x.value());
//! ```

mod arena;
mod arrange;
mod cost;
mod node;
mod var;

use std::cell::{Cell, RefCell};

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use smallvec::SmallVec;

pub use arena::Arena;
pub use node::Node;
pub use var::Var;

use crate::custom::{Custom, Door, Operands, Stated};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::kernel::map;
use crate::op::bilinear::Sizes;
use crate::op::{BilinearOp, ElementwiseOp, LinearOp, Op, Operand, PairwiseOp, Samples};
use crate::real::Real;
use crate::shape::{self, Shape};

/// A recording: the list of nodes, oldest first.
///
/// Made by [`Arena::tape`]. Belongs to one thread; parallel work records one tape a task.
pub struct Tape<'a, R> {
    values: &'a Bump,
    nodes: RefCell<BumpVec<'a, Node<'a, R>>>,
    /// Longest recording of this arena so far, so that the next one reserves it.
    longest: &'a Cell<usize>,
    leaves: Cell<u32>,
    samples: Cell<Option<usize>>,
    /// The rules of ops that are not of the closed set.
    doors: RefCell<BumpVec<'a, &'a dyn Door<R>>>,
    spare: &'a RefCell<Vec<Arena>>,
}

impl<'a, R: Real> Tape<'a, R> {
    /// Records a leaf: a value that derivatives are taken by. Leaves are numbered from 0 in order of recording.
    ///
    /// # Errors
    /// [`Error::Length`] if the slice does not fit the shape.
    pub fn leaf(&'a self, value: &'a [R], shape: &[usize]) -> Result<Var<'a, R>> {
        let ordinal = self.leaves.get();
        self.given(Op::Leaf(ordinal), value, shape, Samples::Free).inspect(|_| self.leaves.set(ordinal + 1))
    }

    /// Records a constant: a value that no derivative is taken by.
    ///
    /// # Errors
    /// [`Error::Length`] if the slice does not fit the shape.
    pub fn constant(&'a self, value: &'a [R], shape: &[usize]) -> Result<Var<'a, R>> {
        self.given(Op::Constant, value, shape, Samples::Free)
    }

    /// Records a constant whose first axis counts samples. What depends on them is tagged from here on.
    ///
    /// ```
    /// use autodiff::{Arena, Samples};
    ///
    /// let mut arena = Arena::new();
    /// let x = arena.tape().samples(&[1.0, 2.0, 3.0, 4.0], &[2, 2]).unwrap();
    /// assert_eq!(x.tanh().samples(), Samples::Axis { axis: 0, group: 1 });
    /// assert!(matches!(x.sum_axis(0).unwrap().samples(), Samples::Mixed(_)));
    /// ```
    ///
    /// A statistic of the batch that was computed elsewhere and enters as a constant cannot be recognized as one.
    ///
    /// # Errors
    /// [`Error::Length`] if the slice does not fit the shape, [`Error::Axis`] if there is no axis,
    /// [`Error::SampleCount`] if the tape has another number of samples.
    pub fn samples(&'a self, value: &'a [R], shape: &[usize]) -> Result<Var<'a, R>> {
        let Some(&found) = shape.first() else {
            return Err(Error::Axis { op: "samples", axis: 0, shape: shape.into() });
        };
        let expected = self.samples.get().unwrap_or(found);
        if expected != found {
            return Err(Error::SampleCount { expected, found });
        }
        let var = self.given(Op::Constant, value, shape, Samples::along(0))?;
        self.samples.set(Some(found));
        Ok(var)
    }

    fn given(&'a self, op: Op<'a>, value: &'a [R], shape: &[usize], samples: Samples) -> Result<Var<'a, R>> {
        let expected = shape::count(shape);
        if value.len() != expected {
            return Err(Error::Length { what: op.name(), shape: shape.into(), expected, found: value.len() });
        }
        let active = matches!(op, Op::Leaf(_));
        let shape = self.values.alloc_slice_copy(shape);
        Ok(self.push(Node { op, inputs: &[], shape, value, samples, active }))
    }

    /// Copies numbers into the arena, for a leaf or a constant that nobody else holds.
    pub fn keep(&'a self, value: &[R]) -> &'a [R] {
        self.values.alloc_slice_copy(value)
    }

    /// Fills a slice of the arena with the numbers that `number` gives for 0, 1, 2, ...
    pub fn keep_with(&'a self, len: usize, number: impl FnMut(usize) -> R) -> &'a [R] {
        self.values.alloc_slice_fill_with(len, number)
    }

    /// Copies indices or coefficients into the arena, where an op can refer to them.
    pub(crate) fn keep_list<T: Copy>(&'a self, list: &[T]) -> &'a [T] {
        self.values.alloc_slice_copy(list)
    }

    /// Copies what is too large for a node into the arena, where an op can refer to it.
    pub(crate) fn keep_one<T: Copy>(&'a self, attributes: T) -> &'a T {
        self.values.alloc(attributes)
    }

    /// A list of `len` indices in the arena, written by `fill`.
    pub(crate) fn keep_indices(&'a self, len: usize, fill: impl FnOnce(&mut [u32])) -> &'a [u32] {
        let indices = self.values.alloc_slice_fill_copy(len, 0);
        fill(indices);
        indices
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many leaves there are.
    pub fn leaves(&self) -> usize {
        self.leaves.get() as usize
    }

    /// What is recorded so far, oldest first.
    pub fn variables(&'a self) -> impl Iterator<Item = Var<'a, R>> {
        (0..self.len() as u32).map(|id| Var { tape: self, id })
    }

    /// The leaves, in order of their ordinals.
    pub fn leaf_variables(&'a self) -> impl Iterator<Item = Var<'a, R>> {
        self.variables().filter(|var| matches!(var.node().op, Op::Leaf(_)))
    }

    /// How many samples the sample leaves hold, if there are any.
    pub fn sample_count(&self) -> Option<usize> {
        self.samples.get()
    }

    /// The node of an id below [`Tape::len`].
    ///
    /// # Panics
    /// If there is no such node.
    pub fn node(&self, id: u32) -> Node<'a, R> {
        self.nodes.borrow()[id as usize]
    }

    pub(crate) fn elementwise(&'a self, op: ElementwiseOp, x: Var<'a, R>) -> Var<'a, R> {
        let node = x.node();
        let value = self.values.alloc_slice_fill_copy(node.value.len(), R::ZERO);
        map::primal(op, node.value, value);
        let inputs = self.values.alloc_slice_copy(&[x.id]);
        self.push(Node { op: Op::Elementwise(op), inputs, value, ..node })
    }

    pub(crate) fn pairwise(&'a self, op: PairwiseOp, a: Var<'a, R>, b: Var<'a, R>) -> Result<Var<'a, R>> {
        let operands = [a, b];
        // Two nodes on the stack; a list of them would be moved about.
        let nodes = [self.operand(op.name(), a)?, self.operand(op.name(), b)?];
        let signature = op.signature(nodes[0].operand(), nodes[1].operand())?;
        let value = self.values.alloc_slice_fill_copy(signature.shape.len(), R::ZERO);
        map::pair::primal(op, nodes[0].value, nodes[1].value, value);
        Ok(self.record(Op::Pairwise(op), &nodes, &operands, signature.shape, signature.samples, value))
    }

    pub(crate) fn linear(&'a self, op: LinearOp<'a>, operands: &[Var<'a, R>]) -> Result<Var<'a, R>> {
        let nodes = self.operands(op.name(), operands)?;
        let seen: SmallVec<[Operand<'_>; 4]> = nodes.iter().map(Node::operand).collect();
        let signature = op.signature(&seen)?;
        let value = match op {
            LinearOp::Reshape(_) => nodes[0].value,
            _ => {
                let value = self.values.alloc_slice_fill_copy(signature.shape.len(), R::ZERO);
                for (i, node) in nodes.iter().enumerate() {
                    let accumulate = if i == 0 { Accumulate::Replace } else { Accumulate::Add };
                    op.apply(i, (node.shape, node.value), (&signature.shape, value), accumulate);
                }
                value
            }
        };
        Ok(self.record(Op::Linear(op), &nodes, operands, signature.shape, signature.samples, value))
    }

    pub(crate) fn bilinear(&'a self, op: BilinearOp<'a>, a: Var<'a, R>, b: Var<'a, R>) -> Result<Var<'a, R>> {
        let operands = [a, b];
        // Two nodes on the stack; a list of them would be moved about.
        let nodes = [self.operand(op.name(), a)?, self.operand(op.name(), b)?];
        let signature = op.signature(nodes[0].operand(), nodes[1].operand())?;
        let value = self.values.alloc_slice_fill_copy(signature.shape.len(), R::ZERO);
        let sizes = Sizes { a: nodes[0].shape, b: nodes[1].shape };
        op.apply(sizes, 1, nodes[0].value, nodes[1].value, value, Accumulate::Replace);
        Ok(self.record(Op::Bilinear(op), &nodes, &operands, signature.shape, signature.samples, value))
    }

    /// Records an op with a rule of its own.
    ///
    /// # Errors
    /// What the rule refuses; [`Error::ForeignVariable`] if an operand is on another tape.
    pub fn custom(&'a self, rule: &'a dyn Custom<R>, operands: &[Var<'a, R>]) -> Result<Var<'a, R>> {
        self.door(self.values.alloc(Stated(rule)), operands)
    }

    pub(crate) fn door(&'a self, door: &'a dyn Door<R>, operands: &[Var<'a, R>]) -> Result<Var<'a, R>> {
        let nodes = self.operands(door.name(), operands)?;
        let ids: SmallVec<[u32; 4]> = operands.iter().map(|var| var.id).collect();
        let (shape, samples, value) = door.primal(self, &Operands { ids: &ids, nodes: &nodes })?;
        let op = Op::Custom(self.doors.borrow().len() as u32);
        self.doors.borrow_mut().push(door);
        Ok(self.record(op, &nodes, operands, shape, samples, value))
    }

    /// The rule at a place of the side table.
    pub(crate) fn rule(&self, index: u32) -> &'a dyn Door<R> {
        self.doors.borrow()[index as usize]
    }

    /// A leaf, or a constant where nothing is to be derived, that stands for a value of another tape.
    pub(crate) fn stand_in(&'a self, node: &Node<'a, R>) -> Result<Var<'a, R>> {
        let ordinal = self.leaves.get();
        let op = if node.active { Op::Leaf(ordinal) } else { Op::Constant };
        self.leaves.set(ordinal + u32::from(node.active));
        self.given(op, node.value, node.shape, node.samples)
    }

    /// Holds this tape to the number of samples of another.
    pub(crate) fn share_samples(&self, other: &Tape<'_, R>) {
        self.samples.set(other.samples.get());
    }

    /// Calls `f` with an arena that nobody uses now.
    pub(crate) fn with_spare<T>(&self, f: impl FnOnce(&mut Arena) -> T) -> T {
        let mut arena = self.spare.borrow_mut().pop().unwrap_or_default();
        let result = f(&mut arena);
        self.spare.borrow_mut().push(arena);
        result
    }

    fn operands(&'a self, op: &'static str, operands: &[Var<'a, R>]) -> Result<SmallVec<[Node<'a, R>; 4]>> {
        let mut nodes = SmallVec::new();
        for &var in operands {
            nodes.push(self.operand(op, var)?);
        }
        Ok(nodes)
    }

    /// The node of an operand, which must be of this tape.
    fn operand(&'a self, op: &'static str, var: Var<'a, R>) -> Result<Node<'a, R>> {
        if std::ptr::eq(var.tape, self) { Ok(var.node()) } else { Err(Error::ForeignVariable { op }) }
    }

    fn record(
        &'a self,
        op: Op<'a>,
        nodes: &[Node<'a, R>],
        operands: &[Var<'a, R>],
        shape: Shape,
        samples: Option<Samples>,
        value: &'a [R],
    ) -> Var<'a, R> {
        let mixed = nodes.iter().map(|node| node.samples).find(|tag| matches!(tag, Samples::Mixed(_)));
        let samples = mixed.or(samples).unwrap_or(Samples::Mixed(self.len() as u32));
        let inputs = self.values.alloc_slice_fill_iter(operands.iter().map(|var| var.id));
        let shape = self.values.alloc_slice_copy(&shape);
        let active = nodes.iter().any(|node| node.active);
        self.push(Node { op, inputs, shape, value, samples, active })
    }

    fn push(&'a self, node: Node<'a, R>) -> Var<'a, R> {
        let mut nodes = self.nodes.borrow_mut();
        let id = nodes.len() as u32;
        nodes.push(node);
        self.longest.set(self.longest.get().max(nodes.len()));
        Var { tape: self, id }
    }
}
