// SPDX-License-Identifier: GPL-2.0-only
//! What does the host do for a guest that asks?
//!
//! A guest asks with a console line `SPB-ASK verb arguments` and reads one line as answer from its
//! console: `ok` or `error`, then text. The verbs are those of [`Request`].

use std::env;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process;
use std::process::Child;
use std::process::ChildStdin;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use serde_json::json;
use serde_json::Value;

use crate::memory::Mib;
use crate::qmp::Monitor;

/// Longest time in which a guest lets go of memory or follows a request: virtio-mem rests for 50 seconds where it could
/// not.
const PATIENCE: Duration = Duration::from_secs(180);
/// Time between two looks at a size.
const PAUSE: Duration = Duration::from_millis(100);

/// One thing a guest may ask for.
#[derive(Debug, PartialEq, Eq)]
enum Request<'a> {
    /// `rss`: memory of QEMU that is resident; the answer is in MiB.
    Resident,
    /// `plug MIB [NODE]`: add a memory module; the answer is its id and address.
    Plug { size: Mib, node: u32 },
    /// `unplug ID`: remove a module; an error says that the guest kept it.
    Unplug { id: &'a str },
    /// `virtio-mem MIB`: have the device `vmem` give as much to the guest.
    VirtioMem { size: Mib },
    /// `balloon MIB`: leave as much to the guest; the answer does not wait for it.
    Balloon { size: Mib },
}

impl<'a> Request<'a> {
    fn parse(text: &'a str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        Ok(match words[..] {
            ["rss"] => Self::Resident,
            ["plug", size] => Self::Plug {
                size: mib(size)?,
                node: 0,
            },
            ["plug", size, node] => Self::Plug {
                size: mib(size)?,
                node: node
                    .parse()
                    .with_context(|| format!("{node} is no node number"))?,
            },
            ["unplug", id] => Self::Unplug { id },
            ["virtio-mem", size] => Self::VirtioMem { size: mib(size)? },
            ["balloon", size] => Self::Balloon { size: mib(size)? },
            _ => bail!("the host knows no request '{text}'"),
        })
    }
}

/// The host as one guest sees it.
pub struct Host {
    socket: PathBuf,
    monitor: Option<Monitor>,
    /// Process of QEMU, and where the guest's console reads from.
    machine: Option<(u32, ChildStdin)>,
    /// Modules plugged so far; their ids are never used again.
    modules: u32,
}

impl Host {
    /// A host for a machine that is about to start.
    pub fn new() -> Self {
        static MACHINES: AtomicU32 = AtomicU32::new(0);
        let number = MACHINES.fetch_add(1, Ordering::Relaxed);
        let name = format!("spb-{}-{number}.qmp", process::id());
        Self {
            // Socket names are short; a build directory's may not be.
            socket: env::temp_dir().join(name),
            monitor: None,
            machine: None,
            modules: 0,
        }
    }

    /// What QEMU must be told for requests to work.
    pub fn arguments(&self) -> [String; 2] {
        let socket = self.socket.display();
        ["-qmp".into(), format!("unix:{socket},server=on,wait=off")]
    }

    /// Serves the machine that was started; its standard input must be a pipe.
    pub fn serve(&mut self, child: &mut Child) {
        self.machine = child.stdin.take().map(|stdin| (child.id(), stdin));
    }

    /// Does what `request` says and tells the guest; returns the answer.
    pub fn answer(&mut self, request: &str) -> String {
        let answer = match Request::parse(request).and_then(|request| self.perform(request)) {
            Ok(text) => format!("ok {text}"),
            Err(error) => format!("error {error:#}"),
        };
        let answer = answer.replace('\n', "; ");
        if let Some((_, stdin)) = &mut self.machine {
            // A guest that is gone is noticed by its silence.
            let _ = writeln!(stdin, "{answer}");
        }
        answer
    }

    fn perform(&mut self, request: Request) -> Result<String> {
        match request {
            Request::Resident => self.resident(),
            Request::Plug { size, node } => self.plug(size, node),
            Request::Unplug { id } => self.unplug(id),
            Request::VirtioMem { size } => self.resize(size),
            Request::Balloon { size } => {
                let value = bytes(size);
                self.execute("balloon", json!({ "value": value }))?;
                Ok(String::new())
            }
        }
    }

    fn resident(&self) -> Result<String> {
        let (pid, _) = self.machine.as_ref().context("no machine runs")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let kib = resident_kib(&status).context("QEMU's status has no VmRSS")?;
        Ok((kib / 1024).to_string())
    }

    fn plug(&mut self, size: Mib, node: u32) -> Result<String> {
        let id = format!("dimm{}", self.modules);
        let backend = backend_of(&id);
        self.modules += 1;
        self.execute(
            "object-add",
            json!({ "qom-type": "memory-backend-ram", "id": backend, "size": bytes(size) }),
        )?;
        let device = json!({ "driver": "pc-dimm", "id": id, "memdev": backend, "node": node });
        if let Err(error) = self.execute("device_add", device) {
            self.execute("object-del", json!({ "id": backend }))?;
            return Err(error);
        }
        let devices = self.execute("query-memory-devices", json!({}))?;
        let address = address(&devices, &id).context("QEMU does not list the new module")?;
        Ok(format!("{id} {address:#x}"))
    }

