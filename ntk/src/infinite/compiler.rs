//! From layers to steps: which layers have a limit in which order, and what they do to a kernel.

use super::grid::{Grid, Slide};
use super::program::{
    Act, Affine, Branch, Data, Join, Mode, Norm, Polynomial, Program, ReadOut, Recurrent, Step, Values,
};
use super::rule::Rule;
use super::window::Window;
use crate::error::{Error, Result};
use crate::model::layer::{self, Pooling, Scaling, Statistic};
use crate::model::{Activation, Layer, ModelError, Parameterization, Site};

/// The state of a pass over the layers.
pub(crate) struct Compiler {
    levels: usize,
    series: usize,
    means: usize,
    attentions: usize,
    kinked: bool,
    windows: Vec<Window>,
    /// Positions, here.
    grid: Grid,
    /// Channels, here.
    channels: usize,
    /// Whether the channels are real and imaginary parts of complex numbers that are of one law.
    complex: bool,
    mode: Mode,
    sites: std::vec::IntoIter<Site>,
}

impl Compiler {
    pub(crate) fn new(mode: Mode, grid: Grid, channels: usize, sites: Vec<Site>) -> Self {
        Self {
            levels: 1,
            series: 0,
            means: 0,
            attentions: 0,
            kinked: false,
            windows: Vec::new(),
            grid,
            channels,
            complex: false,
            mode,
            sites: sites.into_iter(),
        }
    }

    pub(crate) fn positions(&self) -> usize {
        self.grid.positions()
    }

    /// Makes one position of those there are, and says how many these were.
    pub(crate) fn read_out(&mut self, read_out: ReadOut) -> usize {
        let positions = self.positions();
        if read_out == ReadOut::Flatten {
            self.channels *= positions;
        }
        self.grid = Grid::ONE;
        positions
    }

    /// The program, its head with the positions that it begins and ends with.
    pub(crate) fn program(
        self,
        data: Data,
        (positions, head, read_out, read_out_positions): (usize, Vec<Step>, ReadOut, usize),
        tail: Vec<Step>,
        flat_level: usize,
    ) -> Result<Program> {
        if self.complex {
            return Err(ModelError::new(
                "the outputs are complex numbers, whose real and imaginary parts the limit couples",
                "end the network with { kind = \"real_part\" }, or with a dense layer",
            )
            .into());
        }
        let Self { levels, series, means, attentions, kinked, windows, mode, .. } = self;
        let tracked = kinked && mode == Mode::Flat;
        Ok(Program {
            mode,
            positions,
            data,
            head,
            read_out,
            read_out_positions,
            tail,
            flat_level,
            levels,
            series,
            means,
            attentions,
            windows,
            tracked,
        })
    }

    pub(crate) fn level(&mut self) -> usize {
        self.levels += 1;
        self.levels - 1
    }

    fn site(&mut self, path: &str) -> Result<Site> {
        self.sites.next().ok_or_else(|| Error::Bug(format!("{path} is no site")))
    }

    /// Steps of layers that stand in `list` from `offset` on, the level at their end, and what leaves them.
    pub(crate) fn layers(
        &mut self,
        layers: &[Layer],
        list: &str,
        offset: usize,
        mut from: usize,
        mut values: Values,
    ) -> Result<(Vec<Step>, usize, Values)> {
        let mut steps: Vec<Step> = Vec::new();
        for (i, layer) in layers.iter().enumerate() {
            let path = format!("{list}[{}]", offset + i);
            let acts = self.layer(layer, &path, from, &mut values)?;
            for act in acts {
                let to = self.level();
                steps.push(Step { path: path.clone(), from, to, act });
                from = to;
            }
        }
        Ok((steps, from, values))
    }

