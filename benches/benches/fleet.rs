//! What a fleet of gateways does to one Homer, simulated: `cargo bench --bench fleet` writes the
//! figures into docs/benchmarks.md.
//!
//! Homer builds each export in memory, on one core, and goes on after its client has left (homer.md
//! §7). So what is asked of it without measure is work that nobody waits for any more, and memory
//! that others need. The host's limit (`HOMER_MAX_CONCURRENT`) makes exports wait in turn at the
//! gateway instead, where giving up costs nothing.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench fails by panicking, and prints"
)]

use benches::figures;

use std::fmt::Write as _;

/// Homer: cores, and what it makes of them. 1.7 MB/s and core, 22 bytes of memory for each byte of
/// a capture: 91.7 MB took 53 s and 2.08 GB (homer.md §7).
const CORES: f64 = 4.0;
const MB_PER_CORE_SECOND: f64 = 1.7;
const MEMORY_PER_MB: f64 = 22.0;
/// What one Homer may have of memory, in MB.
const MEMORY_MB: f64 = 16_384.0;

/// Operators: the pause between two exports of one, in seconds; how long one waits, which is what
/// MCP clients do; how often one tries again after that.
const PAUSE_S: f64 = 120.0;
const PATIENCE_S: f64 = 60.0;
const TRIES: u32 = 3;

/// Captures, in MB, and how many of a hundred are such: a call, a long call, a busy trunk's
/// registrations, a flood.
const CAPTURES: [(f64, u32); 4] = [(0.01, 80), (0.9, 14), (9.1, 5), (91.7, 1)];

/// Simulated, in seconds, and the step.
const HOURS_S: f64 = 4.0 * 3600.0;
const STEP_S: f64 = 0.05;

/// What is borne: this share of exports answered in time, and Homer within its memory.
const BORNE: f64 = 0.99;

const GATEWAYS: usize = 4;

/// One export at Homer.
struct Job {
    /// Core seconds left.
    work: f64,
    memory: f64,
    operator: usize,
    gateway: usize,
    /// Which of the operator's tries it belongs to; another one means that nobody waits for it.
    ticket: u64,
}

#[derive(Clone, Copy)]
enum State {
    Pausing { until: f64 },
    Progress { until: f64, tries: u32, size: f64 },
}

struct Outcome {
    in_time: f64,
    given_up: f64,
    peak_memory: f64,
    /// Share of Homer's work for which nobody waited.
    wasted: f64,
}

/// The next number of a sequence that is the same in each run (splitmix64), from 0 to 1.
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

