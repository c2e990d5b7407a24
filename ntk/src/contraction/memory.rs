//! Bytes, counted from shapes before anything is allocated: what is held at once in each phase.
//!
//! | phase | held |
//! |---|---|
//! | sweeps | program, data, weights, factors; for each thread a recording and cotangents on their way |
//! | tiles | program, data, weights, factors, kernel; for each thread the buffers of a tile |
//!
//! The two come one after the other, and the peak is the larger. Where the limit does not let all factors stay, they
//! take turns, and the kernel is there in both.
//!
//! The limit ([`Settings::memory`](super::Settings::memory); `--memory`, by default 2 GiB) is on everything together.
//! The limit less program, data, weights and kernel is the *tile budget*: the work of the threads and as many factors
//! as fit beside it, for any number of outputs.

use autodiff::sweep::Role;

use super::plan::Sizes;
use super::products::STORED_ROWS;
use super::{Method, Outputs};
use crate::network::{Cotangents, Sharing};

/// Bytes of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What they are for.
    pub name: &'static str,
    /// How many.
    pub bytes: u64,
}

/// What is held at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What is done meanwhile.
    pub name: &'static str,
    /// All that is held.
    pub parts: Vec<Part>,
}

impl Phase {
    /// A phase of these parts.
    pub fn new(name: &'static str, parts: impl IntoIterator<Item = (&'static str, u64)>) -> Self {
        Self { name, parts: parts.into_iter().map(|(name, bytes)| Part { name, bytes }).collect() }
    }

    /// All parts together.
    pub fn bytes(&self) -> u64 {
        sum(self.parts.iter().map(|part| part.bytes))
    }
}

/// Bytes add and multiply up to the largest number: what does not fit it does not fit any memory.
pub(super) fn product(sizes: &[u64]) -> u64 {
    sizes.iter().fold(1, |product, &size| product.saturating_mul(size))
}

fn sum(bytes: impl IntoIterator<Item = u64>) -> u64 {
    bytes.into_iter().fold(0, u64::saturating_add)
}

/// The program itself: code, tables, stacks, the buffers of the allocator and of standard streams.
pub const PROGRAM: u64 = 8 << 20;
/// A matrix product packs its right operand in panels of this depth (`kc` of `private-gemm-x86`, which faer calls).
const PANEL: u64 = 512;
/// It packs no more at a time than a third-level cache holds.
const LARGEST_PANEL: u64 = 32 << 20;

/// What a plan of one method holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    method: Method,
    pub(super) kernel: u64,
    data: u64,
    weights: u64,
    /// What is kept of one block; of the products contraction nothing.
    pub(super) kept: u64,
    /// What is kept of all samples: the last block may be small.
    all_kept: u64,
    pub(super) arena: u64,
    /// Weights in `f64`, where some sample is likely to be in doubt.
    widened: u64,
    /// Of all threads.
    sweep: u64,
    tile: u64,
    blocks: u64,
}