    /// What one layer does; `from` is the level before it.
    fn layer(&mut self, layer: &Layer, path: &str, from: usize, values: &mut Values) -> Result<Vec<Act>> {
        Ok(match layer {
            Layer::Dense(dense) => {
                let affine = Affine::new(&self.site(path)?, 1);
                self.weights(dense.out, values);
                vec![Act::Affine(affine)]
            }
            Layer::Conv(conv) => {
                let site = self.site(path)?;
                if conv.groups != 1 {
                    let hint = "write groups = 1, or take the kernel of the finite network (`ntk kernel`)";
                    return refuse(path, "groups of channels have no infinite kernel here", hint);
                }
                self.weights(conv.out, values);
                let taps = [conv.kh.unwrap_or(1), conv.kw];
                let affine = Act::Affine(Affine::new(&site, taps[0] * taps[1]));
                let window = self.grid.slide(Slide::of_conv(conv));
                vec![self.window(window), affine]
            }
            Layer::Pool(pool) if pool.pooling == Pooling::Average => {
                let slide = Slide::of_pool(pool, &self.grid);
                let count = (slide.taps[0] * slide.taps[1]) as f64;
                let window = self.grid.slide(slide);
                vec![self.window(window), Act::Affine(Affine::factor(1.0 / (count * count)))]
            }
            Layer::Norm(norm) => vec![self.norm(norm, path, *values)?],
            Layer::Activation(activation) => match self.map(*activation, path, values)? {
                Some(rule) => vec![Act::Map(rule)],
                None => Vec::new(),
            },
            Layer::Residual { layers, scale } => {
                let branches = [(&[][..], String::new(), 1.0), (&layers[..], format!("{path}.layers"), scale * scale)];
                vec![self.join(&branches, layer::Join::Sum, path, from, values)?]
            }
            Layer::Parallel(parallel) => {
                let list = |b: usize| format!("{path}.branches[{b}]");
                let branches: Vec<(&[Layer], String, f64)> =
                    parallel.branches.iter().enumerate().map(|(b, layers)| (&layers[..], list(b), 1.0)).collect();
                vec![self.join(&branches, parallel.join, path, from, values)?]
            }
            Layer::Polynomial(polynomial) => vec![self.polynomial(polynomial, path, values)?],
            Layer::Recurrent(rnn) => self.recurrent(rnn, path, values)?,
            Layer::Attention(attention) => self.attention(attention, path, values)?,
            Layer::Embedding(embedding) => {
                let affine = Affine::new(&self.site(path)?, 1);
                self.weights(embedding.out, values);
                vec![Act::Affine(affine)]
            }
            Layer::ComplexDense(dense) => {
                // Both parts of the input enter each part of an output, whose covariance is that of a dense layer of both.
                let affine = Affine::new(&self.site(path)?, 1);
                self.site(path)?;
                self.weights(2 * dense.out, values);
                self.complex = true;
                vec![Act::Affine(affine)]
            }
            Layer::ComplexMap(layer::ComplexMap::RealPart) if self.complex => {
                (self.channels, self.complex) = (self.channels / 2, false);
                Vec::new()
            }
            Layer::ComplexMap(_) => {
                return refuse(
                    path,
                    "a function of complex numbers that is not of their parts has no infinite kernel here",
                    "use complex_dense, activations of the parts and real_part, or the kernel of the finite network (`ntk kernel`)",
                );
            }
            Layer::Flatten if self.mode == Mode::Flat || self.grid == Grid::ONE => Vec::new(),
            Layer::Flatten | Layer::GlobalAverage | Layer::Pool(_) | Layer::BatchNorm(_) => {
                return refuse(
                    path,
                    "a layer of this kind has no infinite kernel here",
                    "use layers whose limit is known (docs/models.md), or the kernel of the finite network (`ntk kernel`)",
                );
            }
        })
    }

    /// Weights were met: what leaves them is normal.
    fn weights(&mut self, channels: usize, values: &mut Values) {
        (self.channels, self.complex, *values) = (channels, false, Values::Normal);
    }

