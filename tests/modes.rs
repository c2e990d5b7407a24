//! The modes of differentiation agree with each other on whole networks.

use autodiff::op::bilinear::Matmul;
use autodiff::op::composite::{cross_entropy, mean_squared_error};
use autodiff::sweep::{Factors, Gradient, PerSample, Pool, pullback, pullback_tangent, pushforward};
use autodiff::{Arena, Error, Real, Samples, Tape, Var, with_tangents};

use crate::numbers::{Random, relative_error};

const SIZES: [usize; 3] = [5, 7, 3];
const SAMPLES: usize = 4;

/// A network with a residual block, an activation of each smooth kind, and every parameter used once or more.
fn network<'a, R: Real>(x: Var<'a, R>, p: &[Var<'a, R>]) -> Var<'a, R> {
    let z = x.matmul(p[0]).unwrap().combine(0.7, p[1], 0.3).unwrap().tanh();
    let z = z.plus(z.gelu().matmul(p[2]).unwrap().softplus()).unwrap();
    z.sigmoid().matmul(p[3]).unwrap().plus(p[4]).unwrap()
}

fn shapes() -> Vec<Vec<usize>> {
    let [d, h, o] = SIZES;
    vec![vec![d, h], vec![h], vec![h, h], vec![h, o], vec![o]]
}

fn parameters(random: &mut Random) -> Vec<Vec<f64>> {
    shapes().iter().map(|shape| random.numbers(shape.iter().product())).collect()
}

fn leaves<'a, R: Real>(tape: &'a Tape<'a, R>, values: &'a [Vec<R>]) -> Vec<Var<'a, R>> {
    values.iter().zip(shapes()).map(|(value, shape)| tape.leaf(value, &shape).unwrap()).collect()
}

fn flat(sink: &Gradient<f64>, of: impl Fn(&Gradient<f64>, usize) -> Option<Vec<f64>>) -> Vec<f64> {
    (0..shapes().len()).flat_map(|leaf| of(sink, leaf).expect("every parameter has a cotangent")).collect()
}

