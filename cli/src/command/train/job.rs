//! What is meant by the arguments of `ntk train`, together with the data and the model.

use std::path::PathBuf;

use ntk::loss::Loss;
use ntk::metric::METRICS;
use ntk::train::{Optimizer, Plan, Schedule, Settings, rates};
use ntk::{Error, Result};
use serde_json::{Map, Value, json};

use crate::args::{self, Format};
use crate::command::curvature::loss_of;
use crate::command::inputs::{Inputs, Limits};

/// A training to be done.
pub(crate) struct Job {
    pub(crate) inputs: Inputs,
    pub(crate) limits: Limits,
    pub(crate) loss: Loss,
    pub(crate) metrics: Vec<String>,
    pub(crate) plan: Plan,
    pub(crate) probe: usize,
    pub(crate) eigenvalues: usize,
    pub(crate) sharpness_tolerance: f64,
    /// Products with the Hessian that a sharpness may take.
    pub(crate) products: usize,
    pub(crate) checkpoint_every: Option<u64>,
    pub(crate) format: Format,
    pub(crate) out: Option<PathBuf>,
    /// Whether plots and a report are made.
    pub(crate) report: bool,
    /// Whether to tell what it needs, and no more.
    pub(crate) dry_run: bool,
    /// The words of the command, to be read again when it goes on.
    pub(crate) words: Vec<String>,
    typed: args::Train,
}

impl Job {
    /// Reads model and data, and fits them to each other.
    pub(crate) fn read(typed: &args::Train, words: Vec<String>) -> Result<Self> {
        let mut inputs = Inputs::read(&typed.network, &typed.data, &typed.second)?;
        let limits = inputs.limits(&typed.machine);
        let batch = typed.batch.unwrap_or(inputs.n).min(inputs.n);
        let epoch = inputs.n.div_ceil(batch.max(1)) as u64;
        let steps = match typed.epochs {
            None => typed.steps as u64,
            Some(epochs) => (epochs as u64).checked_mul(epoch).ok_or_else(|| {
                Error::usage(format!("--epochs {epochs} are more steps than can be counted"), "ask for fewer")
            })?,
        };
        let every = typed.every.map_or_else(|| (steps / 200).max(1), |every| every as u64);
        let mut metrics = typed.metrics.clone();
        if metrics.is_empty() {
            let classes = inputs.data.labels.is_some();
            metrics = ["loss", "accuracy", "gradient-norm"].map(str::to_owned).into();
            metrics.retain(|name| classes || name != "accuracy");
        }
        for name in &metrics {
            if !METRICS.iter().any(|known| known.0 == name) {
                return Err(Error::unknown("metric", name, METRICS.map(|known| known.0)));
            }
        }
        Ok(Self {
            limits,
            loss: loss_of(typed.loss.loss, &inputs),
            metrics,
            plan: Plan { steps, every },
            probe: typed.probe,
            eigenvalues: typed.eigenvalues,
            sharpness_tolerance: typed.sharpness_tolerance,
            products: 500,
            checkpoint_every: typed.checkpoint_every.map(|every| every as u64),
            format: typed.output.format,
            out: typed.output.out.clone(),
            report: !typed.output.no_report,
            dry_run: typed.dry_run,
            words,
            typed: typed.clone(),
            inputs,
        })
    }

    /// How it is trained.
    pub(crate) fn settings(&self, samples: usize) -> Result<Settings> {
        let typed = &self.typed;
        let optimizer = match typed.optimizer {
            args::Optimizer::Sgd => Optimizer::GRADIENT_DESCENT,
            args::Optimizer::Momentum => Optimizer::Sgd { momentum: typed.momentum, nesterov: false },
            args::Optimizer::Nesterov => Optimizer::Sgd { momentum: typed.momentum, nesterov: true },
            args::Optimizer::Adam | args::Optimizer::Adamw => Optimizer::Adam {
                beta1: typed.beta1,
                beta2: typed.beta2,
                epsilon: typed.epsilon,
                decoupled: typed.optimizer == args::Optimizer::Adamw,
            },
            args::Optimizer::Flow => Optimizer::Flow { tolerance: typed.tolerance },
        };
        Ok(Settings {
            optimizer,
            schedule: Schedule { rate: typed.lr, warmup: typed.warmup, decay: typed.schedule, steps: self.plan.steps },
            batch: typed.batch.unwrap_or(samples).min(samples),
            order_seed: typed.order_seed.unwrap_or(self.inputs.seed),
            decay: typed.weight_decay,
            rates: rates(&self.inputs.model, optimizer)?,
        })
    }

    /// All that decides a number of the training: equal ones give equal bits.
    pub(crate) fn configuration(&self, settings: &Settings, weights: &str) -> Map<String, Value> {
        let optimizer = match settings.optimizer {
            Optimizer::Sgd { momentum, nesterov } => json!({ "momentum": momentum, "nesterov": nesterov }),
            Optimizer::Adam { beta1, beta2, epsilon, decoupled } => {
                json!({ "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "decoupled": decoupled })
            }
            Optimizer::Flow { tolerance } => json!({ "tolerance": tolerance }),
        };
        let mut all = self.inputs.record();
        let own = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "data_digest": self.inputs.data.digest,
            "weights_digest": weights,
            "loss": self.loss.name(),
            "optimizer": optimizer_name(self.typed.optimizer),
            "optimizer_constants": optimizer,
            "lr": settings.schedule.rate,
            "lr_multipliers": settings.rates,
            "schedule": settings.schedule.decay.to_string(),
            "warmup": settings.schedule.warmup,
            "weight_decay": settings.decay,
            "batch": settings.batch,
            "order_seed": settings.order_seed,
            "steps": self.plan.steps,
            "metrics": self.metrics,
            "every": self.plan.every,
            "probe": self.probe,
            "eigenvalues": self.eigenvalues,
            "sharpness_tolerance": self.sharpness_tolerance,
        });
        if let Value::Object(own) = own {
            all.extend(own);
        }
        all
    }

    /// `gradient descent`, `adamw`, ..
    pub(super) fn optimizer(&self) -> &'static str {
        optimizer_name(self.typed.optimizer)
    }

    pub(super) fn lr(&self) -> f64 {
        self.typed.lr
    }

    pub(super) fn batch(&self) -> Option<usize> {
        self.typed.batch.filter(|batch| *batch < self.inputs.n)
    }
}

fn optimizer_name(typed: args::Optimizer) -> &'static str {
    match typed {
        args::Optimizer::Sgd => "sgd",
        args::Optimizer::Momentum => "momentum",
        args::Optimizer::Nesterov => "nesterov",
        args::Optimizer::Adam => "adam",
        args::Optimizer::Adamw => "adamw",
        args::Optimizer::Flow => "flow",
    }
}
