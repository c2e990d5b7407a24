//! The values of flags that are more than a word: each parser says what it would have taken.

use std::fmt;

use super::{Axis, Sweep};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

/// Units of memory and their bytes, larger ones first so that a size prints in the largest that divides it.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1000),
    ("B", 1),
];

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last unit, one byte, divides everything.
        let unit = UNITS.iter().find(|u| self.0 >= u.1 && self.0.is_multiple_of(u.1));
        let (name, bytes) = unit.unwrap_or(&UNITS[UNITS.len() - 1]);
        write!(f, "{}{name}", self.0 / bytes)
    }
}

/// Which eigenvalues are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spectrum {
    /// All of them.
    Full,
    /// The largest so many.
    Top(usize),
    /// None.
    None,
}

/// A size such as `512MiB`, `2GiB` or `1.5GB`; a unit is needed, its case does not matter.
pub(super) fn bytes(text: &str) -> Result<Bytes, String> {
    const REMEDY: &str = "write a size with its unit, such as 512MiB, 2GiB or 1.5GB";
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim();
    let Some((_, scale)) = UNITS.iter().find(|u| u.0.eq_ignore_ascii_case(unit)) else {
        return Err(if unit.is_empty() && !number.is_empty() {
            format!("no unit; {REMEDY}")
        } else {
            REMEDY.to_owned()
        });
    };
    let number: f64 = number.parse().map_err(|_| REMEDY.to_owned())?;
    // NUMERICS: exact for whole numbers to 2^53, and a fraction is rounded down to a byte.
    let size = number * *scale as f64;
    if size < 1.0 {
        return Err(format!("no memory at all; {REMEDY}"));
    }
    if size >= (1_u64 << 63) as f64 {
        return Err(format!("more than a machine can address; {REMEDY}"));
    }
    Ok(Bytes(size as u64))
}

/// `full`, `top:K` or `none`.
pub(super) fn spectrum(text: &str) -> Result<Spectrum, String> {
    match text {
        "full" => return Ok(Spectrum::Full),
        "none" => return Ok(Spectrum::None),
        _ => {}
    }
    let Some(k) = text.strip_prefix("top:") else {
        let near = ntk::nearest::nearest(text, ["full", "none"]);
        return Err(match near {
            Some(word) => format!("did you mean {word:?}?"),
            None => "write full, none, or top:K such as top:16".to_owned(),
        });
    };
    count(k).map(Spectrum::Top).map_err(|e| format!("after top: {e}"))
}

/// A whole number of at least 1.
pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse::<i128>() {
        Ok(n) if n < 1 => Err("must be at least 1".to_owned()),
        Ok(n) => usize::try_from(n).map_err(|_| format!("too large; at most {}", usize::MAX)),
        Err(_) => Err("not a whole number; write one of at least 1".to_owned()),
    }
}

/// A number above 0 and below 1.
pub(super) fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x > 0.0 && x < 1.0 => Ok(x),
        _ => Err("write a number above 0 and below 1, such as 1e-3".to_owned()),
    }
}

/// A class label, from 0.
pub(super) fn class(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "classes are whole numbers from 0, divided by commas, such as 3,8".to_owned())
}

/// A seed: any `u64`.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

/// A time of at least 0; `inf` is the end of time.
pub(super) fn time(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(time) if time >= 0.0 => Ok(time),
        _ => Err("a time is a number of at least 0, or inf, such as 1,10,inf".to_owned()),
    }
}

/// A number above 0.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if x > 0.0 && x.is_finite() => Ok(x),
        _ => Err("a finite number above 0 is needed, such as 0.1".to_owned()),
    }
}

/// A number of at least 0.
pub(super) fn not_negative(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if x >= 0.0 && x.is_finite() => Ok(x),
        _ => Err("a finite number of at least 0 is needed, such as 1e-3".to_owned()),
    }
}

