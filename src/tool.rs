//! The tool as an MCP model reads it: names, words, schemas, and the JSON shape of a result.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Value, json};

use crate::{CallId, CaptureReport, ExportError, MEDIA_TYPE};

/// The tool's name.
pub const NAME: &str = "homer_export_pcap";

/// The tool's title.
pub const TITLE: &str = "Export SIP call as pcap";

/// The limits that the tool's words state, from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest window in hours, inclusive.
    pub max_window_hours: u32,
    /// Largest capture attached to a result, in bytes, inclusive.
    pub inline_bytes: u64,
}

/// Where the bytes of a capture went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// In the same MCP result, as an embedded resource with this URI.
    Embedded {
        /// The resource's URI.
        uri: &'a str,
    },
    /// Into a file.
    File {
        /// Its path.
        path: &'a str,
    },
    /// To standard output.
    Stdout,
}

/// The JSON shape of a finished export, the same for `--json` and for MCP's structured content; without the bytes. Cut the
/// report down first where a model is to read it ([`CaptureReport::fitted`]). `sha256` is that of the capture file, in lower-case hexadecimal.
pub fn result(filename: &str, sha256: &str, report: &CaptureReport, delivery: Delivery<'_>) -> Value {
    let mut result = json!({
        "summary": report.summary(),
        "filename": filename,
        "mime_type": MEDIA_TYPE,
        "size_bytes": report.size_bytes,
        "sha256": sha256,
        "report": report.to_json(),
    });
    let (name, place) = match delivery {
        Delivery::Embedded { uri } => ("embedded", Some(("resource_uri", uri))),
        Delivery::File { path } => ("file", Some(("file_path", path))),
        Delivery::Stdout => ("stdout", None),
    };
    result["delivery"] = name.into();
    if let Some((key, place)) = place {
        result[key] = place.into();
    }
    result
}

