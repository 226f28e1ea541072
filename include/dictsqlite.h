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

#ifndef DICTSQLITE_H
#define DICTSQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// For `ttl`: as the handle was opened with.
#define DICTSQLITE_TTL_DEFAULT INT64_MIN

/// For `ttl`: for ever.
#define DICTSQLITE_TTL_NEVER INT64_MAX

/// There was no entry, and now there is one.
#define DICTSQLITE_CHANGE_INSERT 1

/// Its value or its expiry was written.
#define DICTSQLITE_CHANGE_UPDATE 2

/// It was deleted.
#define DICTSQLITE_CHANGE_DELETE 3

/// It had expired, and was removed.
#define DICTSQLITE_CHANGE_EXPIRE 4

/// JSON Lines: a line an entry, which people can read and change.
#define DICTSQLITE_EXPORT_JSONL 0

/// Records with their length and checksum: smaller and faster, and damage shows.
#define DICTSQLITE_EXPORT_BINARY 1

/// It takes the place of what is there.
#define DICTSQLITE_IMPORT_REPLACE 0

/// It is passed over.
#define DICTSQLITE_IMPORT_SKIP 1

/// Nothing is imported; CONFLICT names the key.
#define DICTSQLITE_IMPORT_ERROR 2

/// From the end to the start.
#define DICTSQLITE_SCAN_REVERSE 1

/// One moment for the whole scan, at the price of a read transaction that stays open until it is closed.
#define DICTSQLITE_SCAN_CONSISTENT 2

/// Values are left out, which makes a scan of large values cheap.
#define DICTSQLITE_SCAN_KEYS_ONLY 4

/// In the order of the keys: integers, text by its UTF-8 bytes, bytes and tuples.
#define DICTSQLITE_SCAN_KEY_ORDER 8

/// In the order in which the keys were first set.
#define DICTSQLITE_SCAN_INSERTION_ORDER 16

/// Reads a snapshot, gathers its writes and holds nothing; the first one to commit wins.
#define DICTSQLITE_TX_CONCURRENT 0

/// Holds the write lock from the beginning, so that nothing can conflict with it.
#define DICTSQLITE_TX_IMMEDIATE 1

/// Reads a snapshot and writes nothing.
#define DICTSQLITE_TX_READ 2

/// When a concurrent one commits, all that it has read and what it writes must be as it was.
#define DICTSQLITE_TX_SERIALIZABLE 0

/// Only what it writes must be as it was.
#define DICTSQLITE_TX_SNAPSHOT 1

/// Sets the key to the value.
#define DICTSQLITE_WRITE_SET 1

/// Adds to an integer, whatever it is then.
#define DICTSQLITE_WRITE_INCR 2

/// Deletes the key, whether it is there or not.
#define DICTSQLITE_WRITE_DELETE 3

/// What a function returns: 0, or what went wrong. The numbers are stable and the same in every language.
typedef enum dictsqlite_code {
  /// Done.
  DICTSQLITE_OK = 0,
  /// The key is not in the table. (An absent key is no error where it can be told otherwise.)
  DICTSQLITE_KEY_MISSING = 1,
  /// The key is not UTF-8 text, an integer, bytes or a flat tuple of these, or it is too long.
  DICTSQLITE_KEY_TYPE = 2,
  /// The value cannot be written or read by the table's codec.
  DICTSQLITE_CODEC = 3,
  /// Somebody else changed what the operation depended on; it may be tried again.
  DICTSQLITE_CONFLICT = 4,
  /// Another connection holds the database lock; or the queue has operations under way.
  DICTSQLITE_BUSY = 5,
  /// The deadline passed; the message says whether the operation still happens.
  DICTSQLITE_TIMEOUT = 6,
  /// The operation was cancelled before it was accepted.
  DICTSQLITE_CANCELLED = 7,
  /// The handle, the store or the table is closed.
  DICTSQLITE_CLOSED = 8,
  /// The file is damaged.
  DICTSQLITE_CORRUPT = 9,
  /// The disk, the quota, the database or the table of handles is full.
  DICTSQLITE_FULL = 10,
  /// The store or the file is read-only.
  DICTSQLITE_READ_ONLY = 11,
  /// The password is wrong or missing.
  DICTSQLITE_PASSWORD = 12,
  /// The file or the feature is not supported by this build or release.
  DICTSQLITE_UNSUPPORTED = 13,
  /// An argument or option is invalid; NULL where something is needed among them.
  DICTSQLITE_INVALID = 14,
  /// The operating system failed to read, write or open.
  DICTSQLITE_IO = 15,
  /// A defect of this library; please report it.
  DICTSQLITE_INTERNAL = 16,
} dictsqlite_code;

/// What a key is; the `type` of a `dictsqlite_key`.
typedef enum dictsqlite_key_type {
  /// A 64-bit integer.
  DICTSQLITE_KEY_INTEGER = 1,
  /// UTF-8 text.
  DICTSQLITE_KEY_TEXT = 2,
  /// Bytes.
  DICTSQLITE_KEY_BYTES = 3,
  /// A tuple of integers, text and bytes.
  DICTSQLITE_KEY_TUPLE = 4,
} dictsqlite_key_type;

/// What went wrong: a code, a message that says what to do and, where one is concerned, the key.
/// Whoever gets one frees it with `dictsqlite_error_free`.
typedef struct dictsqlite_error dictsqlite_error;

/// A string that ends with NUL, in UTF-8.
typedef const char *dictsqlite_string;

/// An option of `dictsqlite_open` by its name. The value is text as well: `"true"`, `"100"`, `"0.2"`.
typedef struct dictsqlite_option {
  const char *name;
  const char *value;
} dictsqlite_option;

/// Options that the caller owns.
typedef struct dictsqlite_option_list {
  const struct dictsqlite_option *items;
  size_t len;
} dictsqlite_option_list;

/// A handle on one table of a store. Zero-initialised, it is no handle.
///
/// It may be copied, and used from any thread. It stays open until `dictsqlite_close`; from then on
/// every use of it, by any copy, gives `DICTSQLITE_CLOSED`.
typedef struct dictsqlite_dict {
  /// The library's own number for it.
  uint64_t id;
} dictsqlite_dict;

/// A table: its name and the name of its codec.
typedef struct dictsqlite_table_info {
  const char *name;
  const char *storage_mode;
} dictsqlite_table_info;

/// The tables of a store, in the order of their names. Free it with `dictsqlite_tables_free`.
typedef struct dictsqlite_tables {
  const struct dictsqlite_table_info *items;
  size_t len;
  void *owner;
} dictsqlite_tables;

/// What a handle is. Free it with `dictsqlite_info_free`.
typedef struct dictsqlite_info {
  /// The name of its table.
  const char *table;
  /// The name of the table's codec.
  const char *storage_mode;
  /// What its writes promise, by name.
  const char *persist_mode;
  /// The absolute path of the file; NULL for a store in memory.
  const char *path;
  /// Whether the store was opened read-only.
  bool read_only;
  void *owner;
} dictsqlite_info;

/// Figures of a store since it was opened in this process. Later releases append fields.
typedef struct dictsqlite_stats {
  /// Writes accepted and not yet committed.
  uint64_t pending_writes;
  /// Bytes they hold, about.
  uint64_t pending_bytes;
  /// Entries in the cache.
  uint64_t cached_entries;
  /// Bytes they hold, about.
  uint64_t cached_bytes;
  /// Keys that were read from SQLite, since memory did not know them.
  uint64_t misses;
  /// Transactions committed.
  uint64_t commits;
  /// Operations in them.
  uint64_t committed_operations;
  /// Commits that failed and were tried again.
  uint64_t failed_commits;
  /// Checkpoints of the write-ahead log.
  uint64_t checkpoints;
  /// Expired entries removed.
  uint64_t swept_entries;
  /// Frames (pages) in the write-ahead log.
  uint64_t wal_frames;
} dictsqlite_stats;

/// A key. `dictsqlite_text`, `_integer`, `_bytes` and `_tuple` make one; what it points to stays the caller's.
/// 1 and "1" are different keys.
typedef struct dictsqlite_key {
  /// One of `dictsqlite_key_type`.
  uint32_t type;
  /// Integers: the key.
  int64_t integer;
  /// Text and bytes: the first one, as `const char *` or `const uint8_t *`. Tuples: the first element,
  /// as `const dictsqlite_key *`.
  const void *data;
  /// Text and bytes: so many bytes. Tuples: so many elements.
  size_t len;
} dictsqlite_key;

/// A value, or the absence of one: `data` is NULL if there is none, and not NULL for an empty value. The
/// bytes may be read from any thread and not be written. Free it with `dictsqlite_value_free`.
typedef struct dictsqlite_value {
  const uint8_t *data;
  /// In bytes.
  size_t len;
} dictsqlite_value;

/// A value with what the store knows about it. Free it with `dictsqlite_entry_free`.
typedef struct dictsqlite_entry {
  struct dictsqlite_value value;
  /// The number of the operation that wrote it; never reused within a store.
  int64_t version;
  /// When it expires, in milliseconds since the Unix epoch; 0 for never.
  int64_t expires_at;
} dictsqlite_entry;

/// Keys that the caller owns.
typedef struct dictsqlite_key_list {
  const struct dictsqlite_key *items;
  size_t len;
} dictsqlite_key_list;

/// Bytes that somebody else owns. `data` may be NULL if `len` is 0; given by the library, NULL says
/// that there is no value at all.
typedef struct dictsqlite_slice {
  const void *data;
  /// In bytes.
  size_t len;
} dictsqlite_slice;

/// The values of many keys, in their order; `data` is NULL for those that are absent. Free it with
/// `dictsqlite_values_free`.
typedef struct dictsqlite_values {
  const struct dictsqlite_slice *items;
  size_t len;
  void *owner;
} dictsqlite_values;

/// A key and its value, for `dictsqlite_set_many`.
typedef struct dictsqlite_pair {
  struct dictsqlite_key key;
  struct dictsqlite_slice value;
} dictsqlite_pair;

/// Pairs that the caller owns.
typedef struct dictsqlite_pair_list {
  const struct dictsqlite_pair *items;
  size_t len;
} dictsqlite_pair_list;

