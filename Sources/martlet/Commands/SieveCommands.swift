import AdminCommands
import ArgumentParser
import Delivery
import Glibc
import Logging
import MIMECore
import ServerConfig
import SieveCore
import Wiring

struct SieveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sieve", abstract: "Works on users' Sieve scripts; checks, tries and tests script files.",
        subcommands: [
            List.self, Get.self, Put.self, Activate.self, Deactivate.self, Delete.self, Rename.self, Filter.self,
            SieveCheckCommand.self, SieveRunCommand.self, SieveTestCommand.self,
        ])
}

/// Files as commands read them.
private struct ScriptFiles: SieveTestFiles, SieveScriptSource {
    /// Where scripts come from that a script includes.
    var folder = "."

    func read(_ path: String) -> [UInt8]? {
        InputFile.read(path)
    }

    var now: MessageDate {
        let seconds = Int64(time(nil))
        return MessageDate(secondsSince1970: seconds, zoneOffsetMinutes: self.zoneOffsetMinutes(at: seconds))
    }

    func zoneOffsetMinutes(at time: Int64) -> Int {
        var seconds = time_t(time)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return 0 }
        return parts.tm_gmtoff / 60
    }

    func source(of name: SieveScriptName) -> [UInt8]? {
        self.read("\(self.folder)/\(name.name).sieve")
    }

    static func absolute(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    static func folder(of path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? "."
    }

    /// Compiles a script and prints what is wrong with it; `nil` when there are errors.
    ///
    /// - Parameter configuration: the file that says what delivery knows; without it that is what it knows by default.
    static func compile(_ path: String, configuration: String? = nil) throws -> SieveScript? {
        let files = ScriptFiles(folder: self.folder(of: path))
        guard let octets = files.read(path) else {
            throw AdminError(.data, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        let compilation = SieveCompiler().compile(octets, name: path, included: files)
        for diagnostic in compilation.diagnostics {
            Terminal.complain(diagnostic.line(of: path))
        }
        if compilation.script != nil { Self.warnOfDelivery(octets, path, files, configuration) }
        let hidden = compilation.errorCount - compilation.diagnostics.count { $0.severity == .error }
        if hidden > 0 { Terminal.complain("\(path): \(hidden) more errors") }
        return compilation.script
    }
}

extension ScriptFiles {
    /// Says of a script that is right what delivery would refuse it for.
    private static func warnOfDelivery(
        _ octets: [UInt8], _ path: String, _ files: ScriptFiles, _ configuration: String?
    ) {
        let settings = configuration.flatMap { Configuration.load(path: $0).configuration?.settings(for: .lmtp) }
        let options = SieveOptions(settings ?? Settings(), Logger(label: "sieve") { _ in SwiftLogNoOpLogHandler() })
        let delivery = SieveCompiler(registry: options.registry)
        let refused = delivery.compile(octets, name: path, included: files).diagnostics.filter { $0.severity == .error }
        let extensions = refused.filter { $0.text.hasPrefix("this server has no extension") }
        for diagnostic in extensions.isEmpty ? Array(refused.prefix(1)) : extensions {
            Terminal.complain(
                "\(path):\(diagnostic.position.line):\(diagnostic.position.column): warning: refused at delivery: \(diagnostic.text)"
            )
        }
    }
}

extension ScriptFiles {
    /// Programs of test scripts: as whoever runs the tests, in the settings' directory.
    func run(
        _ call: SieveProgramCall, of programs: SieveTestPrograms, input: [UInt8], _ environment: SieveEnvironment
    ) -> (succeeded: Bool, output: [UInt8])? {
        var place = SieveProgramOptions.Place()
        place.binDirectory = programs.directory
        place.timeout = .seconds(programs.seconds)
        place.inputLineEnd = programs.linesEndInLF ? .lf : .crlf
        var options = SieveProgramOptions()
        (options.pipe, options.filter, options.execute) = (place, place, place)
        var context = SieveProgramContext(user: environment.policy.username ?? "tester", home: programs.directory)
        context.sender = environment.sender?.quoted
        context.recipient = environment.recipient?.quoted
        context.originalRecipient = environment.originalRecipient?.quoted
        let outcome = input.withUnsafeBytes { bytes in
            try? SieveProgramRunner(options).run(call, bytes, for: context)
        }
        return outcome.map { ($0.succeeded, $0.output) }
    }
}

struct SieveCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Compiles scripts and tells every mistake with its line.",
        discussion: "Files, or with -u or -A scripts of users: those named, or all that they have.")
    @OptionGroup var global: GlobalOptions
    @Option(name: .customShort("u"), help: "Checks scripts of this user; * and ? as elsewhere.") var user: String?
    @Flag(name: .customShort("A"), help: "Checks scripts of all users.") var all = false
    @Argument(help: "Script files, or with -u or -A names of scripts.") var files: [String] = []

    func validate() throws {
        guard !self.files.isEmpty || self.user != nil || self.all else {
            throw ValidationError("Which scripts? Name files, or give -u NAME or -A.")
        }
    }

    func run() async throws {
        if self.user != nil || self.all {
            let users = self.all ? ["-A"] : ["-u", self.user ?? ""]
            return try await AdminRunner(self.global).run(["sieve", "check"] + users + ["--"] + self.files)
        }
        var isFine = true
        for file in self.files where try ScriptFiles.compile(file, configuration: self.global.configuration) == nil {
            isFine = false
        }
        guard isFine else { throw ExitCode(AdminExit.data.rawValue) }
    }
}