/// The URI of a capture, `homer-pcap:///{callid}{?from_ts,to_ts}`: the query itself, so that it means the same everywhere.
pub fn resource_uri(call_id: &CallId, from_ts: i64, to_ts: i64) -> String {
    let mut uri = "homer-pcap:///".to_string();
    for byte in call_id.as_str().bytes() {
        // RFC 3986 §2.3: the unreserved characters; everything else is escaped.
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str(&format!("?from_ts={from_ts}&to_ts={to_ts}"));
    uri
}

/// The query in such a URI: Call-ID, start and end. The order of the two parameters does not matter.
///
/// # Errors
/// `invalid-request` if it is not of that form.
pub fn query_of_uri(uri: &str) -> Result<(CallId, i64, i64), ExportError> {
    let malformed = |why: &str| {
        ExportError::InvalidRequest(format!(
            "the resource URI {why}; the form is homer-pcap:///<Call-ID, percent-encoded>?from_ts=<ms>&to_ts=<ms>"
        ))
    };
    let rest = uri.strip_prefix("homer-pcap:///").ok_or_else(|| malformed("does not begin with homer-pcap:///"))?;
    let (path, query) = rest.split_once('?').ok_or_else(|| malformed("has no query"))?;
    let call_id = decoded(path).ok_or_else(|| malformed("has a Call-ID that is not percent-encoded UTF-8"))?;
    let (mut from_ts, mut to_ts) = (None, None);
    for parameter in query.split('&') {
        let slot = match parameter.split_once('=') {
            Some(("from_ts", value)) => (&mut from_ts, value),
            Some(("to_ts", value)) => (&mut to_ts, value),
            _ => return Err(malformed("has another parameter than from_ts and to_ts")),
        };
        let value = slot.1.parse().map_err(|_| malformed("has a time that is no whole number"))?;
        if slot.0.replace(value).is_some() {
            return Err(malformed("has a parameter twice"));
        }
    }
    match (from_ts, to_ts) {
        (Some(from_ts), Some(to_ts)) => Ok((CallId::parse(&call_id)?, from_ts, to_ts)),
        _ => Err(malformed("lacks from_ts or to_ts")),
    }
}

/// Percent-encoded text (RFC 3986 §2.1), or none if it is not well-formed or not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first == b'%' {
            let (digits, behind) = rest.split_at_checked(2)?;
            rest = behind;
            // `from_str_radix` takes a sign as well.
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            bytes.push(u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?);
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The definition of the tool as `tools/list` returns it.
pub fn definition(limits: Limits) -> Value {
    json!({
        "name": NAME,
        "title": TITLE,
        "description": description(limits),
        "inputSchema": input_schema(limits),
        "outputSchema": output_schema(),
        "annotations": {
            "title": TITLE,
            "readOnlyHint": true,
            "destructiveHint": false,
            "idempotentHint": true,
            "openWorldHint": false,
        },
    })
}

fn description(limits: Limits) -> String {
    format!(
        "Export the captured SIP messages of one call from Homer as a pcap file that opens in Wireshark or tshark, checked \
         to the last byte, with a report of what it holds: message ladder, completeness, and findings such as malformed \
         headers. Use it when the exact packets matter: malformed headers, odd encodings, retransmission timing, \
         evidence for another team. Do not use it to find a call: get the Call-ID and time window \
         first from a search or call-flow tool if one is connected (for example homer_get_call_flow), or from the user.\n\
         \n\
         Only reads from Homer, with the server's own credentials; nothing is written or deleted there. One export asks \
         Homer once per profile, at most three times, and is usually answered within seconds; long calls are slower, and \
         cancellation is supported. Captures up to {inline} are attached as a base64 binary resource, so packet bytes never \
         fill the conversation; larger ones are refused with an error that says what to do. A pcap holds phone numbers, IP \
         addresses and possibly SIP credentials: treat it as sensitive.\n\
         \n\
         If Homer has nothing for that Call-ID in that window, the call fails with an explanation rather than an empty \
         file: check that both times are in milliseconds and widen the window. Rejected credentials, an unreachable Homer \
         and broken replies are also reported as errors that say what to change.",
        inline = size(limits.inline_bytes),
    )
}

fn input_schema(limits: Limits) -> Value {
    // JSON numbers are exact to 2^53 - 1. The bounds are wider than what is accepted, so that seconds and microseconds
    // reach us and are answered with the right number.
    let max_exact = 9_007_199_254_740_991_u64;
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "callid": {
                "type": "string",
                "title": "SIP Call-ID",
                "description": "Value of the SIP Call-ID header exactly as captured: case-sensitive, including any @host \
                    part, without the header name, added quotes or wildcards. One call per request; for a call that crossed \
                    a B2BUA, export each leg's own Call-ID.",
                "minLength": 1,
                "maxLength": CallId::MAX_CHARS,
                "examples": ["a84b4c76e66710@pc33.atlanta.example.com"],
            },
            "from_ts": {
                "type": "integer",
                "title": "Window start (Unix ms)",
                "description": "Start of the search window, inclusive, as Unix time in milliseconds UTC (13 digits today, \
                    not seconds). Start a little before the call, for example 60000 ms, to allow for clock skew between \
                    capture agents.",
                "minimum": 0,
                "maximum": max_exact,
                "examples": [1_763_805_600_000_u64],
            },
            "to_ts": {
                "type": "integer",
                "title": "Window end (Unix ms)",
                "description": format!(
                    "End of the search window, inclusive, as Unix time in milliseconds UTC. Must be later than from_ts, and \
                     no more than {} hours later.",
                    limits.max_window_hours
                ),
                "minimum": 0,
                "maximum": max_exact,
                "examples": [1_763_809_200_000_u64],
            },
        },
        "required": ["callid", "from_ts", "to_ts"],
        "additionalProperties": false,
    })
}

fn output_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "summary": { "type": "string", "description": "One-line result to show the user." },
            "filename": {
                "type": "string",
                "description": "Suggested file name ending in .pcap, safe on all platforms.",
            },
            "mime_type": { "type": "string", "const": MEDIA_TYPE, "description": "The media type of pcap files." },
            "size_bytes": { "type": "integer", "minimum": 40, "description": "Size of the pcap in bytes, before base64." },
            "sha256": {
                "type": "string",
                "pattern": "^[0-9a-f]{64}$",
                "description": "SHA-256 of the pcap bytes, lower-case hex.",
            },
            "delivery": {
                "type": "string",
                "enum": ["embedded"],
                "description": "Where the bytes are: embedded as a base64 blob in this result.",
            },
            "resource_uri": {
                "type": "string",
                "format": "uri",
                "description": "Names the embedded pcap; carries the query.",
            },
            "report": report_schema(),
        },
        "required": ["summary", "filename", "mime_type", "size_bytes", "sha256", "delivery", "resource_uri", "report"],
        "additionalProperties": false,
    })
}

