//! A bitmap that `plotters` draws on, with text set by the font's own metrics.

use super::{Cells, PlotError, SCALE};
use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use plotters_backend::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, DrawingBackend, DrawingErrorKind};
use std::convert::Infallible;
use std::sync::LazyLock;

/// `plotters` gives font sizes as the height of the font's box; its SVG backend divides by this to get the em.
pub(super) const FONT_BOX: f64 = 1.24;

static FONT: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("../../../assets/Inter-subset.otf")).ok());

/// Width of a text in the unit of `size`, its em.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let Some(font) = FONT.as_ref() else {
        return 0.0;
    };
    let font = font.as_scaled(em_scale(font, size));
    text.chars().map(|c| f64::from(font.h_advance(font.glyph_id(c)))).sum()
}

/// `ab_glyph` measures a size from the ascender to the descender; typography measures it by the em.
fn em_scale(font: &FontRef<'_>, em: f64) -> PxScale {
    let units = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(em as f32 * font.height_unscaled() / units)
}

/// Opaque pixels, three bytes each, row by row.
pub(super) struct Raster {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<u8>,
}

impl Raster {
    /// A bitmap of one colour.
    ///
    /// # Errors
    /// If the embedded font cannot be read.
    pub(super) fn new(width: u32, height: u32, paper: [u8; 3]) -> Result<Self, PlotError> {
        if FONT.is_none() {
            return Err(PlotError("the embedded font is damaged".to_string()));
        }
        Ok(Self { width, height, rgb: paper.repeat(width as usize * height as usize) })
    }

    /// Fills the place of the cells with their colours.
    pub(super) fn paint(&mut self, cells: &Cells) {
        let [left, top, width, height] = cells.place.map(|x| (x * f64::from(SCALE)).round() as usize);
        for y in 0..height {
            let row = y * cells.rows / height;
            for x in 0..width {
                let column = x * cells.columns / width;
                let rgb = cells.palette[cells.indices[row * cells.columns + column] as usize];
                let at = 3 * ((top + y) * self.width as usize + left + x);
                if let Some(pixel) = self.rgb.get_mut(at..at + 3) {
                    pixel.copy_from_slice(&rgb);
                }
            }
        }
    }

    /// The bitmap at half its size, each pixel the mean of four.
    pub(super) fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let stride = 3 * self.width as usize;
        let mut rgb = Vec::with_capacity(3 * width as usize * height as usize);
        for y in 0..height as usize {
            for x in 0..width as usize {
                let at = 2 * y * stride + 6 * x;
                for c in at..at + 3 {
                    let sum =
                        [c, c + 3, c + stride, c + stride + 3].iter().map(|&i| u32::from(self.rgb[i])).sum::<u32>();
                    rgb.push(((sum + 2) / 4) as u8);
                }
            }
        }
        Self { width, height, rgb }
    }

    fn blend(&mut self, x: i32, y: i32, (r, g, b): (u8, u8, u8), alpha: f64) {
        if x < 0 || y < 0 || x >= self.width as i32 || y >= self.height as i32 {
            return;
        }
        let at = 3 * (y as usize * self.width as usize + x as usize);
        for (channel, new) in self.rgb[at..at + 3].iter_mut().zip([r, g, b]) {
            let mixed = f64::from(*channel) + alpha.clamp(0.0, 1.0) * (f64::from(new) - f64::from(*channel));
            *channel = mixed.round() as u8;
        }
    }
}

impl DrawingBackend for Raster {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Result<(), DrawingErrorKind<Infallible>> {
        self.blend(at.0, at.1, colour.rgb, colour.alpha);
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        at: BackendCoord,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let Some(font) = FONT.as_ref() else {
            return Ok(());
        };
        let em = style.size() / FONT_BOX;
        let width = text_width(text, em);
        let mut x = f64::from(at.0)
            - match style.anchor().h_pos {
                HPos::Left => 0.0,
                HPos::Center => width / 2.0,
                HPos::Right => width,
            };
        let scaled = font.as_scaled(em_scale(font, em));
        let colour = style.color();
        for c in text.chars() {
            let id = scaled.glyph_id(c);
            let glyph = id.with_scale_and_position(scaled.scale(), point(x as f32, at.1 as f32));
            if let Some(outline) = font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|dx, dy, coverage| {
                    let (px, py) = (corner.x as i32 + dx as i32, corner.y as i32 + dy as i32);
                    self.blend(px, py, colour.rgb, f64::from(coverage) * colour.alpha);
                });
            }
            x += f64::from(scaled.h_advance(id));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_font_has_every_sign_the_plots_use() {
        let font = FONT.as_ref().expect("the font parses");
        for c in "AZaz09⁻⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂ₙλκΘΩαω×·≈≤≥−–…|()".chars() {
            assert_ne!(font.glyph_id(c).0, 0, "{c} is missing");
        }
    }

    #[test]
    fn halving_takes_the_mean_of_four_pixels() {
        let raster = Raster { width: 2, height: 2, rgb: vec![0, 0, 255, 0, 4, 255, 0, 8, 255, 4, 8, 255] };
        assert_eq!(raster.halved().rgb, [1, 5, 255]);
    }

    #[test]
    fn cells_are_painted_where_they_belong() {
        let mut raster = Raster::new(16, 8, [9, 9, 9]).expect("a bitmap");
        let palette = vec![[1, 1, 1], [2, 2, 2]];
        raster.paint(&Cells { place: [1.0, 0.0, 2.0, 1.0], columns: 2, rows: 1, indices: vec![0, 1], palette });
        let row = raster.rgb[..48].iter().step_by(3).copied().collect::<Vec<_>>();
        assert_eq!(row, [9, 9, 9, 9, 1, 1, 1, 1, 2, 2, 2, 2, 9, 9, 9, 9]);
        assert!(raster.rgb[4 * 48..].iter().all(|&c| c == 9), "rows below the cells stay as they were");
    }

    #[test]
    fn drawing_outside_of_the_bitmap_changes_nothing() {
        let mut raster = Raster::new(4, 4, [7, 7, 7]).expect("a bitmap");
        for (x, y) in [(-1, 0), (0, -1), (4, 0), (0, 4), (i32::MAX, i32::MIN)] {
            raster.blend(x, y, (0, 0, 0), 1.0);
        }
        assert!(raster.rgb.iter().all(|&c| c == 7));
    }
}
