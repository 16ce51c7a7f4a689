//! The quality of media streams, as the RTCP rows of a capture state it (RFC 3550, RFC 3611).
//!
//! What the rows do not say stays absent.

use alloc::vec::Vec;
use core::net::SocketAddr;

use super::capture_report::MediaQuality;
use super::mos::estimated_mos;
use crate::packet::{Route, endpoint};
use crate::pcap::YEAR_1971_US;
use crate::rtcp::{ReportBlock, Rtcp, SenderInformation, VoipMetrics};

/// Most streams, inclusive. A call has two, or four with video.
const MAX_STREAMS: usize = 32;

/// Sender reports that are remembered of a stream. A receiver names the last one that it got, and
/// both ends send one about every 5 s (RFC 3550 §6.2).
const MAX_SENDER_REPORTS: usize = 4;

/// The streams in order of appearance.
#[derive(Clone, Debug, Default)]
pub(super) struct Quality {
    streams: Vec<Stream>,
    /// Whether a stream was left out.
    pub(super) overflowed: bool,
}

/// RTP packets in one direction.
#[derive(Clone, Debug)]
struct Stream {
    key: Key,
    sender_reports: [SenderReport; MAX_SENDER_REPORTS],
    /// Number of sender reports so far.
    sent: usize,
    reports: u64,
    packets_sent: Option<u32>,
    packets_lost: Option<u32>,
    /// Of the last report, in units of 1/256.
    loss: Option<u8>,
    max_loss: Option<u8>,
    jitter: Option<u32>,
    max_jitter: Option<u32>,
    round_trip_us: Option<u64>,
    mos_estimated: Option<u32>,
    mos_tenths: Option<u8>,
}

/// What tells streams apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    source: SocketAddr,
    destination: SocketAddr,
    ssrc: Option<u32>,
}

/// When a sender report passed the capture agent.
#[derive(Clone, Copy, Debug, Default)]
struct SenderReport {
    middle_of_ntp: u32,
    time_us: u64,
}

impl Quality {
    /// Reads an RTCP row. What is malformed, or has no direction, is not counted.
    pub(super) fn add(&mut self, time_us: u64, route: &Route, json: &[u8]) {
        if !route.directed {
            return;
        }
        let Some(rtcp) = Rtcp::parse(json) else {
            return;
        };
        if let Some(sender) = rtcp.sender()
            && let Some(stream) = self.stream(Key {
                source: route.source,
                destination: route.destination,
                ssrc: rtcp.ssrc,
            })
        {
            stream.sent(time_us, sender);
        }
        // A receiver reports to the sender, so that the stream has the opposite direction.
        let received = |ssrc: Option<u32>| Key {
            source: route.destination,
            destination: route.source,
            ssrc,
        };
        for block in rtcp.blocks() {
            if let Some(stream) = self.stream(received(block.source_ssrc)) {
                stream.received(time_us, block);
            }
        }
        if let Some(metrics) = rtcp.voip_metrics()
            && let Some(stream) = self.stream(received(metrics.source_ssrc))
        {
            stream.measured(metrics);
        }
    }

    /// The stream with this key, which is added if it is new. None if there is no room for it.
    fn stream(&mut self, key: Key) -> Option<&mut Stream> {
        let known = self.streams.iter().position(|stream| stream.key == key);
        let at = known.unwrap_or(self.streams.len());
        if at == self.streams.len() {
            if at >= MAX_STREAMS {
                self.overflowed = true;
                return None;
            }
            self.streams.push(Stream::new(key));
        }
        self.streams.get_mut(at)
    }

    /// The streams as the report shows them.
    pub(super) fn report(&self) -> Vec<MediaQuality> {
        self.streams.iter().map(Stream::report).collect()
    }
}

impl Stream {
    fn new(key: Key) -> Self {
        Self {
            key,
            sender_reports: <[SenderReport; MAX_SENDER_REPORTS]>::default(),
            sent: 0,
            reports: 0,
            packets_sent: None,
            packets_lost: None,
            loss: None,
            max_loss: None,
            jitter: None,
            max_jitter: None,
            round_trip_us: None,
            mos_estimated: None,
            mos_tenths: None,
        }
    }

