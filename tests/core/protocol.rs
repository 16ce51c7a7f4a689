//! The MCP server for one HTTP request at a time: responses, and what it needs a capture for.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use homer_export::mcp::delivery::ResultMode;
use homer_export::mcp::protocol::{
    HttpBody, HttpResponse, McpServer, PendingCapture, RequestHead, RequestOutcome, not_json,
};
use homer_export::mcp::tools::{self, CallWindow, ToolConfig};
use homer_export::search::FoundCalls;
use homer_export::{
    CallId, CallerPolicy, CaptureReport, ExportError, MEDIA_TYPE, Suggestion, Window,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const CONFIG: ToolConfig = ToolConfig {
    max_window_hours: 24,
    mode: ResultMode::Auto,
    inline_bytes: 100,
    read_bytes: 1000,
    output_dir: false,
    stateless: true,
};

/// The current time in Unix milliseconds.
const NOW: i64 = 1_795_170_000_000;

fn server() -> McpServer {
    McpServer {
        callers: CallerPolicy::new(None, Some("1"), None).unwrap(),
        tools: CONFIG,
    }
}

fn head(fields: &[(&str, &str)]) -> RequestHead {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_string(), value.as_bytes().to_vec()));
    RequestHead {
        method: "POST".to_string(),
        fields: fields.collect(),
    }
}

/// The header fields of a request of the stateless protocol.
fn stateless(method: &str, name: Option<&str>) -> RequestHead {
    let mut fields = vec![
        ("mcp-protocol-version", "2026-07-28"),
        ("MCP-METHOD", method),
    ];
    fields.extend(name.map(|name| ("Mcp-Name", name)));
    head(&fields)
}

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// Status and message of a response.
fn shown(response: HttpResponse) -> (u16, Value) {
    match response.body {
        HttpBody::Text(text) => (response.status, serde_json::from_str(&text).unwrap()),
        HttpBody::Empty => (response.status, Value::Null),
        HttpBody::Capture { head, tail } => (
            response.status,
            serde_json::from_str(&format!("{head}AAAA{tail}")).unwrap(),
        ),
    }
}

fn respond(head: &RequestHead, message: &Value) -> (u16, Value) {
    match server().handle(head, message.to_string().as_bytes(), NOW) {
        RequestOutcome::Response(response) => shown(response),
        pending => panic!("{pending:?}"),
    }
}

fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