/// One entry of a page. What it points to is the page's.
typedef struct dictsqlite_item {
  struct dictsqlite_key key;
  /// `data` is NULL when the scan leaves values out, and in the page of a watch when there is no entry.
  struct dictsqlite_slice value;
  /// The number of the operation that wrote it.
  int64_t version;
  /// When it expires, in milliseconds since the Unix epoch; 0 for never.
  int64_t expires_at;
} dictsqlite_item;

/// Entries of a scan, where a `len` of 0 is the end, or what a watch has found. Free it with `dictsqlite_page_free`.
typedef struct dictsqlite_page {
  const struct dictsqlite_item *items;
  size_t len;
  void *owner;
} dictsqlite_page;

/// What to scan. Zero-initialised: everything, in insertion order. With `prefix`, `start` or `end` the order
/// is key order, unless a flag says otherwise.
typedef struct dictsqlite_scan_options {
  /// Only keys of the prefix's own type that begin with it: text, bytes, or a tuple's elements. Or NULL.
  const struct dictsqlite_key *prefix;
  /// Only keys not below this one, in key order across types. Or NULL.
  const struct dictsqlite_key *start;
  /// Only keys below this one. Or NULL.
  const struct dictsqlite_key *end;
  /// At most so many entries. Or NULL.
  const uint64_t *limit;
  /// `DICTSQLITE_SCAN_...`, or-ed.
  uint32_t flags;
} dictsqlite_scan_options;

/// A scan under way. See `dictsqlite_scan_begin`.
typedef struct dictsqlite_scan {
  /// The library's own number for it.
  uint64_t id;
} dictsqlite_scan;

/// A queue of finished operations. See `dictsqlite_queue_open`.
typedef struct dictsqlite_queue {
  /// The library's own number for it.
  uint64_t id;
} dictsqlite_queue;

/// A transaction that was begun, as a dict on one of the store's tables. See `dictsqlite_tx_begin`.
/// Zero-initialised, it is no handle.
typedef struct dictsqlite_tx {
  /// The library's own number for it.
  uint64_t id;
} dictsqlite_tx;

/// One change of one entry, as it was committed. What it points to is the page's.
typedef struct dictsqlite_change {
  /// The number of the operation: larger than that of every change committed before, and the entry's
  /// version after an insert or update. To go on later, remember it.
  int64_t seq;
  /// `DICTSQLITE_CHANGE_INSERT`, `_UPDATE`, `_DELETE` or `_EXPIRE`.
  uint32_t kind;
  /// The name of the table.
  const char *table;
  /// The name of the codec of both values.
  const char *storage_mode;
  struct dictsqlite_key key;
  /// The value before; `data` is NULL for an insert.
  struct dictsqlite_slice before;
  /// The value after; `data` is NULL for a delete and an expiry.
  struct dictsqlite_slice after;
  /// When the entry as it is now expires, in milliseconds since the Unix epoch; 0 for never.
  int64_t expires_at;
  /// When it was written, in milliseconds since the Unix epoch.
  int64_t at;
} dictsqlite_change;

/// Changes, in the order of their numbers. Free it with `dictsqlite_change_page_free`.
typedef struct dictsqlite_change_page {
  const struct dictsqlite_change *items;
  size_t len;
  void *owner;
} dictsqlite_change_page;

/// What an import did.
typedef struct dictsqlite_imported {
  /// Entries in the file, of the tables that were asked for.
  uint64_t read;
  /// Entries written.
  uint64_t written;
  /// Entries whose keys were there already and were passed over.
  uint64_t skipped;
  /// Entries that had expired since they were exported.
  uint64_t expired;
} dictsqlite_imported;

/// What warming did.
typedef struct dictsqlite_warmed {
  /// Entries read.
  uint64_t read;
  /// How many of them are in the cache now.
  uint64_t cached;
} dictsqlite_warmed;

/// What vacuuming did.
typedef struct dictsqlite_vacuumed {
  /// Bytes the database had.
  uint64_t before;
  /// Bytes it has now.
  uint64_t after;
} dictsqlite_vacuumed;

/// What a checkpoint did.
typedef struct dictsqlite_checkpointed {
  /// Frames (pages) in the write-ahead log when it began.
  uint64_t frames;
  /// How many of them are in the database now.
  uint64_t moved;
  /// The log is empty now. If not, a reader or another process still needs it.
  bool emptied;
} dictsqlite_checkpointed;

/// What is wrong with a file, each in words; a `len` of 0 is nothing. Free it with `dictsqlite_problems_free`.
typedef struct dictsqlite_problems {
  const char *const *items;
  size_t len;
  void *owner;
} dictsqlite_problems;

/// What came of an asynchronous operation. Which field it fills is said beside each function; the others
/// are zero. Later releases append fields.
typedef struct dictsqlite_result {
  /// 0, or what went wrong.
  enum dictsqlite_code code;
  /// What went wrong, with its message; NULL if `code` is 0.
  struct dictsqlite_error *error;
  /// A value.
  struct dictsqlite_value value;
  /// An entry.
  struct dictsqlite_entry entry;
  /// Many values.
  struct dictsqlite_values values;
  /// Entries.
  struct dictsqlite_page page;
  /// The tables of a store.
  struct dictsqlite_tables tables;
  /// A handle. It is open, and closing it is the callback's business.
  struct dictsqlite_dict dict;
  /// A count, a sum, a version; 0 or 1 where the question was whether.
  int64_t number;
  /// A transaction. It is begun, and closing it is the callback's business.
  struct dictsqlite_tx tx;
  /// Changes.
  struct dictsqlite_change_page changes;
  /// What an import did.
  struct dictsqlite_imported imported;
  /// What warming did.
  struct dictsqlite_warmed warmed;
  /// What vacuuming did.
  struct dictsqlite_vacuumed vacuumed;
  /// What a checkpoint did.
  struct dictsqlite_checkpointed checkpointed;
  /// What is wrong with a file.
  struct dictsqlite_problems problems;
} dictsqlite_result;

/// What is called with the result of an asynchronous operation, exactly once. The result is the library's
/// and is freed when the callback returns; to keep a part of it, copy that field and set it to zero in the
/// result. No exception and no `longjmp` may leave a callback.
typedef void (*dictsqlite_callback)(void *user_data, struct dictsqlite_result *result);

/// Where the result of an asynchronous operation goes.
typedef struct dictsqlite_call {
  /// The queue that calls back, on the thread that runs it. Zero: a thread of the library calls back.
  struct dictsqlite_queue queue;
  /// What is called. Not NULL.
  dictsqlite_callback callback;
  /// Handed to the callback as it is.
  void *user_data;
} dictsqlite_call;

/// An asynchronous operation, to be cancelled. Nothing needs to be freed.
typedef struct dictsqlite_op {
  uint64_t queue;
  uint64_t number;
} dictsqlite_op;

/// How a transaction is begun. Zero-initialised: concurrent and serializable, with the handle's timeout.
typedef struct dictsqlite_tx_options {
  /// `DICTSQLITE_TX_CONCURRENT`, `_IMMEDIATE` or `_READ`.
  uint32_t mode;
  /// `DICTSQLITE_TX_SERIALIZABLE` or `_SNAPSHOT`.
  uint32_t isolation;
  /// How long beginning and committing may each wait, in milliseconds; 0 is the handle's timeout.
  uint64_t timeout;
  /// How long it may be open before it is rolled back, in milliseconds; 0 is 60 s, and 5 s for an
  /// immediate one.
  uint64_t max_hold;
} dictsqlite_tx_options;

/// A key that must have a version, for `dictsqlite_atomic`.
typedef struct dictsqlite_check {
  struct dictsqlite_key key;
  /// 0: there must be no entry.
  int64_t version;
} dictsqlite_check;

/// Checks that the caller owns.
typedef struct dictsqlite_check_list {
  const struct dictsqlite_check *items;
  size_t len;
} dictsqlite_check_list;

/// A write of `dictsqlite_atomic`. `dictsqlite_write_set`, `_incr` and `_delete` make one.
typedef struct dictsqlite_write {
  /// `DICTSQLITE_WRITE_SET`, `_INCR` or `_DELETE`.
  uint32_t type;
  struct dictsqlite_key key;
  /// SET: the value.
  struct dictsqlite_slice value;
  /// INCR: what is added.
  int64_t by;
  /// SET: as for `dictsqlite_set_ttl`; 0 is the handle's as well.
  int64_t ttl;
} dictsqlite_write;

/// Writes that the caller owns.
typedef struct dictsqlite_write_list {
  const struct dictsqlite_write *items;
  size_t len;
} dictsqlite_write_list;

/// Which changes a stream gives. Zero-initialised: those of every table whose changes are logged, from now on.
typedef struct dictsqlite_changes_options {
  /// The changes after this number; 0 from the beginning of what is kept. NULL: what is committed from
  /// now on.
  const int64_t *since;
  /// Only those of these tables.
  const dictsqlite_string *tables;
  /// So many names; 0: of every table.
  size_t tables_len;
  /// Only those of keys of the prefix's own type that begin with it. Or NULL.
  const struct dictsqlite_key *prefix;
} dictsqlite_changes_options;

/// A stream of changes. See `dictsqlite_changes_begin`.
typedef struct dictsqlite_change_stream {
  /// The library's own number for it.
  uint64_t id;
} dictsqlite_change_stream;

/// Keys being watched. See `dictsqlite_watch_begin`.
typedef struct dictsqlite_watch {
  /// The library's own number for it.
  uint64_t id;
} dictsqlite_watch;

/// What is told how far an operation is: at the start, about twenty times a second, and at the end. A `total` of 0 is
/// not known. A result other than 0 cancels the operation, which then gives CANCELLED; the result of the last call
/// changes nothing any more. No exception and no `longjmp` may leave it.
typedef int (*dictsqlite_progress_callback)(void *user_data, uint64_t done, uint64_t total);

/// Who is told how far an operation is. Zero-initialised: nobody. A function that waits calls on the thread that called
/// it, an asynchronous one on a thread of the library, never after its own callback.
typedef struct dictsqlite_progress {
  /// What is called. Or NULL.
  dictsqlite_progress_callback callback;
  /// Handed to the callback as it is.
  void *user_data;
} dictsqlite_progress;

