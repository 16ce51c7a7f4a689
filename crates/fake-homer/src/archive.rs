//! The contents of a fake Homer: calls with their packet records, and the responses that are not
//! captures.

use anyhow::{Result, ensure};
use homer_export::pcap::{FILE_HEADER_LEN, RECORD_HEADER_LEN, YEAR_1971_US};

use super::demo::{DEMO_CALLS, DemoCall};
use super::row::Row;
use super::{Recording, search};

/// Seconds before and after the window in which Homer's default mapping looks for further messages
/// of a call that it found (docs/homer.md §5).
const LOOK_AROUND_S: (i64, i64) = (300, 200);

/// The recordings, separated into calls and other responses.
#[derive(Debug, Default)]
pub struct Archive {
    responses: Vec<Recording>,
    calls: Vec<Call>,
    /// What searches find besides the calls.
    rows: Vec<Row>,
}

/// The packets that Homer returns for one Call-ID in one profile.
#[derive(Debug)]
struct Call {
    profile: String,
    call_id: String,
    packets: Vec<Packet>,
}

#[derive(Debug)]
struct Packet {
    /// Unix time in microseconds.
    time_us: i64,
    /// The packet record: its header and its data.
    record: Vec<u8>,
}

macro_rules! bundled {
    (
        $archive:expr,
        captures: [$($capture:literal),* $(,)?],
        responses: [$($response:literal),* $(,)?]
    ) => {
        $($archive.add(Recording::parse(
            include_str!(concat!("../../../tests/data/", $capture, ".json")),
            Some(include_bytes!(concat!("../../../tests/data/", $capture, ".pcap"))),
        )?)?;)*
        $($archive.add(Recording::parse(
            include_str!(concat!("../../../tests/data/", $response, ".json")),
            None,
        )?)?;)*
    };
}

impl Archive {
    /// The recordings that are bundled with this library, and the calls of the demo.
    ///
    /// # Errors
    /// If one of them is not a valid recording.
    pub fn bundled() -> Result<Self> {
        let mut archive = Self::default();
        bundled!(archive,
            captures: [
                "export-b2bua-a", "export-b2bua-b", "export-callid-awkward-1",
                "export-callid-awkward-2", "export-ipv6", "export-long-call-end-only",
                "export-long-call-start-only", "export-mixed-v4-v6", "export-ok-auth-token",
                "export-profile-options", "export-profile-registration", "export-rtcp-log",
                "export-tcp", "export-two-probes", "export-unknown-callid", "v1_5_10-odd-fields",
            ],
            responses: [
                "auth-malformed-json", "auth-no-content-type", "auth-ok", "auth-wrong-password",
                "authz-garbage-bearer", "authz-none", "export-bad-profile",
                "export-content-type-text", "export-float-ts", "export-malformed-json",
                "http-404-api-authorized", "http-404-outside",
            ]
        );
        for call in &DEMO_CALLS {
            archive.add_demo_call(call)?;
        }
        Ok(archive)
    }

    /// Adds a call of the demo, unless it is recorded or empty.
    fn add_demo_call(&mut self, call: &DemoCall) -> Result<()> {
        let packet = |(time_us, record): (u64, Vec<u8>)| {
            let time_us = i64::try_from(time_us)?;
            Ok(Packet { time_us, record })
        };
        let packets: Result<Vec<Packet>> = call.records().into_iter().map(packet).collect();
        let packets = packets?;
        if !packets.is_empty() {
            self.calls.push(Call {
                profile: call.profile.to_string(),
                call_id: call.call_id.to_string(),
                packets,
            });
        }
        Ok(())
    }

    /// Adds a recording: as a call if it is a capture with packets, and else as a response under
    /// its name.
    ///
    /// # Errors
    /// If a recorded capture is incomplete or not in Homer's byte order.
    pub fn add(&mut self, recording: Recording) -> Result<()> {
        let is_capture = recording.status == 200 && recording.body.len() > FILE_HEADER_LEN;
        match recording.search() {
            Some((profile, call_ids)) if is_capture => {
                ensure!(
                    call_ids.len() == 1,
                    "{} requests {} Call-IDs; expected one",
                    recording.name,
                    call_ids.len()
                );
                let packets = packets(&recording)?;
                let (profile, call_id) = (profile.to_string(), call_ids[0].to_string());
                // A long call consists of two recordings, its beginning and its end.
                match self
                    .calls
                    .iter_mut()
                    .find(|call| call.profile == profile && call.call_id == call_id)
                {
                    Some(call) => call.packets.extend(packets),
                    None => self.calls.push(Call {
                        profile,
                        call_id,
                        packets,
                    }),
                }
            }
            _ => self.responses.push(recording),
        }
        Ok(())
    }

    /// Adds rows that searches find.
    pub fn add_rows(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }

