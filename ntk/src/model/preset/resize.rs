//! A preset with other sizes, for studies over them.

use super::{Piece, Widths, parse};
use crate::model::error::Result;

/// The sizes of a preset that a study may vary; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resize {
    /// Of every hidden layer.
    pub width: Option<usize>,
    /// How many hidden layers; they need one width.
    pub depth: Option<usize>,
    /// Of the network.
    pub outputs: Option<usize>,
}

/// The preset `text` with other sizes: `mlp:64-512x2-10:relu` of width 256 is `mlp:64-256x2-10:relu`.
///
/// # Errors
/// As [`parse`], for `text` and for what becomes of it; a depth for hidden layers of several widths.
pub fn resized(text: &str, to: Resize) -> Result<String> {
    let (before, shape, behind) = parts(text)?;
    let widths = Widths::parse(text, shape)?;
    let first = widths.hidden[0];
    let mut hidden: Vec<usize> = widths.hidden.iter().map(|&width| to.width.unwrap_or(width)).collect();
    if to.depth.is_some() {
        if to.width.is_none() && hidden.iter().any(|&width| width != first) {
            return Err(shape.error(
                text,
                "the hidden layers have several widths, so a depth says nothing of them",
                format!("give them one width, as in {first}x{}", hidden.len()),
            ));
        }
        // A depth that is too large is answered by `parse`, so it is not filled in here.
        hidden.truncate(1);
    }
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for width in hidden {
        match runs.last_mut() {
            Some((last, count)) if *last == width => *count += 1,
            _ => runs.push((width, 1)),
        }
    }
    if let (Some(depth), [(_, count)]) = (to.depth, &mut runs[..]) {
        *count = depth;
    }
    let hidden: Vec<String> = runs.iter().map(|(width, count)| format!("{width}x{count}")).collect();
    let input: Vec<String> = widths.input.iter().map(ToString::to_string).collect();
    let outputs = to.outputs.unwrap_or(widths.output);
    let resized = format!("{before}{}-{}-{outputs}{behind}", input.join("x"), hidden.join("-"));
    parse(&resized)?;
    Ok(resized)
}

/// The widths of the hidden layers of a preset, from the input on.
///
/// # Errors
/// As [`parse`].
pub fn hidden(text: &str) -> Result<Vec<usize>> {
    Ok(Widths::parse(text, parts(text)?.1)?.hidden)
}

/// What stands before the sizes, the sizes, and what stands behind them.
fn parts(text: &str) -> Result<(&str, Piece<'_>, &str)> {
    parse(text)?;
    // It has been parsed, so both colons are there.
    let start = text.find(':').map_or(text.len(), |at| at + 1);
    let end = text[start..].find(':').map_or(text.len(), |at| start + at);
    Ok((&text[..start], Piece { text: &text[start..end], start }, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_size_changes_and_the_rest_stays() {
        let (none, some) = (Resize::default(), Some);
        for (text, to, resized_text) in [
            ("mlp:64-512x2-10:relu", none, "mlp:64-512x2-10:relu"),
            ("mlp:64-512x2-10:relu", Resize { width: some(7), ..none }, "mlp:64-7x2-10:relu"),
            ("mlp:64-512-256-10:relu,b_std=0", Resize { width: some(7), ..none }, "mlp:64-7x2-10:relu,b_std=0"),
            ("mlp:64-512-256-10:relu", Resize { outputs: some(3), ..none }, "mlp:64-512x1-256x1-3:relu"),
            ("mlp:64-512-10:relu", Resize { depth: some(5), ..none }, "mlp:64-512x5-10:relu"),
            ("mlp:64-9-8-1:erf", Resize { width: some(4), depth: some(3), outputs: some(2) }, "mlp:64-4x3-2:erf"),
            ("cnn:8x8x3-4x2-10:relu:flatten", Resize { depth: some(1), ..none }, "cnn:8x8x3-4x1-10:relu:flatten"),
        ] {
            let found = resized(text, to).unwrap();
            assert_eq!(found, resized_text);
            assert!(to != none || parse(&found).unwrap() == parse(text).unwrap());
        }
        assert_eq!(hidden("mlp:64-512x2-9-10:relu").unwrap(), [512, 512, 9]);
    }

    #[test]
    fn what_cannot_be_resized_says_why() {
        let depth = |depth| Resize { depth: Some(depth), ..Resize::default() };
        let of = |text, to| resized(text, to).unwrap_err().to_string();
        assert!(of("mlp:64-9-8-1:erf", depth(3)).contains("several widths"));
        assert!(of("mlp:64-9-1:erf", depth(usize::MAX)).contains("hidden layers"));
        assert!(of("mlp:64-9-1:erf", depth(0)).contains("a depth is 0"));
        assert!(of("net.toml", depth(3)).contains("no preset"));
    }
}
