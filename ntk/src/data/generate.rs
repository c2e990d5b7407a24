//! Data that is made and not read: samples of a law, with the same bits on every machine.
//!
//! `parity:bits=24,k=3` is a generator with its options; those left out have the values below. Sample `i` follows from the
//! seed and `i`, in the role [`Role::Data`] of [`crate::random`], so a larger set begins with the smaller one.
//!
//! | name | samples | targets |
//! |---|---|---|
//! | `gaussians` | one of two normal laws in `d` dimensions, `distance` apart along the first axis | which one |
//! | `circle` | `n` points evenly on the unit circle, from angle `-pi` on | `x_0 x_1` |
//! | `sphere` | even on the unit sphere in `d` dimensions | `x_0 x_1` |
//! | `parity` | `bits` signs | the product of the first `k` |
//! | `sinusoids` | `length` values of a sine of unit amplitude at times 0, 1, .., frequency from 0.3 to 0.6, with normal `noise` | the next value |
//! | `teacher` | normal in `d` dimensions | a random ReLU network of `depth` hidden layers of `width`, plus normal `noise` |

use std::fmt;
use std::path::Path;

use autodiff::Real;
use rayon::prelude::*;

use super::file::with_room;
use super::records::{Inputs, Labels, Records};
use crate::array::Array;
use crate::error::{Error, Result, shorten};
use crate::model::Architecture;
use crate::predict;
use crate::random::{Role, normal, seed, uniform};

/// Samples where neither the generator's `n` nor the selection says how many.
const USUAL: usize = 1000;

/// A generator's option: name, value if left out, least and greatest value, whether it is a whole number, meaning.
type Choice = (&'static str, f64, f64, f64, bool, &'static str);

/// A kind of generator.
#[derive(Debug)]
pub struct Form {
    /// `parity`
    pub name: &'static str,
    /// What it makes, for lists.
    pub about: &'static str,
    choices: &'static [Choice],
    /// Whether a seed changes it.
    random: bool,
}

const DIMENSIONS: f64 = 1e6;

/// All generators.
pub const FORMS: [Form; 6] = [
    Form {
        name: "gaussians",
        about: "two normal laws, d=2,distance=2",
        choices: &[
            ("d", 2.0, 1.0, DIMENSIONS, true, "dimensions"),
            ("distance", 2.0, 0.0, 1e6, false, "between the means"),
        ],
        random: true,
    },
    Form { name: "circle", about: "even on the unit circle, target x_0 x_1", choices: &[], random: false },
    Form {
        name: "sphere",
        about: "even on the unit sphere, target x_0 x_1, d=3",
        choices: &[("d", 3.0, 2.0, DIMENSIONS, true, "dimensions")],
        random: true,
    },
    Form {
        name: "parity",
        about: "the product of the first k signs, bits=24,k=3",
        choices: &[
            ("bits", 24.0, 1.0, DIMENSIONS, true, "signs of a sample"),
            ("k", 3.0, 1.0, DIMENSIONS, true, "signs that count"),
        ],
        random: true,
    },
    Form {
        name: "sinusoids",
        about: "the next value of a sine, length=20,noise=0.1",
        choices: &[
            ("length", 20.0, 1.0, DIMENSIONS, true, "values of a sample"),
            ("noise", 0.1, 0.0, 1e6, false, "deviation of values and target"),
        ],
        random: true,
    },
    Form {
        name: "teacher",
        about: "a random ReLU network, d=10,width=100,depth=1,outputs=1,noise=0",
        choices: &[
            ("d", 10.0, 1.0, DIMENSIONS, true, "dimensions"),
            ("width", 100.0, 1.0, 65536.0, true, "of the hidden layers"),
            ("depth", 1.0, 1.0, 100.0, true, "hidden layers"),
            ("outputs", 1.0, 1.0, 1e4, true, "of the network"),
            ("noise", 0.0, 0.0, 1e6, false, "deviation added to targets"),
        ],
        random: true,
    },
];

/// A generator with its options.
#[derive(Clone, Debug)]
pub struct Generator {
    form: &'static Form,
    values: Vec<f64>,
    n: Option<usize>,
    seed: u64,
}

impl PartialEq for Generator {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Generator {}

impl fmt::Display for Generator {
    /// All options, those left out too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options: Vec<String> =
            self.form.choices.iter().zip(&self.values).map(|(choice, value)| format!("{}={value}", choice.0)).collect();
        options.extend(self.n.map(|n| format!("n={n}")));
        if self.form.random {
            options.push(format!("seed={}", self.seed));
        }
        f.write_str(self.form.name)?;
        if options.is_empty() { Ok(()) } else { write!(f, ":{}", options.join(",")) }
    }
}

