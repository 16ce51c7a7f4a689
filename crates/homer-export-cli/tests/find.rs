//! `homer-export find`, run as a user runs it, and the commands that errors suggest.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use fake_homer::{API_TOKEN, Archive, DEMO_CALLS, FakeHomer, Row};
use serde_json::Value;
use tokio::process::Command;

use host_test::server::{Server, Then};

/// Runs the program in a directory with these environment variables only.
async fn run(dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_homer-export"))
        .current_dir(dir)
        .env_clear()
        .kill_on_drop(true)
        .stdin(Stdio::null())
        // The cache of the compiled component, which all tests share.
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")))
        .args(args)
        .envs(env.iter().copied())
        .output()
        .await
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The exit code, standard output and standard error of a run in an empty directory.
async fn outcome(args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), args, env).await;
    let code = output.status.code().unwrap();
    (code, text(&output.stdout), text(&output.stderr))
}

const FROM: &str = "2026-11-20T10:00:00Z";
const TO: &str = "2026-11-20T11:00:00Z";
const FROM_US: i64 = 1_795_168_800_000_000;

async fn homer_with(rows: impl IntoIterator<Item = Row>) -> FakeHomer {
    let mut archive = Archive::default();
    archive.add_rows(rows);
    FakeHomer::with_archive(archive).await.unwrap()
}

#[tokio::test]
async fn find_prints_a_table_and_the_command_that_exports_a_call() {
    let (code, stdout, stderr) = outcome(&["find", "--demo", "--status", "4xx"], &[]).await;
    let id = "busy@demo";
    let expected = format!(
        "\
#  TIME                  CALLER  CALLEE  METHOD  STATUS  SOURCE           DESTINATION        CALL-ID
1  2026-11-20T14:05:00Z  alice   bob     INVITE  486     192.0.2.10:5060  198.51.100.1:5060  {id}

1 call between 2026-11-20T00:00:00Z and 2026-11-21T00:00:00Z; the whole window was searched.

To export call 1 (for call N, repeat this search with --export N):
  homer-export --demo {id} --from 2026-11-20T14:04:55Z --to 2026-11-20T15:05:00Z
"
    );
    assert_eq!((code, &stdout, stderr.as_str()), (0, &expected, ""));
    // The command works.
    let command = stdout.lines().last().unwrap().trim();
    let args: Vec<&str> = command.split(' ').skip(1).collect();
    let (code, stdout, stderr) = outcome(&args, &[]).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("refused: 486 Busy Here"), "{stdout}");
}

#[tokio::test]
async fn readme_finds_a_call_and_exports_it() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let commands = readme.split("cargo run --bin homer-export -- find --demo ");
    let commands: Vec<&str> = commands.skip(1).collect();
    let [find, export] = &commands[..] else {
        unreachable!("{commands:?}")
    };
    let args = |command: &str| {
        let line = command.lines().next().unwrap_or_default();
        let args = format!("find --demo {line}");
        args.split(' ').map(str::to_string).collect::<Vec<_>>()
    };
    let (find, exported) = (args(find), args(export));
    let find: Vec<&str> = find.iter().map(String::as_str).collect();
    let (_, stdout, _) = outcome(&find, &[]).await;
    let shown = export.split("```\n").nth(2).unwrap();
    assert!(stdout.starts_with(&format!("{shown}\n")), "{stdout}");
    let exported: Vec<&str> = exported.iter().map(String::as_str).collect();
    let (code, stdout, stderr) = outcome(&exported, &[]).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("\nbusy@demo.pcap: 7 packets"), "{stdout}");
}

#[tokio::test]
async fn find_shows_the_calls_of_the_demo() {
    let mut stdout = String::new();
    for method in ["INVITE", "REGISTER"] {
        let args = ["find", "--demo", "--method", method];
        stdout += &outcome(&args, &[]).await.1;
    }
    for call in DEMO_CALLS {
        let is_listed = stdout.lines().any(|line| line.ends_with(call.call_id));
        assert_eq!(is_listed, call.outcome.is_some(), "{}", call.call_id);
    }
}

#[tokio::test]
async fn find_prints_the_record_as_json() {
    let args = ["find", "--demo", "--json", "--callid-prefix", "busy@"];
    let (code, stdout, _) = outcome(&args, &[]).await;
    let found: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, 0);
    assert_eq!(found["complete"], true);
    assert_eq!(
        (&found["calls"][0]["callid"], &found["calls"][0]["status"]),
        (&"busy@demo".into(), &486.into())
    );
    assert_eq!(found["calls"][1], Value::Null);
}

