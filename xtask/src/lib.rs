//! Builds and finishes the components, and inspects them.
//!
//! `cargo xtask dist` writes the post-processed components to `dist/`. The build script of
//! `homer-host` embeds the same bytes, which is why this is a library. `cargo xtask
//! cargo-component` writes the WIT files that `cargo component build` needs.

pub mod artifact;
pub mod binary;
pub mod cargo_component;
pub mod commit;
pub mod documentation;

pub use artifact::Artifact;
