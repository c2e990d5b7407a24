//! A kernel in a file: larger than memory, and still there when the process is not.
//!
//! Beside `kernel.npy` stand, while it is made,
//!
//! - `kernel.npy.part`: the file as it will be, room taken for all of it, tiles written in their places;
//! - `kernel.tiles`: a line for each tile that is written, with the SHA-256 of its place and numbers.
//!
//! A line is written after its tile, so what ends the process costs the tiles in work. Both files are synchronised every
//! few seconds, so what ends the machine costs these. Whatever the disk made of it, going on reads every tile that has a
//! line, in its mirror image too, and makes those anew whose hash is another. When all tiles are there the file is
//! synchronised and renamed.
//!
//! A failed synchronisation may have dropped pages that still read as written: then all of it is given up.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use autodiff::Float;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Observer;
use super::output::Output;
use super::tile::{Scratch, TileShape, poisoned};
use crate::data::element::Element;
use crate::data::npy_header;
use crate::data::positioned::Positioned;
use crate::error::{Error, Result};

/// Time between two synchronisations.
const BETWEEN: Duration = Duration::from_secs(5);
/// The first words of a journal, before the shape and the numbers' name.
const JOURNAL: &str = "ntk tiles 1";

/// A kernel that is written tile by tile.
#[derive(Debug)]
pub struct TileFile<R> {
    path: PathBuf,
    grid: Grid,
    file: Positioned,
    journal: Mutex<Journal>,
    /// Set once a synchronisation failed.
    lost: AtomicBool,
    /// Tiles that an earlier process wrote and that are what they were.
    kept: usize,
    /// Tiles that an earlier process wrote and that are not.
    damaged: usize,
    numbers: PhantomData<R>,
}

/// Where the numbers of a kernel are in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grid {
    shape: Vec<usize>,
    symmetric: bool,
    /// Bytes before the first number.
    header: Vec<u8>,
    /// Bytes of a number.
    width: usize,
}

#[derive(Debug)]
struct Journal {
    file: File,
    there: HashSet<Place>,
    synchronised: Instant,
}

