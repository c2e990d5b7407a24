//! What is recorded, and what is not.

use autodiff::Real;
use autodiff::scalar::{Arena, Node, Var, gradient};

#[test]
fn a_node_is_its_slopes_and_its_operands() {
    Arena::new().record(&[3.0, 4.0], |tape, x| {
        let y = x[0] * x[1];
        let z = y.exp();
        assert_eq!((x[1].id(), y.id(), z.id()), (Some(1), Some(2), Some(3)));
        assert_eq!(tape.node(2), Some(Node { weights: [4.0, 3.0], operands: [0, 1] }));
        assert_eq!(tape.node(3), Some(Node { weights: [z.value(), 0.0], operands: [2, u32::MAX] }));
        assert_eq!((tape.node(0), tape.node(4)), (None, None));
        assert_eq!(format!("{:?} {:?} {:?}", x[0], y, Var::constant(2.0)), "%0 = 3.0 %2 = 12.0 2.0");
    });
}

#[test]
fn constants_are_not_recorded_and_neither_are_sums_with_them_multiples_and_signs() {
    Arena::new().record(&[3.0], |tape, x| {
        let c = (Var::from_f64(2.0) * Var::ONE + 1.0).sqrt() / 5.0 - Var::ONE;
        assert_eq!((c.id(), tape.len()), (None, 0));
        let y = x[0] + c + 1.0 - Var::ONE;
        assert_eq!((y.id(), tape.len()), (Some(0), 0));
        let z = c - y * 2.0;
        assert_eq!((z.id(), tape.len(), format!("{z:?}")), (Some(0), 0, format!("-2.0 %0 = {:?}", z.value())));
        tape.pullback([(z, 1.0)]);
        // Not an input itself, so its own cotangent is not kept.
        assert_eq!((tape.cotangent(x[0]), tape.cotangent(z)), (-2.0, 0.0));
        tape.pullback([(c, 1.0)]);
        assert_eq!((tape.cotangent(x[0]), tape.cotangent(c)), (0.0, 0.0));
        tape.pushforward([(x[0], 1.0)]);
        assert_eq!((tape.tangent(z), tape.tangent(c)), (-2.0, 0.0));
    });
}

#[test]
fn the_factor_of_a_multiple_reaches_the_slopes_of_what_reads_it() {
    Arena::new().record(&[3.0, 5.0], |tape, x| {
        let (y, z) = (-(x[0] * 2.0), x[1] / 4.0);
        // (-2 a) (b / 4): slopes -2 (b / 4) and (1 / 4) (-2 a), the quotient by a constant being a node of its own.
        let product = y * z;
        assert_eq!(tape.node(product.id().unwrap()).unwrap().weights, [-2.5, -6.0]);
        let (sum, difference, square) = (y + z, y - z * 3.0, y * y);
        assert_eq!(tape.node(sum.id().unwrap()).unwrap().weights, [-2.0, 1.0]);
        assert_eq!(tape.node(difference.id().unwrap()).unwrap().weights, [-2.0, -3.0]);
        // 4 a^2, one edge with both slopes; a sum of two of one place is a multiple.
        assert_eq!(tape.node(square.id().unwrap()), Some(Node { weights: [24.0, 0.0], operands: [0, u32::MAX] }));
        let (twice, nothing) = (y + x[0] * 5.0, x[0] - x[0]);
        assert_eq!((twice.id(), nothing.id()), (Some(0), Some(0)));
        tape.pullback([(twice, 10.0), (nothing, 7.0), (square, 1.0)]);
        assert_eq!(tape.cotangent(x[0]), 10.0 * 3.0 + 24.0);
        tape.pushforward([(x[0], 1.0)]);
        assert_eq!([y, twice, nothing, square, sum].map(|y| tape.tangent(y)), [-2.0, 3.0, 0.0, 24.0, -2.0]);
    });
}

#[test]
fn a_nan_of_the_users_is_no_empty_slot() {
    let nan = f64::from_bits(0x7FF8_0000_0000_0001);
    assert!(gradient(|x| x[0] * x[1], &[nan, 1.0])[1].is_nan());
    assert!(gradient(|x| x[0] * f64::NAN, &[1.0_f64])[0].is_nan());
    assert!(gradient(|x| x[0] * f64::NAN, &[1.0_f32])[0].is_nan());
}

#[test]
fn an_infinite_slope_of_a_value_that_is_not_used_does_not_reach_the_inputs() {
    let g = gradient(
        |x| {
            let _unused = x[0].sqrt() + x[1].ln();
            x[0] * x[1]
        },
        &[0.0, 0.0],
    );
    assert_eq!(g, [0.0, 0.0]);
    // Used, and multiplied by 0, it is NaN, as on duals.
    assert!(gradient(|x| x[0].sqrt() * 0.0, &[0.0_f64])[0].is_nan());
}

#[test]
fn sweeps_may_be_repeated_and_the_recording_may_go_on_between_them() {
    Arena::new().record(&[2.0, 5.0], |tape, x| {
        let y = x[0] * x[1];
        for _ in 0..3 {
            tape.pullback([(y, 1.0)]);
            assert_eq!((tape.cotangent(x[0]), tape.cotangent(x[1])), (5.0, 2.0));
        }
        let z = y * y + x[0];
        tape.pullback([(z, 1.0)]);
        assert_eq!((tape.cotangent(x[0]), tape.cotangent(x[1])), (101.0, 40.0));
        // Two outputs at once, one of them an input, one of them given twice.
        tape.pullback([(y, 1.0), (x[0], 10.0), (y, 1.0)]);
        assert_eq!((tape.cotangent(x[0]), tape.cotangent(x[1])), (20.0, 4.0));
        tape.pushforward([(x[0], 1.0), (x[1], 2.0)]);
        assert_eq!((tape.tangent(y), tape.tangent(z)), (9.0, 181.0));
        tape.pushforward([]);
        assert_eq!(tape.tangent(z), 0.0);
        tape.pullback([]);
        assert_eq!(tape.cotangent(x[0]), 0.0);
    });
}

#[test]
fn negative_zero_survives_a_sweep() {
    let g = gradient(|x| x[0] * -0.0, &[1.0_f64]);
    assert_eq!(g[0].to_bits(), (-0.0f64).to_bits());
}

#[test]
fn an_arena_serves_numbers_of_any_size_in_turn() {
    let (mut arena, mut g, mut small) = (Arena::with_capacity(2, 3), [0.0; 2], [0.0_f32; 2]);
    for _ in 0..3 {
        arena.value_and_gradient(|x| (x[0] * x[1]).sin(), &[0.5, 2.0], &mut g).unwrap();
        arena.value_and_gradient(|x| (x[0] * x[1]).sin(), &[0.5_f32, 2.0], &mut small).unwrap();
        assert!((g[1] - 0.5 * 1f64.cos()).abs() < 1e-15 && (small[1] - 0.5 * 1f32.cos()).abs() < 1e-6);
        let (y, slope) = arena.hvp(|x| (x[0] * x[1]).sin(), &[0.5, 2.0], &[0.0, 1.0], &mut g).unwrap();
        assert!((y - 1f64.sin()).abs() < 1e-15 && (slope - 0.5 * 1f64.cos()).abs() < 1e-15);
        assert!((g[1] + 0.25 * 1f64.sin()).abs() < 1e-15);
    }
}
