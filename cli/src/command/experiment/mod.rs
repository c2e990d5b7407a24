//! `ntk run`, `resume` and `report`: the claims of a paper, measured, judged and told.
//!
//! | file | what |
//! |---|---|
//! | [`plan`] | what is to be measured, and all that decides a bit of it |
//! | [`tasks`] | finished tasks as files, known by what they say |
//! | [`account`] | `run.json`: what became of the run |
//! | [`outcome`] | results, tables, arrays, plots, report |
//! | [`verdict`] | claims for people and for programs |
//! | [`describe`], [`compare`] | an experiment's settings and text; two runs beside each other |

mod account;
pub(crate) mod compare;
pub(crate) mod describe;
mod outcome;
mod plan;
mod tasks;
mod verdict;

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ntk::Error;
use ntk::experiment::{About, Conditions, conduct};

use crate::args::{self, Format, Output};
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::render::quantity;
use crate::render::terminal;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;
use crate::store::recipe;
use account::{Account, Stored};
use plan::Plan;
use tasks::Tasks;

/// `ntk run`
pub(crate) fn run(typed: &args::Run, arguments: &[OsString]) -> Outcome {
    if let Some(folder) = &typed.resume {
        let resumed = args::Resume {
            folder: folder.clone(),
            choice: typed.choice.clone(),
            fork: typed.fork.clone(),
            data: typed.data.clone(),
            machine: typed.machine.clone(),
            output: typed.output.clone(),
        };
        return go_on(&resumed, typed.name.as_deref(), arguments);
    }
    if typed.fork.fork {
        return Err(Error::usage("--fork takes over tasks of a run that is there", "name it with --resume DIR").into());
    }
    let signals = Signals::listen(typed.output.format == Format::Json);
    let name = typed.name.as_deref().unwrap_or_default();
    let plan = Plan::read(name, &typed.choice.request(), &typed.data, &typed.machine)?;
    if typed.dry_run {
        return plan.tell(typed.output.format);
    }
    signals.check()?;
    let folder = OutputFolder::create(typed.output.out.clone(), plan.name())?;
    let account = Account::new(&plan, &folder, recipe::words(arguments));
    work(&plan, folder, account, None, &typed.output, signals)
}

/// `ntk resume`
pub(crate) fn resume(typed: &args::Resume, arguments: &[OsString]) -> Outcome {
    go_on(typed, None, arguments)
}

fn go_on(typed: &args::Resume, name: Option<&str>, arguments: &[OsString]) -> Outcome {
    let signals = Signals::listen(typed.output.format == Format::Json);
    let stored = Stored::read(&typed.folder)?;
    if let Some(name) = name.filter(|name| *name != stored.experiment) {
        let what = format!("{} is a run of {}, not of {name}", typed.folder.display(), stored.experiment);
        return Err(Error::usage(what, "leave the name out").into());
    }
    let own = typed.folder.join(plan::CONFIG);
    let mut request = typed.choice.request();
    request.file = request.file.or(Some(&own));
    let plan = Plan::read(&stored.experiment, &request, &typed.data, &typed.machine)?;
    if typed.fork.fork {
        signals.check()?;
        let folder = OutputFolder::create(typed.output.out.clone(), plan.name())?;
        let account = Account::new(&plan, &folder, recipe::words(arguments));
        return work(&plan, folder, account, Some(&typed.folder), &typed.output, signals);
    }
    if typed.output.out.is_some() {
        let what = "--out names a new folder, and a run goes on in its own";
        return Err(Error::usage(what, "leave it out, or write --fork to begin a new one").into());
    }
    stored.same(&plan.configuration())?;
    stored.unfinished()?;
    signals.check()?;
    let folder = OutputFolder::resume(&typed.folder)?;
    folder.sweep();
    let account = Account::again(&stored, &plan, &folder);
    work(&plan, folder, account, None, &typed.output, signals)
}

