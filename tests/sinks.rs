//! What the sinks make of cotangents: factors, explicit Jacobians and gradients of one program tell one story.

use autodiff::op::bilinear::Matmul;
use autodiff::sweep::{
    Bar, Factor, Factors, Gradient, Keep, Layout, PerSample, Pool, pullback, pullback_shared, pullback_tangent,
    pushforward,
};
use autodiff::{Arena, Error, Tape, Var};

use crate::numbers::{Random, relative_error};

/// A network on a tape, given its sample leaf and the random stream of its parameters.
type Build = for<'a> fn(&'a Tape<'a, f64>, Var<'a, f64>, &mut Random) -> Var<'a, f64>;

const SAMPLES: usize = 4;

/// A random parameter.
fn parameter<'a>(tape: &'a Tape<'a, f64>, shape: &[usize], random: &mut Random) -> Var<'a, f64> {
    tape.leaf(tape.keep(&random.numbers(shape.iter().product())), shape).unwrap()
}

const fn matmul(transpose_a: bool, transpose_b: bool) -> Matmul {
    Matmul { transpose_a, transpose_b, alpha: 0.7 }
}

/// Every output of every sample, `[K, n, K]`.
fn identity_seeds(outputs: usize) -> Vec<f64> {
    let mut seed = vec![0.0; outputs * SAMPLES * outputs];
    (0..outputs).for_each(|k| (0..SAMPLES).for_each(|i| seed[(k * SAMPLES + i) * outputs + k] = 1.0));
    seed
}

/// Every output, for all samples alike, `[K, K]`.
fn unit_seeds(outputs: usize) -> Vec<f64> {
    (0..outputs * outputs).map(|at| f64::from(u8::from(at % (outputs + 1) == 0))).collect()
}

#[test]
fn what_samples_share_is_not_written_out() {
    let mut random = Random::new(33);
    let data = random.numbers(SAMPLES * 4);
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape();
    let x = tape.samples(&data, &[SAMPLES, 4]).unwrap();
    let [w, v, u] = [[4, 5], [5, 6], [6, 3]].map(|shape| parameter(tape, &shape, &mut random));
    let f = x.matmul(w).unwrap().relu().matmul(v).unwrap().relu().matmul(u).unwrap();
    let mut factors = Factors::default();
    pullback_shared(f, &unit_seeds(3), 3, &mut factors, &mut pool).unwrap();
    let forms: Vec<_> = factors
        .cotangents
        .iter()
        .map(|cotangent| match &cotangent.bar {
            Bar::Each(rows) => ("each", rows.len()),
            Bar::Shared(shared) => ("shared", shared.slope.as_ref().map_or(0, Vec::len)),
        })
        .collect();
    assert_eq!(forms, [("shared", 0), ("shared", SAMPLES * 6), ("each", 3 * SAMPLES * 5)]);
    let refused = pullback_shared(f, &[1.0; 5], 3, &mut factors, &mut pool);
    assert!(matches!(refused, Err(Error::Length { expected: 9, found: 5, .. })), "{refused:?}");
}

/// `J J^T`, rows direction-major, from the factors: every pair of uses of a leaf, every pair of positions.
fn contracted(factors: &Factors<'_, f64>) -> Vec<f64> {
    let (n, k) = (factors.samples, factors.directions);
    let mut kernel = vec![0.0; (n * k).pow(2)];
    let bar = |f: &Factor<'_, f64>, row: usize| {
        let of = factors.cotangents.iter().find(|c| c.origin == f.origin).expect("a lent cotangent is kept");
        of.bar.rows(n)[row * f.fan_out..][..f.fan_out].iter().map(|z| z * f.coefficient).collect::<Vec<_>>()
    };
    let input =
        |f: &Factor<'_, f64>, row: usize| f.rows(n).map_or(vec![1.0], |x| x[row * f.fan_in..][..f.fan_in].to_vec());
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for (f, g) in factors.factors.iter().flat_map(|f| factors.factors.iter().map(move |g| (f, g))) {
        if f.leaf != g.leaf {
            continue;
        }
        for (r, s) in (0..n * k).flat_map(|r| (0..n * k).map(move |s| (r, s))) {
            for (p, q) in (0..f.positions).flat_map(|p| (0..g.positions).map(move |q| (p, q))) {
                let (x, y) = (input(f, r % n * f.positions + p), input(g, s % n * g.positions + q));
                let (u, v) = (bar(f, r * f.positions + p), bar(g, s * g.positions + q));
                kernel[r * n * k + s] += dot(&x, &y) * dot(&u, &v);
            }
        }
    }
    kernel
}

