import IMAPCore
import MailCore
import ServerCore

extension Session {
    /// Reads and runs commands until LOGOUT or too many mistakes.
    func converse() async throws(ConnectionError) {
        while !self.machine.isLoggedOut, !self.machine.isUnauthenticated, self.endReason == nil {
            switch self.nextStep() {
            case .needMore:
                try await self.connection.flush()
                if self.notifications == nil {
                    try await self.readMoreOrRest()
                    if self.waiting != nil { return }
                } else {
                    try await self.readMoreNotified()
                }
                continue
            case .sendContinuation:
                self.write { $0.continuation("OK".utf8) }
                continue
            case .command(let command):
                if self.endIfMoved() { return }
                try await self.execute(command)
                if self.endIfMoved() { return }
                if let tag = self.idleTag {
                    // From here and not from inside the command: what waits for hours has a short stack.
                    self.idleTag = nil
                    try await self.idle(tag)
                    if self.waiting != nil { return }
                }
            case .append(let append):
                if self.endIfMoved() { return }
                let before = self.badCommands
                try await self.append(append)
                self.forgive(since: before)
                if self.endIfMoved() { return }
            case .appendNext, .appendPart, .appendEnd:
                // Only `append` asks for these, and it takes them all.
                preconditionFailure("a message without its APPEND")
            case .failed(let error):
                self.answer(error)
            }
            try await self.connection.flushIfLarge()
            if let reason = self.connection.shutdownReason { throw ConnectionError(.shutdown, reason.text) }
            await self.connection.shareLoop()
        }
    }

    /// The parser's next step over the unread input.
    func nextStep() -> CommandParser.Step {
        var consumed = 0
        var parser = CommandParser()
        swap(&parser, &self.parser)
        let step = self.connection.withInput { parser.next($0, consumed: &consumed) }
        swap(&parser, &self.parser)
        self.connection.consume(consumed)
        return step
    }

    /// The next line that is no command, without its line end; `nil` when it is too long.
    func readLine() async throws(ConnectionError) -> [UInt8]? {
        while true {
            switch self.nextLine() {
            case .needMore:
                try await self.connection.flush()
                try await self.connection.readMore()
            case .line(let line): return line
            case .tooLong: return nil
            }
        }
    }

    /// The parser's look at the unread input for a line that is no command.
    func nextLine() -> CommandParser.LineStep {
        var consumed = 0
        var parser = CommandParser()
        swap(&parser, &self.parser)
        let step = self.connection.withInput { parser.nextLine($0, consumed: &consumed) }
        swap(&parser, &self.parser)
        self.connection.consume(consumed)
        return step
    }

    /// Answers a command that could not be read.
    func answer(_ error: CommandError) {
        self.write { $0.failed(error) }
        switch error.recovery {
        case .nextCommand: self.countBadCommand()
        case .close:
            self.end(.tooBig, "Too much input")
        }
    }

    /// Answers a command that is well-formed but wrong here.
    func bad(_ tag: Tag, _ text: StaticString) {
        self.write { $0.tagged(tag, .bad, text) }
        self.countBadCommand()
    }

    func bad(_ tag: Tag, _ code: ResponseCode, _ text: StaticString) {
        self.write { $0.tagged(tag, .bad, code, text) }
        self.countBadCommand()
    }

    /// Starts to count bad commands anew after one that was none; `before`: how many there had been ahead of it.
    func forgive(since before: Int) {
        if self.badCommands == before { self.badCommands = 0 }
    }

    private func countBadCommand() {
        self.badCommands += 1
        // Before the login nobody needs many tries.
        let maximum = self.machine.isAuthenticated ? self.settings.maximumBadCommands : 10
        guard self.badCommands >= maximum, self.endReason == nil else { return }
        self.end(.clientBug, "Too many invalid commands")
    }
}
