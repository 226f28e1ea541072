package io.github.dictsqlite

import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * Is told how far an operation is: at the start, about twenty times a second, and at the end; a `total` of 0 is not
 * known. What it throws cancels the operation and is thrown by the call; at the last call it is too late, and the
 * operation's own result stands. A blocking call calls it on its own thread, a suspending one on a thread of the engine.
 */
public typealias Progress = (done: Long, total: Long) -> Unit

/** What is exported, and how. */
public data class ExportOptions(
    /** How the file looks. */
    val format: ExportFormat = ExportFormat.JSON_LINES,
    /** These tables; empty: the handle's own. */
    val tables: List<String> = emptyList(),
    /** Every table of the store, whatever [tables] says. */
    val allTables: Boolean = false,
    /** Only keys of the prefix's own type that begin with it: text, bytes, or a tuple's elements. */
    val prefix: Key? = null,
    /** Whether an export that is there already is replaced. */
    val overwrite: Boolean = false,
) {
    internal fun toNative() = NativeExportOptions(format, tables, allTables, prefix, overwrite)
}

/** What an import did. */
public typealias Imported = NativeImported

/** What warming did. */
public typealias Warmed = NativeWarmed

/** What vacuuming did, in bytes. */
public typealias Vacuumed = NativeVacuumed

/** What a checkpoint did, in frames (pages). */
public typealias Checkpoint = NativeCheckpoint

/** A callback as the engine calls it, which no exception may reach. */
internal class Watcher(private val progress: Progress) : NativeProgress {
    @Volatile
    var thrown: Throwable? = null
        private set

    override fun report(done: ULong, total: ULong): Boolean {
        if (thrown != null) return false
        return try {
            progress(done.toLong(), total.toLong())
            true
        } catch (e: Throwable) {
            thrown = e
            false
        }
    }
}

/** What comes of a call, or what its callback threw, if that ended it. */
private inline fun <T> Watcher?.watching(call: () -> T): T = try {
    call()
} catch (e: DictException) {
    throw this?.thrown?.takeIf { e.kind == ErrorKind.CANCELLED } ?: e
}

/** Runs native work on whole files that blocks. */
internal fun <T> whole(progress: Progress? = null, call: (NativeProgress?) -> T): T {
    val watcher = progress?.let(::Watcher)
    return watcher.watching { translated { call(watcher) } }
}

/**
 * Runs native work on whole files that suspends. When the coroutine is cancelled the work is told to end, and waited for:
 * then nothing half done is left.
 */
internal suspend fun <T> wholeAwaited(progress: Progress? = null, call: suspend (NativeProgress?, ULong) -> T): T {
    val watcher = progress?.let(::Watcher)
    val ticket = newTicket()
    try {
        return coroutineScope {
            val teller = launch(start = CoroutineStart.UNDISPATCHED) {
                try {
                    awaitCancellation()
                } finally {
                    cancelTicket(ticket)
                }
            }
            try {
                watcher.watching { withContext(NonCancellable) { awaited { call(watcher, ticket) } } }
            } catch (e: DictException) {
                if (e.kind == ErrorKind.CANCELLED) ensureActive()
                throw e
            } finally {
                teller.cancel()
            }
        }
    } finally {
        freeTicket(ticket)
    }
}
