package io.github.dictsqlite

import kotlin.time.Duration

/** Checks and writes that are to be one unit, in one crossing: nothing happens before they are committed. */
public sealed class AtomicUnit<V, Self : AtomicUnit<V, Self>>(internal val native: NativeDict, private val codec: Codec<V>) {
    private var checks = mutableListOf<NativeCheck>()
    private var writes = mutableListOf<NativeWrite>()

    internal abstract val self: Self

    /** Everything depends on [key] having this [version]; 0 is no entry. */
    public fun check(key: Key, version: Long): Self = self.also { checks.add(NativeCheck(key, version)) }

    /** Sets [key] to [value]. [ttl]: `null` for the handle's, `Duration.INFINITE` for no expiry. */
    public fun set(key: Key, value: V, ttl: Duration? = null): Self =
        self.also { writes.add(NativeWrite.Set(key, codec.encode(value), ttl.toTtl())) }

    /** Adds [delta] to an integer, whatever it is when this is committed. */
    public fun incr(key: Key, delta: Long = 1): Self = self.also { writes.add(NativeWrite.Incr(key, delta)) }

    /** Deletes [key], whether it is there or not. */
    public fun delete(key: Key): Self = self.also { writes.add(NativeWrite.Delete(key)) }

    /** What was gathered; nothing is left to be done afterwards. */
    internal fun taken(): Pair<List<NativeCheck>, List<NativeWrite>> = (checks to writes).also {
        checks = mutableListOf()
        writes = mutableListOf()
    }
}

/** See [Dict.atomic]. */
public class Atomic<V> internal constructor(native: NativeDict, codec: Codec<V>) : AtomicUnit<V, Atomic<V>>(native, codec) {
    override val self: Atomic<V> get() = this

    /**
     * Does all of it, in order, and gives the number of the last operation, which is the version of what was written
     * last. Throws `CONFLICT`, naming the key, when a check does not hold: then nothing was done.
     */
    public suspend fun commit(): Long {
        val (checks, writes) = taken()
        return awaited { native.atomicAsync(checks, writes, NO_TICKET) }
    }
}

/** See [BlockingDict.atomic]. */
public class BlockingAtomic<V> internal constructor(native: NativeDict, codec: Codec<V>) :
    AtomicUnit<V, BlockingAtomic<V>>(native, codec) {
    override val self: BlockingAtomic<V> get() = this

    /** See [Atomic.commit]. */
    public fun commit(): Long {
        val (checks, writes) = taken()
        return translated { native.atomic(checks, writes) }
    }
}