/// `out += rows rows^T`
fn gram(rows: &[f64], count: usize, out: &mut [f64]) {
    let len = rows.len() / count;
    let row = |r: usize| &rows[r * len..(r + 1) * len];
    for (r, s) in (0..count).flat_map(|r| (0..count).map(move |s| (r, s))) {
        out[r * count + s] += row(r).iter().zip(row(s)).map(|(a, b)| a * b).sum::<f64>();
    }
}

/// The rows of the explicit Jacobian from one pullback a row, `[K n, P]`.
fn one_row_at_a_time(f: Var<'_, f64>, outputs: usize) -> Vec<Vec<f64>> {
    let leaves: Vec<usize> = f.tape().leaf_variables().map(|leaf| leaf.value().len()).collect();
    let row = |k: usize, i: usize| {
        let mut seed = vec![0.0; SAMPLES * outputs];
        seed[i * outputs + k] = 1.0;
        let (mut sink, mut pool) = (Gradient::new(), Pool::default());
        pullback(f, &seed, 1, &mut sink, &mut pool).unwrap();
        leaves
            .iter()
            .enumerate()
            .flat_map(|(leaf, &len)| sink.of(leaf).map_or(vec![0.0; len], <[f64]>::to_vec))
            .collect()
    };
    (0..outputs).flat_map(|k| (0..SAMPLES).map(move |i| (k, i))).map(|(k, i)| row(k, i)).collect()
}

/// Networks whose parameters are used in every way that the tape allows; the second entry is the number of outputs,
/// the third the shape of a sample.
const NETWORKS: &[(&str, usize, &[usize], Build)] = &[
    ("a bias added to an activation", 3, &[5], |tape, x, random| {
        let h = x.matmul(parameter(tape, &[5, 3], random)).unwrap().tanh();
        h.plus(parameter(tape, &[3], random)).unwrap()
    }),
    ("two biases around an activation and a residual", 3, &[3], |tape, x, random| {
        let b = parameter(tape, &[3], random);
        let h = x.plus(b).unwrap().softplus().plus(b).unwrap().sin();
        h.plus(x.matmul(parameter(tape, &[3, 3], random)).unwrap()).unwrap()
    }),
    ("a parameter stored transposed", 3, &[5], |tape, x, random| {
        x.matmul_with(parameter(tape, &[3, 5], random), matmul(false, true)).unwrap().tanh()
    }),
    ("positions, with a parameter stored transposed", 2, &[3, 4], |tape, x, random| {
        let h = x.matmul_with(parameter(tape, &[5, 4], random), matmul(false, true)).unwrap().tanh();
        h.matmul(parameter(tape, &[5, 2], random)).unwrap().sum_axis(1).unwrap()
    }),
    ("a bias for each position", 4, &[3, 4], |tape, x, random| {
        x.plus(parameter(tape, &[3, 4], random)).unwrap().tanh().sum_axis(1).unwrap()
    }),
    ("two products and a reshape above the last activation", 3, &[4], |tape, x, random| {
        let h = x.matmul(parameter(tape, &[4, 6], random)).unwrap().plus(parameter(tape, &[6], random)).unwrap().relu();
        let h = h.matmul(parameter(tape, &[6, 4], random)).unwrap().plus(parameter(tape, &[4], random)).unwrap();
        let h = h.reshape(&[SAMPLES, 2, 2]).unwrap().reshape(&[SAMPLES, 4]).unwrap();
        h.scale(0.5).matmul(parameter(tape, &[4, 3], random)).unwrap()
    }),
    ("two activations in a row below a read-out", 2, &[4], |tape, x, random| {
        let h = x.matmul(parameter(tape, &[4, 5], random)).unwrap().tanh().sin();
        h.matmul(parameter(tape, &[5, 2], random)).unwrap()
    }),
    ("a mean over positions below a read-out", 2, &[3, 4], |tape, x, random| {
        let h = x.matmul(parameter(tape, &[4, 5], random)).unwrap().plus(parameter(tape, &[5], random)).unwrap().tanh();
        h.sum_axis(1).unwrap().matmul(parameter(tape, &[5, 2], random)).unwrap()
    }),
    ("maxima, which each sample has in places of its own", 2, &[4], |tape, x, random| {
        let h = x.matmul(parameter(tape, &[4, 6], random)).unwrap().tanh();
        let h = h.matmul(parameter(tape, &[6, 6], random)).unwrap().reshape(&[SAMPLES, 2, 3]).unwrap();
        h.max_axis(2).unwrap().matmul(parameter(tape, &[2, 2], random)).unwrap()
    }),
    ("a gate that depends on the sample", 3, &[3], |tape, x, random| {
        let h = x.matmul(parameter(tape, &[3, 3], random)).unwrap();
        h.times(x.sin()).unwrap().times(h.tanh()).unwrap().matmul(parameter(tape, &[3, 3], random)).unwrap()
    }),
    ("a scalar bias", 3, &[3], |tape, x, random| x.plus(parameter(tape, &[], random)).unwrap().tanh()),
];