#[test]
fn hessian_vector_products_agree_on_both_roads() {
    let mut random = Random::new(11);
    let (values, x) = (parameters(&mut random), random.numbers(SAMPLES * SIZES[0]));
    let (targets, labels) = (random.numbers(SAMPLES * SIZES[2]), [0, 2, 1, 1]);
    let v: Vec<Vec<f64>> = values.iter().map(|value| random.numbers(value.len())).collect();
    for cross in [true, false] {
        // The fast road: a pushforward, then the tangent of the pullback.
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let tape = arena.tape();
        let p = leaves(tape, &values);
        let f = network(tape.samples(&x, &[SAMPLES, SIZES[0]]).unwrap(), &p);
        let loss = if cross {
            cross_entropy(f, &labels).unwrap()
        } else {
            mean_squared_error(f, tape.constant(&targets, &[SAMPLES, SIZES[2]]).unwrap()).unwrap()
        };
        let seeds: Vec<_> = p.iter().zip(&v).map(|(&p, v)| (p, v.as_slice())).collect();
        let tangents = pushforward(tape, &seeds, 1, &mut pool).unwrap();
        let mut sink = Gradient::new();
        pullback_tangent(loss, &[1.0], &tangents, &mut sink, &mut pool).unwrap();
        let gradient = flat(&sink, |sink, leaf| sink.of(leaf).map(<[f64]>::to_vec));
        let product = flat(&sink, |sink, leaf| sink.tangent_of(leaf).map(<[f64]>::to_vec));
        let primal = loss.value()[0];

        // The slow road: the same pullback on a tape of duals.
        let all = values.concat();
        let (slow_primal, slow): (f64, Vec<(f64, f64)>) = with_tangents(&all, &v.concat(), |duals| {
            let mut at = 0;
            let values: Vec<Vec<_>> = values
                .iter()
                .map(|value| {
                    at += value.len();
                    duals[at - value.len()..at].to_vec()
                })
                .collect();
            let x: Vec<_> = x.iter().map(|&x| autodiff::Dual::constant(x)).collect();
            let targets: Vec<_> = targets.iter().map(|&y| autodiff::Dual::constant(y)).collect();
            let (mut arena, mut pool) = (Arena::new(), Pool::default());
            let tape = arena.tape();
            let p = leaves(tape, &values);
            let f = network(tape.samples(&x, &[SAMPLES, SIZES[0]]).unwrap(), &p);
            let loss = if cross {
                cross_entropy(f, &labels).unwrap()
            } else {
                mean_squared_error(f, tape.constant(&targets, &[SAMPLES, SIZES[2]]).unwrap()).unwrap()
            };
            let mut sink = Gradient::new();
            pullback(loss, &[Real::ONE], 1, &mut sink, &mut pool).unwrap();
            let parts =
                (0..p.len()).flat_map(|leaf| sink.of(leaf).unwrap().iter().map(|d| (d.re, d.eps)).collect::<Vec<_>>());
            (loss.value()[0].re, parts.collect())
        });
        assert_eq!(primal.to_bits(), slow_primal.to_bits(), "the primal has the same bits in both modes");
        let (slow_gradient, slow_product): (Vec<f64>, Vec<f64>) = slow.into_iter().unzip();
        assert!(relative_error(&gradient, &slow_gradient) < 1e-12);
        assert!(relative_error(&product, &slow_product) < 1e-12, "{}", relative_error(&product, &slow_product));

        // And differences of the gradient, far from both.
        let step = 1e-5;
        let moved = |sign: f64| -> Vec<f64> {
            let moved: Vec<Vec<f64>> = values
                .iter()
                .zip(&v)
                .map(|(p, v)| p.iter().zip(v).map(|(p, v)| p + sign * step * v).collect())
                .collect();
            let (mut arena, mut pool) = (Arena::new(), Pool::default());
            let tape = arena.tape();
            let p = leaves(tape, &moved);
            let f = network(tape.samples(&x, &[SAMPLES, SIZES[0]]).unwrap(), &p);
            let loss = if cross {
                cross_entropy(f, &labels).unwrap()
            } else {
                mean_squared_error(f, tape.constant(&targets, &[SAMPLES, SIZES[2]]).unwrap()).unwrap()
            };
            let mut sink = Gradient::new();
            pullback(loss, &[1.0], 1, &mut sink, &mut pool).unwrap();
            flat(&sink, |sink, leaf| sink.of(leaf).map(<[f64]>::to_vec))
        };
        let difference: Vec<f64> =
            moved(1.0).iter().zip(moved(-1.0)).map(|(up, down)| (up - down) / (2.0 * step)).collect();
        assert!(relative_error(&product, &difference) < 1e-8);
    }
}

/// `sum over uses (X X'^T) o (Z Z'^T)` of the factors, written out.
fn contract(factors: &Factors<'_, f64>) -> Vec<f64> {
    let (n, k) = (factors.samples, factors.directions);
    let mut kernel = vec![0.0; n * k * n * k];
    let bar = |f: &autodiff::sweep::Factor<'_, f64>, i: usize, a: usize| {
        let cotangent = factors.cotangents.iter().find(|c| c.origin == f.origin).unwrap();
        let at = (a * n + i) * f.fan_out;
        cotangent.bar.rows(n)[at..at + f.fan_out].iter().map(|z| z * f.coefficient).collect::<Vec<_>>()
    };
    let row = |f: &autodiff::sweep::Factor<'_, f64>, i: usize| {
        f.rows(n).map_or(vec![1.0], |x| x[i * f.fan_in..(i + 1) * f.fan_in].to_vec())
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for (f, g) in factors.factors.iter().flat_map(|f| factors.factors.iter().map(move |g| (f, g))) {
        if f.leaf != g.leaf {
            continue;
        }
        assert_eq!(f.transposed, g.transposed, "the product of two kinds of use does not split");
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            for (a, b) in (0..k).flat_map(|a| (0..k).map(move |b| (a, b))) {
                kernel[(i * k + a) * n * k + j * k + b] +=
                    dot(&row(f, i), &row(g, j)) * dot(&bar(f, i, a), &bar(g, j, b));
            }
        }
    }
    kernel
}