/// How a store is backed up. Zero-initialised: to a new file, and nobody is told.
typedef struct dictsqlite_backup_options {
  /// Whether a file that is there already is replaced.
  bool overwrite;
  /// In pages.
  struct dictsqlite_progress progress;
} dictsqlite_backup_options;

/// How a backup is restored. Zero-initialised: to a new file, and nobody is told.
typedef struct dictsqlite_restore_options {
  /// Whether a store, or any other file, that is there already is replaced.
  bool overwrite;
  /// How long it may wait for others to close the file that is replaced, in milliseconds; 0 is 30 s.
  uint64_t timeout;
  /// In pages.
  struct dictsqlite_progress progress;
} dictsqlite_restore_options;

/// What is exported, and how. Zero-initialised: all of the handle's table as JSON Lines to a new file.
typedef struct dictsqlite_export_options {
  /// `DICTSQLITE_EXPORT_JSONL` or `_BINARY`.
  uint32_t format;
  /// The tables.
  const dictsqlite_string *tables;
  /// So many names; 0: the handle's own table.
  size_t tables_len;
  /// Every table of the store, whatever `tables` says.
  bool all_tables;
  /// Only keys of the prefix's own type that begin with it. Or NULL.
  const struct dictsqlite_key *prefix;
  /// Whether an export that is there already is replaced.
  bool overwrite;
  /// In entries.
  struct dictsqlite_progress progress;
} dictsqlite_export_options;

/// What is imported, and how. Zero-initialised: all of the file, in the place of what is there.
typedef struct dictsqlite_import_options {
  /// Only these of the file's tables.
  const dictsqlite_string *tables;
  /// So many names; 0: all of them.
  size_t tables_len;
  /// `DICTSQLITE_IMPORT_REPLACE`, `_SKIP` or `_ERROR`: what becomes of an entry whose key is there already.
  uint32_t on_conflict;
  /// In bytes read; the file is read twice.
  struct dictsqlite_progress progress;
} dictsqlite_import_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// The version of the library, as `"1.2.3"`. Static.
const char *dictsqlite_version(void);

/// Opens the file at `path` (on Unix any bytes that end with NUL), which is made when it is missing, and a table in it (`table`, or `main`).
/// `":memory:"` is a private in-memory store. Opening a file again gives another handle on the same store.
/// The options are named as in every language: `persist_mode` (memory, lazy, writethrough, durable),
/// `storage_mode` (bytes, json, jsonb), `table`, `buffer_size`, `flush_interval` (s), `cache_bytes`,
/// `hot_capacity`, `timeout` (s), `ttl` (s), `read_only`, `adopt`, `memtable_bytes`, `changes`.
///
/// `dict` is a handle to be closed with `dictsqlite_close`; what the process has open when it exits is
/// flushed then, within 10 s. May wait for locks up to `timeout`.
/// Errors: INVALID (options), UNSUPPORTED (not our file, or a newer one), CODEC (the table has another
/// codec), BUSY, IO, CORRUPT, READ_ONLY, FULL (65536 handles are open).
enum dictsqlite_code dictsqlite_open(dictsqlite_string path,
                                     struct dictsqlite_option_list options,
                                     struct dictsqlite_dict *dict,
                                     struct dictsqlite_error **error);

/// Opens a handle on another table of the same store, with the options of `dict`. A new table is made with
/// the codec `storage_mode`; NULL takes the one the table has, or that of `dict`.
///
/// `table` is a handle of its own, to be closed with `dictsqlite_close`. May wait up to the timeout.
/// Errors: as `dictsqlite_open`, and CLOSED.
enum dictsqlite_code dictsqlite_open_table(struct dictsqlite_dict dict,
                                           dictsqlite_string name,
                                           dictsqlite_string storage_mode,
                                           struct dictsqlite_dict *table,
                                           struct dictsqlite_error **error);

/// Gives the tables of the store, in the order of their names. Free it with `dictsqlite_tables_free`.
/// Errors: CLOSED, IO, CORRUPT.
enum dictsqlite_code dictsqlite_list_tables(struct dictsqlite_dict dict,
                                            struct dictsqlite_tables *tables,
                                            struct dictsqlite_error **error);

/// Removes a table and all that is in it; `dropped` says whether there was one. Its handles, in every
/// thread, get CLOSED from then on. Waits for its commit, up to the timeout.
/// Errors: CLOSED, READ_ONLY, BUSY, TIMEOUT, FULL, IO.
enum dictsqlite_code dictsqlite_drop_table(struct dictsqlite_dict dict,
                                           dictsqlite_string name,
                                           bool *dropped,
                                           struct dictsqlite_error **error);

/// Waits until every write accepted so far is committed; with `durable`, until it is synced as well. Up to
/// the timeout.
/// Errors: BUSY, FULL, IO, TIMEOUT (what was accepted is kept and tried again), CLOSED; a row that could
/// never be written and was dropped is told here once, by its key.
enum dictsqlite_code dictsqlite_flush(struct dictsqlite_dict dict,
                                      bool durable,
                                      struct dictsqlite_error **error);

/// Flushes and closes a handle; the last one closes the store. Calls of other threads that are under way
/// on it end as they would have, or with CLOSED. Waits up to the timeout, and no longer than 10 s.
/// Errors: as `dictsqlite_flush`; then the handle stays open, nothing is lost, and closing can be tried
/// again. CLOSED if it is closed already, which does no harm.
enum dictsqlite_code dictsqlite_close(struct dictsqlite_dict dict,
                                      struct dictsqlite_error **error);

/// True for a handle that is open. Never waits.
bool dictsqlite_is_open(struct dictsqlite_dict dict);

/// Gives what the handle is: its table, codec, mode and file. Free it with `dictsqlite_info_free`. Never waits.
/// Errors: CLOSED.
enum dictsqlite_code dictsqlite_read_info(struct dictsqlite_dict dict,
                                          struct dictsqlite_info *info,
                                          struct dictsqlite_error **error);

/// Gives the figures of the store. `size` is `sizeof(dictsqlite_stats)`: so programs built against an older
/// header get what they know. Never waits.
/// Errors: CLOSED.
enum dictsqlite_code dictsqlite_read_stats(struct dictsqlite_dict dict,
                                           struct dictsqlite_stats *stats,
                                           size_t size,
                                           struct dictsqlite_error **error);

/// Gives the value of `key`; its `data` is NULL if there is none, which is no error. Nothing is copied: the
/// value is shared with the cache. Free it with `dictsqlite_value_free`.
/// Answered from memory, or else read from the file by the calling thread.
/// Errors: KEY_TYPE, CODEC (another tool stored what the codec has no form for), IO, CORRUPT, BUSY, CLOSED.
enum dictsqlite_code dictsqlite_get(struct dictsqlite_dict dict,
                                    struct dictsqlite_key key,
                                    struct dictsqlite_value *value,
                                    struct dictsqlite_error **error);

/// Says whether there is an entry for `key`.
/// Errors: as `dictsqlite_get`.
enum dictsqlite_code dictsqlite_contains(struct dictsqlite_dict dict,
                                         struct dictsqlite_key key,
                                         bool *found,
                                         struct dictsqlite_error **error);

/// Gives the value of `key` with its version and expiry; `entry->value.data` is NULL if there is none. Free it
/// with `dictsqlite_entry_free`. Pending writes of the key are committed first, up to the timeout.
/// Errors: as `dictsqlite_get` and `dictsqlite_flush`.
enum dictsqlite_code dictsqlite_get_entry(struct dictsqlite_dict dict,
                                          struct dictsqlite_key key,
                                          struct dictsqlite_entry *entry,
                                          struct dictsqlite_error **error);

/// Gives the number of entries. Pending writes are committed first, up to the timeout.
/// Errors: as `dictsqlite_get` and `dictsqlite_flush`.
enum dictsqlite_code dictsqlite_len(struct dictsqlite_dict dict,
                                    uint64_t *len,
                                    struct dictsqlite_error **error);

/// Gives the values of many keys, in their order, from one read transaction. Free it with
/// `dictsqlite_values_free`.
/// Errors: as `dictsqlite_get`.
enum dictsqlite_code dictsqlite_get_many(struct dictsqlite_dict dict,
                                         struct dictsqlite_key_list keys,
                                         struct dictsqlite_values *values,
                                         struct dictsqlite_error **error);

/// Sets `key` to `value`, which is copied; the handle's time to live applies. When it returns, the promise of the
/// handle's persist mode is kept; for that it may wait up to the timeout.
/// Errors: KEY_TYPE, CODEC (the table's codec cannot hold the value), READ_ONLY, CLOSED; TIMEOUT, BUSY, FULL: the
/// message says whether the write was accepted.
enum dictsqlite_code dictsqlite_set(struct dictsqlite_dict dict,
                                    struct dictsqlite_key key,
                                    struct dictsqlite_slice value,
                                    struct dictsqlite_error **error);

/// The same with a time to live of its own, in milliseconds: above 0, or `DICTSQLITE_TTL_NEVER` or `_DEFAULT`.
/// Errors: as `dictsqlite_set`, and INVALID for another `ttl`.
enum dictsqlite_code dictsqlite_set_ttl(struct dictsqlite_dict dict,
                                        struct dictsqlite_key key,
                                        struct dictsqlite_slice value,
                                        int64_t ttl,
                                        struct dictsqlite_error **error);

/// Deletes `key`, whether it is there or not. `dictsqlite_remove` says whether it was.
/// Errors: as `dictsqlite_set`.
enum dictsqlite_code dictsqlite_delete(struct dictsqlite_dict dict,
                                       struct dictsqlite_key key,
                                       struct dictsqlite_error **error);

/// Sets many keys as one unit: all of it survives a crash, or nothing. `ttl` as for `dictsqlite_set_ttl`.
/// Errors: as `dictsqlite_set_ttl`; then nothing was written.
enum dictsqlite_code dictsqlite_set_many(struct dictsqlite_dict dict,
                                         struct dictsqlite_pair_list items,
                                         int64_t ttl,
                                         struct dictsqlite_error **error);

