// SPDX-License-Identifier: GPL-2.0-only

//! How does data queued in sockets come and go?

use std::os::unix::net::UnixDatagram;

use super::Kind;
use crate::rng::Rng;
use crate::Result;

/// Messages per socket: `max_dgram_qlen` is 10 by default, and one more gets in.
const MESSAGES: u64 = 10;
/// Bytes of the longest message; each costs a rounded-up kernel buffer.
const MOST: u64 = 16 << 10;

/// Datagram socket pairs and what is queued in them.
#[derive(Default)]
pub(crate) struct Sockets {
    pairs: Vec<(UnixDatagram, UnixDatagram, u64)>,
    bytes: u64,
}

impl Kind for Sockets {
    fn name(&self) -> &'static str {
        "sockets"
    }

    fn held(&self) -> u64 {
        self.bytes
    }

    fn grow(&mut self, rng: &mut Rng) -> Result<()> {
        let (from, to) = UnixDatagram::pair()?;
        from.set_nonblocking(true)?;
        let message = [1; MOST as usize];
        let mut queued = 0;
        for _ in 0..MESSAGES {
            let len = rng.sized(256, MOST) as usize;
            match from.send(&message[..len]) {
                Ok(_) => queued += len as u64,
                Err(_) => break,
            }
        }
        // A pair costs memory even when nothing could be queued.
        let bytes = queued.next_multiple_of(4096).max(4096);
        self.bytes += bytes;
        self.pairs.push((from, to, bytes));
        Ok(())
    }

    fn shrink(&mut self, rng: &mut Rng) {
        if !self.pairs.is_empty() {
            let (_, _, bytes) = self.pairs.swap_remove(rng.index(self.pairs.len()));
            self.bytes -= bytes;
        }
    }
}
