//! Random calls: what their participants do, as RFC 3261 says, and what the network loses.

use std::net::SocketAddr;

use super::message::{Ends, Kind, Line, Link, Message, Request};
use super::network::{Network, TIMER_A_US, TIMER_E_US};
use super::random::Random;
use crate::capture::BEGIN_US;

/// Number of the link between caller and callee that requests within the dialog take if the proxies
/// are not in their route.
const DIRECT: usize = 90;

/// The note on a call whose first BYE was challenged.
const BYE_CHALLENGED: &str = "BYE challenged";

/// The ACK arrives, whatever the number of links.
const ACKS: usize = usize::MAX;

/// A call as it happened.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// All messages that were sent, in no order.
    pub(super) sent: Vec<Message>,
    pub(super) is_invite: bool,
    pub(super) is_stream: bool,
    /// The first link behind a B2BUA that keeps the Call-ID.
    pub(super) b2bua_at: Option<usize>,
    /// The first link behind a proxy that forks.
    pub(super) fork_at: Option<usize>,
    /// The To tag of the fork whose answer counts.
    pub(super) answer: Option<String>,
    /// Statuses and the like, for a person.
    pub(super) description: String,
    /// Whether the first BYE was challenged.
    pub(super) is_bye_challenged: bool,
}

/// How a user agent or proxy reacts to an INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reaction {
    Accept,
    Reject(u16),
    /// It rings until the caller cancels.
    Ring,
    /// It sends no response at all.
    Silent,
    /// The last that the caller hears of it is a provisional response.
    Hang,
}

/// A part of the path with the same dialog: up to a B2BUA, or behind it.
struct Part {
    links: std::ops::Range<usize>,
    ends: Ends,
    number: u64,
    callee_tag: String,
}

/// When an attempt is over and, if it was answered, the links to the callee.
type Over = (u64, Option<(Vec<Link>, Vec<Part>)>);

struct Caller<'a, 'r> {
    network: &'a mut Network<'r>,
    description: String,
    b2bua_at: Option<usize>,
    answer: Option<String>,
    from_tag: String,
    attempt: usize,
    number: u64,
}

fn host(last: usize) -> SocketAddr {
    format!("192.0.2.{last}:5060").parse().unwrap()
}

fn links(nodes: &[SocketAddr]) -> Vec<Link> {
    let pairs = nodes.windows(2).enumerate();
    pairs
        .map(|(number, pair)| Link {
            number,
            from: pair[0],
            to: pair[1],
        })
        .collect()
}

pub(super) fn status_line(status: u16) -> String {
    let phrase = match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        302 => "Moved Temporarily",
        401 => "Unauthorized",
        407 => "Proxy Authentication Required",
        403 => "Forbidden",
        487 => "Request Terminated",
        _ => "Other",
    };
    format!("{status} {phrase}")
}

const REJECTIONS: [u16; 18] = [
    400, 403, 404, 408, 410, 415, 480, 482, 483, 484, 486, 488, 500, 503, 504, 600, 603, 606,
];

impl Call {
    pub(super) fn new(random: &mut Random) -> Self {
        let transport = random.pick(&["UDP", "UDP", "UDP", "UDP", "TCP"]);
        let loss = match transport {
            "UDP" => random.pick(&[0, 0, 0, 5, 20]),
            _ => 0,
        };
        let is_invite = random.percent(80);
        let proxies = random.pick(&[0, 0, 0, 1, 1, 2, 3]) as usize;
        let b2bua_at = (is_invite && proxies > 0 && random.percent(25))
            .then(|| random.from(1, proxies as u64) as usize);
        let mut nodes = vec![host(10)];
        nodes.extend((0..proxies).map(|number| host(50 + number)));
        let mut network = Network::new(random, loss, transport);
        let mut caller = Caller {
            description: format!("{transport}, {proxies} proxies, B2BUA at {b2bua_at:?}"),
            network: &mut network,
            b2bua_at,
            answer: None,
            from_tag: "a0".to_string(),
            attempt: 0,
            number: 1,
        };
        let forks = match is_invite {
            true => caller.calls(nodes),
            false => {
                caller.asks(nodes);
                None
            }
        };
        let (description, answer) = (caller.description, caller.answer);
        Self {
            answer,
            sent: network.sent,
            is_invite,
            is_stream: transport == "TCP",
            b2bua_at,
            fork_at: forks,
            is_bye_challenged: description.contains(BYE_CHALLENGED),
            description,
        }
    }
}

