//! Properties of the HTML file, and a check of markup that the plots use too.

use super::*;
use crate::render::plot::{Heatmap, Plot, Spectrum};
use crate::render::table::{Line, Table};

/// Fails unless every tag is closed in order, every attribute quoted and every ampersand part of an entity.
pub(crate) fn check_markup(text: &str) {
    const VOID: [&str; 4] = ["meta", "br", "hr", "link"];
    let mut open: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        check_text(&rest[..at]);
        let end = rest[at..].find('>').expect("a tag that ends") + at;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name.trim()), "closing <{tag}>");
            continue;
        }
        let name = tag.split([' ', '\n', '/']).next().expect("a name").to_string();
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in <{tag}>");
        check_text(tag);
        if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    check_text(rest);
    assert!(open.is_empty(), "left open: {open:?}");
}

fn check_text(text: &str) {
    for (i, _) in text.match_indices('&') {
        let entity = text[i + 1..].split(';').next().expect("a part");
        let named = ["amp", "lt", "gt", "quot", "apos", "nbsp"].contains(&entity);
        let numbered = entity.starts_with('#') && entity.len() < 8;
        assert!(named || numbered, "an ampersand that is no entity: {:?}", &text[i..(i + 12).min(text.len())]);
    }
    let stray = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(stray, None, "a control character");
}

fn example() -> Report {
    let values = (1..=512).map(|k| 800.0 * f64::from(k).powf(-1.6)).collect::<Vec<_>>();
    let n = 200;
    let classes = (0..n).map(|i| i % 10).collect::<Vec<_>>();
    let entries = (0..n * n).map(|k| {
        let (i, j) = (k / n, k % n);
        let wave = ((i * i + 3 * j) as f64).sin() * ((j * j + 3 * i) as f64).sin();
        let kin = 0.9 * (-((i % 10) as f64 - (j % 10) as f64).powi(2) / 3.0).exp();
        1.0 + kin + 0.15 * wave + if i == j { 3.0 } else { 0.0 }
    });
    let entries = entries.collect::<Vec<_>>();
    let spectrum = Spectrum { title: "Spectrum of the kernel", values: &values, total: None, floor: None };
    let heatmap = Heatmap {
        title: "Kernel matrix",
        quantity: "Θ(x, x′)",
        values: &entries,
        shape: [n, n],
        row_classes: Some(&classes),
        column_classes: Some(&classes),
        class_names: &[],
        axis_names: ["training sample, by digit"; 2],
    };
    Report {
        title: "Neural tangent kernel".to_string(),
        subtitle: "mlp:64-512x2-10:relu on digits, 512 samples".to_string(),
        warnings: vec!["2 samples are equal to others, so the kernel is singular: 17 = 204, 90 = 311.".to_string()],
        summary: vec![
            Row::new("Largest eigenvalue", "877.1", "λ₁"),
            Row::new("Smallest positive eigenvalue", "0.03345", "λₙ"),
            Row::new("Condition number", "2.622×10⁴", ""),
            Row::new("Effective rank", "8.312", "of 512"),
            Row::new("Kernel-target alignment", "0.4312", ""),
        ],
        table: Some(Table {
            head: vec!["method", "time"],
            lines: vec![
                Line::Heading("n = 64".to_string(), "1.2 GFLOP at least".to_string()),
                Line::Cells(vec!["structured".to_string(), "1.234 ms".to_string()]),
                Line::Remark("jacobian".to_string(), "would need 3.4 GiB".to_string()),
            ],
        }),
        plots: vec![
            Illustration {
                svg: spectrum.svg().expect("an svg"),
                caption: "Eigenvalues of the 512 × 512 kernel, largest first.".to_string(),
                files: vec!["spectrum.svg".to_string(), "spectrum.png".to_string()],
            },
            Illustration {
                svg: heatmap.svg().expect("an svg"),
                caption: "Entries sorted by class; lines are class boundaries.".to_string(),
                files: vec!["kernel.svg".to_string(), "kernel.png".to_string()],
            },
        ],
        configuration: vec![
            ("model".to_string(), "mlp:64-512x2-10:relu".to_string()),
            ("data".to_string(), "digits, n = 512".to_string()),
            ("outputs".to_string(), "trace".to_string()),
            ("method".to_string(), "structured".to_string()),
            ("dtype".to_string(), "f64".to_string()),
            ("seed".to_string(), "0".to_string()),
            (
                "weights digest".to_string(),
                "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_string(),
            ),
        ],
        phases: vec![
            Phase { name: "kernel".to_string(), seconds: 0.931, gflop: Some(51.1) },
            Phase { name: "eigenvalues".to_string(), seconds: 0.027, gflop: None },
            Phase { name: "plots".to_string(), seconds: 0.212, gflop: None },
        ],
        memory: vec![("peak of the process".to_string(), 70_254_592), ("estimate".to_string(), 66_060_288)],
        command: "ntk kernel --model mlp:64-512x2-10:relu --data digits --n 512 --outputs trace --dtype f64 --seed 0"
            .to_string(),
        notes: Note::ALL.to_vec(),
        origin: "ntk 0.1.0, 2 threads, AVX-512".to_string(),
        ..Report::default()
    }
}

