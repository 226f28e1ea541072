package io.github.dictsqlite

import java.nio.file.Path
import kotlinx.coroutines.flow.count
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.fold
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class FlowsTest {
    @TempDir
    lateinit var dir: Path

    private suspend fun filled(name: String, entries: Int): Dict<String> {
        val db = Dict.open(dir.resolve(name), Codec.Text)
        db.setMany((0 until entries).associate { keyOf("user:%05d".format(it)) to "v$it" })
        return db
    }

    @Test
    fun `selections choose and order`() = runBlocking<Unit> {
        filled("a.db", 10).use { db ->
            db.setMany(mapOf(keyOf("a") to "a", keyOf(7) to "7", tupleKey("t", 1) to "t1", tupleKey("t", 2) to "t2", tupleKey("u") to "u"))
            val users = Selection(prefix = keyOf("user:"))
            assertEquals(10, db.keys(users).count())
            assertEquals(listOf("v9", "v8"), db.values(users.copy(reverse = true, limit = 2)).toList())
            assertEquals(listOf("t1", "t2"), db.values(Selection(prefix = tupleKey("t"))).toList())
            val range = Selection(start = keyOf("user:00003"), end = keyOf("user:00005"))
            assertEquals(listOf("v3", "v4"), db.values(range).toList())
            assertEquals(listOf("v3", "v4"), db.blocking.values(range).toList())
            assertEquals(keyOf(7), db.keys(Selection(order = Order.KEY)).first())
            assertEquals(keyOf("user:00000"), db.keys().first())
            assertEquals(tupleKey("u"), db.blocking.keys(Selection(reverse = true)).first())
            assertEquals(0, db.keys(Selection(limit = 0)).count())
            assertEquals(15, db.items(Selection(consistent = true)).count())
        }
    }

    @Test
    fun `a large table comes in pages`() = runBlocking<Unit> {
        filled("b.db", 20_000).use { db ->
            val sizes = db.pages().map { it.size }.toList()
            assertEquals(20_000, sizes.sum())
            assertTrue(sizes.size in 2..100, sizes.toString())
            val numbers = db.items().fold(0L) { sum, item -> sum + item.value.drop(1).toLong() }
            assertEquals(20_000L * 19_999 / 2, numbers)
            assertEquals(20_000, db.blocking.pages().sumOf { it.size })
            // The same flow, collected again, is another scan.
            val keys = db.keys()
            assertEquals(20_000, keys.count())
            assertEquals(20_000, keys.count())
        }
    }

    @Test
    fun `the dict may be changed while it is iterated`() = runBlocking<Unit> {
        filled("c.db", 5_000).use { db ->
            var seen = 0
            db.items().collect { item ->
                seen++
                db.set("new:$seen", "n")
                db.delete(item.key)
            }
            assertEquals(5_000, seen)
            assertEquals(5_000, db.size())
            assertEquals(5_000, db.keys(Selection(prefix = keyOf("new:"))).count())
            for (item in db.blocking) db.blocking -= item.key
            assertEquals(0, db.size())
        }
    }

    @Test
    fun `a consistent scan sees one moment`() = runBlocking<Unit> {
        filled("d.db", 3_000).use { db ->
            var seen = 0
            db.keys(Selection(consistent = true)).collect {
                if (seen++ == 0) db.clear()
            }
            assertEquals(3_000, seen)
            assertEquals(0, db.size())
        }
    }

    @Test
    fun `a collector that stops early leaves nothing behind`() = runBlocking<Unit> {
        filled("e.db", 10_000).use { db ->
            repeat(200) { assertEquals(3, db.items(Selection(consistent = it % 2 == 0)).take(3).toList().size) }
            repeat(200) { assertEquals(3, db.blocking.items().take(3).count()) }
            db.set("k", "v")
            db.flush()
        }
    }
}
