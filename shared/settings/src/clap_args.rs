//! Settings as clap sees them: flags with help, whose values it does not judge.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction};

use crate::setting::Rule;
use crate::{Setting, Topic};

/// The flags of a topic, for a clap command of one's own; a setting that two topics share is there once.
pub fn args<T: Topic>() -> Vec<Arg> {
    let mut seen = BTreeSet::new();
    T::settings()
        .into_iter()
        .filter(|setting| seen.insert(setting.name))
        .map(arg)
        .collect()
}

fn arg(setting: &Setting) -> Arg {
    Arg::new(setting.flag())
        .long(setting.flag())
        .value_name(value_name(setting))
        .help(help(setting))
        .value_parser(ValueParser::os_string())
        // A flag given twice is our own mistake to report, beside the others.
        .action(ArgAction::Append)
        .num_args(1)
}

fn value_name(setting: &Setting) -> &'static str {
    match setting.rule {
        _ if setting.secret => "FILE",
        Rule::Described(_) => "VALUE",
        Rule::Number { .. } => "NUMBER",
        Rule::Duration { .. } => "DURATION",
        Rule::OneOf(_) => "WORD",
    }
}

fn help(setting: &Setting) -> String {
    let Setting { help, rule, .. } = setting;
    let variables = [
        Some(setting.variable()),
        setting.file_variable(),
        setting.other_variable.map(str::to_owned),
    ];
    let variables = variables.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let otherwise = match setting.default {
        Some(default) => format!("; default: {default}"),
        None if setting.required => "; required".to_owned(),
        None => String::new(),
    };
    let file = if setting.secret {
        "file with the secret: "
    } else {
        ""
    };
    format!("{file}{help} [{rule}; environment: {variables}{otherwise}]")
}

/// What clap's id of an argument stands for when a setting is read back.
pub(crate) fn given<'a>(matches: &'a clap::ArgMatches, setting: &Setting) -> Vec<&'a OsString> {
    let values = matches.try_get_many::<OsString>(&setting.flag());
    debug_assert!(
        values.is_ok(),
        "{} is read but not declared in the topic's settings",
        setting.name
    );
    values.ok().flatten().into_iter().flatten().collect()
}
