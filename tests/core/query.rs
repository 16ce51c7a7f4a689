use homer_export::query::{MAX_CALL_IDS, ParameterNames, Profile, Timestamp};
use homer_export::{CallId, ExportError, Query, Window};

const FROM: i64 = 1_795_168_800_000;
const TO: i64 = 1_795_169_100_000;

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, ExportError>, why: &str) {
    assert_eq!(
        result.unwrap_err(),
        ExportError::InvalidRequest(why.to_string())
    );
}

fn query(call_ids: &[&str]) -> Result<Query, ExportError> {
    let call_ids = call_ids
        .iter()
        .map(|id| CallId::parse(id))
        .collect::<Result<_, _>>()?;
    Query::new(call_ids, Window::new(FROM, TO, 24, &ParameterNames::WIT)?)
}

#[test]
fn call_id_accepts_what_real_traffic_holds() {
    let longest = "x".repeat(512);
    for id in [
        "a84b4c76e66710@pc33.atlanta.example.com",
        "*",
        "-",
        "0",
        "o'brien-100%@h;x=1",
        "<a&b>|c d@h",
        "Ünïcode-звонок@h",
    ]
    .into_iter()
    .chain([longest.as_str()])
    {
        assert_eq!(CallId::parse(id).unwrap().as_str(), id);
    }
}

#[test]
fn call_id_refuses_what_homer_cannot_find() {
    refused(
        CallId::parse(""),
        "the Call-ID is empty; give the value of the SIP Call-ID header field",
    );
    refused(
        CallId::parse(&"x".repeat(513)),
        "the Call-ID has 513 characters; the maximum is 512",
    );
    refused(
        CallId::parse("a\r\nb"),
        "the Call-ID contains the control character U+000D at position 2; give the value of one \
         Call-ID header field without line breaks",
    );
    refused(
        CallId::parse("a@b "),
        "the Call-ID \"a@b \" has white space at its start or end; remove it, because Homer \
         compares exactly",
    );
    refused(
        CallId::parse("Call-ID: a@b"),
        "the Call-ID begins with \"Call-ID:\"; give only the header field's value",
    );
}

#[test]
fn call_id_filename_is_safe_everywhere() {
    for (id, name) in [
        ("udp-normal-1@192.0.2.10", "udp-normal-1@192.0.2.10.pcap"),
        ("../../etc/passwd", "_.._.._etc_passwd.pcap"),
        ("-rf", "_-rf.pcap"),
        ("a b/c\\d:e*f", "a_b_c_d_e_f.pcap"),
        ("NUL", "_NUL.pcap"),
        ("com7.x", "_com7.x.pcap"),
        ("звонок", "______.pcap"),
    ] {
        assert_eq!(CallId::parse(id).unwrap().filename(), name);
    }
    assert_eq!(
        CallId::parse(&"x".repeat(300)).unwrap().filename().len(),
        105
    );
}

#[test]
fn window_accepts_up_to_its_limit() {
    let window = Window::new(FROM, FROM + 24 * 3_600_000, 24, &ParameterNames::WIT).unwrap();
    assert_eq!(
        (window.from_ms(), window.to_ms()),
        (FROM, FROM + 24 * 3_600_000)
    );
    assert_eq!(
        window.to_string(),
        "2026-11-20T10:00:00Z and 2026-11-21T10:00:00Z"
    );
}

#[test]
fn window_refuses_wrong_units_with_the_right_number() {
    let right = "1795168800000 (2026-11-20T10:00:00Z)";
    for (from, unit) in [
        (1_795_168_800, "seconds"),
        (1_795_168_800_000_000, "microseconds"),
        (1_795_168_800_000_000_000, "nanoseconds"),
    ] {
        let why = format!(
            "from-ts is {from}, which looks like {unit}; expected Unix milliseconds, so use \
             {right}"
        );
        refused(Window::new(from, TO, 24, &ParameterNames::WIT), &why);
    }
    refused(
        Window::new(FROM, 1_795_169_100, 24, &ParameterNames::WIT),
        "to-ts is 1795169100, which looks like seconds; expected Unix milliseconds, so use \
         1795169100000 (2026-11-20T10:05:00Z)",
    );
    for nothing in [0, -1, 99_999_999, i64::MIN] {
        let why = format!(
            "from-ts is {nothing}, which is not a Unix time in milliseconds; a current time has \
             13 digits, for example 1795168800000"
        );
        refused(Window::new(nothing, TO, 24, &ParameterNames::WIT), &why);
    }
    assert!(matches!(
        Window::new(i64::MAX, TO, 24, &ParameterNames::WIT),
        Err(ExportError::InvalidRequest(_))
    ));
}