/// Deletes many keys as one unit, whether they are there or not.
/// Errors: as `dictsqlite_set`; then nothing was deleted.
enum dictsqlite_code dictsqlite_delete_many(struct dictsqlite_dict dict,
                                            struct dictsqlite_key_list keys,
                                            struct dictsqlite_error **error);

/// Sets `key` if its version is `version` (0: if there is no entry), and gives the new version. Waits for its
/// commit. `ttl` as for `dictsqlite_set_ttl`.
/// Errors: CONFLICT, naming the key, when it has another version; else as `dictsqlite_set_ttl`.
enum dictsqlite_code dictsqlite_set_if_version(struct dictsqlite_dict dict,
                                               struct dictsqlite_key key,
                                               struct dictsqlite_slice value,
                                               int64_t version,
                                               int64_t ttl,
                                               int64_t *new_version,
                                               struct dictsqlite_error **error);

/// Deletes `key` if its version is `version`. Waits for its commit.
/// Errors: CONFLICT, naming the key, when it has another version or is not there; else as `dictsqlite_set`.
enum dictsqlite_code dictsqlite_delete_if_version(struct dictsqlite_dict dict,
                                                  struct dictsqlite_key key,
                                                  int64_t version,
                                                  struct dictsqlite_error **error);

/// Deletes `key` and says whether it was there. Waits for its commit.
/// Errors: as `dictsqlite_set`.
enum dictsqlite_code dictsqlite_remove(struct dictsqlite_dict dict,
                                       struct dictsqlite_key key,
                                       bool *removed,
                                       struct dictsqlite_error **error);

/// Removes an entry and gives it; `entry->value.data` is NULL if there was none. Free it with
/// `dictsqlite_entry_free`. Waits for its commit.
/// Errors: as `dictsqlite_set`.
enum dictsqlite_code dictsqlite_pop(struct dictsqlite_dict dict,
                                    struct dictsqlite_key key,
                                    struct dictsqlite_entry *entry,
                                    struct dictsqlite_error **error);

/// Removes the newest entry in insertion order, or with `newest` false the oldest, and gives it as a page of one;
/// of none if the table is empty. Free it with `dictsqlite_page_free`. Waits for its commit.
/// Errors: as `dictsqlite_set`.
enum dictsqlite_code dictsqlite_pop_item(struct dictsqlite_dict dict,
                                         bool newest,
                                         struct dictsqlite_page *item,
                                         struct dictsqlite_error **error);

/// Gives the entry of `key` if there is one; else sets it to `value`, and `existing->value.data` is NULL. Free it
/// with `dictsqlite_entry_free`. Waits for its commit. `ttl` as for `dictsqlite_set_ttl`.
/// Errors: as `dictsqlite_set_ttl`.
enum dictsqlite_code dictsqlite_set_default(struct dictsqlite_dict dict,
                                            struct dictsqlite_key key,
                                            struct dictsqlite_slice value,
                                            int64_t ttl,
                                            struct dictsqlite_entry *existing,
                                            struct dictsqlite_error **error);

/// Adds `by` to an integer, which counts from 0 when there is none, and gives the sum. In a `bytes` table it is kept
/// as decimal digits. The entry's expiry stays. Waits for its commit.
/// Errors: CODEC when the value is no integer, INVALID when the sum does not fit 64 bits; else as `dictsqlite_set`.
enum dictsqlite_code dictsqlite_incr(struct dictsqlite_dict dict,
                                     struct dictsqlite_key key,
                                     int64_t by,
                                     int64_t *sum,
                                     struct dictsqlite_error **error);

/// Changes when an entry expires and leaves its value; `found` is false when there is none. `ttl` as for
/// `dictsqlite_set_ttl`. Waits for its commit.
/// Errors: as `dictsqlite_set_ttl`.
enum dictsqlite_code dictsqlite_expire(struct dictsqlite_dict dict,
                                       struct dictsqlite_key key,
                                       int64_t ttl,
                                       bool *found,
                                       struct dictsqlite_error **error);

/// Removes every entry of the table and gives how many rows that were. Waits for its commit.
/// Errors: as `dictsqlite_set`.
enum dictsqlite_code dictsqlite_clear(struct dictsqlite_dict dict,
                                      uint64_t *removed,
                                      struct dictsqlite_error **error);

/// Begins a scan of the entries; `options` may be NULL. A scan sees every write acknowledged before it began. Changing
/// the dict meanwhile is allowed. Nothing is read yet, and between pages nothing is held (unless CONSISTENT).
///
/// `scan` is a handle, to be closed with `dictsqlite_scan_close`. Pages of one scan are read by one thread at a time.
/// Errors: KEY_TYPE for a prefix or bound that is no key, INVALID, CLOSED, FULL (65536 scans are open).
enum dictsqlite_code dictsqlite_scan_begin(struct dictsqlite_dict dict,
                                           const struct dictsqlite_scan_options *options,
                                           struct dictsqlite_scan *scan,
                                           struct dictsqlite_error **error);

/// Gives the next entries, at most a few thousand; a page of none is the end. Free it with `dictsqlite_page_free`. It
/// stays valid when the scan is closed.
/// Errors: as `dictsqlite_get` and `dictsqlite_flush`; INVALID while another thread reads a page of it.
enum dictsqlite_code dictsqlite_scan_next(struct dictsqlite_scan scan,
                                          struct dictsqlite_page *page,
                                          struct dictsqlite_error **error);

/// `dictsqlite_scan_next` without blocking; the result's `page`. It cannot be cancelled, since the page would be
/// missing from the scan.
enum dictsqlite_code dictsqlite_scan_next_async(struct dictsqlite_scan scan,
                                                struct dictsqlite_call call,
                                                struct dictsqlite_op *op,
                                                struct dictsqlite_error **error);

/// Ends a scan and gives up what it holds.
/// Errors: CLOSED if it is closed already, which does no harm.
enum dictsqlite_code dictsqlite_scan_close(struct dictsqlite_scan scan,
                                           struct dictsqlite_error **error);

/// Begins a transaction, as a dict on the table of `dict`; `dictsqlite_tx_table` gives it on the others. It sees every
/// write that was acknowledged before, and nobody sees its own before `dictsqlite_tx_commit`. `options` may be NULL.
/// It belongs to the calling thread: others get INVALID. While an immediate one is open, its thread gets INVALID
/// for using the dict itself. May wait up to the timeout.
///
/// `tx` is a handle, to be closed with `dictsqlite_tx_close`, after the commit as well; not committed by then, it is
/// rolled back. It is rolled back as well when it was open for longer than `max_hold`: then it gives TIMEOUT.
/// Errors: INVALID (options; an immediate transaction of this thread is open), TIMEOUT and BUSY (pending writes could
/// not be committed, or the write lock not be had, in time), CLOSED, IO, FULL (65536 are open).
enum dictsqlite_code dictsqlite_tx_begin(struct dictsqlite_dict dict,
                                         const struct dictsqlite_tx_options *options,
                                         struct dictsqlite_tx *tx,
                                         struct dictsqlite_error **error);

/// Gives the same transaction on another table, which must have the codec `storage_mode`; NULL takes the one that it
/// has. A concurrent transaction makes a table that is missing, with that codec or the one of this table, at once and
/// whether it is committed or not. `table` is a handle, to be closed with `dictsqlite_tx_close`, which ends nothing else.
/// Errors: CODEC when the table has another codec, INVALID when it is missing and cannot be made here; else as
/// `dictsqlite_tx_get`.
enum dictsqlite_code dictsqlite_tx_table(struct dictsqlite_tx tx,
                                         dictsqlite_string name,
                                         dictsqlite_string storage_mode,
                                         struct dictsqlite_tx *table,
                                         struct dictsqlite_error **error);

/// Begins a scan in the transaction: of its snapshot, with its own writes; those have version 0. As
/// `dictsqlite_scan_begin` else; CONSISTENT changes nothing.
/// Errors: KEY_TYPE for a prefix or bound that is no key, FULL (65536 scans are open); else as `dictsqlite_tx_get`.
enum dictsqlite_code dictsqlite_tx_scan_begin(struct dictsqlite_tx tx,
                                              const struct dictsqlite_scan_options *options,
                                              struct dictsqlite_scan *scan,
                                              struct dictsqlite_error **error);

/// Marks what was written so far; `savepoint` is the mark's number. Never waits.
/// Errors: as `dictsqlite_tx_rollback`.
enum dictsqlite_code dictsqlite_tx_savepoint(struct dictsqlite_tx tx,
                                             uint64_t *savepoint,
                                             struct dictsqlite_error **error);

/// Takes back everything that was written since a savepoint, which stays, and forgets the ones after it. Never waits.
/// Errors: INVALID when there is no such savepoint; else as `dictsqlite_tx_rollback`.
enum dictsqlite_code dictsqlite_tx_rollback_to(struct dictsqlite_tx tx,
                                               uint64_t savepoint,
                                               struct dictsqlite_error **error);

/// Forgets a savepoint and the ones after it; what was written stays. Never waits.
/// Errors: as `dictsqlite_tx_rollback_to`.
enum dictsqlite_code dictsqlite_tx_release(struct dictsqlite_tx tx,
                                           uint64_t savepoint,
                                           struct dictsqlite_error **error);

/// Commits: all of it is committed (and synced, in `durable`) when this returns. `version` gets the number of its last
/// operation, which is the version of what was written last, and 0 when nothing was written; it may be NULL. The
/// handle stays, to be closed.
/// Errors: CONFLICT, naming the key where it is one, when somebody else has changed what it has read, or what it
/// writes: begin another one. TIMEOUT, BUSY, FULL, IO when it could not be committed in time. In all of these nothing
/// of it was written, and it is over. Else as `dictsqlite_tx_rollback`.
enum dictsqlite_code dictsqlite_tx_commit(struct dictsqlite_tx tx,
                                          int64_t *version,
                                          struct dictsqlite_error **error);

/// Gives up everything that was written in it. The handle stays, to be closed. Never waits.
/// Errors: CLOSED when it is over or closed already, TIMEOUT when it was open for too long, INVALID on another
/// thread than the one it belongs to.
enum dictsqlite_code dictsqlite_tx_rollback(struct dictsqlite_tx tx,
                                            struct dictsqlite_error **error);

