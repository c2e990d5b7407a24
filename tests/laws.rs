//! The nine laws, for every op of the closed set, in `f64` and in `f32`.

use autodiff::check::{self, BILINEAR, Bounds, Input, LINEAR};
use autodiff::op::bilinear::{Matmul, Padding, Window};
use autodiff::op::composite::{
    Complex, Mask, attention, cross_entropy, layer_norm, log_softmax, mean_squared_error, rms_norm, rnn_cell, softmax,
};
use autodiff::op::elementwise::{Elu, LeakyRelu, Polygamma, Powf, Powi};
use autodiff::op::linear::PoolWindow;
use autodiff::op::{ElementwiseOp, PairwiseOp};
use autodiff::{Error, Float, Real, Result, Tape, Var};

use crate::numbers::Random;

/// The closed set, and the members whose rule depends on a parameter.
pub fn elementwise_ops() -> Vec<ElementwiseOp> {
    let powers = [-3, -1, 0, 1, 2, 7].map(|n| Powi(n).into());
    let leaks = [0.0, 1.0, -0.5].map(|alpha| LeakyRelu(alpha).into());
    let broken = [-1.5, 0.0, 0.5, 1.0, 3.0].map(|p| Powf(p).into());
    let orders = [1, 2, 3].map(|n| Polygamma(n).into());
    let units = [1.0, 0.0].map(|alpha| Elu(alpha).into());
    [ElementwiseOp::ALL, &powers, &leaks, &broken, &orders, &units].concat()
}

/// Random inputs of these shapes.
pub fn random_inputs(shapes: &[&[usize]], random: &mut Random) -> Vec<Input> {
    shapes.iter().map(|shape| Input { shape: shape.to_vec(), value: random.numbers(shape.iter().product()) }).collect()
}

