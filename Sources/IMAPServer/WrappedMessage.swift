/// Takes `UTF8 (` and `)` off a message of APPEND.
///
/// Python's imaplib, once it has enabled UTF8=ACCEPT, puts the words that belong before the literal (RFC 6855 section
/// 4) into it. No message begins like that: a field's name has no space.
struct WrappedMessage {
    private static let head = Array("UTF8 (".utf8)

    /// Octets of the literal still to come.
    private var remaining: UInt64
    /// What has come of the head, while nothing else has.
    private var held: [UInt8] = []
    private var state: State

    private enum State {
        case unknown, wrapped, plain
    }

    /// - Parameter size: octets of the literal; 0 for a message that is not to be looked at.
    init(size: UInt64) {
        self.remaining = size
        self.state = size > UInt64(Self.head.count) ? .unknown : .plain
    }

    /// Passes on what belongs to the message.
    mutating func take(_ octets: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var rest = octets[...]
        if case .unknown = self.state {
            while case .unknown = self.state, let byte = rest.first {
                guard byte == Self.head[self.held.count] else {
                    self.state = .plain
                    self.held.withUnsafeBytes { body($0) }
                    break
                }
                self.held.append(byte)
                rest = rest.dropFirst()
                if self.held.count == Self.head.count { self.state = .wrapped }
            }
        }
        self.remaining -= min(self.remaining, UInt64(octets.count))
        guard !rest.isEmpty else { return }
        if case .wrapped = self.state, self.remaining == 0, rest.last == UInt8(ascii: ")") { rest = rest.dropLast() }
        body(UnsafeRawBufferPointer(rebasing: rest))
    }
}
