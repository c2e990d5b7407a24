//! Kernels in files: the bits of those in memory, whatever interrupted them and whatever became of the files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ntk::contraction::{Method, Observer, Outputs, Plan, Settings, TileFile, kernel_stored, plan_stored};
use ntk::data::read_npy;
use ntk::error::{Error, Kind};
use ntk::model::Architecture;
use ntk::spectral::{Spectrum, StoredKernel, Summary};

use super::{Given, METHODS, Style, bits};

const SIZES: [usize; 4] = [3, 7, 2, 5];
const BATCHES: [(usize, Option<usize>); 3] = [(300, None), (300, Some(200)), (37, Some(300))];

fn given(n: usize, m: Option<usize>) -> Given<Architecture> {
    Given::new(Style { residual: Some(0.5), ..Style::PLAIN }, SIZES, n, m)
}

/// A kernel on its way into a file.
struct Way<'g> {
    given: &'g Given<Architecture>,
    settings: Settings,
    path: PathBuf,
}

impl Way<'_> {
    fn plan(&self) -> ntk::Result<Plan> {
        let Given { network, x1, x2, .. } = self.given;
        let m = x2.as_ref().map(ntk::array::Array::rows);
        plan_stored(network, x1.rows(), m, 8, &self.settings, rayon::current_num_threads())
    }

    /// A limit near the least that is accepted.
    fn least(&self) -> u64 {
        let accepts = |memory: &u64| {
            let settings = Settings { memory: *memory, ..self.settings };
            Way { settings, path: self.path.clone(), ..*self }.plan().is_ok()
        };
        (80..400).map(|quarters| quarters << 18).find(accepts).unwrap()
    }

    fn open(&self) -> TileFile<f64> {
        let shape = self.plan().unwrap().shape;
        TileFile::open(&self.path, &shape, self.given.x2.is_none(), &Observer::default()).unwrap()
    }

    /// Goes on until `tasks` tasks are done, or to the end; the file as it was left.
    fn go(&self, tasks: usize) -> (TileFile<f64>, ntk::Result<()>) {
        let file = self.open();
        let (calls, stop) = (AtomicUsize::new(0), AtomicBool::new(tasks == 0));
        let progress = |_| {
            if calls.fetch_add(1, Ordering::Relaxed) + 1 == tasks {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let observer = Observer { progress: &progress, stop: &stop };
        let Given { network, parameters, x1, x2 } = self.given;
        let done = kernel_stored(network, parameters, x1, x2.as_ref(), &self.settings, &observer, &file);
        (file, done.map(|_| ()))
    }

    fn finish(&self) -> Vec<u64> {
        let (file, done) = self.go(usize::MAX);
        done.unwrap();
        assert!((file.share() - 1.0).abs() < 1e-12);
        file.finish().unwrap();
        bits(&read_npy(&self.path).unwrap())
    }
}

fn sibling(path: &Path, name: &str) -> PathBuf {
    path.with_file_name(name)
}

#[test]
fn a_kernel_in_a_file_has_the_bits_of_one_in_memory_by_every_method_and_under_any_limit() {
    let place = tempfile::tempdir().unwrap();
    for (n, m) in BATCHES {
        let given = given(n, m);
        for (outputs, method) in Outputs::ALL.into_iter().flat_map(|o| METHODS.map(|method| (o, method))) {
            let expected = bits(&given.kernel(outputs, method));
            let path = place.path().join(format!("{n}-{m:?}-{outputs:?}-{method:?}.npy"));
            let mut way = Way { given: &given, settings: Settings { outputs, method, memory: u64::MAX }, path };
            let all = way.plan().unwrap();
            // What is held does not grow with the kernel.
            way.settings.memory = way.least();
            assert!(way.plan().unwrap().resident <= all.resident);
            assert!(way.finish() == expected, "{n} {m:?} {outputs:?} {method:?}");
        }
    }
}

#[test]
fn a_file_takes_no_memory_for_the_kernel() {
    let given = given(300, None);
    let path = PathBuf::from("none");
    let way = |memory| Way { given: &given, settings: Settings { memory, ..Settings::default() }, path: path.clone() };
    let plan = way(u64::MAX).plan().unwrap();
    assert!(plan.phases.iter().flat_map(|phase| &phase.parts).all(|part| part.name != "kernel" || part.bytes == 0));
    let network = Architecture::parse("mlp:4-8x1-1:relu").unwrap();
    let settings = Settings { memory: 1 << 30, ..Settings::default() };
    // 80 GB.
    assert!(ntk::contraction::plan(&network, 100_000, None, 8, &settings, 2).is_err());
    let plan = plan_stored(&network, 100_000, None, 8, &settings, 2).unwrap();
    assert!(plan.peak() < 1 << 30);
    assert_eq!(way(1 << 20).plan().unwrap_err().kind(), Kind::Resources);
}

#[test]
fn interrupted_again_and_again_it_ends_in_the_same_bits() {
    let place = tempfile::tempdir().unwrap();
    for ((n, m), (outputs, method)) in BATCHES.into_iter().flat_map(|batch| {
        [
            (Outputs::Trace, Method::Structured),
            (Outputs::Full, Method::Structured),
            (Outputs::Diagonal, Method::Products),
        ]
        .map(|of| (batch, of))
    }) {
        let given = given(n, m);
        let expected = bits(&given.kernel(outputs, method));
        for little in [false, true] {
            let path = place.path().join(format!("{n}-{m:?}-{outputs:?}-{little}.npy"));
            let mut way = Way { given: &given, settings: Settings { outputs, method, memory: u64::MAX }, path };
            if little {
                way.settings.memory = way.least();
            }
            let (mut rounds, mut before) = (0, 0);
            loop {
                // A row at a time counts by products, and sixteen are a tile.
                let few = if method == Method::Products { 16 * rayon::current_num_threads() } else { 5 };
                let (file, done) = way.go(few + rounds % 4);
                assert!(file.kept() >= before && file.damaged() == 0, "{} {before}", file.kept());
                before = file.kept();
                match done {
                    Ok(()) => break,
                    Err(stopped) => assert_eq!(stopped.kind(), Kind::Interrupted),
                }
                rounds += 1;
                // With many threads little may be left to do.
                assert!(rounds < 200);
            }
            assert!(way.finish() == expected, "{n} {m:?} {outputs:?} {method:?} {little}");
        }
    }
}

#[test]
fn tiles_that_are_torn_flipped_or_lost_are_made_anew_and_others_are_kept() {
    let place = tempfile::tempdir().unwrap();
    let given = given(300, None);
    let expected = bits(&given.kernel(Outputs::Trace, Method::Structured));
    let settings = Settings { method: Method::Structured, ..Settings::default() };
    type Damage = fn(&Path, &Path);
    let edit = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(path).unwrap();
        change(&mut bytes);
        std::fs::write(path, bytes).unwrap();
    };
    let damages: [(&str, usize, Damage); 9] = [
        ("nothing", 10, |_, _| ()),
        ("a bit of one tile", 9, |part, _| flip(part, 128 + 8 * 5)),
        ("a bit of a mirror image", 9, |part, _| flip(part, 128 + 8 * (299 * 300 + 5))),
        ("a bit of a hash", 9, |_, tiles| {
            let at = std::fs::read(tiles).unwrap().len() - 10;
            flip(tiles, at);
        }),
        ("the end of the file", 6, |part, _| {
            let file = std::fs::OpenOptions::new().write(true).open(part).unwrap();
            file.set_len(128 + 8 * 290 * 300).unwrap();
        }),
        ("the whole file", 0, |part, _| std::fs::write(part, "").unwrap()),
        ("the journal", 0, |_, tiles| std::fs::write(tiles, "").unwrap()),
        ("the end of the journal", 9, |_, tiles| {
            let bytes = std::fs::read(tiles).unwrap();
            std::fs::write(tiles, &bytes[..bytes.len() - 7]).unwrap();
        }),
        ("both files", 0, |part, tiles| {
            std::fs::remove_file(part).unwrap();
            std::fs::remove_file(tiles).unwrap();
        }),
    ];
    for (name, kept, damage) in damages {
        let way = Way { given: &given, settings, path: place.path().join(format!("{name}.npy")) };
        let (file, done) = way.go(usize::MAX);
        done.unwrap();
        assert_eq!((file.tiles(), file.share()), (10, 1.0), "blocks of 75 samples, one triangle");
        file.keep().unwrap();
        drop(file);
        damage(&sibling(&way.path, &format!("{name}.npy.part")), &sibling(&way.path, &format!("{name}.tiles")));
        let file = way.open();
        assert_eq!(file.kept(), kept, "{name}");
        drop(file);
        assert!(way.finish() == expected, "{name}");
        // Even when it was renamed already.
        edit(&way.path, &|bytes| bytes[200] ^= 1);
        assert_eq!(way.open().kept(), 9, "{name}");
        assert!(way.finish() == expected, "{name}");
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn tiles_of_another_kernel_are_not_taken_for_its_own() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("k.npy");
    let (one, other) = (given(300, None), given(299, None));
    let settings = Settings { method: Method::Structured, ..Settings::default() };
    Way { given: &one, settings, path: path.clone() }.go(usize::MAX).1.unwrap();
    let way = Way { given: &other, settings, path };
    assert_eq!(way.open().kept(), 0);
    assert!(way.finish() == bits(&other.kernel(Outputs::Trace, Method::Structured)));
    // An unfinished one is no result.
    let path = place.path().join("u.npy");
    let way = Way { given: &one, settings, path: path.clone() };
    let (file, _) = way.go(3);
    assert!(matches!(file.finish(), Err(Error::Bug(_))) && !path.exists());
}

#[test]
fn what_is_found_of_a_kernel_is_the_same_to_the_bit_in_memory_and_in_a_file() {
    let place = tempfile::tempdir().unwrap();
    let given = given(300, None);
    for outputs in Outputs::ALL {
        let path = place.path().join(format!("{outputs:?}.npy"));
        let way = Way { given: &given, settings: Settings { outputs, ..Settings::default() }, path };
        way.finish();
        let kernel = read_npy::<f64>(&way.path).unwrap();
        let targets = super::samples(300, &[5], &mut crate::numbers::Random::new(3));
        for asked in [Spectrum::Top(3), Spectrum::None, Spectrum::Full].into_iter().take(if outputs == Outputs::Trace {
            3
        } else {
            2
        }) {
            let held = Summary::of(&kernel, Some(&targets), asked).unwrap();
            let file = ntk::data::NpyRows::<f64>::open(&way.path).unwrap();
            let read = Summary::of_stored(&StoredKernel::new(file).unwrap(), Some(&targets), asked).unwrap();
            assert_eq!(held, read, "{outputs:?} {asked:?}");
        }
    }
    let mut kernel = read_npy::<f64>(&place.path().join("Full.npy")).unwrap();
    *kernel.data.last_mut().unwrap() = f64::NAN;
    let path = place.path().join("nan.npy");
    ntk::data::write_npy(&path, &kernel.shape, &kernel.data).unwrap();
    let open = || ntk::data::NpyRows::<f64>::open(&path).unwrap();
    let error = StoredKernel::new(open()).unwrap_err().to_string();
    assert!(error.contains("row 299"), "{error}");
    *kernel.data.last_mut().unwrap() = 1.0;
    kernel.data[7 * 25 + 3] += 0.1;
    ntk::data::write_npy(&path, &kernel.shape, &kernel.data).unwrap();
    let error = StoredKernel::new(open()).unwrap_err().to_string();
    assert!(error.contains("samples 7 and 0"), "{error}");
}