impl Caller<'_, '_> {
    fn note(&mut self, what: &str) {
        self.description.push_str("; ");
        self.description.push_str(what);
    }

    fn random(&mut self) -> &mut Random {
        self.network.random
    }

    /// REGISTER and the like. Each request gets through all proxies, or a proxy challenges it.
    fn asks(&mut self, mut nodes: Vec<SocketAddr>) {
        nodes.push(host(20));
        let path = links(&nodes);
        let methods = ["REGISTER", "SUBSCRIBE", "MESSAGE", "OPTIONS", "PUBLISH"];
        let method = self.random().pick(&methods);
        let mut now_us = BEGIN_US;
        let transactions = self.random().from(1, 4);
        let mut credentials = false;
        self.note(method);
        for _ in 0..transactions {
            let status = self
                .random()
                .pick(&[200, 200, 202, 401, 407, 403, 404, 503, 302]);
            let is_dead = self.random().percent(8);
            now_us = self.asks_once(&path, method, now_us, credentials, status, is_dead);
            if is_dead {
                break;
            }
            credentials = matches!(status, 401 | 407);
            now_us += match credentials {
                true => self.random().from(5_000, 200_000),
                false => self.random().from(45_000_000, 90_000_000),
            };
        }
    }

    fn asks_once(
        &mut self,
        path: &[Link],
        method: &str,
        at_us: u64,
        credentials: bool,
        status: u16,
        is_dead: bool,
    ) -> u64 {
        let ends = self.ends("");
        let line = Line {
            method,
            number: self.number,
            fields: fields_of(credentials),
            has_sdp: false,
        };
        let kind = Kind::Initial { credentials };
        let requests = self
            .network
            .requests(path, (kind, self.attempt), &line, &ends);
        (self.number, self.attempt) = (self.number + 1, self.attempt + 1);
        if is_dead {
            self.note("silent");
            return self
                .network
                .unanswered(&requests[0].message, at_us, &TIMER_E_US);
        }
        self.note(&status.to_string());
        let pairs = self.pairs(&requests, Kind::Final(status), status, "b");
        self.chain(&pairs, at_us)
    }

    fn ends(&self, to_tag: &str) -> Ends {
        Ends {
            from: ("alice", self.from_tag.clone()),
            to: ("bob", to_tag.to_string()),
        }
    }

    /// Each request with its response.
    fn pairs(
        &mut self,
        requests: &[Request],
        kind: Kind,
        status: u16,
        to_tag: &str,
    ) -> Vec<(Message, Message)> {
        let mut pairs = Vec::new();
        for request in requests {
            let id = self.network.id();
            let response = request.response(id, kind, &status_line(status), to_tag);
            pairs.push((request.message.clone(), response));
        }
        pairs
    }

    /// Transactions other than INVITE over several links, each of which waits for the next one.
    /// Returns the arrival of the response at the sender.
    fn chain(&mut self, pairs: &[(Message, Message)], at_us: u64) -> u64 {
        chain(self.network, pairs, at_us)
    }

    /// An INVITE with its attempts. Returns the first link behind a fork.
    fn calls(&mut self, nodes: Vec<SocketAddr>) -> Option<usize> {
        let mut now_us = BEGIN_US;
        let mut credentials = false;
        let mut callee = 20;
        let mut nodes = nodes;
        loop {
            let fate = self.random().from(0, 99);
            let attempts_left = self.attempt < 3;
            // The attempt fails, and another one follows.
            let first_try = match fate {
                0..15 if attempts_left => Some((self.random().pick(&[401, 407]), "challenge")),
                15..20 if attempts_left => Some((302, "redirection")),
                20..26 if attempts_left => Some((self.random().pick(&[503, 500, 404]), "carrier")),
                _ => None,
            };
            let Some((status, why)) = first_try else {
                return self.last_attempt(&nodes, callee, now_us, credentials);
            };
            self.note(&format!("{why} {status}"));
            let mut path = nodes.clone();
            path.push(host(callee));
            let end = match why {
                "challenge" => self.random().from(1, path.len() as u64 - 1) as usize,
                _ => path.len() - 1,
            };
            let path = links(&path[..=end]);
            let reactions = [Reaction::Reject(status)];
            let is_over_us = self
                .attempt_over(&path, &[], &reactions, now_us, credentials)
                .0;
            self.attempt += 1;
            self.number += u64::from(self.random().percent(60));
            now_us = is_over_us + self.random().from(5_000, 300_000);
            if self.random().percent(10) {
                self.note("other From tag");
                self.from_tag = format!("a{}", self.attempt);
            }
            match why {
                "challenge" => credentials = true,
                // Another destination.
                _ => {
                    callee += 1;
                    if why == "redirection" && self.b2bua_at.is_none() && self.random().percent(50)
                    {
                        nodes.truncate(1);
                    }
                }
            }
        }
    }

