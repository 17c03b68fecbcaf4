import Glibc

/// What was measured: of each workload and server the figures of all rounds.
struct Results: Sendable {
    struct Line: Sendable {
        var name: String
        var server: TestServer.Kind
        var rounds: [Figure]

        /// The middle one of the rounds.
        func median(_ value: (Figure) -> Double?) -> Double? {
            let values = self.rounds.compactMap(value).sorted()
            return values.isEmpty ? nil : values[values.count / 2]
        }
    }

    /// Of Martlet.
    var version: String
    var machine: String
    var scale: Scale
    var lines: [Line] = []

    init(version: String, scale: Scale) {
        self.version = version
        self.scale = scale
        let model = ProcessTree.text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
        let name = model.flatMap { $0.split(separator: ":").last }.map { $0.drop { $0 == " " } } ?? "unknown processor"
        self.machine = "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) x \(name)"
    }

    mutating func add(_ figures: [Figure], of server: TestServer.Kind) {
        for figure in figures {
            if let index = self.lines.firstIndex(where: { $0.name == figure.name && $0.server == server }) {
                self.lines[index].rounds.append(figure)
            } else {
                self.lines.append(Line(name: figure.name, server: server, rounds: [figure]))
            }
        }
    }

    /// Workloads in the order in which they were done.
    var names: [String] {
        var names: [String] = []
        for line in self.lines where !names.contains(line.name) { names.append(line.name) }
        return names
    }

    func line(_ name: String, _ server: TestServer.Kind) -> Line? {
        self.lines.first { $0.name == name && $0.server == server }
    }

    /// How many times less Martlet takes than Dovecot of something, in the same run.
    func ratio(_ name: String, _ server: TestServer.Kind, _ value: (Figure) -> Double?) -> Double? {
        guard let ours = self.line(name, server)?.median(value), let theirs = self.line(name, .dovecot)?.median(value),
            ours > 0, theirs > 0
        else { return nil }
        return theirs / ours
    }

    // MARK: The file

    func write(_ path: String) throws { try Files.write(path, self.json.encode() + "\n") }

    private var json: JSON {
        .object([
            ("version", .text(self.version)), ("machine", .text(self.machine)),
            ("seconds", .number(self.scale.seconds)), ("messages", .number(Double(self.scale.messages))),
            ("connections", .number(Double(self.scale.connections))),
            (
                "figures",
                .list(
                    self.lines.map { line in
                        .object([
                            ("name", .text(line.name)), ("server", .text(line.server.rawValue)),
                            ("rounds", .list(line.rounds.map(Self.json))),
                        ])
                    })
            ),
        ])
    }

    private static func json(_ figure: Figure) -> JSON {
        let optional = [("p50", figure.p50), ("p99", figure.p99), ("memory", figure.memory)]
        return .object(
            [
                ("operations", .number(Double(figure.operations))), ("seconds", .number(figure.seconds)),
                ("cpu", .number(figure.cpu)),
            ] + optional.compactMap { name, value in value.map { (name, .number($0)) } })
    }

    init(reading path: String) throws {
        let text = ProcessTree.text(path)
        try check(!text.isEmpty, "cannot read \(path)")
        let json = try JSON(parsing: text)
        self.version = json["version"]?.text ?? "unknown"
        self.machine = json["machine"]?.text ?? "unknown"
        self.scale = Scale(
            seconds: json["seconds"]?.number ?? 0, messages: Int(json["messages"]?.number ?? 0),
            connections: Int(json["connections"]?.number ?? 0))
        for line in json["figures"]?.list ?? [] {
            guard let name = line["name"]?.text, let server = line["server"]?.text.flatMap(TestServer.Kind.init) else {
                throw LoadError("\(path): a figure without name or server")
            }
            let rounds = (line["rounds"]?.list ?? []).map { round in
                Figure(
                    name: name, operations: Int(round["operations"]?.number ?? 0),
                    seconds: round["seconds"]?.number ?? 0, cpu: round["cpu"]?.number ?? 0, p50: round["p50"]?.number,
                    p99: round["p99"]?.number, memory: round["memory"]?.number)
            }
            self.lines.append(Line(name: name, server: server, rounds: rounds))
        }
    }
}