#[test]
fn mcp_discover_lists_versions_and_capabilities() {
    let (status, response) = respond(
        &stateless("server/discover", None),
        &request("server/discover", json!({ "_meta": meta() })),
    );
    let result = &response["result"];
    assert_eq!(
        (status, &response["id"], &result["resultType"]),
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
        json!({ "tools": {}, "resources": {}, "prompts": {} })
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

/// All that a client may show comes once: with what begins a conversation.
#[test]
fn mcp_introduces_the_server() {
    let meta_key = "io.modelcontextprotocol/serverInfo";
    let (_, discovered) = respond(
        &stateless("server/discover", None),
        &request("server/discover", json!({ "_meta": meta() })),
    );
    let (_, initialized) = respond(
        &head(&[]),
        &request("initialize", json!({ "protocolVersion": "2025-11-25" })),
    );
    for info in [
        &discovered["result"]["_meta"][meta_key],
        &initialized["result"]["serverInfo"],
    ] {
        assert_eq!(info["title"], "Homer call export");
        assert_eq!(info["websiteUrl"], env!("CARGO_PKG_REPOSITORY"));
        assert!(info["description"].as_str().unwrap().contains("SIP calls"));
        let icon = &info["icons"][0];
        assert_eq!(icon["mimeType"], "image/svg+xml");
        let svg = icon["src"].as_str().unwrap();
        let svg = svg.strip_prefix("data:image/svg+xml;base64,").unwrap();
        let svg = BASE64_STANDARD.decode(svg).unwrap();
        assert!(svg.starts_with(b"<svg ") && svg.ends_with(b"</svg>"));
    }
    let (_, listed) = respond(&head(&[]), &request("tools/list", json!({})));
    let short = json!({ "name": "homer-export-mcp", "version": env!("CARGO_PKG_VERSION") });
    assert_eq!(listed["result"]["_meta"][meta_key], short);
}

#[test]
fn mcp_lists_and_returns_the_prompt() {
    for (fields, meta, cached) in [
        (head(&[]), json!({}), false),
        (stateless("prompts/list", None), meta(), true),
    ] {
        let (status, response) =
            respond(&fields, &request("prompts/list", json!({ "_meta": meta })));
        let result = &response["result"];
        assert_eq!(
            (status, &result["prompts"][0]["name"]),
            (200, &json!("diagnose_call"))
        );
        assert_eq!(result["prompts"][0]["arguments"][0]["required"], true);
        assert_eq!(result["ttlMs"].is_u64(), cached);
    }
    let params = |callid| json!({ "name": "diagnose_call", "arguments": { "callid": callid } });
    let mut current = params("a@h");
    current["_meta"] = meta();
    for (fields, params, result_type) in [
        (head(&[]), params("a@h"), Value::Null),
        (
            stateless("prompts/get", Some("diagnose_call")),
            current,
            json!("complete"),
        ),
    ] {
        let (status, response) = respond(&fields, &request("prompts/get", params));
        let result = &response["result"];
        assert_eq!((status, &result["resultType"]), (200, &result_type));
        assert_eq!(result["messages"][0]["role"], "user");
        assert_eq!(result["messages"][0]["content"]["type"], "text");
        let text = result["messages"][0]["content"]["text"].as_str().unwrap();
        assert!(text.contains("\"a@h\""), "{text}");
    }
    for bad in [params(""), json!({ "name": "guess" })] {
        let (_, response) = respond(&head(&[]), &request("prompts/get", bad));
        assert_eq!(response["error"]["code"], -32602);
    }
    // The name is repeated in the header (2026-07-28, "Standard Request Headers").
    let other = stateless("prompts/get", Some("guess"));
    let mut current = params("a@h");
    current["_meta"] = meta();
    let (_, response) = respond(&other, &request("prompts/get", current));
    assert_eq!(response["error"]["code"], -32020);
}

/// With the envelope of the stateless protocol, which is the longest.
#[test]
fn mcp_list_of_tools_is_short() {
    let list = request("tools/list", json!({ "_meta": meta() })).to_string();
    let head = stateless("tools/list", None);
    let RequestOutcome::Response(response) = server().handle(&head, list.as_bytes(), NOW) else {
        panic!("not a response")
    };
    let HttpBody::Text(text) = response.body else {
        panic!("{:?}", response.body)
    };
    let result = text
        .split_once("\"result\":")
        .unwrap()
        .1
        .strip_suffix('}')
        .unwrap();
    let length = result.chars().count();
    assert!(length <= tools::MAX_DEFINITIONS, "{length}");
    // As it is sent, and not only once it is parsed.
    let parsed: Value = serde_json::from_str(result).unwrap();
    assert_eq!(length, parsed.to_string().chars().count());
}

#[test]
fn mcp_instructions_name_every_tool_in_three_sentences() {
    let (_, discovered) = respond(
        &stateless("server/discover", None),
        &request("server/discover", json!({ "_meta": meta() })),
    );
    let (_, initialized) = respond(
        &head(&[]),
        &request("initialize", json!({ "protocolVersion": "2025-11-25" })),
    );
    for response in [discovered, initialized] {
        let text = response["result"]["instructions"].as_str().unwrap();
        for tool in tools::definitions(&CONFIG) {
            assert!(text.contains(tool.name), "{text}");
        }
        assert_eq!(text.matches(". ").count() + 1, 3, "{text}");
    }
}

#[test]
fn mcp_negotiates_with_clients_that_initialize() {
    for (requested, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let (status, response) = respond(
            &head(&[]),
            &request("initialize", json!({ "protocolVersion": requested })),
        );
        assert_eq!(
            (status, &response["result"]["protocolVersion"]),
            (200, &json!(agreed))
        );
        assert_eq!(response["result"]["serverInfo"]["name"], "homer-export-mcp");
        // Nothing of the later protocol.
        assert_eq!(response["result"].get("resultType"), None);
    }
}

#[test]
fn mcp_protocols_have_their_own_methods_and_errors() {
    let old = head(&[("MCP-Protocol-Version", "2025-11-25")]);
    assert_eq!(
        respond(&old, &request("ping", json!({}))),
        (200, json!({ "jsonrpc": "2.0", "id": 7, "result": {} }))
    );
    let (status, response) = respond(&old, &request("server/nonsense", json!({})));
    assert_eq!((status, &response["error"]["code"]), (200, &json!(-32601)));
    for method in [
        "ping",
        "initialize",
        "initialized",
        "logging/setLevel",
        "completion/complete",
    ] {
        let (status, response) = respond(
            &stateless(method, None),
            &request(method, json!({ "_meta": meta() })),
        );
        assert_eq!(
            (status, &response["error"]["code"]),
            (404, &json!(-32601)),
            "{method}"
        );
    }
    let uri = "file:///etc/passwd";
    let (status, response) = respond(&old, &request("resources/read", json!({ "uri": uri })));
    assert_eq!(
        (
            status,
            &response["error"]["code"],
            &response["error"]["data"]["uri"]
        ),
        (200, &json!(-32002), &json!(uri))
    );
    let message = request("resources/read", json!({ "uri": uri, "_meta": meta() }));
    let (status, response) = respond(&stateless("resources/read", Some(uri)), &message);
    assert_eq!(
        (
            status,
            &response["error"]["code"],
            &response["error"]["data"]["uri"]
        ),
        (200, &json!(-32602), &json!(uri))
    );
}

#[test]
fn mcp_rejects_a_header_that_does_not_match_the_body() {
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
        let (status, response) = respond(&head(fields), &call(meta));
        let expected = if code.is_some() { 400 } else { 200 };
        assert_eq!(
            (status, response["error"]["code"].as_i64()),
            (expected, code),
            "{fields:?}: {response}"
        );
        if code == Some(-32022) {
            assert!(
                response["error"]["data"]["supported"]
                    .as_array()
                    .unwrap()
                    .contains(&json!("2026-07-28"))
            );
        }
    }
}

#[test]
fn mcp_says_what_is_wrong_with_arguments() {
    let bad = request(
        "tools/call",
        json!({ "name": "homer_export_pcap", "arguments": { "callid": 5 } }),
    );
    let (status, response) = respond(&head(&[]), &bad);
    let text = "invalid-request: callid must be one Call-ID as a string, found 5";
    assert_eq!(
        (status, &response["result"]["content"][0]["text"]),
        (200, &json!(text))
    );
    assert_eq!(response["result"]["isError"], json!(true));
    for (params, why) in [
        (
            json!({}),
            "tools/call requires the parameter name, a string",
        ),
        (
            json!({ "name": "homer_export_pcap", "arguments": [] }),
            "arguments must be an object",
        ),
        (
            json!({ "name": "x" }),
            "unknown tool \"x\"; the tools are homer_export_pcap, homer_read_message, \
                 homer_find_calls, homer_read_ladder and homer_compare_calls",
        ),
    ] {
        let (status, response) = respond(&head(&[]), &request("tools/call", params));
        assert_eq!(
            (status, &response["error"]),
            (200, &json!({ "code": -32602, "message": why }))
        );
    }
}

#[test]
fn mcp_repeats_the_id_in_the_response() {
    for id in [
        json!(7),
        json!("a-1"),
        json!(-1),
        json!(u64::MAX),
        json!(""),
    ] {
        let (status, response) = respond(
            &head(&[]),
            &json!({ "jsonrpc": "2.0", "id": id, "method": "ping", "params": null }),
        );
        assert_eq!((status, &response["id"]), (200, &id));
        let (status, response) = respond(
            &head(&[]),
            &json!({ "jsonrpc": "2.0", "id": id, "method": "ping", "params": [] }),
        );
        assert_eq!(
            (status, &response["id"], &response["error"]["code"]),
            (400, &id, &json!(-32600))
        );
    }
    for id in ["1.5", "123456789012345678901234567890", "null", "{}"] {
        let text = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}");
        let RequestOutcome::Response(response) = server().handle(&head(&[]), text.as_bytes(), NOW)
        else {
            panic!("{id}")
        };
        let (status, response) = shown(response);
        assert_eq!(
            (status, &response["id"], &response["error"]["code"]),
            (400, &Value::Null, &json!(-32600))
        );
    }
}

