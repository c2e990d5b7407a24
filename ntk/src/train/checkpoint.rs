//! A training in a file.
//!
//! One `.safetensors` file holds the parameters under their names, what the optimizer and the metrics remember, and in
//! its texts the step, the configuration and a digest of all numbers. It is written aside and renamed, so there is always
//! a whole one.

use std::collections::BTreeMap;
use std::path::Path;

use autodiff::Float;

use super::trainer::State;
use crate::array::Array;
use crate::data::Element;
use crate::data::safetensors_file::{SafeTensorsFile, Stored, write_safetensors_with};
use crate::error::{Error, Result};

/// Version of the layout.
const VERSION: &str = "1";
/// What goes before the names of the optimizer's and the metrics' arrays.
const MOMENT: &str = "optimizer.";
const METRIC: &str = "metric.";

/// A training as it stands between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<R> {
    /// Parameters, optimizer, step.
    pub state: State<R>,
    /// Whether what is measured at this step has been.
    pub measured: bool,
    /// What the metrics remember, under their names.
    pub memory: Vec<(String, Array<f64>)>,
    /// The configuration, in whatever form the caller compares.
    pub configuration: String,
}

impl<R: Float + Element> Checkpoint<R> {
    /// Writes it, in place of an earlier one.
    ///
    /// # Errors
    /// [`Error::Write`]; the earlier one is then still there.
    pub fn write(&self, path: &Path, names: &[String]) -> Result<()> {
        let state = &self.state;
        let moments: Vec<(String, Array<R>)> = state
            .moments
            .iter()
            .enumerate()
            .map(|(i, moment)| Ok((format!("{MOMENT}{i}"), Array::new([moment.len()], moment.clone())?)))
            .collect::<Result<_>>()?;
        let memory: Vec<(String, &Array<f64>)> =
            self.memory.iter().map(|(name, array)| (format!("{METRIC}{name}"), array)).collect();
        let mut notes = BTreeMap::from(
            [
                ("checkpoint", VERSION.to_owned()),
                ("configuration", self.configuration.clone()),
                ("digest", self.digest()),
                // The debug form of a float reads back to the same bits.
                ("flow_step", format!("{:?}", state.flow_step)),
                ("measured", self.measured.to_string()),
                ("moments", state.moments.len().to_string()),
                ("step", state.step.to_string()),
            ]
            .map(|(name, text)| (name.to_owned(), text)),
        );
        notes.extend(state.first_loss.map(|loss| ("first_loss".to_owned(), format!("{loss:?}"))));
        let mut members: Vec<(&str, &dyn Stored)> = Vec::new();
        members.extend(names.iter().zip(&state.weights).map(|(name, array)| (name.as_str(), array as _)));
        members.extend(moments.iter().map(|(name, array)| (name.as_str(), array as _)));
        members.extend(memory.iter().map(|(name, array)| (name.as_str(), *array as _)));
        write_safetensors_with(path, &notes, &members)
    }

    /// Reads a checkpoint of the parameters named.
    ///
    /// # Errors
    /// [`Error::Store`] where it is damaged or of another program; [`Error::Read`], [`Error::Data`].
    pub fn read(path: &Path, names: &[String]) -> Result<Self> {
        let mut file = SafeTensorsFile::open(path)?;
        let bad = |what: String| Error::Store {
            path: path.to_owned(),
            what,
            remedy: "remove it to begin again from the start, or train in a new folder".into(),
        };
        let notes = file.notes().clone();
        let note = |name: &str| notes.get(name).ok_or_else(|| bad(format!("is no checkpoint: it has no {name}")));
        let unread = |name: &str| bad(format!("has a {name} that cannot be read"));
        if note("checkpoint")? != VERSION {
            return Err(bad(format!(
                "is a checkpoint of version {}, this program reads {VERSION}",
                note("checkpoint")?
            )));
        }
        let moments: usize = note("moments")?.parse().map_err(|_| unread("moments"))?;
        let state = State {
            step: note("step")?.parse().map_err(|_| unread("step"))?,
            weights: names.iter().map(|name| file.read::<R>(name)).collect::<Result<_>>()?,
            moments: (0..moments).map(|i| Ok(file.read::<R>(&format!("{MOMENT}{i}"))?.data)).collect::<Result<_>>()?,
            flow_step: note("flow_step")?.parse().map_err(|_| unread("flow_step"))?,
            first_loss: notes
                .get("first_loss")
                .map(|loss| loss.parse().map_err(|_| unread("first_loss")))
                .transpose()?,
        };
        let remembered: Vec<String> =
            file.names().iter().filter_map(|name| name.strip_prefix(METRIC).map(str::to_owned)).collect();
        let memory = remembered
            .into_iter()
            .map(|name| Ok((name.clone(), file.read::<f64>(&format!("{METRIC}{name}"))?)))
            .collect::<Result<_>>()?;
        let found = Self {
            state,
            measured: note("measured")? == "true",
            memory,
            configuration: note("configuration")?.clone(),
        };
        if found.digest() != *note("digest")? {
            return Err(bad("is damaged: its numbers are not those that were written".into()));
        }
        Ok(found)
    }

    /// SHA-256 of all numbers.
    fn digest(&self) -> String {
        let moments: Vec<Array<R>> =
            self.state.moments.iter().map(|moment| Array { shape: vec![moment.len()], data: moment.clone() }).collect();
        let memory: Vec<Array<f64>> = self.memory.iter().map(|(_, array)| array.clone()).collect();
        let parts = [crate::params::digest(&self.state.weights), crate::params::digest(&moments)];
        format!("{} {} {}", parts[0], parts[1], crate::params::digest(&memory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint<f32> {
        let weights = vec![Array::new([1, 2], vec![0.1_f32, -0.0]).unwrap()];
        let state = State {
            step: 1 << 60,
            weights,
            moments: vec![vec![1e-30, 3.0]],
            flow_step: 0.1,
            first_loss: Some(1.0 / 3.0),
        };
        let memory = vec![("sharpness".to_owned(), Array::new([2], vec![0.1, 0.7]).unwrap())];
        Checkpoint { state, measured: true, memory, configuration: "{\"lr\": 0.1}".into() }
    }

    #[test]
    fn what_is_read_is_what_was_written_to_the_bit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.safetensors");
        let names = ["W0".to_owned()];
        checkpoint().write(&path, &names).unwrap();
        assert_eq!(Checkpoint::read(&path, &names).unwrap(), checkpoint());
        // The parameters of it are those of any file of weights.
        let (weights, ignored) = crate::params::Params::<f32>::read(&path, &[("W0".into(), vec![1, 2])]).unwrap();
        assert_eq!((weights.arrays, ignored.len()), (checkpoint().state.weights, 2));
    }

    #[test]
    fn a_damaged_or_foreign_file_is_refused_as_a_store() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.safetensors");
        let names = ["W0".to_owned()];
        checkpoint().write(&path, &names).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = Checkpoint::<f32>::read(&path, &names).unwrap_err();
        assert!(error.code() == 6 && error.to_string().contains("damaged"), "{error}");
        let weights = checkpoint().state.weights;
        crate::data::safetensors_file::write_safetensors(&path, [("W0", &weights[0])]).unwrap();
        let error = Checkpoint::<f32>::read(&path, &names).unwrap_err();
        assert!(error.code() == 6 && error.to_string().contains("no checkpoint"), "{error}");
    }
}