    /// Adds a report of the sender.
    fn sent(&mut self, time_us: u64, sender: &SenderInformation) {
        self.packets_sent = self.packets_sent.max(sender.packets);
        if time_us < YEAR_1971_US {
            return;
        }
        let middle_of_ntp = sender.middle_of_ntp();
        // A second agent sees the same report. Its clock may differ, and the first one counts.
        if self
            .sender_reports
            .iter()
            .any(|report| report.middle_of_ntp == middle_of_ntp)
        {
            return;
        }
        if let Some(place) = self.sender_reports.get_mut(self.sent % MAX_SENDER_REPORTS) {
            *place = SenderReport {
                middle_of_ntp,
                time_us,
            };
        }
        self.sent += 1;
    }

    /// Adds a report of the receiver.
    fn received(&mut self, time_us: u64, block: &ReportBlock) {
        self.reports += 1;
        self.packets_lost = self.packets_lost.max(block.packets_lost());
        self.loss = block.fraction_lost.or(self.loss);
        self.max_loss = self.max_loss.max(block.fraction_lost);
        self.jitter = block.jitter.or(self.jitter);
        self.max_jitter = self.max_jitter.max(block.jitter);
        let round_trip_us = self.round_trip_us(time_us, block);
        self.round_trip_us = self.round_trip_us.max(round_trip_us);
        if let (Some(loss), Some(round_trip_us)) = (block.fraction_lost, round_trip_us) {
            let mos = estimated_mos(f64::from(loss) / 256.0, round_trip_us as f64 / 2000.0);
            self.mos_estimated = Some(self.mos_estimated.map_or(mos, |known| known.min(mos)));
        }
    }

    /// The time from the sender report that a block names to the block, without the time that the
    /// receiver waited: A - LSR - DLSR (RFC 3550 §6.4.1). Both times are those of the capture, so
    /// that the clocks of the two ends do not matter.
    fn round_trip_us(&self, time_us: u64, block: &ReportBlock) -> Option<u64> {
        let (last_sr, delay_us) = block.last_sender_report()?;
        let report = self
            .sender_reports
            .iter()
            .find(|report| report.time_us > 0 && report.middle_of_ntp == last_sr)?;
        time_us.checked_sub(report.time_us)?.checked_sub(delay_us)
    }

    /// Adds what the receiver measured.
    fn measured(&mut self, metrics: &VoipMetrics) {
        let round_trip_us = metrics.round_trip_ms().map(|ms| u64::from(ms) * 1000);
        self.round_trip_us = self.round_trip_us.max(round_trip_us);
        let mos = [self.mos_tenths, metrics.mos_tenths()];
        self.mos_tenths = mos.into_iter().flatten().min();
    }

    fn report(&self) -> MediaQuality {
        // Two decimal places are as exact as 1/256.
        let percent = |loss: u8| f64::from((u32::from(loss) * 10_000 + 128) / 256) / 100.0;
        MediaQuality {
            source: endpoint(self.key.source, true),
            destination: endpoint(self.key.destination, true),
            ssrc: self.key.ssrc,
            reports: self.reports,
            packets_sent: self.packets_sent.map(u64::from),
            packets_lost: self.packets_lost.map(u64::from),
            loss_percent: self.loss.map(percent),
            max_loss_percent: self.max_loss.map(percent),
            jitter: self.jitter,
            max_jitter: self.max_jitter,
            round_trip_ms: self
                .round_trip_us
                .map(|us| u32::try_from(us.saturating_add(500) / 1000).unwrap_or(u32::MAX)),
            mos_estimated: self.mos_estimated.map(|mos| f64::from(mos) / 100.0),
            mos_measured: self.mos_tenths.map(|mos| f64::from(mos) / 10.0),
        }
    }
}
