//! Conversions of a reading and of its result from and to the bindings of the contract
//! (`homer:capture/capture-reader`).

/// Implements [`Convert`](crate::record::Convert) for the component: what is to be read to the
/// library, and what was found to the types of `$bindings`, a module of generated bindings that is
/// in scope.
#[macro_export]
macro_rules! reader_to_bindings {
    ($bindings:ident) => {
        $crate::convert_ladder_query!($bindings::LadderQuery => $crate::reader::LadderQuery);
        $crate::convert_message_query!($bindings::MessageQuery => $crate::reader::MessageQuery);
        $crate::convert_ladder_page!($crate::reader::LadderPage => $bindings::LadderPage);
        $crate::convert_packet_message!($crate::reader::PacketMessage => $bindings::PacketMessage);
        $crate::convert_call_comparison!(
            $crate::reader::CallComparison => $bindings::CallComparison
        );
    };
}

/// The same for a host: what is to be read to the bindings, and what was found to the library.
#[macro_export]
macro_rules! reader_from_bindings {
    ($bindings:ident) => {
        $crate::convert_ladder_query!($crate::reader::LadderQuery => $bindings::LadderQuery);
        $crate::convert_message_query!($crate::reader::MessageQuery => $bindings::MessageQuery);
        $crate::convert_ladder_page!($bindings::LadderPage => $crate::reader::LadderPage);
        $crate::convert_packet_message!($bindings::PacketMessage => $crate::reader::PacketMessage);
        $crate::convert_call_comparison!(
            $bindings::CallComparison => $crate::reader::CallComparison
        );
    };
}
