//! The transport over standard input and output.
//!
//! rmcp ignores a line that is not JSON, and one that is too long. A client would wait for ever
//! for the response to it: models write lone surrogates such as `\ud800`, and the client does not
//! look at what it passes on. So each line is checked before rmcp reads it.

use std::io;

use homer_export::mcp::{MAX_REQUEST_BYTES, request_too_large};
use rmcp::model::{ErrorData, RequestId};
use rmcp::service::{RoleServer, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream,
};
use tokio::sync::mpsc;

/// Errors that wait to be sent, at most; a client that sends more of them is not read meanwhile.
const MAX_UNSENT: usize = 16;

/// Bytes that [`forward`] may be ahead of rmcp.
const BUFFER: usize = 64 * 1024;

/// The transport: rmcp's, with an error for each line that is no message.
pub(crate) struct StdioTransport<W: AsyncWrite> {
    lines: AsyncRwTransport<RoleServer, DuplexStream, W>,
    errors: mpsc::Receiver<Failed>,
}

/// Why a line is no message, and the id of the request if it can be read all the same.
struct Failed {
    error: ErrorData,
    id: Option<RequestId>,
}

impl<W: AsyncWrite + Send + Unpin + 'static> StdioTransport<W> {
    /// Starts to read `input`.
    pub(crate) fn start(input: impl AsyncRead + Send + Unpin + 'static, output: W) -> Self {
        let (valid, lines) = tokio::io::duplex(BUFFER);
        let (sender, errors) = mpsc::channel(MAX_UNSENT);
        tokio::spawn(forward(input, valid, sender));
        Self {
            // Longer lines do not get there.
            lines: AsyncRwTransport::new_server(lines, output),
            errors,
        }
    }

    /// Sends an error in a task of its own, because `receive` may be canceled at any time.
    fn report(&mut self, Failed { error, id }: Failed) -> tokio::task::JoinHandle<()> {
        // Without an id if it could not be read (MCP 2026-07-28, basic/index, "Error Responses").
        let sent = self
            .lines
            .send(TxJsonRpcMessage::<RoleServer>::error(error, id));
        tokio::spawn(async move {
            // The client has left.
            let _ = sent.await;
        })
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Transport<RoleServer> for StdioTransport<W> {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        self.lines.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            tokio::select! {
                biased;
                Some(error) = self.errors.recv() => {
                    self.report(error);
                }
                message = self.lines.receive() => {
                    if message.is_none() {
                        // The input has ended, and with it `forward`.
                        while let Some(error) = self.errors.recv().await {
                            let _ = self.report(error).await;
                        }
                    }
                    return message;
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        self.lines.close().await
    }
}

/// Passes on the lines that are JSON and not too long, and reports the others. Ends with the
/// input, or with the reader of the lines.
async fn forward(
    input: impl AsyncRead + Unpin,
    mut valid: DuplexStream,
    errors: mpsc::Sender<Failed>,
) {
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    loop {
        let error = match read_line(&mut input, &mut line).await {
            Ok(Line::End) | Err(_) => return,
            Ok(Line::TooLong) => Some(Failed {
                error: ErrorData::invalid_request(request_too_large(), None),
                id: None,
            }),
            Ok(Line::Complete) => not_json(&line),
        };
        let passed_on = match error {
            Some(error) => errors.send(error).await.is_ok(),
            None => valid.write_all(&line).await.is_ok(),
        };
        if !passed_on {
            return;
        }
    }
}

enum Line {
    Complete,
    TooLong,
    End,
}

/// Reads one line of at most [`MAX_REQUEST_BYTES`]. Of a longer one, nothing is kept.
async fn read_line(
    input: &mut (impl tokio::io::AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
) -> io::Result<Line> {
    line.clear();
    let mut too_long = false;
    loop {
        let available = input.fill_buf().await?;
        if available.is_empty() {
            return Ok(Line::End);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(available.len(), |end| end + 1);
        let fits = line.len() + taken <= MAX_REQUEST_BYTES + 1;
        too_long |= !fits;
        if too_long {
            line.clear();
        } else {
            line.extend(available.iter().take(taken));
        }
        input.consume(taken);
        match (end, too_long) {
            (None, _) => {}
            (Some(_), false) => return Ok(Line::Complete),
            (Some(_), true) => return Ok(Line::TooLong),
        }
    }
}

/// The error about a line that is not JSON (JSON-RPC 2.0 §5.1). `None` if it is, or if it is empty.
fn not_json(line: &[u8]) -> Option<Failed> {
    // rmcp ignores a byte order mark as well (RFC 8259 §8.1).
    let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    if text.trim_ascii().is_empty() {
        return None;
    }
    let why = serde_json::from_slice::<Value>(text).err()?;
    let text = format!("the line is not JSON: {why}; send one JSON-RPC message per line");
    Some(Failed {
        error: ErrorData::parse_error(text, None),
        id: id(line),
    })
}

/// The id of a request that is not JSON only because of lone surrogates, such as `\ud800`. Clients
/// wait for a response with the id of their request, and ignore one without.
fn id(line: &[u8]) -> Option<RequestId> {
    let mut request: Value = serde_json::from_slice(&without_lone_surrogates(line)).ok()?;
    serde_json::from_value(request.get_mut("id")?.take()).ok()
}

/// JSON in which U+FFFD stands in place of each lone surrogate (RFC 8259 §8.2).
fn without_lone_surrogates(json: &[u8]) -> Vec<u8> {
    let unit = |at: usize| -> Option<u16> {
        let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut text = Vec::with_capacity(json.len());
    let mut at = 0;
    while let Some(rest) = json.get(at..).filter(|rest| !rest.is_empty()) {
        let length = match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                text.extend_from_slice(b"\\ufffd");
                at += 6;
                continue;
            }
            (Some(_), _) => 6,
            // An escaped backslash does not begin another escape.
            (None, _) if rest.starts_with(b"\\") => 2,
            (None, _) => 1,
        };
        text.extend_from_slice(rest.get(..length).unwrap_or(rest));
        at += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use rmcp::model::RequestId;

    use super::{id, without_lone_surrogates};

    #[test]
    fn lone_surrogates_are_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#"{"a":"\ud800"}"#, r#"{"a":"\ufffd"}"#),
            (r#""\udc00\ud800\u0041""#, r#""\ufffd\ufffd\u0041""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\\ud800\n\"x""#, r#""\\ud800\n\"x""#),
            (r"\ud8", r"\ud8"),
        ] {
            let replaced = without_lone_surrogates(json.as_bytes());
            assert_eq!(String::from_utf8_lossy(&replaced), expected);
        }
    }

    #[test]
    fn request_with_a_lone_surrogate_has_an_id() {
        let line = r#"{"jsonrpc":"2.0","id":7,"params":{"callid":"\ud800"}}"#;
        assert_eq!(id(line.as_bytes()), Some(RequestId::Number(7)));
        for line in ["{", "{}", r#"{"id":[]}"#, r#""\ud800""#] {
            assert_eq!(id(line.as_bytes()), None);
        }
    }
}
