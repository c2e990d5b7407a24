//! Segments whose interior is recorded again when it is needed.
//!
//! A tape keeps every value that a pullback may ask for. A chain of n equal segments of which each is a checkpoint keeps
//! the n values between them, and for a moment the interior of one: with segments of the square root of the length, that
//! is the square root of the memory, for one evaluation more.
//!
//! # To the bit
//! Recorded again, a segment gives the same bits, as all that it depends on is given it. And the sweep through it adds to
//! the cotangent of an operand where that stands, one contribution after another, in the order in which the sweep over the
//! whole recording would have.

use smallvec::SmallVec;

use super::{Call, Door, Operands, Pair, Primal};
use crate::error::{Error, Result};
use crate::op::Samples;
use crate::real::Real;
use crate::sweep::sink::Resumed;
use crate::sweep::{Pool, Tangents, pullback, pushforward};
use crate::tape::{Arena, Node, Tape, Var};

/// A part of a program: a function of several values, to be recorded as often as it is needed.
///
/// It must depend on its operands alone: what it reads elsewhere must not change between a forward and a backward sweep.
/// A closure is a segment for one number type; a type of one's own can be one for all, and then also runs on duals:
///
/// ```
/// use autodiff::custom::{Checkpoint, Segment};
/// use autodiff::{Real, Result, Tensor, Var, derivative, grad};
///
/// struct Cube;
///
/// impl<R: Real> Segment<R> for Cube {
///     fn record<'b>(&self, x: &[Var<'b, R>]) -> Result<Var<'b, R>> {
///         x[0].times(x[0])?.times(x[0])
///     }
/// }
///
/// static CUBE: Checkpoint<Cube> = Checkpoint(Cube);
/// fn slope<R: Real>(x: R) -> R {
///     grad(|x| CUBE.apply(&x), &[Tensor::scalar(x)]).unwrap()[0].item().unwrap()
/// }
/// assert_eq!(slope(2.0), 12.0);
/// assert_eq!(derivative(|x| slope(x), 2.0), (12.0, 12.0)); // 3 x^2, and 6 x
/// ```
pub trait Segment<R: Real> {
    /// Records it.
    ///
    /// # Errors
    /// What its ops refuse.
    fn record<'b>(&self, inputs: &[Var<'b, R>]) -> Result<Var<'b, R>>;
}

impl<R: Real, F: for<'b> Fn(&[Var<'b, R>]) -> Result<Var<'b, R>>> Segment<R> for F {
    fn record<'b>(&self, inputs: &[Var<'b, R>]) -> Result<Var<'b, R>> {
        self(inputs)
    }
}

/// A segment of which a tape keeps the result alone.
///
/// # Cost
/// The segment is recorded once when it is applied, and once more in each pushforward and pullback through it, in an arena
/// that the segments of a tape share. Its operands and its result stay on the tape.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checkpoint<F>(pub F);

/// A closure as a segment of which a tape keeps the result alone.
///
/// ```
/// use autodiff::{Tensor, checkpoint, grad};
///
/// let layer = checkpoint(|x| Ok(x[0].matmul(x[1])?.tanh()));
/// let at = [Tensor::new(&[1, 2], [0.5, -0.3]).unwrap(), Tensor::new(&[2, 2], [0.1, 0.7, -0.2, 0.4]).unwrap()];
/// let kept = grad(|x| Ok(x[0].matmul(x[1])?.tanh().matmul(x[1])?.tanh().sum()), &at).unwrap();
/// let again = grad(|x| Ok(layer.apply(&[layer.apply(&x)?, x[1]])?.sum()), &at).unwrap();
/// assert_eq!(kept, again); // to the bit
/// ```
///
/// What the segment reads of its surroundings must live as long as the tape does.
pub fn checkpoint<R: Real, F: for<'b> Fn(&[Var<'b, R>]) -> Result<Var<'b, R>>>(f: F) -> Checkpoint<F> {
    Checkpoint(f)
}

