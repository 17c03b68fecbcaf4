/// Two results, compared by their ratios to Dovecot: machines differ, and so do hours on one.
enum Comparison {
    struct Change {
        var name: String
        var server: TestServer.Kind
        /// How many times less CPU than Dovecot, before and now.
        var old: Double
        var new: Double
        /// Above 1: slower than before.
        var factor: Double { self.old / self.new }
    }

    static func changes(_ old: Results, _ new: Results) -> [Change] {
        var changes: [Change] = []
        for name in new.names {
            for server in [TestServer.Kind.pack, .maildir] {
                guard let before = old.ratio(name, server, { $0.cpuPerOperation }),
                    let now = new.ratio(name, server, { $0.cpuPerOperation })
                else { continue }
                changes.append(Change(name: name, server: server, old: before, new: now))
            }
        }
        return changes
    }

    /// The text, and whether something is slower by more than `threshold` (0.25: a quarter).
    static func report(_ old: Results, _ new: Results, threshold: Double) -> (lines: [String], isSlower: Bool) {
        let changes = self.changes(old, new)
        var rows = [["workload", "server", "x less before", "x less now", "change", ""]]
        var isSlower = false
        for change in changes {
            let isWorse = change.factor > 1 + threshold
            isSlower = isSlower || isWorse
            let percent = Int(((change.factor - 1) * 100).rounded())
            rows.append([
                change.name, change.server.rawValue, ResultTable.short(change.old, 2), ResultTable.short(change.new, 2),
                "\(percent) %", isWorse ? "SLOWER" : change.factor < 1 / (1 + threshold) ? "faster" : "",
            ])
        }
        var lines = ResultTable.aligned(rows)
        if old.scale.messages != new.scale.messages {
            lines.append("The scales differ: \(old.scale.messages) and \(new.scale.messages) messages.")
        }
        let missing = Set(old.names).subtracting(new.names).sorted()
        if !missing.isEmpty { lines.append("Not measured now: \(missing.joined(separator: ", "))") }
        return (lines, isSlower)
    }
}
