import Foundation
import XCTest

@testable import DictSQLite

final class ChangesTests: XCTestCase {
    private func opened() async throws -> Dict<String> {
        var options = Options(persistMode: .memory)
        options.changes = true
        return try await Dict.open(":memory:", .text, options)
    }

    func testChangesComeInOrderAndGoOnBySince() async throws {
        let db = try await opened()
        for value in ["1", "2"] {
            try await db.set("k", value)
            try await db.flush()
        }
        try await db.pop("k")
        var seen: [Change] = []
        for try await change in db.changes(since: 0) {
            seen.append(change)
            if seen.count == 3 {
                break
            }
        }
        XCTAssertEqual(seen.map(\.kind), [.insert, .update, .delete])
        XCTAssertEqual(try seen.map { try $0.new(.text) }, ["1", "2", nil])
        XCTAssertEqual(try seen[1].old(.text), "1")
        XCTAssertThrowsError(try seen[0].new(.json))
        try await db.set("later", "3")
        try await db.flush()
        let stream = try await db.changeStream(since: seen[2].seq)
        let page = try await stream.page()
        XCTAssertEqual(page.map(\.key), ["later"])
        XCTAssertEqual(stream.position, page[0].seq)
        try await db.close()
    }

    func testClosingEndsTheSequences() async throws {
        let db = try await opened()
        try await db.set("k", "v")
        try await db.flush()
        let changes = Task {
            var seen = 0
            for try await _ in db.changes(since: 0) { seen += 1 }
            return seen
        }
        let watched = Task {
            var seen = 0
            for try await _ in db.watch("k") { seen += 1 }
            return seen
        }
        try await Task.sleep(nanoseconds: 300_000_000)
        try await db.close()
        let (a, b) = (try await changes.value, try await watched.value)
        XCTAssertEqual(a, 1)
        XCTAssertEqual(b, 1)
    }

    func testAWatchGivesWhatIsThereThenTheLatest() async throws {
        let db = try await opened()
        let watch = try await db.watchStream(["k"])
        let first = try await watch.page()
        XCTAssertNil(first[0].entry)
        for value in ["1", "2"] {
            try await db.set("k", value)
            try await db.flush()
        }
        let latest = try await watch.page()
        XCTAssertEqual(latest.map { $0.entry?.value }, ["2"])
        watch.close()
        try await db.close()
    }

    func testATaskThatIsCancelledStopsWaiting() async throws {
        let db = try await opened()
        let task = Task {
            for try await _ in db.changes() {}
        }
        try await Task.sleep(nanoseconds: 100_000_000)
        task.cancel()
        do {
            try await task.value
            XCTFail("it ended by itself")
        } catch {
            XCTAssertTrue(error is CancellationError)
        }
        try await db.close()
    }
}
