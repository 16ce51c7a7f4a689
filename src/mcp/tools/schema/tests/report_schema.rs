//! The JSON Schema of the report, until [`CaptureReport`](crate::CaptureReport) derives its own.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Value, json};

/// The schema of [`CaptureReport::to_json`].
pub(super) fn report_schema() -> Value {
    let integer =
        |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    let maybe = |kind: &str, text: &str| json!({ "type": kind, "description": format!("{text} Left out if there is none.") });
    let text = |description: &str| json!({ "type": "string", "description": description });
    let flag = |description: &str| json!({ "type": "boolean", "description": description });
    let list = |items: Value, description: &str| json!({ "type": "array", "items": items, "description": description });
    let texts = |description: &str| list(json!({ "type": "string" }), description);
    let count = object(
        &[("name", text("Of what.")), ("count", integer("How many."))],
        &[],
        "A count.",
    );
    let ladder_entry = object(
        &[
            (
                "packet",
                integer("Number of the packet record, counted from 1."),
            ),
            ("source", text("Address and port.")),
            ("destination", text("Address and port.")),
            (
                "directed",
                flag("False where the file does not say which of the two sent the message."),
            ),
            ("line", text("Method and URI, or status and reason.")),
            ("cseq", text("CSeq; empty if malformed.")),
        ],
        &[
            (
                "after_us",
                maybe("integer", "Microseconds after the earliest packet."),
            ),
            (
                "call",
                maybe("integer", "Which of call_ids, counted from 0."),
            ),
            (
                "repeats",
                maybe(
                    "integer",
                    "The earlier packet that this one repeats byte for byte.",
                ),
            ),
        ],
        "One SIP message.",
    );
    let finding = object(
        &[
            (
                "packet",
                integer("Number of the packet record, counted from 1."),
            ),
            ("code", text("What it is, for programs.")),
            ("text", text("What it is, in one sentence.")),
            (
                "rule",
                text("The rule that is broken: document and section."),
            ),
        ],
        &[(
            "offset",
            maybe(
                "integer",
                "Where in the message, in bytes from its beginning.",
            ),
        )],
        "Something odd.",
    );
    object(
        &[
            ("size_bytes", integer("Bytes of the capture file.")),
            ("packets", integer("Packet records.")),
            ("sip_messages", integer("Those that are SIP messages.")),
            ("other_packets", integer("The others.")),
            (
                "others",
                list(
                    count.clone(),
                    "What the others are: RTCP as JSON, log lines, and so on.",
                ),
            ),
            (
                "undated_packets",
                integer("Packet records dated 1970: Homer had no capture time for them."),
            ),
            ("profile", text("The Homer search profile that answered.")),
            (
                "api",
                integer("The generation of Homer's API that answered."),
            ),
            ("call_ids", texts("Call-IDs of the SIP messages.")),
            (
                "missing_call_ids",
                texts("Call-IDs that were asked for, and that no packet carries."),
            ),
            (
                "other_call_ids",
                texts("Call-IDs that were not asked for: other legs, as Homer correlates them."),
            ),
            ("warnings", texts("Texts about the capture as a whole.")),
            (
                "participants",
                texts("Addresses with ports that messages ran between."),
            ),
            (
                "transports",
                texts(
                    "Transports that the topmost Via fields name; as captured, it is not in the \
                     file.",
                ),
            ),
            ("requests", list(count.clone(), "Requests by method.")),
            ("responses", list(count, "Responses by status.")),
            ("retransmissions", integer("Messages that were sent again.")),
            (
                "duplicates",
                integer("Messages that two capture agents saw."),
            ),
            (
                "complete",
                flag("Whether the capture has the whole call, from its first request to its end."),
            ),
            (
                "incomplete_reasons",
                texts("Why not: a code, a colon, a sentence."),
            ),
            (
                "counts_truncated",
                flag("Whether counts and lists are lower bounds, since the capture has too much."),
            ),
            (
                "ladder",
                list(
                    ladder_entry,
                    "The messages in order, the middle left out if there are too many.",
                ),
            ),
            (
                "ladder_elided",
                integer("Messages left out in the middle of the ladder."),
            ),
            ("findings", list(finding, "What is odd.")),
            ("findings_elided", integer("Findings left out.")),
        ],
        &[
            (
                "first_packet_us",
                maybe(
                    "integer",
                    "Earliest time of the other packets, Unix time in microseconds.",
                ),
            ),
            (
                "last_packet_us",
                maybe(
                    "integer",
                    "Latest time of the other packets, Unix time in microseconds.",
                ),
            ),
            (
                "final_status",
                maybe("integer", "Status of the call's final answer."),
            ),
            (
                "ringing_after_us",
                maybe(
                    "integer",
                    "Microseconds from the first request to the first 18x.",
                ),
            ),
            (
                "final_after_us",
                maybe(
                    "integer",
                    "Microseconds from the first request to the final answer.",
                ),
            ),
            (
                "ended_with",
                maybe(
                    "string",
                    "BYE, CANCEL, or the status that refused the INVITE.",
                ),
            ),
            ("ended_by", maybe("string", "The address that sent it.")),
        ],
        "What the capture holds.",
    )
}

/// The schema of an object with these properties, and possibly those.
fn object(required: &[(&str, Value)], optional: &[(&str, Value)], description: &str) -> Value {
    let properties: serde_json::Map<String, Value> = required
        .iter()
        .chain(optional)
        .map(|(name, schema)| ((*name).to_string(), schema.clone()))
        .collect();
    let required: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
