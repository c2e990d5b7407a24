//! The colours of the plots, light and dark, and the colour maps.

/// Background.
pub(super) const PAPER: [u8; 3] = [0xff, 0xff, 0xff];
/// Titles and what is read first.
pub(super) const INK: [u8; 3] = [0x1c, 0x21, 0x2b];
/// Labels.
pub(super) const MUTED: [u8; 3] = [0x5c, 0x66, 0x75];
/// Axis lines.
pub(super) const AXIS: [u8; 3] = [0xb4, 0xbb, 0xc6];
/// Grid lines.
pub(super) const GRID: [u8; 3] = [0xe8, 0xeb, 0xef];
/// Data.
pub(super) const DATA: [u8; 3] = [0x1f, 0x5f, 0xbf];
/// Data that deserves a second look.
pub(super) const ALERT: [u8; 3] = [0xc8, 0x4b, 0x0e];
/// Further series of data.
pub(super) const THIRD: [u8; 3] = [0x1b, 0x7f, 0x5c];
/// And one more.
pub(super) const FOURTH: [u8; 3] = [0x8a, 0x3f, 0x9e];
/// Further ones, where there are many.
const FIFTH: [u8; 3] = [0xa8, 0x7b, 0x00];
const SIXTH: [u8; 3] = [0x1c, 0x93, 0xb8];
const SEVENTH: [u8; 3] = [0xb8, 0x2e, 0x6d];
const EIGHTH: [u8; 3] = [0x6b, 0x4f, 0x3a];
/// The colours of series, in turn. Neighbours differ in lightness or on the axis from blue to yellow, so that they are told
/// apart by those who do not see red or green.
pub(super) const SERIES: [[u8; 3]; 8] = [DATA, ALERT, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH];
/// Lines over a colour map; the same in both themes, because the map is.
pub(super) const OVERLAY: [u8; 3] = [0xfe, 0xfe, 0xfe];

/// Each colour and its counterpart on a dark background.
const DARK: [([u8; 3], [u8; 3]); 13] = [
    (PAPER, [0x15, 0x18, 0x1e]),
    (INK, [0xec, 0xee, 0xf2]),
    (MUTED, [0xa3, 0xac, 0xba]),
    (AXIS, [0x56, 0x5e, 0x6b]),
    (GRID, [0x29, 0x2e, 0x37]),
    (DATA, [0x79, 0xb0, 0xff]),
    (ALERT, [0xff, 0x96, 0x5c]),
    (THIRD, [0x5f, 0xd0, 0xa5]),
    (FOURTH, [0xd4, 0x98, 0xe6]),
    (FIFTH, [0xe6, 0xc0, 0x4a]),
    (SIXTH, [0x6f, 0xd3, 0xf0]),
    (SEVENTH, [0xff, 0x8d, 0xbf]),
    (EIGHTH, [0xc9, 0xa9, 0x8f]),
];

/// A colour as `plotters` writes it.
pub(super) fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// Style rules that exchange the colours of a plot when the reader's theme is dark; paper stays light.
pub(super) fn theme() -> String {
    let mut rules = String::from(
        ".ntk-plot{max-width:100%;height:auto}.ntk-plot text{font-family:Inter,system-ui,\"Segoe UI\",Roboto,\
         \"Helvetica Neue\",Arial,sans-serif}@media screen and (prefers-color-scheme:dark){",
    );
    for (light, dark) in DARK {
        let (light, dark) = (hex(light), hex(dark));
        rules.push_str(&format!(
            ".ntk-plot [fill=\"{light}\"]{{fill:{dark}}}.ntk-plot [stroke=\"{light}\"]{{stroke:{dark}}}"
        ));
    }
    rules.push('}');
    rules
}

/// Colours of a map; the palette has one more, for what is not a number.
pub(super) const LEVELS: usize = 255;
/// The palette's index for what is not a number.
pub(super) const NOT_A_NUMBER: u8 = LEVELS as u8;

/// Which colours stand for which values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColourMap {
    /// Dark to light: for values of one sign.
    Sequential,
    /// Blue through white to red: for values around zero.
    Diverging,
}

/// Points that the maps pass through: lightness, chroma and hue (degrees) in OKLCh.
const SEQUENTIAL: [[f64; 3]; 6] = [
    [0.19, 0.070, 285.0],
    [0.36, 0.115, 272.0],
    [0.52, 0.105, 235.0],
    [0.68, 0.115, 178.0],
    [0.83, 0.155, 130.0],
    [0.955, 0.110, 105.0],
];
const BLUES: [[f64; 3]; 4] = [[0.34, 0.105, 262.0], [0.54, 0.125, 252.0], [0.78, 0.070, 240.0], [0.97, 0.004, 240.0]];
const REDS: [[f64; 3]; 4] = [[0.97, 0.004, 50.0], [0.78, 0.090, 50.0], [0.55, 0.150, 35.0], [0.34, 0.110, 25.0]];

impl ColourMap {
    /// `LEVELS` colours from the least value to the greatest, then the grey of `NOT_A_NUMBER`.
    ///
    /// Equal steps of value are equal steps of perceived colour: the path is divided by its arc length in OKLab.
    ///
    /// # Source
    /// B. Ottosson, "A perceptual color space for image processing" (2020).
    pub(super) fn palette(self) -> Vec<[u8; 3]> {
        let mut palette = self.oklab().into_iter().map(srgb).collect::<Vec<_>>();
        palette.push([0x80, 0x80, 0x80]);
        palette
    }