#[test]
fn factors_contract_to_the_product_of_jacobians_however_a_parameter_is_used() {
    for (name, outputs, shape, build) in NETWORKS {
        let mut random = Random::new(31);
        let sizes = [&[SAMPLES], *shape].concat();
        let data = random.numbers(sizes.iter().product());
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let tape = arena.tape();
        let f = build(tape, tape.samples(&data, &sizes).unwrap(), &mut random);
        let rows = one_row_at_a_time(f, *outputs);
        let lengths: Vec<usize> = tape.leaf_variables().map(|leaf| leaf.value().len()).collect();
        let mut jacobian = PerSample::new(&lengths);
        pullback(f, &identity_seeds(*outputs), *outputs, &mut jacobian, &mut pool).unwrap();
        assert!(relative_error(jacobian.rows(), &rows.concat()) < 1e-14, "{name}: explicit Jacobian");
        let mut factors = Factors::default();
        pullback(f, &identity_seeds(*outputs), *outputs, &mut factors, &mut pool).unwrap();
        let product: Vec<f64> =
            rows.iter().flat_map(|r| rows.iter().map(|s| r.iter().zip(s).map(|(a, b)| a * b).sum())).collect();
        assert!(relative_error(&contracted(&factors), &product) < 1e-13, "{name}: factors");
        pullback_shared(f, &unit_seeds(*outputs), *outputs, &mut factors, &mut pool).unwrap();
        assert!(relative_error(&contracted(&factors), &product) < 1e-13, "{name}: factors of shared seeds");
        for layout in [Layout::Plain, Layout::CotangentsFirst] {
            // Every other leaf keeps its factors.
            for odd in [2, 0, 1] {
                let keep = |leaf: usize| if leaf % 2 == odd { Keep::Factors } else { Keep::Gradients(layout) };
                let keep: Vec<Keep> = (0..lengths.len()).map(keep).collect();
                let mut factors = Factors::keeping(keep, lengths.clone());
                pullback_shared(f, &unit_seeds(*outputs), *outputs, &mut factors, &mut pool).unwrap();
                let mut found = contracted(&factors);
                gram(&factors.gradients, outputs * SAMPLES, &mut found);
                let what = format!("{name}: gradients, {layout:?}, {odd}");
                assert!(relative_error(&found, &product) < 1e-13, "{what}");
                if odd == 2 && layout == Layout::Plain {
                    assert!(relative_error(&factors.gradients, &rows.concat()) < 1e-14, "{what}");
                }
            }
        }
        let (mut gradient, mut shared) = (Gradient::new(), Gradient::new());
        pullback(f, &identity_seeds(*outputs), *outputs, &mut gradient, &mut pool).unwrap();
        pullback_shared(f, &unit_seeds(*outputs), *outputs, &mut shared, &mut pool).unwrap();
        for leaf in 0..lengths.len() {
            assert_eq!(gradient.of(leaf), shared.of(leaf), "{name}: gradient of shared seeds");
        }
    }
}

#[test]
fn samples_along_the_columns_of_a_transposed_operand_are_refused_as_factors() {
    let mut random = Random::new(32);
    let data = random.numbers(SAMPLES);
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape();
    // [n] becomes [5, n]: its samples are columns, and the product of its transpose has them as rows again.
    let columns = tape.samples(&data, &[SAMPLES]).unwrap().broadcast(0, 5).unwrap();
    let f = columns.matmul_with(parameter(tape, &[5, 3], &mut random), matmul(true, false)).unwrap();
    let refused = pullback(f, &identity_seeds(3), 3, &mut Factors::default(), &mut pool);
    assert!(matches!(refused, Err(Error::NotPerSample { .. })), "{refused:?}");
    let refused = pullback(f, &identity_seeds(3), 3, &mut PerSample::new(&[15]), &mut pool);
    assert!(matches!(refused, Err(Error::NotPerSample { .. })), "{refused:?}");
}

