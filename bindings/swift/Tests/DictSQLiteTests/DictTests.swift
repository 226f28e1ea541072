import Foundation
import XCTest

@testable import DictSQLite

final class DictTests: XCTestCase {
    private var path = ""

    override func setUpWithError() throws {
        let dir = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: dir, withIntermediateDirectories: true)
        path = dir.appendingPathComponent("a.db").path
    }

    func testKeysOfEveryKindComeBack() async throws {
        let keys: [Key] = ["text", "", 1, "1", Key(Int64.min), Key(Data([0, 255])), [], ["2024", 7]]
        let db = try await Dict.open(path, .bytes)
        for (n, key) in keys.enumerated() {
            try await db.set(key, Data([UInt8(n)]))
        }
        var seen: [Key] = []
        for try await key in db.keys() {
            seen.append(key)
        }
        XCTAssertEqual(seen, keys)
        let values = try await db.getMany(keys)
        XCTAssertEqual(values, keys.indices.map { Data([UInt8($0)]) })
        try await db.close()
    }

    func testEveryOperation() async throws {
        let db = try await Dict.open(path, .text)
        try await db.set("a", "1")
        let version = try await db.entry("a")!.version
        let next = try await db.set("a", "10", ifVersion: version)
        XCTAssertGreaterThan(next, version)
        let sum = try await db.incr("a", by: 5)
        XCTAssertEqual(sum, 15)
        let there = try await db.setDefault("a", "other")
        XCTAssertEqual(there, "15")
        let contains = try await db.contains("a")
        XCTAssertTrue(contains)
        let popped = try await db.pop("a")?.value
        XCTAssertEqual(popped, "15")
        let removed = try await db.remove("a")
        XCTAssertFalse(removed)
        try await db.setMany([("x", "1"), ("y", "2")])
        let last = try await db.popItem()
        XCTAssertEqual(last?.key, "y")
        let expires = try await db.expire("x", ttl: .infinity)
        XCTAssertTrue(expires)
        try await db.deleteMany(["y"])
        try await db.delete("nope")
        let cleared = try await db.clear()
        XCTAssertEqual(cleared, 1)
        let count = try await db.count()
        XCTAssertEqual(count, 0)
        try await db.flush(durable: true)
        XCTAssertEqual(try db.stats().pendingWrites, 0)
        try await db.close()
        XCTAssertTrue(db.isClosed)
    }

    func testConflictNamesTheKey() async throws {
        let db = try await Dict.open(":memory:", .text)
        do {
            try await db.set("k", "v", ifVersion: 99)
            XCTFail("no conflict")
        } catch let error as DictError {
            XCTAssertEqual(error.kind, .conflict)
            XCTAssertEqual(error.key, "k")
        }
        try await db.close()
    }

    func testPagesAndChangesMeanwhile() async throws {
        let db = try await Dict.open(path, .codable(Int.self))
        try await db.setMany((0..<5000).map { (Key("k\($0)"), $0) })
        var sum = 0
        for try await item in db.items() {
            sum += item.value
            try await db.delete(item.key)
        }
        XCTAssertEqual(sum, 5000 * 4999 / 2)
        let count = try await db.count()
        XCTAssertEqual(count, 0)
        try await db.close()
    }

    func testManyTasks() async throws {
        let db = try await Dict.open(path, .text, Options(persistMode: .durable))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<300 {
                group.addTask { try await db.incr("n") }
            }
            try await group.waitForAll()
        }
        let sum = try await db.get("n")
        XCTAssertEqual(sum, "300")
        try await db.close()
    }

    func testACancelledTaskSaysSo() async throws {
        let db = try await Dict.open(path, .text)
        let task = Task { try await db.incr("n") }
        task.cancel()
        do {
            let sum = try await task.value
            XCTAssertEqual(sum, 1)
        } catch {
            XCTAssertTrue(error is CancellationError)
        }
        try await db.close()
    }

    func testBlockingAndReopened() throws {
        let db = try BlockingDict.open(path, .json)
        try db.set("k", #"{"a":1}"#)
        XCTAssertThrowsError(try db.set("k", "NaN")) { XCTAssertEqual(($0 as? DictError)?.kind, .codec) }
        try db.close()
        let again = try BlockingDict.open(path, .json)
        XCTAssertEqual(try again.get("k"), #"{"a":1}"#)
        XCTAssertEqual(try again.tables(), ["main": .json])
        var seen = 0
        try again.forEachPage { seen += $0.count }
        XCTAssertEqual(seen, 1)
        try again.close()
    }
}
