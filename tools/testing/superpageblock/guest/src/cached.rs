// SPDX-License-Identifier: GPL-2.0-only

//! How is page cache had without writing anything to a disk?

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::Result;

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// Makes a file of nothing but holes and reads it all: it is cached as pages of zeroes, as far as there is memory.
pub(crate) fn read_holes(path: &Path, bytes: u64) -> Result<()> {
    File::create(path)?.set_len(bytes)?;
    let (file, mut chunk) = (File::open(path)?, vec![0; CHUNK]);
    for at in (0..bytes).step_by(CHUNK) {
        file.read_at(&mut chunk, at)?;
    }
    Ok(())
}
