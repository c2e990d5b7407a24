//! Which samples are taken, in what order, and how their numbers are scaled.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::records::Labels;
use crate::array::Array;
use crate::error::{Error, Result};

/// How inputs are scaled. Every number used comes from the training part and is applied to the test part as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Normalize {
    /// As the source has them.
    None,
    /// Divided by the largest magnitude of the training part: bytes of images to 0..1.
    Unit,
    /// Less the mean and divided by the standard deviation (of n, not n - 1) of all numbers of the training part, one
    /// mean and one deviation for all features: relative brightness is kept.
    #[default]
    Standard,
    /// Each sample divided by its Euclidean norm; a sample of zeros stays. For theory on the sphere.
    Rows,
}

/// The names of [`Normalize`].
pub const NORMALIZATIONS: [&str; 4] = ["none", "unit", "standard", "rows"];

impl std::str::FromStr for Normalize {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Normalize::None),
            "unit" => Ok(Normalize::Unit),
            "standard" => Ok(Normalize::Standard),
            "rows" => Ok(Normalize::Rows),
            _ => Err(Error::unknown("normalization", text, NORMALIZATIONS)),
        }
    }
}

impl std::fmt::Display for Normalize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(NORMALIZATIONS[*self as usize])
    }
}

/// What to take of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// How many samples to train on; all that the test part leaves if absent.
    pub n: Option<usize>,
    /// How many samples to test on: the next ones of the same order.
    pub test: usize,
    /// The classes to keep, by name, in the order they are to be numbered; all if empty.
    pub classes: Vec<String>,
    /// How inputs are scaled.
    pub normalize: Normalize,
    /// Chooses the order.
    pub seed: u64,
}

impl Selection {
    /// The rows of the training and of the test part.
    ///
    /// Without `n` and `test` these are all rows as the source has them. Otherwise the rows of each class are shuffled
    /// (ChaCha8 of the seed, the class being the stream) and dealt in turn, a row of every class that has any left, so
    /// that every beginning of the order is balanced. Real targets are shuffled as one class.
    ///
    /// # Errors
    /// [`Error::Usage`] where more are asked for than there are, or none.
    pub(super) fn rows(&self, class_of: &[usize], classes: usize) -> Result<(Vec<usize>, Vec<usize>)> {
        let total = class_of.len();
        let n = self.n.unwrap_or(total.saturating_sub(self.test));
        if n == 0 {
            return Err(Error::usage("no sample is left to train on", "ask for at least one with --n"));
        }
        if n.checked_add(self.test).is_none_or(|wanted| wanted > total) {
            let asked = if self.test == 0 { format!("{n}") } else { format!("{n} + {}", self.test) };
            return Err(Error::usage(
                format!("{asked} samples are asked for, the data has {total}"),
                "ask for fewer with --n and --test",
            ));
        }
        if self.n.is_none() && self.test == 0 {
            return Ok(((0..total).collect(), Vec::new()));
        }
        let mut hands: Vec<Vec<usize>> = vec![Vec::new(); classes.max(1)];
        class_of.iter().enumerate().for_each(|(row, &class)| hands[class].push(row));
        for (class, hand) in hands.iter_mut().enumerate() {
            let mut stream = ChaCha8Rng::seed_from_u64(self.seed);
            stream.set_stream(class as u64);
            hand.shuffle(&mut stream);
        }
        let longest = hands.iter().map(Vec::len).max().unwrap_or(0);
        let mut order = (0..longest).flat_map(|turn| hands.iter().filter_map(move |hand| hand.get(turn).copied()));
        let train = order.by_ref().take(n).collect();
        Ok((train, order.take(self.test).collect()))
    }

