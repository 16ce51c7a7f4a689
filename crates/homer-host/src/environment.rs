//! The environment of a component, as typed fields. [`ComponentEnvironment::variables`] is the one
//! place that turns them into strings.

use std::time::Duration;

use homer_export::BaseUrl;
use homer_export::config::setting;
use homer_export::homer::{Api, CredentialKind, ProxyCredentialKind};

/// The environment of a component.
///
/// A component is not trusted, and it may run in hosts that are not ours, most of which can only
/// provide environment variables (docs/wasm.md §7). Its configuration therefore consists of strings
/// that it parses and checks itself.
/// The host has parsed the same values before. Only strings cross this trust boundary, and they
/// cross it here: the host writes them in [`Self::variables`], the component reads them with
/// [`homer_export::Config::from_vars`].
///
/// `None` leaves a variable out. The component then uses its default.
///
/// # Examples
///
/// ```
/// use homer_host::{Api, BaseUrl, ComponentEnvironment};
///
/// let environment = ComponentEnvironment {
///     homer: Some(BaseUrl::parse("http://homer:9080")?),
///     ..ComponentEnvironment::default()
/// };
/// let variable = |name: &str, value: &str| (name.to_string(), value.to_string());
/// assert_eq!(
///     environment.variables(Some(Api::V11)),
///     [variable("HOMER_URL", "http://homer:9080"), variable("HOMER_API", "11")]
/// );
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentEnvironment {
    /// `HOMER_URL`: Homer's base URL.
    pub homer: Option<BaseUrl>,
    /// `HOMER_API`: the version of Homer's API. If it is `None`, the component detects the
    /// version, and the host passes the detected one to the instances of later exports.
    pub api: Option<Api>,
    /// `HOMER_CREDENTIAL_KIND`: the kind of the credential that the host adds. The component uses
    /// it to name likely causes. It does not get the credential itself.
    pub credential_kind: Option<CredentialKind>,
    /// `HOMER_PROXY_CREDENTIAL_KIND`: what the host adds for a proxy in front of Homer, for the
    /// same purpose.
    pub proxy_credential_kind: Option<ProxyCredentialKind>,
    /// `HOMER_TIMEOUT_MS`: the longest wait for the first byte of a response.
    pub first_byte_timeout: Option<Duration>,
    /// `HOMER_MAX_WINDOW_HOURS`: the longest window in hours, inclusive.
    pub max_window_hours: Option<u32>,
    /// `HOMER_MAX_BYTES`: the largest capture in bytes that `export-pcap` returns, inclusive.
    pub max_bytes: Option<u64>,
    /// `HOMER_REPORT`: whether the component analyzes the packets.
    pub report: Option<bool>,
    /// `HOMER_EXPLAIN`: whether the component searches Homer, if an export finds nothing, for the
    /// reason.
    pub explain: Option<bool>,
    /// `HOMER_EXPLAIN_DAYS`: the days around the window in which this search looks for the call.
    pub explain_days: Option<u32>,
    /// Further variables, for example a credential where [`crate::Policy::own_credentials`] is set.
    pub other: Vec<(String, String)>,
}

impl ComponentEnvironment {
    /// The variables of one instance. `detected_api` is the version of Homer's API that an
    /// earlier instance detected. It counts only if [`Self::api`] does not name one.
    pub fn variables(&self, detected_api: Option<Api>) -> Vec<(String, String)> {
        let on_or_off = |on: bool| if on { "on" } else { "off" };
        // Not among them: the credential and the certificates, which only the host needs.
        let variables = [
            (&setting::URL, self.homer.as_ref().map(BaseUrl::to_string)),
            (
                &setting::API,
                self.api
                    .or(detected_api)
                    .map(|api| api.number().to_string()),
            ),
            (
                &setting::CREDENTIAL_KIND,
                self.credential_kind.map(|kind| kind.name().to_string()),
            ),
            (
                &setting::PROXY_CREDENTIAL_KIND,
                self.proxy_credential_kind
                    .map(|kind| kind.name().to_string()),
            ),
            (
                &setting::TIMEOUT_MS,
                self.first_byte_timeout
                    .map(|timeout| timeout.as_millis().to_string()),
            ),
            (
                &setting::MAX_WINDOW_HOURS,
                self.max_window_hours.map(|hours| hours.to_string()),
            ),
            (
                &setting::MAX_BYTES,
                self.max_bytes.map(|bytes| bytes.to_string()),
            ),
            (
                &setting::REPORT,
                self.report.map(|on| on_or_off(on).to_string()),
            ),
            (
                &setting::EXPLAIN,
                self.explain.map(|on| on_or_off(on).to_string()),
            ),
            (
                &setting::EXPLAIN_DAYS,
                self.explain_days.map(|days| days.to_string()),
            ),
        ];
        variables
            .into_iter()
            .filter_map(|(setting, value)| Some((setting.variable.to_string(), value?)))
            .chain(self.other.iter().cloned())
            .collect()
    }
}
