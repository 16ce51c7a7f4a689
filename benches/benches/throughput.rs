//! The cost of the way through the component, compared with native clients. All of them take turns
//! in one run, and the results are ratios of medians, because absolute times depend on the machine.
//! `cargo bench -p benches --bench throughput` on a quiet machine writes the results to
//! docs/benchmarks.md.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench fails by panicking, and prints"
)]

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use fake_homer::{FakeHomer, large_capture};
use homer_export::packet::Packet;
use homer_export::pcap::{Record, Scanner};
use homer_export::query::ParameterNames;
use homer_export::report::Analyzer;
use homer_export::sip::{Parser, Sdp};
use homer_export::{CallId, Window};
use homer_host::{ExportRequest, Exporter, HostConfig, Level, Policy, Redaction};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use xtask::artifact::{ALL, EXPORTER, EXPORTER_TEXT};

use benches::goals::Bound::AtMost;
use benches::goals::{self, goal};
use benches::{EXPORT_REQUEST, figures};
use host_test::untyped_host as host;

const CALL_ID: &str = "udp-normal-1@192.0.2.10";
const WINDOW: (i64, i64) = (1_795_168_800_000, 1_795_169_100_000);

/// Captures: the number of calls, and a name.
const CAPTURES: [(u32, &str); 5] = [
    (1, "3 KB"),
    (3, "10 KB"),
    (300, "1 MB"),
    (2_770, "9 MB"),
    (28_000, "92 MB"),
];

/// Serves a capture from a runtime of its own, since a real Homer is a process of its own. It stops
/// when the returned sender is dropped.
fn serve(capture: Vec<u8>) -> (String, tokio::sync::oneshot::Sender<()>) {
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = FakeHomer::with_capture(capture).await.unwrap();
            tell.send(server.url()).unwrap();
            let _ = ended.await;
        });
    });
    (told.recv().unwrap(), end)
}

mod typed {
    //! The bindings of a host that knows the types of the component.

    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package homer:bench;
            world exports {
                export homer:capture/types@0.2.0;
                export homer:capture/homer-export@0.2.0;
                export homer:capture/homer-export-stream@0.2.0;
            }
        ",
        world: "homer:bench/exports",
        exports: { default: async },
    });
}

async fn export_flat(host: &host::Host) -> usize {
    let mut store = host.store();
    let component = typed::Exports::instantiate_async(&mut store, &host.component, &host.linker())
        .await
        .unwrap();
    let interface = component.homer_capture_homer_export();
    let capture = interface
        .call_export_pcap(&mut store, CALL_ID, WINDOW.0, WINDOW.1)
        .await
        .unwrap()
        .unwrap();
    std::hint::black_box(capture).data.len()
}

/// As [`export`], in a host without any limit, whose machine code therefore does not check the
/// deadline.
async fn export_unbounded(host: &host::Host) -> usize {
    use typed::exports::homer::capture::homer_export_stream::Query;

    let mut store = host.store();
    let component = typed::Exports::instantiate_async(&mut store, &host.component, &host.linker())
        .await
        .unwrap();
    let interface = component.homer_capture_homer_export_stream();
    let query = Query {
        call_ids: vec![CALL_ID.to_string()],
        from_ts: WINDOW.0,
        to_ts: WINDOW.1,
        profiles: vec![],
        nodes: vec![],
        exclude_ips: vec![],
        redact: None,
    };
    let stream = interface
        .call_open_pcap(&mut store, &query)
        .await
        .unwrap()
        .unwrap();
    let mut received = 0;
    loop {
        match interface
            .pcap_stream()
            .call_read(&mut store, stream, 256 * 1024)
            .await
            .unwrap()
            .unwrap()
            .len()
        {
            0 => break,
            more => received += more,
        }
    }
    std::hint::black_box(
        interface
            .pcap_stream()
            .call_report(&mut store, stream)
            .await
            .unwrap(),
    );
    received
}

/// What the native client does with the bytes.
#[derive(Clone, Copy)]
enum With {
    Drop,
    Hash,
    Base64,
}

async fn native(client: &Client<HttpConnector, Full<Bytes>>, url: &str, with: With) -> usize {
    let request = http::Request::post(format!("{url}/api/v3/export/call/messages/pcap"))
        .body(Full::new(Bytes::from_static(EXPORT_REQUEST)))
        .unwrap();
    let mut body = client.request(request).await.unwrap().into_body();
    let (mut received, mut hash, mut kept) = (0, Sha256::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.unwrap().into_data() else {
            continue;
        };
        received += data.len();
        match with {
            With::Drop => {}
            With::Hash => hash.update(&data),
            With::Base64 => kept.extend_from_slice(&data),
        }
    }
    std::hint::black_box((hash.finalize(), BASE64_STANDARD.encode(kept)));
    received
}