/// Measures what is missing, judges, and tells.
fn work(
    plan: &Plan,
    folder: OutputFolder,
    account: Account,
    from: Option<&Path>,
    output: &Output,
    signals: Signals,
) -> Outcome {
    plan.notes.iter().for_each(|note| eprintln!("note: {note}"));
    if let Some(seconds) = plan.seconds().filter(|seconds| *seconds > 120.0) {
        let threads = plan.limits.threads;
        eprintln!("about {} on {threads} threads; ctrl-C keeps what is done", quantity::whole_seconds(seconds));
    }
    folder.write(plan::CONFIG, plan.config.to_toml(plan.protocol.parameters()).as_bytes())?;
    let account = Arc::new(Mutex::new(account));
    told(&account, |account| account.write("running"))?;
    let tasks = Tasks::new(&folder, plan, from.map(Path::to_owned), Arc::clone(&account))?;
    let farewell = Arc::clone(&account);
    signals.farewell(move || {
        let account = farewell.lock().ok()?;
        account.write("interrupted").ok()?;
        Some(account.resume())
    });
    let Plan { limits, data, .. } = plan;
    let stop = signals.stop();
    let conditions = Conditions { threads: limits.threads, memory: limits.memory, data, stop };
    let measured = conduct(&*plan.run, &tasks, &conditions);
    let interrupted = signals.check().is_err();
    let records = match measured {
        Ok(records) => records,
        Err(_) if interrupted => {
            signals.settle();
            let resume = told(&account, |account| account.write("interrupted").map(|()| account.resume()))?;
            let terminated = matches!(signals.interrupted(), Error::Interrupted { terminated: true, .. });
            return Err(Error::Interrupted { terminated, resume }.into());
        }
        Err(error) => {
            told(&account, |account| account.fail(&error))?;
            return Err(error.into());
        }
    };
    signals.settle();
    let damaged = tasks.close(&records)?;
    let findings = plan.run.judge(records.clone())?;
    let account = told(&account, |account| Ok(account.clone()))?;
    let mut notes = plan.notes.clone();
    if damaged > 0 {
        notes.push(format!("{damaged} damaged task files were measured again"));
    }
    let told = outcome::store(plan, &records, &findings, &account, &folder, !output.no_report)?;
    account.write("finished")?;
    let place = folder.finish()?;
    outcome::tell(plan, &findings, &told, &place, output.format)
}

/// `ntk report`
pub(crate) fn report(typed: &args::ReportArgs) -> Outcome {
    let stored = Stored::read(&typed.folder)?;
    let plan = Plan::stored(&stored)?;
    let folder = OutputFolder::resume(&typed.folder)?;
    folder.sweep();
    let records = tasks::all(&plan, &typed.folder)?;
    let findings = plan.run.judge(records.clone())?;
    let account = Account::again(&stored, &plan, &folder);
    let told = outcome::store(&plan, &records, &findings, &account, &folder, true)?;
    let place = folder.finish()?;
    outcome::tell(&plan, &findings, &told, &place, typed.format)
}

/// Works at the account alone.
fn told<T>(account: &Mutex<Account>, work: impl FnOnce(&mut Account) -> ntk::Result<T>) -> ntk::Result<T> {
    let mut account = account.lock().map_err(|_| Error::Bug("a thread panicked while it told of its work".into()))?;
    work(&mut account)
}

/// What the processor is called, and the version.
fn origin() -> String {
    format!("ntk {} on {}", env!("CARGO_PKG_VERSION"), machine::processor())
}

/// One object on the standard output.
fn print(value: &serde_json::Value) -> Outcome {
    terminal::print(&format!("{value:#}\n")).map_err(Failure::Output)
}

/// An experiment in a list.
pub(crate) struct Entry {
    pub(crate) about: About,
    /// What became of its latest run in `runs`.
    pub(crate) status: String,
}

/// All experiments.
pub(crate) fn entries() -> Vec<Entry> {
    let entry = |about: About| Entry { about, status: status(about.name) };
    ntk::experiment::all().iter().map(|experiment| entry(experiment.about())).collect()
}

fn status(experiment: &str) -> String {
    let Some(latest) = Stored::of(experiment).into_iter().next() else { return "not run here".to_owned() };
    let folder = latest.folder.display();
    match latest.claims() {
        Some(claims) if latest.status() == "finished" => {
            let gated = claims.iter().filter(|claim| claim["gated"] == true);
            let (all, held) =
                gated.fold((0, 0), |(all, held), claim| (all + 1, held + usize::from(claim["held"] == true)));
            format!("{held} of {all} claims held in {folder}")
        }
        _ => format!("{} in {folder}", latest.status()),
    }
}