#[tokio::test]
async fn find_exports_a_row_as_an_export_does() {
    let dir = tempfile::tempdir().unwrap();
    let found = ["find", "--demo", "--status", "486", "--export", "1"];
    let by_find = run(dir.path(), &[&found[..], &["-o", "a.pcap"]].concat(), &[]).await;
    assert_eq!(by_find.status.code(), Some(0), "{}", text(&by_find.stderr));
    let by_call_id = ["--demo", "busy@demo", "-o", "b.pcap"];
    let by_call_id = run(dir.path(), &by_call_id, &[]).await;
    assert_eq!(
        text(&by_find.stdout).replace("a.pcap", "b.pcap"),
        text(&by_call_id.stdout)
    );
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("a.pcap"), read("b.pcap"));

    // Under its default name, as JSON, and on standard output.
    let json = run(dir.path(), &[&found[..], &["--json"]].concat(), &[]).await;
    let result: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(result["report"]["outcome"], "refused");
    assert_eq!(read("busy@demo.pcap"), read("a.pcap"));
    let again = run(dir.path(), &found, &[]).await;
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("already exists"));
    let stdout = run(dir.path(), &[&found[..], &["-o", "-"]].concat(), &[]).await;
    assert_eq!(stdout.stdout, read("a.pcap"));
}

#[tokio::test]
async fn find_exports_only_a_row_that_exists() {
    for (number, why) in [
        ("0", "--export is 0; the calls are numbered from 1"),
        ("2", "--export is 2, but the search found 1 call"),
    ] {
        let args = ["find", "--demo", "--status", "486", "--export", number];
        let (code, stdout, stderr) = outcome(&args, &[]).await;
        let expected = format!("homer-export: {why}\n");
        assert_eq!((code, stdout, stderr), (2, String::new(), expected));
    }
}

#[tokio::test]
async fn find_without_a_call_exits_with_8() {
    for more in [&[][..], &["--export", "1"]] {
        let args = [&["find", "--demo", "--caller", "nobody"], more].concat();
        let (code, stdout, stderr) = outcome(&args, &[]).await;
        assert_eq!((code, stderr.as_str()), (8, ""), "{stdout}");
        assert!(
            stdout.starts_with("No calls found between 2026-11-20T00:00:00Z and"),
            "{stdout}"
        );
    }
    let args = ["find", "--demo", "--json", "--caller", "nobody"];
    let (code, stdout, _) = outcome(&args, &[]).await;
    let found: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &found["calls"]), (8, &Value::Array(vec![])));
}

#[tokio::test]
async fn find_names_the_part_that_could_not_be_searched() {
    let crashing = Row::invite("broken@h", FROM_US + 60_000_000).crashing();
    let homer = homer_with([Row::invite("whole@h", FROM_US), crashing]).await;
    let url = homer.url();
    let env = [("HOMER_URL", url.as_str()), ("HOMER_API_TOKEN", API_TOKEN)];
    let args = ["find", "--from", FROM, "--to", TO];
    let (code, stdout, stderr) = outcome(&args, &env).await;
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("  whole@h\n"), "{stdout}");
    assert!(
        stdout.contains("; a part of the window could not be\n      searched:\n")
            && stdout.contains("\n  not searched 2026-11-20T10:00:59Z to 2026-11-20T10:01:01Z: "),
        "{stdout}"
    );
    assert!(!stdout.contains(API_TOKEN), "{stdout}");
}

#[tokio::test]
async fn find_keeps_untrusted_text_printable() {
    let mut row = Row::invite("a\u{1b}[2J\u{202e}b@h", FROM_US);
    row.from_user = "eve\u{1b}]0;owned\u{7}\n9 forged".to_string();
    let homer = homer_with([row]).await;
    let url = homer.url();
    let env = [("HOMER_URL", url.as_str()), ("HOMER_API_TOKEN", API_TOKEN)];
    let (code, stdout, _) = outcome(&["find", "--from", FROM, "--to", TO], &env).await;
    assert_eq!(code, 0);
    assert!(
        !stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']) && !stdout.contains("\n9 forged"),
        "{stdout:?}"
    );
    assert!(stdout.contains("a\\x1b[2J\\u{202e}b@h"), "{stdout}");
    // Such a Call-ID cannot be copied.
    let last = "\nTo export call N, repeat this search with --export N.\n";
    assert!(stdout.ends_with(last), "{stdout}");
}

#[tokio::test]
async fn find_explains_a_filter_before_homer_is_queried() {
    let server = Server::start("", Then::Hold).await;
    let env = [("HOMER_URL", server.url.as_str())];
    for (args, why) in [
        (
            &["--status", "180"][..],
            "status is \"180\"; expected a final status",
        ),
        (
            &["--source", "homer"],
            "source is \"homer\"; expected an IPv4 or IPv6",
        ),
        (&["--caller", ""], "caller is empty"),
    ] {
        let args = [&["find", "--from", FROM, "--to", TO], args].concat();
        let (code, _, stderr) = outcome(&args, &env).await;
        assert_eq!(code, 2);
        let expected = format!("homer-export: invalid-request: {why}");
        assert!(stderr.starts_with(&expected), "{stderr}");
    }
    assert_eq!(server.connections(), 0);
    let args = ["find", "--from", "-2h", "--party", "1", "--caller", "2"];
    assert_eq!(outcome(&args, &env).await.0, 2);
    assert_eq!(outcome(&["find"], &env).await.0, 2);
}

