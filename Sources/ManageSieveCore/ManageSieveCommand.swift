/// A client's command (RFC 5804 section 2).
public enum ManageSieveCommand: Equatable, Sendable {
    case authenticate(mechanism: String, initialResponse: [UInt8]?)
    case startTLS
    case logout
    case capability
    case haveSpace(name: [UInt8], size: UInt64)
    case putScript(name: [UInt8], content: [UInt8])
    case listScripts
    /// An empty name: no script is active any more.
    case setActive(name: [UInt8])
    case getScript(name: [UInt8])
    case deleteScript(name: [UInt8])
    case renameScript(name: [UInt8], to: [UInt8])
    case checkScript(content: [UInt8])
    case noop(tag: [UInt8]?)
    case unauthenticate

    /// What is wrong with a command, for its sender.
    public struct Problem: Error, Equatable, Sendable { public var text: String }

    public init(name: String, arguments: [ManageSieveScanner.Argument]) throws(Problem) {
        func fail(_ text: String) -> Problem { Problem(text: text) }
        func strings(_ count: ClosedRange<Int>) throws(Problem) -> [[UInt8]] {
            guard count.contains(arguments.count) else {
                throw fail(
                    count.upperBound == 0
                        ? "\(name) takes no argument"
                        : "\(name) takes \(count.lowerBound == count.upperBound ? "" : "up to ")\(count.upperBound) strings"
                )
            }
            var list: [[UInt8]] = []
            for argument in arguments {
                guard case .string(let text) = argument else { throw fail("\(name) takes strings, not numbers") }
                list.append(text)
            }
            return list
        }
        switch name {
        case "AUTHENTICATE":
            let list = try strings(1...2)
            self = .authenticate(
                mechanism: String(decoding: list[0], as: UTF8.self), initialResponse: list.count > 1 ? list[1] : nil)
        case "STARTTLS":
            _ = try strings(0...0)
            self = .startTLS
        case "LOGOUT":
            _ = try strings(0...0)
            self = .logout
        case "CAPABILITY":
            _ = try strings(0...0)
            self = .capability
        case "HAVESPACE":
            guard arguments.count == 2, case .string(let script) = arguments[0], case .number(let size) = arguments[1]
            else { throw fail("HAVESPACE takes a name and a number") }
            self = .haveSpace(name: script, size: size)
        case "PUTSCRIPT":
            let list = try strings(2...2)
            self = .putScript(name: list[0], content: list[1])
        case "LISTSCRIPTS":
            _ = try strings(0...0)
            self = .listScripts
        case "SETACTIVE": self = .setActive(name: try strings(1...1)[0])
        case "GETSCRIPT": self = .getScript(name: try strings(1...1)[0])
        case "DELETESCRIPT": self = .deleteScript(name: try strings(1...1)[0])
        case "RENAMESCRIPT":
            let list = try strings(2...2)
            self = .renameScript(name: list[0], to: list[1])
        case "CHECKSCRIPT": self = .checkScript(content: try strings(1...1)[0])
        case "NOOP": self = .noop(tag: try strings(0...1).first)
        case "UNAUTHENTICATE":
            _ = try strings(0...0)
            self = .unauthenticate
        default: throw fail("unknown command \(name)")
        }
    }
}
