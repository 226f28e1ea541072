import io.github.dictsqlite.Codec
import io.github.dictsqlite.Dict
import io.github.dictsqlite.DictException
import io.github.dictsqlite.ErrorKind
import io.github.dictsqlite.Options
import io.github.dictsqlite.PersistMode
import io.github.dictsqlite.Selection
import io.github.dictsqlite.entry
import io.github.dictsqlite.get
import io.github.dictsqlite.incr
import io.github.dictsqlite.keyOf
import io.github.dictsqlite.keysOf
import io.github.dictsqlite.set
import io.github.dictsqlite.setIfVersion
import io.github.dictsqlite.tupleKey
import kotlin.time.Duration.Companion.hours
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

fun main() = runBlocking {
    // `use` flushes and closes. Values of this table are JSON text.
    Dict.open("app.db", Codec.Json, Options(persistMode = PersistMode.LAZY)).use { db ->
        db.set("user:1", """{"name":"Ada"}""")
        db.set("session", "\"token\"", ttl = 1.hours)
        println(db.get("user:1"))

        // Many keys cross at once, and as one unit: all of it survives a crash, or nothing.
        db.setMany((1..1000).associate { tupleKey("order", it) to """{"total":$it}""" })
        println(db.getMany(keysOf("user:1", "nobody")))

        // Flows read a page at a time; the dict may be changed meanwhile.
        val newest = Selection(prefix = tupleKey("order"), reverse = true, limit = 2)
        println(db.values(newest).toList())

        // Decided by the writer: right across coroutines, threads and processes.
        val jobs = List(100) { launch { db.incr("hits") } }
        jobs.forEach { it.join() }
        println(db.get("hits"))

        val entry = db.entry("user:1")!!
        db.setIfVersion("user:1", """{"name":"Ada Lovelace"}""", entry.version)
        try {
            db.setIfVersion("user:1", "{}", entry.version)
        } catch (e: DictException) {
            println("${e.kind == ErrorKind.CONFLICT} ${e.key == keyOf("user:1")}")
        }

        // The same for threads, with the operators of a map.
        val dict = db.blocking
        dict["theme"] = "\"dark\""
        println("${dict["theme"]} ${dict.size}")
    }
}
