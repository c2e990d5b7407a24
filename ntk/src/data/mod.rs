//! Data sets and the files arrays come from and go to.
//!
//! Files are untrusted: what they announce is checked against what is there before memory is taken for it, and
//! whatever is refused is refused with the place and the remedy.

pub mod element;
pub mod file;
pub mod npy;
pub mod npy_header;
#[cfg(test)]
mod npy_tests;
pub mod npz;
pub mod safetensors_file;
