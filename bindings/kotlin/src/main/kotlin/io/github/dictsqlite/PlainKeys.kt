// The operations of one key, for the plain types that most keys are.

package io.github.dictsqlite

import kotlin.time.Duration

/** See [Dict.get]. */
public suspend fun <V> Dict<V>.get(key: String): V? = get(keyOf(key))

/** See [Dict.get]. */
public suspend fun <V> Dict<V>.get(key: Long): V? = get(keyOf(key))

/** See [Dict.set]. */
public suspend fun <V> Dict<V>.set(key: String, value: V, ttl: Duration? = null): Unit = set(keyOf(key), value, ttl)

/** See [Dict.set]. */
public suspend fun <V> Dict<V>.set(key: Long, value: V, ttl: Duration? = null): Unit = set(keyOf(key), value, ttl)

/** See [Dict.setIfVersion]. */
public suspend fun <V> Dict<V>.setIfVersion(key: String, value: V, version: Long, ttl: Duration? = null): Long =
    setIfVersion(keyOf(key), value, version, ttl)

/** See [Dict.delete]. */
public suspend fun <V> Dict<V>.delete(key: String): Unit = delete(keyOf(key))

/** See [Dict.delete]. */
public suspend fun <V> Dict<V>.delete(key: Long): Unit = delete(keyOf(key))

/** See [Dict.remove]. */
public suspend fun <V> Dict<V>.remove(key: String): Boolean = remove(keyOf(key))

/** See [Dict.contains]. */
public suspend fun <V> Dict<V>.contains(key: String): Boolean = contains(keyOf(key))

/** See [Dict.contains]. */
public suspend fun <V> Dict<V>.contains(key: Long): Boolean = contains(keyOf(key))

/** See [Dict.entry]. */
public suspend fun <V> Dict<V>.entry(key: String): Entry<V>? = entry(keyOf(key))

/** See [Dict.pop]. */
public suspend fun <V> Dict<V>.pop(key: String): Entry<V>? = pop(keyOf(key))

/** See [Dict.setDefault]. */
public suspend fun <V> Dict<V>.setDefault(key: String, value: V, ttl: Duration? = null): V =
    setDefault(keyOf(key), value, ttl)

/** See [Dict.incr]. */
public suspend fun <V> Dict<V>.incr(key: String, delta: Long = 1): Long = incr(keyOf(key), delta)

/** See [Dict.expire]. */
public suspend fun <V> Dict<V>.expire(key: String, ttl: Duration): Boolean = expire(keyOf(key), ttl)

/** See [BlockingDict.get]. */
public operator fun <V> BlockingDict<V>.get(key: String): V? = get(keyOf(key))

/** See [BlockingDict.get]. */
public operator fun <V> BlockingDict<V>.get(key: Long): V? = get(keyOf(key))

/** See [BlockingDict.set]. */
public operator fun <V> BlockingDict<V>.set(key: String, value: V): Unit = set(keyOf(key), value, null)

/** See [BlockingDict.set]. */
public operator fun <V> BlockingDict<V>.set(key: Long, value: V): Unit = set(keyOf(key), value, null)

/** See [BlockingDict.set]. */
public fun <V> BlockingDict<V>.set(key: String, value: V, ttl: Duration?): Unit = set(keyOf(key), value, ttl)

/** See [BlockingDict.setIfVersion]. */
public fun <V> BlockingDict<V>.setIfVersion(key: String, value: V, version: Long, ttl: Duration? = null): Long =
    setIfVersion(keyOf(key), value, version, ttl)

/** See [BlockingDict.delete]. */
public fun <V> BlockingDict<V>.delete(key: String): Unit = delete(keyOf(key))

/** See [BlockingDict.delete]. */
public operator fun <V> BlockingDict<V>.minusAssign(key: String): Unit = delete(keyOf(key))

/** See [BlockingDict.remove]. */
public fun <V> BlockingDict<V>.remove(key: String): Boolean = remove(keyOf(key))

/** See [BlockingDict.contains]. */
public operator fun <V> BlockingDict<V>.contains(key: String): Boolean = contains(keyOf(key))

/** See [BlockingDict.contains]. */
public operator fun <V> BlockingDict<V>.contains(key: Long): Boolean = contains(keyOf(key))

/** See [BlockingDict.entry]. */
public fun <V> BlockingDict<V>.entry(key: String): Entry<V>? = entry(keyOf(key))

/** See [BlockingDict.pop]. */
public fun <V> BlockingDict<V>.pop(key: String): Entry<V>? = pop(keyOf(key))

/** See [BlockingDict.setDefault]. */
public fun <V> BlockingDict<V>.setDefault(key: String, value: V, ttl: Duration? = null): V =
    setDefault(keyOf(key), value, ttl)

/** See [BlockingDict.incr]. */
public fun <V> BlockingDict<V>.incr(key: String, delta: Long = 1): Long = incr(keyOf(key), delta)

/** See [BlockingDict.expire]. */
public fun <V> BlockingDict<V>.expire(key: String, ttl: Duration): Boolean = expire(keyOf(key), ttl)
