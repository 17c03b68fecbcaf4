/// Results as text.
enum ResultTable {
    /// One line for each workload and server, with the ratios to Dovecot in the same run.
    static func lines(_ results: Results) -> [String] {
        var rows = [
            ["workload", "server", "CPU us/op", "x less", "wall us/op", "x less", "p50 ms", "p99 ms", "KiB", "x less"]
        ]
        for name in results.names {
            for server in TestServer.Kind.allCases {
                guard let line = results.line(name, server) else { continue }
                func ratio(_ value: (Figure) -> Double?) -> String {
                    server == .dovecot ? "" : Self.short(results.ratio(name, server, value), 2)
                }
                // Not measured where it is not what the workload is about.
                let hasTimes = line.rounds.contains { $0.cpu > 0 }
                rows.append([
                    name, server.rawValue, hasTimes ? Self.short(line.median { $0.cpuPerOperation * 1e6 }) : "",
                    hasTimes ? ratio { $0.cpuPerOperation } : "",
                    hasTimes ? Self.short(line.median { $0.secondsPerOperation * 1e6 }) : "",
                    hasTimes ? ratio { $0.secondsPerOperation } : "",
                    Self.short(line.median { $0.p50.map { $0 * 1000 } }),
                    Self.short(line.median { $0.p99.map { $0 * 1000 } }),
                    Self.short(line.median { $0.memory.map { $0 / 1024 } }), ratio { $0.memory },
                ])
            }
        }
        return Self.aligned(rows)
    }

    /// One line for each target, with what was reached.
    static func targets(_ results: Results) -> [String] {
        var rows = [["target", "", "pack wanted", "reached", "", "maildir wanted", "reached", ""]]
        for target in Target.all {
            let pack = target.reached(results, .pack)
            let maildir = target.reached(results, .maildir)
            guard pack != nil || maildir != nil else { continue }
            func mark(_ value: Double?, _ server: TestServer.Kind) -> String {
                value.map { target.isMet($0, server) ? "met" : "MISSED" } ?? ""
            }
            rows.append([
                target.name, target.unit, Self.short(target.pack), Self.short(pack, 2), mark(pack, .pack),
                Self.short(target.maildir), Self.short(maildir, 2), mark(maildir, .maildir),
            ])
        }
        return Self.aligned(rows)
    }

    static func short(_ value: Double?, _ digits: Int = 1) -> String {
        guard let value, value.isFinite else { return "" }
        if abs(value) >= 1000 || (value == value.rounded() && digits == 1) { return String(Int64(value.rounded())) }
        let scale = digits == 1 && value >= 10 ? 10.0 : 100.0
        let scaled = Int64((value * scale).rounded())
        let fraction = String(abs(scaled) % Int64(scale))
        let zeros = String(repeating: "0", count: (scale == 10 ? 1 : 2) - fraction.utf8.count)
        return "\(scaled / Int64(scale)).\(zeros)\(fraction)"
    }

    /// Words to the left, numbers to the right.
    static func aligned(_ rows: [[String]]) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                let isNumber = cell.first.map { $0.isNumber || $0 == "-" } ?? false
                line += (column == 0 ? "" : "  ") + (isNumber ? padding + cell : cell + padding)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
