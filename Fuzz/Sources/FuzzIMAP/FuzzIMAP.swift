import IMAPCore

/// Feeds any octets to the command parser and asserts what must hold for all of them: cutting the input
/// elsewhere changes nothing, an answer to a mistake is one line, and sets survive being written and read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzIMAP(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size > 1 else { return 0 }
    // The first octet says where the rest is cut.
    let cut = min(Int(data[0]), size - 1)
    let input = Array(UnsafeBufferPointer(start: data + 1, count: size - 1))
    let whole = steps([input])
    let parts = steps([Array(input[..<cut]), Array(input[cut...])])
    precondition(whole == parts, "cutting the input changes what it says")
    for step in whole {
        switch step {
        case .failed(let error):
            var encoder = ResponseEncoder()
            encoder.failed(error)
            let line = encoder.bytes
            precondition(line.suffix(2) == [0x0D, 0x0A] && !line.dropLast(2).contains(where: { $0 < 0x20 }))
        case .command(let command):
            check(command)
        case .append, .appendNext, .appendPart, .appendEnd, .sendContinuation, .needMore:
            break
        }
    }
    return 0
}

private func check(_ command: TaggedCommand) {
    precondition(!command.tag.bytes.isEmpty)
    guard case .fetch(let fetch) = command.command else { return }
    // What a FETCH asked for can be asked for again in the words of its answer.
    var text: [UInt8] = [0x61, 0x20]
    text.append(contentsOf: "FETCH ".utf8)
    fetch.messages.encode(into: &text)
    text.append(contentsOf: " UID\r\n".utf8)
    guard case .command(let again) = steps([text]).first, case .fetch(let second) = again.command else {
        preconditionFailure("a set was written that cannot be read")
    }
    precondition(second.messages == fetch.messages)
    for range in fetch.messages.resolved(largest: 100) { precondition(range.lowerBound > 0) }
}

/// Every step of a session that takes messages of APPEND as they come.
private func steps(_ chunks: [[UInt8]]) -> [CommandParser.Step] {
    var limits = CommandLimits()
    limits.lineLength = 2048
    limits.literalSize = 256
    limits.discardedLiteralSize = 1024
    var parser = CommandParser(limits: limits)
    var out: [CommandParser.Step] = []
    for chunk in chunks {
        var consumed = 0
        while true {
            let wanted = min(parser.messageRemaining, UInt64(chunk.count - consumed))
            parser.tookMessageOctets(Int(wanted))
            consumed += Int(wanted)
            let step = parser.next(chunk.span, consumed: &consumed)
            if step == .needMore { break }
            out.append(step)
            if case .failed(let error) = step, error.recovery == .close { return out }
        }
    }
    return out
}
