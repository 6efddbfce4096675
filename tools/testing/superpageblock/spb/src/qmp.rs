// SPDX-License-Identifier: GPL-2.0-only
//! How is a running QEMU told what to do?

use std::collections::VecDeque;
use std::io::BufRead;
use std::io::BufReader;
use std::io::ErrorKind;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use serde_json::json;
use serde_json::Value;

/// Longest wait for QEMU to open its socket or to answer a command.
const ANSWER: Duration = Duration::from_secs(20);
/// Time between two looks at something that is not there yet.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection to the QEMU Machine Protocol socket of one machine.
pub struct Monitor {
    stream: BufReader<UnixStream>,
    /// Start of a line whose end has not arrived.
    partial: Vec<u8>,
    /// Events that nobody has asked for yet, oldest first.
    events: VecDeque<Value>,
}

impl Monitor {
    /// Connects to the socket, which QEMU may still be about to open.
    pub fn connect(socket: &Path) -> Result<Self> {
        let deadline = Instant::now() + ANSWER;
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() > deadline => {
                    return Err(error)
                        .with_context(|| format!("cannot connect to {}", socket.display()));
                }
                Err(_) => thread::sleep(PAUSE),
            }
        };
        Self::greet(stream)
    }

    fn greet(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(PAUSE))?;
        let mut monitor = Self {
            stream: BufReader::new(stream),
            partial: Vec::new(),
            events: VecDeque::new(),
        };
        let deadline = Instant::now() + ANSWER;
        while monitor.receive()?.is_none() {
            if Instant::now() > deadline {
                bail!("QEMU does not greet");
            }
        }
        monitor.execute("qmp_capabilities", json!({}))?;
        Ok(monitor)
    }

    /// Runs a command and returns what it returns.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let message = json!({ "execute": command, "arguments": arguments });
        writeln!(self.stream.get_mut(), "{message}").with_context(|| format!("QMP {command}"))?;
        let deadline = Instant::now() + ANSWER;
        while Instant::now() < deadline {
            let Some(mut answer) = self.receive()? else {
                continue;
            };
            if let Some(error) = answer.get("error") {
                let reason = error["desc"].as_str().unwrap_or("no reason given");
                bail!("QMP {command}: {reason}");
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            self.events.push_back(answer);
        }
        bail!("QMP {command}: no answer in {} s", ANSWER.as_secs())
    }

    /// The next event for which `wanted` says yes; older ones are dropped.
    pub fn event(
        &mut self,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>> {
        let deadline = Instant::now() + limit;
        loop {
            while let Some(event) = self.events.pop_front() {
                if wanted(&event) {
                    return Ok(Some(event));
                }
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let message = self.receive()?;
            self.events.extend(message);
        }
    }

    /// Forgets the events that have arrived.
    pub fn forget_events(&mut self) {
        self.events.clear();
    }

    /// One message, or `None` when none comes for a moment.
    fn receive(&mut self) -> Result<Option<Value>> {
        match self.stream.read_until(b'\n', &mut self.partial) {
            Ok(0) => bail!("QEMU has ended"),
            Ok(_) if self.partial.ends_with(b"\n") => {
                let line = std::mem::take(&mut self.partial);
                let message = serde_json::from_slice(&line).context("QEMU says no JSON")?;
                Ok(Some(message))
            }
            Ok(_) => Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(None)
            }
            Err(error) => Err(error).context("cannot read from QEMU"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A monitor whose QEMU has said `script` and answers nothing else.
    fn monitor(script: &str) -> (Result<Monitor>, UnixStream) {
        let (ours, mut theirs) = UnixStream::pair().expect("a socket pair");
        let greeting = "{\"QMP\": {}}\n{\"return\": {}}\n";
        theirs
            .write_all(format!("{greeting}{script}").as_bytes())
            .expect("the other end is open");
        (Monitor::greet(ours), theirs)
    }

    #[test]
    fn events_before_an_answer_are_kept() {
        let (monitor, _qemu) = monitor(
            "{\"event\": \"A\"}\n{\"event\": \"B\"}\n{\"return\": [1]}\n{\"event\": \"C\"}\n",
        );
        let mut monitor = monitor.expect("a greeting");
        let answer = monitor.execute("query-x", json!({})).expect("an answer");
        assert_eq!(answer, json!([1]));
        for name in ["B", "C"] {
            let found = monitor.event(ANSWER, |event| event["event"] == name);
            assert!(found.expect("open").is_some(), "{name}");
        }
        let again = monitor.event(Duration::ZERO, |event| event["event"] == "A");
        assert!(again.expect("open").is_none());
    }

    #[test]
    fn a_refusal_carries_the_reason() {
        let (monitor, _qemu) = monitor("{\"error\": {\"class\": \"X\", \"desc\": \"no slot\"}}\n");
        let refused = monitor
            .expect("a greeting")
            .execute("device_add", json!({}))
            .expect_err("an error");
        assert_eq!(refused.to_string(), "QMP device_add: no slot");
    }

    #[test]
    fn the_end_of_qemu_is_an_error() {
        let (monitor, qemu) = monitor("");
        drop(qemu);
        let mut monitor = monitor.expect("a greeting");
        assert!(monitor.event(ANSWER, |_| true).is_err());
    }
}
