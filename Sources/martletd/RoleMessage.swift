import MailCore

/// What supervisor and roles tell each other over the role's control socket.
enum RoleMessage: Equatable {
    /// To a role, first: its sockets, ticket secret and configuration.
    case start(RoleStart)
    /// To a role: a new configuration; sockets stay.
    case reload(RoleStart)
    /// To a role: end, letting sessions say goodbye.
    case stop
    /// From a role: it serves.
    case ready

    /// The largest message in octets: configurations hold certificates and password-free keys, not more.
    static let maximumLength = 64 << 20

    /// A 4-octet length of what follows, a kind, a body.
    func encode() -> [UInt8] {
        var body: [UInt8] = []
        switch self {
        case .start(let start): body = [1] + start.encode()
        case .reload(let start): body = [2] + start.encode()
        case .stop: body = [3]
        case .ready: body = [4]
        }
        var out: [UInt8] = []
        out.appendLittleEndian(UInt32(clamping: body.count))
        return out + body
    }

    /// A message from its kind and body; `nil` for what this release does not send.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard let kind = bytes.first else { return nil }
        switch kind {
        case 1, 2:
            guard let start = RoleStart([UInt8](bytes.dropFirst())) else { return nil }
            self = kind == 1 ? .start(start) : .reload(start)
        case 3: self = .stop
        case 4: self = .ready
        default: return nil
        }
    }
}

/// Cuts a stream into messages.
struct RoleMessageSplitter {
    private var bytes: [UInt8] = []

    mutating func feed(_ more: ArraySlice<UInt8>) { self.bytes.append(contentsOf: more) }

    enum Step: Equatable {
        case message(RoleMessage)
        case needMore
        case malformed
    }

    mutating func next() -> Step {
        guard self.bytes.count >= 4 else { return .needMore }
        let length = (0..<4).reduce(0) { $0 | Int(self.bytes[$1]) << (8 * $1) }
        guard length <= RoleMessage.maximumLength else { return .malformed }
        guard self.bytes.count >= 4 + length else { return .needMore }
        guard let message = RoleMessage(self.bytes[4..<4 + length]) else { return .malformed }
        self.bytes.removeFirst(4 + length)
        return .message(message)
    }
}

/// What a role needs from the supervisor: everything it could not open or read itself.
struct RoleStart: Equatable {
    /// A listening socket in the role's descriptor table.
    struct Socket: Equatable {
        enum Service: String {
            case imap, pop3, lmtp
            /// ManageSieve.
            case sieve
            /// SASL for MTAs.
            case auth
            /// The mail role's way to the auth role.
            case authMail
            /// `martlet`'s way to the mail role.
            case admin
            /// An MTA's question whether a mailbox takes mail.
            case quotaStatus = "quota-status"
            /// Mail from programs of this machine: `martlet deliver`.
            case deliver
            /// Redirected mail from the mail role to the submit role.
            case submit
        }

        enum Family: UInt8 {
            case inet = 1
            case unix = 2
        }

        var descriptor: CInt
        var service: Service
        var name: String
        var isTLS: Bool
        var isProxied: Bool
        var family: Family
    }

    var sockets: [Socket] = []
    var ticketSecret: [UInt8] = []
    var ticketEpoch: Int64 = 0
    /// As `Configuration.serialize()` wrote it.
    var configuration: [UInt8] = []

    func encode() -> [UInt8] {
        var out: [UInt8] = []
        out.appendVarint(UInt64(self.sockets.count))
        for socket in self.sockets {
            out.appendVarint(UInt64(UInt32(bitPattern: socket.descriptor)))
            out.appendText(socket.service.rawValue)
            out.appendText(socket.name)
            out.append(socket.isTLS ? 1 : 0)
            out.append(socket.isProxied ? 1 : 0)
            out.append(socket.family.rawValue)
        }
        out.appendVarint(UInt64(self.ticketSecret.count))
        out.append(contentsOf: self.ticketSecret)
        out.appendLittleEndian(self.ticketEpoch)
        out.append(contentsOf: self.configuration)
        return out
    }

    init() {}

    init?(_ bytes: [UInt8]) {
        let parsed = bytes.withUnsafeBytes { Self.parse($0) }
        guard let parsed else { return nil }
        self = parsed
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> RoleStart? {
        var reader = ByteReader(bytes)
        var start = RoleStart()
        guard let count = reader.readVarint(), count < 4096 else { return nil }
        for _ in 0..<count {
            guard let descriptor = reader.readVarint(), descriptor <= 65535,
                let service = reader.readText().flatMap({ Socket.Service(rawValue: $0) }),
                let name = reader.readText(), let isTLS = reader.readLittleEndian(UInt8.self),
                let isProxied = reader.readLittleEndian(UInt8.self),
                let family = reader.readLittleEndian(UInt8.self).flatMap({ Socket.Family(rawValue: $0) })
            else { return nil }
            start.sockets.append(
                Socket(
                    descriptor: CInt(descriptor), service: service, name: name, isTLS: isTLS == 1,
                    isProxied: isProxied == 1, family: family))
        }
        guard let length = reader.readVarint(), length <= 64, let secret = reader.readBytes(Int(length)),
            let epoch = reader.readLittleEndian(Int64.self),
            let configuration = reader.readBytes(reader.remaining)
        else { return nil }
        start.ticketSecret = [UInt8](secret)
        start.ticketEpoch = epoch
        start.configuration = [UInt8](configuration)
        return start
    }
}
