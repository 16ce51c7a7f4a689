//! `homer-export-mcp.wasm`: an MCP server behind `wasi:http/incoming-handler`. The clients are that
//! of rmcp, and plain HTTP requests.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use fake_homer::{API_TOKEN, DEMO_CALL_ID, DEMO_WINDOW_MS, FakeHomer, large_capture};
use futures::stream::BoxStream;
use homer_export::mcp::delivery::ResultMode;
use homer_export::mcp::tools::{
    self, CallWindow, ToolConfig, compare_calls, export_pcap, find_calls, read_ladder, read_message,
};
use homer_export::mcp::uri::TEMPLATE;
use homer_export::{CallId, Window};
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientConfig, ClientJsonRpcMessage, ProtocolVersion,
    ReadResourceRequestParams, ResourceContents,
};
use rmcp::service::{RoleClient, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse,
};
use rmcp::{ClientLifecycleMode, ClientServiceExt as _};
use serde_json::{Value, json};
use sse_stream::{Error as SseError, Sse};
use xtask::artifact::MCP_SERVER;

use host_test::untyped_host::Host;

const TOKEN: &str = "s3cret-of-the-callers";

/// An HTTP client for rmcp.
#[derive(Clone)]
struct Http(HttpClient<HttpConnector, Full<Bytes>>);

impl Http {
    fn new() -> Self {
        Self(HttpClient::builder(TokioExecutor::new()).build_http())
    }
}

type HttpError = StreamableHttpError<hyper_util::client::legacy::Error>;

impl StreamableHttpClient for Http {
    type Error = hyper_util::client::legacy::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        fields: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, HttpError> {
        assert_eq!(session, None, "there are no sessions");
        let mut request = Request::post(&*uri)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream");
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request.headers_mut().unwrap().extend(fields);
        let body = Full::new(Bytes::from(serde_json::to_vec(&message)?));
        let response = self
            .0
            .request(request.body(body).unwrap())
            .await
            .map_err(StreamableHttpError::Client)?;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        match (status.as_u16(), serde_json::from_slice(&body)) {
            (202, _) => Ok(StreamableHttpPostResponse::Accepted),
            (_, Ok(message)) => Ok(StreamableHttpPostResponse::Json(message, None)),
            _ => Err(StreamableHttpError::UnexpectedServerResponse(
                status.to_string().into(),
            )),
        }
    }

    async fn delete_session(
        &self,
        _: Arc<str>,
        _: Arc<str>,
        _: Option<String>,
        _: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), HttpError> {
        Err(StreamableHttpError::ServerDoesNotSupportDeleteSession)
    }

    async fn get_stream(
        &self,
        _: Arc<str>,
        _: Option<Arc<str>>,
        _: Option<String>,
        _: Option<String>,
        _: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, HttpError> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}

/// An MCP server, and the Homer that it queries.
struct Server {
    url: String,
    homer: FakeHomer,
}

impl Server {
    async fn start(environment: &[(&str, &str)]) -> Self {
        Self::with_homer(FakeHomer::start().await.unwrap(), environment).await
    }

    async fn with_homer(homer: FakeHomer, environment: &[(&str, &str)]) -> Self {
        let url = homer.url();
        let own = [
            ("HOMER_URL", url.as_str()),
            ("HOMER_API_TOKEN", API_TOKEN),
            ("HOMER_MCP_TOKEN", TOKEN),
        ];
        // Of two variables with the same name the first one counts.
        let url = Host::new(MCP_SERVER, &[environment, &own].concat())
            .serve()
            .await;
        Self { url, homer }
    }

    async fn client(
        &self,
        lifecycle: ClientLifecycleMode,
    ) -> RunningService<RoleClient, ClientConfig> {
        let config =
            StreamableHttpClientTransportConfig::with_uri(self.url.as_str()).auth_header(TOKEN);
        let transport = StreamableHttpClientTransport::with_client(Http::new(), config);
        ClientConfig::default()
            .serve_with_lifecycle(transport, lifecycle)
            .await
            .unwrap()
    }

