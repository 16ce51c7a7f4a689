//! The program `homer-export`, run as a user runs it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and prints what it skips"
)]

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use fake_homer::{API_TOKEN, DEMO_CALLS, JWT, PASSWORD, USERNAME};
use serde_json::Value;
use tokio::process::Command;

use host_test::calls::{CALL, CALL_SHA256, homer, recorded};
use host_test::server::{CAPTURE_HEAD, Server, Then, chunk};

/// The program in this directory, without the environment of this process.
fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homer-export"));
    command
        .current_dir(dir)
        .env_clear()
        .kill_on_drop(true)
        .stdin(Stdio::null());
    // The cache of the compiled component, which all tests share.
    command.env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")));
    command
}

async fn run(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    program(dir)
        .args(args)
        .envs(env.iter().copied())
        .output()
        .await
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const WINDOW: [&str; 4] = ["--from", "2026-11-20T10:00:00Z", "--to", "1795169100000"];

#[tokio::test]
async fn demo_writes_a_capture_without_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--demo", "-o", "call.pcap"], &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        fs::read(dir.path().join("call.pcap")).unwrap(),
        recorded("export-ok-auth-token")
    );
    let expected = format!(
        "completed: 200 after 4.250 s (ringing after 0.731 s), ended with BYE from 192.0.2.10:5060

call.pcap: 7 packets in 3311 bytes, 2026-11-20T10:00:00.123456Z to 2026-11-20T10:01:37.394456Z, from
      profile 1_call; 7 SIP messages; no protocol violations
sha256 {CALL_SHA256}

  A  192.0.2.10:5060
  B  192.0.2.20:5060

  seconds   packet  A                                                           B
    0.000        1  |------------- INVITE sip:bob@192.0.2.20:5060 ------------->|
    0.000        2  |<---------------------- 100 Trying ------------------------|
    0.731        3  |<---------------------- 180 Ringing -----------------------|
    4.250        4  |<------------------------ 200 OK --------------------------|
    4.261        5  |--------------- ACK sip:bob@192.0.2.20:5060 -------------->|
   97.262        6  |--------------- BYE sip:bob@192.0.2.20:5060 -------------->|
   97.271        7  |<------------------------ 200 OK --------------------------|
"
    );
    assert_eq!(
        (text(&output.stdout), text(&output.stderr)),
        (expected, String::new())
    );
    assert_eq!(files(dir.path()), ["call.pcap"]);
}

#[tokio::test]
async fn redacted_capture_has_a_manifest_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--demo", "--redact=addresses", CALL], &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let names = files(dir.path());
    assert_eq!(names.len(), 2, "{names:?}");
    let (manifest, capture) = (&names[0], &names[1]);
    assert!(manifest.ends_with(".manifest.json") && capture.ends_with(".pcap"));
    // Neither the names nor what is printed tells what the file hides.
    let shown = format!("{names:?} {}", text(&output.stdout));
    for hidden in ["192.0.2.", CALL, "bob"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    let bytes = fs::read(dir.path().join(capture)).unwrap();
    assert_eq!(bytes.len(), recorded("export-ok-auth-token").len());
    let manifest = fs::read(dir.path().join(manifest)).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["original"]["sha256"], CALL_SHA256);
    assert_eq!(manifest["file"], capture.as_str());
    assert_eq!(manifest["level"], "addresses");
}

#[tokio::test]
async fn redacted_captures_of_one_key_file_have_the_same_pseudonyms() {
    let (_homer, url) = homer().await;
    let dir = tempfile::tempdir().unwrap();
    let export = async |name: &str, key: &str| {
        fs::write(dir.path().join("key"), key).unwrap();
        let args = [&[CALL, "--redact=numbers", "-o", name], &WINDOW[..]].concat();
        let env = [
            ("HOMER_URL", url.as_str()),
            ("HOMER_API_TOKEN", API_TOKEN),
            ("HOMER_REDACT_KEY_FILE", "key"),
        ];
        let output = run(dir.path(), &args, &env).await;
        (output.status.code(), text(&output.stderr))
    };
    for (name, key) in [
        ("a.pcap", "0123456789abcdef"),
        ("b.pcap", "0123456789abcdef\n"),
        ("c.pcap", "another key of this test"),
    ] {
        // The program may warn that other users can read the file.
        let (code, errors) = export(name, key).await;
        assert_eq!(code, Some(0), "{errors}");
    }
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    assert!(read("a.pcap") == read("b.pcap"));
    assert!(read("a.pcap") != read("c.pcap"));
    let (code, error) = export("d.pcap", "short").await;
    assert_eq!(code, Some(3));
    assert!(error.contains("has 5 bytes"), "{error}");
    // Without a value, the flag takes no Call-ID for one.
    let args = [&["--redact", CALL, "-o", "e.pcap", "--json"], &WINDOW[..]].concat();
    let env = [("HOMER_URL", url.as_str()), ("HOMER_API_TOKEN", API_TOKEN)];
    let output = run(dir.path(), &args, &env).await;
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["redaction"]["level"], "secrets");
    assert_eq!(result["redaction"]["original_sha256"], CALL_SHA256);
}

