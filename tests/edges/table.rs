//! Rows of the ops of one operand: an argument and there the value, slope and curvature.
//!
//! Where JAX (version 0.10.2) and PyTorch choose otherwise, the comment says so; where it says nothing, all three agree.
//! `NaN` in a row is a value too: it is `0 inf` or `inf - inf` and is not hidden.

use autodiff::op::ElementwiseOp;
use autodiff::op::elementwise::*;

use super::{INF, NAN};

/// The constants of `selu`: lambda, and lambda times alpha.
const SELU: [f64; 2] = [1.050_700_987_355_480_5, 1.758_099_340_847_376_6];
/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;
/// `zeta(2) = pi^2/6`
const ZETA2: f64 = 1.644_934_066_848_226_4;
/// `zeta(3)`
const ZETA3: f64 = 1.202_056_903_159_594_2;

/// Smaller than any normal number of either type once it is halved a few times; stands for "subnormal".
const TINY: f64 = 1e-40;

/// An argument; its value, slope and curvature.
pub type Row = (f64, [f64; 3]);

pub fn table(op: &ElementwiseOp) -> Vec<Row> {
    use std::f64::consts::{FRAC_2_SQRT_PI, FRAC_PI_2, LN_2, PI};
    let density = 0.3989422804014327; // 1/sqrt(2 pi)
    match op {
        // PyTorch's slope at NaN is 1.
        ElementwiseOp::Relu(_) => vec![
            (-INF, [0.0, 0.0, 0.0]),
            (-TINY, [0.0, 0.0, 0.0]),
            (-0.0, [0.0, 0.0, 0.0]),
            (0.0, [0.0, 0.0, 0.0]),
            (TINY, [TINY, 1.0, 0.0]),
            (INF, [INF, 1.0, 0.0]),
            (NAN, [NAN, 0.0, 0.0]),
        ],
        // JAX's slope at 0 is 1, the one from above; ours and PyTorch's is the one from below.
        ElementwiseOp::LeakyRelu(LeakyRelu(alpha)) => vec![
            (-INF, [alpha * -INF, *alpha, 0.0]),
            (-TINY, [alpha * -TINY, *alpha, 0.0]),
            (-0.0, [alpha * -0.0, *alpha, 0.0]),
            (0.0, [alpha * 0.0, *alpha, 0.0]),
            (TINY, [TINY, 1.0, 0.0]),
            (INF, [INF, 1.0, 0.0]),
            (NAN, [NAN, *alpha, 0.0]),
        ],
        // JAX's slopes are 1 at 0 and -1 at NaN.
        ElementwiseOp::Abs(_) => vec![
            (-INF, [INF, -1.0, 0.0]),
            (-TINY, [TINY, -1.0, 0.0]),
            (-0.0, [0.0, 0.0, 0.0]),
            (0.0, [0.0, 0.0, 0.0]),
            (TINY, [TINY, 1.0, 0.0]),
            (INF, [INF, 1.0, 0.0]),
            (NAN, [NAN, 0.0, 0.0]),
        ],
        ElementwiseOp::Tanh(_) => vec![
            (-INF, [-1.0, 0.0, 0.0]),
            (-0.0, [-0.0, 1.0, 0.0]),
            (0.0, [0.0, 1.0, 0.0]),
            (TINY, [TINY, 1.0, -2.0 * TINY]),
            (INF, [1.0, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Sigmoid(_) => vec![
            (-INF, [0.0, 0.0, 0.0]),
            (-0.0, [0.5, 0.25, 0.0]),
            (TINY, [0.5, 0.25, 0.0]),
            (INF, [1.0, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Softplus(_) => vec![
            (-INF, [0.0, 0.0, 0.0]),
            (-0.0, [LN_2, 0.5, 0.25]),
            (TINY, [LN_2, 0.5, 0.25]),
            (INF, [INF, 1.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        // The limit of the curvature is 0; e^(-x^2) = 0 times -2x is NaN, in JAX and PyTorch as here.
        ElementwiseOp::Erf(_) => vec![
            (-INF, [-1.0, 0.0, NAN]),
            (-0.0, [-0.0, FRAC_2_SQRT_PI, 0.0]),
            (0.0, [0.0, FRAC_2_SQRT_PI, 0.0]),
            (TINY, [FRAC_2_SQRT_PI * TINY, FRAC_2_SQRT_PI, -2.0 * FRAC_2_SQRT_PI * TINY]),
            (INF, [1.0, 0.0, NAN]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Erfc(_) => vec![
            (-INF, [2.0, 0.0, NAN]),
            (-0.0, [1.0, -FRAC_2_SQRT_PI, 0.0]),
            (TINY, [1.0, -FRAC_2_SQRT_PI, 2.0 * FRAC_2_SQRT_PI * TINY]),
            (INF, [0.0, 0.0, NAN]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::NormalCdf(_) => vec![
            (-INF, [0.0, 0.0, NAN]),
            (-0.0, [0.5, density, 0.0]),
            (TINY, [0.5, density, -density * TINY]),
            (INF, [1.0, 0.0, NAN]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::NormalPdf(_) => vec![
            (-INF, [0.0, NAN, NAN]),
            (-0.0, [density, 0.0, -density]),
            (TINY, [density, -density * TINY, -density]),
            (INF, [0.0, NAN, NAN]),
            (NAN, [NAN; 3]),
        ],
        // -inf Phi(-inf) = -inf 0, although the limit is -0: NaN in JAX and PyTorch too.
        ElementwiseOp::Gelu(_) => vec![
            (-INF, [NAN; 3]),
            (-0.0, [-0.0, 0.5, 2.0 * density]),
            (0.0, [0.0, 0.5, 2.0 * density]),
            (TINY, [0.5 * TINY, 0.5, 2.0 * density]),
            (INF, [INF, NAN, NAN]),
            (NAN, [NAN; 3]),
        ],
        // -inf sigmoid(-inf) = -inf 0, as for gelu.
        ElementwiseOp::GeluTanh(_) => vec![
            (-INF, [NAN; 3]),
            (-0.0, [-0.0, 0.5, 2.0 * density]),
            (0.0, [0.0, 0.5, 2.0 * density]),
            (TINY, [0.5 * TINY, 0.5, 2.0 * density]),
            (INF, [INF, NAN, NAN]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Silu(_) => vec![
            (-INF, [NAN; 3]),
            (-0.0, [-0.0, 0.5, 0.5]),
            (0.0, [0.0, 0.5, 0.5]),
            (TINY, [0.5 * TINY, 0.5, 0.5]),
            (INF, [INF, NAN, NAN]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Elu(Elu(alpha)) => vec![
            (-INF, [-alpha, 0.0, 0.0]),
            (-TINY, [alpha * -TINY, *alpha, *alpha]),
            (-0.0, [alpha * -0.0, *alpha, *alpha]),
            (0.0, [alpha * 0.0, *alpha, *alpha]),
            (TINY, [TINY, 1.0, 0.0]),
            (INF, [INF, 1.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Selu(_) => vec![
            (-INF, [-SELU[1], 0.0, 0.0]),
            (-TINY, [SELU[1] * -TINY, SELU[1], SELU[1]]),
            (-0.0, [-0.0, SELU[1], SELU[1]]),
            (0.0, [0.0, SELU[1], SELU[1]]),
            (TINY, [SELU[0] * TINY, SELU[0], 0.0]),
            (INF, [INF, SELU[0], 0.0]),
            (NAN, [NAN; 3]),
        ],
        // JAX's slopes at -1 and 1 are 1, PyTorch's are 0.
        ElementwiseOp::HardTanh(_) => vec![
            (-INF, [-1.0, 0.0, 0.0]),
            (-1.0, [-1.0, 0.0, 0.0]),
            (-0.0, [-0.0, 1.0, 0.0]),
            (TINY, [TINY, 1.0, 0.0]),
            (1.0, [1.0, 0.0, 0.0]),
            (INF, [1.0, 0.0, 0.0]),
            (NAN, [NAN, 1.0, 0.0]),
        ],
        // JAX's slope at NaN is 0.
        ElementwiseOp::Relu6(_) => vec![
            (-INF, [0.0, 0.0, 0.0]),
            (-0.0, [0.0, 0.0, 0.0]),
            (0.0, [0.0, 0.0, 0.0]),
            (TINY, [TINY, 1.0, 0.0]),
            (6.0, [6.0, 0.0, 0.0]),
            (INF, [6.0, 0.0, 0.0]),
            (NAN, [NAN, 1.0, 0.0]),
        ],
        // JAX's slope at the poles is NaN.
        ElementwiseOp::LnGamma(_) => vec![
            (-INF, [INF, NAN, NAN]),
            (-1.0, [INF, NAN, INF]),
            // Gamma(-3/2) = 4/3 sqrt(pi), and the derivatives by their recurrences from 1/2.
            (-1.5, [(4.0 / 3.0 * PI.sqrt()).ln(), 8.0 / 3.0 - EULER - 2.0 * LN_2, 3.0 * ZETA2 + 4.0 + 4.0 / 9.0]),
            (-0.0, [INF, INF, INF]),
            (0.0, [INF, -INF, INF]),
            (1.0, [0.0, -EULER, ZETA2]),
            (2.0, [0.0, 1.0 - EULER, ZETA2 - 1.0]),
            (INF, [INF, INF, 0.0]),
            (NAN, [NAN; 3]),
        ],
        // JAX has NaN at 0.
        ElementwiseOp::Polygamma(Polygamma(0)) => vec![
            (-INF, [NAN, NAN, NAN]),
            (-1.0, [NAN, INF, NAN]),
            (-0.0, [INF, INF, INF]),
            (0.0, [-INF, INF, -INF]),
            (1.0, [-EULER, ZETA2, -2.0 * ZETA3]),
            (INF, [INF, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        // JAX has NaN at infinity, where the limit is 0.
        ElementwiseOp::Polygamma(Polygamma(1)) => vec![
            (-INF, [NAN, NAN, NAN]),
            (-1.0, [INF, NAN, INF]),
            (0.0, [INF, -INF, INF]),
            (1.0, [ZETA2, -2.0 * ZETA3, 6.0 * PI.powi(4) / 90.0]),
            (INF, [0.0, -0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Polygamma(_) => vec![],
        ElementwiseOp::Tan(_) => vec![
            (-INF, [NAN; 3]),
            (-0.0, [-0.0, 1.0, 0.0]),
            (0.0, [0.0, 1.0, 0.0]),
            (TINY, [TINY, 1.0, 2.0 * TINY]),
            (INF, [NAN; 3]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Asin(_) => vec![
            (-2.0, [NAN; 3]),
            (-1.0, [-FRAC_PI_2, INF, -INF]),
            (-0.0, [-0.0, 1.0, 0.0]),
            (0.0, [0.0, 1.0, 0.0]),
            // 1 + x is rounded to 1, so the curvature x is lost.
            (TINY, [TINY, 1.0, 0.0]),
            (1.0, [FRAC_PI_2, INF, INF]),
            (INF, [NAN; 3]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Acos(_) => vec![
            (-2.0, [NAN; 3]),
            (-1.0, [PI, -INF, INF]),
            (-0.0, [FRAC_PI_2, -1.0, 0.0]),
            (TINY, [FRAC_PI_2, -1.0, 0.0]),
            (1.0, [0.0, -INF, -INF]),
            (INF, [NAN; 3]),
            (NAN, [NAN; 3]),
        ],
        // The limit of the curvature is 0; 0^2 inf is NaN, in JAX too.
        ElementwiseOp::Atan(_) => vec![
            (-INF, [-FRAC_PI_2, 0.0, NAN]),
            (-0.0, [-0.0, 1.0, 0.0]),
            (0.0, [0.0, 1.0, 0.0]),
            (TINY, [TINY, 1.0, -2.0 * TINY]),
            (INF, [FRAC_PI_2, 0.0, NAN]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Sinh(_) => vec![
            (-INF, [-INF, INF, -INF]),
            (-0.0, [-0.0, 1.0, 0.0]),
            (0.0, [0.0, 1.0, 0.0]),
            (TINY, [TINY, 1.0, TINY]),
            (INF, [INF, INF, INF]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Cosh(_) => vec![
            (-INF, [INF, -INF, INF]),
            (-0.0, [1.0, 0.0, 1.0]),
            (TINY, [1.0, TINY, 1.0]),
            (INF, [INF, INF, INF]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Rsqrt(_) => vec![
            (-1.0, [NAN; 3]),
            (-0.0, [-INF, -INF, -INF]),
            (0.0, [INF, -INF, INF]),
            (INF, [0.0, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Powf(Powf(2.5)) => vec![
            (-INF, [INF, INF, INF]),
            (-1.0, [NAN; 3]),
            (-0.0, [0.0, 0.0, 0.0]),
            (0.0, [0.0, 0.0, 0.0]),
            (INF, [INF, INF, INF]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Powf(Powf(0.5)) => vec![
            (-INF, [INF, 0.0, 0.0]),
            (-1.0, [NAN; 3]),
            (-0.0, [0.0, INF, -INF]),
            (0.0, [0.0, INF, -INF]),
            (INF, [INF, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        // JAX has NaN slopes at 0 and NaN.
        ElementwiseOp::Powf(Powf(0.0)) => [-INF, -0.0, 0.0, INF, NAN].map(|x| (x, [1.0, 0.0, 0.0])).to_vec(),
        // JAX has a NaN curvature at 0.
        ElementwiseOp::Powf(Powf(1.0)) => [-INF, -1.0, -0.0, 0.0, INF, NAN].map(|x| (x, [x, 1.0, 0.0])).to_vec(),
        ElementwiseOp::Powf(_) => vec![],
        ElementwiseOp::Exp(_) => vec![
            (-INF, [0.0, 0.0, 0.0]),
            (-0.0, [1.0, 1.0, 1.0]),
            (TINY, [1.0, 1.0, 1.0]),
            (INF, [INF, INF, INF]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Expm1(_) => vec![
            (-INF, [-1.0, 0.0, 0.0]),
            (-0.0, [-0.0, 1.0, 1.0]),
            (0.0, [0.0, 1.0, 1.0]),
            (TINY, [TINY, 1.0, 1.0]),
            (INF, [INF, INF, INF]),
            (NAN, [NAN; 3]),
        ],
        // Outside the domain the value is NaN and the slope is still 1/x.
        ElementwiseOp::Ln(_) => vec![
            (-INF, [NAN, 0.0, 0.0]),
            (-1.0, [NAN, -1.0, -1.0]),
            (-0.0, [-INF, -INF, -INF]),
            (0.0, [-INF, INF, -INF]),
            (INF, [INF, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Ln1p(_) => vec![
            (-INF, [NAN, 0.0, 0.0]),
            (-1.0, [-INF, INF, -INF]),
            (-0.0, [-0.0, 1.0, -1.0]),
            (0.0, [0.0, 1.0, -1.0]),
            (TINY, [TINY, 1.0, -1.0]),
            (INF, [INF, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Sin(_) => vec![
            (-INF, [NAN; 3]),
            (-0.0, [-0.0, 1.0, 0.0]),
            (0.0, [0.0, 1.0, 0.0]),
            (TINY, [TINY, 1.0, -TINY]),
            (INF, [NAN; 3]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Cos(_) => vec![
            (-INF, [NAN; 3]),
            (-0.0, [1.0, 0.0, -1.0]),
            (TINY, [1.0, -TINY, -1.0]),
            (INF, [NAN; 3]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Sqrt(_) => vec![
            (-INF, [NAN; 3]),
            (-1.0, [NAN; 3]),
            (-0.0, [-0.0, -INF, INF]),
            (0.0, [0.0, INF, -INF]),
            (INF, [INF, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Recip(_) => vec![
            (-INF, [-0.0, 0.0, 0.0]),
            (-0.0, [-INF, -INF, -INF]),
            (0.0, [INF, -INF, INF]),
            (INF, [0.0, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Powi(Powi(3)) => vec![
            (-INF, [-INF, INF, -INF]),
            (-0.0, [-0.0, 0.0, 0.0]),
            (0.0, [0.0, 0.0, 0.0]),
            (TINY, [0.0, 0.0, 6.0 * TINY]),
            (INF, [INF, INF, INF]),
            (NAN, [NAN; 3]),
        ],
        // 1, even of NaN, as IEEE 754 has it.
        ElementwiseOp::Powi(Powi(0)) => [-INF, -0.0, 0.0, INF, NAN].map(|x| (x, [1.0, 0.0, 0.0])).to_vec(),
        ElementwiseOp::Powi(Powi(1)) => [-INF, -0.0, 0.0, TINY, INF, NAN].map(|x| (x, [x, 1.0, 0.0])).to_vec(),
        ElementwiseOp::Powi(Powi(2)) => vec![
            (-INF, [INF, -INF, 2.0]),
            (-0.0, [0.0, 0.0, 2.0]),
            (TINY, [0.0, 2.0 * TINY, 2.0]),
            (INF, [INF, INF, 2.0]),
            (NAN, [NAN, NAN, 2.0]),
        ],
        ElementwiseOp::Powi(Powi(-1)) => vec![
            (-INF, [-0.0, 0.0, 0.0]),
            (-0.0, [-INF, -INF, -INF]),
            (0.0, [INF, -INF, INF]),
            (INF, [0.0, 0.0, 0.0]),
            (NAN, [NAN; 3]),
        ],
        ElementwiseOp::Powi(_) => vec![],
    }
}
