//! What the sweeps make of a program, made again from a linearization of it.

use super::program::{DIRECTIONS, Input, Modes, Program, leaves};
use crate::error::{Error, Result};
use crate::kernel::gemm::Accumulate;
use crate::real::Real;
use crate::sweep::{Linearization, Pool};
use crate::tape::Arena;

/// As the sweeps' modes, one direction at a time, with tangents of the leaves that are `seeded`. The values are left out;
/// all is where an op's rule is its own.
pub(super) fn modes<R: Real>(
    program: &impl Program,
    inputs: &[Input],
    x: &[Vec<R>],
    x_dot: &[Vec<R>],
    seeded: impl Fn(usize) -> bool,
    y_bar: &[R],
) -> Result<Option<Modes<R>>> {
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    (0..8).for_each(|_| pool.give(vec![R::from_f64(f64::NAN); 4096]));
    let tape = arena.tape();
    let x_leaves = leaves(tape, inputs, x)?;
    let y = program.record(tape, &x_leaves)?;
    let len = y.value().len();
    let first = match Linearization::new(y, &mut pool) {
        Err(Error::Linearize { .. }) => return Ok(None),
        first => first?,
    };
    let second = Linearization::with_cotangent(y, &y_bar[..len], &mut [], &mut pool)?;
    let zeros = || x.iter().map(|x| vec![R::ZERO; x.len()]).collect::<Vec<_>>();
    let (mut jvp, mut vjp, mut hvp) = (Vec::new(), vec![Vec::new(); x.len()], vec![Vec::new(); x.len()]);
    for k in 0..DIRECTIONS {
        let tangents: Vec<Option<&[R]>> =
            (0..x.len()).map(|leaf| seeded(leaf).then(|| &x_dot[leaf][k * x[leaf].len()..][..x[leaf].len()])).collect();
        let y_dot = first.pushforward(&tangents, &mut pool)?;
        jvp.extend(y_dot.as_deref().map_or_else(|| vec![R::ZERO; len], <[R]>::to_vec));
        y_dot.into_iter().for_each(|buffer| pool.give(buffer));
        let mut sums = zeros();
        let mut into: Vec<Option<&mut [R]>> = sums.iter_mut().map(|sum| Some(sum.as_mut_slice())).collect();
        first.pullback(&y_bar[k * len..][..len], &mut into, Accumulate::Add, &mut pool)?;
        vjp.iter_mut().zip(sums).for_each(|(all, sum)| all.extend(sum));
        // What is replaced is not read.
        let mut sums: Vec<Vec<R>> = x.iter().map(|x| vec![R::from_f64(f64::NAN); x.len()]).collect();
        let mut into: Vec<Option<&mut [R]>> = sums.iter_mut().map(|sum| Some(sum.as_mut_slice())).collect();
        second.pullback_tangent(&tangents, &mut into, Accumulate::Replace, &mut pool)?;
        hvp.iter_mut().zip(sums).for_each(|(all, sum)| all.extend(sum));
    }
    Ok(Some(Modes { values: Vec::new(), output: y.id() as usize, jvp, vjp, hvp }))
}
