//! The paper's claims.

use crate::experiment::Claim;
use crate::experiment::Gate::{Gated, Informative};
use crate::experiment::Threshold::{AtLeast, AtMost, Within};

/// The most important first.
pub(super) const ALL: &[Claim] = &[
    MUP_SPREAD,
    MUP_EDGE,
    NTP_EDGE,
    NTP_KEPT,
    MUP_LOSS,
    NTP_ORDER,
    MUP_TRANSFER,
    MUP_WIDER,
    SP_TRANSFER,
    NTP_TRANSFER,
    DEPTH_SPREAD,
    DEPTH_TRANSFER,
    DEPTH_SPREAD_2,
    DEPTH_TRANSFER_2,
    DEPTH_SPREAD_3,
    DEPTH_TRANSFER_3,
    DEPTH_UNSCALED,
    TOY_SPREAD,
    TOY_GROWTH,
    TOY_EDGE,
    TOY_NTP,
    CONVERGED,
];

/// Layers of a branch, and the claims about them: sharpness, the best learning rate.
pub(super) const OF_DEPTH: [(usize, Claim, Claim); 3] =
    [(1, DEPTH_SPREAD, DEPTH_TRANSFER), (2, DEPTH_SPREAD_2, DEPTH_TRANSFER_2), (3, DEPTH_SPREAD_3, DEPTH_TRANSFER_3)];

const PILOT: &str = "a pilot with a separate program in JAX, three seeds";
const TOY: &str = "a pilot with a separate program, one seed; the curvature is a closed form";
/// The grid of learning rates.
const HALF_OCTAVE: f64 = 0.51;

