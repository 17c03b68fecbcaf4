import MailCore
import MailStore

/// `status`: how the server does, a row for each figure.
///
/// Names and meanings are kept from release to release, for who watches them; Documentation/commands.md has them.
enum StatusCommand {
    static let columns = ["figure", "value"]

    static func run(
        _ context: AdminContext, now: Int64, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        guard let store = context.store as? any StoreUpkeep else { throw AdminError(.usage, "no figures here") }
        let figures: StoreFigures
        do throws(StoreError) { figures = try await store.figures() } catch { throw AdminError(error, "status") }
        var rows: [(String, String)] = [("state", figures.failure ?? (context.sessions == nil ? "closed" : "running"))]
        func add(_ name: String, _ value: some BinaryInteger) { rows.append((name, "\(value)")) }
        func age(_ name: String, _ time: Int64?) {
            rows.append((name, time.map { "\(max(0, now - $0))" } ?? ""))
        }
        if let started = context.started { age("uptime", started) }
        if let sessions = context.sessions?.list() {
            var counts: [String: Int] = ["imap": 0, "pop3": 0, "sieve": 0]
            for session in sessions { counts[session.service, default: 0] += 1 }
            for (service, count) in counts.sorted(by: { $0.key < $1.key }) { add("sessions-\(service)", count) }
            add("users-connected", Set(sessions.map(\.user)).count)
        }
        add("accounts", figures.accounts)
        add("log-octets", figures.logOctets)
        add("log-segments", figures.logSegments)
        add("log-records", figures.lastRecord)
        age("checkpoint-age", figures.checkpointTime)
        add("index-octets", figures.indexOctets)
        add("changes-unflushed", figures.unflushed)
        add("changes-unapplied", figures.unapplied)
        add("queue-mails", figures.outgoing)
        add("queue-octets", figures.outgoingOctets)
        add("free-octets", figures.freeOctets)
        let scrub = store.scrubStatus()
        rows.append(("scrub-state", scrub.isRunning ? "running" : "waiting"))
        age("scrub-age", scrub.finished)
        add("scrub-findings", scrub.findings)
        add("scrub-current-findings", scrub.currentFindings)
        for (name, value) in rows { try await output.row([name, value]) }
        return figures.failure == nil ? .success : .temporary
    }

    /// A row as a line of Prometheus' text format; `nil` for what is no number.
    package static func metric(_ figure: String, _ value: String) -> String? {
        if figure == "state" { return "martlet_up \(value == "running" ? 1 : 0)" }
        guard !value.isEmpty, value.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        if figure.hasPrefix("sessions-") {
            return "martlet_sessions{protocol=\"\(figure.dropFirst("sessions-".count))\"} \(value)"
        }
        var name = figure.split(separator: "-").joined(separator: "_")
        if name == "uptime" || name.hasSuffix("_age") { name += "_seconds" }
        return "martlet_\(name) \(value)"
    }
}

/// What `martlet status --metrics` prints of a row; empty for what is no number.
public func statusMetric(_ figure: String, _ value: String) -> String {
    StatusCommand.metric(figure, value).map { $0 + "\n" } ?? ""
}