fn every_elementwise_rule<F: Float>() {
    let mut random = Random::new(21);
    for op in elementwise_ops() {
        check::elementwise_op::<F>(op, Bounds::of::<F>(), &mut || random.number()).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn every_elementwise_rule_obeys_the_laws_in_f64() {
    every_elementwise_rule::<f64>();
}

#[test]
fn every_elementwise_rule_obeys_the_laws_in_f32() {
    every_elementwise_rule::<f32>();
}

fn every_pairwise_rule<F: Float>() {
    let mut random = Random::new(29);
    for &op in PairwiseOp::ALL {
        check::pairwise_op::<F>(op, Bounds::of::<F>(), &mut || random.number()).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn every_pairwise_rule_obeys_the_laws_in_f64() {
    every_pairwise_rule::<f64>();
}

#[test]
fn every_pairwise_rule_obeys_the_laws_in_f32() {
    every_pairwise_rule::<f32>();
}

fn every_linear_and_bilinear_rule<F: Float>() {
    let mut random = Random::new(22);
    for exemplar in LINEAR {
        exemplar.check::<F>(Bounds::of::<F>(), &mut || random.number()).unwrap_or_else(|e| panic!("{e}"));
    }
    for exemplar in BILINEAR {
        exemplar.check::<F>(Bounds::of::<F>(), &mut || random.number()).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn every_linear_and_bilinear_rule_obeys_the_laws_in_f64() {
    every_linear_and_bilinear_rule::<f64>();
}

#[test]
fn every_linear_and_bilinear_rule_obeys_the_laws_in_f32() {
    every_linear_and_bilinear_rule::<f32>();
}

/// Every op of the closed set, alone on a tape, in every mode.
fn every_op_on_a_tape<F: Float>() {
    let mut random = Random::new(23);
    let bounds = Bounds::of::<F>();
    for op in elementwise_ops() {
        for len in [0, 1, 2, 3, 5, 16, 33] {
            // Numbers of the op's domain, away from where its slope grows without bound.
            let (low, high) = (op.samples()[0].max(-2.0), op.samples()[op.samples().len() - 1].min(2.5));
            let low = if low > 0.0 { low.max(0.4) } else { low };
            let value = (0..len).map(|_| low + (high - low) * random.number().abs()).collect();
            let inputs = [Input { shape: vec![len], value }];
            check::program::<F>(&op, &inputs, bounds, &mut || random.number()).unwrap_or_else(|e| panic!("{e}"));
        }
    }
    for op in PairwiseOp::ALL {
        for shape in [&[0][..], &[1], &[2], &[3], &[5], &[16], &[33], &[2, 3, 5], &[]] {
            let mut inputs = random_inputs(&[shape, shape], &mut random);
            // Away from where a slope grows without bound.
            inputs.iter_mut().flat_map(|input| &mut input.value).for_each(|x| *x = x.abs() + 0.4);
            let checked = check::program::<F>(op, &inputs, bounds, &mut || random.number());
            assert!(checked.unwrap_or_else(|e| panic!("{e}")).differences, "{op:?}");
        }
    }
    for exemplar in LINEAR {
        let inputs = random_inputs(exemplar.operands, &mut random);
        let checked = check::program::<F>(exemplar, &inputs, bounds, &mut || random.number());
        assert!(checked.unwrap_or_else(|e| panic!("{e}")).differences, "a linear op has no kinks");
    }
    for exemplar in BILINEAR {
        let inputs = random_inputs(&[exemplar.a, exemplar.b], &mut random);
        let checked = check::program::<F>(exemplar, &inputs, bounds, &mut || random.number());
        assert!(checked.unwrap_or_else(|e| panic!("{e}")).differences, "a product has no kinks");
    }
}

#[test]
fn every_op_obeys_the_laws_on_a_tape_in_f64() {
    every_op_on_a_tape::<f64>();
}

#[test]
fn every_op_obeys_the_laws_on_a_tape_in_f32() {
    every_op_on_a_tape::<f32>();
}

/// Declares programs: the shapes of their inputs, and what each records.
macro_rules! programs {
    ($(#[$doc:meta])* $kind:ident: $($program:ident [$($shape:expr),*] |$tape:ident, $x:ident| $body:expr;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        enum $kind {
            $($program),*
        }

        impl $kind {
            const ALL: &[(Self, &[&[usize]])] = &[$((Self::$program, &[$(&$shape),*])),*];
        }

        impl check::Program for $kind {
            fn name(&self) -> String {
                format!("{self:?}")
            }
            fn record<'a, R: Real>(&self, tape: &'a Tape<'a, R>, inputs: &[Var<'a, R>]) -> Result<Var<'a, R>> {
                match self {
                    $(Self::$program => {
                        let ($tape, $x) = (tape, inputs);
                        let _ = $tape;
                        $body
                    })*
                }
            }
        }
    };
}

const fn matmul(transpose_a: bool, transpose_b: bool, alpha: f64) -> Matmul {
    Matmul { transpose_a, transpose_b, alpha }
}

programs! {
    /// Programs whose operands are used more than once, each in another way.
    Reuse:
    Square [[5]] |_t, x| x[0].times(x[0]);
    Double [[5]] |_t, x| x[0].plus(x[0]);
    Cancel [[5]] |_t, x| x[0].minus(x[0]);
    SquareOfAnInteriorValue [[5]] |_t, x| { let h = x[0].tanh(); h.times(h) };
    DoubleOfAnInteriorValue [[5]] |_t, x| { let h = x[0].tanh(); h.plus(h) };
    MatrixSquare [[3, 3]] |_t, x| x[0].matmul(x[0]);
    GramOfAnInteriorValue [[2, 3]] |_t, x| { let h = x[0].sin(); h.matmul_with(h, matmul(false, true, 0.5)) };
    OtherGram [[2, 3]] |_t, x| { let h = x[0].sin(); h.matmul_with(h, matmul(true, false, 0.5)) };
    Residual [[2, 3], [3, 3]] |_t, x| x[0].plus(x[0].matmul(x[1])?.tanh());
    DeepResidual [[2, 3], [3, 3], [3]] |_t, x| {
        let h = x[0].plus(x[2])?.gelu();
        let h = h.plus(h.matmul(x[1])?.plus(x[2])?.tanh())?;
        h.combine(0.5, h.matmul(x[1])?.softplus(), -1.5)
    };
    TiedWeights [[2, 3], [3, 4]] |_t, x| x[0].matmul(x[1])?.sigmoid().matmul_with(x[1], matmul(false, true, 1.0));
    LeafTimesConstant [[2, 3]] |t, x| x[0].matmul(t.constant(t.keep_with(6, |i| R::from_f64(i as f64 - 2.5)), &[3, 2])?);
    ConstantTimesLeaf [[3, 2]] |t, x| t.constant(t.keep_with(6, |i| R::from_f64(i as f64 - 2.5)), &[2, 3])?.matmul(x[0]);
    ConstantTimesLeafBent [[3, 2]] |t, x| {
        let c = t.constant(t.keep_with(6, |i| R::from_f64(i as f64 - 2.5)), &[2, 3])?;
        Ok(c.matmul(x[0])?.tanh())
    };
    ConstantEntryByEntry [[3], [3]] |t, x| {
        let c = t.constant(t.keep_with(3, |i| R::from_f64(i as f64 - 0.5)), &[3])?;
        c.times(x[0])?.plus(x[1].times(c)?)
    };
    OutputIsALeaf [[3]] |_t, x| Ok(x[0]);
    OutputIgnoresALeaf [[3], [2]] |_t, x| Ok(x[0].exp());
    OutputIgnoresEveryLeaf [[3]] |t, _x| t.constant(t.keep(&[R::ONE; 2]), &[2])?.exp().plus(t.constant(t.keep(&[R::ONE]), &[])?);
    UnusedBranch [[3]] |_t, x| { let h = x[0].tanh(); let _ = h.exp().times(h)?; Ok(h.cos()) };
    QuotientOfOneValue [[5]] |_t, x| { let h = x[0].exp(); h.over(h) };
    QuotientOfALeafByItself [[5]] |_t, x| x[0].exp().over(x[0].exp().plus(x[0])?);
    DistanceOfOneValue [[5]] |_t, x| { let h = x[0].exp(); h.hypot(h) };
    PowerOfItself [[5]] |_t, x| { let h = x[0].sigmoid(); h.pow(h)?.atan2(h) };
    Softmax [[4, 3]] |_t, x| softmax(x[0]);
    LayerNormOfRows [[4, 5], [5], [5]] |_t, x| layer_norm(x[0], x[1], x[2], 1e-2);
    RmsNormOfRows [[4, 5], [5]] |_t, x| rms_norm(x[0], x[1], 1e-2);
    CrossAttention [[2, 3, 4], [2, 5, 4], [2, 5, 2]] |_t, x| attention(x[0], x[1], x[2], Mask::None);
    CausalSelfAttention [[2, 3, 4]] |_t, x| attention(x[0], x[0], x[0], Mask::Causal);
    TwoRecurrentSteps [[2, 3], [2, 4], [3, 4], [4, 4], [4]] |_t, x| {
        let h = rnn_cell(x[0], x[1], x[2], x[3], x[4])?;
        rnn_cell(x[0], h, x[2], x[3], x[4])
    };
    ModulusOfAComplexSquare [[5], [5]] |_t, x| {
        let z = Complex { re: x[0].exp(), im: x[1] };
        z.times(z)?.modulus()
    };
    LargestOfAnAxis [[3, 4]] |_t, x| { let h = x[0].sin(); h.max_axis(0)?.concat(&[h.min_axis(1)?], 0) };
    LargerOfTwo [[3, 4], [3, 4]] |_t, x| x[0].maximum(x[1])?.times(x[0].minimum(x[1])?);
    RowsOfATable [[5, 3]] |_t, x| Ok(x[0].gather(&[4, 0, 4, 4])?.tanh());
    TransposedProductWithItself [[2, 3]] |_t, x| { let h = x[0].sin(); h.matmul(h.transposed()?) };
    StackOfOneValue [[2, 3]] |_t, x| { let h = x[0].sin(); h.stack(&[h, x[0]], 1) };
    SlicesOfOneValue [[5, 3]] |_t, x| x[0].slice(0, 0, 3)?.times(x[0].slice(0, 2, 3)?);
    RunningSums [[5, 3]] |_t, x| x[0].exp().cumulative_sum(0)?.times(x[0].cumulative_sum(1)?);
    ReshapedAndUsedAgain [[2, 3]] |_t, x| x[0].reshape(&[3, 2])?.reshape(&[2, 3])?.times(x[0]);
    Variance [[4, 3]] |_t, x| {
        let centred = x[0].minus(x[0].sum_axis(0)?.scale(0.25))?;
        Ok(centred.times(centred)?.mean())
    };
    CrossEntropy [[4, 3], [3, 5], [5]] |_t, x| {
        cross_entropy(x[0].matmul(x[1])?.plus(x[2])?, &[4, 0, 2, 2])
    };
    ConvolutionalNetwork [[2, 5, 4, 2], [3, 3, 2, 4], [4], [3, 1, 2, 6], [6, 3]] |_t, x| {
        let h = x[0].conv(x[1], Window { stride: [2, 1], ..Window::SAME })?.tanh().times(x[2])?;
        let h = h.conv(x[3], Window { groups: 2, padding: Padding::Circular, ..Window::UNIT })?.gelu();
        h.max_pool(PoolWindow::tiles(2))?.global_average_pool()?.matmul(x[4])
    };
    WeightsFromAnImage [[1, 4, 4, 1], [3]] |_t, x| {
        let h = x[0].average_pool(PoolWindow::tiles(2))?.tanh().reshape(&[2, 2, 1, 1])?;
        x[0].conv(h, Window::SAME)?.conv(x[1].reshape(&[1, 3, 1, 1])?, Window::UNIT)
    };
    Attention [[2, 3, 4], [2, 5, 4], [2, 5, 3]] |_t, x| {
        let scores = x[0].batched_matmul_with(x[1], matmul(false, true, 0.5))?;
        log_softmax(scores)?.exp().batched_matmul(x[2])
    };
    MeanSquaredError [[4, 3], [3, 2], [4, 2]] |_t, x| mean_squared_error(x[0].matmul(x[1])?, x[2]);
    LayerNorm [[4, 5], [5], [5]] |t, x| {
        let centred = x[0].minus(x[0].sum_axis(1)?.scale(0.2).broadcast(1, 5)?)?;
        let small = t.constant(t.keep(&[R::from_f64(1e-2)]), &[])?;
        let variance = centred.times(centred)?.sum_axis(1)?.scale(0.2).plus(small)?;
        let normed = centred.times(variance.sqrt().recip().broadcast(1, 5)?)?;
        normed.times(x[1].broadcast(0, 4)?)?.plus(x[2])
    };
}

#[test]
fn operands_that_are_used_twice_receive_both_cotangents() {
    let mut random = Random::new(24);
    for (program, shapes) in Reuse::ALL {
        let inputs = random_inputs(shapes, &mut random);
        let checked = check::program::<f64>(program, &inputs, Bounds::of::<f64>(), &mut || random.number());
        assert!(checked.unwrap_or_else(|e| panic!("{e}")).differences, "{program:?}");
        check::program::<f32>(program, &inputs, Bounds::of::<f32>(), &mut || random.number())
            .unwrap_or_else(|e| panic!("{e}"));
    }
}

programs! {
    /// Pairs of programs, each a function written in two ways: the fused one first.
    Twin:
    ScaledProduct [[2, 3], [3, 5]] |_t, x| x[0].matmul_with(x[1], matmul(false, false, 0.3));
    ProductThenScale [[2, 3], [3, 5]] |_t, x| Ok(x[0].matmul(x[1])?.scale(0.3));
    TransposedProduct [[2, 3], [2, 5]] |_t, x| x[0].matmul_with(x[1], matmul(true, false, 1.0));
    ProductBySums [[2, 3], [2, 5]] |_t, x| {
        x[0].broadcast(2, 5)?.times(x[1].broadcast(1, 3)?)?.sum_axis(0)
    };
    Combination [[4, 3], [3]] |_t, x| x[0].combine(0.7, x[1], -1.3);
    ScaledSum [[4, 3], [3]] |_t, x| x[0].scale(0.7).plus(x[1].broadcast(0, 4)?.scale(-1.3));
    Gelu [[5]] |_t, x| Ok(x[0].gelu());
    GeluByErf [[5]] |_t, x| x[0].times(x[0].scale(std::f64::consts::FRAC_1_SQRT_2).scale(-1.0).erfc().scale(0.5));
    Cube [[5]] |_t, x| Ok(x[0].powi(3));
    CubeByProducts [[5]] |_t, x| x[0].times(x[0])?.times(x[0]);
    Sigmoid [[5]] |_t, x| Ok(x[0].sigmoid());
    SigmoidByTanh [[5]] |t, x| x[0].scale(0.5).tanh().scale(0.5).plus(t.constant(t.keep(&[R::from_f64(0.5)]), &[])?);
    LogSoftmax [[4, 3]] |_t, x| log_softmax(x[0]);
    LogSoftmaxUnshifted [[4, 3]] |_t, x| x[0].minus(x[0].exp().sum_axis(1)?.ln().broadcast(1, 3)?);
    ScaledChannels [[2, 3, 4], [4]] |_t, x| x[0].times(x[1]);
    ChannelsBroadcast [[2, 3, 4], [4]] |_t, x| x[1].broadcast(0, 3)?.broadcast(0, 2)?.times(x[0]);
    BatchOfProducts [[3, 2, 4], [3, 4, 5]] |_t, x| x[0].batched_matmul(x[1]);
    BatchBySums [[3, 2, 4], [3, 4, 5]] |_t, x| x[0].broadcast(3, 5)?.times(x[1].broadcast(1, 2)?)?.sum_axis(2);
    OuterProduct [[3], [5]] |_t, x| x[0].outer(x[1]);
    OuterByBroadcasts [[3], [5]] |_t, x| x[0].broadcast(1, 5)?.times(x[1].broadcast(0, 3)?);
    PointwiseConvolution [[2, 3, 4, 5], [1, 1, 5, 2]] |_t, x| x[0].conv(x[1], Window::UNIT);
    ProductOfEveryEntry [[2, 3, 4, 5], [1, 1, 5, 2]] |_t, x| x[0].matmul(x[1].reshape(&[5, 2])?);
    AverageOfAll [[2, 3, 4, 5]] |_t, x| x[0].global_average_pool();
    PoolOfAll [[2, 3, 4, 5]] |_t, x| {
        let window = PoolWindow { size: [3, 4], stride: [1, 1], padding: Padding::Valid };
        x[0].average_pool(window)?.reshape(&[2, 5])
    };
    Quotient [[2, 3], [2, 3]] |_t, x| x[0].over(x[1].exp());
    ProductWithTheReciprocal [[2, 3], [2, 3]] |_t, x| x[0].times(x[1].exp().recip());
    Power [[2, 3], [2, 3]] |_t, x| x[0].exp().pow(x[1]);
    PowerByTheExponential [[2, 3], [2, 3]] |_t, x| Ok(x[0].times(x[1])?.exp());
    Distance [[5], [5]] |_t, x| x[0].hypot(x[1]);
    DistanceByTheRoot [[5], [5]] |_t, x| Ok(x[0].square().plus(x[1].square())?.sqrt());
    Angle [[5], [5]] |_t, x| x[0].atan2(x[1].exp());
    AngleByTheQuotient [[5], [5]] |_t, x| Ok(x[0].over(x[1].exp())?.atan());
    BrokenPower [[5]] |_t, x| Ok(x[0].exp().powf(-1.5));
    BrokenPowerByTheExponential [[5]] |_t, x| Ok(x[0].scale(-1.5).exp());
    ReciprocalRoot [[5]] |_t, x| Ok(x[0].exp().rsqrt());
    ReciprocalOfTheRoot [[5]] |_t, x| Ok(x[0].exp().sqrt().recip());
    Silu [[5]] |_t, x| Ok(x[0].silu());
    SiluByTheProduct [[5]] |_t, x| x[0].times(x[0].sigmoid());
    Tangent [[5]] |_t, x| Ok(x[0].tan());
    TangentByTheQuotient [[5]] |_t, x| x[0].sin().over(x[0].cos());
    HyperbolicSine [[5]] |_t, x| Ok(x[0].sinh());
    HyperbolicSineByExponentials [[5]] |_t, x| x[0].expm1().combine(0.5, x[0].scale(-1.0).expm1(), -0.5);
    ArcSine [[5]] |_t, x| Ok(x[0].scale(0.9).asin());
    ArcSineByTheArcCosine [[5]] |t, x| {
        t.constant(t.keep(&[R::from_f64(std::f64::consts::FRAC_PI_2)]), &[])?.minus(x[0].scale(0.9).acos())
    };
    LogGammaOfTheNext [[5]] |t, x| Ok(x[0].exp().plus(t.constant(t.keep(&[R::ONE]), &[])?)?.ln_gamma());
    LogGammaAndTheLogarithm [[5]] |_t, x| x[0].exp().ln_gamma().plus(x[0]);
    SoftmaxOfRows [[4, 3]] |_t, x| softmax(x[0]);
    ExponentialOfLogSoftmax [[4, 3]] |_t, x| Ok(log_softmax(x[0])?.exp());
    LastRunningSum [[4, 3]] |_t, x| x[0].cumulative_sum(0)?.slice(0, 3, 1)?.reshape(&[3]);
    SumOfTheAxis [[4, 3]] |_t, x| x[0].sum_axis(0);
    LowerPart [[4, 3]] |_t, x| x[0].tril(0);
    WithoutTheUpperPart [[4, 3]] |_t, x| x[0].minus(x[0].triu(1)?);
    TransposeByTheProduct [[2, 3], [2, 5]] |_t, x| x[0].matmul_with(x[1], matmul(true, false, 1.0));
    TransposeThenProduct [[2, 3], [2, 5]] |_t, x| x[0].transposed()?.matmul(x[1]);
    Concatenation [[2, 3], [4, 3]] |_t, x| x[0].concat(&[x[1]], 0);
    SumOfPadded [[2, 3], [4, 3]] |_t, x| x[0].pad(0, 0, 4)?.plus(x[1].pad(0, 2, 0)?);
    Expm1 [[5]] |_t, x| Ok(x[0].expm1());
    ExpMinusOne [[5]] |t, x| x[0].exp().minus(t.constant(t.keep(&[R::ONE]), &[])?);
}

#[test]
fn a_fused_op_is_its_unfused_twin() {
    let mut random = Random::new(25);
    for pair in Twin::ALL.chunks_exact(2) {
        let [(fused, shapes), (unfused, same)] = pair else { unreachable!("chunks of two") };
        assert_eq!(shapes, same);
        let inputs = random_inputs(shapes, &mut random);
        check::twins::<f64>(fused, unfused, &inputs, Bounds::of::<f64>(), &mut || random.number())
            .unwrap_or_else(|e| panic!("{e}"));
        check::twins::<f32>(fused, unfused, &inputs, Bounds::of::<f32>(), &mut || random.number())
            .unwrap_or_else(|e| panic!("{e}"));
    }
}

programs! {
    /// Programs that no mode accepts.
    Refused:
    SumOfUnlikeShapes [[2, 3], [2]] |_t, x| x[0].plus(x[1]);
    DifferenceOfUnlikeShapes [[2, 3], [3, 2]] |_t, x| x[0].minus(x[1]);
    ProductOfUnlikeShapes [[2, 3], [2]] |_t, x| x[0].times(x[1]);
    QuotientOfUnlikeShapes [[2, 3], [3]] |_t, x| x[0].over(x[1]);
    PowerOfUnlikeShapes [[2, 3], [2]] |_t, x| x[0].pow(x[1]);
    MaximumOfUnlikeShapes [[2, 3], [3]] |_t, x| x[0].maximum(x[1]);
    PermuteOfAnAxisTwice [[2, 3]] |_t, x| x[0].permute(&[1, 1]);
    PermuteOfTooFewAxes [[2, 3]] |_t, x| x[0].permute(&[0]);
    PermuteBeyondTheRank [[2, 3]] |_t, x| x[0].permute(&[0, 2]);
    TransposeOfAVector [[3]] |_t, x| x[0].transposed();
    FlipOverNoAxis [[2, 3]] |_t, x| x[0].flip(2);
    SliceBeyondTheAxis [[2, 3]] |_t, x| x[0].slice(1, 2, 2);
    SliceOverNoAxis [[2, 3]] |_t, x| x[0].slice(2, 0, 1);
    PadOverNoAxis [[2, 3]] |_t, x| x[0].pad(2, 1, 1);
    ConcatOfUnlikeShapes [[2, 3], [2, 4]] |_t, x| x[0].concat(&[x[1]], 0);
    ConcatOverNoAxis [[2, 3], [2, 3]] |_t, x| x[0].concat(&[x[1]], 2);
    StackOfUnlikeShapes [[2, 3], [2, 4]] |_t, x| x[0].stack(&[x[1]], 0);
    GatherBeyondTheAxis [[2, 3]] |_t, x| x[0].gather(&[0, 2]);
    GatherFromAScalar [[]] |_t, x| x[0].gather(&[0]);
    TriangleOfAVector [[3]] |_t, x| x[0].tril(0);
    RunningSumOverNoAxis [[2, 3]] |_t, x| x[0].cumulative_sum(2);
    LargestOfNothing [[2, 0]] |_t, x| x[0].max_axis(1);
    SoftmaxOfAScalar [[]] |_t, x| softmax(x[0]);
    CausalMaskOfUnlikeLengths [[1, 2, 3], [1, 4, 3], [1, 4, 3]] |_t, x| attention(x[0], x[1], x[2], Mask::Causal);
    InnerSizes [[2, 3], [2, 3]] |_t, x| x[0].matmul(x[1]);
    InnerSizesTransposed [[2, 3], [3, 2]] |_t, x| x[0].matmul_with(x[1], matmul(false, true, 1.0));
    VectorTimesMatrix [[3], [3, 2]] |_t, x| x[0].matmul(x[1]);
    MatrixTimesVector [[2, 3], [3]] |_t, x| x[0].matmul(x[1]);
    MatrixTimesBatch [[2, 3], [1, 3, 2]] |_t, x| x[0].matmul(x[1]);
    TransposedBatch [[1, 3, 2], [3, 2]] |_t, x| x[0].matmul_with(x[1], matmul(true, false, 1.0));
    SumOverNoAxis [[2, 3]] |_t, x| x[0].sum_axis(2);
    SumOfAScalarOverAnAxis [[]] |_t, x| x[0].sum_axis(0);
    BroadcastBeyondTheRank [[2, 3]] |_t, x| x[0].broadcast(3, 2);
    ReshapeToOtherCount [[2, 3]] |_t, x| x[0].reshape(&[5]);
    ReshapeToACountThatOverflows [[0]] |_t, x| x[0].reshape(&[1 << 32, 1 << 32]);
    PickBeyondTheAxis [[2, 3]] |_t, x| x[0].pick(&[0, 3]);
    PickTooFew [[2, 3]] |_t, x| x[0].pick(&[0]);
    PickFromAScalar [[]] |_t, x| x[0].pick(&[0]);
    PickFromAnEmptyAxis [[2, 0]] |_t, x| x[0].pick(&[0, 0]);
    LogSoftmaxOfAScalar [[]] |_t, x| log_softmax(x[0]);
    LabelBeyondTheClasses [[2, 3]] |_t, x| cross_entropy(x[0], &[0, 3]);
    TooManyLabels [[2, 3]] |_t, x| cross_entropy(x[0], &[0, 1, 2]);
    TargetsOfAnotherShape [[2, 3], [3]] |_t, x| mean_squared_error(x[0], x[1]);
    ConvolutionOfOtherChannels [[1, 5, 5, 2], [3, 3, 3, 1]] |_t, x| x[0].conv(x[1], Window::UNIT);
    ConvolutionThatIsTooLarge [[1, 2, 5, 2], [3, 3, 2, 1]] |_t, x| x[0].conv(x[1], Window::UNIT);
    PairsOfAnotherNumber [[2, 3, 2], [3, 2, 5]] |_t, x| x[0].batched_matmul(x[1]);
    OuterProductOfMatrices [[2, 3], [2]] |_t, x| x[0].outer(x[1]);
    PoolOfAMatrix [[2, 3]] |_t, x| x[0].max_pool(PoolWindow::tiles(1));
    PoolThatIsTooLarge [[2, 3, 3]] |_t, x| x[0].average_pool(PoolWindow::tiles(3));
    ConstantTooShort [[1]] |t, _x| t.constant(t.keep(&[R::ONE]), &[2]);
    ConstantWhoseCountOverflows [[1]] |t, _x| t.constant(&[], &[1 << 32, 1 << 32]);
    LeafTooLong [[1]] |t, _x| t.leaf(t.keep(&[R::ONE; 3]), &[2]);
    SamplesWithoutAnAxis [[1]] |t, _x| t.samples(t.keep(&[R::ONE]), &[]);
    UnequalSampleCounts [[1]] |t, _x| {
        t.samples(t.keep(&[R::ONE; 2]), &[2])?;
        t.samples(t.keep(&[R::ONE; 3]), &[3])
    };
}

#[test]
fn every_mode_refuses_the_same_programs_with_the_same_error() {
    let mut random = Random::new(26);
    for (program, shapes) in Refused::ALL {
        let error = check::refusal(program, &random_inputs(shapes, &mut random)).unwrap_or_else(|e| panic!("{e}"));
        let message = error.to_string();
        assert!(message.contains("; "), "{program:?}: the message ends with the remedy: {message}");
    }
}

#[test]
fn every_mode_refuses_a_variable_of_another_tape() {
    fn refused<R: Real>() -> Vec<Error> {
        let x = [R::ONE];
        let (mut arena, mut other) = (autodiff::Arena::new(), autodiff::Arena::new());
        let (here, there) = (arena.tape().leaf(&x, &[1]).unwrap(), other.tape().leaf(&x, &[1]).unwrap());
        [
            here.plus(there),
            here.minus(there),
            here.times(there),
            here.matmul(there),
            here.conv(there, Window::UNIT),
            here.over(there),
        ]
        .map(|refused| refused.unwrap_err())
        .to_vec()
    }
    let expected = ["combine", "combine", "mul", "matmul", "conv", "div"].map(|op| Error::ForeignVariable { op });
    assert_eq!(refused::<f64>(), expected);
    assert_eq!(refused::<f32>(), expected);
    assert_eq!(autodiff::with_tangents(&[1.0], &[1.0], |_x| refused::<autodiff::Dual<'_, f64>>()), expected);
}

#[test]
fn a_program_that_is_accepted_breaks_the_law_of_refusal() {
    let (program, shapes) = Reuse::ALL[0];
    let broken = check::refusal(&program, &random_inputs(shapes, &mut Random::new(27))).unwrap_err();
    assert_eq!(broken.law, check::Law::Refusal);
}
