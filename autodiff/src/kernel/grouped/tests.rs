//! Against the dense product, over patterns of zeros that a relu leaves and some that it does not.

use super::*;
use crate::real::{Float, Real};

/// Numbers in `[-1, 1)` of a fixed sequence.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn numbers<R: Real>(&mut self, len: usize) -> Vec<R> {
        (0..len).map(|_| R::from_f64(self.next())).collect()
    }

    /// Rows whose groups are 0 in half of the columns; the first group everywhere, the last one nowhere of its rows but
    /// in one place of the last member.
    fn rows<R: Real>(&mut self, members: usize, groups: usize, width: usize) -> Vec<R> {
        let mut rows = self.numbers(members * groups * width);
        for g in 0..groups {
            for u in 0..width {
                let off = match g {
                    0 => true,
                    _ if g + 1 == groups => u != width / 2,
                    _ => self.next() < 0.0,
                };
                for k in (0..members).filter(|&k| off && !(g + 1 == groups && k + 1 == members && u == 1)) {
                    rows[(k * groups + g) * width + u] = R::ZERO;
                }
            }
        }
        rows
    }
}

/// `max|a - b| / max|b|`
fn apart<R: Float>(a: &[R], b: &[R]) -> f64 {
    let most = |numbers: &mut dyn Iterator<Item = f64>| numbers.fold(0.0, f64::max);
    let scale = most(&mut b.iter().map(|x| x.to_f64().abs()));
    most(&mut a.iter().zip(b).map(|(a, b)| (a.to_f64() - b.to_f64()).abs())) / scale.max(f64::MIN_POSITIVE)
}

const SIZES: [(usize, usize, usize, usize); 7] = [
    (3, 2, 1, 64),
    (3, 5, 17, 33),
    (10, 7, 64, 70),
    (10, 70, 33, 32),
    (11, 4, 100, 96),
    (25, 3, 40, 65),
    (100, 3, 20, 40),
];

fn products_agree<R: Float>() {
    let mut sequence = Sequence(1);
    for (members, groups, width, columns) in SIZES {
        let a = sequence.rows::<R>(members, groups, width);
        let b = sequence.numbers::<R>(width * columns);
        let rows = Rows { numbers: &a, members, groups, width };
        let begin = sequence.numbers::<R>(members * groups * columns);
        for (transposed, accumulate) in
            [(false, Accumulate::Replace), (true, Accumulate::Replace), (true, Accumulate::Add)]
        {
            let b = if transposed { View::new(&b, columns, width).t() } else { View::new(&b, width, columns) };
            let (mut found, mut expected) = (begin.clone(), begin.clone());
            R::gemm(&mut expected, accumulate, -0.3, rows.merged(), b);
            assert_eq!(
                product(&mut found, accumulate, -0.3, rows, b),
                R::shares_registers(),
                "{members} {groups} {width}"
            );
            if R::shares_registers() {
                let apart = apart(&found, &expected);
                assert!(apart < 40.0 * R::EPSILON, "{members} {groups} {width} {columns} {transposed}: {apart}");
            }
        }
    }
}

#[test]
fn a_product_without_the_zeros_is_the_dense_one() {
    products_agree::<f64>();
    products_agree::<f32>();
}

fn grams_agree<R: Float>() {
    let mut sequence = Sequence(2);
    for (members, groups, width, _) in SIZES {
        let a = sequence.rows::<R>(members, groups, width);
        let b = sequence.rows::<R>(members, groups + 1, width);
        let (rows, others) =
            (Rows { numbers: &a, members, groups, width }, Rows { numbers: &b, members, groups: groups + 1, width });
        let (Some(packed), Some(packed_others)) = (Panels::pack(rows), Panels::pack(others)) else {
            assert!(!R::shares_registers(), "{members} {groups} {width}");
            continue;
        };
        assert_eq!(packed.unpack(), a);
        for (right, numbers, lower) in [(&packed, rows, true), (&packed, rows, false), (&packed_others, others, false)]
        {
            let len = members * groups * numbers.members * numbers.groups;
            let (mut found, mut expected) = (vec![R::from_f64(f64::NAN); len], vec![R::ZERO; len]);
            R::gemm(&mut expected, Accumulate::Replace, 1.0, rows.merged(), numbers.merged().t());
            // From [left, rows, (right, columns)], which is how merged rows lie.
            Panels::gram(&packed, right, lower, &mut found);
            let apart = apart(&found, &expected);
            assert!(apart < 40.0 * R::EPSILON, "{members} {groups} {width} {lower}: {apart}");
        }
    }
}

#[test]
fn a_gram_product_without_the_zeros_is_the_dense_one() {
    grams_agree::<f64>();
    grams_agree::<f32>();
}

#[test]
fn what_would_not_pay_or_would_hide_an_infinity_is_left_to_the_dense_product() {
    let (members, groups, width, columns) = (5, 6, 40, 64);
    let mut sequence = Sequence(3);
    let sparse = sequence.rows::<f64>(members, groups, width);
    let mut b = sequence.numbers::<f64>(width * columns);
    let mut out = vec![0.0; members * groups * columns];
    let of = |numbers, members, groups| Rows { numbers, members, groups, width };
    let mut asked = |a, b: &[f64]| product(&mut out, Accumulate::Replace, 1.0, a, View::new(b, width, columns));
    assert_eq!(asked(of(&sparse, members, groups), &b), f64::shares_registers());
    let dense = sequence.numbers::<f64>(sparse.len());
    assert!(!asked(of(&dense, members, groups), &b), "dense rows");
    assert!(Panels::pack(of(&dense, members, groups)).is_none());
    b[7] = f64::INFINITY;
    assert!(!asked(of(&sparse, members, groups), &b), "0 times infinity is NaN");
    let mut rows = sparse.clone();
    rows[width + 3] = f64::NAN;
    assert!(Panels::pack(of(&rows, members, groups)).is_none());
}

#[test]
fn a_row_has_the_same_bits_whatever_rows_are_beside_it() {
    let (members, groups, width, columns) = (10, 9, 50, 64);
    let mut sequence = Sequence(4);
    let all = sequence.rows::<f32>(members, groups, width);
    let b = sequence.numbers::<f32>(width * columns);
    let run = |numbers: &[f32], groups: usize| {
        let mut out = vec![0.0; members * groups * columns];
        let rows = Rows { numbers, members, groups, width };
        product(&mut out, Accumulate::Replace, 1.0, rows, View::new(&b, width, columns)).then_some(out)
    };
    let Some(whole) = run(&all, groups) else { return };
    let some: Vec<f32> = all.chunks(groups * width).flat_map(|member| &member[2 * width..6 * width]).copied().collect();
    let part = run(&some, 4).expect("as sparse");
    for k in 0..members {
        let of = |out: &[f32], groups: usize, g: usize| out[(k * groups + g) * columns..][..4 * columns].to_vec();
        assert_eq!(of(&part, 4, 0), of(&whole, groups, 2));
    }
}