    /// The status, the header fields and the body of a response.
    async fn send(
        &self,
        method: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> (http::response::Parts, String) {
        let mut request = Request::builder().method(method).uri(&self.url);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let response = Http::new()
            .0
            .request(
                request
                    .body(Full::new(Bytes::from(body.to_string())))
                    .unwrap(),
            )
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        (
            parts,
            String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap(),
        )
    }

    /// Sends a request of the stateless protocol. `fields` replace or extend its header fields.
    async fn ask(&self, method: &str, mut params: Value, fields: &[(&str, &str)]) -> (u16, Value) {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let name = params["name"]
            .as_str()
            .or(params["uri"].as_str())
            .unwrap_or_default()
            .to_string();
        let authorization = format!("Bearer {TOKEN}");
        let own = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("Authorization", &authorization),
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", method),
            ("Mcp-Name", &name),
        ];
        let own = own.into_iter().filter(|(name, value)| {
            !value.is_empty() && fields.iter().all(|(other, _)| other != name)
        });
        let fields: Vec<_> = own
            .chain(
                fields
                    .iter()
                    .copied()
                    .filter(|(_, value)| !value.is_empty()),
            )
            .collect();
        let body = json!({ "jsonrpc": "2.0", "id": "a-1", "method": method, "params": params })
            .to_string();
        let (parts, body) = self.send("POST", &fields, &body).await;
        (
            parts.status.as_u16(),
            serde_json::from_str(&body).unwrap_or(Value::String(body)),
        )
    }
}

fn arguments(call_id: &str) -> Value {
    json!({ "callid": call_id, "from_ts": DEMO_WINDOW_MS.0, "to_ts": DEMO_WINDOW_MS.1 })
}

fn export(call_id: &str) -> Value {
    json!({ "name": export_pcap::NAME, "arguments": arguments(call_id) })
}

fn stateless() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    }
}

