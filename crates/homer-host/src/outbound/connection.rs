//! A connection to an allowed origin: name lookup, TCP, TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use homer_export::Origin;
use homer_export::origin::Scheme;
use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::ConnectError;

/// Connects to one origin, whatever URI is requested.
#[derive(Clone)]
pub(super) struct Connector {
    origin: Origin,
    tls: Option<TlsConnector>,
    timeout: Duration,
}

impl Connector {
    pub(super) fn new(origin: &Origin, tls: Option<&TlsConnector>, timeout: Duration) -> Self {
        let tls = tls.filter(|_| origin.scheme() == Scheme::Https).cloned();
        Self {
            origin: origin.clone(),
            tls,
            timeout,
        }
    }

    async fn connect(self) -> Result<TokioIo<Box<dyn Socket>>, ConnectError> {
        tokio::time::timeout(self.timeout, self.connect_any())
            .await
            .map_err(|_| ConnectError::Timeout)?
    }

    /// Connects to any address of the host.
    async fn connect_any(&self) -> Result<TokioIo<Box<dyn Socket>>, ConnectError> {
        let target = (self.origin.host(), self.origin.port());
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host(target)
            .await
            .map_err(|_| ConnectError::Name)?
            .collect();
        // Each address gets an equal share of the time. Otherwise one that does not respond would
        // use up the time of all others.
        let share = self.timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut connected = Err(ConnectError::Name);
        for address in addresses {
            connected = match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(ConnectError::Tcp(error.kind())),
                Err(_) => Err(ConnectError::Timeout),
            };
            if connected.is_ok() {
                break;
            }
        }
        let stream = connected?;
        // A request is written in one piece, so Nagle's algorithm would only delay it.
        let _ = stream.set_nodelay(true);
        match (&self.tls, self.origin.scheme()) {
            (None, Scheme::Http) => Ok(TokioIo::new(Box::new(stream))),
            (Some(tls), Scheme::Https) => {
                let name = ServerName::try_from(self.origin.host().to_string())
                    .map_err(|_| ConnectError::Name)?;
                let stream = tls
                    .connect(name, stream)
                    .await
                    .map_err(|error| tls_error(&error))?;
                Ok(TokioIo::new(Box::new(stream)))
            }
            // An https origin never gets a connection without TLS.
            _ => Err(ConnectError::Tls),
        }
    }
}

fn tls_error(error: &io::Error) -> ConnectError {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::InvalidCertificate(_)) => ConnectError::Certificate,
        _ => ConnectError::Tls,
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Socket>>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// A TCP stream, with or without TLS.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

impl Connection for Box<dyn Socket> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
