//! What the demo says when it begins: where it is, what to try, which file to change.

use std::path::{Path, PathBuf};

/// Where everything is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    /// The running program, as a shell finds it.
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) port: u16,
    pub(super) tls_port: u16,
    pub(super) api_port: u16,
    /// The manifests have just been written.
    pub(super) is_new: bool,
}

/// A line for the shell, and what it shows.
type Attempt = (&'static str, String);

/// The whole text.
pub(super) fn text(places: Places<'_>) -> String {
    let Places { folder, port, tls_port, api_port, is_new, .. } = places;
    let folder_text = folder.display();
    let written = if is_new { "written just now, " } else { "" };
    let mut text = format!(
        "Portcullis demo, on this machine only. Ctrl-C ends it.\n\n  \
         plain   http://shop.localhost:{port}/\n  \
         TLS     https://shop.localhost:{tls_port}/ (with a generated certificate)\n  \
         API     http://127.0.0.1:{api_port}/api/overview\n  \
         routes  {folder_text}/*.yaml ({written}watched)\n\n\
         In another terminal:\n"
    );
    for (what, line) in attempts(places) {
        text.push_str(&format!("\n  # {what}\n  {line}\n"));
    }
    text.push_str(&format!(
        "\nChange a route while it runs: in {canary} give both services the weight 50, save,\n\
         and run the canary's line again. Routes are in {routes}, middlewares in {middlewares}.\n",
        canary = folder.join("canary.yaml").display(),
        routes = folder.join("routes.yaml").display(),
        middlewares = folder.join("middlewares.yaml").display(),
    ));
    text
}

fn attempts(places: Places<'_>) -> Vec<Attempt> {
    let Places { folder, port, tls_port, api_port, .. } = places;
    let program = quoted(places.program);
    let plain = |path: &str| format!("-H 'Host: shop.localhost' http://127.0.0.1:{port}{path}");
    let named = |scheme: &str, port: u16, path: &str| {
        format!("--resolve shop.localhost:{port}:127.0.0.1 {scheme}://shop.localhost:{port}{path}")
    };
    let api = format!("http://127.0.0.1:{api_port}");
    vec![
        ("The shop. The answer names the backend and shows what it saw.", format!("curl {}", plain("/"))),
        (
            "The canary: of 20 requests about 18 go to version 1 and 2 to version 2.",
            format!("for i in $(seq 20); do curl -s {} | grep name: ; done | sort | uniq -c", plain("/")),
        ),
        (
            "TLS: -k, since nobody vouches for the certificate.",
            format!("curl -k {}", named("https", tls_port, "/")),
        ),
        (
            "The rate limit: 200 three times, then 429; one more is let through every ten seconds.",
            format!(
                "for i in $(seq 5); do curl -s -o /dev/null -w '%{{http_code}}\\n' {}; done",
                plain("/limited")
            ),
        ),
        ("Basic auth: 401 without a password …", format!("curl -i {}", plain("/private"))),
        ("… and 200 with it.", format!("curl -i -u demo:demo {}", plain("/private"))),
        (
            "A redirect: -L follows it to /new/shoes.",
            format!("curl -iL {}", named("http", port, "/old/shoes")),
        ),
        ("Ten events, one after the other.", format!("curl -N {}", plain("/sse"))),
        (
            "A plain Ingress, to version 2 alone.",
            format!("curl -H 'Host: hello.localhost' http://127.0.0.1:{port}/"),
        ),
        ("What the gateway knows, and counts.", format!("curl {api}/api/http/routers; curl {api}/metrics")),
        (
            "Why a request goes where it goes; it is not sent.",
            format!("{program} explain --api {api} http://shop.localhost:{port}/private"),
        ),
        ("Mistakes in the manifests, with their place.", format!("{program} check {}", quoted(folder))),
    ]
}

/// How to call the program at `path` from the folder `here`: it need not be where the shell looks.
pub(super) fn callable(path: &Path, here: &Path) -> PathBuf {
    match path.strip_prefix(here) {
        // A single word would be looked for elsewhere.
        Ok(below) if below.components().count() == 1 => Path::new(".").join(below),
        Ok(below) => below.to_owned(),
        Err(_elsewhere) => path.to_owned(),
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_port_and_the_file_to_change() {
        let (program, folder) = (Path::new("target/a b/portcullis"), Path::new("./d"));
        let places = Places { program, folder, port: 1, tls_port: 2, api_port: 3, is_new: true };
        let text = text(places);
        for part in [
            "http://127.0.0.1:1/limited",
            "curl -k --resolve shop.localhost:2:127.0.0.1 https://shop.localhost:2/",
            "http://127.0.0.1:3/metrics",
            "in ./d/canary.yaml give both",
            "  'target/a b/portcullis' explain --api http://127.0.0.1:3 http",
            "  'target/a b/portcullis' check ./d\n",
            "'%{http_code}\\n'",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }

    #[test]
    fn the_program_is_called_from_here() {
        let called = |path: &str| callable(Path::new(path), Path::new("/src/here")).display().to_string();
        assert_eq!(called("/src/here/target/release/portcullis"), "target/release/portcullis");
        assert_eq!(called("/src/here/portcullis"), "./portcullis");
        assert_eq!(called("/usr/bin/portcullis"), "/usr/bin/portcullis");
    }

    #[test]
    fn quotes_what_a_shell_would_split() {
        assert_eq!(quoted(Path::new("./a-b/c.d")), "./a-b/c.d");
        assert_eq!(quoted(Path::new("it's here")), r"'it'\''s here'");
    }
}
