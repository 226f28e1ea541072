package io.github.dictsqlite

import kotlin.time.Duration

/**
 * A transaction for threads, as a dict on one of the store's tables; see [Transaction]. It belongs to the thread that
 * began it, and refuses others.
 */
public class BlockingTransaction<V> internal constructor(native: NativeTransaction, codec: Codec<V>) :
    TransactionHandle<V>(native, codec) {


    /** The value of [key], or `null`. */
    public operator fun get(key: Key): V? = translated { native.get(key) }?.let(codec::decode)

    /** True when there is an entry for [key]. */
    public operator fun contains(key: Key): Boolean = translated { native.contains(key) }

    /** The value of [key] with its version (0 when it was written in this transaction) and expiry, or `null`. */
    public fun entry(key: Key): Entry<V>? = translated { native.entry(key) }?.let(codec::entry)

    /** The number of entries. */
    public val size: Long get() = translated { native.len() }.toLong()

    /** Deletes [key]: `tx -= key`. */
    public operator fun minusAssign(key: Key): Unit = delete(key)

    /** Deletes [key] and says whether it was there. */
    public fun remove(key: Key): Boolean = translated { native.remove(key) }

    /** Removes [key] and returns its entry, or `null`. */
    public fun pop(key: Key): Entry<V>? = translated { native.pop(key) }?.let(codec::entry)

    /** The value of [key] if there is one; else sets it to [value] and returns that. */
    public fun setDefault(key: Key, value: V, ttl: Duration? = null): V {
        val bytes = codec.encode(value)
        val there = translated { native.setDefault(key, bytes, ttl.toTtl()) }
        return if (there == null) value else codec.decode(there.value)
    }

    /** Adds [delta] to an integer, which counts from 0 when there is none, and gives the sum. */
    public fun incr(key: Key, delta: Long = 1): Long = translated { native.incr(key, delta) }

    /** Changes when an entry expires (`Duration.INFINITE`: never); false when there is none. */
    public fun expire(key: Key, ttl: Duration): Boolean = translated { native.expire(key, ttl.toTtl()) }

    /** Deletes every entry of the table, and gives how many those were. */
    public fun clear(): Long = translated { native.clear() }.toLong()

    /** Pages of entries, of the snapshot and with what was written; `consistent` says nothing here. */
    public fun pages(selection: Selection = Selection()): Sequence<List<Item<V>>> =
        nativePages(selection, values = true).map { page -> page.map { codec.item(it) } }

    /** Entries, read a page at a time. */
    public fun items(selection: Selection = Selection()): Sequence<Item<V>> = pages(selection).flatten()

    /** Keys, read a page at a time; values are left alone. */
    public fun keys(selection: Selection = Selection()): Sequence<Key> =
        nativePages(selection, values = false).flatten().map { it.key }

    /** Values, read a page at a time. */
    public fun values(selection: Selection = Selection()): Sequence<V> = items(selection).map { it.value }

    private fun nativePages(selection: Selection, values: Boolean): Sequence<List<NativeItem>> =
        pageSequence { native.scan(selection.toNative(values)) }

    /** See [Transaction.table]. */
    public fun <T> table(name: String, codec: Codec<T>): BlockingTransaction<T> =
        BlockingTransaction(translated { native.table(name, codec.storageMode) }, codec).also { it.ending = ending }

    /** See [Transaction.commit]. */
    public fun commit(): Long {
        ending.done = true
        return translated { native.commit() }
    }
}

/** What [BlockingDict.transaction] does. */
internal fun <V, R> BlockingDict<V>.inTransaction(
    options: TransactionOptions,
    retries: Int,
    body: (BlockingTransaction<V>) -> R,
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
        pauses.next().toComponents { seconds, nanoseconds -> Thread.sleep(seconds * 1000 + nanoseconds / 1_000_000, nanoseconds % 1_000_000) }
    }
}

/** Pages of a scan. One that is left half read is freed when it is collected. */
internal fun pageSequence(scan: () -> NativeScan): Sequence<List<NativeItem>> = sequence {
    translated(scan).use { begun ->
        while (true) {
            val page = translated { begun.nextPage() }
            if (page.isEmpty()) break
            yield(page)
        }
    }
}
