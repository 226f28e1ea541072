// Drives the package for the conformance suite: one JSON request a line in, one JSON answer a line out.
// The protocol is described in tests/bridges/README.md.

import com.google.gson.GsonBuilder
import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonNull
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import com.google.gson.JsonPrimitive
import io.github.dictsqlite.Codec
import io.github.dictsqlite.Dict
import io.github.dictsqlite.DictException
import io.github.dictsqlite.ErrorKind
import io.github.dictsqlite.Key
import io.github.dictsqlite.Options
import io.github.dictsqlite.Order
import io.github.dictsqlite.PersistMode
import io.github.dictsqlite.Selection
import io.github.dictsqlite.StorageMode
import io.github.dictsqlite.keyOf
import io.github.dictsqlite.nativeVersion
import java.io.PrintStream
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking

/** There is no such operation. */
internal class Absent : Exception()

/** Values cross as what the codec stores, whatever the table's mode. */
internal class Stored(override val storageMode: StorageMode) : Codec<ByteArray> {
    override fun encode(value: ByteArray) = value
    override fun decode(stored: ByteArray) = stored
}

internal val handles = mutableMapOf<Int, Dict<ByteArray>>()

internal fun hex(bytes: ByteArray) = JsonPrimitive(bytes.joinToString("") { "%02x".format(it) })

internal fun unhex(text: String) = text.chunked(2) { it.toString().toInt(16).toByte() }.toByteArray()

internal fun keyIn(json: JsonElement): Key {
    val (kind, value) = json.asJsonObject.entrySet().single()
    return when (kind) {
        "s" -> keyOf(value.asString)
        "i" -> keyOf(value.asLong)
        "b" -> keyOf(unhex(value.asString))
        "t" -> Key.Tuple(value.asJsonArray.map(::keyIn))
        else -> throw IllegalArgumentException("no key: $json")
    }
}

internal fun keyOut(key: Key): JsonObject = when (key) {
    is Key.Text -> one("s", JsonPrimitive(key.value))
    is Key.Integer -> one("i", JsonPrimitive(key.value))
    is Key.Bytes -> one("b", hex(key.value.toByteArray()))
    is Key.Tuple -> one("t", list(key.items.map(::keyOut)))
}

internal fun one(name: String, value: JsonElement) = JsonObject().apply { add(name, value) }

internal fun list(items: List<JsonElement>) = JsonArray().apply { items.forEach(::add) }

internal fun valueOut(value: ByteArray?): JsonElement = if (value == null) JsonNull.INSTANCE else hex(value)

internal fun name(value: Enum<*>) = value.name.lowercase().replace("_", "")

internal inline fun <reified E : Enum<E>> named(text: String): E =
    enumValues<E>().firstOrNull { name(it) == text } ?: throw Absent()

internal class Request(val json: JsonObject) {
    operator fun get(name: String): JsonElement? = json.get(name)?.takeUnless { it.isJsonNull }
    fun text(name: String): String = json.get(name).asString
    fun flag(name: String) = this[name]?.asBoolean ?: false
    val key get() = keyIn(json.get("key"))
    val value get() = unhex(text("value"))
    val ttl: Duration? get() = this["ttl"]?.asDouble?.seconds
    val keys get() = json.getAsJsonArray("keys").map(::keyIn)
    val options get() = Request(json.getAsJsonObject("options") ?: JsonObject())
    val mode: StorageMode? get() = this["storage_mode"]?.let { named<StorageMode>(it.asString) }

    fun toOptions() = Options(
        persistMode = this["persist_mode"]?.let { named<PersistMode>(it.asString) },
        table = this["table"]?.asString,
        bufferSize = this["buffer_size"]?.asLong,
        flushInterval = this["flush_interval"]?.asDouble?.seconds,
        cacheBytes = this["cache_bytes"]?.asLong,
        hotCapacity = this["hot_capacity"]?.asLong,
        timeout = this["timeout"]?.asDouble?.seconds,
        ttl = ttl,
        readOnly = flag("read_only"),
        adopt = flag("adopt"),
        changes = this["changes"]?.asBoolean,
    )

    fun toSelection() = Selection(
        prefix = this["prefix"]?.let(::keyIn),
        start = this["start"]?.let(::keyIn),
        end = this["end"]?.let(::keyIn),
        reverse = flag("reverse"),
        limit = this["limit"]?.asLong,
        order = this["order"]?.let { named<Order>(it.asString) },
        consistent = flag("consistent"),
    )
}

