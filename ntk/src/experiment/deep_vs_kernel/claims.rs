//! The paper's claims.

use crate::experiment::Claim;
use crate::experiment::Gate::{Gated, Informative};
use crate::experiment::Threshold::{AtLeast, AtMost};

/// The most important first.
pub(super) const ALL: &[Claim] = &[
    KERNEL_LEARNS,
    MATCH,
    AHEAD,
    VELOCITY_FALLS,
    EARLY_DISTANCE,
    VELOCITY_PEAKS,
    BARRIER_EARLY,
    BARRIER_LATE,
    HAMMING_DROP,
    BARRIER_FALLS,
    HAMMING_FALLS,
    HAMMING_BARRIER,
    KERNEL_BARRIER,
    FUNCTION_BARRIER,
    ERROR_BARRIER,
];

const PILOT: &str = "a pilot with a separate program in JAX, three seeds";
const TRANSIENT: &str = "a fast transient, then a slow drift";
const TOGETHER: &str = "fall together, highly correlated";
const THREE: &str = "three times of spawning or more";

pub(super) const KERNEL_LEARNS: Claim = Claim {
    name: "kernel-learns",
    statement: "The kernel learns: regression with that of epoch 10 does far better than with the first.",
    quantity: "test error of kernel regression at the start over that at epoch 10",
    paper: "by a factor of 3 in 2 to 3 epochs",
    threshold: AtLeast(3.0),
    source: "a pilot found more than 100; medians",
    gate: Gated,
    needs: "",
};

pub(super) const MATCH: Claim = Claim {
    name: "match",
    statement: "Early in training the kernel does as well as the network at the end.",
    quantity: "first checkpoint whose kernel's error is at most the network's at the end, over all epochs",
    paper: "at 15 to 45 % of training",
    threshold: AtMost(0.45),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const AHEAD: Claim = Claim {
    name: "ahead",
    statement: "During the transient the kernel is ahead of the network that it is of.",
    quantity: "largest test error of the network less that of its kernel, over checkpoints",
    paper: "kernels of early networks outdo them",
    threshold: AtLeast(0.05),
    source: "a pilot found 0.15; 0.05 is five standard errors of a test error of 10 %",
    gate: Gated,
    needs: "",
};

pub(super) const VELOCITY_FALLS: Claim = Claim {
    name: "velocity-falls",
    statement: "The kernel moves fast at first and slowly later.",
    quantity: "median kernel velocity of the last third of epochs over that of the first epoch",
    paper: TRANSIENT,
    threshold: AtMost(0.05),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const EARLY_DISTANCE: Claim = Claim {
    name: "early-distance",
    statement: "Most of the way of the kernel is made early.",
    quantity: "kernel distance from the start after a fifth of the epochs over that at the end",
    paper: TRANSIENT,
    threshold: AtLeast(0.8),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const VELOCITY_PEAKS: Claim = Claim {
    name: "velocity-peaks",
    statement: "The kernel is fastest in the first epoch and where the network begins to generalize.",
    quantity: "the lesser of the two velocities over the largest other one",
    paper: "",
    threshold: AtLeast(1.0),
    source: PILOT,
    gate: Informative("single late spikes occur"),
    needs: "",
};

pub(super) const BARRIER_EARLY: Claim = Claim {
    name: "barrier-early",
    statement: "Children of a network at the start end in basins of their own.",
    quantity: "barrier of the training loss between children spawned first",
    paper: "a barrier",
    threshold: AtLeast(0.15),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const BARRIER_LATE: Claim = Claim {
    name: "barrier-late",
    statement: "Children spawned later end in one basin.",
    quantity: "largest barrier of the training loss, spawned after a quarter of the steps or later",
    paper: "falls to 0 within the first few percent of training",
    threshold: AtMost(0.03),
    source: "0.018 with a standard error of 0.003 on seeds 0, 1, 2, and four of these",
    gate: Gated,
    needs: "a time of spawning after a quarter of the steps or later",
};

pub(super) const HAMMING_DROP: Claim = Claim {
    name: "hamming-drop",
    statement: "Children spawned later have the same active units.",
    quantity: "Hamming distance of children spawned first over that of those spawned last",
    paper: "falls with the barrier",
    threshold: AtLeast(8.0),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const BARRIER_FALLS: Claim = Claim {
    name: "barrier-falls",
    statement: "The barrier falls with the time of spawning.",
    quantity: "Spearman's correlation of barrier and time of spawning, means of the seeds",
    paper: TOGETHER,
    threshold: AtMost(-0.9),
    source: PILOT,
    gate: Gated,
    needs: THREE,
};

pub(super) const HAMMING_FALLS: Claim = Claim {
    name: "hamming-falls",
    statement: "The Hamming distance falls with the time of spawning.",
    quantity: "Spearman's correlation of Hamming distance and time of spawning, means of the seeds",
    ..BARRIER_FALLS
};

pub(super) const HAMMING_BARRIER: Claim = Claim {
    name: "hamming-barrier",
    statement: "Hamming distance and barrier go together.",
    quantity: "Spearman's correlation of Hamming distance and barrier, means of the seeds",
    threshold: AtLeast(0.9),
    ..BARRIER_FALLS
};

pub(super) const KERNEL_BARRIER: Claim = Claim {
    name: "kernel-barrier",
    statement: "Kernel distance and barrier go together.",
    quantity: "Spearman's correlation of kernel distance and barrier, means of the seeds",
    gate: Informative("the pilot has no number for it"),
    ..HAMMING_BARRIER
};

pub(super) const FUNCTION_BARRIER: Claim = Claim {
    name: "function-barrier",
    statement: "Disagreement and barrier go together.",
    quantity: "Spearman's correlation of disagreement and barrier, means of the seeds",
    ..KERNEL_BARRIER
};

pub(super) const ERROR_BARRIER: Claim = Claim {
    name: "error-barrier",
    statement: "Children spawned first have a barrier of the test error.",
    quantity: "barrier of the test error between children spawned first",
    paper: "a barrier of the error",
    threshold: AtLeast(0.02),
    source: PILOT,
    gate: Informative("on digits there is none: the barrier of the training loss is the one to look at"),
    needs: "",
};
