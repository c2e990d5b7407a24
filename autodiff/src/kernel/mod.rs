//! Loops over slices: slices in, slices out, no tape.
//!
//! [`math`] holds the elementary functions, [`map`] the elementwise loops that are dispatched to the machine's
//! vectors, [`gemm`] the matrix product, which is faer's, and [`grouped`] the product of rows that share their zeros.
//! Convolutions (`conv`, and `depthwise` where each channel is for itself) are products of the windows that `window` copies
//! side by side.

pub(crate) mod conv;
mod depthwise;
pub mod gemm;
pub mod grouped;
pub mod map;
pub mod math;
pub(crate) mod pool;
pub(crate) mod window;