impl<F> Checkpoint<F> {
    /// Applies the segment to variables of a tape.
    ///
    /// ```
    /// use autodiff::{Arena, checkpoint};
    ///
    /// let segment = checkpoint(|x| x[0].sin().times(x[1]));
    /// let mut arena = Arena::new();
    /// let tape = arena.tape();
    /// let (x, y) = (tape.leaf(&[0.0], &[]).unwrap(), tape.leaf(&[3.0], &[]).unwrap());
    /// let z = segment.apply(&[x, y]).unwrap();
    /// assert_eq!((z.value(), tape.len()), (&[0.0][..], 3)); // the sine is not kept
    /// ```
    ///
    /// # Errors
    /// What the segment refuses; [`Error::Arguments`] if there is no operand, [`Error::ForeignVariable`] if they are on
    /// several tapes.
    pub fn apply<'a, R: Real>(&'a self, operands: &[Var<'a, R>]) -> Result<Var<'a, R>>
    where
        F: Segment<R>,
    {
        match operands {
            [first, ..] => first.tape().door(self, operands),
            [] => Err(Error::Arguments { verb: "checkpoint", what: "names", expected: 1, found: 0 }),
        }
    }
}

/// A segment, recorded in an arena of its own.
struct Interior<'s, R> {
    tape: &'s Tape<'s, R>,
    output: Var<'s, R>,
    /// The operands, each once, and what stands for them here.
    operands: SmallVec<[(u32, Var<'s, R>); 4]>,
}

impl<F> Checkpoint<F> {
    /// Records the interior. Each operand is a leaf or a constant with its samples; passed twice, it is one all the same,
    /// as it is outside.
    fn again<'s, R: Real>(
        &self,
        outer: &Tape<'_, R>,
        operands: &Operands<'_, 's, R>,
        arena: &'s mut Arena,
    ) -> Result<Interior<'s, R>>
    where
        F: Segment<R>,
    {
        let tape = arena.tape();
        tape.share_samples(outer);
        let mut known: SmallVec<[(u32, Var<'s, R>); 4]> = SmallVec::new();
        let mut inputs: SmallVec<[Var<'s, R>; 4]> = SmallVec::new();
        for (&id, node) in operands.ids.iter().zip(operands.nodes) {
            let input = match known.iter().find(|(earlier, _)| *earlier == id) {
                Some((_, input)) => *input,
                None => {
                    let input = tape.stand_in(node)?;
                    known.push((id, input));
                    input
                }
            };
            inputs.push(input);
        }
        let output = self.0.record(&inputs)?;
        if std::ptr::eq(output.tape(), tape) {
            return Ok(Interior { tape, output, operands: known });
        }
        Err(Error::ForeignVariable { op: "checkpoint" })
    }

    /// Calls `then` with the interior of a node, which must have the value that the node has.
    fn inside<R: Real, T>(
        &self,
        outer: &Tape<'_, R>,
        node: &Node<'_, R>,
        then: impl for<'s> FnOnce(Interior<'s, R>) -> Result<T>,
    ) -> Result<T>
    where
        F: Segment<R>,
    {
        outer.with_spare(|arena| {
            let nodes: SmallVec<[Node<'_, R>; 4]> = node.inputs.iter().map(|&x| outer.node(x)).collect();
            let interior = self.again(outer, &Operands { ids: node.inputs, nodes: &nodes }, arena)?;
            let value = interior.output.value();
            // NaN is what differs from itself.
            let nan = |x: R| x.partial_cmp(&x).is_none();
            let same = |(&x, &y): (&R, &R)| x == y || (nan(x) && nan(y));
            if value.len() != node.value.len() || !value.iter().zip(node.value).all(same) {
                return Err(Error::Recomputed);
            }
            then(interior)
        })
    }
}

impl<R: Real, F: Segment<R>> Door<R> for Checkpoint<F> {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn primal<'t>(&self, tape: &'t Tape<'t, R>, operands: &Operands<'_, 't, R>) -> Result<Primal<'t, R>> {
        tape.with_spare(|arena| {
            let output = self.again(tape, operands, arena)?.output;
            let samples = match output.samples() {
                Samples::Mixed(_) => None,
                kept => Some(kept),
            };
            Ok((output.shape().into(), samples, tape.keep(output.value())))
        })
    }

    fn pushforward<'t>(
        &self,
        tape: &'t Tape<'t, R>,
        node: &Node<'t, R>,
        tangents: &Tangents<'t, R>,
        pool: &mut Pool<R>,
    ) -> Result<Option<Vec<R>>> {
        self.inside(tape, node, |interior| {
            let mut inner = interior.push(tangents, pool)?;
            let y_dot = inner.take(interior.output);
            inner.release(pool);
            Ok(y_dot)
        })
    }

    fn pullback<'t>(&self, call: &Call<'_, 't, R>, sums: &mut [Pair<R>], pool: &mut Pool<R>) -> Result<()> {
        self.inside(call.tape, &call.node, |interior| {
            let active = interior.operands.iter().filter(|(_, input)| input.node().active);
            let place = |id: u32| call.operands.iter().position(|&operand| operand == id);
            let places: SmallVec<[usize; 4]> = active.filter_map(|&(id, _)| place(id)).collect();
            let inner = call.tangents.map(|tangents| interior.push(tangents, pool)).transpose()?;
            let mut sink = Resumed { sums, places: &places };
            let seed = (call.bar, call.dot);
            let swept = pullback::sweep(interior.output, seed, call.directions, inner.as_ref(), &mut sink, pool);
            inner.into_iter().for_each(|inner| inner.release(pool));
            swept
        })
    }
}

impl<'s, R: Real> Interior<'s, R> {
    /// Pushes the tangents of the operands through.
    fn push(&self, outer: &Tangents<'_, R>, pool: &mut Pool<R>) -> Result<Tangents<'s, R>> {
        let seeds: SmallVec<[_; 4]> = self.operands.iter().filter_map(|&(id, x)| Some((x, outer.at(id)?))).collect();
        pushforward(self.tape, &seeds, outer.directions, pool)
    }
}
