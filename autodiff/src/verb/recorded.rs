//! A function recorded at a point, and the sweeps over that recording that the verbs are.

use super::Inputs;
use super::seed::{self, Block};
use crate::error::{Error, Result};
use crate::real::Real;
use crate::sweep::{Gradient, Pool, pullback, pullback_tangent, pushforward};
use crate::tape::{Arena, Tape, Var};
use crate::tensor::Tensor;

/// Directions that [`Recorded::jacobian`] and [`Recorded::hessian`] sweep at once.
///
/// Each doubles the memory of a sweep and saves little beyond some tens.
pub const BLOCK: usize = 16;

/// The memory of recordings and sweeps, kept from one to the next.
///
/// The verbs that are plain functions make one and drop it. In a loop, keep one: from the second recording of a program
/// on, nothing is allocated but the results.
///
/// ```
/// use autodiff::{Tensor, verb::Workspace};
///
/// let mut workspace = Workspace::new();
/// let mut x = [Tensor::vector([3.0, -2.0])];
/// for _ in 0..100 {
///     let g = workspace.linearize(|x| Ok(x[0].powi(2).sum()), &x).unwrap().grad().unwrap();
///     x[0].numbers_mut().iter_mut().zip(g[0].numbers()).for_each(|(x, g)| *x -= 0.25 * g);
/// }
/// assert!(x[0].numbers().iter().all(|x: &f64| x.abs() < 1e-12));
/// ```
#[derive(Default)]
pub struct Workspace<R> {
    arena: Arena,
    loss: Arena,
    pool: Pool<R>,
    gradient: Gradient<R>,
}

impl<R: Real> Workspace<R> {
    /// Nothing yet; it grows as it is used.
    pub fn new() -> Self {
        Self { arena: Arena::new(), loss: Arena::new(), pool: Pool::default(), gradient: Gradient::new() }
    }

    /// Bytes of the recordings, and of the buffers that wait for the next sweep.
    pub fn bytes(&self) -> usize {
        self.arena.bytes() + self.loss.bytes() + self.pool.bytes()
    }

    /// Records `f` at `primals`, once; every derivative there can then be asked for, as often as is liked.
    ///
    /// ```
    /// use autodiff::{Tensor, verb::Workspace};
    ///
    /// let at = [Tensor::vector([1.0, 2.0]), Tensor::scalar(3.0)];
    /// let mut workspace = Workspace::new();
    /// let mut f = workspace.linearize(|x| x[1].times(x[0].powi(2).sum()), &at).unwrap();
    /// assert_eq!(f.value().item(), Some(15.0));
    ///
    /// // Two directions at once: each tangent has a leading axis of 2.
    /// let along = [Tensor::new(&[2, 2], [1.0, 0.0, 0.0, 1.0]).unwrap(), Tensor::zeros(&[2])];
    /// assert_eq!(f.jvp(&along).unwrap().numbers(), [6.0, 12.0]);
    /// assert_eq!(f.grad().unwrap()[1].item(), Some(5.0));
    /// ```
    ///
    /// # Cost
    /// One evaluation of `f`. The recording keeps every intermediate value.
    ///
    /// # Errors
    /// What `f` refuses; [`Error::ForeignVariable`] if its result is on another tape.
    pub fn linearize<'w, 'd: 'w>(
        &'w mut self,
        f: impl FnOnce(Inputs<'w, 'd, R>) -> Result<Var<'w, R>>,
        primals: &'w [Tensor<R>],
    ) -> Result<Recorded<'w, R>> {
        let Self { arena, loss, pool, gradient } = self;
        let tape = arena.tape();
        let (inputs, output) = record(tape, f, primals)?;
        Ok(Recorded { tape, inputs, output, loss, pool, gradient })
    }
}

/// Records a function on leaves that hold `primals`.
pub(crate) fn record<'a, 'd: 'a, R: Real>(
    tape: &'a Tape<'a, R>,
    f: impl FnOnce(Inputs<'a, 'd, R>) -> Result<Var<'a, R>>,
    primals: &'a [Tensor<R>],
) -> Result<(&'a [Var<'a, R>], Var<'a, R>)> {
    let leaves: Result<Vec<_>> = primals.iter().map(|x| tape.leaf(x.numbers(), x.shape())).collect();
    let inputs = tape.keep_list(&leaves?);
    let output = f(Inputs::new(tape, inputs))?;
    if std::ptr::eq(output.tape(), tape) {
        return Ok((inputs, output));
    }
    Err(Error::ForeignVariable { op: "result" })
}

/// A function recorded at a point: its value there, and every derivative.
///
/// Made by [`Workspace::linearize`]. Each method is one or two sweeps over the recording; none evaluates the function
/// again. Tangents and cotangents have the shape of what they belong to, or that with a leading axis of K directions, and
/// then the result has it too.
pub struct Recorded<'w, R> {
    tape: &'w Tape<'w, R>,
    inputs: &'w [Var<'w, R>],
    output: Var<'w, R>,
    loss: &'w mut Arena,
    pool: &'w mut Pool<R>,
    gradient: &'w mut Gradient<R>,
}

