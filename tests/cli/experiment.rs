//! `ntk run` and its kin: what a run leaves, that interruptions cost nothing, and how they fail.
//!
//! The experiment is finite-corrections at a size of seconds: every task draws its networks in one go, and there are many.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Place, Ran};

/// Eighteen short tasks.
const TINY: &str = "run finite-corrections --quick --set samples=2000 --seeds 6 --threads 1";

fn begin(place: &Place, words: &str) -> Child {
    place.command(words.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(child: Child) -> Ran {
    let start = Instant::now();
    Ran::told(child.wait_with_output().unwrap(), start)
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// All files of a run but those that hold times: `run.json`, and the report's lines with them.
fn content(place: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let root = place.path(folder);
    for path in place.listing().into_keys().filter(|path| path.starts_with(&root) && path.is_file()) {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let mut bytes = std::fs::read(&path).unwrap();
        if name == "run.json" {
            continue;
        }
        if name == "report.html" {
            let text = String::from_utf8(bytes).unwrap();
            let timeless = |line: &&str| !line.contains("all tasks") && !line.contains("peak");
            bytes = text.lines().filter(timeless).collect::<Vec<_>>().join("\n").into_bytes();
        }
        all.insert(name, bytes);
    }
    all
}

fn assert_same(place: &Place, a: &str, b: &str) {
    let (a, b) = (content(place, a), content(place, b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{name} differs");
    }
}

fn finished_tasks(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("tasks")).map_or(0, |all| {
        all.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(".safetensors")).count()
    })
}

#[test]
fn a_run_leaves_a_folder_that_is_read_without_this_program_and_two_are_the_same() {
    let place = Place::new();
    for (out, threads) in [("a", 1), ("b", 3)] {
        let ran = place.ntk(&TINY.replace("--threads 1", &format!("--threads {threads} --out {out}")));
        assert_eq!(ran.code, Some(0), "quick verdicts are indicative: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("indicative") && ran.out.contains("results in"), "{}", ran.out);
        assert!(ran.out.lines().all(|line| line.len() <= 80), "{}", ran.out);
    }
    assert_same(&place, "a", "b");
    let account = place.json("a/run.json");
    assert_eq!((&account["status"], &account["schema"]), (&"finished".into(), &1.into()));
    assert_eq!(account["tasks"]["finished"], account["tasks"]["all"]);
    assert_eq!(account["seeds"].as_array().unwrap().len(), 6);
    assert!(account["sessions"][0]["seconds"].as_f64().unwrap() > 0.0 && account["resume"].is_null());
    let results = place.json("a/results.json");
    let claims = results["claims"].as_array().unwrap();
    assert!(claims.len() > 3 && results["indicative"] == true);
    for claim in claims {
        assert!(claim["verdict"].is_string() && claim["threshold"]["kind"].is_string(), "{claim}");
    }
    let lines = String::from_utf8(place.bytes("a/metrics.jsonl")).unwrap();
    assert_eq!(lines.lines().count() as u64, account["tasks"]["all"].as_u64().unwrap());
    let csv = String::from_utf8(place.bytes("a/results.csv")).unwrap();
    // A row for every number, and for every entry of an array.
    let mut rows = 1;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let shapes = line["arrays"].as_object().unwrap().values();
        let entries =
            shapes.map(|shape| shape.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).product::<u64>());
        let entries: Vec<u64> = entries.collect();
        assert!(entries.iter().all(|n| *n <= 1000), "{line}");
        rows += line["numbers"].as_object().unwrap().len() as u64 + entries.iter().sum::<u64>();
    }
    assert!(csv.starts_with("task,quantity,value\n") && csv.lines().count() as u64 == rows && rows > 100);
    let report = place.bytes("a/report.html");
    assert!(report.len() < 5_000_000);
    let report = String::from_utf8(report).unwrap();
    for figure in results["figures"].as_array().unwrap() {
        let file = figure["files"][0].as_str().unwrap();
        assert!(place.bytes(&format!("a/{file}")).starts_with(b"<svg"));
        assert!(report.contains(figure["caption"].as_str().unwrap().split(['&', '<', '/', '\'']).next().unwrap()));
    }
    assert!(
        !report.contains("http://") || report.matches("http://").count() == report.matches("http://www.w3.org").count()
    );
    // The settings that were written down make the same run again.
    let ran = place.ntk("run finite-corrections --config a/config.toml --threads 2 --out c");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_same(&place, "a", "c");
    assert_eq!(place.ntk("compare a c").code, Some(0));
    // Judged and drawn again from what was measured.
    let before = content(&place, "a");
    std::fs::remove_file(place.path("a/results.json")).unwrap();
    std::fs::remove_dir_all(place.path("a/plots")).unwrap();
    assert_eq!(place.ntk("report a").code, Some(0));
    assert!(before == content(&place, "a"));
    let listed = place.ntk("list");
    assert!(listed.out.contains("finite-corrections: quick"), "{}", listed.out);
    // A finished run is left as it is.
    for words in ["resume a", "run finite-corrections --resume a"] {
        let ran = place.ntk(words);
        assert!(
            ran.code == Some(2) && ran.err.contains("is finished") && ran.err.contains("ntk report a"),
            "{}",
            ran.err
        );
    }
    let ran = place.ntk(&format!("{TINY} --out a"));
    assert!(ran.code == Some(2) && ran.err.contains("is not empty"), "{}", ran.err);
}

#[test]
fn killed_three_times_it_is_the_run_that_never_stopped() {
    let place = Place::new();
    let ran = place.ntk(&format!("{TINY} --out whole"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    // The points are random to the work: wherever it is after so many tasks.
    for (i, after) in [1, 3, 7].into_iter().enumerate() {
        let words = if i == 0 { format!("{TINY} --out parts") } else { "resume parts --threads 2".to_owned() };
        let mut child = begin(&place, &words);
        let start = Instant::now();
        while finished_tasks(&place.path("parts")) < after && child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < Duration::from_secs(60), "no task ends");
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(&child, "KILL");
        assert_eq!(ended(child).code, None, "it was killed at work");
        assert!(place.path("parts/.unfinished").exists() && !place.path("parts/results.json").exists());
    }
    // One file torn, one with a flipped bit, what a killed process was writing.
    let files: Vec<_> = std::fs::read_dir(place.path("parts/tasks")).unwrap().map(|e| e.unwrap().path()).collect();
    let mut bytes = std::fs::read(&files[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&files[0], &bytes).unwrap();
    std::fs::write(&files[1], &std::fs::read(&files[1]).unwrap()[..40]).unwrap();
    place.write("parts/tasks/.aside-x.part", "half");
    place.write("parts/.part-y", "half");
    let ran = place.ntk("resume parts");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_same(&place, "whole", "parts");
    let account = place.json("parts/run.json");
    assert!(account["sessions"].as_array().unwrap().len() >= 2 && account["status"] == "finished");
}

#[test]
fn an_interrupted_run_says_how_to_go_on_and_a_changed_one_is_refused_or_forked() {
    let place = Place::new();
    let mut child = begin(&place, &format!("{TINY} --out r"));
    while finished_tasks(&place.path("r")) < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
        std::thread::sleep(Duration::from_millis(1));
    }
    let held = place.ntk("resume r");
    assert!(held.code == Some(6) && held.err.contains(&format!("process {}", child.id())), "{}", held.err);
    signal(&child, "INT");
    let ran = ended(child);
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(ran.took < Duration::from_secs(2) && ran.err.contains("go on with: ntk resume r"), "{}", ran.err);
    assert_eq!(place.json("r/run.json")["status"], "interrupted");
    let ran = place.ntk("report r");
    assert!(ran.code == Some(2) && ran.err.contains("ntk resume r"), "{}", ran.err);
    let before = place.listing();
    for words in ["resume r --set samples=2100", "run finite-corrections --resume r --set samples=2100"] {
        let ran = place.ntk(words);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains("settings.samples: 2000 there, 2100 here"), "{}", ran.err);
        assert!(ran.err.contains("ntk resume r --fork"), "{}", ran.err);
    }
    // A file of settings that was edited under a run.
    let settings = String::from_utf8(place.bytes("r/config.toml")).unwrap();
    place.write("r/config.toml", settings.replace("samples = 2000", "samples = 2200"));
    let ran = place.ntk("resume r");
    assert!(ran.code == Some(2) && ran.err.contains("2000 there, 2200 here"), "{}", ran.err);
    place.write("r/config.toml", &settings);
    let ran = place.ntk("run trainabilty --resume r");
    assert!(ran.code == Some(2) && ran.err.contains("is a run of finite-corrections"), "{}", ran.err);
    assert_eq!(place.listing(), before, "what is refused leaves all as it was");
    // More seeds: the tasks of the others are taken over.
    let kept = finished_tasks(&place.path("r"));
    let ran = place.ntk("resume r --seeds 7 --fork --out f --no-report");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let account = place.json("f/run.json");
    let (all, now) = (account["tasks"]["all"].as_u64().unwrap(), account["sessions"][0]["tasks"].as_u64().unwrap());
    assert_eq!(all - now, kept as u64);
    assert!(!place.path("f/report.html").exists() && !place.path("f/plots").exists());
    assert_eq!(place.listing().keys().filter(|path| path.starts_with(place.path("r"))).count(), before.len());
    // Results of other seeds differ; settings that differ are shown and fail nothing by themselves.
    assert_eq!(place.ntk("resume r --no-report").code, Some(0));
    let ran = place.ntk("compare r f");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.out.contains("settings.seeds") && ran.out.contains("not there"), "{}", ran.out);
}

