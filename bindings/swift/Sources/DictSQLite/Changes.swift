import Foundation

/// One change of one entry, as it was committed.
public struct Change: Sendable {
    private let change: NativeChange

    init(_ change: NativeChange) {
        self.change = change
    }

    /// The number of the operation: larger than that of every change committed before. To go on later, remember it.
    public var seq: Int64 { change.seq }

    /// What happened.
    public var kind: ChangeKind { change.kind }

    /// The table's name.
    public var table: String { change.table }

    /// The table's codec, and so that of the values.
    public var storageMode: StorageMode { change.storageMode }

    /// The key.
    public var key: Key { change.key }

    /// What the codec stored before; `nil` for an insert.
    public var oldBytes: Data? { change.oldValue }

    /// What the codec stored; `nil` for a delete and an expiry.
    public var newBytes: Data? { change.newValue }

    /// When the entry as it is now expires; `nil` for never.
    public var expiresAt: Date? { date(change.expiresAt) }

    /// When it was written.
    public var at: Date { Date(timeIntervalSince1970: Double(change.at) / 1000) }

    /// The value before; `nil` for an insert.
    public func old<Value: Sendable>(_ codec: Codec<Value>) throws -> Value? {
        try decoded(change.oldValue, codec)
    }

    /// The value after; `nil` for a delete and an expiry.
    public func new<Value: Sendable>(_ codec: Codec<Value>) throws -> Value? {
        try decoded(change.newValue, codec)
    }

    private func decoded<Value: Sendable>(_ value: Data?, _ codec: Codec<Value>) throws -> Value? {
        if codec.storageMode != storageMode {
            let detail = "table \(table) stores \(storageMode) and the codec is for \(codec.storageMode); use the table's own"
            throw DictError(kind: .codec, detail: detail, key: key)
        }
        return try value.map(codec.decode)
    }
}

/// A stream of changes, taken a page at a time, for a program that wants to know where it is. It holds one page at most,
/// and nothing else while nobody waits. It ends with `closed` when the dict that made it is closed.
public final class ChangeStream: Sendable {
    private let native: NativeChanges

    init(_ native: NativeChanges) {
        self.native = native
    }

    /// The next changes, at most about a thousand, in the order of their numbers. Waits for one.
    public func page() async throws -> [Change] {
        while true {
            try await awaited { try await self.native.readyAsync(ticket: $0) }
            let page = native.takePage()
            // Somebody else may have been quicker.
            if !page.isEmpty {
                return page.map { Change($0) }
            }
        }
    }

    /// The same for a thread that may wait; empty when `timeout` seconds pass.
    public func pageBlocking(timeout: TimeInterval = .infinity) throws -> [Change] {
        try translated { try native.nextPage(timeout: timeout) }.map { Change($0) }
    }

    /// Everything up to this number was given out, or passed over by `tables` and `prefix`: a stream with it as `since`
    /// goes on from here.
    public var position: Int64 { native.position() }

    /// Ends it: who waits for it is told `closed`.
    public func close() {
        native.shut()
    }
}

/// What comes in pages as it is committed, one by one, until the dict is closed; one page at most is held. Each iterator
/// has a stream of its own, which goes with it.
public struct Committed<Element: Sendable>: AsyncSequence, Sendable {
    /// Begins a stream, and gives what reads its next page.
    let begin: @Sendable () async throws -> (@Sendable () async throws -> [Element])

    public struct AsyncIterator: AsyncIteratorProtocol {
        let begin: @Sendable () async throws -> (@Sendable () async throws -> [Element])
        var read: (@Sendable () async throws -> [Element])?
        var page: [Element] = []
        var at = 0
        var ended = false

        public mutating func next() async throws -> Element? {
            if ended {
                return nil
            }
            if at == page.count {
                if read == nil {
                    read = try await begin()
                }
                guard let found = try await nextPage() else {
                    // Frees the stream.
                    read = nil
                    ended = true
                    return nil
                }
                page = found
                at = 0
            }
            at += 1
            return page[at - 1]
        }

        private func nextPage() async throws -> [Element]? {
            do {
                return try await read?()
            } catch let error as DictError where error.kind == .closed {
                return nil
            }
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(begin: begin)
    }
}

extension Dict {
    /// Has the changes of this table logged from now on, whoever makes them. The log of the store keeps `count` changes
    /// that are no older than `age` seconds; `nil` leaves a limit as it is (a million, 7 days).
    public func enableChanges(count: Int64? = nil, age: TimeInterval? = nil) async throws {
        try await awaited { try await self.native.enableChangesAsync(count: count, age: toTtl(age), ticket: $0) }
    }

    /// True when the changes of this table are logged.
    public func hasChanges() async throws -> Bool {
        try await awaited { try await self.native.hasChangesAsync(ticket: $0) }
    }

    /// The changes that are committed, by whichever process or tool, in their order: after the number `since` (0: all
    /// that are kept; `nil`: from when it is iterated), of `tables` (`nil`: of all whose changes are logged), of keys
    /// with `prefix`. A slow reader costs no memory beyond a page. The sequence ends when this dict is closed.
    public func changes(since: Int64? = nil, tables: [String]? = nil, prefix: Key? = nil) -> Committed<Change> {
        Committed {
            let stream = try await self.changeStream(since: since, tables: tables, prefix: prefix)
            return { try await stream.page() }
        }
    }

    /// The same a page at a time; it begins at once.
    public func changeStream(
        since: Int64? = nil, tables: [String]? = nil, prefix: Key? = nil
    ) async throws -> ChangeStream {
        let options = NativeChangesOptions(since: since, tables: tables, prefix: prefix)
        return ChangeStream(try await awaited { try await self.native.changesAsync(options: options, ticket: $0) })
    }
}

extension BlockingDict {
    /// See `Dict.enableChanges`.
    public func enableChanges(count: Int64? = nil, age: TimeInterval? = nil) throws {
        try translated { try native.enableChanges(count: count, age: toTtl(age)) }
    }

    /// See `Dict.hasChanges`.
    public func hasChanges() throws -> Bool {
        try translated { try native.hasChanges() }
    }

    /// See `Dict.changeStream`; read it with `pageBlocking`.
    public func changeStream(since: Int64? = nil, tables: [String]? = nil, prefix: Key? = nil) throws -> ChangeStream {
        let options = NativeChangesOptions(since: since, tables: tables, prefix: prefix)
        return ChangeStream(try translated { try native.changes(options: options) })
    }
}
