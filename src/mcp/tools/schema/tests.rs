//! Generates the committed schemas, and fails if they are stale. `BLESS=1 cargo test -p
//! homer-export --lib` writes them.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

extern crate std;

use alloc::string::String;
use alloc::vec::Vec;
use std::path::PathBuf;
use std::{format, fs};

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Value, json};

use crate::mcp::tools::export_pcap::ExportResult;
use crate::mcp::tools::export_pcap::compact_report::LEFT_OUT;
use crate::mcp::tools::find_calls::FindResult;
use crate::mcp::tools::read_message::{MAX_BYTES, MessageView};
use crate::mcp::tools::tool_failure::ExportArguments;
use crate::query::{MAX_CALL_IDS, MAX_PROFILES};

// What a client sends for an argument may also be something that the schema does not name: a list
// of one as a text, null for an argument that is left out, or an argument that the tool does not
// have. `arguments.rs` takes all of them, so the schema has no `additionalProperties`: a client
// that compares arguments with it must not refuse what the server accepts.

/// The arguments of `homer_export_pcap`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for the schema alone; arguments.rs parses")]
struct ExportPcapArguments {
    /// SIP Call-ID, exact and case-sensitive, with any @host: a84b4c76e66710@pc33.example.com
    callid: String,
    /// Other legs, e.g. behind a B2BUA, at most 99. Homer by itself adds some of their messages
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    also_callids: Option<Vec<String>>,
    /// Window start, about a minute before the call: 2026-11-20T10:00:00Z, 1795168800000 (Unix ms)
    /// or -2h (from now)
    #[schemars(schema_with = "instant")]
    from_ts: u64,
    /// Replaced by a sentence with the longest window.
    #[schemars(schema_with = "instant")]
    to_ts: u64,
    /// Homer's search profiles, at most 8, e.g. 1_call. Default: those with SIP
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    profiles: Option<Vec<String>>,
}

/// The arguments of `homer_read_message`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for the schema alone; arguments.rs parses")]
struct ReadMessageArguments {
    /// As exported
    callid: String,
    /// As exported
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    also_callids: Option<Vec<String>>,
    /// From the export's result
    #[schemars(schema_with = "instant")]
    from_ts: u64,
    /// Likewise
    #[schemars(schema_with = "instant")]
    to_ts: u64,
    #[schemars(with = "Vec<String>", skip_serializing_if = "Option::is_none")]
    profiles: Option<Vec<String>>,
    /// From ladder or findings
    packet: u64,
    /// Default text
    #[schemars(with = "String", extend("enum" = ["text", "hex"]))]
    #[schemars(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    /// First byte, default 0; up to 4096 are shown
    #[schemars(with = "u64", skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
}

/// The arguments of `homer_find_calls`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for the schema alone; find_calls.rs parses")]
struct FindCallsArguments {
    /// Window start: 2026-11-20T10:00:00Z, Unix ms or -2h (from now)
    #[schemars(schema_with = "instant")]
    from_ts: u64,
    /// Replaced by a sentence with the longest window.
    #[schemars(schema_with = "instant")]
    to_ts: u64,
    /// From user; numbers match by their end; * for any text
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    /// To user, likewise
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    callee: Option<String>,
    /// Either of them
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    party: Option<String>,
    /// Default INVITE
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Final: 486 or 4xx
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    /// IP address
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// IP address
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    /// * for any text
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    callid_prefix: Option<String>,
}

/// The numbers stand in the descriptions of `offset`, `profiles` and `also_callids`.
const _: () = assert!(MAX_BYTES == 4096 && MAX_PROFILES == 8 && MAX_CALL_IDS == 100);

/// A point in time in any form of `parse_instant`.
// `anyOf` of two types: Gemini's function declarations refuse `oneOf` and lists of types, and
// clients that compare arguments with the schema must accept integers.
fn instant(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"anyOf": [{"type": "string"}, {"type": "integer"}]})
}

/// What the output schema of `homer_export_pcap` says about members whose names do not say it. The
/// doc comments of the structs are longer, for people who write programs; a model seldom sees an
/// output schema.
const DESCRIPTIONS: &[(&str, &str)] = &[
    ("/from_ts", "Searched window"),
    (
        "/report/ladder",
        "Packet, seconds, leg, from > to, start line (CSeq), copies",
    ),
    ("/suggestion", "On failure: export this instead"),
];

/// Members whose types the output schemas state although they are always there, and so in
/// `required`. Together with the members that may be absent, and with those that are described,
/// they tell a program what it has to know; a type for each count would double the schemas.
const TYPED: &[&str] = &[
    "calls", "causes", "complete", "ladder", "findings", "report", "delivery",
];

/// Removes the types of the members that are always there.
fn shorten(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(items) = object.get_mut("items") {
        shorten(items);
    }
    // Of any type.
    if object.get("items") == Some(&json!(true)) {
        object.remove("items");
    }
    let required = object.get("required").cloned().unwrap_or_default();
    let required: Vec<&str> = required
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let Some(Value::Object(properties)) = object.get_mut("properties") else {
        return;
    };
    properties.values_mut().for_each(shorten);
    properties.retain(|name, property| {
        !required.contains(&name.as_str())
            || TYPED.contains(&name.as_str())
            || property.get("description").is_some()
    });
    if properties.is_empty() {
        object.remove("properties");
    }
}