/// A request that waits for its capture, of a client that knows links.
fn pending(name: &str, params: Value) -> PendingCapture {
    let head = head(&[("MCP-Protocol-Version", "2025-06-18")]);
    pending_with(&head, name, params)
}

fn pending_with(head: &RequestHead, name: &str, params: Value) -> PendingCapture {
    match server().handle(head, request(name, params).to_string().as_bytes(), NOW) {
        RequestOutcome::Capture(pending) => pending,
        other => panic!("{other:?}"),
    }
}

#[test]
fn mcp_mentions_arguments_that_were_ignored() {
    let arguments = json!({
        "callid": "a@b", "from_ts": 1_795_168_800_000_i64, "to_ts": 1_795_169_100_000_i64,
        "url": "http://evil.example",
    });
    let params = json!({ "name": "homer_export_pcap", "arguments": arguments });
    let note = "Note: the unknown argument \"url\" was ignored; homer_export_pcap takes callid, \
                also_callids, from_ts, to_ts, profiles, redact.";
    let report = CaptureReport {
        size_bytes: 100,
        ..CaptureReport::default()
    };
    let export = pending("tools/call", params);
    let result = shown(export.respond(&CONFIG, "c8d0", &report)).1["result"].take();
    // Before the capture, which comes last.
    assert_eq!(result["content"][1], json!({"type": "text", "text": note}));
    assert_eq!(result["content"][2]["resource"]["blob"], "AAAA");
    let summary = result["structuredContent"]["summary"].as_str().unwrap();
    assert!(
        summary.ends_with(note) && summary.len() > note.len(),
        "{summary}"
    );
    // Also if an argument is missing, perhaps because it is the misspelled one.
    let misspelled = json!({ "name": "homer_export_pcap", "arguments": { "call_id": "a@b" } });
    let (_, response) = respond(&head(&[]), &request("tools/call", misspelled));
    let content = &response["result"]["content"];
    assert!(
        content[0]["text"]
            .as_str()
            .unwrap()
            .contains("callid is missing"),
        "{content}"
    );
    assert!(
        content[1]["text"]
            .as_str()
            .unwrap()
            .contains("argument \"call_id\" was ignored")
    );
}