#[test]
fn a_claim_that_counts_fails_the_run_but_not_at_quick_scale() {
    let place = Place::new();
    // So few networks that the heavy tail is not seen.
    let few =
        "run finite-corrections --seeds 1 --set samples=100 --set widths=16,16,32,64 --set layers=2,5,9,17 --no-report";
    let ran = place.ntk(&format!("{few} --out a"));
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.out.contains("FAIL  fluctuations") && ran.err.contains("claims failed: fluctuations"), "{}", ran.err);
    let ran = place.ntk("report a --format json");
    let told = ran.json();
    assert_eq!((ran.code, &told), (Some(1), &place.json("a/results.json")));
    assert!(told["failed"].as_u64().unwrap() > 0 && told["indicative"] == false);
    let ran = place.ntk(&format!("{few} --quick --out b"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("FAIL  fluctuations") && ran.out.contains("indicative"), "{}", ran.out);
}

#[test]
fn compare_lets_small_differences_pass_and_no_large_ones() {
    let place = Place::new();
    let tiny = TINY.replace("--seeds 6", "--seeds 2");
    assert_eq!(place.ntk(&format!("{tiny} --out a --no-report")).code, Some(0));
    std::fs::create_dir(place.path("b")).unwrap();
    for file in ["run.json", "results.json", "results.csv"] {
        place.write(&format!("b/{file}"), place.bytes(&format!("a/{file}")));
    }
    assert_eq!(place.ntk("compare a b").code, Some(0));
    let csv = String::from_utf8(place.bytes("a/results.csv")).unwrap();
    let mut lines: Vec<String> = csv.lines().map(str::to_owned).collect();
    let (head, value) = lines[1].rsplit_once(',').map(|(h, v)| (h.to_owned(), v.parse::<f64>().unwrap())).unwrap();
    lines[1] = format!("{head},{:?}", value * (1.0 + 1e-6));
    place.write("b/results.csv", lines.join("\n") + "\n");
    let ran = place.ntk("compare a b");
    assert!(ran.code == Some(1) && ran.out.contains("1 of"), "{}", ran.out);
    assert_eq!(place.ntk("compare a b --tolerance 1e-5").code, Some(0));
    let ran = place.ntk("compare a b --tolerance 1e-7 --format json");
    assert_eq!((ran.code, ran.json()["drifted"].as_array().unwrap().len()), (Some(1), 1));
    // A claim that turned is a difference that no tolerance covers.
    let text = String::from_utf8(place.bytes("a/results.json")).unwrap();
    place.write("b/results.json", text.replacen("\"held\": true", "\"held\": false", 1));
    assert_eq!(place.ntk("compare a b --tolerance 0.5").code, Some(1));
    let ran = place.ntk("compare a nowhere");
    assert!(ran.code == Some(2) && ran.err.contains("it is no run"), "{}", ran.err);
}

