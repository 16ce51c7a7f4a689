//! The MCP server of one request at a time: what it says before any capture is needed.

use homer_export::mcp::{Body, Head, Reply, Server, Step, Wanted};
use homer_export::tool::{ResultMode, ToolConfig, WindowArguments};
use homer_export::{CallerPolicy, CaptureReport, ExportError};
use proptest::prelude::*;
use serde_json::{Value, json};

const TERMS: ToolConfig = ToolConfig {
    max_window_hours: 24,
    mode: ResultMode::Auto,
    inline_bytes: 100,
    read_bytes: 1000,
    output_dir: false,
    one_request: true,
};

fn server() -> Server {
    Server {
        http_auth: CallerPolicy::new(None, Some("1"), None, false).unwrap(),
        terms: TERMS,
    }
}

fn head(fields: &[(&str, &str)]) -> Head {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_string(), value.as_bytes().to_vec()));
    Head {
        method: "POST".to_string(),
        fields: fields.collect(),
    }
}

/// The header fields of a request of the stateless protocol.
fn stateless(method: &str, name: Option<&str>) -> Head {
    let mut fields = vec![
        ("mcp-protocol-version", "2026-07-28"),
        ("MCP-METHOD", method),
    ];
    fields.extend(name.map(|name| ("Mcp-Name", name)));
    head(&fields)
}

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// Status and message of a reply.
fn shown(reply: Reply) -> (u16, Value) {
    match reply.body {
        Body::Text(text) => (reply.status, serde_json::from_str(&text).unwrap()),
        Body::Empty => (reply.status, Value::Null),
        Body::Capture { head, tail } => (
            reply.status,
            serde_json::from_str(&format!("{head}AAAA{tail}")).unwrap(),
        ),
    }
}

fn reply(head: &Head, message: &Value) -> (u16, Value) {
    match server().step(head, message.to_string().as_bytes()) {
        Step::Reply(reply) => shown(reply),
        Step::Export(export) => panic!("{export:?}"),
    }
}

fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

#[test]
fn mcp_discovers_what_it_speaks() {
    let (status, answer) = reply(
        &stateless("server/discover", None),
        &request("server/discover", json!({ "_meta": meta() })),
    );
    let result = &answer["result"];
    assert_eq!(
        (status, &answer["id"], &result["resultType"]),
        (200, &json!(7), &json!("complete"))
    );
    assert!(
        result["supportedVersions"]
            .as_array()
            .unwrap()
            .contains(&json!("2026-07-28"))
    );
    assert_eq!(
        result["capabilities"],
        json!({ "tools": {}, "resources": {} })
    );
    assert_eq!(
        (&result["ttlMs"], &result["cacheScope"]),
        (&json!(3_600_000), &json!("public"))
    );
    assert_eq!(
        result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
        "homer-export-mcp"
    );
}

#[test]
fn mcp_negotiates_with_clients_that_initialize() {
    for (wanted, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let (status, answer) = reply(
            &head(&[]),
            &request("initialize", json!({ "protocolVersion": wanted })),
        );
        assert_eq!(
            (status, &answer["result"]["protocolVersion"]),
            (200, &json!(agreed))
        );
        assert_eq!(answer["result"]["serverInfo"]["name"], "homer-export-mcp");
        // Nothing of the later protocol.
        assert_eq!(answer["result"].get("resultType"), None);
    }
}

#[test]
fn mcp_of_an_era_has_its_own_methods_and_errors() {
    let old = head(&[("MCP-Protocol-Version", "2025-11-25")]);
    assert_eq!(
        reply(&old, &request("ping", json!({}))),
        (200, json!({ "jsonrpc": "2.0", "id": 7, "result": {} }))
    );
    let (status, answer) = reply(&old, &request("server/nonsense", json!({})));
    assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32601)));
    for method in [
        "ping",
        "initialize",
        "initialized",
        "logging/setLevel",
        "prompts/list",
    ] {
        let (status, answer) = reply(
            &stateless(method, None),
            &request(method, json!({ "_meta": meta() })),
        );
        assert_eq!(
            (status, &answer["error"]["code"]),
            (404, &json!(-32601)),
            "{method}"
        );
    }
    let uri = "file:///etc/passwd";
    let (status, answer) = reply(&old, &request("resources/read", json!({ "uri": uri })));
    assert_eq!(
        (
            status,
            &answer["error"]["code"],
            &answer["error"]["data"]["uri"]
        ),
        (200, &json!(-32002), &json!(uri))
    );
    let message = request("resources/read", json!({ "uri": uri, "_meta": meta() }));
    let (status, answer) = reply(&stateless("resources/read", Some(uri)), &message);
    assert_eq!(
        (
            status,
            &answer["error"]["code"],
            &answer["error"]["data"]["uri"]
        ),
        (200, &json!(-32602), &json!(uri))
    );
}

