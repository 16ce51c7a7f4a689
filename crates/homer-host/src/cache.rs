//! Where compiled components are kept between starts. Wasmtime runs the machine code that it finds
//! there without checking it, so nobody else may be able to write to this directory.

use std::path::PathBuf;

use wasmtime::{Cache, CacheConfig};

use crate::private_directory::{check_entries, create_private};

/// Wasmtime's cache in `$XDG_CACHE_HOME/homer-export`, or in `~/.cache/homer-export`. `None` if
/// others can write to it, or if something in it belongs to others. The component is then compiled
/// at each start.
pub(crate) fn of_user() -> Option<Cache> {
    let user_cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        // The XDG base directory specification ignores relative paths.
        .filter(|path| path.is_absolute());
    // Windows shows no permissions. A place that the operator names is trusted there.
    let is_trusted = cfg!(windows) && user_cache.is_some();
    let directory = user_cache
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?
        .join("homer-export");
    match is_trusted {
        true => std::fs::create_dir_all(&directory).ok()?,
        false => create_private(&directory).ok()?,
    }
    check_entries(&directory).ok()?;
    let mut config = CacheConfig::new();
    config.with_directory(directory);
    Cache::new(config).ok()
}
