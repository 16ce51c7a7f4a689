//! How many exports are at Homer at a time, by what they cost. The numbers are counted at Homer,
//! which holds each export until the test lets it go, so that no test depends on time.

use std::sync::Arc;
use std::time::Duration;

use fake_homer::{FakeHomer, large_capture};
use homer_host::{ExportRequest, Exporter, WaitingFor};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use host_test::calls::{policy, recorded, request};

const LIMIT: usize = 4;

/// By how much one small export raises the limit.
const GROWTH: usize = homer_host::admission::GROWTH;

/// A Homer with a large capture in one profile and a small one in another.
async fn homer() -> FakeHomer {
    // 1.4 MB, which no socket buffers completely.
    let captures = [
        ("1_call", large_capture(3000)),
        ("1_default", recorded("export-ok-auth-token")),
    ];
    FakeHomer::with_captures(captures).await.unwrap()
}

/// Exports that run at the same time, and what was told of them.
struct Exports {
    exporter: Exporter,
    running: JoinSet<usize>,
    /// How many had to wait for their turn.
    queued: Arc<Semaphore>,
}

impl Exports {
    fn at(homer: &FakeHomer) -> Self {
        let mut policy = policy(&homer.url());
        policy.limits.concurrent_exports = LIMIT;
        // However busy this machine is, only bytes show what is large.
        policy.limits.small_export = Duration::from_secs(3600);
        Self {
            exporter: Exporter::new(policy).unwrap(),
            running: JoinSet::new(),
            queued: Arc::new(Semaphore::new(0)),
        }
    }

    fn start(&mut self, profiles: &[&str], exports: usize) {
        for number in 0..exports {
            let request = ExportRequest {
                profiles: profiles.iter().map(ToString::to_string).collect(),
                ..request(&format!("call-{number}"))
            };
            let (exporter, queued) = (self.exporter.clone(), Arc::clone(&self.queued));
            self.running.spawn(async move {
                let on_progress = |waiting| {
                    if matches!(waiting, WaitingFor::Turn { .. }) {
                        queued.add_permits(1);
                    }
                };
                let mut export = exporter
                    .open_with_progress(&request, on_progress)
                    .await
                    .unwrap();
                let mut bytes = 0;
                while let Some(chunk) = export.next().await.unwrap() {
                    bytes += chunk.len();
                }
                export.finish().await.unwrap();
                bytes
            });
        }
    }

    /// Returns when this many more exports wait for their turn.
    async fn until_queued(&self, exports: u32) {
        self.queued.acquire_many(exports).await.unwrap().forget();
    }

    /// Waits for this many of them, and returns the sizes of their captures.
    async fn end(&mut self, exports: usize) -> Vec<usize> {
        let mut sizes = Vec::new();
        for _ in 0..exports {
            sizes.push(self.running.join_next().await.unwrap().unwrap());
        }
        sizes
    }
}

#[tokio::test]
async fn concurrent_large_exports_never_exceed_the_limit() {
    let homer = homer().await;
    homer.hold("1_call");
    let mut exports = Exports::at(&homer);
    exports.start(&["1_call"], 64);
    exports.until_queued(60).await;
    homer.until_open(LIMIT).await;
    assert_eq!(homer.exports(), LIMIT);
    homer.let_go(64);
    exports.end(64).await;
    assert_eq!((homer.exports(), homer.most_open()), (64, LIMIT));
}

#[tokio::test]
async fn concurrent_large_exports_are_not_multiplied_by_empty_profiles() {
    let homer = homer().await;
    homer.hold("1_call");
    let mut exports = Exports::at(&homer);
    // Two of these profiles have no packets, and respond at once.
    exports.start(&["1_registration", "1_call", "1_other"], 64);
    exports.until_queued(62).await;
    homer.let_go(64);
    exports.end(64).await;
    assert_eq!(homer.exports(), 3 * 64);
    assert!(homer.most_open() <= LIMIT, "{}", homer.most_open());
}

#[tokio::test]
async fn concurrent_small_exports_exceed_the_limit() {
    let homer = homer().await;
    homer.hold("1_default");
    let mut exports = Exports::at(&homer);
    exports.start(&["1_default"], 64);
    exports.until_queued(60).await;
    homer.until_open(LIMIT).await;
    // Each one that proves small makes room for others.
    for ended in 1..=4 {
        homer.let_go(1);
        exports.end(1).await;
        homer.until_open(LIMIT + ended * GROWTH).await;
    }
    homer.let_go(60);
    exports.end(60).await;
    assert_eq!(
        (homer.exports(), homer.most_open()),
        (64, LIMIT + 4 * GROWTH)
    );
}

#[tokio::test]
async fn small_exports_pass_large_ones_below_the_limit() {
    let homer = homer().await;
    homer.hold("1_call");
    let mut exports = Exports::at(&homer);
    exports.start(&["1_call"], LIMIT - 1);
    homer.until_open(LIMIT - 1).await;
    exports.start(&["1_default"], 20);
    let small = recorded("export-ok-auth-token").len();
    assert_eq!(exports.end(20).await, [small; 20]);
    assert_eq!(homer.open(), LIMIT - 1);
    // With as many as the limit, the next one might be large as well, so it waits.
    exports.running.abort_all();
    homer.until_open(0).await;
    let mut exports = Exports::at(&homer);
    exports.start(&["1_call"], LIMIT);
    homer.until_open(LIMIT).await;
    exports.start(&["1_default"], 20);
    exports.until_queued(20).await;
    homer.let_go(1);
    let sizes = exports.end(21).await;
    assert_eq!(sizes.iter().filter(|size| **size == small).count(), 20);
    assert_eq!(homer.open(), LIMIT - 1);
}

#[tokio::test]
async fn export_that_is_given_up_frees_its_place_in_the_end() {
    let homer = homer().await;
    homer.hold("1_call");
    let mut exports = Exports::at(&homer);
    exports.start(&["1_call"], LIMIT);
    homer.until_open(LIMIT).await;
    exports.start(&["1_default"], 1);
    exports.until_queued(1).await;
    // They have been at Homer for a moment, and count for a while.
    exports.running.abort_all();
    while exports.running.join_next().await.is_some() {}
    exports.start(&["1_default"], 20);
    let small = recorded("export-ok-auth-token").len();
    assert_eq!(exports.end(20).await, [small; 20]);
}
