//! `ntk import`: what it leaves, and what it refuses.

use ntk::array::Array;
use ntk::model::Architecture;
use ntk::params::Params;

use crate::program::{Place, numbers, relative_error};

/// Weights as PyTorch would store those of a drawn network: `[out, in]`, in names of its own.
fn torch(place: &Place, model: &str, prefixes: &[&str]) {
    let drawn = Architecture::parse(model).unwrap().init(3).unwrap();
    let turned = drawn.into_iter().enumerate().map(|(i, (_, shape, data))| {
        let name = format!("{}.{}", prefixes[i / 2], if shape.len() == 2 { "weight" } else { "bias" });
        let array = match shape[..] {
            [rows, columns] => {
                let places = (0..columns).flat_map(|c| (0..rows).map(move |r| r * columns + c));
                Array::new([columns, rows], places.map(|at| data[at]).collect())
            }
            _ => Array::new(shape, data),
        };
        (name, array.unwrap())
    });
    let (names, arrays): (Vec<_>, Vec<_>) = turned.unzip();
    Params::new(names, arrays).unwrap().write_safetensors(&place.path("torch.safetensors")).unwrap();
}

#[test]
fn an_imported_network_has_the_kernel_of_the_network_that_it_was() {
    let place = Place::new();
    let model = "mlp:6-8x2-3:tanh,param=standard";
    torch(&place, model, &["0", "2", "4"]);
    let ran = place.ntk(&format!("import torch.safetensors --model {model} --layout torch --out in"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for words in [["0.weight", "[8, 6]", "W0 [6, 8]", "transposed"], ["4.bias", "[3]", "b2 [3]", "as it is"]] {
        assert!(ran.out.lines().any(|line| words.iter().all(|word| line.contains(word))), "{}", ran.out);
    }
    assert!(ran.out.ends_with("Use them with --model in/model.toml --weights in/weights.npz\n"), "{}", ran.out);
    assert_eq!(place.names("in"), ["model.toml", "result.json", "weights.npz"]);
    assert_eq!(place.json("in/result.json")["placed"].as_array().unwrap().len(), 6);
    place.write_npy("x.npy", &[4, 6], &numbers(24));
    place.kernel(&format!("--model {model} --seed 3 --x1 x.npy"), "drawn");
    place.kernel("--model in/model.toml --weights in/weights.npz --x1 x.npy", "imported");
    let (drawn, imported) = (place.read::<f64>("drawn/kernel.npy"), place.read::<f64>("imported/kernel.npy"));
    assert!(relative_error(&imported.data, &drawn.data) < 1e-14);
}

#[test]
fn what_a_file_leaves_open_is_refused_and_nothing_is_left() {
    let place = Place::new();
    let model = "mlp:6-6x2-3:tanh,param=standard";
    torch(&place, model, &["first", "second", "third"]);
    let before = place.listing();
    for (words, code, said) in [
        ("--order first,second,third", 3, "whose shape does not say its layout; state --layout torch"),
        ("--layout torch", 3, "`first` and `second` of one shape"),
        ("--layout torch --order first,secnod,third", 2, "did you mean `second`?"),
        ("--layout trch", 2, "torch"),
    ] {
        let ran = place.ntk(&format!("import torch.safetensors --model {model} {words}"));
        assert_eq!(ran.code, Some(code), "{words}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said) && ran.out.is_empty(), "{words}: {}", ran.err);
        assert_eq!(place.listing(), before, "{words}");
    }
    let ran = place
        .ntk(&format!("import torch.safetensors --model {model} --layout torch --order first,second,third --out in"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}