#[tokio::test]
async fn demo_calls_are_listed_and_end_as_the_list_says() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--demo", "--list"], &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let list = text(&output.stdout);
    let mut rows = list.lines().skip(1);
    for call in &DEMO_CALLS {
        let row = rows.next().unwrap();
        assert!(
            row.starts_with(call.call_id) && row.ends_with(call.shows),
            "{row}"
        );
        let output = run(dir.path(), &["--demo", "--json", call.call_id], &[]).await;
        let Some(outcome) = call.outcome else {
            assert!(row.contains(" nothing-captured "), "{row}");
            assert_eq!(output.status.code(), Some(8), "{}", call.call_id);
            continue;
        };
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let report = &result["report"];
        let causes = report["causes"].as_array().unwrap().iter();
        let causes: Vec<&str> = causes
            .map(|cause| cause["code"].as_str().unwrap())
            .collect();
        assert_eq!(
            (report["outcome"].as_str(), &causes[..]),
            (Some(outcome), call.causes),
            "{}",
            call.call_id
        );
        let listed = match causes.is_empty() {
            true => outcome.to_string(),
            false => format!("{outcome}: {}", causes.join(", ")),
        };
        assert!(row.contains(&format!("  {listed}  ")), "{row}");
    }
    assert_eq!(rows.next(), None);
}

#[tokio::test]
async fn readme_shows_what_the_demo_prints() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, after) = readme
        .split_once("cargo run --bin homer-export -- ")
        .unwrap();
    let (arguments, after) = after.split_once('\n').unwrap();
    // Another block, with the command after an installation, comes first.
    let (_, after) = after.split_once("Both print:\n\n```\n").unwrap();
    let (shown, _) = after.split_once("```\n").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let output = run(dir.path(), &arguments, &[]).await;
    assert_eq!(text(&output.stdout), shown);
}

#[tokio::test]
async fn report_names_the_legs_of_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let legs = ["b2bua-leg-a@192.0.2.10", "b2bua-leg-b@192.0.2.30"];
    let output = run(dir.path(), &[&["--demo"], &legs[..]].concat(), &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let legend = format!("\n  call a  {}\n  call b  {}\n", legs[0], legs[1]);
    assert!(stdout.contains(&legend), "{stdout}");
    for row in ["    0.000        1  a ", "    0.020        3  b "] {
        assert!(stdout.contains(row), "{stdout}");
    }
}

#[tokio::test]
async fn report_has_a_line_for_each_direction_of_media() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--demo", "lossy-media@demo"], &[]).await;
    let expected =
        "  quality 192.0.2.10:40001 -> 192.0.2.20:40001: 1000 packets sent, 36 lost, loss \
at most 12.89 %,
      jitter at most 96 timestamp units, round trip 70 ms, MOS 3.1 (estimated)\n";
    let stdout = text(&output.stdout);
    assert!(stdout.ends_with(expected), "{stdout}");
    assert_eq!(stdout.matches("  quality ").count(), 1);
}

#[tokio::test]
async fn report_states_what_an_incomplete_call_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let window = [
        "--from",
        "2026-11-20T10:40:00Z",
        "--to",
        "2026-11-20T10:41:00Z",
        "--demo",
        "-o",
        "call.pcap",
    ];
    let output = run(
        dir.path(),
        &[&["long-call-1@192.0.2.10"], &window[..]].concat(),
        &[],
    )
    .await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let expected =
        "  incomplete no-bye: the call was answered, but the capture does not contain its \
BYE: it arrived
      after the window (which ends 2026-11-20T10:41:00Z), was not captured, or never arrived. To
      rule out the first, use a later to_ts\n";
    let stdout = text(&output.stdout);
    assert!(stdout.ends_with(expected), "{stdout}");
    // There are no colors, because this is not a terminal.
    assert!(!stdout.contains('\x1b'), "{stdout}");
}

