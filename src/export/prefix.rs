//! The beginning of a response's body: [`read_prefix`].

use alloc::vec::Vec;

use crate::transport::ResponseBody;

/// The beginning of a body, up to `max` bytes. If the connection fails meanwhile, the bytes that
/// have arrived are enough to classify the response.
pub(super) fn read_prefix(body: &mut impl ResponseBody, max: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < max {
        match body.read((max - bytes.len()) as u64) {
            Ok(more) if !more.is_empty() => bytes.extend_from_slice(&more),
            _ => break,
        }
    }
    bytes
}
