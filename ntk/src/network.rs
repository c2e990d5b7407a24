//! What the toolbox needs to know of a network: its parameters, how to apply it, and how much of a tape a sample takes.

use autodiff::sweep::{Bar, Factor, Factors, Pool, pullback_shared};
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

/// Numbers (not bytes) that one sample takes while its kernel is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Values of the ops on the tape, and of the constants that the network records.
    pub values: usize,
    /// Inputs of the parametric ops, that factors keep.
    pub inputs: usize,
    /// Cotangents, a direction, that factors keep.
    pub cotangents: usize,
    /// Slopes that factors keep in place of cotangents that are otherwise the same for every sample: once for all directions
    /// where those are summed.
    pub shared: usize,
    /// Values that enter an op with a kink.
    pub kinked: usize,
    /// The widest value: slopes are a buffer of it, for all directions.
    pub widest: usize,
    /// Cotangents, a direction, that a sweep holds at once beside those that factors keep.
    pub passing: usize,
    /// Widths of the products of inputs that a pair of samples takes: as [`Footprint::inputs`], but a parameter that
    /// is used twice has four pairs of uses.
    pub input_products: usize,
    /// Widths of the products of cotangents that a pair of samples and directions takes.
    pub cotangent_products: usize,
    /// Whether the parameters' cotangents split by samples, and all uses of a parameter are of one kind, as factors
    /// need.
    pub splits: bool,
}

impl Footprint {
    /// Records the network on two samples of zeros and counts.
    ///
    /// # Cost
    /// One forward and one backward pass of two samples, and an array of zeros of the parameters' size.
    ///
    /// # Errors
    /// What recording refuses; a network that mixes samples.
    pub fn measure<N: Network>(network: &N) -> Result<Self> {
        Self::examine(network).map(|(seen, _)| seen)
    }

    /// The footprint, and what keeps the parameters' cotangents from splitting, if something does.
    fn examine<N: Network>(network: &N) -> Result<(Self, Option<Error>)> {
        const SAMPLES: usize = 2; // At one sample, every index proof passes.
        let zeros: Vec<Array<f32>> =
            network.parameters()?.into_iter().map(|shape| Array::full(shape, 0.0)).collect::<Result<_>>()?;
        let x = vec![0.0; SAMPLES * network.input()?.iter().product::<usize>()];
        let (mut arena, mut pool) = (Arena::new(), Pool::default());
        let f = record(&mut arena, network, &zeros, &x)?;
        let tape = f.tape();
        let (mut seen, mut why) = (Self::default(), None);
        for id in 0..tape.len() as u32 {
            let node = tape.node(id);
            if let Op::Elementwise(op) = node.op
                && !op.kinks().is_empty()
            {
                seen.kinked += node.value.len();
            }
            // Of what is given, the samples and the parameters are counted elsewhere; constants of the network's own are not.
            if id as usize > zeros.len() || !matches!(node.op, Op::Leaf(_) | Op::Constant) {
                seen.values += node.value.len();
                seen.widest = seen.widest.max(node.value.len());
            }
        }
        let seed = vec![0.0; f.value().len() / SAMPLES];
        let mut factors = Factors::default();
        match pullback_shared(f, &seed, 1, &mut factors, &mut pool) {
            Err(refused @ autodiff::Error::NotPerSample { .. }) => why = Some(refused.into()),
            done => done?,
        }
        let mut inputs: Vec<&[f32]> = factors.factors.iter().filter_map(|factor| factor.input).collect();
        inputs.sort_by_key(|input| input.as_ptr());
        inputs.dedup_by_key(|input| input.as_ptr());
        seen.inputs = inputs.iter().map(|input| input.len()).sum();
        for cotangent in &factors.cotangents {
            match &cotangent.bar {
                Bar::Each(rows) => seen.cotangents += rows.len(),
                Bar::Shared(shared) => seen.shared += shared.slope.as_ref().map_or(0, Vec::len),
            }
        }
        // What the pool has back is what was in use at once; among that are the slopes.
        seen.passing = (pool.bytes() / size_of::<f32>()).saturating_sub(seen.widest);
        let op = |factor: &Factor<'_, f32>| if factor.input.is_some() { "matmul" } else { "combine" };
        let refusal = |leaf: usize, how: String| {
            let what = format!("parameter {leaf} is {how}, which the structured contraction cannot use");
            Error::usage(what, "use --method auto, jacobian or products")
        };
        if let Some(f) = factors.factors.iter().find(|factor| factor.positions != 1) {
            why.get_or_insert(refusal(f.leaf, format!("used ({}) at {} positions of a sample", op(f), f.positions)));
        }
        let mut products = Vec::new();
        for (u, v) in factors.factors.iter().flat_map(|u| factors.factors.iter().map(move |v| (u, v))) {
            if u.leaf != v.leaf {
                continue;
            }
            if u.input.is_some() != v.input.is_some() {
                why.get_or_insert(refusal(
                    u.leaf,
                    "a factor (matmul) in one place and a summand (combine) in another".into(),
                ));
            } else if u.transposed != v.transposed {
                why.get_or_insert(refusal(
                    u.leaf,
                    "used (matmul) plainly in one place and transposed in another".into(),
                ));
            }
            seen.input_products += u.input.map_or(0, |_| u.fan_in);
            if !products.contains(&(u.origin, v.origin)) {
                products.push((u.origin, v.origin));
                seen.cotangent_products += u.fan_out;
            }
        }
        let seen = Self {
            values: seen.values / SAMPLES,
            kinked: seen.kinked / SAMPLES,
            inputs: seen.inputs / SAMPLES,
            cotangents: seen.cotangents / SAMPLES,
            shared: seen.shared / SAMPLES,
            widest: seen.widest / SAMPLES,
            passing: seen.passing / SAMPLES,
            splits: why.is_none(),
            ..seen
        };
        Ok((seen, why))
    }
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
