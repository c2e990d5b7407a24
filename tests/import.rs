//! Weights of PyTorch and Flax models: files as those libraries write them, outputs computed as they define them.

use std::path::{Path, PathBuf};

use autodiff::Arena;
use ntk::array::Array;
use ntk::model::Architecture;
use ntk::network::Network;
use ntk::params::Params;
use ntk::params::import::{ConvOrder, DenseOrder, FlattenOrder, Imported, Layout, import};

use crate::numbers::{Random, relative_error};

/// A file of arrays, and what they hold.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
    arrays: Vec<Array<f64>>,
}

/// Writes arrays of these names and shapes, of random numbers.
fn file(named: &[(&str, &[usize])]) -> File {
    let mut random = Random::new(named.len() as u64);
    let one = |&(_, shape): &(&str, &[usize])| Array::new(shape, random.numbers(shape.iter().product())).unwrap();
    let arrays: Vec<Array<f64>> = named.iter().map(one).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let names = named.iter().map(|(name, _)| (*name).to_owned()).collect();
    Params::new(names, arrays.clone()).unwrap().write_safetensors(&path).unwrap();
    File { _folder: folder, path, arrays }
}

fn model(layers: &str, input: &str) -> Architecture {
    Architecture::from_toml(&format!("input = {input}\nlayers = [{layers}]")).unwrap_or_else(|e| panic!("{e}"))
}

fn outputs(imported: &Imported, x: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut arena = Arena::new();
    let tape = arena.tape();
    let x = tape.samples(x, shape).unwrap();
    let leaves: Vec<_> = imported.params.arrays.iter().map(|p| tape.leaf(&p.data, &p.shape).unwrap()).collect();
    imported.model.apply(x, &leaves).unwrap().value().to_vec()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    let error = relative_error(found, expected);
    assert!(error < 1e-14, "{error:.1e}: {found:?} {expected:?}");
}

fn refusal(path: &Path, model: &Architecture, layout: &Layout, order: Option<&[String]>) -> String {
    let refused = import(path, model, layout, order).unwrap_err();
    assert!(refused.hint().is_some_and(|hint| refused.to_string().ends_with(&hint)), "{refused}");
    refused.to_string()
}

const CONV: &str = "{ kind = 'conv', kh = 2, kw = 1, out = 3, padding = 'VALID', b_std = 1, param = 'PARAM' }, { kind = 'tanh' }, \
                    { kind = 'flatten' }, { kind = 'dense', out = 2, b_std = 1, param = 'PARAM' }";

#[test]
fn a_torch_model_gives_torch_outputs() {
    // Conv2d(2, 3, (2, 1)), tanh, flatten, Linear(12, 2), of one image [2, 3, 2].
    let file = file(&[("conv.bias", &[3]), ("conv.weight", &[3, 2, 2, 1]), ("fc.bias", &[2]), ("fc.weight", &[2, 12])]);
    let [conv_b, conv_w, fc_b, fc_w] = &file.arrays[..] else { panic!("four arrays") };
    let image = Random::new(9).numbers(12);
    let at = |c: usize, h: usize, w: usize| image[(c * 3 + h) * 2 + w];
    let mut features = Vec::new();
    for (o, h, w) in (0..3).flat_map(|o| (0..2).flat_map(move |h| (0..2).map(move |w| (o, h, w)))) {
        let taps = (0..2).flat_map(|c| (0..2).map(move |i| (c, i)));
        let sum: f64 = taps.map(|(c, i)| conv_w.data[(o * 2 + c) * 2 + i] * at(c, h + i, w)).sum();
        features.push((sum + conv_b.data[o]).tanh());
    }
    let row = |o: usize| features.iter().zip(&fc_w.data[o * 12..]).map(|(x, w)| x * w).sum::<f64>() + fc_b.data[o];
    // The same image, channels last.
    let ours: Vec<f64> = (0..12).map(|i| at(i % 2, i / 4, i / 2 % 2)).collect();
    for param in ["standard", "ntk", "mup"] {
        let model = model(&CONV.replace("PARAM", param), "[3, 2, 2]");
        let imported = import(&file.path, &model, &Layout::TORCH, None).unwrap();
        assert_close(&outputs(&imported, &ours, &[1, 3, 2, 2]), &[row(0), row(1)]);
        let shapes: Vec<_> =
            imported.params.names.iter().cloned().zip(imported.params.arrays.iter().map(|a| a.shape.clone())).collect();
        assert_eq!(shapes, model.parameters().unwrap());
        let how: Vec<&str> = imported.placed.iter().map(|placed| &placed.how[..]).collect();
        if param == "standard" {
            let rows = "transposed, rows CHW to HWC";
            assert_eq!(how, ["OIHW to HWIO", "as it is", rows, "as it is"]);
        }
    }
}

