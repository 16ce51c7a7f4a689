//! The table `tests/outcomes.tsv`: every recorded exchange of the export and login endpoints, with
//! the requests that an export sends if Homer responds so, and the outcome.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use homer_export::export::PcapStream;
use homer_export::query::ParameterNames;
use homer_export::{CallId, Config, Query, Window};

use crate::recordings;
use crate::replay::{Reaction, Replay};

/// Exports from a Homer that gives the recorded response to every request. Only a login is followed
/// by a capture, so that it can be seen to work.
fn outcome(name: &str) -> (String, String) {
    let url = ("HOMER_URL", "http://homer:9080");
    let path = recordings::exchange(name)["request"]["path"].clone();
    let recorded = Reaction::recorded(name);
    let (config, reactions) = if path.as_str().unwrap().ends_with("/auth") {
        let vars = [url, ("HOMER_USERNAME", "u"), ("HOMER_PASSWORD", "p")];
        (
            Config::from_vars(vars),
            vec![recorded, Reaction::recorded("export-ok-auth-token")],
        )
    } else {
        (
            Config::from_vars([url, ("HOMER_CREDENTIAL_KIND", "api-token")]),
            vec![recorded],
        )
    };
    let names = &ParameterNames::WIT;
    let window = Window::new(1_795_168_800_000, 1_795_169_100_000, 24, names).unwrap();
    let query = Query::new(vec![CallId::parse("a@b").unwrap()], window).unwrap();
    let mut replay = Replay::new(reactions);
    let result = PcapStream::open(&query, &config.unwrap(), &mut replay).and_then(|mut stream| {
        while !stream.read(u32::MAX)?.is_empty() {}
        Ok(stream.report().packets)
    });
    let outcome = match result {
        Ok(packets) => format!("{packets} packets"),
        Err(error) => error.case().to_string(),
    };
    (replay.requests.join(", "), outcome)
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

    let mut table = "recording\trequests\toutcome\n".to_string();
    for name in &names {
        let (requests, outcome) = outcome(name);
        writeln!(table, "{name}\t{requests}\t{outcome}").unwrap();
    }
    let file = root.join("outcomes.tsv");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &table).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap();
    for (line, expected) in table.lines().zip(expected.lines()) {
        assert_eq!(
            line, expected,
            "tests/outcomes.tsv differs; BLESS=1 rewrites it"
        );
    }
    assert_eq!(table.lines().count(), expected.lines().count());
}
