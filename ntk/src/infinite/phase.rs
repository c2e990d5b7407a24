//! Signals in deep random networks: fixed points of variance and correlation, and how fast they are reached.
//!
//! Through one layer of weights `W_std^2`, bias `b_std^2` and an activation, the variance of a sample goes from `q` to
//! `W_std^2 E f(u)^2 + b_std^2`, and the correlation of two from `c` to `C(c)`. The slope of `C` at 1, `chi_1 = W_std^2 E f'(u)^2`,
//! divides the ordered phase (below 1: samples become alike) from the chaotic one (above 1: they part).

use super::rule::{Pair, Rule};
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

impl Layers {
    /// `E f(u) f(v)` and `E f'(u) f'(v)` of two values of one variance and a correlation.
    fn dual(&self, q: f64, c: f64) -> Result<(f64, f64)> {
        let pair = Pair { qa: q, qb: q, s: q, k: c * q, gap: q * (1.0 - c.abs()) };
        match Rule::of(self.activation, &mut 0) {
            None => Ok((c * q, 1.0)),
            Some(Rule::Series { op, .. }) => {
                let r = q.sqrt();
                let quadrature = Quadrature::new(op, r, f64::EPSILON, self.activation.name())?;
                if c == 1.0 {
                    let moments = quadrature.moments(r);
                    return Ok((moments.square, moments.slope_square));
                }
                let (found, moments, _) = Coefficients::<f64>::new(&quadrature, &[r]);
                let (mut slopes, mut values) = (0.0, 0.0);
                for (j, d) in found.d.iter().enumerate().rev() {
                    slopes = slopes * c + d * d;
                    values = values * c + d * d / (j + 1) as f64;
                }
                Ok((moments[0].mean * moments[0].mean + c * q * values, slopes))
            }
            Some(rule) => rule
                .image(pair)
                .map(|image| (image.k, image.dot))
                .ok_or_else(|| Error::Bug("a series taken for a closed form".into())),
        }
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

    fn fixed_variance(&self) -> Result<Option<f64>> {
        const LEAST: f64 = 1e-12;
        const MOST: f64 = 1e6;
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
    fn relu_is_critical_at_two_and_has_no_fixed_point_beyond() {
        let found = layers(Activation::Relu, 2.0, 0.0).fixed_point().unwrap().unwrap();
        assert!((found.chi_1 - 1.0).abs() < 1e-14 && found.variance == 1.0);
        let found = layers(Activation::Relu, 1.0, 0.3).fixed_point().unwrap().unwrap();
        assert!((found.variance - 0.6).abs() < 1e-9 && (found.chi_1 - 0.5).abs() < 1e-14);
        assert_eq!(layers(Activation::Relu, 2.5, 0.1).fixed_point().unwrap(), None);
        assert_eq!(layers(Activation::Relu, 1.5, 0.0).fixed_point().unwrap(), None);
    }
}
