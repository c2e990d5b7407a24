//! Properties of whole plots: well-formed, of the promised size, honest about what they show.

use super::*;

fn wave(n: usize, m: usize) -> Vec<f64> {
    (0..n * m)
        .map(|k| {
            let (i, j) = (k / m, k % m);
            let near = if i % 10 == j % 10 { 0.6 } else { 0.0 };
            1.0 + near + 0.2 * ((i * 7 + j * 3) as f64 * 0.7).sin() * ((i * 3 + j * 7) as f64 * 0.7).sin()
                + if i == j { 4.0 } else { 0.0 }
        })
        .collect()
}

fn dump(name: &str, svg: &str, png: &[u8]) {
    if let Ok(dir) = std::env::var("NTK_DUMP") {
        std::fs::write(format!("{dir}/{name}.svg"), svg).expect("svg");
        std::fs::write(format!("{dir}/{name}.png"), png).expect("png");
    }
}

#[test]
fn look() {
    let names: Vec<String> = ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"].map(String::from).to_vec();
    let power: Vec<f64> = (1..=512).map(|k| 800.0 * (k as f64).powf(-1.6) * (1.0 + 0.1 * (k as f64 * 1.3).sin())).collect();
    let s = Spectrum { title: "Spectrum of the NTK, mlp:64-512x2-10:relu on digits", values: &power, total: None, index: IndexAxis::Automatic, floor: None };
    dump("spectrum", &s.svg().unwrap(), &s.png().unwrap());
    let mut bad = power.clone();
    bad.truncate(200);
    for k in 200..240 { bad.push(1e-9 * 0.9f64.powi(k - 200)); }
    bad.extend([0.0; 12]);
    for k in 0..8 { bad.push(-1e-11 * 2f64.powi(k)); }
    let s = Spectrum { title: "Spectrum of an indefinite matrix", values: &bad, total: None, index: IndexAxis::Linear, floor: Some(Floor { value: 6e-11, label: "rounding floor n ε λ₁".into() }) };
    dump("spectrum_bad", &s.svg().unwrap(), &s.png().unwrap());
    let few = [3.2, 2.9, 2.2];
    let s = Spectrum { title: "Three <values> & \"more\"", values: &few, total: Some(5000), index: IndexAxis::Automatic, floor: None };
    dump("spectrum_few", &s.svg().unwrap(), &s.png().unwrap());
    let k = wave(300, 300);
    let classes: Vec<usize> = (0..300).map(|i| i % 10).collect();
    let h = Heatmap { title: "NTK Θ(x, x′), mlp:64-512x2-10:relu on digits", quantity: "Θ(x, x′)", values: &k, shape: [300, 300], row_classes: Some(&classes), column_classes: Some(&classes), class_names: &names, axis_names: ["training sample", "training sample"] };
    dump("heatmap", &h.svg().unwrap(), &h.png().unwrap());
    let signed: Vec<f64> = wave(1200, 1200).iter().map(|v| v - 1.3).collect();
    let h = Heatmap { title: "Centred kernel", quantity: "Θ", values: &signed, shape: [1200, 1200], row_classes: None, column_classes: None, class_names: &[], axis_names: ["sample", "sample"] };
    dump("heatmap_signed", &h.svg().unwrap(), &h.png().unwrap());
    let k = wave(40, 300);
    let rc: Vec<usize> = (0..40).map(|i| i % 10).collect();
    let h = Heatmap { title: "Test kernel", quantity: "Θ(x, x′)", values: &k, shape: [40, 300], row_classes: Some(&rc), column_classes: Some(&classes), class_names: &names, axis_names: ["test sample", "training sample"] };
    dump("heatmap_rect", &h.svg().unwrap(), &h.png().unwrap());
}
