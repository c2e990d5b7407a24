//! Operations of a kernel, counted from shapes alone; one multiply-add counts 2.
//!
//! These are the least that the layerwise algorithm needs, and what a share of peak is measured against: products of
//! matrices only, one triangle where the kernel is symmetric, no pass over elements.

use super::error::Result;
use super::{Architecture, Site};
use crate::contraction::Outputs;

/// Floating-point operations of an empirical kernel by part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NtkFlops {
    /// Activations of all samples: `sum over layers of 2 n P F C`, positions P, fan-in F and fan-out C.
    pub forward: f64,
    /// Cotangents of all outputs: `n o` rows through all layers but the first and the last. The read-out is linear,
    /// so the cotangent behind it is its own weight matrix; the first layer's input needs no cotangent.
    pub backward: f64,
    /// Grams of inputs and of cotangents: `2 pairs P^2 (F / k + q C)`, with `q = o^2`, or `o` for a trace; without the
    /// cotangents, which are constant, in the last layer. Windows that move by one share the products of their k taps.
    pub gram_structured: f64,
    /// The same, with the explicit per-layer Jacobian where that is cheaper: `n o F C + 2 pairs q F C`, and
    /// `2 n o P F C + ..` where a gradient is a sum over positions.
    pub gram_best: f64,
}

impl NtkFlops {
    /// All parts, contracting by factors everywhere.
    pub fn total_structured(&self) -> f64 {
        self.forward + self.backward + self.gram_structured
    }

    /// All parts, contracting each layer the cheaper way: the minimum count.
    pub fn total_best(&self) -> f64 {
        self.forward + self.backward + self.gram_best
    }
}

impl Architecture {
    /// The operations of the kernel of `n1` samples with themselves, or with `n2` others.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn ntk_flops(&self, n1: usize, n2: Option<usize>, kept: Outputs) -> Result<NtkFlops> {
        let sites = self.sites()?;
        let dims: Vec<_> = sites.iter().map(|site| site.dims).collect();
        let outputs = kept.directions(dims.last().map_or(0, |d| d.fan_out)) as f64;
        let n1 = n1 as f64;
        // NUMERICS: whole numbers in f64 are exact to 2^53, some 9 PFLOP; beyond, a rounded count is enough.
        let (samples, pairs) = match n2 {
            None => (n1, n1 * (n1 + 1.0) / 2.0),
            Some(n2) => (n1 + n2 as f64, n1 * n2 as f64),
        };
        let blocks = if kept == Outputs::Full { outputs * outputs } else { outputs };
        let mut flops = NtkFlops { forward: 0.0, backward: 0.0, gram_structured: 0.0, gram_best: 0.0 };
        for (i, d) in dims.iter().enumerate() {
            // Where several arrays make one output (heads, real and imaginary parts), each multiplies a part of the fan-in.
            let each = sites[i].shape.iter().product::<usize>() / d.fan_out.max(1);
            let (fan_in, fan_out) = (d.fan_in.min(each) as f64, d.fan_out as f64);
            let weights = fan_in * fan_out;
            let (positions, overlap) = (d.positions as f64, d.overlap as f64);
            let (first, last) = (i == 0, i + 1 == dims.len());
            flops.forward += 2.0 * samples * positions * weights;
            if !first && !last {
                flops.backward += 2.0 * samples * outputs * positions * weights;
            }
            let cotangents = if last { 0.0 } else { blocks * fan_out };
            let structured = 2.0 * pairs * positions * positions * (fan_in / overlap + cotangents);
            // One product of a column and a row, or a sum of them over positions.
            let each = if d.positions > 1 { 2.0 * positions } else { 1.0 };
            let jacobian = each * samples * outputs * weights + 2.0 * pairs * blocks * weights;
            flops.gram_structured += structured;
            flops.gram_best += if last { structured } else { structured.min(jacobian) };
        }
        Ok(flops)
    }
}

/// Floating-point operations of a gradient and of a Hessian-vector product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HvpFlops {
    /// Values of all samples.
    pub forward: f64,
    /// Those, and two products a layer on the way back; the input needs no cotangent.
    pub gradient: f64,
    /// What of a product depends on the direction: six products a layer, two in the first.
    pub product: f64,
}

