//! Descriptions that cannot be meant: each is refused with its place, at once and in little memory.

use ntk::model::Architecture;

#[test]
fn layers_that_do_not_fit_are_refused_with_what_would() {
    for (input, layer, answer) in [
        ("[8]", "kind = 'conv', kh = 3, kw = 3, out = 2", "takes [h, w, channels], and [8] reaches it"),
        ("[8, 8, 3]", "kind = 'conv', kw = 3, out = 2", "give kh for a convolution over two axes"),
        ("[8, 3]", "kind = 'conv', kh = 3, kw = 3, out = 2", "leave kh out for a convolution over one axis"),
        ("[8, 3]", "kind = 'conv', kw = 3, out = 2, in = 4", "in = 4, but what reaches the layer is [8, 3]"),
        ("[8, 3]", "kind = 'conv', kw = 9, out = 2, padding = 'VALID'", "9 taps do not fit 8 positions"),
        (
            "[8, 3]",
            "kind = 'conv', kw = 3, out = 2, stride = 3, padding = 'CIRCULAR'",
            "a stride that divides the size",
        ),
        ("[8, 3]", "kind = 'conv', kw = 3, out = 4, groups = 2", "groups = 2 does not divide 3 input"),
        ("[8, 3]", "kind = 'conv', kw = 3, out = 4, padding = 'same'", "did you mean \"SAME\"?"),
        ("[8, 3]", "kind = 'conv', kw = 3, out = 4, padding = -1", "`padding` is -1"),
        ("[8]", "kind = 'avg_pool', size = 2", "a pool takes [h, w, channels]"),
        ("[8, 3]", "kind = 'max_pool', size = 9", "a window of 9 does not fit 8 positions"),
        ("[8, 3]", "kind = 'max_pool', size = 2, padding = 2", "none reads padding alone"),
        ("[8]", "kind = 'rnn', out = 3", "takes [times, inputs], and [8] reaches it"),
        ("[8, 1]", "kind = 'rnn', out = 3, masked = true", "the mask is the only channel"),
        ("[8, 2]", "kind = 'rnn', out = 3, read_out = 'first'", "the read_outs are last, mean, all"),
        ("[8]", "kind = 'attention'", "takes [positions, channels], and [8] reaches it"),
        ("[8, 6]", "kind = 'attention', heads = 4", "4 heads do not divide a width of 6"),
        ("[8, 6]", "kind = 'embedding', tokens = 3, out = 2", "takes [positions] of whole numbers"),
        ("[7]", "kind = 'complex_dense', out = 2", "an even count along one axis"),
        ("[2, 4]", "kind = 'phase'", "an even count along one axis"),
        ("[2, 4]", "kind = 'polynomial', degree = 2, out = 2", "takes inputs with one axis"),
        ("[2, 4]", "kind = 'dense', out = 2", "write input = [8]"),
        ("[2, 4]", "kind = 'layer_norm', eps = -1", "`eps` is out of range"),
        (
            "[2, 2]",
            "kind = 'parallel', join = 'concat', branches = [[], [{ kind = 'gap' }]]",
            "branch 0 gives [2, 2] and branch 1 gives [2]",
        ),
    ] {
        let text = format!("input = {input}\nlayers = [{{ {layer} }}]");
        let refused = Architecture::from_toml(&text).unwrap_err();
        let said = refused.to_string();
        assert!(said.contains(answer), "{layer}: {said}");
        assert!(said.ends_with(refused.hint()) && !refused.hint().is_empty(), "{said}");
        assert_eq!(refused.line(), Some(2), "{said}");
    }
}

#[test]
fn sizes_beyond_all_memory_are_refused_at_once() {
    let started = std::time::Instant::now();
    let large = "4611686018427387904";
    for (input, layer) in [
        ("[8, 8, 3]", format!("kind = 'conv', kh = {large}, kw = {large}, out = 2")),
        ("[8, 8, 3]", format!("kind = 'conv', kh = 3, kw = 3, out = 2, padding = {large}")),
        ("[8, 8, 3]", format!("kind = 'conv', kh = 3, kw = 3, out = 2, dilation = {large}")),
        ("[8, 8, 3]", format!("kind = 'conv', kh = 3, kw = 3, out = {large}")),
        ("[8, 8, 3]", format!("kind = 'avg_pool', size = {large}, padding = 'SAME'")),
        ("[8]", format!("kind = 'polynomial', degree = {large}, out = 2")),
        ("[8]", format!("kind = 'complex_dense', out = {large}")),
        ("[8]", format!("kind = 'embedding', tokens = {large}, out = 2")),
        ("[8, 2]", format!("kind = 'rnn', out = {large}")),
        ("[8, 2]", format!("kind = 'attention', heads = {large}, width = {large}")),
    ] {
        let text =
            format!("input = {input}\nlayers = [{{ {layer} }}, {{ kind = 'gap' }}, {{ kind = 'dense', out = 2 }}]");
        let refused = Architecture::from_toml(&text).unwrap_err();
        assert!(refused.line() == Some(2) && !refused.hint().is_empty(), "{refused}");
    }
    assert!(started.elapsed().as_secs() < 5);
}