    /// The rows that searches find: those of the calls, and the added ones.
    pub(super) fn rows(&self) -> Vec<Row> {
        let of_calls = self.calls.iter().flat_map(|call| {
            let packets = call.packets.iter();
            packets.filter_map(|packet| {
                Row::of_record(&call.profile, &call.call_id, packet.time_us, &packet.record)
            })
        });
        of_calls.chain(self.rows.iter().cloned()).collect()
    }

    /// The response to a search with this request body: status and body. `None` if Homer's handler
    /// crashes, which closes the connection.
    pub fn search(&self, request_body: &[u8]) -> Option<(u16, String)> {
        search::answer(self.rows().iter(), request_body).response()
    }

    /// The response recorded under this name.
    pub(super) fn response(&self, name: &str) -> Option<&Recording> {
        self.responses
            .iter()
            .find(|recording| recording.name == name)
    }

    /// Whether a fresh Homer 7 has this search profile.
    pub(super) fn knows_profile(&self, profile: &str) -> bool {
        [
            "1_call",
            "1_registration",
            "1_default",
            "100_default",
            "2000_default",
        ]
        .contains(&profile)
    }

    /// The packet records of some calls in the order of their time. The window is in whole Unix
    /// seconds, both ends inclusive. A call with a packet in the window is returned with all of its
    /// packets around it, as Homer does.
    pub(super) fn packets(
        &self,
        profile: &str,
        call_ids: &[&str],
        from_s: i64,
        to_s: i64,
    ) -> Vec<&[u8]> {
        // A packet that is dated 1970 in the file has another date in Homer's database, by which
        // Homer finds it (docs/homer.md §6). The recordings do not contain that date, so it is in
        // any window.
        let within = |packet: &&Packet, from_s: i64, to_s: i64| {
            (from_s.saturating_mul(1_000_000)..=to_s.saturating_mul(1_000_000))
                .contains(&packet.time_us)
                || packet.is_undated()
        };
        let matching = self
            .calls
            .iter()
            .filter(|call| call.profile == profile && call_ids.contains(&call.call_id.as_str()))
            .filter(|call| {
                call.packets
                    .iter()
                    .any(|packet| !packet.is_undated() && within(&packet, from_s, to_s))
            });
        let (before, after) = LOOK_AROUND_S;
        let mut found: Vec<&Packet> = Vec::new();
        for call in matching {
            // Legs that are correlated with each other find the same rows, and Homer removes such
            // duplicates. It keeps duplicates within a call, where two agents saw the same message.
            let of_others = found.len();
            for packet in call.packets.iter().filter(|packet| {
                within(
                    packet,
                    from_s.saturating_sub(before),
                    to_s.saturating_add(after),
                )
            }) {
                if !found[..of_others]
                    .iter()
                    .any(|other| other.record == packet.record)
                {
                    found.push(packet);
                }
            }
        }
        // A stable sort: packets of the same time stay in their captured order.
        found.sort_by_key(|packet| packet.time_us);
        found
            .into_iter()
            .map(|packet| packet.record.as_slice())
            .collect()
    }

    /// A capture file with some calls, as Homer returns it; none if there is no packet. The window
    /// is in whole Unix seconds, both ends inclusive.
    pub fn capture(
        &self,
        profile: &str,
        call_ids: &[&str],
        from_s: i64,
        to_s: i64,
    ) -> Option<Vec<u8>> {
        let packets = self.packets(profile, call_ids, from_s, to_s);
        // All recordings have the same file header.
        let empty = self.response("export-unknown-callid")?;
        (!packets.is_empty()).then(|| [&empty.body[..], &packets.concat()].concat())
    }
}

impl Packet {
    fn is_undated(&self) -> bool {
        u64::try_from(self.time_us).is_ok_and(|time_us| time_us < YEAR_1971_US)
    }
}

/// The packet records of a capture in homer-app's format: little-endian, with microseconds.
fn packets(recording: &Recording) -> Result<Vec<Packet>> {
    let word = |bytes: &[u8], at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[at..at + 4]);
        u32::from_le_bytes(word)
    };
    let file = &recording.body;
    ensure!(
        file.len() >= FILE_HEADER_LEN && word(file, 0) == 0xa1b2_c3d4,
        "{} is not in Homer's format",
        recording.name
    );
    let mut packets = Vec::new();
    let mut rest = &file[FILE_HEADER_LEN..];
    while !rest.is_empty() {
        ensure!(
            rest.len() >= RECORD_HEADER_LEN,
            "{} is truncated",
            recording.name
        );
        let len = RECORD_HEADER_LEN + word(rest, 8) as usize;
        ensure!(rest.len() >= len, "{} is truncated", recording.name);
        let (record, behind) = rest.split_at(len);
        let time_us = i64::from(word(record, 0)) * 1_000_000 + i64::from(word(record, 4));
        packets.push(Packet {
            time_us,
            record: record.to_vec(),
        });
        rest = behind;
    }
    Ok(packets)
}
