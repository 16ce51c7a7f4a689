//! TLS, with certificates made for each test.

use std::io::Write as _;
use std::sync::Arc;

use homer_export::ExportError;
use homer_host::{Exporter, Policy};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use host_test::calls::{assert_alive, error, policy, recorded};
use host_test::server::whole;

/// A private certificate authority, and its certificate in a PEM file.
fn authority() -> (CertifiedIssuer<'static, KeyPair>, NamedTempFile) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let file = pem_file(&issuer.pem());
    (issuer, file)
}

fn pem_file(pem: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    file
}

/// An HTTPS server on a loopback port that responds to every request with the usual capture.
/// Returns its URL.
async fn serve(certificate: Vec<u8>, key: &KeyPair) -> String {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    serve_with(certificate.into(), key).await
}

async fn serve_with(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> String {
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![certificate], key)
    .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                while host_test::server::read_request(&mut stream).await.is_some() {
                    stream
                        .write_all(&whole(&recorded("export-ok-auth-token")))
                        .await
                        .unwrap();
                }
            });
        }
    });
    format!("https://localhost:{port}")
}

/// The URL of an HTTPS server, and a policy that does not trust its certificate. The file has to
/// live as long as the policy is used.
pub(crate) async fn distrusting() -> (String, Policy, NamedTempFile) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_string()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let url = serve(certificate.der().to_vec(), &key).await;
    let (_, other) = authority();
    (url.clone(), trusting(&url, &other), other)
}

fn trusting(url: &str, file: &NamedTempFile) -> Policy {
    Policy {
        ca_file: Some(file.path().to_path_buf()),
        ..policy(url)
    }
}

#[tokio::test]
async fn certificate_of_a_private_authority_is_trusted_if_configured() {
    let (issuer, file) = authority();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_string()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let url = serve(certificate.der().to_vec(), &key).await;
    assert_alive(&Exporter::new(trusting(&url, &file)).unwrap()).await;

    // Only by this authority.
    let (_, other) = authority();
    let why = format!(
        "the certificate of {url} is not trusted, or is for another name; make the host trust its \
         certificate authority (HOMER_CA_FILE), or use the name in the certificate"
    );
    assert_eq!(
        error(trusting(&url, &other)).await,
        ExportError::Unreachable(why)
    );
}

#[tokio::test]
async fn certificate_for_another_name_is_refused() {
    let (issuer, file) = authority();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["homer.example".to_string()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let url = serve(certificate.der().to_vec(), &key).await;
    let ExportError::Unreachable(why) = error(trusting(&url, &file)).await else {
        panic!("trusted")
    };
    assert!(why.contains("is for another name"), "{why}");
    // Naming the certificate itself does not change that.
    let itself = pem_file(&certificate.pem());
    assert!(matches!(
        error(trusting(&url, &itself)).await,
        ExportError::Unreachable(_)
    ));
}

#[tokio::test]
async fn self_signed_certificate_is_trusted_if_configured() {
    let key = KeyPair::generate().unwrap();
    // With `basicConstraints=CA:FALSE`, as docs/configuration.md recommends, and without any.
    for is_ca in [IsCa::ExplicitNoCa, IsCa::NoCa] {
        let mut params = CertificateParams::new(vec!["localhost".to_string()]).unwrap();
        params.is_ca = is_ca;
        let certificate = params.self_signed(&key).unwrap();
        let url = serve(certificate.der().to_vec(), &key).await;
        assert_alive(&Exporter::new(trusting(&url, &pem_file(&certificate.pem()))).unwrap()).await;
        let (_, other) = authority();
        assert!(matches!(
            error(trusting(&url, &other)).await,
            ExportError::Unreachable(_)
        ));
    }
}

/// `openssl req -x509` without `-addext basicConstraints=CA:FALSE` creates such a certificate.
/// rustls does not accept an authority as a server (RFC 5280 §4.2.1.9), and we make no exception.
#[tokio::test]
async fn self_signed_authority_is_refused_as_a_server() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_string()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    let url = serve(certificate.der().to_vec(), &key).await;
    let ExportError::Unreachable(why) = error(trusting(&url, &pem_file(&certificate.pem()))).await
    else {
        panic!("trusted")
    };
    assert!(
        why.contains(&format!("the certificate of {url} is not trusted")),
        "{why}"
    );
}

#[tokio::test]
async fn certificate_that_has_expired_is_refused() {
    let (issuer, file) = authority();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_string()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let url = serve(certificate.der().to_vec(), &key).await;
    assert!(matches!(
        error(trusting(&url, &file)).await,
        ExportError::Unreachable(_)
    ));
}

#[tokio::test]
async fn scheme_that_the_port_does_not_speak_is_reported() {
    let (issuer, file) = authority();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_string()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let url = serve(certificate.der().to_vec(), &key).await;
    // Plain HTTP to a TLS port: the server sends an alert, or closes.
    let plain = url.replace("https", "http");
    assert!(matches!(
        error(policy(&plain)).await,
        ExportError::InvalidResponse(_)
    ));
    // TLS to a plain port.
    let url = host_test::server::plain_http().await;
    let why = format!(
        "TLS with {url} failed; check that its port serves HTTPS. If it serves plain HTTP, HOMER_URL \
         must begin with http://"
    );
    assert_eq!(
        error(trusting(&url, &file)).await,
        ExportError::Unreachable(why)
    );
}

#[tokio::test]
async fn file_without_certificates_is_misconfigured() {
    let empty = pem_file("");
    let why = format!(
        "HOMER_CA_FILE: {} contains no usable certificate",
        empty.path().display()
    );
    let failure = Exporter::new(trusting("https://localhost:9", &empty)).unwrap_err();
    assert_eq!(failure.to_string(), format!("misconfigured: {why}"));
    // Without an HTTPS origin the file is not read.
    assert!(Exporter::new(trusting("http://localhost:9", &empty)).is_ok());
}

#[tokio::test]
async fn name_that_is_not_found_is_unreachable() {
    // Longer than a label may be (RFC 1035 §2.3.4), so no name server is queried.
    let name = "x".repeat(64);
    let ExportError::Unreachable(why) = error(policy(&format!("http://{name}:9080"))).await else {
        panic!("reached")
    };
    assert_eq!(
        why,
        format!("the name \"{name}\" cannot be resolved; check HOMER_URL and the DNS server")
    );
}

/// The commands of docs/configuration.md create an authority and a certificate that are accepted.
#[tokio::test]
async fn certificates_of_the_documentation_are_trusted() {
    let page = format!("{}/../docs/configuration.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("\n## Certificates\n").unwrap();
    let commands = section.split("```").nth(1).unwrap();
    let commands = commands.strip_prefix("sh\n").unwrap();
    // The server of this test has another name.
    let commands = commands.replace("homer.example", "localhost");
    let directory = tempfile::tempdir().unwrap();
    let run = std::process::Command::new("sh")
        .args(["-ec", &commands])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    if stderr.contains("openssl: not found") || stderr.contains("openssl: command not found") {
        eprintln!("skipped: openssl is not installed");
        return;
    }
    assert!(run.status.success(), "{stderr}");
    let file = |name: &str| directory.path().join(name);
    let certificate = CertificateDer::from_pem_file(file("homer.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("homer.key")).unwrap();
    let url = serve_with(certificate, key).await;
    let policy = Policy {
        ca_file: Some(file("ca.crt")),
        ..policy(&url)
    };
    assert_alive(&Exporter::new(policy).unwrap()).await;
}
