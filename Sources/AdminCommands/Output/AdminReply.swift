/// A line of the admin socket as the client reads it.
public enum AdminReply: Sendable, Hashable {
    /// The daemon is there.
    case hello
    case columns([String])
    case row([[UInt8]])
    case problem(String)
    case progress(done: Int, total: Int)
    /// The next piece of input is wanted.
    case wantsInput
    case end(AdminExit, String)

    /// Parses a line given without its LF; `nil` for one of an unknown kind, which is passed over.
    public init?(line: some Sequence<UInt8>) {
        let fields = AdminLine.decode(line)
        func text(_ index: Int) -> String {
            index < fields.count ? String(decoding: fields[index], as: UTF8.self) : ""
        }
        switch text(0) {
        case "V": self = .hello
        case "H": self = .columns(fields.dropFirst().map { String(decoding: $0, as: UTF8.self) })
        case "R": self = .row(Array(fields.dropFirst()))
        case "N": self = .wantsInput
        case "E": self = .problem(text(1))
        case "P":
            guard let done = Int(text(1)), let total = Int(text(2)) else { return nil }
            self = .progress(done: done, total: total)
        case "X":
            self = .end(Int32(text(1)).flatMap(AdminExit.init(rawValue:)) ?? .internalError, text(2))
        default: return nil
        }
    }
}
