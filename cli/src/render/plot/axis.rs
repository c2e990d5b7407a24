//! From values to places on an axis, and where its ticks belong.

use crate::render::quantity;

/// How an axis maps a value to its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Equal steps are equal differences.
    Linear,
    /// Equal steps are equal ratios.
    Logarithmic,
}

/// A labelled place on an axis.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// A range of values laid over a range of pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    scale: Scale,
    /// Values, or their decimal logarithms on a logarithmic axis.
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// The axis that shows `low` at pixel `from` and `high` at pixel `to`; both must be positive if logarithmic.
    pub(super) fn new(scale: Scale, [low, high]: [f64; 2], [from, to]: [f64; 2]) -> Self {
        let (mut low, mut high) = match scale {
            Scale::Linear => (low, high),
            // NUMERICS: the least positive double has a finite logarithm (-323.3), so no range is infinite here.
            Scale::Logarithmic => (low.log10(), high.log10()),
        };
        if low >= high {
            (low, high) = (low - 0.5, low + 0.5);
        }
        Self { scale, low, high, from, to }
    }

    /// The same pixels over a range wider by a twentieth at both ends, and by enough for two ticks.
    pub(super) fn padded(self) -> Self {
        let missing = match self.scale {
            Scale::Logarithmic => (0.8 - (self.high - self.low)).max(0.0) / 2.0,
            Scale::Linear => 0.0,
        };
        let pad = 0.05 * (self.high - self.low) + missing;
        Self { low: self.low - pad, high: self.high + pad, ..self }
    }

    /// The same range over other pixels.
    pub(super) fn onto(self, [from, to]: [f64; 2]) -> Self {
        Self { from, to, ..self }
    }

    /// The pixel of a value.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.log10(),
        };
        self.from + (self.to - self.from) * (value - self.low) / (self.high - self.low)
    }

    /// Up to about `wanted` ticks: round numbers, or powers of ten as long as two of them are in range.
    pub(super) fn ticks(&self, wanted: usize, label: impl Fn(f64) -> String) -> Vec<Tick> {
        let values = match self.scale {
            Scale::Linear => self.round_numbers(wanted),
            Scale::Logarithmic => self.powers(wanted),
        };
        values.into_iter().map(|value| Tick { label: label(value), value }).collect()
    }

    fn round_numbers(&self, wanted: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / wanted.max(1) as f64;
        let unit = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * unit).find(|&s| s >= rough).unwrap_or(rough);
        // A hair of tolerance keeps the end of the range when the division is not exact.
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).map(|i| i as f64 * step).collect()
    }

    fn powers(&self, wanted: usize) -> Vec<f64> {
        let first = (self.low - 1e-9).ceil() as i32;
        let last = (self.high + 1e-9).floor() as i32;
        if last > first {
            let stride = ((last - first) as usize / wanted.max(1) + 1) as i32;
            // Multiples of the stride, so that 10⁰ is among them when it is in range.
            return (first..=last).filter(|e| e.rem_euclid(stride) == 0).map(|e| 10f64.powi(e)).collect();
        }
        let within = |v: &f64| (self.low - 1e-9..=self.high + 1e-9).contains(&v.log10());
        (first - 1..=last + 1).flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(e))).filter(within).collect()
    }
}

/// Label of a tick on a logarithmic axis: `10⁻³`, or `2×10⁻³` between powers.
pub(super) fn power_label(value: f64) -> String {
    let exponent = (value.log10() + 1e-9).floor() as i32;
    let mantissa = (value / 10f64.powi(exponent)).round();
    match exponent {
        0 | 1 => quantity::count(value.round() as u64),
        _ if mantissa == 1.0 => quantity::power_of_ten(exponent),
        _ => format!("{mantissa}×{}", quantity::power_of_ten(exponent)),
    }
}

/// Label of a whole number.
pub(super) fn count_label(value: f64) -> String {
    quantity::count(value.round().max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, wanted: usize, label: fn(f64) -> String) -> Vec<String> {
        axis.ticks(wanted, label).into_iter().map(|t| t.label).collect()
    }

    #[test]
    fn the_ends_of_a_range_are_the_ends_of_the_pixels() {
        let axis = Axis::new(Scale::Logarithmic, [1e-3, 1e3], [400.0, 100.0]);
        for (value, pixel) in [(1e-3, 400.0), (1.0, 250.0), (1e3, 100.0)] {
            assert!((axis.place(value) - pixel).abs() < 1e-9);
        }
    }

    #[test]
    fn decades_are_labelled_by_raised_exponents() {
        let axis = Axis::new(Scale::Logarithmic, [1e-3, 2e3], [0.0, 1.0]);
        assert_eq!(labels(axis, 8, power_label), ["10⁻³", "10⁻²", "10⁻¹", "1", "10", "10²", "10³"]);
    }

    #[test]
    fn many_decades_are_thinned_to_multiples_of_a_stride() {
        let axis = Axis::new(Scale::Logarithmic, [1e-20, 1e4], [0.0, 1.0]);
        assert_eq!(labels(axis, 6, power_label), ["10⁻²⁰", "10⁻¹⁵", "10⁻¹⁰", "10⁻⁵", "1"]);
    }

    #[test]
    fn less_than_a_decade_still_has_two_ticks() {
        for value in [1.0, 2.2, 3.0e-9, 4.7e5, 9.99] {
            let axis = Axis::new(Scale::Logarithmic, [value, value], [0.0, 1.0]).padded();
            assert!(axis.ticks(6, power_label).len() >= 2, "{value}");
        }
        let axis = Axis::new(Scale::Logarithmic, [150.0, 700.0], [0.0, 1.0]);
        assert_eq!(labels(axis, 6, power_label), ["2×10²", "5×10²"]);
    }

    #[test]
    fn linear_ticks_are_round() {
        let axis = Axis::new(Scale::Linear, [0.0, 1797.0], [0.0, 1.0]);
        assert_eq!(labels(axis, 5, count_label), ["0", "500", "1,000", "1,500"]);
        let axis = Axis::new(Scale::Linear, [0.0, 0.3], [0.0, 1.0]);
        assert_eq!(axis.ticks(3, |v| format!("{v:.1}")).len(), 4);
    }
}
