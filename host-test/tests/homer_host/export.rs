use data_encoding::HEXLOWER;
use fake_homer::{FakeHomer, large_capture};
use homer_export::ExportError;
use homer_host::{ExportRequest, Exporter, Failure};
use sha2::{Digest as _, Sha256};

use host_test::calls::{
    CALL, CALL_SHA256, DAY, allow, error, export, homer, policy, recorded, request,
};

#[tokio::test]
async fn export_returns_the_recorded_bytes() {
    let (_homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let (capture, completed) = export(&exporter, &request(CALL)).await.unwrap();
    assert_eq!(capture, recorded("export-ok-auth-token"));
    assert_eq!(completed.sha256, CALL_SHA256);
    let report = completed.report;
    assert_eq!(
        (report.size_bytes, report.packets, report.undated_packets),
        (3311, 7, 0)
    );
    assert_eq!(
        (report.first_packet_us, report.last_packet_us),
        (Some(1_795_168_800_123_456), Some(1_795_168_897_394_456))
    );
    assert_eq!(
        (report.profile.as_str(), report.api, report.warnings.len()),
        ("1_call", 7, 0)
    );
}

/// From half a megabyte on, bytes are received ahead of the component.
#[tokio::test]
async fn large_export_returns_all_bytes() {
    let capture = large_capture(600);
    let homer = FakeHomer::with_capture(capture.clone()).await.unwrap();
    let exporter = Exporter::new(policy(&homer.url())).unwrap();
    let (received, completed) = export(&exporter, &request(CALL)).await.unwrap();
    assert_eq!(received, capture);
    assert_eq!(completed.sha256, HEXLOWER.encode(&Sha256::digest(&capture)));
    assert_eq!(completed.report.packets, 4200);
}

#[tokio::test]
async fn export_returns_every_kind_of_recorded_call() {
    let (_homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    for (call_id, recording, profile) in [
        ("b2bua-leg-a@192.0.2.10", "export-b2bua-a", "1_call"),
        ("b2bua-leg-b@192.0.2.30", "export-b2bua-b", "1_call"),
        ("ipv6-call-1@2001-db8", "export-ipv6", "1_call"),
        ("mixed-call-1@192.0.2.10", "export-mixed-v4-v6", "1_call"),
        ("two-probes@192.0.2.10", "export-two-probes", "1_call"),
        ("quote\"back\\slash@h", "export-callid-awkward-1", "1_call"),
        ("Ünïcode-звонок@h", "export-callid-awkward-2", "1_call"),
        ("odd-fields@192.0.2.10", "v1_5_10-odd-fields", "1_call"),
        (
            "reg-1@192.0.2.10",
            "export-profile-registration",
            "1_registration",
        ),
        (
            "options-1@192.0.2.10",
            "export-profile-options",
            "1_default",
        ),
    ] {
        let (capture, completed) = export(&exporter, &request(call_id)).await.unwrap();
        assert_eq!(capture, recorded(recording), "{call_id}");
        assert_eq!(completed.report.profile, profile, "{call_id}");
    }
}

#[tokio::test]
async fn export_of_several_calls_is_one_file() {
    let (_homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let ids = [
        "b2bua-leg-a@192.0.2.10",
        "b2bua-leg-b@192.0.2.30",
        "b2bua-leg-a@192.0.2.10",
    ];
    let request = ExportRequest {
        call_ids: ids.map(String::from).to_vec(),
        ..request("")
    };
    let (capture, completed) = export(&exporter, &request).await.unwrap();
    assert_eq!(capture, recorded("export-b2bua-both"));
    assert_eq!(
        (completed.report.missing_call_ids, completed.report.warnings),
        (vec![], vec![])
    );
}

#[tokio::test]
async fn export_of_several_calls_names_the_missing_ones() {
    let (_homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let ids = ["nobody@nowhere", CALL, "reg-1@192.0.2.10"];
    let (capture, completed) = export(
        &exporter,
        &ExportRequest {
            call_ids: ids.map(String::from).to_vec(),
            ..request("")
        },
    )
    .await
    .unwrap();
    // The registration is in another profile than the call, and both are searched.
    let registration = recorded("export-profile-registration").len() - 24;
    assert_eq!(
        capture.len(),
        recorded("export-ok-auth-token").len() + registration
    );
    assert_eq!(completed.report.missing_call_ids, ["nobody@nowhere"]);
    assert_eq!(completed.report.warnings, [] as [&str; 0]);
}

#[tokio::test]
async fn export_of_an_unknown_call_names_the_call_and_the_window() {
    let (_homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let failure = exporter.open(&request("nobody@nowhere")).await.unwrap_err();
    let why = format!(
        "Homer at {url} returned an empty capture for Call-ID \"nobody@nowhere\" between \
         2026-11-20T00:00:00Z and \
         2026-11-21T00:00:00Z (profiles 1_call, 1_registration, 1_default). Homer holds other \
         messages in this window"
    );
    let Failure::Export(ExportError::NothingCaptured { message, .. }) = failure else {
        panic!("{failure}")
    };
    assert!(message.starts_with(&why), "{message}");
}

#[tokio::test]
async fn export_searches_only_the_named_profiles() {
    let (_homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let asked = |profiles: &[&str]| ExportRequest {
        profiles: profiles
            .iter()
            .map(|profile| (*profile).to_string())
            .collect(),
        ..request("reg-1@192.0.2.10")
    };
    let failure = exporter.open(&asked(&["1_call"])).await.unwrap_err();
    assert!(
        matches!(
            failure,
            Failure::Export(ExportError::NothingCaptured { .. })
        ),
        "{failure}"
    );
    // A profile that this Homer does not have is skipped.
    let (_, completed) = export(&exporter, &asked(&["1_nope", "1_registration"]))
        .await
        .unwrap();
    assert_eq!(completed.report.profile, "1_registration");
    let failure = exporter.open(&asked(&["1_nope"])).await.unwrap_err();
    assert!(
        matches!(
            failure,
            Failure::Export(ExportError::Rejected { status: 400, .. })
        ),
        "{failure}"
    );
}

#[tokio::test]
async fn export_rejects_an_invalid_request_without_querying_homer() {
    // Nothing listens there, so a request would fail with another error.
    let exporter = Exporter::new(policy("http://127.0.0.1:9")).unwrap();
    let (from_ts, to_ts) = DAY;
    for (request, why) in [
        (
            ExportRequest {
                from_ts: to_ts,
                to_ts: from_ts,
                ..request(CALL)
            },
            "swap its ends",
        ),
        (
            ExportRequest {
                from_ts: from_ts / 1000,
                ..request(CALL)
            },
            "looks like seconds",
        ),
        (
            ExportRequest {
                to_ts: to_ts + 1,
                ..request(CALL)
            },
            "the maximum is 24 h",
        ),
        (request(""), "the Call-ID is empty"),
        (
            ExportRequest {
                call_ids: vec![],
                ..request("")
            },
            "no Call-ID was given",
        ),
        (
            ExportRequest {
                profiles: vec!["call".to_string()],
                ..request(CALL)
            },
            "<HEP id>_<name>",
        ),
    ] {
        let failure = exporter.open(&request).await.unwrap_err();
        let Failure::Export(ExportError::InvalidRequest(text)) = failure else {
            panic!("{failure}")
        };
        assert!(text.contains(why), "{text}");
    }
}

#[tokio::test]
async fn export_with_refused_credentials_is_unauthorized() {
    let (_homer, url) = homer().await;
    let mut wrong = policy(&url);
    wrong.allowed[0].credential =
        Some(homer_export::Credential::api_token("Auth-Token", "s3cret").unwrap());
    let ExportError::Unauthorized(text) = error(wrong).await else {
        panic!("not unauthorized")
    };
    assert!(
        text.contains("refused the API token (HTTP 400: \"missing or malformed jwt\")"),
        "{text}"
    );
    assert!(!text.contains("s3cret"));
}

#[tokio::test]
async fn export_through_a_wrong_path_is_rejected() {
    let (_homer, url) = homer().await;
    let ExportError::Rejected { status, message } = error(policy(&format!("{url}/homer"))).await
    else {
        panic!("accepted")
    };
    assert_eq!(status, 404);
    assert!(message.contains("check HOMER_URL"), "{message}");
}

#[tokio::test]
async fn export_to_an_origin_that_is_not_allowed_is_denied() {
    let (_homer, url) = homer().await;
    let mut nothing = policy(&url);
    nothing.allowed = vec![allow("http://127.0.0.1:9")];
    let why = format!(
        "the host's policy denied the request to {url}; allow this origin in the host, or correct \
         HOMER_URL"
    );
    assert_eq!(error(nothing).await, ExportError::Denied(why));
}

#[tokio::test]
async fn export_cannot_be_finished_before_its_end() {
    let (_homer, url) = homer().await;
    let exporter = Exporter::new(policy(&url)).unwrap();
    let export = exporter.open(&request(CALL)).await.unwrap();
    let failure = export.finish().await.unwrap_err();
    assert_eq!(
        failure,
        Failure::Misuse("finish was called before next returned None")
    );
    // It is not presented as a bug of the component.
    assert_eq!(
        failure.to_string(),
        "homer_host was used in the wrong order: finish was called before next returned None"
    );
}
