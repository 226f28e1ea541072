// The operations of one key in a transaction and in an atomic unit, for the plain types that most keys are.

package io.github.dictsqlite

import kotlin.time.Duration

/** See [Transaction.get]. */
public suspend operator fun <V> Transaction<V>.get(key: String): V? = get(keyOf(key))

/** See [Transaction.get]. */
public suspend operator fun <V> Transaction<V>.get(key: Long): V? = get(keyOf(key))

/** See [BlockingTransaction.get]. */
public operator fun <V> BlockingTransaction<V>.get(key: String): V? = get(keyOf(key))

/** See [BlockingTransaction.get]. */
public operator fun <V> BlockingTransaction<V>.get(key: Long): V? = get(keyOf(key))

/** See [TransactionHandle.set]. */
public operator fun <V> TransactionHandle<V>.set(key: String, value: V): Unit = set(keyOf(key), value, null)

/** See [TransactionHandle.set]. */
public operator fun <V> TransactionHandle<V>.set(key: Long, value: V): Unit = set(keyOf(key), value, null)

/** See [TransactionHandle.set]. */
public fun <V> TransactionHandle<V>.set(key: String, value: V, ttl: Duration?): Unit = set(keyOf(key), value, ttl)

/** See [TransactionHandle.delete]. */
public fun <V> TransactionHandle<V>.delete(key: String): Unit = delete(keyOf(key))

/** See [BlockingTransaction.minusAssign]. */
public operator fun <V> BlockingTransaction<V>.minusAssign(key: String): Unit = delete(keyOf(key))

/** See [Transaction.contains]. */
public suspend fun <V> Transaction<V>.contains(key: String): Boolean = contains(keyOf(key))

/** See [BlockingTransaction.contains]. */
public operator fun <V> BlockingTransaction<V>.contains(key: String): Boolean = contains(keyOf(key))

/** See [Transaction.entry]. */
public suspend fun <V> Transaction<V>.entry(key: String): Entry<V>? = entry(keyOf(key))

/** See [BlockingTransaction.entry]. */
public fun <V> BlockingTransaction<V>.entry(key: String): Entry<V>? = entry(keyOf(key))

/** See [Transaction.pop]. */
public suspend fun <V> Transaction<V>.pop(key: String): Entry<V>? = pop(keyOf(key))

/** See [BlockingTransaction.pop]. */
public fun <V> BlockingTransaction<V>.pop(key: String): Entry<V>? = pop(keyOf(key))

/** See [Transaction.setDefault]. */
public suspend fun <V> Transaction<V>.setDefault(key: String, value: V, ttl: Duration? = null): V =
    setDefault(keyOf(key), value, ttl)

/** See [BlockingTransaction.setDefault]. */
public fun <V> BlockingTransaction<V>.setDefault(key: String, value: V, ttl: Duration? = null): V =
    setDefault(keyOf(key), value, ttl)

/** See [Transaction.incr]. */
public suspend fun <V> Transaction<V>.incr(key: String, delta: Long = 1): Long = incr(keyOf(key), delta)

/** See [BlockingTransaction.incr]. */
public fun <V> BlockingTransaction<V>.incr(key: String, delta: Long = 1): Long = incr(keyOf(key), delta)

/** See [Transaction.expire]. */
public suspend fun <V> Transaction<V>.expire(key: String, ttl: Duration): Boolean = expire(keyOf(key), ttl)

/** See [BlockingTransaction.expire]. */
public fun <V> BlockingTransaction<V>.expire(key: String, ttl: Duration): Boolean = expire(keyOf(key), ttl)

/** See [AtomicUnit.check]. */
public fun <V, Self : AtomicUnit<V, Self>> AtomicUnit<V, Self>.check(key: String, version: Long): Self =
    check(keyOf(key), version)

/** See [AtomicUnit.set]. */
public fun <V, Self : AtomicUnit<V, Self>> AtomicUnit<V, Self>.set(key: String, value: V, ttl: Duration? = null): Self =
    set(keyOf(key), value, ttl)

/** See [AtomicUnit.incr]. */
public fun <V, Self : AtomicUnit<V, Self>> AtomicUnit<V, Self>.incr(key: String, delta: Long = 1): Self =
    incr(keyOf(key), delta)

/** See [AtomicUnit.delete]. */
public fun <V, Self : AtomicUnit<V, Self>> AtomicUnit<V, Self>.delete(key: String): Self = delete(keyOf(key))
