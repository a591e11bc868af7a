//! Edge lists: two whole numbers a line, white space between them, comments from `#` to the end of the line.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead, Read};

/// The longest line, in bytes; a longer one is bad.
const MAX_LINE: u64 = 1024;
/// How much of a bad word is shown, in characters.
const SHOWN: usize = 40;
/// What some editors write at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// An edge and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    /// The number of the line, from 1.
    pub(super) line: u64,
    /// The first number.
    pub(super) from: u64,
    /// The second one.
    pub(super) to: u64,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Blank, or a comment.
    Nothing,
    /// An edge.
    Edge(u64, u64),
    /// Neither.
    Bad(BadLine),
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadLine {
    TooLong,
    NotText,
    OneWord,
    ManyWords(usize),
    NotANumber(String),
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadLine::TooLong => write!(f, "is longer than {MAX_LINE} bytes"),
            BadLine::NotText => f.write_str("is not UTF-8"),
            BadLine::OneWord => f.write_str("has one number, and two are needed"),
            BadLine::ManyWords(words) => write!(f, "has {words} words, and two numbers are needed"),
            BadLine::NotANumber(word) => {
                write!(f, "has {word:?}, which is no whole number from 0 to {}", u64::MAX)
            }
        }
    }
}

/// Reads one line, without its end.
fn parse(line: &[u8]) -> Line {
    if line.len() as u64 > MAX_LINE {
        return Line::Bad(BadLine::TooLong);
    }
    let Ok(text) = std::str::from_utf8(line) else {
        return Line::Bad(BadLine::NotText);
    };
    let content = text.split_once('#').map_or(text, |(content, _comment)| content);
    let words: Vec<&str> = content.split_whitespace().collect();
    match words.as_slice() {
        [] => Line::Nothing,
        [word] => Line::Bad(number(word).err().unwrap_or(BadLine::OneWord)),
        [from, to] => match (number(from), number(to)) {
            (Ok(from), Ok(to)) => Line::Edge(from, to),
            (Err(bad), _) | (_, Err(bad)) => Line::Bad(bad),
        },
        words => Line::Bad(BadLine::ManyWords(words.len())),
    }
}

fn number(word: &str) -> Result<u64, BadLine> {
    let only_digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let number = word.parse().ok().filter(|_| only_digits);
    number.ok_or_else(|| BadLine::NotANumber(word.chars().take(SHOWN).collect()))
}

/// What was read so far and left out without a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Edges from a number to itself.
    pub(crate) self_loops: u64,
    /// Edges that stood on an earlier line; without directions, in either order.
    pub(crate) duplicates: u64,
}

/// The edges of a file, each once. It remembers those that it gave out, in about 40 bytes each.
pub(super) struct Edges<R> {
    input: R,
    /// Whether an edge and the same one turned round are two.
    are_directed: bool,
    line: u64,
    bytes: u64,
    seen: HashSet<(u64, u64)>,
    left_out: LeftOut,
}

impl<R: BufRead> Edges<R> {
    pub(super) fn new(input: R, are_directed: bool) -> Self {
        Self {
            input,
            are_directed,
            line: 0,
            bytes: 0,
            seen: HashSet::new(),
            left_out: LeftOut::default(),
        }
    }

    /// How much of the file was read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// The next `size` edges, fewer at the end. Bad lines are told to `on_bad`.
    pub(super) fn next_batch(
        &mut self,
        size: usize,
        mut on_bad: impl FnMut(u64, &BadLine),
    ) -> io::Result<Vec<Edge>> {
        let mut batch = Vec::with_capacity(size);
        while batch.len() < size {
            let Some(line) = self.next_line()? else { break };
            match line {
                Line::Nothing => {}
                Line::Bad(bad) => on_bad(self.line, &bad),
                Line::Edge(from, to) if from == to => self.left_out.self_loops += 1,
                Line::Edge(from, to) if !self.is_new(from, to) => self.left_out.duplicates += 1,
                Line::Edge(from, to) => batch.push(Edge {
                    line: self.line,
                    from,
                    to,
                }),
            }
        }
        Ok(batch)
    }

    fn is_new(&mut self, from: u64, to: u64) -> bool {
        let turned = !self.are_directed && from > to;
        self.seen.insert(if turned { (to, from) } else { (from, to) })
    }

