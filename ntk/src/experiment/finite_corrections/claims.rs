//! The paper's claims.

use crate::experiment::Claim;
use crate::experiment::Gate::{Gated, Informative};
use crate::experiment::Threshold::{AtMost, Within};

/// The most important first.
pub(super) const ALL: &[Claim] = &[
    FLUCTUATIONS,
    EXPONENT,
    EXPONENT_BELOW_5,
    COLLAPSE,
    LIMIT,
    DRIFT,
    BIAS_FLUCTUATIONS,
    MEAN_WEIGHTS,
    MEAN_BIASES,
    OUTPUT,
    HEAVY_TAIL,
];

const EXACT: &str =
    "three standard errors, all seeds together; the exact moments are derived in the experiment's theory";
/// Beyond this beta the mean of a square is carried by draws too rare to be seen.
pub(super) const SEEN: f64 = 0.3;
/// Up to here the drift is held against its first order: 1/8 and its rounding.
pub(super) const FIRST_ORDER: f64 = 0.125 + 1e-9;
const SMALL: &str = "a configuration with 2 or more layers and beta of at most 0.3";

pub(super) const FLUCTUATIONS: Claim = Claim {
    name: "fluctuations",
    statement: "The kernel of a finite network fluctuates: E[K^2] / E[K]^2 is that of exp(5 beta), to a constant factor.",
    quantity: "largest distance of E[K_w^2] / E[K_w]^2 from its exact value, in standard errors",
    paper: "~ exp(5 beta)",
    threshold: AtMost(3.0),
    source: EXACT,
    gate: Gated,
    needs: SMALL,
};

pub(super) const EXPONENT: Claim = Claim {
    name: "exponent",
    statement: "At small beta the logarithm of the fluctuations grows as 11/3 beta.",
    quantity: "ln(E[K_w^2] / E[K_w]^2) / beta of the deepest network",
    paper: "5, to a constant factor of the exponential",
    threshold: Within(3.3, 4.1),
    source: "11/3 for many layers and small beta, 3.7 exactly at n = 64, d = 17; few layers have less, 2.75 at n = 16, d = 2",
    gate: Gated,
    needs: "a configuration with 9 or more layers and beta of at most 0.3",
};

pub(super) const EXPONENT_BELOW_5: Claim = Claim {
    name: "exponent-below-5",
    statement: "The 5 of exp(5 beta) is the exponent at large beta; at small beta a constant factor hides in it.",
    quantity: "largest ln(E[K_w^2] / E[K_w]^2) / beta of the configurations",
    paper: "5, to a constant factor of the exponential",
    threshold: AtMost(4.1),
    source: "exactly at most 3.71 where beta is at most 1/4",
    gate: Gated,
    needs: SMALL,
};

pub(super) const COLLAPSE: Claim = Claim {
    name: "collapse",
    statement: "Depth and width enter by beta, the sum of the hidden layers' 1/n, alone.",
    quantity: "largest E[K_w^2] / E[K_w]^2 over the smallest at one beta, less 1",
    paper: "the same to constants",
    threshold: AtMost(0.2),
    source: "exactly 0.129 from n = 16, d = 5 to n = 64, d = 17: what is left of a collapse is of order 1/d",
    gate: Gated,
    needs: "two configurations of the same beta, of at most 0.3",
};

pub(super) const LIMIT: Claim = Claim {
    name: "limit",
    statement: "Many layers as wide as they are many have fluctuations that do not vanish.",
    quantity: "E[K_w^2] / E[K_w]^2 of the deepest network over the limit at its beta",
    paper: "~ exp(5 beta), bounded away from 1",
    threshold: Within(0.85, 1.05),
    source: "exactly 0.949 at n = 64, d = 17, and four standard errors",
    gate: Gated,
    needs: "a configuration with 17 or more layers and beta of at most 0.3",
};

pub(super) const DRIFT: Claim = Claim {
    name: "drift",
    statement: "A step of gradient descent changes the kernel by a share of d beta: it is not lazy unless d^2 / n is small.",
    quantity: "-E[Delta K_w] / (eta E[K_w] d beta), of the configurations the farthest from 2.1",
    paper: "~ d beta exp(5 beta) / n_0",
    threshold: Within(1.9, 2.3),
    source: "2 (1 + O(beta)) at beta of at most 1/8, with the slack that a pilot showed",
    gate: Gated,
    needs: "a configuration with 2 or more layers and beta of at most 1/8",
};

pub(super) const BIAS_FLUCTUATIONS: Claim = Claim {
    name: "bias-fluctuations",
    statement: "The part of the biases fluctuates less.",
    quantity: "largest distance of E[K_b^2] / E[K_b]^2 from its exact value, in standard errors",
    paper: "to a constant factor",
    threshold: AtMost(3.0),
    source: EXACT,
    gate: Gated,
    needs: SMALL,
};

pub(super) const MEAN_WEIGHTS: Claim = Claim {
    name: "mean-weights",
    statement: "The mean of the kernel is that of the limit: E[K_w] = d |x|^2 / n_0.",
    quantity: "largest distance of E[K_w] from d, in standard errors",
    paper: "E[K_w] = d |x|^2 / n_0",
    threshold: AtMost(3.0),
    source: EXACT,
    gate: Gated,
    needs: SMALL,
};

pub(super) const MEAN_BIASES: Claim = Claim {
    name: "mean-biases",
    statement: "The part of the biases has the mean (d - 1)/2 + 1.",
    quantity: "largest distance of E[K_b] from its exact value, in standard errors",
    paper: "E[K_b] = d/2 + 1/2",
    threshold: AtMost(3.0),
    source: EXACT,
    gate: Gated,
    needs: SMALL,
};

pub(super) const OUTPUT: Claim = Claim {
    name: "output",
    statement: "The output is far from normal: E[N^4] / E[N^2]^2 is 3 prod (1 + 5/n_i), not 3.",
    quantity: "largest distance from its exact value, in standard errors",
    paper: "to a constant factor",
    threshold: AtMost(3.0),
    source: EXACT,
    gate: Informative("fourth powers have few draws behind them"),
    needs: SMALL,
};

pub(super) const HEAVY_TAIL: Claim = Claim {
    name: "heavy-tail",
    statement: "Fluctuations grow exponentially in beta.",
    quantity: "as fluctuations, of the configurations with beta above 0.3",
    paper: "~ exp(5 beta)",
    threshold: AtMost(3.0),
    source: EXACT,
    gate: Informative("the tail is log-normal: the mean of a sample is low, and its standard error too small"),
    needs: "a configuration with beta above 0.3",
};