#[tokio::test]
async fn report_is_left_out_if_it_is_off() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(
        dir.path(),
        &["--demo", "--report", "off", "-o", "call.pcap", "--json"],
        &[],
    )
    .await;
    let report =
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["report"].take();
    assert_eq!(
        (
            &report["packets"],
            &report["sip_messages"],
            &report["complete"]
        ),
        (&7.into(), &0.into(), &false.into())
    );
    let output = run(dir.path(), &["--demo", "--report", "maybe"], &[]).await;
    assert_eq!(
        (output.status.code(), text(&output.stderr).as_str()),
        (
            Some(3),
            "homer-export: misconfigured: --report is \"maybe\"; expected one of on, off\n"
        )
    );
}

#[tokio::test]
async fn demo_sends_nothing_to_a_configured_homer() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start("", Then::Hold).await;
    let env = [("HOMER_URL", server.url.as_str()), ("HOMER_JWT", "s3cret")];
    let output = run(dir.path(), &["--demo"], &env).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        (server.connections(), files(dir.path())),
        (0, vec![format!("{CALL}.pcap")])
    );
}

#[tokio::test]
async fn capture_is_readable_by_tshark() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--demo", "-o", "call.pcap"], &[]).await;
    assert_eq!(output.status.code(), Some(0));
    let args = [
        "-r",
        "call.pcap",
        "-T",
        "fields",
        "-e",
        "sip.Method",
        "-e",
        "sip.Status-Code",
        "-e",
        "sip.Call-ID",
    ];
    let tshark = Command::new("tshark")
        .args(args)
        .current_dir(dir.path())
        .output()
        .await;
    let Ok(tshark) = tshark else {
        eprintln!("skipped: tshark is not installed");
        return;
    };
    let lines: Vec<String> = text(&tshark.stdout)
        .lines()
        .map(|line| line.replace(&format!("\t{CALL}"), ""))
        .collect();
    assert_eq!(
        lines,
        [
            "INVITE\t", "\t100", "\t180", "\t200", "ACK\t", "BYE\t", "\t200"
        ]
    );
}

#[tokio::test]
async fn result_in_json_has_the_fields_of_the_contract() {
    let (_homer, url) = homer().await;
    let dir = tempfile::tempdir().unwrap();
    let env = [("HOMER_URL", url.as_str()), ("HOMER_API_TOKEN", API_TOKEN)];
    let output = run(
        dir.path(),
        &[&[CALL, "--json", "-o", "c.pcap"], &WINDOW[..]].concat(),
        &env,
    )
    .await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys: Vec<&String> = result.as_object().unwrap().keys().collect();
    let expected = [
        "summary",
        "filename",
        "mime_type",
        "size_bytes",
        "sha256",
        "delivery",
        "file_path",
        "report",
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        (result["sha256"].as_str(), result["delivery"].as_str()),
        (Some(CALL_SHA256), Some("file"))
    );
    assert_eq!(result["file_path"], "c.pcap");
}

#[tokio::test]
async fn credential_is_never_printed() {
    let (_homer, url) = homer().await;
    let homer = ("HOMER_URL", url.as_str());
    for credential in [
        vec![("HOMER_API_TOKEN", API_TOKEN)],
        vec![("HOMER_JWT", JWT)],
        vec![("HOMER_USERNAME", USERNAME), ("HOMER_PASSWORD", PASSWORD)],
    ] {
        for args in [
            vec!["--json"],
            vec![],
            vec!["--force", "--profile", "1_nope"],
        ] {
            let dir = tempfile::tempdir().unwrap();
            let args = [&[CALL, "-o", "c.pcap"], &WINDOW[..], &args[..]].concat();
            // No library may log one either.
            let env = [&credential[..], &[homer, ("RUST_LOG", "trace")]].concat();
            let output = run(dir.path(), &args, &env).await;
            assert!(
                matches!(output.status.code(), Some(0 | 9)),
                "{}",
                text(&output.stderr)
            );
            let printed = text(&output.stdout) + &text(&output.stderr);
            for secret in [API_TOKEN, JWT, PASSWORD] {
                assert!(!printed.contains(secret), "{printed}");
            }
        }
    }
}

