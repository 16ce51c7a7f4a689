//! The client of a Homer server, which exports and searches share: [`Client`].

mod prefix;
mod server;

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::ExportError;
use crate::homer::response::MAX_ERROR_BODY;
use crate::homer::{Credential, HomerServer, Request, login};
use crate::transport::{OutboundRequest, OutboundResponse, Transport, TransportError};

pub(crate) use prefix::{read_prefix, read_up_to};
pub(crate) use server::Server;

/// Sends requests to one Homer server, with the credentials for it and for a proxy in front of it.
pub(crate) struct Client<'t, T> {
    server: Server,
    transport: &'t mut T,
}

impl<'t, T: Transport> Client<'t, T> {
    /// Logs in if the credential is a user name and password. `first_byte_timeout_ms` is the
    /// longest wait for each response.
    ///
    /// # Errors
    /// As a login.
    pub(crate) fn open(
        homer: &HomerServer,
        first_byte_timeout_ms: u64,
        transport: &'t mut T,
    ) -> Result<Self, ExportError> {
        let server = Server {
            homer: homer.clone(),
            first_byte_timeout_ms,
        };
        let mut client = Self { server, transport };
        client.log_in()?;
        Ok(client)
    }

    /// The server, with the credential in use.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The server, with the credential in use.
    pub(crate) fn into_server(self) -> Server {
        self.server
    }

    /// Exchanges a user name and password for a token. Other credentials stay as they are.
    fn log_in(&mut self) -> Result<(), ExportError> {
        let homer = &self.server.homer;
        let Some(Credential::Login {
            username,
            password,
            login_type,
        }) = &homer.credential
        else {
            return Ok(());
        };
        let request = login::login_request(&homer.base_url, username, password, *login_type);
        let response = self.send(&request);
        let response = response.map_err(|error| self.server.failed_before(error))?;
        let OutboundResponse { head, mut body } = response;
        let opening = read_prefix(&mut body, MAX_ERROR_BODY);
        let Some(token) = login::token(&head, &opening) else {
            return Err(login::error(&head, &opening, &self.server.homer));
        };
        // The kind stays: error texts then name the causes that fit a login.
        self.server.homer.credential = Some(Credential::Jwt(token));
        Ok(())
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// # Errors
    /// [`TransportError`] if the request cannot be sent, or no response arrives.
    pub(crate) fn send(
        &mut self,
        request: &Request,
    ) -> Result<OutboundResponse<T::Body>, TransportError> {
        let pending = self.start(request)?;
        self.receive(pending)
    }

    /// Sends a request without waiting for the response.
    ///
    /// # Errors
    /// [`TransportError`] if the request cannot be sent.
    pub(crate) fn start(&mut self, request: &Request) -> Result<T::Pending, TransportError> {
        let homer = &self.server.homer;
        let mut fields = Vec::from([
            // Homer compares it literally (recording `export-content-type-upper`).
            ("content-type".to_string(), "application/json".to_string()),
            ("content-length".to_string(), request.body.len().to_string()),
        ]);
        fields.extend(homer.credential_fields());
        self.transport.start(&OutboundRequest {
            origin: homer.base_url.origin(),
            path: &request.path,
            fields: &fields,
            body: &request.body,
            first_byte_timeout_ms: self.server.first_byte_timeout_ms,
        })
    }

    /// Waits for the head of the response to a request that was started.
    ///
    /// # Errors
    /// [`TransportError`] if no response arrives.
    pub(crate) fn receive(
        &mut self,
        pending: T::Pending,
    ) -> Result<OutboundResponse<T::Body>, TransportError> {
        self.transport.receive(pending)
    }
}