async fn export(exporter: &Exporter, request: &ExportRequest) -> usize {
    let mut export = exporter.open(request).await.unwrap();
    let mut received = 0;
    while let Some(bytes) = export.next().await.unwrap() {
        received += bytes.len();
    }
    std::hint::black_box(export.finish().await.unwrap());
    received
}

async fn export_hashed(exporter: &Exporter, request: &ExportRequest) -> usize {
    let mut export = exporter.open(request).await.unwrap().hashed();
    let mut received = 0;
    while let Some(bytes) = export.next().await.unwrap() {
        received += bytes.len();
    }
    std::hint::black_box(export.finish().await.unwrap());
    received
}

fn policy(url: &str, report: &str) -> Policy {
    let vars = [
        ("HOMER_URL", url),
        ("HOMER_REPORT", report),
        ("HOMER_API", "7"),
        ("HOMER_MAX_CONCURRENT", "64"),
    ];
    let vars = vars
        .into_iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    HostConfig::from_vars(vars).unwrap().policy()
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

/// The columns of the table. The others are compared with the first one.
const KINDS: [&str; 14] = [
    "native, discarded",
    "native, hashed",
    "native, base64",
    "stream, report off",
    "stream, report on",
    "on, without deadline",
    "off, hashed",
    "on, hashed",
    "`export-pcap`",
    "`export-pcap`, untyped",
    "tool, untyped",
    "redacted, secrets",
    "redacted, numbers",
    "redacted, addresses",
];

async fn streams(text: &mut String, goals: &mut String) {
    writeln!(
        text,
        "Values are medians in ms. Values in parentheses are ratios to the native client that \
         discards the data.\n"
    )
    .unwrap();
    writeln!(
        text,
        "| capture | {} |\n|---|{}",
        KINDS.join(" | "),
        "---|".repeat(KINDS.len())
    )
    .unwrap();
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    for (calls, name) in CAPTURES
        .into_iter()
        .filter(|(_, name)| only.is_empty() || only.iter().any(|only| only == name))
    {
        let capture = large_capture(calls);
        let len = capture.len();
        let (url, _server) = serve(capture);
        let client = Client::builder(TokioExecutor::new()).build_http();
        let exporter = |report| Exporter::new(policy(&url, report)).unwrap();
        let (off, on) = (exporter("off"), exporter("on"));
        let environment = [
            ("HOMER_URL", url.as_str()),
            ("HOMER_API", "7"),
            ("HOMER_MAX_BYTES", "100000000"),
        ];
        let (component, tool) = (
            host::Host::new(EXPORTER, &environment),
            host::Host::new(EXPORTER_TEXT, &environment),
        );
        let arguments = json!({ "callid": CALL_ID, "from-ts": WINDOW.0, "to-ts": WINDOW.1 });
        let request = ExportRequest::for_call(CALL_ID, WINDOW.0, WINDOW.1);
        let redacted = Level::ALL.map(|level| ExportRequest {
            redact: Redaction::new(level, b"a key of sixteen bytes", false).ok(),
            ..request.clone()
        });
        let rounds = if calls < 1000 { 101 } else { 9 };
        let mut times = vec![Vec::new(); KINDS.len()];
        for round in 0..=rounds {
            for (kind, times) in times.iter_mut().enumerate() {
                // A dynamic value takes 40 bytes per byte, which is no way to pass megabytes.
                if kind == 9 && len > 2 * 1024 * 1024 {
                    continue;
                }
                let begin = Instant::now();
                let received = match kind {
                    0 => native(&client, &url, With::Drop).await,
                    1 => native(&client, &url, With::Hash).await,
                    2 => native(&client, &url, With::Base64).await,
                    3 => export(&off, &request).await,
                    4 => export(&on, &request).await,
                    5 => export_unbounded(&component).await,
                    6 => export_hashed(&off, &request).await,
                    7 => export_hashed(&on, &request).await,
                    8 => export_flat(&component).await,
                    9 => {
                        let interface = Some("homer:capture/homer-export@0.2.0");
                        let result = component
                            .call(interface, "export-pcap", arguments.clone())
                            .await
                            .unwrap();
                        result["ok"]["data"].as_array().unwrap().len()
                    }
                    11..=13 => export(&on, &redacted[kind - 11]).await,
                    _ => {
                        let result = tool
                            .call(None, "homer-export-pcap", arguments.clone())
                            .await
                            .unwrap();
                        assert!(result["ok"].is_string());
                        len
                    }
                };
                let took = begin.elapsed();
                assert_eq!(received, len);
                // The first round is a warm-up.
                if round > 0 {
                    times.push(took);
                }
            }
        }
        let medians: Vec<Option<f64>> = times
            .iter_mut()
            .map(|times| (!times.is_empty()).then(|| median(times)))
            .collect();
        let base = medians[0].unwrap();
        let ratio = |kind: usize, to: usize| medians[kind].unwrap() / medians[to].unwrap();
        if name == "92 MB" {
            goals.push_str(&goal(
                "92 MB, report off, relative to native, discarded",
                ratio(3, 0),
                AtMost(1.7),
                "×",
            ));
            goals.push_str(&goal(
                "92 MB, report on, relative to native, discarded",
                ratio(4, 0),
                AtMost(2.5),
                "×",
            ));
            for (kind, level) in [(11, "secrets"), (12, "numbers"), (13, "addresses")] {
                goals.push_str(&goal(
                    &format!("92 MB, redacted ({level}), relative to report on"),
                    ratio(kind, 4),
                    AtMost(2.0),
                    "×",
                ));
            }
            goals.push_str(&goal(
                "92 MB, report off, hashed, relative to native, hashed",
                ratio(6, 1),
                AtMost(1.4),
                "×",
            ));
        }
        if name == "10 KB" {
            goals.push_str(&goal(
                "10 KB, report on, relative to native, discarded",
                ratio(4, 0),
                AtMost(2.5),
                "×",
            ));
        }
        write!(text, "| {name} |").unwrap();
        for took in &medians {
            match took {
                Some(took) => write!(text, " {took:.3} ({:.2}) |", took / base).unwrap(),
                None => write!(text, " |").unwrap(),
            }
        }
        writeln!(text).unwrap();
        eprintln!("{}", text.lines().next_back().unwrap_or_default());
    }
}

/// Exports of 10 KB per second, for several numbers of concurrent exports.
async fn rates(text: &mut String) {
    let (url, _server) = serve(large_capture(3));
    let exporter = Exporter::new(policy(&url, "on")).unwrap();
    writeln!(
        text,
        "\n| concurrent exports of 10 KB | exports per second | native client |\n|---|---|---|"
    )
    .unwrap();
    for at_once in [1, 8, 64] {
        let mut counts = [0, 0];
        for (kind, count) in counts.iter_mut().enumerate() {
            let begin = Instant::now();
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..at_once {
                let (exporter, url) = (exporter.clone(), url.clone());
                tasks.spawn(async move {
                    let client = Client::builder(TokioExecutor::new()).build_http();
                    let request = ExportRequest::for_call(CALL_ID, WINDOW.0, WINDOW.1);
                    let mut done = 0;
                    while begin.elapsed() < Duration::from_secs(3) {
                        match kind {
                            0 => export(&exporter, &request).await,
                            _ => native(&client, &url, With::Drop).await,
                        };
                        done += 1;
                    }
                    done
                });
            }
            while let Some(done) = tasks.join_next().await {
                *count += done.unwrap();
            }
        }
        writeln!(
            text,
            "| {at_once} | {} | {} |",
            counts[0] / 3,
            counts[1] / 3
        )
        .unwrap();
    }
}

/// The steps of a report for each packet. Each one includes those before it.
const PARTS: [&str; 5] = [
    "scan the file",
    "and read the Ethernet, IP and UDP headers",
    "and parse the SIP message",
    "and parse its SDP",
    "create the complete report",
];

/// The time of each step of a report: the same code, compiled natively, in this process.
fn parts(text: &mut String) {
    let capture = large_capture(2_770);
    let query = homer_export::Query::new(
        [CallId::parse(CALL_ID).unwrap()].into(),
        Window::new(WINDOW.0, WINDOW.1, 24, &ParameterNames::WIT).unwrap(),
    )
    .unwrap();
    let mut times = vec![Vec::new(); PARTS.len()];
    let mut packets = 0;
    for round in 0..=9 {
        for (part, times) in times.iter_mut().enumerate() {
            let (mut scanner, mut analyzer, mut parser) =
                (Scanner::new(), Analyzer::new(&query), Parser::default());
            let begin = Instant::now();
            let mut visit = |record: &Record<'_>| {
                if part == PARTS.len() - 1 {
                    return analyzer.record(record);
                }
                if part == 0 {
                    return;
                }
                let packet =
                    std::hint::black_box(Packet::parse(record.file.link_type, record.data));
                let Packet::Udp { payload, .. } = packet else {
                    return;
                };
                if part == 1 {
                    return;
                }
                let message = std::hint::black_box(parser.parse(payload, true, &mut |_, _| {}));
                if part == 3
                    && let Some(message) = message
                    && message.is_sdp()
                {
                    std::hint::black_box(Sdp::parse(message.content()).is_ok());
                }
            };
            for chunk in capture.chunks(256 * 1024) {
                scanner.scan_packets(chunk, Some(&mut visit)).unwrap();
            }
            // The first round is a warm-up.
            if round > 0 {
                times.push(begin.elapsed());
            }
            packets = scanner.stats().packets;
        }
    }
    let medians = times
        .iter_mut()
        .map(|times| median(times) * 1_000_000.0 / packets as f64);
    writeln!(
        text,
        "\n| steps for each packet, natively; each row includes those above | ns |\n|---|---|"
    )
    .unwrap();
    for (part, ns) in PARTS.iter().zip(medians) {
        writeln!(text, "| {part} | {ns:.0} |").unwrap();
    }
}

