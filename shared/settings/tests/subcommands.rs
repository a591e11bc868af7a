//! A program with subcommands and arguments that are no settings.

use std::ffi::OsString;

use clap::{Arg, Command};
use kith_settings::{Environment, Invocation, Reader, Setting, SettingsError, Topic, args};

const COUNT: Setting = Setting::new("count", "how many").number(1, 9).default("1");

#[derive(Debug, PartialEq)]
struct UpSettings(u8);

impl Topic for UpSettings {
    fn settings() -> Vec<&'static Setting> {
        vec![&COUNT]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.number(&COUNT).map(Self)
    }
}

fn up(line: &str) -> Result<UpSettings, SettingsError> {
    let up = Command::new("up")
        .arg(Arg::new("file"))
        .arg(Arg::new("as").long("as").value_parser(["many", "few"]))
        .args(args::<UpSettings>());
    let command = Command::new("kith").subcommand_required(true).subcommand(up);
    let invocation = Invocation::parse(command, line.split(' ').map(OsString::from))?;
    let Some(("up", matches)) = invocation.matches().subcommand() else {
        panic!("clap asks for one")
    };
    invocation.read(matches, &Environment::default())
}

#[track_caller]
fn mistakes(line: &str) -> Vec<String> {
    up(line)
        .expect_err("mistakes")
        .mistakes()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_subcommand_has_its_own_settings_beside_its_arguments() {
    assert_eq!(up("kith up edges.txt --count 3"), Ok(UpSettings(3)));
}

#[test]
fn unknown_flags_before_and_after_the_subcommand_are_reported_with_wrong_values() {
    assert_eq!(
        mistakes("kith --quiet up --cuont 4 --count=10 edges.txt"),
        [
            "--quiet: no such flag",
            "--cuont: no such flag (did you mean --count?)",
            "--count, KITH_COUNT: must be a whole number from 1 to 9; the flag says \"10\"",
        ]
    );
}

#[test]
fn a_value_that_is_none_of_those_to_choose_from_is_told_which_there_are() {
    for line in [
        "kith up --as none --count=10 edges.txt",
        "kith up --count=10 --as=none",
    ] {
        assert_eq!(
            mistakes(line),
            [
                "--as: must be many or few",
                "--count, KITH_COUNT: must be a whole number from 1 to 9; the flag says \"10\"",
            ]
        );
    }
    assert_eq!(mistakes("kith up edges.txt --as"), ["--as: needs a value"]);
}

#[test]
fn an_unknown_subcommand_is_said_in_claps_words() {
    let error = up("kith upp").expect_err("no such subcommand");
    assert_eq!(error.exit_code(), 2);
    assert!(
        error
            .to_string()
            .starts_with("error: unrecognized subcommand 'upp'"),
        "{error}"
    );
}
