//! Redacted exports: what the caller gets, and what the host adds to it.

use fake_homer::FakeHomer;
use homer_host::{ExportRequest, Exporter, Level, Redaction};

use host_test::calls::{CALL, CALL_SHA256, export, homer, policy, recorded, request};

const KEY: &[u8] = b"a key of at least 16 bytes";

fn redacted(call_id: &str, level: Level) -> ExportRequest {
    ExportRequest {
        redact: Some(Redaction::new(level, KEY, false).unwrap()),
        ..request(call_id)
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn redacted_export_has_pseudonyms_and_the_hash_of_the_original() {
    let (_homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let (capture, completed) = export(&exporter, &redacted(CALL, Level::Addresses))
        .await
        .unwrap();
    let original = recorded("export-ok-auth-token");
    assert_eq!(capture.len(), original.len());
    for text in ["192.0.2.10", "192.0.2.20", "Alice", "bob@"] {
        assert!(contains(&original, text), "{text}");
        assert!(!contains(&capture, text), "{text}");
    }
    let redaction = completed.redaction.unwrap();
    assert_eq!(redaction.level, "addresses");
    assert_eq!((redaction.packets, redaction.packets_changed), (7, 7));
    assert_eq!(redaction.original_sha256.as_deref(), Some(CALL_SHA256));
    assert_eq!(redaction.original_size_bytes, original.len() as u64);
    // The report describes the redacted file, in which the call has another Call-ID.
    let report = completed.report;
    assert_eq!((report.final_status, report.complete), (Some(200), true));
    assert!(report.missing_call_ids.is_empty());
    let [call_id] = &report.call_ids[..] else {
        panic!("{:?}", report.call_ids)
    };
    assert!(contains(&capture, call_id) && call_id != CALL);
    assert!(report.warnings[0].starts_with("this capture is redacted"));

    let (again, _) = export(&exporter, &redacted(CALL, Level::Addresses))
        .await
        .unwrap();
    assert!(again == capture, "the same key has the same pseudonyms");
    let (plain, completed) = export(&exporter, &request(CALL)).await.unwrap();
    assert!(plain == original && completed.redaction.is_none());
}

#[tokio::test]
async fn redacted_export_of_two_profiles_has_the_hash_of_the_merged_file() {
    const CALL_ID: &str = "transfer-notify-elsewhere@public.example";
    let homer = FakeHomer::with_transfer_in_two_profiles().await.unwrap();
    let exporter = Exporter::new(policy(&homer.url())).unwrap();
    let (merged, plain) = export(&exporter, &request(CALL_ID)).await.unwrap();
    let (capture, completed) = export(&exporter, &redacted(CALL_ID, Level::Numbers))
        .await
        .unwrap();
    assert_eq!(capture.len(), merged.len());
    assert!(capture != merged);
    let redaction = completed.redaction.unwrap();
    assert_eq!(redaction.original_sha256, Some(plain.sha256));
    assert_eq!(
        completed.report.sip_messages, plain.report.sip_messages,
        "{:?}",
        completed.report.warnings
    );
}
