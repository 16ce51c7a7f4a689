//! The tool that exports a call: `homer_export_pcap`.

use alloc::format;
use alloc::string::{String, ToString};

use serde_json::{Value, json};

use super::{Delivery, ResultMode, ToolConfig, WindowArguments, resource_uri, size, window_schema};
use crate::report::MAX_JSON;
use crate::{CallId, CaptureReport, ExportError, MEDIA_TYPE};

/// The tool's name.
pub const NAME: &str = "homer_export_pcap";

/// The tool's title.
pub const TITLE: &str = "Export SIP call as pcap";

/// Where the bytes of a capture went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered<'a> {
    /// In the same MCP result, as an embedded resource with this URI.
    Embedded {
        /// The resource's URI.
        uri: &'a str,
    },
    /// Behind this URI, for `resources/read`.
    Linked {
        /// The resource's URI.
        uri: &'a str,
    },
    /// In the same MCP result, as text in base64.
    Text,
    /// Into a file.
    File {
        /// Its path.
        path: &'a str,
    },
    /// To standard output.
    Stdout,
    /// Nowhere: it is larger than what goes along.
    Omitted,
}

/// What goes with a result: the bytes once, if at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// An embedded resource with this URI.
    Blob {
        /// The resource's URI.
        uri: String,
    },
    /// A link to a resource.
    Link {
        /// Its URI.
        uri: String,
        /// Its name.
        filename: String,
        /// Its size in bytes.
        size_bytes: u64,
    },
    /// Text in base64.
    Text,
    /// Nothing: the capture is in a file.
    None,
}

/// The result of a call of the tool, as structured content, and what goes with it. `file` is where
/// the capture is, if not in memory.
///
/// # Errors
/// `too-large` if the capture is in memory and larger than what goes into a message.
pub fn shape(
    terms: &ToolConfig,
    arguments: &WindowArguments,
    sha256: &str,
    report: &CaptureReport,
    file: Option<&str>,
) -> Result<(Value, Attachment), ExportError> {
    let filename = CallId::parse(&arguments.callid)?.filename();
    let report = report.truncated_to(MAX_JSON);
    let uri = resource_uri(arguments);
    let (delivery, attachment) = match (file, terms.delivery(report.size_bytes)) {
        (Some(path), _) => (Delivered::File { path }, Attachment::None),
        (None, Some(Delivery::Embed)) => (
            Delivered::Embedded { uri: &uri },
            Attachment::Blob { uri: uri.clone() },
        ),
        (None, Some(Delivery::Link)) => {
            let (size_bytes, filename) = (report.size_bytes, filename.clone());
            (
                Delivered::Linked { uri: &uri },
                Attachment::Link {
                    uri: uri.clone(),
                    filename,
                    size_bytes,
                },
            )
        }
        (None, Some(Delivery::Text)) => (Delivered::Text, Attachment::Text),
        (None, Some(Delivery::File) | None) => return Err(terms.too_large(report.size_bytes)),
    };
    Ok((result(&filename, sha256, &report, delivery), attachment))
}

/// The result of `homer-export-tool.wasm`: [`result`] with the capture itself as `pcap_base64`, or
/// null with a word on `HOMER_MAX_INLINE_BYTES`, which `inline_bytes` is, if there is none to go
/// along.
pub fn text(
    filename: &str,
    sha256: &str,
    report: &CaptureReport,
    pcap_base64: Option<String>,
    inline_bytes: u64,
) -> String {
    let delivery = if pcap_base64.is_some() {
        Delivered::Text
    } else {
        Delivered::Omitted
    };
    let mut result = result(filename, sha256, &report.truncated_to(MAX_JSON), delivery);
    if pcap_base64.is_none() {
        let summary = format!(
            "{}; the capture itself is larger than {} and does not go along: HOMER_MAX_INLINE_BYTES raises that limit, a \
             narrower window may do without, and the command line homer-export saves captures of any size",
            report.summary(),
            size(inline_bytes)
        );
        result["summary"] = summary.into();
    }
    result["pcap_base64"] = pcap_base64.into();
    result.to_string()
}

/// The JSON shape of a finished export, the same for `--json` and for MCP's structured content;
/// without the bytes. Cut the report down first where a model is to read it
/// ([`CaptureReport::truncated_to`]). `sha256` is that of the capture file, in lower-case hexadecimal.
pub fn result(
    filename: &str,
    sha256: &str,
    report: &CaptureReport,
    delivery: Delivered<'_>,
) -> Value {
    let mut result = json!({
        "summary": report.summary(),
        "filename": filename,
        "mime_type": MEDIA_TYPE,
        "size_bytes": report.size_bytes,
        "sha256": sha256,
        "report": report.to_json(),
    });
    let (name, place) = match delivery {
        Delivered::Embedded { uri } => ("embedded", Some(("resource_uri", uri))),
        Delivered::Linked { uri } => ("link", Some(("resource_uri", uri))),
        Delivered::Text => ("base64", None),
        Delivered::File { path } => ("file", Some(("file_path", path))),
        Delivered::Stdout => ("stdout", None),
        Delivered::Omitted => ("withheld", None),
    };
    result["delivery"] = name.into();
    if let Some((key, place)) = place {
        result[key] = place.into();
    }
    result
}

