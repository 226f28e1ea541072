package io.github.dictsqlite

import kotlin.random.Random
import kotlin.time.Duration
import kotlin.time.Duration.Companion.microseconds
import kotlin.time.Duration.Companion.milliseconds

/** How a transaction is begun; `null` is as the engine has it, which is said in brackets. */
public data class TransactionOptions(
    /** Whether it keeps others out, or looks whether they were in its way (`CONCURRENT`). */
    val mode: TransactionMode? = null,
    /** What is looked at again when a concurrent one commits (`SERIALIZABLE`). */
    val isolation: Isolation? = null,
    /** How long beginning and committing may each wait (the handle's timeout). */
    val timeout: Duration? = null,
    /** How long it may be open before it is rolled back (60 s; 5 s for an immediate one). */
    val maxHold: Duration? = null,
) {
    internal fun toNative() = NativeTransactionOptions(mode, isolation, timeout?.seconds(), maxHold?.seconds())

    /** The last of several attempts is an immediate one, so that it wins however many others there are. */
    internal fun forAttempt(attempt: Int, retries: Int): TransactionOptions {
        val concurrent = mode == null || mode == TransactionMode.CONCURRENT
        return if (concurrent && retries > 0 && attempt == retries) copy(mode = TransactionMode.IMMEDIATE) else this
    }
}

/** A place in a transaction to which it can be rolled back. */
public class Savepoint internal constructor(internal val number: ULong)

/** Whether the program has ended a transaction itself; all handles on it share this. */
internal class Ending {
    @Volatile
    var done = false
}

/** What the two faces of a transaction have in common: all that never waits. */
public sealed class TransactionHandle<V>(internal val native: NativeTransaction, internal val codec: Codec<V>) :
    AutoCloseable {
    internal var ending = Ending()

    /** The name of the table. */
    public val name: String get() = translated { native.name() }

    /** The table's codec. */
    public val storageMode: StorageMode get() = translated { native.storageMode() }

    /** True as long as it was neither committed nor rolled back, and its time is not up. */
    public val isOpen: Boolean
        get() = try {
            native.isOpen()
        } catch (_: IllegalStateException) {
            false
        }

    /** Sets [key] to [value]. */
    public operator fun set(key: Key, value: V): Unit = set(key, value, null)

    /** Sets [key] to [value]. [ttl]: `null` for the handle's, `Duration.INFINITE` for no expiry. */
    public fun set(key: Key, value: V, ttl: Duration?) {
        val bytes = codec.encode(value)
        translated { native.set(key, bytes, ttl.toTtl()) }
    }

    /** Deletes [key], whether it is there or not. */
    public fun delete(key: Key): Unit = translated { native.delete(key) }

    /** Marks what was written so far. */
    public fun savepoint(): Savepoint = Savepoint(translated { native.savepoint() })

    /**
     * Takes back everything that was written since [savepoint], which stays, and forgets the ones after it. What was
     * read since then still counts as read.
     */
    public fun rollbackTo(savepoint: Savepoint): Unit = translated { native.rollbackTo(savepoint.number) }

    /** Forgets [savepoint] and the ones after it; what was written stays. */
    public fun release(savepoint: Savepoint): Unit = translated { native.release(savepoint.number) }

    /** Gives everything up that was written. */
    public fun rollback() {
        translated { native.rollback() }
        ending.done = true
    }

    /** Rolls back unless it is over, and frees what it holds. */
    public override fun close() {
        try {
            native.abandon()
        } catch (_: IllegalStateException) {
            // Closed before.
        }
        native.destroy()
    }
}

/** Pauses between attempts: of random length, so that those who met once do not meet again, and growing. */
internal class Pauses {
    private var longest = FIRST

    fun next(): Duration = (longest * Random.nextDouble()).also { longest = minOf(longest * 2, LONGEST) }

    private companion object {
        val FIRST = 500.microseconds
        val LONGEST = 50.milliseconds
    }
}

internal fun checkRetries(retries: Int) {
    if (retries < 0) throw DictException(ErrorKind.INVALID, "retries is $retries; it must not be negative")
}
