//! `homer-export-mcp` as a child process, used by an MCP client over standard input and output.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fake_homer::{FakeHomer, large_capture};
use homer_export::mcp;
use homer_export::mcp::delivery::ResultMode;
use homer_export::mcp::tools::{self, ToolConfig, read_message};
use homer_export::mcp::uri::TEMPLATE;
use rmcp::ServiceExt as _;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ReadResourceRequestParams, ResourceContents,
};
use rmcp::service::{RoleClient, RunningService, ServiceError};
use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const CALL: &str = "udp-normal-1@192.0.2.10";
const FROM: i64 = 1_795_168_800_000;
const TO: i64 = 1_795_169_100_000;

type Client = RunningService<RoleClient, ()>;

fn program(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homer-export-mcp"));
    command
        .args(args)
        .env_clear()
        // A file is no directory, so that captures are attached unless a test says otherwise.
        .env("XDG_STATE_HOME", env!("CARGO_BIN_EXE_homer-export-mcp"))
        .envs(env.iter().copied())
        .kill_on_drop(true);
    // All tests share the cache of compiled components.
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

async fn client(args: &[&str], env: &[(&str, &str)]) -> Client {
    ().serve(TokioChildProcess::new(program(args, env)).unwrap())
        .await
        .unwrap()
}

async fn call(client: &Client, arguments: Value) -> CallToolResult {
    let Value::Object(arguments) = arguments else {
        panic!("not an object")
    };
    client
        .call_tool(CallToolRequestParams::new("homer_export_pcap").with_arguments(arguments))
        .await
        .unwrap()
}

/// The text of a result that is an error.
async fn failure(client: &Client, arguments: Value) -> String {
    let result = call(client, arguments).await;
    assert_eq!(result.is_error, Some(true));
    assert_eq!(result.structured_content, None);
    assert_eq!(result.content.len(), 1);
    result.content[0].as_text().unwrap().text.clone()
}

fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/../../tests/data/{name}.pcap",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

#[tokio::test]
async fn client_lists_the_tool_as_defined() {
    let client = client(
        &[
            "--demo",
            "--max-window-hours",
            "48",
            "--inline-limit",
            "1048576",
        ],
        &[],
    )
    .await;
    let tools = client.list_all_tools().await.unwrap();
    let config = ToolConfig {
        max_window_hours: 48,
        mode: ResultMode::Auto,
        inline_bytes: 1 << 20,
        read_bytes: 6 << 20,
        output_dir: false,
        stateless: false,
    };
    // Compared as text, since the members must keep their order.
    let expected = serde_json::to_value(tools::definitions(&config)).unwrap();
    let listed = serde_json::to_value(&tools).unwrap();
    assert_eq!(listed, expected);
    for (tool, expected) in listed
        .as_array()
        .unwrap()
        .iter()
        .zip(tools::definitions(&config))
    {
        let expected: Option<Value> = expected
            .output_schema
            .map(|schema| serde_json::from_str(schema.get()).unwrap());
        assert_eq!(tool.get("outputSchema"), expected.as_ref());
    }
    assert_eq!(
        client
            .peer_info()
            .unwrap()
            .server_info
            .as_ref()
            .unwrap()
            .name,
        "homer-export-mcp"
    );
    let instructions = client.peer_info().unwrap().instructions.clone();
    assert_eq!(instructions.as_deref(), Some(mcp::INSTRUCTIONS));
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_exports_a_call() {
    let client = client(&["--demo"], &[]).await;
    let result = call(
        &client,
        json!({"callid": CALL, "from_ts": FROM, "to_ts": TO}),
    )
    .await;
    assert_ne!(result.is_error, Some(true));
    let structured = result.structured_content.unwrap();
    let schema = client.list_all_tools().await.unwrap()[0]
        .output_schema
        .as_deref()
        .cloned()
        .unwrap();
    let valid = jsonschema::draft202012::validate(&Value::Object(schema), &structured);
    assert!(valid.is_ok(), "{valid:?}");
    let report = &structured["report"];
    assert_eq!(
        (&report["complete"], &report["ladder"][6]),
        (&json!(true), &json!("7 97.271 B > A 200 OK (2 BYE)"))
    );
    assert_eq!(structured["size_bytes"], 3311);
    assert_eq!(
        structured["sha256"],
        "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f"
    );
    assert_eq!(
        (&structured["delivery"], &structured["report"]["packets"]),
        (&json!("embedded"), &json!(7))
    );

    // The text block has the same facts for a reader, and the bytes are attached once.
    assert_eq!(result.content.len(), 2);
    let text = &result.content[0].as_text().unwrap().text;
    assert!(text.starts_with("completed: 200 after "), "{text}");
    assert!(text.contains("\n1 0.000 A > B INVITE sip:"), "{text}");
    let resource = &result.content[1].as_resource().unwrap().resource;
    let ResourceContents::BlobResourceContents {
        uri,
        mime_type,
        blob,
        ..
    } = resource
    else {
        panic!("no blob")
    };
    assert_eq!(
        uri,
        "homer-pcap:///udp-normal-1%40192.0.2.10?from_ts=1795168800000&to_ts=1795169100000"
    );
    assert_eq!(
        (uri.as_str(), mime_type.as_deref()),
        (
            structured["resource_uri"].as_str().unwrap(),
            Some("application/vnd.tcpdump.pcap")
        )
    );
    assert_eq!(
        BASE64_STANDARD.decode(blob).unwrap(),
        recorded("export-ok-auth-token")
    );
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_gets_advice_on_bad_arguments() {
    let client = client(&["--demo"], &[]).await;
    for (arguments, why) in [
        (
            json!({"callid": CALL, "from_ts": TO, "to_ts": FROM}),
            "invalid-request: the window is reversed: from_ts 2026-11-20T10:05:00Z is not before \
             to_ts 2026-11-20T10:00:00Z; swap its ends",
        ),
        (
            json!({"callid": CALL, "from_ts": FROM / 1000, "to_ts": TO / 1000}),
            "invalid-request: from_ts is 1795168800, which looks like seconds; expected Unix \
             milliseconds, so use 1795168800000 (2026-11-20T10:00:00Z)",
        ),
        (
            json!({"from_ts": FROM, "to_ts": TO}),
            "invalid-request: callid is missing; pass the value of the SIP Call-ID header",
        ),
        (
            json!({"callid": "", "from_ts": FROM, "to_ts": TO}),
            "invalid-request: the Call-ID is empty; give the value of the SIP Call-ID header field",
        ),
    ] {
        assert_eq!(failure(&client, arguments).await, why);
    }
    let unknown = failure(
        &client,
        json!({"callid": "nobody@nowhere", "from_ts": FROM, "to_ts": TO}),
    )
    .await;
    for part in [
        "nothing-captured: ",
        "\"nobody@nowhere\"",
        "2026-11-20T10:00:00Z",
        "so its database works",
        "its Call-ID is spelled differently",
    ] {
        assert!(unknown.contains(part), "{unknown}");
    }
    // The server goes on serving.
    let result = call(
        &client,
        json!({"callid": CALL, "from_ts": FROM as f64, "to_ts": TO.to_string()}),
    )
    .await;
    assert_ne!(result.is_error, Some(true));
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_gets_advice_on_rejected_credentials() {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    let client = client(&[], &[("HOMER_URL", &url), ("HOMER_API_TOKEN", "s3cret")]).await;
    let why = failure(
        &client,
        json!({"callid": CALL, "from_ts": FROM, "to_ts": TO}),
    )
    .await;
    assert!(
        why.starts_with(&format!(
            "unauthorized: Homer at {url} refused the API token (HTTP 400"
        )),
        "{why}"
    );
    assert!(
        why.contains("token access is off") && !why.contains("s3cret"),
        "{why}"
    );
    client.cancel().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn client_gets_a_file_in_a_private_directory_by_default() {
    use std::os::unix::fs::PermissionsExt as _;

    let state = tempfile::tempdir().unwrap();
    let private = [("XDG_STATE_HOME", state.path().to_str().unwrap())];
    let client = client(&["--demo"], &private).await;
    let result = call(&client, export_arguments()).await;
    assert_eq!(result.content.len(), 1, "no bytes in the conversation");
    let structured = result.structured_content.unwrap();
    assert_eq!(structured["delivery"], "file");
    let path = std::path::Path::new(structured["file_path"].as_str().unwrap());
    let directory = state
        .path()
        .canonicalize()
        .unwrap()
        .join("homer-export/captures");
    assert_eq!(path.parent(), Some(directory.as_path()));
    assert_eq!(
        path.file_name().unwrap().to_str(),
        structured["filename"].as_str()
    );
    assert_eq!(
        std::fs::read(path).unwrap(),
        recorded("export-ok-auth-token")
    );
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(directory.as_path()), mode(path)), (0o700, 0o600));
    client.cancel().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn client_gets_captures_attached_if_others_could_replace_files() {
    use std::os::unix::fs::PermissionsExt as _;

    let state = tempfile::tempdir().unwrap();
    let captures = state.path().join("homer-export/captures");
    std::fs::create_dir_all(&captures).unwrap();
    std::fs::set_permissions(&captures, std::fs::Permissions::from_mode(0o777)).unwrap();
    let private = [("XDG_STATE_HOME", state.path().to_str().unwrap())];
    let client = client(&["--demo"], &private).await;
    let structured = call(&client, export_arguments())
        .await
        .structured_content
        .unwrap();
    assert_eq!(structured["delivery"], "embedded");
    assert_eq!(std::fs::read_dir(&captures).unwrap().count(), 0);
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_is_told_if_the_directory_for_captures_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    std::fs::write(dir.path().join("before.pcap"), vec![0; 1024 * 1024]).unwrap();
    let args = [
        "--demo",
        "--output-dir",
        path,
        "--output-max-bytes",
        "1048576",
    ];
    let client = client(&args, &[]).await;
    let why = failure(&client, export_arguments()).await;
    assert!(
        why.starts_with("storage-failed: the capture does not fit into "),
        "{why}"
    );
    assert!(
        why.contains("1 MiB") && why.contains("HOMER_OUTPUT_MAX_BYTES"),
        "{why}"
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    client.cancel().await.unwrap();
}

fn export_arguments() -> Value {
    json!({"callid": CALL, "from_ts": FROM, "to_ts": TO})
}

#[tokio::test]
async fn client_reads_a_larger_capture_behind_its_link() {
    let client = client(&["--demo", "--inline-limit", "3310"], &[]).await;
    let result = call(&client, export_arguments()).await;
    let structured = result.structured_content.unwrap();
    assert_eq!(structured["delivery"], "link");
    let link = result.content[1].as_resource_link().unwrap();
    assert_eq!(
        (link.uri.as_str(), link.size),
        (structured["resource_uri"].as_str().unwrap(), Some(3311))
    );
    assert_eq!(result.content.len(), 2);
    let uri = "homer-pcap:///udp-normal-1%40192.0.2.10?from_ts=1795168800000&to_ts=1795169100000";
    assert_eq!(link.uri, uri);
    assert_eq!(
        read(&client, uri).await.unwrap(),
        recorded("export-ok-auth-token")
    );
    // A capture within the limit is attached.
    let smaller = json!({
        "callid": "options-1@192.0.2.10",
        "from_ts": 1_795_174_800_000_i64,
        "to_ts": 1_795_174_900_000_i64,
    });
    assert_eq!(
        call(&client, smaller).await.structured_content.unwrap()["delivery"],
        "embedded"
    );
    client.cancel().await.unwrap();
}

/// The bytes of a resource.
async fn read(client: &Client, uri: &str) -> Result<Vec<u8>, ServiceError> {
    let result = client
        .read_resource(ReadResourceRequestParams::new(uri))
        .await?;
    let [ResourceContents::BlobResourceContents { blob, .. }] = &result.contents[..] else {
        panic!("no blob")
    };
    Ok(BASE64_STANDARD.decode(blob).unwrap())
}

#[tokio::test]
async fn client_reads_a_resource_that_nobody_exported_before() {
    let client = client(&["--demo"], &[]).await;
    let uri = "homer-pcap:///udp-normal-1%40192.0.2.10?from_ts=1795168800000&to_ts=1795169100000";
    assert_eq!(
        read(&client, uri).await.unwrap(),
        recorded("export-ok-auth-token")
    );
    assert_eq!(client.list_all_resources().await.unwrap(), []);
    let templates = client.list_all_resource_templates().await.unwrap();
    assert_eq!(
        (templates.len(), templates[0].uri_template.as_str()),
        (1, TEMPLATE)
    );
    for uri in [
        "homer-pcap:///nobody%40nowhere?from_ts=1795168800000&to_ts=1795169100000",
        "homer-pcap:///a?from_ts=2&to_ts=1",
        "homer-pcap:///..%2F..%2Fetc%2Fpasswd?from_ts=1795168800000&to_ts=1795169100000",
        "file:///etc/passwd",
    ] {
        let ServiceError::McpError(error) = read(&client, uri).await.unwrap_err() else {
            panic!("{uri}")
        };
        assert!([-32002, -32602].contains(&error.code.0), "{uri}: {error:?}");
    }
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_gets_a_path_if_there_is_an_output_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let client = client(
        &["--demo", "--output-dir", path, "--read-limit", "100"],
        &[],
    )
    .await;
    let mut paths = Vec::new();
    for _ in 0..2 {
        let result = call(&client, export_arguments()).await;
        let structured = result.structured_content.unwrap();
        assert_eq!(
            (&structured["delivery"], result.content.len()),
            (&json!("file"), 1)
        );
        paths.push(structured["file_path"].as_str().unwrap().to_string());
    }
    let stem = dir
        .path()
        .canonicalize()
        .unwrap()
        .join(format!("{CALL}-{FROM}-{TO}"));
    let stem = stem.to_str().unwrap();
    assert_eq!(paths, [format!("{stem}.pcap"), format!("{stem}-2.pcap")]);
    for path in &paths {
        assert_eq!(
            std::fs::read(path).unwrap(),
            recorded("export-ok-auth-token")
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }
    // A failed export leaves no file, and no Call-ID leads out of the directory.
    let failed = call(
        &client,
        json!({"callid": "../../nobody", "from_ts": FROM, "to_ts": TO}),
    )
    .await;
    assert_eq!(failed.is_error, Some(true));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    client.cancel().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn client_export_neither_follows_nor_replaces_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("target");
    std::fs::write(&target, "precious").unwrap();
    std::os::unix::fs::symlink(&target, dir.path().join(format!("{CALL}-{FROM}-{TO}.pcap")))
        .unwrap();
    let client = client(
        &["--demo", "--output-dir", dir.path().to_str().unwrap()],
        &[],
    )
    .await;
    let structured = call(&client, export_arguments())
        .await
        .structured_content
        .unwrap();
    assert!(
        structured["file_path"]
            .as_str()
            .unwrap()
            .ends_with("-2.pcap")
    );
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_gets_base64_text_where_the_operator_says_so() {
    let client = client(&["--demo"], &[("HOMER_RESULT_MODE", "base64")]).await;
    let result = call(&client, export_arguments()).await;
    assert_eq!(result.structured_content.unwrap()["delivery"], "base64");
    let text = &result.content[1].as_text().unwrap().text;
    assert_eq!(
        BASE64_STANDARD.decode(text).unwrap(),
        recorded("export-ok-auth-token")
    );
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_gets_the_report_alone_for_a_capture_over_the_read_limit() {
    let client = client(&["--demo"], &[("HOMER_MAX_READ_BYTES", "3310")]).await;
    let result = call(&client, export_arguments()).await;
    assert_eq!(result.content.len(), 1);
    let structured = result.structured_content.unwrap();
    assert_eq!(
        (&structured["delivery"], &structured["report"]["outcome"]),
        (&json!("withheld"), &json!("completed"))
    );
    let text = &result.content[0].as_text().unwrap().text;
    for summary in [text, structured["summary"].as_str().unwrap()] {
        assert!(
            summary.contains("because it is larger than 3310 bytes"),
            "{summary}"
        );
        assert!(summary.contains("--output-dir"), "{summary}");
    }
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn server_rejects_unusable_settings() {
    for (arguments, why) in [
        (
            &["--result-mode", "file"][..],
            "--result-mode is file, but --output-dir is not set; set it to a directory",
        ),
        (
            &["--result-mode", "mail"],
            "--result-mode is \"mail\"; expected one of auto, embed, link, file, base64",
        ),
        (
            &["--output-dir", "/nonexistent/dir"],
            "cannot use the output directory /nonexistent/dir: ",
        ),
        (
            &["--read-limit", "6291457"],
            "--read-limit is \"6291457\"; expected a whole number from 24 to 6291456",
        ),
        (
            &["--read-limit", "1000", "--inline-limit", "1001"],
            "--inline-limit is \"1001\"; expected a whole number from 24 to 1000",
        ),
    ] {
        let output = program(&[&["--demo"], arguments].concat(), &[])
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(1) && said.contains(why),
            "{said}"
        );
    }
}

#[tokio::test]
async fn check_reports_what_works_and_what_does_not() {
    let check = async |env: &[(&str, &str)]| {
        let output = program(&["--check"], env)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        assert_eq!(output.stdout, b"");
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    use fake_homer::{API_TOKEN, PASSWORD, USERNAME};
    for (env, kind) in [
        (
            &[("HOMER_URL", url.as_str()), ("HOMER_API_TOKEN", API_TOKEN)][..],
            "API token",
        ),
        (
            &[
                ("HOMER_URL", &url),
                ("HOMER_USERNAME", USERNAME),
                ("HOMER_PASSWORD", PASSWORD),
            ],
            "login",
        ),
    ] {
        let (code, said) = check(env).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains(&format!(
                "OK: reached Homer at {url}; it accepted the configured "
            )),
            "{said}"
        );
        assert!(said.to_lowercase().contains(&kind.to_lowercase()), "{said}");
    }
    let (code, said) = check(&[("HOMER_URL", &url), ("HOMER_API_TOKEN", "wr0ng")]).await;
    assert!(
        code == Some(1) && said.contains("unauthorized: ") && !said.contains("wr0ng"),
        "{said}"
    );
    let (code, said) = check(&[("HOMER_URL", "http://127.0.0.1:1")]).await;
    assert!(code == Some(1) && said.contains("unreachable: "), "{said}");
    // The default Homer of the configuration file.
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("homer-export")).unwrap();
    std::fs::write(dir.path().join("homer-export/token"), API_TOKEN).unwrap();
    let toml =
        format!("default = \"prod\"\n[homer.prod]\nurl = \"{url}\"\napi_token_file = \"token\"\n");
    std::fs::write(dir.path().join("homer-export/config.toml"), toml).unwrap();
    let dir = dir.path().to_str().unwrap();
    let (code, said) = check(&[("XDG_CONFIG_HOME", dir), ("APPDATA", dir)]).await;
    assert!(
        code == Some(0) && said.contains("the configured API token"),
        "{said}"
    );
}

#[tokio::test]
async fn client_reads_one_message() {
    let client = client(&["--demo"], &[]).await;
    let ask = |more: Value| {
        let mut arguments = export_arguments();
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        CallToolRequestParams::new(read_message::NAME)
            .with_arguments(arguments.as_object().unwrap().clone())
    };
    let result = client.call_tool(ask(json!({"packet": 3}))).await.unwrap();
    let structured = result.structured_content.unwrap();
    assert!(
        structured["text"]
            .as_str()
            .unwrap()
            .starts_with("SIP/2.0 180 Ringing\\r\\n\nVia: "),
        "{structured}"
    );
    assert_eq!(
        serde_json::from_str::<Value>(&result.content[0].as_text().unwrap().text).unwrap(),
        structured
    );
    let schema = client.list_all_tools().await.unwrap()[1]
        .output_schema
        .as_deref()
        .cloned()
        .unwrap();
    assert!(jsonschema::draft202012::is_valid(
        &Value::Object(schema),
        &structured
    ));
    let dump = client
        .call_tool(ask(json!({"packet": 3, "format": "hex", "offset": 8})))
        .await
        .unwrap();
    let dump = dump.structured_content.unwrap();
    assert!(
        dump["text"]
            .as_str()
            .unwrap()
            .starts_with("000008  31 38 30 20 52"),
        "{dump}"
    );
    for (more, why) in [
        (
            json!({"packet": 8}),
            "invalid-request: packet 8 does not exist; the capture has 7 packets, counted from 1",
        ),
        (
            json!({}),
            "invalid-request: packet is missing; pass the number of a packet, counted from 1",
        ),
    ] {
        let result = client.call_tool(ask(more)).await.unwrap();
        assert_eq!(
            (
                result.is_error,
                result.content[0].as_text().unwrap().text.as_str()
            ),
            (Some(true), why)
        );
    }
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_reads_a_message_of_a_capture_above_every_limit() {
    let homer = FakeHomer::with_capture(large_capture(2770)).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let client = client(
        &["--output-dir", dir.path().to_str().unwrap()],
        &[("HOMER_URL", &homer.url())],
    )
    .await;
    let exported = call(&client, export_arguments())
        .await
        .structured_content
        .unwrap();
    assert_eq!(exported["delivery"], "file");
    let mut asked = export_arguments();
    asked["packet"] = json!(19_384);
    let asked = CallToolRequestParams::new(read_message::NAME)
        .with_arguments(asked.as_object().unwrap().clone());
    let message = client
        .call_tool(asked)
        .await
        .unwrap()
        .structured_content
        .unwrap();
    assert_eq!(
        (&message["packet"], &message["packets"]),
        (&json!(19_384), &json!(19_390))
    );
    // The capture is too large for a message. The error names what this server can do instead.
    let uri = "homer-pcap:///udp-normal-1%40192.0.2.10?from_ts=1795168800000&to_ts=1795169100000";
    let error = read(&client, uri).await.unwrap_err().to_string();
    assert!(
        error.contains("export it with homer_export_pcap") && !error.contains("--output-dir"),
        "{error}"
    );
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_chooses_profiles_for_both_tools_and_the_resource() {
    let homer = FakeHomer::with_transfer_in_two_profiles().await.unwrap();
    let client = client(&[], &[("HOMER_URL", &homer.url())]).await;
    for (profiles, packets, suffix) in [
        (json!(null), 12, ""),
        (json!(["1_default"]), 4, "&profiles=1_default"),
        (
            json!(["1_default", "1_call"]),
            12,
            "&profiles=1_default,1_call",
        ),
    ] {
        let arguments = json!({
            "callid": "transfer-notify-elsewhere@public.example",
            "from_ts": 1_795_165_200_000_u64, "to_ts": 1_795_212_000_000_u64,
            "profiles": profiles,
        });
        let exported = call(&client, arguments.clone()).await.structured_content;
        let exported = exported.unwrap();
        assert_eq!(exported["report"]["packets"], packets);
        let uri = exported["resource_uri"].as_str().unwrap();
        assert!(
            uri.ends_with(&format!("&to_ts=1795212000000{suffix}")),
            "{uri}"
        );
        let capture = read(&client, uri).await.unwrap();
        assert_eq!(json!(capture.len()), exported["size_bytes"]);
        // The packets have the same numbers in both tools.
        let row = exported["report"]["ladder"][2].as_str().unwrap();
        let mut words = row.split(' ');
        let mut arguments = arguments;
        arguments["packet"] = json!(words.next());
        let asked = CallToolRequestParams::new(read_message::NAME)
            .with_arguments(arguments.as_object().unwrap().clone());
        let message = client.call_tool(asked).await.unwrap();
        let message = message.structured_content.unwrap();
        assert_eq!(message["packets"], packets);
        // After the time, and the sender and the receiver with an arrow between them.
        let first_word = words.nth(4).unwrap();
        let text = message["text"].as_str().unwrap();
        assert!(text.lines().next().unwrap().contains(first_word), "{text}");
    }
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn cached_capture_saves_a_second_export() {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    let token = fake_homer::API_TOKEN;
    let client = client(
        &["--inline-limit", "100"],
        &[("HOMER_URL", &url), ("HOMER_API_TOKEN", token)],
    )
    .await;
    let before = homer.exports();
    assert_ne!(call(&client, export_arguments()).await.is_error, Some(true));
    let once = homer.exports() - before;
    let uri = "homer-pcap:///udp-normal-1%40192.0.2.10?from_ts=1795168800000&to_ts=1795169100000";
    assert_eq!(read(&client, uri).await.unwrap().len(), 3311);
    assert_eq!(homer.exports() - before, once);
    // Another window is another capture.
    let other = "homer-pcap:///udp-normal-1%40192.0.2.10?from_ts=1795168800000&to_ts=1795169100001";
    assert_eq!(read(&client, other).await.unwrap().len(), 3311);
    assert_eq!(homer.exports() - before, 2 * once);
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn client_gets_a_protocol_error_for_an_unknown_tool() {
    let client = client(&["--demo"], &[]).await;
    let error = client
        .call_tool(CallToolRequestParams::new("no_such_tool"))
        .await
        .unwrap_err();
    let ServiceError::McpError(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.code.0, -32602);
    assert_eq!(
        error.message,
        "unknown tool \"no_such_tool\"; the tools are homer_export_pcap, homer_read_message, \
                 homer_find_calls, homer_read_ladder and homer_compare_calls"
    );
    client.cancel().await.unwrap();
}

fn initialize() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }})
}

fn initialized() -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
}

fn call_message(id: i64, callid: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
        "name": "homer_export_pcap", "arguments": {"callid": callid, "from_ts": FROM, "to_ts": TO},
        "_meta": {"progressToken": 7},
    }})
}

/// The server's next message, or `None` at the end of its output.
async fn next_message(output: &mut Lines<BufReader<ChildStdout>>) -> Option<Value> {
    let line = tokio::time::timeout(Duration::from_secs(20), output.next_line())
        .await
        .unwrap()
        .unwrap();
    line.map(|line| serde_json::from_str(&line).unwrap())
}

/// A server with the fake Homer, after the handshake; with its input and its output.
async fn demo_server() -> (Child, ChildStdin, Lines<BufReader<ChildStdout>>) {
    let mut child = program(&["--demo"], &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    for message in [initialize(), initialized()] {
        input
            .write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }
    assert_eq!(next_message(&mut output).await.unwrap()["id"], 1);
    (child, input, output)
}

#[tokio::test]
async fn waiting_call_sends_progress() {
    // A Homer that accepts the request and never responds.
    let homer = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", homer.local_addr().unwrap());
    let mut child = program(&[], &[("HOMER_URL", &url)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for message in [initialize(), initialized(), call_message(2, CALL)] {
        input
            .write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(next_message(&mut output).await.unwrap()["id"], 1);
    let sent = next_message(&mut output).await.unwrap();
    assert_eq!(
        (&sent["method"], &sent["params"]["progressToken"]),
        (&json!("notifications/progress"), &json!(7))
    );
    assert_eq!(sent["params"]["message"], "waiting for Homer");
}

#[tokio::test]
async fn receiving_call_sends_the_number_of_bytes() {
    let homer = FakeHomer::with_capture(large_capture(3000)).await.unwrap();
    let mut child = program(&[], &[("HOMER_URL", &homer.url())])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for message in [initialize(), initialized(), call_message(2, CALL)] {
        input
            .write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut sent = Vec::new();
    loop {
        let message = next_message(&mut output).await.unwrap();
        match message["method"].as_str() {
            Some(_) => sent.push((
                message["params"]["progress"].as_f64(),
                message["params"]["message"].to_string(),
            )),
            None if message["id"] == 2 => break,
            None => {}
        }
    }
    assert!(
        sent.iter()
            .any(|(_, text)| text.ends_with(" bytes received\"")),
        "{sent:?}"
    );
    // The progress value increases with each notification, in whatever order they arrive.
    let mut numbers: Vec<_> = sent.iter().map(|(number, _)| *number).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), sent.len());
}

#[tokio::test]
async fn server_survives_nonsense_and_a_thousand_calls() {
    let (mut child, mut input, mut output) = demo_server().await;
    let writer = tokio::spawn(async move {
        for nonsense in [
            "{",
            "[]",
            "\u{0}",
            "{\"jsonrpc\": \"1.0\"}",
            "null",
            &"x".repeat(1 << 20),
        ] {
            input
                .write_all(format!("{nonsense}\n").as_bytes())
                .await
                .unwrap();
        }
        for id in 0..1000 {
            let callid = if id % 2 == 0 {
                CALL
            } else {
                "../../../etc/passwd"
            };
            input
                .write_all(format!("{}\n", call_message(1000 + id, callid)).as_bytes())
                .await
                .unwrap();
        }
        input
    });
    let mut responded = std::collections::BTreeSet::new();
    let mut exported = 0;
    while responded.len() < 1000 {
        let message = next_message(&mut output).await.unwrap();
        let Some(id) = message["id"].as_i64().filter(|id| *id >= 1000) else {
            continue;
        };
        let result = &message["result"];
        if result["isError"] == json!(true) {
            let text = result["content"][0]["text"].as_str().unwrap();
            assert!(
                text.starts_with("busy: ") || text.starts_with("nothing-captured: "),
                "{text}"
            );
        } else {
            assert_eq!(result["structuredContent"]["size_bytes"], 3311, "{message}");
            exported += 1;
        }
        assert!(responded.insert(id), "{id} has two responses");
    }
    assert!(exported > 0);
    let mut input = writer.await.unwrap();
    input
        .write_all(format!("{}\n", call_message(2, CALL)).as_bytes())
        .await
        .unwrap();
    while next_message(&mut output).await.unwrap()["id"] != 2 {}
    drop(input);
    while next_message(&mut output).await.is_some() {}
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn server_ends_with_its_input_and_writes_protocol_only() {
    let mut child = program(&["--demo"], &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for message in [
        initialize(),
        initialized(),
        call_message(2, CALL),
        call_message(3, "nobody@nowhere"),
    ] {
        input
            .write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut responded = Vec::new();
    while responded.len() < 3 {
        let message = next_message(&mut output).await.unwrap();
        assert_eq!(message["jsonrpc"], "2.0");
        // A fast export may end before its progress is sent.
        match message["id"].as_i64() {
            Some(id) => responded.push(id),
            None => assert_eq!(message["method"], "notifications/progress"),
        }
    }
    responded.sort();
    assert_eq!(responded, [1, 2, 3]);
    drop(input);
    assert_eq!(next_message(&mut output).await, None);
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn server_treats_an_unexpanded_placeholder_as_unset() {
    let unfilled = [
        ("HOMER_OUTPUT_DIR", "${user_config.output_dir}"),
        ("HOMER_RESULT_MODE", "${user_config.result_mode}"),
        ("HOMER_MAX_INLINE_BYTES", ""),
    ];
    let client = client(&["--demo"], &unfilled).await;
    assert_eq!(
        call(&client, export_arguments())
            .await
            .structured_content
            .unwrap()["delivery"],
        "embedded"
    );
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn server_rejects_lines_longer_than_a_request_may_be() {
    let (_child, mut input, mut output) = demo_server().await;
    // The second line is within the limit; its response repeats the long id.
    for length in [256 << 10, 200 << 10] {
        let mut list = json!({"jsonrpc": "2.0", "id": "", "method": "tools/list", "params": {}});
        list["id"] = "i".repeat(length).into();
        input
            .write_all(format!("{list}\n").as_bytes())
            .await
            .unwrap();
    }
    // In either order: the second line does not wait until the error has been sent.
    let mut responses = Vec::new();
    for _ in 0..2 {
        responses.push(next_message(&mut output).await.unwrap());
    }
    responses.sort_by_key(|response| response["id"].is_string());
    assert_eq!(responses[0]["error"]["code"], -32600);
    assert_eq!(responses[1]["id"].as_str().map(str::len), Some(200 << 10));
}

#[tokio::test]
async fn cancelled_call_ends_its_request() {
    let homer = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", homer.local_addr().unwrap());
    let client = client(&[], &[("HOMER_URL", &url)]).await;
    let arguments = json!({"callid": CALL, "from_ts": FROM, "to_ts": TO})
        .as_object()
        .unwrap()
        .clone();
    let request = CallToolRequestParams::new("homer_export_pcap").with_arguments(arguments);
    let call = client
        .send_cancellable_request(
            rmcp::model::ClientRequest::CallToolRequest(rmcp::model::CallToolRequest::new(request)),
            rmcp::service::PeerRequestOptions::no_options(),
        )
        .await
        .unwrap();
    let (mut connection, _) = homer.accept().await.unwrap();
    let mut head = [0; 4];
    connection.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"POST");
    call.cancel(None).await.unwrap();
    // The connection is closed long before Homer would time out.
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(1), connection.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn server_without_input_exits_successfully() {
    let state = tempfile::tempdir().unwrap();
    let output = program(
        &["--demo"],
        &[("XDG_STATE_HOME", state.path().to_str().unwrap())],
    )
    .stdin(Stdio::null())
    .output()
    .await
    .unwrap();
    assert_eq!(
        (output.status.code(), output.stdout, output.stderr),
        (Some(0), vec![], vec![])
    );
}

#[tokio::test]
async fn server_without_configuration_says_what_is_missing() {
    let output = program(&[], &[])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let why = "homer-export-mcp: misconfigured: HOMER_URL is not set; set it to Homer's base URL, \
               for example http://homer:9080\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), why);
}
