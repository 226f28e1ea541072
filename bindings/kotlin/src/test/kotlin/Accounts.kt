import io.github.dictsqlite.Codec
import io.github.dictsqlite.Dict
import io.github.dictsqlite.DictException
import io.github.dictsqlite.Options
import io.github.dictsqlite.Selection
import io.github.dictsqlite.check
import io.github.dictsqlite.entry
import io.github.dictsqlite.get
import io.github.dictsqlite.incr
import io.github.dictsqlite.keyOf
import io.github.dictsqlite.set
import io.github.dictsqlite.watch
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

fun main() = runBlocking {
    Dict.open("accounts.db", Codec.Json, Options(changes = true)).use { db ->
        db.set("account:ada", "100")
        db.set("account:bob", "100")

        // All of it happens or nothing. After a conflict the block runs again.
        val transfers = List(10) {
            launch {
                db.transaction { tx ->
                    val ada = tx["account:ada"]!!.toInt()
                    require(ada >= 7) { "Ada has $ada" }
                    tx["account:ada"] = "${ada - 7}"
                    tx.incr("account:bob", 7)
                }
            }
        }
        transfers.forEach { it.join() }
        println(db.values(Selection(prefix = keyOf("account:"))).toList())

        // What depends on versions alone needs no block: one crossing, one unit.
        val seen = db.entry("account:bob")!!.version
        val order = db.atomic().check("account:bob", seen).incr("account:bob", -20).set("order:1", "\"tea\"")
        println(order.commit() > seen)
        try {
            db.atomic().check("account:bob", seen).set("order:2", "\"tea\"").commit()
        } catch (e: DictException) {
            println("${e.kind} ${e.key == keyOf("account:bob")} ${db.get("order:2")}")
        }

        // What was committed, in order, by whichever process: here from the beginning of the log.
        for (change in db.changes(since = 0, prefix = keyOf("order:")).take(1).toList()) {
            println("${change.kind} ${change.old(Codec.Json)} ${change.new(Codec.Json)}")
        }

        // What is: the state of a key, and the latest each time that it has changed.
        println(db.watch("account:bob").first().entry?.value)
    }
}
