// SPDX-License-Identifier: GPL-2.0-only
//! How does a piece of the README look in a mail?

use anyhow::bail;
use anyhow::Result;

/// Columns of a mail.
const WIDTH: usize = 72;

/// The lines of `markdown` between `<!-- NAME:begin -->` and `<!-- NAME:end -->`.
///
/// # Errors
///
/// When the marks are not there.
pub fn section<'a>(markdown: &'a str, name: &str) -> Result<&'a str> {
    let marks = [
        format!("<!-- {name}:begin -->"),
        format!("<!-- {name}:end -->"),
    ];
    let start = markdown.find(&marks[0]).map(|at| at + marks[0].len());
    let inside = start.and_then(|start| {
        let length = markdown[start..].find(&marks[1])?;
        Some(markdown[start..start + length].trim_matches('\n'))
    });
    match inside {
        Some(text) if !text.is_empty() => Ok(text),
        _ => bail!(
            "README.md has no text between '{}' and '{}': put the marks back",
            marks[0],
            marks[1]
        ),
    }
}

/// Paragraphs wrapped, tables aligned, headings and marks gone.
pub fn mail(markdown: &str) -> String {
    let mut blocks = Vec::new();
    for block in markdown.split("\n\n").map(|block| block.trim_matches('\n')) {
        if block.starts_with('|') {
            blocks.push(table(block));
        } else if !block.starts_with('#') && !block.starts_with("<!--") && !block.is_empty() {
            blocks.push(paragraph(block));
        }
    }
    blocks.join("\n\n")
}

/// Indented lines stay as they are, others are filled.
fn paragraph(text: &str) -> String {
    if text.starts_with("    ") {
        return text.to_string();
    }
    fill(
        &text.split_whitespace().collect::<Vec<_>>().join(" "),
        WIDTH,
    )
    .join("\n")
}

/// Words of `text` in lines of at most `width` characters, if no word is longer.
pub fn fill(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// The first column takes what the others leave, and wraps.
fn table(text: &str) -> String {
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| !line.starts_with("|-"))
        .map(|line| {
            line.trim()
                .trim_matches('|')
                .split('|')
                .map(str::trim)
                .collect()
        })
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let others: usize = (1..columns).map(|column| width(column) + 2).sum();
    let first = width(0).min(WIDTH.saturating_sub(others)).max(16);
    let mut lines: Vec<String> = Vec::new();
    for row in &rows {
        let mut label = fill(row.first().unwrap_or(&""), first);
        // Values stand beside the last line of their label.
        let mut last = format!("{:first$}", label.pop().unwrap_or_default());
        for (column, cell) in row.iter().enumerate().skip(1) {
            last += &format!("  {cell:width$}", width = width(column));
        }
        lines.extend(label);
        lines.push(last.trim_end().to_string());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_what_stands_between_its_marks() {
        let text = "a\n<!-- x:begin -->\nb\n\nc\n<!-- x:end -->\nd";
        assert_eq!(section(text, "x").ok(), Some("b\n\nc"));
        assert!(section(text, "y").is_err());
        assert!(section("<!-- x:begin -->\n<!-- x:end -->", "x").is_err());
    }

    #[test]
    fn a_mail_has_no_long_lines() {
        let word = "word ".repeat(100);
        let table = format!("| | a | b |\n|---|---|---|\n| {word}| 1 | 22 |");
        let text = mail(&format!("# Title\n\n{word}\n\n{table}\n"));
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert!(!text.contains("Title") && !text.contains('|'));
    }

    #[test]
    fn the_columns_of_a_table_are_aligned() {
        let text = mail(
            "| | stock | patched |\n|---|---|---|\n| pages | 0 | 15 |\n| spread | 6.0 | 1.0 |",
        );
        assert_eq!(
            text,
            "                  stock  patched\npages             0      15\nspread            6.0    1.0"
        );
    }
}
