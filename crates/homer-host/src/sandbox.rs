//! A fresh instance of a component in a fresh store: nothing in it but what the policy gives.

use std::fmt;
use std::time::Duration;

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

use crate::cache;
use crate::outbound::{self, Outbound};
use crate::policy::{Limits, Policy};

mod bindings {
    //! The component's exports alone: its imports are linked below, one by one.

    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package homer:host;
            world exports {
                export homer:capture/types@0.2.0;
                export homer:capture/homer-export-stream@0.2.0;
            }
        ",
        world: "homer:host/exports",
        exports: { default: async },
    });
}

pub(crate) use bindings::exports::homer::capture::{homer_export_stream as stream, types};
pub(crate) use bindings::{Exports, ExportsPre};

/// How often the clock that bounds computing ticks.
const TICK: Duration = Duration::from_millis(10);

/// Bytes that a component may hand to the host in one call: a read of 256 KiB and what surrounds
/// it.
const HOSTCALL_BYTES: usize = 4 * 1024 * 1024;

/// Handles that a component may hold at once; an export needs about a dozen.
const MAX_HANDLES: usize = 256;

// A component that wit-component made has three core instances, with one memory and two tables
// between them.

/// Core instances in a component.
const INSTANCES: u32 = 8;

/// Memories in a component.
const MEMORIES: u32 = 2;

/// Bytes of a memory in the pool, at least: room for what a component begins with.
const MIN_POOLED_MEMORY: usize = 16 * 1024 * 1024;

/// Tables in a component.
const TABLES: u32 = 4;

/// Entries of a table: functions, a few hundred in ours, and their tables do not grow.
const MAX_TABLE_ELEMENTS: usize = 10_000;

/// Bytes of a memory, and of a table, that are wiped for the next instance rather than given back
/// to the system, which would bring them again page by page: what a small export touches.
const KEPT_MEMORY: usize = 512 * 1024;
const KEPT_TABLE: usize = 64 * 1024;

/// Bytes of header fields that a component may put into one list, which the host keeps for it.
const MAX_FIELDS_BYTES: usize = 16 * 1024;

/// A compiled component and what every instance of it gets.
pub(crate) struct Sandbox {
    engine: Engine,
    component: ExportsPre<Guest>,
    policy: Policy,
    outbound: Outbound,
}

impl Sandbox {
    /// Compiles `component` and links it: to `wasi:io`, `wasi:clocks/monotonic-clock`,
    /// `wasi:cli/environment` and `wasi:http` as a client, nothing else.
    ///
    /// # Errors
    /// If it is no component of this contract, or imports anything else.
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
        // What a debugger would want to know of the machine code takes half as much room again, to
        // be read at every start. Windows demands the second.
        config
            .generate_address_map(false)
            .native_unwind_info(cfg!(windows));
        config.allocation_strategy(pool(&policy.limits));
        // Where the system gives no room for a pool, instances are made anew each time, which takes
        // twice as long.
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
            outbound,
        })
    }

    /// The way out that instances share.
    pub(crate) fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// A fresh instance, and the store that holds all it has. `learned`, a name and a value, is put
    /// in the place of the variable of that name in the environment, if that says `auto`.
    ///
    /// # Errors
    /// If instantiation hits a limit.
    pub(crate) async fn instantiate(
        &self,
        learned: Option<(&str, &str)>,
    ) -> wasmtime::Result<(Store<Guest>, Exports)> {
        let limits = &self.policy.limits;
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_FIELDS_BYTES);
        let environment: Vec<(&str, &str)> = self
            .policy
            .environment
            .iter()
            .map(|(name, value)| match learned {
                Some((learned, known)) if name == learned && value == "auto" => (learned, known),
                _ => (name.as_str(), value.as_str()),
            })
            .collect();
        let guest = Guest {
            table,
            wasi: WasiCtx::builder().envs(&environment).build(),
            http,
            outbound: self.outbound.for_instance(),
            memory: MemoryLimit {
                bytes: limits.memory_bytes,
                used: 0,
            },
        };
        let mut store = Store::new(&self.engine, guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        store.set_epoch_deadline(1);
        // A component that computes gives way at every tick, so that its bounds can be looked at.
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        let exports = self.component.instantiate_async(&mut store).await?;
        Ok((store, exports))
    }
}

/// Memories, tables and stacks for as many instances as there are exports at once, to be used
/// again.
fn pool(limits: &Limits) -> InstanceAllocationStrategy {
    let exports = u32::try_from(limits.concurrent_exports).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    // What the resource limiter allows for each.
    pool.total_component_instances(exports)
        .total_core_instances(exports.saturating_mul(INSTANCES))
        .total_memories(exports.saturating_mul(MEMORIES))
        .total_tables(exports.saturating_mul(TABLES))
        .total_stacks(exports)
        .max_core_instances_per_component(INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .table_elements(MAX_TABLE_ELEMENTS)
        // The limiter is the one to say that a component wants too much.
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
    // wasmtime-wasi-http 48.0.8 looks for another type than the one it keeps, and so never tells a
    // component what broke a body off: a limit, a timeout and a closed connection would all be the
    // same.
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

/// Moves the engine's epoch on, for as long as there is an engine.
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

/// All that an instance has.
pub(crate) struct Guest {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    memory: MemoryLimit,
}

impl Guest {
    /// Whether the end of a capture could not be proven.
    pub(crate) fn end_is_unproven(&self) -> bool {
        self.outbound.end_is_unproven()
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

/// A limit of the sandbox that ended a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitExceeded {
    /// It asked for more memory.
    Memory {
        /// The limit in bytes, inclusive.
        limit: usize,
        /// What it would have had, in bytes.
        wanted: usize,
    },
    /// It computed for too long in one call.
    Cpu {
        /// The limit.
        limit: Duration,
    },
    /// It handed over more bytes than a reply may have.
    Output {
        /// The limit in bytes, inclusive.
        limit: u64,
    },
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { limit, wanted } => {
                write!(
                    f,
                    "the component wanted {wanted} bytes of memory, the sandbox allows {limit}"
                )
            }
            Self::Cpu { limit } => {
                let ms = limit.as_millis();
                write!(
                    f,
                    "the component computed for more than {ms} ms in one call, the sandbox allows no more"
                )
            }
            Self::Output { limit } => {
                write!(
                    f,
                    "the component handed over more than {limit} bytes, more than any reply may have"
                )
            }
        }
    }
}

impl std::error::Error for LimitExceeded {}

/// Counts all memories of an instance together.
struct MemoryLimit {
    bytes: usize,
    used: usize,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.used.saturating_add(desired.saturating_sub(current));
        if wanted > self.bytes {
            return Err(LimitExceeded::Memory {
                limit: self.bytes,
                wanted,
            }
            .into());
        }
        self.used = wanted;
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
