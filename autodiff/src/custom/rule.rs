//! Rules that a user states.

use smallvec::SmallVec;

use super::{Call, Door, Operands, Pair, Primal};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::op::Samples;
use crate::real::Real;
use crate::shape::Shape;
use crate::sweep::{Pool, Tangents};
use crate::tape::{Node, Tape};

/// An op with a rule of its own: what its author states, and the sweeps ask for.
///
/// For one direction at a time; blocks of directions are looped over. What the rule says is taken as true: hold it to the
/// laws with [`check_grads`](crate::check::check_grads), which names the law and the entry that are wrong.
///
/// Where ops of the closed set can say the same, let them: their rules are proved, fused into blocks, and keep samples
/// apart. A rule of one's own pays where the derivative is known better than its parts are, as for a root, an integral, a
/// solver's result.
///
/// ```
/// use autodiff::custom::{Custom, Given, Point};
/// use autodiff::check::{Order, check_grads};
/// use autodiff::{Result, Shape, Tensor, grad};
///
/// /// The root y of `y^3 + y = x`, entry by entry: by Newton's method, whose steps nobody wants on a tape. From
/// /// `(3 y^2 + 1) y_dot = x_dot` its slope is `s = 1 / (3 y^2 + 1)`.
/// struct Root;
///
/// impl Root {
///     fn slope(y: f64) -> f64 {
///         1.0 / (3.0 * y * y + 1.0)
///     }
/// }
///
/// impl Custom<f64> for Root {
///     fn name(&self) -> &'static str {
///         "root"
///     }
///     fn shape(&self, x: &[&[usize]]) -> Result<Shape> {
///         Ok(x[0].into())
///     }
///     fn primal(&self, x: &[Given<'_, f64>], y: &mut [f64]) {
///         for (&x, y) in x[0].numbers.iter().zip(y) {
///             *y = (0..60).fold(0.0, |y, _| y - (y * y * y + y - x) * Root::slope(y));
///         }
///     }
///     fn jvp(&self, at: &Point<'_, f64>, x_dot: &[Option<&[f64]>], y_dot: &mut [f64]) {
///         let x_dot = x_dot[0].expect("asked for where it moves");
///         (0..y_dot.len()).for_each(|i| y_dot[i] = Root::slope(at.y[i]) * x_dot[i]);
///     }
///     fn vjp(&self, at: &Point<'_, f64>, y_bar: &[f64], _operand: usize, x_bar: &mut [f64]) {
///         (0..y_bar.len()).for_each(|i| x_bar[i] = Root::slope(at.y[i]) * y_bar[i]);
///     }
/// }
///
/// let x = [Tensor::vector([2.0, 10.0])]; // whose roots are 1 and 2
/// let g = grad(|x| Ok(x[0].tape().custom(&Root, &x)?.sum()), &x).unwrap();
/// assert!((g[0].numbers()[0] - 1.0 / 4.0).abs() < 1e-15 && (g[0].numbers()[1] - 1.0 / 13.0).abs() < 1e-15);
/// check_grads(|x| x[0].tape().custom(&Root, &x), &x, Order::First, 1e-8).unwrap();
///
/// // It states no second order, and that is said, not guessed.
/// let error = autodiff::hessian(|x| Ok(x[0].tape().custom(&Root, &x)?.sum()), &x).unwrap_err();
/// assert!(error.to_string().starts_with("root: its rule states no second order; "));
/// ```
pub trait Custom<R: Real> {
    /// The name in messages.
    fn name(&self) -> &'static str;

    /// The shape of the value, from those of the operands.
    ///
    /// # Errors
    /// If they do not fit; say what would.
    fn shape(&self, operands: &[&[usize]]) -> Result<Shape>;

    /// Where the value keeps its samples; `None` if one sample's value depends on others.
    ///
    /// It is not asked where no operand has samples. What it claims is not proved.
    fn samples(&self, _operands: &[Samples]) -> Option<Samples> {
        None
    }

    /// `y = f(x)`
    fn primal(&self, x: &[Given<'_, R>], y: &mut [R]);

    /// `y_dot = J x_dot`, summed over the operands; `None` is an operand that does not move. One at least does.
    fn jvp(&self, at: &Point<'_, R>, x_dot: &[Option<&[R]>], y_dot: &mut [R]);

    /// `x_bar = J_i^T y_bar` for one operand; what is in `x_bar` before has no meaning.
    fn vjp(&self, at: &Point<'_, R>, y_bar: &[R], operand: usize, x_bar: &mut [R]);

    /// `x_bar_dot`, the tangent of [`Custom::vjp`] along `x_dot`, when its cotangent has the tangent `y_bar_dot`:
    /// `J_i^T y_bar_dot + (d J_i^T / dx . x_dot) y_bar`.
    ///
    /// # Errors
    /// [`Error::SecondOrder`], unless it is stated: then Hessians through this op are refused.
    fn vjp_tangent(
        &self,
        _at: &Point<'_, R>,
        _x_dot: &[Option<&[R]>],
        _y_bar: (&[R], &[R]),
        _operand: usize,
        _x_bar_dot: &mut [R],
    ) -> Result<()> {
        Err(Error::SecondOrder { op: self.name() })
    }
}

/// An operand as a rule sees it.
#[derive(Clone, Copy, Debug)]
pub struct Given<'s, R> {
    /// Its sizes.
    pub shape: &'s [usize],
    /// Its numbers, row-major.
    pub numbers: &'s [R],
}

/// Where a rule's derivatives are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Point<'s, R> {
    /// The operands.
    pub x: &'s [Given<'s, R>],
    /// The value there.
    pub y: &'s [R],
}

/// A stated rule behind its door.
#[derive(Clone, Copy)]
pub(crate) struct Stated<'a, R>(pub(crate) &'a dyn Custom<R>);