impl Needs {
    pub(super) fn of(sizes: &Sizes, method: Method) -> Self {
        let (number, block, seen) = (sizes.bytes, sizes.block(), &sizes.seen);
        let samples = sizes.n.saturating_add(sizes.m.unwrap_or(0));
        let kept_numbers = match method {
            Method::Structured => sizes.kept().saturating_add(sizes.active(sizes.columns())),
            Method::Jacobian => product(&[sizes.directions, sizes.parameters]),
            Method::Products | Method::Auto => 0,
        };
        let blocks = sizes.blocks();
        let mut needs = Self {
            method,
            kernel: if sizes.stored {
                0
            } else {
                product(&sizes.shape.iter().map(|&d| d as u64).chain([number]).collect::<Vec<_>>())
            },
            data: product(&[samples, sizes.input, number]),
            weights: product(&[sizes.parameters, number]),
            kept: product(&[block, kept_numbers, number]),
            all_kept: product(&[samples, kept_numbers, number]),
            arena: product(&[block, seen.values as u64, number]).saturating_add(4096),
            widened: if method == Method::Structured { sizes.widened() } else { 0 },
            sweep: 0,
            tile: 0,
            blocks,
        };
        // A task at a time holds work: a row, a block, or a pair of blocks.
        let at_once = |tasks: u64, work: u64| product(&[sizes.threads.min(tasks.max(1)), work]);
        if let Method::Products | Method::Auto = method {
            let columns = sizes.m.unwrap_or(sizes.n);
            // A recording of all columns, its tangents, and the gradients and tangents of the parameters.
            let recorded = product(&[columns, seen.values as u64, number, sizes.directions + 1]);
            let gradients = product(&[3, sizes.directions, sizes.parameters, number]);
            // Rows on their way to a file: as numbers, as bytes, and mirrored.
            let rows =
                product(&[STORED_ROWS as u64, columns, sizes.outputs.entries(sizes.width as usize) as u64, number]);
            let writing = if sizes.stored { product(&[4, rows]) } else { 0 };
            needs.sweep = at_once(sizes.n, sum([recorded, gradients, sizes.packing(), writing]));
            return needs;
        }
        // Of a Jacobian all samples of a block are recorded at once.
        let (chunk, passing) = match method {
            Method::Structured if sizes.forms_some() => (sizes.chunk(), seen.forming as u64),
            Method::Jacobian => (block, seen.forming.max(seen.passing) as u64),
            // What is written out of shared cotangents is there before the block's own factors, and its buffer becomes theirs.
            _ => (block, seen.passing.saturating_sub(sizes.written()) as u64),
        };
        needs.arena = product(&[chunk, seen.values as u64, number]).saturating_add(4096);
        let packed = if sizes.groups() { product(&[sizes.directions, chunk, seen.widest as u64, number]) } else { 0 };
        let packing = sizes.packing();
        let sweep = sum([
            needs.arena,
            // Cotangents that no factor keeps, and one that is being packed.
            product(&[sizes.directions, chunk, passing, number]),
            packed,
            product(&[chunk, seen.widest as u64, number]),
            // A piece of a block, before it is put where it belongs.
            if chunk < block { product(&[chunk, kept_numbers, number]) } else { 0 },
            // A product in `f64` packs twice the bytes.
            if needs.widened > 0 { product(&[3, packing]) } else { packing },
            sizes.group_packing(chunk),
            sizes.windows(),
        ]);
        // Samples in doubt are recorded in numbers twice as wide, and at times pulled back, by one thread at a time; of large
        // blocks few are.
        let wide = needs.widened > 0 && sizes.forms_some();
        let (sweep, turn) = if wide {
            (sweep.saturating_add(product(&[2, needs.arena])), product(&[2, sweep.saturating_sub(needs.arena)]))
        } else {
            (sweep, 0)
        };
        let tile = product(&[block, block, number, sizes.outputs.entries(sizes.width as usize) as u64]);
        // The sum, a product of cotangents, the transpose; as bytes and mirrored where it is written; a product of inputs.
        let tile = sum([
            product(&[if sizes.stored { 5 } else { 3 }, tile]),
            product(&[block, block, number]),
            sizes.packing(),
        ]);
        let rows = sizes.n.div_ceil(block);
        let pairs = match sizes.m {
            None => product(&[rows, rows + 1]) / 2,
            Some(m) => product(&[rows, m.div_ceil(block)]),
        };
        (needs.sweep, needs.tile) = (at_once(blocks, sweep).saturating_add(turn), at_once(pairs, tile));
        needs
    }

    /// The phases of a plan that keeps so many blocks.
    pub(super) fn phases(&self, resident: u64) -> Vec<Phase> {
        let factors = if resident >= self.blocks { self.all_kept } else { product(&[resident, self.kept]) };
        let given = [("program", PROGRAM), ("data", self.data), ("weights", self.weights)];
        let kernel = (self.kernel > 0).then_some(("kernel", self.kernel));
        if let Method::Products | Method::Auto = self.method {
            return vec![Phase::new("rows", given.into_iter().chain(kernel).chain([("work", self.sweep)]))];
        }
        let kept = (if self.method == Method::Jacobian { "Jacobian" } else { "factors" }, factors);
        // The kernel's memory is taken before and mapped where tiles are written.
        let there = kernel.filter(|_| resident < self.blocks);
        let widened = (self.widened > 0).then_some(("weights in f64", self.widened));
        vec![
            Phase::new("sweeps", given.into_iter().chain(widened).chain(there).chain([kept, ("work", self.sweep)])),
            Phase::new("tiles", given.into_iter().chain(kernel).chain([kept, ("work", self.tile)])),
        ]
    }

