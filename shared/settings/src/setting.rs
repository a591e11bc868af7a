//! What a setting is.

use std::fmt;
use std::time::Duration;

use crate::duration::Readable;

/// The prefix of every variable.
pub(crate) const PREFIX: &str = "KITH_";

/// One setting of a program, declared as a constant.
///
/// A name must not end in `-port`: Kubernetes sets `KITH_IDENTITY_PORT` to a URL where a service is named `kith-identity`.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) rule: Rule,
    pub(crate) default: Option<&'static str>,
    pub(crate) required: bool,
    pub(crate) secret: bool,
    pub(crate) other_variable: Option<&'static str>,
}

/// What a value must be; reads as the end of "must be ...".
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    Described(&'static str),
    Number { min: u64, max: u64 },
    Duration { min: Duration, max: Duration },
    OneOf(&'static [&'static str]),
}

impl Setting {
    /// A setting with a name such as `pool-size`, and what it is for: lower case, without full stop.
    ///
    /// Until told otherwise, its value is any text, and it need not be given.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        let rule = Rule::Described("text");
        Self {
            name,
            help,
            rule,
            default: None,
            required: false,
            secret: false,
            other_variable: None,
        }
    }

    /// The value must be what `rule` says; it reads as the end of "must be ...", best with an example.
    #[must_use]
    pub const fn value(mut self, rule: &'static str) -> Self {
        self.rule = Rule::Described(rule);
        self
    }

    /// The value is a whole number within these bounds; read it with [`Reader::number`](crate::Reader::number).
    #[must_use]
    pub const fn number(mut self, min: u64, max: u64) -> Self {
        self.rule = Rule::Number { min, max };
        self
    }

    /// The value is a duration within these bounds; read it with [`Reader::duration`](crate::Reader::duration).
    #[must_use]
    pub const fn duration(mut self, min: Duration, max: Duration) -> Self {
        self.rule = Rule::Duration { min, max };
        self
    }

    /// The value is one of these words; read it with [`Reader::value`](crate::Reader::value).
    #[must_use]
    pub const fn one_of(mut self, words: &'static [&'static str]) -> Self {
        self.rule = Rule::OneOf(words);
        self
    }

    /// The value when none is given. It goes through the same reading, so it must be a good one.
    #[must_use]
    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    /// It must be given.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// It need not be given and has no default: a setting of one program, where another can do without.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.required = false;
        self.default = None;
        self
    }

    /// What it is for, where that differs from one program to another.
    #[must_use]
    pub const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// It is never shown, and taken from the environment or a file, not from a flag.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// A variable that is read when ours is not set, for a name that the world agrees on, such as `DATABASE_URL`.
    #[must_use]
    pub const fn or_variable(mut self, variable: &'static str) -> Self {
        self.other_variable = Some(variable);
        self
    }

    /// The variable, for example `KITH_POOL_SIZE`.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The variable that names a file with the value; secrets alone have one.
    pub fn file_variable(&self) -> Option<String> {
        self.secret.then(|| format!("{}_FILE", self.variable()))
    }

    /// The flag without its dashes; for a secret, the one that names a file.
    pub(crate) fn flag(&self) -> String {
        if self.secret {
            format!("{}-file", self.name)
        } else {
            self.name.to_owned()
        }
    }

    /// Everything that it can be given by, for a person to look up: `--pool-size, KITH_POOL_SIZE`.
    pub fn names(&self) -> String {
        let variables = [
            Some(self.variable()),
            self.file_variable(),
            self.other_variable.map(str::to_owned),
        ];
        let mut names = vec![format!("--{}", self.flag())];
        names.extend(variables.into_iter().flatten());
        names.join(", ")
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Described(rule) => f.write_str(rule),
            Rule::Number { min, max } => write!(f, "a whole number from {min} to {max}"),
            Rule::Duration { min, max } => {
                write!(
                    f,
                    "a duration from {} to {}, such as 250ms, 5s or 2m",
                    Readable(*min),
                    Readable(*max)
                )
            }
            Rule::OneOf(words) => f.write_str(&words.join(" or ")),
        }
    }
}
