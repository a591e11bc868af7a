//! The text format of Prometheus, read strictly: whatever its specification does not allow fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// The labels of a series, in the order of their names.
pub(crate) type Labels = BTreeMap<String, String>;

/// One metric: its type, and its series.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    /// By the suffix of the name (`_bucket`, `_sum`, `_count` of a histogram, else nothing) and the labels.
    series: BTreeMap<(String, Labels), f64>,
}

/// All that one scrape answers.
#[derive(Debug)]
pub(crate) struct Exposition(BTreeMap<String, Family>);

impl Exposition {
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line does not end");
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
                assert!(is_name(name, true), "{line}");
                current = name.to_owned();
                let family = Family {
                    help: help.to_owned(),
                    ..Family::default()
                };
                let before = families.insert(current.clone(), family);
                assert!(before.is_none(), "told twice: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                let family = families.get_mut(name).filter(|_| name == current);
                let family = family.unwrap_or_else(|| panic!("not after its HELP: {line}"));
                assert!(family.kind.is_empty() && family.series.is_empty(), "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                family.kind = kind.to_owned();
            } else {
                assert!(!line.starts_with('#') && !line.is_empty(), "{line:?}");
                let family = families.get_mut(&current).expect("a HELP before");
                let (name, labels, value) = sample(line);
                let suffix = name
                    .strip_prefix(&current)
                    .unwrap_or_else(|| panic!("out of place: {line}"));
                let allowed: &[&str] = match family.kind.as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                assert!(allowed.contains(&suffix), "{line}");
                let before = family.series.insert((suffix.to_owned(), labels), value);
                assert!(before.is_none(), "told twice: {line}");
            }
        }
        for (name, family) in &families {
            family.check(name);
        }
        Self(families)
    }

    /// The type of a metric; `None` where it has no series.
    pub(crate) fn kind(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|family| family.kind.as_str())
    }

    /// The sum over the series of `name`, a suffix among it, that have these labels; `None` where there is none.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let of = |suffix: &str| {
            let family = self.0.get(name.strip_suffix(suffix)?)?;
            let has = |own: &Labels| {
                labels
                    .iter()
                    .all(|(label, value)| own.get(*label).is_some_and(|own| own == value))
            };
            let found = family
                .series
                .iter()
                .filter(|((own, labels), _)| own == suffix && has(labels))
                .map(|(_, value)| *value);
            let found: Vec<f64> = found.collect();
            (!found.is_empty()).then(|| found.iter().sum())
        };
        ["", "_count", "_sum", "_bucket"].into_iter().find_map(of)
    }

    /// The values that a label has in the series of a metric.
    pub(crate) fn values(&self, name: &str, label: &str) -> BTreeSet<&str> {
        let series = self.0.get(name).into_iter().flat_map(|family| &family.series);
        series
            .filter_map(|((_, labels), _)| labels.get(label).map(String::as_str))
            .collect()
    }
}

impl Family {
    fn check(&self, name: &str) {
        assert!(
            !self.kind.is_empty() && !self.help.is_empty(),
            "{name} lacks its type or its help"
        );
        assert!(!self.series.is_empty(), "{name} has nothing to tell");
        if self.kind == "counter" {
            assert!(name.ends_with("_total"), "{name}");
        }
        if self.kind != "gauge" {
            assert!(
                self.series.values().all(|value| *value >= 0.0),
                "{name} is below zero"
            );
        }
        if self.kind == "histogram" {
            self.check_buckets(name);
        }
    }

    /// They count up to all of them.
    fn check_buckets(&self, name: &str) {
        let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        for ((suffix, labels), value) in &self.series {
            if suffix == "_bucket" {
                let mut labels = labels.clone();
                let bound = labels.remove("le").expect("a bound");
                let bound = bound.parse().expect("a number");
                buckets.entry(labels).or_default().push((bound, *value));
            }
        }
        let of = |suffix: &str, labels: &Labels| self.series.get(&(suffix.to_owned(), labels.clone()));
        assert!(!buckets.is_empty(), "{name} has no buckets");
        for (labels, mut buckets) in buckets {
            buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
            assert!(
                buckets.is_sorted_by(|left, right| left.1 <= right.1),
                "{name} {labels:?}"
            );
            let (bound, all) = buckets.last().expect("one at least");
            assert!(bound.is_infinite(), "{name} {labels:?} has no last bucket");
            assert_eq!(of("_count", &labels), Some(all), "{name} {labels:?}");
            assert!(of("_sum", &labels).is_some(), "{name} {labels:?}");
        }
    }
}

/// Name, labels and value of a line.
fn sample(line: &str) -> (&str, Labels, f64) {
    let end = line
        .find(['{', ' '])
        .unwrap_or_else(|| panic!("no value: {line}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name, true), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest
                .split_once("=\"")
                .unwrap_or_else(|| panic!("no label: {line}"));
            assert!(is_name(label, false), "{line}");
            let (value, after) = quoted(after).unwrap_or_else(|| panic!("no end of a value: {line}"));
            let before = labels.insert(label.to_owned(), value);
            assert!(before.is_none(), "a label twice: {line}");
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => {
                    rest = after
                        .strip_prefix('}')
                        .unwrap_or_else(|| panic!("no end: {line}"));
                    break;
                }
            }
        }
    }
    let value = rest
        .strip_prefix(' ')
        .unwrap_or_else(|| panic!("no value: {line}"));
    (
        name,
        labels,
        value.parse().unwrap_or_else(|_| panic!("no number: {line}")),
    )
}

/// A value up to its closing quote, and what comes after that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

fn is_name(name: &str, colons: bool) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || colons && byte == b':';
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn what_the_format_does_not_allow_is_refused() {
        let head = "# HELP a_total b\n# TYPE a_total counter\n";
        let good = format!("{head}a_total{{c=\"d\\\"\\n\"}} 1\n");
        assert_eq!(
            Exposition::parse(&good).sum("a_total", &[("c", "d\"\n")]),
            Some(1.0)
        );
        for lines in [
            "a_total 1",
            "a_total{c=\"d} 1\n",
            "a_total{c=\"d\" 1\n",
            "a_total{c=\"d\",c=\"e\"} 1\n",
            "a_total{1c=\"d\"} 1\n",
            "a_total one\n",
            "a_total -1\n",
            "a_total 1\na_total 1\n",
            "b_total 1\n",
            "",
            "\n",
        ] {
            let text = format!("{head}{lines}");
            assert!(catch_unwind(|| Exposition::parse(&text)).is_err(), "{lines:?}");
        }
    }
}
