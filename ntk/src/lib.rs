//! skeleton
pub mod array;
pub mod data;
pub mod error;
pub mod model;
pub mod nearest;
pub mod params;
