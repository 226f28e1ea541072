package io.github.dictsqlite

/** A text key. */
public fun keyOf(text: String): Key = Key.Text(text)

/** An integer key. */
public fun keyOf(number: Long): Key = Key.Integer(number)

/** An integer key. */
public fun keyOf(number: Int): Key = Key.Integer(number.toLong())

/** A key of bytes; the array is copied. */
public fun keyOf(bytes: ByteArray): Key = Key.Bytes(Blob(bytes))

/** A tuple key of `String`, `Int`, `Long` and `ByteArray`. */
public fun tupleKey(vararg items: Any): Key = Key.Tuple(items.map(::anyKey))

/** Keys of `String`, `Int`, `Long`, `ByteArray` and [Key]. */
public fun keysOf(vararg keys: Any): List<Key> = keys.map(::anyKey)

private fun anyKey(key: Any): Key = when (key) {
    is Key -> key
    is String -> keyOf(key)
    is Int -> keyOf(key)
    is Long -> keyOf(key)
    is ByteArray -> keyOf(key)
    else -> throw DictException(
        ErrorKind.KEY_TYPE,
        "a key is a String, an Int, a Long, a ByteArray or a tuple of these, not ${key::class.simpleName}",
    )
}

/** A key as messages show it. */
internal fun Key.shown(): String = when (this) {
    is Key.Text -> if (value.length <= 60) "\"$value\"" else "\"${value.take(60)}\"... (${value.length} characters)"
    is Key.Integer -> value.toString()
    is Key.Bytes -> value.toString()
    is Key.Tuple -> items.joinToString(", ", "(", if (items.size == 1) ",)" else ")") { it.shown() }
}
