//! Claims for people and for programs: what the paper says, what was measured, what follows.

use ntk::experiment::{Claim, Findings, Gate, Threshold, Verdict};
use serde_json::{Value, json};

use crate::render::quantity;
use crate::render::summary::wrapped;
use crate::render::terminal::Style;

/// A verdict in a word.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::InformativePass => "held",
        Verdict::InformativeFail => "not held",
    }
}

/// A number as people read it, without zeros at its end.
pub(super) fn short(x: f64) -> String {
    quantity::shortened(&quantity::number(x)).to_owned()
}

/// `1.187 ± 0.007`: the value to the digits that its error knows.
pub(super) fn measured(claim: &Claim) -> String {
    let Some(error) = claim.error.filter(|error| error.is_finite() && *error > 0.0) else {
        return short(claim.measured);
    };
    // Two digits of the error.
    let decimals = 1 - error.log10().floor() as i32;
    match decimals {
        0..=6 if claim.measured.abs() < 1e6 => {
            let decimals = decimals as usize;
            let minus = if claim.measured < 0.0 { "−" } else { "" };
            format!("{minus}{:.decimals$} ± {error:.decimals$}", claim.measured.abs())
        }
        _ => format!("{} ± {}", short(claim.measured), short(error)),
    }
}

/// `at most 0.1`
pub(super) fn wanted(threshold: Threshold) -> String {
    match threshold {
        Threshold::AtMost(high) => format!("at most {}", short(high)),
        Threshold::AtLeast(low) => format!("at least {}", short(low)),
        Threshold::Within(low, high) => format!("{} to {}", short(low), short(high)),
    }
}

/// How the seeds differ: `3 seeds, 1.18 to 1.19`.
pub(super) fn spread(claim: &Claim) -> Option<String> {
    let finite = || claim.values.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let count = claim.values.len();
    (count > 1 && low <= high).then(|| format!("{count} values, {} to {}", short(low), short(high)))
}

/// How many claims that count hold, and how many there are.
pub(super) fn tally(findings: &Findings) -> (usize, usize) {
    let gated = || findings.claims.iter().filter(|claim| claim.gate == Gate::Gated);
    (gated().filter(|claim| claim.verdict() == Verdict::Pass).count(), gated().count())
}

/// The tally in words.
pub(super) fn tallied(findings: &Findings, indicative: bool) -> String {
    let (held, all) = tally(findings);
    let note = if indicative { " (indicative: quick scale)" } else { "" };
    format!("{held} of {all} claims that count hold{note}")
}

/// The claims for a terminal.
pub(super) fn text(findings: &Findings, style: &Style) -> String {
    const INDENT: usize = 10;
    let mut out = String::new();
    for claim in &findings.claims {
        let (label, colour) = match claim.verdict() {
            Verdict::Pass => ("PASS", "32"),
            Verdict::Fail => ("FAIL", "1;31"),
            Verdict::InformativePass => ("info", "2"),
            Verdict::InformativeFail => ("info", "2"),
        };
        let label = format!("{label:<6}");
        let label = if style.colour { format!("\u{1b}[{colour}m{label}\u{1b}[0m") } else { label };
        out.push_str(&format!("  {label}{}\n", style.letters(claim.name)));
        let mut measured = format!("{}, {}", measured(claim), claim.quantity);
        if let Some(spread) = spread(claim) {
            measured.push_str(&format!(" ({spread})"));
        }
        let mut wanted = format!("{}: {}", wanted(claim.threshold), claim.source);
        if let Gate::Informative(reason) = claim.gate {
            wanted.push_str(&format!(". Not counted, {}: {reason}", word(claim.verdict())));
        }
        let rows = [("claim", claim.statement), ("paper", claim.paper), ("found", &measured), ("wanted", &wanted)];
        for (name, text) in rows.iter().filter(|(_, text)| !text.is_empty()) {
            let room = style.columns.saturating_sub(8 + INDENT).max(10);
            for (i, line) in wrapped(&style.letters(text), room).iter().enumerate() {
                let name = if i == 0 { name } else { "" };
                out.push_str(&format!("        {name:<INDENT$}{line}\n"));
            }
        }
    }
    out
}

