//! A sample tag tells the truth: what one sample holds reaches no other sample's entries.

use autodiff::check::{LINEAR, LinearExemplar, Program};
use autodiff::op::LinearOp;
use autodiff::{Arena, Samples, Tape, Var};

use crate::numbers::Random;

/// An operand whose axis `axis` counts samples, in whatever place that axis is.
fn with_samples<'a>(tape: &'a Tape<'a, f64>, value: &'a [f64], shape: &[usize], axis: usize) -> Var<'a, f64> {
    // The tape takes samples along the first axis only; the rest is a permutation.
    let mut sizes = shape.to_vec();
    let count = sizes.remove(axis);
    sizes.insert(0, count);
    let mut back: Vec<usize> = (1..shape.len()).collect();
    back.insert(axis, 0);
    tape.samples(value, &sizes).unwrap().permute(&back).unwrap()
}

/// The op's value and tag on operands whose samples lie along `axis`, sample `changed` having other numbers.
fn applied(exemplar: &LinearExemplar, axis: usize, changed: Option<usize>) -> (Vec<f64>, Vec<usize>, Samples) {
    let mut random = Random::new(61);
    let values: Vec<Vec<f64>> = exemplar
        .operands
        .iter()
        .map(|shape| {
            let mut value = random.numbers(shape.iter().product());
            if let (Some(sample), Some(&count)) = (changed, shape.get(axis)) {
                // Samples lead in the leaf.
                let len = value.len() / count;
                value[sample * len..][..len].iter_mut().for_each(|x| *x += 1.0);
            }
            value
        })
        .collect();
    let mut arena = Arena::new();
    let tape = arena.tape();
    let operands: Vec<_> =
        exemplar.operands.iter().zip(&values).map(|(shape, value)| with_samples(tape, value, shape, axis)).collect();
    let y = exemplar.record(tape, &operands).unwrap();
    (y.value().to_vec(), y.shape().to_vec(), y.samples())
}

/// The sample that entry `i` of a value belongs to, by its tag.
fn sample_of(i: usize, shape: &[usize], axis: usize, group: usize) -> usize {
    let inner: usize = shape[axis + 1..].iter().product();
    i / inner % shape[axis] / group
}

#[test]
fn what_is_tagged_as_kept_apart_is_kept_apart() {
    let (mut kept, mut mixed) = (0, 0);
    // The exemplars of a maximum pool name entries as they like, of another channel too: no maximum does.
    for exemplar in LINEAR.iter().filter(|exemplar| !matches!(exemplar.op, LinearOp::MaxPool(_))) {
        let rank = exemplar.operands[0].len();
        // All operands have the axis, with as many samples, and nothing is empty.
        for axis in 0..rank {
            let counts: Vec<_> = exemplar.operands.iter().map(|shape| shape.get(axis).copied()).collect();
            let same =
                counts.iter().all(|count| *count == counts[0]) && exemplar.operands.iter().all(|o| o.len() == rank);
            let empty = exemplar.operands.iter().any(|shape| shape.contains(&0));
            let count = counts[0].unwrap_or(0);
            if !same || empty || count < 2 {
                continue;
            }
            let (before, shape, tag) = applied(exemplar, axis, None);
            match tag {
                Samples::Axis { axis: of_result, group } => {
                    kept += 1;
                    for sample in 0..count {
                        let (after, ..) = applied(exemplar, axis, Some(sample));
                        for (i, (a, b)) in before.iter().zip(&after).enumerate() {
                            let own = sample_of(i, &shape, of_result as usize, group as usize);
                            assert!(a == b || own == sample, "{exemplar:?}, axis {axis}: {sample} reached {own}");
                        }
                    }
                }
                Samples::Mixed(_) => mixed += 1,
                Samples::Free => panic!("{exemplar:?}, axis {axis}: the samples are lost"),
            }
        }
    }
    assert!(kept > 40 && mixed > 15, "{kept} kept apart, {mixed} mixed");
}

#[test]
fn what_moves_along_the_sample_axis_is_mixed_and_beside_it_kept() {
    let mut arena = Arena::new();
    let tape = arena.tape::<f64>();
    let x = tape.samples(tape.keep(&[1.0; 24]), &[2, 3, 4]).unwrap();
    let along = |axis: u32, group: u32| Samples::Axis { axis, group };
    let mixed = |y: autodiff::Result<Var<'_, f64>>| matches!(y.unwrap().samples(), Samples::Mixed(_));
    assert!(mixed(x.flip(0)) && mixed(x.slice(0, 0, 2)) && mixed(x.pad(0, 1, 0)) && mixed(x.cumulative_sum(0)));
    assert!(mixed(x.gather(&[0, 1])) && mixed(x.concat(&[x], 0)) && mixed(x.max_axis(0)));
    assert_eq!(x.flip(1).unwrap().samples(), along(0, 1));
    assert_eq!(x.slice(2, 1, 2).unwrap().samples(), along(0, 1));
    assert_eq!(x.pad(1, 1, 0).unwrap().samples(), along(0, 1));
    assert_eq!(x.cumulative_sum(2).unwrap().samples(), along(0, 1));
    assert_eq!(x.concat(&[x], 1).unwrap().samples(), along(0, 1));
    assert_eq!(x.tril(0).unwrap().samples(), along(0, 1));
    assert_eq!(x.permute(&[1, 0, 2]).unwrap().samples(), along(1, 1));
    assert_eq!(x.stack(&[x], 0).unwrap().samples(), along(1, 1));
    assert_eq!(x.max_axis(2).unwrap().samples(), along(0, 1));
    assert_eq!(x.maximum(x.scale(2.0)).unwrap().samples(), along(0, 1));
    assert_eq!(x.reshape(&[6, 4]).unwrap().slice(1, 0, 2).unwrap().samples(), along(0, 3));
}
