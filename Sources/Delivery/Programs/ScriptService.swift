import CLinux
import Glibc
import MailCore
import MailStore

/// A program behind a socket, as Dovecot's script service offers it.
///
/// ```
/// C: VERSION<TAB>script<TAB>4<TAB>0
/// C: env_NAME=value            (any number)
/// C: -
/// C: argument                  (any number)
/// C:
/// C: input, then the end of what is sent
/// S: output, then "+" or "-" and a line end: whether it ended well
/// ```
/// Texts in lines are escaped as Dovecot escapes TAB-separated ones.
struct ScriptService {
    var path: String
    var arguments: [[UInt8]]
    var environment: [String]
    var timeout: Duration
    var maximumOutput: Int

    /// `.temporary` when nobody answers in time or the answer has no end.
    func run(
        _ input: consuming ProgramInput, until interruption: ScriptInterruption = ScriptInterruption()
    ) throws(StoreError) -> ChildProgram.Ending {
        ChildProgram.blockBrokenPipeSignal()
        var socket = try self.connect()
        defer { ChildProgram.closeOnce(&socket) }
        let deadline = ContinuousClock.now + self.timeout
        var ending = ChildProgram.Ending(status: 0, output: [], isCut: false, complaint: [])
        var piece = self.head
        var offset = 0
        var isSending = true
        while true {
            let left = deadline - ContinuousClock.now
            if interruption.isInterrupted { throw StoreError(.temporary, "\(self.path) was interrupted") }
            guard left > .zero else {
                throw StoreError(.temporary, "\(self.path) gave no answer within \(self.timeout)")
            }
            let events = isSending ? Int16(POLLIN) | Int16(POLLOUT) : Int16(POLLIN)
            var polled = pollfd(fd: socket, events: events, revents: 0)
            poll(&polled, 1, CInt(clamping: min(250, left.components.seconds * 1000 + 1000)))
            if polled.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0,
                ChildProgram.read(socket, into: &ending.output, self.maximumOutput + 2, &ending.isCut)
            {
                return try self.ended(ending)
            }
            guard isSending, polled.revents & Int16(POLLOUT) != 0 else { continue }
            if offset == piece.count {
                piece = input.next()
                offset = 0
            }
            guard !piece.isEmpty else {
                isSending = false
                shutdown(socket, CInt(SHUT_WR))
                continue
            }
            let written = piece.withUnsafeBytes { bytes in
                write(socket, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if written > 0 {
                offset += written
            } else if written < 0, errno != EAGAIN, errno != EINTR {
                isSending = false
            }
        }
    }

    private func ended(_ ending: ChildProgram.Ending) throws(StoreError) -> ChildProgram.Ending {
        var ending = ending
        guard !ending.isCut else { return ending }
        guard ending.output.popLast() == 0x0A, let result = ending.output.popLast() else {
            throw StoreError(.temporary, "\(self.path) ended the connection without a result")
        }
        ending.status = result == UInt8(ascii: "+") ? 0 : 1
        return ending
    }

    private var head: [UInt8] {
        var head = Array("VERSION\tscript\t4\t0\n".utf8)
        for variable in self.environment {
            head += "env_".utf8
            Self.append(Array(variable.utf8), to: &head)
        }
        head += "-\n".utf8
        for argument in self.arguments { Self.append(argument, to: &head) }
        head.append(0x0A)
        return head
    }

    private static func append(_ text: [UInt8], to line: inout [UInt8]) {
        for byte in text {
            switch byte {
            case 0x00: line += [0x01, UInt8(ascii: "0")]
            case 0x01: line += [0x01, UInt8(ascii: "1")]
            case 0x09: line += [0x01, UInt8(ascii: "t")]
            case 0x0D: line += [0x01, UInt8(ascii: "r")]
            case 0x0A: line += [0x01, UInt8(ascii: "n")]
            default: line.append(byte)
            }
        }
        line.append(0x0A)
    }

    private func connect() throws(StoreError) -> CInt {
        // Who does not accept would hold the thread for ever: a full queue is waited for as for an answer.
        let patience = max(1, min(self.timeout.components.seconds, 3600)) * 1000
        let descriptor = martlet_connect_unix(self.path, 0, CInt(clamping: patience))
        guard descriptor >= 0 else {
            throw StoreError(.temporary, "connect \(self.path): \(String(cString: strerror(-descriptor)))")
        }
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        return descriptor
    }
}
