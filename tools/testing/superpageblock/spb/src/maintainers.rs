// SPDX-License-Identifier: GPL-2.0-only
//! Where does an entry belong in the kernel's MAINTAINERS?

/// Puts each entry of `fragment` into `all` where the alphabet wants it.
pub fn insert(all: &str, fragment: &str) -> String {
    let mut lines: Vec<&str> = all.lines().collect();
    for entry in entries(fragment) {
        let at = position(&lines, entry[0]);
        let mut block = entry;
        block.push("");
        lines.splice(at..at, block);
    }
    lines.join("\n") + "\n"
}

/// Entries of a fragment, without comments and surrounding empty lines.
fn entries(fragment: &str) -> Vec<Vec<&str>> {
    let mut entries: Vec<Vec<&str>> = vec![Vec::new()];
    for line in fragment.lines().filter(|line| !line.starts_with('#')) {
        match (line.trim().is_empty(), entries.last_mut()) {
            (true, _) => entries.push(Vec::new()),
            (false, Some(entry)) => entry.push(line),
            (false, None) => {}
        }
    }
    entries.retain(|entry| !entry.is_empty());
    entries
}

/// The place with the fewest titles on the wrong side: the file has entries out of order.
fn position(lines: &[&str], title: &str) -> usize {
    let title = title.to_uppercase();
    let (mut score, mut best, mut at) = (0, 0, 0);
    for i in (0..lines.len()).filter(|&i| is_title(lines, i)) {
        if score >= best {
            (best, at) = (score, i);
        }
        score += if lines[i].to_uppercase() <= title {
            1
        } else {
            -1
        };
    }
    if score > best {
        at = lines.len();
    }
    at
}

fn is_title(lines: &[&str], i: usize) -> bool {
    let starts = lines[i].starts_with(|c: char| c.is_ascii_alphanumeric());
    let tag = lines.get(i + 1).is_some_and(|next| {
        let mut chars = next.chars();
        chars.next().is_some_and(|c| c.is_ascii_uppercase()) && next[1..].starts_with(":\t")
    });
    starts && tag && !lines[i][1..].starts_with(":\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str =
        "intro\n\n3C59X\nM:\tA\nS:\tOdd\n\nSUN3\nM:\tB\n\nSUPERH\nM:\tC\n\nTHE REST\nM:\tL\n";

    #[test]
    fn an_entry_goes_where_the_alphabet_wants_it() {
        let all = insert(ALL, "# SPDX\nSUPERPAGEBLOCK\nM:\tX\n");
        assert!(
            all.contains("M:\tC\n\nSUPERPAGEBLOCK\nM:\tX\n\nTHE REST\n"),
            "{all}"
        );
    }

    #[test]
    fn the_rest_is_unchanged() {
        let all = insert(ALL, "SUPERPAGEBLOCK\nM:\tX\n");
        assert_eq!(all.replace("SUPERPAGEBLOCK\nM:\tX\n\n", ""), ALL);
    }
}