    fn oklab(self) -> Vec<[f64; 3]> {
        match self {
            Self::Sequential => path(&SEQUENTIAL, LEVELS),
            Self::Diverging => {
                let half = LEVELS / 2 + 1;
                let mut colours = path(&BLUES, half);
                colours.extend(path(&REDS, half).into_iter().skip(1));
                colours
            }
        }
    }
}

/// `levels` colours, evenly spaced along a smooth curve through the points.
fn path(points: &[[f64; 3]], levels: usize) -> Vec<[f64; 3]> {
    const FINE: usize = 4096;
    let lab =
        points.iter().map(|&[l, c, h]| [l, c * h.to_radians().cos(), c * h.to_radians().sin()]).collect::<Vec<_>>();
    let fine = (0..=FINE).map(|i| curve(&lab, i as f64 / FINE as f64)).collect::<Vec<_>>();
    let mut length = vec![0.0];
    for pair in fine.windows(2) {
        length.push(length[length.len() - 1] + distance(pair[0], pair[1]));
    }
    let total = length[FINE];
    (0..levels)
        .map(|k| {
            let target = total * k as f64 / (levels - 1) as f64;
            fine[length.partition_point(|&s| s < target).min(FINE)]
        })
        .collect()
}

/// A Catmull-Rom curve: smooth, and through every point.
fn curve(points: &[[f64; 3]], t: f64) -> [f64; 3] {
    let last = points.len() - 1;
    let s = t * last as f64;
    let i = (s as usize).min(last - 1);
    let u = s - i as f64;
    let at = |j: usize| points[j.min(last)];
    // At the ends the neighbour that is missing is the mirror image of the one on the other side.
    let before = if i == 0 { mirror(at(0), at(1)) } else { at(i - 1) };
    let after = if i + 2 > last { mirror(at(last), at(last - 1)) } else { at(i + 2) };
    let (a, b) = (at(i), at(i + 1));
    std::array::from_fn(|c| {
        let slope_a = (b[c] - before[c]) / 2.0;
        let slope_b = (after[c] - a[c]) / 2.0;
        let (u2, u3) = (u * u, u * u * u);
        (2.0 * u3 - 3.0 * u2 + 1.0) * a[c]
            + (u3 - 2.0 * u2 + u) * slope_a
            + (3.0 * u2 - 2.0 * u3) * b[c]
            + (u3 - u2) * slope_b
    })
}

fn mirror(centre: [f64; 3], other: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|c| 2.0 * centre[c] - other[c])
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
}

/// OKLab to linear light.
fn linear_rgb([l, a, b]: [f64; 3]) -> [f64; 3] {
    let long = (l + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let medium = (l - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let short = (l - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    [
        4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701 * short,
    ]
}

fn srgb(lab: [f64; 3]) -> [u8; 3] {
    linear_rgb(lab).map(|light| {
        let light = light.clamp(0.0, 1.0);
        let encoded = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
        (255.0 * encoded).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_and_black_of_oklab_are_white_and_black() {
        assert_eq!(srgb([1.0, 0.0, 0.0]), [255, 255, 255]);
        assert_eq!(srgb([0.0, 0.0, 0.0]), [0, 0, 0]);
        // Ottosson's own example: pure red has these coordinates.
        assert_eq!(srgb([0.627_955, 0.224_863, 0.125_846]), [255, 0, 0]);
    }

    #[test]
    fn steps_of_a_map_are_perceptually_equal() {
        for map in [ColourMap::Sequential, ColourMap::Diverging] {
            let colours = map.oklab();
            assert_eq!(colours.len(), LEVELS);
            for half in [&colours[..LEVELS / 2], &colours[LEVELS / 2 + 1..]] {
                let steps = half.windows(2).map(|p| distance(p[0], p[1])).collect::<Vec<_>>();
                let mean = steps.iter().sum::<f64>() / steps.len() as f64;
                for step in steps {
                    assert!((step - mean).abs() < 0.1 * mean, "{map:?}: a step of {step} among {mean}");
                }
            }
        }
    }

    #[test]
    fn lightness_rises_along_the_sequential_map_and_peaks_in_the_middle_of_the_diverging_one() {
        let rises = |colours: &[[f64; 3]]| colours.windows(2).all(|p| p[1][0] > p[0][0]);
        assert!(rises(&ColourMap::Sequential.oklab()));
        let mut diverging = ColourMap::Diverging.oklab();
        assert!(rises(&diverging[..=LEVELS / 2]));
        diverging.reverse();
        assert!(rises(&diverging[..LEVELS / 2]));
    }

    #[test]
    fn no_colour_of_a_map_is_clipped_by_the_screen() {
        for map in [ColourMap::Sequential, ColourMap::Diverging] {
            for (i, lab) in map.oklab().into_iter().enumerate() {
                let rgb = linear_rgb(lab);
                assert!(rgb.iter().all(|&c| (-0.002..=1.002).contains(&c)), "{map:?} {i}: {rgb:?}");
            }
        }
    }

    #[test]
    fn every_colour_but_the_overlay_has_a_dark_counterpart() {
        let rules = theme();
        for colour in [PAPER, INK, MUTED, AXIS, GRID].into_iter().chain(SERIES) {
            assert!(rules.contains(&format!("[fill=\"{}\"]", hex(colour))));
        }
        assert!(!rules.contains(&hex(OVERLAY)));
    }
}