#[tokio::test]
async fn profile_can_be_given_several_times() {
    for (profiles, expected) in [
        (
            &["--profile", "1_default", "--profile", "1_call"][..],
            &["1_default", "1_call"][..],
        ),
        (&["--profile", "1_call"], &["1_call"]),
        (&[], &["1_call", "1_registration", "1_default"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let args = [&["--demo", "-o", "c.pcap", "--json"], profiles].concat();
        let output = run(dir.path(), &args, &[]).await;
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let searched = result["report"]["profiles"].as_array().unwrap().iter();
        let searched: Vec<&str> = searched.map(|it| it["profile"].as_str().unwrap()).collect();
        assert_eq!(searched, expected);
        assert_eq!(result["report"]["packets"], 7);
    }
}

#[tokio::test]
async fn standard_output_is_the_capture_only() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--demo", "-o", "-", "--json"], &[]).await;
    assert_eq!(output.stdout, recorded("export-ok-auth-token"));
    let result: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(result["delivery"], "stdout");
    assert!(files(dir.path()).is_empty());
}

#[tokio::test]
async fn several_call_ids_go_into_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "--demo",
        "b2bua-leg-a@192.0.2.10",
        "b2bua-leg-b@192.0.2.30",
        "-o",
        "both.pcap",
    ];
    let output = run(dir.path(), &args, &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        fs::read(dir.path().join("both.pcap")).unwrap(),
        recorded("export-b2bua-both")
    );
}

#[tokio::test]
async fn existing_file_is_overwritten_only_with_force() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("call.pcap");
    fs::write(&path, "precious").unwrap();
    let output = run(dir.path(), &["--demo", "-o", "call.pcap"], &[]).await;
    let why = "homer-export: call.pcap already exists; use --force to overwrite it, or -o to \
        name another file\n";
    assert_eq!(
        (output.status.code(), text(&output.stderr).as_str()),
        (Some(2), why)
    );
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    // With --force, too, a failed export does not change it.
    let output = run(
        dir.path(),
        &["--demo", "nobody@nowhere", "-o", "call.pcap", "--force"],
        &[],
    )
    .await;
    assert_eq!(output.status.code(), Some(8));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    let output = run(dir.path(), &["--demo", "-o", "call.pcap", "--force"], &[]).await;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read(&path).unwrap().len(), 3311);
    assert_eq!(files(dir.path()), ["call.pcap"]);
}

#[tokio::test]
async fn output_that_cannot_be_written_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["--demo", "-o", "."], &[]).await;
    let why = "homer-export: . is a directory; name a file, or use -o - and redirect standard \
        output\n";
    assert_eq!(
        (output.status.code(), text(&output.stderr).as_str()),
        (Some(2), why)
    );
    let server = Server::start("", Then::Hold).await;
    let args = [&[CALL, "-o", "no/such/dir.pcap"], &WINDOW[..]].concat();
    let output = run(dir.path(), &args, &[("HOMER_URL", &server.url)]).await;
    assert_eq!((output.status.code(), server.connections()), (Some(1), 0));
    // The temporary name of the file is not shown.
    let why = "homer-export: cannot write to no/such: No such file or directory (os error 2)\n";
    assert_eq!(text(&output.stderr), why);
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_devices_are_not_replaced_even_with_force() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("precious"), "precious").unwrap();
    std::os::unix::fs::symlink("precious", dir.path().join("link.pcap")).unwrap();
    for place in ["link.pcap", "/dev/null"] {
        let output = run(dir.path(), &["--demo", "-o", place, "--force"], &[]).await;
        let why = format!(
            "homer-export: {place} is not a regular file; name a file, or use -o - and redirect \
             standard output\n"
        );
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(2), why));
    }
    assert_eq!(fs::read(dir.path().join("precious")).unwrap(), b"precious");
    assert_eq!(files(dir.path()), ["link.pcap", "precious"]);
}

