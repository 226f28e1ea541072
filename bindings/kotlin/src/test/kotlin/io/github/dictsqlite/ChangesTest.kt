package io.github.dictsqlite

import java.nio.file.Path
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class ChangesTest {
    @TempDir
    lateinit var dir: Path

    private val logged = Options(changes = true)

    @Test
    fun `changes come in order with the values before and after, and go on by since`() = runBlocking<Unit> {
        val path = dir.resolve("a.db")
        Dict.open(path, Codec.Text, logged).use { db ->
            db.set("k", "1")
            db.flush()
            db.set("k", "2")
            db.pop("k")
            val all = db.changes(since = 0).take(3).toList()
            assertEquals(listOf(ChangeKind.INSERT, ChangeKind.UPDATE, ChangeKind.DELETE), all.map { it.kind })
            assertEquals(listOf(null to "1", "1" to "2", "2" to null), all.map { it.old(Codec.Text) to it.new(Codec.Text) })
            assertEquals(all.map { it.seq }.sorted(), all.map { it.seq })
            assertTrue(all.all { it.key == keyOf("k") && it.table == "main" && it.expiresAt == null })
            assertThrows(DictException::class.java) { all[0].new(Codec.Json) }
            db.set("later", "3")
            db.flush()
            val next = db.changes(since = all.last().seq).first()
            assertEquals("later" to "3", (next.key as Key.Text).value to next.newBytes?.decodeToString())
            // The same flow, collected again, begins again.
            val flow = db.changes(since = all.first().seq).take(2)
            assertEquals(flow.toList().map { it.seq }, flow.toList().map { it.seq })
        }
        Dict.open(path, Codec.Text).use { db ->
            assertTrue(db.hasChanges())
            assertEquals(4, db.changes(since = 0).take(4).toList().size)
        }
    }

    @Test
    fun `a transaction is seen as it was committed, in all its tables`() = runBlocking<Unit> {
        Dict.open(dir.resolve("b.db"), Codec.Text, logged).use { db ->
            val jobs = db.table("jobs", Codec.Json)
            assertTrue(jobs.hasChanges())
            db.changeStream().use { stream ->
                db.transaction { tx ->
                    tx["job"] = "1"
                    tx.table("jobs", Codec.Json)["job:1"] = "[1]"
                }
                val page = withTimeout(20.seconds) { stream.page() }
                assertEquals(listOf("main", "jobs"), page.map { it.table })
                assertEquals("[1]", page[1].new(Codec.Json))
                assertEquals(page[1].seq, stream.position)
                assertEquals(emptyList<Change>(), stream.pageBlocking(20.milliseconds))
            }
            assertEquals("[1]", db.changes(since = 0, tables = listOf("jobs")).first().new(Codec.Json))
            assertEquals("[1]", db.changes(since = 0, prefix = keyOf("job:")).first().new(Codec.Json))
        }
    }

    @Test
    fun `closing the dict ends its flows`() = runBlocking<Unit>(Dispatchers.Default) {
        val db = Dict.open(dir.resolve("c.db"), Codec.Text, logged)
        db.set("k", "1")
        db.flush()
        val changes = async { db.changes(since = 0).toList() }
        val watched = async { db.watch("k").toList() }
        val whole = async { db.watch().toList() }
        delay(200.milliseconds)
        var blocking: List<Change>? = null
        val waiting = thread { blocking = db.blocking.changes(since = 0).toList() }
        Thread.sleep(200)
        db.closeSuspending()
        withTimeout(20.seconds) {
            assertEquals(1, changes.await().size)
            assertEquals("1", watched.await().single().entry?.value)
            assertEquals("1", whole.await().single().entry?.value)
        }
        waiting.join()
        assertEquals(1, blocking?.size)
        assertEquals(ErrorKind.CLOSED, assertThrows(DictException::class.java) { runBlocking { db.changes().first() } }.kind)
    }

    @Test
    fun `a collector that is cancelled leaves nothing behind`() = runBlocking<Unit>(Dispatchers.Default) {
        Dict.open(dir.resolve("d.db"), Codec.Text, logged).use { db ->
            repeat(200) { round ->
                val jobs = listOf(
                    launch { db.changes().collect { } },
                    launch { db.watch("k").collect { } },
                    launch { db.watch(prefix = keyOf("k")).collect { } },
                )
                delay((round % 4).milliseconds)
                db.set("k", "$round")
                jobs.forEach { it.cancelAndJoin() }
            }
            db.flush()
            assertEquals("199", db.watch("k").first().entry?.value)
        }
    }

    /** The stream reads on when its page was collected, and not before. */
    @Test
    fun `a slow collector misses nothing`() = runBlocking<Unit>(Dispatchers.Default) {
        Dict.open(dir.resolve("e.db"), Codec.Text, logged).use { db ->
            val numbers = async {
                db.changes(since = 0).onEach { if (it.seq % 500L == 0L) delay(5.milliseconds) }.take(5_000).toList()
            }
            repeat(50) { round -> db.setMany((0 until 100).associate { keyOf("k${round * 100 + it}") to "v" }) }
            db.flush()
            val seen = withTimeout(60.seconds) { numbers.await() }
            assertEquals((0 until 5_000).map { keyOf("k$it") }, seen.map { it.key })
        }
    }

    @Test
    fun `a watch gives what is there, then the latest`() = runBlocking<Unit> {
        Dict.open(dir.resolve("f.db"), Codec.Text).use { db ->
            db.set("level", "info")
            db.watchStream(keyOf("level"), keyOf("color")).use { watch ->
                assertEquals(listOf("info", null), watch.page().map { it.entry?.value })
                for (level in listOf("debug", "warning", "error")) {
                    db.set("level", level)
                    db.flush()
                }
                val latest = watch.page().single()
                assertEquals(keyOf("level") to "error", latest.key to latest.entry?.value)
                assertEquals(db.entry("level")!!.version, latest.entry?.version)
                db.pop("level")
                assertNull(watch.pageBlocking().single().entry)
            }
            assertEquals("info", db.run { set("level", "info"); flush(); blocking.watch("level").first() }.entry?.value)
            // A prefix needs the log, which says where to look.
            assertEquals(ErrorKind.INVALID, assertThrows(DictException::class.java) { db.blocking.watchStream(prefix = keyOf("u:")) }.kind)
            assertFalse(db.hasChanges())
            db.enableChanges()
            db.set("u:1", "Ada")
            db.watchStream(prefix = keyOf("u:")).use { watch ->
                assertEquals("Ada", watch.page().single().entry?.value)
                db.set("v", "not")
                db.set("u:2", "Bob")
                db.flush()
                assertEquals(keyOf("u:2"), withTimeout(20.seconds) { watch.page() }.single().key)
            }
        }
    }

    @Test
    fun `what was removed from the log is said, not skipped`() = runBlocking<Unit> {
        Dict.open(dir.resolve("g.db"), Codec.Text, logged).use { db ->
            db.set("first", "0")
            val first = db.changes(since = 0).first().seq
            db.enableChanges(count = 5)
            withTimeout(30.seconds) {
                while (true) {
                    db.setMany((0 until 100).associate { keyOf(it) to "$it" })
                    db.flush()
                    val error = try {
                        db.changeStream(since = first).close()
                        null
                    } catch (e: DictException) {
                        e
                    }
                    if (error != null) {
                        assertTrue(error.isHistoryTruncated && error.kind == ErrorKind.INVALID, error.detail)
                        break
                    }
                    delay(20.milliseconds)
                }
            }
            assertEquals(ErrorKind.INVALID, assertThrows(DictException::class.java) { db.blocking.enableChanges(count = -1) }.kind)
        }
        val refused = assertThrows(DictException::class.java) {
            BlockingDict.open(dir.resolve("g.db"), Codec.Text, Options(changes = false)).close()
        }
        assertEquals(ErrorKind.INVALID, refused.kind)
    }
}
