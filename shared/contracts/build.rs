//! Generates client and server code, and the descriptor set, from `proto/`. No protoc: protox is a library.

use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;
use protox::prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor, OneofDescriptor};

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

    let secretive = messages_with_secrets(&compiler.descriptor_pool());
    let debugs: String = secretive.iter().map(debug_without_secrets).collect();
    fs::write(out.join("debug.rs"), debugs)?;

    // Source information carries the comments, which become Rust documentation.
    let documented = protox::Compiler::new([&root])?
        .include_imports(true)
        .include_source_info(true)
        .open_files(&files)?
        .encode_file_descriptor_set();
    tonic_prost_build::configure()
        .extern_path(".google.rpc", "::tonic_types::pb")
        .skip_debug(secretive.iter().map(MessageDescriptor::full_name))
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

/// The messages with a field that the contract marks as secret, by `debug_redact`. prost's `Debug` knows nothing of it.
fn messages_with_secrets(pool: &DescriptorPool) -> Vec<MessageDescriptor> {
    pool.all_messages()
        .filter(|message| message.fields().any(|field| is_secret(&field)))
        .collect()
}

fn is_secret(field: &FieldDescriptor) -> bool {
    let option = field
        .options()
        .get_field_by_name("debug_redact")
        .map(|value| value.as_bool());
    option.flatten() == Some(true)
}

/// What prost would derive, but for the secrets: one `{:?}` of a request would else write a password into a log.
fn debug_without_secrets(message: &MessageDescriptor) -> String {
    let (package, name) = (message.package_name().replace('.', "::"), message.name());
    let mut members = String::new();
    for field in message.fields().filter(|field| oneof_of(field).is_none()) {
        let value = shown(&field, &format!("&self.{}", field.name()));
        members += &format!(".field(\"{}\", {value})", field.name());
    }
    let mut enums = String::new();
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        members += &format!(".field(\"{0}\", &self.{0})", oneof.name());
        let of = format!("{}::{}", snake_case(name), camel_case(oneof.name()));
        enums += &debug_impl(&format!("crate::{package}::{of}"), &match_of(&oneof));
    }
    let body = format!("f.debug_struct(\"{name}\"){members}.finish()");
    debug_impl(&format!("crate::{package}::{name}"), &body) + &enums
}

fn match_of(oneof: &OneofDescriptor) -> String {
    let arms = oneof.fields().map(|field| {
        let (variant, value) = (camel_case(field.name()), shown(&field, "_value"));
        format!("Self::{variant}(_value) => f.debug_tuple(\"{variant}\").field({value}).finish(),")
    });
    format!("match self {{ {} }}", arms.collect::<String>())
}

fn oneof_of(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    // proto3's `optional` is a oneof too, which nobody wrote.
    field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
}

fn shown(field: &FieldDescriptor, value: &str) -> String {
    match is_secret(field) {
        true => "&::core::format_args!(\"[REDACTED]\")".to_owned(),
        false => value.to_owned(),
    }
}

fn debug_impl(of: &str, body: &str) -> String {
    format!(
        "impl ::core::fmt::Debug for {of} {{
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{ {body} }}
        }}\n"
    )
}

/// The name of a message as prost writes it for the module of its oneofs.
fn snake_case(name: &str) -> String {
    let letter = |(index, letter): (usize, char)| match letter.is_ascii_uppercase() && index > 0 {
        true => format!("_{}", letter.to_ascii_lowercase()),
        false => letter.to_ascii_lowercase().to_string(),
    };
    name.chars().enumerate().map(letter).collect()
}

/// The name of a field as prost writes it for a variant.
fn camel_case(name: &str) -> String {
    let word = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.split('_').map(word).collect()
}