#[cfg(unix)]
#[tokio::test]
async fn configuration_that_is_not_unicode_is_reported() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    let mut program = program(dir.path());
    program
        .args([&[CALL], &WINDOW[..]].concat())
        .env("HOMER_URL", "https://127.0.0.1:9");
    program.env("HOMER_CA_FILE", std::ffi::OsStr::from_bytes(b"/tmp/\xff"));
    let output = program.output().await.unwrap();
    let why = "homer-export: misconfigured: HOMER_CA_FILE is not Unicode text\n";
    assert_eq!(
        (output.status.code(), text(&output.stderr).as_str()),
        (Some(3), why)
    );
}

#[tokio::test]
async fn failures_have_exit_codes_and_leave_nothing() {
    let (_homer, url) = homer().await;
    let cut = Server::start(
        [
            CAPTURE_HEAD.as_bytes(),
            &chunk(&recorded("export-ok-auth-token")),
        ]
        .concat(),
        Then::Close,
    )
    .await;
    let silent = Server::start("", Then::Hold).await;
    let failing = Server::start(
        "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n",
        Then::Close,
    )
    .await;
    let elsewhere = Server::start(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        Then::Close,
    )
    .await;
    let page = Server::start(
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        Then::Close,
    )
    .await;
    let closed = Server::start("", Then::Close).await;
    let begun = [
        CAPTURE_HEAD.as_bytes(),
        &chunk(&recorded("export-ok-auth-token")[..2000]),
    ]
    .concat();
    let reset = Server::start(begun, Then::Reset).await;
    let plain = host_test::server::plain_http().await;
    let token = ("HOMER_API_TOKEN", API_TOKEN);
    let homer = ("HOMER_URL", url.as_str());
    for (code, case, args, env) in [
        (
            2,
            "invalid-request",
            vec!["--from", "1795168800", "--to", "now"],
            vec![homer, token],
        ),
        (
            2,
            "invalid-request",
            vec!["--from", "yesterday", "--to", "now"],
            vec![homer, token],
        ),
        (3, "misconfigured", WINDOW.to_vec(), vec![]),
        (
            3,
            "misconfigured",
            WINDOW.to_vec(),
            vec![homer, token, ("HOMER_JWT", "s3cret")],
        ),
        (
            3,
            "misconfigured",
            [&WINDOW[..], &["--ca-file", "/no/such/file"]].concat(),
            vec![("HOMER_URL", "https://127.0.0.1:9")],
        ),
        (
            5,
            "unauthorized",
            WINDOW.to_vec(),
            vec![homer, ("HOMER_API_TOKEN", "s3cret")],
        ),
        (
            6,
            "unreachable",
            WINDOW.to_vec(),
            vec![("HOMER_URL", "http://127.0.0.1:9"), token],
        ),
        (
            7,
            "timed-out",
            [&WINDOW[..], &["--timeout-ms", "200"]].concat(),
            vec![("HOMER_URL", &silent.url), token],
        ),
        (
            7,
            "timed-out",
            [&WINDOW[..], &["--export-deadline-ms", "200"]].concat(),
            vec![("HOMER_URL", &silent.url), token],
        ),
        (
            8,
            "nothing-captured",
            vec![
                "--from",
                "2026-11-19T00:00:00Z",
                "--to",
                "2026-11-19T01:00:00Z",
            ],
            vec![homer, token],
        ),
        (
            9,
            "rejected",
            WINDOW.to_vec(),
            vec![("HOMER_URL", &elsewhere.url), token],
        ),
        (
            10,
            "invalid-response",
            WINDOW.to_vec(),
            vec![("HOMER_URL", &page.url), token],
        ),
        (
            10,
            "invalid-response",
            WINDOW.to_vec(),
            vec![("HOMER_URL", &closed.url), token],
        ),
        (
            10,
            "invalid-response",
            WINDOW.to_vec(),
            vec![("HOMER_URL", &reset.url), token],
        ),
        (
            6,
            "unreachable",
            WINDOW.to_vec(),
            vec![("HOMER_URL", &plain), token],
        ),
        (
            5,
            "unauthorized",
            WINDOW.to_vec(),
            vec![homer, ("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "s3cret")],
        ),
        (
            9,
            "rejected",
            WINDOW.to_vec(),
            vec![("HOMER_URL", &failing.url), token],
        ),
        (
            10,
            "invalid-response",
            WINDOW.to_vec(),
            vec![("HOMER_URL", &cut.url), token],
        ),
        (
            11,
            "too-large",
            [&WINDOW[..], &["--export-max-bytes", "3000"]].concat(),
            vec![homer, token],
        ),
    ] {
        for target in ["call.pcap", "-"] {
            let dir = tempfile::tempdir().unwrap();
            let output = run(
                dir.path(),
                &[&[CALL, "-o", target], &args[..]].concat(),
                &env,
            )
            .await;
            let stderr = text(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{case}: {stderr}");
            assert!(
                stderr.starts_with(&format!("homer-export: {case}: ")),
                "{stderr}"
            );
            assert!(output.stdout.is_empty(), "{case} wrote to standard output");
            assert!(
                files(dir.path()).is_empty(),
                "{case} left {:?}",
                files(dir.path())
            );
            assert!(
                !stderr.contains("s3cret") && !stderr.contains(API_TOKEN),
                "{stderr}"
            );
        }
    }
}

#[tokio::test]
async fn usage_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&[][..], &[CALL], &["--from", "now"], &["--no-such-flag"]] {
        assert_eq!(
            run(dir.path(), args, &[]).await.status.code(),
            Some(2),
            "{args:?}"
        );
    }
    let help = run(dir.path(), &["--help"], &[]).await;
    assert_eq!(help.status.code(), Some(0));
    for word in [
        "CALL-ID",
        "find",
        "check",
        "--demo",
        "--list",
        "HOMER_API_TOKEN_FILE",
        "8 nothing captured",
    ] {
        assert!(
            text(&help.stdout).contains(word),
            "--help does not mention {word}"
        );
    }
}

#[tokio::test]
async fn usage_without_arguments_is_short_and_shows_from() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &[], &[]).await;
    let stderr = text(&output.stderr);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(2), String::new())
    );
    let first = "Usage: homer-export <CALL-ID>... --from <T> [OPTIONS]\n";
    assert!(
        stderr.starts_with(first) && stderr.lines().count() < 16,
        "{stderr}"
    );
    for args in [&["--help"][..], &["find", "--help"]] {
        let help = text(&run(dir.path(), args, &[]).await.stdout);
        let usage = help
            .lines()
            .find(|line| line.starts_with("Usage: "))
            .unwrap();
        assert!(usage.contains("--from <T>"), "{usage}");
    }
}