/// Resource links are new in 2025-06-18, as is the header field that states the version.
#[test]
fn mcp_sends_no_link_to_a_client_that_does_not_know_links() {
    let arguments = json!({
        "callid": "a@b", "from_ts": 1_795_168_800_000_i64, "to_ts": 1_795_169_100_000_i64,
    });
    let params = json!({ "name": "homer_export_pcap", "arguments": arguments });
    let report = CaptureReport {
        size_bytes: 1000,
        ..CaptureReport::default()
    };
    for (fields, expected) in [
        (&[][..], "resource"),
        (&[("MCP-Protocol-Version", "2024-11-05")], "resource"),
        (&[("MCP-Protocol-Version", "2025-03-26")], "resource"),
        (&[("MCP-Protocol-Version", "2025-06-18")], "resource_link"),
        (&[("MCP-Protocol-Version", "2025-11-25")], "resource_link"),
    ] {
        for mode in [ResultMode::Auto, ResultMode::Link] {
            let export = pending_with(&head(fields), "tools/call", params.clone());
            let config = ToolConfig { mode, ..CONFIG };
            let (_, response) = shown(export.respond(&config, "00", &report));
            let content = &response["result"]["content"];
            assert_eq!(content[1]["type"], expected, "{fields:?} {mode:?}");
            let delivery = match expected {
                "resource" => "embedded",
                _ => "link",
            };
            assert_eq!(
                response["result"]["structuredContent"]["delivery"],
                delivery
            );
        }
        let (_, tools) = respond(&head(fields), &request("tools/list", json!({})));
        let description = &tools["result"]["tools"][0]["description"];
        assert_eq!(
            description
                .as_str()
                .unwrap()
                .contains("linked for resources/read"),
            expected == "resource_link",
            "{fields:?}"
        );
    }
}

