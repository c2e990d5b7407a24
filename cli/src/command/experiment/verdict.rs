//! Claims for people and for programs: what the paper says, what was measured, what follows.

use ntk::experiment::{Claim, Findings, Gate, Judged, Threshold, Verdict};
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
pub(super) fn measured(judged: &Judged) -> String {
    let Some(error) = judged.error.filter(|error| error.is_finite() && *error > 0.0) else {
        return short(judged.measured);
    };
    // Two digits of the error.
    let decimals = 1 - error.log10().floor() as i32;
    match decimals {
        0..=6 if judged.measured.abs() < 1e6 => {
            let decimals = decimals as usize;
            let minus = if judged.measured < 0.0 { "−" } else { "" };
            format!("{minus}{:.decimals$} ± {error:.decimals$}", judged.measured.abs())
        }
        _ => format!("{} ± {}", short(judged.measured), short(error)),
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
pub(super) fn spread(judged: &Judged) -> Option<String> {
    let finite = || judged.values.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let count = judged.values.len();
    (count > 1 && low <= high).then(|| format!("{count} values, {} to {}", short(low), short(high)))
}

/// How many claims that count hold, and how many there are.
pub(super) fn tally(findings: &Findings) -> (usize, usize) {
    let gated = || findings.claims.iter().filter(|judged| judged.claim.gate == Gate::Gated);
    (gated().filter(|judged| judged.verdict() == Verdict::Pass).count(), gated().count())
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
    for judged in &findings.claims {
        let claim = &judged.claim;
        let (label, colour) = match judged.verdict() {
            Verdict::Pass => ("PASS", "32"),
            Verdict::Fail => ("FAIL", "1;31"),
            Verdict::InformativePass => ("info", "2"),
            Verdict::InformativeFail => ("info", "2"),
        };
        let label = format!("{label:<6}");
        let label = if style.colour { format!("\u{1b}[{colour}m{label}\u{1b}[0m") } else { label };
        out.push_str(&format!("  {label}{}\n", style.letters(claim.name)));
        let mut measured = format!("{}, {}", measured(judged), judged.quantity());
        if let Some(spread) = spread(judged) {
            measured.push_str(&format!(" ({spread})"));
        }
        let mut wanted = format!("{}: {}", wanted(claim.threshold), claim.source);
        if let Gate::Informative(reason) = claim.gate {
            wanted.push_str(&format!(". Not counted, {}: {reason}", word(judged.verdict())));
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
    let room = style.columns.saturating_sub(2).max(10);
    for line in unjudged(findings).iter().flat_map(|text| wrapped(&style.letters(text), room)) {
        out.push_str(&format!("  {line}\n"));
    }
    out
}

/// Claims that these settings cannot judge, and what they need.
pub(super) fn unjudged(findings: &Findings) -> Vec<String> {
    findings.unjudged.iter().map(|claim| format!("not judged: {} needs {}", claim.name, claim.needs)).collect()
}

/// A number, null where it is not finite.
fn number(x: f64) -> Value {
    json!(x)
}

/// A claim for programs, before anything is measured.
pub(super) fn declared(claim: &Claim) -> Value {
    let threshold = match claim.threshold {
        Threshold::AtMost(high) => json!({ "kind": "at-most", "high": number(high) }),
        Threshold::AtLeast(low) => json!({ "kind": "at-least", "low": number(low) }),
        Threshold::Within(low, high) => json!({ "kind": "within", "low": number(low), "high": number(high) }),
    };
    let (gated, reason) = match claim.gate {
        Gate::Gated => (true, None),
        Gate::Informative(reason) => (false, Some(reason)),
    };
    json!({
        "name": claim.name,
        "statement": claim.statement,
        "paper": claim.paper,
        "quantity": claim.quantity,
        "threshold": threshold,
        "source": claim.source,
        "gated": gated,
        "informative_because": reason,
        "needs": claim.needs,
    })
}

/// A claim for programs, with what was measured of it.
pub(super) fn json(judged: &Judged) -> Value {
    let verdict = judged.verdict();
    let found = json!({
        "quantity": judged.quantity(),
        "values": judged.values,
        "measured": number(judged.measured),
        "standard_error": judged.error,
        "not_finite": judged.values.iter().chain([&judged.measured]).any(|x| !x.is_finite()),
        "verdict": match verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::InformativePass | Verdict::InformativeFail => "informative",
        },
        "held": matches!(verdict, Verdict::Pass | Verdict::InformativePass),
    });
    let (mut all, Value::Object(found)) = (declared(&judged.claim), found) else { return Value::Null };
    if let Value::Object(all) = &mut all {
        all.extend(found);
    }
    all
}

#[cfg(test)]
pub(super) mod tests {
    use ntk::experiment::By;

    use super::*;

    pub(in crate::command::experiment) fn judged(measured: f64, error: Option<f64>) -> Judged {
        let claim = Claim {
            name: "slope",
            statement: "deviation falls as n^(-1/2)",
            quantity: "slope of log deviation over log n",
            paper: "-1/2",
            threshold: Threshold::Within(-0.7, -0.35),
            source: "the protocol",
            gate: Gate::Gated,
            needs: "",
        };
        claim.judged(By::Pooled(measured), vec![measured, measured + 0.01]).error(error)
    }

    #[test]
    fn a_value_has_the_digits_that_its_error_knows() {
        let text = |value, error| measured(&judged(value, error));
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
        let mut fragile = judged(-0.2, None);
        fragile.claim.gate = Gate::Informative("one seed only");
        let unjudged = vec![Claim { name: "order", needs: "three widths or more", ..fragile.claim }];
        let claims = vec![judged(-0.5, Some(0.01)), judged(0.0, None), fragile];
        let findings = Findings { claims, unjudged, ..Findings::default() };
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
            assert!(flat.contains("not judged: order needs three widths or more"), "{flat}");
        }
        assert_eq!(tally(&findings), (1, 2));
        let odd = json(&judged(f64::NAN, None));
        assert_eq!(
            (&odd["measured"], &odd["not_finite"], &odd["verdict"]),
            (&Value::Null, &json!(true), &json!("fail"))
        );
    }
}
