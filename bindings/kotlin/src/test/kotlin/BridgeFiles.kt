// The bridge's part about whole files.

import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import io.github.dictsqlite.BlockingDict
import io.github.dictsqlite.Dict
import io.github.dictsqlite.ExportFormat
import io.github.dictsqlite.ExportOptions
import io.github.dictsqlite.OnConflict
import java.nio.file.Path

private fun two(one: ULong, other: ULong) = list(listOf(JsonPrimitive(one.toLong()), JsonPrimitive(other.toLong())))

/** The answer to a request that is about whole files; null for another one. */
internal suspend fun fileAnswer(r: Request, later: Boolean): JsonElement? {
    fun db() = handles.getValue(r["h"]!!.asInt)
    fun path(name: String) = Path.of(r.text(name))
    val overwrite = r.flag("overwrite")
    val prefix = r["prefix"]?.let(::keyIn)
    val tables = r["tables"]?.asJsonArray?.map { it.asString }.orEmpty()
    return when (r.text("op")) {
        "restore" -> JsonPrimitive(
            if (later) Dict.restore(path("source"), path("path"), overwrite)
            else BlockingDict.restore(path("source"), path("path"), overwrite),
        )
        "backup" -> JsonPrimitive(
            if (later) db().backup(path("dest"), overwrite) else db().blocking.backup(path("dest"), overwrite),
        )
        "export" -> {
            val format = when (r["format"]?.asString) {
                null, "jsonl" -> ExportFormat.JSON_LINES
                "binary" -> ExportFormat.BINARY
                else -> throw Absent()
            }
            val options = ExportOptions(format, tables, r.flag("all_tables"), prefix, overwrite)
            JsonPrimitive(
                if (later) db().exportTo(path("dest"), options) else db().blocking.exportTo(path("dest"), options),
            )
        }
        "import_export" -> {
            val how = named<OnConflict>(r["on_conflict"]?.asString ?: "replace")
            val done = if (later) db().importFrom(path("source"), how, tables) else db().blocking.importFrom(path("source"), how, tables)
            JsonObject().apply {
                addProperty("read", done.read.toLong())
                addProperty("written", done.written.toLong())
                addProperty("skipped", done.skipped.toLong())
                addProperty("expired", done.expired.toLong())
            }
        }
        "warm" -> (if (later) db().warm(prefix) else db().blocking.warm(prefix)).let { two(it.read, it.cached) }
        "vacuum" -> (if (later) db().vacuum() else db().blocking.vacuum()).let { two(it.before, it.after) }
        "checkpoint" -> (if (later) db().checkpoint() else db().blocking.checkpoint()).let { two(it.frames, it.moved) }
        "integrity_check" ->
            list((if (later) db().integrityCheck() else db().blocking.integrityCheck()).map { JsonPrimitive(it) })
        else -> null
    }
}
