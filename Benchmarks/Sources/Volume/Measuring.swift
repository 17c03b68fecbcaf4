import Glibc

/// Time of some operations: what the clock says, and processor time of the whole process.
struct Cost {
    var name: String
    /// Microseconds for one operation.
    var wall: Double
    var cpu: Double

    static func wallNow() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }

    static func cpuNow() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }

    /// The median of each over several rounds of `body`.
    static func measure(
        _ name: String, rounds: Int, _ body: (Int) async throws -> Void
    ) async throws -> Cost {
        var walls: [Double] = []
        var cpus: [Double] = []
        for round in 0..<rounds {
            let (wall, cpu) = (Self.wallNow(), Self.cpuNow())
            try await body(round)
            walls.append(Self.wallNow() - wall)
            cpus.append(Self.cpuNow() - cpu)
        }
        return Cost(name: name, wall: Self.median(walls), cpu: Self.median(cpus))
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}

enum Machine {
    /// KiB of a line of /proc/self/status.
    static func memory(_ field: String) -> Int {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, 256, file) != nil {
            let text = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            guard text.hasPrefix(field + ":") else { continue }
            return Int(text.split { $0 == " " || $0 == "\t" }.dropFirst().first ?? "0") ?? 0
        }
        return 0
    }

    /// Octets on the disk below a path.
    static func octets(_ path: String) -> Int {
        var total = 0
        for name in self.names(path) {
            var status = stat()
            let child = "\(path)/\(name)"
            guard lstat(child, &status) == 0 else { continue }
            total += status.st_mode & S_IFMT == S_IFDIR ? self.octets(child) : Int(status.st_blocks) * 512
        }
        return total
    }

    static func remove(_ path: String) {
        for name in self.names(path) {
            var status = stat()
            let child = "\(path)/\(name)"
            guard lstat(child, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR { self.remove(child) } else { unlink(child) }
        }
        rmdir(path)
    }

    private static func names(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// What was measured.
struct Report {
    var lines: [String] = []
    /// The highest ratio of large to small.
    var worst = 0.0

    /// Below this, in microseconds, a difference is noise.
    private static let noise = 30.0

    mutating func compare(_ title: String, _ small: [Cost], _ large: [Cost]) {
        self.lines.append("")
        self.lines.append("\(title), microseconds            small wall      CPU   large wall      CPU   ratio of CPU")
        for (a, b) in zip(small, large) {
            let ratio = b.cpu / max(a.cpu, 1)
            if b.cpu - a.cpu > Self.noise { self.worst = max(self.worst, ratio) }
            self.lines.append(
                Self.pad(a.name, 34) + Self.number(a.wall, 12) + Self.number(a.cpu, 9) + Self.number(b.wall, 13)
                    + Self.number(b.cpu, 9) + "   \(Double(Int(ratio * 100)) / 100)")
        }
    }

    mutating func note(_ name: String, _ value: String) { self.lines.append(Self.pad(name, 46) + value) }

    var text: String { self.lines.joined(separator: "\n") + "\n" }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private static func number(_ value: Double, _ width: Int) -> String {
        let text = "\(Int(value.rounded()))"
        return String(repeating: " ", count: max(1, width - text.count)) + text
    }
}
