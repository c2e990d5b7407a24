//! From the second reset of an arena on, a training step allocates nothing.
//!
//! A binary of its own, as it counts through the global allocator. Matrix products are faer's, whose packing buffers
//! are made once a thread: the first rounds warm them, and a product that allocates all the same would show here,
//! as nothing is subtracted.

use std::alloc::System;

use autodiff::op::bilinear::Window;
use autodiff::op::composite::{cross_entropy, mean_squared_error};
use autodiff::op::linear::PoolWindow;
use autodiff::sweep::{Gradient, Pool, pullback, pullback_tangent, pushforward};
use autodiff::{Arena, Real, Var};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Layer widths, input first.
const WIDTHS: [usize; 4] = [20, 33, 17, 10];
const SAMPLES: usize = 24;
/// Directions of a block.
const DIRECTIONS: usize = 3;
/// Rounds before counting: one that grows the arenas, one in arenas of the full size.
const WARM: usize = 2;
const COUNTED: usize = 3;

/// Numbers that are all different and of both signs.
fn numbers<R: Real>(len: usize, phase: f64) -> Vec<R> {
    (0..len).map(|i| R::from_f64((i as f64 * 0.618 + phase).sin())).collect()
}

/// What a loss needs beside the outputs.
enum Loss<'s, R> {
    CrossEntropy(&'s [u32]),
    MeanSquaredError(&'s [R]),
}

/// One network and everything that a step re-uses.
struct Step<'s, R> {
    x: Vec<R>,
    parameters: Vec<(Vec<usize>, Vec<R>)>,
    directions: Vec<Vec<R>>,
    loss: Loss<'s, R>,
    pool: Pool<R>,
    gradient: Gradient<R>,
}

impl<'s, R: Real> Step<'s, R> {
    fn new(loss: Loss<'s, R>) -> Self {
        let shapes = WIDTHS.windows(2).flat_map(|pair| [vec![pair[0], pair[1]], vec![pair[1]]]);
        let parameters: Vec<_> = shapes.map(|s| (s.clone(), numbers(s.iter().product(), s.len() as f64))).collect();
        let directions = parameters.iter().map(|(_, p)| numbers(DIRECTIONS * p.len(), 0.3)).collect();
        let x = numbers(SAMPLES * WIDTHS[0], 0.1);
        Self { x, parameters, directions, loss, pool: Pool::default(), gradient: Gradient::new() }
    }

