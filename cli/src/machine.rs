//! What the machine has, and what this process took of it.

use std::fs;
use std::time::Instant;

use autodiff::Float;
use autodiff::kernel::gemm::{Accumulate, View};
use ntk::data::DataFolder;

use crate::args::DataDir;

/// Bytes that a new allocation can count on: what the system says is available, less where a control group allows less.
/// The largest number where the system does not say.
pub(crate) fn available_memory() -> u64 {
    let system = status_kib("/proc/meminfo", "MemAvailable:").unwrap_or(u64::MAX);
    system.min(group_allowance().unwrap_or(u64::MAX))
}

/// What the control group of this process still allows (version 2, or version 1 where it is mounted as usual).
fn group_allowance() -> Option<u64> {
    let number = |path: String| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let of_line = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let path = path.trim_end_matches('/');
        if controllers.is_empty() {
            let base = format!("/sys/fs/cgroup{path}");
            let limit = number(format!("{base}/memory.max"))?;
            Some(limit.saturating_sub(number(format!("{base}/memory.current")).unwrap_or(0)))
        } else if controllers.split(',').any(|c| c == "memory") {
            let base = format!("/sys/fs/cgroup/memory{path}");
            let limit = number(format!("{base}/memory.limit_in_bytes"))?;
            Some(limit.saturating_sub(number(format!("{base}/memory.usage_in_bytes")).unwrap_or(0)))
        } else {
            None
        }
    };
    groups.lines().filter_map(of_line).min()
}

/// The largest resident set of this process so far, in bytes; none where the system does not say.
pub(crate) fn peak_memory() -> Option<u64> {
    status_kib("/proc/self/status", "VmHWM:")
}

fn status_kib(file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// More threads than this only wait for one another, and each has a stack.
const MOST_THREADS: usize = 256;

/// The threads that are meant: those typed, or one a core. What is changed about them is noted.
pub(crate) fn threads(typed: Option<usize>, notes: &mut Vec<String>) -> usize {
    let most = MOST_THREADS.max(cores());
    match typed {
        Some(many) if many > most => {
            notes.push(format!("--threads {many} is more than are of use; {most} do the work, with the same result"));
            most
        }
        typed => typed.unwrap_or_else(cores),
    }
}

/// Threads that this process may run at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The name of the processor, where the system tells.
pub(crate) fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// Operations a second of a product of 512 x 512 matrices on one thread, the best of a few.
pub(crate) fn product_rate<R: Float>() -> f64 {
    const N: usize = 512;
    let (a, mut c) = (vec![R::ONE; N * N], vec![R::ZERO; N * N]);
    let best = (0..4)
        .map(|_| {
            let start = Instant::now();
            R::gemm(&mut c, Accumulate::Replace, 1.0, View::new(&a, N, N), View::new(&a, N, N));
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    2.0 * (N * N * N) as f64 / best
}

/// Where data sets are found by name: what was typed, else what `NTK_DATA` says.
pub(crate) fn data_folder(typed: &DataDir) -> DataFolder {
    let said = std::env::var_os("NTK_DATA").filter(|folder| !folder.is_empty()).map(Into::into);
    typed.data_dir.clone().or(said).map_or(DataFolder::none(), DataFolder::new)
}

/// The machine's name, where it has one.
pub(crate) fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "this machine".to_owned() } else { name.trim().to_owned() }
}
