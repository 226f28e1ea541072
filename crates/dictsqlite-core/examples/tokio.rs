//! Under tokio: a [`dictsqlite_core::Completion`] is a future like any other, so `await`, `join`,
//! `timeout` and tasks take it as it is. Nothing here blocks one of the runtime's threads.
//!
//! ```console
//! $ cargo run -p dictsqlite-core --example tokio
//! ```

use std::sync::Arc;
use std::time::Duration;

use dictsqlite_core::{Dict, Options, PersistMode, Result, ScanOptions, Ttl};

pub(crate) fn main() -> Result<()> {
    let dir = tempfile::tempdir().map_err(|e| io(&e))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| io(&e))?;
    runtime.block_on(run(dir.path().join("app.db")))
}

async fn run(path: std::path::PathBuf) -> Result<()> {
    let options = Options { persist_mode: PersistMode::Durable, ..Options::default() };
    let dict = Arc::new(Dict::open_async(path, &options).await?);

    // A thousand tasks, each of whose writes is committed and synced; they share the syncs.
    let writes: Vec<_> = (0..1000_i64)
        .map(|n| {
            let dict = Arc::clone(&dict);
            tokio::spawn(async move {
                dict.set_async(n, n.to_string().as_bytes(), Ttl::Default).await?;
                dict.incr_async("written", 1).await
            })
        })
        .collect();
    for write in writes {
        write.await.map_err(|e| io(&e))??;
    }
    assert_eq!(dict.get_async("written").await?.as_deref(), Some(&b"1000"[..]));

    // A deadline of the runtime's; what was accepted happens all the same.
    let found = tokio::time::timeout(Duration::from_secs(30), dict.get_async(7)).await;
    assert_eq!(found.map_err(|e| io(&e))??.as_deref(), Some(&b"7"[..]));

    // A page at a time.
    let mut scan = dict.scan(&ScanOptions { limit: Some(700), ..ScanOptions::default() })?;
    let mut seen = 0;
    loop {
        let page;
        (scan, page) = scan.next_page_async().await?;
        if page.is_empty() {
            break;
        }
        seen += page.len();
    }
    assert_eq!(seen, 700);

    dict.close_async().await?;
    println!("1000 tasks wrote, {seen} entries were read");
    Ok(())
}

fn io(error: &dyn std::error::Error) -> dictsqlite_core::Error {
    dictsqlite_core::Error::new(dictsqlite_core::ErrorKind::Io, error.to_string())
}