    /// Records the network and its loss, and runs every sweep.
    fn run(&mut self, arena: &mut Arena) -> R {
        let tape = arena.tape();
        let leaf = |at: usize| {
            let (shape, value) = &self.parameters[at];
            tape.leaf(value, shape).unwrap()
        };
        let mut leaves: [Option<Var<'_, R>>; 6] = [None; 6];
        let mut h = tape.samples(&self.x, &[SAMPLES, WIDTHS[0]]).unwrap();
        for layer in 0..3 {
            let (w, b) = (leaf(2 * layer), leaf(2 * layer + 1));
            (leaves[2 * layer], leaves[2 * layer + 1]) = (Some(w), Some(b));
            h = h.matmul(w).unwrap().combine(0.2, b, 0.1).unwrap();
            h = match layer {
                0 => h.tanh(),
                1 => h.plus(h.gelu()).unwrap(),
                _ => h,
            };
        }
        let loss = match self.loss {
            Loss::CrossEntropy(labels) => cross_entropy(h, labels).unwrap(),
            Loss::MeanSquaredError(y) => mean_squared_error(h, tape.constant(y, h.shape()).unwrap()).unwrap(),
        };
        let seeds: [(Var<'_, R>, &[R]); 6] =
            std::array::from_fn(|i| (leaves[i].unwrap(), self.directions[i].as_slice()));
        pullback(loss, &[R::ONE; DIRECTIONS], DIRECTIONS, &mut self.gradient, &mut self.pool).unwrap();
        let tangents = pushforward(tape, &seeds, DIRECTIONS, &mut self.pool).unwrap();
        pullback_tangent(loss, &[R::ONE], &tangents, &mut self.gradient, &mut self.pool).unwrap();
        tangents.release(&mut self.pool);
        self.gradient.release(&mut self.pool);
        loss.value()[0]
    }
}

/// Allocations, reallocations and their bytes in the counted rounds.
fn counted<R: Real>(loss: Loss<'_, R>) -> (usize, usize, usize) {
    let (mut arena, mut step) = (Arena::new(), Step::new(loss));
    let region = Region::new(ALLOCATOR);
    let first = step.run(&mut arena);
    assert!(region.change().allocations > 10, "the first round fills the arenas and the pool");
    (1..WARM).for_each(|_| assert_eq!(step.run(&mut arena), first));
    let region = Region::new(ALLOCATOR);
    (0..COUNTED).for_each(|_| assert_eq!(step.run(&mut arena), first));
    let change = region.change();
    (change.allocations, change.reallocations, change.bytes_allocated)
}

/// Shapes of a convolutional network's parameters.
const CONVOLUTIONS: [&[usize]; 5] = [&[3, 3, 2, 6], &[6], &[3, 3, 3, 4], &[3, 3, 1, 4], &[4, 3]];

/// A convolutional network and every sweep over it, three times in arenas of the full size.
fn counted_convolutions<R: Real>() -> (usize, usize, usize) {
    let x = numbers::<R>(4 * 12 * 9 * 2, 0.2);
    let parameters = CONVOLUTIONS.map(|shape| numbers::<R>(shape.iter().product(), shape.len() as f64));
    let directions = CONVOLUTIONS.map(|shape| numbers::<R>(DIRECTIONS * shape.iter().product::<usize>(), 0.4));
    let (mut arena, mut pool, mut gradient) = (Arena::new(), Pool::default(), Gradient::new());
    let mut run = || {
        let tape = arena.tape();
        let leaf: [Var<'_, R>; 5] = std::array::from_fn(|i| tape.leaf(&parameters[i], CONVOLUTIONS[i]).unwrap());
        let h = tape.samples(&x, &[4, 12, 9, 2]).unwrap();
        let h = h.conv(leaf[0], Window { stride: [2, 1], ..Window::SAME }).unwrap().times(leaf[1]).unwrap().tanh();
        let h = h.conv(leaf[2], Window { groups: 2, ..Window::SAME }).unwrap();
        let h = h.conv(leaf[3], Window { groups: 4, ..Window::SAME }).unwrap();
        let h = h.max_pool(PoolWindow::tiles(2)).unwrap().average_pool(PoolWindow::tiles(1)).unwrap();
        let h = h.global_average_pool().unwrap().matmul(leaf[4]).unwrap();
        let loss = h.batched_matmul(h.reshape(&[3, 4]).unwrap()).unwrap().sum();
        let seeds: [(Var<'_, R>, &[R]); 5] = std::array::from_fn(|i| (leaf[i], directions[i].as_slice()));
        pullback(loss, &[R::ONE; DIRECTIONS], DIRECTIONS, &mut gradient, &mut pool).unwrap();
        let tangents = pushforward(tape, &seeds, DIRECTIONS, &mut pool).unwrap();
        pullback_tangent(loss, &[R::ONE], &tangents, &mut gradient, &mut pool).unwrap();
        tangents.release(&mut pool);
        gradient.release(&mut pool);
        loss.value()[0]
    };
    let first = run();
    (1..WARM).for_each(|_| assert_eq!(run(), first));
    let region = Region::new(ALLOCATOR);
    (0..COUNTED).for_each(|_| assert_eq!(run(), first));
    let change = region.change();
    (change.allocations, change.reallocations, change.bytes_allocated)
}

#[test]
fn a_step_allocates_nothing_from_the_second_reset_on() {
    // The counter counts.
    let region = Region::new(ALLOCATOR);
    drop(std::hint::black_box(vec![1_u8; 64]));
    assert_eq!(region.change().allocations, 1);

    let labels: Vec<u32> = (0..SAMPLES as u32).map(|i| i % WIDTHS[3] as u32).collect();
    let targets = SAMPLES * WIDTHS[3];
    let none = (0, 0, 0);
    assert_eq!(counted::<f64>(Loss::CrossEntropy(&labels)), none, "cross-entropy in f64");
    assert_eq!(counted::<f32>(Loss::CrossEntropy(&labels)), none, "cross-entropy in f32");
    assert_eq!(counted::<f64>(Loss::MeanSquaredError(&numbers(targets, 0.7))), none, "squared error in f64");
    assert_eq!(counted::<f32>(Loss::MeanSquaredError(&numbers(targets, 0.7))), none, "squared error in f32");
    assert_eq!(counted_convolutions::<f64>(), none, "convolutions in f64");
    assert_eq!(counted_convolutions::<f32>(), none, "convolutions in f32");
}
