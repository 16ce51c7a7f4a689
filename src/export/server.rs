//! The server that an export asks: [`Server`].

use alloc::format;

use crate::error::ExportError;
use crate::homer::{HomerServer, transport_failure};
use crate::pcap;
use crate::transport::TransportError;

/// The Homer server of an export, as its error texts need it.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) homer: HomerServer,
    pub(super) first_byte_timeout_ms: u64,
}

impl Server {
    /// The error if no response arrived.
    pub(super) fn failed_before(&self, error: TransportError) -> ExportError {
        transport_failure::before_response(error, &self.homer, self.first_byte_timeout_ms)
    }

    /// The error if the transfer failed within a response.
    pub(super) fn failed_within(&self, error: TransportError) -> ExportError {
        transport_failure::within_response(error, &self.homer, self.first_byte_timeout_ms)
    }

    /// The error if a response is a damaged capture file.
    pub(super) fn damaged(&self, error: &pcap::Error) -> ExportError {
        ExportError::InvalidResponse(format!(
            "the response of Homer at {} is {error}; it was discarded. Try again",
            self.homer
        ))
    }
}