/// True for a transaction that was neither committed nor rolled back, and whose time is not up. Never waits.
bool dictsqlite_tx_is_open(struct dictsqlite_tx tx);

/// Closes the handle of a transaction, from any thread; what was not committed is rolled back. The handle of another
/// table (`dictsqlite_tx_table`) is closed alone.
/// Errors: CLOSED if it is closed already, which does no harm.
enum dictsqlite_code dictsqlite_tx_close(struct dictsqlite_tx tx,
                                         struct dictsqlite_error **error);

/// Gives the value of `key` as the transaction sees it: its own write, or else what its snapshot has. As
/// `dictsqlite_get` else.
/// Errors: as `dictsqlite_get`; CLOSED when the transaction is over or closed, TIMEOUT when it was open for too long,
/// INVALID on another thread than the one it belongs to.
enum dictsqlite_code dictsqlite_tx_get(struct dictsqlite_tx tx,
                                       struct dictsqlite_key key,
                                       struct dictsqlite_value *value,
                                       struct dictsqlite_error **error);

/// Says whether there is an entry for `key`.
/// Errors: as `dictsqlite_tx_get`.
enum dictsqlite_code dictsqlite_tx_contains(struct dictsqlite_tx tx,
                                            struct dictsqlite_key key,
                                            bool *found,
                                            struct dictsqlite_error **error);

/// Gives the value of `key` with its version (0 when it was written in this transaction) and expiry. Free it with
/// `dictsqlite_entry_free`.
/// Errors: as `dictsqlite_tx_get`.
enum dictsqlite_code dictsqlite_tx_get_entry(struct dictsqlite_tx tx,
                                             struct dictsqlite_key key,
                                             struct dictsqlite_entry *entry,
                                             struct dictsqlite_error **error);

/// Gives the number of entries.
/// Errors: as `dictsqlite_tx_get`.
enum dictsqlite_code dictsqlite_tx_len(struct dictsqlite_tx tx,
                                       uint64_t *len,
                                       struct dictsqlite_error **error);

/// Sets `key` to `value`, which is copied. `ttl` as for `dictsqlite_set_ttl`. Never waits.
/// Errors: KEY_TYPE, CODEC, INVALID for another `ttl`, READ_ONLY in a transaction that only reads; else as
/// `dictsqlite_tx_get`.
enum dictsqlite_code dictsqlite_tx_set(struct dictsqlite_tx tx,
                                       struct dictsqlite_key key,
                                       struct dictsqlite_slice value,
                                       int64_t ttl,
                                       struct dictsqlite_error **error);

/// Deletes `key`, whether it is there or not. Never waits.
/// Errors: as `dictsqlite_tx_set`.
enum dictsqlite_code dictsqlite_tx_delete(struct dictsqlite_tx tx,
                                          struct dictsqlite_key key,
                                          struct dictsqlite_error **error);

/// Deletes `key` and says whether it was there.
/// Errors: as `dictsqlite_tx_set`.
enum dictsqlite_code dictsqlite_tx_remove(struct dictsqlite_tx tx,
                                          struct dictsqlite_key key,
                                          bool *removed,
                                          struct dictsqlite_error **error);

/// Removes an entry and gives it, as `dictsqlite_pop` does.
/// Errors: as `dictsqlite_tx_set`.
enum dictsqlite_code dictsqlite_tx_pop(struct dictsqlite_tx tx,
                                       struct dictsqlite_key key,
                                       struct dictsqlite_entry *entry,
                                       struct dictsqlite_error **error);

/// Gives the entry of `key` if there is one; else sets it to `value`, as `dictsqlite_set_default` does.
/// Errors: as `dictsqlite_tx_set`.
enum dictsqlite_code dictsqlite_tx_set_default(struct dictsqlite_tx tx,
                                               struct dictsqlite_key key,
                                               struct dictsqlite_slice value,
                                               int64_t ttl,
                                               struct dictsqlite_entry *existing,
                                               struct dictsqlite_error **error);

/// Adds `by` to an integer and gives the sum, as `dictsqlite_incr` does.
/// Errors: CODEC when the value is no integer, INVALID when the sum does not fit 64 bits; else as `dictsqlite_tx_set`.
enum dictsqlite_code dictsqlite_tx_incr(struct dictsqlite_tx tx,
                                        struct dictsqlite_key key,
                                        int64_t by,
                                        int64_t *sum,
                                        struct dictsqlite_error **error);

/// Changes when an entry expires and leaves its value; `found` is false when there is none.
/// Errors: as `dictsqlite_tx_set`.
enum dictsqlite_code dictsqlite_tx_expire(struct dictsqlite_tx tx,
                                          struct dictsqlite_key key,
                                          int64_t ttl,
                                          bool *found,
                                          struct dictsqlite_error **error);

/// Deletes every entry of the table, one by one, and gives how many those were.
/// Errors: as `dictsqlite_tx_set`.
enum dictsqlite_code dictsqlite_tx_clear(struct dictsqlite_tx tx,
                                         uint64_t *removed,
                                         struct dictsqlite_error **error);

/// Does all writes, in order, if every key of `checks` has its version; or nothing. Waits for its commit. `version` gets
/// the number of the last operation, which is the version of what was written last; it may be NULL.
/// Errors: CONFLICT, naming the key, when a check does not hold; CODEC and INVALID when something cannot be counted;
/// then nothing was done. Else as `dictsqlite_set_ttl`.
enum dictsqlite_code dictsqlite_atomic(struct dictsqlite_dict dict,
                                       struct dictsqlite_check_list checks,
                                       struct dictsqlite_write_list writes,
                                       int64_t *version,
                                       struct dictsqlite_error **error);

