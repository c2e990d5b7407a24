//! `ntk tape`: numbers from closed forms, drawings, and what it refuses.

use crate::program::Place;

fn text(arguments: &[&str]) -> String {
    let ran = Place::new().run([&["tape"], arguments].concat());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{arguments:?}: {}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
    ran.out
}

fn refused(arguments: &[&str], code: i32) -> String {
    let ran = Place::new().run([&["tape"], arguments].concat());
    assert_eq!(ran.code, Some(code), "{arguments:?}: {}{}", ran.out, ran.err);
    assert!(ran.err.lines().all(|line| line.chars().count() <= 140), "{}", ran.err);
    ran.err
}

#[test]
fn the_table_has_the_numbers_of_the_closed_form() {
    // f = x sin y + e^x at (1, 2), along x: sin 2 = 0.909297, cos 2 = -0.416147, e = 2.71828.
    let expected = "\
node op                         value     tangent   cotangent   2nd order  bytes
%0   x                              1           1     3.62758     2.71828     88
%1   y                              2           0   -0.416147   -0.416147     88
%2   sin %1                  0.909297           0           1           1    100
%3   %0 * %2                 0.909297    0.909297           1           0    104
%4   exp %0                   2.71828     2.71828           1           0    100
%5   %3 + %4                  3.62758     3.62758           1           0    104
";
    let out = text(&["x*sin(y)+exp(x)", "--at", "x=1,y=2"]);
    assert!(out.starts_with(expected), "{out}");
    // H = [[e^x, cos y], [cos y, -x sin y]]
    assert!(out.contains("Hessian        2.71828   -0.416147\n             -0.416147   -0.909297\n"), "{out}");
    assert!(out.contains("6 nodes, 584 B\n"), "{out}");
    // Fewer columns on demand.
    let first = text(&["x*sin(y)+exp(x)", "--at", "x=1,y=2", "--order", "1"]);
    assert!(first.contains("cotangent") && !first.contains("2nd order") && !first.contains("Hessian"), "{first}");
    let none = text(&["x*sin(y)+exp(x)", "--at", "x=1,y=2", "--order", "0"]);
    assert!(none.contains("value") && !none.contains("tangent") && !none.contains("gradient"), "{none}");
}

#[test]
fn the_object_holds_value_gradient_and_hessian_in_full() {
    let ran =
        Place::new().run(["tape", "x^3*y - ln(y)/x", "--at", "x=2,y=0.5", "--direction", "y=1", "--format", "json"]);
    let object = ran.json();
    let (x, y) = (2.0_f64, 0.5_f64);
    let near = |found: &serde_json::Value, expected: f64| {
        let found = found.as_f64().unwrap();
        assert!((found - expected).abs() <= 1e-14 * expected.abs().max(1.0), "{found} is not {expected}");
    };
    near(&object["value"], x.powi(3) * y - y.ln() / x);
    near(&object["variables"][0]["gradient"], 3.0 * x * x * y + y.ln() / (x * x));
    near(&object["variables"][1]["gradient"], x.powi(3) - 1.0 / (x * y));
    let mixed = 3.0 * x * x + 1.0 / (x * x * y);
    near(&object["hessian"][0][0], 6.0 * x * y - 2.0 * y.ln() / x.powi(3));
    near(&object["hessian"][0][1], mixed);
    near(&object["hessian"][1][0], mixed);
    near(&object["hessian"][1][1], 1.0 / (x * y * y));
    // Along y, the second-order column of the names is the Hessian's second column.
    near(&object["nodes"][0]["cotangent_tangent"], mixed);
    near(&object["nodes"][1]["cotangent_tangent"], 1.0 / (x * y * y));
    let last = object["nodes"].as_array().unwrap().last().unwrap();
    near(&last["tangent"], x.powi(3) - 1.0 / (x * y));
    assert_eq!(last["kind"], "linear");
    let bytes: u64 = object["nodes"].as_array().unwrap().iter().map(|node| node["bytes"].as_u64().unwrap()).sum();
    assert_eq!(object["bytes"].as_u64(), Some(bytes));
}