/// Members of the report for a model that its schema does not mention. Programs that need them use
/// the whole report.
const UNLISTED: &[&str] = &[
    "outcome_text",
    "first_packet_us",
    "last_packet_us",
    "ringing_after_us",
    "final_after_us",
    "counts_truncated",
    "verdicts",
    "quality",
];

/// Makes the schema of the whole report that of the report for a model.
fn compact_report(report: &mut Value) {
    let is_listed = |name: &str| !LEFT_OUT.contains(&name) && !UNLISTED.contains(&name);
    let report = report.as_object_mut().expect("an object");
    let required = report["required"].as_array_mut().expect("a list");
    required.retain(|name| name.as_str().is_some_and(is_listed));
    let properties = report["properties"].as_object_mut().expect("an object");
    properties.retain(|name, _| is_listed(name));
    properties["ladder"]["items"] = json!({"type": "string"});
    properties["findings"]["items"] = json!({"type": "object", "required": ["packet", "code"]});
}

/// The output schema of `homer_export_pcap`: the result of an export, or of a failed one what to
/// export instead. Some clients compare failed results with the schema as well.
fn or_suggestion(schema: &mut Value) {
    let suggestion = generator().into_root_schema_for::<ExportArguments<'_>>();
    let suggestion = json!({"type": "object", "required": suggestion.get("required")});
    schema["properties"]["suggestion"] = suggestion;
}

/// Removes what some clients reject or misread: formats such as `uint64`, and null as a type of
/// members that are left out instead. And what makes the schemas long without telling a reader
/// more: titles, the dialect (which is the default of MCP since 2025-11-25), and bounds that follow
/// from what is counted.
#[derive(Clone)]
struct Simplify;

impl Transform for Simplify {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
            types.retain(|name| name != "null");
            if let [only] = &types[..] {
                let only = only.clone();
                schema.insert(String::from("type"), only);
            }
        }
        for keyword in ["$schema", "title", "format", "minimum", "maximum"] {
            schema.remove(keyword);
        }
        // A description is one line, however its doc comment is wrapped.
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = description.replace('\n', " ");
        }
        transform_subschemas(self, schema);
    }
}

/// Removes the doc comments.
#[derive(Clone)]
struct WithoutDescriptions;

impl Transform for WithoutDescriptions {
    fn transform(&mut self, schema: &mut Schema) {
        schema.remove("description");
        transform_subschemas(self, schema);
    }
}

/// The member of a schema at a path of names; those of the entries in a list are its own.
fn member<'a>(schema: &'a mut Value, path: &str) -> &'a mut Value {
    let names = path.split('/').skip(1);
    names.fold(schema, |schema, name| {
        let object = match schema.get("items") {
            Some(_) => &mut schema["items"],
            None => schema,
        };
        let member = object.get_mut("properties").and_then(|it| it.get_mut(name));
        member.expect(path)
    })
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(Simplify)
        .into_generator()
}

fn check_input<T: JsonSchema>(tool: &str) {
    let mut schema = generator().into_root_schema_for::<T>();
    schema.remove("description");
    compare(&format!("{tool}.input"), &schema);
}

fn check_output<T: JsonSchema>(tool: &str) {
    let name = format!("{tool}.output");
    let mut schema = generator().into_root_schema_for::<T>();
    WithoutDescriptions.transform(&mut schema);
    let mut schema = schema.to_value();
    if tool == "export_pcap" {
        compact_report(&mut schema["properties"]["report"]);
        or_suggestion(&mut schema);
        for (path, description) in DESCRIPTIONS {
            member(&mut schema, path)["description"] = json!(description);
        }
    }
    shorten(&mut schema);
    if tool == "export_pcap" {
        let object = schema.as_object_mut().expect("an object");
        object.remove("required");
        let exported = ["summary", "size_bytes", "sha256", "delivery", "report"];
        let any_of = json!([{"required": exported}, {"required": ["suggestion"]}]);
        object.insert(String::from("anyOf"), any_of);
    }
    compare(&name, &schema);
}

fn compare(name: &str, schema: &impl serde::Serialize) {
    let mut json = Vec::new();
    // Narrow, since this is also what the component sends.
    let mut serializer = Serializer::with_formatter(&mut json, PrettyFormatter::with_indent(b" "));
    schema.serialize(&mut serializer).expect("JSON");
    json.push(b'\n');
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("src/mcp/tools")
        .join(format!("{name}.schema.json"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &json).expect("written");
    }
    let committed = fs::read(&path).expect("read");
    assert_eq!(
        String::from_utf8_lossy(&committed),
        String::from_utf8_lossy(&json),
        "{} is stale; run BLESS=1 cargo test -p homer-export --lib",
        path.display()
    );
}

#[test]
fn schemas_are_those_of_the_structs() {
    check_input::<ExportPcapArguments>("export_pcap");
    check_output::<ExportResult<'_>>("export_pcap");
    check_input::<ReadMessageArguments>("read_message");
    check_output::<MessageView>("read_message");
    check_input::<FindCallsArguments>("find_calls");
    check_output::<FindResult<'_>>("find_calls");
}
