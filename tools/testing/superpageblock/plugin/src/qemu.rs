// SPDX-License-Identifier: GPL-2.0-only
//! What does QEMU call, and what is called in it?
//!
//! The names and types are those of QEMU's `qemu-plugin.h`, which only QEMU's source has. Documented at
//! <https://www.qemu.org/docs/master/devel/tcg-plugins.html>.

#![allow(non_upper_case_globals)]

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_uint;
use std::ffi::c_void;
use std::ffi::CStr;
use std::fs;
use std::path::PathBuf;
use std::ptr;
use std::slice;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;

use crate::counts::Counts;
use crate::mark;
use crate::mark::Mark;

/// The interface that is asked for. QEMU refuses what is newer than itself, and from 9.0 on what is older than 2; what is
/// used here is the same in both but for [`qemu_plugin_insn_data`].
#[no_mangle]
pub static qemu_plugin_version: c_int = match option_env!("SPB_QEMU_BEFORE_9") {
    Some(_) => 1,
    None => 2,
};

/// From this interface on the bytes of an instruction are copied.
const COPIES: c_int = 3;

/// Neither registers nor a reason to save them.
const NO_REGISTERS: c_int = 0;
/// Reads and writes.
const BOTH: c_int = 3;

/// A translated block, an instruction, a physical address: QEMU's own.
#[repr(C)]
struct Opaque([u8; 0]);

/// What the emulator says of itself; the rest is of no use here.
#[repr(C)]
struct Info {
    target: *const c_char,
    oldest: c_int,
    current: c_int,
}

type Translated = extern "C" fn(id: u64, block: *mut Opaque);
type Ended = extern "C" fn(id: u64, data: *mut c_void);
type Executed = extern "C" fn(processor: c_uint, data: *mut c_void);
type Accessed = extern "C" fn(processor: c_uint, access: u32, address: u64, data: *mut c_void);