    /// The classes kept, as numbers of the source's, in the order asked for.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name that is no class; [`Error::Usage`] for fewer than two, or one twice.
    pub(super) fn kept_classes(&self, labels: &Labels) -> Result<Option<Vec<usize>>> {
        if self.classes.is_empty() {
            return Ok(None);
        }
        let Labels::Classes { names, .. } = labels else {
            return Err(Error::usage("classes are asked for of data with real targets", "leave out --classes"));
        };
        let mut kept = Vec::new();
        for wanted in &self.classes {
            let class = names
                .iter()
                .position(|name| name == wanted)
                .ok_or_else(|| Error::unknown("class", wanted, names.iter().map(String::as_str)))?;
            if kept.contains(&class) {
                return Err(Error::usage(format!("the class `{wanted}` is asked for twice"), "name each class once"));
            }
            kept.push(class);
        }
        if kept.len() < 2 {
            return Err(Error::usage("a single class is asked for", "name at least two, as --classes 3,8"));
        }
        Ok(Some(kept))
    }
}

/// Scales both parts; tells `(shift, scale)` where one pair serves all numbers: `x -> (x - shift) / scale`.
pub(super) fn normalize(how: Normalize, train: &mut Array<f64>, test: Option<&mut Array<f64>>) -> (f64, f64) {
    // A scale of zero or beyond the finite would make NaN of constant data; it is left unscaled.
    let usable = |scale: f64| {
        if scale > 0.0 && scale.is_finite() { scale } else { 1.0 }
    };
    let (shift, scale) = match how {
        Normalize::None => return (0.0, 1.0),
        Normalize::Unit => (0.0, usable(train.data.iter().fold(0.0, |m: f64, x| m.max(x.abs())))),
        Normalize::Standard => {
            let (mean, deviation) = moments(&train.data);
            (mean, usable(deviation))
        }
        Normalize::Rows => {
            for part in std::iter::once(train).chain(test) {
                let width = part.row_len().max(1);
                for row in part.data.chunks_mut(width) {
                    // NUMERICS: the largest magnitude is taken out first, so that squares cannot overflow.
                    let largest = usable(row.iter().fold(0.0, |m: f64, x| m.max(x.abs())));
                    let norm = row.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt();
                    let norm = usable(norm);
                    row.iter_mut().for_each(|x| *x = *x / largest / norm);
                }
            }
            return (0.0, 1.0);
        }
    };
    for part in std::iter::once(train).chain(test) {
        part.data.iter_mut().for_each(|x| *x = (*x - shift) / scale);
    }
    (shift, scale)
}

/// Mean and standard deviation of all numbers.
pub(super) fn moments(data: &[f64]) -> (f64, f64) {
    let n = data.len().max(1) as f64;
    // NUMERICS: two passes; the mean of squares less the square of the mean loses all digits for far-off data.
    let mean = sum(data, |x| x) / n;
    // A sum beyond the finite is of numbers that no shift would help.
    let mean = if mean.is_finite() { mean } else { 0.0 };
    let variance = sum(data, |x| (x - mean) * (x - mean)) / n;
    (mean, variance.sqrt())
}

