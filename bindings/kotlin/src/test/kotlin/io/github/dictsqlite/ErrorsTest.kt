package io.github.dictsqlite

import java.nio.file.Files
import java.nio.file.Path
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir
import io.github.dictsqlite.programs.whileLocked

class ErrorsTest {
    @TempDir
    lateinit var dir: Path

    private fun failure(kind: ErrorKind, body: suspend () -> Unit): DictException {
        val e = assertThrows<DictException> { runBlocking { body() } }
        assertEquals(kind, e.kind, e.message)
        assertTrue(e.detail.isNotEmpty())
        return e
    }

    @Test
    fun `a conflict names the key`() = runBlocking<Unit> {
        Dict.open(":memory:", Codec.Text).use { db ->
            db.set("k", "v")
            val e = failure(ErrorKind.CONFLICT) { db.setIfVersion("k", "w", 99) }
            assertEquals(keyOf("k"), e.key)
            assertTrue(e.isTransient && "\"k\"" in e.message!!, e.message)
            assertEquals(keyOf("k"), failure(ErrorKind.CONFLICT) { db.blocking.setIfVersion("k", "w", 99) }.key)
            assertEquals("v", db.get("k"))
        }
    }

    @Test
    fun `what a codec cannot hold is refused before it is accepted`() = runBlocking<Unit> {
        val path = dir.resolve("a.db")
        Dict.open(path, Codec.Json).use { db ->
            for (bad in listOf("NaN", "{a:1}", "", "[1,]")) {
                failure(ErrorKind.CODEC) { db.set("k", bad) }
                failure(ErrorKind.CODEC) { db.blocking["k"] = bad }
                failure(ErrorKind.CODEC) { db.setMany(mapOf(keyOf("fine") to "1", keyOf("k") to bad)) }
                failure(ErrorKind.CODEC) { db.blocking.setMany(mapOf(keyOf("fine") to "1", keyOf("k") to bad)) }
                failure(ErrorKind.CODEC) { db.setDefault("k", bad) }
                failure(ErrorKind.CODEC) { db.setIfVersion("k", bad, 0) }
            }
            failure(ErrorKind.CODEC) { db.set("k", "\"\uD800\"") }
            db.set("k", "\"text\"")
            failure(ErrorKind.CODEC) { db.incr("k") }
            assertEquals(1, db.size())
        }
        failure(ErrorKind.CODEC) { Dict.open(path, Codec.Bytes) }
        Dict.open(path, Codec.Bytes, Options(table = "other")).use { db ->
            db.set("k", byteArrayOf(-1))
            db.table("other", Codec.Text).use { failure(ErrorKind.CODEC) { it.get("k") } }
            failure(ErrorKind.CODEC) { db.table("main", Codec.Text) }
        }
    }

    @Test
    fun `keys that are none are refused`() = runBlocking<Unit> {
        Dict.open(":memory:", Codec.Text).use { db ->
            failure(ErrorKind.KEY_TYPE) { db.set("\uD800", "v") }
            failure(ErrorKind.KEY_TYPE) { db.get(Key.Tuple(listOf(tupleKey(1)))) }
            failure(ErrorKind.KEY_TYPE) { tupleKey(1.5) }
            failure(ErrorKind.KEY_TYPE) { db.keys(Selection(prefix = keyOf(1))).collect {} }
            failure(ErrorKind.KEY_TYPE) { db.blocking.keys(Selection(prefix = keyOf(1))).first() }
        }
    }