extern "C" {
    fn qemu_plugin_register_vcpu_tb_trans_cb(id: u64, call: Translated);
    fn qemu_plugin_register_atexit_cb(id: u64, call: Ended, data: *mut c_void);
    fn qemu_plugin_tb_n_insns(block: *const Opaque) -> usize;
    fn qemu_plugin_tb_vaddr(block: *const Opaque) -> u64;
    fn qemu_plugin_tb_get_insn(block: *const Opaque, number: usize) -> *mut Opaque;
    fn qemu_plugin_insn_size(insn: *const Opaque) -> usize;
    /// Before [`COPIES`] it takes only the first argument, and gives the address of the bytes.
    fn qemu_plugin_insn_data(insn: *const Opaque, to: *mut u8, size: usize) -> usize;
    fn qemu_plugin_register_vcpu_tb_exec_cb(
        block: *mut Opaque,
        call: Executed,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_insn_exec_cb(
        insn: *mut Opaque,
        call: Executed,
        flags: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_register_vcpu_mem_cb(
        insn: *mut Opaque,
        call: Accessed,
        flags: c_int,
        which: c_int,
        data: *mut c_void,
    );
    fn qemu_plugin_get_hwaddr(access: u32, address: u64) -> *mut Opaque;
    fn qemu_plugin_hwaddr_is_io(address: *const Opaque) -> bool;
    fn qemu_plugin_hwaddr_phys_addr(address: *const Opaque) -> u64;
}

static COUNTS: LazyLock<Mutex<Counts>> = LazyLock::new(|| Mutex::new(Counts::new()));
static OUT: OnceLock<PathBuf> = OnceLock::new();
/// Most of the time no window is open, and nothing but this is looked at.
static OPEN: AtomicBool = AtomicBool::new(false);
static INTERFACE: AtomicI32 = AtomicI32::new(0);

fn counts() -> MutexGuard<'static, Counts> {
    COUNTS
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Called once by QEMU. Returns 0, or -1 and says why if `out=FILE` is missing.
///
/// # Safety
///
/// `info` and `arguments` must be what QEMU passes: valid during the call, `count` strings.
#[no_mangle]
unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    info: *const Info,
    count: c_int,
    arguments: *const *const c_char,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    let argument = (0..count).find_map(|number| {
        // SAFETY: there are `count` strings.
        let text = unsafe { CStr::from_ptr(*arguments.add(number)) };
        text.to_str().ok()?.strip_prefix("out=").map(PathBuf::from)
    });
    let Some(out) = argument else {
        eprintln!("the plugin wants out=FILE, where its report goes");
        return -1;
    };
    let _ = OUT.set(out);
    // SAFETY: `info` is valid, and what is read of it is there since the first version.
    INTERFACE.store(unsafe { (*info).current }, Ordering::Relaxed);
    // SAFETY: QEMU's functions, called where they may be, with functions of the types they want.
    unsafe {
        qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
        qemu_plugin_register_atexit_cb(id, ended, ptr::null_mut());
    }
    0
}

/// A block was translated: what runs when it is executed is decided now, and for good.
extern "C" fn translated(_id: u64, block: *mut Opaque) {
    // SAFETY: the block and its instructions are valid during this call.
    unsafe {
        let length = qemu_plugin_tb_n_insns(block);
        let number = counts().translated(qemu_plugin_tb_vaddr(block), length as u64);
        qemu_plugin_register_vcpu_tb_exec_cb(block, entered, NO_REGISTERS, number as *mut c_void);
        for place in 0..length {
            let insn = qemu_plugin_tb_get_insn(block, place);
            qemu_plugin_register_vcpu_mem_cb(insn, accessed, NO_REGISTERS, BOTH, ptr::null_mut());
            if qemu_plugin_insn_size(insn) == mark::BYTES {
                watch(insn, bytes(insn));
            }
        }
    }
}

/// The bytes of an instruction as long as a mark.
///
/// # Safety
///
/// `insn` must be valid, and [`mark::BYTES`] long.
unsafe fn bytes(insn: *const Opaque) -> [u8; mark::BYTES] {
    let mut copy = [0; mark::BYTES];
    // SAFETY: as this function's; `copy` has room.
    let result = unsafe { qemu_plugin_insn_data(insn, copy.as_mut_ptr(), copy.len()) };
    if INTERFACE.load(Ordering::Relaxed) < COPIES {
        // SAFETY: this interface returns the address of the bytes, which are valid as long as `insn` is.
        copy.copy_from_slice(unsafe { slice::from_raw_parts(result as *const u8, mark::BYTES) });
    }
    copy
}

/// Has [`marked`] called with the kind if these bytes are a mark.
///
/// # Safety
///
/// `insn` must be valid.
unsafe fn watch(insn: *mut Opaque, bytes: [u8; mark::BYTES]) {
    let Some(kind) = mark::kind(&bytes) else {
        return;
    };
    let data = usize::from(kind) as *mut c_void;
    // SAFETY: as this function's.
    unsafe { qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, NO_REGISTERS, data) };
}

extern "C" fn marked(_processor: c_uint, kind: *mut c_void) {
    if let Some(mark) = Mark::of(kind as u8) {
        OPEN.store(counts().marked(mark), Ordering::Relaxed);
    }
}

extern "C" fn entered(_processor: c_uint, block: *mut c_void) {
    if OPEN.load(Ordering::Relaxed) {
        counts().entered(block as usize);
    }
}

extern "C" fn accessed(_processor: c_uint, access: u32, address: u64, _data: *mut c_void) {
    if !OPEN.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: called for the access that is going on; the result is valid until the next call, or null.
    let physical = unsafe {
        let place = qemu_plugin_get_hwaddr(access, address);
        if place.is_null() || qemu_plugin_hwaddr_is_io(place) {
            return;
        }
        qemu_plugin_hwaddr_phys_addr(place)
    };
    counts().accessed(physical);
}

extern "C" fn ended(_id: u64, _data: *mut c_void) {
    let Some(out) = OUT.get() else { return };
    if let Err(error) = fs::write(out, counts().report()) {
        eprintln!("{}: {error}", out.display());
    }
}