    fn last_attempt(
        &mut self,
        nodes: &[SocketAddr],
        callee: usize,
        at_us: u64,
        credentials: bool,
    ) -> Option<usize> {
        let is_fork = nodes.len() > 1 && self.b2bua_at.is_none() && self.random().percent(30);
        let branches = if is_fork { self.random().from(2, 3) } else { 1 };
        let mut reactions = Vec::new();
        for _ in 0..branches {
            let reaction = match self.random().from(0, 99) {
                0..55 => Reaction::Accept,
                55..80 => Reaction::Reject(self.random().pick(&REJECTIONS)),
                80..90 => Reaction::Ring,
                90..95 => Reaction::Silent,
                _ => Reaction::Hang,
            };
            // All forks of a call have an end, or none has.
            reactions.push(match (is_fork, reaction) {
                (true, Reaction::Silent | Reaction::Hang) => Reaction::Reject(480),
                _ => reaction,
            });
        }
        if reactions.contains(&Reaction::Ring) {
            reactions.retain(|it| *it != Reaction::Accept);
        }
        self.note(&format!("{reactions:?}"));
        let mut path = nodes.to_vec();
        if reactions.len() == 1 {
            path.push(host(callee));
        }
        let path = links(&path);
        let forks: Vec<Link> = (0..reactions.len())
            .filter(|_| reactions.len() > 1)
            .map(|number| Link {
                number: path.len() + number,
                from: nodes[nodes.len() - 1],
                to: host(callee + number),
            })
            .collect();
        let (now_us, answer) = self.attempt_over(&path, &forks, &reactions, at_us, credentials);
        if let Some((route, parts)) = answer {
            self.talk(&route, &parts, now_us);
        }
        (!forks.is_empty()).then_some(path.len())
    }

    /// The parts of a path in which the dialog is the same.
    fn parts(&mut self, len: usize, callee_tag: &str) -> Vec<Part> {
        let own = Part {
            links: 0..self.b2bua_at.unwrap_or(len).min(len),
            ends: self.ends(""),
            number: self.number,
            callee_tag: callee_tag.to_string(),
        };
        match self.b2bua_at.filter(|at| *at < len) {
            None => vec![own],
            Some(at) => {
                let attempt = self.attempt;
                let other = Part {
                    links: at..len,
                    ends: Ends {
                        from: ("alice", format!("s{attempt}")),
                        to: ("bob", String::new()),
                    },
                    number: self.number + self.network.random.pick(&[0, 0, 100]),
                    callee_tag: format!("t{attempt}"),
                };
                vec![own, other]
            }
        }
    }

