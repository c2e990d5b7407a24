use super::super::Site;
use super::*;

/// The widths and settings of every dense layer, residual branches included.
fn dense_layers(arg: &str) -> Vec<(usize, usize, f64, Option<f64>, Parameterization)> {
    let model = parse(arg).unwrap();
    let sites = model.sites().unwrap();
    let read = |s: &Site| (s.dims.fan_in, s.dims.fan_out, s.weighting.w_std, s.weighting.b_std, s.weighting.param);
    sites.iter().map(read).collect()
}

#[test]
fn an_mlp_has_depth_hidden_layers_and_the_defaults_of_its_activation() {
    let (sqrt2, ntk) = (std::f64::consts::SQRT_2, Parameterization::Ntk);
    let b = Some(0.1);
    assert_eq!(
        dense_layers("mlp:64-512x2-10:relu"),
        [(64, 512, sqrt2, b, ntk), (512, 512, sqrt2, b, ntk), (512, 10, sqrt2, b, ntk)]
    );
    assert_eq!(dense_layers("mlp:3-4x1-1:erf"), [(3, 4, 1.0, b, ntk), (4, 1, 1.0, b, ntk)]);
    let kinds: Vec<_> = parse("mlp:3-4x2-1:tanh").unwrap().layers;
    assert!(matches!(
        kinds[..],
        [
            Layer::Dense(_),
            Layer::Activation(Activation::Tanh),
            Layer::Dense(_),
            Layer::Activation(Activation::Tanh),
            Layer::Dense(_)
        ]
    ));
}

#[test]
fn widths_may_be_a_power_a_list_or_both() {
    let widths = |arg| -> Vec<usize> { dense_layers(arg).iter().map(|d| d.1).collect() };
    assert_eq!(widths("mlp:7-512-256-128-3:relu"), [512, 256, 128, 3]);
    assert_eq!(widths("mlp:7-5x2-9-4x1-3:relu"), [5, 5, 9, 4, 3]);
    assert_eq!(widths("mlp:1-1x1-1:sin"), [1, 1]);
}

#[test]
fn options_follow_after_commas() {
    let standard = Parameterization::Standard;
    assert_eq!(
        dense_layers("mlp:6-4x1-2:tanh,param=standard,W_std=1.5,b_std=0"),
        [(6, 4, 1.5, None, standard), (4, 2, 1.5, None, standard)]
    );
    let model = parse("mlp:6-4x1-2:leaky_relu,alpha=-0.25").unwrap();
    assert_eq!(model.layers[1], Layer::Activation(Activation::LeakyRelu(-0.25)));
    let model = parse("mlp:6-4x1-2:leaky_relu").unwrap();
    assert_eq!(model.layers[1], Layer::Activation(Activation::LeakyRelu(0.01)));
}

#[test]
fn a_resmlp_is_dense_then_blocks_then_activation_and_dense() {
    let model = parse("resmlp:8-16x4-3:tanh,scale=0.5").unwrap();
    let act = Layer::Activation(Activation::Tanh);
    assert_eq!(model.layers.len(), 1 + 3 + 2);
    let dense =
        |out| Layer::Dense(Dense { out, fan_in: None, w_std: 1.0, b_std: Some(0.1), param: Parameterization::Ntk });
    assert_eq!(model.layers[0], dense(16));
    for block in &model.layers[1..4] {
        let layers = vec![act.clone(), dense(16)];
        assert_eq!(*block, Layer::Residual { layers, scale: 0.5 });
    }
    assert_eq!(model.layers[4..], [act, dense(3)]);
    // n_params of the golden `resmlp_tanh_ntk`.
    assert_eq!(model.count().unwrap(), 1011);
}

