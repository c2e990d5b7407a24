//! Tables of numbers in CSV: a row a sample, the last column its class.
//!
//! The separator (comma, semicolon or tab) is found in the first line, a header line by its not being numbers. Rows
//! are read one bounded line at a time, so a line without end or a quote never closed costs nothing.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::file::open_regular;
use super::records::{Inputs, Records};
use crate::array::Array;
use crate::error::{Error, Result, shorten};

/// The longest line accepted, in bytes: some fifty thousand columns.
const LONGEST: u64 = 1 << 20;

/// Reads a table whose last column is the class.
pub(super) fn read_csv(path: &Path) -> Result<Records> {
    let (file, _) = open_regular(path)?;
    let mut table = Table { path, from: BufReader::new(file), line: 0, text: String::new() };
    let mut data: Vec<f64> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut lines: Vec<usize> = Vec::new();
    let mut separator = ',';
    let mut width = 0;
    while table.advance()? {
        let line = table.line;
        let at = |what: String, remedy: &str| Error::data_at(path, line, what, remedy);
        if width == 0 {
            separator = separator_of(&table.text);
        }
        let cells = split(&table.text, separator, path, line)?;
        if width == 0 {
            width = cells.len();
            if width < 2 {
                return Err(at(
                    "has a single column".into(),
                    "give features and, in the last column, the class, separated by commas",
                ));
            }
            if is_header(&cells) {
                continue;
            }
        }
        if cells.len() != width {
            return Err(at(
                format!("has {} cells where the first line has {width}", cells.len()),
                "make all rows equally long",
            ));
        }
        for (column, cell) in cells[..width - 1].iter().enumerate() {
            data.push(number(cell).map_err(|fault| fault.at(cell, column + 1, path, line))?);
        }
        let class = &cells[width - 1];
        if is_missing(class) {
            return Err(Fault::Missing.at(class, width, path, line));
        }
        names.push(class.clone());
        lines.push(line);
    }
    if names.is_empty() {
        return Err(Error::data(path, "holds no rows of numbers", "give at least one row below the header"));
    }
    let inputs = Array::new([names.len(), width - 1], data)?;
    Records::named(Inputs::Reals(inputs), &names, |row| (path, Some(lines[row])))
}

/// The lines of a file, each with its number and within bounds.
struct Table<'a> {
    path: &'a Path,
    from: BufReader<File>,
    line: usize,
    text: String,
}

impl Table<'_> {
    /// Advances to the next line that is not blank.
    fn advance(&mut self) -> Result<bool> {
        loop {
            self.line += 1;
            let mut bytes = Vec::new();
            let got = (&mut self.from)
                .take(LONGEST + 1)
                .read_until(b'\n', &mut bytes)
                .map_err(|source| Error::Read { path: self.path.to_owned(), source })?;
            let at = |what: &str, remedy: &str| Error::data_at(self.path, self.line, what, remedy);
            if got == 0 {
                return Ok(false);
            }
            if got as u64 > LONGEST {
                return Err(at("is longer than a mebibyte", "give wide tables as .npy or .npz"));
            }
            if self.line == 1 {
                if bytes.starts_with(b"\xef\xbb\xbf") {
                    return Err(at("begins with a byte order mark", "save the file as UTF-8 without BOM"));
                }
                if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
                    return Err(at("is UTF-16 text", "save the file as UTF-8 without BOM"));
                }
            }
            self.text =
                String::from_utf8(bytes).map_err(|_| at("is not UTF-8 text", "save the file as UTF-8 without BOM"))?;
            if !self.text.trim().is_empty() {
                return Ok(true);
            }
        }
    }
}

/// The separator that occurs most in the first line; a comma if none does.
fn separator_of(line: &str) -> char {
    let count = |separator: char| line.matches(separator).count();
    // A semicolon or tab wins against commas, which may be decimal commas.
    [';', '\t'].into_iter().find(|&s| count(s) > 0).unwrap_or(',')
}

/// The trimmed cells of a line.
fn split(text: &str, separator: char, path: &Path, line: usize) -> Result<Vec<String>> {
    let text = text.trim_end_matches(['\n', '\r']);
    if !text.contains('"') {
        return Ok(text.split(separator).map(|cell| cell.trim().to_owned()).collect());
    }
    if text.matches('"').count() % 2 == 1 {
        return Err(Error::data_at(path, line, "opens a quote that it does not close", "close it on the same line"));
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator as u8)
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    reader
        .read_record(&mut record)
        .map_err(|e| Error::data_at(path, line, format!("cannot be split: {e}"), "quote cells as \"...\""))?;
    Ok(record.iter().map(str::to_owned).collect())
}

/// Whether no feature of the first line is a number, or missing: names, then.
fn is_header(cells: &[String]) -> bool {
    cells[..cells.len() - 1].iter().all(|cell| matches!(number(cell), Err(Fault::Text)))
}

