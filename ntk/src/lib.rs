//! skeleton
pub mod array;
pub mod data;
pub mod error;
pub mod nearest;
pub mod params;
