//! The folder with the demo's manifests: written on first use, the user's from then on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use document::{Format, Value};

use super::backend::Backend;

/// What is written, in the order in which it is worth reading.
const FILES: [(&str, &str); 5] = [
    ("routes.yaml", include_str!("manifests/routes.yaml")),
    ("canary.yaml", include_str!("manifests/canary.yaml")),
    ("middlewares.yaml", include_str!("manifests/middlewares.yaml")),
    ("users.yaml", include_str!("manifests/users.yaml")),
    ("ingress.yaml", include_str!("manifests/ingress.yaml")),
];

/// The file that names the ports of the backends, with `<name>` where a port belongs.
const BACKENDS_FILE: &str = "backends.yaml";
const BACKENDS: &str = include_str!("manifests/backends.yaml");

/// The sample backends, as the Services in the manifests call them.
const NAMES: [&str; 2] = ["shop-v1", "shop-v2"];

/// What was done with the folder.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Those that a manifest sends traffic to.
    pub(super) backends: Vec<Backend>,
    /// The folder was empty before.
    pub(super) is_new: bool,
    /// What the user should know of it.
    pub(super) notes: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("failed to make the folder `{}`", path.display())]
    MakeFolder { path: PathBuf, source: io::Error },
    #[error("failed to read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("failed to write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("failed to listen on a port of this machine")]
    Listen(#[source] io::Error),
    #[error(
        "the sample backend `{name}` cannot have the port {port}, which `{}` names: {why}\n\
         hint: end what listens there, or write another port into the file",
        path.display()
    )]
    Taken { name: &'static str, port: u16, path: PathBuf, why: io::Error },
}

/// Makes the folder and its files where there are none, and the backends that they name.
pub(super) fn prepare(folder: &Path) -> Result<Prepared, Error> {
    fs::create_dir_all(folder).map_err(|source| Error::MakeFolder { path: folder.to_owned(), source })?;
    let is_new = !has_manifests(folder)?;
    if is_new {
        for (name, text) in FILES {
            write(&folder.join(name), text)?;
        }
    }
    let path = folder.join(BACKENDS_FILE);
    let mut notes = Vec::new();
    let backends = match fs::read_to_string(&path) {
        Ok(text) => known(&path, &text, &mut notes)?,
        // It only says where the demo's own backends are, so there is nothing of the user's in it to be lost.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !is_new {
                notes.push(format!("`{}` was missing and has been written again", path.display()));
            }
            anew(&path)?
        }
        Err(source) => return Err(Error::Read { path, source }),
    };
    Ok(Prepared { backends, is_new, notes })
}

/// Are there manifests anywhere in it, the demo's or others?
fn has_manifests(folder: &Path) -> Result<bool, Error> {
    let entries = fs::read_dir(folder).map_err(|source| Error::Read { path: folder.to_owned(), source })?;
    Ok(entries.flatten().any(|entry| {
        let is_manifest = |format| matches!(format, Format::Yaml | Format::Json);
        Format::of(&entry.path()).is_some_and(is_manifest)
    }))
}

/// Backends on the ports that stand in the file; on others, if the file is as it was written and one is taken.
fn known(path: &Path, text: &str, notes: &mut Vec<String>) -> Result<Vec<Backend>, Error> {
    let ports = ports(text);
    let mut backends = Vec::new();
    for (name, port) in &ports {
        match Backend::bind(name, *port) {
            Ok(backend) => backends.push(backend),
            Err(_) if is_untouched(text, &ports) => {
                notes.push(format!(
                    "port {port} of the sample backend `{name}` is taken: `{}` has been written again, with other ports",
                    path.display()
                ));
                // The others are free again before new ones are sought.
                drop(backends);
                return anew(path);
            }
            Err(why) => {
                return Err(Error::Taken { name, port: *port, path: path.to_owned(), why });
            }
        }
    }
    for name in NAMES.iter().filter(|name| !ports.iter().any(|(known, _)| known == *name)) {
        let message = "has no EndpointSlice with a port of 127.0.0.1: the sample backend is not started";
        notes.push(format!("`{name}` in `{}` {message}", path.display()));
    }
    Ok(backends)
}

/// Backends on any free ports, and the file that names them.
fn anew(path: &Path) -> Result<Vec<Backend>, Error> {
    let bind = |name| Backend::bind(name, 0).map_err(Error::Listen);
    let backends = NAMES.into_iter().map(bind).collect::<Result<Vec<_>, _>>()?;
    let mut ports = Vec::new();
    for backend in &backends {
        ports.push((backend.name, backend.port().map_err(Error::Listen)?));
    }
    write(path, &filled(&ports))?;
    Ok(backends)
}

