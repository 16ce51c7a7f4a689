//! 100,000 small and 50 large exports in one process, which shows whether memory, open handles or
//! temporary files grow. `cargo bench -p benches --bench soak` writes the results to
//! docs/benchmarks.md. It reads /proc, so it needs Linux.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking, and prints"
)]

use benches::figures;

use std::fmt::Write as _;

use fake_homer::{FakeHomer, large_capture};
use homer_host::{ExportRequest, Exporter, HostConfig};

const SMALL: usize = 100_000;
const LARGE: usize = 50;

/// Number of concurrent exports.
const AT_ONCE: usize = 4;

/// Allowed growth of memory in KiB after the first tenth of the exports. Allocators are not exact.
const SLACK_KIB: usize = 4 * 1024;

/// Allowed growth of handles. Idle connections open and close, and both ends are in this process.
const SLACK_HANDLES: usize = 2 * AT_ONCE;

/// The memory of this process in KiB, its open handles, and the entries of the directory for
/// temporary files.
fn held(temporary: &std::path::Path) -> (usize, usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kib = line.split_whitespace().next().unwrap().parse().unwrap();
    (
        kib,
        std::fs::read_dir("/proc/self/fd").unwrap().count(),
        std::fs::read_dir(temporary).unwrap().count(),
    )
}

async fn export(exporter: &Exporter) -> usize {
    let request = ExportRequest::for_call(
        "000000000000@192.0.2.10",
        1_795_168_800_000,
        1_795_169_100_000,
    );
    let mut export = exporter.open(&request).await.unwrap().hashed();
    let mut received = 0;
    while let Some(bytes) = export.next().await.unwrap() {
        received += bytes.len();
    }
    assert!(export.finish().await.unwrap().report.packets > 0);
    received
}

/// Exports a capture with this number of calls repeatedly. Returns the resources after each tenth.
async fn soak(
    exports: usize,
    calls: u32,
    temporary: &std::path::Path,
) -> Vec<(usize, usize, usize)> {
    let capture = large_capture(calls);
    let len = capture.len();
    let homer = FakeHomer::with_capture(capture).await.unwrap();
    let configuration = HostConfig::from_vars([("HOMER_URL".to_string(), homer.url())]).unwrap();
    let exporter = Exporter::new(configuration.policy()).unwrap();
    let mut tenths = Vec::new();
    for _ in 0..10 {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let exporter = exporter.clone();
            tasks.spawn(async move {
                for _ in 0..(exports / 10).div_ceil(AT_ONCE) {
                    assert_eq!(export(&exporter).await, len);
                }
            });
        }
        tasks.join_all().await;
        tenths.push(held(temporary));
    }
    tenths
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` runs this program without the argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let temporary = std::env::temp_dir();
    let mut text = String::new();
    assert_eq!(AT_ONCE, 4, "the text below has the number as a word");
    writeln!(
        text,
        "Four concurrent exports with report and SHA-256 run in one process, which also contains \
         the server and its capture. Each cell shows memory in MiB, open handles, and temporary \
         files.\n"
    )
    .unwrap();
    writeln!(
        text,
        "| exports | after a tenth | after half | at the end |\n|---|---|---|---|"
    )
    .unwrap();
    for (exports, calls, name) in [(SMALL, 1, "of 3 KB"), (LARGE, 28_000, "of 92 MB")] {
        let tenths = soak(exports, calls, &temporary).await;
        write!(text, "| {exports} {name} |").unwrap();
        for tenth in [0, 4, 9] {
            let (kib, handles, files) = tenths[tenth];
            write!(text, " {:.1}; {handles}; {files} |", kib as f64 / 1024.0).unwrap();
        }
        writeln!(text).unwrap();
        let ((first, handles, files), (last, more_handles, more_files)) = (tenths[0], tenths[9]);
        if last > first + SLACK_KIB || more_handles > handles + SLACK_HANDLES || more_files > files
        {
            panic!("it grows:\n{text}");
        }
    }
    println!("{text}");
    figures::write("Soak", "cargo bench -p benches --bench soak", &text);
}
