//! Numbers as people read them: four significant digits, units, thousands separators.
//!
//! The decimal sign is always a point and the separator always a comma, whatever the locale, so that two people's
//! outputs can be compared. Unicode is used freely (`1.234×10⁻⁵`, `µs`); `terminal` has the ASCII form.

/// Significant digits of every rounded number.
const DIGITS: usize = 4;

/// A whole number with separators: `1,234,567`.
pub(crate) fn count(n: u64) -> String {
    group(&n.to_string())
}

/// Four significant digits: `0.1235`, `1,234`, `1.235×10⁻⁵`.
///
/// Fixed notation from a thousandth up to a million, powers of ten outside of it.
pub(crate) fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".to_string();
    }
    let Some((digits, exponent)) = scientific(x) else {
        return special(x);
    };
    if (-3..6).contains(&exponent) {
        return fixed(x, exponent);
    }
    format!("{}×{}", minus(digits), power_of_ten(exponent))
}

/// Digits without the zeros that end their decimals: `1.500` is `1.5`. What has a power of ten is left as it is.
pub(crate) fn shortened(digits: &str) -> &str {
    if digits.contains('.') && !digits.contains('×') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

/// A quantity without the zeros that end its number: `5.000 s` is `5 s`.
pub(crate) fn terse(quantity: &str) -> String {
    match quantity.split_once(' ') {
        Some((number, unit)) => format!("{} {unit}", shortened(number)),
        None => shortened(quantity).to_owned(),
    }
}

/// A power of ten with a raised exponent: `10⁻⁵`.
pub(crate) fn power_of_ten(exponent: i32) -> String {
    let raised = exponent.to_string().chars().map(superscript).collect::<String>();
    format!("10{raised}")
}

/// Memory in binary units: `812 B`, `1.5 KiB`, `274 MiB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut size = n as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be printed as 1024 of the smaller unit, so the limit is where rounding goes up.
    while size >= 1023.5 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let text = number(size);
    format!("{} {}", shortened(&text), UNITS[unit])
}

/// A duration: `845.0 ns`, `12.35 ms`, `1.234 s`, `2 min 05 s`, `3 h 07 min`.
pub(crate) fn seconds(s: f64) -> String {
    if !s.is_finite() {
        return special(s);
    }
    if s < 0.0 {
        return format!("−{}", seconds(-s));
    }
    if s == 0.0 {
        return "0 s".to_string();
    }
    if s < 99.995 {
        let (scale, unit) = match s {
            s if s < 0.999_95e-6 => (1e9, "ns"),
            s if s < 0.999_95e-3 => (1e6, "µs"),
            s if s < 0.999_95 => (1e3, "ms"),
            _ => (1.0, "s"),
        };
        return format!("{} {unit}", number(s * scale));
    }
    let whole = s.round() as u64;
    if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        let minutes = (s / 60.0).round() as u64;
        format!("{} h {:02} min", count(minutes / 60), minutes % 60)
    }
}

/// A duration that is only estimated: `30 s`, `2 min 05 s`.
pub(crate) fn whole_seconds(s: f64) -> String {
    if !s.is_finite() || s < 0.0 {
        return "∞".to_string();
    }
    if s < 99.5 {
        return format!("{} s", s.round());
    }
    // From here on `seconds` counts in minutes.
    seconds(s.max(100.0))
}

/// Work in units of 10^9 floating-point operations: `51.10 GFLOP`.
pub(crate) fn gflop(gflop: f64) -> String {
    format!("{} GFLOP", number(gflop))
}

/// A rate of work: `297.0 GFLOP/s`.
pub(crate) fn gflop_per_second(rate: f64) -> String {
    format!("{} GFLOP/s", number(rate))
}

/// Mantissa and exponent after rounding to four digits, or nothing when `x` is not finite.
fn scientific(x: f64) -> Option<(String, i32)> {
    if !x.is_finite() {
        return None;
    }
    let text = format!("{x:.*e}", DIGITS - 1);
    let (mantissa, exponent) = text.split_once('e')?;
    Some((mantissa.to_string(), exponent.parse().ok()?))
}

fn fixed(x: f64, exponent: i32) -> String {
    let decimals = (DIGITS as i32 - 1 - exponent).max(0) as usize;
    let text = if exponent >= DIGITS as i32 {
        // Digits beyond the fourth are not known to be right, so they are zeros: 123,400.
        let unit = 10f64.powi(exponent - DIGITS as i32 + 1);
        format!("{:.0}", (x / unit).round() * unit)
    } else {
        format!("{x:.decimals$}")
    };
    minus(group(&text))
}

fn special(x: f64) -> String {
    match x {
        x if x.is_nan() => "NaN".to_string(),
        x if x > 0.0 => "∞".to_string(),
        _ => "−∞".to_string(),
    }
}

fn minus(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// Puts a comma between groups of three digits of the integer part.
fn group(text: &str) -> String {
    let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (sign, digits) = match integer.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", integer),
    };
    let mut out = String::from(sign);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

fn superscript(c: char) -> char {
    match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        // The other raised digits are consecutive; these three are older and live in Latin-1.
        '0' | '4'..='9' => char::from_u32('⁰' as u32 + (c as u32 - '0' as u32)).unwrap_or(c),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_in_threes() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (n, text) in cases {
            assert_eq!(count(n), text);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn numbers_keep_four_significant_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1.000"),
            (-1.5, "−1.500"),
            (0.001, "0.001000"),
            (0.000_999_96, "0.001000"),
            (1234.4, "1,234"),
            (12345.0, "12,350"),
            (999_949.0, "999,900"),
            (999_960.0, "1.000×10⁶"),
            (1.2345e-5, "1.234×10⁻⁵"),
            (-9.999_96e10, "−1.000×10¹¹"),
            (5e-324, "4.941×10⁻³²⁴"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "−∞"),
        ];
        for (x, text) in cases {
            assert_eq!(number(x), text, "{x:e}");
        }
    }

    #[test]
    fn bytes_use_binary_units() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (1 << 20, "1 MiB"),
            ((1 << 20) - 1, "1 MiB"),
            (287_309_824, "274 MiB"),
            (2 << 30, "2 GiB"),
            (u64::MAX, "16 EiB"),
        ];
        for (n, text) in cases {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn durations_choose_their_unit() {
        let cases = [
            (0.0, "0 s"),
            (8.45e-7, "845.0 ns"),
            (0.012345, "12.35 ms"),
            (0.999_96, "1.000 s"),
            (1.2341, "1.234 s"),
            (99.99, "99.99 s"),
            (125.2, "2 min 05 s"),
            (3599.7, "1 h 00 min"),
            (11_220.0, "3 h 07 min"),
            (-2.0, "−2.000 s"),
        ];
        for (s, text) in cases {
            assert_eq!(seconds(s), text);
        }
    }

    #[test]
    fn estimates_have_no_decimals() {
        for (s, text) in [(0.2, "0 s"), (30.4, "30 s"), (99.7, "1 min 40 s"), (125.0, "2 min 05 s")] {
            assert_eq!(whole_seconds(s), text);
        }
    }

    #[test]
    fn work_and_its_rate_carry_their_units() {
        assert_eq!(gflop(51.1), "51.10 GFLOP");
        assert_eq!(gflop_per_second(297.04), "297.0 GFLOP/s");
    }
}
