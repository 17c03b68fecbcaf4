/// What went wrong with some of several things, while the others went on.
struct Problems {
    private var exit: AdminExit?
    private var messages: [String] = []

    mutating func note(_ error: AdminError) {
        // Another try may help, which is worth more than to know what went wrong first.
        self.exit = error.exit == .temporary ? .temporary : self.exit ?? error.exit
        self.messages.append(error.message)
    }

    /// Throws when there was anything. The last message is told by whoever catches that.
    func tell(_ output: inout some AdminOutput) async throws(AdminError) {
        guard let exit = self.exit, let last = self.messages.last else { return }
        for message in self.messages.dropLast() { try await output.problem(message) }
        throw AdminError(exit, last)
    }

    /// Throws when there was anything, with all that there was.
    func end() throws(AdminError) {
        if let exit = self.exit { throw AdminError(exit, self.messages.joined(separator: "; ")) }
    }
}
