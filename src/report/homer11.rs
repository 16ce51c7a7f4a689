//! Warnings about captures of HOMER 11, from its source (docs/homer.md §9.5).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

/// The addresses that HOMER 11 writes in place of a source and a destination that it cannot read.
const UNREADABLE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
];

/// The warnings that apply. `backwards` says whether the packets are not in the order of time.
pub(super) fn warnings(
    addresses: impl Iterator<Item = IpAddr> + Clone,
    backwards: bool,
    duplicates: u64,
) -> Vec<String> {
    let has = |wanted: fn(IpAddr) -> bool| addresses.clone().any(wanted);
    let applies = [
        (
            backwards || duplicates > 0,
            "HOMER 11 appends the rows of its database nodes as they arrive: packets may be out of \
             order, or twice in the file because two nodes hold them",
        ),
        (
            has(|address| UNREADABLE.contains(&address)),
            "127.0.0.1 and 127.0.0.2 may stand for addresses that HOMER 11 could not read, and \
             port 5060 for a port that it did not know",
        ),
        (
            has(is_from_other_family),
            "0.0.0.0 stands for an IPv6 address, and an address below ::ffff:0:0/96 for an IPv4 \
             address: HOMER 11 writes one IP version per packet",
        ),
    ];
    applies
        .into_iter()
        .filter(|(applies, _)| *applies)
        .map(|(_, warning)| warning.to_string())
        .collect()
}

/// Whether the destination of a packet had another IP version than its source.
fn is_from_other_family(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_unspecified(),
        IpAddr::V6(address) => address.to_ipv4_mapped().is_some(),
    }
}
