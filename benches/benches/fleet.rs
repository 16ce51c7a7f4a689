//! A simulation of many gateways that export from one Homer. `cargo bench -p benches --bench fleet`
//! writes the results to docs/benchmarks.md.
//!
//! Homer builds each export in memory on one core, and keeps working after its client has
//! disconnected (docs/homer.md §7). Without a limit it therefore does work that nobody waits for,
//! in memory that other exports need. With the limit of the host (`HOMER_MAX_CONCURRENT`) exports
//! wait in a queue at the gateway instead, where giving up costs Homer nothing. The gateways decide
//! with the same code as the host: [`Admission`].
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench fails by panicking, and prints"
)]

use benches::figures;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use homer_host::admission::{Admission, GIVEN_UP_FACTOR, SMALL_TIME, Ticket, Work};

/// Cores of Homer.
const CORES: f64 = 4.0;

/// Megabytes of a capture that Homer produces per core and second. 91.7 MB took 53 s
/// (docs/homer.md §7).
const MB_PER_CORE_SECOND: f64 = 1.7;

/// Bytes of Homer's memory per byte of a capture. 91.7 MB took 2.08 GB (docs/homer.md §7).
const MEMORY_PER_MB: f64 = 22.0;

/// Memory of Homer in MB.
const MEMORY_MB: f64 = 16_384.0;

/// Average pause between two exports of an operator, in seconds.
const PAUSE_S: f64 = 120.0;

/// How long an operator waits, in seconds. Common MCP clients wait for a minute.
const TIMEOUT_S: f64 = 60.0;

/// How often an operator tries the same export.
const TRIES: u32 = 3;

/// The sizes of captures in MB, and their share in percent: a call, a long call, the registrations
/// of a busy trunk, a flood.
const CAPTURES: [(f64, u32); 4] = [(0.01, 80), (0.9, 14), (9.1, 5), (91.7, 1)];

/// Simulated time in seconds.
const SIMULATED_S: f64 = 4.0 * 3600.0;

/// Step of the simulation in seconds.
const STEP_S: f64 = 0.05;

/// A load is served if this share of exports ends in time and Homer stays within its memory.
const SERVED: f64 = 0.99;

const GATEWAYS: usize = 4;

/// One export at Homer.
struct Job {
    /// Remaining core seconds.
    work: f64,
    memory: f64,
    operator: usize,
    gateway: usize,
    /// The try of the operator that it belongs to. If the operator has another one, nobody waits
    /// for this job.
    attempt: u64,
    /// Its place at the gateway.
    ticket: Ticket,
    bytes: u64,
}

/// An export that waits for its turn, or is at Homer.
struct Asked {
    operator: usize,
    attempt: u64,
    size: f64,
}

/// How gateways limit their exports.
#[derive(Clone, Copy)]
enum Rule {
    Unlimited,
    /// Never more than this many.
    Flat(usize),
    /// At least this many, and more after small ones: the rule of the host.
    ByCost(usize),
}

impl Rule {
    fn admission(self) -> Admission {
        match self {
            Self::Unlimited => Admission::new(usize::MAX, SMALL_TIME),
            // No export counts as small.
            Self::Flat(limit) => Admission::new(limit, Duration::ZERO),
            Self::ByCost(limit) => Admission::new(limit, SMALL_TIME),
        }
    }
}

#[derive(Clone, Copy)]
enum State {
    Pausing { until: f64 },
    Waiting { until: f64, tries: u32, size: f64 },
}

struct Outcome {
    in_time: f64,
    given_up: f64,
    peak_memory: f64,
    /// Share of Homer's work that nobody waited for.
    wasted: f64,
    /// The time in seconds within which 99 % of the smallest captures arrive, if they arrive.
    small_s: f64,
}

/// The next number from 0 to 1 of a sequence that is the same in each run (splitmix64).
fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn capture(state: &mut u64) -> f64 {
    let mut drawn = random(state) * 100.0;
    for (size, share) in CAPTURES {
        drawn -= f64::from(share);
        if drawn < 0.0 {
            return size;
        }
    }
    CAPTURES[0].0
}

