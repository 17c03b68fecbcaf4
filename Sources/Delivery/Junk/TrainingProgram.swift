import Glibc
import MailCore
import MailStore

/// One lesson for the junk filter's program. Waits for it: on threads of its own.
struct TrainingProgram {
    private let words: [String]
    private let timeout: Duration
    private let user: String
    private let account: AccountIdentity

    /// The argument that stands for files with messages, one each.
    static let files = "%{files}"
    private static let maximumOutput = 1000

    init(_ options: JunkTrainer.Options, _ lesson: JunkRules.Lesson, user: String, account: AccountIdentity) {
        self.timeout = options.timeout
        self.user = user
        self.account = account
        self.words = options.command(of: lesson).map { word in
            guard word != Self.files else { return word }
            return options.expand(word) { name in
                switch name {
                case "user": user
                case "home": account.home
                default: nil
                }
            }
        }
    }

    static func takesFiles(_ options: JunkTrainer.Options, _ lesson: JunkRules.Lesson) -> Bool {
        options.command(of: lesson).contains(Self.files)
    }

    /// Feeds one message to the program. `.temporary` when it did not end well in time.
    func run(_ message: MessageOctets) throws(StoreError) {
        try message.withUnsafeBytes { (bytes) throws(StoreError) in try self.run(self.words, bytes) }
    }

    /// Gives the program all messages at once, as files that its user may read.
    func run(files messages: [MessageOctets]) throws(StoreError) {
        guard !messages.isEmpty else { return }
        let directory = try self.account.asOwner { () throws(StoreError) in try Self.makeDirectory() }
        var paths: [String] = []
        defer {
            // The directory is the user's: nobody else may remove what is in it, or should follow links there.
            try? self.account.asOwner { () throws(StoreError) in
                for path in paths { unlink(path) }
                rmdir(directory)
            }
        }
        for (index, message) in messages.enumerated() {
            let path = "\(directory)/\(index + 1).eml"
            paths.append(path)
            try self.account.asOwner { () throws(StoreError) in try Self.write(message, to: path) }
        }
        let words = self.words.flatMap { $0 == Self.files ? paths : [$0] }
        try MessageOctets([]).withUnsafeBytes { (bytes) throws(StoreError) in try self.run(words, bytes) }
    }

    private func run(_ words: [String], _ input: UnsafeRawBufferPointer) throws(StoreError) {
        guard let path = words.first else { return }
        let home = self.account.home
        var environment = [ChildProgram.searchPath, "USER=\(self.user)"]
        if !home.isEmpty { environment.append("HOME=\(home)") }
        let ending = try ChildProgram(
            path: path, arguments: Array(words.dropFirst()), environment: environment,
            directory: home.isEmpty ? nil : home, owner: self.account.owner, timeout: self.timeout,
            maximumOutput: Self.maximumOutput
        ).run(ProgramInput(input, .lf))
        guard ending.status == 0 else {
            throw StoreError(.temporary, "\(path): \(ending.text(ending.saying))")
        }
    }

    // MARK: Files

    private static func makeDirectory() throws(StoreError) -> String {
        var template = Array("/tmp/martlet-junk-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw StoreError.ofServer("make a directory below /tmp") }
        return String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func write(_ message: MessageOctets, to path: String) throws(StoreError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError.ofServer("create \(path)") }
        defer { close(descriptor) }
        let text = message.withUnsafeBytes { bytes in
            var lines = ProgramInput(bytes, .lf)
            return lines.next(size: bytes.count + 1)
        }
        var offset = 0
        while offset < text.count {
            let count = text.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StoreError.ofServer("write \(path)") }
            offset += count
        }
    }
}
