//! What a training will need: bytes, counted from shapes before anything is allocated.

use super::optimizer::Optimizer;
use super::task::chunk_size;
use crate::contraction::Phase;
use crate::contraction::memory::PROGRAM;
use crate::error::{Error, Result};
use crate::network::Network;

/// The sizes of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    /// Samples to train on.
    pub samples: usize,
    /// Samples to test on.
    pub test: usize,
    /// Samples a step.
    pub batch: usize,
    /// Bytes of a number.
    pub bytes: usize,
    /// Threads.
    pub threads: usize,
    /// What a step makes of a gradient.
    pub optimizer: Optimizer,
}

/// What is held at once while a network is trained: by the steps, not by what is measured of them.
///
/// # Cost
/// As [`Network::footprint`].
///
/// # Errors
/// What recording refuses.
pub fn needs<N: Network>(network: &N, sizes: &Sizes) -> Result<Phase> {
    let product = |sizes: &[usize]| sizes.iter().fold(1_u64, |all, &size| all.saturating_mul(size as u64));
    let (seen, number) = (network.footprint()?, sizes.bytes);
    let parameters: usize = network.parameters()?.iter().map(|shape| shape.iter().product::<usize>()).sum();
    let input: usize = network.input()?.iter().product();
    // As they were read, in f64, and as they are computed with.
    let row = product(&[input + network.outputs()?, size_of::<f64>() + number]);
    let data = row.saturating_mul((sizes.samples + sizes.test) as u64);
    let vectors = |count: usize, bytes: usize| product(&[count, parameters, bytes]);
    // What they are now and what they were at first.
    let weights = vectors(2, number);
    let optimizer = match sizes.optimizer {
        // Seven slopes and two places in f64, and the place of a stage.
        Optimizer::Flow { .. } => vectors(9, size_of::<f64>()).saturating_add(vectors(1, number)),
        other => vectors(other.moments(), number),
    };
    let batch = sizes.batch.min(sizes.samples);
    let chunk = chunk_size(batch.max(sizes.test));
    let tasks = sizes.threads.min(batch.div_ceil(chunk)).max(1);
    // Values on the tape; on the way back their cotangents, two at an op and a slope; the samples gathered.
    let sweep = product(&[chunk, seen.values + seen.passing + 3 * seen.widest + seen.unshared() + input, number]);
    Ok(Phase::new(
        "steps",
        [
            ("program", PROGRAM),
            ("data", data),
            ("weights", weights),
            ("optimizer", optimizer),
            ("gradients", vectors(1 + tasks, number)),
            ("work", sweep.saturating_mul(tasks as u64)),
            // A copy of what a checkpoint keeps, and the bytes of its file.
            ("checkpoint", vectors(2 * (1 + sizes.optimizer.moments()), number)),
        ],
    ))
}

/// Refuses a training that needs more than `limit` bytes.
///
/// # Errors
/// [`Error::Memory`], with what fits.
pub fn within<N: Network>(network: &N, sizes: &Sizes, limit: u64) -> Result<Phase> {
    let all = needs(network, sizes)?;
    if all.bytes() <= limit {
        return Ok(all);
    }
    let alone = needs(network, &Sizes { threads: 1, ..*sizes })?.bytes();
    let fits = if alone <= limit {
        "--threads 1 fits".to_owned()
    } else {
        let small = needs(network, &Sizes { threads: 1, batch: 1, ..*sizes })?.bytes();
        match small <= limit {
            true => "--threads 1 and a smaller --batch fit".to_owned(),
            false => "raise --memory, or take fewer samples (--n) or a smaller network".to_owned(),
        }
    };
    Err(Error::Memory { what: "the training".into(), needed: all.bytes(), limit, fits })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Architecture;

    fn sizes() -> Sizes {
        Sizes { samples: 1000, test: 0, batch: 1000, bytes: 4, threads: 2, optimizer: Optimizer::GRADIENT_DESCENT }
    }

    #[test]
    fn parts_are_those_of_the_shapes() {
        let model = Architecture::parse("mlp:64-128x2-10:relu,b_std=0").unwrap();
        let parameters = 64 * 128 + 128 * 128 + 128 * 10;
        let parts = needs(&model, &sizes()).unwrap().parts;
        let of = |name: &str| parts.iter().find(|part| part.name == name).unwrap().bytes;
        assert_eq!(of("weights"), 2 * 4 * parameters);
        assert_eq!(of("optimizer"), 0);
        assert_eq!(of("gradients"), 3 * 4 * parameters);
        assert_eq!(of("data"), 1000 * 74 * 12);
        let adam = Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decoupled: false };
        let adam = needs(&model, &Sizes { optimizer: adam, ..sizes() }).unwrap();
        assert_eq!(adam.bytes() - needs(&model, &sizes()).unwrap().bytes(), 3 * 2 * 4 * parameters);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        let model = Architecture::parse("mlp:64-4096x2-10:relu").unwrap();
        let [two, one, small] = [(2, 1000), (1, 1000), (1, 1)]
            .map(|(threads, batch)| needs(&model, &Sizes { threads, batch, ..sizes() }).unwrap().bytes());
        assert!(small < one && one < two);
        let refusal = |limit: u64| within(&model, &sizes(), limit).unwrap_err().to_string();
        assert!(within(&model, &sizes(), two).is_ok());
        assert!(refusal(two - 1).ends_with("--threads 1 fits"));
        assert!(refusal(one - 1).ends_with("a smaller --batch fit"));
        assert!(refusal(small - 1).contains("raise --memory"));
    }
}