#[test]
fn mcp_puts_a_capture_where_its_delivery_says() {
    let (from_ts, to_ts) = (1_795_168_800_000, 1_795_169_100_000);
    let call = CallWindow {
        call_id: CallId::parse("a@b").unwrap(),
        window: Window::new(
            from_ts,
            to_ts,
            24,
            &homer_export::query::ParameterNames::MCP,
        )
        .unwrap(),
        also: Vec::new(),
        profiles: Vec::new(),
        redact: None,
    };
    let arguments = json!({ "callid": "a@b", "from_ts": from_ts, "to_ts": to_ts.to_string() });
    let export = pending(
        "tools/call",
        json!({ "name": "homer_export_pcap", "arguments": arguments }),
    );
    assert_eq!(*export.call(), call);
    let report = |size_bytes| CaptureReport {
        size_bytes,
        ..CaptureReport::default()
    };
    let uri = "homer-pcap:///a%40b?from_ts=1795168800000&to_ts=1795169100000";
    for (mode, size, index, expected) in [
        (
            ResultMode::Auto,
            100,
            1,
            json!({
                "type": "resource",
                "annotations": { "audience": ["user"] },
                "resource": { "uri": uri, "blob": "AAAA", "mimeType": MEDIA_TYPE },
            }),
        ),
        (
            ResultMode::Auto,
            101,
            1,
            json!({
                "type": "resource_link",
                "uri": uri,
                "name": "a@b.pcap",
                "size": 101,
                "mimeType": MEDIA_TYPE,
                "annotations": { "audience": ["user"] },
            }),
        ),
        (
            ResultMode::Base64,
            1000,
            1,
            json!({ "type": "text", "text": "AAAA" }),
        ),
        (ResultMode::Embed, 1001, 1, Value::Null),
    ] {
        let config = ToolConfig { mode, ..CONFIG };
        let (status, response) = shown(export.respond(&config, "00", &report(size)));
        let result = &response["result"];
        assert_eq!(
            (status, &result["content"][index]),
            (200, &expected),
            "{response}"
        );
        // Of a capture that is too large, the report arrives.
        assert_eq!(result["isError"], Value::Null);
        let is_withheld = result["structuredContent"]["delivery"] == "withheld";
        assert_eq!(is_withheld, size > 1000);
        assert_eq!(result["structuredContent"]["size_bytes"], json!(size));
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(&format!("{size} bytes")), "{text}");
    }
    let read = pending("resources/read", json!({ "uri": uri }));
    let (_, response) = shown(read.respond(&CONFIG, "00", &report(1000)));
    let contents =
        json!([{ "uri": uri, "mimeType": "application/vnd.tcpdump.pcap", "blob": "AAAA" }]);
    assert_eq!(response["result"]["contents"], contents);
    let nothing = ExportError::nothing_captured("nothing");
    assert_eq!(shown(read.fail(&nothing)).1["error"]["code"], json!(-32002));
    assert_eq!(
        shown(export.fail(&nothing)).1["result"]["isError"],
        json!(true)
    );
}

#[test]
fn mcp_returns_what_a_search_found() {
    let arguments = json!({ "from_ts": "-1h", "to_ts": "now", "caller": "alice" });
    let params = json!({ "name": "homer_find_calls", "arguments": arguments });
    for (head, meta, result_type) in [
        (head(&[]), json!({}), Value::Null),
        (
            stateless("tools/call", Some("homer_find_calls")),
            meta(),
            json!("complete"),
        ),
    ] {
        let mut params = params.clone();
        params["_meta"] = meta;
        let calls = request("tools/call", params).to_string();
        let RequestOutcome::Search(pending) = server().handle(&head, calls.as_bytes(), NOW) else {
            panic!("not a search")
        };
        assert_eq!(
            (pending.filter.from_ts, pending.filter.to_ts),
            (NOW - 3_600_000, NOW)
        );
        let found = FoundCalls {
            complete: true,
            ..FoundCalls::default()
        };
        let (status, response) = shown(pending.respond(&CONFIG, &found));
        let result = &response["result"];
        assert_eq!((status, &result["resultType"]), (200, &result_type));
        // Nothing found is a result, and no error.
        assert_eq!(result["isError"], Value::Null);
        assert_eq!(result["structuredContent"]["calls"], json!([]));
        let text = result["content"][0]["text"].as_str().unwrap();
        let text: Value = serde_json::from_str(text).unwrap();
        assert_eq!(text, result["structuredContent"]);
        let failed = shown(pending.fail(&ExportError::TimedOut("slow".to_string()))).1;
        assert_eq!(failed["result"]["isError"], json!(true));
        assert_eq!(failed["result"]["content"][0]["text"], "timed-out: slow");
    }
}