/// Simulates this number of operators. `rule` limits the exports of one gateway, and `tries` is how
/// often an operator, or the client, tries the same export.
fn simulate(operators: usize, rule: Rule, tries: u32) -> Outcome {
    let mut seed = 7;
    let mut states: Vec<State> = (0..operators)
        .map(|_| State::Pausing {
            until: random(&mut seed) * PAUSE_S,
        })
        .collect();
    let mut attempts = vec![0_u64; operators];
    // Of each operator, the export that it waits for.
    let mut asked_by: Vec<Option<Ticket>> = vec![None; operators];
    let mut at_homer: Vec<Job> = Vec::new();
    let mut gateways: Vec<(Admission, HashMap<Ticket, Asked>)> = (0..GATEWAYS)
        .map(|_| (rule.admission(), HashMap::new()))
        .collect();
    let (mut served, mut lost, mut worked, mut wasted, mut peak) =
        (0_u64, 0_u64, 0.0, 0.0, 0.0_f64);
    let mut small = Vec::new();
    let begin = Instant::now();
    let mut now = 0.0;
    while now < SIMULATED_S {
        let instant = begin + Duration::from_secs_f64(now);
        for operator in 0..operators {
            let (admission, asked) = &mut gateways[operator % GATEWAYS];
            let asks = match states[operator] {
                State::Pausing { until } if until <= now => Some((1, capture(&mut seed))),
                State::Waiting {
                    until,
                    tries: done,
                    size,
                } if until <= now => {
                    // The operator gives up, and the gateway with it. A job at Homer continues.
                    attempts[operator] += 1;
                    if let Some(ticket) = asked_by[operator].take() {
                        admission.leave(ticket, instant);
                        asked.remove(&ticket);
                    }
                    if done < tries {
                        Some((done + 1, size))
                    } else {
                        lost += 1;
                        states[operator] = State::Pausing {
                            until: now + 2.0 * random(&mut seed) * PAUSE_S,
                        };
                        None
                    }
                }
                _ => None,
            };
            if let Some((tries, size)) = asks {
                attempts[operator] += 1;
                states[operator] = State::Waiting {
                    until: now + TIMEOUT_S,
                    tries,
                    size,
                };
                let ticket = admission.ask(Work::Export { requests: 1 });
                asked_by[operator] = Some(ticket);
                asked.insert(
                    ticket,
                    Asked {
                        operator,
                        attempt: attempts[operator],
                        size,
                    },
                );
            }
        }
        for (gateway, (admission, asked)) in gateways.iter_mut().enumerate() {
            for ticket in admission.admit(instant) {
                let Some(&Asked {
                    operator,
                    attempt,
                    size,
                }) = asked.get(&ticket)
                else {
                    continue;
                };
                admission.sent(ticket);
                at_homer.push(Job {
                    work: size / MB_PER_CORE_SECOND,
                    memory: size * MEMORY_PER_MB,
                    operator,
                    gateway,
                    attempt,
                    ticket,
                    bytes: (size * 1e6) as u64,
                });
            }
        }
        // Each job has a core of its own while there are enough cores, and then an equal share.
        let share = (CORES / at_homer.len() as f64).min(1.0) * STEP_S;
        peak = peak.max(at_homer.iter().map(|job| job.memory).sum());
        at_homer.retain_mut(|job| {
            let done = job.work.min(share);
            worked += done;
            let waited_for = attempts[job.operator] == job.attempt;
            if !waited_for {
                wasted += done;
            }
            job.work -= done;
            if job.work > 0.0 {
                return true;
            }
            if waited_for {
                let (admission, asked) = &mut gateways[job.gateway];
                let ended = instant + Duration::from_secs_f64(STEP_S);
                admission.responds(job.ticket);
                admission.response_ended(job.ticket, job.bytes, ended);
                admission.leave(job.ticket, ended);
                asked.remove(&job.ticket);
                asked_by[job.operator] = None;
                served += 1;
                if let State::Waiting { until, size, .. } = states[job.operator]
                    && size == CAPTURES[0].0
                {
                    small.push(now + STEP_S + TIMEOUT_S - until);
                }
                attempts[job.operator] += 1;
                states[job.operator] = State::Pausing {
                    until: now + 2.0 * random(&mut seed) * PAUSE_S,
                };
            }
            false
        });
        now += STEP_S;
    }
    let all = (served + lost).max(1) as f64;
    small.sort_by(f64::total_cmp);
    Outcome {
        in_time: served as f64 / all,
        given_up: lost as f64 / all,
        peak_memory: peak,
        wasted: if worked > 0.0 { wasted / worked } else { 0.0 },
        small_s: small.get(small.len() * 99 / 100).copied().unwrap_or(0.0),
    }
}

