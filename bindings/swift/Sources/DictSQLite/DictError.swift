import Foundation

/// The one error of this library. A task that is cancelled sees `CancellationError` instead, or gets the
/// result if it was too late.
public struct DictError: Error, Equatable, Sendable {
    /// What went wrong, coarse enough to act on.
    public let kind: ErrorKind
    /// What happened and what to do about it.
    public let detail: String
    /// The key concerned.
    public let key: Key?
    /// True when changes that were asked for are no longer in the log: read the state as it is and go on from there.
    public internal(set) var isHistoryTruncated = false

    /// True when the same operation may succeed later without any change by the caller.
    public var isTransient: Bool {
        switch kind {
        case .busy, .full, .io, .timeout, .conflict: return true
        default: return false
        }
    }
}

extension DictError: LocalizedError {
    public var errorDescription: String? { detail }
}

/// Runs a native call; what it throws becomes a `DictError`.
func translated<T>(_ call: () throws -> T) throws -> T {
    do {
        return try call()
    } catch NativeError.Failed(let kind, let detail, let key, let truncated) {
        throw DictError(kind: kind, detail: detail, key: key, isHistoryTruncated: truncated)
    }
}

/// Runs a native call that suspends. It is given a ticket, by which the task's cancellation reaches the engine:
/// an operation that is not accepted yet is withdrawn.
func awaited<T: Sendable>(_ call: @Sendable (UInt64) async throws -> T) async throws -> T {
    let ticket = newTicket()
    defer { freeTicket(ticket: ticket) }
    return try await withTaskCancellationHandler {
        do {
            return try await call(ticket)
        } catch NativeError.Failed(let kind, let detail, let key, let truncated) {
            if kind == .cancelled && Task.isCancelled {
                throw CancellationError()
            }
            throw DictError(kind: kind, detail: detail, key: key, isHistoryTruncated: truncated)
        }
    } onCancel: {
        cancelTicket(ticket: ticket)
    }
}
