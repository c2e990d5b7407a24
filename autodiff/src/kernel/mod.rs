//! Arithmetic on slices and numbers, below the tape: no operation here knows of derivatives.

pub mod math;
