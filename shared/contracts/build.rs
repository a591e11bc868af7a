//! Generates client and server code, and the descriptor set, from `proto/`. No protoc: protox is a library.

use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    // Read when it runs: a build script may come out of a target folder that another checkout filled.
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    // Without a line for the folder as well, a new file would not be seen.
    println!("cargo:rerun-if-changed={}", root.display());
    let files = proto_files(&root.join("kith"))?;

    // The details of google.rpc are no import of any contract, but reflection must serve them, so that a debugging
    // client can decode the details of errors.
    let mut described = files.clone();
    described.push(root.join("google/rpc/error_details.proto"));
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).open_files(&described)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // protox's own encoding: through prost's types the custom options, and with them all access rules, would be lost.
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    // Source information carries the comments, which become Rust documentation.
    let documented = protox::Compiler::new([&root])?
        .include_imports(true)
        .include_source_info(true)
        .open_files(&files)?
        .encode_file_descriptor_set();
    tonic_prost_build::configure()
        .extern_path(".google.rpc", "::tonic_types::pb")
        .compile_fds(prost_types::FileDescriptorSet::decode(documented.as_slice())?)?;
    Ok(())
}

fn proto_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            println!("cargo:rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