    /// One attempt, over a path that may end at a proxy that forks. Returns when it is over and, if
    /// it was answered, the links to the callee.
    fn attempt_over(
        &mut self,
        path: &[Link],
        forks: &[Link],
        reactions: &[Reaction],
        at_us: u64,
        credentials: bool,
    ) -> Over {
        let parts = self.parts(path.len(), "b0");
        let kind = Kind::Initial { credentials };
        let mut requests = Vec::new();
        for part in &parts {
            let line = Line {
                method: "INVITE",
                number: part.number,
                fields: fields_of(credentials),
                has_sdp: true,
            };
            let links = &path[part.links.clone()];
            let on = (kind, self.attempt);
            requests.extend(self.network.requests(links, on, &line, &part.ends));
        }
        let (mut now_us, mut quiet_us) = (at_us, at_us);
        for (number, request) in requests.iter().enumerate() {
            let is_last = number + 1 == requests.len() && forks.is_empty();
            if is_last && reactions[0] == Reaction::Silent {
                let request = &request.message;
                return (self.network.unanswered(request, now_us, &TIMER_A_US), None);
            }
            let (arrival_us, answered_us) = self.invite_arrives(request, now_us);
            (now_us, quiet_us) = (arrival_us + 500, quiet_us.max(answered_us));
        }
        if !forks.is_empty() {
            return self.forks(&requests, forks, reactions, now_us, quiet_us);
        }
        let tags: Vec<String> = requests
            .iter()
            .enumerate()
            .map(|(at, _)| {
                let part = parts.iter().find(|part| part.links.contains(&at)).unwrap();
                part.callee_tag.clone()
            })
            .collect();
        let mut now_us = quiet_us.max(now_us) + self.random().from(20_000, 400_000);
        let rings = matches!(reactions[0], Reaction::Ring) || self.random().percent(60);
        if rings {
            let status = self.random().pick(&[180, 180, 183]);
            let ringing = self.responses(&requests, Kind::Provisional, status, &tags);
            self.network.relay(&ringing, now_us, 0);
            now_us += self.random().from(20_000, 6_000_000);
        }
        match reactions[0] {
            Reaction::Accept => {
                let mut now_us = now_us;
                for part in parts.iter().rev() {
                    let own = &requests[part.links.clone()];
                    // The ACK is not sent, or some link loses it every time.
                    let acks = match self.random().from(0, 99) {
                        0..3 => 0,
                        3..6 => self.network.random.from(1, own.len() as u64) as usize,
                        _ => ACKS,
                    };
                    if acks != ACKS {
                        self.note(&format!("ACK on {acks} links"));
                    }
                    now_us = self.accepts(own, 200, &part.callee_tag, now_us, acks);
                }
                (now_us, Some((path.to_vec(), parts)))
            }
            Reaction::Reject(status) => (self.rejects(&requests, status, &tags, now_us), None),
            Reaction::Ring => {
                self.note("CANCEL");
                let arrival_us = self.cancels(&requests, now_us);
                // It picked up at the same moment.
                if self.random().percent(15) {
                    self.note("200 crossed it");
                    let mut now_us = now_us;
                    for part in parts.iter().rev() {
                        let own = &requests[part.links.clone()];
                        now_us = self.accepts(own, 200, &part.callee_tag, now_us, ACKS);
                    }
                    return (now_us.max(arrival_us), Some((path.to_vec(), parts)));
                }
                (self.rejects(&requests, 487, &tags, arrival_us + 1000), None)
            }
            Reaction::Silent | Reaction::Hang => (now_us, None),
        }
    }

    /// An INVITE on one link, until a 100 arrives. Returns the arrival of both.
    fn invite_arrives(&mut self, request: &Request, at_us: u64) -> (u64, u64) {
        let id = self.network.id();
        let trying = request.response(id, Kind::Provisional, "100 Trying", "");
        self.network
            .transaction(&request.message, &trying, at_us, &TIMER_A_US, |net, us| {
                us + net.random.from(100, 2000)
            })
    }

    /// A response on each link, from the callee to the caller.
    fn responses(
        &mut self,
        requests: &[Request],
        kind: Kind,
        status: u16,
        tags: &[String],
    ) -> Vec<Message> {
        let mut responses = Vec::new();
        for (request, tag) in requests.iter().zip(tags).rev() {
            let id = self.network.id();
            responses.push(request.response(id, kind, &status_line(status), tag));
        }
        responses
    }

    /// A rejection on each link, from the callee to the caller. Returns its arrival there.
    fn rejects(&mut self, requests: &[Request], status: u16, tags: &[String], at_us: u64) -> u64 {
        let mut now_us = at_us;
        for (request, tag) in requests.iter().zip(tags).rev() {
            let (id, ack) = (self.network.id(), self.network.id());
            let response = request.response(id, Kind::Final(status), &status_line(status), tag);
            let ack = request.same_branch(ack, Kind::RejectionAck, "ACK", tag);
            now_us = self.network.rejection(&response, &ack.message, now_us) + 300;
        }
        now_us
    }

