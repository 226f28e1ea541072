package io.github.dictsqlite

import kotlin.time.Duration
import kotlin.time.DurationUnit

/** What a store and a table are opened with; `null` is as the engine has it, which is said in brackets. */
public data class Options(
    /** What a write of this handle promises (`WRITE_THROUGH`). */
    val persistMode: PersistMode? = null,
    /** The table (`main`). */
    val table: String? = null,
    /** Write-through: at most this many less one acknowledged writes are uncommitted (100). */
    val bufferSize: Long? = null,
    /** Lazy and memory: how long a write may stay uncommitted (200 ms). */
    val flushInterval: Duration? = null,
    /** Bytes the cache may hold; the store's first handle decides (256 MiB). */
    val cacheBytes: Long? = null,
    /** Entries the cache may hold, 0 for no cache; the store's first handle decides (a million). */
    val hotCapacity: Long? = null,
    /** How long an operation may wait for a lock, for room or for its commit (30 s). */
    val timeout: Duration? = null,
    /** How long new entries live unless a call says otherwise (for ever). */
    val ttl: Duration? = null,
    /** Opens an existing file and never writes to it. */
    val readOnly: Boolean = false,
    /** Adds our tables to a SQLite database that is not ours, instead of refusing it. */
    val adopt: Boolean = false,
    /** Bytes of accepted, uncommitted writes before writers must wait; the first handle decides (64 MiB). */
    val memtableBytes: Long? = null,
    /** Whether the table's changes are logged: true sees to it, false refuses a table whose changes are (as it is). */
    val changes: Boolean? = null,
) {
    internal fun toNative(storageMode: StorageMode) = NativeOptions(
        persistMode = persistMode,
        storageMode = storageMode,
        table = table,
        bufferSize = natural("bufferSize", bufferSize),
        flushInterval = flushInterval?.seconds(),
        cacheBytes = natural("cacheBytes", cacheBytes),
        hotCapacity = natural("hotCapacity", hotCapacity),
        timeout = timeout?.seconds(),
        ttl = ttl?.seconds(),
        readOnly = readOnly,
        adopt = adopt,
        memtableBytes = natural("memtableBytes", memtableBytes),
        changes = changes,
    )
}

/**
 * Which entries a scan gives. With [prefix], [start] (included) or [end] (not included) they come in key order
 * (integers, text, bytes), else in insertion order.
 */
public data class Selection(
    /** Only keys of the prefix's own type that begin with it: text, bytes, or a tuple's elements. */
    val prefix: Key? = null,
    /** Only keys not below this one. */
    val start: Key? = null,
    /** Only keys below this one. */
    val end: Key? = null,
    /** From the end to the start. */
    val reverse: Boolean = false,
    /** At most this many entries. */
    val limit: Long? = null,
    /** The order, when it is not to be chosen as described above. */
    val order: Order? = null,
    /** One moment for the whole scan, at the price of an open read transaction. */
    val consistent: Boolean = false,
) {
    internal fun toNative(values: Boolean) =
        NativeScanOptions(prefix, start, end, reverse, natural("limit", limit), order, consistent, values)
}

private fun natural(name: String, n: Long?): ULong? {
    if (n != null && n < 0) throw DictException(ErrorKind.INVALID, "$name is $n; it must not be negative")
    return n?.toULong()
}

/** A time as it crosses. */
internal fun Duration.seconds() = toDouble(DurationUnit.SECONDS)

/** A time to live as it crosses: not a number for the handle's own. */
internal fun Duration?.toTtl(): Double = this?.seconds() ?: Double.NaN
