//! Weights of PyTorch and Flax models, in the names and layouts of this crate.
//!
//! A file of another library says neither in which order its layers come nor how its arrays are laid out: names are
//! sorted, and a square matrix looks the same either way. Decided here: which array goes to which layer (by the order
//! stated, else by names in their natural order and by shapes), what is transposed, and what is refused because the file
//! leaves two answers. The function of the network is kept: where a layer multiplies by a constant (`param = "ntk"`), its
//! weights are divided by it.

use std::path::Path;

use crate::array::Array;
use crate::data::check_finite;
use crate::data::safetensors_file::SafeTensorsFile;
use crate::error::{Error, Result, Shape, shorten};
use crate::model::{Architecture, BatchNorm, Layer, Role, Site};

use super::{Params, render};

/// How the arrays of a file are laid out; what is none is read off the shapes, where they leave one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Of dense weights.
    pub dense: Option<DenseOrder>,
    /// Of convolutions.
    pub conv: Option<ConvOrder>,
    /// Of the inputs of a dense layer behind a flattened image.
    pub flatten: Option<FlattenOrder>,
}

impl Layout {
    /// `[out, in]`, `[out, in, kh, kw]`, images flattened channels first.
    pub const TORCH: Self = Self {
        dense: Some(DenseOrder::OutIn),
        conv: Some(ConvOrder::OutInWindow),
        flatten: Some(FlattenOrder::ChannelsFirst),
    };
    /// `[in, out]`, `[kh, kw, in, out]`, images flattened channels last.
    pub const FLAX: Self = Self {
        dense: Some(DenseOrder::InOut),
        conv: Some(ConvOrder::WindowInOut),
        flatten: Some(FlattenOrder::ChannelsLast),
    };
}

/// The axes of a dense layer's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenseOrder {
    /// `[out, in]`, as PyTorch has it.
    OutIn,
    /// `[in, out]`, as Flax and this crate have it.
    InOut,
}

/// The axes of a convolution's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvOrder {
    /// `[out, in, kh, kw]`, as PyTorch has it.
    OutInWindow,
    /// `[kh, kw, in, out]`, as Flax and this crate have it.
    WindowInOut,
}

/// The order of an image's entries where it is flattened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlattenOrder {
    /// `[c, h, w]`, as PyTorch has it.
    ChannelsFirst,
    /// `[h, w, c]`, as Flax and this crate have it.
    ChannelsLast,
}

/// What was imported.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The parameters of the model, in its order.
    pub params: Params<f64>,
    /// The model, its batch normalizations frozen at the file's statistics.
    pub model: Architecture,
    /// What went where.
    pub placed: Vec<Placed>,
    /// Names that no parameter needs.
    pub ignored: Vec<String>,
}

/// One array's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The name in the file.
    pub from: String,
    /// The shape in the file.
    pub found: Vec<usize>,
    /// The parameter, or `mean` and `variance` of a layer.
    pub to: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What was done to it.
    pub how: String,
}

const STATE_LAYOUT: &str = "state --layout torch ([out, in]) or --layout flax ([in, out])";

