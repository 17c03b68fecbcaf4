@testable import Authentication
import MailCore
import SASLCore

nonisolated(unsafe) private let target = FuzzCase.chosen(among: [
    FuzzCase("authline", fuzzAuthLine), FuzzCase("passwdfile", fuzzPasswdFile), FuzzCase("password", fuzzPassword),
    FuzzCase("token", fuzzToken),
])

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAuth(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    target.run(FuzzInput(data, size))
    return 0
}

/// Lines of the auth protocol: cut anywhere they are the same lines, and fields of any octets survive. What is a request
/// or a user's record stays one.
private func fuzzAuthLine(_ input: FuzzInput) {
    var input = input
    let (first, second) = input.halves()
    let all = first + second
    let whole = lines([all])
    same(lines([first, second]), whole, "lines in two pieces")
    same(lines(all.map { [$0] }), whole, "lines octet by octet")
    for line in whole {
        let parsed = AuthLine(line)
        var writer = AuthLineWriter()
        writer.begin("")
        for field in parsed.fields { writer.field(field) }
        writer.end()
        let written = writer.take()
        need(written.last == 0x0A && !written.dropLast().contains { $0 == 0x0A || $0 == 0x0D || $0 == 0 })
        same(Array(AuthLine(written.dropLast()).fields.dropFirst()), parsed.fields, "fields")
        let parameters = parsed.parameters(from: 1)
        need(parameters.count < parsed.fields.count || parameters.isEmpty)
        let request = AuthenticationRequest(parameters)
        need(request.remoteAddress.map { !$0.isEmpty } ?? true)
        _ = parsed.number(1)
        if let name = parsed.text(2) { _ = SASLMechanismName(name) }
        var record = AuthLineWriter()
        record.begin("USER")
        record.fields(parameters)
        record.end()
        let again = AuthLine(record.take().dropLast()).parameters(from: 1)
        for (key, value) in parameters where !key.isEmpty && !key.contains("=") {
            same(again[key], value, "the field \(key)")
        }
    }
}

private func lines(_ pieces: [[UInt8]]) -> [[UInt8]] {
    var splitter = AuthLineSplitter()
    var out: [[UInt8]] = []
    for piece in pieces {
        guard splitter.feed(piece, { out.append(Array($0)) }) else { break }
    }
    return out
}

/// passwd-files: each user once, each line found again by its user.
private func fuzzPasswdFile(_ input: FuzzInput) {
    let table = PasswdFileTable(input.octets)
    need(Set(table.users).count == table.users.count)
    for user in table.users.prefix(20) {
        guard let line = table[user: user] else { fail("a user without a line") }
        for (key, value) in line.fields { need(!key.isEmpty && !value.contains(" ")) }
    }
    need(table.duplicates.allSatisfy { table[user: $0] != nil })
}

/// Stored passwords: any text is one or says why not; the quick schemes also compare, and what they make they accept.
private func fuzzPassword(_ input: FuzzInput) {
    var input = input
    let password = input.field()
    let text = String(decoding: input.octets, as: UTF8.self)
    guard let stored = try? StoredPassword(text, defaultScheme: .plain) else { return }
    if !stored.scheme.isSlow { _ = stored.verify(password) }
    if case .plain = stored.scheme, text.utf8.first != UInt8(ascii: "{") {
        need(stored.verify(Array(text.utf8)) == .match)
    }
}
