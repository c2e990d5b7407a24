//! The first weights: the same bits from the same seed, on every machine and thread count.
//!
//! Every array has a stream of its own: ChaCha with 8 rounds, the key being the seed (8 bytes, little endian) and
//! `KEY_TEXT`, the stream number `2 l` for `W<l>` and `2 l + 1` for `b<l>`. So adding or dropping a bias changes no other
//! array. Entries `2 i` and `2 i + 1` of an array are one Box-Muller pair made of the 64-bit numbers `2 i` and `2 i + 1` of
//! its stream: any part of any array can be drawn without the rest, which is how threads share the work.

use autodiff::kernel::math::{Elementary, trig};
use pulp::{Arch, Simd, WithSimd};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

use super::error::Result;
use super::{Architecture, Start};

/// What fills the key behind the seed. It names the scheme: another scheme would take another text.
const KEY_TEXT: &[u8; 24] = b"ntk initial parameters 1";

/// Entries that one task draws.
const BLOCK: usize = 4096;

/// Pairs drawn at a time: arrays of this length stay in the first-level cache.
const PAIRS: usize = 64;

/// One parameter array: its name, its shape, its entries in row-major order.
pub type Drawn<T> = (String, Vec<usize>, Vec<T>);

impl Architecture {
    /// The parameters before training, in the order of [`Architecture::parameters`].
    ///
    /// `standard`: `W ~ N(0, W_std^2 / fan_in)`, `b ~ N(0, b_std^2)`; `ntk` and `mup`: `N(0, 1)`. Scales start at 1,
    /// shifts at 0.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    ///
    /// # Source
    /// Box and Muller 1958, "A note on the generation of random normal deviates".
    pub fn init(&self, seed: u64) -> Result<Vec<Drawn<f64>>> {
        self.init_as(seed, |x| x)
    }

    /// As [`Architecture::init`], every entry drawn in f64 and then cast: no array is held in f64.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn init_as<T>(&self, seed: u64, cast: impl Fn(f64) -> T + Sync) -> Result<Vec<Drawn<T>>>
    where
        T: Copy + Default + Send,
    {
        let mut drawn = Vec::new();
        for (l, site) in self.sites()?.iter().enumerate() {
            let (w, b) = site.starts();
            for ((name, shape), (stream, start)) in site.parameters(l).zip([(2 * l as u64, w), (2 * l as u64 + 1, b)]) {
                let mut entries = vec![T::default(); shape.iter().product()];
                match start {
                    Start::Normal(scale) => normals(seed, stream, &mut entries, |z| cast(scale * z)),
                    Start::Constant(value) => entries.fill(cast(value)),
                }
                drawn.push((name, shape, entries));
            }
        }
        Ok(drawn)
    }
}

/// Fills `out` with `f` of the standard normal numbers of a stream.
pub(crate) fn normals<T: Send>(seed: u64, stream: u64, out: &mut [T], f: impl Fn(f64) -> T + Sync) {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..].copy_from_slice(KEY_TEXT);
    let arch = Arch::new();
    out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        // A 64-bit number is two words.
        rng.set_word_pos(2 * (block as u128) * BLOCK as u128);
        let mut batch = Batch::new();
        for some in out.chunks_mut(2 * PAIRS) {
            batch.draw(&mut rng, arch);
            for (to, &z) in some.iter_mut().zip(&batch.normal) {
                *to = f(z);
            }
        }
    });
}

/// Pairs of numbers on their way from uniform to normal.
struct Batch {
    /// The 64-bit numbers of the stream.
    bytes: [[u8; 8]; 2 * PAIRS],
    /// First `u` in (0, 1], then `sqrt(-2 ln u)`.
    radius: [f64; PAIRS],
    /// `2 pi v` with `v` in [0, 1).
    angle: [f64; PAIRS],
    /// The normal numbers, a pair side by side.
    normal: [f64; 2 * PAIRS],
}

