//! How to speak TLS: which certificates are trusted.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use homer_export::ExportError;
use homer_export::origin::Scheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_rustls::TlsConnector;

use crate::policy::Policy;

/// How to speak TLS under this policy, or none if no origin of it needs that: reading the system's
/// certificates takes milliseconds.
///
/// # Errors
/// `misconfigured` if the certificates cannot be read, or there are none.
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
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    let mut given = Vec::new();
    match &policy.ca_file {
        Some(file) => {
            let shown = file.display();
            let certificates = CertificateDer::pem_file_iter(file)
                .with_context(|| format!("HOMER_CA_FILE: cannot read {shown}"))?;
            for certificate in certificates {
                given.push(
                    certificate.with_context(|| format!("HOMER_CA_FILE: {shown} is not PEM"))?,
                );
            }
            let (usable, _) = roots.add_parsable_certificates(given.iter().cloned());
            ensure!(
                usable > 0,
                "HOMER_CA_FILE: {shown} holds no certificate that can be used"
            );
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            ensure!(
                !roots.is_empty(),
                "this system has no trusted certificates; set HOMER_CA_FILE to a PEM file of some"
            );
        }
    }
    let trusted =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    Ok(ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustedOrGiven {
            trusted,
            given,
            provider,
        }))
        .with_no_client_auth())
}

/// Trusts what the certificates of the file vouch for, and those very certificates. A self-signed
/// one that `openssl req -x509` made says that it is an authority, and rustls takes no authority
/// for a server, though the operator named it.
#[derive(Debug)]
struct TrustedOrGiven {
    trusted: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for TrustedOrGiven {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.trusted.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        ) {
            // Of all that can be wrong with a certificate, only that it is an authority, which is
            // one of webpki's own errors, or that nobody vouches for it. Name and time are still
            // checked.
            Err(Error::InvalidCertificate(
                CertificateError::Other(_) | CertificateError::UnknownIssuer,
            )) if self.given.iter().any(|given| given == end_entity) => {
                rustls::client::verify_server_name(
                    &ParsedCertificate::try_from(end_entity)?,
                    server_name,
                )?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
