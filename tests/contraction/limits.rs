//! Threads, memory, interruption, and numbers that are none.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ntk::contraction::{Method, Observer, Outputs, Plan, Settings, kernel, plan};
use ntk::error::{Error, Kind};
use ntk::model::{Activation, Architecture};

use super::{Given, METHODS, Style, bits};

/// Batches of several ragged blocks in every mode: of 64 samples where all pairs of outputs are asked for, of 96
/// where not.
const BATCHES: [(usize, Option<usize>); 3] = [(300, None), (300, Some(200)), (37, Some(300))];
const SIZES: [usize; 4] = [3, 7, 2, 5];

fn given(n: usize, m: Option<usize>) -> Given<Architecture> {
    Given::new(Style { residual: Some(0.5), ..Style::PLAIN }, SIZES, n, m)
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

impl Given<Architecture> {
    fn planned(&self, outputs: Outputs, method: Method, memory: u64) -> ntk::Result<Plan> {
        let (n, m) = (self.x1.rows(), self.x2.as_ref().map(ntk::array::Array::rows));
        plan(&self.network, n, m, 8, &Settings { outputs, method, memory }, rayon::current_num_threads())
    }

    /// The least limit that is accepted, by bisection.
    fn least(&self, outputs: Outputs, method: Method) -> u64 {
        let (mut refused, mut accepted) = (0, u64::MAX);
        while refused + 1 < accepted {
            let middle = refused + (accepted - refused) / 2;
            match self.planned(outputs, method, middle) {
                Ok(_) => accepted = middle,
                Err(Error::Memory { needed, limit, .. }) => {
                    assert!(needed > middle && limit == middle);
                    refused = middle;
                }
                Err(other) => panic!("{other}"),
            }
        }
        accepted
    }
}

#[test]
fn kernels_have_the_same_bits_on_any_number_of_threads() {
    for (n, m) in BATCHES {
        let given = given(n, m);
        for (outputs, method) in Outputs::ALL.into_iter().flat_map(|o| METHODS.map(|method| (o, method))) {
            let mut all = [1, 2, 3, 7].map(|threads| pool(threads).install(|| bits(&given.kernel(outputs, method))));
            all.sort();
            assert!(all[0] == all[3], "{n} {m:?} {outputs:?} {method:?}");
        }
    }
}

#[test]
fn kernels_have_the_same_bits_under_any_memory_limit() {
    for ((n, m), threads) in BATCHES.into_iter().flat_map(|batch| [1, 3].map(|threads| (batch, threads))) {
        let given = given(n, m);
        pool(threads).install(|| {
            for (outputs, method) in Outputs::ALL.into_iter().flat_map(|o| METHODS.map(|method| (o, method))) {
                let expected = bits(&given.kernel(outputs, method));
                let all = given.planned(outputs, method, u64::MAX).unwrap();
                let least = given.least(outputs, method);
                let mut residents = Vec::new();
                // Only factors are made again.
                for eighth in (0..=8).step_by(if method == Method::Structured { 1 } else { 8 }) {
                    let memory = least + (all.peak() - least) * eighth / 8;
                    let computed = given.compute(outputs, method, memory).unwrap();
                    let what = format!("{n} {m:?} {threads} threads {outputs:?} {method:?} {memory} B");
                    assert!(bits(&computed.kernel) == expected, "{what}");
                    assert!(computed.plan.peak() <= memory, "{what}");
                    residents.push(computed.plan.resident);
                }
                assert!(residents.is_sorted() && residents.last() == Some(&all.blocks));
                if method == Method::Structured && all.blocks > 2 {
                    // Panels of one row block, and of several.
                    assert_eq!(residents[0], 2, "{n} {m:?} {outputs:?}");
                    assert!(all.blocks < 5 || residents.iter().any(|r| (3..all.blocks).contains(r)), "{residents:?}");
                }
            }
        });
    }
}

#[test]
fn a_limit_below_the_least_is_refused_with_what_fits() {
    for (n, m) in BATCHES {
        let given = given(n, m);
        for (outputs, method) in Outputs::ALL.into_iter().flat_map(|o| METHODS.map(|method| (o, method))) {
            let limit = given.least(outputs, method) - 1;
            let error = given.compute(outputs, method, limit).unwrap_err();
            assert_eq!(error.kind(), Kind::Resources);
            let hint = error.hint().unwrap();
            assert!(error.to_string().ends_with(&hint) && hint.starts_with("raise --memory"), "{hint}");
            let number = |word: &str| hint.split(word).nth(1)?.split([' ', ',']).next()?.parse::<usize>().ok();
            let most = if m.is_some() { number("at most ") } else { number("--n ") }.expect(&hint);
            let settings = Settings { outputs, method, memory: limit };
            let fits = |most: usize| {
                let threads = rayon::current_num_threads();
                plan(&given.network, n.min(most), m.map(|m| m.min(most)), 8, &settings, threads).is_ok()
            };
            assert!(fits(most) && !fits(most + 1), "{n} {m:?} {outputs:?} {method:?}: {hint}");
            if let Some(other) = Method::ALL.into_iter().find(|m| hint.contains(&format!("--method {}", m.name()))) {
                assert!(given.compute(outputs, other, limit).is_ok(), "{hint}");
            }
        }
    }
}

#[test]
fn a_kernel_beyond_all_memory_is_refused_before_it_is_allocated() {
    let network = Architecture::parse("mlp:1-4x1-1:relu").unwrap();
    let given = Given::of(network, false, 1_000_000, None);
    for method in METHODS.into_iter().chain([Method::Auto]) {
        let error = given.compute(Outputs::Trace, method, 1 << 30).unwrap_err();
        let Error::Memory { needed, limit, .. } = error else { panic!("{error}") };
        assert!(needed > 8_000_000_000_000 && limit == 1 << 30);
    }
}

#[test]
fn sizes_that_overflow_a_count_of_bytes_are_refused_and_not_wrapped() {
    let network = Architecture::parse("mlp:1000000-1000000x2-1000000:relu").unwrap();
    for (outputs, method) in Outputs::ALL.into_iter().flat_map(|o| Method::ALL.map(|method| (o, method))) {
        for m in [None, Some(usize::MAX >> 20)] {
            let settings = Settings { outputs, method, memory: 1 << 40 };
            let error = plan(&network, usize::MAX >> 20, m, 8, &settings, 2).unwrap_err();
            assert_eq!(error.kind(), Kind::Resources, "{error}");
        }
    }
}

#[test]
fn progress_adds_up_to_the_operations_planned() {
    for (n, m) in BATCHES.into_iter().chain([(1, None), (5, Some(1))]) {
        let given = given(n, m);
        for (outputs, method) in Outputs::ALL.into_iter().flat_map(|o| METHODS.map(|method| (o, method))) {
            for memory in [u64::MAX, given.least(outputs, method)] {
                let (done, stop) = (Mutex::new(0.0), AtomicBool::new(false));
                let progress = |flops: f64| *done.lock().unwrap() += flops;
                let observer = Observer { progress: &progress, stop: &stop };
                let settings = Settings { outputs, method, memory };
                let x2 = given.x2.as_ref();
                let computed = kernel(&given.network, &given.parameters, &given.x1, x2, &settings, &observer).unwrap();
                let ratio = *done.lock().unwrap() / computed.plan.flops;
                assert!((ratio - 1.0).abs() < 0.01, "{n} {m:?} {outputs:?} {method:?}: {ratio}");
            }
        }
    }
}

#[test]
fn a_computation_stops_when_it_is_asked_to() {
    let given = given(300, Some(200));
    for (method, allowed) in METHODS.into_iter().flat_map(|method| [0, 1, 8].map(|allowed| (method, allowed))) {
        let (calls, stop) = (AtomicUsize::new(0), AtomicBool::new(allowed == 0));
        let progress = |_| {
            if calls.fetch_add(1, Ordering::Relaxed) + 1 == allowed {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let observer = Observer { progress: &progress, stop: &stop };
        let settings = Settings { method, ..Settings::default() };
        let x2 = given.x2.as_ref();
        let stopped = kernel(&given.network, &given.parameters, &given.x1, x2, &settings, &observer).unwrap_err();
        assert_eq!((stopped.kind(), stopped.code()), (Kind::Interrupted, 130), "{stopped}");
        // No more than the tasks that were under way.
        let calls = calls.into_inner();
        assert!(calls < allowed + 1 + rayon::current_num_threads(), "{method:?}: {calls}");
    }
}

#[test]
fn numbers_that_are_none_are_reported_with_op_and_sample() {
    for (activation, method) in
        [Activation::Relu, Activation::Tanh].into_iter().flat_map(|a| METHODS.map(|method| (a, method)))
    {
        let style = Style { activation, ..Style::PLAIN };
        let refused = |change: &dyn Fn(&mut Given<Architecture>)| {
            let mut given = Given::new(style, SIZES, 5, None);
            change(&mut given);
            let error = given.compute(Outputs::Trace, method, u64::MAX).unwrap_err();
            assert_eq!(error.kind(), Kind::Numerics, "{error}");
            error.to_string()
        };
        let weights = refused(&|given| given.parameters[0].data[4] = f64::NAN);
        assert!(weights.contains("(matmul) of sample 0, as entry 4 of parameter 0 is not"), "{weights}");
        let bias = refused(&|given| given.parameters[3].data[2] = f64::NAN);
        assert!(bias.contains("of sample 0, as entry 2 of parameter 3 is not"), "{bias}");
        let input = refused(&|given| given.x1.data[3 * SIZES[0] + 1] = f64::NAN);
        assert!(input.contains("(matmul) of sample 3, as an input is not"), "{input}");
    }
    // Weights that are finite, and activations that are not, from the second layer on.
    for method in METHODS {
        let style = Style { activation: Activation::Relu, b_std: None, ..Style::PLAIN };
        let mut given = Given::new(style, SIZES, 5, None);
        given.parameters.iter_mut().for_each(|p| p.data.iter_mut().for_each(|w| *w = 1e200));
        given.x1.data.iter_mut().for_each(|x| *x = x.abs());
        let error = given.compute(Outputs::Trace, method, u64::MAX).unwrap_err().to_string();
        assert!(
            error.starts_with("an activation is not finite at op ") && error.contains("(matmul) of sample 0;"),
            "{error}"
        );
    }
}

#[test]
fn a_kernel_that_overflows_names_the_samples() {
    for (n, m) in [(5, None), (5, Some(3))] {
        for (outputs, method) in Outputs::ALL.into_iter().flat_map(|o| METHODS.map(|method| (o, method))) {
            let mut given = Given::new(Style { b_std: None, ..Style::PLAIN }, SIZES, n, m);
            // tanh'(0) = 1 and x = 1e200 with weights of 0: f is finite, the gradient 1e200, its square is not.
            given.parameters[0].data.fill(0.0);
            given.x1.data[2 * SIZES[0]] = 1e200;
            if let Some(x2) = &mut given.x2 {
                x2.data[SIZES[0]] = 1e200;
            }
            let error = given.compute(outputs, method, u64::MAX).unwrap_err().to_string();
            let place = if m.is_some() { "samples 2 and 1" } else { "samples 2 and 2" };
            assert!(
                error.contains(&format!("the kernel is not finite at {place};")),
                "{outputs:?} {method:?}: {error}"
            );
        }
    }
}