type Givens<'s, R> = SmallVec<[Given<'s, R>; 4]>;

fn givens<'t, R: Real>(operands: impl Iterator<Item = Node<'t, R>>) -> Givens<'t, R> {
    operands.map(|x| Given { shape: x.shape, numbers: x.value }).collect()
}

/// Direction `k` of the tangents of every operand.
fn along<'s, R: Real>(node: &Node<'_, R>, tangents: &'s Tangents<'_, R>, k: usize) -> SmallVec<[Option<&'s [R]>; 4]> {
    let one = |block: &'s [R]| {
        let len = block.len() / tangents.directions;
        &block[k * len..][..len]
    };
    node.inputs.iter().map(|&x| tangents.at(x).map(one)).collect()
}

impl<R: Real> Door<R> for Stated<'_, R> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn primal<'t>(&self, tape: &'t Tape<'t, R>, operands: &Operands<'_, 't, R>) -> Result<Primal<'t, R>> {
        let shapes: SmallVec<[&[usize]; 4]> = operands.nodes.iter().map(|x| x.shape).collect();
        let shape = self.0.shape(&shapes)?;
        let tags: SmallVec<[Samples; 4]> = operands.nodes.iter().map(|x| x.samples).collect();
        let free = tags.iter().all(|tag| *tag == Samples::Free);
        let samples = if free { Some(Samples::Free) } else { self.0.samples(&tags) };
        let mut y = vec![R::ZERO; shape.len()];
        self.0.primal(&givens(operands.nodes.iter().copied()), &mut y);
        Ok((shape, samples, tape.keep(&y)))
    }

    fn pushforward<'t>(
        &self,
        tape: &'t Tape<'t, R>,
        node: &Node<'t, R>,
        tangents: &Tangents<'t, R>,
        pool: &mut Pool<R>,
    ) -> Result<Option<Vec<R>>> {
        let x = givens(node.inputs.iter().map(|&x| tape.node(x)));
        let (at, len) = (Point { x: &x, y: node.value }, node.value.len());
        let mut y_dot = pool.take(tangents.directions * len);
        for k in 0..tangents.directions {
            self.0.jvp(&at, &along(node, tangents, k), &mut y_dot[k * len..][..len]);
        }
        Ok(Some(y_dot))
    }

    fn pullback<'t>(&self, call: &Call<'_, 't, R>, sums: &mut [Pair<R>], pool: &mut Pool<R>) -> Result<()> {
        let (node, len) = (call.node, call.node.value.len());
        let x = givens(node.inputs.iter().map(|&x| call.tape.node(x)));
        let at = Point { x: &x, y: node.value };
        for (i, operand) in node.inputs.iter().enumerate() {
            let Some(of) = call.operands.iter().position(|other| other == operand) else { continue };
            let x_len = x[i].numbers.len();
            let mut one = pool.take(x_len);
            let (sum, accumulate) = sums[of].bar.summand(call.directions * x_len, pool);
            for k in 0..call.directions {
                self.0.vjp(&at, &call.bar[k * len..][..len], i, &mut one);
                put(&one, &mut sum[k * x_len..][..x_len], accumulate);
            }
            if let Some(tangents) = call.tangents {
                let zeros = pool.zeros(len);
                let (sum, accumulate) = sums[of].dot.summand(tangents.directions * x_len, pool);
                for k in 0..tangents.directions {
                    let dot = call.dot.map_or(&zeros[..], |dot| &dot[k * len..][..len]);
                    self.0.vjp_tangent(&at, &along(&node, tangents, k), (call.bar, dot), i, &mut one)?;
                    put(&one, &mut sum[k * x_len..][..x_len], accumulate);
                }
                pool.give(zeros);
            }
            pool.give(one);
        }
        Ok(())
    }
}

/// The first term is written, not added to 0, which would lose -0.
fn put<R: Real>(term: &[R], sum: &mut [R], accumulate: Accumulate) {
    match accumulate {
        Accumulate::Replace => sum.copy_from_slice(term),
        Accumulate::Add => sum.iter_mut().zip(term).for_each(|(sum, &term)| *sum += term),
    }
}
