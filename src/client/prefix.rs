//! The beginning of a response's body: [`read_prefix`] and [`read_up_to`].

use alloc::vec::Vec;

use crate::transport::{ResponseBody, TransportError};

/// The beginning of a body, up to `max` bytes. If the connection fails meanwhile, the bytes that
/// have arrived are enough to classify the response.
pub(crate) fn read_prefix(body: &mut impl ResponseBody, max: usize) -> Vec<u8> {
    read_up_to(body, max).0
}

/// The beginning of a body, up to `max` bytes, and how the transfer failed, if it did.
pub(crate) fn read_up_to(
    body: &mut impl ResponseBody,
    max: usize,
) -> (Vec<u8>, Option<TransportError>) {
    let mut bytes = Vec::new();
    while bytes.len() < max {
        match body.read((max - bytes.len()) as u64) {
            Ok(more) if more.is_empty() => break,
            Ok(more) => bytes.extend_from_slice(&more),
            Err(error) => return (bytes, Some(error)),
        }
    }
    (bytes, None)
}
