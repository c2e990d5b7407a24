//! Benchmarks: one file a question, listed in `README.md`.

use ntk::array::Array;
use ntk::model::Architecture;

/// Seeded numbers in [-1, 1), the same every time.
pub fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        // The 64-bit linear congruential generator of Knuth's MMIX; its high bits are good enough to time with.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// The same in single precision.
pub fn singles(count: usize, seed: u64) -> Vec<f32> {
    numbers(count, seed).into_iter().map(|x| x as f32).collect()
}

/// The parameters of seed 0.
///
/// # Panics
/// If the network has layers that do not fit.
pub fn parameters(network: &Architecture) -> Vec<Array<f32>> {
    let drawn = network.init_as(0, |x| x as f32).expect("layers that fit");
    drawn.into_iter().map(|(_, shape, data)| Array::new(shape, data).expect("its own shape")).collect()
}

/// Seconds of processor that this process has taken, by all its threads; 0 where the system does not say.
///
/// On a busy machine the wall clock measures the others too.
pub fn processor_seconds() -> f64 {
    // Fields 14 and 15 of the line, in ticks of 10 ms; the name, field 2, may hold blanks.
    let line = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let own = |text: &str| text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds: f64 = tasks
        .filter_map(|task| own(&std::fs::read_to_string(task.path().join("schedstat")).ok()?))
        .sum::<f64>()
        .max(own(&line).unwrap_or(0.0));
    nanoseconds / 1e9
}

/// Seconds of processor that this thread has taken, to the nanosecond.
pub fn thread_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

/// Seconds of processor that `work` takes on this thread: the least of 25 rounds of some milliseconds each.
///
/// Other work on the machine slows a round down by what it takes of the caches, and never speeds one up: so the least.
pub fn least_seconds(mut work: impl FnMut()) -> f64 {
    const ROUND: f64 = 5e-3;
    let mut round = |repeats: usize| {
        let start = thread_seconds();
        (0..repeats).for_each(|_| work());
        (thread_seconds() - start) / repeats as f64
    };
    // The first is to warm up, the second to see how many fill a round.
    round(1);
    let repeats = (ROUND / round(1).max(1e-9)).clamp(1.0, 1e6) as usize;
    (0..25).map(|_| round(repeats)).fold(f64::INFINITY, f64::min)
}