struct SieveRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Shows what a script would do with a message, and does none of it.",
        discussion: "Each test is shown with what it compared, then the actions that were decided.")
    @Argument(help: "The script file.") var script: String
    @Argument(help: "The message file.") var message: String
    @Option(name: .customShort("f"), help: "The envelope sender; <> is the null sender.")
    var sender = "sender@example.com"
    @Option(name: .customShort("r"), help: "The envelope recipient.") var recipient = "recipient@example.com"

    func run() throws {
        guard let script = try ScriptFiles.compile(self.script) else { throw ExitCode(AdminExit.data.rawValue) }
        let files = ScriptFiles(folder: ScriptFiles.folder(of: self.script))
        guard let octets = files.read(self.message) else {
            throw AdminError(.data, "cannot read \(self.message): \(String(cString: strerror(errno)))")
        }
        var environment = SieveEnvironment(
            sender: SieveAddress(envelope: self.sender == "<>" ? "" : self.sender),
            recipient: SieveAddress(envelope: self.recipient))
        environment.now = files.now
        environment.zone = { files.zoneOffsetMinutes(at: $0) }
        let words = SourceWords(files.read(self.script) ?? [])
        let name = script.name
        environment.trace = { print(Self.text($0, $0.script == name ? words : nil)) }
        let result = octets.withUnsafeBytes { bytes in
            script.run(SieveMessage(Octets(bytes)), environment, limits: SieveLimits())
        }
        print("")
        if let error = result.error { print("\(error.script): \(error)") }
        for action in result.actions { print("action: \(action.kind.summary)  (line \(action.position.line))") }
        if result.keepsImplicitly {
            let flags = result.flags.isEmpty ? "" : " with flags \(result.flags.joined(separator: " "))"
            print("action: keep (implicit)\(flags)")
        }
        if result.error != nil { throw ExitCode(AdminExit.data.rawValue) }
    }

    private static func text(_ trace: SieveTrace, _ words: SourceWords?) -> String {
        switch trace.event {
        case .test(let comparisons, let result):
            let name = words?.word(at: trace.position) ?? "test"
            var text = "line \(trace.position.line): \(name) is \(result)"
            for comparison in comparisons {
                text += "\n    found \(Self.list(comparison.values)), looked for \(Self.list(comparison.keys))"
            }
            return text
        case .action(let kind): return "line \(trace.position.line): \(kind.summary)"
        }
    }

    private static func list(_ texts: [[UInt8]]) -> String {
        if texts.isEmpty { return "nothing" }
        return texts.prefix(10).map { text in
            let shown = String(decoding: text.prefix(200), as: UTF8.self).unicodeScalars.map {
                $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0)
            }
            return "\"\(String(shown))\""
        }.joined(separator: ", ") + (texts.count > 10 ? ", ..." : "")
    }
}

/// The words of a script by their places: traces tell no names.
private struct SourceWords: Sendable {
    private let lines: [[Character]]

    init(_ source: [UInt8]) {
        self.lines = String(decoding: source, as: UTF8.self).split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline
        ).map { Array($0) }
    }

    func word(at position: SievePosition) -> String? {
        guard position.line >= 1, position.line <= self.lines.count, position.column >= 1 else { return nil }
        let word = self.lines[position.line - 1].dropFirst(position.column - 1).prefix { $0.isLetter || $0 == "_" }
        return word.isEmpty ? nil : String(word)
    }
}

struct SieveTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Runs test scripts (*.svtest): Sieve that tests Sieve.")
    @Flag(name: .customShort("v"), help: "Also shows what scripts print.") var verbose = false
    @Argument(parsing: .allUnrecognized, help: "Test files.") var files: [String] = []

    func run() throws {
        // 1 says that a test failed, so wrong use is neither that nor what it is elsewhere.
        guard !self.files.isEmpty, !self.files.contains(where: { $0.hasPrefix("-") }) else {
            Terminal.complain("usage: martlet sieve test [-v] FILE...")
            throw ExitCode(2)
        }
        let isVerbose = self.verbose
        var isPassed = true
        for file in self.files {
            let runner = SieveTestRunner(files: ScriptFiles()) { text in
                if isVerbose || text.contains(": error: ") { print(text) }
            }
            if self.files.count > 1 { print("\(file):") }
            let report = runner.run(ScriptFiles.absolute(file))
            for line in report.lines { print(line) }
            for block in report.blocks { Self.complain(of: block, in: file) }
            if !report.isPassed { isPassed = false }
        }
        guard isPassed else { throw ExitCode(1) }
    }

    /// Says where a block failed, and what the scripts that it tried had to say.
    private static func complain(of block: SieveTestBlock, in file: String) {
        guard let failure = block.failure, let position = block.position else { return }
        let reason = failure.isEmpty ? "failed" : "failed: \(failure)"
        Terminal.complain("\(file):\(position.line): test '\(block.name)' \(reason)")
        for error in block.errors.prefix(20) { Terminal.complain("    error: \(error)") }
    }
}