/// The schema of [`CaptureReport::to_json`].
fn report_schema() -> Value {
    let integer = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    let maybe =
        |kind: &str, text: &str| json!({ "type": kind, "description": format!("{text} Left out if there is none.") });
    let text = |description: &str| json!({ "type": "string", "description": description });
    let flag = |description: &str| json!({ "type": "boolean", "description": description });
    let list = |items: Value, description: &str| json!({ "type": "array", "items": items, "description": description });
    let texts = |description: &str| list(json!({ "type": "string" }), description);
    let count = object(&[("name", text("Of what.")), ("count", integer("How many."))], &[], "A count.");
    let ladder_entry = object(
        &[
            ("packet", integer("Number of the packet record, counted from 1.")),
            ("source", text("Address and port.")),
            ("destination", text("Address and port.")),
            ("directed", flag("False where the file does not say which of the two sent the message.")),
            ("line", text("Method and URI, or status and reason.")),
            ("cseq", text("CSeq; empty if malformed.")),
        ],
        &[
            ("after_us", maybe("integer", "Microseconds after the earliest packet.")),
            ("call", maybe("integer", "Which of call_ids, counted from 0.")),
            ("repeats", maybe("integer", "The earlier packet that this one repeats byte for byte.")),
        ],
        "One SIP message.",
    );
    let finding = object(
        &[
            ("packet", integer("Number of the packet record, counted from 1.")),
            ("code", text("What it is, for programs.")),
            ("text", text("What it is, in one sentence.")),
            ("rule", text("The rule that is broken: document and section.")),
        ],
        &[("offset", maybe("integer", "Where in the message, in bytes from its beginning."))],
        "Something odd.",
    );
    object(
        &[
            ("size_bytes", integer("Bytes of the capture file.")),
            ("packets", integer("Packet records.")),
            ("sip_messages", integer("Those that are SIP messages.")),
            ("other_packets", integer("The others.")),
            ("others", list(count.clone(), "What the others are: RTCP as JSON, log lines, and so on.")),
            ("undated_packets", integer("Packet records dated 1970: Homer had no capture time for them.")),
            ("profile", text("The Homer search profile that answered.")),
            ("api", integer("The generation of Homer's API that answered.")),
            ("call_ids", texts("Call-IDs of the SIP messages.")),
            ("missing_call_ids", texts("Call-IDs that were asked for, and that no packet carries.")),
            ("other_call_ids", texts("Call-IDs that were not asked for: other legs, as Homer correlates them.")),
            ("warnings", texts("Texts about the capture as a whole.")),
            ("participants", texts("Addresses with ports that messages ran between.")),
            ("transports", texts("Transports that the topmost Via fields name; as captured, it is not in the file.")),
            ("requests", list(count.clone(), "Requests by method.")),
            ("responses", list(count, "Responses by status.")),
            ("retransmissions", integer("Messages that were sent again.")),
            ("duplicates", integer("Messages that two capture agents saw.")),
            ("complete", flag("Whether the capture has the whole call, from its first request to its end.")),
            ("incomplete_because", texts("Why not: a code, a colon, a sentence.")),
            ("lower_bounds", flag("Whether counts and lists are lower bounds, since the capture has too much.")),
            ("ladder", list(ladder_entry, "The messages in order, the middle left out if there are too many.")),
            ("ladder_elided", integer("Messages left out in the middle of the ladder.")),
            ("findings", list(finding, "What is odd.")),
            ("findings_elided", integer("Findings left out.")),
        ],
        &[
            ("first_packet_us", maybe("integer", "Earliest time of the other packets, Unix time in microseconds.")),
            ("last_packet_us", maybe("integer", "Latest time of the other packets, Unix time in microseconds.")),
            ("final_status", maybe("integer", "Status of the call's final answer.")),
            ("ringing_after_us", maybe("integer", "Microseconds from the first request to the first 18x.")),
            ("final_after_us", maybe("integer", "Microseconds from the first request to the final answer.")),
            ("ended_with", maybe("string", "BYE, CANCEL, or the status that refused the INVITE.")),
            ("ended_by", maybe("string", "The address that sent it.")),
        ],
        "What the capture holds.",
    )
}

/// The schema of an object with these properties, and possibly those.
fn object(required: &[(&str, Value)], optional: &[(&str, Value)], description: &str) -> Value {
    let properties: serde_json::Map<String, Value> =
        required.iter().chain(optional).map(|(name, schema)| ((*name).to_string(), schema.clone())).collect();
    let required: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A number of bytes for a sentence: in KiB or MiB where it is a whole number of them.
pub fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    match bytes {
        b if b >= MIB && b.is_multiple_of(MIB) => format!("{} MiB", b / MIB),
        b if b >= KIB && b.is_multiple_of(KIB) => format!("{} KiB", b / KIB),
        b => format!("{b} bytes"),
    }
}