/// The time to create an exporter, and the life of an instance without an export.
async fn start_up(goals: &mut String) {
    let (url, _server) = serve(large_capture(1));
    let mut ready: Vec<Duration> = (0..31)
        .map(|_| {
            let begin = Instant::now();
            let exporter = Exporter::new(policy(&url, "on")).unwrap();
            let took = begin.elapsed();
            drop(exporter);
            took
        })
        .collect();
    let ready = median(&mut ready);
    // An empty Call-ID is rejected before anything is sent, so only the instance is measured.
    let exporter = Exporter::new(policy(&url, "on")).unwrap();
    let nothing = ExportRequest::for_call("", WINDOW.0, WINDOW.1);
    let mut cycles = Vec::new();
    for _ in 0..2001 {
        let begin = Instant::now();
        assert!(exporter.open(&nothing).await.is_err());
        cycles.push(begin.elapsed());
    }
    let cycle = median(&mut cycles) * 1000.0;
    goals.push_str(&goal(
        "time from the cached component to a ready exporter",
        ready,
        AtMost(2.0),
        "ms",
    ));
    goals.push_str(&goal(
        "an instance created, called and dropped",
        cycle,
        AtMost(50.0),
        "µs",
    ));
}

/// The peak memory of the command line in MiB, on systems that have /proc.
fn peak_memory(calls: u32) -> f64 {
    let (url, _server) = serve(large_capture(calls));
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(benches::program("homer-export-cli", "homer-export"))
        .args([
            CALL_ID,
            "--from",
            &WINDOW.0.to_string(),
            "--to",
            &WINDOW.1.to_string(),
            "-o",
        ])
        .arg(dir.path().join("call.pcap"))
        .env("HOMER_URL", url)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap_or_default();
        peak = peak.max(
            line.split_whitespace()
                .next()
                .and_then(|kib| kib.parse().ok())
                .unwrap_or(0),
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    f64::from(peak) / 1024.0
}

/// The smallest memory limit in KiB under which the component can export 92 MB.
async fn guest_memory() -> usize {
    let (url, _server) = serve(large_capture(28_000));
    let request = ExportRequest::for_call(CALL_ID, WINDOW.0, WINDOW.1);
    for kib in (1024..=8192).step_by(256) {
        let mut policy = policy(&url, "on");
        policy.limits.memory_bytes = kib * 1024;
        let exporter = Exporter::new(policy).unwrap();
        let Ok(mut export) = exporter.open(&request).await else {
            continue;
        };
        let whole = loop {
            match export.next().await {
                Ok(Some(_)) => {}
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        if whole && export.finish().await.is_ok() {
            return kib;
        }
    }
    0
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` runs this program without the argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let (mut text, mut reached) = (String::new(), goals::GOALS.to_string());
    streams(&mut text, &mut reached).await;
    if std::env::args().len() > 2 {
        // Only the captures named as arguments were measured, so the file is not rewritten.
        return println!("{text}");
    }
    rates(&mut text).await;
    parts(&mut text);
    start_up(&mut reached).await;
    let (small, large) = (peak_memory(2_770), peak_memory(28_000));
    reached.push_str(&goal(
        "peak memory of `homer-export` for 92 MB",
        large,
        AtMost(40.0),
        "MiB",
    ));
    reached.push_str(&goal(
        "the same, in excess of that for 9 MB",
        large - small,
        AtMost(4.0),
        "MiB",
    ));
    reached.push_str(&goal(
        "the component's own memory for 92 MB",
        guest_memory().await as f64 / 1024.0,
        AtMost(4.0),
        "MiB",
    ));
    let sizes = ALL.map(|artifact| (artifact.file_name(), artifact.build().unwrap().len()));
    reached.push_str(&goal(
        "`homer-export.wasm`",
        sizes[0].1 as f64 / 1024.0,
        AtMost(96.0),
        "KiB",
    ));
    text.push_str(&reached);
    let sizes = sizes.map(|(name, size)| format!("`{name}` {size}"));
    writeln!(
        text,
        "\nComponents, stripped, in bytes: {}.",
        sizes.join(", ")
    )
    .unwrap();
    println!("{text}");
    figures::write(
        "The way through the component",
        "cargo bench -p benches --bench throughput",
        &text,
    );
}
