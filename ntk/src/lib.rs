//! skeleton
pub mod array;
pub mod error;
pub mod nearest;
