//! What the toolbox needs to know of a network: its parameters, how to apply it, and how much of a tape a sample takes.

use autodiff::sweep::{Factors, Keep, Layout, Lent, Pool, Role, Shared, Sink, pullback_shared};
use autodiff::{Arena, Float, Op, Real, Var};

use crate::array::Array;
use crate::error::{Error, Result};

/// A function of samples and parameters that can be recorded on a tape.
///
/// [`crate::model::Architecture`] is one; a test or a study may write its own.
pub trait Network: Sync {
    /// Shape of one sample, without the sample axis.
    fn input(&self) -> Result<Vec<usize>>;

    /// Shapes of the parameters, in order.
    fn parameters(&self) -> Result<Vec<Vec<usize>>>;

    /// Outputs a sample.
    fn outputs(&self) -> Result<usize>;

    /// Records the network.
    ///
    /// # Shape
    /// `x: [n, ..input], parameters: as Network::parameters -> [n, outputs]`
    ///
    /// # Errors
    /// What recording refuses.
    fn apply<'a, R: Real>(&self, x: Var<'a, R>, parameters: &[Var<'a, R>]) -> autodiff::Result<Var<'a, R>>;

    /// How much of a tape and its factors a sample takes; the default records the network to see.
    ///
    /// # Errors
    /// What recording refuses.
    fn footprint(&self) -> Result<Footprint>
    where
        Self: Sized,
    {
        Footprint::measure(self)
    }
}

/// Numbers (not bytes) that one sample takes while its kernel is computed, and how its parameters are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Values of the ops on the tape, and of the constants that the network records.
    pub values: usize,
    /// Values that enter an op with a kink.
    pub kinked: usize,
    /// The widest value: slopes are a buffer of it, for all directions.
    pub widest: usize,
    /// Cotangents, a direction, that a sweep holds at once beside those that factors keep.
    pub passing: usize,
    /// The same where gradients are formed and no factors kept.
    pub forming: usize,
    /// Each parameter's uses.
    pub parameters: Vec<Parameter>,
    /// The cotangents that uses refer to.
    pub cotangents: Vec<Cotangents>,
    /// Numbers of the rows that uses refer to.
    pub inputs: Vec<usize>,
    /// Whether the parameters' cotangents split by samples.
    pub splits: bool,
}

/// How a network uses one of its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameter {
    /// Its numbers.
    pub len: usize,
    /// Each use.
    pub uses: Vec<Use>,
}

/// One use of one parameter, for one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Whether rows are multiplied by it, or it is added to rows, and how many.
    pub role: Role,
    /// Which of the footprint's cotangents it has: uses with one cotangent share its products.
    pub cotangent: usize,
    /// Which of the footprint's inputs it multiplies.
    pub input: Option<usize>,
}

/// The cotangents of a use, for one sample and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cotangents {
    /// Numbers.
    pub len: usize,
    /// What samples share of them.
    pub shared: Sharing,
}

/// What samples share of their cotangents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Nothing that is known.
    Nothing,
    /// All but a slope; `even` where a sample's positions share that too.
    Slope {
        /// Whether directions differ by a number for each column, the same at all positions.
        even: bool,
    },
    /// Everything: above the last activation.
    Everything,
}

/// Keeps how parameters are used, and nothing of the numbers.
struct Survey {
    samples: usize,
    parameters: Vec<Parameter>,
    origins: Vec<(u32, Cotangents)>,
    inputs: Vec<(*const f32, usize)>,
}

impl<'a> Sink<'a, f32> for Survey {
    fn begin(&mut self, output: Var<'a, f32>, directions: usize) -> autodiff::Result<()> {
        Factors::default().begin(output, directions)
    }

