//! Decides which exports may be at Homer at a time, by what recent requests cost. It has neither a
//! clock nor any I/O: callers pass the time in.
//!
//! The size of a capture is unknown until Homer responds, and by then Homer has done its work
//! (docs/homer.md §7). Large exports can therefore only be limited by limiting the requests whose
//! cost is not known yet. Their number behaves like the congestion window of TCP (RFC 5681 §3.1):
//! it begins at `HOMER_MAX_CONCURRENT`, grows with each export that proves small, and falls back at
//! once when one proves large.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use homer_export::pcap::FILE_HEADER_LEN;

/// The most requests under way at a time, inclusive, unless `HOMER_MAX_CONCURRENT` allows more: two
/// for each of the 64 calls that the MCP server handles at a time.
pub const MAX_AT_ONCE: usize = 128;

/// The largest response in bytes that counts as small, inclusive. Homer needs about 0.15 s and 6 MB
/// of memory for it (docs/homer.md §7). Nearly all calls are smaller.
pub const SMALL_BYTES: u64 = 256 * 1024;

/// The longest time at Homer of an export that counts as small, inclusive. An idle Homer returns
/// [`SMALL_BYTES`] in a fraction of it. An export that takes longer is large, or Homer is busy; in
/// both cases, Homer needs fewer requests.
pub const SMALL_TIME: Duration = Duration::from_secs(1);

/// How many further requests an export that proves small makes room for, for each of its own. With
/// 7, the window is 4, 32, and then 128, so that a burst of 64 exports takes only three or four
/// times as long as one of them. If it only doubled, the burst would take twice as long as with a
/// client that has no limit.
pub const GROWTH: usize = 7;

/// For how many times as long an export counts that was given up before Homer responded, compared
/// with its time at Homer until then. If clients retry, twice as long serves many more of them than
/// once as long, and without retries, three times serves fewer (the benchmark `fleet`).
pub const GIVEN_UP_FACTOR: u32 = 2;

/// The largest response in bytes without a packet, inclusive: the header of a capture file. Every
/// profile without the call has one at once, also if the call is large in another profile.
const EMPTY_BYTES: u64 = FILE_HEADER_LEN as u64;

/// What asks to be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// An export.
    Export {
        /// The number of requests that it may have under way at a time.
        requests: usize,
    },
    /// A search for calls. It has one request under way at a time. How quick it is says nothing
    /// about exports.
    Search,
}

impl Work {
    /// The number of requests that it may have under way at a time.
    pub(crate) fn requests(self) -> usize {
        match self {
            Self::Export { requests } => requests,
            Self::Search => 1,
        }
    }

    /// Its name in error messages.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Export { .. } => "export",
            Self::Search => "search",
        }
    }
}

/// Which exports and searches may be at Homer, and which wait.
///
/// # Examples
///
/// ```
/// use std::time::Instant;
/// use homer_host::admission::{Admission, GROWTH, SMALL_TIME, Work};
///
/// let now = Instant::now();
/// let mut admission = Admission::new(1, SMALL_TIME);
/// let first = admission.ask(Work::Export { requests: 1 });
/// let second = admission.ask(Work::Export { requests: 1 });
/// assert_eq!(admission.admit(now), [first]);
/// // A small capture makes room for others, even before the first export has ended.
/// admission.response_ended(first, 3_311, now);
/// assert_eq!(admission.admit(now), [second]);
/// assert_eq!(admission.window(), 1 + GROWTH);
/// ```
#[derive(Clone, Debug)]
pub struct Admission {
    /// `HOMER_MAX_CONCURRENT`: the window without any trust.
    limit: usize,
    small_time: Duration,
    /// By how much the window exceeds the limit.
    trust: usize,
    /// When an export last proved small.
    proved_small: Option<Instant>,
    /// When an export last proved large.
    proved_large: Option<Instant>,
    running: BTreeMap<Ticket, Running>,
    /// First come, first served.
    waiting: VecDeque<(Ticket, Work)>,
    tickets: u64,
}

/// One export or search of an [`Admission`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// An export or search that was admitted.
#[derive(Clone, Copy, Debug)]
struct Running {
    /// The number of requests to Homer that it may have under way.
    requests: usize,
    /// By how much it makes the window grow if it proves small. 0 once it has done so.
    growth: usize,
    since: Instant,
    large: bool,
    /// Requests that Homer works on: it has not begun to respond.
    without_response: usize,
    /// Set for one that was given up: when Homer has probably finished it.
    given_up: Option<Instant>,
}

impl Admission {
    /// An admission whose window is never below `limit`, which is `HOMER_MAX_CONCURRENT`. An export
    /// that is at Homer for longer than `small_time` proves large, whatever its size; the default
    /// is [`SMALL_TIME`]. The window falls back, too, if no export has proved small for this long.
    pub fn new(limit: usize, small_time: Duration) -> Self {
        Self {
            limit,
            small_time,
            trust: 0,
            proved_small: None,
            proved_large: None,
            running: BTreeMap::new(),
            waiting: VecDeque::new(),
            tickets: 0,
        }
    }

    /// How many requests may be under way before further exports have to wait.
    pub fn window(&self) -> usize {
        self.limit.saturating_add(self.trust)
    }

