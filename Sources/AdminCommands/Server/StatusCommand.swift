import MailCore
import MailStore

/// `status`: how the server does, a row for each figure.
///
/// Names and meanings are kept from release to release, for who watches them; Documentation/commands.md has them.
enum StatusCommand {
    static let columns = ["figure", "value"]

    /// Before the name of one of several volumes.
    private static let volumeState = "volume-state:"
    private static let volumeSpace = "volume-free-octets:"

    static func run(
        _ context: AdminContext, now: Int64, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        guard let store = context.store as? any StoreUpkeep else { throw AdminError(.usage, "no figures here") }
        let figures: StoreFigures
        do throws(StoreError) { figures = try await store.figures() } catch { throw AdminError(error, "status") }
        let state = context.sessions == nil ? "closed" : "running"
        var rows: [(String, String)] = [("state", figures.failure ?? state)]
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
        for volume in figures.volumes {
            rows.append(("\(Self.volumeState)\(volume.name)", volume.failure ?? state))
            add("\(Self.volumeSpace)\(volume.name)", volume.freeOctets)
        }
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
        if figure.hasPrefix(Self.volumeState) {
            let name = Self.label(figure.dropFirst(Self.volumeState.count))
            return "martlet_volume_up{volume=\"\(name)\"} \(value == "running" ? 1 : 0)"
        }
        guard !value.isEmpty, value.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        if figure.hasPrefix("sessions-") {
            return "martlet_sessions{protocol=\"\(figure.dropFirst("sessions-".count))\"} \(value)"
        }
        if figure.hasPrefix(Self.volumeSpace) {
            let name = Self.label(figure.dropFirst(Self.volumeSpace.count))
            return "martlet_volume_free_octets{volume=\"\(name)\"} \(value)"
        }
        var name = figure.split(separator: "-").joined(separator: "_")
        if name == "uptime" || name.hasSuffix("_age") { name += "_seconds" }
        return "martlet_\(name) \(value)"
    }
}

extension StatusCommand {
    /// A value of a label as Prometheus reads it.
    private static func label(_ text: Substring) -> String {
        var out = ""
        for character in text {
            if character == "\\" || character == "\"" { out.append("\\") }
            out.append(character)
        }
        return out
    }
}

/// What `martlet status --metrics` prints of a row; empty for what is no number.
public func statusMetric(_ figure: String, _ value: String) -> String {
    StatusCommand.metric(figure, value).map { $0 + "\n" } ?? ""
}
