//! Rebuilds this crate when a migration comes, goes or changes: `embed_migrations!` alone does not see a new one.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    rerun_if_changed(Path::new("migrations"))
}

fn rerun_if_changed(path: &Path) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", path.display());
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            rerun_if_changed(&entry?.path())?;
        }
    }
    Ok(())
}
