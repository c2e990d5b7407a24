//! Directed graphs without cycles, drawn in layers.
//!
//! # Source
//! The layered method of Sugiyama, Tagawa and Toda (1981): layers by longest path, edges over several layers led through
//! bends that take part in the ordering, orders by barycentres swept down and up, coordinates by order.

use std::fmt::Write;

use plotters_backend::DrawingBackend;

use super::pen::{Anchor, Ink, Pen};
use super::{Cells, Figure, Plot, PlotError, colour, raster};

/// A graph; every box comes after those that it has arrows from.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    /// What it shows.
    pub(crate) title: String,
    /// Its boxes.
    pub(crate) boxes: Vec<GraphBox>,
}

/// A box of a graph.
#[derive(Debug, Clone)]
pub(crate) struct GraphBox {
    /// The boxes that arrows come from.
    pub(crate) inputs: Vec<usize>,
    /// What is written in it.
    pub(crate) lines: Vec<String>,
    /// Whether it was given and not computed.
    pub(crate) given: bool,
    /// Whether it is set off.
    pub(crate) strong: bool,
}

/// Sizes in nominal pixels.
const FONT: f64 = 12.0;
const LINE: f64 = 16.0;
const PADDING: f64 = 9.0;
const GAP: f64 = 26.0;
const BETWEEN: f64 = 46.0;
const MARGIN: f64 = 24.0;
/// Width of a bend in an edge that passes a layer.
const BEND: f64 = 10.0;

impl Graph {
    /// More boxes than this are no picture.
    pub(crate) const MOST: usize = 400;

    /// The graph for Graphviz.
    pub(crate) fn dot(&self) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut out = format!(
            "digraph tape {{\n  label=\"{}\";\n  node [shape=box, fontname=\"sans-serif\"];\n",
            quoted(&self.title)
        );
        for (id, node) in self.boxes.iter().enumerate() {
            let lines: Vec<String> = node.lines.iter().map(|line| quoted(line)).collect();
            let style = if node.given { ", style=rounded" } else { "" };
            let _ = writeln!(out, "  n{id} [label=\"{}\"{style}];", lines.join("\\n"));
        }
        for (id, node) in self.boxes.iter().enumerate() {
            for input in &node.inputs {
                let _ = writeln!(out, "  n{input} -> n{id};");
            }
        }
        out.push_str("}\n");
        out
    }
}

impl Plot for Graph {
    fn figure(&self) -> Result<impl Figure, PlotError> {
        Ok(Layout::new(self))
    }
}

/// A box, or a bend of an edge on its way through a layer.
struct Item {
    layer: usize,
    width: f64,
    /// Items in the layer above that lines come from.
    above: Vec<usize>,
    /// Items in the layer below that lines go to.
    below: Vec<usize>,
    /// The middle of it.
    x: f64,
}

struct Layout<'g> {
    graph: &'g Graph,
    items: Vec<Item>,
    /// Top of each layer.
    tops: Vec<f64>,
    /// Every arrow, as the items that it passes.
    arrows: Vec<Vec<usize>>,
    height_of_box: f64,
    size: [f64; 2],
}

impl<'g> Layout<'g> {
    fn new(graph: &'g Graph) -> Self {
        let mut items = boxes(graph);
        let arrows = lead(graph, &mut items);
        let layers = items.iter().map(|item| item.layer + 1).max().unwrap_or(0);
        let mut order: Vec<Vec<usize>> = vec![Vec::new(); layers];
        items.iter().enumerate().for_each(|(id, item)| order[item.layer].push(id));
        sort(&mut order, &items);
        let lines = graph.boxes.iter().map(|node| node.lines.len()).max().unwrap_or(1);
        let height_of_box = lines as f64 * LINE + 2.0 * PADDING - 4.0;
        let width = place(&order, &mut items);
        let title = raster::text_width(&graph.title, 14.0) * 1.12;
        let tops = (0..layers).map(|layer| MARGIN + 26.0 + layer as f64 * (height_of_box + BETWEEN)).collect();
        let height = 26.0 + layers as f64 * (height_of_box + BETWEEN) - BETWEEN + 2.0 * MARGIN;
        let size = [width.max(title.min(700.0)).max(160.0) + 2.0 * MARGIN, height];
        // In the middle of what the title may have widened.
        let shift = (size[0] - width) / 2.0;
        items.iter_mut().for_each(|item| item.x += shift);
        Self { graph, items, tops, arrows, height_of_box, size }
    }
}

