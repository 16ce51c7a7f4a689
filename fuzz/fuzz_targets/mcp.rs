//! Any request to the MCP server of one request: an answer that is JSON, whatever the capture turns
//! out to be, and no panic. The first line of the input is header fields, separated by tabs, name
//! and value by a colon; the rest is the body.
#![no_main]

use homer_export::mcp::{Body, Head, Reply, Server, Step, Wanted};
use homer_export::tool::{ResultMode, ToolConfig};
use homer_export::{CallerPolicy, CaptureReport, ExportError};
use libfuzzer_sys::fuzz_target;

const TERMS: ToolConfig = ToolConfig {
    max_window_hours: 24,
    mode: ResultMode::Auto,
    inline_bytes: 100,
    read_bytes: 1000,
    output_dir: false,
    one_request: true,
};

fn assert_json(reply: Reply) {
    assert!((200..500).contains(&reply.status));
    let text = match reply.body {
        Body::Empty => return,
        Body::Text(text) => text,
        Body::Capture { head, tail } => format!("{head}AAAA{tail}"),
    };
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(http_auth) = CallerPolicy::new(None, Some("1"), None, false) else { return };
    let server = Server { http_auth, terms: TERMS };
    let (first, body) = bytes.iter().position(|byte| *byte == b'\n').map_or((&b""[..], bytes), |at| bytes.split_at(at));
    let fields = first.split(|byte| *byte == b'\t').filter_map(|field| {
        let colon = field.iter().position(|byte| *byte == b':')?;
        Some((String::from_utf8_lossy(&field[..colon]).into_owned(), field[colon + 1..].to_vec()))
    });
    let head = Head { method: "POST".to_string(), fields: fields.collect() };
    let _ = server.admit(&head);
    match server.step(&head, body) {
        Step::Reply(reply) => assert_json(reply),
        Step::Export(export) => {
            assert_json(export.failed(&ExportError::NothingCaptured("nothing".to_string())));
            if !matches!(export.wanted(), Wanted::Message(_)) {
                for size_bytes in [100, 101, 1001] {
                    let report = CaptureReport { size_bytes, ..CaptureReport::default() };
                    assert_json(export.exported(&TERMS, "00", &report));
                }
            }
        }
    }
});
