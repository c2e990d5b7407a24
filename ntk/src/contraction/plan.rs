//! What a kernel will need: operations, and bytes by part, counted from shapes before anything is allocated.

use autodiff::sweep::Keep;

use super::doubt::{DOUBT, doubts};
use super::forms::{Counts, Form, Group, choose, keeps};
use super::memory::{Needs, Phase, product};
use super::{Method, Outputs, Part, Settings};
use crate::error::{Error, Result};
use crate::network::{Footprint, Network, unsplit};

/// What a kernel will need.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The method that was chosen.
    pub method: Method,
    /// The kernel's shape.
    pub shape: Vec<usize>,
    /// Samples in a block of the grid.
    pub block: usize,
    /// Blocks of rows, and of columns where they differ.
    pub blocks: usize,
    /// How many blocks are kept at once.
    pub resident: usize,
    /// Operations of the forward and backward passes, made once.
    pub sweep_flops: f64,
    /// Operations of all passes and contractions, counting what the memory limit makes again.
    pub flops: f64,
    /// What is held at once, phase by phase. The peak is that of the largest.
    pub phases: Vec<Phase>,
    /// The limit that was given.
    pub limit: u64,
    /// Bytes that an explicit Jacobian (of rows, and of columns where they differ) would take.
    pub jacobian_bytes: u64,
    /// Whether parameters' cotangents split by samples.
    pub splits: bool,
    /// Whether samples with a unit on the edge of a kink are taken in `f64`.
    pub resolves: bool,
    /// How the structured contraction takes each parameter.
    pub forms: Vec<Form>,
    /// Samples recorded at once.
    pub chunk: usize,
    pub(crate) keep: Vec<Keep>,
    pub(crate) pair_flops: f64,
    pub(crate) arena_bytes: usize,
}

impl Plan {
    /// Peak memory: that of the largest phase.
    pub fn peak(&self) -> u64 {
        self.largest().map_or(0, Phase::bytes)
    }

    /// The phase where the peak is.
    pub fn largest(&self) -> Option<&Phase> {
        self.phases.iter().max_by_key(|phase| phase.bytes())
    }

    /// Whether the blocks themselves show what mixes samples: their sinks refuse it, and one of them holds two samples.
    pub(super) fn proves_itself(&self) -> bool {
        // INVARIANT: blocks of at most `block` samples, `block` being 2 or more, are fewer than the samples.
        self.splits && self.block > 1 && matches!(self.method, Method::Structured | Method::Jacobian)
    }

    /// Bytes by part where the peak is.
    pub fn parts(&self) -> &[Part] {
        self.largest().map_or(&[], |phase| &phase.parts)
    }
}

/// Rows (samples times directions) of a tile where every pair of outputs is contracted: its buffers stay in the caches,
/// and what a product packs is used often enough.
const TILE_ROWS: u64 = 640;
/// Samples of a tile where directions are summed or kept apart.
const TILE_SAMPLES: u64 = 256;
/// Few samples are cut into at least this many blocks, so that there is work for several threads.
const LEAST_BLOCKS: u64 = 4;
/// Weights of so few bytes stay in a cache, and reading them again costs nothing.
const CACHED: u64 = 1 << 20;
/// Operations that a thread does while it reads a byte from memory, about: some 100 GFLOP/s in single precision, 6 GB/s.
const FLOPS_A_BYTE: f64 = 16.0;
/// Where positions share weights, a block keeps at most so many numbers: two of them and the work of a thread are within 64 MiB
/// in single precision.
const BLOCK_NUMBERS: u64 = 1 << 22;
/// There, so many numbers are recorded and pulled back at once: a sample or two of an image network, whose products are large
/// enough by themselves.
const CHUNK_NUMBERS: u64 = 1 << 21;
/// `auto` forms a Jacobian only up to this size: one that fits nearly any limit.
const SMALL_JACOBIAN: u64 = 64 << 20;

/// Plans a kernel of `n` samples with themselves, or with `m` others, in numbers of `bytes` bytes on `threads` threads.
///
/// # Errors
/// [`Error::Memory`] if it cannot be done within the limit; a method that the network rules out.
pub fn plan<N: Network>(
    network: &N,
    n: usize,
    m: Option<usize>,
    bytes: usize,
    settings: &Settings,
    threads: usize,
) -> Result<Plan> {
    planned(network, Sizes::of(network, n, m, bytes, settings.outputs, threads)?, settings)
}