    /// A line of any length takes little memory: what is too much of it is passed over.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        let mut read = self
            .input
            .by_ref()
            .take(MAX_LINE + 2)
            .read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() as u64 > MAX_LINE {
            read += self.input.skip_until(b'\n')? as u64;
        }
        self.bytes += read;
        self.line += 1;
        let mark = if self.line == 1 { BYTE_ORDER_MARK } else { &[] };
        Ok(Some(parse(line.strip_prefix(mark).unwrap_or(&line))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(line: &str) -> String {
        match parse(line.as_bytes()) {
            Line::Bad(bad) => bad.to_string(),
            other => panic!("{line:?} is {other:?}"),
        }
    }

    #[test]
    fn an_edge_is_two_numbers_with_any_white_space_and_a_comment() {
        for line in [
            "1 2",
            "1\t2",
            "  1   2  ",
            "1 2\r",
            "1 2 # since 2005",
            "1 2#",
            "001 2",
        ] {
            assert_eq!(parse(line.as_bytes()), Line::Edge(1, 2), "{line:?}");
        }
        assert_eq!(parse(b"0 18446744073709551615"), Line::Edge(0, u64::MAX));
    }

    #[test]
    fn blank_lines_and_comments_are_nothing() {
        for line in ["", "   ", "\r", "# 1 2", "  # nodes: 3"] {
            assert_eq!(parse(line.as_bytes()), Line::Nothing, "{line:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        assert_eq!(bad("1"), "has one number, and two are needed");
        assert_eq!(bad("1 2 3"), "has 3 words, and two numbers are needed");
        let no_number =
            |word: &str| format!("has {word:?}, which is no whole number from 0 to 18446744073709551615");
        assert_eq!(bad("1 x2"), no_number("x2"));
        assert_eq!(bad("-1 2"), no_number("-1"));
        assert_eq!(bad("+1 2"), no_number("+1"));
        assert_eq!(bad("1,2"), no_number("1,2"));
        assert_eq!(bad("1 18446744073709551616"), no_number("18446744073709551616"));
        assert_eq!(bad("1 \u{1b}[31m"), no_number("\u{1b}[31m"));
        assert_eq!(parse(b"1 \xff"), Line::Bad(BadLine::NotText));
    }

    #[test]
    fn each_edge_is_given_out_once_with_its_line() {
        let text = "\u{feff}1 2\n\n2 1\n1 2\n3 3\nx\n1 2\n4 5";
        let (mut edges, mut bad) = (Edges::new(text.as_bytes(), true), Vec::new());
        let lines = |batch: Vec<Edge>| {
            batch
                .iter()
                .map(|edge| (edge.line, edge.from, edge.to))
                .collect::<Vec<_>>()
        };
        let mut next = || lines(edges.next_batch(2, |line, _| bad.push(line)).expect("readable"));
        assert_eq!(next(), [(1, 1, 2), (3, 2, 1)]);
        assert_eq!(next(), [(8, 4, 5)]);
        assert_eq!(next(), []);
        assert_eq!(
            edges.left_out(),
            LeftOut {
                self_loops: 1,
                duplicates: 2
            }
        );
        assert_eq!((bad, edges.bytes()), (vec![6], text.len() as u64));
    }

    #[test]
    fn without_directions_an_edge_turned_round_is_the_same_one() {
        let mut edges = Edges::new("1 2\n2 1\n3 1\n1 3".as_bytes(), false);
        let batch = edges.next_batch(9, |_, _| ()).expect("readable");
        let lines: Vec<u64> = batch.iter().map(|edge| edge.line).collect();
        assert_eq!((lines, edges.left_out().duplicates), (vec![1, 3], 2));
    }

    #[test]
    fn a_line_that_is_too_long_is_one_bad_line() {
        let long = format!(
            "{}\n1 2\n{}",
            "9".repeat(5000),
            " ".repeat(usize::try_from(MAX_LINE).expect("small"))
        );
        let (mut edges, mut bad) = (Edges::new(long.as_bytes(), true), Vec::new());
        let batch = edges
            .next_batch(9, |line, what| bad.push((line, what.clone())))
            .expect("readable");
        assert_eq!(
            batch,
            [Edge {
                line: 2,
                from: 1,
                to: 2
            }]
        );
        assert_eq!(
            (bad, edges.bytes()),
            (vec![(1, BadLine::TooLong)], long.len() as u64)
        );
    }
}