    fn norm(&mut self, norm: &layer::Norm, path: &str, values: Values) -> Result<Act> {
        if norm.statistic == Statistic::Layer && values != Values::Normal {
            return refuse(
                path,
                "the channels that layer_norm takes the mean of have one that does not vanish with the width",
                "put it behind a dense layer or a convolution, or use rms_norm",
            );
        }
        let [own, own_bias] = match norm.affine {
            true => [1.0, f64::from(u8::from(self.site(path)?.dims.has_bias))],
            false => [0.0, 0.0],
        };
        Ok(Act::Norm(Norm { eps: norm.eps, own, own_bias }))
    }

    /// The rule of an activation of normal values; none of the identity.
    fn map(&mut self, activation: Activation, path: &str, values: &mut Values) -> Result<Option<Rule>> {
        let Some(rule) = Rule::of(activation, &mut self.series) else { return Ok(None) };
        if *values != Values::Normal {
            return Err(not_normal(path, activation.name(), *values).into());
        }
        *values = Values::Mapped;
        self.kinked |= rule.needs_gap();
        Ok(Some(rule))
    }

    /// The step of an activation inside a layer, between levels of its own.
    fn inner_map(&mut self, activation: Activation, path: &str) -> Result<Step> {
        let rule = self.map(activation, path, &mut Values::Normal)?;
        let (from, act) = (self.level(), rule.map_or(Act::Affine(Affine::factor(1.0)), Act::Map));
        Ok(Step { path: path.to_owned(), from, to: self.level(), act })
    }

    fn join(
        &mut self,
        of: &[(&[Layer], String, f64)],
        join: layer::Join,
        path: &str,
        from: usize,
        values: &mut Values,
    ) -> Result<Act> {
        let (before, grid, channels, complex) = (*values, self.grid, self.channels, self.complex);
        let (mut branches, mut widths) = (Vec::new(), Vec::new());
        let (mut dependent, mut normal, mut all_complex) = (0, true, true);
        for (layers, list, share) in of {
            (self.grid, self.channels, self.complex) = (grid, channels, complex);
            let (steps, end, leaves) = self.layers(layers, list, 0, from, before)?;
            if leaves == Values::Data {
                return refuse(
                    path,
                    "a branch hands on the data, whose channels do not grow with the width",
                    "begin the branch with a dense layer or a convolution",
                );
            }
            dependent += usize::from(!(leaves == Values::Normal && ends_in_weights(layers)));
            normal &= leaves == Values::Normal;
            all_complex &= self.complex;
            widths.push(self.channels as f64);
            branches.push(Branch { steps, end, share: *share, joined: self.level() });
        }
        let act = match join {
            layer::Join::Concat => {
                let all: f64 = widths.iter().sum();
                branches.iter_mut().zip(&widths).for_each(|(branch, width)| branch.share = width / all);
                self.channels = all as usize;
                Join::Sum
            }
            _ if dependent > 1 => {
                return refuse(
                    path,
                    "more than one branch does not end in weights of its own, so that they depend on one another",
                    "end all branches but one with a dense layer or a convolution",
                );
            }
            layer::Join::Sum => Join::Sum,
            layer::Join::Product => Join::Product,
        };
        // What is not normal is as good for a next layer's covariance. Channels of different laws are not one normal law.
        *values = if normal && join == layer::Join::Sum { Values::Normal } else { Values::Mapped };
        self.complex = all_complex && join != layer::Join::Concat;
        Ok(Act::Join { branches, join: act })
    }

    fn polynomial(&mut self, polynomial: &layer::Polynomial, path: &str, values: &mut Values) -> Result<Act> {
        let affine = Affine::new(&self.site(path)?, 1);
        for _ in 1..polynomial.degree {
            self.site(path)?;
        }
        self.weights(polynomial.out, values);
        let map = self.inner_map(polynomial.activation, path)?;
        *values = Values::Mapped;
        let mean = self.means;
        self.means += 1;
        let degree = polynomial.degree as u32;
        Ok(Act::Polynomial(Box::new(Polynomial { affine, map, degree, skip: polynomial.skip, mean })))
    }