#[tokio::test]
async fn help_is_as_wide_as_the_terminal_up_to_100_columns() {
    let dir = tempfile::tempdir().unwrap();
    for (columns, most) in [("60", 60), ("80", 80), ("200", 100)] {
        for args in [&["--help"][..], &["find", "--help"], &["check", "--help"]] {
            let output = run(dir.path(), args, &[("COLUMNS", columns)]).await;
            let help = text(&output.stdout);
            let widest = help.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(
                (most - 12..=most).contains(&widest),
                "{widest} of {columns}: {help}"
            );
        }
    }
}

#[tokio::test]
async fn version_begins_with_the_number() {
    let dir = tempfile::tempdir().unwrap();
    let version = text(&run(dir.path(), &["--version"], &[]).await.stdout);
    let number = concat!("homer-export ", env!("CARGO_PKG_VERSION"));
    let commit = version.trim_end().strip_prefix(number).unwrap();
    // A commit follows if the program was built in a checkout of git.
    let commit = commit
        .strip_prefix(" (")
        .map(|commit| commit.strip_suffix(')').unwrap());
    let is_name = |commit: &str| commit.len() == 12 && u64::from_str_radix(commit, 16).is_ok();
    assert!(commit.is_none_or(is_name), "{version}");
}

#[tokio::test]
async fn report_is_as_wide_as_columns_says() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--demo", "busy@demo", "--force"];
    // Narrower than 60 columns, the terminal breaks the lines. Invalid values are ignored.
    for (columns, most) in [
        ("60", 60),
        ("132", 132),
        ("0", 100),
        ("wide", 100),
        ("9", 60),
    ] {
        let output = run(dir.path(), &args, &[("COLUMNS", columns)]).await;
        let stdout = text(&output.stdout);
        let lines = stdout.lines().filter(|line| !line.starts_with("sha256 "));
        let widest = lines.map(|line| line.chars().count()).max().unwrap();
        assert!(
            (most - 2..=most).contains(&widest),
            "{widest} of {columns}: {stdout}"
        );
    }
}

