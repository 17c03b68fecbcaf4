@testable import LMTPCore
import MailCore

/// LMTP: lines and data cut anywhere mean the same, an address that was read is written so that it reads the same, and
/// an answer is lines that a client can tell apart.
func fuzzLMTP(_ input: FuzzInput) {
    var input = input
    let (first, second) = input.halves()
    let all = first + second
    let whole = decode([all])
    same(decode([first, second]), whole, "data in two pieces")
    same(decode(all.map { [$0] }), whole, "data octet by octet")
    need(whole.used <= all.count && whole.octets.count <= whole.used)
    checkStuffed(all)

    var rest = all[...]
    while case .line(let length, let consumed) = LMTPLine.find(in: Array(rest).span) {
        need(length < consumed && consumed <= rest.count && length <= LMTPLine.maximumLength)
        check(Array(rest.prefix(length)))
        rest = rest.dropFirst(consumed)
    }
    check(all)
}

private struct Decoded: Equatable {
    var octets: [UInt8] = []
    var used = 0
    var isEnded = false
}

private func decode(_ pieces: [[UInt8]]) -> Decoded {
    var decoder = DotDecoder()
    var out = Decoded()
    for piece in pieces {
        let used = decoder.decode(piece.span, into: &out.octets)
        out.used += used
        need(used == piece.count || decoder.isEnded)
        if decoder.isEnded { break }
    }
    out.isEnded = decoder.isEnded
    return out
}

/// A client's dots: what it stuffs is what comes out.
private func checkStuffed(_ message: [UInt8]) {
    var data: [UInt8] = []
    var isLineStart = true
    var previous: UInt8 = 0
    for byte in message {
        if isLineStart, byte == UInt8(ascii: ".") { data.append(byte) }
        data.append(byte)
        isLineStart = previous == 0x0D && byte == 0x0A
        previous = byte
    }
    if !isLineStart { data += [0x0D, 0x0A] }
    let expected = isLineStart ? message : message + [0x0D, 0x0A]
    data += Array(".\r\n".utf8)
    same(decode([data + Array("QUIT".utf8)]), Decoded(octets: expected, used: data.count, isEnded: true), "dots")
}

private func check(_ line: [UInt8]) {
    let command: LMTPCommand
    do throws(LMTPCommandError) { command = try LMTPCommand(line: line.span) } catch {
        var out: [UInt8] = []
        error.reply.encode(into: &out)
        checkLine(out)
        return
    }
    switch command {
    case .mail(let path, _):
        let again = "MAIL FROM:" + path.text
        guard case .mail(let second, _) = try? LMTPCommand(line: Array(again.utf8).span) else {
            fail("a path was written that cannot be read: \(again)")
        }
        need(second == path)
    case .rcpt(let address, let original):
        for address in [address, original ?? address] where !address.localPart.isEmpty {
            let again = "RCPT TO:<\(address.quoted)>"
            guard case .rcpt(let second, _) = try? LMTPCommand(line: Array(again.utf8).span) else {
                fail("an address was written that cannot be read: \(again)")
            }
            same(second, address, "an address")
            let split = address.separated(by: "+-")
            need(split.address.domain == address.domain && !split.address.localPart.isEmpty)
        }
    case .deliver(let delivery):
        guard case .deliver(let second) = try? LMTPCommand(line: Array(delivery.line.utf8).span) else {
            fail("XDELIVER was written that cannot be read: \(delivery.line)")
        }
        same(second, delivery, "XDELIVER")
    case .lhlo(let domain):
        need(domain.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
    case .hello, .data, .bdat, .rset, .noop, .vrfy, .help, .startTLS, .quit: break
    }
}
