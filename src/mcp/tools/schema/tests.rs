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

use crate::CallId;
use crate::mcp::tools::export_pcap::ExportResult;
use crate::mcp::tools::find_calls::FindResult;
use crate::mcp::tools::read_message::{MAX_BYTES, MessageView};
use crate::mcp::tools::tool_failure::ExportArguments;
use crate::query::{MAX_CALL_IDS, MAX_PROFILES};
use crate::search::MAX_TEXT;

/// Largest integer that every JSON implementation represents exactly (RFC 8259 §6). The bounds of
/// the times are wider than what is accepted: seconds or microseconds pass the client's check, and
/// our error then tells the model the right number.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// The arguments of `homer_export_pcap`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "for the schema alone; arguments.rs parses")]
struct ExportPcapArguments {
    /// Value of the SIP Call-ID header exactly as captured: case-sensitive, including any @host
    /// part, without the header name, added quotes or wildcards. For a call that crossed a B2BUA,
    /// pass the Call-IDs of the other legs as also_callids.
    #[schemars(title = "SIP Call-ID", length(min = 1, max = CallId::MAX_CHARS))]
    #[schemars(example = "a84b4c76e66710@pc33.atlanta.example.com")]
    callid: String,
    /// Call-IDs of further legs of the same call, for example behind a B2BUA, at most 99. Their
    /// messages go into the same capture, and the report judges each leg.
    #[schemars(title = "Further Call-IDs", with = "Vec<String>")]
    #[schemars(extend("maxItems" = MAX_CALL_IDS - 1))]
    #[schemars(extend("examples" = [["b7d1@192.0.2.20"]]), skip_serializing_if = "Option::is_none")]
    also_callids: Option<Vec<String>>,
    /// Start of the search window, inclusive: Unix time in milliseconds, UTC (13 digits today, not
    /// seconds), RFC 3339 with an offset, or relative to now in d, h, m, s, such as -2h. Start a
    /// little before the call, for example 60000 ms, to allow for clock skew between capture
    /// agents.
    #[schemars(title = "Window start", schema_with = "instant")]
    #[schemars(
        example = 1_763_805_600_000_u64,
        example = "2025-11-22T10:00:00Z",
        example = "-2h"
    )]
    from_ts: u64,
    /// Replaced by a sentence with the longest window.
    #[schemars(title = "Window end", schema_with = "instant")]
    #[schemars(
        example = 1_763_809_200_000_u64,
        example = "2025-11-22T11:00:00Z",
        example = &"now"
    )]
    to_ts: u64,
    /// Homer's search profiles to search, in the form <HEP id>_<name>, at most 8. Leave it out to
    /// search 1_call, 1_registration and 1_default, which have all SIP messages unless the operator
    /// added profiles. Pass one if a warning of the report names it.
    #[schemars(title = "Search profiles", with = "Vec<String>")]
    #[schemars(extend("maxItems" = MAX_PROFILES))]
    #[schemars(extend("examples" = [["1_default"]]), skip_serializing_if = "Option::is_none")]
    profiles: Option<Vec<String>>,
}

/// The arguments of `homer_read_message`.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
#[expect(dead_code, reason = "for the schema alone; arguments.rs parses")]
struct ReadMessageArguments {
    #[serde(flatten)]
    call: ExportPcapArguments,
    /// Number of the packet in the capture, counted from 1, as in the report's ladder and findings.
    #[schemars(title = "Packet number", range(min = 1, max = MAX_EXACT), example = 1)]
    packet: u64,
    /// text: with escapes for every byte that is not printable, so that line ends, NUL and invalid
    /// UTF-8 are visible. hex: a dump with offsets, for findings that state a byte offset.
    #[schemars(title = "Format", with = "String", extend("enum" = ["text", "hex"]))]
    #[schemars(extend("default" = "text"), skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    /// First byte of the message to show, counted from 0. One result shows at most 4096 bytes; its
    /// next_offset is the offset of the next part.
    #[schemars(title = "First byte", with = "u64", range(min = 0, max = MAX_EXACT))]
    #[schemars(extend("default" = 0), skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
}