    /// A 2xx on each link, until its ACK arrives. Returns its arrival at the caller.
    fn accepts(
        &mut self,
        requests: &[Request],
        status: u16,
        tag: &str,
        at_us: u64,
        links_with_ack: usize,
    ) -> u64 {
        let tags = vec![tag.to_string(); requests.len()];
        let responses = self.responses(requests, Kind::Final(status), status, &tags);
        let path: Vec<Link> = requests.iter().map(|request| request.link).collect();
        let mut ends = requests[0].ends.clone();
        ends.to.1 = tag.to_string();
        let number = requests[0].cseq.split(' ').next().unwrap();
        let line = Line {
            method: "ACK",
            number: number.parse().unwrap(),
            fields: "",
            has_sdp: false,
        };
        let on = (Kind::Ack, self.attempt);
        let acks = self.network.requests(&path, on, &line, &ends);
        let acks: Vec<Message> = acks.into_iter().map(|ack| ack.message).collect();
        let (mut first_us, mut sent_acks) = (None, 0);
        for (copy, after_us) in [0].iter().chain(&TIMER_E_US).enumerate() {
            let received = self.network.relay(&responses, at_us + after_us, copy);
            let Some(received_us) = received else {
                continue;
            };
            first_us = first_us.or(Some(received_us));
            sent_acks += 1;
            let some = &acks[..acks.len().min(links_with_ack)];
            let arrival = self.network.relay(some, received_us + 500, sent_acks - 1);
            if arrival.is_some() && links_with_ack == ACKS {
                break;
            }
        }
        first_us.unwrap()
    }

    /// CANCEL on each link. Returns its arrival at the callee.
    fn cancels(&mut self, requests: &[Request], at_us: u64) -> u64 {
        let mut now_us = at_us;
        for request in requests {
            let (id, response) = (self.network.id(), self.network.id());
            let cancel = request.same_branch(id, Kind::Cancel, "CANCEL", "");
            let response = cancel.response(response, Kind::CancelResponse, "200 OK", "c");
            let (arrival_us, _) = self.network.transaction(
                &cancel.message,
                &response,
                now_us,
                &TIMER_E_US,
                |_, us| us + 300,
            );
            now_us = arrival_us + 300;
        }
        now_us
    }

    /// A proxy forks the last request of a path.
    fn forks(
        &mut self,
        requests: &[Request],
        forks: &[Link],
        reactions: &[Reaction],
        at_us: u64,
        quiet_us: u64,
    ) -> Over {
        if self.random().percent(30) {
            return self.hunts(requests, forks, reactions, quiet_us.max(at_us));
        }
        let mut branches = Vec::new();
        let mut quiet_us = quiet_us;
        for (number, link) in forks.iter().enumerate() {
            let branch = self.branch(requests.last().unwrap(), *link);
            let (_, answered_us) = self.invite_arrives(&branch, at_us + number as u64);
            quiet_us = quiet_us.max(answered_us);
            branches.push((branch, format!("b{number}"), reactions[number]));
        }
        let mut now_us = quiet_us + self.random().from(20_000, 400_000);
        // The path that a response of each branch takes.
        let whole = |branch: &Request| [requests, &[branch.clone()][..]].concat();
        for (branch, tag, _) in &branches {
            if self.random().percent(60) {
                let own = whole(branch);
                let tags = vec![tag.clone(); own.len()];
                let ringing = self.responses(&own, Kind::Provisional, 180, &tags);
                self.network.relay(&ringing, now_us, 0);
                now_us += self.random().from(1000, 300_000);
            }
        }
        let mut best: Option<(u16, String)> = None;
        let mut better = |status: u16, tag: &str| {
            // 6xx first, and else the lowest class (RFC 3261 §16.7).
            let rank = |status: u16| if status >= 600 { 0 } else { status / 100 };
            if best
                .as_ref()
                .is_none_or(|(known, _)| rank(status) < rank(*known))
            {
                best = Some((status, tag.to_string()));
            }
        };
        let mut open = Vec::new();
        let mut rejected_us = now_us;
        for (branch, tag, reaction) in &branches {
            match reaction {
                Reaction::Reject(status) => {
                    now_us += self.random().from(1000, 2_000_000);
                    let own = std::slice::from_ref(branch);
                    let tags = [tag.clone()];
                    let over_us = self.rejects(own, *status, &tags, now_us);
                    rejected_us = rejected_us.max(over_us);
                    better(*status, tag);
                }
                _ => open.push((branch, tag, *reaction)),
            }
        }
        now_us = now_us.max(rejected_us);
        let accepts = open.iter().find(|(.., it)| *it == Reaction::Accept);
        if let Some((branch, tag, _)) = accepts {
            now_us += self.random().from(20_000, 4_000_000);
            self.answer = Some((*tag).clone());
            let over_us = self.accepts(&whole(branch), 200, tag, now_us, ACKS);
            let mut last_us = over_us;
            for (other, other_tag, _) in open.iter().filter(|it| it.1 != *tag) {
                match self.random().percent(50) {
                    // It picked up at the same moment: the caller hangs up this one.
                    true => {
                        self.note("second 2xx");
                        let own = whole(other);
                        let second_us = self.accepts(&own, 200, other_tag, over_us + 2000, ACKS);
                        let links: Vec<Link> = own.iter().map(|it| it.link).collect();
                        let ends = self.ends(other_tag);
                        let done_us =
                            self.in_dialog(&links, &ends, ("BYE", 77), second_us + 9000, false);
                        last_us = last_us.max(done_us);
                    }
                    false => {
                        let own = std::slice::from_ref(*other);
                        let cancelled_us = self.cancels(own, over_us);
                        let tags = [(*other_tag).clone()];
                        last_us = last_us.max(self.rejects(own, 487, &tags, cancelled_us + 1000));
                    }
                }
            }
            let links: Vec<Link> = whole(branch).iter().map(|it| it.link).collect();
            let part = Part {
                links: 0..links.len(),
                ends: self.ends(""),
                number: self.number,
                callee_tag: (*tag).clone(),
            };
            return (last_us, Some((links, vec![part])));
        }
        if !open.is_empty() {
            self.note("CANCEL");
            let arrival_us = self.cancels(requests, now_us);
            for (branch, tag, _) in open {
                let own = std::slice::from_ref(branch);
                let cancelled_us = self.cancels(own, arrival_us);
                let over_us =
                    self.rejects(own, 487, std::slice::from_ref(tag), cancelled_us + 1000);
                now_us = now_us.max(over_us);
            }
            let tags = vec!["b0".to_string(); requests.len()];
            return (self.rejects(requests, 487, &tags, now_us), None);
        }
        let (status, tag) = best.unwrap();
        let tags = vec![tag; requests.len()];
        (self.rejects(requests, status, &tags, now_us), None)
    }

