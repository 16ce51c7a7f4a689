//! Exports from several search profiles: one file in the order of time, and what is missing in it.

use homer_export::export::{MAX_HELD_BYTES, MAX_OPEN_EXCHANGES, PcapStream};
use homer_export::query::ParameterNames;
use homer_export::transport::{ResponseHead, TransportError};
use homer_export::{CallId, CaptureReport, Config, ExportError, Query, Window};
use proptest::prelude::*;

use crate::capture::Capture;
use crate::recordings::capture;
use crate::replay::{Reaction, Replay};

const URL: (&str, &str) = ("HOMER_URL", "http://homer:9080");

/// Homer's three default profiles.
const NAMES: [&str; 3] = ["1_call", "1_registration", "1_default"];

/// A time of day, in microseconds.
const NOON: u64 = 1_795_176_000_000_000;

fn query() -> Query {
    let names = &ParameterNames::WIT;
    let window = Window::new(1_795_168_800_000, 1_795_212_000_000, 24, names).unwrap();
    Query::new(vec![CallId::parse("a@b").unwrap()], window).unwrap()
}

/// Exports from a Homer whose profiles react so, and reads the file in pieces of 1,000 bytes.
fn export(
    reactions: impl IntoIterator<Item = Reaction>,
    query: &Query,
    vars: &[(&str, &str)],
) -> Result<(Vec<u8>, CaptureReport), ExportError> {
    let config = Config::from_vars(vars.iter().copied().chain([URL]))?;
    let mut replay = Replay::new(reactions);
    let mut stream = PcapStream::open(query, &config, &mut replay)?;
    assert!(replay.most_open() <= MAX_OPEN_EXCHANGES);
    // All but the streamed capture are complete, which the host relies on.
    assert_eq!(replay.open(), 1);
    let mut file = Vec::new();
    loop {
        let more = stream.read(1000)?;
        if more.is_empty() {
            return Ok((file, stream.report()));
        }
        file.extend(more);
    }
}

/// Exports the default profiles.
fn merged(reactions: impl IntoIterator<Item = Reaction>) -> (Vec<u8>, CaptureReport) {
    export(reactions, &query(), &[]).unwrap()
}

/// A capture file with these records: time and content.
fn file(records: &[(u64, &[u8])]) -> Vec<u8> {
    let mut capture = Capture::new();
    for (time_us, frame) in records {
        capture.record(*time_us, frame);
    }
    capture.bytes
}

fn reaction(records: &[(u64, &[u8])]) -> Reaction {
    Reaction::capture(file(records))
}

/// A capture that arrives in chunks of this size.
fn in_chunks(bytes: &[u8], size: usize) -> Reaction {
    let chunks = bytes.chunks(size).map(|chunk| Ok(chunk.to_vec()));
    Reaction::Response(ok(), chunks.collect())
}

/// A capture whose transfer fails at the end of these bytes.
fn broken(bytes: &[u8]) -> Reaction {
    let failure = Err(TransportError::ConnectionClosed);
    Reaction::Response(ok(), vec![Ok(bytes.to_vec()), failure])
}

fn ok() -> ResponseHead {
    ResponseHead {
        status: 200,
        ..ResponseHead::default()
    }
}

/// What each profile contributed.
fn contributions(report: &CaptureReport) -> Vec<(&str, u64)> {
    let profiles = report.profiles.iter();
    profiles
        .map(|it| (it.profile.as_str(), it.packets))
        .collect()
}

/// The recorded call: 7 packets, 3,311 bytes.
fn call() -> Vec<u8> {
    capture("export-ok-auth-token")
}

