//! Claims: what a paper says, stated before anything is measured, and what a run finds of it.
//!
//! An experiment declares its claims once ([`Experiment::claims`](super::Experiment::claims)), with thresholds and their sources.
//! `ntk describe` prints the declarations, and a judgement is made from them, so neither can say what the other does not.

use crate::statistics::{mean, median, standard_error};

/// A paper's claim, and what it is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// A short name, no other claim's of the experiment.
    pub name: &'static str,
    /// What the paper says.
    pub statement: &'static str,
    /// What is measured of it, with its unit.
    pub quantity: &'static str,
    /// What the paper has for it, in its words or numbers; empty if it says nothing.
    pub paper: &'static str,
    /// What the number is held against.
    pub threshold: Threshold,
    /// Where the threshold comes from.
    pub source: &'static str,
    /// Whether a failure counts.
    pub gate: Gate,
    /// Which settings it can be judged with; empty if with any.
    pub needs: &'static str,
}

/// What a number is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// From the first to the second.
    Within(f64, f64),
}

/// Whether a failure of a claim is a failure of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It is.
    Gated,
    /// It is not: the claim is known to be fragile, for the reason given.
    Informative(&'static str),
}

/// A claim with what was measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The claim.
    pub claim: Claim,
    /// Where in this run it was measured, such as `n = 512`; may be empty.
    pub at: String,
    /// The number of each seed, or one number of them all.
    pub values: Vec<f64>,
    /// The number that is compared.
    pub measured: f64,
    /// Its standard error, where there is one.
    pub error: Option<f64>,
}

/// Which number of several is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    /// Their mean, with its standard error.
    Mean,
    /// Their median, NaN if one of them is; without an error, as that of a median of three says little.
    Median,
    /// The one furthest from the middle of what is allowed: the claim holds of all if it does of this one.
    Worst,
    /// This one, of all seeds together; its error is the standard error of the seeds' own numbers.
    Pooled(f64),
}

/// What follows from a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It is reported only, and held.
    InformativePass,
    /// It is reported only, and did not hold.
    InformativeFail,
}

impl Threshold {
    /// Whether a number keeps it; what is not finite does not.
    pub fn holds(self, x: f64) -> bool {
        x.is_finite()
            && match self {
                Threshold::AtMost(high) => x <= high,
                Threshold::AtLeast(low) => x >= low,
                Threshold::Within(low, high) => (low..=high).contains(&x),
            }
    }

    /// The number that is the hardest on a claim; NaN if one is, or there is none.
    pub fn worst(self, values: &[f64]) -> f64 {
        let off = |x: f64| match self {
            Threshold::AtMost(_) => x,
            Threshold::AtLeast(_) => -x,
            Threshold::Within(low, high) => (x - 0.5 * (low + high)).abs(),
        };
        if values.iter().any(|x| x.is_nan()) {
            return f64::NAN;
        }
        values.iter().copied().max_by(|a, b| off(*a).total_cmp(&off(*b))).unwrap_or(f64::NAN)
    }
}

impl Claim {
    /// What was measured of it: the number of each seed, or of each case.
    pub fn judged(self, by: By, values: Vec<f64>) -> Judged {
        let measured = match by {
            By::Mean => mean(&values),
            By::Median if values.iter().any(|x| x.is_nan()) => f64::NAN,
            By::Median => median(&values),
            By::Worst => self.threshold.worst(&values),
            By::Pooled(all) => all,
        };
        let error = if by == By::Median { None } else { standard_error(&values) };
        Judged { claim: self, at: String::new(), values, measured, error }
    }
}

impl Judged {
    /// Says where in the run it was measured.
    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.at = at.into();
        self
    }

    /// Replaces the standard error.
    #[must_use]
    pub fn error(mut self, error: impl Into<Option<f64>>) -> Self {
        self.error = error.into();
        self
    }

    /// What was measured and where: `exponent in the width, 32 to 512`.
    pub fn quantity(&self) -> String {
        match self.at.as_str() {
            "" => self.claim.quantity.to_owned(),
            at => format!("{}, {at}", self.claim.quantity),
        }
    }

    /// What follows.
    pub fn verdict(&self) -> Verdict {
        match (self.claim.gate, self.claim.threshold.holds(self.measured)) {
            (Gate::Gated, true) => Verdict::Pass,
            (Gate::Gated, false) => Verdict::Fail,
            (Gate::Informative(_), true) => Verdict::InformativePass,
            (Gate::Informative(_), false) => Verdict::InformativeFail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(threshold: Threshold) -> Claim {
        let gate = Gate::Gated;
        Claim { name: "c", statement: "s", quantity: "q", paper: "", threshold, source: "t", gate, needs: "" }
    }

    #[test]
    fn what_is_not_finite_keeps_no_threshold() {
        for threshold in [Threshold::AtMost(1.0), Threshold::AtLeast(-1.0), Threshold::Within(-1.0, 1.0)] {
            assert!(threshold.holds(0.0));
            for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(!threshold.holds(x), "{threshold:?} {x}");
            }
        }
        assert!(Threshold::Within(1.0, 2.0).holds(2.0) && !Threshold::Within(1.0, 2.0).holds(2.1));
    }

    #[test]
    fn the_number_compared_is_the_one_that_was_asked_for() {
        let values = vec![1.0, 2.0, 6.0];
        let judged = |by, threshold| claim(threshold).judged(by, values.clone());
        let within = Threshold::Within(1.0, 5.0);
        assert_eq!(judged(By::Mean, within).measured, 3.0);
        // (4 + 1 + 9)/2 = 7, over 3.
        assert!((judged(By::Mean, within).error.unwrap() - (7.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!((judged(By::Median, within).measured, judged(By::Median, within).error), (2.0, None));
        assert_eq!(judged(By::Worst, within).measured, 6.0);
        assert_eq!(judged(By::Worst, Threshold::AtMost(7.0)).measured, 6.0);
        assert_eq!(judged(By::Worst, Threshold::AtLeast(0.0)).measured, 1.0);
        assert_eq!(judged(By::Worst, Threshold::Within(3.0, 6.0)).measured, 1.0);
        assert_eq!(judged(By::Pooled(4.0), within).measured, 4.0);
        let named = judged(By::Pooled(4.0), within).at("n = 3").error(0.5);
        assert_eq!((named.quantity().as_str(), named.error, named.verdict()), ("q, n = 3", Some(0.5), Verdict::Pass));
    }

    #[test]
    fn a_number_that_is_none_is_never_passed_over() {
        for by in [By::Mean, By::Median, By::Worst] {
            for threshold in [Threshold::AtMost(1.0), Threshold::AtLeast(-1.0), Threshold::Within(-1.0, 1.0)] {
                for at in 0..3 {
                    let mut values = vec![0.0; 3];
                    values[at] = f64::NAN;
                    assert_eq!(
                        claim(threshold).judged(by, values).verdict(),
                        Verdict::Fail,
                        "{by:?} {threshold:?} {at}"
                    );
                }
                assert_eq!(claim(threshold).judged(by, vec![]).verdict(), Verdict::Fail, "{by:?} of nothing");
            }
        }
    }
}