/// A number, null where it is not finite.
fn number(x: f64) -> Value {
    json!(x)
}

/// A claim for programs.
pub(super) fn json(claim: &Claim) -> Value {
    let threshold = match claim.threshold {
        Threshold::AtMost(high) => json!({ "kind": "at-most", "high": number(high) }),
        Threshold::AtLeast(low) => json!({ "kind": "at-least", "low": number(low) }),
        Threshold::Within(low, high) => json!({ "kind": "within", "low": number(low), "high": number(high) }),
    };
    let (gated, reason) = match claim.gate {
        Gate::Gated => (true, None),
        Gate::Informative(reason) => (false, Some(reason)),
    };
    let odd = claim.values.iter().chain([&claim.measured]).any(|x| !x.is_finite());
    json!({
        "name": claim.name,
        "statement": claim.statement,
        "paper": claim.paper,
        "quantity": claim.quantity,
        "values": claim.values,
        "measured": number(claim.measured),
        "standard_error": claim.error,
        "not_finite": odd,
        "threshold": threshold,
        "source": claim.source,
        "gated": gated,
        "informative_because": reason,
        "verdict": match claim.verdict() {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::InformativePass | Verdict::InformativeFail => "informative",
        },
        "held": matches!(claim.verdict(), Verdict::Pass | Verdict::InformativePass),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::command::experiment) fn claim(measured: f64, error: Option<f64>) -> Claim {
        Claim {
            name: "slope",
            statement: "deviation falls as n^(-1/2)",
            quantity: "slope of log deviation over log n".into(),
            values: vec![measured, measured + 0.01],
            measured,
            error,
            paper: "-1/2",
            threshold: Threshold::Within(-0.7, -0.35),
            source: "the protocol",
            gate: Gate::Gated,
        }
    }

    #[test]
    fn a_value_has_the_digits_that_its_error_knows() {
        let text = |value, error| measured(&claim(value, error));
        assert_eq!(text(1.18708, Some(0.00731)), "1.1871 ± 0.0073");
        assert_eq!(text(-0.4321, Some(0.05)), "−0.432 ± 0.050");
        assert_eq!(text(123.4, Some(12.3)), "123 ± 12");
        assert_eq!(text(0.5, None), "0.5");
        assert_eq!(text(0.5, Some(0.0)), "0.5");
        assert_eq!(text(f64::NAN, None), "NaN");
        assert!(text(1.2e-9, Some(3e-11)).contains("10⁻⁹ ± "));
    }

    #[test]
    fn claims_fit_any_terminal_and_say_all_that_they_are_held_against() {
        let fragile = Claim { gate: Gate::Informative("one seed only"), ..claim(-0.2, None) };
        let findings =
            Findings { claims: vec![claim(-0.5, Some(0.01)), claim(0.0, None), fragile], ..Findings::default() };
        for columns in [28, 80, 100] {
            let page = text(&findings, &Style { columns, colour: false, unicode: false });
            assert!(page.lines().all(|line| line.len() <= columns), "{page}");
            let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [
                "PASS slope",
                "FAIL slope",
                "-0.500 +- 0.010",
                "-0.7 to -0.35: the protocol",
                "2 values, -0.5 to -0.49",
            ] {
                assert!(flat.contains(part), "{part} in {flat}");
            }
            assert!(flat.contains("Not counted, not held: one seed only"), "{flat}");
        }
        assert_eq!(tally(&findings), (1, 2));
        let odd = json(&claim(f64::NAN, None));
        assert_eq!(
            (&odd["measured"], &odd["not_finite"], &odd["verdict"]),
            (&Value::Null, &json!(true), &json!("fail"))
        );
    }
}