    @Test
    fun `options that make no sense are refused by name`() {
        val cases = mapOf(
            "bufferSize" to Options(bufferSize = -1),
            "buffer_size" to Options(bufferSize = 0),
            "flush_interval" to Options(flushInterval = Duration.INFINITE),
            "timeout" to Options(timeout = (-1).seconds),
            "ttl" to Options(ttl = Duration.ZERO),
            "memtable_bytes" to Options(memtableBytes = 1),
            "read_only" to Options(readOnly = true, persistMode = PersistMode.MEMORY),
        )
        for ((name, options) in cases) {
            val e = failure(ErrorKind.INVALID) { Dict.open(dir.resolve("b.db"), Codec.Text, options) }
            assertTrue(name in e.detail, e.detail)
            failure(ErrorKind.INVALID) { BlockingDict.open(dir.resolve("b.db"), Codec.Text, options) }
        }
        failure(ErrorKind.INVALID) { Dict.open("", Codec.Text) }
        failure(ErrorKind.INVALID) { BlockingDict.open("a\u0000b", Codec.Text) }
        runBlocking {
            Dict.open(":memory:", Codec.Text).use { db ->
                failure(ErrorKind.INVALID) { db.set("k", "v", ttl = Duration.ZERO) }
                failure(ErrorKind.INVALID) { db.set("k", "v", ttl = (-1).seconds) }
                failure(ErrorKind.INVALID) { db.keys(Selection(limit = -1)).collect {} }
            }
        }
    }

    @Test
    fun `a closed handle says so and closing twice is fine`() = runBlocking<Unit> {
        val db = Dict.open(dir.resolve("c.db"), Codec.Text)
        db.set("k", "v")
        db.close()
        db.close()
        db.closeSuspending()
        assertTrue(db.isClosed && db.blocking.isClosed)
        failure(ErrorKind.CLOSED) { db.get("k") }
        failure(ErrorKind.CLOSED) { db.set("k", "v") }
        failure(ErrorKind.CLOSED) { db.size() }
        failure(ErrorKind.CLOSED) { db.blocking["k"] }
        failure(ErrorKind.CLOSED) { db.items().collect {} }
        failure(ErrorKind.CLOSED) { db.flush() }
        failure(ErrorKind.CLOSED) { db.stats() }
    }

    @Test
    fun `files that are not ours are refused`() {
        val path = dir.resolve("text.db")
        Files.writeString(path, "not a database at all, but text that is long enough to be looked at".repeat(20))
        val e = assertThrows<DictException> { BlockingDict.open(path, Codec.Text) }
        assertTrue(e.kind in setOf(ErrorKind.UNSUPPORTED, ErrorKind.CORRUPT), e.toString())
        failure(ErrorKind.IO) { Dict.open(dir.resolve("no/such/dir.db"), Codec.Text) }
    }

    @Test
    fun `a read-only handle writes nothing`() = runBlocking<Unit> {
        val path = dir.resolve("d.db")
        Dict.open(path, Codec.Text).use { it.set("k", "v") }
        Dict.open(path, Codec.Text, Options(readOnly = true)).use { db ->
            assertTrue(db.isReadOnly)
            assertEquals("v", db.get("k"))
            failure(ErrorKind.READ_ONLY) { db.set("k", "w") }
            failure(ErrorKind.READ_ONLY) { db.incr("n") }
        }
    }

    @Test
    fun `pickle tables are Python's`() = runBlocking<Unit> {
        val pickles = object : Codec<ByteArray> by Codec.Bytes {
            override val storageMode = StorageMode.PICKLE
        }
        failure(ErrorKind.UNSUPPORTED) { Dict.open(dir.resolve("e.db"), pickles) }
        assertFalse(Files.exists(dir.resolve("e.db")))
        Dict.open(":memory:", Codec.Text).use { db ->
            failure(ErrorKind.UNSUPPORTED) { db.table("p", pickles) }
            failure(ErrorKind.UNSUPPORTED) { db.blocking.table("p", pickles) }
            assertEquals(setOf("main"), db.tables().keys)
        }
    }

    @Test
    fun `a lock that another process holds is a timeout`() = runBlocking<Unit> {
        val path = dir.resolve("f.db")
        Dict.open(path, Codec.Text, Options(timeout = 300.milliseconds)).use { db ->
            db.set("k", "1")
            db.flush()
            whileLocked(path) {
                val e = assertThrows<DictException> { runBlocking { db.incr("k") } }
                assertTrue(e.kind in setOf(ErrorKind.BUSY, ErrorKind.TIMEOUT), e.toString())
                assertTrue(e.isTransient)
                assertEquals("1", db.get("k"))
            }
            db.flush()
            assertTrue(db.get("k") in setOf("1", "2"))
        }
    }
}
