// SPDX-License-Identifier: GPL-2.0-only
//! Did a kernel take the configuration it was asked for?

use std::collections::BTreeMap;

/// Last value that `text` gives to each symbol; `n` where it says "is not set".
pub fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines().filter_map(assignment).collect()
}

fn assignment(line: &str) -> Option<(String, String)> {
    let unset = line
        .strip_prefix("# CONFIG_")
        .and_then(|rest| rest.strip_suffix(" is not set"));
    if let Some(symbol) = unset {
        return Some((symbol.to_string(), "n".to_string()));
    }
    let (symbol, value) = line.strip_prefix("CONFIG_")?.split_once('=')?;
    Some((symbol.to_string(), value.trim().to_string()))
}

/// Requests that did not take effect, as `SYMBOL=value`.
pub fn refused(requested: &str, actual: &str) -> Vec<String> {
    let actual = parse(actual);
    let took = |symbol: &String, value: &String| match actual.get(symbol) {
        Some(found) => found == value,
        None => value == "n",
    };
    let wanted = parse(requested);
    wanted
        .iter()
        .filter(|(s, v)| !took(s, v))
        .map(|(s, v)| format!("{s}={v}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_symbol_is_refused_unless_unset_was_asked_for() {
        let requested = "CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n";
        assert_eq!(refused(requested, "CONFIG_A=y\n"), ["B=y"]);
    }

    #[test]
    fn a_later_request_replaces_an_earlier_one() {
        assert_eq!(
            refused("CONFIG_A=y\n# CONFIG_A is not set\n", "CONFIG_A=y\n"),
            ["A=n"]
        );
    }
}
