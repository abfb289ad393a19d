//! The loop of a provider that reads files: look, publish, wait for a change, look again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch as channel};

use crate::Documents;
use crate::files::Files;
use crate::watch::{Changes, Watch};

/// How often to look where changes cannot be watched.
const POLL: Duration = Duration::from_secs(5);

/// Files → documents; keeps what it needs to give unchanged objects as the same pointers.
pub(crate) type Assemble<T> = Box<dyn FnMut(&Files<T>) -> Documents + Send>;

/// Runs until nobody listens.
pub(crate) async fn follow<T: Send + Sync + 'static>(
    files: Files<T>,
    assemble: Assemble<T>,
    is_watched: bool,
    publish: channel::Sender<Documents>,
    reread: Arc<Notify>,
) {
    let mut watch = is_watched.then(open).flatten();
    let mut at_hand = Some((files, assemble));
    let mut changes = Changes { all: true, ..Changes::default() };
    while let Some((files, assemble)) = at_hand.take() {
        let Some((mut files, assemble, documents)) = look(files, assemble, changes).await else {
            return;
        };
        if let Some(documents) = documents {
            publish.send_if_modified(|published| {
                let is_new = *published != documents;
                *published = documents;
                is_new
            });
        }
        let next = files.next_look();
        let interest = files.new_interest();
        at_hand = Some((files, assemble));
        if let (Some(watch), Some(interest)) = (&mut watch, interest)
            && watch.set(&interest)
        {
            changes = Changes::default();
            continue;
        }
        let poll = (is_watched && watch.is_none()).then(|| Instant::now() + POLL);
        tokio::select! {
            heard = heard(watch.as_ref()) => changes = heard,
            () = reread.notified() => changes = Changes { all: true, ..Changes::default() },
            () = until(next.into_iter().chain(poll).min()) => changes = Changes::default(),
            () = publish.closed() => return,
        }
    }
}

fn open() -> Option<Watch> {
    match Watch::new() {
        Ok(watch) => Some(watch),
        Err(error) => {
            tracing::warn!(%error, "files cannot be watched, looking every {} s", POLL.as_secs());
            None
        }
    }
}

/// Reading is done away from the runtime: a folder may hold thousands of files.
async fn look<T: Send + Sync + 'static>(
    mut files: Files<T>,
    mut assemble: Assemble<T>,
    changes: Changes,
) -> Option<(Files<T>, Assemble<T>, Option<Documents>)> {
    let task = tokio::task::spawn_blocking(move || {
        let documents = (files.refresh(&changes, Instant::now()) || changes.all).then(|| assemble(&files));
        (files, assemble, documents)
    });
    match task.await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!(%error, "reading configuration files failed");
            None
        }
    }
}

async fn heard(watch: Option<&Watch>) -> Changes {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
