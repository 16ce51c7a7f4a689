//! The token that the server makes for itself where the operator sets none.
//!
//! Every user of a machine can reach a server on a loopback address, and so can the pages that any
//! of them serves there. So callers need a token on these addresses as well.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use homer_export::mcp::auth::MIN_TOKEN_CHARS;
use homer_host::{PartialFile, create_private, secret_token};

use crate::files::state_directory;

/// The name of its file in the directory of the user.
const FILE_NAME: &str = "mcp-token";

/// Largest file in bytes, inclusive.
const MAX_BYTES: u64 = 1024;

/// A token, and the file that it is stored in.
#[derive(Debug)]
pub(crate) struct OwnToken {
    pub(crate) token: String,
    path: PathBuf,
    is_new: bool,
}

impl OwnToken {
    /// The token in the file of the user, which is created if it does not exist.
    ///
    /// # Errors
    /// A text for the operator: if there is no directory that is private to the user, if the file
    /// cannot be read or written, or if others can read it.
    pub(crate) fn of_user() -> Result<Self, String> {
        let directory = state_directory().ok_or_else(|| {
            unusable("this user has no home directory to store one in".to_string())
        })?;
        Self::in_directory(&directory).map_err(unusable)
    }

    fn in_directory(directory: &Path) -> Result<Self, String> {
        create_private(directory)
            .map_err(|why| format!("cannot use {}: {why}", directory.display()))?;
        let path = directory.join(FILE_NAME);
        let failed = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        match read(&path) {
            Ok(token) => {
                return Ok(Self {
                    token,
                    path,
                    is_new: false,
                });
            }
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(failed(&why)),
        }
        let token = secret_token().map_err(|why| failed(&why))?;
        let write = || -> io::Result<()> {
            let mut file = PartialFile::create_in(directory)?;
            file.write(format!("{token}\n").as_bytes())?;
            let complete = file.complete()?;
            complete.persist(&path, false).map_err(|(why, _)| why)
        };
        match write() {
            Ok(()) => Ok(Self {
                token,
                path,
                is_new: true,
            }),
            // Another server of the same user was faster.
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
                let token = read(&path).map_err(|why| failed(&why))?;
                let is_new = false;
                Ok(Self {
                    token,
                    path,
                    is_new,
                })
            }
            Err(why) => Err(failed(&why)),
        }
    }

    /// What the operator should know. A token is shown only when it is made.
    pub(crate) fn notice(&self) -> String {
        let path = self.path.display();
        match self.is_new {
            true => format!(
                "callers must send this new token as a bearer token: {}\nIt is stored in {path} \
                 and not shown again. HOMER_MCP_TOKEN sets another one; HOMER_MCP_OPEN=1 lets \
                 every user of this machine call without one",
                self.token
            ),
            false => format!(
                "callers must send the token in {path} as a bearer token; HOMER_MCP_TOKEN sets \
                 another one, and HOMER_MCP_OPEN=1 lets every user of this machine call without one"
            ),
        }
    }
}

fn unusable(why: String) -> String {
    format!(
        "callers need a token, and the server cannot make one: {why}; set HOMER_MCP_TOKEN to a \
         secret that callers send as a bearer token, or HOMER_MCP_OPEN=1 to let every user of this \
         machine call"
    )
}

/// Reads the token from a file that only its owner can read.
fn read(path: &Path) -> io::Result<String> {
    let found = path.symlink_metadata()?;
    if !found.is_file() || found.len() > MAX_BYTES {
        let why = "it is not a file with a token; remove it, and the server makes a new one";
        return Err(io::Error::other(why));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if found.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::other(
                "other users can read it, so its token is no longer secret; remove it, and the \
                 server makes a new one",
            ));
        }
    }
    let text = fs::read_to_string(path)?;
    let token = text.trim();
    if token.len() < MIN_TOKEN_CHARS || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let why = "it holds no token; remove it, and the server makes a new one";
        return Err(io::Error::other(why));
    }
    Ok(token.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{FILE_NAME, OwnToken};

    #[test]
    fn own_token_is_made_once_and_shown_once() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("homer-export");
        let first = OwnToken::in_directory(&directory).unwrap();
        assert!(first.notice().contains(&first.token));
        let path = directory.join(FILE_NAME);
        let stored = std::fs::read_to_string(&path).unwrap();
        assert_eq!(stored, format!("{}\n", first.token));
        let second = OwnToken::in_directory(&directory).unwrap();
        assert_eq!(second.token, first.token);
        assert!(!second.notice().contains(&first.token));
        assert!(second.notice().contains(path.to_str().unwrap()));
    }

    #[cfg(unix)]
    #[test]
    fn own_token_that_others_can_read_is_refused_and_not_shown() {
        use std::os::unix::fs::PermissionsExt as _;

        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("homer-export");
        let token = OwnToken::in_directory(&directory).unwrap().token;
        let path = directory.join(FILE_NAME);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let why = OwnToken::in_directory(&directory).unwrap_err();
        assert!(
            why.contains("other users can read it") && !why.contains(&token),
            "{why}"
        );
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        assert!(OwnToken::in_directory(&directory).is_err());
    }
}
