//! The address of `--http`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Parses the value of `--http`: a port, which means 127.0.0.1, or an IP address or `localhost`
/// with a port.
///
/// Other host names are refused: one may have several addresses, and a server that listens on
/// another one than its operator meant may be reachable from outside.
///
/// # Errors
/// What is expected, with examples.
pub(crate) fn parse_listen_address(text: &str) -> Result<SocketAddr, String> {
    let on_loopback = |port: &str| {
        let port = port.parse().ok()?;
        Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    };
    let port = match text.split_once(':') {
        Some((host, port)) if host.eq_ignore_ascii_case("localhost") => port,
        _ => text,
    };
    on_loopback(port)
        .or_else(|| text.parse().ok())
        .ok_or_else(|| {
            "expected a port, or an IP address with a port; for example 8080 for this machine \
             alone (127.0.0.1:8080), 0.0.0.0:8080 for all IPv4 addresses, or [::]:8080 for IPv6"
                .to_string()
        })
}

#[cfg(test)]
mod tests {
    use super::parse_listen_address;

    #[test]
    fn listen_address_may_be_a_port_alone() {
        for (text, address) in [
            ("8080", "127.0.0.1:8080"),
            ("localhost:8080", "127.0.0.1:8080"),
            ("LOCALHOST:0", "127.0.0.1:0"),
            ("0.0.0.0:8080", "0.0.0.0:8080"),
            ("[::1]:8080", "[::1]:8080"),
        ] {
            let parsed = parse_listen_address(text).map(|address| address.to_string());
            assert_eq!(parsed, Ok(address.to_string()), "{text}");
        }
        for text in [
            "",
            ":8080",
            "localhost",
            "127.0.0.1",
            "70000",
            "homer:8080",
            "-1",
        ] {
            let why = parse_listen_address(text).err();
            assert!(
                why.is_some_and(|why| why.contains("for example 8080")),
                "{text}"
            );
        }
    }
}
