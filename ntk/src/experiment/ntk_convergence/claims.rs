//! The paper's claims.

use crate::experiment::Claim;
use crate::experiment::Gate::{Gated, Informative};
use crate::experiment::Threshold::{AtLeast, AtMost, Within};

/// The most important first.
pub(super) const ALL: &[Claim] = &[
    KERNEL_CONVERGES,
    KERNEL_MEAN,
    KERNEL_INFLATES,
    KERNEL_STAYS,
    FUNCTIONS_GAUSSIAN,
    COMPONENT_ALONE,
    COMPONENT_ALONE_RATE,
    COMPONENT_DECAYS,
    NARROW_FASTER,
    BIAS_DOMINATES,
];

pub(super) const KERNEL_CONVERGES: Claim = Claim {
    name: "kernel-converges",
    statement: "The tangent kernel at the start becomes deterministic as the width grows.",
    quantity: "exponent of the relative deviation of Theta(x0, x) from its limit in the width",
    paper: "converges in probability as the widths tend to infinity (theorem 1); figure 1",
    threshold: Within(-0.7, -0.35),
    source: "fluctuations of a mean over n units fall as n^-1/2; the bounds leave room for terms of order 1/n at n = 50",
    gate: Gated,
    needs: "",
};

pub(super) const KERNEL_MEAN: Claim = Claim {
    name: "kernel-mean",
    statement: "The limit is the kernel that the recursion over layers gives.",
    quantity: "|mean of Theta(x0, x)/limit - 1| over networks and angles, at the width nearest to 500",
    paper: "figure 1: a wider network has less variance and the same mean",
    threshold: AtMost(0.03),
    source: "terms of order 1/n are some 1 % at n = 500, where the mean over 120 networks is known to 1 %",
    gate: Gated,
    needs: "",
};

pub(super) const KERNEL_INFLATES: Claim = Claim {
    name: "kernel-inflates",
    statement: "Training increases the kernel.",
    quantity: "Theta after training/Theta at the start - 1, at the largest width",
    paper: "figure 1: training inflates the kernel",
    threshold: AtLeast(0.0),
    source: "the sign",
    gate: Gated,
    needs: "",
};

pub(super) const KERNEL_STAYS: Claim = Claim {
    name: "kernel-stays",
    statement: "During training the kernel of a wide network stays closer to what it was.",
    quantity: "inflation at the smallest width by that at the largest",
    paper: "figure 1: the inflation is less apparent as the width grows; constant in the limit (theorem 2)",
    threshold: AtLeast(1.0),
    source: "the order; in theory it falls as 1/n or n^-1/2",
    gate: Gated,
    needs: "",
};

pub(super) const FUNCTIONS_GAUSSIAN: Claim = Claim {
    name: "functions-gaussian",
    statement: "Functions that wide networks learn follow the Gaussian of the limit.",
    quantity: "percentiles 10, 50, 90 of networks less the Gaussian's, root mean square, in deviations, at the largest width",
    paper: "figure 2: percentiles 10, 50 and 90 of networks of width 1000 are near those of the Gaussian",
    threshold: AtMost(0.3),
    source: "of 100 networks a percentile is known to 0.16 deviations (0.17, 0.125, 0.17), alike at neighbouring angles; \
             0.15 for every angle is less than that",
    gate: Gated,
    needs: "",
};

pub(super) const COMPONENT_ALONE: Claim = Claim {
    name: "component-alone",
    statement: "Training along an eigenvector of the kernel leaves all others alone.",
    quantity: "largest |h_t|/0.5 orthogonal to the eigenvector, at the largest width",
    paper: "figure 3: the part orthogonal to the eigenvector shrinks with the width",
    threshold: AtMost(0.10),
    source: "0.067 and 0.075 at n = 1000 in a separate program",
    gate: Gated,
    needs: "",
};

pub(super) const COMPONENT_ALONE_RATE: Claim = Claim {
    name: "component-alone-rate",
    statement: "What training along an eigenvector moves elsewhere vanishes with the width.",
    quantity: "exponent of the largest |h_t| in the width",
    paper: "figure 3: 0 in the limit",
    threshold: Within(-0.65, -0.3),
    source: "n^-1/2 in theory; a separate program found -0.42 over two networks a width",
    gate: Gated,
    needs: "",
};

pub(super) const COMPONENT_DECAYS: Claim = Claim {
    name: "component-decays",
    statement: "Along an eigenvector the error decays exponentially, at the rate of its eigenvalue.",
    quantity: "largest |g_t - 0.5 (1 - rate lambda_2)^steps|, at the largest width",
    paper: "figure 3: |g_t| = 0.5 exp(-lambda_2 t)",
    threshold: AtMost(0.04),
    source: "0.020 and 0.027 at n = 1000 in a separate program",
    gate: Gated,
    needs: "",
};

pub(super) const NARROW_FASTER: Claim = Claim {
    name: "narrow-faster",
    statement: "Narrow networks converge faster than the limit.",
    quantity: "0.5 (1 - rate lambda_2)^steps - g_t at the end, by 0.5, at the smallest width",
    paper: "figure 3: narrower networks converge faster, because their kernel inflates",
    threshold: AtLeast(0.0),
    source: "the sign",
    gate: Informative("one network a seed and width: the kernel of a narrow network differs by more than it inflates"),
    needs: "",
};

pub(super) const BIAS_DOMINATES: Claim = Claim {
    name: "bias-dominates",
    statement: "Large biases make the constant the one thing that is learnt quickly.",
    quantity: "lambda_1/lambda_2 with beta = 1 by that with the beta of the run",
    paper: "section 6.3: with beta = 1 the first eigenvalue is about ten times larger relative to the others",
    threshold: AtLeast(5.0),
    source: "half of the paper's number, of other data",
    gate: Informative("the paper's number is of MNIST, which is not centred as these digits are not"),
    needs: "",
};