#[test]
fn mistakes_are_answered_before_anything_is_made() {
    let place = Place::new();
    place.write("f.toml", "[settings]\nsampels = 3\n");
    place.write("s.toml", "[settings\n");
    let keys: String = (0..1_000_000).map(|i| format!("k{i} = 1\n")).collect();
    place.write("keys.toml", keys);
    place.write("deep.toml", format!("a = {}", "[".repeat(10_000)));
    let before = place.listing();
    for (words, answer) in [
        ("run finite-correction", "did you mean `finite-corrections`?"),
        ("describe nonsense", "known:"),
        ("run finite-corrections --quick --full", "--full"),
        (
            "run finite-corrections --set samples=100 --set samples=200",
            "--set samples=100 and --set samples=200 contradict",
        ),
        ("run finite-corrections --set sampels=1", "did you mean `samples`?"),
        ("run finite-corrections --set samples=-3", "cannot be; give"),
        ("run finite-corrections --config f.toml", "f.toml:2:1: unknown key `sampels`"),
        ("run finite-corrections --config s.toml", "f.toml"),
        ("run finite-corrections --config keys.toml", "more than"),
        ("run finite-corrections --config deep.toml", "deep.toml:1:"),
        ("run finite-corrections --config none.toml", "none.toml"),
        ("run finite-corrections --seeds 0", "at least 1"),
        ("run finite-corrections --seeds 18446744073709551616", "too large"),
        ("run finite-corrections --threads 0", "at least 1"),
        ("run finite-corrections --fork", "--resume DIR"),
        ("run", "NAME"),
        ("resume nowhere", "it is no run"),
        ("report .", "it is no run"),
        ("config show finite-corrections --set a", "write --set NAME=VALUE"),
    ] {
        let ran = place.ntk(words);
        let answer = if words.ends_with("s.toml") && !words.contains("keys") { "s.toml:1:" } else { answer };
        assert_eq!(ran.code, Some(2), "{words}: {}", ran.err);
        assert!(ran.err.contains(answer), "{words}: {}", ran.err);
        assert!(ran.took < Duration::from_secs(2), "{words}: {:?}", ran.took);
    }
    let ran = place.ntk("run finite-correction --format json");
    assert_eq!(ran.json()["error"]["code"], 2);
    assert_eq!(place.listing(), before);
    place.write("old/run.json", "{\"schema\": 99}");
    let ran = place.ntk("resume old");
    assert!(ran.code == Some(6) && ran.err.contains("schema version 99"), "{}", ran.err);
    place.write("old/run.json", "{\"schema\": 1");
    assert_eq!(place.ntk("report old").code, Some(6));
}