/// The file with these ports.
fn filled(ports: &[(&'static str, u16)]) -> String {
    ports
        .iter()
        .fold(BACKENDS.to_owned(), |text, (name, port)| text.replace(&format!("<{name}>"), &port.to_string()))
}

/// Has nobody edited it?
fn is_untouched(text: &str, ports: &[(&'static str, u16)]) -> bool {
    text == filled(ports)
}

/// The ports of this machine that EndpointSlices give to the sample backends.
fn ports(text: &str) -> Vec<(&'static str, u16)> {
    let (documents, _problems) = document::parse_documents(text, Format::Yaml);
    let port_of = |name: &'static str| {
        let port = documents.iter().filter(|document| is_slice_of(document, name)).find_map(|slice| {
            let port = slice.get("ports")?.items().first()?.get("port")?.as_integer()?;
            u16::try_from(port).ok().filter(|port| *port != 0)
        });
        port.map(|port| (name, port))
    };
    NAMES.into_iter().filter_map(port_of).collect()
}

fn is_slice_of(document: &Value, service: &str) -> bool {
    let is_slice = document.get("kind").and_then(Value::as_str) == Some("EndpointSlice");
    let labels = document.get("metadata").and_then(|metadata| metadata.get("labels"));
    let label = labels.and_then(|labels| labels.get("kubernetes.io/service-name"));
    let endpoints = document.get("endpoints").map(Value::items).unwrap_or_default();
    let addresses = endpoints.iter().filter_map(|endpoint| endpoint.get("addresses")).flat_map(Value::items);
    let is_here = addresses.into_iter().any(|address| address.as_str() == Some("127.0.0.1"));
    is_slice && is_here && label.and_then(Value::as_str) == Some(service)
}

/// Whole or not at all: the folder may be watched already.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let new = path.with_extension("new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .map_err(|source| Error::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports_of(prepared: &Prepared) -> Vec<u16> {
        prepared.backends.iter().map(|backend| backend.port().unwrap()).collect()
    }

    #[test]
    fn is_written_once_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("demo");
        let first = prepare(&dir).unwrap();
        assert!(first.is_new && first.notes.is_empty());
        let ports = ports_of(&first);
        drop(first);
        let canary = dir.join("canary.yaml");
        fs::write(&canary, "# mine\n").unwrap();
        fs::remove_file(dir.join("ingress.yaml")).unwrap();
        let second = prepare(&dir).unwrap();
        assert!(!second.is_new && second.notes.is_empty(), "{:?}", second.notes);
        assert_eq!(ports_of(&second), ports);
        assert_eq!(fs::read_to_string(canary).unwrap(), "# mine\n");
        assert!(!dir.join("ingress.yaml").exists());
    }

    #[test]
    fn a_taken_port_changes_its_file_unless_the_user_did() {
        let folder = tempfile::tempdir().unwrap();
        let first = prepare(folder.path()).unwrap();
        // The first ones still listen.
        let second = prepare(folder.path()).unwrap();
        assert_eq!(second.notes.len(), 1, "{:?}", second.notes);
        assert_ne!(ports_of(&second), ports_of(&first));
        let path = folder.path().join(BACKENDS_FILE);
        let mine = fs::read_to_string(&path).unwrap() + "# mine\n";
        fs::write(&path, &mine).unwrap();
        let error = prepare(folder.path()).unwrap_err().to_string();
        assert!(error.contains("cannot have the port"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), mine);
    }

    #[test]
    fn a_missing_backends_file_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        drop(prepare(folder.path()).unwrap());
        fs::remove_file(folder.path().join(BACKENDS_FILE)).unwrap();
        let again = prepare(folder.path()).unwrap();
        assert_eq!((again.backends.len(), again.notes.len()), (2, 1));
    }

    #[test]
    fn slices_that_lead_elsewhere_start_nothing() {
        assert_eq!(
            ports(&filled(&[("shop-v1", 1234), ("shop-v2", 1235)])),
            [("shop-v1", 1234), ("shop-v2", 1235)]
        );
        let elsewhere = filled(&[("shop-v1", 1234)]).replacen("127.0.0.1]", "10.0.0.1]", 1);
        assert_eq!(ports(&elsewhere), []);
    }
}
