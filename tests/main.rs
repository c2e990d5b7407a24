//! The tests of the workspace that concern more than one file, in one binary.

mod checker;
mod composites;
mod compositions;
mod contraction;
mod convolution;
mod counts;
mod curvature;
mod custom;
mod edges;
mod examples;
mod goldens;
mod import;
mod infinite;
mod laws;
mod layers;
mod modes;
mod numbers;
mod predict;
mod samples;
mod scalar;
mod sinks;
mod train;
mod verbs;
mod windows;
