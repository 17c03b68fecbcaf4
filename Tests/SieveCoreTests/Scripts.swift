import MIMECore
import Testing

@testable import SieveCore

/// Text with CRLF line ends.
func crlf(_ text: String) -> [UInt8] {
    var out: [UInt8] = []
    for byte in text.utf8 {
        if byte == 0x0A, out.last != 0x0D { out.append(0x0D) }
        out.append(byte)
    }
    return out
}

/// The two messages of RFC 5228 section 1.2.
enum Messages {
    static let a = crlf(
        """
        Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)
        From: coyote@desert.example.org
        To: roadrunner@acme.example.com
        Subject: I have a present for you

        Look, I'm sorry about the whole anvil thing, and I really
        didn't mean to try and drop it on you from the top of the
        cliff.

        """)
    static let b = crlf(
        """
        From: youcouldberich!@reply-by-postal-mail.invalid
        Sender: b1ff@de.res.example.com
        To: rube@landru.example.com
        Date:  Mon, 31 Mar 1997 18:26:10 -0800
        Subject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$

        YOU MAY HAVE ALREADY WON TEN MILLION DOLLARS, BUT I DOUBT
        IT!

        """)
}

/// The diagnostics of a script, one line each.
func complaints(_ source: String, limits: SieveLimits = SieveLimits()) -> [String] {
    complaints(Array(source.utf8), limits: limits)
}

func complaints(_ source: [UInt8], limits: SieveLimits = SieveLimits()) -> [String] {
    SieveCompiler(limits: limits).compile(source, name: "test").diagnostics.map(\.description)
}

/// Runs a script that must compile.
func run(
    _ source: String, _ message: [UInt8] = Messages.a, sender: String = "sender@example.com",
    recipient: String = "user@example.org", limits: SieveLimits = SieveLimits()
) throws -> SieveResult {
    let compilation = SieveCompiler(limits: limits).compile(Array(source.utf8), name: "test")
    let script = try #require(compilation.script, "\(compilation.diagnostics)")
    let environment = SieveEnvironment(
        sender: SieveAddress(envelope: sender), recipient: SieveAddress(envelope: recipient))
    return message.withUnsafeBytes {
        script.run(SieveMessage(Octets($0), limits: limits), environment, limits: limits)
    }
}

/// What a script does, in short: `keep`, `fileinto X`, `redirect x@y`, `discard`, `implicit keep`, `error: ...`.
func decisions(
    _ source: String, _ message: [UInt8] = Messages.a, sender: String = "sender@example.com",
    recipient: String = "user@example.org", limits: SieveLimits = SieveLimits()
) throws -> [String] {
    let result = try run(source, message, sender: sender, recipient: recipient, limits: limits)
    var out = result.actions.map { describe($0.kind) }
    if let error = result.error { out.append("error: \(error.text)") }
    if result.keepsImplicitly { out.append("implicit keep") }
    return out
}

/// An action in short.
func describe(_ kind: SieveAction.Kind) -> String {
    func flags(_ flags: [String]) -> String { flags.isEmpty ? "" : " (\(flags.joined(separator: " ")))" }
    switch kind {
    case .keep(let list): return "keep" + flags(list)
    case .fileInto(let place):
        return "fileinto \(place.mailbox)" + (place.creates ? " :create" : "") + flags(place.flags)
    case .redirect(let address): return "redirect \(address)"
    case .discard: return "discard"
    case .reject(let reason, let extended): return (extended ? "ereject " : "reject ") + reason
    case .vacation(let vacation): return "vacation \(String(decoding: vacation.reason, as: UTF8.self))"
    case .notify(let notification): return "notify \(String(decoding: notification.method, as: UTF8.self))"
    case .report(let report): return "report \(report.address)"
    case .pipe(let call): return "pipe \(call.program)"
    }
}

/// Whether a test is true of a message.
func holds(
    _ test: String, _ message: [UInt8] = Messages.a, require: String = "",
    sender: String = "sender@example.com",
    recipient: String = "user@example.org"
) throws -> Bool {
    let source = (require.isEmpty ? "" : "require \(require);\n") + "if \(test) { discard; }"
    return try decisions(source, message, sender: sender, recipient: recipient) == ["discard"]
}