impl Generator {
    /// The generator of this name with options as in `bits=24,k=3`; none if no generator has the name.
    ///
    /// # Errors
    /// An option that is none, is there twice, or cannot be.
    pub fn parse(name: &str, options: Option<&str>) -> Option<Result<Self>> {
        let form = FORMS.iter().find(|form| form.name == name)?;
        Some(Self::read(form, options.unwrap_or_default()))
    }

    fn read(form: &'static Form, options: &str) -> Result<Self> {
        let values = form.choices.iter().map(|choice| choice.1).collect();
        let mut made = Self { form, values, n: None, seed: 0 };
        let mut seen: Vec<&str> = Vec::new();
        for option in options.split(',').map(str::trim).filter(|option| !option.is_empty()) {
            let (key, value) = option.split_once('=').map_or((option, ""), |(key, value)| (key.trim(), value.trim()));
            let refused = |wanted: String| {
                Error::usage(
                    format!("{}: `{}` cannot be", form.name, shorten(option)),
                    format!("write {}={wanted}", shorten(key)),
                )
            };
            if seen.contains(&key) {
                return Err(Error::usage(format!("{}: `{key}` is there twice", form.name), "leave one of them out"));
            }
            if let Some(at) = form.choices.iter().position(|choice| choice.0 == key) {
                let (_, _, low, high, whole, _) = form.choices[at];
                let fits = |x: &f64| (low..=high).contains(x) && (!whole || x.fract() == 0.0);
                let kind = if whole { "a whole number" } else { "a number" };
                let value = value.parse().ok().filter(fits);
                made.values[at] = value.ok_or_else(|| refused(format!("{kind} from {low} to {high}")))?;
            } else if key == "n" {
                let value = value.parse().ok().filter(|n| (1..=1 << 40).contains(n));
                made.n = Some(value.ok_or_else(|| refused("a whole number of at least 1".into()))?);
            } else if key == "seed" && form.random {
                made.seed = value.parse().map_err(|_| refused(format!("a whole number from 0 to {}", u64::MAX)))?;
            } else {
                let known = form.choices.iter().map(|choice| choice.0).chain(["n"]);
                return Err(Error::unknown("option of a generator", key, known.chain(form.random.then_some("seed"))));
            }
            seen.push(key);
        }
        if form.name == "parity" && made.values[1] > made.values[0] {
            let what = format!("parity: k={} of bits={}", made.values[1], made.values[0]);
            return Err(Error::usage(what, "take k at most bits"));
        }
        Ok(made)
    }

    fn whole(&self, at: usize) -> usize {
        self.values[at] as usize
    }

    /// Makes as many samples as the generator's own `n` says, else as many as are wanted.
    pub(super) fn read_all(&self, wanted: Option<usize>) -> Result<Records> {
        let n = self.n.or(wanted).unwrap_or(USUAL);
        match self.form.name {
            "gaussians" => self.gaussians(n),
            "circle" => self.circle(n),
            "sphere" => self.sphere(n),
            "parity" => self.parity(n),
            "sinusoids" => self.sinusoids(n),
            _ => self.teacher(n),
        }
    }

    /// `n` rows, each filled from the seed of its sample.
    fn rows(&self, n: usize, width: usize, row: impl Fn(u64, &mut [f64]) + Sync) -> Result<Array<f64>> {
        let count = n.saturating_mul(width);
        let mut data: Vec<f64> = with_room(count, Path::new(self.form.name))?;
        data.resize(count, 0.0);
        data.par_chunks_mut(width).enumerate().for_each(|(i, to)| row(seed(self.seed, Role::Data, i as u64), to));
        Array::new([n, width], data)
    }

    fn gaussians(&self, n: usize) -> Result<Records> {
        let half = self.values[1] / 2.0;
        let second = |s: u64| uniform(s, Role::Data, 1, 1)[0] < 0.5;
        let inputs = self.rows(n, self.whole(0), |s, to| {
            to.copy_from_slice(&normal(s, Role::Data, 0, to.len()));
            to[0] += if second(s) { half } else { -half };
        })?;
        let labels = (0..n).map(|i| usize::from(second(seed(self.seed, Role::Data, i as u64)))).collect();
        Ok(Records::labelled(Inputs::Reals(inputs), labels, vec!["0".into(), "1".into()]))
    }

    fn circle(&self, n: usize) -> Result<Records> {
        let angle = |i: usize| std::f64::consts::TAU * (i as f64 / n as f64) - std::f64::consts::PI;
        let data = (0..n).flat_map(|i| [Real::cos(angle(i)), Real::sin(angle(i))]).collect();
        Ok(product(Array::new([n, 2], data)?))
    }

