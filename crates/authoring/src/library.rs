//! The built-in plans and the schema of documents, as data.

/// The built-in plans: file name and text.
pub const LIBRARY: &[(&str, &str)] = &[
    ("laser-afl.toml", include_str!("../../../protocols/laser-afl.toml")),
    ("laser-nafl.toml", include_str!("../../../protocols/laser-nafl.toml")),
    ("mn-acne-scar.toml", include_str!("../../../protocols/mn-acne-scar.toml")),
    ("mn-body.toml", include_str!("../../../protocols/mn-body.toml")),
    ("mn-face.toml", include_str!("../../../protocols/mn-face.toml")),
    ("mn-pigment.toml", include_str!("../../../protocols/mn-pigment.toml")),
    ("mn-scalp.toml", include_str!("../../../protocols/mn-scalp.toml")),
    ("peel-medium.toml", include_str!("../../../protocols/peel-medium.toml")),
    ("peel-superficial.toml", include_str!("../../../protocols/peel-superficial.toml")),
];

/// The JSON Schema of the documents.
pub const SCHEMA: &str = include_str!("../../../protocols/protocol.schema.json");

/// The library's document of that key.
pub fn library_document(key: &str) -> Option<&'static str> {
    LIBRARY.iter().find(|(file, _)| file.strip_suffix(".toml") == Some(key)).map(|(_, text)| *text)
}
