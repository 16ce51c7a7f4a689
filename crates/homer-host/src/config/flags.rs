//! The flags that stand for variables of the environment, the same for both native programs.

/// What can be configured by flags as well: all that is not secret and that concerns these
/// programs. Each flag is the variable's name without `HOMER_`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "HostConfig, which the environment gives as well")]
pub struct Flags {
    /// Homer's base URL (HOMER_URL), for example http://homer:9080
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Header field of the API token (HOMER_TOKEN_HEADER) [default: Auth-Token]
    #[arg(long, value_name = "NAME")]
    token_header: Option<String>,

    /// Generation of Homer's API (HOMER_API): auto, 7 or 11 [default: auto]
    #[arg(long, value_name = "API")]
    api: Option<String>,

    /// Longest wait for the first byte of a reply (HOMER_TIMEOUT_MS) [default: 120000]
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<String>,

    /// Longest window (HOMER_MAX_WINDOW_HOURS) [default: 24]
    #[arg(long, value_name = "HOURS")]
    max_window_hours: Option<String>,

    /// Whether to look into the packets (HOMER_REPORT): on or off [default: on]
    #[arg(long, value_name = "ON/OFF")]
    report: Option<String>,

    /// Certificates to trust for https, PEM, instead of the system's (HOMER_CA_FILE)
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,

    /// Largest capture (HOMER_EXPORT_MAX_BYTES) [default: 1073741824]
    #[arg(long, value_name = "BYTES")]
    export_max_bytes: Option<String>,

    /// Longest export from beginning to end (HOMER_EXPORT_DEADLINE_MS) [default: 300000]
    #[arg(long, value_name = "MS")]
    export_deadline_ms: Option<String>,

    /// Exports at once, the others wait in turn (HOMER_MAX_CONCURRENT) [default: 4]
    #[arg(long, value_name = "N")]
    max_concurrent: Option<String>,
}

impl Flags {
    /// The flags that were given, as variables.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> {
        let flags = [
            ("HOMER_URL", &self.url),
            ("HOMER_TOKEN_HEADER", &self.token_header),
            ("HOMER_API", &self.api),
            ("HOMER_TIMEOUT_MS", &self.timeout_ms),
            ("HOMER_MAX_WINDOW_HOURS", &self.max_window_hours),
            ("HOMER_REPORT", &self.report),
            ("HOMER_CA_FILE", &self.ca_file),
            ("HOMER_EXPORT_MAX_BYTES", &self.export_max_bytes),
            ("HOMER_EXPORT_DEADLINE_MS", &self.export_deadline_ms),
            ("HOMER_MAX_CONCURRENT", &self.max_concurrent),
        ];
        flags
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.clone()?)))
    }
}
