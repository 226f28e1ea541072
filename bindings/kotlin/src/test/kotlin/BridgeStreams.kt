// The bridge's part about the change log, streams of changes and watches.

import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import io.github.dictsqlite.Change
import io.github.dictsqlite.ChangeStream
import io.github.dictsqlite.WatchStream
import kotlin.time.Duration.Companion.seconds

private val streams = mutableMapOf<Int, ChangeStream>()
private val watches = mutableMapOf<Int, WatchStream<ByteArray>>()

private fun change(change: Change) = JsonObject().apply {
    val codec = Stored(change.storageMode)
    addProperty("seq", change.seq)
    addProperty("kind", name(change.kind))
    addProperty("table", change.table)
    add("key", keyOut(change.key))
    add("old", valueOut(change.old(codec)))
    add("new", valueOut(change.new(codec)))
    addProperty("expires_at", change.expiresAt?.toEpochMilli())
}

/** Pages until there are as many as were asked for. */
private inline fun <T> many(count: Int, page: () -> List<T>): List<T> {
    val found = mutableListOf<T>()
    while (found.size < count) found += page()
    return found
}

/** The answer to a request that is about changes or watches; null for another one. */
internal suspend fun streamAnswer(r: Request, later: Boolean): JsonElement? {
    fun db() = handles.getValue(r["h"]!!.asInt)
    fun stream() = streams.getValue(r["stream"]!!.asInt)
    fun watch() = watches.getValue(r["watch"]!!.asInt)
    val count = r["count"]
    when (r.text("op")) {
        "enable_changes" -> {
            val age = r["age"]?.asDouble?.seconds
            if (later) db().enableChanges(count?.asLong, age) else db().blocking.enableChanges(count?.asLong, age)
        }
        "has_changes" -> return JsonPrimitive(if (later) db().hasChanges() else db().blocking.hasChanges())
        "changes" -> {
            val since = r["since"]?.asLong
            val tables = r["tables"]?.asJsonArray?.map { it.asString }
            val prefix = r["prefix"]?.let(::keyIn)
            streams[r["stream"]!!.asInt] =
                if (later) db().changeStream(since, tables, prefix) else db().blocking.changeStream(since, tables, prefix)
        }
        "next_changes" -> return list(many(count!!.asInt) { if (later) stream().page() else stream().pageBlocking() }.map(::change))
        "position" -> return JsonPrimitive(stream().position)
        "close_changes" -> stream().close()
        "watch" -> {
            val keys = r["keys"]?.asJsonArray?.map(::keyIn).orEmpty().toTypedArray()
            val prefix = r["prefix"]?.let(::keyIn)
            watches[r["watch"]!!.asInt] =
                if (later) db().watchStream(*keys, prefix = prefix) else db().blocking.watchStream(*keys, prefix = prefix)
        }
        "next_watched" -> {
            val found = many(count!!.asInt) { if (later) watch().page() else watch().pageBlocking() }
            return list(found.map { list(listOf(keyOut(it.key), entry(it.entry))) })
        }
        "close_watch" -> watch().close()
        else -> return null
    }
    return yes
}