#[test]
fn window_refuses_reversed_empty_and_long() {
    refused(
        Window::new(TO, FROM, 24, &ParameterNames::WIT),
        "the window is reversed: from-ts 2026-11-20T10:05:00Z is not before to-ts \
         2026-11-20T10:00:00Z; swap its ends",
    );
    refused(
        Window::new(FROM, FROM, 24, &ParameterNames::WIT),
        "the window is empty: from-ts 2026-11-20T10:00:00Z is not before to-ts \
         2026-11-20T10:00:00Z; widen it",
    );
    refused(
        Window::new(FROM, FROM + 24 * 3_600_000 + 1, 24, &ParameterNames::WIT),
        "the window from from-ts 2026-11-20T10:00:00Z to to-ts 2026-11-21T10:00:00.001Z is 24 h \
         1 min long; the maximum is 24 h. Narrow it, request its parts one after the other \
         (halves: 2026-11-20T10:00:00Z to 2026-11-20T22:00:00Z and 2026-11-20T22:00:00Z to \
         2026-11-21T10:00:00.001Z), or ask the operator to raise HOMER_MAX_WINDOW_HOURS",
    );
}

#[test]
fn window_for_homer_covers_the_last_fraction_of_a_second() {
    for (from, to, sent) in [
        (FROM, TO, (FROM, TO + 1000)),
        (FROM + 1, TO + 1, (FROM, TO + 2000)),
        (FROM + 999, TO + 999, (FROM, TO + 2000)),
    ] {
        assert_eq!(
            Window::new(from, to, 24, &ParameterNames::WIT)
                .unwrap()
                .for_homer(),
            sent
        );
    }
}

#[test]
fn utc_has_as_many_decimals_as_it_needs() {
    for (us, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_795_168_800_120_000, "2026-11-20T10:00:00.120Z"),
        (1_795_168_800_123_456, "2026-11-20T10:00:00.123456Z"),
        (i64::MAX, "9223372036854775807 µs after 1970"),
    ] {
        assert_eq!(Timestamp::from_us(us).to_string(), text);
    }
}

#[test]
fn query_drops_duplicates_and_keeps_the_order() {
    let query = query(&["b", "a", "b", "A"]).unwrap();
    let ids: Vec<&str> = query.call_ids().iter().map(CallId::as_str).collect();
    assert_eq!(ids, ["b", "a", "A"]);
    assert_eq!(query.describe_call_ids(), "Call-IDs \"b\", \"a\", \"A\"");
}

#[test]
fn query_refuses_none_and_too_many_call_ids() {
    refused(query(&[]), "no Call-ID was given; give at least one");
    let ids: Vec<String> = (0..=MAX_CALL_IDS).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    refused(
        query(&ids),
        "the query has 101 Call-IDs; the maximum is 100",
    );
    let most = query(&ids[1..]).unwrap();
    assert_eq!(
        most.describe_call_ids(),
        "Call-IDs \"1\", \"2\", \"3\" and 97 more"
    );
}

#[test]
fn query_asks_the_default_profiles_unless_told_otherwise() {
    let names = |query: &Query| {
        query
            .profiles()
            .iter()
            .map(|p| p.as_str().to_string())
            .collect::<Vec<_>>()
    };
    let default = query(&["a"]).unwrap().with_profiles(&[]).unwrap();
    assert_eq!(names(&default), ["1_call", "1_registration", "1_default"]);
    let other = default.with_profiles(&["100_default".to_string()]).unwrap();
    assert_eq!(names(&other), ["100_default"]);
}

#[test]
fn profile_refuses_what_makes_homer_close_the_connection() {
    for key in [
        "1call",
        "_call",
        "1_",
        "call_1",
        "1_call;drop table x",
        "1_call\n",
        "",
    ] {
        assert!(Profile::parse(key).is_err(), "{key}");
    }
    refused(
        Profile::parse("1-call"),
        "the profile is \"1-call\"; expected <HEP id>_<name>, for example 1_call",
    );
}

#[test]
fn query_filters_are_bounded_and_parsed() {
    let query = query(&["a"]).unwrap();
    let many = vec!["192.0.2.1".to_string(); 33];
    refused(
        query.clone().without_ips(many.clone()),
        "the query has 33 excluded addresses; the maximum is 32",
    );
    refused(
        query.clone().with_nodes(many),
        "the query has 33 nodes; the maximum is 32",
    );
    // Only different ones count.
    let profiles: Vec<String> = (1..=9).map(|id| format!("{id}_call")).collect();
    let repeated = [&profiles[..8], &profiles[..8]].concat();
    let of_eight = query.clone().with_profiles(&repeated).unwrap();
    assert_eq!(of_eight.profiles().len(), 8);
    refused(
        query.clone().with_profiles(&profiles),
        "the query has 9 profiles; the maximum is 8",
    );
    refused(
        query.clone().without_ips(vec!["homer".to_string()]),
        "the excluded address is \"homer\"; expected an IPv4 or IPv6 address",
    );
    refused(
        query.clone().with_nodes(vec![String::new()]),
        "the node name \"\" is empty or contains a control character; use a name from Homer's \
         list of nodes",
    );
    let query = query
        .without_ips(vec!["2001:db8::1".to_string()])
        .unwrap()
        .with_nodes(vec!["localnode".to_string()])
        .unwrap();
    assert_eq!(
        (query.exclude_ips(), query.nodes()),
        (
            &["2001:db8::1".to_string()][..],
            &["localnode".to_string()][..]
        )
    );
}
