//! Properties of whole plots: well-formed, of the promised size, honest about what they show.

use super::*;
use crate::render::report::tests::check_markup;

/// A kernel with `classes` blocks, a heavy diagonal and some texture.
fn kernel(n: usize, m: usize, classes: usize) -> Vec<f64> {
    let wave = |i: usize, j: usize| ((i * 7 + j * 3) as f64 * 0.7).sin() * ((i * 3 + j * 7) as f64 * 0.7).sin();
    (0..n * m)
        .map(|k| {
            let (i, j) = (k / m, k % m);
            let block = if i % classes == j % classes { 0.6 } else { 0.0 };
            let diagonal = if i == j { 4.0 } else { 0.0 };
            1.0 + block + diagonal + 0.2 * wave(i, j)
        })
        .collect()
}

fn spectrum(values: &[f64]) -> Spectrum<'_> {
    Spectrum { title: "Spectrum of Θ", values, total: None, floor: None }
}

fn heatmap(values: &[f64], shape: [usize; 2]) -> Heatmap<'_> {
    Heatmap {
        title: "Θ",
        quantity: "Θ(x, x′)",
        values,
        shape,
        row_classes: None,
        column_classes: None,
        class_names: &[],
        axis_names: ["sample", "sample"],
    }
}

/// Width and height from the header of a PNG file.
fn png_size(png: &[u8]) -> (u32, u32) {
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n", "the signature");
    let number = |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]);
    (number(16), number(20))
}

#[test]
fn a_spectrum_is_well_formed_in_both_formats() {
    let values = (1..=512).map(|k| 800.0 * f64::from(k).powf(-1.6)).collect::<Vec<_>>();
    let plot = spectrum(&values);
    let svg = plot.svg().expect("an svg");
    check_markup(&svg);
    assert!(svg.contains("n = 512 eigenvalues") && svg.contains("largest 800.0"));
    assert!(svg.len() < 100_000, "{} bytes", svg.len());
    assert_eq!(png_size(&plot.png().expect("a png")), (1440, 932));
}

#[test]
fn every_odd_set_of_eigenvalues_can_be_drawn() {
    let odd: [&[f64]; 9] = [
        &[],
        &[0.0],
        &[-1.0],
        &[3.0],
        &[f64::NAN, f64::INFINITY],
        &[1.0, 0.0, -1e-17, f64::NAN],
        &[5e-324, 1e308],
        &[2.0; 3],
        &[-3.0, -2.0, -0.0],
    ];
    for values in odd {
        // Few values stand at equal distances, many at equal ratios.
        for times in [1, 32] {
            let values = values.repeat(times);
            let plot = spectrum(&values);
            let svg = plot.svg().expect("an svg");
            check_markup(&svg);
            assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{values:?}");
            png_size(&plot.png().expect("a png"));
        }
    }
}

#[test]
fn negative_and_zero_eigenvalues_are_marked_and_counted() {
    let values = [4.0, 2.0, 1.0, 0.0, 0.0, -1e-9];
    let svg = spectrum(&values).svg().expect("an svg");
    for text in ["1 negative", "2 zero", "negative, drawn by magnitude"] {
        assert!(svg.contains(text), "{text}");
    }
    let marks = svg.matches(&format!("<polygon opacity=\"1\" fill=\"{}\"", colour::hex(colour::ALERT))).count();
    assert_eq!(marks, 2, "one triangle for the value, one for the legend");
    assert!(!spectrum(&values[..3]).svg().expect("an svg").contains("negative"));
}

#[test]
fn a_spectrum_of_a_hundred_thousand_values_stays_small() {
    let values = (1..=100_000).map(|k| 1.0 / f64::from(k)).collect::<Vec<_>>();
    let svg = spectrum(&values).svg().expect("an svg");
    assert!(svg.len() < 200_000, "{} bytes", svg.len());
}

#[test]
fn the_dashed_floor_carries_its_label() {
    let floor = Some(Floor { value: 1e-8, label: "rounding floor n ε λ₁".to_string() });
    let svg = Spectrum { floor, ..spectrum(&[1.0, 0.1]) }.svg().expect("an svg");
    assert!(svg.contains("rounding floor n ε λ₁"));
    // A floor that is not a positive number is none.
    let floor = Some(Floor { value: f64::NAN, label: "absent".to_string() });
    assert!(!Spectrum { floor, ..spectrum(&[1.0, 0.1]) }.svg().expect("an svg").contains("absent"));
}

