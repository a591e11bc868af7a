//! Reading values, and collecting what is wrong with them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::ArgMatches;
use secrecy::SecretString;

use crate::setting::Rule;
use crate::{Environment, Mistake, Setting, clap_args, duration};

/// Hands out the values of settings. Every method answers `None` for a mistake, which it notes.
#[derive(Debug)]
pub struct Reader<'a> {
    flags: &'a ArgMatches,
    environment: &'a Environment,
    mistakes: Vec<Mistake>,
    asked: BTreeSet<&'static str>,
}

/// A value that was found, and where.
struct Given {
    text: String,
    source: Source,
}

enum Source {
    Flag,
    Variable(String),
    File(PathBuf),
    Default,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(flags: &'a ArgMatches, environment: &'a Environment, mistakes: Vec<Mistake>) -> Self {
        Self {
            flags,
            environment,
            mistakes,
            asked: BTreeSet::new(),
        }
    }

    /// Ends the reading with everything that was wrong, and the names of the settings that were asked for.
    pub(crate) fn finish(self) -> (Vec<Mistake>, BTreeSet<&'static str>) {
        (self.mistakes, self.asked)
    }

    /// A value of any type that reads itself from text, for example `SocketAddr`, `bool` or an enum.
    pub fn value<T: FromStr>(&mut self, setting: &'static Setting) -> Option<T> {
        self.read(setting, |text| text.parse().map_err(|_| None))
    }

    /// A value that `parse` reads; its error ends a sentence, for example `has no host`. For a secret, the error's
    /// text is left out: see [`Reader::secret_with`].
    pub fn value_with<T, E: fmt::Display>(
        &mut self,
        setting: &'static Setting,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let shown = |error: E| (!setting.secret).then(|| error.to_string());
        self.read(setting, |text| parse(text).map_err(shown))
    }

    /// The value of a setting declared with [`Setting::number`].
    pub fn number<T: TryFrom<u64>>(&mut self, setting: &'static Setting) -> Option<T> {
        let Rule::Number { min, max } = setting.rule else {
            return self.wrongly_declared(setting);
        };
        self.read(setting, |text| {
            let number = text.parse().ok().filter(|number| (min..=max).contains(number));
            number.and_then(|number| T::try_from(number).ok()).ok_or(None)
        })
    }

    /// The value of a setting declared with [`Setting::duration`].
    pub fn duration(&mut self, setting: &'static Setting) -> Option<Duration> {
        let Rule::Duration { min, max } = setting.rule else {
            return self.wrongly_declared(setting);
        };
        self.read(setting, |text| {
            duration::parse(text)
                .filter(|duration| (min..=max).contains(duration))
                .ok_or(None)
        })
    }

    /// A path, which is not looked at.
    pub fn path(&mut self, setting: &'static Setting) -> Option<PathBuf> {
        self.read(setting, |text| {
            if text.is_empty() {
                Err(None)
            } else {
                Ok(text.into())
            }
        })
    }

    /// A secret as it is.
    pub fn secret(&mut self, setting: &'static Setting) -> Option<SecretString> {
        self.secret_with(setting, |text| Ok(text.into()))
    }

