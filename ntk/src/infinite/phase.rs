//! Signals in deep random networks: fixed points of variance and correlation, and how fast they are reached.
//!
//! Through one layer of weights `W_std^2`, bias `b_std^2` and an activation, the variance of a sample goes from `q` to
//! `W_std^2 E f(u)^2 + b_std^2`, and the correlation of two from `c` to `C(c)`. The slope of `C` at 1, `chi_1 = W_std^2 E f'(u)^2`,
//! divides the ordered phase (below 1: samples become alike) from the chaotic one (above 1: they part).

use autodiff::Real;

use super::rule::{Dual, Pair, Rule};
use super::series::{Coefficients, Quadrature};
use crate::error::{Error, Result};
use crate::model::Activation;

/// The maps of one layer.
#[derive(Clone, Copy, Debug)]
pub struct Layers {
    /// The activation.
    pub activation: Activation,
    /// `W_std^2`.
    pub weight: f64,
    /// `b_std^2`.
    pub bias: f64,
}

/// Where a deep network ends, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedPoint {
    /// The variance `q*`.
    pub variance: f64,
    /// The slope of the correlation map at 1.
    pub chi_1: f64,
    /// The stable correlation `c*`: 1 in the ordered phase.
    pub correlation: f64,
    /// The slope of the correlation map there.
    pub chi_c: f64,
}

impl FixedPoint {
    /// Layers over which the distance to the fixed point of two samples falls by `e`: `-1/ln chi_1` where they become alike, and
    /// `-1/(ln chi_c - ln chi_1)` where they part; infinite between the phases.
    ///
    /// # Source
    /// Xiao, Pennington, Schoenholz, arXiv:1912.13053.
    pub fn depth_scale(&self) -> f64 {
        if self.chi_1 < 1.0 { -1.0 / self.chi_1.ln() } else { -1.0 / (self.chi_c.ln() - self.chi_1.ln()) }
    }
}

/// Variances beyond these count as vanished, or as growing without end.
const LEAST: f64 = 1e-12;
const MOST: f64 = 1e6;

/// How an activation maps pairs of one variance.
pub(super) enum Map {
    Identity { q: f64 },
    Closed { rule: Rule, q: f64, same: (f64, f64) },
    Series { q: f64, same: (f64, f64), mean: f64, d: Vec<f64> },
}

/// The image of a pair.
pub(super) struct Image {
    /// What `E f(u) f(v)` lacks to `E f(u)^2`.
    pub(super) lack: f64,
    /// `E f'(u) f'(v)`.
    pub(super) slope: f64,
}

impl Map {
    /// The map of pairs of variance `q`.
    ///
    /// # Errors
    /// An activation whose series does not end.
    pub(super) fn at(layers: &Layers, q: f64) -> Result<Self> {
        Ok(match Rule::of(layers.activation, &mut 0) {
            None => Self::Identity { q },
            Some(Rule::Series { op, .. }) => {
                let r = q.sqrt();
                let quadrature = Quadrature::new(op, r, f64::EPSILON, layers.activation.name())?;
                let moments = quadrature.moments(r);
                let (found, of_series, _) = Coefficients::<f64>::new(&quadrature, &[r]);
                let (same, mean) = ((moments.square, moments.slope_square), of_series[0].mean);
                Self::Series { q, same, mean: mean * mean, d: found.d }
            }
            Some(rule) => Self::Closed { rule, q, same: closed(rule, q, 0.0)? },
        })
    }

    /// `E f(u)^2` and `E f'(u)^2`.
    pub(super) fn same(&self) -> (f64, f64) {
        match *self {
            Self::Identity { q } => (q, 1.0),
            Self::Closed { same, .. } | Self::Series { same, .. } => same,
        }
    }