/// sipcapture/homer #656, heplify-server PR 550: a call in 1_call, its NOTIFY in 1_default.
#[test]
fn public_case_transfer_notify_elsewhere() {
    let name = "transfer-notify-elsewhere";
    let call_id = CallId::parse(&format!("{name}@public.example")).unwrap();
    let query = Query::new(vec![call_id], query().window()).unwrap();
    let reactions = [
        Reaction::capture(capture(&format!("public/{name}"))),
        Reaction::empty(),
        Reaction::capture(capture(&format!("public/{name}.default"))),
    ];
    let (_, report) = export(reactions, &query, &[]).unwrap();
    assert_eq!((report.sip_messages, report.final_status), (12, Some(200)));
    assert_eq!(
        contributions(&report),
        [("1_call", 8), ("1_registration", 0), ("1_default", 4)]
    );
    assert_eq!(report.warnings, [] as [&str; 0]);
    // In the order of time, so that no packet goes back.
    assert!(report.findings.iter().all(|it| it.code != "time-backwards"));
    let causes: Vec<&str> = report.causes.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(
        (report.outcome.as_deref(), causes),
        (Some("completed"), vec!["transfer-failed"])
    );
    let notify = |line: &str| line.starts_with("NOTIFY");
    let at = report.ladder.iter().position(|it| notify(&it.line));
    assert!(at.is_some_and(|at| at < 11), "{at:?}");
}

#[test]
fn profiles_of_which_one_has_packets_leave_the_file_as_it_is() {
    for (at, name) in NAMES.iter().enumerate() {
        for size in [1, 23, 24, 25, 40, 1000, 4000] {
            let mut reactions = vec![Reaction::empty(); 3];
            reactions[at] = in_chunks(&call(), size);
            let (file, report) = merged(reactions);
            assert!(file == call(), "{name} in chunks of {size}");
            assert_eq!((report.profile.as_str(), report.packets), (*name, 7));
            let expected: Vec<(&str, u64)> = NAMES
                .iter()
                .map(|other| (*other, if other == name { 7 } else { 0 }))
                .collect();
            assert_eq!(contributions(&report), expected);
        }
    }
}

#[test]
fn profiles_are_merged_by_time() {
    let (file_of_both, report) = merged([
        reaction(&[(NOON + 1, b"a"), (NOON + 3, b"c"), (NOON + 5, b"e")]),
        reaction(&[(NOON, b"z"), (NOON + 4, b"d")]),
        reaction(&[(NOON + 2, b"b"), (NOON + 9, b"f")]),
    ]);
    let expected = file(&[
        (NOON, b"z"),
        (NOON + 1, b"a"),
        (NOON + 2, b"b"),
        (NOON + 3, b"c"),
        (NOON + 4, b"d"),
        (NOON + 5, b"e"),
        (NOON + 9, b"f"),
    ]);
    assert_eq!(file_of_both, expected);
    assert_eq!((report.packets, report.other_packets), (7, 7));
    assert_eq!(report.size_bytes, expected.len() as u64);
    assert_eq!(
        contributions(&report),
        [("1_call", 3), ("1_registration", 2), ("1_default", 2)]
    );
    assert_eq!(report.profile, "1_call");
    assert!(
        report
            .summary()
            .contains("from profiles 1_call, 1_registration and 1_default"),
        "{}",
        report.summary()
    );
}

#[test]
fn profiles_with_packets_of_the_same_time_keep_their_order() {
    let (file_of_all, _) = merged([
        reaction(&[(NOON, b"1"), (NOON, b"2"), (NOON + 1, b"7")]),
        reaction(&[(NOON, b"3"), (NOON, b"4")]),
        reaction(&[(NOON, b"5"), (NOON, b"6"), (NOON + 1, b"8")]),
    ]);
    let expected = [b"1", b"2", b"3", b"4", b"5", b"6"].map(|data| (NOON, &data[..]));
    let expected = [&expected[..], &[(NOON + 1, b"7"), (NOON + 1, b"8")]].concat();
    assert_eq!(file_of_all, file(&expected));
}