pub(super) const MUP_SPREAD: Claim = Claim {
    name: "mup-spread",
    statement: "In muP sharpness is the same at every width.",
    quantity: "(max - min)/mean over widths of the sharpness at the last step",
    paper: "curves that coincide",
    threshold: AtMost(0.05),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const MUP_EDGE: Claim = Claim {
    name: "mup-edge",
    statement: "In muP sharpness rises to the edge of stability 2/eta_0 and stays.",
    quantity: "largest |S eta_0/2 - 1| in the second half, over widths",
    paper: "converges to 2/eta_0",
    threshold: AtMost(0.1),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const NTP_EDGE: Claim = Claim {
    name: "ntp-edge",
    statement: "In NTP sharpness does not reach the edge.",
    quantity: "largest S eta_0/2 at the last step, over widths",
    paper: "no progressive sharpening at large width",
    threshold: AtMost(0.6),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const NTP_KEPT: Claim = Claim {
    name: "ntp-kept",
    statement: "In NTP sharpness stays what it was, the more so the wider the network.",
    quantity: "S(T)/S(0) at the largest width",
    paper: "approaches its value at the start",
    threshold: Within(0.75, 1.1),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const MUP_LOSS: Claim = Claim {
    name: "mup-loss",
    statement: "In muP the loss does not coincide: differences of size add up.",
    quantity: "spread over widths of the loss over that of the sharpness, at the last step",
    paper: "loss curves that part",
    threshold: AtLeast(5.0),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const NTP_ORDER: Claim = Claim {
    name: "ntp-order",
    statement: "In NTP the change of sharpness falls with the width.",
    quantity: "Spearman's correlation of width and S(T)/S(0), medians of the seeds",
    paper: "progressive sharpening disappears",
    threshold: AtLeast(0.999),
    source: PILOT,
    gate: Gated,
    needs: "three widths or more",
};

pub(super) const MUP_TRANSFER: Claim = Claim {
    name: "mup-transfer",
    statement: "In muP the best learning rate is the same at every width.",
    quantity: "log2 of the largest best eta_0 over the smallest, losses averaged over seeds",
    paper: "the optimum transfers",
    threshold: AtMost(HALF_OCTAVE),
    source: "half an octave is the grid; a pilot found none over 16 times the width",
    gate: Gated,
    needs: "",
};

pub(super) const MUP_WIDER: Claim = Claim {
    name: "mup-wider",
    statement: "In muP wider is better.",
    quantity: "steps in width at which the best loss does not fall",
    paper: "wider is better",
    threshold: AtMost(0.0),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const SP_TRANSFER: Claim = Claim {
    name: "sp-transfer",
    statement: "In SP the best learning rate falls as 1/N.",
    quantity: "slope of log2 of the best eta_0 over log2 of the width",
    paper: "-1 for many widths",
    threshold: Within(-1.2, -0.7),
    source: PILOT,
    gate: Gated,
    needs: "",
};

pub(super) const NTP_TRANSFER: Claim = Claim {
    name: "ntp-transfer",
    statement: "In NTP the best learning rate gives a worse network.",
    quantity: "best loss in NTP over that in muP, at the largest width",
    paper: "the optimum does not transfer",
    threshold: AtLeast(3.0),
    source: PILOT,
    gate: Informative("the drift of the optimum is small at these sizes; the loss is the clearer contrast"),
    needs: "",
};

pub(super) const DEPTH_SPREAD: Claim = Claim {
    name: "depth-spread",
    statement: "With branches over sqrt(L), sharpness is the same at every depth.",
    quantity: "(max - min)/mean of S at the last step over 4 and more blocks of 1 layer",
    paper: "curves that coincide at one layer a block",
    threshold: AtMost(0.15),
    source: PILOT,
    gate: Gated,
    needs: "1 in branch_layers, two numbers of 4 and more in blocks",
};

pub(super) const DEPTH_TRANSFER: Claim = Claim {
    name: "depth-transfer",
    statement: "With one layer a block the best learning rate is the same at every depth.",
    quantity: "log2 of the largest best eta_0 over the smallest, 4 and more blocks of 1 layer",
    paper: "transfers at one layer a block",
    threshold: AtMost(HALF_OCTAVE),
    source: PILOT,
    gate: Informative("few steps on few samples: a pilot found half an octave at one layer and at two"),
    needs: "1 in branch_layers, two numbers of 4 and more in blocks",
};

pub(super) const DEPTH_SPREAD_2: Claim = Claim {
    name: "depth-spread-2",
    statement: "With more layers a block, sharpness depends on the depth.",
    quantity: "(max - min)/mean of S at the last step over 4 and more blocks of 2 layers",
    paper: "curves that part",
    threshold: AtLeast(0.15),
    source: "more than what counts as the same at one layer a block",
    gate: Informative("at this size and with full batches it does not"),
    needs: "2 in branch_layers, two numbers of 4 and more in blocks",
};

pub(super) const DEPTH_TRANSFER_2: Claim = Claim {
    name: "depth-transfer-2",
    statement: "With more layers a block the best learning rate depends on the depth.",
    quantity: "log2 of the largest best eta_0 over the smallest, 4 and more blocks of 2 layers",
    paper: "does not transfer",
    threshold: AtLeast(0.99),
    source: "more than half an octave, the grid",
    needs: "2 in branch_layers, two numbers of 4 and more in blocks",
    ..DEPTH_TRANSFER
};

pub(super) const DEPTH_SPREAD_3: Claim = Claim {
    name: "depth-spread-3",
    quantity: "(max - min)/mean of S at the last step over 4 and more blocks of 3 layers",
    needs: "3 in branch_layers, two numbers of 4 and more in blocks",
    ..DEPTH_SPREAD_2
};

pub(super) const DEPTH_TRANSFER_3: Claim = Claim {
    name: "depth-transfer-3",
    quantity: "log2 of the largest best eta_0 over the smallest, 4 and more blocks of 3 layers",
    needs: "3 in branch_layers, two numbers of 4 and more in blocks",
    ..DEPTH_TRANSFER_2
};

pub(super) const DEPTH_UNSCALED: Claim = Claim {
    name: "depth-unscaled",
    statement: "Without the factor, sharpness explodes with depth from the start.",
    quantity: "S(0) of 8 blocks over that of 2, alpha = 0",
    paper: "diverges in deep networks",
    threshold: AtLeast(20.0),
    source: PILOT,
    gate: Gated,
    needs: "2 and 8 in blocks",
};

pub(super) const TOY_SPREAD: Claim = Claim {
    name: "toy-spread",
    statement: "In the linear toy in muP, the largest eigenvalue of G is the same at every width.",
    quantity: "(max - min)/mean of lambda_1(G) at the last step, N of 64 and more, at the first rate",
    paper: "curves that coincide",
    threshold: AtMost(0.05),
    source: TOY,
    gate: Gated,
    needs: "two numbers of 64 and more in toy_widths",
};

pub(super) const TOY_GROWTH: Claim = Claim {
    name: "toy-growth",
    statement: "In the toy sharpening is that of G, the largest eigenvalue of the kernel.",
    quantity: "least lambda_1(G) at the end over that at the start, N of 256 and more, at the first rate",
    paper: "G grows, the residual part falls to 0",
    threshold: AtLeast(3.0),
    source: "3.7 to 4.8 on seven seeds with a teacher of length 1; the growth is nearly in proportion to that length",
    gate: Gated,
    needs: "a number of 256 and more in toy_widths",
};

pub(super) const TOY_EDGE: Claim = Claim {
    name: "toy-edge",
    statement: "In the toy in muP the largest eigenvalue of G meets the edge 2/eta_0 at every width.",
    quantity: "largest |lambda_1(G) eta_0/2 - 1|, mean of the last two steps, N of 64 and more, at the last rate",
    paper: "converges to 2/eta_0",
    threshold: AtMost(0.1),
    source: "descent rests a little below the edge, by how much its last oscillation decides, or goes on between two points \
             around it: a separate program found at most 8.7 % in each of 90 runs (30 seeds, 3 widths)",
    gate: Gated,
    needs: "a number of 64 and more in toy_widths, toy_rates that rise",
};

pub(super) const TOY_NTP: Claim = Claim {
    name: "toy-ntp",
    statement: "In the toy in NTP the largest eigenvalue of G stays where it was.",
    quantity: "largest lambda_1(G) at the end over that at the start, N of 256 and more, at the first rate",
    paper: "a kernel that stays",
    threshold: AtMost(1.15),
    source: TOY,
    gate: Gated,
    needs: "a number of 256 and more in toy_widths",
};

pub(super) const CONVERGED: Claim = Claim {
    name: "converged",
    statement: "Every sharpness is an eigenvalue.",
    quantity: "largest |H v - lambda v| / lambda",
    paper: "",
    threshold: AtMost(0.01),
    source: "so that an iteration that was cut short is no result",
    gate: Gated,
    needs: "",
};