private fun hello() = JsonObject().apply {
    addProperty("protocol", 1)
    addProperty("language", "kotlin")
    addProperty("version", nativeVersion())
    add("forms", list(listOf(JsonPrimitive("sync"), JsonPrimitive("async"))))
    add("lacks", list(listOf(JsonPrimitive("mode_names"))))
}

private fun info(db: Dict<ByteArray>) = JsonObject().apply {
    addProperty("table", db.name)
    addProperty("storage_mode", name(db.storageMode))
    addProperty("persist_mode", name(db.persistMode))
    addProperty("path", db.path)
    addProperty("read_only", db.isReadOnly)
    addProperty("closed", db.isClosed)
}

private fun stats(db: Dict<ByteArray>) = JsonObject().apply {
    val s = db.stats()
    addProperty("pending_writes", s.pendingWrites.toLong())
    addProperty("pending_bytes", s.pendingBytes.toLong())
    addProperty("cached_entries", s.cachedEntries.toLong())
    addProperty("cached_bytes", s.cachedBytes.toLong())
    addProperty("misses", s.misses.toLong())
    addProperty("commits", s.commits.toLong())
    addProperty("committed_operations", s.committedOperations.toLong())
    addProperty("failed_commits", s.failedCommits.toLong())
    addProperty("checkpoints", s.checkpoints.toLong())
    addProperty("swept_entries", s.sweptEntries.toLong())
    addProperty("wal_frames", s.walFrames.toLong())
}

internal val yes = JsonPrimitive(true)

private suspend fun answer(r: Request): JsonElement {
    val later = r.flag("async")
    when (r.text("op")) {
        "hello" -> return hello()
        "open" -> {
            val (path, options) = r.text("path") to r.options.toOptions()
            val codec = Stored(r.options.mode ?: StorageMode.BYTES)
            handles[r["h"]!!.asInt] =
                if (later) Dict.open(path, codec, options) else io.github.dictsqlite.BlockingDict.open(path, codec, options).suspending
            return yes
        }
    }
    transactionAnswer(r, later)?.let { return it }
    streamAnswer(r, later)?.let { return it }
    fileAnswer(r, later)?.let { return it }
    val db = handles.getValue(r["h"]!!.asInt)
    if (r.text("op") == "table") {
        val name = r.text("name")
        val codec = Stored(r.options.mode ?: db.tables()[name] ?: db.storageMode)
        handles[r["as"]!!.asInt] = if (later) db.table(name, codec) else db.blocking.table(name, codec).suspending
        return yes
    }
    return if (later) suspending(db, r) else blocking(db, r)
}

private fun pairs(r: Request) = r.json.getAsJsonArray("items").associate {
    keyIn(it.asJsonArray[0]) to unhex(it.asJsonArray[1].asString)
}

private fun tables(tables: Map<String, StorageMode>) = list(tables.keys.sorted().map { JsonPrimitive(it) })

internal fun entry(entry: io.github.dictsqlite.Entry<ByteArray>?): JsonElement {
    if (entry == null) return JsonNull.INSTANCE
    return JsonObject().apply {
        add("value", hex(entry.value))
        addProperty("version", entry.version)
        addProperty("expires_at", entry.expiresAt?.toEpochMilli())
    }
}

internal fun item(item: io.github.dictsqlite.Item<ByteArray>?): JsonElement =
    if (item == null) JsonNull.INSTANCE else list(listOf(keyOut(item.key), hex(item.value)))

