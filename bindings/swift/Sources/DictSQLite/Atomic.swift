import Foundation

/// Checks and writes that are to be one unit, in one crossing: nothing happens before `commit`.
public struct Atomic<Value: Sendable>: Sendable {
    let native: NativeDict
    let codec: Codec<Value>
    private var checks: [NativeCheck] = []
    private var writes: [NativeWrite] = []

    init(_ native: NativeDict, _ codec: Codec<Value>) {
        self.native = native
        self.codec = codec
    }

    /// Everything depends on `key` having this version; 0 is no entry.
    public func check(_ key: Key, version: Int64) -> Atomic {
        var more = self
        more.checks.append(NativeCheck(key: key, version: version))
        return more
    }

    /// Sets `key` to `value`. `ttl` in seconds: `nil` for the handle's, `.infinity` for no expiry.
    public func set(_ key: Key, _ value: Value, ttl: TimeInterval? = nil) throws -> Atomic {
        with(.set(key: key, value: try codec.encode(value), ttl: toTtl(ttl)))
    }

    /// Adds `delta` to an integer, whatever it is when this is committed.
    public func incr(_ key: Key, by delta: Int64 = 1) -> Atomic {
        with(.incr(key: key, delta: delta))
    }

    /// Deletes `key`, whether it is there or not.
    public func delete(_ key: Key) -> Atomic {
        with(.delete(key: key))
    }

    private func with(_ write: NativeWrite) -> Atomic {
        var more = self
        more.writes.append(write)
        return more
    }

    /// Does all of it, in order, and gives the number of the last operation, which is the version of what was written
    /// last. Throws `conflict`, naming the key, when a check does not hold: then nothing was done.
    @discardableResult
    public func commit() async throws -> Int64 {
        let (native, checks, writes) = (self.native, self.checks, self.writes)
        return try await awaited { try await native.atomicAsync(checks: checks, writes: writes, ticket: $0) }
    }

    /// The same for a thread that may wait.
    @discardableResult
    public func commitBlocking() throws -> Int64 {
        try translated { try native.atomic(checks: checks, writes: writes) }
    }
}

extension Dict {
    /// Gathers checks and writes that are to be one unit, which one crossing then commits.
    public func atomic() -> Atomic<Value> {
        Atomic(native, codec)
    }
}

extension BlockingDict {
    /// See `Dict.atomic`; commit it with `commitBlocking`.
    public func atomic() -> Atomic<Value> {
        Atomic(native, codec)
    }
}
