use super::super::{Activation, Dense, Layer, Parameterization};
use super::*;

fn parsed(text: &str) -> Result<Architecture> {
    parse(Path::new("net.toml"), text)
}

#[test]
fn the_example_of_the_format_is_read_as_it_is_written() {
    let model = parsed(
        r#"
input = [12]
layers = [
  { kind = "dense", out = 32, W_std = 1.4142135623730951, b_std = 0.1, param = "ntk" }, { kind = "relu" },
  { kind = "residual", layers = [ { kind = "tanh" }, { kind = "dense", out = 32, W_std = 1.0, param = "ntk" } ], scale = 0.5 },   # y = x + scale * f(x)
  { kind = "dense", in = 32, out = 3, W_std = 2, param = "standard" },
]
"#,
    )
    .unwrap();
    let dense = |out, fan_in, w_std, b_std, param| Layer::Dense(Dense { out, fan_in, w_std, b_std, param });
    let ntk = Parameterization::Ntk;
    assert_eq!(model.input, [12]);
    assert_eq!(
        model.layers,
        [
            dense(32, None, std::f64::consts::SQRT_2, Some(0.1), ntk),
            Layer::Activation(Activation::Relu),
            Layer::Residual {
                layers: vec![Layer::Activation(Activation::Tanh), dense(32, None, 1.0, None, ntk)],
                scale: 0.5,
            },
            dense(3, Some(32), 2.0, None, Parameterization::Standard),
        ]
    );
}

#[test]
fn what_is_left_out_has_its_documented_default() {
    let text = "input=[2]\n[[layers]]\nkind='leaky_relu'\n[[layers]]\nkind='residual'\n\
                layers=[{kind='dense',out=2}]";
    let plain = Dense { out: 2, fan_in: None, w_std: 1.0, b_std: None, param: Parameterization::Ntk };
    assert_eq!(
        parsed(text).unwrap().layers,
        [
            Layer::Activation(Activation::LeakyRelu(0.01)),
            Layer::Residual { layers: vec![Layer::Dense(plain)], scale: 1.0 },
        ]
    );
}

#[test]
fn a_written_network_reads_back_the_same() {
    // Every activation, both parameterizations, awkward floats, branches in branches.
    let floats = [1.0, 0.1, 1.0 / 3.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, 1e16, 123_456_789.0];
    let mut seen = 0;
    for (i, &activation) in Activation::ALL.iter().enumerate() {
        for (j, &x) in floats.iter().enumerate() {
            let activation = match activation {
                Activation::LeakyRelu(_) => Activation::LeakyRelu(-x),
                other => other,
            };
            let width = 1 + i + 3 * j;
            let dense = |out, fan_in, b_std| {
                let param = Parameterization::ALL[(i + j) % 3];
                Layer::Dense(Dense { out, fan_in, w_std: x, b_std, param })
            };
            let inner = Layer::Residual { layers: vec![dense(width, None, None)], scale: -x };
            let model = Architecture {
                input: vec![4],
                gamma0: 1.0,
                layers: vec![
                    dense(width, Some(4), Some(x)),
                    Layer::Activation(activation),
                    Layer::Residual {
                        layers: vec![inner, Layer::Activation(activation), dense(width, None, Some(0.0))],
                        scale: x,
                    },
                    dense(1, None, Some(x)),
                ],
            };
            assert_eq!(parsed(&model.to_toml()).unwrap(), model);
            seen += 1;
        }
    }
    assert_eq!(seen, 104, "thirteen activations, eight numbers");
    for arg in [
        "mlp:64-512x2-10:relu",
        "resmlp:8-16x4-3:tanh,param=standard,scale=0.1",
        "mlp:4-3x2-1:erf,param=mup,gamma0=0.25",
    ] {
        let model = Architecture::parse(arg).unwrap();
        assert_eq!(parsed(&model.to_toml()).unwrap(), model);
    }
}

#[test]
fn the_deepest_preset_fits_a_file() {
    let text = "resmlp:16384-16384x1000-16384:leaky_relu,param=standard,b_std=0.3333333333333333";
    let model = Architecture::parse(text).unwrap();
    assert_eq!(parsed(&model.to_toml()).unwrap(), model);
}

#[test]
fn a_written_network_says_which_parameters_follow() {
    let text = Architecture::parse("resmlp:8-16x2-3:tanh").unwrap().to_toml();
    for comment in ["# W0 [8, 16], b0 [16]", "# W1 [16, 16], b1 [16]", "# W2 [16, 3], b2 [3]"] {
        assert_eq!(text.matches(comment).count(), 1, "{text}");
    }
}

