package io.github.dictsqlite

import java.nio.file.Path
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.map

/**
 * A persistent dict on SQLite, for coroutines: a handle on one table of a store. It may be used by many coroutines
 * and threads at once, and the file by many processes.
 *
 * A coroutine that is cancelled withdraws its operation if it is not accepted yet; from then on it happens entirely.
 * [blocking] has the same operations for threads.
 */
public class Dict<V> internal constructor(internal val native: NativeDict, private val codec: Codec<V>) : AutoCloseable {
    private val info = native.info()

    /** The same handle for threads; closing either closes both. */
    public val blocking: BlockingDict<V> by lazy { BlockingDict(this, codec) }

    /** The name of the table. */
    public val name: String get() = info.table

    /** The table's codec. */
    public val storageMode: StorageMode get() = info.storageMode

    /** What writes of this handle promise. */
    public val persistMode: PersistMode get() = info.persistMode

    /** The store's path; `null` for an in-memory store. */
    public val path: String? get() = info.path

    /** True when nothing can be written. */
    public val isReadOnly: Boolean get() = info.readOnly

    /** True when this handle was closed. */
    public val isClosed: Boolean
        get() = try {
            native.isClosed()
        } catch (_: IllegalStateException) {
            true
        }

    /** The value of [key], or `null`. */
    public suspend fun get(key: Key): V? = when (val known = translated { native.peek(key) }) {
        is NativePeek.Found -> codec.decode(known.value)
        NativePeek.Absent -> null
        NativePeek.Unknown -> awaited { native.getAsync(key, NO_TICKET) }?.let(codec::decode)
    }

    /** The values of many keys, in their order, in one crossing: the way to read much. */
    public suspend fun getMany(keys: List<Key>): List<V?> =
        awaited { native.getManyAsync(keys, NO_TICKET) }.map { it?.let(codec::decode) }

    /** True when there is an entry for [key]. */
    public suspend fun contains(key: Key): Boolean = awaited { native.containsAsync(key, NO_TICKET) }

    /** The value of [key] with its version and expiry, or `null`. */
    public suspend fun entry(key: Key): Entry<V>? = awaited { native.entryAsync(key, NO_TICKET) }?.let(codec::entry)

    /** The number of entries. */
    public suspend fun size(): Long = awaited { native.lenAsync(NO_TICKET) }.toLong()

    /** Sets [key] to [value]. [ttl]: `null` for the handle's, `Duration.INFINITE` for no expiry. */
    public suspend fun set(key: Key, value: V, ttl: Duration? = null) {
        val bytes = codec.encode(value)
        if (!translated { native.trySet(key, bytes, ttl.toTtl()) }) {
            awaited { native.setAsync(key, bytes, ttl.toTtl(), NO_TICKET) }
        }
    }

    /**
     * Sets [key] if its version is [version] (0: if there is no entry), and gives the new version; else throws
     * `CONFLICT`, naming the key.
     */
    public suspend fun setIfVersion(key: Key, value: V, version: Long, ttl: Duration? = null): Long {
        val bytes = codec.encode(value)
        return awaited { native.setIfVersionAsync(key, bytes, version, ttl.toTtl(), NO_TICKET) }
    }

    /** Sets many keys as one unit: all of it survives a crash, or nothing. */
    public suspend fun setMany(items: Map<Key, V>, ttl: Duration? = null) {
        val pairs = codec.pairs(items)
        awaited { native.setManyAsync(pairs, ttl.toTtl(), NO_TICKET) }
    }

    /** Deletes [key], whether it is there or not. */
    public suspend fun delete(key: Key) {
        if (!translated { native.tryDelete(key) }) awaited { native.deleteAsync(key, NO_TICKET) }
    }

    /** Deletes [key] if its version is [version]; else throws `CONFLICT`. */
    public suspend fun deleteIfVersion(key: Key, version: Long): Unit =
        awaited { native.deleteIfVersionAsync(key, version, NO_TICKET) }

    /** Deletes many keys as one unit, whether they are there or not. */
    public suspend fun deleteMany(keys: List<Key>): Unit = awaited { native.deleteManyAsync(keys, NO_TICKET) }

    /** Deletes [key] and says whether it was there. */
    public suspend fun remove(key: Key): Boolean = awaited { native.removeAsync(key, NO_TICKET) }

