//! What is noticed when: real files, a real watch, no sleeps.

use std::fs;
use std::future::Future;
use std::io::Write as _;
use std::time::Duration;

use super::*;

/// A provider that watches a folder, and what it published.
struct Watched {
    folder: tempfile::TempDir,
    documents: channel::Receiver<Documents>,
    reread: Arc<Notify>,
}

fn with_routers(names: &[&str]) -> String {
    let routers: String =
        names.iter().map(|name| format!("    {name}: {{rule: Path(`/{name}`), service: s}}\n")).collect();
    format!("http:\n  routers:\n{routers}")
}

impl Watched {
    fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn routers(&self) -> Vec<String> {
        let documents = self.documents.borrow();
        let document = documents.get(NAME);
        document.iter().flat_map(|document| document.http.routers.keys()).map(ToString::to_string).collect()
    }

    fn problems(&self) -> Vec<String> {
        let documents = self.documents.borrow();
        documents
            .get(NAME)
            .iter()
            .flat_map(|document| document.all_problems())
            .map(Problem::summary)
            .collect()
    }

    /// Waits until these routers are published, and no others.
    async fn eventually(&mut self, wanted: &[&str]) {
        self.until(|watched| watched.routers() == wanted).await;
    }

    async fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        while !holds(self) {
            let changed = tokio::time::timeout_at(deadline, self.documents.changed()).await;
            assert!(changed.is_ok(), "still {:?}, {:?}", self.routers(), self.problems());
        }
    }
}

/// Runs a test with a provider over a folder that `prepare` filled.
fn watched<F: Future>(prepare: impl FnOnce(&Path), test: impl FnOnce(Watched) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let (publish, documents) = channel::channel(Documents::new());
    let reread = Arc::new(Notify::new());
    let options = config::File { directory: folder.path().display().to_string(), ..config::File::default() };
    runtime.block_on(async {
        let running =
            tokio::task::JoinSet::from_iter([File::new(&options).run(publish, Arc::clone(&reread))]);
        test(Watched { folder, documents, reread }).await;
        drop(running);
    });
}

#[test]
fn files_come_change_and_go() {
    watched(
        |folder| fs::write(folder.join("a.yaml"), with_routers(&["a"])).unwrap(),
        |mut watched| async move {
            watched.eventually(&["a"]).await;
            watched.write("b.yml", &with_routers(&["b"]));
            watched.eventually(&["a", "b"]).await;
            watched.write("new", &with_routers(&["c"]));
            fs::rename(watched.path("new"), watched.path("a.yaml")).unwrap();
            watched.eventually(&["b", "c"]).await;
            fs::remove_file(watched.path("b.yml")).unwrap();
            watched.eventually(&["c"]).await;
        },
    );
}

#[test]
fn folders_below_are_watched_too() {
    watched(
        |_| {},
        |mut watched| async move {
            watched.until(|watched| watched.documents.borrow().contains_key(NAME)).await;
            fs::create_dir_all(watched.path("x/y")).unwrap();
            watched.write("x/y/a.yaml", &with_routers(&["a"]));
            watched.eventually(&["a"]).await;
            watched.write("x/y/a.yaml", &with_routers(&["a", "b"]));
            watched.eventually(&["a", "b"]).await;
            fs::rename(watched.path("x"), watched.path("..x")).unwrap();
            watched.eventually(&[]).await;
        },
    );
}

#[test]
fn a_folder_that_is_moved_away_takes_its_files_along() {
    let elsewhere = tempfile::tempdir().unwrap();
    watched(
        |folder| {
            fs::write(folder.join("a.yaml"), with_routers(&["a"])).unwrap();
            fs::create_dir_all(folder.join("x/y")).unwrap();
            fs::write(folder.join("x/y/b.yaml"), with_routers(&["b"])).unwrap();
        },
        |mut watched| async move {
            watched.eventually(&["a", "b"]).await;
            fs::rename(watched.path("x"), elsewhere.path().join("x")).unwrap();
            watched.eventually(&["a"]).await;
            fs::rename(elsewhere.path().join("x"), watched.path("z")).unwrap();
            watched.eventually(&["a", "b"]).await;
        },
    );
}

#[test]
fn what_a_link_leads_to_may_come_later() {
    let elsewhere = tempfile::tempdir().unwrap();
    let far = elsewhere.path().join("far.txt");
    let target = far.clone();
    watched(
        |folder| {
            std::os::unix::fs::symlink("real.txt", folder.join("a.yaml")).unwrap();
            std::os::unix::fs::symlink(target, folder.join("b.yaml")).unwrap();
        },
        |mut watched| async move {
            watched.until(|watched| watched.documents.borrow().contains_key(NAME)).await;
            // Once it is read, everything is watched.
            watched.write("c.yaml", &with_routers(&["c"]));
            watched.eventually(&["c"]).await;
            watched.write("c.yaml", &with_routers(&["d"]));
            watched.eventually(&["d"]).await;
            watched.write("real.txt", &with_routers(&["a"]));
            watched.eventually(&["a", "d"]).await;
            watched.write("c.yaml", &with_routers(&["c"]));
            watched.eventually(&["a", "c"]).await;
            fs::write(far, with_routers(&["b"])).unwrap();
            watched.eventually(&["a", "b", "c"]).await;
        },
    );
}

