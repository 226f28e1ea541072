package io.github.dictsqlite

/** Bytes within a key. Unlike arrays, two of them are equal when their bytes are. */
public class Blob(array: ByteArray) {
    internal val array: ByteArray = array.copyOf()

    /** A copy of the bytes. */
    public fun toByteArray(): ByteArray = array.copyOf()

    override fun equals(other: Any?): Boolean = other is Blob && array.contentEquals(other.array)

    override fun hashCode(): Int = array.contentHashCode()

    override fun toString(): String = array.joinToString("", "x'", "'") { "%02x".format(it) }
}
