import Foundation

/// Is told how far an operation is: at the start, about twenty times a second, and at the end; a `total` of 0 is not
/// known. What it throws cancels the operation and is thrown by the call; at the last call it is too late, and the
/// operation's own result stands. A call that blocks calls it on its own thread, one that suspends on a thread of the
/// engine.
public typealias ProgressHandler = @Sendable (_ done: UInt64, _ total: UInt64) throws -> Void

/// What is exported, and how.
public struct ExportOptions: Equatable, Sendable {
    /// How the file looks.
    public var format: ExportFormat
    /// These tables; empty: the handle's own.
    public var tables: [String]
    /// Every table of the store, whatever `tables` says.
    public var allTables: Bool
    /// Only keys of the prefix's own type that begin with it: text, bytes, or a tuple's elements.
    public var prefix: Key?
    /// Whether an export that is there already is replaced.
    public var overwrite: Bool

    public init(
        format: ExportFormat = .jsonLines,
        tables: [String] = [],
        allTables: Bool = false,
        prefix: Key? = nil,
        overwrite: Bool = false
    ) {
        self.format = format
        self.tables = tables
        self.allTables = allTables
        self.prefix = prefix
        self.overwrite = overwrite
    }

    func toNative() -> NativeExportOptions {
        NativeExportOptions(
            format: format, tables: tables, allTables: allTables, prefix: prefix, overwrite: overwrite)
    }
}

/// What an import did.
public typealias Imported = NativeImported

/// What warming did.
public typealias Warmed = NativeWarmed

/// What vacuuming did, in bytes.
public typealias Vacuumed = NativeVacuumed

/// What a checkpoint did, in frames (pages).
public typealias Checkpoint = NativeCheckpoint

/// A callback as the engine calls it, which no error may reach.
final class Watcher: NativeProgress, @unchecked Sendable {
    private let progress: ProgressHandler
    private let lock = NSLock()
    private var thrown: Error?

    init(_ progress: @escaping ProgressHandler) {
        self.progress = progress
    }

    /// What the callback threw.
    var error: Error? {
        lock.lock()
        defer { lock.unlock() }
        return thrown
    }

    /// What a call threw, or what the callback threw, if that ended it.
    func instead(of ended: Error) -> Error {
        if ended is CancellationError || (ended as? DictError)?.kind == .cancelled {
            return error ?? ended
        }
        return ended
    }

    func report(done: UInt64, total: UInt64) -> Bool {
        if error != nil {
            return false
        }
        do {
            try progress(done, total)
            return true
        } catch {
            lock.lock()
            thrown = error
            lock.unlock()
            return false
        }
    }
}

/// Runs native work on whole files that blocks.
func whole<T>(_ progress: ProgressHandler?, _ call: (NativeProgress?) throws -> T) throws -> T {
    let watcher = progress.map { Watcher($0) }
    do {
        return try translated { try call(watcher) }
    } catch {
        throw watcher?.instead(of: error) ?? error
    }
}

/// Runs native work on whole files that suspends. When the task is cancelled the work is told to end, and waited for: then
/// nothing half done is left.
func wholeAwaited<T: Sendable>(
    _ progress: ProgressHandler?, _ call: @Sendable (NativeProgress?, UInt64) async throws -> T
) async throws -> T {
    let watcher = progress.map { Watcher($0) }
    do {
        return try await awaited { try await call(watcher, $0) }
    } catch {
        throw watcher?.instead(of: error) ?? error
    }
}

extension Dict {
    /// Copies the store, all its tables, as of one moment, to a file of its own, while it goes on being used; gives its
    /// bytes. It is a store like any other. Cancelled or failed, it leaves nothing. `progress` is in pages.
    @discardableResult
    public func backup(to dest: String, overwrite: Bool = false, progress: ProgressHandler? = nil) async throws -> UInt64 {
        try await wholeAwaited(progress) {
            try await self.native.backupAsync(dest: dest, overwrite: overwrite, told: $0, ticket: $1)
        }
    }

    /// Puts a copy of the store `source` at `path`, where nobody may have a store open for longer than `timeout` seconds,
    /// and gives its bytes. It is checked before; what was at `path` stays until the copy is whole.
    @discardableResult
    public static func restore(
        from source: String,
        to path: String,
        overwrite: Bool = false,
        timeout: TimeInterval = 30,
        progress: ProgressHandler? = nil
    ) async throws -> UInt64 {
        try await wholeAwaited(progress) {
            try await nativeRestoreAsync(
                source: source, path: path, overwrite: overwrite, timeout: timeout, told: $0, ticket: $1)
        }
    }

