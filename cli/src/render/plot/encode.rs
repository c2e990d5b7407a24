//! Drawings as files: PNG bytes, base64, and the finishing of an SVG document.

use super::{Cells, PlotError, SCALE, colour};
use std::fmt::Write;

/// What the bytes of an image mean.
pub(super) enum Pixels<'a> {
    Rgb(&'a [u8]),
    Indexed { indices: &'a [u8], palette: &'a [[u8; 3]] },
}

/// A PNG file.
pub(super) fn png(width: u32, height: u32, pixels: Pixels<'_>) -> Result<Vec<u8>, PlotError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    // Flat areas and repeated cells: measured on heat maps, filters make the files a quarter larger.
    encoder.set_filter(png::Filter::NoFilter);
    let data = match pixels {
        Pixels::Rgb(rgb) => {
            encoder.set_color(png::ColorType::Rgb);
            rgb
        }
        Pixels::Indexed { indices, palette } => {
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(palette.concat());
            indices
        }
    };
    encoder
        .write_header()
        .and_then(|mut writer| {
            writer.write_image_data(data)?;
            writer.finish()
        })
        .map_err(|e| PlotError(e.to_string()))?;
    Ok(out)
}

/// Base64 with padding.
///
/// # Source
/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |word, (i, &b)| word | u32::from(b) << (16 - 8 * i));
        for i in 0..4 {
            let sextet = (word >> (18 - 6 * i)) & 63;
            out.push(if i <= chunk.len() { ALPHABET[sextet as usize] as char } else { '=' });
        }
    }
    out
}

/// Text as it may stand between tags or in an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Makes a document of what the SVG backend drew: nominal size, description, theme, and the cells as images.
pub(super) fn svg_document(
    drawing: &str,
    (width, height): (u32, u32),
    description: &str,
    cells: &[Cells],
) -> Result<String, PlotError> {
    let (_, body) =
        drawing.split_once(">\n").ok_or_else(|| PlotError("the SVG backend wrote no opening tag".to_string()))?;
    let mut out = format!(
        "<svg class=\"ntk-plot\" role=\"img\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<title>{}</title>\n<style>{}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
        width * SCALE,
        height * SCALE,
        escaped(description),
        colour::theme(),
        colour::hex(colour::PAPER),
    );
    for cells in cells {
        let [x, y, w, h] = cells.place.map(|v| (v * f64::from(SCALE)).round());
        let pixels = Pixels::Indexed { indices: &cells.indices, palette: &cells.palette };
        let image = base64(&png(cells.columns as u32, cells.rows as u32, pixels)?);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<image x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{image}\"/>"
        );
    }
    // `Pen::text` asks for baselines, for which the backend has no name: see there.
    out.push_str(&body.replace(" dy=\"-0.5ex\"", ""));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_the_vectors_of_rfc_4648() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }

    #[test]
    fn markup_and_control_characters_are_escaped() {
        assert_eq!(escaped("<a b=\"c\">&'\u{1}"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39; ");
    }

    #[test]
    fn an_indexed_png_decodes_to_its_palette() {
        let palette = [[1, 2, 3], [4, 5, 6]];
        let bytes = png(2, 1, Pixels::Indexed { indices: &[1, 0], palette: &palette }).expect("encodes");
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a header");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        reader.next_frame(&mut pixels).expect("a frame");
        assert_eq!(pixels, [4, 5, 6, 1, 2, 3]);
    }
}
