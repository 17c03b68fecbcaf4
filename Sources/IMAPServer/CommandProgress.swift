import IMAPCore
import MailSearch
import MailStore
import ServerCore

/// How far a command is that may take long (RFC 9585).
struct CommandProgress {
    let tag: Tag
    /// A search has one, SORT another for its headers, ESEARCH one for each mailbox; 0 when nothing is counted.
    let stages: Int
    private var stage = -1
    private var done = 0
    private var total = 0
    var ticks: Ticks?

    /// What a stage counts for when there are several, whose sizes are not known from the beginning: the total shall
    /// stay the same during a command.
    private static let unit = 1000

    init(_ tag: Tag, stages: Int) {
        self.tag = tag
        self.stages = stages
    }

    /// The next stage begins: so many messages to look at.
    mutating func begin(of total: Int) {
        self.stage = min(self.stage + 1, self.stages - 1)
        self.done = 0
        self.total = total
    }

    /// So many stages are behind, whether or not each of them has begun.
    mutating func skip(to stage: Int) {
        self.stage = min(stage, self.stages) - 1
        self.done = 1
        self.total = 1
    }

    mutating func count(_ done: Int) { self.done = min(max(0, done), self.total) }

    var code: ResponseCode {
        guard self.stage >= 0, self.stages > 0 else { return .inProgress(self.tag, done: nil, total: nil) }
        guard self.stages > 1 else { return self.code(self.done, of: self.total) }
        let part = self.total > 0 ? Int(Double(Self.unit) * Double(self.done) / Double(self.total)) : 0
        return self.code(self.stage * Self.unit + part, of: self.stages * Self.unit)
    }

    /// A command that is not done has not reached its total.
    private func code(_ done: Int, of total: Int) -> ResponseCode {
        guard total > 0 else { return .inProgress(self.tag, done: nil, total: nil) }
        let done = max(0, min(done, total - 1))
        return .inProgress(self.tag, done: UInt32(clamping: done), total: UInt32(clamping: total))
    }
}

extension Session {
    /// From now on, while the command waits for the store or gives others their turn, the client hears every now and
    /// then how far it is. Until `endProgress` no line may be left open over a wait.
    func beginProgress(_ tag: Tag, stages: Int) {
        self.endProgress()
        let interval = self.settings.progressInterval
        guard interval > .zero else { return }
        var progress = CommandProgress(tag, stages: stages)
        progress.ticks = self.connection.ticks(every: interval) { [weak self] in
            self?.assumeIsolated { $0.tellProgress() }
        }
        self.progress = progress
    }

    func endProgress() {
        self.progress?.ticks?.stop()
        self.progress = nil
    }

    func beginStage(of total: Int) { self.progress?.begin(of: total) }

    /// Notes that so many messages of the stage are done. `false` once the session shall end: nobody waits for the
    /// answer any more.
    func goesOn(after done: Int) -> Bool {
        self.progress?.count(done)
        return !self.connection.isEnding
    }

    /// Throws once the session shall end: what was found until then is a part, and a part is no answer.
    func checkGoesOn() throws(StoreError) {
        if self.connection.isEnding { throw StoreError(.temporary, "the session ends") }
    }

    /// A search that ends with the session.
    func search(_ mailbox: any Mailbox, _ view: MailboxSnapshot) -> MailboxSearch {
        let connection = self.connection
        return MailboxSearch(mailbox, view, self.options.store.threads) { connection.isEnding }
    }

    private func tellProgress() {
        // Who does not even read the answers so far needs no news.
        guard let progress = self.progress, self.connection.isWritable else { return }
        self.write { $0.untagged(.ok, progress.code, "Still working") }
        self.connection.send()
    }
}