#[test]
fn settings_say_where_they_came_from_and_a_dry_run_makes_nothing() {
    let place = Place::new();
    place.write("f.toml", "scale = \"quick\"\n[settings]\nsamples = 700\n");
    let ran = place.ntk("config show finite-corrections --config f.toml --seeds 2 --format json");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let all = ran.json();
    assert_eq!(all["scale"]["from"], "f.toml:1");
    let of = |name: &str| all["settings"].as_array().unwrap().iter().find(|s| s["name"] == name).unwrap().clone();
    assert_eq!((&of("samples")["value"], &of("samples")["from"]), (&700.into(), &"f.toml:3".into()));
    assert_eq!(of("seeds")["from"], "--seeds 2");
    let ran = place.ntk("config show finite-corrections --config f.toml");
    assert!(ran.out.contains("f.toml:3") && ran.out.contains("default"), "{}", ran.out);
    let ran = place.ntk("describe finite-corrections");
    assert!(ran.out.contains("samples = ") && ran.out.contains("Question") && ran.out.contains("arXiv"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.len() <= 80), "{}", ran.out);
    // Claims are known before anything is measured.
    assert!(ran.out.contains("Claims") && ran.out.contains("Wanted:") && !ran.out.contains("Judged in"), "{}", ran.out);
    let all = place.ntk("describe finite-corrections --format json").json();
    assert_eq!(all["judged"], Value::Null);
    let claims = all["claims"].as_array().unwrap();
    assert!(claims.len() > 3 && claims.iter().all(|claim| claim["threshold"]["kind"].is_string()), "{claims:?}");
    assert!(claims.iter().all(|claim| !claim["source"].as_str().unwrap().is_empty()));
    let ran = place.ntk("run finite-corrections --dry-run --format json");
    assert!(!ran.json()["tasks"].as_array().unwrap().is_empty());
    assert_eq!(place.ntk("run finite-corrections --dry-run").code, Some(0));
    assert_eq!(place.names("."), ["f.toml"]);
}

