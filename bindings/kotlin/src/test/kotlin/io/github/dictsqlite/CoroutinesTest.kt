package io.github.dictsqlite

import io.github.dictsqlite.programs.whileLocked
import java.nio.file.Files
import java.nio.file.Path
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.count
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.withTimeoutOrNull
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class CoroutinesTest {
    @TempDir
    lateinit var dir: Path

    @Test
    fun `many coroutines at once`() = runBlocking<Unit>(Dispatchers.Default) {
        Dict.open(dir.resolve("a.db"), Codec.Text).use { db ->
            val sums = (1..500).map { async { db.incr("hits") } }.awaitAll()
            assertEquals((1L..500L).toSet(), sums.toSet())
            (0 until 2_000).map { launch { db.set("k$it", "v$it") } }.forEach { it.join() }
            val values = (0 until 2_000).map { async { db.get("k$it") } }.awaitAll()
            assertEquals((0 until 2_000).map { "v$it" }, values)
            assertEquals(2_001, db.keys().count())
        }
    }

    @Test
    fun `cold reads of many coroutines`() = runBlocking<Unit>(Dispatchers.Default) {
        val path = dir.resolve("b.db")
        Dict.open(path, Codec.Text).use { db -> db.setMany((0 until 1_000).associate { keyOf(it) to "v$it" }) }
        Dict.open(path, Codec.Text).use { db ->
            val values = (0L until 1_000).map { async { db.get(it) } }.awaitAll()
            assertEquals((0 until 1_000).map { "v$it" }, values)
            assertTrue(db.stats().misses > 0uL)
        }
    }

    @Test
    fun `durable writes share commits`() = runBlocking<Unit>(Dispatchers.Default) {
        Dict.open(dir.resolve("c.db"), Codec.Text, Options(persistMode = PersistMode.DURABLE)).use { db ->
            (0 until 300).map { launch { db.set("k$it", "v") } }.forEach { it.join() }
            assertEquals(300, db.size())
            assertEquals(0uL, db.stats().pendingWrites)
            assertTrue(db.stats().commits < 300uL, "${db.stats().commits} commits")
        }
    }

    /** A coroutine that goes on wherever it is resumed must not hold the engine's own thread. */
    @Test
    fun `an unconfined coroutine never blocks the engine`() = runBlocking<Unit> {
        Dict.open(dir.resolve("d.db"), Codec.Text).use { db ->
            withTimeout(20.seconds) {
                launch(Dispatchers.Unconfined) {
                    repeat(50) {
                        db.incr("n")
                        // Waits for the writer: for ever, if this were the writer.
                        db.blocking.incr("n")
                        db.blocking.flush()
                    }
                }.join()
            }
            assertEquals("100", db.get("n"))
        }
    }

    @Test
    fun `cancelled while it waits, an operation never happens`() = runBlocking<Unit>(Dispatchers.Default) {
        val path = dir.resolve("e.db")
        Dict.open(path, Codec.Text, Options(bufferSize = 2)).use { db ->
            db.set("before", "v")
            db.flush()
            whileLocked(path) {
                db.set("accepted", "v")
                val waiting = listOf(
                    launch { db.set("no room", "v") },
                    launch { db.incr("counter") },
                    launch { db.setMany(mapOf(keyOf("batch") to "v")) },
                    launch { db.pop("before") },
                )
                delay(100)
                val took = measureTime { waiting.forEach { it.cancelAndJoin() } }
                assertTrue(waiting.all { it.isCancelled } && took < 5.seconds, "$took")
                assertNull(withTimeoutOrNull(50.milliseconds) { db.flush() })
            }
            db.flush()
            for (key in listOf("no room", "counter", "batch")) assertNull(db.get(key), key)
            assertEquals("v", db.get("before"))
            assertEquals("v", db.get("accepted"))
        }
    }

    @Test
    fun `cancelled before it begins, an operation never happens`() = runBlocking<Unit> {
        Dict.open(":memory:", Codec.Text).use { db ->
            val job = launch(start = CoroutineStart.LAZY) { db.set("k", "v") }
            job.cancel()
            job.join()
            assertNull(db.get("k"))
        }
    }

    @Test
    fun `cancelling at any moment leaves nothing behind`() = runBlocking<Unit>(Dispatchers.Default) {
        Dict.open(dir.resolve("f.db"), Codec.Text).use { db ->
            db.setMany((0 until 5_000).associate { keyOf(it) to "v$it" })
            repeat(300) { round ->
                val jobs = listOf(
                    launch { db.getMany(List(500) { keyOf(it) }) },
                    launch { db.incr("n") },
                    launch { db.items().collect { } },
                    launch { db.flush() },
                )
                if (round % 3 == 0) delay(1)
                jobs.forEach { it.cancelAndJoin() }
            }
            assertTrue((db.get("n")?.toLong() ?: 0) in 0..300)
            assertEquals(5_000, db.keys().count { it is Key.Integer })
        }
    }

    /** A handle that was opened and never delivered would keep its store open. */
    @Test
    fun `an open that is cancelled closes what it opened`() = runBlocking<Unit>(Dispatchers.Default) {
        val descriptors = Path.of("/proc/self/fd")
        assumeTrue(Files.isDirectory(descriptors))
        val path = dir.resolve("g.db").toAbsolutePath()
        repeat(100) { round ->
            val job = launch {
                try {
                    Dict.open(path, Codec.Text).close()
                } catch (e: CancellationException) {
                    throw e
                }
            }
            delay((round % 7).milliseconds)
            job.cancelAndJoin()
        }
        fun open() = Files.list(descriptors).use { all ->
            all.filter { runCatching { Files.readSymbolicLink(it).toString() }.getOrDefault("").startsWith("$path") }.count()
        }
        withTimeout(20.seconds) {
            while (open() > 0) {
                System.gc()
                delay(50)
            }
        }
    }
}