#[test]
fn a_cnn_has_depth_convolutions_then_positions_joined_then_dense() {
    let model = parse("cnn:8x8x3-16x2-10:relu").unwrap();
    let (sqrt2, param) = (std::f64::consts::SQRT_2, Parameterization::Ntk);
    let conv = Conv {
        kh: Some(3),
        kw: 3,
        out: 16,
        fan_in: None,
        padding: Padding::Same,
        stride: 1,
        dilation: 1,
        groups: 1,
        w_std: sqrt2,
        b_std: Some(0.1),
        param,
    };
    let act = Layer::Activation(Activation::Relu);
    let dense = Layer::Dense(Dense { out: 10, fan_in: None, w_std: sqrt2, b_std: Some(0.1), param });
    let (layer, conv) = (Layer::Conv(conv.clone()), conv);
    assert_eq!(model.input, [8, 8, 3]);
    assert_eq!(model.layers, [layer.clone(), act.clone(), layer, act, Layer::GlobalAverage, dense]);
    assert_eq!(parse("cnn:8x8x3-16x2-10:relu:gap").unwrap(), model);
    let shapes = |arg| parse(arg).unwrap().parameters().unwrap().into_iter().map(|(_, s)| s).collect::<Vec<_>>();
    assert_eq!(
        shapes("cnn:8x6x3-16-4-10:tanh:flatten,padding=VALID,kernel=2,b_std=0"),
        [vec![2, 2, 3, 16], vec![2, 2, 16, 4], vec![6 * 4 * 4, 10]]
    );
    let sequence = parse("cnn:30x4-16x1-2:erf,padding=CIRCULAR").unwrap();
    assert_eq!(sequence.layers[0], Layer::Conv(Conv { kh: None, padding: Padding::Circular, w_std: 1.0, ..conv }));
    assert_eq!(sequence.parameters().unwrap()[0].1, [3, 4, 16]);
}

