//! What a check has found, and how it is told.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Could not be looked at, because of something else.
    Unchecked,
    /// Works, and should not stay so.
    Warning,
    /// Something does not work, or will not.
    Problem,
}

/// What to do about it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Fix {
    /// What the text is.
    how: How,
    /// Who runs a statement.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    /// To be pasted, unless it is advice.
    text: String,
    /// What must follow before it takes effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    then: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum How {
    /// Statements for psql.
    Sql,
    /// A command for a shell.
    Command,
    /// Words.
    Advice,
}

impl Fix {
    /// Statements that `by` runs, for example `the owner`.
    pub(super) fn sql(by: &'static str, text: impl Into<String>) -> Self {
        Self::new(How::Sql, Some(by), text.into())
    }

    /// A command for a shell.
    pub(super) fn command(text: impl Into<String>) -> Self {
        Self::new(How::Command, None, text.into())
    }

    /// What cannot be pasted.
    pub(super) fn advice(text: impl Into<String>) -> Self {
        Self::new(How::Advice, None, text.into())
    }

    fn new(how: How, by: Option<&'static str>, text: String) -> Self {
        Self {
            how,
            by,
            text,
            then: None,
        }
    }

    /// What must follow before it takes effect.
    pub(super) fn then(mut self, then: &'static str) -> Self {
        self.then = Some(then);
        self
    }
}

/// What one check has found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) state: State,
    /// What was looked at, the same words each time.
    check: String,
    /// What is there.
    seen: String,
    /// Why it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<Fix>,
}

impl Finding {
    pub(super) fn ok(check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(State::Ok, check, seen)
    }

    /// `because` says what is in the way.
    pub(super) fn unchecked(check: impl Into<String>, because: impl Into<String>) -> Self {
        Self::new(State::Unchecked, check, because)
    }

    pub(super) fn warning(check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(State::Warning, check, seen)
    }

    pub(super) fn problem(check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(State::Problem, check, seen)
    }

    fn new(state: State, check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            state,
            check: check.into(),
            seen: seen.into(),
            why: None,
            fix: None,
        }
    }

    pub(super) fn why(mut self, why: &'static str) -> Self {
        self.why = Some(why);
        self
    }

    pub(super) fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

impl fmt::Display for Finding {
    /// A line, and below it the fix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Unchecked => "-",
            State::Warning => "warning",
            State::Problem => "problem",
        };
        let not = if self.state == State::Unchecked {
            "not checked: "
        } else {
            ""
        };
        write!(f, "{state:7}  {:30}  {not}{}", self.check, self.seen)?;
        if let Some(why) = self.why {
            write!(f, "; {why}")?;
        }
        writeln!(f)?;
        match &self.fix {
            Some(fix) => fix.fmt(f),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let then = self
            .then
            .map_or_else(String::new, |then| format!(", then {then}"));
        let by = self.by.unwrap_or_default();
        match self.how {
            How::Sql => writeln!(f, "         fix, SQL as {by}{then}:")?,
            How::Command => writeln!(f, "         fix{then}:")?,
            How::Advice => return writeln!(f, "         fix: {}{then}", self.text),
        }
        self.text
            .lines()
            .try_for_each(|line| writeln!(f, "           {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_its_fix_stands_below_to_be_pasted() {
        let fix = Fix::sql("a superuser", "ALTER SYSTEM SET a = 1;\nALTER SYSTEM SET b = 2;");
        let finding = Finding::problem("lock table", "too small")
            .why("batches fail")
            .fix(fix.then("restart PostgreSQL"));
        assert_eq!(
            finding.to_string(),
            "problem  lock table                      too small; batches fail
         fix, SQL as a superuser, then restart PostgreSQL:
           ALTER SYSTEM SET a = 1;
           ALTER SYSTEM SET b = 2;\n"
        );
        assert_eq!(
            Finding::unchecked("clock", "nobody answers").to_string(),
            "-        clock                           not checked: nobody answers\n"
        );
    }

    #[test]
    fn programs_read_the_same_as_json() {
        let finding = Finding::problem("clock", "ahead").fix(Fix::command("timedatectl set-ntp true"));
        assert_eq!(
            serde_json::to_string(&finding).expect("JSON"),
            r#"{"state":"problem","check":"clock","seen":"ahead","fix":{"how":"command","text":"timedatectl set-ntp true"}}"#
        );
    }
}