impl<'w, R: Real> Recorded<'w, R> {
    /// The tape that it was recorded on.
    pub fn tape(&self) -> &'w Tape<'w, R> {
        self.tape
    }

    /// The function's value.
    pub fn value(&self) -> Tensor<R> {
        Block::ONE.tensor(self.output.shape(), self.output.value().to_vec())
    }

    /// `J x_dot`: the derivative of the value along the tangents.
    ///
    /// # Cost
    /// A pushforward, about one evaluation a direction.
    ///
    /// # Errors
    /// [`Error::Arguments`] or [`Error::Seed`] if the tangents do not fit the primals.
    pub fn jvp(&mut self, tangents: &[Tensor<R>]) -> Result<Tensor<R>> {
        let block = seed::tangents("jvp", tangents, self.inputs)?;
        let tangents = pushforward(self.tape, &seeds(self.inputs, tangents), block.directions(), self.pool)?;
        let zeros = || vec![R::ZERO; block.directions() * self.output.value().len()];
        let y_dot = tangents.of(self.output).map_or_else(zeros, <[R]>::to_vec);
        tangents.release(self.pool);
        Ok(block.tensor(self.output.shape(), y_dot))
    }

    /// `J^T y_bar`: for each primal, what the cotangent of the value makes of it.
    ///
    /// # Cost
    /// A pullback, one to two evaluations a direction.
    ///
    /// # Errors
    /// [`Error::Seed`] if the cotangent does not fit the value.
    pub fn vjp(&mut self, cotangent: &Tensor<R>) -> Result<Vec<Tensor<R>>> {
        let block = seed::cotangent("vjp", cotangent, self.output)?;
        pullback(self.output, cotangent.numbers(), block.directions(), self.gradient, self.pool)?;
        Ok(self.gathered(block, Gradient::of))
    }

    /// The gradient of a function of one number, for each primal.
    ///
    /// # Cost
    /// That of [`Recorded::vjp`].
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the value is not one number.
    pub fn grad(&mut self) -> Result<Vec<Tensor<R>>> {
        self.scalar("grad")?;
        pullback(self.output, &[R::ONE], 1, self.gradient, self.pool)?;
        Ok(self.gathered(Block::ONE, Gradient::of))
    }

    /// `H x_dot`: the derivative of the gradient along the tangents.
    ///
    /// # Cost
    /// A pushforward and a pullback whose cotangents carry tangents: about two gradients a direction. For very many
    /// products at one point, [`Linearization`](crate::sweep::Linearization) keeps the cotangents too, which saves two
    /// products of matrices of eight; it takes memory for them, and no ops with rules of their own.
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the value is not one number, [`Error::Arguments`] or [`Error::Seed`] if the tangents do
    /// not fit the primals.
    pub fn hvp(&mut self, tangents: &[Tensor<R>]) -> Result<Vec<Tensor<R>>> {
        self.scalar("hvp")?;
        let block = seed::tangents("hvp", tangents, self.inputs)?;
        self.curve(&seeds(self.inputs, tangents), block.directions())?;
        Ok(self.gathered(block, Gradient::tangent_of))
    }