#[tokio::test]
async fn check_says_what_works_and_what_does_not() {
    let (_homer, url) = homer().await;
    let homer = ("HOMER_URL", url.as_str());
    let dir = tempfile::tempdir().unwrap();
    let output = run(
        dir.path(),
        &["check"],
        &[homer, ("HOMER_API_TOKEN", API_TOKEN)],
    )
    .await;
    let stdout = text(&output.stdout);
    let reached = format!("OK: reached Homer at {url}; it accepted the configured API token\n");
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), String::new())
    );
    assert!(
        stdout.contains(&reached) && !stdout.contains(API_TOKEN),
        "{stdout}"
    );
    assert!(files(dir.path()).is_empty());

    let unreachable = ["check", "--url", "http://127.0.0.1:9"];
    for (args, env, code, case) in [
        (
            &["check"][..],
            &[homer, ("HOMER_API_TOKEN", "wr0ng")][..],
            5,
            "unauthorized",
        ),
        (&unreachable, &[], 6, "unreachable"),
        (&["check"], &[], 3, "misconfigured"),
    ] {
        let output = run(dir.path(), args, env).await;
        let stderr = text(&output.stderr);
        assert_eq!(
            (output.status.code(), output.stdout),
            (Some(code), vec![]),
            "{stderr}"
        );
        let begins = stderr.starts_with(&format!("homer-export: {case}: "));
        assert!(begins && !stderr.contains("wr0ng"), "{stderr}");
    }
}

#[tokio::test]
async fn check_refuses_a_server_that_is_not_a_homer() {
    let capture = recorded("export-ok-auth-token");
    let reply = [CAPTURE_HEAD.as_bytes(), &chunk(&capture), b"0\r\n\r\n"].concat();
    let server = Server::start(reply, Then::Close).await;
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["check"], &[("HOMER_URL", &server.url)]).await;
    assert_ne!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[cfg(unix)]
#[tokio::test]
async fn homer_is_chosen_by_its_name_in_the_configuration_file() {
    let (_homer, url) = homer().await;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config/homer-export/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let toml = format!(
        "default = \"down\"\n[homer.prod]\nurl = \"{url}\"\ntoken_command = [\"echo\", \
         \"{API_TOKEN}\"]\n[homer.down]\nurl = \"http://127.0.0.1:9\"\n"
    );
    fs::write(&config, toml).unwrap();
    let xdg = dir.path().join("config");
    // A credential of another Homer is not sent to this one.
    let env = [
        ("XDG_CONFIG_HOME", xdg.to_str().unwrap()),
        ("HOMER_JWT", "s3cret"),
    ];
    let url_in_env = [&env[..], &[("HOMER_URL", "http://127.0.0.1:9")]].concat();
    for (args, env, code, case) in [
        (&["--homer", "prod"][..], &env[..], 0, ""),
        (&["--homer", "prod"], &url_in_env, 0, ""),
        (
            &["--homer", "prod", "--config", config.to_str().unwrap()],
            &[],
            0,
            "",
        ),
        (&[], &env, 6, "unreachable: http://127.0.0.1:9"),
        (
            &["--homer", "other"],
            &env,
            3,
            "has no [homer.other]; it has: down, prod",
        ),
        (
            &["--homer", "prod", "--url", &url],
            &env,
            3,
            "--homer and --url both choose a Homer",
        ),
        (
            &["--homer", "prod", "--demo"],
            &env,
            3,
            "--homer and --demo both choose a Homer",
        ),
        (
            &["--config", "no.toml"],
            &env,
            3,
            "misconfigured: cannot read no.toml",
        ),
    ] {
        let output = run(dir.path(), &[&["check"], args].concat(), env).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(case), "{stderr}");
        let printed = text(&output.stdout) + &stderr;
        assert!(
            !printed.contains(API_TOKEN) && !printed.contains("s3cret"),
            "{printed}"
        );
    }
    let args = [&[CALL, "--homer", "prod", "-o", "c.pcap"], &WINDOW[..]].concat();
    let output = run(dir.path(), &args, &env).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[tokio::test]