#[test]
fn markup_in_titles_and_class_names_is_escaped() {
    let title = "<script>alert(1)</script> \u{0}&\"'";
    let svg = Spectrum { title, ..spectrum(&[1.0]) }.svg().expect("an svg");
    check_markup(&svg);
    assert!(!svg.contains("<script") && !svg.contains('\u{0}'));
    let names = ["<b>".to_string(), "&".to_string()];
    let classes = [0, 1];
    let values = [1.0, 0.5, 0.5, 1.0];
    let plot = Heatmap {
        title,
        class_names: &names,
        row_classes: Some(&classes),
        column_classes: Some(&classes),
        ..heatmap(&values, [2, 2])
    };
    let svg = plot.svg().expect("an svg");
    check_markup(&svg);
    assert!(!svg.contains("<script") && !svg.contains("<b>"));
}

#[test]
fn a_heat_map_stays_under_a_megabyte_whatever_its_size() {
    // The low digits of a linear congruence do not compress: the worst case.
    let mut state = 1u64;
    let values = (0..1200 * 1200)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64
        })
        .collect::<Vec<_>>();
    let classes = (0..1200).map(|i| i % 10).collect::<Vec<_>>();
    let plot =
        Heatmap { row_classes: Some(&classes), column_classes: Some(&classes), ..heatmap(&values, [1200, 1200]) };
    let svg = plot.svg().expect("an svg");
    check_markup(&svg);
    assert!(svg.len() < 1_000_000, "{} bytes", svg.len());
    assert!(svg.contains("averaged to 512 × 512") && svg.contains("data:image/png;base64,"));
    assert_eq!(png_size(&plot.png().expect("a png")), (1440, 1292));
}

#[test]
fn every_shape_of_matrix_can_be_drawn() {
    for [n, m] in [[1, 1], [1, 700], [700, 1], [3, 2], [40, 300]] {
        let values = kernel(n, m, 3);
        let plot = heatmap(&values, [n, m]);
        check_markup(&plot.svg().expect("an svg"));
        png_size(&plot.png().expect("a png"));
    }
    for values in [[0.0; 4], [f64::NAN; 4], [-2.0; 4], [1.0, f64::INFINITY, f64::NAN, -1.0], [f64::MAX, 0.0, 0.0, -1.0]]
    {
        let svg = heatmap(&values, [2, 2]).svg().expect("an svg");
        check_markup(&svg);
        assert!(!svg.contains("=\"NaN") && !svg.contains("=\"inf"), "{values:?}");
    }
}

#[test]
fn shapes_that_disagree_are_refused_by_name() {
    let values = [1.0; 6];
    let text = |plot: Heatmap<'_>| plot.svg().expect_err("a refusal").to_string();
    assert!(text(heatmap(&values, [2, 2])).contains("6 values do not fill a 2 x 2 matrix"));
    assert!(text(heatmap(&[], [0, 0])).contains("0 x 0"));
    assert!(text(heatmap(&values, [usize::MAX, 3])).contains("do not fill"));
    let plot = Heatmap { row_classes: Some(&[1]), ..heatmap(&values, [2, 3]) };
    assert!(text(plot).contains("1 class labels for 2 samples"));
}

/// Layers of boxes with edges that pass some, and a title longer than the drawing.
fn graph(layers: usize) -> Graph {
    let node = |id: usize| GraphBox {
        inputs: if id < 2 { Vec::new() } else { vec![id - 1, id / 3] },
        lines: vec![format!("%{id}  op"), "= 1.5".to_owned()],
        given: id < 2,
        strong: id == 0,
    };
    Graph { title: "x*".repeat(60), boxes: (0..layers).map(node).collect() }
}

#[test]
fn graphs_are_documents_and_pictures_of_one_size_with_every_box_inside() {
    for layers in [1, 2, 3, 12] {
        let graph = graph(layers);
        let svg = graph.svg().unwrap();
        check_markup(&svg);
        let (width, height) = png_size(&graph.png().unwrap());
        assert!(svg.contains(&format!("width=\"{}\" height=\"{}\"", width / 2, height / 2)), "{layers}");
        assert_eq!(svg.matches("op</text>").count() + svg.matches("op\n</text>").count(), layers, "{svg}");
        for text in svg.split("<text ").skip(1) {
            let number = |name: &str| -> f64 {
                text.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
            };
            assert!(
                (0.0..f64::from(2 * width)).contains(&number("x"))
                    && (0.0..f64::from(2 * height)).contains(&number("y"))
            );
        }
    }
}