#[test]
fn a_report_is_one_well_formed_file_that_loads_nothing() {
    let html = example().html().expect("a report");
    check_markup(&html);
    assert!(html.starts_with("<!doctype html>"));
    for outside in ["src=", "@import", "url(", "<link", "<script"] {
        assert!(!html.contains(outside), "{outside}");
    }
    // The only addresses are the name of the SVG dialect.
    assert_eq!(html.matches("http").count(), html.matches("http://www.w3.org/2000/svg").count());
    assert!(html.len() < 5_000_000, "{} bytes", html.len());
}

#[test]
fn everything_in_the_report_is_on_the_page() {
    let html = example().html().expect("a report");
    for text in [
        "2.622×10⁴",
        "17 = 204",
        "--outputs trace",
        "51.10 GFLOP",
        "54.89 GFLOP",
        "67 MiB",
        "ntk 0.1.0, 2 threads",
        "spectrum.png",
        "weights digest",
        "1.234 ms",
        "would need 3.4 GiB",
    ] {
        assert!(html.contains(text), "{text}");
    }
    for note in Note::ALL {
        assert!(html.contains(note.text().0), "{note:?}");
    }
}

#[test]
fn markup_in_any_text_is_escaped() {
    let evil = "<script>alert('x')</script>\" onload=\"y".to_string();
    let report = Report {
        title: evil.clone(),
        subtitle: evil.clone(),
        introduction: vec![evil.clone()],
        claims: vec![ClaimSection {
            name: evil.clone(),
            verdict: evil.clone(),
            gated: true,
            statement: evil.clone(),
            paper: evil.clone(),
            quantity: evil.clone(),
            measured: evil.clone(),
            spread: evil.clone(),
            wanted: evil.clone(),
            source: evil.clone(),
            reason: evil.clone(),
            plots: vec![Illustration { svg: String::new(), caption: evil.clone(), files: vec![evil.clone()] }],
        }],
        tables: vec![TableSection {
            title: evil.clone(),
            columns: vec![evil.clone()],
            rows: vec![vec![evil.clone()]],
            rest: 2,
            file: evil.clone(),
        }],
        warnings: vec![evil.clone()],
        summary: vec![Row::new(evil.clone(), evil.clone(), evil.clone())],
        table: Some(Table {
            head: vec!["method", "time"],
            lines: vec![
                Line::Heading(evil.clone(), evil.clone()),
                Line::Cells(vec![evil.clone(), evil.clone()]),
                Line::Remark(evil.clone(), evil.clone()),
            ],
        }),
        plots: vec![Illustration { svg: String::new(), caption: evil.clone(), files: vec![evil.clone()] }],
        configuration: vec![(evil.clone(), evil.clone())],
        phases: vec![Phase { name: evil.clone(), seconds: 1.0, gflop: None }],
        memory: vec![(evil.clone(), 1)],
        command: evil.clone(),
        notes: Vec::new(),
        origin: evil,
    };
    let html = report.html().expect("a report");
    assert!(!html.contains("<script") && !html.contains("\" onload"), "{html}");
    // Title (twice: head and page), subtitle, warning, 3 + 1 + 1 (a link has its name twice) + 2 + 1 + 1 + 1 + 1 + 6.
    assert!(html.matches("&lt;script&gt;").count() >= 20);
    check_markup(&html);
}

#[test]
fn an_empty_report_has_no_empty_sections() {
    let html = Report { title: "Nothing".to_string(), ..Report::default() }.html().expect("a report");
    check_markup(&html);
    assert!(!html.contains("<h2") && !html.contains("<table"));
}
