import CLinux
import Glibc

/// The mail role's way to the submit role. Waits for it: on threads of its own.
public struct SubmitClient: Sendable {
    /// What came of handing a mail over.
    public enum Outcome: Hashable, Sendable {
        case fate(HandoverFate)
        /// The submit role was not reached, or not given all of the mail: it is not sent. Why.
        case unreached(String)
        /// The submit role has the mail, and its answer did not come: it is to be asked.
        case lost
    }

    private let path: String

    /// Seconds for the submit role's answer: above what an MTA may take for its own.
    private static let patience: CInt = 3600

    /// - Parameter path: the submit role's socket.
    public init(_ path: String) { self.path = path }

    /// - Parameters:
    ///   - arguments: sendmail's: `-i -f SENDER -- RECIPIENT`.
    ///   - next: the next piece of the message, with the line ends of Unix; empty at its end.
    public func send(_ id: HandoverID, _ arguments: [String], _ next: () -> [UInt8]) -> Outcome {
        let connection = self.connect()
        guard connection >= 0 else { return .unreached("submit role: \(String(cString: strerror(-connection)))") }
        defer { close(connection) }
        var fits = SubmitStream.writeAll(connection, SubmitStream.head(.send, id, arguments), isSocket: true)
        while fits {
            let piece = next()
            guard !piece.isEmpty else { break }
            fits = SubmitStream.writeAll(connection, SubmitStream.length(piece.count) + piece, isSocket: true)
        }
        if fits {
            // From the last of these octets on the mail may be on its way.
            if !SubmitStream.writeAll(connection, SubmitStream.length(0), isSocket: true) { return .lost }
        }
        // Also who does not want to read more says why.
        guard let fate = self.answer(connection) else { return fits ? .lost : .unreached("submit role ended") }
        return .fate(fate)
    }

    /// What became of a mail. `nil` when the submit role cannot say now.
    public func fate(of id: HandoverID) -> HandoverFate? {
        let connection = self.connect()
        guard connection >= 0 else { return nil }
        defer { close(connection) }
        guard SubmitStream.writeAll(connection, SubmitStream.head(.fate, id, []), isSocket: true) else { return nil }
        return self.answer(connection)
    }

    private func answer(_ connection: CInt) -> HandoverFate? {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while answer.count <= SubmitStream.maximumText + 2 {
            let count = read(connection, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            answer.append(contentsOf: buffer[..<count])
        }
        return SubmitStream.fate(answer)
    }

    /// The negative errno on failure.
    private func connect() -> CInt { martlet_connect_unix(self.path, 0, Self.patience * 1000) }
}