#[test]
fn data_sets_are_found_by_name_where_they_are_said_to_be() {
    let place = Place::new();
    let ran = place.ntk("data --format json");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.json()["folder"], Value::Null);
    let idx = |rank: u8, shape: &[u32], data: &[u8]| {
        let mut bytes = vec![0, 0, 8, rank];
        shape.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
        bytes.extend(data);
        bytes
    };
    let pixels: Vec<u8> = (0..6 * 4).map(|i| (i * 37 % 251) as u8).collect();
    place.write("d/mnist/train-images-idx3-ubyte", idx(3, &[6, 2, 2], &pixels));
    place.write("d/mnist/train-labels-idx1-ubyte", idx(1, &[6], &[0, 1, 0, 1, 0, 1]));
    for words in ["data --data-dir d --format json", "data --format json"] {
        let ran = Ran::of(place.command(words.split_whitespace()).env("NTK_DATA", "d"));
        let all = ran.json();
        let mnist = all["sets"].as_array().unwrap().iter().find(|set| set["name"] == "mnist").unwrap().clone();
        assert_eq!((&mnist["found"], &mnist["about"]["samples"]), (&true.into(), &6.into()), "{words}");
    }
    let ran = place.ntk("data --data-dir d");
    assert!(ran.out.contains("6 of 2 x 2 x 1") && ran.out.contains("Nothing is ever downloaded"), "{}", ran.out);
    let ran = place.ntk("kernel --data mnist --data-dir d --model mlp:4-3x1-1:relu --out k --no-report");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = place.ntk("kernel --data mnist --model mlp:4-3x1-1:relu");
    assert!(ran.code == Some(2) && ran.err.contains("NTK_DATA"), "{}", ran.err);
    let made = "kernel --data parity:bits=6,k=2 --n 30 --model mlp:6-8x1-1:relu --no-report --format json --out";
    let [a, b] = ["p", "q"].map(|out| place.ntk(&format!("{made} {out}")));
    assert_eq!((a.code, b.code), (Some(0), Some(0)), "{}", a.err);
    assert_eq!(place.bytes("p/kernel.npy"), place.bytes("q/kernel.npy"));
}
