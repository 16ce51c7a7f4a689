//! The log: one line on standard error for each call.
//!
//! The lines are written by a thread of their own. A client that starts the server and does not
//! read its standard error would otherwise stop it, once the pipe is full.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use homer_export::mcp::tools::{ReadCall, ToolCall};
use homer_export::query::Timestamp;
use homer_export::text::{quoted, truncate_for_display};
use http::request::Parts;
use rmcp::service::{RequestContext, RoleServer};
use serde::Serialize;

use crate::now_ms;

/// Lines that wait to be written, at most. Further ones are dropped, and counted.
const MAX_UNWRITTEN: usize = 1024;

/// Most characters of the name of a client, of its version, or of a tool.
const MAX_NAME_CHARS: usize = 64;

/// Most characters of a Call-ID. A valid one has at most 512.
const MAX_CALL_ID_CHARS: usize = 512;

/// How long the end of the program waits for lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
    Off,
}

impl LogFormat {
    /// By the value of `HOMER_MCP_LOG`, which has been checked.
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "json" => Self::Json,
            "off" => Self::Off,
            _ => Self::Text,
        }
    }
}

/// The log. Clones write to the same one.
#[derive(Clone, Debug)]
pub(crate) struct CallLog {
    format: LogFormat,
    lines: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

enum Line {
    Text(String),
    /// Everything before it has been written when this is dropped.
    Flush(#[expect(dead_code, reason = "dropped")] SyncSender<()>),
}

impl CallLog {
    /// A log on standard error.
    pub(crate) fn start(format: LogFormat) -> Self {
        let (lines, unwritten) = sync_channel(MAX_UNWRITTEN);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        if format != LogFormat::Off {
            std::thread::spawn(move || write_lines(&unwritten, &counter));
        }
        Self {
            format,
            lines,
            dropped,
        }
    }

    /// Begins the line of a call. `method` is the method of MCP, and `tool` the name of the tool
    /// as the client sent it.
    pub(crate) fn begin(
        &self,
        context: &RequestContext<RoleServer>,
        method: &'static str,
        tool: Option<&str>,
    ) -> LoggedCall {
        let client = context.client_info();
        let caller = context
            .extensions
            .get::<Parts>()
            .and_then(|request| request.extensions.get::<Caller>());
        let shorten = |text: &str| truncate_for_display(text, MAX_NAME_CHARS);
        LoggedCall {
            log: self.clone(),
            started: Instant::now(),
            bytes: Arc::default(),
            entry: Entry {
                method,
                tool: tool.map(shorten),
                client_name: client.as_ref().map(|client| shorten(&client.name)),
                client_version: client.as_ref().map(|client| shorten(&client.version)),
                address: caller.map(|caller| caller.address),
                token: caller.and_then(|caller| caller.token.clone()),
                ..Entry::default()
            },
        }
    }

    /// Writes the line of an HTTP request that was rejected since its caller is not allowed.
    pub(crate) fn rejected(&self, address: SocketAddr, status: u16, why: &str) {
        self.write(&Entry {
            method: "http",
            address: Some(address),
            error: Some(status.to_string()),
            message: Some(truncate_for_display(why, MAX_CALL_ID_CHARS)),
            ..Entry::default()
        });
    }

