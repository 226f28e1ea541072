// The bridge's part about transactions and atomic units.

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import io.github.dictsqlite.AtomicUnit
import io.github.dictsqlite.BlockingTransaction
import io.github.dictsqlite.Isolation
import io.github.dictsqlite.Savepoint
import io.github.dictsqlite.Transaction
import io.github.dictsqlite.TransactionHandle
import io.github.dictsqlite.TransactionMode
import io.github.dictsqlite.TransactionOptions
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.flow.toList

private val transactions = mutableMapOf<Int, TransactionHandle<ByteArray>>()
private val savepoints = mutableMapOf<Int, Savepoint>()

/** Gives up what is open: an immediate one would keep its dict from closing. */
internal fun endTransactions() = transactions.values.forEach { it.close() }

private fun Request.toTransactionOptions() = TransactionOptions(
    mode = this["mode"]?.let { named<TransactionMode>(it.asString) },
    isolation = this["isolation"]?.let { named<Isolation>(it.asString) },
    timeout = this["timeout"]?.asDouble?.seconds,
    maxHold = this["max_hold"]?.asDouble?.seconds,
)

/** The answer to a request that is about a transaction or an atomic unit; null for another one. */
internal suspend fun transactionAnswer(r: Request, later: Boolean): JsonElement? {
    if (r.text("op") == "begin") {
        val db = handles.getValue(r["h"]!!.asInt)
        val options = r.toTransactionOptions()
        transactions[r["tx"]!!.asInt] = if (later) db.begin(options) else db.blocking.begin(options)
        return yes
    }
    if (r.text("op") == "atomic") {
        val db = handles.getValue(r["h"]!!.asInt)
        return JsonPrimitive(
            if (later) db.atomic().also { gather(it, r.json) }.commit()
            else db.blocking.atomic().also { gather(it, r.json) }.commit()
        )
    }
    val tx = transactions.getValue(r["tx"]?.asInt ?: return null)
    common(tx, r)?.let { return it }
    return when (tx) {
        is Transaction -> suspending(tx, r)
        is BlockingTransaction -> blocking(tx, r)
    }
}

private fun gather(unit: AtomicUnit<ByteArray, *>, json: JsonObject) {
    for (check in json.getAsJsonArray("checks") ?: JsonArray()) {
        unit.check(keyIn(check.asJsonArray[0]), check.asJsonArray[1].asLong)
    }
    for (write in json.getAsJsonArray("writes").map { Request(it.asJsonObject) }) {
        write["set"]?.let { unit.set(keyIn(it), write.value, write.ttl) }
        write["incr"]?.let { unit.incr(keyIn(it), write["by"]!!.asLong) }
        write["delete"]?.let { unit.delete(keyIn(it)) }
    }
}

/** What is the same in both forms. */
private fun common(tx: TransactionHandle<ByteArray>, r: Request): JsonElement? = when (r.text("op")) {
    "set" -> yes.also { tx.set(r.key, r.value, r.ttl) }
    "delete" -> yes.also { tx.delete(r.key) }
    "savepoint" -> yes.also { savepoints[r["savepoint"]!!.asInt] = tx.savepoint() }
    "rollback_to" -> yes.also { tx.rollbackTo(savepoints.getValue(r["savepoint"]!!.asInt)) }
    "release" -> yes.also { tx.release(savepoints.getValue(r["savepoint"]!!.asInt)) }
    "rollback" -> yes.also { tx.rollback() }
    else -> null
}

private suspend fun suspending(tx: Transaction<ByteArray>, r: Request): JsonElement = when (r.text("op")) {
    "get" -> valueOut(tx[r.key])
    "contains" -> JsonPrimitive(tx.contains(r.key))
    "len" -> JsonPrimitive(tx.size())
    "entry" -> entry(tx.entry(r.key))
    "pop" -> valueOut(tx.pop(r.key)?.value)
    "setdefault" -> hex(tx.setDefault(r.key, r.value, r.ttl))
    "incr" -> JsonPrimitive(tx.incr(r.key, r["by"]!!.asLong))
    "expire" -> JsonPrimitive(tx.expire(r.key, r.ttl ?: Duration.INFINITE))
    "clear" -> yes.also { tx.clear() }
    "page" -> when (r.text("what")) {
        "keys" -> list(tx.keys(r.toSelection()).toList().map(::keyOut))
        "values" -> list(tx.values(r.toSelection()).toList().map(::hex))
        else -> list(tx.items(r.toSelection()).toList().map(::item))
    }
    "table" -> {
        val mode = r.options.mode ?: handles.getValue(r["h"]!!.asInt).tables()[r.text("name")] ?: tx.storageMode
        yes.also { transactions[r["as"]!!.asInt] = tx.table(r.text("name"), Stored(mode)) }
    }
    "commit" -> JsonPrimitive(tx.commit())
    else -> throw Absent()
}

private fun blocking(tx: BlockingTransaction<ByteArray>, r: Request): JsonElement = when (r.text("op")) {
    "get" -> valueOut(tx[r.key])
    "contains" -> JsonPrimitive(r.key in tx)
    "len" -> JsonPrimitive(tx.size)
    "entry" -> entry(tx.entry(r.key))
    "pop" -> valueOut(tx.pop(r.key)?.value)
    "setdefault" -> hex(tx.setDefault(r.key, r.value, r.ttl))
    "incr" -> JsonPrimitive(tx.incr(r.key, r["by"]!!.asLong))
    "expire" -> JsonPrimitive(tx.expire(r.key, r.ttl ?: Duration.INFINITE))
    "clear" -> yes.also { tx.clear() }
    "page" -> when (r.text("what")) {
        "keys" -> list(tx.keys(r.toSelection()).toList().map(::keyOut))
        "values" -> list(tx.values(r.toSelection()).toList().map(::hex))
        else -> list(tx.items(r.toSelection()).toList().map(::item))
    }
    "table" -> {
        val mode = r.options.mode ?: handles.getValue(r["h"]!!.asInt).blocking.tables()[r.text("name")] ?: tx.storageMode
        yes.also { transactions[r["as"]!!.asInt] = tx.table(r.text("name"), Stored(mode)) }
    }
    "commit" -> JsonPrimitive(tx.commit())
    else -> throw Absent()
}
