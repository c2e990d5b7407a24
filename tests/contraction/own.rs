//! Networks of one's own: what the structured contraction can use, what it refuses, and what nobody can do.

use autodiff::op::bilinear::Matmul;
use autodiff::{Real, Var};
use ntk::contraction::{Method, Outputs};
use ntk::error::{Kind, Result};
use ntk::network::{Footprint, Network};

use super::{Given, METHODS, assert_close, folded};

/// A function of samples and parameters, by name.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Own {
    /// `tanh(tanh(x W) W) V`: one matrix in two layers.
    TiedWeights,
    /// `sin(x U + b) W + b`, and `b` once more behind an activation.
    TiedBias,
    /// `tanh(x W + c)`, c of shape `[1, 3]` added to `[n, 1, 3]`.
    AddedOnce,
    /// `tanh(x W) W^T`
    Transposed,
    /// `x B`, and `B` added too, in a network of one input.
    FactorAndSummand,
    /// `x (A B)`
    Product,
    /// `x (W + u)`
    Sum,
    /// `tanh(x (c W)) V`
    Scaled,
    /// `x tanh(W)`
    Bent,
    /// `V` of `tanh(x_p W)` for every position p of a sample, all with one W.
    Positions,
    /// `x W - mean over samples of x W`
    Centred,
    /// The same, on the way to a network that looks innocent.
    CentredInside,
    /// A parameter that nothing uses.
    Unused,
}

use Own::*;