impl Batch {
    fn new() -> Self {
        Self { bytes: [[0; 8]; 2 * PAIRS], radius: [0.0; PAIRS], angle: [0.0; PAIRS], normal: [0.0; 2 * PAIRS] }
    }

    /// Draws [`PAIRS`] pairs `r cos(t), r sin(t)` with `r = sqrt(-2 ln u)`, `t = 2 pi v`.
    fn draw(&mut self, rng: &mut ChaCha8Rng, arch: Arch) {
        const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
        // All at once: twice as fast as number by number.
        rng.fill_bytes(self.bytes.as_flattened_mut());
        // The upper 53 bits: what a number in f64 can hold.
        let uniform = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes) >> 11;
        let pairs = self.bytes.as_chunks::<2>().0;
        for ((pair, u), t) in pairs.iter().zip(&mut self.radius).zip(&mut self.angle) {
            // NUMERICS: u is never 0, so its logarithm is finite: no normal number exceeds 8.58.
            *u = (uniform(&pair[0]) + 1) as f64 * UNIT;
            *t = std::f64::consts::TAU * (uniform(&pair[1]) as f64 * UNIT);
        }
        arch.dispatch(BoxMuller(self));
    }
}

/// The part of a draw that runs on vectors.
struct BoxMuller<'b>(&'b mut Batch);

