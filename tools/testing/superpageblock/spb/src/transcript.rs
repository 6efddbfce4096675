// SPDX-License-Identifier: GPL-2.0-only
//! What did a guest say on its console?

use std::collections::BTreeMap;

/// Console text that means the kernel found something wrong with itself.
const SPLATS: [&str; 11] = [
    "WARNING:",
    "BUG:",
    "Oops",
    "lockdep is turned off",
    "Kernel panic",
    "invoked oom-killer",
    "page allocation failure",
    "rcu: INFO",
    "possible circular",
    "inconsistent lock state",
    "Call Trace:",
];

/// One `SPB-TEST` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Name of the case.
    pub name: String,
    /// Why it failed.
    pub failure: Option<String>,
}

/// Everything a guest printed, sorted.
#[derive(Debug, Default)]
pub struct Transcript {
    /// The console, line by line.
    pub lines: Vec<String>,
    /// `SPB: key=value`.
    pub values: BTreeMap<String, String>,
    /// `SPB-MAP name chars`.
    pub maps: Vec<(String, String)>,
    /// `SPB-TEST name ok` or `SPB-TEST name FAIL reason`.
    pub cases: Vec<Case>,
    /// Lines by which the kernel complained.
    pub splats: Vec<String>,
    /// Whether the guest said that it is about to panic, and no other kernel has started since.
    panicking: bool,
    /// Whether `SPB: done` was seen.
    pub done: bool,
    /// Whether the time limit ended the guest.
    pub timed_out: bool,
    /// Wall-clock seconds from start to end of the virtual machine.
    pub seconds: f64,
}

