//! What looks wrong with samples, though nothing is: said, not refused.

use std::collections::HashMap;

use rayon::prelude::*;

use super::select::{Normalize, moments};
use crate::array::Array;

/// Warnings for the samples of a training part, as they are before normalization.
///
/// Columns are looked at in tables only: the borders of images are constant by nature.
///
/// # Cost
/// Three passes over the numbers.
pub(super) fn warnings(inputs: &Array<f64>, rows: &[usize], how: Normalize) -> Vec<String> {
    let mut said = Vec::new();
    if inputs.rank() == 2 && inputs.rows() > 1 {
        columns(inputs, how, &mut said);
    }
    duplicates(inputs, rows, &mut said);
    if how == Normalize::None {
        let (mean, deviation) = moments(&inputs.data);
        if mean.abs() > 3.0 * deviation || !(0.1..=10.0).contains(&deviation) {
            said.push(format!(
                "inputs are not standardized: mean {mean:.3}, standard deviation {deviation:.3}; scale them, or use \
                 --normalize standard"
            ));
        }
    }
    said
}

fn columns(inputs: &Array<f64>, how: Normalize, said: &mut Vec<String>) {
    let width = inputs.row_len();
    let mut least = inputs.data[..width].to_vec();
    let mut most = least.clone();
    for row in inputs.data.chunks(width) {
        for ((low, high), &x) in least.iter_mut().zip(&mut most).zip(row) {
            *low = low.min(x);
            *high = high.max(x);
        }
    }
    let constant: Vec<String> = (0..width).filter(|&k| least[k] == most[k]).map(|k| k.to_string()).collect();
    if !constant.is_empty() {
        let more = if constant.len() > 5 { ", ..." } else { "" };
        said.push(format!(
            "{} of {width} features are constant and tell nothing: column {}{more} (from 0); leave them out",
            constant.len(),
            constant[..constant.len().min(5)].join(", ")
        ));
    }
    let spans = least.iter().zip(&most).map(|(low, high)| high - low).filter(|&span| span > 0.0);
    let (narrow, wide) = spans.fold((f64::INFINITY, 0.0), |(a, b): (f64, f64), span| (a.min(span), b.max(span)));
    if wide > 100.0 * narrow && how != Normalize::Rows {
        said.push(format!(
            "features differ in scale by {:.0}: the widest spans {wide:.3}, the narrowest {narrow:.3e}; one mean and \
             deviation for all leaves that so, standardize the columns beforehand",
            wide / narrow
        ));
    }
}

fn duplicates(inputs: &Array<f64>, rows: &[usize], said: &mut Vec<String>) {
    let width = inputs.row_len();
    if width == 0 {
        return;
    }
    let mut first: HashMap<u64, usize> = HashMap::with_capacity(inputs.rows());
    let mut pairs = 0usize;
    let mut example = None;
    let hashes: Vec<u64> = inputs.data.par_chunks(width).map(hash).collect();
    for (i, (row, hash)) in inputs.data.chunks(width).zip(hashes).enumerate() {
        match first.entry(hash) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(i);
            }
            std::collections::hash_map::Entry::Occupied(place) => {
                let j = *place.get();
                if inputs.row(j) == Some(row) {
                    pairs += 1;
                    example.get_or_insert((rows[j], rows[i]));
                }
            }
        }
    }
    if let Some((a, b)) = example {
        said.push(format!(
            "{pairs} sample(s) repeat an earlier one, as row {b} does row {a} (from 0), so the kernel is singular; remove \
             them, or use a ridge"
        ));
    }
}

/// A hash of the numbers, equal for -0 and 0.
fn hash(row: &[f64]) -> u64 {
    row.iter().fold(0x9e37_79b9_7f4a_7c15, |h: u64, &x| {
        ((h ^ (x + 0.0).to_bits()).wrapping_mul(0xff51_afd7_ed55_8ccd)).rotate_left(29)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warn(shape: &[usize], data: &[f64], how: Normalize) -> String {
        let inputs = Array::new(shape, data.to_vec()).unwrap();
        let rows: Vec<usize> = (10..10 + inputs.rows()).collect();
        warnings(&inputs, &rows, how).join("\n")
    }

    #[test]
    fn constant_features_duplicates_and_scales_are_told() {
        let text = warn(&[3, 2], &[1.0, 5.0, -1.0, 5.0, 0.5, 5.0], Normalize::Standard);
        assert!(text.contains("1 of 2 features") && text.contains("column 1 "), "{text}");
        let text = warn(&[3, 2], &[1.0, 0.0, -1.0, 2.0, 1.0, -0.0], Normalize::Standard);
        assert!(text.contains("1 sample(s)") && text.contains("row 12 does row 10"), "{text}");
        let text = warn(&[3, 2], &[1.0, 500.0, -1.0, 1000.0, 1.5, -20.0], Normalize::Standard);
        assert!(text.contains("differ in scale by 408"), "{text}");
        let text = warn(&[3, 2], &[100.0, 100.5, 101.0, 99.0, 99.5, 102.0], Normalize::None);
        assert!(text.contains("not standardized"), "{text}");
    }

    #[test]
    fn sound_samples_are_passed_in_silence() {
        assert_eq!(warn(&[3, 2], &[1.0, -1.2, -1.0, 1.1, 0.5, 0.1], Normalize::None), "");
        // A constant pixel of an image is no fault.
        assert_eq!(warn(&[3, 1, 2, 1], &[1.0, 0.0, -1.0, 0.0, 0.5, 0.0], Normalize::Standard), "");
    }
}