impl WithSimd for BoxMuller<'_> {
    type Output = ();

    // NUMERICS: the standard library's ln, sin and cos differ between machines; these do not.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Batch { radius, angle, normal, .. } = self.0;
        for r in radius.iter_mut() {
            *r = (-2.0 * Elementary::ln(*r)).sqrt();
        }
        let (mut cos, mut sin) = ([0.0; PAIRS], [0.0; PAIRS]);
        trig::cos_slice(angle, &mut cos);
        trig::sin_slice(angle, &mut sin);
        for (i, pair) in normal.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            *pair = [radius[i] * cos[i], radius[i] * sin[i]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, stream: u64, n: usize) -> Vec<f64> {
        let mut out = vec![0.0; n];
        normals(seed, stream, &mut out, |z| z);
        out
    }

    #[test]
    fn the_numbers_are_those_of_an_independent_program() {
        // A from-scratch ChaCha8 and Box-Muller in Python 3 with the `math` module: seed, stream, first entry, entries.
        let table: [(u64, u64, usize, &[f64]); 4] = [
            (
                0,
                0,
                0,
                &[0.631_275_266_635_499_3, -0.530_227_224_862_344, 1.203_937_719_014_387_2, -0.136_539_030_155_748_64],
            ),
            (0, 1, 0, &[0.074_247_457_103_071_23, -1.029_361_921_272_488_7]),
            (
                42,
                4,
                8190,
                &[
                    -0.416_494_670_270_042_94,
                    -1.052_501_337_443_933_6,
                    0.060_379_118_612_860_425,
                    -1.269_136_549_708_306_7,
                ],
            ),
            (u64::MAX, 3, 1_000_000, &[0.605_299_941_074_009_8, -0.507_089_016_881_058_9]),
        ];
        for (seed, stream, first, expected) in table {
            let got = drawn(seed, stream, first + expected.len());
            for (a, b) in got[first..].iter().zip(expected) {
                assert!((a - b).abs() <= 4e-15 * b.abs(), "{a} is not {b} ({seed}, {stream})");
            }
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let all = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let model = Architecture::parse("mlp:30-501x2-7:tanh,param=standard").unwrap();
            pool.install(|| model.init(11).unwrap())
        };
        let one = all(1);
        for threads in [2, 3, 7] {
            assert_eq!(all(threads), one, "{threads} threads");
        }
    }

    #[test]
    fn a_longer_array_opens_with_the_shorter_one() {
        let long = drawn(5, 2, 3 * BLOCK + 1);
        for n in [1, 2, 127, 128, 129, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 77] {
            assert_eq!(drawn(5, 2, n), long[..n], "{n}");
        }
    }

    #[test]
    fn moments_tails_and_correlations_are_those_of_a_normal_distribution() {
        let n = 1 << 20;
        let z = drawn(3, 0, n);
        let mean = |f: &dyn Fn(usize) -> f64| (0..n - 2).map(f).sum::<f64>() / (n - 2) as f64;
        // Each within five standard errors: Var z = 1, Var z^2 = 2, Var z^3 = 15, Var z^4 = 96.
        let error = 5.0 / (n as f64).sqrt();
        for (power, expected, deviation) in
            [(1, 0.0, 1.0), (2, 1.0, 2.0_f64.sqrt()), (3, 0.0, 15.0_f64.sqrt()), (4, 3.0, 96.0_f64.sqrt())]
        {
            let got = mean(&|i| z[i].powi(power));
            assert!((got - expected).abs() < deviation * error, "z^{power}: {got}");
        }
        for lag in [1, 2] {
            let got = mean(&|i| z[i] * z[i + lag]);
            assert!(got.abs() < error, "lag {lag}: {got}");
        }
        // 2.7 of 1000 lie beyond 3.
        let beyond = mean(&|i| f64::from(u8::from(z[i].abs() > 3.0)));
        assert!((beyond - 0.002_699_796).abs() < 0.052 * error, "{beyond}");
    }

    #[test]
    fn seeds_and_arrays_have_streams_of_their_own() {
        let model = Architecture::parse("mlp:8-8x2-8:erf").unwrap();
        let (a, b) = (model.init(0).unwrap(), model.init(1).unwrap());
        let firsts = a.iter().chain(&b).map(|(_, _, entries)| entries[0].to_bits());
        let different: std::collections::HashSet<_> = firsts.collect();
        assert_eq!(different.len(), 12);
    }

    #[test]
    fn dropping_the_bias_leaves_every_weight_as_it_was() {
        let with = Architecture::parse("mlp:5-6x2-3:relu").unwrap().init(9).unwrap();
        let without = Architecture::parse("mlp:5-6x2-3:relu,b_std=0").unwrap().init(9).unwrap();
        let weights: Vec<_> = with.into_iter().filter(|(name, ..)| name.starts_with('W')).collect();
        assert_eq!(weights, without);
    }

    #[test]
    fn standard_draws_are_the_ntk_draws_times_their_standard_deviation() {
        let ntk = Architecture::parse("mlp:4-6x1-3:tanh").unwrap().init(2).unwrap();
        let text = "mlp:4-6x1-3:tanh,param=standard,W_std=1.5,b_std=0.25";
        let standard = Architecture::parse(text).unwrap().init(2).unwrap();
        let scales = [1.5 / 2.0, 0.25, 1.5 / 6.0_f64.sqrt(), 0.25];
        for ((a, b), scale) in ntk.iter().zip(&standard).zip(scales) {
            assert_eq!((&a.0, &a.1), (&b.0, &b.1));
            let scaled: Vec<f64> = a.2.iter().map(|z| scale * z).collect();
            assert_eq!(scaled, b.2);
        }
    }

    #[test]
    fn a_cast_draw_is_the_draw_cast_and_has_the_shapes_of_the_parameters() {
        let model = Architecture::parse("resmlp:5-9x3-2:gelu").unwrap();
        let (wide, narrow) = (model.init(7).unwrap(), model.init_as(7, |x| x as f32).unwrap());
        for (a, b) in wide.iter().zip(&narrow) {
            assert_eq!(a.2.iter().map(|&x| x as f32).collect::<Vec<_>>(), b.2);
        }
        let shapes: Vec<_> = wide.into_iter().map(|(name, shape, _)| (name, shape)).collect();
        assert_eq!(shapes, model.parameters().unwrap());
    }
}