async fn call(
    client: &RunningService<RoleClient, ClientConfig>,
    name: &'static str,
    arguments: Value,
) -> CallToolResult {
    let arguments = arguments.as_object().unwrap().clone();
    client
        .call_tool(CallToolRequestParams::new(name).with_arguments(arguments))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn mcp_server_serves_clients_of_both_protocols() {
    let recorded = std::fs::read(format!(
        "{}/../tests/data/export-ok-auth-token.pcap",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap();
    let server = Server::start(&[]).await;
    for lifecycle in [ClientLifecycleMode::Initialize, stateless()] {
        let client = server.client(lifecycle).await;
        let config = ToolConfig {
            max_window_hours: 24,
            mode: ResultMode::Auto,
            inline_bytes: 256 * 1024,
            read_bytes: 6 << 20,
            output_dir: false,
            stateless: true,
        };
        let tools = client.list_all_tools().await.unwrap();
        let expected = serde_json::to_value(tools::definitions(&config)).unwrap();
        assert_eq!(serde_json::to_value(&tools).unwrap(), expected);
        assert!(client.list_all_resources().await.unwrap().is_empty());
        let templates = client.list_all_resource_templates().await.unwrap();
        assert_eq!(
            templates
                .iter()
                .map(|template| template.uri_template.as_str())
                .collect::<Vec<_>>(),
            [TEMPLATE]
        );

        let exported = call(&client, export_pcap::NAME, arguments(DEMO_CALL_ID)).await;
        assert_ne!(exported.is_error, Some(true));
        let structured = exported.structured_content.unwrap();
        let schema = Value::Object(tools[0].output_schema.as_deref().cloned().unwrap());
        assert!(jsonschema::draft202012::validate(&schema, &structured).is_ok());
        assert_eq!(
            structured["sha256"],
            "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f"
        );
        let text = &exported.content[0].as_text().unwrap().text;
        assert!(text.starts_with("completed: 200 after "), "{text}");
        assert_eq!(exported.content.len(), 2);
        let uri = structured["resource_uri"].as_str().unwrap();
        let read = client
            .read_resource(ReadResourceRequestParams::new(uri))
            .await
            .unwrap();
        for resource in [
            &exported.content[1].as_resource().unwrap().resource,
            &read.contents[0],
        ] {
            let ResourceContents::BlobResourceContents {
                uri: named,
                mime_type,
                blob,
                ..
            } = resource
            else {
                panic!()
            };
            assert_eq!(
                (named.as_str(), mime_type.as_deref()),
                (uri, Some("application/vnd.tcpdump.pcap"))
            );
            assert_eq!(BASE64_STANDARD.decode(blob).unwrap(), recorded);
        }

        let mut asked = arguments(DEMO_CALL_ID);
        asked["packet"] = json!(1);
        let message = call(&client, read_message::NAME, asked)
            .await
            .structured_content
            .unwrap();
        assert!(
            message["text"]
                .as_str()
                .unwrap()
                .starts_with("INVITE sip:bob"),
            "{message}"
        );

        // A filter, and two calls, each in a capture of its own.
        let mut asked = arguments(DEMO_CALL_ID);
        asked["status"] = json!("2xx");
        let rows = call(&client, read_ladder::NAME, asked).await;
        assert_eq!(rows.structured_content, None);
        let text = &rows.content[0].as_text().unwrap().text;
        assert!(
            text.starts_with("Rows 1 to 2 of 2; the capture has 7 packets."),
            "{text}"
        );
        let asked = json!({
            "callid_a": "busy@demo", "callid_b": DEMO_CALL_ID,
            "from_ts": "2026-11-20T09:00:00Z", "to_ts": "2026-11-20T15:00:00Z",
        });
        let compared = call(&client, compare_calls::NAME, asked).await;
        let text = &compared.content[0].as_text().unwrap().text;
        assert!(
            text.contains("\n1. Final status: A \"486\", B \"200\"\n"),
            "{text}"
        );

        for (asked, beginning) in [
            (arguments("nobody@nowhere"), "nothing-captured: "),
            (
                json!({ "callid": "a" }),
                "invalid-request: from_ts is missing; pass Unix time in milliseconds, UTC",
            ),
        ] {
            let failed = call(&client, export_pcap::NAME, asked).await;
            assert_eq!(
                (failed.is_error, failed.structured_content),
                (Some(true), None)
            );
            let text = &failed.content[0].as_text().unwrap().text;
            assert!(text.starts_with(beginning), "{text}");
        }
        let ServiceError::McpError(error) = client
            .call_tool(CallToolRequestParams::new("no_such_tool"))
            .await
            .unwrap_err()
        else {
            panic!()
        };
        assert_eq!(
            (error.code.0, error.message.as_ref()),
            (
                -32602,
                "unknown tool \"no_such_tool\"; the tools are homer_export_pcap, \
                 homer_read_message, homer_find_calls, homer_read_ladder and homer_compare_calls"
            )
        );
        client.cancel().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mcp_server_finds_a_call_and_explains_an_empty_export() {
    let server = Server::start(&[]).await;
    for lifecycle in [ClientLifecycleMode::Initialize, stateless()] {
        let client = server.client(lifecycle).await;
        let asked = json!({
            "from_ts": "2026-11-20T11:00:00+01:00", "to_ts": DEMO_WINDOW_MS.1.to_string(),
            "caller": "alice",
        });
        let found = call(&client, find_calls::NAME, asked).await;
        let structured = found.structured_content.unwrap();
        let text: Value = serde_json::from_str(&found.content[0].as_text().unwrap().text).unwrap();
        assert_eq!((text, found.content.len()), (structured.clone(), 1));
        assert_eq!(structured["complete"], json!(true));
        let row = &structured["calls"][0];
        assert_eq!(row["export"]["callid"], json!(DEMO_CALL_ID));
        let exported = call(&client, export_pcap::NAME, row["export"].clone()).await;
        assert_eq!(
            exported.structured_content.unwrap()["size_bytes"],
            json!(3311)
        );
        // The component has a clock. Today, the archive has no calls.
        let asked = json!({ "from_ts": "-1h", "to_ts": "now" });
        let nothing = call(&client, find_calls::NAME, asked).await;
        assert_ne!(nothing.is_error, Some(true));
        assert_eq!(nothing.structured_content.unwrap()["calls"], json!([]));
        // At another time: what to export instead can be passed on.
        let asked = json!({
            "callid": DEMO_CALL_ID, "from_ts": "2026-11-20T08:00:00Z",
            "to_ts": "2026-11-20T09:00:00Z",
        });
        let failed = call(&client, export_pcap::NAME, asked).await;
        assert_eq!(failed.is_error, Some(true));
        let text = &failed.content[0].as_text().unwrap().text;
        assert!(text.contains("outside of the requested window"), "{text}");
        let suggestion = failed.structured_content.unwrap()["suggestion"].take();
        let exported = call(&client, export_pcap::NAME, suggestion).await;
        assert_eq!(
            exported.structured_content.unwrap()["size_bytes"],
            json!(3311)
        );
        let asked = json!({ "from_ts": "2026-11-20", "to_ts": "now" });
        let refused = call(&client, find_calls::NAME, asked).await;
        assert_eq!(
            (refused.is_error, refused.structured_content),
            (Some(true), None)
        );
        client.cancel().await.unwrap();
    }
}

#[tokio::test]
async fn mcp_server_requires_the_token_and_an_allowed_origin() {
    let server = Server::start(&[("HOMER_MCP_ORIGINS", "https://app.example.net")]).await;
    let before = server.homer.exports();
    for (field, value, status) in [
        ("Authorization", "", 401),
        ("Authorization", "Bearer s3cret-of-the-callerS", 401),
        ("Origin", "https://evil.example", 403),
        ("Origin", "null", 403),
    ] {
        let (refused, said) = server
            .ask("tools/call", export(DEMO_CALL_ID), &[(field, value)])
            .await;
        assert_eq!(refused, status, "{field}: {value}: {said}");
        assert!(!said.to_string().contains("s3cret"), "{said}");
    }
    assert_eq!(server.homer.exports(), before);
    for origin in ["https://app.example.net", "http://localhost:5173"] {
        let (status, exported) = server
            .ask("tools/call", export(DEMO_CALL_ID), &[("Origin", origin)])
            .await;
        assert_eq!(
            (
                status,
                &exported["result"]["structuredContent"]["size_bytes"]
            ),
            (200, &json!(3311))
        );
    }
}

#[tokio::test]
async fn mcp_server_sends_cors_fields_to_allowed_origins() {
    let server = Server::start(&[("HOMER_MCP_ORIGINS", "https://app.example.net")]).await;
    for (origin, status) in [
        ("https://app.example.net", 204),
        ("https://evil.example", 403),
    ] {
        let (parts, _) = server
            .send(
                "OPTIONS",
                &[
                    ("Origin", origin),
                    ("Access-Control-Request-Method", "POST"),
                ],
                "",
            )
            .await;
        // RFC 9110 §8.6.
        assert_eq!(parts.headers.contains_key("content-length"), status != 204);
        let allowed = parts
            .headers
            .get("access-control-allow-origin")
            .map(|value| value.to_str().unwrap());
        assert_eq!(
            (parts.status.as_u16(), allowed),
            (status, (status == 204).then_some(origin))
        );
    }
    let (parts, _) = server
        .send("POST", &[("Origin", "https://app.example.net")], "")
        .await;
    assert_eq!(
        (
            parts.status.as_u16(),
            &parts.headers["access-control-allow-origin"]
        ),
        (401, &HeaderValue::from_static("https://app.example.net"))
    );
}

#[tokio::test]
async fn mcp_server_without_a_token_refuses_callers_unless_open() {
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let fields = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    ];
    for (token, open, status) in [
        ("", "", 503),
        ("", "0", 503),
        ("${HOMER_MCP_TOKEN}", "", 503),
        ("", "1", 200),
    ] {
        let homer = FakeHomer::start().await.unwrap();
        let environment = [
            ("HOMER_URL", &*homer.url()),
            ("HOMER_MCP_TOKEN", token),
            ("HOMER_MCP_OPEN", open),
        ];
        let server = Server {
            url: Host::new(MCP_SERVER, &environment).serve().await,
            homer,
        };
        let (parts, said) = server.send("POST", &fields, &list).await;
        assert_eq!(parts.status, status, "{said}");
        assert!(
            status == 200 || said.starts_with("misconfigured: HOMER_MCP_"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn mcp_server_follows_http() {
    let server = Server::start(&[]).await;
    let authorization = format!("Bearer {TOKEN}");
    let own = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/json"),
    ];
    for method in ["GET", "DELETE", "PUT", "OPTIONS"] {
        let (parts, _) = server.send(method, &own, "").await;
        assert_eq!(
            (parts.status.as_u16(), &parts.headers["allow"]),
            (405, &HeaderValue::from_static("POST"))
        );
    }
    let message = |method: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": method }).to_string();
    let notification =
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
    // The maximum depth of `serde_json`, which needs more of the stack than anything else.
    let deep = |depth: usize| {
        let value = format!(
            "{}1{}",
            r#"{"a":["#.repeat(depth / 2),
            "]}".repeat(depth / 2)
        );
        message("ping").replace("\"ping\"", &format!("\"ping\",\"params\":{value}"))
    };
    for (fields, body, status) in [
        (&own[..], notification, 202),
        (&own, deep(126), 200),
        (&own, deep(130), 400),
        (
            &own,
            json!({ "jsonrpc": "2.0", "id": 1, "result": {} }).to_string(),
            202,
        ),
        (&own, message("ping"), 200),
        (&own, "{".to_string(), 400),
        (&own, format!("[{}]", message("ping")), 400),
        (&own, message("x").replace("2.0", "1.0"), 400),
        (&own, message(&"x".repeat(256 * 1024)), 413),
        (&own[..1], message("ping"), 415),
        (
            &[own[0], own[1], ("Accept", "text/html")],
            message("ping"),
            406,
        ),
        (
            &[own[0], own[1], ("MCP-Protocol-Version", "2024-01-01")],
            message("ping"),
            400,
        ),
    ] {
        let (parts, said) = server.send("POST", fields, &body).await;
        assert_eq!(parts.status.as_u16(), status, "{said}");
        assert_eq!(said.is_empty(), status == 202, "{said}");
    }
}

#[tokio::test]
async fn mcp_server_responds_with_an_error_to_a_truncated_capture() {
    // Only the last byte is missing, so the error is known after nearly all of the capture was
    // sent.
    let mut capture = large_capture(300);
    capture.pop();
    let server = Server::with_homer(FakeHomer::with_capture(capture).await.unwrap(), &[]).await;
    let (status, exported) = server
        .ask("tools/call", export("000000000000@192.0.2.10"), &[])
        .await;
    let text = exported["result"]["content"][0]["text"].as_str().unwrap();
    assert!(
        status == 200 && text.starts_with("invalid-response: "),
        "{text}"
    );
    assert_eq!(exported["result"]["isError"], json!(true));
    let call = CallWindow {
        call_id: CallId::parse("a").unwrap(),
        window: Window::new(
            DEMO_WINDOW_MS.0,
            DEMO_WINDOW_MS.1,
            24,
            &homer_export::query::ParameterNames::MCP,
        )
        .unwrap(),
        also: Vec::new(),
        profiles: Vec::new(),
        redact: None,
    };
    let (_, read) = server
        .ask("resources/read", json!({ "uri": call.resource_uri() }), &[])
        .await;
    assert_eq!(read["error"]["code"], -32603, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mcp_server_delivers_captures_in_every_mode() {
    for (calls, mode, delivery) in [
        (1, "auto", "embedded"),
        (300, "auto", "link"),
        (1800, "embed", "embedded"),
        (1800, "base64", "base64"),
        (1800, "link", "link"),
        (2770, "auto", "withheld"),
        (2770, "embed", "withheld"),
    ] {
        let capture = large_capture(calls);
        let homer = FakeHomer::with_capture(capture.clone()).await.unwrap();
        let server = Server::with_homer(homer, &[("HOMER_RESULT_MODE", mode)]).await;
        let (_, exported) = server
            .ask("tools/call", export("000000000000@192.0.2.10"), &[])
            .await;
        let result = &exported["result"];
        let what = format!("{} bytes, {mode}", capture.len());
        let structured = &result["structuredContent"];
        assert_eq!(structured["delivery"], delivery, "{what}");
        let blob = match delivery {
            "withheld" => {
                assert_eq!(structured["report"]["packets"], calls * 7, "{what}");
                let text = result["content"][0]["text"].as_str().unwrap();
                assert!(
                    text.contains("is omitted, because it is larger than"),
                    "{text}"
                );
                // This server has no file system, so it cannot save files.
                assert!(!text.contains("--output-dir"), "{what}: {text}");
                continue;
            }
            "embedded" => result["content"][1]["resource"]["blob"].clone(),
            "base64" => result["content"][1]["text"].clone(),
            _ => {
                assert_eq!(result["content"][1]["size"], json!(capture.len()), "{what}");
                let uri = &result["content"][1]["uri"];
                server
                    .ask("resources/read", json!({ "uri": uri }), &[])
                    .await
                    .1["result"]["contents"][0]["blob"]
                    .clone()
            }
        };
        assert!(
            BASE64_STANDARD.decode(blob.as_str().unwrap()).unwrap() == capture,
            "{what}: other bytes"
        );
    }
}

#[tokio::test]
async fn mcp_server_reads_a_message_of_a_capture_above_every_limit() {
    let homer = FakeHomer::with_capture(large_capture(2770)).await.unwrap();
    let server = Server::with_homer(homer, &[]).await;
    let mut asked = arguments("000000000000@192.0.2.10");
    asked["packet"] = json!(19_384);
    let (_, read) = server
        .ask(
            "tools/call",
            json!({ "name": read_message::NAME, "arguments": asked }),
            &[],
        )
        .await;
    let message = &read["result"]["structuredContent"];
    assert_eq!(
        (&message["packet"], &message["packets"]),
        (&json!(19_384), &json!(19_390)),
        "{read}"
    );
    assert!(
        message["text"].as_str().unwrap().contains("SIP/2.0"),
        "{message}"
    );
}

#[tokio::test]
async fn mcp_server_returns_the_prompt() {
    let server = Server::start(&[]).await;
    let (_, listed) = server.ask("prompts/list", json!({}), &[]).await;
    assert_eq!(listed["result"]["prompts"][0]["name"], "diagnose_call");
    let prompt =
        json!({ "name": "diagnose_call", "arguments": { "callid": "a@h", "around": "-2h" } });
    let (_, got) = server.ask("prompts/get", prompt, &[]).await;
    let text = got["result"]["messages"][0]["content"]["text"].as_str();
    assert!(text.unwrap().contains("callid \"a@h\", from_ts "), "{got}");
    let (_, listed) = server.ask("tools/list", json!({}), &[]).await;
    let length = listed["result"].to_string().chars().count();
    assert!(
        length <= homer_export::mcp::tools::MAX_DEFINITIONS,
        "{length}"
    );
}

#[tokio::test]
async fn mcp_server_searches_the_profiles_that_are_named() {
    let homer = FakeHomer::with_transfer_in_two_profiles().await.unwrap();
    let server = Server::with_homer(homer, &[]).await;
    for (profiles, packets) in [(json!(null), 12), (json!(["1_default"]), 4)] {
        let mut asked = arguments("transfer-notify-elsewhere@public.example");
        asked["profiles"] = profiles;
        let parameters = json!({ "name": export_pcap::NAME, "arguments": asked });
        let (_, exported) = server.ask("tools/call", parameters, &[]).await;
        let report = &exported["result"]["structuredContent"]["report"];
        assert_eq!(report["packets"], packets, "{exported}");
        asked["packet"] = json!(1);
        let parameters = json!({ "name": read_message::NAME, "arguments": asked });
        let (_, read) = server.ask("tools/call", parameters, &[]).await;
        let message = &read["result"]["structuredContent"];
        assert_eq!(message["packets"], packets, "{read}");
    }
}