#[test]
fn every_function_and_operator_means_what_it_means_on_paper() {
    let cases = [
        ("2+3*4-6/4", 12.5),
        ("-2^2", -4.0),
        ("2^3^2", 512.0),
        ("2^-1", 0.5),
        ("x^0.5", 3.0),
        ("x^-2", 1.0 / 81.0),
        ("x^1.5", 27.0),
        ("x^x", 387_420_489.0),
        ("2^x", 512.0),
        ("1/x", 1.0 / 9.0),
        ("1-x/3", -2.0),
        ("pow(x, 2)", 81.0),
        ("log(e^2)+ln(x)", 2.0 + 9f64.ln()),
        ("tan(pi/4)*x", 9.0),
        ("abs(-x)+relu(-x)+relu(x)", 18.0),
        ("leaky_relu(-x, 0.25)", -2.25),
        ("sigmoid(0*x)+tanh(x-9)", 0.5),
        ("1e3*x", 9000.0),
        ("x/3", 3.0),
        ("3/x", 1.0 / 3.0),
        ("hypot(x, 40)", 41.0),
        ("atan2(x, x)*4/pi", 1.0),
        ("atan(x-8)*4/pi", 1.0),
        ("x^(x/6)", 27.0),
        ("3", 3.0),
    ];
    for (expression, expected) in cases {
        let ran = Place::new().run(["tape", expression, "--at", "x=9", "--format", "json", "--order", "0"]);
        let found = ran.json()["value"].as_f64().unwrap_or_else(|| panic!("{expression}: {}", ran.out));
        assert!((found - expected).abs() <= 1e-14 * expected.abs().max(1.0), "{expression}: {found} is not {expected}");
    }
}

#[test]
fn steps_say_the_rule_of_every_line() {
    let out = text(&["x*y", "--at", "x=3,y=5", "--steps"]);
    for line in [
        "%2 = %0 * %1                 bilinear",
        "    y_dot = 5 * 1 + 3 * 0 = 5",
        "BACKWARD  down from %2, whose x_bar is 1; x_bar += s y_bar",
        "    %0: x_bar     += 5 * 1 = 5",
        "    %1: x_bar_dot += 3 * 0 + 1 * 1 = 1",
        "    complete: the derivative by y",
    ] {
        assert!(out.lines().any(|found| found == line), "{line}\n{out}");
    }
}

#[test]
fn a_network_shows_shapes_operations_and_memory() {
    // Three samples of 4 -> 8 -> 1: products of 2 n F C operations, biases with a coefficient of 3 a number.
    let object = Place::new().ntk("tape --model mlp:4-8-1:tanh --samples 3 --format json").json();
    let nodes = object["nodes"].as_array().unwrap();
    let of = |op: &str| -> Vec<(u64, serde_json::Value)> {
        let these = nodes.iter().filter(|node| node["op"] == op);
        these.map(|node| (node["flops"].as_u64().unwrap(), node["shape"].clone())).collect()
    };
    let shape = |rows: u64, columns: u64| serde_json::json!([rows, columns]);
    assert_eq!(of("matmul"), [(2 * 3 * 4 * 8, shape(3, 8)), (2 * 3 * 8, shape(3, 1))]);
    assert_eq!(of("combine"), [(3 * 24, shape(3, 8)), (3 * 3, shape(3, 1))]);
    assert_eq!(of("tanh"), [(24, shape(3, 8))]);
    assert_eq!(object["flops"], 192 + 48 + 72 + 9 + 24);
    assert_eq!(object["parameters"], 4 * 8 + 8 + 8 + 1);
    // A node of two axes with one operand: 88 + 4 + 16, and 24 numbers.
    assert_eq!(nodes.iter().find(|node| node["op"] == "tanh").unwrap()["bytes"], 88 + 4 + 16 + 192);
    let out = text(&["--model", "mlp:4-8-1:tanh", "--samples", "3"]);
    assert!(out.contains("345 FLOP forward"), "{out}");
    assert!(refused(&["--model", "mlp:4-8-1:tanh", "--samples", "99999999999999"], 2).contains("lower --samples"));
    assert!(refused(&["--model", "mlp:4-8-1:tnah"], 2).contains("tanh"));
}