/// What to tell the person who watches.
#[derive(Debug, PartialEq, Eq)]
pub enum Note<'a> {
    /// Nothing.
    Quiet,
    /// `SPB-LOG text`.
    Log(&'a str),
    /// `SPB-ASK request`.
    Ask(&'a str),
    /// The guest has finished its work.
    Done,
}

impl Transcript {
    /// Takes in one console line.
    pub fn take<'a>(&mut self, line: &'a str) -> Note<'a> {
        self.lines.push(line.to_string());
        let Some(at) = line.find("SPB") else {
            self.watch(line);
            return Note::Quiet;
        };
        let message = &line[at..];
        if let Some(rest) = message.strip_prefix("SPB: ") {
            return self.value(rest.trim());
        }
        if let Some(rest) = message.strip_prefix("SPB-LOG ") {
            return Note::Log(rest);
        }
        if let Some(rest) = message.strip_prefix("SPB-ASK ") {
            return Note::Ask(rest.trim());
        }
        if let Some((name, map)) = message
            .strip_prefix("SPB-MAP ")
            .and_then(|rest| rest.split_once(' '))
        {
            self.maps
                .push((name.to_string(), map.trim_end().to_string()));
        } else if let Some(rest) = message.strip_prefix("SPB-TEST ") {
            self.case(rest);
        } else {
            self.watch(line);
        }
        Note::Quiet
    }

    /// First reason to call the guest failed, if any.
    pub fn failure(&self) -> Option<String> {
        if let Some(splat) = self.splats.first() {
            return Some(splat.clone());
        }
        match (self.done, self.timed_out) {
            (true, _) => None,
            (false, true) => Some(format!("no end after {:.0} s", self.seconds)),
            (false, false) => Some("the guest ended before it was done".to_string()),
        }
    }

    /// Whether the guest ended in order to be started again with the same disks.
    pub fn wants_another_boot(&self) -> bool {
        let wish = self.values.get("boot").map(String::as_str);
        wish == Some("again") && !self.done && !self.timed_out
    }

    /// Whether a guest never began its work because the host kept it from its timers while it calibrated them.
    pub fn was_starved(&self) -> bool {
        let sign = |line: &String| line.contains("Probably due to long platform interrupts");
        self.timed_out && self.values.is_empty() && self.lines.iter().any(sign)
    }

    /// Both boots of a guest as one transcript.
    pub fn then(mut self, mut second: Self) -> Self {
        self.lines.append(&mut second.lines);
        self.values.append(&mut second.values);
        self.maps.append(&mut second.maps);
        self.cases.append(&mut second.cases);
        self.splats.append(&mut second.splats);
        self.seconds += second.seconds;
        self.done = second.done;
        self.timed_out = second.timed_out;
        self
    }

    fn value(&mut self, text: &str) -> Note<'static> {
        if text == "done" {
            self.done = true;
            return Note::Done;
        }
        if text == "crash=expected" {
            self.panicking = true;
        }
        if let Some((key, value)) = text.split_once('=') {
            self.values
                .insert(key.trim().to_string(), value.trim().to_string());
        }
        Note::Quiet
    }

    fn case(&mut self, text: &str) {
        let mut words = text.trim().splitn(3, ' ');
        let name = words.next().unwrap_or_default().to_string();
        let failure = match words.next() {
            Some("ok") => None,
            _ => Some(words.next().unwrap_or("no reason given").to_string()),
        };
        self.cases.push(Case { name, failure });
    }

    fn watch(&mut self, line: &str) {
        if line.contains("Linux version") {
            self.panicking = false;
        }
        if !self.panicking && SPLATS.iter().any(|mark| line.contains(mark)) {
            self.splats.push(line.trim().to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(lines: &[&str]) -> Transcript {
        let mut transcript = Transcript::default();
        for line in lines {
            transcript.take(line);
        }
        transcript
    }

    #[test]
    fn later_values_replace_earlier_ones() {
        let t = transcript(&["SPB: a=1", "SPB: a=2", "SPB: done"]);
        assert_eq!(t.values["a"], "2");
        assert_eq!(t.failure(), None);
    }

    #[test]
    fn a_case_without_ok_has_failed() {
        let t = transcript(&[
            "SPB-TEST one ok",
            "SPB-TEST two FAIL 3 pages lost",
            "SPB-TEST three",
            "[    8.411169] SPB-TEST four ok",
            "SPB-TEST five okay",
        ]);
        let failed: Vec<bool> = t.cases.iter().map(|case| case.failure.is_some()).collect();
        assert_eq!(failed, [false, true, true, false, true]);
        assert_eq!(t.cases[1].failure.as_deref(), Some("3 pages lost"));
    }

    #[test]
    fn maps_keep_their_order_and_inner_blanks() {
        let t = transcript(&["SPB-MAP before .. T", "SPB-MAP after .."]);
        assert_eq!(
            t.maps,
            [
                ("before".into(), ".. T".into()),
                ("after".into(), "..".into())
            ]
        );
    }

    #[test]
    fn a_splat_fails_a_guest_that_is_done() {
        let t = transcript(&["[    1.2] WARNING: CPU: 0 PID: 1 at mm/x.c:1", "SPB: done"]);
        assert!(t.failure().is_some_and(|reason| reason.contains("mm/x.c")));
    }

    #[test]
    fn complaints_of_an_expected_panic_count_only_until_the_next_kernel() {
        let panic = "[    9.1] Kernel panic - not syncing: sysrq triggered crash";
        let next = "[    0.0] Linux version 7.2";
        let expected = transcript(&["SPB: crash=expected", panic, next, "SPB: done"]);
        assert_eq!(expected.failure(), None);
        let twice = transcript(&["SPB: crash=expected", panic, next, panic, "SPB: done"]);
        assert!(twice.failure().is_some());
        let dead = transcript(&["SPB: crash=expected", panic]);
        assert!(dead.failure().is_some());
    }

    #[test]
    fn a_second_boot_must_end_the_work() {
        let first = || transcript(&["SPB-TEST one ok", "SPB: boot=again"]);
        assert!(first().wants_another_boot());
        let both = first().then(transcript(&["SPB-TEST two ok", "SPB: done"]));
        assert_eq!((both.cases.len(), both.failure()), (2, None));
        assert!(!both.wants_another_boot());
        assert!(first().then(transcript(&["x"])).failure().is_some());
    }

    #[test]
    fn only_a_guest_that_did_not_begin_was_starved() {
        let sign = "[    0.0] Probably due to long platform interrupts. Consider using lpj=";
        let late = |lines: &[&str]| Transcript {
            timed_out: true,
            ..transcript(lines)
        };
        assert!(late(&["Linux version", sign]).was_starved());
        assert!(!late(&["Linux version"]).was_starved());
        assert!(!late(&[sign, "SPB: scenario=run"]).was_starved());
        assert!(!transcript(&[sign]).was_starved());
    }

    #[test]
    fn silence_is_failure() {
        assert!(transcript(&["Linux version"]).failure().is_some());
    }
}
