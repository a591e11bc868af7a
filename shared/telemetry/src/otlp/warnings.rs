//! What variables say and is not followed, where that must not keep a program from its work.

use kith_settings::Reader;
use tracing::warn;

/// For the log, which does not stand yet when variables are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings(Vec<Warning>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Warning {
    variable: String,
    problem: String,
}

impl Warnings {
    /// The value of a variable that counts as `instead` where `parse` refuses it, with a warning.
    pub(super) fn tolerate<T>(
        &mut self,
        reader: &mut Reader<'_>,
        variable: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
        instead: T,
    ) -> Option<Option<T>> {
        reader.variable(variable, |text| {
            Ok(parse(text).unwrap_or_else(|problem| {
                let variable = variable.to_owned();
                let warning = Warning { variable, problem };
                // Both signals may ask for what they share.
                if !self.0.contains(&warning) {
                    self.0.push(warning);
                }
                instead
            }))
        })
    }

    /// One line for each.
    pub(super) fn tell(&self) {
        for Warning { variable, problem } in &self.0 {
            warn!(variable, problem, "a variable of OpenTelemetry is not followed");
        }
    }

    #[cfg(test)]
    pub(super) fn variables(&self) -> Vec<&str> {
        self.0.iter().map(|warning| warning.variable.as_str()).collect()
    }
}