    /// The request that a proxy sends to a fork.
    fn branch(&mut self, request: &Request, link: Link) -> Request {
        let vias = self.network.via(link) + &request.vias;
        let mut what = request.message.what;
        what.link = link.number;
        let credentials = what.kind == Kind::Initial { credentials: true };
        let line = Line {
            method: "INVITE",
            number: self.number,
            fields: fields_of(credentials),
            has_sdp: true,
        };
        let id = self.network.id();
        Request::new((id, what), link, &line, vias, &self.ends(""))
    }

    /// A proxy tries one fork after the other.
    fn hunts(
        &mut self,
        requests: &[Request],
        forks: &[Link],
        reactions: &[Reaction],
        at_us: u64,
    ) -> Over {
        self.note("one after the other");
        let mut now_us = at_us;
        let mut last = (480, String::new());
        for (number, (link, reaction)) in forks.iter().zip(reactions).enumerate() {
            let branch = self.branch(requests.last().unwrap(), *link);
            let tag = format!("b{number}");
            let (arrival_us, answered_us) = self.invite_arrives(&branch, now_us);
            now_us = arrival_us.max(answered_us) + self.random().from(20_000, 3_000_000);
            let own = [branch];
            if *reaction == Reaction::Accept {
                let whole = [requests, &own].concat();
                self.answer = Some(tag.clone());
                let over_us = self.accepts(&whole, 200, &tag, now_us, ACKS);
                let links: Vec<Link> = whole.iter().map(|it| it.link).collect();
                let part = Part {
                    links: 0..links.len(),
                    ends: self.ends(""),
                    number: self.number,
                    callee_tag: tag,
                };
                return (over_us, Some((links, vec![part])));
            }
            let status = match reaction {
                Reaction::Reject(status) => *status,
                _ => 480,
            };
            now_us = self.rejects(&own, status, std::slice::from_ref(&tag), now_us) + 2000;
            last = (status, tag);
        }
        let tags = vec![last.1; requests.len()];
        (self.rejects(requests, last.0, &tags, now_us), None)
    }