/// The sum of `f`, in blocks of eight lanes: rounding grows with the number of blocks, and the lanes are one vector.
fn sum(data: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let block = |numbers: &[f64]| {
        let (eights, rest) = numbers.as_chunks::<8>();
        let mut lanes = [0.0; 8];
        for eight in eights {
            lanes.iter_mut().zip(eight).for_each(|(lane, &x)| *lane += f(x));
        }
        lanes.iter().sum::<f64>() + rest.iter().map(|&x| f(x)).sum::<f64>()
    };
    data.chunks(1024).map(block).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(n: Option<usize>, test: usize, seed: u64) -> Selection {
        Selection { n, test, seed, ..Selection::default() }
    }

    #[test]
    fn every_beginning_of_the_order_is_balanced_and_nothing_comes_twice() {
        // Classes of 50, 30 and 4.
        let class_of: Vec<usize> = (0..84)
            .map(|i| {
                if i < 50 {
                    0
                } else if i < 80 {
                    1
                } else {
                    2
                }
            })
            .collect();
        let (train, test) = select(Some(40), 44, 7).rows(&class_of, 3).unwrap();
        let count = |rows: &[usize], class| rows.iter().filter(|&&r| class_of[r] == class).count();
        assert_eq!([0, 1, 2].map(|c| count(&train[..12], c)), [4, 4, 4]);
        assert_eq!([0, 1, 2].map(|c| count(&train, c)), [18, 18, 4]);
        let mut all: Vec<usize> = train.iter().chain(&test).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..84).collect::<Vec<_>>());
    }

    #[test]
    fn the_order_depends_on_the_seed_alone() {
        let class_of: Vec<usize> = (0..1000).map(|i| i % 10).collect();
        let rows = |n, test, seed| select(Some(n), test, seed).rows(&class_of, 10).unwrap();
        assert_eq!(rows(100, 0, 1), rows(100, 0, 1));
        assert_ne!(rows(100, 0, 1), rows(100, 0, 2));
        // More samples continue the same order, and the test part is what would have come next.
        let (longer, _) = rows(150, 0, 1);
        let (train, test) = rows(100, 50, 1);
        assert_eq!(longer[..100], train);
        assert_eq!(longer[100..], test);
    }

    #[test]
    fn without_counts_the_order_of_the_source_is_kept() {
        let (train, test) = select(None, 0, 3).rows(&[1, 0, 1, 0], 2).unwrap();
        assert_eq!((train, test), (vec![0, 1, 2, 3], vec![]));
    }

    #[test]
    fn too_many_and_none_are_refused() {
        let message = |s: Selection| s.rows(&[0, 1, 0, 1], 2).unwrap_err().to_string();
        assert!(message(select(Some(3), 2, 0)).contains("3 + 2 samples are asked for, the data has 4"));
        assert!(message(select(Some(usize::MAX), 2, 0)).contains("the data has 4"));
        assert!(message(select(Some(0), 0, 0)).contains("no sample"));
        assert!(message(select(None, 4, 0)).contains("no sample"));
    }

    #[test]
    fn normalizations_give_the_moments_they_are_named_for() {
        let train = Array::new([2, 2], vec![1.0, 3.0, 5.0, -9.0]).unwrap();
        let run = |how| {
            let (mut a, mut b) = (train.clone(), Array::new([1, 2], vec![3.0, 4.0]).unwrap());
            let pair = normalize(how, &mut a, Some(&mut b));
            (a.data, b.data, pair)
        };
        assert_eq!(run(Normalize::Unit).0, [1.0 / 9.0, 3.0 / 9.0, 5.0 / 9.0, -1.0]);
        let (a, b, (mean, deviation)) = run(Normalize::Standard);
        // Mean 0, squares 1 + 9 + 25 + 81 = 116, over four.
        assert_eq!((mean, deviation), (0.0, 29f64.sqrt()));
        assert_eq!(b, [3.0 / 29f64.sqrt(), 4.0 / 29f64.sqrt()]);
        assert!((moments(&a).1 - 1.0).abs() < 1e-15);
        let (a, b, _) = run(Normalize::Rows);
        assert!((a[0].hypot(a[1]) - 1.0).abs() < 1e-15 && (b[0] - 0.6).abs() < 1e-15 && (b[1] - 0.8).abs() < 1e-15);
    }

    #[test]
    fn constant_and_enormous_data_do_not_become_nan() {
        for how in [Normalize::Unit, Normalize::Standard, Normalize::Rows] {
            for value in [0.0, 7.0, 1e200, 1e308] {
                let mut a = Array::full([3, 2], value).unwrap();
                normalize(how, &mut a, None);
                assert!(a.data.iter().all(|x| x.is_finite()), "{how} of {value}");
            }
        }
    }

    #[test]
    fn a_normalization_is_written_as_it_is_read() {
        for name in NORMALIZATIONS {
            assert_eq!(name.parse::<Normalize>().unwrap().to_string(), name);
        }
        assert_eq!("standart".parse::<Normalize>().unwrap_err().hint().unwrap(), "did you mean `standard`?");
    }
}