/// Numbers of at least 0: a list, or so many evenly from one to another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid(pub(crate) Vec<f64>);

/// `0.5,1,2` or `0.5:2:4`.
pub(super) fn grid(text: &str) -> Result<Grid, String> {
    let form = || "give numbers of at least 0 as 0.5,1,2, or FROM:TO:COUNT as 0.5:2:4".to_owned();
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|x| *x >= 0.0 && x.is_finite()).ok_or_else(form);
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        [list] => list.split(',').map(number).collect::<Result<_, _>>().map(Grid),
        [from, to, count] => {
            let (from, to) = (number(from)?, number(to)?);
            let count = count.trim().parse::<usize>().ok().filter(|n| (2..=1000).contains(n)).ok_or_else(form)?;
            let step = (to - from) / (count - 1) as f64;
            Ok(Grid((0..count).map(|i| if i + 1 == count { to } else { from + i as f64 * step }).collect()))
        }
        _ => Err(form()),
    }
}

/// `n=32,64,128`: an axis and its sizes, which are put in ascending order.
pub(super) fn sweep(text: &str) -> Result<Sweep, String> {
    let names = Axis::ALL.map(Axis::name);
    let form = || format!("write AXIS=A,B,.., such as n=32,64,128; an axis is {}", names.join(", "));
    let (name, list) = text.split_once('=').ok_or_else(form)?;
    let Some(axis) = Axis::ALL.into_iter().find(|axis| axis.name() == name.trim()) else {
        return Err(match ntk::nearest::nearest(name.trim(), names) {
            Some(word) => format!("did you mean {word:?}?"),
            None => form(),
        });
    };
    let mut sizes = list.split(',').map(|size| count(size.trim())).collect::<Result<Vec<_>, _>>()?;
    sizes.sort_unstable();
    match sizes.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("{} is given twice; name every size once", pair[0])),
        None => Ok(Sweep { axis, sizes }),
    }
}

/// A number of at least 0 and below 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if (0.0..1.0).contains(&x) => Ok(x),
        _ => Err("a number of at least 0 and below 1 is needed, such as 0.9".to_owned()),
    }
}

/// Two numbers that ascend.
pub(super) fn range(text: &str) -> Result<[f64; 2], String> {
    let read = text.split_once(',').and_then(|(a, b)| Some([a.trim().parse().ok()?, b.trim().parse().ok()?]));
    match read {
        Some([a, b]) if f64::is_finite(a) && f64::is_finite(b) && a < b => Ok([a, b]),
        _ => Err("write two numbers that ascend, such as -1,1".to_owned()),
    }
}

