//! The quality of media streams, one line for each direction.

use homer_export::CaptureReport;
use homer_export::report::MediaQuality;

use super::Page;
use super::paragraph::Paragraph;

/// Writes a line for each stream.
pub(super) fn write(report: &CaptureReport, page: Page, text: &mut String) {
    for stream in &report.quality {
        Paragraph::headed(page, "quality", page.style())
            .text(&sentence(stream))
            .write(text);
    }
}

/// What the RTCP rows state of a stream.
fn sentence(stream: &MediaQuality) -> String {
    let mut parts = Vec::new();
    if let Some(packets) = stream.packets_sent {
        parts.push(format!("{packets} packets sent"));
    }
    if let Some(packets) = stream.packets_lost {
        parts.push(format!("{packets} lost"));
    }
    if let Some(loss) = stream.max_loss_percent {
        parts.push(format!("loss at most {loss} %"));
    }
    if let Some(jitter) = stream.max_jitter {
        parts.push(format!("jitter at most {jitter} timestamp units"));
    }
    if let Some(ms) = stream.round_trip_ms {
        parts.push(format!("round trip {ms} ms"));
    }
    if let Some(mos) = stream.mos_estimated {
        parts.push(format!("MOS {mos:.1} (estimated)"));
    }
    if let Some(mos) = stream.mos_measured {
        parts.push(format!("MOS {mos:.1} (measured)"));
    }
    let (source, destination) = (&stream.source, &stream.destination);
    format!("{source} -> {destination}: {}", parts.join(", "))
}
