// SPDX-License-Identifier: GPL-2.0-only
//! Which mm selftests can a guest run, and how?
//!
//! The list is the kernel's own: every `run_test` line of `run_vmtests.sh`.

/// Programs that cannot give a result here, by the start of their command.
const CANNOT: [(&str, &str); 4] = [
    ("khugepaged all:file", "needs XFS and mkfs.xfs"),
    (
        "test_page_frag.sh aligned",
        "100 million allocations take too long under emulation",
    ),
    (
        "test_page_frag.sh nonaligned",
        "100 million allocations take too long under emulation",
    ),
    ("protection_keys_32", "needs a 32-bit C library"),
];

/// What the console says when a script has done its work: it does not look at what its module did.
const PROOFS: [(&str, &str); 1] = [("test_page_frag.sh", "of iterations for")];

/// Seconds after which the guest ends a test; the kernel's own limit for the whole list is 900.
pub const LIMIT: u64 = 180;

/// Debian's `nobody`.
const NOBODY: u32 = 65534;

/// One program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its command without decoration: what it is called in results.
    pub name: String,
    /// Group that `run_vmtests.sh -t` selects.
    pub category: String,
    /// Program and arguments.
    pub words: Vec<String>,
    /// User it runs as.
    pub uid: u32,
}

impl Test {
    /// Whether `word` selects it.
    pub fn matches(&self, word: &str) -> bool {
        self.category == word || self.name.contains(word)
    }

    /// Text that the kernel logs while it runs, if it passes only then.
    pub fn proof(&self) -> Option<&'static str> {
        let mut proofs = PROOFS.iter();
        proofs
            .find(|(start, _)| self.name.starts_with(start))
            .map(|(_, text)| *text)
    }

    /// The file below the directory of tests that must exist.
    pub fn program(&self) -> Option<&str> {
        self.words.iter().find_map(|word| word.strip_prefix("./"))
    }

    fn new(category: &str, mut words: Vec<String>) -> Self {
        let mut uid = 0;
        if words.first().is_some_and(|word| word == "sudo") {
            uid = NOBODY;
            words.retain(|word| !["sudo", "-u", "nobody", "sh", "-c"].contains(&word.as_str()));
        }
        let name = words.join(" ");
        let name = name.strip_prefix("bash ").unwrap_or(&name);
        Self {
            name: name.trim_start_matches("./").to_string(),
            category: category.to_string(),
            words,
            uid,
        }
    }
}

/// What is run and what is not.
#[derive(Debug, Default)]
pub struct Plan {
    /// Tests in the order of the script.
    pub tests: Vec<Test>,
    /// Commands that cannot be run, and why.
    pub left: Vec<(String, String)>,
}

/// Reads `run_vmtests.sh`.
pub fn read(script: &str) -> Plan {
    let mut plan = Plan::default();
    let mut variables: Vec<(String, String)> = Vec::new();
    for line in script.lines().map(str::trim) {
        if let Some(variable) = program_variable(line) {
            variables.push(variable);
        }
        // A continued line belongs to the matrix that only `-a` runs.
        let Some((category, command)) = test_line(line).filter(|(_, c)| !c.ends_with('\\')) else {
            continue;
        };
        let test = Test::new(category, words(command, &variables));
        match CANNOT
            .iter()
            .find(|(start, _)| test.name.starts_with(start))
        {
            Some((_, reason)) => plan.left.push((test.name, (*reason).to_string())),
            None => plan.tests.push(test),
        }
    }
    plan
}

/// `CATEGORY="name" run_test command`
fn test_line(line: &str) -> Option<(&str, &str)> {
    let (category, rest) = line.strip_prefix("CATEGORY=\"")?.split_once('"')?;
    Some((
        category,
        rest.trim_start().strip_prefix("run_test ")?.trim(),
    ))
}

/// `name=./program`
fn program_variable(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let plain = value.starts_with("./") && !value.contains(char::is_whitespace);
    plain.then(|| (name.to_string(), value.to_string()))
}

/// Words of a command; unset variables vanish, as in the shell.
fn words(command: &str, variables: &[(String, String)]) -> Vec<String> {
    let value = |word: &str| match word.strip_prefix("${").and_then(|w| w.strip_suffix('}')) {
        None => Some(word.to_string()),
        Some(name) => {
            let known = variables.iter().rfind(|(variable, _)| variable == name);
            known.map(|(_, value)| value.clone())
        }
    };
    command.split_whitespace().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = r#"
stress=./uffd-stress
        CATEGORY="gup_test" run_test ./gup_test \
                $huge
CATEGORY="userfaultfd" run_test ${stress} anon 20 16
    CATEGORY="mlock" run_test sudo -u nobody sh -c ./on-fault-limit
CATEGORY="thp" run_test ./split_huge_page_test ${PATH_TO_XFS}
CATEGORY="thp" run_test ./khugepaged all:file ${PATH_TO_XFS}
CATEGORY="vmalloc" run_test bash ./test_vmalloc.sh smoke
"#;

    #[test]
    fn variables_users_and_shells_are_understood() {
        let plan = read(SCRIPT);
        let names: Vec<&str> = plan.tests.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "uffd-stress anon 20 16",
                "on-fault-limit",
                "split_huge_page_test",
                "test_vmalloc.sh smoke"
            ]
        );
        assert_eq!(plan.tests[1].uid, NOBODY);
        assert_eq!(plan.tests[1].words, ["./on-fault-limit"]);
        assert_eq!(plan.tests[3].program(), Some("test_vmalloc.sh"));
    }

    #[test]
    fn what_cannot_run_has_a_reason() {
        let plan = read(SCRIPT);
        assert_eq!(plan.left.len(), 1);
        assert_eq!(plan.left[0].0, "khugepaged all:file");
    }

    #[test]
    fn a_word_selects_by_category_or_command() {
        let plan = read(SCRIPT);
        assert!(plan.tests[0].matches("userfaultfd"));
        assert!(plan.tests[0].matches("uffd-stress"));
        assert!(!plan.tests[0].matches("thp"));
    }
}
