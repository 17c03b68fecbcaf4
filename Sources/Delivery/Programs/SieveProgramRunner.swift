import Glibc
public import MailStore
public import SieveCore

/// Runs the programs that scripts name: only those of the configured directories, as the user whose script it is,
/// and not for long.
///
/// Waits for the program: call it on a thread that does nothing else.
public struct SieveProgramRunner: Sendable {
    public let options: SieveProgramOptions

    public init(_ options: SieveProgramOptions) { self.options = options }

    /// What came of a program that ran to its end.
    public struct Outcome: Sendable {
        /// Whether its exit status was 0.
        public var succeeded: Bool
        public var output: [UInt8]
        /// What to tell of a failure; empty when it succeeded.
        public var complaint: String
    }

    /// Feeds `input`, in the form of messages, to the program. `.notFound` when there is none of that name;
    /// `.noPermission` for one that must not be run; `.temporary` when it could not be started, took too long or was
    /// interrupted.
    public func run(
        _ call: SieveProgramCall, _ input: UnsafeRawBufferPointer, for context: SieveProgramContext,
        until interruption: ScriptInterruption = ScriptInterruption()
    ) throws(StoreError) -> Outcome {
        let place = self.options.place(call.kind)
        guard Self.isName(call.program) else {
            throw StoreError(.notFound, "\"\(call.program)\" is no name of a program")
        }
        let maximum = self.options.maximumOutput
        let feed = ProgramInput(input, place.inputLineEnd)
        let ending: ChildProgram.Ending
        if let socket = Self.socket(call.program, in: place.socketDirectory) {
            ending = try ScriptService(
                path: socket, arguments: call.arguments, environment: context.environment, timeout: place.timeout,
                maximumOutput: maximum
            ).run(feed, until: interruption)
        } else {
            let path = try self.program(call.program, in: place.binDirectory)
            ending = try ChildProgram(
                path: path, arguments: call.arguments.map { String(decoding: $0, as: UTF8.self) },
                environment: context.environment, directory: context.home, owner: context.owner,
                timeout: place.timeout, maximumOutput: maximum
            ).run(feed, until: interruption)
        }
        if ending.isCut, call.kind == .filter {
            throw StoreError(.tooBig, "the program \(call.program) printed more than \(maximum) octets")
        }
        let succeeded = ending.status == 0
        return Outcome(
            succeeded: succeeded, output: ending.output,
            complaint: succeeded ? "" : ending.text(ending.complaint))
    }

    // MARK: Which program

    /// A plain name: no directories, nothing hidden, nothing that looks like an option.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 128 && name.utf8.first != UInt8(ascii: ".")
            && name.utf8.allSatisfy { $0 > 0x1F && $0 != 0x7F && $0 != UInt8(ascii: "/") }
    }

    private static func socket(_ name: String, in directory: String) -> String? {
        guard !directory.isEmpty else { return nil }
        let path = directory + "/" + name
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        return path
    }

    /// The file itself, links resolved: it must lie below the directory, and nobody but its owner's side may write it.
    private func program(_ name: String, in directory: String) throws(StoreError) -> String {
        guard !directory.isEmpty, let root = Self.resolved(directory), root != "/",
            let path = Self.resolved(directory + "/" + name)
        else { throw StoreError(.notFound, "there is no program \(name)") }
        guard path.hasPrefix(root + "/") else {
            throw StoreError(.noPermission, "the program \(name) leads out of \(directory), to \(path)")
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(.notFound, "the program \(path) is no regular file")
        }
        guard status.st_mode & S_IWOTH == 0 else {
            throw StoreError(.noPermission, "everybody may write the program \(path); chmod o-w it")
        }
        return path
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
