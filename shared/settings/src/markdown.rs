//! Settings as documentation.

use crate::Setting;

/// A Markdown table of settings, in their order, so that a README can be compared with what programs really take.
pub fn markdown_table<'a>(settings: impl IntoIterator<Item = &'a Setting>) -> String {
    let mut table = "| flag | variable | value | default | for |\n|---|---|---|---|---|\n".to_owned();
    for setting in settings {
        table.push_str(&row(setting));
    }
    table
}

fn row(setting: &Setting) -> String {
    let code = |name: String| format!("`{name}`");
    let variables = [
        Some(setting.variable()),
        setting.file_variable(),
        setting.other_variable.map(str::to_owned),
    ];
    let variables = variables
        .into_iter()
        .flatten()
        .map(code)
        .collect::<Vec<_>>()
        .join(", ");
    let default = match setting.default {
        Some(default) => code(default.to_owned()),
        None if setting.required => "required".to_owned(),
        None => "none".to_owned(),
    };
    let [value, help] =
        [setting.rule.to_string(), setting.help.to_owned()].map(|text| text.replace('|', "\\|"));
    format!(
        "| `--{}` | {variables} | {value} | {default} | {help} |\n",
        setting.flag()
    )
}
