//! The paper's claims.

use crate::experiment::Claim;
use crate::experiment::Gate::Gated;
use crate::experiment::Threshold::{self, AtLeast, AtMost, Within};

/// The most important first.
pub(super) const ALL: &[Claim] = &[
    ORDERED_TRAINS_TO,
    CHAOTIC_TRAINS,
    CHAOTIC_GENERALIZES_TO,
    CRITICAL_GENERALIZES,
    ORDERED_SMALLEST,
    ORDERED_CONDITION,
    ORDERED_LARGEST,
    ORDERED_PREDICTOR,
    CRITICAL_DIAGONAL,
    CRITICAL_ERF_RATIO,
    CRITICAL_RELU_RATIO,
    CRITICAL_ERF_CONDITION,
    CRITICAL_RELU_CONDITION,
    CRITICAL_PREDICTOR,
    CHAOTIC_SMALLEST,
    CHAOTIC_PREDICTOR,
    CHAOTIC_OFF_DIAGONAL,
];

const ORDERED: &str = "the asymptotics; what is left of them at these depths is below 1.5 % in a separate program";
const CHAOTIC: &str = "the asymptotics; what is left of them at these depths is below 1.6 % in a separate program";
const RECURSION: &str = "the limit, by the recursion near correlation 1; corrections are of order (ln l)/l";
/// Of slopes and limits in the ordered and in the chaotic phase.
const CLOSE: Threshold = AtMost(0.025);

pub(super) const ORDERED_TRAINS_TO: Claim = Claim {
    name: "ordered-trains-to",
    statement: "In the ordered phase networks train up to a depth of several xi_1.",
    quantity: "first depth with training accuracy below 0.9, by xi_1",
    paper: "the boundary of training follows 8 xi_1",
    threshold: Within(6.0, 12.0),
    source: "a separate program found 8 to 9.4 on digits; the samples that are drawn move it by a quarter",
    gate: Gated,
    needs: "",
};

pub(super) const CHAOTIC_TRAINS: Claim = Claim {
    name: "chaotic-trains",
    statement: "In the chaotic phase networks train at every depth.",
    quantity: "least training accuracy at any depth",
    paper: "the condition number tends to 1",
    threshold: AtLeast(0.999),
    source: "a separate program found 1.00 everywhere",
    gate: Gated,
    needs: "",
};

pub(super) const CHAOTIC_GENERALIZES_TO: Claim = Claim {
    name: "chaotic-generalizes-to",
    statement: "In the chaotic phase networks generalize up to a depth of several xi_*.",
    quantity: "first depth with test accuracy below 0.5, by xi_*",
    paper: "the boundary of generalization follows 8 xi_*",
    threshold: Within(7.0, 13.0),
    source: "a separate program found 8.4 to 12 on digits",
    gate: Gated,
    needs: "",
};

pub(super) const CRITICAL_GENERALIZES: Claim = Claim {
    name: "critical-generalizes",
    statement: "On the critical line networks train and generalize to great depth.",
    quantity: "least test accuracy at any depth up to 100",
    paper: "the depth scales diverge",
    threshold: AtLeast(0.9),
    source: "a separate program found 0.92 at depth 100 on digits",
    gate: Gated,
    needs: "",
};

pub(super) const ORDERED_SMALLEST: Claim = Claim {
    name: "ordered-smallest",
    statement: "In the ordered phase the smallest eigenvalue falls as l chi_1^l.",
    quantity: "|slope of ln(lambda_min/l)/ln chi_1 - 1|",
    paper: "lambda_bulk ~ l chi_1^l",
    threshold: CLOSE,
    source: ORDERED,
    gate: Gated,
    needs: "",
};

pub(super) const ORDERED_CONDITION: Claim = Claim {
    name: "ordered-condition",
    statement: "In the ordered phase the condition number grows as 1/(l chi_1^l).",
    quantity: "|slope of ln(l kappa)/-ln chi_1 - 1|",
    paper: "kappa ~ 1/(l chi_1^l)",
    threshold: CLOSE,
    source: ORDERED,
    gate: Gated,
    needs: "",
};

pub(super) const ORDERED_LARGEST: Claim = Claim {
    name: "ordered-largest",
    statement: "In the ordered phase the largest eigenvalue tends to m q*/(1 - chi_1).",
    quantity: "|lambda_max (1 - chi_1)/(m q*) - 1|",
    paper: "lambda_max -> m p*",
    threshold: CLOSE,
    source: ORDERED,
    gate: Gated,
    needs: "",
};

