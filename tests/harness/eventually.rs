//! The one way to wait: for the thing itself, with one deadline.

use std::time::{Duration, Instant};

/// Long enough for a busy machine; nothing here is expected to take a tenth of it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(15);

/// Asks again and again until `probe` gives something.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "not within {} s: {what}", DEADLINE.as_secs());
        tokio::time::sleep(PAUSE).await;
    }
}

/// For `eventually`: `Some(())` when it holds.
pub(crate) fn holds(condition: bool) -> Option<()> {
    condition.then_some(())
}
