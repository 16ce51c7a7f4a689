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
use schemars::{JsonSchema, Schema};
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::CallId;
use crate::mcp::tools::export_pcap::ExportResult;
use crate::mcp::tools::read_message::{MAX_BYTES, MessageView};
use crate::query::MAX_PROFILES;

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
    /// part, without the header name, added quotes or wildcards. One call per request; for a call
    /// that crossed a B2BUA, export each leg's own Call-ID.
    #[schemars(title = "SIP Call-ID", length(min = 1, max = CallId::MAX_CHARS))]
    #[schemars(example = "a84b4c76e66710@pc33.atlanta.example.com")]
    callid: String,
    /// Start of the search window, inclusive, as Unix time in milliseconds, UTC (13 digits today,
    /// not seconds). Start a little before the call, for example 60000 ms, to allow for clock skew
    /// between capture agents.
    #[schemars(title = "Window start (Unix ms)", range(min = 0, max = MAX_EXACT))]
    #[schemars(example = 1_763_805_600_000_u64)]
    from_ts: u64,
    /// Replaced by a sentence with the longest window.
    #[schemars(title = "Window end (Unix ms)", range(min = 0, max = MAX_EXACT))]
    #[schemars(example = 1_763_809_200_000_u64)]
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

/// The numbers stand in the descriptions of `offset` and `profiles`.
const _: () = assert!(MAX_BYTES == 4096 && MAX_PROFILES == 8);

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
}
