//! A matrix made ready to be coloured: sorted by class, averaged to few cells, its range chosen.

use super::PlotError;
use super::colour::{ColourMap, LEVELS, NOT_A_NUMBER};

/// Cells a side: more cannot be told apart, and files stay small.
const MOST_CELLS: usize = 512;
/// Values beyond these quantiles share the end colours if they would take the range from all others.
const TAIL: f64 = 0.005;
/// The upper tail may be as long as a diagonal, up to this.
const LONGEST_TAIL: f64 = 0.05;

/// Samples of one class that lie side by side after sorting: from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) class: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The values that the ends of the colour bar stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Whether values beyond the ends share their colours.
    pub(super) cut: [bool; 2],
    pub(super) map: ColourMap,
}

/// The order that sorts samples by class, equal ones as they came, and where each class lies in it.
pub(super) fn by_class(n: usize, classes: Option<&[usize]>) -> Result<(Vec<usize>, Vec<Span>), PlotError> {
    let mut order = (0..n).collect::<Vec<_>>();
    let Some(classes) = classes else {
        return Ok((order, Vec::new()));
    };
    if classes.len() != n {
        return Err(PlotError(format!("{} class labels for {n} samples", classes.len())));
    }
    order.sort_by_key(|&i| classes[i]);
    let mut spans: Vec<Span> = Vec::new();
    for (place, &i) in order.iter().enumerate() {
        match spans.last_mut() {
            Some(span) if span.class == classes[i] => span.end = place + 1,
            _ => spans.push(Span { class: classes[i], start: place, end: place + 1 }),
        }
    }
    Ok((order, spans))
}

/// The permuted matrix with at most `MOST_CELLS` cells a side, each the mean of the finite entries it covers.
///
/// # Cost
/// One pass over the entries.
pub(super) fn averaged(values: &[f64], rows: &[usize], columns: &[usize]) -> ([usize; 2], Vec<f64>) {
    let (n, m) = (rows.len(), columns.len());
    let (r, c) = (n.min(MOST_CELLS), m.min(MOST_CELLS));
    let mut sums = vec![(0.0f64, 0u32); r * c];
    let column_cell = (0..m).map(|j| j * c / m).collect::<Vec<_>>();
    for (i, &row) in rows.iter().enumerate() {
        let entries = &values[row * m..(row + 1) * m];
        let line = &mut sums[(i * r / n) * c..][..c];
        for (&column, &cell) in columns.iter().zip(&column_cell) {
            let value = entries[column];
            if value.is_finite() {
                line[cell].0 += value;
                line[cell].1 += 1;
            }
        }
    }
    let means = sums.into_iter().map(|(sum, count)| if count == 0 { f64::NAN } else { sum / f64::from(count) });
    ([r, c], means.collect())
}

/// The range to colour: all of it, unless a few values would leave the others one colour.
pub(super) fn range(means: &[f64], [rows, columns]: [usize; 2]) -> Range {
    let mut sorted = means.iter().copied().filter(|v| v.is_finite()).collect::<Vec<_>>();
    if sorted.is_empty() {
        return Range { low: 0.0, high: 1.0, cut: [false; 2], map: ColourMap::Sequential };
    }
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    let tail = (TAIL * last as f64) as usize;
    // A diagonal is one cell in `columns`, and a little more where cells are means of several entries.
    let diagonal = 1.2 / rows.max(columns) as f64;
    let upper = (diagonal.clamp(TAIL, LONGEST_TAIL) * last as f64) as usize;
    let (least, greatest) = (sorted[0], sorted[last]);
    let (low, high) = (sorted[tail], sorted[last - upper]);
    // A tail is cut only if it is longer than a third of all the rest.
    let third = (high - low) / 3.0;
    let cut = [low - least > third && third > 0.0, greatest - high > third && third > 0.0];
    let (low, high) = (if cut[0] { low } else { least }, if cut[1] { high } else { greatest });
    let map = if low < -0.05 * high.abs() && high > 0.0 { ColourMap::Diverging } else { ColourMap::Sequential };
    let (low, high) =
        if low < high { (low, high) } else { (low - 0.5 * low.abs().max(1e-300), low + 0.5 * low.abs().max(1e-300)) };
    Range { low, high, cut, map }
}

/// The colour of a value. White of the diverging map is always zero, and both of its arms have the same scale.
pub(super) fn level(value: f64, range: &Range) -> u8 {
    if !value.is_finite() {
        return NOT_A_NUMBER;
    }
    let value = value.clamp(range.low, range.high);
    let t = match range.map {
        ColourMap::Sequential => (value - range.low) / (range.high - range.low),
        ColourMap::Diverging => 0.5 + 0.5 * value / range.high.max(-range.low),
    };
    (t.clamp(0.0, 1.0) * (LEVELS - 1) as f64).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_by_class_is_stable_and_reports_where_classes_lie() {
        let (order, spans) = by_class(5, Some(&[2, 0, 2, 0, 7])).expect("labels fit");
        assert_eq!(order, [1, 3, 0, 2, 4]);
        let places = spans.iter().map(|s| (s.class, s.start, s.end)).collect::<Vec<_>>();
        assert_eq!(places, [(0, 0, 2), (2, 2, 4), (7, 4, 5)]);
    }

    #[test]
    fn averaging_keeps_the_mean_and_the_order() {
        let n = 2 * MOST_CELLS;
        let values = (0..n * n).map(|k| (k / n) as f64).collect::<Vec<_>>();
        let order = (0..n).rev().collect::<Vec<_>>();
        let (cells, means) = averaged(&values, &order, &order);
        assert_eq!(cells, [MOST_CELLS, MOST_CELLS]);
        // Rows n-1 and n-2 are the first cell, and so on down.
        assert_eq!(means[0], n as f64 - 1.5);
        assert_eq!(means[means.len() - 1], 0.5);
    }

    #[test]
    fn entries_that_are_not_numbers_do_not_spoil_their_cell() {
        let (_, means) = averaged(&[f64::NAN, 1.0, 2.0, 3.0], &[0, 1], &[0, 1]);
        assert!(means[0].is_nan());
        let range = range(&means, [2, 2]);
        assert_eq!((range.low, range.high), (1.0, 3.0));
        assert_eq!(level(means[0], &range), NOT_A_NUMBER);
    }

    #[test]
    fn a_heavy_diagonal_does_not_take_all_colours() {
        for n in [50, 200, 500] {
            let entry = |k: usize| {
                if k / n == k % n { 100.0 } else { (k % 11) as f64 }
            };
            let means = (0..n * n).map(entry).collect::<Vec<_>>();
            let range = range(&means, [n, n]);
            assert_eq!((range.low, range.high, range.cut), (0.0, 10.0, [false, true]), "n = {n}");
            assert_eq!(level(100.0, &range), level(10.0, &range));
        }
    }

    #[test]
    fn zero_is_the_middle_of_the_diverging_map() {
        let means = [-1.0, 0.0, 3.0];
        let range = range(&means, [1, 3]);
        assert_eq!(range.map, ColourMap::Diverging);
        assert_eq!(usize::from(level(0.0, &range)), LEVELS / 2);
        assert_eq!(usize::from(level(3.0, &range)), LEVELS - 1);
        // A third of the way down on the same scale.
        assert_eq!(usize::from(level(-1.0, &range)), (LEVELS / 2) * 2 / 3 + 1);
    }
}
