//! TLS: which certificates are trusted.
//!
//! Certificates are verified by rustls alone (`rustls-webpki`): a chain to a trusted certificate,
//! the name, the period of validity, and the intended use. There is no exception for particular
//! certificates, because any code that overrides a failed verification is a risk for all others.
//! For one kind of certificate this matters: `openssl req -x509` marks a self-signed certificate as
//! an authority, and rustls does not accept an authority as the certificate of a server.
//! docs/configuration.md shows how to create one that works.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use homer_export::ExportError;
use homer_export::origin::Scheme;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::policy::Policy;

/// The TLS side of this policy's connections, or `None` if no origin of the policy uses HTTPS:
/// reading the certificates of the system takes milliseconds.
///
/// # Errors
/// `misconfigured` if the certificates cannot be read, or if there are none.
pub(super) fn connector(policy: &Policy) -> Result<Option<TlsConnector>, ExportError> {
    if policy
        .allowed
        .iter()
        .all(|allowed| allowed.base.origin().scheme() == Scheme::Http)
    {
        return Ok(None);
    }
    let config = config(policy).map_err(|why| ExportError::Misconfigured(format!("{why:#}")))?;
    Ok(Some(TlsConnector::from(Arc::new(config))))
}

fn config(policy: &Policy) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match &policy.ca_file {
        Some(file) => {
            let shown = file.display();
            let certificates = CertificateDer::pem_file_iter(file)
                .with_context(|| format!("HOMER_CA_FILE: cannot read {shown}"))?
                .collect::<Result<Vec<_>, _>>()
                .with_context(|| format!("HOMER_CA_FILE: {shown} is not a PEM file"))?;
            // A bundle may contain certificates that rustls cannot parse. The others still count.
            let (usable, _) = roots.add_parsable_certificates(certificates);
            ensure!(
                usable > 0,
                "HOMER_CA_FILE: {shown} contains no usable certificate"
            );
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            ensure!(
                !roots.is_empty(),
                "this system has no trusted certificates; set HOMER_CA_FILE to a PEM file"
            );
        }
    }
    // Named here: `ClientConfig::builder` panics if a dependency compiles in a second provider.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
