//! The release artifacts: the components' names, what they may import, and how they are built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{binary, documentation};

/// The interfaces that every component may import, without versions. Each release artifact is
/// checked against this list and its own [`Artifact::more_imports`]. The handler of `wasi:http` needs its `types` and the interfaces of `wasi:io`,
/// and these need `monotonic-clock` for the type `duration`.
pub const ALLOWED_IMPORTS: [&str; 7] = [
    "wasi:cli/environment",
    "wasi:clocks/monotonic-clock",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
];

/// The clock, for times relative to now. A typed host passes numbers to `homer-export.wasm`, so
/// that component has no clock.
const CLOCK: &str = "wasi:clocks/wall-clock";

/// Size of a component's stack in bytes.
const STACK_BYTES: usize = 128 * 1024;

/// One component as it is released.
#[derive(Clone, Copy, Debug)]
pub struct Artifact {
    /// The package, the world, and the folder in `components/`, which share this name.
    pub package: &'static str,
    /// The name of the file without `.wasm`, and of the root component.
    pub name: &'static str,
    /// The description in the metadata of the file.
    pub description: &'static str,
    /// What it may import besides [`ALLOWED_IMPORTS`], without versions.
    pub more_imports: &'static [&'static str],
    /// Everything that it exports. A gateway turns each exported function into a tool, so a
    /// component must not export what belongs to another world.
    pub exports: &'static [&'static str],
    /// The world whose documentation is added to the file. Gateways show it to a model. `None` if
    /// only an interface is documented, because current tools cannot read a file with documentation
    /// of an interface (docs/wasm.md §3).
    pub documented_world: Option<&'static str>,
    /// Largest size of the file in bytes, inclusive, so that growth is noticed.
    pub max_bytes: usize,
}

/// `homer-export.wasm`, for hosts that know the types of the contract. `homer_host` embeds it.
pub const EXPORTER: Artifact = Artifact {
    package: "exporter",
    name: "homer-export",
    description: "Exports the packets of one SIP call from a Homer capture server, \
        checked to the last byte.",
    more_imports: &[],
    exports: &[
        "homer:capture/capture-reader@0.2.0",
        "homer:capture/homer-export-stream@0.2.0",
        "homer:capture/homer-export@0.2.0",
        "homer:capture/homer-search@0.2.0",
        "homer:capture/types@0.2.0",
    ],
    documented_world: None,
    max_bytes: 1060 * 1024,
};

/// `homer-export-tool.wasm`, for gateways that turn a component into an MCP tool.
pub const EXPORTER_TEXT: Artifact = Artifact {
    package: "exporter-text",
    name: "homer-export-tool",
    description: "Exports the packets of one SIP call from a Homer capture server, \
        and finds calls, as functions with a text result.",
    more_imports: &[CLOCK],
    exports: &["homer-export-pcap", "homer-find-calls"],
    documented_world: Some("exporter-text"),
    max_bytes: 1200 * 1024,
};

/// `homer-export-mcp.wasm`, an MCP server for hosts that serve HTTP with a component.
pub const MCP_SERVER: Artifact = Artifact {
    package: "mcp-server",
    name: "homer-export-mcp",
    description: "Exports the packets of SIP calls from a Homer capture server, \
        as an MCP server behind wasi:http.",
    more_imports: &[CLOCK],
    exports: &["wasi:http/incoming-handler@0.2.12"],
    documented_world: None,
    max_bytes: 1260 * 1024,
};

/// The components that `cargo xtask dist` writes.
pub const ALL: [Artifact; 3] = [EXPORTER, EXPORTER_TEXT, MCP_SERVER];

impl Artifact {
    /// The name of the file.
    pub fn file_name(&self) -> String {
        format!("{}.wasm", self.name)
    }

    /// Builds and finishes the component: it is stripped, its root component is named, and metadata
    /// is added.
    ///
    /// # Errors
    /// If cargo fails, for example because the WebAssembly target is missing, or if [`Self::check`]
    /// does.
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

    /// Checks that `component` imports only what it may, that its exports are
    /// [`Self::exports`], and that it is not larger than [`Self::max_bytes`].
    ///
    /// # Errors
    /// The first violation that is found.
    pub fn check(&self, component: &[u8]) -> Result<()> {
        let forbidden: Vec<String> = binary::imports(component)?
            .into_iter()
            .filter(|import| {
                let name = import.split('@').next().unwrap_or_default();
                !ALLOWED_IMPORTS.contains(&name) && !self.more_imports.contains(&name)
            })
            .collect();
        ensure!(
            forbidden.is_empty(),
            "{} imports {}, which is not allowed",
            self.file_name(),
            forbidden.join(", ")
        );
        let exports = binary::exports(component)?;
        ensure!(
            exports == self.exports,
            "{} exports {}; expected {}",
            self.file_name(),
            exports.join(", "),
            self.exports.join(", ")
        );
        let (size, max) = (component.len(), self.max_bytes);
        ensure!(
            size <= max,
            "{} has {size} bytes; the limit is {max} bytes",
            self.file_name()
        );
        Ok(())
    }
}

/// The root directory of the workspace.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// Builds a package of the workspace for `wasm32-wasip2` and returns the component before
/// post-processing.
///
/// # Errors
/// If cargo fails, or the WebAssembly target is not installed.
pub fn build_package(package: &str) -> Result<Vec<u8>> {
    let root = workspace_root();
    let target_dir = target_dir()?;
    // Panic locations contain paths. They are remapped, so that the bytes are the same on every
    // machine.
    let mut flags = vec![
        "-Ctarget-feature=+simd128".to_string(),
        format!("--remap-path-prefix={}=.", root.display()),
    ];
    // The default stack has 1 MiB, which hosts zero for each instance. JSON with the maximum depth
    // of `serde_json` needs half of this size.
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
        // A surrounding cargo or clippy sets these for the native build.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let hint = match stderr.contains("wasm32-wasip2")
            && stderr.contains("target may not be installed")
        {
            true => "\nThe WebAssembly target is missing; run: rustup target add wasm32-wasip2",
            false => "",
        };
        bail!("cargo could not build {package} for wasm32-wasip2:\n{stderr}{hint}");
    }
    let file = format!("wasm32-wasip2/component/{}.wasm", package.replace('-', "_"));
    let path = target_dir.join(file);
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The target directory of the components. It is not that of a surrounding cargo, which has locked
/// its own.
fn target_dir() -> Result<PathBuf> {
    // .cargo/config.toml sets the first variable. If this workspace is a dependency of another one,
    // only the directory of the build script is available.
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
