package io.github.dictsqlite

/**
 * The one exception of this library: its [kind], a message that says what to do and, where one is concerned,
 * the [key]. A coroutine that is cancelled sees its `CancellationException` instead.
 */
public class DictException(
    /** What went wrong, coarse enough to act on. */
    public val kind: ErrorKind,
    /** What happened and what to do about it, without the key. */
    public val detail: String,
    /** The key concerned. */
    public val key: Key? = null,
    cause: Throwable? = null,
    /** True when changes that were asked for are no longer in the log: read the state as it is and go on from there. */
    public val isHistoryTruncated: Boolean = false,
) : RuntimeException(if (key == null) detail else "$detail (key ${key.shown()})", cause) {
    /** True when the same operation may succeed later without any change by the caller. */
    public val isTransient: Boolean
        get() = when (kind) {
            ErrorKind.BUSY, ErrorKind.FULL, ErrorKind.IO, ErrorKind.TIMEOUT, ErrorKind.CONFLICT -> true
            else -> false
        }
}
