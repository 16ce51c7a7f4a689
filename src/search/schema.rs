//! Tests that the WIT says the same as the structs of the search.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use super::{CallFilterFields, FoundCall, FoundCalls, UnsearchedPart};
use crate::error::Suggestion;

const WIT: &str = include_str!("../../wit/homer-capture.wit");

/// Name, type and doc comment of each field of a record in the WIT.
pub(crate) fn in_wit(record: &str) -> Vec<(String, String, String)> {
    let (_, body) = WIT.split_once(&format!("  record {record} {{\n")).unwrap();
    let (body, _) = body.split_once("\n  }").unwrap();
    let (mut fields, mut doc) = (Vec::new(), Vec::new());
    for line in body.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            doc.push(text);
            continue;
        }
        let (name, kind) = line.trim_end_matches(',').split_once(": ").unwrap();
        fields.push((name.to_string(), kind.to_string(), doc.join(" ")));
        doc.clear();
    }
    fields
}

/// The same of a struct, as its JSON Schema describes it.
pub(crate) fn in_struct<T: JsonSchema>(names: &[&str]) -> Vec<(String, String, String)> {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let schema = schema.to_value();
    let required: Vec<&str> = schema["required"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let fields = names.iter().map(|name| {
        let property = &schema["properties"][*name];
        // An optional field has the type `["string", "null"]`.
        let kind = match property["type"].as_array() {
            Some(types) => &types[0],
            None => &property["type"],
        };
        let kind = match (kind.as_str().unwrap(), property["format"].as_str()) {
            ("integer", Some("int64")) => "s64".to_string(),
            ("integer", Some(format)) => format.replace("uint", "u"),
            ("boolean", _) => "bool".to_string(),
            ("array", _) => match *name {
                "calls" => "list<found-call>".to_string(),
                "call_ids" | "redacted" => "list<string>".to_string(),
                _ => "list<unsearched-part>".to_string(),
            },
            (kind, _) => kind.to_string(),
        };
        let kind = match required.contains(name) {
            true => kind,
            false => format!("option<{kind}>"),
        };
        let doc = property["description"].as_str().unwrap();
        (name.replace('_', "-"), kind, doc.replace('\n', " "))
    });
    fields.collect()
}

#[test]
fn wit_describes_every_field_of_the_search_as_the_struct_does() {
    let names = CallFilterFields::FIELDS;
    assert_eq!(in_wit("call-filter"), in_struct::<CallFilterFields>(names));
    assert_eq!(
        in_wit("found-call"),
        in_struct::<FoundCall>(FoundCall::FIELDS)
    );
    let names = UnsearchedPart::FIELDS;
    assert_eq!(
        in_wit("unsearched-part"),
        in_struct::<UnsearchedPart>(names)
    );
    assert_eq!(
        in_wit("found-calls"),
        in_struct::<FoundCalls>(FoundCalls::FIELDS)
    );
    let names = Suggestion::FIELDS;
    assert_eq!(in_wit("suggestion"), in_struct::<Suggestion>(names));
}
