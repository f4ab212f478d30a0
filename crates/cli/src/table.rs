//! Plain tables that fit the terminal: a cell that is too wide is broken into lines, nothing is cut off.

/// A table: headings and rows of the same length.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// Between columns.
const GAP: usize = 2;
/// No column is made narrower than this.
const NARROWEST: usize = 10;

impl Table {
    /// With these headings.
    pub(crate) fn new(headings: &[&'static str]) -> Table {
        Table { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().collect();
        cells.resize(self.headings.len(), String::new());
        self.rows.push(cells);
    }

    /// The text, within `width` columns where there is a terminal.
    pub(crate) fn render(&self, width: Option<usize>) -> String {
        let widths = self.widths(width);
        let mut text = String::new();
        line(&mut text, &self.headings.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>(), &widths);
        for row in &self.rows {
            line(&mut text, row, &widths);
        }
        text
    }

    /// Natural widths, the widest ones cut to one common limit until all fit.
    fn widths(&self, width: Option<usize>) -> Vec<usize> {
        let mut natural: Vec<usize> = self.headings.iter().map(|heading| len(heading)).collect();
        for row in &self.rows {
            for (widest, cell) in natural.iter_mut().zip(row) {
                *widest = (*widest).max(cell.lines().map(len).max().unwrap_or(0));
            }
        }
        let Some(width) = width else { return natural };
        let room = width.saturating_sub(GAP * natural.len().saturating_sub(1));
        let mut limit = natural.iter().copied().max().unwrap_or(0);
        while limit > NARROWEST && natural.iter().map(|w| (*w).min(limit)).sum::<usize>() > room {
            limit -= 1;
        }
        natural.into_iter().map(|w| w.min(limit)).collect()
    }
}

fn line(text: &mut String, cells: &[String], widths: &[usize]) {
    let wrapped: Vec<Vec<String>> = cells.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(1).max(1);
    for at in 0..height {
        let mut out = String::new();
        for (cell, width) in wrapped.iter().zip(widths) {
            let part = cell.get(at).map_or("", String::as_str);
            out.push_str(part);
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(len(part)) + GAP));
        }
        text.push_str(out.trim_end());
        text.push('\n');
    }
}

/// Breaks a cell into lines: after a space, `/`, `:` or `,` where there is one in the second half, else anywhere.
fn wrap(cell: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in cell.lines() {
        let mut rest: Vec<char> = paragraph.chars().collect();
        while rest.len() > width.max(1) {
            let cut = (width / 2..width)
                .rev()
                .find(|at| rest.get(*at).is_some_and(|c| matches!(c, ' ' | '/' | ':' | ',')))
                .map_or(width.max(1), |at| at + 1);
            let tail = rest.split_off(cut);
            lines.push(rest.into_iter().collect::<String>().trim_end().to_owned());
            rest = tail;
        }
        lines.push(rest.into_iter().collect());
    }
    lines
}

fn len(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["PRINCIPAL", "TYPE"]);
        table.row(["arn:aws:iam::111122223333:role/team/platform/operators".into(), "STANDARD".into()]);
        table.row(["arn:aws:iam::111122223333:user/jo".into(), String::new()]);
        table
    }

    #[test]
    fn plain_where_there_is_no_terminal() {
        assert_eq!(
            table().render(None),
            "PRINCIPAL                                               TYPE\n\
             arn:aws:iam::111122223333:role/team/platform/operators  STANDARD\n\
             arn:aws:iam::111122223333:user/jo\n"
        );
    }

    #[test]
    fn fits_and_loses_nothing() {
        for width in 24..80 {
            let text = table().render(Some(width));
            assert!(text.lines().all(|line| len(line) <= width), "{width}\n{text}");
            let first_column: String =
                text.lines().skip(1).map(|l| l.chars().take_while(|c| *c != ' ').collect::<String>()).collect();
            assert!(first_column.contains("role/team/platform/operators"), "{width}\n{text}");
        }
    }
}
