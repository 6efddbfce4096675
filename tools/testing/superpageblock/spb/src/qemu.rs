// SPDX-License-Identifier: GPL-2.0-only
//! How is a guest started, watched and ended?

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;

use crate::actions::Host;
use crate::cmd;
use crate::memory::Mib;
use crate::transcript::Note;
use crate::transcript::Transcript;

/// Longest silence while a guest runs.
const PROGRESS: Duration = Duration::from_secs(15);
/// Time a guest has to power off once it is done.
const GRACE: Duration = Duration::from_secs(20);
/// Modules of memory that may be added to a guest while it runs.
const SLOTS: u32 = 8;

/// A virtual machine to start.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Name in progress lines and of its log file.
    pub name: String,
    /// Kernel image.
    pub kernel: PathBuf,
    /// Initramfs.
    pub initramfs: PathBuf,
    /// Memory, divided evenly over the nodes.
    pub memory: Mib,
    /// Processors.
    pub cpus: u32,
    /// NUMA nodes; 1 gives no NUMA tables at all.
    pub nodes: u32,
    /// What memory may grow to while the guest runs.
    pub maxmem: Option<Mib>,
    /// Kernel command line beyond the console.
    pub cmdline: String,
    /// Raw disk images.
    pub disks: Vec<PathBuf>,
    /// Further QEMU arguments.
    pub extra: Vec<String>,
    /// Time after which the guest is ended.
    pub timeout: Duration,
}

/// What executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Accel {
    /// The processor.
    Kvm,
    /// QEMU's translator.
    Tcg,
}

/// Everything but fast string operations on bytes: where a CPU has them, kernels clear and copy pages with them, and
/// QEMU translates them byte by byte, in nearly twice the time that a guest full of memory takes without.
const TRANSLATED: &str = "max,-erms,-fsrm";

impl Accel {
    /// KVM where it can work.
    pub fn detect() -> Self {
        let opens = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_ok();
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        // /dev/kvm alone proves nothing: some hosts offer it and cannot run a guest.
        let flags = cpuinfo
            .lines()
            .find(|line| line.starts_with("flags"))
            .unwrap_or_default();
        if opens
            && flags
                .split_whitespace()
                .any(|flag| flag == "svm" || flag == "vmx")
        {
            Self::Kvm
        } else {
            Self::Tcg
        }
    }

    fn arguments(self, counted: bool) -> [&'static str; 4] {
        match self {
            // Only one thread can count.
            _ if counted => ["-accel", "tcg,thread=single", "-cpu", "max"],
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => ["-accel", "tcg,thread=multi", "-cpu", TRANSLATED],
        }
    }
}

impl Guest {
    /// The command that starts the machine with its console on standard output.
    pub fn command(&self, accel: Accel) -> Command {
        let mut qemu = Command::new("qemu-system-x86_64");
        let counted = self.extra.iter().any(|word| word == "-icount");
        let cpus = if counted { 1 } else { self.cpus };
        qemu.args(accel.arguments(counted)).args([
            "-M",
            "pc",
            "-nodefaults",
            "-no-reboot",
            "-display",
            "none",
        ]);
        qemu.args([
            "-m",
            &self.size(),
            "-smp",
            // A socket for each node: caches are not shared between nodes.
            &format!("{cpus},sockets={}", self.nodes.max(1)),
        ]);
        qemu.arg("-kernel")
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(&self.initramfs);
        qemu.args([
            "-append",
            &format!("console=ttyS0 panic=-1 {}", self.cmdline),
        ]);
        qemu.args(self.numa()).args(&self.extra);
        for disk in &self.disks {
            // A comma would end the name.
            let path = disk.to_string_lossy().replace(',', ",,");
            qemu.args([
                "-drive",
                &format!("file={path},if=virtio,format=raw,cache=unsafe,discard=unmap"),
            ]);
        }
        qemu
    }

