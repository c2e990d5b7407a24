use super::*;

fn read(line: &str) -> Result<Command, clap::Error> {
    Cli::read(line.split_whitespace())
}

fn kernel(line: &str) -> Kernel {
    match read(line) {
        Ok(Command::Kernel(kernel)) => *kernel,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_definitions_hold_together() {
    Cli::command().debug_assert();
    Alone::command().debug_assert();
    let names: Vec<_> = Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
    assert_eq!(names, COMMANDS);
}

#[test]
fn no_command_is_kernel_with_its_defaults() {
    for line in ["ntk", "ntk kernel"] {
        let k = kernel(line);
        assert!(
            k.network.model.is_none() && k.network.weights.is_none() && k.data.data.is_none() && k.data.n.is_none()
        );
        assert!(k.data.x1.is_none() && k.spectrum.is_none() && k.machine.threads.threads.is_none());
        assert_eq!((k.network.seed, k.seeds, k.repeat), (0, 1, 1));
        assert_eq!((k.outputs, k.method), (Outputs::Trace, Method::Auto));
        assert_eq!((k.network.dtype, k.machine.memory), (Dtype::F64, Bytes(2 << 30)));
        assert!(!k.dry_run && !k.output.no_report && k.output.out.is_none());
        assert_eq!(k.output.format, Format::Text);
    }
}

#[test]
fn every_flag_of_kernel_is_read() {
    let k = kernel(
        "ntk kernel --model mlp:4-3x2-1:relu --data npz:a.npz --n 7 --classes 3,8 --normalize rows --outputs \
         sum-of-logits --method structured --dtype f32 --seed 9 --seeds 4 --spectrum top:5 --memory 512MiB \
         --threads 3 --out k --format json --no-report --repeat 6",
    );
    assert_eq!(k.network.model.as_deref(), Some("mlp:4-3x2-1:relu"));
    assert_eq!((k.data.data.as_deref(), k.data.n), (Some("npz:a.npz"), Some(7)));
    assert_eq!((k.data.classes, k.data.normalize), (vec![3, 8], Some(Normalize::Rows)));
    assert_eq!((k.outputs, k.method), (Outputs::SumOfLogits, Method::Structured));
    assert_eq!((k.network.dtype, k.network.seed, k.seeds), (Dtype::F32, 9, 4));
    assert_eq!((k.spectrum, k.machine.memory), (Some(Spectrum::Top(5)), Bytes(512 << 20)));
    assert_eq!((k.machine.threads.threads, k.repeat), (Some(3), 6));
    assert_eq!(k.output.out, Some("k".into()));
    assert_eq!(k.output.format, Format::Json);
    assert!(k.output.no_report && !k.dry_run);

    let k =
        kernel("ntk kernel --model m.toml --weights w.npz --x1 a.npy --x2 b.npy --y y.npy --spectrum none --dry-run");
    assert_eq!((k.network.weights, k.data.x1), (Some("w.npz".into()), Some("a.npy".into())));
    assert_eq!((k.second.x2, k.data.y), (Some("b.npy".into()), Some("y.npy".into())));
    assert!(k.dry_run && k.spectrum == Some(Spectrum::None));
    assert_eq!(kernel("ntk kernel --test 5").second.test, Some(5));
}

#[test]
fn the_other_commands_are_read() {
    let line =
        "ntk sharpness --data digits --n 50 --loss mse --top 3 --tolerance 1e-4 --products 80 --vectors --dtype f32";
    let Ok(Command::Sharpness(sharpness)) = read(line) else { panic!("{line}") };
    assert_eq!((sharpness.loss.loss, sharpness.top, sharpness.tolerance), (Some(LossKind::Mse), 3, 1e-4));
    assert!(sharpness.vectors && sharpness.products == 80 && sharpness.network.dtype == Dtype::F32);
    let line = "ntk hvp --model m --weights w.npz --x1 a.npy --y y.npy --loss ce --vector v.npy --matrix ggn --out d";
    let Ok(Command::Hvp(hvp)) = read(line) else { panic!("{line}") };
    assert_eq!((hvp.loss.loss, hvp.matrix, hvp.vector), (Some(LossKind::Ce), Matrix::Ggn, "v.npy".into()));
    let line = "ntk density --matrix ntk --probes 4 --steps 20 --points 300 --width 0.01";
    let Ok(Command::Density(density)) = read(line) else { panic!("{line}") };
    assert_eq!((density.matrix, density.probes, density.steps), (DensityMatrix::Ntk, 4, 20));
    assert_eq!((density.points, density.width), (300, 0.01));
    assert!(matches!(read("ntk spectrum K.npy --out s").unwrap(), Command::Spectrum(_)));
    assert!(matches!(read("ntk tape x*y --at x=1,y=2").unwrap(), Command::Tape(_)));
    assert!(matches!(read("ntk describe-model m.toml").unwrap(), Command::DescribeModel(_)));
    assert!(matches!(read("ntk list --format json").unwrap(), Command::List(_)));
    assert!(matches!(read("ntk completions fish").unwrap(), Command::Completions(_)));
    assert!(matches!(read("ntk man spectrum").unwrap(), Command::Man(_)));
    let Command::Infinite(infinite) = read("ntk infinite --data digits --n 5 --get nngp --dtype f32").unwrap() else {
        panic!("no infinite")
    };
    assert_eq!((infinite.get, infinite.network.dtype, infinite.data.n), (Get::Nngp, Dtype::F32, Some(5)));
    let Command::Predict(predict) =
        read("ntk predict --n 5 --test 3 --times 0,1e2,inf --lr 0.5 --momentum 0.9 --ridge 1e-3").unwrap()
    else {
        panic!("no predict")
    };
    assert_eq!((predict.times.as_slice(), predict.lr), (&[0.0, 100.0, f64::INFINITY][..], Some(0.5)));
    assert_eq!((predict.momentum, predict.ridge, predict.of()), (0.9, 1e-3, Of::Infinite));
    let Command::Phase(phase) = read("ntk phase --w-std 1:2:3 --b-std 0.1 --depths 1,9 --n 20").unwrap() else {
        panic!("no phase")
    };
    assert_eq!((phase.w_std.0, phase.b_std.0, phase.depths), (vec![1.0, 1.5, 2.0], vec![0.1], vec![1, 9]));
    let Command::Converge(converge) = read("ntk converge --n 5 --widths 8,16 --seeds 3").unwrap() else {
        panic!("no converge")
    };
    assert_eq!((converge.widths, converge.seeds), (vec![8, 16], 3));
    let Command::Predict(predict) = read("ntk predict --model m --weights w.npz").unwrap() else { panic!() };
    assert_eq!((predict.of(), predict.times), (Of::Empirical, vec![f64::INFINITY]));
}

#[test]
fn a_wrong_line_names_the_flag_and_the_remedy() {
    let table: [(&str, &[&str]); 49] = [
        ("ntk kernel --threads 0", &["--threads", "at least 1"]),
        ("ntk kernel --threads -2", &["--threads", "at least 1"]),
        ("ntk kernel --n 0", &["--n", "at least 1"]),
        ("ntk kernel --n=-3", &["--n", "at least 1"]),
        ("ntk kernel --n ten", &["--n", "whole number"]),
        ("ntk kernel --seed -1", &["--seed", "18446744073709551615"]),
        ("ntk kernel --seed 18446744073709551616", &["--seed", "18446744073709551615"]),
        ("ntk kernel --seeds 0", &["--seeds", "at least 1"]),
        ("ntk kernel --seeds 2 --seed 18446744073709551615", &["--seeds 2", "--seed", "lower"]),
        ("ntk kernel --repeat 0", &["--repeat", "at least 1"]),
        ("ntk kernel --repeat 2 --dry-run", &["--repeat", "--dry-run"]),
        ("ntk kernel --memory 2", &["--memory", "2GiB"]),
        ("ntk kernel --memory 0GiB", &["--memory", "no memory"]),
        ("ntk kernel --spectrum top:0", &["--spectrum", "at least 1"]),
        ("ntk kernel --spectrum fll", &["--spectrum", "did you mean \"full\"?"]),
        ("ntk kernel --outputs sumtrace", &["--outputs", "'sum-trace'"]),
        ("ntk kernel --dtype f16", &["--dtype", "f64, f32"]),
        ("ntk kernel --method structred", &["--method", "'structured'"]),
        ("ntk kernel --classes 3,3", &["--classes", "3 twice"]),
        ("ntk kernel --classes a,b", &["--classes", "such as 3,8"]),
        ("ntk kernel --data digits --x1 a.npy --model m", &["--data", "--x1"]),
        ("ntk kernel --x1 a.npy --n 3 --model m", &["--x1", "--n"]),
        ("ntk kernel --x1 a.npy", &["--model"]),
        ("ntk kernel --x2 b.npy", &["--x1"]),
        ("ntk kernel --model m --x1 a --x2 b --spectrum full", &["--spectrum", "--x2"]),
        ("ntk kernel --test 3 --spectrum top:2", &["--spectrum", "--test"]),
        ("ntk kernel --model m --weights w.npz --seeds 3", &["--weights", "--seeds"]),
        ("ntk kernel --modle m", &["--modle", "--model"]),
        ("ntk kernl", &["kernl", "kernel"]),
        ("ntk infinite --model m --weights w.npz", &["--weights", "no part"]),
        ("ntk infinite --test 3 --spectrum full", &["--spectrum", "--test"]),
        ("ntk converge --widths 8", &["--widths", "at least two"]),
        ("ntk converge --widths 8,8", &["--widths", "each once"]),
        ("ntk phase --w-std 1:2", &["--w-std", "FROM:TO:COUNT"]),
        ("ntk phase --w-std 0,1", &["--w-std 0", "above 0"]),
        ("ntk predict --times -1", &["--times", "at least 0"]),
        ("ntk predict --lr 0", &["--lr", "above 0"]),
        ("ntk predict --momentum 0.9", &["--lr"]),
        ("ntk predict --loss ce", &["--loss ce", "finite --times"]),
        ("ntk predict --kernel empirical --get nngp", &["--get nngp", "--kernel infinite"]),
        ("ntk predict --kernel-file K.npy --test 3", &["--kernel-file", "--kernel-test"]),
        ("ntk predict --kernel infinite --kernel-file K.npy", &["--kernel", "--kernel-file"]),
        ("ntk spectrum K.npy --spectrum none", &["--spectrum none", "top:K"]),
        ("ntk sharpness --tolerance 0", &["--tolerance", "such as 1e-3"]),
        ("ntk sharpness --top 0", &["--top", "at least 1"]),
        ("ntk sharpness --loss l1", &["--loss", "ce, mse"]),
        ("ntk hvp --model m --x1 a --y y", &["--vector"]),
        ("ntk density --matrix fisher", &["--matrix", "hessian, ggn, ntk"]),
        ("ntk density --classes 3,3", &["--classes", "3 twice"]),
    ];
    for (line, words) in table {
        let e = read(line).unwrap_err();
        assert_eq!(e.exit_code(), 2, "{line}");
        let shown = e.to_string();
        for word in words {
            assert!(shown.contains(word), "{line}: {word} is not in\n{shown}");
        }
    }
}

#[test]
fn help_fits_eighty_columns_and_every_command_gives_an_example() {
    let mut cli = Cli::command().term_width(80);
    cli.build();
    let mut commands = vec![cli.clone()];
    commands.extend(cli.get_subcommands().map(|c| c.clone().term_width(80)));
    for mut command in commands {
        let name = command.get_name().to_owned();
        for help in [command.render_help(), command.render_long_help()] {
            let help = help.to_string();
            assert!(help.contains("\n  ntk "), "{name} has no example");
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
        assert!(command.render_help().to_string().lines().count() <= 80, "{name} is long");
    }
}

#[test]
fn every_flag_with_a_value_says_its_default() {
    let mut cli = Cli::command();
    cli.build();
    for command in cli.get_subcommands() {
        for arg in command.get_opts() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty(), "{arg} has no help");
            let stated = help.contains("[default: ") || !arg.get_default_values().is_empty();
            // What is absent unless given: inputs from files, and their targets.
            let absent = matches!(arg.get_id().as_str(), "x1" | "y");
            assert!(stated || absent || arg.is_required_set(), "{arg} does not say its default: {help}");
        }
    }
}

#[test]
fn a_wish_for_json_is_seen_even_where_another_flag_is_wrong() {
    let wants = |line: &str| {
        let arguments: Vec<_> = line.split(' ').map(OsString::from).collect();
        Cli::wants_json(&arguments)
    };
    assert!(wants("ntk kernel --nonsense --format json"));
    assert!(wants("ntk --format=json"));
    assert!(!wants("ntk kernel --format text --out json"));
    assert!(!wants("ntk --format"));
}