impl Entry {
    /// For programs.
    pub(crate) fn json(&self) -> serde_json::Value {
        let About { name, paper, reference, question, seconds, .. } = self.about;
        serde_json::json!({
            "name": name,
            "paper": paper,
            "reference": reference,
            "question": question,
            "seconds": { "quick": seconds[0], "desk": seconds[1], "full": seconds[2] },
            "status": self.status,
        })
    }
}

#[cfg(test)]
mod tests {
    //! The example of CONTRIBUTING.md, written with nothing but what is public.

    use ntk::Result;
    use ntk::experiment::claim::{By, Claim, Gate, Threshold};
    use ntk::experiment::conduct::Nowhere;
    use ntk::experiment::finding::Findings;
    use ntk::experiment::lab::{Role, uniform};
    use ntk::experiment::{Config, Experiment, Lab, Protocol, Record, Request, Task, Verdict};

    use super::*;

    ntk::settings! {
        /// Settings of `pi`.
        pub struct Settings {
            /// Seeds of the points.
            seeds: Vec<u64> => vec![0u64], vec![0u64, 1, 2], vec![0u64, 1, 2, 3];
            /// Points a seed.
            points: usize, 1 to 1000000000 => 10_000usize, 100_000usize, 100_000_000usize;
        }
    }

    #[derive(Clone, serde::Serialize)]
    struct Throw {
        seed: u64,
        points: usize,
    }

    impl Task for Throw {
        fn name(&self) -> String {
            format!("seed={}", self.seed)
        }
    }

    const PI: Claim = Claim {
        name: "pi",
        statement: "A quarter of a disc covers pi/4 of its square.",
        quantity: "4 times the share of points",
        paper: "3.14159",
        threshold: Threshold::Within(3.13, 3.155),
        source: "four standard errors of 300,000 points",
        gate: Gate::Gated,
        needs: "",
    };

    #[derive(Clone)]
    struct Pi;

    impl Experiment for Pi {
        type Settings = Settings;
        type Task = Throw;

        fn about(&self) -> About {
            let (paper, reference) = ("Laplace 1812", "none");
            let (question, protocol) = ("How large is pi?", "Points of a square are counted in the quarter of a disc.");
            About { name: "pi", paper, reference, question, protocol, seconds: [1.0, 1.0, 60.0], revision: 1 }
        }

        fn claims(&self) -> &'static [Claim] {
            &[PI]
        }

        fn tasks(&self, s: &Settings) -> Result<Vec<Throw>> {
            Ok(s.seeds.iter().map(|&seed| Throw { seed, points: s.points }).collect())
        }

        fn measure(&self, task: &Throw, lab: &Lab<'_>) -> Result<Record> {
            lab.check()?;
            let [x, y] = [0, 1].map(|place| uniform(task.seed, Role::Probe, place, task.points));
            let inside = x.iter().zip(&y).filter(|(x, y)| *x * *x + *y * *y < 1.0).count();
            Ok(Record::default().number("pi", 4.0 * inside as f64 / task.points as f64))
        }

        fn judge(&self, _: &Settings, done: &[(Throw, Record)]) -> Result<Findings> {
            let values: Vec<f64> = done.iter().map(|(_, record)| record.get("pi")).collect::<Result<_>>()?;
            Ok(Findings { claims: vec![PI.judged(By::Mean, values)], ..Findings::default() })
        }
    }

    #[test]
    fn an_experiment_needs_nothing_but_what_is_public() {
        let config = Config::resolve(&Pi, &Request::default()).unwrap();
        let run = config.run(&Pi).unwrap();
        let findings = run.judge(conduct(&*run, &Nowhere, &Conditions::default()).unwrap()).unwrap();
        assert_eq!((findings.claims[0].values.len(), findings.claims[0].verdict()), (3, Verdict::Pass));
        assert_eq!(Pi.parameters().len(), 2);
    }
}
