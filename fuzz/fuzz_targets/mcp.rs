//! Any request to the MCP server for one HTTP request: the response is JSON, whatever the capture
//! is, and nothing panics. The first line of the input is header fields, separated by tabs, with
//! name and value separated by a colon; the rest is the body.
#![no_main]

use homer_export::mcp::delivery::ResultMode;
use homer_export::mcp::protocol::{HttpBody, HttpResponse, McpServer, RequestOutcome, RequestHead};
use homer_export::mcp::tools::ToolConfig;
use homer_export::search::FoundCalls;
use homer_export::{CallerPolicy, CaptureReport, ExportError};
use libfuzzer_sys::fuzz_target;

const CONFIG: ToolConfig = ToolConfig {
    max_window_hours: 24,
    mode: ResultMode::Auto,
    inline_bytes: 100,
    read_bytes: 1000,
    output_dir: false,
    stateless: true,
};

fn assert_json(response: HttpResponse) {
    assert!((200..500).contains(&response.status));
    let text = match response.body {
        HttpBody::Empty => return,
        HttpBody::Text(text) => text,
        HttpBody::Capture { head, tail } => format!("{head}AAAA{tail}"),
    };
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(callers) = CallerPolicy::new(None, Some("1"), None) else { return };
    let server = McpServer { callers, tools: CONFIG };
    let (first, body) = match bytes.iter().position(|byte| *byte == b'\n') {
        None => (&b""[..], bytes),
        Some(at) => bytes.split_at(at),
    };
    let fields = first.split(|byte| *byte == b'\t').filter_map(|field| {
        let colon = field.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(&field[..colon]).into_owned();
        Some((name, field[colon + 1..].to_vec()))
    });
    let head = RequestHead { method: "POST".to_string(), fields: fields.collect() };
    let _ = server.authorize(&head);
    let nothing = ExportError::nothing_captured("nothing");
    match server.handle(&head, body, 1_795_170_000_000) {
        RequestOutcome::Response(response) => assert_json(response),
        RequestOutcome::Message(pending) => assert_json(pending.fail(&nothing)),
        RequestOutcome::Search(pending) => {
            assert_json(pending.fail(&nothing));
            assert_json(pending.respond(&CONFIG, &FoundCalls::default()));
        }
        RequestOutcome::Capture(pending) => {
            assert_json(pending.fail(&nothing));
            for size_bytes in [100, 101, 1001] {
                let report = CaptureReport { size_bytes, ..CaptureReport::default() };
                assert_json(pending.respond(&CONFIG, "00", &report));
            }
        }
    }
});
