/// APPEND: its messages are taken by the caller, its lines are read one by one.
extension CommandParser {
    /// Octets of the message that the caller has still to take; 0 outside of a message.
    public var messageRemaining: UInt64 {
        // Its turn has not come.
        guard self.appendSteps.isEmpty else { return 0 }
        switch self.state {
        case .message(let remaining): return remaining
        case .line, .literal, .discarding: return 0
        }
    }

    /// The caller took `count` octets, at most `messageRemaining`.
    public mutating func tookMessageOctets(_ count: Int) {
        guard case .message(let remaining) = self.state else {
            precondition(count == 0, "no message is being taken")
            return
        }
        precondition(count >= 0 && UInt64(count) <= remaining, "more octets than the message has")
        let rest = remaining - UInt64(count)
        self.state = rest == 0 ? .line : .message(remaining: rest)
    }

    /// Ends an APPEND whose synchronizing literal was refused: the client will not send it.
    public mutating func abandonAppend() { self.reset() }

    /// The first line of APPEND or REPLACE behind the command's name; `literal` stands at its end if any does.
    mutating func beginAppend(
        _ cursor: inout Cursor, _ form: Cursor.AppendForm, _ tag: Tag, _ literal: LiteralHeader?
    ) throws(SyntaxError) -> Step {
        let (mailbox, replaced) = try cursor.appendHead(form)
        var state = AppendState(isReplace: replaced != nil)
        let words = try cursor.appendLine(&state)
        return self.appendSteps(words, state, tag, literal) { message in
            .append(AppendCommand(tag: tag, mailbox: mailbox, message: message, replaced: replaced))
        }
    }

    /// A further line of APPEND.
    mutating func nextAppendLine(_ literal: LiteralHeader?, _ tag: Tag) -> Step? {
        var cursor = Cursor(
            self.buffer, limits: self.limits, isPartial: literal != nil, checksUTF8: self.checksUTF8)
        var state = self.appendState
        do throws(SyntaxError) {
            return self.appendSteps(try cursor.appendLine(&state), state, tag, literal, first: nil)
        } catch {
            guard let literal else { return self.fail(self.error(error, tag)) }
            if cursor.pendingLiteral != nil, error.code == .syntax { return self.gatherLiteral(literal, tag) }
            return self.refuse(literal, self.error(error, tag))
        }
    }

    /// The steps of a line. The first is answered, the others wait.
    private mutating func appendSteps(
        _ words: [Cursor.AppendWord], _ state: AppendState, _ tag: Tag, _ literal: LiteralHeader?,
        first: ((AppendMessage) -> Step)?
    ) -> Step {
        var steps: [Step] = []
        for word in words {
            switch word {
            case .message(let message):
                steps.append(steps.isEmpty ? first?(message) ?? .appendNext(message) : .appendNext(message))
            case .part(let part): steps.append(.appendPart(part))
            case .end: steps.append(.appendEnd)
            }
        }
        let (lineOctets, discardedOctets) = (self.lineOctets, self.discardedOctets)
        self.reset()
        if let literal {
            // These bound the whole command.
            self.lineOctets = lineOctets
            self.discardedOctets = discardedOctets
            self.appendTag = tag
            self.appendState = state
            self.state = literal.size == 0 ? .line : .message(remaining: literal.size)
        }
        let step = steps.removeFirst()
        self.appendSteps = steps
        return step
    }
}
