//! What a program says instead of starting.

use std::fmt;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

/// One thing that is wrong with the settings. Its text never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    names: String,
    problem: String,
}

impl Mistake {
    pub(crate) fn new(names: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            names: names.into(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.names, self.problem)
    }
}

/// Why there are no settings: somebody asked for help or the version, or there are mistakes, all of them listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Answer(String),
    Usage(String),
    Mistakes(Vec<Mistake>),
}

impl SettingsError {
    /// Help or version, which is no error.
    pub(crate) fn answer(text: String) -> Self {
        Self(Kind::Answer(text))
    }

    /// A command line of which nothing can be made, in clap's own words.
    pub(crate) fn usage(text: String) -> Self {
        Self(Kind::Usage(text))
    }

    pub(crate) fn mistakes_found(mistakes: Vec<Mistake>) -> Self {
        Self(Kind::Mistakes(mistakes))
    }

    /// Everything that is wrong; empty when help or version was asked for.
    pub fn mistakes(&self) -> &[Mistake] {
        match &self.0 {
            Kind::Mistakes(mistakes) => mistakes,
            Kind::Answer(_) | Kind::Usage(_) => &[],
        }
    }

    /// 0 for help and version, 2 for mistakes.
    pub fn exit_code(&self) -> u8 {
        match self.0 {
            Kind::Answer(_) => 0,
            Kind::Usage(_) | Kind::Mistakes(_) => 2,
        }
    }

    /// Prints it, help to standard output and mistakes to standard error, and answers how to exit: 1 when help was
    /// asked for and cannot be written.
    pub fn report(&self) -> ExitCode {
        let written = match self.exit_code() {
            0 => writeln!(stdout(), "{self}").and_then(|()| stdout().flush()),
            // The exit code says it too.
            _ => writeln!(stderr(), "{self}").or(Ok(())),
        };
        written.map_or(ExitCode::FAILURE, |()| self.exit_code().into())
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Answer(text) | Kind::Usage(text) => f.write_str(text.trim_end()),
            Kind::Mistakes(mistakes) => {
                f.write_str(match mistakes.len() {
                    1 => "there is a mistake in the settings:",
                    _ => "there are mistakes in the settings:",
                })?;
                mistakes
                    .iter()
                    .try_for_each(|mistake| write!(f, "\n  {mistake}"))?;
                f.write_str("\n--help lists every setting")
            }
        }
    }
}

impl std::error::Error for SettingsError {}
