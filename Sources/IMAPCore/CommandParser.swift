import MailCore

/// Cuts a client's octets into commands, whatever pieces they arrive in.
///
/// A command's line and its literals are gathered up to `limits` and then read at once. A message of APPEND
/// is never gathered: after `.append` the caller takes `messageRemaining` octets from the connection
/// itself, says so with `tookMessageOctets`, and goes on with `next`.
public struct CommandParser: Sendable {
    /// What the caller has to do.
    public enum Step: Hashable, Sendable {
        /// All input is used up; read more.
        case needMore
        /// Run the command.
        case command(TaggedCommand)
        /// Send a continuation request (`+ OK`), then go on with `next`.
        case sendContinuation
        /// Begin an APPEND; its first message follows. For a synchronizing literal either send a
        /// continuation request or refuse with `abandonAppend`.
        case append(AppendCommand)
        /// Another message of the same APPEND follows (RFC 3502).
        case appendNext(AppendMessage)
        /// The message that CATENATE puts together goes on, or ends where no text is.
        case appendPart(AppendPart)
        /// The APPEND is complete.
        case appendEnd
        /// Answer with what `ResponseEncoder.failed` makes of it; end an APPEND that was under way.
        case failed(CommandError)
    }

    /// One line outside of commands.
    public enum LineStep: Hashable, Sendable {
        case needMore
        /// Without its line end.
        case line([UInt8])
        case tooLong
    }

    enum State: Hashable {
        /// Reading a line of a command.
        case line
        /// Reading octets of a literal into `buffer`.
        case literal(remaining: Int)
        /// The caller takes a message's octets.
        case message(remaining: UInt64)
        /// Reading off a literal of a command that has failed.
        case discarding(remaining: UInt64)
    }

    /// May be changed between commands, after a login for instance.
    public var limits: CommandLimits
    /// Whether octets over 127 in quoted strings have to be UTF-8: once a client has said that it sends it.
    public var checksUTF8 = false

    var state = State.line
    var buffer: [UInt8] = []
    /// Where the current line begins in `buffer`.
    private var lineStart = 0
    var lineOctets = 0
    private var literalOctets = 0
    private var literalCount = 0
    var discardedOctets: UInt64 = 0
    /// The tag of the APPEND under way, once its first message was announced.
    var appendTag: Tag?
    /// Where the current line of APPEND began.
    var appendState = AppendState()
    /// What the last line of APPEND said, still to be answered.
    var appendSteps: [Step] = []
    /// Why the command under way has failed; its rest is read off first.
    private var failure: CommandError?

    public init(limits: CommandLimits = CommandLimits()) { self.limits = limits }

    /// Forgets everything of a command under way, as after STARTTLS.
    public mutating func reset() {
        self.state = .line
        // Idle sessions are many; only a small buffer is worth keeping.
        self.buffer.removeAll(keepingCapacity: self.buffer.capacity <= 512)
        self.lineStart = 0
        self.lineOctets = 0
        self.literalOctets = 0
        self.literalCount = 0
        self.discardedOctets = 0
        self.appendTag = nil
        self.appendState = AppendState()
        self.appendSteps = []
        self.failure = nil
    }

    // MARK: Commands

    /// Reads from `input` at `consumed`, which is moved on, up to the next thing to do.
    public mutating func next(_ input: borrowing Span<UInt8>, consumed: inout Int) -> Step {
        if !self.appendSteps.isEmpty { return self.appendSteps.removeFirst() }
        while true {
            switch self.state {
            case .message:
                return .needMore
            case .literal(let remaining):
                let count = min(remaining, input.count - consumed)
                self.gather(input, consumed..<consumed + count)
                consumed += count
                guard count == remaining else {
                    self.state = .literal(remaining: remaining - count)
                    return .needMore
                }
                self.state = .line
                self.lineStart = self.buffer.count
            case .discarding(let remaining):
                let count = Int(min(remaining, UInt64(input.count - consumed)))
                consumed += count
                guard UInt64(count) == remaining else {
                    self.state = .discarding(remaining: remaining - UInt64(count))
                    return .needMore
                }
                self.state = .line
            case .line:
                switch self.gatherLine(input, &consumed) {
                case .needMore: return .needMore
                case .tooLong: return self.failAndClose(.lineTooLong, "Command line too long")
                case .complete:
                    if let step = self.lineIsComplete() { return step }
                }
            }
        }
    }

