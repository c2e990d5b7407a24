//! The paper's claims.

use crate::experiment::Claim;
use crate::experiment::Gate::{Gated, Informative};
use crate::experiment::Threshold::{AtMost, Within};

/// The most important first.
pub(super) const ALL: &[Claim] = &[
    OUTER_LAYERS_MOVE,
    HIDDEN_LAYERS_MOVE,
    KERNEL_MOVES,
    WEIGHTS_STAY_NEAR,
    ENSEMBLE_MEAN,
    ENSEMBLE_VARIANCE,
    LINEAR_DYNAMICS,
];

pub(super) const OUTER_LAYERS_MOVE: Claim = Claim {
    name: "outer-layers-move",
    statement: "The relative change of the first and the last layer's weights falls as n^-1/2.",
    quantity: "exponent in the width of the layer further from -0.55",
    paper: "-1/2",
    threshold: Within(-0.7, -0.4),
    source: "a separate program found -0.55 and -0.62; the bounds leave room for small widths",
    gate: Gated,
    needs: "",
};

pub(super) const HIDDEN_LAYERS_MOVE: Claim = Claim {
    name: "hidden-layers-move",
    statement: "The relative change of hidden layers' weights falls as 1/n.",
    quantity: "exponent in the width of the layer further from -1.025",
    paper: "-1",
    threshold: Within(-1.2, -0.85),
    source: "a separate program found -1.03 and -1.05",
    gate: Gated,
    needs: "",
};

pub(super) const KERNEL_MOVES: Claim = Claim {
    name: "kernel-moves",
    statement: "The relative change of the kernel falls at least as n^-1/2.",
    quantity: "exponent in the width",
    paper: "bound n^-1/2, observed about 1/n",
    threshold: Within(-1.1, -0.45),
    source: "a separate program found -0.78",
    gate: Gated,
    needs: "",
};

pub(super) const WEIGHTS_STAY_NEAR: Claim = Claim {
    name: "weights-stay-near",
    statement: "All weights together move a distance that does not grow with the width.",
    quantity: "exponent of |theta_t - theta_0| in the width",
    paper: "|theta_t - theta_0| = O(1)",
    threshold: Within(-0.25, 0.1),
    source: "0 in theory",
    gate: Informative("stated for the limit; at small widths the distance still falls towards it"),
    needs: "",
};

pub(super) const ENSEMBLE_MEAN: Claim = Claim {
    name: "ensemble-mean",
    statement: "The mean of trained ensembles is that of the Gaussian process, at all times.",
    quantity: "largest error over times, root mean square over samples, in deviations/sqrt(networks), largest width",
    paper: "figure 2: mean predictions agree",
    threshold: AtMost(2.2),
    source: "1 is expected of independent networks; as outputs share one direction, 1.5 would be passed by one run in ten and \
             2.2 by one in a hundred",
    gate: Gated,
    needs: "",
};

pub(super) const ENSEMBLE_VARIANCE: Claim = Claim {
    name: "ensemble-variance",
    statement: "The variance of trained ensembles is that of the Gaussian process, at all times.",
    quantity: "largest |variance/limit - 1| over times, largest width",
    paper: "figure 2: predictive variances agree",
    threshold: AtMost(0.15),
    source: "a separate program found ratios of 0.97 to 1.03; as outputs share one direction, 400 networks leave an error of \
             0.05, 100 one of 0.1",
    gate: Gated,
    needs: "",
};

pub(super) const LINEAR_DYNAMICS: Claim = Claim {
    name: "linear-dynamics",
    statement: "A network trains as its linearization in the parameters, the closer the wider.",
    quantity: "factor, for four times the width, of the largest |f_lin - f|/|f_t - f_0| over time",
    paper: "theorem 2.1: the difference is O(n^-1/2)",
    threshold: AtMost(0.7),
    source: "1/2 in theory",
    gate: Gated,
    needs: "",
};