#[test]
fn no_samples_have_an_empty_jacobian() {
    let w = [0.5; 15];
    let (mut arena, mut pool) = (Arena::new(), Pool::default());
    let tape = arena.tape();
    let f = tape.samples(&[], &[0, 5]).unwrap().matmul(tape.leaf(&w, &[5, 3]).unwrap()).unwrap();
    let mut jacobian = PerSample::new(&[15]);
    pullback(f, &[], 3, &mut jacobian, &mut pool).unwrap();
    assert_eq!(jacobian.rows(), [0.0; 0]);
    let mut factors = Factors::default();
    pullback(f, &[], 3, &mut factors, &mut pool).unwrap();
    assert_eq!(contracted(&factors), [0.0; 0]);
}

#[test]
fn a_gradient_that_is_used_again_forgets_the_last_one() {
    let (x, other) = ([1.5, -2.0], [3.0, 4.0, 5.0]);
    let (mut gradient, mut pool) = (Gradient::new(), Pool::default());
    let mut arena = Arena::new();
    for values in [&x[..], &other[..], &x[..]] {
        let tape = arena.tape();
        let (a, unused) = (tape.leaf(values, &[values.len()]).unwrap(), tape.leaf(values, &[values.len()]).unwrap());
        let y = (a * a).sum();
        for k in [1, 2, 1] {
            pullback(y, &vec![1.0; k], k, &mut gradient, &mut pool).unwrap();
            let expected: Vec<f64> = (0..k).flat_map(|_| values.iter().map(|x| 2.0 * x)).collect();
            assert_eq!(gradient.of(0), Some(&expected[..]));
        }
        let seed = vec![1.0; values.len()];
        let tangents = pushforward(tape, &[(a, &seed)], 1, &mut pool).unwrap();
        pullback_tangent(y, &[1.0], &tangents, &mut gradient, &mut pool).unwrap();
        assert_eq!(gradient.tangent_of(0), Some(&vec![2.0; values.len()][..]));
        // What was there and is not any more.
        let z = (unused * unused).sum();
        pullback(z, &[1.0], 1, &mut gradient, &mut pool).unwrap();
        assert_eq!((gradient.of(0), gradient.tangent_of(0)), (None, None));
    }
}

#[test]
fn a_seed_of_another_tape_is_refused() {
    let x = [1.0, 2.0];
    let (mut arena, mut other) = (Arena::new(), Arena::new());
    let (tape, other) = (arena.tape::<f64>(), other.tape::<f64>());
    let (here, there) = (tape.leaf(&x, &[2]).unwrap(), other.leaf(&x, &[2]).unwrap());
    let mut pool = Pool::default();
    let refused = pushforward(tape, &[(here, &x), (there, &x)], 1, &mut pool).unwrap_err();
    assert_eq!(refused, Error::ForeignVariable { op: "pushforward" });
    assert!(matches!(here.plus(there), Err(Error::ForeignVariable { op: "combine" })));
    assert!(matches!(here.times(there), Err(Error::ForeignVariable { op: "mul" })));
    assert!(matches!(here.matmul(there), Err(Error::ForeignVariable { op: "matmul" })));
}

#[test]
fn tangents_of_another_recording_are_refused() {
    let x = [1.0, 2.0];
    let (mut arena, mut other) = (Arena::new(), Arena::new());
    let (tape, other) = (arena.tape::<f64>(), other.tape::<f64>());
    let (here, there) = (tape.leaf(&x, &[2]).unwrap(), other.leaf(&x, &[2]).unwrap());
    let (mut pool, mut gradient) = (Pool::default(), Gradient::new());
    let early = pushforward(tape, &[(here, &x)], 1, &mut pool).unwrap();
    let foreign = pushforward(other, &[(there, &x)], 1, &mut pool).unwrap();
    let y = (here * here).sum();
    let refused = pullback_tangent(y, &[1.0], &early, &mut gradient, &mut pool).unwrap_err();
    assert!(refused.to_string().contains("tangents"), "{refused}");
    let (y, _) = (here.sum(), (there * there).sum());
    let refused = pullback_tangent(y, &[1.0], &foreign, &mut gradient, &mut pool).unwrap_err();
    assert!(refused.to_string().contains("tangents"), "{refused}");
}
