//! Serves HTTP with a component that exports `wasi:http/incoming-handler`.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{WasiBody, WasiHttpView as _};

use crate::untyped_host::{Guest, Host};

impl Host {
    /// Serves HTTP with one instance of the component per request, and returns the URL.
    pub async fn serve(self) -> String {
        let pre = ProxyPre::new(self.linker().instantiate_pre(&self.component).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let shared = Arc::new((self, pre));
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let shared = Arc::clone(&shared);
                let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                    let shared = Arc::clone(&shared);
                    async move { Ok::<_, Infallible>(shared.0.respond(&shared.1, request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), service);
                tokio::spawn(connection);
            }
        });
        url
    }

    async fn respond(
        &self,
        pre: &ProxyPre<Guest>,
        request: Request<Incoming>,
    ) -> Response<WasiBody> {
        let mut store = self.store();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let request = store
            .data_mut()
            .http()
            .new_incoming_request(Scheme::Http, request)
            .unwrap();
        let out = store
            .data_mut()
            .http()
            .new_response_outparam(sender)
            .unwrap();
        let pre = pre.clone();
        // In a task of its own: the component returns the head first, and then writes the body
        // while the client reads it.
        tokio::spawn(async move {
            let proxy = pre.instantiate_async(&mut store).await.unwrap();
            proxy
                .wasi_http_incoming_handler()
                .call_handle(&mut store, request, out)
                .await
                .unwrap();
        });
        receiver.await.unwrap().unwrap()
    }
}
