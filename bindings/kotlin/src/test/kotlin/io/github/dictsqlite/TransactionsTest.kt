package io.github.dictsqlite

import java.nio.file.Path
import kotlin.concurrent.thread
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.count
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class TransactionsTest {
    @TempDir
    lateinit var dir: Path

    private inline fun refused(kind: ErrorKind, call: () -> Unit): DictException {
        val error = try {
            call()
            null
        } catch (e: DictException) {
            e
        }
        assertEquals(kind, error?.kind)
        return error!!
    }

    @Test
    fun `a bank transfers by many coroutines and keeps its sum`() = runBlocking<Unit>(Dispatchers.Default) {
        Dict.open(dir.resolve("bank.db"), Codec.Text).use { db ->
            db.setMany((0 until 5).associate { keyOf("account:$it") to "100" })
            val tellers = List(8) { teller ->
                launch {
                    repeat(20) { round ->
                        val (from, to) = "account:${(teller + round) % 5}" to "account:${(teller + round * 3 + 1) % 5}"
                        db.transaction { tx ->
                            val there = tx[from]!!.toInt()
                            if (from != to && there >= 7) {
                                tx[from] = "${there - 7}"
                                tx.incr(to, 7)
                            }
                            tx.incr("transfers")
                        }
                    }
                }
            }
            val auditor = launch {
                repeat(30) {
                    val sum = db.transaction(TransactionOptions(TransactionMode.READ)) { tx ->
                        tx.values(Selection(prefix = keyOf("account:"))).toList().sumOf { it.toInt() }
                    }
                    assertEquals(500, sum)
                    delay(2.milliseconds)
                }
            }
            tellers.forEach { it.join() }
            auditor.join()
            assertEquals("160", db.get("transfers"))
            assertEquals(500, db.values(Selection(prefix = keyOf("account:"))).toList().sumOf { it.toInt() })
        }
    }

    @Test
    fun `a conflict names the key, and with retries there is none in the end`() = runBlocking<Unit> {
        Dict.open(dir.resolve("a.db"), Codec.Text).use { db ->
            db.set("k", "0")
            val error = refused(ErrorKind.CONFLICT) {
                db.transaction(retries = 0) { tx ->
                    val seen = tx["k"]
                    db.incr("k")
                    tx["other"] = "$seen"
                }
            }
            assertEquals(keyOf("k"), error.key)
            assertTrue(error.isTransient)
            assertNull(db.get("other"))
            var attempts = 0
            val sum = db.transaction { tx ->
                if (attempts++ < 3) {
                    tx["k"]
                    db.incr("k")
                }
                tx.incr("k", 10)
            }
            assertEquals(14, sum)
            assertEquals(4, attempts)
            refused(ErrorKind.INVALID) { db.transaction(retries = -1) { } }
        }
    }

    /** Whoever loses every time gets the write lock in the end. */
    @Test
    fun `the last attempt cannot conflict`() = runBlocking<Unit> {
        Dict.open(dir.resolve("b.db"), Codec.Text).use { db ->
            var attempts = 0
            db.transaction(retries = 2) { tx ->
                val seen = tx["k"]
                if (attempts++ < 2) db.set("k", "other") else assertEquals("other", seen)
                tx["k"] = "mine"
            }
            assertEquals(3, attempts)
            assertEquals("mine", db.get("k"))
        }
    }

    @Test
    fun `what is thrown rolls back and comes out`() = runBlocking<Unit> {
        Dict.open(":memory:", Codec.Text).use { db ->
            val thrown = assertThrows(IllegalStateException::class.java) {
                runBlocking {
                    db.transaction { tx ->
                        tx["k"] = "v"
                        error("no")
                    }
                }
            }
            assertEquals("no", thrown.message)
            assertNull(db.get("k"))
            // By hand it ends the transaction, and nothing is committed after it.
            assertEquals(7, db.transaction { tx -> tx["k"] = "v"; tx.rollback(); 7 })
            db.transaction { tx -> tx.table("other", Codec.Text).rollback() }
            assertNull(db.get("k"))
        }
    }

    @Test
    fun `a cancelled coroutine leaves nothing of its transaction`() = runBlocking<Unit>(Dispatchers.Default) {
        Dict.open(dir.resolve("c.db"), Codec.Text).use { db ->
            for (mode in listOf(TransactionMode.CONCURRENT, TransactionMode.IMMEDIATE)) {
                val within = CompletableDeferred<Transaction<String>>()
                val job = launch {
                    db.transaction(TransactionOptions(mode)) { tx ->
                        tx["k"] = "v"
                        within.complete(tx)
                        awaitCancellation()
                    }
                }
                val tx = within.await()
                job.cancelAndJoin()
                assertFalse(tx.isOpen)
                refused(ErrorKind.CLOSED) { tx["k"] }
                // The write lock is free again.
                assertEquals(1, db.incr("n $mode"))
                assertNull(db.get("k"))
            }
        }
    }

    @Test
    fun `cancelling at any moment never leaves a half`() = runBlocking<Unit>(Dispatchers.Default) {
        Dict.open(dir.resolve("d.db"), Codec.Text).use { db ->
            repeat(200) { round ->
                val job = launch {
                    db.transaction { tx ->
                        tx.incr("a")
                        tx.incr("b")
                    }
                }
                delay((round % 4).milliseconds)
                job.cancelAndJoin()
            }
            assertEquals(db.get("a"), db.get("b"))
        }
    }

    @Test
    fun `savepoints, tables and everything else`() = runBlocking<Unit> {
        Dict.open(dir.resolve("e.db"), Codec.Text).use { db ->
            val numbers = db.table("numbers", Codec.Json)
            val last = db.begin().use { tx ->
                val other = tx.table("numbers", Codec.Json)
                tx["a"] = "1"
                val mark = tx.savepoint()
                tx["a"] = "2"
                other[7] = "[7]"
                tx.rollbackTo(mark)
                assertEquals("1", tx["a"])
                assertNull(other[7])
                tx.release(mark)
                refused(ErrorKind.INVALID) { tx.rollbackTo(mark) }
                other.set(8, "8")
                assertEquals(10, other.incr(keyOf(8), 2))
                assertEquals("d", tx.setDefault("d", "d"))
                assertEquals("d", tx.setDefault("d", "e"))
                assertTrue(tx.contains("d") && tx.expire("d", 1_000_000.milliseconds))
                assertEquals(0, tx.entry("d")!!.version)
                assertEquals("d", tx.pop("d")?.value)
                assertFalse(tx.remove(keyOf("d")))
                assertEquals(1, tx.size())
                assertEquals(listOf("a" to "1"), tx.items().toList().map { (it.key as Key.Text).value to it.value })
                assertEquals(1, tx.keys().count())
                assertEquals("main" to "numbers", tx.name to other.name)
                assertNull(db.get("a"))
                tx.commit()
            }
            assertTrue(last > 0)
            assertEquals("1", db.get("a"))
            assertEquals("10", numbers.get(keyOf(8)))
        }
    }

    @Test
    fun `one that is closed without a commit is rolled back`() = runBlocking<Unit> {
        Dict.open(":memory:", Codec.Text).use { db ->
            db.begin().use { tx -> tx["k"] = "v" }
            db.blocking.begin().use { tx -> tx["k"] = "v" }
            assertNull(db.get("k"))
        }
    }

    @Test
    fun `threads have the same, each its own`() {
        BlockingDict.open(dir.resolve("f.db"), Codec.Text).use { db ->
            val threads = List(4) { thread { repeat(25) { db.transaction { tx -> tx["n"] = "${(tx["n"] ?: "0").toInt() + 1}" } } } }
            threads.forEach { it.join() }
            assertEquals("100", db["n"])
            db.begin().use { tx ->
                assertTrue("n" in tx)
                tx -= "n"
                var seen: DictException? = null
                thread { seen = refused(ErrorKind.INVALID) { tx["n"] } }.join()
                assertTrue(seen!!.detail.contains("thread"), seen?.detail)
                assertEquals(0, tx.size)
            }
            db.transaction(TransactionOptions(TransactionMode.IMMEDIATE)) { tx ->
                refused(ErrorKind.INVALID) { db["n"] = "within" }
                tx["n"] = "fine"
            }
            assertEquals("fine", db["n"])
            refused(ErrorKind.READ_ONLY) { db.transaction(TransactionOptions(TransactionMode.READ)) { tx -> tx["n"] = "" } }
            refused(ErrorKind.INVALID) { db.begin(TransactionOptions(maxHold = 0.milliseconds)) }
        }
    }

    @Test
    fun `an open transaction has its time`() = runBlocking<Unit> {
        Dict.open(dir.resolve("g.db"), Codec.Text).use { db ->
            refused(ErrorKind.TIMEOUT) {
                db.transaction(TransactionOptions(maxHold = 30.milliseconds)) { tx ->
                    tx["k"] = "v"
                    delay(100.milliseconds)
                }
            }
            assertNull(db.get("k"))
        }
    }

    @Test
    fun `checks and writes are one unit`() = runBlocking<Unit> {
        Dict.open(dir.resolve("h.db"), Codec.Text).use { db ->
            db.set("stock", "3")
            val seen = db.entry("stock")!!.version
            val order = db.atomic().check("stock", seen).check("order", 0).incr("stock", -1).delete("cart").set("order", "Ada").commit()
            assertEquals(order, db.entry("order")!!.version)
            assertEquals("2", db.get("stock"))
            val error = refused(ErrorKind.CONFLICT) { db.blocking.atomic().check("stock", seen).set("order", "Bob").commit() }
            assertEquals(keyOf("stock"), error.key)
            assertEquals("Ada", db.get("order"))
            val unit = db.blocking.atomic().incr("n")
            assertTrue(unit.commit() > order)
            // Nothing is left to be done.
            unit.commit()
            assertEquals("1", db.get("n"))
        }
    }
}