fn is_missing(cell: &str) -> bool {
    cell.is_empty() || ["?", "na", "n/a", "nan", "null", "none"].iter().any(|w| cell.eq_ignore_ascii_case(w))
}

/// Why a cell is not a number.
enum Fault {
    Missing,
    DecimalComma,
    Infinite,
    Text,
}

impl Fault {
    fn at(self, cell: &str, column: usize, path: &Path, line: usize) -> Error {
        let cell = shorten(cell);
        let (what, remedy) = match self {
            Fault::Missing => {
                (format!("has no value in column {column}"), "fill in the missing cells, or remove those rows")
            }
            Fault::DecimalComma => {
                (format!("has a decimal comma in column {column}, `{cell}`"), "write numbers with a decimal point")
            }
            Fault::Infinite => {
                (format!("has `{cell}` in column {column}, which is not finite"), "replace it, or remove the row")
            }
            Fault::Text => {
                (format!("has `{cell}` in column {column}, which is not a number"), "map text to numbers first")
            }
        };
        Error::data_at(path, line, what, remedy)
    }
}

fn number(cell: &str) -> std::result::Result<f64, Fault> {
    if is_missing(cell) {
        return Err(Fault::Missing);
    }
    match cell.parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(x),
        Ok(_) => Err(Fault::Infinite),
        Err(_) if cell.replacen(',', ".", 1).parse::<f64>().is_ok() => Err(Fault::DecimalComma),
        Err(_) => Err(Fault::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::Labels;
    use super::*;

    fn read(bytes: &[u8]) -> Result<Records> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        read_csv(&path)
    }

    fn classes(records: &Records) -> &[usize] {
        match &records.labels {
            Labels::Classes { labels, .. } => labels,
            _ => panic!("no classes"),
        }
    }

    #[test]
    fn the_last_column_names_the_class_and_names_are_sorted() {
        for text in [
            "a,b,kind\n1,2,pear\n3,4.5,apple\n\n-1e3,0,pear\n",
            "1;2;pear\r\n3;4.5;apple\r\n-1e3;0;pear",
            "\"1\", 2 ,\"pear\"\n3,4.5,\"apple\"\n-1000,0,pear\n",
        ] {
            let records = read(text.as_bytes()).unwrap();
            assert_eq!(records.inputs.shape(), [3, 2]);
            assert_eq!(records.inputs.row(2), [-1000.0, 0.0]);
            assert_eq!(classes(&records), [1, 0, 1]);
            assert_eq!(records.class_names(), ["apple", "pear"]);
        }
    }

    #[test]
    fn whole_numbers_as_classes_are_sorted_by_value() {
        let records = read(b"1,10\n2,9\n3,-1\n4,9.0\n").unwrap();
        assert_eq!(records.class_names(), ["-1", "9", "10"]);
        assert_eq!(classes(&records), [2, 1, 0, 1]);
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let cases: [(&[u8], usize, &str); 13] = [
            (b"1,2,a\n3,b\n", 2, "2 cells where the first line has 3"),
            (b"x,y,k\n1,2,a\n3,4,\"b\n5,6,a\n", 3, "quote"),
            (b"\xef\xbb\xbf1,2,a\n", 1, "byte order mark"),
            (b"\xff\xfe1\x00,\x00", 1, "UTF-16"),
            (b"1;2;a\n1,5;2;b\n", 2, "decimal comma in column 1"),
            (b"1,2,a\n1,\"2,5\",b\n", 2, "decimal comma in column 2"),
            (b"1,2,a\n1,,b\n", 2, "no value in column 2"),
            (b"1,2,a\n1,2,\n", 2, "no value in column 3"),
            (b"1,2,a\nNA,2,b\n", 2, "no value in column 1"),
            (b"1,2,a\n1,two,b\n", 2, "not a number"),
            (b"1,2,a\n1,inf,b\n", 2, "not finite"),
            (b"1,2,a\n1,2,\xff\n", 2, "not UTF-8"),
            (b"1,2,0\n3,4,1\n5,6,0.5\n", 3, "not a class"),
        ];
        for (bytes, line, what) in cases {
            let error = read(bytes).unwrap_err();
            assert_eq!((error.line(), error.code()), (Some(line), 3), "{error}");
            assert!(error.to_string().contains(what), "{error}");
        }
        assert!(read(b"a,b,c\n").unwrap_err().to_string().contains("no rows"));
        assert!(read(b"1\n2\n").unwrap_err().to_string().contains("single column"));
        assert!(read(b"1,2,a\n3,4,a\n").unwrap_err().to_string().contains("only one class"));
    }

    #[test]
    fn a_line_without_end_is_refused_after_a_mebibyte() {
        let start = std::time::Instant::now();
        let error = read(&b"1,".repeat(5_000_000)).unwrap_err();
        assert!(error.to_string().contains("mebibyte") && error.line() == Some(1), "{error}");
        assert!(start.elapsed().as_millis() < 500);
    }
}