#[test]
fn a_flax_model_gives_flax_outputs() {
    // Conv(3, (2, 1), padding='VALID'), tanh, flatten, Dense(2), of one image [3, 2, 2].
    let file = file(&[
        ("params.Conv_0.bias", &[3]),
        ("params.Conv_0.kernel", &[2, 1, 2, 3]),
        ("params.Dense_0.bias", &[2]),
        ("params.Dense_0.kernel", &[12, 2]),
    ]);
    let [conv_b, conv_w, fc_b, fc_w] = &file.arrays[..] else { panic!("four arrays") };
    let image = Random::new(9).numbers(12);
    let mut features = Vec::new();
    for (h, w, o) in (0..2).flat_map(|h| (0..2).flat_map(move |w| (0..3).map(move |o| (h, w, o)))) {
        let taps = (0..2).flat_map(|i| (0..2).map(move |c| (i, c)));
        let sum: f64 = taps.map(|(i, c)| conv_w.data[(i * 2 + c) * 3 + o] * image[((h + i) * 2 + w) * 2 + c]).sum();
        features.push((sum + conv_b.data[o]).tanh());
    }
    let row = |o: usize| features.iter().enumerate().map(|(i, x)| x * fc_w.data[i * 2 + o]).sum::<f64>() + fc_b.data[o];
    let model = model(&CONV.replace("PARAM", "standard"), "[3, 2, 2]");
    let imported = import(&file.path, &model, &Layout::FLAX, None).unwrap();
    assert_close(&outputs(&imported, &image, &[1, 3, 2, 2]), &[row(0), row(1)]);
    assert!(imported.placed.iter().all(|placed| placed.how == "as it is"));
}

#[test]
fn what_the_shapes_say_needs_not_be_stated() {
    let file = file(&[("0.weight", &[4, 3]), ("2.weight", &[2, 4])]);
    let model = model(
        "{ kind = 'dense', out = 4, param = 'standard' }, { kind = 'dense', out = 2, param = 'standard' }",
        "[3]",
    );
    let read = import(&file.path, &model, &Layout::default(), None).unwrap();
    assert_eq!(read, import(&file.path, &model, &Layout::TORCH, None).unwrap());
    assert_eq!(read.params.arrays[0].data[1], file.arrays[0].data[3], "[out, in] to [in, out]");
}

#[test]
fn a_square_layer_without_a_stated_layout_is_refused() {
    let file = file(&[("0.weight", &[4, 3]), ("2.weight", &[4, 4])]);
    let model = model(
        "{ kind = 'dense', out = 4, param = 'standard' }, { kind = 'dense', out = 4, param = 'standard' }",
        "[3]",
    );
    let refused = refusal(&file.path, &model, &Layout::default(), None);
    assert!(refused.contains("`2.weight` [4, 4], whose shape does not say its layout"), "{refused}");
    assert!(refused.contains("--layout torch ([out, in]) or --layout flax ([in, out])"), "{refused}");
    assert_eq!(import(&file.path, &model, &Layout::default(), None).unwrap_err().code(), 3);
    let stated = Layout { dense: Some(DenseOrder::OutIn), ..Layout::default() };
    let imported = import(&file.path, &model, &stated, None).unwrap();
    assert_eq!(imported.params.arrays[1].data[1], file.arrays[1].data[4]);
}

#[test]
fn a_window_as_large_as_its_channels_and_a_flattened_image_are_refused_too() {
    let square = file(&[("0.weight", &[2, 2, 2, 2])]);
    let conv = "{ kind = 'conv', kh = 2, kw = 2, out = 2, param = 'standard' }, { kind = 'gap' }, \
                { kind = 'residual', layers = [{ kind = 'identity' }] }";
    let refused = refusal(&square.path, &model(conv, "[3, 3, 2]"), &Layout::default(), None);
    assert!(refused.contains("`0.weight` [2, 2, 2, 2], whose shape does not say its layout"), "{refused}");

    let flat = file(&[("0.weight", &[3, 8])]);
    let read = model("{ kind = 'flatten' }, { kind = 'dense', out = 3, param = 'standard' }", "[2, 2, 2]");
    let refused = refusal(&flat.path, &read, &Layout::default(), None);
    assert!(refused.contains("reads a flattened image [2, 2, 2], and nothing says in which order"), "{refused}");
    let stated = Layout { flatten: Some(FlattenOrder::ChannelsLast), ..Layout::default() };
    assert!(import(&flat.path, &read, &stated, None).is_ok());
    // One channel, or one position, has one order.
    let read = model("{ kind = 'flatten' }, { kind = 'dense', out = 3, param = 'standard' }", "[2, 4, 1]");
    assert!(import(&flat.path, &read, &Layout::default(), None).is_ok());
}