    fn sphere(&self, n: usize) -> Result<Records> {
        let inputs = self.rows(n, self.whole(0), |s, to| {
            to.copy_from_slice(&normal(s, Role::Data, 0, to.len()));
            let norm = to.iter().map(|x| x * x).sum::<f64>().sqrt();
            to.iter_mut().for_each(|x| *x /= norm);
        })?;
        Ok(product(inputs))
    }

    fn parity(&self, n: usize) -> Result<Records> {
        let k = self.whole(1);
        let inputs = self.rows(n, self.whole(0), |s, to| {
            let drawn = uniform(s, Role::Data, 0, to.len());
            to.iter_mut().zip(drawn).for_each(|(x, u)| *x = if u < 0.5 { -1.0 } else { 1.0 });
        })?;
        let sign = |row: &[f64]| usize::from(row[..k].iter().product::<f64>() > 0.0);
        let labels = inputs.data.chunks(inputs.row_len()).map(sign).collect();
        Ok(Records::labelled(Inputs::Reals(inputs), labels, vec!["-1".into(), "1".into()]))
    }

    fn sinusoids(&self, n: usize) -> Result<Records> {
        let (length, noise) = (self.whole(0), self.values[1]);
        let all = self.rows(n, length + 1, |s, to| {
            let [frequency, phase] = [0, 1].map(|place| uniform(s, Role::Data, 1 + place, 1)[0]);
            let (w, phase) = (0.3 + 0.3 * frequency, std::f64::consts::TAU * phase);
            let errors = normal(s, Role::Data, 0, to.len());
            for (t, (x, error)) in to.iter_mut().zip(errors).enumerate() {
                *x = Real::sin(w * t as f64 + phase) + noise * error;
            }
        })?;
        let rows = || all.data.chunks(length + 1);
        let inputs = Array::new([n, length, 1], rows().flat_map(|row| &row[..length]).copied().collect())?;
        let targets = Array::new([n, 1], rows().map(|row| row[length]).collect())?;
        Ok(Records { inputs: Inputs::Reals(inputs), labels: Labels::Targets(targets) })
    }

    fn teacher(&self, n: usize) -> Result<Records> {
        let [d, width, depth, outputs] = [0, 1, 2, 3].map(|at| self.whole(at));
        let inputs = self.rows(n, d, |s, to| to.copy_from_slice(&normal(s, Role::Data, 0, to.len())))?;
        let network = Architecture::parse(&format!("mlp:{d}-{width}x{depth}-{outputs}:relu"))?;
        // A role of its own: the teacher's weights are not those of a student of the same seed.
        let drawn = network.init(seed(self.seed, Role::Data, u64::MAX))?;
        let weights: Vec<Array<f64>> =
            drawn.into_iter().map(|(_, shape, data)| Array::new(shape, data)).collect::<Result<_>>()?;
        let mut targets = predict::outputs(&network, &weights, &inputs)?;
        for (i, row) in targets.data.chunks_mut(outputs).enumerate() {
            let errors = normal(seed(self.seed, Role::Data, i as u64), Role::Data, 1, outputs);
            row.iter_mut().zip(errors).for_each(|(y, error)| *y += self.values[4] * error);
        }
        Ok(Records { inputs: Inputs::Reals(inputs), labels: Labels::Targets(targets) })
    }
}