#[test]
fn mcp_wants_header_and_body_to_agree() {
    let call = |meta: Value| {
        request(
            "tools/call",
            json!({ "name": "homer_export_pcap", "arguments": {}, "_meta": meta }),
        )
    };
    let version = ("MCP-Protocol-Version", "2026-07-28");
    let method = ("Mcp-Method", "tools/call");
    for (fields, meta, code) in [
        (
            &[version, method, ("Mcp-Name", "homer_export_pcap")][..],
            meta(),
            None,
        ),
        (
            &[
                version,
                method,
                ("Mcp-Name", "=?base64?aG9tZXJfZXhwb3J0X3BjYXA=?="),
            ],
            meta(),
            None,
        ),
        (
            &[version, method, ("Mcp-Name", "=?base64?!?=")],
            meta(),
            Some(-32020),
        ),
        (
            &[version, method, ("Mcp-Name", "homer_read_message")],
            meta(),
            Some(-32020),
        ),
        (
            &[
                version,
                method,
                ("Mcp-Name", "homer_export_pcap"),
                ("mcp-name", "homer_export_pcap"),
            ],
            meta(),
            Some(-32020),
        ),
        (&[version, method], meta(), Some(-32020)),
        (
            &[
                version,
                ("Mcp-Method", "tools/list"),
                ("Mcp-Name", "homer_export_pcap"),
            ],
            meta(),
            Some(-32020),
        ),
        (&[version], meta(), Some(-32020)),
        (&[method], meta(), Some(-32020)),
        (
            &[("MCP-Protocol-Version", "2025-11-25"), method],
            meta(),
            Some(-32020),
        ),
        (
            &[version, method, ("Mcp-Name", "homer_export_pcap")],
            json!({}),
            Some(-32602),
        ),
        (
            &[version, method],
            json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" }),
            Some(-32602),
        ),
        (
            &[("MCP-Protocol-Version", "2027-01-01")],
            json!({ "io.modelcontextprotocol/protocolVersion": "2027-01-01" }),
            Some(-32022),
        ),
        (
            &[("MCP-Protocol-Version", "2020-01-01")],
            json!({}),
            Some(-32022),
        ),
    ] {
        let (status, answer) = reply(&head(fields), &call(meta));
        let expected = if code.is_some() { 400 } else { 200 };
        assert_eq!(
            (status, answer["error"]["code"].as_i64()),
            (expected, code),
            "{fields:?}: {answer}"
        );
        if code == Some(-32022) {
            assert!(
                answer["error"]["data"]["supported"]
                    .as_array()
                    .unwrap()
                    .contains(&json!("2026-07-28"))
            );
        }
    }
}

#[test]
fn mcp_tells_a_model_what_is_wrong_with_its_arguments() {
    let bad = request(
        "tools/call",
        json!({ "name": "homer_export_pcap", "arguments": { "callid": 5 } }),
    );
    let (status, answer) = reply(&head(&[]), &bad);
    let text = "invalid-request: callid is not a string; pass one Call-ID as a string";
    assert_eq!(
        (status, &answer["result"]["content"][0]["text"]),
        (200, &json!(text))
    );
    assert_eq!(answer["result"]["isError"], json!(true));
    for (params, why) in [
        (json!({}), "tools/call wants the parameter name, a string"),
        (
            json!({ "name": "homer_export_pcap", "arguments": [] }),
            "the arguments are no object",
        ),
        (
            json!({ "name": "x" }),
            "there is no tool \"x\"; there are homer_export_pcap and homer_read_message",
        ),
    ] {
        let (status, answer) = reply(&head(&[]), &request("tools/call", params));
        assert_eq!(
            (status, &answer["error"]),
            (200, &json!({ "code": -32602, "message": why }))
        );
    }
}

