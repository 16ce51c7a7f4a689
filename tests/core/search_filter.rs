//! The filter of a search: its conditions, numbers and wildcards.

use homer_export::ExportError;
use homer_export::query::ParameterNames;
use homer_export::search::{CallFilter, CallFilterFields, Pattern, StatusPattern, party_pattern};
use proptest::prelude::*;

use crate::model_homer::like;
use crate::search::{FROM, fields};

#[track_caller]
fn refused(fields: &CallFilterFields, why: &str) {
    assert_eq!(
        CallFilter::parse(fields, 24, &ParameterNames::WIT),
        Err(ExportError::InvalidRequest(why.to_string()))
    );
}

#[test]
fn search_filter_refuses_what_homer_cannot_compare() {
    let text = |text: &str| Some(text.to_string());
    refused(
        &CallFilterFields {
            party: text("a"),
            caller: text("b"),
            ..fields()
        },
        "party matches the caller or the callee, so it cannot be combined with either; give party \
         alone, or caller and callee",
    );
    refused(
        &CallFilterFields {
            caller: text(" "),
            ..fields()
        },
        "caller is empty; leave it out, or give a value",
    );
    refused(
        &CallFilterFields {
            user_agent: Some("x".repeat(257)),
            ..fields()
        },
        "user_agent has 257 characters; the maximum is 256",
    );
    refused(
        &CallFilterFields {
            callid_prefix: text("a\nb"),
            ..fields()
        },
        "callid_prefix contains a control character",
    );
    refused(
        &CallFilterFields {
            method: text("IN VITE"),
            ..fields()
        },
        "method is \"IN VITE\"; expected a SIP method, for example INVITE",
    );
    refused(
        &CallFilterFields {
            source: text("192.0.2.1:5060"),
            ..fields()
        },
        "source is \"192.0.2.1:5060\"; expected an IPv4 or IPv6 address without a port",
    );
    for status in [
        "180", "1xx", "7xx", "700", "4x", "xx", "busy", "+486", "é86",
    ] {
        refused(
            &CallFilterFields {
                status: text(status),
                ..fields()
            },
            &format!(
                "status is \"{status}\"; expected a final status from 200 to 699 (486) or a class \
                 (4xx)"
            ),
        );
    }
    let reversed = CallFilterFields {
        to_ts: FROM - 1,
        ..fields()
    };
    assert_eq!(
        CallFilter::parse(&reversed, 24, &ParameterNames::WIT)
            .unwrap_err()
            .case(),
        "invalid-request"
    );
    assert_eq!(StatusPattern::parse("5XX"), Ok(StatusPattern::Class(5)));
}

#[test]
fn number_matches_in_its_usual_forms() {
    for (wanted, found) in [
        ("+491701234567", "491701234567"),
        ("+491701234567", "00491701234567"),
        ("00491701234567", "+491701234567"),
        ("01701234567", "+491701234567"),
        ("01701234567", "1701234567"),
        ("+49 170 / 123-4567", "+491701234567"),
        ("(0170) 1234567", "01701234567"),
        ("123456", "+49123456"),
        ("1001", "1001"),
        ("alice", "alice"),
        ("+49170*", "+491701234567"),
        ("*4567", "+491701234567"),
        ("a*c*e", "abcde"),
        ("*", "anything"),
    ] {
        assert!(party_pattern(wanted).matches(found), "{wanted} {found}");
    }
    for (wanted, found) in [
        // Nothing says how long the country code is.
        ("+491701234567", "01701234567"),
        // Extensions are exact.
        ("12345", "9912345"),
        ("01001", "1001"),
        ("alice", "Alice"),
        ("alice", "alice2"),
        ("+49170*", "0049170123"),
        ("1701234567", "17012345678"),
    ] {
        assert!(!party_pattern(wanted).matches(found), "{wanted} {found}");
    }
}

#[test]
fn pattern_asks_homer_only_for_what_it_can_compare() {
    for (pattern, value) in [
        (Pattern::parse("alice"), "alice"),
        (Pattern::parse("a_b\\c"), "a_b\\c"),
        (Pattern::parse("ali*"), "ali%"),
        (Pattern::parse("a_b*"), "a_b%"),
        (Pattern::parse("100%"), "100_%"),
        (Pattern::parse("a;b"), "a_b%"),
        (Pattern::parse("o'brien&co\""), "o_brien_co_%"),
        (Pattern::parse("isNull"), "isNull%"),
        (Pattern::parse("isEmpty"), "isEmpty%"),
        (Pattern::parse("||x"), "||x%"),
        (Pattern::parse("!=x"), "!=x%"),
        (Pattern::prefix("a%"), "a_%"),
        (Pattern::exact("a*b"), "a*b"),
        (Pattern::suffix("123456"), "%123456"),
    ] {
        assert_eq!(pattern.for_homer().value(), value);
    }
}

proptest! {
    /// Homer, asked for a pattern, returns at least all texts that match it.
    #[test]
    fn pattern_for_homer_matches_at_least_the_same(
        pattern in "[ab%_*;'\\\\&|!=]{0,6}",
        text in "[ab%_*;'\\\\&|!=]{0,8}",
    ) {
        let pattern = Pattern::parse(&pattern);
        let asked = pattern.for_homer();
        if pattern.matches(&text) {
            prop_assert!(asked.matches(&text));
        }
        let value = asked.value();
        let is_like = value.contains('%');
        prop_assert_eq!(
            asked.matches(&text),
            if is_like { like(value.as_bytes(), text.as_bytes()) } else { value == text }
        );
        // A list would be taken apart, and these are rewritten.
        prop_assert!(!value.contains([';', '\'', '&', '"']), "{}", value);
    }

    /// The matching agrees with LIKE, in which a star is `%`.
    #[test]
    fn pattern_matches_as_like_does(pattern in "[abc*]{0,8}", text in "[abc]{0,10}") {
        let expected = like(pattern.replace('*', "%").as_bytes(), text.as_bytes());
        prop_assert_eq!(Pattern::parse(&pattern).matches(&text), expected);
    }

    /// A number of six digits or more finds itself behind every prefix, with every grouping.
    #[test]
    fn number_finds_itself_in_every_form(
        digits in "[1-9][0-9]{5,12}",
        wanted in prop::sample::select(vec!["", "+", "00", "0"]),
        stored in prop::sample::select(vec!["", "+", "00", "0", "+49", "0049"]),
        group in 1_usize..5,
    ) {
        let grouped: Vec<String> = digits
            .as_bytes()
            .chunks(group)
            .map(|part| String::from_utf8(part.to_vec()).unwrap())
            .collect();
        let pattern = party_pattern(&format!("{wanted}{}", grouped.join(" ")));
        let found = format!("{stored}{digits}");
        prop_assert!(pattern.matches(&found));
        let other = format!("{stored}{digits}0");
        prop_assert!(!pattern.matches(&other) || other.ends_with(&digits));
    }

    #[test]
    fn number_and_filter_never_panic(text in "\\PC{0,300}") {
        let _ = party_pattern(&text).matches(&text);
        let some = || Some(text.clone());
        let _ = CallFilter::parse(
            &CallFilterFields {
                party: some(), method: some(), status: some(), source: some(),
                user_agent: some(), callid_prefix: some(), ..fields()
            },
            24,
            &ParameterNames::WIT,
        );
    }
}
