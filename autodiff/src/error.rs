//! What can go wrong while a program is recorded or swept, and what to do about it.

use crate::shape::Shape;

/// Every refusal of this crate. Recording refuses first, so all modes of differentiation refuse the same inputs.
///
/// The message names the op, the shapes it was given, and ends with the remedy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The shapes of two operands do not fit together.
    #[error("{op}: shapes {left} and {right} do not fit; {remedy}")]
    Shapes {
        /// The op that was being recorded.
        op: &'static str,
        /// Shape of the first operand.
        left: Shape,
        /// Shape of the other operand.
        right: Shape,
        /// What would fit.
        remedy: &'static str,
    },
    /// A slice does not hold as many numbers as its shape says.
    #[error("{what}: shape {shape} needs {expected} numbers, {found} were given; pass a slice of {expected}")]
    Length {
        /// What the slice was meant to be.
        what: &'static str,
        /// The shape stated.
        shape: Shape,
        /// Numbers that the shape needs.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// An axis lies outside the operand's rank.
    #[error("{op}: axis {axis} does not fit a value of shape {shape}; use a smaller axis, or reshape the value first")]
    Axis {
        /// The op that was being recorded.
        op: &'static str,
        /// The axis asked for.
        axis: usize,
        /// Shape of the operand.
        shape: Shape,
    },
    /// An index lies outside the axis that it selects from.
    #[error("{op}: index {index} at position {position}, but the axis has {len} entries; use 0..{len}")]
    Index {
        /// The op that was being recorded.
        op: &'static str,
        /// The offending index.
        index: u32,
        /// Where it stands in the list.
        position: usize,
        /// Entries along the axis.
        len: usize,
    },
    /// An operand belongs to another tape.
    #[error("{op}: an operand was recorded on another tape; record both operands on one tape")]
    ForeignVariable {
        /// The op that was being recorded.
        op: &'static str,
    },
    /// A pullback was given tangents that do not belong to its output.
    #[error(
        "tangents: node {node} ({op}) has none, as it is on another tape or was recorded later; push forward again, on the finished recording"
    )]
    Tangents {
        /// Name of the output's op.
        op: &'static str,
        /// Its place on the tape.
        node: u32,
    },
    /// A verb was given another number of arrays than the function has primals.
    #[error("{verb}: {found} {what} beside {expected} primals; give one for each primal")]
    Arguments {
        /// The verb.
        verb: &'static str,
        /// What was counted.
        what: &'static str,
        /// Primals.
        expected: usize,
        /// Arrays given.
        found: usize,
    },
    /// A tangent or cotangent does not fit the value that it belongs to.
    #[error(
        "{verb}: {what} {at} has shape {found}, its value {primal}; give it that shape, or all of them that with one leading axis of directions"
    )]
    Seed {
        /// The verb.
        verb: &'static str,
        /// Tangent or cotangent.
        what: &'static str,
        /// Which of them.
        at: u32,
        /// Shape of the value.
        primal: Shape,
        /// Shape of the seed.
        found: Shape,
    },
    /// A verb for functions of one number was given another.
    #[error("{verb}: the function's value has shape {shape}, not one number; take a sum or mean, or ask for jacobian")]
    NotScalar {
        /// The verb.
        verb: &'static str,
        /// Shape of the value.
        shape: Shape,
    },
    /// Two leaves that hold samples disagree on how many there are.
    #[error(
        "samples: {found} samples beside {expected} already on this tape; give every sample leaf the same first axis"
    )]
    SampleCount {
        /// Samples that the tape has.
        expected: usize,
        /// Samples of the new leaf.
        found: usize,
    },
    /// A value mixes samples, so nothing after it belongs to one sample.
    #[error(
        "node {node} ({op}) mixes samples: its result for one sample depends on the others; use statistics that do not depend on the batch"
    )]
    MixesSamples {
        /// Name of the op that mixes.
        op: &'static str,
        /// Its place on the tape.
        node: u32,
    },
    /// A parameter's cotangent cannot be split by samples at the op that consumes it.
    #[error("parameter {parameter} is used by node {node} ({op}), {why}; {remedy}")]
    NotPerSample {
        /// Ordinal of the parameter.
        parameter: usize,
        /// Name of the consuming op.
        op: &'static str,
        /// Its place on the tape.
        node: u32,
        /// What prevents it.
        why: &'static str,
        /// What to write instead.
        remedy: &'static str,
    },
    /// A custom op was asked for second derivatives that it does not state.
    #[error("{op}: its rule states no second order; implement Custom::vjp_tangent, or ask for first derivatives only")]
    SecondOrder {
        /// The rule's name.
        op: &'static str,
    },
    /// An op with a rule of its own stands where a linearization would keep it.
    #[error(
        "node {node} (custom) has a rule of its own, which a linearization cannot keep; use the sweeps over the tape, or ops of the closed set"
    )]
    Linearize {
        /// Its place on the tape.
        node: u32,
    },
    /// A checkpoint's segment gave another value when it was recorded again.
    #[error(
        "checkpoint: its segment gave another value when it was recorded again; let it depend on its operands alone"
    )]
    Recomputed,
    /// A program that records for others refuses its description or its operands.
    #[error("{0}")]
    Program(
        /// What is wrong, and what to do about it.
        String,
    ),
}

/// Result of recording or sweeping.
pub type Result<T> = std::result::Result<T, Error>;
