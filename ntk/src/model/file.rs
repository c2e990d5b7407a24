//! Reading a network from a TOML file.
//!
//! ```toml
//! input = [12]
//! layers = [
//!   { kind = "dense", out = 32, W_std = 1.5, b_std = 0.1, param = "ntk" },
//!   { kind = "relu" },
//!   { kind = "residual", scale = 1.0, layers = [ { kind = "tanh" }, { kind = "dense", out = 32 } ] },
//!   { kind = "dense", out = 3 },
//! ]
//! ```
//!
//! Defaults of a dense layer: `W_std = 1.0`, no bias, `param = "ntk"`; `in` may be given and is then
//! checked. With `param = "mup"`, `gamma0` of the network is 1.0. `alpha` of a `leaky_relu` is 0.01, `scale` of a `residual` 1.0.

mod reader;

use std::fs;
use std::io::Read as _;
use std::path::Path;

use toml::de::DeTable;

use super::Architecture;
use super::error::{ModelError, Result};
pub(super) use reader::Fields;
use reader::Reader;

/// The longest file that is read: the deepest preset, written out, still fits.
pub const MAX_BYTES: u64 = 1 << 18;

/// The most tables that are read, counted by what can open one: a brace, a bracket or the dot of a key.
///
/// A table takes 1.4 kB where it is read, and `a.a.a` is one for every two bytes: this bounds the memory to some 40 MiB. The
/// deepest preset, dots of its numbers and brackets of its comments included, has 10 for each of its 1000 layers.
const MAX_TABLES: usize = 20_000;

/// Reads a network from a file.
///
/// # Errors
/// A file that is missing, not a regular file, longer than [`MAX_BYTES`] or not UTF-8; TOML that cannot
/// be read; unknown keys and kinds, wrong types, values out of range, layers that do not fit. What
/// concerns the text comes with line, column and carets.
pub fn read(path: &Path) -> Result<Architecture> {
    let refused = |message: String, hint: &str| ModelError::new(message, hint).of_file(path);
    let unreadable = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => refused(
            "there is no such model file".to_owned(),
            "check the path, or give a preset such as `mlp:64-512x2-10:relu`",
        ),
        _ => refused(format!("the model file cannot be read: {e}"), "check the path and its permissions"),
    };
    // Opening a FIFO would wait for a writer, and a device may never end: look before opening.
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        let what = if about.is_dir() { "a directory" } else { "not a regular file" };
        return Err(refused(format!("the model file is {what}"), "give the path of a TOML file"));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refused(
            format!("the model file is longer than {MAX_BYTES} bytes"),
            "give a description of a network; weights are given with --weights",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        refused(
            format!("the model file is not UTF-8: byte {}", e.utf8_error().valid_up_to()),
            "give a TOML file saved as UTF-8; weights are given with --weights",
        )
    })?;
    parse(path, &text)
}

/// Reads a network from the text of a file; `path` is only named in errors.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, text: &str) -> Result<Architecture> {
    let reader = Reader::new(path, text);
    if text.len() as u64 > MAX_BYTES {
        return Err(reader.error(
            &(0..0),
            format!("the description is longer than {MAX_BYTES} bytes"),
            "give a description of a network; weights are given with --weights",
        ));
    }
    let mut opening = text.match_indices(['{', '[', '.']);
    if let Some((start, _)) = opening.nth(MAX_TABLES) {
        return Err(reader.error(
            &(start..start + 1),
            format!("more than {MAX_TABLES} tables, lists and dots by here"),
            "describe a network of fewer layers",
        ));
    }
    let document = DeTable::parse(text).map_err(|e| {
        let deep = e.message().contains("recurs");
        reader.error(
            &e.span().unwrap_or(0..0),
            if deep { "brackets nested too deep".to_owned() } else { e.message().replace('\n', ", ") },
            if deep {
                "put residual blocks one after another instead of in one another"
            } else {
                "correct the TOML here; `ntk describe-model mlp:64-512x2-10:relu` prints a file that reads"
            },
        )
    })?;
    let top = reader.top(document.get_ref(), document.span())?;
    let input = top.axes("input", "input = [64]")?;
    let layers = top.layers("layers")?;
    let gamma0 = top.number_where("gamma0", |x| x > 0.0, "above 0")?.unwrap_or(1.0);
    let architecture = Architecture { input, layers, gamma0 };
    let checked = architecture.sites().map(drop);
    checked.map_err(|e| match e.layer().and_then(|layer| reader.place(layer)) {
        Some(place) => e.within(path, text, place.start, place.end),
        None => e.of_file(path),
    })?;
    Ok(architecture)
}

#[cfg(test)]
mod tests;
