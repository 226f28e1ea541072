package io.github.dictsqlite

import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.CountDownLatch
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir

class FilesTest {
    @TempDir
    lateinit var dir: Path

    private fun failure(kind: ErrorKind, body: suspend () -> Unit): DictException {
        val e = assertThrows<DictException> { runBlocking { body() } }
        assertEquals(kind, e.kind, e.message)
        return e
    }

    private suspend fun filled(name: String): Dict<String> {
        val db = Dict.open(dir.resolve(name), Codec.Text)
        db.setMany((0 until 300).associate { keyOf(it) to "v".repeat(100) })
        db.set("k", "one")
        return db
    }

    private fun named(prefix: String) = Files.list(dir).use { all -> all.filter { "${it.fileName}".startsWith(prefix) }.count() }

    @Test
    fun `a backup is a store, and is restored`() = runBlocking<Unit> {
        val (copy, other) = listOf("copy.db", "other.db").map(dir::resolve)
        filled("a.db").use { db ->
            val seen = mutableListOf<Pair<Long, Long>>()
            val bytes = db.blocking.backup(copy) { done, total -> seen += done to total }
            assertEquals(Files.size(copy), bytes)
            assertTrue(seen.size >= 2 && seen.last().first == seen.last().second, "$seen")
            assertTrue("copy.db" in failure(ErrorKind.INVALID) { db.backup(copy) }.detail)
            assertEquals(bytes, db.backup(copy, overwrite = true))
            failure(ErrorKind.INVALID) { db.backup(dir.resolve("no/copy.db")) }
            failure(ErrorKind.INVALID) { db.blocking.backup(dir.resolve("no/copy.db")) }
        }
        assertEquals(Files.size(copy), Dict.restore(copy, other))
        failure(ErrorKind.INVALID) { BlockingDict.restore(copy, other) }
        Dict.open(other, Codec.Text).use { db ->
            assertEquals("one", db.get("k"))
            failure(ErrorKind.BUSY) { Dict.restore(copy, other, overwrite = true, timeout = 50.milliseconds) }
        }
        assertTrue(BlockingDict.restore(copy, other, overwrite = true) > 0)
        failure(ErrorKind.IO) { Dict.restore(dir.resolve("nothing.db"), dir.resolve("b.db")) }
        failure(ErrorKind.INVALID) { Dict.restore(copy, dir.resolve("b.db"), timeout = (-1).milliseconds) }
    }

    @Test
    fun `what a callback throws cancels, and comes out`() = runBlocking<Unit> {
        filled("a.db").use { db ->
            val calls = mutableListOf<Long>()
            val enough: Progress = { done, _ ->
                calls += done
                throw IllegalArgumentException("enough")
            }
            val path = dir.resolve("given-up")
            assertEquals("enough", assertThrows<IllegalArgumentException> { db.blocking.backup(path, progress = enough) }.message)
            assertEquals("enough", assertThrows<IllegalArgumentException> { runBlocking { db.backup(path, progress = enough) } }.message)
            assertThrows<IllegalArgumentException> { db.blocking.exportTo(path, progress = enough) }
            assertThrows<IllegalArgumentException> { runBlocking { db.warm(progress = enough) } }
            assertEquals(4, calls.size, "each was called once")
            assertEquals(0, named("given-up"))
        }
    }

    /** It was thrown in the place of a result that was there already. */
    @Test
    fun `what a callback throws at the last call comes too late`() = runBlocking<Unit> {
        filled("a.db").use { db ->
            val late: Progress = { done, total -> check(total == 0L || done < total) }
            assertTrue(db.blocking.backup(dir.resolve("one.db"), progress = late) > 0)
            assertTrue(db.backup(dir.resolve("two.db"), progress = late) > 0)
        }
    }

    /** The end of a cancelled coroutine is the end of its operation: nothing of it is left then. */
    @Test
    fun `a cancelled coroutine leaves nothing`() = runBlocking<Unit> {
        filled("a.db").use { db ->
            val (begun, released) = CompletableDeferred<Unit>() to CountDownLatch(1)
            var ended: Throwable? = null
            val job = launch {
                try {
                    db.backup(dir.resolve("given-up")) { _, _ ->
                        begun.complete(Unit)
                        released.await()
                    }
                } catch (e: Throwable) {
                    ended = e
                    throw e
                }
            }
            begun.await()
            job.cancel()
            withContext(Dispatchers.IO) { Thread.sleep(50) }
            assertFalse(job.isCompleted, "it waits for the operation, which the callback holds")
            released.countDown()
            job.join()
            assertTrue(ended is CancellationException, "$ended")
            assertEquals(0, named("given-up"))
            assertEquals("one", db.get("k"))
        }
    }

    @Test
    fun `many at once, on any dispatcher`() = runBlocking<Unit> {
        filled("a.db").use { db ->
            val bytes = (0 until 8).map { n ->
                val where = if (n % 2 == 0) Dispatchers.Unconfined else Dispatchers.Default
                async(where) { db.backup(dir.resolve("copy$n.db")) { _, _ -> } }
            }.map { it.await() }
            assertEquals(1, bytes.toSet().size, "$bytes")
        }
    }

    @Test
    fun `an export is imported`() = runBlocking<Unit> {
        val (lines, all) = listOf("main.jsonl", "all.bin").map(dir::resolve)
        filled("a.db").use { db ->
            db.table("docs", Codec.Json).use { it.set("a", "[1]") }
            assertEquals(301, db.exportTo(lines))
            failure(ErrorKind.INVALID) { db.exportTo(lines) }
            assertEquals(1, db.blocking.exportTo(lines, ExportOptions(prefix = keyOf("k"), overwrite = true)))
            assertEquals(302, db.exportTo(all, ExportOptions(ExportFormat.BINARY, allTables = true)))
            failure(ErrorKind.INVALID) { db.exportTo(dir.resolve("x"), ExportOptions(tables = listOf("nobody"))) }
        }
        Dict.open(dir.resolve("b.db"), Codec.Text).use { db ->
            db.set("k", "mine")
            assertEquals(keyOf("k"), failure(ErrorKind.CONFLICT) { db.importFrom(all, OnConflict.ERROR) }.key)
            assertEquals(1, db.size())
            assertEquals(Imported(301uL, 300uL, 1uL, 0uL), db.importFrom(all, OnConflict.SKIP, tables = listOf("main")))
            assertEquals("mine", db.get("k"))
            assertEquals(302uL, db.blocking.importFrom(all).written)
            assertEquals("one", db.get("k"))
            assertEquals("[1]", db.table("docs", Codec.Json).use { it.get("a") })
            failure(ErrorKind.IO) { db.importFrom(dir.resolve("nothing")) }
        }
    }

    @Test
    fun `the upkeep of a file`() = runBlocking<Unit> {
        filled("a.db").use { db ->
            assertEquals(1uL, db.warm(keyOf("k")).read)
            assertEquals(Warmed(301uL, 301uL), db.blocking.warm())
            db.clear()
            val sizes = db.vacuum()
            assertTrue(sizes.after < sizes.before, "$sizes")
            assertEquals(sizes.after, db.blocking.vacuum().after)
            db.set("k", "two")
            val done = db.checkpoint()
            assertTrue(done.emptied && done.frames > 0uL, "$done")
            assertTrue(db.blocking.checkpoint().emptied)
            assertEquals(emptyList<String>(), db.integrityCheck())
            assertEquals(emptyList<String>(), db.blocking.integrityCheck())
            db.close()
            failure(ErrorKind.CLOSED) { db.vacuum() }
            failure(ErrorKind.CLOSED) { db.blocking.integrityCheck() }
        }
    }
}
