public import MIMECore

/// Where a test file and what it names are read from.
public protocol SieveTestFiles: Sendable {
    /// The content of a file; `nil`: there is none.
    func read(_ path: String) -> [UInt8]?
    /// The time, in the zone of the user.
    var now: MessageDate { get }
    /// Minutes east of Greenwich in that zone, at a time in seconds since 1970.
    func zoneOffsetMinutes(at time: Int64) -> Int
    /// Runs a program that a tested script names; `nil`: there are none here, or this one cannot be run.
    func run(
        _ call: SieveProgramCall, of programs: SieveTestPrograms, input: [UInt8], _ environment: SieveEnvironment
    ) -> (succeeded: Bool, output: [UInt8])?
}

extension SieveTestFiles {
    public func zoneOffsetMinutes(at time: Int64) -> Int { self.now.zoneOffsetMinutes }

    public func run(
        _ call: SieveProgramCall, of programs: SieveTestPrograms, input: [UInt8], _ environment: SieveEnvironment
    ) -> (succeeded: Bool, output: [UInt8])? { nil }
}

/// Where the programs of one extension lie, and how they are run.
public struct SieveTestPrograms: Sendable, Equatable {
    /// Empty: there are none.
    public var directory = ""
    /// For so long one may run.
    public var seconds: Int64 = 10
    public var linesEndInLF = false

    public init() {}
}

/// What became of a test block.
public struct SieveTestBlock: Sendable, Equatable {
    public var name: String
    /// `nil`: it succeeded.
    public var failure: String?
    /// Where it failed.
    public var position: SievePosition?
    /// What stood in the list of errors then.
    public var errors: [String] = []
}

/// What became of a test file.
public struct SieveTestReport: Sendable, Equatable {
    /// In the order in which they ended.
    public var blocks: [SieveTestBlock] = []
    /// Why the file as a whole failed: it does not compile, or failed outside of a block.
    public var failure: String?

    public var failed: Int { self.blocks.count { $0.failure != nil } + (self.failure == nil ? 0 : 1) }
    public var isPassed: Bool { self.failed == 0 }

    /// As the runner prints them: one line a block, and the sum.
    public var lines: [String] {
        var lines: [String] = []
        for (index, block) in self.blocks.enumerated() {
            let number = String(index + 1)
            let padding = String(repeating: " ", count: max(0, 2 - number.utf8.count))
            var line = "\(padding)\(number): Test '\(block.name)' "
            if let failure = block.failure {
                line += failure.isEmpty ? "FAILED" : "FAILED: \(failure)"
            } else {
                line += "SUCCEEDED"
            }
            lines.append(line)
        }
        if let failure = self.failure { lines.append("XX: Test CASE FAILED: \(failure)") }
        lines.append("")
        lines.append(
            self.isPassed
                ? "PASS: \(self.blocks.count) tests succeeded."
                : "FAIL: \(self.failed) of \(self.blocks.count + (self.failure == nil ? 0 : 1)) tests failed.")
        return lines
    }
}

/// Runs files in the test language: Sieve with commands that compile and run other scripts and look at what they do.
public struct SieveTestRunner: Sendable {
    private let files: any SieveTestFiles
    /// Takes what scripts print.
    private let print: @Sendable (String) -> Void

    public init(files: any SieveTestFiles, print: @escaping @Sendable (String) -> Void) {
        self.files = files
        self.print = print
    }

    /// Runs one file. - Parameter path: absolute.
    public func run(_ path: String) -> SieveTestReport {
        var report = SieveTestReport()
        guard let octets = self.files.read(path) else {
            report.failure = "the file cannot be read"
            return report
        }
        let session = TestSession(files: self.files, folder: Self.folder(of: path), print: self.print)
        let compilation = SieveCompiler(registry: .testing, limits: session.settings.limits)
            .compile(
                octets, name: Self.scriptName(of: path), identity: path,
                session: IncludeSession(IncludedTestScripts(session: session)))
        for diagnostic in compilation.diagnostics { self.print("\(path): \(diagnostic)") }
        guard let script = compilation.script else {
            report.failure = "the test script does not compile"
            return report
        }
        guard script.capabilities.contains(SieveExtension.testSuite.capability) else {
            report.failure = "the test script does not require \"vnd.dovecot.testsuite\""
            return report
        }
        var run = SieveRun(script, session.currentMessage, session.environment, session.settings.limits, flags: [])
        do throws(SieveRuntimeError) {
            try run.run()
        } catch {
            if session.fileFailure == nil { session.fileFailure = error.description }
        }
        report.blocks = session.finished
        report.failure = session.fileFailure
        return report
    }

    static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return String(path[..<slash])
    }

    /// The file name without `.sieve` or `.svtest`.
    static func scriptName(of path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        for ending in [".sieve", ".svtest"] where name.hasSuffix(ending) { return String(name.dropLast(ending.count)) }
        return name
    }
}