    fn lend(&mut self, lent: &Lent<'_, 'a, f32>, _: &mut Pool<f32>) -> autodiff::Result<()> {
        lent.per_sample()?;
        let role = lent.role(self.samples);
        let cotangent = match self.origins.iter().position(|&(origin, _)| origin == lent.origin) {
            Some(known) => known,
            None => {
                let len = lent.consumer().value.len() / self.samples;
                self.origins.push((lent.origin, Cotangents { len, shared: Sharing::Nothing }));
                self.origins.len() - 1
            }
        };
        let input = lent.rows().filter(|_| matches!(role, Role::Product { .. })).map(|rows| {
            let Role::Product { positions, fan_in, .. } = role else { unreachable!("filtered") };
            // Windows are copied for each use, rows are kept once.
            let known = self.inputs.iter().position(|&(at, len)| (at, len) == (rows.as_ptr(), positions * fan_in));
            known.filter(|_| rows.len() == self.samples * positions * fan_in).unwrap_or_else(|| {
                self.inputs.push((rows.as_ptr(), positions * fan_in));
                self.inputs.len() - 1
            })
        });
        self.parameters[lent.leaf].uses.push(Use { role, cotangent, input });
        Ok(())
    }

    fn retire(&mut self, _: u32, bar: Vec<f32>) -> Option<Vec<f32>> {
        Some(bar)
    }

    const TAKES_SHARED: bool = true;

    fn retire_shared(&mut self, origin: u32, shared: Shared<f32>) -> Option<Shared<f32>> {
        if let Some(at) = self.origins.iter().position(|&(known, _)| known == origin) {
            let mut roles = self.parameters.iter().flat_map(|p| &p.uses).filter(|u| u.cotangent == at).map(|u| u.role);
            let fan_out = roles.next().map_or(0, |role| role.fan_out());
            self.origins[at].1.shared = match shared.slope {
                Some(_) => Sharing::Slope { even: shared.is_even(fan_out) },
                None => Sharing::Everything,
            };
        }
        Some(shared)
    }
}

impl Footprint {
    /// Records the network on two samples of zeros and counts.
    ///
    /// # Cost
    /// One forward and three backward passes of two samples, and an array of the parameters' size.
    ///
    /// # Errors
    /// What recording refuses; a network that mixes samples.
    pub fn measure<N: Network>(network: &N) -> Result<Self> {
        Self::examine(network).map(|(seen, _)| seen)
    }

    /// The footprint, and what keeps the parameters' cotangents from splitting, if something does.
    fn examine<N: Network>(network: &N) -> Result<(Self, Option<Error>)> {
        const SAMPLES: usize = 2; // At one sample, every index proof passes.
        let shapes = network.parameters()?;
        let lengths: Vec<usize> = shapes.iter().map(|shape| shape.iter().product()).collect();
        let parameters: Vec<Array<f32>> = shapes.into_iter().map(unlike).collect::<Result<_>>()?;
        let x = vec![0.0; SAMPLES * network.input()?.iter().product::<usize>()];
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let f = record(&mut arena, network, &parameters, &x)?;
        let tape = f.tape();
        let mut seen = Self::default();
        for id in 0..tape.len() as u32 {
            let node = tape.node(id);
            if let Op::Elementwise(op) = node.op
                && !op.kinks().is_empty()
            {
                seen.kinked += node.value.len();
            }
            // Of what is given, the samples and the parameters are counted elsewhere; constants of the network's own are not.
            if id as usize > parameters.len() || !matches!(node.op, Op::Leaf(_) | Op::Constant) {
                seen.values += node.value.len();
                seen.widest = seen.widest.max(node.value.len());
            }
        }
        let seed = unlike(vec![f.value().len() / SAMPLES])?.data;
        let uses = lengths.iter().map(|&len| Parameter { len, uses: Vec::new() }).collect();
        let mut survey = Survey { samples: SAMPLES, parameters: uses, origins: Vec::new(), inputs: Vec::new() };
        let why = match pullback_shared(f, &seed, 1, &mut survey, &mut Pool::default()) {
            Err(refused @ autodiff::Error::NotPerSample { .. }) => Some(Error::from(refused)),
            done => {
                done?;
                None
            }
        };
        if why.is_none() {
            // What the pool has back is what was in use at once; among that are the slopes.
            let mut passing = |keep: Keep| -> Result<usize> {
                let keep = lengths.iter().map(|_| keep).collect();
                let mut factors = Factors::keeping(keep, lengths.clone());
                pool = Pool::default();
                pullback_shared(f, &seed, 1, &mut factors, &mut pool)?;
                Ok((pool.bytes() / size_of::<f32>()).saturating_sub(seen.widest) / SAMPLES)
            };
            seen.forming = passing(Keep::Gradients(Layout::Plain))?;
            // Not all have factors: then gradients are formed anyway.
            seen.passing = passing(Keep::Factors).unwrap_or(seen.forming);
        } else {
            // A sample at a time: a cotangent on its way, and what it becomes.
            (seen.forming, seen.passing) = (2 * seen.widest / SAMPLES, 2 * seen.widest / SAMPLES);
        }
        let seen = Self {
            values: seen.values / SAMPLES,
            kinked: seen.kinked / SAMPLES,
            widest: seen.widest / SAMPLES,
            parameters: survey.parameters,
            cotangents: survey.origins.into_iter().map(|(_, cotangents)| cotangents).collect(),
            inputs: survey.inputs.into_iter().map(|(_, len)| len).collect(),
            splits: why.is_none(),
            ..seen
        };
        Ok((seen.in_order(), why))
    }