#[test]
fn layers_that_could_change_places_are_refused_until_their_order_is_stated() {
    let file = file(&[("second.weight", &[3, 3]), ("first.weight", &[3, 3])]);
    let model = model(
        "{ kind = 'dense', out = 3, param = 'standard' }, { kind = 'dense', out = 3, param = 'standard' }",
        "[3]",
    );
    let refused = refusal(&file.path, &model, &Layout::TORCH, None);
    assert!(refused.contains("`first` and `second` of one shape"), "{refused}");
    let order = ["second", "first"].map(str::to_owned);
    let imported = import(&file.path, &model, &Layout::TORCH, Some(&order)).unwrap();
    assert_eq!(imported.placed[0].from, "second.weight");
    let refused = refusal(&file.path, &model, &Layout::TORCH, Some(&["second", "frist"].map(str::to_owned)));
    assert!(refused.contains("did you mean `first`?"), "{refused}");
    let refused = refusal(&file.path, &model, &Layout::TORCH, Some(&order[..1]));
    assert!(refused.contains("the order leaves out `first`"), "{refused}");
}

#[test]
fn numbers_in_names_are_compared_as_numbers() {
    let names: Vec<String> = (0..11).map(|i| format!("layers.{i}.weight")).collect();
    let named: Vec<(&str, &[usize])> = names.iter().map(|name| (&name[..], &[2, 2][..])).collect();
    let dense = "{ kind = 'dense', out = 2, param = 'standard' }, ";
    let imported = import(&file(&named).path, &model(&dense.repeat(11), "[2]"), &Layout::TORCH, None).unwrap();
    let from: Vec<&str> = imported.placed.iter().map(|placed| &placed.from[..]).collect();
    assert_eq!(from, names);
}

#[test]
fn what_does_not_fit_is_told_in_one_table() {
    let file = file(&[("0.weight", &[4, 3]), ("0.bias", &[4]), ("2.weight", &[5, 4])]);
    let model = model(
        "{ kind = 'dense', out = 4, param = 'standard' }, { kind = 'dense', out = 2, param = 'standard' }",
        "[3]",
    );
    let refused = refusal(&file.path, &model, &Layout::TORCH, None);
    for row in [
        ["W0", "[3, 4], bias none", "nothing that fits"],
        ["none", "not there", "0 [4, 3], bias [4]"],
        ["W1", "[4, 2]", "nothing"],
    ] {
        assert!(refused.lines().any(|line| row.iter().all(|word| line.contains(word))), "{row:?}: {refused}");
    }
}

#[test]
fn an_array_of_an_unknown_layer_is_refused_by_name() {
    let file = file(&[("0.weight", &[2, 3]), ("1.in_proj_weight", &[9, 3])]);
    let model = model("{ kind = 'dense', out = 2, param = 'standard' }", "[3]");
    let refused = refusal(&file.path, &model, &Layout::TORCH, None);
    assert!(refused.contains("`1.in_proj_weight`, which is no array of"), "{refused}");
}

#[test]
fn running_statistics_freeze_the_batch_normalization() {
    // BatchNorm1d(2) behind Linear(3, 2): (z - mean) / sqrt(var + eps) weight + bias.
    let mut file = file(&[
        ("0.weight", &[2, 3]),
        ("1.weight", &[2]),
        ("1.bias", &[2]),
        ("1.running_mean", &[2]),
        ("1.running_var", &[2]),
        ("2.weight", &[1, 2]),
    ]);
    file.arrays[4].data = vec![0.5, 2.0];
    let names =
        ["0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "2.weight"].map(str::to_owned).to_vec();
    Params::new(names, file.arrays.clone()).unwrap().write_safetensors(&file.path).unwrap();
    let training = model(
        "{ kind = 'dense', out = 2, param = 'standard' }, { kind = 'batch_norm', eps = 0.25 }, { kind = 'dense', out = 1, param = 'standard' }",
        "[3]",
    );
    let imported = import(&file.path, &training, &Layout::TORCH, None).unwrap();
    let [first, scale, shift, mean, variance, last] = &file.arrays[..] else { panic!("six arrays") };
    let x = [0.3, -1.0, 2.0];
    let y: f64 = (0..2)
        .map(|o| {
            let z: f64 = x.iter().zip(&first.data[o * 3..]).map(|(x, w)| x * w).sum();
            let normal = (z - mean.data[o]) / (variance.data[o] + 0.25).sqrt();
            (normal * scale.data[o] + shift.data[o]) * last.data[o]
        })
        .sum();
    assert_close(&outputs(&imported, &x, &[1, 3]), &[y]);
    assert!(imported.model.mixing().unwrap().is_none());
    assert!(imported.placed.iter().any(|placed| placed.to == "layers[1] variance"));
}

#[test]
fn a_flattened_image_that_no_dense_layer_reads_is_refused_channels_first() {
    let file = file(&[("0.weight", &[8]), ("0.bias", &[8]), ("1.weight", &[3, 8])]);
    let model = model(
        "{ kind = 'flatten' }, { kind = 'layer_norm' }, { kind = 'dense', out = 3, param = 'standard' }",
        "[2, 2, 2]",
    );
    let refused = refusal(&file.path, &model, &Layout::TORCH, None);
    assert!(refused.contains("no dense layer reads it directly"), "{refused}");
    let last =
        Layout { flatten: Some(FlattenOrder::ChannelsLast), conv: Some(ConvOrder::OutInWindow), ..Layout::TORCH };
    assert!(import(&file.path, &model, &last, None).is_ok());
}
