// SPDX-License-Identifier: GPL-2.0-only

//! What does the VMCOREINFO note say?

use std::collections::BTreeMap;

use crate::Result;

/// The note's lines, `KEY=value`.
#[derive(Debug)]
pub(crate) struct Info(BTreeMap<String, String>);

impl Info {
    /// Sorts the note's text.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self(pairs.map(|(k, v)| (k.into(), v.into())).collect())
    }

    /// The address of a symbol.
    pub(crate) fn symbol(&self, name: &str) -> Result<u64> {
        let key = format!("SYMBOL({name})");
        let parsed = u64::from_str_radix(self.text(&key)?, 16);
        parsed.map_err(|e| format!("VMCOREINFO: {key}: {e}").into())
    }

    /// The offset of a field, `structure.field`, in bytes.
    pub(crate) fn offset(&self, field: &str) -> Result<u64> {
        self.decimal(&format!("OFFSET({field})"))
    }

    /// The size of a structure in bytes.
    pub(crate) fn size(&self, name: &str) -> Result<u64> {
        self.decimal(&format!("SIZE({name})"))
    }

    /// The number of elements of an array.
    pub(crate) fn length(&self, name: &str) -> Result<u64> {
        self.decimal(&format!("LENGTH({name})"))
    }

    /// A number; negative ones as two's complement.
    pub(crate) fn number(&self, name: &str) -> Result<u64> {
        self.decimal(&format!("NUMBER({name})"))
    }

    /// `PAGESIZE`, in bytes.
    pub(crate) fn page_bytes(&self) -> Result<u64> {
        self.decimal("PAGESIZE")
    }

    /// Tells whether the note has the offset of a field.
    pub(crate) fn has_offset(&self, field: &str) -> bool {
        self.0.contains_key(&format!("OFFSET({field})"))
    }

    fn decimal(&self, key: &str) -> Result<u64> {
        let parsed = self.text(key)?.parse::<i128>();
        // Signed and unsigned formats are both in use; neither exceeds 64 bits.
        let number = parsed.map_err(|e| format!("VMCOREINFO: {key}: {e}"))?;
        Ok(number as u64)
    }

    fn text(&self, key: &str) -> Result<&str> {
        let value = self.0.get(key).map(String::as_str);
        value.ok_or_else(|| format!("VMCOREINFO has no {key}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_has_its_base_and_sign() {
        let info = Info::parse(
            "OSRELEASE=7.2\nPAGESIZE=4096\nSYMBOL(a)=ffffffff81000000\nOFFSET(z.f)=192\n\
             NUMBER(phys_base)=-16777216\nSIZE(zone)=10\nLENGTH(x)=11\n",
        );
        assert_eq!(info.symbol("a").ok(), Some(0xffff_ffff_8100_0000));
        assert_eq!(info.offset("z.f").ok(), Some(192));
        assert_eq!(info.number("phys_base").ok(), Some(-16777216i64 as u64));
        assert_eq!(info.size("zone").ok(), Some(10));
        assert_eq!(info.length("x").ok(), Some(11));
        assert_eq!(info.page_bytes().ok(), Some(4096));
    }

    #[test]
    fn what_is_missing_is_named() {
        let info = Info::parse("");
        assert!(!info.has_offset("zone.spb_len"));
        let error = info.offset("zone.vm_stat").unwrap_err().to_string();
        assert!(error.contains("OFFSET(zone.vm_stat)"), "{error}");
    }
}
