//! The sandbox: a fresh instance of a component in a fresh store for each export, which has only
//! what the policy gives it.
//!
//! Nothing is shared between two instances but compiled code and connections. An instance that was
//! stopped, or that misbehaved, therefore cannot affect the next one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use homer_export::homer::Api;

use wasmtime::component::{Component, Linker, Resource, ResourceTable};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter, Store,
    StoreContextMut, UpdateDeadline,
};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use wasmtime_wasi_io::IoView;

use crate::admission::MAX_AT_ONCE;
use crate::cache;
use crate::outbound::{self, HashedResponse, InstanceOutbound, Outbound, TransferNotes, Unread};
use crate::permit::Meter;
use crate::policy::{Limits, Policy};

mod bindings {
    //! The component's exports only. Its imports are linked one by one in [`super::linker`], so
    //! that a new import of the contract is never linked by accident.

    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package homer:host;
            world exports {
                export homer:capture/types@0.2.0;
                export homer:capture/homer-export-stream@0.2.0;
                export homer:capture/homer-search@0.2.0;
                export homer:capture/capture-reader@0.2.0;
            }
        ",
        world: "homer:host/exports",
        exports: { default: async },
    });
}

pub(crate) use bindings::exports::homer::capture::{
    capture_reader as reader, homer_export_stream as stream, homer_search as search, types,
};
pub(crate) use bindings::{Exports, ExportsPre};

/// How often a running component yields, so that its CPU time and deadline can be checked.
const TICK: Duration = Duration::from_millis(10);

/// Bytes that a component may pass to the host in one call. A read returns 256 KiB (docs/wasm.md
/// §5), and a report is smaller. Without this limit a component could make the host allocate any
/// amount of memory.
const HOSTCALL_BYTES: usize = 4 * 1024 * 1024;

/// Readers of captures at a time, inclusive. They make no requests to Homer, so that they do not
/// count as exports; each takes an instance.
pub(crate) const MAX_READERS: usize = 16;

/// Handles that a component may have open. An export needs about a dozen.
const MAX_HANDLES: usize = 256;

// A component made by wit-component has three core instances, which share one memory and two
// tables. The limits below leave some room.

/// Core instances in a component.
const INSTANCES: u32 = 8;

/// Memories in a component.
const MEMORIES: u32 = 2;

/// Smallest size in bytes of a memory in the pool, so that a component can start under any limit.
/// The limiter then stops it with a clear error.
const MIN_POOLED_MEMORY: usize = 16 * 1024 * 1024;

/// Tables in a component.
const TABLES: u32 = 4;

/// Entries of a table. Our components have a few hundred functions, and their tables do not grow.
const MAX_TABLE_ELEMENTS: usize = 10_000;

/// Bytes of a memory that are zeroed for the next instance and not returned to the system. A small
/// export touches about twice as much, and page faults would take longer than zeroing; but each of
/// the 144 slots may keep this much.
const KEPT_MEMORY: usize = 256 * 1024;

/// The same for a table.
const KEPT_TABLE: usize = 64 * 1024;

/// Bytes of header fields that a component may put into one list. The host stores the list.
const MAX_FIELDS_BYTES: usize = 16 * 1024;

/// A compiled component, and what each instance of it gets.
pub(crate) struct Sandbox {
    engine: Engine,
    component: ExportsPre<Guest>,
    policy: Policy,
    outbound: Arc<Outbound>,
}

impl Sandbox {
    /// Compiles `component` and links it to `wasi:io`, `wasi:clocks/monotonic-clock`,
    /// `wasi:cli/environment`, and the client side of `wasi:http`. Nothing else is linked.
    ///
    /// # Errors
    /// If it is not a component of this contract, or if it imports anything else.
    pub(crate) fn new(
        component: &[u8],
        policy: Policy,
        outbound: Outbound,
    ) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .epoch_interruption(true)
            .cache(cache::of_user());
        // Debug information makes the compiled code half as large again, and all of it is read from
        // the cache at each start. On Windows, Wasmtime requires unwind information.
        config
            .generate_address_map(false)
            .native_unwind_info(cfg!(windows));
        config.allocation_strategy(pool(&policy.limits));
        // A pool reserves address space. If the system does not grant it (`ulimit -v`, small
        // containers), instances are allocated one by one, which takes twice as long.
        let engine = Engine::new(&config).or_else(|_| {
            Engine::new(config.allocation_strategy(InstanceAllocationStrategy::OnDemand))
        })?;
        let component = Component::from_binary(&engine, component)?;
        let component = ExportsPre::new(linker(&engine)?.instantiate_pre(&component)?)?;
        tick(&engine)?;
        Ok(Self {
            engine,
            component,
            policy,
            outbound: Arc::new(outbound),
        })
    }

    /// The policy of all instances.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A fresh instance, and the store that holds everything it has. `detected_api` is the
    /// version of Homer's API that an earlier instance detected. `meter` learns what its requests
    /// cost; without one, the instance may send none.
    ///
    /// # Errors
    /// If instantiation exceeds a limit.
    pub(crate) async fn instantiate(
        &self,
        detected_api: Option<Api>,
        meter: Option<Meter>,
    ) -> wasmtime::Result<(Store<Guest>, Exports)> {
        let limits = &self.policy.limits;
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_FIELDS_BYTES);
        let environment = self.policy.environment.variables(detected_api);
        let outbound = InstanceOutbound::new(&self.outbound, meter);
        let unread = outbound.unread().clone();
        let guest = Guest {
            table,
            wasi: WasiCtx::builder().envs(&environment).build(),
            http,
            outbound,
            memory: MemoryLimit {
                bytes: limits.memory_bytes,
                used: 0,
                unread,
            },
        };
        let mut store = Store::new(&self.engine, guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        store.set_epoch_deadline(1);
        // A component that computes yields at each tick, so that `Deadline::run` can stop it.
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        let exports = self.component.instantiate_async(&mut store).await?;
        Ok((store, exports))
    }
}

