/// PLAIN (RFC 4616): one message `[authzid] NUL authcid NUL passwd`.
public struct PlainExchange: SASLExchange {
    private enum State {
        case start
        case challenged
        case asking
        case over
    }

    private var state = State.start

    public init() {}

    public mutating func received(_ response: [UInt8]?) -> SASLAction {
        switch self.state {
        case .start:
            guard let response else {
                self.state = .challenged
                return .challenge([])
            }
            return self.take(response)
        case .challenged:
            return self.take(response ?? [])
        case .asking, .over:
            self.state = .over
            return .fail(.unexpected)
        }
    }

    public mutating func answered(_ answer: SASLAnswer) -> SASLAction {
        guard case .asking = self.state else {
            self.state = .over
            return .fail(.unexpected)
        }
        self.state = .over
        switch answer {
        case .accepted: return .done(serverData: nil)
        case .refused: return .fail(.refused)
        case .keys: return .fail(.unexpected)
        }
    }

    private mutating func take(_ message: [UInt8]) -> SASLAction {
        guard let credentials = Self.parse(message) else {
            self.state = .over
            return .fail(.malformed)
        }
        self.state = .asking
        return .ask(.password(credentials))
    }

    /// The credentials of a PLAIN message, or `nil` when it breaks the grammar of RFC 4616 section 2.
    ///
    /// Identities have to be UTF-8. The password may hold any octets but NUL: it is compared as octets, and
    /// passwords set in another charset long ago would otherwise stop working.
    public static func parse(_ message: [UInt8]) -> SASLCredentials? {
        guard message.count <= 3 * SASLCredentials.maximumLength + 2 else { return nil }
        let fields = message.split(separator: 0, omittingEmptySubsequences: false)
        guard fields.count == 3, !fields[1].isEmpty, !fields[2].isEmpty else { return nil }
        for field in fields where field.count > SASLCredentials.maximumLength { return nil }
        guard let authorization = String(validating: fields[0], as: UTF8.self),
            let authentication = String(validating: fields[1], as: UTF8.self)
        else { return nil }
        return SASLCredentials(
            authorizationIdentity: authorization.isEmpty ? nil : authorization,
            authenticationIdentity: authentication, password: Array(fields[2]))
    }

    /// The PLAIN message for a user and password; `nil` when one is empty, too long or holds NUL.
    public static func message(
        user: String, password: [UInt8], authorizationIdentity: String? = nil
    ) -> [UInt8]? {
        var message = Array((authorizationIdentity ?? "").utf8)
        message.append(0)
        message.append(contentsOf: user.utf8)
        message.append(0)
        message.append(contentsOf: password)
        return self.parse(message) == nil ? nil : message
    }
}