/// The definition of the tool as `tools/list` returns it.
pub fn definition(terms: &ToolConfig) -> Value {
    json!({
        "name": NAME,
        "title": TITLE,
        "description": description(terms),
        "inputSchema": window_schema(terms.max_window_hours, &[], &[]),
        "outputSchema": output_schema(terms),
        "annotations": {
            "title": TITLE,
            // A file is written where the operator said so, and never over another.
            "readOnlyHint": !terms.writes_files(),
            "destructiveHint": false,
            "idempotentHint": !terms.writes_files(),
            "openWorldHint": false,
        },
    })
}

fn description(terms: &ToolConfig) -> String {
    let written = match terms.writes_files() {
        true => {
            "Homer is only read, with the server's own credentials; the file is new, and none is replaced or deleted."
        }
        false => {
            "Only reads from Homer, with the server's own credentials; nothing is written or deleted."
        }
    };
    format!(
        "Export the captured SIP messages of one call from Homer as a pcap file that opens in Wireshark or tshark, checked \
         to the last byte, with a report of what it holds: message ladder, completeness, and findings such as malformed \
         headers. Use it when the exact packets matter: odd encodings, retransmission timing, evidence for another team. Do \
         not use it to find a call: get the Call-ID and time window first from a search tool if one is connected (for \
         example homer_search_calls), or from the user. To look at one message of the ladder, use {message}.\n\
         \n\
         {written} One export asks Homer once per profile, at most three times, and is usually answered within seconds; long \
         calls are slower{progress}. {delivery} A pcap holds phone numbers, IP addresses \
         and possibly SIP credentials: treat it as sensitive.\n\
         \n\
         If Homer has nothing for that Call-ID in that window, the call fails with an explanation rather than an empty file: \
         check that both times are in milliseconds and widen the window. Rejected credentials, an unreachable Homer and \
         captures over the size limit are also reported as errors that say what to change.",
        message = super::message::NAME,
        progress = if terms.one_request {
            ""
        } else {
            ", and progress and cancellation are supported"
        },
        delivery = delivery(terms),
    )
}

/// Where the bytes go, in words.
fn delivery(terms: &ToolConfig) -> String {
    let (inline, read) = (size(terms.inline_bytes), size(terms.read_bytes));
    match terms.mode {
        ResultMode::Auto if terms.output_dir => {
            "The capture is saved in a file on the server's machine.".to_string()
        }
        ResultMode::Auto => format!(
            "Captures up to {inline} are attached as a base64 binary resource, larger ones up to {read} come as a resource link \
             for resources/read, so that packet bytes never fill the conversation."
        ),
        ResultMode::Embed => {
            format!("Captures up to {read} are attached as a base64 binary resource.")
        }
        ResultMode::Link => {
            format!("Captures up to {read} come as a resource link for resources/read.")
        }
        ResultMode::File => "The capture is saved in a file on the server's machine.".to_string(),
        ResultMode::Base64 => format!("Captures up to {read} are attached as base64 text."),
    }
}

fn output_schema(terms: &ToolConfig) -> Value {
    let ways: &[&str] = match terms.mode {
        ResultMode::Auto if terms.output_dir => &["file"],
        ResultMode::Auto => &["embedded", "link"],
        ResultMode::Embed => &["embedded"],
        ResultMode::Link => &["link"],
        ResultMode::File => &["file"],
        ResultMode::Base64 => &["base64"],
    };
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
                "enum": ways,
                "description": "Where the bytes are: embedded as a base64 blob in this result, behind resource_uri for \
                    resources/read (link), in file_path (file), or as text in base64.",
            },
            "resource_uri": {
                "type": "string",
                "format": "uri",
                "description": "Names the pcap and carries the query; give it to resources/read for the bytes. Left out for a \
                    file.",
            },
            "file_path": {
                "type": "string",
                "description": "Absolute path on the server's machine; left out unless delivery is file.",
            },
            "report": report_schema(),
        },
        "required": ["summary", "filename", "mime_type", "size_bytes", "sha256", "delivery", "report"],
        "additionalProperties": false,
    })
}

/// The schema of [`CaptureReport::to_json`].
fn report_schema() -> Value {
    serde_json::from_slice(crate::report::SCHEMA.as_bytes()).unwrap_or_default()
}