/// The outputs' seeds, `[o, n, o]`.
fn identity_seeds(n: usize, o: usize) -> Vec<f64> {
    let mut seed = vec![0.0; o * n * o];
    (0..o).for_each(|k| (0..n).for_each(|i| seed[(k * n + i) * o + k] = 1.0));
    seed
}

#[test]
fn factors_contract_to_the_product_of_explicit_jacobians_with_a_tied_parameter_too() {
    let mut random = Random::new(12);
    let (values, x) = (parameters(&mut random), random.numbers(SAMPLES * SIZES[0]));
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape();
    let p = leaves(tape, &values);
    let z = network(tape.samples(&x, &[SAMPLES, SIZES[0]]).unwrap(), &p);
    // p[2] and p[1] are used again: cross terms between the uses count.
    let hidden = tape.samples(&x, &[SAMPLES, SIZES[0]]).unwrap().matmul(p[0]).unwrap().plus(p[1]).unwrap().sin();
    let f = z.plus(hidden.matmul(p[2]).unwrap().erf().matmul(p[3]).unwrap()).unwrap();
    let seed = identity_seeds(SAMPLES, SIZES[2]);
    let lengths: Vec<usize> = values.iter().map(Vec::len).collect();
    let mut jacobian = PerSample::new(&lengths);
    pullback(f, &seed, SIZES[2], &mut jacobian, &mut pool).unwrap();
    let (rows, parameters) = (SAMPLES * SIZES[2], lengths.iter().sum::<usize>());
    let mut reference = vec![0.0; rows * rows];
    for (r, s) in (0..rows).flat_map(|r| (0..rows).map(move |s| (r, s))) {
        let row = |r: usize| {
            let (i, a) = (r / SIZES[2], r % SIZES[2]);
            &jacobian.rows()[(a * SAMPLES + i) * parameters..][..parameters]
        };
        reference[r * rows + s] = row(r).iter().zip(row(s)).map(|(a, b)| a * b).sum();
    }
    let mut factors = Factors::default();
    pullback(f, &seed, SIZES[2], &mut factors, &mut pool).unwrap();
    assert!(relative_error(&contract(&factors), &reference) < 1e-13);

    // The explicit Jacobian itself: one pullback for each sample and output.
    for (i, a) in (0..SAMPLES).flat_map(|i| (0..SIZES[2]).map(move |a| (i, a))) {
        let mut seed = vec![0.0; SAMPLES * SIZES[2]];
        seed[i * SIZES[2] + a] = 1.0;
        let mut sink = Gradient::new();
        pullback(f, &seed, 1, &mut sink, &mut pool).unwrap();
        let row = flat(&sink, |sink, leaf| sink.of(leaf).map(<[f64]>::to_vec));
        let r = a * SAMPLES + i;
        assert!(relative_error(&jacobian.rows()[r * parameters..(r + 1) * parameters], &row) < 1e-14);
    }
}

#[test]
fn parameters_that_meet_without_samples_are_refused_as_factors() {
    let mut random = Random::new(13);
    let (x, w) = (random.numbers(12), random.numbers(9));
    let u = random.numbers(9);
    type Build = for<'a> fn(Var<'a, f64>, Var<'a, f64>, Var<'a, f64>) -> Var<'a, f64>;
    let fools: [(&str, Build); 4] = [
        ("x (A B)", |x, a, b| x.matmul(a.matmul(b).unwrap()).unwrap()),
        ("x (W + u)", |x, w, u| x.matmul(w.plus(u).unwrap()).unwrap()),
        ("x (c W)", |x, w, u| x.matmul(w.scale(2.0)).unwrap().matmul(u).unwrap()),
        ("x tanh(W)", |x, w, u| x.matmul(w.tanh()).unwrap().matmul(u).unwrap()),
    ];
    for (name, build) in fools {
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let tape = arena.tape();
        let (a, b) = (tape.leaf(&w, &[3, 3]).unwrap(), tape.leaf(&u, &[3, 3]).unwrap());
        let f = build(tape.samples(&x, &[4, 3]).unwrap(), a, b);
        assert_eq!(f.samples(), Samples::Axis { axis: 0, group: 1 }, "{name}: the output does carry its samples");
        let refused = pullback(f, &identity_seeds(4, 3), 3, &mut Factors::default(), &mut pool);
        assert!(matches!(refused, Err(Error::NotPerSample { .. })), "{name}: {refused:?}");
        let refused = pullback(f, &identity_seeds(4, 3), 3, &mut PerSample::new(&[9, 9]), &mut pool);
        assert!(matches!(refused, Err(Error::NotPerSample { .. })), "{name}: {refused:?}");
    }
}