#[test]
fn a_mounted_volume_is_swapped_by_its_link() {
    let version = |folder: &Path, name: &str, routers: &[&str]| {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("a.yaml"), with_routers(routers)).unwrap();
        std::os::unix::fs::symlink(name, folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    };
    watched(
        |folder| {
            version(folder, "..2026_1", &["one"]);
            std::os::unix::fs::symlink("..data/a.yaml", folder.join("a.yaml")).unwrap();
        },
        |mut watched| async move {
            watched.eventually(&["one"]).await;
            version(watched.folder.path(), "..2026_2", &["two"]);
            watched.eventually(&["two"]).await;
            fs::remove_dir_all(watched.path("..2026_1")).unwrap();
            version(watched.folder.path(), "..2026_3", &["three"]);
            watched.eventually(&["three"]).await;
        },
    );
}

#[test]
fn a_broken_text_keeps_the_last_good_one() {
    watched(
        |folder| fs::write(folder.join("a.yaml"), with_routers(&["a"])).unwrap(),
        |mut watched| async move {
            watched.eventually(&["a"]).await;
            watched.write("a.yaml", "http: [\n");
            watched.until(|watched| !watched.problems().is_empty()).await;
            assert_eq!(watched.routers(), ["a"]);
            watched.write("a.yaml", &with_routers(&["b"]));
            watched.eventually(&["b"]).await;
            assert_eq!(watched.problems(), [] as [&str; 0]);
        },
    );
}

#[test]
fn a_file_that_is_rewritten_in_place_is_never_seen_empty() {
    watched(
        |folder| fs::write(folder.join("a.yaml"), with_routers(&["a"])).unwrap(),
        |mut watched| async move {
            watched.eventually(&["a"]).await;
            // Truncated and closed, as by a shell's `>`, and written later.
            let mut seen = watched.documents.clone();
            fs::File::create(watched.path("a.yaml")).unwrap();
            watched.reread.notify_one();
            watched.write("b.yaml", &with_routers(&["b"]));
            watched.eventually(&["a", "b"]).await;
            seen.mark_unchanged();
            fs::OpenOptions::new()
                .append(true)
                .open(watched.path("a.yaml"))
                .unwrap()
                .write_all(with_routers(&["c"]).as_bytes())
                .unwrap();
            watched.eventually(&["b", "c"]).await;
            // What stays empty is believed in the end.
            fs::File::create(watched.path("a.yaml")).unwrap();
            watched.eventually(&["b"]).await;
        },
    );
}

#[test]
fn a_writer_that_does_not_close_is_read_after_a_quiet() {
    watched(
        |_| {},
        |mut watched| async move {
            let mut file = fs::File::create(watched.path("a.yaml")).unwrap();
            file.write_all(with_routers(&["a"]).as_bytes()).unwrap();
            file.flush().unwrap();
            watched.eventually(&["a"]).await;
            drop(file);
        },
    );
}

#[test]
fn another_certificate_is_another_object() {
    let digest = |watched: &Watched| {
        let documents = watched.documents.borrow();
        documents
            .get(NAME)
            .and_then(|document| document.tls.certificates.first().map(|one| one.source.files_digest))
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let certificate = elsewhere.path().join("shop.crt");
    fs::write(&certificate, "one").unwrap();
    let text =
        format!("tls:\n  certificates: [{{certFile: {0}, keyFile: {0}.key}}]\n", certificate.display());
    watched(
        |folder| fs::write(folder.join("a.yaml"), text).unwrap(),
        |mut watched| async move {
            watched.until(|watched| digest(watched).is_some()).await;
            let first = digest(&watched);
            fs::write(&certificate, "two").unwrap();
            watched.until(|watched| digest(watched) != first).await;
            let second = digest(&watched);
            // One that did not exist yet.
            fs::write(elsewhere.path().join("shop.crt.key"), "key").unwrap();
            watched.until(|watched| digest(watched) != second).await;
        },
    );
}

#[test]
fn a_folder_that_comes_later_is_found() {
    watched(
        |folder| fs::remove_dir(folder).unwrap(),
        |mut watched| async move {
            watched.until(|watched| !watched.problems().is_empty()).await;
            fs::create_dir(watched.folder.path()).unwrap();
            watched.write("a.yaml", &with_routers(&["a"]));
            watched.eventually(&["a"]).await;
            assert_eq!(watched.problems(), [] as [&str; 0]);
        },
    );
}

#[test]
fn one_file_is_followed_through_renames() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("only.conf");
    fs::write(&path, with_routers(&["a"])).unwrap();
    let (publish, documents) = channel::channel(Documents::new());
    let options = config::File { filename: path.display().to_string(), ..config::File::default() };
    runtime.block_on(async {
        let reread = Arc::new(Notify::new());
        let running =
            tokio::task::JoinSet::from_iter([File::new(&options).run(publish, Arc::clone(&reread))]);
        let mut watched = Watched { folder, documents, reread };
        watched.eventually(&["a"]).await;
        watched.write("next", &with_routers(&["b"]));
        fs::rename(watched.path("next"), &path).unwrap();
        watched.eventually(&["b"]).await;
        fs::remove_file(&path).unwrap();
        watched.until(|watched| !watched.problems().is_empty()).await;
        assert_eq!(watched.routers(), ["b"]);
        watched.write("only.conf", &with_routers(&["c"]));
        watched.eventually(&["c"]).await;
        drop(running);
    });
}