/// Reads the weights of a model from a `.safetensors` file of another library.
///
/// `order` names the layers of the file in forward order; without it, they come in the natural order of their names, each
/// going to the first parameters that it fits.
///
/// # Errors
/// [`Error::Parameters`] with a table where arrays and model do not fit; [`Error::Data`] where two layers could change
/// places, or a layout is not stated and the shapes do not say it; what reading refuses.
pub fn import(path: &Path, model: &Architecture, layout: &Layout, order: Option<&[String]>) -> Result<Imported> {
    let mut file = SafeTensorsFile::open(path)?;
    let (groups, ignored) = groups(path, &file, order)?;
    let sites = model.sites()?;
    let chosen = assign(path, &sites, &groups, layout, order.is_some())?;
    let layout = settled(path, &sites, &chosen, layout)?;
    let flattened = flattened(model)?;
    if let (Some((_, image)), Some(FlattenOrder::ChannelsFirst)) =
        (flattened.iter().find(|(dense, _)| dense.is_empty()), layout.flatten)
    {
        return Err(Error::usage(
            format!("an image {} is flattened and no dense layer reads it directly", Shape(image)),
            "put { kind = \"flatten\" } right before a dense layer, activations aside",
        ));
    }
    let mut imported =
        Imported { params: Params::new(Vec::new(), Vec::new())?, model: model.clone(), placed: Vec::new(), ignored };
    for (l, (site, group)) in sites.iter().zip(&chosen).enumerate() {
        let (alpha, beta) = site.multipliers();
        let image = flattened.iter().find(|(dense, _)| *dense == site.path).map(|(_, shape)| &shape[..]);
        for ((name, shape), array) in site.parameters(l).zip([&group.weights, &group.bias]) {
            let Some(array) = array else { continue };
            let read: Array<f64> = file.read(&array.name)?;
            check_finite(&read, &path.join(&array.name))?;
            let weights = name.starts_with('W');
            let (mut data, mut how) = match weights {
                true => arranged(&read, site, &layout, image, &array.name, path)?,
                false => (read.data, Vec::new()),
            };
            let factor = if weights { alpha } else { beta };
            if factor != 1.0 {
                data.iter_mut().for_each(|x| *x /= factor);
                how.push(format!("divided by {factor:.4}"));
            }
            imported.placed.push(Placed {
                from: array.name.clone(),
                found: array.shape.clone(),
                to: name.clone(),
                shape: shape.clone(),
                how: if how.is_empty() { "as it is".into() } else { how.join(", ") },
            });
            imported.params.names.push(name);
            imported.params.arrays.push(Array::new(shape, data)?);
        }
        if let (Some(mean), Some(variance)) = (&group.mean, &group.variance) {
            let mut numbers = |array: &Named| -> Result<Vec<f64>> {
                let read: Array<f64> = file.read(&array.name)?;
                check_finite(&read, &path.join(&array.name))?;
                Ok(read.data)
            };
            let statistics = (numbers(mean)?, numbers(variance)?);
            let mut taken = false;
            imported.model.visit(&mut |place, layer| {
                if let (true, Layer::BatchNorm(norm @ BatchNorm { frozen: None, .. })) = (place == site.path, layer) {
                    norm.frozen = Some(statistics.clone());
                    taken = true;
                }
            });
            for (array, what) in [(mean, "mean"), (variance, "variance")] {
                match taken {
                    true => imported.placed.push(Placed {
                        from: array.name.clone(),
                        found: array.shape.clone(),
                        to: format!("{} {what}", site.path),
                        shape: array.shape.clone(),
                        how: "frozen in the model file".into(),
                    }),
                    false => imported.ignored.push(shorten(&array.name)),
                }
            }
        }
    }
    // Statistics of another length are refused here, by the layer.
    imported.model.sites()?;
    Ok(imported)
}

/// An array of the file.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    shape: Vec<usize>,
}

/// The arrays of one layer of the file.
#[derive(Clone, Debug, Default)]
struct Group {
    prefix: String,
    weights: Option<Named>,
    bias: Option<Named>,
    mean: Option<Named>,
    variance: Option<Named>,
}

impl Group {
    /// Whether the weights and the bias have the shapes of another's.
    fn looks_like(&self, other: &Self) -> bool {
        let shapes = |group: &Self| [&group.weights, &group.bias].map(|a| a.as_ref().map(|a| a.shape.clone()));
        shapes(self) == shapes(other)
    }

    /// The name without its numbers: those order layers, words do not.
    fn stem(&self) -> String {
        self.prefix.chars().filter(|c| !c.is_ascii_digit()).collect()
    }
}

/// The layers of the file in forward order as far as it is known, and names that are passed over.
fn groups(path: &Path, file: &SafeTensorsFile, order: Option<&[String]>) -> Result<(Vec<Group>, Vec<String>)> {
    let (mut groups, mut ignored): (Vec<Group>, Vec<String>) = (Vec::new(), Vec::new());
    for name in file.names() {
        let (prefix, leaf) = name.rsplit_once(['.', '/']).unwrap_or(("", name));
        // Collections of a Flax state; a layer's statistics join its weights.
        let prefix = prefix
            .strip_prefix("params")
            .or_else(|| prefix.strip_prefix("batch_stats"))
            .map_or(prefix, |rest| rest.trim_start_matches(['.', '/']));
        if leaf == "num_batches_tracked" {
            ignored.push(shorten(name));
            continue;
        }
        let at = groups.iter().position(|group| group.prefix == prefix).unwrap_or_else(|| {
            groups.push(Group { prefix: prefix.to_owned(), ..Group::default() });
            groups.len() - 1
        });
        let slot = match leaf {
            "weight" | "kernel" | "scale" | "embedding" => &mut groups[at].weights,
            "bias" => &mut groups[at].bias,
            "running_mean" | "mean" => &mut groups[at].mean,
            "running_var" | "var" => &mut groups[at].variance,
            _ => {
                return Err(Error::data(
                    path,
                    format!(
                        "holds `{}`, which is no array of a dense, convolutional or normalizing layer",
                        shorten(name)
                    ),
                    "store the layers that the model has, under names that end in weight or kernel, and bias",
                ));
            }
        };
        if slot.is_some() {
            let what = format!("holds two arrays for the {leaf} of `{}`", shorten(prefix));
            return Err(Error::data(path, what, "keep one of them"));
        }
        *slot = Some(Named { name: name.clone(), shape: file.header(name)?.shape });
    }
    groups.sort_by_key(|group| natural(&group.prefix));
    let Some(order) = order else { return Ok((groups, ignored)) };
    let mut ordered = Vec::with_capacity(groups.len());
    for prefix in order {
        match groups.iter().position(|group| group.prefix == *prefix) {
            Some(at) => ordered.push(groups.remove(at)),
            None => return Err(Error::unknown("layer of the file", prefix, groups.iter().map(|g| g.prefix.as_str()))),
        }
    }
    if let Some(left) = groups.first() {
        return Err(Error::usage(
            format!("the order leaves out `{}`", shorten(&left.prefix)),
            "name all layers of the file in forward order",
        ));
    }
    Ok((ordered, ignored))
}