    /// Cotangents and inputs numbered as the parameters meet them.
    pub(crate) fn in_order(mut self) -> Self {
        let (mut cotangents, mut inputs) = (Vec::new(), Vec::new());
        let place = |order: &mut Vec<usize>, which: usize| {
            order.iter().position(|&known| known == which).unwrap_or_else(|| {
                order.push(which);
                order.len() - 1
            })
        };
        for used in self.parameters.iter_mut().flat_map(|parameter| &mut parameter.uses) {
            used.cotangent = place(&mut cotangents, used.cotangent);
            used.input = used.input.map(|input| place(&mut inputs, input));
        }
        self.cotangents = cotangents.into_iter().map(|which| self.cotangents[which]).collect();
        self.inputs = inputs.into_iter().map(|which| self.inputs[which]).collect();
        self
    }

    /// Numbers of the cotangents of which samples share nothing.
    pub(crate) fn unshared(&self) -> usize {
        self.cotangents.iter().filter(|c| c.shared == Sharing::Nothing).map(|c| c.len).sum()
    }

    /// Multiply-adds of the products with parameters.
    pub(crate) fn products(&self) -> u64 {
        let of = |parameter: &Parameter| parameter.uses.iter().map(|u| u.role.products(parameter.len)).sum::<u64>();
        self.parameters.iter().map(of).sum()
    }
}

/// Numbers of which no two are alike, so small that they overflow nothing: what is equal of a network's cotangents is then
/// so by its structure.
fn unlike(shape: Vec<usize>) -> Result<Array<f32>> {
    let mut array = Array::full(shape, 0.0)?;
    let fan_in = array.data.len() / array.shape.last().copied().unwrap_or(1).max(1);
    let scale = 1.0 / (fan_in.max(1) as f32).sqrt();
    let mut state = 1_u32;
    for x in &mut array.data {
        // Numerical Recipes' generator: any will do.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *x = scale * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0);
    }
    Ok(array)
}

/// Why the parameters' cotangents do not split by samples.
pub(crate) fn unsplit<N: Network>(network: &N) -> Error {
    match Footprint::examine(network) {
        Ok((_, Some(why))) | Err(why) => why,
        Ok((_, None)) => {
            Error::Bug("a network whose footprint says that its parameters do not split, and they do".into())
        }
    }
}

/// Records `network` on samples `x` in an arena, its parameters as leaves.
pub(crate) fn record<'a, N: Network, R: Float>(
    arena: &'a mut Arena,
    network: &N,
    parameters: &'a [Array<R>],
    x: &'a [R],
) -> Result<Var<'a, R>> {
    let tape = arena.tape();
    let input = network.input()?;
    let samples = x.len() / input.iter().product::<usize>().max(1);
    let shape: Vec<usize> = std::iter::once(samples).chain(input).collect();
    let x = tape.samples(x, &shape)?;
    let leaves: Vec<Var<'_, R>> =
        parameters.iter().map(|p| tape.leaf(&p.data, &p.shape)).collect::<autodiff::Result<_>>()?;
    let f = network.apply(x, &leaves)?;
    let outputs = network.outputs()?;
    if f.shape() != [samples, outputs] {
        return Err(Error::Shape {
            what: "the network's output".into(),
            expected: vec![samples, outputs],
            found: f.shape().to_vec(),
            remedy: "return one row of outputs a sample".into(),
        });
    }
    Ok(f)
}