#[test]
fn profiles_with_the_same_packet_have_it_once() {
    let (a, b): (&[u8], &[u8]) = (b"a", b"b");
    for (profiles, expected, packets) in [
        // In all three.
        (
            [&[(NOON, a)][..], &[(NOON, a)], &[(NOON, a)]],
            &[(NOON, a)][..],
            [1, 0, 0],
        ),
        // In both of those that are held.
        (
            [&[(NOON, b)], &[(NOON + 1, a)], &[(NOON + 1, a)]],
            &[(NOON, b), (NOON + 1, a)],
            [1, 1, 0],
        ),
        // The same bytes at another time, and other bytes at the same time, are other packets.
        (
            [&[(NOON, a)], &[(NOON + 1, a)], &[(NOON, b)]],
            &[(NOON, a), (NOON, b), (NOON + 1, a)],
            [1, 1, 1],
        ),
        // Two agents: equal packets within one profile are Homer's, and remain.
        (
            [&[(NOON, a), (NOON, a)], &[(NOON, a)], &[]],
            &[(NOON, a), (NOON, a)],
            [2, 0, 0],
        ),
        (
            [&[(NOON, a)], &[(NOON, a), (NOON, a)], &[(NOON, a)]],
            &[(NOON, a), (NOON, a)],
            [1, 1, 0],
        ),
    ] {
        let (merged, report) = merged(profiles.map(reaction));
        assert_eq!(merged, file(expected), "{profiles:?}");
        let contributed: Vec<u64> = report.profiles.iter().map(|it| it.packets).collect();
        assert_eq!(contributed, packets, "{profiles:?}");
    }
}

#[test]
fn profiles_with_packets_dated_1970_keep_them_in_their_place() {
    // Homer has no time for a packet dated 1970, but it has its place among the others.
    let (file_of_both, report) = merged([
        reaction(&[(NOON, b"a"), (7, b"b"), (NOON + 4, b"e")]),
        reaction(&[(NOON + 2, b"c"), (7, b"d"), (7, b"b")]),
        reaction(&[(7, b"z")]),
    ]);
    let expected = file(&[
        (7, b"z"),
        (NOON, b"a"),
        (7, b"b"),
        (NOON + 2, b"c"),
        (7, b"d"),
        (NOON + 4, b"e"),
    ]);
    assert_eq!(file_of_both, expected);
    assert_eq!(report.undated_packets, 3);
    // A packet of the streamed profile that was written before, because it came from another one.
    let (file_of_both, report) = merged([
        reaction(&[(NOON, b"a"), (NOON + 4, b"e"), (7, b"z")]),
        reaction(&[(7, b"z")]),
        Reaction::empty(),
    ]);
    assert_eq!(
        file_of_both,
        file(&[(7, b"z"), (NOON, b"a"), (NOON + 4, b"e")])
    );
    assert_eq!(
        contributions(&report),
        [("1_call", 2), ("1_registration", 1), ("1_default", 0)]
    );
}

#[test]
fn profiles_are_merged_around_a_record_of_many_chunks() {
    // Longer than the held captures may be, so it is passed on before its end arrives.
    let long = vec![b'x'; MAX_HELD_BYTES + 1];
    let streamed = file(&[(NOON, b"a"), (NOON + 2, &long), (NOON + 3, b"c")]);
    let (file_of_both, _) = merged([
        in_chunks(&streamed, 100_000),
        reaction(&[(NOON + 1, b"b"), (NOON + 2, b"x"), (NOON + 4, b"d")]),
        Reaction::empty(),
    ]);
    let expected = file(&[
        (NOON, b"a"),
        (NOON + 1, b"b"),
        (NOON + 2, &long),
        (NOON + 2, b"x"),
        (NOON + 3, b"c"),
        (NOON + 4, b"d"),
    ]);
    assert!(file_of_both == expected);
}

#[test]
fn profiles_that_are_held_have_a_common_limit() {
    // A record of this many bytes with its header and the file header.
    let of_size = |size: usize| file(&[(NOON + 1, &vec![0; size - 40])]);
    let warning = |name: &str, room: usize| {
        format!(
            "the packets of profile {name} are missing: they have more than {room} bytes, and all \
             profiles after the first one with packets may have 2097152 bytes together; export \
             this profile separately (--profile {name}, or the argument profiles)"
        )
    };
    let first = || reaction(&[(NOON, b"a")]);
    for (second, third, warnings, found) in [
        (MAX_HELD_BYTES, 41, vec![warning("1_default", 0)], 2),
        (
            MAX_HELD_BYTES + 1,
            41,
            vec![warning("1_registration", MAX_HELD_BYTES)],
            2,
        ),
        (MAX_HELD_BYTES - 41, 41, vec![], 3),
        (MAX_HELD_BYTES - 41, 42, vec![warning("1_default", 41)], 2),
    ] {
        let held = [second, third].map(|size| in_chunks(&of_size(size), 200_000));
        let (_, report) = merged([first()].into_iter().chain(held));
        assert_eq!(report.warnings, warnings);
        assert_eq!(report.packets, found);
        // What is left out was not searched.
        assert_eq!(report.profiles.len(), 3 - warnings.len());
    }
    // The streamed profile has no limit of its own.
    let large = of_size(3 * MAX_HELD_BYTES);
    let (file, report) = merged([in_chunks(&large, 200_000), Reaction::empty()]);
    assert!(file == large && report.warnings.is_empty());
}

