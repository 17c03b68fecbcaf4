import Delivery
import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// Messages that are filtered before their results are told.
    private static let filterBatch = 50

    /// FILTER and UID FILTER (FILTER=SIEVE, draft-bosch-imap-filter-sieve). The script is looked at before the search.
    func filter(_ tag: Tag, _ command: FilterCommand) async throws(ConnectionError) {
        guard let filter = self.options.filter, let account = self.account, let user = self.user,
            let selected = self.selected
        else { return self.bad(tag, "FILTER is switched off") }
        guard self.mayNameCharset(tag, command.search) else { return }
        let expunges = ExpungeTelling(command.search)
        guard !selected.isReadOnly else { return try await self.refuseReadOnly(tag, expunges) }
        guard let script = MailFilter.Script(command.script) else {
            return try await self.refuse(tag, .nonExistent, "There is no such script", expunges)
        }
        let prepared: MailFilter.Prepared
        switch await filter.prepare(script, user: user, account: account, home: self.home, self.options.store) {
        case .success(let ready): prepared = ready
        case .failure(.noSuchScript):
            return try await self.refuse(tag, .nonExistent, "There is no such script", expunges)
        case .failure(.script(let errors)):
            self.write { $0.filter(tag, .errors(errors)) }
            return try await self.refuse(tag, nil, "The script has errors", expunges)
        case .failure(.store(let error)): return try await self.refuse(tag, error, expunges)
        }
        self.beginProgress(tag, stages: 2)
        guard let found = try await self.find(tag, command.search) else { return }
        if !prepared.warnings.isEmpty {
            let text = Self.lines(prepared.warnings)
            self.write { $0.filter(tag, .warnings(text)) }
        }
        self.beginStage(of: found.places.count)
        var start = 0
        while start < found.places.count {
            let places = found.places[start..<min(found.places.count, start + Self.filterBatch)]
            start += places.count
            let reports: [MailFilter.Report]
            do throws(StoreError) {
                let interruption = ScriptInterruption()
                let uids = places.map { found.view[$0].uid }
                let (store, home, session) = (self.options.store, self.home, self.connection.sessionID)
                reports = try await self.connection.watchingEnd({ interruption.interrupt() }) {
                    () async throws(StoreError) -> [MailFilter.Report] in
                    try await filter.run(
                        prepared, user: user, home: home, account: account, session: session, uids,
                        in: selected.mailbox, store, until: interruption)
                }
            } catch {
                return try await self.refuse(tag, error, expunges)
            }
            // Numbers must stay those of the view in which the search was.
            try await self.tellChanges(.forbidden, .event)
            self.tell(reports, tag, command.search.numbering)
            try await self.connection.flushIfLarge()
            guard self.goesOn(after: start) else { break }
        }
        try await self.finish(tag, nil, "Filter completed", expunges)
    }

    private func tell(_ reports: [MailFilter.Report], _ tag: Tag, _ numbering: MessageNumbering) {
        guard let view = self.selected?.view else { return }
        for report in reports {
            guard let index = view.index(of: report.uid) else { continue }
            let result: FilterReport
            if !report.errors.isEmpty {
                result = .errors(Self.lines(report.errors))
            } else if !report.warnings.isEmpty {
                result = .warnings(Self.lines(report.warnings))
            } else if report.hasChanged {
                result = .ok
            } else {
                continue
            }
            let number = self.usesUIDsOnly ? nil : SequenceNumber(index: index)
            self.write { $0.filtered(tag, number, numbering == .uid ? report.uid : nil, result) }
        }
    }

    private static func lines(_ texts: [String]) -> String { texts.map { $0 + "\r\n" }.joined() }
}

extension MailFilter.Script {
    /// `nil` when the name is no UTF-8.
    fileprivate init?(_ script: FilterCommand.Script) {
        switch script {
        case .delivery: self = .delivery
        case .personal(let name):
            guard let name = String(validating: name, as: UTF8.self) else { return nil }
            self = .personal(name)
        case .global(let name):
            guard let name = String(validating: name, as: UTF8.self) else { return nil }
            self = .global(name)
        case .source(let octets): self = .source(octets)
        }
    }
}
