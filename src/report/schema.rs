//! Tests that the JSON Schema and the WIT say the same as the structs of the report.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::{env, fs};

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::{CallVerdict, CaptureReport, Cause, Count, LadderEntry, MediaQuality, ProfilePackets};
use crate::finding::Finding;
use crate::redact::RedactionSummary;

/// The records of the report: the name in the WIT, and the fields in the order of the source.
const RECORDS: [(&str, &[&str]); 9] = [
    ("capture-report", CaptureReport::FIELDS),
    ("call-verdict", CallVerdict::FIELDS),
    ("cause", Cause::FIELDS),
    ("profile-packets", ProfilePackets::FIELDS),
    ("count", Count::FIELDS),
    ("redaction-summary", RedactionSummary::FIELDS),
    ("ladder-entry", LadderEntry::FIELDS),
    ("media-quality", MediaQuality::FIELDS),
    ("finding", Finding::FIELDS),
];

/// Keywords in the order in which they are written.
const KEYWORDS: [&str; 8] = [
    "type",
    "description",
    "minimum",
    "maximum",
    "items",
    "properties",
    "required",
    "additionalProperties",
];

/// The schema of the JSON of a struct, as schemars derives it, simplified.
fn derived<T: schemars::JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    simplify(&mut schema);
    schema
}

fn simplify(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    // A tool's output schema has its own `$schema`; `title` repeats the name of the struct, and
    // `format` has values that only schemars knows (`uint64`).
    object.retain(|keyword, _| !matches!(keyword.as_str(), "$schema" | "title" | "format"));
    // `["integer", "null"]`: absent values are left out and never null.
    if let Some(Value::Array(types)) = object.get("type") {
        object["type"] = types[0].clone();
    }
    if let Some(Value::String(description)) = object.get_mut("description") {
        // Without examples, and without the line breaks of the source.
        let paragraph = description.split("\n\n").next().unwrap_or_default();
        *description = paragraph.replace('\n', " ");
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(simplify);
        object.insert("additionalProperties".to_string(), false.into());
    }
    if let Some(items) = object.get_mut("items") {
        simplify(items);
    }
}

/// Writes a schema with keywords and properties in a fixed order, which `Value` does not keep; one
/// without properties in one line.
fn write(schema: &Value, indent: usize, text: &mut String) {
    let Some(object) = schema.as_object() else {
        *text += &schema.to_string().replace(",", ", ");
        return;
    };
    let is_flat = !schema.to_string().contains("\"properties\"");
    let inner = match is_flat {
        true => " ".to_string(),
        false => format!("\n{}", "  ".repeat(indent + 1)),
    };
    let mut members = Vec::new();
    for keyword in KEYWORDS {
        let Some(value) = object.get(keyword) else {
            continue;
        };
        let mut member = format!("{inner}\"{keyword}\": ");
        match (keyword, value) {
            ("properties", Value::Object(properties)) => {
                write_properties(properties, indent + 1, &mut member);
            }
            // A text, whose commas are its own.
            ("description", _) => member += &value.to_string(),
            _ => write(value, indent + 1, &mut member),
        }
        members.push(member);
    }
    assert_eq!(members.len(), object.len(), "a new keyword in {object:?}");
    let end = &inner[..inner.len() - if is_flat { 0 } else { 2 }];
    *text += &format!("{{{}{end}}}", members.join(","));
}

fn write_properties(properties: &Map<String, Value>, indent: usize, text: &mut String) {
    let is_fields = |fields: &[&str]| {
        fields.len() == properties.len()
            && fields.iter().all(|field| properties.contains_key(*field))
    };
    let (_, fields) = RECORDS
        .into_iter()
        .find(|(_, fields)| is_fields(fields))
        .unwrap();
    let inner = "  ".repeat(indent + 1);
    let members = fields.iter().map(|field| {
        let mut member = format!("\n{inner}\"{field}\": ");
        write(&properties[*field], indent + 1, &mut member);
        member
    });
    let members: Vec<String> = members.collect();
    *text += &format!("{{{}\n{}}}", members.join(","), "  ".repeat(indent));
}

#[test]
fn schema_is_that_of_the_struct() {
    let mut text = String::new();
    write(&derived::<CaptureReport>(), 0, &mut text);
    text.push('\n');
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/report.schema.json");
    if env::var_os("BLESS").is_some() {
        fs::write(file, &text).unwrap();
    }
    assert_eq!(
        fs::read_to_string(file).unwrap(),
        text,
        "BLESS=1 cargo test schema writes the file"
    );
}

/// The doc comments in the WIT: record, field, text.
fn wit_docs() -> Vec<(String, String, String)> {
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/wit/homer-capture.wit");
    let (mut docs, mut record, mut doc) = (Vec::new(), String::new(), Vec::new());
    for line in fs::read_to_string(wit).unwrap().lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            doc.push(text.to_string());
            continue;
        }
        if let Some(name) = line.strip_prefix("record ") {
            record = name.trim_end_matches(" {").to_string();
        } else if let Some((field, _)) = line.split_once(": ") {
            docs.push((record.clone(), field.to_string(), doc.join(" ")));
        }
        doc.clear();
    }
    docs
}

/// Names of fields in backticks are in kebab-case in the WIT.
fn with_kebab_names(description: &str) -> String {
    let parts = description.split('`').enumerate().map(|(number, part)| {
        let is_field = RECORDS.iter().any(|(_, fields)| fields.contains(&part));
        match number % 2 == 1 && is_field {
            true => part.replace('_', "-"),
            false => part.to_string(),
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

#[test]
fn wit_describes_every_field_as_the_struct_does() {
    let docs = wit_docs();
    let schema = derived::<CaptureReport>();
    let redaction = derived::<RedactionSummary>();
    for (record, fields) in RECORDS {
        let properties = match record {
            "capture-report" => &schema["properties"],
            "call-verdict" => &schema["properties"]["verdicts"]["items"]["properties"],
            "cause" => &schema["properties"]["causes"]["items"]["properties"],
            "profile-packets" => &schema["properties"]["profiles"]["items"]["properties"],
            "count" => &schema["properties"]["others"]["items"]["properties"],
            "ladder-entry" => &schema["properties"]["ladder"]["items"]["properties"],
            "media-quality" => &schema["properties"]["quality"]["items"]["properties"],
            "redaction-summary" => &redaction["properties"],
            _ => &schema["properties"]["findings"]["items"]["properties"],
        };
        let in_wit: Vec<(String, String)> = docs
            .iter()
            .filter(|(name, ..)| name == record)
            .map(|(_, field, doc)| (field.clone(), doc.clone()))
            .collect();
        let in_struct = fields.iter().map(|field| {
            let description = properties[field]["description"].as_str().unwrap();
            (field.replace('_', "-"), with_kebab_names(description))
        });
        let in_struct: Vec<(String, String)> = in_struct.collect();
        assert_eq!(in_wit, in_struct, "record {record}");
    }
}