    fn write(&self, entry: &Entry) {
        let now = Timestamp::from_ms(now_ms());
        let line = match self.format {
            LogFormat::Off => return,
            LogFormat::Text => entry.text(now),
            LogFormat::Json => entry.json(now),
        };
        if self.lines.try_send(Line::Text(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until the lines have been written, for half a second at most.
    pub(crate) fn flush(&self) {
        let (sender, written) = sync_channel(0);
        if self.format != LogFormat::Off && self.lines.try_send(Line::Flush(sender)).is_ok() {
            let _ = written.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

fn write_lines(lines: &Receiver<Line>, dropped: &AtomicU64) {
    while let Ok(line) = lines.recv() {
        let Line::Text(line) = line else { continue };
        // In one piece, so that lines of other threads do not get into it. Nobody could be told
        // that it failed.
        let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
        let number = dropped.swap(0, Ordering::Relaxed);
        if number > 0 {
            crate::log(&format!("{number} lines of the log were dropped"));
        }
    }
}

/// Who sent an HTTP request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) address: SocketAddr,
    /// The name of the token.
    pub(crate) token: Option<Arc<str>>,
}

/// A call whose line is written once it ends. If it is dropped before, it was canceled.
#[derive(Debug)]
pub(crate) struct LoggedCall {
    log: CallLog,
    started: Instant,
    bytes: Arc<AtomicU64>,
    entry: Entry,
}

impl LoggedCall {
    /// What the call asks for.
    pub(crate) fn asks_for(&mut self, call: &ToolCall) {
        let of_call = |call: &homer_export::mcp::tools::CallWindow| {
            let window = (call.window.from_ms(), call.window.to_ms());
            (Some(call.call_id.as_str().to_string()), window)
        };
        let (call_id, (from_ms, to_ms)) = match call {
            ToolCall::ExportPcap(call) => of_call(call),
            ToolCall::Read(ReadCall::Message(arguments)) => of_call(&arguments.call),
            ToolCall::Read(ReadCall::Ladder(arguments)) => of_call(&arguments.call),
            ToolCall::Read(ReadCall::Comparison(calls)) => {
                let (id, _) = of_call(&calls.b);
                self.entry.compared_with =
                    id.map(|id| truncate_for_display(&id, MAX_CALL_ID_CHARS));
                of_call(&calls.a)
            }
            ToolCall::FindCalls(filter) => (None, (filter.from_ts, filter.to_ts)),
        };
        self.entry.call_id = call_id.map(|id| truncate_for_display(&id, MAX_CALL_ID_CHARS));
        self.entry.window = Some((Timestamp::from_ms(from_ms), Timestamp::from_ms(to_ms)));
    }

    /// The number of bytes received from Homer, to be counted up.
    pub(crate) fn bytes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes)
    }

    /// The call succeeded.
    pub(crate) fn succeeded(mut self) {
        self.entry.ok = true;
    }

    /// The call failed: `error` is its code, such as `nothing-captured`.
    pub(crate) fn failed(mut self, error: &str) {
        self.entry.error = Some(truncate_for_display(error, MAX_NAME_CHARS));
    }
}

impl Drop for LoggedCall {
    fn drop(&mut self) {
        if !self.entry.ok && self.entry.error.is_none() {
            self.entry.error = Some("cancelled".to_string());
        }
        self.entry.bytes = Some(self.bytes.load(Ordering::Relaxed));
        self.entry.duration = Some(self.started.elapsed());
        self.log.write(&self.entry);
    }
}

/// What a line says. Texts are shortened and have no control characters.
#[derive(Debug, Default)]
struct Entry {
    method: &'static str,
    tool: Option<String>,
    client_name: Option<String>,
    client_version: Option<String>,
    address: Option<SocketAddr>,
    token: Option<Arc<str>>,
    call_id: Option<String>,
    /// The Call-ID of the other call, if two were compared.
    compared_with: Option<String>,
    window: Option<(Timestamp, Timestamp)>,
    ok: bool,
    error: Option<String>,
    message: Option<String>,
    bytes: Option<u64>,
    duration: Option<Duration>,
}

impl Entry {
    /// As text: time, tool or method, outcome, and then `name=value`. What comes from a client is
    /// in quotation marks.
    fn text(&self, now: Timestamp) -> String {
        let error = self.error.as_deref().unwrap_or("ok");
        let mut line = match &self.tool {
            Some(tool) => format!("{now} {} {} {error}", self.method, quote(tool)),
            None => format!("{now} {} {error}", self.method),
        };
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing to a String does not fail.
                let _ = write!(line, " {name}={value}");
            }
        };
        add("call_id", self.call_id.as_deref().map(quote));
        add("compared_with", self.compared_with.as_deref().map(quote));
        add("from", self.window.map(|(from, _)| from.to_string()));
        add("to", self.window.map(|(_, to)| to.to_string()));
        add("bytes", self.bytes.map(|bytes| bytes.to_string()));
        add("ms", self.duration.map(|time| time.as_millis().to_string()));
        add("client", self.client_name.as_deref().map(quote));
        add("version", self.client_version.as_deref().map(quote));
        add("address", self.address.map(|address| address.to_string()));
        add("token", self.token.as_deref().map(str::to_string));
        add("message", self.message.as_deref().map(quote));
        line
    }

    /// As JSON, with the names of OpenTelemetry's semantic conventions where they have one.
    fn json(&self, now: Timestamp) -> String {
        #[derive(Serialize)]
        struct Json<'a> {
            timestamp: String,
            #[serde(rename = "mcp.method.name")]
            method: &'a str,
            #[serde(rename = "mcp.tool.name", skip_serializing_if = "Option::is_none")]
            tool: Option<&'a str>,
            outcome: &'a str,
            #[serde(rename = "error.type", skip_serializing_if = "Option::is_none")]
            error: Option<&'a str>,
            #[serde(rename = "error.message", skip_serializing_if = "Option::is_none")]
            message: Option<&'a str>,
            #[serde(rename = "sip.call_id", skip_serializing_if = "Option::is_none")]
            call_id: Option<&'a str>,
            #[serde(
                rename = "homer.compared_call_id",
                skip_serializing_if = "Option::is_none"
            )]
            compared_with: Option<&'a str>,
            #[serde(rename = "homer.window.from", skip_serializing_if = "Option::is_none")]
            from: Option<String>,
            #[serde(rename = "homer.window.to", skip_serializing_if = "Option::is_none")]
            to: Option<String>,
            #[serde(rename = "homer.bytes", skip_serializing_if = "Option::is_none")]
            bytes: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            duration_ms: Option<u64>,
            #[serde(rename = "mcp.client.name", skip_serializing_if = "Option::is_none")]
            client_name: Option<&'a str>,
            #[serde(rename = "mcp.client.version", skip_serializing_if = "Option::is_none")]
            client_version: Option<&'a str>,
            #[serde(rename = "client.address", skip_serializing_if = "Option::is_none")]
            address: Option<String>,
            #[serde(rename = "client.port", skip_serializing_if = "Option::is_none")]
            port: Option<u16>,
            #[serde(rename = "user.name", skip_serializing_if = "Option::is_none")]
            token: Option<&'a str>,
        }

        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let json = serde_json::to_string(&Json {
            timestamp: now.to_string(),
            method: self.method,
            tool: self.tool.as_deref(),
            outcome: if self.ok { "ok" } else { "error" },
            error: self.error.as_deref(),
            message: self.message.as_deref(),
            call_id: self.call_id.as_deref(),
            compared_with: self.compared_with.as_deref(),
            from: self.window.map(|(from, _)| from.to_string()),
            to: self.window.map(|(_, to)| to.to_string()),
            bytes: self.bytes,
            duration_ms: self.duration.map(milliseconds),
            client_name: self.client_name.as_deref(),
            client_version: self.client_version.as_deref(),
            address: self.address.map(|address| address.ip().to_string()),
            port: self.address.map(|address| address.port()),
            token: self.token.as_deref(),
        });
        // It fails only for maps whose keys are not strings.
        json.unwrap_or_default()
    }
}