    /** Removes [key] and returns its entry, or `null`. */
    public suspend fun pop(key: Key): Entry<V>? = awaited { native.popAsync(key, NO_TICKET) }?.let(codec::entry)

    /** Removes and returns the [last] entry in insertion order, or the first one. */
    public suspend fun popItem(last: Boolean = true): Item<V>? =
        awaited { native.popItemAsync(last, NO_TICKET) }?.let { codec.item(it) }

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

    /** Removes every entry of the table, and gives how many rows that were. */
    public suspend fun clear(): Long = awaited { native.clearAsync(NO_TICKET) }.toLong()

    /** Pages of entries: a page crosses at once. The dict may be changed meanwhile. */
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
     * Runs [body] in a transaction over all tables of the store and commits it. When it throws or is cancelled, all is
     * rolled back. After a conflict it is run again in a new transaction, up to [retries] times, with pauses that grow;
     * the last time in an immediate one, which cannot conflict.
     *
     * In an immediate one others, this dict as well, wait with their writes until it is over: use `tx` alone there.
     */
    public suspend fun <R> transaction(
        options: TransactionOptions = TransactionOptions(),
        retries: Int = 10,
        body: suspend (Transaction<V>) -> R,
    ): R = inTransaction(options, retries, body)

    /** Begins a transaction to be committed by hand: `dict.begin().use { tx -> ...; tx.commit() }`. */
    public suspend fun begin(options: TransactionOptions = TransactionOptions()): Transaction<V> =
        Transaction(awaited { native.beginAsync(options.toNative(), NO_TICKET) }, codec)

    /** Gathers checks and writes that are to be one unit, which one crossing then commits. */
    public fun atomic(): Atomic<V> = Atomic(native, codec)

    /**
     * Has the changes of this table logged from now on, whoever makes them. The log of the store keeps [count] changes
     * that are no older than [age]; `null` leaves a limit as it is (a million, 7 days).
     */
    public suspend fun enableChanges(count: Long? = null, age: Duration? = null): Unit =
        awaited { native.enableChangesAsync(count, age.toTtl(), NO_TICKET) }

    /** True when the changes of this table are logged. */
    public suspend fun hasChanges(): Boolean = awaited { native.hasChangesAsync(NO_TICKET) }

    /**
     * The changes that are committed, by whichever process or tool, in their order: after the number [since] (0: all
     * that are kept; `null`: from when it is collected), of [tables] (`null`: of all whose changes are logged), of keys
     * with [prefix]. Each collector has a stream of its own, which its cancelling frees. A slow one costs no memory
     * beyond a page. The flow ends when this dict is closed.
     */
    public fun changes(since: Long? = null, tables: List<String>? = null, prefix: Key? = null): Flow<Change> =
        followed({ changeStream(since, tables, prefix) }) { page() }

    /** The same a page at a time; it begins at once. Close it. */
    public suspend fun changeStream(since: Long? = null, tables: List<String>? = null, prefix: Key? = null): ChangeStream =
        ChangeStream(awaited { native.changesAsync(changesOptions(since, tables, prefix), NO_TICKET) })

    /**
     * What [keys] have, and then what is different after later commits: a state, so what changes several times while
     * the collector is busy comes once. Without keys, all keys of this table with [prefix], which needs its change log.
     * Each collector has a watch of its own, which its cancelling frees. The flow ends when this dict is closed.
     */
    public fun watch(vararg keys: Key, prefix: Key? = null): Flow<Watched<V>> =
        followed({ watchStream(*keys, prefix = prefix) }) { page() }

    /** The same a page at a time. Close it. */
    public suspend fun watchStream(vararg keys: Key, prefix: Key? = null): WatchStream<V> =
        WatchStream(awaited { native.watchAsync(keys.asList(), prefix, NO_TICKET) }, codec)

    /** A handle on another table of the same store, with this handle's options; made when it is new. */
    public suspend fun <T> table(name: String, codec: Codec<T>): Dict<T> =
        Dict(awaited { native.tableAsync(name, codec.storageMode, NO_TICKET) }, codec)

    /** Names and codecs of the store's tables, in the order of their names. */
    public suspend fun tables(): Map<String, StorageMode> =
        awaited { native.tablesAsync(NO_TICKET) }.associate { it.name to it.storageMode }

    /** Removes a table and all that is in it; false when there is none. */
    public suspend fun dropTable(name: String): Boolean = awaited { native.dropTableAsync(name, NO_TICKET) }

