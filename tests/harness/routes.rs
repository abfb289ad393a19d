//! Small dynamic configurations, written once.

use std::fmt::Write;

/// Each name is a host `<name>.test`, plain and over TLS, that leads to the backend of this name.
pub(crate) fn routes(names: &[&str]) -> String {
    let mut text = String::from("http:\n  routers:\n");
    for name in names {
        writeln!(text, "    {name}: {{ rule: 'Host(`{name}.test`)', service: {name} }}").unwrap();
    }
    text + "  services:\n" + &services(names)
}

/// The entries of `http.services` alone, indented to stand there.
pub(crate) fn services(names: &[&str]) -> String {
    names.iter().map(|name| service(name, name)).collect()
}

/// One service of one server: the port of this backend or entry point.
pub(crate) fn service(name: &str, port: &str) -> String {
    format!("    {name}: {{ loadBalancer: {{ servers: [{{ url: 'http://127.0.0.1:<{port}>' }}] }} }}\n")
}
