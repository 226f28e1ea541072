package io.github.dictsqlite

import kotlin.time.Duration
import kotlinx.coroutines.flow.Flow

/** A key as it was found, with its entry; `null` when there is none. */
public data class Watched<V>(val key: Key, val entry: Entry<V>?)

/**
 * Keys being watched, a page at a time: what is there first, then what is different after later commits. It holds one
 * page at most. It ends with `CLOSED` when the dict that made it is closed.
 */
public class WatchStream<V> internal constructor(private val native: NativeWatch, private val codec: Codec<V>) : AutoCloseable {
    /** What is there, the first time; then what has changed since. Waits for it. */
    public suspend fun page(): List<Watched<V>> {
        while (true) {
            awaited { native.readyAsync(NO_TICKET) }
            val page = translated { native.takePage() }
            // Somebody else may have been quicker.
            if (page.isNotEmpty()) return page.map(::decoded)
        }
    }

    /** The same for a thread that waits; empty when [timeout] passes. */
    public fun pageBlocking(timeout: Duration = Duration.INFINITE): List<Watched<V>> =
        translated { native.nextPage(timeout.seconds()) }.map(::decoded)

    /** Ends it: who waits for it is told `CLOSED`. */
    public override fun close(): Unit = ending(native, native::shut)

    private fun decoded(watched: NativeWatched) = Watched(watched.key, watched.entry?.let(codec::entry))
}

/** See [Dict.watch]. */
public fun <V> Dict<V>.watch(vararg keys: String): Flow<Watched<V>> = watch(*keys.map { keyOf(it) }.toTypedArray())

/** See [BlockingDict.watch]. */
public fun <V> BlockingDict<V>.watch(vararg keys: String): Sequence<Watched<V>> =
    watch(*keys.map { keyOf(it) }.toTypedArray())
