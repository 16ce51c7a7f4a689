use homer_export::{BaseUrl, Origin};

#[test]
fn origin_accepts_scheme_host_and_port() {
    for (text, shown, host, port) in [
        ("http://homer", "http://homer", "homer", 80),
        (
            "https://Homer.Example.COM",
            "https://homer.example.com",
            "homer.example.com",
            443,
        ),
        ("http://homer:9080", "http://homer:9080", "homer", 9080),
        ("https://homer:443/", "https://homer", "homer", 443),
        ("http://192.0.2.7:80", "http://192.0.2.7", "192.0.2.7", 80),
        (
            "http://[2001:DB8::1]:9080",
            "http://[2001:db8::1]:9080",
            "2001:db8::1",
            9080,
        ),
        ("HTTP://[::1]", "http://[::1]", "::1", 80),
    ] {
        let origin = Origin::parse(text).unwrap();
        assert_eq!(
            (origin.to_string().as_str(), origin.host(), origin.port()),
            (shown, host, port),
            "{text}"
        );
    }
}

#[test]
fn origin_tells_ports_and_schemes_apart() {
    let origin = Origin::parse("http://homer:9080").unwrap();
    assert_eq!(origin, Origin::parse("http://HOMER:9080/").unwrap());
    for other in [
        "http://homer:9081",
        "http://homer",
        "https://homer:9080",
        "http://homer.:9080",
    ] {
        assert_ne!(origin, Origin::parse(other).unwrap(), "{other}");
    }
}

#[test]
fn origin_refuses_anything_else_and_never_shows_it() {
    for (text, why) in [
        (
            "homer:9080",
            "it is not a URL; expected <scheme>://<host>[:<port>], for example http://homer:9080",
        ),
        ("ftp://homer", "its scheme is neither http nor https"),
        (
            "http://",
            "its host is not a name or an address; expected <scheme>://<host>[:<port>]",
        ),
        (
            "http://ho mer",
            "its host is not a name or an address; expected <scheme>://<host>[:<port>]",
        ),
        (
            "http://user:secret@homer",
            "it contains a user name; set the credential separately",
        ),
        ("http://homer:secret", "its port is not a number"),
        ("http://homer:", "its port is not a number"),
        ("http://homer:+80", "its port is not a number"),
        ("http://homer:0", "its port is 0; expected 1 to 65535"),
        (
            "http://homer:65536",
            "its port is 65536; expected 1 to 65535",
        ),
        (
            "http://[2001:db8::1",
            "its host is not an IPv6 address in brackets",
        ),
        (
            "http://[homer]",
            "its host is not an IPv6 address in brackets",
        ),
        (
            "http://homer/path",
            "it has a path; expected <scheme>://<host>[:<port>]",
        ),
        (
            "http://homer?secret",
            "it has a query or fragment; give only the base URL",
        ),
    ] {
        assert_eq!(Origin::parse(text), Err(why.to_string()), "{text}");
        assert!(!why.contains("secret"));
    }
}

#[test]
fn base_url_keeps_a_prefix_and_drops_the_api() {
    for (text, path) in [
        ("http://homer", "/api/v3/x"),
        ("http://homer/", "/api/v3/x"),
        ("http://homer/api/v3", "/api/v3/x"),
        ("http://homer/api/v3/", "/api/v3/x"),
        ("http://proxy/homer", "/homer/api/v3/x"),
        ("http://proxy/homer/api/v4/", "/homer/api/v3/x"),
        ("http://proxy/a/b/", "/a/b/api/v3/x"),
    ] {
        assert_eq!(
            BaseUrl::parse(text).unwrap().path("/api/v3/x"),
            path,
            "{text}"
        );
    }
}

#[test]
fn base_url_refuses_paths_that_lead_elsewhere() {
    for text in [
        "http://h/../x",
        "http://h/a//b",
        "http://h/./a",
        "http://h/a b",
        "http://h/a\r\nHost: x",
    ] {
        let why = "its path contains a space, a dot segment, a double slash or a character that needs \
             escaping";
        assert_eq!(BaseUrl::parse(text), Err(why.to_string()), "{text}");
    }
}
