//! What is kept of samples whose cotangents were pulled back, piece by piece until a block is whole.

use autodiff::sweep::{Factors, Input, Shared, Slopes, sink};
use autodiff::{Float, Real};

use crate::error::{Error, Result};

/// Numbers `[lead, samples, width]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Slab<R> {
    pub(super) lead: usize,
    pub(super) width: usize,
    pub(super) numbers: Vec<R>,
}

impl<R: Float> Slab<R> {
    fn new(lead: usize, numbers: Vec<R>, samples: usize) -> Self {
        let width = numbers.len().checked_div(lead * samples).unwrap_or(0);
        Self { lead, width, numbers }
    }

    fn samples(&self) -> usize {
        self.numbers.len().checked_div(self.lead * self.width).unwrap_or(0)
    }

    /// As this, for so many samples.
    fn widened(&self, samples: usize) -> Self {
        Self { numbers: vec![R::ZERO; self.lead * samples * self.width], ..*self }
    }

    /// Writes rows in at the samples that `place` names.
    fn write<S: Float>(&mut self, from: &Slab<S>, place: impl Fn(usize) -> usize) {
        let (samples, of) = (self.samples(), from.samples());
        if self.width == 0 || of == 0 {
            return;
        }
        for (at, row) in from.numbers.chunks_exact(self.width).enumerate() {
            let to = at / of * samples + place(at % of);
            let to = &mut self.numbers[to * self.width..][..self.width];
            to.iter_mut().zip(row).for_each(|(to, &x)| *to = R::from_f64(x.to_f64()));
        }
    }
}

/// Cotangents of one position of one use.
#[derive(Clone, Debug)]
pub(super) enum Bars<R> {
    /// `[K, n, fan_out]`
    Each(Slab<R>),
    /// The same for every sample, but for a slope `[1, n, fan_out]`.
    Shared { seed: Vec<R>, directions: usize, slope: Option<Slab<R>> },
}

/// Cotangents, and whether several uses of a parameter meet in them, so that they must be written out.
#[derive(Clone, Debug)]
pub(super) struct Kept<R> {
    pub(super) samples: usize,
    /// `[1, n, fan_in]`
    pub(super) inputs: Vec<Slab<R>>,
    pub(super) cotangents: Vec<(Bars<R>, Meets)>,
    /// Rows `[K, n, numbers of the parameters whose gradients are kept]`.
    pub(super) gradients: Slab<R>,
    /// Weights `[K, fan_out]` and rows `[fan_out, n, width]`.
    pub(super) slopes: Vec<(Vec<R>, Slab<R>)>,
    pub(super) uses: Vec<Use>,
}

/// Columns of a cotangent, and who meets in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meets {
    pub(super) fan_out: usize,
    /// Several uses of one parameter.
    pub(super) several: bool,
}

/// One use of one parameter at one position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub(super) leaf: usize,
    /// Among the inputs; none for a bias.
    pub(super) input: Option<usize>,
    pub(super) fan_in: usize,
    pub(super) coefficient: f64,
    pub(super) transposed: bool,
    pub(super) cotangent: usize,
}

impl<R: Float> Kept<R> {
    /// Copies what the tape holds, takes what the sweep leaves. Positions become uses of their own.
    pub(super) fn of(mut factors: Factors<'_, R>) -> Result<Self> {
        factors.check()?;
        let (samples, directions) = (factors.samples, factors.directions);
        let mut kept = Self {
            samples,
            inputs: Vec::new(),
            cotangents: Vec::new(),
            gradients: Slab::new(directions, std::mem::take(&mut factors.gradients), samples),
            slopes: Vec::new(),
            uses: Vec::new(),
        };
        for Slopes { seed, rows, width, .. } in std::mem::take(&mut factors.slopes) {
            let lead = rows.len().checked_div(samples * width).unwrap_or(0);
            kept.slopes.push((seed, Slab { lead, width, numbers: rows }));
        }
        // Where the positions of each origin begin among the cotangents.
        let mut starts: Vec<(u32, usize, usize)> = Vec::new();
        let mut count = 0;
        for sink::Cotangent { origin, .. } in &factors.cotangents {
            let mut positions = factors.factors.iter().filter(|f| f.origin == *origin).map(|f| f.positions);
            let first = positions.next().unwrap_or(1);
            if positions.any(|other| other != first) {
                return Err(Error::Bug("uses with one cotangent and different positions keep their factors".into()));
            }
            starts.push((*origin, count, first));
            count += first;
        }
        let mut known: Vec<(*const R, usize, usize)> = Vec::new();
        for factor in &factors.factors {
            let input = kept.input(factor, &mut known);
            let start = starts.iter().find(|(origin, ..)| *origin == factor.origin);
            let &(_, start, _) = start.ok_or_else(|| Error::Bug("a factor without its cotangent".into()))?;
            kept.uses.extend((0..factor.positions).map(|p| Use {
                leaf: factor.leaf,
                input: input.map(|input| input + p),
                fan_in: factor.fan_in,
                coefficient: factor.coefficient,
                transposed: factor.transposed,
                cotangent: start + p,
            }));
        }
        let bars = std::mem::take(&mut factors.cotangents).into_iter().map(|cotangent| cotangent.bar);
        for (bar, (_, start, positions)) in bars.zip(starts) {
            kept.take(bar, directions, start, positions);
        }
        Ok(kept)
    }

