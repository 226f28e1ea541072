package io.github.dictsqlite

import com.sun.jna.CallbackThreadInitializer
import com.sun.jna.Native
import java.nio.charset.CharacterCodingException
import kotlin.coroutines.ContinuationInterceptor
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.withContext

/** The native library, once a process: loaded, and told when the process ends. */
internal object Engine {
    private const val END_SECONDS = 10.0

    init {
        uniffiEnsureInitialized()
        // A thread of the engine stays attached once it has called us: attaching costs more than the call.
        val attached = CallbackThreadInitializer(true, false, "dictsqlite")
        Native.setCallbackThreadInitializer(uniffiRustFutureContinuationCallbackImpl, attached)
        val end = Thread({ nativeEnd(END_SECONDS).forEach { System.err.println("dictsqlite: $it") } }, "dictsqlite-end")
        try {
            Runtime.getRuntime().addShutdownHook(end)
        } catch (_: IllegalStateException) {
            // The process is ending already: stores opened now are flushed by their own close.
        }
    }

    /** Loads the library. */
    fun ready() = Unit
}

/** Loads the library, or says why it cannot be. */
internal fun ready() = try {
    Engine.ready()
} catch (e: LinkageError) {
    val detail = "the native library of dictsqlite cannot be loaded here: put it into the directory that the system " +
        "property jna.library.path names, or use a jar that has it for this platform (${e.cause?.message ?: e.message})"
    throw DictException(ErrorKind.UNSUPPORTED, detail, cause = e)
}

/** Runs a native call; what it throws becomes a [DictException]. */
internal inline fun <T> translated(call: () -> T): T = try {
    call()
} catch (e: NativeException.Failed) {
    throw DictException(e.kind, e.detail, e.key, e, e.historyTruncated)
} catch (e: CancellationException) {
    throw e
} catch (e: IllegalStateException) {
    // All that UniFFI says of an object that is gone.
    throw DictException(ErrorKind.CLOSED, "this handle is closed; open the store again to go on", cause = e)
} catch (e: CharacterCodingException) {
    throw DictException(ErrorKind.KEY_TYPE, "the text has half a surrogate pair, which UTF-8 cannot hold", cause = e)
} catch (e: InternalException) {
    throw DictException(ErrorKind.INTERNAL, "a defect of this library; please report it: ${e.message}", cause = e)
}

/**
 * Runs a native call that suspends. Where a coroutine would go on wherever it is resumed, that would be a thread of the
 * engine, which the coroutine could block for everybody: then the call is made from the default dispatcher.
 */
internal suspend inline fun <T> awaited(crossinline call: suspend () -> T): T {
    val interceptor = currentCoroutineContext()[ContinuationInterceptor]
    if (interceptor != null && interceptor !== Dispatchers.Unconfined) return translated { call() }
    return withContext(Dispatchers.Default) { translated { call() } }
}

/** The ticket of a call that is cancelled by dropping it. */
internal const val NO_TICKET: ULong = 0uL