/// The shape of a learning rate over time.
pub(super) fn decay(text: &str) -> Result<ntk::train::Decay, String> {
    text.parse().map_err(|error: ntk::Error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_binary_and_decimal_units() {
        for (text, size) in [
            ("512MiB", 512 << 20),
            ("2GiB", 2 << 30),
            ("1.5GB", 1_500_000_000),
            ("0.5KiB", 512),
            ("7B", 7),
            ("3tb", 3_000_000_000_000),
            ("2 gib", 2 << 30),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!(bytes(text), Ok(Bytes(size)), "{text}");
        }
        for (text, answer) in [
            ("2", "no unit"),
            ("2G", "with its unit"),
            ("", "with its unit"),
            ("GiB", "with its unit"),
            ("-2GiB", "with its unit"),
            ("1e9B", "with its unit"),
            ("1.2.3GiB", "with its unit"),
            (".MiB", "with its unit"),
            ("0GiB", "no memory"),
            ("0.1B", "no memory"),
            ("9999999999TiB", "more than a machine"),
            ("2Giß", "with its unit"),
        ] {
            let e = bytes(text).unwrap_err();
            assert!(e.contains(answer) && e.contains("such as 512MiB"), "{text}: {e}");
        }
    }

    #[test]
    fn a_size_prints_as_it_would_be_typed() {
        for text in ["2GiB", "512MiB", "1500MB", "7B", "1TiB", "3TB", "1001B"] {
            assert_eq!(bytes(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn sweeps_are_sorted_and_name_what_is_wrong() {
        let read = sweep("n = 64, 32,128".replace(' ', "").as_str());
        assert_eq!(read, Ok(Sweep { axis: Axis::N, sizes: vec![32, 64, 128] }));
        assert_eq!(sweep("outputs=1").map(|sweep| sweep.to_string()).as_deref(), Ok("outputs=1"));
        for (text, answer) in [
            ("n", "such as n=32"),
            ("n=", "not a whole number"),
            ("n=0", "at least 1"),
            ("n=3,3", "twice"),
            ("widht=3", "did you mean \"width\"?"),
            ("banana=3", "n, width, depth, outputs"),
            ("width=1,-2", "at least 1"),
        ] {
            let e = sweep(text).unwrap_err();
            assert!(e.contains(answer), "{text}: {e}");
        }
    }

    #[test]
    fn times_and_rates_are_read_or_answered() {
        assert_eq!(["0", "1e3", "inf"].map(time), [Ok(0.0), Ok(1e3), Ok(f64::INFINITY)]);
        assert!(["-1", "nan", "", "soon"].iter().all(|text| time(text).unwrap_err().contains("such as 1,10,inf")));
        assert!(positive("0").is_err() && positive("inf").is_err() && positive("0.5") == Ok(0.5));
        assert!(not_negative("-1").is_err() && not_negative("0") == Ok(0.0));
        assert_eq!(grid("0.5:2:4"), Ok(Grid(vec![0.5, 1.0, 1.5, 2.0])));
        assert_eq!(grid("1, 2"), Ok(Grid(vec![1.0, 2.0])));
        assert!(
            ["", "1:2", "1:2:1", "-1", "a:b:c"].iter().all(|text| grid(text).unwrap_err().contains("FROM:TO:COUNT"))
        );
        assert!(share("1").is_err() && share("0.9") == Ok(0.9));
    }

    #[test]
    fn spectra_counts_seeds_and_classes_are_read_or_answered() {
        assert_eq!(tolerance("1e-3"), Ok(1e-3));
        for text in ["0", "1", "-1e-3", "nan", "inf", "x", ""] {
            assert!(tolerance(text).unwrap_err().contains("such as 1e-3"), "{text}");
        }
        assert_eq!(spectrum("full"), Ok(Spectrum::Full));
        assert_eq!(spectrum("none"), Ok(Spectrum::None));
        assert_eq!(spectrum("top:16"), Ok(Spectrum::Top(16)));
        for (text, answer) in [
            ("ful", "did you mean \"full\"?"),
            ("all", "top:K"),
            ("top", "top:K"),
            ("top:", "not a whole number"),
            ("top:0", "at least 1"),
            ("top:-1", "at least 1"),
        ] {
            let e = spectrum(text).unwrap_err();
            assert!(e.contains(answer), "{text}: {e}");
        }
        assert_eq!(count("1"), Ok(1));
        assert!(count("0").unwrap_err().contains("at least 1"));
        assert!(count("99999999999999999999").unwrap_err().contains("too large"));
        assert_eq!(seed("18446744073709551615"), Ok(u64::MAX));
        for text in ["18446744073709551616", "-1", "1.0", ""] {
            assert!(seed(text).unwrap_err().contains("18446744073709551615"), "{text}");
        }
        assert_eq!(range("-1, 2.5"), Ok([-1.0, 2.5]));
        for text in ["1", "2,1", "1,1", "a,b", "0,inf"] {
            assert!(range(text).unwrap_err().contains("that ascend"), "{text}");
        }
        assert!(decay("cosin").unwrap_err().contains("did you mean `cosine`?"));
        assert_eq!(class(" 3"), Ok(3));
        assert!(class("cat").unwrap_err().contains("such as 3,8"));
    }
}
