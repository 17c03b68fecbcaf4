import MIMECore
import SieveCore

/// Compiles any octets as a script and runs what compiles over a message: no trap, no run beyond its limits, and
/// the same answer twice. Octets behind a NUL are the message; without one a fixed message is taken.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSieve(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: data, count: data == nil ? 0 : size))
    var source = input
    var message = Array("From: =?utf-8?q?=C3=A4?= <a@b.example>\r\nTo: g: c@d, <@r:e@f>;\r\nSubject: *a?b\\\r\n\r\nx".utf8)
    if let end = input.firstIndex(of: 0) {
        source = Array(input[..<end])
        message = Array(input[(end + 1)...])
    }
    var limits = SieveLimits()
    limits.steps = 1_000_000
    let compiler = SieveCompiler(limits: limits)
    let compilation = compiler.compile(source, name: "fuzz")
    precondition((compilation.script == nil) == (compilation.errorCount > 0))
    precondition(compilation.errorCount == 0 || !compilation.diagnostics.isEmpty)
    for diagnostic in compilation.diagnostics {
        precondition(diagnostic.position.line >= 1 && diagnostic.position.column >= 1)
    }
    let again = compiler.compile(source, name: "fuzz")
    precondition(again.diagnostics == compilation.diagnostics)
    guard let script = compilation.script, let second = again.script else { return 0 }
    let environment = SieveEnvironment(
        sender: SieveAddress(envelope: "s@example.com"), recipient: SieveAddress(envelope: "r@example.org"))
    message.withUnsafeBytes { bytes in
        let view = SieveMessage(Octets(bytes), limits: limits)
        let result = script.run(view, environment, limits: limits)
        let repeated = second.run(view, environment, limits: limits)
        precondition(result.actions == repeated.actions && result.error == repeated.error)
        precondition(result.editedMessages == repeated.editedMessages && result.flags == repeated.flags)
        precondition(result.actions.count <= limits.actions)
        precondition(result.error == nil || (result.actions.isEmpty && result.keepsImplicitly))
        precondition(!result.actions.isEmpty || result.keepsImplicitly)
    }
    return 0
}