#[test]
fn a_planted_fault_is_marked_and_answered() {
    // The layers, what is marked, and words of the answer.
    let table = [
        (r#"{ kind = "dence", out = 3 }"#, r#""dence""#, r#"did you mean "dense"?"#),
        (r#"{ kind = "Relu" }"#, r#""Relu""#, r#"did you mean "relu"?"#),
        (r#"{ kind = "transformer" }"#, r#""transformer""#, "the kinds are dense, conv, avg_pool"),
        (r#"{ kind = "gap", size = 2 }"#, "size", "unknown key `size`"),
        (r#"{ kind = "parallel", branches = [] }"#, r#"{ kind = "parallel", branches = [] }"#, "no branches"),
        (r#"{ kind = "parallel", branches = [3] }"#, "3", "is a whole number, not a list of tables"),
        (r#"{ kind = "parallel", branches = 3 }"#, "3", "not a list of lists of layers"),
        (r#"{ kind = "parallel", join = "sun", branches = [[]] }"#, r#""sun""#, r#"did you mean "sum"?"#),
        (
            r#"{ kind = "parallel", branches = [[], [{ kind = "dense", out = 3 }]] }"#,
            r#"{ kind = "parallel", branches = [[], [{ kind = "dense", out = 3 }]] }"#,
            "branch 0 gives [12] and branch 1 gives [3]",
        ),
        (
            r#"{ kind = "parallel", branches = [[], [{ kind = "dense", in = 3, out = 3 }]] }"#,
            r#"{ kind = "dense", in = 3, out = 3 }"#,
            "layers[0].branches[1][0]: in = 3",
        ),
        (r#"{ kind = "dense", out = 3, W_sdt = 1.0 }"#, "W_sdt", r#"did you mean "W_std"?"#),
        (r#"{ kind = "dense", outputs = 3 }"#, "outputs", "unknown key `outputs`"),
        (r#"{ kind = "relu", alpha = 0.1 }"#, "alpha", "unknown key `alpha`"),
        (r#"{ out = 3 }"#, "{ out = 3 }", "layers[0] has no `kind`"),
        (r#"{ kind = "dense" }"#, r#"{ kind = "dense" }"#, "layers[0] has no `out`"),
        (r#"{ kind = "residual" }"#, r#"{ kind = "residual" }"#, "layers[0] has no `layers`"),
        (r#"{ kind = 3 }"#, "3", "`kind` is a whole number, not a string"),
        (r#""relu""#, r#""relu""#, "is a string, not a table"),
        (r#"{ kind = "dense", out = "3" }"#, r#""3""#, "`out` is a string, not a whole number"),
        (r#"{ kind = "dense", out = 3.0 }"#, "3.0", "not a whole number"),
        (r#"{ kind = "dense", out = -3 }"#, "-3", "`out` is -3"),
        (r#"{ kind = "dense", out = 0 }"#, "0", "`out` is 0"),
        (r#"{ kind = "dense", out = 99999999999999999999 }"#, "99999999999999999999", "too large"),
        (r#"{ kind = "dense", out = 3, W_std = -1 }"#, "-1", "out of range"),
        (r#"{ kind = "dense", out = 3, W_std = nan }"#, "nan", "out of range"),
        (r#"{ kind = "dense", out = 3, b_std = inf }"#, "inf", "out of range"),
        (r#"{ kind = "dense", out = 3, b_std = "0" }"#, r#""0""#, "not a number"),
        (r#"{ kind = "dense", out = 3, param = "nkt" }"#, r#""nkt""#, r#"did you mean "ntk"?"#),
        (
            r#"{ kind = "dense", out = 3, param = "mup" }, { kind = "relu" }"#,
            r#"{ kind = "dense", out = 3, param = "mup" }"#,
            "end the network with { kind = \"dense\"",
        ),
        (
            r#"{ kind = "dense", in = 13, out = 3 }"#,
            r#"{ kind = "dense", in = 13, out = 3 }"#,
            "layers[0]: in = 13, but what reaches the layer is [12]",
        ),
        (
            r#"{ kind = "residual", layers = [{ kind = "dense", out = 11 }] }"#,
            r#"{ kind = "residual", layers = [{ kind = "dense", out = 11 }] }"#,
            "set `out` of layers[0].layers[0] to 12",
        ),
        (
            r#"{ kind = "residual", layers = [{ kind = "relu" }, { kind = "dense", in = 3, out = 12 }] }"#,
            r#"{ kind = "dense", in = 3, out = 12 }"#,
            "layers[0].layers[1]: in = 3",
        ),
        (r#"{ kind = "residual", layers = [] }"#, r#"{ kind = "residual", layers = [] }"#, "no layers"),
        (r#"{ kind = "dense", out = 3, out = 4 }"#, "out", "duplicate key"),
        (r#"{ kind = "dense", out = }"#, "}", "correct the TOML here"),
    ];
    for (layers, marked, answer) in table {
        let text = format!("# a comment: öä\ninput = [12]\nlayers = [ {layers} ]\n");
        let e = parsed(&text).unwrap_err();
        let shown = e.to_string();
        assert!(shown.contains(answer), "{layers}: {shown}");
        assert!(!e.hint().is_empty(), "{shown}");
        assert_eq!(e.line(), Some(3), "{shown}");
        assert!(shown.starts_with(&format!("net.toml:3:{}: ", e.column().unwrap())), "{shown}");
        let snippet = e.snippet().unwrap();
        let mut lines = snippet.lines().skip(1);
        let (line, carets) = (lines.next().unwrap(), lines.next().unwrap());
        let from = carets.find('^').unwrap();
        let under = &line[from..carets.len().min(line.len())];
        assert!(marked.starts_with(under) && !under.is_empty(), "{shown}");
    }
}

#[test]
fn faults_of_the_whole_file_are_answered() {
    let layers = "layers = [{ kind = \"dense\", out = 3 }]";
    let table = [
        (String::new(), "the model has no `input`"),
        ("input = [12]".to_owned(), "the model has no `layers`"),
        (format!("input = 12\n{layers}"), "write input = [12]"),
        (format!("input = []\n{layers}"), "`input` is empty"),
        (format!("input = [0]\n{layers}"), "`input` is 0"),
        (format!("input = [-3]\n{layers}"), "`input` is -3"),
        (format!("input = [8, 8]\n{layers}"), "write input = [64]"),
        (format!("input = [9223372036854775807, 4]\n{layers}"), "overflows"),
        (format!("gamma0 = -1\ninput = [12]\n{layers}"), "`gamma0` is out of range"),
        (format!("gamma0 = 2\ninput = [12]\n{layers}"), "gamma0 = 2 in a network without `mup` layers"),
        (format!("inptu = [12]\n{layers}"), "did you mean \"input\"?"),
        ("input = [12]\nlayers = 3".to_owned(), "`layers` is a whole number, not a list of tables"),
        ("input = [12]\nlayers = []".to_owned(), "no layer with weights"),
        ("input = [12]\nlayers = [{ kind = \"relu\" }]".to_owned(), "no layer with weights"),
        ("input = [12\nlayers = []".to_owned(), "correct the TOML here"),
        ("[layers]\n".to_owned(), "has no `input`"),
        ("\u{feff}input = 3".to_owned(), "input"),
    ];
    for (text, answer) in table {
        let shown = parsed(&text).unwrap_err().to_string();
        assert!(shown.contains(answer), "{text:?}: {shown}");
    }
}

#[test]
fn hostile_files_end_quickly_with_an_error() {
    let started = std::time::Instant::now();
    let branches = |n: usize| {
        format!("input=[1]\nlayers=[{}{{kind='dense',out=1}}{}]", "{kind='residual',layers=[".repeat(n), "]}".repeat(n))
    };
    assert!(parsed(&branches(30)).is_ok());
    let texts = [
        (branches(5_000), "nested"),
        (branches(33), "nested"),
        (format!("layers=[{}]", "{a.a.a.a=1},".repeat(20_000)), "more than 20000 tables"),
        (format!("input={}", "[".repeat(10_000)), "nested"),
        (format!("{}=1", vec!["a"; 10_000].join(".")), "nested"),
        (format!("[{}]", vec!["layers"; 10_000].join(".")), "nested"),
        ((0..25_000).map(|i| format!("k{i}=1\n")).collect(), "unknown key `k0`"),
        ("a=1\n".repeat(60_000), "duplicate key"),
        ((0..1_000_000).map(|i| format!("k{i}=1\n")).collect(), "longer than 262144 bytes"),
        (format!("input=[{}]", "1,".repeat(130_000)), "has no `layers`"),
        (format!("'{}'=1", "\\u0000".repeat(40_000)), "unknown key"),
    ];
    for (text, answer) in texts {
        let shown = parsed(&text).unwrap_err().to_string();
        assert!(shown.contains(answer), "{}: {shown}", &text[..40]);
        assert!(shown.len() < 1000, "{} bytes of message", shown.len());
    }
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn files_that_are_no_model_file_are_refused_with_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("long.toml"), vec![b'#'; MAX_BYTES as usize + 1]).unwrap();
    fs::write(at("binary.toml"), b"input = [3]\xff\n").unwrap();
    fs::write(at("with space.toml"), "input=[3]\nlayers=[{kind='dense',out=1}]").unwrap();
    let table = [
        (at("absent.toml"), "there is no such model file"),
        (folder.path().to_owned(), "is a directory"),
        (at("long.toml"), "longer than 262144 bytes"),
        (at("binary.toml"), "not UTF-8: byte 11"),
        (at(&"n".repeat(5000)), "cannot be read"),
    ];
    for (path, answer) in table {
        let e = read(&path).unwrap_err();
        assert!(e.to_string().contains(answer), "{e}");
        assert_eq!(e.path(), Some(&*path));
        assert!(!e.hint().is_empty());
    }
    assert!(read(&at("with space.toml")).is_ok());
    if cfg!(unix) {
        let e = read(Path::new("/dev/zero")).unwrap_err();
        assert!(e.to_string().contains("not a regular file"), "{e}");
    }
}