#[tokio::test]
async fn find_accepts_relative_times() {
    let homer = homer_with([]).await;
    let url = homer.url();
    let env = [("HOMER_URL", url.as_str()), ("HOMER_API_TOKEN", API_TOKEN)];
    for from in [&["--from", "-2h"][..], &["--from=-1h30m", "--to", "-5m"]] {
        let args = [&["find", "--caller", "5550123"], from].concat();
        let (code, stdout, stderr) = outcome(&args, &env).await;
        assert_eq!(code, 8, "{stderr}");
        assert!(stdout.starts_with("No calls found between "), "{stdout}");
    }
}

#[tokio::test]
async fn times_that_cannot_be_used_are_explained() {
    let env = [("HOMER_URL", "http://127.0.0.1:9")];
    for command in [&["find"][..], &["a@b"]] {
        for (times, words) in [
            (
                &["--from", "2026-11-20"][..],
                &[
                    "--from is \"2026-11-20\", which has no time zone",
                    "2026-11-20T00:00:00Z (1795132800000)",
                    "2026-11-20T00:00:00+01:00",
                ][..],
            ),
            (
                &[
                    "--from",
                    "2026-11-19T10:00:00Z",
                    "--to",
                    "2026-11-20T11:00:00Z",
                ],
                &[
                    "is 25 h 0 min long; the maximum is 24 h",
                    "halves: 2026-11-19T10:00:00Z to 2026-11-19T22:30:00Z and",
                    "--max-window-hours",
                ],
            ),
            (
                &["--from", "2020-01-01T00:00:00Z"],
                &[
                    "--to was not given, so the window ends now",
                    "for example --to 2020-01-01T01:00:00Z",
                ],
            ),
            (
                &["--from", "yesterday"],
                &["--from is \"yesterday\", which is not a time"],
            ),
        ] {
            let (code, _, stderr) = outcome(&[command, times].concat(), &env).await;
            assert_eq!(code, 2, "{stderr}");
            for word in words {
                assert!(stderr.contains(word), "{word}: {stderr}");
            }
        }
    }
    // With --to, the text does not speak of its default.
    let args = ["a@b", "--from", "2020-01-01T00:00:00Z", "--to", "now"];
    let (_, _, stderr) = outcome(&args, &env).await;
    assert!(!stderr.contains("was not given"), "{stderr}");
}

#[tokio::test]
async fn empty_export_prints_the_command_that_exports_what_homer_has() {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    let args = [
        "busy@demo",
        "--from",
        FROM,
        "--to",
        TO,
        "-o",
        "my call.pcap",
        "--url",
        &url,
    ];
    let env = [("HOMER_API_TOKEN", API_TOKEN)];
    let (code, stdout, stderr) = outcome(&args, &env).await;
    assert_eq!((code, stdout.as_str()), (8, ""));
    let expected = format!(
        "\n\nTo export what Homer has:\n  homer-export busy@demo --from 2026-11-20T14:04:55Z --to \
         2026-11-20T14:05:06Z --url {url} --output 'my call.pcap'\n"
    );
    assert!(stderr.ends_with(&expected), "{stderr}");
    assert!(!stderr.contains(API_TOKEN), "{stderr}");

    let args = ["--demo", "busy@elsewhere", "--profile", "1_call"];
    let (_, _, stderr) = outcome(&args, &[]).await;
    assert!(!stderr.contains("To export what Homer has"), "{stderr}");
    let args = ["--demo", "lost-ack@elsewhere", "--profile", "1_call"];
    let (code, _, stderr) = outcome(&args, &[]).await;
    assert_eq!(code, 8);
    assert!(
        stderr.contains("Did you mean \"lost-ack@demo\"?")
            && stderr.ends_with(
                "  homer-export --demo lost-ack@demo --from 2026-11-20T00:00:00Z --to \
                 2026-11-21T00:00:00Z --profile 1_call\n"
            ),
        "{stderr}"
    );
}

#[tokio::test]
async fn call_id_may_be_the_name_of_a_subcommand() {
    let homer = FakeHomer::start().await.unwrap();
    let url = homer.url();
    let env = [("HOMER_URL", url.as_str()), ("HOMER_API_TOKEN", API_TOKEN)];
    for args in [
        &["--from", FROM, "--to", TO, "--", "find"][..],
        &["help", "--from", FROM, "--to", TO],
    ] {
        let (code, _, stderr) = outcome(args, &env).await;
        assert_eq!(code, 8, "{stderr}");
        assert!(
            stderr.contains("returned an empty capture for Call-ID"),
            "{stderr}"
        );
    }
}

#[tokio::test]
async fn find_comes_before_all_flags() {
    for args in [
        &["--demo", "find"][..],
        &["--from", FROM, "--to", TO, "find"],
    ] {
        let (code, stdout, stderr) = outcome(args, &[]).await;
        let expected = "homer-export: find comes first, before all flags; for a call whose Call-ID \
            is find, write -- find at the end\n";
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (2, "", expected));
    }
}
