import io.github.dictsqlite.Codec
import io.github.dictsqlite.Dict
import io.github.dictsqlite.ExportOptions
import io.github.dictsqlite.OnConflict
import io.github.dictsqlite.get
import io.github.dictsqlite.keyOf
import io.github.dictsqlite.set
import java.nio.file.Path
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull

fun main() = runBlocking {
    val (copy, users) = Path.of("copy.db") to Path.of("users.jsonl")
    Dict.open("shop.db", Codec.Json).use { db ->
        db.set("user:1", "\"Ada\"")

        // A copy of one moment, while the store is in use.
        var pages = 0L
        db.backup(copy) { done, _ -> pages = done }
        println(pages > 1)
        db.set("user:1", "\"Grace\"")

        // A coroutine that is cancelled ends when nothing of the copy is left.
        println(withTimeoutOrNull(1) { db.backup(Path.of("other.db")) { _, _ -> Thread.sleep(100) } })

        println(db.exportTo(users, ExportOptions(prefix = keyOf("user:"))))
        println(db.importFrom(users, OnConflict.SKIP).skipped)
        println(db.integrityCheck())
    }
    // Nobody may have the store open that is replaced.
    Dict.restore(copy, Path.of("shop.db"), overwrite = true)
    Dict.open("shop.db", Codec.Json).use { db -> println(db.get("user:1")) }
}