    /// Reads one line that is no command: a SASL response, or DONE of IDLE.
    public mutating func nextLine(_ input: borrowing Span<UInt8>, consumed: inout Int) -> LineStep {
        switch self.gatherLine(input, &consumed) {
        case .needMore: return .needMore
        case .tooLong:
            self.reset()
            return .tooLong
        case .complete:
            let line = self.buffer
            self.reset()
            return .line(line)
        }
    }

    private enum Gathered { case needMore, tooLong, complete }

    /// Takes octets up to a line end, which is not kept. A lone LF ends a line too.
    private mutating func gatherLine(_ input: borrowing Span<UInt8>, _ consumed: inout Int) -> Gathered {
        var end = consumed
        // One over the limit is enough to know.
        let stop = min(input.count, consumed + max(0, self.limits.lineLength - self.lineOctets) + 1)
        while end < stop, input[end] != 0x0A { end += 1 }
        let count = end - consumed
        self.lineOctets += count
        guard self.lineOctets <= self.limits.lineLength else {
            // The answer needs the tag, no more.
            if self.buffer.isEmpty {
                self.gather(input, consumed..<min(end, consumed + self.limits.tagLength + 1))
            }
            return .tooLong
        }
        self.gather(input, consumed..<end)
        consumed = end
        guard end < input.count else { return .needMore }
        consumed += 1
        self.lineOctets += 1
        if self.buffer.count > self.lineStart, self.buffer.last == 0x0D { self.buffer.removeLast() }
        return .complete
    }

    private mutating func gather(_ input: borrowing Span<UInt8>, _ range: Range<Int>) {
        input.extracting(range).withUnsafeBufferPointer { self.buffer.append(contentsOf: $0) }
    }

    // MARK: Line ends

    /// A whole line stands in `buffer`; `nil` when its literal is simply to be read.
    private mutating func lineIsComplete() -> Step? {
        guard let literal = self.announcedLiteral() else { return self.commandIsComplete() }
        if let failure = self.failure {
            guard !literal.isSynchronizing else { return self.fail(failure) }
            self.buffer.removeAll()
            self.lineStart = 0
            return self.discard(literal.size, failure)
        }
        if !literal.isSynchronizing, literal.size > self.limits.nonSynchronizingSize {
            return self.refuseUnannounced(literal)
        }
        self.buffer.append(0x0D)
        self.buffer.append(0x0A)
        self.literalCount += 1
        if let tag = self.appendTag { return self.nextAppendLine(literal, tag) }
        return self.commandLiteral(literal)
    }

    /// A literal that LITERAL- wants announced and waited for (RFC 7888 section 5).
    private mutating func refuseUnannounced(_ literal: LiteralHeader) -> Step? {
        var cursor = Cursor(self.buffer, limits: self.limits)
        let tag = self.appendTag ?? self.tag(&cursor)
        return self.refuse(
            literal,
            CommandError(
                code: .literalNotAnnounced, tag: tag, offset: self.buffer.count,
                expected: "Literals of this size must be synchronizing"))
    }

