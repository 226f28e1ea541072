// Programs that tests start as processes of their own.

package io.github.dictsqlite.programs

import io.github.dictsqlite.BlockingDict
import io.github.dictsqlite.Codec
import io.github.dictsqlite.Options
import io.github.dictsqlite.PersistMode
import io.github.dictsqlite.set
import java.io.File
import java.nio.channels.FileChannel
import java.nio.file.Path
import java.nio.file.StandardOpenOption
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.hours
import org.junit.jupiter.api.Assertions.assertTrue

/** Where SQLite's WAL-index has the byte that whoever writes holds locked. */
private const val WRITE_LOCK = 120L

/** Holds the write lock of the database at the path until its input ends. */
object HoldLock {
    @JvmStatic
    fun main(args: Array<String>) {
        FileChannel.open(Path.of(args[0] + "-shm"), StandardOpenOption.READ, StandardOpenOption.WRITE).use {
            it.lock(WRITE_LOCK, 1, false)
            println("held")
            while (System.`in`.read() >= 0) Unit
        }
    }
}

/** Writes 1000 entries that nothing but the end of the process commits. */
object LeaveOpen {
    @JvmStatic
    fun main(args: Array<String>) {
        val options = Options(persistMode = PersistMode.LAZY, flushInterval = 1.hours)
        val dict = BlockingDict.open(args[0], Codec.Text, options)
        repeat(1000) { dict["key:$it"] = "value:$it" }
    }
}

/** Starts [main] as a process with this one's classes. */
fun start(main: String, vararg args: String, dir: File? = null): Process {
    val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
    val command = listOf(java, "-cp", System.getProperty("java.class.path"), main) + args
    return ProcessBuilder(command).directory(dir).redirectErrorStream(true).start()
}

/** Runs [main] to its end and gives what it said; fails when it fails or hangs. */
fun run(main: String, vararg args: String, dir: File? = null): String {
    val process = start(main, *args, dir = dir)
    process.outputStream.close()
    val said = process.inputStream.bufferedReader().readText()
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "$main hangs")
    assertTrue(process.exitValue() == 0, "$main failed: $said")
    return said
}

/** Runs [body] while another process holds the write lock of the database at [path]. */
inline fun <T> whileLocked(path: Path, body: () -> T): T {
    val holder = start(HoldLock::class.java.name, path.toString())
    try {
        val said = holder.inputStream.bufferedReader().readLine()
        assertTrue(said == "held", "the lock is not held: $said")
        return body()
    } finally {
        holder.outputStream.close()
        holder.waitFor(60, TimeUnit.SECONDS)
    }
}
