import MIMECore
import SieveCore

extension Micro {
    /// Scripts compiled, and run over a message.
    static let sieve: [Benchmark] = [
        Benchmark(name: "sieve-compile") { Self.compiler.compile(Self.source, name: "test").script == nil ? 0 : 1 },
        Benchmark(name: "sieve-run") {
            guard let script = Self.script else { return 0 }
            return TestMessage.small.withUnsafeBytes {
                script.run(SieveMessage(Octets($0), limits: SieveLimits()), Self.environment, limits: SieveLimits())
                    .actions.count
            }
        },
    ]

    private static let compiler = SieveCompiler()
    private static let script = compiler.compile(source, name: "test").script
    private static let environment = SieveEnvironment(
        sender: SieveAddress(envelope: "sender@example.org"), recipient: SieveAddress(envelope: "anna@example.com"))

    private static let source = Array(
        """
        require ["fileinto", "imap4flags", "variables"];
        if header :contains "list-id" "swift-users" { fileinto "Lists"; stop; }
        if address :is "from" ["boss@example.org", "zoe@example.org"] { addflag "\\\\Flagged"; }
        if header :matches "subject" "*and *" { set "what" "${2}"; fileinto "Work"; }
        elsif size :over 1M { discard; }

        """.utf8)
}