/// Inputs with the product of their first two coordinates as target.
fn product(inputs: Array<f64>) -> Records {
    let data: Vec<f64> = inputs.data.chunks(inputs.row_len()).map(|row| row[0] * row[1]).collect();
    let targets = Array { shape: vec![data.len(), 1], data };
    Records { inputs: Inputs::Reals(inputs), labels: Labels::Targets(targets) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Normalize, Selection, Source};

    fn load(text: &str, n: Option<usize>) -> Dataset {
        let selection = Selection { n, normalize: Normalize::None, ..Selection::default() };
        Dataset::load(&text.parse::<Source>().unwrap(), &selection).unwrap()
    }

    #[test]
    fn a_generator_is_written_with_all_its_options_and_mistakes_are_told() {
        let shown = |text: &str| text.parse::<Source>().unwrap().to_string();
        assert_eq!(shown("parity"), "parity:bits=24,k=3,seed=0");
        assert_eq!(shown("parity:k=2, n=9"), "parity:bits=24,k=2,n=9,seed=0");
        assert_eq!(shown("circle:n=8"), "circle:n=8");
        for (text, answer) in [
            ("parity:bit=3", "did you mean `bits`?"),
            ("parity:bits=3,k=4", "take k at most bits"),
            ("parity:k=2,k=3", "`k` is there twice"),
            ("parity:k=1.5", "write k=a whole number from 1"),
            ("gaussians:distance=nan", "write distance=a number from 0"),
            ("circle:seed=3", "unknown option"),
            ("sphere:d=1", "from 2"),
            ("sphere:n=0", "at least 1"),
            ("sphere:seed=-1", "18446744073709551615"),
            ("partiy:k=2", "did you mean `parity`?"),
        ] {
            let error = text.parse::<Source>().unwrap_err();
            assert!(error.code() == 2 && error.to_string().contains(answer), "{text}: {error}");
        }
    }

    #[test]
    fn samples_have_the_laws_that_are_promised() {
        let parity = load("parity:bits=10,k=3,seed=5", Some(400));
        assert_eq!((parity.inputs.shape.as_slice(), parity.targets.shape.as_slice()), (&[400, 10][..], &[400, 1][..]));
        for (x, y) in parity.inputs.data.chunks(10).zip(&parity.targets.data) {
            assert!(x.iter().all(|s| s.abs() == 1.0) && x[0] * x[1] * x[2] == *y);
        }
        let circle = load("circle:n=8", None);
        assert!((circle.inputs.data[0] + 1.0).abs() < 1e-15 && circle.inputs.data[4 * 2] == 1.0);
        for (x, y) in circle.inputs.data.chunks(2).zip(&circle.targets.data) {
            assert!((x[0].hypot(x[1]) - 1.0).abs() < 1e-15 && *y == x[0] * x[1]);
        }
        let sphere = load("sphere:d=5,n=50", None);
        assert!(sphere.inputs.data.chunks(5).all(|x| (x.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-14));
        // The means differ by the distance along the first axis, to three standard errors.
        let two = load("gaussians:d=3,distance=4,n=2000", None);
        let labels = two.labels.as_ref().unwrap();
        let mean = |class: usize, axis: usize| {
            let of: Vec<f64> =
                (0..2000).filter(|&i| labels[i] == class).map(|i| two.inputs.data[3 * i + axis]).collect();
            of.iter().sum::<f64>() / of.len() as f64
        };
        assert!((mean(1, 0) - mean(0, 0) - 4.0).abs() < 0.14 && (mean(1, 1) - mean(0, 1)).abs() < 0.14);
        // Without noise neighbours of a sine obey x_{t+1} + x_{t-1} = 2 cos(w) x_t with one w.
        let sines = load("sinusoids:length=6,noise=0,n=5", None);
        for (x, y) in sines.inputs.data.chunks(6).zip(&sines.targets.data) {
            let w = ((x[0] + x[2]) / (2.0 * x[1])).acos();
            assert!((0.3..0.6).contains(&w) && (x[4] + y - 2.0 * w.cos() * x[5]).abs() < 1e-9);
        }
        assert_eq!(sines.inputs.shape, [5, 6, 1]);
    }

    #[test]
    fn a_teacher_is_the_network_of_its_seed() {
        let data = load("teacher:d=3,width=4,depth=1,outputs=2,n=6,seed=7", None);
        let network = Architecture::parse("mlp:3-4x1-2:relu").unwrap();
        let w: Vec<Vec<f64>> = network.init(seed(7, Role::Data, u64::MAX)).unwrap().into_iter().map(|d| d.2).collect();
        let (w_std, b_std) = (2f64.sqrt(), 0.1);
        for (x, y) in data.inputs.data.chunks(3).zip(data.targets.data.chunks(2)) {
            let hidden: Vec<f64> = (0..4)
                .map(|u| {
                    let z: f64 = (0..3).map(|j| x[j] * w[0][j * 4 + u]).sum();
                    (w_std / 3f64.sqrt() * z + b_std * w[1][u]).max(0.0)
                })
                .collect();
            for a in 0..2 {
                let z: f64 = (0..4).map(|u| hidden[u] * w[2][u * 2 + a]).sum();
                assert!((w_std / 2.0 * z + b_std * w[3][a] - y[a]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_larger_set_begins_with_the_smaller_and_another_seed_is_another_set() {
        for name in ["gaussians", "sphere", "parity", "sinusoids", "teacher"] {
            let all = |n: usize, seed: u64| load(&format!("{name}:n={n},seed={seed}"), None);
            let (few, many) = (all(5, 1), all(300, 1));
            assert_eq!(few.inputs.data, many.inputs.data[..few.inputs.len()], "{name}");
            assert_eq!(few.targets.data, many.targets.data[..few.targets.len()], "{name}");
            assert_ne!(few.inputs.data, all(5, 2).inputs.data, "{name}");
            assert_eq!(load(name, None).inputs.rows(), USUAL);
            let selected = Selection { n: Some(20), test: 10, ..Selection::default() };
            let set = Dataset::load(&name.parse::<Source>().unwrap(), &selected).unwrap();
            assert_eq!((set.inputs.rows(), set.test.unwrap().rows.len()), (20, 10));
        }
    }
}