/// `dictsqlite_atomic` without blocking; the result's `number` is the number of the last operation.
enum dictsqlite_code dictsqlite_atomic_async(struct dictsqlite_dict dict,
                                             struct dictsqlite_check_list checks,
                                             struct dictsqlite_write_list writes,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// Has the changes of the table logged from now on, whoever makes them, in the same commit; the file records it. Of
/// the store's log the newest `count` changes are kept, and no older ones than `age_ms` milliseconds; NULL leaves a
/// limit as it is, and a new log keeps a million changes of the last seven days. May be called again. Waits for its
/// commit. A write costs two to three times as much at the writer, and the file grows by the log.
/// Errors: INVALID for a limit of 0, READ_ONLY, BUSY, TIMEOUT, FULL, IO, CLOSED.
enum dictsqlite_code dictsqlite_enable_changes(struct dictsqlite_dict dict,
                                               const uint64_t *count,
                                               const uint64_t *age_ms,
                                               struct dictsqlite_error **error);

/// `dictsqlite_enable_changes` without blocking.
enum dictsqlite_code dictsqlite_enable_changes_async(struct dictsqlite_dict dict,
                                                     const uint64_t *count,
                                                     const uint64_t *age_ms,
                                                     struct dictsqlite_call call,
                                                     struct dictsqlite_op *op,
                                                     struct dictsqlite_error **error);

/// Says whether the changes of the table are logged.
/// Errors: as `dictsqlite_get`.
enum dictsqlite_code dictsqlite_has_changes(struct dictsqlite_dict dict,
                                            bool *logged,
                                            struct dictsqlite_error **error);

/// `dictsqlite_has_changes` without blocking; the result's `number` is 0 or 1.
enum dictsqlite_code dictsqlite_has_changes_async(struct dictsqlite_dict dict,
                                                  struct dictsqlite_call call,
                                                  struct dictsqlite_op *op,
                                                  struct dictsqlite_error **error);

/// Begins a stream of the store's changes, as they are committed by anybody; `options` may be NULL. What was accepted
/// and is not committed yet is committed by `dictsqlite_flush`. Nothing is held while nobody waits, and at most a page
/// in memory.
///
/// `stream` is a handle, to be closed with `dictsqlite_changes_close`. It ends, with CLOSED, when `dict` is closed.
/// Errors: INVALID when no such table logs its changes, when `since` is no number of this store, and when changes after
/// it were removed already (`dictsqlite_error_is_history_truncated`); KEY_TYPE for a prefix that is none; CLOSED; FULL
/// (65536 streams are open); as `dictsqlite_get`.
enum dictsqlite_code dictsqlite_changes_begin(struct dictsqlite_dict dict,
                                              const struct dictsqlite_changes_options *options,
                                              struct dictsqlite_change_stream *stream,
                                              struct dictsqlite_error **error);

/// Gives the next changes, at most about a thousand. Waits for one for at most `timeout_ms` milliseconds, below 0
/// without end; a page of none says that the time has passed. Free it with `dictsqlite_change_page_free`. It stays
/// valid when the stream is closed. Of several threads that wait each page goes to one.
/// Errors: CLOSED, also when the stream or its dict is closed meanwhile; INVALID when changes were removed from the log
/// before they were read (`dictsqlite_error_is_history_truncated`); as `dictsqlite_get`.
enum dictsqlite_code dictsqlite_changes_next(struct dictsqlite_change_stream stream,
                                             int64_t timeout_ms,
                                             struct dictsqlite_change_page *page,
                                             struct dictsqlite_error **error);

/// `dictsqlite_changes_next` without blocking, and without a timeout; the result's `changes`. Cancelled, nothing is
/// lost: the changes come with the next page.
enum dictsqlite_code dictsqlite_changes_next_async(struct dictsqlite_change_stream stream,
                                                   struct dictsqlite_call call,
                                                   struct dictsqlite_op *op,
                                                   struct dictsqlite_error **error);

/// Gives the number up to which everything was given out, or passed over by the options: as `since` it goes on from
/// here. It may be above the last change's number. Never waits.
/// Errors: CLOSED.
enum dictsqlite_code dictsqlite_changes_position(struct dictsqlite_change_stream stream,
                                                 int64_t *position,
                                                 struct dictsqlite_error **error);

/// Ends a stream; who waits for it is told CLOSED.
/// Errors: CLOSED if it is closed already, which does no harm.
enum dictsqlite_code dictsqlite_changes_close(struct dictsqlite_change_stream stream,
                                              struct dictsqlite_error **error);

/// Watches `keys`, at most 10,000; without any, all keys with `prefix`, or with NULL all keys of the table, for which
/// it must log its changes. Gives what is there, and then what is different after later commits, by anybody: what
/// changes several times while nobody looks is given once.
///
/// `watch` is a handle, to be closed with `dictsqlite_watch_close`. It ends, with CLOSED, when `dict` is closed.
/// Errors: KEY_TYPE; INVALID for keys and a prefix, too many keys, or a table that does not log its changes; CLOSED; FULL
/// (65536 watches are open); as `dictsqlite_get`.
enum dictsqlite_code dictsqlite_watch_begin(struct dictsqlite_dict dict,
                                            struct dictsqlite_key_list keys,
                                            const struct dictsqlite_key *prefix,
                                            struct dictsqlite_watch *watch,
                                            struct dictsqlite_error **error);

/// Gives what is there, the first time, a page at a time; then what has changed since. The value of an item has NULL as
/// its `data` when there is no entry. Waits for at most `timeout_ms` milliseconds, below 0 without end; a page of none
/// says that the time has passed. Free it with `dictsqlite_page_free`.
/// Errors: as `dictsqlite_changes_next` and, the first time, `dictsqlite_flush`.
enum dictsqlite_code dictsqlite_watch_next(struct dictsqlite_watch watch,
                                           int64_t timeout_ms,
                                           struct dictsqlite_page *page,
                                           struct dictsqlite_error **error);

/// `dictsqlite_watch_next` without blocking, and without a timeout; the result's `page`. Cancelled, nothing is lost.
enum dictsqlite_code dictsqlite_watch_next_async(struct dictsqlite_watch watch,
                                                 struct dictsqlite_call call,
                                                 struct dictsqlite_op *op,
                                                 struct dictsqlite_error **error);

/// Ends a watch; who waits for it is told CLOSED.
/// Errors: CLOSED if it is closed already, which does no harm.
enum dictsqlite_code dictsqlite_watch_close(struct dictsqlite_watch watch,
                                            struct dictsqlite_error **error);

/// Copies the store, all its tables, to a file of its own at `dest`, while it goes on being read and written; `options`
/// may be NULL. The copy is of one moment, which every write acknowledged before is part of. It is a store like any other.
/// `bytes` is its size. It is written beside its place, synced, and then put there in one step: cancelled or failed, it
/// leaves nothing. Takes as long as the store is large.
/// Errors: INVALID when something is at `dest` and may not be replaced; BUSY when that is an open store; CANCELLED by the
/// progress callback; FULL, IO, CORRUPT, CLOSED; as `dictsqlite_flush` when what is pending cannot be committed.
enum dictsqlite_code dictsqlite_backup(struct dictsqlite_dict dict,
                                       dictsqlite_string dest,
                                       const struct dictsqlite_backup_options *options,
                                       uint64_t *bytes,
                                       struct dictsqlite_error **error);

/// Puts a copy of the store `source` at `path`, where nobody may have a store open; `options` may be NULL. `bytes` is its
/// size. The copy is checked, and what was at `path` stays until it is whole. The source is only read. Needs no handle.
/// Errors: INVALID when something is at `path` and may not be replaced; BUSY when a store is open there; CORRUPT when the
/// source is damaged; CANCELLED by the progress callback; UNSUPPORTED, FULL, IO.
enum dictsqlite_code dictsqlite_restore(dictsqlite_string source,
                                        dictsqlite_string path,
                                        const struct dictsqlite_restore_options *options,
                                        uint64_t *bytes,
                                        struct dictsqlite_error **error);

/// Writes entries, as of one moment, to a file that is no database, which `dictsqlite_import` reads; `options` may be
/// NULL. `count` is how many. Versions are not part of it. It is put in its place in one step, as by `dictsqlite_backup`.
/// Errors: INVALID for a table that is not there; CODEC for what another tool wrote and the table's codec cannot read;
/// KEY_TYPE for a prefix that is none; else as `dictsqlite_backup`.
enum dictsqlite_code dictsqlite_export(struct dictsqlite_dict dict,
                                       dictsqlite_string dest,
                                       const struct dictsqlite_export_options *options,
                                       uint64_t *count,
                                       struct dictsqlite_error **error);

/// Reads an export, of either format, into this store; `options` may be NULL. Every entry goes to the table it came from,
/// whichever table `dict` is on; those that are missing are made. The file is read to its end before anything is written.
/// Then, with `DICTSQLITE_IMPORT_REPLACE`, entries are written in units of at most 1000, and one by one otherwise: what
/// goes wrong or is cancelled from then on leaves those that were written, and the error says how many.
/// Errors: CORRUPT, naming the line, for a file that is no export or is damaged; CODEC for a table with another codec;
/// CONFLICT, naming the key, with `DICTSQLITE_IMPORT_ERROR`; CANCELLED by the progress callback; READ_ONLY, BUSY,
/// TIMEOUT, FULL, IO, CLOSED.
enum dictsqlite_code dictsqlite_import(struct dictsqlite_dict dict,
                                       dictsqlite_string source,
                                       const struct dictsqlite_import_options *options,
                                       struct dictsqlite_imported *imported,
                                       struct dictsqlite_error **error);

/// Reads entries into the cache until it is full: those with `prefix` in key order, or with NULL all of the table in
/// insertion order. `progress` may be NULL; it counts entries.
/// Errors: KEY_TYPE for a prefix that is none; CANCELLED by the progress callback; as `dictsqlite_get`.
enum dictsqlite_code dictsqlite_warm(struct dictsqlite_dict dict,
                                     const struct dictsqlite_key *prefix,
                                     const struct dictsqlite_progress *progress,
                                     struct dictsqlite_warmed *warmed,
                                     struct dictsqlite_error **error);

/// Writes the database anew, without the room that deleted entries left. Writes are accepted meanwhile and committed
/// afterwards. Needs room on the disk for two copies while it works. What is cached has to be read again.
/// Errors: BUSY when another connection has the lock until the timeout; READ_ONLY, FULL, IO, CORRUPT, CLOSED.
enum dictsqlite_code dictsqlite_vacuum(struct dictsqlite_dict dict,
                                       struct dictsqlite_vacuumed *vacuumed,
                                       struct dictsqlite_error **error);

/// Commits what is pending, moves the write-ahead log into the database and empties it, as far as readers allow. The
/// store does so by itself; this is for who copies or measures the file. Waits up to the timeout.
/// Errors: BUSY, READ_ONLY, FULL, IO, CLOSED; as `dictsqlite_flush`.
enum dictsqlite_code dictsqlite_checkpoint(struct dictsqlite_dict dict,
                                           struct dictsqlite_checkpointed *done,
                                           struct dictsqlite_error **error);

/// Reads all of the file and gives what is wrong with it, in SQLite's terms and in ours. Free it with
/// `dictsqlite_problems_free`. Damage is no error but a problem.
/// Errors: as `dictsqlite_get`.
enum dictsqlite_code dictsqlite_integrity_check(struct dictsqlite_dict dict,
                                                struct dictsqlite_problems *problems,
                                                struct dictsqlite_error **error);

/// Opens a queue: what asynchronous operations that name it have finished waits there until
/// `dictsqlite_queue_run` calls back, on the thread that runs it. Close it with `dictsqlite_queue_close`. In the child
/// of a fork a queue of the parent gives CLOSED.
/// Errors: IO (no descriptor left), FULL (65536 queues are open).
enum dictsqlite_code dictsqlite_queue_open(struct dictsqlite_queue *queue,
                                           struct dictsqlite_error **error);

/// Gives a descriptor that is readable while callbacks wait, for `poll`, `epoll` or an event loop; -1 where the
/// system has none. It is the queue's: do not read from it, write to it or close it.
/// Errors: CLOSED.
enum dictsqlite_code dictsqlite_queue_descriptor(struct dictsqlite_queue queue,
                                                 int32_t *descriptor,
                                                 struct dictsqlite_error **error);

/// Calls back on this thread what is finished, and gives how many that were. While nothing is but operations are
/// under way, it waits: for at most `timeout_ms` milliseconds, 0 for not at all, below 0 without end. What finishes
/// while callbacks run is left for the next time, so that an event loop turns.
/// Callbacks may start operations, call any function, and run the queue again. `count` may be NULL.
/// Errors: CLOSED.
enum dictsqlite_code dictsqlite_queue_run(struct dictsqlite_queue queue,
                                          int64_t timeout_ms,
                                          uint64_t *count,
                                          struct dictsqlite_error **error);

/// Gives how many operations were not called back yet.
/// Errors: CLOSED.
enum dictsqlite_code dictsqlite_queue_pending(struct dictsqlite_queue queue,
                                              uint64_t *count,
                                              struct dictsqlite_error **error);

/// Closes a queue that is empty.
/// Errors: BUSY while operations are under way or wait to be called back: run it until `dictsqlite_queue_pending`
/// is 0, which takes no longer than the longest timeout. CLOSED if it is closed already, which does no harm.
enum dictsqlite_code dictsqlite_queue_close(struct dictsqlite_queue queue,
                                            struct dictsqlite_error **error);

/// Cancels an asynchronous operation. `cancelled` says whether that worked: then it never happens (or, if it only reads,
/// its result is thrown away; an import leaves what it had written), and its callback is called with CANCELLED. Otherwise
/// it was accepted or is done, and the callback is called with what comes of it. `cancelled` may be NULL.
/// Errors: CLOSED when the queue of the operation is.
enum dictsqlite_code dictsqlite_cancel(struct dictsqlite_op op,
                                       bool *cancelled,
                                       struct dictsqlite_error **error);

/// `dictsqlite_open` without blocking; the result's `dict`.
enum dictsqlite_code dictsqlite_open_async(dictsqlite_string path,
                                           struct dictsqlite_option_list options,
                                           struct dictsqlite_call call,
                                           struct dictsqlite_op *op,
                                           struct dictsqlite_error **error);

/// `dictsqlite_open_table` without blocking; the result's `dict`.
enum dictsqlite_code dictsqlite_open_table_async(struct dictsqlite_dict dict,
                                                 dictsqlite_string name,
                                                 dictsqlite_string storage_mode,
                                                 struct dictsqlite_call call,
                                                 struct dictsqlite_op *op,
                                                 struct dictsqlite_error **error);

/// `dictsqlite_list_tables` without blocking; the result's `tables`.
enum dictsqlite_code dictsqlite_list_tables_async(struct dictsqlite_dict dict,
                                                  struct dictsqlite_call call,
                                                  struct dictsqlite_op *op,
                                                  struct dictsqlite_error **error);

/// `dictsqlite_drop_table` without blocking; the result's `number` is 0 or 1.
enum dictsqlite_code dictsqlite_drop_table_async(struct dictsqlite_dict dict,
                                                 dictsqlite_string name,
                                                 struct dictsqlite_call call,
                                                 struct dictsqlite_op *op,
                                                 struct dictsqlite_error **error);

/// `dictsqlite_flush` without blocking.
enum dictsqlite_code dictsqlite_flush_async(struct dictsqlite_dict dict,
                                            bool durable,
                                            struct dictsqlite_call call,
                                            struct dictsqlite_op *op,
                                            struct dictsqlite_error **error);

/// `dictsqlite_close` without blocking. The handle is closed when the callback is called.
enum dictsqlite_code dictsqlite_close_async(struct dictsqlite_dict dict,
                                            struct dictsqlite_call call,
                                            struct dictsqlite_op *op,
                                            struct dictsqlite_error **error);

/// `dictsqlite_get` without blocking; the result's `value`. Cancelled, its result is thrown away.
enum dictsqlite_code dictsqlite_get_async(struct dictsqlite_dict dict,
                                          struct dictsqlite_key key,
                                          struct dictsqlite_call call,
                                          struct dictsqlite_op *op,
                                          struct dictsqlite_error **error);

/// `dictsqlite_contains` without blocking; the result's `number` is 0 or 1.
enum dictsqlite_code dictsqlite_contains_async(struct dictsqlite_dict dict,
                                               struct dictsqlite_key key,
                                               struct dictsqlite_call call,
                                               struct dictsqlite_op *op,
                                               struct dictsqlite_error **error);

/// `dictsqlite_get_entry` without blocking; the result's `entry`.
enum dictsqlite_code dictsqlite_get_entry_async(struct dictsqlite_dict dict,
                                                struct dictsqlite_key key,
                                                struct dictsqlite_call call,
                                                struct dictsqlite_op *op,
                                                struct dictsqlite_error **error);

/// `dictsqlite_len` without blocking; the result's `number`.
enum dictsqlite_code dictsqlite_len_async(struct dictsqlite_dict dict,
                                          struct dictsqlite_call call,
                                          struct dictsqlite_op *op,
                                          struct dictsqlite_error **error);

/// `dictsqlite_get_many` without blocking; the result's `values`.
enum dictsqlite_code dictsqlite_get_many_async(struct dictsqlite_dict dict,
                                               struct dictsqlite_key_list keys,
                                               struct dictsqlite_call call,
                                               struct dictsqlite_op *op,
                                               struct dictsqlite_error **error);

/// `dictsqlite_set_ttl` without blocking: done when the promise of the handle's persist mode is kept. Key and value are
/// copied before it returns.
enum dictsqlite_code dictsqlite_set_async(struct dictsqlite_dict dict,
                                          struct dictsqlite_key key,
                                          struct dictsqlite_slice value,
                                          int64_t ttl,
                                          struct dictsqlite_call call,
                                          struct dictsqlite_op *op,
                                          struct dictsqlite_error **error);

/// `dictsqlite_delete` without blocking.
enum dictsqlite_code dictsqlite_delete_async(struct dictsqlite_dict dict,
                                             struct dictsqlite_key key,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// `dictsqlite_set_many` without blocking. Keys and values are copied before it returns.
enum dictsqlite_code dictsqlite_set_many_async(struct dictsqlite_dict dict,
                                               struct dictsqlite_pair_list items,
                                               int64_t ttl,
                                               struct dictsqlite_call call,
                                               struct dictsqlite_op *op,
                                               struct dictsqlite_error **error);

/// `dictsqlite_delete_many` without blocking.
enum dictsqlite_code dictsqlite_delete_many_async(struct dictsqlite_dict dict,
                                                  struct dictsqlite_key_list keys,
                                                  struct dictsqlite_call call,
                                                  struct dictsqlite_op *op,
                                                  struct dictsqlite_error **error);

/// `dictsqlite_set_if_version` without blocking; the result's `number` is the new version.
enum dictsqlite_code dictsqlite_set_if_version_async(struct dictsqlite_dict dict,
                                                     struct dictsqlite_key key,
                                                     struct dictsqlite_slice value,
                                                     int64_t version,
                                                     int64_t ttl,
                                                     struct dictsqlite_call call,
                                                     struct dictsqlite_op *op,
                                                     struct dictsqlite_error **error);

/// `dictsqlite_delete_if_version` without blocking.
enum dictsqlite_code dictsqlite_delete_if_version_async(struct dictsqlite_dict dict,
                                                        struct dictsqlite_key key,
                                                        int64_t version,
                                                        struct dictsqlite_call call,
                                                        struct dictsqlite_op *op,
                                                        struct dictsqlite_error **error);

/// `dictsqlite_remove` without blocking; the result's `number` is 0 or 1.
enum dictsqlite_code dictsqlite_remove_async(struct dictsqlite_dict dict,
                                             struct dictsqlite_key key,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// `dictsqlite_pop` without blocking; the result's `entry`.
enum dictsqlite_code dictsqlite_pop_async(struct dictsqlite_dict dict,
                                          struct dictsqlite_key key,
                                          struct dictsqlite_call call,
                                          struct dictsqlite_op *op,
                                          struct dictsqlite_error **error);

/// `dictsqlite_pop_item` without blocking; the result's `page`.
enum dictsqlite_code dictsqlite_pop_item_async(struct dictsqlite_dict dict,
                                               bool newest,
                                               struct dictsqlite_call call,
                                               struct dictsqlite_op *op,
                                               struct dictsqlite_error **error);

/// `dictsqlite_set_default` without blocking; the result's `entry`.
enum dictsqlite_code dictsqlite_set_default_async(struct dictsqlite_dict dict,
                                                  struct dictsqlite_key key,
                                                  struct dictsqlite_slice value,
                                                  int64_t ttl,
                                                  struct dictsqlite_call call,
                                                  struct dictsqlite_op *op,
                                                  struct dictsqlite_error **error);

/// `dictsqlite_incr` without blocking; the result's `number` is the sum.
enum dictsqlite_code dictsqlite_incr_async(struct dictsqlite_dict dict,
                                           struct dictsqlite_key key,
                                           int64_t by,
                                           struct dictsqlite_call call,
                                           struct dictsqlite_op *op,
                                           struct dictsqlite_error **error);

/// `dictsqlite_expire` without blocking; the result's `number` is 0 or 1.
enum dictsqlite_code dictsqlite_expire_async(struct dictsqlite_dict dict,
                                             struct dictsqlite_key key,
                                             int64_t ttl,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// `dictsqlite_clear` without blocking; the result's `number` is how many rows were removed.
enum dictsqlite_code dictsqlite_clear_async(struct dictsqlite_dict dict,
                                            struct dictsqlite_call call,
                                            struct dictsqlite_op *op,
                                            struct dictsqlite_error **error);

/// `dictsqlite_backup` without blocking; the result's `number` is the bytes. Cancelled, it calls back when nothing of it
/// is left; that works until the copy is put in its place.
enum dictsqlite_code dictsqlite_backup_async(struct dictsqlite_dict dict,
                                             dictsqlite_string dest,
                                             const struct dictsqlite_backup_options *options,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// `dictsqlite_restore` without blocking; the result's `number` is the bytes. Cancelled as `dictsqlite_backup_async`.
enum dictsqlite_code dictsqlite_restore_async(dictsqlite_string source,
                                              dictsqlite_string path,
                                              const struct dictsqlite_restore_options *options,
                                              struct dictsqlite_call call,
                                              struct dictsqlite_op *op,
                                              struct dictsqlite_error **error);

/// `dictsqlite_export` without blocking; the result's `number`. Cancelled as `dictsqlite_backup_async`.
enum dictsqlite_code dictsqlite_export_async(struct dictsqlite_dict dict,
                                             dictsqlite_string dest,
                                             const struct dictsqlite_export_options *options,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// `dictsqlite_import` without blocking; the result's `imported`. Cancelled, it leaves the entries that were written.
enum dictsqlite_code dictsqlite_import_async(struct dictsqlite_dict dict,
                                             dictsqlite_string source,
                                             const struct dictsqlite_import_options *options,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// `dictsqlite_warm` without blocking; the result's `warmed`. It can be cancelled.
enum dictsqlite_code dictsqlite_warm_async(struct dictsqlite_dict dict,
                                           const struct dictsqlite_key *prefix,
                                           const struct dictsqlite_progress *progress,
                                           struct dictsqlite_call call,
                                           struct dictsqlite_op *op,
                                           struct dictsqlite_error **error);

/// `dictsqlite_vacuum` without blocking; the result's `vacuumed`. Cancelled, it leaves the database as it was, or, in the
/// last moment, the same without that room.
enum dictsqlite_code dictsqlite_vacuum_async(struct dictsqlite_dict dict,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// `dictsqlite_checkpoint` without blocking; the result's `checkpointed`. It cannot be cancelled.
enum dictsqlite_code dictsqlite_checkpoint_async(struct dictsqlite_dict dict,
                                                 struct dictsqlite_call call,
                                                 struct dictsqlite_op *op,
                                                 struct dictsqlite_error **error);

/// `dictsqlite_integrity_check` without blocking; the result's `problems`. It can be cancelled.
enum dictsqlite_code dictsqlite_integrity_check_async(struct dictsqlite_dict dict,
                                                      struct dictsqlite_call call,
                                                      struct dictsqlite_op *op,
                                                      struct dictsqlite_error **error);

/// `dictsqlite_tx_begin` without blocking; the result's `tx`. The transaction belongs to no thread: any one may use
/// it, one at a time. So nobody is told who uses the dict while an immediate one is open: writes wait for it, up
/// to their timeout. Cancelled, an immediate one leaves the queue for the write lock.
enum dictsqlite_code dictsqlite_tx_begin_async(struct dictsqlite_dict dict,
                                               const struct dictsqlite_tx_options *options,
                                               struct dictsqlite_call call,
                                               struct dictsqlite_op *op,
                                               struct dictsqlite_error **error);

/// `dictsqlite_tx_table` without blocking; the result's `tx`.
enum dictsqlite_code dictsqlite_tx_table_async(struct dictsqlite_tx tx,
                                               dictsqlite_string name,
                                               dictsqlite_string storage_mode,
                                               struct dictsqlite_call call,
                                               struct dictsqlite_op *op,
                                               struct dictsqlite_error **error);

/// `dictsqlite_tx_get` without blocking; the result's `value`.
enum dictsqlite_code dictsqlite_tx_get_async(struct dictsqlite_tx tx,
                                             struct dictsqlite_key key,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// `dictsqlite_tx_contains` without blocking; the result's `number` is 0 or 1.
enum dictsqlite_code dictsqlite_tx_contains_async(struct dictsqlite_tx tx,
                                                  struct dictsqlite_key key,
                                                  struct dictsqlite_call call,
                                                  struct dictsqlite_op *op,
                                                  struct dictsqlite_error **error);

/// `dictsqlite_tx_get_entry` without blocking; the result's `entry`.
enum dictsqlite_code dictsqlite_tx_get_entry_async(struct dictsqlite_tx tx,
                                                   struct dictsqlite_key key,
                                                   struct dictsqlite_call call,
                                                   struct dictsqlite_op *op,
                                                   struct dictsqlite_error **error);

/// `dictsqlite_tx_len` without blocking; the result's `number`.
enum dictsqlite_code dictsqlite_tx_len_async(struct dictsqlite_tx tx,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// `dictsqlite_tx_remove` without blocking; the result's `number` is 0 or 1.
enum dictsqlite_code dictsqlite_tx_remove_async(struct dictsqlite_tx tx,
                                                struct dictsqlite_key key,
                                                struct dictsqlite_call call,
                                                struct dictsqlite_op *op,
                                                struct dictsqlite_error **error);

/// `dictsqlite_tx_pop` without blocking; the result's `entry`.
enum dictsqlite_code dictsqlite_tx_pop_async(struct dictsqlite_tx tx,
                                             struct dictsqlite_key key,
                                             struct dictsqlite_call call,
                                             struct dictsqlite_op *op,
                                             struct dictsqlite_error **error);

/// `dictsqlite_tx_set_default` without blocking; the result's `entry`.
enum dictsqlite_code dictsqlite_tx_set_default_async(struct dictsqlite_tx tx,
                                                     struct dictsqlite_key key,
                                                     struct dictsqlite_slice value,
                                                     int64_t ttl,
                                                     struct dictsqlite_call call,
                                                     struct dictsqlite_op *op,
                                                     struct dictsqlite_error **error);

/// `dictsqlite_tx_incr` without blocking; the result's `number` is the sum.
enum dictsqlite_code dictsqlite_tx_incr_async(struct dictsqlite_tx tx,
                                              struct dictsqlite_key key,
                                              int64_t by,
                                              struct dictsqlite_call call,
                                              struct dictsqlite_op *op,
                                              struct dictsqlite_error **error);

/// `dictsqlite_tx_expire` without blocking; the result's `number` is 0 or 1.
enum dictsqlite_code dictsqlite_tx_expire_async(struct dictsqlite_tx tx,
                                                struct dictsqlite_key key,
                                                int64_t ttl,
                                                struct dictsqlite_call call,
                                                struct dictsqlite_op *op,
                                                struct dictsqlite_error **error);

/// `dictsqlite_tx_clear` without blocking; the result's `number` is how many were deleted.
enum dictsqlite_code dictsqlite_tx_clear_async(struct dictsqlite_tx tx,
                                               struct dictsqlite_call call,
                                               struct dictsqlite_op *op,
                                               struct dictsqlite_error **error);

/// `dictsqlite_tx_commit` without blocking; the result's `number` is the number of its last operation.
enum dictsqlite_code dictsqlite_tx_commit_async(struct dictsqlite_tx tx,
                                                struct dictsqlite_call call,
                                                struct dictsqlite_op *op,
                                                struct dictsqlite_error **error);

/// The name of a code, such as `"Conflict"`; NULL for a number that is none. Static.
dictsqlite_string dictsqlite_code_name(int32_t code);

/// The code of an error; 0 for NULL.
enum dictsqlite_code dictsqlite_error_code(const struct dictsqlite_error *error);

/// What happened and what to do about it, in UTF-8; `""` for NULL. It is the error's.
const char *dictsqlite_error_message(const struct dictsqlite_error *error);

/// True when the same operation may succeed later without any change by the caller.
bool dictsqlite_error_is_transient(const struct dictsqlite_error *error);

/// True when changes that were asked for were removed from the log already: read the state as it is now, and go
/// on from there. The code is INVALID.
bool dictsqlite_error_is_history_truncated(const struct dictsqlite_error *error);

/// Gives the key that the error is about, and true; false, and a zero key, if it is about none. What the key points to is
/// the error's.
bool dictsqlite_error_key(const struct dictsqlite_error *error,
                          struct dictsqlite_key *key);

/// Frees a value and sets it to zero. May be called from any thread.
void dictsqlite_value_free(struct dictsqlite_value *value);

/// Frees an entry and sets it to zero. May be called from any thread.
void dictsqlite_entry_free(struct dictsqlite_entry *entry);

/// Frees the values of many keys and sets it to zero. May be called from any thread.
void dictsqlite_values_free(struct dictsqlite_values *values);

/// Frees a page and sets it to zero. May be called from any thread.
void dictsqlite_page_free(struct dictsqlite_page *page);

/// Frees a list of tables and sets it to zero. May be called from any thread.
void dictsqlite_tables_free(struct dictsqlite_tables *tables);

/// Frees a page of changes and sets it to zero. May be called from any thread.
void dictsqlite_change_page_free(struct dictsqlite_change_page *page);

/// Frees what is wrong with a file and sets it to zero. May be called from any thread.
void dictsqlite_problems_free(struct dictsqlite_problems *problems);

/// Frees what a handle is and sets it to zero. May be called from any thread.
void dictsqlite_info_free(struct dictsqlite_info *info);

/// Frees an error and sets the pointer to NULL. May be called from any thread.
void dictsqlite_error_free(struct dictsqlite_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DICTSQLITE_H */

#ifdef __cplusplus
#define DICTSQLITE_ZERO(type) type {}
#else
#define DICTSQLITE_ZERO(type) (type) { 0 }
#endif

/** Bytes that somebody else owns. */
static inline dictsqlite_slice dictsqlite_data(const void *data, size_t len) {
  dictsqlite_slice slice = DICTSQLITE_ZERO(dictsqlite_slice);
  slice.data = data;
  slice.len = len;
  return slice;
}

/** The bytes of a string, without its NUL. */
static inline dictsqlite_slice dictsqlite_str(const char *string) {
  return dictsqlite_data(string, string ? strlen(string) : 0);
}

/** An integer as a key. */
static inline dictsqlite_key dictsqlite_integer(int64_t integer) {
  dictsqlite_key key = DICTSQLITE_ZERO(dictsqlite_key);
  key.type = DICTSQLITE_KEY_INTEGER;
  key.integer = integer;
  return key;
}

/** UTF-8 text of so many bytes as a key. */
static inline dictsqlite_key dictsqlite_text_n(const char *text, size_t len) {
  dictsqlite_key key = DICTSQLITE_ZERO(dictsqlite_key);
  key.type = DICTSQLITE_KEY_TEXT;
  key.data = text;
  key.len = len;
  return key;
}

/** UTF-8 text that ends with NUL as a key. */
static inline dictsqlite_key dictsqlite_text(const char *text) {
  return dictsqlite_text_n(text, text ? strlen(text) : 0);
}

/** Bytes as a key. */
static inline dictsqlite_key dictsqlite_bytes(const void *bytes, size_t len) {
  dictsqlite_key key = DICTSQLITE_ZERO(dictsqlite_key);
  key.type = DICTSQLITE_KEY_BYTES;
  key.data = bytes;
  key.len = len;
  return key;
}

/** A tuple of integers, text and bytes as a key. */
static inline dictsqlite_key dictsqlite_tuple(const dictsqlite_key *items, size_t len) {
  dictsqlite_key key = DICTSQLITE_ZERO(dictsqlite_key);
  key.type = DICTSQLITE_KEY_TUPLE;
  key.data = items;
  key.len = len;
  return key;
}

/** No options. */
static inline dictsqlite_option_list dictsqlite_no_options(void) {
  return DICTSQLITE_ZERO(dictsqlite_option_list);
}

/** The key must have this version; 0: there must be no entry. */
static inline dictsqlite_check dictsqlite_check_key(dictsqlite_key key, int64_t version) {
  dictsqlite_check check = DICTSQLITE_ZERO(dictsqlite_check);
  check.key = key;
  check.version = version;
  return check;
}

/** Sets the key to the value; the handle's time to live applies. */
static inline dictsqlite_write dictsqlite_write_set(dictsqlite_key key, dictsqlite_slice value) {
  dictsqlite_write write = DICTSQLITE_ZERO(dictsqlite_write);
  write.type = DICTSQLITE_WRITE_SET;
  write.key = key;
  write.value = value;
  return write;
}

/** Adds to an integer, whatever it is then. */
static inline dictsqlite_write dictsqlite_write_incr(dictsqlite_key key, int64_t by) {
  dictsqlite_write write = DICTSQLITE_ZERO(dictsqlite_write);
  write.type = DICTSQLITE_WRITE_INCR;
  write.key = key;
  write.by = by;
  return write;
}

/** Deletes the key, whether it is there or not. */
static inline dictsqlite_write dictsqlite_write_delete(dictsqlite_key key) {
  dictsqlite_write write = DICTSQLITE_ZERO(dictsqlite_write);
  write.type = DICTSQLITE_WRITE_DELETE;
  write.key = key;
  return write;
}
