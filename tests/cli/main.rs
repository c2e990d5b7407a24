//! The program as its user meets it: run as a process, judged by its exit code, its words and its files.

mod bench;
mod contract;
mod curvature;
mod experiment;
mod faults;
mod files;
mod function_space;
mod import;
mod interruption;
mod matrix_free;
mod memory;
mod program;
mod resume;
mod tape;
mod train;