/// The same for a kernel that goes to a file tile by tile ([`kernel_stored`](super::kernel_stored)).
///
/// # Errors
/// As [`plan`].
pub fn plan_stored<N: Network>(
    network: &N,
    n: usize,
    m: Option<usize>,
    bytes: usize,
    settings: &Settings,
    threads: usize,
) -> Result<Plan> {
    let sizes = Sizes::of(network, n, m, bytes, settings.outputs, threads)?;
    planned(network, Sizes { stored: true, ..sizes }, settings)
}

fn planned<N: Network>(network: &N, sizes: Sizes, settings: &Settings) -> Result<Plan> {
    let method = match settings.method {
        Method::Structured if !sizes.seen.splits => return Err(unsplit(network)),
        Method::Auto => sizes.cheapest(),
        method => method,
    };
    sizes.plan(method, settings)
}

/// The sizes that costs are made of.
pub(super) struct Sizes {
    pub(super) seen: Footprint,
    pub(super) outputs: Outputs,
    pub(super) n: u64,
    pub(super) m: Option<u64>,
    pub(super) bytes: u64,
    pub(super) threads: u64,
    pub(super) width: u64,
    pub(super) directions: u64,
    pub(super) parameters: u64,
    pub(super) input: u64,
    /// Shapes of the parameters that are matrices, windows among them: `[fan_in, fan_out]`.
    pub(super) matrices: Vec<[u64; 2]>,
    pub(super) shape: Vec<usize>,
    /// How the structured contraction takes each parameter.
    pub(super) forms: Vec<Form>,
    /// Whether the kernel is in a file and not in memory.
    pub(super) stored: bool,
}

impl Sizes {
    fn of<N: Network>(
        network: &N,
        n: usize,
        m: Option<usize>,
        bytes: usize,
        outputs: Outputs,
        threads: usize,
    ) -> Result<Self> {
        let width = network.outputs()?;
        let parameters = network.parameters()?;
        let mut sizes = Self {
            seen: network.footprint()?,
            outputs,
            n: n as u64,
            m: m.map(|m| m as u64),
            bytes: bytes as u64,
            threads: threads as u64,
            width: width as u64,
            directions: outputs.directions(width) as u64,
            parameters: parameters.iter().map(|shape| shape.iter().product::<usize>() as u64).sum(),
            matrices: parameters
                .iter()
                .filter_map(|shape| shape.split_last().filter(|(_, before)| !before.is_empty()))
                .map(|(&fan_out, before)| [before.iter().product::<usize>() as u64, fan_out as u64])
                .collect(),
            input: network.input()?.iter().product::<usize>() as u64,
            shape: outputs.shape(n, m.unwrap_or(n), width),
            forms: Vec::new(),
            stored: false,
        };
        sizes.forms = choose(&sizes.seen, &sizes.counts());
        Ok(sizes)
    }

    fn counts(&self) -> Counts {
        let (samples, pairs, directions) = (self.samples(), self.pairs(), self.directions as f64);
        Counts { samples, pairs, directions, outputs: self.outputs }
    }

    /// Multiply-adds of the structured contraction for each sample, beside its passes, and each pair.
    fn work(&self) -> (f64, f64) {
        let counts = self.counts();
        Group::all(&self.seen).iter().fold((0.0, 0.0), |(sample, pair), group| {
            let work = group.work(self.form(group), &counts);
            (sample + work.sample, pair + work.pair)
        })
    }

    fn form(&self, group: &Group<'_>) -> Form {
        group.members.first().map_or(Form::default(), |&which| self.forms[which])
    }

    /// Numbers a sample that the structured contraction keeps.
    pub(super) fn kept(&self) -> u64 {
        let groups = Group::all(&self.seen);
        let kept = groups.iter().map(|group| group.kept(self.form(group), self.directions, self.outputs));
        kept.fold(0, u64::saturating_add)
    }

    /// Whether gradients or slopes are formed of some parameter.
    pub(super) fn forms_some(&self) -> bool {
        self.forms.iter().any(|&form| form != Form::Factors)
    }

    /// Columns of the cotangents that are kept.
    pub(super) fn columns(&self) -> u64 {
        let groups = Group::all(&self.seen);
        let of_factors = groups.iter().filter(|group| self.form(group) == Form::Factors);
        of_factors.flat_map(|group| &group.cotangents).map(|&c| self.seen.cotangents[c].len as u64).sum()
    }