/// A name with its numbers as numbers: layer 10 comes after layer 9.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = vec![(String::new(), 0_u64)];
    let mut number = false;
    for c in name.chars() {
        if number && !c.is_ascii_digit() {
            parts.push((String::new(), 0));
        }
        number = c.is_ascii_digit();
        let Some((text, value)) = parts.last_mut() else { continue };
        match c.to_digit(10) {
            Some(digit) => *value = value.saturating_mul(10).saturating_add(digit.into()),
            None => text.push(c),
        }
    }
    parts
}

/// Whether the weights of a site can be an array of this shape, in each of the two layouts.
fn fits(site: &Site, found: &[usize], layout: &Layout) -> [bool; 2] {
    let shape = &site.shape[..];
    match (site.role, shape) {
        (Role::Scale | Role::Rows, _) => [found == shape, false],
        (Role::Weights, [_, _]) => {
            let fit = [found == shape, found == [shape[1], shape[0]]];
            [fit[0] && layout.dense != Some(DenseOrder::OutIn), fit[1] && layout.dense != Some(DenseOrder::InOut)]
        }
        (Role::Weights, [window @ .., fan_in, out]) => {
            let first: Vec<usize> = [*out, *fan_in].into_iter().chain(window.iter().copied()).collect();
            let fit = [found == shape, found == first];
            [
                fit[0] && layout.conv != Some(ConvOrder::OutInWindow),
                fit[1] && layout.conv != Some(ConvOrder::WindowInOut),
            ]
        }
        _ => [found == shape, false],
    }
}

/// The layer of the file for each site.
fn assign(path: &Path, sites: &[Site], groups: &[Group], layout: &Layout, ordered: bool) -> Result<Vec<Group>> {
    let fit = |site: &Site, group: &Group| {
        let weights = group.weights.as_ref().is_some_and(|w| fits(site, &w.shape, layout).contains(&true));
        let bias = match &group.bias {
            Some(bias) => site.dims.has_bias && bias.shape == [site.dims.fan_out],
            None => !site.dims.has_bias,
        };
        weights && bias
    };
    let mut left: Vec<&Group> = groups.iter().collect();
    let mut chosen = Vec::with_capacity(sites.len());
    let mut table = Vec::new();
    let shape = |array: &Option<Named>| array.as_ref().map_or("none".to_owned(), |a| Shape(&a.shape).to_string());
    let row =
        |group: &Group| format!("{} {}, bias {}", shorten(&group.prefix), shape(&group.weights), shape(&group.bias));
    for (l, site) in sites.iter().enumerate() {
        let at = if ordered {
            left.first().is_some_and(|g| fit(site, g)).then_some(0)
        } else {
            left.iter().position(|g| fit(site, g))
        };
        match at {
            Some(at) => chosen.push(left.remove(at).clone()),
            None => {
                let bias = if site.dims.has_bias { Shape(&[site.dims.fan_out]).to_string() } else { "none".into() };
                let wanted = format!("{}, bias {bias}", Shape(&site.shape));
                let found =
                    if ordered && !left.is_empty() { row(left.remove(0)) } else { "nothing that fits".to_owned() };
                table.push((format!("W{l}"), wanted, found));
            }
        }
    }
    table.extend(left.iter().map(|group| ("none".to_owned(), "not there".to_owned(), row(group))));
    if !table.is_empty() {
        return Err(Error::Parameters { path: path.to_owned(), table: render(&table) });
    }
    if !ordered {
        let pairs = groups.iter().enumerate().flat_map(|(i, a)| groups[i + 1..].iter().map(move |b| (a, b)));
        if let Some((a, b)) = pairs.into_iter().find(|(a, b)| a.looks_like(b) && a.stem() != b.stem()) {
            let (a, b) = (shorten(&a.prefix), shorten(&b.prefix));
            let what = format!("holds `{a}` and `{b}` of one shape, and nothing says which comes first");
            return Err(Error::data(path, what, format!("name all layers in forward order, such as --order {a},{b}")));
        }
    }
    Ok(chosen)
}