    /// The first of a factor's inputs, one for each position; two uses of one activation keep one copy.
    fn input(
        &mut self,
        factor: &autodiff::sweep::Factor<'_, R>,
        known: &mut Vec<(*const R, usize, usize)>,
    ) -> Option<usize> {
        let rows = factor.rows(self.samples)?;
        if let Input::Rows(value) = factor.input {
            let of = |&&(at, positions, _): &&(*const R, usize, usize)| {
                (at, positions) == (value.as_ptr(), factor.positions)
            };
            if let Some(&(.., input)) = known.iter().find(of) {
                return Some(input);
            }
            known.push((value.as_ptr(), factor.positions, self.inputs.len()));
        }
        let first = self.inputs.len();
        self.inputs.extend(by_position(rows.into_owned(), 1, self.samples, factor.positions));
        Some(first)
    }

    /// The cotangents from `start` on, one for each position.
    fn take(&mut self, bar: sink::Bar<R>, directions: usize, start: usize, positions: usize) {
        let cotangents = start..start + positions;
        let used = |u: &&Use| cotangents.contains(&u.cotangent);
        let several = self.uses.iter().filter(used).any(|u| self.uses.iter().filter(|v| v.leaf == u.leaf).count() > 1);
        let bars: Vec<Bars<R>> = match bar {
            sink::Bar::Shared(Shared { directions, seed, slope }) if positions == 1 => {
                vec![Bars::Shared { seed, directions, slope: slope.map(|slope| Slab::new(1, slope, self.samples)) }]
            }
            sink::Bar::Each(rows) => {
                by_position(rows, directions, self.samples, positions).into_iter().map(Bars::Each).collect()
            }
            shared @ sink::Bar::Shared(_) => {
                let rows = shared.rows(self.samples).into_owned();
                by_position(rows, directions, self.samples, positions).into_iter().map(Bars::Each).collect()
            }
        };
        for bars in bars {
            let fan_out = match &bars {
                Bars::Each(slab) => slab.width,
                Bars::Shared { seed, directions, .. } => seed.len() / (*directions).max(1),
            };
            self.cotangents.push((bars, Meets { fan_out, several }));
        }
    }

    fn slabs(&mut self) -> impl Iterator<Item = &mut Slab<R>> {
        let bars = self.cotangents.iter_mut().filter_map(|(bars, _)| match bars {
            Bars::Each(slab) => Some(slab),
            Bars::Shared { slope, .. } => slope.as_mut(),
        });
        let slopes = self.slopes.iter_mut().map(|(_, slab)| slab);
        self.inputs.iter_mut().chain(bars).chain(slopes).chain([&mut self.gradients])
    }

    /// Writes rows over those of the samples that `place` names. Both are of one network, so of one structure.
    fn write<S: Float>(&mut self, from: &mut Kept<S>, place: impl Fn(usize) -> usize) {
        self.slabs().zip(from.slabs()).for_each(|(to, from)| to.write(from, &place));
    }

    /// Writes what was kept of the samples in doubt over them.
    pub(super) fn overlay<S: Float>(&mut self, which: &[usize], mut resolved: Kept<S>) {
        self.write(&mut resolved, |sample| which[sample]);
    }

    /// Puts a piece of a block of `samples` where it belongs; the first piece makes the room.
    pub(super) fn join(whole: &mut Option<Self>, mut piece: Self, first: usize, samples: usize) {
        if piece.samples == samples {
            *whole = Some(piece);
            return;
        }
        let whole = whole.get_or_insert_with(|| {
            let mut whole = piece.clone();
            whole.slabs().for_each(|slab| *slab = slab.widened(samples));
            whole.samples = samples;
            whole
        });
        whole.write(&mut piece, |sample| first + sample);
    }
}

/// `[lead, n * positions, width]` as `[lead, n, width]` for each position.
fn by_position<R: Real>(numbers: Vec<R>, lead: usize, samples: usize, positions: usize) -> Vec<Slab<R>> {
    let width = numbers.len().checked_div(lead * samples * positions).unwrap_or(0);
    if positions == 1 {
        return vec![Slab { lead, width, numbers }];
    }
    let of = |p: usize| {
        let rows = numbers.chunks_exact(width.max(1)).skip(p).step_by(positions.max(1));
        Slab { lead, width, numbers: rows.flatten().copied().collect() }
    };
    (0..positions).map(of).collect()
}