    /// What follows the answer.
    fn talk(&mut self, route: &[Link], parts: &[Part], at_us: u64) {
        let mut now_us = at_us + self.random().from(500_000, 60_000_000);
        // Without Record-Route, requests go to the callee directly.
        let is_direct = parts.len() == 1 && route.len() > 1 && self.random().percent(20);
        let direct = [Link {
            number: DIRECT,
            from: route[0].from,
            to: route[route.len() - 1].to,
        }];
        let by_caller = self.random().percent(60);
        if self.random().percent(20) {
            let method = self.random().pick(&["INFO", "UPDATE", "INVITE"]);
            self.note(method);
            now_us = self.through(route, parts, (method, 3), now_us, by_caller);
            now_us += self.random().from(10_000, 20_000_000);
        }
        if self.random().percent(12) {
            self.note("no BYE");
            return;
        }
        let by = if by_caller { "caller" } else { "callee" };
        self.note(&format!("BYE by {by}, direct: {is_direct}"));
        if is_direct {
            let mut part = parts[0].ends.clone();
            part.to.1.clone_from(&parts[0].callee_tag);
            let bye = ("BYE", parts[0].number + 4);
            self.in_dialog(&direct, &part, bye, now_us, !by_caller);
            return;
        }
        self.through(route, parts, ("BYE", 4), now_us, by_caller);
    }

    /// A request through all parts of the path.
    fn through(
        &mut self,
        route: &[Link],
        parts: &[Part],
        what: (&str, u64),
        at_us: u64,
        by_caller: bool,
    ) -> u64 {
        let mut now_us = at_us;
        let mut order: Vec<&Part> = parts.iter().collect();
        if !by_caller {
            order.reverse();
        }
        for part in order {
            let mut ends = part.ends.clone();
            ends.to.1.clone_from(&part.callee_tag);
            let what = (what.0, part.number + what.1);
            now_us = self.in_dialog(&route[part.links.clone()], &ends, what, now_us, !by_caller);
        }
        now_us
    }

    /// A request within the dialog, with its response. Returns when it is over.
    fn in_dialog(
        &mut self,
        path: &[Link],
        ends: &Ends,
        (method, number): (&str, u64),
        at_us: u64,
        reversed: bool,
    ) -> u64 {
        let mut path = path.to_vec();
        let mut ends = ends.clone();
        if reversed {
            path = path.iter().rev().map(|link| link.reversed()).collect();
            ends = ends.reversed();
        }
        let line = Line {
            method,
            number,
            fields: "",
            has_sdp: method == "INVITE",
        };
        let kinds = match method {
            "BYE" => (Kind::Bye, Kind::ByeResponse(200)),
            _ => (Kind::Within, Kind::Within),
        };
        let on = (kinds.0, self.attempt);
        let requests = self.network.requests(&path, on, &line, &ends);
        if method == "BYE" && self.random().percent(8) {
            self.note("BYE unanswered");
            let first = &requests[0].message;
            return self.network.unanswered(first, at_us, &TIMER_E_US);
        }
        let mut at_us = at_us;
        let mut requests = requests;
        if method == "BYE" && self.random().percent(6) {
            self.note(BYE_CHALLENGED);
            let first = &requests[..1];
            let pairs = self.pairs(first, Kind::ByeResponse(407), 407, "");
            at_us = self.chain(&pairs, at_us) + 5000;
            let line = Line {
                number: number + 1,
                fields: fields_of(true),
                ..line
            };
            requests = self.network.requests(&path, on, &line, &ends);
        }
        let pairs = self.pairs(&requests, kinds.1, 200, "");
        let over_us = self.chain(&pairs, at_us);
        if method == "INVITE" {
            let line = Line {
                method: "ACK",
                has_sdp: false,
                ..line
            };
            let acks = self.network.requests(&path, on, &line, &ends);
            let acks: Vec<Message> = acks.into_iter().map(|ack| ack.message).collect();
            self.network.relay(&acks, over_us, 0);
        }
        over_us
    }
}

fn fields_of(credentials: bool) -> &'static str {
    match credentials {
        true => "Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\"\r\n",
        false => "",
    }
}

fn chain(network: &mut Network<'_>, pairs: &[(Message, Message)], at_us: u64) -> u64 {
    let Some(((request, response), rest)) = pairs.split_first() else {
        return at_us;
    };
    let ready = |network: &mut Network<'_>, arrival_us: u64| match rest.is_empty() {
        true => arrival_us + network.random.from(500, 30_000),
        false => chain(network, rest, arrival_us + 300) + 300,
    };
    network
        .transaction(request, response, at_us, &TIMER_E_US, ready)
        .1
}