/// The boxes in layers: computed ones one below what they read, given ones one above where they are first read.
fn boxes(graph: &Graph) -> Vec<Item> {
    let mut layers: Vec<usize> = Vec::with_capacity(graph.boxes.len());
    for node in &graph.boxes {
        layers.push(node.inputs.iter().map(|&input| layers[input] + 1).max().unwrap_or(0));
    }
    for (id, node) in graph.boxes.iter().enumerate().filter(|(_, node)| node.inputs.is_empty()) {
        let readers = graph.boxes.iter().enumerate().filter(|(_, reader)| reader.inputs.contains(&id));
        let first = readers.map(|(reader, _)| layers[reader]).min();
        if node.given {
            layers[id] = first.map_or(0, |first| first - 1);
        }
    }
    let wide = |node: &GraphBox| {
        // Readers' fonts may be wider than the embedded one.
        node.lines.iter().map(|line| raster::text_width(line, FONT) * 1.12).fold(28.0, f64::max) + 2.0 * PADDING
    };
    let item = |(node, &layer)| Item { layer, width: wide(node), above: Vec::new(), below: Vec::new(), x: 0.0 };
    graph.boxes.iter().zip(&layers).map(item).collect()
}

/// Leads every edge from layer to layer, over bends where it passes some.
fn lead(graph: &Graph, items: &mut Vec<Item>) -> Vec<Vec<usize>> {
    let mut arrows = Vec::new();
    for (to, node) in graph.boxes.iter().enumerate() {
        for &from in &node.inputs {
            let mut path = vec![from];
            for layer in items[from].layer + 1..items[to].layer {
                items.push(Item { layer, width: BEND, above: Vec::new(), below: Vec::new(), x: 0.0 });
                path.push(items.len() - 1);
            }
            path.push(to);
            for step in path.windows(2) {
                items[step[0]].below.push(step[1]);
                items[step[1]].above.push(step[0]);
            }
            arrows.push(path);
        }
    }
    arrows
}