    /// The image of a pair of covariance `q - lack`.
    ///
    /// # Errors
    /// [`Error::Bug`]: a series among the closed forms.
    pub(super) fn pair(&self, lack: f64) -> Result<Image> {
        // NUMERICS: what is left of a difference of equal numbers may be below 0 by rounding.
        let less = |same: (f64, f64), (k, slope): (f64, f64)| Image { lack: (same.0 - k).max(0.0), slope };
        Ok(match self {
            Self::Identity { .. } => Image { lack, slope: 1.0 },
            Self::Closed { rule: Rule::Rectifier(rule), q, same } => {
                let image = rule.image(pair_of(*q, lack));
                Image { lack: if image.k >= 0.0 { image.gap } else { same.0 + same.0 - image.gap }, slope: image.dot }
            }
            Self::Closed { rule: Rule::Erf, q, .. } if lack < *q => {
                Image { lack: erf_lack(*q, lack), slope: closed(Rule::Erf, *q, lack)?.1 }
            }
            Self::Closed { rule, q, same } => less(*same, closed(*rule, *q, lack)?),
            Self::Series { q, same, mean, d } => {
                let c = 1.0 - lack / q;
                let (mut slopes, mut values) = (0.0, 0.0);
                for (j, d) in d.iter().enumerate().rev() {
                    slopes = slopes * c + d * d;
                    values = values * c + d * d / (j + 1) as f64;
                }
                less(*same, (mean + c * q * values, slopes))
            }
        })
    }
}

/// Two values of variance `q` and covariance `q - lack`.
fn pair_of(q: f64, lack: f64) -> Pair<f64> {
    let k = q - lack;
    Pair { qa: q, qb: q, s: q, k, gap: if k >= 0.0 { lack } else { q + q - lack } }
}

/// `E f(u) f(v)` and `E f'(u) f'(v)` in closed form.
fn closed(rule: Rule, q: f64, lack: f64) -> Result<(f64, f64)> {
    let image = rule.image(pair_of(q, lack)).ok_or_else(|| Error::Bug("a series taken for a closed form".into()))?;
    Ok((image.k, image.dot))
}

/// What the covariance of two values' error functions lacks to the variance.
///
/// # Rule
/// A difference of arc sines `A - B` of `a = 2q/w` and `b = 2k/w`, `w = 1 + 2q`, whose sine is
/// `(a^2 - b^2)/(a cos B + b cos A)`: for `k > 0` nothing cancels.
fn erf_lack(q: f64, lack: f64) -> f64 {
    let (w, k) = (1.0 + 2.0 * q, q - lack);
    let root = |k: f64| ((w - 2.0 * k) * (w + 2.0 * k)).sqrt();
    let sine = 2.0 * lack * (q + k) / (q * root(k) + k * root(q));
    std::f64::consts::FRAC_2_PI * Real::asin(sine)
}

impl Layers {
    /// `E f(u) f(v)` and `E f'(u) f'(v)` of two values of one variance and a correlation.
    fn dual(&self, q: f64, c: f64) -> Result<(f64, f64)> {
        if let (true, Some(Rule::Series { op, .. })) = (c == 1.0, Rule::of(self.activation, &mut 0)) {
            // The moments alone, without the series.
            let r = q.sqrt();
            let moments = Quadrature::new(op, r, f64::EPSILON, self.activation.name())?.moments(r);
            return Ok((moments.square, moments.slope_square));
        }
        let map = Map::at(self, q)?;
        let same = map.same();
        if c == 1.0 {
            return Ok(same);
        }
        let image = map.pair(q * (1.0 - c))?;
        Ok((same.0 - image.lack, image.slope))
    }

    /// The variance after a layer.
    ///
    /// # Errors
    /// An activation whose series does not end.
    pub fn variance(&self, q: f64) -> Result<f64> {
        Ok(self.weight * self.dual(q, 1.0)?.0 + self.bias)
    }

    /// The correlation after a layer, of two values of the variance `q`, and the slope of that map.
    ///
    /// # Errors
    /// An activation whose series does not end.
    pub fn correlation(&self, q: f64, c: f64) -> Result<(f64, f64)> {
        let (k, slope) = self.dual(q, c)?;
        let after = self.variance(q)?;
        Ok(((self.weight * k + self.bias) / after, self.weight * slope * q / after))
    }

