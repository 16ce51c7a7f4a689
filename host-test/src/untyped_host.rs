//! A host with dynamic values: it calls components without knowing their types, as generic gateways
//! do.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value, json};
use wasmtime::component::types::Type;
use wasmtime::component::{Component, Linker, ResourceTable, Val};
use wasmtime::{Cache, CacheConfig, Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};
use xtask::Artifact;

/// A compiled component, and its environment.
#[derive(Clone)]
pub struct Host {
    engine: Engine,
    pub component: Component,
    environment: Vec<(String, String)>,
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        // Cranelift itself is not optimized in a debug build, so compiling takes seconds.
        let mut cache = CacheConfig::new();
        // Next to the program of the test, below the target directory.
        let program = std::env::current_exe().unwrap();
        cache.with_directory(program.with_file_name("untyped-host-cache"));
        let mut config = Config::new();
        config.cache(Some(Cache::new(cache).unwrap()));
        Engine::new(&config).unwrap()
    })
}

/// Builds and compiles a component once for all tests of this process.
fn compiled(artifact: Artifact) -> Component {
    static COMPILED: Mutex<Option<HashMap<&'static str, Component>>> = Mutex::new(None);
    let mut compiled = COMPILED.lock().unwrap();
    let compiled = compiled.get_or_insert_default();
    let component = compiled.entry(artifact.name);
    component
        .or_insert_with(|| Component::from_binary(engine(), &artifact.build().unwrap()).unwrap())
        .clone()
}

impl Host {
    pub fn new(artifact: Artifact, environment: &[(&str, &str)]) -> Self {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_string(), (*value).to_string()));
        Self {
            engine: engine().clone(),
            component: compiled(artifact),
            environment: environment.collect(),
        }
    }

    pub fn linker(&self) -> Linker<Guest> {
        let mut linker = Linker::new(&self.engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).unwrap();
        linker
    }

    pub fn store(&self) -> Store<Guest> {
        let wasi = WasiCtx::builder().envs(&self.environment).build();
        Store::new(
            &self.engine,
            Guest {
                table: ResourceTable::new(),
                wasi,
                http: WasiHttpCtx::new(),
                hooks: Anywhere,
            },
        )
    }

    /// Calls a function of an interface, or of the world, with a JSON object of arguments. Returns
    /// the result as JSON.
    ///
    /// # Errors
    /// The text of a gateway about arguments that do not fit the types, or about a trap.
    pub async fn call(
        &self,
        interface: Option<&str>,
        function: &str,
        arguments: Value,
    ) -> Result<Value, String> {
        let mut store = self.store();
        let instance = self
            .linker()
            .instantiate_async(&mut store, &self.component)
            .await
            .unwrap();
        let interface =
            interface.map(|name| instance.get_export_index(&mut store, None, name).unwrap());
        let index = instance
            .get_export_index(&mut store, interface.as_ref(), function)
            .unwrap();
        let function = instance.get_func(&mut store, index).unwrap();
        let ty = function.ty(&store);
        let mut given = Vec::new();
        for (name, ty) in ty.params() {
            let value = arguments
                .get(name)
                .ok_or_else(|| format!("missing field {name}"))?;
            given.push(val(value, &ty).ok_or_else(|| format!("{name} is not a {ty:?}"))?);
        }
        let mut results = vec![Val::Bool(false); ty.results().len()];
        function
            .call_async(&mut store, &given, &mut results)
            .await
            .map_err(|trap| format!("{trap:?}"))?;
        Ok(json(&results[0]))
    }
}

/// Everything that an instance has.
pub struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Anywhere,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// Requests may go anywhere, as with `wasmtime run -S http`.
struct Anywhere;

impl WasiHttpHooks for Anywhere {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        Box::new(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let client = Client::builder(TokioExecutor::new()).build_http();
            let sent = client
                .request(Request::from_parts(parts, Full::new(body)))
                .await;
            let response =
                sent.map_err(|_| Error::Connect(std::io::ErrorKind::ConnectionRefused.into()))?;
            let nothing_more: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(async { Ok(()) });
            Ok((
                response.map(|body| body.map_err(Error::from).boxed_unsync()),
                nothing_more,
            ))
        })
    }
}

type Sent = (
    Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

/// A JSON value as a value of this type, or `None` if it does not fit.
fn val(value: &Value, ty: &Type) -> Option<Val> {
    Some(match ty {
        Type::String => Val::String(value.as_str()?.to_string()),
        Type::S64 => Val::S64(value.as_i64()?),
        _ => return None,
    })
}

/// A result as JSON in the format of wassette: a list of bytes is a list of numbers, and a variant
/// has `tag` and `val`.
fn json(val: &Val) -> Value {
    let inner = |value: &Option<Box<Val>>| value.as_deref().map_or(Value::Null, json);
    match val {
        Val::Bool(flag) => json!(flag),
        Val::U8(number) => json!(number),
        Val::U16(number) => json!(number),
        Val::U32(number) => json!(number),
        Val::U64(number) => json!(number),
        Val::S64(number) => json!(number),
        Val::String(text) => json!(text),
        Val::List(items) => items.iter().map(json).collect(),
        Val::Record(fields) => {
            let fields: Map<String, Value> = fields
                .iter()
                .map(|(name, value)| (name.clone(), json(value)))
                .collect();
            Value::Object(fields)
        }
        Val::Variant(tag, value) => json!({ "tag": tag, "val": inner(value) }),
        Val::Option(value) => inner(value),
        Val::Result(Ok(value)) => json!({ "ok": inner(value) }),
        Val::Result(Err(value)) => json!({ "err": inner(value) }),
        other => panic!("no component of ours returns this type: {other:?}"),
    }
}
