import Foundation
import XCTest

@testable import DictSQLite

final class TransactionTests: XCTestCase {
    private var path = ""

    override func setUpWithError() throws {
        let dir = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: dir, withIntermediateDirectories: true)
        path = dir.appendingPathComponent("a.db").path
    }

    private func kind(_ call: () async throws -> Void) async -> ErrorKind? {
        do {
            try await call()
            return nil
        } catch {
            return (error as? DictError)?.kind
        }
    }

    func testABankTransfersByManyTasksAndKeepsItsSum() async throws {
        let db = try await Dict.open(path, .text)
        try await db.setMany((0..<4).map { (Key("account:\($0)"), "100") })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for teller in 0..<6 {
                group.addTask {
                    for round in 0..<10 {
                        let (from, to) = (Key("account:\((teller + round) % 4)"), Key("account:\((teller + 2 * round + 1) % 4)"))
                        try await db.transaction { tx in
                            try await tx.incr(from, by: -7)
                            try await tx.incr(to, by: 7)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        var sum = 0
        for try await value in db.values() {
            sum += Int(value) ?? 0
        }
        XCTAssertEqual(sum, 400)
        try await db.close()
    }

    func testAConflictNamesTheKey() async throws {
        let db = try await Dict.open(path, .text)
        do {
            try await db.transaction(retries: 0) { tx in
                let seen = try await tx.get("k")
                try await db.incr("k")
                try tx.set("other", seen ?? "none")
            }
            XCTFail("no conflict")
        } catch let error as DictError {
            XCTAssertEqual(error.kind, .conflict)
            XCTAssertEqual(error.key, "k")
        }
        let other = try await db.get("other")
        XCTAssertNil(other)
        try await db.close()
    }

    func testWhatIsThrownRollsBack() async throws {
        struct Mine: Error {}
        let db = try await Dict.open(path, .text)
        do {
            try await db.transaction { tx in
                try tx.set("k", "v")
                throw Mine()
            }
            XCTFail("it did not throw")
        } catch is Mine {}
        let value = try await db.get("k")
        XCTAssertNil(value)
        try await db.close()
    }

    func testACancelledTaskLeavesNothing() async throws {
        let db = try await Dict.open(path, .text)
        let task = Task {
            try await db.transaction(TransactionOptions(mode: .immediate)) { tx in
                try tx.set("k", "v")
                try await Task.sleep(nanoseconds: 60_000_000_000)
            }
        }
        try await Task.sleep(nanoseconds: 200_000_000)
        task.cancel()
        _ = await task.result
        try await db.incr("n")
        let value = try await db.get("k")
        XCTAssertNil(value)
        try await db.close()
    }

    func testSavepointsTablesAndThreads() async throws {
        let db = try await Dict.open(path, .text)
        let tx = try await db.begin()
        let numbers = try await tx.table("numbers", .json)
        try tx.set("a", "1")
        let mark = try tx.savepoint()
        try tx.set("a", "2")
        try numbers.set(7, "[7]")
        try tx.rollback(to: mark)
        let value = try await tx.get("a")
        XCTAssertEqual(value, "1")
        let gone = try await numbers.get(7)
        XCTAssertNil(gone)
        try tx.release(mark)
        try await tx.commit()
        let closed = await kind { try await tx.commit() }
        XCTAssertEqual(closed, .closed)
        try await db.close()
    }

    func testBlocking() throws {
        let db = try BlockingDict.open(path, .text)
        let sum = try db.transaction { tx in try tx.incr("n", by: 5) }
        XCTAssertEqual(sum, 5)
        XCTAssertThrowsError(try db.transaction(TransactionOptions(mode: .read)) { tx in try tx.delete("n") }) {
            XCTAssertEqual(($0 as? DictError)?.kind, .readOnly)
        }
        let version = try db.entry("n")!.version
        try db.atomic().check("n", version: version).incr("n").set("k", "v").commitBlocking()
        XCTAssertEqual(try db.get("n"), "6")
        XCTAssertThrowsError(try db.atomic().check("n", version: version).delete("k").commitBlocking()) {
            XCTAssertEqual(($0 as? DictError)?.key, "n")
        }
        XCTAssertEqual(try db.get("k"), "v")
        try db.close()
    }
}
