//! How the learning rate changes over a training.

use crate::error::{Error, Result};

/// The shape of the learning rate behind its warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Decay {
    /// It stays.
    #[default]
    Constant,
    /// Half a cosine from 1 to 0 at the last step. Needs the number of steps, so a longer training is another one.
    Cosine,
    /// Multiplied by `factor` after every `every` steps.
    Step {
        /// Steps between two changes.
        every: u64,
        /// What it is multiplied with.
        factor: f64,
    },
}

/// A learning rate for every step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The learning rate behind the warm-up.
    pub rate: f64,
    /// Steps of a linear rise: step k < warmup has `(k + 1) / warmup` of the rate.
    pub warmup: u64,
    /// What follows.
    pub decay: Decay,
    /// Steps of the whole training.
    pub steps: u64,
}

impl Schedule {
    /// A rate that stays.
    pub fn constant(rate: f64) -> Self {
        Self { rate, warmup: 0, decay: Decay::Constant, steps: 0 }
    }

    /// The learning rate of step `step`, from 0.
    pub fn at(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.rate * (step + 1) as f64 / self.warmup as f64;
        }
        let since = step - self.warmup;
        match self.decay {
            Decay::Constant => self.rate,
            Decay::Cosine => {
                let all = self.steps.saturating_sub(self.warmup).max(1);
                let part = (since as f64 / all as f64).min(1.0);
                // NUMERICS: our own cosine, so that every machine has the same bits.
                let cosine = autodiff::Real::cos(std::f64::consts::PI * part);
                self.rate * 0.5 * (1.0 + cosine)
            }
            // A power beyond the range is 0 all the same.
            Decay::Step { every, factor } => {
                let times = i32::try_from(since / every.max(1)).unwrap_or(i32::MAX);
                self.rate * autodiff::Real::powi(factor, times)
            }
        }
    }
}

impl std::fmt::Display for Decay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Decay::Constant => f.write_str("constant"),
            Decay::Cosine => f.write_str("cosine"),
            Decay::Step { every, factor } => write!(f, "step:{every}:{factor}"),
        }
    }
}

impl std::str::FromStr for Decay {
    type Err = Error;

    /// `constant`, `cosine` or `step:EVERY:FACTOR`.
    fn from_str(word: &str) -> Result<Self> {
        if let Some(numbers) = word.strip_prefix("step") {
            let numbers = numbers.strip_prefix(':').and_then(|n| n.split_once(':'));
            let read = numbers.and_then(|(every, factor)| Some((every.parse().ok()?, factor.parse::<f64>().ok()?)));
            return match read {
                Some((every, factor)) if every > 0 && factor.is_finite() && factor > 0.0 => {
                    Ok(Decay::Step { every, factor })
                }
                _ => Err(Error::usage(
                    format!("`{}` is no step schedule", crate::error::shorten(word)),
                    "write step:EVERY:FACTOR, as in step:1000:0.1, with EVERY at least 1 and FACTOR above 0",
                )),
            };
        }
        match word {
            "constant" => Ok(Decay::Constant),
            "cosine" => Ok(Decay::Cosine),
            _ => Err(Error::unknown("schedule", word, ["constant", "cosine", "step:EVERY:FACTOR"])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_up_rises_evenly_to_the_rate_and_a_cosine_falls_to_nothing() {
        let schedule = Schedule { rate: 2.0, warmup: 4, decay: Decay::Cosine, steps: 12 };
        let rates: Vec<f64> = (0..13).map(|k| schedule.at(k)).collect();
        assert_eq!(rates[..5], [0.5, 1.0, 1.5, 2.0, 2.0]);
        assert!((rates[8] - 1.0).abs() < 1e-15 && rates[12].abs() < 1e-15);
        // cos(pi/4) = 1/sqrt(2)
        assert!((rates[6] - (1.0 + 0.5f64.sqrt())).abs() < 1e-15);
        assert!(rates[4..].windows(2).all(|w| w[0] > w[1]));
    }

    #[test]
    fn steps_multiply_and_a_constant_stays() {
        let decay = "step:3:0.5".parse().unwrap();
        let schedule = Schedule { rate: 8.0, warmup: 0, decay, steps: 0 };
        let rates: Vec<f64> = (0..8).map(|k| schedule.at(k)).collect();
        assert_eq!(rates, [8.0, 8.0, 8.0, 4.0, 4.0, 4.0, 2.0, 2.0]);
        assert_eq!(schedule.at(u64::MAX), 0.0);
        assert_eq!(Schedule::constant(0.3).at(1 << 40), 0.3);
    }

    #[test]
    fn what_is_written_is_read_and_the_rest_refused() {
        for decay in [Decay::Constant, Decay::Cosine, Decay::Step { every: 1000, factor: 0.1 }] {
            assert_eq!(decay.to_string().parse::<Decay>().unwrap(), decay);
        }
        for word in ["step", "step:0:0.1", "step:3", "step:3:-1", "step:3:nan", "step:x:1", "steps:3:1"] {
            assert!(word.parse::<Decay>().is_err_and(|e| e.to_string().contains("EVERY")), "{word}");
        }
        assert!("cosin".parse::<Decay>().unwrap_err().to_string().contains("did you mean"));
    }
}
