//! What the way through the component costs: captures of 9 MB and 92 MB from a server on loopback, received by a native client
//! that drops the bytes, and exported with the report off and on. Interleaved; medians; ratios to the native client and to the
//! report off, which are what counts: the times are this machine's.
//!
//! `cargo bench --bench throughput`, on a quiet machine.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench fails by panicking, and prints")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use homer_host::stand_in::{StandIn, large_capture};
use homer_host::{Configuration, Exporter, Query};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

const CALL_ID: &str = "udp-normal-1@192.0.2.10";

/// Measurements of each kind, interleaved.
const ROUNDS: usize = 9;

/// A server of a capture, until what is returned is dropped.
fn serve(capture: Vec<u8>) -> (String, tokio::sync::oneshot::Sender<()>) {
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = StandIn::with_capture(capture).await.unwrap();
            tell.send(server.url()).unwrap();
            let _ = ended.await;
        });
    });
    (told.recv().unwrap(), end)
}

async fn native(client: &Client<HttpConnector, Full<Bytes>>, url: &str, len: usize) -> Duration {
    let begin = Instant::now();
    let request =
        http::Request::post(format!("{url}/api/v3/export/call/messages/pcap")).body(Full::new(Bytes::new())).unwrap();
    let mut body = client.request(request).await.unwrap().into_body();
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        received += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(received, len);
    begin.elapsed()
}

async fn export(exporter: &Exporter, query: &Query, len: usize) -> Duration {
    let begin = Instant::now();
    let mut export = exporter.open(query).await.unwrap();
    let mut received = 0;
    while let Some(bytes) = export.next().await.unwrap() {
        received += bytes.len();
    }
    export.finish().await.unwrap();
    assert_eq!(received, len);
    begin.elapsed()
}

fn exporter(url: &str, report: &str) -> Exporter {
    let vars = [("HOMER_URL", url.to_string()), ("HOMER_REPORT", report.to_string())];
    let vars = vars.into_iter().map(|(name, value)| (name.to_string(), value));
    Exporter::new(Configuration::from_vars(vars.collect::<Vec<_>>()).unwrap().policy()).unwrap()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

#[tokio::main]
async fn main() {
    println!("{:>9} | {:>12} | {:>21} | {:>30}", "capture", "native", "report off", "report on");
    for calls in [2_770, 28_000] {
        let capture = large_capture(calls);
        let len = capture.len();
        // In a runtime of its own, as a Homer is in a process of its own.
        let (url, _server) = serve(capture);
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (off, on) = (exporter(&url, "off"), exporter(&url, "on"));
        let query = Query::of_call(CALL_ID, 1_795_168_800_000, 1_795_169_100_000);
        let (mut natives, mut offs, mut ons) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let times =
                (native(&client, &url, len).await, export(&off, &query, len).await, export(&on, &query, len).await);
            // The first connects, and learns Homer's generation.
            if round > 0 {
                natives.push(times.0);
                offs.push(times.1);
                ons.push(times.2);
            }
        }
        let (native, off, on) = (median(natives), median(offs), median(ons));
        println!(
            "{:>6.1} MB | {native:>9.1} ms | {off:>9.1} ms {:>5.2} x | {on:>9.1} ms {:>5.2} x {:>5.2} x off",
            len as f64 / 1e6,
            off / native,
            on / native,
            on / off
        );
    }
}
