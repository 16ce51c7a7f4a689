//! Builds the components, finishes them, and looks at what is in them.
//!
//! `cargo xtask dist` puts the finished files into `dist/`; the host's build script embeds the same
//! bytes.

pub mod artifact;
pub mod binary;
pub mod documentation;

pub use artifact::Artifact;