pub(super) const ORDERED_PREDICTOR: Claim = Claim {
    name: "ordered-predictor",
    statement: "In the ordered phase the predictor tends to a limit that depends on the data.",
    quantity: "|size of P y at the greater depth by that at the lesser - 1|",
    paper: "P y -> a constant",
    threshold: CLOSE,
    source: ORDERED,
    gate: Gated,
    needs: "",
};

pub(super) const CRITICAL_DIAGONAL: Claim = Claim {
    name: "critical-diagonal",
    statement: "At criticality the kernel's diagonal is q* (l + 1).",
    quantity: "largest relative deviation at any depth",
    paper: "p_aa = q* l",
    threshold: AtMost(1e-6),
    source: "exact where chi_1 = 1; rounding of chi_1 is multiplied by the depth",
    gate: Gated,
    needs: "",
};

pub(super) const CRITICAL_ERF_RATIO: Claim = Claim {
    name: "critical-erf-ratio",
    statement: "At criticality, for smooth activations, off-diagonal entries tend to a third of the diagonal's.",
    quantity: "|3 p_ab/p_aa - 1| at l = 3000, erf",
    paper: "p_ab -> q* l/3",
    threshold: AtMost(0.01),
    source: RECURSION,
    gate: Gated,
    needs: "",
};

pub(super) const CRITICAL_RELU_RATIO: Claim = Claim {
    name: "critical-relu-ratio",
    statement: "At criticality, for ReLU, off-diagonal entries tend to a quarter of the diagonal's.",
    quantity: "|4 p_ab/p_aa - 1| at l = 3000, relu",
    paper: "stated for smooth activations; a quarter is the ReLU's",
    threshold: AtMost(0.01),
    source: RECURSION,
    gate: Gated,
    needs: "",
};

pub(super) const CRITICAL_ERF_CONDITION: Claim = Claim {
    name: "critical-erf-condition",
    statement: "At criticality, for smooth activations, the condition number tends to (m + 2)/2.",
    quantity: "|2 kappa/(m + 2) - 1| of the deepest network, erf",
    paper: "kappa -> (m d + 2)/2 with d = 1",
    threshold: AtMost(0.015),
    source: RECURSION,
    gate: Gated,
    needs: "",
};

pub(super) const CRITICAL_RELU_CONDITION: Claim = Claim {
    name: "critical-relu-condition",
    statement: "At criticality, for ReLU, the condition number tends to (m + 3)/3.",
    quantity: "|3 kappa/(m + 3) - 1| of the deepest network, relu",
    paper: "from the ratio of a quarter",
    threshold: AtMost(0.015),
    source: RECURSION,
    gate: Gated,
    needs: "",
};

pub(super) const CRITICAL_PREDICTOR: Claim = Claim {
    name: "critical-predictor",
    statement: "At criticality the predictor falls as 1/l.",
    quantity: "exponent of the size of P y in the depth, from 1000 to the deepest",
    paper: "P y = O(1/l)",
    threshold: Within(-1.1, -0.9),
    source: "-1; a separate program found -1.00 and -0.985 over a decade",
    gate: Gated,
    needs: "",
};

pub(super) const CHAOTIC_SMALLEST: Claim = Claim {
    name: "chaotic-smallest",
    statement: "In the chaotic phase all eigenvalues grow as chi_1^l.",
    quantity: "|slope of ln lambda_min/ln chi_1 - 1|",
    paper: "lambda_min ~ lambda_max ~ chi_1^l",
    threshold: CLOSE,
    source: CHAOTIC,
    gate: Gated,
    needs: "",
};

pub(super) const CHAOTIC_PREDICTOR: Claim = Claim {
    name: "chaotic-predictor",
    statement: "In the chaotic phase the predictor falls as l (chi_c/chi_1)^l.",
    quantity: "|slope of ln(|P y|/l)/ln(chi_c/chi_1) - 1|",
    paper: "P y ~ l (chi_c/chi_1)^l",
    threshold: CLOSE,
    source: CHAOTIC,
    gate: Gated,
    needs: "",
};

pub(super) const CHAOTIC_OFF_DIAGONAL: Claim = Claim {
    name: "chaotic-off-diagonal",
    statement: "In the chaotic phase off-diagonal entries tend to q* c*/(1 - chi_c).",
    quantity: "|p_ab (1 - chi_c)/(q* c*) - 1|",
    paper: "p_ab -> p*",
    threshold: CLOSE,
    source: CHAOTIC,
    gate: Gated,
    needs: "",
};
