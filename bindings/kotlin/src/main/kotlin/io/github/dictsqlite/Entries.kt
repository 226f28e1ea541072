package io.github.dictsqlite

import java.time.Instant

/** A value with what the store knows about it. */
public data class Entry<V>(
    val value: V,
    /** The number of the operation that wrote it; never reused within a store. */
    val version: Long,
    /** When it expires; `null` for never. */
    val expiresAt: Instant?,
)

/** A key and its [Entry]. */
public data class Item<V>(
    val key: Key,
    val value: V,
    /** The number of the operation that wrote it; never reused within a store. */
    val version: Long,
    /** When it expires; `null` for never. */
    val expiresAt: Instant?,
)

/** Figures of a store since it was opened in this process. */
public typealias Stats = NativeStats

internal fun <V> Codec<V>.entry(entry: NativeEntry) =
    Entry(decode(entry.value), entry.version, entry.expiresAt?.let(Instant::ofEpochMilli))

internal fun <V> Codec<V>.item(entry: NativeEntry): Item<V> {
    val key = entry.key ?: throw DictException(ErrorKind.INTERNAL, "the engine gave an item without its key")
    return Item(key, decode(entry.value), entry.version, entry.expiresAt?.let(Instant::ofEpochMilli))
}

internal fun <V> Codec<V>.item(item: NativeItem): Item<V> {
    val value = item.value ?: throw DictException(ErrorKind.INTERNAL, "the engine gave an item without its value")
    return Item(item.key, decode(value), item.version, item.expiresAt?.let(Instant::ofEpochMilli))
}

internal fun <V> Codec<V>.pairs(items: Map<Key, V>) = items.map { (key, value) -> NativePair(key, encode(value)) }