/// The samples of a tile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Place {
    fn new(rows: &Range<usize>, columns: &Range<usize>) -> Self {
        Self { rows: rows.clone(), columns: columns.clone() }
    }

    fn mirrored(&self) -> Self {
        Self { rows: self.columns.clone(), columns: self.rows.clone() }
    }

    fn is_square(&self) -> bool {
        self.rows == self.columns
    }

    /// `0 256 256 512 4f0c..`
    fn line(&self, hash: &str) -> String {
        let (rows, columns) = (&self.rows, &self.columns);
        format!("{} {} {} {} {hash}\n", rows.start, rows.end, columns.start, columns.end)
    }

    fn read(line: &str) -> Option<(Self, &str)> {
        let mut words = line.split(' ');
        let mut number = || words.next()?.parse().ok();
        let (rows, columns) = (number()?..number()?, number()?..number()?);
        Some((Self { rows, columns }, words.next()?))
    }

    /// SHA-256 of the place and its bytes.
    fn hash(&self, bytes: &[u8]) -> String {
        let mut hash = Sha256::new();
        for end in [self.rows.start, self.rows.end, self.columns.start, self.columns.end] {
            hash.update((end as u64).to_le_bytes());
        }
        hash.update(bytes);
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Grid {
    fn new<R: Element>(shape: &[usize], symmetric: bool) -> Self {
        Self { shape: shape.to_vec(), symmetric, header: npy_header::write(R::DESCR, shape), width: R::BYTES }
    }

    /// Numbers of a pair of samples.
    fn entries(&self) -> usize {
        self.shape[2..].iter().product()
    }

    fn length(&self) -> u64 {
        let numbers = self.shape.iter().fold(self.width as u64, |all, &size| all.saturating_mul(size as u64));
        numbers.saturating_add(self.header.len() as u64)
    }

    fn holds(&self, place: &Place) -> bool {
        let within = |range: &Range<usize>, size| range.start < range.end && range.end <= size;
        within(&place.rows, self.shape[0]) && within(&place.columns, self.shape[1])
    }

    /// Bytes of a row of a tile, and the offset of each of its rows.
    fn rows(&self, place: &Place) -> (usize, impl Iterator<Item = u64> + use<>) {
        let pair = self.entries() * self.width;
        let (columns, first, begin) = (self.shape[1], place.columns.start, self.header.len());
        let offset = move |row: usize| (begin + (row * columns + first) * pair) as u64;
        (place.columns.len() * pair, place.rows.clone().map(offset))
    }

    /// The bytes of the mirror image of a tile `[rows, columns, ..]`: samples change places, and the outputs of a pair.
    fn mirror(&self, place: &Place, bytes: &[u8]) -> Vec<u8> {
        let (rows, columns, entries, width) = (place.rows.len(), place.columns.len(), self.entries(), self.width);
        // `[n, m, o, o]` has pairs of outputs.
        let outputs = if self.shape.len() == 4 { self.shape[3] } else { 1 };
        let from_entry: Vec<usize> = match outputs {
            1 => (0..entries).collect(),
            o => (0..entries).map(|to| to % o * o + to / o).collect(),
        };
        let mut mirrored = vec![0; bytes.len()];
        for (to, place) in mirrored.chunks_exact_mut(entries * width).enumerate() {
            let from = (to % rows * columns + to / rows) * entries;
            for (place, entry) in place.chunks_exact_mut(width).zip(&from_entry) {
                place.copy_from_slice(&bytes[(from + entry) * width..][..width]);
            }
        }
        mirrored
    }
}

/// Where a kernel is while it is made: `kernel.npy` -> `kernel.npy.part`.
pub fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// `kernel.npy` -> `kernel.tiles`
fn journal(path: &Path) -> PathBuf {
    path.with_extension("tiles")
}

fn write_error(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    |source| Error::Write { path: path.to_owned(), source }
}

impl<R: Float + Element> TileFile<R> {
    /// Begins a kernel, or goes on with what is there of it.
    ///
    /// `symmetric` says that it is of one data set: of two tiles that mirror each other one is made.
    ///
    /// # Errors
    /// [`Error::Write`] where the room for it is not there or the folder cannot be written; [`Error::Interrupted`] while
    /// what is there is read.
    ///
    /// # Cost
    /// One pass over what is there.
    pub fn open(path: &Path, shape: &[usize], symmetric: bool, observer: &Observer<'_>) -> Result<Self> {
        let (part, journal_path) = (part(path), journal(path));
        // Finished before what came after it was.
        if path.exists() && !part.exists() {
            std::fs::rename(path, &part).map_err(write_error(path))?;
        }
        let grid = Grid::new::<R>(shape, symmetric);
        let is_new = !part.exists();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part);
        let file = Positioned::new(file.map_err(write_error(&part))?);
        let allocated = file.allocate(grid.length()).and_then(|()| file.write(&grid.header, 0));
        if let Err(source) = allocated {
            // What the disk has no room for should not fill it.
            if is_new {
                let _ = std::fs::remove_file(&part);
            }
            return Err(Error::Write { path: path.to_owned(), source });
        }
        let head = format!("{JOURNAL} {shape:?} {} {symmetric}\n", <R as Element>::NAME);
        let text = std::fs::read(&journal_path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<(Place, &str)> = match text.strip_prefix(&head) {
            None => Vec::new(),
            Some(lines) => lines
                .split_inclusive('\n')
                .filter_map(|line| Place::read(line.strip_suffix('\n')?))
                .filter(|(place, _)| grid.holds(place))
                .collect(),
        };
        let sound: Vec<bool> = lines
            .par_iter()
            .with_max_len(1)
            .map(|(place, hash)| {
                observer.check()?;
                Ok(is_sound(&file, &grid, place, hash))
            })
            .collect::<Result<_>>()?;
        let mut kept = HashSet::new();
        let mut written = head;
        for ((place, hash), _) in lines.iter().zip(&sound).filter(|(_, sound)| **sound) {
            if kept.insert(place.clone()) {
                written.push_str(&place.line(hash));
            }
        }
        crate::data::file::write_aside(&journal_path, |to| to.write_all(written.as_bytes()))?;
        let appended = OpenOptions::new().append(true).open(&journal_path).map_err(write_error(&journal_path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            damaged: sound.iter().filter(|sound| !**sound).count(),
            kept: kept.len(),
            journal: Mutex::new(Journal { file: appended, there: kept, synchronised: Instant::now() }),
            lost: AtomicBool::new(false),
            grid,
            numbers: PhantomData,
        })
    }

    /// Tiles that were there already.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Tiles that were there and had been damaged; they are made anew.
    pub fn damaged(&self) -> usize {
        self.damaged
    }

    /// Tiles that are there now.
    pub fn tiles(&self) -> usize {
        self.journal.lock().map_or(0, |journal| journal.there.len())
    }

    /// The share of the kernel that is there now.
    pub fn share(&self) -> f64 {
        let Ok(journal) = self.journal.lock() else { return 0.0 };
        let pairs = |place: &Place| {
            let once = place.rows.len() as f64 * place.columns.len() as f64;
            if self.grid.symmetric && !place.is_square() { 2.0 * once } else { once }
        };
        journal.there.iter().map(pairs).sum::<f64>() / (self.grid.shape[0] as f64 * self.grid.shape[1] as f64)
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.grid.shape
    }

    pub(crate) fn is_symmetric(&self) -> bool {
        self.grid.symmetric
    }

    /// Takes a tile as the kernel has it, `[rows, columns, ..]`.
    pub(crate) fn take(&self, rows: &Range<usize>, columns: &Range<usize>, numbers: &[R]) -> Result<()> {
        let place = Place::new(rows, columns);
        let mut bytes = Vec::with_capacity(size_of_val(numbers));
        R::put(numbers, &mut bytes);
        self.write(&place, &bytes)?;
        if self.grid.symmetric && !place.is_square() {
            self.write(&place.mirrored(), &self.grid.mirror(&place, &bytes))?;
        }
        let line = place.line(&place.hash(&bytes));
        let mut journal = self.journal.lock().map_err(poisoned)?;
        journal.file.write_all(line.as_bytes()).map_err(write_error(&self::journal(&self.path)))?;
        journal.there.insert(place);
        if journal.synchronised.elapsed() < BETWEEN {
            return Ok(());
        }
        journal.synchronised = Instant::now();
        drop(journal);
        self.synchronise()
    }

    fn write(&self, place: &Place, bytes: &[u8]) -> Result<()> {
        let (len, offsets) = self.grid.rows(place);
        for (bytes, offset) in bytes.chunks_exact(len.max(1)).zip(offsets) {
            self.file.write(bytes, offset).map_err(write_error(&self.path))?;
        }
        Ok(())
    }

    /// INVARIANT: a failed synchronisation is never tried again, and what it was to keep is never trusted again.
    fn synchronise(&self) -> Result<()> {
        let path = journal(&self.path);
        let tiles = self.file.synchronise();
        let failed = match tiles {
            Err(source) => Some(source),
            Ok(()) => self.journal.lock().map_err(poisoned)?.file.sync_all().err(),
        };
        let Some(source) = failed else { return Ok(()) };
        self.lost.store(true, Ordering::Relaxed);
        let _ = std::fs::remove_file(&path);
        Err(Error::Write { path: self.path.clone(), source })
    }

    /// Keeps what is there for a later process.
    ///
    /// # Errors
    /// [`Error::Write`] where the disk refuses; what was there is then given up.
    pub fn keep(&self) -> Result<()> {
        if self.lost.load(Ordering::Relaxed) { Ok(()) } else { self.synchronise() }
    }

    /// Renames the complete file into place. Its journal stays until [`forget`], so that a process that ends before all
    /// else is done can go on from the kernel, and check it.
    ///
    /// # Errors
    /// [`Error::Write`]; [`Error::Bug`] where tiles are missing.
    pub fn finish(self) -> Result<()> {
        if (self.share() - 1.0).abs() > 1e-9 {
            return Err(Error::Bug(format!("{:.3} of a kernel were written", self.share())));
        }
        self.synchronise()?;
        std::fs::rename(part(&self.path), &self.path).map_err(write_error(&self.path))?;
        crate::data::file::synchronise_folder(&self.path)
    }
}

/// Removes the journal of a kernel that needs it no more.
pub fn forget(path: &Path) {
    // What stays of it harms nothing.
    let _ = std::fs::remove_file(journal(path));
}

/// Whether a tile, and its mirror image, are what was written.
fn is_sound(file: &Positioned, grid: &Grid, place: &Place, hash: &str) -> bool {
    let read = |place: &Place| {
        let (len, offsets) = grid.rows(place);
        let mut bytes = vec![0; len * place.rows.len()];
        let read = bytes.chunks_exact_mut(len.max(1)).zip(offsets).try_for_each(|(row, at)| file.read(row, at));
        read.is_ok().then_some(bytes)
    };
    let Some(bytes) = read(place) else { return false };
    if place.hash(&bytes) != hash {
        return false;
    }
    !grid.symmetric
        || place.is_square()
        || read(&place.mirrored()).is_some_and(|other| other == grid.mirror(place, &bytes))
}

impl<R: Float + Element> Output<R> for TileFile<R> {
    fn has(&self, rows: &Range<usize>, columns: &Range<usize>) -> bool {
        self.journal.lock().is_ok_and(|journal| journal.there.contains(&Place::new(rows, columns)))
    }

    fn put(
        &self,
        rows: &Range<usize>,
        columns: &Range<usize>,
        shape: &TileShape,
        scratch: &mut Scratch<R>,
    ) -> Result<()> {
        if shape.left * shape.right == 1 {
            return self.take(rows, columns, &scratch.sum);
        }
        let Scratch { sum, transposed, .. } = scratch;
        transposed.resize(shape.len(), R::ZERO);
        let len = shape.len() / shape.rows.max(1);
        transposed.chunks_exact_mut(len.max(1)).enumerate().for_each(|(row, to)| shape.lay(sum, row, to));
        self.take(rows, columns, transposed)
    }
}