private suspend fun suspending(db: Dict<ByteArray>, r: Request): JsonElement = when (r.text("op")) {
    "tables" -> tables(db.tables())
    "drop_table" -> JsonPrimitive(db.dropTable(r.text("name")))
    "info" -> info(db)
    "get" -> valueOut(db.get(r.key))
    "contains" -> JsonPrimitive(db.contains(r.key))
    "len" -> JsonPrimitive(db.size())
    "entry" -> entry(db.entry(r.key))
    "set" -> r["if_version"]?.let { JsonPrimitive(db.setIfVersion(r.key, r.value, it.asLong, r.ttl)) }
        ?: yes.also { db.set(r.key, r.value, r.ttl) }
    "delete" -> yes.also { r["if_version"]?.let { db.deleteIfVersion(r.key, it.asLong) } ?: db.delete(r.key) }
    "remove" -> JsonPrimitive(db.remove(r.key))
    "pop" -> valueOut(db.pop(r.key)?.value)
    "popitem" -> item(db.popItem(r["last"]?.asBoolean ?: true))
    "setdefault" -> hex(db.setDefault(r.key, r.value, r.ttl))
    "incr" -> JsonPrimitive(db.incr(r.key, r["by"]!!.asLong))
    "expire" -> JsonPrimitive(db.expire(r.key, r.ttl ?: Duration.INFINITE))
    "clear" -> yes.also { db.clear() }
    "get_many" -> list(db.getMany(r.keys).map(::valueOut))
    "set_many" -> yes.also { db.setMany(pairs(r), r.ttl) }
    "delete_many" -> yes.also { db.deleteMany(r.keys) }
    "page" -> when (r.text("what")) {
        "keys" -> list(db.keys(r.toSelection()).toList().map(::keyOut))
        "values" -> list(db.values(r.toSelection()).toList().map(::hex))
        else -> list(db.items(r.toSelection()).toList().map(::item))
    }
    "flush" -> yes.also { db.flush(r.flag("durable")) }
    "stats" -> stats(db)
    "close" -> yes.also { db.closeSuspending() }
    else -> throw Absent()
}

private fun blocking(dict: Dict<ByteArray>, r: Request): JsonElement {
    val db = dict.blocking
    return when (r.text("op")) {
        "tables" -> tables(db.tables())
        "drop_table" -> JsonPrimitive(db.dropTable(r.text("name")))
        "info" -> info(dict)
        "get" -> valueOut(db[r.key])
        "contains" -> JsonPrimitive(r.key in db)
        "len" -> JsonPrimitive(db.size)
        "entry" -> entry(db.entry(r.key))
        "set" -> r["if_version"]?.let { JsonPrimitive(db.setIfVersion(r.key, r.value, it.asLong, r.ttl)) }
            ?: yes.also { db.set(r.key, r.value, r.ttl) }
        "delete" -> yes.also { r["if_version"]?.let { db.deleteIfVersion(r.key, it.asLong) } ?: db.delete(r.key) }
        "remove" -> JsonPrimitive(db.remove(r.key))
        "pop" -> valueOut(db.pop(r.key)?.value)
        "popitem" -> item(db.popItem(r["last"]?.asBoolean ?: true))
        "setdefault" -> hex(db.setDefault(r.key, r.value, r.ttl))
        "incr" -> JsonPrimitive(db.incr(r.key, r["by"]!!.asLong))
        "expire" -> JsonPrimitive(db.expire(r.key, r.ttl ?: Duration.INFINITE))
        "clear" -> yes.also { db.clear() }
        "get_many" -> list(db.getMany(r.keys).map(::valueOut))
        "set_many" -> yes.also { db.setMany(pairs(r), r.ttl) }
        "delete_many" -> yes.also { db.deleteMany(r.keys) }
        "page" -> when (r.text("what")) {
            "keys" -> list(db.keys(r.toSelection()).toList().map(::keyOut))
            "values" -> list(db.values(r.toSelection()).toList().map(::hex))
            else -> list(db.items(r.toSelection()).toList().map(::item))
        }
        "flush" -> yes.also { db.flush(r.flag("durable")) }
        "stats" -> stats(dict)
        "close" -> yes.also { db.close() }
        else -> throw Absent()
    }
}

private fun kind(kind: ErrorKind) = kind.name.split("_").joinToString("") { it.lowercase().replaceFirstChar(Char::uppercase) }

private fun refusal(e: DictException) = JsonObject().apply {
    addProperty("error", kind(e.kind))
    addProperty("message", e.message)
    e.key?.let { add("key", keyOut(it)) }
}

fun main() {
    val gson = GsonBuilder().serializeNulls().disableHtmlEscaping().create()
    val out = PrintStream(System.out, true, Charsets.UTF_8)
    for (line in generateSequence(System.`in`.bufferedReader(Charsets.UTF_8)::readLine)) {
        val said = try {
            one("ok", runBlocking { answer(Request(JsonParser.parseString(line).asJsonObject)) })
        } catch (_: Absent) {
            one("absent", yes)
        } catch (e: DictException) {
            refusal(e)
        } catch (e: Exception) {
            one("bug", JsonPrimitive(e.stackTraceToString()))
        }
        out.println(gson.toJson(said))
    }
    endTransactions()
    handles.values.forEach { it.close() }
}
