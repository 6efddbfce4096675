// SPDX-License-Identifier: GPL-2.0-only

//! Are all lists of a zone walked, and broken ones noticed?

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;
use crate::dump::layout::PageLayout;

const NODE: u64 = 0x1_0000;
const ZONE: u64 = NODE + 0x100;
const BLOCK: u64 = 0x2_0000;
const ARRAY: u64 = 0x3_0000;
const BUDDY: u64 = 0xf0 << 24;

/// Memory in words; what was never written is 0.
#[derive(Default)]
struct Words(RefCell<BTreeMap<u64, u64>>);

impl Words {
    fn set(&self, address: u64, value: u64) {
        self.0.borrow_mut().insert(address, value);
    }

    /// Makes empty areas of two orders with one list each.
    fn areas(&self, address: u64) {
        for order in 0..2 {
            let head = address + order * 24;
            self.set(head, head);
        }
    }

    /// Puts the page at `page` first on the list of `order` in the areas at `address`.
    fn free(&self, address: u64, order: u64, page: u64) {
        let head = address + order * 24;
        let first = self.word(head).unwrap_or(head);
        self.set(page + 8, first);
        self.set(page + 24, order);
        self.set(page + 32, BUDDY);
        self.set(head, page + 8);
        let counter = ZONE + order * 24 + 16;
        self.set(counter, self.word(counter).unwrap_or(0) + 1);
    }
}

impl Memory for Words {
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<()> {
        for (index, bytes) in buffer.chunks_exact_mut(8).enumerate() {
            let at = address + index as u64 * 8;
            let word = self.0.borrow().get(&at).copied().unwrap_or(0);
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        Ok(())
    }
}

/// One node with one zone; pages of 1 GB, so that a block is one page.
fn layout() -> Layout {
    Layout {
        node_data: 0x100,
        nodes: 2,
        node_zones: 0x100,
        nr_zones: 0,
        zone_bytes: 0x100,
        spanned: 0x80,
        free_area: 0,
        free_pages: 0x88,
        orders: 2,
        area_bytes: 24,
        free_list: 0,
        types: 1,
        list_bytes: 16,
        next: 0,
        page: PageLayout {
            bytes: 40,
            lru: 8,
            private: 24,
            page_type: 32,
            buddy: BUDDY as u32,
        },
        blocks: Some(BlockLayout {
            len: 0x90,
            array: 0x98,
            pages: 1,
        }),
    }
}

/// Order 0: one page on the zone's list, two on the block's. Order 1: one on the block's.
fn machine() -> Words {
    let words = Words::default();
    words.set(0x100 + 8, NODE);
    words.set(NODE, 1);
    words.set(ZONE + 0x80, 1);
    words.set(ZONE + 0x88, 5);
    words.set(ZONE + 0x90, 1);
    words.set(ZONE + 0x98, ARRAY);
    words.set(ARRAY, BLOCK);
    words.areas(ZONE);
    words.areas(BLOCK);
    words.free(ZONE, 0, 0x8000);
    words.free(BLOCK, 0, 0x8100);
    words.free(BLOCK, 0, 0x8200);
    words.free(BLOCK, 1, 0x8300);
    words
}

#[test]
fn the_lists_of_zone_and_blocks_add_up() {
    let zones = zones(&machine(), &layout()).unwrap();
    let expected = FreeZone {
        node: 1,
        own: vec![1, 0],
        in_blocks: vec![2, 1],
        counted: vec![3, 1],
        free_pages: 5,
        blocks: 1,
    };
    assert_eq!(zones, [expected]);
    assert_eq!(zones[0].entries(), zones[0].counted);
    assert_eq!(pages(&zones[0].entries()), 5);
}

#[test]
fn without_the_blocks_pages_are_missing() {
    let layout = Layout {
        blocks: None,
        ..layout()
    };
    let zones = zones(&machine(), &layout).unwrap();
    assert_eq!(zones[0].entries(), [1, 0]);
}

#[test]
fn a_page_in_use_is_noticed() {
    let words = machine();
    words.set(0x8200 + 32, u64::from(u32::MAX));
    assert!(zones(&words, &layout()).is_err());
}

#[test]
fn a_page_of_another_order_is_noticed() {
    let words = machine();
    words.set(0x8200 + 24, 1);
    assert!(zones(&words, &layout()).is_err());
}

#[test]
fn a_list_without_end_is_noticed() {
    let words = machine();
    words.set(0x8100 + 8, 0x8200 + 8);
    let error = zones(&words, &layout()).unwrap_err().to_string();
    assert!(error.contains("no end"), "{error}");
}