#[test]
fn profiles_that_fail_are_named_if_another_one_has_packets() {
    let rejected = "rejected: Homer at http://homer:9080, or a proxy in front of it, failed (HTTP \
        500: \"Internal Server Error\"); try again later and check Homer's log";
    let timed_out = "timed-out: Homer at http://homer:9080 did not start its response within \
        120000 ms. Homer keeps working on the request, so do not repeat it immediately; narrow \
        the window, or raise HOMER_TIMEOUT_MS";
    let cut_off = "invalid-response: the response of Homer at http://homer:9080 was cut off: the \
        connection was closed before its end; the partial capture was discarded. Try again";
    let web_page = "invalid-response: http://homer:9080 returned HTTP 200 with a web page (no \
        content type); expected a capture file. Either a login page or proxy is in front of Homer, \
        or HOMER_URL does not point to Homer";
    let failures = [
        (
            Reaction::json(500, r#"{"message":"Internal Server Error"}"#),
            rejected,
        ),
        (Reaction::Failure(TransportError::ReadTimeout), timed_out),
        (broken(&call()[..10]), cut_off),
        (Reaction::new(ok(), "<html>"), web_page),
    ];
    for (failure, why) in failures {
        for (at, name) in NAMES.iter().enumerate() {
            let mut reactions = vec![Reaction::empty(); 3];
            reactions[at] = failure.clone();
            reactions[(at + 1) % 3] = Reaction::capture(call());
            let (file, report) = merged(reactions);
            assert_eq!(file, call());
            let warning = format!(
                "packets of profile {name} may be missing, because the search in it failed: {why}"
            );
            assert_eq!(report.warnings, [warning]);
            // It does not count as searched.
            assert!(
                contributions(&report)
                    .iter()
                    .all(|(other, _)| other != name)
            );
            assert_eq!(report.profiles.len(), 2);
        }
    }
}

#[test]
fn profiles_that_fail_beside_empty_ones_fail_the_export() {
    let first = Reaction::json(500, "{}");
    let second = Reaction::Failure(TransportError::ReadTimeout);
    for reactions in [
        [Reaction::empty(), first.clone(), second.clone()],
        [first.clone(), second.clone(), Reaction::empty()],
        [first, Reaction::empty(), second],
    ] {
        let error = export(reactions, &query(), &[]).unwrap_err();
        assert_eq!(error.case(), "rejected");
    }
}

#[test]
fn profile_that_breaks_off_within_its_packets_fails_the_export_only_if_it_is_streamed() {
    let broken = || broken(&call()[..2000]);
    let other = || reaction(&[(NOON, b"a")]);
    let error = export([broken(), other()], &query(), &[]).unwrap_err();
    assert_eq!(error.case(), "invalid-response");

    let (_, report) = merged([other(), broken(), Reaction::empty()]);
    assert_eq!(contributions(&report), [("1_call", 1), ("1_default", 0)]);
    assert!(
        report.warnings[0].starts_with("packets of profile 1_registration may be missing"),
        "{:?}",
        report.warnings
    );
    // Also if the first chunk shows that it is damaged.
    let damaged = || Reaction::capture(&call()[..2000]);
    let error = export([damaged(), other()], &query(), &[]).unwrap_err();
    assert_eq!(error.case(), "invalid-response");
}

#[test]
fn profiles_whose_credential_is_refused_after_packets_are_named() {
    // The first profile shows that the credential is right in principle.
    let refused = Reaction::json(401, "{}");
    let (file, report) = merged([Reaction::capture(call()), refused.clone(), refused]);
    assert_eq!(file, call());
    assert_eq!(report.warnings.len(), 2);
    assert!(report.warnings[1].contains("profile 1_default"));
    assert!(report.warnings[1].contains("unauthorized: "));
}

#[test]
fn profiles_in_another_format_are_named() {
    let mut other = file(&[(NOON, b"b")]);
    // The link type is in the last four bytes of the file header.
    other[20] = 101;
    let (file_of_one, report) = merged([
        reaction(&[(NOON, b"a")]),
        Reaction::capture(other),
        Reaction::empty(),
    ]);
    assert_eq!(file_of_one, file(&[(NOON, b"a")]));
    let warning = "the packets of profile 1_registration are missing: their file header differs \
        from that of the first profile with packets; export this profile separately (--profile \
        1_registration, or the argument profiles)";
    assert_eq!(report.warnings, [warning]);
}

#[test]
fn profiles_are_merged_without_a_report_as_well() {
    let reactions = || {
        [
            reaction(&[(NOON + 1, b"b")]),
            reaction(&[(NOON, b"a")]),
            Reaction::empty(),
        ]
    };
    let (file_of_both, report) = export(reactions(), &query(), &[("HOMER_REPORT", "off")]).unwrap();
    assert_eq!(file_of_both, file(&[(NOON, b"a"), (NOON + 1, b"b")]));
    assert_eq!((report.packets, report.other_packets), (2, 0));
    assert_eq!(
        contributions(&report),
        [("1_call", 1), ("1_registration", 1), ("1_default", 0)]
    );
}

#[test]
fn profiles_at_homer_11s_limit_are_counted_one_by_one() {
    let rows = |count: u64| {
        let mut capture = Capture::new();
        for row in 0..count {
            capture.record(NOON + row, &row.to_le_bytes());
        }
        capture.bytes
    };
    let of = |first, second| {
        let second = rows(second).split_off(24).into_iter();
        // Other packets, so that none is in both.
        let other = Capture::new().record(NOON, b"other").bytes.clone();
        let second = other.into_iter().chain(second).collect::<Vec<u8>>();
        let reactions = [
            Reaction::capture(rows(first)),
            Reaction::capture(second),
            Reaction::empty(),
        ];
        let (_, report) = export(reactions, &query(), &[("HOMER_API", "11")]).unwrap();
        report.warnings.len()
    };
    assert_eq!(of(6000, 9000), 0);
    assert_eq!(of(10_000, 1), 1);
}

proptest! {
    // The model: all packets in one list, sorted, without those that an earlier profile has.
    #[test]
    fn profiles_are_merged_as_a_list_is_sorted(
        profiles in prop::collection::vec(prop::collection::vec((0_u64..6, 0_u8..3), 0..12), 3),
        size in 1_usize..200,
    ) {
        let mut kept: Vec<(u64, u8)> = Vec::new();
        let mut reactions = Vec::new();
        for packets in &profiles {
            let mut sorted = packets.clone();
            sorted.sort_by_key(|(time, _)| *time);
            let mut capture = Capture::new();
            let earlier = kept.clone();
            for (at, packet) in sorted.iter().enumerate() {
                capture.record(NOON + packet.0, &[packet.1]);
                let copies = |list: &[(u64, u8)]| list.iter().filter(|it| *it == packet).count();
                if copies(&sorted[..=at]) > copies(&earlier) {
                    kept.push(*packet);
                }
            }
            reactions.push(in_chunks(&capture.bytes, size));
        }
        kept.sort_by_key(|(time, _)| *time);
        let mut expected = Capture::new();
        for (time, data) in &kept {
            expected.record(NOON + time, &[*data]);
        }
        match export(reactions, &query(), &[]) {
            Ok((file, report)) => {
                prop_assert_eq!(file, expected.bytes);
                let sum: u64 = report.profiles.iter().map(|it| it.packets).sum();
                prop_assert_eq!(sum, report.packets);
            }
            Err(error) => {
                prop_assert_eq!(error.case(), "nothing-captured");
                prop_assert!(kept.is_empty());
            }
        }
    }
}
