package io.github.dictsqlite

import kotlin.time.Duration
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.map

/**
 * A transaction for coroutines, as a dict on one of the store's tables: it reads a snapshot and its own writes, which
 * nobody else sees before it is committed. It belongs to no thread; several coroutines may use it, one at a time.
 */
public class Transaction<V> internal constructor(native: NativeTransaction, codec: Codec<V>) :
    TransactionHandle<V>(native, codec) {


    /** The value of [key], or `null`: `tx[key]`. */
    public suspend operator fun get(key: Key): V? = awaited { native.getAsync(key, NO_TICKET) }?.let(codec::decode)

    /** True when there is an entry for [key]. */
    public suspend fun contains(key: Key): Boolean = awaited { native.containsAsync(key, NO_TICKET) }

    /** The value of [key] with its version (0 when it was written in this transaction) and expiry, or `null`. */
    public suspend fun entry(key: Key): Entry<V>? = awaited { native.entryAsync(key, NO_TICKET) }?.let(codec::entry)

    /** The number of entries. */
    public suspend fun size(): Long = awaited { native.lenAsync(NO_TICKET) }.toLong()

    /** Deletes [key] and says whether it was there. */
    public suspend fun remove(key: Key): Boolean = awaited { native.removeAsync(key, NO_TICKET) }

    /** Removes [key] and returns its entry, or `null`. */
    public suspend fun pop(key: Key): Entry<V>? = awaited { native.popAsync(key, NO_TICKET) }?.let(codec::entry)

    /** The value of [key] if there is one; else sets it to [value] and returns that. */
    public suspend fun setDefault(key: Key, value: V, ttl: Duration? = null): V {
        val bytes = codec.encode(value)
        val there = awaited { native.setDefaultAsync(key, bytes, ttl.toTtl(), NO_TICKET) }
        return if (there == null) value else codec.decode(there.value)
    }

    /** Adds [delta] to an integer, which counts from 0 when there is none, and gives the sum. */
    public suspend fun incr(key: Key, delta: Long = 1): Long = awaited { native.incrAsync(key, delta, NO_TICKET) }

    /** Changes when an entry expires (`Duration.INFINITE`: never); false when there is none. */
    public suspend fun expire(key: Key, ttl: Duration): Boolean =
        awaited { native.expireAsync(key, ttl.toTtl(), NO_TICKET) }

    /** Deletes every entry of the table, and gives how many those were. */
    public suspend fun clear(): Long = awaited { native.clearAsync(NO_TICKET) }.toLong()

    /** Pages of entries, of the snapshot and with what was written; `consistent` says nothing here. */
    public fun pages(selection: Selection = Selection()): Flow<List<Item<V>>> =
        nativePages(selection, values = true).map { page -> page.map { codec.item(it) } }

    /** Entries, read a page at a time. */
    public fun items(selection: Selection = Selection()): Flow<Item<V>> = flow {
        pages(selection).collect { page -> page.forEach { emit(it) } }
    }

    /** Keys, read a page at a time; values are left alone. */
    public fun keys(selection: Selection = Selection()): Flow<Key> = flow {
        nativePages(selection, values = false).collect { page -> page.forEach { emit(it.key) } }
    }

    /** Values, read a page at a time. */
    public fun values(selection: Selection = Selection()): Flow<V> = items(selection).map { it.value }

    private fun nativePages(selection: Selection, values: Boolean): Flow<List<NativeItem>> =
        pageFlow { native.scan(selection.toNative(values)) }

    /**
     * The same transaction on another table, whose handle need not be closed. A concurrent one makes a missing table,
     * at once and whether it is committed or not.
     */
    public suspend fun <T> table(name: String, codec: Codec<T>): Transaction<T> =
        Transaction(awaited { native.tableAsync(name, codec.storageMode, NO_TICKET) }, codec).also { it.ending = ending }

    /**
     * Commits, in the handle's mode, and gives the number of its last operation; 0 when nothing was written. Throws
     * `CONFLICT`, naming the key where it is one, when somebody else changed what this depends on: then nothing of it
     * was written, and it is over. Cancelled before the writer begins with it, it does not happen either.
     */
    public suspend fun commit(): Long {
        ending.done = true
        return awaited { native.commitAsync(NO_TICKET) }
    }
}

/** What [Dict.transaction] does. */
internal suspend fun <V, R> Dict<V>.inTransaction(
    options: TransactionOptions,
    retries: Int,
    body: suspend (Transaction<V>) -> R,
): R {
    checkRetries(retries)
    val pauses = Pauses()
    var attempt = 0
    while (true) {
        try {
            return begin(options.forAttempt(attempt, retries)).use { tx ->
                val result = body(tx)
                if (!tx.ending.done) tx.commit()
                result
            }
        } catch (e: DictException) {
            if (e.kind != ErrorKind.CONFLICT || attempt == retries) throw e
        }
        attempt++
        delay(pauses.next())
    }
}

/** Pages of a scan, which begins with each collector. */
internal fun pageFlow(scan: () -> NativeScan): Flow<List<NativeItem>> = flow {
    translated(scan).use { begun ->
        while (true) {
            val page = awaited { begun.nextPageAsync(NO_TICKET) }
            if (page.isEmpty()) break
            emit(page)
        }
    }
}