    /// A secret that `parse` reads. Its error is a constant, so that it cannot repeat any part of the secret.
    pub fn secret_with<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        self.read(setting, |text| {
            parse(text).map_err(|problem| Some(problem.to_owned()))
        })
    }

    /// What gives a setting, unread: for a program that judges it by itself, and goes on with what is no good. Nothing of
    /// it is noted as a mistake.
    ///
    /// # Errors
    /// Why it cannot be had, for example that its file cannot be read.
    pub fn found(&mut self, setting: &'static Setting) -> Result<Option<SecretString>, String> {
        self.asked.insert(setting.name);
        Ok(self.find(setting)?.map(|given| given.text.into()))
    }

    /// The file that the value of a secret is taken from, for those who read it again when it changes; `None` when it
    /// is given in another way.
    pub fn file_of(&self, setting: &Setting) -> Option<PathBuf> {
        match self.find(setting) {
            Ok(Some(Given {
                source: Source::File(path),
                ..
            })) => Some(path),
            _ => None,
        }
    }

    /// A value that may be absent: `Some(None)` when nothing gives one.
    ///
    /// `reader.optional(&DATA_DIRECTORY, Reader::path)`
    pub fn optional<T>(
        &mut self,
        setting: &'static Setting,
        read: impl FnOnce(&mut Self, &'static Setting) -> Option<T>,
    ) -> Option<Option<T>> {
        self.asked.insert(setting.name);
        match self.find(setting) {
            Ok(None) if !setting.required => Some(None),
            _ => read(self, setting).map(Some),
        }
    }

    /// The value of a variable that is no setting of ours and has no flag, since its name and what it may say are agreed on
    /// by many programs, such as `OTEL_EXPORTER_OTLP_ENDPOINT`. `Some(None)` when it is not set, or empty.
    ///
    /// The error of `parse` is all that is told of what is wrong, so that it can leave out the value of a secret.
    pub fn variable<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let Some(value) = self.environment.get(name) else {
            return Some(None);
        };
        let parsed = value
            .to_str()
            .ok_or_else(|| "is not valid UTF-8".to_owned())
            .and_then(parse);
        match parsed {
            Ok(value) => Some(Some(value)),
            Err(problem) => {
                let mistake = Mistake::new(name, problem);
                // Several topics may ask for what they share.
                if !self.mistakes.contains(&mistake) {
                    self.mistakes.push(mistake);
                }
                None
            }
        }
    }

    /// Notes a mistake that only several settings together show, for example that one must be less than another.
    pub fn mistake(&mut self, setting: &'static Setting, problem: impl Into<String>) {
        self.mistakes.push(Mistake::new(setting.names(), problem));
    }

    /// `parse` answers its own words for what is wrong, or none to have the rule speak for itself.
    fn read<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl FnOnce(&str) -> Result<T, Option<String>>,
    ) -> Option<T> {
        self.asked.insert(setting.name);
        let problem = match self.find(setting) {
            Ok(Some(given)) => match parse(&given.text) {
                Ok(value) => return Some(value),
                Err(detail) => wrong(setting, &given, detail),
            },
            Ok(None) => format!("is required: {}", setting.rule),
            Err(problem) => problem,
        };
        self.mistake(setting, problem);
        None
    }

    fn wrongly_declared<T>(&mut self, setting: &'static Setting) -> Option<T> {
        debug_assert!(false, "{} is read as what it is not declared to be", setting.name);
        self.mistake(setting, "is declared wrongly in the program");
        None
    }

    fn find(&self, setting: &Setting) -> Result<Option<Given>, String> {
        if let Some(given) = self.find_flag(setting)? {
            return Ok(Some(given));
        }
        if let Some(given) = self.find_variable(setting)? {
            return Ok(Some(given));
        }
        Ok(setting.default.map(|text| Given {
            text: text.to_owned(),
            source: Source::Default,
        }))
    }

    fn find_flag(&self, setting: &Setting) -> Result<Option<Given>, String> {
        match clap_args::given(self.flags, setting).as_slice() {
            [] => Ok(None),
            [path] if setting.secret => from_file(Path::new(path)).map(Some),
            [value] => Ok(Some(Given {
                text: utf8(value)?,
                source: Source::Flag,
            })),
            _ => Err("is given by more than one flag".to_owned()),
        }
    }

    fn find_variable(&self, setting: &Setting) -> Result<Option<Given>, String> {
        let ours = setting.variable();
        let file = setting
            .file_variable()
            .and_then(|name| Some((self.environment.get(&name)?, name)));
        match (self.environment.get(&ours), file) {
            (Some(_), Some((_, file))) => Err(format!("{ours} and {file} are both set, and only one may be")),
            (Some(value), None) => from_variable(ours, value).map(Some),
            (None, Some((path, _))) => from_file(Path::new(path)).map(Some),
            (None, None) => {
                let other = setting
                    .other_variable
                    .and_then(|name| Some((name, self.environment.get(name)?)));
                other
                    .map(|(name, value)| from_variable(name.to_owned(), value))
                    .transpose()
            }
        }
    }
}

fn wrong(setting: &Setting, given: &Given, detail: Option<String>) -> String {
    let value = match setting.secret {
        true => "has a value that is not shown".to_owned(),
        false => format!("says {:?}", given.text),
    };
    let detail = detail.map_or_else(String::new, |detail| format!(", which {detail}"));
    format!("must be {}; {} {value}{detail}", setting.rule, given.source)
}

fn from_variable(name: String, value: &OsStr) -> Result<Given, String> {
    Ok(Given {
        text: utf8(value)?,
        source: Source::Variable(name),
    })
}

/// A secret from a file, less the line end that editors put at the end of it.
fn from_file(path: &Path) -> Result<Given, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(format!("the file {} is empty", path.display())),
        secret => Ok(Given {
            text: secret.to_owned(),
            source: Source::File(path.to_owned()),
        }),
    }
}

fn utf8(value: &OsStr) -> Result<String, String> {
    value
        .to_str()
        .map(str::to_owned)
        .ok_or_else(|| "is not valid UTF-8".to_owned())
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Flag => f.write_str("the flag"),
            Source::Variable(name) => f.write_str(name),
            Source::File(path) => write!(f, "the file {}", path.display()),
            Source::Default => f.write_str("the default"),
        }
    }
}