    /// Samples recorded at once: fixed by the shapes, as blocks are.
    pub(super) fn chunk(&self) -> u64 {
        if !self.forms_some() {
            return self.block();
        }
        let passing = product(&[self.directions, self.seen.forming as u64]);
        let sample = (self.seen.values as u64).saturating_add(passing);
        (CHUNK_NUMBERS / sample.max(1)).clamp(1, self.block())
    }

    fn samples(&self) -> f64 {
        (self.n + self.m.unwrap_or(0)) as f64
    }

    fn pairs(&self) -> f64 {
        match self.m {
            None => self.n as f64 * (self.n + 1) as f64 / 2.0,
            Some(m) => self.n as f64 * m as f64,
        }
    }

    /// Pairs of directions contracted for each pair of samples.
    fn couplings(&self) -> f64 {
        self.counts().couplings()
    }

    /// Operations of recording all samples and pulling every direction back once, and of the gradients formed meanwhile: a
    /// Jacobian's are all. The last layer's seeds are the identity, but a sweep does not know.
    fn sweeps(&self, method: Method) -> f64 {
        let pulls = if method == Method::Jacobian { 2.0 } else { 1.0 };
        let passes = self.samples() * self.seen.products() as f64 * (1.0 + pulls * self.directions as f64);
        let formed = if method == Method::Structured { self.samples() * self.work().0 } else { 0.0 };
        2.0 * (passes + formed)
    }

    /// Operations for each pair of samples.
    fn pair_flops(&self, method: Method) -> f64 {
        match method {
            Method::Structured => 2.0 * self.work().1,
            _ => 2.0 * self.couplings() * self.parameters as f64,
        }
    }

    /// Operations where every block is made once.
    fn flops(&self, method: Method) -> f64 {
        let contraction = match method {
            Method::Structured | Method::Jacobian => self.pairs() * self.pair_flops(method),
            Method::Products | Method::Auto => {
                let columns = self.m.unwrap_or(self.n) as f64;
                // A pushforward along every parameter is two products a layer.
                self.n as f64 * self.directions as f64 * columns * 4.0 * self.seen.products() as f64
            }
        };
        self.sweeps(method) + contraction
    }

    /// The usable method of fewest operations. Only shapes decide, not the memory limit, which may change no bit.
    fn cheapest(&self) -> Method {
        let methods = [Method::Structured, Method::Jacobian, Method::Products];
        let small = |method| method != Method::Jacobian || self.jacobian_bytes() <= SMALL_JACOBIAN;
        let usable = methods.into_iter().filter(|&method| self.usable(method) && small(method));
        usable.min_by(|&a, &b| self.flops(a).total_cmp(&self.flops(b))).unwrap_or(Method::Products)
    }

    /// Whether samples in doubt are worth taking in `f64`: every block that has one reads the weights in that width, and
    /// that may cost half of the kernel, as may the recordings where most samples have a unit in doubt.
    pub(super) fn resolves(&self) -> bool {
        let weights = product(&[self.parameters, size_of::<f64>() as u64]);
        let flops = self.flops(Method::Structured);
        let read = 3.0 * self.blocks() as f64 * weights as f64;
        let cheap = weights <= CACHED || read * FLOPS_A_BYTE <= 0.5 * flops;
        // Numbers twice as wide take twice the time.
        let doubtful = 1.0 - (-self.doubtful_units()).exp();
        let recordings = 2.0 * self.samples() * self.seen.products() as f64;
        let again = if self.forms_some() { 2.0 * doubtful * recordings } else { 0.0 };
        doubts(self.bytes) && cheap && again <= 0.5 * flops
    }

    /// Units of a sample that are likely to be in doubt: of a normal distribution, `2 / sqrt(2 pi)` times the width of the
    /// doubt is near 0.
    pub(super) fn doubtful_units(&self) -> f64 {
        0.8 * DOUBT * self.seen.kinked as f64
    }

    /// Bytes of the Jacobians of rows and columns.
    fn jacobian_bytes(&self) -> u64 {
        let samples = self.n.saturating_add(self.m.unwrap_or(0));
        product(&[samples, self.directions, self.parameters, self.bytes])
    }

    fn usable(&self, method: Method) -> bool {
        self.seen.splits || method != Method::Structured
    }

    /// The usable method that needs least memory.
    fn smallest(&self) -> Method {
        let methods = [Method::Structured, Method::Products];
        methods
            .into_iter()
            .filter(|&method| self.usable(method))
            .min_by_key(|&method| self.least(method))
            .unwrap_or_default()
    }