    /** Waits until every write accepted so far is committed; with [durable], synced too. */
    public suspend fun flush(durable: Boolean = false): Unit = awaited { native.flushAsync(durable, NO_TICKET) }

    /**
     * Copies the store, all its tables, as of one moment, to a file of its own, while it goes on being used; gives its
     * bytes. It is a store like any other. Cancelled or failed, it leaves nothing. [progress] is in pages.
     */
    public suspend fun backup(dest: Path, overwrite: Boolean = false, progress: Progress? = null): Long =
        wholeAwaited(progress) { told, ticket -> native.backupAsync(dest.toString(), overwrite, told, ticket) }.toLong()

    /**
     * Writes entries, as of one moment, to a file that is no database, and gives how many; [importFrom] reads it.
     * Versions are not part of it. [progress] is in entries.
     */
    public suspend fun exportTo(dest: Path, options: ExportOptions = ExportOptions(), progress: Progress? = null): Long =
        wholeAwaited(progress) { told, ticket ->
            native.exportToAsync(dest.toString(), options.toNative(), told, ticket)
        }.toLong()

    /**
     * Reads an export into this store: every entry, or those of [tables], into the table it came from. The file is read
     * to its end before anything is written; what goes wrong then leaves the entries that were written, and the
     * error says how many. [progress] is in bytes read.
     */
    public suspend fun importFrom(
        source: Path,
        onConflict: OnConflict = OnConflict.REPLACE,
        tables: List<String> = emptyList(),
        progress: Progress? = null,
    ): Imported = wholeAwaited(progress) { told, ticket ->
        native.importFromAsync(source.toString(), tables, onConflict, told, ticket)
    }

    /** Reads entries, all or those with [prefix], into the cache until it is full. [progress] is in entries. */
    public suspend fun warm(prefix: Key? = null, progress: Progress? = null): Warmed =
        wholeAwaited(progress) { told, ticket -> native.warmAsync(prefix, told, ticket) }

    /** Writes the database anew, without the room that deleted entries left. Writes wait in memory meanwhile. */
    public suspend fun vacuum(): Vacuumed = wholeAwaited { _, ticket -> native.vacuumAsync(ticket) }

    /** Commits what is pending, and moves the write-ahead log into the database as far as readers allow. */
    public suspend fun checkpoint(): Checkpoint = wholeAwaited { _, ticket -> native.checkpointAsync(ticket) }

    /** Reads all of the file and gives what is wrong with it, in words; nothing when nothing is. */
    public suspend fun integrityCheck(): List<String> = wholeAwaited { _, ticket -> native.integrityCheckAsync(ticket) }

    /** Figures of the store. */
    public fun stats(): Stats = translated { native.stats() }

    /** Flushes and closes without blocking the thread. */
    public suspend fun closeSuspending() {
        if (!isClosed) awaited { native.shutAsync(NO_TICKET) }
        native.destroy()
    }

    /**
     * Flushes and closes this handle; the last one closes the store. Closing twice is fine. It blocks, as the end of
     * `use { }` does; when it throws, the handle stays open, nothing is lost, and closing can be tried again.
     */
    override fun close() {
        if (!isClosed) translated { native.shut() }
        native.destroy()
    }

    public companion object {
        /** Opens the file at [path] (made when missing; `:memory:` for a private in-memory store) and a table in it. */
        public suspend fun <V> open(path: String, codec: Codec<V>, options: Options = Options()): Dict<V> {
            ready()
            return Dict(awaited { nativeOpenAsync(path, options.toNative(codec.storageMode), NO_TICKET) }, codec)
        }

        /** The same with a [Path]. */
        public suspend fun <V> open(path: Path, codec: Codec<V>, options: Options = Options()): Dict<V> =
            open(path.toString(), codec, options)

        /**
         * Puts a copy of the store [source] at [path], where nobody may have a store open for longer than [timeout], and
         * gives its bytes. It is checked before; what was at [path] stays until the copy is whole. [progress] is in pages.
         */
        public suspend fun restore(
            source: Path,
            path: Path,
            overwrite: Boolean = false,
            timeout: Duration = 30.seconds,
            progress: Progress? = null,
        ): Long {
            ready()
            return wholeAwaited(progress) { told, ticket ->
                nativeRestoreAsync(source.toString(), path.toString(), overwrite, timeout.seconds(), told, ticket)
            }.toLong()
        }
    }
}
