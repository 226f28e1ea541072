package io.github.dictsqlite

import java.nio.ByteBuffer
import java.nio.CharBuffer
import java.nio.charset.CharacterCodingException

/**
 * How a table's values become bytes and come back. The [storageMode] is recorded with the table; opening
 * it with another one is an error that says so.
 */
public interface Codec<V> {
    /** How the table stores values. */
    public val storageMode: StorageMode

    /** The bytes to store; JSON text in UTF-8 in `JSON` and `JSONB` tables. */
    public fun encode(value: V): ByteArray

    /** The value of stored bytes. */
    public fun decode(stored: ByteArray): V

    public companion object {
        /** Bytes, as they are. */
        public val Bytes: Codec<ByteArray> = object : Codec<ByteArray> {
            override val storageMode = StorageMode.BYTES
            override fun encode(value: ByteArray) = value
            override fun decode(stored: ByteArray) = stored
        }

        /** Text, stored as its UTF-8 bytes. */
        public val Text: Codec<String> = text(StorageMode.BYTES, { it }, { it })

        /** Strict JSON text, kept as it is written. */
        public val Json: Codec<String> = text(StorageMode.JSON, { it }, { it })

        /** JSON text, stored in SQLite's binary form, so that queries and indexes reach inside. */
        public val Jsonb: Codec<String> = text(StorageMode.JSONB, { it }, { it })

        /** Values by way of JSON text, with whichever library makes it; [binary] stores them as `JSONB`. */
        public fun <V> json(encode: (V) -> String, decode: (String) -> V, binary: Boolean = false): Codec<V> =
            text(if (binary) StorageMode.JSONB else StorageMode.JSON, encode, decode)
    }
}

private fun <V> text(mode: StorageMode, toText: (V) -> String, fromText: (String) -> V) = object : Codec<V> {
    override val storageMode = mode
    override fun encode(value: V) = toUtf8(toText(value))
    override fun decode(stored: ByteArray) = fromText(fromUtf8(stored))
}

private fun toUtf8(text: String): ByteArray = try {
    val bytes: ByteBuffer = Charsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text))
    bytes.array().copyOf(bytes.limit())
} catch (e: CharacterCodingException) {
    throw DictException(ErrorKind.CODEC, "the text has half a surrogate pair, which UTF-8 cannot hold", cause = e)
}

private fun fromUtf8(bytes: ByteArray): String = try {
    Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString()
} catch (e: CharacterCodingException) {
    throw DictException(ErrorKind.CODEC, "the stored bytes are not UTF-8 text; open the table with Codec.Bytes", cause = e)
}
