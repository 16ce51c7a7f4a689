//! Random calls whose truth is known: what the participants did, what the network lost, and what
//! capture agents saw of it. The report must agree.
//!
//! A normal run tries a few thousand calls: some from a fixed seed, the others from a fresh one.
//! `HOMER_TEST_CALLS` sets their number, and `HOMER_TEST_SEED` the seed. A failure prints the seed
//! of its call; `HOMER_TEST_SEED=… HOMER_TEST_CALLS=1` repeats it.

mod agents;
mod call;
mod message;
mod network;
mod random;
mod truth;

use std::env::var;
use std::time::{SystemTime, UNIX_EPOCH};

use agents::Seen;
use call::Call;
use random::Random;
use truth::truth;

use crate::capture::CALL_ID;
use crate::report::analyze;

const OUTCOMES: [&str; 11] = [
    "completed",
    "answered",
    "refused",
    "auth-failed",
    "cancelled",
    "redirected",
    "no-response",
    "no-final-response",
    "unacknowledged",
    "succeeded",
    "not-captured",
];

/// The capture of one random call, as the test and a person see it.
fn generate(seed: u64) -> (Call, Seen) {
    let mut random = Random::new(seed);
    let call = Call::new(&mut random);
    let seen = Seen::of(&call, &mut random);
    (call, seen)
}

/// What is wrong in the report on one call. Returns the outcome, and none if it is unknown.
fn check(seed: u64) -> Result<Option<&'static str>, String> {
    let (call, seen) = generate(seed);
    let Some(expected) = truth(&call, &seen) else {
        return Ok(None);
    };
    let report = analyze(&seen.file(), &[CALL_ID]);
    let reported = expected.reported(&report, &OUTCOMES);
    // What the participants did breaks no rule. A capture that is not whole lacks requests of
    // responses.
    let broken = report.findings.iter().find(|finding| {
        let may_break = match finding.code.as_str() {
            "response-without-request" => !seen.is_whole,
            // Its re-INVITE is missing, or the first copy of a request of which the second agent,
            // whose clock is late, has another.
            "ack-without-invite" | "cseq-not-increased" => !seen.is_whole,
            // The 2xx of a second fork is not there, or comes too late.
            "tag-changed" => call.answer.is_some(),
            _ => false,
        };
        !may_break
    });
    if reported == expected && broken.is_none() {
        return Ok(expected.outcome);
    }
    let mut text = format!("{}\n{}\n", call.description, seen.description);
    for row in &report.ladder {
        text += &format!(
            "{:4} {:>13?} us {} > {}  {} ({}) {}\n",
            row.packet,
            row.after_us.unwrap_or_default(),
            row.source,
            row.destination,
            row.line,
            row.cseq,
            row.repeats
                .map_or(String::new(), |it| format!("repeats {it}")),
        );
    }
    if call.is_stream {
        let sizes: Vec<_> = (seen.packets.iter())
            .map(|it| (it.sent.message.len(), it.messages.len()))
            .collect();
        text += &format!("payloads: bytes and messages {sizes:?}\n");
    }
    if let Some(broken) = broken {
        text += &format!("finding {broken:?}\n");
    }
    text += &format!("expected {expected:?}\nreported {reported:?}\n");
    Err(text)
}

/// Captures of random calls for other tests.
pub(crate) fn captures(calls: u64) -> Vec<(String, Vec<u8>)> {
    let capture = |seed| {
        let (call, seen) = generate(seed);
        // tshark joins no segments of a stream that Homer wrote as UDP.
        (!call.is_stream).then(|| (format!("random call {seed}"), seen.file()))
    };
    (0..calls).filter_map(capture).collect()
}

fn number(variable: &str) -> Option<u64> {
    let value = var(variable).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable}={value}: not a number")),
    )
}

#[test]
#[expect(clippy::print_stderr, reason = "the seed of a failure must be known")]
fn random_calls_are_reported_as_they_were() {
    // The same calls each time, so that a rare call of which the report is wrong does not fail the
    // tests of another change. With a number of calls, half of them are new ones.
    let wanted = number("HOMER_TEST_CALLS");
    let calls = wanted.unwrap_or(3000);
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seeds: Vec<u64> = match number("HOMER_TEST_SEED") {
        Some(seed) => (seed..seed + calls).collect(),
        None if wanted.is_none() => (0..calls).collect(),
        None => {
            let fresh = fresh.as_secs() << 20;
            eprintln!("fresh seed {fresh}");
            (0..calls / 2)
                .chain(fresh..fresh + calls.div_ceil(2))
                .collect()
        }
    };
    let (mut failures, mut unknown) = (Vec::new(), 0);
    let mut outcomes = [0_u64; OUTCOMES.len()];
    for seed in seeds {
        match check(seed) {
            Ok(None) => unknown += 1,
            Ok(Some(outcome)) => {
                let at = OUTCOMES.iter().position(|it| *it == outcome).unwrap();
                outcomes[at] += 1;
            }
            Err(why) => failures.push((seed, why)),
        }
    }
    eprintln!("{outcomes:?} {OUTCOMES:?}, unknown {unknown}");
    // A generator that makes no calls of one kind, or calls of which nobody knows the truth, would
    // test nothing.
    if calls >= 1000 {
        assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
        assert!(unknown * 10 < calls, "{unknown} of {calls} are unknown");
    }
    for (seed, why) in failures.iter().take(5) {
        eprintln!("HOMER_TEST_SEED={seed} HOMER_TEST_CALLS=1: {why}");
    }
    assert!(failures.is_empty(), "{} of {calls} calls", failures.len());
}