    fn unplug(&mut self, id: &str) -> Result<String> {
        self.monitor()?.forget_events();
        self.execute("device_del", json!({ "id": id }))?;
        let event = self
            .monitor()?
            .event(PATIENCE, |event| end_of_removal(event, id).is_some())?;
        match event.and_then(|event| end_of_removal(&event, id)) {
            Some(Removal::Done) => {
                self.execute("object-del", json!({ "id": backend_of(id) }))?;
                Ok(String::new())
            }
            Some(Removal::Refused) => bail!("the guest refused to let go of {id}"),
            None => bail!("the guest kept {id} for {} s", PATIENCE.as_secs()),
        }
    }

    fn resize(&mut self, size: Mib) -> Result<String> {
        let path = "/machine/peripheral/vmem";
        let wanted = bytes(size);
        self.execute(
            "qom-set",
            json!({ "path": path, "property": "requested-size", "value": wanted }),
        )?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.execute("qom-get", json!({ "path": path, "property": "size" }))?;
            if found.as_u64() == Some(wanted) {
                return Ok(String::new());
            }
            if Instant::now() > deadline {
                bail!("virtio-mem stays at {found} bytes, asked for {wanted}");
            }
            thread::sleep(PAUSE);
        }
    }

    fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        self.monitor()?.execute(command, arguments)
    }

    fn monitor(&mut self) -> Result<&mut Monitor> {
        match &mut self.monitor {
            Some(monitor) => Ok(monitor),
            empty => Ok(empty.insert(Monitor::connect(&self.socket)?)),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.socket);
    }
}

/// How the removal of a module ended.
#[derive(Debug, PartialEq, Eq)]
enum Removal {
    Done,
    Refused,
}

/// What an event says about the removal of module `id`, if that is its end.
fn end_of_removal(event: &Value, id: &str) -> Option<Removal> {
    /// Source and status of ACPI's `_OST` method.
    const EJECTION: u64 = 3;
    const IN_PROGRESS: u64 = 0x84;
    let data = &event["data"];
    match event["event"].as_str()? {
        "DEVICE_DELETED" if data["device"] == id => Some(Removal::Done),
        "DEVICE_UNPLUG_GUEST_ERROR" if data["device"] == id => Some(Removal::Refused),
        "ACPI_DEVICE_OST" if data["info"]["device"] == id => {
            let status = data["info"]["status"].as_u64()?;
            let ejection = data["info"]["source"].as_u64()? == EJECTION;
            (ejection && status != 0 && status != IN_PROGRESS).then_some(Removal::Refused)
        }
        _ => None,
    }
}

/// The address of module `id` in QEMU's list of memory devices.
fn address(devices: &Value, id: &str) -> Option<u64> {
    let found = devices
        .as_array()?
        .iter()
        .find(|device| device["data"]["id"] == id)?;
    found["data"]["addr"].as_u64()
}

fn backend_of(id: &str) -> String {
    format!("{id}-memory")
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn mib(text: &str) -> Result<Mib> {
    let number = text.parse();
    number
        .map(Mib)
        .with_context(|| format!("{text} is no number of MiB"))
}

fn bytes(size: Mib) -> u64 {
    size.0 << 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        let parse = |text| Request::parse(text).ok();
        assert_eq!(parse("rss"), Some(Request::Resident));
        let size = Mib(512);
        assert_eq!(parse("plug 512"), Some(Request::Plug { size, node: 0 }));
        assert_eq!(parse("plug 512 1"), Some(Request::Plug { size, node: 1 }));
        assert_eq!(parse("unplug dimm0"), Some(Request::Unplug { id: "dimm0" }));
        assert_eq!(parse("virtio-mem 512"), Some(Request::VirtioMem { size }));
        assert_eq!(parse("plug much"), None);
        assert_eq!(parse("reboot"), None);
    }

    #[test]
    fn a_request_that_cannot_be_met_is_answered_with_the_reason() {
        let mut host = Host::new();
        assert_eq!(host.answer("fly"), "error the host knows no request 'fly'");
        assert_eq!(host.answer("rss"), "error no machine runs");
    }

    #[test]
    fn removal_ends_with_the_device_or_with_a_refusal() {
        let deleted = json!({ "event": "DEVICE_DELETED", "data": { "device": "dimm1" } });
        assert_eq!(end_of_removal(&deleted, "dimm1"), Some(Removal::Done));
        assert_eq!(end_of_removal(&deleted, "dimm2"), None);
        let ost = |source, status| {
            let info = json!({ "device": "dimm1", "source": source, "status": status });
            end_of_removal(
                &json!({ "event": "ACPI_DEVICE_OST", "data": { "info": info } }),
                "dimm1",
            )
        };
        assert_eq!(ost(3, 0x84), None);
        assert_eq!(ost(0, 1), None);
        assert_eq!(ost(3, 1), Some(Removal::Refused));
    }

    #[test]
    fn resident_memory_and_addresses_are_found() {
        assert_eq!(
            resident_kib("VmPeak:\t 9 kB\nVmRSS:\t  2048 kB\n"),
            Some(2048)
        );
        let devices = json!([{ "type": "dimm", "data": { "id": "dimm0", "addr": 5_u64 << 30 } }]);
        assert_eq!(address(&devices, "dimm0"), Some(5 << 30));
        assert_eq!(address(&devices, "dimm1"), None);
    }
}