    fn recurrent(&mut self, rnn: &layer::Recurrent, path: &str, values: &mut Values) -> Result<Vec<Act>> {
        if rnn.masked && *values != Values::Data {
            let hint = "let the masked layer be the first, or write masked = false";
            return refuse(path, "a mask that is no channel of the data", hint);
        }
        if !self.grid.is_flat() {
            return Err(Error::Bug(format!("{path}: a recurrent layer over rows and columns")));
        }
        let driven = Affine::new(&self.site(path)?, 1);
        let state = Affine::new(&self.site(path)?, 1);
        self.weights(rnn.out, values);
        let map = self.inner_map(rnn.activation, path)?;
        if matches!(map.act, Act::Map(_)) {
            *values = Values::Mapped;
        }
        Ok(vec![Act::Affine(driven), Act::Recurrent(Box::new(Recurrent { state, map, masked: rnn.masked }))])
    }

    fn attention(&mut self, attention: &layer::Attention, path: &str, values: &mut Values) -> Result<Vec<Act>> {
        if attention.scaling == Scaling::Root {
            return refuse(
                path,
                "softmax of scores that stay random at scaling = \"1/sqrt(d)\" has no mean in closed form",
                "write scaling = \"1/d\", whose scores have a limit (and tied = true, or all scores vanish)",
            );
        }
        if attention.param == Parameterization::Standard {
            let hint = "write param = \"ntk\", in which the queries' part of the kernel vanishes";
            return refuse(path, "attention in the standard parameterization has no infinite kernel here", hint);
        }
        let of_heads = if attention.tied { 3 } else { 4 };
        let sites = (0..of_heads * attention.heads).map(|_| self.site(path)).collect::<Result<Vec<_>>>()?;
        let (queries, output) = (Affine::new(&sites[0], 1), Affine::new(&sites[of_heads - 1], 1));
        self.weights(attention.out.unwrap_or(self.channels), values);
        let index = self.attentions;
        self.attentions += 1;
        // Values are made as queries are, so the scores of tied queries and keys are the values' covariances.
        Ok(vec![Act::Affine(queries), Act::Attend { index, uniform: !attention.tied }, Act::Affine(output)])
    }

    fn window(&mut self, window: Window) -> Act {
        self.windows.push(window.clone());
        Act::Window { window, index: self.windows.len() - 1 }
    }
}

/// Whether what leaves the layers is made by weights that nothing else has, and so independent of all that enters.
fn ends_in_weights(layers: &[Layer]) -> bool {
    match layers.split_last() {
        Some((Layer::Dense(_) | Layer::Conv(_) | Layer::ComplexDense(_) | Layer::Attention(_), _)) => true,
        Some((Layer::Activation(Activation::Identity | Activation::Monomial(1)) | Layer::Norm(_), before)) => {
            ends_in_weights(before)
        }
        Some((Layer::Pool(pool), before)) if pool.pooling == Pooling::Average => ends_in_weights(before),
        Some((Layer::Parallel(parallel), _)) => parallel.branches.iter().all(|branch| ends_in_weights(branch)),
        _ => false,
    }
}

fn refuse<T>(path: &str, what: &str, hint: &str) -> Result<T> {
    Err(ModelError::in_layer(path, what, hint).into())
}

fn not_normal(path: &str, name: &str, values: Values) -> ModelError {
    let what = match values {
        Values::Data => "acts on the data, before any weights",
        _ => "acts on values that are not normal in the limit: an activation, or a sum with one",
    };
    ModelError::in_layer(
        path,
        format_args!("{name} {what}, and has no limit in closed form there"),
        "put a dense layer before it",
    )
}
