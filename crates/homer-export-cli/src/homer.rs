//! The Homer to query: the configured one, or the fake one of the demo.

#[cfg(feature = "demo")]
use fake_homer::FakeHomer;
use homer_host::{Exporter, Failure, Flags, HostConfig, Redaction};

use crate::error::Error;
use crate::output;

/// A Homer, and how to query it.
pub(crate) struct Homer {
    pub(crate) config: HostConfig,
    /// It serves until it is dropped.
    #[cfg(feature = "demo")]
    _fake: Option<FakeHomer>,
}

impl Homer {
    /// The Homer that environment and flags configure, or, for the demo, a fake one.
    #[cfg(feature = "demo")]
    pub(crate) async fn configure(flags: &Flags, is_demo: bool) -> Result<Self, Error> {
        if !is_demo {
            let config = of_process(flags)?;
            return Ok(Self {
                config,
                _fake: None,
            });
        }
        let fake = FakeHomer::start()
            .await
            .map_err(|why| Error::Other(format!("{why:#}")))?;
        // The demo ignores the environment, so that no credential of a real Homer is used.
        let config = HostConfig::isolated(flags, fake.variables()).map_err(Failure::Export)?;
        Ok(Self {
            config,
            _fake: Some(fake),
        })
    }

    /// The Homer that environment and flags configure.
    #[cfg(not(feature = "demo"))]
    pub(crate) async fn configure(flags: &Flags, _: bool) -> Result<Self, Error> {
        let config = of_process(flags)?;
        Ok(Self { config })
    }

    /// The longest window in hours, inclusive.
    pub(crate) fn max_window_hours(&self) -> u32 {
        self.config.config.max_window_hours
    }

    /// What is redacted in captures.
    pub(crate) fn redaction(&self) -> Result<Option<Redaction>, Failure> {
        self.config.redaction(None).map_err(Failure::Export)
    }

    /// The base URL, for progress.
    pub(crate) fn url(&self) -> String {
        self.config.config.homer.base_url.to_string()
    }

    /// What runs exports and searches.
    pub(crate) fn exporter(&self) -> Result<Exporter, Failure> {
        Exporter::new(self.config.policy())
    }
}

/// The configuration of this process. Prints its warnings.
fn of_process(flags: &Flags) -> Result<HostConfig, Failure> {
    let config = HostConfig::of_process(flags).map_err(Failure::Export)?;
    for warning in &config.warnings {
        output::warning(warning);
    }
    Ok(config)
}
