//! Verbs against each other, against duals, and against the sweeps that they are made of.

use autodiff::op::composite::{cross_entropy, mean_squared_error};
use autodiff::trace::trace;
use autodiff::verb::{BLOCK, Workspace};
use autodiff::{
    Arena, Real, Result, Tensor, Var, ggn_vp, grad, hessian, hvp, jacobian, jvp, scalar, value_and_grad, vjp,
    with_tangents,
};

use crate::numbers::{Random, relative_error};

const INPUTS: [f64; 8] = [0.3, -0.5, 0.8, 0.1, -0.9, 0.6, 0.2, 0.4];
const LABELS: [u32; 4] = [0, 2, 1, 1];

/// A network of two layers on four samples; primals are `W0 [2, 5], b0 [5], W1 [5, 3]`.
fn network<'a, R: Real>(p: &[Var<'a, R>]) -> Result<Var<'a, R>> {
    let tape = p[0].tape();
    let x = tape.samples(tape.keep_with(8, |i| R::from_f64(INPUTS[i])), &[4, 2])?;
    x.matmul(p[0])?.plus(p[1])?.tanh().matmul(p[2])
}

fn loss<'a, R: Real>(p: &[Var<'a, R>]) -> Result<Var<'a, R>> {
    cross_entropy(network(p)?, &LABELS)
}

const SHAPES: [&[usize]; 3] = [&[2, 5], &[5], &[5, 3]];

fn parameters(random: &mut Random) -> Vec<Tensor<f64>> {
    SHAPES.iter().map(|shape| Tensor::new(shape, random.numbers(shape.iter().product())).unwrap()).collect()
}