#[test]
fn a_parameter_with_an_entry_for_each_sample_is_refused() {
    let (x, u) = (vec![1.0; 12], vec![0.5; 12]);
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape();
    let f = tape.samples(&x, &[4, 3]).unwrap().plus(tape.leaf(&u, &[4, 3]).unwrap()).unwrap();
    let refused = pullback(f, &identity_seeds(4, 3), 3, &mut Factors::default(), &mut pool);
    assert!(matches!(refused, Err(Error::NotPerSample { .. })), "{refused:?}");
}

#[test]
fn an_op_that_mixes_samples_is_named() {
    let (x, w) = (vec![1.0; 12], vec![0.5; 9]);
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape();
    let z = tape.samples(&x, &[4, 3]).unwrap().matmul(tape.leaf(&w, &[3, 3]).unwrap()).unwrap();
    let mean = z.sum_axis(0).unwrap().scale(0.25);
    let f = z.minus(mean).unwrap();
    assert!(matches!(f.samples(), Samples::Mixed(_)));
    let refused = pullback(f, &identity_seeds(4, 3), 3, &mut Factors::default(), &mut pool).unwrap_err();
    assert!(refused.to_string().contains("(sum) mixes samples"), "{refused}");
}

/// The Jacobian by one pullback for each output and sample, `[o, n, P]`.
fn jacobian(f: Var<'_, f64>, lengths: &[usize], pool: &mut Pool<f64>) -> Vec<f64> {
    let [n, o] = *f.shape() else { panic!("rows of outputs") };
    let mut rows = Vec::new();
    for (a, i) in (0..o).flat_map(|a| (0..n).map(move |i| (a, i))) {
        let mut seed = vec![0.0; n * o];
        seed[i * o + a] = 1.0;
        let mut sink = Gradient::new();
        pullback(f, &seed, 1, &mut sink, pool).unwrap();
        for (leaf, &len) in lengths.iter().enumerate() {
            rows.extend(sink.of(leaf).map_or(vec![0.0; len], <[f64]>::to_vec));
        }
    }
    rows
}

/// `J J^T` in the order of [`contract`], from `[o, n, P]`.
fn gram(jacobian: &[f64], n: usize, o: usize) -> Vec<f64> {
    let row = |r: usize| &jacobian[(r % o * n + r / o) * (jacobian.len() / (n * o))..][..jacobian.len() / (n * o)];
    let rows = n * o;
    (0..rows * rows).map(|rs| row(rs / rows).iter().zip(row(rs % rows)).map(|(a, b)| a * b).sum()).collect()
}

