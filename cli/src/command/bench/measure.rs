//! A method at a size, as a process of its own: `ntk kernel --format json`, so that the peak memory is the method's.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use ntk::Error;
use ntk::contraction::Method;
use ntk::data::npy::write_npy;
use ntk::peak::Peak;
use serde_json::Value;
use tempfile::TempDir;

use super::job::{Job, Planned, Size};
use crate::failure::Failure;
use crate::signals::Signals;
use crate::store::folder::OutputFolder;

/// A method at a size.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The number of the size.
    pub(crate) size: usize,
    pub(crate) method: Method,
    /// Operations that it does and its planned peak; none where it was not planned.
    pub(crate) planned: Option<(f64, u64)>,
    pub(crate) status: Status,
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) enum Status {
    Measured(Measured),
    /// It would need so many bytes.
    TooLarge {
        needed: u64,
    },
    /// The network rules it out.
    Unusable(String),
    /// It would take about so many seconds.
    TooLong {
        expected: f64,
    },
    /// It ended with this code.
    Failed {
        code: u8,
        message: String,
    },
}

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Seconds of each computation.
    pub(crate) runs: Vec<f64>,
    /// The median of them.
    pub(crate) seconds: f64,
    /// The largest resident set of the process, where the system says.
    pub(crate) peak: Option<u64>,
    pub(crate) agreement: Option<Agreement>,
}

/// How a kernel compares with that of another method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Agreement {
    /// It is what the others are compared with.
    Reference,
    /// `max |K - K_ref| / max |K_ref|`.
    Error(f64),
}

/// Runs methods, and learns how fast they are.
pub(crate) struct Runner<'r> {
    pub(crate) job: &'r Job,
    program: PathBuf,
    work: TempDir,
    /// Operations a second of each method of the job, expected at first and then as last measured.
    rates: Vec<f64>,
    /// What each size is expected to take, as a share of the whole.
    pub(super) shares: Vec<f64>,
    signals: &'r Signals,
}

/// Shares of the peak that methods reach, about: what is expected before anything is measured.
pub(super) fn usual_share(method: Method) -> f64 {
    match method {
        Method::Structured | Method::Auto => 0.5,
        Method::Jacobian => 0.3,
        Method::Products => 0.15,
    }
}

/// How often a process is looked after.
const TICK: Duration = Duration::from_millis(4);

