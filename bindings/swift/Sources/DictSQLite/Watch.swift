import Foundation

/// A key as it was found, with its entry; `nil` when there is none.
public struct Watched<Value: Sendable>: Sendable {
    public let key: Key
    public let entry: Entry<Value>?
}

/// Keys being watched, a page at a time: what is there first, then what is different after later commits. It holds one
/// page at most. It ends with `closed` when the dict that made it is closed.
public final class WatchStream<Value: Sendable>: Sendable {
    private let native: NativeWatch
    private let codec: Codec<Value>

    init(_ native: NativeWatch, _ codec: Codec<Value>) {
        self.native = native
        self.codec = codec
    }

    /// What is there, the first time; then what has changed since. Waits for it.
    public func page() async throws -> [Watched<Value>] {
        while true {
            try await awaited { try await self.native.readyAsync(ticket: $0) }
            let page = native.takePage()
            // Somebody else may have been quicker.
            if !page.isEmpty {
                return try page.map(decoded)
            }
        }
    }

    /// The same for a thread that may wait; empty when `timeout` seconds pass.
    public func pageBlocking(timeout: TimeInterval = .infinity) throws -> [Watched<Value>] {
        try translated { try native.nextPage(timeout: timeout) }.map(decoded)
    }

    /// Ends it: who waits for it is told `closed`.
    public func close() {
        native.shut()
    }

    private func decoded(_ watched: NativeWatched) throws -> Watched<Value> {
        Watched(key: watched.key, entry: try watched.entry.map(codec.entry))
    }
}

extension Dict {
    /// What `keys` have, and then what is different after later commits: a state, so what changes several times while
    /// the reader is busy comes once. Without keys, all keys of this table with `prefix`, which needs its change log.
    /// The sequence ends when this dict is closed.
    public func watch(_ keys: Key..., prefix: Key? = nil) -> Committed<Watched<Value>> {
        Committed {
            let stream = try await self.watchStream(keys, prefix: prefix)
            return { try await stream.page() }
        }
    }

    /// The same a page at a time.
    public func watchStream(_ keys: [Key], prefix: Key? = nil) async throws -> WatchStream<Value> {
        let watch = try await awaited { try await self.native.watchAsync(keys: keys, prefix: prefix, ticket: $0) }
        return WatchStream(watch, codec)
    }
}

extension BlockingDict {
    /// See `Dict.watchStream`; read it with `pageBlocking`.
    public func watchStream(_ keys: [Key], prefix: Key? = nil) throws -> WatchStream<Value> {
        WatchStream(try translated { try native.watch(keys: keys, prefix: prefix) }, codec)
    }
}
