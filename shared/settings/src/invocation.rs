//! From a command line and an environment to settings.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command};

use crate::suggest::did_you_mean;
use crate::{Environment, Mistake, Reader, Setting, SettingsError, Topic, args};

/// A program without subcommands.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The name of the binary.
    pub name: &'static str,
    /// Its version, for `--version`.
    pub version: &'static str,
    /// What it is, in a sentence, for `--help`.
    pub about: &'static str,
}

/// Reads the settings of a program. `arguments` begin with the program's own name, as `std::env::args_os` does.
///
/// # Errors
/// [`SettingsError`] with every mistake, or with the help that was asked for.
pub fn load<T: Topic>(
    program: &Program,
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<T, SettingsError> {
    let command = Command::new(program.name)
        .version(program.version)
        .about(program.about)
        .args(args::<T>());
    let invocation = Invocation::parse(command, arguments)?;
    invocation.read(invocation.matches(), environment)
}

/// A command line, taken apart. What clap does not know in it is kept as a mistake and reported beside those in the
/// values, where clap alone would stop at the first.
#[derive(Debug)]
pub struct Invocation {
    matches: ArgMatches,
    mistakes: Vec<Mistake>,
}

impl Invocation {
    /// Takes `arguments` apart as `command` says, which may have subcommands; it gets its flags from [`args`].
    ///
    /// # Errors
    /// [`SettingsError`] with the help or version that was asked for, or when there is no telling what is meant: no
    /// such subcommand, for example.
    pub fn parse(
        mut command: Command,
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, SettingsError> {
        let mut arguments: Vec<OsString> = arguments.into_iter().collect();
        let mut mistakes = Vec::new();
        loop {
            let error = match command.try_get_matches_from_mut(&arguments) {
                Ok(matches) => return Ok(Self { matches, mistakes }),
                Err(error) => error,
            };
            match set_aside(&command, &mut arguments, &error) {
                Some(mistake) => mistakes.push(mistake),
                None => return Err(give_up(&error, mistakes)),
            }
        }
    }

    /// What clap made of it, for arguments that are no settings and for the subcommand.
    pub fn matches(&self) -> &ArgMatches {
        &self.matches
    }

    /// Reads the settings of a topic from the `matches` of the (sub)command that has its flags.
    ///
    /// # Errors
    /// [`SettingsError`] with every mistake in the command line, the environment and the values.
    pub fn read<T: Topic>(
        &self,
        matches: &ArgMatches,
        environment: &Environment,
    ) -> Result<T, SettingsError> {
        let declared = T::settings();
        let mut mistakes = self.mistakes.clone();
        mistakes.extend(unknown_variables(&declared, environment));
        let mut reader = Reader::new(matches, environment, mistakes);
        let topic = T::read(&mut reader);
        let (mistakes, asked) = reader.finish();
        debug_assert_eq!(
            declared
                .iter()
                .map(|setting| setting.name)
                .collect::<BTreeSet<_>>(),
            asked,
            "a topic must read each setting that it declares, before its first `?`"
        );
        topic
            .filter(|_| mistakes.is_empty())
            .ok_or_else(|| SettingsError::mistakes_found(mistakes))
    }
}

fn unknown_variables(declared: &[&Setting], environment: &Environment) -> Vec<Mistake> {
    let variables = declared
        .iter()
        .flat_map(|setting| [Some(setting.variable()), setting.file_variable()]);
    let known: Vec<String> = variables.flatten().collect();
    let unknown = environment.unknown(&known);
    let mistake = |name: &str| {
        let guess = did_you_mean(name, known.iter().map(String::as_str));
        Mistake::new(name, format!("no setting has this variable{guess}"))
    };
    unknown.map(mistake).collect()
}

/// Takes what clap stumbled over out of `arguments`; `None` when that is not the way out.
fn set_aside(command: &Command, arguments: &mut Vec<OsString>, error: &clap::Error) -> Option<Mistake> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let index = arguments
                .iter()
                .skip(1)
                .position(|given| flag_of(given) == Some(argument))?
                + 1;
            arguments.remove(index);
            if argument.starts_with('-') {
                remove_value(command, arguments, index);
            }
            Some(unknown_argument(command, argument))
        }
        // Clap shows the flag with the name of its value: `--pool-size <NUMBER>`.
        ErrorKind::InvalidValue => {
            let flag = argument.split(' ').next()?;
            let index = arguments.iter().rposition(|given| flag_of(given) == Some(flag))?;
            let removed = arguments.remove(index);
            let Some(valid) = valid_values(error) else {
                return Some(Mistake::new(flag, "needs a value"));
            };
            if removed == flag {
                arguments.remove(index);
            }
            Some(Mistake::new(flag, format!("must be {}", valid.join(" or "))))
        }
        _ => None,
    }
}

/// What clap would take instead of the value that was given; `None` where none was.
fn valid_values(error: &clap::Error) -> Option<&[String]> {
    match (
        error.get(ContextKind::InvalidValue)?,
        error.get(ContextKind::ValidValue)?,
    ) {
        (ContextValue::String(given), ContextValue::Strings(valid)) if !given.is_empty() => Some(valid),
        _ => None,
    }
}

/// The value of an unknown flag is not a second mistake.
fn remove_value(command: &Command, arguments: &mut Vec<OsString>, index: usize) {
    let is_value = arguments
        .get(index)
        .and_then(|next| next.to_str())
        .is_some_and(|next| {
            !next.starts_with('-')
                && command
                    .get_subcommands()
                    .all(|subcommand| subcommand.get_name() != next)
        });
    if is_value {
        arguments.remove(index);
    }
}

/// An argument without the value that is glued to it, which may be secret.
fn flag_of(argument: &OsStr) -> Option<&str> {
    let argument = argument.to_str()?;
    if argument.starts_with("--") {
        argument.split('=').next()
    } else {
        Some(argument)
    }
}

fn unknown_argument(command: &Command, argument: &str) -> Mistake {
    let Some(name) = argument.strip_prefix("--") else {
        // It may be a secret in the wrong place, so it is not repeated.
        return Mistake::new("the command line", "has a word that belongs to no flag");
    };
    let flags = flags_of(command);
    if flags
        .iter()
        .any(|flag| flag.strip_suffix("-file") == Some(argument))
    {
        let variable = format!(
            "{}{}",
            crate::setting::PREFIX,
            name.to_ascii_uppercase().replace('-', "_")
        );
        let problem = format!(
            "a secret is not taken from a flag, which everybody on the machine can see; use {variable}, \
             {variable}_FILE or {argument}-file"
        );
        return Mistake::new(argument, problem);
    }
    Mistake::new(
        argument,
        format!(
            "no such flag{}",
            did_you_mean(argument, flags.iter().map(String::as_str))
        ),
    )
}

fn flags_of(command: &Command) -> Vec<String> {
    let own = command
        .get_arguments()
        .filter_map(|arg| arg.get_long().map(|name| format!("--{name}")));
    own.chain(command.get_subcommands().flat_map(flags_of)).collect()
}

fn give_up(error: &clap::Error, mut mistakes: Vec<Mistake>) -> SettingsError {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => SettingsError::answer(text),
        _ if mistakes.is_empty() => SettingsError::usage(text),
        _ => {
            mistakes.push(Mistake::new(
                "the command line",
                text.trim_start_matches("error: ").trim_end(),
            ));
            SettingsError::mistakes_found(mistakes)
        }
    }
}
