//! The table of what was compared: vector files down, languages across.

use std::collections::BTreeMap;

/// How one file went in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// So many answers were compared, and all were right.
    Right(usize),
    /// Something was wrong; it was told when it happened.
    Wrong,
}

/// The table.
#[derive(Default)]
pub(crate) struct Table {
    languages: Vec<String>,
    files: Vec<String>,
    cells: BTreeMap<(String, String), Cell>,
}

impl Table {
    pub(crate) fn put(&mut self, file: &str, language: &str, cell: Cell) {
        for (names, name) in [(&mut self.files, file), (&mut self.languages, language)] {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        self.cells.insert((file.to_owned(), language.to_owned()), cell);
    }

    /// How many cells are wrong.
    pub(crate) fn wrong(&self) -> usize {
        self.cells.values().filter(|cell| **cell == Cell::Wrong).count()
    }

    /// How many answers were compared.
    pub(crate) fn compared(&self) -> usize {
        self.cells.values().map(|cell| if let Cell::Right(count) = cell { *count } else { 0 }).sum()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = self.files.iter().map(String::len).fold(4, usize::max);
        write!(f, "{:first$}", "file")?;
        for language in &self.languages {
            write!(f, "  {language:>8}")?;
        }
        for file in &self.files {
            write!(f, "\n{file:first$}")?;
            for language in &self.languages {
                let cell = match self.cells.get(&(file.clone(), language.clone())) {
                    Some(Cell::Right(count)) => count.to_string(),
                    Some(Cell::Wrong) => "WRONG".to_owned(),
                    None => "-".to_owned(),
                };
                write!(f, "  {cell:>8}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_cell_is_counted_and_shown() {
        let mut table = Table::default();
        table.put("kv", "core", Cell::Right(3));
        table.put("kv", "python", Cell::Wrong);
        table.put("ttl", "core", Cell::Right(4));
        assert_eq!((table.wrong(), table.compared()), (1, 7));
        let shown = table.to_string();
        assert!(shown.contains("WRONG") && shown.ends_with('-'), "{shown}");
    }
}
