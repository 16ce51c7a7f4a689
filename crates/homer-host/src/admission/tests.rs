use std::time::{Duration, Instant};

use super::{
    Admission, EMPTY_BYTES, GIVEN_UP_FACTOR, GROWTH, MAX_AT_ONCE, SMALL_BYTES, SMALL_TIME, Ticket,
    Work,
};

const SMALL: u64 = 3_311;
const ONE: Work = Work::Export { requests: 1 };
const TWO: Work = Work::Export { requests: 2 };
const MS: Duration = Duration::from_millis(1);

/// A queue of this many exports of one profile.
fn queue(admission: &mut Admission, exports: usize) -> Vec<Ticket> {
    (0..exports).map(|_| admission.ask(ONE)).collect()
}

#[test]
fn admission_grows_with_small_exports_only() {
    for (bytes, admitted) in [(SMALL_BYTES, 1 + GROWTH), (SMALL_BYTES + 1, 1)] {
        let now = Instant::now();
        let mut admission = Admission::new(4, SMALL_TIME);
        queue(&mut admission, 64);
        let first = admission.admit(now);
        assert_eq!(first.len(), 4);
        admission.response_ended(first[0], bytes, now + 50 * MS);
        admission.leave(first[0], now);
        assert_eq!(admission.admit(now + 50 * MS).len(), admitted, "{bytes}");
    }
}

#[test]
fn admission_serves_a_burst_of_small_exports_in_three_rounds() {
    let start = Instant::now();
    let mut admission = Admission::new(4, SMALL_TIME);
    queue(&mut admission, 64);
    let mut rounds = Vec::new();
    let mut at_homer = admission.admit(start);
    while !at_homer.is_empty() {
        rounds.push(at_homer.len());
        let now = start + 50 * MS * u32::try_from(rounds.len()).unwrap_or(u32::MAX);
        for ticket in at_homer {
            admission.response_ended(ticket, SMALL, now);
            admission.leave(ticket, now);
        }
        at_homer = admission.admit(now);
    }
    assert_eq!(rounds, [4, 32, 28]);
}

#[test]
fn admission_never_has_more_large_exports_at_homer_than_the_limit() {
    let start = Instant::now();
    let mut admission = Admission::new(4, SMALL_TIME);
    queue(&mut admission, 64);
    let mut at_homer = admission.admit(start);
    let mut served = 0;
    let mut now = start;
    while !at_homer.is_empty() {
        assert!(at_homer.len() <= 4, "{at_homer:?}");
        // Their bytes arrive, and one of them ends.
        now += 10 * MS;
        for ticket in &at_homer {
            admission.received(*ticket, SMALL_BYTES + 1, now);
        }
        let ended = at_homer.remove(0);
        admission.response_ended(ended, 1_000_000, now);
        admission.leave(ended, now);
        served += 1;
        at_homer.extend(admission.admit(now));
    }
    assert_eq!(served, 64);
}

#[test]
fn admission_lets_small_exports_pass_large_ones() {
    let now = Instant::now();
    let mut admission = Admission::new(4, SMALL_TIME);
    let large = queue(&mut admission, 3);
    assert_eq!(admission.admit(now), large);
    for ticket in large {
        admission.received(ticket, SMALL_BYTES + 1, now);
    }
    // One place is left, and small exports make it many.
    queue(&mut admission, 20);
    let first = admission.admit(now + 10 * MS);
    assert_eq!(first.len(), 1);
    admission.response_ended(first[0], SMALL, now + 60 * MS);
    admission.leave(first[0], now);
    assert_eq!(admission.admit(now + 60 * MS).len(), 1 + GROWTH);
}

#[test]
fn admission_falls_back_when_an_export_proves_large() {
    // By its bytes, and by its time.
    for (bytes, ms) in [(SMALL_BYTES + 1, 60), (0, 1_001)] {
        let start = Instant::now();
        let mut admission = Admission::new(4, SMALL_TIME);
        let slow = admission.ask(ONE);
        let quick = admission.ask(ONE);
        admission.admit(start);
        let now = start + MS * (ms - 1);
        admission.response_ended(quick, SMALL, now);
        admission.received(slow, SMALL_BYTES, now);
        admission.admit(now);
        assert_eq!(admission.window(), 4 + GROWTH, "still small after {ms} ms");
        let now = start + MS * ms;
        admission.received(slow, bytes, now);
        queue(&mut admission, 64);
        // Two of four are still there.
        assert_eq!(admission.admit(now).len(), 2);
        assert_eq!(admission.window(), 4);
    }
}

#[test]
fn admission_is_not_restored_by_what_began_before_the_large_one() {
    let start = Instant::now();
    let mut admission = Admission::new(4, SMALL_TIME);
    let begun = queue(&mut admission, 2);
    admission.admit(start);
    admission.received(begun[0], SMALL_BYTES + 1, start + 10 * MS);
    admission.response_ended(begun[1], SMALL, start + 20 * MS);
    assert_eq!(admission.window(), 4);
    // One that begins now counts.
    let later = admission.ask(ONE);
    admission.admit(start + 20 * MS);
    admission.response_ended(later, SMALL, start + 30 * MS);
    assert_eq!(admission.window(), 4 + GROWTH);
}