    /// Samples in a block: fixed by the shapes, whatever the memory or the threads.
    pub(super) fn block(&self) -> u64 {
        let rows = match self.outputs {
            Outputs::Full if self.width > 1 => (TILE_ROWS / self.width).max(1),
            _ => TILE_SAMPLES,
        };
        let longest = self.n.max(self.m.unwrap_or(0));
        let rows = rows.min(longest.div_ceil(LEAST_BLOCKS).next_multiple_of(32)).min(longest);
        if self.forms_some() { rows.min((BLOCK_NUMBERS / self.kept().max(1)).max(1)) } else { rows }
    }

    /// Blocks of rows, and of columns where they differ.
    pub(super) fn blocks(&self) -> u64 {
        self.n.div_ceil(self.block()) + self.m.map_or(0, |m| m.div_ceil(self.block()))
    }

    fn plan(&self, method: Method, settings: &Settings) -> Result<Plan> {
        let (needs, blocks) = (Needs::of(self, method), self.blocks());
        let Some(resident) = needs.resident(settings.memory) else {
            return Err(self.too_large(method, needs.least(), settings));
        };
        let again = if resident < blocks { self.made_again(blocks, resident) } else { 1.0 };
        Ok(Plan {
            method,
            shape: self.shape.clone(),
            block: self.block() as usize,
            blocks: blocks as usize,
            resident: resident as usize,
            sweep_flops: self.sweeps(method),
            flops: self.flops(method) + (again - 1.0) * self.sweeps(method),
            phases: needs.phases(resident),
            limit: settings.memory,
            jacobian_bytes: self.jacobian_bytes(),
            splits: self.seen.splits,
            resolves: method == Method::Structured && self.resolves(),
            forms: if method == Method::Structured { self.forms.clone() } else { Vec::new() },
            chunk: self.chunk() as usize,
            keep: keeps(&self.seen, &self.forms, &self.counts()),
            pair_flops: self.pair_flops(method),
            arena_bytes: needs.arena as usize,
        })
    }

    /// How often a block is made, on average, when a panel of row blocks meets columns that pass by.
    fn made_again(&self, blocks: u64, resident: u64) -> f64 {
        let passing = self.threads.min(resident / 2).max(1);
        let panel = (resident - passing).max(1);
        let (rows, columns) = (self.n.div_ceil(self.block()), self.m.map_or(0, |m| m.div_ceil(self.block())));
        let made: u64 = (0..rows)
            .step_by(panel as usize)
            .map(|first| {
                let last = (first + panel).min(rows);
                (last - first) + if self.m.is_none() { rows - last } else { columns }
            })
            .sum();
        made as f64 / blocks as f64
    }

    fn too_large(&self, method: Method, needed: u64, settings: &Settings) -> Error {
        let what = format!("the kernel {:?} by the {} contraction", self.shape, method.name());
        // The most samples, by bisection, that this limit takes.
        let fits = |most: u64| {
            let (n, m) = (self.n.min(most), self.m.map(|m| m.min(most)));
            let shape = self.outputs.shape(n as usize, m.unwrap_or(n) as usize, self.width as usize);
            self.of_samples(n, m, shape).least(method) <= settings.memory
        };
        let (mut low, mut high) = (0, self.n.max(self.m.unwrap_or(0)));
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if fits(middle) { low = middle } else { high = middle }
        }
        let smallest = self.smallest();
        let mut remedy = String::from("raise --memory");
        if smallest != method && self.least(smallest) <= settings.memory {
            remedy += &format!(", or use --method {}", smallest.name());
        }
        match (low, self.m) {
            (0, _) => {}
            (most, None) => remedy += &format!(", or use --n {most}"),
            (most, Some(_)) => remedy += &format!(", or give at most {most} samples on either side"),
        }
        Error::Memory { what, needed, limit: settings.memory, fits: remedy }
    }

    /// The same for other numbers of samples. The forms are chosen anew.
    fn of_samples(&self, n: u64, m: Option<u64>, shape: Vec<usize>) -> Self {
        let (seen, matrices) = (self.seen.clone(), self.matrices.clone());
        let mut sizes = Self { seen, n, m, shape, matrices, forms: Vec::new(), ..*self };
        sizes.forms = choose(&sizes.seen, &sizes.counts());
        sizes
    }

    /// Bytes of the plan that needs least.
    fn least(&self, method: Method) -> u64 {
        Needs::of(self, method).least()
    }
}
