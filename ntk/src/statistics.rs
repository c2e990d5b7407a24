//! Means, slopes and ranks, with their errors.

/// The mean; NaN of nothing.
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// The standard error of the mean: none of fewer than two numbers.
pub fn standard_error(x: &[f64]) -> Option<f64> {
    let (n, mean) = (x.len() as f64, mean(x));
    (x.len() > 1).then(|| (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt())
}

/// A function of the mean of blocks of samples, and its standard error by leaving out one block at a time.
///
/// # Source
/// Tukey 1958; Efron and Stein 1981, "The jackknife estimate of variance".
pub fn jackknife<const K: usize>(blocks: &[[f64; K]], of: impl Fn(&[f64; K]) -> f64) -> (f64, f64) {
    let n = blocks.len() as f64;
    let sum = blocks.iter().fold([0.0; K], |sum, block| std::array::from_fn(|k| sum[k] + block[k]));
    let without: Vec<f64> =
        blocks.iter().map(|block| of(&std::array::from_fn(|k| (sum[k] - block[k]) / (n - 1.0)))).collect();
    let centre = mean(&without);
    let error = ((n - 1.0) / n * without.iter().map(|x| (x - centre).powi(2)).sum::<f64>()).sqrt();
    (of(&sum.map(|sum| sum / n)), error)
}

/// The quantile `q` of 0 to 1, between the nearest two by a straight line, as NumPy's default; NaN of nothing.
pub fn quantile(x: &[f64], q: f64) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = q.clamp(0.0, 1.0) * sorted.len().saturating_sub(1) as f64;
    match (sorted.get(at.floor() as usize), sorted.get(at.ceil() as usize)) {
        (Some(low), Some(high)) => low + (high - low) * at.fract(),
        _ => f64::NAN,
    }
}

/// The middle one, or the mean of the two in the middle.
pub fn median(x: &[f64]) -> f64 {
    quantile(x, 0.5)
}

/// The slope of a line through points, by least squares.
pub fn slope(points: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    let points: Vec<(f64, f64)> = points.into_iter().collect();
    let n = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x / n, sy + y / n));
    let (xy, xx) = points.iter().fold((0.0, 0.0), |(xy, xx), p| (xy + (p.0 - x) * (p.1 - y), xx + (p.0 - x).powi(2)));
    xy / xx
}

/// The exponent of a power law, by least squares on logarithms.
pub fn exponent(points: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    slope(points.into_iter().map(|(x, y)| (x.ln(), y.ln())))
}

/// Spearman's correlation of ranks; equal numbers share the mean of their ranks. NaN where one side is constant.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    let (x, y) = (ranks(x), ranks(y));
    let (mx, my) = (mean(&x), mean(&y));
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(&y).map(|(a, b)| f(a - mx, b - my)).sum::<f64>();
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

fn ranks(x: &[f64]) -> Vec<f64> {
    x.iter()
        .map(|a| {
            let below = x.iter().filter(|b| b.total_cmp(a).is_lt()).count();
            let equal = x.iter().filter(|b| b.total_cmp(a).is_eq()).count();
            below as f64 + (equal as f64 - 1.0) / 2.0
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_fitted_by_its_exponent() {
        assert!((exponent([8.0, 16.0, 64.0, 100.0].map(|w: f64| (w, 3.0 * w.powf(-0.5)))) + 0.5).abs() < 1e-12);
    }

    #[test]
    fn quantiles_and_errors_are_those_of_the_textbook() {
        let x = [4.0, 1.0, 3.0, 2.0];
        assert_eq!((median(&x), quantile(&x, 0.1), mean(&x)), (2.5, 1.3, 2.5));
        assert!((standard_error(&x).unwrap() - (5.0 / 12.0_f64).sqrt()).abs() < 1e-15);
        assert!(standard_error(&[1.0]).is_none() && median(&[]).is_nan());
    }

    #[test]
    fn leaving_one_out_gives_the_textbooks_error_of_a_mean_and_of_a_ratio() {
        let blocks = [[1.0, 2.0], [2.0, 3.0], [4.0, 5.0], [3.0, 1.0]];
        let first = blocks.map(|b| b[0]);
        let (value, error) = jackknife(&blocks, |m| m[0]);
        assert!((value - 2.5).abs() < 1e-15 && (error - standard_error(&first).unwrap()).abs() < 1e-15);
        // By hand: the ratios with each left out are 9/9, 8/8, 6/6 and 7/10.
        let (value, error) = jackknife(&blocks, |m| m[0] / m[1]);
        let left: [f64; 4] = [1.0, 1.0, 1.0, 0.7];
        let by_hand = (0.75 * left.iter().map(|x| (x - 0.925).powi(2)).sum::<f64>()).sqrt();
        assert!((value - 10.0 / 11.0).abs() < 1e-15 && (error - by_hand).abs() < 1e-12);
    }

    #[test]
    fn ranks_correlate_whatever_the_scale_and_ties_share_theirs() {
        assert!((spearman(&[1.0, 2.0, 3.0], &[1.0, 10.0, 1e6]) - 1.0).abs() < 1e-15);
        assert!((spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]) + 1.0).abs() < 1e-15);
        // scipy.stats.spearmanr([1, 2, 2, 3], [1, 2, 3, 4]) = 0.9486832980505138
        assert!((spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]) - 0.948_683_298_050_513_8).abs() < 1e-14);
    }
}
