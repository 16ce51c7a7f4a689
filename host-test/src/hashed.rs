//! An export whose bytes are hashed on the way.

use bytes::Bytes;
use homer_export::CaptureReport;
use homer_export::tool::lower_hex;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinHandle;

use crate::export::{Export, Failure};

/// Bytes after which hashing gets a thread of its own, so that it does not keep the component waiting.
const APART_FROM: usize = 512 * 1024;

/// Pieces that may wait to be hashed.
const PIECES_WAITING: usize = 8;

/// An export under way that is hashed.
#[derive(Debug)]
pub struct HashedExport {
    export: Export,
    hash: Hash,
    seen: usize,
}

/// What is known of a capture once all of it has come.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What it holds.
    pub report: CaptureReport,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

#[derive(Debug)]
enum Hash {
    Here(Sha256),
    /// In a thread that ends when the sender is dropped.
    Apart(Sender<Bytes>, JoinHandle<Sha256>),
}

impl HashedExport {
    pub(crate) fn new(export: Export) -> Self {
        Self { export, hash: Hash::Here(Sha256::new()), seen: 0 }
    }

    /// As [`Export::next`].
    ///
    /// # Errors
    /// As [`Export::next`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(bytes) = self.export.next().await?.map(Bytes::from) else { return Ok(None) };
        self.seen += bytes.len();
        match &mut self.hash {
            Hash::Here(hash) => {
                hash.update(&bytes);
                if self.seen >= APART_FROM {
                    self.hash = Hash::apart(hash.clone());
                }
            }
            Hash::Apart(pieces, _) => pieces.send(bytes.clone()).await.map_err(|_| lost())?,
        }
        Ok(Some(bytes))
    }

    /// As [`Export::finish`].
    ///
    /// # Errors
    /// As [`Export::finish`].
    pub async fn finish(self) -> Result<Finished, Failure> {
        let report = self.export.finish().await?;
        let hash = match self.hash {
            Hash::Here(hash) => hash,
            Hash::Apart(pieces, hash) => {
                drop(pieces);
                hash.await.map_err(|_| lost())?
            }
        };
        Ok(Finished { report, sha256: lower_hex(&hash.finalize()) })
    }
}

impl Hash {
    /// Goes on with `hash` in a thread.
    fn apart(mut hash: Sha256) -> Self {
        let (send, mut receive) = mpsc::channel::<Bytes>(PIECES_WAITING);
        let hash = tokio::task::spawn_blocking(move || {
            while let Some(bytes) = receive.blocking_recv() {
                hash.update(&bytes);
            }
            hash
        });
        Self::Apart(send, hash)
    }
}

/// The runtime ends, and the thread with it.
fn lost() -> Failure {
    Failure::Trap("the thread that hashes the capture has ended".to_string())
}