    /// The literal that the current line announces at its end. In no other place can `{n}` stand, but
    /// inside a quoted string, which then lacks its end.
    private func announcedLiteral() -> LiteralHeader? {
        var i = self.buffer.count - 1
        guard i > self.lineStart, self.buffer[i] == UInt8(ascii: "}") else { return nil }
        i -= 1
        let isSynchronizing = self.buffer[i] != UInt8(ascii: "+")
        if !isSynchronizing { i -= 1 }
        let digitsEnd = i
        while i >= self.lineStart, ASCII.isDigit(self.buffer[i]) { i -= 1 }
        guard i >= self.lineStart, i < digitsEnd, self.buffer[i] == UInt8(ascii: "{") else { return nil }
        var size: UInt64 = 0
        for digit in self.buffer[i + 1...digitsEnd] {
            // Longer than anything allowed: the largest value stands for all of them.
            let (product, overflow) = size.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit - 0x30))
            size = overflow || carry ? .max : sum
            if size == .max { break }
        }
        let isBinary = i > self.lineStart && self.buffer[i - 1] == UInt8(ascii: "~")
        return LiteralHeader(size: size, isSynchronizing: isSynchronizing, isBinary: isBinary)
    }

    /// A literal of a command, its header the last thing in `buffer`.
    private mutating func commandLiteral(_ literal: LiteralHeader) -> Step? {
        var cursor = Cursor(self.buffer, limits: self.limits, isPartial: true, checksUTF8: self.checksUTF8)
        guard let tag = self.tag(&cursor) else {
            return self.refuse(literal, self.error(self.tagError(cursor), nil))
        }
        if let form = cursor.takeAppend() {
            do throws(SyntaxError) {
                return try self.beginAppend(&cursor, form, tag, literal)
            } catch {
                guard cursor.pendingLiteral != nil, error.code == .syntax else {
                    return self.refuse(literal, self.error(error, tag))
                }
            }
        } else if literal.isSynchronizing {
            // The client waits for an answer: one look at the command so far tells it of a mistake before
            // it sends the literal.
            do throws(SyntaxError) {
                _ = try cursor.command()
            } catch {
                guard cursor.pendingLiteral != nil else {
                    return self.refuse(literal, self.error(error, tag))
                }
            }
        }
        let isMetadata = cursor.takeSetMetadata()
        return self.gatherLiteral(
            literal, tag, tooBig: isMetadata ? .metadataTooBig(maximum: self.limits.metadataValue) : .literalTooBig)
    }

    /// Reads a literal that belongs to the line.
    mutating func gatherLiteral(
        _ literal: LiteralHeader, _ tag: Tag?, tooBig code: CommandError.Code = .literalTooBig
    ) -> Step? {
        let room = self.limits.literalSize - self.literalOctets
        guard literal.size <= UInt64(max(0, room)), self.literalCount <= self.limits.literalCount else {
            let error = CommandError(
                code: code, tag: tag, offset: self.buffer.count, expected: "Literal too large")
            return self.refuse(literal, error)
        }
        self.literalOctets += Int(literal.size)
        self.state = .literal(remaining: Int(literal.size))
        return literal.isSynchronizing ? .sendContinuation : nil
    }

    /// A line without literal: the command ends here.
    private mutating func commandIsComplete() -> Step {
        if let failure = self.failure { return self.fail(failure) }
        if let tag = self.appendTag, let step = self.nextAppendLine(nil, tag) { return step }
        var cursor = Cursor(self.buffer, limits: self.limits, checksUTF8: self.checksUTF8)
        guard let tag = self.tag(&cursor) else { return self.fail(self.error(self.tagError(cursor), nil)) }
        do throws(SyntaxError) {
            if let form = cursor.takeAppend() { return try self.beginAppend(&cursor, form, tag, nil) }
            return self.finish(.command(TaggedCommand(tag: tag, command: try cursor.command())))
        } catch {
            return self.fail(self.error(error, tag))
        }
    }

    // MARK: Tags and errors

    /// The tag and the space behind it.
    private func tag(_ cursor: inout Cursor) -> Tag? {
        let range = cursor.run(Tag.isTagCharacter)
        guard !range.isEmpty, range.count <= self.limits.tagLength, cursor.take(0x20) else { return nil }
        return Tag(unchecked: Array(cursor.bytes[range]))
    }

    private func tagError(_ cursor: Cursor) -> SyntaxError {
        cursor.position == 0 ? cursor.fail("a tag") : cursor.fail("a space after the tag")
    }

    func error(_ error: SyntaxError, _ tag: Tag?) -> CommandError {
        CommandError(code: error.code, tag: tag, offset: error.offset, expected: error.expected)
    }

    /// Refuses a command at a literal: a synchronizing one will not be sent, any other is read off.
    mutating func refuse(_ literal: LiteralHeader, _ error: CommandError) -> Step? {
        literal.isSynchronizing ? self.fail(error) : self.discard(literal.size, error)
    }

    private mutating func discard(_ size: UInt64, _ error: CommandError) -> Step? {
        let (total, overflow) = self.discardedOctets.addingReportingOverflow(size)
        guard !overflow, total <= self.limits.discardedLiteralSize else {
            var final = error
            final.recovery = .close
            return self.fail(final)
        }
        self.discardedOctets = total
        self.failure = error
        self.buffer.removeAll()
        self.lineStart = 0
        self.state = .discarding(remaining: size)
        return nil
    }

    private mutating func failAndClose(_ code: CommandError.Code, _ text: StaticString) -> Step {
        var cursor = Cursor(self.buffer, limits: self.limits)
        let tag = self.appendTag ?? self.tag(&cursor)
        return self.fail(
            CommandError(
                code: code, tag: tag, offset: self.lineOctets, expected: text, recovery: .close))
    }

    mutating func fail(_ error: CommandError) -> Step { self.finish(.failed(error)) }

    private mutating func finish(_ step: Step) -> Step {
        self.reset()
        return step
    }
}
