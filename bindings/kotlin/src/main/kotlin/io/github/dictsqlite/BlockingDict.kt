package io.github.dictsqlite

import java.nio.file.Path
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

/**
 * A persistent dict on SQLite, for threads: every call blocks until its mode's promise is kept. [suspending] has the
 * same operations for coroutines.
 */
public class BlockingDict<V> internal constructor(
    /** The same handle for coroutines; closing either closes both. */
    public val suspending: Dict<V>,
    private val codec: Codec<V>,
) : AutoCloseable by suspending {
    private val native get() = suspending.native

    /** True when this handle was closed. */
    public val isClosed: Boolean get() = suspending.isClosed

    /** The value of [key], or `null`. */
    public operator fun get(key: Key): V? = translated { native.get(key) }?.let(codec::decode)

    /** The values of many keys, in their order, in one crossing: the way to read much. */
    public fun getMany(keys: List<Key>): List<V?> = translated { native.getMany(keys) }.map { it?.let(codec::decode) }

    /** True when there is an entry for [key]. */
    public operator fun contains(key: Key): Boolean = translated { native.contains(key) }

    /** The value of [key] with its version and expiry, or `null`. */
    public fun entry(key: Key): Entry<V>? = translated { native.entry(key) }?.let(codec::entry)

    /** The number of entries. */
    public val size: Long get() = translated { native.len() }.toLong()

    /** Sets [key] to [value]. */
    public operator fun set(key: Key, value: V): Unit = set(key, value, null)

    /** Sets [key] to [value]. [ttl]: `null` for the handle's, `Duration.INFINITE` for no expiry. */
    public fun set(key: Key, value: V, ttl: Duration?) {
        val bytes = codec.encode(value)
        translated { native.set(key, bytes, ttl.toTtl()) }
    }

    /** See [Dict.setIfVersion]. */
    public fun setIfVersion(key: Key, value: V, version: Long, ttl: Duration? = null): Long {
        val bytes = codec.encode(value)
        return translated { native.setIfVersion(key, bytes, version, ttl.toTtl()) }
    }

    /** Sets many keys as one unit: all of it survives a crash, or nothing. */
    public fun setMany(items: Map<Key, V>, ttl: Duration? = null) {
        val pairs = codec.pairs(items)
        translated { native.setMany(pairs, ttl.toTtl()) }
    }

    /** Deletes [key], whether it is there or not. */
    public fun delete(key: Key): Unit = translated { native.delete(key) }

    /** Deletes [key]: `dict -= key`. */
    public operator fun minusAssign(key: Key): Unit = delete(key)

    /** Deletes [key] if its version is [version]; else throws `CONFLICT`. */
    public fun deleteIfVersion(key: Key, version: Long): Unit = translated { native.deleteIfVersion(key, version) }

    /** Deletes many keys as one unit, whether they are there or not. */
    public fun deleteMany(keys: List<Key>): Unit = translated { native.deleteMany(keys) }

    /** Deletes [key] and says whether it was there. */
    public fun remove(key: Key): Boolean = translated { native.remove(key) }

    /** Removes [key] and returns its entry, or `null`. */
    public fun pop(key: Key): Entry<V>? = translated { native.pop(key) }?.let(codec::entry)

    /** Removes and returns the [last] entry in insertion order, or the first one. */
    public fun popItem(last: Boolean = true): Item<V>? = translated { native.popItem(last) }?.let { codec.item(it) }

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

    /** Removes every entry of the table, and gives how many rows that were. */
    public fun clear(): Long = translated { native.clear() }.toLong()

    /** Pages of entries. Each time the sequence is iterated another scan begins; the dict may be changed meanwhile. */
    public fun pages(selection: Selection = Selection()): Sequence<List<Item<V>>> =
        nativePages(selection, values = true).map { page -> page.map { codec.item(it) } }

    /** Entries, read a page at a time. */
    public fun items(selection: Selection = Selection()): Sequence<Item<V>> = pages(selection).flatten()

    /** Keys, read a page at a time; values are left alone. */
    public fun keys(selection: Selection = Selection()): Sequence<Key> =
        nativePages(selection, values = false).flatten().map { it.key }

    /** Values, read a page at a time. */
    public fun values(selection: Selection = Selection()): Sequence<V> = items(selection).map { it.value }

    /** All entries in insertion order: `for (item in dict)`. */
    public operator fun iterator(): Iterator<Item<V>> = items().iterator()

    private fun nativePages(selection: Selection, values: Boolean): Sequence<List<NativeItem>> =
        pageSequence { native.scan(selection.toNative(values)) }

    /** See [Dict.transaction]. It belongs to this thread, which is told when it uses the dict in an immediate one. */
    public fun <R> transaction(
        options: TransactionOptions = TransactionOptions(),
        retries: Int = 10,
        body: (BlockingTransaction<V>) -> R,
    ): R = inTransaction(options, retries, body)

    /** Begins a transaction to be committed by hand: `dict.begin().use { tx -> ...; tx.commit() }`. */
    public fun begin(options: TransactionOptions = TransactionOptions()): BlockingTransaction<V> =
        BlockingTransaction(translated { native.begin(options.toNative()) }, codec)

    /** Gathers checks and writes that are to be one unit, which one crossing then commits. */
    public fun atomic(): BlockingAtomic<V> = BlockingAtomic(native, codec)

    /** See [Dict.enableChanges]. */
    public fun enableChanges(count: Long? = null, age: Duration? = null): Unit =
        translated { native.enableChanges(count, age.toTtl()) }

    /** True when the changes of this table are logged. */
    public fun hasChanges(): Boolean = translated { native.hasChanges() }

    /** See [Dict.changes]; each iterator waits for the next change. */
    public fun changes(since: Long? = null, tables: List<String>? = null, prefix: Key? = null): Sequence<Change> =
        followedHere({ changeStream(since, tables, prefix) }) { pageBlocking() }

    /** The same a page at a time, with [ChangeStream.pageBlocking]; it begins at once. Close it. */
    public fun changeStream(since: Long? = null, tables: List<String>? = null, prefix: Key? = null): ChangeStream =
        ChangeStream(translated { native.changes(changesOptions(since, tables, prefix)) })

    /** See [Dict.watch]; each iterator waits for the next change. */
    public fun watch(vararg keys: Key, prefix: Key? = null): Sequence<Watched<V>> =
        followedHere({ watchStream(*keys, prefix = prefix) }) { pageBlocking() }

    /** The same a page at a time, with [WatchStream.pageBlocking]. Close it. */
    public fun watchStream(vararg keys: Key, prefix: Key? = null): WatchStream<V> =
        WatchStream(translated { native.watch(keys.asList(), prefix) }, codec)

    /** A handle on another table of the same store, with this handle's options; made when it is new. */
    public fun <T> table(name: String, codec: Codec<T>): BlockingDict<T> =
        Dict(translated { native.table(name, codec.storageMode) }, codec).blocking

    /** Names and codecs of the store's tables, in the order of their names. */
    public fun tables(): Map<String, StorageMode> =
        translated { native.tables() }.associate { it.name to it.storageMode }

    /** Removes a table and all that is in it; false when there is none. */
    public fun dropTable(name: String): Boolean = translated { native.dropTable(name) }

    /** Waits until every write accepted so far is committed; with [durable], synced too. */
    public fun flush(durable: Boolean = false): Unit = translated { native.flush(durable) }

    /** See [Dict.backup]. */
    public fun backup(dest: Path, overwrite: Boolean = false, progress: Progress? = null): Long =
        whole(progress) { told -> native.backup(dest.toString(), overwrite, told) }.toLong()

    /** See [Dict.exportTo]. */
    public fun exportTo(dest: Path, options: ExportOptions = ExportOptions(), progress: Progress? = null): Long =
        whole(progress) { told -> native.exportTo(dest.toString(), options.toNative(), told) }.toLong()

    /** See [Dict.importFrom]. */
    public fun importFrom(
        source: Path,
        onConflict: OnConflict = OnConflict.REPLACE,
        tables: List<String> = emptyList(),
        progress: Progress? = null,
    ): Imported = whole(progress) { told -> native.importFrom(source.toString(), tables, onConflict, told) }

    /** See [Dict.warm]. */
    public fun warm(prefix: Key? = null, progress: Progress? = null): Warmed =
        whole(progress) { told -> native.warm(prefix, told) }

    /** See [Dict.vacuum]. */
    public fun vacuum(): Vacuumed = whole { native.vacuum() }

    /** See [Dict.checkpoint]. */
    public fun checkpoint(): Checkpoint = whole { native.checkpoint() }

    /** See [Dict.integrityCheck]. */
    public fun integrityCheck(): List<String> = whole { native.integrityCheck() }

    /** Figures of the store. */
    public fun stats(): Stats = suspending.stats()

    public companion object {
        /** Opens the file at [path] (made when missing; `:memory:` for a private in-memory store) and a table in it. */
        public fun <V> open(path: String, codec: Codec<V>, options: Options = Options()): BlockingDict<V> {
            ready()
            return Dict(translated { nativeOpen(path, options.toNative(codec.storageMode)) }, codec).blocking
        }

        /** The same with a [Path]. */
        public fun <V> open(path: Path, codec: Codec<V>, options: Options = Options()): BlockingDict<V> =
            open(path.toString(), codec, options)

        /** See [Dict.restore]. */
        public fun restore(
            source: Path,
            path: Path,
            overwrite: Boolean = false,
            timeout: Duration = 30.seconds,
            progress: Progress? = null,
        ): Long {
            ready()
            return whole(progress) { told ->
                nativeRestore(source.toString(), path.toString(), overwrite, timeout.seconds(), told)
            }.toLong()
        }
    }
}
