// What crossing costs: `cargo xtask build kotlin`, then `java @target/kotlin/classpath.args BenchKt`.

import io.github.dictsqlite.BlockingDict
import io.github.dictsqlite.Codec
import io.github.dictsqlite.get
import io.github.dictsqlite.incr
import io.github.dictsqlite.keyOf
import io.github.dictsqlite.nativeNothing
import io.github.dictsqlite.set
import kotlinx.coroutines.runBlocking

private const val ROUNDS = 31
private const val WARM = 60

private class Figure(val name: String, val micros: Double, val best: Double)

/** The median and the best of rounds, in microseconds for each of the [per] things that [body] does. */
private inline fun measured(name: String, calls: Int, per: Int = 1, body: () -> Unit): Figure {
    repeat(WARM) { repeat(calls) { body() } }
    val rounds = DoubleArray(ROUNDS) {
        val start = System.nanoTime()
        repeat(calls) { body() }
        (System.nanoTime() - start) / 1e3 / calls / per
    }
    rounds.sort()
    return Figure(name, rounds[ROUNDS / 2], rounds[0])
}

fun main() = runBlocking {
    val db = BlockingDict.open(":memory:", Codec.Bytes)
    val keys = List(1000) { keyOf("user:$it") }
    val value = ByteArray(100) { it.toByte() }
    val batch = keys.associateWith { value }
    db.setMany(batch)
    db.flush()
    val floor = measured("an empty call", 2000) { nativeNothing() }
    val figures = listOf(
        floor,
        measured("get, hot", 500) { db["user:5"] },
        measured("set", 500) { db["user:5"] = value },
        measured("suspend get, hot", 500) { db.suspending.get("user:5") },
        measured("suspend incr (a commit)", 50) { db.suspending.incr("n") },
        measured("getMany(1000), a key", 5, per = 1000) { db.getMany(keys) },
        measured("suspend getMany(1000), a key", 5, per = 1000) { db.suspending.getMany(keys) },
        measured("setMany(1000), a key", 5, per = 1000) { db.setMany(batch) },
        measured("pages of 1001, an entry", 5, per = 1001) { db.pages().forEach { check(it.isNotEmpty()) } },
    )
    println("%-30s %9s %9s %9s".format("", "median us", "best us", "of a call"))
    for (f in figures) println("%-30s %9.3f %9.3f %9.2f".format(f.name, f.micros, f.best, f.micros / floor.micros))
    db.close()
}