impl Architecture {
    /// The operations of a gradient and of a Hessian-vector product of a loss on `n` samples.
    ///
    /// # Errors
    /// As [`Architecture::sites`].
    pub fn hvp_flops(&self, n: usize) -> Result<HvpFlops> {
        let layer = |site: &Site| {
            // Where several arrays make one output, each multiplies a part of the fan-in.
            let each = site.shape.iter().product::<usize>() / site.dims.fan_out.max(1);
            let weights = site.dims.fan_in.min(each) as f64 * site.dims.fan_out as f64;
            2.0 * n as f64 * site.dims.positions as f64 * weights
        };
        let layers: Vec<f64> = self.sites()?.iter().map(layer).collect();
        let (all, first) = (layers.iter().sum::<f64>(), layers.first().copied().unwrap_or(0.0));
        Ok(HvpFlops { forward: all, gradient: 3.0 * all - first, product: 6.0 * all - 4.0 * first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_those_of_the_peers_benchmark() {
        // `ntk_flops` of the program that counts for the other implementations: model, n1, n2, trace, then forward,
        // backward, Grams. N1, N2, N3, N6, N7, N8; H4 (residual) both ways; the goldens resmlp_tanh_ntk, fcn_relu_nobias.
        let mlp = "mlp:784-1024x3-10:relu";
        let residual = "resmlp:3072-512x8-10:relu,param=standard";
        let valid = "cnn:32x32x3-64x3-10:relu:flatten,padding=VALID";
        let small = "resmlp:8-16x4-3:tanh";
        let table = [
            (mlp, 256, None, false, 1_490_026_496_u64, 10_737_418_240_u64, 20_464_996_352_u64),
            (mlp, 256, None, true, 1_490_026_496, 10_737_418_240, 2_274_824_192),
            ("mlp:3072-2048x5-1:relu", 512, None, false, 23_624_417_280, 17_179_869_184, 6_186_074_112),
            ("mlp:784-4096x2-10:relu", 1024, None, true, 41_020_293_120, 343_597_383_680, 95_404_441_600),
            ("mlp:64-512x2-10:relu", 1797, None, true, 1_078_315_008, 9_421_455_360, 36_600_835_968),
            ("mlp:64-256x3-1:relu", 4096, None, false, 1_210_056_704, 1_073_741_824, 26_850_099_200),
            (residual, 512, None, true, 3_494_903_808, 18_790_481_920, 12_641_107_968),
            (residual, 512, None, false, 3_494_903_808, 18_790_481_920, 109_466_615_808),
            (small, 6, Some(5), true, 20_768, 50_688, 15_840),
            (small, 6, Some(5), false, 20_768, 50_688, 38_880),
            ("mlp:7-14x2-3:relu,b_std=0", 5, None, true, 3_360, 5_880, 3_570),
            // Convolutions, from the same program.
            ("cnn:8x8x3-16x2-10:relu", 20, None, true, 7_010_560, 58_982_400, 81_539_520),
            ("cnn:8x8x3-16x2-10:relu", 20, None, false, 7_010_560, 58_982_400, 184_960_320),
            (valid, 100, Some(50), true, 16_742_784_000, 161_464_320_000, 174_108_160_000),
            ("cnn:32x32x3-64x3-10:relu", 256, None, true, 39_561_003_008, 386_547_056_640, 445_254_975_488),
        ];
        for (model, n1, n2, trace, forward, backward, gram) in table {
            let got = Architecture::parse(model)
                .unwrap()
                .ntk_flops(n1, n2, if trace { Outputs::Trace } else { Outputs::Full })
                .unwrap();
            let expected = NtkFlops {
                forward: forward as f64,
                backward: backward as f64,
                gram_structured: got.gram_structured,
                gram_best: gram as f64,
            };
            assert_eq!(got, expected, "{model}");
            assert_eq!(got.total_best(), (forward + backward + gram) as f64);
            if !model.starts_with("cnn") {
                assert_eq!(got.total_structured(), got.total_best());
            }
        }
    }

    #[test]
    fn grams_of_all_positions_are_those_of_the_peers_benchmark() {
        for (model, n1, n2, outputs, gram) in [
            ("cnn:8x8x3-16x2-10:relu", 20, None, Outputs::Trace, 583_195_200_u64),
            ("cnn:8x8x3-16x2-10:relu", 20, None, Outputs::Full, 5_537_716_800),
            ("cnn:32x32x3-64x3-10:relu:flatten,padding=VALID", 100, Some(50), Outputs::Trace, 12_753_021_920_000),
        ] {
            let got = Architecture::parse(model).unwrap().ntk_flops(n1, n2, outputs).unwrap();
            assert_eq!(got.gram_structured, gram as f64, "{model}");
        }
    }

    #[test]
    fn products_are_counted_as_the_peers_benchmark_does() {
        // `hvp_flops` of the same program: H1, H2, H3, H4.
        let table = [
            ("mlp:784-1024x3-10:relu", 1024, 5_960_105_984_u64, 16_236_150_784_u64, 29_183_967_232_u64),
            ("cnn:32x32x3-64x4-10:relu:gap", 256, 58_888_355_840, 175_759_097_856, 349_706_256_384),
            ("mlp:64-256x2-10:relu", 1797, 303_621_120, 851_979_264, 1_586_190_336),
            ("resmlp:3072-512x8-10:relu", 512, 3_494_903_808, 8_874_098_688, 14_526_971_904),
        ];
        for (model, n, forward, gradient, product) in table {
            let [forward, gradient, product] = [forward, gradient, product].map(|flops| flops as f64);
            let found = Architecture::parse(model).unwrap().hvp_flops(n).unwrap();
            assert_eq!(found, HvpFlops { forward, gradient, product }, "{model}");
        }
    }

    #[test]
    fn a_layer_of_width_one_is_cheaper_by_its_jacobian() {
        // By hand: n = 4 samples, pairs 10, o = 2, q = 4; layers 1x1 and 1x2.
        let model = Architecture::parse("mlp:1-1x1-2:relu").unwrap();
        let flops = model.ntk_flops(4, None, Outputs::Full).unwrap();
        assert_eq!(flops.forward, 2.0 * 4.0 * (1.0 + 2.0));
        assert_eq!(flops.backward, 0.0);
        // First layer: Grams 20 (1 + 4); Jacobian 4*2 + 20*4. Last layer: the Gram of its inputs.
        assert_eq!(flops.gram_structured, 100.0 + 20.0);
        assert_eq!(flops.gram_best, 88.0 + 20.0);
    }
}
