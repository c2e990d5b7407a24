use std::time::{Duration, Instant};

use serde::Serialize;

use super::*;
use crate::experiment::{About, Claim, Experiment, Findings, Lab, Record, Task};

crate::settings! {
    /// Settings of an example.
    pub struct Choices {
        /// Widths.
        widths: Vec<usize>, 1 to 100 => vec![1usize], vec![2usize, 3], vec![3usize];
        /// A rate.
        rate: f64, 0.0 to 1.0 => 0.5;
        /// A word.
        word: String => "digits";
        /// Seeds.
        seeds: Vec<u64>, 0 to 1000 => vec![0u64];
    }
}

#[derive(Clone, Serialize)]
struct Nothing;

impl Task for Nothing {
    fn name(&self) -> String {
        "nothing".into()
    }
}

#[derive(Clone)]
struct Example;

impl Experiment for Example {
    type Settings = Choices;
    type Task = Nothing;

    fn about(&self) -> About {
        About { name: "example", paper: "", reference: "", question: "", protocol: "", seconds: [0.0; 3], revision: 1 }
    }

    fn claims(&self) -> &'static [Claim] {
        &[]
    }

    fn tasks(&self, _: &Choices) -> Result<Vec<Nothing>> {
        Ok(vec![Nothing])
    }

    fn measure(&self, _: &Nothing, _: &Lab<'_>) -> Result<Record> {
        Ok(Record::default())
    }

    fn judge(&self, _: &Choices, _: &[(Nothing, Record)]) -> Result<Findings> {
        Ok(Findings::default())
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new(text: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::write(place.path(), text).unwrap();
        place
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("f.toml")
    }

    fn resolve(&self, set: &[&str]) -> Result<Config> {
        let set: Vec<String> = set.iter().map(|&word| word.to_owned()).collect();
        Config::resolve(&Example, &Request { file: Some(&self.path()), set: &set, ..Request::default() })
    }
}

fn typed(set: &[&str], request: Request<'static>) -> Result<Config> {
    let set: Vec<String> = set.iter().map(|&word| word.to_owned()).collect();
    Config::resolve(&Example, &Request { set: &set, ..request })
}

fn shown(config: &Config, name: &str) -> (String, String) {
    let found = config.values.iter().find(|assigned| assigned.name == name).unwrap();
    (found.value.to_string(), found.origin.to_string())
}

#[test]
fn later_layers_have_the_last_word_and_each_value_says_where_it_came_from() {
    let place = Place::new("scale = \"quick\"\n[settings]\nrate = 1\nword = 'b'\nseeds = [7]\n");
    let config = place.resolve(&["settings.word=c", "seeds=8, 9"]).unwrap();
    let file = place.path().display().to_string();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(config.scale, Scale::Quick);
    assert_eq!(config.scale_origin.to_string(), format!("{file}:1"));
    assert_eq!(shown(&config, "widths"), pair("[1]", "quick scale"));
    assert_eq!(shown(&config, "rate"), pair("1.0", &format!("{file}:3")));
    assert_eq!(shown(&config, "word"), pair("\"c\"", "--set settings.word=c"));
    assert_eq!(shown(&config, "seeds"), pair("[8, 9]", "--set seeds=8, 9"));
    let full = Request { scale: Some((Scale::Full, "--full")), ..Request::default() };
    let config = Config::resolve(&Example, &Request { file: Some(&place.path()), ..full.clone() }).unwrap();
    assert_eq!((config.scale_origin.to_string(), shown(&config, "widths").0), ("--full".into(), "[3]".into()));
    let config = typed(&[], Request { seeds: Some(3), ..Request::default() }).unwrap();
    assert_eq!(shown(&config, "seeds"), pair("[0, 1, 2]", "--seeds 3"));
    assert_eq!(shown(&config, "widths"), pair("[2, 3]", "default"));
    assert_eq!(shown(&typed(&["widths=5"], full).unwrap(), "widths").0, "[5]");
}

#[test]
fn what_is_written_out_resolves_to_the_same() {
    let config = typed(&["rate=0.1", "word=a \"b\" # c", "widths=[1,100]"], Request::default()).unwrap();
    let text = config.to_toml(Example.parameters());
    assert!(
        text.starts_with("experiment = \"example\"\nscale = \"desk\"\n\n[settings]\n# Widths.\nwidths = [1, 100]\n")
    );
    let again = Place::new(&text).resolve(&[]).unwrap();
    assert_eq!(again.table(), config.table());
    assert_eq!(again.run(&Example).unwrap().settings(), config.table());
}

