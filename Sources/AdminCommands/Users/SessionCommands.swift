import MailCore

/// `who` and `kick`.
enum SessionCommands {
    private struct Key: Hashable {
        var user: String
        var service: String
    }

    static func who(
        _ mask: String?, _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        let sessions = try Self.sessions(context).list()
        let wanted = mask.map { Mask($0) }
        var counts: [Key: (connections: Int, addresses: Set<String>)] = [:]
        for session in sessions where wanted.map({ $0.matches(session.user) }) ?? true {
            let key = Key(user: session.user, service: session.service)
            counts[key, default: (0, [])].connections += 1
            counts[key, default: (0, [])].addresses.insert(session.remoteAddress)
        }
        try await output.columns(["username", "#", "proto", "ips"])
        for (key, count) in counts.sorted(by: { ($0.key.user, $0.key.service) < ($1.key.user, $1.key.service) }) {
            let addresses = count.addresses.sorted().joined(separator: " ")
            try await output.row([key.user, String(count.connections), key.service, addresses])
        }
        return .success
    }

    static func kick(
        _ mask: String, _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        let wanted = Mask(mask)
        let count = try Self.sessions(context).kick { wanted.matches($0.user) }
        guard count > 0 else { throw AdminError(.notFound, "no sessions of \(mask)") }
        try await output.columns(["kicked"])
        try await output.row([String(count)])
        return .success
    }

    private static func sessions(_ context: AdminContext) throws(AdminError) -> any AdminSessions {
        guard let sessions = context.sessions else {
            throw AdminError(.unavailable, "the daemon is not running, so nobody is connected")
        }
        return sessions
    }
}
