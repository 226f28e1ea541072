package io.github.dictsqlite

import java.time.Instant
import kotlin.time.Duration
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** One change of one entry, as it was committed. */
public class Change internal constructor(private val native: NativeChange) {
    /** The number of the operation: larger than that of every change committed before. To go on later, remember it. */
    public val seq: Long get() = native.seq

    /** What happened. */
    public val kind: ChangeKind get() = native.kind

    /** The table's name. */
    public val table: String get() = native.table

    /** The table's codec, and so that of the values. */
    public val storageMode: StorageMode get() = native.storageMode

    /** The key. */
    public val key: Key get() = native.key

    /** What the codec stored before; `null` for an insert. */
    public val oldBytes: ByteArray? get() = native.oldValue

    /** What the codec stored; `null` for a delete and an expiry. */
    public val newBytes: ByteArray? get() = native.newValue

    /** When the entry as it is now expires; `null` for never. */
    public val expiresAt: Instant? get() = native.expiresAt?.let(Instant::ofEpochMilli)

    /** When it was written. */
    public val at: Instant get() = Instant.ofEpochMilli(native.at)

    /** The value before; `null` for an insert. */
    public fun <V> old(codec: Codec<V>): V? = decoded(native.oldValue, codec)

    /** The value after; `null` for a delete and an expiry. */
    public fun <V> new(codec: Codec<V>): V? = decoded(native.newValue, codec)

    private fun <V> decoded(value: ByteArray?, codec: Codec<V>): V? {
        if (codec.storageMode != storageMode) {
            val detail = "table \"$table\" stores $storageMode and the codec is for ${codec.storageMode}; use the table's own"
            throw DictException(ErrorKind.CODEC, detail, key)
        }
        return value?.let(codec::decode)
    }

    override fun toString(): String = "$seq $kind $table ${key.shown()}"
}

/** Where a stream of changes begins, and which it gives; see [Dict.changes]. */
internal fun changesOptions(since: Long?, tables: List<String>?, prefix: Key?) =
    NativeChangesOptions(since, tables, prefix)

/**
 * A stream of changes, taken a page at a time, for a program that wants to know where it is. It holds one page at most,
 * and nothing else while nobody waits. It ends with `CLOSED` when the dict that made it is closed.
 */
public class ChangeStream internal constructor(private val native: NativeChanges) : AutoCloseable {
    /** The next changes, at most about a thousand, in the order of their numbers. Waits for one. */
    public suspend fun page(): List<Change> {
        while (true) {
            awaited { native.readyAsync(NO_TICKET) }
            val page = translated { native.takePage() }
            // Somebody else may have been quicker.
            if (page.isNotEmpty()) return page.map(::Change)
        }
    }

    /** The same for a thread that waits; empty when [timeout] passes. */
    public fun pageBlocking(timeout: Duration = Duration.INFINITE): List<Change> =
        translated { native.nextPage(timeout.seconds()) }.map(::Change)

    /**
     * Everything up to this number was given out, or passed over by `tables` and `prefix`: a stream with it as `since`
     * goes on from here.
     */
    public val position: Long get() = translated { native.position() }

    /** Ends it: who waits for it is told `CLOSED`. */
    public override fun close(): Unit = ending(native, native::shut)
}

/** Tells who waits, then frees it; both may have been done before. */
internal fun ending(native: Disposable, shut: () -> Unit) {
    try {
        shut()
    } catch (_: IllegalStateException) {
        // Closed before.
    }
    native.destroy()
}

/** What pages give, one by one, until the dict is closed; a page that is not collected is all that is held. */
internal fun <S : AutoCloseable, T> followed(open: suspend () -> S, page: suspend S.() -> List<T>): Flow<T> = flow {
    open().use { stream ->
        while (true) {
            val found = untilClosed { stream.page() } ?: break
            found.forEach { emit(it) }
        }
    }
}

/** The same for a thread; one that is left half read is freed when it is collected. */
internal fun <S : AutoCloseable, T> followedHere(open: () -> S, page: S.() -> List<T>): Sequence<T> = sequence {
    open().use { stream ->
        while (true) yieldAll(untilClosed { stream.page() } ?: break)
    }
}

private inline fun <T> untilClosed(page: () -> List<T>): List<T>? = try {
    page()
} catch (e: DictException) {
    if (e.kind == ErrorKind.CLOSED) null else throw e
}