#[test]
fn what_contradicts_itself_in_one_layer_is_named_twice() {
    let error = typed(&["rate=0.1", "rate=0.2"], Request::default()).unwrap_err().to_string();
    assert_eq!(error, "--set rate=0.1 and --set rate=0.2 contradict each other; leave one of them out");
    assert!(typed(&["rate=0.1", "rate=1e-1"], Request::default()).is_ok());
    let error = typed(&["seeds=5"], Request { seeds: Some(2), ..Request::default() }).unwrap_err().to_string();
    assert!(error.contains("--set seeds=5 and --seeds 2"), "{error}");
    let error = Place::new("scale = 'quick'\nscale = 'full'\n").resolve(&[]).unwrap_err().to_string();
    assert!(error.contains("f.toml:2:1:") && error.contains("duplicate key"), "{error}");
}

#[test]
fn what_is_wrong_is_shown_at_its_place() {
    for (text, place, answer) in [
        ("[settings]\nrate = = 2\n", "f.toml:2:", "^"),
        (
            "[settings]\nrata = 2\n",
            "f.toml:2:1: unknown key `rata`\n  |\n2 | rata = 2\n  | ^^^^",
            "did you mean `rate`?",
        ),
        ("[settings]\n\nrate = 2\n", "f.toml:3:8: `rate` cannot be this", "give a number from 0 to 1"),
        ("[settings]\nseeds = [-1]\n", "f.toml:2:9", "from 0 to 1000"),
        ("[settings]\nwidths = [[1]]\n", "f.toml:2:10", "a list"),
        ("rate = 0.1\n", "f.toml:1:1: `rate` is a setting outside", "[settings]"),
        ("scale = 'tiny'\n", "f.toml:1:9", "\"quick\""),
        ("experiment = 'other'\n", "f.toml:1:14: the settings are not those of example", "leave the line out"),
        ("sclae = 'quick'\n", "f.toml:1:1", "did you mean `scale`?"),
        ("settings = 3\n", "f.toml:1:12", "[settings]"),
    ] {
        let error = Place::new(text).resolve(&[]).unwrap_err();
        let said = error.to_string();
        assert!(error.code() == 2 && said.contains(place) && said.contains(answer), "{text}: {said}");
        assert!(error.line().is_some() && error.path().is_some());
    }
    for (word, answer) in [
        ("rate", "write --set NAME=VALUE"),
        ("rate=2", "--set rate=2 cannot be; give a number from 0 to 1"),
        ("rate=x", "give a number"),
        ("rate=0.1\nword=2", "give a number"),
        ("widths=", "give a list"),
        ("raet=1", "did you mean `rate`?"),
        ("seeds=99999999999999999999", "from 0 to 1000"),
    ] {
        let error = typed(&[word], Request::default()).unwrap_err();
        assert!(error.code() == 2 && error.to_string().contains(answer), "{word}: {error}");
    }
    for count in [0, 100_001, usize::MAX] {
        assert_eq!(typed(&[], Request { seeds: Some(count), ..Request::default() }).unwrap_err().code(), 2);
    }
    let nowhere = Request { file: Some(Path::new("nowhere.toml")), ..Request::default() };
    assert!(typed(&[], nowhere).unwrap_err().to_string().starts_with("nowhere.toml: "));
}

#[test]
fn hostile_files_cost_no_time() {
    let keys: String = (0..1_000_000).map(|i| format!("k{i} = 1\n")).collect();
    let few: String = (0..20_000).map(|i| format!("k{i} = 1\n")).collect();
    let deep = |opening: &str, n: usize| format!("a = {}", opening.repeat(n));
    let dotted = format!("{}a = 1\n", "a.".repeat(10_000));
    for text in [keys, few, deep("[", 10_000), deep("{a=", 10_000), deep("[", 200_000), dotted] {
        let place = Place::new(&text);
        let start = Instant::now();
        assert_eq!(place.resolve(&[]).unwrap_err().code(), 2);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?} {}", start.elapsed(), &text[..20]);
    }
    let start = Instant::now();
    for word in [format!("rate={}", "[".repeat(60_000)), format!("rate={}", "9".repeat(10_000_000))] {
        assert_eq!(typed(&[&word], Request::default()).unwrap_err().code(), 2);
    }
    assert!(start.elapsed() < Duration::from_secs(1));
}