#[test]
fn admission_falls_back_when_idle() {
    let start = Instant::now();
    for (idle_ms, window) in [(1_000, 4 + GROWTH), (1_001, 4)] {
        let mut admission = Admission::new(4, SMALL_TIME);
        let only = admission.ask(ONE);
        admission.admit(start);
        admission.response_ended(only, SMALL, start);
        admission.leave(only, start);
        admission.admit(start + MS * idle_ms);
        assert_eq!(admission.window(), window, "after {idle_ms} ms");
    }
}

#[test]
fn admission_grows_up_to_its_maximum() {
    for (limit, most) in [(1, MAX_AT_ONCE), (4, MAX_AT_ONCE), (1_000, 1_000)] {
        let now = Instant::now();
        let mut admission = Admission::new(limit, SMALL_TIME);
        for _ in 0..100 {
            let only = admission.ask(ONE);
            admission.admit(now);
            admission.response_ended(only, SMALL, now);
            admission.leave(only, now);
        }
        assert_eq!(admission.window(), most);
    }
}

#[test]
fn admission_grows_once_for_each_export_with_packets_or_without_any() {
    let now = Instant::now();
    let mut admission = Admission::new(4, SMALL_TIME);
    let (first, second) = (admission.ask(TWO), admission.ask(TWO));
    admission.admit(now);
    // The call is not in this profile. It may be large in another one.
    admission.response_ended(first, EMPTY_BYTES, now);
    assert_eq!(admission.window(), 4);
    admission.response_ended(first, EMPTY_BYTES + 1, now);
    assert_eq!(admission.window(), 4 + 2 * GROWTH);
    admission.response_ended(first, SMALL, now);
    assert_eq!(admission.window(), 4 + 2 * GROWTH);
    // It is in no profile.
    admission.response_ended(second, EMPTY_BYTES, now);
    admission.found_nothing(second, now);
    assert_eq!(admission.window(), 4 + 4 * GROWTH);
}

#[test]
fn admission_does_not_grow_with_searches() {
    for (work, window) in [(ONE, 4 + GROWTH), (Work::Search, 4)] {
        let now = Instant::now();
        let mut admission = Admission::new(4, SMALL_TIME);
        let only = admission.ask(work);
        admission.admit(now);
        admission.response_ended(only, SMALL, now);
        assert_eq!(admission.window(), window);
    }
}

#[test]
fn admission_takes_the_requests_of_an_export_together_and_in_order() {
    let now = Instant::now();
    let mut admission = Admission::new(3, SMALL_TIME);
    let (two, also_two, one) = (admission.ask(TWO), admission.ask(TWO), admission.ask(ONE));
    // The third one would fit, but it came later: the second one must not wait forever.
    assert_eq!(admission.admit(now), [two]);
    admission.keep_one(two);
    assert_eq!(admission.admit(now), [also_two]);
    admission.keep_one(also_two);
    assert_eq!(admission.admit(now), [one]);
    // With a limit of one, an export of several profiles runs alone.
    let mut admission = Admission::new(1, SMALL_TIME);
    let (first, second) = (admission.ask(TWO), admission.ask(TWO));
    assert_eq!(admission.admit(now), [first]);
    assert_eq!(admission.admit(now), []);
    admission.leave(first, now);
    assert_eq!(admission.admit(now), [second]);
}

#[test]
fn admission_counts_exports_that_homer_still_works_on() {
    let start = Instant::now();
    let mut admission = Admission::new(1, SMALL_TIME);
    let (first, second, third) = (admission.ask(ONE), admission.ask(ONE), admission.ask(ONE));
    admission.admit(start);
    // Given up after 10 s without a response: Homer may work for some time.
    admission.sent(first);
    let now = start + 10_000 * MS;
    let end = now + 10_000 * MS * GIVEN_UP_FACTOR;
    assert_eq!(admission.leave(first, now), Some(end));
    assert_eq!(admission.admit(now), []);
    assert_eq!(admission.admit(end - MS), []);
    assert_eq!(admission.admit(end), [second]);
    // Given up after the response has begun: Homer has done its work.
    admission.sent(second);
    admission.responds(second);
    assert_eq!(admission.leave(second, end + MS), None);
    assert_eq!(admission.admit(end + MS), [third]);
}

#[test]
fn admission_passes_over_those_who_give_up() {
    let now = Instant::now();
    let mut admission = Admission::new(1, SMALL_TIME);
    let (first, second, third) = (admission.ask(ONE), admission.ask(ONE), admission.ask(ONE));
    assert_eq!(admission.admit(now), [first]);
    admission.leave(second, now);
    assert_eq!(admission.admit(now), []);
    admission.leave(first, now);
    assert_eq!(admission.admit(now), [third]);
    // Nothing is left of the one that gave up.
    admission.response_ended(second, SMALL, now);
    assert_eq!(admission.window(), 1);
}

#[test]
fn admission_is_documented() {
    let page = include_str!("../../../../docs/limits.md");
    let rows = [
        format!("| Further requests for each request of an export that proves small | {GROWTH} |"),
        format!("counts for {GIVEN_UP_FACTOR} times as long"),
        format!("| Requests under way at most | {MAX_AT_ONCE}, or `HOMER_MAX_CONCURRENT`"),
        format!(
            "at most {} KiB, in an export that is at Homer for at most {} s |",
            SMALL_BYTES / 1024,
            SMALL_TIME.as_secs()
        ),
    ];
    for row in rows {
        assert!(page.contains(&row), "docs/limits.md does not say: {row}");
    }
}
