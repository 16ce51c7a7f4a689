//! Every recorded exchange of the export and login paths, and what it ends in: the table
//! `tests/outcomes.tsv`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use homer_export::Config;
use homer_export::homer::login;
use homer_export::homer::reply::{self, Refusal};
use homer_export::pcap::Scanner;

use crate::homer::recorded;
use crate::recordings;

/// What the library makes of a recorded reply, as the edge does: the status first, then the bytes.
fn outcome(name: &str) -> String {
    let exchange = recordings::exchange(name);
    // No reply at all is a matter of the connection; that it ends so is tested over sockets
    // (host-test/tests/host/outbound.rs).
    match exchange["response"]["transport_error"].as_str() {
        None => {}
        Some(why) if why.starts_with("RemoteDisconnected") => {
            return "closed without a reply, invalid-response".to_string();
        }
        Some(why) if why.starts_with("ConnectionRefused") => {
            return "connection refused, unreachable".to_string();
        }
        Some(why) => panic!("{name}: {why}"),
    }
    let (head, text) = recorded(name);
    let url = ("HOMER_URL", "http://homer:9080");
    if exchange["request"]["path"]
        .as_str()
        .unwrap()
        .ends_with("/auth")
    {
        let config =
            Config::from_vars([url, ("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "p")]).unwrap();
        let token = login::token(&head, &text);
        return token.map_or_else(
            || login::failure(&head, &text, &config).case().to_string(),
            |_| "token".to_string(),
        );
    }
    let config = Config::from_vars([url, ("HOMER_CREDENTIAL_KIND", "api-token")]).unwrap();
    if !head.announces_capture() {
        return match reply::refusal(&head, &text, &config) {
            Refusal::UnknownProfile(_) => "unknown profile".to_string(),
            Refusal::Nothing => "nothing".to_string(),
            Refusal::UnknownEndpoint(error) => format!("unknown endpoint, {}", error.case()),
            Refusal::Failed(error) => error.case().to_string(),
        };
    }
    let body = recordings::capture(
        exchange["response"]["body_file"]
            .as_str()
            .unwrap()
            .strip_suffix(".pcap")
            .unwrap(),
    );
    let mut scanner = Scanner::new();
    scanner.scan(&body).unwrap();
    match scanner.finish().unwrap().packets {
        0 => "nothing".to_string(),
        packets => format!("{packets} packets"),
    }
}

#[test]
fn outcome_of_every_recorded_exchange_is_as_the_table_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let entries = fs::read_dir(root.join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_string()))
        .collect();
    names.retain(|name| {
        let path = recordings::exchange(name)["request"]["path"]
            .as_str()
            .unwrap()
            .to_string();
        path.ends_with("/auth") || path.ends_with("/export/call/messages/pcap")
    });
    names.sort();
    assert!(
        names.len() >= 200,
        "only {} exchanges in tests/data",
        names.len()
    );

    let mut table = "recording\toutcome\n".to_string();
    for name in &names {
        writeln!(table, "{name}\t{}", outcome(name)).unwrap();
    }
    let file = root.join("outcomes.tsv");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &table).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap();
    for (line, expected) in table.lines().zip(expected.lines()) {
        assert_eq!(
            line, expected,
            "tests/outcomes.tsv says otherwise; BLESS=1 writes it anew"
        );
    }
    assert_eq!(table.lines().count(), expected.lines().count());
}
