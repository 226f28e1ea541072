import Foundation

/// A transaction for tasks, as a dict on one of the store's tables: it reads a snapshot and its own writes, which nobody
/// else sees before it is committed. It belongs to no thread; several tasks may use it, one at a time.
public final class Transaction<Value: Sendable>: TransactionHandle<Value>, @unchecked Sendable {
    /// The value of `key`, or `nil`.
    public func get(_ key: Key) async throws -> Value? {
        try await awaited { try await self.native.getAsync(key: key, ticket: $0) }.map(codec.decode)
    }

    /// True when there is an entry for `key`.
    public func contains(_ key: Key) async throws -> Bool {
        try await awaited { try await self.native.containsAsync(key: key, ticket: $0) }
    }

    /// The value of `key` with its version (0 when it was written in this transaction) and expiry, or `nil`.
    public func entry(_ key: Key) async throws -> Entry<Value>? {
        try await awaited { try await self.native.entryAsync(key: key, ticket: $0) }.map(codec.entry)
    }

    /// The number of entries.
    public func count() async throws -> Int {
        Int(try await awaited { try await self.native.lenAsync(ticket: $0) })
    }

    /// Deletes `key` and says whether it was there.
    @discardableResult
    public func remove(_ key: Key) async throws -> Bool {
        try await awaited { try await self.native.removeAsync(key: key, ticket: $0) }
    }

    /// Removes `key` and returns its entry, or `nil`.
    @discardableResult
    public func pop(_ key: Key) async throws -> Entry<Value>? {
        try await awaited { try await self.native.popAsync(key: key, ticket: $0) }.map(codec.entry)
    }

    /// The value of `key` if there is one; else sets it to `value` and returns that.
    @discardableResult
    public func setDefault(_ key: Key, _ value: Value, ttl: TimeInterval? = nil) async throws -> Value {
        let bytes = try codec.encode(value)
        let there = try await awaited {
            try await self.native.setDefaultAsync(key: key, value: bytes, ttl: toTtl(ttl), ticket: $0)
        }
        return try there.map { try codec.decode($0.value) } ?? value
    }

    /// Adds `delta` to an integer, which counts from 0 when there is none, and gives the sum.
    @discardableResult
    public func incr(_ key: Key, by delta: Int64 = 1) async throws -> Int64 {
        try await awaited { try await self.native.incrAsync(key: key, delta: delta, ticket: $0) }
    }

    /// Changes when an entry expires (`.infinity`: never); false when there is none.
    @discardableResult
    public func expire(_ key: Key, ttl: TimeInterval) async throws -> Bool {
        try await awaited { try await self.native.expireAsync(key: key, ttl: ttl, ticket: $0) }
    }

    /// Deletes every entry of the table, and gives how many those were.
    @discardableResult
    public func clear() async throws -> Int {
        Int(try await awaited { try await self.native.clearAsync(ticket: $0) })
    }

    /// Pages of entries, of the snapshot and with what was written; `consistent` says nothing here.
    public func pages(_ selection: Selection = Selection()) -> Pages<Item<Value>> {
        let (native, codec) = (self.native, self.codec)
        return Pages(begin: { try native.scan(options: selection.toNative(values: true)) }) { try codec.item($0) }
    }

    /// Entries, read a page at a time.
    public func items(_ selection: Selection = Selection()) -> Elements<Item<Value>> {
        Elements(pages: pages(selection))
    }

    /// Keys, read a page at a time; values are left alone.
    public func keys(_ selection: Selection = Selection()) -> Elements<Key> {
        let native = self.native
        return Elements(pages: Pages(begin: { try native.scan(options: selection.toNative(values: false)) }) { $0.key })
    }

    /// Values, read a page at a time.
    public func values(_ selection: Selection = Selection()) -> Elements<Value> {
        let (native, codec) = (self.native, self.codec)
        return Elements(
            pages: Pages(begin: { try native.scan(options: selection.toNative(values: true)) }) { try codec.item($0).value })
    }

    /// The same transaction on another table. A concurrent one makes a missing table, at once and whether it is
    /// committed or not.
    public func table<Other: Sendable>(_ name: String, _ codec: Codec<Other>) async throws -> Transaction<Other> {
        let native = try await awaited {
            try await self.native.tableAsync(name: name, storageMode: codec.storageMode, ticket: $0)
        }
        return Transaction<Other>(native, codec, ending)
    }

    /// Commits, in the handle's mode, and gives the number of its last operation; 0 when nothing was written. Throws
    /// `conflict`, naming the key where it is one, when somebody else changed what this depends on: then nothing of it
    /// was written, and it is over. Cancelled before the writer begins with it, it does not happen either.
    @discardableResult
    public func commit() async throws -> Int64 {
        ending.end()
        return try await awaited { try await self.native.commitAsync(ticket: $0) }
    }
}

extension Dict {
    /// Begins a transaction to be committed by hand; when nothing holds it any more, it is rolled back.
    public func begin(_ options: TransactionOptions = TransactionOptions()) async throws -> Transaction<Value> {
        let given = options.toNative()
        let begun = try await awaited { try await self.native.beginAsync(options: given, ticket: $0) }
        return Transaction(begun, codec, Ending())
    }

    /// Runs `body` in a transaction over all tables of the store and commits it. When it throws, or its task is
    /// cancelled, all is rolled back. After a conflict it is run again in a new transaction, up to `retries` times, with
    /// pauses that grow; the last time in an immediate one, which cannot conflict.
    ///
    /// In an immediate one others, this dict as well, wait with their writes until it is over: use `tx` alone there.
    @discardableResult
    public func transaction<Result: Sendable>(
        _ options: TransactionOptions = TransactionOptions(),
        retries: Int = 10,
        _ body: @Sendable (Transaction<Value>) async throws -> Result
    ) async throws -> Result {
        try checkRetries(retries)
        var pauses = Pauses()
        var attempt = 0
        while true {
            let tx = try await begin(options.forAttempt(attempt, of: retries))
            do {
                let result = try await body(tx)
                if !tx.ending.done {
                    try await tx.commit()
                }
                return result
            } catch {
                tx.close()
                if !isRetried(error, attempt: attempt, retries: retries) {
                    throw error
                }
            }
            attempt += 1
            try await Task.sleep(nanoseconds: pauses.next())
        }
    }
}