    /// The fixed point that deep networks end in; none where variances grow without end, or vanish.
    ///
    /// # Errors
    /// An activation whose series does not end.
    pub fn fixed_point(&self) -> Result<Option<FixedPoint>> {
        let Some(variance) = self.fixed_variance()? else { return Ok(None) };
        let chi_1 = self.weight * self.dual(variance, 1.0)?.1;
        if chi_1 <= 1.0 {
            return Ok(Some(FixedPoint { variance, chi_1, correlation: 1.0, chi_c: chi_1 }));
        }
        // Just below 1 the map lies below the diagonal, at 0 above it.
        let below = |c: f64| Ok::<bool, Error>(self.correlation(variance, c)?.0 < c);
        let correlation = bisected(0.0, 1.0, below)?;
        let chi_c = self.correlation(variance, correlation)?.1;
        Ok(Some(FixedPoint { variance, chi_1, correlation, chi_c }))
    }

    /// The weights `W_std^2` at which `chi_1 = 1`, between the phases; none where variances grow before the slope does, as of
    /// relu with a bias.
    ///
    /// # Errors
    /// An activation whose series does not end; a bias that is negative.
    ///
    /// # Source
    /// Poole and others, arXiv:1606.05340, section 2.2.
    pub fn critical_weight(activation: Activation, bias: f64) -> Result<Option<f64>> {
        if !(bias.is_finite() && bias >= 0.0) {
            return Err(Error::usage(format!("a variance of the bias of {bias}"), "give a number of at least 0"));
        }
        // NUMERICS: a slope that is 1 to rounding counts as reached: of relu it is so at 2, on the edge of growth.
        let chaotic = |weight: f64| {
            let layers = Self { activation, weight, bias };
            Ok::<bool, Error>(match layers.fixed_variance()? {
                Some(q) => weight * layers.dual(q, 1.0)?.1 >= 1.0 - 1e-15,
                None => layers.variance(LEAST)? > LEAST,
            })
        };
        let mut high = 1.0;
        while !chaotic(high)? {
            high *= 2.0;
            if high > MOST {
                return Ok(None);
            }
        }
        // The upper end is where the slope reaches 1, to the last bit.
        let mut low = 0.0;
        loop {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if chaotic(middle)? { high = middle } else { low = middle }
        }
        let found = Self { activation, weight: high, bias };
        let Some(q) = found.fixed_variance()? else { return Ok(None) };
        let reached = (high * found.dual(q, 1.0)?.1 - 1.0).abs() < 1e-6;
        Ok(reached.then_some(high))
    }

    fn fixed_variance(&self) -> Result<Option<f64>> {
        let gain = |q: f64| Ok::<f64, Error>(self.variance(q)? - q);
        if gain(1.0)?.abs() < 1e-14 && gain(2.0)?.abs() < 2e-14 {
            // Every variance is kept, as by relu at W_std^2 = 2 without bias.
            return Ok(Some(1.0));
        }
        if gain(LEAST)? <= 0.0 {
            return Ok(None);
        }
        let mut high = 1.0;
        while gain(high)? > 0.0 {
            high *= 2.0;
            if high > MOST {
                return Ok(None);
            }
        }
        bisected(LEAST, high, |q| Ok(gain(q)? < 0.0)).map(Some)
    }
}