    /// Writes entries, as of one moment, to a file that is no database, and gives how many; `importFile` reads it.
    /// Versions are not part of it. `progress` is in entries.
    @discardableResult
    public func export(
        to dest: String, _ options: ExportOptions = ExportOptions(), progress: ProgressHandler? = nil
    ) async throws -> UInt64 {
        let given = options.toNative()
        return try await wholeAwaited(progress) {
            try await self.native.exportToAsync(dest: dest, options: given, told: $0, ticket: $1)
        }
    }

    /// Reads an export into this store: every entry, or those of `tables`, into the table it came from. The file is read
    /// to its end before anything is written; what goes wrong then leaves the entries that were written, and the
    /// error says how many. `progress` is in bytes read.
    @discardableResult
    public func importFile(
        _ source: String,
        onConflict: OnConflict = .replace,
        tables: [String] = [],
        progress: ProgressHandler? = nil
    ) async throws -> Imported {
        try await wholeAwaited(progress) {
            try await self.native.importFromAsync(
                source: source, tables: tables, onConflict: onConflict, told: $0, ticket: $1)
        }
    }

    /// Reads entries, all or those with `prefix`, into the cache until it is full. `progress` is in entries.
    @discardableResult
    public func warm(prefix: Key? = nil, progress: ProgressHandler? = nil) async throws -> Warmed {
        try await wholeAwaited(progress) {
            try await self.native.warmAsync(prefix: prefix, told: $0, ticket: $1)
        }
    }

    /// Writes the database anew, without the room that deleted entries left. Writes wait in memory meanwhile.
    @discardableResult
    public func vacuum() async throws -> Vacuumed {
        try await awaited { try await self.native.vacuumAsync(ticket: $0) }
    }

    /// Commits what is pending, and moves the write-ahead log into the database as far as readers allow.
    @discardableResult
    public func checkpoint() async throws -> Checkpoint {
        try await awaited { try await self.native.checkpointAsync(ticket: $0) }
    }

    /// Reads all of the file and gives what is wrong with it, in words; nothing when nothing is.
    public func integrityCheck() async throws -> [String] {
        try await awaited { try await self.native.integrityCheckAsync(ticket: $0) }
    }
}

extension BlockingDict {
    /// See `Dict.backup`.
    @discardableResult
    public func backup(to dest: String, overwrite: Bool = false, progress: ProgressHandler? = nil) throws -> UInt64 {
        try whole(progress) { try native.backup(dest: dest, overwrite: overwrite, told: $0) }
    }

    /// See `Dict.restore`.
    @discardableResult
    public static func restore(
        from source: String,
        to path: String,
        overwrite: Bool = false,
        timeout: TimeInterval = 30,
        progress: ProgressHandler? = nil
    ) throws -> UInt64 {
        try whole(progress) {
            try nativeRestore(source: source, path: path, overwrite: overwrite, timeout: timeout, told: $0)
        }
    }

    /// See `Dict.export`.
    @discardableResult
    public func export(
        to dest: String, _ options: ExportOptions = ExportOptions(), progress: ProgressHandler? = nil
    ) throws -> UInt64 {
        try whole(progress) { try native.exportTo(dest: dest, options: options.toNative(), told: $0) }
    }

    /// See `Dict.importFile`.
    @discardableResult
    public func importFile(
        _ source: String,
        onConflict: OnConflict = .replace,
        tables: [String] = [],
        progress: ProgressHandler? = nil
    ) throws -> Imported {
        try whole(progress) {
            try native.importFrom(source: source, tables: tables, onConflict: onConflict, told: $0)
        }
    }

    /// See `Dict.warm`.
    @discardableResult
    public func warm(prefix: Key? = nil, progress: ProgressHandler? = nil) throws -> Warmed {
        try whole(progress) { try native.warm(prefix: prefix, told: $0) }
    }

    /// See `Dict.vacuum`.
    @discardableResult
    public func vacuum() throws -> Vacuumed {
        try translated { try native.vacuum() }
    }

    /// See `Dict.checkpoint`.
    @discardableResult
    public func checkpoint() throws -> Checkpoint {
        try translated { try native.checkpoint() }
    }

    /// See `Dict.integrityCheck`.
    public func integrityCheck() throws -> [String] {
        try translated { try native.integrityCheck() }
    }
}
