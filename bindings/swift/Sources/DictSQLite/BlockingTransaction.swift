import Foundation

/// A transaction for threads that may wait; see `Transaction`. It belongs to the thread that began it, and refuses
/// others.
public final class BlockingTransaction<Value: Sendable>: TransactionHandle<Value>, @unchecked Sendable {
    /// See `Transaction.get`.
    public func get(_ key: Key) throws -> Value? {
        try translated { try native.get(key: key) }.map(codec.decode)
    }

    /// See `Transaction.contains`.
    public func contains(_ key: Key) throws -> Bool {
        try translated { try native.contains(key: key) }
    }

    /// See `Transaction.entry`.
    public func entry(_ key: Key) throws -> Entry<Value>? {
        try translated { try native.entry(key: key) }.map(codec.entry)
    }

    /// See `Transaction.count`.
    public func count() throws -> Int {
        Int(try translated { try native.len() })
    }

    /// See `Transaction.remove`.
    @discardableResult
    public func remove(_ key: Key) throws -> Bool {
        try translated { try native.remove(key: key) }
    }

    /// See `Transaction.pop`.
    @discardableResult
    public func pop(_ key: Key) throws -> Entry<Value>? {
        try translated { try native.pop(key: key) }.map(codec.entry)
    }

    /// See `Transaction.setDefault`.
    @discardableResult
    public func setDefault(_ key: Key, _ value: Value, ttl: TimeInterval? = nil) throws -> Value {
        let bytes = try codec.encode(value)
        let there = try translated { try native.setDefault(key: key, value: bytes, ttl: toTtl(ttl)) }
        return try there.map { try codec.decode($0.value) } ?? value
    }

    /// See `Transaction.incr`.
    @discardableResult
    public func incr(_ key: Key, by delta: Int64 = 1) throws -> Int64 {
        try translated { try native.incr(key: key, delta: delta) }
    }

    /// See `Transaction.expire`.
    @discardableResult
    public func expire(_ key: Key, ttl: TimeInterval) throws -> Bool {
        try translated { try native.expire(key: key, ttl: ttl) }
    }

    /// See `Transaction.clear`.
    @discardableResult
    public func clear() throws -> Int {
        Int(try translated { try native.clear() })
    }

    /// Gives every page of a scan to `body`.
    public func forEachPage(_ selection: Selection = Selection(), _ body: ([Item<Value>]) throws -> Void) throws {
        let scan = try translated { try native.scan(options: selection.toNative(values: true)) }
        while true {
            let page = try translated { try scan.nextPage() }
            if page.isEmpty {
                return
            }
            try body(page.map { try codec.item($0) })
        }
    }

    /// See `Transaction.table`.
    public func table<Other: Sendable>(_ name: String, _ codec: Codec<Other>) throws -> BlockingTransaction<Other> {
        let other = try translated { try native.table(name: name, storageMode: codec.storageMode) }
        return BlockingTransaction<Other>(other, codec, ending)
    }

    /// See `Transaction.commit`.
    @discardableResult
    public func commit() throws -> Int64 {
        ending.end()
        return try translated { try native.commit() }
    }
}

extension BlockingDict {
    /// See `Dict.begin`; the transaction belongs to this thread.
    public func begin(_ options: TransactionOptions = TransactionOptions()) throws -> BlockingTransaction<Value> {
        let given = options.toNative()
        return BlockingTransaction(try translated { try native.begin(options: given) }, codec, Ending())
    }

    /// See `Dict.transaction`. This thread is told when it uses the dict in an immediate one.
    @discardableResult
    public func transaction<Result>(
        _ options: TransactionOptions = TransactionOptions(),
        retries: Int = 10,
        _ body: (BlockingTransaction<Value>) throws -> Result
    ) throws -> Result {
        try checkRetries(retries)
        var pauses = Pauses()
        var attempt = 0
        while true {
            let tx = try begin(options.forAttempt(attempt, of: retries))
            do {
                let result = try body(tx)
                if !tx.ending.done {
                    try tx.commit()
                }
                return result
            } catch {
                tx.close()
                if !isRetried(error, attempt: attempt, retries: retries) {
                    throw error
                }
            }
            attempt += 1
            Thread.sleep(forTimeInterval: Double(pauses.next()) / 1_000_000_000)
        }
    }
}
