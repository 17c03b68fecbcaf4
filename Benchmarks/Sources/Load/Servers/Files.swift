import Glibc

/// What the servers need on the disk.
enum Files {
    static func write(_ path: String, _ text: String) throws {
        guard let file = fopen(path, "w") else { throw LoadError("cannot write \(path)") }
        defer { fclose(file) }
        let octets = Array(text.utf8)
        try check(fwrite(octets, 1, octets.count, file) == octets.count, "cannot write \(path)")
    }

    static func makeDirectory(_ path: String) throws {
        try check(mkdir(path, 0o755) == 0 || errno == EEXIST, "cannot make \(path)")
    }

    static func removeTree(_ path: String) throws {
        guard access(path, F_OK) == 0 else { return }
        try ChildProcess.run(["rm", "-rf", "--", path], output: "/dev/null")
    }
}