#[test]
fn mcp_returns_a_suggestion_with_the_error() {
    let arguments = json!({ "callid": "a", "from_ts": "-1h", "to_ts": "now" });
    let params = json!({ "name": "homer_export_pcap", "arguments": arguments });
    let export = request("tools/call", params).to_string();
    let RequestOutcome::Capture(pending) = server().handle(&head(&[]), export.as_bytes(), NOW)
    else {
        panic!("not an export")
    };
    let error = ExportError::NothingCaptured {
        suggestion: Some(Suggestion {
            callid: "a@b".to_string(),
            from_ts: 1,
            to_ts: 2,
            profile: "1_call".to_string(),
        }),
        message: "nothing".to_string(),
    };
    let (_, response) = shown(pending.fail(&error));
    let suggestion = json!({ "suggestion": { "callid": "a@b", "from_ts": 1, "to_ts": 2 } });
    let result = &response["result"];
    assert_eq!(result["structuredContent"], suggestion);
    assert_eq!(result["content"][0]["text"], "nothing-captured: nothing");
    let text = result["content"][1]["text"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), suggestion);
    assert_eq!(result["isError"], json!(true));
}

#[test]
fn mcp_keeps_the_order_of_members() {
    // Read as text, since a parser may sort them.
    let list = request("tools/list", json!({})).to_string();
    let RequestOutcome::Response(response) = server().handle(&head(&[]), list.as_bytes(), NOW)
    else {
        panic!("not a response")
    };
    let HttpBody::Text(text) = response.body else {
        panic!("{:?}", response.body)
    };
    let at = |member: &str| {
        let name = format!("\"{member}\"");
        text.find(&name).unwrap_or_else(|| panic!("no {name}"))
    };
    // The report comes last among the properties of the result, and has members of its own.
    let members = ["delivery", "resource_uri", "report", "outcome", "ladder"];
    assert!(members.map(at).is_sorted(), "{:?}", members.map(at));
}

#[test]
fn mcp_capture_goes_into_its_place_whatever_the_texts_are() {
    let (from_ts, to_ts) = (1_795_168_800_000_i64, 1_795_169_100_000_i64);
    let report = CaptureReport {
        size_bytes: 50,
        profile: "<capture>".to_string(),
        ..CaptureReport::default()
    };
    for id in [json!("<capture>"), json!(1)] {
        let arguments = json!({ "callid": "<capture>", "from_ts": from_ts, "to_ts": to_ts });
        let params = json!({ "name": "homer_export_pcap", "arguments": arguments });
        let message =
            json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        let RequestOutcome::Capture(pending) =
            server().handle(&head(&[]), message.to_string().as_bytes(), NOW)
        else {
            panic!("{message}")
        };
        for (mode, pointer) in [
            (ResultMode::Embed, "/content/1/resource/blob"),
            (ResultMode::Base64, "/content/1/text"),
        ] {
            let config = ToolConfig { mode, ..CONFIG };
            let (_, response) = shown(pending.respond(&config, "<capture>", &report));
            assert_eq!(response["id"], id);
            assert_eq!(response["result"].pointer(pointer), Some(&json!("AAAA")));
            let structured = &response["result"]["structuredContent"];
            assert_eq!(structured["sha256"], "<capture>");
        }
    }
}

