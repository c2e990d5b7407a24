//! Experiments: the claims of a paper, measured.
//!
//! An experiment is five answers, one file a paper. Which claims of it are held against numbers ([`Experiment::claims`])?
//! Which settings has it ([`Settings`])? Which tasks follow from them ([`Experiment::tasks`])? What does a task measure
//! ([`Experiment::measure`])? What do the measurements say of the claims ([`Experiment::judge`])?
//!
//! Decided here: what an experiment is, and how its tasks are carried out. Left to others: files, pictures and the
//! terminal. An experiment uses the public interface of this crate only.
//!
//! | file | what |
//! |---|---|
//! | [`mod@settings`] | a setting, its meaning and its value at three scales, stated once |
//! | [`config`] | which values the settings have, and where each came from |
//! | [`record`] | what a task measured, and where to find it among all |
//! | [`claim`] | what a paper says, declared with its threshold; what was measured of it |
//! | [`finding`] | what a run found: claims with verdicts, figures, tables |
//! | [`lab`] | what a task is given: data, random streams, memory, a signal to stop |
//! | [`finite`] | finite networks: weights, kernels, gradient descent that is watched |
//! | [`protocol`] | an experiment whose types are no longer told apart |
//! | [`conduct`](mod@conduct) | tasks side by side, kept as they end |
//!
//! A task says everything that its numbers depend on, and is told nothing else. So a finished task is known by what it
//! says: an interrupted run takes up the tasks that are missing, a changed one keeps those that it shares, and neither
//! changes a bit.

pub mod claim;
pub mod conduct;
pub mod config;
pub mod deep_vs_kernel;
pub mod finding;
pub mod finite;
pub mod finite_corrections;
pub mod lab;
pub mod linear_models;
pub mod ntk_convergence;
pub mod protocol;
pub mod record;
pub mod settings;
pub mod super_consistency;
pub mod trainability;

pub use claim::{By, Claim, Gate, Judged, Threshold, Verdict};
pub use conduct::{Archive, conduct};
pub use config::{Config, Origin, Request};
pub use finding::{Figure, Findings, Table};
pub use lab::{Conditions, Lab, Role};
pub use protocol::{Protocol, Run};
pub use record::Record;
pub use settings::{Parameter, Scale, Setting, Settings};

use serde::Serialize;

use crate::error::Result;

/// What an experiment is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct About {
    /// Its name on the command line.
    pub name: &'static str,
    /// The paper: authors, year, title.
    pub paper: &'static str,
    /// Where to find it: arXiv number or DOI.
    pub reference: &'static str,
    /// The question, in a sentence.
    pub question: &'static str,
    /// How it is answered, in a few sentences.
    pub protocol: &'static str,
    /// Seconds on two cores at quick, desk and full scale, roughly.
    pub seconds: [f64; 3],
    /// Raised with every change that changes a number; earlier results are then measured again.
    pub revision: u32,
}

/// A piece of an experiment that is carried out as a whole.
///
/// What is serialized decides every bit of what is measured.
pub trait Task: Clone + Serialize + Send + Sync {
    /// A name that no other task of the run has; letters, digits, `-`, `=`, `.` and `/`.
    fn name(&self) -> String;

    /// How long it takes, in any unit that the experiment's tasks share.
    fn cost(&self) -> f64 {
        1.0
    }
}

/// A paper's claims and how they are measured.
pub trait Experiment: Sync {
    /// What can be set.
    type Settings: Settings + Send + Sync;
    /// What is carried out.
    type Task: Task;

    /// What it is about.
    fn about(&self) -> About;

    /// The paper's claims with their thresholds, the most important first: known before anything is measured.
    fn claims(&self) -> &'static [Claim];

    /// The data sets that the tasks ask the lab for, by name.
    fn data(&self, _settings: &Self::Settings) -> Vec<String> {
        Vec::new()
    }

    /// What is to be done.
    ///
    /// # Errors
    /// Settings that do not fit each other, both named.
    fn tasks(&self, settings: &Self::Settings) -> Result<Vec<Self::Task>>;

    /// Carries out one task.
    ///
    /// # Errors
    /// What the computation refuses; an interruption.
    fn measure(&self, task: &Self::Task, lab: &Lab<'_>) -> Result<Record>;

    /// What the measurements say of the declared claims. It computes little and measures nothing, so that a report can be made
    /// again.
    ///
    /// # Errors
    /// A record that lacks a number.
    fn judge(&self, settings: &Self::Settings, done: &[(Self::Task, Record)]) -> Result<Findings>;
}

/// The experiments, in the order of a list.
pub fn all() -> Vec<Box<dyn Protocol>> {
    vec![
        Box::new(ntk_convergence::NtkConvergence),
        Box::new(linear_models::LinearModels),
        Box::new(trainability::Trainability),
        Box::new(finite_corrections::FiniteCorrections),
        Box::new(super_consistency::SuperConsistency),
        Box::new(deep_vs_kernel::DeepVsKernel),
    ]
}

/// The experiment of this name.
///
/// # Errors
/// A name that is none.
pub fn named(name: &str) -> Result<Box<dyn Protocol>> {
    let known: Vec<&str> = all().iter().map(|experiment| experiment.about().name).collect();
    all()
        .into_iter()
        .find(|experiment| experiment.about().name == name)
        .ok_or_else(|| crate::Error::unknown("experiment", name, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_is_declared_in_full_and_once() {
        for experiment in all() {
            let (name, claims) = (experiment.about().name, experiment.claims());
            assert!(claims.iter().any(|claim| claim.gate == Gate::Gated), "{name}");
            for (i, claim) in claims.iter().enumerate() {
                let Claim { statement, quantity, source, .. } = claim;
                assert!(statement.ends_with('.') && !quantity.is_empty() && !source.is_empty(), "{name}: {claim:?}");
                assert!(claims[..i].iter().all(|other| other.name != claim.name), "{name}: {} twice", claim.name);
                if let Gate::Informative(why) = claim.gate {
                    assert!(!why.is_empty(), "{name}: {}", claim.name);
                }
                if let Threshold::Within(low, high) = claim.threshold {
                    assert!(low < high, "{name}: {}", claim.name);
                }
            }
        }
    }
}