#[test]
fn factors_outlive_the_op_behind_which_their_parameter_was_added_or_transposed() {
    let mut random = Random::new(14);
    let (x, w, v) = (random.numbers(12), random.numbers(9), random.numbers(15));
    let (b, rows, c) = (random.numbers(3), random.numbers(6), random.numbers(1));
    type Build = for<'a> fn(Var<'a, f64>, &[Var<'a, f64>]) -> Var<'a, f64>;
    let networks: [(&str, Build); 5] = [
        // The cotangent of the sum is that of tanh's value, which must not be overwritten by that of its argument.
        ("tanh(x W) + b", |x, p| x.matmul(p[0]).unwrap().tanh().plus(p[2]).unwrap()),
        ("relu(tanh(x W) + b) + b", |x, p| {
            x.matmul(p[0]).unwrap().tanh().plus(p[2]).unwrap().relu().plus(p[2]).unwrap()
        }),
        ("gelu(x) W V^T", |x, p| {
            let transposed = Matmul { transpose_a: false, transpose_b: true, alpha: 0.7 };
            x.gelu().matmul(p[0]).unwrap().sin().matmul_with(p[1], transposed).unwrap()
        }),
        ("x + b over positions", |x, p| {
            let n = x.shape()[0];
            let z = x.matmul(p[0]).unwrap().broadcast(1, 2).unwrap().plus(p[3]).unwrap();
            z.tanh().reshape(&[n, 6]).unwrap()
        }),
        ("tanh(x W) + c", |x, p| x.matmul(p[0]).unwrap().tanh().combine(1.0, p[4], 0.3).unwrap().sum_axis(1).unwrap()),
    ];
    let values: [(&[f64], &[usize]); 5] = [(&w, &[3, 3]), (&v, &[5, 3]), (&b, &[3]), (&rows, &[2, 3]), (&c, &[])];
    let lengths = values.map(|(value, _)| value.len());
    for (name, build) in networks {
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let tape = arena.tape();
        let p = values.map(|(value, shape)| tape.leaf(value, shape).unwrap());
        let f = build(tape.samples(&x, &[4, 3]).unwrap(), &p);
        let f = if f.shape().len() == 1 { f.reshape(&[4, 1]).unwrap() } else { f };
        let o = f.shape()[1];
        let reference = jacobian(f, &lengths, &mut pool);
        let mut rows = PerSample::new(&lengths);
        pullback(f, &identity_seeds(4, o), o, &mut rows, &mut pool).unwrap();
        assert!(relative_error(rows.rows(), &reference) < 1e-14, "{name}: rows");
        let mut factors = Factors::default();
        pullback(f, &identity_seeds(4, o), o, &mut factors, &mut pool).unwrap();
        if factors.factors.iter().all(|factor| factor.positions == 1) {
            let error = relative_error(&contract(&factors), &gram(&reference, 4, o));
            assert!(error < 1e-14, "{name}: {error:.1e}");
        } else {
            assert!(name.ends_with("+ c"), "{name}");
        }
    }
}

#[test]
fn a_matrix_used_plainly_and_transposed_is_refused_as_factors() {
    let mut random = Random::new(15);
    let (x, w) = (random.numbers(12), random.numbers(9));
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape();
    let w = tape.leaf(&w, &[3, 3]).unwrap();
    let transposed = Matmul { transpose_a: false, transpose_b: true, alpha: 1.0 };
    let f = tape.samples(&x, &[4, 3]).unwrap().matmul(w).unwrap().tanh().matmul_with(w, transposed).unwrap();
    let refused = pullback(f, &identity_seeds(4, 3), 3, &mut Factors::default(), &mut pool);
    assert!(matches!(refused, Err(Error::NotPerSample { .. })), "{refused:?}");
}

#[test]
fn a_parameter_behind_samples_in_columns_is_refused() {
    let (x, w) = (vec![1.0; 12], vec![0.5; 9]);
    let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape();
    let (x, w) = (tape.samples(&x, &[4, 3]).unwrap(), tape.leaf(&w, &[3, 3]).unwrap());
    let columns = Matmul { transpose_a: false, transpose_b: true, alpha: 1.0 };
    let z = tape.constant(&identity, &[3, 3]).unwrap().matmul_with(x, columns).unwrap();
    assert_eq!(z.samples(), Samples::Axis { axis: 1, group: 1 });
    let f = z.matmul_with(w, Matmul { transpose_a: true, transpose_b: false, alpha: 1.0 }).unwrap();
    assert_eq!(f.samples(), Samples::Axis { axis: 0, group: 1 });
    for refused in [
        pullback(f, &identity_seeds(4, 3), 3, &mut Factors::default(), &mut pool),
        pullback(f, &identity_seeds(4, 3), 3, &mut PerSample::new(&[9]), &mut pool),
    ] {
        assert!(matches!(refused, Err(Error::NotPerSample { .. })), "{refused:?}");
    }
}
