//! The table of keys in `docs/models.md` is the parser's own.

use ntk::model::layer::described;

use super::{NETWORKS, OF_TOKENS_AND_MASKS, network};

/// The rows of the table: for each kind one, and one for each of its keys.
fn table() -> String {
    let mut rows = String::from("| kind | key | takes | where left out | meaning |\n|---|---|---|---|---|\n");
    for kind in described() {
        rows += &format!("| `{}` | | | | {}: {} |\n", kind.name, kind.shape.replace("->", "to"), kind.about);
        for key in kind.keys {
            rows += &format!("| | `{}` | {} | {} | {} |\n", key.name, key.takes, key.default, key.about);
        }
    }
    rows
}

#[test]
fn the_documented_keys_are_those_of_the_parser() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/models.md");
    let text = std::fs::read_to_string(path).unwrap();
    let found: String = text
        .lines()
        .skip_while(|line| !line.starts_with("| kind |"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(found == table(), "docs/models.md should have this table:\n{}", table());
}

#[test]
fn every_documented_kind_and_key_is_read_in_some_network() {
    // A network is read or refused as a whole, and a key that the table lacks is refused: so the parser knows every key
    // that is found here.
    for kind in described() {
        let name = format!("kind = '{}'", kind.name);
        // What stands between one kind and the next is the table of the first.
        let tables: Vec<&str> = NETWORKS
            .iter()
            .chain(OF_TOKENS_AND_MASKS)
            .inspect(|text| drop(network(text)))
            .flat_map(|text| text.match_indices(&name).map(|(at, _)| &text[at + name.len()..]))
            .map(|rest| rest.split("kind = ").next().unwrap())
            .collect();
        assert!(!tables.is_empty(), "{name} is in no network");
        for key in kind.keys {
            assert!(
                tables.iter().any(|table| table.contains(&format!("{} = ", key.name))),
                "{name}: {} is in no network",
                key.name
            );
        }
    }
}

#[test]
fn a_key_that_is_not_documented_is_refused() {
    for kind in described() {
        let text = format!("input = [2]\nlayers = [{{ kind = '{}', colour = 3 }}]", kind.name);
        let refused = ntk::model::Architecture::from_toml(&text).unwrap_err().to_string();
        assert!(refused.contains("unknown key `colour`"), "{refused}");
    }
}
