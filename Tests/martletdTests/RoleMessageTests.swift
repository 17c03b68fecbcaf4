import Testing

@testable import martletd

@Suite struct RoleMessageTests {
    static let start: RoleStart = {
        var start = RoleStart()
        start.sockets = [
            RoleStart.Socket(descriptor: 4, service: .imap, name: "imaps", isTLS: true, isProxied: true, family: .inet),
            RoleStart.Socket(
                descriptor: 5, service: .lmtp, name: "lmtp", isTLS: false, isProxied: false, family: .unix),
        ]
        start.ticketSecret = [UInt8](repeating: 7, count: 32)
        start.ticketEpoch = 81_234
        start.configuration = [UInt8]("listen = 127.0.0.1\n".utf8)
        return start
    }()

    static let messages: [RoleMessage] = [.start(start), .reload(start), .stop, .ready]

    @Test func messagesSurviveAnySplit() {
        let stream = Self.messages.flatMap { $0.encode() }
        for split in 0...stream.count {
            var splitter = RoleMessageSplitter()
            var found: [RoleMessage] = []
            for part in [stream[..<split], stream[split...]] {
                splitter.feed(part)
                while case .message(let message) = splitter.next() { found.append(message) }
            }
            #expect(found == Self.messages)
        }
    }

    @Test(
        arguments: [
            [0xFF, 0xFF, 0xFF, 0xFF], [1, 0, 0, 0, 5], [1, 0, 0, 0, 99], [0, 0, 0, 0], [2, 0, 0, 0, 1, 5],
        ] as [[UInt8]])
    func nonsenseIsRefused(_ bytes: [UInt8]) {
        var splitter = RoleMessageSplitter()
        splitter.feed(bytes[...])
        #expect(splitter.next() == .malformed)
    }
}

@Suite struct InvocationTests {
    struct Case: Sendable {
        let arguments: [String]
        let expected: Invocation
    }

    @Test(arguments: [
        Case(arguments: [], expected: .supervise(path: "/etc/martlet/martlet.conf")),
        Case(arguments: ["-F", "-c", "x.conf"], expected: .supervise(path: "x.conf")),
        Case(arguments: ["-c"], expected: .mistake("-c needs a file")),
        Case(arguments: ["--nonsense"], expected: .mistake("unknown argument --nonsense")),
        Case(arguments: ["--version"], expected: .version), Case(arguments: ["--help"], expected: .help),
        Case(arguments: ["--role=auth"], expected: .authRole(nil)),
        Case(arguments: ["--role=auth-worker"], expected: .authWorker),
        Case(arguments: ["--role=cook"], expected: .mistake("unknown role cook")),
    ])
    func argumentsMeanWhatHelpSays(_ test: Case) {
        #expect(Invocation(test.arguments) == test.expected)
    }

    @Test func usersPassThroughTheCommandLine() {
        var user = RoleUser(uid: 8, gid: 12, name: "vmail")
        user.capabilities = .setID
        #expect(Invocation(["--role=mail", "--user=" + user.argument]) == .mailRole(user))
        let plain = RoleUser(uid: 65534, gid: 65534, name: nil)
        #expect(RoleUser(argument: plain.argument[...]) == plain)
        #expect(RoleUser(argument: "8:12") == nil)
        #expect(RoleUser(argument: "-1:12:none:x") == nil)
    }
}
