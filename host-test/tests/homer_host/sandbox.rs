use std::sync::OnceLock;
use std::time::{Duration, Instant};

use homer_export::ExportError;
use homer_export::homer::login::LOGIN_PATH;
use homer_export::homer::search::SEARCH_PATH;
use homer_export::homer::v7::EXPORT_PATH;
use homer_export::homer::v11;
use homer_host::{
    BaseUrl, CallFilterFields, ComponentEnvironment, Exporter, Failure, LimitExceeded, Limits,
    Policy,
};
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, ComponentValType,
    InstanceType, PrimitiveValType,
};

use host_test::calls::{allow, request};
use host_test::server::{Server, Then};

fn misbehaving() -> &'static [u8] {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    COMPONENT.get_or_init(|| xtask::artifact::build_package("misbehaving").unwrap())
}

pub(crate) fn sandbox(policy: Policy) -> Exporter {
    Exporter::with_component(misbehaving(), policy).unwrap()
}

/// What the component reports after it did what `command` says.
async fn reported(exporter: &Exporter, command: &str) -> String {
    match exporter.open(&request(command)).await.unwrap_err() {
        Failure::Export(ExportError::NothingCaptured { message, .. }) => message,
        failure => panic!("{failure}"),
    }
}

/// Asserts that the host serves the next export with a fresh instance.
async fn assert_alive(exporter: &Exporter) {
    assert_eq!(reported(exporter, "arguments").await, "[]");
}