/// The layout, where the shapes leave one answer.
fn settled(path: &Path, sites: &[Site], chosen: &[Group], stated: &Layout) -> Result<Layout> {
    let mut layout = *stated;
    for (site, group) in sites.iter().zip(chosen) {
        let Some(weights) = group.weights.as_ref().filter(|_| site.role == Role::Weights) else { continue };
        let name = shorten(&weights.name);
        let both = match fits(site, &weights.shape, stated) {
            [true, true] => {
                let what = format!("holds `{name}` {}, whose shape does not say its layout", Shape(&weights.shape));
                return Err(Error::data(path, what, STATE_LAYOUT));
            }
            [own, _] => own,
        };
        let contradicts = if site.shape.len() == 2 {
            let order = if both { DenseOrder::InOut } else { DenseOrder::OutIn };
            layout.dense.replace(order).is_some_and(|before| before != order)
        } else {
            let order = if both { ConvOrder::WindowInOut } else { ConvOrder::OutInWindow };
            layout.conv.replace(order).is_some_and(|before| before != order)
        };
        if contradicts {
            let what = format!("holds `{name}` in another layout than an array before it");
            return Err(Error::data(path, what, "store all arrays in one layout, and state it with --layout"));
        }
    }
    Ok(layout)
}

/// Each dense layer that reads a flattened image, and the image's shape; a place of "" where no dense layer follows.
fn flattened(model: &Architecture) -> Result<Vec<(String, Vec<usize>)>> {
    let images = model.flattened()?.into_iter().filter(|(_, shape)| {
        let channels = shape.last().copied().unwrap_or(1);
        channels > 1 && shape.iter().product::<usize>() > channels
    });
    let reader = |(place, shape): (String, Vec<usize>)| {
        let places = (0..model.layers.len()).map(|i| (format!("layers[{i}]"), &model.layers[i]));
        let mut behind = places.skip_while(|(path, _)| *path != place).skip(1);
        let next = behind.find(|(_, layer)| !matches!(layer, Layer::Activation(_)));
        let dense = next.filter(|(_, layer)| matches!(layer, Layer::Dense(_)));
        (dense.map_or(String::new(), |(path, _)| path), shape)
    };
    Ok(images.map(reader).collect())
}

/// The numbers of an array of weights in this crate's order, and what was done.
fn arranged(
    read: &Array<f64>,
    site: &Site,
    layout: &Layout,
    image: Option<&[usize]>,
    name: &str,
    path: &Path,
) -> Result<(Vec<f64>, Vec<String>)> {
    let mut how = Vec::new();
    let mut data = match &site.shape[..] {
        &[fan_in, out] if site.role == Role::Weights && layout.dense == Some(DenseOrder::OutIn) => {
            how.push("transposed".to_owned());
            (0..fan_in).flat_map(|i| (0..out).map(move |o| o * fan_in + i)).map(|at| read.data[at]).collect()
        }
        [window @ .., fan_in, out] if window.len() + 2 > 2 && layout.conv == Some(ConvOrder::OutInWindow) => {
            how.push(if window.len() == 2 { "OIHW to HWIO" } else { "OIW to WIO" }.to_owned());
            let (taps, fan_in, out) = (window.iter().product::<usize>(), *fan_in, *out);
            let places = (0..taps).flat_map(|t| (0..fan_in).flat_map(move |i| (0..out).map(move |o| (t, i, o))));
            places.map(|(t, i, o)| read.data[(o * fan_in + i) * taps + t]).collect()
        }
        _ => read.data.clone(),
    };
    let Some(image) = image else { return Ok((data, how)) };
    match layout.flatten {
        None => {
            let what = format!(
                "holds `{}`, which reads a flattened image {}, and nothing says in which order",
                shorten(name),
                Shape(image)
            );
            Err(Error::data(path, what, "state --layout torch (channels first) or --layout flax (channels last)"))
        }
        Some(FlattenOrder::ChannelsLast) => Ok((data, how)),
        Some(FlattenOrder::ChannelsFirst) => {
            let out = site.dims.fan_out;
            let channels = image.last().copied().unwrap_or(1);
            let positions = image.iter().product::<usize>() / channels;
            let rows = (0..positions).flat_map(|p| (0..channels).map(move |c| c * positions + p));
            data = rows.flat_map(|row| data[row * out..(row + 1) * out].to_vec()).collect();
            how.push("rows CHW to HWC".to_owned());
            Ok((data, how))
        }
    }
}