impl<'r> Runner<'r> {
    /// Lays out the inputs below the folder of the results.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(crate) fn new(job: &'r Job, folder: &OutputFolder, peak: &Peak, signals: &'r Signals) -> Result<Self, Failure> {
        let work = tempfile::Builder::new().prefix(".work-").tempdir_in(folder.path());
        let work = work.map_err(|source| system(folder.path().to_owned(), source))?;
        let program = std::env::current_exe().map_err(|source| system("this program".into(), source))?;
        let inputs = &job.inputs.data.inputs;
        for n in job.sizes.iter().map(|size| size.n) {
            let path = work.path().join(inputs_name(n));
            if !path.exists() {
                let shape = [&[n], inputs.shape.get(1..).unwrap_or(&[])].concat();
                write_npy(&path, &shape, &inputs.data[..n * inputs.row_len()])?;
            }
        }
        let rates: Vec<f64> = job.methods.iter().map(|method| usual_share(*method) * peak.best() * 1e9).collect();
        let expected = |size: &Size| -> f64 {
            let seconds = |(plan, rate): (&Planned, &f64)| match plan {
                // A process takes a moment to begin.
                Planned::Runs { flops, .. } => 0.05 + (job.repeat as f64 * flops / rate).min(job.patience),
                _ => 0.0,
            };
            size.plans.iter().zip(&rates).map(seconds).sum()
        };
        let seconds: Vec<f64> = job.sizes.iter().map(expected).collect();
        let whole = seconds.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let shares = seconds.iter().map(|s| s / whole).collect();
        Ok(Self { job, program, work, rates, shares, signals })
    }

    /// The kernel that a method has left.
    pub(crate) fn kernel(&self, which: usize, method: Method) -> PathBuf {
        self.out(which, method).join("kernel.npy")
    }

    fn out(&self, which: usize, method: Method) -> PathBuf {
        self.work.path().join(format!("{which}-{}", method.name()))
    }

    /// Takes away what a size has left.
    pub(crate) fn forget(&self, which: usize) {
        for &method in &self.job.methods {
            // What cannot be taken away now goes with the folder of the work.
            let _ = fs::remove_dir_all(self.out(which, method));
        }
    }

    /// A method at a size: measured, or why not.
    ///
    /// # Errors
    /// A signal; a process that cannot be started.
    pub(crate) fn row(&mut self, size: &Size, which: usize, method: Method) -> Result<Row, Failure> {
        let at = self.job.methods.iter().position(|m| *m == method).unwrap_or(0);
        let row = |planned, status| Ok(Row { size: which, method, planned, status });
        let (flops, peak) = match size.plans[at].clone() {
            Planned::Runs { flops, peak } => (flops, peak),
            Planned::TooLarge { needed } => return row(None, Status::TooLarge { needed }),
            Planned::Unusable(why) => return row(None, Status::Unusable(why)),
        };
        let planned = Some((flops, peak));
        let expected = flops / self.rates[at];
        if expected > self.job.patience {
            return row(planned, Status::TooLong { expected });
        }
        let mut status = self.process(size, which, method, 1)?;
        if let Status::Measured(once) = &status {
            let repeat = ((self.job.patience / once.seconds.max(1e-9)) as usize).clamp(1, self.job.repeat);
            self.rates[at] = flops / once.seconds.max(1e-9);
            if repeat > 1 {
                // The peak is that of one computation: a second in the same process finds the first one's gaps.
                let peak = once.peak;
                fs::remove_dir_all(self.out(which, method))
                    .map_err(|source| system(self.out(which, method), source))?;
                status = match self.process(size, which, method, repeat)? {
                    Status::Measured(again) => Status::Measured(Measured { peak, ..again }),
                    failed => failed,
                };
            }
        }
        row(planned, status)
    }

    /// One process.
    fn process(&self, size: &Size, which: usize, method: Method, repeat: usize) -> Result<Status, Failure> {
        let out = self.out(which, method);
        let told = out.with_extension("json");
        let file = File::create(&told).map_err(|source| system(told.clone(), source))?;
        let limits = self.job.limits;
        let mut command = Command::new(&self.program);
        command.args(["kernel", "--model", &size.model, "--x1"]).arg(self.work.path().join(inputs_name(size.n)));
        for (flag, value) in [
            ("--method", method.name().to_owned()),
            ("--outputs", self.job.outputs.name().to_owned()),
            ("--dtype", self.job.inputs.dtype.name().to_owned()),
            ("--seed", self.job.inputs.seed.to_string()),
            ("--repeat", repeat.to_string()),
            ("--memory", format!("{}B", limits.memory)),
            ("--threads", limits.threads.to_string()),
            ("--spectrum", "none".to_owned()),
            ("--format", "json".to_owned()),
        ] {
            command.args([flag, &value]);
        }
        command.arg("--no-report").arg("--out").arg(&out);
        command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
        let child = command.spawn().map_err(|source| system(self.program.clone(), source))?;
        let status = self.wait(child)?;
        let text = fs::read(&told).map_err(|source| system(told.clone(), source))?;
        let _ = fs::remove_file(&told);
        let said: Value = serde_json::from_slice(&text).unwrap_or_default();
        if status.success() {
            return read(&said);
        }
        let message = said["error"]["message"].as_str().map_or_else(|| killed(status), str::to_owned);
        let code = said["error"]["code"].as_u64().and_then(|code| u8::try_from(code).ok());
        Ok(Status::Failed { code: code.unwrap_or(5), message })
    }

    /// Waits for a process; a signal to this one ends it.
    fn wait(&self, mut child: Child) -> Result<ExitStatus, Failure> {
        loop {
            if let Err(interrupted) = self.signals.check() {
                // It may have ended by itself meanwhile.
                let _ = child.kill();
                let _ = child.wait();
                return Err(interrupted.into());
            }
            match child.try_wait() {
                Ok(Some(status)) => {
                    self.signals.check()?;
                    return Ok(status);
                }
                Ok(None) => std::thread::sleep(TICK),
                Err(source) => return Err(system(self.program.clone(), source)),
            }
        }
    }
}

fn inputs_name(n: usize) -> String {
    format!("x-{n}.npy")
}

/// What a process that ended well has said.
fn read(said: &Value) -> Result<Status, Failure> {
    let runs: Vec<f64> =
        said["seconds"]["kernel_runs"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let Some(seconds) = said["seconds"]["kernel"].as_f64().filter(|_| !runs.is_empty()) else {
        return Err(Error::Bug("a kernel was computed and its time is not told".into()).into());
    };
    let peak = said["memory"]["peak_bytes"].as_u64();
    Ok(Status::Measured(Measured { runs, seconds, peak, agreement: None }))
}

/// Why a process ended that said nothing.
fn killed(status: ExitStatus) -> String {
    format!("the process ended without a word ({status}); if the system ran out of memory, lower --memory")
}

fn system(path: PathBuf, source: io::Error) -> Failure {
    Error::Write { path, source }.into()
}
