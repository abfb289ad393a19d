//! Gathered writes: when they leave, who is woken, what waits for room.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use tokio::task::LocalSet;

use super::{CAPACITY, coalesced};

#[tokio::test]
async fn writes_leave_together_when_drained() {
    let (near, mut far) = duplex(1 << 20);
    let (mut hypers, writes) = coalesced(near);
    hypers.write_all(b"one, ").await.unwrap();
    hypers.write_all(b"two").await.unwrap();
    hypers.flush().await.unwrap();
    let mut nothing = Context::from_waker(Waker::noop());
    let mut buffer = [0; 16];
    let mut reading = tokio::io::ReadBuf::new(&mut buffer);
    assert!(tokio::io::AsyncRead::poll_read(Pin::new(&mut far), &mut nothing, &mut reading).is_pending());
    poll_fn(|cx| writes.drain(cx)).await.unwrap();
    let mut got = [0; 8];
    far.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"one, two");
}

#[tokio::test]
async fn order_is_kept_around_large_writes() {
    let (near, mut far) = duplex(1 << 22);
    let (mut hypers, writes) = coalesced(near);
    let large = vec![b'x'; CAPACITY * 2 + 7];
    hypers.write_all(b"before").await.unwrap();
    hypers.write_all(&large).await.unwrap();
    hypers.write_all(b"after").await.unwrap();
    poll_fn(|cx| writes.drain(cx)).await.unwrap();
    drop((hypers, writes));
    let mut got = Vec::new();
    far.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, [b"before".as_slice(), &large, b"after"].concat());
}

#[tokio::test]
async fn a_full_stream_pushes_back() {
    let (near, _far) = duplex(10);
    let (mut hypers, writes) = coalesced(near);
    let mut cx = Context::from_waker(Waker::noop());
    let chunk = vec![0; CAPACITY / 2 + 1];
    assert!(Pin::new(&mut hypers).poll_write(&mut cx, &chunk).is_ready());
    assert!(Pin::new(&mut hypers).poll_write(&mut cx, &chunk).is_pending(), "the buffer is bounded");
    assert!(writes.drain(&mut cx).is_pending());
}

/// The driver and the writer are two tasks, and a stream wakes only one of them.
#[tokio::test]
async fn a_writer_that_is_not_the_driver_is_woken_when_there_is_room() {
    const ALL: usize = CAPACITY * 20 + 3;
    let set = LocalSet::new();
    set.run_until(async {
        let (near, mut far) = duplex(1000);
        let (mut hypers, writes) = coalesced(near);
        let driver = Rc::new(writes);
        let drives = tokio::task::spawn_local(async move {
            poll_fn(|cx| match driver.drain(cx) {
                Poll::Ready(Ok(())) if driver.is_last() => Poll::Ready(()),
                Poll::Ready(Err(error)) => panic!("{error}"),
                _ => Poll::Pending,
            })
            .await;
        });
        tokio::task::yield_now().await;
        let writer = tokio::task::spawn_local(async move {
            let chunk = vec![1; 16 * 1024];
            let mut left = ALL;
            while left > 0 {
                let next = left.min(chunk.len());
                hypers.write_all(&chunk[..next]).await.unwrap();
                hypers.flush().await.unwrap();
                left -= next;
            }
            hypers.shutdown().await.unwrap();
        });
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        writer.await.unwrap();
        drives.await.unwrap();
        assert_eq!(got.len(), ALL);
    })
    .await;
}
