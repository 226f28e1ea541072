/*
 * dictsqlite: a persistent dict on SQLite, from C.
 *
 * This file is generated from crates/dictsqlite-ffi by `cargo xtask generate`.
 *
 * Results. A function that can fail returns 0 or a code. Its last parameter, which may be NULL, then gets
 * an error with a message, to be freed with dictsqlite_error_free; after success it is set to NULL. What
 * a function gives is set in every case, and is empty after a failure.
 *
 * Ownership. Keys, values, strings and lists that are handed over stay the caller's, and are not needed any
 * more when the function returns; so is it with asynchronous functions. What a function gives is the
 * caller's, to be freed with the one function for its type, unchanged. Handles are closed, not freed.
 *
 * Threads. Every function may be called from any thread at any time, with the same handles too; but a transaction
 * that was begun by the waiting form belongs to its thread. What was
 * given (values, pages, errors) may be read by many threads, and freed by one.
 *
 * Waiting. Functions wait as their comments say, never longer than the handle's timeout; those on whole
 * files work for as long as the file is large. Their `_async` forms never wait: when one returns 0 its
 * callback is called exactly once, and otherwise never. `op` may be NULL; with it the operation can be
 * cancelled.
 *
 * Misuse. NULL where something is needed, text that is not UTF-8, impossible lengths, and handles that are
 * closed (twice, or by another thread) give an error. Pointers into nowhere cannot be told.
 *
 * Forks. Dicts may be used on both sides of a fork; scans, transactions, streams, watches and queues belong to the
 * process that made them.
 */
