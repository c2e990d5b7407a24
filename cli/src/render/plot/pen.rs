//! Drawing in nominal pixels with fractions, on any `plotters` backend.

use super::{PlotError, SCALE, raster};
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontFamily,
};
use std::convert::Infallible;

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A colour with an opacity, and a line width in nominal pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    colour: [u8; 3],
    alpha: f64,
    width: f64,
}

impl Ink {
    /// An opaque line of one pixel.
    pub(super) fn new(colour: [u8; 3]) -> Self {
        Self { colour, alpha: 1.0, width: 1.0 }
    }

    /// The same with another opacity.
    pub(super) fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// The same with another line width.
    pub(super) fn width(self, width: f64) -> Self {
        Self { width, ..self }
    }
}

impl BackendStyle for Ink {
    fn color(&self) -> BackendColor {
        let [r, g, b] = self.colour;
        BackendColor { alpha: self.alpha, rgb: (r, g, b) }
    }

    fn stroke_width(&self) -> u32 {
        units(self.width).max(1) as u32
    }
}

/// How a text is set; both backends do the setting themselves.
struct Lettering {
    em: f64,
    colour: [u8; 3],
    anchor: Pos,
}

impl BackendTextStyle for Lettering {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        Ink::new(self.colour).color()
    }

    fn size(&self) -> f64 {
        self.em * raster::FONT_BOX
    }

    fn anchor(&self) -> Pos {
        self.anchor
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::SansSerif
    }

    fn layout_box(&self, text: &str) -> Result<((i32, i32), (i32, i32)), Infallible> {
        Ok(((0, 0), (raster::text_width(text, self.em).ceil() as i32, self.em.ceil() as i32)))
    }

    /// For backends without letters of their own; neither of ours asks for it.
    fn draw<E, F: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        _text: &str,
        _at: BackendCoord,
        _draw: F,
    ) -> Result<Result<(), E>, Infallible> {
        Ok(Ok(()))
    }
}

/// A backend with nominal coordinates.
pub(crate) struct Pen<'a, B: DrawingBackend> {
    backend: &'a mut B,
}

impl<'a, B: DrawingBackend> Pen<'a, B> {
    pub(super) fn new(backend: &'a mut B) -> Self {
        Self { backend }
    }

    pub(super) fn line(&mut self, from: [f64; 2], to: [f64; 2], ink: Ink) -> Result<(), PlotError> {
        self.backend.draw_line(point(from), point(to), &ink).map_err(failed)
    }

    /// A line of dashes five pixels long, four apart.
    pub(super) fn dashes(&mut self, from: [f64; 2], to: [f64; 2], ink: Ink) -> Result<(), PlotError> {
        const DASH: f64 = 5.0;
        const PERIOD: f64 = 9.0;
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = dx.hypot(dy);
        let at = |s: f64| [from[0] + dx * s / length, from[1] + dy * s / length];
        let mut start = 0.0;
        while start < length {
            self.line(at(start), at((start + DASH).min(length)), ink)?;
            start += PERIOD;
        }
        Ok(())
    }

    pub(super) fn path(&mut self, points: &[[f64; 2]], ink: Ink) -> Result<(), PlotError> {
        if points.len() < 2 {
            return Ok(());
        }
        self.backend.draw_path(points.iter().copied().map(point), &ink).map_err(failed)
    }

    pub(super) fn polygon(&mut self, points: &[[f64; 2]], ink: Ink) -> Result<(), PlotError> {
        self.backend.fill_polygon(points.iter().copied().map(point), &ink).map_err(failed)
    }

    pub(super) fn frame(&mut self, place: [f64; 4], ink: Ink) -> Result<(), PlotError> {
        let [x, y, w, h] = place;
        self.backend.draw_rect(point([x, y]), point([x + w, y + h]), &ink, false).map_err(failed)
    }

    pub(super) fn dot(&mut self, centre: [f64; 2], radius: f64, ink: Ink) -> Result<(), PlotError> {
        self.backend.draw_circle(point(centre), units(radius).max(1) as u32, &ink, true).map_err(failed)
    }

    /// One line of text whose baseline passes through `at`.
    pub(super) fn text(
        &mut self,
        text: &str,
        at: [f64; 2],
        anchor: Anchor,
        size: f64,
        colour: [u8; 3],
    ) -> Result<(), PlotError> {
        let h_pos = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        // `Bottom` stands for the baseline here: the raster backend treats it so, and `encode` removes the shift that
        // the SVG backend adds to it.
        let style = Lettering { em: size * f64::from(SCALE), colour, anchor: Pos::new(h_pos, VPos::Bottom) };
        self.backend.draw_text(&printable(text), &style, point(at)).map_err(failed)
    }
}

/// The longest beginning of `text` that is at most `width` pixels wide, with an ellipsis where something was cut.
pub(super) fn fitted(text: &str, size: f64, width: f64) -> String {
    /// Readers of an SVG have fonts of their own; common ones are up to this much wider than the embedded one.
    const WIDEST: f64 = 1.12;
    let width = width / WIDEST;
    // No line of any plot has room for more, and cutting down a longer one a letter at a time would take long.
    let text = printable(text).chars().take(400).collect::<String>();
    if raster::text_width(&text, size) <= width {
        return text;
    }
    let mut kept = text;
    while kept.pop().is_some() {
        let shortened = format!("{}…", kept.trim_end());
        if raster::text_width(&shortened, size) <= width {
            return shortened;
        }
    }
    String::new()
}

/// Control characters are not allowed in XML and have no shape, so they become spaces.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c }).collect()
}

fn point([x, y]: [f64; 2]) -> (i32, i32) {
    (units(x), units(y))
}

fn units(x: f64) -> i32 {
    (x * f64::from(SCALE)).round() as i32
}

fn failed<E: std::error::Error + Send + Sync>(error: DrawingErrorKind<E>) -> PlotError {
    PlotError(error.to_string())
}