/// The arguments of `homer_find_calls`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "for the schema alone; find_calls.rs parses")]
struct FindCallsArguments {
    /// Start of the search window, inclusive: Unix time in milliseconds, UTC (13 digits today, not
    /// seconds), RFC 3339 with an offset, or relative to now in d, h, m, s, such as -2h. The call
    /// must begin in the window.
    #[schemars(title = "Window start", schema_with = "instant")]
    #[schemars(
        example = 1_763_805_600_000_u64,
        example = "2025-11-22T10:00:00Z",
        example = "-2h"
    )]
    from_ts: u64,
    /// Replaced by a sentence with the longest window.
    #[schemars(title = "Window end", schema_with = "instant")]
    #[schemars(
        example = 1_763_809_200_000_u64,
        example = "2025-11-22T11:00:00Z",
        example = &"now"
    )]
    to_ts: u64,
    /// Caller: user part of the From header field. Telephone numbers of six digits or more are
    /// compared by their end, without +, 00 or a national 0. * stands for any text.
    #[schemars(title = "Caller", with = "String", length(min = 1, max = MAX_TEXT))]
    #[schemars(example = "+15550123", skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    /// Callee: user part of the To header field, as in caller.
    #[schemars(title = "Callee", with = "String", length(min = 1, max = MAX_TEXT))]
    #[schemars(example = &"bob", skip_serializing_if = "Option::is_none")]
    callee: Option<String>,
    /// Caller or callee, if it is not known which. Not together with either of them.
    #[schemars(title = "Caller or callee", with = "String", length(min = 1, max = MAX_TEXT))]
    #[schemars(example = "5550123", skip_serializing_if = "Option::is_none")]
    party: Option<String>,
    /// Method of the request that begins the call, for example REGISTER for registrations.
    #[schemars(title = "Method", with = "String", length(min = 1, max = 32))]
    #[schemars(extend("default" = "INVITE"), skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Final status of the call, or a class of them.
    #[schemars(title = "Final status", with = "String", extend("examples" = ["486", "5xx"]))]
    #[schemars(length(min = 1, max = 3), skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    /// IP address that sent the request, without a port.
    #[schemars(title = "Source IP", with = "String", length(min = 1, max = MAX_TEXT))]
    #[schemars(example = "192.0.2.10", skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// IP address that received the request, without a port.
    #[schemars(title = "Destination IP", with = "String", length(min = 1, max = MAX_TEXT))]
    #[schemars(example = "192.0.2.20", skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    /// User-Agent header field of the request, case-sensitive. * stands for any text.
    #[schemars(title = "User-Agent", with = "String", length(min = 1, max = MAX_TEXT))]
    #[schemars(example = "Softphone/*", skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    /// Beginning of the Call-ID, case-sensitive.
    #[schemars(title = "Call-ID prefix", with = "String", length(min = 1, max = MAX_TEXT))]
    #[schemars(example = &"a84b4c76", skip_serializing_if = "Option::is_none")]
    callid_prefix: Option<String>,
}

/// The numbers stand in the descriptions of `offset`, `profiles` and `also_callids`.
const _: () = assert!(MAX_BYTES == 4096 && MAX_PROFILES == 8 && MAX_CALL_IDS == 100);

/// A point in time in any form of `parse_instant`.
// `anyOf` of two types: Gemini's function declarations refuse `oneOf` and lists of types, and
// clients that compare arguments with the schema must accept integers.
fn instant(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": MAX_EXACT},
            {"type": "string"},
        ],
    })
}

/// The output schema of `homer_export_pcap`: the result of an export, or of a failed one what to
/// export instead. Some clients compare failed results with the schema as well.
fn or_suggestion(schema: &mut Schema, suggestion: Value) {
    let exported = schema.remove("required");
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    let properties = properties.expect("properties");
    properties.insert(String::from("suggestion"), suggestion);
    let failed = json!({"required": ["suggestion"]});
    let any_of = json!([{"required": exported}, failed]);
    schema.insert(String::from("anyOf"), any_of);
}

/// Removes what some clients reject or misread: formats such as `uint64`, and null as a type of
/// members that are left out instead.
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
        if schema.get("format").is_some_and(|format| format != "uri") {
            schema.remove("format");
        }
        // A description is one line, however its doc comment is wrapped.
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = description.replace('\n', " ");
        }
        transform_subschemas(self, schema);
    }
}

fn check<T: JsonSchema>(name: &str) {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(Simplify)
        .into_generator();
    let mut schema = generator.root_schema_for::<T>();
    schema.remove("title");
    schema.remove("description");
    if name == "export_pcap.output" {
        let mut suggestion = generator.root_schema_for::<ExportArguments<'_>>();
        for member in ["title", "$schema"] {
            suggestion.remove(member);
        }
        let text = "Of a call that failed because Homer has no packets for it: what to export \
                    instead. Arguments of homer_export_pcap, to be passed on as they are.";
        suggestion.insert(String::from("description"), Value::from(text));
        or_suggestion(&mut schema, suggestion.to_value());
    }
    compare(name, &schema);
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
    check::<ExportPcapArguments>("export_pcap.input");
    check::<ExportResult<'_>>("export_pcap.output");
    check::<ReadMessageArguments>("read_message.input");
    check::<MessageView>("read_message.output");
    check::<FindCallsArguments>("find_calls.input");
    check::<FindResult<'_>>("find_calls.output");
}