impl Own {
    /// Right, and contracted from factors or gradients.
    const SPLIT: [Self; 7] = [TiedWeights, TiedBias, AddedOnce, Unused, Transposed, FactorAndSummand, Positions];
    /// Right, but not sample by sample; the op that the refusal names.
    const UNSPLIT: [(Self, &'static str); 4] =
        [(Product, "matmul"), (Sum, "combine"), (Scaled, "combine"), (Bent, "tanh")];
    /// Not a function of samples one by one.
    const MIXED: [Self; 2] = [Centred, CentredInside];

    fn given(self, n: usize, m: Option<usize>) -> Given<Self> {
        Given::of(self, false, n, m)
    }
}

impl Network for Own {
    fn input(&self) -> Result<Vec<usize>> {
        Ok(match self {
            Positions => vec![2, 3],
            FactorAndSummand => vec![1],
            _ => vec![3],
        })
    }

    fn parameters(&self) -> Result<Vec<Vec<usize>>> {
        Ok(match self {
            TiedWeights | Scaled => vec![vec![3, 3], vec![3, 2]],
            TiedBias => vec![vec![3, 3], vec![3], vec![3, 3]],
            AddedOnce => vec![vec![3, 3], vec![1, 3]],
            Unused => vec![vec![5], vec![3, 3], vec![2]],
            FactorAndSummand => vec![vec![1, 3]],
            Product => vec![vec![3, 4], vec![4, 3]],
            Sum => vec![vec![3, 3], vec![3, 3]],
            Positions => vec![vec![3, 4], vec![8, 3]],
            Transposed | Bent | Centred => vec![vec![3, 3]],
            CentredInside => vec![vec![3, 3], vec![3, 2]],
        })
    }

    fn outputs(&self) -> Result<usize> {
        Ok(if matches!(self, TiedWeights | Scaled | CentredInside) { 2 } else { 3 })
    }

    fn apply<'a, R: Real>(&self, x: Var<'a, R>, p: &[Var<'a, R>]) -> autodiff::Result<Var<'a, R>> {
        let n = x.shape()[0];
        let centred = |z: Var<'a, R>| z.minus(z.sum_axis(0)?.scale(1.0 / n as f64));
        Ok(match self {
            TiedWeights => x.matmul(p[0])?.tanh().matmul(p[0])?.tanh().matmul(p[1])?,
            TiedBias => {
                let z = x.matmul(p[0])?.combine(1.0, p[1], 0.4)?.sin().combine(0.7, p[1], 1.0)?.erf().plus(p[1])?;
                z.matmul(p[2])?.plus(p[1])?
            }
            AddedOnce => {
                let z = x.matmul(p[0])?.reshape(&[n, 1, 3])?.combine(1.0, p[1], 0.6)?;
                z.tanh().reshape(&[n, 3])?
            }
            Unused => x.matmul(p[1])?.softplus(),
            Transposed => {
                let transposed = Matmul { transpose_a: false, transpose_b: true, alpha: 0.8 };
                x.matmul(p[0])?.tanh().matmul_with(p[0], transposed)?
            }
            FactorAndSummand => {
                let z = x.matmul(p[0])?.sin().reshape(&[n, 1, 3])?.plus(p[0])?;
                z.tanh().reshape(&[n, 3])?
            }
            Product => x.matmul(p[0].matmul(p[1])?)?,
            Sum => x.matmul(p[0].plus(p[1])?)?,
            Scaled => x.matmul(p[0].scale(1.7))?.tanh().matmul(p[1])?,
            Bent => x.matmul(p[0].tanh())?,
            Positions => {
                let z = x.reshape(&[n * 2, 3])?.matmul(p[0])?.tanh();
                z.reshape(&[n, 8])?.matmul(p[1])?
            }
            Centred => centred(x.matmul(p[0])?)?,
            CentredInside => centred(x.matmul(p[0])?)?.tanh().matmul(p[1])?,
        })
    }
}

/// Batches of one block and of several, one sample and more.
const BATCHES: [(usize, Option<usize>); 6] =
    [(1, None), (2, None), (9, None), (1, Some(4)), (130, Some(3)), (140, None)];

#[test]
fn every_mode_by_every_usable_method_is_the_definition() {
    let unsplit = Own::UNSPLIT.map(|(own, _)| own);
    for own in Own::SPLIT.into_iter().chain(unsplit) {
        assert_eq!(Footprint::measure(&own).unwrap().splits, Own::SPLIT.contains(&own), "{own:?}");
        for (n, m) in BATCHES {
            let given = own.given(n, m);
            let o = own.outputs().unwrap();
            let full = ntk::array::Array::new([n, m.unwrap_or(n), o, o], given.by_definition()).unwrap();
            for outputs in Outputs::ALL {
                let expected = folded(&full, outputs);
                for method in [Method::Auto, Method::Structured, Method::Products, Method::Jacobian] {
                    if method == Method::Structured && unsplit.contains(&own) {
                        continue;
                    }
                    let what = format!("{own:?} {n} {m:?} {outputs:?} {method:?}");
                    assert_close(&given.kernel(outputs, method).data, &expected, 1e-13, &what);
                }
            }
        }
    }
}

#[test]
fn what_does_not_split_is_refused_by_the_structured_contraction_with_the_op_named() {
    for (own, op) in Own::UNSPLIT {
        for (n, m) in BATCHES {
            let error = own.given(n, m).compute(Outputs::Trace, Method::Structured, u64::MAX).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{own:?}: {error}");
            assert!(error.to_string().contains(op), "{own:?}: {error}");
            assert!(error.to_string().contains("parameter 0"), "{own:?}: {error}");
            assert!(error.hint().is_some_and(|hint| error.to_string().ends_with(&hint)), "{own:?}: {error}");
        }
    }
}

#[test]
fn a_network_that_mixes_samples_is_refused_by_every_method_even_for_one_sample() {
    for own in Own::MIXED {
        for (n, m) in BATCHES {
            for method in METHODS.into_iter().chain([Method::Auto]) {
                let error = own.given(n, m).compute(Outputs::Trace, method, u64::MAX).unwrap_err();
                assert_eq!(error.kind(), Kind::Usage, "{own:?} {method:?}: {error}");
                assert!(error.to_string().contains("(sum) mixes samples"), "{own:?} {method:?}: {error}");
            }
        }
    }
}

/// Says that it is an ordinary network, without having measured.
struct Claims(Own);

impl Network for Claims {
    fn input(&self) -> Result<Vec<usize>> {
        self.0.input()
    }
    fn parameters(&self) -> Result<Vec<Vec<usize>>> {
        self.0.parameters()
    }
    fn outputs(&self) -> Result<usize> {
        self.0.outputs()
    }
    fn apply<'a, R: Real>(&self, x: Var<'a, R>, p: &[Var<'a, R>]) -> autodiff::Result<Var<'a, R>> {
        self.0.apply(x, p)
    }
    fn footprint(&self) -> Result<Footprint> {
        Footprint::measure(&TiedWeights)
    }
}

#[test]
fn a_footprint_that_claims_too_much_gives_no_wrong_kernel() {
    for own in Own::MIXED {
        for (n, method) in [1, 5].into_iter().flat_map(|n| METHODS.map(|method| (n, method))) {
            let given = Given::of(Claims(own), false, n, None);
            let error = given.compute(Outputs::Trace, method, u64::MAX).unwrap_err();
            assert!(error.to_string().contains("(sum) mixes samples"), "{own:?} {method:?}: {error}");
        }
    }
    for (own, _) in Own::UNSPLIT {
        let error = Given::of(Claims(own), false, 5, None).compute(Outputs::Trace, Method::Structured, u64::MAX);
        assert_eq!(error.unwrap_err().kind(), Kind::Usage, "{own:?}");
    }
}