/// Memories, tables and stacks for as many instances as there may be concurrent exports and
/// readers. They are reused.
fn pool(limits: &Limits) -> InstanceAllocationStrategy {
    let exports = limits.concurrent_exports.max(MAX_AT_ONCE);
    let instances = exports.saturating_add(MAX_READERS);
    let instances = u32::try_from(instances).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    // The same numbers that the resource limiter allows for each instance.
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(INSTANCES))
        .total_memories(instances.saturating_mul(MEMORIES))
        .total_tables(instances.saturating_mul(TABLES))
        .total_stacks(instances)
        .max_core_instances_per_component(INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .table_elements(MAX_TABLE_ELEMENTS)
        // The limiter has to be the one that refuses more memory: its error names the limit.
        .max_memory_size(limits.memory_bytes.max(MIN_POOLED_MEMORY))
        .linear_memory_keep_resident(KEPT_MEMORY)
        .table_keep_resident(KEPT_TABLE);
    pool.into()
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    use wasmtime_wasi::p2::bindings::{cli, clocks};

    let mut linker = Linker::new(engine);
    wasmtime_wasi_io::add_to_linker_async(&mut linker)?;
    clocks::monotonic_clock::add_to_linker::<Guest, WasiClocks>(&mut linker, Guest::clocks)?;
    cli::environment::add_to_linker::<Guest, WasiCli>(&mut linker, Guest::cli)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    // wasmtime-wasi-http 48.0.8 implements `http-error-code` with a downcast to another type than
    // the one it stores, so it always returns `none`. A limit, a timeout and a closed connection
    // would look the same to a component. This replaces the function.
    linker.allow_shadowing(true);
    linker.instance("wasi:http/types@0.2.12")?.func_wrap(
        "http-error-code",
        |store: StoreContextMut<'_, Guest>, (error,): (Resource<wasmtime::Error>,)| {
            Ok((outbound::body_error_code(store.data().table.get(&error)?),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// Starts a thread that increments the epoch of the engine until the engine is dropped.
fn tick(engine: &Engine) -> wasmtime::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("epoch".to_string())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })?;
    Ok(())
}

/// Everything that an instance has.
pub(crate) struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: InstanceOutbound,
    memory: MemoryLimit,
}

impl Guest {
    /// What the host noticed about the transfers of this instance.
    pub(crate) fn transfer_notes(&self) -> TransferNotes {
        self.outbound.notes()
    }

    /// From now on, hashes each response that may be a capture.
    pub(crate) fn hash_responses(&mut self) {
        self.outbound.hash_responses();
    }

    /// The last response that was received to its end, if responses are hashed.
    pub(crate) fn last_response(&self) -> Option<HashedResponse> {
        self.outbound.last_response()
    }
}

impl Guest {
    /// Sets the number of requests that the instance may send, inclusive.
    pub(crate) fn allow_requests(&mut self, max_requests: u32) {
        self.outbound.allow_requests(max_requests);
    }
}

impl IoView for Guest {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
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
            hooks: &mut self.outbound,
        }
    }
}

/// The limit of the sandbox that stopped a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitExceeded {
    /// It requested more memory.
    Memory {
        /// The limit in bytes, inclusive.
        limit: usize,
        /// The size in bytes that its memory would have had.
        wanted: usize,
    },
    /// It used more CPU time in one call.
    Cpu {
        /// The limit.
        limit: Duration,
    },
    /// It returned more bytes than a response body may have.
    Output {
        /// The limit in bytes, inclusive.
        limit: u64,
    },
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { limit, wanted } => write!(
                f,
                "the component requested {wanted} bytes of memory; the limit is {limit} bytes"
            ),
            Self::Cpu { limit } => {
                let ms = limit.as_millis();
                write!(
                    f,
                    "the component exceeded the limit of {ms} ms of CPU time in one call"
                )
            }
            Self::Output { limit } => write!(
                f,
                "the component returned more than {limit} bytes, the limit of a response body"
            ),
        }
    }
}

impl std::error::Error for LimitExceeded {}

/// Counts the bytes of all memories of an instance, and those of responses that the host holds for
/// it, against one limit.
struct MemoryLimit {
    bytes: usize,
    used: usize,
    unread: Unread,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        let wanted = used.saturating_add(self.unread.get());
        if wanted > self.bytes {
            return Err(LimitExceeded::Memory {
                limit: self.bytes,
                wanted,
            }
            .into());
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}