#[tokio::test]
async fn sandbox_allows_one_origin_and_denies_another_port_of_the_host() {
    let response = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    let (allowed, other) = (
        Server::start(response, Then::Serve).await,
        Server::start(response, Then::Serve).await,
    );
    let exporter = sandbox(Policy {
        allowed: vec![allow(&allowed.url)],
        ..Policy::default()
    });

    assert_eq!(
        reported(&exporter, &format!("post {}{EXPORT_PATH}", allowed.url)).await,
        "status 204"
    );
    let port = allowed.url.rsplit(':').next().unwrap();
    for refused in [
        other.url.clone(),
        format!("http://localhost:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("http://user@127.0.0.1:{port}"),
        "http://127.0.0.1".to_string(),
    ] {
        assert_eq!(
            reported(&exporter, &format!("post {refused}{EXPORT_PATH}")).await,
            "ErrorCode::HttpRequestDenied",
            "{refused}"
        );
    }
    assert_eq!((allowed.connections(), other.connections()), (1, 0));
}

#[tokio::test]
async fn sandbox_allows_posts_to_the_endpoints_and_nothing_else() {
    let response = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(response, Then::Serve).await;
    let below = format!("{}/homer", server.url);
    let policy = |own_credentials| Policy {
        allowed: vec![allow(&below)],
        own_credentials,
        ..Policy::default()
    };
    let exporter = sandbox(policy(false));
    let endpoints = [EXPORT_PATH, v11::EXPORT_PATH, SEARCH_PATH];
    for path in endpoints {
        let command = format!("post {below}{path}");
        assert_eq!(reported(&exporter, &command).await, "status 204", "{path}");
    }
    let search = format!("{below}{SEARCH_PATH}");
    for refused in [
        format!("get {search}"),
        format!("post {search}?limit=1"),
        format!("post {search}/"),
        format!("post {below}/x/../api/v3/search/call/data"),
        format!("post {}/", below),
        format!("post {}{SEARCH_PATH}", server.url),
        format!("post {below}/api/v3/search/call/message"),
        format!("post {below}/api/v3/users"),
        format!("post {below}{LOGIN_PATH}"),
    ] {
        let outcome = reported(&exporter, &refused).await;
        assert_eq!(outcome, "ErrorCode::HttpRequestDenied", "{refused}");
    }
    assert_eq!(server.requests().len(), endpoints.len());
    // A component with a credential of its own has to log in.
    let exporter = sandbox(policy(true));
    let login = format!("post {below}{LOGIN_PATH}");
    assert_eq!(reported(&exporter, &login).await, "status 204");
}

#[tokio::test]
async fn sandbox_shows_no_unprintable_character_of_a_component() {
    let exporter = sandbox(Policy::default());
    assert_eq!(
        reported(&exporter, "hide").await,
        "a\u{fffd}[31mb\u{fffd}c\u{fffd}d"
    );
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn sandbox_limits_the_requests_of_an_export() {
    let response = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(response, Then::Serve).await;
    let exporter = sandbox(Policy {
        allowed: vec![allow(&server.url)],
        limits: Limits {
            export_requests: 3,
            ..Limits::default()
        },
        ..Policy::default()
    });
    let command = format!("posts {}{SEARCH_PATH}", server.url);
    // Each export has a number of its own.
    for _ in 0..2 {
        let outcome = reported(&exporter, &command).await;
        assert!(
            outcome.starts_with("3 times, then ")
                && outcome.contains("more than 3 requests of one export or search"),
            "{outcome}"
        );
    }
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn sandbox_shows_only_the_environment_of_the_policy() {
    let environment = ComponentEnvironment {
        homer: Some(BaseUrl::parse("http://homer").unwrap()),
        ..ComponentEnvironment::default()
    };
    let exporter = sandbox(Policy {
        environment,
        ..Policy::default()
    });
    // This process has a PATH at least.
    assert!(std::env::var_os("PATH").is_some());
    assert_eq!(
        reported(&exporter, "environment").await,
        "[(\"HOMER_URL\", \"http://homer\")]"
    );
    assert_eq!(
        reported(&sandbox(Policy::default()), "environment").await,
        "[]"
    );
}

#[test]
fn sandbox_refuses_a_component_that_imports_files() {
    // (component (import "wasi:filesystem/preopens@0.2.12" (instance (export "get-directories"
    // (func (result u32))))))
    let mut files = InstanceType::new();
    files
        .ty()
        .function()
        .params([] as [(&str, ComponentValType); 0])
        .result(Some(PrimitiveValType::U32.into()));
    files.export("get-directories", ComponentTypeRef::Func(0));
    let mut types = ComponentTypeSection::new();
    types.instance(&files);
    let mut imports = ComponentImportSection::new();
    imports.import(
        "wasi:filesystem/preopens@0.2.12",
        ComponentTypeRef::Instance(0),
    );
    let mut component = Component::new();
    component.section(&types).section(&imports);

    let error = Exporter::with_component(&component.finish(), Policy::default()).unwrap_err();
    assert!(
        format!("{error:#}").contains("wasi:filesystem/preopens@0.2.12"),
        "{error:#}"
    );
}

#[tokio::test]
async fn sandbox_forbids_a_component_to_set_a_credential() {
    let mut policy = Policy {
        allowed: vec![allow("http://127.0.0.1:9")],
        ..Policy::default()
    };
    policy.allowed[0].credential =
        Some(homer_export::Credential::api_token("X-Homer-Key", "s3cret").unwrap());
    let exporter = sandbox(policy);
    for forbidden in [
        "authorization",
        "Cookie",
        "x-homer-key",
        "host",
        "transfer-encoding",
        // No credential, but nothing that the component needs.
        "accept",
    ] {
        assert_eq!(
            reported(&exporter, &format!("set {forbidden}")).await,
            "Err(HeaderError::Forbidden)",
            "{forbidden}"
        );
    }
    let allowed = reported(&exporter, "set content-type").await;
    assert_eq!(allowed, "Ok(())");
}

#[tokio::test]
async fn sandbox_stops_an_endless_loop_by_its_cpu_time() {
    let cpu = Duration::from_millis(100);
    let exporter = sandbox(Policy {
        limits: Limits {
            cpu,
            ..Limits::default()
        },
        ..Policy::default()
    });
    let failure = exporter.open(&request("loop")).await.unwrap_err();
    assert_eq!(failure, Failure::Limit(LimitExceeded::Cpu { limit: cpu }));
    assert_eq!(
        failure.to_string(),
        "stopped by the sandbox: the component exceeded the limit of 100 ms of CPU time in one call"
    );
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn sandbox_stops_an_endless_loop_by_the_deadline() {
    let limits = Limits {
        deadline: Duration::from_millis(100),
        ..Limits::default()
    };
    let exporter = sandbox(Policy {
        limits,
        ..Policy::default()
    });
    let failure = exporter.open(&request("loop")).await.unwrap_err();
    let why = "the export exceeded the host's deadline of 100 ms; narrow the window, or raise \
        HOMER_EXPORT_DEADLINE_MS";
    assert_eq!(
        failure,
        Failure::Export(ExportError::TimedOut(why.to_string()))
    );
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn sandbox_stops_an_endless_loop_of_a_dropped_export() {
    let exporter = sandbox(Policy::default());
    let left =
        tokio::time::timeout(Duration::from_millis(50), exporter.open(&request("loop"))).await;
    assert!(left.is_err());
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn sandbox_stops_an_endless_loop_of_a_search() {
    let filter = CallFilterFields {
        caller: Some("loop".to_string()),
        ..CallFilterFields::default()
    };
    let cpu = Duration::from_millis(100);
    let mut limits = Limits {
        cpu,
        concurrent_exports: 1,
        ..Limits::default()
    };
    let limited = |limits| {
        sandbox(Policy {
            limits,
            ..Policy::default()
        })
    };
    let exporter = limited(limits);
    let failure = exporter.find_calls(&filter).await.unwrap_err();
    assert_eq!(failure, Failure::Limit(LimitExceeded::Cpu { limit: cpu }));
    // Its permit is free again.
    assert_alive(&exporter).await;
    limits.cpu = Duration::from_secs(10);
    limits.deadline = Duration::from_millis(100);
    let exporter = limited(limits);
    let failure = exporter.find_calls(&filter).await.unwrap_err();
    let why = "timed-out: the search exceeded the host's deadline of 100 ms; narrow the window, or \
        raise HOMER_EXPORT_DEADLINE_MS";
    assert_eq!(failure.to_string(), why);
    let left = tokio::time::timeout(Duration::from_millis(50), exporter.find_calls(&filter)).await;
    assert!(left.is_err());
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn sandbox_stops_a_component_at_its_memory_limit() {
    let limits = Limits {
        memory_bytes: 8 << 20,
        ..Limits::default()
    };
    let exporter = sandbox(Policy {
        limits,
        ..Policy::default()
    });
    let failure = exporter.open(&request("grow")).await.unwrap_err();
    let Failure::Limit(LimitExceeded::Memory { limit, wanted }) = failure else {
        panic!("{failure}")
    };
    assert_eq!(limit, 8 << 20);
    assert!(wanted > limit);
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn sandbox_limits_the_bytes_that_a_component_returns() {
    let limits = Limits {
        response_bytes: 1000,
        ..Limits::default()
    };
    let exporter = sandbox(Policy {
        limits,
        ..Policy::default()
    });
    let mut export = exporter.open(&request("trickle")).await.unwrap();
    for _ in 0..10 {
        assert_eq!(export.next().await.unwrap().unwrap().len(), 100);
    }
    let failure = export.next().await.unwrap_err();
    assert_eq!(
        failure,
        Failure::Limit(LimitExceeded::Output { limit: 1000 })
    );
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn sandbox_limits_the_handles_of_a_component() {
    let exporter = sandbox(Policy::default());
    let failure = exporter.open(&request("hoard")).await.unwrap_err();
    assert!(matches!(failure, Failure::Trap(_)), "{failure}");
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn sandbox_limits_the_bytes_of_one_call() {
    let exporter = sandbox(Policy::default());
    let mut export = exporter.open(&request("flood")).await.unwrap();
    let failure = export.next().await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Trap(why) if why.contains("fuel allocated for hostcalls")),
        "{failure}"
    );
    // A store that trapped is not entered again.
    assert_eq!(
        export.next().await.unwrap_err(),
        Failure::Misuse("the export is over: an earlier call failed or was dropped")
    );
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn sandbox_distinguishes_a_trap_from_an_error() {
    let exporter = sandbox(Policy::default());
    let failure = exporter.open(&request("trap")).await.unwrap_err();
    assert!(matches!(failure, Failure::Trap(_)), "{failure}");
    assert!(
        failure
            .to_string()
            .starts_with("the component failed; this is a bug in homer-export: ")
    );
    assert_alive(&exporter).await;
}

#[tokio::test]
async fn sandbox_shortens_the_timeouts_that_a_component_asks_for() {
    let silent = Server::start("", Then::Hold).await;
    let limits = Limits {
        first_byte: Duration::from_millis(100),
        ..Limits::default()
    };
    let exporter = sandbox(Policy {
        allowed: vec![allow(&silent.url)],
        limits,
        ..Policy::default()
    });
    let begin = Instant::now();
    assert_eq!(
        reported(&exporter, &format!("post {}{EXPORT_PATH}", silent.url)).await,
        "ErrorCode::ConnectionReadTimeout"
    );
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_alive(&exporter).await;
}
