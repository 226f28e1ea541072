package io.github.dictsqlite

import java.nio.file.Path
import kotlin.time.Duration
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class OperationsTest {
    @TempDir
    lateinit var dir: Path

    private val kinds = listOf(
        keyOf("text"), keyOf(""), keyOf("é\u0000\uD83D\uDE00"), keyOf(1), keyOf("1"), keyOf(Long.MIN_VALUE), keyOf(Long.MAX_VALUE),
        keyOf(byteArrayOf()), keyOf(byteArrayOf(0, -1, 127)), keyOf(byteArrayOf(-1)), tupleKey(), tupleKey("2024", 7),
        tupleKey(-1L, byteArrayOf(0), "\u0000"),
    )

    @Test
    fun `keys of every kind come back as they were`() = runBlocking<Unit> {
        Dict.open(dir.resolve("a.db"), Codec.Bytes).use { db ->
            for ((n, key) in kinds.withIndex()) db.set(key, byteArrayOf(n.toByte()))
            assertEquals(kinds.size.toLong(), db.size())
            for ((n, key) in kinds.withIndex()) assertArrayEquals(byteArrayOf(n.toByte()), db.get(key), key.shown())
            assertEquals(kinds, db.keys().toList())
            assertEquals(kinds, db.blocking.keys().toList())
        }
    }

    @Test
    fun `keys are equal by what is in them`() {
        assertEquals(keyOf(byteArrayOf(1, 2)), keyOf(byteArrayOf(1, 2)))
        assertEquals(keyOf(byteArrayOf(1, 2)).hashCode(), keyOf(byteArrayOf(1, 2)).hashCode())
        assertEquals(setOf(tupleKey("a", byteArrayOf(1))), setOf(tupleKey("a", byteArrayOf(1))))
        assertFalse(keyOf("1") == keyOf(1))
        val bytes = byteArrayOf(1)
        val key = keyOf(bytes)
        bytes[0] = 2
        assertEquals(keyOf(byteArrayOf(1)), key)
    }

    @Test
    fun `every operation for coroutines`() = runBlocking<Unit> {
        val db = Dict.open(dir.resolve("b.db"), Codec.Text)
        db.set("a", "1")
        db.set(2, "two")
        assertEquals("1", db.get("a"))
        assertEquals("two", db.get(2))
        assertNull(db.get("nope"))
        assertTrue(db.contains("a") && db.contains(2) && !db.contains("nope"))
        assertEquals(listOf("two", null, "1"), db.getMany(keysOf(2, "nope", "a")))
        val entry = assertNotNull(db.entry("a")).let { db.entry("a")!! }
        assertTrue(entry.value == "1" && entry.version > 0 && entry.expiresAt == null)
        val version = db.setIfVersion("a", "10", entry.version)
        assertTrue(version > entry.version)
        assertEquals(version, db.entry("a")?.version)
        assertTrue(db.setIfVersion("new", "n", 0) > version)
        assertEquals(11, db.incr("a"))
        assertEquals(6, db.incr("a", -5))
        assertEquals(3, db.incr("n", 3))
        assertEquals("n", db.setDefault("new", "other"))
        assertEquals("fresh", db.setDefault("fresh", "fresh"))
        assertEquals("n", db.pop("new")?.value)
        assertNull(db.pop("new"))
        assertTrue(db.remove("fresh"))
        assertFalse(db.remove("fresh"))
        db.deleteIfVersion(keyOf("n"), db.entry("n")!!.version)
        assertFalse(db.contains("n"))
        db.setMany((0 until 100).associate { keyOf(it + 1000) to "v$it" })
        assertEquals(102, db.size())
        assertEquals(keyOf(1099), db.popItem()?.key)
        assertEquals(keyOf("a"), db.popItem(last = false)?.key)
        db.deleteMany((0 until 99).map { keyOf(it + 1000) })
        assertEquals(listOf(keyOf(2)), db.keys().toList())
        db.delete(2)
        db.delete("nope")
        assertEquals(0, db.size())
        db.set("x", "y")
        assertEquals(1, db.clear())
        db.flush()
        db.flush(durable = true)
        assertTrue(db.stats().commits > 0uL && db.stats().pendingWrites == 0uL)
        db.closeSuspending()
        assertTrue(db.isClosed)
    }

    @Test
    fun `every operation for threads`() {
        BlockingDict.open(dir.resolve("c.db"), Codec.Text).use { db ->
            db["a"] = "1"
            db[2] = "two"
            db[tupleKey("t", 1)] = "tuple"
            assertEquals("1", db["a"])
            assertEquals("two", db[2])
            assertEquals("tuple", db[tupleKey("t", 1)])
            assertNull(db["nope"])
            assertTrue("a" in db && 2L in db && keyOf("nope") !in db)
            assertEquals(listOf("two", null, "1"), db.getMany(keysOf(2, "nope", "a")))
            val entry = db.entry("a")!!
            assertTrue(db.setIfVersion("a", "10", entry.version) > entry.version)
            assertEquals(11, db.incr("a"))
            assertEquals("d", db.setDefault("d", "d"))
            assertEquals("d", db.setDefault("d", "e"))
            assertEquals("d", db.pop("d")?.value)
            assertEquals(keyOf("a"), db.popItem(last = false)?.key)
            assertTrue(db.remove(tupleKey("t", 1)))
            db -= keyOf(2)
            assertEquals(0, db.size)
            db.setMany(mapOf(keyOf("x") to "1", keyOf("y") to "2"))
            assertEquals(listOf("x" to "1", "y" to "2"), db.map { (it.key as Key.Text).value to it.value })
            db.deleteIfVersion(keyOf("x"), db.entry("x")!!.version)
            db.deleteMany(keysOf("y"))
            assertEquals(emptyList<Key>(), db.keys().toList())
            db["z"] = "z"
            assertEquals(1, db.clear())
            db.flush(durable = true)
            assertTrue(db.stats().commits > 0uL)
        }
    }

    private fun <T> BlockingDict<String>.map(transform: (Item<String>) -> T): List<T> {
        val all = mutableListOf<T>()
        for (item in this) all += transform(item)
        return all
    }

    @Test
    fun `entries expire`() = runBlocking<Unit> {
        Dict.open(dir.resolve("d.db"), Codec.Text, Options(ttl = 1.hours)).use { db ->
            db.set("handle's", "v")
            db.set("short", "v", ttl = 20.milliseconds)
            db.set("never", "v", ttl = Duration.INFINITE)
            val expires = db.entry("handle's")!!.expiresAt!!.toEpochMilli() - System.currentTimeMillis()
            assertTrue(expires in 3_500_000..3_600_000, "$expires ms")
            assertNull(db.entry("never")!!.expiresAt)
            assertTrue(db.expire("never", 20.milliseconds))
            assertFalse(db.expire("nope", 1.seconds))
            assertTrue(db.expire("handle's", Duration.INFINITE))
            delay(60)
            assertNull(db.get("short"))
            assertNull(db.get("never"))
            assertNull(db.entry("handle's")!!.expiresAt)
            assertEquals(1, db.size())
        }
    }

    @Test
    fun `tables share the file and have codecs of their own`() = runBlocking<Unit> {
        val path = dir.resolve("e.db")
        Dict.open(path, Codec.Bytes).use { db ->
            db.table("notes", Codec.Json).use { notes ->
                notes.set("a", """{"b":[1,2]}""")
                assertEquals("""{"b":[1,2]}""", notes.get("a"))
                assertEquals(StorageMode.JSON, notes.storageMode)
                assertEquals("notes", notes.name)
            }
            val lengths = Codec.json<Int>({ "$it" }, { it.toInt() }, binary = true)
            db.table("numbers", lengths).use { numbers ->
                numbers.set("n", 41)
                assertEquals(42, numbers.incr("n"))
                assertEquals(42, numbers.get("n"))
            }
            val modes = mapOf("main" to StorageMode.BYTES, "notes" to StorageMode.JSON, "numbers" to StorageMode.JSONB)
            assertEquals(modes, db.tables())
            assertTrue(db.dropTable("notes"))
            assertFalse(db.dropTable("notes"))
            assertEquals(modes - "notes", db.blocking.tables())
            assertEquals(path.toRealPath().toString(), Path.of(db.path!!).toRealPath().toString())
            assertEquals(PersistMode.WRITE_THROUGH, db.persistMode)
            assertFalse(db.isReadOnly)
        }
    }

    @Test
    fun `large values and empty ones`() = runBlocking<Unit> {
        Dict.open(":memory:", Codec.Bytes).use { db ->
            val large = ByteArray(5_000_000) { (it * 31).toByte() }
            db.set("large", large)
            db.set("empty", ByteArray(0))
            assertArrayEquals(large, db.get("large"))
            assertArrayEquals(large, db.blocking.getMany(keysOf("large"))[0])
            assertArrayEquals(ByteArray(0), db.get("empty"))
            assertNull(db.path)
        }
    }
}