    fn size(&self) -> String {
        match self.maxmem {
            None => format!("{}M", self.memory.0),
            Some(most) => format!("{}M,slots={SLOTS},maxmem={}M", self.memory.0, most.0),
        }
    }

    fn numa(&self) -> Vec<String> {
        if self.nodes < 2 {
            return Vec::new();
        }
        let share = self.memory.0 / u64::from(self.nodes);
        let mut arguments = Vec::new();
        for node in 0..self.nodes {
            let cpus: Vec<String> = (0..self.cpus)
                .filter(|cpu| cpu % self.nodes == node)
                .map(|cpu| format!(",cpus={cpu}"))
                .collect();
            let size = if node == 0 {
                self.memory.0 - share * u64::from(self.nodes - 1)
            } else {
                share
            };
            arguments.extend([
                "-object".into(),
                format!("memory-backend-ram,id=node{node},size={size}M"),
            ]);
            arguments.extend([
                "-numa".into(),
                format!("node,nodeid={node},memdev=node{node}{}", cpus.concat()),
            ]);
        }
        arguments
    }

    /// Runs the guest to its end and returns what it said.
    pub fn boot(&self, accel: Accel, log: &std::path::Path, verbose: bool) -> Result<Transcript> {
        self.maxmem.unwrap_or(self.memory).check()?;
        let mut host = Host::new();
        let mut command = self.command(accel);
        command.args(["-serial", "stdio", "-monitor", "none"]);
        command.args(host.arguments());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot run qemu-system-x86_64")?;
        host.serve(&mut child);
        let transcript = self.watch(&mut child, &mut host, verbose);
        let _ = child.kill();
        let _ = child.wait();
        let transcript = transcript?;
        if let Some(dir) = log.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::write(log, transcript.lines.join("\n") + "\n")?;
        Ok(transcript)
    }

    fn watch(&self, child: &mut Child, host: &mut Host, verbose: bool) -> Result<Transcript> {
        let lines = cmd::merge(child.stdout.take(), child.stderr.take());
        let start = Instant::now();
        let mut transcript = Transcript::default();
        let (mut shown, mut limit) = (start, start + self.timeout);
        loop {
            match lines.recv_timeout(Duration::from_millis(500)) {
                Ok(line) => match transcript.take(&line) {
                    Note::Log(text) if verbose => println!("{}: {text}", self.name),
                    Note::Ask(request) => transcript.lines.push(host.answer(request)),
                    Note::Done => limit = Instant::now() + GRACE,
                    _ => {}
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() >= limit {
                transcript.timed_out = !transcript.done;
                break;
            }
            if shown.elapsed() >= PROGRESS {
                shown = Instant::now();
                println!(
                    "{}: guest running, {:.0} s",
                    self.name,
                    start.elapsed().as_secs_f64()
                );
            }
        }
        transcript.seconds = start.elapsed().as_secs_f64();
        Ok(transcript)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(nodes: u32) -> Guest {
        Guest {
            name: "test".into(),
            kernel: "bzImage".into(),
            initramfs: "cpio".into(),
            memory: Mib(4097),
            cpus: 2,
            nodes,
            maxmem: None,
            cmdline: String::new(),
            disks: Vec::new(),
            extra: Vec::new(),
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn nodes_share_all_memory_and_processors() {
        let arguments = guest(2).numa().join(" ");
        assert!(arguments.contains("id=node0,size=2049M"), "{arguments}");
        assert!(arguments.contains("id=node1,size=2048M"), "{arguments}");
        assert!(
            arguments.contains("nodeid=1,memdev=node1,cpus=1"),
            "{arguments}"
        );
    }

    #[test]
    fn memory_that_grows_has_slots() {
        let mut guest = guest(1);
        assert_eq!(guest.size(), "4097M");
        guest.maxmem = Some(Mib::gib(8));
        assert_eq!(guest.size(), "4097M,slots=8,maxmem=8192M");
    }

    #[test]
    fn one_node_needs_no_tables() {
        assert!(guest(1).numa().is_empty());
    }
}
