//! A service's RPCs and their tests, as files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Asserts that the crate under test has one file in `tests` for each in `src/rpc`, and that `tests/main.rs` names each:
/// a file that it does not name is never run. `others` are files in `tests` that stand for no RPC.
///
/// # Panics
/// When they differ.
pub fn assert_each_rpc_has_its_tests(others: &[&str]) {
    // Read when it runs: a test binary may come out of a target folder that another checkout filled.
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    let root = Path::new(&root);
    let rpcs = files(&root.join("src/rpc"), &["mod", "convert"]);
    let tests = files(&root.join("tests"), &[&["main"], others].concat());
    assert_eq!(rpcs, tests, "src/rpc and tests have other files");
    let main = fs::read_to_string(root.join("tests/main.rs")).expect("tests/main.rs");
    let unnamed: Vec<_> = tests
        .iter()
        .filter(|test| !main.contains(&format!("\nmod {test};")))
        .collect();
    assert!(unnamed.is_empty(), "tests/main.rs does not name {unnamed:?}");
}

/// The names of the Rust files in a folder, but for `others`.
fn files(folder: &Path, others: &[&str]) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let names = entries.filter_map(|entry| {
        let name = entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("a name in UTF-8");
        name.strip_suffix(".rs").map(str::to_owned)
    });
    names.filter(|name| !others.contains(&name.as_str())).collect()
}
