//! The finished components: what they are called, what they may import, how they are built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{binary, documentation};

/// What every component may import, without versions; the finished files are checked against it.
/// `types` of `wasi:http` and the `wasi:io` interfaces come with the handler, `monotonic-clock` for
/// its type `duration`.
pub const ALLOWED_IMPORTS: [&str; 7] = [
    "wasi:cli/environment",
    "wasi:clocks/monotonic-clock",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
];

/// Bytes of a component's stack.
const STACK_BYTES: usize = 128 * 1024;

/// One finished component.
#[derive(Clone, Copy, Debug)]
pub struct Artifact {
    /// The package that builds it.
    pub package: &'static str,
    /// Name of the file without `.wasm`, and of its root component.
    pub name: &'static str,
    /// One line for the component's metadata.
    pub description: &'static str,
    /// All that it exports: what others of ours export would be a tool too many in a gateway.
    pub exports: &'static [&'static str],
    /// The world whose documentation goes into the file, for gateways that show it to a model; none
    /// where only an interface has some, since tools of today cannot read a file with that
    /// (hosts.md §0.5).
    pub documented_world: Option<&'static str>,
    /// Size of the file in bytes, inclusive, that it is not to grow beyond unnoticed.
    pub max_bytes: usize,
}

/// `homer-export.wasm`.
pub const EXPORTER: Artifact = Artifact {
    package: "exporter",
    name: "homer-export",
    description: "Exports the packets of one SIP call from a Homer capture server, checked to the last byte.",
    exports: &[
        "homer:capture/homer-export-stream@0.2.0",
        "homer:capture/homer-export@0.2.0",
        "homer:capture/types@0.2.0",
    ],
    documented_world: None,
    max_bytes: 288 * 1024,
};

/// `homer-export-tool.wasm`.
pub const EXPORTER_TEXT: Artifact = Artifact {
    package: "exporter-text",
    name: "homer-export-tool",
    description: "Exports the packets of one SIP call from a Homer capture server, as one function with a text result.",
    exports: &["homer-export-pcap"],
    documented_world: Some("exporter-text"),
    max_bytes: 320 * 1024,
};

/// `homer-export-mcp.wasm`.
pub const MCP_SERVER: Artifact = Artifact {
    package: "mcp-server",
    name: "homer-export-mcp",
    description: "Exports the packets of SIP calls from a Homer capture server, as an MCP server behind wasi:http.",
    exports: &["wasi:http/incoming-handler@0.2.12"],
    documented_world: None,
    max_bytes: 480 * 1024,
};

/// All that `cargo xtask dist` makes.
pub const ALL: [Artifact; 3] = [EXPORTER, EXPORTER_TEXT, MCP_SERVER];

impl Artifact {
    /// The file's name.
    pub fn file_name(&self) -> String {
        format!("{}.wasm", self.name)
    }

    /// Builds the component and finishes it: stripped, its root component named, with metadata.
    ///
    /// # Errors
    /// If cargo fails (the WebAssembly target may be missing), or the result has an import that is
    /// not allowed, another export than it should have, or grew too large.
    pub fn build(&self) -> Result<Vec<u8>> {
        let wasm = build_package(self.package)?;
        let text = |text: &str| text.as_bytes().to_vec();
        let mut sections = vec![
            ("description", text(self.description)),
            ("licenses", text("MIT OR Apache-2.0")),
            ("source", text(env!("CARGO_PKG_REPOSITORY"))),
            ("version", text(env!("CARGO_PKG_VERSION"))),
        ];
        if let Some(world) = self.documented_world {
            sections.push(documentation::section(
                &workspace_root().join("wit"),
                world,
            )?);
        }
        let finished = binary::finish(&wasm, self.name, &sections)
            .with_context(|| format!("cannot finish {}", self.file_name()))?;
        self.check(&finished)?;
        Ok(finished)
    }

    /// Checks that `component` imports nothing beyond [`ALLOWED_IMPORTS`], exports what it is to,
    /// and is no larger than it is to be.
    ///
    /// # Errors
    /// If it is not so, naming what.
    pub fn check(&self, component: &[u8]) -> Result<()> {
        let foreign: Vec<String> = binary::imports(component)?
            .into_iter()
            .filter(|import| {
                !ALLOWED_IMPORTS.contains(&import.split('@').next().unwrap_or_default())
            })
            .collect();
        ensure!(
            foreign.is_empty(),
            "{} imports {}, which no component of ours may",
            self.file_name(),
            foreign.join(", ")
        );
        let exports = binary::exports(component)?;
        ensure!(
            exports == self.exports,
            "{} exports {}",
            self.file_name(),
            exports.join(", ")
        );
        let (size, max) = (component.len(), self.max_bytes);
        ensure!(
            size <= max,
            "{} has {size} bytes, more than the {max} it is to have at most",
            self.file_name()
        );
        Ok(())
    }
}

/// The workspace's root.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// Builds a package of the workspace for `wasm32-wasip2` and returns the component, unfinished.
///
/// # Errors
/// If cargo fails, or the WebAssembly target is not installed.
pub fn build_package(package: &str) -> Result<Vec<u8>> {
    let root = workspace_root();
    let target_dir = target_dir()?;
    // The same bytes wherever the sources lie: no path of this machine gets into panic locations.
    let mut flags = vec![
        "-Ctarget-feature=+simd128".to_string(),
        format!("--remap-path-prefix={}=.", root.display()),
    ];
    // A megabyte otherwise, which hosts would wipe for every instance. JSON as deep as `serde_json`
    // goes takes half of this.
    flags.push(format!("-Clink-arg=-zstack-size={STACK_BYTES}"));
    if let Some(home) = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(default_cargo_home)
    {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(&root)
        .args([
            "build",
            "--locked",
            "--quiet",
            "--lib",
            "--target",
            "wasm32-wasip2",
            "--profile",
            "component",
        ])
        .args(["--package", package, "--target-dir"])
        .arg(&target_dir)
        // What a surrounding cargo or clippy set for the native build is not meant for this one.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let hint =
            match said.contains("wasm32-wasip2") && said.contains("target may not be installed") {
                true => "\nThe WebAssembly target is missing; run: rustup target add wasm32-wasip2",
                false => "",
            };
        bail!("cargo could not build {package} for wasm32-wasip2:\n{said}{hint}");
    }
    let file = format!("wasm32-wasip2/component/{}.wasm", package.replace('-', "_"));
    let path = target_dir.join(file);
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Where components are built: never the directory that a surrounding cargo has locked.
fn target_dir() -> Result<PathBuf> {
    // Set in .cargo/config.toml. Where this workspace is a dependency, there is only the build
    // script's own directory.
    match std::env::var_os("HOMER_COMPONENTS_TARGET_DIR").or_else(|| std::env::var_os("OUT_DIR")) {
        Some(dir) => Ok(dir.into()),
        None => bail!(
            "HOMER_COMPONENTS_TARGET_DIR is not set; run this through cargo within the workspace"
        ),
    }
}

fn default_cargo_home() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".cargo"))
}
