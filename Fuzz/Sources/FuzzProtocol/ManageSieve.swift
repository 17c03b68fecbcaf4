import MailCore
import ManageSieveCore

/// ManageSieve: a command that is whole stays the same whatever comes behind it, and never before; strings that are
/// written are read again.
func fuzzManageSieve(_ input: FuzzInput) {
    let all = input.octets
    let limit = 1 << 12
    var rest = all[...]
    scanning: while true {
        let outcome = ManageSieveScanner.scan(Array(rest).span, maximumLiteral: limit)
        switch outcome {
        case .needMore, .hopeless: break scanning
        case .command(let name, let arguments, let consumed):
            need(consumed > 0 && consumed <= rest.count)
            // The same alone, and not a whole command one octet earlier.
            same(scan(rest.prefix(consumed), limit), outcome, "a command alone")
            if case .command = scan(rest.prefix(consumed - 1), limit) { fail("whole too early") }
            checkAgain(name, arguments, limit)
            do throws(ManageSieveCommand.Problem) {
                _ = try ManageSieveCommand(name: name, arguments: arguments)
            } catch {
                var out: [UInt8] = []
                ManageSieveResponse(.no, nil, error.text).encode(into: &out)
                need(out.suffix(2) == [0x0D, 0x0A])
            }
            rest = rest.dropFirst(consumed)
        case .bad(let text, let consumed):
            need(consumed > 0 && consumed <= rest.count && !text.isEmpty)
            rest = rest.dropFirst(consumed)
        case .tooLarge(let octets, let consumed):
            need(octets > UInt64(limit) && consumed > 0 && consumed <= rest.count)
            rest = rest.dropFirst(consumed)
        }
    }
    if all.count <= 1024 {
        var line = Array("PUTSCRIPT ".utf8)
        ManageSieveString.encode(all, into: &line)
        line += [0x0D, 0x0A]
        guard case .command(_, let arguments, line.count) = scan(line[...], limit) else {
            fail("a string was written that cannot be read")
        }
        same(arguments, [.string(all)], "a string")
    }
    var out: [UInt8] = []
    ManageSieveResponse(.ok, .tag(all), String(decoding: all, as: UTF8.self)).encode(into: &out)
    need(out.suffix(2) == [0x0D, 0x0A])
}

private func scan(_ input: ArraySlice<UInt8>, _ limit: Int) -> ManageSieveScanner.Outcome {
    ManageSieveScanner.scan(Array(input).span, maximumLiteral: limit)
}

private func checkAgain(_ name: String, _ arguments: [ManageSieveScanner.Argument], _ limit: Int) {
    var line = Array(name.utf8)
    for argument in arguments {
        line.append(0x20)
        switch argument {
        case .string(let text): ManageSieveString.encode(text, into: &line)
        case .number(let number): line += String(number).utf8
        }
    }
    line += [0x0D, 0x0A]
    same(
        scan(line[...], limit), .command(name: name, arguments: arguments, consumed: line.count), "written again")
}
