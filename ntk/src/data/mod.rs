//! Data sets and the files arrays come from and go to.
//!
//! A [`Source`] names where samples come from (a file, a [folder], a [generator](generate)), a [`Selection`] which of them and how scaled; together they give a
//! [`Dataset`]. Arrays given as files give one too. What samples mean to a network is left to [`Dataset::fit`]'s
//! caller.
//!
//! Files are untrusted: what they announce is checked against what is there before memory is taken for it, and
//! whatever is refused is refused with the place and the remedy. Writing goes aside and is renamed into place.

mod cifar10;
mod csv_file;
pub mod dataset;
pub mod element;
pub mod file;
pub mod folder;
pub mod generate;
pub mod idx;
pub mod npy;
pub mod npy_header;
#[cfg(test)]
mod npy_tests;
pub mod npz;
pub(crate) mod positioned;
mod records;
pub mod rows;
pub mod safetensors_file;
pub mod select;
pub mod source;
#[cfg(test)]
mod tests;
mod warn;

pub use dataset::{Dataset, Part};
pub use element::Element;
pub use folder::DataFolder;
pub use npy::{NpyWriter, read_npy, write_npy};
pub use npz::{Npz, write_npz};
pub use records::check_finite;
pub use rows::{NpyRows, Rows};
pub use select::{Normalize, Selection};
pub use source::{SOURCES, Source};