#[test]
fn mcp_says_what_is_wrong_with_a_request() {
    let message = |message: Value| respond(&head(&[]), &message).1["error"]["message"].take();
    for (request, why) in [
        (json!([]), "the request must be one JSON-RPC object"),
        (json!({ "jsonrpc": "1.0" }), "jsonrpc must be \"2.0\""),
        (json!({ "jsonrpc": "2.0" }), "method is missing"),
        (
            json!({ "jsonrpc": "2.0", "method": 1 }),
            "method must be a string",
        ),
        (
            json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": 1 }),
            "params must be an object",
        ),
        (
            json!({ "jsonrpc": "2.0", "id": 1.5, "method": "ping" }),
            "id must be a string or an integer",
        ),
        (
            json!({ "jsonrpc": "2.0", "id": 1, "method": "pong" }),
            "unknown method \"pong\"; this server offers tools, resources and prompts: tools/list, \
             tools/call, resources/list, resources/templates/list, resources/read, prompts/list \
             and prompts/get",
        ),
    ] {
        assert_eq!(message(request), why);
    }
    let list = request("tools/list", json!({ "_meta": meta() }));
    let version = ("MCP-Protocol-Version", "2026-07-28");
    for (fields, why) in [
        (&[][..], "the header field MCP-Protocol-Version is missing"),
        (
            &[version, version],
            "the header field mcp-protocol-version appears more than once",
        ),
        (
            &[("MCP-Protocol-Version", "2026-07-28é")],
            "the header field mcp-protocol-version contains characters beyond ASCII",
        ),
        (&[version], "the header field Mcp-Method is missing"),
        (
            &[version, ("Mcp-Method", "tools/call")],
            "the header field Mcp-Method does not match method in the body",
        ),
    ] {
        assert_eq!(respond(&head(fields), &list).1["error"]["message"], why);
    }
    let unsupported = head(&[("MCP-Protocol-Version", "1999-01-01")]);
    let (_, response) = respond(&unsupported, &request("tools/list", json!({})));
    let why = "unsupported protocol version \"1999-01-01\"";
    assert_eq!(response["error"]["message"], why);
    let discover = request("server/discover", json!({}));
    let why = "io.modelcontextprotocol/protocolVersion is missing in the request's _meta";
    let (_, response) = respond(&head(&[]), &discover);
    assert_eq!(response["error"]["message"], why);
}

#[test]
fn mcp_says_what_is_wrong_with_the_head_of_a_request() {
    let json = ("content-type", "application/json");
    for (method, fields, status, text) in [
        (
            "GET",
            &[][..],
            405,
            "this server accepts only POST; it has no sessions and no event streams\n",
        ),
        (
            "POST",
            &[("content-type", "text/plain")],
            415,
            "the request must be JSON; set Content-Type to application/json\n",
        ),
        (
            "POST",
            &[json, ("accept", "text/html")],
            406,
            "the response is JSON; Accept must include application/json\n",
        ),
        (
            "POST",
            &[json, ("origin", "https://evil.example")],
            403,
            "this Origin is not allowed; the operator can add it to HOMER_MCP_ORIGINS\n",
        ),
    ] {
        let head = RequestHead {
            method: method.to_string(),
            ..head(fields)
        };
        let response = server().authorize(&head).unwrap_err();
        let body = HttpBody::Text(text.to_string());
        assert_eq!((response.status, response.body), (status, body));
    }
    let parameters = [
        ("content-type", "application/json; charset=utf-8"),
        ("accept", "text/event-stream, application/json;q=0.9"),
    ];
    assert_eq!(server().authorize(&head(&parameters)), Ok(()));
    let text = "the request is too large; the maximum is 256 KiB";
    assert_eq!(homer_export::mcp::request_too_large(), text);
}

#[test]
fn mcp_rejects_what_is_not_json() {
    let why = serde_json::from_str::<Value>("{").unwrap_err();
    let expected = json!({
        "jsonrpc": "2.0", "id": null, "error": {
            "code": -32700,
            "message": "the request is not JSON: EOF while parsing an object at line 1 column 1",
        },
    });
    assert_eq!(shown(not_json(&why)), (400, expected.clone()));
    let RequestOutcome::Response(response) = server().handle(&head(&[]), b"{", NOW) else {
        panic!("not a response")
    };
    assert_eq!(shown(response), (400, expected));
}

proptest! {
    /// Any body with any header fields has a response, and nothing panics.
    #[test]
    fn mcp_responds_to_any_request(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            concat!(
                "\\{\"jsonrpc\":\"2.0\",\"id\":[0-9]{1,3},",
                "\"method\":\"(tools/call|resources/read|initialize|ping)\",",
                "\"params\":\\{(\"name\":\"\\PC{0,9}\"|\"uri\":\"\\PC{0,9}\"|)\\}\\}",
            ).prop_map(String::into_bytes),
        ],
        fields in prop::collection::vec(
            (
                "(mcp-method|mcp-name|mcp-protocol-version|accept|origin)",
                prop::collection::vec(any::<u8>(), 0..12),
            ),
            0..4,
        ),
    ) {
        let head = RequestHead { method: "POST".to_string(), fields };
        let _ = server().authorize(&head);
        if let RequestOutcome::Response(response) = server().handle(&head, &body, NOW) {
            prop_assert!((200..500).contains(&response.status));
            shown(response);
        }
    }
}
