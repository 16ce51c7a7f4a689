//! What the way through the component costs: captures of 9 MB and 92 MB from a server on loopback, received by a native client
//! that drops the bytes, and exported with the report off and on. Interleaved; medians; ratios to the native client and to the
//! report off, which are what counts: the times are this machine's.
//!
//! `cargo bench --bench throughput`, on a quiet machine.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench fails by panicking, and prints")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use homer_host::{Configuration, Exporter, Query};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

const CALL_ID: &str = "udp-normal-1@192.0.2.10";

/// The recorded call of 7 messages.
const CALL: &[u8] = include_bytes!("../../tests/data/export-ok-auth-token.pcap");

/// Measurements of each kind, interleaved.
const ROUNDS: usize = 9;

/// A capture of calls like the recorded one, each with a Call-ID of its own and later than the one before.
fn capture(calls: u32) -> Vec<u8> {
    let (header, records) = CALL.split_at(24);
    let mut file = header.to_vec();
    for call in 0..calls {
        let begin = file.len();
        file.extend_from_slice(records);
        let mut at = begin;
        while at < file.len() {
            let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
            let (seconds, len) = (word(at), word(at + 8) as usize);
            file[at..at + 4].copy_from_slice(&(seconds + call / 100).to_le_bytes());
            at += 16 + len;
        }
        // Of the same length: `udp-normal-1@` becomes a number.
        let id = format!("{call:012}@");
        let name = b"udp-normal-1@";
        let mut rest = begin;
        while let Some(found) = file[rest..].windows(name.len()).position(|part| part == name) {
            file[rest + found..rest + found + name.len()].copy_from_slice(id.as_bytes());
            rest += found + name.len();
        }
    }
    file
}

/// Answers every request with the capture, framed as Go frames what it has whole: one chunk.
fn serve(capture: Arc<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let capture = Arc::clone(&capture);
            std::thread::spawn(move || drop(answer(connection.unwrap(), &capture)));
        }
    });
    address
}

fn answer(connection: TcpStream, capture: &[u8]) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.is_empty() {
                break;
            }
        }
        reader.by_ref().take(length).read_to_end(&mut Vec::new())?;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n";
        write!(writer, "{head}\r\n{:x}\r\n", capture.len())?;
        writer.write_all(capture)?;
        writer.write_all(b"\r\n0\r\n\r\n")?;
    }
}

async fn native(client: &Client<HttpConnector, Full<Bytes>>, address: SocketAddr, len: usize) -> Duration {
    let begin = Instant::now();
    let request = http::Request::post(format!("http://{address}/")).body(Full::new(Bytes::new())).unwrap();
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

fn exporter(address: SocketAddr, report: &str) -> Exporter {
    let vars = [("HOMER_URL", format!("http://{address}")), ("HOMER_REPORT", report.to_string())];
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
        let capture = Arc::new(capture(calls));
        let len = capture.len();
        let address = serve(capture);
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (off, on) = (exporter(address, "off"), exporter(address, "on"));
        let query = Query {
            call_ids: vec![CALL_ID.to_string()],
            from_ts: 1_795_168_800_000,
            to_ts: 1_795_169_100_000,
            profiles: vec![],
            nodes: vec![],
            exclude_ips: vec![],
        };
        let (mut natives, mut offs, mut ons) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let times =
                (native(&client, address, len).await, export(&off, &query, len).await, export(&on, &query, len).await);
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
