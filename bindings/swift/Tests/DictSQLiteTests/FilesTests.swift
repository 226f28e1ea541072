import Foundation
import XCTest

@testable import DictSQLite

final class FilesTests: XCTestCase {
    private struct Enough: Error {}

    private var directory = URL(fileURLWithPath: NSTemporaryDirectory())

    override func setUpWithError() throws {
        directory = directory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    override func tearDownWithError() throws {
        try FileManager.default.removeItem(at: directory)
    }

    private func path(_ name: String) -> String {
        directory.appendingPathComponent(name).path
    }

    private func filled() async throws -> Dict<String> {
        let db = try await Dict.open(path("a.db"), .text)
        try await db.setMany((0..<300).map { (Key(Int64($0)), "value") })
        return db
    }

    func testABackupIsAStoreAndIsRestored() async throws {
        let db = try await filled()
        let bytes = try await db.backup(to: path("copy.db"))
        XCTAssertEqual(try db.blocking.backup(to: path("copy.db"), overwrite: true), bytes)
        try await db.clear()
        try await db.vacuum()
        try await db.close()
        try await Dict<String>.restore(from: path("copy.db"), to: path("a.db"), overwrite: true)
        let restored = try await Dict.open(path("a.db"), .text)
        let (count, problems) = (try await restored.count(), try await restored.integrityCheck())
        XCTAssertEqual(count, 300)
        XCTAssertEqual(problems, [])
        try await restored.close()
    }

    func testWhatACallbackThrowsCancelsAndComesOut() async throws {
        let db = try await filled()
        do {
            try await db.backup(to: path("given-up")) { _, _ in throw Enough() }
            XCTFail("nothing thrown")
        } catch is Enough {}
        XCTAssertThrowsError(try db.blocking.export(to: path("given-up")) { _, _ in throw Enough() }) {
            XCTAssertTrue($0 is Enough)
        }
        XCTAssertFalse(FileManager.default.fileExists(atPath: path("given-up")))
        try await db.close()
    }

    // It was thrown in the place of a result that was there already.
    func testWhatACallbackThrowsAtTheLastCallComesTooLate() async throws {
        let db = try await filled()
        let late: ProgressHandler = { done, total in
            if total > 0 && done == total { throw Enough() }
        }
        let bytes = try await db.backup(to: path("one.db"), progress: late)
        XCTAssertGreaterThan(bytes, 0)
        XCTAssertGreaterThan(try db.blocking.backup(to: path("two.db"), progress: late), 0)
        try await db.close()
    }

    func testAnExportIsImported() async throws {
        let db = try await filled()
        let count = try await db.export(to: path("main.jsonl"))
        XCTAssertEqual(count, 300)
        let done = try await db.importFile(path("main.jsonl"), onConflict: .skip)
        XCTAssertEqual(done, Imported(read: 300, written: 0, skipped: 300, expired: 0))
        try await db.close()
    }
}