    pub(super) fn peak(&self, resident: u64) -> u64 {
        self.phases(resident).iter().map(Phase::bytes).max().unwrap_or(0)
    }

    /// The fewest blocks that can be kept: a row block and a column block; a Jacobian is kept whole.
    pub(super) fn fewest(&self) -> u64 {
        if self.method == Method::Jacobian { self.blocks } else { self.blocks.min(2) }
    }

    /// The least peak.
    pub(super) fn least(&self) -> u64 {
        self.peak(self.fewest()).min(self.peak(self.blocks))
    }

    /// The most blocks that can be kept within the limit, if any plan can.
    pub(super) fn resident(&self, limit: u64) -> Option<u64> {
        if self.peak(self.blocks) <= limit {
            return Some(self.blocks);
        }
        if self.peak(self.fewest()) > limit {
            return None;
        }
        let (mut fits, mut too_many) = (self.fewest(), self.blocks);
        while fits + 1 < too_many {
            let middle = fits + (too_many - fits) / 2;
            if self.peak(middle) <= limit { fits = middle } else { too_many = middle }
        }
        Some(fits)
    }
}

impl Sizes {
    /// Whether cotangents are packed by samples, for Gram products that leave their zeros out.
    fn groups(&self) -> bool {
        self.outputs == Outputs::Full && self.directions > 2
    }

    /// Numbers that lists of the columns of groups that are on take, of so many columns.
    fn active(&self, columns: u64) -> u64 {
        if self.groups() { product(&[columns, size_of::<u32>() as u64]).div_ceil(2 * self.bytes) } else { 0 }
    }

    /// Bytes of the weights in `f64`, if a unit is likely to be in doubt.
    fn widened(&self) -> u64 {
        let likely = self.n.saturating_add(self.m.unwrap_or(0)) as f64 * self.doubtful_units() > 0.5;
        if self.resolves() && likely { product(&[self.parameters, size_of::<f64>() as u64]) } else { 0 }
    }

    /// Bytes that a thread packs the cotangents of a block and the weights into, to leave the zeros out.
    fn group_packing(&self, block: u64) -> u64 {
        if self.directions < 3 {
            return 0;
        }
        let widest = self.matrices.iter().map(|&[_, out]| out).filter(|&out| out > self.width).max().unwrap_or(0);
        // Half of the columns of a batch, and a panel.
        let left = product(&[block.min(64), self.directions, widest]) / 2;
        product(&[left.saturating_add(product(&[32, widest])), self.bytes])
    }

    /// Slopes that are kept in place of cotangents that are otherwise the same for every sample: they are written out once.
    fn written(&self) -> usize {
        let slope = |c: &&Cotangents| matches!(c.shared, Sharing::Slope { .. });
        self.seen.cotangents.iter().filter(slope).map(|c| c.len).sum()
    }

    /// Bytes that a thread copies windows and sorts cotangents into, to form the gradients of one sample.
    fn windows(&self) -> u64 {
        let roles = self.seen.parameters.iter().flat_map(|p| &p.uses).map(|u| u.role);
        let of = |role: Role| match role {
            Role::Product { positions, fan_in, fan_out, .. } if positions > 1 => {
                let columns = product(&[self.directions, fan_out.min(32) as u64, (positions + fan_in) as u64]);
                product(&[positions as u64, fan_in as u64]).saturating_add(columns)
            }
            _ => 0,
        };
        product(&[roles.map(of).max().unwrap_or(0), self.bytes])
    }

    /// Bytes that a thread's matrix products pack their operands into: the widest panel of any, kept for the next.
    fn packing(&self) -> u64 {
        let panel = |columns: u64, depth: u64| product(&[columns, depth.min(PANEL), self.bytes]);
        let weights = self.matrices.iter().map(|&[a, b]| panel(a, b).max(panel(b, a))).max().unwrap_or(0);
        let depth = self.matrices.iter().flatten().copied().max().unwrap_or(0);
        let columns = if self.outputs == Outputs::Full { product(&[self.block(), self.width]) } else { self.block() };
        weights.max(panel(columns, depth)).min(LARGEST_PANEL)
    }
}
