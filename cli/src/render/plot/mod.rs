//! Plots, each as an SVG document and as a PNG of twice its nominal size.
//!
//! The backends of `plotters` draw: the SVG one as it is, and the common rasterisers through a backend of ours
//! (`raster`), because the library's own bitmap text ignores side bearings and so sets letters unevenly. Axes and
//! layout are ours too (`axis`, `pen`): its chart layer, which is left out of the build, knows neither raised
//! exponents nor a rail for the zeros that a log axis cannot hold.
//!
//! The font (Inter, SIL Open Font License, `assets/Inter-LICENSE.txt`) is embedded, so that no system font or C
//! library is needed and every machine draws the same bytes.

mod axis;
mod bands;
mod chart;
mod colour;
mod curves;
mod encode;
mod graph;
mod grid;
mod heatmap;
mod law;
mod lines;
mod map;
mod matrix;
mod panels;
mod pen;
mod raster;
pub(crate) mod scaling;
mod spectrum;
mod surface;

pub(crate) use axis::Scale;
pub(crate) use bands::{Band, Bands};
pub(crate) use curves::{Curves, Series};
pub(crate) use graph::{Graph, GraphBox};
pub(crate) use grid::Grid;
pub(crate) use heatmap::Heatmap;
pub(crate) use law::Law;
pub(crate) use lines::Lines;
pub(crate) use panels::Panels;
pub(crate) use spectrum::{Floor, Spectrum};
pub(crate) use surface::Surface;

use pen::Pen;
use plotters_backend::DrawingBackend;
use plotters_svg::SVGBackend;
use raster::Raster;
use std::fmt;

/// Drawing units per nominal pixel: `plotters` rounds coordinates to whole units, so these are made small.
const SCALE: u32 = 4;

/// A plot could not be drawn.
#[derive(Debug)]
pub(crate) struct PlotError(String);

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plot could not be drawn: {}; use --no-report to go without plots", self.0)
    }
}

impl std::error::Error for PlotError {}

/// A table of coloured cells lying under the drawing.
pub(crate) struct Cells {
    /// Left, top, width and height in nominal pixels.
    place: [f64; 4],
    columns: usize,
    rows: usize,
    /// Row by row, an index into `palette` each.
    indices: Vec<u8>,
    palette: Vec<[u8; 3]>,
}

impl<F: Figure> Figure for &F {
    fn size(&self) -> (u32, u32) {
        (**self).size()
    }
    fn description(&self) -> String {
        (**self).description()
    }
    fn cells(&self) -> Vec<Cells> {
        (**self).cells()
    }
    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError> {
        (**self).draw(pen)
    }
}

/// What a command shows, as a document and as an image.
pub(crate) trait Plot {
    /// What is drawn, its axes chosen.
    fn figure(&self) -> Result<impl Figure, PlotError>;

    /// The plot as an SVG document that follows the reader's light or dark theme.
    ///
    /// # Errors
    /// Those of [`Plot::figure`], and of the drawing library.
    fn svg(&self) -> Result<String, PlotError> {
        svg(&self.figure()?)
    }

    /// The plot as PNG bytes, twice as many pixels each way as its nominal size, on white.
    ///
    /// # Errors
    /// As [`Plot::svg`].
    fn png(&self) -> Result<Vec<u8>, PlotError> {
        png(&self.figure()?)
    }
}

/// Something that can be drawn by any backend.
pub(crate) trait Figure {
    /// Width and height in nominal pixels.
    fn size(&self) -> (u32, u32);
    /// What the picture shows, in words, for those who cannot see it.
    fn description(&self) -> String;
    /// Images to put between the background and the drawing.
    fn cells(&self) -> Vec<Cells>;
    /// Everything else.
    fn draw<B: DrawingBackend>(&self, pen: &mut Pen<'_, B>) -> Result<(), PlotError>;
}

fn svg(figure: &impl Figure) -> Result<String, PlotError> {
    let (width, height) = figure.size();
    let mut drawing = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut drawing, (width * SCALE, height * SCALE));
        figure.draw(&mut Pen::new(&mut backend))?;
        backend.present().map_err(|e| PlotError(e.to_string()))?;
    }
    encode::svg_document(&drawing, (width, height), &figure.description(), &figure.cells())
}

fn png(figure: &impl Figure) -> Result<Vec<u8>, PlotError> {
    let (width, height) = figure.size();
    let mut raster = Raster::new(width * SCALE, height * SCALE, colour::PAPER)?;
    for cells in figure.cells() {
        raster.paint(&cells);
    }
    figure.draw(&mut Pen::new(&mut raster))?;
    let half = raster.halved();
    encode::png(half.width, half.height, encode::Pixels::Rgb(&half.rgb))
}

#[cfg(test)]
mod tests;
