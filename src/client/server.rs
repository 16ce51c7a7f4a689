//! The server that requests go to: [`Server`].

use alloc::format;

use crate::error::ExportError;
use crate::homer::{HomerServer, transport_failure};
use crate::pcap;
use crate::transport::TransportError;

/// A Homer server, as error texts need it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) homer: HomerServer,
    pub(crate) first_byte_timeout_ms: u64,
}

impl Server {
    /// The error if no response arrived.
    pub(crate) fn failed_before(&self, error: TransportError) -> ExportError {
        transport_failure::before_response(error, &self.homer, self.first_byte_timeout_ms)
    }

    /// The error if the transfer failed within a response.
    pub(crate) fn failed_within(&self, error: TransportError) -> ExportError {
        transport_failure::within_response(error, &self.homer, self.first_byte_timeout_ms)
    }

    /// The error if a response is a damaged capture file.
    pub(crate) fn damaged(&self, error: &pcap::Error) -> ExportError {
        ExportError::InvalidResponse(format!(
            "the response of Homer at {} is {error}; it was discarded. Try again",
            self.homer
        ))
    }
}
