//! The environment that a program runs in.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use crate::setting::PREFIX;

/// The variables as they were at one moment. `Debug` shows names alone, since values may be secret.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
    expected: Vec<String>,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self {
            variables: variables.collect(),
            expected: Vec::new(),
        }
    }

    /// Lets variables be that belong to other programs: whole names, or beginnings of names that end in `_`, such as
    /// `KITH_SOCIAL_GRAPH_`.
    #[must_use]
    pub fn expecting(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.expected.extend(names.into_iter().map(Into::into));
        self
    }

    /// The value of a variable; `None` also when it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(name)
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// Our variables that are set, but neither in `known` nor expected.
    pub(crate) fn unknown<'a>(&'a self, known: &'a [String]) -> impl Iterator<Item = &'a str> {
        let names = self.variables.keys().map(String::as_str);
        names.filter(|name| {
            name.starts_with(PREFIX)
                && self.get(name).is_some()
                && !known.iter().any(|known| known == name)
                && !self.is_expected(name)
                && !self.is_service_link(name)
        })
    }

    fn is_expected(&self, name: &str) -> bool {
        self.expected
            .iter()
            .any(|expected| match expected.ends_with('_') {
                true => name.starts_with(expected.as_str()),
                false => name == expected,
            })
    }

    /// Whether Kubernetes made it: for a service `kith-identity` it sets `KITH_IDENTITY_SERVICE_HOST` and, with the
    /// same beginning, some `..._SERVICE_PORT...` and `..._PORT...`.
    fn is_service_link(&self, name: &str) -> bool {
        ["_SERVICE_", "_PORT"]
            .iter()
            .flat_map(|part| name.match_indices(part))
            .any(|(index, _)| {
                let service = &name[..index];
                self.variables.contains_key(&format!("{service}_SERVICE_HOST"))
            })
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()));
        Self {
            variables: variables.collect(),
            expected: Vec::new(),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
