use super::*;
use crate::custom::checkpoint;
use crate::sweep::{Gradient, pullback_tangent, pushforward};
use crate::tape::Arena;

#[test]
fn a_hessian_product_is_that_of_the_sweeps_to_the_bit_and_is_added_where_asked() {
    let (x, w, u) = ([0.3, -0.7, 0.2, 0.9, -0.4, 0.1], [0.5, -0.2, 0.8, 0.4], [0.7, -0.6]);
    let (v, t) = ([0.1, 0.9, -0.3, 0.2], [-0.5, 0.4]);
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape::<f64>();
    let x = tape.samples(&x, &[3, 2]).unwrap();
    let (w, u) = (tape.leaf(&w, &[2, 2]).unwrap(), tape.leaf(&u, &[2]).unwrap());
    // A bias, a residual branch, and a parameter that is used twice.
    let z = x.matmul(w).unwrap().plus(u).unwrap();
    let y = z.plus(z.tanh().matmul(w).unwrap().relu()).unwrap().powi(2).sum();
    let tangents = pushforward(tape, &[(w, &v), (u, &t)], 1, &mut pool).unwrap();
    let mut sink = Gradient::new();
    pullback_tangent(y, &[1.0], &tangents, &mut sink, &mut pool).unwrap();

    let mut gradient = ([0.0; 4], [0.0; 2]);
    let mut into = [Some(&mut gradient.0[..]), Some(&mut gradient.1[..])];
    let kept = Linearization::with_cotangent(y, &[1.0], &mut into, &mut pool).unwrap();
    assert_eq!((&gradient.0[..], &gradient.1[..]), (sink.of(0).unwrap(), sink.of(1).unwrap()));
    let (mut of_w, mut of_u) = ([f64::NAN; 4], [1.0; 2]);
    let along = [Some(&v[..]), Some(&t[..])];
    kept.pullback_tangent(&along, &mut [Some(&mut of_w)], Accumulate::Replace, &mut pool).unwrap();
    kept.pullback_tangent(&along, &mut [None, Some(&mut of_u)], Accumulate::Add, &mut pool).unwrap();
    assert_eq!(of_w, sink.tangent_of(0).unwrap());
    for (found, term) in of_u.iter().zip(sink.tangent_of(1).unwrap()) {
        assert!((found - 1.0 - term).abs() < 1e-15);
    }
    assert!(kept.pullback_tangent(&along, &mut [Some(&mut of_u)], Accumulate::Add, &mut pool).is_err());
    assert!(kept.bytes() > 0);
}

#[test]
fn a_rule_of_ones_own_is_refused_with_its_place() {
    let segment = checkpoint(|x| x[0].sin().times(x[1]));
    let mut arena = Arena::new();
    let tape = arena.tape::<f64>();
    let (a, b) = (tape.leaf(&[0.2], &[1]).unwrap(), tape.leaf(&[0.4], &[1]).unwrap());
    let y = segment.apply(&[a, b]).unwrap().tanh();
    let refused = Linearization::new(y, &mut Pool::default()).unwrap_err();
    assert_eq!(refused, Error::Linearize { node: 2 });
    assert!(refused.to_string().contains("use the sweeps"));
}
