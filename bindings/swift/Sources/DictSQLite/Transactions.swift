import Foundation

/// How a transaction is begun; `nil` is as the engine has it, which is said in brackets. Times are in seconds.
public struct TransactionOptions: Equatable, Sendable {
    /// Whether it keeps others out, or looks whether they were in its way (`concurrent`).
    public var mode: TransactionMode?
    /// What is looked at again when a concurrent one commits (`serializable`).
    public var isolation: Isolation?
    /// How long beginning and committing may each wait (the handle's timeout).
    public var timeout: TimeInterval?
    /// How long it may be open before it is rolled back (60; 5 for an immediate one).
    public var maxHold: TimeInterval?

    public init(
        mode: TransactionMode? = nil,
        isolation: Isolation? = nil,
        timeout: TimeInterval? = nil,
        maxHold: TimeInterval? = nil
    ) {
        self.mode = mode
        self.isolation = isolation
        self.timeout = timeout
        self.maxHold = maxHold
    }

    func toNative() -> NativeTransactionOptions {
        NativeTransactionOptions(mode: mode, isolation: isolation, timeout: timeout, maxHold: maxHold)
    }

    /// The last of several attempts is an immediate one, so that it wins however many others there are.
    func forAttempt(_ attempt: Int, of retries: Int) -> TransactionOptions {
        guard retries > 0, attempt == retries, mode == nil || mode == .concurrent else { return self }
        var last = self
        last.mode = .immediate
        return last
    }
}

/// A place in a transaction to which it can be rolled back.
public struct Savepoint: Sendable {
    let number: UInt64
}

/// Whether the program has ended a transaction itself; all handles on it share this.
final class Ending: @unchecked Sendable {
    private let lock = NSLock()
    private var ended = false

    var done: Bool {
        lock.lock()
        defer { lock.unlock() }
        return ended
    }

    func end() {
        lock.lock()
        defer { lock.unlock() }
        ended = true
    }
}

/// What the two faces of a transaction have in common: all that never waits.
public class TransactionHandle<Value: Sendable>: @unchecked Sendable {
    let native: NativeTransaction
    let codec: Codec<Value>
    let ending: Ending

    init(_ native: NativeTransaction, _ codec: Codec<Value>, _ ending: Ending) {
        self.native = native
        self.codec = codec
        self.ending = ending
    }

    /// The name of the table.
    public var name: String { native.name() }

    /// The table's codec.
    public var storageMode: StorageMode { native.storageMode() }

    /// True as long as it was neither committed nor rolled back, and its time is not up.
    public var isOpen: Bool { native.isOpen() }

    /// Sets `key` to `value`. `ttl` in seconds: `nil` for the handle's, `.infinity` for no expiry.
    public func set(_ key: Key, _ value: Value, ttl: TimeInterval? = nil) throws {
        let bytes = try codec.encode(value)
        try translated { try native.set(key: key, value: bytes, ttl: toTtl(ttl)) }
    }

    /// Deletes `key`, whether it is there or not.
    public func delete(_ key: Key) throws {
        try translated { try native.delete(key: key) }
    }

    /// Marks what was written so far.
    public func savepoint() throws -> Savepoint {
        Savepoint(number: try translated { try native.savepoint() })
    }

    /// Takes back everything that was written since `savepoint`, which stays, and forgets the ones after it. What was
    /// read since then still counts as read.
    public func rollback(to savepoint: Savepoint) throws {
        try translated { try native.rollbackTo(savepoint: savepoint.number) }
    }

    /// Forgets `savepoint` and the ones after it; what was written stays.
    public func release(_ savepoint: Savepoint) throws {
        try translated { try native.release(savepoint: savepoint.number) }
    }

    /// Gives everything up that was written.
    public func rollback() throws {
        try translated { try native.rollback() }
        ending.end()
    }

    /// Rolls back unless it is over.
    public func close() {
        native.abandon()
    }
}

/// Pauses between attempts: of random length, so that those who met once do not meet again, and growing.
struct Pauses {
    private var longest: Double = 500_000

    /// In nanoseconds.
    mutating func next() -> UInt64 {
        defer { longest = min(longest * 2, 50_000_000) }
        return UInt64(Double.random(in: 0..<longest))
    }
}

/// Whether an attempt that failed with `error` is followed by another one.
func isRetried(_ error: Error, attempt: Int, retries: Int) -> Bool {
    (error as? DictError)?.kind == .conflict && attempt < retries
}

func checkRetries(_ retries: Int) throws {
    if retries < 0 {
        throw DictError(kind: .invalid, detail: "retries is \(retries); it must not be negative", key: nil)
    }
}