fn flat(tensors: &[Tensor<f64>]) -> Vec<f64> {
    tensors.iter().flat_map(|t| t.numbers().to_vec()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The same arrays as another number.
fn tensors<R: Real>(numbers: &[R]) -> Vec<Tensor<R>> {
    let mut rest = numbers;
    let take = |shape: &&[usize]| {
        let (mine, others) = rest.split_at(shape.iter().product());
        rest = others;
        Tensor::new(shape, mine).unwrap()
    };
    SHAPES.iter().map(take).collect()
}

#[test]
fn tangents_and_cotangents_are_adjoint() {
    let mut random = Random::new(3);
    let (p, p_dot) = (parameters(&mut random), parameters(&mut random));
    let y_bar = Tensor::new(&[4, 3], random.numbers(12)).unwrap();
    let (y, y_dot) = jvp(|p| network(&p), &p, &p_dot).unwrap();
    let (same, bars) = vjp(|p| network(&p), &p, &y_bar).unwrap();
    assert_eq!(y, same);
    let (above, below) = (dot(y_bar.numbers(), y_dot.numbers()), dot(&flat(&bars), &flat(&p_dot)));
    assert!((above - below).abs() < 1e-14);
}

#[test]
fn jacobian_and_hessian_hold_the_columns_that_products_give() {
    let mut random = Random::new(4);
    let (p, v) = (parameters(&mut random), parameters(&mut random));
    let j = jacobian(|p| network(&p), &p).unwrap();
    let (_, y_dot) = jvp(|p| network(&p), &p, &v).unwrap();
    let row = |at: usize| -> f64 {
        j.iter()
            .zip(&v)
            .map(|(j, v)| dot(&j.numbers()[at * v.numbers().len()..][..v.numbers().len()], v.numbers()))
            .sum()
    };
    assert!(relative_error(&(0..12).map(row).collect::<Vec<_>>(), y_dot.numbers()) < 1e-14);
    let h = hessian(|p| loss(&p), &p).unwrap();
    let product = hvp(|p| loss(&p), &p, &v).unwrap();
    for (i, product) in product.iter().enumerate() {
        let rows = product.numbers().len();
        let entry = |at: usize| -> f64 {
            let of = |(j, v): (usize, &Tensor<f64>)| {
                let len = v.numbers().len();
                dot(&h[i][j].numbers()[at * len..][..len], v.numbers())
            };
            v.iter().enumerate().map(of).sum()
        };
        assert!(relative_error(&(0..rows).map(entry).collect::<Vec<_>>(), product.numbers()) < 1e-13);
    }
    // Symmetric, though the two triangles come from different sweeps.
    for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
        let (rows, columns) = (p[i].numbers().len(), p[j].numbers().len());
        let at = |row: usize, column: usize| h[i][j].numbers()[row * columns + column];
        let transposed: Vec<f64> = (0..rows * columns).map(|e| at(e % rows, e / rows)).collect();
        assert!(relative_error(h[j][i].numbers(), &transposed) < 1e-13);
    }
}

#[test]
fn hessian_vector_products_are_the_tangents_of_gradients_on_duals() {
    let mut random = Random::new(6);
    let (p, v) = (parameters(&mut random), parameters(&mut random));
    let fast = flat(&hvp(|p| loss(&p), &p, &v).unwrap());
    let (value, gradient) = value_and_grad(|p| loss(&p), &p).unwrap();
    let (primals, slow, slope) = with_tangents(&flat(&p), &flat(&v), |duals| {
        let p = tensors(&duals);
        let (value, gradient) = value_and_grad(|p| loss(&p), &p).unwrap();
        let numbers: Vec<_> = gradient.iter().flat_map(|g| g.numbers().to_vec()).collect();
        assert_eq!(value.re, value.primal());
        (
            numbers.iter().map(|x| x.re).collect::<Vec<f64>>(),
            numbers.iter().map(|x| x.eps).collect::<Vec<f64>>(),
            value.eps,
        )
    });
    assert!(relative_error(&fast, &slow) < 1e-13);
    assert!(relative_error(&primals, &flat(&gradient)) < 1e-14);
    let (same, along) = jvp(|p| loss(&p), &p, &v).unwrap();
    assert_eq!(same.item(), Some(value));
    assert!((along.item().unwrap() - slope).abs() < 1e-15);
}

#[test]
fn arrays_and_plain_numbers_have_one_derivative() {
    let mut random = Random::new(7);
    let (p, v) = (parameters(&mut random), parameters(&mut random));
    fn plain<R: Real>(p: &[R]) -> R {
        let (w0, rest) = p.split_at(10);
        let (b0, w1) = rest.split_at(5);
        let mut total = R::ZERO;
        for (x, &label) in INPUTS.chunks(2).zip(&LABELS) {
            let hidden = |j: usize| (w0[j].scale(x[0]) + w0[5 + j].scale(x[1]) + b0[j]).tanh();
            let logit = |a: usize| (0..5).fold(R::ZERO, |sum, j| sum + hidden(j) * w1[3 * j + a]);
            let norm = (0..3).fold(R::ZERO, |sum, a| sum + logit(a).exp());
            total += norm.ln() - logit(label as usize);
        }
        total.scale(0.25)
    }
    let (value, gradient) = value_and_grad(|p| loss(&p), &p).unwrap();
    assert!((value - plain(&flat(&p))).abs() < 1e-14);
    assert!(relative_error(&flat(&gradient), &scalar::gradient(|p| plain(p), &flat(&p))) < 1e-13);
    let product = flat(&hvp(|p| loss(&p), &p, &v).unwrap());
    assert!(relative_error(&product, &scalar::hvp(|p| plain(p), &flat(&p), &flat(&v)).unwrap()) < 1e-13);
}

#[test]
fn the_gauss_newton_product_is_made_of_its_three_factors() {
    let mut random = Random::new(8);
    let (p, v) = (parameters(&mut random), parameters(&mut random));
    let targets = random.numbers(12);
    for cross in [true, false] {
        let found = if cross {
            ggn_vp(|p| network(&p), |f| cross_entropy(f[0], &LABELS), &p, &v).unwrap()
        } else {
            ggn_vp(|p| network(&p), |f| mean_squared_error(f[0], f.tape().constant(&targets, &[4, 3])?), &p, &v)
                .unwrap()
        };
        let (y, y_dot) = jvp(|p| network(&p), &p, &v).unwrap();
        let bent = if cross {
            hvp(|y| cross_entropy(y[0], &LABELS), &[y], &[y_dot]).unwrap()
        } else {
            // The Hessian of the mean square over four samples is 1/4.
            vec![Tensor::new(&[4, 3], y_dot.numbers().iter().map(|y| 0.25 * y).collect::<Vec<_>>()).unwrap()]
        };
        let (_, expected) = vjp(|p| network(&p), &p, &bent[0]).unwrap();
        assert!(relative_error(&flat(&found), &flat(&expected)) < 1e-14);
    }
}

#[test]
fn a_workspace_gives_the_bits_of_a_fresh_one_and_stops_growing() {
    let mut random = Random::new(9);
    let mut workspace = Workspace::new();
    let mut held = 0;
    for round in 0..6 {
        let (p, v) = (parameters(&mut random), parameters(&mut random));
        let mut at = workspace.linearize(|p| loss(&p), &p).unwrap();
        let (g, h) = (at.grad().unwrap(), at.hvp(&v).unwrap());
        // Interleaved verbs do not see each other's buffers.
        assert_eq!(at.grad().unwrap(), g);
        assert_eq!(g, grad(|p| loss(&p), &p).unwrap());
        assert_eq!(h, hvp(|p| loss(&p), &p, &v).unwrap());
        if round == 3 {
            held = workspace.bytes();
        }
    }
    assert!(held > 0 && workspace.bytes() == held, "{held} bytes, then {}", workspace.bytes());
}

#[test]
fn blocks_of_every_size_hold_the_directions_one_by_one() {
    let mut random = Random::new(10);
    let p = parameters(&mut random);
    for k in [0, 1, 2, BLOCK + 1] {
        let block: Vec<Tensor<f64>> = SHAPES
            .iter()
            .map(|shape| {
                let len = k * shape.iter().product::<usize>();
                Tensor::new(&[&[k], *shape].concat(), random.numbers(len)).unwrap()
            })
            .collect();
        let together = hvp(|p| loss(&p), &p, &block).unwrap();
        assert!(together.iter().zip(SHAPES).all(|(h, shape)| h.shape() == [&[k], shape].concat()));
        for i in 0..k {
            let part = |t: &Tensor<f64>| -> Vec<f64> {
                let len = t.numbers().len() / k;
                t.numbers()[i * len..][..len].to_vec()
            };
            let one: Vec<f64> = block.iter().flat_map(part).collect();
            let alone = hvp(|p| loss(&p), &p, &tensors(&one)).unwrap();
            let found: Vec<f64> = together.iter().flat_map(part).collect();
            assert!(relative_error(&found, &flat(&alone)) < 1e-14);
        }
    }
}

#[test]
fn the_trace_of_single_numbers_holds_what_the_sweeps_compute() {
    use autodiff::sweep::{Gradient, Pool, pullback_tangent, pushforward};
    let mut arena = Arena::new();
    let tape = arena.tape();
    let mut random = Random::new(11);
    let values = [0.4, 1.3, -0.7];
    let along = random.numbers(3);
    let x: Vec<_> = values.iter().map(|x| tape.leaf(std::slice::from_ref(x), &[]).unwrap()).collect();
    // Ops of every kind, values used twice, one that the output does not depend on, a constant.
    let unused = x[0].exp();
    let half = tape.constant(&[0.5], &[]).unwrap();
    let a = x[0].times(x[1]).unwrap().tanh().combine(0.7, x[2], -1.3).unwrap();
    let b = a.times(a).unwrap().plus(half).unwrap().sqrt().times(x[1].sin()).unwrap();
    let y = b.minus(a.gelu()).unwrap().times(half).unwrap();
    let lines = trace(y, &along).unwrap();

    let (mut pool, mut sink) = (Pool::default(), Gradient::new());
    let seeds: Vec<_> = x.iter().zip(&along).map(|(&x, x_dot)| (x, std::slice::from_ref(x_dot))).collect();
    let tangents = pushforward(tape, &seeds, 1, &mut pool).unwrap();
    pullback_tangent(y, &[1.0], &tangents, &mut sink, &mut pool).unwrap();
    for (line, var) in lines.iter().zip(tape.variables()) {
        assert_eq!(line.value, var.value()[0]);
        assert_eq!(line.tangent, tangents.of(var).map_or(0.0, |x_dot| x_dot[0]));
        // The tangent of a node is its slopes times those of its operands.
        let sum: f64 = line.edges.iter().map(|e| e.slope * lines[e.operand as usize].tangent).sum();
        assert!(line.edges.is_empty() || (sum - line.tangent).abs() < 1e-15);
    }
    for (leaf, line) in lines.iter().take(3).enumerate() {
        let (bar, dot) = (line.cotangent.unwrap(), line.cotangent_tangent.unwrap());
        assert!((bar - sink.of(leaf).unwrap()[0]).abs() < 1e-15, "{leaf}");
        assert!((dot - sink.tangent_of(leaf).unwrap()[0]).abs() < 1e-15, "{leaf}");
    }
    let at = |var: Var<'_, f64>| &lines[var.id() as usize];
    assert_eq!((at(unused).cotangent, at(half).cotangent, at(y).cotangent), (None, None, Some(1.0)));
    assert!(trace(tape.leaf(&[1.0, 2.0], &[2]).unwrap().sum(), &[0.0; 4]).is_err());
}