/// The largest number of operators that is served, within five percent.
fn capacity(rule: Rule, tries: u32) -> usize {
    let holds = |operators: usize| {
        let outcome = simulate(operators, rule, tries);
        outcome.in_time >= SERVED && outcome.peak_memory <= MEMORY_MB
    };
    let (mut low, mut high) = (1, 2);
    while holds(high) {
        (low, high) = (high, high * 2);
    }
    while (high - low) * 20 > high {
        let middle = low.midpoint(high);
        if holds(middle) {
            low = middle
        } else {
            high = middle
        }
    }
    low
}

fn main() {
    // `cargo test --benches` runs this program without the argument.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut text = String::new();
    let shares = CAPTURES
        .map(|(size, share)| format!("{share} % of {size} MB"))
        .join(", ");
    writeln!(
        text,
        "This is a simulation of {} hours with one Homer ({CORES} cores, {:.0} GiB) and {GATEWAYS} \
         gateways. An operator exports a call every {PAUSE_S} s on average, waits up to \
         {TIMEOUT_S} s, and retries up to {} times. The captures are {shares}. The pauses and this \
         mix are assumptions. Measured values ([homer.md](homer.md)) are {MB_PER_CORE_SECOND} MB/s \
         per core, {MEMORY_PER_MB} bytes of memory per byte of a capture, and that Homer keeps \
         working after the client has disconnected. \"By cost\" is the rule of the host \
         ([limits.md](limits.md#concurrent-exports)): small exports raise the number. With each \
         limit, an export that is given up counts for {GIVEN_UP_FACTOR} times as long as it was \
         at Homer.\n",
        SIMULATED_S / 3600.0,
        MEMORY_MB / 1024.0,
        TRIES - 1,
    )
    .unwrap();
    writeln!(
        text,
        "| concurrent exports per gateway | tries | operators served ({} % in time) |",
        SERVED * 100.0
    )
    .unwrap();
    writeln!(text, "|---|---|---|").unwrap();
    let policies = [
        ("no limit", Rule::Unlimited, TRIES),
        ("no limit", Rule::Unlimited, 1),
        ("never more than 4", Rule::Flat(4), TRIES),
        ("never more than 4", Rule::Flat(4), 1),
        ("4, by cost (default)", Rule::ByCost(4), TRIES),
        ("4, by cost (default)", Rule::ByCost(4), 1),
        ("1, by cost", Rule::ByCost(1), 1),
    ];
    let mut most = 0;
    for (name, rule, tries) in policies {
        let operators = capacity(rule, tries);
        most = most.max(operators);
        writeln!(text, "| {name} | {tries} | {operators} |").unwrap();
    }
    let crowd = most * 3 / 2;
    writeln!(
        text,
        "\nWith {crowd} operators, which is 1.5 times the highest number above:\n"
    )
    .unwrap();
    writeln!(
        text,
        "| concurrent exports per gateway | tries | in time | given up | Homer's peak memory | \
         work that nobody waits for | 99 % of {} MB within |",
        CAPTURES[0].0
    )
    .unwrap();
    writeln!(text, "|---|---|---|---|---|---|---|").unwrap();
    for (name, rule, tries) in policies {
        let Outcome {
            in_time,
            given_up,
            peak_memory,
            wasted,
            small_s,
        } = simulate(crowd, rule, tries);
        writeln!(
            text,
            "| {name} | {tries} | {:.1} % | {:.1} % | {:.1} GiB | {:.0} % | {small_s:.1} s |",
            in_time * 100.0,
            given_up * 100.0,
            peak_memory / 1024.0,
            wasted * 100.0
        )
        .unwrap();
    }
    print!("{text}");
    figures::write(
        "A fleet and one Homer",
        "cargo bench -p benches --bench fleet",
        &text,
    );
}