#[test]
fn mcp_answers_with_the_id_as_it_came() {
    for id in [
        json!(7),
        json!("a-1"),
        json!(-1),
        json!(u64::MAX),
        json!(""),
    ] {
        let (status, answer) = reply(
            &head(&[]),
            &json!({ "jsonrpc": "2.0", "id": id, "method": "ping", "params": null }),
        );
        assert_eq!((status, &answer["id"]), (200, &id));
        let (status, answer) = reply(
            &head(&[]),
            &json!({ "jsonrpc": "2.0", "id": id, "method": "ping", "params": [] }),
        );
        assert_eq!(
            (status, &answer["id"], &answer["error"]["code"]),
            (400, &id, &json!(-32600))
        );
    }
    for id in ["1.5", "123456789012345678901234567890", "null", "{}"] {
        let text = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}");
        let Step::Reply(answer) = server().step(&head(&[]), text.as_bytes()) else {
            panic!("{id}")
        };
        let (status, answer) = shown(answer);
        assert_eq!(
            (status, &answer["id"], &answer["error"]["code"]),
            (400, &Value::Null, &json!(-32600))
        );
    }
}

/// An export that waits for its capture.
fn waiting(name: &str, params: Value) -> homer_export::mcp::Export {
    match server().step(&head(&[]), request(name, params).to_string().as_bytes()) {
        Step::Export(export) => export,
        Step::Reply(reply) => panic!("{reply:?}"),
    }
}

#[test]
fn mcp_puts_a_capture_where_its_way_says() {
    let window = WindowArguments {
        callid: "a@b".to_string(),
        from_ts: 1,
        to_ts: 2,
    };
    let arguments = json!({ "callid": "a@b", "from_ts": 1, "to_ts": "2" });
    let export = waiting(
        "tools/call",
        json!({ "name": "homer_export_pcap", "arguments": arguments }),
    );
    assert!(matches!(export.wanted(), Wanted::Capture(_)) && *export.window() == window);
    let report = |size_bytes| CaptureReport {
        size_bytes,
        ..CaptureReport::default()
    };
    let uri = "homer-pcap:///a%40b?from_ts=1&to_ts=2";
    for (mode, size, index, expected) in [
        (
            ResultMode::Auto,
            100,
            1,
            json!({ "type": "resource", "resource": { "uri": uri, "blob": "AAAA", "mimeType": "application/vnd.tcpdump.pcap" } }),
        ),
        (
            ResultMode::Auto,
            101,
            1,
            json!({ "type": "resource_link", "uri": uri, "name": "a@b.pcap", "size": 101, "mimeType": "application/vnd.tcpdump.pcap" }),
        ),
        (
            ResultMode::Base64,
            1000,
            1,
            json!({ "type": "text", "text": "AAAA" }),
        ),
        (ResultMode::Embed, 1001, 1, Value::Null),
    ] {
        let terms = ToolConfig { mode, ..TERMS };
        let (status, answer) = shown(export.exported(&terms, "00", &report(size)));
        let result = &answer["result"];
        assert_eq!(
            (status, &result["content"][index]),
            (200, &expected),
            "{answer}"
        );
        assert_eq!(result["isError"] == json!(true), size > 1000);
        if size <= 1000 {
            let text: Value =
                serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
            assert_eq!(
                (&text, &text["size_bytes"]),
                (&result["structuredContent"], &json!(size))
            );
        }
    }
    let read = waiting("resources/read", json!({ "uri": uri }));
    let (_, answer) = shown(read.exported(&TERMS, "00", &report(1000)));
    let contents =
        json!([{ "uri": uri, "mimeType": "application/vnd.tcpdump.pcap", "blob": "AAAA" }]);
    assert_eq!(answer["result"]["contents"], contents);
    let nothing = ExportError::NothingCaptured("nothing".to_string());
    assert_eq!(
        shown(read.failed(&nothing)).1["error"]["code"],
        json!(-32002)
    );
    assert_eq!(
        shown(export.failed(&nothing)).1["result"]["isError"],
        json!(true)
    );
}

proptest! {
    /// Any body, and any header fields: an answer, and no panic.
    #[test]
    fn mcp_answers_whatever_comes(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "\\{\"jsonrpc\":\"2.0\",\"id\":[0-9]{1,3},\"method\":\"(tools/call|resources/read|initialize|ping)\",\"params\":\\{(\"name\":\"\\PC{0,9}\"|\"uri\":\"\\PC{0,9}\"|)\\}\\}".prop_map(String::into_bytes),
        ],
        fields in prop::collection::vec(("(mcp-method|mcp-name|mcp-protocol-version|accept|origin)", prop::collection::vec(any::<u8>(), 0..12)), 0..4),
    ) {
        let head = Head { method: "POST".to_string(), fields };
        let _ = server().admit(&head);
        if let Step::Reply(reply) = server().step(&head, &body) {
            prop_assert!((200..500).contains(&reply.status));
            shown(reply);
        }
    }
}