/// Text of a client in quotation marks, which it cannot end itself.
fn quote(text: &str) -> String {
    quoted(text, usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use homer_export::query::Timestamp;

    use super::Entry;

    fn entry() -> Entry {
        Entry {
            method: "tools/call",
            tool: Some("homer_export_pcap".to_string()),
            client_name: Some("a\" token=root".to_string()),
            client_version: Some("1".to_string()),
            address: Some(([192, 0, 2, 1], 5070).into()),
            token: Some("alice".into()),
            call_id: Some("a@b".to_string()),
            window: Some((
                Timestamp::from_ms(1_795_168_800_000),
                Timestamp::from_ms(1_795_169_100_000),
            )),
            ok: true,
            bytes: Some(3311),
            duration: Some(Duration::from_millis(12)),
            ..Entry::default()
        }
    }

    #[test]
    fn log_line_keeps_text_of_clients_in_quotation_marks() {
        assert_eq!(
            entry().text(Timestamp::from_ms(1_795_170_000_000)),
            "2026-11-20T10:20:00Z tools/call \"homer_export_pcap\" ok call_id=\"a@b\" \
             from=2026-11-20T10:00:00Z to=2026-11-20T10:05:00Z bytes=3311 ms=12 \
             client=\"a\\\" token=root\" version=\"1\" address=192.0.2.1:5070 token=alice"
        );
    }

    #[test]
    fn log_line_in_json_leaves_out_what_is_not_known() {
        assert_eq!(
            entry().json(Timestamp::from_ms(1_795_170_000_000)),
            "{\"timestamp\":\"2026-11-20T10:20:00Z\",\"mcp.method.name\":\"tools/call\",\
             \"mcp.tool.name\":\"homer_export_pcap\",\"outcome\":\"ok\",\"sip.call_id\":\"a@b\",\
             \"homer.window.from\":\"2026-11-20T10:00:00Z\",\
             \"homer.window.to\":\"2026-11-20T10:05:00Z\",\"homer.bytes\":3311,\
             \"duration_ms\":12,\"mcp.client.name\":\"a\\\" token=root\",\
             \"mcp.client.version\":\"1\",\"client.address\":\"192.0.2.1\",\"client.port\":5070,\
             \"user.name\":\"alice\"}"
        );
        let failed = Entry {
            method: "tools/call",
            error: Some("busy".to_string()),
            ..Entry::default()
        };
        assert_eq!(
            failed.json(Timestamp::from_ms(0)),
            "{\"timestamp\":\"1970-01-01T00:00:00Z\",\"mcp.method.name\":\"tools/call\",\
             \"outcome\":\"error\",\"error.type\":\"busy\"}"
        );
    }
}
