//! How this very program is called from the user's shell.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::data_directory::DataDirectory;

/// The command line that runs `kith <subcommand>` for the data in `directory`, less what else it takes.
pub(crate) fn own_command(subcommand: &str, directory: &DataDirectory) -> String {
    let program = match env::current_exe() {
        Ok(program) => name_of(&program, &env::var_os("PATH").unwrap_or_default()),
        Err(_) => "kith".to_owned(),
    };
    match directory.to_be_named() {
        Some(path) => format!("{program} {subcommand} --data-directory {}", quote(path)),
        None => format!("{program} {subcommand}"),
    }
}

/// The bare name where the shell finds `program` by it, else the path.
fn name_of(program: &Path, path: &OsStr) -> String {
    let Some(name) = program.file_name() else {
        return quote(program);
    };
    let found = env::split_paths(path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file());
    match (found.and_then(resolved), resolved(program.to_owned())) {
        (Some(found), Some(program)) if found == program => quote(Path::new(name)),
        _ => quote(program),
    }
}

fn resolved(path: PathBuf) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// A word of a shell's command line.
pub(crate) fn quote(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_on_the_path_is_called_by_its_name() {
        let program = env::current_exe().expect("this binary");
        let directory = program.parent().expect("its directory").as_os_str();
        assert_eq!(
            name_of(&program, directory),
            program.file_name().expect("its name").to_string_lossy()
        );
        assert_eq!(
            name_of(&program, OsStr::new("/nowhere")),
            program.to_string_lossy()
        );
    }

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quote(Path::new("/a/b-c_1.d")), "/a/b-c_1.d");
        assert_eq!(quote(Path::new("/it's a $HOME")), r"'/it'\''s a $HOME'");
    }
}
