//! Neural Tangent Kernels contracted without a Jacobian.

pub mod array;
pub mod contraction;
pub mod data;
pub mod error;
pub mod experiment;
pub mod infinite;
pub mod landscape;
pub mod loss;
pub mod metric;
pub mod model;
pub mod nearest;
pub mod network;
pub mod operator;
pub mod params;
pub mod peak;
pub mod predict;
pub mod random;
pub mod spectral;
pub mod statistics;
pub mod train;

pub use error::{Error, Result};