#[test]
fn a_planted_fault_is_marked_and_answered() {
    // The text, what is marked, and words of the answer.
    let table = [
        ("mpl:64-512x2-10:relu", "mpl", "did you mean \"mlp\"?"),
        ("remlp:64-512x2-10:relu", "remlp", "did you mean \"resmlp\"?"),
        ("transformer:64-2-10:relu", "transformer", "the presets are mlp, resmlp, cnn"),
        ("mlp:64-512x2-10:rleu", "rleu", "did you mean \"relu\"?"),
        ("mlp:64-512x2-10:Tanh", "Tanh", "did you mean \"tanh\"?"),
        ("mlp:64-512x2-10:", "", "the activation is missing"),
        ("mlp:64-512x2-10", "", "a part is missing"),
        ("mlp:", "", "a part is missing"),
        ("mlp:1-2-3:relu:gap", "gap", "a part too many"),
        ("mlp:64-512x0-10:relu", "0", "a depth is 0"),
        ("mlp:64-0x2-10:relu", "0", "a width is 0"),
        ("mlp:0-3x2-10:relu", "0", "the number of inputs is 0"),
        ("mlp:4-3x2-0:relu", "0", "the number of outputs is 0"),
        ("mlp:4--3x2-1:relu", "", "cannot be negative"),
        ("mlp:-4-3x2-1:relu", "", "cannot be negative"),
        ("mlp:4-3.5x2-1:relu", "3.5", "is not a whole number"),
        ("mlp:4-+3x2-1:relu", "+3", "is not a whole number"),
        ("mlp:4-3x2x2-1:relu", "3x2x2", "is not WIDTH or WIDTHxDEPTH"),
        ("mlp:4-2x512000-1:relu", "2x512000", "more than 1000 hidden layers"),
        ("mlp:4-1:relu", "4-1", "lack a part"),
        ("mlp:4:relu", "4", "lack a part"),
        ("mlp:4-99999999999999999999999-1:relu", "99999999999999999999999", "is too large"),
        ("mlp:4-9999999999999x2-1:relu", "4-9999999999999x2-1", "more than a machine can address"),
        ("mlp:4-3x2-1:relu,parm=ntk", "parm", "did you mean \"param\"?"),
        ("mlp:4-3x2-1:relu,w_std=1", "w_std", "did you mean \"W_std\"?"),
        ("mlp:4-3x2-1:relu,param=nkt", "nkt", "did you mean \"ntk\"?"),
        ("mlp:4-3x2-1:relu,param=mup,gamma0=0", "0", "is not a number above 0"),
        ("mlp:4-3x2-1:relu,gamma0=2", "4-3x2-1", "gamma0 = 2 in a network without `mup` layers"),
        ("mlp:4-3x2-1:relu,W_std=0", "0", "is not a number above 0"),
        ("mlp:4-3x2-1:relu,W_std=inf", "inf", "is not a number above 0"),
        ("mlp:4-3x2-1:relu,b_std=-1", "-1", "is not a number of at least 0"),
        ("mlp:4-3x2-1:relu,b_std=", "", "is not a number of at least 0"),
        ("mlp:4-3x2-1:relu,b_std", "b_std", "is not OPTION=VALUE"),
        ("mlp:4-3x2-1:relu,", "", "is not OPTION=VALUE"),
        ("mlp:4-3x2-1:relu,b_std=1,b_std=2", "b_std", "is given twice"),
        ("mlp:4-3x2-1:relu,alpha=1", "alpha", "not an option of relu"),
        ("mlp:4-3x2-1:relu,scale=1", "scale", "not an option of mlp"),
        ("resmlp:4-3-5-1:relu", "4-3-5-1", "a resmlp has one width"),
        ("cnn:8x8x3-16x2-10:relu:gpa", "gpa", "did you mean \"gap\"?"),
        ("cnn:8x8x3-16x2-10:relu:gap:gap", "gap", "a part too many"),
        ("cnn:8x8x3-16x2-10:relu,b_std=0:gap", "relu,b_std=0", "no activation is called"),
        ("cnn:64-16x2-10:relu:gap", "64-16x2-10", "HxWxC"),
        ("cnn:8x0x3-16x2-10:relu:gap", "0", "the number of inputs is 0"),
        ("cnn:8x8x3-16x2-10:relu,padding=same", "same", "did you mean \"SAME\"?"),
        ("cnn:8x8x3-16x2-10:relu,kernel=0", "0", "the window is 0"),
        ("cnn:2x2x3-16x2-10:relu,padding=VALID", "2x2x3-16x2-10", "3 taps do not fit 2 positions"),
        ("mlp:4-3x2-1:relu,kernel=3", "kernel", "not an option of mlp"),
        ("mlp:8x8x3-16x2-10:relu", "8x8x3-16x2-10", "write 192 for flattened images"),
    ];
    for (arg, marked, answer) in table {
        let e = parse(arg).unwrap_err();
        let shown = e.to_string();
        assert!(shown.contains(answer), "{arg}: {shown}");
        let snippet = e.snippet().unwrap();
        let mut lines = snippet.lines();
        let (line, carets) = (lines.next().unwrap(), lines.next().unwrap());
        let from = carets.find('^').unwrap();
        assert_eq!(e.column(), Some(from - 1), "{arg}");
        if !marked.is_empty() {
            assert_eq!(&line[from..carets.len()], marked, "{arg}");
        }
        assert!(!e.hint().is_empty(), "{arg} has no remedy");
        assert_eq!((e.path(), e.line()), (None, None));
    }
}

#[test]
fn text_that_is_no_preset_at_all_is_refused_without_a_panic() {
    for text in ["", ":", "::", "mlp::", "mlp:::", "ä:ö-ü:é", "mlp:ä-ö-ü:é,ß=1", "mlp:1-2-3:\0"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    assert!(parse(&format!("mlp:{}1:relu", "1-".repeat(1_000_000))).is_err());
    assert!(parse(&format!("mlp:1-1-1:{}", "r".repeat(1_000_000))).is_err());
}
