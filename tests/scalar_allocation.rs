//! From the second use of a scalar arena on, gradients and Hessian-vector products allocate nothing.
//!
//! A binary of its own, as it counts through the global allocator.

use std::alloc::System;

use autodiff::scalar::Arena;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[path = "scalar/programs.rs"]
#[allow(dead_code, reason = "the derivatives by hand are for other tests")]
mod programs;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn the_second_use_of_an_arena_and_all_later_ones_allocate_nothing() {
    let n = 3000;
    let x: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
    let (mut arena, mut out) = (Arena::new(), vec![0.0; n]);
    let mut use_it = |products: bool| {
        let region = Region::new(ALLOCATOR);
        if products {
            arena.hvp(|x| programs::rosenbrock(x), &x, &x, &mut out).unwrap();
        }
        arena.value_and_gradient(|x| programs::rosenbrock(x), &x, &mut out).unwrap();
        let change = region.change();
        change.allocations + change.reallocations
    };
    assert!(use_it(false) > 0, "the first use fills the arena");
    assert_eq!([use_it(false), use_it(false)], [0, 0]);
    // Products are longer, so the arena grows once more.
    use_it(true);
    assert_eq!([use_it(true), use_it(false), use_it(true)], [0, 0, 0]);
}