    /// Puts an export or search into the queue. It will be admitted with all of its requests at
    /// once: exports that wait for a second one while they keep their first one would wait for each
    /// other. More requests than the limit count as the limit, so that each is admitted in the end.
    pub fn ask(&mut self, work: Work) -> Ticket {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.waiting.push_back((ticket, work));
        ticket
    }

    /// Admits those that may begin now, in the order in which they asked. Call this after each
    /// change, and when one that was given up ends ([`Self::leave`]).
    pub fn admit(&mut self, now: Instant) -> Vec<Ticket> {
        self.observe(now);
        let mut under_way: usize = self.running.values().map(|it| it.requests).sum();
        let mut admitted = Vec::new();
        while let Some(&(ticket, work)) = self.waiting.front() {
            let requests = work.requests().min(self.limit);
            if under_way.saturating_add(requests) > self.window() {
                break;
            }
            self.waiting.pop_front();
            under_way += requests;
            let running = Running {
                requests,
                growth: match work {
                    Work::Export { .. } => requests.saturating_mul(GROWTH),
                    Work::Search => 0,
                },
                since: now,
                large: false,
                without_response: 0,
                given_up: None,
            };
            self.running.insert(ticket, running);
            admitted.push(ticket);
        }
        admitted
    }

    /// From now on, this export has at most one request under way.
    pub fn keep_one(&mut self, ticket: Ticket) {
        if let Some(running) = self.running.get_mut(&ticket) {
            running.requests = running.requests.min(1);
        }
    }

    /// A request of this export is sent.
    pub fn sent(&mut self, ticket: Ticket) {
        if let Some(running) = self.running.get_mut(&ticket) {
            running.without_response += 1;
        }
    }

    /// Homer no longer works on a request of this export: it responds, or the connection failed.
    pub fn responds(&mut self, ticket: Ticket) {
        if let Some(running) = self.running.get_mut(&ticket) {
            running.without_response = running.without_response.saturating_sub(1);
        }
    }

    /// One response to this export has this many bytes so far.
    pub fn received(&mut self, ticket: Ticket, bytes: u64, now: Instant) {
        if bytes > SMALL_BYTES
            && let Some(running) = self.running.get_mut(&ticket)
            && !running.large
        {
            running.large = true;
            self.fall_back(now);
        }
    }

    /// One response to this export has been received completely, and has this many bytes. If it has
    /// packets and is small, the window grows.
    pub fn response_ended(&mut self, ticket: Ticket, bytes: u64, now: Instant) {
        self.received(ticket, bytes, now);
        if bytes > EMPTY_BYTES {
            self.prove_small(ticket, now);
        }
    }

    /// This export has found nothing in any profile, so that it is small.
    pub fn found_nothing(&mut self, ticket: Ticket, now: Instant) {
        self.prove_small(ticket, now);
    }

    fn prove_small(&mut self, ticket: Ticket, now: Instant) {
        self.observe(now);
        let Some(running) = self.running.get_mut(&ticket) else {
            return;
        };
        // What began before another export proved large was admitted by a trust that was wrong, and
        // so many small ones among it would restore that trust at once.
        let is_current = self.proved_large.is_none_or(|at| at <= running.since);
        if !running.large && running.growth > 0 && is_current {
            let growth = std::mem::take(&mut running.growth);
            let most = MAX_AT_ONCE.saturating_sub(self.limit);
            self.trust = (self.trust + growth).min(most);
            self.proved_small = Some(now);
        }
    }

    /// This export has ended, or gives up its place in the queue.
    ///
    /// If it has a request that Homer has not responded to, Homer keeps working on it although
    /// nobody waits for it (docs/homer.md §7). Nothing tells for how long, so it is counted for
    /// [`GIVEN_UP_FACTOR`] times as long as it has been at Homer. Otherwise clients that give up
    /// and try again could have any number of large exports at Homer. Returns when that is over.
    pub fn leave(&mut self, ticket: Ticket, now: Instant) -> Option<Instant> {
        match self.running.get_mut(&ticket) {
            None => self.waiting.retain(|(waiting, _)| *waiting != ticket),
            Some(running) if running.without_response == 0 => {
                self.running.remove(&ticket);
            }
            Some(running) => {
                let age = now.saturating_duration_since(running.since);
                let end = now + age * GIVEN_UP_FACTOR;
                running.requests = running.requests.min(running.without_response);
                running.given_up = Some(end);
                return Some(end);
            }
        }
        None
    }

    /// What the passing of time proves.
    fn observe(&mut self, now: Instant) {
        let small_time = self.small_time;
        let is_over = |since: Instant| now.saturating_duration_since(since) > small_time;
        if self.proved_small.is_some_and(is_over) {
            self.trust = 0;
        }
        self.running
            .retain(|_, it| it.given_up.is_none_or(|end| now < end));
        let mut proved_large = false;
        for running in self.running.values_mut() {
            if !running.large && is_over(running.since) {
                running.large = true;
                proved_large = true;
            }
        }
        if proved_large {
            self.fall_back(now);
        }
    }

    fn fall_back(&mut self, now: Instant) {
        self.trust = 0;
        self.proved_large = Some(now);
    }
}

#[cfg(test)]
mod tests;