/// `limit`: exports of one gateway at Homer at once. `tries`: how often an operator, or the client,
/// asks for the same.
fn simulate(operators: usize, limit: usize, tries: u32) -> Outcome {
    let mut seed = 7;
    let mut states: Vec<State> = (0..operators)
        .map(|_| State::Pausing {
            until: random(&mut seed) * PAUSE_S,
        })
        .collect();
    let mut tickets = vec![0_u64; operators];
    let mut at_homer: Vec<Job> = Vec::new();
    let mut queues: Vec<std::collections::VecDeque<(usize, u64, f64)>> =
        vec![Default::default(); GATEWAYS];
    let mut running = [0_usize; GATEWAYS];
    let (mut served, mut lost, mut worked, mut wasted, mut peak) =
        (0_u64, 0_u64, 0.0, 0.0, 0.0_f64);
    let mut now = 0.0;
    while now < HOURS_S {
        for operator in 0..operators {
            let asks = match states[operator] {
                State::Pausing { until } if until <= now => Some((1, capture(&mut seed))),
                State::Progress {
                    until,
                    tries: done,
                    size,
                } if until <= now => {
                    // Given up: what runs at Homer goes on, what waits at the gateway does not.
                    tickets[operator] += 1;
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
                tickets[operator] += 1;
                states[operator] = State::Progress {
                    until: now + PATIENCE_S,
                    tries,
                    size,
                };
                queues[operator % GATEWAYS].push_back((operator, tickets[operator], size));
            }
        }
        for (gateway, queue) in queues.iter_mut().enumerate() {
            queue.retain(|(operator, ticket, _)| tickets[*operator] == *ticket);
            while running[gateway] < limit {
                let Some((operator, ticket, size)) = queue.pop_front() else {
                    break;
                };
                running[gateway] += 1;
                let (work, memory) = (size / MB_PER_CORE_SECOND, size * MEMORY_PER_MB);
                at_homer.push(Job {
                    work,
                    memory,
                    operator,
                    gateway,
                    ticket,
                });
            }
        }
        // Each on a core of its own while there are enough, then in equal shares.
        let share = (CORES / at_homer.len() as f64).min(1.0) * STEP_S;
        peak = peak.max(at_homer.iter().map(|job| job.memory).sum());
        at_homer.retain_mut(|job| {
            let done = job.work.min(share);
            worked += done;
            let waited_for = tickets[job.operator] == job.ticket;
            if !waited_for {
                wasted += done;
            }
            job.work -= done;
            if job.work > 0.0 {
                return true;
            }
            running[job.gateway] -= 1;
            if waited_for {
                served += 1;
                tickets[job.operator] += 1;
                states[job.operator] = State::Pausing {
                    until: now + 2.0 * random(&mut seed) * PAUSE_S,
                };
            }
            false
        });
        now += STEP_S;
    }
    let all = (served + lost).max(1) as f64;
    Outcome {
        in_time: served as f64 / all,
        given_up: lost as f64 / all,
        peak_memory: peak,
        wasted: if worked > 0.0 { wasted / worked } else { 0.0 },
    }
}

/// The most operators, in steps of five percent, that are borne.
fn borne(limit: usize, tries: u32) -> usize {
    let holds = |operators: usize| {
        let outcome = simulate(operators, limit, tries);
        outcome.in_time >= BORNE && outcome.peak_memory <= MEMORY_MB
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
    // `cargo test --benches` runs this as well, and simulates nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut text = String::new();
    let shares = CAPTURES
        .map(|(size, share)| format!("{share} % of {size} MB"))
        .join(", ");
    writeln!(
        text,
        "One Homer of {CORES} cores and {:.0} GiB; {GATEWAYS} gateways; an operator exports every {PAUSE_S} s on average, waits {PATIENCE_S} s, \
         and tries again up to {} times; captures: {shares}; {} hours. Assumed, not measured: the pauses and the mix. Measured \
         (homer.md §7): {MB_PER_CORE_SECOND} MB/s and core, {MEMORY_PER_MB} bytes of memory for each of a capture, and that Homer goes \
         on when the client has left.\n",
        MEMORY_MB / 1024.0,
        TRIES - 1,
        HOURS_S / 3600.0
    )
    .unwrap();
    writeln!(
        text,
        "| exports of a gateway at once | tries | operators borne ({} % in time) |",
        BORNE * 100.0
    )
    .unwrap();
    writeln!(text, "|---|---|---|").unwrap();
    let policies = [
        ("no limit", usize::MAX, TRIES),
        ("no limit", usize::MAX, 1),
        ("4 (default)", 4, TRIES),
        ("4 (default)", 4, 1),
        ("1", 1, 1),
    ];
    let mut most = 0;
    for (name, limit, tries) in policies {
        let operators = borne(limit, tries);
        most = most.max(operators);
        writeln!(text, "| {name} | {tries} | {operators} |").unwrap();
    }
    let crowd = most * 3 / 2;
    writeln!(
        text,
        "\nWith {crowd} operators, half as many again as are borne at best:\n"
    )
    .unwrap();
    writeln!(text, "| exports of a gateway at once | tries | in time | given up | Homer's memory at the peak | work nobody waits for |").unwrap();
    writeln!(text, "|---|---|---|---|---|---|").unwrap();
    for (name, limit, tries) in policies {
        let Outcome {
            in_time,
            given_up,
            peak_memory,
            wasted,
        } = simulate(crowd, limit, tries);
        writeln!(
            text,
            "| {name} | {tries} | {:.1} % | {:.1} % | {:.1} GiB | {:.0} % |",
            in_time * 100.0,
            given_up * 100.0,
            peak_memory / 1024.0,
            wasted * 100.0
        )
        .unwrap();
    }
    print!("{text}");
    figures::write("A fleet and one Homer", "cargo bench --bench fleet", &text);
}
