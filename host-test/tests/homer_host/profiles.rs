//! Several search profiles, with the component and the host's limit of open exchanges.

use fake_homer::FakeHomer;
use homer_export::CaptureReport;
use homer_host::{ExportRequest, Exporter, Limits};

use host_test::calls::{export, policy, recorded, request};

const CALL_ID: &str = "transfer-notify-elsewhere@public.example";

/// A Homer with the call in one profile and the NOTIFY of its transfer in another one.
async fn homer() -> FakeHomer {
    let homer = FakeHomer::with_transfer_in_two_profiles().await.unwrap();
    // Long enough for requests to be under way at the same time.
    homer.respond_after_ms(20);
    homer
}

fn exporter(homer: &FakeHomer, concurrent_exports: usize) -> Exporter {
    let mut policy = policy(&homer.url());
    policy.limits = Limits {
        concurrent_exports,
        // Never more than that, however small they are.
        small_export: std::time::Duration::ZERO,
        ..policy.limits
    };
    Exporter::new(policy).unwrap()
}

fn contributions(report: &CaptureReport) -> Vec<(&str, u64)> {
    let profiles = report.profiles.iter();
    profiles
        .map(|it| (it.profile.as_str(), it.packets))
        .collect()
}

#[tokio::test]
async fn export_merges_two_profiles() {
    let homer = homer().await;
    let (capture, completed) = export(&exporter(&homer, 4), &request(CALL_ID))
        .await
        .unwrap();
    let report = completed.report;
    assert_eq!((report.sip_messages, report.final_status), (12, Some(200)));
    assert_eq!(
        contributions(&report),
        [("1_call", 8), ("1_registration", 0), ("1_default", 4)]
    );
    assert_eq!(report.warnings, [] as [&str; 0]);
    assert_eq!(report.size_bytes, capture.len() as u64);
    // Both files without one file header.
    assert_eq!(capture.len(), 2842 + 1411 - 24);
    assert_eq!((homer.exports(), homer.most_open()), (3, 2));
}

#[tokio::test]
async fn export_of_one_profile_is_as_homer_sent_it() {
    let homer = homer().await;
    let request = ExportRequest {
        profiles: vec!["1_default".to_string()],
        ..request(CALL_ID)
    };
    let (capture, completed) = export(&exporter(&homer, 4), &request).await.unwrap();
    assert_eq!(
        capture,
        recorded("public/transfer-notify-elsewhere.default")
    );
    assert_eq!(contributions(&completed.report), [("1_default", 4)]);
    assert_eq!((homer.exports(), homer.most_open()), (1, 1));
}

/// Runs exports at the same time, of all profiles and of one.
async fn run_many(homer: &FakeHomer, limit: usize, exports: usize) {
    let exporter = exporter(homer, limit);
    let tasks: Vec<_> = (0..exports)
        .map(|number| {
            let exporter = exporter.clone();
            tokio::spawn(async move {
                let request = match number % 3 {
                    0 => ExportRequest {
                        profiles: vec!["1_call".to_string()],
                        ..request(CALL_ID)
                    },
                    _ => request(CALL_ID),
                };
                let expected = if number % 3 == 0 { 8 } else { 12 };
                let (_, completed) = export(&exporter, &request).await.unwrap();
                assert_eq!(completed.report.packets, expected);
            })
        })
        .collect();
    // Far more than all of them need, and less than their deadline: they do not wait for each
    // other.
    let all = async {
        for task in tasks {
            task.await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(120), all)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_of_several_profiles_never_wait_for_each_other() {
    for limit in [4, 3] {
        let homer = homer().await;
        run_many(&homer, limit, 64).await;
        let most = homer.most_open();
        assert!((2..=limit).contains(&most), "{most} of {limit}");
    }
}

#[tokio::test]
async fn export_of_several_profiles_runs_alone_with_a_limit_of_one() {
    let homer = homer().await;
    run_many(&homer, 1, 8).await;
    assert_eq!(homer.most_open(), 2);
}

#[tokio::test]
async fn export_that_is_passed_on_leaves_room_for_another_one() {
    let homer = homer().await;
    let exporter = exporter(&homer, 3);
    // Each began with two requests and keeps one permit, so that the next two fit in.
    let _first = exporter.open(&request(CALL_ID)).await.unwrap();
    let second = exporter.open(&request(CALL_ID)).await.unwrap();
    let request = request(CALL_ID);
    let third = exporter.open(&request);
    let third = tokio::time::timeout(std::time::Duration::from_millis(200), third).await;
    assert!(third.is_err(), "there is one permit left, and it needs two");
    drop(second);
    exporter.open(&request).await.unwrap();
}