    /// `J^T H_loss J x_dot`, the Gauss-Newton matrix times a vector, where this function is a model and `loss` is taken
    /// of its value.
    ///
    /// Of the Hessian of `loss(f(x))` this is what remains where the model is linear. It is positive semidefinite where
    /// the loss is convex.
    ///
    /// # Cost
    /// A pushforward and a pullback through the model, a Hessian-vector product of the loss; it evaluates the loss.
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the loss is not one number, [`Error::Arguments`] or [`Error::Seed`] if the tangents do
    /// not fit the primals; what the loss refuses.
    pub fn ggn_vp<'d>(
        &mut self,
        loss: impl for<'b> FnOnce(Inputs<'b, 'd, R>) -> Result<Var<'b, R>>,
        tangents: &[Tensor<R>],
    ) -> Result<Vec<Tensor<R>>> {
        let block = seed::tangents("ggn_vp", tangents, self.inputs)?;
        let k = block.directions();
        let tangents = pushforward(self.tape, &seeds(self.inputs, tangents), k, self.pool)?;
        let mut y_bar = self.pool.zeros(k * self.output.value().len());
        if let Some(y_dot) = tangents.of(self.output) {
            let tape = self.loss.tape();
            let y = tape.leaf(tape.keep(self.output.value()), self.output.shape())?;
            let output = loss(Inputs::new(tape, tape.keep_list(&[y])))?;
            one_number("ggn_vp", output)?;
            let along = pushforward(tape, &[(y, y_dot)], k, self.pool)?;
            pullback_tangent(output, &[R::ONE], &along, self.gradient, self.pool)?;
            along.release(self.pool);
            if let Some(bent) = self.gradient.tangent_of(0) {
                y_bar.copy_from_slice(bent);
            }
        }
        tangents.release(self.pool);
        pullback(self.output, &y_bar, k, self.gradient, self.pool)?;
        self.pool.give(y_bar);
        Ok(self.gathered(block, Gradient::of))
    }

    /// The Jacobian, for each primal.
    ///
    /// # Shape
    /// `[..shape of the value, ..shape of the primal]`
    ///
    /// # Cost
    /// One sweep a row or a column, whichever are fewer: pullbacks where the value has no more entries than the primals,
    /// pushforwards elsewhere; [`BLOCK`] at once.
    ///
    /// # Errors
    /// Those of the sweeps.
    pub fn jacobian(&mut self) -> Result<Vec<Tensor<R>>> {
        let rows = self.output.value().len();
        let columns: usize = self.inputs.iter().map(|x| x.value().len()).sum();
        let mut jacobian: Vec<Vec<R>> = self.inputs.iter().map(|x| vec![R::ZERO; rows * x.value().len()]).collect();
        if rows <= columns {
            for (first, k) in blocks(rows) {
                pullback(self.output, &seed::units(first, k, rows), k, self.gradient, self.pool)?;
                for (leaf, jacobian) in jacobian.iter_mut().enumerate() {
                    if let Some(block) = self.gradient.of(leaf) {
                        let len = block.len() / k;
                        jacobian[first * len..][..block.len()].copy_from_slice(block);
                    }
                }
            }
        } else {
            for (&x, jacobian) in self.inputs.iter().zip(&mut jacobian) {
                let len = x.value().len();
                for (first, k) in blocks(len) {
                    let tangents = pushforward(self.tape, &[(x, &seed::units(first, k, len))], k, self.pool)?;
                    let column = tangents.of(self.output).unwrap_or_default();
                    for (at, &y_dot) in column.iter().enumerate() {
                        jacobian[at % rows * len + first + at / rows] = y_dot;
                    }
                    tangents.release(self.pool);
                }
            }
        }
        Ok(self.inputs.iter().zip(jacobian).map(|(x, j)| seed::joined(self.output.shape(), x.shape(), j)).collect())
    }

    /// The Hessian of a function of one number, for each pair of primals.
    ///
    /// # Shape
    /// Of the i-th and j-th primal, `[..shape of i, ..shape of j]`.
    ///
    /// # Cost
    /// A Hessian-vector product for each number of the primals, [`BLOCK`] at once.
    ///
    /// # Errors
    /// [`Error::NotScalar`] if the value is not one number.
    pub fn hessian(&mut self) -> Result<Vec<Vec<Tensor<R>>>> {
        self.scalar("hessian")?;
        let mut hessian = Vec::new();
        for &x in self.inputs {
            let len = x.value().len();
            let mut rows: Vec<Vec<R>> = self.inputs.iter().map(|y| vec![R::ZERO; len * y.value().len()]).collect();
            for (first, k) in blocks(len) {
                self.curve(&[(x, &seed::units(first, k, len))], k)?;
                for (leaf, rows) in rows.iter_mut().enumerate() {
                    if let Some(block) = self.gradient.tangent_of(leaf) {
                        let len = block.len() / k;
                        rows[first * len..][..block.len()].copy_from_slice(block);
                    }
                }
            }
            let of_pair = |(y, rows): (&Var<'_, R>, _)| seed::joined(x.shape(), y.shape(), rows);
            hessian.push(self.inputs.iter().zip(rows).map(of_pair).collect());
        }
        Ok(hessian)
    }

    /// Fills the sink with the gradient and its tangents along `k` directions.
    fn curve(&mut self, seeds: &[(Var<'w, R>, &[R])], k: usize) -> Result<()> {
        let tangents = pushforward(self.tape, seeds, k, self.pool)?;
        let swept = pullback_tangent(self.output, &[R::ONE], &tangents, self.gradient, self.pool);
        tangents.release(self.pool);
        swept
    }

    fn scalar(&self, verb: &'static str) -> Result<()> {
        one_number(verb, self.output)
    }

    /// What the sink holds for each primal; zeros where it holds nothing.
    fn gathered(&self, block: Block, of: impl Fn(&Gradient<R>, usize) -> Option<&[R]>) -> Vec<Tensor<R>> {
        let numbers = |leaf: usize, x: &Var<'_, R>| {
            let zeros = || vec![R::ZERO; block.directions() * x.value().len()];
            of(self.gradient, leaf).map_or_else(zeros, <[R]>::to_vec)
        };
        self.inputs.iter().enumerate().map(|(leaf, x)| block.tensor(x.shape(), numbers(leaf, x))).collect()
    }
}

fn one_number<R: Real>(verb: &'static str, output: Var<'_, R>) -> Result<()> {
    if output.value().len() == 1 {
        return Ok(());
    }
    Err(Error::NotScalar { verb, shape: output.shape().into() })
}

fn seeds<'w, 's, R: Real>(inputs: &[Var<'w, R>], tangents: &'s [Tensor<R>]) -> Vec<(Var<'w, R>, &'s [R])> {
    inputs.iter().zip(tangents).map(|(&x, x_dot)| (x, x_dot.numbers())).collect()
}

/// Where each block of directions begins, and how many it has.
fn blocks(len: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..len).step_by(BLOCK).map(move |first| (first, BLOCK.min(len - first)))
}
