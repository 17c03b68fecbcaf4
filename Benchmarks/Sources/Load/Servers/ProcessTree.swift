import Glibc

/// What a server's processes use: the one that was started, and all that descend from it.
struct ProcessTree: Sendable {
    let root: pid_t

    private struct Process {
        var pid: pid_t
        var parent: pid_t
        /// Seconds of its own.
        var own: Double
        /// Seconds of children that have ended.
        var ended: Double
    }

    /// CPU seconds so far, children that have ended included.
    func cpuSeconds() -> Double {
        self.members().reduce(0) { $0 + $1.own + $1.ended }
    }

    /// Proportional set size in octets: what is shared between processes counts once.
    func memory() -> UInt64 { self.sum("Pss:") }

    /// Of those, the octets that are not pages of files.
    func anonymousMemory() -> UInt64 { self.sum("Pss_Anon:") }

    private func sum(_ name: String) -> UInt64 {
        var total: UInt64 = 0
        for process in self.members() {
            let text = Self.text("/proc/\(process.pid)/smaps_rollup")
            for line in text.split(separator: "\n") where line.hasPrefix(name) {
                let words = line.split(separator: " ")
                if words.count > 1 { total += UInt64(words[1]) ?? 0 }
            }
        }
        return total * 1024
    }

    /// Waits until they have nothing left to do, at most ten seconds: what a server puts off counts too, and must not be
    /// taken for what is measured next. One that waits for the disk has something left to do when that answers.
    func settle() {
        var last = self.cpuSeconds()
        var quiet = 0
        for _ in 0..<100 {
            pause(milliseconds: 100)
            let now = self.cpuSeconds()
            quiet = now - last < 0.005 && !self.isWaitingForDisk ? quiet + 1 : 0
            if quiet >= 4 { return }
            last = now
        }
    }

    /// Whether a thread is in what the kernel calls uninterruptible sleep.
    private var isWaitingForDisk: Bool {
        self.members().contains { process in
            Self.numbers(in: "/proc/\(process.pid)/task").contains { thread in
                let text = Self.text("/proc/\(process.pid)/task/\(thread)/stat")
                guard let end = text.lastIndex(of: ")") else { return false }
                return text[end...].dropFirst(2).first == "D"
            }
        }
    }

    private func members() -> [Process] {
        var all: [pid_t: Process] = [:]
        for pid in Self.numbers(in: "/proc") { all[pid] = Self.process(pid) }
        return all.values.filter { process in
            var pid = process.pid
            for _ in 0..<64 {
                if pid == self.root { return true }
                guard let next = all[pid]?.parent, next > 1 else { return false }
                pid = next
            }
            return false
        }
    }

    private static func process(_ pid: pid_t) -> Process? {
        let text = self.text("/proc/\(pid)/stat")
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 14, let parent = pid_t(fields[1]) else { return nil }
        let tick = 1 / Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        func seconds(_ first: Int) -> Double {
            Double((UInt64(fields[first]) ?? 0) + (UInt64(fields[first + 1]) ?? 0)) * tick
        }
        // The threads' own clocks are finer than ticks, but forget threads that have ended.
        return Process(pid: pid, parent: parent, own: max(seconds(11), self.threadSeconds(pid)), ended: seconds(13))
    }

    private static func threadSeconds(_ pid: pid_t) -> Double {
        var total: UInt64 = 0
        for thread in self.numbers(in: "/proc/\(pid)/task") {
            let text = self.text("/proc/\(pid)/task/\(thread)/schedstat")
            total += text.split(separator: " ").first.flatMap { UInt64($0) } ?? 0
        }
        return Double(total) / 1e9
    }

    private static func numbers(in path: String) -> [pid_t] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var numbers: [pid_t] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = pid_t(name) { numbers.append(number) }
        }
        return numbers
    }

    static func text(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count <= 0 { break }
            octets.append(contentsOf: buffer[..<count])
        }
        return String(decoding: octets, as: UTF8.self)
    }
}
