//! Decides which exports may be at Homer at a time, by what recent requests cost. It has neither a
//! clock nor any I/O: callers pass the time in.
//!
//! The size of a capture is unknown until Homer responds, and by then Homer has done its work
//! (docs/homer.md §7). Large exports can therefore only be limited by limiting the requests whose
//! cost is not known yet. Their number behaves like the congestion window of TCP (RFC 5681 §3.1):
//! it begins at `HOMER_MAX_CONCURRENT`, grows with each response that proves small, and falls back
//! at once when an export proves large.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

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

/// How many further requests each small response makes room for. With 7, the window is 4, 32, and
/// then 128, so that a burst of 64 exports takes only three or four times as long as one of them.
/// If it only doubled, the burst would take twice as long as with a client that has no limit.
pub const GROWTH: usize = 7;

/// Which exports and searches may be at Homer, and which wait.
///
/// # Examples
///
/// ```
/// use std::time::Instant;
/// use homer_host::admission::{Admission, GROWTH, SMALL_TIME};
///
/// let now = Instant::now();
/// let mut admission = Admission::new(1, SMALL_TIME);
/// let first = admission.ask(1);
/// let second = admission.ask(1);
/// assert_eq!(admission.admit(now), [first]);
/// // A small response makes room for others, even before the first export has ended.
/// admission.answered(first, 3_311, now);
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
    /// When a response last proved small.
    proved_small: Option<Instant>,
    /// When an export last proved large.
    proved_large: Option<Instant>,
    running: BTreeMap<Ticket, Running>,
    /// First come, first served: each with its number of requests.
    waiting: VecDeque<(Ticket, usize)>,
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
    since: Instant,
    large: bool,
    /// Requests that Homer works on: it has not begun to respond.
    unanswered: usize,
    /// Set for one that was given up: when Homer has probably finished it.
    given_up: Option<Instant>,
}

impl Admission {
    /// An admission whose window is never below `limit`, which is `HOMER_MAX_CONCURRENT`. An export
    /// that is at Homer for longer than `small_time` proves large, whatever its size; the default
    /// is [`SMALL_TIME`]. The window falls back, too, if no response has proved small for this
    /// long.
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

    /// Puts an export or search into the queue. It will be admitted with all of its `requests` at
    /// once: exports that wait for a second one while they keep their first one would wait for each
    /// other. More requests than the limit count as the limit, so that each is admitted in the end.
    pub fn ask(&mut self, requests: usize) -> Ticket {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        let requests = requests.min(self.limit);
        self.waiting.push_back((ticket, requests));
        ticket
    }

    /// Admits those that may begin now, in the order in which they asked. Call this after each
    /// change, and when one that was given up ends ([`Self::leave`]).
    pub fn admit(&mut self, now: Instant) -> Vec<Ticket> {
        self.observe(now);
        let mut under_way: usize = self.running.values().map(|it| it.requests).sum();
        let mut admitted = Vec::new();
        while let Some(&(ticket, requests)) = self.waiting.front()
            && under_way.saturating_add(requests) <= self.window()
        {
            self.waiting.pop_front();
            under_way += requests;
            let running = Running {
                requests,
                since: now,
                large: false,
                unanswered: 0,
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
            running.unanswered += 1;
        }
    }

    /// Homer no longer works on a request of this export: it responds, or the connection failed.
    pub fn responds(&mut self, ticket: Ticket) {
        if let Some(running) = self.running.get_mut(&ticket) {
            running.unanswered = running.unanswered.saturating_sub(1);
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

    /// One response to this export has been received completely, and has this many bytes. If it is
    /// small, the window grows.
    pub fn answered(&mut self, ticket: Ticket, bytes: u64, now: Instant) {
        self.received(ticket, bytes, now);
        self.observe(now);
        let Some(running) = self.running.get(&ticket) else {
            return;
        };
        // What began before another export proved large was admitted by a trust that was wrong, and
        // so many responses to it would restore that trust at once.
        let is_current = self.proved_large.is_none_or(|at| at <= running.since);
        if !running.large && is_current {
            let most = MAX_AT_ONCE.saturating_sub(self.limit);
            self.trust = (self.trust + GROWTH).min(most);
            self.proved_small = Some(now);
        }
    }

    /// This export has ended, or gives up its place in the queue.
    ///
    /// If it has a request that Homer has not responded to, Homer keeps working on it although
    /// nobody waits for it (docs/homer.md §7). Nothing tells for how long, so it is counted for as
    /// long again as it has been at Homer. Otherwise clients that give up and try again could have
    /// any number of large exports at Homer. Returns when that is over.
    pub fn leave(&mut self, ticket: Ticket, now: Instant) -> Option<Instant> {
        match self.running.get_mut(&ticket) {
            None => self.waiting.retain(|(waiting, _)| *waiting != ticket),
            Some(running) if running.unanswered == 0 => {
                self.running.remove(&ticket);
            }
            Some(running) => {
                let end = now + now.saturating_duration_since(running.since);
                running.requests = running.requests.min(running.unanswered);
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