#[test]
fn graphs_name_every_node_and_arrow() {
    let dot = text(&["x*x", "--at", "x=3", "--dot"]);
    assert!(dot.starts_with("digraph tape {\n") && dot.ends_with("}\n"), "{dot}");
    assert_eq!(dot.matches("n0 -> n1;").count(), 2, "{dot}");
    assert!(dot.contains("n1 [label=\"%1  *\\n= 9\\nbar = 1\"];"), "{dot}");
    let place = Place::new();
    let svg = place.run(["tape", "ln(x*y)<", "--at", "x=3,y=2", "--svg"]);
    assert_eq!(svg.code, Some(2));
    let svg = place.run(["tape", "x*sin(y)+exp(x)", "--at", "x=3,y=2", "--svg"]).out;
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for label in ["sin", "exp", "bar = "] {
        assert!(svg.contains(label), "{label}");
    }
    assert!(place.ntk("tape --model resmlp:4-8x2-1:tanh --svg").out.contains("matmul"));
    let many = vec!["x"; 500].join("*");
    assert!(refused(&[&many, "--at", "x=1", "--svg"], 2).contains("use --dot"));
}

#[test]
fn faults_point_at_the_column_and_suggest() {
    let err = refused(&["x*sni(y)", "--at", "x=1,y=2"], 2);
    assert_eq!(err, "error: no function 'sni' at column 3\n  x*sni(y)\n    ^^^\nhelp: did you mean sin?\n");
    let err = refused(&["theta+1", "--at", "thata=1"], 2);
    assert_eq!(
        err,
        "error: 'theta' has no value at column 1\n  theta+1\n  ^^^^^\nhelp: did you mean thata? or give it one: --at theta=1\n"
    );
    assert!(refused(&["sin*2"], 2).contains("'sin' is a function: write sin(x)"));
    assert!(refused(&["sin(1,2)"], 2).contains("'sin' of 2 arguments at column 1"));
    assert!(refused(&["x+", "--at", "x=1"], 2).contains("at column 3\n  x+\n    ^"));
    assert!(refused(&["x", "--at", "x"], 2).contains("write --at x=1,y=2"));
    assert!(refused(&["x", "--at", "x=1,x=2"], 2).contains("'x' has two values"));
    assert!(refused(&["x", "--at", "x=y"], 2).contains("a name in a value at column 1"));
    assert!(refused(&["x", "--at", "x=1/0"], 2).contains("give a finite number"));
    assert!(refused(&["x", "--at", "pi=3"], 2).contains("'pi' is a constant"));
    assert!(refused(&["x", "--at", "x=1", "--direction", "y=1"], 2).contains("'y' has no value"));
    assert!(refused(&[], 2).contains("EXPRESSION"));
    assert!(refused(&["x", "--model", "mlp:4-8-1:tanh"], 2).contains("cannot be used with"));
    // The object for programs has the column too.
    let ran = Place::new().run(["tape", "x$", "--format", "json"]);
    assert_eq!(ran.json()["error"]["code"], 2);
    assert!(ran.json()["error"]["message"].as_str().unwrap().contains("at column 2"));
}

#[test]
fn numbers_that_are_not_finite_are_flagged_where_they_arise() {
    let err = refused(&["ln(x*y)-1/x", "--at", "x=0,y=2"], 4);
    assert_eq!(err, "error: the value of %3 = ln %2 is -inf, with %2 = 0; move --at inside of the function's domain\n");
    assert!(refused(&["1/(x-1)", "--at", "x=1"], 4).contains("recip"));
    assert!(refused(&["sqrt(-x)", "--at", "x=1"], 4).contains("NaN"));
    // The value is there, its derivative is not.
    assert!(refused(&["sqrt(x)", "--at", "x=0"], 4).contains("the slope of %1 = sqrt %0 is inf, with %0 = 0"));
    text(&["sqrt(x)", "--at", "x=0", "--order", "0"]);
    let ran = Place::new().run(["tape", "ln(x)", "--at", "x=-1", "--format", "json"]);
    assert_eq!((ran.code, ran.json()["error"]["kind"].as_str()), (Some(4), Some("numerics")));
}

#[test]
fn deep_and_long_expressions_end_in_an_answer() {
    let deep = format!("{}x{}", "(".repeat(50_000), ")".repeat(50_000));
    assert!(refused(&[&deep, "--at", "x=1"], 2).contains("more than 200 levels of nesting at column 202"));
    let long = vec!["x"; 5000].join("+");
    let ran = Place::new().run(["tape", &long, "--at", "x=1", "--format", "json", "--order", "1"]);
    assert_eq!(ran.json()["variables"][0]["gradient"], 5000.0);
}
