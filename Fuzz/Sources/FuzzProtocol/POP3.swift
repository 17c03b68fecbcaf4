import LMTPCore
import MailCore
@testable import POP3Core

/// POP3: lines, the session's states under any commands, and messages that come out of their dots as they went in.
func fuzzPOP3(_ input: FuzzInput) {
    var input = input
    let (first, second) = input.halves()
    let all = first + second
    checkMessage(first, second)

    var state = POP3SessionState(offersTLS: all.count % 2 == 0, allowsPasswords: all.count % 3 != 0)
    var rest = all[...]
    while case .line(let length, let consumed) = POP3Line.find(in: Array(rest).span) {
        need(length < consumed && consumed <= rest.count && length <= POP3Line.maximumCommand)
        run(Array(rest.prefix(length)), &state)
        rest = rest.dropFirst(consumed)
    }
    run(all, &state)
}

private func run(_ line: [UInt8], _ state: inout POP3SessionState) {
    guard let command = try? POP3Command(line: line.span) else { return }
    let before = state.maildrop
    switch state.received(command) {
    case .reply(let response):
        var out: [UInt8] = []
        response.encode(into: &out)
        checkLine(out)
    case .checkPassword(let user, let password):
        need(!user.isEmpty && !password.contains(0))
        if password.count % 2 == 0 { state.loggedIn(sizes: [10, 20, .max]) } else { state.refused() }
    case .authenticate(let mechanism, _):
        need(mechanism.unicodeScalars.count <= 20)
        state.loggedIn(sizes: [1])
    case .capabilities(let capabilities):
        need(!capabilities.lines(mechanisms: ["PLAIN"]).contains { $0.hasPrefix(".") })
    case .startTLS:
        need(before == nil)
        state.startedTLS()
    case .uniqueID(let index), .send(let index, _):
        guard let before else { fail("no messages") }
        need(before.sizes.indices.contains(index) && !before.isDeleted(index))
    case .quit(let removing):
        need(removing == before?.deletedIndices ?? [])
    case .mechanisms, .listSizes, .listUniqueIDs: break
    }
    if let drop = state.maildrop { need(drop.count + drop.deletedIndices.count == drop.sizes.count) }
}

private func checkMessage(_ first: [UInt8], _ second: [UInt8]) {
    let message = first + second
    var sent: [UInt8] = []
    var stuffer = DotStuffer()
    first.withUnsafeBytes { stuffer.encode($0, into: &sent) }
    second.withUnsafeBytes { stuffer.encode($0, into: &sent) }
    stuffer.finish(into: &sent)
    var whole: [UInt8] = []
    var other = DotStuffer()
    message.withUnsafeBytes { other.encode($0, into: &whole) }
    other.finish(into: &whole)
    same(sent, whole, "dots in pieces")
    // A client that takes only CRLF for a line end gets what was sent, but for dots behind a lone LF.
    guard !hasDotBehindLoneLF(message) else { return }
    var back: [UInt8] = []
    var decoder = DotDecoder()
    let used = decoder.decode(sent.span, into: &back)
    need(decoder.isEnded && used == sent.count, "a message ends early")
    let isWhole = message.isEmpty || message.suffix(2) == [0x0D, 0x0A]
    same(back, isWhole ? message : message + [0x0D, 0x0A], "a message")

    message.withUnsafeBytes { bytes in
        var last = 0
        for lines in [0, 1, 2, 5, bytes.count] {
            let length = TopLines.length(of: bytes, lines: lines)
            need(length >= last && length <= bytes.count)
            last = length
        }
        need(last == bytes.count)
    }
}

private func hasDotBehindLoneLF(_ message: [UInt8]) -> Bool {
    for index in message.indices.dropLast() where message[index] == 0x0A && message[index + 1] == UInt8(ascii: ".") {
        if index == 0 || message[index - 1] != 0x0D { return true }
    }
    return false
}
