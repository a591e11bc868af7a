//! How logs look.

use std::str::FromStr;

use kith_settings::{Reader, Setting, Topic};
use tracing_subscriber::filter::{LevelFilter, Targets};

const LOG_FORMAT: Setting = Setting::new("log-format", "how log lines look; all go to standard error")
    .one_of(&["human", "json"])
    .default("human");

const LOG_FILTER: Setting = Setting::new("log-filter", "which log lines are written")
    .value("a level, or target=level pairs with commas between, for example info,kith::query=debug")
    .default("info");

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person at a terminal; coloured where standard error is one.
    Human,
    /// One JSON object a line, for machines.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSettings {
    /// The form of a line.
    pub format: LogFormat,
    /// Which lines are written. Spans of calls stand in their lines whatever it says.
    pub filter: Targets,
}

impl Topic for LogSettings {
    fn settings() -> Vec<&'static Setting> {
        vec![&LOG_FORMAT, &LOG_FILTER]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let format = reader.value(&LOG_FORMAT);
        let filter = reader.value_with(&LOG_FILTER, parse_filter);
        Some(Self {
            format: format?,
            filter: filter?,
        })
    }
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "human" => Ok(LogFormat::Human),
            "json" => Ok(LogFormat::Json),
            _ => Err(()),
        }
    }
}

/// Stricter than the parser of [`Targets`], for which `inof` is a target whose every line is wanted, and nothing else.
fn parse_filter(text: &str) -> Result<Targets, String> {
    text.split(',').try_fold(Targets::new(), |filter, part| {
        let (target, level) = part
            .split_once('=')
            .map_or((None, part), |(target, level)| (Some(target), level));
        let level = Some(level.trim())
            .filter(|word| !word.is_empty())
            .and_then(|word| word.parse::<LevelFilter>().ok());
        match (target.map(str::trim), level) {
            (None, Some(level)) => Ok(filter.with_default(level)),
            (Some(target), Some(level)) if !target.is_empty() => Ok(filter.with_target(target, level)),
            _ => Err(format!("has {part:?}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use kith_settings::{Environment, Program, load};
    use tracing::Level;

    use super::*;

    fn settings(filter: &str) -> Result<LogSettings, String> {
        let program = Program {
            name: "demo",
            version: "1",
            about: "",
        };
        let environment = Environment::from([("KITH_LOG_FILTER", filter)]);
        load(&program, ["demo".into()], &environment).map_err(|error| error.mistakes()[0].to_string())
    }

    #[test]
    fn without_settings_people_read_info() {
        let settings = settings("").expect("the defaults");
        assert_eq!(settings.format, LogFormat::Human);
        assert!(settings.filter.would_enable("anything", &Level::INFO));
        assert!(!settings.filter.would_enable("anything", &Level::DEBUG));
    }

    #[test]
    fn a_target_can_have_its_own_level() {
        let filter = settings("warn, kith::query=debug").expect("a good filter").filter;
        assert!(filter.would_enable("kith::query", &Level::DEBUG));
        assert!(!filter.would_enable("anything", &Level::INFO));
    }

    #[test]
    fn a_misspelt_level_is_a_mistake_and_not_a_target() {
        for (filter, part) in [
            ("inof", "inof"),
            ("info,kith::query", "kith::query"),
            ("info,", ""),
            ("a=b", "a=b"),
        ] {
            let mistake = settings(filter).expect_err(filter);
            assert!(
                mistake.ends_with(&format!("says {filter:?}, which has {part:?}")),
                "{mistake}"
            );
        }
    }
}
