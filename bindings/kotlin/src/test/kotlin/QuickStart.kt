import io.github.dictsqlite.Codec
import io.github.dictsqlite.Dict
import io.github.dictsqlite.get
import io.github.dictsqlite.incr
import io.github.dictsqlite.set
import kotlin.time.Duration.Companion.hours
import kotlinx.coroutines.runBlocking

fun main() = runBlocking {
    Dict.open("quick.db", Codec.Json).use { db ->
        db.set("user:1", """{"name":"Ada"}""", ttl = 1.hours)
        println(db.get("user:1"))
        println(db.incr("visits"))
    }
}
