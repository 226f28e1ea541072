package io.github.dictsqlite

import io.github.dictsqlite.programs.LeaveOpen
import io.github.dictsqlite.programs.run
import java.nio.file.Files
import java.nio.file.Path
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.api.io.TempDir

class LifecycleTest {
    @TempDir
    lateinit var dir: Path

    @Test
    fun `what was written is there when it is opened again`() = runBlocking<Unit> {
        val path = dir.resolve("a.db")
        repeat(5) { round ->
            Dict.open(path, Codec.Text).use { db ->
                if (round > 0) assertEquals("v${round - 1}", db.get("k"))
                db.set("k", "v$round")
                assertEquals(round + 1L, db.incr("rounds"))
            }
        }
    }

    @Test
    fun `handles share a store`() = runBlocking<Unit> {
        val path = dir.resolve("b.db")
        val one = Dict.open(path, Codec.Text)
        val other = BlockingDict.open(path, Codec.Text)
        one.set("k", "v")
        assertEquals("v", other["k"])
        one.close()
        other["k"] = "w"
        assertEquals("w", other["k"])
        other.close()
    }

    @Test
    fun `use closes when its block fails`() {
        val path = dir.resolve("c.db")
        val db = BlockingDict.open(path, Codec.Text)
        assertThrows<NoSuchElementException> {
            db.use {
                it["k"] = "v"
                throw NoSuchElementException()
            }
        }
        assertTrue(db.isClosed)
        BlockingDict.open(path, Codec.Text).use { assertEquals("v", it["k"]) }
    }

    @Test
    fun `a process that ends without closing loses nothing`() {
        val path = dir.resolve("d.db")
        assertEquals("", run(LeaveOpen::class.java.name, path.toString()))
        BlockingDict.open(path, Codec.Text).use { db ->
            assertEquals(1000, db.size)
            assertEquals("value:999", db["key:999"])
            assertNull(db["key:1000"])
        }
    }

    @Test
    fun `the program of the documentation runs and is what the page shows`() {
        shown("Example")
    }

    @Test
    fun `so is the one about transactions and changes`() {
        shown("Accounts")
    }

    @Test
    fun `and the one about whole files`() {
        shown("Shop")
    }

    private fun shown(program: String) {
        val said = run("${program}Kt", dir = dir.toFile())
        val page = Files.readString(Path.of("../../docs/kotlin.md"))
        val source = Files.readString(Path.of("src/test/kotlin/$program.kt"))
        assertTrue("```kotlin\n$source```" in page, "docs/kotlin.md does not show src/test/kotlin/$program.kt as it is")
        assertTrue("```text\n$said```" in page, "docs/kotlin.md does not show what the program says:\n$said")
    }

    @Test
    fun `the quick start of the README runs`() {
        assertEquals("{\"name\":\"Ada\"}\n1\n", run("QuickStartKt", dir = dir.toFile()))
        val source = Files.readString(Path.of("src/test/kotlin/QuickStart.kt"))
        assertTrue("```kotlin\n$source```" in Files.readString(Path.of("../../README.md")), "README.md shows another program")
    }
}
