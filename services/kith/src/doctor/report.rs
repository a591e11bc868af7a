//! The findings as they are printed.

use std::process::ExitCode;

use kith_rpc::process::AnyError;
use serde::Serialize;

use super::finding::{Finding, State};
use crate::report;

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Lines, each as soon as it is known.
    Human,
    /// One document, at the end.
    Json,
}

/// What has been found so far.
pub(super) struct Report {
    format: Format,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Document<'a> {
    problems: usize,
    warnings: usize,
    findings: &'a [Finding],
}

impl Report {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            findings: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, findings: impl IntoIterator<Item = Finding>) -> Result<(), AnyError> {
        for finding in findings {
            if self.format == Format::Human {
                report::result(&finding.to_string())?;
            }
            self.findings.push(finding);
        }
        Ok(())
    }

    /// Prints what is left to be printed. Exit code 1 when there is a problem.
    pub(super) fn finish(self) -> Result<ExitCode, AnyError> {
        let count = |state| {
            self.findings
                .iter()
                .filter(|finding| finding.state == state)
                .count()
        };
        let (problems, warnings) = (count(State::Problem), count(State::Warning));
        let text = match self.format {
            Format::Human => {
                let (ok, unchecked) = (count(State::Ok), count(State::Unchecked));
                format!(
                    "\n{}, {}, {ok} ok, {unchecked} not checked\n",
                    number(problems, "problem"),
                    number(warnings, "warning")
                )
            }
            Format::Json => {
                let document = Document {
                    problems,
                    warnings,
                    findings: &self.findings,
                };
                serde_json::to_string_pretty(&document)? + "\n"
            }
        };
        report::result(&text)?;
        Ok(if problems == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn number(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
