//! Guessing what somebody meant to type.

/// ` (did you mean ...?)` with the name that is most like `given`, or nothing when none is.
pub(crate) fn did_you_mean<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let alike = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(given, name), name));
    let nearest = alike
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    nearest.map_or_else(String::new, |(_, name)| format!(" (did you mean {name}?)"))
}