async fn demo_can_be_checked() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["check", "--demo"], &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[cfg(unix)]
#[tokio::test]
async fn interrupt_leaves_nothing() {
    let capture = recorded("export-ok-auth-token");
    let server = Server::start(
        [CAPTURE_HEAD.as_bytes(), &chunk(&capture[..2000])].concat(),
        Then::Hold,
    )
    .await;
    let dir = tempfile::tempdir().unwrap();
    // On Linux, an unfinished file has no name, so that not even SIGKILL leaves one.
    let kill = Some("-KILL").filter(|_| cfg!(target_os = "linux"));
    let signals = ["-HUP", "-TERM", "-INT"].into_iter().chain(kill);
    for (nth, signal) in signals.enumerate() {
        let mut program = program(dir.path());
        let child = program
            // One profile, so that an export has one connection.
            .args(
                [
                    &[CALL, "-o", "call.pcap", "--profile", "1_call"],
                    &WINDOW[..],
                ]
                .concat(),
            )
            .env("HOMER_URL", &server.url)
            .spawn()
            .unwrap();
        // Wait until the export has begun. The file is created before.
        while server.connections() < nth + 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let pid = child.id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .await
                .unwrap()
                .success()
        );
        let output = child.wait_with_output().await.unwrap();
        let expected = Some(130).filter(|_| signal != "-KILL");
        assert_eq!(output.status.code(), expected, "{signal}");
        assert!(files(dir.path()).is_empty(), "{signal}");
    }
}

/// The fake Homer's call with many messages: its capture and its report exceed the buffer of a
/// pipe.
#[cfg(unix)]
#[tokio::test]
async fn interrupt_ends_a_program_whose_output_nobody_reads() {
    let capture = fake_homer::large_capture(500);
    let server = Server::start(
        [CAPTURE_HEAD.as_bytes(), &chunk(&capture), b"0\r\n\r\n"].concat(),
        Then::Serve,
    )
    .await;
    for signal in ["-TERM", "-INT"] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = program(dir.path())
            .args([&[CALL, "-o", "-", "--profile", "1_call"], &WINDOW[..]].concat())
            .env("HOMER_URL", &server.url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The capture is complete when its first bytes arrive. Nobody reads the others.
        let mut stdout = child.stdout.take().unwrap();
        tokio::io::AsyncReadExt::read_exact(&mut stdout, &mut [0; 24])
            .await
            .unwrap();
        let pid = child.id().unwrap().to_string();
        let kill = Command::new("kill").args([signal, &pid]).status();
        assert!(kill.await.unwrap().success());
        let ended = tokio::time::timeout(Duration::from_secs(20), child.wait()).await;
        assert_eq!(ended.unwrap().unwrap().code(), Some(130), "{signal}");
        drop(stdout);
    }
}

/// A full disk is an error; a reader that has seen enough is none.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn report_that_cannot_be_written_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    for (args, why) in [
        (
            &["--demo", "-o", "call.pcap", "--json"][..],
            "homer-export: cannot write to standard output: No space left on device (os error \
             28); the capture is complete in call.pcap\n",
        ),
        (
            &["--demo", "--list"][..],
            "homer-export: cannot write to standard output: No space left on device (os error \
             28)\n",
        ),
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let output = program(dir.path())
            .args(args)
            .stdout(full.unwrap())
            .stderr(Stdio::piped())
            .spawn();
        let output = output.unwrap().wait_with_output().await.unwrap();
        assert_eq!(
            (output.status.code(), text(&output.stderr).as_str()),
            (Some(1), why)
        );
    }
    assert_eq!(files(dir.path()), ["call.pcap"]);
}

#[cfg(unix)]
#[tokio::test]
async fn file_of_a_secret_that_others_can_read_has_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    fs::write(&token, "t0ken-of-homer").unwrap();
    let token_path = token.to_str().unwrap();
    for (mode, warning) in [
        (0o600, None),
        (0o644, Some("other users can read")),
        (0o622, Some("other users can change")),
    ] {
        fs::set_permissions(&token, fs::Permissions::from_mode(mode)).unwrap();
        let env = [
            ("HOMER_URL", "http://127.0.0.1:1"),
            ("HOMER_API_TOKEN_FILE", token_path),
        ];
        let output = run(dir.path(), &[&[CALL], &WINDOW[..]].concat(), &env).await;
        let said = text(&output.stderr);
        let warned = said.lines().find(|line| line.contains("warning: "));
        assert_eq!(warned.is_some(), warning.is_some(), "{said}");
        assert!(
            warned
                .unwrap_or_default()
                .contains(warning.unwrap_or_default()),
            "{said}"
        );
        assert!(!said.contains("t0ken"), "{said}");
    }
}
