//! Parts of captures, read by the component in the sandbox.

use std::time::Duration;

use fake_homer::large_capture;
use homer_host::{
    ExportError, Exporter, Failure, Found, LadderQuery, LimitExceeded, Limits, MessageQuery,
    Policy, Reading,
};

use host_test::calls::{CALL, recorded};

use crate::sandbox::sandbox;

/// An exporter that may reach no server: a reader needs none.
fn exporter() -> Exporter {
    Exporter::new(Policy::default()).unwrap()
}

async fn read(exporter: &Exporter, reading: Reading, capture: &[u8]) -> Result<Found, Failure> {
    let mut reader = exporter.open_reader(&reading).await?;
    for chunk in capture.chunks(1000) {
        reader.feed(chunk).await?;
    }
    reader.finish().await
}

#[tokio::test]
async fn reader_finds_a_row_a_message_and_differences() {
    let exporter = exporter();
    let capture = recorded("export-ok-auth-token");
    let query = LadderQuery {
        status: Some("180".to_string()),
        ..LadderQuery::default()
    };
    let Found::Ladder(page) = read(&exporter, Reading::Ladder(query), &capture)
        .await
        .unwrap()
    else {
        panic!("no page");
    };
    assert_eq!((page.rows, page.packets, page.next_packet), (1, 7, None));
    assert!(page.text.contains("\n3 "), "{}", page.text);
    let query = MessageQuery {
        packet: 3,
        ..MessageQuery::default()
    };
    let message = read(&exporter, Reading::Message(query), &capture).await;
    let Found::Message(message) = message.unwrap() else {
        panic!("no message");
    };
    assert!(
        message.text.starts_with("SIP/2.0 180 Ringing"),
        "{message:?}"
    );
    let call = homer_export::CallId::parse(CALL).unwrap();
    let reading = Reading::Comparison([call.clone(), call]);
    let mut reader = exporter.open_reader(&reading).await.unwrap();
    reader.feed(&capture).await.unwrap();
    reader.next_capture().await.unwrap();
    reader.feed(&capture).await.unwrap();
    let Found::Comparison(comparison) = reader.finish().await.unwrap() else {
        panic!("no comparison");
    };
    assert_eq!(comparison.differences, 0, "{}", comparison.text);
}

#[tokio::test]
async fn reader_of_a_capture_of_any_size_has_bounded_memory() {
    // 66 MB in 140,000 packets; the component may use 32 MiB.
    let part = large_capture(1000);
    let reading = Reading::Ladder(LadderQuery {
        from_packet: 139_990,
        ..LadderQuery::default()
    });
    let mut reader = exporter().open_reader(&reading).await.unwrap();
    reader.feed(&part).await.unwrap();
    for _ in 1..20 {
        reader.feed(&part[24..]).await.unwrap();
    }
    let Found::Ladder(page) = reader.finish().await.unwrap() else {
        panic!("no page");
    };
    assert_eq!((page.packets, page.next_packet), (140_000, None));
}

#[tokio::test]
async fn reader_refuses_what_is_no_capture_and_what_is_not_there() {
    let exporter = exporter();
    let query = || MessageQuery {
        packet: 8,
        ..MessageQuery::default()
    };
    let capture = recorded("export-ok-auth-token");
    let missing = read(&exporter, Reading::Message(query()), &capture).await;
    let why = "packet 8 does not exist; the capture has 7 packets, counted from 1".to_string();
    assert_eq!(
        missing.unwrap_err(),
        Failure::Export(ExportError::InvalidRequest(why))
    );
    let cut = &capture[..capture.len() - 1];
    let cut = read(&exporter, Reading::Message(query()), cut).await;
    assert!(matches!(
        cut.unwrap_err(),
        Failure::Export(ExportError::InvalidResponse(_))
    ));
    let mut reader = exporter
        .open_reader(&Reading::Message(query()))
        .await
        .unwrap();
    assert!(reader.feed(b"<html>, which is no capture").await.is_err());
    assert_eq!(
        reader.feed(&capture).await.unwrap_err().to_string(),
        "homer_host was used in the wrong order: the reader is over: an earlier call failed or was \
         dropped"
    );
}

#[tokio::test]
async fn readers_over_the_limit_wait_for_others() {
    let exporter = exporter();
    let reading = || Reading::Message(MessageQuery::default());
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(exporter.open_reader(&reading()).await.unwrap());
    }
    let reading = reading();
    let waiting = exporter.open_reader(&reading);
    let mut waiting = std::pin::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
    assert!(early.is_err());
    open.pop();
    waiting.await.unwrap();
}

#[tokio::test]
async fn sandbox_stops_an_endless_loop_of_a_reader() {
    let cpu = Duration::from_millis(100);
    let exporter = sandbox(Policy {
        limits: Limits {
            cpu,
            ..Limits::default()
        },
        ..Policy::default()
    });
    let reading = Reading::Message(MessageQuery::default());
    let mut reader = exporter.open_reader(&reading).await.unwrap();
    assert_eq!(
        reader.feed(&[1]).await.unwrap_err(),
        Failure::Limit(LimitExceeded::Cpu { limit: cpu })
    );
}
