//! Under smol: many readers and one counter on an executor of one thread.
//!
//! ```console
//! $ cargo run -p dictsqlite-core --example smol
//! ```

use std::sync::Arc;

use dictsqlite_core::{Dict, Options, Result, Ttl};

pub(crate) fn main() -> Result<()> {
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(async {
        let dict = Arc::new(Dict::open_async(":memory:", &Options::default()).await?);
        dict.set_async("greeting", b"hello", Ttl::Default).await?;

        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let dict = Arc::clone(&dict);
                executor.spawn(async move {
                    let greeting = dict.get_async("greeting").await?;
                    assert_eq!(greeting.as_deref(), Some(&b"hello"[..]));
                    dict.incr_async("readers", 1).await
                })
            })
            .collect();
        let mut last = 0;
        for task in tasks {
            last = last.max(task.await?);
        }
        assert_eq!(last, 100);

        dict.close_async().await?;
        println!("{last} tasks read");
        Ok(())
    }))
}