/// Where `above` turns true, between a place where it is not and one where it is.
fn bisected(mut low: f64, mut high: f64, above: impl Fn(f64) -> Result<bool>) -> Result<f64> {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if above(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(activation: Activation, weight: f64, bias: f64) -> Layers {
        Layers { activation, weight, bias }
    }

    #[test]
    fn fixed_points_of_erf_are_those_of_a_separate_program() {
        // Found by iteration in numpy with scipy's functions: weight, bias, q*, chi_1, c*, chi_c, depth scale.
        for (weight, bias, q, chi_1, c, chi_c, scale) in [
            (1.25, 0.05, 0.43517, 0.96137, 1.0, 0.96137, 25.39),
            (1.5, 0.05, 0.60175, 1.03470, 0.82053, 0.96955, 15.38),
            (2.0, 0.18, f64::NAN, 1.06940, 0.83707, 0.94235, 7.907),
            (3.0, 0.18, 1.93379, 1.29240, 0.47695, 0.84798, 2.373),
        ] {
            let found = layers(Activation::Erf, weight, bias).fixed_point().unwrap().unwrap();
            for (found, expected) in [
                (found.variance, q),
                (found.chi_1, chi_1),
                (found.correlation, c),
                (found.chi_c, chi_c),
                (found.depth_scale(), scale),
            ] {
                assert!(
                    expected.is_nan() || (found / expected - 1.0).abs() < 3e-4,
                    "{weight} {bias}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn critical_weights_divide_the_phases() {
        // W_std^2 at which chi_1 = 1, from a separate program.
        for (activation, bias, critical) in [
            (Activation::Erf, 1e-4, 0.8526),
            (Activation::Erf, 0.05, 1.3758),
            (Activation::Erf, 0.18, 1.7476),
            (Activation::Tanh, 1e-4, 1.0860),
            (Activation::Tanh, 0.05, 1.7610),
            (Activation::Tanh, 0.18, 2.2339),
        ] {
            let chi = |weight: f64| layers(activation, weight, bias).fixed_point().unwrap().unwrap().chi_1;
            assert!(chi(critical - 1e-3) < 1.0 && chi(critical + 1e-3) > 1.0, "{activation:?} {bias}");
        }
    }

    #[test]
    fn critical_weights_are_those_of_a_separate_program() {
        for (activation, bias, expected) in [
            (Activation::Erf, 1e-4, 0.8526),
            (Activation::Erf, 0.01, 1.1143),
            (Activation::Erf, 0.05, 1.3758),
            (Activation::Erf, 0.1, 1.5521),
            (Activation::Erf, 0.18, 1.7476),
        ] {
            let found = Layers::critical_weight(activation, bias).unwrap().unwrap();
            assert!((found - expected).abs() < 6e-5, "{activation:?} {bias}: {found} {expected}");
            let chi_1 = Layers { activation, weight: found, bias }.fixed_point().unwrap().unwrap().chi_1;
            assert!((chi_1 - 1.0).abs() < 1e-9, "{activation:?} {bias}: {chi_1}");
        }
        assert!((Layers::critical_weight(Activation::Relu, 0.0).unwrap().unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(Layers::critical_weight(Activation::Relu, 0.1).unwrap(), None);
        assert!(Layers::critical_weight(Activation::Erf, -0.1).is_err());
    }

    #[test]
    fn fixed_variances_at_criticality_are_those_of_a_separate_program() {
        for (activation, bias, expected) in [(Activation::Erf, 0.05, 0.5172), (Activation::Erf, 0.18, 0.9878)] {
            let weight = Layers::critical_weight(activation, bias).unwrap().unwrap();
            let found = layers(activation, weight, bias).fixed_point().unwrap().unwrap().variance;
            assert!((found - expected).abs() < 1e-4, "{activation:?} {bias}: {found}");
        }
    }

    #[test]
    fn relu_is_critical_at_two_and_has_no_fixed_point_beyond() {
        let found = layers(Activation::Relu, 2.0, 0.0).fixed_point().unwrap().unwrap();
        assert!((found.chi_1 - 1.0).abs() < 1e-14 && found.variance == 1.0);
        let found = layers(Activation::Relu, 1.0, 0.3).fixed_point().unwrap().unwrap();
        assert!((found.variance - 0.6).abs() < 1e-9 && (found.chi_1 - 0.5).abs() < 1e-14);
        assert_eq!(layers(Activation::Relu, 2.5, 0.1).fixed_point().unwrap(), None);
        assert_eq!(layers(Activation::Relu, 1.5, 0.0).fixed_point().unwrap(), None);
    }
}