/// Orders each layer by the mean place of its neighbours, down and up in turn.
fn sort(order: &mut [Vec<usize>], items: &[Item]) {
    const ROUNDS: usize = 8;
    let mut place = vec![0.0; items.len()];
    let number = |layer: &[usize], place: &mut Vec<f64>| {
        layer.iter().enumerate().for_each(|(at, &id)| place[id] = at as f64 - (layer.len() - 1) as f64 / 2.0);
    };
    order.iter().for_each(|layer| number(layer, &mut place));
    for round in 0..ROUNDS {
        let down = round % 2 == 0;
        for at in 0..order.len() {
            let layer = if down { at } else { order.len() - 1 - at };
            let mean = |id: usize| {
                let near = if down { &items[id].above } else { &items[id].below };
                if near.is_empty() {
                    place[id]
                } else {
                    near.iter().map(|&n| place[n]).sum::<f64>() / near.len() as f64
                }
            };
            let mut keyed: Vec<(f64, usize)> = order[layer].iter().map(|&id| (mean(id), id)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            order[layer] = keyed.into_iter().map(|(_, id)| id).collect();
            number(&order[layer], &mut place);
        }
    }
}

/// Gives every item its middle: near its neighbours', no two of a layer over one another. The width of it all.
fn place(order: &[Vec<usize>], items: &mut [Item]) -> f64 {
    const ROUNDS: usize = 12;
    for layer in order {
        let mut x = 0.0;
        for &id in layer {
            items[id].x = x + items[id].width / 2.0;
            x += items[id].width + GAP;
        }
    }
    for round in 0..ROUNDS {
        let down = round % 2 == 0;
        for at in 0..order.len() {
            let layer = &order[if down { at } else { order.len() - 1 - at }];
            let wish = |id: usize, items: &[Item]| {
                let near: Vec<usize> = items[id].above.iter().chain(&items[id].below).copied().collect();
                if near.is_empty() {
                    return items[id].x;
                }
                near.iter().map(|&n| items[n].x).sum::<f64>() / near.len() as f64
            };
            let wishes: Vec<f64> = layer.iter().map(|&id| wish(id, items)).collect();
            spread(layer, &wishes, items);
        }
    }
    let left = items.iter().map(|item| item.x - item.width / 2.0).fold(f64::INFINITY, f64::min);
    let right = items.iter().map(|item| item.x + item.width / 2.0).fold(0.0, f64::max);
    items.iter_mut().for_each(|item| item.x -= left);
    if items.is_empty() { 0.0 } else { right - left }
}

/// Puts a layer where it wishes to be, as nearly as its order and widths allow: runs that collide share their mean shift.
fn spread(layer: &[usize], wishes: &[f64], items: &mut [Item]) {
    // Offsets that the widths demand, so that `x - offset` may not fall along the layer.
    let mut offsets = vec![0.0; layer.len()];
    for i in 1..layer.len() {
        offsets[i] = offsets[i - 1] + (items[layer[i - 1]].width + items[layer[i]].width) / 2.0 + GAP;
    }
    // Isotonic regression by pooling neighbours.
    let mut runs: Vec<(f64, usize)> = Vec::new();
    for (wish, offset) in wishes.iter().zip(&offsets) {
        runs.push((wish - offset, 1));
        while let [.., (before, many), (last, few)] = runs[..]
            && before > last
        {
            runs.pop();
            let sum = before * many as f64 + last * few as f64;
            let at = runs.len() - 1;
            runs[at] = (sum / (many + few) as f64, many + few);
        }
    }
    let mut at = 0;
    for (level, many) in runs {
        for _ in 0..many {
            items[layer[at]].x = level + offsets[at];
            at += 1;
        }
    }
}

impl Figure for Layout<'_> {
    fn size(&self) -> (u32, u32) {
        (self.size[0].ceil() as u32, self.size[1].ceil() as u32)
    }

    fn description(&self) -> String {
        let arrows = self.arrows.len();
        format!(
            "{}: {} boxes in {} layers, {arrows} arrows.",
            self.graph.title,
            self.graph.boxes.len(),
            self.tops.len()
        )
    }

    fn cells(&self) -> Vec<Cells> {
        Vec::new()
    }

    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        let title = super::pen::fitted(&self.graph.title, 14.0, self.size[0] - 2.0 * MARGIN);
        pen.text(&title, [MARGIN, MARGIN + 4.0], Anchor::Start, 14.0, colour::INK)?;
        let tall = self.height_of_box;
        for path in &self.arrows {
            let mut points = Vec::new();
            for (at, &id) in path.iter().enumerate() {
                let top = self.tops[self.items[id].layer];
                if at > 0 {
                    points
                        .push([self.port(id, path[at - 1], true), top - if at + 1 == path.len() { 6.0 } else { 0.0 }]);
                }
                if at + 1 < path.len() {
                    points.push([self.port(id, path[at + 1], false), top + tall]);
                }
            }
            pen.path(&points, Ink::new(colour::MUTED).width(1.2))?;
            if let [.., from, tip] = points[..] {
                let (dx, dy) = (tip[0] - from[0], tip[1] - from[1]);
                let long = dx.hypot(dy).max(1e-9);
                let (ux, uy) = (dx / long, dy / long);
                let wing = |side: f64| [tip[0] - 1.0 * ux - 3.6 * side * uy, tip[1] - 1.0 * uy + 3.6 * side * ux];
                pen.polygon(&[[tip[0] + 6.0 * ux, tip[1] + 6.0 * uy], wing(1.0), wing(-1.0)], Ink::new(colour::MUTED))?;
            }
        }
        for (node, item) in self.graph.boxes.iter().zip(&self.items) {
            let (x, y) = (item.x - item.width / 2.0, self.tops[item.layer]);
            let ink = if node.strong { colour::DATA } else { colour::AXIS };
            let width = if node.strong { 1.8 } else { 1.2 };
            pen.polygon(
                &[[x, y], [x + item.width, y], [x + item.width, y + tall], [x, y + tall]],
                Ink::new(colour::PAPER),
            )?;
            pen.frame([x, y, item.width, tall], Ink::new(ink).width(width))?;
            for (at, line) in node.lines.iter().enumerate() {
                let ink = if at == 0 { colour::INK } else { colour::MUTED };
                let baseline = y + PADDING + 10.0 + at as f64 * LINE;
                pen.text(line, [item.x, baseline], Anchor::Middle, FONT, ink)?;
            }
        }
        Ok(())
    }
}

impl Layout<'_> {
    /// Where a line between `id` and `other` meets the top or the bottom of `id`: lines side by side, in the order of
    /// their other ends.
    fn port(&self, id: usize, other: usize, top: bool) -> f64 {
        let item = &self.items[id];
        let near = if top { &item.above } else { &item.below };
        let mut ends: Vec<(f64, usize)> = near.iter().map(|&n| (self.items[n].x, n)).collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let at = ends.iter().position(|&(_, n)| n == other).unwrap_or(0);
        let apart = (item.width / (near.len() + 1) as f64).min(16.0);
        item.x + (at as f64 - (near.len() as f64 - 1.0) / 2.0) * apart
    }
}
