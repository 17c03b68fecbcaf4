import Glibc
@testable import Submission
import Threads

/// What the two roles say to each other: what is read is written so that it reads the same.
func fuzzHandover(_ input: FuzzInput) {
    let octets = input.octets
    if let (verb, id, arguments) = SubmitStream.parse(octets) {
        need(arguments.count <= octets.count)
        let written = SubmitStream.head(verb, id, arguments)
        guard let (otherVerb, otherID, others) = SubmitStream.parse(Array(written.dropFirst(4))) else {
            fail("written and not read again")
        }
        need(otherVerb == verb && otherID == id)
        same(others, arguments, "arguments")
    }
    if let fate = SubmitStream.fate(octets) {
        let written = SubmitStream.octets(fate)
        need(written.count <= SubmitStream.maximumText + 2)
        if octets.count <= 300 { same(SubmitStream.fate(written), fate, "a fate") }
    }
}

/// An MTA that answers anything: it ends, in success or a failure with one of two statuses. And a message on the wire is
/// the one of the file, with one end, behind its last line.
func fuzzSMTP(_ input: FuzzInput) {
    var input = input
    let (answers, message) = input.halves()
    var ends: [CInt] = [0, 0]
    need(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0, "socketpair")
    defer { close(ends[1]) }
    need(write(ends[1], answers, answers.count) == answers.count, "write")
    shutdown(ends[1], CInt(SHUT_WR))
    var connection = SMTPConnection(ends[0], SteadyClock.milliseconds() + 10_000)
    defer { connection.close() }
    do throws(SMTPSubmission.Failure) {
        _ = try connection.reply(220)
        for line in try connection.command("EHLO fuzz.example", 250) { need(!line.contains("\n")) }
        _ = try connection.command("MAIL FROM:<a@b.example>", 250, 251)
    } catch {
        need(error.status == 69 || error.status == 75, "status \(error.status)")
    }

    var pair: [CInt] = [0, 0]
    need(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0, "socketpair")
    let file = temporaryFile(message)
    var sender = SMTPConnection(pair[0], SteadyClock.milliseconds() + 10_000)
    var wire: [UInt8] = []
    do throws(SMTPSubmission.Failure) { wire = try sender.sendMessage(file) } catch { fail(error.text) }
    close(file)
    sender.close()
    var data: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(pair[1], &piece, piece.count), count > 0 { data += piece[..<count] }
    close(pair[1])
    data += wire
    // As a receiver reads it (RFC 5321 section 4.5.2): a line ends with CR LF, and no LF stands alone.
    var lines: [[UInt8]] = [[]]
    for (index, octet) in data.enumerated() {
        if octet != 0x0A {
            lines[lines.count - 1].append(octet)
            continue
        }
        need(index > 0 && data[index - 1] == 0x0D, "a line feed alone")
        lines[lines.count - 1].removeLast()
        lines.append([])
    }
    need(lines.popLast() == [] && lines.popLast() == [0x2E], "no end")
    var read: [UInt8] = []
    for line in lines {
        need(line != [0x2E], "an end before the end")
        read += (line.first == 0x2E ? line.dropFirst() : line[...]) + [0x0D, 0x0A]
    }
    var expected: [UInt8] = []
    for octet in message {
        if octet == 0x0A, expected.last != 0x0D { expected.append(0x0D) }
        expected.append(octet)
    }
    if !expected.isEmpty, expected.last != 0x0A { expected += [0x0D, 0x0A] }
    same(read, expected, "the message")
}

private func temporaryFile(_ octets: [UInt8]) -> CInt {
    var name = Array("/dev/shm/martlet-fuzz-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    need(descriptor >= 0, "mkstemp")
    unlink(name)
    need(write(descriptor, octets, octets.count) == octets.count, "write")
    lseek(descriptor, 0, SEEK_SET)
    return descriptor
}
