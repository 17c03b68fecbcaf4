import CLoad
import Glibc

/// The load generator: see `usage`.
@main
struct Load {
    static let usage = """
        usage: Load run [--martletd FILE] [--rounds N] [--scale small|full] [--only NAME,...] [--servers NAME,...]
                        [--seconds N] [--messages N] [--connections N] [--version TEXT] [--work DIR] [--out FILE]
               Load serve --servers NAME [--martletd FILE] [--messages N] [--work DIR]
               Load proof [--martletd FILE] [--work DIR]
               Load table FILE
               Load compare OLD NEW [--threshold PERCENT]

        run      measures Martlet (pack and Maildir) and Dovecot, one after the other, so many rounds
        serve    starts a server with a large mailbox of user\(KnownMailbox.user) to look at, until a line is read
        proof    does all workloads on Martlet once, as short as they can be, and compares nothing
        table    shows what a file of results has, and the targets
        compare  compares two files by their ratios to Dovecot; status 1 when something became slower

        workloads: \(Workload.all.map(\.name).joined(separator: ", "))
        servers:   \(TestServer.Kind.allCases.map(\.rawValue).joined(separator: ", "))
        """

    static func main() {
        // A server that goes away is an error, not the end.
        signal(SIGPIPE, SIG_IGN)
        load_flush_lines()
        do {
            var options = try Options(Array(CommandLine.arguments.dropFirst()))
            switch options.command {
            case "run": try Self.run(&options)
            case "serve": try Self.serve(&options)
            case "proof": try Self.proof(&options)
            case "table":
                let results = try Results(reading: options.argument())
                for line in ResultTable.lines(results) + [""] + ResultTable.targets(results) { print(line) }
            case "compare":
                let (old, new) = (try Results(reading: options.argument()), try Results(reading: options.argument()))
                let threshold = Double(options.value("--threshold") ?? "25") ?? 25
                let report = Comparison.report(old, new, threshold: threshold / 100)
                for line in report.lines { print(line) }
                exit(report.isSlower ? 1 : 0)
            default:
                print(Self.usage)
                exit(64)
            }
        } catch {
            print("FAIL load: \(error)")
            exit(1)
        }
    }

    private static func run(_ options: inout Options) throws {
        let martletd = options.value("--martletd") ?? "martletd"
        let work = try self.work(&options)
        var scale = options.value("--scale") == "full" ? Scale.full : .small
        if let seconds = options.value("--seconds").flatMap({ Double($0) }) { scale.seconds = seconds }
        if let messages = options.value("--messages").flatMap({ Int($0) }) { scale.messages = messages }
        if let connections = options.value("--connections").flatMap({ Int($0) }) { scale.connections = connections }
        let rounds = options.value("--rounds").flatMap { Int($0) } ?? 3
        let version = options.value("--version") ?? "unknown"
        let out = options.value("--out")
        let servers = try options.names("--servers", TestServer.Kind.allCases.map(\.rawValue))
            .compactMap(TestServer.Kind.init)
        let workloads = try options.names("--only", Workload.all.map(\.name))
        try options.finish()
        try self.raiseLimits()
        var results = Results(version: version, scale: scale)
        for group in Workload.groups.map({ $0.filter { workloads.contains($0.name) } }) where !group.isEmpty {
            for round in 1...max(1, rounds) {
                for server in servers {
                    let names = group.map(\.name).joined(separator: ", ")
                    print("\(names), round \(round) of \(rounds): \(server.rawValue)")
                    results.add(try self.measure(group, server, martletd, work, scale), of: server)
                    // What was measured is kept whatever comes.
                    if let out { try results.write(out) }
                }
            }
        }
        print("")
        for line in ResultTable.lines(results) + [""] + ResultTable.targets(results) { print(line) }
    }

    private static func serve(_ options: inout Options) throws {
        let martletd = options.value("--martletd") ?? "martletd"
        let messages = options.value("--messages").flatMap { Int($0) } ?? 100_000
        let work = try self.work(&options)
        guard let kind = try options.names("--servers", []).first.flatMap(TestServer.Kind.init) else {
            throw LoadError("serve needs --servers NAME")
        }
        try options.finish()
        try self.raiseLimits()
        let server = try TestServer(kind, in: work, martletd: martletd, firstPort: 21_430)
        defer { server.stop() }
        try KnownMailbox.load(server, messages)
        print(
            "pid \(server.tree.root) imap \(server.ports.imap) \(TestServer.user(KnownMailbox.user)) \(TestServer.password)"
        )
        _ = readLine()
    }

    private static func proof(_ options: inout Options) throws {
        let martletd = options.value("--martletd") ?? "martletd"
        let work = try self.work(&options)
        try options.finish()
        try Proof.checks()
        print("ok load checks")
        for (number, group) in Workload.groups.enumerated() {
            let kind = number % 2 == 0 ? TestServer.Kind.maildir : .pack
            let figures = try self.measure(group, kind, martletd, work, .proof)
            for figure in figures where figure.cpu < 0 || figure.operations < 1 {
                throw LoadError("\(figure.name) has measured nothing")
            }
            for workload in group { print("ok load \(workload.name)") }
        }
    }

    private static func measure(
        _ group: [Workload], _ kind: TestServer.Kind, _ martletd: String, _ work: String, _ scale: Scale
    ) throws -> [Figure] {
        let server = try TestServer(kind, in: work, martletd: martletd, firstPort: 21_430)
        defer { server.stop() }
        let recorder = Recorder(server, scale)
        for workload in group {
            let before = recorder.figures.count
            do { try workload.run(recorder) } catch {
                throw LoadError("\(kind.rawValue): \(error), see \(server.directory)")
            }
            try check(recorder.figures.count > before, "\(workload.name) has measured nothing")
        }
        return recorder.figures
    }

    private static func work(_ options: inout Options) throws -> String {
        if let work = options.value("--work") { return work }
        var template = Array("/tmp/martlet-load.XXXXXX".utf8CString)
        try check(mkdtemp(&template) != nil, "no temporary directory")
        chmod(template, 0o755)
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// For connections, ours and the servers', and for Dovecot's watches: one for each process.
    private static func raiseLimits() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let path = "/proc/sys/fs/inotify/max_user_instances"
        if (Int(ProcessTree.text(path).prefix { $0.isNumber }) ?? 0) < 8192 { try? Files.write(path, "8192\n") }
    }
}
