//! The bindings of a component's world, the same for every component.

/// Generates the bindings of a world of `wit/homer-capture.wit` in a module `bindings`, and exports
/// a type that implements them.
///
/// The `wasi:*` interfaces are those of the `wasi` crate, so that the library's [`crate::wasi`] and
/// the component share their types. Those that only some worlds import follow after `with`.
#[macro_export]
macro_rules! component {
    ($world:literal, $implementation:ident $(, with $($more:tt)*)?) => {
        // A function of a world may have any number of parameters: gateways pass no records.
        #[allow(clippy::too_many_arguments, reason = "generated code")]
        mod bindings {
            wit_bindgen::generate!({
                world: $world,
                path: "../../wit",
                with: {
                    "wasi:cli/environment@0.2.12": wasi::cli::environment,
                    "wasi:clocks/monotonic-clock@0.2.12": wasi::clocks::monotonic_clock,
                    "wasi:http/outgoing-handler@0.2.12": wasi::http::outgoing_handler,
                    "wasi:http/types@0.2.12": wasi::http::types,
                    "wasi:io/error@0.2.12": wasi::io::error,
                    "wasi:io/poll@0.2.12": wasi::io::poll,
                    "wasi:io/streams@0.2.12": wasi::io::streams,
                    $($($more)*)?
                },
            });

            super::bindings::export!($implementation with_types_in self);

            use super::$implementation;
        }
    };
}
