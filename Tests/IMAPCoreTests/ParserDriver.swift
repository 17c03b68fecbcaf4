@testable import IMAPCore

/// What came out of the parser, with the octets of APPEND's messages put together.
enum Event: Hashable, CustomStringConvertible {
    case step(CommandParser.Step)
    case message([UInt8])

    var description: String {
        switch self {
        case .step(let step): "\(step)"
        case .message(let bytes): "message(\(String(decoding: bytes, as: UTF8.self)))"
        }
    }
}

/// Feeds `chunks` one after the other, as a session would.
func drive(_ chunks: [[UInt8]], limits: CommandLimits = CommandLimits()) -> [Event] {
    var parser = CommandParser(limits: limits)
    var events: [Event] = []
    var message: [UInt8]?
    func flush() {
        if let bytes = message { events.append(.message(bytes)) }
        message = nil
    }
    for chunk in chunks {
        var consumed = 0
        while true {
            let wanted = parser.messageRemaining
            if wanted > 0 {
                let count = min(Int(clamping: wanted), chunk.count - consumed)
                message = (message ?? []) + chunk[consumed..<consumed + count]
                consumed += count
                parser.tookMessageOctets(count)
                if parser.messageRemaining > 0 { break }
                flush()
            }
            let step = parser.next(chunk.span, consumed: &consumed)
            if step == .needMore {
                if parser.messageRemaining > 0 { continue }
                break
            }
            events.append(.step(step))
            if case .failed(let error) = step, error.recovery == .close { return events }
        }
    }
    flush()
    return events
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The events of `input` whole, and the same whatever way it is cut.
func events(_ input: String, limits: CommandLimits = CommandLimits()) -> (whole: [Event], differing: Int?) {
    let octets = bytes(input)
    let whole = drive([octets], limits: limits)
    if drive(octets.map { [$0] }, limits: limits) != whole { return (whole, -1) }
    for cut in 0...octets.count
    where drive([Array(octets[..<cut]), Array(octets[cut...])], limits: limits) != whole {
        return (whole, cut)
    }
    return (whole, nil)
}

func command(_ tag: String, _ command: Command) -> Event {
    .step(.command(TaggedCommand(tag: Tag(unchecked: bytes(tag)), command: command)))
}

func box(_ name: String) -> WireMailboxName { WireMailboxName(bytes(name)) }

func set(_ elements: (UInt32, UInt32)...) -> SequenceSet {
    SequenceSet(elements.map { SequenceSet.Element(first: $0.0, last: $0.1) })
}
